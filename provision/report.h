#ifndef REPORT_H_
#define REPORT_H_

/*
 * report - what a load has to say on stdout.
 *
 * Layer:   provision.
 * Source:  provision/bottle-provision.1, "OUTPUT".
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "provision/clientconf.h"
#include "provision/gather.h"
#include "provision/launch.h"
#include "provision/session.h"

#define REPORT_VERSION	1

/* One target, and what became of it. */
struct report_target {
	const char		*target;	/* as it was named */
	const char		*account;
	bool			 installed;	/* programs were put there, */
	char			 bin[LAUNCH_BIN_MAX + 1];	/* into this */
	struct session_result	 result;
};

struct report {
	const struct gather		*g;
	const struct report_target	*targets;
	size_t				 n;
	int				 code;		/* of all of it */
	const char			*why;		/* before any target; or
							 * NULL */
};

/**
 * report_text(r), report_json(r):
 * The keys that are in force, a line for each; or all of it as an object.
 *
 * Errors: ST_NOMEM, ST_SYSTEM  cannot print
 */
int report_text(const struct report *r) MUST_USE;
int report_json(const struct report *r) MUST_USE;

/* What would be done. */
struct report_dry {
	const struct gather	*g;
	const struct clientconf	*files;
	char			**targets;
	size_t			 n;
	const char		*account;
};

/**
 * report_dry_text(d), report_dry_json(d):
 *
 * Errors: as above
 */
int report_dry_text(const struct report_dry *d) MUST_USE;
int report_dry_json(const struct report_dry *d) MUST_USE;

#endif /* !REPORT_H_ */
