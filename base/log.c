/*
 * A line is put together in one piece and goes out in one write(2): lines of
 * several threads, or of a child that shares stderr, never mix.  stdio is not
 * used, since it keeps a copy of what it printed.
 *
 * Whether a write waits is said by the open file, which others have as well: so
 * who never waits opens the pipe or the terminal behind stderr once more.
 * Where that cannot be done, as without /proc, it looks for room first: a pipe
 * that has any has some for a whole line.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/errtext.h"
#include "base/logsock.h"
#include "base/text.h"

/* Room for "program: level: " in front of the message, and the newline. */
#define PREFIX_MAX	128

/* What log_open() was told; the same for all threads, set before they run. */
static struct {
	const char	*program;
	enum log_level	 level;
	bool		 to_syslog;
	bool		 never_wait;
	bool		 is_socket;	/* stderr, of who never waits */
	int		 fd;		/* where lines for stderr go */
	log_put		 put;		/* instead of stderr; or NULL */
	void		*cookie;	/* its */
} state = { NULL, LOG_LEVEL_INFO, false, false, false, STDERR_FILENO, NULL,
	NULL };

/* The syslog daemon, and who talks to it. */
static struct logsock daemon_sock = { -1, false };
static pthread_mutex_t daemon_lock = PTHREAD_MUTEX_INITIALIZER;

/* Lines that were left out and not told of yet. */
static atomic_uint left_out;
/* Half a line is at the end of stderr. */
static atomic_bool torn;

_Static_assert(PREFIX_MAX + LOG_LINE_MAX + 1 <= PIPE_BUF, "a line fits into "
    "a pipe as a whole, or not at all");

static const struct {
	const char	*name;
	int		 priority;
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
	[LOG_LEVEL_WARN] = { "warning", LOG_WARNING },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};

void
log_open(const char *program, enum log_level level, int to_syslog)
{
	state.program = program;
	state.level = level;
	state.to_syslog = to_syslog != 0;
	if (!state.to_syslog)
		return;
	tzset();	/* reads a file, which may not be had later */
	logsock_close(&daemon_sock);
	/* It may yet come. */
	(void)!logsock_open(&daemon_sock);
}

void
log_never_wait(void)
{
	struct stat sb;
	int fd = -1;

	state.never_wait = true;
	if (fstat(STDERR_FILENO, &sb) != 0)
		return;
	state.is_socket = S_ISSOCK(sb.st_mode);
	if (S_ISFIFO(sb.st_mode) || (S_ISCHR(sb.st_mode) &&
	    isatty(STDERR_FILENO)))
		fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY |
		    O_CLOEXEC);
	if (fd >= 0)
		state.fd = fd;
}

void
log_divert(log_put put, void *cookie)
{
	state.put = put;
	state.cookie = cookie;
}

bool
log_wants(enum log_level level)
{
	return level <= state.level;
}

/* Write to stderr, without waiting if it can be had. */
static ssize_t
write_some(const char *p, size_t len)
{
	ssize_t n;

	do {
		n = state.is_socket ? send(state.fd, p, len, MSG_DONTWAIT |
		    MSG_NOSIGNAL) : write(state.fd, p, len);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* Write one finished line to a stderr that is not waited for; false: it does
 * not take all of it. */
static bool
try_line(const char *line, size_t len)
{
	struct pollfd room = { .fd = state.fd, .events = POLLOUT };
	ssize_t n;

	if (poll(&room, 1, 0) == 0 ||
	    (atomic_load(&torn) && write_some("\n", 1) != 1))
		return false;
	n = write_some(line, len);
	atomic_store(&torn, n > 0 && (size_t)n < len);
	/* There is nowhere to complain when it is broken. */
	return n < 0 ? errno != EAGAIN : (size_t)n == len;
}

/* Write one finished line to stderr; false: it was left out. */
static bool
put_line(const char *line, size_t len)
{
	if (state.put != NULL) {
		state.put(state.cookie, line, len);
		return true;
	}
	if (state.never_wait)
		return try_line(line, len);
	(void)write_some(line, len);
	return true;
}

/* Send one finished message to the syslog daemon; false: it takes none now. */
static bool
put_syslog(int priority, const char *program, const char *message)
{
	char line[LOGSOCK_HEAD_MAX + PREFIX_MAX + LOG_LINE_MAX];
	struct text t;
	int st;

	text_init(&t, line, sizeof(line));
	t.len = logsock_head(line, sizeof(line), LOG_AUTH | priority, program);
	text_add(&t, message);
	(void)pthread_mutex_lock(&daemon_lock);
	st = logsock_send(&daemon_sock, line, t.len);
	(void)pthread_mutex_unlock(&daemon_lock);
	return st == ST_OK;
}

/* Send one finished message to where lines go; false: it was left out. */
static bool
emit(enum log_level level, const char *message)
{
	char line[PREFIX_MAX + LOG_LINE_MAX + 1];
	const char *program = state.program;
	struct text t;
	size_t len;

	if (program == NULL)
		program = program_invocation_short_name;
	text_init(&t, line, PREFIX_MAX);
	if (!state.to_syslog)
		text_addf(&t, "%.*s: ", text_cut(program, 100), program);
	text_addf(&t, "%s: ", levels[level].name);
	/* As much of the message, whatever is in front of it. */
	t.cap = t.len + LOG_LINE_MAX + 1;
	text_printable(&t, message, strlen(message));
	if (state.to_syslog)
		return put_syslog(levels[level].priority, program, line);
	len = t.len;
	line[len++] = '\n';
	return put_line(line, len);
}

/* Say how many lines were left out, as soon as stderr takes that. */
static void
tell_left_out(void)
{
	unsigned n = atomic_exchange(&left_out, 0);
	char message[64];

	if (n == 0)
		return;
	(void)snprintf(message, sizeof(message), "%u message%s %s left out: "
	    "nobody read them", n, n == 1 ? "" : "s", n == 1 ? "was" : "were");
	if (!emit(LOG_LEVEL_WARN, message))
		(void)atomic_fetch_add(&left_out, n);
}

/* Format and send; ${tail} is added after ": " unless it is NULL. */
static void __attribute__((__format__(__printf__, 3, 0)))
logv(enum log_level level, const char *tail, const char *fmt, va_list ap)
{
	char message[LOG_LINE_MAX + 1];
	int saved = errno;
	struct text t;

	if (level > state.level)
		return;
	text_init(&t, message, sizeof(message));
	text_addv(&t, fmt, ap);
	if (tail != NULL)
		text_addf(&t, ": %s", tail);
	tell_left_out();
	if (!emit(level, message))
		(void)atomic_fetch_add(&left_out, 1);
	errno = saved;
}

void
log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	logv(LOG_LEVEL_ERROR, NULL, fmt, ap);
	va_end(ap);
}

void
log_error_sys(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	logv(LOG_LEVEL_ERROR, errtext(errno), fmt, ap);
	va_end(ap);
}

void
log_error_st(int st, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	logv(LOG_LEVEL_ERROR, status_name(st), fmt, ap);
	va_end(ap);
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	logv(LOG_LEVEL_WARN, NULL, fmt, ap);
	va_end(ap);
}

void
log_warn_sys(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	logv(LOG_LEVEL_WARN, errtext(errno), fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	logv(LOG_LEVEL_INFO, NULL, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	logv(LOG_LEVEL_DEBUG, NULL, fmt, ap);
	va_end(ap);
}
