#ifndef KEYSET_H_
#define KEYSET_H_

/*
 * keyset - the keys of a fuzz target: made at its start, worth nothing, and
 * called by their number from then on.
 *
 * The vault must be open (vaultuse.h).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/testkeys.h"

/* Of RSA keys: they are to be quick. */
#define KEYSET_RSA_BITS	1024

/* Make one key of each of these types; they are kept for good. */
void keyset_make(struct testkey **out, const enum key_type *types, size_t n);

/* What a sign request with these flags is signed with; NULL: with nothing. */
const char *keyset_algorithm(const struct testkey *k, uint32_t flags,
    bool legacy_rsa);

/* Have a key of every type sign: what libcrypto makes at the first one, it
 * keeps. */
void keyset_warm(void);

#endif /* !KEYSET_H_ */
