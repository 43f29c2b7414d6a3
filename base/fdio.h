#ifndef FDIO_H_
#define FDIO_H_

/*
 * fdio - descriptors: whole reads and writes, flags, sweeping.
 *
 * Layer:   base.
 */

#include <stddef.h>
#include <sys/types.h>

#include "base/status.h"

/**
 * fdio_std_open():
 * Open /dev/null on every one of descriptors 0 to 2 that is closed, so that no
 * socket or file ends up there by accident.
 *
 * Errors: ST_SYSTEM.
 */
int fdio_std_open(void) MUST_USE;

/**
 * fdio_std_null():
 * Point descriptors 0 to 2 at /dev/null.
 *
 * Errors: ST_SYSTEM.
 */
int fdio_std_null(void) MUST_USE;

/**
 * fdio_sweep(keep, n):
 * Close every descriptor from 3 on but the ${n} in ${keep}, which must be
 * sorted in ascending order; entries below 3 are passed over.  It does nothing
 * but what a handler of a signal may: it can follow fork(2) where there are
 * threads.
 */
void fdio_sweep(const int *keep, size_t n);

/**
 * fdio_read_full(fd, p, n, got), fdio_write_full(fd, p, n):
 * Go on until ${n} bytes were moved, over interruptions and short counts.
 * Works on blocking descriptors; writing to a socket raises no SIGPIPE.
 *
 * Errors: ST_CLOSED  end of file first (read), or nobody reads (write)
 *         ST_SYSTEM
 *         *${got} is how many bytes were read, also on error; it may be NULL.
 */
int fdio_read_full(int fd, void *p, size_t n, size_t *got) MUST_USE;
int fdio_write_full(int fd, const void *p, size_t n) MUST_USE;

/**
 * fdio_nonblock(fd):
 *
 * Errors: ST_SYSTEM.
 */
int fdio_nonblock(int fd) MUST_USE;

#endif /* !FDIO_H_ */
