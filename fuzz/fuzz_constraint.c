/*
 * Reaches: constraint_parse, constraint_put, constraint_next_text; through
 *          them destination_check.
 * Claims:  no status is negative; good constraints lie in what came in, are
 *          within their limits, and are written in no more bytes than they
 *          came in, and in as many unless a text ended in a NUL (not one was
 *          ignored); they read the same again; the beginning of good
 *          constraints is good or cut short, but never of an unknown kind; what
 *          is good twice over is malformed.
 * Input:   what follows the comment of an add.
 */

#include <string.h>

#include "fuzz/fuzz.h"
#include "proto/constraint.h"
#include "proto/destination.h"

/* Most texts in one add that may end in a NUL: six names and a path. */
#define TEXTS	7

/* Beginnings of what is good. */
static void
check_beginnings(struct slice in)
{
	struct constraints c;
	size_t len;
	int st;

	for (len = 0; len < in.len; len += 1 + len / 64) {
		st = constraint_parse((struct slice){ in.p, len }, &c);
		assert(st == ST_OK || st == ST_MALFORMED);
	}
}

/* The same constraints once more, after themselves. */
static void
check_twice(struct slice in)
{
	uint8_t *p = fuzz_alloc(2 * in.len);
	struct constraints c;
	int st;

	memcpy(p, in.p, in.len);
	memcpy(p + in.len, in.p, in.len);
	st = constraint_parse((struct slice){ p, 2 * in.len }, &c);
	assert(st == ST_MALFORMED);
	free(p);
}

/* Each purpose is some text. */
static void
check_purposes(struct slice purposes)
{
	struct wire_reader r = wire_reader(purposes);
	struct slice purpose;
	size_t n = 0;
	int st;

	while ((st = constraint_next_text(&r, &purpose)) == ST_OK) {
		assert(fuzz_within(purpose, purposes));
		assert(purpose.len > 0);
		assert(purpose.len <= CONSTRAINT_PURPOSE_MAX);
		assert(memchr(purpose.p, '\0', purpose.len) == NULL);
		n++;
	}
	assert(st == ST_NOT_FOUND);
	assert(n <= CONSTRAINT_PURPOSES_MAX);
	assert((n > 0) == (purposes.len > 0));
}

/* What was parsed is what the header promises. */
static void
check_fields(struct slice in, const struct constraints *c)
{
	assert(fuzz_within(c->sk_provider, in));
	assert(fuzz_within(c->destinations, in));
	assert(fuzz_within(c->purposes, in));
	assert(c->has_lifetime || c->lifetime_s == 0);
	assert(c->has_sk_provider || c->sk_provider.len == 0);
	assert(c->destinations.len == 0 ||
	    destination_check(c->destinations) == ST_OK);
	check_purposes(c->purposes);
	assert(c->has_signatures == (c->signatures > 0));
	assert((c->rate_n > 0) == (c->rate_s > 0));
	assert(c->rate_s <= CONSTRAINT_RATE_MAX);
	assert(c->rate_n <= CONSTRAINT_RATE_N_MAX);
	assert(c->has_unbound || !c->unbound);
}

/* Whether both are the same. */
static bool
same(const struct constraints *a, const struct constraints *b)
{
	return a->has_lifetime == b->has_lifetime &&
	    a->lifetime_s == b->lifetime_s && a->confirm == b->confirm &&
	    a->has_sk_provider == b->has_sk_provider &&
	    slice_eq(a->sk_provider, b->sk_provider) &&
	    slice_eq(a->destinations, b->destinations) &&
	    slice_eq(a->purposes, b->purposes) &&
	    a->has_signatures == b->has_signatures &&
	    a->signatures == b->signatures && a->rate_n == b->rate_n &&
	    a->rate_s == b->rate_s && a->has_unbound == b->has_unbound &&
	    a->unbound == b->unbound;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = { data, size };
	struct constraints c, again;
	struct wire_writer w;
	int st = constraint_parse(in, &c);

	assert(st == ST_OK || st == ST_MALFORMED || st == ST_TOO_LARGE ||
	    st == ST_UNSUPPORTED);
	if (st != ST_OK)
		return 0;
	check_fields(in, &c);
	w = wire_writer(fuzz_alloc(size), size);
	constraint_put(&w, &c);
	assert(fuzz_written(&w).len + TEXTS >= size);
	st = constraint_parse(fuzz_written(&w), &again);
	assert(st == ST_OK && same(&c, &again));
	free(w.p);
	check_beginnings(in);
	if (size > 0)
		check_twice(in);
	return 0;
}
