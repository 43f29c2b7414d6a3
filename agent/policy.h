#ifndef POLICY_H_
#define POLICY_H_

/*
 * policy - which peer may do what.
 *
 * Layer:   agent.  A table; names are resolved when a rule is added.
 *
 * A rule is one line, PEER=OPS: PEER is a user's name or number, or @ and a
 * group's name or number; OPS is a list, separated by commas, of list, sign,
 * add, remove, lock, admin, or the word none.  admin includes all the others.
 * What a peer may do is everything that the rules which name it allow.  root
 * and the agent's own uid have admin, unless a rule names that very user.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/unixsock.h"

/* Operations, as a set of bits. */
#define POLICY_LIST	0x01u	/* see public keys */
#define POLICY_SIGN	0x02u
#define POLICY_ADD	0x04u
#define POLICY_REMOVE	0x08u
#define POLICY_LOCK	0x10u	/* lock and unlock */
#define POLICY_ADMIN	0x20u	/* load and status; includes all others */
#define POLICY_ALL	0x3fu

/* Most rules, which are bits of a number, and the longest one, in bytes with
 * its NUL. */
#define POLICY_RULES_MAX	64
#define POLICY_RULE_MAX		320

enum policy_who {
	POLICY_USER,
	POLICY_GROUP,
};

struct policy_rule {
	enum policy_who	 who;
	unsigned	 id;		/* uid or gid */
	unsigned	 ops;
	unsigned	 line;		/* of the policy file; 0: an option */
	char		 text[POLICY_RULE_MAX];	/* as it was given */
};

struct policy {
	uid_t		 self;		/* whose agent this is */
	size_t		 n;
	struct policy_rule rules[POLICY_RULES_MAX];
};

/**
 * policy_init(p, self):
 * ssh-agent's own rule: root and ${self}, and nobody else.
 */
void policy_init(struct policy *p, uid_t self);

/**
 * policy_add(p, text, why, whylen):
 * Add the rule ${text}.
 *
 * Errors: ST_MALFORMED  not a rule, or a user or group that does not exist;
 *                       ${why} names it and what would be right
 *         ST_FULL       more than POLICY_RULES_MAX
 */
int policy_add(struct policy *p, const char *text, char *why, size_t whylen)
    MUST_USE;

/**
 * policy_ops(p, peer):
 * Everything that ${peer} may do; 0 when no rule names it.
 */
unsigned policy_ops(const struct policy *p, const struct unixsock_peer *peer);

/**
 * policy_match(p, peer):
 * The rules that name ${peer} and so decide what it may: bit i for rules[i].
 * None for root and the agent's own uid when policy_ops() does not look at
 * rules for them.
 */
uint64_t policy_match(const struct policy *p,
    const struct unixsock_peer *peer);

/**
 * policy_deciding(p, rules, op, out, cap):
 * Which of ${rules}, a result of policy_match(), decided about ${op}: the
 * first one that allows it, else all of them; "built in" when there are none.
 * Escaped, and cut to fit.
 */
void policy_deciding(const struct policy *p, uint64_t rules, unsigned op,
    char *out, size_t cap);

/* A user or a group by itself, as the rules of a key have them. */
struct policy_peer {
	enum policy_who	 who;
	unsigned	 id;
};

/**
 * policy_peer_parse(name, out, why, whylen):
 * Decode PEER.
 *
 * Errors: ST_MALFORMED  as policy_add()
 */
int policy_peer_parse(const char *name, struct policy_peer *out, char *why,
    size_t whylen) MUST_USE;

/**
 * policy_ops_name(ops, out):
 * "list,sign" and the like; "none" for 0.
 */
#define POLICY_OPS_NAME_MAX	48
void policy_ops_name(unsigned ops, char out[static POLICY_OPS_NAME_MAX]);

#endif /* !POLICY_H_ */
