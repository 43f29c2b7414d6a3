/*
 * Reaches: constraint_parse, constraint_put.
 * Claims:  no status is negative; good constraints are written in as many
 *          bytes as they came in (not one was ignored) and read the same
 *          again; the beginning of good constraints is good or cut short, but
 *          never of an unknown kind; what is good twice over is malformed.
 * Input:   what follows the comment of an add.
 */

#include <string.h>

#include "fuzz/fuzz.h"
#include "proto/constraint.h"

/* Every beginning of what is good. */
static void
check_beginnings(struct slice in)
{
	struct constraints c;
	int st;

	for (; in.len > 0; in.len--) {
		st = constraint_parse((struct slice){ in.p, in.len - 1 }, &c);
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = { data, size };
	struct constraints c, again;
	struct wire_writer w;
	int st = constraint_parse(in, &c);

	assert(st == ST_OK || st == ST_MALFORMED || st == ST_UNSUPPORTED);
	if (st != ST_OK)
		return 0;
	w = wire_writer(fuzz_alloc(size), size);
	constraint_put(&w, &c);
	assert(fuzz_written(&w).len == size);
	st = constraint_parse(fuzz_written(&w), &again);
	assert(st == ST_OK);
	assert(c.has_lifetime == again.has_lifetime);
	assert(c.lifetime_s == again.lifetime_s);
	assert(c.confirm == again.confirm);
	free(w.p);
	check_beginnings(in);
	if (size > 0)
		check_twice(in);
	return 0;
}
