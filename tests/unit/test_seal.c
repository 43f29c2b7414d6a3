#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "keys/seal.h"

#define HEAD	(BUNDLE_SEALED + BUNDLE_HEADER)

static struct secret *region;
static size_t baseline;

/* Both ends of one stream, and what is on its way. */
struct pair {
	struct sealer		*sealer;
	struct opener		*opener;
	struct wire_writer	 w;
	uint8_t			 room[64 * 1024];
};

static struct pair pair;

/* Bytes of the region in use. */
static size_t
used(void)
{
	struct secret_usage usage;

	secret_usage(region, &usage);
	return usage.used;
}

static int
setup(void **state)
{
	uint8_t pk[LOAD_PUBLIC_KEY];

	(void)state;
	baseline = used();
	pair.w = wire_writer(pair.room, sizeof(pair.room));
	assert_int_equal(opener_new(&pair.opener, region, pk), ST_OK);
	assert_int_equal(sealer_new(&pair.sealer, region, pk, pair.room),
	    ST_OK);
	pair.w.len = HEAD;
	return 0;
}

/* Everything is given back. */
static int
teardown(void **state)
{
	(void)state;
	sealer_free(pair.sealer);
	opener_free(pair.opener);
	assert_int_equal(used(), baseline);
	return 0;
}

static void
put(const char *plain, bool final)
{
	assert_int_equal(sealer_record(pair.sealer, slice_str(plain), final,
	    &pair.w), ST_OK);
}

static struct slice
stream(void)
{
	return (struct slice){ pair.room, pair.w.len };
}

/* The next record is this one. */
static void
expect_record(struct slice *in, const char *plain, bool final)
{
	struct slice record;
	bool last;

	assert_int_equal(opener_feed(pair.opener, in), ST_OK);
	record = opener_record(pair.opener, &last);
	assert_true(slice_eq_str(record, plain));
	assert_true(secret_owns(region, record.p));
	assert_int_equal(last, final);
}

static void
records_come_out_as_they_went_in(void **state)
{
	struct slice in;

	(void)state;
	put("one", false);
	put("", false);
	put("three", true);
	in = stream();
	assert_int_equal(in.len, HEAD + 3 * (4 + BUNDLE_OVERHEAD) + 8);
	expect_record(&in, "one", false);
	expect_record(&in, "", false);
	expect_record(&in, "three", true);
	assert_int_equal(in.len, 0);
	assert_int_equal(opener_feed(pair.opener, &in), ST_MORE);
}

static void
any_cutting_of_the_stream_gives_the_same(void **state)
{
	struct slice all, one;
	struct slice record;
	size_t n = 0;
	bool final = false;
	int st;

	(void)state;
	put("hello", false);
	put("world", true);
	for (all = stream(); all.len > 0; all.p++, all.len--) {
		one = (struct slice){ all.p, 1 };
		st = opener_feed(pair.opener, &one);
		assert_int_equal(one.len, 0);
		if (st == ST_MORE)
			continue;
		assert_int_equal(st, ST_OK);
		record = opener_record(pair.opener, &final);
		assert_true(slice_eq_str(record, n++ == 0 ? "hello" :
		    "world"));
	}
	assert_int_equal(n, 2);
	assert_true(final);
}

static void
the_plain_text_is_not_in_the_stream(void **state)
{
	static const char text[] = "a private number of some length";

	(void)state;
	put(text, true);
	assert_null(memmem(pair.room, pair.w.len, text, strlen(text)));
}

static void
a_record_of_the_largest_size_and_one_byte_more(void **state)
{
	static uint8_t plain[BUNDLE_RECORD_MAX + 1];
	struct slice in, record;
	bool final;

	(void)state;
	plain[BUNDLE_RECORD_MAX - 1] = 'z';
	assert_int_equal(sealer_record(pair.sealer, (struct slice){ plain,
	    BUNDLE_RECORD_MAX + 1 }, false, &pair.w), ST_TOO_LARGE);
	assert_int_equal(pair.w.len, HEAD);
	assert_int_equal(sealer_record(pair.sealer, (struct slice){ plain,
	    BUNDLE_RECORD_MAX }, false, &pair.w), ST_OK);
	in = stream();
	assert_int_equal(opener_feed(pair.opener, &in), ST_OK);
	record = opener_record(pair.opener, &final);
	assert_int_equal(record.len, BUNDLE_RECORD_MAX);
	assert_memory_equal(record.p, plain, record.len);
}

static void
a_writer_without_room_gets_nothing(void **state)
{
	(void)state;
	pair.w.cap = HEAD + 4 + BUNDLE_OVERHEAD + 4;
	assert_int_equal(sealer_record(pair.sealer, slice_str("hello"), true,
	    &pair.w), ST_TOO_LARGE);
	assert_int_equal(pair.w.len, HEAD);
	assert_true(pair.w.full);
}

static void
no_byte_of_the_stream_may_change(void **state)
{
	struct slice in, record;
	size_t len;
	bool final;
	int st;

	put("hello", true);
	len = pair.w.len;
	for (size_t at = 0; at < len; at++) {
		pair.room[at] ^= 0x10;
		in = stream();
		st = opener_feed(pair.opener, &in);
		/* A length that grew waits for more. */
		assert_true(st == ST_MALFORMED || st == ST_TOO_LARGE ||
		    (st == ST_MORE && at >= HEAD && at < HEAD + 4));
		record = opener_record(pair.opener, &final);
		assert_int_equal(record.len, 0);
		assert_false(final);
		if (st != ST_MORE) {
			in = (struct slice){ pair.room, 0 };
			assert_int_equal(opener_feed(pair.opener, &in),
			    ST_MALFORMED);
		}
		/* A fresh pair: an opener serves one stream. */
		(void)teardown(state);
		(void)setup(state);
		put("hello", true);
	}
}

static void
a_stream_for_another_key_does_not_open(void **state)
{
	struct opener *other;
	uint8_t pk[LOAD_PUBLIC_KEY];
	struct slice in;

	(void)state;
	put("hello", true);
	in = stream();
	assert_int_equal(opener_new(&other, region, pk), ST_OK);
	assert_int_equal(opener_feed(other, &in), ST_MALFORMED);
	opener_free(other);
}

static void
bytes_after_the_final_record_are_malformed(void **state)
{
	struct slice in;

	(void)state;
	put("hello", true);
	pair.room[pair.w.len++] = 0;
	in = stream();
	expect_record(&in, "hello", true);
	assert_int_equal(opener_feed(pair.opener, &in), ST_MALFORMED);
}

static void
a_second_stream_spliced_in_does_not_open(void **state)
{
	uint8_t first[HEAD + 64];
	struct slice in;
	size_t len;

	(void)state;
	/* Records in another order: the second in the place of the first. */
	put("aaaa", false);
	len = pair.w.len;
	put("bbbb", true);
	memcpy(first, pair.room, HEAD);
	memcpy(first + HEAD, pair.room + len, pair.w.len - len);
	in = (struct slice){ first, HEAD + pair.w.len - len };
	assert_int_equal(opener_feed(pair.opener, &in), ST_MALFORMED);
}

static void
lengths_out_of_bounds_are_refused_before_their_bytes(void **state)
{
	static const struct {
		uint32_t	 len;
		int		 st;
	} table[] = {
		{ 0, ST_MALFORMED },
		{ BUNDLE_OVERHEAD - 1, ST_MALFORMED },
		{ BUNDLE_OVERHEAD, ST_MORE },
		{ BUNDLE_RECORD_MAX + BUNDLE_OVERHEAD, ST_MORE },
		{ BUNDLE_RECORD_MAX + BUNDLE_OVERHEAD + 1, ST_TOO_LARGE },
		{ UINT32_MAX, ST_TOO_LARGE },
	};
	struct slice in;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		wire_put_u32(&pair.w, table[i].len);
		in = stream();
		assert_int_equal(opener_feed(pair.opener, &in), table[i].st);
		(void)teardown(state);
		(void)setup(state);
	}
}

static void
a_public_key_without_a_secret_is_refused(void **state)
{
	static const uint8_t zero[LOAD_PUBLIC_KEY];
	uint8_t head[HEAD];
	struct sealer *s;

	(void)state;
	assert_int_equal(sealer_new(&s, region, zero, head), ST_CRYPTO);
	assert_null(s);
}

static void
a_full_region_is_an_answer(void **state)
{
	struct secret_usage usage;
	uint8_t pk[LOAD_PUBLIC_KEY];
	struct opener *o;
	struct slice in;
	void *hog, *rest;

	(void)state;
	put("a record that needs room of its own", true);
	secret_usage(region, &usage);
	assert_non_null(hog = secret_alloc(region, usage.largest));
	while ((rest = secret_alloc(region, 1)) != NULL)
		(void)rest;
	assert_int_equal(opener_new(&o, region, pk), ST_FULL);
	assert_null(o);
	in = stream();
	assert_int_equal(opener_feed(pair.opener, &in), ST_FULL);
	in = (struct slice){ pair.room, 0 };
	assert_int_equal(opener_feed(pair.opener, &in), ST_MALFORMED);
	secret_free(region, hog);
}

/* The last case leaves pieces behind that only the region's end releases. */
static int
teardown_full(void **state)
{
	(void)state;
	sealer_free(pair.sealer);
	opener_free(pair.opener);
	return 0;
}

static int
group_setup(void **state)
{
	const struct secret_options opts = {
		.size = 256 * 1024,
		.want = SECRET_MLOCK,
		.allow_unlocked = true,
	};
	char why[256];

	(void)state;
	if (sodium_init() < 0)
		return -1;
	return secret_open(&region, &opts, why, sizeof(why)) == ST_OK ? 0 : -1;
}

static int
group_teardown(void **state)
{
	(void)state;
	secret_close(region);
	return 0;
}

#define CASE(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(records_come_out_as_they_went_in),
		CASE(any_cutting_of_the_stream_gives_the_same),
		CASE(the_plain_text_is_not_in_the_stream),
		CASE(a_record_of_the_largest_size_and_one_byte_more),
		CASE(a_writer_without_room_gets_nothing),
		CASE(no_byte_of_the_stream_may_change),
		CASE(a_stream_for_another_key_does_not_open),
		CASE(bytes_after_the_final_record_are_malformed),
		CASE(a_second_stream_spliced_in_does_not_open),
		CASE(lengths_out_of_bounds_are_refused_before_their_bytes),
		CASE(a_public_key_without_a_secret_is_refused),
		cmocka_unit_test_setup_teardown(a_full_region_is_an_answer,
		    setup, teardown_full),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
