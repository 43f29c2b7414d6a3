#include "provision/removecmd.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "proto/placepipe.h"
#include "provision/fleet.h"
#include "provision/remote.h"
#include "provision/targetcmd.h"

/* Who uses the keys where nobody says, and where there is no such user: as in
 * load. */
#define ACCOUNT		"node"
#define ACCOUNT_UID	"1000"
/* Most that a program prints: all keys that an agent can hold, as JSON; and
 * notes on files. */
#define KEYS_OUT_MAX	(2 * 1024 * 1024)
#define FILES_OUT_MAX	(256 * 1024)
#define VERSION		1
/* Most words of bottle-forward. */
#define ARGS_MAX	8

/* One target. */
struct removal {
	const struct provision_options	*o;
	const struct target		*target;
	const char			*path;
	struct targetcmd_result		*r;

	json_t		*keys;		/* that went: a list */
	bool		 no_agent;	/* none serves the socket */
	const char	*account;	/* whose files; NULL: whoever it is */
	bool		 no_account;	/* there is none */
	json_t		*loads, *left;	/* lists of strings */
	uint32_t	 loads_left;
};

static enum session_code PRINTF_LIKE(3, 4)
fail(struct removal *m, enum session_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(m->r->why, sizeof(m->r->why), fmt, ap);
	va_end(ap);
	return code;
}

/* What was asked for, in words. */
static void
put_what(const struct removal *m, char *out, size_t cap)
{
	(void)snprintf(out, cap, "%s%s", m->o->every_load ? "every load" :
	    "load ", m->o->every_load ? "" : m->o->name);
}

/* Take the next line off; false at the end. */
static bool
next_line(struct slice *rest, struct slice *line)
{
	const uint8_t *nl;

	if (rest->len == 0)
		return false;
	nl = memchr(rest->p, '\n', rest->len);
	*line = *rest;
	if (nl != NULL)
		line->len = (size_t)(nl - rest->p);
	rest->p += line->len + (nl != NULL);
	rest->len -= line->len + (nl != NULL);
	if (line->len > 0 && line->p[line->len - 1] == '\r')
		line->len--;
	return true;
}

/* --- keys -------------------------------------------------------------------- */

/* Whether it is what --remove --json prints. */
static bool
is_answer(const json_t *o)
{
	const json_t *list = json_object_get(o, "removed");
	static const char *const names[] = { "type", "fingerprint", "comment" };

	if (json_integer_value(json_object_get(o, "version")) != VERSION ||
	    !json_is_array(list))
		return false;
	for (size_t i = 0; i < json_array_size(list); i++)
		for (size_t k = 0; k < 3; k++)
			if (!json_is_string(json_object_get(json_array_get(list,
			    i), names[k])))
				return false;
	return true;
}

/* It is one line; behind a command there may be others. */
static int
take_keys(struct removal *m, struct slice out)
{
	struct slice line;
	json_error_t e;
	json_t *o;

	while (next_line(&out, &line)) {
		if (line.len == 0 || line.p[0] != '{')
			continue;
		o = json_loadb((const char *)line.p, line.len,
		    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
		if (o != NULL && is_answer(o))
			m->keys = json_incref(json_object_get(o, "removed"));
		json_decref(o);
		if (m->keys != NULL)
			return ST_OK;
	}
	return ST_MALFORMED;
}

/* What to do about an agent that refuses. */
static void
advise_keys(struct removal *m, const struct remote_result *said)
{
	if (said->end == LAUNCH_RAN && strstr(m->r->why, "is locked") != NULL)
		(void)snprintf(m->r->advice, sizeof(m->r->advice), "nothing "
		    "was changed: \"bottle-provision unlock\" first, and then "
		    "again");
	else if (said->end == LAUNCH_RAN && said->status == SESSION_DENIED)
		(void)snprintf(m->r->advice, sizeof(m->r->advice), "nothing "
		    "was changed; an agent that is older than this is ended by "
		    "\"kill\" there, and its keys with it: then again, for the "
		    "files");
}

static enum session_code
remove_keys(struct removal *m)
{
	const char *const args[] = { "--remove", "--json", "--socket",
		m->o->socket, m->o->every_load ? "--every-load" : "--name",
		m->o->name };
	const struct remote_how how = { .target = m->target, .path = m->path,
		.launch = { .program = "bottle-agent", .bin = m->o->bin,
		.args = args, .nargs = m->o->every_load ? 5 : 6 },
		.time_ms = (int64_t)m->o->time_s * 1000,
		.out_max = KEYS_OUT_MAX };
	struct remote_result said;
	enum session_code code;

	remote_run(&how, &said);
	code = said.code;
	/* It says so itself: nobody serves the socket. */
	m->no_agent = said.end == LAUNCH_RAN &&
	    said.status == SESSION_UNREACHABLE;
	if (m->no_agent) {
		code = SESSION_DONE;
		m->keys = json_array();
	} else if (code != SESSION_DONE) {
		memcpy(m->r->why, said.why, sizeof(m->r->why));
		memcpy(m->r->advice, said.advice, sizeof(m->r->advice));
		advise_keys(m, &said);
	} else if (take_keys(m, (struct slice){ (const uint8_t *)said.out.p,
	    said.out.len }) != ST_OK) {
		code = fail(m, SESSION_FAILED, "what bottle-agent in the "
		    "target prints is no list of keys that are removed: is it "
		    "ours?");
	}
	remote_result_fini(&said);
	return code;
}

/* --- files ------------------------------------------------------------------- */

/* Words of the target, safe to print. */
static void
add_said(json_t *list, struct slice text)
{
	char room[4 * PLACEPIPE_LINE_MAX + 1];
	struct text t;

	text_init(&t, room, sizeof(room));
	remote_add_said(&t, text);
	(void)json_array_append_new(list, json_string(room));
}

static int
take_files(struct removal *m, struct slice out)
{
	struct placepipe_line said;
	struct slice line;

	json_array_clear(m->loads);
	json_array_clear(m->left);
	while (next_line(&out, &line)) {
		if (placepipe_line_get(line, &said) != ST_OK)
			continue;
		if (said.word == PLACEPIPE_REMOVED)
			add_said(m->loads, said.text);
		else if (said.word == PLACEPIPE_LEFT)
			add_said(m->left, said.text);
		else if (said.word == PLACEPIPE_FINISHED) {
			m->loads_left = said.n;
			return ST_OK;
		}
	}
	return ST_MALFORMED;
}

/* Whether it did not come to anything because there is no such user.  One by
 * number may have no entry and no home. */
static bool
lacks_user(const struct removal *m, const struct remote_result *said)
{
	if (said->end == LAUNCH_UNREACHED)
		return said->unreached == TARGET_NO_USER;
	if (m->target->kind == TARGET_LOCAL && said->end != LAUNCH_RAN)
		return strstr(said->why, "there is no user ") != NULL;
	if (said->end != LAUNCH_RAN)
		return false;
	return (said->status == SESSION_USAGE &&
	    (strstr(said->why, "there is no user ") != NULL ||
	    strstr(said->why, " has no home in ") != NULL)) ||
	    (m->o->user == NULL && m->account != NULL &&
	    strcmp(m->account, ACCOUNT_UID) == 0 &&
	    said->status == SESSION_DENIED &&
	    strstr(said->why, "the home directory / belongs to") != NULL);
}

/* Once, as one user.  ST_NOT_FOUND: there is no such user. */
static int
try_files(struct removal *m, enum session_code *code)
{
	const bool told = m->account != NULL &&
	    (m->target->kind == TARGET_EXEC ||
	    m->target->kind == TARGET_KUBECTL);
	const char *args[ARGS_MAX];
	struct remote_how how = { .target = m->target, .path = m->path,
		.launch = { .program = "bottle-forward", .bin = m->o->bin,
		.args = args, .user = m->account != NULL ? m->account :
		    TARGET_WHOEVER },
		.time_ms = (int64_t)m->o->time_s * 1000,
		.out_max = FILES_OUT_MAX };
	struct remote_result said;
	size_t n = 0;
	int st = ST_OK;

	args[n++] = "remove";
	if (told) {
		args[n++] = "--user";
		args[n++] = m->account;
	}
	if (m->o->home != NULL) {
		args[n++] = "--home";
		args[n++] = m->o->home;
	}
	args[n++] = m->o->every_load ? "--every-load" : "--name";
	if (!m->o->every_load)
		args[n++] = m->o->name;
	how.launch.nargs = n;
	remote_run(&how, &said);
	*code = said.code;
	memcpy(m->r->why, said.why, sizeof(m->r->why));
	memcpy(m->r->advice, said.advice, sizeof(m->r->advice));
	if (said.code != SESSION_DONE) {
		if (lacks_user(m, &said))
			st = ST_NOT_FOUND;
		else if (strstr(said.why, "unknown command remove") != NULL)
			(void)snprintf(m->r->advice, sizeof(m->r->advice),
			    "the bottle-forward there is older than this: the "
			    "next load puts ours there");
	} else if (take_files(m, (struct slice){ (const uint8_t *)said.out.p,
	    said.out.len }) != ST_OK) {
		*code = fail(m, SESSION_FAILED, "bottle-forward in the target "
		    "does not say what it removed: is it ours?");
	}
	remote_result_fini(&said);
	return st;
}

static enum session_code
remove_files(struct removal *m)
{
	enum session_code code;
	int st;

	m->account = m->o->user;
	if (m->account == NULL && m->target->kind != TARGET_KUBECTL)
		m->account = ACCOUNT;
	st = try_files(m, &code);
	if (st == ST_NOT_FOUND && m->o->user == NULL && m->account != NULL) {
		m->account = ACCOUNT_UID;
		st = try_files(m, &code);
	}
	if (st != ST_NOT_FOUND)
		return code;
	m->no_account = true;
	/* Who was named is to be there. */
	if (m->o->user != NULL)
		return code == SESSION_DONE ? SESSION_FAILED : code;
	m->r->why[0] = m->r->advice[0] = '\0';
	return SESSION_DONE;
}

/* --- what became of it --------------------------------------------------------- */

/* Of how many keys, and whose files. */
static void
tell(const struct removal *m)
{
	const char *target = m->r->target;
	size_t n = json_array_size(m->keys), i;
	bool files = json_array_size(m->loads) > 0;
	char what[PLACEPIPE_NAME_MAX + 16];

	put_what(m, what, sizeof(what));
	if (m->no_agent)
		log_info("%s: no agent serves %s there: it has no keys to "
		    "remove", target, m->o->socket);
	if (m->no_account)
		log_warn("%s: there is no user " ACCOUNT " or " ACCOUNT_UID
		    " there, so no files were looked for; --user names another "
		    "one", target);
	if (n == 0 && !files)
		log_info("%s: there is nothing of %s to remove", target, what);
	else
		log_info("%s: removed %s: %zu key%s, %s%s", target, what, n,
		    n == 1 ? "" : "s", files ? "and the files of " :
		    "no files of ", m->account != NULL ? m->account :
		    "the user there");
	for (i = 0; i < json_array_size(m->left); i++)
		log_warn("%s: left: %s", target,
		    json_string_value(json_array_get(m->left, i)));
}

static json_t *
as_json(const struct removal *m)
{
	json_t *o = json_pack("{s:O, s:O, s:O, s:i, s:b}", "keys", m->keys,
	    "loads", m->loads, "left", m->left, "loads_left",
	    (int)m->loads_left, "agent", !m->no_agent);

	if (o != NULL)
		(void)json_object_set_new(o, "user", m->account != NULL &&
		    !m->no_account ? json_string(m->account) : json_null());
	return o;
}

/* The keys that went, one to a line. */
static void
put_keys(FILE *f, const struct removal *m)
{
	static const char *const names[] = { "type", "fingerprint", "comment" };
	char room[4096];
	struct text t;

	for (size_t i = 0; i < json_array_size(m->keys); i++) {
		const json_t *key = json_array_get(m->keys, i);

		text_init(&t, room, sizeof(room));
		text_escape(&t, m->r->target, strlen(m->r->target));
		text_add(&t, ": removed");
		for (size_t k = 0; k < 3; k++) {
			const json_t *s = json_object_get(key, names[k]);

			if (json_string_length(s) == 0)
				continue;
			text_addc(&t, ' ');
			text_escape(&t, json_string_value(s),
			    json_string_length(s));
		}
		(void)fprintf(f, "%s\n", room);
	}
}

static void
put_result(struct removal *m)
{
	FILE *f;

	if (m->o->json) {
		m->r->json = as_json(m);
		return;
	}
	if ((f = open_memstream(&m->r->text, &m->r->len)) == NULL)
		return;
	put_keys(f, m);
	if (fclose(f) != 0)
		m->r->len = 0;
}

/* The keys are gone, and the files are not. */
static void
tell_half(struct removal *m)
{
	char why[SESSION_WHY_MAX];

	memcpy(why, m->r->why, sizeof(why));
	(void)snprintf(m->r->why, sizeof(m->r->why), "the files are not "
	    "removed%s: %.*s", m->no_agent ? "" : ", but the agent has no key "
	    "of them any more", SESSION_WHY_MAX - 128, why);
	if (m->r->advice[0] == '\0')
		(void)snprintf(m->r->advice, sizeof(m->r->advice), "mend that, "
		    "and remove again");
}

static enum session_code
run(const struct targetcmd *c, const struct target *target, const char *path,
    struct fleet_line *line, struct targetcmd_result *r)
{
	struct removal m = { .o = c->opts, .target = target, .path = path,
		.r = r, .loads = json_array(), .left = json_array() };
	enum session_code code;

	fleet_doing(line, "removing keys");
	code = remove_keys(&m);
	if (code == SESSION_DONE && fleet_stopping() != 0)
		code = fail(&m, SESSION_FAILED, "ended by %s: its keys are "
		    "removed, and its files are not", fleet_stop_name());
	else if (code == SESSION_DONE) {
		fleet_doing(line, "removing files");
		code = remove_files(&m);
		if (code != SESSION_DONE)
			tell_half(&m);
	}
	if (code == SESSION_DONE)
		tell(&m);
	if (m.keys != NULL)
		put_result(&m);
	json_decref(m.keys);
	json_decref(m.loads);
	json_decref(m.left);
	return code;
}

int
removecmd_main(const struct provision_options *opts)
{
	struct targetcmd c = { .opts = opts, .command = "remove",
		.done = "removed", .doing = "removing", .member = "removed",
		.run = run };

	return fleet_leave(targetcmd_run(&c));
}
