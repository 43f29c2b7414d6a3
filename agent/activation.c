#include "agent/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/num.h"
#include "base/text.h"

/* Whether the environment means us. */
static int
look_at_environment(char *why, size_t whylen)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	uint64_t n;

	if (fds == NULL || pid == NULL)
		return ST_NOT_FOUND;
	if (strcmp(fds, "1") != 0) {
		(void)snprintf(why, whylen, "LISTEN_FDS is \"%.*s\": just "
		    "one socket can be served", text_cut(fds, 32), fds);
		return ST_MALFORMED;
	}
	if (num_u64(pid, 1, INT_MAX, &n) != ST_OK || (pid_t)n != getpid()) {
		(void)snprintf(why, whylen, "LISTEN_PID is \"%.*s\", and "
		    "this is process %ld", text_cut(pid, 32), pid,
		    (long)getpid());
		return ST_MALFORMED;
	}
	return ST_OK;
}

/* One of the socket's properties; -1 when it is no socket. */
static int
property(int name)
{
	socklen_t len = sizeof(int);
	int value;

	if (getsockopt(ACTIVATION_FD, SOL_SOCKET, name, &value, &len) != 0)
		return -1;
	return value;
}

/* Where it lies. */
static int
find_path(char out[static UNIXSOCK_PATH_MAX], bool check_dir, char *why,
    size_t whylen)
{
	struct sockaddr_un sun;
	socklen_t len = sizeof(sun);
	char path[UNIXSOCK_PATH_MAX + 1] = "";
	struct text t;
	int st;

	memset(&sun, 0, sizeof(sun));
	if (getsockname(ACTIVATION_FD, (struct sockaddr *)&sun, &len) != 0) {
		(void)snprintf(why, whylen, "cannot tell the name of "
		    "descriptor %d: %s", ACTIVATION_FD,
		    strerrordesc_np(errno));
		return ST_SYSTEM;
	}
	len -= (socklen_t)offsetof(struct sockaddr_un, sun_path);
	if (len > 0 && sun.sun_path[0] != '\0') {
		/* All of it may be in use, without a NUL at the end. */
		memcpy(path, sun.sun_path, sizeof(sun.sun_path));
		if (!check_dir) {
			text_init(&t, out, UNIXSOCK_PATH_MAX);
			text_add(&t, path);
			return ST_OK;
		}
		st = unixsock_resolve(path, out, why, whylen);
		return st != ST_OK ? st : unixsock_trust(out, why, whylen);
	}
	if (check_dir) {
		(void)snprintf(why, whylen, "descriptor %d is a socket "
		    "without a file, whose name others could take",
		    ACTIVATION_FD);
		return ST_UNTRUSTED;
	}
	text_init(&t, out, UNIXSOCK_PATH_MAX);
	text_addc(&t, '@');
	if (len > 1)
		text_escape(&t, sun.sun_path + 1, len - 1);
	return ST_OK;
}

int
activation_take(bool check_dir, struct unixsock *out, char *why,
    size_t whylen)
{
	int st;

	*out = (struct unixsock){ .fd = -1, .lock_fd = -1 };
	if ((st = look_at_environment(why, whylen)) != ST_OK)
		return st;
	if (property(SO_DOMAIN) != AF_UNIX || property(SO_TYPE) !=
	    SOCK_STREAM || property(SO_ACCEPTCONN) != 1) {
		(void)snprintf(why, whylen, "descriptor %d is not a Unix "
		    "stream socket that listens", ACTIVATION_FD);
		return ST_UNSUPPORTED;
	}
	if ((st = find_path(out->path, check_dir, why, whylen)) != ST_OK)
		return st;
	if (fdio_nonblock(ACTIVATION_FD) != ST_OK ||
	    fcntl(ACTIVATION_FD, F_SETFD, FD_CLOEXEC) < 0) {
		(void)snprintf(why, whylen, "cannot set the flags of "
		    "descriptor %d: %s", ACTIVATION_FD,
		    strerrordesc_np(errno));
		return ST_SYSTEM;
	}
	out->fd = ACTIVATION_FD;
	return ST_OK;
}
