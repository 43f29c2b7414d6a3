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

#include <string.h>

#include "base/log.h"
#include "fuzz/engine.h"
#include "fuzz/fuzz.h"
#include "fuzz/printable.h"
#include "provision/expand.h"
#include "provision/look.h"

/* Most commands of one of them. */
#define COMMANDS_MAX	12

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* What is asked. */
static void
look(const struct child_spec *spec)
{
	assert(engine.runs <= COMMANDS_MAX);
	for (char *const *w = spec->argv + 1; *w != NULL; w++)
		assert(strlen(*w) < 1200 && strchr(*w, '\n') == NULL);
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
	engine_begin((struct slice){ data + 2, size - 2 }, data[1], look);
	if ((data[0] & 0x80) != 0)
		run_look(data[0] & 0x7f);
	else
		run_expand(data[0]);
	return 0;
}
