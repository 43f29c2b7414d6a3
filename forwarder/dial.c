#include "forwarder/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "forwarder/exitcode.h"

/* Most addresses of one name that are tried. */
#define ADDRS_MAX	16
/* How long an address has before the next one is begun as well (RFC 8305
 * section 5). */
#define STAGGER_MS	250
/* Keepalive: a peer that is gone is noticed after about two minutes, and a
 * path that forgets idle connections is kept open. */
#define KEEP_IDLE_S	30
#define KEEP_INTERVAL_S	15
#define KEEP_COUNT	6

struct address {
	struct sockaddr_storage	 sa;
	socklen_t		 len;
};

/* What SIGALRM says: made before, since a handler may only write. */
static struct {
	char	 line[512];
	size_t	 len;
} too_slow;

static void
on_alarm(int sig)
{
	(void)sig;
	(void)!write(STDERR_FILENO, too_slow.line, too_slow.len);
	_exit(EXIT_UNREACHABLE);
}

/* Milliseconds until the deadline for poll(2), rounded so that 0 is "over". */
static int
left_ms(int64_t deadline)
{
	int64_t left = deadline - clock_ms();

	if (left <= 0)
		return 0;
	return left > 1000000 ? 1000000 : (int)left;
}

/* End the process if it is not stopped before the deadline. */
static void
alarm_start(const struct target *t, int64_t deadline)
{
	struct itimerval it = { .it_value = { 0, 0 } };
	struct sigaction sa = { .sa_handler = on_alarm };
	int ms = left_ms(deadline);
	int n;

	n = snprintf(too_slow.line, sizeof(too_slow.line),
	    "bottle-forward: error: no name server has told the address of %s "
	    "in time; is name lookup set up here?  An address in its place "
	    "needs none\n", t->host);
	too_slow.len = n > 0 ? (size_t)n : 0;
	(void)sigaction(SIGALRM, &sa, NULL);
	if (ms < 1)
		ms = 1;
	it.it_value.tv_sec = ms / 1000;
	it.it_value.tv_usec = ms % 1000 * 1000;
	(void)setitimer(ITIMER_REAL, &it, NULL);
}

static void
alarm_stop(void)
{
	struct itimerval it = { .it_value = { 0, 0 } };

	(void)setitimer(ITIMER_REAL, &it, NULL);
	(void)signal(SIGALRM, SIG_DFL);
}

/* Its addresses in the order of RFC 6724, as getaddrinfo(3) has them, but with
 * the families in turn. */
static size_t
interleave(const struct addrinfo *list, struct address *out)
{
	const struct addrinfo *next[2] = { list, list };
	int family = list->ai_family;
	int other = family == AF_INET6 ? AF_INET : AF_INET6;
	size_t n = 0;
	int turn;

	for (turn = 0; n < ADDRS_MAX; turn ^= 1) {
		const struct addrinfo *ai = next[turn];
		int want = turn == 0 ? family : other;

		while (ai != NULL && ai->ai_family != want)
			ai = ai->ai_next;
		next[turn] = NULL;
		if (ai == NULL) {
			if (next[turn ^ 1] == NULL)
				break;
			continue;
		}
		next[turn] = ai->ai_next;
		if (ai->ai_addrlen > sizeof(out[n].sa))
			continue;
		memcpy(&out[n].sa, ai->ai_addr, ai->ai_addrlen);
		out[n++].len = ai->ai_addrlen;
	}
	return n;
}

/* All addresses of ${t}. */
static int
lookup(const struct target *t, int64_t deadline, struct address *out,
    size_t *n, char *why, size_t whylen)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV,
	};
	struct addrinfo *list = NULL;
	char port[8];
	int err;

	if (t->kind != TARGET_NAME)
		hints.ai_flags |= AI_NUMERICHOST;
	(void)snprintf(port, sizeof(port), "%u", (unsigned)t->port);
	alarm_start(t, deadline);
	err = getaddrinfo(t->host, port, &hints, &list);
	alarm_stop();
	if (err != 0) {
		(void)snprintf(why, whylen, "cannot look %s up: %s", t->host,
		    err == EAI_SYSTEM ? strerrordesc_np(errno) :
		    gai_strerror(err));
		return err == EAI_SYSTEM || err == EAI_MEMORY ? ST_SYSTEM :
		    ST_NOT_FOUND;
	}
	*n = interleave(list, out);
	freeaddrinfo(list);
	if (*n > 0)
		return ST_OK;
	(void)snprintf(why, whylen, "%s has no address", t->host);
	return ST_NOT_FOUND;
}

int
dial_lookup(const struct target *t, int64_t deadline, struct target *out,
    char *why, size_t whylen)
{
	struct address list[ADDRS_MAX];
	char host[INET6_ADDRSTRLEN], port[8];
	size_t n;
	int st;

	if ((st = lookup(t, deadline, list, &n, why, whylen)) != ST_OK)
		return st;
	if (getnameinfo((const struct sockaddr *)&list[0].sa, list[0].len,
	    host, sizeof(host), port, sizeof(port),
	    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
		(void)snprintf(why, whylen, "%s has no address", t->host);
		return ST_NOT_FOUND;
	}
	return target_parse(host, port, out, why, whylen);
}

static void
set_option(int fd, int level, int name, int value)
{
	/* Each makes the connection better, none is needed. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

/* Begin to connect; -1 and errno when that failed at once. */
static int
begin(const struct address *a)
{
	int fd, saved;

	fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd < 0)
		return -1;
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT);
	if (connect(fd, (const struct sockaddr *)&a->sa, a->len) == 0 ||
	    errno == EINPROGRESS)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

/* The race of the addresses: those under way, and how the last one failed. */
struct race {
	const struct address	*list;
	size_t			 n, begun;
	struct pollfd		 fds[ADDRS_MAX];
	nfds_t			 open;
	int			 error;
};

/* Begin with the next address that can be begun with. */
static void
race_next(struct race *r)
{
	int fd;

	while (r->begun < r->n) {
		fd = begin(&r->list[r->begun++]);
		if (fd >= 0) {
			r->fds[r->open++] =
			    (struct pollfd){ .fd = fd, .events = POLLOUT };
			return;
		}
		r->error = errno;
	}
}

/* The first that is connected, or -1; those that failed are closed. */
static int
race_finish(struct race *r)
{
	socklen_t len;
	nfds_t i = 0;
	int error;

	while (i < r->open) {
		if (r->fds[i].revents == 0) {
			i++;
			continue;
		}
		error = 0;
		len = sizeof(error);
		if (getsockopt(r->fds[i].fd, SOL_SOCKET, SO_ERROR, &error,
		    &len) != 0)
			error = errno;
		if (error == 0)
			return r->fds[i].fd;
		r->error = error;
		(void)close(r->fds[i].fd);
		r->fds[i] = r->fds[--r->open];
	}
	return -1;
}

int
dial(const struct target *t, int64_t deadline, int *fd, char *why,
    size_t whylen)
{
	struct address list[ADDRS_MAX];
	struct race r = { .list = list };
	int64_t stagger = 0;
	nfds_t i;
	int won = -1;
	int st, wait;

	st = lookup(t, deadline, list, &r.n, why, whylen);
	if (st != ST_OK)
		return st;
	for (;;) {
		if (r.open == 0 || stagger <= clock_ms()) {
			race_next(&r);
			stagger = clock_ms() + STAGGER_MS;
		}
		if (r.open == 0)
			break;
		wait = left_ms(r.begun < r.n && stagger < deadline ? stagger :
		    deadline);
		if (poll(r.fds, r.open, wait) < 0 && errno != EINTR)
			break;
		nfds_t before = r.open;

		if ((won = race_finish(&r)) >= 0 || left_ms(deadline) == 0)
			break;
		/* A failure lets the next one begin at once. */
		if (r.open < before)
			stagger = 0;
	}
	for (i = 0; i < r.open; i++)
		if (r.fds[i].fd != won)
			(void)close(r.fds[i].fd);
	*fd = won;
	if (won >= 0)
		return ST_OK;
	if (r.open > 0) {
		(void)snprintf(why, whylen,
		    "no answer from %s in time", t->authority);
		return ST_BUSY;
	}
	(void)snprintf(why, whylen, "cannot connect to %s: %s", t->authority,
	    strerrordesc_np(r.error));
	return ST_CLOSED;
}

/* Wait until ${fd} is ready for ${events}. */
static int
wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	for (;;) {
		n = poll(&p, 1, left_ms(deadline));
		if (n > 0)
			return ST_OK;
		if (n == 0)
			return ST_BUSY;
		if (errno != EINTR)
			return ST_SYSTEM;
	}
}

/* What errno says about a connection. */
static int
fault(void)
{
	switch (errno) {
	case ECONNRESET:
	case EPIPE:
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
		return ST_CLOSED;
	default:
		return ST_SYSTEM;
	}
}

int
dial_send(int fd, const void *p, size_t n, int64_t deadline)
{
	const char *at = p;
	ssize_t put;
	int st;

	while (n > 0) {
		put = send(fd, at, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (put > 0) {
			at += put;
			n -= (size_t)put;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return fault();
		if ((st = wait_for(fd, POLLOUT, deadline)) != ST_OK)
			return st;
	}
	return ST_OK;
}

/* One recv(2) that waits. */
static int
receive(int fd, void *p, size_t max, int flags, int64_t deadline, size_t *got)
{
	ssize_t n;
	int st;

	for (;;) {
		n = recv(fd, p, max, flags | MSG_DONTWAIT);
		if (n > 0) {
			*got = (size_t)n;
			return ST_OK;
		}
		if (n == 0)
			return ST_CLOSED;
		if (errno != EAGAIN && errno != EINTR)
			return fault();
		if ((st = wait_for(fd, POLLIN, deadline)) != ST_OK)
			return st;
	}
}

int
dial_peek(int fd, void *p, size_t max, int64_t deadline, size_t *got)
{
	return receive(fd, p, max, MSG_PEEK, deadline, got);
}

int
dial_take(int fd, void *p, size_t n, int64_t deadline)
{
	char *at = p;
	size_t got;
	int st;

	while (n > 0) {
		st = receive(fd, at, n, 0, deadline, &got);
		if (st != ST_OK)
			return st;
		at += got;
		n -= got;
	}
	return ST_OK;
}
