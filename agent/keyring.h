#ifndef KEYRING_H_
#define KEYRING_H_

/*
 * keyring - the identities that an agent holds, in the order of their coming.
 *
 * Layer:   agent.  No clock: the caller says what time it is.
 * Memory:  identities belong to the ring once they were put.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/key.h"
#include "agent/rules.h"
#include "base/status.h"
#include "proto/constraint.h"
#include "proto/extension.h"
#include "proto/wire.h"

/* Most bytes of rules of all identities together. */
#define KEYRING_RULES_MAX	(8 * 1024 * 1024)

/* An identity that does not expire. */
#define KEYRING_NEVER	INT64_MAX

struct identity {
	struct key	*key;
	uint8_t		*comment;	/* bytes as they came, not NUL-ended */
	size_t		 comment_len;
	int64_t		 expires_ms;	/* monotonic, or KEYRING_NEVER */
	bool		 confirm;
	struct rules	 rules;
	/* The named load that it came with; empty: none. */
	char		 load[LOAD_NAME_MAX + 1];
	uint64_t	 signatures;	/* made with it since it was put */
	uint64_t	 refusals;	/* signatures refused */
	int64_t		 used_ms;	/* the last signature, monotonic; with
					 * signatures only */
	uint64_t	 hash;		/* of the blob; the ring's */
	size_t		 list_at;	/* where it is in keyring_list() */
};

struct keyring;

/**
 * identity_new(out, key, comment):
 * An identity without constraints around ${key}, which it owns from then on,
 * unless this fails.
 *
 * Errors: ST_NOMEM
 */
int identity_new(struct identity **out, struct key *key,
    struct slice comment) MUST_USE;
void identity_free(struct identity *id);

/**
 * identity_limit(id, limits, service, default_lifetime, now_ms):
 * Apply constraints, once; a lifetime counts from ${now_ms}, and where there
 * is none ${default_lifetime} does, unless it is 0 too.  Both in seconds.
 *
 * Errors: ST_NOMEM
 */
int identity_limit(struct identity *id, const struct constraints *limits,
    bool service, uint32_t default_lifetime, int64_t now_ms) MUST_USE;
struct slice identity_comment(const struct identity *id);

struct keyring *keyring_new(void) MUST_USE;
void keyring_free(struct keyring *ring);

/**
 * keyring_count(ring), keyring_at(ring, i):
 * How many there are, and one of them; ${i} is below the count.
 */
size_t keyring_count(const struct keyring *ring);
struct identity *keyring_at(const struct keyring *ring, size_t i);

/**
 * keyring_list(ring):
 * The body of the reply that lists all of them, in their order: ${list_at} of
 * one is where its part begins, and that of the next one, or the end, where it
 * is over.  Made at the first call after a change, and valid until the next;
 * without bytes when there is no memory for it.
 */
struct slice keyring_list(struct keyring *ring);

/**
 * keyring_find(ring, blob):
 * The identity with exactly that public blob, or NULL.
 */
struct identity *keyring_find(const struct keyring *ring, struct slice blob);

/**
 * keyring_put(ring, set, n, replace, why):
 * Put ${n} identities at once, or none.  One whose blob is there already takes
 * that one's place in the order and everything else from the new one.
 * ${replace} is a load's name or NULL: identities that came with that load and
 * are not in ${set} go away in the same step.
 *
 * Owns:   on success the ring owns the identities and has cleared ${set};
 *         else they stay the caller's.
 * Errors: ST_FULL    more than OpenSSH's clients can read: 2048 identities,
 *                    or 256 KiB of blobs and comments; or KEYRING_RULES_MAX;
 *                    *${why} says which
 *         ST_NOMEM
 */
int keyring_put(struct keyring *ring, struct identity **set, size_t n,
    const char *replace, const char **why) MUST_USE;

/**
 * keyring_remove(ring, id), keyring_clear(ring):
 * Take away one identity, or all; wiped at once, or when the signature that is
 * being made is.
 */
void keyring_remove(struct keyring *ring, struct identity *id);
void keyring_clear(struct keyring *ring);

/**
 * keyring_remove_if(ring, gone, cookie):
 * Take away all of which ${gone} says so, in their order, in the time of one;
 * returns how many that were.  It does not look at the ring.
 */
typedef bool keyring_gone_fn(void *cookie, const struct identity *id);
size_t keyring_remove_if(struct keyring *ring, keyring_gone_fn *gone,
    void *cookie);

/**
 * keyring_expire(ring, now_ms):
 * Take away what is due; returns how many that were.
 */
size_t keyring_expire(struct keyring *ring, int64_t now_ms);

/**
 * keyring_next_expiry(ring):
 * The nearest time at which something is due, or KEYRING_NEVER.
 */
int64_t keyring_next_expiry(const struct keyring *ring);

#endif /* !KEYRING_H_ */
