#include "provision/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fdio.h"

/* Longest message. */
#define MESSAGE_MAX	1024

/* The address as the kernel has it. */
static int
address_of(const char *text, struct sockaddr_un *sun, socklen_t *len)
{
	size_t n = strlen(text);

	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if ((text[0] != '/' && text[0] != '@') || n < 2 ||
	    n >= sizeof(sun->sun_path))
		return ST_MALFORMED;
	memcpy(sun->sun_path, text, n);
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	if (text[0] == '@') {
		/* No NUL is behind one that begins with one. */
		sun->sun_path[0] = '\0';
		(*len)--;
	}
	return ST_OK;
}

int
notify_open(struct notify *n, const char *address)
{
	struct sockaddr_un sun;
	socklen_t len;
	int fd, st;

	n->fd = -1;
	if (address == NULL)
		return ST_OK;
	if ((st = address_of(address, &sun, &len)) != ST_OK)
		return st;
	if ((fd = socket(AF_UNIX, SOCK_DGRAM, 0)) < 0)
		return ST_SYSTEM;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fdio_nonblock(fd) != ST_OK)
		st = ST_SYSTEM;
	else if (connect(fd, (struct sockaddr *)&sun, len) != 0)
		st = errno == ENOENT || errno == ECONNREFUSED ? ST_CLOSED :
		    ST_SYSTEM;
	if (st != ST_OK) {
		(void)close(fd);
		return st;
	}
	n->fd = fd;
	return ST_OK;
}

void
notify_send(const struct notify *n, const char *fmt, ...)
{
	char text[MESSAGE_MAX];
	va_list ap;
	int len;

	if (n->fd < 0)
		return;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len > 0 && (size_t)len < sizeof(text))
		(void)!send(n->fd, text, (size_t)len, 0);
}

void
notify_close(struct notify *n)
{
	if (n->fd >= 0)
		(void)close(n->fd);
	n->fd = -1;
}
