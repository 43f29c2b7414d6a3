/*
 * agent-conformance - what an SSH agent does, requirement by requirement;
 * usage_text says how it is used.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance/faults.h"
#include "conformance/report.h"

#define PATIENCE_MS	5000
#define PATIENCE_MAX_MS	600000
/* In the self test some lies are silence. */
#define SHORT_MS	3000
/* Lies that are told at once: they wait, mostly. */
#define AT_ONCE		16
#define LIES_MAX	64

static const char usage_text[] =
    "usage: agent-conformance [options] COMMAND [ARGUMENT...]\n"
    "       agent-conformance [options] --socket PATH\n"
    "       agent-conformance --table NAME=FILE...\n"
    "What an SSH agent does, by RFC 9987 and as OpenSSH's agent does it,\n"
    "requirement by requirement.\n"
    "\n"
    "The command must stay in the foreground and listen on the socket whose\n"
    "path is put in the place of %s; without a %s, of SSH_AUTH_SOCK:\n"
    "    agent-conformance ssh-agent -D -a %s\n"
    "It may also be one argument, which is divided at blanks.\n"
    "\n"
    "  --socket PATH    an agent that is there already. Its keys are removed:\n"
    "                   one that has some is not touched, but with --wipe\n"
    "  --wipe           remove the keys that an agent has at the beginning\n"
    "  --json, --markdown, --verdicts\n"
    "                   how the result is printed: else as text for people\n"
    "  --expect FILE    compare with what --verdicts has printed into FILE\n"
    "  --only PREFIX    only requirements whose name begins so\n"
    "  --patience MS    how long an answer may take (5000)\n"
    "  --name NAME      what the agent is called in what is printed\n"
    "  --self-test      put mistakes between, and see that each is found, and\n"
    "                   that each requirement fails by one\n"
    "  --table          print files of verdicts as one table, as it stands in\n"
    "                   docs/CONFORMANCE.md\n"
    "  --help           this text\n"
    "\n"
    "Exit code: 0 nothing that must be is missing (with --expect: all is as\n"
    "there), 1 something is, 2 the test itself failed, or the agent is gone.\n";

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_MARKDOWN, FORMAT_VERDICTS };

struct settings {
	enum format	 format;
	const char	*socket, *expect, *name, *only;
	int		 patience_ms;
	bool		 wipe, self_test, table;
};

static struct side side = { .label = "agent" };
static struct report report;

/* What was not printed must not count as said. */
static int
finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	(void)fprintf(stderr, "%s: what was found cannot be printed: %s\n",
	    program_invocation_short_name, strerror(errno));
	return 2;
}

/* No connection may become what is printed to, or what is read. */
static void
fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	(void)close(fd);
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

/* Milliseconds. */
static int
read_patience(const char *text)
{
	char *end;
	long ms = strtol(text, &end, 10);

	if (end == text || *end != '\0' || ms < 1 || ms > PATIENCE_MAX_MS)
		die("--patience wants milliseconds from 1 to %d, not %s",
		    PATIENCE_MAX_MS, text);
	return (int)ms;
}

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
		{ "help", no_argument, NULL, 'h' },
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
		case 'p': out->patience_ms = read_patience(optarg); break;
		case 'n': out->name = optarg; break;
		case 'l': out->self_test = true; break;
		case 't': out->table = true; break;
		case 'h':
			(void)fputs(usage_text, stdout);
			exit(finish(0));
		default: die("--help lists the options");
		}
	}
	if (out->table && optind == argc)
		die("--table wants NAME=FILE, with what --verdicts has "
		    "printed into FILE");
	if (!out->table && (out->socket == NULL) == (optind == argc))
		die("wants the command of an agent, as in: ssh-agent -D -a "
		    "%%s; or --socket PATH; and not both. --help says more");
	if (out->socket != NULL && *out->socket == '\0')
		die("--socket wants a path; is SSH_AUTH_SOCK not set?");
	if (out->expect != NULL)
		report_read_expected(out->expect);
	return optind;
}

/* A command that is one argument, in words. */
static void
set_words(char *text)
{
	char *save;
	int n = 0;

	for (text = strtok_r(text, " \t", &save); text != NULL;
	    text = strtok_r(NULL, " \t", &save)) {
		if (n == SIDE_ARGS_MAX)
			die("a command of more than %d words; put it into a "
			    "script", SIDE_ARGS_MAX);
		side.args[n++] = text;
	}
	if (n == 0)
		die("the command of the agent is empty");
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
			die("the path of the socket is longer than %zu "
			    "bytes: make a symbolic link to it",
			    sizeof(side.sock) - 1);
		return;
	}
	if (argc == 1) {
		set_words(argv[0]);
		return;
	}
	if (argc > SIDE_ARGS_MAX)
		die("a command of more than %d words; put it into a script",
		    SIDE_ARGS_MAX);
	for (int i = 0; i < argc; i++)
		side.args[i] = argv[i];
}

/* Whether a request succeeds. */
static bool
succeeds(struct probe *p, struct slice body)
{
	struct answer a = ask(p, 0, body);

	return answer_code(&a) == SSH_AGENT_SUCCESS;
}

/* Whether it may be locked, so that its keys cannot be seen. */
static bool
may_be_locked(struct probe *p)
{
	const struct material_key *k = fresh_key(p);

	if (succeeds(p, text_body(SSH_AGENTC_LOCK, PASSPHRASE)))
		return !succeeds(p, text_body(SSH_AGENTC_UNLOCK, PASSPHRASE));
	if (!succeeds(p, add_body(k, nothing, k->label, nothing)))
		return true;
	(void)succeeds(p, remove_body(k->blob));
	return false;
}

/* Leave the keys alone that somebody needs: an agent that is started may have
 * a store of them. */
static void
protect(struct probe *p)
{
	int n = list_count(p, 0);

	if (n < 0 && side.foreign)
		die("the agent at %s gives no list", side.sock);
	if (n > 0 && side.foreign)
		die("the agent at %s has %d keys, which would be removed; "
		    "start an empty one, or use --wipe", side.sock, n);
	if (n > 0)
		die("%s has %d keys when it is started, which would be "
		    "removed; start it with none, or use --wipe",
		    side.args[0], n);
	if (side.foreign && may_be_locked(p))
		die("the agent at %s takes no key and cannot be locked: it "
		    "may be locked, with keys that would be removed; unlock "
		    "it (ssh-add -X), or use --wipe", side.sock);
	side_close_all(&side);
	side_forget(&side);
}

/* Be ready to unlock somebody's agent and to remove our keys from it, when a
 * signal comes. */
static void
prepare_end(void)
{
	static uint8_t room[128];
	struct wire_writer w = wire_writer(room, sizeof(room));

	wire_put_string(&w, text_body(SSH_AGENTC_UNLOCK, PASSPHRASE));
	wire_put_string(&w, BODY(SSH_AGENTC_REMOVE_ALL_IDENTITIES));
	side_last_words = (struct slice){ room, w.len };
}

/* Check all requirements. */
static int
test(const struct settings *set)
{
	struct probe p = { .side = &side };
	bool same = true;

	side_guard();
	side_start(&side);
	if (!side_alive(&side))
		die("no agent takes a connection at %s: %s; start one there, "
		    "or give the command that does", side.sock,
		    strerror(errno));
	if (!set->wipe)
		protect(&p);
	prepare_end();
	probe_learn(&p);
	report_run(&report, &p);
	side_stop(&side);
	if (set->expect != NULL)
		same = report_expect(&report, set->expect);
	else
		show(set);
	side_where[0] = '\0';
	if (set->expect != NULL ? !same :
	    report_failed(&report, LEVEL_MUST) > 0)
		return 1;
	if (!p.gone || set->expect != NULL)
		return 0;
	(void)fprintf(stderr, "%s: the agent at %s is gone: not all could be "
	    "told\n", program_invocation_short_name, side.sock);
	return 2;
}

/*
 * The self test.
 */

struct matrix {
	size_t		 n;		/* lies; the first is none */
	const struct lie *lies[LIES_MAX];
	uint64_t	 told[LIES_MAX];	/* how often */
	enum verdict	 verdicts[LIES_MAX][REQUIREMENTS_MAX];
};

/* In a child: one lie, and what becomes of the requirements. */
static void __attribute__((__noreturn__))
tell(struct matrix *m, size_t i)
{
	struct probe p = { .side = &side };

	/* Not to go on when the test was ended. */
	(void)prctl(PR_SET_PDEATHSIG, (unsigned long)SIGTERM, 0L, 0L, 0L);
	/* Its own strays are adopted; handlers are there. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
	side_start(&side);
	probe_learn(&p);
	side.lie = m->lies[i];
	report_run(&report, &p);
	for (size_t j = 0; j < report.n; j++)
		m->verdicts[i][j] = report.results[j].verdict;
	m->told[i] = side.told;
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

/* The first requirement that a lie makes fail, or n: there is none. */
static size_t
find_failure(const struct matrix *m, size_t lie)
{
	size_t j = 0;

	while (j < report.n && (m->verdicts[0][j] != VERDICT_PASS ||
	    m->verdicts[lie][j] != VERDICT_FAIL))
		j++;
	return j;
}

/* Whether all is as without a lie, and may be: the agent fails, perhaps
 * because it does by itself what the lie says, or not all is looked at. */
static bool
is_no_lie(const struct matrix *m, size_t lie, bool part)
{
	bool fails_one = part;

	for (size_t j = 0; j < report.n; j++) {
		if (m->verdicts[0][j] != m->verdicts[lie][j])
			return false;
		fails_one = fails_one || m->verdicts[0][j] == VERDICT_FAIL;
	}
	return fails_one;
}

/* Whether each lie is found; the first requirement that fails is named. */
static bool
judge_lies(const struct matrix *m, bool part)
{
	const char *word, *id;
	bool good = true;
	size_t j;

	for (size_t i = 1; i < m->n; i++) {
		j = find_failure(m, i);
		id = j < report.n ? report.results[j].requirement->id : NULL;
		if (id != NULL)
			word = "found";
		else if (m->told[i] == 0 && !m->lies[i]->twice)
			word = "not told";
		else if (is_no_lie(m, i, part))
			word = "no change";
		else
			word = "NOT FOUND";
		good = good && strcmp(word, "NOT FOUND") != 0;
		(void)printf("%-9s %s%s%s\n", word, m->lies[i]->name,
		    id != NULL ? ": " : "", id != NULL ? id : "");
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
self_test(const struct settings *set)
{
	struct probe p = { .side = &side };
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
	side_guard();
	side_start(&side);
	if (!set->wipe)
		protect(&p);
	side_stop(&side);
	tell_all(m);
	good = judge_lies(m, *set->only != '\0');
	return judge_requirements(m) && good ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct settings set;
	int at;

	fill_standard();
	at = read_settings(argc, argv, &set);
	if (set.table) {
		report_print_table(argv + at, (size_t)(argc - at), stdout);
		return finish(0);
	}
	set_side(&set, argc - at, argv + at);
	report_init(&report, set.name != NULL ? set.name :
	    set.socket != NULL ? set.socket : side.args[0], set.only);
	if (report.n == 0)
		die("no requirement's name begins with %s; without --only all "
		    "are printed", set.only);
	material_make();
	return finish(set.self_test ? self_test(&set) : test(&set));
}
