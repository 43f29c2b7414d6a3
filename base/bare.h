#ifndef BARE_H_
#define BARE_H_

/*
 * bare - the system calls of each request, without what libc does around them.
 *
 * Layer:   base.
 *
 * In a process with threads, libc's functions that may wait say before the call
 * that their thread can be cancelled meanwhile, and take it back afterwards, by
 * an atomic operation each: pthread_cancel(3).  That takes a twenty-fifth of
 * what a list of keys does, and no thread of ours is ever cancelled.  The
 * functions are those of libc otherwise.
 *
 * They are so in bottle-agent itself, which is made with BARE_CALLS.  In this
 * library they are libc's, for tests that see or fail those; and under a
 * sanitizer, which follows them, and with another libc than glibc, whose
 * structures are not the kernel's.
 */

#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

ssize_t bare_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t bare_send(int fd, const void *p, size_t len, int flags);
int bare_epoll_pwait(int fd, struct epoll_event *events, int most, int timeout,
    const sigset_t *mask);

#endif /* !BARE_H_ */
