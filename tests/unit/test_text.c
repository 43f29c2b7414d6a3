#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

struct pair {
	const char	*in;
	const char	*out;
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static void
escape_leaves_nothing_that_a_terminal_obeys(void **state)
{
	static const struct pair t[] = {
		{ "", "" },
		{ "plain text ~", "plain text ~" },
		{ "a\\b", "a\\\\b" },
		{ "\x1b[2J", "\\x1b[2J" },
		{ "a\nb\r\t\a", "a\\x0ab\\x0d\\x09\\x07" },
		{ "\x7f", "\\x7f" },
		{ "Z\xc3\xbcrich", "Z\xc3\xbcrich" },		/* U+00FC */
		{ "\xe2\x82\xac", "\xe2\x82\xac" },		/* U+20AC */
		{ "\xf0\x9f\x94\x91", "\xf0\x9f\x94\x91" },	/* U+1F511 */
		{ "\xc2\x80", "\\xc2\\x80" },			/* C1 */
		{ "\xc2\x9b", "\\xc2\\x9b" },			/* CSI */
		{ "\xc2\x9f", "\\xc2\\x9f" },
		{ "\xc2\xa0", "\xc2\xa0" },
		{ "\x9b", "\\x9b" },
		/* Reordering and hiding, with their neighbours. */
		{ "\xd8\x9c", "\\xd8\\x9c" },			/* U+061C */
		{ "\xe2\x80\x8a", "\xe2\x80\x8a" },		/* U+200A */
		{ "\xe2\x80\x8b", "\\xe2\\x80\\x8b" },		/* U+200B */
		{ "\xe2\x80\x8f", "\\xe2\\x80\\x8f" },
		{ "\xe2\x80\x90", "\xe2\x80\x90" },
		{ "\xe2\x80\xa7", "\xe2\x80\xa7" },
		{ "\xe2\x80\xa8", "\\xe2\\x80\\xa8" },		/* U+2028 */
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae" },		/* U+202E */
		{ "\xe2\x80\xaf", "\xe2\x80\xaf" },
		{ "\xe2\x81\x9f", "\xe2\x81\x9f" },
		{ "\xe2\x81\xa0", "\\xe2\\x81\\xa0" },		/* U+2060 */
		{ "\xe2\x81\xa9", "\\xe2\\x81\\xa9" },		/* U+2069 */
		{ "\xe2\x81\xaa", "\xe2\x81\xaa" },
		{ "\xef\xbb\xbf", "\\xef\\xbb\\xbf" },		/* U+FEFF */
		{ "\xef\xbf\xb9", "\\xef\\xbf\\xb9" },		/* U+FFF9 */
		{ "\xf3\xa0\x81\xa1", "\\xf3\\xa0\\x81\\xa1" },	/* U+E0061 */
		/* Broken UTF-8. */
		{ "\xc3", "\\xc3" },
		{ "\xc3(", "\\xc3(" },
		{ "\xe2\x82", "\\xe2\\x82" },
		{ "\xe2\x82x", "\\xe2\\x82x" },
		{ "\xf0\x9f\x94", "\\xf0\\x9f\\x94" },
		{ "\x80", "\\x80" },
		{ "\xc0\xaf", "\\xc0\\xaf" },			/* overlong */
		{ "\xc1\xbf", "\\xc1\\xbf" },
		{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },
		{ "\xe0\x9f\xbf", "\\xe0\\x9f\\xbf" },
		{ "\xe0\xa0\x80", "\xe0\xa0\x80" },		/* U+0800 */
		{ "\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf" },
		{ "\xed\x9f\xbf", "\xed\x9f\xbf" },		/* U+D7FF */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },		/* surrogate */
		{ "\xed\xbf\xbf", "\\xed\\xbf\\xbf" },
		{ "\xee\x80\x80", "\xee\x80\x80" },		/* U+E000 */
		{ "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },	/* U+10FFFF */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
		{ "\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80" },
		{ "\xff", "\\xff" },
	};
	struct text x;
	char out[128];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		text_init(&x, out, sizeof(out));
		text_escape(&x, t[i].in, strlen(t[i].in));
		assert_string_equal(out, t[i].out);
		assert_int_equal(x.len, strlen(t[i].out));
		assert_false(x.full);
	}
	text_init(&x, out, sizeof(out));
	text_escape(&x, "a\0b", 3);
	assert_string_equal(out, "a\\x00b");
}

/* A sequence at the very end of an allocation: ASan sees one step too far. */
static void
escape_never_reads_past_the_end(void **state)
{
	static const char *const t[] = { "\xc3", "\xe2\x82", "\xf0\x9f\x94",
		"\xf0" };
	struct text x;
	char out[64], *copy;
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		n = strlen(t[i]);
		assert_non_null(copy = malloc(n));
		memcpy(copy, t[i], n);
		text_init(&x, out, sizeof(out));
		text_escape(&x, copy, n);
		assert_int_equal(x.len, 4 * n);
		free(copy);
	}
}

static void
json_strings_are_valid_whatever_goes_in(void **state)
{
	static const struct pair t[] = {
		{ "", "\"\"" },
		{ "abc", "\"abc\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "a\nb\x01", "\"a\\u000ab\\u0001\"" },
		{ "\x7f\xc2\x9b", "\"\\u007f\\u009b\"" },
		{ "\xe2\x80\xae" "a", "\"\\u202ea\"" },
		{ "\xef\xbb\xbf", "\"\\ufeff\"" },
		{ "\xf3\xa0\x81\x81", "\"\\udb40\\udc41\"" },
		{ "Z\xc3\xbcrich", "\"Z\xc3\xbcrich\"" },
		{ "\xf0\x9f\x94\x91", "\"\xf0\x9f\x94\x91\"" },
		{ "a\xff" "b", "\"a\xef\xbf\xbd" "b\"" },
		{ "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xc3\"", "\"\xef\xbf\xbd\\\"\"" },
	};
	struct text x;
	char out[128];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		text_init(&x, out, sizeof(out));
		text_json(&x, t[i].in, strlen(t[i].in));
		assert_string_equal(out, t[i].out);
		assert_false(x.full);
	}
}

/* The table, and what a real shell makes of each word. */
static void
shell_reads_back_what_went_in(void **state)
{
	static const struct pair t[] = {
		{ "/run/bottle-agent.sock", "/run/bottle-agent.sock" },
		{ "A-z_0.9", "A-z_0.9" },
		{ "", "''" },
		{ "a b", "'a b'" },
		{ "$(id)`id`", "'$(id)`id`'" },
		{ "it's", "'it'\\''s'" },
		{ "a!b", "'a'\\!'b'" },
		{ "~", "'~'" },
		{ "a;b&c|d>e", "'a;b&c|d>e'" },
		{ "a\\", "'a\\'" },
		{ "Z\xc3\xbcrich", "'Z\xc3\xbcrich'" },
		{ "two\nlines", "'two\nlines'" },
	};
	struct text x;
	char out[128], command[256], got[128];
	size_t i, n;
	FILE *f;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		text_init(&x, out, sizeof(out));
		text_shell(&x, t[i].in);
		assert_string_equal(out, t[i].out);

		(void)snprintf(command, sizeof(command), "printf %%s %s", out);
		assert_non_null(f = popen(command, "r"));
		n = fread(got, 1, sizeof(got) - 1, f);
		got[n] = '\0';
		assert_int_equal(pclose(f), 0);
		assert_string_equal(got, t[i].in);
	}
}

/* RFC 4648 section 10. */
static void
base64_follows_the_rfc(void **state)
{
	static const struct {
		const char *in, *padded, *bare;
	} t[] = {
		{ "", "", "" },
		{ "f", "Zg==", "Zg" },
		{ "fo", "Zm8=", "Zm8" },
		{ "foo", "Zm9v", "Zm9v" },
		{ "foob", "Zm9vYg==", "Zm9vYg" },
		{ "fooba", "Zm9vYmE=", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
		{ "\xfb\xff\xbf", "+/+/", "+/+/" },
	};
	struct text x;
	char out[32];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		text_init(&x, out, sizeof(out));
		text_base64(&x, t[i].in, strlen(t[i].in), true);
		assert_string_equal(out, t[i].padded);
		text_init(&x, out, sizeof(out));
		text_base64(&x, t[i].in, strlen(t[i].in), false);
		assert_string_equal(out, t[i].bare);
	}
}

static void
what_does_not_fit_is_left_out_and_said(void **state)
{
	struct text x;
	char out[6];

	(void)state;
	text_init(&x, out, sizeof(out));
	text_add(&x, "12345");
	assert_string_equal(out, "12345");
	assert_false(x.full);
	text_add(&x, "");
	assert_false(x.full);
	text_addc(&x, '6');
	assert_true(x.full);
	assert_string_equal(out, "12345");

	text_init(&x, out, sizeof(out));
	text_add(&x, "1234567");
	assert_string_equal(out, "12345");
	assert_true(x.full);

	text_init(&x, out, sizeof(out));
	text_addf(&x, "%d", 12345);
	assert_false(x.full);
	text_init(&x, out, sizeof(out));
	text_addf(&x, "%d", 123456);
	assert_string_equal(out, "12345");
	assert_true(x.full);

	/* Nothing comes after a hole, however short it is. */
	text_init(&x, out, sizeof(out));
	text_add(&x, "123");
	text_escape(&x, "\n", 1);
	text_add(&x, "4");
	assert_string_equal(out, "123");
	assert_true(x.full);

	text_init(&x, out, 1);
	text_addc(&x, 'x');
	assert_string_equal(out, "");
	assert_true(x.full);
}

static void
numbers_are_as_printf_has_them(void **state)
{
	static const uint64_t t[] = { 0, 9, 10, 4294967295, 4294967296,
		UINT64_MAX };
	char room[32], want[32];
	struct text x;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		text_init(&x, room, sizeof(room));
		text_addu(&x, t[i]);
		(void)snprintf(want, sizeof(want), "%llu",
		    (unsigned long long)t[i]);
		assert_string_equal(room, want);
		assert_false(x.full);
	}
	/* All of one or nothing: part of a number is another number. */
	text_init(&x, room, 5);
	text_addu(&x, 12345);
	assert_string_equal(room, "");
	assert_true(x.full);
}

static void
plain_text_is_cut_where_it_no_longer_fits(void **state)
{
	char room[16];
	struct text x;

	(void)state;
	for (size_t cap = 1; cap < 10; cap++) {
		text_init(&x, room, cap);
		text_escape(&x, "abcdefgh", 8);
		assert_int_equal(x.len, cap - 1 < 8 ? cap - 1 : 8);
		assert_memory_equal(room, "abcdefgh", x.len);
		assert_int_equal(x.full, cap < 9);
		text_init(&x, room, cap);
		text_json(&x, "abcdef", 6);
		assert_int_equal(x.len, cap - 1 < 8 ? cap - 1 : 8);
		assert_memory_equal(room, "\"abcdef\"", x.len);
		assert_int_equal(x.full, cap < 9);
	}
}

static void
a_cut_never_halves_a_character(void **state)
{
	static const char euro[] = "\xe2\x82\xac";
	struct text x;
	char out[16];
	size_t cap;

	(void)state;
	for (cap = 2; cap <= 8; cap++) {
		size_t want = cap - 1 < 1 ? 0 : 1 + (cap - 2) / 3 * 3;

		if (want > 4)
			want = 4;
		text_init(&x, out, cap);
		text_addf(&x, "a%s", euro);
		assert_int_equal(x.len, want);
		assert_int_equal(x.full, cap < 5);
		text_init(&x, out, cap);
		text_add(&x, "a\xe2\x82\xac");
		assert_int_equal(x.len, want);
		assert_int_equal(strlen(out), want);
	}
}

static void
a_cut_never_halves_an_escape(void **state)
{
	static const struct {
		const char	*in;
		size_t		 room;
		const char	*out;
	} t[] = {
		{ "ab\\x1bcd", 7, "ab\\x1b" "c" },
		{ "ab\\x1bcd", 6, "ab\\x1b" },
		{ "ab\\x1bcd", 5, "ab" },
		{ "ab\\x1bcd", 4, "ab" },
		{ "ab\\x1bcd", 3, "ab" },
		/* A backslash that is one. */
		{ "ab\\\\x1bcd", 6, "ab\\\\x1" },
		{ "ab\\\\x1bcd", 5, "ab\\\\x" },
		{ "ab\\\\x1bcd", 4, "ab\\\\" },
		{ "ab\\\\x1bcd", 3, "ab" },
		{ "a\\dir", 3, "a\\d" },
		{ "\\x1b", 2, "" },
		{ "\\x1b", 4, "\\x1" "b" },
	};
	char room[16];
	struct text x;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		text_init(&x, room, t[i].room + 1);
		text_add(&x, t[i].in);
		if (strcmp(room, t[i].out) != 0)
			fail_msg("%zu: %s", i, room);
		text_init(&x, room, t[i].room + 1);
		text_addf(&x, "%s", t[i].in);
		assert_string_equal(room, t[i].out);
	}
}

static void
a_cut_for_printf_ends_with_a_character(void **state)
{
	static const struct {
		const char	*in;
		int		 max, cut;
	} t[] = {
		{ "", 4, 0 },
		{ "abc", 4, 3 },
		{ "abcd", 4, 4 },
		{ "abcde", 4, 4 },
		{ "a\xe2\x82\xac" "b", 4, 4 },
		{ "a\xe2\x82\xac" "b", 3, 1 },
		{ "a\xe2\x82\xac", 2, 1 },
		{ "\xe2\x82\xac", 2, 0 },
		/* What was broken before is not mended. */
		{ "ab\xe2", 3, 3 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		assert_int_equal(text_cut(t[i].in, t[i].max), t[i].cut);
}

static void
printable_text_keeps_its_backslashes(void **state)
{
	char room[64];
	struct text x;

	(void)state;
	text_init(&x, room, sizeof(room));
	text_printable(&x, "\\x1b \x1b Z\xc3\xbc \xc2\x9b \xe2\x82", 16);
	assert_string_equal(room,
	    "\\x1b \\x1b Z\xc3\xbc \\xc2\\x9b \\xe2\\x82");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escape_leaves_nothing_that_a_terminal_obeys),
		cmocka_unit_test(escape_never_reads_past_the_end),
		cmocka_unit_test(json_strings_are_valid_whatever_goes_in),
		cmocka_unit_test(shell_reads_back_what_went_in),
		cmocka_unit_test(base64_follows_the_rfc),
		cmocka_unit_test(what_does_not_fit_is_left_out_and_said),
		cmocka_unit_test(numbers_are_as_printf_has_them),
		cmocka_unit_test(plain_text_is_cut_where_it_no_longer_fits),
		cmocka_unit_test(a_cut_never_halves_a_character),
		cmocka_unit_test(a_cut_never_halves_an_escape),
		cmocka_unit_test(a_cut_for_printf_ends_with_a_character),
		cmocka_unit_test(printable_text_keeps_its_backslashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
