#ifndef LOOK_H_
#define LOOK_H_

/*
 * look - which containers of an engine run now, of those that somebody wants to
 * know about.
 *
 * Layer:   provision.
 *
 * Two commands of the engine's: a list, and what it knows of each one in it.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "provision/events.h"

/* Most containers that are asked about, and room for any message. */
#define LOOK_MAX	2048
#define LOOK_WHY_MAX	1024
/* Most labels of a list. */
#define LOOK_LABELS_MAX	32
#define LOOK_LABEL_MAX	1024
/* What tasks of a service of swarm's have. */
#define LOOK_SERVICE	"com.docker.swarm.service.name="

/* What is listed: these, or all with these labels. */
struct look_list {
	const char *const	*names;		/* or of IDs 12 digits; NULL */
	size_t			 n_names;
	const char *const	*labels;	/* without names: all hold */
	size_t			 n_labels;
};

struct look_how {
	enum events_engine	 engine;
	const char		*path;		/* PATH, for its program */
	int64_t			 time_ms;	/* for each command */
	const struct look_list	*lists;
	size_t			 n_lists;
};

struct look {
	struct events_event	*runs;		/* each once */
	size_t			 n;
};

/**
 * look_is_named(e, name):
 * Whether an engine takes ${name} for that container: its name, or the first
 * digits of its ID, 12 at least.
 */
bool look_is_named(const struct events_event *e, const char *name);

/**
 * look_run(how, out, why, whylen):
 *
 * Owns:   look_fini() releases ${out}.
 * Errors: ST_CLOSED     the engine does not answer, or says no
 *         ST_MORE       containers went away meanwhile: look again
 *         ST_NOT_FOUND  it has no program here
 *         ST_TOO_LARGE  more than LOOK_MAX of them
 *         ST_MALFORMED  it says what cannot be understood
 *         ST_BUSY       it took too long
 *         ST_NOMEM, ST_SYSTEM
 *         ${why} is one line that is safe to print; ${out} is empty.
 */
int look_run(const struct look_how *how, struct look *out, char *why,
    size_t whylen) MUST_USE;
void look_fini(struct look *l);

#endif /* !LOOK_H_ */
