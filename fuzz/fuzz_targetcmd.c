/*
 * Reaches: targetcmd.c, statuscmd.c, explaincmd.c, removecmd.c, remote.c,
 *          agentstatus.c: all that bottle-provision status, explain and remove
 *          make of what is printed in a target.
 * Claims:  an exit code is one that there is; what goes to stdout with --json
 *          is one JSON object of printable ASCII, and else lines that are safe
 *          to print; so is each line on stderr, and there is one if it failed;
 *          what is run has no argument that is empty or has a newline.
 * Input:   which command, its options and a target, exit codes; then what each
 *          program prints, with bytes 0xff between.
 */

#include <sys/wait.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "fuzz/engine.h"
#include "fuzz/fuzz.h"
#include "fuzz/printable.h"
#include "provision/explaincmd.h"
#include "provision/fleet.h"
#include "provision/removecmd.h"
#include "provision/statuscmd.h"

/* In place of threads, and of lines that change. */
enum session_code __wrap_fleet_run(const struct fleet *f);

static size_t lines;

int LLVMFuzzerInitialize(int *argc, char ***argv);

enum session_code
__wrap_fleet_run(const struct fleet *f)
{
	enum session_code worst = SESSION_DONE, code;

	for (size_t i = 0; i < f->n; i++) {
		code = f->fn(f->cookie, i, NULL);
		if (code > worst)
			worst = code;
	}
	return worst;
}

/* One line without its newline. */
static void
check_line(const char *line, size_t len)
{
	char *copy = (char *)fuzz_alloc(len + 1);

	memcpy(copy, line, len);
	copy[len] = '\0';
	fuzz_printable(copy, len + 1);
	free(copy);
}

static void
take_line(void *cookie, const char *line, size_t len)
{
	(void)cookie;
	assert(len > 0 && line[len - 1] == '\n');
	check_line(line, len - 1);
	lines++;
}

static void
look(const struct child_spec *spec)
{
	for (char *const *w = spec->argv; *w != NULL; w++)
		assert((*w)[0] != '\0');
}

/* What is for programs. */
static void
check_json(const char *p, size_t n)
{
	json_error_t e;
	json_t *o = json_loadb(p, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
	    &e);

	assert(json_is_object(o));
	assert(json_is_integer(json_object_get(o, "version")));
	assert(json_is_array(json_object_get(o, "targets")));
	for (size_t i = 0; i < n; i++)
		assert(p[i] == '\n' || (p[i] >= ' ' && p[i] <= '~'));
	json_decref(o);
}

/* What is for people. */
static void
check_text(const char *p, size_t n)
{
	const char *nl, *end = p + n;

	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		assert(nl != NULL);
		check_line(p, (size_t)(nl - p));
	}
}

static int
run(uint8_t which, const struct provision_options *opts)
{
	if (which == 0)
		return statuscmd_main(opts);
	if (which == 1)
		return explaincmd_main(opts);
	return removecmd_main(opts);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_divert(take_line, NULL);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char docker[] = "docker:web", pod[] = "kubectl:ns/pod/a/b",
	    exec[] = "exec:ssh host", nerdctl[] = "nerdctl:web";
	static char *const words[] = { docker, pod, exec, nerdctl };
	struct provision_options opts;
	FILE *before = stdout, *f;
	char *p = NULL;
	size_t n = 0;
	int code;

	if (size < 2)
		return 0;
	opts = (struct provision_options){ .socket = "/run/bottle-agent.sock",
		.targets = (char *[]){ words[data[0] & 3] }, .n_targets = 1,
		.jobs = 1, .time_s = 1, .name = "web", .bin = "/usr/bin",
		.json = (data[0] & 4) != 0, .every_load = (data[0] & 8) != 0,
		.user = (data[0] & 16) != 0 ? "vscode" : NULL,
		.passphrase_fd = -1 };
	engine_begin((struct slice){ data + 2, size - 2 }, data[1], look);
	lines = 0;
	if ((f = open_memstream(&p, &n)) == NULL)
		abort();
	stdout = f;
	code = run(data[0] >> 5 & 3, &opts);
	stdout = before;
	if (fclose(f) != 0)
		abort();
	assert(code >= 0 && code <= SESSION_UNREACHABLE);
	assert(code == SESSION_DONE || lines > 0);
	if (opts.json)
		check_json(p, n);
	else
		check_text(p, n);
	free(p);
	return 0;
}
