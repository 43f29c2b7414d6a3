/*
 * Reaches: expand.c and look.c, target_report: what engines print when they are
 *          asked which containers there are.
 * Claims:  a failure is told of in one line that is safe to print, and success
 *          is not; what an engine prints becomes a target only if it is the
 *          name of a container, and each of them once; no word of a command is
 *          longer than a container's name, a label or a service, and none but
 *          the first is a program; what runs is told of once.
 * Input:   flags, exit codes, then what each command prints, with bytes 0xff
 *          between.
 */

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "fuzz/fuzz.h"
#include "fuzz/printable.h"
#include "provision/expand.h"
#include "provision/look.h"

#define COMMANDS_MAX	12

/* In the place of an engine. */
int __wrap_child_find(const char *name, const char *path,
    char out[static PATH_MAX]);
int __wrap_child_run(struct child *c, const struct child_spec *spec, char *why,
    size_t whylen);

static struct slice rest;
static uint8_t codes;
static size_t commands;

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
__wrap_child_find(const char *name, const char *path,
    char out[static PATH_MAX])
{
	assert(strcmp(name, "docker") == 0 || strcmp(name, "podman") == 0 ||
	    strcmp(name, "nerdctl") == 0);
	assert(strcmp(path, "/bin") == 0);
	(void)strcpy(out, "/bin/engine");
	return ST_OK;
}

/* The next part, up to a byte 0xff. */
static struct slice
take(void)
{
	const uint8_t *end = rest.len > 0 ?
	    memchr(rest.p, 0xff, rest.len) : NULL;
	size_t len = end != NULL ? (size_t)(end - rest.p) : rest.len;
	struct slice part = { rest.p, len };

	rest.p += len + (end != NULL);
	rest.len -= len + (end != NULL);
	return part;
}

/* Keep what a command prints, as child.h has it. */
static bool
keep(struct child_text *t, size_t max)
{
	struct slice s = take();

	*t = (struct child_text){ .max = max };
	t->over = s.len > max;
	t->len = t->over ? max : s.len;
	if (t->len == 0)
		return true;
	t->cap = t->len + 1;
	t->p = (char *)fuzz_alloc(t->cap);
	memcpy(t->p, s.p, t->len);
	t->p[t->len] = '\0';
	return !t->over;
}

int
__wrap_child_run(struct child *c, const struct child_spec *spec, char *why,
    size_t whylen)
{
	bool failed = (codes >> commands % 8 & 1) != 0, all;

	assert(strcmp(spec->program, "/bin/engine") == 0);
	assert(spec->out == CHILD_KEEP && spec->err == CHILD_KEEP);
	assert(spec->in == CHILD_NULL && spec->user == NULL);
	for (char *const *w = spec->argv + 1; *w != NULL; w++)
		assert(strlen(*w) < 1200 && strchr(*w, '\n') == NULL);
	commands++;
	assert(commands <= COMMANDS_MAX);
	c->status = failed ? 1 << 8 : 0;
	all = keep(&c->out_text, spec->out_max);
	(void)keep(&c->err_text, spec->err_max);
	(void)snprintf(why, whylen, "it printed too much");
	return all ? ST_OK : ST_TOO_LARGE;
}

static void
no_line(void *cookie, const char *line, size_t len)
{
	char copy[2 * LOG_LINE_MAX];

	(void)cookie;
	assert(len > 0 && len <= sizeof(copy) && line[len - 1] == '\n');
	memcpy(copy, line, len - 1);
	copy[len - 1] = '\0';
	fuzz_printable(copy, sizeof(copy));
}

static void
run_expand(uint8_t flags)
{
	static char web[] = "swarm:web", a[] = "docker:a", db[] = "swarm:db";
	static char *words[] = { web, a, db };
	struct provision_options opts = { .time_s = 1, .targets = words,
		.n_targets = 3, .all = (flags & 1) != 0,
		.labels = { "a=b", "c" }, .n_labels = (flags >> 1) % 3 };
	char why[EXPAND_WHY_MAX];
	enum session_code code;
	struct expand e;

	opts.engine = (flags & 8) != 0 ? "podman" :
	    (flags & 16) != 0 ? "nerdctl" : NULL;
	code = expand(&opts, "/bin", &e, why);
	assert(code == SESSION_DONE || code == SESSION_USAGE ||
	    code == SESSION_UNREACHABLE);
	assert((code == SESSION_DONE) == (why[0] == '\0'));
	fuzz_printable(why, sizeof(why));
	assert(code != SESSION_DONE || e.n > 0);
	for (size_t i = 0; i < e.n; i++) {
		assert(target_is_name(e.targets[i].name));
		for (size_t j = 0; j < i; j++)
			assert(!target_same(&e.targets[i], &e.targets[j]));
	}
	expand_fini(&e);
	expand_fini(&e);
}

static void
run_look(uint8_t flags)
{
	static const char *const names[] = { "web", "0123456789ab" };
	static const char *const labels[] = { "a=b", "c" };
	const struct look_list lists[] = {
		{ .names = names, .n_names = 2 },
		{ .labels = labels, .n_labels = 2 },
	};
	const struct look_how how = {
		.engine = (enum events_engine)(flags >> 2) % EVENTS_ENGINES,
		.path = "/bin", .time_ms = 1, .lists = lists + flags % 2,
		.n_lists = 1 + (flags % 4 == 0),
	};
	char why[LOOK_WHY_MAX];
	struct look out;
	int st = look_run(&how, &out, why, sizeof(why));

	assert(st == ST_OK || st == ST_CLOSED || st == ST_MORE ||
	    st == ST_TOO_LARGE || st == ST_MALFORMED);
	assert(st == ST_OK || (out.n == 0 && why[0] != '\0'));
	fuzz_printable(why, sizeof(why));
	for (size_t i = 0; i < out.n; i++) {
		assert(out.runs[i].kind == EVENTS_RUNS);
		assert(out.runs[i].name[0] == '\0' ||
		    target_is_name(out.runs[i].name));
		for (size_t j = 0; j < i; j++)
			assert(strcmp(out.runs[i].id, out.runs[j].id) != 0);
	}
	look_fini(&out);
	look_fini(&out);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_divert(no_line, NULL);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	rest = (struct slice){ data + 2, size - 2 };
	codes = data[1];
	commands = 0;
	if ((data[0] & 0x80) != 0)
		run_look(data[0] & 0x7f);
	else
		run_expand(data[0]);
	return 0;
}
