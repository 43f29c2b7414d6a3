#ifndef DOOR_H_
#define DOOR_H_

/*
 * door - who connects is let in by a worker while that takes the first thread's
 * time from others.
 *
 * Layer:   agent.
 * Threads: the first one.  The worker has a lot at a time for itself.
 *
 * To accept a connection and to close it takes the kernel 10 us or more, more
 * than most requests, and nothing can be served meanwhile.  A worker stands
 * back for the first thread at any moment.  So while somebody connects all the
 * time and others want to be served, it accepts a lot of connections, which are
 * then looked at one after the other, and closes those that have ended.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/loop.h"
#include "base/status.h"
#include "base/workers.h"

/* Connections of one lot. */
#define DOOR_LOT	32
/* A lot that no worker has begun after so long is given up. */
#define DOOR_WAIT_MS	4
/* Connections are closed in lots for so long after one was sent. */
#define DOOR_BUSY_MS	20

struct door;

/**
 * door_new(out, loop, workers, listen_fd, come, cookie):
 * ${come} is called when a lot is there.
 *
 * Owns:   ${listen_fd} stays the caller's.
 * Errors: ST_NOMEM
 */
int door_new(struct door **out, struct loop *loop, struct workers *workers,
    int listen_fd, void (*come)(void *cookie), void *cookie) MUST_USE;

/**
 * door_free(d):
 * Close what nobody has taken.  Before workers_free(); NULL is fine.
 */
void door_free(struct door *d);

/**
 * door_send(d, most):
 * Have a worker let at most ${most} in; there is neither a lot under way nor
 * one that is not taken.
 */
void door_send(struct door *d, size_t most);

/**
 * door_away(d):
 * Whether a lot is under way.  False of NULL.
 */
bool door_away(const struct door *d);

/**
 * door_next(d):
 * The next connection of the lot, which is the caller's then: non-blocking, and
 * close-on-exec.  -1: there is none left, and none at all of NULL.
 */
int door_next(struct door *d);

/**
 * door_end(d), door_size(d):
 * Why there were no more in the last lot: an errno of accept4(2); 0: there may
 * be.  And how many there were.
 */
int door_end(const struct door *d);
size_t door_size(const struct door *d);

/**
 * door_close(d, fd):
 * Close a connection; in the next lot, if one was sent lately, or soon.
 */
void door_close(struct door *d, int fd);

/**
 * door_held(d):
 * Descriptors of connections that are no clients yet, or none any more.
 */
size_t door_held(const struct door *d);

#endif /* !DOOR_H_ */
