#include "agent/beat.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/vault.h"
#include "base/clock.h"

/* Not every C library has a name for it. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id	_sigev_un._tid
#endif

static struct {
	timer_t			 timer;
	bool			 on;
	volatile sig_atomic_t	 quick;		/* beats that still are */
} beat;

/* The next beat after so long, and so on. */
static int
set_pace(long us)
{
	const struct itimerspec pace = { .it_value.tv_nsec = us * 1000,
		.it_interval.tv_nsec = us * 1000 };

	return timer_settime(beat.timer, 0, &pace, NULL);
}

/* That it came is all that it is for. */
static void
on_beat(int signo)
{
	int err = errno;

	(void)signo;
	vault_soiled();
	if (beat.quick > 0 && --beat.quick == 0)
		(void)set_pace(BEAT_US);
	errno = err;
}

/* More of them may be about to be closed. */
static void
quicken(void)
{
	beat.quick = BEAT_QUICK;
	(void)set_pace(BEAT_QUICK_US);
}

/* The signal let in, or kept out. */
static void
let_in(bool yes)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGRTMIN);
	(void)pthread_sigmask(yes ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

/* For valgrind alone. */
static bool
is_left_out(void)
{
#ifdef OPSTACK_STAY
	return true;
#else
	return false;
#endif
}

int
beat_start(struct loop *loop)
{
	struct sigaction sa = { .sa_handler = on_beat,
		.sa_flags = SA_RESTART | SA_ONSTACK };
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGRTMIN };

	if (is_left_out())
		return ST_UNSUPPORTED;
	(void)sigfillset(&sa.sa_mask);
	ev.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	if (vault_signals(true) != ST_OK ||
	    sigaction(SIGRTMIN, &sa, NULL) != 0 ||
	    timer_create(CLOCK_MONOTONIC, &ev, &beat.timer) != 0)
		return ST_SYSTEM;
	if (set_pace(BEAT_US) != 0) {
		(void)timer_delete(beat.timer);
		return ST_SYSTEM;
	}
	loop_signal_outside(loop, SIGRTMIN);
	let_in(true);
	beat.on = true;
	return ST_OK;
}

void
beat_stop(void)
{
	if (!beat.on)
		return;
	let_in(false);
	/* Behind a filter both stay, and are of no consequence. */
	(void)timer_delete(beat.timer);
	(void)!vault_signals(false);
	beat.on = false;
}

bool
beat_runs(void)
{
	return beat.on;
}

/* How often this thread has gone to sleep, in place of being put aside. */
static long
sleeps(void)
{
	struct rusage use;

	return getrusage(RUSAGE_THREAD, &use) == 0 ? use.ru_nvcsw : 0;
}

bool
beat_held(int64_t since_ns)
{
	if (!beat.on || clock_ns() - since_ns < BEAT_HELD_US * 1000)
		return false;
	quicken();
	return true;
}

bool
beat_close(int fd)
{
	int64_t start;
	long before;

	if (!beat.on) {
		(void)close(fd);
		return false;
	}
	before = sleeps();
	start = clock_ns();
	(void)close(fd);
	if (clock_ns() - start < BEAT_HELD_US * 1000 || sleeps() == before)
		return false;
	quicken();
	return true;
}
