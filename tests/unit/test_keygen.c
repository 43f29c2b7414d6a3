/*
 * Where ssh-keygen's agent is, and that the real one is run.
 */

#include "forwarder/keygen.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/options.h"

/* As long as the path of a socket can be. */
#define LONGEST	(UNIXSOCK_PATH_MAX - 1)

/* A home directory for one test, and what is in it. */
static char home[64];
static char file[128];
static char sock[128];
static char out[UNIXSOCK_PATH_MAX];
static char why[1024];

static struct keygen_places places;

/* Make the file with these contents. */
static void
make(const char *text, size_t len)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(close(fd), 0);
}

static void
make_socket(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	memcpy(sun.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(close(fd), 0);
}

static int
setup(void **state)
{
	char dir[96];

	(void)state;
	strcpy(home, "/tmp/keygen.XXXXXX");
	assert_non_null(mkdtemp(home));
	(void)snprintf(dir, sizeof(dir), "%s/.ssh", home);
	assert_int_equal(mkdir(dir, 0700), 0);
	(void)snprintf(dir, sizeof(dir), "%s/.ssh/bottle-agent", home);
	assert_int_equal(mkdir(dir, 0700), 0);
	(void)snprintf(file, sizeof(file), "%s/env", dir);
	(void)snprintf(sock, sizeof(sock), "%s/sock", home);
	places = (struct keygen_places){ NULL, home, sock };
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", home);
	return system(command);
}

/* --- what is in the file ------------------------------------------------- */

/* Parse a copy that has nothing behind it: a sanitizer sees what is read. */
static int
parse(const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(len > 0 ? len : 1);
	int st;

	assert_non_null(copy);
	memcpy(copy, text, len);
	why[0] = '\0';
	memset(out, 'x', sizeof(out));
	st = keygen_parse(copy, len, out, why, sizeof(why));
	free(copy);
	return st;
}

/* What a shell that has run ${text} has for the variable. */
static void
read_by_shell(const char *text, char *value, size_t cap)
{
	int fds[2];
	pid_t pid;
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		(void)execl("/bin/sh", "sh", "-c", "eval \"$1\" >/dev/null; "
		    "printf %s \"$SSH_AUTH_SOCK\"", "sh", text, NULL);
		_exit(127);
	}
	(void)close(fds[1]);
	n = read(fds[0], value, cap - 1);
	assert_true(n >= 0);
	value[n] = '\0';
	(void)close(fds[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
values_are_read_as_a_shell_reads_them(void **state)
{
	static const struct {
		const char	*text;
		const char	*path;
	} table[] = {
		{ "SSH_AUTH_SOCK=/run/a.sock", "/run/a.sock" },
		{ "SSH_AUTH_SOCK=/run/a.sock\n", "/run/a.sock" },
		{ "  \t SSH_AUTH_SOCK=/a \t \n", "/a" },
		{ "export SSH_AUTH_SOCK=/a", "/a" },
		{ "\texport \t SSH_AUTH_SOCK=/a", "/a" },
		{ "SSH_AUTH_SOCK='/a b'", "/a b" },
		{ "SSH_AUTH_SOCK=\"/a b\"", "/a b" },
		{ "SSH_AUTH_SOCK='/$HOME/`x`\\'", "/$HOME/`x`\\" },
		{ "SSH_AUTH_SOCK=\"/'a'\\\"\\$\\`\\\\\\n\"", "/'a'\"$`\\\\n" },
		{ "SSH_AUTH_SOCK=/a'b c'\"d'\"e", "/ab cd'e" },
		{ "SSH_AUTH_SOCK='/it'\\''s'", "/it's" },
		{ "SSH_AUTH_SOCK=/a\\ \\;b", "/a ;b" },
		{ "SSH_AUTH_SOCK=/a\\\\b", "/a\\b" },
		{ "SSH_AUTH_SOCK=/a # here\n", "/a" },
		{ "SSH_AUTH_SOCK=/a=b:c,d@e+f%g-h_.", "/a=b:c,d@e+f%g-h_." },
		{ "SSH_AUTH_SOCK=/\xc3\xa9", "/\xc3\xa9" },
		{ "SSH_AUTH_SOCK=/a; export SSH_AUTH_SOCK;\n"
		  "SSH_AGENT_PID=12; export SSH_AGENT_PID;\n"
		  "echo Agent pid 12;\n", "/a" },
		{ "SSH_AUTH_SOCK=/a;", "/a" },
		{ "SSH_AUTH_SOCK=/a ; export SSH_AUTH_SOCK", "/a" },
		{ "SSH_AUTH_SOCK=/a\nSSH_AUTH_SOCK=/b\n", "/b" },
		{ "# SSH_AUTH_SOCK=/c\n\nX='y'\nXSSH_AUTH_SOCK=/e\n"
		  "ssh_auth_sock=/f\nexport\nSSH_AUTH_SOCKET=/g\n"
		  "SSH_AUTH_SOCK=/a", "/a" },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (parse(table[i].text) != ST_OK)
			fail_msg("%s: %s", table[i].text, why);
		assert_string_equal(out, table[i].path);
		read_by_shell(table[i].text, text, sizeof(text));
		assert_string_equal(text, table[i].path);
	}
}

static void
lines_that_are_not_for_us_are_passed_over(void **state)
{
	(void)state;
	assert_int_equal(parse("X='\nY=$(x)\nSSH_AUTH_SOCK=/a\n"
	    "exportSSH_AUTH_SOCK=/d\nSSH_AUTH_SOCK =/h\r\n\001\n) (\n"
	    "#SSH_AUTH_SOCK=/c\nZ=\""), ST_OK);
	assert_string_equal(out, "/a");
}

static void
values_that_are_none_name_their_line(void **state)
{
	static const struct {
		const char	*text;
		const char	*wrong;
	} table[] = {
		{ "SSH_AUTH_SOCK=", "is not an absolute path" },
		{ "SSH_AUTH_SOCK=''", "is not an absolute path" },
		{ "SSH_AUTH_SOCK= /a", "is not an absolute path" },
		{ "SSH_AUTH_SOCK=a/b", "is not an absolute path" },
		{ "SSH_AUTH_SOCK=~/a", "means something to a shell" },
		{ "SSH_AUTH_SOCK='~/a'", "is not an absolute path" },
		{ "SSH_AUTH_SOCK=$HOME/a", "means something to a shell" },
		{ "SSH_AUTH_SOCK=/a$b", "means something to a shell" },
		{ "SSH_AUTH_SOCK=/a`b`", "means something to a shell" },
		{ "SSH_AUTH_SOCK=/a(b)", "means something to a shell" },
		{ "SSH_AUTH_SOCK=/a*", "means something to a shell" },
		{ "SSH_AUTH_SOCK=/a&", "means something to a shell" },
		{ "SSH_AUTH_SOCK=/a|b", "means something to a shell" },
		{ "SSH_AUTH_SOCK=/a>b", "means something to a shell" },
		{ "SSH_AUTH_SOCK=/a\\", "means something to a shell" },
		{ "SSH_AUTH_SOCK=\"/$a\"", "have to be expanded" },
		{ "SSH_AUTH_SOCK=\"/`a`\"", "have to be expanded" },
		{ "SSH_AUTH_SOCK='/a", "not closed" },
		{ "SSH_AUTH_SOCK=\"/a", "not closed" },
		{ "SSH_AUTH_SOCK=\"/a\\\"", "not closed" },
		{ "SSH_AUTH_SOCK=\"/a\\", "not closed" },
		{ "SSH_AUTH_SOCK=/a b", "followed by something else" },
		{ "SSH_AUTH_SOCK=/a rm -rf /", "followed by something else" },
		{ "SSH_AUTH_SOCK=/a; rm -rf /", "followed by something else" },
		{ "SSH_AUTH_SOCK=/a; export SSH_AUTH_SOCK; rm",
		  "followed by something else" },
		{ "SSH_AUTH_SOCK=/a;;", "followed by something else" },
		{ "SSH_AUTH_SOCK=/a\r", "ends in CR LF" },
		{ "SSH_AUTH_SOCK='/a\tb'", "a control byte" },
		{ "SSH_AUTH_SOCK='/a\033[2J'", "a control byte" },
		{ "SSH_AUTH_SOCK=/a\177", "a control byte" },
		{ "SSH_AUTH_SOCK=/a # \001", "a control byte" },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		(void)snprintf(text, sizeof(text),
		    "SSH_AUTH_SOCK=/good\n\n%s\nX=1\n", table[i].text);
		if (parse(text) != ST_MALFORMED)
			fail_msg("%s: %s", table[i].text, out);
		assert_string_equal(out, "");
		if (strncmp(why, "line 3: the value of SSH_AUTH_SOCK ", 35) !=
		    0 || strstr(why, table[i].wrong) == NULL)
			fail_msg("%s: %s", table[i].text, why);
	}
	assert_int_equal(keygen_parse("SSH_AUTH_SOCK=/a\0b", 18, out, why,
	    sizeof(why)), ST_MALFORMED);
	assert_non_null(strstr(why, "a control byte"));
}

static void
nothing_for_us_is_not_found(void **state)
{
	static const char *const none[] = { "", "\n", "\n\n\n", "X=1\n",
	    "SSH_AUTH_SOCK", "SSH_AUTH_SOC", "export SSH_AUTH_SOCK\n",
	    "#SSH_AUTH_SOCK=/a\n", "unset SSH_AUTH_SOCK\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(parse(none[i]), ST_NOT_FOUND);
		assert_string_equal(out, "");
	}
}

/* A path of ${len} bytes, behind ${before}. */
static const char *
long_path(const char *before, size_t len)
{
	static char text[512];
	size_t at = strlen(before);

	memcpy(text, before, at);
	memset(text + at, 'n', len);
	text[at] = '/';
	text[at + len] = '\0';
	return text;
}

static void
longest_path_is_met_and_not_passed(void **state)
{
	const char *text;

	(void)state;
	text = long_path("SSH_AUTH_SOCK=", LONGEST);
	assert_int_equal(parse(text), ST_OK);
	assert_string_equal(out, strchr(text, '/'));
	assert_int_equal(parse(long_path("SSH_AUTH_SOCK=", LONGEST + 1)),
	    ST_TOO_LARGE);
	assert_string_equal(out, "");
	assert_non_null(strstr(why, "longer than the path of a socket"));

	places.variable = long_path("", LONGEST);
	assert_int_equal(keygen_socket(&places, out, why, sizeof(why)), ST_OK);
	assert_string_equal(out, places.variable);
	places.variable = long_path("", LONGEST + 1);
	assert_int_equal(keygen_socket(&places, out, why, sizeof(why)),
	    ST_TOO_LARGE);
	assert_string_equal(out, "");
	assert_non_null(strstr(why, "longer than the path of a socket"));
}

/* --- which place decides ------------------------------------------------ */

static void
found(const char *path)
{
	why[0] = '\0';
	memset(out, 'x', sizeof(out));
	if (keygen_socket(&places, out, why, sizeof(why)) != ST_OK)
		fail_msg("%s", why);
	assert_string_equal(out, path);
}

static void
refused(int wanted, const char *part)
{
	why[0] = '\0';
	memset(out, 'x', sizeof(out));
	assert_int_equal(keygen_socket(&places, out, why, sizeof(why)),
	    wanted);
	assert_string_equal(out, "");
	if (strstr(why, part) == NULL)
		fail_msg("%s", why);
}

static void
the_first_place_decides(void **state)
{
	static const char text[] = "SSH_AUTH_SOCK=/from/file\n";

	(void)state;
	refused(ST_NOT_FOUND, "is no socket");
	make_socket(sock);
	found(sock);
	make("X=1\n", 4);
	found(sock);
	make(text, strlen(text));
	found("/from/file");
	places.variable = "";
	found("/from/file");
	places.variable = "/from/variable";
	found("/from/variable");
	places.home = NULL;
	found("/from/variable");
	places.variable = NULL;
	found(sock);
	assert_int_equal(unlink(sock), 0);
	refused(ST_NOT_FOUND, "is no socket");
}

static void
only_a_socket_is_one(void **state)
{
	char other[160];

	(void)state;
	(void)snprintf(other, sizeof(other), "%s.other", sock);
	make_socket(other);
	assert_int_equal(symlink(other, sock), 0);
	refused(ST_NOT_FOUND, "is no socket");
	assert_int_equal(unlink(sock), 0);
	assert_int_equal(mkdir(sock, 0700), 0);
	refused(ST_NOT_FOUND, "is no socket");
	assert_string_equal(KEYGEN_SOCKET, OPTIONS_SOCKET);
}

static void
a_variable_that_is_no_path_is_an_error(void **state)
{
	(void)state;
	make_socket(sock);
	places.variable = "agent.sock";
	refused(ST_MALFORMED, "BOTTLE_AGENT_SOCK is not an absolute path");
	places.variable = "/a\nb";
	refused(ST_MALFORMED, "has a control byte in it");
	places.variable = "/a\x7f";
	refused(ST_MALFORMED, "has a control byte in it");
	assert_null(strchr(why, '\x7f'));
	assert_non_null(strstr(why, "or unset it"));
}

static void
a_file_that_cannot_be_used_is_an_error(void **state)
{
	static const char text[] = "SSH_AUTH_SOCK=/from/file\n";
	char other[160], *large;

	(void)state;
	make_socket(sock);
	make("\nSSH_AUTH_SOCK=here\n", 20);
	refused(ST_MALFORMED, "line 2: the value");
	assert_non_null(strstr(why, file));

	make(text, strlen(text));
	assert_int_equal(chmod(file, 0620), 0);
	refused(ST_UNTRUSTED, "chmod go-w");
	assert_int_equal(chmod(file, 0644), 0);
	found("/from/file");
	assert_int_equal(chmod(home, 0777), 0);
	refused(ST_UNTRUSTED, "chmod go-w");
	assert_int_equal(chmod(home, 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(file, 65533, 0), 0);
		refused(ST_UNTRUSTED, "belongs to uid 65533");
	}

	/* Neither another file nor a pipe that nobody writes to. */
	(void)snprintf(other, sizeof(other), "%s.other", file);
	assert_int_equal(rename(file, other), 0);
	assert_int_equal(symlink(other, file), 0);
	refused(ST_UNTRUSTED, "symbolic link");
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkfifo(file, 0600), 0);
	refused(ST_UNTRUSTED, "not a plain file");
	assert_int_equal(unlink(file), 0);
	found(sock);

	/* At the limit and one past it. */
	large = malloc(KEYGEN_FILE_MAX + 1);
	assert_non_null(large);
	memset(large, '\n', KEYGEN_FILE_MAX + 1);
	memcpy(large, text, strlen(text));
	make(large, KEYGEN_FILE_MAX);
	found("/from/file");
	make(large, KEYGEN_FILE_MAX + 1);
	refused(ST_TOO_LARGE, "more than 65536 bytes");
	free(large);
}

static void
a_home_that_is_too_long_is_an_error(void **state)
{
	char *longest = malloc(PATH_MAX + 2);

	(void)state;
	assert_non_null(longest);
	memset(longest, 'h', PATH_MAX + 1);
	longest[0] = '/';
	longest[PATH_MAX + 1] = '\0';
	places.home = longest;
	refused(ST_TOO_LARGE, "too long");
	/* All of it fits, but no directory can have such a name. */
	longest[PATH_MAX - sizeof(KEYGEN_FILE) - 1] = '\0';
	refused(ST_TOO_LARGE, "too long");
	free(longest);
}

/* --- the real one ------------------------------------------------------- */

/* Run ${program} in a child with ${argv}; the status, and what it printed. */
static int
run(const char *program, char **argv, char *text, size_t cap)
{
	ssize_t n = 0, got;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		(void)close(fds[0]);
		(void)close(fds[1]);
		status = keygen_run(program, argv, why, sizeof(why));
		(void)!write(STDOUT_FILENO, why, strlen(why));
		_exit(status);
	}
	(void)close(fds[1]);
	while ((got = read(fds[0], text + n, cap - 1 - (size_t)n)) > 0)
		n += got;
	text[n] = '\0';
	(void)close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Make a script at ${file}. */
static void
make_script(const char *text)
{
	make(text, strlen(text));
	assert_int_equal(chmod(file, 0700), 0);
}

static void
every_argument_is_passed_on(void **state)
{
	char a0[] = "bottle-ssh-keygen", a1[] = "-Y", a2[] = "", a3[] = "a b",
	    a4[] = "--", a5[] = "--version", c[] = "-c",
	    print[] = "printf %s \"$0\"";
	char *argv[] = { a0, a1, a2, a3, a4, a5, NULL };
	char *shell[] = { a0, c, print, NULL };
	/* Behind the end of nothing is no argument. */
	char *alone[] = { NULL, (char *)1, NULL };
	char text[256], wanted[256];

	(void)state;
	make_script("#!/bin/sh\nprintf '<%s>' \"$0\" \"$@\"\nexit 7\n");
	assert_int_equal(run(file, argv, text, sizeof(text)), 7);
	(void)snprintf(wanted, sizeof(wanted),
	    "<%s><-Y><><a b><--><--version>", file);
	assert_string_equal(text, wanted);
	assert_int_equal(run(file, alone, text, sizeof(text)), 7);
	/* Its messages name it, and not us. */
	assert_int_equal(run("/bin/sh", shell, text, sizeof(text)), 0);
	assert_string_equal(text, "/bin/sh");
}

static void
what_cannot_be_run_is_told_apart(void **state)
{
	char a0[] = "x";
	char *argv[] = { a0, NULL };
	char text[1024];

	(void)state;
	assert_int_equal(run(file, argv, text, sizeof(text)),
	    KEYGEN_EXIT_MISSING);
	assert_non_null(strstr(text, file));
	assert_non_null(strstr(text, "install OpenSSH's"));
	make("#!/bin/sh\n", 10);
	assert_int_equal(run(file, argv, text, sizeof(text)),
	    KEYGEN_EXIT_CANNOT);
	assert_non_null(strstr(text, "Permission denied"));
	make_script("\177ELF");
	assert_int_equal(run(file, argv, text, sizeof(text)),
	    KEYGEN_EXIT_CANNOT);
	assert_non_null(strstr(text, "cannot run"));
}

static void
it_does_not_run_itself(void **state)
{
	char a0[] = "x", self[PATH_MAX];
	char *argv[] = { a0, NULL };
	char text[8192];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	(void)state;
	assert_true(n > 0);
	self[n] = '\0';
	assert_int_equal(symlink(self, file), 0);
	assert_int_equal(run(file, argv, text, sizeof(text)),
	    KEYGEN_EXIT_CANNOT);
	assert_non_null(strstr(text, "is this program itself"));
}

#define OWN_TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read_as_a_shell_reads_them),
		cmocka_unit_test(lines_that_are_not_for_us_are_passed_over),
		cmocka_unit_test(values_that_are_none_name_their_line),
		cmocka_unit_test(nothing_for_us_is_not_found),
		OWN_TEST(longest_path_is_met_and_not_passed),
		OWN_TEST(the_first_place_decides),
		OWN_TEST(only_a_socket_is_one),
		OWN_TEST(a_variable_that_is_no_path_is_an_error),
		OWN_TEST(a_file_that_cannot_be_used_is_an_error),
		OWN_TEST(a_home_that_is_too_long_is_an_error),
		OWN_TEST(every_argument_is_passed_on),
		OWN_TEST(what_cannot_be_run_is_told_apart),
		OWN_TEST(it_does_not_run_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
