#ifndef WATCHRULES_H_
#define WATCHRULES_H_

/*
 * watchrules - whom "bottle-provision watch" follows: what the words of its
 * command line mean, as rules of watchplan.h, and as questions of look.h.
 *
 * Layer:   provision.
 */

#include <stddef.h>

#include "base/status.h"
#include "provision/look.h"
#include "provision/options.h"
#include "provision/watchplan.h"

/* Most rules; room for what is wrong. */
#define WATCHRULES_MAX		1024
#define WATCHRULES_WHY_MAX	1024

struct watchrules {
	struct watchplan_rule	*rules;
	struct target		*targets;	/* of each rule of one name */
	size_t			 n;
	char			**service;	/* labels that were made here */
	const char		**labels;	/* the same */
	/* Questions for each engine. */
	struct look_list	*lists[EVENTS_ENGINES];
	size_t			 n_lists[EVENTS_ENGINES];
	const char		**names[EVENTS_ENGINES];
};

/**
 * watchrules_make(opts, out, why):
 * Of ${opts} the targets, --all, --label and --engine count.
 *
 * Owns:   watchrules_fini() releases ${out}, in any case; it borrows from
 *         ${opts}.
 * Errors: ST_MALFORMED    a word is no target, or --all has no label
 *         ST_UNSUPPORTED  a target that tells of no events
 *         ST_TOO_LARGE    too many
 *         ST_NOMEM
 *         ${why} says what is wrong and what to do.
 */
int watchrules_make(const struct provision_options *opts,
    struct watchrules *out, char why[static WATCHRULES_WHY_MAX]) MUST_USE;

/**
 * watchrules_fini(r):
 * May be called twice.
 */
void watchrules_fini(struct watchrules *r);

#endif /* !WATCHRULES_H_ */
