#ifndef KEY_MATH_H_
#define KEY_MATH_H_

/*
 * key_math - the libcrypto side of RSA and ECDSA keys.
 *
 * Layer:   agent; for key.c and hotkey.c and, of its faults, lock.c.
 * Memory:  every function that takes or makes private numbers must be called
 *          inside vault_run() (agent/vault.h).
 * Secrets: BIGNUMs and EVP_PKEYs, all of them in the vault.
 */

#include <openssl/evp.h>

#include "agent/key.h"

/**
 * key_math_warm(type):
 * Fetch the hashes, and have libcrypto build what it keeps for a type, in
 * ordinary memory: with a key that is thrown away.  For the first thread, not
 * inside vault_run(), and before the first key of that type; only the first
 * call for each type does something.
 */
void key_math_warm(enum key_type type);

/**
 * key_math_md(hash):
 * libcrypto's object for it, after key_math_warm().
 */
const EVP_MD *key_math_md(enum key_hash hash);

/**
 * key_math_check(fields, bits, why):
 * Check the numbers of an RSA or ECDSA key against each other.
 *
 * Errors: ST_MALFORMED, ST_TOO_LARGE  with *${why} set
 *         ST_FULL, ST_CRYPTO
 */
int key_math_check(const struct private_fields *fields, unsigned *bits,
    const char **why) MUST_USE;

/**
 * key_math_import(fields, out):
 * Make an EVP_PKEY of numbers that were checked.
 *
 * Errors: ST_FULL, ST_CRYPTO
 */
int key_math_import(const struct private_fields *fields, EVP_PKEY **out)
    MUST_USE;

/**
 * key_math_curve(type):
 * libcrypto's name of the curve of an ECDSA type.
 */
const char *key_math_curve(enum key_type type);

/**
 * key_math_ecdsa_signature(der, out, cap, len):
 * SEQUENCE { INTEGER r, INTEGER s } as two mpints.
 *
 * Errors: ST_CRYPTO  not that shape: libcrypto made it, so it is a fault
 */
int key_math_ecdsa_signature(struct slice der, uint8_t *out, size_t cap,
    size_t *len) MUST_USE;

/**
 * key_math_verify(type, pkey, data, sig):
 * Whether ${sig}, in the form that struct signature has, is a signature of
 * ${pkey} over ${data}: RSA with SHA-256, ECDSA with the hash of its curve.
 *
 * Errors: ST_MALFORMED  it is not
 *         ST_FULL, ST_CRYPTO
 */
int key_math_verify(enum key_type type, EVP_PKEY *pkey, struct slice data,
    struct slice sig) MUST_USE;

/**
 * key_math_fault():
 * Why libcrypto failed: ST_FULL when the vault had no room for it, else
 * ST_CRYPTO.  Its error queue is emptied.
 */
int key_math_fault(void) MUST_USE;

#endif /* !KEY_MATH_H_ */
