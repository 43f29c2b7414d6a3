/*
 * Three things are run in a target, all of which only look: a script as root,
 * one as the user, and bottle-agent --status.  What they say is gathered first
 * and judged then, by code that does no I/O.  Then the keys are tried: see
 * doctor_net.
 */
#include "provision/doctorcmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "provision/agentstatus.h"
#include "provision/child.h"
#include "provision/doctor.h"
#include "provision/doctor_agent.h"
#include "provision/doctor_client.h"
#include "provision/doctor_engine.h"
#include "provision/doctor_guard.h"
#include "provision/doctor_net.h"
#include "provision/doctor_root_sh.h"
#include "provision/doctor_seen.h"
#include "provision/doctor_user_sh.h"
#include "provision/expand.h"
#include "provision/fleet.h"
#include "provision/launch.h"
#include "provision/remote.h"

/* Who uses the keys where nobody says, and where there is no such user. */
#define ACCOUNT		"node"
#define ACCOUNT_UID	"1000"
/* Most that a script prints. */
#define FACTS_MAX	(1024 * 1024)
/* Longest name of an account. */
#define ACCOUNT_MAX	256

struct doctorcmd {
	const struct provision_options *opts;
	struct expand		 targets;
	const char		*path;		/* ours */
	struct doctor		*doctors;	/* one for each target */
};

/* One target, while it is looked at. */
struct look {
	const struct provision_options *opts;
	struct doctor		*d;
	struct doctor_where	 where;
	struct doctor_seen	 seen;
	char			 account[ACCOUNT_MAX];
	char			 hosts[DOCTOR_HOSTS_MAX][DOCTOR_HOST_MAX];
	const char		*host[DOCTOR_HOSTS_MAX];
};

/* --- what is run --------------------------------------------------------- */

/* The folders of our programs, as arguments. */
static size_t
add_bins(const struct look *l, const char **args, size_t n)
{
	static const char *const bins[LAUNCH_N_BINS] = LAUNCH_BINS;

	if (l->where.bin != NULL) {
		args[n++] = l->where.bin;
		return n;
	}
	for (size_t i = 0; i < LAUNCH_N_BINS; i++)
		args[n++] = bins[i];
	return n;
}

/* Run one of the scripts. */
static void
run_script(const struct look *l, const char *script, const char *user,
    const char *who, const char *third, struct remote_result *out)
{
	const char *args[3 + LAUNCH_N_BINS] = { who, l->where.socket, third };
	const struct remote_how how = { .target = l->where.target,
		.launch = { .program = "the doctor's script", .args = args,
		    .nargs = add_bins(l, args, 3), .user = user },
		.path = l->where.path, .time_ms = l->where.time_ms,
		.out_max = FACTS_MAX };

	remote_shell(&how, script, out);
}

/* Take what a script said; whether it came to its end. */
static bool
take_facts(struct look *l, const struct remote_result *r,
    struct doctor_facts *out)
{
	const struct slice text = { (const uint8_t *)r->out.p, r->out.len };

	if (doctor_facts_parse(text, out) != ST_OK)
		l->d->failed = true;
	return out->whole;
}

/* What root's script says of the account: UID GID NAME, and its home. */
static void
take_account(struct look *l)
{
	const char *v = doctor_facts_get(&l->seen.root, "account");
	char name[ACCOUNT_MAX];
	uint32_t gid;

	if (v == NULL || !doctor_facts_number(&v, &l->where.uid) ||
	    !doctor_facts_number(&v, &gid) ||
	    !doctor_facts_word(&v, name, sizeof(name)))
		return;
	(void)snprintf(l->account, sizeof(l->account), "%s", name);
}

/* As root; false if there is no way into the target. */
static bool
look_as_root(struct look *l)
{
	struct remote_result r;
	bool reached;

	run_script(l, doctor_root_sh, NULL, "root", l->account, &r);
	l->seen.has_root = take_facts(l, &r, &l->seen.root);
	l->seen.inspect = doctor_engine_inspect(&l->where);
	reached = doctor_engine(l->d, &l->seen, &r);
	if (reached && r.end == LAUNCH_RAN && !l->seen.has_root)
		doctor_find(l->d, "engine", DOCTOR_WARN, NULL, "root's script "
		    "did not come to its end there: %s", r.why[0] != '\0' ?
		    r.why : "what it said was cut");
	remote_result_fini(&r);
	take_account(l);
	return reached;
}

/* Who ran the user's script, where it is not said by us. */
static bool
is_user(struct look *l)
{
	const char *v = doctor_facts_get(&l->seen.user, "uid");
	bool known = l->where.target->kind != TARGET_EXEC &&
	    l->where.target->kind != TARGET_KUBECTL;
	uint32_t uid;

	if (v == NULL || !doctor_facts_number(&v, &uid))
		return false;
	if (known || doctor_facts_get(&l->seen.root, "account") == NULL ||
	    l->where.target->kind == TARGET_KUBECTL) {
		l->where.uid = uid;
		if (strcmp(l->account, TARGET_WHOEVER) == 0)
			(void)snprintf(l->account, sizeof(l->account), "%u",
			    uid);
		return true;
	}
	return uid == l->where.uid;
}

/* As the user of the keys. */
static void
look_as_user(struct look *l)
{
	const char *home = l->opts->home;
	struct remote_result r;

	run_script(l, doctor_user_sh, l->account, "user",
	    home != NULL ? home : "-", &r);
	if (r.end == LAUNCH_UNREACHED && r.unreached == TARGET_NO_USER &&
	    l->opts->user == NULL) {
		remote_result_fini(&r);
		(void)snprintf(l->account, sizeof(l->account), ACCOUNT_UID);
		run_script(l, doctor_user_sh, l->account, "user",
		    home != NULL ? home : "-", &r);
	}
	l->seen.has_user = take_facts(l, &r, &l->seen.user) && is_user(l);
	if (l->seen.has_user) {
		remote_result_fini(&r);
		return;
	}
	if (l->seen.user.whole)
		doctor_find(l->d, "engine", DOCTOR_WARN, "let the COMMAND of "
		    "exec: run /bin/sh with a third argument \"user\" as that "
		    "user", "the target's command does not run programs as "
		    "user %s: what he sees could not be looked at",
		    l->account);
	else
		doctor_find(l->d, "engine", r.unreached == TARGET_NO_USER ?
		    DOCTOR_BAD : DOCTOR_WARN, r.unreached == TARGET_NO_USER ?
		    "say who uses the keys there, with --user" :
		    r.advice[0] != '\0' ? r.advice : NULL, "nothing can be "
		    "looked at as user %s: %s", l->account, r.why[0] != '\0' ?
		    r.why : "what was said was cut");
	doctor_facts_fini(&l->seen.user);
	remote_result_fini(&r);
}

/* What the agent says. */
static void
look_at_agent(struct look *l)
{
	const char *args[] = { "--status", "--json", "-a", l->where.socket };
	const struct remote_how how = { .target = l->where.target,
		.launch = { .program = "bottle-agent", .bin = l->where.bin,
		    .args = args, .nargs = 4 },
		.path = l->where.path, .time_ms = l->where.time_ms,
		.out_max = AGENTSTATUS_TEXT_MAX };
	struct doctor_seen *s = &l->seen;
	struct remote_result r;
	char why[256];

	remote_run(&how, &r);
	s->status_code = r.code;
	(void)snprintf(s->status_why, sizeof(s->status_why), "%s", r.why);
	if (r.code == SESSION_DONE && agentstatus_parse((struct slice){
	    (const uint8_t *)r.out.p, r.out.len }, &s->status, why,
	    sizeof(why)) != ST_OK) {
		s->status_code = SESSION_FAILED;
		(void)snprintf(s->status_why, sizeof(s->status_why), "what it "
		    "says is no status: %s", why);
	}
	/* That there is no program is no word about an agent. */
	if (r.end != LAUNCH_RAN)
		s->status_code = SESSION_FAILED;
	remote_result_fini(&r);
}

/* --- one target ---------------------------------------------------------- */

static void
look_at(struct look *l, struct fleet_line *line)
{
	fleet_doing(line, "looking as root");
	if (!look_as_root(l) || fleet_stopping() != 0)
		return;
	fleet_doing(line, "looking as user %s", l->account);
	look_as_user(l);
	fleet_doing(line, "asking the agent");
	look_at_agent(l);
	l->where.n_hosts = doctor_client_hosts(&l->seen.user, l->hosts,
	    DOCTOR_HOSTS_MAX);
	for (size_t i = 0; i < l->where.n_hosts; i++)
		l->host[i] = l->hosts[i];
	l->where.no_ssh = doctor_facts_get(&l->seen.user, "g") == NULL;
	doctor_agent(l->d, &l->seen);
	doctor_client(l->d, &l->seen);
	doctor_guard(l->d, &l->seen);
	if (fleet_stopping() != 0)
		return;
	fleet_doing(line, "trying the hosts");
	doctor_net(l->d, &l->where);
}

static enum session_code
look_at_target(void *cookie, size_t i, struct fleet_line *line)
{
	struct doctorcmd *c = cookie;
	const struct provision_options *o = c->opts;
	struct look *l = calloc(1, sizeof(*l));
	enum session_code code;

	if (l == NULL) {
		c->doctors[i].failed = true;
		return SESSION_FAILED;
	}
	l->opts = o;
	l->d = &c->doctors[i];
	(void)snprintf(l->account, sizeof(l->account), "%s",
	    o->user != NULL ? o->user :
	    c->targets.targets[i].kind == TARGET_KUBECTL ? TARGET_WHOEVER :
	    ACCOUNT);
	l->where = (struct doctor_where){ .target = &c->targets.targets[i],
		.name = c->targets.names[i], .account = l->account,
		.socket = o->socket, .bin = o->bin,
		.path = c->path, .time_ms = (int64_t)o->time_s * 1000,
		.no_login = o->no_login, .hosts = l->host };
	l->seen.where = &l->where;
	look_at(l, line);
	doctor_seen_fini(&l->seen);
	free(l);
	code = doctor_code(&c->doctors[i]);
	if (code == SESSION_UNREACHABLE)
		fleet_why(line, "not reached");
	else if (code != SESSION_DONE)
		fleet_why(line, "something is bad");
	return code;
}

/* --- all of them --------------------------------------------------------- */

/* Whether words on stdout may have a colour. */
static bool
may_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || no[0] == '\0') && term != NULL &&
	    strcmp(term, "dumb") != 0 && isatty(STDOUT_FILENO) == 1;
}

static enum session_code
print(const struct doctorcmd *c, enum session_code code)
{
	int st = c->opts->json ?
	    doctor_json(c->doctors, c->targets.n, code, stdout) :
	    doctor_text(c->doctors, c->targets.n, stdout, may_colour());

	if (st == ST_OK)
		return code;
	log_error("cannot print the result");
	return code == SESSION_DONE ? SESSION_FAILED : code;
}

static enum session_code
run(struct doctorcmd *c)
{
	const struct fleet f = { .n = c->targets.n,
		.names = (const char *const *)c->targets.names,
		.jobs = c->opts->jobs, .fn = look_at_target, .cookie = c,
		.verb = "found well",
		.plain = target_may_ask(c->targets.targets, c->targets.n,
		    c->opts->jobs) };
	enum session_code code;

	c->doctors = calloc(c->targets.n, sizeof(*c->doctors));
	if (c->doctors == NULL) {
		log_error("out of memory");
		return SESSION_FAILED;
	}
	for (size_t i = 0; i < c->targets.n; i++)
		c->doctors[i].target = c->targets.names[i];
	code = print(c, fleet_run(&f));
	for (size_t i = 0; i < c->targets.n; i++)
		doctor_fini(&c->doctors[i]);
	free(c->doctors);
	return code;
}

int
doctorcmd_main(const struct provision_options *opts)
{
	struct doctorcmd c = { .opts = opts };
	char why[EXPAND_WHY_MAX];
	enum session_code code;

	child_signals();
	c.path = getenv("PATH");
	if (c.path == NULL)
		c.path = "/usr/local/bin:/usr/bin:/bin";
	code = expand(opts, c.path, &c.targets, why);
	if (code == SESSION_DONE)
		code = run(&c);
	else
		log_error("%s", why);
	expand_fini(&c.targets);
	return fleet_leave(code);
}
