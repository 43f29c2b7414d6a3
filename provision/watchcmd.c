/*
 * One thread waits: for signals, for jobs that are done, and for what engines
 * tell.  It alone has the plan, and prints.  Everything that was told is taken
 * in before the plan is asked what to do, so that a thousand starts of a target
 * are one when it comes to loading.
 */
#include "provision/watchcmd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "provision/child.h"
#include "provision/events.h"
#include "provision/fleet.h"
#include "provision/loadone.h"
#include "provision/notify.h"
#include "provision/session.h"
#include "provision/watchjob.h"
#include "provision/watchplan.h"
#include "provision/watchrules.h"
#include "provision/watchsay.h"

/* Places of what is waited for. */
enum { FD_SIGNAL, FD_JOBS, FD_ENGINES, FDS = FD_ENGINES +
    EVENTS_ENGINES * CHILD_FDS };

/* However long there is nothing to do, children are looked at this often. */
#define IDLE_MS		5000
/* What is not understood is told of this often. */
#define CONFUSED_MS	60000
/* How long loads have to undo what they did, and then jobs that change
 * nothing. */
#define END_MS		20000
#define END_IDLE_MS	1000

struct watch {
	const struct provision_options *opts;
	struct watchrules	 rules;
	struct watchplan	 plan;
	struct watchsay		 say;
	struct notify		 notify;
	struct watchjob_keys	*keys;		/* what is loaded now */
	struct events_follow	*follow;	/* one for each engine */
	/* What was said of each engine and target last: not said again. */
	char			 look_why[EVENTS_ENGINES][LOOK_WHY_MAX];
	bool			 gone[EVENTS_ENGINES];
	int64_t			 confused_ms[EVENTS_ENGINES];
	char			**advice;	/* of each place of the plan */
	enum events_engine	 telling;	/* whose lines are being read */
	const char		*path;
	int			 jobs[2];	/* pipe of jobs that are done */
	unsigned		 n_jobs, n_loads;
	bool			 reading;	/* keys, in a job */
	bool			 again;		/* and once more */
	char			 status[256];
	char			 why[GATHER_WHY_MAX];
};

/* --- signals -------------------------------------------------------------- */

/* Set by handlers. */
static volatile sig_atomic_t stop;
static volatile sig_atomic_t hup;
/* A hangup can be the terminal's. */
static volatile sig_atomic_t hup_hang;
static int wake[2] = { -1, -1 };
static pid_t parent;
static bool had_tty;

static void
on_stop(int signo)
{
	const struct sigaction plain = { .sa_handler = SIG_DFL };
	int before = errno;

	stop = signo;
	/* Another one is for who does not want to wait. */
	(void)sigaction(SIGINT, &plain, NULL);
	(void)sigaction(SIGTERM, &plain, NULL);
	(void)!write(wake[1], "", 1);
	errno = before;
}

static void
on_hup(int signo, siginfo_t *info, void *context)
{
	int before = errno;

	(void)signo;
	(void)context;
	hup = 1;
	/* Sent by the kernel, or by the shell that we were started from. */
	if (info->si_code > 0 || info->si_pid == parent)
		hup_hang = 1;
	(void)!write(wake[1], "", 1);
	errno = before;
}

static bool
has_tty(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

/* A pipe whose ends neither block nor are a child's. */
static int
open_pipe(int fds[static 2])
{
	if (pipe(fds) != 0) {
		fds[0] = fds[1] = -1;
		return ST_SYSTEM;
	}
	for (size_t i = 0; i < 2; i++)
		if (fcntl(fds[i], F_SETFD, FD_CLOEXEC) != 0)
			return ST_SYSTEM;
	return fdio_nonblock(fds[0]);
}

static int
catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_stop }, before;
	const int signals[] = { SIGINT, SIGTERM };
	int st;

	if ((st = open_pipe(wake)) != ST_OK ||
	    (st = fdio_nonblock(wake[1])) != ST_OK)
		return st;
	parent = getppid();
	had_tty = has_tty();
	(void)sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (sigaction(signals[i], NULL, &before) == 0 &&
		    before.sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &sa, NULL);
	sa.sa_sigaction = on_hup;
	sa.sa_flags = SA_SIGINFO;
	if (sigaction(SIGHUP, NULL, &before) == 0 &&
	    before.sa_handler != SIG_IGN)
		(void)sigaction(SIGHUP, &sa, NULL);
	return ST_OK;
}

/* --- what is said --------------------------------------------------------- */

static void
say(struct watch *w, const struct watchsay_line *l)
{
	bool before = w->say.broken;

	watchsay_line(&w->say, l, clock_wall_ms());
	if (w->say.broken && !before)
		log_error_sys("cannot print what happens");
}

static void
tell_news(void *cookie, enum watchplan_news news, const char *label)
{
	static const char *const words[] = {
		[WATCHPLAN_STARTED] = "started",
		[WATCHPLAN_RUNNING] = "running",
		[WATCHPLAN_STOPPED] = "stopped",
		[WATCHPLAN_ABSENT] = "waiting",
		[WATCHPLAN_TOO_MANY] = "ignored",
	};

	say(cookie, &(struct watchsay_line){ .target = label,
	    .event = words[news],
	    .error = news == WATCHPLAN_ABSENT ? "it does not run yet" :
	    news == WATCHPLAN_TOO_MANY ? "too many targets are followed" :
	    NULL });
}

/* Tell the service manager, if it is something new. */
static void
tell_status(struct watch *w, bool first)
{
	char status[sizeof(w->status)];
	struct watchplan_count n;
	struct text t;

	watchplan_count(&w->plan, &n);
	text_init(&t, status, sizeof(status));
	text_addf(&t, "%zu of %zu targets loaded", n.loaded, n.targets);
	if (n.failing > 0)
		text_addf(&t, ", %zu failing", n.failing);
	if (n.refused > 0)
		text_addf(&t, ", %zu refused", n.refused);
	if (n.stopped > 0)
		text_addf(&t, ", %zu not running", n.stopped);
	for (int i = 0; i < EVENTS_ENGINES; i++)
		if (w->gone[i])
			text_addf(&t, "; %s does not answer",
			    events_engine_name((enum events_engine)i));
	if (!first && strcmp(status, w->status) == 0)
		return;
	memcpy(w->status, status, sizeof(status));
	notify_send(&w->notify, "%sSTATUS=%s", first ? "READY=1\n" : "",
	    status);
}

/* --- keys ----------------------------------------------------------------- */

static void
keys_release(struct watchjob_keys *k)
{
	if (k == NULL || --k->users > 0)
		return;
	gather_end(&k->g);
	free(k);
}

/* Say what is held here from now on. */
static void
tell_held(const struct watchjob_keys *k)
{
	struct secret_usage u;

	secret_usage(k->g.region, &u);
	log_info("%zu key%s of yours %s held in locked memory of this machine "
	    "(%s) until this ends", k->g.n_files, k->g.n_files == 1 ? "" : "s",
	    k->g.n_files == 1 ? "is" : "are", secret_backing_name(u.backing));
}

/* One that is zeroed, with the command line's options. */
static struct watchjob_keys *
keys_new(const struct watch *w)
{
	struct watchjob_keys *k = calloc(1, sizeof(*k));

	if (k != NULL) {
		k->opts = *w->opts;
		k->users = 1;
	}
	return k;
}

static void
tell_reread(struct watch *w, const char *error)
{
	char room[GATHER_WHY_MAX + 128];

	if (error == NULL) {
		say(w, &(struct watchsay_line){ .event = "read",
		    .keys = w->keys->g.n_files });
		return;
	}
	(void)snprintf(room, sizeof(room), "%s; what was read before stays",
	    error);
	say(w, &(struct watchsay_line){ .event = "not read", .error = room,
	    .code = SESSION_USAGE });
}

/* --- jobs ----------------------------------------------------------------- */

static int
start_job(struct watch *w, struct watchjob *job)
{
	int st = watchjob_start(job, w->jobs[1]);

	if (st != ST_OK)
		return st;
	w->n_jobs++;
	w->n_loads += job->kind == WATCHJOB_LOAD;
	return ST_OK;
}

/* SIGHUP: read manifest and keys again. */
static void
start_read(struct watch *w)
{
	struct watchjob *job;

	if (w->opts->manifest != NULL && strcmp(w->opts->manifest, "-") == 0) {
		tell_reread(w, "the manifest came from standard input and "
		    "cannot be read again");
		return;
	}
	if (w->reading) {
		w->again = true;
		return;
	}
	notify_send(&w->notify, "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)(clock_ns() / 1000));
	job = calloc(1, sizeof(*job));
	if (job != NULL) {
		job->kind = WATCHJOB_READ;
		job->keys = keys_new(w);
	}
	if (job != NULL && job->keys != NULL) {
		job->keys->opts.no_prompt = true;
		if (start_job(w, job) == ST_OK) {
			w->reading = true;
			return;
		}
	}
	if (job != NULL)
		free(job->keys);
	watchjob_free(job);
	tell_reread(w, "out of memory");
	notify_send(&w->notify, "READY=1");
}

static void
end_read(struct watch *w, struct watchjob *job)
{
	w->reading = false;
	if (job->st == ST_OK && job->keys->g.plan.n_hosts > 0) {
		keys_release(w->keys);
		w->keys = job->keys;
		tell_reread(w, NULL);
		watchplan_reload(&w->plan, clock_ms());
	} else if (job->st == ST_OK) {
		keys_release(job->keys);
		tell_reread(w, "there are no ssh entries in it");
	} else {
		/* It holds nothing. */
		free(job->keys);
		tell_reread(w, job->why[0] != '\0' ? job->why :
		    status_name(job->st));
	}
	notify_send(&w->notify, "READY=1");
	if (w->again && stop == 0) {
		w->again = false;
		start_read(w);
	}
}

static void
start_look(struct watch *w, enum events_engine engine)
{
	struct watchjob *job = calloc(1, sizeof(*job));

	if (job != NULL) {
		job->kind = WATCHJOB_LOOK;
		job->how = (struct look_how){ .engine = engine,
			.path = w->path,
			.time_ms = (int64_t)w->opts->time_s * 1000,
			.lists = w->rules.lists[engine],
			.n_lists = w->rules.n_lists[engine] };
	}
	if (job == NULL || start_job(w, job) != ST_OK) {
		watchjob_free(job);
		watchplan_blind(&w->plan, engine, clock_ms());
	}
}

static void
end_look(struct watch *w, struct watchjob *job)
{
	enum events_engine engine = job->how.engine;
	char *last = w->look_why[engine];

	if (job->st == ST_OK) {
		last[0] = '\0';
		if (w->gone[engine])
			say(w, &(struct watchsay_line){ .event = "back",
			    .engine = events_engine_name(engine) });
		w->gone[engine] = false;
		watchplan_seen(&w->plan, engine, job->look.runs, job->look.n,
		    clock_ms(), tell_news, w);
		return;
	}
	/* Of an engine that is gone its events tell; and what went away between
	 * two questions is no trouble. */
	if (w->plan.engine[engine].following && !w->gone[engine] &&
	    stop == 0 && job->st != ST_MORE && strcmp(last, job->why) != 0) {
		log_warn("cannot look which containers run: %s", job->why);
		(void)snprintf(last, LOOK_WHY_MAX, "%.*s", LOOK_WHY_MAX - 1,
		    job->why);
	}
	watchplan_blind(&w->plan, engine, clock_ms());
}

/* What is loaded: a container by the name that it was given here, or that very
 * one. */
static int
target_of(struct watch *w, const struct watchplan_item *it, struct target *out)
{
	const struct watchplan_rule *r = &w->rules.rules[it->rule];
	char word[TARGET_NAME_MAX + 16], why[512];

	if (r->means == WATCHPLAN_NAME) {
		*out = w->rules.targets[it->rule];
		return ST_OK;
	}
	(void)snprintf(word, sizeof(word), "%s:%s",
	    events_engine_name(r->engine), it->id);
	return target_parse(word, out, why, sizeof(why));
}

static void
start_load(struct watch *w, size_t item)
{
	const struct watchplan_item *it = &w->plan.items[item];
	struct watchjob *job = calloc(1, sizeof(*job));
	int st = job != NULL ? ST_OK : ST_NOMEM;

	if (st == ST_OK) {
		job->kind = WATCHJOB_LOAD;
		job->item = item;
		job->keys = w->keys;
		memcpy(job->label, it->label, sizeof(job->label));
		st = target_of(w, it, &job->target);
	}
	if (st == ST_OK)
		st = start_job(w, job);
	if (st == ST_OK) {
		w->keys->users++;
		return;
	}
	watchjob_free(job);
	log_error("%s: cannot start a load: out of memory, or of threads",
	    it->label);
	(void)watchplan_loaded(&w->plan, item, WATCHPLAN_FAILED, clock_ms());
}

/* What is wrong with a rule or a command line stays wrong; a user may be made
 * any moment now. */
static enum watchplan_outcome
outcome_of(const struct session_result *r)
{
	if (r->code == SESSION_DONE)
		return WATCHPLAN_DONE;
	if ((r->code == SESSION_USAGE || r->code == SESSION_DENIED) &&
	    r->lack == SESSION_LACKS_NOTHING)
		return WATCHPLAN_REFUSED;
	return WATCHPLAN_FAILED;
}

/* Advice that is not the one that was given last. */
static void
tell_advice(struct watch *w, const struct watchjob *job)
{
	const char *advice = job->report.result.advice;
	char **last = &w->advice[job->item];

	if (*last != NULL && strcmp(*last, advice) == 0)
		return;
	free(*last);
	*last = strdup(advice);
	if (advice[0] != '\0' && !w->say.json)
		log_error("%s: what to do: %s", job->label, advice);
}

static void
end_load(struct watch *w, struct watchjob *job)
{
	const struct session_result *r = &job->report.result;
	enum watchplan_outcome outcome = outcome_of(r);
	char why[SESSION_WHY_MAX + PATH_MAX];
	struct text t;
	int64_t again;

	w->n_loads--;
	again = watchplan_loaded(&w->plan, job->item, outcome, clock_ms());
	if (outcome == WATCHPLAN_DONE) {
		say(w, &(struct watchsay_line){ .target = job->label,
		    .event = "loaded", .keys = r->n_keys,
		    .user = job->report.account,
		    .took_ms = job->took_ms });
		free(w->advice[job->item]);
		w->advice[job->item] = NULL;
	} else {
		text_init(&t, why, sizeof(why));
		loadone_why(&job->keys->g, &job->report, &t);
		say(w, &(struct watchsay_line){ .target = job->label,
		    .event = "failed", .code = r->code, .error = why,
		    .advice = r->advice,
		    .again_ms = stop == 0 ? again : -1,
		    .not_again = w->plan.items[job->item].refused });
		if (stop == 0)
			tell_advice(w, job);
	}
	keys_release(job->keys);
}

static void
end_jobs(struct watch *w)
{
	struct watchjob *job;

	while ((job = watchjob_take(w->jobs[0])) != NULL) {
		w->n_jobs--;
		if (job->kind == WATCHJOB_LOAD)
			end_load(w, job);
		else if (job->kind == WATCHJOB_LOOK)
			end_look(w, job);
		else
			end_read(w, job);
		watchjob_free(job);
	}
}

/* --- engines -------------------------------------------------------------- */

static void
tell_lost(struct watch *w, enum events_engine engine, const char *why)
{
	int64_t again = watchplan_lost(&w->plan, engine, clock_ms());

	w->gone[engine] = true;
	say(w, &(struct watchsay_line){ .event = "lost", .error = why,
	    .engine = events_engine_name(engine), .again_ms = again });
}

static void
start_follow(struct watch *w, enum events_engine engine)
{
	if (events_follow(&w->follow[engine], engine, w->path, w->why,
	    sizeof(w->why)) != ST_OK)
		tell_lost(w, engine, w->why);
}

/* Now and then say that an engine's words are not understood. */
static void
confused(struct watch *w, enum events_engine engine, const char *what)
{
	int64_t now = clock_ms();

	if (w->confused_ms[engine] == 0 ||
	    now - w->confused_ms[engine] >= CONFUSED_MS) {
		w->confused_ms[engine] = now;
		log_warn("\"%s events\" prints %s: looking which containers "
		    "run instead", events_engine_name(engine), what);
	}
	watchplan_confused(&w->plan, engine, now);
}

static void
take_line(const char *line, size_t len, void *arg)
{
	struct watch *w = arg;
	struct events_event e;
	int st = events_parse(w->telling, line, len, &e);

	if (st == ST_MALFORMED)
		confused(w, w->telling, "what cannot be understood");
	if (st != ST_OK)
		return;
	watchplan_event(&w->plan, &e, clock_ms(), tell_news, w);
	events_fini(&e);
}

static void
turn(struct watch *w, enum events_engine engine, const struct pollfd *fds)
{
	struct events_follow *f = &w->follow[engine];
	size_t lost = f->lines.lost;
	int st;

	if (!f->runs)
		return;
	w->telling = engine;
	st = events_follow_turn(f, fds, take_line, w, w->why, sizeof(w->why));
	if (f->lines.lost != lost)
		confused(w, engine, "a line that is too long");
	/* ^C is for the engine's program, too. */
	if (st != ST_MORE && stop == 0)
		tell_lost(w, engine, w->why);
}

/* --- the loop ------------------------------------------------------------- */

/* Do what the plan says; returns how long there is nothing to do. */
static int
act(struct watch *w)
{
	struct watchplan_todo todo;
	int64_t now = clock_ms(), left;

	for (;;) {
		watchplan_next(&w->plan, now, &todo);
		switch (todo.act) {
		case WATCHPLAN_FOLLOW:
			start_follow(w, todo.engine);
			break;
		case WATCHPLAN_LOOK:
			start_look(w, todo.engine);
			break;
		case WATCHPLAN_LOAD:
			start_load(w, todo.item);
			break;
		case WATCHPLAN_WAIT:
			left = todo.ms < 0 ? IDLE_MS : todo.ms - now;
			return left > IDLE_MS ? IDLE_MS : left > 0 ?
			    (int)left : 0;
		}
	}
}

/* Wait for anything, and take in what there is. */
static void
wait_all(struct watch *w, int ms)
{
	struct pollfd fds[FDS];
	char bytes[64];

	fds[FD_SIGNAL] = (struct pollfd){ .fd = wake[0], .events = POLLIN };
	fds[FD_JOBS] = (struct pollfd){ .fd = w->jobs[0], .events = POLLIN };
	for (int i = 0; i < EVENTS_ENGINES; i++)
		events_follow_fds(&w->follow[i], &fds[FD_ENGINES +
		    i * CHILD_FDS]);
	if (poll(fds, FDS, ms) < 0)
		for (size_t i = 0; i < FDS; i++)
			fds[i].revents = 0;
	while (read(wake[0], bytes, sizeof(bytes)) > 0)
		;
	/* What an engine told before is older than what a job saw. */
	for (int i = 0; i < EVENTS_ENGINES; i++)
		turn(w, (enum events_engine)i, &fds[FD_ENGINES +
		    i * CHILD_FDS]);
	end_jobs(w);
}

/* A terminal that went away ends us, as it does everybody; any other SIGHUP has
 * us read the keys again. */
static void
take_hup(struct watch *w)
{
	bool hang = hup_hang != 0;

	hup = hup_hang = 0;
	if (hang && had_tty && !has_tty())
		stop = SIGHUP;
	else
		start_read(w);
}

static void
loop(struct watch *w)
{
	int ms;

	while (stop == 0 && !w->say.broken) {
		ms = act(w);
		tell_status(w, w->status[0] == '\0');
		if (stop != 0 || hup != 0)
			ms = 0;
		wait_all(w, ms);
		if (hup != 0)
			take_hup(w);
	}
}

/* Nothing more is begun; loads undo what they did. */
static void
finish(struct watch *w)
{
	int64_t until = clock_ms() + END_MS;
	int signo = stop != 0 ? stop : SIGTERM;

	notify_send(&w->notify, "STOPPING=1\nSTATUS=ending");
	fleet_stop(signo);
	if (w->n_loads > 0)
		log_info("%s: what is under way is given up; once more ends "
		    "it at once", fleet_stop_name());
	for (int i = 0; i < EVENTS_ENGINES; i++)
		events_follow_end(&w->follow[i]);
	while (w->n_loads > 0 && clock_ms() < until)
		wait_all(w, CHILD_TICK_MS);
	until = clock_ms() + END_IDLE_MS;
	while (w->n_jobs > 0 && clock_ms() < until)
		wait_all(w, CHILD_TICK_MS);
	say(w, &(struct watchsay_line){ .event = "ended" });
}

/* --- from the beginning --------------------------------------------------- */

/* Every engine's program must be here: that does not come by itself. */
static int
find_engines(struct watch *w)
{
	char program[PATH_MAX];

	for (int i = 0; i < EVENTS_ENGINES; i++) {
		const char *name = events_engine_name((enum events_engine)i);

		if (w->plan.engine[i].used &&
		    child_find(name, w->path, program) != ST_OK) {
			(void)snprintf(w->why, sizeof(w->why), "%s is not in "
			    "PATH: is it installed?", name);
			return ST_NOT_FOUND;
		}
	}
	return ST_OK;
}

static void
open_notify(struct watch *w)
{
	const char *address = getenv("NOTIFY_SOCKET");
	int st = notify_open(&w->notify, address);

	if (st != ST_OK)
		log_warn("cannot tell the service manager at NOTIFY_SOCKET: %s",
		    status_name(st));
	/* Children are not the service. */
	(void)unsetenv("NOTIFY_SOCKET");
}

/* Everything before the keys. */
static enum session_code
begin(struct watch *w)
{
	char why[WATCHRULES_WHY_MAX];
	int st;

	st = watchrules_make(w->opts, &w->rules, why);
	if (st != ST_OK) {
		log_error("%s", why);
		return loadone_code(st);
	}
	st = watchplan_init(&w->plan, w->rules.rules, w->rules.n,
	    w->opts->jobs);
	w->follow = calloc(EVENTS_ENGINES, sizeof(*w->follow));
	w->advice = calloc(WATCHPLAN_ITEMS_MAX, sizeof(*w->advice));
	if (st == ST_OK && (w->follow == NULL || w->advice == NULL))
		st = ST_NOMEM;
	if (st == ST_OK && (catch_signals() != ST_OK ||
	    open_pipe(w->jobs) != ST_OK))
		st = ST_SYSTEM;
	if (st != ST_OK) {
		log_error_st(st, "cannot begin");
		return SESSION_FAILED;
	}
	if (find_engines(w) != ST_OK) {
		log_error("%s", w->why);
		return SESSION_UNREACHABLE;
	}
	return SESSION_DONE;
}

/* The keys, for which the operator may be asked for passphrases: once. */
static enum session_code
read_keys(struct watch *w)
{
	int st = ST_NOMEM;

	w->why[0] = '\0';
	w->keys = keys_new(w);
	if (w->keys != NULL)
		st = watchjob_read(w->keys, &stop, w->why, sizeof(w->why));
	if (st == ST_OK)
		return SESSION_DONE;
	free(w->keys);
	w->keys = NULL;
	if (stop == 0)
		log_error("%s", w->why[0] != '\0' ? w->why : status_name(st));
	return loadone_code(st);
}

static enum session_code
run(struct watch *w)
{
	enum session_code code;

	if ((code = begin(w)) != SESSION_DONE)
		return code;
	code = read_keys(w);
	if (stop != 0)
		return SESSION_DONE;
	if (code != SESSION_DONE)
		return code;
	if (w->keys->g.plan.n_hosts == 0) {
		log_warn("there are no ssh entries in the manifest %s, at "
		    "bottles.NAME.ssh: nothing was done", w->opts->manifest);
		return SESSION_DONE;
	}
	tell_held(w->keys);
	open_notify(w);
	loop(w);
	finish(w);
	return w->say.broken ? SESSION_FAILED : SESSION_DONE;
}

static void
release(struct watch *w)
{
	for (size_t i = 0; w->advice != NULL && i < WATCHPLAN_ITEMS_MAX; i++)
		free(w->advice[i]);
	free(w->advice);
	free(w->follow);
	keys_release(w->keys);
	watchplan_fini(&w->plan);
	watchrules_fini(&w->rules);
	notify_close(&w->notify);
	for (size_t i = 0; i < 2; i++)
		if (w->jobs[i] >= 0)
			(void)close(w->jobs[i]);
}

int
watchcmd_main(const struct provision_options *opts)
{
	struct watch w = { .opts = opts, .say = { .json = opts->json },
		.notify = { .fd = -1 }, .jobs = { -1, -1 },
		.path = getenv("PATH") };
	enum session_code code;

	child_signals();
	child_heed(fleet_stopping);
	code = run(&w);
	/* A job that does not end has what it needs for a little longer. */
	if (w.n_jobs > 0) {
		if (w.n_loads == 0)
			keys_release(w.keys);
		(void)fflush(stdout);
		_exit((int)code);
	}
	release(&w);
	return (int)code;
}
