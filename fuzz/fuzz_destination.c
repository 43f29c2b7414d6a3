/*
 * Reaches: destination_check, destination_next, destination_next_key; through
 *          them keyblob_decode and certificate_decode.
 * Claims:  no status is negative; a walk ends, moves on with every step, and
 *          stays where it was on error, also over a list that is not good; in
 *          a good list each pair is one that the rules allow, every slice lies
 *          in the list, and the walk ends with its last byte; a beginning of it
 *          is good only if it is some of its pairs; written anew it is good
 *          and as long, but for NULs at the ends of texts.
 * Input:   the list.
 */

#include "fuzz/fuzz.h"
#include "proto/certificate.h"
#include "proto/destination.h"

/* Walk the keys of a hop; how many there are. */
static size_t
walk_keys(struct slice keys, bool good)
{
	struct wire_reader r = wire_reader(keys);
	struct destination_key key;
	struct public_fields plain;
	struct certificate cert;
	size_t n = 0;
	int st;

	for (;;) {
		struct slice before = r.rest;

		st = destination_next_key(&r, &key);
		if (st != ST_OK) {
			assert(fuzz_same_place(r.rest, before));
			break;
		}
		assert(r.rest.len < before.len);
		assert(fuzz_within(key.blob, keys));
		if (good)
			assert(keyblob_decode(key.blob, &plain) == ST_OK ||
			    certificate_decode(key.blob, &cert) == ST_OK);
		n++;
	}
	assert(st == ST_NOT_FOUND || (st == ST_MALFORMED && !good));
	return n;
}

/* A pair of a good list. */
static void
check_pair(struct slice list, const struct destination *d)
{
	size_t from = walk_keys(d->from.keys, true);
	size_t to = walk_keys(d->to.keys, true);

	assert(fuzz_within(d->from.host, list));
	assert(fuzz_within(d->to.host, list));
	assert(fuzz_within(d->to.user, list));
	assert(d->from.user.len == 0);
	assert((d->from.host.len == 0) == (from == 0));
	assert(d->to.host.len > 0 && to > 0);
	assert(d->to.user.len <= DESTINATION_USER_MAX);
}

/* Write one end anew. */
static void
put_hop(struct wire_writer *w, const struct destination_hop *hop)
{
	size_t mark = wire_open_string(w);

	wire_put_string(w, hop->user);
	wire_put_string(w, hop->host);
	wire_put_str(w, "");
	wire_put_bytes(w, hop->keys);
	wire_close_string(w, mark);
}

/* Write a pair anew. */
static void
put_pair(struct wire_writer *w, const struct destination *d)
{
	size_t mark = wire_open_string(w);

	put_hop(w, &d->from);
	put_hop(w, &d->to);
	wire_put_str(w, "");
	wire_close_string(w, mark);
}

/* Walk a list of which st is said; what is good is written to w.  Up to a
 * place where a pair ends the list is one of its own. */
static size_t
walk(struct slice list, int said, struct wire_writer *w)
{
	struct wire_reader r = wire_reader(list);
	struct destination d;
	size_t n = 0;
	int st;

	for (;;) {
		struct slice before = r.rest;

		st = destination_next(&r, &d);
		if (st != ST_OK) {
			assert(fuzz_same_place(r.rest, before));
			break;
		}
		assert(r.rest.len < before.len);
		n++;
		if (said != ST_OK) {
			(void)walk_keys(d.from.keys, false);
			(void)walk_keys(d.to.keys, false);
			continue;
		}
		check_pair(list, &d);
		put_pair(w, &d);
		st = destination_check((struct slice){ list.p,
		    list.len - r.rest.len });
		assert(st == ST_OK);
		st = destination_check((struct slice){ list.p,
		    list.len - r.rest.len - 1 });
		assert(st == ST_MALFORMED);
	}
	assert(st == ST_NOT_FOUND || (st == ST_MALFORMED && said != ST_OK));
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice list = { data, size };
	struct wire_writer w = wire_writer(fuzz_alloc(size), size);
	int st = destination_check(list);
	size_t n;

	assert(st == ST_OK || st == ST_MALFORMED || st == ST_TOO_LARGE);
	n = walk(list, st, &w);
	if (st == ST_OK) {
		assert(n > 0 && n <= DESTINATION_MAX);
		assert(destination_check(fuzz_written(&w)) == ST_OK);
	}
	free(w.p);
	return 0;
}
