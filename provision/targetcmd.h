#ifndef TARGETCMD_H_
#define TARGETCMD_H_

/*
 * targetcmd - what status, explain, lock and unlock are alike in: bottle-agent
 * is run in each target with some words, and what it prints is shown.
 *
 * Layer:   provision.
 * Source:  provision/bottle-provision.1, "OUTPUT".
 *
 * What comes from a target is looked at before it is shown: see the functions
 * that take it.  One target that fails does not keep the others.
 */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"
#include "provision/options.h"
#include "provision/remote.h"
#include "provision/session.h"

#define TARGETCMD_VERSION	1

/* One target, and what became of it. */
struct targetcmd_result {
	const char		*target;	/* as it was named */
	enum session_code	 code;
	char			 why[SESSION_WHY_MAX];	/* safe to print; empty
							 * if it is done */
	char			 advice[SESSION_ADVICE_MAX];	/* likewise */
	json_t			*json;		/* what it said, for --json; or
						 * NULL */
	char			*text;		/* the same for people, from
						 * open_memstream(3); or NULL */
	size_t			 len;
};

struct fleet_line;

struct targetcmd {
	const struct provision_options *opts;
	const char		*command;	/* "status" */
	const char		*done;		/* "asked": for the summary */
	const char		*doing;		/* "asking" */
	const char		*member;	/* what json is in an object */
	const char *const	*args;		/* of bottle-agent, besides the
						 * socket */
	size_t			 nargs;
	/* Have what is needed, once it is known that there are targets; NULL:
	 * nothing is.  Else an exit code, and ${why}. */
	enum session_code	(*prepare)(struct targetcmd *c, char *why,
				    size_t whylen);
	void			*cookie;	/* its own */
	struct slice		 input;		/* of bottle-agent */
	int64_t			 more_ms;	/* besides --timeout */
	size_t			 out_max;
	/* Make json or text of what a program that ended well has printed, as
	 * opts->json says.  Called by several threads. */
	int			(*take)(const struct targetcmd *c,
				    struct slice out,
				    struct targetcmd_result *r);
	/* Do all of that for one target in another way, and only show what came
	 * of it; it fills ${r} but for target and code, which it returns.
	 * NULL: as above. */
	enum session_code	(*run)(const struct targetcmd *c,
				    const struct target *target,
				    const char *path, struct fleet_line *line,
				    struct targetcmd_result *r);
	/* Say what to do about one that failed, where there is more to say. */
	void			(*advise)(const struct remote_result *said,
				    struct targetcmd_result *r);
};

/**
 * targetcmd_run(c):
 * Do it for all targets, and print what came of it.  ${c}->take returns a
 * status, and fills ${r}->why unless it is ST_OK; both may be NULL.  Returns an
 * exit code: the highest of the targets'.
 */
enum session_code targetcmd_run(struct targetcmd *c);

/**
 * targetcmd_print_json(o):
 * Print an object on stdout, so that no terminal acts on what is in it, and
 * release it.
 *
 * Errors: ST_NOMEM, ST_SYSTEM  cannot print
 */
int targetcmd_print_json(json_t *o) MUST_USE;

#endif /* !TARGETCMD_H_ */
