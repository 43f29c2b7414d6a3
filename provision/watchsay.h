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

/* One line.  All texts are safe to print. */
struct watchsay_line {
	const char	*target;	/* "docker:web"; or NULL, */
	const char	*engine;	/* "docker"; or NULL: it is about all */
	const char	*event;		/* a word: "started" */
	const char	*error;		/* or NULL */
	const char	*advice;	/* in JSON only; or NULL, or empty */
	int		 code;		/* with error: see session.h; -1: none */
	int		 keys;		/* -1: none */
	const char	*user;		/* with keys; or NULL */
	int64_t		 took_ms;	/* -1: not said */
	int64_t		 again_ms;	/* until the next try; -1: not said */
	bool		 not_again;	/* there is no other try */
};

/* What has nothing of all that. */
#define WATCHSAY_LINE(...)	((const struct watchsay_line){ .code = -1,	\
				    .keys = -1, .took_ms = -1, .again_ms = -1,	\
				    __VA_ARGS__ })

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
