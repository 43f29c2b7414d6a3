#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/approve.h"
#include "support/hex.h"

/* What every request comes to. */
static const struct {
	const char	*name;
	const char	*body;
	int		 st;
	struct approve_request want;
} requests[] = {
	{ "next", "01", ST_OK, { APPROVE_NEXT, 0, false } },
	{ "yes", "02 0000000701", ST_OK, { APPROVE_ANSWER, 7, true } },
	{ "no", "02 ffffffff00", ST_OK, { APPROVE_ANSWER, UINT32_MAX, false } },
	{ "nothing", "", ST_MALFORMED, { 0 } },
	{ "no such op", "00", ST_UNSUPPORTED, { 0 } },
	{ "no such op either", "03", ST_UNSUPPORTED, { 0 } },
	{ "next and more", "0100", ST_MALFORMED, { 0 } },
	{ "answer to nothing", "02", ST_MALFORMED, { 0 } },
	{ "id cut short", "02 000007", ST_MALFORMED, { 0 } },
	{ "no answer", "02 00000007", ST_MALFORMED, { 0 } },
	{ "neither yes nor no", "02 0000000702", ST_MALFORMED, { 0 } },
	{ "yes, more than 1", "02 00000007ff", ST_MALFORMED, { 0 } },
	{ "answer and more", "02 000000070101", ST_MALFORMED, { 0 } },
};

static void
requests_are_what_they_say(void **state)
{
	struct approve_request got;
	struct wire_writer w;
	uint8_t room[16];

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (approve_request_decode(hex(requests[i].body), &got) !=
		    requests[i].st)
			fail_msg("%s", requests[i].name);
		if (requests[i].st != ST_OK)
			continue;
		assert_int_equal(got.op, requests[i].want.op);
		assert_int_equal(got.id, requests[i].want.id);
		assert_int_equal(got.yes, requests[i].want.yes);
		w = wire_writer(room, sizeof(room));
		approve_request_put(&w, &got);
		hex_expect_written(requests[i].name, &w,
		    hex(requests[i].body));
	}
}

static struct approve_question
some_question(void)
{
	return (struct approve_question){
		.id = 1, .prompt = hex("'Allow?'0a'F.'"),
		.fingerprint = slice_str("SHA256:x"), .comment = hex("00ff'c'"),
		.what = slice_str("login as git"), .uid = 1000, .pid = 4242,
		.host = slice_str("SHA256:h"), .left_ms = 59999,
	};
}

static const char question_bytes[] = "00000001 00000009'Allow?'0a'F.'"
    "00000008'SHA256:x' 00000003 00ff'c' 0000000c'login as git'"
    "000003e8 00001092 00000008'SHA256:h' 0000ea5f";

static void
question_has_its_shape(void **state)
{
	struct approve_question q = some_question();
	uint8_t room[256];
	struct wire_writer w = wire_writer(room, sizeof(room));

	(void)state;
	approve_question_put(&w, &q);
	hex_expect_written("question", &w, hex(question_bytes));
}

static void
question_comes_back(void **state)
{
	struct approve_question want = some_question(), got;
	struct wire_reader r = wire_reader(hex(question_bytes));

	(void)state;
	assert_int_equal(approve_question_get(&r, &got), ST_OK);
	assert_true(wire_end(&r));
	assert_int_equal(got.id, want.id);
	hex_expect("prompt", got.prompt, want.prompt);
	hex_expect("fingerprint", got.fingerprint, want.fingerprint);
	hex_expect("comment", got.comment, want.comment);
	hex_expect("what", got.what, want.what);
	assert_int_equal(got.uid, want.uid);
	assert_int_equal(got.pid, want.pid);
	hex_expect("host", got.host, want.host);
	assert_int_equal(got.left_ms, want.left_ms);
}

static void
question_cut_short_anywhere_is_malformed(void **state)
{
	struct slice all = hex(question_bytes);
	struct approve_question got;
	struct wire_reader r;

	(void)state;
	for (size_t n = 0; n < all.len; n++) {
		r = wire_reader(hex_copy((struct slice){ all.p, n }));
		assert_int_equal(approve_question_get(&r, &got), ST_MALFORMED);
	}
}

static void
question_may_be_followed_by_more(void **state)
{
	struct approve_question got;
	struct wire_reader r;
	char more[sizeof(question_bytes) + 4];

	(void)state;
	(void)strcpy(more, question_bytes);
	(void)strcat(more, "ff");
	r = wire_reader(hex(more));
	assert_int_equal(approve_question_get(&r, &got), ST_OK);
	assert_int_equal(r.rest.len, 1);
}

/* What a question with one text of n bytes comes to. */
static int
with_text(size_t offset, size_t n)
{
	struct approve_question q = some_question(), got;
	static uint8_t room[2048];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct wire_reader r;
	struct slice out;

	*(struct slice *)(void *)((char *)&q + offset) = hex_fill('x', n);
	approve_question_put(&w, &q);
	assert_int_equal(wire_done(&w, &out), ST_OK);
	r = wire_reader(hex_copy(out));
	return approve_question_get(&r, &got);
}

static void
texts_have_their_limits(void **state)
{
	static const struct {
		size_t	 offset, max;
	} texts[] = {
		{ offsetof(struct approve_question, prompt),
			APPROVE_PROMPT_MAX },
		{ offsetof(struct approve_question, fingerprint),
			APPROVE_TEXT_MAX },
		{ offsetof(struct approve_question, comment),
			APPROVE_TEXT_MAX },
		{ offsetof(struct approve_question, what), APPROVE_TEXT_MAX },
		{ offsetof(struct approve_question, host), APPROVE_TEXT_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(with_text(texts[i].offset, 0), ST_OK);
		assert_int_equal(with_text(texts[i].offset, texts[i].max),
		    ST_OK);
		assert_int_equal(with_text(texts[i].offset, texts[i].max + 1),
		    ST_TOO_LARGE);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_what_they_say),
		cmocka_unit_test(question_has_its_shape),
		cmocka_unit_test(question_comes_back),
		cmocka_unit_test(question_cut_short_anywhere_is_malformed),
		cmocka_unit_test(question_may_be_followed_by_more),
		cmocka_unit_test(texts_have_their_limits),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
