#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/num.h"

/* Stands for "unchanged". */
#define KEPT	77

static void
u64_takes_digits_in_range_only(void **state)
{
	static const struct {
		const char	*text;
		uint64_t	 min, max;
		int		 st;
		uint64_t	 value;
	} t[] = {
		{ "0", 0, 9, ST_OK, 0 },
		{ "007", 0, 9, ST_OK, 7 },
		{ "9", 0, 9, ST_OK, 9 },
		{ "10", 0, 9, ST_TOO_LARGE, KEPT },
		{ "4", 5, 9, ST_TOO_LARGE, KEPT },
		{ "5", 5, 9, ST_OK, 5 },
		{ "18446744073709551615", 0, UINT64_MAX, ST_OK, UINT64_MAX },
		{ "18446744073709551616", 0, UINT64_MAX, ST_TOO_LARGE, KEPT },
		{ "99999999999999999999999", 0, UINT64_MAX, ST_TOO_LARGE,
		    KEPT },
		{ "99999999999999999999999x", 0, UINT64_MAX, ST_MALFORMED,
		    KEPT },
		{ "", 0, 9, ST_MALFORMED, KEPT },
		{ "-1", 0, 9, ST_MALFORMED, KEPT },
		{ "+1", 0, 9, ST_MALFORMED, KEPT },
		{ " 1", 0, 9, ST_MALFORMED, KEPT },
		{ "1 ", 0, 9, ST_MALFORMED, KEPT },
		{ "1\n", 0, 9, ST_MALFORMED, KEPT },
		{ "0x1", 0, 9, ST_MALFORMED, KEPT },
		{ "1.0", 0, 9, ST_MALFORMED, KEPT },
	};
	uint64_t value;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		value = KEPT;
		assert_int_equal(num_u64(t[i].text, t[i].min, t[i].max,
		    &value), t[i].st);
		assert_true(value == t[i].value);
	}
}

static void
duration_is_a_sum_of_numbers_with_units(void **state)
{
	static const struct {
		const char	*text;
		int		 st;
		uint32_t	 value;
	} t[] = {
		{ "0", ST_OK, 0 },
		{ "90", ST_OK, 90 },
		{ "90s", ST_OK, 90 },
		{ "10m", ST_OK, 600 },
		{ "10M", ST_OK, 600 },
		{ "1h30m", ST_OK, 5400 },
		{ "1h30", ST_OK, 3630 },
		{ "1w2d", ST_OK, 777600 },
		{ "1D1H1S", ST_OK, 90001 },
		{ "2147483647", ST_OK, INT32_MAX },
		{ "2147483648", ST_TOO_LARGE, KEPT },
		{ "2147483647s1", ST_TOO_LARGE, KEPT },
		{ "3550w5d3h14m7s", ST_OK, INT32_MAX },
		{ "3550w5d3h14m8s", ST_TOO_LARGE, KEPT },
		{ "3551w", ST_TOO_LARGE, KEPT },
		{ "99999999999999999999w", ST_TOO_LARGE, KEPT },
		{ "99999999999999999999w?", ST_MALFORMED, KEPT },
		{ "30500568904944w", ST_TOO_LARGE, KEPT },
		{ "", ST_MALFORMED, KEPT },
		{ "m", ST_MALFORMED, KEPT },
		{ "1x", ST_MALFORMED, KEPT },
		{ "1hh", ST_MALFORMED, KEPT },
		{ "1 h", ST_MALFORMED, KEPT },
		{ "-1", ST_MALFORMED, KEPT },
		{ "1h-1m", ST_MALFORMED, KEPT },
		{ "1h ", ST_MALFORMED, KEPT },
	};
	uint32_t value;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		value = KEPT;
		assert_int_equal(num_duration_s(t[i].text, &value), t[i].st);
		assert_int_equal(value, t[i].value);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(u64_takes_digits_in_range_only),
		cmocka_unit_test(duration_is_a_sum_of_numbers_with_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
