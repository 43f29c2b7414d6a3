#ifndef LINGER_H_
#define LINGER_H_

/*
 * linger - sockets that take long to close, and ways to send them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* As many as one message takes. */
#define LINGER_MANY	253
/* Bytes that are more than a socket with a small buffer sends off. */
#define LINGER_BYTES	65536

/* A listener of ours that takes what it is sent only up to a small amount. */
static inline int
linger_door(void)
{
	const struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small,
	    sizeof(small)) == 0 && bind(fd, (const struct sockaddr *)&at,
	    sizeof(at)) == 0 && listen(fd, 2 * LINGER_MANY) == 0)
		return fd;
	return -1;
}

/* A socket that is closed in so many seconds, and not before: what it was given
 * has nowhere to go as long as the door is open.  -1: there is none. */
static inline int
linger_socket(int door, int seconds)
{
	static const char much[LINGER_BYTES];
	const struct linger on = { 1, seconds };
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small,
	    sizeof(small)) != 0 ||
	    getsockname(door, (struct sockaddr *)&at, &len) != 0 ||
	    connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &on, sizeof(on)) != 0)
		return -1;
	while (send(fd, much, sizeof(much), MSG_DONTWAIT) > 0)
		continue;
	return fd;
}

/* In a process of its own: what it leaves open when it ends is closed without a
 * wait, so whoever receives them is the one who would have to wait. */
static inline bool
linger_send_now(int to, const void *before, size_t n_before, const void *p,
    size_t len, int door, int seconds, size_t n)
{
	static _Alignas(struct cmsghdr) char
	    room[CMSG_SPACE(LINGER_MANY * sizeof(int))];
	static char copy[64];
	struct iovec iov = { copy, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room };
	struct cmsghdr *head = (struct cmsghdr *)(void *)room;
	int fds[LINGER_MANY];

	for (size_t i = 0; i < n; i++)
		if ((fds[i] = linger_socket(door, seconds)) < 0)
			return false;
	memset(room, 0, sizeof(room));
	memcpy(copy, p, len);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(n * sizeof(int));
	msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	memcpy(CMSG_DATA(head), fds, n * sizeof(int));
	return (n_before == 0 || send(to, before, n_before,
	    MSG_NOSIGNAL) == (ssize_t)n_before) &&
	    sendmsg(to, &msg, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Send ${n_before} bytes, and then some with ${n} such sockets, up to
 * LINGER_MANY, which are nobody's but that message's afterwards; false: they
 * could not be sent. */
static inline bool
linger_send_behind(int to, const void *before, size_t n_before, const void *p,
    size_t len, int door, int seconds, size_t n)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(linger_send_now(to, before, n_before, p, len, door,
		    seconds, n) ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* The same with nothing before it. */
static inline bool
linger_send(int to, const void *p, size_t len, int door, int seconds, size_t n)
{
	return linger_send_behind(to, NULL, 0, p, len, door, seconds, n);
}

#endif /* !LINGER_H_ */
