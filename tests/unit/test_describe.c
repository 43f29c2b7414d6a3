#include "agent/describe.h"

#include <stdio.h>

#include "proto/destination.h"
#include "support/hex.h"

/* A list of pairs from here to user@hostN, by any key. */
static struct slice
list_of(size_t n, const char *user)
{
	struct wire_writer w = wire_writer(hex_alloc(16384), 16384);
	struct slice out;
	char host[16];
	size_t pair, end;

	for (size_t i = 0; i < n; i++) {
		pair = wire_open_string(&w);
		wire_put_string(&w, hex("00000000 00000000 00000000"));
		end = wire_open_string(&w);
		wire_put_str(&w, user);
		(void)snprintf(host, sizeof(host), "host%u", (unsigned)i);
		wire_put_str(&w, host);
		wire_put_str(&w, "");
		wire_put_string(&w, hex_key('a'));
		wire_put_u8(&w, 0);
		wire_close_string(&w, end);
		wire_put_str(&w, "");
		wire_close_string(&w, pair);
	}
	assert_int_equal(wire_done(&w, &out), ST_OK);
	assert_int_equal(destination_check(out), ST_OK);
	return out;
}

/* What rules are in words. */
static void
expect(const struct rules *r, const char *want)
{
	char room[1024];
	struct text t;

	text_init(&t, room, sizeof(room));
	describe_rules(&t, r);
	assert_string_equal(room, want);
}

static void
each_rule_has_its_words(void **state)
{
	struct policy_peer peers[] = {
		{ .who = POLICY_USER, .id = 1000 },
		{ .who = POLICY_GROUP, .id = 44 },
	};
	struct rules r = { .service = true };

	(void)state;
	expect(&r, "");
	r.unbound = true;
	expect(&r, "also unbound");
	r.purposes = hex("00000004 'auth' 00000003 'a' 0a 'b'");
	expect(&r, "purposes auth,a\\x0ab; also unbound");
	r.destinations = list_of(2, "git");
	r.peers = peers;
	r.n_peers = 2;
	r.counted = true;
	r.left = 1;
	r.rate_n = 5;
	r.rate_s = 60;
	expect(&r, "purposes auth,a\\x0ab; destinations git@host0, git@host1; "
	    "also unbound; peers 1000,@44; 1 signature left; "
	    "at most 5 in 60 s");
	r = (struct rules){ .counted = true };
	expect(&r, "0 signatures left");
}

static void
the_first_destinations_stand_for_many(void **state)
{
	struct rules r = { .destinations = list_of(8, "") };

	(void)state;
	expect(&r, "destinations host0, host1, host2, host3, host4, host5, "
	    "host6, host7");
	r.destinations = list_of(9, "");
	expect(&r, "destinations host0, host1, host2, host3, host4, host5, "
	    "host6, host7, ...");
	r.unbound = true;
	r.destinations = list_of(100, "");
	expect(&r, "destinations host0, host1, host2, host3, host4, host5, "
	    "host6, host7, ...; also unbound");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_has_its_words),
		cmocka_unit_test(the_first_destinations_stand_for_many),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
