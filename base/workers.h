#ifndef WORKERS_H_
#define WORKERS_H_

/*
 * workers - threads for what takes too long for an event loop.
 *
 * Layer:   base.
 * Threads: the functions here are for the loop's thread alone.  ->run() is
 *          called in a worker, ->done() in the loop's thread.
 * Memory:  the work belongs to whoever hands it in, until ->done().
 *
 * Work is done on somebody's account, and accounts share the workers evenly by
 * the time that their work takes: one with a thousand pieces waiting delays
 * another one's by what is being run, not by the thousand.
 *
 * Nor by that, where there is a quick worker: one more, which takes nothing but
 * fresh pieces, and is idle when there is none.  Fresh is what is handed in for
 * an account of which nothing else waits or is being run, so an account has one
 * of them at a time, and one with more to be done than is done has none.  Given
 * a better priority than the others, the quick one takes the processor from
 * them.  Accounts share it evenly, too, and apart from the others.
 *
 * However many accounts bring fresh work, that is one thread.  The others are
 * never idle while something else waits, and share a processor with the quick
 * one as the kernel divides it by the priorities of both.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/status.h"

/* Most threads, the quick one not counted. */
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
	bool		 fresh;
	int64_t		 spent_ns;	/* CPU time that it took */
};

/**
 * workers_new(out, loop, n, quick, begin, cookie):
 * Start ${n} threads, 1 to WORKERS_MAX, and one more if there is to be a
 * ${quick} one.  Each calls ${begin} first, which may be NULL; when this
 * returns they all have, and wait for work with every signal blocked.
 *
 * Errors: ST_SYSTEM  not one thread could be started, or ${begin} failed in
 *                    one
 *         ST_NOMEM
 *         Fewer than that are no error: workers_count() and workers_quick()
 *         tell.
 */
int workers_new(struct workers **out, struct loop *loop, size_t n, bool quick,
    int (*begin)(void *cookie, bool quick), void *cookie) MUST_USE;

/**
 * workers_count(ws), workers_quick(ws):
 * How many threads there are beside the quick one, and whether there is that.
 */
size_t workers_count(const struct workers *ws);
bool workers_quick(const struct workers *ws);

/**
 * workers_submit(ws, w):
 * Have ${w} run, and then have it done().
 */
void workers_submit(struct workers *ws, struct work *w);

/**
 * workers_cancel(ws, w):
 * Have ${w} not run, if it still waits.  False: it does not, and will be
 * done().
 */
bool workers_cancel(struct workers *ws, struct work *w) MUST_USE;

/**
 * workers_beside(ws, out, max):
 * Find the work that threads do, or are about to do, on the processor that the
 * caller is on, as far as is known; how much.  It is not done() before the
 * caller returns to the loop.
 */
size_t workers_beside(struct workers *ws, struct work **out, size_t max);

/**
 * workers_free(ws):
 * Wait for what is being run, call done() for it and for all that was not run,
 * and end the threads.  NULL is fine.
 */
void workers_free(struct workers *ws);

#endif /* !WORKERS_H_ */
