#include "provision/explaincmd.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "provision/fleet.h"
#include "provision/targetcmd.h"

/* Most that an agent says: 64 refusals in a reply of 256 KiB. */
#define OUT_MAX		(1024 * 1024)
/* The version of the object that is known. */
#define VERSION		1

static int PRINTF_LIKE(2, 3)
refuse(struct targetcmd_result *r, const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	(void)snprintf(r->why, sizeof(r->why), "what bottle-agent in the "
	    "target prints is no list of refusals: %s", why);
	(void)snprintf(r->advice, sizeof(r->advice), "is the bottle-agent "
	    "there ours, and of this version?");
	return ST_MALFORMED;
}

/* Each refusal has what one has. */
static int
check_refusals(const json_t *list, struct targetcmd_result *r)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);

		if (!json_is_object(o))
			return refuse(r, "refusals[%zu] is not an object", i);
		if (!json_is_integer(json_object_get(o, "first_ms")))
			return refuse(r, "refusals[%zu].first_ms is not a "
			    "number", i);
		if (!json_is_string(json_object_get(o, "remedy")))
			return refuse(r, "refusals[%zu].remedy is not a "
			    "string", i);
		if (!json_is_object(json_object_get(o, "record")))
			return refuse(r, "refusals[%zu].record is not an "
			    "object", i);
	}
	return ST_OK;
}

static int
take_json(struct slice out, struct targetcmd_result *r)
{
	const json_t *version, *list;
	json_error_t e;
	json_t *o;
	int st;

	o = json_loadb(out.len > 0 ? (const char *)out.p : "", out.len,
	    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
	version = json_object_get(o, "version");
	list = json_object_get(o, "refusals");
	if (o == NULL)
		st = refuse(r, "it is no JSON, at line %d, column %d", e.line,
		    e.column);
	else if (!json_is_integer(version))
		st = refuse(r, "version is not a number");
	else if (json_integer_value(version) != VERSION)
		st = refuse(r, "it is of version %" JSON_INTEGER_FORMAT ", and "
		    "only version %d is known here",
		    json_integer_value(version), VERSION);
	else if (!json_is_array(list))
		st = refuse(r, "refusals is not a list");
	else if ((st = check_refusals(list, r)) == ST_OK)
		r->json = json_incref(json_object_get(o, "refusals"));
	json_decref(o);
	return st;
}

/* One line of it; the agent has made it safe to print, or else we do. */
static int
put_line(FILE *f, struct slice line)
{
	size_t cap = 4 * line.len + 1;
	char *room = malloc(cap);
	struct text t;

	if (room == NULL)
		return ST_NOMEM;
	text_init(&t, room, cap);
	remote_add_said(&t, line);
	(void)fprintf(f, "  %s\n", room);
	free(room);
	return ST_OK;
}

/* The lines for people, below the target's name. */
static int
put_lines(FILE *f, const char *name, struct slice out)
{
	struct slice line = slice_str(name);
	const uint8_t *nl;
	char room[512];
	struct text t;
	int st = ST_OK;

	text_init(&t, room, sizeof(room));
	text_escape(&t, line.p, line.len);
	(void)fprintf(f, "%s:\n", room);
	while (out.len > 0 && st == ST_OK) {
		nl = memchr(out.p, '\n', out.len);
		line = (struct slice){ out.p, nl != NULL ?
			(size_t)(nl - out.p) : out.len };
		out.p += line.len + (nl != NULL);
		out.len -= line.len + (nl != NULL);
		st = put_line(f, line);
	}
	return st;
}

static int
take(const struct targetcmd *c, struct slice out, struct targetcmd_result *r)
{
	FILE *f;
	int st = ST_NOMEM;

	if (c->opts->json)
		return take_json(out, r);
	if (out.len == 0)
		return refuse(r, "it is empty");
	if ((f = open_memstream(&r->text, &r->len)) != NULL) {
		st = put_lines(f, r->target, out);
		if (fclose(f) != 0)
			st = ST_NOMEM;
	}
	if (st != ST_OK)
		(void)snprintf(r->why, sizeof(r->why), "out of memory");
	return st;
}

int
explaincmd_main(const struct provision_options *opts)
{
	static const char *const args[] = { "--explain", "--json" };
	struct targetcmd c = { .opts = opts, .command = "explain",
		.done = "asked", .doing = "asking what its agent refused",
		.member = "refusals", .args = args,
		.nargs = opts->json ? 2 : 1, .out_max = OUT_MAX,
		.take = take };

	return fleet_leave(targetcmd_run(&c));
}
