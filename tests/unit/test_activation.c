/*
 * A socket that a supervisor hands over: what is taken, and what is not.
 */

#include "agent/activation.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Beyond every status. */
#define CHILD_FAILED	100

static char dir[64];
static char path[96];

/* What a child is given as descriptor 3, and in its environment; OWN is its
 * own pid. */
struct given {
	int		 fd;		/* -1: none */
	const char	*pid, *fds;	/* NULL: not set */
	bool		 check_dir;
};
#define OWN	"own"

/* In the child: take it, and look at what came of that. */
static int
look(const struct given *g)
{
	struct unixsock u;
	char why[256] = "";
	char own[32];
	int st;

	(void)snprintf(own, sizeof(own), "%ld", (long)getpid());
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	if (g->pid != NULL)
		(void)setenv("LISTEN_PID", strcmp(g->pid, OWN) == 0 ? own :
		    g->pid, 1);
	if (g->fds != NULL)
		(void)setenv("LISTEN_FDS", g->fds, 1);
	if (g->fd < 0)
		(void)close(3);
	else if (g->fd != 3 && dup2(g->fd, 3) != 3)
		return CHILD_FAILED;
	st = activation_take(g->check_dir, &u, why, sizeof(why));
	if (st != ST_OK)
		return u.fd == -1 && u.lock_fd == -1 && (why[0] == '\0') ==
		    (st == ST_NOT_FOUND) ? st : CHILD_FAILED;
	if (u.fd != 3 || (fcntl(3, F_GETFL) & O_NONBLOCK) == 0 ||
	    (fcntl(3, F_GETFD) & FD_CLOEXEC) == 0)
		return CHILD_FAILED + 1;
	if (strcmp(u.path, path) != 0 && u.path[0] != '@')
		return CHILD_FAILED + 2;
	/* It is not ours to remove. */
	u.owner = getpid();
	unixsock_close(&u);
	if (access(path, F_OK) != 0)
		return CHILD_FAILED + 3;
	return ST_OK;
}

/* The status that a child gets. */
static int
take(const struct given *g)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(look(g));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
make_unix(int type, const char *name, size_t len, bool listening)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0 && len < sizeof(sun.sun_path));
	memcpy(sun.sun_path, name, len);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sun,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
	if (listening)
		assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/bottle-activation.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

static void
values_decide_whether_it_is_for_us(void **state)
{
	static const struct {
		const char	*pid, *fds;
		int		 st;
	} rows[] = {
		{ OWN, "1", ST_OK },
		{ NULL, NULL, ST_NOT_FOUND },
		{ OWN, NULL, ST_NOT_FOUND },
		{ NULL, "1", ST_NOT_FOUND },
		{ "1", "1", ST_MALFORMED },
		{ "", "1", ST_MALFORMED },
		{ "0", "1", ST_MALFORMED },
		{ "x", "1", ST_MALFORMED },
		{ "99999999999", "1", ST_MALFORMED },
		{ OWN, "2", ST_MALFORMED },
		{ OWN, "0", ST_MALFORMED },
		{ OWN, "", ST_MALFORMED },
		{ OWN, "01", ST_MALFORMED },
		{ OWN, "1 ", ST_MALFORMED },
	};
	int fd = make_unix(SOCK_STREAM, path, strlen(path), true);
	int got;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		got = take(&(struct given){ fd, rows[i].pid, rows[i].fds,
		    false });
		if (got != rows[i].st)
			fail_msg("row %zu: %d, not %d", i, got, rows[i].st);
	}
	(void)close(fd);
}

static void
only_a_listening_unix_stream_will_do(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fds[5], inet, i;

	(void)state;
	fds[0] = -1;
	fds[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fds[2] = make_unix(SOCK_STREAM, path, strlen(path), false);
	assert_int_equal(unlink(path), 0);
	fds[3] = make_unix(SOCK_DGRAM, path, strlen(path), false);
	assert_int_equal(unlink(path), 0);
	fds[4] = make_unix(SOCK_SEQPACKET, path, strlen(path), true);
	for (i = 0; i < 5; i++) {
		assert_int_equal(take(&(struct given){ fds[i], OWN, "1",
		    false }), ST_UNSUPPORTED);
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
	inet = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (inet < 0 || bind(inet, (const struct sockaddr *)&in,
	    sizeof(in)) != 0 || listen(inet, 4) != 0) {
		(void)close(inet);
		return;
	}
	assert_int_equal(take(&(struct given){ inet, OWN, "1", false }),
	    ST_UNSUPPORTED);
	(void)close(inet);
}

static void
where_it_lies_is_looked_at_for_a_service(void **state)
{
	int fd = make_unix(SOCK_STREAM, path, strlen(path), true);
	const struct given ask = { fd, OWN, "1", true };

	(void)state;
	assert_int_equal(take(&ask), ST_OK);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(take(&ask), ST_UNTRUSTED);
	assert_int_equal(take(&(struct given){ fd, OWN, "1", false }), ST_OK);
	assert_int_equal(chmod(dir, 0700), 0);
	(void)close(fd);
}

static void
without_a_file_it_has_a_name_that_can_be_taken(void **state)
{
	int keep = make_unix(SOCK_STREAM, path, strlen(path), true);
	char name[64] = "";
	int fd, len;

	(void)state;
	len = snprintf(name + 1, sizeof(name) - 1, "bottle\n%ld",
	    (long)getpid());
	fd = make_unix(SOCK_STREAM, name, 1 + (size_t)len, true);
	assert_int_equal(take(&(struct given){ fd, OWN, "1", false }), ST_OK);
	assert_int_equal(take(&(struct given){ fd, OWN, "1", true }),
	    ST_UNTRUSTED);
	(void)close(fd);
	(void)close(keep);
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(values_decide_whether_it_is_for_us),
		CASE(only_a_listening_unix_stream_will_do),
		CASE(where_it_lies_is_looked_at_for_a_service),
		CASE(without_a_file_it_has_a_name_that_can_be_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
