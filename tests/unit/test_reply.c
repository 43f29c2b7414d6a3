#include "proto/reply.h"

#include "support/hex.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* A writer with just the room for these bytes. */
static struct wire_writer
room_for(const char *text)
{
	size_t len = hex_decode(text, NULL);

	return wire_writer(hex_alloc(len), len);
}

static void
codes_are_one_byte(void **state)
{
	static const uint8_t codes[] = { 5, 6, 28 };
	size_t i;

	(void)state;
	for (i = 0; i < N(codes); i++) {
		struct wire_writer w = room_for("00");

		reply_put_code(&w, codes[i]);
		hex_expect_written("code", &w, hex_fill(codes[i], 1));
	}
}

static void
empty_list_is_a_number_only(void **state)
{
	const char *want = "0c 00000000";
	struct wire_writer w = room_for(want);

	(void)state;
	reply_put_list(&w, 0);
	assert_int_equal(w.len, REPLY_LIST_HEAD);
	hex_expect_written(want, &w, hex(want));
}

static void
list_is_pairs_of_blob_and_comment(void **state)
{
	const char *want = "0c 00000002 00000002 'k1' 00000003 'one' "
	    "00000002 'k2' 00000000";
	struct wire_writer w = room_for(want);
	size_t size = REPLY_LIST_HEAD;

	(void)state;
	reply_put_list(&w, 2);
	reply_put_identity(&w, hex("'k1'"), hex("'one'"));
	reply_put_identity(&w, hex("'k2'"), hex(""));
	hex_expect_written(want, &w, hex(want));
	size += reply_identity_size(hex("'k1'"), hex("'one'"));
	assert_int_equal(w.len, size +
	    reply_identity_size(hex("'k2'"), hex("")));
}

static void
signature_is_a_string_of_two(void **state)
{
	const char *want = "0e 00000016 0000000b 'ssh-ed25519' "
	    "00000003 010203";
	struct wire_writer w = room_for(want);

	(void)state;
	reply_put_signature(&w, "ssh-ed25519", hex("010203"));
	hex_expect_written(want, &w, hex(want));
}

static void
query_answer_has_openssh_bytes(void **state)
{
	const char *want = "1d 00000005 'query' "
	    "00000018 'session-bind@openssh.com'";
	struct wire_writer w = room_for(want);

	(void)state;
	reply_put_extension(&w, "query");
	wire_put_str(&w, "session-bind@openssh.com");
	hex_expect_written(want, &w, hex(want));
}

static void
decode_splits_the_number_off(void **state)
{
	static const struct {
		const char *in;
		int st;
		uint8_t type;
		const char *rest;
	} cases[] = {
		{ "", ST_MALFORMED, 0, "" },
		{ "05", ST_OK, 5, "" },
		{ "0c 00000000", ST_OK, 12, "00000000" },
		{ "ff 01", ST_OK, 255, "01" },
	};
	struct reply reply;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		assert_int_equal(reply_decode(hex(cases[i].in), &reply),
		    cases[i].st);
		assert_int_equal(reply.type, cases[i].type);
		hex_expect(cases[i].in, reply.rest, hex(cases[i].rest));
	}
}

static void
extension_answer_must_be_the_named_one(void **state)
{
	static const struct {
		const char *in;
		int st;
		const char *contents;
	} cases[] = {
		{ "1d 00000001 'x'", ST_OK, "" },
		{ "1d 00000001 'x' 0102", ST_OK, "0102" },
		{ "1d 00000002 'x' 00 0102", ST_OK, "0102" },
		{ "05", ST_DENIED, "" },
		{ "1c", ST_DENIED, "" },
		{ "05 00000001 'x'", ST_DENIED, "" },
		{ "06", ST_MALFORMED, "" },
		{ "0c 00000001 'x'", ST_MALFORMED, "" },
		{ "1d", ST_MALFORMED, "" },
		{ "1d 00000002 'x'", ST_MALFORMED, "" },
		{ "1d 00000000", ST_MALFORMED, "" },
		{ "1d 00000001 'y'", ST_MALFORMED, "" },
		{ "1d 00000002 'xy'", ST_MALFORMED, "" },
	};
	struct wire_reader r;
	struct reply reply;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		struct slice in = hex(cases[i].in);
		int st;

		assert_int_equal(reply_decode(in, &reply), ST_OK);
		r = wire_reader(in);
		st = reply_get_extension(&reply, "x", &r);
		if (st != cases[i].st)
			fail_msg("in: %s: %s", cases[i].in, status_name(st));
		hex_expect(cases[i].in, r.rest, hex(cases[i].contents));
	}
}

static void
reply_without_room_is_full(void **state)
{
	struct slice out;
	size_t cap;

	(void)state;
	for (cap = 0; cap < 1 + 4 + 4 + 2 + 4 + 3; cap++) {
		struct wire_writer w = wire_writer(hex_alloc(cap), cap);

		reply_put_signature(&w, "ab", hex("010203"));
		assert_int_equal(wire_done(&w, &out), ST_TOO_LARGE);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_are_one_byte),
		cmocka_unit_test(empty_list_is_a_number_only),
		cmocka_unit_test(list_is_pairs_of_blob_and_comment),
		cmocka_unit_test(signature_is_a_string_of_two),
		cmocka_unit_test(query_answer_has_openssh_bytes),
		cmocka_unit_test(decode_splits_the_number_off),
		cmocka_unit_test(extension_answer_must_be_the_named_one),
		cmocka_unit_test(reply_without_room_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
