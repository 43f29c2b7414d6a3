/*
 * Reaches: bundle_record_decode, bundle_put_key, bundle_put_end, and
 *          request_decode_add on the key of a record.
 * Claims:  no status is negative; a key record is the byte BUNDLE_KEY and all
 *          that follows; a key that reads well is written in no more bytes
 *          than it came in, reads again, and is written the same; an end is
 *          written to the very bytes it was read from.
 * Input:   the plaintext of one record.
 */

#include "fuzz/fuzz.h"
#include "proto/bundle.h"

/* Read a record that must be a key, and write it to w. */
static void
rewrite_key(struct slice plain, struct wire_writer *w)
{
	struct bundle_record record;
	struct request add;
	int st = bundle_record_decode(plain, &record);

	assert(st == ST_OK && record.kind == BUNDLE_KEY);
	st = request_decode_add(record.key, &add);
	assert(st == ST_OK && request_is_add(add.type));
	bundle_put_key(w, &add);
}

/* A record that is a key, if what it holds is one that we take. */
static void
check_key(struct slice plain, struct slice key)
{
	struct wire_writer w, again;
	struct request add;
	int st;

	assert(fuzz_within(key, plain) && key.len == plain.len - 1);
	st = request_decode_add(key, &add);
	assert(st >= 0);
	if (st != ST_OK)
		return;
	w = wire_writer(fuzz_alloc(plain.len), plain.len);
	again = wire_writer(fuzz_alloc(plain.len), plain.len);
	rewrite_key(plain, &w);
	rewrite_key(fuzz_written(&w), &again);
	assert(slice_eq(fuzz_written(&w), fuzz_written(&again)));
	free(w.p);
	free(again.p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice plain = { data, size };
	struct bundle_record record;
	struct wire_writer w;
	int st = bundle_record_decode(plain, &record);

	assert(st == ST_OK || st == ST_MALFORMED || st == ST_UNSUPPORTED);
	if (st != ST_OK)
		return 0;
	if (record.kind == BUNDLE_KEY) {
		check_key(plain, record.key);
		return 0;
	}
	assert(record.kind == BUNDLE_END);
	w = wire_writer(fuzz_alloc(size), size);
	bundle_put_end(&w, record.count);
	assert(slice_eq(fuzz_written(&w), plain));
	free(w.p);
	return 0;
}
