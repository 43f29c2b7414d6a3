/*
 * Connecting, and what is said before there is a tunnel, over real sockets on
 * the loopback.  What a name's addresses are is decided here.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "forwarder/dial.h"
#include "forwarder/exitcode.h"

/* What is long enough for anything that happens at all. */
#define PATIENCE_MS	60000
/* What is waited for in vain. */
#define SHORT_MS	150
/* How long an address has before the next one is begun. */
#define STAGGER_MS	250
/* So often is tried what may take long on a busy machine only. */
#define TRIES		20
/* Most addresses of a name that are tried. */
#define ADDRS_MAX	16

#define LIST_MAX	24

int __real_getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **out);
int __wrap_getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **out);
void __real_freeaddrinfo(struct addrinfo *list);
void __wrap_freeaddrinfo(struct addrinfo *list);
int __real_connect(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len);

/* What a name stands for, when it is not looked up in earnest. */
static struct {
	bool			 on;
	int			 error;		/* in place of addresses */
	int			 sys_errno;
	bool			 hang;
	int			 flags;		/* that it was asked with */
	size_t			 n;
	struct addrinfo		 ai[LIST_MAX];
	struct sockaddr_storage	 sa[LIST_MAX];
} names;

/* Which ports were tried, in order. */
static struct {
	bool		 refuse;	/* all of them, without a try */
	size_t		 n;
	uint16_t	 ports[LIST_MAX];
} tried;

static char why[512];

int
__wrap_getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **out)
{
	size_t i;

	names.flags = hints->ai_flags;
	if (!names.on)
		return __real_getaddrinfo(node, service, hints, out);
	while (names.hang)
		(void)pause();
	if (names.error != 0) {
		errno = names.sys_errno;
		return names.error;
	}
	for (i = 0; i < names.n; i++)
		names.ai[i].ai_next = i + 1 < names.n ? &names.ai[i + 1] :
		    NULL;
	*out = names.ai;
	return 0;
}

void
__wrap_freeaddrinfo(struct addrinfo *list)
{
	if (list != names.ai)
		__real_freeaddrinfo(list);
}

static uint16_t
port_of(const struct sockaddr *sa)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		return ntohs(in.sin_port);
	}
	memcpy(&in6, sa, sizeof(in6));
	return ntohs(in6.sin6_port);
}

int
__wrap_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	assert_true(tried.n < LIST_MAX);
	tried.ports[tried.n++] = port_of(sa);
	if (!tried.refuse)
		return __real_connect(fd, sa, len);
	errno = ECONNREFUSED;
	return -1;
}

static int
setup(void **state)
{
	(void)state;
	memset(&names, 0, sizeof(names));
	memset(&tried, 0, sizeof(tried));
	why[0] = '\0';
	return 0;
}

/* The name has this address as well. */
static void
add_ipv4(uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port) };
	size_t i = names.n++;

	assert_true(i < LIST_MAX);
	names.on = true;
	memcpy(&names.sa[i], &sin, sizeof(sin));
	names.ai[i] = (struct addrinfo){ .ai_family = AF_INET,
		.ai_socktype = SOCK_STREAM, .ai_addrlen = sizeof(sin),
		.ai_addr = (struct sockaddr *)&names.sa[i] };
}

static void
add_ipv6(uint16_t port)
{
	struct sockaddr_in6 sin = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
		.sin6_port = htons(port) };
	size_t i = names.n++;

	assert_true(i < LIST_MAX);
	names.on = true;
	memcpy(&names.sa[i], &sin, sizeof(sin));
	names.ai[i] = (struct addrinfo){ .ai_family = AF_INET6,
		.ai_socktype = SOCK_STREAM, .ai_addrlen = sizeof(sin),
		.ai_addr = (struct sockaddr *)&names.sa[i] };
}

/* A port of the loopback with nobody behind it; ${listener} gets one. */
static uint16_t
some_port(int backlog, int *listener)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	if (listener == NULL) {
		(void)close(fd);
	} else {
		assert_int_equal(listen(fd, backlog), 0);
		*listener = fd;
	}
	return ntohs(sin.sin_port);
}

/* A listener that takes no more: what is begun now gets no answer. */
struct hole {
	int		 listener;
	int		 fill[8];
	uint16_t	 port;
};

static void
hole_open(struct hole *h)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	size_t i;

	h->port = some_port(0, &h->listener);
	sin.sin_port = htons(h->port);
	for (i = 0; i < sizeof(h->fill) / sizeof(h->fill[0]); i++) {
		h->fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK |
		    SOCK_CLOEXEC, 0);
		assert_true(h->fill[i] >= 0);
		(void)__real_connect(h->fill[i], (struct sockaddr *)&sin,
		    sizeof(sin));
	}
}

static void
hole_close(struct hole *h)
{
	size_t i;

	for (i = 0; i < sizeof(h->fill) / sizeof(h->fill[0]); i++)
		(void)close(h->fill[i]);
	(void)close(h->listener);
}

static int
count_descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int
dial_host(const char *host, uint16_t port, int wait_ms, int *fd)
{
	struct target t;
	char text[8];

	(void)snprintf(text, sizeof(text), "%u", port);
	assert_int_equal(target_parse(host, text, &t, why, sizeof(why)),
	    ST_OK);
	why[0] = '\0';
	*fd = -1;
	return dial(&t, clock_ms() + wait_ms, fd, why, sizeof(why));
}

/*
 * One address.
 */

static int
option_of(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void
a_connection_is_set_up_as_promised(void **state)
{
	int listener, fd, peer;
	uint16_t port = some_port(1, &listener);

	(void)state;
	assert_int_equal(dial_host("127.0.0.1", port, PATIENCE_MS, &fd),
	    ST_OK);
	assert_true((peer = accept(listener, NULL, NULL)) >= 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_not_equal(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 0);
	assert_int_not_equal(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 30);
	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 15);
	assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 6);
	assert_true(names.flags & AI_NUMERICHOST);
	assert_true(names.flags & AI_NUMERICSERV);
	assert_string_equal(why, "");
	close(fd);
	close(peer);
	close(listener);
}

static void
a_port_with_nobody_behind_it_is_closed(void **state)
{
	uint16_t port = some_port(0, NULL);
	int before = count_descriptors();
	char wanted[128];
	int fd;

	(void)state;
	assert_int_equal(dial_host("127.0.0.1", port, PATIENCE_MS, &fd),
	    ST_CLOSED);
	(void)snprintf(wanted, sizeof(wanted),
	    "cannot connect to 127.0.0.1:%u: Connection refused", port);
	assert_string_equal(why, wanted);
	assert_int_equal(fd, -1);
	assert_int_equal(count_descriptors(), before);
}

static void
no_answer_is_waited_for_until_the_deadline(void **state)
{
	struct hole h;
	char wanted[128];
	int64_t start;
	int before, fd;

	(void)state;
	hole_open(&h);
	before = count_descriptors();
	start = clock_ms();
	assert_int_equal(dial_host("127.0.0.1", h.port, SHORT_MS, &fd),
	    ST_BUSY);
	assert_true(clock_ms() - start >= SHORT_MS);
	assert_true(clock_ms() - start < SHORT_MS + 5000);
	(void)snprintf(wanted, sizeof(wanted),
	    "no answer from 127.0.0.1:%u in time", h.port);
	assert_string_equal(why, wanted);
	assert_int_equal(fd, -1);
	assert_int_equal(count_descriptors(), before);
	hole_close(&h);
}

static void
nothing(int sig)
{
	(void)sig;
}

/* Interrupt system calls every few milliseconds, or stop doing so. */
static void
interrupt(bool on, timer_t *timer)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGUSR1 };
	struct itimerspec it = { .it_interval = { 0, 7000000 },
		.it_value = { 0, 7000000 } };

	if (!on) {
		assert_int_equal(timer_delete(*timer), 0);
		return;
	}
	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &ev, timer), 0);
	assert_int_equal(timer_settime(*timer, 0, &it, NULL), 0);
}

static void
signals_do_not_end_the_wait(void **state)
{
	struct hole h;
	timer_t timer;
	int64_t start = clock_ms();
	int fd[2], listener, got;
	uint16_t port;
	size_t n;
	char c;

	(void)state;
	hole_open(&h);
	interrupt(true, &timer);
	assert_int_equal(dial_host("127.0.0.1", h.port, SHORT_MS, &got),
	    ST_BUSY);
	assert_true(clock_ms() - start >= SHORT_MS);
	port = some_port(1, &listener);
	add_ipv4(h.port);
	add_ipv4(port);
	assert_int_equal(dial_host("name", 22, PATIENCE_MS, &got), ST_OK);
	close(got);
	close(listener);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	start = clock_ms();
	assert_int_equal(dial_peek(fd[0], &c, 1, start + SHORT_MS, &n),
	    ST_BUSY);
	assert_true(clock_ms() - start >= SHORT_MS);
	interrupt(false, &timer);
	close(fd[0]);
	close(fd[1]);
	hole_close(&h);
}

/*
 * Several addresses.
 */

static void
the_next_address_is_begun_at_once_when_one_fails(void **state)
{
	uint16_t port, closed = some_port(0, NULL);
	int listener, fd, before;
	int64_t start, took = INT64_MAX;

	(void)state;
	port = some_port(1, &listener);
	add_ipv4(closed);
	add_ipv4(closed);
	add_ipv4(closed);
	add_ipv4(port);
	before = count_descriptors();
	/* Who waits does so each time. */
	for (unsigned i = 0; i < TRIES && took >= 3 * STAGGER_MS; i++) {
		tried.n = 0;
		start = clock_ms();
		assert_int_equal(dial_host("name", 22, PATIENCE_MS, &fd),
		    ST_OK);
		took = clock_ms() - start;
		assert_int_equal(tried.n, 4);
		assert_int_equal(tried.ports[3], port);
		assert_int_equal(count_descriptors(), before + 1);
		assert_false(names.flags & AI_NUMERICHOST);
		close(fd);
	}
	assert_true(took < 3 * STAGGER_MS);
	close(listener);
}

static void
the_next_address_is_begun_when_one_does_not_answer(void **state)
{
	struct hole h;
	uint16_t port;
	int listener, fd, before;
	int64_t start, took;

	(void)state;
	hole_open(&h);
	port = some_port(1, &listener);
	add_ipv4(h.port);
	add_ipv4(h.port);
	add_ipv4(port);
	before = count_descriptors();
	start = clock_ms();
	assert_int_equal(dial_host("name", 22, PATIENCE_MS, &fd), ST_OK);
	took = clock_ms() - start;
	assert_true(took >= 2 * STAGGER_MS - 10);
	assert_true(took < 2 * STAGGER_MS + 5000);
	assert_int_equal(tried.n, 3);
	/* Those that were under way are closed. */
	assert_int_equal(count_descriptors(), before + 1);
	close(fd);
	close(listener);
	hole_close(&h);
}

/* Make room behind the listener, when its first SYN is lost already. */
static void *
make_room(void *cookie)
{
	const struct timespec pause = { .tv_nsec = 350000000 };
	struct hole *h = cookie;
	size_t i;
	int peer;

	(void)nanosleep(&pause, NULL);
	for (i = 0; i < sizeof(h->fill) / sizeof(h->fill[0]); i++)
		(void)close(h->fill[i]);
	while ((peer = accept(h->listener, NULL, NULL)) >= 0)
		(void)close(peer);
	return NULL;
}

static void
one_that_answers_late_still_wins(void **state)
{
	uint16_t closed = some_port(0, NULL);
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	pthread_t thread;
	struct hole h;
	int fd;

	(void)state;
	hole_open(&h);
	assert_int_equal(fcntl(h.listener, F_SETFL, O_NONBLOCK), 0);
	add_ipv4(h.port);
	add_ipv4(closed);
	assert_int_equal(pthread_create(&thread, NULL, make_room, &h), 0);
	assert_int_equal(dial_host("name", 22, PATIENCE_MS, &fd), ST_OK);
	assert_int_equal(tried.n, 2);
	assert_int_equal(getpeername(fd, (struct sockaddr *)&peer, &len), 0);
	assert_int_equal(ntohs(peer.sin_port), h.port);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(fd);
	close(h.listener);
}

static void
when_all_fail_the_last_failure_is_told(void **state)
{
	struct hole h;
	uint16_t closed = some_port(0, NULL);
	int fd, before;

	(void)state;
	add_ipv4(closed);
	add_ipv4(closed);
	before = count_descriptors();
	assert_int_equal(dial_host("name", 22, PATIENCE_MS, &fd), ST_CLOSED);
	assert_string_equal(why,
	    "cannot connect to name:22: Connection refused");
	assert_int_equal(tried.n, 2);
	assert_int_equal(count_descriptors(), before);

	/* One that does not answer is what is waited for. */
	hole_open(&h);
	add_ipv4(h.port);
	before = count_descriptors();
	assert_int_equal(dial_host("name", 22, SHORT_MS, &fd), ST_BUSY);
	assert_string_equal(why, "no answer from name:22 in time");
	assert_int_equal(count_descriptors(), before);
	hole_close(&h);
}

static void
families_take_turns(void **state)
{
	static const struct {
		const char	*families;	/* of ports 1, 2, ... */
		const char	*order;		/* ports, as letters */
	} t[] = {
		{ "666644", "AEBFCD" },
		{ "444466", "AEBFCD" },
		{ "6444", "ABCD" },
		{ "4666", "ABCD" },
		{ "64", "AB" },
		{ "46", "AB" },
		{ "66", "AB" },
		{ "444", "ABC" },
		{ "4", "A" },
		{ "6", "A" },
		{ "4646", "ABCD" },
		{ "6446", "ABDC" },
		{ "66666666666666666666", "ABCDEFGHIJKLMNOP" },
		{ "66666666664444444444", "AKBLCMDNEOFPGQHR" },
	};
	char order[LIST_MAX + 1];
	size_t i, j;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	int before;

	(void)state;
	if (fd < 0) {
		print_message("no IPv6: there is one family only\n");
		skip();
	}
	(void)close(fd);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		setup(NULL);
		tried.refuse = true;
		for (j = 0; t[i].families[j] != '\0'; j++)
			(t[i].families[j] == '4' ? add_ipv4 : add_ipv6)(
			    (uint16_t)(j + 1));
		before = count_descriptors();
		assert_int_equal(dial_host("name", 22, PATIENCE_MS, &fd),
		    ST_CLOSED);
		assert_int_equal(count_descriptors(), before);
		assert_string_equal(why,
		    "cannot connect to name:22: Connection refused");
		for (j = 0; j < tried.n; j++)
			order[j] = (char)('A' + tried.ports[j] - 1);
		order[j] = '\0';
		assert_string_equal(order, t[i].order);
		assert_true(j <= ADDRS_MAX);
	}
}

static void
a_family_that_is_not_there_is_passed_over(void **state)
{
	uint16_t port;
	int listener, fd;

	(void)state;
	port = some_port(1, &listener);
	add_ipv4(9);
	names.ai[0].ai_family = names.sa[0].ss_family = AF_INET6;
	/* It is shorter than an IPv6 address: connect(2) says EINVAL. */
	add_ipv4(port);
	assert_int_equal(dial_host("name", 22, PATIENCE_MS, &fd), ST_OK);
	close(fd);
	close(listener);
}

/*
 * Names.
 */

static void
a_name_that_is_not_found_is_told(void **state)
{
	static const struct {
		int		 error, sys_errno;
		int		 st;
	} t[] = {
		{ EAI_NONAME, 0, ST_NOT_FOUND },
		{ EAI_AGAIN, 0, ST_NOT_FOUND },
		{ EAI_FAIL, 0, ST_NOT_FOUND },
		{ EAI_MEMORY, 0, ST_SYSTEM },
		{ EAI_SYSTEM, EMFILE, ST_SYSTEM },
	};
	char wanted[256];
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		setup(NULL);
		names.on = true;
		names.error = t[i].error;
		names.sys_errno = t[i].sys_errno;
		assert_int_equal(dial_host("name", 22, PATIENCE_MS, &fd),
		    t[i].st);
		(void)snprintf(wanted, sizeof(wanted),
		    "cannot look name up: %s", t[i].sys_errno != 0 ?
		    "Too many open files" : gai_strerror(t[i].error));
		assert_string_equal(why, wanted);
	}
}

static void
an_address_that_is_none_of_ours_is_no_address(void **state)
{
	int fd;

	(void)state;
	add_ipv4(1);
	names.ai[0].ai_addrlen = sizeof(struct sockaddr_storage) + 1;
	assert_int_equal(dial_host("name", 22, PATIENCE_MS, &fd),
	    ST_NOT_FOUND);
	assert_string_equal(why, "name has no address");
}

static void
the_alarm_of_a_lookup_is_off_behind_it(void **state)
{
	struct itimerval it;
	struct sigaction sa;
	int fd;

	(void)state;
	tried.refuse = true;
	add_ipv4(1);
	assert_int_equal(dial_host("name", 22, PATIENCE_MS, &fd), ST_CLOSED);
	assert_int_equal(getitimer(ITIMER_REAL, &it), 0);
	assert_int_equal(it.it_value.tv_sec, 0);
	assert_int_equal(it.it_value.tv_usec, 0);
	assert_int_equal(sigaction(SIGALRM, NULL, &sa), 0);
	assert_true(sa.sa_handler == SIG_DFL);
}

/* What a child says on stderr that looks up a name for ever. */
static int
hang_in_child(int wait_ms, char *said, size_t max)
{
	int pipefd[2], status, fd;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(pipefd), 0);
	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		(void)dup2(pipefd[1], 2);
		(void)dial_host("slow.example", 22, wait_ms, &fd);
		_exit(99);
	}
	close(pipefd[1]);
	while ((n = read(pipefd[0], said + len, max - 1 - len)) > 0)
		len += (size_t)n;
	said[len] = '\0';
	close(pipefd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
a_lookup_without_an_end_ends_the_process(void **state)
{
	static const int waits[] = { -1, 0, 1, SHORT_MS, 1100 };
	char said[1024];
	int64_t start;
	size_t i;

	(void)state;
	names.on = names.hang = true;
	for (i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		start = clock_ms();
		assert_int_equal(hang_in_child(waits[i], said, sizeof(said)),
		    EXIT_UNREACHABLE);
		assert_true(clock_ms() - start >= waits[i]);
		assert_true(clock_ms() - start < waits[i] + 5000);
		assert_string_equal(said, "bottle-forward: error: no name "
		    "server has told the address of slow.example in time; is "
		    "name lookup set up here?  An address in its place needs "
		    "none\n");
	}
}

static void
a_lookup_gives_the_first_address_as_a_target(void **state)
{
	struct target t, got;

	(void)state;
	assert_int_equal(target_parse("name", "2222", &t, why, sizeof(why)),
	    ST_OK);
	add_ipv4(2222);
	add_ipv6(2222);
	assert_int_equal(dial_lookup(&t, clock_ms() + PATIENCE_MS, &got, why,
	    sizeof(why)), ST_OK);
	assert_int_equal(got.kind, TARGET_IPV4);
	assert_string_equal(got.authority, "127.0.0.1:2222");

	setup(NULL);
	add_ipv6(2222);
	assert_int_equal(dial_lookup(&t, clock_ms() + PATIENCE_MS, &got, why,
	    sizeof(why)), ST_OK);
	assert_int_equal(got.kind, TARGET_IPV6);
	assert_string_equal(got.authority, "[::1]:2222");

	setup(NULL);
	names.on = true;
	/* Something else than an address of the Internet. */
	names.n = 1;
	names.ai[0] = (struct addrinfo){ .ai_family = AF_UNIX,
		.ai_addr = (struct sockaddr *)&names.sa[0],
		.ai_addrlen = sizeof(names.sa[0]) };
	assert_int_equal(dial_lookup(&t, clock_ms() + PATIENCE_MS, &got, why,
	    sizeof(why)), ST_NOT_FOUND);
	assert_string_equal(why, "name has no address");
	names.error = EAI_NONAME;
	assert_int_equal(dial_lookup(&t, clock_ms() + PATIENCE_MS, &got, why,
	    sizeof(why)), ST_NOT_FOUND);
	assert_int_equal(strncmp(why, "cannot look name up: ", 21), 0);
}

/*
 * Talking.
 */

static int ours, theirs;

static int
setup_pair(void **state)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener;

	(void)setup(state);
	sin.sin_port = htons(some_port(1, &listener));
	ours = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(__real_connect(ours, (struct sockaddr *)&sin,
	    sizeof(sin)), 0);
	assert_true((theirs = accept(listener, NULL, NULL)) >= 0);
	assert_int_equal(fcntl(ours, F_SETFL, O_NONBLOCK), 0);
	close(listener);
	return 0;
}

static int
teardown_pair(void **state)
{
	(void)state;
	if (ours >= 0)
		close(ours);
	if (theirs >= 0)
		close(theirs);
	return 0;
}

static void
put(const char *bytes)
{
	assert_int_equal(write(theirs, bytes, strlen(bytes)), strlen(bytes));
}

static int64_t
later(void)
{
	return clock_ms() + PATIENCE_MS;
}

/* The other side goes, with what was not read yet lost. */
static void
reset(void)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	assert_int_equal(setsockopt(theirs, SOL_SOCKET, SO_LINGER, &now,
	    sizeof(now)), 0);
	close(theirs);
	theirs = -1;
}

static void
a_peek_takes_nothing(void **state)
{
	char buf[16];
	size_t got = 0;

	(void)state;
	put("hello");
	assert_int_equal(dial_peek(ours, buf, 2, later(), &got), ST_OK);
	assert_int_equal(got, 2);
	assert_memory_equal(buf, "he", 2);
	assert_int_equal(dial_peek(ours, buf, sizeof(buf), later(), &got),
	    ST_OK);
	assert_int_equal(got, 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(recv(ours, buf, sizeof(buf), 0), 5);
}

static void
a_take_is_exact(void **state)
{
	char buf[16];

	(void)state;
	put("hello");
	memset(buf, 'x', sizeof(buf));
	assert_int_equal(dial_take(ours, buf, 3, later()), ST_OK);
	assert_memory_equal(buf, "helx", 4);
	assert_int_equal(dial_take(ours, buf, 0, later()), ST_OK);
	assert_int_equal(dial_take(ours, buf, 1, later()), ST_OK);
	assert_memory_equal(buf, "lelx", 4);
	assert_int_equal(recv(ours, buf, sizeof(buf), 0), 1);
	assert_int_equal(buf[0], 'o');
}

static void *
put_slowly(void *cookie)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	const char *p = cookie;

	for (; *p != '\0'; p++) {
		(void)nanosleep(&pause, NULL);
		(void)!write(theirs, p, 1);
	}
	return NULL;
}

static void
what_comes_in_pieces_is_waited_for(void **state)
{
	static char text[] = "one by one";
	char buf[16] = "";
	pthread_t thread;
	size_t got = 0;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, put_slowly, text), 0);
	assert_int_equal(dial_peek(ours, buf, sizeof(buf), later(), &got),
	    ST_OK);
	assert_true(got >= 1);
	assert_int_equal(dial_take(ours, buf, sizeof(text) - 1, later()),
	    ST_OK);
	assert_string_equal(buf, text);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void
the_end_is_closed_and_so_is_a_reset(void **state)
{
	char buf[16];
	size_t got;

	(void)state;
	put("abc");
	assert_int_equal(shutdown(theirs, SHUT_WR), 0);
	assert_int_equal(dial_take(ours, buf, 4, later()), ST_CLOSED);
	assert_int_equal(dial_peek(ours, buf, 1, later(), &got), ST_CLOSED);
	teardown_pair(NULL);
	setup_pair(NULL);
	reset();
	assert_int_equal(dial_peek(ours, buf, 1, later(), &got), ST_CLOSED);
	teardown_pair(NULL);
	setup_pair(NULL);
	reset();
	assert_int_equal(dial_take(ours, buf, 1, later()), ST_CLOSED);
}

static void
reading_has_a_deadline(void **state)
{
	int64_t start = clock_ms();
	char buf[4];
	size_t got;

	(void)state;
	assert_int_equal(dial_peek(ours, buf, 1, start + SHORT_MS, &got),
	    ST_BUSY);
	assert_true(clock_ms() - start >= SHORT_MS);
	put("ab");
	start = clock_ms();
	assert_int_equal(dial_take(ours, buf, 3, start + SHORT_MS), ST_BUSY);
	assert_true(clock_ms() - start >= SHORT_MS);
	assert_true(clock_ms() - start < SHORT_MS + 5000);
	/* One that is over asks no more than what is there. */
	put("c");
	assert_int_equal(dial_peek(ours, buf, 1, later(), &got), ST_OK);
	assert_int_equal(dial_take(ours, buf, 1, clock_ms() - 1), ST_OK);
	assert_int_equal(dial_take(ours, buf, 1, clock_ms() - 1), ST_BUSY);
}

static void
a_blocking_socket_has_the_same_deadline(void **state)
{
	char buf[1];
	size_t got;

	(void)state;
	assert_int_equal(fcntl(ours, F_SETFL, 0), 0);
	(void)alarm(20);
	assert_int_equal(dial_peek(ours, buf, 1, clock_ms() + 10, &got),
	    ST_BUSY);
	(void)alarm(0);
}

#define MUCH	((size_t)32 * 1024 * 1024)

static void *
get_all(void *cookie)
{
	const struct timespec pause = { .tv_nsec = 50000000 };
	size_t *sum = cookie;
	uint8_t buf[65536];
	ssize_t i, n;

	(void)nanosleep(&pause, NULL);
	while ((n = read(theirs, buf, sizeof(buf))) > 0)
		for (i = 0; i < n; i++)
			*sum = *sum * 31 + buf[i];
	return NULL;
}

static void
all_of_it_is_sent(void **state)
{
	uint8_t *p = malloc(MUCH);
	size_t i, sum = 0, got = 0;
	pthread_t thread;

	(void)state;
	assert_non_null(p);
	for (i = 0; i < MUCH; i++) {
		p[i] = (uint8_t)(i * 7 >> 3);
		sum = sum * 31 + p[i];
	}
	assert_int_equal(pthread_create(&thread, NULL, get_all, &got), 0);
	assert_int_equal(dial_send(ours, p, MUCH, later()), ST_OK);
	assert_int_equal(shutdown(ours, SHUT_WR), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(sum == got);
	assert_int_equal(dial_send(ours, p, 0, later()), ST_OK);
	free(p);
}

static void
sending_to_one_who_does_not_read_has_a_deadline(void **state)
{
	static uint8_t p[MUCH];
	int64_t start = clock_ms();

	(void)state;
	assert_int_equal(dial_send(ours, p, MUCH, start + SHORT_MS), ST_BUSY);
	assert_true(clock_ms() - start >= SHORT_MS);
	assert_true(clock_ms() - start < SHORT_MS + 5000);
}

static void
sending_to_nobody_is_closed_and_no_signal(void **state)
{
	struct pollfd p = { .fd = ours, .events = POLLIN };

	(void)state;
	reset();
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(signal(SIGPIPE, SIG_DFL) == SIG_ERR, 0);
	assert_int_equal(dial_send(ours, "x", 1, later()), ST_CLOSED);
	assert_int_equal(dial_send(ours, "x", 1, later()), ST_CLOSED);
}

static void
what_is_no_socket_is_a_fault_of_ours(void **state)
{
	char c;
	size_t got;

	(void)state;
	assert_int_equal(dial_send(999, "x", 1, later()), ST_SYSTEM);
	assert_int_equal(dial_peek(999, &c, 1, later(), &got), ST_SYSTEM);
	assert_int_equal(dial_take(999, &c, 1, later()), ST_SYSTEM);
}

#define CASE(f)	cmocka_unit_test_setup(f, setup)
#define PAIR(f)	cmocka_unit_test_setup_teardown(f, setup_pair, teardown_pair)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_connection_is_set_up_as_promised),
		CASE(a_port_with_nobody_behind_it_is_closed),
		CASE(no_answer_is_waited_for_until_the_deadline),
		CASE(signals_do_not_end_the_wait),
		CASE(the_next_address_is_begun_at_once_when_one_fails),
		CASE(the_next_address_is_begun_when_one_does_not_answer),
		CASE(one_that_answers_late_still_wins),
		CASE(when_all_fail_the_last_failure_is_told),
		CASE(families_take_turns),
		CASE(a_family_that_is_not_there_is_passed_over),
		CASE(a_name_that_is_not_found_is_told),
		CASE(an_address_that_is_none_of_ours_is_no_address),
		CASE(the_alarm_of_a_lookup_is_off_behind_it),
		CASE(a_lookup_without_an_end_ends_the_process),
		CASE(a_lookup_gives_the_first_address_as_a_target),
		PAIR(a_peek_takes_nothing),
		PAIR(a_take_is_exact),
		PAIR(what_comes_in_pieces_is_waited_for),
		PAIR(the_end_is_closed_and_so_is_a_reset),
		PAIR(reading_has_a_deadline),
		PAIR(a_blocking_socket_has_the_same_deadline),
		PAIR(all_of_it_is_sent),
		PAIR(sending_to_one_who_does_not_read_has_a_deadline),
		PAIR(sending_to_nobody_is_closed_and_no_signal),
		PAIR(what_is_no_socket_is_a_fault_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
