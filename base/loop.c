/*
 * One pass: wait; signals; descriptors; timers; what was put off for later.
 *
 * Signals are always blocked, and read from a descriptor: a wait that lets them
 * in sets the mask twice, for each request.  What is ready may take long, so
 * they are also looked for now and then between two callbacks.
 *
 * Every kind of work is counted before it begins and no more than that is done
 * in a pass.  So a callback that sets itself anew has its next turn only after
 * everybody else had theirs.
 */
#include "base/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/bare.h"
#include "base/clock.h"

/* Descriptors served in one pass. */
#define BATCH_MAX	64
/* Signals are looked for after this long, between two callbacks. */
#define SIGNALS_MS	50
#define NEVER_MS	INT64_MAX
/* Longest wait with a time limit. */
#define WAIT_MAX_MS	(60 * 1000)
/* Signals are numbered below this. */
#define SIGNALS		65

struct signal_record {
	loop_signal_fn	*fn;		/* NULL: not ours */
	void		*cookie;
	bool		 was_blocked;
};

/* Deadlines end the wait by a descriptor of their own, whose clock goes on
 * while the machine sleeps.  It is set only when one is nearer than what it is
 * set to: a wait with a time limit would set and remove a timer of the kernel's
 * for each request. */
struct loop {
	int		 epoll_fd;
	int		 timer_fd;
	int64_t		 armed_ms;	/* when that is due; or NEVER_MS */
	int64_t		 now_ms;
	bool		 stop;

	struct epoll_event batch[BATCH_MAX];
	int		 ready;		/* in batch */
	int		 turn;		/* index of the one being called */

	struct loop_timer *timer_first, *timer_last;	/* by deadline */
	struct loop_later *later_first, *later_last;

	struct signal_record signals[SIGNALS];
	int		 signal_fd;	/* -1: none is ours */
	sigset_t	 ours;		/* what it reports */
	int64_t		 signals_ms;	/* when they were looked for */
	bool		 has_outside;
	sigset_t	 outside;	/* blocked in the wait */
	sigset_t	 wait_mask;	/* those, and what is blocked anyway */
};

static int breathe(struct loop *loop);

/* What the wait needs.  The timer's descriptor has no record, but the loop:
 * that it is ready is all there is to it, and said once. */
static int
open_fds(struct loop *loop)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET,
		.data.ptr = loop };

	if ((loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0)
		return ST_SYSTEM;
	loop->timer_fd = timerfd_create(CLOCK_BOOTTIME,
	    TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->timer_fd >= 0 && epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD,
	    loop->timer_fd, &ev) == 0)
		return ST_OK;
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	close(loop->epoll_fd);
	return ST_SYSTEM;
}

int
loop_new(struct loop **out)
{
	struct loop *loop;

	*out = NULL;
	if ((loop = calloc(1, sizeof(*loop))) == NULL)
		return ST_NOMEM;
	if (open_fds(loop) != ST_OK) {
		free(loop);
		return ST_SYSTEM;
	}
	loop->armed_ms = NEVER_MS;
	loop->now_ms = clock_ms();
	loop->signal_fd = -1;
	sigemptyset(&loop->ours);
	sigemptyset(&loop->outside);
	sigemptyset(&loop->wait_mask);
	*out = loop;
	return ST_OK;
}

/* Let in what came in as long as ${signo} was not ours. */
static void
signal_restore(struct loop *loop, int signo)
{
	sigset_t set;

	if (loop->signals[signo].fn == NULL || loop->signals[signo].was_blocked)
		return;
	sigemptyset(&set);
	sigaddset(&set, signo);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void
loop_free(struct loop *loop)
{
	struct signalfd_siginfo info;
	int signo;

	if (loop == NULL)
		return;
	/* What came for callbacks that will not be called any more. */
	for (int n = 0; loop->signal_fd >= 0 && n < SIGNALS &&
	    read(loop->signal_fd, &info, sizeof(info)) > 0; n++)
		;
	for (signo = 1; signo < SIGNALS; signo++)
		signal_restore(loop, signo);
	if (loop->signal_fd >= 0)
		close(loop->signal_fd);
	close(loop->timer_fd);
	close(loop->epoll_fd);
	free(loop);
}

void
loop_stop(struct loop *loop)
{
	loop->stop = true;
}

int64_t
loop_now(const struct loop *loop)
{
	return loop->now_ms;
}

/*
 * Descriptors.
 */

static struct epoll_event
event_for(struct loop_fd *rec)
{
	struct epoll_event ev = { .data.ptr = rec };

	if (rec->want & LOOP_READ)
		ev.events |= EPOLLIN;
	if (rec->want & LOOP_WRITE)
		ev.events |= EPOLLOUT;
	/* Thousands that are gone would be told of again and again. */
	if (rec->want == 0)
		ev.events |= EPOLLET;
	return ev;
}

int
loop_fd_add(struct loop *loop, struct loop_fd *rec)
{
	struct epoll_event ev = event_for(rec);

	assert(!rec->added && rec->fn != NULL);
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, rec->fd, &ev) != 0)
		return ST_SYSTEM;
	rec->added = true;
	return ST_OK;
}

void
loop_fd_want(struct loop *loop, struct loop_fd *rec, unsigned want)
{
	struct epoll_event ev;
	int rc;

	assert(rec->added);
	if (rec->want == want && !(want == 0 && rec->told))
		return;
	rec->want = want;
	rec->told = false;
	ev = event_for(rec);
	/* It takes no memory: only a descriptor that was closed can fail. */
	rc = epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, rec->fd, &ev);
	assert(rc == 0);
}

void
loop_fd_del(struct loop *loop, struct loop_fd *rec)
{
	int i, rc;

	if (!rec->added)
		return;
	rc = epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, rec->fd, NULL);
	assert(rc == 0);
	rec->added = false;

	/* It may be ready in this pass and have its turn still to come. */
	for (i = loop->turn + 1; i < loop->ready; i++) {
		if (loop->batch[i].data.ptr == rec)
			loop->batch[i].data.ptr = NULL;
	}
}

/* What to tell the owner of ${rec}, who may have changed his mind since. */
static unsigned
ready_bits(struct loop_fd *rec, uint32_t events)
{
	unsigned ready = 0;

	if (events & EPOLLIN)
		ready |= LOOP_READ;
	if (events & EPOLLOUT)
		ready |= LOOP_WRITE;
	/* Reading or writing finds out what happened: let those go ahead. */
	if (events & (EPOLLHUP | EPOLLERR))
		ready |= LOOP_READ | LOOP_WRITE;
	ready &= rec->want;
	if (events & (EPOLLHUP | EPOLLERR))
		ready |= LOOP_HANGUP;
	if (rec->want == 0 && ready != 0)
		rec->told = true;
	return ready;
}

static int
run_fds(struct loop *loop)
{
	struct loop_fd *rec;
	unsigned ready;
	void *who;
	int st = ST_OK;

	for (loop->turn = 0; loop->turn < loop->ready; loop->turn++) {
		who = loop->batch[loop->turn].data.ptr;
		/* Where clocks differ it may be early, and is not set then. */
		if (who == loop)
			loop->armed_ms = NEVER_MS;
		if (who == loop || who == loop->signals || who == NULL)
			continue;
		rec = who;
		ready = ready_bits(rec, loop->batch[loop->turn].events);
		if (ready == 0)
			continue;
		if ((st = rec->fn(rec->cookie, ready)) != ST_OK ||
		    loop->stop || (st = breathe(loop)) != ST_OK ||
		    loop->stop)
			break;
	}

	/* The rest, if any, is still ready at the next wait. */
	loop->ready = 0;
	return st;
}

/*
 * Timers.
 */

void
loop_timer_set(struct loop *loop, struct loop_timer *rec, int64_t deadline_ms)
{
	struct loop_timer *prev;

	loop_timer_del(loop, rec);
	rec->deadline_ms = deadline_ms;
	rec->set = true;

	/* From the end: most are due after all others. */
	prev = loop->timer_last;
	while (prev != NULL && prev->deadline_ms > deadline_ms)
		prev = prev->prev;
	rec->prev = prev;
	rec->next = prev != NULL ? prev->next : loop->timer_first;
	if (rec->next != NULL)
		rec->next->prev = rec;
	else
		loop->timer_last = rec;
	if (prev != NULL)
		prev->next = rec;
	else
		loop->timer_first = rec;
}

void
loop_timer_del(struct loop *loop, struct loop_timer *rec)
{
	if (!rec->set)
		return;
	if (rec->next != NULL)
		rec->next->prev = rec->prev;
	else
		loop->timer_last = rec->prev;
	if (rec->prev != NULL)
		rec->prev->next = rec->next;
	else
		loop->timer_first = rec->next;
	rec->prev = NULL;
	rec->next = NULL;
	rec->set = false;
}

static int
run_timers(struct loop *loop)
{
	struct loop_timer *rec;
	size_t due = 0;
	int st;

	for (rec = loop->timer_first; rec != NULL &&
	    rec->deadline_ms <= loop->now_ms; rec = rec->next)
		due++;
	for (; due > 0; due--) {
		rec = loop->timer_first;
		if (rec == NULL || rec->deadline_ms > loop->now_ms)
			break;
		loop_timer_del(loop, rec);
		if ((st = rec->fn(rec->cookie)) != ST_OK || loop->stop ||
		    (st = breathe(loop)) != ST_OK || loop->stop)
			return st;
	}
	return ST_OK;
}

/*
 * Later.
 */

void
loop_later_set(struct loop *loop, struct loop_later *rec)
{
	if (rec->set)
		return;
	rec->set = true;
	rec->next = NULL;
	rec->prev = loop->later_last;
	if (rec->prev != NULL)
		rec->prev->next = rec;
	else
		loop->later_first = rec;
	loop->later_last = rec;
}

void
loop_later_del(struct loop *loop, struct loop_later *rec)
{
	if (!rec->set)
		return;
	if (rec->next != NULL)
		rec->next->prev = rec->prev;
	else
		loop->later_last = rec->prev;
	if (rec->prev != NULL)
		rec->prev->next = rec->next;
	else
		loop->later_first = rec->next;
	rec->prev = NULL;
	rec->next = NULL;
	rec->set = false;
}

static int
run_later(struct loop *loop)
{
	struct loop_later *rec;
	size_t n = 0;
	int st;

	for (rec = loop->later_first; rec != NULL; rec = rec->next)
		n++;
	for (; n > 0 && (rec = loop->later_first) != NULL; n--) {
		loop_later_del(loop, rec);
		if ((st = rec->fn(rec->cookie)) != ST_OK || loop->stop ||
		    (st = breathe(loop)) != ST_OK || loop->stop)
			return st;
	}
	return ST_OK;
}

/*
 * Signals.
 */

/* Have the descriptor report what is ours and ${signo}. */
static int
report(struct loop *loop, int signo)
{
	struct epoll_event ev = { .events = EPOLLIN,
		.data.ptr = loop->signals };
	sigset_t ours = loop->ours;
	int fd;

	sigaddset(&ours, signo);
	if ((fd = signalfd(loop->signal_fd, &ours, SFD_CLOEXEC |
	    SFD_NONBLOCK)) < 0)
		return ST_SYSTEM;
	if (loop->signal_fd < 0 &&
	    epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0) {
		close(fd);
		return ST_SYSTEM;
	}
	loop->signal_fd = fd;
	loop->ours = ours;
	return ST_OK;
}

int
loop_signal(struct loop *loop, int signo, loop_signal_fn *fn, void *cookie)
{
	struct signal_record *rec;
	sigset_t set, before;

	assert(signo > 0 && signo < SIGNALS && fn != NULL);
	rec = &loop->signals[signo];
	if (rec->fn == NULL) {
		sigemptyset(&set);
		sigaddset(&set, signo);
		if (pthread_sigmask(SIG_BLOCK, &set, &before) != 0)
			return ST_SYSTEM;
		if (report(loop, signo) != ST_OK) {
			pthread_sigmask(SIG_SETMASK, &before, NULL);
			return ST_SYSTEM;
		}
		rec->was_blocked = sigismember(&before, signo) == 1;
		sigaddset(&loop->wait_mask, signo);
	}
	rec->fn = fn;
	rec->cookie = cookie;
	return ST_OK;
}

void
loop_signal_outside(struct loop *loop, int signo)
{
	sigaddset(&loop->outside, signo);
	loop->has_outside = true;
}

/* The mask for the wait, where it is another one than between waits. */
static int
set_wait_mask(struct loop *loop)
{
	if (!loop->has_outside)
		return ST_OK;
	if (pthread_sigmask(SIG_SETMASK, NULL, &loop->wait_mask) != 0)
		return ST_SYSTEM;
	for (int signo = 1; signo < SIGNALS; signo++)
		if (sigismember(&loop->outside, signo) == 1)
			sigaddset(&loop->wait_mask, signo);
	return ST_OK;
}

/* Those that have come, the lowest number first; no more than there can be at
 * once.  What is not taken is still to come. */
static int
run_signals(struct loop *loop)
{
	struct signal_record *rec;
	struct signalfd_siginfo info;
	int st;

	if (loop->signal_fd < 0)
		return ST_OK;
	for (int n = 0; n < SIGNALS && read(loop->signal_fd, &info,
	    sizeof(info)) == (ssize_t)sizeof(info); n++) {
		assert(info.ssi_signo < SIGNALS);
		rec = &loop->signals[info.ssi_signo];
		if ((st = rec->fn(rec->cookie, (int)info.ssi_signo)) != ST_OK ||
		    loop->stop)
			return st;
	}
	return ST_OK;
}

/* Whether the wait said that there are any. */
static bool
have_come(const struct loop *loop)
{
	for (int i = 0; i < loop->ready; i++)
		if (loop->batch[i].data.ptr == loop->signals)
			return true;
	return false;
}

/* Between callbacks: signals do not wait for the end of a long pass. */
static int
breathe(struct loop *loop)
{
	int64_t now = clock_coarse_ms();

	if (now - loop->signals_ms < SIGNALS_MS)
		return ST_OK;
	loop->signals_ms = now;
	return run_signals(loop);
}

/*
 * The loop itself.
 */

/* See to it that the wait ends at a deadline. */
static bool
arm(struct loop *loop, int64_t deadline_ms)
{
	const struct itimerspec when = { .it_value = {
		.tv_sec = (time_t)(deadline_ms / 1000),
		.tv_nsec = (long)(deadline_ms % 1000) * 1000000 } };

	if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when,
	    NULL) != 0)
		return false;
	loop->armed_ms = deadline_ms;
	return true;
}

/* How long the wait may last in milliseconds: -1 until something happens.
 * Where the descriptor cannot be set the wait itself has to end, often enough
 * to see a clock that went on while the machine slept. */
static int
wait_ms(struct loop *loop)
{
	const struct loop_timer *first = loop->timer_first;
	int64_t left;

	if (loop->later_first != NULL)
		return 0;
	if (first == NULL)
		return -1;
	left = first->deadline_ms - loop->now_ms;
	if (left <= 0)
		return 0;
	if (first->deadline_ms >= loop->armed_ms ||
	    arm(loop, first->deadline_ms))
		return -1;
	return left < WAIT_MAX_MS ? (int)left : WAIT_MAX_MS;
}

/* Fill the batch. */
static int
wait_ready(struct loop *loop)
{
	int timeout = wait_ms(loop);
	int n;

	n = bare_epoll_pwait(loop->epoll_fd, loop->batch, BATCH_MAX, timeout,
	    loop->has_outside ? &loop->wait_mask : NULL);
	if (n < 0 && errno != EINTR)
		return ST_SYSTEM;
	loop->now_ms = clock_ms();
	if (loop->now_ms >= loop->armed_ms)
		loop->armed_ms = NEVER_MS;
	loop->ready = n > 0 ? n : 0;
	loop->turn = -1;
	return ST_OK;
}

/* Serve everything that one wait brought up. */
static int
run_pass(struct loop *loop)
{
	int st;

	if ((st = wait_ready(loop)) != ST_OK)
		return st;
	if (have_come(loop) && ((st = run_signals(loop)) != ST_OK ||
	    loop->stop))
		return st;
	if ((st = run_fds(loop)) != ST_OK || loop->stop)
		return st;
	if ((st = run_timers(loop)) != ST_OK || loop->stop)
		return st;
	return run_later(loop);
}

int
loop_run(struct loop *loop)
{
	int st;

	loop->now_ms = clock_ms();
	if ((st = set_wait_mask(loop)) != ST_OK)
		return st;
	while (st == ST_OK && !loop->stop)
		st = run_pass(loop);

	/* What was not served stays ready, set or noted for the next run. */
	loop->ready = 0;
	loop->stop = false;
	return st;
}
