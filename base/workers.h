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
 *
 * Nor by that, where there is a quick worker: one more, which takes nothing but
 * single pieces, and is idle when there is none.  A piece is single while its
 * account has nothing else waiting or being run, so one with more to be done
 * than is done has none.  Given a better priority than the others, the quick
 * one takes the processor from them.  It cannot be made to give up what it has
 * begun: so an account whose piece took longer than WORKERS_SLICE_NS of it
 * while another one's waited is left to the others for WORKERS_REST times as
 * long, and an ->alone piece and a ->patient one always are.
 *
 * Nothing waits for ever, and here is why.  The ordinary workers take every
 * piece, single or not, and never leave one while they are idle.  They take
 * them in the order of virtual times that the quick one neither looks at nor
 * moves: one that waits has a fixed one, nobody starts below that of the last
 * one taken, and whoever is taken moves on by what it cost.  So each of the
 * other accounts gets before it the difference at the most, once; and in one
 * account it is first come, first served.  What the quick one takes out of that
 * queue can only make it shorter.  The quick one does the same among single
 * pieces, with virtual times of its own.
 *
 * What it costs: the quick one is one thread, however many accounts have single
 * pieces, and shares a processor with the others as the kernel divides it by
 * the priorities of both.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/status.h"

/* Most threads, the quick one not counted. */
#define WORKERS_MAX	64

/* CPU time of the quick one that may be taken while others wait for it, and how
 * many times as long as it took an account is left to the others whose piece
 * took more: so one account keeps it from another one for less than one part in
 * a hundred. */
#define WORKERS_SLICE_NS	1000000
#define WORKERS_REST		128

/* As long it may take to find a processor that is free. */
#define WORKERS_BESIDE_NS	50000

struct workers;

/* A piece of work: a member of what it is about. */
struct work {
	void		(*run)(struct work *w);
	void		(*done)(struct work *w);
	unsigned	 account;	/* a uid, say */
	bool		 alone;		/* not beside another such piece */
	bool		 patient;	/* not for the quick worker */
	/* Of workers.c. */
	struct work	*next;
	int64_t		 spent_ns;	/* CPU time that it took */
};

/* What threads do before they work; a NULL is nothing. */
struct workers_start {
	void		(*begin)(void *cookie, bool quick);	/* at once */
	int		(*ready)(void *cookie);	/* when there is work, or from
						 * workers_release() on */
	void		*cookie;
};

/**
 * workers_new(out, loop, n, quick, start):
 * Start ${n} threads, 1 to WORKERS_MAX, and one more if there is to be a
 * ${quick} one.  Each does what ${start} says, NULL for nothing, and then waits
 * for work, with every signal blocked all the while.
 *
 * Errors: ST_SYSTEM  not one thread could be started
 *         ST_NOMEM
 *         Fewer than that are no error: workers_count() and workers_quick()
 *         tell.
 */
int workers_new(struct workers **out, struct loop *loop, size_t n, bool quick,
    const struct workers_start *start) MUST_USE;

/**
 * workers_release(ws):
 * Let them call ->ready() now, before there is work.
 */
void workers_release(struct workers *ws);

/**
 * workers_ready(ws):
 * Release them, and wait until each has called ->ready().
 *
 * Errors: ST_SYSTEM  it failed in one, which runs nothing that it is given; all
 *                    that is left is workers_free()
 */
int workers_ready(struct workers *ws) MUST_USE;

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
 * Take ${w} back if no worker has it yet; then it is the caller's, and done()
 * is not called.  false: it is being run, or was, and done() is still to come.
 */
bool workers_cancel(struct workers *ws, struct work *w) MUST_USE;

/**
 * workers_beside(ws):
 * Whether the quick worker has a piece since WORKERS_BESIDE_NS and has the
 * processor that the caller is on, or none yet, as far as is known.
 */
bool workers_beside(struct workers *ws);

/**
 * workers_free(ws):
 * Wait for what is being run, call done() for it and for all that was not run,
 * and end the threads.  NULL is fine.
 */
void workers_free(struct workers *ws);

#endif /* !WORKERS_H_ */
