/*
 * What is said with programs in a target: their lines, whatever they are mixed
 * with, what they are sent, and how long they are waited for.
 */

#include "provision/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))
#define MARK		"> "

static struct channel c;
static char why[256];
static char lines[64 * 1024];		/* each in brackets */
static size_t n_lines, longest;
static int64_t turns;

static int
setup(void **state)
{
	(void)state;
	child_signals();
	lines[0] = '\0';
	n_lines = longest = 0;
	turns = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	channel_fini(&c);
	channel_fini(&c);
	return 0;
}

static void
each(struct slice line, void *arg)
{
	size_t len = strlen(lines);

	assert_ptr_equal(arg, &n_lines);
	n_lines++;
	longest = line.len > longest ? line.len : longest;
	if (len + line.len + 3 < sizeof(lines))
		(void)snprintf(lines + len, sizeof(lines) - len, "[%.*s]",
		    (int)line.len, (const char *)line.p);
}

/* Run a script. */
static void
start(const char *script)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	struct child_spec spec = { .program = "/bin/sh",
		.argv = (char *const *)(uintptr_t)argv };

	assert_int_equal(channel_start(&c, &spec, why, sizeof(why)), ST_OK);
}

static int
one_turn(void)
{
	struct pollfd fds[CHILD_FDS];

	channel_fds(&c, fds);
	assert_true(poll(fds, CHILD_FDS, channel_wait_ms(&c)) >= 0);
	turns++;
	return channel_turn(&c, fds, MARK, each, &n_lines);
}

/* Until it has ended. */
static int
drive(void)
{
	int st;

	while ((st = one_turn()) == ST_MORE)
		;
	return st;
}

static void
again(void)
{
	(void)teardown(NULL);
	(void)setup(NULL);
}

static void
send_text(const char *s)
{
	assert_int_equal(channel_send(&c, slice_str(s)), ST_OK);
}

static void
lines_with_the_mark_are_taken(void **state)
{
	static const struct {
		const char	*script;
		const char	*lines;
	} row[] = {
		{ "printf '> a\\n'", "[> a]" },
		{ "printf '> a\\r\\n> b\\r\\n'", "[> a][> b]" },
		{ "printf '> a\\r\\r\\n'", "[> a\r]" },
		{ "printf '> a\\rb\\n'", "[> a\rb]" },
		{ "printf 'x > a\\n>a\\n > a\\n\\n>\\n> \\n'", "[> ]" },
		{ "printf '> a'", "[> a]" },
		{ "printf '> a\\r'", "[> a]" },
		{ "printf '> a\\n> '; sleep 0.1; printf 'b\\n'",
		    "[> a][> b]" },
		{ "printf 'noise'; printf '> a\\n> b\\n'", "[> b]" },
		{ "printf '> a\\n' >&2", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(row); i++) {
		again();
		start(row[i].script);
		assert_int_equal(drive(), ST_OK);
		assert_string_equal(lines, row[i].lines);
	}
}

static void
line_at_the_limit_and_one_past_it(void **state)
{
	(void)state;
	/* "> ", 4094 bytes; then one more; then a good one. */
	start("printf '> %04094d\\n' 0; printf '> %04095d\\n' 0;"
	    "printf '> %09000d\\n> c\\n' 0; printf '> %04095d' 0");
	assert_int_equal(drive(), ST_OK);
	assert_int_equal(n_lines, 2);
	assert_int_equal(longest, CHANNEL_LINE_MAX);
	assert_non_null(strstr(lines, "0][> c]"));
}

static void
bytes_at_the_limit_and_one_past_it(void **state)
{
	(void)state;
	start("head -c 4194304 /dev/zero");
	assert_int_equal(drive(), ST_OK);
	assert_int_equal(c.read, CHANNEL_READ_MAX);
	again();
	start("head -c 4194305 /dev/zero; sleep 60");
	assert_int_equal(drive(), ST_TOO_LARGE);
	assert_int_equal(c.child.pid, 0);
	assert_true(WIFSIGNALED(c.child.status));
	/* It is over, and stays so. */
	assert_int_equal(one_turn(), ST_OK);
}

static void
what_is_said_without_end_is_ended(void **state)
{
	(void)state;
	start("while :; do echo '> again and again'; done");
	assert_int_equal(drive(), ST_TOO_LARGE);
	assert_true(n_lines > 1000 && n_lines < CHANNEL_READ_MAX / 10);
	/* On stderr it costs nothing but time. */
	again();
	start("while :; do echo again; done >&2");
	channel_patience(&c, 300);
	assert_int_equal(drive(), ST_BUSY);
	assert_int_equal(channel_said(&c).len, CHANNEL_KEPT_MAX);
}

static void
first_bytes_are_kept(void **state)
{
	struct slice kept;

	(void)state;
	start("echo out; echo err >&2; printf '%09000d' 0; exit 7");
	assert_int_equal(drive(), ST_OK);
	kept = channel_kept(&c);
	assert_int_equal(kept.len, CHANNEL_KEPT_MAX);
	assert_memory_equal(kept.p, "out\n000", 7);
	assert_int_equal(channel_said(&c).len, 4);
	assert_memory_equal(channel_said(&c).p, "err\n", 4);
	assert_int_equal(WEXITSTATUS(c.child.status), 7);
}

static void
large_texts_wait_for_the_reader(void **state)
{
	size_t n = 1024 * 1024;
	char *big = malloc(n), shown[32];

	(void)state;
	assert_non_null(big);
	memset(big, 'x', n);
	start("sleep 0.2; printf '> %d\\n' $(wc -c)");
	send_text("12345");
	assert_int_equal(channel_send(&c, (struct slice){ (uint8_t *)big, n }),
	    ST_OK);
	assert_int_equal(one_turn(), ST_MORE);
	assert_false(channel_is_idle(&c));
	/* Some of it is in the pipe. */
	assert_true(channel_left(&c) > 0 && channel_left(&c) < n + 5);
	/* Behind what waits already. */
	assert_int_equal(channel_send(&c, (struct slice){ (uint8_t *)big, n }),
	    ST_OK);
	channel_hang_up(&c);
	assert_int_equal(drive(), ST_OK);
	assert_true(channel_is_idle(&c));
	assert_int_equal(channel_left(&c), 0);
	(void)snprintf(shown, sizeof(shown), "[> %zu]", 2 * n + 5);
	assert_string_equal(lines, shown);
	free(big);
}

/* Twenty answers. */
static void
have_answers(void)
{
	start("while read a; do echo '> a'; done");
	for (size_t n = 0; n < 20; n++) {
		send_text("go\n");
		while (n_lines <= n)
			assert_int_equal(one_turn(), ST_MORE);
	}
}

/* Room for some of it, twenty times. */
static void
have_room(void)
{
	static uint8_t big[20 * 64 * 1024];

	start("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "
	    "head -c 65536 >/dev/null; sleep 0.02; done");
	assert_int_equal(channel_send(&c, (struct slice){ big, sizeof(big) }),
	    ST_OK);
	assert_int_equal(drive(), ST_OK);
}

/* An answer is seen when it comes, and room when it is there.  A busy machine
 * may take longer; who waits for ticks does so each time. */
static void
nothing_waits_for_a_tick(void **state)
{
	static void (*const all[])(void) = { have_answers, have_room };
	int64_t begin, took;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		took = INT64_MAX;
		for (unsigned n = 0; n < 20 && took >= 20 * CHILD_TICK_MS / 2;
		    n++) {
			begin = clock_ms();
			all[i]();
			took = clock_ms() - begin;
			again();
		}
		assert_true(took < 20 * CHILD_TICK_MS / 2);
	}
}

static void
order_of_bytes_is_kept(void **state)
{
	(void)state;
	start("read a; read b; read d; printf '> %s\\n' \"$a$b$d\"");
	send_text("one\n");
	send_text("");
	send_text("two\n");
	assert_int_equal(one_turn(), ST_MORE);
	send_text("three\n");
	assert_int_equal(drive(), ST_OK);
	assert_string_equal(lines, "[> onetwothree]");
}

static void
hanging_up_ends_its_stdin(void **state)
{
	(void)state;
	/* With nothing to write it is at once. */
	start("cat >/dev/null; echo '> end'");
	channel_hang_up(&c);
	assert_int_equal(c.child.in, -1);
	channel_hang_up(&c);
	assert_int_equal(drive(), ST_OK);
	assert_string_equal(lines, "[> end]");
	again();
	start("printf '> %s\\n' \"$(cat)\"");
	send_text("all");
	channel_hang_up(&c);
	assert_true(c.child.in >= 0);
	assert_int_equal(drive(), ST_OK);
	assert_string_equal(lines, "[> all]");
}

static void
what_is_cut_is_not_written(void **state)
{
	(void)state;
	start("printf '> %s\\n' \"$(cat)\"");
	send_text("some");
	assert_int_equal(one_turn(), ST_MORE);
	send_text("more");
	channel_cut(&c);
	assert_int_equal(c.child.in, -1);
	assert_true(channel_is_idle(&c));
	assert_int_equal(drive(), ST_OK);
	assert_string_equal(lines, "[> some]");
}

static void
one_that_does_not_read_can_still_talk(void **state)
{
	static uint8_t big[512 * 1024];

	(void)state;
	start("exec <&-; sleep 0.3; echo '> said'; exit 3");
	assert_int_equal(channel_send(&c, (struct slice){ big, sizeof(big) }),
	    ST_OK);
	assert_int_equal(drive(), ST_OK);
	assert_string_equal(lines, "[> said]");
	assert_int_equal(WEXITSTATUS(c.child.status), 3);
	/* Nor is it asked again and again whether it does now. */
	assert_true(turns < 50);
	again();
	start("exec <&-; sleep 0.3; echo '> said'");
	assert_int_equal(drive(), ST_OK);
	assert_string_equal(lines, "[> said]");
	assert_true(turns < 50);
}

static void
one_that_does_not_talk_can_still_read(void **state)
{
	(void)state;
	start("exec >&- 2>&-; read a; [ \"$a\" = go ] && exit 5");
	assert_int_equal(one_turn(), ST_MORE);
	send_text("go\n");
	assert_int_equal(drive(), ST_OK);
	assert_int_equal(WEXITSTATUS(c.child.status), 5);
}

static void
death_is_an_end(void **state)
{
	(void)state;
	start("echo '> last'; kill -9 $$");
	assert_int_equal(drive(), ST_OK);
	assert_string_equal(lines, "[> last]");
	assert_true(WIFSIGNALED(c.child.status));
	/* What it leaves behind holds nobody up. */
	again();
	start("(sleep 20) & echo '> gone'");
	channel_patience(&c, 10000);
	assert_int_equal(drive(), ST_OK);
	assert_string_equal(lines, "[> gone]");
}

static void
patience_has_an_end(void **state)
{
	int64_t begin = clock_ms(), took;

	(void)state;
	start("sleep 60");
	channel_patience(&c, 200);
	assert_in_range(channel_wait_ms(&c), 0, 200);
	assert_int_equal(drive(), ST_BUSY);
	took = clock_ms() - begin;
	assert_true(took >= 200 && took < 10000);
	assert_int_equal(c.child.pid, 0);
	/* What is said does not count: an answer is waited for. */
	again();
	start("while :; do echo; sleep 0.05; done");
	channel_patience(&c, 300);
	assert_int_equal(drive(), ST_BUSY);
	/* More of it, or all. */
	again();
	begin = clock_ms();
	start("sleep 0.5");
	channel_patience(&c, 100);
	channel_patience(&c, 0);
	assert_int_equal(drive(), ST_OK);
	assert_true(clock_ms() - begin >= 450);
}

static void
one_that_ends_in_time_is_not_late(void **state)
{
	siginfo_t info;

	(void)state;
	start("echo '> in time'");
	channel_patience(&c, 1);
	/* It has ended, and its time is over. */
	assert_int_equal(waitid(P_PID, (id_t)c.child.pid, &info,
	    WEXITED | WNOWAIT), 0);
	(void)usleep(10 * 1000);
	assert_int_equal(drive(), ST_OK);
	assert_string_equal(lines, "[> in time]");
}

static void
what_is_not_there_is_not_started(void **state)
{
	char *argv[] = { NULL };
	struct child_spec spec = { .program = "/nowhere/program",
		.argv = argv };
	struct pollfd fds[CHILD_FDS];

	(void)state;
	assert_int_equal(channel_start(&c, &spec, why, sizeof(why)),
	    ST_NOT_FOUND);
	channel_hang_up(&c);
	channel_cut(&c);
	channel_fds(&c, fds);
	for (size_t i = 0; i < CHILD_FDS; i++)
		assert_int_equal(fds[i].fd, -1);
	assert_int_equal(channel_turn(&c, fds, MARK, each, &n_lines), ST_OK);
	assert_int_equal(channel_said(&c).len, 0);
}

#define CASE(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(lines_with_the_mark_are_taken),
		CASE(line_at_the_limit_and_one_past_it),
		CASE(bytes_at_the_limit_and_one_past_it),
		CASE(what_is_said_without_end_is_ended),
		CASE(first_bytes_are_kept),
		CASE(large_texts_wait_for_the_reader),
		CASE(nothing_waits_for_a_tick),
		CASE(order_of_bytes_is_kept),
		CASE(hanging_up_ends_its_stdin),
		CASE(what_is_cut_is_not_written),
		CASE(one_that_does_not_read_can_still_talk),
		CASE(one_that_does_not_talk_can_still_read),
		CASE(death_is_an_end),
		CASE(patience_has_an_end),
		CASE(one_that_ends_in_time_is_not_late),
		CASE(what_is_not_there_is_not_started),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
