#ifndef KEYPRIVATE_H_
#define KEYPRIVATE_H_

/*
 * keyprivate - private keys as an add request has them, as borrowed slices.
 *
 * Layer:   proto.  Says what the bytes are, not whether the numbers make a
 *          key: agent/key.h does that.
 * Source:  RFC 9987 "Adding Keys to the Agent"; OpenSSH's PROTOCOL.agent and
 *          PROTOCOL.u2f for certificates and sk keys.
 * Secrets: the slices of struct private_fields point at private bytes in the
 *          caller's buffer; nothing here copies them but keyprivate_put().
 */

#include "proto/keyblob.h"

/* Longest public blob of a plain key: RSA of 16384 bits, with room. */
#define KEYPRIVATE_PUBLIC_MAX	4352

/* RSA moduli we take, in bits; OpenSSH's bounds. */
#define KEY_RSA_BITS_MIN	1024
#define KEY_RSA_BITS_MAX	16384
/* Longest public point: of P-521, as 04 || x || y. */
#define KEY_ECDSA_PUBLIC_MAX	133

/* The fields after the type name of a private key.  Numbers are plain
 * big-endian without leading zeros.  Those that an add of a certificate leaves
 * out (the public ones) come from the certificate. */
struct private_fields {
	enum key_type	 type;
	struct slice	 cert;		/* a certificate's blob; or empty */
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
		struct {			/* nothing of it is secret */
			struct slice	 point;
			struct slice	 application;	/* text */
			uint8_t		 flags;
			struct slice	 handle;
			struct slice	 reserved;
		} sk;
	};
};

/**
 * keyprivate_get(r, out):
 * Take the type name and the private key fields, of a plain key or of one with
 * a certificate.
 *
 * Owns:   ${out} borrows from the input of ${r}.
 * Errors: ST_UNSUPPORTED  a type that is not in enum key_type, or see
 *                         certificate_decode()
 *         ST_MALFORMED    a field is missing or broken, a public one is not
 *                         as keyblob_get_fields() wants it, an Ed25519 secret
 *                         is not 64 bytes, the certificate is of another type
 *                         or for another key or sk application
 *         ST_TOO_LARGE    a number or an application is too long
 *         On error ${r} is where it was.
 */
int keyprivate_get(struct wire_reader *r, struct private_fields *out)
    MUST_USE;

/**
 * keyprivate_put(w, key):
 * Append the type name and the private key fields, as ADD_IDENTITY has them:
 * what keyprivate_get() takes.
 */
void keyprivate_put(struct wire_writer *w, const struct private_fields *key);

/**
 * keyprivate_size(key):
 * Bytes that keyprivate_put() writes at most.
 */
size_t keyprivate_size(const struct private_fields *key);

/**
 * keyprivate_public(key, out), keyprivate_put_public(w, key):
 * The public fields of ${key}; and the plain public blob that belongs to it,
 * certificate or not.
 */
void keyprivate_public(const struct private_fields *key,
    struct public_fields *out);
void keyprivate_put_public(struct wire_writer *w,
    const struct private_fields *key);

#endif /* !KEYPRIVATE_H_ */
