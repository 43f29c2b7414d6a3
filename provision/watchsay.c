#include "provision/watchsay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/text.h"

/* Longest line for people. */
#define LINE_MAX_LEN	4096
/* How JSON is told in which version it is. */
#define VERSION		1

void
watchsay_time(int64_t wall_ms, char *out, size_t cap)
{
	const time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;
	char text[64];
	struct text t;

	if (gmtime_r(&s, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		(void)snprintf(text, sizeof(text), "-");
	text_init(&t, out, cap);
	text_addf(&t, "%s.%03dZ", text, (int)(wall_ms % 1000));
}

/* "0.21" */
static void
add_seconds(struct text *t, int64_t ms)
{
	text_addf(t, "%lld.%02lld s", (long long)(ms / 1000),
	    (long long)(ms % 1000 / 10));
}

static void
say_text(const struct watchsay_line *l, const char *when, struct text *t)
{
	text_addf(t, "%s ", when);
	if (l->target != NULL)
		text_addf(t, "%s ", l->target);
	else if (l->engine != NULL)
		text_addf(t, "%s ", l->engine);
	text_add(t, l->event);
	if (l->keys > 0)
		text_addf(t, " %zu key%s", l->keys, l->keys == 1 ? "" : "s");
	if (l->took_ms > 0) {
		text_add(t, " in ");
		add_seconds(t, l->took_ms);
	}
	if (l->error != NULL)
		text_addf(t, ": %s", l->error);
	if (l->again_ms > 0) {
		text_add(t, "; again in ");
		add_seconds(t, l->again_ms);
	}
	if (l->not_again)
		text_add(t, "; not again until it is started again");
}

/* Add a member, unless there is nothing to it. */
static void
put(json_t *o, const char *key, json_t *value)
{
	if (value != NULL)
		(void)json_object_set_new(o, key, value);
}

static json_t *
string_or_none(const char *s)
{
	return s != NULL && s[0] != '\0' ? json_string(s) : NULL;
}

static json_t *
seconds_or_none(int64_t ms)
{
	return ms > 0 ? json_real((double)ms / 1000) : NULL;
}

static char *
say_json(const struct watchsay_line *l, const char *when)
{
	json_t *o = json_object();
	char *line;

	put(o, "version", json_integer(VERSION));
	put(o, "time", json_string(when));
	put(o, "event", json_string(l->event));
	put(o, "target", string_or_none(l->target));
	put(o, "engine", string_or_none(l->engine));
	if (l->keys > 0)
		put(o, "keys", json_integer((json_int_t)l->keys));
	put(o, "user", string_or_none(l->user));
	put(o, "seconds", seconds_or_none(l->took_ms));
	if (l->code != SESSION_DONE)
		put(o, "code", json_integer((json_int_t)l->code));
	put(o, "error", string_or_none(l->error));
	put(o, "advice", string_or_none(l->advice));
	put(o, "again_seconds", seconds_or_none(l->again_ms));
	line = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(12) |
	    JSON_PRESERVE_ORDER);
	json_decref(o);
	return line;
}

void
watchsay_line(struct watchsay *s, const struct watchsay_line *l,
    int64_t wall_ms)
{
	char when[64], room[LINE_MAX_LEN], *json = NULL;
	const char *line = room;
	struct text t;

	watchsay_time(wall_ms, when, sizeof(when));
	if (s->json) {
		line = json = say_json(l, when);
	} else {
		text_init(&t, room, sizeof(room));
		say_text(l, when, &t);
	}
	if (line == NULL || printf("%s\n", line) < 0 || fflush(stdout) != 0)
		s->broken = true;
	free(json);
}
