#ifndef PLACECLEAN_H_
#define PLACECLEAN_H_

/*
 * placeclean - directories of loads, and what runs that were killed have left.
 *
 * Layer:   forwarder.
 *
 * Nothing is removed but what has a name of ours and belongs to us; no symlink
 * is followed, and no directory inside of one is gone into.
 */

#include <stdbool.h>

/* In the directory of a load: the names of the files there, each with LF. */
#define PLACECLEAN_NAMES	".files"

/**
 * placeclean_is_load(entry, name):
 * Whether ${entry} is ".NAME.XXXXXX" of the load ${name}, or with NULL of any.
 */
bool placeclean_is_load(const char *entry, const char *name);

/**
 * placeclean_load(dfd, entry):
 * Remove the directory of a load, and the files in it that a load has written:
 * it has a list of them, which is the first to be there and the last to go.
 * What somebody else has put there stays, and so does the directory then.
 */
void placeclean_load(int dfd, const char *entry);

/**
 * placeclean_loads(dfd):
 * Remove those in ${dfd} that no symlink there leads to.
 */
void placeclean_loads(int dfd);

/**
 * placeclean_one(dfd, name), placeclean_temporary(dfd):
 * Remove a temporary file of placeswap.h in ${dfd}, or all of them.
 */
void placeclean_one(int dfd, const char *name);
void placeclean_temporary(int dfd);

#endif /* !PLACECLEAN_H_ */
