#ifndef MODEL_H_
#define MODEL_H_

/*
 * model - what docs/PROTOCOL.md says of keys and connections, once more.
 *
 * For fuzz targets, which compare it with the agent.  It is written from the
 * documents and shares nothing with agent/ and proto/, not even a header: keys,
 * hosts, users and peers are small numbers, there are no bytes, and it may be
 * as slow as it likes.  Who plays it says what the numbers are in bytes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The world.
 */

/* Who can be at the other end: three hosts with plain keys, two CAs with
 * theirs, and certificates of the first host. */
enum {
	MODEL_HOSTS = 3,
	MODEL_CAS = 2,
	MODEL_PLAIN = MODEL_HOSTS + MODEL_CAS,
	MODEL_CERTS = 6,
	MODEL_ENDS = MODEL_PLAIN + MODEL_CERTS,
	MODEL_NAMES = 4,
	MODEL_USERS = 4,
};

/* Names that a pair can have for a host, patterns for a user, and users. */
extern const char *const model_names[MODEL_NAMES];
extern const char *const model_patterns[MODEL_USERS];
extern const char *const model_users[MODEL_USERS];

/* Certificates are in date from the one until before the other. */
#define MODEL_AFTER	1000
#define MODEL_BEFORE	1100

struct model_cert {
	unsigned	 ca;
	bool		 for_host;	/* else for a user */
	const char	*principals;	/* with commas between them */
	const char	*critical;	/* name of an option; "": none */
	bool		 good[MODEL_NAMES];	/* for which of the names */
};

extern const struct model_cert model_certs[MODEL_CERTS];

enum { MODEL_PEERS = 4, MODEL_POLICIES = 5 };

struct model_peer {
	unsigned	 uid, gid, group;	/* 0: no other group */
};

extern const struct model_peer model_peers[MODEL_PEERS];

#define MODEL_LIST	1u
#define MODEL_SIGN	2u
#define MODEL_ADD	4u
#define MODEL_REMOVE	8u
#define MODEL_LOCK	16u
#define MODEL_ADMIN	32u
#define MODEL_ALL	63u

/* The rules, and what each peer may do by them. */
struct model_policy {
	const char	*rules[5];	/* up to the first NULL */
	unsigned	 ops[MODEL_PEERS];
};

extern const struct model_policy model_policies[MODEL_POLICIES];

/**
 * model_rule(policy, peer, op):
 * The first of its rules by which that peer may do it, by the name of that; NULL:
 * it is one who may do all without a rule.
 */
const char *model_rule(unsigned policy, unsigned peer, const char *op);

/*
 * The rules of a key.
 */

/* One end is a byte: bits 0 to 2 a key, from MODEL_HOSTS on a CA's, bits 3 and
 * 4 a name, bits 5 to 7 one more key, counted from 1, where they are not 0 or
 * too much; as the beginning, 7 and 6 are here. */
struct model_pair {
	uint8_t	 from, to, user;	/* user: pattern */
};

#define MODEL_HOP_KEYS_MAX	2

bool model_hop_is_here(uint8_t hop);
size_t model_hop_keys(uint8_t hop, unsigned keys[static MODEL_HOP_KEYS_MAX]);
unsigned model_hop_name(uint8_t hop);

#define MODEL_PAIRS_MAX	5
#define MODEL_BINDS_MAX	16

struct model_bind {
	uint8_t	 host, session;
	bool	 forwarding;
};

/* What a connection said of where it leads. */
struct model_path {
	size_t	 n;
	struct model_bind at[MODEL_BINDS_MAX];
	bool	 tried, gap;
};

/* How a bind ends. */
enum model_bound {
	MODEL_BOUND,		/* recorded, or it was there */
	MODEL_BIND_REFUSED,
	MODEL_BIND_FULL,	/* refused, and a gap */
};

/**
 * model_bind(p, b):
 * One more bind, whose signature was good.
 */
enum model_bound model_bind(struct model_path *p, const struct model_bind *b);

/* A login that is to be signed. */
struct model_login {
	uint8_t	 user, session;
	uint8_t	 hostkey;	/* MODEL_ENDS: none in it */
};

/**
 * model_seen(pairs, n, p, wall), model_logs_in(pairs, n, p, l, wall),
 * model_as_user(pairs, n, user):
 * What destinations say; ${wall} is in seconds.
 */
bool model_seen(const struct model_pair *pairs, size_t n,
    const struct model_path *p, int64_t wall);
bool model_logs_in(const struct model_pair *pairs, size_t n,
    const struct model_path *p, const struct model_login *l, int64_t wall);
bool model_as_user(const struct model_pair *pairs, size_t n, uint8_t user);

/* Purposes, namespaces of SSHSIG, and sets of peers. */
enum {
	MODEL_NS_GIT,
	MODEL_NS_FILE,
	MODEL_NS_AUTH,		/* a namespace, not the purpose */
	MODEL_NS_ANY,		/* likewise */
	MODEL_NS_LONGER,	/* than one that is a purpose */
	MODEL_NS_SHORTER,
	MODEL_NAMESPACES,
	MODEL_PURPOSE_SETS = 8,
	MODEL_PEER_SETS = 4,
};

struct model_purposes {
	const char	*list;	/* with commas; "": no such constraint */
	bool		 login, other, ns[MODEL_NAMESPACES];
};

struct model_peer_set {
	const char	*list;
	bool		 has[MODEL_PEERS];
};

extern const struct model_purposes model_purposes[MODEL_PURPOSE_SETS];
extern const struct model_peer_set model_peer_sets[MODEL_PEER_SETS];
extern const char *const model_namespaces[MODEL_NAMESPACES];

#define MODEL_NEVER	INT64_MAX
#define MODEL_TIMES_MAX	16

/* A key that the agent holds. */
struct model_key {
	unsigned	 key;		/* a number of the player's */
	unsigned	 comment;	/* likewise */
	unsigned	 serial;	/* of the add: no two have the same */
	unsigned	 load;		/* 0: none, or one without a name */
	bool		 confirm, unbound;
	int64_t		 expires_ms;
	unsigned	 purposes, peers;	/* sets; 0: none */
	size_t		 n_pairs;
	struct model_pair pairs[MODEL_PAIRS_MAX];
	bool		 counted;
	uint32_t	 left;
	uint32_t	 rate_n, rate_s;	/* 0: none */
	size_t		 n_times;	/* of its signatures, the last ones */
	int64_t		 times[MODEL_TIMES_MAX];
	uint32_t	 signatures;
};

#define MODEL_KEYS_MAX	8

/* In the order of their coming. */
struct model_keys {
	size_t		 n;
	struct model_key at[MODEL_KEYS_MAX];
};

struct model_key *model_find(struct model_keys *set, unsigned key);
void model_drop(struct model_keys *set, struct model_key *k);
void model_put(struct model_keys *set, const struct model_key *k);

/* From where, when, and in which mode. */
struct model_place {
	bool			 service, far_allowed;
	const struct model_path	*path;
	unsigned		 peer, ops;
	int64_t			 now_ms, wall;
};

/**
 * model_untold(at):
 * Whether a far host may be at the other end, which is not told the status.
 */
bool model_untold(const struct model_place *at);

/**
 * model_far(at):
 * Whether a far host may be at the other end, and that matters.
 */
bool model_far(const struct model_place *at);

/**
 * model_for_peer(k, at), model_visible(k, at), model_listed(k, at):
 */
bool model_for_peer(const struct model_key *k, const struct model_place *at);
bool model_visible(const struct model_key *k, const struct model_place *at);
bool model_listed(const struct model_key *k, const struct model_place *at);

/* What is to be signed. */
enum model_kind {
	MODEL_LOGIN,
	MODEL_SSHSIG,
	MODEL_OTHER,
};

struct model_data {
	enum model_kind	 kind;
	struct model_login login;
	bool		 own;		/* the login is with this very key */
	bool		 own_cert;	/* or with a certificate of it */
	unsigned	 ns;		/* SSHSIG */
};

/**
 * model_may_sign(k, at, d):
 * Whether the rules allow it, without looking at how often.
 */
bool model_may_sign(const struct model_key *k, const struct model_place *at,
    const struct model_data *d);

/**
 * model_spend(k, now_ms):
 * Count a signature, or say that there were too many.
 */
bool model_spend(struct model_key *k, int64_t now_ms);

#endif /* !MODEL_H_ */
