#include "forwarder/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

/* The longest line, with a CR and a newline. */
#define LINE_MAX_LEN	(PROXY_USER_MAX + 1 + PROXY_PASSWORD_MAX + 2)

/* Wait until there is something to read, or it is known that nothing comes. */
static int
await(int fd, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left;
	int n;

	do {
		left = deadline - clock_ms();
		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return ST_BUSY;
	/* Of a descriptor that is none, read(2) says so. */
	return n > 0 ? ST_OK : ST_SYSTEM;
}

/* Read up to the first newline, the end, or as much as a line can have. */
static int
read_line(int fd, int64_t deadline, char line[static LINE_MAX_LEN],
    size_t *len)
{
	ssize_t n;
	int st;

	*len = 0;
	while (*len < LINE_MAX_LEN) {
		if ((st = await(fd, deadline)) != ST_OK)
			return st;
		n = read(fd, line + *len, LINE_MAX_LEN - *len);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return ST_SYSTEM;
		if (n == 0)
			break;
		*len += (size_t)n;
		if (memchr(line, '\n', *len) != NULL)
			break;
	}
	return ST_OK;
}

/* Take them from ${fd}, which is called ${name}, within ${wait_s} seconds. */
static int
take(int fd, const char *name, int wait_s, struct credentials *out, char *why,
    size_t whylen)
{
	int64_t deadline = clock_ms() + (int64_t)wait_s * 1000;
	char line[LINE_MAX_LEN], wrong[128];
	size_t len;
	int st;

	st = read_line(fd, deadline, line, &len);
	if (st == ST_BUSY) {
		(void)snprintf(why, whylen, "%s: no whole line has come in "
		    "%d s: does anybody write USER:PASSWORD and a newline to "
		    "it?", name, wait_s);
	} else if (st != ST_OK) {
		(void)snprintf(why, whylen, "cannot read %s: %s", name,
		    strerrordesc_np(errno));
	} else if ((st = proxyurl_credentials(line, len, out, wrong,
	    sizeof(wrong))) != ST_OK) {
		(void)snprintf(why, whylen, "%s: %s", name, wrong);
	}
	explicit_bzero(line, sizeof(line));
	return st;
}

/* Whether nobody else has a hand in it. */
static int
trust(int fd, const char *path, char *why, size_t whylen)
{
	struct stat sb;

	if (fstat(fd, &sb) != 0) {
		(void)snprintf(why, whylen, "%s: %s", path,
		    strerrordesc_np(errno));
		return ST_SYSTEM;
	}
	if (!S_ISREG(sb.st_mode)) {
		(void)snprintf(why, whylen, "%s: not a plain file", path);
		return ST_UNTRUSTED;
	}
	if (sb.st_uid != 0 && sb.st_uid != geteuid()) {
		(void)snprintf(why, whylen,
		    "%s: belongs to uid %u, not to us or root", path,
		    (unsigned)sb.st_uid);
		return ST_UNTRUSTED;
	}
	if (sb.st_uid == geteuid() && (sb.st_mode & 077) != 0) {
		(void)snprintf(why, whylen,
		    "%s: others can use it (mode %03o): chmod 600 %s", path,
		    (unsigned)(sb.st_mode & 0777), path);
		return ST_UNTRUSTED;
	}
	return ST_OK;
}

int
credentials_file(const char *path, struct credentials *out, char *why,
    size_t whylen)
{
	int fd, st;

	/* A FIFO in its place must not hold us up. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		(void)snprintf(why, whylen, "%s: %s", path,
		    strerrordesc_np(errno));
		return errno == ENOENT ? ST_NOT_FOUND : ST_SYSTEM;
	}
	if ((st = trust(fd, path, why, whylen)) == ST_OK)
		st = take(fd, path, 0, out, why, whylen);
	(void)close(fd);
	return st;
}

int
credentials_fd(int fd, int wait_s, struct credentials *out, char *why,
    size_t whylen)
{
	char name[32];
	int st;

	(void)snprintf(name, sizeof(name), "descriptor %d", fd);
	st = take(fd, name, wait_s, out, why, whylen);
	(void)close(fd);
	return st;
}
