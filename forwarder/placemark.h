#ifndef PLACEMARK_H_
#define PLACEMARK_H_

/*
 * placemark - a file in the directory of a load that says how to undo it, for
 * when whoever placed it is killed.
 *
 * Layer:   forwarder.
 *
 * It is complete before anything is switched.  When the load is to stay, it
 * gets another name first and goes last: with that name the rest of what was
 * earlier goes, too, and without it all of it is still there.
 *
 * It is a file of the user's, who may write into it what he likes: it leads to
 * nothing but names in his home, and those of ours to remove.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "forwarder/placehome.h"

/* No file of a load begins with a dot. */
#define PLACEMARK_UNDO		".earlier"
#define PLACEMARK_KEEP		".kept"
/* Longest one: PLACEPIPE_FILES_MAX swaps of the longest names fit, and those of
 * the link and the record. */
#define PLACEMARK_MAX		(512 * 1024)

struct placemark {
	bool			 made_ssh, made_dir;
	char			 socket[PLACEPIPE_SOCKET_MAX + 1];
	char			 earlier[PLACEHOME_LOAD_MAX];	/* or empty */
	struct placeswap	*swap;	/* the link is the first; before, after
					 * and names are set, but no dev */
	size_t			 n;
};

/**
 * placemark_write(h):
 * Write that of what is staged.
 *
 * Errors: ST_NOMEM, ST_SYSTEM; ${h}->why says what is wrong
 */
int placemark_write(struct placehome *h) MUST_USE;

/**
 * placemark_decide(fd), placemark_drop(fd):
 * In the directory of a load: from now on it is to stay; and nothing is left
 * to be removed.
 */
void placemark_decide(int fd);
void placemark_drop(int fd);

/**
 * placemark_read(h, fd, entry, file, out):
 * Read the one of the load in ${entry}, which is open as ${fd}; ${file} is one
 * of the two names.
 *
 * Owns:   placemark_fini() releases ${out}.
 * Errors: ST_NOT_FOUND  there is none
 *         ST_UNTRUSTED  it is broken, or not a file of ours alone
 *         ST_NOMEM, ST_SYSTEM; ${h}->why says what is wrong
 */
int placemark_read(struct placehome *h, int fd, const char *entry,
    const char *file, struct placemark *out) MUST_USE;
void placemark_fini(struct placemark *m);

#endif /* !PLACEMARK_H_ */
