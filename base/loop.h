#ifndef LOOP_H_
#define LOOP_H_

/*
 * loop - wait for descriptors, deadlines and signals; call who asked.
 *
 * Layer:   base.  epoll(7), one thread.
 * Memory:  records are members of the objects they serve, so waiting for
 *          something needs no allocation.  The caller zeroes a record, fills
 *          in its public fields and leaves the private ones alone.
 *
 * A callback returns ST_OK to go on; anything else ends loop_run() with that
 * value, so trouble with one peer must be turned into dropping that peer.  A
 * callback may delete any record, its own included, and free the object that
 * holds it: a record that was deleted is not called any more, not even when
 * it was already ready in the same pass.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#define LOOP_READ	1u
#define LOOP_WRITE	2u
/* Only reported: the other end is quite gone.  It comes in every pass until the
 * record is deleted, whatever is wanted, and what is wanted comes with it; but
 * where nothing is wanted, once after each loop_fd_want(). */
#define LOOP_HANGUP	4u

struct loop;

typedef int loop_fd_fn(void *cookie, unsigned ready);
typedef int loop_fn(void *cookie);
typedef int loop_signal_fn(void *cookie, int signo);

struct loop_fd {
	int		 fd;
	unsigned	 want;		/* LOOP_READ | LOOP_WRITE, or 0 */
	loop_fd_fn	*fn;
	void		*cookie;

	bool		 added;		/* private from here */
	bool		 told;		/* of a hang-up, and asks for nothing */
};

/* A deadline on the monotonic clock, in milliseconds (base/clock.h). */
struct loop_timer {
	loop_fn		*fn;
	void		*cookie;

	int64_t		 deadline_ms;	/* private from here */
	bool		 set;
	struct loop_timer *prev, *next;
};

/* Something to be done before the loop waits again, after this callback. */
struct loop_later {
	loop_fn		*fn;
	void		*cookie;

	bool		 set;		/* private from here */
	struct loop_later *prev, *next;
};

/**
 * loop_new(out):
 *
 * Errors: ST_NOMEM, ST_SYSTEM.
 */
int loop_new(struct loop **out) MUST_USE;

/**
 * loop_free(loop):
 * Close the loop.  Records still in it are forgotten, descriptors stay open,
 * signals are blocked no more than they were, and those that came are
 * forgotten.  NULL is fine.
 */
void loop_free(struct loop *loop);

/**
 * loop_run(loop):
 * Serve until a callback returns something other than ST_OK, or loop_stop()
 * was called.
 *
 * Errors: what the callback returned; ST_OK after loop_stop(); ST_SYSTEM.
 */
int loop_run(struct loop *loop) MUST_USE;

/**
 * loop_stop(loop):
 * Make loop_run() return ST_OK once the present callback has returned.
 */
void loop_stop(struct loop *loop);

/**
 * loop_now(loop):
 * The monotonic clock in milliseconds, read once for each pass.
 */
int64_t loop_now(const struct loop *loop);

/**
 * loop_fd_add(loop, rec):
 * Watch ${rec}->fd for ${rec}->want.
 *
 * Errors: ST_SYSTEM  epoll_ctl(2) refused: no memory, or too many watches
 */
int loop_fd_add(struct loop *loop, struct loop_fd *rec) MUST_USE;

/**
 * loop_fd_want(loop, rec, want):
 * Change what is waited for.  Costs nothing when it does not change, unless it
 * is nothing and the other end is gone.
 */
void loop_fd_want(struct loop *loop, struct loop_fd *rec, unsigned want);

/**
 * loop_fd_del(loop, rec):
 * Stop watching.  To be called before the descriptor is closed.  A record
 * that was not added is left alone.
 */
void loop_fd_del(struct loop *loop, struct loop_fd *rec);

/**
 * loop_timer_set(loop, rec, deadline_ms), loop_timer_del(loop, rec):
 * Call ${rec}->fn once, at or after the deadline; setting again moves it.
 * Cheap when deadlines are set in the order in which they fall due.
 */
void loop_timer_set(struct loop *loop, struct loop_timer *rec,
    int64_t deadline_ms);
void loop_timer_del(struct loop *loop, struct loop_timer *rec);

/**
 * loop_later_set(loop, rec), loop_later_del(loop, rec):
 * Call ${rec}->fn once, after everything that is ready now had its turn and
 * before the loop sleeps.  Setting one that is set does nothing.
 */
void loop_later_set(struct loop *loop, struct loop_later *rec);
void loop_later_del(struct loop *loop, struct loop_later *rec);

/**
 * loop_signal(loop, signo, fn, cookie):
 * Have ${signo} call ${fn} from the loop, as an ordinary callback, also where
 * it is ignored.  From now on it is blocked in this thread; others of the
 * process have to block it as well.  Not before a fork(2) that runs the loop.
 * One callback per signal; the last one given counts.
 *
 * Errors: ST_SYSTEM.
 */
int loop_signal(struct loop *loop, int signo, loop_signal_fn *fn,
    void *cookie) MUST_USE;

/**
 * loop_signal_outside(loop, signo):
 * Have a signal that the caller handles by himself come between waits alone: in
 * a wait it is blocked, and ends none.  Before loop_run().
 */
void loop_signal_outside(struct loop *loop, int signo);

#endif /* !LOOP_H_ */
