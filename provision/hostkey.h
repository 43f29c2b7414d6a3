#ifndef HOSTKEY_H_
#define HOSTKEY_H_

/*
 * hostkey - the public key of a host, as text.
 *
 * Layer:   provision.  No I/O, no memory.
 * Source:  sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT", without the host names: type,
 *          base64, and a comment.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Longest text without its comment, and what is in its base64. */
#define HOSTKEY_TEXT_MAX	8192
#define HOSTKEY_BLOB_MAX	(HOSTKEY_TEXT_MAX / 4 * 3)

/* A key, taken apart. */
struct hostkey {
	size_t	 text_len;	/* bytes of the text up to the comment */
	size_t	 len;
	uint8_t	 blob[HOSTKEY_BLOB_MAX];	/* as on the wire */
};

/**
 * hostkey_parse(text, out, what):
 * Take "TYPE BASE64", which may have a blank and a comment behind it.  The
 * base64 is padded, has no blanks, and is a whole key of that type.
 *
 * Errors: ST_MALFORMED    ${what} is a static sentence that says what would be
 *                         right
 *         ST_UNSUPPORTED  likewise: a type that we do not know
 */
int hostkey_parse(const char *text, struct hostkey *out, const char **what)
    MUST_USE;

#endif /* !HOSTKEY_H_ */
