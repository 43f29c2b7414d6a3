#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/beat.h"
#include "agent/vault.h"
#include "base/clock.h"
#include "support/linger.h"

/* What a close takes that nothing ends; and what one may that is ended: a busy
 * machine is late, but not for so long. */
#define LINGER_S	60
#define BOUNDED_MS	10000
/* Closes, of which the first may be slow. */
#define CLOSES		50

static struct loop *loop;
static int door;

static int
setup(void **state)
{
	static const struct secret_options opts = { .size = 1024 * 1024,
		.allow_unlocked = true };
	char why[512];

	(void)state;
	door = linger_door();
	if (door < 0 || loop_new(&loop) != ST_OK || vault_open(&opts,
	    VAULT_SERVE, 0, why, sizeof(why)) != ST_OK)
		return -1;
	return beat_start(loop) == ST_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	beat_stop();
	beat_stop();
	loop_free(loop);
	vault_close();
	(void)close(door);
	return 0;
}

/* One end of a pair, to the other of which ${n} such sockets were sent. */
static int
laden(size_t n, int *other)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_true(linger_send(fd[1], "x", 1, door, LINGER_S, n));
	*other = fd[1];
	return fd[0];
}

static void
a_close_ends_and_is_known(void **state)
{
	int other, fd = laden(LINGER_MANY, &other);
	int64_t start = clock_ms();

	(void)state;
	assert_true(beat_close(fd));
	assert_in_range(clock_ms() - start, 0, BOUNDED_MS);
	(void)close(other);
}

/* Many that came one by one are closed so; all but the first soon. */
static void
the_next_ones_are_quick(void **state)
{
	int other[CLOSES], fd[CLOSES];
	int64_t start;

	(void)state;
	for (size_t i = 0; i < CLOSES; i++)
		fd[i] = laden(1, &other[i]);
	start = clock_ns();
	for (size_t i = 0; i < CLOSES; i++)
		(void)beat_close(fd[i]);
	assert_in_range(clock_ns() - start, 0, CLOSES * BEAT_US * 1000 / 2);
	for (size_t i = 0; i < CLOSES; i++)
		(void)close(other[i]);
}

static void
what_is_received_without_them_ends(void **state)
{
	int other, fd = laden(1, &other);
	int64_t start = clock_ns();
	char byte;

	(void)state;
	assert_int_equal(recv(fd, &byte, 1, 0), 1);
	assert_true(beat_held(start));
	assert_in_range(clock_ns() - start, 0, BOUNDED_MS * 1000000ll);
	assert_false(beat_held(clock_ns()));
	(void)close(fd);
	(void)close(other);
}

static void
a_close_of_nothing_is_nobodys(void **state)
{
	int fd[2];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
		assert_int_equal(write(fd[1], "x", 1), 1);
		assert_false(beat_close(fd[0]));
		assert_false(beat_close(fd[1]));
	}
}

static int
step_wait(void *arg)
{
	int64_t end = clock_ms() + 20;

	(void)arg;
	while (clock_ms() < end)
		continue;
	return 0;
}

/* Signals came in the middle of it, and left it alone. */
static void
an_operation_goes_on(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(vault_run(step_wait, NULL, VAULT_PLAIN), 0);
}

static void
without_it_close_is_close(void **state)
{
	(void)state;
	beat_stop();
	assert_false(beat_close(dup(0)));
	assert_false(beat_held(0));
}

int
main(void)
{
	/* One vault in a process. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_close_ends_and_is_known),
		cmocka_unit_test(the_next_ones_are_quick),
		cmocka_unit_test(what_is_received_without_them_ends),
		cmocka_unit_test(a_close_of_nothing_is_nobodys),
		cmocka_unit_test(an_operation_goes_on),
		cmocka_unit_test(without_it_close_is_close),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
