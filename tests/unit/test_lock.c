#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/lock.h"
#include "agent/vault.h"
#include "support/hex.h"
#include "support/testkeys.h"

static struct lock lock;
static size_t baseline;
static int64_t delay;

/* Bytes of the vault in use. */
static size_t
used(void)
{
	struct secret_usage use;

	secret_usage(vault_region(), &use);
	return use.used;
}

static int
group_setup(void **state)
{
	struct lock once = { 0 };

	(void)state;
	testkeys_vault();
	/* Once for what libcrypto keeps for ever. */
	assert_int_equal(lock_set(&once, slice_str("x")), ST_OK);
	lock_fini(&once);
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	memset(&lock, 0, sizeof(lock));
	baseline = used();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	lock_fini(&lock);
	lock_fini(&lock);
	return used() == baseline ? 0 : -1;
}

/* Try a passphrase at a time. */
static int
try(struct slice passphrase, int64_t now_ms)
{
	delay = -1;
	return lock_clear(&lock, passphrase, now_ms, &delay);
}

static void
right_passphrase_opens(void **state)
{
	(void)state;
	assert_int_equal(lock_set(&lock, slice_str("secret")), ST_OK);
	assert_true(lock.locked);
	assert_int_equal(try(slice_str("secret"), 0), ST_OK);
	assert_int_equal(delay, 0);
	assert_false(lock.locked);
	assert_int_equal(used(), baseline);
	/* And again with another one. */
	assert_int_equal(lock_set(&lock, slice_str("other")), ST_OK);
	assert_int_equal(try(slice_str("secret"), 0), ST_DENIED);
	assert_true(lock.locked);
	assert_int_equal(try(slice_str("other"), 1000), ST_OK);
}

static void
what_is_out_of_order_is_refused(void **state)
{
	(void)state;
	assert_int_equal(try(slice_str("secret"), 0), ST_NOT_FOUND);
	assert_int_equal(delay, 0);
	assert_int_equal(lock_set(&lock, slice_str("")), ST_MALFORMED);
	assert_false(lock.locked);
	assert_int_equal(lock_set(&lock, slice_str("secret")), ST_OK);
	assert_int_equal(lock_set(&lock, slice_str("other")), ST_LOCKED);
	assert_int_equal(lock_set(&lock, slice_str("secret")), ST_LOCKED);
	/* An empty one is no attempt: it costs nothing and teaches nothing. */
	assert_int_equal(try(slice_str(""), 0), ST_MALFORMED);
	assert_int_equal(delay, 0);
	assert_int_equal(lock.failures, 0);
	assert_int_equal(try(slice_str("secret"), 0), ST_OK);
}

static void
each_failure_costs_more_up_to_a_limit(void **state)
{
	int64_t now = 5000;

	(void)state;
	assert_int_equal(lock_set(&lock, slice_str("secret")), ST_OK);
	for (int i = 1; i <= LOCK_FAILURES_MAX + 3; i++) {
		assert_int_equal(try(slice_str("Secret"), now), ST_DENIED);
		assert_int_equal(delay, (i < 100 ? i : 100) * 100);
		now += delay;
	}
	assert_int_equal(delay, 10000);
	assert_int_equal(try(slice_str("secret"), now), ST_OK);
	assert_int_equal(delay, 0);
	/* Success begins the count anew. */
	assert_int_equal(lock_set(&lock, slice_str("secret")), ST_OK);
	assert_int_equal(try(slice_str("Secret"), now), ST_DENIED);
	assert_int_equal(delay, 100);
}

static void
no_attempt_is_seen_while_one_waits(void **state)
{
	(void)state;
	assert_int_equal(lock_set(&lock, slice_str("secret")), ST_OK);
	assert_int_equal(try(slice_str("wrong"), 1000), ST_DENIED);
	assert_int_equal(delay, 100);
	/* Not even the right one; it waits as long and does not count. */
	assert_int_equal(try(slice_str("secret"), 1000), ST_DENIED);
	assert_int_equal(delay, 100);
	assert_int_equal(try(slice_str("secret"), 1099), ST_DENIED);
	assert_int_equal(delay, 1);
	assert_int_equal(try(slice_str("wrong"), 1099), ST_DENIED);
	assert_int_equal(delay, 1);
	assert_int_equal(lock.failures, 1);
	assert_true(lock.locked);
	assert_int_equal(try(slice_str("wrong"), 1100), ST_DENIED);
	assert_int_equal(delay, 200);
	assert_int_equal(try(slice_str("secret"), 1300), ST_OK);
}

/* Locked with one, only that one opens: all others of the table must not. */
static void
every_byte_and_the_length_count(void **state)
{
	struct slice table[] = {
		hex("'a'"), hex("'a'00"), hex("'a'0000"), hex("00"),
		hex("0000"), hex("00'a'"), hex("'a'00'b'"), hex("'a'00'c'"),
		hex("'ab'"), hex("ff"), hex_fill('x', 127), hex_fill('x', 128),
		hex_fill('x', 129), hex_fill('x', 4096),
		hex_fill('x', 256 * 1024 - 5), hex_fill(0, 64),
		hex_fill(0, 128), hex_fill(0, 129),
	};
	const size_t n = sizeof(table) / sizeof(table[0]);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		int64_t now = 0;

		assert_int_equal(lock_set(&lock, table[i]), ST_OK);
		for (size_t j = 0; j < n; j++) {
			if (j == i)
				continue;
			if (try(table[j], now) != ST_DENIED)
				fail_msg("%zu opens %zu", j, i);
			now += delay;
		}
		assert_int_equal(try(table[i], now), ST_OK);
	}
}

static void
nothing_of_the_passphrase_is_kept(void **state)
{
	static const char secret[] = "correct horse battery staple";
	struct lock other = { 0 };
	size_t len;

	(void)state;
	assert_int_equal(lock_set(&lock, slice_str(secret)), ST_OK);
	assert_true(secret_owns(vault_region(), lock.kept));
	len = secret_size(vault_region(), lock.kept);
	assert_null(memmem(lock.kept, len, secret, 8));
	/* Salted: the same again is kept as something else. */
	assert_int_equal(lock_set(&other, slice_str(secret)), ST_OK);
	assert_memory_not_equal(lock.kept, other.kept, 80);
	assert_memory_not_equal(lock.kept + 16, other.kept + 16, 64);
	lock_fini(&other);
}

/* Take all of the vault but a little. */
static void *
ballast(size_t leave)
{
	struct secret_usage use;
	void *p;

	secret_usage(vault_region(), &use);
	p = secret_alloc(vault_region(), use.largest - leave);
	assert_non_null(p);
	return p;
}

static void
full_vault_changes_nothing(void **state)
{
	size_t before;
	void *p;

	(void)state;
	for (size_t leave = 0; leave < 2048; leave += 48) {
		p = ballast(leave);
		before = used();
		if (lock_set(&lock, slice_str("secret")) == ST_OK) {
			secret_free(vault_region(), p);
			p = NULL;
			assert_int_equal(try(slice_str("secret"), 0), ST_OK);
		} else {
			assert_false(lock.locked);
			assert_int_equal(used(), before);
		}
		secret_free(vault_region(), p);
		assert_int_equal(used(), baseline);
	}
	assert_int_equal(lock_set(&lock, slice_str("secret")), ST_OK);
	before = used();
	for (size_t leave = 0; leave < 2048 && lock.locked; leave += 48) {
		p = ballast(leave);
		/* Never denied: it was the right one, and never counted. */
		assert_int_not_equal(try(slice_str("secret"), 0), ST_DENIED);
		assert_int_equal(lock.failures, 0);
		secret_free(vault_region(), p);
		assert_int_equal(used(), lock.locked ? before : baseline);
	}
	if (lock.locked)
		assert_int_equal(try(slice_str("secret"), 0), ST_OK);
}

#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(right_passphrase_opens),
		T(what_is_out_of_order_is_refused),
		T(each_failure_costs_more_up_to_a_limit),
		T(no_attempt_is_seen_while_one_waits),
		T(every_byte_and_the_length_count),
		T(nothing_of_the_passphrase_is_kept),
		T(full_vault_changes_nothing),
	};

	return cmocka_run_group_tests(tests, group_setup, hex_free);
}
