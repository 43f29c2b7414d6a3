#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fdio.h"

/* Run ${fn} in a child; its exit status, or 128 and the signal. */
static int
in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    128 + WTERMSIG(status);
}

static bool
is_null(int fd)
{
	struct stat sb;

	return fstat(fd, &sb) == 0 && S_ISCHR(sb.st_mode) &&
	    sb.st_rdev == makedev(1, 3);
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int
child_std_open(void)
{
	int fd[2];

	if (pipe(fd) != 0 || dup2(fd[1], 1) != 1)
		return 1;
	close(0);
	close(2);
	if (fdio_std_open() != ST_OK)
		return 2;
	/* The holes are filled and what was open stays. */
	if (!is_null(0) || is_null(1) || !is_null(2))
		return 3;
	return (fcntl(0, F_GETFD) | fcntl(2, F_GETFD)) == 0 ? 0 : 4;
}

static void
std_open_fills_the_holes_only(void **state)
{
	(void)state;
	assert_int_equal(in_child(child_std_open), 0);
}

static int
child_std_null(void)
{
	int before = dup(1);

	close(before);
	close(0);
	if (fdio_std_null() != ST_OK)
		return 1;
	if (!is_null(0) || !is_null(1) || !is_null(2))
		return 2;
	if ((fcntl(0, F_GETFD) | fcntl(1, F_GETFD) | fcntl(2, F_GETFD)) != 0)
		return 3;
	/* No descriptor is left over. */
	return is_open(before) ? 4 : 0;
}

static void
std_null_replaces_all_three(void **state)
{
	(void)state;
	assert_int_equal(in_child(child_std_null), 0);
}

static int
child_sweep(void)
{
	static const int keep[] = { 1, 5, 7, 7, 8, 20 };
	int fd;

	for (fd = 3; fd < 30; fd++) {
		if (dup2(2, fd) != fd)
			return 1;
	}
	fdio_sweep(keep, sizeof(keep) / sizeof(keep[0]));
	for (fd = 0; fd < 64; fd++) {
		bool wanted = fd <= 2 || fd == 5 || fd == 7 || fd == 8 ||
		    fd == 20;

		if (is_open(fd) != wanted)
			return 10 + fd;
	}
	fdio_sweep(NULL, 0);
	return is_open(5) || !is_open(2) ? 2 : 0;
}

/* What an old seccomp profile does to close_range(2). */
static int
forbid_close_range(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int
child_sweep_forbidden(void)
{
	if (forbid_close_range() != 0)
		return 77;
	if (close_range(200, 300, 0) == 0)
		return 78;
	return child_sweep();
}

static void
sweep_works_where_close_range_is_forbidden(void **state)
{
	int rc = in_child(child_sweep_forbidden);

	(void)state;
	if (rc == 77 || rc == 78)
		skip();
	assert_int_equal(rc, 0);
}

static void
sweep_closes_all_but_the_kept(void **state)
{
	(void)state;
	assert_int_equal(in_child(child_sweep), 0);
}

static void
read_full_says_how_much_came_before_the_end(void **state)
{
	char got[8];
	size_t n = 99;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(fdio_write_full(fd[1], "abcdefg", 7), ST_OK);
	assert_int_equal(fdio_read_full(fd[0], got, 3, &n), ST_OK);
	assert_int_equal(n, 3);
	assert_int_equal(fdio_read_full(fd[0], got, 0, NULL), ST_OK);
	close(fd[1]);
	assert_int_equal(fdio_read_full(fd[0], got, 8, &n), ST_CLOSED);
	assert_int_equal(n, 4);
	assert_memory_equal(got, "defg", 4);
	close(fd[0]);
	assert_int_equal(fdio_read_full(-1, got, 1, &n), ST_SYSTEM);
	assert_int_equal(errno, EBADF);
	assert_int_equal(n, 0);
	assert_int_equal(fdio_write_full(-1, got, 1), ST_SYSTEM);
}

static void
ignore(int signo)
{
	(void)signo;
}

/* Many times what a pipe holds, a slow reader, and a stream of signals. */
static void
whole_transfers_survive_signals_and_short_counts(void **state)
{
	struct sigaction sa = { .sa_handler = ignore }, before;
	static uint8_t out[1000000], in[sizeof(out)];
	pid_t writer, pest;
	int fd[2], status;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 >> 3);
	assert_int_equal(sigaction(SIGUSR1, &sa, &before), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	if ((writer = fork()) == 0)
		_exit(fdio_write_full(fd[1], out, sizeof(out)) == ST_OK ?
		    0 : 1);
	if ((pest = fork()) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			kill(writer, SIGUSR1);
			kill(getppid(), SIGUSR1);
			usleep(100);
		}
	}
	assert_true(writer > 0 && pest > 0);
	close(fd[1]);
	assert_int_equal(fdio_read_full(fd[0], in, sizeof(in), &n), ST_OK);
	assert_int_equal(kill(pest, SIGKILL), 0);
	assert_int_equal(waitpid(pest, &status, 0), pest);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_int_equal(status, 0);
	assert_int_equal(n, sizeof(in));
	assert_memory_equal(in, out, sizeof(in));
	close(fd[0]);
	sigaction(SIGUSR1, &before, NULL);
}

static int
child_write_to_closed(void)
{
	int fd[2];

	signal(SIGPIPE, SIG_DFL);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
		return 1;
	close(fd[0]);
	return fdio_write_full(fd[1], "x", 1) == ST_CLOSED ? 0 : 2;
}

static void
write_to_a_closed_socket_raises_no_signal(void **state)
{
	(void)state;
	assert_int_equal(in_child(child_write_to_closed), 0);
}

static void
nonblock_makes_reads_return(void **state)
{
	char c;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(fdio_nonblock(fd[0]), ST_OK);
	assert_int_equal(fdio_nonblock(fd[0]), ST_OK);
	assert_int_equal(read(fd[0], &c, 1), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(fdio_nonblock(-1), ST_SYSTEM);
	close(fd[0]);
	close(fd[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(std_open_fills_the_holes_only),
		cmocka_unit_test(std_null_replaces_all_three),
		cmocka_unit_test(sweep_closes_all_but_the_kept),
		cmocka_unit_test(sweep_works_where_close_range_is_forbidden),
		cmocka_unit_test(read_full_says_how_much_came_before_the_end),
		cmocka_unit_test(
		    whole_transfers_survive_signals_and_short_counts),
		cmocka_unit_test(write_to_a_closed_socket_raises_no_signal),
		cmocka_unit_test(nonblock_makes_reads_return),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
