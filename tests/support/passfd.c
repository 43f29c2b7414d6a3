/*
 * passfd - play the part of ssh with ProxyUseFdpass.
 *
 * usage: passfd COMMAND [ARG...]
 *
 * COMMAND has one end of a pair of sockets as stdin and stdout, and must hand
 * over a descriptor there and end well.  Our stdin is then copied to that
 * descriptor, and what it says to our stdout, each up to its own end.
 *
 * Exit status: that of COMMAND where that is not 0; else 0 when all was as ssh
 * wants it, or 120 and a line that says what was not.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS	20000

/* Say what is wrong, and end. */
static _Noreturn void
bad(const char *what)
{
	(void)fprintf(stderr, "passfd: %s\n", what);
	_exit(120);
}

/* Start the command on ${fd}. */
static pid_t
start(int fd, char **argv)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || dup2(fd, 0) != 0 || dup2(fd, 1) != 1)
		_exit(125);
	(void)execvp(argv[0], argv);
	perror(argv[0]);
	_exit(125);
}

/* Wait for something to read. */
static void
await(int fd, const char *what)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (poll(&pfd, 1, PATIENCE_MS) != 1)
		bad(what);
}

/* The descriptor that comes in one byte; -1 when there is only an end. */
static int
receive(int fd)
{
	union {
		struct cmsghdr	 align;
		char		 p[CMSG_SPACE(4 * sizeof(int))];
	} control;
	char byte[16];
	struct iovec iov = { byte, sizeof(byte) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	ssize_t n;
	int passed;

	await(fd, "nothing comes");
	if ((n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC)) < 0)
		bad(strerror(errno));
	if (n == 0)
		return -1;
	if (n != 1)
		bad("it is not one byte");
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg == NULL || cmsg->cmsg_level != SOL_SOCKET ||
	    cmsg->cmsg_type != SCM_RIGHTS)
		bad("no descriptor is with it");
	if (cmsg->cmsg_len != CMSG_LEN(sizeof(passed)) ||
	    (msg.msg_flags & MSG_CTRUNC) != 0)
		bad("it is not one descriptor");
	memcpy(&passed, CMSG_DATA(cmsg), sizeof(passed));
	return passed;
}

/* How the command ended, which it must have. */
static int
ended(int fd, pid_t pid)
{
	int status;
	char byte;

	await(fd, "the command does not end");
	if (read(fd, &byte, 1) != 0)
		bad("more comes behind the descriptor");
	if (waitpid(pid, &status, 0) != pid)
		bad("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    128 + WTERMSIG(status);
}

/* Copy up to the end of ${from}. */
static void
copy(int from, int to)
{
	static char p[64 * 1024];
	ssize_t n, done, one;

	while ((n = read(from, p, sizeof(p))) > 0) {
		for (done = 0; done < n; done += one)
			if ((one = write(to, p + done,
			    (size_t)(n - done))) < 0)
				bad(strerror(errno));
	}
	if (n < 0)
		bad(strerror(errno));
}

int
main(int argc, char **argv)
{
	int pair[2], passed, status, flags;
	pid_t pid;

	if (argc < 2 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 ||
	    (pid = start(pair[0], argv + 1)) < 0)
		return 125;
	(void)close(pair[0]);
	passed = receive(pair[1]);
	if ((status = ended(pair[1], pid)) != 0)
		return status;
	if (passed < 0)
		bad("there was no descriptor");
	flags = fcntl(passed, F_GETFL);
	if (flags < 0 || fcntl(passed, F_SETFL, flags & ~O_NONBLOCK) != 0)
		bad("it is no socket");
	if ((pid = fork()) < 0)
		return 125;
	if (pid == 0) {
		copy(0, passed);
		(void)shutdown(passed, SHUT_WR);
		_exit(0);
	}
	copy(passed, 1);
	(void)close(1);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		return 120;
	return 0;
}
