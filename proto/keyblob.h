#ifndef KEYBLOB_H_
#define KEYBLOB_H_

/*
 * keyblob - key types, and public keys of those types as borrowed slices.
 *
 * Layer:   proto.  Says what the bytes are, not whether the numbers make a
 *          key: agent/key.h and agent/verify.h do that.
 * Source:  RFC 4253 section 6.6, RFC 5656, RFC 8709; OpenSSH's
 *          PROTOCOL.u2f for the sk types.
 */

#include "proto/wire.h"

/* Longest application of an sk key, in bytes; names of hosts and "ssh:" with
 * something after it are far shorter. */
#define KEYBLOB_APPLICATION_MAX	1024

enum key_type {
	KEY_ED25519,
	KEY_ECDSA_P256,
	KEY_ECDSA_P384,
	KEY_ECDSA_P521,
	KEY_RSA,
	KEY_SK_ED25519,		/* the private half is in an authenticator */
	KEY_SK_ECDSA_P256,
	KEY_TYPES
};

/* What is fixed for each type. */
struct key_type_info {
	const char	*name;		/* on the wire: "ssh-ed25519" */
	const char	*cert_name;	/* of its certificates:
					 * "ssh-ed25519-cert-v01@openssh.com" */
	const char	*curve;		/* ECDSA: "nistp256"; else NULL */
	const char	*label;		/* as ssh-keygen -l: "ED25519" */
	unsigned	 bits;		/* 0 for RSA: it depends */
	bool		 sk;
};

/* A public key.  Numbers are plain big-endian without leading zeros; what a
 * type has not is empty. */
struct public_fields {
	enum key_type	 type;
	struct slice	 point;		/* Ed25519: 32 bytes; ECDSA: Q,
					 * 04 || x || y */
	struct slice	 n, e;		/* RSA */
	struct slice	 application;	/* sk: text, "ssh:" */
};

/**
 * key_type_info(type):
 * The row of ${type}; never NULL.
 */
const struct key_type_info *key_type_info(enum key_type type);

/**
 * key_type_named(name, out, cert):
 * The type that is called ${name} as a plain key or as a certificate; *${cert}
 * says as which.
 *
 * Errors: ST_UNSUPPORTED  no type that we know
 */
int key_type_named(struct slice name, enum key_type *out, bool *cert)
    MUST_USE;

/**
 * keyblob_get_fields(r, type, out):
 * Take the fields of a public key, which follow its type name in a blob and
 * the nonce in a certificate.
 *
 * Owns:   ${out} borrows from the input of ${r}.
 * Errors: ST_MALFORMED  a field is missing or broken, a curve's name does not
 *                       belong to the type, a point has another length or
 *                       form than the type's
 *         ST_TOO_LARGE  a number or an application is too long
 *         On error ${r} is where it was.
 */
int keyblob_get_fields(struct wire_reader *r, enum key_type type,
    struct public_fields *out) MUST_USE;

/**
 * keyblob_decode(blob, out):
 * Decode the blob of a plain key.
 *
 * Errors: ST_UNSUPPORTED  a type that is not in enum key_type, or a
 *                         certificate
 *         ST_MALFORMED    as above, or bytes after the last field
 *         ST_TOO_LARGE
 */
int keyblob_decode(struct slice blob, struct public_fields *out) MUST_USE;

/**
 * keyblob_put(w, key):
 * Append the blob of a plain key: type name and fields.
 */
void keyblob_put(struct wire_writer *w, const struct public_fields *key);

#endif /* !KEYBLOB_H_ */
