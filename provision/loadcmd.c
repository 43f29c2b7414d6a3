#include "provision/loadcmd.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "provision/child.h"
#include "provision/clientconf.h"
#include "provision/expand.h"
#include "provision/fleet.h"
#include "provision/gather.h"
#include "provision/loadone.h"
#include "provision/report.h"
#include "provision/scan.h"
#include "provision/session.h"
#include "provision/target.h"

static volatile sig_atomic_t stop;

static void
on_signal(int signo)
{
	stop = signo;
	/* So that who waits for us sees what ended us. */
	fleet_stop(signo);
}

/* While somebody is asked for a passphrase the terminal is not ours to leave
 * behind, nor the folder of the socket that it comes through; before that and
 * after it a signal ends us, until there are targets to be told of it.  One
 * that was ignored when we were started stays so. */
static void
catch_signals(void (*handler)(int))
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction sa = { .sa_handler = handler }, before;

	(void)sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (sigaction(signals[i], NULL, &before) == 0 &&
		    before.sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &sa, NULL);
}

/* --- before any target ---------------------------------------------------- */

/* The exit code of a scan that went wrong: there the network is to blame. */
static enum session_code
scan_code(int st)
{
	switch (st) {
	case ST_CLOSED:
	case ST_BUSY:
	case ST_NOT_FOUND:
	case ST_MALFORMED:
		return SESSION_UNREACHABLE;
	case ST_UNTRUSTED:
		return SESSION_DENIED;
	default:
		return SESSION_FAILED;
	}
}

struct load {
	struct gather		 g;
	struct expand		 where;
	struct provision_options opts;		/* with all targets by name */
	const struct target	*targets;		/* of where */
	struct report_target	*reports;
	char			 why[GATHER_WHY_MAX];
};

/* Put all targets that the words stand for in the place of the words. */
static enum session_code
find_targets(struct load *l)
{
	enum session_code code = expand(l->g.opts, l->g.operator.path,
	    &l->where, l->why);

	_Static_assert(EXPAND_WHY_MAX <= GATHER_WHY_MAX, "what is wrong fits");
	l->opts = *l->g.opts;
	l->opts.targets = l->where.names;
	l->opts.n_targets = l->where.n;
	l->g.opts = &l->opts;
	l->targets = l->where.targets;
	if (code != SESSION_DONE)
		return code;
	l->reports = calloc(l->where.n, sizeof(*l->reports));
	if (l->reports == NULL) {
		(void)snprintf(l->why, sizeof(l->why), "out of memory");
		return SESSION_FAILED;
	}
	for (size_t i = 0; i < l->where.n; i++)
		l->reports[i].target = l->where.names[i];
	return SESSION_DONE;
}

/* We were told to end, and all there was so far is in memory. */
static enum session_code
fail_stopped(struct load *l)
{
	(void)snprintf(l->why, sizeof(l->why), "interrupted: nothing was done "
	    "in any target");
	return SESSION_FAILED;
}

/* Everything that is needed from here. */
static enum session_code
prepare(struct load *l)
{
	struct gather *g = &l->g;
	int st;

	if ((st = gather_plan(g, l->why, sizeof(l->why))) != ST_OK)
		return loadone_code(st);
	if (g->plan.n_hosts == 0)
		return SESSION_DONE;
	catch_signals(on_signal);
	st = gather_keys(g, l->why, sizeof(l->why));
	catch_signals(SIG_DFL);
	/* Also one that came when nobody looked any more. */
	if (stop != 0)
		return fail_stopped(l);
	if (st != ST_OK)
		return loadone_code(st);
	if (g->opts->scan || g->opts->scan_via_target) {
		st = scan_hosts(g, g->opts->scan ? NULL : &l->targets[0],
		    l->why, sizeof(l->why));
		if (st != ST_OK)
			return scan_code(st);
	}
	loadone_warn_unknown(g);
	return SESSION_DONE;
}

/* --- targets -------------------------------------------------------------- */

/* What became of a target; what went wrong, with the key that it is about. */
static void
tell(const struct load *l, const struct report_target *r)
{
	char why[SESSION_WHY_MAX + PATH_MAX];
	struct text t;

	if (r->result.code == SESSION_DONE) {
		log_info("%s: keys in force: %zu, for user %s", r->target,
		    r->result.n_keys, r->account);
		return;
	}
	text_init(&t, why, sizeof(why));
	loadone_why(&l->g, r, &t);
	log_error("%s: %s", r->target, why);
	if (r->result.advice[0] != '\0')
		log_error("%s: what to do: %s", r->target, r->result.advice);
}

/* One target, in a thread; of what is shared nothing is written to. */
static enum session_code
load_one(void *cookie, size_t i, struct fleet_line *line)
{
	struct load *l = cookie;
	const struct loadone one = { .g = &l->g, .target = &l->targets[i],
		.line = line };
	struct report_target *r = &l->reports[i];

	loadone_run(&one, r);
	tell(l, r);
	if (r->result.code != SESSION_DONE)
		fleet_why(line, "%s", r->result.why);
	return r->result.code;
}

static enum session_code
load_all(struct load *l)
{
	const struct provision_options *o = l->g.opts;
	const struct fleet f = { .n = o->n_targets,
		.names = (const char *const *)o->targets, .jobs = o->jobs,
		.fn = load_one, .cookie = l, .verb = "loaded",
		.plain = target_may_ask(l->targets, o->n_targets,
		    o->jobs) };

	_Static_assert(PROVISION_JOBS_MAX <= FLEET_JOBS_MAX, "every -j does");
	/* What is said of those that are not started. */
	for (size_t i = 0; i < o->n_targets; i++) {
		l->reports[i].account = loadone_account(&l->g,
		    &l->targets[i]);
		l->reports[i].result.code = SESSION_FAILED;
		(void)snprintf(l->reports[i].result.why, SESSION_WHY_MAX,
		    "not started: we were told to stop");
	}
	return fleet_run(&f);
}

/* --- what it comes to ----------------------------------------------------- */

static enum session_code
check(struct load *l, struct clientconf *files)
{
	int st = loadone_check(&l->g, files, l->why, sizeof(l->why));

	return st == ST_OK ? SESSION_DONE : loadone_code(st);
}

/* Print, and take a failure to print for one. */
static enum session_code
print(enum session_code code, int st)
{
	if (st == ST_OK)
		return code;
	if (st == ST_SYSTEM)
		log_error_sys("cannot print the result");
	else
		log_error_st(st, "cannot print the result");
	return code == SESSION_DONE ? SESSION_FAILED : code;
}

static enum session_code
dry(const struct load *l, const struct clientconf *files)
{
	const struct provision_options *o = l->g.opts;
	const struct report_dry d = { .g = &l->g, .files = files,
		.targets = o->targets, .n = o->n_targets,
		.account = loadone_account(&l->g, &l->targets[0]) };

	return print(SESSION_DONE, o->json ? report_dry_json(&d) :
	    report_dry_text(&d));
}

static enum session_code
finish(const struct load *l, enum session_code code, size_t n)
{
	const struct report r = { .g = &l->g, .targets = l->reports, .n = n,
		.code = (int)code,
		.why = n == 0 && code != SESSION_DONE ? l->why : NULL };

	return print(code, l->g.opts->json ? report_json(&r) :
	    report_text(&r));
}

static enum session_code
run(struct load *l)
{
	const struct provision_options *o = l->g.opts;
	struct clientconf files = { 0 };
	enum session_code code;
	size_t n = 0;

	code = prepare(l);
	if (code == SESSION_DONE && l->g.plan.n_hosts == 0) {
		log_warn("there are no ssh entries in the manifest %s, at "
		    "bottles.NAME.ssh: nothing was done", o->manifest);
		return finish(l, code, 0);
	}
	if (code == SESSION_DONE)
		code = check(l, &files);
	if (code == SESSION_DONE && o->dry_run) {
		code = dry(l, &files);
	} else if (code == SESSION_DONE) {
		n = o->n_targets;
		code = finish(l, load_all(l), n);
	} else {
		log_error("%s", l->why[0] != '\0' ? l->why : "out of memory");
		code = finish(l, code, 0);
	}
	clientconf_fini(&files);
	return code;
}

int
loadcmd_main(const struct provision_options *opts)
{
	struct load l = { 0 };
	enum session_code code;
	int st;

	child_signals();
	st = gather_begin(&l.g, opts, &stop, l.why, sizeof(l.why));
	if (st != ST_OK) {
		log_error("%s", l.why);
		code = loadone_code(st);
	} else if ((code = find_targets(&l)) == SESSION_DONE) {
		code = run(&l);
	} else {
		log_error("%s", l.why);
		code = finish(&l, code, 0);
	}
	for (size_t i = 0; l.reports != NULL && i < l.where.n; i++)
		session_result_fini(&l.reports[i].result);
	free(l.reports);
	expand_fini(&l.where);
	gather_end(&l.g);
	return fleet_leave(code);
}
