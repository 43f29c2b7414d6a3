#ifndef FINGERPRINT_HASH_H_
#define FINGERPRINT_HASH_H_

/*
 * fingerprint_hash - fingerprints by the hash that -E names.
 *
 * Layer:   agent.
 * Source:  ssh-keygen(1) -l -E.
 */

#include "base/status.h"
#include "proto/wire.h"

/* The longest, SHA512, with its NUL. */
#define FINGERPRINT_HASH_MAX		96

enum fingerprint_hash {
	FINGERPRINT_SHA256,
	FINGERPRINT_MD5,
	FINGERPRINT_SHA1,
	FINGERPRINT_SHA384,
	FINGERPRINT_SHA512,
};

/**
 * fingerprint_hash_find(name, out):
 * The hash that is called ${name}, in upper or lower case.
 *
 * Errors: ST_NOT_FOUND
 */
int fingerprint_hash_find(const char *name, enum fingerprint_hash *out)
    MUST_USE;

/**
 * fingerprint_hash_write(hash, blob, out):
 * "SHA256:" and base64 without padding, the other SHAs likewise; or "MD5:" and
 * pairs of hexadecimal digits with colons between them.  Where libcrypto
 * refuses the hash, as one in FIPS mode does with MD5, it comes out as SHA256:
 * the name in front says what it is.
 */
void fingerprint_hash_write(enum fingerprint_hash hash, struct slice blob,
    char out[static FINGERPRINT_HASH_MAX]);

#endif /* !FINGERPRINT_HASH_H_ */
