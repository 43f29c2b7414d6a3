#ifndef PLACERECORD_H_
#define PLACERECORD_H_

/*
 * placerecord - a file beside all loads that says what they have put elsewhere,
 * so that it can be taken away again, and nothing else.
 *
 * Layer:   forwarder.
 *
 * It is swapped in with the rest of a load.  Each load that needs lines in a
 * file, or a common file, is named there, and the last one of these to go takes
 * them along: but lines that stood there before any load did stay.
 *
 * It is a file of the user's, who may write into it what he likes: it leads to
 * nothing but names in his home.  One that is broken is as good as none, and so
 * is one that does not name a load, as loads of the first version did not
 * write it: these get what they are known to have written.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "forwarder/placehome.h"

/* No load and no common file can have this name any more. */
#define PLACERECORD_NAME	"@placed"
#define PLACERECORD_MAX		(512 * 1024)
/* Most files and lines, and loads that need one. */
#define PLACERECORD_ITEMS_MAX	1024
#define PLACERECORD_LOADS_MAX	1024

struct placerecord_item {
	bool		 is_line;	/* lines in a file; else a common one */
	bool		 put;		/* a load has put them there */
	bool		 made;		/* a load has made the file */
	struct slice	 path;		/* below the home */
	struct slice	 text;		/* lines, or what is in a common one;
					 * empty: not known */
	struct slice	*load;		/* names */
	size_t		 n;
};

struct placerecord {
	bool			 made_ssh;	/* a load has made .ssh */
	struct placerecord_item	*item;
	size_t			 n;
	struct placeswap_id	 id;	/* of the file as it was read */
	char			*bytes;	/* of it, that slices borrow from */
	size_t			 len;
};

/**
 * placerecord_read(h, rec):
 * That of a home that was opened; an empty one if there is none.
 *
 * Owns:   placerecord_fini() releases ${rec}, in any case.
 * Errors: ST_UNTRUSTED  it is not a file of ours alone
 *         ST_NOMEM, ST_SYSTEM, ST_BUSY; ${h}->why says what is wrong
 */
int placerecord_read(struct placehome *h, struct placerecord *rec) MUST_USE;
void placerecord_fini(struct placerecord *rec);

/**
 * placerecord_note(rec, item, load):
 * Note that a load needs it: the same item as one that is there, by path and
 * lines, or another one.
 *
 * Owns:   ${rec} borrows the bytes of ${item} and ${load}.
 * Errors: ST_NOMEM  also above a limit
 */
int placerecord_note(struct placerecord *rec,
    const struct placerecord_item *item, struct slice load) MUST_USE;

/**
 * placerecord_made(rec, path):
 * Whether a load has made the file at ${path}.
 */
bool placerecord_made(const struct placerecord *rec, struct slice path);

/**
 * placerecord_names(rec, load):
 * Whether anything in it is for that load.
 */
bool placerecord_names(const struct placerecord *rec, struct slice load);

/**
 * placerecord_stage(h, rec, s):
 * Make ${s}, which has its place, the swap that puts ${rec} in the place of
 * what was read.
 *
 * Errors: ST_NOT_FOUND  it is the same: no swap is needed
 *         ST_TOO_LARGE, ST_NOMEM, ST_SYSTEM; ${h}->why says what is wrong
 */
int placerecord_stage(struct placehome *h, const struct placerecord *rec,
    struct placeswap *s) MUST_USE;

#endif /* !PLACERECORD_H_ */
