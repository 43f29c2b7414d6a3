#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/agentconn.h"

/* Somebody other than us and root. */
#define STRANGER	65534

static char dir[64];
static char path[UNIXSOCK_PATH_MAX];

/* A server in a child: it takes connections until the test ends, sends each
 * what it was told to, and counts what it got. */
struct server {
	pid_t	 pid;
	int	 fd;		/* listening; ours to close, too */
	int	 count_fd;	/* the bytes of each, a line each */
};

/* Serve one connection; the bytes that came. */
static size_t
serve_one(int c, struct slice reply, size_t piece)
{
	uint8_t buf[4096];
	size_t got = 0, at, part;
	ssize_t n;

	/* A request first, if there is one, then the reply, then the rest. */
	if ((n = read(c, buf, sizeof(buf))) > 0) {
		got = (size_t)n;
		for (at = 0; at < reply.len; at += part) {
			part = reply.len - at < piece ? reply.len - at :
			    piece;
			if (send(c, reply.p + at, part, MSG_NOSIGNAL) < 0)
				break;
		}
		(void)shutdown(c, SHUT_WR);
		while ((n = read(c, buf, sizeof(buf))) > 0)
			got += (size_t)n;
	}
	(void)close(c);
	return got;
}

/* Listen at the path, as uid, and serve from a child. */
static struct server
serve(uid_t uid, struct slice reply, size_t piece)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct server s = { .pid = -1 };
	int count[2], c;

	assert_int_equal(pipe(count), 0);
	(void)unlink(path);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	assert_true((s.fd = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0);
	assert_int_equal(bind(s.fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	/* Whoever calls listen(2) is who the client sees. */
	assert_int_equal(setresuid((uid_t)-1, uid, (uid_t)-1), 0);
	assert_int_equal(listen(s.fd, 8), 0);
	assert_int_equal(setresuid((uid_t)-1, getuid(), (uid_t)-1), 0);
	(void)chmod(path, 0666);
	s.count_fd = count[0];
	if ((s.pid = fork()) == 0) {
		(void)close(count[0]);
		while ((c = accept(s.fd, NULL, NULL)) >= 0)
			if (dprintf(count[1], "%zu\n",
			    serve_one(c, reply, piece)) < 0)
				break;
		_exit(0);
	}
	assert_true(s.pid > 0);
	(void)close(count[1]);
	return s;
}

/* End the server after that many connections, and never more; the bytes that
 * it got in all. */
static long
stop(struct server *s, unsigned connections)
{
	long got = 0, n;
	FILE *f;

	assert_non_null(f = fdopen(s->count_fd, "r"));
	for (unsigned i = 0; i < connections; i++, got += n)
		assert_int_equal(fscanf(f, "%ld", &n), 1);
	(void)shutdown(s->fd, SHUT_RDWR);
	(void)close(s->fd);
	assert_int_equal(fscanf(f, "%ld", &n), EOF);
	(void)fclose(f);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
	(void)unlink(path);
	return got;
}

static const struct slice no_reply = { NULL, 0 };

static void
a_socket_that_nobody_serves(void **state)
{
	struct server s;
	struct agentconn c;
	char why[256], missing[80];

	(void)state;
	assert_int_equal(agentconn_open(&c, path, AGENTCONN_TRUSTED, why,
	    sizeof(why)), ST_NOT_FOUND);
	assert_non_null(strstr(why, path));
	assert_non_null(strstr(why, "no such file; --load starts one, and -a"));
	assert_int_equal(c.fd, -1);
	(void)snprintf(missing, sizeof(missing), "%s/no/socket", dir);
	assert_int_equal(agentconn_open(&c, missing, AGENTCONN_TRUSTED, why,
	    sizeof(why)), ST_NOT_FOUND);

	s = serve(geteuid(), no_reply, 1);
	(void)kill(s.pid, SIGKILL);
	assert_int_equal(waitpid(s.pid, NULL, 0), s.pid);
	(void)close(s.fd);
	(void)close(s.count_fd);
	assert_int_equal(agentconn_open(&c, path, AGENTCONN_TRUSTED, why,
	    sizeof(why)), ST_CLOSED);
	assert_non_null(strstr(why, "listens; --load starts one, and -a"));
	assert_int_equal(unlink(path), 0);
}

static void
a_server_of_another_uid_gets_no_byte(void **state)
{
	struct server s;
	struct agentconn c;
	char why[256];

	(void)state;
	if (geteuid() != 0)
		skip();
	s = serve(STRANGER, no_reply, 1);
	assert_int_equal(agentconn_open(&c, path, AGENTCONN_TRUSTED, why,
	    sizeof(why)), ST_UNTRUSTED);
	assert_non_null(strstr(why, "65534"));
	assert_int_equal(c.fd, -1);
	assert_int_equal(agentconn_open(&c, path, AGENTCONN_SHARED_DIR, why,
	    sizeof(why)), ST_UNTRUSTED);
	/* Where nothing secret is sent, it does not matter. */
	assert_int_equal(agentconn_open(&c, path, AGENTCONN_ANYONE, why,
	    sizeof(why)), ST_OK);
	agentconn_close(&c);
	assert_int_equal(stop(&s, 3), 0);
}

static void
a_socket_that_we_may_not_open(void **state)
{
	struct server s;
	struct agentconn c;
	char why[256];
	int st;

	(void)state;
	if (geteuid() != 0)
		skip();
	s = serve(0, no_reply, 1);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(seteuid(STRANGER), 0);
	st = agentconn_open(&c, path, AGENTCONN_ANYONE, why, sizeof(why));
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(st, ST_DENIED);
	assert_non_null(strstr(why, "no permission"));
	assert_non_null(strstr(why, path));
	assert_int_equal(c.fd, -1);
	assert_int_equal(stop(&s, 0), 0);
	assert_int_equal(chmod(dir, 0700), 0);
}

static void
a_directory_of_everybody_is_not_even_connected_to(void **state)
{
	struct server s;
	struct agentconn c;
	char why[256];

	(void)state;
	s = serve(geteuid(), no_reply, 1);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(agentconn_open(&c, path, AGENTCONN_TRUSTED, why,
	    sizeof(why)), ST_UNTRUSTED);
	assert_non_null(strstr(why, dir));
	/* Sticky is not enough here. */
	assert_int_equal(chmod(dir, 01777), 0);
	assert_int_equal(agentconn_open(&c, path, AGENTCONN_TRUSTED, why,
	    sizeof(why)), ST_UNTRUSTED);
	assert_int_equal(chmod(dir, 0770), 0);
	assert_int_equal(agentconn_open(&c, path, AGENTCONN_TRUSTED, why,
	    sizeof(why)), ST_UNTRUSTED);
	assert_int_equal(stop(&s, 0), 0);

	s = serve(geteuid(), no_reply, 1);
	assert_int_equal(agentconn_open(&c, path, AGENTCONN_SHARED_DIR, why,
	    sizeof(why)), ST_OK);
	agentconn_close(&c);
	agentconn_close(&c);
	assert_int_equal(stop(&s, 1), 0);
	assert_int_equal(chmod(dir, 0700), 0);
}

static void
a_symlink_in_the_path_is_judged_by_where_it_leads(void **state)
{
	struct server s;
	struct agentconn c;
	char why[256], link[80], via[96];

	(void)state;
	s = serve(geteuid(), no_reply, 1);
	(void)snprintf(link, sizeof(link), "%s.link", dir);
	(void)snprintf(via, sizeof(via), "%s/socket", link);
	assert_int_equal(symlink(dir, link), 0);
	assert_int_equal(agentconn_open(&c, via, AGENTCONN_TRUSTED, why,
	    sizeof(why)), ST_OK);
	assert_string_equal(c.path, path);
	agentconn_close(&c);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(stop(&s, 1), 0);
}

static void
a_path_too_long_for_a_socket(void **state)
{
	struct agentconn c;
	char why[256], longest[UNIXSOCK_PATH_MAX + 1];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(agentconn_open(&c, longest, AGENTCONN_TRUSTED, why,
	    sizeof(why)), ST_TOO_LARGE);
	assert_true(why[0] != '\0');
}

/* Send a request of five bytes to a server with that reply. */
static int
exchange(struct slice reply, size_t piece, struct slice *body)
{
	static const uint8_t request[] = { 0, 0, 0, 1, 11 };
	static struct agentconn c = { .fd = -1 };
	struct server s = serve(geteuid(), reply, piece);
	char why[256];
	int st;

	agentconn_close(&c);
	assert_int_equal(agentconn_open(&c, path, AGENTCONN_TRUSTED, why,
	    sizeof(why)), ST_OK);
	st = agentconn_call(&c, (struct slice){ request, sizeof(request) },
	    body);
	/* The reply stays until the next call. */
	(void)close(c.fd);
	c.fd = -1;
	assert_int_equal(stop(&s, 1), sizeof(request));
	if (reply.len == 0)
		agentconn_close(&c);
	return st;
}

#define BYTES(s)	{ (const uint8_t *)(s), sizeof(s) - 1 }

static void
replies_whole_and_broken(void **state)
{
	static const struct {
		struct slice	 reply;
		size_t		 piece;
		int		 st;
		struct slice	 body;
	} table[] = {
		{ BYTES("\0\0\0\1\6"), 5, ST_OK, BYTES("\6") },
		{ BYTES("\0\0\0\5\14abcd"), 9, ST_OK, BYTES("\14abcd") },
		{ BYTES("\0\0\0\5\14abcd"), 1, ST_OK, BYTES("\14abcd") },
		{ BYTES("\0\0\0\5\14abc"), 8, ST_CLOSED, { NULL, 0 } },
		{ BYTES("\0\0\0"), 3, ST_CLOSED, { NULL, 0 } },
		{ BYTES("\0\0\0\0\6"), 5, ST_MALFORMED, { NULL, 0 } },
		{ BYTES("\0\4\0\1\6"), 5, ST_MALFORMED, { NULL, 0 } },
		{ BYTES("\377\377\377\377\6"), 5, ST_MALFORMED, { NULL, 0 } },
		{ { NULL, 0 }, 1, ST_CLOSED, { NULL, 0 } },
	};
	struct slice body;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(exchange(table[i].reply, table[i].piece,
		    &body), table[i].st);
		assert_true(slice_eq(body, table[i].body));
	}
}

static void
the_longest_reply_fits(void **state)
{
	static uint8_t reply[FRAME_MAX] = { 0, 4, 0, 0, 12 };
	struct slice body;

	(void)state;
	reply[FRAME_MAX - 1] = 'z';
	assert_int_equal(exchange((struct slice){ reply, sizeof(reply) },
	    sizeof(reply), &body), ST_OK);
	assert_int_equal(body.len, FRAME_BODY_MAX);
	assert_int_equal(body.p[body.len - 1], 'z');
	(void)exchange(no_reply, 1, &body);
}

static void
neither_direction_waits_for_ever(void **state)
{
	static const int options[] = { SO_RCVTIMEO, SO_SNDTIMEO };
	struct server s = serve(geteuid(), no_reply, 1);
	struct agentconn c;
	struct timeval tv;
	socklen_t len;
	char why[256];

	(void)state;
	assert_int_equal(agentconn_open(&c, path, AGENTCONN_TRUSTED, why,
	    sizeof(why)), ST_OK);
	for (size_t i = 0; i < 2; i++) {
		len = sizeof(tv);
		assert_int_equal(getsockopt(c.fd, SOL_SOCKET, options[i], &tv,
		    &len), 0);
		assert_int_equal(tv.tv_sec, AGENTCONN_TIMEOUT_S);
	}
	agentconn_close(&c);
	(void)stop(&s, 1);
}

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/test_agentconn.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/socket", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_that_nobody_serves),
		cmocka_unit_test(a_server_of_another_uid_gets_no_byte),
		cmocka_unit_test(a_socket_that_we_may_not_open),
		cmocka_unit_test(
		    a_directory_of_everybody_is_not_even_connected_to),
		cmocka_unit_test(
		    a_symlink_in_the_path_is_judged_by_where_it_leads),
		cmocka_unit_test(a_path_too_long_for_a_socket),
		cmocka_unit_test(replies_whole_and_broken),
		cmocka_unit_test(the_longest_reply_fits),
		cmocka_unit_test(neither_direction_waits_for_ever),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
