/*
 * How far names are from each other.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "base/nearest.h"

static void
edits_are_counted(void **state)
{
	static const struct {
		const char	*a, *b;
		size_t		 edits;
	} t[] = {
		{ "", "", 0 },
		{ "", "abc", 3 },
		{ "port", "port", 0 },
		{ "port", "Port", 1 },	/* changed */
		{ "prt", "port", 1 },	/* left out */
		{ "ports", "port", 1 },	/* put in */
		{ "prot", "port", 2 },	/* two that changed places */
		{ "kitten", "sitting", 3 },
		{ "abc", "xyz", 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		size_t alen = strlen(t[i].a), blen = strlen(t[i].b);

		assert_int_equal(nearest_edits(t[i].a, alen, t[i].b, blen),
		    t[i].edits);
		assert_int_equal(nearest_edits(t[i].b, blen, t[i].a, alen),
		    t[i].edits);
	}
}

static void
the_lengths_count_and_no_nul(void **state)
{
	(void)state;
	assert_int_equal(nearest_edits("portal", 4, "ports", 4), 0);
	assert_int_equal(nearest_edits("a\0b", 3, "a\0c", 3), 1);
}

static void
what_is_longer_is_near_nothing(void **state)
{
	char a[NEAREST_MAX + 1];

	(void)state;
	memset(a, 'a', sizeof(a));
	assert_int_equal(nearest_edits(a, NEAREST_MAX, a, NEAREST_MAX), 0);
	assert_int_equal(nearest_edits(a, NEAREST_MAX, "", 0), NEAREST_MAX);
	assert_true(nearest_edits(a, NEAREST_MAX + 1, a, 1) == SIZE_MAX);
	assert_true(nearest_edits(a, 1, a, NEAREST_MAX + 1) == SIZE_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits_are_counted),
		cmocka_unit_test(the_lengths_count_and_no_nul),
		cmocka_unit_test(what_is_longer_is_near_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
