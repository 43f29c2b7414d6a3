#include "proto/frame.h"

#include "support/hex.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

struct frame_case {
	const char	*in;
	int		 next;		/* of frame_next() */
	int		 peek;		/* of frame_peek() */
	size_t		 need;
	int		 type;		/* -1: not known yet */
	const char	*body;
	const char	*left;
};

static const struct frame_case cases[] = {
	{ "", ST_MORE, ST_OK, 5, -1, "", "" },
	{ "00", ST_MORE, ST_OK, 5, -1, "", "" },
	{ "00000001", ST_MORE, ST_OK, 5, -1, "", "" },
	{ "00000001 0b", ST_OK, ST_OK, 5, 11, "0b", "" },
	{ "00000001 0b 00", ST_OK, ST_OK, 5, 11, "0b", "00" },
	{ "00000003 0b 01", ST_MORE, ST_OK, 7, 11, "", "" },
	{ "00000003 0b 0102 ffffffff", ST_OK, ST_OK, 7, 11, "0b0102",
	    "ffffffff" },
	/* A length is judged only once a fifth byte is there. */
	{ "00000000", ST_MORE, ST_OK, 5, -1, "", "" },
	{ "00000000 0b", ST_MALFORMED, ST_MALFORMED, 0, -1, "", "" },
	{ "00000000 00000001 0b", ST_MALFORMED, ST_MALFORMED, 0, -1, "", "" },
	{ "00040000 63", ST_MORE, ST_OK, 262148, 99, "", "" },
	{ "00040001", ST_MORE, ST_OK, 5, -1, "", "" },
	{ "00040001 63", ST_TOO_LARGE, ST_TOO_LARGE, 0, -1, "", "" },
	{ "80000000 63", ST_TOO_LARGE, ST_TOO_LARGE, 0, -1, "", "" },
	{ "ffffffff", ST_MORE, ST_OK, 5, -1, "", "" },
	{ "ffffffff 63", ST_TOO_LARGE, ST_TOO_LARGE, 0, -1, "", "" },
};

static void
next_takes_one_whole_frame_or_nothing(void **state)
{
	static const uint8_t stale = 1;
	const struct frame_case *c;

	(void)state;
	for (c = cases; c < cases + N(cases); c++) {
		struct slice whole = hex(c->in);
		struct slice in = whole, body = { &stale, 1 };
		int st = frame_next(&in, &body);

		if (st != c->next)
			fail_msg("in: %s: %s", c->in, status_name(st));
		hex_expect(c->in, body, hex(c->body));
		if (st == ST_OK) {
			hex_expect(c->in, in, hex(c->left));
		} else {
			assert_ptr_equal(in.p, whole.p);
			assert_int_equal(in.len, whole.len);
		}
	}
}

static void
peek_says_what_the_beginning_tells(void **state)
{
	const struct frame_case *c;
	struct frame_peek peek;
	int st;

	(void)state;
	for (c = cases; c < cases + N(cases); c++) {
		st = frame_peek(hex(c->in), &peek);
		if (st != c->peek)
			fail_msg("in: %s: %s", c->in, status_name(st));
		if (st != ST_OK)
			continue;
		assert_int_equal(peek.need, c->need);
		assert_int_equal(peek.typed, c->type >= 0);
		if (peek.typed)
			assert_int_equal(peek.type, c->type);
	}
}

/* A frame of len bytes of body, type 99. */
static struct slice
frame_of(size_t len)
{
	uint8_t *p = hex_alloc(FRAME_HEAD + len);
	struct wire_writer w = wire_writer(p, FRAME_HEAD + len);
	struct slice out;

	wire_put_string(&w, hex_fill(99, len));
	assert_int_equal(wire_done(&w, &out), ST_OK);
	return out;
}

static void
longest_body_is_taken_and_one_more_refused(void **state)
{
	struct slice in = frame_of(FRAME_BODY_MAX), body;

	(void)state;
	assert_int_equal(in.len, FRAME_MAX);
	in.len--;
	assert_int_equal(frame_next(&in, &body), ST_MORE);
	in.len++;
	assert_int_equal(frame_next(&in, &body), ST_OK);
	assert_int_equal(body.len, FRAME_BODY_MAX);
	assert_int_equal(in.len, 0);
	in = frame_of(FRAME_BODY_MAX + 1);
	assert_int_equal(frame_next(&in, &body), ST_TOO_LARGE);
	assert_int_equal(body.len, 0);
}

static void
pipelined_frames_come_in_order(void **state)
{
	struct slice in = hex("00000001 0b 00000002 0bff 00000001 13 0000");
	struct slice body;

	(void)state;
	assert_int_equal(frame_next(&in, &body), ST_OK);
	hex_expect("first", body, hex("0b"));
	assert_int_equal(frame_next(&in, &body), ST_OK);
	hex_expect("second", body, hex("0bff"));
	assert_int_equal(frame_next(&in, &body), ST_OK);
	hex_expect("third", body, hex("13"));
	assert_int_equal(frame_next(&in, &body), ST_MORE);
	hex_expect("left", in, hex("0000"));
}

static void
frame_byte_by_byte_is_whole_at_its_last(void **state)
{
	struct slice whole = hex("00000005 0d 01020304");
	struct slice body;
	size_t len;

	(void)state;
	for (len = 0; len <= whole.len; len++) {
		struct slice in = hex_copy((struct slice){ whole.p, len });

		assert_int_equal(frame_next(&in, &body),
		    len < whole.len ? ST_MORE : ST_OK);
	}
}

static void
close_fills_the_length_in(void **state)
{
	struct slice want = hex("00000001 05 00000003 060708");
	struct wire_writer w = wire_writer(hex_alloc(want.len), want.len);
	size_t mark;

	(void)state;
	mark = frame_open(&w);
	wire_put_u8(&w, 5);
	frame_close(&w, mark);
	mark = frame_open(&w);
	wire_put_bytes(&w, hex("060708"));
	frame_close(&w, mark);
	hex_expect_written("two frames", &w, want);
}

/* Whether a frame with that much body can be written into ample room. */
static int
write_frame(size_t len)
{
	size_t cap = FRAME_MAX + 64, mark;
	struct wire_writer w = wire_writer(hex_alloc(cap), cap);
	struct slice out;

	mark = frame_open(&w);
	wire_put_bytes(&w, hex_fill(6, len));
	frame_close(&w, mark);
	return wire_done(&w, &out);
}

static void
frame_that_no_reader_takes_is_not_written(void **state)
{
	struct wire_writer w = wire_writer(hex_alloc(4), 4);
	struct slice out;
	size_t mark;

	(void)state;
	assert_int_equal(write_frame(FRAME_BODY_MAX), ST_OK);
	assert_int_equal(write_frame(FRAME_BODY_MAX + 1), ST_TOO_LARGE);
	/* Nor one without room. */
	mark = frame_open(&w);
	wire_put_u8(&w, 6);
	frame_close(&w, mark);
	assert_int_equal(wire_done(&w, &out), ST_TOO_LARGE);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_takes_one_whole_frame_or_nothing),
		cmocka_unit_test(peek_says_what_the_beginning_tells),
		cmocka_unit_test(longest_body_is_taken_and_one_more_refused),
		cmocka_unit_test(pipelined_frames_come_in_order),
		cmocka_unit_test(frame_byte_by_byte_is_whole_at_its_last),
		cmocka_unit_test(close_fills_the_length_in),
		cmocka_unit_test(frame_that_no_reader_takes_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
