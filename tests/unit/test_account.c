#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/account.h"

#define UID	1000u
/* In the same line of the table as UID. */
#define BESIDE	(UID + 256)

static struct limits limits;
static struct accounts *as;

static int
setup(void **state)
{
	(void)state;
	limits_init(&limits);
	limits.value[LIMIT_ID_BYTES_UID] = 100;
	limits.value[LIMIT_ID_BYTES] = 150;
	as = accounts_new(&limits);
	return as != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	accounts_free(as);
	return 0;
}

static struct account *
open_one(uid_t uid)
{
	struct account *a;

	assert_int_equal(accounts_open(as, uid, &a), ST_OK);
	return a;
}

static void
connections_are_counted_by_uid(void **state)
{
	struct account *a, *b;

	(void)state;
	assert_int_equal(accounts_connections(as, UID), 0);
	a = open_one(UID);
	b = open_one(BESIDE);
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(open_one(UID), a);
	assert_int_equal(accounts_connections(as, UID), 2);
	assert_int_equal(accounts_connections(as, BESIDE), 1);
	assert_false(accounts_close(as, a));
	assert_true(accounts_close(as, a));
	assert_int_equal(accounts_connections(as, UID), 0);
	assert_int_equal(accounts_connections(as, BESIDE), 1);
}

static void
bytes_of_a_uid_end_at_its_limit(void **state)
{
	struct account *a = open_one(UID);

	(void)state;
	assert_int_equal(accounts_keep(as, a, 0, 60), ST_OK);
	assert_int_equal(accounts_keep(as, a, 0, 40), ST_OK);
	assert_int_equal(accounts_keep(as, a, 40, 41), ST_FULL);
	/* Less is never refused, not even where it is still too much. */
	assert_int_equal(accounts_keep(as, a, 60, 60), ST_OK);
	assert_int_equal(accounts_keep(as, a, 41, 0), ST_OK);
	assert_int_equal(accounts_keep(as, a, 60, 100), ST_OK);
}

static void
bytes_of_all_end_at_their_limit(void **state)
{
	struct account *a = open_one(UID), *b = open_one(BESIDE);

	(void)state;
	assert_int_equal(accounts_keep(as, a, 0, 100), ST_OK);
	assert_int_equal(accounts_keep(as, b, 0, 50), ST_OK);
	assert_int_equal(accounts_keep(as, b, 50, 51), ST_FULL);
	assert_int_equal(accounts_keep(as, a, 100, 99), ST_OK);
	assert_int_equal(accounts_keep(as, b, 51, 51), ST_OK);
}

static void
root_is_not_refused_and_takes_nothing_of_others(void **state)
{
	struct account *a = open_one(UID), *root = open_one(0);

	(void)state;
	assert_int_equal(accounts_keep(as, a, 0, 100), ST_OK);
	assert_int_equal(accounts_keep(as, root, 0, 1000), ST_OK);
	assert_int_equal(accounts_keep(as, open_one(BESIDE), 0, 50), ST_OK);
}

static void
list_says_what_each_has_and_ends_at_its_room(void **state)
{
	struct account_usage got[2];
	struct account *a = open_one(UID);

	(void)state;
	assert_int_equal(accounts_keep(as, a, 0, 7), ST_OK);
	a->share.spent_ns = 30;
	a->jobs_ns = 4;
	assert_int_equal(accounts_list(as, got, 2), 1);
	assert_int_equal(got[0].uid, UID);
	assert_int_equal(got[0].connections, 1);
	assert_int_equal(got[0].bytes, 7);
	assert_int_equal(got[0].cpu_ns, 34);
	(void)open_one(BESIDE);
	(void)open_one(1);
	assert_int_equal(accounts_list(as, got, 2), 2);
}

#define EACH(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(connections_are_counted_by_uid),
		EACH(bytes_of_a_uid_end_at_its_limit),
		EACH(bytes_of_all_end_at_their_limit),
		EACH(root_is_not_refused_and_takes_nothing_of_others),
		EACH(list_says_what_each_has_and_ends_at_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
