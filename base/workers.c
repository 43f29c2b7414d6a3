#include "base/workers.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/eventfd.h>
#include <unistd.h>

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
 */
#define GUESS_NS	1000000

/* The stack of a worker, in bytes. */
#define STACK_SIZE	(256 * 1024)

/* Somebody with work waiting or being run, or who is ahead of others. */
struct account {
	struct account	*next;
	struct work	*first, **last;
	int64_t		 virtual_ns;
	size_t		 running;
	unsigned	 id;
};

struct workers {
	pthread_mutex_t	 lock;		/* for all but the loop's */
	pthread_cond_t	 change;
	struct account	*accounts;
	struct work	*done, **done_last;
	int64_t		 virtual_ns;	/* of the account picked last */
	size_t		 begun;		/* threads that are through ->begin */
	bool		 failed;	/* one ->begin failed */
	bool		 alone;		/* an ->alone piece is being run */
	bool		 ending;
	int		(*begin)(void *cookie);
	void		*cookie;
	/* The loop's thread only. */
	struct loop	*loop;
	struct loop_fd	 watch;		/* an eventfd: something is done */
	size_t		 n;
	pthread_t	 thread[WORKERS_MAX];
};

/* CPU time of this thread. */
static int64_t
cpu_ns(void)
{
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* The first piece of an account that may be run now: its place in the chain,
 * or NULL. */
static struct work **
runnable(const struct workers *ws, struct account *a)
{
	struct work **at = &a->first;

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

/* Take the piece that is to be run next, or NULL. */
static struct work *
pick(struct workers *ws, struct account **whose)
{
	struct account *a, *best = NULL;
	struct work *w;

	for (a = ws->accounts; a != NULL; a = a->next)
		if (runnable(ws, a) != NULL && (best == NULL ||
		    a->virtual_ns < best->virtual_ns))
			best = a;
	if (best == NULL)
		return NULL;
	w = unlink_work(best, runnable(ws, best));
	ws->virtual_ns = best->virtual_ns;
	best->virtual_ns += GUESS_NS;
	best->running++;
	if (w->alone)
		ws->alone = true;
	*whose = best;
	return w;
}

/* Whether an account has work, waiting or being run. */
static bool
is_busy(const struct account *a)
{
	return a->first != NULL || a->running > 0;
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
		if (is_busy(a) || (busy && a->virtual_ns > ws->virtual_ns)) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		free(a);
	}
}

/* Put a finished piece where the loop finds it. */
static void
deliver(struct workers *ws, struct work *w)
{
	uint64_t one = 1;
	bool first = ws->done == NULL;

	w->next = NULL;
	*ws->done_last = w;
	ws->done_last = &w->next;
	/* A full counter would do as well: it cannot be. */
	if (first && write(ws->watch.fd, &one, sizeof(one)) < 0)
		assert(errno == EAGAIN);
}

/* A worker's life, with the lock held but while work is run. */
static void
serve(struct workers *ws)
{
	struct account *a;
	struct work *w;
	int64_t start;

	while (!ws->ending) {
		if ((w = pick(ws, &a)) == NULL) {
			(void)pthread_cond_wait(&ws->change, &ws->lock);
			continue;
		}
		(void)pthread_mutex_unlock(&ws->lock);
		start = cpu_ns();
		w->run(w);
		w->spent_ns = cpu_ns() - start;
		(void)pthread_mutex_lock(&ws->lock);
		a->virtual_ns += w->spent_ns - GUESS_NS;
		a->running--;
		if (w->alone) {
			ws->alone = false;
			(void)pthread_cond_broadcast(&ws->change);
		}
		deliver(ws, w);
		settle_accounts(ws);
	}
}

/* A worker. */
static void *
worker_main(void *cookie)
{
	struct workers *ws = cookie;
	int st = ws->begin != NULL ? ws->begin(ws->cookie) : ST_OK;

	(void)pthread_mutex_lock(&ws->lock);
	ws->begun++;
	if (st != ST_OK)
		ws->failed = true;
	(void)pthread_cond_broadcast(&ws->change);
	serve(ws);
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

/* Start the threads, as many as there can be. */
static int
start(struct workers *ws, size_t n)
{
	pthread_attr_t attr;
	sigset_t all, before;
	bool failed;

	if (pthread_attr_init(&attr) != 0)
		return ST_NOMEM;
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	while (ws->n < n && pthread_create(&ws->thread[ws->n], &attr,
	    worker_main, ws) == 0)
		ws->n++;
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
workers_new(struct workers **out, struct loop *loop, size_t n,
    int (*begin)(void *cookie), void *cookie)
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
	if ((st = start(ws, n)) != ST_OK)
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
	return ws->n;
}

/* The account with that number, which is made if need be; NULL when out of
 * memory. */
static struct account *
open_account(struct workers *ws, unsigned id)
{
	struct account *a;

	for (a = ws->accounts; a != NULL; a = a->next) {
		if (a->id != id)
			continue;
		if (!is_busy(a) && a->virtual_ns < ws->virtual_ns)
			a->virtual_ns = ws->virtual_ns;
		return a;
	}
	if ((a = calloc(1, sizeof(*a))) == NULL)
		return NULL;
	a->id = id;
	a->last = &a->first;
	a->virtual_ns = ws->virtual_ns;
	a->next = ws->accounts;
	ws->accounts = a;
	return a;
}

void
workers_submit(struct workers *ws, struct work *w)
{
	struct account *a;

	w->next = NULL;
	w->spent_ns = 0;
	(void)pthread_mutex_lock(&ws->lock);
	if ((a = open_account(ws, w->account)) != NULL) {
		*a->last = w;
		a->last = &w->next;
		(void)pthread_cond_signal(&ws->change);
	}
	(void)pthread_mutex_unlock(&ws->lock);
	if (a != NULL)
		return;
	/* No memory for an account: better here than not at all. */
	w->run(w);
	(void)pthread_mutex_lock(&ws->lock);
	deliver(ws, w);
	(void)pthread_mutex_unlock(&ws->lock);
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

void
workers_free(struct workers *ws)
{
	struct account *a;

	if (ws == NULL)
		return;
	(void)pthread_mutex_lock(&ws->lock);
	ws->ending = true;
	(void)pthread_cond_broadcast(&ws->change);
	(void)pthread_mutex_unlock(&ws->lock);
	for (size_t i = 0; i < ws->n; i++)
		(void)pthread_join(ws->thread[i], NULL);
	while ((a = ws->accounts) != NULL) {
		ws->accounts = a->next;
		*ws->done_last = a->first;
		if (a->first != NULL)
			ws->done_last = a->last;
		free(a);
	}
	finish(ws);
	if (ws->loop != NULL)
		loop_fd_del(ws->loop, &ws->watch);
	if (ws->watch.fd >= 0)
		(void)close(ws->watch.fd);
	(void)pthread_cond_destroy(&ws->change);
	(void)pthread_mutex_destroy(&ws->lock);
	free(ws);
}
