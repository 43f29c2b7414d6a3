/*
 * Who is it that speaks?  Descriptors that are handed on, senders that claim
 * to be others, and a pid that is somebody else's by now.
 */
#include "tests/attack/attacks.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "proto/agent_num.h"
#include "tests/attack/bodies.h"
#include "tests/attack/talk.h"
#include "tests/attack/trial.h"
#include "tests/support/linger.h"

#define NODE		1000u
#define NOBODY		65534u
#define STORM		60
#define STORM_MS	2000
/* Root's own unlock, however often others guessed. */
#define UNLOCK_MS	4000
#define PASSED_MAX	8
/* Seconds that a close may take. */
#define LINGER_S	5
/* More than the agent reads at once. */
#define BROKEN		(40 * 1024)
#define REQUESTS	4000
#define LINGERERS	4

void
attack_become(unsigned id)
{
	if (setgroups(0, NULL) != 0 || setresgid(id, id, id) != 0 ||
	    setresuid(id, id, id) != 0) {
		perror("cannot become another user");
		_exit(1);
	}
}

/* Send some bytes with descriptors, or with credentials, or without. */
static bool
send_with(int to, struct slice bytes, const int *fds, size_t n,
    const struct ucred *cred)
{
	_Alignas(struct cmsghdr) uint8_t room[256] = { 0 };
	struct iovec iov = { NULL, bytes.len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room };
	struct cmsghdr *head = (struct cmsghdr *)(void *)room;
	uint8_t copy[64];

	memcpy(copy, bytes.p, bytes.len);
	iov.iov_base = copy;
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = cred != NULL ? SCM_CREDENTIALS : SCM_RIGHTS;
	head->cmsg_len = cred != NULL ? CMSG_LEN(sizeof(*cred)) :
	    CMSG_LEN(n * sizeof(int));
	msg.msg_controllen = cred != NULL ? CMSG_SPACE(sizeof(*cred)) :
	    CMSG_SPACE(n * sizeof(int));
	if (cred != NULL)
		memcpy(CMSG_DATA(head), cred, sizeof(*cred));
	else
		memcpy(CMSG_DATA(head), fds, n * sizeof(int));
	return sendmsg(to, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

/* Receive one descriptor, or -1. */
static int
receive_fd(int from)
{
	_Alignas(struct cmsghdr) uint8_t room[CMSG_SPACE(sizeof(int))];
	uint8_t byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room) };
	struct cmsghdr *head;
	int fd = -1;

	if (recvmsg(from, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) <= 0)
		return -1;
	head = CMSG_FIRSTHDR(&msg);
	if (head != NULL && head->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

/* One of the storm: connect, hand it on, take another's, use that. */
static void
storm_once(int queue)
{
	static const uint8_t list[] = { 0, 0, 0, 1,
		SSH_AGENTC_REQUEST_IDENTITIES };
	struct slice frame = { list, sizeof(list) };
	int mine = talk_connect(), other, many[PASSED_MAX], type;

	if (mine < 0)
		return;
	/* Whoever takes it has it alone. */
	(void)send_with(queue, frame, &mine, 1, NULL);
	(void)close(mine);
	other = receive_fd(queue);
	if (other >= 0) {
		type = talk_ask(other, body_number(
		    SSH_AGENTC_REQUEST_IDENTITIES), NULL);
		trial_holds("a list, or the end", type == TALK_CLOSED ||
		    type == SSH_AGENT_IDENTITIES_ANSWER);
		(void)close(other);
	}
	/* And to the agent itself, which must not keep them. */
	if ((mine = talk_connect()) < 0)
		return;
	for (size_t i = 0; i < PASSED_MAX; i++)
		many[i] = i % 2 == 0 ? mine : queue;
	if (send_with(mine, frame, many, PASSED_MAX, NULL))
		(void)talk_receive(mine, NULL);
	(void)close(mine);
}

/* Send a request to which some sockets are tied that take long to close; on a
 * connection of its own, which is left.  Before it come others, more than are
 * read at once; and bytes that end the connection, if it is not to be read at
 * all (${broken}). */
static void
send_lingering(bool broken, int door, size_t n)
{
	static const uint8_t list[] = { 0, 0, 0, 1,
		SSH_AGENTC_REQUEST_IDENTITIES };
	static const uint8_t none[] = { 0, 0, 0, 1, 0xff };
	static uint8_t before[REQUESTS * sizeof(none) + BROKEN];
	int to = talk_connect();

	if (to < 0)
		return;
	memset(before, 0xff, sizeof(before));
	for (size_t i = 0; i < REQUESTS; i++)
		memcpy(before + i * sizeof(none), none, sizeof(none));
	(void)linger_send_behind(to, before, broken ? sizeof(before) :
	    REQUESTS * sizeof(none), list, sizeof(list), door, LINGER_S, n);
	(void)close(to);
}

int
attack_linger(int argc, char **argv)
{
	int64_t start = clock_ms();
	int door = linger_door();

	(void)argc;
	(void)argv;
	trial_holds("there are such sockets", door >= 0);
	for (int i = 0; i < 3; i++) {
		send_lingering(false, door, 1);
		send_lingering(true, door, 1);
		trial_is("a list", talk_once(body_number(
		    SSH_AGENTC_REQUEST_IDENTITIES)),
		    SSH_AGENT_IDENTITIES_ANSWER);
	}
	send_lingering(false, door, LINGER_MANY);
	trial_is("a list", talk_once(body_number(
	    SSH_AGENTC_REQUEST_IDENTITIES)), SSH_AGENT_IDENTITIES_ANSWER);
	trial_holds("nobody waits for it", clock_ms() - start <
	    LINGER_S * 1000);
	return trial_end();
}

/* One of those who do nothing else. */
static void
linger_on(int64_t end)
{
	int door = -1;

	for (size_t i = 0; clock_ms() < end; i++) {
		/* It lets so many in; and were it closed, nothing would linger
		 * any more. */
		if (i % LINGER_MANY == 0)
			door = linger_door();
		if (door < 0)
			_exit(1);
		send_lingering(i % 2 == 1, door, 1);
	}
	_exit(0);
}

int
attack_linger_storm(int argc, char **argv)
{
	int64_t end = clock_ms() + STORM_MS;
	bool fine = true;
	int status;

	(void)argc;
	(void)argv;
	for (unsigned i = 0; i < LINGERERS; i++)
		if (fork() == 0)
			linger_on(end);
	attack_ready();
	while (wait(&status) > 0)
		fine &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
	trial_holds("every one of the storm", fine);
	return trial_end();
}

int
attack_storm(int argc, char **argv)
{
	int64_t end = clock_ms() + STORM_MS;
	bool fine = true;
	int queue[2], status;

	(void)argc;
	(void)argv;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, queue) != 0)
		return trial_skip("no socketpair");
	/* Of one queue both ends are the same: what one sends, any takes. */
	for (unsigned i = 0; i < STORM; i++) {
		if (fork() != 0)
			continue;
		while (clock_ms() < end)
			storm_once(queue[i % 2]);
		_exit(!trial_fine());
	}
	attack_ready();
	while (wait(&status) > 0)
		fine &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
	trial_holds("every one of the storm", fine);
	return trial_end();
}

/* What a user tries on a connection of root's. */
static void
use_passed(int fd)
{
	struct slice none = { NULL, 0 };

	trial_refused("list", talk_ask(fd, body_number(
	    SSH_AGENTC_REQUEST_IDENTITIES), NULL));
	trial_refused("wipe", talk_ask(fd, body_number(
	    SSH_AGENTC_REMOVE_ALL_IDENTITIES), NULL));
	trial_refused("add", talk_ask(fd, body_add(SSH_AGENTC_ADD_IDENTITY,
	    none), NULL));
	trial_refused("lock", talk_ask(fd, body_text(SSH_AGENTC_LOCK, "mine"),
	    NULL));
}

/* Whether a child ended with 0. */
static bool
ended_well(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0;
}

/* Have a user send bytes on a connection of root's, and try what it likes. */
static bool
as_user(int fd, struct slice first)
{
	pid_t pid = fork();

	if (pid == 0) {
		attack_become(NODE);
		(void)talk_send_bytes(fd, first);
		if (first.len > 0)
			trial_refused("the rest of a message of root's",
			    talk_receive(fd, NULL));
		use_passed(fd);
		_exit(!trial_fine());
	}
	return ended_well(pid);
}

int
attack_passed(int argc, char **argv)
{
	static const uint8_t head[] = { 0, 0, 0, 1 };
	static const uint8_t wipe[] = { SSH_AGENTC_REMOVE_ALL_IDENTITIES };
	int fd = talk_connect(), pair[2], got;
	pid_t pid;

	(void)argc;
	(void)argv;
	trial_is("root's own list", talk_ask(fd, body_number(
	    SSH_AGENTC_REQUEST_IDENTITIES), NULL),
	    SSH_AGENT_IDENTITIES_ANSWER);
	trial_holds("one that was inherited", as_user(fd,
	    (struct slice){ NULL, 0 }));
	(void)close(fd);

	fd = talk_connect();
	(void)talk_send_bytes(fd, (struct slice){ head, sizeof(head) });
	trial_holds("root's half of a message", as_user(fd,
	    (struct slice){ wipe, sizeof(wipe) }));
	(void)close(fd);

	fd = talk_connect();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return trial_skip("no socketpair");
	if ((pid = fork()) == 0) {
		attack_become(NODE);
		(void)close(fd);
		(void)usleep(100000);
		if ((got = receive_fd(pair[1])) < 0)
			_exit(1);
		use_passed(got);
		_exit(!trial_fine());
	}
	(void)send_with(pair[0], (struct slice){ wipe, 1 }, &fd, 1, NULL);
	trial_holds("one that was sent along", ended_well(pid));
	(void)close(fd);
	return trial_end();
}

int
attack_claim(int argc, char **argv)
{
	static const uint8_t wipe[] = { 0, 0, 0, 1,
		SSH_AGENTC_REMOVE_ALL_IDENTITIES };
	const struct slice frame = { wipe, sizeof(wipe) };
	const struct ucred root = { getpid(), 0, 0 };
	const struct ucred first = { 1, getuid(), getgid() };
	const struct ucred group = { getpid(), getuid(), 0 };
	int fd = talk_connect();

	(void)argc;
	(void)argv;
	trial_denied("to be uid 0", send_with(fd, frame, NULL, 0,
	    &root) ? 0 : -1);
	trial_denied("to be process 1", send_with(fd, frame, NULL, 0,
	    &first) ? 0 : -1);
	trial_denied("to be of group 0", send_with(fd, frame, NULL, 0,
	    &group) ? 0 : -1);
	trial_refused("wipe", talk_ask(fd, body_number(
	    SSH_AGENTC_REMOVE_ALL_IDENTITIES), NULL));
	(void)close(fd);
	return trial_end();
}

/* Write a line to a file of ours. */
static bool
write_line(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, line, strlen(line)) ==
	    (ssize_t)strlen(line);

	if (fd >= 0)
		(void)close(fd);
	return ok;
}

int
attack_own_root(int argc, char **argv)
{
	static const uint8_t wipe[] = { 0, 0, 0, 1,
		SSH_AGENTC_REMOVE_ALL_IDENTITIES };
	const struct ucred root = { getpid(), 0, 0 };
	char map[64];
	int fd;

	(void)argc;
	(void)argv;
	if (getuid() == 0)
		attack_become(NODE);
	/* Or its own files in /proc are not its own. */
	(void)prctl(PR_SET_DUMPABLE, 1);
	trial_refused("wipe", talk_once(body_number(
	    SSH_AGENTC_REMOVE_ALL_IDENTITIES)));
	(void)snprintf(map, sizeof(map), "0 %u 1\n", (unsigned)getuid());
	if (unshare(CLONE_NEWUSER) != 0 ||
	    !write_line("/proc/self/setgroups", "deny") ||
	    !write_line("/proc/self/uid_map", map))
		return trial_skip("no user name space of its own");
	trial_holds("it is root there", getuid() == 0);
	fd = talk_connect();
	if (send_with(fd, (struct slice){ wipe, sizeof(wipe) }, NULL, 0,
	    &root))
		trial_refused("wipe as root", talk_receive(fd, NULL));
	trial_refused("wipe again", talk_ask(fd, body_number(
	    SSH_AGENTC_REMOVE_ALL_IDENTITIES), NULL));
	(void)close(fd);
	return trial_end();
}

/* The guilty one: connects, has a child that holds the connection, and goes. */
static void
be_guilty(int go, int done)
{
	uint8_t byte = 1;
	int fd;

	(void)prctl(PR_SET_NAME, "guilty");
	attack_become(NODE);
	fd = talk_connect();
	if (fork() != 0)
		_exit(0);
	(void)!read(go, &byte, 1);
	trial_refused("wipe", talk_ask(fd, body_number(
	    SSH_AGENTC_REMOVE_ALL_IDENTITIES), NULL));
	byte = trial_fine() ? 0 : 1;
	(void)!write(done, &byte, 1);
	_exit(0);
}

/* Another user's process with that pid, which only root can choose; a user
 * would have to start very many. */
static pid_t
start_innocent(pid_t pid)
{
	struct clone_args args = { .exit_signal = SIGCHLD,
		.set_tid = (uint64_t)(uintptr_t)&pid, .set_tid_size = 1 };
	long got = syscall(SYS_clone3, &args, sizeof(args));

	if (got == 0) {
		(void)prctl(PR_SET_NAME, "innocent");
		attack_become(NOBODY);
		(void)sleep(60);
		_exit(0);
	}
	return (pid_t)got;
}

int
attack_pid_reuse(int argc, char **argv)
{
	int go[2], done[2], fds;
	uint8_t byte = 1;
	pid_t guilty, innocent;

	(void)argc;
	(void)argv;
	fds = pipe(go) + pipe(done);
	if (fds != 0)
		return trial_skip("no pipes");
	if ((guilty = fork()) == 0)
		be_guilty(go[0], done[1]);
	(void)waitpid(guilty, NULL, 0);
	if ((innocent = start_innocent(guilty)) != guilty)
		return trial_skip("this kernel gives no chosen pid");
	(void)usleep(100000);
	(void)!write(go[1], "", 1);
	trial_holds("the guilty one has asked", read(done[0], &byte, 1) == 1 &&
	    byte == 0);
	(void)printf("pid %ld\n", (long)innocent);
	(void)fflush(stdout);
	/* It lives until the record is made. */
	(void)usleep(200000);
	(void)kill(innocent, SIGKILL);
	(void)waitpid(innocent, NULL, 0);
	return trial_end();
}

/* The user's part while root has locked the agent. */
static void
under_lock(struct slice blob)
{
	char guess[16];
	struct talk_ring ring;

	attack_become(NODE);
	for (unsigned i = 0; i < 50; i++) {
		(void)snprintf(guess, sizeof(guess), "guess %u", i);
		trial_refused("a guess", talk_once(body_text(
		    SSH_AGENTC_UNLOCK, guess)));
	}
	trial_refused("a signature", talk_once(body_sign(blob,
	    data_sshsig(slice_str("git")), 0)));
	trial_refused("a lock of its own", talk_once(body_text(
	    SSH_AGENTC_LOCK, "mine")));
	trial_holds("an empty list", talk_list(&ring) && ring.n == 0);
	_exit(!trial_fine());
}

int
attack_lock_of_root(int argc, char **argv)
{
	struct slice blob = talk_key("plain");
	int64_t start;
	pid_t pid;

	(void)argc;
	(void)argv;
	trial_is("root locks", talk_once(body_text(SSH_AGENTC_LOCK,
	    "of root")), SSH_AGENT_SUCCESS);
	if ((pid = fork()) == 0)
		under_lock(blob);
	trial_holds("the user's part", ended_well(pid));
	start = clock_ms();
	trial_is("root unlocks", talk_once(body_text(SSH_AGENTC_UNLOCK,
	    "of root")), SSH_AGENT_SUCCESS);
	trial_holds("and need not wait", clock_ms() - start < UNLOCK_MS);
	return trial_end();
}
