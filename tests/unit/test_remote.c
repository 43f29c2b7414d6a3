/*
 * Programs in a target: what they are given, what is kept of them, and what it
 * comes to.  The target is a command that does not care what it is to run.
 */

#include "provision/remote.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

/* Longer than any of this takes. */
#define LONG_MS		60000

static struct target target;
static struct remote_how how;
static struct remote_result r;

static int
setup(void **state)
{
	(void)state;
	how = (struct remote_how){ .target = &target, .path = "/bin:/usr/bin",
		.launch = { .program = "bottle-agent" }, .time_ms = LONG_MS,
		.out_max = 1000 };
	r = (struct remote_result){ .code = SESSION_DONE };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	remote_result_fini(&r);
	return 0;
}

/* The target is a shell that does this instead of what it is told: ${body} has
 * no single quotes. */
static void
there(const char *body)
{
	char text[2048], why[256];
	int n = snprintf(text, sizeof(text), "exec:sh -c '%s'", body);

	assert_true(n > 0 && (size_t)n < sizeof(text));
	assert_int_equal(target_parse(text, &target, why, sizeof(why)),
	    ST_OK);
}

static void
run(const char *body)
{
	there(body);
	remote_result_fini(&r);
	remote_run(&how, &r);
}

static void
expect(enum session_code code, int status, const char *said)
{
	if (r.code != code || r.status != status || r.end != LAUNCH_RAN ||
	    strstr(r.why, said) == NULL || (code == SESSION_DONE) !=
	    (r.why[0] == '\0'))
		fail_msg("code %d, end %d, status %d: %s", r.code, r.end,
		    r.status, r.why);
}

static void
what_it_prints_is_there(void **state)
{
	static const char *const args[] = { "--status", "--json" };

	(void)state;
	how.launch.args = args;
	how.launch.nargs = 2;
	how.launch.bin = "/opt/x";
	run("echo $0 $*; echo note >&2");
	expect(SESSION_DONE, 0, "");
	assert_string_equal(r.out.p, "/opt/x/bottle-agent --status --json\n");
	assert_string_equal(r.err.p, "note\n");
	remote_result_fini(&r);
	remote_result_fini(&r);
	assert_null(r.out.p);
}

/* More than a pipe holds, both ways at once. */
static void
all_of_the_input_is_read(void **state)
{
	const size_t len = 300000;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', len);
	how.input = (struct slice){ (const uint8_t *)text, len };
	how.out_max = len;
	run("cat");
	expect(SESSION_DONE, 0, "");
	assert_int_equal(r.out.len, len);
	/* Who reads nothing is no trouble. */
	run("exit 0");
	expect(SESSION_DONE, 0, "");
	how.input.len = 0;
	run("cat");
	expect(SESSION_DONE, 0, "");
	assert_int_equal(r.out.len, 0);
	free(text);
}

static void
codes_are_those_that_mean_something(void **state)
{
	static const struct {
		int			 status;
		enum session_code	 code;
	} row[] = {
		{ 1, SESSION_FAILED }, { 2, SESSION_USAGE },
		{ 3, SESSION_DENIED }, { 4, SESSION_MEMORY },
		{ 5, SESSION_UNREACHABLE }, { 6, SESSION_FAILED },
		{ 125, SESSION_FAILED }, { 255, SESSION_FAILED },
	};
	char body[64];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		(void)snprintf(body, sizeof(body), "echo so >&2; exit %d",
		    row[i].status);
		run(body);
		expect(row[i].code, row[i].status, "so");
	}
	run("kill -9 $$");
	expect(SESSION_FAILED, -1, "signal 9");
	run("exit 3");
	expect(SESSION_DENIED, 3, "bottle-agent failed with status 3");
}

static void
the_line_that_tells_is_taken(void **state)
{
	(void)state;
	run("echo >&2; echo bottle-agent: warning: beside it >&2; "
	    "echo bottle-agent: it is so >&2; echo more >&2; exit 1");
	expect(SESSION_FAILED, 1, "");
	assert_string_equal(r.why, "bottle-agent: it is so");
	run("echo first >&2; echo bottle-agent: info: x >&2; "
	    "echo bottle-agent: error: it is so >&2; exit 1");
	assert_string_equal(r.why, "bottle-agent: it is so");
	run("echo bottle-agent: warning: nothing else >&2; exit 1");
	assert_string_equal(r.why, "bottle-agent: warning: nothing else");
	/* Our own escapes stay; others get some. */
	run("printf \"a\\\\\\\\x1b[2J\\033[2J\\377\\n\" >&2; exit 1");
	assert_string_equal(r.why, "a\\x1b[2J\\x1b[2J\\xff");
}

static void
a_long_line_is_cut(void **state)
{
	(void)state;
	run("head -c 100000 /dev/zero >&2; exit 1");
	expect(SESSION_FAILED, 1, "\\x00\\x00");
	assert_true(strlen(r.why) < sizeof(r.why));
	assert_int_equal(r.err.len, REMOTE_ERR_MAX);
}

static void
another_version_is_told_of(void **state)
{
	(void)state;
	run("echo bottle-agent: unknown option --lock >&2; exit 2");
	expect(SESSION_USAGE, 2, "unknown option --lock");
	assert_non_null(strstr(r.advice, "not of this version"));
	run("echo bottle-agent: wrong >&2; exit 2");
	assert_string_equal(r.advice, "");
}

static void
the_cap_is_met_and_not_passed(void **state)
{
	(void)state;
	run("head -c 1000 /dev/zero");
	expect(SESSION_DONE, 0, "");
	assert_int_equal(r.out.len, 1000);
	run("head -c 1001 /dev/zero");
	expect(SESSION_FAILED, -1, "prints more than 1000 bytes");
	run("yes");
	expect(SESSION_FAILED, -1, "prints more than 1000 bytes");
}

static void
time_is_kept(void **state)
{
	int64_t begin = clock_ms();

	(void)state;
	how.time_ms = 1000;
	run("exec sleep 100");
	expect(SESSION_UNREACHABLE, -1, "did not answer within 1 s");
	assert_non_null(strstr(r.advice, "--timeout"));
	/* Nor does one that says things on stderr all the time. */
	run("exec yes >&2");
	expect(SESSION_UNREACHABLE, -1, "did not answer within 1 s");
	assert_true(clock_ms() - begin < 20000);
}

static void
what_was_not_run_is_said(void **state)
{
	char why[256];

	(void)state;
	run("exit 127");
	assert_int_equal(r.code, SESSION_UNREACHABLE);
	assert_int_equal(r.end, LAUNCH_NO_PROGRAM);
	assert_non_null(strstr(r.why, "there is no bottle-agent"));
	assert_true(r.advice[0] != '\0');
	run("exit 126");
	assert_int_equal(r.code, SESSION_UNREACHABLE);
	assert_int_equal(r.end, LAUNCH_CANNOT_RUN);

	/* Nobody there, and a command that is none. */
	assert_int_equal(target_parse("exec:/none/at-all", &target, why,
	    sizeof(why)), ST_OK);
	remote_run(&how, &r);
	assert_int_equal(r.code, SESSION_UNREACHABLE);
	assert_int_equal(r.status, -1);
	assert_true(r.why[0] != '\0');
	remote_shell(&how, "true", &r);
	assert_int_equal(r.code, SESSION_UNREACHABLE);
	assert_true(r.why[0] != '\0');
	/* No engine in PATH. */
	assert_int_equal(target_parse("web", &target, why, sizeof(why)),
	    ST_OK);
	how.path = "/none";
	remote_run(&how, &r);
	assert_int_equal(r.code, SESSION_UNREACHABLE);
	assert_non_null(strstr(r.why, "docker"));
}

static void
an_argument_that_cannot_be_is_wrong_use(void **state)
{
	static const char *const args[] = { "a b" };

	(void)state;
	how.launch.args = args;
	how.launch.nargs = 1;
	run("touch /tmp/must-not-be-run");
	assert_int_equal(r.code, SESSION_USAGE);
	assert_non_null(strstr(r.why, "a character"));
	remote_shell(&how, "true", &r);
	assert_int_equal(r.code, SESSION_USAGE);
	assert_int_not_equal(access("/tmp/must-not-be-run", F_OK), 0);
}

/* --- scripts -------------------------------------------------------------- */

static void
shell(const char *script)
{
	char why[256];

	assert_int_equal(target_parse("exec:env", &target, why, sizeof(why)),
	    ST_OK);
	remote_result_fini(&r);
	remote_shell(&how, script, &r);
}

static void
a_script_is_run_with_its_words(void **state)
{
	static const char *const args[] = { "one", "/two" };

	(void)state;
	how.launch.program = "the-look";
	how.launch.args = args;
	how.launch.nargs = 2;
	shell("printf '%s|' \"$1\" \"$2\" 'it''s'\n# a comment");
	expect(SESSION_DONE, 0, "");
	assert_string_equal(r.out.p, "one|/two|its|");
	shell("echo bad >&2; exit 4");
	expect(SESSION_MEMORY, 4, "bad");
	shell("exit 9");
	expect(SESSION_FAILED, 9, "");
}

/* What it runs cannot eat the rest of it. */
static void
a_script_is_whole(void **state)
{
	(void)state;
	shell("cat >/dev/null; echo here");
	expect(SESSION_DONE, 0, "");
	assert_string_equal(r.out.p, "here\n");
	/* One that is broken at its end has done nothing. */
	shell("echo done\nif true; then");
	assert_int_not_equal(r.code, SESSION_DONE);
	assert_int_equal(r.out.len, 0);
}

static void
no_shell_is_said(void **state)
{
	char why[256];

	(void)state;
	assert_int_equal(target_parse("exec:sh -c 'exit 127'", &target, why,
	    sizeof(why)), ST_OK);
	remote_shell(&how, "true", &r);
	assert_int_equal(r.end, LAUNCH_NO_SHELL);
	assert_int_equal(r.code, SESSION_UNREACHABLE);
	assert_non_null(strstr(r.why, "/bin/sh"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_it_prints_is_there,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(all_of_the_input_is_read,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    codes_are_those_that_mean_something, setup, teardown),
		cmocka_unit_test_setup_teardown(the_line_that_tells_is_taken,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(a_long_line_is_cut, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(another_version_is_told_of,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(the_cap_is_met_and_not_passed,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(time_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_not_run_is_said,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    an_argument_that_cannot_be_is_wrong_use, setup, teardown),
		cmocka_unit_test_setup_teardown(a_script_is_run_with_its_words,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(a_script_is_whole, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(no_shell_is_said, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
