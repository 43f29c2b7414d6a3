#ifndef EXCHANGE_H_
#define EXCHANGE_H_

/*
 * exchange - ask a proxy for a tunnel and read its answer: not one byte that
 * belongs into the tunnel is taken off the socket.
 *
 * Layer:   forwarder.
 * Source:  see forwarder/httpconnect.h and forwarder/socks5.h.
 * Secrets: what was sent with credentials in it is wiped.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "forwarder/proxyurl.h"
#include "forwarder/refusal.h"
#include "forwarder/target.h"

struct exchange {
	const struct proxy	*proxy;		/* not PROXY_DIRECT */
	const struct target	*target;
	const char *const	*extra;		/* header lines, for HTTP */
	size_t			 n_extra;
	int64_t			 deadline;	/* of clock_ms(), for all of it */
};

/**
 * exchange_open(x, fd, out):
 * Ask over the connected socket ${fd}.  ${out}->what is the answer, "200
 * Connection established", also when it is a yes.
 *
 * Errors: ST_DENIED     the proxy said no; ${out} says what and why
 *         ST_MALFORMED  its answer is none, came too slowly, or ended in the
 *                       middle; ${out}->what says how, ->advice what to do
 *         ST_TOO_LARGE  the credentials are too long for this proxy; as above
 *         ST_SYSTEM     ${out}->what
 *         ${out}->code is set for each.
 */
int exchange_open(const struct exchange *x, int fd, struct refusal *out)
    MUST_USE;

#endif /* !EXCHANGE_H_ */
