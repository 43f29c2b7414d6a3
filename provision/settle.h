#ifndef SETTLE_H_
#define SETTLE_H_

/*
 * settle - what is to become of the files of a load whose placing process was
 * lost: another one is run in the target, which puts them back or keeps them.
 *
 * Layer:   provision.
 * Source:  docs/PROTOCOL.md section 12.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "proto/placepipe.h"
#include "provision/target.h"

#define SETTLE_TEXT_MAX		1024

struct settle_how {
	const struct target	*target;
	const char		*bin;		/* as in struct session_how */
	const char		*path;
	const char		*account;	/* as in struct session_how */
	const char		*name;		/* of the load */
	const char		*home;		/* NULL: the account's */
	const char		*socket;
	int64_t			 time_ms;	/* to start, and to do it */
	bool			 revert;	/* whatever the agent has: the
						 * commit was not asked for */
};

struct settle_result {
	enum placepipe_settled	 outcome;
	char			 text[SETTLE_TEXT_MAX];	/* one line, safe to
							 * print */
};

/**
 * settle_run(how, out):
 * Do it.  ${out}->text is what was left as it is in the target, or empty.
 *
 * Errors: ST_SYSTEM  it could not be done; ${out}->text says why
 */
int settle_run(const struct settle_how *how, struct settle_result *out)
    MUST_USE;

#endif /* !SETTLE_H_ */
