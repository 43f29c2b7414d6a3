/*
 * differential - the same requests to OpenSSH's ssh-agent and to ours.
 *
 * usage: differential [options] SSH-AGENT BOTTLE-AGENT
 *	--seed N	the first sequence (1)
 *	--count N	how many (5000)
 *	--replay N	play one sequence and show all of it
 *	--self-test	SSH-AGENT against itself: once honest, which must find
 *			nothing, and once with each of lies.c between, which
 *			must be found
 *	--same		no row of the table counts: for two versions of
 *			OpenSSH, and for whoever wants to see all there is
 *	--rows		only the cases of the rows
 *	--version N	take OpenSSH for that version: 902, 1005.  Else it is
 *			what ssh-agent or the ssh beside it says
 *	--table		print the table of differences as Markdown, as it
 *			stands in docs/PROTOCOL.md
 *	--keep-going N	end after so many differences (10)
 *
 * Exit code: 0 all is explained, 1 something is not, 2 the test itself failed,
 * 77 there is no ssh-agent.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "differential/bench.h"
#include "differential/differences.h"
#include "differential/lies.h"
#include "differential/material.h"

/* One sequence in so many meets an agent without SHA-1. */
#define STRICT_EACH	5
/* Exit code of a test that could not be. */
#define SKIPPED		77
/* Sequences in which a lie must be found. */
#define LIE_SEQUENCES	4000

struct settings {
	uint64_t	 seed, count, keep_going;
	unsigned	 version;
	bool		 replay, self_test, same, rows, table;
	const char	*ssh_agent, *bottle_agent;
};

static struct side theirs = { .label = "openssh" };
static struct side mine = { .label = "ours" };
static struct side mine_strict = { .label = "ours, no SHA-1" };

/* A number of the command line. */
static uint64_t
get_number(const char *text)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno != 0 || *text == '\0' || *end != '\0')
		die("not a number: %s", text);
	return n;
}

/* The version in what a program prints; 0: it says nothing of it. */
static unsigned
read_version(const char *program)
{
	char command[512], line[256];
	unsigned major, minor, version = 0;
	const char *at;
	FILE *f;

	(void)snprintf(command, sizeof(command), "'%s' -V 2>&1", program);
	if ((f = popen(command, "re")) == NULL)
		die("%s: %s", program, strerror(errno));
	while (fgets(line, sizeof(line), f) != NULL)
		if ((at = strstr(line, "OpenSSH_")) != NULL &&
		    sscanf(at, "OpenSSH_%u.%u", &major, &minor) == 2)
			version = major * 100 + minor;
	(void)pclose(f);
	return version;
}

/* ssh-agent says it since 10.4; before, the ssh beside it does. */
static unsigned
find_version(const char *agent)
{
	unsigned version = read_version(agent);
	const char *slash = strrchr(agent, '/');
	char path[256];

	if (version != 0)
		return version;
	(void)snprintf(path, sizeof(path), "%.*sssh",
	    (int)(slash - agent + 1), agent);
	if ((version = read_version(path)) == 0)
		die("%s does not say which version it is; use --version",
		    path);
	return version;
}

/* The arguments of an agent. */
static void
set_args(struct side *s, const char *program, const char *option)
{
	static const char *const args[] = { "-D", "-a", "@" };

	s->args[0] = program;
	for (size_t i = 0; i < 3; i++)
		s->args[1 + i] = args[i];
	s->args[4] = option;
}

/* Read the command line. */
static void
read_settings(int argc, char **argv, struct settings *out)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "count", required_argument, NULL, 'c' },
		{ "replay", required_argument, NULL, 'r' },
		{ "self-test", no_argument, NULL, 'l' },
		{ "same", no_argument, NULL, 'e' },
		{ "rows", no_argument, NULL, 'o' },
		{ "version", required_argument, NULL, 'v' },
		{ "table", no_argument, NULL, 't' },
		{ "keep-going", required_argument, NULL, 'k' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*out = (struct settings){ .seed = 1, .count = 5000,
		.keep_going = 10 };
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			out->replay = true;
			out->count = 1;
			out->seed = get_number(optarg);
			break;
		case 's': out->seed = get_number(optarg); break;
		case 'c': out->count = get_number(optarg); break;
		case 'l': out->self_test = true; break;
		case 'e': out->same = true; break;
		case 'o': out->rows = true; break;
		case 'v': out->version = (unsigned)get_number(optarg); break;
		case 't': out->table = true; break;
		case 'k': out->keep_going = get_number(optarg); break;
		default: exit(2);
		}
	}
	if (out->table)
		return;
	if (argc - optind != 2)
		die("wrong use; the first lines of main.c say how");
	out->ssh_agent = argv[optind];
	out->bottle_agent = argv[optind + 1];
	if (strchr(out->ssh_agent, '/') == NULL) {
		(void)printf("no ssh-agent here: skipped\n");
		exit(SKIPPED);
	}
	if (out->version == 0)
		out->version = find_version(out->ssh_agent);
}

/* Play the sequences of some seeds; how many differed. */
static uint64_t
play(const struct settings *set, struct bench *b, struct bench *strict,
    const char *what)
{
	int64_t start = clock_ms();
	uint64_t differed = 0, i;

	for (i = 0; i < set->count && differed < set->keep_going; i++) {
		struct bench *at = strict != NULL &&
		    (set->seed + i) % STRICT_EACH == 0 ? strict : b;

		differed += !bench_play(at, set->seed + i);
	}
	if (strict != NULL) {
		b->requests += strict->requests;
		b->signatures += strict->signatures;
	}
	(void)printf("%s: %llu sequences from %llu, %llu requests, "
	    "%llu signatures, %lld ms: %llu unexplained differences\n", what,
	    (unsigned long long)i, (unsigned long long)set->seed,
	    (unsigned long long)b->requests,
	    (unsigned long long)b->signatures,
	    (long long)(clock_ms() - start), (unsigned long long)differed);
	return differed;
}

/* OpenSSH against itself. */
static bool
self_test(struct settings *set)
{
	struct bench b = { .theirs = &theirs, .mine = &mine,
		.version = set->version, .same_program = true };
	uint64_t i;
	bool good;

	set_args(&mine, set->ssh_agent, NULL);
	side_start(&theirs);
	side_start(&mine);
	good = play(set, &b, NULL, "honest") == 0;
	/* From here on a difference is what is wanted: no need to show it. */
	b.quiet = true;
	for (size_t k = 0; k < n_lies; k++) {
		bool found = false;

		mine.lie = &lies[k];
		mine.told = 0;
		for (i = 0; i < LIE_SEQUENCES && !found; i++)
			found = !bench_play(&b, set->seed + i);
		(void)printf("%-9s %s: sequence %llu, told %llu times\n",
		    found ? "found" : "NOT FOUND", lies[k].name,
		    (unsigned long long)i, (unsigned long long)mine.told);
		good = good && found;
		mine.lie = NULL;
		bench_restart(&b);
	}
	side_stop(&theirs);
	side_stop(&mine);
	return good;
}

/* The cases of the rows that are about this version; how many failed. */
static unsigned
show_rows(struct bench *b, struct bench *strict)
{
	unsigned failed = 0;

	for (size_t i = 0; i < n_differences; i++) {
		const struct difference *d = &differences[i];
		struct bench *at = d->strict ? strict : b;

		if (!difference_applies(d, b->version)) {
			(void)printf("row %-22s not of this version\n",
			    d->name);
			continue;
		}
		bench_restart(at);
		if (d->shows(at, d)) {
			(void)printf("row %-22s shown\n", d->name);
		} else {
			(void)printf("row %-22s NOT SHOWN\n", d->name);
			failed++;
		}
		bench_restart(at);
	}
	return failed;
}

/* OpenSSH against ours. */
static bool
test(const struct settings *set)
{
	struct bench b = { .theirs = &theirs, .mine = &mine, .legacy = true,
		.version = set->version, .same_program = set->same,
		.verbose = set->replay };
	struct bench strict = b;
	unsigned failed = 0;
	uint64_t differed = 0;

	strict.mine = &mine_strict;
	strict.legacy = false;
	/* An agent of OpenSSH's would not know the option. */
	set_args(&mine, set->bottle_agent, set->same ? NULL :
	    "--legacy-rsa");
	set_args(&mine_strict, set->bottle_agent, NULL);
	side_start(&theirs);
	side_start(&mine);
	side_start(&mine_strict);
	if (!set->replay && !set->same)
		failed = show_rows(&b, &strict);
	if (!set->rows)
		differed = play(set, &b, set->same ? NULL : &strict,
		    "differential");
	for (size_t i = 0; i < n_differences && !set->same; i++)
		if (difference_hits[i] > 0)
			(void)printf("row %-22s explained %llu\n",
			    differences[i].name,
			    (unsigned long long)difference_hits[i]);
	side_stop(&theirs);
	side_stop(&mine);
	side_stop(&mine_strict);
	return differed == 0 && failed == 0;
}

int
main(int argc, char **argv)
{
	struct settings set;

	read_settings(argc, argv, &set);
	if (set.table) {
		difference_print_table();
		return 0;
	}
	material_make();
	set_args(&theirs, set.ssh_agent, NULL);
	return (set.self_test ? self_test(&set) : test(&set)) ? 0 : 1;
}
