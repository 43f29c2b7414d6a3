#ifndef DIAL_H_
#define DIAL_H_

/*
 * dial - a TCP connection to the first of a host's addresses that answers,
 * and what is said over it before there is a tunnel.
 *
 * Layer:   forwarder.
 * Source:  RFC 8305 (happy eyeballs), tcp(7).
 *
 * A deadline is a time of clock_ms().
 */

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "forwarder/target.h"

/**
 * dial(t, deadline, fd, why, whylen):
 * Look the host up and connect, one address after the other, of both families
 * in turn; the next one is begun when one fails or has not answered for a
 * quarter of a second.  The descriptor is non-blocking and close-on-exec, with
 * TCP_NODELAY, and notices a dead peer by keepalive.
 *
 * Not after SIGALRM was given a handler: it is used for the name lookup.  When
 * that takes longer than until the ${deadline} the process says so on stderr
 * and exits with EXIT_UNREACHABLE, since nothing else ends getaddrinfo(3).
 *
 * Errors: ST_NOT_FOUND  there is no such name, or no answer about it
 *         ST_CLOSED     no address answers; of the last one ${why} says how
 *         ST_BUSY       not until the ${deadline}
 *         ST_SYSTEM
 *         ${why} holds one line.
 */
int dial(const struct target *t, int64_t deadline, int *fd, char *why,
    size_t whylen) MUST_USE;

/**
 * dial_lookup(t, deadline, out, why, whylen):
 * The first address of the name ${t}, as a target of the same port.
 *
 * Errors: as dial()
 */
int dial_lookup(const struct target *t, int64_t deadline, struct target *out,
    char *why, size_t whylen) MUST_USE;

/**
 * dial_send(fd, p, n, deadline):
 * All of it.
 *
 * Errors: ST_CLOSED, ST_BUSY (not until the ${deadline}), ST_SYSTEM
 */
int dial_send(int fd, const void *p, size_t n, int64_t deadline) MUST_USE;

/**
 * dial_peek(fd, p, max, deadline, got):
 * What has arrived, at least one byte, without taking it off the socket.
 *
 * Errors: ST_CLOSED  end of file, or the connection was reset
 *         ST_BUSY    nothing until the ${deadline}
 *         ST_SYSTEM
 */
int dial_peek(int fd, void *p, size_t max, int64_t deadline, size_t *got)
    MUST_USE;

/**
 * dial_take(fd, p, n, deadline):
 * ${n} bytes exactly.
 *
 * Errors: as dial_peek()
 */
int dial_take(int fd, void *p, size_t n, int64_t deadline) MUST_USE;

#endif /* !DIAL_H_ */
