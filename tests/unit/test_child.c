/*
 * Programs that are run: what they get, what is kept of them, and that they are
 * gone in the end.
 */

#include "provision/child.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fdio.h"

/* Longer than any of this takes. */
#define LONG_MS		60000

static char dir[64];
static char file[128];
static char why[512];
static struct child c;

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/child.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(file, sizeof(file), "%s/program", dir);
	child_signals();
	why[0] = '\0';
	return 0;
}

static int
teardown(void **state)
{
	char command[96];

	(void)state;
	child_fini(&c);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void
make(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* A shell with one command; everything is kept. */
static struct child_spec
shell(char **argv, char *command)
{
	static char sh[] = "sh", dash_c[] = "-c";

	argv[0] = sh;
	argv[1] = dash_c;
	argv[2] = command;
	argv[3] = NULL;
	return (struct child_spec){
		.program = "/bin/sh",
		.argv = argv,
		.out = CHILD_KEEP,
		.err = CHILD_KEEP,
		.out_max = 1000000,
		.err_max = 1000,
		.time_ms = LONG_MS,
	};
}

static int
run(const char *command)
{
	char *argv[4], *copy = strdup(command);
	struct child_spec spec;
	int st;

	assert_non_null(copy);
	spec = shell(argv, copy);
	child_fini(&c);
	st = child_run(&c, &spec, why, sizeof(why));
	free(copy);
	return st;
}

/* Drive it to its end. */
static int
drive(void)
{
	struct pollfd fds[CHILD_FDS];
	int st;

	do {
		child_fds(&c, fds);
		(void)poll(fds, CHILD_FDS, child_wait_ms(&c));
		st = child_turn(&c, fds);
	} while (st == ST_MORE);
	return st;
}

/* How many descriptors there are. */
static size_t
open_fds(void)
{
	size_t n = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* --- what it gets -------------------------------------------------------- */

static void
output_and_status_are_kept_apart(void **state)
{
	(void)state;
	assert_int_equal(run("printf 'a b'; printf 'c\\n' >&2; exit 7"), ST_OK);
	assert_true(WIFEXITED(c.status));
	assert_int_equal(WEXITSTATUS(c.status), 7);
	assert_string_equal(c.out_text.p, "a b");
	assert_int_equal(c.out_text.len, 3);
	assert_string_equal(c.err_text.p, "c\n");
	assert_false(c.out_text.over || c.err_text.over);
	assert_int_equal(c.out, -1);
	assert_int_equal(c.err, -1);

	assert_int_equal(run("kill -9 $$"), ST_OK);
	assert_true(WIFSIGNALED(c.status));
	assert_int_equal(WTERMSIG(c.status), SIGKILL);
	assert_null(c.out_text.p);
}

static void
arguments_go_through_no_shell(void **state)
{
	char a0[] = "zero", a1[] = "$(id) `id`", a2[] = "", a3[] = "a\nb'\"\\";
	char *argv[] = { a0, a1, a2, a3, NULL };
	struct child_spec spec = { .program = file, .argv = argv,
		.out = CHILD_KEEP, .out_max = 1000, .time_ms = LONG_MS };

	(void)state;
	make(file, "#!/bin/sh\nprintf '<%s>' \"$@\"\n", 0700);
	assert_int_equal(child_run(&c, &spec, why, sizeof(why)), ST_OK);
	assert_string_equal(c.out_text.p, "<$(id) `id`><><a\nb'\"\\>");
}

static void
it_has_three_descriptors_and_no_more(void **state)
{
	int leak = fcntl(0, F_DUPFD, 200), null = open("/dev/null", O_RDONLY);

	(void)state;
	assert_true(leak >= 200 && null >= 0);
	assert_int_equal(run("ls /proc/self/fd/ | tr '\\n' ' '; "
	    "readlink /proc/self/fd/0"), ST_OK);
	/* 3 is the folder that ls reads. */
	assert_string_equal(c.out_text.p, "0 1 2 3 /dev/null\n");
	(void)close(leak);
	(void)close(null);
}

static void
what_is_nothing_is_dev_null(void **state)
{
	char command[] = "exec 3>&1; readlink /proc/self/fd/3 >&2";
	char *argv[4];
	struct child_spec spec = shell(argv, command);

	(void)state;
	spec.out = CHILD_NULL;
	assert_int_equal(child_run(&c, &spec, why, sizeof(why)), ST_OK);
	assert_string_equal(c.err_text.p, "/dev/null\n");
}

static void
it_starts_with_plain_signals(void **state)
{
	sigset_t set, old;

	(void)state;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	assert_int_equal(run("grep -E '^Sig(Blk|Ign)' /proc/self/status | "
	    "tr -d '0:\\n\\t'"), ST_OK);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	assert_string_equal(c.out_text.p, "SigBlkSigIgn");
}

static void
its_environment_is_ours_or_the_one_given(void **state)
{
	char command[] = "printf %s \"$A$B\"", a[] = "A=one";
	char *argv[4], *envp[] = { a, NULL };
	struct child_spec spec = shell(argv, command);

	(void)state;
	assert_int_equal(setenv("B", "two", 1), 0);
	assert_int_equal(child_run(&c, &spec, why, sizeof(why)), ST_OK);
	assert_string_equal(c.out_text.p, "two");
	child_fini(&c);
	spec.envp = envp;
	assert_int_equal(child_run(&c, &spec, why, sizeof(why)), ST_OK);
	assert_string_equal(c.out_text.p, "one");
}

static void
another_user_is_for_good_and_has_his_groups(void **state)
{
	const gid_t groups[] = { 4321, 4322 };
	const struct child_user user = { 12345, 4321, groups, 2 };
	char command[] = "grep -E '^(Uid|Gid|Groups)' /proc/self/status | "
	    "tr -s ' \\t\\n' '   '";
	char *argv[4];
	struct child_spec spec = shell(argv, command);

	(void)state;
	if (geteuid() != 0)
		skip();
	spec.user = &user;
	assert_int_equal(child_run(&c, &spec, why, sizeof(why)), ST_OK);
	assert_string_equal(c.out_text.p, "Uid: 12345 12345 12345 12345 "
	    "Gid: 4321 4321 4321 4321 Groups: 4321 4322 ");
}

static void
who_is_not_root_becomes_nobody_else(void **state)
{
	const struct child_user user = { 0, 0, NULL, 0 };
	char command[] = "id -u";
	char *argv[4];
	struct child_spec spec = shell(argv, command);
	int status, st;
	pid_t pid;

	(void)state;
	spec.user = &user;
	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && setuid(12345) != 0)
			_exit(1);
		st = child_start(&c, &spec, why, sizeof(why));
		_exit(st == ST_DENIED && strstr(why, "cannot become") != NULL ?
		    0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The stderr that we have, or none. */
static void
stderr_can_be_ours(void **state)
{
	char command[] = "echo said >&2; test -t 0 && exit 7; exit 0";
	char *argv[4], text[16] = "";
	struct child_spec spec = shell(argv, command);
	int fds[2], err = fcntl(2, F_DUPFD_CLOEXEC, 10);
	size_t before;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(dup2(fds[1], 2), 2);
	spec.err = CHILD_INHERIT;
	before = open_fds();
	assert_int_equal(child_run(&c, &spec, why, sizeof(why)), ST_OK);
	assert_int_equal(open_fds(), before);
	(void)close(2);
	child_fini(&c);
	assert_int_equal(child_run(&c, &spec, why, sizeof(why)), ST_OK);
	assert_int_equal(dup2(err, 2), 2);
	(void)close(err);
	(void)close(fds[1]);
	assert_int_equal(c.status, 0);
	/* Once, and then the end. */
	assert_int_equal(read(fds[0], text, sizeof(text) - 1), 5);
	assert_string_equal(text, "said\n");
	assert_int_equal(read(fds[0], text, 1), 0);
	(void)close(fds[0]);
}

/* With one it is in test_addpoint. */
static void
without_a_terminal_stdin_is_empty(void **state)
{
	char command[] = "test ! -t 0 && ! read x";
	char *argv[4];
	struct child_spec spec = shell(argv, command);
	int status;
	pid_t pid;

	(void)state;
	spec.in = CHILD_TTY;
	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		if (setsid() < 0 ||
		    child_start(&c, &spec, why, sizeof(why)) != ST_OK ||
		    c.in != -1 || drive() != ST_OK)
			_exit(1);
		_exit(c.status == 0 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* --- what does not start ------------------------------------------------- */

static void
what_cannot_be_run_leaves_nothing(void **state)
{
	char a0[] = "x";
	char *argv[] = { a0, NULL };
	struct child_spec spec = { .program = file, .argv = argv,
		.in = CHILD_PIPE, .out = CHILD_PIPE, .err = CHILD_PIPE };
	size_t before = open_fds();

	(void)state;
	assert_int_equal(child_start(&c, &spec, why, sizeof(why)),
	    ST_NOT_FOUND);
	assert_non_null(strstr(why, file));
	assert_non_null(strstr(why, strerror(ENOENT)));
	make(file, "#!/bin/sh\n", 0600);
	assert_int_equal(child_start(&c, &spec, why, sizeof(why)), ST_DENIED);
	assert_int_equal(c.in, -1);
	assert_int_equal(c.out, -1);
	assert_int_equal(open_fds(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* valgrind, which looks at a program before it runs it, ends here. */
static void
what_the_kernel_does_not_run_is_told(void **state)
{
	char a0[] = "x";
	char *argv[] = { a0, NULL };
	struct child_spec spec = { .program = file, .argv = argv };

	(void)state;
	make(file, "#!/no/such/shell\n", 0700);
	assert_int_equal(child_start(&c, &spec, why, sizeof(why)),
	    ST_NOT_FOUND);
	make(file, "\177ELF", 0700);
	assert_int_equal(child_start(&c, &spec, why, sizeof(why)), ST_DENIED);
	assert_non_null(strstr(why, strerror(ENOEXEC)));
}

/* --- caps and time ------------------------------------------------------- */

static void
stdout_may_be_as_long_as_its_cap(void **state)
{
	char command[] = "head -c 70000 /dev/zero | tr '\\0' x";
	char *argv[4];
	struct child_spec spec = shell(argv, command);

	(void)state;
	spec.out_max = 70000;
	assert_int_equal(child_run(&c, &spec, why, sizeof(why)), ST_OK);
	assert_int_equal(c.out_text.len, 70000);
	assert_int_equal(strspn(c.out_text.p, "x"), 70000);
	child_fini(&c);
	spec.out_max = 69999;
	assert_int_equal(child_run(&c, &spec, why, sizeof(why)), ST_TOO_LARGE);
	assert_non_null(strstr(why, "more than 69999 bytes"));
	assert_int_equal(c.out_text.len, 69999);
}

static void
endless_output_is_ended(void **state)
{
	int64_t start = clock_ms();

	(void)state;
	assert_int_equal(run("exec cat /dev/zero"), ST_TOO_LARGE);
	assert_int_equal(WTERMSIG(c.status), SIGKILL);
	assert_true(clock_ms() - start < LONG_MS / 2);
}

static void
of_stderr_the_first_bytes_are_kept(void **state)
{
	(void)state;
	assert_int_equal(run("printf begin >&2; head -c 300000 /dev/zero >&2; "
	    "printf done"), ST_OK);
	assert_int_equal(c.err_text.len, 1000);
	assert_true(c.err_text.over);
	assert_memory_equal(c.err_text.p, "begin\0", 6);
	assert_string_equal(c.out_text.p, "done");
}

static void
its_time_is_up(void **state)
{
	char command[] = "echo here; exec sleep 60";
	char *argv[4];
	struct child_spec spec = shell(argv, command);
	int64_t start = clock_ms();

	(void)state;
	spec.time_ms = 1000;
	assert_int_equal(child_run(&c, &spec, why, sizeof(why)), ST_BUSY);
	assert_in_range(clock_ms() - start, 1000, LONG_MS / 2);
	assert_non_null(strstr(why, "not ended in 1 s"));
	assert_int_equal(WTERMSIG(c.status), SIGKILL);
	assert_string_equal(c.out_text.p, "here\n");
}

/* Whether there is such a process that has not ended. */
static bool
is_running(pid_t pid)
{
	char path[64], line[256] = "";
	const char *state;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	if ((f = fopen(path, "r")) == NULL)
		return false;
	(void)!fgets(line, sizeof(line), f);
	(void)fclose(f);
	state = strrchr(line, ')');
	return state != NULL && state[1] == ' ' && state[2] != 'Z' &&
	    state[2] != 'X';
}

static int64_t stop_ms;

/* We are told to end some time from now. */
static int
told_to_end(void)
{
	return clock_ms() >= stop_ms ? SIGTERM : 0;
}

static void
it_is_given_up_when_we_are_told_to_end(void **state)
{
	int64_t start = clock_ms();

	(void)state;
	child_heed(told_to_end);
	stop_ms = start + 300;
	assert_int_equal(run("echo here; exec sleep 60"), ST_CLOSED);
	assert_in_range(clock_ms() - start, 300, LONG_MS / 2);
	assert_string_equal(why, "/bin/sh was given up: we were told to end");
	assert_int_equal(WTERMSIG(c.status), SIGTERM);
	/* So it is where the same ^C has ended it. */
	assert_int_equal(run("kill -INT $$"), ST_CLOSED);
	/* One that does not listen is killed. */
	stop_ms = clock_ms() + 300;
	assert_int_equal(run("trap '' TERM; while :; do sleep 1; done"),
	    ST_CLOSED);
	assert_int_equal(WTERMSIG(c.status), SIGKILL);
	stop_ms = clock_ms() + LONG_MS;
	assert_int_equal(run("exit 3"), ST_OK);
	assert_int_equal(WEXITSTATUS(c.status), 3);
	child_heed(NULL);
}

/* Read a number that another process writes to the file. */
static pid_t
number_in_file(void)
{
	int64_t until = clock_ms() + LONG_MS;
	long n = 0;
	FILE *f;

	while (n == 0 && clock_ms() < until) {
		(void)poll(NULL, 0, 10);
		if ((f = fopen(file, "r")) == NULL)
			continue;
		if (fscanf(f, "%ld\n", &n) != 1)
			n = 0;
		(void)fclose(f);
	}
	return (pid_t)n;
}

static void
it_does_not_outlive_us(void **state)
{
	static const int signals[] = { SIGTERM, SIGKILL };
	int64_t until;
	char command[512];
	pid_t us, it;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		(void)unlink(file);
		(void)snprintf(command, sizeof(command), "echo $$ >%s.new; "
		    "mv %s.new %s; exec sleep 60", file, file, file);
		assert_true((us = fork()) >= 0);
		if (us == 0) {
			(void)run(command);
			_exit(0);
		}
		assert_true((it = number_in_file()) > 0);
		assert_int_equal(kill(us, signals[i]), 0);
		assert_int_equal(waitpid(us, NULL, 0), us);
		/* It is a child of init now, which may not reap it. */
		until = clock_ms() + LONG_MS / 2;
		while (clock_ms() < until && is_running(it))
			(void)poll(NULL, 0, 10);
		if (is_running(it)) {
			(void)kill(it, SIGKILL);
			fail_msg("it runs on after signal %d", signals[i]);
		}
	}
}

static void
who_closes_everything_is_waited_for(void **state)
{
	(void)state;
	assert_int_equal(run("exec >&- 2>&- <&-; sleep 0.3; exit 9"), ST_OK);
	assert_int_equal(WEXITSTATUS(c.status), 9);
}

static void
what_was_written_before_the_end_is_all_kept(void **state)
{
	char command[] = "head -c 60000 /dev/zero";
	char *argv[4];
	struct child_spec spec = shell(argv, command);
	siginfo_t info;

	(void)state;
	assert_int_equal(child_start(&c, &spec, why, sizeof(why)), ST_OK);
	/* It has ended when we look for the first time. */
	assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(child_turn(&c, NULL), ST_OK);
	assert_int_equal(c.out_text.len, 60000);
}

static void
what_is_left_in_the_background_is_not_waited_for(void **state)
{
	int64_t start = clock_ms();

	(void)state;
	assert_int_equal(run("sleep 20 & echo $!"), ST_OK);
	assert_true(clock_ms() - start < 15000);
	assert_int_equal(kill((pid_t)atol(c.out_text.p), SIGKILL), 0);
}

/* --- talking ------------------------------------------------------------- */

static void
what_is_written_comes_back(void **state)
{
	char command[] = "cat; echo end >&2";
	char *argv[4], *big = malloc(500000), *back = malloc(500001);
	struct child_spec spec = shell(argv, command);
	struct pollfd fds[CHILD_FDS];
	size_t put = 0, got = 0, n;
	bool blocked = false;
	int st;

	(void)state;
	assert_non_null(big);
	assert_non_null(back);
	for (n = 0; n < 500000; n++)
		big[n] = (char)(n * 7 / 3);
	spec.in = CHILD_PIPE;
	spec.out = CHILD_PIPE;
	assert_int_equal(child_start(&c, &spec, why, sizeof(why)), ST_OK);
	while (c.out >= 0) {
		child_fds(&c, fds);
		assert_int_equal(fds[0].fd, c.in);
		assert_int_equal(fds[0].events | fds[1].events, 0);
		fds[0].events = POLLOUT;
		fds[1].events = POLLIN;
		(void)poll(fds, CHILD_FDS, child_wait_ms(&c));
		if (c.in >= 0) {
			st = child_write(&c, big + put, 500000 - put, &n);
			put += n;
			assert_true(st == ST_OK || st == ST_MORE);
			blocked = blocked || st == ST_MORE;
			if (st == ST_OK)
				child_close_in(&c);
		}
		/* With room for a byte that must not come. */
		st = child_read(&c, back + got, 500001 - got, &n);
		got += n;
		assert_true(st == ST_OK || st == ST_MORE || st == ST_CLOSED);
	}
	assert_int_equal(got, 500000);
	assert_true(blocked);
	assert_memory_equal(big, back, 500000);
	assert_int_equal(drive(), ST_OK);
	assert_string_equal(c.err_text.p, "end\n");
	free(big);
	free(back);
}

static void
a_pipe_can_be_read_after_the_end(void **state)
{
	char command[] = "printf late";
	char *argv[4], text[16];
	struct child_spec spec = shell(argv, command);
	size_t n;

	(void)state;
	spec.out = CHILD_PIPE;
	assert_int_equal(child_start(&c, &spec, why, sizeof(why)), ST_OK);
	assert_int_equal(drive(), ST_OK);
	assert_int_equal(child_read(&c, text, sizeof(text), &n), ST_OK);
	assert_int_equal(n, 4);
	assert_memory_equal(text, "late", 4);
	assert_int_equal(child_read(&c, text, sizeof(text), &n), ST_CLOSED);
	assert_int_equal(child_read(&c, text, sizeof(text), &n), ST_CLOSED);
}

static void
who_does_not_read_is_no_signal_to_us(void **state)
{
	char command[] = "exec <&-; echo closed; exec sleep 60";
	char *argv[4], text[16];
	struct child_spec spec = shell(argv, command);
	size_t n;

	(void)state;
	spec.in = CHILD_PIPE;
	spec.out = CHILD_PIPE;
	assert_int_equal(child_start(&c, &spec, why, sizeof(why)), ST_OK);
	while (child_read(&c, text, sizeof(text), &n) == ST_MORE) {
		struct pollfd fd = { .fd = c.out, .events = POLLIN };

		(void)poll(&fd, 1, 1000);
	}
	assert_int_equal(child_write(&c, "x", 1, &n), ST_CLOSED);
	assert_int_equal(c.in, -1);
	assert_int_equal(child_write(&c, "x", 1, &n), ST_CLOSED);
	child_kill(&c);
	assert_int_equal(WTERMSIG(c.status), SIGKILL);
	child_kill(&c);
}

static void
two_are_driven_at_once(void **state)
{
	char first[] = "read x; echo got $x", second[] = "echo from second";
	char *argv[4], *argv2[4];
	struct child_spec spec = shell(argv, first), spec2 =
	    shell(argv2, second);
	struct pollfd fds[2 * CHILD_FDS];
	struct child d;
	char buf[64];
	size_t n, put;
	int st, st2 = ST_MORE;

	(void)state;
	spec.in = CHILD_PIPE;
	spec2.out = CHILD_PIPE;
	assert_int_equal(child_start(&c, &spec, why, sizeof(why)), ST_OK);
	assert_int_equal(child_start(&d, &spec2, why, sizeof(why)), ST_OK);
	do {
		child_fds(&c, fds);
		child_fds(&d, fds + CHILD_FDS);
		fds[CHILD_FDS + 1].events = POLLIN;
		(void)poll(fds, 2 * CHILD_FDS, child_wait_ms(&c));
		/* The stdout of one is the stdin of the other. */
		if (child_read(&d, buf, sizeof(buf), &n) == ST_OK)
			assert_int_equal(child_write(&c, buf, n, &put), ST_OK);
		if (st2 == ST_MORE)
			st2 = child_turn(&d, fds + CHILD_FDS);
		st = child_turn(&c, fds);
	} while (st == ST_MORE);
	assert_int_equal(st, ST_OK);
	assert_string_equal(c.out_text.p, "got from second\n");
	for (; st2 == ST_MORE; st2 = child_turn(&d, NULL))
		(void)poll(NULL, 0, child_wait_ms(&d));
	assert_int_equal(st2, ST_OK);
	child_fini(&d);
}

/* --- other ways to begin -------------------------------------------------- */

static void
one_socket_is_stdin_and_stdout(void **state)
{
	char command[] = "read x; echo \"got $x\"; cat >&2";
	char *argv[4], text[16] = "";
	struct child_spec spec = shell(argv, command);
	size_t before = open_fds(), got;
	int fd;

	(void)state;
	spec.in = spec.out = CHILD_SOCKET;
	assert_int_equal(child_start(&c, &spec, why, sizeof(why)), ST_OK);
	assert_int_equal(c.out, -1);
	fd = child_take_socket(&c);
	assert_true(fd > 2);
	assert_int_equal(c.in, -1);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(write(fd, "a b\n", 4), 4);
	assert_int_equal(fdio_read_full(fd, text, 8, &got), ST_OK);
	assert_string_equal(text, "got a b\n");
	/* The end of it is seen, by both. */
	assert_int_equal(write(fd, "last", 4), 4);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_int_equal(drive(), ST_OK);
	assert_string_equal(c.err_text.p, "last");
	assert_int_equal(fdio_read_full(fd, text, 1, &got), ST_CLOSED);
	assert_int_equal(close(fd), 0);
	/* One that nobody takes is closed with the rest. */
	child_fini(&c);
	assert_int_equal(child_start(&c, &spec, why, sizeof(why)), ST_OK);
	child_fini(&c);
	assert_int_equal(open_fds(), before);
}

static void
stdin_may_be_a_descriptor_that_is_there(void **state)
{
	char command[] = "cat";
	char *argv[4];
	struct child_spec spec = shell(argv, command);
	int fd;

	(void)state;
	make(file, "some text", 0600);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	spec.in = CHILD_GIVEN;
	spec.in_fd = fd;
	assert_int_equal(child_run(&c, &spec, why, sizeof(why)), ST_OK);
	assert_string_equal(c.out_text.p, "some text");
	assert_int_equal(c.in, -1);
	/* It is still ours. */
	assert_int_equal(close(fd), 0);
	child_fini(&c);
	assert_int_equal(child_run(&c, &spec, why, sizeof(why)), ST_SYSTEM);
	assert_non_null(strstr(why, strerror(EBADF)));
}

static int
speak(void *arg)
{
	const char *text = arg;
	struct sigaction a;

	if (fdio_write_full(1, text, strlen(text)) != ST_OK)
		return 1;
	/* 0 to 2, and plain signals. */
	return open_fds() == 3 && sigaction(SIGPIPE, NULL, &a) == 0 &&
	    a.sa_handler == SIG_DFL ? 77 : 2;
}

static int
hang(void *arg)
{
	(void)arg;
	for (;;)
		(void)pause();
	return 0;
}

static void
a_call_runs_in_a_copy_of_the_process(void **state)
{
	char text[] = "from here";
	struct child_spec spec = { .program = "the call", .call = speak,
		.arg = text, .out = CHILD_KEEP, .out_max = 100,
		.time_ms = LONG_MS };
	int leak = fcntl(0, F_DUPFD, 200);

	(void)state;
	assert_int_equal(child_run(&c, &spec, why, sizeof(why)), ST_OK);
	assert_string_equal(c.out_text.p, "from here");
	assert_true(WIFEXITED(c.status));
	assert_int_equal(WEXITSTATUS(c.status), 77);
	child_fini(&c);
	spec.call = hang;
	spec.time_ms = 1000;
	assert_int_equal(child_run(&c, &spec, why, sizeof(why)), ST_BUSY);
	assert_non_null(strstr(why, "the call has not ended in 1 s"));
	(void)close(leak);
}

static void
the_end_takes_everything_away(void **state)
{
	char command[] = "exec sleep 60";
	char *argv[4];
	struct child_spec spec = shell(argv, command);
	size_t before = open_fds();

	(void)state;
	spec.in = CHILD_PIPE;
	assert_int_equal(child_start(&c, &spec, why, sizeof(why)), ST_OK);
	for (size_t i = 0; i < 3; i++) {
		const int fds[] = { c.in, c.out, c.err };

		assert_true(fds[i] > 2);
		assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
		assert_true(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
	}
	assert_int_equal(open_fds(), before + 3);
	child_fini(&c);
	child_fini(&c);
	assert_int_equal(open_fds(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* --- finding ------------------------------------------------------------- */

static void
programs_are_found_in_absolute_folders_only(void **state)
{
	char out[PATH_MAX], path[256], here[256], long_name[PATH_MAX + 2];

	(void)state;
	make(file, "#!/bin/sh\n", 0700);
	(void)snprintf(path, sizeof(path), "relative::/no/such:%s:/bin", dir);
	assert_int_equal(child_find("program", path, out), ST_OK);
	assert_string_equal(out, file);
	assert_int_equal(child_find("sh", path, out), ST_OK);
	assert_string_equal(out, "/bin/sh");
	assert_int_equal(child_find(file, NULL, out), ST_OK);
	assert_string_equal(out, file);

	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(child_find("program", ".", out), ST_NOT_FOUND);
	assert_int_equal(child_find("program", "", out), ST_NOT_FOUND);
	assert_int_equal(child_find("program", NULL, out), ST_NOT_FOUND);
	assert_int_equal(child_find("./program", path, out), ST_MALFORMED);
	assert_int_equal(child_find("", path, out), ST_MALFORMED);
	assert_string_equal(out, "");
	assert_int_equal(chdir(here), 0);

	/* A folder, and a file that cannot be run, are no programs. */
	make(file, "#!/bin/sh\n", 0600);
	assert_int_equal(child_find("program", path, out), ST_NOT_FOUND);
	assert_int_equal(child_find("tmp", "/", out), ST_NOT_FOUND);
	memset(long_name, '/', sizeof(long_name));
	long_name[PATH_MAX + 1] = '\0';
	assert_int_equal(child_find("sh", long_name, out), ST_NOT_FOUND);
	assert_int_equal(child_find(long_name, NULL, out), ST_MALFORMED);
}

/* Start a command that says when it is ready. */
static void
start_ready(char *command)
{
	char *argv[4];
	struct child_spec spec = shell(argv, command);
	struct pollfd p;

	child_fini(&c);
	assert_int_equal(child_start(&c, &spec, why, sizeof(why)), ST_OK);
	p = (struct pollfd){ .fd = c.out, .events = POLLIN };
	assert_int_equal(poll(&p, 1, LONG_MS), 1);
}

static void
what_is_stopped_can_clean_up(void **state)
{
	char at_once[] = "trap 'exit 3' TERM; echo; while :; do sleep 0.01; "
	    "done";
	char in_the_end[] = "n=0; trap 'n=$((n + 1)); [ $n -lt 3 ] || exit 5' "
	    "TERM; echo; while :; do sleep 0.01; done";
	char never[] = "trap '' TERM; echo; while :; do sleep 0.01; done";
	int64_t before;

	(void)state;
	start_ready(at_once);
	child_stop(&c, LONG_MS);
	assert_true(WIFEXITED(c.status));
	assert_int_equal(WEXITSTATUS(c.status), 3);
	start_ready(in_the_end);
	child_stop(&c, LONG_MS);
	assert_true(WIFEXITED(c.status));
	assert_int_equal(WEXITSTATUS(c.status), 5);
	start_ready(never);
	before = clock_ms();
	child_stop(&c, 200);
	assert_true(clock_ms() - before >= 200);
	assert_true(WIFSIGNALED(c.status));
	assert_int_equal(WTERMSIG(c.status), SIGKILL);
	/* It has ended. */
	child_stop(&c, LONG_MS);
}

static void
whoever_started_us_may_ignore_children(void **state)
{
	char at_once[] = "echo; exit 0";
	int64_t before;

	(void)state;
	assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	child_signals();
	assert_int_equal(run("exit 9"), ST_OK);
	assert_int_equal(WEXITSTATUS(c.status), 9);
	/* One that the kernel has forgotten gets no signal any more: the number
	 * may be another's. */
	assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	start_ready(at_once);
	before = clock_ms();
	while (kill(c.pid, 0) == 0 && clock_ms() - before < LONG_MS)
		(void)usleep(1000);
	before = clock_ms();
	child_stop(&c, LONG_MS);
	assert_true(clock_ms() - before < LONG_MS);
	assert_int_equal(c.pid, 0);
	child_signals();
}

#define OWN_TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OWN_TEST(output_and_status_are_kept_apart),
		OWN_TEST(arguments_go_through_no_shell),
		OWN_TEST(it_has_three_descriptors_and_no_more),
		OWN_TEST(what_is_nothing_is_dev_null),
		OWN_TEST(it_starts_with_plain_signals),
		OWN_TEST(its_environment_is_ours_or_the_one_given),
		OWN_TEST(another_user_is_for_good_and_has_his_groups),
		OWN_TEST(who_is_not_root_becomes_nobody_else),
		OWN_TEST(stderr_can_be_ours),
		OWN_TEST(without_a_terminal_stdin_is_empty),
		OWN_TEST(what_is_stopped_can_clean_up),
		OWN_TEST(whoever_started_us_may_ignore_children),
		OWN_TEST(what_cannot_be_run_leaves_nothing),
		OWN_TEST(what_the_kernel_does_not_run_is_told),
		OWN_TEST(stdout_may_be_as_long_as_its_cap),
		OWN_TEST(endless_output_is_ended),
		OWN_TEST(of_stderr_the_first_bytes_are_kept),
		OWN_TEST(its_time_is_up),
		OWN_TEST(it_is_given_up_when_we_are_told_to_end),
		OWN_TEST(it_does_not_outlive_us),
		OWN_TEST(who_closes_everything_is_waited_for),
		OWN_TEST(what_was_written_before_the_end_is_all_kept),
		OWN_TEST(what_is_left_in_the_background_is_not_waited_for),
		OWN_TEST(what_is_written_comes_back),
		OWN_TEST(a_pipe_can_be_read_after_the_end),
		OWN_TEST(who_does_not_read_is_no_signal_to_us),
		OWN_TEST(two_are_driven_at_once),
		OWN_TEST(one_socket_is_stdin_and_stdout),
		OWN_TEST(stdin_may_be_a_descriptor_that_is_there),
		OWN_TEST(a_call_runs_in_a_copy_of_the_process),
		OWN_TEST(the_end_takes_everything_away),
		OWN_TEST(programs_are_found_in_absolute_folders_only),
	};

	/* What child_fini() finds where no test has started one. */
	c = (struct child){ .in = -1, .out = -1, .err = -1 };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
