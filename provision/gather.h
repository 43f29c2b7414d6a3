#ifndef GATHER_H_
#define GATHER_H_

/*
 * gather - everything that a load needs from this machine: the plan, and the
 * keys in locked memory.
 *
 * Layer:   provision.
 */

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "base/status.h"
#include "provision/hostconf.h"
#include "provision/keyfile.h"
#include "provision/options.h"
#include "provision/plan.h"

#define GATHER_WHY_MAX	(PLAN_WHY_MAX + PATH_MAX)

/* Who we work for; see gather_operator(). */
struct gather_operator {
	char		 home[PATH_MAX];	/* empty: not known */
	char		 name[LOGIN_NAME_MAX + 1];
	char		 folder[PATH_MAX];	/* where we stand */
	const char	*path;			/* PATH; or NULL */
};

struct gather {
	const struct provision_options	*opts;
	struct gather_operator	 operator;
	struct secret		*region;
	struct plan		 plan;
	struct keyfile		*files;		/* one for each key */
	size_t			 n_files;
	char			**warnings;	/* lines, safe to print */
	size_t			 n_warnings;
	const volatile sig_atomic_t *stop;	/* see addpoint.h */
};

/**
 * gather_begin(g, opts, stop, why, whylen):
 * Find out who the operator is, and open the locked region.
 *
 * Errors: ST_FULL  no locked memory; ${why} says which limit to raise
 *         ST_SYSTEM, ST_NOMEM
 */
int gather_begin(struct gather *g, const struct provision_options *opts,
    const volatile sig_atomic_t *stop, char *why, size_t whylen) MUST_USE;

/**
 * gather_plan(g, why, whylen):
 * Read the manifest, or ask ssh about the hosts.  No host in it means that
 * there is nothing to do.
 *
 * Errors: those of manifest_parse(), plan_add_manifest(), plan_add_host()
 *         ST_NOT_FOUND, ST_UNTRUSTED, ST_SYSTEM  the manifest cannot be read
 *         ${why} is one line.
 */
int gather_plan(struct gather *g, char *why, size_t whylen) MUST_USE;

/**
 * gather_keys(g, why, whylen):
 * Read every key of the plan.  Defaults of ssh's that are not there are taken
 * out of it; a host without any key is an error.
 *
 * Errors: those of keyfile_read(); ${why} is one line
 */
int gather_keys(struct gather *g, char *why, size_t whylen) MUST_USE;

/**
 * gather_warn(g, fmt, ...):
 * Keep a warning, and say it.
 */
void gather_warn(struct gather *g, const char *fmt, ...) PRINTF_LIKE(2, 3);

/**
 * gather_end(g):
 * Wipe and release.  May be called twice, and for one that was zeroed.
 */
void gather_end(struct gather *g);

#endif /* !GATHER_H_ */
