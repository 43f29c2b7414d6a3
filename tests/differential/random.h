#ifndef RANDOM_H_
#define RANDOM_H_

/*
 * random - numbers that follow from a seed, the same everywhere; or from the
 * bytes of an input, as long as there are any.
 *
 * Source:  splitmix64, in the public domain.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/wire.h"

struct random {
	uint64_t	 state;
	struct slice	 input;
};

static inline uint64_t
random_next(struct random *r)
{
	uint64_t z;

	if (r->input.len >= 2) {
		z = (uint64_t)r->input.p[0] << 8 | r->input.p[1];
		r->input.p += 2;
		r->input.len -= 2;
		return z;
	}
	z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* A number below n. */
static inline unsigned
random_below(struct random *r, size_t n)
{
	return (unsigned)(random_next(r) % n);
}

/* True in so many of a thousand cases. */
static inline bool
random_chance(struct random *r, unsigned per_thousand)
{
	return random_below(r, 1000) < per_thousand;
}

#endif /* !RANDOM_H_ */
