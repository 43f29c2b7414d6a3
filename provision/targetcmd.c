#include "provision/targetcmd.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "provision/child.h"
#include "provision/expand.h"
#include "provision/fleet.h"
#include "provision/target.h"

/* Most words for bottle-agent: the socket's come in front. */
#define ARGS_MAX	8

struct all {
	const struct targetcmd	*c;
	struct expand		 e;
	struct targetcmd_result	*results;	/* one for each of them */
	const char		*path;
};

/* --- printing ------------------------------------------------------------- */

/* DEL is what is left that a terminal may act on; it is in strings only. */
static int
print_piece(const char *p, size_t len, void *arg)
{
	FILE *f = arg;

	for (size_t i = 0; i < len; i++)
		if ((p[i] == 0x7f ? fputs("\\u007f", f) : putc(p[i], f)) ==
		    EOF)
			return -1;
	return 0;
}

int
targetcmd_print_json(json_t *o)
{
	int st = ST_OK;

	if (o == NULL)
		return ST_NOMEM;
	if (json_dump_callback(o, print_piece, stdout, JSON_INDENT(2) |
	    JSON_ENSURE_ASCII) != 0 || putchar('\n') == EOF ||
	    fflush(stdout) != 0)
		st = ST_SYSTEM;
	json_decref(o);
	return st;
}

/* A string that is safe already. */
static json_t *
said(const char *p)
{
	json_t *s = json_string(p);

	/* One that was cut in the middle of a character. */
	return s != NULL ? s : json_string("?");
}

static json_t *
result_json(const struct targetcmd *c, struct targetcmd_result *r)
{
	json_t *o = json_pack("{s:s, s:i}", "target", r->target, "code",
	    (int)r->code);

	/* A target is as the operator named it, in whatever bytes. */
	if (o == NULL)
		o = json_pack("{s:s, s:i}", "target", "?", "code",
		    (int)r->code);
	if (o == NULL)
		return NULL;
	if (r->code != SESSION_DONE) {
		(void)json_object_set_new(o, "error", said(r->why));
		(void)json_object_set_new(o, "advice", r->advice[0] != '\0' ?
		    said(r->advice) : json_null());
	}
	if (r->json != NULL) {
		(void)json_object_set_new(o, c->member, r->json);
		r->json = NULL;		/* it is the object's now */
	}
	return o;
}

static int
print_json(const struct all *a, enum session_code code, const char *why)
{
	json_t *targets = json_array(), *o;
	size_t n = why == NULL ? a->e.n : 0;

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(targets, result_json(a->c,
		    &a->results[i]));
	o = json_pack("{s:i, s:s, s:i, s:o}", "version", TARGETCMD_VERSION,
	    "command", a->c->command, "code", (int)code, "targets", targets);
	if (o != NULL && json_array_size(targets) != n) {
		json_decref(o);
		return ST_NOMEM;
	}
	/* It is about no target. */
	if (o != NULL && why != NULL)
		(void)json_object_set_new(o, "error", said(why));
	return targetcmd_print_json(o);
}

static int
print_text(const struct all *a)
{
	for (size_t i = 0; a->results != NULL && i < a->e.n; i++)
		if ((a->results[i].code == SESSION_DONE ||
		    a->c->run != NULL) && a->results[i].text != NULL)
			(void)fwrite(a->results[i].text, 1, a->results[i].len,
			    stdout);
	return fflush(stdout) == 0 && !ferror(stdout) ? ST_OK : ST_SYSTEM;
}

/* Print, and take a failure to print for one. */
static enum session_code
print(const struct all *a, enum session_code code, const char *why)
{
	int st = a->c->opts->json ? print_json(a, code, why) : print_text(a);

	if (st == ST_OK)
		return code;
	if (st == ST_SYSTEM)
		log_error_sys("cannot print the result");
	else
		log_error_st(st, "cannot print the result");
	return code == SESSION_DONE ? SESSION_FAILED : code;
}

/* --- one target ----------------------------------------------------------- */

/* What became of it, at once. */
static void
tell(const struct targetcmd_result *r)
{
	if (r->code == SESSION_DONE)
		return;
	log_error("%s: %s", r->target, r->why);
	if (r->advice[0] != '\0')
		log_error("%s: what to do: %s", r->target, r->advice);
}

/* Run it there, and take what it says. */
static void
run_agent(struct all *a, size_t i, struct fleet_line *line)
{
	const struct targetcmd *c = a->c;
	const struct provision_options *o = c->opts;
	struct targetcmd_result *r = &a->results[i];
	const char *args[ARGS_MAX] = { "--socket", o->socket };
	struct remote_how how = { .target = &a->e.targets[i], .path = a->path,
		.input = c->input, .out_max = c->out_max,
		.time_ms = (int64_t)o->time_s * 1000 + c->more_ms };
	struct remote_result said_there;

	assert(c->nargs + 2 <= ARGS_MAX);
	for (size_t k = 0; k < c->nargs; k++)
		args[2 + k] = c->args[k];
	how.launch = (struct launch){ .program = "bottle-agent",
		.bin = o->bin, .args = args, .nargs = 2 + c->nargs };
	fleet_doing(line, "%s", c->doing);
	remote_run(&how, &said_there);
	r->code = said_there.code;
	memcpy(r->why, said_there.why, sizeof(r->why));
	memcpy(r->advice, said_there.advice, sizeof(r->advice));
	if (said_there.end == LAUNCH_RAN && r->code == SESSION_UNREACHABLE &&
	    said_there.status == SESSION_UNREACHABLE)
		(void)snprintf(r->advice, sizeof(r->advice), "no agent serves "
		    "%s there: the next load starts one; --socket names "
		    "another path", o->socket);
	if (r->code == SESSION_DONE && c->take != NULL &&
	    c->take(c, (struct slice){ (const uint8_t *)said_there.out.p,
	    said_there.out.len }, r) != ST_OK)
		r->code = SESSION_FAILED;
	else if (r->code != SESSION_DONE && c->advise != NULL)
		c->advise(&said_there, r);
	remote_result_fini(&said_there);
}

static enum session_code
run_target(void *cookie, size_t i, struct fleet_line *line)
{
	struct all *a = cookie;
	struct targetcmd_result *r = &a->results[i];

	r->why[0] = '\0';
	if (a->c->run != NULL)
		r->code = a->c->run(a->c, &a->e.targets[i], a->path, line, r);
	else
		run_agent(a, i, line);
	if (r->code != SESSION_DONE)
		fleet_why(line, "%s", r->why);
	tell(r);
	return r->code;
}

static enum session_code
run_all(struct all *a)
{
	const struct fleet f = { .n = a->e.n,
		.names = (const char *const *)a->e.names,
		.jobs = a->c->opts->jobs, .fn = run_target, .cookie = a,
		.verb = a->c->done,
		.plain = target_may_ask(a->e.targets, a->e.n,
		    a->c->opts->jobs) };

	for (size_t i = 0; i < a->e.n; i++) {
		a->results[i].target = a->e.names[i];
		/* It stays so where it is not begun. */
		a->results[i].code = SESSION_FAILED;
		(void)snprintf(a->results[i].why, sizeof(a->results[i].why),
		    "not begun");
	}
	return fleet_run(&f);
}

/* --- all of them ---------------------------------------------------------- */

enum session_code
targetcmd_run(struct targetcmd *c)
{
	struct all a = { .c = c, .path = getenv("PATH") };
	char why[EXPAND_WHY_MAX];
	enum session_code code;

	child_signals();
	/* Before there are threads. */
	json_object_seed(0);
	code = expand(c->opts, a.path, &a.e, why);
	if (code == SESSION_DONE && (a.results = calloc(a.e.n,
	    sizeof(*a.results))) == NULL) {
		(void)snprintf(why, sizeof(why), "out of memory");
		code = SESSION_FAILED;
	}
	if (code == SESSION_DONE && c->prepare != NULL)
		code = c->prepare(c, why, sizeof(why));
	if (code == SESSION_DONE) {
		code = print(&a, run_all(&a), NULL);
	} else {
		log_error("%s", why);
		code = print(&a, code, why);
	}
	for (size_t i = 0; a.results != NULL && i < a.e.n; i++) {
		json_decref(a.results[i].json);
		free(a.results[i].text);
	}
	free(a.results);
	expand_fini(&a.e);
	return code;
}
