#ifndef REFUSAL_H_
#define REFUSAL_H_

/*
 * refusal - what a proxy's no means, and what to change.
 *
 * Layer:   forwarder.  No I/O, no clock, no globals.
 * Source:  RFC 9110 section 15; RFC 1928 section 6; pipelock's configuration
 *          reference; squid's error names.
 *
 * Every byte of an answer is hostile: what is kept of it here is one line of
 * printable text and bounded.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "forwarder/answerbody.h"
#include "forwarder/exitcode.h"
#include "forwarder/httpconnect.h"
#include "forwarder/target.h"

struct refusal {
	enum exit_code	 code;
	char		 what[192];	/* "403 Forbidden" */
	char		 said[400];	/* the proxy's own line; may be empty */
	char		 hint[400];	/* its hint; may be empty */
	char		 advice[600];	/* what to do */
};

/**
 * refusal_http(head, body, target, credentials, out):
 * ${head} has a status that is not 2xx, and ${body} is what there is of its
 * body.  ${credentials}: some were sent.
 */
void refusal_http(const struct httpconnect_head *head,
    const struct answerbody *body, const struct target *target,
    bool credentials, struct refusal *out);

/**
 * refusal_socks(code, target, out):
 * The reply ${code} is not SOCKS5_OK.
 */
void refusal_socks(uint8_t code, const struct target *target,
    struct refusal *out);

/* How a tunnel ended, as seen from inside. */
struct refusal_cut {
	int64_t		 age_ms;	/* from the proxy's yes */
	int64_t		 idle_in_ms;	/* since the last byte of the server */
	int64_t		 idle_out_ms;	/* since the last byte of ours */
	uint64_t	 bytes_in;	/* of the server */
	bool		 proxied;
};

/**
 * refusal_cut(c, target, out, outlen):
 * One line about a tunnel that the other side closed first.
 */
void refusal_cut(const struct refusal_cut *c, const struct target *target,
    char *out, size_t outlen);

#endif /* !REFUSAL_H_ */
