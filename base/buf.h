#ifndef BUF_H_
#define BUF_H_

/*
 * buf - a bounded queue of bytes on its way out of a socket.
 *
 * Layer:   base.
 * Memory:  grows up to a limit set at init, and is released whenever it runs
 *          empty: an idle connection holds nothing.
 * Secrets: none belong here; it wipes what it drops all the same.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct buf {
	uint8_t		*p;
	size_t		 head;	/* first byte not yet taken */
	size_t		 len;	/* bytes from head on */
	size_t		 cap;
	size_t		 max;
};

/**
 * buf_init(b, max):
 * An empty queue that will never hold more than ${max} bytes.
 */
void buf_init(struct buf *b, size_t max);

/**
 * buf_fini(b):
 * Wipe and release.  May be called twice.
 */
void buf_fini(struct buf *b);

/**
 * buf_len(b), buf_room(b):
 * Bytes waiting, and bytes that can still be put.
 */
size_t buf_len(const struct buf *b);
size_t buf_room(const struct buf *b);

/**
 * buf_put(b, p, n):
 * Append ${n} bytes, all or none.
 *
 * Errors: ST_FULL   they would pass the limit
 *         ST_NOMEM
 */
int buf_put(struct buf *b, const void *p, size_t n) MUST_USE;

/**
 * buf_drain(b, fd):
 * Send what is waiting over the socket ${fd}, as much as it takes now.  Never
 * raises SIGPIPE.
 *
 * Errors: ST_OK      empty now
 *         ST_MORE    the socket is full; call again when it is writable
 *         ST_CLOSED  the other end is gone
 */
int buf_drain(struct buf *b, int fd) MUST_USE;

#endif /* !BUF_H_ */
