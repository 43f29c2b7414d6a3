/*
 * The agent keeps the queue and hands the helper one question at a time, so
 * the helper is a program with a single thing to wait for.  A question is
 * taken back by a second message with the same number; the helper answers
 * every question once, also one that was taken back.
 *
 * The helper is nobody's child: the agent may not wait for processes once its
 * seccomp filter is in place, and need not.  It has a session of its own, as a
 * daemon has, so that no terminal ends or stops it while the agent goes on.
 */
#include "agent/askpass.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/log.h"

/* How long a program that was told to end may take, in milliseconds. */
#define END_MS		1000

extern char **environ;

enum verb {
	VERB_ASK,
	VERB_CANCEL,
};

/* To the helper.  One message is one packet. */
struct question {
	uint32_t	 id;
	uint32_t	 verb;
	char		 prompt[ASKPASS_PROMPT_MAX + 1];	/* VERB_ASK */
};
#define CANCEL_LEN	offsetof(struct question, prompt)

/* From the helper. */
struct answer {
	uint32_t	 id;
	uint32_t	 yes;
	int		 err;		/* an errno: the program did not run */
};

/*
 * The helper.
 */

/* A program at work. */
struct run {
	pid_t		 pid;		/* 0: it has ended */
	int		 out_fd;	/* its output; -1: at its end */
	uint32_t	 id;
	char		 output[ASKPASS_OUTPUT_MAX + 1];
	size_t		 len;
	int		 status;
	bool		 cancelled;
	int64_t		 kill_ms;	/* when to use force; 0: never */
};

/* Start the program.  Returns 0 or an errno. */
static int
start_program(struct run *r, const struct question *q)
{
	const char *program = getenv("SSH_ASKPASS");
	char *argv[] = { NULL, NULL, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t set;
	int fds[2], err;

	if (program == NULL)
		program = ASKPASS_PROGRAM;
	if (pipe2(fds, O_CLOEXEC) != 0)
		return errno;
	argv[0] = strdup(program);
	argv[1] = strdup(q->prompt);
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawnattr_init(&attr);
	(void)sigemptyset(&set);
	(void)posix_spawnattr_setsigmask(&attr, &set);
	(void)posix_spawnattr_setpgroup(&attr, 0);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
	    POSIX_SPAWN_SETPGROUP);
	err = argv[0] == NULL || argv[1] == NULL ? ENOMEM :
	    posix_spawn_file_actions_adddup2(&files, fds[1], STDOUT_FILENO);
	if (err == 0)
		err = posix_spawnp(&r->pid, program, &files, &attr, argv,
		    environ);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&files);
	free(argv[0]);
	free(argv[1]);
	(void)close(fds[1]);
	if (err != 0) {
		(void)close(fds[0]);
		r->pid = 0;
		return err;
	}
	r->out_fd = fds[0];
	return 0;
}

/* Read what the program prints. */
static void
read_output(struct run *r)
{
	ssize_t got = read(r->out_fd, r->output + r->len,
	    sizeof(r->output) - r->len);

	if (got > 0)
		r->len += (size_t)got;
	else if (got < 0 && errno == EINTR)
		return;
	if (got > 0 && r->len < sizeof(r->output))
		return;
	(void)close(r->out_fd);
	r->out_fd = -1;
}

/* Whether that is a yes. */
static bool
is_yes(struct run *r)
{
	if (r->cancelled || r->len > ASKPASS_OUTPUT_MAX ||
	    !WIFEXITED(r->status) || WEXITSTATUS(r->status) != 0)
		return false;
	r->output[r->len] = '\0';
	r->output[strcspn(r->output, "\r\n")] = '\0';
	return r->output[0] == '\0' || strcasecmp(r->output, "yes") == 0;
}

/* Tell the program, and what it has started, to end. */
static void
cancel(struct run *r)
{
	if (r->cancelled)
		return;
	r->cancelled = true;
	if (r->pid == 0)
		return;
	(void)kill(-r->pid, SIGTERM);
	r->kill_ms = clock_ms() + END_MS;
}

/* A message while a program runs; false when the agent is gone. */
static bool
hear(struct run *r, int fd)
{
	struct question q;
	ssize_t got = recv(fd, &q, sizeof(q), MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got == (ssize_t)CANCEL_LEN && q.verb == VERB_CANCEL &&
	    q.id == r->id)
		cancel(r);
	return got > 0;
}

/* Take note that the program has ended. */
static void
reap(struct run *r, int children)
{
	struct signalfd_siginfo info;

	(void)!read(children, &info, sizeof(info));
	if (r->pid != 0 && waitpid(r->pid, &r->status, WNOHANG) == r->pid)
		r->pid = 0;
}

/* Wait until the program has ended and its output too, or it was cancelled
 * and has ended; false when the agent is gone. */
static bool
attend(struct run *r, int fd, int children)
{
	while (r->pid != 0 || (r->out_fd >= 0 && !r->cancelled)) {
		struct pollfd p[] = {
			{ .fd = fd, .events = POLLIN },
			{ .fd = children, .events = POLLIN },
			{ .fd = r->out_fd, .events = POLLIN },
		};
		/* A signal of ours is at work: look again soon. */
		int wait_ms = r->kill_ms != 0 ? END_MS / 10 : -1;

		if (poll(p, 3, wait_ms) < 0) {
			if (errno == EINTR)
				continue;
			return false;
		}
		if (p[0].revents != 0 && !hear(r, fd))
			return false;
		if (p[1].revents != 0)
			reap(r, children);
		if (p[2].revents != 0)
			read_output(r);
		if (r->pid != 0 && r->kill_ms != 0 &&
		    clock_ms() >= r->kill_ms) {
			(void)kill(-r->pid, SIGKILL);
			r->kill_ms = 0;
		}
	}
	return true;
}

/* Put one question and send its answer; false when the agent is gone. */
static bool
put(const struct question *q, int fd, int children)
{
	struct run r = { .out_fd = -1, .id = q->id };
	struct answer a = { .id = q->id };
	bool there;

	a.err = start_program(&r, q);
	there = attend(&r, fd, children);
	if (!there && r.pid != 0)
		(void)kill(-r.pid, SIGTERM);
	if (r.out_fd >= 0)
		(void)close(r.out_fd);
	a.yes = a.err == 0 && is_yes(&r);
	return there && send(fd, &a, sizeof(a), MSG_NOSIGNAL) ==
	    (ssize_t)sizeof(a);
}

/* Serve questions until the agent is gone. */
static void
help(int fd)
{
	struct question q;
	sigset_t set;
	ssize_t got;
	int children;

	/* It may have been started with SIGCHLD ignored. */
	(void)signal(SIGCHLD, SIG_DFL);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	children = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (children < 0 || sigprocmask(SIG_SETMASK, &set, NULL) != 0 ||
	    setenv("SSH_ASKPASS_PROMPT", "confirm", 1) != 0)
		return;
	for (;;) {
		got = recv(fd, &q, sizeof(q), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return;
		/* What is taken back here was answered a moment ago. */
		if (q.verb != VERB_ASK || (size_t)got <= CANCEL_LEN)
			continue;
		q.prompt[(size_t)got - CANCEL_LEN - 1] = '\0';
		if (!put(&q, fd, children))
			return;
	}
}

/* Become the helper. */
static void __attribute__((__noreturn__))
be_helper(int fd)
{
	/* The listener among them: it must be gone when the agent is. */
	fdio_sweep(&fd, 1);
	(void)setsid();
	help(fd);
	_exit(0);
}

/*
 * The agent's side.
 */

/* A question that waits for its answer; the first one was put. */
struct pending {
	uint32_t	 id;
	askpass_fn	*fn;		/* NULL: nobody waits any more */
	void		*cookie;
	char		*prompt;
};

struct askpass {
	int		 fd;		/* -1: the helper is gone */
	struct loop	*loop;		/* NULL before askpass_attach() */
	struct loop_fd	 watch;
	uint32_t	 last_id;
	size_t		 n;
	struct pending	 pending[ASKPASS_PENDING_MAX];
};

/* Whether there is a person to ask. */
static bool
somebody_there(void)
{
	const char *require = getenv("SSH_ASKPASS_REQUIRE");
	const char *x11 = getenv("DISPLAY");
	const char *wayland = getenv("WAYLAND_DISPLAY");

	if (require != NULL && strcasecmp(require, "force") == 0)
		return true;
	if (require != NULL && strcasecmp(require, "never") == 0)
		return false;
	return (x11 != NULL && *x11 != '\0') ||
	    (wayland != NULL && *wayland != '\0');
}

/* Start a process that is nobody's child. */
static int
fork_helper(int fd)
{
	int status;
	pid_t pid;

	if ((pid = fork()) < 0)
		return ST_SYSTEM;
	if (pid == 0) {
		if ((pid = fork()) == 0)
			be_helper(fd);
		_exit(pid < 0);
	}
	while (waitpid(pid, &status, 0) < 0) {
		/* Somebody has SIGCHLD ignored: then it is reaped. */
		if (errno != EINTR)
			return ST_OK;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return ST_OK;
	errno = EAGAIN;
	return ST_SYSTEM;
}

int
askpass_fork(struct askpass **out)
{
	struct askpass *ap;
	int fds[2], st;

	*out = NULL;
	if (getuid() == 0 || geteuid() == 0)
		return ST_DENIED;
	if (!somebody_there())
		return ST_NOT_FOUND;
	if ((ap = calloc(1, sizeof(*ap))) == NULL)
		return ST_NOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
		free(ap);
		return ST_SYSTEM;
	}
	ap->fd = fds[0];
	st = fork_helper(fds[1]);
	(void)close(fds[1]);
	if (st != ST_OK) {
		askpass_free(ap);
		return st;
	}
	*out = ap;
	return ST_OK;
}

/* Take the question at ${i} out of the queue. */
static struct pending
take_out(struct askpass *ap, size_t i)
{
	struct pending q = ap->pending[i];

	assert(i < ap->n);
	ap->n--;
	memmove(ap->pending + i, ap->pending + i + 1,
	    (ap->n - i) * sizeof(ap->pending[0]));
	free(q.prompt);
	q.prompt = NULL;
	return q;
}

/* Nobody is there any more: every answer is no. */
static void
give_up(struct askpass *ap)
{
	struct pending q;

	if (ap->fd >= 0) {
		if (ap->loop != NULL)
			loop_fd_del(ap->loop, &ap->watch);
		(void)close(ap->fd);
		ap->fd = -1;
		log_warn("the process that asks for confirmations is gone: "
		    "every answer is no from now on");
	}
	while (ap->n > 0) {
		q = take_out(ap, 0);
		if (q.fn != NULL)
			q.fn(q.cookie, false);
	}
}

/* Send a packet; false when the helper is gone.  There is room for what can be
 * under way: one question, and that it is taken back. */
static bool
tell(const struct askpass *ap, const void *p, size_t len)
{
	return send(ap->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    (ssize_t)len;
}

/* Put the first question. */
static bool
put_first(const struct askpass *ap)
{
	const struct pending *first = &ap->pending[0];
	struct question q = { .id = first->id, .verb = VERB_ASK };
	size_t len = strlen(first->prompt) + 1;

	memcpy(q.prompt, first->prompt, len);
	return tell(ap, &q, CANCEL_LEN + len);
}

/* The answer to the first question; whether the helper is still there. */
static bool
take_answer(struct askpass *ap)
{
	bool there = true;
	struct pending q;
	struct answer a;
	ssize_t got = recv(ap->fd, &a, sizeof(a), MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got != (ssize_t)sizeof(a) || ap->n == 0 ||
	    a.id != ap->pending[0].id)
		return false;
	if (a.err != 0)
		log_warn("cannot run the program that asks for "
		    "confirmations: %s", strerrordesc_np(a.err));
	q = take_out(ap, 0);
	if (ap->n > 0)
		there = put_first(ap);
	if (q.fn != NULL)
		q.fn(q.cookie, a.yes != 0);
	return there;
}

/* The helper says something, or is gone. */
static int
on_answer(void *cookie, unsigned ready)
{
	struct askpass *ap = cookie;
	bool there = true;

	if (ready & LOOP_READ)
		there = take_answer(ap);
	else if (ready & LOOP_HANGUP)
		there = false;
	if (!there)
		give_up(ap);
	return ST_OK;
}

int
askpass_attach(struct askpass *ap, struct loop *loop)
{
	int st;

	ap->watch = (struct loop_fd){ .fd = ap->fd, .want = LOOP_READ,
		.fn = on_answer, .cookie = ap };
	if ((st = loop_fd_add(loop, &ap->watch)) == ST_OK)
		ap->loop = loop;
	return st;
}

int
askpass_ask(struct askpass *ap, const char *prompt, askpass_fn *fn,
    void *cookie, uint32_t *id)
{
	struct pending *q;

	*id = 0;
	if (ap->fd < 0)
		return ST_CLOSED;
	if (ap->n == ASKPASS_PENDING_MAX)
		return ST_FULL;
	if (strlen(prompt) > ASKPASS_PROMPT_MAX)
		return ST_TOO_LARGE;
	q = &ap->pending[ap->n];
	if ((q->prompt = strdup(prompt)) == NULL)
		return ST_NOMEM;
	if (++ap->last_id == 0)
		ap->last_id = 1;
	q->id = ap->last_id;
	q->fn = fn;
	q->cookie = cookie;
	ap->n++;
	if (ap->n == 1 && !put_first(ap)) {
		(void)take_out(ap, 0);
		return ST_CLOSED;
	}
	*id = ap->last_id;
	return ST_OK;
}

void
askpass_cancel(struct askpass *ap, uint32_t id)
{
	const struct question q = { .id = id, .verb = VERB_CANCEL };
	size_t i;

	for (i = 0; i < ap->n; i++)
		if (ap->pending[i].id == id)
			break;
	if (i == ap->n || ap->pending[i].fn == NULL)
		return;
	if (i > 0) {
		(void)take_out(ap, i);
		return;
	}
	/* It was put: its answer is still to come, and not for anybody. */
	ap->pending[0].fn = NULL;
	if (ap->fd >= 0 && !tell(ap, &q, CANCEL_LEN))
		log_debug("a question could not be taken back");
}

void
askpass_free(struct askpass *ap)
{
	if (ap == NULL)
		return;
	if (ap->loop != NULL)
		loop_fd_del(ap->loop, &ap->watch);
	if (ap->fd >= 0)
		(void)close(ap->fd);
	while (ap->n > 0)
		(void)take_out(ap, 0);
	free(ap);
}
