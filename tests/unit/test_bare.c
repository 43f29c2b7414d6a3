#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/bare.h"

static int pair[2];
static int poll_fd;
static volatile sig_atomic_t came;

static void
on_signal(int signo)
{
	came = signo;
}

static int
setup(void **state)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = UINT64_MAX };
	int on = 1;

	(void)state;
	came = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
	    pair), 0);
	assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on,
	    sizeof(on)), 0);
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	assert_true(poll_fd >= 0);
	assert_int_equal(epoll_ctl(poll_fd, EPOLL_CTL_ADD, pair[1], &ev), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)close(poll_fd);
	(void)close(pair[0]);
	(void)close(pair[1]);
	return 0;
}

/* A message with who sent it, as the inbox takes it. */
static void
what_is_sent_comes_with_its_sender(void **state)
{
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(struct ucred))];
	char in[8] = "";
	struct iovec iov = { in, sizeof(in) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room) };
	struct cmsghdr *head;
	struct ucred who;

	(void)state;
	assert_int_equal(bare_send(pair[0], "hello", 5, MSG_DONTWAIT |
	    MSG_NOSIGNAL), 5);
	assert_int_equal(bare_recvmsg(pair[1], &msg, MSG_DONTWAIT |
	    MSG_CMSG_CLOEXEC), 5);
	assert_memory_equal(in, "hello", 5);
	assert_int_equal(msg.msg_flags & (MSG_CTRUNC | MSG_TRUNC), 0);
	head = CMSG_FIRSTHDR(&msg);
	assert_non_null(head);
	assert_int_equal(head->cmsg_type, SCM_CREDENTIALS);
	memcpy(&who, CMSG_DATA(head), sizeof(who));
	assert_int_equal(who.pid, getpid());
	assert_int_equal(who.uid, geteuid());
}

static void
what_fails_sets_errno(void **state)
{
	struct epoll_event ev;
	char in[8];
	struct iovec iov = { in, sizeof(in) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	(void)state;
	assert_int_equal(bare_recvmsg(pair[1], &msg, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(close(pair[1]), 0);
	pair[1] = -1;
	assert_int_equal(bare_send(pair[0], "x", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(bare_epoll_pwait(-1, &ev, 1, 0, NULL), -1);
	assert_int_equal(errno, EBADF);
}

static void
a_wait_tells_what_is_ready(void **state)
{
	struct epoll_event ev[2] = { { .events = 0 } };

	(void)state;
	assert_int_equal(bare_epoll_pwait(poll_fd, ev, 2, 0, NULL), 0);
	assert_int_equal(bare_epoll_pwait(poll_fd, ev, 2, 1, NULL), 0);
	assert_int_equal(bare_send(pair[0], "x", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(bare_epoll_pwait(poll_fd, ev, 2, -1, NULL), 1);
	assert_true((ev[0].events & EPOLLIN) != 0);
	assert_true(ev[0].data.u64 == UINT64_MAX);
}

/* Blocked but in the wait; also the last one that there is. */
static void
a_signal_comes_in_the_wait_alone(void **state)
{
	const int signals[] = { SIGUSR1, SIGRTMAX };
	struct sigaction sa = { .sa_handler = on_signal };
	struct epoll_event ev;
	sigset_t set, before;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		came = 0;
		assert_int_equal(sigaction(signals[i], &sa, NULL), 0);
		assert_int_equal(sigemptyset(&set), 0);
		assert_int_equal(sigaddset(&set, signals[i]), 0);
		assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &before), 0);
		assert_int_equal(raise(signals[i]), 0);
		assert_int_equal(bare_epoll_pwait(poll_fd, &ev, 1, 0, &set), 0);
		assert_int_equal(came, 0);
		assert_int_equal(bare_epoll_pwait(poll_fd, &ev, 1, 1000,
		    &before), -1);
		assert_int_equal(errno, EINTR);
		assert_int_equal(came, signals[i]);
		assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL),
		    0);
	}
}

int
main(void)
{
#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_is_sent_comes_with_its_sender),
		T(what_fails_sets_errno),
		T(a_wait_tells_what_is_ready),
		T(a_signal_comes_in_the_wait_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
