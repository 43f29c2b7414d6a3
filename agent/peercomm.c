#include "agent/peercomm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD	77
#endif

/* Read the name. */
static void
read_comm(pid_t pid, char out[static PEERCOMM_MAX])
{
	char path[32];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%ld/comm", (long)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return;
	n = read(fd, out, PEERCOMM_MAX - 1);
	(void)close(fd);
	while (n > 0 && out[n - 1] == '\n')
		n--;
	out[n > 0 ? n : 0] = '\0';
}

void
peercomm(int fd, pid_t *pid, char out[static PEERCOMM_MAX])
{
	struct pollfd ended = { .fd = -1, .events = POLLIN };
	socklen_t len = sizeof(ended.fd);
	int rc = 0;

	out[0] = '\0';
	if (*pid <= 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &ended.fd, &len) != 0) {
		/* Other than on an older kernel: the process is gone. */
		if (errno != ENOPROTOOPT) {
			*pid = 0;
			return;
		}
		ended.fd = -1;
	}
	read_comm(*pid, out);
	/* The name is the process's own only if that is still there now. */
	while (ended.fd >= 0 && (rc = poll(&ended, 1, 0)) < 0 && errno == EINTR)
		continue;
	if (rc != 0) {
		out[0] = '\0';
		*pid = 0;
	}
	if (ended.fd >= 0)
		(void)close(ended.fd);
}
