/*
 * Hosts that are asked for their keys, and are no good: what they send, or do
 * not, ends in time, with a sentence that is safe to print, and leaves nothing
 * behind.  A real sshd is asked by tests/provision/20-scan.sh.
 *
 * This program decides what a name stands for, and can take the place of
 * libssh.
 */

#include "provision/hostscan.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <libssh/libssh.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "proto/wire.h"
#include "provision/child.h"

/* Time for a host that does not answer; and for one that does, which is never
 * used up. */
#define SHORT_MS	700
#define LONG_MS		60000
/* How much later than that it may be on a busy machine. */
#define LATE_MS		15000

/* What an SSH server says first. */
#define NAME		"SSH-2.0-test\r\n"

static struct hostscan s;
static char why[512];
static pid_t server;

/* --- the hosts ----------------------------------------------------------- */

static bool
put(int fd, const char *text)
{
	return fdio_write_full(fd, text, strlen(text)) == ST_OK;
}

static void
pause_ms(int ms)
{
	(void)poll(NULL, 0, ms);
}

/* Until the other end is gone. */
static void
wait_end(int fd)
{
	char buf[512];

	while (read(fd, buf, sizeof(buf)) > 0)
		continue;
}

static void
silent(int fd)
{
	wait_end(fd);
}

static void
names_itself_only(int fd)
{
	if (put(fd, NAME))
		wait_end(fd);
}

static void
closes(int fd)
{
	(void)fd;
}

/* After we have begun ourselves. */
static void
closes_late(int fd)
{
	(void)fd;
	pause_ms(1500);
}

static void
names_itself_and_closes(int fd)
{
	(void)put(fd, NAME);
}

/* A byte now and then, of a line without an end. */
static void
dribbles(int fd)
{
	while (put(fd, "x"))
		pause_ms(50);
}

static void
dribbles_lines(int fd)
{
	while (put(fd, "x\n"))
		pause_ms(50);
}

/* A packet of which there is always more to come. */
static void
dribbles_a_packet(int fd)
{
	if (!put(fd, NAME) || fdio_write_full(fd, "\0\0\x7f\xf0\x04", 5) !=
	    ST_OK)
		return;
	while (put(fd, "x"))
		pause_ms(50);
}

static void
floods_lines(int fd)
{
	while (put(fd, "hello\nhello\nhello\nhello\nhello\nhello\nhello\n"))
		continue;
}

static void
floods_one_line(int fd)
{
	while (put(fd, "hello hello hello hello hello hello hello "))
		continue;
}

static void
floods_garbage(int fd)
{
	uint8_t junk[4096];
	uint32_t x = 1;

	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
	while (fdio_write_full(fd, junk, sizeof(junk)) == ST_OK)
		continue;
}

static void
names_itself_and_floods_garbage(int fd)
{
	if (put(fd, NAME))
		floods_garbage(fd);
}

static void
speaks_http(int fd)
{
	char buf[512];

	if (read(fd, buf, sizeof(buf)) > 0)
		(void)put(fd, "HTTP/1.1 400\r\nConnection: close\r\n\r\n");
}

static void
speaks_ftp(int fd)
{
	(void)put(fd, "220 hi\x1b[2J\\\r\n");
}

static void
speaks_ssh_1(int fd)
{
	if (put(fd, "SSH-1.5-old\r\n"))
		wait_end(fd);
}

/* Send a packet. */
static bool
put_packet(int fd, struct slice payload)
{
	uint8_t packet[2048];
	struct wire_writer w = { packet, 0, sizeof(packet), false };
	size_t pad = 8 + (8 - (5 + payload.len) % 8);

	wire_put_u32(&w, (uint32_t)(1 + payload.len + pad));
	wire_put_u8(&w, (uint8_t)pad);
	wire_put_bytes(&w, payload);
	while (pad-- > 0)
		wire_put_u8(&w, 0);
	assert_false(w.full);
	return fdio_write_full(fd, packet, w.len) == ST_OK;
}

/* Begin the exchange of keys, with keys of that type. */
static bool
put_kexinit(int fd, const char *type)
{
	const char *const lists[] = { "curve25519-sha256", type, "aes128-ctr",
		"aes128-ctr", "hmac-sha2-256", "hmac-sha2-256", "none", "none",
		"", "" };
	uint8_t body[1024];
	struct wire_writer w = { body, 0, sizeof(body), false };
	size_t i;

	wire_put_u8(&w, 20);
	for (i = 0; i < 16; i++)
		wire_put_u8(&w, (uint8_t)i);
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		wire_put_str(&w, lists[i]);
	wire_put_u8(&w, 0);
	wire_put_u32(&w, 0);
	return put_packet(fd, (struct slice){ body, w.len });
}

static void
has_other_keys(int fd)
{
	if (put(fd, NAME) && put_kexinit(fd, "sk-ssh-ed25519@openssh.com"))
		wait_end(fd);
}

static void
stops_in_the_exchange(int fd)
{
	if (put(fd, NAME) && put_kexinit(fd, "ssh-ed25519"))
		wait_end(fd);
}

/* SSH_MSG_IGNORE, without end. */
static void
floods_packets(int fd)
{
	static const uint8_t ignore[1024] = { 2, 0, 0, 3, 0xfb };

	if (!put(fd, NAME))
		return;
	while (put_packet(fd, (struct slice){ ignore, sizeof(ignore) }))
		continue;
}

static void
disconnects(int fd)
{
	uint8_t body[64];
	struct wire_writer w = { body, 0, sizeof(body), false };

	wire_put_u8(&w, 1);
	wire_put_u32(&w, 2);
	wire_put_str(&w, "go\x1b[2J\naway");
	wire_put_str(&w, "");
	if (put(fd, NAME) && put_packet(fd, (struct slice){ body, w.len }))
		wait_end(fd);
}

/* --- the network --------------------------------------------------------- */

static void
listen_local(int *fd, uint16_t *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(*fd >= 0);
	assert_int_equal(bind(*fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(*fd, 8), 0);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&in, &len), 0);
	*port = ntohs(in.sin_port);
}

/* A host that does that with every connection; its port. */
static uint16_t
serve(void (*handle)(int fd))
{
	uint16_t port;
	int l, fd;

	listen_local(&l, &port);
	assert_true((server = fork()) >= 0);
	if (server == 0) {
		while ((fd = accept(l, NULL, NULL)) >= 0) {
			handle(fd);
			(void)close(fd);
		}
		_exit(0);
	}
	assert_int_equal(close(l), 0);
	return port;
}

/* What a name stands for: nothing, an address that nobody answers at, or what
 * it says. */
int __real_getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **res);
int __wrap_getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **res);

static struct addrinfo *
address(in_addr_t host, const char *port, struct addrinfo *next)
{
	struct addrinfo *ai = calloc(1, sizeof(*ai));
	struct sockaddr_in *in = calloc(1, sizeof(*in));

	assert_non_null(ai);
	assert_non_null(in);
	*in = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(host) };
	*ai = (struct addrinfo){ .ai_family = AF_INET,
		.ai_socktype = SOCK_STREAM, .ai_addr = (struct sockaddr *)in,
		.ai_addrlen = sizeof(*in), .ai_next = next };
	return ai;
}

int
__wrap_getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **res)
{
	if (strcmp(node, "unknown") == 0)
		return EAI_NONAME;
	if (strcmp(node, "later") == 0)
		return EAI_AGAIN;
	while (strcmp(node, "slow") == 0)
		pause_ms(1000);
	if (strcmp(node, "both") == 0) {
		/* Nobody listens at the first one. */
		*res = address(INADDR_LOOPBACK + 1, service,
		    address(INADDR_LOOPBACK, service, NULL));
		return 0;
	}
	return __real_getaddrinfo(node, service, hints, res);
}

/* What takes the place of libssh. */
int __real_ssh_connect(ssh_session session);
int __wrap_ssh_connect(ssh_session session);

static int (*instead)(void);

int
__wrap_ssh_connect(ssh_session session)
{
	return instead != NULL ? instead() : __real_ssh_connect(session);
}

/* --- asking -------------------------------------------------------------- */

static int
setup(void **state)
{
	(void)state;
	child_signals();
	instead = NULL;
	server = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	hostscan_fini(&s);
	hostscan_fini(&s);
	if (server > 0) {
		(void)kill(server, SIGKILL);
		(void)waitpid(server, NULL, 0);
	}
	return 0;
}

static size_t
open_fds(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Ask, and see that nothing is left of it and that it did not take longer than
 * it may. */
static int
ask(const char *name, uint16_t port, int time_ms)
{
	int64_t start = clock_ms();
	size_t before = open_fds();
	siginfo_t info;
	int st;

	memset(why, 'x', sizeof(why));
	st = hostscan_run(name, port, time_ms, &s, why, sizeof(why));
	assert_true(clock_ms() - start < time_ms + LATE_MS);
	assert_int_equal(open_fds(), before);
	/* No child but the server, which runs. */
	info.si_pid = 0;
	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
		assert_int_equal(errno, ECHILD);
	assert_int_equal(info.si_pid, 0);
	assert_non_null(memchr(why, '\0', sizeof(why)));
	for (const char *p = why; *p != '\0'; p++)
		assert_true((unsigned char)*p >= ' ' && *p != 0x7f);
	if (st != ST_OK) {
		assert_int_equal(s.n, 0);
		assert_true(strncmp(why, name, strlen(name)) == 0);
	}
	return st;
}

static void
no_host_is_waited_for_without_end(void **state)
{
	static void (*const hosts[])(int fd) = {
		silent,
		names_itself_only,
		dribbles,
		dribbles_lines,
		dribbles_a_packet,
		floods_lines,
		floods_packets,
		stops_in_the_exchange,
	};
	int64_t start;
	int st;

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		start = clock_ms();
		st = ask("127.0.0.1", serve(hosts[i]), SHORT_MS);
		if (st != ST_BUSY)
			fail_msg("host %zu: %d: %s", i, st, why);
		assert_true(clock_ms() - start >= SHORT_MS);
		assert_non_null(strstr(why, "no answer in time"));
		(void)teardown(state);
	}
	server = 0;
}

static void
what_is_no_good_is_said(void **state)
{
	static const struct {
		void		(*host)(int fd);
		int		 st;
		const char	*why;
	} table[] = {
		{ closes, ST_CLOSED, "ended before an SSH server answers" },
		{ closes_late, ST_CLOSED, "ended the connection" },
		{ names_itself_and_closes, ST_CLOSED, "ended the connection" },
		{ disconnects, ST_CLOSED, "go\\x1b[2J\\x0aaway" },
		{ speaks_ftp, ST_MALFORMED, "begins with 220 hi\\x1b[2J\\\\" },
		{ floods_one_line, ST_MALFORMED, "no SSH server answers: it "
		    "begins with hello hello" },
		{ floods_garbage, ST_MALFORMED, "no SSH server answers" },
		{ names_itself_and_floods_garbage, ST_MALFORMED,
		    "the exchange of keys failed" },
		{ speaks_http, ST_CLOSED, "ended the connection" },
		{ speaks_ssh_1, ST_MALFORMED, "SSH-1.5-old" },
		{ has_other_keys, ST_MALFORMED,
		    "has no Ed25519, ECDSA or RSA key" },
	};
	int st;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		st = ask("127.0.0.1", serve(table[i].host), LONG_MS);
		if (st != table[i].st || strstr(why, table[i].why) == NULL)
			fail_msg("host %zu: %d: %s", i, st, why);
		(void)teardown(state);
	}
	server = 0;
}

static void
who_cannot_be_reached_is_said(void **state)
{
	uint16_t port;
	int fd;

	(void)state;
	/* A port that is ours, and that nobody listens at any more. */
	listen_local(&fd, &port);
	(void)close(fd);
	assert_int_equal(ask("127.0.0.1", port, LONG_MS), ST_CLOSED);
	assert_non_null(strstr(why, strerror(ECONNREFUSED)));
	assert_int_equal(ask("both", port, LONG_MS), ST_CLOSED);
	assert_int_equal(ask("unknown", 22, LONG_MS), ST_NOT_FOUND);
	assert_string_equal(why, "unknown port 22: the name cannot be looked "
	    "up: Name or service not known");
	assert_int_equal(ask("later", 22, LONG_MS), ST_BUSY);
	assert_non_null(strstr(why, "looked up"));
	assert_int_equal(ask("slow", 22, SHORT_MS), ST_BUSY);
}

static void
every_address_is_tried(void **state)
{
	(void)state;
	assert_int_equal(ask("both", serve(speaks_ssh_1), LONG_MS),
	    ST_MALFORMED);
	assert_non_null(strstr(why, "SSH-1.5-old"));
}

/* A listener whose queue is full: the kernel lets no more connections in. */
struct full {
	int		 listener;
	int		 fd[64];
};

static void
full_open(struct full *f, in_addr_t host, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons(port), .sin_addr.s_addr = htonl(host) };
	const int yes = 1;

	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(f->listener >= 0);
	assert_int_equal(setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR,
	    &yes, sizeof(yes)), 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&in, sizeof(in)),
	    0);
	assert_int_equal(listen(f->listener, 0), 0);
	for (size_t i = 0; i < 64; i++) {
		f->fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(f->fd[i], (struct sockaddr *)&in, sizeof(in));
	}
}

static void
full_close(struct full *f)
{
	for (size_t i = 0; i < 64; i++)
		(void)close(f->fd[i]);
	(void)close(f->listener);
}

static void
an_address_that_nobody_answers_at_is_given_up(void **state)
{
	struct full f;
	int64_t start;
	uint16_t port;
	int fd;

	(void)state;
	/* A port that was ours a moment ago. */
	listen_local(&fd, &port);
	(void)close(fd);
	full_open(&f, INADDR_LOOPBACK, port);
	assert_int_equal(ask("127.0.0.1", port, SHORT_MS), ST_BUSY);
	assert_non_null(strstr(why, strerror(ETIMEDOUT)));
	/* The other one says no, and that says more. */
	assert_int_equal(ask("both", port, SHORT_MS), ST_CLOSED);
	assert_non_null(strstr(why, strerror(ECONNREFUSED)));
	full_close(&f);

	/* It leaves time for the next one. */
	port = serve(speaks_ssh_1);
	full_open(&f, INADDR_LOOPBACK + 1, port);
	start = clock_ms();
	assert_int_equal(ask("both", port, 16000), ST_MALFORMED);
	assert_non_null(strstr(why, "SSH-1.5-old"));
	/* Half of three quarters, and not all of them. */
	assert_in_range(clock_ms() - start, 5900, 11900);
	full_close(&f);
}

/* --- what the child may do ----------------------------------------------- */

static int
dies(void)
{
	(void)raise(SIGKILL);
	return SSH_OK;
}

static int
turns_without_end(void)
{
	while (clock_ms() != 0)
		continue;
	return SSH_OK;
}

static int
prints_without_end(void)
{
	while (put(1, "ssh-ed25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))
		continue;
	return SSH_OK;
}

static int
prints_no_key(void)
{
	(void)put(1, "ssh-ed25519 AAAA");
	_exit(0);
}

static int
ends_as_a_fault_of_ours(void)
{
	_exit(255);
}

/* Say what is not as it should be. */
static int
looks_around(void)
{
	struct rlimit r;
	struct sigaction a;
	char *big;

	if (getrlimit(RLIMIT_CORE, &r) != 0 || r.rlim_max != 0)
		(void)put(1, "[core]");
	if (sigaction(SIGPIPE, NULL, &a) != 0 || a.sa_handler != SIG_IGN)
		(void)put(1, "[pipe]");
	if (getenv("SSH_AUTH_SOCK") != NULL)
		(void)put(1, "[agent]");
	if (alarm(0) == 0)
		(void)put(1, "[alarm]");
	/* Three, the connection, and a copy of it. */
	if (open_fds() != 5)
		(void)put(1, "[descriptors]");
#ifndef RELAXED
	if (getrlimit(RLIMIT_FSIZE, &r) != 0 || r.rlim_max != 0)
		(void)put(1, "[file size]");
	if ((big = malloc(300l * 1024 * 1024)) != NULL) {
		(void)put(1, "[memory]");
		free(big);
	}
#else
	(void)big;
#endif
	(void)put(1, "looked");
	_exit(ST_CLOSED);
}

static void
a_scan_that_is_broken_breaks_nothing_else(void **state)
{
	static const struct {
		int		(*instead)(void);
		const char	*why;
	} table[] = {
		{ dies, "what it sends has broken the scan" },
		{ prints_without_end, "its key is longer" },
		{ prints_no_key, "its key is of no form" },
		{ ends_as_a_fault_of_ours, "has broken the scan" },
	};
	uint16_t port = serve(names_itself_only);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		instead = table[i].instead;
		assert_int_equal(ask("127.0.0.1", port, LONG_MS),
		    ST_MALFORMED);
		assert_non_null(strstr(why, table[i].why));
	}
	instead = turns_without_end;
	assert_int_equal(ask("127.0.0.1", port, SHORT_MS), ST_BUSY);
}

static int
says_nothing_of_why(void)
{
	return SSH_ERROR;
}

/* Neither the host says anything nor libssh, and the connection is there
 * yet. */
static void
a_failure_without_a_word_is_no_ssh_server(void **state)
{
	(void)state;
	instead = says_nothing_of_why;
	assert_int_equal(ask("127.0.0.1", serve(silent), LONG_MS),
	    ST_MALFORMED);
	assert_non_null(strstr(why, ": no SSH server answers"));
	assert_null(strstr(why, "begins"));
	(void)teardown(state);
	/* Who has named itself is one. */
	assert_int_equal(ask("127.0.0.1", serve(names_itself_only), LONG_MS),
	    ST_MALFORMED);
	assert_non_null(strstr(why, "the exchange of keys failed: what it "
	    "sends is not of the protocol"));
}

static void
the_scan_has_little(void **state)
{
	int leak = fcntl(0, F_DUPFD, 200);

	(void)state;
	assert_int_equal(setenv("SSH_AUTH_SOCK", "/nowhere", 1), 0);
	instead = looks_around;
	assert_int_equal(ask("127.0.0.1", serve(names_itself_only), LONG_MS),
	    ST_CLOSED);
	assert_non_null(strstr(why, ": looked"));
	assert_int_equal(unsetenv("SSH_AUTH_SOCK"), 0);
	(void)close(leak);
}

/* --- connections of the caller's ----------------------------------------- */

static int opened, closed, open_st;
static bool goes;		/* as soon as it has said its name */

static int
open_way(void *arg, int *fd, char *text, size_t len)
{
	int pair[2];

	assert_ptr_equal(arg, &s);
	assert_int_equal(opened, closed);
	if (open_st != ST_OK) {
		(void)snprintf(text, len, "not today");
		return open_st;
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	opened++;
	/* It is told before it is asked. */
	if (put(pair[1], NAME) && !goes)
		(void)put_kexinit(pair[1], "sk-ssh-ed25519@openssh.com");
	if (goes)
		assert_int_equal(shutdown(pair[1], SHUT_RDWR), 0);
	assert_int_equal(dup2(pair[1], 100), 100);
	(void)close(pair[1]);
	*fd = pair[0];
	return ST_OK;
}

static void
close_way(void *arg, int fd)
{
	assert_ptr_equal(arg, &s);
	closed++;
	assert_int_equal(close(fd), 0);
	assert_int_equal(close(100), 0);
}

static void
each_key_has_a_connection_of_its_own(void **state)
{
	const struct hostscan_way way = { .name = "way\n", .open = open_way,
		.close = close_way, .arg = &s };

	(void)state;
	opened = closed = 0;
	goes = false;
	open_st = ST_OK;
	assert_int_equal(hostscan_run_by(&way, LONG_MS, &s, why, sizeof(why)),
	    ST_MALFORMED);
	assert_string_equal(why,
	    "way\\x0a: has no Ed25519, ECDSA or RSA key");
	assert_int_equal(opened, 3);
	assert_int_equal(closed, 3);
	open_st = ST_DENIED;
	assert_int_equal(hostscan_run_by(&way, LONG_MS, &s, why, sizeof(why)),
	    ST_DENIED);
	assert_string_equal(why, "not today");
	assert_int_equal(closed, 3);
	open_st = ST_OK;
	goes = true;
	assert_int_equal(hostscan_run_by(&way, LONG_MS, &s, why, sizeof(why)),
	    ST_CLOSED);
	assert_string_equal(why, "way\\x0a: the host ended the connection");
	assert_int_equal(closed, 4);
	/* No time is no time for ever. */
	assert_int_equal(hostscan_run_by(&way, 0, &s, why, sizeof(why)),
	    ST_BUSY);
	assert_int_equal(opened, closed);
}

/* The first key is had, and then the host is gone. */
static int
has_one_key(void)
{
	static const char key[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK/PTIl"
	    "aO9IhyPYRGSWGGUgEuX5jaIG4FAqAbpgKPOan";
	char c;

	/* This one reads its turn from the host. */
	if (read(3, &c, 1) == 1 && c == '1' && put(1, key))
		_exit(ST_OK);
	(void)put(1, "gone");
	_exit(ST_CLOSED);
}

static void
counts(int fd)
{
	static char turn = '1';

	if (fdio_write_full(fd, &turn, 1) == ST_OK)
		wait_end(fd);
	turn++;
}

static void
what_was_had_before_the_host_was_gone_is_kept(void **state)
{
	uint16_t port = serve(counts);

	(void)state;
	instead = has_one_key;
	assert_int_equal(ask("127.0.0.1", port, LONG_MS), ST_OK);
	assert_int_equal(s.n, 1);
	assert_non_null(strstr(why, ": gone"));
	assert_int_equal(s.key[0].len, 51);
	assert_memory_equal(s.key[0].blob, "\0\0\0\x0bssh-ed25519", 15);
	assert_string_equal(s.key[0].text, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AA"
	    "AAIK/PTIlaO9IhyPYRGSWGGUgEuX5jaIG4FAqAbpgKPOan");
	assert_true(strncmp(s.key[0].fingerprint, "SHA256:", 7) == 0);
	/* 256 bits, without padding. */
	assert_int_equal(strlen(s.key[0].fingerprint), 7 + 43);
}

#define SCAN_TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCAN_TEST(no_host_is_waited_for_without_end),
		SCAN_TEST(what_is_no_good_is_said),
		SCAN_TEST(who_cannot_be_reached_is_said),
		SCAN_TEST(every_address_is_tried),
		SCAN_TEST(an_address_that_nobody_answers_at_is_given_up),
		SCAN_TEST(a_scan_that_is_broken_breaks_nothing_else),
		SCAN_TEST(a_failure_without_a_word_is_no_ssh_server),
		SCAN_TEST(the_scan_has_little),
		SCAN_TEST(each_key_has_a_connection_of_its_own),
		SCAN_TEST(what_was_had_before_the_host_was_gone_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
