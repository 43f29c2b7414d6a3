#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "agent/keyring.h"
#include "agent/vault.h"
#include "proto/reply.h"
#include "support/hex.h"

/* Bytes of an Ed25519 key in the list, without its comment. */
#define LISTED	(4 + 51 + 4)
#define MANY	(REPLY_IDENTITIES_MAX + 1)

static struct keyring *ring;
static size_t baseline;

/* Bytes of the vault in use. */
static size_t
used(void)
{
	struct secret_usage use;

	secret_usage(vault_region(), &use);
	return use.used;
}

/* Thousands of keys must fit, whatever the limits of this machine are. */
static int
group_setup(void **state)
{
	struct secret_options opts = { .size = 1024 * 1024,
		.want = SECRET_MLOCK, .allow_unlocked = true };
	char why[512];

	(void)state;
	return vault_open(&opts, VAULT_SERVE, 0, why, sizeof(why)) == ST_OK ? 0 : -1;
}

static int
group_teardown(void **state)
{
	return hex_free(state);
}

static int
setup(void **state)
{
	(void)state;
	baseline = used();
	ring = keyring_new();
	return ring != NULL ? 0 : -1;
}

/* What the ring held is given back. */
static int
teardown(void **state)
{
	(void)state;
	keyring_free(ring);
	return used() == baseline ? 0 : -1;
}

/* The n-th key of the test, with any comment. */
static struct identity *
identity(uint32_t n, struct slice comment)
{
	struct private_fields f = { .type = KEY_ED25519 };
	uint8_t seed[32] = { (uint8_t)n, (uint8_t)(n >> 8) };
	uint8_t pk[32], sk[64];
	struct identity *id;
	struct key *key;
	const char *why;

	(void)crypto_sign_seed_keypair(pk, sk, seed);
	f.ed25519.pk = (struct slice){ pk, sizeof(pk) };
	f.ed25519.sk = (struct slice){ sk, sizeof(sk) };
	assert_int_equal(key_new(&key, &f, &why), ST_OK);
	assert_int_equal(identity_new(&id, key, comment), ST_OK);
	return id;
}

static struct identity *
named(uint32_t n, const char *comment, const char *load)
{
	struct identity *id = identity(n, slice_str(comment));

	(void)snprintf(id->load, sizeof(id->load), "%s", load);
	return id;
}

/* Put one that must be taken. */
static void
put(struct identity *id)
{
	const char *why;

	assert_int_equal(keyring_put(ring, &id, 1, NULL, &why), ST_OK);
	assert_null(id);
}

/* The comments in the ring, in their order, are these. */
static void
expect(const char *want)
{
	char got[256] = "";
	size_t len = 0;
	struct slice c;

	for (size_t i = 0; i < keyring_count(ring); i++) {
		c = identity_comment(keyring_at(ring, i));
		len += (size_t)snprintf(got + len, sizeof(got) - len, "%s%.*s",
		    i > 0 ? " " : "", (int)c.len, (const char *)c.p);
	}
	assert_string_equal(got, want);
}

/* One of the ring by its comment. */
static struct identity *
by_comment(const char *comment)
{
	for (size_t i = 0; i < keyring_count(ring); i++)
		if (slice_eq_str(identity_comment(keyring_at(ring, i)),
		    comment))
			return keyring_at(ring, i);
	return NULL;
}

static void
order_is_that_of_coming(void **state)
{
	struct identity *set[2] = { named(4, "d", ""), named(3, "c", "") };
	const char *why;

	(void)state;
	put(named(2, "b", ""));
	put(named(1, "a", ""));
	assert_int_equal(keyring_put(ring, set, 2, NULL, &why), ST_OK);
	expect("b a d c");
	keyring_remove(ring, by_comment("a"));
	expect("b d c");
	put(named(1, "a", ""));
	expect("b d c a");
	keyring_clear(ring);
	expect("");
	assert_int_equal(used(), baseline);
	put(named(1, "a", ""));
	expect("a");
}

static void
readd_keeps_the_place_and_nothing_else(void **state)
{
	struct constraints limits = { .has_lifetime = true, .confirm = true,
		.lifetime_s = 10 };
	struct constraints none = { 0 };
	struct identity *id;

	(void)state;
	put(named(1, "a", ""));
	id = named(2, "b", "work");
	assert_int_equal(identity_limit(id, &limits, false, 0,
	    1000), ST_OK);
	id->signatures = 3;
	id->refusals = 4;
	put(id);
	put(named(3, "c", ""));
	assert_int_equal(keyring_next_expiry(ring), 11000);

	/* Constraints of the first add do not live on, nor do counters. */
	id = named(2, "B", "");
	assert_int_equal(identity_limit(id, &none, false, 0,
	    2000), ST_OK);
	put(id);
	expect("a B c");
	assert_int_equal(keyring_count(ring), 3);
	id = by_comment("B");
	assert_false(id->confirm);
	assert_true(id->expires_ms == KEYRING_NEVER);
	assert_string_equal(id->load, "");
	assert_int_equal(id->signatures + id->refusals, 0);
	assert_true(keyring_next_expiry(ring) == KEYRING_NEVER);

	/* The other way round they are taken on. */
	id = named(2, "b2", "");
	assert_int_equal(identity_limit(id, &limits, false, 0,
	    2000), ST_OK);
	put(id);
	assert_true(by_comment("b2")->confirm);
	assert_int_equal(keyring_next_expiry(ring), 12000);
}

static void
find_compares_the_whole_blob(void **state)
{
	struct slice blob;
	uint8_t copy[64];

	(void)state;
	put(named(1, "a", ""));
	put(named(2, "b", ""));
	blob = key_blob(by_comment("b")->key);
	assert_ptr_equal(keyring_find(ring, blob), by_comment("b"));
	memcpy(copy, blob.p, blob.len);
	copy[blob.len - 1] ^= 1;
	assert_null(keyring_find(ring, (struct slice){ copy, blob.len }));
	assert_null(keyring_find(ring, (struct slice){ blob.p,
	    blob.len - 1 }));
	copy[blob.len - 1] ^= 1;
	copy[blob.len] = 0;
	assert_null(keyring_find(ring, (struct slice){ copy, blob.len + 1 }));
	assert_null(keyring_find(ring, (struct slice){ NULL, 0 }));
}

static void
a_set_replaces_its_load_in_place(void **state)
{
	struct identity *set[3];
	const char *why;

	(void)state;
	put(named(1, "one", "work"));
	put(named(2, "two", ""));
	put(named(3, "three", "work"));
	put(named(4, "four", "play"));
	put(named(5, "five", "work"));
	/* 3 stays, 1 and 5 go, 4 changes hands, 9 is new. */
	set[0] = named(9, "nine", "work");
	set[1] = named(4, "FOUR", "work");
	set[2] = named(3, "THREE", "work");
	assert_int_equal(keyring_put(ring, set, 3, "work", &why), ST_OK);
	for (size_t i = 0; i < 3; i++)
		assert_null(set[i]);
	expect("two THREE FOUR nine");
	/* What changed hands belongs to the new load from now on. */
	assert_int_equal(keyring_put(ring, set, 0, "play", &why), ST_OK);
	expect("two THREE FOUR nine");
	assert_int_equal(keyring_put(ring, set, 0, "work", &why), ST_OK);
	expect("two");
	/* The name must be the whole name. */
	put(named(6, "six", "work2"));
	assert_int_equal(keyring_put(ring, set, 0, "work", &why), ST_OK);
	expect("two six");
}

static void
an_empty_set_may_be_no_array_at_all(void **state)
{
	const char *why;

	(void)state;
	assert_int_equal(keyring_put(ring, NULL, 0, NULL, &why), ST_OK);
	assert_int_equal(keyring_put(ring, NULL, 0, "work", &why), ST_OK);
	put(named(1, "a", "work"));
	assert_int_equal(keyring_put(ring, NULL, 0, "work", &why), ST_OK);
	expect("");
}

/* MANY identities, numbered from first on. */
static struct identity **
many(uint32_t first)
{
	struct identity **set = calloc(MANY, sizeof(struct identity *));

	assert_non_null(set);
	for (uint32_t i = 0; i < MANY; i++)
		set[i] = identity(first + i, slice_str("k"));
	return set;
}

static void
number_is_limited_to_what_clients_read(void **state)
{
	struct identity **set = many(100), *again;
	const char *why = NULL;
	size_t full;

	(void)state;
	put(named(1, "a", ""));
	/* One too many with the one that is there: nothing happens. */
	assert_int_equal(keyring_put(ring, set, MANY - 1, NULL, &why),
	    ST_FULL);
	assert_non_null(strstr(why, "2048"));
	expect("a");
	for (size_t i = 0; i < MANY; i++)
		assert_non_null(set[i]);
	assert_int_equal(keyring_put(ring, set, MANY - 2, NULL, &why), ST_OK);
	assert_int_equal(keyring_count(ring), REPLY_IDENTITIES_MAX);
	assert_null(set[MANY - 3]);
	full = used();

	assert_int_equal(keyring_put(ring, &set[MANY - 1], 1, NULL, &why),
	    ST_FULL);
	assert_non_null(set[MANY - 1]);
	assert_int_equal(keyring_count(ring), REPLY_IDENTITIES_MAX);
	assert_int_equal(used(), full);
	/* One that is there already can always be put again. */
	again = identity(100, slice_str("k"));
	put(again);
	keyring_remove(ring, by_comment("a"));
	put(set[MANY - 1]);
	assert_int_equal(keyring_count(ring), REPLY_IDENTITIES_MAX);
	identity_free(set[MANY - 2]);
	free(set);
}

/* All that are there are found by their blobs, and where they are. */
static void
expect_found(const struct identity *gone)
{
	const struct identity *id;
	struct slice blob;

	for (size_t i = 0; i < keyring_count(ring); i++) {
		id = keyring_at(ring, i);
		blob = key_blob(id->key);
		assert_ptr_equal(keyring_find(ring, blob), id);
	}
	assert_null(keyring_find(ring, key_blob(gone->key)));
}

/* Also after their number and places have changed, in each way. */
static void
all_of_many_are_found(void **state)
{
	struct identity **set = many(100), *gone = identity(100,
	    slice_str("gone"));
	size_t n = 700;

	(void)state;
	for (size_t i = 1; i < n; i++)
		put(set[i]);
	expect_found(gone);
	put(set[0]);
	assert_ptr_equal(keyring_find(ring, key_blob(gone->key)), set[0]);
	/* The first, the last, and some between, with their places. */
	keyring_remove(ring, keyring_at(ring, n - 1));
	expect_found(gone);
	for (size_t i = 0; i < 100; i++)
		keyring_remove(ring, keyring_at(ring, 0));
	for (size_t i = 0; i < 100; i++)
		keyring_remove(ring, keyring_at(ring, 7 * (i % 50)));
	expect_found(gone);
	/* A set over some that are there, and beyond the room that was. */
	for (size_t i = 0; i < 100; i++)
		put(identity((uint32_t)(100 + 300 + i), slice_str("again")));
	expect_found(gone);
	keyring_clear(ring);
	assert_null(keyring_find(ring, key_blob(gone->key)));
	put(identity(200, slice_str("new")));
	expect_found(gone);
	for (size_t i = n; i < MANY; i++)
		identity_free(set[i]);
	identity_free(gone);
	free(set);
}

static void
a_replaced_load_does_not_count(void **state)
{
	struct identity **set = many(100);
	const char *why;

	(void)state;
	put(named(1, "a", "work"));
	assert_int_equal(keyring_put(ring, set, MANY - 1, "work", &why),
	    ST_OK);
	assert_int_equal(keyring_count(ring), REPLY_IDENTITIES_MAX);
	assert_null(by_comment("a"));
	identity_free(set[MANY - 1]);
	free(set);
}

/* One with rules of so many bytes. */
static struct identity *
ruled(uint32_t n, const char *comment, size_t bytes)
{
	struct constraints limits = { .destinations = hex_fill('d', bytes) };
	struct identity *id = named(n, comment, "");

	assert_int_equal(identity_limit(id, &limits, false, 0, 1000), ST_OK);
	return id;
}

static void
rules_are_limited_to_the_byte(void **state)
{
	struct identity *id;
	const char *why;

	(void)state;
	put(ruled(1, "a", 1000));
	id = ruled(2, "b", KEYRING_RULES_MAX - 1000 + 1);
	assert_int_equal(keyring_put(ring, &id, 1, NULL, &why), ST_FULL);
	assert_non_null(strstr(why, "8 MiB"));
	expect("a");
	identity_free(id);
	put(ruled(2, "b", KEYRING_RULES_MAX - 1000));
	/* Only what stays counts. */
	put(ruled(1, "a", 999));
	put(ruled(3, "c", 1));
	id = ruled(4, "d", 1);
	assert_int_equal(keyring_put(ring, &id, 1, NULL, &why), ST_FULL);
	identity_free(id);
	expect("a b c");
}

static void
list_is_limited_to_the_byte(void **state)
{
	const size_t room = REPLY_BODY_MAX - REPLY_LIST_HEAD - 2 * LISTED;
	struct identity *set[2];
	const char *why;

	(void)state;
	set[0] = identity(1, hex_fill('x', 1000));
	set[1] = identity(2, hex_fill('y', room - 1000 + 1));
	assert_int_equal(keyring_put(ring, set, 2, NULL, &why), ST_FULL);
	assert_non_null(strstr(why, "256 KiB"));
	assert_int_equal(keyring_count(ring), 0);
	assert_non_null(set[0]);
	identity_free(set[1]);
	set[1] = identity(2, hex_fill('y', room - 1000));
	assert_int_equal(keyring_put(ring, set, 2, NULL, &why), ST_OK);
	assert_int_equal(keyring_count(ring), 2);

	/* Full: not even an empty comment fits. */
	set[0] = identity(3, slice_str(""));
	assert_int_equal(keyring_put(ring, set, 1, NULL, &why), ST_FULL);
	identity_free(set[0]);
	/* A longer comment for one that is there neither, a shorter one
	 * does. */
	set[0] = identity(1, hex_fill('x', 1001));
	assert_int_equal(keyring_put(ring, set, 1, NULL, &why), ST_FULL);
	assert_int_equal(identity_comment(keyring_at(ring, 0)).len, 1000);
	identity_free(set[0]);
	set[0] = identity(1, hex_fill('x', 1000 - LISTED));
	assert_int_equal(keyring_put(ring, set, 1, NULL, &why), ST_OK);
	put(identity(3, slice_str("")));
	assert_int_equal(keyring_count(ring), 3);
}

/* An identity that expires. */
static struct identity *
mortal(uint32_t n, const char *comment, uint32_t lifetime_s)
{
	struct constraints limits = { .has_lifetime = true,
		.lifetime_s = lifetime_s };
	struct identity *id = named(n, comment, "");

	assert_int_equal(identity_limit(id, &limits, false, 3,
	    1000), ST_OK);
	return id;
}

/* What is kept of the list is what there is, and each part where it is said to
 * be. */
static void
expect_list(void)
{
	static uint8_t room[4096];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice all = keyring_list(ring);
	struct identity *id;

	reply_put_list(&w, (uint32_t)keyring_count(ring));
	for (size_t i = 0; i < keyring_count(ring); i++) {
		id = keyring_at(ring, i);
		assert_int_equal(id->list_at, w.len);
		reply_put_identity(&w, key_blob(id->key), identity_comment(id));
		assert_ptr_equal(keyring_find(ring, key_blob(id->key)), id);
	}
	assert_true(slice_eq(all, (struct slice){ room, w.len }));
}

static void
list_is_of_what_there_is_after_each_change(void **state)
{
	struct identity *set[2], *id;
	const char *why;

	(void)state;
	expect_list();
	put(named(1, "one", "a"));
	expect_list();
	put(named(2, "two", "b"));
	put(named(3, "three", ""));
	expect_list();
	put(named(2, "a longer two", "b"));
	expect_list();
	set[0] = named(4, "four", "b");
	set[1] = named(3, "3", "b");
	assert_int_equal(keyring_put(ring, set, 2, "b", &why), ST_OK);
	expect_list();
	expect("one 3 four");
	id = named(5, "five", "");
	id->expires_ms = 1000;
	put(id);
	expect_list();
	assert_int_equal(keyring_expire(ring, 1000), 1);
	expect_list();
	keyring_remove(ring, keyring_at(ring, 0));
	expect_list();
	keyring_clear(ring);
	expect_list();
	put(named(6, "six", ""));
	expect_list();
}

/* Says yes of every other one, and counts. */
static bool
every_other(void *cookie, const struct identity *id)
{
	uint32_t *n = cookie;

	(void)id;
	return ++*n % 2 == 0;
}

static void
those_that_are_gone_go_at_once(void **state)
{
	uint32_t asked = 0;

	(void)state;
	assert_int_equal(keyring_remove_if(ring, every_other, &asked), 0);
	assert_int_equal(asked, 0);
	put(named(1, "one", ""));
	assert_int_equal(keyring_remove_if(ring, every_other, &asked), 0);
	expect("one");
	put(named(2, "two", ""));
	put(named(3, "three", ""));
	put(named(4, "four", ""));
	asked = 0;
	assert_int_equal(keyring_remove_if(ring, every_other, &asked), 2);
	assert_int_equal(asked, 4);
	expect("one three");
	expect_list();
	put(named(2, "two", ""));
	expect("one three two");
	expect_list();
}

static void
what_is_due_goes_and_no_more(void **state)
{
	(void)state;
	assert_true(keyring_next_expiry(ring) == KEYRING_NEVER);
	put(named(1, "a", ""));
	put(mortal(2, "b", 20));
	put(mortal(3, "c", 10));
	put(mortal(4, "d", 10));
	assert_int_equal(keyring_next_expiry(ring), 11000);
	assert_int_equal(keyring_expire(ring, 10999), 0);
	expect("a b c d");
	assert_int_equal(keyring_expire(ring, 11000), 2);
	expect("a b");
	assert_int_equal(keyring_next_expiry(ring), 21000);
	keyring_remove(ring, by_comment("b"));
	assert_true(keyring_next_expiry(ring) == KEYRING_NEVER);
	assert_int_equal(keyring_expire(ring, INT64_MAX - 1), 0);
	expect("a");
}

static void
lifetime_of_zero_is_due_at_once(void **state)
{
	(void)state;
	put(mortal(1, "a", 0));
	expect("a");
	assert_int_equal(keyring_next_expiry(ring), 1000);
	assert_int_equal(keyring_expire(ring, 1000), 1);
	expect("");
}

static void
longest_lifetime_does_not_wrap(void **state)
{
	(void)state;
	put(mortal(1, "a", UINT32_MAX));
	assert_true(keyring_next_expiry(ring) ==
	    1000 + (int64_t)UINT32_MAX * 1000);
}

static void
default_lifetime_is_for_those_without(void **state)
{
	struct constraints none = { 0 };
	struct identity *id = named(1, "a", "");

	(void)state;
	assert_int_equal(identity_limit(id, &none, false, 7,
	    1000), ST_OK);
	assert_int_equal(id->expires_ms, 8000);
	identity_free(id);
	id = mortal(1, "a", 9);
	assert_int_equal(id->expires_ms, 10000);
	identity_free(id);
}

static void
comment_is_kept_byte_by_byte(void **state)
{
	struct slice odd = hex("00ff'a'00");

	(void)state;
	put(identity(1, odd));
	hex_expect("odd", identity_comment(keyring_at(ring, 0)), odd);
	put(identity(1, (struct slice){ NULL, 0 }));
	assert_int_equal(identity_comment(keyring_at(ring, 0)).len, 0);
}

#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(order_is_that_of_coming),
		T(readd_keeps_the_place_and_nothing_else),
		T(find_compares_the_whole_blob),
		T(a_set_replaces_its_load_in_place),
		T(an_empty_set_may_be_no_array_at_all),
		T(number_is_limited_to_what_clients_read),
		T(all_of_many_are_found),
		T(a_replaced_load_does_not_count),
		T(rules_are_limited_to_the_byte),
		T(list_is_limited_to_the_byte),
		T(list_is_of_what_there_is_after_each_change),
		T(those_that_are_gone_go_at_once),
		T(what_is_due_goes_and_no_more),
		T(lifetime_of_zero_is_due_at_once),
		T(longest_lifetime_does_not_wrap),
		T(default_lifetime_is_for_those_without),
		T(comment_is_kept_byte_by_byte),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
