#ifndef KEY_H_
#define KEY_H_

/*
 * key - one private key: made from its fields, checked, used, released.
 *
 * Layer:   agent.  The only caller of private-key operations.
 * Memory:  private numbers and the parsed key are in the vault; the public
 *          blob and the fingerprint are in ordinary memory.
 * Source:  RFC 4253 section 6.6, RFC 5656, RFC 8332, RFC 8709.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "proto/keyblob.h"
#include "proto/wire.h"

/* RSA moduli we take, in bits; OpenSSH's bounds. */
#define KEY_RSA_BITS_MIN	1024
#define KEY_RSA_BITS_MAX	16384

/* Longest raw signature, in bytes: RSA of 16384 bits. */
#define KEY_SIGNATURE_MAX	2048
/* "SHA256:" and 43 characters of base64, with the NUL. */
#define KEY_FINGERPRINT_MAX	52

struct key;

/**
 * key_new(out, fields, why):
 * Make a key.  Every number is checked against every other (RSA: n = p*q and
 * the exponents; ECDSA: the point is d*G; Ed25519: the public half belongs to
 * the seed), and a trial signature is made and verified: a key that was
 * accepted can sign.
 *
 * Owns:   copies what it needs of ${fields}; the caller has key_free().
 * Errors: ST_MALFORMED    the numbers do not make a key
 *         ST_TOO_LARGE    RSA outside of the bounds above
 *         ST_FULL         no room in the vault
 *         ST_NOMEM, ST_CRYPTO
 *         *${why} is a static line for people; *${out} is NULL.
 */
int key_new(struct key **out, const struct private_fields *fields,
    const char **why) MUST_USE;

/**
 * key_free(k):
 * Wipe and release.  NULL is fine.
 */
void key_free(struct key *k);

/**
 * key_type(k), key_bits(k), key_blob(k), key_fingerprint(k):
 * What is public about it.  The results live as long as ${k}.  The
 * fingerprint is "SHA256:..." as ssh-keygen prints it.
 */
enum key_type key_type(const struct key *k);
unsigned key_bits(const struct key *k);
struct slice key_blob(const struct key *k);
const char *key_fingerprint(const struct key *k);

/**
 * key_fingerprint_of(blob, out):
 * The fingerprint of any public blob.
 */
void key_fingerprint_of(struct slice blob, char out[static
    KEY_FINGERPRINT_MAX]);

/**
 * key_room(type, bits):
 * How many more keys of that kind, at least, the vault has room for; ${bits}
 * counts for RSA only.
 */
size_t key_room(enum key_type type, unsigned bits);

/* A finished signature. */
struct signature {
	const char	*algorithm;	/* static, "rsa-sha2-512" */
	size_t		 len;
	uint8_t		 bytes[KEY_SIGNATURE_MAX];
};

/**
 * key_sign(k, data, flags, legacy_rsa, out):
 * Sign ${data}.  For RSA ${flags} chooses the hash as OpenSSH does: SHA-256
 * where its bit is set (also with both), else SHA-512 where that is set, else
 * SHA-1, which is only done with ${legacy_rsa}.
 *
 * Shape:  ${out}->bytes is what goes into the second string of a signature
 *         blob: RSA as long as the modulus; ECDSA two mpints; Ed25519 64.
 * Errors: ST_UNSUPPORTED  flags with a bit that is not known (RFC 9987), or
 *                         SHA-1 where it is not allowed
 *         ST_FULL         no room in the vault for the work
 *         ST_CRYPTO
 */
int key_sign(struct key *k, struct slice data, uint32_t flags,
    int legacy_rsa, struct signature *out) MUST_USE;

/**
 * key_ecdsa_public(type, d, q, qlen):
 * The public point of the private number ${d}, as 04 || x || y; for key files
 * that leave it out.
 *
 * Shape:  *${qlen} is the room at ${q} and becomes what was used.
 * Errors: ST_MALFORMED   ${d} is not between 1 and the order
 *         ST_FULL, ST_CRYPTO
 */
#define KEY_ECDSA_PUBLIC_MAX	133
int key_ecdsa_public(enum key_type type, struct slice d, uint8_t *q,
    size_t *qlen) MUST_USE;

#endif /* !KEY_H_ */
