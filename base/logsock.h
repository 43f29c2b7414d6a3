#ifndef LOGSOCK_H_
#define LOGSOCK_H_

/*
 * logsock - messages for the syslog daemon, sent without waiting for it.
 *
 * Layer:   base.  syslog(3) is not used: it waits for as long as the daemon
 *          takes nothing.
 * Source:  RFC 3164, as syslog(3) of libc writes it.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* Where the daemon listens. */
#define LOGSOCK_PATH	"/dev/log"
/* Bytes of the longest head, with the NUL. */
#define LOGSOCK_HEAD_MAX	192

struct logsock {
	int	 fd;		/* -1: not connected */
	bool	 stream;
};

/**
 * logsock_open(s), logsock_close(s):
 * Connect to the daemon: by datagrams, or by a stream where it wants one.
 *
 * Errors: ST_SYSTEM  there is none; logsock_send() tries again
 */
int logsock_open(struct logsock *s) MUST_USE;
void logsock_close(struct logsock *s);

/**
 * logsock_head(p, size, priority, program):
 * Write what stands before a message, with the time and our pid, into ${size}
 * bytes, LOGSOCK_HEAD_MAX of which are enough; returns its length.
 */
size_t logsock_head(char *p, size_t size, int priority, const char *program);

/**
 * logsock_send(s, p, len):
 * Send a message; behind its ${len} bytes is a NUL.  A daemon that was started
 * anew is connected to again.
 *
 * Errors: ST_MORE    it takes nothing now: ->fd can be waited for
 *         ST_SYSTEM  there is none
 */
int logsock_send(struct logsock *s, const char *p, size_t len) MUST_USE;

#endif /* !LOGSOCK_H_ */
