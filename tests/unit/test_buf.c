#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

static void
pair(int fd[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
}

static void
put_up_to_the_limit_and_not_one_more(void **state)
{
	struct buf b;
	uint8_t bytes[100] = { 0 };

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(buf_room(&b), 100);
	assert_int_equal(buf_put(&b, bytes, 99), ST_OK);
	assert_int_equal(buf_put(&b, bytes, 2), ST_FULL);
	assert_int_equal(buf_len(&b), 99);
	assert_int_equal(buf_put(&b, bytes, 1), ST_OK);
	assert_int_equal(buf_put(&b, bytes, 1), ST_FULL);
	assert_int_equal(buf_put(&b, bytes, 0), ST_OK);
	assert_int_equal(buf_put(&b, bytes, SIZE_MAX), ST_FULL);
	assert_int_equal(buf_len(&b), 100);
	assert_int_equal(buf_room(&b), 0);
	buf_fini(&b);
	buf_fini(&b);
}

static void
drain_sends_in_order_and_releases(void **state)
{
	struct buf b;
	char got[16];
	int fd[2];

	(void)state;
	pair(fd);
	buf_init(&b, 1000);
	assert_int_equal(buf_put(&b, "hello ", 6), ST_OK);
	assert_int_equal(buf_put(&b, "world", 5), ST_OK);
	assert_non_null(b.p);
	assert_int_equal(buf_drain(&b, fd[0]), ST_OK);
	assert_null(b.p);
	assert_int_equal(buf_len(&b), 0);
	assert_int_equal(read(fd[1], got, sizeof(got)), 11);
	assert_memory_equal(got, "hello world", 11);
	close(fd[0]);
	close(fd[1]);
	buf_fini(&b);
}

/* Put and drain at random against a slow reader; the bytes must be a count. */
static void
bytes_survive_growth_and_partial_sends(void **state)
{
	struct buf b;
	uint8_t chunk[5000], got[7000], next_in = 0, next_out = 0;
	size_t total_in = 0, total_out = 0, i, n;
	ssize_t r;
	int fd[2], small = 4096, st, mores = 0;

	(void)state;
	pair(fd);
	assert_int_equal(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small,
	    sizeof(small)), 0);
	buf_init(&b, 40000);
	srandom(7);
	while (total_out < 600000) {
		n = (size_t)random() % sizeof(chunk);
		if (n <= buf_room(&b)) {
			for (i = 0; i < n; i++)
				chunk[i] = next_in++;
			assert_int_equal(buf_put(&b, chunk, n), ST_OK);
			total_in += n;
		}
		st = buf_drain(&b, fd[0]);
		assert_true(st == ST_OK || st == ST_MORE);
		mores += st == ST_MORE;
		r = recv(fd[1], got, (size_t)random() % sizeof(got) + 1,
		    MSG_DONTWAIT);
		for (i = 0; r > 0 && i < (size_t)r; i++)
			assert_int_equal(got[i], next_out++);
		total_out += r > 0 ? (size_t)r : 0;
	}
	assert_true(total_in >= total_out);
	assert_true(mores > 10);
	close(fd[0]);
	close(fd[1]);
	buf_fini(&b);
}

static void
what_was_sent_is_wiped(void **state)
{
	struct buf b;
	uint8_t bytes[60000];
	size_t i;
	int fd[2], small = 4096;

	(void)state;
	pair(fd);
	assert_int_equal(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small,
	    sizeof(small)), 0);
	memset(bytes, 0xa5, sizeof(bytes));
	buf_init(&b, sizeof(bytes));
	assert_int_equal(buf_put(&b, bytes, sizeof(bytes)), ST_OK);
	assert_int_equal(buf_drain(&b, fd[0]), ST_MORE);
	assert_true(b.head > 0);
	for (i = 0; i < b.head; i++)
		assert_int_equal(b.p[i], 0);

	/* Moving the rest to the front leaves no second copy either. */
	assert_int_equal(buf_put(&b, bytes, 1), ST_OK);
	assert_int_equal(b.head, 0);
	for (i = b.len; i < b.cap; i++)
		assert_int_equal(b.p[i], 0);
	close(fd[0]);
	close(fd[1]);
	buf_fini(&b);
}

static void
peer_gone_is_closed_without_a_signal(void **state)
{
	struct buf b;
	int fd[2];

	(void)state;
	pair(fd);
	close(fd[1]);
	buf_init(&b, 10);
	assert_int_equal(buf_put(&b, "x", 1), ST_OK);
	assert_int_equal(buf_drain(&b, fd[0]), ST_CLOSED);
	close(fd[0]);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_up_to_the_limit_and_not_one_more),
		cmocka_unit_test(drain_sends_in_order_and_releases),
		cmocka_unit_test(bytes_survive_growth_and_partial_sends),
		cmocka_unit_test(what_was_sent_is_wiped),
		cmocka_unit_test(peer_gone_is_closed_without_a_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
