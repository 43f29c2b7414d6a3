#include "provision/remote.h"

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "provision/fleet.h"

/* Pieces of what a program is given on stdin. */
#define PIECES_MAX	3

/* How long it may take to end when we are ended. */
#define STOP_MS		500

/* How much of one line of a program is shown. */
#define LINE_MAX_SHOWN	(SESSION_WHY_MAX / 4 - 16)

struct remote {
	const struct remote_how	*how;
	struct remote_result	*out;
	struct slice		 piece[PIECES_MAX];
	size_t			 n_pieces;
	int64_t			 time_ms;
};

static void PRINTF_LIKE(3, 4)
fail(struct remote_result *out, enum session_code code, const char *fmt, ...)
{
	va_list ap;

	out->code = code;
	va_start(ap, fmt);
	(void)vsnprintf(out->why, sizeof(out->why), fmt, ap);
	va_end(ap);
}

static void PRINTF_LIKE(2, 3)
advise(struct remote_result *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(out->advice, sizeof(out->advice), fmt, ap);
	va_end(ap);
}

/* --- what a program says -------------------------------------------------- */

static struct slice
kept(const struct child_text *t)
{
	return (struct slice){ (const uint8_t *)t->p, t->len };
}

/* Take the next line off ${rest}; false at the end. */
static bool
next_line(struct slice *rest, struct slice *line)
{
	const uint8_t *nl;

	if (rest->len == 0)
		return false;
	nl = memchr(rest->p, '\n', rest->len);
	line->p = rest->p;
	line->len = nl != NULL ? (size_t)(nl - rest->p) : rest->len;
	rest->p += line->len + (nl != NULL);
	rest->len -= line->len + (nl != NULL);
	if (line->len > 0 && line->p[line->len - 1] == '\r')
		line->len--;
	return true;
}

/* Whether a line is one of the program's log, of that level; *${rest} is then
 * what it says. */
static bool
is_logged(struct slice line, const char *program, const char *level,
    struct slice *rest)
{
	char head[64];
	int n = snprintf(head, sizeof(head), "%s: %s: ", program, level);

	if (n < 0 || (size_t)n >= sizeof(head) || line.len <= (size_t)n ||
	    memcmp(line.p, head, (size_t)n) != 0)
		return false;
	*rest = (struct slice){ line.p + n, line.len - (size_t)n };
	return true;
}

/* The line of stderr that says why: the first that is an error, or else the
 * first that is no warning. */
static struct slice
telling_line(struct slice err, const char *program)
{
	struct slice line, rest, first = { NULL, 0 }, other = { NULL, 0 };

	while (next_line(&err, &line)) {
		if (is_logged(line, program, "error", &rest))
			return line;
		if (other.len == 0 && !is_logged(line, program, "warning",
		    &rest) && !is_logged(line, program, "info", &rest))
			other = line;
		if (first.len == 0)
			first = line;
	}
	return other.len > 0 ? other : first;
}

void
remote_add_said(struct text *t, struct slice said)
{
	const uint8_t *stop;
	size_t n;

	while (said.len > 0) {
		stop = memchr(said.p, '\\', said.len);
		n = stop != NULL ? (size_t)(stop - said.p) : said.len;
		text_escape(t, said.p, n);
		if (stop != NULL) {
			text_addc(t, '\\');
			n++;
		}
		said.p += n;
		said.len -= n;
	}
}

/* The codes of programs in the target are its own: only those that mean
 * something are taken from there. */
static enum session_code
code_of(int status)
{
	switch (status) {
	case SESSION_USAGE:
	case SESSION_DENIED:
	case SESSION_MEMORY:
	case SESSION_UNREACHABLE:
		return (enum session_code)status;
	default:
		return SESSION_FAILED;
	}
}

/* --- how it ended --------------------------------------------------------- */

/* The program ran and says that it failed. */
static void
tell_failure(const struct remote *r, const struct target_report *rep)
{
	const char *program = r->how->launch.program;
	struct remote_result *out = r->out;
	struct slice line = telling_line(kept(&out->err), program), rest;
	struct text t;

	out->code = rep->end == TARGET_FAILED ? code_of(rep->code) :
	    SESSION_FAILED;
	text_init(&t, out->why, sizeof(out->why));
	/* It is clear that it is one. */
	if (is_logged(line, program, "error", &rest)) {
		text_addf(&t, "%s: ", program);
		line = rest;
	}
	if (line.len > LINE_MAX_SHOWN)
		line.len = LINE_MAX_SHOWN;
	if (line.len > 0)
		remote_add_said(&t, line);
	else
		text_add(&t, rep->what);
	/* One that does not know what it is told is older, or another's. */
	if (out->code == SESSION_USAGE && strstr(out->why, "unknown option") !=
	    NULL)
		advise(out, "the %s there is not of this version: the next "
		    "load puts ours there, or \"%s --version\" there says "
		    "what it is", program, program);
}

/* It ended by itself, or did not come to run. */
static void
conclude(const struct remote *r, int status)
{
	const struct remote_how *how = r->how;
	struct remote_result *out = r->out;
	struct target_report rep;

	out->end = launch_report(how->target, &how->launch, status,
	    kept(&out->out), kept(&out->err), &rep);
	out->unreached = rep.end;
	if (out->end == LAUNCH_RAN) {
		out->status = rep.end == TARGET_SIGNALLED ? -1 : rep.code;
		if (rep.end == TARGET_DONE)
			out->code = SESSION_DONE;
		else
			tell_failure(r, &rep);
		return;
	}
	fail(out, out->end == LAUNCH_UNTRUSTED ? SESSION_DENIED :
	    SESSION_UNREACHABLE, "%s%s%s", rep.what, rep.end == TARGET_ENGINE &&
	    rep.said[0] != '\0' ? ": " : "", rep.end == TARGET_ENGINE ?
	    rep.said : "");
	advise(out, "%s", rep.advice);
}

/* The same of a shell, which is looked for by nobody. */
static void
conclude_shell(const struct remote *r, int status)
{
	const struct remote_how *how = r->how;
	struct remote_result *out = r->out;
	struct target_report rep;
	char label[256];

	target_report(how->target, "/bin/sh", status, kept(&out->out),
	    kept(&out->err), &rep);
	out->unreached = rep.end;
	switch (rep.end) {
	case TARGET_DONE:
	case TARGET_FAILED:
	case TARGET_SIGNALLED:
	case TARGET_ENDS:
		out->end = LAUNCH_RAN;
		out->status = rep.end == TARGET_SIGNALLED ? -1 : rep.code;
		if (rep.end == TARGET_DONE)
			out->code = SESSION_DONE;
		else
			tell_failure(r, &rep);
		return;
	case TARGET_NO_PROGRAM:
	case TARGET_CANNOT_RUN:
		out->end = rep.end == TARGET_NO_PROGRAM ? LAUNCH_NO_SHELL :
		    LAUNCH_CANNOT_RUN;
		target_label(how->target, label, sizeof(label));
		fail(out, SESSION_UNREACHABLE, "there is no /bin/sh in %s that "
		    "can be run", label);
		return;
	default:
		out->end = LAUNCH_UNREACHED;
		fail(out, SESSION_UNREACHABLE, "%s", rep.what);
		advise(out, "%s", rep.advice);
		return;
	}
}

/* It was ended by us. */
static void
tell_killed(const struct remote *r, int st)
{
	const char *program = r->how->launch.program;
	struct remote_result *out = r->out;

	out->end = LAUNCH_RAN;
	out->status = -1;
	if (st == ST_MORE) {
		fail(out, SESSION_FAILED, "ended by %s", fleet_stop_name());
	} else if (st == ST_BUSY) {
		fail(out, SESSION_UNREACHABLE, "%s in the target did not "
		    "answer within %lld s", program,
		    (long long)(r->time_ms / 1000));
		advise(out, "is the container paused, or very busy?  "
		    "--timeout gives it more time");
	} else if (st == ST_TOO_LARGE) {
		fail(out, SESSION_FAILED, "%s in the target prints more than "
		    "%zu bytes", program, r->how->out_max);
	} else {
		fail(out, SESSION_FAILED, "lost %s in the target: %s", program,
		    status_name(st));
	}
}

/* --- running it ----------------------------------------------------------- */

/* Give it all of what it is to read, as it takes it. */
static void
feed(struct remote *r, struct child *c, size_t *i, size_t *at)
{
	size_t done;
	int st;

	while (*i < r->n_pieces) {
		st = child_write(c, r->piece[*i].p + *at,
		    r->piece[*i].len - *at, &done);
		*at += done;
		if (st == ST_MORE)
			return;
		/* It says itself why it does not read. */
		*i = st == ST_OK ? *i + 1 : r->n_pieces;
		*at = 0;
	}
	child_close_in(c);
}

/* Drive it to its end. */
static int
drive(struct remote *r, struct child *c)
{
	struct pollfd fds[CHILD_FDS];
	size_t i = 0, at = 0;
	int st;

	do {
		child_fds(c, fds);
		fds[0].events = i < r->n_pieces ? POLLOUT : 0;
		if (poll(fds, CHILD_FDS, child_wait_ms(c)) < 0)
			for (size_t k = 0; k < CHILD_FDS; k++)
				fds[k].revents = 0;
		feed(r, c, &i, &at);
		st = child_turn(c, fds);
	} while (st == ST_MORE && fleet_stopping() == 0);
	if (st == ST_MORE)
		child_stop(c, STOP_MS);
	return st;
}

/* From the start to the end of what is to be run. */
static void
run(struct remote *r, const struct target_command *cmd,
    void (*end)(const struct remote *, int))
{
	struct remote_result *out = r->out;
	struct child_spec spec = { .in = CHILD_PIPE, .out = CHILD_KEEP,
		.err = CHILD_KEEP, .out_max = r->how->out_max,
		.err_max = REMOTE_ERR_MAX, .time_ms = r->time_ms };
	struct child c;
	int st;

	child_signals();
	target_command_spec(cmd, &spec);
	st = child_start(&c, &spec, out->why, sizeof(out->why));
	if (st != ST_OK) {
		out->end = LAUNCH_CANNOT_RUN;
		out->code = SESSION_UNREACHABLE;
		return;
	}
	st = drive(r, &c);
	out->out = c.out_text;
	out->err = c.err_text;
	c.out_text = c.err_text = (struct child_text){ .p = NULL };
	if (st == ST_OK)
		end(r, c.status);
	else
		tell_killed(r, st);
	child_fini(&c);
}

static void
begin(struct remote *r, const struct remote_how *how,
    struct remote_result *out)
{
	*out = (struct remote_result){ .code = SESSION_FAILED,
		.end = LAUNCH_UNREACHED, .unreached = TARGET_ENDS,
		.status = -1 };
	*r = (struct remote){ .how = how, .out = out,
		.time_ms = how->time_ms > 0 ? how->time_ms : REMOTE_TIME_MS };
}

/* There is no such program, engine or user here. */
static void
tell_no_command(struct remote_result *out, int st)
{
	out->code = st == ST_UNTRUSTED ? SESSION_DENIED :
	    st == ST_NOMEM || st == ST_SYSTEM ? SESSION_FAILED :
	    st == ST_MALFORMED || st == ST_TOO_LARGE ? SESSION_USAGE :
	    SESSION_UNREACHABLE;
	if (out->why[0] == '\0')
		fail(out, out->code, "%s", status_name(st));
}

void
remote_run(const struct remote_how *how, struct remote_result *out)
{
	struct target_command cmd;
	struct remote r;
	int st;

	begin(&r, how, out);
	if (how->input.len > 0)
		r.piece[r.n_pieces++] = how->input;
	st = launch_command(how->target, &how->launch, how->path, &cmd,
	    out->why, sizeof(out->why));
	if (st == ST_OK) {
		run(&r, &cmd, conclude);
	} else {
		if (st == ST_UNTRUSTED)
			out->end = LAUNCH_UNTRUSTED;
		else if (st == ST_NOT_FOUND &&
		    how->target->kind == TARGET_LOCAL)
			out->end = LAUNCH_NO_PROGRAM;
		tell_no_command(out, st);
	}
	target_command_fini(&cmd);
}

/* Behind exec: they may be split once more by a shell. */
static bool
args_are_plain(const struct launch *l)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";

	for (size_t i = 0; i < l->nargs; i++)
		if (l->args[i][0] == '\0' ||
		    strspn(l->args[i], plain) != strlen(l->args[i]))
			return false;
	return true;
}

/* How /bin/sh is run there. */
static int
shell_command(const struct remote_how *how, struct target_command *cmd,
    char *why, size_t whylen)
{
	const char *args[TARGET_ARGS_MAX] = { "-s", "--" };
	struct target_run sh = { "/bin/sh", args, 2, how->launch.user };

	*cmd = (struct target_command){ .program = NULL };
	if (how->launch.nargs > TARGET_ARGS_MAX - sh.nargs) {
		(void)snprintf(why, whylen, "too many arguments");
		return ST_TOO_LARGE;
	}
	if (how->target->kind == TARGET_EXEC && !args_are_plain(&how->launch)) {
		(void)snprintf(why, whylen, "an argument of %s has a character "
		    "that a shell behind exec: might do something about",
		    how->launch.program);
		return ST_MALFORMED;
	}
	for (size_t i = 0; i < how->launch.nargs; i++)
		args[sh.nargs++] = how->launch.args[i];
	return target_command(how->target, &sh, how->path, cmd, why, whylen);
}

void
remote_shell(const struct remote_how *how, const char *script,
    struct remote_result *out)
{
	struct target_command cmd;
	struct remote r;
	int st;

	begin(&r, how, out);
	/* A group is read to its end before it is run: what was cut off on the
	 * way is not done by halves. */
	r.piece[r.n_pieces++] = slice_str("{\n");
	r.piece[r.n_pieces++] = slice_str(script);
	r.piece[r.n_pieces++] = slice_str("\n} </dev/null\n");
	st = shell_command(how, &cmd, out->why, sizeof(out->why));
	if (st == ST_OK)
		run(&r, &cmd, conclude_shell);
	else
		tell_no_command(out, st);
	target_command_fini(&cmd);
}

void
remote_result_fini(struct remote_result *out)
{
	free(out->out.p);
	free(out->err.p);
	out->out = out->err = (struct child_text){ .p = NULL };
}
