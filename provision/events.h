#ifndef EVENTS_H_
#define EVENTS_H_

/*
 * events - what a container engine tells of its containers: that they start,
 * stop and are renamed, as it happens, and which of them run now.
 *
 * Layer:   provision.
 * Source:  docker-events(1), podman-events(1), and "nerdctl events", each with
 *          its own JSON; docker-inspect(1), which all of them have.
 * Memory:  an event owns the JSON that it was made of.
 *
 * All of it is a stranger's text: a line has a longest length, and what is in
 * it is looked at before it is used.  IDs and names are made of letters, digits
 * and "_.-", or they are not there.
 */

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/status.h"
#include "provision/child.h"
#include "provision/target.h"

/* Longest line that is looked at, and how much of a longer one is passed over
 * before it is taken for one without an end. */
#define EVENTS_LINE_MAX		(64 * 1024)
#define EVENTS_SKIP_MAX		(16 * 1024 * 1024)
/* Shortest and longest ID, and longest text that tells one start of a container
 * from another one. */
#define EVENTS_ID_MIN		12
#define EVENTS_ID_MAX		64
#define EVENTS_START_MAX	96
/* Room for any message. */
#define EVENTS_WHY_MAX		1024

enum events_engine {
	EVENTS_DOCKER,
	EVENTS_PODMAN,
	EVENTS_NERDCTL,
	EVENTS_ENGINES
};

enum events_kind {
	EVENTS_STARTED,
	EVENTS_STOPPED,
	EVENTS_RENAMED,
	EVENTS_RUNS,		/* not an event: it runs now */
};

/* Whether a container has a label. */
enum events_has {
	EVENTS_HAS_NOT,
	EVENTS_HAS,
	EVENTS_UNKNOWN,		/* the engine does not say */
};

struct events_event {
	enum events_engine engine;
	enum events_kind kind;
	char		 id[EVENTS_ID_MAX + 1];
	char		 name[TARGET_NAME_MAX + 1];	/* empty: not said */
	/* EVENTS_RUNS: another one for each start of the container. */
	char		 start[EVENTS_START_MAX + 1];
	json_t		*labels;	/* NULL: not said; borrows from root */
	json_t		*root;
};

/**
 * events_engine_name(engine):
 * "docker", "podman" or "nerdctl".
 */
const char *events_engine_name(enum events_engine engine);

/**
 * events_parse(engine, line, len, out):
 * A line of what the engine prints of an event.
 *
 * Owns:   events_fini() releases ${out}.
 * Errors: ST_NOT_FOUND  it is well formed and about something else
 *         ST_MALFORMED  it is not what that engine prints
 *         ${out} is empty then.
 */
int events_parse(enum events_engine engine, const char *line, size_t len,
    struct events_event *out) MUST_USE;

/**
 * events_parse_runs(engine, line, len, out):
 * The same of a line about a container as look.c asks for it.
 *
 * Errors: ST_NOT_FOUND  it does not run
 *         ST_MALFORMED
 */
int events_parse_runs(enum events_engine engine, const char *line, size_t len,
    struct events_event *out) MUST_USE;

/**
 * events_has_label(e, label):
 * ${label} is "KEY" or "KEY=VALUE".
 */
enum events_has events_has_label(const struct events_event *e,
    const char *label);

/**
 * events_fini(e):
 * May be called twice.
 */
void events_fini(struct events_event *e);

/* --- lines ---------------------------------------------------------------- */

/* What is done with a line, which has no end of its own. */
typedef void (*events_line)(const char *line, size_t len, void *arg);

/* Bytes that are being cut into lines. */
struct events_lines {
	char	 line[EVENTS_LINE_MAX];
	size_t	 len;
	size_t	 skipped;	/* of a line that is too long; 0: it is not */
	size_t	 lost;		/* lines that were too long, in all */
};

/**
 * events_lines_put(l, p, n, each, arg):
 * Call ${each} for every line that is whole now and not empty.
 *
 * Errors: ST_TOO_LARGE  a line has no end
 */
int events_lines_put(struct events_lines *l, const char *p, size_t n,
    events_line each, void *arg) MUST_USE;

/* --- a child that is followed --------------------------------------------- */

struct events_follow {
	enum events_engine	 engine;
	struct child		 child;
	struct events_lines	 lines;
	bool			 runs;
};

/**
 * events_follow(f, engine, path, why, whylen):
 * Start the engine's program, out of ${path}, that prints events from now on.
 * It is driven as a child is: child_fds(), and POLLIN for its stdout, which
 * events_follow_fds() does, then events_follow_turn().
 *
 * Errors: those of child_find() and child_start(); ${why} says what to do
 */
int events_follow(struct events_follow *f, enum events_engine engine,
    const char *path, char *why, size_t whylen) MUST_USE;
void events_follow_fds(const struct events_follow *f,
    struct pollfd fds[static CHILD_FDS]);

/**
 * events_follow_turn(f, fds, each, arg, why, whylen):
 * Take what there is; ${fds} is as poll(2) left it.
 *
 * Errors: ST_MORE       it goes on
 *         ST_CLOSED     it has ended; ${why} is what it said, one line that is
 *                       safe to print
 *         ST_TOO_LARGE  it prints a line without an end, and was ended
 *         ST_SYSTEM, ST_NOMEM
 */
int events_follow_turn(struct events_follow *f, const struct pollfd *fds,
    events_line each, void *arg, char *why, size_t whylen) MUST_USE;

/**
 * events_follow_end(f):
 * End it.  May be called twice.
 */
void events_follow_end(struct events_follow *f);

#endif /* !EVENTS_H_ */
