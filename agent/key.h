#ifndef KEY_H_
#define KEY_H_

/*
 * key - one private key: made from its fields, checked, used, released.
 *
 * Layer:   agent.  The only caller of private-key operations.
 * Memory:  private numbers and the parsed key are in the vault; the public
 *          blob and the fingerprint are in ordinary memory.
 * Threads: everything is for the first thread alone, but signing_run().
 * Source:  RFC 4253 section 6.6, RFC 5656, RFC 8332, RFC 8709.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/fingerprint_hash.h"
#include "base/status.h"
#include "proto/keyprivate.h"
#include "proto/wire.h"

/* Longest raw signature, in bytes: RSA of 16384 bits. */
#define KEY_SIGNATURE_MAX	2048

struct key;

/* The hashes that signatures are made over. */
enum key_hash {
	KEY_SHA1,
	KEY_SHA256,
	KEY_SHA384,
	KEY_SHA512,
	KEY_HASHES
};

/**
 * key_new(out, fields, why):
 * Make a key.  Every number is checked against every other (RSA: n = p*q and
 * the exponents; ECDSA: the point is d*G; Ed25519: the public half belongs to
 * the seed), and a trial signature is made and verified: a key that was
 * accepted can sign.  Of a certificate the CA's signature is verified.  An sk
 * key has no private half here and never signs.
 *
 * Owns:   copies what it needs of ${fields}; the caller has one key_free().
 * Errors: ST_MALFORMED    the numbers do not make a key, or the CA did not
 *                         sign the certificate
 *         ST_TOO_LARGE    RSA outside of the bounds above, or of those of
 *                         agent/verify.h for a CA
 *         ST_UNSUPPORTED  a signature of a CA that we cannot verify
 *         ST_FULL         no room in the vault
 *         ST_NOMEM, ST_CRYPTO
 *         *${why} is a static line for people; *${out} is NULL.
 */
int key_new(struct key **out, const struct private_fields *fields,
    const char **why) MUST_USE;

/**
 * key_ref(k):
 * One more key_free() is needed.  Returns ${k}.
 */
struct key *key_ref(struct key *k);

/**
 * key_free(k):
 * Wipe and release, when this was the last one.  NULL is fine.
 */
void key_free(struct key *k);

/**
 * key_retire(k):
 * The key was taken away: signatures that are not begun yet fail.
 */
void key_retire(struct key *k);

/**
 * key_type(k), key_bits(k), key_blob(k), key_fingerprint(k), key_is_cert(k):
 * What is public about it.  The results live as long as ${k}.  The blob is the
 * certificate's, where there is one; the fingerprint is that of the plain key,
 * "SHA256:..." as ssh-keygen prints it.
 */
enum key_type key_type(const struct key *k);
unsigned key_bits(const struct key *k);
struct slice key_blob(const struct key *k);
bool key_is_cert(const struct key *k);
const char *key_fingerprint(const struct key *k);

/**
 * key_fingerprint_as(k, hash, out):
 * That fingerprint, by another hash.
 */
void key_fingerprint_as(const struct key *k, enum fingerprint_hash hash,
    char out[static FINGERPRINT_HASH_MAX]);

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
 * key_is_dear(k):
 * Whether a signature takes so long that it is for a worker: all but Ed25519
 * and ECDSA P-256.
 */
bool key_is_dear(const struct key *k);

/* A signature that is to be made: what is left is the arithmetic. */
struct signing {
	struct key		*key;		/* a reference */
	enum key_hash		 hash;
	size_t			 digest_len;
	uint8_t			 digest[64];
	uint8_t			*copy;		/* Ed25519 signs the data */
	struct slice		 data;		/* Ed25519: copy, or borrowed */
	bool			 big;		/* see VAULT_BIG */
	struct signature	 out;
};

/**
 * signing_init(s, k, data, flags, legacy_rsa):
 * Prepare to sign ${data}: what takes time in proportion to its length.  For
 * RSA ${flags} chooses the hash as OpenSSH does: SHA-256 where its bit is set
 * (also with both), else SHA-512 where that is set, else SHA-1, which is only
 * done with ${legacy_rsa}.
 *
 * Owns:   for Ed25519 ${s} borrows ${data} until signing_keep().
 * Errors: ST_UNSUPPORTED  flags with a bit that is not known (RFC 9987), SHA-1
 *                         where it is not allowed, or an sk key
 *         ST_CRYPTO
 */
int signing_init(struct signing *s, struct key *k, struct slice data,
    uint32_t flags, bool legacy_rsa) MUST_USE;

/**
 * signing_keep(s):
 * Borrow nothing any more.
 *
 * Errors: ST_NOMEM
 */
int signing_keep(struct signing *s) MUST_USE;

/**
 * signing_run(s):
 * Make the signature, into ${s}->out; in any thread.
 *
 * Shape:  ${s}->out.bytes is what goes into the second string of a signature
 *         blob: RSA as long as the modulus; ECDSA two mpints; Ed25519 64.
 * Errors: ST_NOT_FOUND  the key was taken away
 *         ST_FULL       no room in the vault for the work
 *         ST_CRYPTO
 */
int signing_run(struct signing *s) MUST_USE;

/**
 * signing_fini(s):
 * Let go of the key.  May be called twice.
 */
void signing_fini(struct signing *s);

/**
 * key_sign(k, data, flags, legacy_rsa, out):
 * All of it at once.
 *
 * Errors: as those above
 */
int key_sign(struct key *k, struct slice data, uint32_t flags,
    bool legacy_rsa, struct signature *out) MUST_USE;

/**
 * key_ecdsa_public(type, d, q, qlen):
 * The public point of the private number ${d}, as 04 || x || y; for key files
 * that leave it out.
 *
 * Shape:  *${qlen} is the room at ${q}, KEY_ECDSA_PUBLIC_MAX, and becomes
 *         what was used.
 * Errors: ST_MALFORMED   ${d} is not between 1 and the order
 *         ST_FULL, ST_CRYPTO
 */
int key_ecdsa_public(enum key_type type, struct slice d, uint8_t *q,
    size_t *qlen) MUST_USE;

#endif /* !KEY_H_ */
