/*
 * memscan - look for private keys in the memory of a process.
 *
 * The scan runs in a child, and only two exit codes of the child mean
 * something: a scanner that crashes, or is ended by a sanitizer, must not look
 * like one that found something, nor leave the process stopped.
 */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/vault.h"
#include "base/num.h"
#include "memscan/finder.h"
#include "memscan/needle.h"
#include "memscan/places.h"
#include "memscan/target.h"

/* What memscan ends with. */
enum {
	EXIT_CLEAN = 0,
	EXIT_FOUND = 1,
	EXIT_UNKNOWN = 2,	/* it could not be told */
};

/* How the child says the first two. */
enum {
	CHILD_CLEAN = 40,
	CHILD_FOUND = 41,
};

struct settings {
	bool		 stop, require_public, expect_none, json;
	uint64_t	 rounds, interval_ms, expect_min, window;
	const char	*core;		/* a file instead of a process */
	const char	*print;		/* LAYOUT:NUMBER to write out */
	bool		 names;
	pid_t		 pid;
	char		**files;	/* NULL-ended */
};

enum {
	OPT_STOP = 256, OPT_REPEAT, OPT_INTERVAL, OPT_MIN, OPT_NONE,
	OPT_PUBLIC, OPT_WINDOW, OPT_CORE, OPT_JSON, OPT_PRINT, OPT_NAMES,
};

static const struct option long_options[] = {
	{ "stop", no_argument, NULL, OPT_STOP },
	{ "repeat", required_argument, NULL, OPT_REPEAT },
	{ "interval-ms", required_argument, NULL, OPT_INTERVAL },
	{ "expect-min", required_argument, NULL, OPT_MIN },
	{ "expect-none", no_argument, NULL, OPT_NONE },
	{ "require-public", no_argument, NULL, OPT_PUBLIC },
	{ "window", required_argument, NULL, OPT_WINDOW },
	{ "core", required_argument, NULL, OPT_CORE },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "print", required_argument, NULL, OPT_PRINT },
	{ "names", no_argument, NULL, OPT_NAMES },
	{ NULL, 0, NULL, 0 },
};

static const char usage_text[] =
    "usage: memscan [options] PID KEYFILE...\n"
    "       memscan [options] --core FILE KEYFILE...\n"
    "       memscan --names KEYFILE...\n"
    "       memscan --print LAYOUT:NUMBER KEYFILE\n"
    "  --stop             stop the process while it is looked at\n"
    "  --repeat N         look N times (1)\n"
    "  --interval-ms M    wait 0 to 2 M ms, at random, before each (10)\n"
    "  --expect-min N     find at least N places in locked memory (0)\n"
    "  --expect-none      a place in locked memory is a find, too\n"
    "  --require-public   see something public of every key\n"
    "  --window N         shortest run of bytes that counts (16)\n"
    "  --json             one object instead of lines\n"
    "  --names            say what would be looked for\n"
    "  --print WHAT       write the bytes of one of these to stdout\n"
    "Exit status: 0 nothing outside of locked memory; 1 something was;\n"
    "2 it cannot be told, or an expectation was not met.\n";

static volatile sig_atomic_t child_pid, stopped_pid;

/* A number of the command line, or the end. */
static uint64_t
number(const char *text, uint64_t min, uint64_t max)
{
	uint64_t n;

	if (num_u64(text, min, max, &n) == ST_OK)
		return n;
	(void)fprintf(stderr, "memscan: \"%s\" is no number from %" PRIu64
	    " to %" PRIu64 "\n", text, min, max);
	exit(EXIT_UNKNOWN);
}

static void
take_option(struct settings *s, int c)
{
	switch (c) {
	case OPT_STOP:
		s->stop = true;
		break;
	case OPT_REPEAT:
		s->rounds = number(optarg, 1, 1000000);
		break;
	case OPT_INTERVAL:
		s->interval_ms = number(optarg, 0, 60000);
		break;
	case OPT_MIN:
		s->expect_min = number(optarg, 0, 1000000);
		break;
	case OPT_NONE:
		s->expect_none = true;
		break;
	case OPT_PUBLIC:
		s->require_public = true;
		break;
	case OPT_WINDOW:
		s->window = number(optarg, FINDER_WINDOW_MIN, 4096);
		break;
	case OPT_CORE:
		s->core = optarg;
		break;
	case OPT_JSON:
		s->json = true;
		break;
	case OPT_PRINT:
		s->print = optarg;
		break;
	case OPT_NAMES:
		s->names = true;
		break;
	default:
		(void)fputs(usage_text, stderr);
		exit(EXIT_UNKNOWN);
	}
}

static void
parse(int argc, char **argv, struct settings *s)
{
	int c;

	*s = (struct settings){ .rounds = 1, .interval_ms = 10,
		.window = 16 };
	while ((c = getopt_long(argc, argv, "+", long_options, NULL)) != -1)
		take_option(s, c);
	if (s->core == NULL && s->print == NULL && !s->names && optind < argc)
		s->pid = (pid_t)number(argv[optind++], 1, INT_MAX);
	s->files = argv + optind;
	if (s->files[0] == NULL)
		take_option(s, '?');
}

/*
 * Scanning.
 */

/* What the callbacks need. */
struct scan {
	struct finder		*finder;
	struct places		 places;
	const struct mapping	*mapping;
};

static void
on_hit(void *cookie, const struct hit *hit)
{
	struct scan *scan = cookie;

	places_add(&scan->places, scan->mapping, hit);
}

static void
on_memory(void *cookie, const struct mapping *m, uint64_t addr,
    const uint8_t *p, size_t len)
{
	struct scan *scan = cookie;

	scan->mapping = m;
	finder_scan(scan->finder, p, len, addr, on_hit, scan);
}

/* Wait a while of random length. */
static void
wait_random(uint64_t mean_ms)
{
	struct timespec t;
	uint64_t us = 0;

	if (mean_ms == 0)
		return;
	if (getrandom(&us, sizeof(us), 0) != (ssize_t)sizeof(us))
		us = 0;
	us %= 2000 * mean_ms;
	t.tv_sec = (time_t)(us / 1000000);
	t.tv_nsec = (long)(us % 1000000) * 1000;
	(void)nanosleep(&t, NULL);
}

static int
scan_process(struct scan *scan, const struct settings *s)
{
	struct target *t;
	char why[256];
	int st;

	if ((st = target_open(&t, s->pid, why, sizeof(why))) != ST_OK) {
		(void)fprintf(stderr, "memscan: %s\n", why);
		return st;
	}
	while (st == ST_OK && scan->places.done < s->rounds) {
		wait_random(s->interval_ms);
		if (s->stop && (st = target_stop(t)) != ST_OK)
			break;
		scan->places.round++;
		st = target_walk(t, s->window - 1, &scan->places.bytes,
		    on_memory, scan);
		if (s->stop)
			target_resume(t);
		scan->places.done += st == ST_OK;
	}
	if (st != ST_OK)
		(void)fprintf(stderr, "memscan: process %ld: %s\n",
		    (long)s->pid, st == ST_CLOSED ? "gone, or unreadable" :
		    "does not stop");
	target_close(t);
	return st;
}

static int
scan_core(struct scan *scan, const struct settings *s)
{
	int st;

	scan->places.round = 1;
	st = target_walk_core(s->core, &scan->places.bytes, on_memory, scan);
	if (st == ST_OK)
		scan->places.done = 1;
	else
		(void)fprintf(stderr, "memscan: %s: %s\n", s->core,
		    st == ST_SYSTEM ? strerror(errno) : "no core file");
	return st;
}

/* The exit code of the child, and the word for it. */
static int
judge(const struct settings *s, const struct places_count *c, int st,
    const char **what)
{
	if (c->unlocked > 0 || (s->expect_none && c->locked > 0)) {
		*what = "found";
		return CHILD_FOUND;
	}
	*what = "unscannable";
	if (st != ST_OK)
		return EXIT_UNKNOWN;
	*what = "nothing-public-seen";
	if (s->require_public && !c->public_all)
		return EXIT_UNKNOWN;
	*what = "too-few-locked";
	if (c->locked < s->expect_min)
		return EXIT_UNKNOWN;
	*what = "clean";
	return CHILD_CLEAN;
}

static int
scan_all(const struct settings *s, const struct needles *needles)
{
	struct scan scan = { .finder = finder_new(needles, s->window) };
	struct places_count count;
	const char *what;
	int st, code;

	st = s->core != NULL ? scan_core(&scan, s) : scan_process(&scan, s);
	count = places_count(&scan.places, needles);
	code = judge(s, &count, st, &what);
	(s->json ? places_print_json : places_print)(&scan.places, &count,
	    what, stdout);
	finder_free(scan.finder);
	places_fini(&scan.places);
	return code;
}

/*
 * What is looked for.
 */

static int
print_names(const struct needles *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (printf("%s %s:%s %zu%s\n", all->list[i].key,
		    all->list[i].layout, all->list[i].number,
		    all->list[i].len, all->list[i].secret ? "" :
		    " public") < 0)
			return EXIT_UNKNOWN;
	return CHILD_CLEAN;
}

static int
print_needle(const struct needles *all, const char *which)
{
	char name[64];

	for (size_t i = 0; i < all->n; i++) {
		const struct needle *x = &all->list[i];

		(void)snprintf(name, sizeof(name), "%s:%s", x->layout,
		    x->number);
		if (strcmp(name, which) == 0)
			return fwrite(x->bytes, 1, x->len, stdout) == x->len ?
			    CHILD_CLEAN : EXIT_UNKNOWN;
	}
	(void)fprintf(stderr, "memscan: the key has no %s\n", which);
	return EXIT_UNKNOWN;
}

/* All of the work, in the child. */
static int
run(const struct settings *s)
{
	struct secret_options memory = { .want = SECRET_AUTO,
		.allow_unlocked = true };
	struct needles needles = { .list = NULL };
	int code = EXIT_UNKNOWN;
	char why[512];

	if (vault_open(&memory, VAULT_LOAD, 0, why, sizeof(why)) != ST_OK) {
		(void)fprintf(stderr, "memscan: %s\n", why);
		goto out;
	}
	if (vault_crypto() != ST_OK) {
		(void)fprintf(stderr, "memscan: cannot set up libcrypto\n");
		goto out;
	}
	for (char **file = s->files; *file != NULL; file++)
		if (needles_add_file(&needles, *file, why,
		    sizeof(why)) != ST_OK) {
			(void)fprintf(stderr, "memscan: %s: %s\n", *file,
			    why);
			goto out;
		}
	if (s->names)
		code = print_names(&needles);
	else if (s->print != NULL)
		code = print_needle(&needles, s->print);
	else
		code = scan_all(s, &needles);
	if (fflush(stdout) != 0)
		code = EXIT_UNKNOWN;
out:
	needles_fini(&needles);
	vault_close();
	return code;
}

/* Told to end: the scanner first, and nothing is left stopped. */
static void
on_signal(int sig)
{
	(void)sig;
	(void)kill((pid_t)child_pid, SIGKILL);
	/* Until it is gone it may still stop the process once more. */
	(void)waitpid((pid_t)child_pid, NULL, 0);
	if (stopped_pid > 0)
		(void)kill((pid_t)stopped_pid, SIGCONT);
	_exit(EXIT_UNKNOWN);
}

int
main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct settings s;
	sigset_t all, old;
	int status;
	pid_t pid;

	parse(argc, argv, &s);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &old);
	if ((pid = fork()) < 0) {
		(void)fprintf(stderr, "memscan: %s\n", strerror(errno));
		return EXIT_UNKNOWN;
	}
	if (pid == 0) {
		(void)sigprocmask(SIG_SETMASK, &old, NULL);
		exit(run(&s));
	}
	child_pid = pid;
	stopped_pid = s.stop ? s.pid : 0;
	(void)sigaction(SIGINT, &act, NULL);
	(void)sigaction(SIGTERM, &act, NULL);
	(void)sigaction(SIGHUP, &act, NULL);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	while (waitpid(pid, &status, 0) < 0)
		assert(errno == EINTR);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_CLEAN)
		return EXIT_CLEAN;
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_FOUND)
		return EXIT_FOUND;
	if (s.stop && s.pid > 0)
		(void)kill(s.pid, SIGCONT);
	if (!WIFEXITED(status))
		(void)fprintf(stderr, "memscan: the scanner died of signal "
		    "%d\n", WTERMSIG(status));
	return EXIT_UNKNOWN;
}
