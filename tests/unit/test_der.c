#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keys/der.h"

#define BYTES(s)	{ (const uint8_t *)(s), sizeof(s) - 1 }

static const struct {
	struct slice	 in;
	struct slice	 want;		/* p NULL: malformed */
	size_t		 left;
} lengths[] = {
	{ BYTES("\x04\x00"), BYTES(""), 0 },
	{ BYTES("\x04\x02""abc"), BYTES("ab"), 1 },
	{ BYTES(""), { NULL, 0 }, 0 },
	{ BYTES("\x04"), { NULL, 0 }, 0 },
	{ BYTES("\x04\x03""ab"), { NULL, 0 }, 0 },
	{ BYTES("\x05\x00"), { NULL, 0 }, 0 },
	/* Not the shortest form, and the indefinite one. */
	{ BYTES("\x04\x81\x02""ab"), { NULL, 0 }, 0 },
	{ BYTES("\x04\x82\x00\x81"), { NULL, 0 }, 0 },
	{ BYTES("\x04\x80""ab\x00\x00"), { NULL, 0 }, 0 },
	/* Longer than anything there is. */
	{ BYTES("\x04\x84\xff\xff\xff\xff""ab"), { NULL, 0 }, 0 },
	{ BYTES("\x04\x85\x01\x00\x00\x00\x00""ab"), { NULL, 0 }, 0 },
	{ BYTES("\x04\x88\xff\xff\xff\xff\xff\xff\xff\xff"), { NULL, 0 }, 0 },
	{ BYTES("\x04\x82\x01"), { NULL, 0 }, 0 },
};

static void
elements_have_definite_shortest_lengths(void **state)
{
	struct slice in, out;
	int st;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		in = lengths[i].in;
		st = der_get(&in, DER_OCTET_STRING, &out);
		if (lengths[i].want.p == NULL) {
			assert_int_equal(st, ST_MALFORMED);
			assert_ptr_equal(in.p, lengths[i].in.p);
			assert_int_equal(in.len, lengths[i].in.len);
			assert_int_equal(out.len, 0);
			continue;
		}
		assert_int_equal(st, ST_OK);
		assert_true(slice_eq(out, lengths[i].want));
		assert_int_equal(in.len, lengths[i].left);
	}
}

static void
a_long_length_is_read(void **state)
{
	uint8_t buf[4 + 300] = { 0x30, 0x82, 0x01, 0x2c };
	struct slice in = { buf, sizeof(buf) }, out;

	(void)state;
	assert_int_equal(der_get(&in, DER_SEQUENCE, &out), ST_OK);
	assert_int_equal(out.len, 300);
	assert_int_equal(in.len, 0);
	in = (struct slice){ buf, sizeof(buf) - 1 };
	assert_int_equal(der_get(&in, DER_SEQUENCE, &out), ST_MALFORMED);
}

static const struct {
	struct slice	 in;
	struct slice	 want;		/* p NULL: malformed */
} numbers[] = {
	{ BYTES("\x02\x01\x00"), BYTES("") },
	{ BYTES("\x02\x01\x7f"), BYTES("\x7f") },
	{ BYTES("\x02\x02\x00\x80"), BYTES("\x80") },
	{ BYTES("\x02\x02\x01\x00"), BYTES("\x01\x00") },
	{ BYTES("\x02\x00"), { NULL, 0 } },
	{ BYTES("\x02\x01\x80"), { NULL, 0 } },
	{ BYTES("\x02\x02\xff\x7f"), { NULL, 0 } },
	{ BYTES("\x02\x02\x00\x7f"), { NULL, 0 } },
	{ BYTES("\x02\x02\x00\x00"), { NULL, 0 } },
	{ BYTES("\x04\x01\x01"), { NULL, 0 } },
};

static void
numbers_are_shortest_and_not_negative(void **state)
{
	struct slice in, out;
	int st;

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		in = numbers[i].in;
		st = der_get_uint(&in, &out);
		assert_int_equal(st, numbers[i].want.p == NULL ?
		    ST_MALFORMED : ST_OK);
		if (st == ST_OK)
			assert_true(slice_eq(out, numbers[i].want));
		else
			assert_ptr_equal(in.p, numbers[i].in.p);
	}
}

static void
versions_are_one_byte(void **state)
{
	struct slice in = BYTES("\x02\x01\x01");
	unsigned v = 99;

	(void)state;
	assert_int_equal(der_get_small(&in, &v), ST_OK);
	assert_int_equal(v, 1);
	in = (struct slice)BYTES("\x02\x01\x00");
	assert_int_equal(der_get_small(&in, &v), ST_OK);
	assert_int_equal(v, 0);
	in = (struct slice)BYTES("\x02\x02\x01\x00");
	assert_int_equal(der_get_small(&in, &v), ST_MALFORMED);
}

static void
bit_strings_are_whole_bytes(void **state)
{
	struct slice in = BYTES("\x03\x03\x00""ab"), out;

	(void)state;
	assert_int_equal(der_get_bits(&in, DER_BIT_STRING, &out), ST_OK);
	assert_true(slice_eq_str(out, "ab"));
	in = (struct slice)BYTES("\x03\x03\x01""ab");
	assert_int_equal(der_get_bits(&in, DER_BIT_STRING, &out),
	    ST_MALFORMED);
	in = (struct slice)BYTES("\x03\x00");
	assert_int_equal(der_get_bits(&in, DER_BIT_STRING, &out),
	    ST_MALFORMED);
	in = (struct slice)BYTES("\x81\x02\x00""a");
	assert_int_equal(der_get_bits(&in, DER_CONTEXT_BYTES(1), &out),
	    ST_OK);
	assert_true(slice_eq_str(out, "a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_have_definite_shortest_lengths),
		cmocka_unit_test(a_long_length_is_read),
		cmocka_unit_test(numbers_are_shortest_and_not_negative),
		cmocka_unit_test(versions_are_one_byte),
		cmocka_unit_test(bit_strings_are_whole_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
