#ifndef LOG_H_
#define LOG_H_

/*
 * log - one line per event, to stderr or to syslog.
 *
 * Layer:   base.  Keeps the level and the destination of the process: the
 *          only state of base that is not in a struct of the caller.
 * Secrets: there is no function that prints key bytes; keys appear as
 *          fingerprints.  Text from a peer goes through text_escape() first.
 *
 * A line reads "bottle-agent: warning: text".  The message is cut at
 * LOG_LINE_MAX bytes, at the end of a character; what text_printable() finds
 * not to be printable comes out as \xNN.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#define LOG_LINE_MAX	1024

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/**
 * log_open(program, level, to_syslog):
 * Name the program, say how much to print and where.  Before the first call
 * lines of level info and above go to stderr.  With ${to_syslog} the facility
 * is AUTH, the connection is made at once, and stderr gets nothing; what the
 * daemon does not take at once is left out, as with log_never_wait().
 * ${program} must stay valid.
 */
void log_open(const char *program, enum log_level level, int to_syslog);

/**
 * log_never_wait():
 * From now on a line that stderr does not take at once, since it is a pipe or
 * the like that nobody reads, is left out; the next one that it takes comes
 * after one that says how many were.  For a pipe or a terminal it takes one
 * descriptor more.  To be called before other threads run.
 */
void log_never_wait(void);

/* Takes a line, with its newline. */
typedef void (*log_put)(void *cookie, const char *line, size_t len);

/**
 * log_divert(put, cookie):
 * From now on lines that would go to stderr are given to ${put}, in the thread
 * that has one to say; with NULL they go to stderr again.  No other thread may
 * be about to say something while this is called.
 */
void log_divert(log_put put, void *cookie);

/**
 * log_wants(level):
 * Whether lines of that level go anywhere: to spare what it takes to make one.
 */
bool log_wants(enum log_level level);

/**
 * log_error(), log_warn(), log_info(), log_debug():
 * printf-like, without a newline.  The _sys forms add ": " and the text of
 * errno, the _st forms the name of a status.  errno is left as it was.
 */
void log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_error_sys(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_error_st(int st, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warn_sys(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif /* !LOG_H_ */
