/*
 * The caller's thread waits, takes signals, and draws; the others have every
 * signal blocked, so that what they wait for is not interrupted, but see one
 * that is to end us as soon as it is there.  They tell of the end of each
 * target through a pipe, for the last one not to be waited for until the next
 * tick.
 */
#include "provision/fleet.h"

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "provision/child.h"
#include "provision/progress.h"

/* Not every C library gives threads as much as paths and messages take. */
#define STACK_SIZE	(4 * 1024 * 1024)
/* How much of the reasons is in the summary, and of a target's name, with its
 * NUL. */
#define SUMMARY_MAX	900
#define NAME_SHOWN_MAX	101

struct fleet_line {
	struct progress	*progress;
	size_t		 i;
	bool		 started;
	enum session_code code;
	char		 why[FLEET_WHY_MAX];
};

struct run {
	const struct fleet *f;
	struct progress	*progress;
	struct fleet_line *lines;
	atomic_size_t	 next;		/* target to be started */
	atomic_uint	 threads;	/* that have not ended */
	int		 ended[2];	/* a byte for each target that is done */
	sigset_t	 mask;		/* of the caller's thread, without us */
};

/* Signals that we are told by, and what they did before. */
static const struct {
	int		 signo;
	const char	*name;		/* of those that end us */
} signals[] = {
	{ SIGINT, "SIGINT" },
	{ SIGTERM, "SIGTERM" },
	{ SIGHUP, "SIGHUP" },
	{ SIGWINCH, NULL },
	{ SIGCONT, NULL },
};

#define N_SIGNALS	(sizeof(signals) / sizeof(signals[0]))

static atomic_int stop_signal;
/* Those of them that are waited for: not ignored when we were started.  Written
 * before there are threads. */
static sigset_t heeded;
/* We were stopped, and others may have written to the terminal. */
static atomic_bool continued;

_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_BOOL_LOCK_FREE == 2,
    "a handler of a signal can change them");

/* --- signals -------------------------------------------------------------- */

/* Another one is for who does not want to wait. */
static void
end_at_another(void)
{
	const struct sigaction plain = { .sa_handler = SIG_DFL };

	for (size_t i = 0; i < N_SIGNALS; i++)
		if (signals[i].name != NULL)
			(void)sigaction(signals[i].signo, &plain, NULL);
}

static void
on_stop(int signo)
{
	atomic_store(&stop_signal, signo);
	end_at_another();
}

static void
on_terminal(int signo)
{
	/* What waits is interrupted, and that is all there is to do if only the
	 * size has changed. */
	if (signo == SIGCONT)
		atomic_store(&continued, true);
}

/* Listen to them, but for those that nobody wants to hear of. */
static void
catch_signals(struct sigaction before[static N_SIGNALS])
{
	struct sigaction sa = { .sa_flags = 0 };

	(void)sigemptyset(&sa.sa_mask);
	(void)sigemptyset(&heeded);
	for (size_t i = 0; i < N_SIGNALS; i++) {
		sa.sa_handler = signals[i].name != NULL ? on_stop :
		    on_terminal;
		(void)sigaction(signals[i].signo, NULL, &before[i]);
		if (before[i].sa_handler == SIG_IGN)
			continue;
		(void)sigaction(signals[i].signo, &sa, NULL);
		if (signals[i].name != NULL)
			(void)sigaddset(&heeded, signals[i].signo);
	}
}

static void
restore_signals(const struct sigaction before[static N_SIGNALS])
{
	for (size_t i = 0; i < N_SIGNALS; i++)
		(void)sigaction(signals[i].signo, &before[i], NULL);
}

/* Whether it has come and was not taken; it has to be blocked for that. */
static bool
is_pending(int signo)
{
	sigset_t pending;

	return sigismember(&heeded, signo) == 1 && sigpending(&pending) == 0 &&
	    sigismember(&pending, signo) == 1;
}

/* A ^C ends the programs that we run as well, and a thread may see one of them
 * ended before the signal is taken: one that is still to be taken counts. */
static void
note_pending(void)
{
	int none = 0;

	for (size_t i = 0; i < N_SIGNALS; i++)
		if (signals[i].name != NULL && is_pending(signals[i].signo))
			(void)atomic_compare_exchange_strong(&stop_signal,
			    &none, signals[i].signo);
}

int
fleet_stopping(void)
{
	/* In this order: it is noted before it is taken (take_stop()). */
	if (atomic_load(&stop_signal) == 0)
		note_pending();
	return atomic_load(&stop_signal);
}

void
fleet_stop(int signo)
{
	atomic_store(&stop_signal, signo);
}

const char *
fleet_stop_name(void)
{
	int signo = fleet_stopping();

	for (size_t i = 0; i < N_SIGNALS; i++)
		if (signals[i].signo == signo)
			return signals[i].name;
	return "";
}

int
fleet_leave(enum session_code code)
{
	const struct sigaction plain = { .sa_handler = SIG_DFL };
	int signo = fleet_stopping();

	if (signo != 0) {
		(void)sigaction(signo, &plain, NULL);
		(void)raise(signo);
	}
	return (int)code;
}

/* --- one target ----------------------------------------------------------- */

void
fleet_doing(struct fleet_line *line, const char *fmt, ...)
{
	char text[PROGRESS_TEXT_MAX];
	va_list ap;

	if (line == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	progress_doing(line->progress, line->i, text);
}

void
fleet_why(struct fleet_line *line, const char *fmt, ...)
{
	char why[LOG_LINE_MAX];
	struct text shown;
	va_list ap;

	if (line == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	/* Cut at the end of a character, where it is cut. */
	text_init(&shown, line->why, sizeof(line->why));
	text_add(&shown, why);
}

/* --- threads -------------------------------------------------------------- */

/* A thread: one target after the other, as long as there are any. */
static void *
work(void *arg)
{
	struct run *r = arg;
	const struct fleet *f = r->f;
	struct fleet_line *line;
	size_t i;

	while (fleet_stopping() == 0 &&
	    (i = atomic_fetch_add(&r->next, 1)) < f->n) {
		line = &r->lines[i];
		line->started = true;
		progress_begin(r->progress, i);
		line->code = f->fn(f->cookie, i, line);
		progress_done(r->progress, i);
	}
	(void)atomic_fetch_sub(&r->threads, 1);
	(void)!write(r->ended[1], "", 1);
	return NULL;
}

/* Start threads, as many as can be had; returns how many.  With any, a signal
 * that tells us to end waits until it has been noted. */
static size_t
start(struct run *r, pthread_t *ids, size_t n)
{
	sigset_t mask;
	pthread_attr_t attr;
	size_t i = 0;

	if (pthread_attr_init(&attr) != 0)
		return 0;
	(void)sigfillset(&mask);
	(void)pthread_sigmask(SIG_SETMASK, &mask, &r->mask);
	if (pthread_attr_setstacksize(&attr, STACK_SIZE) == 0) {
		for (; i < n; i++) {
			(void)atomic_fetch_add(&r->threads, 1);
			if (pthread_create(&ids[i], &attr, work, r) == 0)
				continue;
			(void)atomic_fetch_sub(&r->threads, 1);
			break;
		}
	}
	mask = r->mask;
	for (size_t k = 0; i > 0 && k < N_SIGNALS; k++)
		if (sigismember(&heeded, signals[k].signo) == 1)
			(void)sigaddset(&mask, signals[k].signo);
	(void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
	(void)pthread_attr_destroy(&attr);
	return i;
}

/* Take the signal that waits, once it is noted, and let the next one end us. */
static void
take_stop(const struct run *r)
{
	int taken, signo = fleet_stopping();
	sigset_t one;

	if (signo == 0)
		return;
	end_at_another();
	(void)sigemptyset(&one);
	(void)sigaddset(&one, signo);
	if (is_pending(signo))
		(void)sigwait(&one, &taken);
	(void)pthread_sigmask(SIG_SETMASK, &r->mask, NULL);
}

/* What there is to see and to say while they work. */
static void
attend(struct run *r)
{
	struct pollfd ended = { .fd = r->ended[0], .events = POLLIN };
	bool told = false;
	char bytes[64];

	while (atomic_load(&r->threads) > 0) {
		if (poll(&ended, 1, PROGRESS_TICK_MS) > 0)
			(void)!read(r->ended[0], bytes, sizeof(bytes));
		take_stop(r);
		if (atomic_exchange(&continued, false))
			progress_anew(r->progress);
		if (fleet_stopping() != 0 && !told) {
			told = true;
			log_warn("%s: nothing more is started, and what is "
			    "under way is given up; once more ends it at once",
			    fleet_stop_name());
		}
		progress_tick(r->progress);
	}
}

static void
run_threads(struct run *r)
{
	pthread_t ids[FLEET_JOBS_MAX];
	size_t n = r->f->jobs, started;

	if (n > r->f->n)
		n = r->f->n;
	if ((started = start(r, ids, n)) == 0) {
		/* Then without any, and without being shown. */
		(void)atomic_fetch_add(&r->threads, 1);
		(void)work(r);
		return;
	}
	attend(r);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(ids[i], NULL);
	take_stop(r);
	(void)pthread_sigmask(SIG_SETMASK, &r->mask, NULL);
}

/* --- what it comes to ----------------------------------------------------- */

/* What a code says where nobody gave a reason. */
static const char *
reason(const struct fleet_line *line)
{
	static const char *const reasons[] = {
		[SESSION_DONE] = "done",
		[SESSION_FAILED] = "failed",
		[SESSION_USAGE] = "wrong use",
		[SESSION_DENIED] = "refused",
		[SESSION_MEMORY] = "memory could not be locked",
		[SESSION_UNREACHABLE] = "not reachable",
	};

	if (line->why[0] != '\0')
		return line->why;
	return (size_t)line->code < sizeof(reasons) / sizeof(reasons[0]) ?
	    reasons[line->code] : "failed";
}

/* Append those that failed, or those that were not started, as far as there is
 * room. */
static void
add_targets(const struct run *r, bool started, const char *head,
    struct text *t)
{
	size_t n = 0, left = 0;
	char name[NAME_SHOWN_MAX], one[2 * FLEET_WHY_MAX];
	struct text shown;

	for (size_t i = 0; i < r->f->n; i++) {
		const struct fleet_line *line = &r->lines[i];

		if (line->started != started ||
		    (started && line->code == SESSION_DONE))
			continue;
		text_init(&shown, name, sizeof(name));
		text_add(&shown, r->f->names[i]);
		(void)snprintf(one, sizeof(one), started ? "%s (%s)" : "%s",
		    name, reason(line));
		if (left > 0 || t->len + strlen(head) + strlen(one) >
		    SUMMARY_MAX) {
			left++;
			continue;
		}
		text_add(t, n++ == 0 ? head : ", ");
		text_add(t, one);
	}
	if (left > 0)
		text_addf(t, "%s%zu more", n == 0 ? head : " and ", left);
}

/* The last line. */
static void
summarize(const struct run *r)
{
	char line[LOG_LINE_MAX];
	size_t done = 0;
	struct text t;

	for (size_t i = 0; i < r->f->n; i++)
		done += r->lines[i].started &&
		    r->lines[i].code == SESSION_DONE;
	text_init(&t, line, sizeof(line));
	text_addf(&t, "%zu of %zu %s", done, r->f->n, r->f->verb);
	add_targets(r, true, "; failed: ", &t);
	add_targets(r, false, "; not started: ", &t);
	if (done == r->f->n)
		log_info("%s", line);
	else
		log_error("%s", line);
}

static enum session_code
worst(const struct run *r)
{
	enum session_code code = SESSION_DONE, one;

	for (size_t i = 0; i < r->f->n; i++) {
		one = r->lines[i].started ? r->lines[i].code : SESSION_FAILED;
		if (one > code)
			code = one;
	}
	return code;
}

/* What threads need; false: it cannot be had. */
static bool
begin(struct run *r)
{
	const struct fleet *f = r->f;

	r->lines = calloc(f->n + 1, sizeof(*r->lines));
	if (r->lines == NULL || pipe(r->ended) != 0) {
		r->ended[0] = r->ended[1] = -1;
		return false;
	}
	for (size_t i = 0; i < 2; i++)
		(void)fcntl(r->ended[i], F_SETFD, FD_CLOEXEC);
	if (progress_new(&r->progress, f->names, f->n, STDERR_FILENO,
	    f->plain) != ST_OK)
		return false;
	for (size_t i = 0; i < f->n; i++) {
		r->lines[i].progress = r->progress;
		r->lines[i].i = i;
	}
	return true;
}

enum session_code
fleet_run(const struct fleet *f)
{
	struct run r = { .f = f, .ended = { -1, -1 } };
	struct sigaction before[N_SIGNALS];
	enum session_code code = SESSION_FAILED;

	assert(f->jobs >= 1 && f->jobs <= FLEET_JOBS_MAX);
	if (f->n == 0)
		return SESSION_DONE;
	if (begin(&r)) {
		child_heed(fleet_stopping);
		catch_signals(before);
		run_threads(&r);
		restore_signals(before);
		progress_free(r.progress);
		code = worst(&r);
		if (f->n > 1)
			summarize(&r);
	} else {
		log_error("cannot work on several targets: out of memory, or "
		    "of descriptors");
	}
	for (size_t i = 0; i < 2; i++)
		if (r.ended[i] >= 0)
			(void)close(r.ended[i]);
	free(r.lines);
	return code;
}
