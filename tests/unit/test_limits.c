#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/limits.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))

static void
every_limit_has_a_name_and_can_be_set_to_its_value(void **state)
{
	struct limits l, set;
	char text[64], why[256];
	enum limit_id id;

	(void)state;
	limits_init(&l);
	memset(&set, 0, sizeof(set));
	for (id = 0; id < LIMITS; id++) {
		(void)snprintf(text, sizeof(text), "%s=%llu", limits_name(id),
		    (unsigned long long)l.value[id]);
		assert_int_equal(limits_set(&set, text, why, sizeof(why)),
		    ST_OK);
	}
	assert_memory_equal(&l, &set, sizeof(l));
}

static void
edges_are_taken_and_what_is_past_them_is_not(void **state)
{
	static const struct {
		const char	*text;
		int		 st;
	} table[] = {
		{ "connections=1", ST_OK },
		{ "connections=0", ST_MALFORMED },
		{ "connections=65536", ST_OK },
		{ "connections=65537", ST_MALFORMED },
		{ "connections-root=0", ST_OK },
		{ "connections-root=65536", ST_MALFORMED },
		{ "frame-time=100", ST_OK },
		{ "frame-time=99", ST_MALFORMED },
		{ "unread-time=3600000", ST_OK },
		{ "unread-time=3600001", ST_MALFORMED },
		{ "bytes=1048576", ST_OK },
		{ "bytes=1048575", ST_MALFORMED },
		{ "bytes-uid=18446744073709551616", ST_MALFORMED },
		{ "connections=-1", ST_MALFORMED },
		{ "connections=1x", ST_MALFORMED },
		{ "connections=", ST_MALFORMED },
		{ "connections", ST_MALFORMED },
		{ "connection=1", ST_MALFORMED },
		{ "connections-=1", ST_MALFORMED },
		{ "=1", ST_MALFORMED },
		{ "", ST_MALFORMED },
	};
	struct limits l, before;
	char why[256];

	(void)state;
	for (size_t i = 0; i < N(table); i++) {
		limits_init(&l);
		before = l;
		why[0] = '\0';
		assert_int_equal(limits_set(&l, table[i].text, why,
		    sizeof(why)), table[i].st);
		if (table[i].st == ST_OK)
			continue;
		assert_memory_equal(&l, &before, sizeof(l));
		assert_true(why[0] != '\0');
	}
}

static void
unknown_name_is_answered_with_all_names(void **state)
{
	struct limits l;
	enum limit_id id;
	char why[256];

	(void)state;
	limits_init(&l);
	assert_int_equal(limits_set(&l, "sockets=1", why, sizeof(why)),
	    ST_MALFORMED);
	for (id = 0; id < LIMITS; id++)
		assert_non_null(strstr(why, limits_name(id)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_limit_has_a_name_and_can_be_set_to_its_value),
		cmocka_unit_test(edges_are_taken_and_what_is_past_them_is_not),
		cmocka_unit_test(unknown_name_is_answered_with_all_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
