#ifndef PLACESWAP_H_
#define PLACESWAP_H_

/*
 * placeswap - one name in a directory that gets something else, and can get
 * back what it had.
 *
 * Layer:   forwarder.
 * Source:  rename(2).
 *
 * What is new is made beside it under a name of ours, so that the swap is one
 * rename.  The kernel swaps both where it can: the old file is then kept as
 * it is, by the name that the new one had.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "base/status.h"
#include "proto/placepipe.h"
#include "proto/wire.h"

/* What the names of ours begin with, and then letters and digits. */
#define PLACESWAP_PREFIX	".bottle-place."
#define PLACESWAP_RANDOM	6
/* Longest path below the home, NUL included. */
#define PLACESWAP_PATH_MAX	(PLACEPIPE_PATH_MAX + 32)

/* What is there: enough to see that somebody has changed it. */
struct placeswap_id {
	bool		 there;
	dev_t		 dev;
	ino_t		 ino;
	off_t		 size;
	struct timespec	 changed;
};

struct placeswap {
	int			 dfd;	/* the directory */
	bool			 owns;	/* close it at the end */
	char			 path[PLACESWAP_PATH_MAX];	/* below the
							 * home, for messages */
	const char		*name;	/* the last part of it */
	char			 tmp[sizeof(PLACESWAP_PREFIX) +
				    PLACESWAP_RANDOM];	/* "": nothing */
	char			 spare[sizeof(PLACESWAP_PREFIX) +
				    PLACESWAP_RANDOM];	/* what is there gets
				 * this name where names cannot be exchanged */
	struct placeswap_id	 before, after;
	bool			 done;
};

/**
 * placeswap_id(dfd, name, out, sb):
 * What is at a name; symlinks are not followed.  ${sb} may be NULL.
 *
 * Errors: ST_SYSTEM  not that there is nothing
 */
int placeswap_id(int dfd, const char *name, struct placeswap_id *out,
    struct stat *sb) MUST_USE;

/**
 * placeswap_is_same(a, b):
 * Whether it is still the same thing.
 */
bool placeswap_is_same(const struct placeswap_id *a,
    const struct placeswap_id *b);

/**
 * placeswap_random(p, n):
 * Put ${n} letters and digits there.
 */
void placeswap_random(char *p, size_t n);

/**
 * placeswap_is_random(p, n):
 * Whether they could be of placeswap_random().
 */
bool placeswap_is_random(const char *p, size_t n);

/**
 * placeswap_is_tmp(name):
 * Whether a name is one of ours, for tmp or spare.
 */
bool placeswap_is_tmp(const char *name);

/**
 * placeswap_fill(fd, parts, n, mode):
 * Write all of a new file, set its mode and close it.
 *
 * Errors: ST_SYSTEM  the descriptor is closed in any case
 */
int placeswap_fill(int fd, const struct slice *parts, size_t n, mode_t mode)
    MUST_USE;

/**
 * placeswap_file(s, parts, n, mode), placeswap_link(s, target):
 * Make what is to be swapped in: a file of these parts, or a symlink.  dfd,
 * path, name and before are set.  From then on tmp and spare are all names of
 * ours that a swap can leave, and after is what it is.
 *
 * Errors: ST_SYSTEM  nothing is left behind
 */
int placeswap_file(struct placeswap *s, const struct slice *parts, size_t n,
    mode_t mode) MUST_USE;
int placeswap_link(struct placeswap *s, const char *target) MUST_USE;

/**
 * placeswap_away(s):
 * The same with nothing to be swapped in: the name is to go.
 *
 * Errors: ST_SYSTEM
 */
int placeswap_away(struct placeswap *s) MUST_USE;

/**
 * placeswap_do(s):
 * Swap, if what is there is still what was there before.
 *
 * Errors: ST_BUSY    it is not
 *         ST_SYSTEM
 *         Nothing has changed then.
 */
int placeswap_do(struct placeswap *s) MUST_USE;

/**
 * placeswap_undo(s):
 * Put back what was there, unless what was swapped in has been changed since;
 * and remove what was made.  May be called in any state, and again.
 *
 * Errors: ST_SYSTEM  what was there could not be put back: it is at tmp
 */
int placeswap_undo(struct placeswap *s) MUST_USE;

/**
 * placeswap_keep(s):
 * Remove what was there before.
 */
void placeswap_keep(struct placeswap *s);

#endif /* !PLACESWAP_H_ */
