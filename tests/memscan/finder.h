#ifndef FINDER_H_
#define FINDER_H_

/*
 * finder - all needles at once in one walk over some bytes.
 *
 * Layer:   tests.
 *
 * A run of ${window} bytes of a needle, from anywhere in it and at any
 * address, is a hit: that is how a copy that was half overwritten looks.  Runs
 * with hardly any different bytes in them (leading zeros) are not looked for,
 * nor are runs of a secret number that are part of a public one.
 */

#include <stddef.h>
#include <stdint.h>

#include "memscan/needle.h"

/* The shortest window that the index can be made for. */
#define FINDER_WINDOW_MIN	8

struct finder;

/* One place: the longest needle that begins there, and how much of it. */
struct hit {
	const struct needle	*needle;
	size_t			 off;	/* in the needle */
	size_t			 len;
	uint64_t		 addr;
};

typedef void finder_fn(void *cookie, const struct hit *hit);

/**
 * finder_new(all, window):
 *
 * Owns:   ${all} must outlive it; finder_free().
 */
struct finder *finder_new(const struct needles *all, size_t window);
void finder_free(struct finder *f);

/**
 * finder_scan(f, p, len, addr, fn, cookie):
 * Call ${fn} for every place in ${p}, whose first byte is at ${addr}.
 * Overlapping windows of one needle are one place.
 */
void finder_scan(const struct finder *f, const uint8_t *p, size_t len,
    uint64_t addr, finder_fn *fn, void *cookie);

#endif /* !FINDER_H_ */
