#include "provision/agentstatus.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

/* How much of a string is shown. */
#define SHOWN_MAX	512
/* Longest name of a member in a message. */
#define PATH_MAX_SHOWN	64

enum type {
	TYPE_STRING,
	TYPE_NUMBER,		/* whole, not negative */
	TYPE_MAYBE,		/* the same, or null */
	TYPE_BOOL,
	TYPE_OBJECT,
	TYPE_ARRAY,
};

struct member {
	const char	*name;
	enum type	 type;
	bool		 optional;	/* older agents do not have it */
};

static const char *const type_name[] = {
	[TYPE_STRING] = "a string",
	[TYPE_NUMBER] = "a whole number",
	[TYPE_MAYBE] = "a whole number or null",
	[TYPE_BOOL] = "true or false",
	[TYPE_OBJECT] = "an object",
	[TYPE_ARRAY] = "a list",
};

static const struct member top[] = {
	{ "program_version", TYPE_STRING, false },
	{ "socket", TYPE_STRING, false },
	{ "mode", TYPE_STRING, false },
	{ "pid", TYPE_NUMBER, false },
	{ "uid", TYPE_NUMBER, false },
	{ "uptime_s", TYPE_NUMBER, false },
	{ "locked", TYPE_BOOL, false },
	{ "memory", TYPE_OBJECT, false },
	{ "connections", TYPE_OBJECT, false },
	{ "signatures", TYPE_NUMBER, false },
	{ "refusals", TYPE_NUMBER, false },
	{ "audit", TYPE_OBJECT, false },
	{ "policy", TYPE_STRING, false },
	{ "policy_is_old", TYPE_BOOL, false },
	{ "rules", TYPE_ARRAY, false },
	{ "keys_total", TYPE_NUMBER, false },
	{ "keys", TYPE_ARRAY, false },
};

static const struct member memory[] = {
	{ "backing", TYPE_STRING, false },
	{ "size", TYPE_NUMBER, false },
	{ "used", TYPE_NUMBER, false },
};

static const struct member connections[] = {
	{ "open", TYPE_NUMBER, false },
	{ "max", TYPE_NUMBER, false },
};

static const struct member audit[] = {
	{ "to", TYPE_STRING, false },
	{ "records", TYPE_NUMBER, false },
	{ "lost", TYPE_NUMBER, false },
};

static const struct member of_key[] = {
	{ "type", TYPE_STRING, false },
	{ "fingerprint", TYPE_STRING, false },
	{ "comment", TYPE_STRING, false },
	{ "load", TYPE_STRING, false },
	{ "rules", TYPE_STRING, false },
	{ "bits", TYPE_NUMBER, false },
	{ "confirm", TYPE_BOOL, false },
	{ "lifetime_remaining_s", TYPE_MAYBE, false },
	{ "signatures", TYPE_NUMBER, false },
	{ "refusals", TYPE_NUMBER, false },
	{ "last_used_ago_s", TYPE_MAYBE, true },
};

#define N(a)	(sizeof(a) / sizeof((a)[0]))

/* --- looking through it --------------------------------------------------- */

static int PRINTF_LIKE(4, 5)
fail(int st, char *why, size_t whylen, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, whylen, fmt, ap);
	va_end(ap);
	return st;
}

/* What a value is, for a message. */
static const char *
kind_of(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return json_integer_value(v) < 0 ? "a negative number" :
		    "a number";
	case JSON_REAL:
		return "a broken number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		return "null";
	}
	return "something else";
}

static bool
is_of_type(const json_t *v, enum type type)
{
	switch (type) {
	case TYPE_STRING:
		return json_is_string(v);
	case TYPE_NUMBER:
		return json_is_integer(v) && json_integer_value(v) >= 0;
	case TYPE_MAYBE:
		return json_is_null(v) || is_of_type(v, TYPE_NUMBER);
	case TYPE_BOOL:
		return json_is_boolean(v);
	case TYPE_OBJECT:
		return json_is_object(v);
	case TYPE_ARRAY:
		return json_is_array(v);
	}
	return false;
}

/* All members of an object that is called ${path}, "" or with a dot at its
 * end. */
static int
check_members(const json_t *o, const char *path, const struct member *m,
    size_t n, char *why, size_t whylen)
{
	const json_t *v;

	for (size_t i = 0; i < n; i++) {
		v = json_object_get(o, m[i].name);
		if (v == NULL && m[i].optional)
			continue;
		if (v == NULL)
			return fail(ST_MALFORMED, why, whylen, "there is no "
			    "%s%s in it", path, m[i].name);
		if (!is_of_type(v, m[i].type))
			return fail(ST_MALFORMED, why, whylen, "%s%s is %s, "
			    "not %s", path, m[i].name, kind_of(v),
			    type_name[m[i].type]);
	}
	return ST_OK;
}

static int
check_keys(const json_t *keys, char *why, size_t whylen)
{
	char path[PATH_MAX_SHOWN];
	const json_t *key;
	size_t n = json_array_size(keys);
	int st;

	if (n > AGENTSTATUS_ITEMS_MAX)
		return fail(ST_TOO_LARGE, why, whylen, "keys has %zu items; "
		    "%d are shown at most", n, AGENTSTATUS_ITEMS_MAX);
	for (size_t i = 0; i < n; i++) {
		key = json_array_get(keys, i);
		if (!json_is_object(key))
			return fail(ST_MALFORMED, why, whylen, "keys[%zu] is "
			    "%s, not an object", i, kind_of(key));
		(void)snprintf(path, sizeof(path), "keys[%zu].", i);
		st = check_members(key, path, of_key, N(of_key), why, whylen);
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

static int
check_rules(const json_t *rules, char *why, size_t whylen)
{
	size_t n = json_array_size(rules);
	const json_t *rule;

	if (n > AGENTSTATUS_ITEMS_MAX)
		return fail(ST_TOO_LARGE, why, whylen, "rules has %zu items; "
		    "%d are shown at most", n, AGENTSTATUS_ITEMS_MAX);
	for (size_t i = 0; i < n; i++) {
		rule = json_array_get(rules, i);
		if (!json_is_string(rule))
			return fail(ST_MALFORMED, why, whylen, "rules[%zu] is "
			    "%s, not a string", i, kind_of(rule));
	}
	return ST_OK;
}

static int
check(const json_t *o, char *why, size_t whylen)
{
	static const struct member version = { "version", TYPE_NUMBER, false };
	json_int_t v;
	int st;

	if ((st = check_members(o, "", &version, 1, why, whylen)) != ST_OK)
		return st;
	v = json_integer_value(json_object_get(o, "version"));
	if (v != AGENTSTATUS_VERSION)
		return fail(ST_UNSUPPORTED, why, whylen, "it is of version "
		    "%" JSON_INTEGER_FORMAT ", and only version %d is known "
		    "here", v, AGENTSTATUS_VERSION);
	if ((st = check_members(o, "", top, N(top), why, whylen)) != ST_OK ||
	    (st = check_members(json_object_get(o, "memory"), "memory.",
	    memory, N(memory), why, whylen)) != ST_OK ||
	    (st = check_members(json_object_get(o, "connections"),
	    "connections.", connections, N(connections), why,
	    whylen)) != ST_OK ||
	    (st = check_members(json_object_get(o, "audit"), "audit.", audit,
	    N(audit), why, whylen)) != ST_OK ||
	    (st = check_rules(json_object_get(o, "rules"), why,
	    whylen)) != ST_OK)
		return st;
	return check_keys(json_object_get(o, "keys"), why, whylen);
}

int
agentstatus_parse(struct slice text, json_t **out, char *why, size_t whylen)
{
	json_error_t e;
	json_t *o;
	int st;

	*out = NULL;
	if (text.len == 0)
		return fail(ST_MALFORMED, why, whylen, "it is empty");
	if (text.len > AGENTSTATUS_TEXT_MAX)
		return fail(ST_TOO_LARGE, why, whylen, "it has more than %d "
		    "bytes", AGENTSTATUS_TEXT_MAX);
	o = json_loadb((const char *)text.p, text.len, JSON_REJECT_DUPLICATES |
	    JSON_ALLOW_NUL, &e);
	/* What jansson says has pieces of the text in it. */
	if (o == NULL)
		return fail(ST_MALFORMED, why, whylen, "it is no JSON, at "
		    "line %d, column %d", e.line, e.column);
	if (!json_is_object(o))
		st = fail(ST_MALFORMED, why, whylen, "it is %s, not an object",
		    kind_of(o));
	else
		st = check(o, why, whylen);
	if (st != ST_OK) {
		json_decref(o);
		return st;
	}
	*out = o;
	return ST_OK;
}

/* --- showing it ----------------------------------------------------------- */

void
agentstatus_duration(json_int_t s, char out[static AGENTSTATUS_DURATION])
{
	long long n = (long long)s;

	if (n < 60)
		(void)snprintf(out, AGENTSTATUS_DURATION, "%lld s", n);
	else if (n < 3600)
		(void)snprintf(out, AGENTSTATUS_DURATION, "%lld min", n / 60);
	else if (n < 48 * 3600LL && n / 60 % 60 != 0)
		(void)snprintf(out, AGENTSTATUS_DURATION, "%lld h %lld min",
		    n / 3600, n / 60 % 60);
	else if (n < 48 * 3600LL)
		(void)snprintf(out, AGENTSTATUS_DURATION, "%lld h", n / 3600);
	else
		(void)snprintf(out, AGENTSTATUS_DURATION, "%lld days",
		    n / (24 * 3600));
}

/* Some text, safe to print. */
static void
put_text(FILE *f, const char *s, size_t len)
{
	char room[4 * SHOWN_MAX + 1];
	size_t cut;
	struct text t;

	cut = len < SHOWN_MAX ? len : SHOWN_MAX;
	/* Not in the middle of a character. */
	while (cut < len && cut > SHOWN_MAX - 4 &&
	    ((unsigned char)s[cut] & 0xc0) == 0x80)
		cut--;
	text_init(&t, room, sizeof(room));
	text_escape(&t, s, cut);
	(void)fprintf(f, "%s%s", room, cut < len ? "..." : "");
}

static void
put_string(FILE *f, const json_t *v)
{
	put_text(f, json_string_value(v), json_string_length(v));
}

static void
put_member(FILE *f, const json_t *o, const char *name)
{
	put_string(f, json_object_get(o, name));
}

static json_int_t
number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static bool
is_true(const json_t *o, const char *name)
{
	return json_is_true(json_object_get(o, name));
}

static bool
is_empty(const json_t *o, const char *name)
{
	return json_string_length(json_object_get(o, name)) == 0;
}

/* "12 signatures", "1 signature" */
static void
put_count(FILE *f, json_int_t n, const char *what)
{
	(void)fprintf(f, "%" JSON_INTEGER_FORMAT " %s%s", n, what,
	    n == 1 ? "" : "s");
}

/* What was done with a key. */
static void
put_uses(FILE *f, const json_t *key)
{
	const json_t *used = json_object_get(key, "last_used_ago_s");
	char ago[AGENTSTATUS_DURATION];

	put_count(f, number(key, "signatures"), "signature");
	if (number(key, "refusals") > 0)
		(void)fprintf(f, ", %" JSON_INTEGER_FORMAT " refused",
		    number(key, "refusals"));
	if (json_is_integer(used)) {
		agentstatus_duration(json_integer_value(used), ago);
		(void)fprintf(f, ", last used %s ago", ago);
	} else if (json_is_null(used)) {
		(void)fputs(", never used", f);
	}
}

static void
put_key(FILE *f, const json_t *key)
{
	const json_t *left = json_object_get(key, "lifetime_remaining_s");
	char when[AGENTSTATUS_DURATION];

	(void)fputs("  ", f);
	put_member(f, key, "type");
	(void)fputc(' ', f);
	put_member(f, key, "fingerprint");
	(void)fputc(' ', f);
	put_member(f, key, "comment");
	(void)fputs("\n    ", f);
	put_uses(f, key);
	if (json_is_integer(left)) {
		agentstatus_duration(json_integer_value(left), when);
		(void)fprintf(f, "; expires in %s", when);
	}
	if (is_true(key, "confirm"))
		(void)fputs("; each use is confirmed", f);
	if (!is_empty(key, "load")) {
		(void)fputs("; load ", f);
		put_member(f, key, "load");
	}
	(void)fputc('\n', f);
	if (!is_empty(key, "rules")) {
		(void)fputs("    ", f);
		put_member(f, key, "rules");
		(void)fputc('\n', f);
	}
}

/* Memory, policy, records: what the agent is protected and watched by. */
static void
put_guards(FILE *f, const json_t *o)
{
	const json_t *m = json_object_get(o, "memory");
	const json_t *a = json_object_get(o, "audit");

	(void)fputs("  memory: ", f);
	put_member(f, m, "backing");
	(void)fprintf(f, ", %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
	    " KiB in use%s\n", number(m, "used") / 1024,
	    number(m, "size") / 1024, strcmp(json_string_value(
	    json_object_get(m, "backing")), "unlocked") == 0 ?
	    "; NOT LOCKED: keys may be written to swap" : "");
	(void)fputs("  policy: ", f);
	if (is_empty(o, "policy"))
		(void)fputs("no file", f);
	else
		put_member(f, o, "policy");
	if (is_true(o, "policy_is_old"))
		(void)fputs(", which is BROKEN: older rules are in force", f);
	(void)fputs("\n  audit: ", f);
	if (is_empty(a, "to")) {
		(void)fputs("off\n", f);
		return;
	}
	put_member(f, a, "to");
	(void)fputs(", ", f);
	put_count(f, number(a, "records"), "record");
	if (number(a, "lost") > 0)
		(void)fprintf(f, ", %" JSON_INTEGER_FORMAT " of them LOST",
		    number(a, "lost"));
	(void)fputc('\n', f);
}

/* Who may do what. */
static void
put_rules(FILE *f, const json_t *rules)
{
	size_t n = json_array_size(rules);

	(void)fputs("  allowed:", f);
	for (size_t i = 0; i < n; i++) {
		(void)fputc(' ', f);
		put_string(f, json_array_get(rules, i));
	}
	(void)fputs(n == 0 ? " its own user and root\n" : "\n", f);
}

void
agentstatus_print(FILE *f, const char *name, const json_t *o)
{
	const json_t *keys = json_object_get(o, "keys");
	json_int_t total = number(o, "keys_total");
	char up[AGENTSTATUS_DURATION];
	size_t n = json_array_size(keys);

	agentstatus_duration(number(o, "uptime_s"), up);
	put_text(f, name, strlen(name));
	(void)fputs(": ", f);
	if (is_true(o, "locked"))
		(void)fputs("LOCKED: no key can be used until it is unlocked; ",
		    f);
	put_count(f, total, "key");
	(void)fputs("\n  agent: bottle-agent ", f);
	put_member(f, o, "program_version");
	(void)fprintf(f, ", pid %" JSON_INTEGER_FORMAT ", uid %"
	    JSON_INTEGER_FORMAT ", up %s, ", number(o, "pid"),
	    number(o, "uid"), up);
	put_member(f, o, "mode");
	(void)fputs(" mode\n  socket: ", f);
	put_member(f, o, "socket");
	(void)fputc('\n', f);
	put_guards(f, o);
	put_rules(f, json_object_get(o, "rules"));
	(void)fputs("  since its start: ", f);
	put_count(f, number(o, "signatures"), "signature");
	(void)fprintf(f, ", %" JSON_INTEGER_FORMAT " refused, %"
	    JSON_INTEGER_FORMAT " connected now\n", number(o, "refusals"),
	    number(json_object_get(o, "connections"), "open"));
	for (size_t i = 0; i < n; i++)
		put_key(f, json_array_get(keys, i));
	if (total > 0 && (uint64_t)total > n)
		(void)fprintf(f, "  and %" JSON_INTEGER_FORMAT " more\n",
		    total - (json_int_t)n);
}
