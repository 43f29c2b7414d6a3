#ifndef KEYTEXT_H_
#define KEYTEXT_H_

/*
 * keytext - private keys out of the text that key files hold.
 *
 * Layer:   keys; not for a process that serves keys.
 * Source:  OpenSSH's PROTOCOL.key; RFC 5958 and RFC 8410 (PKCS#8), RFC 8017
 *          appendix A.1.2 (PKCS#1), RFC 5915 (SEC1), RFC 7468 (the text).
 * Memory:  the text is in a locked region, and so is all that is made of it.
 * Secrets: all of it.
 */

#include "base/secret.h"
#include "base/status.h"
#include "proto/keyprivate.h"

struct keytext {
	struct private_fields	 fields;	/* borrows from mem */
	struct slice		 comment;	/* borrows from mem; or empty */
	void			*mem;		/* a piece of the region */
};

/* The public point of the private number ${d}, as 04 || x || y; *${qlen} is
 * the room at ${q}, KEY_ECDSA_PUBLIC_MAX, and becomes what was used. */
typedef int (*keytext_point)(enum key_type type, struct slice d, uint8_t *q,
    size_t *qlen);

/**
 * keytext_next(region, point, in, out, why, whylen):
 * Take the next private key from the text ${in}, which moves past it.  Text
 * between keys is passed over: blank lines, explanatory text, public keys and
 * certificates in PEM.  Lines may end in LF, CRLF or CR, and the last one in
 * nothing.  ${point} is for EC keys in files that leave the public half out;
 * with NULL those are ST_UNSUPPORTED.
 *
 * Owns:   the caller, until keytext_fini().
 * Errors: ST_NOT_FOUND    no further key begins in ${in}
 *         ST_LOCKED       the key is encrypted
 *         ST_UNSUPPORTED  a key type or format that we do not take
 *         ST_MALFORMED    broken: bad base64, no END line, bytes that do not
 *                         parse, public and private part that differ
 *         ST_TOO_LARGE    larger than any key we take
 *         ST_FULL         no room in the region
 *         ${why} then holds one line for people, without a byte of the key:
 *         what it is ("RSA private key, encrypted") and what to do.
 *         On those errors ${in} has moved past the key that they are about.
 */
int keytext_next(struct secret *region, keytext_point point, struct slice *in,
    struct keytext *out, char *why, size_t whylen) MUST_USE;

/**
 * keytext_public(region, in, out, len):
 * The public blob, of *${len} bytes, of the first private key in ${in}, where
 * it can be had without the passphrase that the key may be under: only the
 * format openssh-key-v1 has it.  Its type may be one that we do not take.
 *
 * Errors: ST_NOT_FOUND   no key, or in another format
 *         ST_MALFORMED, ST_TOO_LARGE, ST_FULL
 *         *${len} is then 0.
 */
int keytext_public(struct secret *region, struct slice in,
    uint8_t out[static KEYPRIVATE_PUBLIC_MAX], size_t *len) MUST_USE;

/**
 * keytext_fini(region, key):
 * Wipe and release.  May be called twice.
 */
void keytext_fini(struct secret *region, struct keytext *key);

#endif /* !KEYTEXT_H_ */
