#include "base/workers.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
 * That is done twice over the same pieces, in two lanes with virtual times of
 * their own.  With common ones, an account that was served by the quick thread
 * while the others were busy would be behind in their queue by all of that, for
 * as long as it took.
 *
 * Work is given to an idle thread at once, so that who does it is not decided
 * by which one the kernel wakes first.  Thus, whenever the lock is free, no
 * thread is idle beside a piece that it may run; but for one whose account
 * rested when that was looked at, which stays with the ordinary threads.
 */
#define GUESS_NS	1000000

/* What a piece counts as at the least: with nothing, one account's could be
 * first in the queue for ever. */
#define LEAST_NS	1000

/* The stack of a worker, in bytes. */
#define STACK_SIZE	(256 * 1024)

/* What there is to be taken: every piece; single ones. */
enum lane {
	LANE_ORDINARY,
	LANE_QUICK,
	LANES
};

/* Somebody with work waiting or being run, or who is ahead of others, or whom
 * the quick thread leaves to them. */
struct account {
	struct account	*next;
	struct work	*first, **last;
	int64_t		 virtual_ns[LANES];
	int64_t		 prepaid_ns;	/* of it, for ordinary pieces that are
					 * being run */
	int64_t		 rests_until_ns;
	size_t		 running[LANES];
	unsigned	 id;
	bool		 single;	/* the quick thread may take what it
					 * has */
};

/* A worker. */
struct thread {
	struct workers	*ws;
	pthread_t	 id;
	pthread_cond_t	 change;	/* of work */
	struct work	*work;		/* to be run, or being run; or NULL */
	struct account	*whose;
	enum lane	 lane;
	int64_t		 given_ns;	/* when it got its work: the quick
					 * one */
	int		 cpu;		/* where it began with it, or -1 */
};

struct workers {
	pthread_mutex_t	 lock;		/* for all but the loop's */
	pthread_cond_t	 change;	/* of released and begun */
	struct account	*accounts;
	struct work	*done, **done_last;
	int64_t		 virtual_ns[LANES];	/* of the account picked last */
	bool		 released;	/* they may get ready */
	size_t		 begun;		/* threads that are through ->ready */
	bool		 failed;	/* one ->ready failed */
	bool		 alone;		/* an ->alone piece is being run */
	bool		 ending;
	bool		 quick;		/* the last thread is the quick one */
	struct workers_start start;
	/* The loop's thread only. */
	struct loop	*loop;
	struct loop_fd	 watch;		/* an eventfd: something is done */
	size_t		 n;
	struct thread	 thread[WORKERS_MAX + 1];
};

/* CPU time of this thread. */
static int64_t
cpu_ns(void)
{
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* An account that begins to wait in a lane is not behind the last one that was
 * picked there.  What that moves it on need not be charged again for what it
 * has under way. */
static void
catch_up(const struct workers *ws, struct account *a, enum lane lane)
{
	int64_t behind = ws->virtual_ns[lane] - a->virtual_ns[lane];

	if (behind <= 0)
		return;
	a->virtual_ns[lane] += behind;
	if (lane == LANE_ORDINARY && a->running[lane] > 0)
		a->prepaid_ns += behind;
}

/* Whether an account has work that is being run. */
static bool
is_running(const struct account *a)
{
	return a->running[LANE_ORDINARY] + a->running[LANE_QUICK] > 0;
}

/* Whether an account is left to the ordinary threads for a while. */
static bool
is_resting(const struct account *a)
{
	return a->rests_until_ns != 0 && clock_ns() < a->rests_until_ns;
}

/* See whether what an account has is one piece now, and for the quick thread.
 * After each change of what it has. */
static void
review(const struct workers *ws, struct account *a)
{
	bool was = a->single;

	a->single = ws->quick && !is_running(a) && a->first != NULL &&
	    a->first->next == NULL && !a->first->alone &&
	    !a->first->patient && !is_resting(a);
	if (a->single && !was)
		catch_up(ws, a, LANE_QUICK);
}

/* The first piece of an account that may be run now in a lane: its place in the
 * chain, or NULL. */
static struct work **
runnable(const struct workers *ws, struct account *a, enum lane lane)
{
	struct work **at = &a->first;

	if (lane == LANE_QUICK)
		return a->single ? at : NULL;
	while (*at != NULL && (*at)->alone && ws->alone)
		at = &(*at)->next;
	return *at != NULL ? at : NULL;
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
	struct account *a, *best = NULL;
	struct work **at, **best_at = NULL;

	for (a = ws->accounts; a != NULL; a = a->next) {
		/* Of those alike the one that came first, which is the last. */
		if (best != NULL &&
		    a->virtual_ns[t->lane] > best->virtual_ns[t->lane])
			continue;
		if ((at = runnable(ws, a, t->lane)) != NULL) {
			best = a;
			best_at = at;
		}
	}
	if (best == NULL)
		return false;
	t->work = unlink_work(best, best_at);
	t->whose = best;
	ws->virtual_ns[t->lane] = best->virtual_ns[t->lane];
	best->virtual_ns[t->lane] += GUESS_NS;
	best->running[t->lane]++;
	review(ws, best);
	if (t->lane == LANE_QUICK) {
		t->given_ns = clock_ns();
		t->cpu = -1;
	}
	if (t->work->alone)
		ws->alone = true;
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
	return a->first != NULL || is_running(a);
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

/* Let accounts go that have nothing left, and of which nothing has to be
 * remembered. */
static void
settle_accounts(struct workers *ws)
{
	struct account **at = &ws->accounts, *a;
	bool busy = false;

	for (a = ws->accounts; a != NULL && !busy; a = a->next)
		busy = is_busy(a);
	while ((a = *at) != NULL) {
		if (is_busy(a) || (busy && is_ahead(ws, a)) ||
		    is_resting(a)) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		free(a);
	}
}

/* Put a finished piece where the loop finds it; whether that has to be told:
 * else it is told of already, or about to be. */
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

/* Whether somebody waits for the quick thread. */
static bool
is_waited_for(const struct workers *ws)
{
	const struct account *a;

	for (a = ws->accounts; a != NULL; a = a->next)
		if (a->single)
			return true;
	return false;
}

/* Charge an account for the piece that was run. */
static void
settle_piece(struct workers *ws, struct thread *t)
{
	struct account *a = t->whose;
	int64_t spent = t->work->spent_ns, charge, paid = 0;

	charge = (spent > LEAST_NS ? spent : LEAST_NS) - GUESS_NS;
	a->running[t->lane]--;
	if (t->lane == LANE_ORDINARY && charge > 0)
		paid = charge < a->prepaid_ns ? charge : a->prepaid_ns;
	a->virtual_ns[t->lane] += charge - paid;
	a->prepaid_ns = a->running[LANE_ORDINARY] > 0 ? a->prepaid_ns - paid :
	    0;
	if (t->lane == LANE_QUICK && spent > WORKERS_SLICE_NS &&
	    is_waited_for(ws))
		a->rests_until_ns = clock_ns() + spent * WORKERS_REST;
	review(ws, a);
	t->work = NULL;
}

/* Run what a thread was given; with the lock held but while it is run. */
static void
run_one(struct workers *ws, struct thread *t)
{
	struct thread *other = NULL;
	struct work *w = t->work;
	int64_t start;
	bool first;

	if (t->lane == LANE_QUICK)
		t->cpu = sched_getcpu();
	(void)pthread_mutex_unlock(&ws->lock);
	start = cpu_ns();
	w->run(w);
	w->spent_ns = cpu_ns() - start;
	(void)pthread_mutex_lock(&ws->lock);
	settle_piece(ws, t);
	if (w->alone)
		ws->alone = false;
	/* The quick one does not rely on whoever has yet to tell: that thread
	 * may wait for the processor. */
	first = deliver(ws, w) || t->lane == LANE_QUICK;
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

/* Get ready, when that may be; with the lock held but while it is done. */
static int
get_ready(struct workers *ws)
{
	int st;

	while (!ws->released && !ws->ending)
		(void)pthread_cond_wait(&ws->change, &ws->lock);
	if (ws->ending)
		return ST_OK;
	(void)pthread_mutex_unlock(&ws->lock);
	st = ws->start.ready(ws->start.cookie);
	(void)pthread_mutex_lock(&ws->lock);
	return st;
}

/* A worker. */
static void *
worker_main(void *cookie)
{
	struct thread *t = cookie;
	struct workers *ws = t->ws;
	int st;

	if (ws->start.begin != NULL)
		ws->start.begin(ws->start.cookie, t->lane == LANE_QUICK);
	(void)pthread_mutex_lock(&ws->lock);
	st = ws->start.ready != NULL ? get_ready(ws) : ST_OK;
	ws->begun++;
	if (st != ST_OK)
		ws->failed = true;
	(void)pthread_cond_broadcast(&ws->change);
	while (!ws->ending) {
		if (t->work != NULL && st == ST_OK)
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

	*t = (struct thread){ .ws = ws, .lane = lane };
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
start_all(struct workers *ws, size_t n, bool quick)
{
	pthread_attr_t attr;
	sigset_t all, before;

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
	return ws->n == 0 ? ST_SYSTEM : ST_OK;
}

int
workers_new(struct workers **out, struct loop *loop, size_t n, bool quick,
    const struct workers_start *start)
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
	if (start != NULL)
		ws->start = *start;
	ws->watch = (struct loop_fd){ .want = LOOP_READ, .fn = on_done,
		.cookie = ws };
	ws->watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ws->watch.fd < 0)
		goto out;
	if ((st = loop_fd_add(loop, &ws->watch)) != ST_OK)
		goto out;
	ws->loop = loop;
	if ((st = start_all(ws, n, quick)) != ST_OK)
		goto out;
	*out = ws;
	ws = NULL;
out:
	workers_free(ws);
	return st;
}

void
workers_release(struct workers *ws)
{
	(void)pthread_mutex_lock(&ws->lock);
	ws->released = true;
	(void)pthread_cond_broadcast(&ws->change);
	(void)pthread_mutex_unlock(&ws->lock);
}

int
workers_ready(struct workers *ws)
{
	bool failed;

	workers_release(ws);
	(void)pthread_mutex_lock(&ws->lock);
	while (ws->begun < ws->n)
		(void)pthread_cond_wait(&ws->change, &ws->lock);
	failed = ws->failed;
	(void)pthread_mutex_unlock(&ws->lock);
	return failed ? ST_SYSTEM : ST_OK;
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

/* The account with that number, which is made if need be; NULL when out of
 * memory.  Those that wait are in the list in the order in which they began to,
 * the last one first. */
static struct account *
open_account(struct workers *ws, unsigned id)
{
	struct account **at = &ws->accounts, *a;

	while (*at != NULL && (*at)->id != id)
		at = &(*at)->next;
	if ((a = *at) != NULL && a->first != NULL)
		return a;
	if (a != NULL) {
		*at = a->next;
	} else {
		if ((a = calloc(1, sizeof(*a))) == NULL)
			return NULL;
		a->id = id;
		a->last = &a->first;
	}
	catch_up(ws, a, LANE_ORDINARY);
	a->next = ws->accounts;
	ws->accounts = a;
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
	if (!ws->released)
		workers_release(ws);
	(void)pthread_mutex_lock(&ws->lock);
	if ((a = open_account(ws, w->account)) != NULL) {
		*a->last = w;
		a->last = &w->next;
		review(ws, a);
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
	struct thread *t = NULL;
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
		/* What is left may be single now. */
		review(ws, a);
		t = hand_out(ws);
		settle_accounts(ws);
	}
	(void)pthread_mutex_unlock(&ws->lock);
	if (t != NULL)
		(void)pthread_cond_signal(&t->change);
	return waits;
}

bool
workers_beside(struct workers *ws)
{
	const struct thread *t;
	bool beside = false;

	if (!ws->quick)
		return false;
	t = &ws->thread[ws->n - 1];
	(void)pthread_mutex_lock(&ws->lock);
	if (t->work != NULL && clock_ns() - t->given_ns > WORKERS_BESIDE_NS)
		beside = t->cpu < 0 || t->cpu == sched_getcpu();
	(void)pthread_mutex_unlock(&ws->lock);
	return beside;
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
	(void)pthread_cond_broadcast(&ws->change);
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
