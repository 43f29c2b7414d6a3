#ifndef WORKERS_H_
#define WORKERS_H_

/*
 * workers - threads for what takes too long for an event loop.
 *
 * Layer:   base.
 * Threads: the functions here are for the loop's thread alone.  ->run() is
 *          called in a worker, ->done() in the loop's thread.
 * Memory:  the work belongs to whoever hands it in, and stays where it is until
 *          ->done() or workers_cancel().
 *
 * Work is done on somebody's account, and accounts share the workers evenly by
 * the time that their work takes: one with a thousand pieces waiting delays
 * another one's by what is being run, not by the thousand.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/status.h"

/* Most threads. */
#define WORKERS_MAX	64

struct workers;

/* A piece of work: a member of what it is about. */
struct work {
	void		(*run)(struct work *w);
	void		(*done)(struct work *w);
	unsigned	 account;	/* a uid, say */
	bool		 alone;		/* not beside another such piece */
	/* Of workers.c. */
	struct work	*next;
	int64_t		 spent_ns;	/* CPU time that it took */
};

/**
 * workers_new(out, loop, n, begin, cookie):
 * Start ${n} threads, 1 to WORKERS_MAX.  Each calls ${begin} first; when this
 * returns they all have, and wait for work with every signal blocked.
 *
 * Errors: ST_SYSTEM  not one thread could be started, or ${begin} failed in
 *                    one
 *         ST_NOMEM
 *         Fewer than ${n} are no error: workers_count() tells.
 */
int workers_new(struct workers **out, struct loop *loop, size_t n,
    int (*begin)(void *cookie), void *cookie) MUST_USE;

size_t workers_count(const struct workers *ws);

/**
 * workers_submit(ws, w):
 * Have ${w} run, and then have it done().
 */
void workers_submit(struct workers *ws, struct work *w);

/**
 * workers_cancel(ws, w):
 * Take ${w} back if no worker has begun with it; then it is the caller's, and
 * done() is not called.  false: it is being run, or was, and done() is still to
 * come.
 */
bool workers_cancel(struct workers *ws, struct work *w) MUST_USE;

/**
 * workers_free(ws):
 * Wait for what is being run, call done() for it and for all that was not run,
 * and end the threads.  NULL is fine.
 */
void workers_free(struct workers *ws);

#endif /* !WORKERS_H_ */
