#ifndef RANDOM_H_
#define RANDOM_H_

/*
 * random - numbers that follow from a seed, the same everywhere.
 *
 * Source:  splitmix64, in the public domain.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t	 state;
};

static inline uint64_t
random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

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
