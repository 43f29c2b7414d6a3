#ifndef FUZZ_H_
#define FUZZ_H_

/*
 * fuzz - what the targets share.
 *
 * A target states its claims with assert(), which stays on in every build.
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire.h"

/* The target; called once for each input by libFuzzer or by replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A heap piece of that size exactly, so that the sanitizer sees its end. */
static inline uint8_t *
fuzz_alloc(size_t size)
{
	uint8_t *p = malloc(size > 0 ? size : 1);

	if (p == NULL)
		abort();
	return p;
}

/* Whether s is a part of whole, or empty. */
static inline bool
fuzz_within(struct slice s, struct slice whole)
{
	return s.len == 0 || (s.p >= whole.p && s.len <= whole.len &&
	    (size_t)(s.p - whole.p) <= whole.len - s.len);
}

/* Whether both are the same place, not just the same bytes. */
static inline bool
fuzz_same_place(struct slice a, struct slice b)
{
	return a.p == b.p && a.len == b.len;
}

/* What was written, where nothing can have been too long. */
static inline struct slice
fuzz_written(const struct wire_writer *w)
{
	struct slice out;
	int st = wire_done(w, &out);

	assert(st == ST_OK);
	(void)st;
	return out;
}

/* Whether a path leads nowhere but below where it begins. */
static inline bool
fuzz_stays_below(struct slice path)
{
	const uint8_t *p = path.p, *end = path.p + path.len, *slash;
	size_t n;

	if (path.len == 0 || *p == '/')
		return false;
	for (;; p = slash + 1) {
		slash = memchr(p, '/', (size_t)(end - p));
		n = (size_t)((slash != NULL ? slash : end) - p);
		if (n == 0 || (n <= 2 && memcmp(p, "..", n) == 0) ||
		    memchr(p, '\0', n) != NULL)
			return false;
		if (slash == NULL)
			return true;
	}
}

#endif /* !FUZZ_H_ */
