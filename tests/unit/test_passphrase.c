/*
 * Passphrases: what is one, that a terminal shows nothing of it, and that its
 * echo is back whatever happens.  The terminal is a pseudo one, of a process
 * that has no other.
 */

#include "base/passphrase.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

/* Longer than any of this takes. */
#define LONG_MS	20000

static char room[PASSPHRASE_MAX];
static size_t len;

/* --- from a descriptor ---------------------------------------------------- */

/* Read it from a pipe that has these bytes; what is left stays in *${rest}. */
static int
from_pipe(const char *p, size_t n, ssize_t *rest)
{
	char more[8192];
	int fds[2], st;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], p, n), n);
	assert_int_equal(close(fds[1]), 0);
	memset(room, 'Z', sizeof(room));
	len = 99;
	st = passphrase_read(fds[0], room, &len);
	*rest = read(fds[0], more, sizeof(more));
	assert_int_equal(close(fds[0]), 0);
	return st;
}

static void
the_first_line_is_taken(void **state)
{
	static const struct {
		const char	*in, *is;
		ssize_t		 rest;
	} row[] = {
		{ "right", "right", 0 },
		{ "right\n", "right", 0 },
		{ "right\nwrong\n", "right", 6 },
		{ " with blanks \n", " with blanks ", 0 },
		{ "return\r\n", "return\r", 0 },
		{ "\xc3\xa4\xff\x01\n", "\xc3\xa4\xff\x01", 0 },
	};
	ssize_t rest;

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(from_pipe(row[i].in, strlen(row[i].in),
		    &rest), ST_OK);
		assert_int_equal(len, strlen(row[i].is));
		assert_memory_equal(room, row[i].is, len);
		assert_int_equal(rest, row[i].rest);
	}
}

/* Nothing of it is left. */
static void
expect_nothing(void)
{
	assert_int_equal(len, 0);
	for (size_t i = 0; i < sizeof(room); i++)
		assert_int_equal(room[i], 0);
}

static void
what_is_none_is_wiped(void **state)
{
	ssize_t rest;

	(void)state;
	assert_int_equal(from_pipe("", 0, &rest), ST_CLOSED);
	expect_nothing();
	assert_int_equal(from_pipe("\nx\n", 3, &rest), ST_CLOSED);
	expect_nothing();
	assert_int_equal(from_pipe("abc\0def\n", 8, &rest), ST_MALFORMED);
	expect_nothing();
	assert_int_equal(passphrase_read(-1, room, &len), ST_SYSTEM);
	expect_nothing();
}

static void
the_longest_is_met_and_not_passed(void **state)
{
	char text[PASSPHRASE_MAX + 2];
	ssize_t rest;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[PASSPHRASE_MAX] = '\n';
	assert_int_equal(from_pipe(text, PASSPHRASE_MAX + 1, &rest), ST_OK);
	assert_int_equal(len, PASSPHRASE_MAX);
	assert_int_equal(from_pipe(text, PASSPHRASE_MAX, &rest), ST_OK);
	assert_int_equal(len, PASSPHRASE_MAX);
	text[PASSPHRASE_MAX] = 'x';
	text[PASSPHRASE_MAX + 1] = '\n';
	assert_int_equal(from_pipe(text, PASSPHRASE_MAX + 2, &rest),
	    ST_TOO_LARGE);
	expect_nothing();
}

/* --- at a terminal -------------------------------------------------------- */

static int master = -1, slave = -1;
static pid_t pid;
static char screen[16384];
static size_t shown;

/* The process that asks: 100 if it got "right", or a status. */
static _Noreturn void
run_ask(const char *tty)
{
	int fd, st;

	if (setsid() < 0)
		_exit(90);
	if (tty != NULL) {
		/* The first that is opened is the one it is run from. */
		if ((fd = open(tty, O_RDWR)) < 0)
			_exit(91);
		(void)close(master);
		(void)close(slave);
	}
	if ((fd = open("/dev/null", O_RDWR)) < 0 || dup2(fd, 0) < 0)
		_exit(92);
	st = passphrase_ask("Say it: ", room, &len);
	if (st == ST_OK)
		_exit(len == 5 && memcmp(room, "right", 5) == 0 ? 100 : 101);
	_exit(st > 0 ? st : 93);
}

static void
begin(const char *before)
{
	const char *tty;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	tty = ptsname(master);
	assert_non_null(tty);
	/* Ours, to look at how it is set. */
	slave = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	assert_int_equal(write(master, before, strlen(before)),
	    strlen(before));
	shown = 0;
	screen[0] = '\0';
	assert_true((pid = fork()) >= 0);
	if (pid == 0)
		run_ask(tty);
}

static bool
echoes(void)
{
	struct termios t;

	assert_int_equal(tcgetattr(slave, &t), 0);
	return (t.c_lflag & ECHO) != 0;
}

/* Wait until the prompt has been shown so often. */
static void
wait_prompt(size_t times)
{
	struct pollfd p = { .fd = master, .events = POLLIN };
	size_t seen;
	ssize_t n;

	for (;;) {
		seen = 0;
		for (const char *at = screen;
		    (at = strstr(at, "Say it: ")) != NULL; at++)
			seen++;
		if (seen >= times)
			return;
		if (poll(&p, 1, LONG_MS) != 1)
			fail_msg("it does not ask: %s", screen);
		n = read(master, screen + shown, sizeof(screen) - 1 - shown);
		if (n <= 0)
			fail_msg("it ended: %s", screen);
		shown += (size_t)n;
		screen[shown] = '\0';
	}
}

static void
type(const char *text)
{
	assert_int_equal(write(master, text, strlen(text)), strlen(text));
}

/* What it ended with; all that was shown is in ${screen}. */
static int
end(void)
{
	struct pollfd p = { .fd = master, .events = POLLIN };
	int status;
	ssize_t n;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	pid = 0;
	assert_true(echoes());
	while (poll(&p, 1, 0) == 1 && (n = read(master, screen + shown,
	    sizeof(screen) - 1 - shown)) > 0)
		shown += (size_t)n;
	screen[shown] = '\0';
	(void)close(slave);
	(void)close(master);
	slave = master = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    -WTERMSIG(status);
}

static int
teardown(void **state)
{
	(void)state;
	if (pid > 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	if (slave >= 0)
		(void)close(slave);
	if (master >= 0)
		(void)close(master);
	pid = 0;
	slave = master = -1;
	return 0;
}

static void
nothing_of_it_is_shown(void **state)
{
	(void)state;
	begin("");
	wait_prompt(1);
	assert_false(echoes());
	type("righ");
	type("x\x7ft\n");
	assert_int_equal(end(), 100);
	assert_string_equal(screen, "Say it: \r\n");
}

/* What was typed before anybody asked for it was echoed. */
static void
what_was_typed_before_is_none(void **state)
{
	(void)state;
	begin("wrong\n");
	wait_prompt(1);
	type("right\n");
	assert_int_equal(end(), 100);
}

static void
what_is_none_says_why(void **state)
{
	char *text = malloc(PASSPHRASE_MAX + 3);

	(void)state;
	assert_non_null(text);
	begin("");
	wait_prompt(1);
	type("\n");
	assert_int_equal(end(), ST_CLOSED);
	begin("");
	wait_prompt(1);
	type("\x04");
	assert_int_equal(end(), ST_CLOSED);
	memset(text, 'x', PASSPHRASE_MAX + 1);
	memcpy(text + PASSPHRASE_MAX + 1, "\n", 2);
	begin("");
	wait_prompt(1);
	type(text);
	assert_int_equal(end(), ST_TOO_LARGE);
	free(text);
}

static void
no_terminal_is_no_passphrase(void **state)
{
	int status;

	(void)state;
	assert_true((pid = fork()) >= 0);
	if (pid == 0)
		run_ask(NULL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	pid = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ST_NOT_FOUND);
}

/* Whatever ends it, the terminal is as it was, and it is the signal that ends
 * it. */
static void
a_signal_ends_it_with_the_echo_on(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	(void)state;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		begin("");
		wait_prompt(1);
		type("rig");
		assert_int_equal(kill(pid, signals[i]), 0);
		assert_int_equal(end(), -signals[i]);
	}
	/* ^C of the terminal's own. */
	begin("");
	wait_prompt(1);
	type("rig\x03");
	assert_int_equal(end(), -SIGINT);
}

/* Stopped, the terminal is the shell's; then it is asked anew.  The kernel does
 * not stop a process whose shell is not there: that is as if it went on at
 * once. */
static void
after_a_stop_it_is_asked_anew(void **state)
{
	(void)state;
	begin("");
	wait_prompt(1);
	type("wrong");
	assert_int_equal(kill(pid, SIGTSTP), 0);
	wait_prompt(2);
	type("right\n");
	assert_int_equal(end(), 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_is_taken),
		cmocka_unit_test(what_is_none_is_wiped),
		cmocka_unit_test(the_longest_is_met_and_not_passed),
		cmocka_unit_test_teardown(nothing_of_it_is_shown, teardown),
		cmocka_unit_test_teardown(what_was_typed_before_is_none,
		    teardown),
		cmocka_unit_test_teardown(what_is_none_says_why, teardown),
		cmocka_unit_test_teardown(no_terminal_is_no_passphrase,
		    teardown),
		cmocka_unit_test_teardown(a_signal_ends_it_with_the_echo_on,
		    teardown),
		cmocka_unit_test_teardown(after_a_stop_it_is_asked_anew,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
