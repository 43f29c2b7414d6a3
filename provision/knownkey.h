#ifndef KNOWNKEY_H_
#define KNOWNKEY_H_

/*
 * knownkey - "ssh-ed25519 AAAA... comment": a public host key as text.
 *
 * Layer:   provision.  No I/O.
 * Source:  sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT".
 */

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "proto/keyblob.h"

/* Longest blob: an RSA key of 16384 bits has some 2100 bytes. */
#define KNOWNKEY_BLOB_MAX	4096

struct knownkey {
	enum key_type	 type;
	size_t		 len;
	uint8_t		 blob[KNOWNKEY_BLOB_MAX];
};

/**
 * knownkey_parse(text, len, out):
 * A type, blanks, base64, and, behind a blank, a comment of any sort.  The type
 * is the one in the blob, and the blob is a whole key.
 *
 * Errors: ST_UNSUPPORTED  a type that we do not know, or a certificate
 *         ST_MALFORMED    not of this form, or not a key
 *         ST_TOO_LARGE    longer than a key can be
 */
int knownkey_parse(const char *text, size_t len, struct knownkey *out)
    MUST_USE;

#endif /* !KNOWNKEY_H_ */
