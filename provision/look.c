/*
 * A list says which containers run, and what they are called; it does not say
 * since when, which is what tells whether one is still the one that it was.
 */
#include "provision/look.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "provision/child.h"

/* Most that is read of a list, and of what is known of them. */
#define LIST_MAX	(4 * 1024 * 1024)
#define KNOWN_MAX	(32 * 1024 * 1024)
#define ERR_MAX		4096
#define SAID_MAX	200

/* A line of JSON for each; podman knows {{.Id}} in no other form, and nerdctl
 * may not know since when it runs. */
#define FORMAT_HEAD	"{\"Id\":\"{{.Id}}\",\"Name\":{{json .Name}}," \
			"\"Running\":{{json .State.Running}}," \
			"\"Pid\":{{json .State.Pid}},"
#define FORMAT_BEGAN	"\"StartedAt\":{{json .State.StartedAt}},"
#define FORMAT_TAIL	"\"Labels\":{{json .Config.Labels}}}"

/* The containers that are asked about. */
struct ids {
	char	 (*id)[EVENTS_ID_MAX + 1];
	size_t	 n;
};

/* Its last line on stderr, safe to print. */
static void
tell_said(const struct look_how *how, const struct child_text *said,
    const char *what, char *why, size_t whylen)
{
	const char *p = said->p, *line = p;
	size_t len = said->len, n;
	struct text t;

	while (len > 0 && (p[len - 1] == '\n' || p[len - 1] == '\r'))
		len--;
	for (size_t i = 0; i < len; i++)
		if (p[i] == '\n')
			line = p + i + 1;
	n = len - (size_t)(line - p);
	text_init(&t, why, whylen);
	text_addf(&t, "%s %s failed", events_engine_name(how->engine), what);
	if (n > 0)
		text_add(&t, ": ");
	text_escape(&t, line, n < SAID_MAX ? n : SAID_MAX);
}

/* Run the engine's program to its end. */
static int
ask(const struct look_how *how, const char *const *argv, size_t max,
    struct child *c, char *why, size_t whylen)
{
	char program[PATH_MAX];
	const struct child_spec spec = { .program = program,
		.argv = (char *const *)(uintptr_t)argv, .in = CHILD_NULL,
		.out = CHILD_KEEP, .err = CHILD_KEEP, .out_max = max,
		.err_max = ERR_MAX, .time_ms = how->time_ms };
	int st;

	*c = (struct child){ .in = -1, .out = -1, .err = -1 };
	st = child_find(argv[0], how->path, program);
	if (st != ST_OK) {
		(void)snprintf(why, whylen, "%s is not in PATH: is it "
		    "installed?", argv[0]);
		return ST_NOT_FOUND;
	}
	return child_run(c, &spec, why, whylen);
}

bool
look_is_named(const struct events_event *e, const char *name)
{
	size_t len = strlen(name);

	if (e->name[0] != '\0' && strcmp(e->name, name) == 0)
		return true;
	return len >= EVENTS_ID_MIN && strncmp(e->id, name, len) == 0;
}

/* --- the list ------------------------------------------------------------- */

static int
add_id(struct ids *ids, const char *id)
{
	for (size_t i = 0; i < ids->n; i++)
		if (strcmp(ids->id[i], id) == 0)
			return ST_OK;
	if (ids->n == LOOK_MAX)
		return ST_TOO_LARGE;
	memcpy(ids->id[ids->n++], id, strlen(id) + 1);
	return ST_OK;
}

/* Whether one of the names in "web,other" is wanted; links have a '/'. */
static bool
is_wanted(const struct look_list *list, const char *id, char *line)
{
	char *rest = line, *name;
	struct events_event e;

	if (list->names == NULL)
		return true;
	do {
		name = strsep(&rest, ",");
		e = (struct events_event){ .kind = EVENTS_RUNS };
		(void)snprintf(e.id, sizeof(e.id), "%s", id);
		if (strlen(name) <= TARGET_NAME_MAX)
			(void)snprintf(e.name, sizeof(e.name), "%.*s",
			    TARGET_NAME_MAX, name);
		for (size_t i = 0; i < list->n_names; i++)
			if (look_is_named(&e, list->names[i]))
				return true;
	} while (rest != NULL);
	return false;
}

/* Lines of an ID and names. */
static int
take_list(const struct look_list *list, char *text, struct ids *ids)
{
	char *rest = text, *line, *id;
	size_t len;
	int st;

	while (rest != NULL) {
		line = strsep(&rest, "\n");
		id = strsep(&line, " ");
		len = strlen(id);
		if (len < EVENTS_ID_MIN || len > EVENTS_ID_MAX ||
		    strspn(id, "0123456789abcdef") != len || line == NULL)
			continue;
		if (!is_wanted(list, id, line))
			continue;
		if ((st = add_id(ids, id)) != ST_OK)
			return st;
	}
	return ST_OK;
}

static int
run_list(const struct look_how *how, const struct look_list *list,
    struct ids *ids, char *why, size_t whylen)
{
	char filter[LOOK_LABELS_MAX][LOOK_LABEL_MAX + 8];
	const char *argv[8 + 2 * LOOK_LABELS_MAX];
	struct child c;
	size_t n = 0;
	int st;

	argv[n++] = events_engine_name(how->engine);
	argv[n++] = "ps";
	argv[n++] = "--no-trunc";
	argv[n++] = "--format";
	argv[n++] = "{{.ID}} {{.Names}}";
	for (size_t i = 0; i < list->n_labels && i < LOOK_LABELS_MAX; i++) {
		(void)snprintf(filter[i], sizeof(filter[i]), "label=%s",
		    list->labels[i]);
		argv[n++] = "--filter";
		argv[n++] = filter[i];
	}
	argv[n] = NULL;
	st = ask(how, argv, LIST_MAX, &c, why, whylen);
	if (st == ST_OK && c.status != 0) {
		tell_said(how, &c.err_text, "ps", why, whylen);
		st = ST_CLOSED;
	}
	if (st == ST_OK && c.out_text.len > 0)
		st = take_list(list, c.out_text.p, ids);
	if (st == ST_TOO_LARGE && ids->n == LOOK_MAX)
		(void)snprintf(why, whylen, "more than %d containers are "
		    "meant", LOOK_MAX);
	child_fini(&c);
	return st;
}

/* --- what is known of them ------------------------------------------------ */

/* Whether the last one was there before: an engine may repeat itself. */
static bool
is_repeated(const struct look *out)
{
	for (size_t i = 0; i + 1 < out->n; i++)
		if (strcmp(out->runs[i].id, out->runs[out->n - 1].id) == 0)
			return true;
	return false;
}

static int
take_known(const struct look_how *how, const struct child_text *text,
    struct look *out)
{
	const char *p = text->p, *end, *stop;
	int st = ST_OK;

	if (p == NULL)
		return ST_OK;
	for (stop = p + text->len; p < stop && st == ST_OK; p = end + 1) {
		end = memchr(p, '\n', (size_t)(stop - p));
		if (end == NULL)
			end = stop;
		if (end == p)
			continue;
		if (out->n == LOOK_MAX)
			return ST_TOO_LARGE;
		st = events_parse_runs(how->engine, p, (size_t)(end - p),
		    &out->runs[out->n]);
		out->n += st == ST_OK;
		if (st == ST_OK && is_repeated(out))
			events_fini(&out->runs[--out->n]);
		/* It was stopped meanwhile. */
		if (st == ST_NOT_FOUND)
			st = ST_OK;
	}
	return st;
}

static int
run_known(const struct look_how *how, const struct ids *ids,
    struct look *out, char *why, size_t whylen)
{
	const char **argv = calloc(ids->n + 6, sizeof(*argv));
	struct child c;
	size_t n = 0;
	int st;

	if (argv == NULL) {
		(void)snprintf(why, whylen, "out of memory");
		return ST_NOMEM;
	}
	argv[n++] = events_engine_name(how->engine);
	argv[n++] = "container";
	argv[n++] = "inspect";
	argv[n++] = "--format";
	argv[n++] = how->engine == EVENTS_NERDCTL ? FORMAT_HEAD FORMAT_TAIL :
	    FORMAT_HEAD FORMAT_BEGAN FORMAT_TAIL;
	for (size_t i = 0; i < ids->n; i++)
		argv[n++] = ids->id[i];
	st = ask(how, argv, KNOWN_MAX, &c, why, whylen);
	if (st == ST_OK)
		st = take_known(how, &c.out_text, out);
	if (st == ST_MALFORMED)
		(void)snprintf(why, whylen, "%s inspect prints what cannot be "
		    "understood", argv[0]);
	else if (st == ST_OK && c.status != 0) {
		tell_said(how, &c.err_text, "inspect", why, whylen);
		st = ST_MORE;
	}
	child_fini(&c);
	free(argv);
	return st;
}

int
look_run(const struct look_how *how, struct look *out, char *why,
    size_t whylen)
{
	struct ids ids = { .n = 0 };
	int st = ST_OK;

	*out = (struct look){ .n = 0 };
	why[0] = '\0';
	ids.id = calloc(LOOK_MAX, sizeof(*ids.id));
	out->runs = calloc(LOOK_MAX, sizeof(*out->runs));
	if (ids.id == NULL || out->runs == NULL) {
		(void)snprintf(why, whylen, "out of memory");
		st = ST_NOMEM;
	}
	for (size_t i = 0; i < how->n_lists && st == ST_OK; i++)
		st = run_list(how, &how->lists[i], &ids, why, whylen);
	if (st == ST_OK && ids.n > 0)
		st = run_known(how, &ids, out, why, whylen);
	free(ids.id);
	if (st != ST_OK)
		look_fini(out);
	return st;
}

void
look_fini(struct look *l)
{
	for (size_t i = 0; i < l->n; i++)
		events_fini(&l->runs[i]);
	free(l->runs);
	*l = (struct look){ .n = 0 };
}
