#ifndef PLACESETTLE_H_
#define PLACESETTLE_H_

/*
 * placesettle - loads whose placing process was killed: put back, or made
 * final.
 *
 * Layer:   forwarder.
 * Source:  docs/PROTOCOL.md section 12.
 *
 * A load that was switched stays if the agent has its keys; one that was not,
 * wholly, is put back.  Who has the lock of a home does this before anything
 * else: the makers of all marks that lie there are gone then.
 */

#include "base/status.h"
#include "forwarder/placehome.h"

struct placesettle {
	bool			 revert;	/* of the caller: put the load
						 * ${h}->name, or all if that is
						 * empty, back whatever the agent
						 * has */
	bool			 look;		/* likewise: if there is nothing
						 * to settle, look whether its
						 * files are in force */
	enum placepipe_settled	 outcome;	/* of that load */
	char			 left[PLACEHOME_WHY_MAX];	/* what was left
							 * as it is, and why;
							 * or empty */
};

/**
 * placesettle_all(h, s):
 * Settle all that is in a home that was opened.  Without a lock nothing is
 * done, which is said in left.
 *
 * Errors: ST_UNTRUSTED, ST_NOMEM, ST_SYSTEM
 *         ${h}->why is one line that says what is wrong, where, and what to do
 */
int placesettle_all(struct placehome *h, struct placesettle *s) MUST_USE;

#endif /* !PLACESETTLE_H_ */
