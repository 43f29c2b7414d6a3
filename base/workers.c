#include "base/workers.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

/*
 * Start-time fair queueing: each account has a virtual time, which its work
 * moves on by the CPU time that it took; the next piece is taken from the
 * account that is furthest behind.  One that comes (back) starts where the
 * last one that was picked stood, so nobody saves time up by being idle; one
 * that is ahead stays so, also without work, until the others have caught up:
 * a single dear piece at a time would else be as good as free.
 *
 * What work takes is known only afterwards.  Until then it counts as GUESS_NS,
 * so that several workers do not all turn to the same account.
 *
 * The quick thread has a queue of its own, with virtual times of its own.  Work
 * is given to an idle thread at once, so that who does it is not decided by
 * which one the kernel wakes first.
 */
#define GUESS_NS	1000000

/* The stack of a worker, in bytes. */
#define STACK_SIZE	(256 * 1024)

/* The two queues, of which the second is of fresh pieces alone. */
enum lane {
	LANE_ORDINARY,
	LANE_QUICK,
	LANES
};

/* Somebody with work waiting or being run, or who is ahead of others. */
struct account {
	struct account	*next;
	struct work	*first, **last;
	int64_t		 virtual_ns[LANES];
	size_t		 running;
	unsigned	 id;
};

/* A worker. */
struct thread {
	struct workers	*ws;
	pthread_t	 id;
	pthread_cond_t	 change;	/* of work */
	struct work	*work;		/* to be run, or being run; or NULL */
	struct account	*whose;
	enum lane	 lane;
	int		 cpu;		/* where it ran last, or -1 */
};

struct workers {
	pthread_mutex_t	 lock;		/* for all but the loop's */
	pthread_cond_t	 change;	/* of begun */
	struct account	*accounts;
	struct work	*done, **done_last;
	int64_t		 virtual_ns[LANES];	/* of the account picked last */
	size_t		 begun;		/* threads that are through ->begin */
	bool		 failed;	/* one ->begin failed */
	bool		 alone;		/* an ->alone piece is being run */
	bool		 ending;
	bool		 quick;		/* the last thread is the quick one */
	int		(*begin)(void *cookie, bool quick);
	void		*cookie;
	/* The loop's thread only. */
	struct loop	*loop;
	struct loop_fd	 watch;		/* an eventfd: something is done */
	size_t		 n;
	struct thread	 thread[WORKERS_MAX + 1];
};

/* Whether a piece may be run now in a lane. */
static bool
is_runnable(const struct workers *ws, const struct work *w, enum lane lane)
{
	if (w->alone && ws->alone)
		return false;
	if (lane == LANE_QUICK)
		return w->fresh;
	/* One that makes two of them busy, where there is a processor for one,
	 * would be run at the worse priority of the two. */
	return !w->fresh || ws->n > 2 || ws->thread[1].work == NULL;
}

/* The first piece of an account that may be run now in a lane: its place in the
 * chain, or NULL. */
static struct work **
runnable(const struct workers *ws, struct account *a, enum lane lane)
{
	struct work **at = &a->first;

	while (*at != NULL && !is_runnable(ws, *at, lane))
		at = &(*at)->next;
	return *at != NULL ? at : NULL;
}

/* The account whose piece is to be run next in a lane, or NULL. */
static struct account *
furthest_behind(const struct workers *ws, enum lane lane)
{
	struct account *a, *best = NULL;

	for (a = ws->accounts; a != NULL; a = a->next)
		if (runnable(ws, a, lane) != NULL && (best == NULL ||
		    a->virtual_ns[lane] < best->virtual_ns[lane]))
			best = a;
	return best;
}

/* Take the piece at a place in the chain of an account out of it. */
static struct work *
unlink_work(struct account *a, struct work **at)
{
	struct work *w = *at;

	*at = w->next;
	if (a->last == &w->next)
		a->last = at;
	return w;
}

/* Give an idle thread the piece that it is to run next, if there is one. */
static bool
hand_over(struct workers *ws, struct thread *t)
{
	struct account *a = furthest_behind(ws, t->lane);
	struct work *w;

	if (a == NULL)
		return false;
	w = unlink_work(a, runnable(ws, a, t->lane));
	ws->virtual_ns[t->lane] = a->virtual_ns[t->lane];
	a->virtual_ns[t->lane] += GUESS_NS;
	a->running++;
	if (w->alone)
		ws->alone = true;
	t->work = w;
	t->whose = a;
	return true;
}

/* Give all that are idle what there is; the quick one, which is the last, comes
 * first.  One thread that got some, if any did, is left to be told when the
 * lock is free: told now it would only wait for it. */
static struct thread *
hand_out(struct workers *ws)
{
	struct thread *told_later = NULL;

	for (size_t i = ws->n; i-- > 0; ) {
		if (ws->thread[i].work != NULL ||
		    !hand_over(ws, &ws->thread[i]))
			continue;
		if (told_later != NULL)
			(void)pthread_cond_signal(&ws->thread[i].change);
		else
			told_later = &ws->thread[i];
	}
	return told_later;
}

/* Whether an account has work, waiting or being run. */
static bool
is_busy(const struct account *a)
{
	return a->first != NULL || a->running > 0;
}

/* Whether an account is ahead of others in one of the lanes. */
static bool
is_ahead(const struct workers *ws, const struct account *a)
{
	for (size_t i = 0; i < LANES; i++)
		if (a->virtual_ns[i] > ws->virtual_ns[i])
			return true;
	return false;
}

/* Let accounts go that have nothing left and are not ahead of others. */
static void
settle_accounts(struct workers *ws)
{
	struct account **at = &ws->accounts, *a;
	bool busy = false;

	for (a = ws->accounts; a != NULL && !busy; a = a->next)
		busy = is_busy(a);
	while ((a = *at) != NULL) {
		if (is_busy(a) || (busy && is_ahead(ws, a))) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		free(a);
	}
}

/* Put a finished piece where the loop finds it; whether that has to be told. */
static bool
deliver(struct workers *ws, struct work *w)
{
	bool first = ws->done == NULL;

	w->next = NULL;
	*ws->done_last = w;
	ws->done_last = &w->next;
	return first;
}

/* Tell the loop, without the lock, which it takes at once. */
static void
tell(struct workers *ws)
{
	uint64_t one = 1;

	/* A full counter would do as well: it cannot be. */
	if (write(ws->watch.fd, &one, sizeof(one)) < 0)
		assert(errno == EAGAIN);
}

/* Run what a thread was given; with the lock held but while it is run. */
static void
run_one(struct workers *ws, struct thread *t)
{
	struct thread *other = NULL;
	struct work *w = t->work;
	int64_t start;
	bool first;

	t->cpu = sched_getcpu();
	(void)pthread_mutex_unlock(&ws->lock);
	start = clock_cpu_ns();
	w->run(w);
	w->spent_ns = clock_cpu_ns() - start;
	(void)pthread_mutex_lock(&ws->lock);
	t->whose->virtual_ns[t->lane] += w->spent_ns - GUESS_NS;
	t->whose->running--;
	t->work = NULL;
	if (w->alone)
		ws->alone = false;
	first = deliver(ws, w);
	if (!ws->ending)
		other = hand_out(ws);
	settle_accounts(ws);
	(void)pthread_mutex_unlock(&ws->lock);
	if (first)
		tell(ws);
	if (other != NULL && other != t)
		(void)pthread_cond_signal(&other->change);
	(void)pthread_mutex_lock(&ws->lock);
}

/* A worker. */
static void *
worker_main(void *cookie)
{
	struct thread *t = cookie;
	struct workers *ws = t->ws;
	int st = ws->begin != NULL ? ws->begin(ws->cookie,
	    t->lane == LANE_QUICK) : ST_OK;

	(void)pthread_mutex_lock(&ws->lock);
	ws->begun++;
	if (st != ST_OK)
		ws->failed = true;
	(void)pthread_cond_signal(&ws->change);
	while (!ws->ending) {
		if (t->work != NULL)
			run_one(ws, t);
		else
			(void)pthread_cond_wait(&t->change, &ws->lock);
	}
	(void)pthread_mutex_unlock(&ws->lock);
	return NULL;
}

/* Call done() for what is there. */
static void
finish(struct workers *ws)
{
	struct work *w, *next;

	(void)pthread_mutex_lock(&ws->lock);
	w = ws->done;
	ws->done = NULL;
	ws->done_last = &ws->done;
	(void)pthread_mutex_unlock(&ws->lock);
	for (; w != NULL; w = next) {
		next = w->next;
		w->done(w);
	}
}

/* The eventfd is ready. */
static int
on_done(void *cookie, unsigned ready)
{
	struct workers *ws = cookie;
	uint64_t count;

	(void)ready;
	if (read(ws->watch.fd, &count, sizeof(count)) < 0 && errno != EAGAIN &&
	    errno != EINTR)
		return ST_SYSTEM;
	finish(ws);
	return ST_OK;
}

/* Start a thread more. */
static bool
start_one(struct workers *ws, const pthread_attr_t *attr, enum lane lane)
{
	struct thread *t = &ws->thread[ws->n];

	*t = (struct thread){ .ws = ws, .lane = lane, .cpu = -1 };
	(void)pthread_cond_init(&t->change, NULL);
	if (pthread_create(&t->id, attr, worker_main, t) == 0) {
		ws->n++;
		return true;
	}
	(void)pthread_cond_destroy(&t->change);
	return false;
}

/* Start the threads, as many as there can be. */
static int
start(struct workers *ws, size_t n, bool quick)
{
	pthread_attr_t attr;
	sigset_t all, before;
	bool failed;

	if (pthread_attr_init(&attr) != 0)
		return ST_NOMEM;
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	while (ws->n < n && start_one(ws, &attr, LANE_ORDINARY))
		;
	ws->quick = quick && ws->n == n && start_one(ws, &attr, LANE_QUICK);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	(void)pthread_mutex_lock(&ws->lock);
	while (ws->begun < ws->n)
		(void)pthread_cond_wait(&ws->change, &ws->lock);
	failed = ws->failed;
	(void)pthread_mutex_unlock(&ws->lock);
	return ws->n == 0 || failed ? ST_SYSTEM : ST_OK;
}

int
workers_new(struct workers **out, struct loop *loop, size_t n, bool quick,
    int (*begin)(void *cookie, bool quick), void *cookie)
{
	struct workers *ws = calloc(1, sizeof(*ws));
	int st = ST_SYSTEM;

	*out = NULL;
	assert(n >= 1 && n <= WORKERS_MAX);
	if (ws == NULL)
		return ST_NOMEM;
	(void)pthread_mutex_init(&ws->lock, NULL);
	(void)pthread_cond_init(&ws->change, NULL);
	ws->done_last = &ws->done;
	ws->begin = begin;
	ws->cookie = cookie;
	ws->watch = (struct loop_fd){ .want = LOOP_READ, .fn = on_done,
		.cookie = ws };
	ws->watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ws->watch.fd < 0)
		goto out;
	if ((st = loop_fd_add(loop, &ws->watch)) != ST_OK)
		goto out;
	ws->loop = loop;
	if ((st = start(ws, n, quick)) != ST_OK)
		goto out;
	*out = ws;
	ws = NULL;
out:
	workers_free(ws);
	return st;
}

size_t
workers_count(const struct workers *ws)
{
	return ws->n - ws->quick;
}

bool
workers_quick(const struct workers *ws)
{
	return ws->quick;
}

/* An account that has nothing starts where the last one that was picked
 * stood. */
static void
catch_up(const struct workers *ws, struct account *a)
{
	for (size_t i = 0; i < LANES; i++)
		if (a->virtual_ns[i] < ws->virtual_ns[i])
			a->virtual_ns[i] = ws->virtual_ns[i];
}

/* The account with that number, which is made if need be; NULL when out of
 * memory. */
static struct account *
open_account(struct workers *ws, unsigned id)
{
	struct account *a = ws->accounts;

	while (a != NULL && a->id != id)
		a = a->next;
	if (a == NULL) {
		if ((a = calloc(1, sizeof(*a))) == NULL)
			return NULL;
		a->id = id;
		a->last = &a->first;
		a->next = ws->accounts;
		ws->accounts = a;
	}
	if (!is_busy(a))
		catch_up(ws, a);
	return a;
}

void
workers_submit(struct workers *ws, struct work *w)
{
	struct thread *t = NULL;
	struct account *a;
	bool first;

	w->next = NULL;
	w->spent_ns = 0;
	(void)pthread_mutex_lock(&ws->lock);
	if ((a = open_account(ws, w->account)) != NULL) {
		w->fresh = ws->quick && !is_busy(a);
		*a->last = w;
		a->last = &w->next;
		t = hand_out(ws);
	}
	(void)pthread_mutex_unlock(&ws->lock);
	if (t != NULL)
		(void)pthread_cond_signal(&t->change);
	if (a != NULL)
		return;
	/* No memory for an account: better here than not at all. */
	w->run(w);
	(void)pthread_mutex_lock(&ws->lock);
	first = deliver(ws, w);
	(void)pthread_mutex_unlock(&ws->lock);
	if (first)
		tell(ws);
}

bool
workers_cancel(struct workers *ws, struct work *w)
{
	struct account *a;
	struct work **at;
	bool waits = false;

	(void)pthread_mutex_lock(&ws->lock);
	for (a = ws->accounts; a != NULL && a->id != w->account; a = a->next)
		continue;
	if (a != NULL) {
		for (at = &a->first; *at != NULL && *at != w;
		    at = &(*at)->next)
			continue;
		waits = *at != NULL;
		if (waits)
			(void)unlink_work(a, at);
		settle_accounts(ws);
	}
	(void)pthread_mutex_unlock(&ws->lock);
	return waits;
}

size_t
workers_beside(struct workers *ws, struct work **out, size_t max)
{
	int cpu = sched_getcpu();
	size_t n = 0;

	if (cpu < 0)
		return 0;
	(void)pthread_mutex_lock(&ws->lock);
	for (size_t i = 0; i < ws->n && n < max; i++)
		if (ws->thread[i].work != NULL && ws->thread[i].cpu == cpu)
			out[n++] = ws->thread[i].work;
	(void)pthread_mutex_unlock(&ws->lock);
	return n;
}

/* Put all that was not run where the loop finds it. */
static void
hand_back(struct workers *ws)
{
	struct account *a;

	for (size_t i = 0; i < ws->n; i++)
		if (ws->thread[i].work != NULL)
			(void)deliver(ws, ws->thread[i].work);
	while ((a = ws->accounts) != NULL) {
		ws->accounts = a->next;
		*ws->done_last = a->first;
		if (a->first != NULL)
			ws->done_last = a->last;
		free(a);
	}
}

void
workers_free(struct workers *ws)
{
	if (ws == NULL)
		return;
	(void)pthread_mutex_lock(&ws->lock);
	ws->ending = true;
	for (size_t i = 0; i < ws->n; i++)
		(void)pthread_cond_signal(&ws->thread[i].change);
	(void)pthread_mutex_unlock(&ws->lock);
	for (size_t i = 0; i < ws->n; i++) {
		(void)pthread_join(ws->thread[i].id, NULL);
		(void)pthread_cond_destroy(&ws->thread[i].change);
	}
	hand_back(ws);
	finish(ws);
	if (ws->loop != NULL)
		loop_fd_del(ws->loop, &ws->watch);
	if (ws->watch.fd >= 0)
		(void)close(ws->watch.fd);
	(void)pthread_cond_destroy(&ws->change);
	(void)pthread_mutex_destroy(&ws->lock);
	free(ws);
}
