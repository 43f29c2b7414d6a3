#ifndef EXPAND_H_
#define EXPAND_H_

/*
 * expand - which targets the words of a command line stand for: most for
 * themselves, swarm:SERVICE for every task of a service on this node, and --all
 * for every container of an engine that runs.
 *
 * Layer:   provision.
 *
 * What an engine prints is a stranger's: only what can be the name of a
 * container is taken for one.
 */

#include <stddef.h>

#include "base/status.h"
#include "provision/options.h"
#include "provision/session.h"
#include "provision/target.h"

/* Most targets of one command; longest name of a service; room for what is
 * wrong. */
#define EXPAND_MAX		1024
#define EXPAND_SERVICE_MAX	63
#define EXPAND_WHY_MAX		1024

/* One place in both arrays for each; everything is owned. */
struct expand {
	struct target	*targets;
	char		**names;	/* what it is called in messages; typed
					 * as a word it is that target */
	size_t		 n;
};

/**
 * expand(opts, path, out, why):
 * Find them: what ${opts} says of targets, --all, --label, --engine and
 * --timeout counts.  ${path} is the operator's PATH, in which engines are
 * looked for.  A task of a service that is named as well is there once.  That
 * tasks are on other nodes is warned of where that is known.
 *
 * Owns:   expand_fini() releases ${out}, in any case.
 * Errors: SESSION_USAGE        a word is no target, or the same as one before
 *                              it; or there are too many
 *         SESSION_UNREACHABLE  the engine does not answer; or there is no such
 *                              service, none of its tasks is here, or nothing
 *                              runs that is asked for
 *         SESSION_FAILED       out of memory
 *         ${why} says what is wrong and what to do.
 */
enum session_code expand(const struct provision_options *opts,
    const char *path, struct expand *out, char why[static EXPAND_WHY_MAX])
    MUST_USE;

/**
 * expand_fini(e):
 * May be called twice.
 */
void expand_fini(struct expand *e);

#endif /* !EXPAND_H_ */
