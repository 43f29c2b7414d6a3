#include "differential/side.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "differential/lies.h"

#define FRAME_MAX	(256 * 1024)
/* All answers of one step. */
#define ROOM		(16 * 1024 * 1024)
#define SIDES_MAX	4
/* For an agent to end when it is told to. */
#define STOP_PATIENCE_MS	5000
/* For one in the background to become able to clean up when it is ended. */
#define STRAY_PATIENCE_MS	200
/* And for it to end. */
#define STRAY_END_MS	1000
/* For the answers to the last words, in seconds. */
#define LAST_PATIENCE_S	2

char side_where[64];
struct slice side_last_words;

void
die(const char *format, ...)
{
	va_list ap;

	(void)fflush(stdout);
	va_start(ap, format);
	(void)fprintf(stderr, "%s: ", program_invocation_short_name);
	(void)vfprintf(stderr, format, ap);
	(void)fprintf(stderr, "%s\n", side_where);
	va_end(ap);
	exit(2);
}

/* Sleep. */
static void
pause_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&ts, NULL);
}

/*
 * The process.
 */

/* All that were started, to be ended with the test: ssh-agent is setgid on
 * some systems, and the kernel then forgets whose death it should follow. */
static struct side *sides[SIDES_MAX];
static size_t n_sides;

/* End all agents. */
static void
stop_all(void)
{
	for (size_t i = 0; i < n_sides; i++)
		side_stop(sides[i]);
}

/* See to it that an agent does not outlive the test. */
static void
remember(struct side *s)
{
	for (size_t i = 0; i < n_sides; i++)
		if (sides[i] == s)
			return;
	if (n_sides == SIDES_MAX || (n_sides == 0 && atexit(stop_all) != 0))
		abort();
	sides[n_sides++] = s;
}

/* One argument of the agent, with its socket in it; whether that is so. */
static bool
put_argument(const struct side *s, const char *text, char **out)
{
	const char *at = strcmp(text, "@") == 0 ? text : strstr(text, "%s");
	int skip = *text == '@' ? 1 : 2;

	if (at == NULL)
		*out = strdup(text);
	else if (asprintf(out, "%.*s%s%s", (int)(at - text), text, s->sock,
	    at + skip) < 0)
		*out = NULL;
	if (*out == NULL)
		_exit(125);
	return at != NULL;
}

/* In the child: become the agent. */
static void __attribute__((__noreturn__))
run(const struct side *s)
{
	static const char *const unwanted[] = { "DISPLAY", "WAYLAND_DISPLAY",
		"SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "SSH_AUTH_SOCK",
		"SSH_AGENT_PID", "LISTEN_FDS", "LISTEN_PID" };
	char *argv[SIDE_ARGS_MAX + 1], log[64];
	size_t n = 0, named = 0;
	int fd;

	(void)prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L);
	/* What stops the test at a terminal is not for the agent; nor is there
	 * one at which it could ask somebody. */
	(void)setsid();
	for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++)
		(void)unsetenv(unwanted[i]);
	/* There is no authenticator: fail quickly. */
	(void)setenv("SSH_SK_HELPER", "/bin/false", 1);
	for (size_t i = 0; i < SIDE_ENV_MAX && s->env[i] != NULL; i++)
		(void)putenv(strdup(s->env[i]));
	(void)snprintf(log, sizeof(log), "%s/log", s->dir);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(125);
	(void)close(fd);
	for (; n < SIDE_ARGS_MAX && s->args[n] != NULL; n++)
		named += put_argument(s, s->args[n], &argv[n]);
	if (named == 0)
		(void)setenv("SSH_AUTH_SOCK", s->sock, 1);
	argv[n] = NULL;
	(void)execvp(argv[0], argv);
	/* Into the log, which is shown. */
	(void)dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0],
	    strerror(errno));
	_exit(126);
}

/* End what an agent has left: one that goes into the background becomes a
 * child of ours, if side_guard() said so. Safe in a signal handler. */
static void
end_strays(int signo)
{
	char text[1024], *at = text, *end;
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	ssize_t n;
	long pid;

	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	while ((pid = strtol(at, &end, 10)) > 0 && end != at) {
		(void)kill((pid_t)pid, signo);
		at = end;
	}
}

/* The same at the end; the agent may just have begun. */
static void
await_strays(void)
{
	int64_t end;
	pid_t pid;

	if (waitpid(-1, NULL, WNOHANG) == 0)
		pause_ms(STRAY_PATIENCE_MS);
	end_strays(SIGTERM);
	/* 0: there are some still. */
	for (end = clock_ms() + STRAY_END_MS; clock_ms() < end; pause_ms(5)) {
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0)
			return;
	}
	end_strays(SIGKILL);
}

/* Leave somebody's agent as it should be; by calls that are safe in a signal
 * handler. */
static void
say_last_words(const struct side *s)
{
	const struct timeval patience = { LAST_PATIENCE_S, 0 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint8_t replies[64];

	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience));
	memcpy(sun.sun_path, s->sock, sizeof(s->sock));
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0 &&
	    send(fd, side_last_words.p, side_last_words.len, MSG_NOSIGNAL) ==
	    (ssize_t)side_last_words.len)
		(void)recv(fd, replies, 10, MSG_WAITALL);
	(void)close(fd);
}

/* What stop_all() does, by calls that are safe in a handler. */
static void
on_signal(int signo)
{
	char log[sizeof(sides[0]->dir) + sizeof("/log")];

	for (size_t i = 0; i < n_sides; i++) {
		if (sides[i]->pid > 0)
			(void)kill(sides[i]->pid, SIGKILL);
		if (sides[i]->foreign && side_last_words.len > 0)
			say_last_words(sides[i]);
		if (sides[i]->dir[0] == '\0')
			continue;
		(void)strcat(strcpy(log, sides[i]->dir), "/log");
		(void)unlink(log);
		(void)unlink(sides[i]->sock);
		(void)rmdir(sides[i]->dir);
	}
	end_strays(SIGTERM);
	(void)raise(signo);
}

void
side_guard(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM,
		SIGPIPE };
	/* The default action is there again when it returns. */
	struct sigaction sa = { .sa_handler = on_signal,
		.sa_flags = (int)SA_RESETHAND };

	(void)prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
	/* Behind stop_all(), which is given to atexit() later. */
	if (atexit(await_strays) != 0)
		abort();
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &sa, NULL);
}

/* Connect, if it listens; -1: it does not. */
static int
try_connect(const struct side *s)
{
	int ms = s->patience_ms > 0 ? s->patience_ms : SIDE_PATIENCE_MS;
	struct timeval patience = { ms / 1000, ms % 1000 * 1000 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience)) != 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO,
	    &patience, sizeof(patience)) != 0)
		die("socket: %s", strerror(errno));
	memcpy(sun.sun_path, s->sock, sizeof(s->sock));
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	error = errno;
	(void)close(fd);
	errno = error;
	return -1;
}

/* Show what the agent printed. */
static void
show_log(const struct side *s)
{
	char path[64], line[1024];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/log", s->dir);
	if ((f = fopen(path, "re")) == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL)
		(void)fprintf(stderr, "%s: %s", s->label, line);
	(void)fclose(f);
}

void
side_set(struct side *s, char *text)
{
	static const char *const usual[] = { "-D", "-a", "@" };
	size_t n = 0;
	char *save;

	if (strncmp(text, "unix:", 5) == 0) {
		s->foreign = true;
		if (snprintf(s->sock, sizeof(s->sock), "%s", text + 5) >=
		    (int)sizeof(s->sock))
			die("the path of a socket is too long: %s", text + 5);
		return;
	}
	if (strpbrk(text, " \t") == NULL) {
		s->args[n++] = text;
		for (size_t i = 0; i < 3; i++)
			s->args[n++] = usual[i];
		return;
	}
	for (text = strtok_r(text, " \t", &save); text != NULL;
	    text = strtok_r(NULL, " \t", &save)) {
		if (n == SIDE_ARGS_MAX)
			die("a command of more than %d words", SIDE_ARGS_MAX);
		s->args[n++] = text;
	}
}

/* Wait until the agent listens. */
static void
await_start(struct side *s)
{
	int64_t end = clock_ms() + SIDE_PATIENCE_MS;
	int fd;

	while ((fd = try_connect(s)) < 0) {
		if (!side_alive(s) || clock_ms() > end) {
			show_log(s);
			die("%s %s: its command must stay in the foreground, "
			    "and listen on the socket that is put in place "
			    "of %%s, as in: ssh-agent -D -a %%s", s->args[0],
			    s->pid > 0 ? "does not listen" : "has ended");
		}
		pause_ms(1);
	}
	(void)close(fd);
}

void
side_start(struct side *s)
{
	for (unsigned c = 0; c < SIDE_FDS; c++)
		s->fds[c] = -1;
	if (s->room == NULL && (s->room = malloc(ROOM)) == NULL)
		die("out of memory");
	s->used = 0;
	remember(s);
	if (s->foreign)
		return;
	(void)snprintf(s->dir, sizeof(s->dir), "/tmp/differential.XXXXXX");
	if (mkdtemp(s->dir) == NULL)
		die("%s: %s", s->dir, strerror(errno));
	(void)snprintf(s->sock, sizeof(s->sock), "%s/s", s->dir);
	(void)fflush(NULL);
	if ((s->pid = fork()) < 0)
		die("fork: %s", strerror(errno));
	if (s->pid == 0)
		run(s);
	await_start(s);
}

bool
side_alive(struct side *s)
{
	int fd;

	if (s->foreign) {
		if ((fd = try_connect(s)) >= 0)
			(void)close(fd);
		return fd >= 0;
	}
	if (s->pid > 0 && waitpid(s->pid, NULL, WNOHANG) != 0)
		s->pid = 0;
	return s->pid > 0;
}

/* End the process; one that will not, by force. */
static void
end_process(struct side *s)
{
	int64_t end = clock_ms() + STOP_PATIENCE_MS;

	if (s->pid > 0)
		(void)kill(s->pid, SIGTERM);
	while (side_alive(s)) {
		if (clock_ms() > end) {
			(void)kill(s->pid, SIGKILL);
			(void)waitpid(s->pid, NULL, 0);
			break;
		}
		pause_ms(1);
	}
	s->pid = 0;
}

void
side_stop(struct side *s)
{
	char path[64];

	if (s->dir[0] == '\0' && !s->foreign)
		return;
	side_close_all(s);
	if (s->foreign)
		return;
	end_process(s);
	(void)unlink(s->sock);
	(void)snprintf(path, sizeof(path), "%s/log", s->dir);
	(void)unlink(path);
	(void)rmdir(s->dir);
	s->dir[0] = '\0';
}

void
side_protect(struct side *s)
{
	static const uint8_t list = 11, empty[] = { 12, 0, 0, 0, 0 };
	const struct slice request = { &list, 1 };
	struct answer a;

	if (!s->foreign)
		return;
	if (!side_try_connect(s, 0))
		die("no agent takes a connection at %s: %s", s->sock,
		    strerror(errno));
	side_send(s, 0, &request, 1, DELIVER_WHOLE, 0);
	a = side_receive(s, 0, request);
	if (!slice_eq(a.body, (struct slice){ empty, sizeof(empty) }))
		die("the agent at %s has keys, which would be removed, or "
		    "gives no list; start an empty one", s->sock);
	side_close(s, 0);
	side_forget(s);
}

void
side_pause(struct side *s, bool pause)
{
	siginfo_t info;

	if (kill(s->pid, pause ? SIGSTOP : SIGCONT) != 0)
		die("kill: %s", strerror(errno));
	if (waitid(P_PID, (id_t)s->pid, &info,
	    pause ? WSTOPPED : WCONTINUED) != 0)
		die("waitid: %s", strerror(errno));
}

/*
 * Connections.
 */

bool
side_try_connect(struct side *s, unsigned c)
{
	return (s->fds[c] = try_connect(s)) >= 0;
}

void
side_connect(struct side *s, unsigned c)
{
	if (!side_try_connect(s, c))
		die("%s does not take a connection", s->label);
}

void
side_close(struct side *s, unsigned c)
{
	if (s->fds[c] >= 0)
		(void)close(s->fds[c]);
	s->fds[c] = -1;
}

void
side_close_all(struct side *s)
{
	for (unsigned c = 0; c < SIDE_FDS; c++)
		side_close(s, c);
}

void
side_send_raw(struct side *s, unsigned c, struct slice bytes)
{
	ssize_t n;

	while (bytes.len > 0) {
		n = send(s->fds[c], bytes.p, bytes.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		/* Who takes no bytes gives no answer, either. */
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET ||
		    errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0)
			die("%s takes no bytes: %s", s->label,
			    strerror(errno));
		bytes.p += n;
		bytes.len -= (size_t)n;
	}
}

/* Send bytes, cut up. */
static void
deliver(struct side *s, unsigned c, struct slice bytes, enum delivery how,
    size_t cut)
{
	size_t part = bytes.len;

	while (bytes.len > 0) {
		if (how == DELIVER_BYTES)
			part = 1;
		else if (how == DELIVER_CUT && part == bytes.len)
			part = cut % bytes.len;
		else
			part = bytes.len;
		side_send_raw(s, c, (struct slice){ bytes.p, part });
		bytes.p += part;
		bytes.len -= part;
		/* Let the agent look at the first part by itself. */
		if (how == DELIVER_CUT && bytes.len > 0)
			(void)sched_yield();
	}
}

void
side_send(struct side *s, unsigned c, const struct slice *bodies, size_t n,
    enum delivery how, size_t cut)
{
	static uint8_t room[2 * (FRAME_MAX + 4)];
	struct wire_writer w = wire_writer(room, sizeof(room));

	for (size_t i = 0; i < n; i++) {
		wire_put_string(&w, lie_request(s, bodies[i]));
		if (s->lie != NULL && s->lie->twice)
			wire_put_string(&w, lie_request(s, bodies[i]));
		if (how == DELIVER_EACH) {
			side_send_raw(s, c, (struct slice){ room, w.len });
			w.len = 0;
		}
	}
	if (w.full)
		die("too many requests at once");
	deliver(s, c, (struct slice){ room, w.len }, how, cut);
}

void
side_shut(struct side *s, unsigned c)
{
	(void)shutdown(s->fds[c], SHUT_WR);
}

/* Receive n bytes until then; ANSWER_REPLY: they are there. */
static enum answer_kind
receive_bytes(struct side *s, unsigned c, uint8_t *p, size_t n, int64_t end)
{
	ssize_t got;

	while (n > 0) {
		/* Each byte has the patience of its own in recv(): an answer
		 * that drips would take for ever. */
		if (clock_ms() > end)
			return ANSWER_SILENCE;
		got = recv(s->fds[c], p, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return ANSWER_SILENCE;
		if (got < 0 && errno != ECONNRESET)
			die("%s: recv: %s", s->label, strerror(errno));
		if (got <= 0)
			return ANSWER_CLOSED;
		p += got;
		n -= (size_t)got;
	}
	return ANSWER_REPLY;
}

struct answer
side_receive(struct side *s, unsigned c, struct slice request)
{
	struct answer a = { ANSWER_CLOSED, { NULL, 0 } };
	int64_t end = clock_ms() + (s->patience_ms > 0 ? s->patience_ms :
	    SIDE_PATIENCE_MS);
	uint8_t head[4];
	uint32_t len;

	a.kind = receive_bytes(s, c, head, sizeof(head), end);
	if (a.kind != ANSWER_REPLY) {
		lie_reply(s, request, &a);
		return a;
	}
	len = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 |
	    (uint32_t)head[2] << 8 | head[3];
	/* More than a client reads is an answer, too. */
	if (len == 0 || len > ROOM - s->used) {
		a.kind = ANSWER_GARBAGE;
		return a;
	}
	a.body = (struct slice){ s->room + s->used, len };
	a.kind = receive_bytes(s, c, s->room + s->used, len, end);
	s->used += len;
	if (a.kind == ANSWER_REPLY)
		lie_reply(s, request, &a);
	return a;
}

void
side_forget(struct side *s)
{
	s->used = 0;
}

bool
answer_eq(const struct answer *a, const struct answer *b)
{
	return a->kind == b->kind && (a->kind != ANSWER_REPLY ||
	    slice_eq(a->body, b->body));
}

uint8_t
answer_code(const struct answer *a)
{
	return a->kind == ANSWER_REPLY ? a->body.p[0] : 0;
}
