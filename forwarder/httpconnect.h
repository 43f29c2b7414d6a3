#ifndef HTTPCONNECT_H_
#define HTTPCONNECT_H_

/*
 * httpconnect - the CONNECT request and the head of its answer.
 *
 * Layer:   forwarder.  No I/O, no clock, no globals.
 * Source:  RFC 9110 sections 9.3.6 and 15, RFC 9112 sections 3 to 6, RFC 7617
 *          section 2.
 * Memory:  works in what the caller lends.
 * Secrets: a request may hold a password.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/text.h"
#include "forwarder/proxyurl.h"
#include "forwarder/target.h"

/* Most of an answer's head that is taken, all of its 1xx together. */
#define HTTPCONNECT_HEAD_MAX	(64 * 1024)
/* Most 1xx before the answer proper. */
#define HTTPCONNECT_INTERIM_MAX	8
/* Most header lines of the user's own, and the longest. */
#define HTTPCONNECT_EXTRA_MAX	16
#define HTTPCONNECT_EXTRA_LEN	1024
/* Room for the longest request. */
#define HTTPCONNECT_REQUEST_MAX	(32 * 1024)

/**
 * httpconnect_extra(line, why, whylen):
 * Whether ${line} may be sent as a header line: "NAME: VALUE", of printable
 * ASCII, and none that says where the tunnel goes, where a message ends or
 * who we are.
 *
 * Errors: ST_MALFORMED  ${why} says what is wrong
 */
int httpconnect_extra(const char *line, char *why, size_t whylen) MUST_USE;

/**
 * httpconnect_request(t, target, auth, extra, n):
 * Append the request: CONNECT, Host, User-Agent, Proxy-Authorization when
 * ${auth} has something, and ${n} lines that httpconnect_extra() was asked
 * about.
 *
 * Owns:   who calls wipes what is behind ${t}.
 * Errors: ST_TOO_LARGE  it does not fit; not with HTTPCONNECT_REQUEST_MAX
 */
int httpconnect_request(struct text *t, const struct target *target,
    const struct credentials *auth, const char *const *extra, size_t n)
    MUST_USE;

/* Where in a head we are; all zero is its beginning. */
struct httpconnect_scan {
	size_t	 total;		/* bytes of it so far */
	size_t	 line;		/* bytes in this line, without CR */
	bool	 cr;		/* a CR was the last byte */
};

/**
 * httpconnect_scan(s, p, n, used):
 * Look for the end of the head in the next ${n} bytes of an answer.  *${used}
 * is how many of them belong to the head: not one behind it.
 *
 * Errors: ST_MORE       all of them do, and it is not at its end
 *         ST_MALFORMED  this is no answer of HTTP
 *         ST_TOO_LARGE  above HTTPCONNECT_HEAD_MAX
 */
int httpconnect_scan(struct httpconnect_scan *s, const uint8_t *p, size_t n,
    size_t *used) MUST_USE;

/* A head that was taken apart; slices of it. */
struct httpconnect_head {
	unsigned	 status;	/* 100 to 999 */
	const char	*reason;
	size_t		 reason_len;
	const char	*hint;		/* X-Pipelock-Hint, or NULL */
	size_t		 hint_len;
	const char	*problem;	/* X-Squid-Error, or NULL */
	size_t		 problem_len;
	bool		 html;		/* Content-Type */
	bool		 chunked;	/* Transfer-Encoding */
	bool		 has_length;
	uint64_t	 length;	/* Content-Length */
};

/**
 * httpconnect_parse(p, n, out):
 * Take a whole head apart.
 *
 * Owns:   ${out} borrows from ${p}.
 * Errors: ST_MALFORMED  its first line is none of HTTP/1.0 or 1.1
 */
int httpconnect_parse(const uint8_t *p, size_t n,
    struct httpconnect_head *out) MUST_USE;

#endif /* !HTTPCONNECT_H_ */
