#ifndef LOADONE_H_
#define LOADONE_H_

/*
 * loadone - one target is loaded, with everything that it takes: another try
 * without a user, and our programs put there where they are missing.
 *
 * Layer:   provision.
 * Threads: loadone_run() may be called in several at once, for one gather:
 *          nothing of what is shared is written to.
 */

#include <stddef.h>

#include "base/status.h"
#include "base/text.h"
#include "provision/clientconf.h"
#include "provision/fleet.h"
#include "provision/gather.h"
#include "provision/report.h"
#include "provision/session.h"
#include "provision/target.h"

struct loadone {
	const struct gather	*g;
	const struct target	*target;
	struct fleet_line	*line;		/* is told; or NULL */
};

/**
 * loadone_code(st):
 * The exit code of what went wrong on this machine.
 */
enum session_code loadone_code(int st);

/**
 * loadone_account(g, t):
 * Who uses the keys there, as far as that is known before a load.
 */
const char *loadone_account(const struct gather *g, const struct target *t);

/**
 * loadone_warn_unknown(g):
 * Say which keys could be used for more than their hosts.
 */
void loadone_warn_unknown(struct gather *g);

/**
 * loadone_check(g, files, why, whylen):
 * Whether the files and records that a load is made of can be made at all;
 * ${files} are what they would be.
 *
 * Owns:   the caller calls clientconf_fini(), in any case.
 * Errors: those of clientconf_make() and payload_check()
 */
int loadone_check(const struct gather *g, struct clientconf *files, char *why,
    size_t whylen) MUST_USE;

/**
 * loadone_run(l, r):
 * Do it.  Of ${r} only the name is set; the caller has session_result_fini()
 * for its result.
 */
void loadone_run(const struct loadone *l, struct report_target *r);

/**
 * loadone_why(g, r, t):
 * Append what went wrong, with the key that it is about.
 */
void loadone_why(const struct gather *g, const struct report_target *r,
    struct text *t);

#endif /* !LOADONE_H_ */
