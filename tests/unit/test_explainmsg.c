#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/explainmsg.h"
#include "support/hex.h"

#define ITEM "00000004 'line' 00000002 'do' 0102030405060708 "

static void
an_item_has_its_shape(void **state)
{
	const struct explainmsg_item item = { .line = slice_str("line"),
		.remedy = slice_str("do"), .first_ms = 0x0102030405060708 };
	struct slice want = hex(ITEM);
	struct wire_writer w = wire_writer(hex_alloc(want.len), want.len);

	(void)state;
	explainmsg_put(&w, &item);
	hex_expect_written("item", &w, want);
}

static void
an_item_is_read_and_what_follows_is_left(void **state)
{
	struct wire_reader r = wire_reader(hex(ITEM "00000000 00000000 "
	    "0000000000000000 ff"));
	struct explainmsg_item item;

	(void)state;
	assert_int_equal(explainmsg_get(&r, &item), ST_OK);
	hex_expect("line", item.line, hex("'line'"));
	hex_expect("remedy", item.remedy, hex("'do'"));
	assert_true(item.first_ms == 0x0102030405060708);
	assert_int_equal(explainmsg_get(&r, &item), ST_OK);
	assert_int_equal(item.line.len, 0);
	assert_int_equal(item.remedy.len, 0);
	assert_true(item.first_ms == 0);
	hex_expect("rest", r.rest, hex("ff"));
}

static void
an_item_cut_short_anywhere_is_malformed(void **state)
{
	struct slice whole = hex(ITEM);
	struct explainmsg_item item;

	(void)state;
	for (size_t len = 0; len < whole.len; len++) {
		struct wire_reader r = wire_reader(hex_copy(
		    (struct slice){ whole.p, len }));

		assert_int_equal(explainmsg_get(&r, &item), ST_MALFORMED);
	}
}

static void
a_length_past_the_end_is_malformed(void **state)
{
	static const char *const cases[] = {
		"00000005 'line'", "ffffffff 'line'",
		"00000004 'line' 00000003 'do'", "00000004 'line' 80000000 'do'",
	};
	struct explainmsg_item item;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_reader r = wire_reader(hex(cases[i]));

		assert_int_equal(explainmsg_get(&r, &item), ST_MALFORMED);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_item_has_its_shape),
		cmocka_unit_test(an_item_is_read_and_what_follows_is_left),
		cmocka_unit_test(an_item_cut_short_anywhere_is_malformed),
		cmocka_unit_test(a_length_past_the_end_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
