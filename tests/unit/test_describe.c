#include "agent/describe.h"

#include <stdio.h>

#include "proto/destination.h"
#include "support/hex.h"

/* Pairs that are looked at for the name of one host: LOOKED_AT_MAX. */
#define LOOKED_AT	256

/* A list of pairs from here to user@hostN, by any key; the last one by a key of
 * its own. */
static struct slice
list_of(size_t n, const char *user)
{
	struct wire_writer w = wire_writer(hex_alloc(65536), 65536);
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
		wire_put_string(&w, hex_key(i + 1 == n ? 'z' : 'a'));
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

/* In the place of the ring. */
size_t __wrap_keyring_count(const struct keyring *ring);
struct identity *__wrap_keyring_at(const struct keyring *ring, size_t i);

static struct identity **ring_at;
static size_t ring_n;

size_t
__wrap_keyring_count(const struct keyring *ring)
{
	(void)ring;
	return ring_n;
}

struct identity *
__wrap_keyring_at(const struct keyring *ring, size_t i)
{
	(void)ring;
	assert_true(i < ring_n);
	return ring_at[i];
}

/* The name by which a host's key is found in these lists. */
static void
expect_host(struct slice of_key, struct slice of_other, const char *want)
{
	struct slice hostkey = hex_key('z');
	struct binding bind = {
		.hostkey = (uint8_t *)(uintptr_t)hostkey.p,
		.hostkey_len = hostkey.len,
	};
	struct identity id = { .rules.destinations = of_key };
	struct identity other = { .rules.destinations = of_other };
	struct identity *at[] = { &other };
	struct audit_record rec = { .op = AUDIT_SIGN };

	ring_at = at;
	ring_n = of_other.len > 0 ? 1 : 0;
	describe_host(NULL, &id, &bind, &rec);
	assert_int_equal(rec.host.len, strlen(want));
	assert_memory_equal(rec.host.p, want, rec.host.len);
}

static void
so_many_pairs_are_looked_at_for_a_name(void **state)
{
	const struct slice none = { NULL, 0 };

	(void)state;
	expect_host(list_of(1, ""), none, "host0");
	expect_host(list_of(LOOKED_AT, ""), none, "host255");
	expect_host(list_of(LOOKED_AT + 1, ""), none, "");
	/* In all lists together, the key's own first. */
	expect_host(list_of(2, ""), list_of(1, ""), "host1");
	expect_host(none, list_of(LOOKED_AT, ""), "host255");
	expect_host(none, list_of(LOOKED_AT + 1, ""), "");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_has_its_words),
		cmocka_unit_test(the_first_destinations_stand_for_many),
		cmocka_unit_test(so_many_pairs_are_looked_at_for_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
