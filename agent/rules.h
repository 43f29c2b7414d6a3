#ifndef RULES_H_
#define RULES_H_

/*
 * rules - what one key may be used for, and where.
 *
 * Layer:   agent.  No clock, no crypto: the caller says what time it is.
 * Memory:  copies what it keeps of a request, in ordinary memory.
 * Source:  docs/PROTOCOL.md "Rules of a key".
 *
 * What is signed is a login (a userauth request for that very key, or, without
 * destinations, for a certificate of it), an SSHSIG
 * with its namespace, or something else.  Where purposes were given they say
 * which of these it may be, and destinations are about logins alone.  Where
 * only destinations were given, nothing but logins is signed, as in OpenSSH.
 * Without either it is logins and the namespace git in service mode, and
 * anything in ssh-agent mode.  A key with peers is not there at all for others;
 * for a peer with admin, which could load it anew, it always is.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/binding.h"
#include "agent/peer.h"
#include "agent/policy.h"
#include "agent/reason.h"
#include "base/status.h"
#include "base/text.h"
#include "proto/constraint.h"
#include "proto/signdata.h"
#include "proto/wire.h"

struct rules {
	uint8_t		*bytes;		/* of the two that follow */
	struct slice	 destinations, purposes;
	bool		 service;	/* what goes without purposes */
	bool		 unbound;
	bool		 counted;	/* only `left` more signatures */
	uint32_t	 left;
	uint32_t	 rate_n, rate_s;
	int64_t		*recent;	/* when the last rate_n were made, ms */
	uint32_t	 next;		/* the oldest of them */
	struct policy_peer *peers;	/* who may see it */
	size_t		 n_peers;	/* 0: everybody */
	bool		 open;		/* listed everywhere, to everybody */
};

/* Where a request came from, and when. */
struct rules_place {
	const struct bindings	*binds;
	const struct peer	*peer;
	int64_t			 now_ms;	/* monotonic */
	int64_t			 wall_s;	/* seconds since 1970 */
};

/**
 * rules_init(r, c, service), rules_fini(r):
 * Those that the constraints of an add make; names of peers are looked up.
 *
 * Errors: ST_NOT_FOUND  a peer that does not exist
 *         ST_NOMEM
 */
int rules_init(struct rules *r, const struct constraints *c, bool service)
    MUST_USE;
void rules_fini(struct rules *r);

/**
 * rules_unknown_peer(c, t):
 * Say which peer of these constraints does not exist, after ST_NOT_FOUND.
 */
void rules_unknown_peer(const struct constraints *c, struct text *t);

/**
 * rules_size(r):
 * Bytes of memory that they take.
 */
size_t rules_size(const struct rules *r);

/**
 * rules_for_peer(r, peer):
 * Whether the key is there for a peer, wherever it is bound to.
 */
bool rules_for_peer(const struct rules *r, const struct peer *peer);

/**
 * rules_visible(r, at, why), rules_listed(r, at):
 * Whether the key is there at all for a connection; and whether it belongs in
 * a list for it: in service mode, one that could not log in where the
 * connection is bound to does not.
 *
 * Errors: ST_DENIED  *${why} says why
 */
int rules_visible(const struct rules *r, const struct rules_place *at,
    enum reason *why) MUST_USE;
bool rules_listed(const struct rules *r, const struct rules_place *at);

/**
 * rules_sign(r, at, d, blob, why):
 * Whether the key with the public ${blob} may sign what was classified as
 * ${d}.  Does not look at how often.
 *
 * Errors: ST_DENIED  *${why} says why
 */
int rules_sign(const struct rules *r, const struct rules_place *at,
    const struct signdata *d, struct slice blob, enum reason *why) MUST_USE;

/**
 * rules_spend(r, now_ms, why):
 * Count one signature, which is about to be made.
 *
 * Errors: ST_DENIED  there were too many, or too many lately; nothing counted
 */
int rules_spend(struct rules *r, int64_t now_ms, enum reason *why) MUST_USE;

#endif /* !RULES_H_ */
