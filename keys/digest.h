#ifndef DIGEST_H_
#define DIGEST_H_

/*
 * digest - SHA-256 of what is in memory.
 *
 * Layer:   keys.  Public bytes only: nothing is wiped.
 */

#include <stddef.h>
#include <stdint.h>

#define DIGEST_SHA256	32

/**
 * digest_sha256(p, n, out):
 * FIPS 180-4.
 */
void digest_sha256(const void *p, size_t n, uint8_t out[static DIGEST_SHA256]);

#endif /* !DIGEST_H_ */
