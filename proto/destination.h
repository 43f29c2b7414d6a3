#ifndef DESTINATION_H_
#define DESTINATION_H_

/*
 * destination - the contents of restrict-destination-v00@openssh.com.
 *
 * Layer:   proto.
 * Source:  OpenSSH's PROTOCOL.agent, "restrict-destination-v00@openssh.com".
 *
 * A list of pairs: a key may be used from one host (or from here) to another
 * host, there perhaps as one user only.
 */

#include "proto/wire.h"

/* Most pairs, and the longest user, as in OpenSSH. */
#define DESTINATION_MAX		1024
#define DESTINATION_USER_MAX	256

/* One end of a pair. */
struct destination_hop {
	struct slice	 user;		/* text; a pattern, or empty: any */
	struct slice	 host;		/* text; empty: here */
	struct slice	 keys;		/* string blob, u8 is_ca; repeated */
};

struct destination {
	struct destination_hop	 from, to;
};

/**
 * destination_check(list):
 * Check all of a list.  The end a pair starts from names no user, and names
 * keys exactly when it names a host; the end it leads to names both; every key
 * is one that keyblob_decode() takes, or a certificate.
 *
 * Errors: ST_MALFORMED  that does not hold, something is cut short or left
 *                       over, or the list is empty (OpenSSH takes that for no
 *                       restriction at all)
 *         ST_TOO_LARGE  more than DESTINATION_MAX pairs, or a longer user
 */
int destination_check(struct slice list) MUST_USE;

/**
 * destination_next(r, out):
 * Take the next pair from a reader over a list that was checked.
 *
 * Errors: ST_NOT_FOUND  that was the last one
 */
int destination_next(struct wire_reader *r, struct destination *out)
    MUST_USE;

/* One key of a hop. */
struct destination_key {
	struct slice	 blob;
	bool		 is_ca;
};

/**
 * destination_next_key(r, out):
 * Take the next key from a reader over ${keys} of a hop that was checked.
 *
 * Errors: ST_NOT_FOUND  that was the last one
 */
int destination_next_key(struct wire_reader *r, struct destination_key *out)
    MUST_USE;

/**
 * destination_put(w, pair):
 * Append a pair to a list.
 */
void destination_put(struct wire_writer *w, const struct destination *pair);

/**
 * destination_put_key(w, key):
 * Append a key to the keys of a hop.
 */
void destination_put_key(struct wire_writer *w,
    const struct destination_key *key);

#endif /* !DESTINATION_H_ */
