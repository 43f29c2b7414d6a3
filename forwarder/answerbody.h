#ifndef ANSWERBODY_H_
#define ANSWERBODY_H_

/*
 * answerbody - what a proxy says in the body of its no.
 *
 * Layer:   forwarder.  No I/O, no clock, no globals.
 * Source:  RFC 9112 section 7.1 (chunks), RFC 8259 (JSON).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "forwarder/httpconnect.h"

/* Most of a body that is read to find a reason in, as it comes. */
#define ANSWERBODY_MAX	4096

struct answerbody {
	char		 text[ANSWERBODY_MAX];	/* without its chunks */
	size_t		 n;
	const char	*line;	/* of it: the reason, or NULL */
	size_t		 len;
	bool		 told;	/* the reason is there to its end */
	bool		 end;	/* and so is all of the body */
};

/**
 * answerbody_read(head, raw, n, out):
 * The first ${n} bytes of a body, at most ANSWERBODY_MAX, as they came.  The
 * reason is of a page its title, of a JSON object a string "message", "reason"
 * or "error", the outermost one first and one in an object "error" before
 * others; and of all else the first line with something in it.
 *
 * It can be asked again and again while the body grows.
 */
void answerbody_read(const struct httpconnect_head *head, const uint8_t *raw,
    size_t n, struct answerbody *out);

#endif /* !ANSWERBODY_H_ */
