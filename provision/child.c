/*
 * The process is looked at with waitpid(2) now and then rather than waited for:
 * what tells of an end at once differs from system to system, and a handler of
 * SIGCHLD would be the program's, not ours.  Whether its pipes are at their end
 * decides nothing: what it has left behind in the background can hold them.
 *
 * Other threads may be anywhere when one starts a child: between fork and exec
 * it calls nothing but what a handler of a signal may.  It is born with copies
 * of what other threads are about to give their own children, and closes them
 * before all else that can take time.
 */
#include "provision/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/errtext.h"
#include "base/fdio.h"

/* What is read at once, and what a text starts with. */
#define READ_MAX	(16 * 1024)
#define TEXT_FIRST	1024

/* As pipe_cloexec(). */
#ifdef SOCK_CLOEXEC
#define SOCKET_CLOEXEC	SOCK_CLOEXEC
#else
#define SOCKET_CLOEXEC	0
#endif

/* A request to end is repeated after this, and what is given up has so long. */
#define STOP_AGAIN_MS	50
#define STOP_MS		1000

/* What the child says when it cannot become the program. */
struct trouble {
	int	 err;		/* errno */
	int	 step;		/* of enum step */
};

enum step {
	STEP_STREAMS,
	STEP_USER,
	STEP_EXEC,
};

/* The descriptors of a start: [0] is read from, [1] written to. */
struct pipes {
	int	 in[2], out[2], err[2], trouble[2];
};

/* Whether to give up; NULL: never. */
static _Atomic(int (*)(void)) heeded;

void
child_heed(int (*stopping)(void))
{
	atomic_store(&heeded, stopping);
}

/* Whether we were told to end. */
static bool
is_stopping(void)
{
	int (*stopping)(void) = atomic_load(&heeded);

	return stopping != NULL && stopping() != 0;
}

void
child_signals(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, now;

	(void)sigaction(SIGPIPE, &ignore, NULL);
	if (sigaction(SIGCHLD, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
		(void)signal(SIGCHLD, SIG_DFL);
}

/* Whether there is a plain file that we may run. */
static bool
can_run(const char *path)
{
	struct stat sb;

	return stat(path, &sb) == 0 && S_ISREG(sb.st_mode) &&
	    access(path, X_OK) == 0;
}

int
child_find(const char *name, const char *path, char out[static PATH_MAX])
{
	const char *end;
	int n;

	out[0] = '\0';
	if (name[0] == '\0')
		return ST_MALFORMED;
	if (strchr(name, '/') != NULL) {
		if (name[0] != '/' || strlen(name) >= PATH_MAX)
			return ST_MALFORMED;
		if (!can_run(name))
			return ST_NOT_FOUND;
		memcpy(out, name, strlen(name) + 1);
		return ST_OK;
	}
	for (; path != NULL; path = *end == ':' ? end + 1 : NULL) {
		end = path + strcspn(path, ":");
		if (*path != '/' || end - path >= PATH_MAX)
			continue;
		n = snprintf(out, PATH_MAX, "%.*s/%s", (int)(end - path), path,
		    name);
		if (n > 0 && n < PATH_MAX && can_run(out))
			return ST_OK;
	}
	out[0] = '\0';
	return ST_NOT_FOUND;
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* A pipe that no child of another thread keeps; where that cannot be asked for,
 * raise_fd() does it a moment later. */
static int
pipe_cloexec(int fds[static 2])
{
#ifdef __linux__
	return pipe2(fds, O_CLOEXEC);
#else
	return pipe(fds);
#endif
}

/* Close on exec, and above those that the child's own are put to. */
static int
raise_fd(int *fd)
{
	int got = fcntl(*fd, F_DUPFD_CLOEXEC, 3);

	if (got < 0)
		return ST_SYSTEM;
	(void)close(*fd);
	*fd = got;
	return ST_OK;
}

static int
make_pipe(int fds[static 2])
{
	int st;

	if (pipe_cloexec(fds) != 0) {
		fds[0] = fds[1] = -1;
		return ST_SYSTEM;
	}
	if ((st = raise_fd(&fds[0])) == ST_OK)
		st = raise_fd(&fds[1]);
	return st;
}

/* A copy of a descriptor, as raise_fd() has them. */
static int
copy_fd(int fd, int *out)
{
	*out = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *out >= 0 ? ST_OK : ST_SYSTEM;
}

/* One socket for stdin and stdout. */
static int
make_socket(struct pipes *p)
{
	int st;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCKET_CLOEXEC, 0, p->in) != 0) {
		p->in[0] = p->in[1] = -1;
		return ST_SYSTEM;
	}
	if ((st = raise_fd(&p->in[0])) == ST_OK)
		st = raise_fd(&p->in[1]);
	if (st == ST_OK)
		st = copy_fd(p->in[0], &p->out[1]);
	return st;
}

/* What a stream is that we have no end of; ${number} is the child's. */
static int
open_whole(enum child_stream kind, int number)
{
	int fd = -1;

	if (kind == CHILD_INHERIT)
		fd = fcntl(number, F_DUPFD_CLOEXEC, 3);
	if (kind == CHILD_TTY)
		fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	/* Also for one of ours that is closed. */
	return fd >= 0 ? fd : open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* One stream of the child's, as its descriptor ${number}. */
static int
make_stream(enum child_stream kind, int number, int fds[static 2])
{
	const int ours = number == 0 ? 1 : 0;
	int st;

	if (kind != CHILD_PIPE && kind != CHILD_KEEP) {
		fds[1 - ours] = open_whole(kind, number);
		return fds[1 - ours] >= 0 ? raise_fd(&fds[1 - ours]) :
		    ST_SYSTEM;
	}
	if ((st = make_pipe(fds)) == ST_OK)
		st = fdio_nonblock(fds[ours]);
	return st;
}

/* All of the child's streams, and what it tells us of trouble by. */
static int
make_streams(const struct child_spec *spec, struct pipes *p)
{
	int st;

	if (spec->in == CHILD_SOCKET) {
		st = make_socket(p);
	} else {
		st = spec->in == CHILD_GIVEN ? copy_fd(spec->in_fd, &p->in[0]) :
		    make_stream(spec->in, 0, p->in);
		if (st == ST_OK)
			st = make_stream(spec->out, 1, p->out);
	}
	if (st == ST_OK)
		st = make_stream(spec->err, 2, p->err);
	if (st == ST_OK)
		st = make_pipe(p->trouble);
	return st;
}

/* All signals as a program expects them at its start. */
static void
reset_signals(void)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t none;
	int i;

	for (i = 1; i < NSIG; i++)
		(void)sigaction(i, &plain, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Be told to end when ${parent} has, however it ends: who is waited for without
 * a word to each other does not notice else.  Elsewhere it ends by itself. */
static void
end_with(pid_t parent)
{
#ifdef __linux__
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
#else
	(void)parent;
#endif
}

/* Become the user, for good.  What cannot be done is in errno. */
static bool
become(const struct child_user *user)
{
	if (setgroups(user->n, user->groups) != 0 || setgid(user->gid) != 0 ||
	    setuid(user->uid) != 0)
		return false;
	/* There must be no way back. */
	if (user->uid != 0 && setuid(0) == 0) {
		errno = EPERM;
		return false;
	}
	return true;
}

/* In the child: become the program. */
static _Noreturn void
run_program(const struct child_spec *spec, const struct pipes *p, pid_t parent)
{
	struct trouble t = { .step = STEP_STREAMS };
	const int keep[] = { p->trouble[1] };

	if (dup2(p->in[0], 0) < 0 || dup2(p->out[1], 1) < 0 ||
	    dup2(p->err[1], 2) < 0)
		goto out;
	fdio_sweep(keep, 1);
	reset_signals();
	t.step = STEP_USER;
	if (spec->user != NULL && !become(spec->user))
		goto out;
	/* Who becomes somebody else loses it. */
	if (spec->with_us)
		end_with(parent);
	if (spec->call != NULL) {
		(void)close(p->trouble[1]);
		_exit(spec->call(spec->arg));
	}
	t.step = STEP_EXEC;
	if (spec->envp != NULL)
		(void)execve(spec->program, spec->argv, spec->envp);
	else
		(void)execv(spec->program, spec->argv);
out:
	t.err = errno;
	(void)!write(p->trouble[1], &t, sizeof(t));
	_exit(127);
}

/* Say why there is no such program running. */
static int
explain(const struct child_spec *spec, const struct trouble *t, char *why,
    size_t whylen)
{
	const char *said = errtext(t->err);

	switch (t->step) {
	case STEP_USER:
		(void)snprintf(why, whylen, "cannot become the user with the "
		    "number %lu: %s", (unsigned long)spec->user->uid, said);
		return t->err == EPERM ? ST_DENIED : ST_SYSTEM;
	case STEP_EXEC:
		(void)snprintf(why, whylen, "cannot run %s: %s", spec->program,
		    said);
		if (t->err == ENOENT || t->err == ENOTDIR)
			return ST_NOT_FOUND;
		return t->err == EACCES || t->err == EPERM ||
		    t->err == ENOEXEC ? ST_DENIED : ST_SYSTEM;
	default:
		(void)snprintf(why, whylen, "cannot start %s: %s",
		    spec->program, said);
		return ST_SYSTEM;
	}
}

static void
close_pipes(struct pipes *p)
{
	int *all[] = { p->in, p->out, p->err, p->trouble };
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		close_fd(&all[i][0]);
		close_fd(&all[i][1]);
	}
}

/* Wait for its end, however often we are interrupted. */
static void
reap(struct child *c)
{
	pid_t got;

	do {
		got = waitpid(c->pid, &c->status, 0);
	} while (got < 0 && errno == EINTR);
	c->pid = 0;
}

/* Start a process; what became of it is in ${t}, whose err is 0 if it is the
 * program now. */
static int
spawn(struct child *c, const struct child_spec *spec, struct pipes *p,
    struct trouble *t)
{
	const pid_t parent = getpid();
	size_t got;
	int st;

	if ((c->pid = fork()) < 0) {
		c->pid = 0;
		return ST_SYSTEM;
	}
	if (c->pid == 0)
		run_program(spec, p, parent);
	close_fd(&p->trouble[1]);
	st = fdio_read_full(p->trouble[0], t, sizeof(*t), &got);
	if (st == ST_CLOSED && got == 0) {
		t->err = 0;
		return ST_OK;
	}
	/* It has told us, and ends by itself, or we could not listen. */
	(void)kill(c->pid, SIGKILL);
	reap(c);
	return st == ST_CLOSED ? ST_SYSTEM : st;
}

/* Nothing runs, nothing is kept. */
static void
clear(struct child *c)
{
	*c = (struct child){ .in = -1, .out = -1, .err = -1 };
}

int
child_start(struct child *c, const struct child_spec *spec, char *why,
    size_t whylen)
{
	struct pipes p = { { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } };
	struct trouble t = { .err = 0, .step = STEP_STREAMS };
	int st = ST_OK;

	assert(spec->call != NULL || spec->program[0] == '/');
	assert(spec->in != CHILD_KEEP && spec->out != CHILD_GIVEN);
	assert((spec->in == CHILD_SOCKET) == (spec->out == CHILD_SOCKET));
	assert(spec->err != CHILD_GIVEN && spec->err != CHILD_SOCKET);
	clear(c);
	if (make_streams(spec, &p) != ST_OK || spawn(c, spec, &p, &t) != ST_OK)
		t.err = errno != 0 ? errno : EIO;
	if (t.err != 0) {
		st = explain(spec, &t, why, whylen);
		goto out;
	}
	c->in = p.in[1];
	c->out = p.out[0];
	c->err = p.err[0];
	p.in[1] = p.out[0] = p.err[0] = -1;	/* the child has them now */
	c->keep_out = spec->out == CHILD_KEEP;
	c->keep_err = spec->err == CHILD_KEEP;
	c->out_text.max = spec->out_max;
	c->err_text.max = spec->err_max;
	if (spec->time_ms > 0)
		c->deadline_ms = clock_ms() + spec->time_ms;
out:
	close_pipes(&p);
	if (st != ST_OK)
		clear(c);
	return st;
}

int
child_take_socket(struct child *c)
{
	int fd = c->in;

	c->in = -1;
	return fd;
}

void
child_fds(const struct child *c, struct pollfd fds[static CHILD_FDS])
{
	fds[0] = (struct pollfd){ .fd = c->in };
	fds[1] = (struct pollfd){ .fd = c->out,
		.events = c->keep_out ? POLLIN : 0 };
	fds[2] = (struct pollfd){ .fd = c->err,
		.events = c->keep_err ? POLLIN : 0 };
}

int
child_wait_ms(const struct child *c)
{
	int64_t left = CHILD_TICK_MS;

	if (c->pid == 0)
		return 0;
	if (c->out < 0 && c->err < 0)
		left = CHILD_END_MS;
	if (c->deadline_ms != 0 && c->deadline_ms - clock_ms() < left)
		left = c->deadline_ms - clock_ms();
	return left > 0 ? (int)left : 0;
}

/* Keep what there is room for. */
static int
keep(struct child_text *t, const char *p, size_t n)
{
	size_t cap = t->cap > 0 ? t->cap : TEXT_FIRST;
	char *grown;

	if (n > t->max - t->len) {
		n = t->max - t->len;
		t->over = true;
	}
	if (n == 0)
		return ST_OK;
	while (cap < t->len + n + 1)
		cap *= 2;
	if (cap != t->cap) {
		if ((grown = realloc(t->p, cap)) == NULL)
			return ST_NOMEM;
		t->p = grown;
		t->cap = cap;
	}
	memcpy(t->p + t->len, p, n);
	t->len += n;
	t->p[t->len] = '\0';
	return ST_OK;
}

/* Read from one of its streams; ST_MORE: nothing is there now. */
static int
read_some(int *fd, char *p, size_t cap, size_t *got)
{
	ssize_t n;

	*got = 0;
	if (*fd < 0)
		return ST_CLOSED;
	do {
		n = read(*fd, p, cap);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		*got = (size_t)n;
		return ST_OK;
	}
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return ST_MORE;
	if (n < 0)
		return ST_SYSTEM;
	close_fd(fd);
	return ST_CLOSED;
}

/* Keep what a stream has, some of it or, with ${all}, as much as a pipe can
 * hold: who is still writing is not waited for. */
static int
take(int *fd, struct child_text *t, bool all)
{
	char buf[READ_MAX];
	size_t got, sum = 0;
	int st;

	do {
		st = read_some(fd, buf, sizeof(buf), &got);
		if (st != ST_OK)
			return st == ST_SYSTEM ? st : ST_OK;
		if ((st = keep(t, buf, got)) != ST_OK)
			return st;
		sum += got;
	} while (all && sum < t->max + 1024 * 1024);
	return ST_OK;
}

/* Take from both streams; ${fds} says which, or NULL. */
static int
take_both(struct child *c, const struct pollfd *fds, bool all)
{
	int st = ST_OK;

	if (c->keep_out && (fds == NULL || fds[1].revents != 0))
		st = take(&c->out, &c->out_text, all);
	if (st == ST_OK && c->keep_err && (fds == NULL || fds[2].revents != 0))
		st = take(&c->err, &c->err_text, all);
	return st;
}

/* Nothing more is kept. */
static void
close_kept(struct child *c)
{
	if (c->keep_out)
		close_fd(&c->out);
	if (c->keep_err)
		close_fd(&c->err);
}

int
child_turn(struct child *c, const struct pollfd *fds)
{
	pid_t got;
	int st;

	/* First whether it has ended: then all that it wrote is there. */
	if (c->pid != 0) {
		got = waitpid(c->pid, &c->status, WNOHANG);
		if (got < 0 && errno != EINTR) {
			c->pid = 0;
			return ST_SYSTEM;
		}
		if (got == c->pid)
			c->pid = 0;
	}
	st = take_both(c, c->pid == 0 ? NULL : fds, c->pid == 0);
	if (st == ST_OK && c->keep_out && c->out_text.over)
		st = ST_TOO_LARGE;
	if (st == ST_OK && c->pid != 0 && c->deadline_ms != 0 &&
	    clock_ms() >= c->deadline_ms)
		st = ST_BUSY;
	if (st != ST_OK)
		child_kill(c);
	if (c->pid == 0) {
		close_kept(c);
		return st;
	}
	return ST_MORE;
}

int
child_write(struct child *c, const void *p, size_t n, size_t *done)
{
	const char *at = p;
	ssize_t put;

	*done = 0;
	while (*done < n) {
		if (c->in < 0)
			return ST_CLOSED;
		put = write(c->in, at + *done, n - *done);
		if (put >= 0) {
			*done += (size_t)put;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return ST_MORE;
		if (errno != EPIPE)
			return ST_SYSTEM;
		close_fd(&c->in);
	}
	return ST_OK;
}

int
child_read(struct child *c, void *p, size_t cap, size_t *got)
{
	return read_some(&c->out, p, cap, got);
}

void
child_close_in(struct child *c)
{
	close_fd(&c->in);
}

void
child_kill(struct child *c)
{
	if (c->pid == 0)
		return;
	(void)kill(c->pid, SIGKILL);
	reap(c);
}

void
child_stop(struct child *c, int grace_ms)
{
	int64_t now = clock_ms(), until = now + grace_ms, again = now;
	pid_t got;

	for (; c->pid != 0 && now < until; now = clock_ms()) {
		/* A handler that only takes note of it, just before a system
		 * call that waits, has it wait all the same. */
		if (now >= again) {
			(void)kill(c->pid, SIGTERM);
			again = now + STOP_AGAIN_MS;
		}
		got = waitpid(c->pid, &c->status, WNOHANG);
		if (got == c->pid || (got < 0 && errno != EINTR))
			c->pid = 0;
		else
			(void)poll(NULL, 0, CHILD_END_MS);
	}
	child_kill(c);
}

void
child_fini(struct child *c)
{
	child_kill(c);
	close_fd(&c->in);
	close_fd(&c->out);
	close_fd(&c->err);
	free(c->out_text.p);
	free(c->err_text.p);
	clear(c);
}

int
child_run(struct child *c, const struct child_spec *spec, char *why,
    size_t whylen)
{
	struct child_spec one = *spec;
	struct pollfd fds[CHILD_FDS];
	int st;

	assert((spec->in == CHILD_NULL || spec->in == CHILD_GIVEN) &&
	    spec->out != CHILD_PIPE && spec->err != CHILD_PIPE);
	one.with_us = true;
	if ((st = child_start(c, &one, why, whylen)) != ST_OK)
		return st;
	do {
		child_fds(c, fds);
		if (poll(fds, CHILD_FDS, child_wait_ms(c)) < 0)
			for (size_t i = 0; i < CHILD_FDS; i++)
				fds[i].revents = 0;
		st = child_turn(c, fds);
	} while (st == ST_MORE && !is_stopping());
	/* A ^C may have ended it as well: that is not its fault. */
	if (is_stopping()) {
		child_stop(c, STOP_MS);
		st = ST_CLOSED;
		(void)snprintf(why, whylen, "%s was given up: we were told to "
		    "end", spec->program);
	} else if (st == ST_BUSY)
		(void)snprintf(why, whylen, "%s has not ended in %lld s and "
		    "was killed", spec->program,
		    (long long)(spec->time_ms / 1000));
	else if (st == ST_TOO_LARGE)
		(void)snprintf(why, whylen, "%s prints more than %zu bytes and "
		    "was killed", spec->program, spec->out_max);
	else if (st != ST_OK)
		(void)snprintf(why, whylen, "cannot listen to %s: %s",
		    spec->program, status_name(st));
	return st;
}
