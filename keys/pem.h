#ifndef PEM_H_
#define PEM_H_

/*
 * pem - find armoured private keys in text, and undo their base64.
 *
 * Layer:   keys; not for a process that serves keys.
 * Source:  RFC 7468; RFC 1421 section 4.6 for the headers that old keys have.
 * Memory:  everything borrows from the text; nothing is allocated.
 * Secrets: the text.  No table is indexed by a byte of it and no branch
 *          depends on one, but for where lines, blanks and padding are.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "proto/wire.h"

struct pem_block {
	struct slice	 label;		/* "OPENSSH PRIVATE KEY" */
	struct slice	 body;		/* base64, with its line ends */
	bool		 encrypted;	/* a header says so */
};

/**
 * pem_next(in, out, why):
 * Find the next private key in ${in}, which moves past it.  All other text,
 * and blocks whose label does not speak of a private key, are passed over.
 *
 * A line ends in LF, CRLF or CR, the last one perhaps in nothing; blanks
 * around a line do not count.
 *
 * Owns:   ${out} borrows from ${in}.
 * Errors: ST_NOT_FOUND    no further key begins in ${in}
 *         ST_MALFORMED    no END line, an END line of something else or
 *                         without its beginning, or lines run together
 *         ST_UNSUPPORTED  a private key in another kind of text: PuTTY, SSH2
 *         *${why} is then a static line for people, "" for ST_NOT_FOUND, and
 *         ${in} has moved past what it is about.
 */
int pem_next(struct slice *in, struct pem_block *out, const char **why)
    MUST_USE;

/**
 * pem_line(in, line):
 * Take one line off the front of ${in}, without its end and the blanks around
 * it; false when nothing is left.
 */
bool pem_line(struct slice *in, struct slice *line) MUST_USE;

/**
 * pem_decoded_max(body):
 * Room that pem_decode() needs at most.
 */
size_t pem_decoded_max(struct slice body);

/**
 * pem_decode(body, out, cap, len):
 * Undo the base64 of a body into ${cap} bytes at ${out}.
 *
 * Errors: ST_MALFORMED  a character that does not belong there, padding that
 *                       is missing or too much, bits set beyond the last byte
 *         ST_TOO_LARGE  more than ${cap} bytes
 *         ${out} may then be partly written; *${len} is 0.
 */
int pem_decode(struct slice body, uint8_t *out, size_t cap, size_t *len)
    MUST_USE;

#endif /* !PEM_H_ */
