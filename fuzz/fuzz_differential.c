/*
 * Reaches: two live agents, OpenSSH's and ours, through tests/differential.
 * Claims:  both answer the same to a sequence of requests, but for what the
 *          table of differences says.
 * Input:   numbers of two bytes, by which the sequence is made: which step,
 *          which request, which key, which mistake in it.
 *
 * The agents are DIFFERENTIAL_THEIRS, an ssh-agent of OpenSSH's (else the one
 * in PATH), and DIFFERENTIAL_MINE (else the bottle-agent beside this program);
 * DIFFERENTIAL_VERSION is what OpenSSH's is taken for.  The fuzzer is steered
 * by what they answer to what, since it does not see inside.
 */

#include <stdio.h>
#include <string.h>

#include <unistd.h>

#include "differential/bench.h"
#include "differential/differences.h"
#include "differential/material.h"
#include "differential/version.h"
#include "differential/view.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A test that could not be. */
#define SKIPPED		77
#define COUNTERS	8192

/* libFuzzer takes these for edges. */
static uint8_t counters[COUNTERS]
    __attribute__((__section__("__libfuzzer_extra_counters"), __used__));

static struct side theirs = { .label = "openssh" };
static struct side mine = { .label = "ours" };
static struct bench bench = { .theirs = &theirs, .mine = &mine,
	.legacy = true };
static uint32_t last;

/* One number more in a hash. */
static uint32_t
mix(uint32_t hash, uint32_t n)
{
	return (hash ^ n) * 0x01000193u;
}

/* Count what was answered to what, and behind what. */
static void
saw(const struct exchange *x)
{
	struct slice name, rest;
	struct view_add add;
	uint32_t hash = mix(mix(0x811c9dc5u, x->request.p[0]),
	    answer_code(&x->theirs));

	if (view_get_extension(x->request, &name, &rest))
		hash = mix(hash, (uint32_t)name.len);
	if (view_get_add(x->request, &add))
		hash = mix(mix(hash, (uint32_t)add.kind), add.constraints.len >
		    0 ? add.constraints.p[0] + 1u : 0);
	hash = mix(hash, (uint32_t)bench.conns[x->conn].bound * 2 +
	    bench.locked);
	counters[hash % COUNTERS]++;
	counters[mix(hash, last) % COUNTERS]++;
	last = hash;
}

/* The program in the directories of PATH; NULL: it is in none. */
static char *
find_program(const char *name)
{
	const char *path = getenv("PATH"), *end;
	char *found;

	for (; path != NULL && *path != '\0';
	    path = *end == '\0' ? end : end + 1) {
		end = strchrnul(path, ':');
		if (asprintf(&found, "%.*s/%s", (int)(end - path), path,
		    name) < 0)
			abort();
		if (access(found, X_OK) == 0)
			return found;
		free(found);
	}
	return NULL;
}

/* bottle-agent, where this program is. */
static char *
find_neighbour(void)
{
	char self[256] = "", *found;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *slash = strrchr(self, '/');

	if (n <= 0 || slash == NULL || asprintf(&found, "%.*s/bottle-agent",
	    (int)(slash - self), self) < 0)
		abort();
	return found;
}

/* What a variable says, or what was found. */
static char *
get(const char *name, char *found)
{
	const char *said = getenv(name);
	char *text = said != NULL ? strdup(said) : found;

	if (said != NULL)
		free(found);
	return text;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char *openssh = get("DIFFERENTIAL_THEIRS", find_program("ssh-agent"));
	char *ours = get("DIFFERENTIAL_MINE", find_neighbour());
	const char *version = getenv("DIFFERENTIAL_VERSION");

	(void)argc;
	(void)argv;
	if (openssh == NULL || access(openssh, X_OK) != 0) {
		(void)printf("no ssh-agent here: skipped\n");
		exit(SKIPPED);
	}
	bench.version = version != NULL ? (unsigned)atoi(version) :
	    version_of(openssh);
	bench.saw = saw;
	material_make();
	side_set(&theirs, openssh);
	side_set(&mine, ours);
	mine.args[4] = "--legacy-rsa";
	side_start(&theirs);
	side_start(&mine);
	side_protect(&mine);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	last = 0;
	if (!bench_play_input(&bench, (struct slice){ data, size })) {
		(void)fflush(stdout);
		abort();
	}
	return 0;
}
