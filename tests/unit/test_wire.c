#include "proto/wire.h"

#include "support/hex.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

typedef int getter(struct wire_reader *, struct slice *);

struct get_case {
	const char	*in;
	int		 st;
	const char	*out;
	const char	*left;
};

/* The reader is where it was: same place, same length. */
static void
expect_unmoved(const struct wire_reader *r, struct slice in)
{
	assert_ptr_equal(r->rest.p, in.p);
	assert_int_equal(r->rest.len, in.len);
}

/* Run a table against one getter. */
static void
expect_get(getter *get, const struct get_case *c, size_t n)
{
	static const uint8_t stale = 1;

	for (; n > 0; n--, c++) {
		struct slice in = hex(c->in);
		struct wire_reader r = wire_reader(in);
		struct slice out = { &stale, 1 };
		int st = get(&r, &out);

		if (st != c->st)
			fail_msg("in: %s: %s", c->in, status_name(st));
		if (st != ST_OK) {
			expect_unmoved(&r, in);
			assert_int_equal(out.len, 0);
			continue;
		}
		hex_expect(c->in, out, hex(c->out));
		hex_expect(c->in, r.rest, hex(c->left));
	}
}

static void
slices_compare_by_bytes(void **state)
{
	const struct slice none = { NULL, 0 };

	(void)state;
	assert_true(slice_eq(none, none));
	assert_true(slice_eq(none, hex("")));
	assert_true(slice_eq(hex("6100"), hex("6100")));
	assert_false(slice_eq(hex("61"), hex("6100")));
	assert_false(slice_eq(hex("61"), hex("62")));
	assert_true(slice_eq_str(hex("'abc'"), "abc"));
	assert_false(slice_eq_str(hex("'abc' 00"), "abc"));
	assert_true(slice_eq_str(none, ""));
	assert_int_equal(slice_str("abc").len, 3);
}

static void
u8_is_one_byte(void **state)
{
	struct slice in = hex("80ff");
	struct wire_reader r = wire_reader(in);
	uint8_t v = 7;

	(void)state;
	assert_int_equal(wire_get_u8(&r, &v), ST_OK);
	assert_int_equal(v, 0x80);
	assert_int_equal(wire_get_u8(&r, &v), ST_OK);
	assert_int_equal(v, 0xff);
	assert_true(wire_end(&r));
	assert_int_equal(wire_get_u8(&r, &v), ST_MALFORMED);
	assert_int_equal(v, 0xff);
	assert_true(wire_end(&r));
}

static void
u32_is_big_endian(void **state)
{
	struct slice in = hex("01020384 ffffffff 00");
	struct wire_reader r = wire_reader(in);
	uint32_t v = 0;

	(void)state;
	assert_int_equal(wire_get_u32(&r, &v), ST_OK);
	assert_int_equal(v, 0x01020384);
	assert_int_equal(wire_get_u32(&r, &v), ST_OK);
	assert_int_equal(v, UINT32_MAX);
	assert_false(wire_end(&r));
}

static void
u32_cut_short_changes_nothing(void **state)
{
	size_t len;

	(void)state;
	for (len = 0; len < 4; len++) {
		struct slice in = hex_fill(0x11, len);
		struct wire_reader r = wire_reader(in);
		uint32_t v = 99;

		assert_int_equal(wire_get_u32(&r, &v), ST_MALFORMED);
		assert_int_equal(v, 99);
		expect_unmoved(&r, in);
	}
}

static void
bytes_are_taken_by_count(void **state)
{
	struct slice in = hex("010203");
	struct wire_reader r = wire_reader(in);
	struct slice out;

	(void)state;
	assert_int_equal(wire_get_bytes(&r, 0, &out), ST_OK);
	assert_int_equal(out.len, 0);
	assert_int_equal(wire_get_bytes(&r, 2, &out), ST_OK);
	hex_expect("two", out, hex("0102"));
	assert_int_equal(wire_get_bytes(&r, 2, &out), ST_MALFORMED);
	assert_int_equal(out.len, 0);
	assert_int_equal(wire_get_bytes(&r, SIZE_MAX, &out), ST_MALFORMED);
	hex_expect("left", r.rest, hex("03"));
	assert_int_equal(wire_get_bytes(&r, 1, &out), ST_OK);
	assert_true(wire_end(&r));
}

static void
empty_input_without_a_buffer_is_malformed(void **state)
{
	const struct slice none = { NULL, 0 };
	struct wire_reader r = wire_reader(none);
	struct slice out;
	uint32_t v;

	(void)state;
	assert_true(wire_end(&r));
	assert_int_equal(wire_get_bytes(&r, 0, &out), ST_OK);
	assert_int_equal(wire_get_u32(&r, &v), ST_MALFORMED);
	assert_int_equal(wire_get_string(&r, &out), ST_MALFORMED);
	assert_int_equal(wire_get_text(&r, &out), ST_MALFORMED);
	assert_int_equal(wire_get_mpint(&r, &out), ST_MALFORMED);
}

static void
string_has_its_length_before_it(void **state)
{
	static const struct get_case cases[] = {
		{ "00000000", ST_OK, "", "" },
		{ "00000003 'abc'", ST_OK, "'abc'", "" },
		{ "00000003 'abcde'", ST_OK, "'abc'", "'de'" },
		{ "00000002 0000", ST_OK, "0000", "" },
		{ "00000000 00000001 61", ST_OK, "", "00000001 61" },
	};

	(void)state;
	expect_get(wire_get_string, cases, N(cases));
}

static void
string_length_past_end_is_malformed(void **state)
{
	static const struct get_case cases[] = {
		{ "", ST_MALFORMED, NULL, NULL },
		{ "000000", ST_MALFORMED, NULL, NULL },
		{ "00000001", ST_MALFORMED, NULL, NULL },
		{ "00000004 'abc'", ST_MALFORMED, NULL, NULL },
		{ "7fffffff 'abc'", ST_MALFORMED, NULL, NULL },
		{ "80000000 'abc'", ST_MALFORMED, NULL, NULL },
		{ "fffffffc 'abc'", ST_MALFORMED, NULL, NULL },
		{ "ffffffff 'abc'", ST_MALFORMED, NULL, NULL },
	};

	(void)state;
	expect_get(wire_get_string, cases, N(cases));
	expect_get(wire_get_text, cases, N(cases));
	expect_get(wire_get_mpint, cases, N(cases));
}

static void
text_may_end_in_one_nul_and_have_no_other(void **state)
{
	static const struct get_case cases[] = {
		{ "00000000", ST_OK, "", "" },
		{ "00000002 'ab'", ST_OK, "'ab'", "" },
		{ "00000003 'ab' 00 'c'", ST_OK, "'ab'", "'c'" },
		{ "00000001 00", ST_OK, "", "" },
		{ "00000002 0000", ST_MALFORMED, NULL, NULL },
		{ "00000003 'a' 00 'b'", ST_MALFORMED, NULL, NULL },
		{ "00000003 00 'ab'", ST_MALFORMED, NULL, NULL },
		{ "00000004 'ab' 0000", ST_MALFORMED, NULL, NULL },
		{ "00000003 ff0a1b", ST_OK, "ff0a1b", "" },
	};

	(void)state;
	expect_get(wire_get_text, cases, N(cases));
}

static void
mpint_loses_its_leading_zeros(void **state)
{
	static const struct get_case cases[] = {
		{ "00000000", ST_OK, "", "" },
		{ "00000001 00", ST_OK, "", "" },
		{ "00000003 000000 01", ST_OK, "", "01" },
		{ "00000001 7f", ST_OK, "7f", "" },
		{ "00000002 0080", ST_OK, "80", "" },
		{ "00000004 00000080 55", ST_OK, "80", "55" },
		{ "00000003 010000", ST_OK, "010000", "" },
	};

	(void)state;
	expect_get(wire_get_mpint, cases, N(cases));
}

static void
negative_mpint_is_malformed(void **state)
{
	static const struct get_case cases[] = {
		{ "00000001 80", ST_MALFORMED, NULL, NULL },
		{ "00000002 ff00", ST_MALFORMED, NULL, NULL },
	};

	(void)state;
	expect_get(wire_get_mpint, cases, N(cases));
}

/* Read an mpint of zeros and then len bytes of 0xff. */
static int
get_long_mpint(size_t zeros, size_t len, size_t *out_len)
{
	uint8_t *p = hex_alloc(4 + zeros + len);
	struct wire_writer w = wire_writer(p, 4 + zeros + len);
	struct wire_reader r;
	struct slice out;
	int st;

	wire_put_u32(&w, (uint32_t)(zeros + len));
	wire_put_bytes(&w, hex_fill(0, zeros));
	wire_put_bytes(&w, hex_fill(0xff, len));
	assert_int_equal(wire_done(&w, &out), ST_OK);
	r = wire_reader(out);
	st = wire_get_mpint(&r, &out);
	*out_len = out.len;
	assert_int_equal(r.rest.len, st == ST_OK ? 0 : 4 + zeros + len);
	return st;
}

static void
mpint_limit_counts_after_leading_zeros(void **state)
{
	static const struct {
		size_t zeros, len;
		int st;
	} cases[] = {
		{ 1, WIRE_MPINT_MAX, ST_OK },
		{ 1000, WIRE_MPINT_MAX, ST_OK },
		{ 1, WIRE_MPINT_MAX + 1, ST_TOO_LARGE },
		{ 1000, WIRE_MPINT_MAX + 1, ST_TOO_LARGE },
		{ 0, WIRE_MPINT_MAX + 1, ST_MALFORMED },
		{ WIRE_MPINT_MAX + 1, 0, ST_OK },
	};
	size_t i, len;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		assert_int_equal(get_long_mpint(cases[i].zeros, cases[i].len,
		    &len), cases[i].st);
		assert_int_equal(len, cases[i].st == ST_OK ? cases[i].len : 0);
	}
}

/* One call of each putter, by number; false where there is none. */
static bool
put_one(struct wire_writer *w, unsigned which)
{
	switch (which) {
	case 0:
		wire_put_u8(w, 0xab);
		return true;
	case 1:
		wire_put_u32(w, 0x01020384);
		return true;
	case 2:
		wire_put_bytes(w, hex("'bytes'"));
		return true;
	case 3:
		wire_put_string(w, hex("'string'"));
		return true;
	case 4:
		wire_put_str(w, "str");
		return true;
	case 5:
		wire_put_mpint(w, hex("0000 80"));
		return true;
	case 6:
		wire_put_mpint(w, hex("00 7f"));
		return true;
	case 7:
		wire_put_string(w, hex(""));
		return true;
	case 8:
		wire_put_mpint(w, hex("00"));
		return true;
	case 9:
		wire_put_u64(w, 0x0102030405060784);
		return true;
	default:
		return false;
	}
}

static void
putters_write_the_wire_form(void **state)
{
	static const char *const want[] = {
		"ab", "01020384", "'bytes'", "00000006 'string'",
		"00000003 'str'", "00000002 0080", "00000001 7f", "00000000",
		"00000000", "0102030405060784",
	};
	unsigned i;

	(void)state;
	for (i = 0; i < N(want); i++) {
		struct slice bytes = hex(want[i]);
		struct wire_writer w =
		    wire_writer(hex_alloc(bytes.len), bytes.len);

		/* Into exactly the room that it needs. */
		assert_true(put_one(&w, i));
		hex_expect_written(want[i], &w, bytes);
	}
	assert_false(put_one(&(struct wire_writer){ 0 }, i));
}

static void
what_does_not_fit_writes_nothing(void **state)
{
	static const size_t sizes[] = { 1, 4, 5, 10, 7, 6, 5, 4, 4, 8 };
	struct slice out;
	unsigned i;

	(void)state;
	for (i = 0; i < N(sizes); i++) {
		size_t cap = sizes[i] + 1;
		uint8_t *p = hex_alloc(cap);
		struct wire_writer w = wire_writer(p, cap);

		memset(p, 0xee, cap);
		wire_put_u8(&w, 1);
		wire_put_u8(&w, 2);
		assert_true(put_one(&w, i));
		assert_true(w.full);
		assert_int_equal(w.len, cap < 2 ? cap : 2);
		/* Not even what would fit is written any more. */
		wire_put_u8(&w, 3);
		assert_int_equal(w.len, cap < 2 ? cap : 2);
		assert_memory_equal(p + w.len, hex_fill(0xee, cap - w.len).p,
		    cap - w.len);
		assert_int_equal(wire_done(&w, &out), ST_TOO_LARGE);
		assert_null(out.p);
		assert_int_equal(out.len, 0);
	}
}

static void
writer_without_room_takes_nothing(void **state)
{
	const struct slice none = { NULL, 0 };
	struct wire_writer w = wire_writer(NULL, 0);
	struct slice out;

	(void)state;
	wire_put_bytes(&w, none);
	assert_int_equal(wire_done(&w, &out), ST_OK);
	assert_int_equal(out.len, 0);
	wire_put_string(&w, none);
	assert_int_equal(wire_done(&w, &out), ST_TOO_LARGE);
}

static void
open_string_gets_its_length_at_close(void **state)
{
	struct slice want = hex("00000008 'a' 00000003 'xyz' 00000000 'b'");
	struct wire_writer w = wire_writer(hex_alloc(want.len), want.len);
	size_t outer, inner;

	(void)state;
	outer = wire_open_string(&w);
	wire_put_u8(&w, 'a');
	inner = wire_open_string(&w);
	wire_put_bytes(&w, hex("'xyz'"));
	wire_close_string(&w, inner);
	wire_close_string(&w, outer);
	inner = wire_open_string(&w);
	wire_close_string(&w, inner);
	wire_put_u8(&w, 'b');
	hex_expect_written("nested", &w, want);
}

static void
open_string_that_does_not_fit_is_full(void **state)
{
	struct slice out;
	size_t cap;

	(void)state;
	for (cap = 0; cap < 6; cap++) {
		struct wire_writer w = wire_writer(hex_alloc(cap), cap);
		size_t mark = wire_open_string(&w);

		wire_put_bytes(&w, hex("0102"));
		wire_close_string(&w, mark);
		assert_int_equal(wire_done(&w, &out), ST_TOO_LARGE);
	}
}

static void
what_is_put_is_got(void **state)
{
	uint8_t buf[64];
	struct wire_writer w = wire_writer(buf, sizeof(buf));
	struct wire_reader r;
	struct slice s;
	uint32_t u32;
	uint8_t u8;

	(void)state;
	wire_put_u8(&w, 200);
	wire_put_u32(&w, 0xfedcba98);
	wire_put_str(&w, "text");
	wire_put_mpint(&w, hex("ff00"));
	assert_int_equal(wire_done(&w, &s), ST_OK);
	r = wire_reader(s);
	assert_int_equal(wire_get_u8(&r, &u8), ST_OK);
	assert_int_equal(u8, 200);
	assert_int_equal(wire_get_u32(&r, &u32), ST_OK);
	assert_int_equal(u32, 0xfedcba98);
	assert_int_equal(wire_get_text(&r, &s), ST_OK);
	assert_true(slice_eq_str(s, "text"));
	assert_int_equal(wire_get_mpint(&r, &s), ST_OK);
	hex_expect("mpint", s, hex("ff00"));
	assert_true(wire_end(&r));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_compare_by_bytes),
		cmocka_unit_test(u8_is_one_byte),
		cmocka_unit_test(u32_is_big_endian),
		cmocka_unit_test(u32_cut_short_changes_nothing),
		cmocka_unit_test(bytes_are_taken_by_count),
		cmocka_unit_test(empty_input_without_a_buffer_is_malformed),
		cmocka_unit_test(string_has_its_length_before_it),
		cmocka_unit_test(string_length_past_end_is_malformed),
		cmocka_unit_test(text_may_end_in_one_nul_and_have_no_other),
		cmocka_unit_test(mpint_loses_its_leading_zeros),
		cmocka_unit_test(negative_mpint_is_malformed),
		cmocka_unit_test(mpint_limit_counts_after_leading_zeros),
		cmocka_unit_test(putters_write_the_wire_form),
		cmocka_unit_test(what_does_not_fit_writes_nothing),
		cmocka_unit_test(writer_without_room_takes_nothing),
		cmocka_unit_test(open_string_gets_its_length_at_close),
		cmocka_unit_test(open_string_that_does_not_fit_is_full),
		cmocka_unit_test(what_is_put_is_got),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
