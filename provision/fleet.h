#ifndef FLEET_H_
#define FLEET_H_

/*
 * fleet - the same for several targets, some of them at once.
 *
 * Layer:   provision.
 * Threads: one for each target under way; not processes, since keys are in
 *          memory that no copy of this process has.  What is done for one
 *          target is done in one thread.  The caller's thread waits, and shows
 *          what they are doing (progress.h).
 *
 * SIGINT, SIGTERM and SIGHUP start nothing more, and what is under way gives up
 * as soon as fleet_stopping() says so; a second one ends the process at once.
 * One that was ignored before stays ignored.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "provision/session.h"

/* Most targets at a time. */
#define FLEET_JOBS_MAX		64
/* What is kept of the reason of a target that failed. */
#define FLEET_WHY_MAX		160

/* One target, for who works on it. */
struct fleet_line;

/**
 * fleet_doing(line, fmt, ...):
 * What is being done for the target: "sending keys, 3 of 20".  Words of others
 * in it are escaped.  Nothing happens where ${line} is NULL.
 */
void fleet_doing(struct fleet_line *line, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

/**
 * fleet_why(line, fmt, ...):
 * Why the target failed, in a few words, for the summary.  Likewise.
 */
void fleet_why(struct fleet_line *line, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

/**
 * fleet_stopping():
 * The signal that says to end; 0: none came.  From any thread.  It stays: a
 * fleet that is run afterwards starts nothing.
 */
int fleet_stopping(void);

/**
 * fleet_stop_name():
 * What fleet_stopping() is called: "SIGINT"; or an empty string.
 */
const char *fleet_stop_name(void);

/**
 * fleet_stop(signo):
 * As if that signal had come: for who listens to signals himself.
 */
void fleet_stop(int signo);

/* Do it for target ${i}, and say what is wrong, in a thread. */
typedef enum session_code (*fleet_fn)(void *cookie, size_t i,
    struct fleet_line *line);

struct fleet {
	size_t			 n;
	const char *const	*names;	/* of the targets */
	unsigned		 jobs;	/* at a time; 1 to FLEET_JOBS_MAX */
	fleet_fn		 fn;
	void			*cookie;
	const char		*verb;	/* "loaded", for the summary */
	bool			 plain;	/* no live lines: something that is run
					 * may use the terminal */
};

/**
 * fleet_run(f):
 * Call ${f}->fn for each target, in their order, whatever becomes of others.
 * With more than one the last line on stderr says how many were done, and why
 * the rest was not.
 *
 * Returns the highest code.  A target that was not started counts as
 * SESSION_FAILED.
 */
enum session_code fleet_run(const struct fleet *f);

/**
 * fleet_leave(code):
 * The last thing that a command does: end by the signal that stopped it, so
 * that who waits for us sees it, or return ${code}.
 */
int fleet_leave(enum session_code code);

#endif /* !FLEET_H_ */
