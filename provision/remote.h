#ifndef REMOTE_H_
#define REMOTE_H_

/*
 * remote - run one of our programs in a target, or a shell script that only
 * looks, and have what it prints.
 *
 * Layer:   provision.
 * Secrets: the input may be one: it is the caller's, goes over a pipe and is
 *          kept nowhere here.
 *
 * For what is done in one question and one answer; a load, which talks with two
 * programs, is in session.h.  What a program prints is a stranger's: the texts
 * of a result are escaped, its out and err are not.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "proto/wire.h"
#include "provision/child.h"
#include "provision/launch.h"
#include "provision/session.h"
#include "provision/target.h"

/* Most that is kept of stderr. */
#define REMOTE_ERR_MAX	(64 * 1024)
/* How long a program may take where the caller does not care. */
#define REMOTE_TIME_MS	30000

struct remote_how {
	const struct target	*target;
	struct launch		 launch;	/* the program, its arguments, and
						 * who runs it */
	const char		*path;		/* our PATH, for the engine */
	struct slice		 input;		/* what it reads on stdin, to the
						 * end; may be empty */
	int64_t			 time_ms;	/* for all of it; 0: as above */
	size_t			 out_max;	/* most bytes of stdout: one that
						 * prints more is killed */
};

struct remote_result {
	enum session_code	 code;
	enum launch_end		 end;
	enum target_end		 unreached;	/* LAUNCH_UNREACHED: why */
	int			 status;	/* of LAUNCH_RAN: exit status, or
						 * -1: killed, or it never
						 * ended */
	char			 why[SESSION_WHY_MAX];	/* one line, safe to
							 * print; or empty */
	char			 advice[SESSION_ADVICE_MAX];	/* likewise */
	struct child_text	 out, err;	/* as they came */
};

/**
 * remote_run(how, out):
 * Run the program as root, or as ${how}->launch.user, and wait for its end.
 * ${out}->code is SESSION_DONE when it ended with 0, and else
 *
 *	SESSION_USAGE, _DENIED, _MEMORY, _UNREACHABLE
 *	                      the program says so itself; SESSION_FAILED for
 *	                      any other status, and for a signal
 *	SESSION_UNREACHABLE   no such container, engine, user, program; it took
 *	                      too long (end is LAUNCH_RAN, status -1)
 *	SESSION_DENIED        the program is not root's: it was not run
 *	SESSION_FAILED        it printed more than ${how}->out_max; or a signal
 *			      told us to end: see fleet_stopping()
 *
 * ${out}->why is then what the program said, or what was in its way.  May be
 * called by several threads.
 *
 * Owns:   remote_result_fini() releases ${out}, in any case.
 */
void remote_run(const struct remote_how *how, struct remote_result *out);

/**
 * remote_shell(how, script, out):
 * The same for a script that /bin/sh runs there.  ${how}->launch.user and .args
 * ($1 and on) count; .program is what messages call it, .bin and ${how}->input
 * mean nothing.  The script goes over stdin and is read to its end before
 * anything of it is done; what it runs reads /dev/null.  It works behind exec:
 * too.
 *
 * Without a shell ${out}->end is LAUNCH_NO_SHELL.
 */
void remote_shell(const struct remote_how *how, const char *script,
    struct remote_result *out);

/**
 * remote_add_said(t, said):
 * Add a line of what one of our programs says, so that it can be shown.  Ours
 * escape what is a stranger's, and what they did is not done to it again;
 * others may say what they like.
 */
void remote_add_said(struct text *t, struct slice said);

/**
 * remote_result_fini(out):
 * May be called twice.
 */
void remote_result_fini(struct remote_result *out);

#endif /* !REMOTE_H_ */
