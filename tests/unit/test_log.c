#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

static int saved_stderr;
static int reader;

/* Let stderr be a socket that keeps the bounds of each write(2). */
static int
setup(void **state)
{
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd), 0);
	saved_stderr = dup(2);
	assert_int_equal(dup2(fd[1], 2), 2);
	close(fd[1]);
	reader = fd[0];
	log_open("prog", LOG_LEVEL_INFO, 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	dup2(saved_stderr, 2);
	close(saved_stderr);
	close(reader);
	return 0;
}

/* What the next write(2) held, or "" when there was none. */
static const char *
next_write(void)
{
	static char got[4096];
	ssize_t n = recv(reader, got, sizeof(got) - 1, MSG_DONTWAIT);

	got[n > 0 ? n : 0] = '\0';
	return got;
}

static void
each_line_is_one_write_with_program_and_level(void **state)
{
	(void)state;
	log_error("no %s", "luck");
	log_warn("%d left", 3);
	log_info("plain");
	log_error_st(ST_MALFORMED, "frame");
	errno = ENOENT;
	log_error_sys("open %s", "/x");
	errno = EACCES;
	log_warn_sys("stat");
	assert_string_equal(next_write(), "prog: error: no luck\n");
	assert_string_equal(next_write(), "prog: warning: 3 left\n");
	assert_string_equal(next_write(), "prog: info: plain\n");
	assert_string_equal(next_write(), "prog: error: frame: malformed\n");
	assert_string_equal(next_write(),
	    "prog: error: open /x: No such file or directory\n");
	assert_string_equal(next_write(),
	    "prog: warning: stat: Permission denied\n");
	assert_string_equal(next_write(), "");
}

static void
lines_below_the_level_are_not_printed(void **state)
{
	(void)state;
	log_debug("quiet");
	assert_string_equal(next_write(), "");
	log_open("prog", LOG_LEVEL_DEBUG, 0);
	log_debug("loud");
	assert_string_equal(next_write(), "prog: debug: loud\n");
	log_open("prog", LOG_LEVEL_ERROR, 0);
	log_warn("quiet");
	log_info("quiet");
	assert_string_equal(next_write(), "");
}

static void
errno_is_left_as_it_was(void **state)
{
	(void)state;
	errno = EXDEV;
	log_info("%s", "x");
	assert_int_equal(errno, EXDEV);
	log_error_sys("x");
	assert_int_equal(errno, EXDEV);
	/* Also when stderr takes nothing. */
	close(2);
	errno = EXDEV;
	log_error("x");
	assert_int_equal(errno, EXDEV);
}

static void
control_bytes_cannot_forge_a_line(void **state)
{
	(void)state;
	log_warn("a\nprog: error: forged\x1b[2J\x7f");
	assert_string_equal(next_write(),
	    "prog: warning: a\\x0aprog: error: forged\\x1b[2J\\x7f\n");
}

static void
a_message_is_cut_at_the_limit(void **state)
{
	char longest[3 * LOG_LINE_MAX];
	const char *got;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	log_info("%s", longest);
	got = next_write();
	assert_int_equal(strlen(got), strlen("prog: info: \n") + LOG_LINE_MAX);
	assert_int_equal(got[strlen(got) - 1], '\n');

	/* What does not fit as a whole is left out. */
	memset(longest, '\n', sizeof(longest) - 1);
	longest[0] = 'x';
	log_info("%s", longest);
	got = next_write();
	assert_int_equal(strlen(got), strlen("prog: info: \n") +
	    LOG_LINE_MAX - 3);

	/* One after many that came out longer. */
	memset(longest, '\n', LOG_LINE_MAX / 8);
	memset(longest + LOG_LINE_MAX / 8, 'x', LOG_LINE_MAX);
	longest[LOG_LINE_MAX / 8 + LOG_LINE_MAX] = '\0';
	log_info("%s", longest);
	got = next_write();
	assert_int_equal(strlen(got), strlen("prog: info: \n") + LOG_LINE_MAX);
	assert_int_equal(got[strlen(got) - 2], 'x');

	/* Nothing but bytes that come out four times as long. */
	memset(longest, '\n', sizeof(longest) - 1);
	log_error_st(ST_BUSY, "%s", longest);
	got = next_write();
	assert_int_equal(strlen(got), strlen("prog: error: \n") + LOG_LINE_MAX);
	assert_int_equal(got[strlen(got) - 1], '\n');
}

static void
a_message_ends_with_a_character(void **state)
{
	char longest[2 * LOG_LINE_MAX] = "";
	const char *got;

	(void)state;
	/* One byte too far to the right for the last one. */
	memset(longest, 'x', LOG_LINE_MAX - 1);
	strcat(longest, "\xe2\x82\xac");
	log_info("%s", longest);
	got = next_write();
	assert_int_equal(strlen(got), strlen("prog: info: \n") +
	    LOG_LINE_MAX - 1);
	assert_string_equal(got + strlen(got) - 2, "x\n");
	log_error("Z\xc3\xbcrich \xe2\x82\xac, \xc3, \xc2\x9b, \\x0a");
	assert_string_equal(next_write(), "prog: error: Z\xc3\xbcrich "
	    "\xe2\x82\xac, \\xc3, \\xc2\\x9b, \\x0a\n");
}

static void
every_status_has_a_name_of_its_own(void **state)
{
	int a, b;

	(void)state;
	for (a = ST_INTERNAL; a <= ST_UNTRUSTED; a++) {
		assert_string_not_equal(status_name(a), "unknown");
		for (b = ST_INTERNAL; b < a; b++)
			assert_string_not_equal(status_name(a),
			    status_name(b));
	}
	assert_string_equal(status_name(ST_UNTRUSTED + 1), "unknown");
	assert_string_equal(status_name(ST_INTERNAL - 1), "unknown");
}

/* Lines that were given away. */
static char given[4096];

static void
take(void *cookie, const char *line, size_t len)
{
	assert_ptr_equal(cookie, &given);
	strncat(given, line, len);
}

static void
lines_can_go_elsewhere(void **state)
{
	(void)state;
	log_divert(take, &given);
	log_warn("a\nb");
	log_debug("quiet");
	errno = EXDEV;
	log_error_sys("c");
	assert_int_equal(errno, EXDEV);
	assert_string_equal(next_write(), "");
	assert_string_equal(given, "prog: warning: a\\x0ab\n"
	    "prog: error: c: Invalid cross-device link\n");
	log_divert(NULL, NULL);
	log_info("back");
	assert_string_equal(next_write(), "prog: info: back\n");
}

/* stderr is a pipe that nobody reads for a while; there is no way back, so this
 * is the last one. */
static void
who_never_waits_leaves_lines_out_and_says_so(void **state)
{
	char got[8192] = "";
	int fd[2];
	ssize_t n, room = 0;

	(void)state;
	assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
	while ((n = write(fd[1], got, sizeof(got))) > 0)
		room += n;
	/* From here on a write waits. */
	assert_int_equal(fcntl(fd[1], F_SETFL, 0), 0);
	assert_int_equal(dup2(fd[1], 2), 2);
	log_never_wait();
	for (unsigned i = 0; i < 3; i++)
		log_info("nobody reads %u", i);
	while (room > 0)
		room -= read(fd[0], got, sizeof(got));
	assert_int_equal(room, 0);
	log_info("read again");
	log_info("and again");
	n = read(fd[0], got, sizeof(got) - 1);
	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(got,
	    "prog: warning: 3 messages were left out: nobody read them\n"
	    "prog: info: read again\n"
	    "prog: info: and again\n");
	(void)close(fd[0]);
	(void)close(fd[1]);
}

int
main(void)
{
#define LOG_TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		LOG_TEST(each_line_is_one_write_with_program_and_level),
		LOG_TEST(lines_below_the_level_are_not_printed),
		LOG_TEST(errno_is_left_as_it_was),
		LOG_TEST(control_bytes_cannot_forge_a_line),
		LOG_TEST(a_message_is_cut_at_the_limit),
		LOG_TEST(a_message_ends_with_a_character),
		LOG_TEST(lines_can_go_elsewhere),
		cmocka_unit_test(every_status_has_a_name_of_its_own),
		LOG_TEST(who_never_waits_leaves_lines_out_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
