/*
 * A line is put together in one piece and goes out in one write(2): lines of
 * several threads, or of a child that shares stderr, never mix.  stdio is not
 * used, since it keeps a copy of what it printed.
 *
 * A pipe that has room at all has some for a whole line.  Where others write to
 * the same one, the room that was seen may be gone a moment later, and the line
 * waits after all; so it is only while a reader is slow, not when it has
 * stopped.
 */
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/errtext.h"

/* Room for "program: level: " in front of the message, and the newline. */
#define PREFIX_MAX	128

/* What log_open() was told; the same for all threads, set before they run. */
static struct {
	const char	*program;
	enum log_level	 level;
	bool		 to_syslog;
	bool		 never_wait;
	log_put		 put;		/* instead of stderr; or NULL */
	void		*cookie;	/* its */
} state = { NULL, LOG_LEVEL_INFO, false, false, NULL, NULL };

/* Lines that were left out and not told of yet. */
static atomic_uint left_out;

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
	if (state.to_syslog)
		openlog(program, LOG_PID | LOG_NDELAY, LOG_AUTH);
}

void
log_never_wait(void)
{
	state.never_wait = true;
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

/* Append ${s}, control bytes as \xNN, cut at ${max} bytes in all. */
static size_t
add_printable(char *line, size_t len, size_t max, const char *s)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t c;

	for (; (c = (uint8_t)*s) != '\0'; s++) {
		if (c >= 0x20 && c != 0x7f) {
			if (len + 1 > max)
				break;
			line[len++] = (char)c;
			continue;
		}
		if (len + 4 > max)
			break;
		line[len++] = '\\';
		line[len++] = 'x';
		line[len++] = hex[c >> 4];
		line[len++] = hex[c & 0x0f];
	}
	return len;
}

/* Write one finished line to stderr; false: it would have to wait. */
static bool
put_line(const char *line, size_t len)
{
	struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (state.put != NULL) {
		state.put(state.cookie, line, len);
		return true;
	}
	if (state.never_wait && poll(&room, 1, 0) == 0)
		return false;
	/* There is nowhere to complain when stderr does not take it. */
	while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
		continue;
	return true;
}

/* Send one finished message to where lines go; false: it was left out. */
static bool
emit(enum log_level level, const char *message)
{
	char line[PREFIX_MAX + LOG_LINE_MAX + 1];
	const char *program = state.program;
	size_t len = 0;
	int n;

	if (program == NULL)
		program = program_invocation_short_name;
	if (!state.to_syslog) {
		n = snprintf(line, PREFIX_MAX, "%.100s: ", program);
		len = n > 0 ? (size_t)n : 0;
	}
	n = snprintf(line + len, PREFIX_MAX - len, "%s: ", levels[level].name);
	len += n > 0 ? (size_t)n : 0;
	len = add_printable(line, len, len + LOG_LINE_MAX, message);

	if (state.to_syslog) {
		line[len] = '\0';
		syslog(levels[level].priority, "%s", line);
		return true;
	}
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
	size_t len;
	int n;

	if (level > state.level)
		return;
	n = vsnprintf(message, sizeof(message), fmt, ap);
	len = n < 0 ? 0 : (size_t)n;
	if (tail != NULL && len < sizeof(message))
		(void)snprintf(message + len, sizeof(message) - len, ": %s",
		    tail);
	tell_left_out();
	if (!emit(level, n < 0 ? fmt : message))
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
