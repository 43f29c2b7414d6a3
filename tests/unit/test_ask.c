/*
 * Questions at the terminal: what counts as yes, and that nothing on the screen
 * is forged.  The terminal is a pseudo one, of a process that has no other.
 */

#include "provision/ask.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Longer than any of this takes. */
#define LONG_MS		20000

#define PRINT1	"SHA256:Q/XzMo8meprTiV8vNYfXSSwax5GtqsmTlpRIODK3V34"
#define PRINT2	"SHA256:INRdDi1hnSQf6gO4tJ1bTN4ZESjkwPcoNpKxoDm5PxU"

static const char *const prints[] = { PRINT1, PRINT2 };

static int master = -1;
static pid_t pid;
static char screen[16384];
static size_t len;

/* The process that asks: 100 and the place of what was typed, or a status. */
static _Noreturn void
run_ask(const char *tty, const struct ask_question *q)
{
	size_t which = 99;
	int fd, st;

	if (setsid() < 0)
		_exit(90);
	if (tty != NULL) {
		/* The first that is opened is the one it is run from. */
		if ((fd = open(tty, O_RDWR)) < 0)
			_exit(91);
		(void)close(master);
	}
	/* These have no opinion. */
	if ((fd = open("/dev/null", O_RDWR)) < 0 || dup2(fd, 0) < 0 ||
	    dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(92);
	st = ask_yes(q, &which);
	_exit(st == ST_OK ? 100 + (int)which : st > 0 ? st : 93);
}

/* Begin to ask; ${before} is what was typed before. */
static void
begin(const struct ask_question *q, const char *before)
{
	const char *tty;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	tty = ptsname(master);
	assert_non_null(tty);
	assert_int_equal(write(master, before, strlen(before)),
	    strlen(before));
	len = 0;
	screen[0] = '\0';
	assert_true((pid = fork()) >= 0);
	if (pid == 0)
		run_ask(tty, q);
}

/* Wait until that has been shown so often. */
static void
wait_shown(const char *text, size_t times)
{
	struct pollfd p = { .fd = master, .events = POLLIN };
	size_t seen;
	ssize_t n;

	for (;;) {
		seen = 0;
		for (const char *at = screen;
		    (at = strstr(at, text)) != NULL; at++)
			seen++;
		if (seen >= times)
			return;
		if (poll(&p, 1, LONG_MS) != 1)
			fail_msg("\"%s\" is not shown: %s", text, screen);
		n = read(master, screen + len, sizeof(screen) - 1 - len);
		if (n <= 0)
			fail_msg("it ended: %s", screen);
		len += (size_t)n;
		screen[len] = '\0';
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

	/* Its end closes the other side, and reading fails. */
	do {
		if (poll(&p, 1, LONG_MS) != 1)
			fail_msg("it does not end: %s", screen);
		n = read(master, screen + len, sizeof(screen) - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	screen[len] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	pid = 0;
	assert_int_equal(close(master), 0);
	master = -1;
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
teardown(void **state)
{
	(void)state;
	if (pid > 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	if (master >= 0)
		(void)close(master);
	pid = 0;
	master = -1;
	return 0;
}

/* --- cases --------------------------------------------------------------- */

static void
only_a_full_answer_is_yes(void **state)
{
	static const struct {
		const char	*typed;
		bool		 prints;	/* two, or none */
		int		 is;	/* -1: asked again */
	} row[] = {
		{ "yes\n", true, 102 },
		{ "yes\n", false, 100 },
		{ " yes \t\r\n", true, 102 },
		{ PRINT1 "\n", true, 100 },
		{ PRINT2 "\n", true, 101 },
		{ "no\n", true, ST_DENIED },
		{ "\n", true, ST_DENIED },
		{ "\x04", true, ST_DENIED },
		{ "y\n", true, -1 },
		{ "Yes\n", true, -1 },
		{ "YES\n", true, -1 },
		{ "yes please\n", true, -1 },
		{ "yesyes\n", true, -1 },
		{ "ye\n", true, -1 },
		{ "n\n", true, -1 },
		{ PRINT1 "\n", false, -1 },
		{ PRINT1 "A\n", true, -1 },
		/* Without its end. */
		{ "SHA256:Q/XzMo8meprTiV8vNYfXSSwax5GtqsmTlpRIODK3V3\n", true,
		    -1 },
		{ "SHA256:\n", true, -1 },
	};
	struct ask_question q = { .text = "the question", .prints = prints };
	const char *prompt;
	int got;

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		q.n = row[i].prints ? 2 : 0;
		prompt = row[i].prints ? "(yes/no/[fingerprint])? " :
		    "(yes/no)? ";
		begin(&q, "");
		wait_shown(prompt, 1);
		type(row[i].typed);
		if (row[i].is == -1) {
			wait_shown(prompt, 2);
			type("yes\n");
		}
		got = end();
		if (got != (row[i].is == -1 ? 100 + (int)q.n : row[i].is))
			fail_msg("%zu: %d: %s", i, got, screen);
	}
}

static void
a_fourth_try_is_not_given(void **state)
{
	const struct ask_question q = { .text = "the question" };

	(void)state;
	assert_int_equal(ASK_TRIES_MAX, 3);
	begin(&q, "");
	for (size_t i = 1; i <= ASK_TRIES_MAX; i++) {
		wait_shown("(yes/no)? ", i);
		type("perhaps\n");
	}
	assert_int_equal(end(), ST_DENIED);
	assert_non_null(strstr(screen, "Please type yes or no in full."));
}

static void
what_was_typed_before_is_no_answer(void **state)
{
	const struct ask_question q = { .text = "the question" };

	(void)state;
	begin(&q, "yes\nyes\n");
	wait_shown("(yes/no)? ", 1);
	type("no\n");
	assert_int_equal(end(), ST_DENIED);
}

static void
the_longest_answer_is_met_and_not_passed(void **state)
{
	char print[ASK_ANSWER_MAX + 1], typed[ASK_ANSWER_MAX + 4];
	const char *const list[] = { print };
	const struct ask_question q = { .text = "the question",
		.prints = list, .n = 1 };

	(void)state;
	memset(print, 'a', sizeof(print));
	print[ASK_ANSWER_MAX - 1] = '\0';
	begin(&q, "");
	wait_shown("? ", 1);
	/* One more: what is cut off does not make it right. */
	(void)snprintf(typed, sizeof(typed), "%sb\n", print);
	type(typed);
	wait_shown("? ", 2);
	(void)snprintf(typed, sizeof(typed), "%s\n", print);
	type(typed);
	assert_int_equal(end(), 100);
}

static void
the_text_is_shown_by_lines_and_escaped(void **state)
{
	char text[1200];
	const struct ask_question q = { .text = text };

	(void)state;
	strcpy(text, "one\n\ntwo\x1b[2J\r\xe2\x80\xaethree\xff\n");
	begin(&q, "");
	wait_shown("(yes/no)? ", 1);
	type("no\n");
	assert_int_equal(end(), ST_DENIED);
	assert_non_null(strstr(screen, "one\r\n\r\n"
	    "two\\x1b[2J\\x0d\\xe2\\x80\\xaethree\\xff\r\n(yes/no)? "));

	/* A long line of characters that are longer than a byte, and one that
	 * begins in the middle of them. */
	for (size_t odd = 0; odd < 3; odd++) {
		memset(text, 'x', odd);
		text[odd] = '\0';
		for (size_t i = 0; i < 300; i++)
			strcat(text, "\xe2\x82\xac");
		begin(&q, "");
		wait_shown("(yes/no)? ", 1);
		type("no\n");
		assert_int_equal(end(), ST_DENIED);
		assert_true(strncmp(screen, text, strlen(text)) == 0);
	}
}

static void
the_terminal_may_go_away(void **state)
{
	const struct ask_question q = { .text = "the question" };
	int status;

	(void)state;
	begin(&q, "");
	wait_shown("(yes/no)? ", 1);
	assert_int_equal(close(master), 0);
	master = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	pid = 0;
	/* The leader of a session is told by a signal first. */
	assert_true((WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP) ||
	    (WIFEXITED(status) && WEXITSTATUS(status) == ST_DENIED));
}

static void
without_a_terminal_nobody_is_asked(void **state)
{
	const struct ask_question q = { .text = "the question" };
	int status;

	(void)state;
	assert_true((pid = fork()) >= 0);
	if (pid == 0)
		run_ask(NULL, &q);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	pid = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ST_NOT_FOUND);
}

#define ASK_TEST(f)	cmocka_unit_test_teardown(f, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ASK_TEST(only_a_full_answer_is_yes),
		ASK_TEST(a_fourth_try_is_not_given),
		ASK_TEST(what_was_typed_before_is_no_answer),
		ASK_TEST(the_longest_answer_is_met_and_not_passed),
		ASK_TEST(the_text_is_shown_by_lines_and_escaped),
		ASK_TEST(the_terminal_may_go_away),
		ASK_TEST(without_a_terminal_nobody_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
