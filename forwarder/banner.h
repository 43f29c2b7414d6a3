#ifndef BANNER_H_
#define BANNER_H_

/*
 * banner - whether what a server says first is SSH.
 *
 * Layer:   forwarder.  No I/O, no clock, no globals.
 * Source:  RFC 4253 section 4.2: the line that begins with "SSH-" may come
 *          behind other lines of text.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "forwarder/target.h"

/* Most text in front of the server's line that is taken for such lines. */
#define BANNER_TEXT_MAX		8192
/* Longest line of a server (RFC 4253 section 4.2), without CR and LF. */
#define BANNER_LINE_MAX		253

enum banner {
	BANNER_MORE,		/* nothing can be said yet */
	BANNER_SSH,
	BANNER_TLS,
	BANNER_HTTP,
	BANNER_BINARY,		/* not even text */
	BANNER_TEXT,		/* text without end */
};

/* What was seen so far; all zero is the beginning. */
struct banner_scan {
	enum banner	 kind;
	size_t		 total;		/* bytes that were looked at */
	size_t		 column;	/* of the line that we are in */
	bool		 other;		/* that line is not the server's */
	bool		 whole;		/* that of the server is complete */
	bool		 endless;	/* or too long to be one */
	size_t		 line_len, first_len;
	char		 line[BANNER_LINE_MAX];	/* the server's; cut */
	char		 first[BANNER_LINE_MAX];	/* the first; cut */
};

/**
 * banner_scan(s, p, n):
 * Look at the next ${n} bytes of the server, in pieces of any size.  Returns
 * ${s}->kind, which does not change once it is not BANNER_MORE; with
 * BANNER_SSH, go on until ${s}->whole or ->endless to have the line.
 */
enum banner banner_scan(struct banner_scan *s, const uint8_t *p, size_t n);

/**
 * banner_not_ssh(s, target, out, outlen):
 * One line about a server that does not speak SSH: ${s}->kind is neither
 * BANNER_SSH nor, unless no more comes, BANNER_MORE.
 */
void banner_not_ssh(const struct banner_scan *s, const struct target *target,
    char *out, size_t outlen);

#endif /* !BANNER_H_ */
