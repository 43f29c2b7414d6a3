#ifndef WATCHSAY_H_
#define WATCHSAY_H_

/*
 * watchsay - what "bottle-provision watch" prints: a line for each thing that
 * happens, for people or, as JSON, for programs.
 *
 * Layer:   provision.
 * Source:  provision/bottle-provision.1, "WATCH".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "provision/session.h"

struct watchsay {
	bool	 json;
	bool	 broken;	/* a line could not be printed */
};

/* One line.  Texts are safe to print; what is NULL, 0 or less is not said. */
struct watchsay_line {
	const char	*target;	/* "docker:web"; without it */
	const char	*engine;	/* "docker"; without both it is about
					 * all */
	const char	*event;		/* a word: "started" */
	const char	*error;
	const char	*advice;	/* in JSON only */
	enum session_code code;		/* with error */
	size_t		 keys;
	const char	*user;		/* with keys */
	int64_t		 took_ms;
	int64_t		 again_ms;	/* until the next try */
	bool		 not_again;	/* there is no other try */
};

/**
 * watchsay_line(s, l, wall_ms):
 * Print it; ${wall_ms} is what clock_wall_ms() says.
 */
void watchsay_line(struct watchsay *s, const struct watchsay_line *l,
    int64_t wall_ms);

/**
 * watchsay_time(wall_ms, out, cap):
 * "2026-11-29T09:31:13.250Z"
 */
void watchsay_time(int64_t wall_ms, char *out, size_t cap);

#endif /* !WATCHSAY_H_ */
