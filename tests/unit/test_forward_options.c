/*
 * The command line of bottle-forward.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "forwarder/options.h"

#define ARGS_MAX	64
#define WHY_MAX		512

/* A command line that was parsed. */
struct line {
	char			 text[1024];
	char			*argv[ARGS_MAX];
	int			 argc;
	struct forward_options	 opts;
	char			 why[WHY_MAX];
	int			 st;
};

/* Parse ${words}, separated by single blanks; '' stands for an empty word and
 * ~ for a blank in one. */
static void
parse(struct line *l, const char *words)
{
	static char program[] = "bottle-forward";
	char *save = NULL;
	char *word, *tilde;

	assert_true(strlen(words) < sizeof(l->text));
	memcpy(l->text, words, strlen(words) + 1);
	l->argc = 0;
	l->argv[l->argc++] = program;
	for (word = strtok_r(l->text, " ", &save); word != NULL;
	    word = strtok_r(NULL, " ", &save)) {
		if (strcmp(word, "''") == 0)
			word[0] = '\0';
		while ((tilde = strchr(word, '~')) != NULL)
			*tilde = ' ';
		assert_true(l->argc < ARGS_MAX - 1);
		l->argv[l->argc++] = word;
	}
	l->argv[l->argc] = NULL;
	l->st = forward_options_parse(l->argc, l->argv, &l->opts, l->why,
	    sizeof(l->why));
}

static void
parse_ok(struct line *l, const char *words)
{
	parse(l, words);
	if (l->st != ST_OK)
		fail_msg("\"%s\" was refused: %s", words, l->why);
	assert_string_equal(l->why, "");
}

static void
connect_needs_a_host_and_a_port_only(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "connect example.com 22");
	assert_int_equal(l.opts.command, FORWARD_CONNECT);
	assert_string_equal(l.opts.target.authority, "example.com:22");
	assert_null(l.opts.proxy);
	assert_null(l.opts.auth_file);
	assert_int_equal(l.opts.auth_fd, -1);
	assert_int_equal(l.opts.n_extra, 0);
	assert_false(l.opts.fdpass);
	assert_false(l.opts.check);
	assert_false(l.opts.help || l.opts.version || l.opts.verbose);
	assert_int_equal(l.opts.connect_s, 10);
	assert_int_equal(l.opts.answer_s, 30);
}

static void
every_option_is_taken(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "connect --proxy http://p:3128 --auth-file /f "
	    "--header X-A:~1 --header=X-B:2 --check --connect-timeout 1m30s "
	    "--answer-timeout=5 -v ::1 22");
	assert_string_equal(l.opts.proxy, "http://p:3128");
	assert_string_equal(l.opts.auth_file, "/f");
	assert_int_equal(l.opts.n_extra, 2);
	assert_string_equal(l.opts.extra[0], "X-A: 1");
	assert_string_equal(l.opts.extra[1], "X-B:2");
	assert_true(l.opts.check);
	assert_int_equal(l.opts.connect_s, 90);
	assert_int_equal(l.opts.answer_s, 5);
	assert_true(l.opts.verbose);
	assert_string_equal(l.opts.target.authority, "[::1]:22");
	parse_ok(&l, "-v connect --fdpass --auth-fd 3 -- h 1");
	assert_true(l.opts.fdpass);
	assert_true(l.opts.verbose);
	assert_int_equal(l.opts.auth_fd, 3);
	parse_ok(&l, "connect -vv --verbose h 1");
	assert_true(l.opts.verbose);
	parse_ok(&l, "connect --check --auth-fd 0 h 1");
	assert_int_equal(l.opts.auth_fd, 0);
	parse_ok(&l, "connect --fdpass --auth-fd 0 h 1");
	assert_int_equal(l.opts.auth_fd, 0);
	parse_ok(&l, "connect --proxy direct h 1");
	assert_string_equal(l.opts.proxy, "direct");
}

static void
place_needs_nothing(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "place");
	assert_int_equal(l.opts.command, FORWARD_PLACE);
	assert_int_equal(l.opts.silence_s, 120);
	assert_false(l.opts.verbose);
	parse_ok(&l, "place --silence-timeout 1m30s -v");
	assert_int_equal(l.opts.silence_s, 90);
	assert_true(l.opts.verbose);
	assert_null(l.opts.user);
	parse_ok(&l, "place --user node");
	assert_string_equal(l.opts.user, "node");
}

static void
remove_needs_nothing(void **state)
{
	struct line l;

	(void)state;
	parse_ok(&l, "remove");
	assert_int_equal(l.opts.command, FORWARD_REMOVE);
	assert_string_equal(l.opts.name, "default");
	assert_false(l.opts.every_load);
	assert_null(l.opts.home);
	assert_null(l.opts.user);
	parse_ok(&l, "remove --name a-b --home /h --user node -v");
	assert_string_equal(l.opts.name, "a-b");
	assert_string_equal(l.opts.home, "/h");
	assert_string_equal(l.opts.user, "node");
	parse_ok(&l, "remove --every-load");
	assert_true(l.opts.every_load);
}

static void
remove_takes_names_and_homes_only(void **state)
{
	static const char *const bad[] = { "remove --name ''",
		"remove --name .a", "remove --name a/b", "remove --name a~b",
		"remove --home ''", "remove --home h", "remove x",
		"remove --name a --every-load", "remove --silence-timeout 5",
		"place --name a", "connect --every-load h 1" };
	char words[256];
	struct line l;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		parse(&l, bad[i]);
		if (l.st != ST_MALFORMED || l.why[0] == '\0')
			fail_msg("\"%s\" was taken", bad[i]);
	}
	for (int n = 64; n <= 65; n++) {
		(void)snprintf(words, sizeof(words), "remove --name %.*s", n,
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		    "xxxxxxxxxxxx");
		parse(&l, words);
		assert_int_equal(l.st, n == 64 ? ST_OK : ST_MALFORMED);
	}
}

static void
the_first_help_or_version_ends_the_parse(void **state)
{
	static const struct {
		const char		*words;
		bool			 help;	/* else the version */
		enum forward_command	 command;
	} t[] = {
		{ "--help", true, FORWARD_COMMANDS },
		{ "-h", true, FORWARD_COMMANDS },
		{ "--version", false, FORWARD_COMMANDS },
		{ "-V", false, FORWARD_COMMANDS },
		{ "connect --help", true, FORWARD_CONNECT },
		{ "connect -V", false, FORWARD_CONNECT },
		{ "place -h --nonsense", true, FORWARD_PLACE },
		{ "place -V", false, FORWARD_PLACE },
		{ "-hV", true, FORWARD_COMMANDS },
		{ "-Vh", false, FORWARD_COMMANDS },
		{ "--help --nonsense", true, FORWARD_COMMANDS },
		{ "connect --proxy x -h h", true, FORWARD_CONNECT },
		{ "-v --help", true, FORWARD_COMMANDS },
	};
	struct line l;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		parse_ok(&l, t[i].words);
		assert_int_equal(l.opts.help, t[i].help);
		assert_int_equal(l.opts.version, !t[i].help);
		assert_int_equal(l.opts.command, t[i].command);
	}
}

static void
wrong_use_is_said_in_one_line(void **state)
{
	static const struct {
		const char	*words;
		const char	*why;
	} t[] = {
		{ "", "say what to do: bottle-forward connect HOST PORT" },
		{ "-v", "say what to do: bottle-forward connect HOST PORT" },
		{ "''", "unknown command ; there are connect, place and remove" },
		{ "conect h 22", "unknown command conect; did you mean connect?" },
		{ "a\x1b[m", "unknown command a\\x1b[m; there are connect, "
		    "place and remove" },
		{ "connect", "HOST and PORT are missing: bottle-forward "
		    "connect [OPTION ...] HOST PORT" },
		{ "connect h", "HOST and PORT are missing: bottle-forward "
		    "connect [OPTION ...] HOST PORT" },
		{ "connect h 22 x", "too many words: bottle-forward connect "
		    "[OPTION ...] HOST PORT" },
		/* Options stand before the words. */
		{ "connect h 22 -v", "too many words: bottle-forward connect "
		    "[OPTION ...] HOST PORT" },
		{ "connect -- -v h 22", "too many words: bottle-forward "
		    "connect [OPTION ...] HOST PORT" },
		{ "connect h 0",
		    "PORT \"0\": not a number from 1 to 65535" },
		{ "connect -- -h 22", "HOST \"-h\": a host name does not "
		    "begin with -" },
		{ "connect '' 22", "HOST is empty" },
		{ "--proxy x connect h 22", "--proxy goes behind connect" },
		{ "--check connect h 22", "--check goes behind connect" },
		{ "connect --prox x h 22",
		    "unknown option --prox; did you mean --proxy?" },
		{ "connect -x h 22", "unknown option -x; see --help" },
		{ "connect --proxy", "--proxy needs URL" },
		{ "connect --proxy a --proxy b h 22",
		    "--proxy is given twice" },
		{ "connect --check --check h 22", "--check is given twice" },
		{ "connect --auth-fd 3 --auth-fd 3 h 22",
		    "--auth-fd is given twice" },
		{ "connect --check=1 h 22", "--check takes no value" },
		{ "connect --auth-file f --auth-fd 3 h 22",
		    "--auth-file and --auth-fd: give one of them" },
		{ "connect --fdpass --check h 22",
		    "--fdpass and --check: give one of them" },
		{ "connect --auth-fd 0 h 22",
		    "--auth-fd 0: stdin is what goes through the tunnel" },
		{ "connect --auth-fd 1 h 22", "--auth-fd takes the number of "
		    "a descriptor that is open for reading" },
		{ "connect --auth-fd 2 h 22", "--auth-fd takes the number of "
		    "a descriptor that is open for reading" },
		{ "connect --auth-fd -1 h 22", "--auth-fd takes the number of "
		    "a descriptor that is open for reading" },
		{ "connect --auth-fd x h 22", "--auth-fd takes the number of "
		    "a descriptor that is open for reading" },
		{ "connect --auth-fd 2147483648 h 22", "--auth-fd takes the "
		    "number of a descriptor that is open for reading" },
		{ "connect --proxy direct --auth-file f h 22",
		    "--auth-file means nothing without a proxy" },
		{ "connect --proxy direct --auth-fd 3 h 22",
		    "--auth-fd means nothing without a proxy" },
		{ "connect --proxy direct --header A:b h 22",
		    "--header means nothing without a proxy" },
		{ "connect --proxy DIRECT --header A:b h 22",
		    "--header means nothing without a proxy" },
		{ "place x", "too many words: bottle-forward place "
		    "[OPTION ...]" },
		{ "--silence-timeout 3 place",
		    "--silence-timeout goes behind place" },
		{ "--silence-timeout 3 connect h 22",
		    "--silence-timeout goes with place, not with connect" },
		{ "connect --silence-timeout 3 h 22",
		    "--silence-timeout goes with place, not with connect" },
		{ "connect --user node h 22",
		    "--user goes with place and remove, not with connect" },
		{ "place --user a --user b", "--user is given twice" },
		{ "--check place",
		    "--check goes with connect, not with place" },
		{ "place --check",
		    "--check goes with connect, not with place" },
		{ "place --proxy x",
		    "--proxy goes with connect, not with place" },
		{ "place --usr x",
		    "unknown option --usr; did you mean --user?" },
		{ "connect -check h 22",
		    "unknown option -check; did you mean --check?" },
		{ "connect --header nothing h 22",
		    "--header: not NAME: VALUE" },
		{ "connect --header Host:x h 22", "--header: host is sent by "
		    "bottle-forward itself, or not at all" },
	};
	struct line l;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		parse(&l, t[i].words);
		assert_int_equal(l.st, ST_MALFORMED);
		assert_string_equal(l.why, t[i].why);
	}
}

static void
times_are_1_second_to_1_day(void **state)
{
	static const struct {
		const char	*time;
		uint32_t	 s;	/* 0: refused */
	} t[] = {
		{ "1", 1 }, { "1s", 1 }, { "86400", 86400 }, { "1d", 86400 },
		{ "24h", 86400 }, { "1m30s", 90 },
		{ "0", 0 }, { "86401", 0 }, { "1d1s", 0 }, { "", 0 },
		{ "-1", 0 }, { "x", 0 }, { "1x", 0 }, { "1.5", 0 },
		{ "99999999999", 0 },
	};
	char words[128], wanted[128];
	struct line l;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)snprintf(words, sizeof(words),
		    "connect --connect-timeout=%s h 22", t[i].time);
		parse(&l, words);
		assert_int_equal(l.st, t[i].s > 0 ? ST_OK : ST_MALFORMED);
		if (t[i].s > 0)
			assert_int_equal(l.opts.connect_s, t[i].s);
		(void)snprintf(words, sizeof(words),
		    "connect --answer-timeout=%s h 22", t[i].time);
		parse(&l, words);
		assert_int_equal(l.st, t[i].s > 0 ? ST_OK : ST_MALFORMED);
		(void)snprintf(words, sizeof(words),
		    "place --silence-timeout=%s", t[i].time);
		parse(&l, words);
		assert_int_equal(l.st, t[i].s > 0 ? ST_OK : ST_MALFORMED);
		if (t[i].s > 0)
			assert_int_equal(l.opts.silence_s, t[i].s);
		(void)snprintf(words, sizeof(words),
		    "connect --answer-timeout=%s h 22", t[i].time);
		parse(&l, words);
		if (t[i].s > 0) {
			assert_int_equal(l.opts.answer_s, t[i].s);
			continue;
		}
		(void)snprintf(wanted, sizeof(wanted), "--answer-timeout takes "
		    "a time of 1 second to 1 day, like 20 or 1m30s");
		assert_string_equal(l.why, wanted);
	}
}

static void
sixteen_headers_are_taken(void **state)
{
	char words[1024];
	struct line l;
	size_t len, i, n;

	(void)state;
	for (n = HTTPCONNECT_EXTRA_MAX; n <= HTTPCONNECT_EXTRA_MAX + 1; n++) {
		len = (size_t)snprintf(words, sizeof(words), "connect");
		for (i = 0; i < n; i++)
			len += (size_t)snprintf(words + len,
			    sizeof(words) - len, " --header X-%zu:y", i);
		(void)snprintf(words + len, sizeof(words) - len, " h 22");
		parse(&l, words);
		if (n == HTTPCONNECT_EXTRA_MAX) {
			assert_int_equal(l.st, ST_OK);
			assert_int_equal(l.opts.n_extra, n);
			assert_string_equal(l.opts.extra[n - 1], "X-15:y");
			continue;
		}
		assert_int_equal(l.st, ST_MALFORMED);
		assert_string_equal(l.why, "--header can be given 16 times");
	}
}

static void
help_of_a_command_has_its_options_only(void **state)
{
	char *text = forward_options_usage(FORWARD_PLACE);

	(void)state;
	assert_non_null(text);
	assert_non_null(strstr(text, "usage: bottle-forward place"));
	assert_non_null(strstr(text, "--silence-timeout TIME"));
	assert_non_null(strstr(text, "-v, --verbose"));
	assert_null(strstr(text, "--proxy"));
	assert_null(strstr(text, "With connect"));
	free(text);
	text = forward_options_usage(FORWARD_CONNECT);
	assert_non_null(text);
	assert_non_null(strstr(text, "--proxy URL"));
	assert_null(strstr(text, "--user"));
	free(text);
}

static void
help_names_every_option(void **state)
{
	static const char *const names[] = {
		"--proxy URL", "--auth-file FILE", "--auth-fd N",
		"--header LINE", "--fdpass", "--check",
		"--connect-timeout TIME", "--answer-timeout TIME",
		"--silence-timeout TIME", "--user NAME", "-v, --verbose",
		"-h, --help", "-V, --version",
	};
	char *text = forward_options_usage(FORWARD_COMMANDS);
	const char *line;
	size_t i;

	(void)state;
	assert_non_null(text);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strstr(text, names[i]) == NULL)
			fail_msg("no %s", names[i]);
	for (line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 80);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connect_needs_a_host_and_a_port_only),
		cmocka_unit_test(every_option_is_taken),
		cmocka_unit_test(place_needs_nothing),
		cmocka_unit_test(remove_needs_nothing),
		cmocka_unit_test(remove_takes_names_and_homes_only),
		cmocka_unit_test(the_first_help_or_version_ends_the_parse),
		cmocka_unit_test(wrong_use_is_said_in_one_line),
		cmocka_unit_test(times_are_1_second_to_1_day),
		cmocka_unit_test(sixteen_headers_are_taken),
		cmocka_unit_test(help_of_a_command_has_its_options_only),
		cmocka_unit_test(help_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
