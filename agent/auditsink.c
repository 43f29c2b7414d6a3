/*
 * Two buffers: the first thread appends to the one, the writer writes the
 * other, and they change places.  The lock is held for a copy of memory and
 * never while something is written.
 *
 * A file gets whole lines or nothing: when a disk is full in the middle of a
 * batch, what was written of the last line is cut off again.  Where that cannot
 * be done, and after somebody who was killed while writing, the next batch
 * begins with a newline.
 *
 * The writer does not allocate, and calls nothing but futex, fstat, write,
 * ftruncate, lseek, read, openat, newfstatat, close, socket, connect, sendto,
 * poll, getpid and the clock: agent/callfilter_make.c lets no more through.
 */
#include "agent/auditsink.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/logsock.h"
#include "base/ownfile.h"

#define STACK_SIZE	(128 * 1024)
#define HALF		(AUDITSINK_QUEUE / 2)
/* After how long a place that took nothing is tried again. */
#define RETRY_MS	1000
/* How long syslog may be busy before a line is given up. */
#define SYSLOG_MS	1000

struct auditsink {
	enum auditsink_kind	 kind;
	enum auditline_form	 form;
	char			 path[PATH_MAX];
	pthread_t		 thread;
	bool			 started;
	pthread_mutex_t		 lock;		/* for all from here to */
	pthread_cond_t		 change;
	char			*in;		/* HALF bytes */
	size_t			 in_len;
	uint64_t		 lost;		/* since the start */
	uint64_t		 untold;	/* of these, in no line yet */
	bool			 begun, reopen, ending, ended;	/* here */
	/* The first thread's alone. */
	char			*line;		/* AUDITLINE_MAX bytes */
	/* The writer's alone, once it was started. */
	int			 fd;		/* of a file or stderr, or -1 */
	struct logsock		 syslog;
	char			*out;		/* HALF bytes */
	bool			 torn;		/* half a line is at its end */
};

/* Whether a file ends in the middle of a line.  It was found to be ours, and so
 * its path leads to it. */
static bool
is_torn(const char *path)
{
	char last = '\n';
	int fd;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
	    O_CLOEXEC);
	if (fd < 0)
		return false;
	if (lseek(fd, -1, SEEK_END) < 0 || read(fd, &last, 1) != 1)
		last = '\n';
	(void)close(fd);
	return last != '\n';
}

/* Open what a sink was made for. */
static int
open_place(struct auditsink *s, const char *where, char *why, size_t whylen)
{
	int st;

	if (strcmp(where, "-") == 0) {
		s->kind = AUDITSINK_STDERR;
		s->fd = STDERR_FILENO;
		return ST_OK;
	}
	if (strcmp(where, "syslog") == 0) {
		s->kind = AUDITSINK_SYSLOG;
		tzset();	/* reads a file, which may not be had later */
		if (logsock_open(&s->syslog) == ST_OK)
			return ST_OK;
		(void)snprintf(why, whylen, "no syslog daemon answers at "
		    LOGSOCK_PATH ": start one, or use --audit FILE");
		return ST_SYSTEM;
	}
	s->kind = AUDITSINK_FILE;
	if ((st = ownfile_path(where, s->path, why, whylen)) != ST_OK ||
	    (st = ownfile_append(s->path, &s->fd, why, whylen)) != ST_OK)
		return st;
	s->torn = is_torn(s->path);
	return ST_OK;
}

/* What the two threads share; waiting goes by a clock that nobody sets. */
static void
init_shared(struct auditsink *s)
{
	pthread_condattr_t attr;

	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->change, &attr);
	(void)pthread_condattr_destroy(&attr);
}

/* Wait until something changes, with the lock held; false: it is too late. */
static bool
wait_until(struct auditsink *s, int64_t deadline_ns)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline_ns / 1000000000),
		.tv_nsec = (long)(deadline_ns % 1000000000) };

	return pthread_cond_timedwait(&s->change, &s->lock, &until) == 0;
}

int
auditsink_open(struct auditsink **out, const char *where,
    enum auditline_form form, char *why, size_t whylen)
{
	struct auditsink *s = calloc(1, sizeof(*s));
	int st = ST_NOMEM;

	*out = NULL;
	(void)snprintf(why, whylen, "out of memory");
	if (s == NULL)
		return ST_NOMEM;
	s->fd = -1;
	s->syslog.fd = -1;
	s->form = form;
	init_shared(s);
	s->line = malloc(AUDITLINE_MAX);
	s->in = malloc(HALF);
	s->out = malloc(HALF);
	if (s->line != NULL && s->in != NULL && s->out != NULL)
		st = open_place(s, where, why, whylen);
	if (st != ST_OK) {
		auditsink_free(s);
		return st;
	}
	*out = s;
	return ST_OK;
}

enum auditsink_kind
auditsink_kind(const struct auditsink *s)
{
	return s->kind;
}

int
auditsink_fd(const struct auditsink *s)
{
	return s->kind == AUDITSINK_FILE ? s->fd : s->syslog.fd;
}

/* Lines in some bytes. */
static uint64_t
count_lines(const char *p, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += p[i] == '\n';
	return n;
}

/* Write to a descriptor as much as it takes; how many bytes that was.  stderr
 * may have been made one that does not wait: this thread may. */
static size_t
write_some(int fd, const char *p, size_t len)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = write(fd, p + done, len - done);
		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			(void)poll(&pfd, 1, -1);
		else if (n == 0 || errno != EINTR)
			break;
	}
	return done;
}

/* End half a line that is there; false: not even that can be written. */
static bool
end_torn(struct auditsink *s)
{
	if (s->torn && write_some(s->fd, "\n", 1) != 1)
		return false;
	s->torn = false;
	return true;
}

/* Write whole lines to a file: how many bytes of them it has now. */
static size_t
write_file(struct auditsink *s, const char *p, size_t len)
{
	struct stat before, after;
	size_t done, whole;

	if (!end_torn(s) || fstat(s->fd, &before) != 0)
		return 0;
	done = write_some(s->fd, p, len);
	for (whole = done; whole > 0 && p[whole - 1] != '\n'; whole--)
		continue;
	/* Nobody else's bytes are cut off. */
	if (whole < done)
		s->torn = fstat(s->fd, &after) != 0 ||
		    after.st_size != before.st_size + (off_t)done ||
		    ftruncate(s->fd, before.st_size + (off_t)whole) != 0;
	return whole;
}

/* Write one line to stderr, where others write lines too. */
static bool
write_stderr(struct auditsink *s, const char *p, size_t len)
{
	size_t done;

	if (!end_torn(s))
		return false;
	done = write_some(s->fd, p, len);
	s->torn = done > 0 && done < len;
	return done == len;
}

/* Send one line to syslog, without its end; it may be busy for a moment. */
static bool
send_syslog(struct auditsink *s, const char *p, size_t len)
{
	char message[LOGSOCK_HEAD_MAX + AUDITLINE_MAX];
	struct pollfd pfd = { .events = POLLOUT };
	size_t head;
	int st;

	head = logsock_head(message, LOGSOCK_HEAD_MAX, LOG_AUTH | LOG_NOTICE,
	    "bottle-agent");
	memcpy(message + head, p, len - 1);
	len += head - 1;
	message[len] = '\0';
	if ((st = logsock_send(&s->syslog, message, len)) != ST_MORE)
		return st == ST_OK;
	pfd.fd = s->syslog.fd;
	return poll(&pfd, 1, SYSLOG_MS) == 1 &&
	    logsock_send(&s->syslog, message, len) == ST_OK;
}

/* Write lines one by one: how many bytes of them were. */
static size_t
write_lines(struct auditsink *s, const char *p, size_t len)
{
	size_t done = 0, line;
	bool ok = true;

	while (done < len) {
		line = (size_t)((const char *)memchr(p + done, '\n',
		    len - done) - (p + done)) + 1;
		ok = s->kind == AUDITSINK_SYSLOG ? send_syslog(s, p + done, line) :
		    write_stderr(s, p + done, line);
		if (!ok)
			break;
		done += line;
	}
	return done;
}

/* Write whole lines: how many bytes of them were written. */
static size_t
write_out(struct auditsink *s, const char *p, size_t len)
{
	if (s->kind == AUDITSINK_FILE)
		return s->fd >= 0 ? write_file(s, p, len) : 0;
	return write_lines(s, p, len);
}

/* Format a record as a line with its end. */
static size_t
make_line(struct auditsink *s, const struct audit_record *rec,
    char line[static AUDITLINE_MAX])
{
	struct text t;

	text_init(&t, line, AUDITLINE_MAX - 1);
	auditline_write(&t, rec, s->form);
	assert(!t.full);
	line[t.len] = '\n';
	return t.len + 1;
}

/* Say how many records are missing; false: not even that can be written. */
static bool
tell_lost(struct auditsink *s, uint64_t n)
{
	struct audit_record rec = { .op = AUDIT_LOST,
		.text = "records that could not be written",
		.wall_ms = clock_wall_ms(),
		.count = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX };
	char line[AUDITLINE_MAX];
	size_t len = make_line(s, &rec, line);

	return write_out(s, line, len) == len;
}

/* Write a batch, and before it how much was lost.  With the lock held, which is
 * given back meanwhile. */
static void
write_batch(struct auditsink *s, size_t len)
{
	uint64_t untold = s->untold, lost = 0;
	bool told;
	size_t done = 0;

	(void)pthread_mutex_unlock(&s->lock);
	told = untold == 0 || tell_lost(s, untold);
	if (told)
		done = write_out(s, s->out, len);
	lost = count_lines(s->out + done, len - done);
	(void)pthread_mutex_lock(&s->lock);
	if (told)
		s->untold -= untold;
	s->untold += lost;
	s->lost += lost;
}

/* Open the file anew; with the lock held, which is given back meanwhile. */
static void
do_reopen(struct auditsink *s)
{
	char why[512];
	int fd, old;

	s->reopen = false;
	if (s->kind != AUDITSINK_FILE)
		return;
	(void)pthread_mutex_unlock(&s->lock);
	if (ownfile_append(s->path, &fd, why, sizeof(why)) == ST_OK) {
		old = s->fd;
		s->fd = fd;
		s->torn = is_torn(s->path);
		(void)close(old);
	} else {
		log_warn("the audit file stays the one that was open: %s",
		    why);
	}
	(void)pthread_mutex_lock(&s->lock);
}

/* Wait until there is something to do; a little only if something was lost. */
static void
wait_for_work(struct auditsink *s)
{
	if (s->untold == 0)
		(void)pthread_cond_wait(&s->change, &s->lock);
	else if (!wait_until(s, clock_ns() + RETRY_MS * INT64_C(1000000)))
		write_batch(s, 0);
}

/* Write what has come; with the lock held. */
static void
write_waiting(struct auditsink *s)
{
	char *swap = s->in;
	size_t len = s->in_len;

	s->in = s->out;
	s->out = swap;
	s->in_len = 0;
	write_batch(s, len);
}

/* The writer. */
static void *
writer_main(void *cookie)
{
	struct auditsink *s = cookie;
	bool reopen;

	(void)pthread_mutex_lock(&s->lock);
	s->begun = true;
	(void)pthread_cond_broadcast(&s->change);
	while (!s->ending || s->in_len > 0 || s->reopen) {
		if (s->in_len == 0 && !s->reopen) {
			wait_for_work(s);
			continue;
		}
		/* What waits now came before that was asked for; more may
		 * come for ever. */
		reopen = s->reopen;
		if (s->in_len > 0)
			write_waiting(s);
		if (reopen)
			do_reopen(s);
	}
	if (s->untold > 0)
		write_batch(s, 0);
	s->ended = true;
	(void)pthread_cond_broadcast(&s->change);
	(void)pthread_mutex_unlock(&s->lock);
	return NULL;
}

int
auditsink_start(struct auditsink *s)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int err;

	if (pthread_attr_init(&attr) != 0)
		return ST_SYSTEM;
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&s->thread, &attr, writer_main, s);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	if (err != 0) {
		errno = err;
		return ST_SYSTEM;
	}
	s->started = true;
	(void)pthread_mutex_lock(&s->lock);
	while (!s->begun)
		(void)pthread_cond_wait(&s->change, &s->lock);
	(void)pthread_mutex_unlock(&s->lock);
	return ST_OK;
}

bool
auditsink_put(struct auditsink *s, const struct audit_record *rec)
{
	size_t len = make_line(s, rec, s->line);
	bool ok, first = false;

	(void)pthread_mutex_lock(&s->lock);
	ok = len <= HALF - s->in_len;
	if (ok) {
		first = s->in_len == 0;
		memcpy(s->in + s->in_len, s->line, len);
		s->in_len += len;
	} else {
		s->lost++;
		s->untold++;
	}
	(void)pthread_mutex_unlock(&s->lock);
	/* With more than this one the writer knows; and when it wakes, it can
	 * have the lock. */
	if (first)
		(void)pthread_cond_signal(&s->change);
	return ok;
}

void
auditsink_reopen(struct auditsink *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->reopen = true;
	(void)pthread_cond_signal(&s->change);
	(void)pthread_mutex_unlock(&s->lock);
}

uint64_t
auditsink_lost(struct auditsink *s)
{
	uint64_t lost;

	(void)pthread_mutex_lock(&s->lock);
	lost = s->lost;
	(void)pthread_mutex_unlock(&s->lock);
	return lost;
}

/* Have the writer end; false: it is stuck. */
static bool
end_writer(struct auditsink *s)
{
	int64_t deadline_ns = clock_ns() + AUDITSINK_END_MS * INT64_C(1000000);
	bool ended;

	(void)pthread_mutex_lock(&s->lock);
	s->ending = true;
	(void)pthread_cond_broadcast(&s->change);
	while (!s->ended && wait_until(s, deadline_ns))
		continue;
	ended = s->ended;
	(void)pthread_mutex_unlock(&s->lock);
	return ended && pthread_join(s->thread, NULL) == 0;
}

void
auditsink_free(struct auditsink *s)
{
	if (s == NULL)
		return;
	/* What it writes to takes nothing; the process ends, and so will it. */
	if (s->started && !end_writer(s))
		return;
	if (s->kind == AUDITSINK_FILE && s->fd >= 0)
		(void)close(s->fd);
	logsock_close(&s->syslog);
	(void)pthread_cond_destroy(&s->change);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->line);
	free(s->in);
	free(s->out);
	free(s);
}
