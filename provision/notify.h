#ifndef NOTIFY_H_
#define NOTIFY_H_

/*
 * notify - tell the service manager how we are, if there is one that asked.
 *
 * Layer:   provision.  Plain POSIX.
 * Source:  sd_notify(3): datagrams to the socket in NOTIFY_SOCKET, a path or,
 *          behind a '@', a name of Linux's without a file.
 */

#include <stddef.h>

#include "base/status.h"

struct notify {
	int	 fd;		/* -1: nobody asked */
};

/**
 * notify_open(n, address):
 * ${address} is what NOTIFY_SOCKET has, or NULL: then nothing is ever sent.
 *
 * Errors: ST_MALFORMED  it is neither a path nor a name, or is too long
 *         ST_CLOSED     nobody listens there
 *         ST_SYSTEM
 *         ${n} is then as with NULL.
 */
int notify_open(struct notify *n, const char *address) MUST_USE;

/**
 * notify_send(n, fmt, ...):
 * Lines such as "READY=1\nSTATUS=...".  What cannot be sent at once is lost.
 */
void notify_send(const struct notify *n, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

/**
 * notify_close(n):
 * May be called twice.
 */
void notify_close(struct notify *n);

#endif /* !NOTIFY_H_ */
