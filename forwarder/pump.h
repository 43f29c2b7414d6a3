#ifndef PUMP_H_
#define PUMP_H_

/*
 * pump - carry bytes between ssh's two descriptors and a socket until both
 * directions have ended.
 *
 * Layer:   forwarder.
 * Source:  splice(2), tcp(7); RFC 4253 section 4.2 (what a server says first).
 *
 * No descriptor of ssh's is made non-blocking: they are shared with others.
 * No more is taken in than can be given on, but for one buffer a direction.
 */

#include <stdint.h>

#include "base/status.h"
#include "forwarder/refusal.h"
#include "forwarder/target.h"

struct pump {
	int			 in, out;	/* ssh's end */
	int			 sock;		/* connected, non-blocking */
	const struct target	*target;
	bool			 proxied;	/* there is a proxy to blame */

	/* What came of it. */
	bool			 not_ssh;	/* the server's first bytes */
	bool			 failed;	/* out could not be written */
	bool			 cut;		/* it ended first, or said nothing */
	uint64_t		 bytes_in;	/* from the server */
};

/**
 * pump_run(p):
 * Returns when each direction has ended: the end of ${p}->in is passed on as
 * a shutdown of the socket, that of the socket by closing ${p}->out, and a
 * side that takes no more ends what is meant for it, which is a failure only
 * where nobody has closed it: a full disk.  What the server says
 * first, and that it ends first, is logged as it is seen: before ${p}->out is
 * closed, since ssh then ends us.  It has not ended first where ${p}->in ends
 * at about the same time.  SIGPIPE must be ignored.
 *
 * Owns:   closes ${p}->in, ${p}->out and ${p}->sock.
 * Errors: ST_SYSTEM  poll(2) or a read failed; it was logged
 */
int pump_run(struct pump *p) MUST_USE;

#endif /* !PUMP_H_ */
