#ifndef KEYBLOB_H_
#define KEYBLOB_H_

/*
 * keyblob - public key blobs and private key fields, as borrowed slices.
 *
 * Layer:   proto.  Says what the bytes are, not whether the numbers make a
 *          key: agent/key.h does that.
 * Source:  RFC 4253 section 6.6, RFC 5656, RFC 8709 (public); RFC 9987
 *          "Adding Keys to the Agent" (private).
 * Secrets: the slices of struct private_fields point at private bytes in the
 *          caller's buffer; nothing here copies them but keyblob_private_put().
 */

#include "proto/wire.h"

enum key_type {
	KEY_ED25519,
	KEY_ECDSA_P256,
	KEY_ECDSA_P384,
	KEY_ECDSA_P521,
	KEY_RSA,
	KEY_TYPES
};

/* What is fixed for each type. */
struct key_type_info {
	const char	*name;		/* on the wire: "ssh-ed25519" */
	const char	*curve;		/* ECDSA: "nistp256"; else NULL */
	const char	*label;		/* as ssh-keygen -l: "ED25519" */
	unsigned	 bits;		/* 0 for RSA: it depends */
};

/* Longest public blob of a plain key: RSA of 16384 bits, with room. */
#define KEYBLOB_PUBLIC_MAX	4352

/* The fields after the type name of a private key.  Numbers are plain
 * big-endian without leading zeros. */
struct private_fields {
	enum key_type	 type;
	union {
		struct {
			struct slice	 pk;	/* 32 bytes */
			struct slice	 sk;	/* 64: seed, then pk */
		} ed25519;
		struct {
			struct slice	 q;	/* 04 || x || y */
			struct slice	 d;
		} ecdsa;
		struct {
			struct slice	 n, e, d, iqmp, p, q;
		} rsa;
	};
};

/**
 * key_type_info(type):
 * The row of ${type}; never NULL.
 */
const struct key_type_info *key_type_info(enum key_type type);

/**
 * keyblob_private_get(r, out):
 * Take the type name and the private key fields.
 *
 * Owns:   ${out} borrows from the input of ${r}.
 * Errors: ST_UNSUPPORTED  a type that is not in enum key_type
 *         ST_MALFORMED    a field is missing or broken, a curve name does not
 *                         belong to the type, an Ed25519 field has another
 *                         length than 32 or 64
 *         ST_TOO_LARGE    a number is too long
 *         On error ${r} is where it was.
 */
int keyblob_private_get(struct wire_reader *r, struct private_fields *out)
    MUST_USE;

/**
 * keyblob_private_put(w, key):
 * Append the type name and the private key fields, as ADD_IDENTITY has them.
 */
void keyblob_private_put(struct wire_writer *w,
    const struct private_fields *key);

/**
 * keyblob_private_size(key):
 * Bytes that keyblob_private_put() writes at most.
 */
size_t keyblob_private_size(const struct private_fields *key);

/**
 * keyblob_public_put(w, key):
 * Append the public blob that belongs to ${key}, from its public fields.
 */
void keyblob_public_put(struct wire_writer *w,
    const struct private_fields *key);

#endif /* !KEYBLOB_H_ */
