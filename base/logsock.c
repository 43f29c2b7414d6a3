#include "base/logsock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

/* Connect by sockets of one type. */
static int
try_type(struct logsock *s, int type)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int err;

	s->stream = type == SOCK_STREAM;
	memcpy(sun.sun_path, LOGSOCK_PATH, sizeof(LOGSOCK_PATH));
	s->fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return ST_SYSTEM;
	if (connect(s->fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0)
		return ST_OK;
	err = errno;
	logsock_close(s);
	errno = err;
	return ST_SYSTEM;
}

int
logsock_open(struct logsock *s)
{
	int st = try_type(s, SOCK_DGRAM);

	return st == ST_OK || errno != EPROTOTYPE ? st :
	    try_type(s, SOCK_STREAM);
}

void
logsock_close(struct logsock *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
}

size_t
logsock_head(char *p, size_t size, int priority, const char *program)
{
	time_t now = (time_t)clock_wall_s();
	char stamp[32] = "";
	struct tm tm;
	int n;

	if (localtime_r(&now, &tm) != NULL)
		(void)strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &tm);
	n = snprintf(p, size, "<%d>%s %.100s[%ld]: ", priority, stamp, program,
	    (long)getpid());
	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

/* Send to the daemon that we are connected to. */
static int
try_send(const struct logsock *s, const char *p, size_t len)
{
	ssize_t n;

	/* In a stream the NUL is where a message ends. */
	len += s->stream;
	n = send(s->fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == (ssize_t)len)
		return ST_OK;
	return n < 0 && errno == EAGAIN ? ST_MORE : ST_SYSTEM;
}

int
logsock_send(struct logsock *s, const char *p, size_t len)
{
	int st = s->fd >= 0 ? try_send(s, p, len) : ST_SYSTEM;

	if (st != ST_SYSTEM)
		return st;
	logsock_close(s);
	return logsock_open(s) == ST_OK ? try_send(s, p, len) : ST_SYSTEM;
}
