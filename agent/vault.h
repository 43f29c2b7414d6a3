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
 *          lowest address on it holds the stacks, one for each thread, then
 *          the room for operations, in which parsed keys are cached as well,
 *          then the pieces that last: secret_alloc(vault_region(), n).
 * Secrets: all of them.
 * Threads: the one that opened the vault, and others that vault_attach()ed;
 *          each runs one operation at a time, with all signals blocked by
 *          whoever started it, but for those of vault_signals().  No lock of
 *          ours lies in the vault.
 *
 * The room for operations is shared out: each thread has a share that is
 * enough for RSA of 4096 bits, and one share more is for what is larger, which
 * is done by one thread at a time.  What libcrypto makes during an operation
 * partly outlives it (in the parsed key, which any thread may use next), so
 * shares are amounts and not places.  All that is in the room beyond the
 * shares in use is parsed keys at rest, which can be given up.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "base/status.h"

/* What each piece costs beyond its own bytes. */
#define VAULT_OVERHEAD		16

/* The stack of an operation, in bytes: libcrypto's deepest, an RSA signature
 * with AVX-512 IFMA, takes 13 KiB; three quarters of it are for use, the rest
 * has room for a signal: its frame takes 3.6 KiB with AVX-512. */
#define VAULT_STACK		(20 * 1024)
/* The part of it for one that is VAULT_PLAIN: libsodium's deepest takes 2.7
 * KiB.  What is not used has not to be found by the kernel, and is not
 * wiped. */
#define VAULT_STACK_PLAIN	(8 * 1024)
/* What an operation may take that is not VAULT_BIG: RSA of 4096 bits takes 28
 * KiB with OpenSSL 3.0. */
#define VAULT_SHARE		(36 * 1024)
/* What one that is may take: RSA of 16384 bits takes 98 KiB. */
#define VAULT_SHARE_BIG		(112 * 1024)
/* Room for operations and hot keys: enough for RSA of 4096 bits in the smallest
 * vault; from this size of the vault on, the shares, and 76 KiB more for keys
 * at rest. */
#define VAULT_LARGE		(512 * 1024)
#define VAULT_LARGE_ROOM	(224 * 1024)

enum vault_use {
	VAULT_SERVE,		/* keys stay and sign */
	VAULT_LOAD,		/* keys pass through: no room for operations
				 * is kept apart, and libcrypto only after
				 * vault_crypto() */
};

/**
 * vault_open(opts, use, threads, why, whylen):
 * Lock the region, take over libcrypto's allocations, and let libcrypto and
 * libsodium set themselves up outside of it: libcrypto what it keeps for each
 * thread before that one's first operation with it.  There is room for up to
 * ${threads} more threads, but never so much that it takes more than a quarter
 * of the region; below VAULT_LARGE for none.
 *
 * Errors: ST_FULL      see secret_open(); ${why} is for the operator
 *         ST_CRYPTO    libcrypto or libsodium could not be set up, or
 *                      something had used libcrypto's allocator before
 *         ST_SYSTEM, ST_NOMEM
 */
int vault_open(const struct secret_options *opts, enum vault_use use,
    size_t threads, char *why, size_t whylen) MUST_USE;

/**
 * vault_crypto():
 * Where keys only pass through: let libcrypto set itself up.  Not in an
 * operation, which must not use it before.  Errors: ST_CRYPTO.
 */
int vault_crypto(void) MUST_USE;

/**
 * vault_touch():
 * Have the kernel find all memory that operations may take, so that none has to
 * wait for it, or finds that there is none.  Takes a while; in any thread.
 */
void vault_touch(void);

/**
 * vault_threads():
 * How many more threads there is room for.
 */
size_t vault_threads(void);

/**
 * vault_attach():
 * Let the calling thread run operations from now on.
 *
 * Errors: ST_FULL    more than vault_threads()
 *         ST_CRYPTO  libcrypto cannot be set up for it
 */
int vault_attach(void) MUST_USE;

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

/* How an operation is run. */
#define VAULT_STRICT	1u	/* only in the room for operations: what works
				 * so works whatever else comes */
#define VAULT_BIG	2u	/* may take VAULT_SHARE_BIG */
#define VAULT_ALONE	4u	/* while no other operation runs: for what did
				 * not fit between the pieces of others */
#define VAULT_PLAIN	8u	/* without libcrypto, so it need not be there,
				 * on VAULT_STACK_PLAIN */

/**
 * vault_run(fn, arg, how):
 * Call ${fn} as a key operation: on a stack in the vault, with libcrypto's
 * allocations made in the vault, and failing when it is full.  Afterwards the
 * stack and the vector registers are wiped.  Waits for other threads where
 * ${how} says that it must.
 *
 * Operations nest: one inside another is a plain call.
 *
 * Returns what ${fn} returns; or ST_CRYPTO, and it was not called, when
 * libcrypto cannot be set up for this thread.
 */
int vault_run(vault_fn *fn, void *arg, unsigned how) MUST_USE;

/**
 * vault_was_full():
 * Whether an allocation failed in the operation that this thread runs, or in
 * the last one that it ran.
 */
bool vault_was_full(void);

/**
 * vault_watch(spoilt):
 * From now on until the end of this operation, or the next call, have
 * *${spoilt} set when an allocation of this thread fails, in the very moment:
 * before libcrypto lets go of a lock under which it left something half made.
 * NULL: nothing.
 */
void vault_watch(atomic_bool *spoilt);

/**
 * vault_wipe_registers():
 * After secret bytes were moved outside of an operation.
 */
void vault_wipe_registers(void);

/**
 * vault_signals(on):
 * Have signals whose handlers are set up with SA_ONSTACK come on the stack for
 * operations, also where none is under way, in the calling thread, which opened
 * the vault: the kernel writes the registers to a signal's stack.  Such a
 * handler calls vault_soiled(), so that this is wiped: at the end of the
 * operation, or by vault_wipe_registers().
 *
 * Errors: ST_SYSTEM  errno is set
 */
int vault_signals(bool on) MUST_USE;
void vault_soiled(void);

/**
 * vault_room(record, need):
 * How many more pieces of ${record} bytes find room, for keys whose operations
 * need ${need} bytes: none, when that is more than there is for operations.
 */
size_t vault_room(size_t record, size_t need);

/* What the operations of this thread took so far. */
struct vault_work {
	size_t	 stack_peak;	/* bytes; only while measuring */
	size_t	 heap_now;	/* bytes that libcrypto holds in the vault, in
				 * whatever thread they were made */
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
