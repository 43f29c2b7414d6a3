#ifndef CHOICE_H_
#define CHOICE_H_

/*
 * choice - what an input says where it is no message but a list of choices, and
 * parts of one with NULs between them.
 *
 * Whatever bytes there are, there is a choice: behind the end all are 0.
 */

#include "fuzz/fuzz.h"

/* The next byte, 0 at the end. */
static inline uint8_t
choice_byte(struct wire_reader *r)
{
	uint8_t b = 0;

	return wire_get_u8(r, &b) == ST_OK ? b : 0;
}

/* One of n things. */
static inline unsigned
choice_of(struct wire_reader *r, size_t n)
{
	return (unsigned)(choice_byte(r) % n);
}

/* The next part, up to a NUL or the end, which ${rest} is moved behind. */
static inline struct slice
choice_part(struct slice *rest)
{
	const uint8_t *nul = rest->len > 0 ?
	    memchr(rest->p, '\0', rest->len) : NULL;
	size_t len = nul != NULL ? (size_t)(nul - rest->p) : rest->len;
	struct slice part = { rest->p, len };

	rest->p += len + (nul != NULL);
	rest->len -= len + (nul != NULL);
	return part;
}

#endif /* !CHOICE_H_ */
