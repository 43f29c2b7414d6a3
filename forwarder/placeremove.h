#ifndef PLACEREMOVE_H_
#define PLACEREMOVE_H_

/*
 * placeremove - what loads have put into the home of a user is taken away
 * again, and nothing else.
 *
 * Layer:   forwarder.
 *
 * As placehome: relative to open directories, with no symlink followed, and
 * under its lock.  All that is new is staged before anything is switched, and
 * what fails is undone.  Whoever is killed has left a home with the load, whole,
 * or without it, and then the rest goes with the next one that removes
 * anything there.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "forwarder/placehome.h"

/* Most notes; what is more is counted. */
#define PLACEREMOVE_NOTES_MAX	32

struct placeremove {
	bool	 every;		/* of the caller: all loads, else that of
				 * ${h}->name */
	char	**name;		/* loads of which something was there */
	size_t	 n;
	size_t	 left;		/* loads that stay */
	char	*note[PLACEREMOVE_NOTES_MAX];	/* what stays, and why */
	size_t	 n_notes, more;
};

/**
 * placeremove_run(h, r):
 * Remove, in a home that was not opened yet.  ${h}->name is empty for all.
 * That there is nothing is no error.
 *
 * Owns:   placeremove_fini() releases ${r}; may be called twice.
 * Errors: as placehome_stage(); ${h}->why says what is wrong, and nothing of it
 *         has changed
 */
int placeremove_run(struct placehome *h, struct placeremove *r) MUST_USE;
void placeremove_fini(struct placeremove *r);

#endif /* !PLACEREMOVE_H_ */
