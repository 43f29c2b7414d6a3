/*
 * What people see: on a terminal, which is played here down to its lines, and
 * elsewhere.
 */

#include "provision/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

#define ROWS_MAX	64
#define COLUMNS_MAX	200
/* Lines that have left the screen. */
#define PAST_MAX	(1024 * 1024)

/* --- what time it is ------------------------------------------------------ */

static int64_t now_ms;

int64_t __wrap_clock_ms(void);

int64_t
__wrap_clock_ms(void)
{
	return now_ms;
}

/* --- a terminal ----------------------------------------------------------- */

static struct {
	int	 fd;			/* what a terminal has in its hands */
	int	 ours;			/* what a program has */
	size_t	 rows, columns;
	char	 cell[ROWS_MAX][COLUMNS_MAX + 1];
	size_t	 y, x;
	char	 past[PAST_MAX];	/* lines, each with its newline */
	size_t	 past_len;
	size_t	 bytes, wrapped, bold;
	char	 strange[64];		/* what it should never get */
} tty;

static void
tty_size(size_t rows, size_t columns)
{
	struct winsize w = { .ws_row = (unsigned short)rows,
		.ws_col = (unsigned short)columns };

	tty.rows = rows;
	tty.columns = columns;
	assert_int_equal(ioctl(tty.fd, TIOCSWINSZ, &w), 0);
}

static void
tty_down(void)
{
	size_t len = strlen(tty.cell[0]);

	if (++tty.y < tty.rows)
		return;
	memcpy(tty.past + tty.past_len, tty.cell[0], len);
	tty.past_len += len;
	tty.past[tty.past_len++] = '\n';
	memmove(tty.cell[0], tty.cell[1], sizeof(tty.cell[0]) *
	    (ROWS_MAX - 1));
	memset(tty.cell[ROWS_MAX - 1], 0, sizeof(tty.cell[0]));
	tty.y = tty.rows - 1;
}

/* A character, as wide as it says. */
static void
tty_put(const char *s, size_t wide)
{
	if (tty.x + wide > tty.columns) {
		tty.wrapped++;
		tty.x = 0;
		tty_down();
	}
	for (size_t i = strlen(tty.cell[tty.y]); i < tty.x; i++)
		tty.cell[tty.y][i] = ' ';
	/* What stands for a wide one is '#', twice. */
	for (size_t i = 0; i < wide; i++)
		tty.cell[tty.y][tty.x++] = wide > 1 ? '#' : s[0];
}

/* What begins with ESC; how long it is. */
static size_t
tty_escape(const char *s)
{
	int up = 0, n = 0;

	if (strncmp(s, "\033[J", 3) == 0) {
		memset(tty.cell[tty.y] + tty.x, 0, COLUMNS_MAX - tty.x);
		for (size_t y = tty.y + 1; y < ROWS_MAX; y++)
			memset(tty.cell[y], 0, sizeof(tty.cell[y]));
		return 3;
	}
	if (strncmp(s, "\033[1m", 4) == 0 || strncmp(s, "\033[0m", 4) == 0) {
		tty.bold++;
		return 4;
	}
	if (sscanf(s, "\033[%dA%n", &up, &n) == 1 && n > 0 && up > 0) {
		tty.y -= (size_t)up < tty.y ? (size_t)up : tty.y;
		return (size_t)n;
	}
	(void)snprintf(tty.strange, sizeof(tty.strange), "%.20s", s + 1);
	return 1;
}

/* Take what was written to it. */
static void
tty_read(void)
{
	static char got[256 * 1024];
	ssize_t n;
	size_t len = 0, i = 0;

	while ((n = read(tty.fd, got + len, sizeof(got) - 1 - len)) > 0)
		len += (size_t)n;
	got[len] = '\0';
	tty.bytes += len;
	while (i < len) {
		uint8_t c = (uint8_t)got[i];

		if (c == 0x1b) {
			i += tty_escape(got + i);
		} else if (c == '\n') {
			tty_down();
			i++;
		} else if (c == '\r') {
			tty.x = 0;
			i++;
		} else if (c >= 0xe0) {
			tty_put("#", 2);
			i += 3;
		} else if (c >= 0x20 && c < 0x7f) {
			tty_put(got + i, 1);
			i++;
		} else {
			(void)snprintf(tty.strange, sizeof(tty.strange),
			    "%02x", c);
			i++;
		}
	}
	assert_string_equal(tty.strange, "");
}

/* Line ${y} of the screen. */
static const char *
row(size_t y)
{
	return tty.cell[y];
}

/* Everything that there is, with the past. */
static const char *
all_of_it(void)
{
	static char text[PAST_MAX + ROWS_MAX * (COLUMNS_MAX + 1)];
	size_t len = tty.past_len;

	memcpy(text, tty.past, len);
	for (size_t y = 0; y < tty.rows; y++)
		len += (size_t)sprintf(text + len, "%s\n", tty.cell[y]);
	return text;
}

/* --- */

static struct progress *p;
static int saved_stderr;

static int
setup(void **state)
{
	(void)state;
	memset(&tty, 0, sizeof(tty));
	assert_int_equal(openpty(&tty.fd, &tty.ours, NULL, NULL, NULL), 0);
	assert_int_equal(fcntl(tty.fd, F_SETFL, O_NONBLOCK), 0);
	tty_size(24, 80);
	saved_stderr = dup(2);
	now_ms = 1000000;
	assert_int_equal(setenv("TERM", "xterm", 1), 0);
	assert_int_equal(unsetenv("NO_COLOR"), 0);
	log_open("prog", LOG_LEVEL_INFO, 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	progress_free(p);
	p = NULL;
	(void)dup2(saved_stderr, 2);
	close(saved_stderr);
	close(tty.fd);
	close(tty.ours);
	return 0;
}

static const char *const three[] = { "web", "db", "cache" };

/* Begin, and let so much time go by that lines are drawn. */
static void
begin(const char *const *names, size_t n)
{
	assert_int_equal(progress_new(&p, names, n, tty.ours, false), ST_OK);
	now_ms += PROGRESS_FIRST_MS;
}

static void
tick(void)
{
	progress_tick(p);
	tty_read();
}

static void
each_target_has_a_line(void **state)
{
	(void)state;
	begin(three, 3);
	progress_begin(p, 0);
	progress_doing(p, 0, "sending keys, 3 of 20");
	now_ms += 7000;
	progress_begin(p, 1);
	progress_doing(p, 1, "connecting");
	now_ms += 65000;
	tick();
	assert_string_equal(row(0), "web    1m12s  sending keys, 3 of 20");
	assert_string_equal(row(1), "db     1m05s  connecting");
	assert_string_equal(row(2), "cache         waiting");
	assert_string_equal(row(3), "");
	assert_true(tty.y == 3 && tty.x == 0);
}

static void
lines_are_drawn_in_place(void **state)
{
	(void)state;
	begin(three, 3);
	progress_begin(p, 0);
	tick();
	for (int i = 0; i < 50; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "step %d", i);
		progress_doing(p, 0, text);
		now_ms += 100;
		tick();
	}
	assert_string_equal(row(0), "web       5s  step 49");
	assert_string_equal(row(2), "cache         waiting");
	assert_int_equal(tty.past_len, 0);
	assert_int_equal(tty.y, 3);
	/* Who is done goes. */
	progress_done(p, 0);
	progress_begin(p, 1);
	tick();
	assert_string_equal(row(0), "db        0s  ");
	assert_string_equal(row(1), "cache         waiting");
	assert_string_equal(row(2), "");
	assert_int_equal(tty.y, 2);
}

static void
what_has_not_changed_is_not_drawn(void **state)
{
	size_t before;

	(void)state;
	begin(three, 3);
	progress_begin(p, 0);
	tick();
	before = tty.bytes;
	assert_true(before > 0);
	for (int i = 0; i < 9; i++) {
		now_ms += 100;
		tick();
	}
	assert_int_equal(tty.bytes, before);
	now_ms += 100;
	tick();
	assert_true(tty.bytes > before);
}

static void
what_is_quick_is_not_drawn(void **state)
{
	(void)state;
	assert_int_equal(progress_new(&p, three, 3, tty.ours, false), ST_OK);
	progress_begin(p, 0);
	now_ms += PROGRESS_FIRST_MS - 1;
	tick();
	progress_free(p);
	p = NULL;
	tty_read();
	assert_int_equal(tty.bytes, 0);
}

static void
the_end_leaves_nothing(void **state)
{
	(void)state;
	begin(three, 3);
	progress_begin(p, 0);
	tick();
	log_info("what was said");
	progress_free(p);
	p = NULL;
	tty_read();
	assert_string_equal(row(0), "prog: info: what was said");
	assert_string_equal(row(1), "");
	assert_string_equal(row(2), "");
	assert_true(tty.y == 1 && tty.x == 0);
	/* And the log has its own way again. */
	assert_int_equal(dup2(tty.ours, 2), 2);
	log_info("afterwards");
	tty_read();
	assert_string_equal(row(1), "prog: info: afterwards");
}

static void
more_than_a_screenful_is_summed_up(void **state)
{
	static char name[100][16];
	const char *names[100];

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		(void)snprintf(name[i], sizeof(name[i]), "t%zu", i);
		names[i] = name[i];
	}
	tty_size(10, 80);
	begin(names, 100);
	for (size_t i = 0; i < 5; i++)
		progress_begin(p, i);
	tick();
	assert_string_equal(row(0), "t0      0s  ");
	assert_string_equal(row(7), "t7          waiting");
	assert_string_equal(row(8), "and 92 more");
	assert_int_equal(tty.y, 9);
	assert_int_equal(tty.past_len, 0);
	/* Just as many as there is room for. */
	for (size_t i = 0; i < 91; i++)
		progress_done(p, i);
	tick();
	assert_string_equal(row(0), "t91         waiting");
	assert_string_equal(row(8), "t99         waiting");
	assert_int_equal(tty.y, 9);
	/* No room at all. */
	tty_size(1, 80);
	progress_tick(p);
	tty_size(10, 80);
	tty_read();
	assert_string_equal(row(0), "");
}

/* A line of ${c} as long as that. */
static const char *
many(const char *c, size_t n)
{
	static char text[PROGRESS_TEXT_MAX * 4];

	text[0] = '\0';
	while (n-- > 0)
		strcat(text, c);
	return text;
}

static void
lines_are_cut_to_the_width(void **state)
{
	static char long_name[100];
	const char *const names[] = { long_name, "b" };
	const size_t widths[] = { 200, 81, 80, 79, 40, 20, 12, 11, 10, 9, 5, 3,
		2 };

	(void)state;
	memset(long_name, 'n', sizeof(long_name) - 1);
	begin(names, 2);
	progress_begin(p, 0);
	progress_begin(p, 1);
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		tty_size(24, widths[i]);
		progress_doing(p, 0, many("x", 250));
		/* Three bytes, two columns. */
		progress_doing(p, 1, many("\xe4\xb8\xad", 80));
		tick();
		assert_int_equal(tty.wrapped, 0);
		assert_int_equal(tty.y, 2);
		assert_true(strlen(row(0)) < widths[i]);
		assert_true(strlen(row(1)) < widths[i]);
		if (widths[i] >= 20)
			assert_true(strlen(row(0)) == widths[i] - 1);
	}
	tty_size(24, 1);
	progress_tick(p);
	tty_size(24, 80);
	tty_read();
	assert_string_equal(row(0), "");
}

static void
nothing_said_can_move_the_cursor(void **state)
{
	const char *const names[] = { "a\033[2Jb\rc\nd", "ok" };

	(void)state;
	begin(names, 2);
	progress_begin(p, 0);
	progress_begin(p, 1);
	progress_doing(p, 0, "\033]0;x\a\b\x7f\x9b" "A\xc2\x9b" "5A");
	/* What was escaped is not escaped again; an override of directions and
	 * a broken character are. */
	progress_doing(p, 1, "a\\x1b\xe2\x80\xae\xe4\xb8|");
	tick();
	assert_string_equal(row(0), "a\\x1b[2Jb\\x0dc\\x0ad     0s  "
	    "\\x1b]0;x\\x07\\x08\\x7f\\x9bA\\xc2\\x9b5A");
	assert_string_equal(row(1), "ok                      0s  "
	    "a\\x1b\\xe2\\x80\\xae\\xe4\\xb8|");
	assert_int_equal(tty.y, 2);
}

static void
the_log_comes_above(void **state)
{
	(void)state;
	tty_size(6, 80);
	begin(three, 3);
	progress_begin(p, 0);
	tick();
	for (int i = 0; i < 20; i++)
		log_warn("line %d", i);
	tty_read();
	assert_string_equal(row(0), "prog: warning: line 18");
	assert_string_equal(row(1), "prog: warning: line 19");
	assert_string_equal(row(2), "web       0s  ");
	assert_string_equal(row(4), "cache         waiting");
	assert_int_equal(tty.y, 5);
	assert_non_null(strstr(all_of_it(), "line 0\nprog: warning: line 1\n"));
	/* Longer than the terminal is wide. */
	log_warn("%s", many("y", 200));
	tty_read();
	assert_string_equal(row(2), "web       0s  ");
	assert_non_null(strstr(all_of_it(), "line 19\nprog: warning: yyyy"));
}

#define THREADS		8
#define LINES		200

static void *
talk(void *arg)
{
	size_t i = *(const size_t *)arg;
	char text[64];

	for (int n = 0; n < LINES; n++) {
		(void)snprintf(text, sizeof(text), "%zu at %d", i, n);
		progress_doing(p, i, text);
		log_info("thread %zu says %d and no more", i, n);
	}
	return NULL;
}

static void *
look(void *arg)
{
	(void)arg;
	/* Not tty_read(): it asserts. */
	for (int i = 0; i < 400; i++) {
		progress_tick(p);
		(void)usleep(500);
	}
	return NULL;
}

static void
lines_of_all_threads_are_whole(void **state)
{
	static const char *const names[THREADS] = { "a", "b", "c", "d", "e",
		"f", "g", "h" };
	size_t number[THREADS];
	pthread_t ids[THREADS], looker;
	char wanted[64];
	const char *text;

	(void)state;
	begin(names, THREADS);
	assert_int_equal(pthread_create(&looker, NULL, look, NULL), 0);
	for (size_t i = 0; i < THREADS; i++) {
		number[i] = i;
		progress_begin(p, i);
		assert_int_equal(pthread_create(&ids[i], NULL, talk,
		    &number[i]), 0);
	}
	/* A terminal takes what is there all the time. */
	for (int i = 0; i < 400; i++) {
		tty_read();
		(void)usleep(500);
	}
	for (int left = THREADS; left > 0;) {
		tty_read();
		if (pthread_tryjoin_np(ids[left - 1], NULL) == 0)
			left--;
	}
	while (pthread_tryjoin_np(looker, NULL) != 0)
		tty_read();
	progress_free(p);
	p = NULL;
	tty_read();
	text = all_of_it();
	for (size_t i = 0; i < THREADS; i++) {
		for (int n = 0; n < LINES; n++) {
			(void)snprintf(wanted, sizeof(wanted),
			    "\nprog: info: thread %zu says %d and no more\n",
			    i, n);
			if (strstr(text, wanted) == NULL && strncmp(text,
			    wanted + 1, strlen(wanted + 1)) != 0)
				fail_msg("not there: %s", wanted + 1);
		}
	}
	/* And no live line was left. */
	assert_null(strstr(text, " at "));
}

static void
a_change_of_size_is_seen(void **state)
{
	(void)state;
	begin(three, 3);
	progress_begin(p, 0);
	progress_doing(p, 0, "0123456789012345678901234567890123456789");
	tick();
	assert_string_equal(row(0), "web       0s  "
	    "0123456789012345678901234567890123456789");
	tty_size(24, 30);
	tick();
	assert_string_equal(row(0), "web       0s  012345678901234");
	assert_string_equal(row(2), "cache         waiting");
	tty_size(3, 30);
	tty_down();	/* the cursor stays on it */
	tick();
	assert_string_equal(row(0), "web       0s  012345678901234");
	assert_string_equal(row(1), "and 2 more");
}

static void
what_others_wrote_is_left_alone(void **state)
{
	(void)state;
	begin(three, 3);
	progress_begin(p, 0);
	tick();
	assert_int_equal(write(tty.ours, "[1]+  Stopped\n$ fg\n", 19), 19);
	progress_anew(p);
	tick();
	assert_string_equal(row(0), "web       0s  ");
	assert_string_equal(row(3), "[1]+  Stopped");
	assert_string_equal(row(4), "$ fg");
	assert_string_equal(row(5), "web       0s  ");
	assert_int_equal(tty.y, 8);
}

static void
no_color_is_honoured(void **state)
{
	(void)state;
	begin(three, 3);
	tick();
	assert_int_equal(tty.bold, 6);
	progress_free(p);
	tty.bold = 0;
	assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
	begin(three, 3);
	tick();
	assert_string_equal(row(0), "web           waiting");
	assert_int_equal(tty.bold, 0);
	progress_free(p);
	/* Empty it says nothing. */
	assert_int_equal(setenv("NO_COLOR", "", 1), 0);
	begin(three, 3);
	tick();
	assert_int_equal(tty.bold, 6);
}

/* Have stderr be a pipe, which is read here. */
static int
listen_to_stderr(void)
{
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	assert_int_equal(dup2(fd[1], 2), 2);
	close(fd[1]);
	assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	return fd[0];
}

static const char *
said(int fd)
{
	static char got[65536];
	ssize_t n = read(fd, got, sizeof(got) - 1);

	got[n > 0 ? n : 0] = '\0';
	return got;
}

/* Nothing is drawn, and who takes long is told of. */
static void
check_plain(int fd)
{
	progress_begin(p, 0);
	progress_doing(p, 0, "connecting");
	progress_begin(p, 1);
	now_ms += PROGRESS_REMIND_MS - 1;
	progress_done(p, 1);
	progress_tick(p);
	assert_string_equal(said(fd), "");
	now_ms++;
	progress_tick(p);
	progress_tick(p);
	assert_string_equal(said(fd), "prog: info: web: still connecting, "
	    "for 10s\n");
	now_ms += PROGRESS_REMIND_MS - 1;
	progress_tick(p);
	assert_string_equal(said(fd), "");
	now_ms++;
	progress_doing(p, 0, "committing");
	progress_tick(p);
	assert_string_equal(said(fd), "prog: info: web: still committing, "
	    "for 20s\n");
	log_info("as ever");
	assert_string_equal(said(fd), "prog: info: as ever\n");
	progress_free(p);
	p = NULL;
	assert_string_equal(said(fd), "");
	tty_read();
	assert_int_equal(tty.bytes, 0);
}

static void
plain_lines_elsewhere(void **state)
{
	int fd = listen_to_stderr();

	(void)state;
	assert_int_equal(progress_new(&p, three, 3, 2, false), ST_OK);
	check_plain(fd);
	/* A terminal that can do nothing, or of which nothing is known. */
	assert_int_equal(setenv("TERM", "dumb", 1), 0);
	assert_int_equal(progress_new(&p, three, 3, tty.ours, false), ST_OK);
	check_plain(fd);
	assert_int_equal(unsetenv("TERM"), 0);
	assert_int_equal(progress_new(&p, three, 3, tty.ours, false), ST_OK);
	check_plain(fd);
	/* And one that somebody else may be using. */
	assert_int_equal(setenv("TERM", "xterm", 1), 0);
	assert_int_equal(progress_new(&p, three, 3, tty.ours, true), ST_OK);
	check_plain(fd);
	close(fd);
}

static void
each_step_is_told_to_who_wants_to_know(void **state)
{
	int fd = listen_to_stderr();

	(void)state;
	log_open("prog", LOG_LEVEL_DEBUG, 0);
	assert_int_equal(progress_new(&p, three, 3, 2, false), ST_OK);
	progress_begin(p, 0);
	progress_doing(p, 0, "connecting");
	progress_doing(p, 0, "connecting");
	progress_doing(p, 0, "committing");
	assert_string_equal(said(fd), "prog: debug: web: connecting\n"
	    "prog: debug: web: committing\n");
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
		CASE(each_target_has_a_line),
		CASE(lines_are_drawn_in_place),
		CASE(what_has_not_changed_is_not_drawn),
		CASE(what_is_quick_is_not_drawn),
		CASE(the_end_leaves_nothing),
		CASE(more_than_a_screenful_is_summed_up),
		CASE(lines_are_cut_to_the_width),
		CASE(nothing_said_can_move_the_cursor),
		CASE(the_log_comes_above),
		CASE(lines_of_all_threads_are_whole),
		CASE(a_change_of_size_is_seen),
		CASE(what_others_wrote_is_left_alone),
		CASE(no_color_is_honoured),
		CASE(plain_lines_elsewhere),
		CASE(each_step_is_told_to_who_wants_to_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
