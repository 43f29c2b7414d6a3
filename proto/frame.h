#ifndef FRAME_H_
#define FRAME_H_

/*
 * frame - whole agent messages out of a stream of bytes.
 *
 * Layer:   proto.
 * Source:  RFC 9987 section "Protocol Messages": u32 length, then that many
 *          bytes, the first of which is the message number.
 */

#include <stdint.h>

#include "proto/wire.h"

/* Bytes of the length field. */
#define FRAME_HEAD	4
/* Longest body, in bytes; what OpenSSH accepts (AGENT_MAX_LEN). */
#define FRAME_BODY_MAX	(256 * 1024)
/* Longest frame, in bytes. */
#define FRAME_MAX	(FRAME_HEAD + FRAME_BODY_MAX)

/**
 * frame_next(in, body):
 * Take one whole frame from the front of ${in}.
 *
 * Owns:   ${body} borrows from ${in}; it has at least one byte.
 * Errors: ST_MORE       not all of it is there yet
 *         ST_MALFORMED  a length of zero
 *         ST_TOO_LARGE  a length above FRAME_BODY_MAX
 *         On error ${in} is unchanged and ${body} empty.  The length is not
 *         judged before a fifth byte has arrived, as in OpenSSH.
 */
int frame_next(struct slice *in, struct slice *body) MUST_USE;

/* What can be said of a frame whose beginning is there. */
struct frame_peek {
	size_t	 need;		/* bytes of the whole frame; FRAME_HEAD + 1
				 * while fewer than that have arrived */
	uint8_t	 type;		/* message number, if `typed` */
	bool	 typed;
};

/**
 * frame_peek(in, out):
 * Look at the frame that ${in} begins with.
 *
 * Errors: ST_MALFORMED, ST_TOO_LARGE  as frame_next()
 */
int frame_peek(struct slice in, struct frame_peek *out) MUST_USE;

/**
 * frame_open(w), frame_close(w, mark):
 * Begin a frame in a writer; close fills its length in.
 */
size_t frame_open(struct wire_writer *w);
void frame_close(struct wire_writer *w, size_t mark);

#endif /* !FRAME_H_ */
