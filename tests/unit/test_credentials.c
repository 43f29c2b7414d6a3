/*
 * User and password from a file or a descriptor: whose file is relied on, and
 * what of it is read.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "forwarder/credentials.h"

/* Some other user, for those who can give files away. */
#define OTHER_UID	65534
/* What is long enough for a line that comes at all. */
#define WAIT_S		20

static char dir[64];
static char path[96];
static char why[512];
static struct credentials got;

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/credentials.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/file", dir);
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* The file, with ${n} bytes and that mode. */
static void
write_file(const void *bytes, size_t n, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int
take_file(void)
{
	why[0] = '\0';
	return credentials_file(path, &got, why, sizeof(why));
}

/* What was said, which begins with the name of the file. */
static void
assert_why(const char *rest)
{
	assert_int_equal(strncmp(why, path, strlen(path)), 0);
	assert_string_equal(why + strlen(path), rest);
}

static void
the_first_line_of_a_file_is_taken(void **state)
{
	static const char *const texts[] = {
		"user:pass\n", "user:pass", "user:pass\r\n",
		"user:pass\nmore\n", "user:pass\n\n:\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_file(texts[i], strlen(texts[i]), 0600);
		if (take_file() != ST_OK)
			fail_msg("%s", why);
		assert_true(got.given);
		assert_string_equal(got.user, "user");
		assert_int_equal(got.user_len, 4);
		assert_string_equal(got.password, "pass");
		assert_int_equal(got.password_len, 4);
	}
}

static void
a_line_that_is_none_is_refused_with_the_files_name(void **state)
{
	(void)state;
	write_file("", 0, 0600);
	assert_int_equal(take_file(), ST_MALFORMED);
	assert_why(": the first line must be USER:PASSWORD");
	write_file("\nuser:pass\n", 11, 0600);
	assert_int_equal(take_file(), ST_MALFORMED);
	write_file("user:\x01\n", 7, 0600);
	assert_int_equal(take_file(), ST_MALFORMED);
	assert_why(": there is a control character in the first line");
	assert_null(strstr(why, "user"));
}

static void
the_longest_line_is_taken_and_one_byte_more_is_not(void **state)
{
	static char line[PROXY_USER_MAX + 1 + PROXY_PASSWORD_MAX + 3];
	size_t len = PROXY_USER_MAX + 1 + PROXY_PASSWORD_MAX;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[PROXY_USER_MAX] = ':';
	memcpy(line + len, "\r\n", 2);
	write_file(line, len + 2, 0600);
	assert_int_equal(take_file(), ST_OK);
	assert_int_equal(got.user_len, PROXY_USER_MAX);
	assert_int_equal(got.password_len, PROXY_PASSWORD_MAX);
	write_file(line, len, 0600);
	assert_int_equal(take_file(), ST_OK);
	assert_int_equal(got.password_len, PROXY_PASSWORD_MAX);

	memcpy(line + len, "xx\n", 3);
	write_file(line, len + 1, 0600);
	assert_int_equal(take_file(), ST_MALFORMED);
	assert_why(": user or password is too long");
	write_file(line, len + 3, 0600);
	assert_int_equal(take_file(), ST_MALFORMED);
	assert_why(": user or password is too long");
}

static void
a_file_of_ours_is_open_to_nobody_else(void **state)
{
	static const struct {
		mode_t	 mode;
		int	 st;
	} t[] = {
		{ 0600, ST_OK }, { 0400, ST_OK }, { 0700, ST_OK },
		{ 0500, ST_OK },
		{ 0640, ST_UNTRUSTED }, { 0620, ST_UNTRUSTED },
		{ 0610, ST_UNTRUSTED }, { 0604, ST_UNTRUSTED },
		{ 0602, ST_UNTRUSTED }, { 0601, ST_UNTRUSTED },
		{ 0666, ST_UNTRUSTED },
	};
	char wanted[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		write_file("u:p\n", 4, t[i].mode);
		assert_int_equal(take_file(), t[i].st);
		if (t[i].st == ST_OK)
			continue;
		(void)snprintf(wanted, sizeof(wanted),
		    ": others can use it (mode %03o): chmod 600 %s",
		    (unsigned)t[i].mode, path);
		assert_why(wanted);
	}
}

/* Run ${f} in a child with another user's rights. */
static void
as_other_user(void (*f)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (setgid(OTHER_UID) != 0 || setuid(OTHER_UID) != 0)
			_exit(2);
		f();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define MUST(what)	do { if (!(what)) _exit(1); } while (0)

static void
roots_file_is_roots_affair(void)
{
	MUST(take_file() == ST_OK);
}

static void
a_file_of_others_is_not_relied_on(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("not root: files cannot be given away\n");
		skip();
	}
	write_file("u:p\n", 4, 0600);
	assert_int_equal(chown(path, OTHER_UID, (gid_t)-1), 0);
	assert_int_equal(take_file(), ST_UNTRUSTED);
	assert_why(": belongs to uid 65534, not to us or root");
	/* Root's own is looked at like everybody's. */
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(take_file(), ST_UNTRUSTED);
	assert_int_equal(chmod(dir, 0755), 0);
	as_other_user(roots_file_is_roots_affair);
}

static void
what_is_no_plain_file_is_refused_at_once(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	(void)alarm(10);
	assert_int_equal(take_file(), ST_UNTRUSTED);
	(void)alarm(0);
	assert_why(": not a plain file");
	assert_int_equal(unlink(path), 0);

	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(take_file(), ST_UNTRUSTED);
	assert_why(": not a plain file");
	assert_int_equal(rmdir(path), 0);

	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(take_file(), ST_UNTRUSTED);
	assert_why(": not a plain file");
}

static void
a_link_is_what_it_leads_to(void **state)
{
	char link_path[128];

	(void)state;
	write_file("u:p\n", 4, 0600);
	(void)snprintf(link_path, sizeof(link_path), "%s/link", dir);
	assert_int_equal(symlink("file", link_path), 0);
	assert_int_equal(credentials_file(link_path, &got, why, sizeof(why)),
	    ST_OK);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(credentials_file(link_path, &got, why, sizeof(why)),
	    ST_UNTRUSTED);
}

static void
a_file_that_cannot_be_opened_is_said(void **state)
{
	(void)state;
	assert_int_equal(take_file(), ST_NOT_FOUND);
	assert_why(": No such file or directory");
	write_file("", 0, 0600);
	strcat(path, "/x");
	assert_int_equal(take_file(), ST_SYSTEM);
	assert_why(": Not a directory");
}

static int
count_descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
no_descriptor_is_left_open(void **state)
{
	int before = count_descriptors();

	(void)state;
	write_file("u:p\n", 4, 0600);
	assert_int_equal(take_file(), ST_OK);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(take_file(), ST_UNTRUSTED);
	write_file("\n", 1, 0600);
	assert_int_equal(take_file(), ST_MALFORMED);
	assert_int_equal(count_descriptors(), before);
}

/*
 * Descriptors.
 */

/* A pipe that ${bytes} come out of, and then, if ${end}, its end. */
static int
pipe_with(const char *bytes, bool end, int *writer)
{
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], bytes, strlen(bytes)), strlen(bytes));
	*writer = fd[1];
	if (end) {
		(void)close(fd[1]);
		*writer = -1;
	}
	return fd[0];
}

static void
a_descriptor_is_read_to_the_first_newline_or_its_end(void **state)
{
	int fd, writer;

	(void)state;
	fd = pipe_with("user:pass", true, &writer);
	assert_int_equal(credentials_fd(fd, WAIT_S, &got, why, sizeof(why)),
	    ST_OK);
	assert_string_equal(got.user, "user");
	assert_string_equal(got.password, "pass");
	assert_int_equal(fcntl(fd, F_GETFD), -1);

	/* The other end need not be closed. */
	(void)alarm(10);
	fd = pipe_with("user:word\nmore", false, &writer);
	assert_int_equal(credentials_fd(fd, WAIT_S, &got, why, sizeof(why)),
	    ST_OK);
	(void)alarm(0);
	assert_string_equal(got.password, "word");
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	(void)close(writer);
}

static void
a_descriptor_may_give_it_in_pieces(void **state)
{
	static const char line[] = "user:pass\n";
	int fd[2], status;
	size_t i;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		const struct timespec pause = { .tv_nsec = 2000000 };

		for (i = 0; i < sizeof(line) - 1; i++) {
			if (write(fd[1], line + i, 1) != 1)
				_exit(1);
			(void)nanosleep(&pause, NULL);
		}
		_exit(0);
	}
	(void)close(fd[1]);
	assert_int_equal(credentials_fd(fd[0], WAIT_S, &got, why, sizeof(why)),
	    ST_OK);
	assert_string_equal(got.user, "user");
	assert_string_equal(got.password, "pass");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
a_bad_descriptor_is_said(void **state)
{
	char wanted[64];
	int fd, writer;

	(void)state;
	assert_int_equal(credentials_fd(999, WAIT_S, &got, why, sizeof(why)),
	    ST_SYSTEM);
	assert_string_equal(why,
	    "cannot read descriptor 999: Bad file descriptor");
	fd = open("/tmp", O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	(void)snprintf(wanted, sizeof(wanted),
	    "cannot read descriptor %d: Is a directory", fd);
	assert_int_equal(credentials_fd(fd, WAIT_S, &got, why, sizeof(why)),
	    ST_SYSTEM);
	assert_string_equal(why, wanted);
	assert_int_equal(fcntl(fd, F_GETFD), -1);

	fd = pipe_with("nothing\n", true, &writer);
	(void)snprintf(wanted, sizeof(wanted),
	    "descriptor %d: the first line must be USER:PASSWORD", fd);
	assert_int_equal(credentials_fd(fd, WAIT_S, &got, why, sizeof(why)),
	    ST_MALFORMED);
	assert_string_equal(why, wanted);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void
an_endless_line_is_not_read_for_ever(void **state)
{
	int fd = open("/dev/zero", O_RDONLY);

	(void)state;
	assert_true(fd >= 0);
	(void)alarm(10);
	assert_int_equal(credentials_fd(fd, WAIT_S, &got, why, sizeof(why)),
	    ST_MALFORMED);
	(void)alarm(0);
}

static void
who_writes_nothing_is_not_waited_for_for_ever(void **state)
{
	/* Nothing, a line without its end, and both without blocking. */
	static const char *const texts[] = { "", "user:pass", "", "user:p" };
	char wanted[160];
	int64_t began, took;
	int fd, writer;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		fd = pipe_with(texts[i], false, &writer);
		if (i >= 2)
			assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
		(void)snprintf(wanted, sizeof(wanted), "descriptor %d: no "
		    "whole line has come in 1 s: does anybody write "
		    "USER:PASSWORD and a newline to it?", fd);
		began = clock_ms();
		(void)alarm(10);
		assert_int_equal(credentials_fd(fd, 1, &got, why, sizeof(why)),
		    ST_BUSY);
		(void)alarm(0);
		took = clock_ms() - began;
		assert_true(took >= 1000 && took < 8000);
		assert_string_equal(why, wanted);
		assert_int_equal(fcntl(fd, F_GETFD), -1);
		(void)close(writer);
	}
}

#define CASE(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_first_line_of_a_file_is_taken),
		CASE(a_line_that_is_none_is_refused_with_the_files_name),
		CASE(the_longest_line_is_taken_and_one_byte_more_is_not),
		CASE(a_file_of_ours_is_open_to_nobody_else),
		CASE(a_file_of_others_is_not_relied_on),
		CASE(what_is_no_plain_file_is_refused_at_once),
		CASE(a_link_is_what_it_leads_to),
		CASE(a_file_that_cannot_be_opened_is_said),
		CASE(no_descriptor_is_left_open),
		CASE(a_descriptor_is_read_to_the_first_newline_or_its_end),
		CASE(a_descriptor_may_give_it_in_pieces),
		CASE(a_bad_descriptor_is_said),
		CASE(an_endless_line_is_not_read_for_ever),
		CASE(who_writes_nothing_is_not_waited_for_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
