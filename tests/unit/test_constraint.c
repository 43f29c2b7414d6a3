#include "proto/constraint.h"

#include "support/hex.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
known_constraints_are_read(void **state)
{
	static const struct {
		const char *in;
		bool has_lifetime;
		uint32_t lifetime_s;
		bool confirm;
	} cases[] = {
		{ "", false, 0, false },
		{ "01 00000000", true, 0, false },
		{ "01 0000012c", true, 300, false },
		{ "01 ffffffff", true, UINT32_MAX, false },
		{ "02", false, 0, true },
		{ "01 00000001 02", true, 1, true },
		{ "02 01 00000001", true, 1, true },
	};
	struct constraints c;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		memset(&c, 0xff, sizeof(c));
		assert_int_equal(constraint_parse(hex(cases[i].in), &c),
		    ST_OK);
		assert_int_equal(c.has_lifetime, cases[i].has_lifetime);
		assert_int_equal(c.lifetime_s, cases[i].lifetime_s);
		assert_int_equal(c.confirm, cases[i].confirm);
	}
}

static void
what_we_cannot_enforce_is_refused(void **state)
{
	static const struct {
		const char *in;
		int st;
	} cases[] = {
		/* cut short */
		{ "01", ST_MALFORMED },
		{ "01 000000", ST_MALFORMED },
		{ "02 01 000001", ST_MALFORMED },
		{ "ff", ST_MALFORMED },
		{ "ff 000000", ST_MALFORMED },
		{ "ff 00000003 'ab'", ST_MALFORMED },
		{ "ff ffffffff 'ab'", ST_MALFORMED },
		{ "ff 00000003 'a' 00 'b'", ST_MALFORMED },
		/* twice */
		{ "01 00000001 01 00000001", ST_MALFORMED },
		{ "01 00000000 02 01 00000005", ST_MALFORMED },
		{ "02 02", ST_MALFORMED },
		/* unknown */
		{ "00", ST_UNSUPPORTED },
		{ "03", ST_UNSUPPORTED },
		{ "03 00000001", ST_UNSUPPORTED },
		{ "fe", ST_UNSUPPORTED },
		{ "01 00000001 63", ST_UNSUPPORTED },
		{ "ff 00000000", ST_UNSUPPORTED },
		{ "ff 00000001 'x'", ST_UNSUPPORTED },
		{ "ff 00000024 'restrict-destination-v00@openssh.com'"
		    " 00000000", ST_UNSUPPORTED },
		{ "02 ff 00000017 'sk-provider@openssh.com'"
		    " 00000008 'internal'", ST_UNSUPPORTED },
	};
	struct constraints c;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		int st = constraint_parse(hex(cases[i].in), &c);

		if (st != cases[i].st)
			fail_msg("in: %s: %s", cases[i].in, status_name(st));
	}
}

static void
what_is_put_is_what_was_parsed(void **state)
{
	static const char *const cases[] = {
		"", "01 00000000", "01 0000012c", "02", "01 ffffffff 02",
	};
	struct constraints c;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		struct slice in = hex(cases[i]);
		struct wire_writer w = wire_writer(hex_alloc(in.len), in.len);

		assert_int_equal(constraint_parse(in, &c), ST_OK);
		constraint_put(&w, &c);
		hex_expect_written(cases[i], &w, in);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_constraints_are_read),
		cmocka_unit_test(what_we_cannot_enforce_is_refused),
		cmocka_unit_test(what_is_put_is_what_was_parsed),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
