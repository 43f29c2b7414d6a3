#ifndef CERTIFICATE_H_
#define CERTIFICATE_H_

/*
 * certificate - OpenSSH certificates, taken apart.
 *
 * Layer:   proto.  Whether the signature is good is for agent/verify.h.
 * Source:  OpenSSH's PROTOCOL.certkeys.
 */

#include "proto/keyblob.h"

/* Most principals, as in OpenSSH. */
#define CERTIFICATE_PRINCIPALS_MAX	256

enum certificate_role {
	CERTIFICATE_USER = 1,
	CERTIFICATE_HOST = 2,
};

/* All slices borrow from the blob. */
struct certificate {
	struct public_fields	 key;		/* the key that is certified */
	uint64_t		 serial;
	enum certificate_role	 role;
	struct slice		 key_id;	/* text */
	struct slice		 principals;	/* texts in a row */
	size_t			 n_principals;
	uint64_t		 valid_after;	/* seconds since 1970; good */
	uint64_t		 valid_before;	/* if after <= now < before */
	struct slice		 critical;	/* pairs: string name, data */
	struct slice		 extensions;	/* likewise */
	struct slice		 ca;		/* blob of the CA's plain key */
	struct slice		 signature;	/* string algorithm, bytes */
	struct slice		 signed_part;	/* what that is over */
};

/**
 * certificate_decode(blob, out):
 * Decode a certificate of any type in enum key_type.
 *
 * Errors: ST_UNSUPPORTED  not a certificate of a type that we know, neither a
 *                         user's nor a host's, or a CA key of a type that we
 *                         do not know or that is a certificate
 *         ST_MALFORMED    a field is missing or broken, options that are not
 *                         pairs, more than CERTIFICATE_PRINCIPALS_MAX
 *                         principals, bytes after the signature
 *         ST_TOO_LARGE    a number or an application is too long
 */
int certificate_decode(struct slice blob, struct certificate *out) MUST_USE;

/**
 * certificate_next_principal(r, out):
 * Take the next one from a reader over ${principals}.
 *
 * Errors: ST_NOT_FOUND  that was the last one
 */
int certificate_next_principal(struct wire_reader *r, struct slice *out)
    MUST_USE;

#endif /* !CERTIFICATE_H_ */
