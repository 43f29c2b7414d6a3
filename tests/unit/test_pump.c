/*
 * The pump over every kind of descriptor that ssh may give it: what goes in
 * comes out, ends are passed on, and it sleeps while there is nothing to do.
 *
 * The pump runs in a thread of its own.  Its poll(2) is counted, its splice(2)
 * can be taken away, and its clock be set.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "forwarder/pump.h"

/* How long anything may take, and how long one looks on. */
#define PATIENCE_S	60
#define LOOK_MS		150
/* What goes through in one direction: more than all buffers on the way. */
#define MUCH		((size_t)12 * 1024 * 1024)
#define SOME		((size_t)300 * 1000)

#define HELLO		"SSH-2.0-test\r\n"
#define HELLO_LEN	(sizeof(HELLO) - 1)

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
ssize_t __real_splice(int in, off64_t *in_off, int out, off64_t *out_off,
    size_t len, unsigned flags);
ssize_t __wrap_splice(int in, off64_t *in_off, int out, off64_t *out_off,
    size_t len, unsigned flags);

int64_t __real_clock_ms(void);
int64_t __wrap_clock_ms(void);

static atomic_uint polls;
/* How far the pump's clock is ahead, in seconds. */
static atomic_int ahead_s;
static atomic_int splice_error;
static atomic_uint splices;

int
__wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	atomic_fetch_add(&polls, 1);
	return __real_poll(fds, n, timeout);
}

ssize_t
__wrap_splice(int in, off64_t *in_off, int out, off64_t *out_off, size_t len,
    unsigned flags)
{
	atomic_fetch_add(&splices, 1);
	if (atomic_load(&splice_error) != 0) {
		errno = atomic_load(&splice_error);
		return -1;
	}
	return __real_splice(in, in_off, out, out_off, len, flags);
}

int64_t
__wrap_clock_ms(void)
{
	return __real_clock_ms() + (int64_t)atomic_load(&ahead_s) * 1000;
}

enum kind {
	KIND_PIPE,
	KIND_SOCKET,
	KIND_SAME,	/* stdin and stdout are one socket */
	KIND_FILE,
};

/* A tunnel with its three far ends. */
struct tunnel {
	enum kind	 in_kind, out_kind;
	int		 in;		/* what ssh writes to */
	int		 out;		/* what ssh reads from */
	int		 server;
	struct target	 target;
	struct pump	 pump;
	pthread_t	 thread;
	int		 st;
};

/* The one of the test that runs. */
static struct tunnel tunnel;
static bool running;

static int saved_stderr;
static int reader;

/*
 * What the pump says.
 */

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
	atomic_store(&splice_error, 0);
	atomic_store(&splices, 0);
	atomic_store(&ahead_s, 0);
	return 0;
}

/* The next line that was said, or "". */
static const char *
said(void)
{
	static char got[2048];
	ssize_t n = recv(reader, got, sizeof(got) - 1, MSG_DONTWAIT);

	got[n > 0 ? n : 0] = '\0';
	return got;
}

static void
close_end(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void
tunnel_close(struct tunnel *t)
{
	close_end(&t->in);
	close_end(&t->out);
	close_end(&t->server);
}

static int
teardown(void **state)
{
	const char *line;

	(void)state;
	/* A test that has failed leaves its pump behind. */
	if (running) {
		atomic_store(&splice_error, 0);
		tunnel_close(&tunnel);
		(void)pthread_join(tunnel.thread, NULL);
		running = false;
	}
	dup2(saved_stderr, 2);
	close(saved_stderr);
	/* What cmocka has said about a failure in the meantime. */
	while ((line = said())[0] != '\0')
		if (strncmp(line, "prog: ", 6) != 0)
			print_error("%s", line);
	close(reader);
	return 0;
}

static void
assert_said(const char *begin, const char *within)
{
	const char *line = said();

	if (strncmp(line, begin, strlen(begin)) != 0 ||
	    strstr(line, within) == NULL)
		fail_msg("it said \"%s\"", line);
}

/*
 * Tunnels.
 */

/* Two ends of a TCP connection. */
static void
tcp_pair(int *a, int *b)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(l >= 0);
	assert_int_equal(bind(l, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&sin, &len), 0);
	*a = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(*a, (struct sockaddr *)&sin, len), 0);
	*b = accept(l, NULL, NULL);
	assert_true(*b >= 0);
	close(l);
}

static int
temporary_file(void)
{
	char path[] = "/tmp/pump.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	(void)unlink(path);
	return fd;
}

/* ssh's two descriptors. */
static void
open_ends(struct tunnel *t)
{
	int fd[2];

	switch (t->in_kind) {
	case KIND_PIPE:
		assert_int_equal(pipe(fd), 0);
		t->pump.in = fd[0];
		t->in = fd[1];
		break;
	case KIND_SOCKET:
	case KIND_SAME:
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
		t->pump.in = fd[0];
		t->in = fd[1];
		break;
	case KIND_FILE:
		t->pump.in = temporary_file();
		t->in = -1;
		break;
	}
	switch (t->out_kind) {
	case KIND_PIPE:
		assert_int_equal(pipe(fd), 0);
		t->out = fd[0];
		t->pump.out = fd[1];
		break;
	case KIND_SOCKET:
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
		t->out = fd[0];
		t->pump.out = fd[1];
		break;
	case KIND_SAME:
		t->pump.out = dup(t->pump.in);
		t->out = dup(t->in);
		break;
	case KIND_FILE:
		t->pump.out = temporary_file();
		t->out = dup(t->pump.out);
		break;
	}
}

static void
tunnel_open(struct tunnel *t, enum kind in, enum kind out)
{
	char why[128];

	*t = (struct tunnel){ .in_kind = in, .out_kind = out };
	assert_int_equal(target_parse("host", "22", &t->target, why,
	    sizeof(why)), ST_OK);
	t->pump.target = &t->target;
	t->pump.proxied = true;
	tcp_pair(&t->pump.sock, &t->server);
	assert_int_equal(fcntl(t->pump.sock, F_SETFL, O_NONBLOCK), 0);
	open_ends(t);
}

static void *
run(void *cookie)
{
	struct tunnel *t = cookie;

	t->st = pump_run(&t->pump);
	return NULL;
}

static void
tunnel_start(struct tunnel *t)
{
	assert_int_equal(pthread_create(&t->thread, NULL, run, t), 0);
	running = true;
}

/* ssh sends no more. */
static void
end_in(struct tunnel *t)
{
	if (t->in_kind != KIND_PIPE && t->in >= 0)
		(void)shutdown(t->in, SHUT_WR);
	close_end(&t->in);
}

/* The pump ends, and has closed all that it was given. */
static void
tunnel_join(struct tunnel *t)
{
	struct timespec limit;

	(void)clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += PATIENCE_S;
	if (pthread_timedjoin_np(t->thread, NULL, &limit) != 0)
		fail_msg("the pump does not end");
	running = false;
	assert_int_equal(t->st, ST_OK);
	assert_int_equal(fcntl(t->pump.in, F_GETFD), -1);
	assert_int_equal(fcntl(t->pump.out, F_GETFD), -1);
	assert_int_equal(fcntl(t->pump.sock, F_GETFD), -1);
}

/*
 * Bytes.
 */

/* Byte ${i} of a stream. */
static uint8_t
pattern(size_t i)
{
	return (uint8_t)((uint32_t)i * 2654435761u >> 21);
}

/* One direction of traffic: the pattern behind a beginning. */
struct traffic {
	const char	*head;
	size_t		 total;		/* with the beginning */
	size_t		 sent, got;
	bool		 ended;		/* the end was seen */
};

static uint8_t
traffic_byte(const struct traffic *f, size_t i)
{
	size_t len = strlen(f->head);

	return i < len ? (uint8_t)f->head[i] : pattern(i);
}

/* Send as much as goes without waiting; whether all is sent. */
static bool
put_some(int fd, struct traffic *f)
{
	uint8_t buf[32768];
	size_t i, n = f->total - f->sent;
	ssize_t put;

	if (n > sizeof(buf))
		n = sizeof(buf);
	for (i = 0; i < n; i++)
		buf[i] = traffic_byte(f, f->sent + i);
	put = n == 0 ? 0 : write(fd, buf, n);
	if (put < 0)
		assert_int_equal(errno, EAGAIN);
	else
		f->sent += (size_t)put;
	return f->sent == f->total;
}

/* Take what is there, and see that it is the right. */
static void
get_some(int fd, struct traffic *f)
{
	uint8_t buf[65536];
	ssize_t i, n = read(fd, buf, sizeof(buf));

	if (n < 0) {
		assert_int_equal(errno, EAGAIN);
		return;
	}
	if (n == 0)
		f->ended = true;
	assert_true(f->got + (size_t)n <= f->total);
	for (i = 0; i < n; i++)
		if (buf[i] != traffic_byte(f, f->got + (size_t)i))
			fail_msg("byte %zu is wrong", f->got + (size_t)i);
	f->got += (size_t)n;
}

static void
nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	/* Only an end of ours: the other ends are not shared with it. */
	if (fd >= 0)
		assert_int_equal(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
}

/* Send until nothing more is taken. */
static void
fill(int fd, struct traffic *f)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	nonblock(fd);
	while (!put_some(fd, f) && __real_poll(&p, 1, LOOK_MS) == 1)
		continue;
}

/* Carry both through, and pass the end of each on when it is sent. */
static void
drive(struct tunnel *t, struct traffic *up, struct traffic *down)
{
	time_t limit = time(NULL) + PATIENCE_S;
	bool server_ended = false;
	bool out_is_file = t->out_kind == KIND_FILE;

	nonblock(t->in);
	nonblock(t->server);
	if (!out_is_file)
		nonblock(t->out);
	while (!up->ended || (!down->ended && !out_is_file) || !server_ended) {
		struct pollfd fds[3] = {
			{ .fd = t->in, .events = POLLOUT },
			{ .fd = down->ended || out_is_file ? -1 : t->out,
			    .events = POLLIN },
			{ .fd = t->server, .events = 0 },
		};

		if (!up->ended)
			fds[2].events |= POLLIN;
		if (!server_ended)
			fds[2].events |= POLLOUT;
		assert_true(time(NULL) < limit);
		assert_true(__real_poll(fds, 3, 1000) >= 0);
		if (t->in >= 0 && fds[0].revents != 0 && put_some(t->in, up))
			end_in(t);
		if (fds[1].revents != 0)
			get_some(t->out, down);
		if (!up->ended && (fds[2].revents & POLLIN) != 0)
			get_some(t->server, up);
		if (!server_ended && (fds[2].revents & POLLOUT) != 0 &&
		    put_some(t->server, down)) {
			(void)shutdown(t->server, SHUT_WR);
			server_ended = true;
		}
	}
}

/* Read all of ${len} bytes. */
static void
expect(int fd, const char *bytes)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[4096];
	size_t len = strlen(bytes), got = 0;
	ssize_t n;

	while (got < len) {
		if (__real_poll(&p, 1, PATIENCE_S * 1000) != 1)
			fail_msg("nothing comes");
		n = read(fd, buf + got, len - got);
		if (n <= 0)
			fail_msg("\"%.*s\" and no more", (int)got, buf);
		got += (size_t)n;
	}
	assert_memory_equal(buf, bytes, len);
}

static void
expect_end(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	if (__real_poll(&p, 1, PATIENCE_S * 1000) != 1)
		fail_msg("no end comes");
	assert_int_equal(read(fd, &c, 1), 0);
}

static void
put(int fd, const char *bytes)
{
	assert_int_equal(write(fd, bytes, strlen(bytes)), strlen(bytes));
}

/* It must sleep: not more polls than a few in some time. */
static void
assert_sleeps(void)
{
	const struct timespec look = { .tv_nsec = LOOK_MS * 1000000L };
	unsigned before;
	int i;

	/* What is still under way may settle first. */
	for (i = 0; i < 20; i++) {
		before = atomic_load(&polls);
		(void)nanosleep(&look, NULL);
		if (atomic_load(&polls) == before)
			return;
	}
	fail_msg("it polls without an end");
}

/*
 * Carrying.
 */

static void
carry_over(enum kind in, enum kind out, size_t up_len, size_t down_len)
{
	struct traffic up = { .head = "", .total = up_len };
	struct traffic down = { .head = HELLO, .total = down_len };
	struct tunnel *t = &tunnel;

	tunnel_open(t, in, out);
	if (in == KIND_FILE) {
		while (!put_some(t->pump.in, &up))
			continue;
		assert_int_equal(lseek(t->pump.in, 0, SEEK_SET), 0);
	}
	tunnel_start(t);
	drive(t, &up, &down);
	tunnel_join(t);
	if (out == KIND_FILE) {
		assert_int_equal(lseek(t->out, 0, SEEK_SET), 0);
		while (!down.ended)
			get_some(t->out, &down);
	}
	assert_int_equal(up.got, up_len);
	assert_int_equal(down.got, down_len);
	assert_int_equal(t->pump.bytes_in, down_len);
	assert_false(t->pump.not_ssh);
	tunnel_close(t);
}

/* All kinds of stdin and of stdout with each other. */
static void
carry_over_all(size_t up_len, size_t down_len)
{
	static const enum kind ins[] = { KIND_PIPE, KIND_SOCKET, KIND_FILE };
	static const enum kind outs[] = { KIND_PIPE, KIND_SOCKET, KIND_FILE };
	size_t i, j;

	for (i = 0; i < sizeof(ins) / sizeof(ins[0]); i++)
		for (j = 0; j < sizeof(outs) / sizeof(outs[0]); j++)
			carry_over(ins[i], outs[j], up_len, down_len);
	carry_over(KIND_SAME, KIND_SAME, up_len, down_len);
}

static void
every_pair_of_kinds_carries_both_ways(void **state)
{
	(void)state;
	carry_over_all(SOME, SOME + 1);
	carry_over_all(1, HELLO_LEN);
	carry_over_all(0, SOME);
	/* A pipe is spliced, also when it is only one of the two. */
	assert_true(atomic_load(&splices) > 0);
}

static void
much_goes_through_unchanged(void **state)
{
	(void)state;
	carry_over(KIND_PIPE, KIND_PIPE, MUCH, MUCH + 1);
	carry_over(KIND_SAME, KIND_SAME, MUCH + 1, MUCH);
	carry_over(KIND_SOCKET, KIND_PIPE, MUCH, MUCH);
	carry_over(KIND_PIPE, KIND_FILE, SOME, MUCH);
}

static void
pipes_are_carried_where_splice_is_not_to_be_had(void **state)
{
	static const int errors[] = { EINVAL, ENOSYS, EPERM };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		atomic_store(&splice_error, errors[i]);
		carry_over_all(SOME, SOME + 1);
	}
}

static void
descriptors_of_ssh_are_not_made_non_blocking(void **state)
{
	static const enum kind kinds[] = { KIND_PIPE, KIND_SOCKET };
	struct tunnel *t = &tunnel;
	int in, out;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		tunnel_open(t, kinds[i], kinds[i]);
		in = dup(t->pump.in);
		out = dup(t->pump.out);
		tunnel_start(t);
		put(t->server, HELLO "x");
		put(t->in, "y");
		expect(t->out, HELLO "x");
		expect(t->server, "y");
		assert_false(fcntl(in, F_GETFL) & O_NONBLOCK);
		assert_false(fcntl(out, F_GETFL) & O_NONBLOCK);
		close(in);
		close(out);
		end_in(t);
		expect_end(t->server);
		close_end(&t->server);
		tunnel_join(t);
		tunnel_close(t);
	}
}

/*
 * Ends.
 */

static const enum kind plain_kinds[] = { KIND_PIPE, KIND_SOCKET, KIND_SAME };
#define PLAIN_KINDS	(sizeof(plain_kinds) / sizeof(plain_kinds[0]))

static void
nothing_is_lost_after_the_end_of_stdin(void **state)
{
	struct tunnel *t = &tunnel;
	size_t i;

	(void)state;
	for (i = 0; i < PLAIN_KINDS; i++) {
		tunnel_open(t, plain_kinds[i], plain_kinds[i]);
		tunnel_start(t);
		put(t->in, "last words");
		end_in(t);
		expect(t->server, "last words");
		expect_end(t->server);
		assert_sleeps();
		put(t->server, HELLO);
		expect(t->out, HELLO);
		put(t->server, "and more");
		expect(t->out, "and more");
		close_end(&t->server);
		expect_end(t->out);
		tunnel_join(t);
		/* That the server ends then is what it should do. */
		assert_string_equal(said(), "");
		assert_false(t->pump.cut);
		tunnel_close(t);
	}
}

static void
the_end_of_the_server_is_passed_on_and_told_before(void **state)
{
	struct tunnel *t = &tunnel;
	size_t i;

	(void)state;
	for (i = 0; i < PLAIN_KINDS; i++) {
		tunnel_open(t, plain_kinds[i], plain_kinds[i]);
		tunnel_start(t);
		put(t->server, HELLO);
		(void)shutdown(t->server, SHUT_WR);
		expect(t->out, HELLO);
		expect_end(t->out);
		assert_said("prog: info: ", "the tunnel to host:22 was closed "
		    "from the other side after 0 s\n");
		assert_sleeps();
		/* The other way goes on. */
		put(t->in, "still here");
		expect(t->server, "still here");
		end_in(t);
		expect_end(t->server);
		tunnel_join(t);
		assert_string_equal(said(), "");
		assert_true(t->pump.cut);
		assert_int_equal(t->pump.bytes_in, HELLO_LEN);
		tunnel_close(t);
	}
}

static void
a_server_that_says_nothing_is_an_error(void **state)
{
	struct tunnel *t = &tunnel;
	bool proxied;

	(void)state;
	for (proxied = false;; proxied = true) {
		tunnel_open(t, KIND_PIPE, KIND_PIPE);
		t->pump.proxied = proxied;
		tunnel_start(t);
		put(t->in, "SSH-2.0-client\r\n");
		expect(t->server, "SSH-2.0-client\r\n");
		close_end(&t->server);
		expect_end(t->out);
		assert_said("prog: error: ", proxied ? "TLS interception" :
		    "does an SSH server listen there?");
		end_in(t);
		tunnel_join(t);
		assert_true(t->pump.cut);
		assert_int_equal(t->pump.bytes_in, 0);
		tunnel_close(t);
		if (proxied)
			break;
	}
}

static void
a_cut_is_told_with_its_age_and_who_was_silent(void **state)
{
	static const struct {
		int		 middle, end;	/* seconds */
		bool		 up, down;	/* what is sent in between */
		const char	*line;
	} t[] = {
		{ 60, 120, false, false, " after 120 s; nothing was sent for "
		    "two minutes" },
		{ 60, 120, true, false, "ServerAliveInterval" },
		{ 60, 120, false, true, "ServerAliveInterval" },
		{ 60, 120, true, true, " after 120 s\n" },
		{ 250, 300, true, true, "max_tunnel_seconds" },
		{ 60, 90, false, false, " after 90 s\n" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct tunnel *tun = &tunnel;

		atomic_store(&ahead_s, 0);
		tunnel_open(tun, KIND_PIPE, KIND_SOCKET);
		tunnel_start(tun);
		put(tun->server, HELLO);
		expect(tun->out, HELLO);
		atomic_store(&ahead_s, t[i].middle);
		if (t[i].up) {
			put(tun->in, "up");
			expect(tun->server, "up");
		}
		if (t[i].down) {
			put(tun->server, "down");
			expect(tun->out, "down");
		}
		/* Until it has looked at the clock. */
		assert_sleeps();
		atomic_store(&ahead_s, t[i].end);
		(void)shutdown(tun->server, SHUT_WR);
		expect_end(tun->out);
		assert_said("prog: info: ", t[i].line);
		end_in(tun);
		tunnel_join(tun);
		tunnel_close(tun);
	}
}

static void
no_byte_at_all_is_an_error_after_our_own_end_too(void **state)
{
	struct tunnel *t = &tunnel;

	(void)state;
	tunnel_open(t, KIND_PIPE, KIND_PIPE);
	tunnel_start(t);
	end_in(t);
	expect_end(t->server);
	close_end(&t->server);
	expect_end(t->out);
	assert_said("prog: error: ", "not a byte came");
	tunnel_join(t);
	assert_true(t->pump.cut);
	tunnel_close(t);
}

static void
half_a_banner_is_none(void **state)
{
	static const char *const halves[] = { "S", "SSH", "HTTP", "hello\r\n" };
	struct tunnel *t = &tunnel;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
		tunnel_open(t, KIND_PIPE, KIND_PIPE);
		tunnel_start(t);
		put(t->server, halves[i]);
		expect(t->out, halves[i]);
		close_end(&t->server);
		expect_end(t->out);
		assert_said("prog: warning: ", "is not that of an SSH server");
		end_in(t);
		tunnel_join(t);
		assert_true(t->pump.not_ssh);
		assert_string_equal(said(), "");
		tunnel_close(t);
	}
}

static void
a_stdout_that_fails_is_told_and_ends_its_direction(void **state)
{
	struct tunnel *t = &tunnel;

	(void)state;
	tunnel_open(t, KIND_PIPE, KIND_FILE);
	close(t->pump.out);
	t->pump.out = open("/dev/full", O_WRONLY);
	assert_true(t->pump.out >= 0);
	tunnel_start(t);
	put(t->server, HELLO);
	assert_sleeps();
	assert_said("prog: error: ", "cannot write what comes from host:22: "
	    "No space left on device");
	put(t->in, "goes on");
	expect(t->server, "goes on");
	end_in(t);
	tunnel_join(t);
	assert_true(t->pump.failed);
	assert_false(t->pump.cut);
	tunnel_close(t);
}

static void
a_reset_ends_both_directions(void **state)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };
	struct tunnel *t = &tunnel;
	size_t i;

	(void)state;
	for (i = 0; i < PLAIN_KINDS; i++) {
		tunnel_open(t, plain_kinds[i], plain_kinds[i]);
		tunnel_start(t);
		put(t->server, HELLO);
		expect(t->out, HELLO);
		assert_int_equal(setsockopt(t->server, SOL_SOCKET, SO_LINGER,
		    &now, sizeof(now)), 0);
		close_end(&t->server);
		expect_end(t->out);
		assert_said("prog: info: ", "was closed from the other side");
		/* Nobody would take what stdin says. */
		tunnel_join(t);
		assert_true(t->pump.cut);
		tunnel_close(t);
	}
}

static void
a_reset_is_told_of_when_the_reader_is_slow(void **state)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };
	struct traffic down = { .head = HELLO, .total = MUCH };
	struct tunnel *t = &tunnel;
	size_t i;

	(void)state;
	for (i = 0; i < PLAIN_KINDS; i++) {
		tunnel_open(t, plain_kinds[i], plain_kinds[i]);
		tunnel_start(t);
		down.sent = down.got = 0;
		down.ended = false;
		fill(t->server, &down);
		assert_int_equal(setsockopt(t->server, SOL_SOCKET, SO_LINGER,
		    &now, sizeof(now)), 0);
		close_end(&t->server);
		while (!down.ended)
			get_some(t->out, &down);
		assert_said("prog: info: ", "was closed from the other side");
		tunnel_join(t);
		assert_true(t->pump.cut);
		tunnel_close(t);
	}
}

static void
a_server_that_takes_no_more_has_ended_first(void **state)
{
	struct tunnel *t = &tunnel;

	(void)state;
	tunnel_open(t, KIND_PIPE, KIND_SOCKET);
	tunnel_start(t);
	put(t->server, HELLO);
	expect(t->out, HELLO);
	atomic_store(&splice_error, EPIPE);
	put(t->in, "to nobody");
	expect_end(t->server);
	assert_string_equal(said(), "");
	close_end(&t->server);
	expect_end(t->out);
	assert_said("prog: info: ", "was closed from the other side");
	tunnel_join(t);
	assert_true(t->pump.cut);
	tunnel_close(t);
}

static void
a_reader_that_is_gone_ends_its_direction_only(void **state)
{
	static const enum kind kinds[] = { KIND_PIPE, KIND_SOCKET };
	struct tunnel *t = &tunnel;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		tunnel_open(t, kinds[i], kinds[i]);
		tunnel_start(t);
		put(t->server, HELLO);
		expect(t->out, HELLO);
		close_end(&t->out);
		assert_sleeps();
		put(t->server, "to nobody");
		assert_sleeps();
		put(t->in, "goes on");
		expect(t->server, "goes on");
		end_in(t);
		tunnel_join(t);
		assert_string_equal(said(), "");
		assert_false(t->pump.cut);
		assert_false(t->pump.failed);
		tunnel_close(t);
	}
}

static void
a_peer_that_closes_its_one_socket_is_gone(void **state)
{
	struct tunnel *t = &tunnel;

	(void)state;
	tunnel_open(t, KIND_SAME, KIND_SAME);
	tunnel_start(t);
	put(t->server, HELLO);
	expect(t->out, HELLO);
	put(t->in, "bye");
	close_end(&t->in);
	close_end(&t->out);
	expect(t->server, "bye");
	expect_end(t->server);
	assert_sleeps();
	close_end(&t->server);
	tunnel_join(t);
	assert_string_equal(said(), "");
	tunnel_close(t);
}

/*
 * Waiting.
 */

static void
a_terminal_carries_both_ways_until_it_hangs_up(void **state)
{
	struct tunnel *t = &tunnel;
	struct termios raw;
	char name[64];
	int master;

	(void)state;
	master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0) {
		print_message("no pseudo-terminals here\n");
		skip();
	}
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	assert_int_equal(ptsname_r(master, name, sizeof(name)), 0);
	tunnel_open(t, KIND_FILE, KIND_FILE);
	close(t->pump.in);
	close(t->pump.out);
	t->pump.in = open(name, O_RDWR | O_NOCTTY);
	assert_true(t->pump.in >= 0);
	t->pump.out = dup(t->pump.in);
	assert_int_equal(tcgetattr(t->pump.in, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(t->pump.in, TCSANOW, &raw), 0);
	tunnel_start(t);
	put(t->server, HELLO);
	expect(master, HELLO);
	put(master, "typed");
	expect(t->server, "typed");
	assert_sleeps();
	/* Stopped with ^S, it does not hold up what is typed. */
	assert_int_equal(tcflow(t->pump.in, TCOOFF), 0);
	put(t->server, "later");
	assert_sleeps();
	put(master, "now");
	expect(t->server, "now");
	assert_int_equal(tcflow(t->pump.in, TCOON), 0);
	expect(master, "later");
	close(master);
	expect_end(t->server);
	assert_sleeps();
	close_end(&t->server);
	tunnel_join(t);
	tunnel_close(t);
}

static void
a_slow_reader_holds_the_server_up(void **state)
{
	static const enum kind kinds[] = { KIND_PIPE, KIND_SOCKET, KIND_SAME };
	struct tunnel *t = &tunnel;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct traffic up = { .head = "", .total = SOME };
		struct traffic down = { .head = HELLO,
			.total = (size_t)256 * 1024 * 1024 };

		tunnel_open(t, kinds[i], kinds[i]);
		tunnel_start(t);
		/* What is sent is held somewhere, and that has an end. */
		fill(t->server, &down);
		assert_true(down.sent < (size_t)64 * 1024 * 1024);
		assert_sleeps();
		/* The other way is not held up. */
		down.total = down.sent;
		drive(t, &up, &down);
		assert_int_equal(up.got, up.total);
		assert_int_equal(down.got, down.total);
		tunnel_join(t);
		tunnel_close(t);
	}
}

static void
a_slow_server_holds_stdin_up(void **state)
{
	struct tunnel *t = &tunnel;
	size_t i;

	(void)state;
	for (i = 0; i < PLAIN_KINDS; i++) {
		struct traffic up = { .head = "",
			.total = (size_t)256 * 1024 * 1024 };
		struct traffic down = { .head = HELLO, .total = SOME };

		tunnel_open(t, plain_kinds[i], plain_kinds[i]);
		tunnel_start(t);
		fill(t->in, &up);
		assert_true(up.sent < (size_t)64 * 1024 * 1024);
		assert_sleeps();
		put(t->server, HELLO);
		expect(t->out, HELLO);
		down.sent = down.got = HELLO_LEN;
		up.total = up.sent;
		drive(t, &up, &down);
		assert_int_equal(up.got, up.total);
		assert_int_equal(down.got, down.total);
		tunnel_join(t);
		tunnel_close(t);
	}
}

static void
a_full_stdout_does_not_hold_stdin_up(void **state)
{
	struct tunnel *t = &tunnel;
	size_t filled = 0;
	char buf[4096];

	(void)state;
	tunnel_open(t, KIND_PIPE, KIND_PIPE);
	/* Somebody else has written to it before. */
	memset(buf, 'x', sizeof(buf));
	assert_int_equal(fcntl(t->pump.out, F_SETPIPE_SZ, 1024 * 1024) > 0, 1);
	nonblock(t->pump.out);
	while (write(t->pump.out, buf, sizeof(buf)) > 0)
		filled += sizeof(buf);
	assert_int_equal(fcntl(t->pump.out, F_SETFL, O_WRONLY), 0);
	tunnel_start(t);
	put(t->server, HELLO);
	assert_sleeps();
	put(t->in, "goes on");
	expect(t->server, "goes on");
	for (; filled > 0; filled -= sizeof(buf))
		assert_int_equal(read(t->out, buf, sizeof(buf)), sizeof(buf));
	expect(t->out, HELLO);
	end_in(t);
	expect_end(t->server);
	close_end(&t->server);
	tunnel_join(t);
	assert_string_equal(said(), "");
	tunnel_close(t);
}

static void
an_idle_tunnel_sleeps(void **state)
{
	struct tunnel *t = &tunnel;
	size_t i;

	(void)state;
	for (i = 0; i < PLAIN_KINDS; i++) {
		tunnel_open(t, plain_kinds[i], plain_kinds[i]);
		tunnel_start(t);
		assert_sleeps();
		put(t->server, HELLO);
		put(t->in, "a");
		expect(t->out, HELLO);
		expect(t->server, "a");
		assert_sleeps();
		end_in(t);
		expect_end(t->server);
		assert_sleeps();
		close_end(&t->server);
		tunnel_join(t);
		tunnel_close(t);
	}
}

/*
 * What the server says first.
 */

/* A server that says ${first}; returns whether that was a warning. */
static bool
warns_of(const char *first, size_t len, bool *not_ssh)
{
	struct tunnel *t = &tunnel;
	char line[2048], got[4096];
	size_t n = 0;
	ssize_t r;

	tunnel_open(t, KIND_PIPE, KIND_PIPE);
	tunnel_start(t);
	assert_int_equal(write(t->server, first, len), len);
	while (n < len) {
		r = read(t->out, got + n, sizeof(got) - n);
		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_memory_equal(got, first, len);
	(void)snprintf(line, sizeof(line), "%s", said());
	end_in(t);
	expect_end(t->server);
	close_end(&t->server);
	tunnel_join(t);
	*not_ssh = t->pump.not_ssh;
	tunnel_close(t);
	if (line[0] == '\0')
		return false;
	assert_int_equal(strncmp(line, "prog: warning: ", 15), 0);
	assert_string_equal(said(), "");
	return true;
}

static void
first_bytes_that_are_not_ssh_are_warned_of(void **state)
{
	bool not_ssh;

	(void)state;
	assert_false(warns_of("SSH-", 4, &not_ssh));
	assert_false(not_ssh);
	assert_false(warns_of(HELLO "HTTP/1.1", HELLO_LEN + 8, &not_ssh));
	assert_false(not_ssh);
	assert_true(warns_of("HTTP/1.1 400 Bad Request\r\n", 26, &not_ssh));
	assert_true(not_ssh);
	assert_true(warns_of("\x15\x03\x01\x00\x02\x02\x28", 7, &not_ssh));
	assert_true(not_ssh);
	assert_true(warns_of("\x00\x01\x02\x03", 4, &not_ssh));
	assert_true(not_ssh);
	/* Lines before the server's own are allowed. */
	assert_false(warns_of("welcome\r\n" HELLO, 9 + HELLO_LEN, &not_ssh));
	assert_false(not_ssh);
}

static void
first_bytes_may_come_one_by_one(void **state)
{
	const char *const all[] = { HELLO, "HTTP/1.0 200 OK\r\n" };
	struct tunnel *t = &tunnel;
	char c[2] = "";
	size_t i, k;
	bool same;

	(void)state;
	for (k = 0; k < 2; k++)
		for (same = false;; same = true) {
			tunnel_open(t, same ? KIND_SAME : KIND_PIPE,
			    same ? KIND_SAME : KIND_PIPE);
			tunnel_start(t);
			for (i = 0; all[k][i] != '\0'; i++) {
				c[0] = all[k][i];
				put(t->server, c);
				expect(t->out, c);
			}
			if (k == 0)
				assert_string_equal(said(), "");
			else
				assert_said("prog: warning: ", "\"HTTP/");
			assert_string_equal(said(), "");
			end_in(t);
			expect_end(t->server);
			close_end(&t->server);
			tunnel_join(t);
			assert_int_equal(t->pump.not_ssh, k == 1);
			tunnel_close(t);
			if (same)
				break;
		}
}

#define CASE(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_pair_of_kinds_carries_both_ways),
		CASE(much_goes_through_unchanged),
		CASE(pipes_are_carried_where_splice_is_not_to_be_had),
		CASE(descriptors_of_ssh_are_not_made_non_blocking),
		CASE(nothing_is_lost_after_the_end_of_stdin),
		CASE(the_end_of_the_server_is_passed_on_and_told_before),
		CASE(a_server_that_says_nothing_is_an_error),
		CASE(a_cut_is_told_with_its_age_and_who_was_silent),
		CASE(no_byte_at_all_is_an_error_after_our_own_end_too),
		CASE(half_a_banner_is_none),
		CASE(a_stdout_that_fails_is_told_and_ends_its_direction),
		CASE(a_reset_ends_both_directions),
		CASE(a_reset_is_told_of_when_the_reader_is_slow),
		CASE(a_server_that_takes_no_more_has_ended_first),
		CASE(a_reader_that_is_gone_ends_its_direction_only),
		CASE(a_peer_that_closes_its_one_socket_is_gone),
		CASE(a_terminal_carries_both_ways_until_it_hangs_up),
		CASE(a_slow_reader_holds_the_server_up),
		CASE(a_slow_server_holds_stdin_up),
		CASE(a_full_stdout_does_not_hold_stdin_up),
		CASE(an_idle_tunnel_sleeps),
		CASE(first_bytes_that_are_not_ssh_are_warned_of),
		CASE(first_bytes_may_come_one_by_one),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
