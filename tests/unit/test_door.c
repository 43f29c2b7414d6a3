/* Who connects is let in by a worker, a lot at a time; and those who have gone
 * go with the next lot. */

#include "agent/door.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "support/gate.h"

#define LIMIT_MS	60000

static struct loop *loop;
static struct workers *ws;
static struct door *door;
static int listener;
static struct sockaddr_un at = { .sun_family = AF_UNIX };
static unsigned came;

static void
come(void *cookie)
{
	assert_ptr_equal(cookie, &came);
	came++;
	loop_stop(loop);
}

static size_t
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	for (const struct dirent *e; (e = readdir(dir)) != NULL; )
		n += e->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}

static int
setup(void **state)
{
	(void)state;
	came = 0;
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	/* An abstract name, which nobody else has. */
	(void)snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1,
	    "test-door-%ld", (long)getpid());
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(listener, 1000) != 0 || loop_new(&loop) != ST_OK ||
	    workers_new(&ws, loop, 1, false, NULL) != ST_OK)
		return -1;
	return door_new(&door, loop, ws, listener, come, &came) == ST_OK ? 0 :
	    -1;
}

static int
teardown(void **state)
{
	(void)state;
	door_free(door);
	workers_free(ws);
	loop_free(loop);
	(void)close(listener);
	return 0;
}

static int
dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* Send for a lot, and wait until it is there. */
static void
fetch(size_t most)
{
	unsigned before = came;

	door_send(door, most);
	assert_true(door_away(door));
	assert_int_equal(door_next(door), -1);
	assert_int_equal(loop_run(loop), ST_OK);
	assert_int_equal(came, before + 1);
	assert_false(door_away(door));
}

/* Take everybody of the lot, and part with them. */
static size_t
take_all(void)
{
	size_t n = 0;
	int fd;

	for (; (fd = door_next(door)) >= 0; n++)
		(void)close(fd);
	return n;
}

/* Whether the other side ends, at once or in a while. */
static bool
ends(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&p, 1, ms) == 1 && read(fd, &byte, 1) == 0;
}

static int
on_time(void *cookie)
{
	(void)cookie;
	loop_stop(loop);
	return ST_OK;
}

/* Serve the loop for a while. */
static void
serve(int64_t ms)
{
	struct loop_timer t = { .fn = on_time };

	loop_timer_set(loop, &t, loop_now(loop) + ms);
	assert_int_equal(loop_run(loop), ST_OK);
	loop_timer_del(loop, &t);
}

static void
those_who_wait_are_let_in_in_their_order(void **state)
{
	int theirs[3], ours;
	char byte;

	(void)state;
	for (int i = 0; i < 3; i++) {
		theirs[i] = dial();
		assert_int_equal(write(theirs[i], &"abc"[i], 1), 1);
	}
	fetch(100);
	assert_int_equal(door_size(door), 3);
	assert_int_equal(door_end(door), EAGAIN);
	assert_int_equal(door_held(door), 3);
	for (int i = 0; i < 3; i++) {
		ours = door_next(door);
		assert_true(ours >= 0);
		assert_int_equal(read(ours, &byte, 1), 1);
		assert_int_equal(byte, "abc"[i]);
		assert_true((fcntl(ours, F_GETFL) & O_NONBLOCK) != 0);
		assert_true((fcntl(ours, F_GETFD) & FD_CLOEXEC) != 0);
		(void)close(ours);
		(void)close(theirs[i]);
	}
	assert_int_equal(door_next(door), -1);
	assert_int_equal(door_held(door), 0);
	assert_int_equal(door_size(door), 3);
}

static void
nobody_is_a_lot_too(void **state)
{
	(void)state;
	fetch(1);
	assert_int_equal(door_size(door), 0);
	assert_int_equal(door_end(door), EAGAIN);
	assert_int_equal(take_all(), 0);
}

static void
a_lot_is_no_larger_than_was_said(void **state)
{
	static const size_t most[] = { 1, DOOR_LOT - 1, DOOR_LOT,
		DOOR_LOT + 1, SIZE_MAX };
	int theirs[3 * DOOR_LOT];
	size_t left = 3 * DOOR_LOT, want;

	(void)state;
	for (size_t i = 0; i < left; i++)
		theirs[i] = dial();
	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		want = most[i] < DOOR_LOT ? most[i] : DOOR_LOT;
		if (want > left)
			want = left;
		fetch(most[i]);
		assert_int_equal(door_size(door), want);
		assert_int_equal(take_all(), want);
		left -= want;
		assert_int_equal(door_end(door), left > 0 || want == DOOR_LOT ?
		    0 : EAGAIN);
	}
	assert_int_equal(left, 0);
	for (size_t i = 0; i < 3 * DOOR_LOT; i++)
		(void)close(theirs[i]);
}

static void
without_lots_a_connection_is_closed_at_once(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	door_close(door, pair[0]);
	assert_true(ends(pair[1], 0));
	assert_int_equal(door_held(door), 0);
	(void)close(pair[1]);
	/* Nor is there any need for a door. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	door_close(NULL, pair[0]);
	assert_true(ends(pair[1], 0));
	(void)close(pair[1]);
	assert_false(door_away(NULL));
	assert_int_equal(door_next(NULL), -1);
	assert_int_equal(door_held(NULL), 0);
	door_free(NULL);
}

static void
who_has_gone_goes_with_the_next_lot(void **state)
{
	int pair[DOOR_LOT + 1][2];

	(void)state;
	fetch(1);
	for (size_t i = 0; i < DOOR_LOT + 1; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair[i]),
		    0);
		door_close(door, pair[i][0]);
	}
	/* There is no room for one more. */
	assert_int_equal(door_held(door), DOOR_LOT);
	assert_true(ends(pair[DOOR_LOT][1], 0));
	assert_false(ends(pair[0][1], 0));
	fetch(1);
	assert_int_equal(door_held(door), 0);
	for (size_t i = 0; i < DOOR_LOT; i++) {
		assert_true(ends(pair[i][1], 0));
		(void)close(pair[i][1]);
	}
	(void)close(pair[DOOR_LOT][1]);
}

static void
who_has_gone_goes_soon_without_one(void **state)
{
	int pair[2];

	(void)state;
	fetch(1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	door_close(door, pair[0]);
	serve(2 * DOOR_WAIT_MS);
	assert_true(ends(pair[1], 0));
	assert_int_equal(door_held(door), 0);
	(void)close(pair[1]);
	/* And when there has been none for long, at once again. */
	serve(DOOR_BUSY_MS + 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	door_close(door, pair[0]);
	assert_true(ends(pair[1], 0));
	(void)close(pair[1]);
	assert_int_equal(came, 1);
}

/* Something else that the worker is at. */
struct other {
	struct work	 work;
	struct gate	*gate;
};

static void
other_run(struct work *w)
{
	gate_pass(((struct other *)(void *)w)->gate);
}

static void
other_done(struct work *w)
{
	(void)w;
}

static void
no_worker_has_time_for_it(void **state)
{
	struct gate gate = GATE;
	struct other other = { .work = { .run = other_run, .done = other_done,
		.account = 7 }, .gate = &gate };
	int theirs = dial(), pair[2];

	(void)state;
	fetch(1);
	assert_int_equal(take_all(), 1);
	workers_submit(ws, &other.work);
	gate_await(&gate, 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	door_close(door, pair[0]);
	(void)close(theirs);
	theirs = dial();
	/* Given up, and so is nobody who wanted to go. */
	fetch(9);
	assert_int_equal(door_size(door), 0);
	assert_int_equal(door_end(door), 0);
	assert_true(ends(pair[1], 0));
	gate_open(&gate);
	fetch(9);
	assert_int_equal(take_all(), 1);
	(void)close(theirs);
	(void)close(pair[1]);
}

static void
nothing_stays_open_at_the_end(void **state)
{
	struct gate gate = GATE;
	struct other other = { .work = { .run = other_run, .done = other_done,
		.account = 7 }, .gate = &gate };
	size_t before = count_fds();
	int theirs[4], pair[2];

	(void)state;
	for (unsigned how = 0; how < 4; how++) {
		for (size_t i = 0; i < 4; i++)
			theirs[i] = dial();
		if (how == 1)
			workers_submit(ws, &other.work);
		if (how == 1)
			gate_await(&gate, 1);
		if (how == 0 || how == 3) {
			/* One is taken, three are not. */
			fetch(4);
			(void)close(door_next(door));
		}
		if (how == 3) {
			assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0,
			    pair), 0);
			door_close(door, pair[0]);
		}
		/* Waiting for a worker, or under way. */
		if (how == 1 || how == 2)
			door_send(door, 4);
		door_free(door);
		if (how == 1)
			gate_open(&gate);
		workers_free(ws);
		if (how == 1)
			assert_int_equal(came, 1);
		if (how == 3)
			assert_true(ends(pair[1], 0));
		if (how == 3)
			(void)close(pair[1]);
		for (size_t i = 0; i < 4; i++)
			(void)close(theirs[i]);
		/* The next one begins with an empty queue. */
		for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; )
			(void)close(fd);
		assert_int_equal(workers_new(&ws, loop, 1, false, NULL), ST_OK);
		assert_int_equal(door_new(&door, loop, ws, listener, come,
		    &came), ST_OK);
		assert_int_equal(count_fds(), before);
	}
}

int
main(void)
{
#define CASE(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(those_who_wait_are_let_in_in_their_order),
		CASE(nobody_is_a_lot_too),
		CASE(a_lot_is_no_larger_than_was_said),
		CASE(without_lots_a_connection_is_closed_at_once),
		CASE(who_has_gone_goes_with_the_next_lot),
		CASE(who_has_gone_goes_soon_without_one),
		CASE(no_worker_has_time_for_it),
		CASE(nothing_stays_open_at_the_end),
	};

	(void)alarm(LIMIT_MS / 1000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
