#include "base/bare.h"

#include <sys/syscall.h>
#include <unistd.h>

#if defined(__GLIBC__) && defined(BARE_CALLS)

/* Bytes of a set of signals, as the kernel has it: 64 of them, which are the
 * first of libc's. */
#define KERNEL_SIGSET	8L

ssize_t
bare_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return syscall(SYS_recvmsg, (long)fd, msg, (long)flags);
}

ssize_t
bare_send(int fd, const void *p, size_t len, int flags)
{
	return syscall(SYS_sendto, (long)fd, p, len, (long)flags, NULL, 0L);
}

int
bare_epoll_pwait(int fd, struct epoll_event *events, int most, int timeout,
    const sigset_t *mask)
{
	return (int)syscall(SYS_epoll_pwait, (long)fd, events, (long)most,
	    (long)timeout, mask, KERNEL_SIGSET);
}

#else

ssize_t
bare_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return recvmsg(fd, msg, flags);
}

ssize_t
bare_send(int fd, const void *p, size_t len, int flags)
{
	return send(fd, p, len, flags);
}

int
bare_epoll_pwait(int fd, struct epoll_event *events, int most, int timeout,
    const sigset_t *mask)
{
	return epoll_pwait(fd, events, most, timeout, mask);
}

#endif
