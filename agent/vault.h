#ifndef VAULT_H_
#define VAULT_H_

/*
 * vault - the one place in a process that holds private bytes.
 *
 * Layer:   agent.  base/secret.h is the memory; this adds the rule that what
 *          libcrypto allocates during a key operation lies in it as well.
 * Memory:  libcrypto's hooks take no cookie, so there is one vault in a
 *          process, opened before anything else touches libcrypto.
 * Secrets: all of them.
 * Threads: scopes are per thread.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "base/status.h"

/**
 * vault_open(opts, why, whylen):
 * Lock the region, take over libcrypto's allocations and warm libcrypto up, so
 * that its own long-lived caches end up outside of the vault.
 *
 * Errors: ST_FULL      see secret_open(); ${why} is for the operator
 *         ST_CRYPTO    libcrypto or libsodium could not be set up, or
 *                      something had used libcrypto's allocator before
 *         ST_SYSTEM, ST_NOMEM
 */
int vault_open(const struct secret_options *opts, char *why, size_t whylen)
    MUST_USE;

/**
 * vault_close():
 * Wipe and release.  Nothing may use libcrypto with vault memory afterwards.
 */
void vault_close(void);

/**
 * vault_region():
 * The region, for pieces of it: secret_alloc(vault_region(), n).  NULL before
 * vault_open().
 */
struct secret *vault_region(void);

/**
 * vault_enter(), vault_leave():
 * Between the two, allocations that libcrypto makes in this thread come from
 * the vault, and fail when it is full.  Calls nest.  What was allocated inside
 * may be freed outside and the other way round.
 */
void vault_enter(void);
void vault_leave(void);

/**
 * vault_ran_out():
 * Whether an allocation failed in the scope that this thread is in, or was in
 * last.  libcrypto itself does not always say so.
 */
bool vault_ran_out(void);

#endif /* !VAULT_H_ */
