/*
 * differential - the same requests to OpenSSH's ssh-agent and to ours: see
 * usage, which is what --help prints.
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "differential/bench.h"
#include "differential/differences.h"
#include "differential/lies.h"
#include "differential/material.h"
#include "differential/version.h"

/* One sequence in so many meets an agent without SHA-1. */
#define STRICT_EACH	5
/* Exit code of a test that could not be. */
#define SKIPPED		77
/* Sequences in which a lie must be found. */
#define LIE_SEQUENCES	4000
/* Between lines that say how far it is, at a terminal and not. */
#define PROGRESS_MS	2000
#define PROGRESS_LOG_MS	60000

static const char usage[] =
    "usage: differential [options] SSH-AGENT BOTTLE-AGENT\n"
    "       differential --table\n"
    "\n"
    "Sends the same requests to OpenSSH's ssh-agent and to ours.\n"
    "\n"
    "Each of the two is a program, which gets -D -a SOCKET; or, for an agent\n"
    "of anybody, a command with blanks, in which \"%s\" is the socket; or\n"
    "unix:PATH, which must have no key: all keys are removed now and then.\n"
    "Without an ssh-agent it says \"none\", and is skipped.\n"
    "\n"
    "  --seed N        the first sequence (1)\n"
    "  --count N       how many (5000)\n"
    "  --minutes N     in the place of a count: for so long\n"
    "  --state FILE    where the next sequence is kept, to go on from there;\n"
    "                  the file need not be there yet\n"
    "  --replay N      play one sequence and show all of it\n"
    "  --self-test     SSH-AGENT against itself: once honest, which must find\n"
    "                  nothing, and once with each of lies.c between, which\n"
    "                  must be found\n"
    "  --same          no row of the table counts: for two versions of\n"
    "                  OpenSSH, and for whoever wants to see all there is\n"
    "  --rows          only the cases of the rows\n"
    "  --version N     take OpenSSH for that version: 902, 1005.  Else it is\n"
    "                  what ssh-agent or the ssh beside it says\n"
    "  --table         print the table of differences as Markdown, as it\n"
    "                  stands in docs/PROTOCOL.md\n"
    "  --keep-going N  end after so many differences (10)\n"
    "  --help          print this\n"
    "\n"
    "Exit code: 0 all is explained, 1 something is not, 2 the test itself\n"
    "failed, 77 there is no ssh-agent.\n";

struct settings {
	uint64_t	 seed, count, keep_going;
	unsigned	 version;
	uint64_t	 minutes;	/* 0: count counts */
	bool		 replay, self_test, same, rows, table;
	const char	*state;		/* NULL: none */
	char		*ssh_agent, *bottle_agent;
};

static volatile sig_atomic_t stopped;

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
	if (errno != 0 || *text < '0' || *text > '9' || *end != '\0')
		die("not a number: %s", text);
	return n;
}

/* Take an agent, and one more argument for it if it is a program of ours. */
static void
set_args(struct side *s, const char *agent, const char *option)
{
	static char *words[3];	/* for as long as the sides have them */
	static size_t taken;
	char *copy = strdup(agent);
	size_t n = 0;

	if (copy == NULL || taken == sizeof(words) / sizeof(words[0]))
		die("%s: one agent too many", agent);
	words[taken++] = copy;
	side_set(s, copy);
	while (n < SIDE_ARGS_MAX && s->args[n] != NULL)
		n++;
	if (n < SIDE_ARGS_MAX && option != NULL && !s->foreign &&
	    strcmp(s->args[n - 1], "@") == 0)
		s->args[n] = option;
}

/* Whether it is a program, and not somebody's command or socket. */
static bool
is_program(const char *agent)
{
	return strpbrk(agent, " \t") == NULL &&
	    strncmp(agent, "unix:", 5) != 0;
}

/* Go on where the last run has stopped, if there was one. */
static void
read_state(struct settings *set)
{
	unsigned long long seed;
	FILE *f = fopen(set->state, "re");

	if (f == NULL && errno == ENOENT)
		return;
	if (f == NULL)
		die("%s: %s", set->state, strerror(errno));
	if (fscanf(f, "next %llu", &seed) != 1)
		die("%s does not say \"next N\": remove it to begin anew",
		    set->state);
	(void)fclose(f);
	set->seed = seed;
}

/* Keep the next sequence.  Who is killed meanwhile has the old file. */
static void
write_state(const struct settings *set, uint64_t next)
{
	char path[512];
	FILE *f;

	if (set->state == NULL)
		return;
	if (snprintf(path, sizeof(path), "%s.new", set->state) >=
	    (int)sizeof(path))
		die("%s: too long", set->state);
	f = fopen(path, "we");
	if (f == NULL || fprintf(f, "next %llu\n",
	    (unsigned long long)next) < 0 || fclose(f) != 0 ||
	    rename(path, set->state) != 0)
		die("%s: %s", path, strerror(errno));
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
		{ "minutes", required_argument, NULL, 'm' },
		{ "state", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
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
		case 'm': out->minutes = get_number(optarg); break;
		case 'f': out->state = optarg; break;
		case 'h':
			(void)fputs(usage, stdout);
			exit(0);
		default:
			(void)fputs("Try \"differential --help\".\n", stderr);
			exit(2);
		}
	}
	if (out->table)
		return;
	if (argc - optind != 2)
		die("wrong use: which two agents?  differential [options] "
		    "SSH-AGENT BOTTLE-AGENT; --help says more");
	out->ssh_agent = argv[optind];
	out->bottle_agent = argv[optind + 1];
	if (strcmp(out->ssh_agent, "none") == 0) {
		(void)printf("no ssh-agent here: skipped\n");
		exit(SKIPPED);
	}
	if (out->version == 0 && !is_program(out->ssh_agent))
		die("which version of OpenSSH is like that? use --version");
	if (out->version == 0)
		out->version = version_of(out->ssh_agent);
	if (out->state != NULL)
		read_state(out);
}

/* Requests of both pairs of agents. */
static uint64_t
count_requests(const struct bench *b, const struct bench *strict)
{
	return b->requests + (strict != NULL ? strict->requests : 0);
}

/* Say how far it is. */
static void
show_progress(const struct settings *set, uint64_t done, uint64_t requests,
    uint64_t differed, int64_t ms)
{
	bool terminal = isatty(STDERR_FILENO) == 1;

	(void)fprintf(stderr, "%s%lld:%02lld of %llu:00, %llu sequences, "
	    "next %llu, %llu requests (%llu a second), "
	    "%llu unexplained%s", terminal ? "\r" : "",
	    (long long)(ms / 60000), (long long)(ms / 1000 % 60),
	    (unsigned long long)set->minutes, (unsigned long long)done,
	    (unsigned long long)(set->seed + done),
	    (unsigned long long)requests, (unsigned long long)(requests *
	    1000 / (uint64_t)(ms > 0 ? ms : 1)),
	    (unsigned long long)differed, terminal ? "\033[K" : "\n");
}

/* Whether all was played that was asked for. */
static bool
is_done(const struct settings *set, uint64_t done, int64_t ms)
{
	if (stopped != 0)
		return true;
	return set->minutes > 0 ? ms >= (int64_t)set->minutes * 60000 :
	    done >= set->count;
}

/* Play the sequences of some seeds; how many differed. */
static uint64_t
play(const struct settings *set, struct bench *b, struct bench *strict,
    const char *what)
{
	int64_t start = clock_ms(), now = start, shown = start;
	int64_t every = isatty(STDERR_FILENO) == 1 ? PROGRESS_MS :
	    PROGRESS_LOG_MS;
	uint64_t differed = 0, i;

	for (i = 0; !is_done(set, i, now - start) &&
	    differed < set->keep_going; i++) {
		struct bench *at = strict != NULL &&
		    (set->seed + i) % STRICT_EACH == 0 ? strict : b;

		differed += !bench_play(at, set->seed + i);
		now = clock_ms();
		if (set->minutes > 0 && now - shown >= every) {
			shown = now;
			show_progress(set, i + 1, count_requests(b, strict),
			    differed, now - start);
			write_state(set, set->seed + i + 1);
		}
	}
	if (set->minutes > 0)
		show_progress(set, i, count_requests(b, strict), differed,
		    now - start);
	write_state(set, set->seed + i);
	if (set->minutes > 0 && isatty(STDERR_FILENO) == 1)
		(void)fputc('\n', stderr);
	if (strict != NULL) {
		b->requests += strict->requests;
		b->signatures += strict->signatures;
	}
	(void)printf("%s: %llu sequences from %llu, %llu requests, "
	    "%llu signatures, %lld ms: %llu unexplained differences\n", what,
	    (unsigned long long)i, (unsigned long long)set->seed,
	    (unsigned long long)b->requests,
	    (unsigned long long)b->signatures,
	    (long long)(now - start), (unsigned long long)differed);
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
	side_protect(&theirs);
	side_protect(&mine);
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
	/* What has rows is a program of ours, which is met in two ways. */
	bool two = !set->same && is_program(set->bottle_agent);
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
	side_protect(&theirs);
	side_protect(&mine);
	if (two)
		side_start(&mine_strict);
	if (two && !set->replay)
		failed = show_rows(&b, &strict);
	if (!set->rows)
		differed = play(set, &b, two ? &strict : NULL,
		    "differential");
	for (size_t i = 0; i < n_differences && !set->same; i++)
		if (difference_hits[i] > 0)
			(void)printf("row %-22s explained %llu\n",
			    differences[i].name,
			    (unsigned long long)difference_hits[i]);
	side_stop(&theirs);
	side_stop(&mine);
	if (two)
		side_stop(&mine_strict);
	return differed == 0 && failed == 0;
}

/* End with the sequence that is being played. */
static void
on_signal(int signo)
{
	(void)signo;
	stopped = 1;
}

/* The exit code; what was not printed must not count as said. */
static int
finish(bool good)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		die("what was found cannot be printed: %s", strerror(errno));
	return good ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal,
		.sa_flags = SA_RESTART };
	struct settings set;

	read_settings(argc, argv, &set);
	if (set.table) {
		difference_print_table();
		return finish(true);
	}
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	material_make();
	set_args(&theirs, set.ssh_agent, NULL);
	return finish(set.self_test ? self_test(&set) : test(&set));
}
