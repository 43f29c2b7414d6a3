#ifndef HAMMER_H_
#define HAMMER_H_

/*
 * hammer - requests that were good once, with a few bytes changed.
 *
 * The same seed gives the same requests.  Locks are made so that they cannot
 * succeed: nobody would know the passphrase afterwards.
 */

#include <stdint.h>

#include "daemon/rig.h"

struct hammer {
	uint64_t	 seed;
	size_t		 n_bases;
	struct slice	 bases[64];	/* good bodies */
	unsigned	 dropped;	/* connections that it cost */
	unsigned	 replies[256];	/* by type */
};

/* Fill the bases with requests about these keys. */
void hammer_init(struct hammer *h, uint64_t seed, struct testkey *const *keys,
    size_t n);

/* Hit the agent over one connection with n bodies, receive a reply to each;
 * the connection is made anew when a broken frame ended it. */
void hammer_hit(struct hammer *h, const struct rig *r, int *fd, unsigned n);

#endif /* !HAMMER_H_ */
