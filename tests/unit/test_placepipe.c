/*
 * placepipe: frames and lines of the placing process, made and taken apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/placepipe.h"

#define STR(s)	{ (const uint8_t *)(s), sizeof(s) - 1 }

static uint8_t raw[2 * PLACEPIPE_FRAME_MAX];
static uint8_t big[PLACEPIPE_FRAME_MAX];
static char buf[2 * PLACEPIPE_LINE_MAX];

/* The body of ${frame}, as it is sent. */
static struct slice
body_of(const struct placepipe_frame *frame)
{
	struct wire_writer w = wire_writer(raw, sizeof(raw));
	struct wire_reader r;
	struct slice all, body;

	placepipe_put(&w, frame);
	assert_int_equal(wire_done(&w, &all), ST_OK);
	r = wire_reader(all);
	assert_int_equal(wire_get_string(&r, &body), ST_OK);
	assert_true(wire_end(&r));
	return body;
}

static int
decode(const struct placepipe_frame *frame)
{
	struct placepipe_frame out;

	return placepipe_decode(body_of(frame), &out);
}

static void
each_frame_comes_back(void **state)
{
	const struct placepipe_frame frames[] = {
		{ PLACE_BEGIN, STR("default"), STR("/home/node"),
		  STR("/run/bottle-agent.sock") },
		{ PLACE_BEGIN, STR("a"), STR(""), STR("/s") },
		{ PLACE_FILE, STR("config"), STR("Host a\n\0\xff"), STR("") },
		{ PLACE_FILE, STR("k.pub"), STR(""), STR("") },
		{ PLACE_COMMON, STR("env"), STR("A=b\n"), STR("") },
		{ PLACE_LINE, STR(".ssh/config"), STR("Include x\n"),
		  STR("") },
		{ PLACE_LINE, STR(".gitconfig"), STR("[include]"), STR("") },
		{ .kind = PLACE_STAGE }, { .kind = PLACE_SWITCH },
		{ .kind = PLACE_KEEP }, { .kind = PLACE_UNDO },
		{ .kind = PLACE_SETTLE }, { .kind = PLACE_REVERT },
	};
	struct placepipe_frame out;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		assert_int_equal(placepipe_decode(body_of(&frames[i]), &out),
		    ST_OK);
		assert_int_equal(out.kind, frames[i].kind);
		assert_true(slice_eq(out.name, frames[i].name));
		assert_true(slice_eq(out.bytes, frames[i].bytes));
		assert_true(slice_eq(out.socket, frames[i].socket));
	}
}

static void
a_frame_is_as_the_paper_says(void **state)
{
	const struct placepipe_frame file = { PLACE_FILE, STR("ab"), STR("c"),
		STR("") };
	static const uint8_t wanted[] = { 0, 0, 0, 12, 2, 0, 0, 0, 2, 'a',
		'b', 0, 0, 0, 1, 'c' };

	(void)state;
	(void)body_of(&file);
	assert_memory_equal(raw, wanted, sizeof(wanted));
}

static void
beginnings_and_more_are_malformed(void **state)
{
	const struct placepipe_frame frames[] = {
		{ PLACE_BEGIN, STR("default"), STR("/h"), STR("/s") },
		{ PLACE_FILE, STR("config"), STR("Host a\n"), STR("") },
		{ PLACE_COMMON, STR("env"), STR("A=b\n"), STR("") },
		{ PLACE_LINE, STR(".ssh/config"), STR("I\n"), STR("") },
		{ .kind = PLACE_STAGE }, { .kind = PLACE_SWITCH },
		{ .kind = PLACE_KEEP }, { .kind = PLACE_UNDO },
		{ .kind = PLACE_SETTLE }, { .kind = PLACE_REVERT },
	};
	struct placepipe_frame out;
	struct slice s;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		s = body_of(&frames[i]);
		raw[4 + s.len] = 0;
		for (n = 0; n <= s.len + 1; n++)
			assert_int_equal(placepipe_decode((struct slice){ s.p,
			    n }, &out), n == s.len ? ST_OK : ST_MALFORMED);
	}
}

static void
unknown_kinds_are_unsupported(void **state)
{
	struct placepipe_frame out;
	uint8_t kind;

	(void)state;
	for (kind = 0; kind < 255; kind++) {
		if (kind >= PLACE_BEGIN && kind <= PLACE_REVERT)
			continue;
		assert_int_equal(placepipe_decode((struct slice){ &kind, 1 },
		    &out), ST_UNSUPPORTED);
	}
}

static void
names_are_names(void **state)
{
	static const char *const good[] = { "a", "A-b_c.d", "0", "-",
		"a@b", "x..y", "k.pub", "+=,", "a." };
	static const char *const bad[] = { "", ".", "..", ".a", "a/b", "/",
		"a b", "a\n", "a\x7f", "\xc3\xa4", "a:b", "a*", "a~", "a\\" };
	struct placepipe_frame f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		f = (struct placepipe_frame){ PLACE_BEGIN, slice_str(good[i]),
			STR(""), STR("/s") };
		assert_int_equal(decode(&f), ST_OK);
		f.kind = PLACE_FILE;
		assert_int_equal(decode(&f), ST_OK);
		f.kind = PLACE_COMMON;
		assert_int_equal(decode(&f), ST_OK);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f = (struct placepipe_frame){ PLACE_BEGIN, slice_str(bad[i]),
			STR(""), STR("/s") };
		assert_int_equal(decode(&f), ST_MALFORMED);
		f.kind = PLACE_FILE;
		assert_int_equal(decode(&f), ST_MALFORMED);
		f.kind = PLACE_COMMON;
		assert_int_equal(decode(&f), ST_MALFORMED);
	}
	f = (struct placepipe_frame){ PLACE_FILE, STR("a\0"), STR(""),
		STR("") };
	assert_int_equal(decode(&f), ST_MALFORMED);
}

static void
paths_stay_below_the_home(void **state)
{
	static const char *const good[] = { ".ssh/config", ".gitconfig", "a",
		"a/b/c", ".a/b.c", "..a" };
	static const char *const bad[] = { "", "/", "/a", "a/", "a//b", "..",
		".", "../a", "a/..", "a/../b", "./a", "a/.", "a/./b",
		".ssh/.config", "a b", "~/a" };
	struct placepipe_frame f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		f = (struct placepipe_frame){ PLACE_LINE, slice_str(good[i]),
			STR("x"), STR("") };
		assert_int_equal(decode(&f), ST_OK);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f = (struct placepipe_frame){ PLACE_LINE, slice_str(bad[i]),
			STR("x"), STR("") };
		assert_int_equal(decode(&f), ST_MALFORMED);
	}
}

static void
homes_and_sockets_are_absolute(void **state)
{
	const struct placepipe_frame bad[] = {
		{ PLACE_BEGIN, STR("a"), STR("home"), STR("/s") },
		{ PLACE_BEGIN, STR("a"), STR("/h\0x"), STR("/s") },
		{ PLACE_BEGIN, STR("a"), STR("/h"), STR("") },
		{ PLACE_BEGIN, STR("a"), STR("/h"), STR("s") },
		{ PLACE_BEGIN, STR("a"), STR("/h"), STR("/s\0") },
		{ PLACE_LINE, STR("a"), STR(""), STR("") },
		{ PLACE_LINE, STR("a"), STR("x\0y\n"), STR("") },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(decode(&bad[i]), ST_MALFORMED);
}

/* Each limit is met, and passed by one. */
static void
limits_are_met_exactly(void **state)
{
	struct placepipe_frame f = { PLACE_FILE, STR("a"), STR(""), STR("") };
	size_t most;

	(void)state;
	memset(big, '/', sizeof(big));
	most = PLACEPIPE_FRAME_MAX - 1 - 4 - 1 - 4;
	f.bytes = (struct slice){ big, most };
	assert_int_equal(decode(&f), ST_OK);
	f.bytes.len++;
	assert_int_equal(decode(&f), ST_TOO_LARGE);

	f = (struct placepipe_frame){ PLACE_LINE, STR("a"),
		{ big, PLACEPIPE_LINES_LEN_MAX }, STR("") };
	assert_int_equal(decode(&f), ST_OK);
	f.bytes.len++;
	assert_int_equal(decode(&f), ST_TOO_LARGE);

	f = (struct placepipe_frame){ PLACE_BEGIN, STR("a"),
		{ big, PLACEPIPE_HOME_MAX }, { big, PLACEPIPE_SOCKET_MAX } };
	assert_int_equal(decode(&f), ST_OK);
	f.bytes.len++;
	assert_int_equal(decode(&f), ST_TOO_LARGE);
	f.bytes.len--;
	f.socket.len++;
	assert_int_equal(decode(&f), ST_TOO_LARGE);

	memset(big, 'x', sizeof(big));
	f = (struct placepipe_frame){ PLACE_BEGIN, { big, PLACEPIPE_NAME_MAX },
		STR(""), STR("/s") };
	assert_int_equal(decode(&f), ST_OK);
	f.name.len++;
	assert_int_equal(decode(&f), ST_TOO_LARGE);
	f.name.len = PLACEPIPE_PATH_MAX;
	for (f.kind = PLACE_FILE; f.kind <= PLACE_LINE; f.kind++) {
		f.bytes = slice_str("x");
		f.name.len = PLACEPIPE_PATH_MAX;
		assert_int_equal(decode(&f), ST_OK);
		f.name.len++;
		assert_int_equal(decode(&f), ST_TOO_LARGE);
	}
}

/* The line in text, without its end. */
static struct slice
put(const struct placepipe_line *line)
{
	struct text t;

	text_init(&t, buf, sizeof(buf));
	placepipe_line_put(&t, line);
	assert_false(t.full);
	assert_true(t.len > 0 && t.len <= PLACEPIPE_LINE_MAX);
	assert_int_equal(buf[t.len - 1], '\n');
	assert_null(memchr(buf, '\n', t.len - 1));
	return (struct slice){ (const uint8_t *)buf, t.len - 1 };
}

static void
each_line_comes_back(void **state)
{
	const struct placepipe_line lines[] = {
		{ PLACEPIPE_HELLO, 0, STR("0.1.0 x86_64") },
		{ .word = PLACEPIPE_STAGED }, { .word = PLACEPIPE_SWITCHED },
		{ .word = PLACEPIPE_KEPT },
		{ PLACEPIPE_FAILED, 999999999, STR("no room") },
		{ PLACEPIPE_SETTLED, PLACEPIPE_STAYS, STR("") },
		{ PLACEPIPE_SETTLED, PLACEPIPE_REVERTED, STR("x stays") },
		{ PLACEPIPE_REMOVED, 0, STR("default") },
		{ PLACEPIPE_ABSENT, 0, STR("default") },
		{ PLACEPIPE_LEFT, 0, STR("/h/.ssh/x is of no load") },
		{ PLACEPIPE_FINISHED, 3, STR("") },
	};
	struct placepipe_line out;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(placepipe_line_get(put(&lines[i]), &out),
		    ST_OK);
		assert_int_equal(out.word, lines[i].word);
		assert_int_equal(out.n, lines[i].n);
		assert_true(slice_eq(out.text, lines[i].text));
	}
}

static void
lines_are_as_the_paper_says(void **state)
{
	const struct placepipe_line failed = { PLACEPIPE_FAILED, 3,
		STR("a\nb\x1b[2J") };
	const struct placepipe_line kept = { .word = PLACEPIPE_KEPT };

	(void)state;
	assert_true(slice_eq_str(put(&failed),
	    "bottle-place: failed 3 a\\x0ab\\x1b[2J"));
	assert_true(slice_eq_str(put(&kept), "bottle-place: kept"));
}

static void
a_long_text_is_cut(void **state)
{
	const struct placepipe_line line = { PLACEPIPE_FAILED, 999999999,
		{ big, sizeof(big) } };

	(void)state;
	memset(big, '\x1b', sizeof(big));
	assert_true(put(&line).len < PLACEPIPE_LINE_MAX);
}

static int
get(const char *line)
{
	struct placepipe_line out;

	return placepipe_line_get(slice_str(line), &out);
}

static void
a_carriage_return_may_end_it(void **state)
{
	(void)state;
	assert_int_equal(get("bottle-place: staged\r"), ST_OK);
	assert_int_equal(get("bottle-place: failed 1 x\r"), ST_OK);
}

static void
other_lines_are_none_of_ours(void **state)
{
	(void)state;
	assert_int_equal(get(""), ST_NOT_FOUND);
	assert_int_equal(get("bottle-place:"), ST_NOT_FOUND);
	assert_int_equal(get(" bottle-place: staged"), ST_NOT_FOUND);
	assert_int_equal(get("bottle-load: staged"), ST_NOT_FOUND);
}

static void
broken_lines_are_refused(void **state)
{
	static const char *const lines[] = { "", "stage", "stagedx",
		"staged ", "staged 1", "switched x", "kept\r\r", "hello",
		"failed", "failed 1", "failed x y", "failed -1 y",
		"failed 1234567890 y", "settled", "settled 1",
		"settled x", "kept\n", "failed 1 a\nb", "done 1" };
	char line[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		(void)snprintf(line, sizeof(line), "%s%s", PLACEPIPE_MARK,
		    lines[i]);
		if (get(line) != ST_MALFORMED)
			fail_msg("taken: %s", line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_frame_comes_back),
		cmocka_unit_test(a_frame_is_as_the_paper_says),
		cmocka_unit_test(beginnings_and_more_are_malformed),
		cmocka_unit_test(unknown_kinds_are_unsupported),
		cmocka_unit_test(names_are_names),
		cmocka_unit_test(paths_stay_below_the_home),
		cmocka_unit_test(homes_and_sockets_are_absolute),
		cmocka_unit_test(limits_are_met_exactly),
		cmocka_unit_test(each_line_comes_back),
		cmocka_unit_test(lines_are_as_the_paper_says),
		cmocka_unit_test(a_long_text_is_cut),
		cmocka_unit_test(a_carriage_return_may_end_it),
		cmocka_unit_test(other_lines_are_none_of_ours),
		cmocka_unit_test(broken_lines_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
