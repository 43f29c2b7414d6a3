#ifndef HOSTKEY_H_
#define HOSTKEY_H_

/*
 * hostkey - "ssh-ed25519 AAAA... comment": the public key of a host, as text.
 *
 * Layer:   provision.  No I/O, no memory.
 * Source:  sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT", without the host names.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "proto/keyblob.h"

/* Longest blob: an RSA key of 16384 bits has some 2100 bytes. */
#define HOSTKEY_BLOB_MAX	4096
/* Room for the text of any key, and a NUL. */
#define HOSTKEY_TEXT_MAX	(64 + (HOSTKEY_BLOB_MAX + 2) / 3 * 4)

struct hostkey {
	enum key_type	 type;
	size_t		 len;
	uint8_t		 blob[HOSTKEY_BLOB_MAX];	/* as on the wire */
};

/**
 * hostkey_parse(text, len, out, what):
 * Take a type, blanks, base64, and, behind a blank, a comment of any sort and
 * length.  The base64 is padded, has no blanks, and is a whole key of that
 * type.
 *
 * Errors: ST_UNSUPPORTED  a type that we do not know, or a certificate
 *         ST_MALFORMED    not of this form, or not a key
 *         ST_TOO_LARGE    longer than a key can be
 *         ${what} is a static sentence that says what would be right, such as
 *         "must be a whole key: ..."
 */
int hostkey_parse(const char *text, size_t len, struct hostkey *out,
    const char **what) MUST_USE;

/**
 * hostkey_put_text(blob, t):
 * Append "TYPE BASE64", as every program writes it.  ${blob} is a whole key;
 * HOSTKEY_TEXT_MAX is room for one that hostkey_parse() has taken.
 */
void hostkey_put_text(struct slice blob, struct text *t);

#endif /* !HOSTKEY_H_ */
