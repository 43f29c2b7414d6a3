#ifndef LOCK_H_
#define LOCK_H_

/*
 * lock - the agent's lock: a passphrase without which it does nothing.
 *
 * Layer:   agent.  No clock: the caller says what time it is.
 * Secrets: the passphrase is hashed where it came in, and not kept; what is
 *          kept is salted and stretched, in the vault.
 * Source:  RFC 9987 "Agent Locking".  A wrong passphrase costs time as in
 *          OpenSSH, 0.1 s for each failure so far and 10 s at most, but only
 *          those who unlock: nobody else waits.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"
#include "proto/wire.h"

/* Milliseconds of waiting for each failure, and most failures counted. */
#define LOCK_DELAY_MS		100
#define LOCK_FAILURES_MAX	100

struct lock {
	bool		 locked;
	uint8_t		*kept;		/* vault: salt, hash; NULL unlocked */
	unsigned	 failures;	/* since the last success */
	int64_t		 busy_until_ms;	/* no attempt is looked at before */
};

/**
 * lock_set(l, passphrase):
 * Lock.
 *
 * Errors: ST_LOCKED     it is locked already
 *         ST_MALFORMED  the passphrase is empty
 *         ST_FULL       no room in the vault
 *         ST_CRYPTO
 */
int lock_set(struct lock *l, struct slice passphrase) MUST_USE;

/**
 * lock_clear(l, passphrase, now_ms, delay_ms):
 * Unlock.  *${delay_ms} is how long the answer must wait, 0 on success; while
 * an attempt waits, others are refused unseen and wait as long.
 *
 * Errors: ST_NOT_FOUND  it is not locked
 *         ST_DENIED     wrong passphrase, or too early
 *         ST_MALFORMED  the passphrase is empty
 *         ST_FULL, ST_CRYPTO
 */
int lock_clear(struct lock *l, struct slice passphrase, int64_t now_ms,
    int64_t *delay_ms) MUST_USE;

/**
 * lock_fini(l):
 * Wipe.  May be called twice.
 */
void lock_fini(struct lock *l);

#endif /* !LOCK_H_ */
