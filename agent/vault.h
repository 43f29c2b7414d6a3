#ifndef VAULT_H_
#define VAULT_H_

/*
 * vault - the one place in a process that holds private bytes.
 *
 * Layer:   agent.  base/secret.h is the memory; this adds the rule that work
 *          with keys is done in it as well: what libcrypto allocates
 *          meanwhile, and the stack on which it works.
 * Memory:  libcrypto's hooks take no cookie, so there is one vault in a
 *          process, opened before anything else touches libcrypto.  From the
 *          lowest address on it holds the stack, then the room for operations,
 *          in which parsed keys are cached as well, then the pieces that
 *          last: secret_alloc(vault_region(), n).
 * Secrets: all of them.
 * Threads: one, for now: an operation is not begun while another one runs.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "base/status.h"

/* What each piece costs beyond its own bytes. */
#define VAULT_OVERHEAD		16

/* The stack of an operation, in bytes: libcrypto's deepest, an RSA signature
 * with AVX-512 IFMA, takes 13 KiB; three quarters of it are for use. */
#define VAULT_STACK		(20 * 1024)
/* Room for operations and hot keys: enough for RSA of 4096 bits in the smallest
 * vault, and for RSA of 16384 bits beside a dozen others from this size of the
 * vault on.  With the stack it is what secret_open() touches at once. */
#define VAULT_LARGE		(512 * 1024)
#define VAULT_LARGE_ROOM	(224 * 1024)

enum vault_use {
	VAULT_SERVE,		/* keys stay and sign */
	VAULT_LOAD,		/* keys pass through: no room for operations
				 * is kept apart */
};

/**
 * vault_open(opts, use, why, whylen):
 * Lock the region, take over libcrypto's allocations, and let libcrypto and
 * libsodium set themselves up outside of it.
 *
 * Errors: ST_FULL      see secret_open(); ${why} is for the operator
 *         ST_CRYPTO    libcrypto or libsodium could not be set up, or
 *                      something had used libcrypto's allocator before
 *         ST_SYSTEM, ST_NOMEM
 */
int vault_open(const struct secret_options *opts, enum vault_use use,
    char *why, size_t whylen) MUST_USE;

/**
 * vault_close():
 * Wipe and release.  Nothing may use libcrypto with vault memory afterwards.
 */
void vault_close(void);

/**
 * vault_region():
 * The region, for pieces of it.  NULL before vault_open().
 */
struct secret *vault_region(void);

typedef int vault_fn(void *arg);

/**
 * vault_run(fn, arg, strict):
 * Call ${fn} as a key operation: on the vault's stack, with libcrypto's
 * allocations made in the vault, and failing when it is full.  Afterwards the
 * stack and the vector registers are wiped.  With ${strict} only the room for
 * operations is used: what works so works whatever else comes.
 *
 * Operations nest: one inside another is a plain call.
 *
 * Returns what ${fn} returns.
 */
int vault_run(vault_fn *fn, void *arg, bool strict) MUST_USE;

/**
 * vault_was_full():
 * Whether an allocation failed in the operation that runs, or in the last one.
 */
bool vault_was_full(void);

/**
 * vault_wipe_registers():
 * After secret bytes were moved outside of an operation.
 */
void vault_wipe_registers(void);

/**
 * vault_room(record, need):
 * How many more pieces of ${record} bytes find room, for keys whose operations
 * need ${need} bytes: none, when that is more than there is for operations.
 */
size_t vault_room(size_t record, size_t need);

/* What operations took so far. */
struct vault_work {
	size_t	 stack_peak;	/* bytes; only while measuring */
	size_t	 heap_now;	/* bytes that libcrypto holds in the vault */
	size_t	 heap_last;	/* what the last operation took at most,
				 * beyond what was held before it */
	size_t	 heap_peak;	/* the most of that since the last reset */
};

/**
 * vault_work(out), vault_measure(on):
 * For tests and status: the numbers; measuring the stack costs time, and
 * switching it on resets the peaks.
 */
void vault_work(struct vault_work *out);
void vault_measure(bool on);

#endif /* !VAULT_H_ */
