#ifndef SPENT_H_
#define SPENT_H_

/*
 * spent - what a key may still sign, where a signature may have failed: one
 * that was not made may be counted all the same.
 */

#include <stdint.h>

/* What the agent has counted. */
struct spent {
	uint32_t	 left, next;
	int64_t		 oldest;
};

/* How it is before a request to sign with that key, if there is one. */
void spent_look(unsigned key, struct spent *out);

/* The model counts a signature if the agent has since then. */
void spent_follow(unsigned key, const struct spent *before);

#endif /* !SPENT_H_ */
