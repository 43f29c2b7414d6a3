/*
 * agent-conformance - what an SSH agent does, requirement by requirement.
 *
 * usage: agent-conformance [options] COMMAND [ARGUMENT...]
 *        agent-conformance [options] --socket PATH
 *        agent-conformance --table NAME=FILE...
 *	--socket PATH	an agent that is there already.  Its keys are removed:
 *			one that has some is not touched, but with --wipe
 *	--wipe		remove them
 *	--json, --markdown, --verdicts
 *			how the result is printed: else as text for people
 *	--expect FILE	compare with what --verdicts has printed into FILE
 *	--only PREFIX	only requirements whose name begins so
 *	--patience MS	how long an answer may take (5000)
 *	--name NAME	what the agent is called in what is printed
 *	--self-test	put each mistake of lies.c and faults.c between, and see
 *			that it is found, and each requirement fails by one
 *	--table		print files of verdicts as one table, as it stands in
 *			docs/CONFORMANCE.md
 *
 * The command must stay in the foreground and listen on the socket whose path
 * is in the place of "%s" in its arguments; without that, of SSH_AUTH_SOCK.
 *
 * Exit code: 0 nothing that must be is missing (with --expect: all is as
 * there), 1 something is, 2 the test itself failed.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance/faults.h"
#include "conformance/report.h"

#define PATIENCE_MS	5000
/* In the self test some lies are silence. */
#define SHORT_MS	1000
/* Lies that are told at once: they wait, mostly. */
#define AT_ONCE		16
#define LIES_MAX	64

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_MARKDOWN, FORMAT_VERDICTS };

struct settings {
	enum format	 format;
	const char	*socket, *expect, *name, *only;
	int		 patience_ms;
	bool		 wipe, self_test, table;
};

static struct side side = { .label = "agent" };
static struct report report;

/* Read the options; the index of what follows. */
static int
read_settings(int argc, char **argv, struct settings *out)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "wipe", no_argument, NULL, 'w' },
		{ "json", no_argument, NULL, 'j' },
		{ "markdown", no_argument, NULL, 'm' },
		{ "verdicts", no_argument, NULL, 'v' },
		{ "expect", required_argument, NULL, 'e' },
		{ "only", required_argument, NULL, 'o' },
		{ "patience", required_argument, NULL, 'p' },
		{ "name", required_argument, NULL, 'n' },
		{ "self-test", no_argument, NULL, 'l' },
		{ "table", no_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*out = (struct settings){ .patience_ms = PATIENCE_MS, .only = "" };
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (c) {
		case 's': out->socket = optarg; break;
		case 'w': out->wipe = true; break;
		case 'j': out->format = FORMAT_JSON; break;
		case 'm': out->format = FORMAT_MARKDOWN; break;
		case 'v': out->format = FORMAT_VERDICTS; break;
		case 'e': out->expect = optarg; break;
		case 'o': out->only = optarg; break;
		case 'p': out->patience_ms = atoi(optarg); break;
		case 'n': out->name = optarg; break;
		case 'l': out->self_test = true; break;
		case 't': out->table = true; break;
		default: exit(2);
		}
	}
	if (out->patience_ms <= 0)
		die("--patience wants milliseconds");
	if ((out->socket == NULL) == (optind == argc))
		die("wants the command of an agent, or --socket PATH; the "
		    "first lines of main.c say more");
	return optind;
}

/* Take the command or the socket. */
static void
set_side(const struct settings *set, int argc, char **argv)
{
	side.patience_ms = set->patience_ms;
	if (set->socket != NULL) {
		side.foreign = true;
		if (snprintf(side.sock, sizeof(side.sock), "%s",
		    set->socket) >= (int)sizeof(side.sock))
			die("the path of the socket is too long");
		return;
	}
	if (argc > SIDE_ARGS_MAX)
		die("a command of more than %d words", SIDE_ARGS_MAX);
	for (int i = 0; i < argc; i++)
		side.args[i] = argv[i];
}

/* Leave the keys alone that somebody needs. */
static void
protect(struct probe *p)
{
	int n = list_count(p, 0);

	if (n < 0)
		die("the agent at %s gives no list", side.sock);
	if (n > 0)
		die("the agent at %s has %d keys, which would be removed; "
		    "start an empty one, or use --wipe", side.sock, n);
	side_close_all(&side);
}

/* Print the result. */
static void
show(const struct settings *set)
{
	switch (set->format) {
	case FORMAT_TEXT: report_print_text(&report, stdout); break;
	case FORMAT_JSON: report_print_json(&report, stdout); break;
	case FORMAT_MARKDOWN: report_print_markdown(&report, stdout); break;
	case FORMAT_VERDICTS: report_print_verdicts(&report, stdout); break;
	}
}

/* Check all requirements. */
static int
test(const struct settings *set)
{
	struct probe p = { .side = &side };
	bool same = true;

	side_start(&side);
	if (side.foreign && !set->wipe)
		protect(&p);
	probe_learn(&p);
	report_run(&report, &p);
	side_stop(&side);
	if (set->expect != NULL)
		same = report_expect(&report, set->expect);
	else
		show(set);
	if (set->expect != NULL)
		return same ? 0 : 1;
	return report_failed(&report, LEVEL_MUST) > 0 ? 1 : 0;
}

/*
 * The self test.
 */

struct matrix {
	size_t		 n;		/* lies; the first is none */
	const struct lie *lies[LIES_MAX];
	enum verdict	 verdicts[LIES_MAX][REQUIREMENTS_MAX];
};

/* In a child: one lie, and what becomes of the requirements. */
static void __attribute__((__noreturn__))
tell(struct matrix *m, size_t i)
{
	struct probe p = { .side = &side };

	side_start(&side);
	probe_learn(&p);
	side.lie = m->lies[i];
	report_run(&report, &p);
	for (size_t j = 0; j < report.n; j++)
		m->verdicts[i][j] = report.results[j].verdict;
	exit(0);
}

/* Wait for one of the children. */
static void
await_child(void)
{
	int status;

	if (wait(&status) < 0)
		die("wait: %s", strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("a part of the self test failed");
}

/* Tell all lies. */
static void
tell_all(struct matrix *m)
{
	size_t running = 0;

	(void)fflush(NULL);
	for (size_t i = 0; i < m->n; i++) {
		if (running == AT_ONCE)
			await_child();
		else
			running++;
		switch (fork()) {
		case -1: die("fork: %s", strerror(errno));
		case 0: tell(m, i);
		default: break;
		}
	}
	while (running-- > 0)
		await_child();
}

/* Whether each lie is found; the first requirement that fails is named. */
static bool
judge_lies(const struct matrix *m)
{
	bool good = true;
	size_t j;

	for (size_t i = 1; i < m->n; i++) {
		for (j = 0; j < report.n; j++)
			if (m->verdicts[0][j] == VERDICT_PASS &&
			    m->verdicts[i][j] == VERDICT_FAIL)
				break;
		good = good && j < report.n;
		(void)printf("%-9s %s%s%s\n", j < report.n ? "found" :
		    "NOT FOUND", m->lies[i]->name, j < report.n ? ": " : "",
		    j < report.n ? report.results[j].requirement->id : "");
	}
	return good;
}

/* Whether each requirement that passes fails by some lie. */
static bool
judge_requirements(const struct matrix *m)
{
	size_t i, passed = 0;
	bool good = true;

	for (size_t j = 0; j < report.n; j++) {
		if (m->verdicts[0][j] != VERDICT_PASS)
			continue;
		passed++;
		for (i = 1; i < m->n; i++)
			if (m->verdicts[i][j] == VERDICT_FAIL)
				break;
		if (i < m->n)
			continue;
		(void)printf("NEVER FAILS %s\n",
		    report.results[j].requirement->id);
		good = false;
	}
	(void)printf("%zu requirements pass without a lie, %s\n", passed,
	    good ? "and each fails by some" : "and not each fails by some");
	return good && passed > 0;
}

static int
self_test(void)
{
	struct matrix *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool good;

	if (m == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	if (side.foreign)
		die("--self-test needs an agent that it can start");
	if (1 + n_lies + n_faults > LIES_MAX)
		die("too many lies");
	m->lies[m->n++] = NULL;
	for (size_t i = 0; i < n_lies; i++)
		m->lies[m->n++] = &lies[i];
	for (size_t i = 0; i < n_faults; i++)
		m->lies[m->n++] = &faults[i];
	side.patience_ms = SHORT_MS;
	tell_all(m);
	good = judge_lies(m);
	return judge_requirements(m) && good ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct settings set;
	int at = read_settings(argc, argv, &set);

	if (set.table) {
		report_print_table(argv + at, (size_t)(argc - at), stdout);
		return 0;
	}
	set_side(&set, argc - at, argv + at);
	material_make();
	report_init(&report, set.name != NULL ? set.name :
	    set.socket != NULL ? set.socket : argv[at], set.only);
	return set.self_test ? self_test() : test(&set);
}
