#include "keys/digest.h"

#include <assert.h>

#include <sodium.h>

static_assert(DIGEST_SHA256 == crypto_hash_sha256_BYTES, "a SHA-256");

void
digest_sha256(const void *p, size_t n, uint8_t out[static DIGEST_SHA256])
{
	/* It cannot fail; there is no choice of code that sodium_init() makes
	 * for it. */
	(void)crypto_hash_sha256(out, p, n);
}
