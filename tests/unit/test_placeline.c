/*
 * Lines that a file has, and what of it goes when they go.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "forwarder/placeline.h"

#define SSH	"Include ~/.ssh/bottle-agent/*/config\n"
#define PATH	"\tpath = ~/.ssh/bottle-agent/a/gitconfig\n"
#define GIT	"[include]\n" PATH
#define OURS	".ssh/bottle-agent/"

static void
lines_stand_where_they_stand(void **state)
{
	static const struct {
		const char *text, *lines;
		bool has;
	} cases[] = {
		{ "", "a\n", false },
		{ "a", "a\n", true },
		{ "a\n", "a", true },
		{ "b\na\r\nc", "a\n", true },
		{ "ab\n", "a\n", false },
		{ " a\n", "a\n", false },
		{ "a\nb\n", "a\nb\n", true },
		{ "a\n\nb\n", "a\nb\n", false },
		{ "a\na\nb\n", "a\nb\n", true },
		{ "\xef\xbb\xbf" "a\n", "a\n", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (placeline_has(slice_str(cases[i].text),
		    slice_str(cases[i].lines)) != cases[i].has)
			fail_msg("case %zu", i);
}

/* What is left of ${text}; NULL: nothing was to be taken out. */
static const char *
cut(const char *text, const char *lines)
{
	static char left[512];
	size_t from, len;

	if (!placeline_cut(slice_str(text), slice_str(lines), OURS, &from,
	    &len))
		return NULL;
	assert_true(len > 0 && from + len <= strlen(text));
	(void)snprintf(left, sizeof(left), "%.*s%s", (int)from, text,
	    text + from + len);
	return left;
}

static void
lines_go_and_nothing_else(void **state)
{
	static const struct {
		const char *text, *lines, *left;
	} cases[] = {
		{ SSH, SSH, "" },
		{ SSH "Host a", SSH, "Host a" },
		{ SSH "\n\nHost a\r\n", SSH, "\n\nHost a\r\n" },
		{ "Host a\n" SSH "Host b\n", SSH, "Host a\nHost b\n" },
		{ "\xef\xbb\xbf" SSH "x", SSH, "\xef\xbb\xbf" "x" },
		{ "Include ~/.ssh/bottle-agent/*/config\r\nx\r\n", SSH,
		    "x\r\n" },
		{ "x\nInclude ~/.ssh/bottle-agent/*/config", SSH, "x\n" },
		/* Once, if somebody has it twice. */
		{ SSH SSH, SSH, SSH },
		{ "Host a\n", SSH, NULL },
		{ "", SSH, NULL },
		{ "# " SSH, SSH, NULL },

		{ GIT, GIT, "" },
		{ GIT "[user]\n", GIT, "[user]\n" },
		{ GIT "\n# mine\n ; x\n[user]\n", GIT,
		    "\n# mine\n ; x\n[user]\n" },
		{ GIT " [user]\n", GIT, " [user]\n" },
		/* The section has become somebody's. */
		{ GIT "\tpath = x\n[user]\n", GIT,
		    "[include]\n\tpath = x\n[user]\n" },
		{ GIT "# mine\n\tpath = x\n", GIT,
		    "[include]\n# mine\n\tpath = x\n" },
		{ "[user]\n" GIT "\tpath = x", GIT,
		    "[user]\n[include]\n\tpath = x" },
		{ "[include]\n\tpath = x\n" PATH "[user]\n", GIT,
		    "[include]\n\tpath = x\n[user]\n" },
		{ PATH, GIT, "" },
		{ "[include]\n", GIT, NULL },
		/* That of another load. */
		{ "[include]\n\tpath = ~/.ssh/bottle-agent/b/gitconfig\n", GIT,
		    NULL },
	};
	const char *left;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		left = cut(cases[i].text, cases[i].lines);
		if ((left == NULL) != (cases[i].left == NULL) ||
		    (left != NULL && strcmp(left, cases[i].left) != 0))
			fail_msg("case %zu: %s", i, left != NULL ? left :
			    "nothing");
	}
}

/* What lines were put on top of, at any place where they can be, comes out. */
static void
what_was_put_there_comes_out(void **state)
{
	static const char *const texts[] = { "", "\n", "x", "x\n", "\r\n",
		"[a]\n\tb = c", "# x\n[a]\n", "\xef\xbb\xbf", "\xef\xbb\xbf[a]" };
	static const char *const lines[] = { SSH, GIT };
	char all[512];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t k = 0; k < 2; k++) {
			size_t top = placeline_top(slice_str(texts[i]));

			/* git would not read it. */
			if (k == 1 && strchr("x", texts[i][0]) != NULL &&
			    texts[i][0] != '\0')
				continue;
			(void)snprintf(all, sizeof(all), "%.*s%s%s", (int)top,
			    texts[i], lines[k], texts[i] + top);
			assert_string_equal(cut(all, lines[k]), texts[i]);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_stand_where_they_stand),
		cmocka_unit_test(lines_go_and_nothing_else),
		cmocka_unit_test(what_was_put_there_comes_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
