#include "base/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

struct row {
	const char	*pattern, *text;
	bool		 want;
};

typedef bool match_fn(const char *pattern, size_t plen, const char *text,
    size_t tlen);

static void
check(match_fn *match, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		/* Their NULs are no part of them. */
		bool got = match(r->pattern, strlen(r->pattern), r->text,
		    strlen(r->text));

		if (got != r->want)
			fail_msg("\"%s\" and \"%s\"", r->pattern, r->text);
	}
}

static void
patterns_match_all_of_the_text(void **state)
{
	static const struct row rows[] = {
		{ "", "", true },
		{ "", "a", false },
		{ "a", "", false },
		{ "a", "a", true },
		{ "a", "A", false },
		{ "a", "ab", false },
		{ "ab", "a", false },
		{ "b", "ab", false },
		{ "?", "a", true },
		{ "?", "", false },
		{ "?", "ab", false },
		{ "??", "ab", true },
		{ "a?c", "abc", true },
		{ "a?c", "ac", false },
		{ "*", "", true },
		{ "*", "abc", true },
		{ "**", "", true },
		{ "***", "abc", true },
		{ "a*", "a", true },
		{ "a*", "abc", true },
		{ "a*", "ba", false },
		{ "*c", "abc", true },
		{ "*c", "abcd", false },
		{ "*c", "cc", true },
		{ "a*c", "ac", true },
		{ "a*c", "abcbc", true },
		{ "a*c", "abcb", false },
		{ "a*b*c", "axbxbxc", true },
		{ "a*b*c", "axcxb", false },
		{ "ab*bx", "abx", false },
		{ "*ab", "aab", true },
		{ "*aab", "aaab", true },
		{ "*?", "", false },
		{ "*?", "a", true },
		{ "?*?", "a", false },
		{ "?*?", "ab", true },
		{ "*.example", "h1.example", true },
		{ "*.example", "example", false },
		{ "*.example", "h1.example.org", false },
		{ "10.0.0.?", "10.0.0.77", false },
	};

	(void)state;
	check(pattern_match, rows, N(rows));
}

static void
nothing_escapes_and_classes_are_text(void **state)
{
	static const struct row rows[] = {
		{ "\\*", "*", false },
		{ "\\*", "\\abc", true },
		{ "[ab]", "a", false },
		{ "[ab]", "[ab]", true },
		{ "!a", "b", false },
		{ "!a", "!a", true },
		{ "*", "*", true },
		{ "a*", "*", false },
		{ "a,b", "a", false },
		{ "a,b", "a,b", true },
		{ "\xff?", "\xff\x80", true },
	};

	(void)state;
	check(pattern_match, rows, N(rows));
}

static void
only_the_given_bytes_count(void **state)
{
	(void)state;
	assert_true(pattern_match("ab!!", 2, "ab??", 2));
	assert_false(pattern_match("ab", 2, "ab", 1));
	assert_true(pattern_match(NULL, 0, NULL, 0));
	assert_true(pattern_match("a\0b", 3, "a\0b", 3));
	assert_false(pattern_match("a\0b", 3, "a\0c", 3));
	assert_true(pattern_list_match("a,b!!", 3, "b", 1));
	assert_false(pattern_list_match(NULL, 0, NULL, 0));
}

static void
lists_take_one_that_matches_and_none_negated(void **state)
{
	static const struct row rows[] = {
		{ "", "", false },
		{ "", "a", false },
		{ "a", "a", true },
		{ "a", "b", false },
		{ "a,b", "b", true },
		{ "a,b", "a,b", false },
		{ "b*,a*", "abc", true },
		{ "*,!b", "a", true },
		{ "*,!b", "b", false },
		{ "!b,*", "b", false },
		{ "!b,*", "a", true },
		{ "!b", "a", false },
		{ "!a", "a", false },
		{ "a,!a", "a", false },
		{ "!*", "a", false },
		{ "a,", "a", true },
		{ ",a", "a", true },
		{ ",a", "", true },
		{ "a,!", "a", true },
		{ "!!a,*", "!a", false },
		{ "ssh:*,https://a?", "https://ab", true },
		{ "a, b", "b", false },
	};

	(void)state;
	check(pattern_list_match, rows, N(rows));
}

/* Backtracking to every star would take longer than anyone lives. */
static void
stars_without_end_take_no_time(void **state)
{
	enum { PATTERN = 256, TEXT = 64 * 1024 };
	static char pattern[PATTERN], text[TEXT];
	int64_t begun = clock_ms();

	(void)state;
	for (size_t i = 0; i < PATTERN; i++)
		pattern[i] = i % 2 == 0 ? '*' : 'a';
	pattern[PATTERN - 1] = 'b';
	memset(text, 'a', TEXT);
	assert_false(pattern_match(pattern, PATTERN, text, TEXT));
	/* 16 million steps at most; a minute also under valgrind. */
	assert_true(clock_ms() - begun < 60000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_all_of_the_text),
		cmocka_unit_test(nothing_escapes_and_classes_are_text),
		cmocka_unit_test(only_the_given_bytes_count),
		cmocka_unit_test(lists_take_one_that_matches_and_none_negated),
		cmocka_unit_test(stars_without_end_take_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
