/*
 * loadpipe: the lines of a loading process, made and taken apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/loadpipe.h"

static char buf[2 * LOADPIPE_LINE_MAX];

/* The line in text, without its end. */
static struct slice
put(const struct loadpipe_line *line)
{
	struct text t;

	text_init(&t, buf, sizeof(buf));
	loadpipe_put(&t, line);
	assert_false(t.full);
	assert_true(t.len > 0 && t.len <= LOADPIPE_LINE_MAX);
	assert_int_equal(buf[t.len - 1], '\n');
	assert_null(memchr(buf, '\n', t.len - 1));
	return (struct slice){ (const uint8_t *)buf, t.len - 1 };
}

static int
get(const char *line)
{
	struct loadpipe_line out;

	return loadpipe_get(slice_str(line), &out);
}

static void
each_line_comes_back(void **state)
{
	const struct loadpipe_line lines[] = {
		{ .kind = LOADPIPE_HELLO, .key = { 0, 1, 0xab, [31] = 0xff },
		  .text = slice_str("0.1.0 x86_64") },
		{ .kind = LOADPIPE_STAGED },
		{ .kind = LOADPIPE_KEY,
		  .text = slice_str("ssh-ed25519 SHA256:x a b") },
		{ .kind = LOADPIPE_DONE, .n = 20 },
		{ .kind = LOADPIPE_FAILED, .n = 4, .item = 999999999,
		  .text = slice_str("no room") },
	};
	struct loadpipe_line out;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(loadpipe_get(put(&lines[i]), &out), ST_OK);
		assert_int_equal(out.kind, lines[i].kind);
		assert_int_equal(out.n, lines[i].n);
		assert_int_equal(out.item, lines[i].item);
		assert_memory_equal(out.key, lines[i].key, LOAD_PUBLIC_KEY);
		assert_true(slice_eq(out.text, lines[i].text));
	}
}

static void
lines_are_as_the_paper_says(void **state)
{
	const struct loadpipe_line failed = { .kind = LOADPIPE_FAILED, .n = 1,
		.item = 3, .text = slice_str("a\nb\x1b[2J") };
	struct slice s;

	(void)state;
	s = put(&failed);
	assert_true(slice_eq_str(s,
	    "bottle-load: failed 1 3 a\\x0ab\\x1b[2J"));
}

static void
a_long_text_is_cut(void **state)
{
	static uint8_t junk[100000];
	const struct loadpipe_line line = { .kind = LOADPIPE_KEY,
		.text = { junk, sizeof(junk) } };

	(void)state;
	assert_true(put(&line).len < LOADPIPE_LINE_MAX);
}

static void
a_carriage_return_may_end_it(void **state)
{
	(void)state;
	assert_int_equal(get("bottle-load: staged\r"), ST_OK);
	assert_int_equal(get("bottle-load: done 3\r"), ST_OK);
}

static void
other_lines_are_none_of_ours(void **state)
{
	(void)state;
	assert_int_equal(get(""), ST_NOT_FOUND);
	assert_int_equal(get("bottle-load:"), ST_NOT_FOUND);
	assert_int_equal(get(" bottle-load: staged"), ST_NOT_FOUND);
	assert_int_equal(get("Bottle-load: staged"), ST_NOT_FOUND);
	assert_int_equal(get("bottle-agent: error: x"), ST_NOT_FOUND);
}

static void
broken_lines_are_refused(void **state)
{
	static const char *const lines[] = {
		"", "stage", "stagedx", "staged ", "staged 1", "done",
		"done ", "done x", "done 1 ", "done 1x", "done -1",
		"done 1234567890", "failed", "failed 1", "failed 1 2",
		"failed 1 x y", "failed x 1 y", "key", "hello",
		"hello 00", "done 1\n", "key a\nb",
		/* One digit too few, too many, and one that is none. */
		"hello 000000000000000000000000000000000000000000000000"
		"000000000000000 v",
		"hello 000000000000000000000000000000000000000000000000"
		"00000000000000000 v",
		"hello 0000000000000000000000000000000000000000000000000"
		"00000000000000G v",
		"hello 0000000000000000000000000000000000000000000000000"
		"000000000000000",
	};
	char line[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		(void)snprintf(line, sizeof(line), "%s%s", LOADPIPE_MARK,
		    lines[i]);
		if (get(line) != ST_MALFORMED)
			fail_msg("taken: %s", line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_comes_back),
		cmocka_unit_test(lines_are_as_the_paper_says),
		cmocka_unit_test(a_long_text_is_cut),
		cmocka_unit_test(a_carriage_return_may_end_it),
		cmocka_unit_test(other_lines_are_none_of_ours),
		cmocka_unit_test(broken_lines_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
