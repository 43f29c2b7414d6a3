#include "proto/extension.h"

#include "proto/keyblob.h"
#include "support/hex.h"
#include "support/session_vectors.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
openssh_bind_is_read_and_written_back(void **state)
{
	struct slice in = hex(session_vectors[SESSION_BIND]);
	struct wire_writer w = wire_writer(hex_alloc(in.len), in.len);
	struct public_fields hostkey;
	struct bind_request req;

	(void)state;
	memset(&req, 0xff, sizeof(req));
	assert_int_equal(bind_request_decode(in, &req), ST_OK);
	assert_int_equal(keyblob_decode(req.hostkey, &hostkey), ST_OK);
	assert_int_equal(hostkey.type, KEY_ECDSA_P256);
	assert_int_equal(req.session_id.len, 64);
	assert_false(req.forwarding);
	bind_request_put(&w, &req);
	hex_expect_written("bind", &w, in);
}

static void
fields_of_a_bind_are_told_apart(void **state)
{
	struct bind_request req;

	(void)state;
	assert_int_equal(bind_request_decode(hex("00000003 'key' "
	    "00000002 'id' 00000009 'signature' 01"), &req), ST_OK);
	hex_expect("hostkey", req.hostkey, hex("'key'"));
	hex_expect("session id", req.session_id, hex("'id'"));
	hex_expect("signature", req.signature, hex("'signature'"));
	assert_true(req.forwarding);
}

static void
what_a_bind_holds_is_not_judged_here(void **state)
{
	static const struct {
		const char *in;
		bool forwarding;
	} cases[] = {
		{ "00000000 00000000 00000000 00", false },
		{ "00000000 00000000 00000000 02", true },
		{ "00000000 00000000 00000000 ff", true },
		/* bytes after the fields are ignored */
		{ "00000000 00000000 00000000 00 01", false },
		{ "00000000 00000000 00000000 01 'more'", true },
	};
	struct bind_request req;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		assert_int_equal(bind_request_decode(hex(cases[i].in), &req),
		    ST_OK);
		assert_int_equal(req.forwarding, cases[i].forwarding);
	}
}

static void
bind_cut_short_anywhere_is_malformed(void **state)
{
	struct slice whole = hex(session_vectors[SESSION_BIND]);
	struct bind_request req;
	size_t len;

	(void)state;
	for (len = 0; len < whole.len; len++)
		assert_int_equal(bind_request_decode(hex_copy(
		    (struct slice){ whole.p, len }), &req), ST_MALFORMED);
}

static void
load_requests_are_read_and_written_back(void **state)
{
	static const struct {
		const char *in;
		enum load_op op;
		const char *arg;
	} cases[] = {
		{ "01 00000004 'work'", LOAD_BEGIN, "'work'" },
		{ "01 00000000", LOAD_BEGIN, "" },
		{ "02 00000003 0001ff", LOAD_CHUNK, "0001ff" },
		{ "02 00000000", LOAD_CHUNK, "" },
		{ "03", LOAD_COMMIT, "" },
		{ "04 00000004 'work'", LOAD_REMOVE, "'work'" },
		{ "05", LOAD_REMOVE_ALL, "" },
		{ "06 00000003 0001ff", LOAD_FINISH, "0001ff" },
	};
	struct load_request req;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		struct slice in = hex(cases[i].in);
		struct wire_writer w = wire_writer(hex_alloc(in.len), in.len);

		assert_int_equal(load_request_decode(in, &req), ST_OK);
		assert_int_equal(req.op, cases[i].op);
		hex_expect(cases[i].in, req.arg, hex(cases[i].arg));
		load_request_put(&w, &req);
		hex_expect_written(cases[i].in, &w, in);
	}
}

static void
broken_load_requests_are_refused(void **state)
{
	static const struct {
		const char *in;
		int st;
	} cases[] = {
		{ "", ST_MALFORMED },
		{ "00", ST_UNSUPPORTED },
		{ "04", ST_MALFORMED },
		{ "04 00000000", ST_MALFORMED },
		{ "04 00000001 'a' 00", ST_MALFORMED },
		{ "04 00000003 'a' 00 'b'", ST_MALFORMED },
		{ "05 00", ST_MALFORMED },
		{ "06", ST_MALFORMED },
		{ "06 00000002 00", ST_MALFORMED },
		{ "07", ST_UNSUPPORTED },
		{ "ff", ST_UNSUPPORTED },
		{ "01", ST_MALFORMED },
		{ "01 00000002 'a'", ST_MALFORMED },
		{ "01 00000003 'a' 00 'b'", ST_MALFORMED },
		{ "01 00000001 'a' 00", ST_MALFORMED },
		{ "02 000000", ST_MALFORMED },
		{ "02 00000001 'a' 'b'", ST_MALFORMED },
		{ "03 00", ST_MALFORMED },
	};
	struct load_request req;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		int st = load_request_decode(hex(cases[i].in), &req);

		if (st != cases[i].st)
			fail_msg("in: %s: %s", cases[i].in, status_name(st));
	}
}

/* Decode a load request whose argument is that long. */
static int
decode_with(enum load_op op, size_t len)
{
	struct load_request req = { op, hex_fill('a', len) };
	struct wire_writer w = wire_writer(hex_alloc(1 + 4 + len), 5 + len);
	struct slice in;

	load_request_put(&w, &req);
	assert_int_equal(wire_done(&w, &in), ST_OK);
	return load_request_decode(in, &req);
}

static void
arguments_may_be_as_long_as_their_limit(void **state)
{
	(void)state;
	assert_int_equal(decode_with(LOAD_BEGIN, LOAD_NAME_MAX), ST_OK);
	assert_int_equal(decode_with(LOAD_BEGIN, LOAD_NAME_MAX + 1),
	    ST_TOO_LARGE);
	assert_int_equal(decode_with(LOAD_REMOVE, LOAD_NAME_MAX), ST_OK);
	assert_int_equal(decode_with(LOAD_REMOVE, LOAD_NAME_MAX + 1),
	    ST_TOO_LARGE);
	assert_int_equal(decode_with(LOAD_CHUNK, LOAD_CHUNK_MAX), ST_OK);
	assert_int_equal(decode_with(LOAD_FINISH, LOAD_CHUNK_MAX), ST_OK);
	assert_int_equal(decode_with(LOAD_FINISH, LOAD_CHUNK_MAX + 1),
	    ST_TOO_LARGE);
	assert_int_equal(decode_with(LOAD_CHUNK, LOAD_CHUNK_MAX + 1),
	    ST_TOO_LARGE);
}

static void
load_answers_are_read_and_written_back(void **state)
{
	static const struct {
		const char *in;
		uint8_t verdict;
		uint32_t item;
		const char *text, *data;
	} cases[] = {
		{ "00 00000000 00000000 00000000", 0, 0, "", "" },
		{ "00 00000000 00000000 00000003 0001ff", 0, 0, "",
		    "0001ff" },
		{ "01 00000007 00000003 'why' 00000000", 1, 7, "'why'", "" },
	};
	struct load_answer ans;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		struct slice in = hex(cases[i].in);
		struct wire_reader r = wire_reader(in);
		struct wire_writer w = wire_writer(hex_alloc(in.len), in.len);

		assert_int_equal(load_answer_decode(&r, &ans), ST_OK);
		assert_true(wire_end(&r));
		assert_int_equal(ans.verdict, cases[i].verdict);
		assert_int_equal(ans.item, cases[i].item);
		hex_expect(cases[i].in, ans.text, hex(cases[i].text));
		hex_expect(cases[i].in, ans.data, hex(cases[i].data));
		load_answer_put(&w, &ans);
		hex_expect_written(cases[i].in, &w, in);
	}
}

static void
broken_load_answers_are_malformed(void **state)
{
	static const char *const cases[] = {
		"02 00000000 00000000 00000000",
		"ff 00000000 00000000 00000000",
		"00 00000000 00000003 'a' 00 'b' 00000000",
		"00 00000000 00000001 'a' 00000000 00",
	};
	struct slice whole = hex("01 00000007 00000003 'why' 00000001 'd'");
	struct load_answer ans;
	struct wire_reader r;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		struct slice in = hex(cases[i]);

		r = wire_reader(in);
		if (load_answer_decode(&r, &ans) != ST_MALFORMED)
			fail_msg("in: %s", cases[i]);
		assert_ptr_equal(r.rest.p, in.p);
		assert_int_equal(r.rest.len, in.len);
	}
	for (i = 0; i < whole.len; i++) {
		r = wire_reader(hex_copy((struct slice){ whole.p, i }));
		assert_int_equal(load_answer_decode(&r, &ans), ST_MALFORMED);
		assert_int_equal(r.rest.len, i);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(openssh_bind_is_read_and_written_back),
		cmocka_unit_test(fields_of_a_bind_are_told_apart),
		cmocka_unit_test(what_a_bind_holds_is_not_judged_here),
		cmocka_unit_test(bind_cut_short_anywhere_is_malformed),
		cmocka_unit_test(load_requests_are_read_and_written_back),
		cmocka_unit_test(broken_load_requests_are_refused),
		cmocka_unit_test(arguments_may_be_as_long_as_their_limit),
		cmocka_unit_test(load_answers_are_read_and_written_back),
		cmocka_unit_test(broken_load_answers_are_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
