/*
 * The vault is full at one allocation of libcrypto's, at every one in turn:
 * whatever fails, it fails cleanly, and everything works afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/key.h"
#include "agent/vault.h"
#include "support/testkeys.h"

static const struct kind {
	const char	*name;
	enum key_type	 type;
	unsigned	 bits;
} kinds[] = {
	{ "ed25519", KEY_ED25519, 0 },
	{ "ecdsa-256", KEY_ECDSA_P256, 0 },
	{ "ecdsa-384", KEY_ECDSA_P384, 0 },
	{ "ecdsa-521", KEY_ECDSA_P521, 0 },
	{ "rsa-1024", KEY_RSA, 1024 },
	{ "rsa-2048", KEY_RSA, 2048 },
};
#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))
#define P256	1

static struct testkey *keys[KINDS];

/* The linker sends the vault's calls of secret_alloc_low() here. */
static struct {
	size_t	 countdown;	/* to the one that fails; 0: none does */
	bool	 on;		/* and all after it */
	bool	 met;
} fault;

void *__real_secret_alloc_low(struct secret *s, size_t n, bool strict,
    size_t *room);
void *__wrap_secret_alloc_low(struct secret *s, size_t n, bool strict,
    size_t *room);

void *
__wrap_secret_alloc_low(struct secret *s, size_t n, bool strict, size_t *room)
{
	if (fault.countdown > 0 && --fault.countdown == 0) {
		fault.met = true;
		fault.countdown = fault.on ? 1 : 0;
		return NULL;
	}
	return __real_secret_alloc_low(s, n, strict, room);
}

static void
fault_at(size_t n, bool on)
{
	fault.countdown = n;
	fault.on = on;
	fault.met = false;
}

/* Whether it was met; from now on nothing fails. */
static bool
fault_met(void)
{
	fault.countdown = 0;
	return fault.met;
}

static int
group_setup(void **state)
{
	(void)state;
	testkeys_vault_sized(1024 * 1024);
	for (size_t i = 0; i < KINDS; i++)
		keys[i] = testkey_new(kinds[i].type, kinds[i].bits);
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++)
		testkey_free(keys[i]);
	return 0;
}

/* Bytes that libcrypto holds in the vault: none while all keys are cold, but
 * for what a failure made it leave there. */
static size_t
heap_now(void)
{
	struct vault_work w;

	vault_work(&w);
	return w.heap_now;
}

static size_t
used(void)
{
	struct secret_usage use;

	secret_usage(vault_region(), &use);
	return use.used;
}

static struct key *
add(size_t kind)
{
	const char *why;
	struct key *k;

	assert_int_equal(key_new(&k, &keys[kind]->fields, &why), ST_OK);
	return k;
}

static void
sign(struct key *k, size_t kind)
{
	int st;

	assert_true(testkey_signs(k, keys[kind], &st));
}

/* Fail the n-th allocation of making a key, or that and all after it. */
static bool
fail_new(size_t kind, size_t n, bool on)
{
	const char *why = NULL;
	struct key *k;
	int st;
	bool met;

	fault_at(n, on);
	st = key_new(&k, &keys[kind]->fields, &why);
	met = fault_met();
	if (st != ST_OK) {
		assert_true(met);
		assert_int_equal(st, ST_FULL);
		assert_null(k);
		assert_string_equal(why, "no room left in locked memory");
	} else {
		/* Not everything that fails matters to libcrypto. */
		assert_non_null(k);
		sign(k, kind);
	}
	key_free(k);
	return met;
}

/* Have every key but one turn cold: its signature fails whatever goes. */
static void
cool_others(struct key *k)
{
	struct signature sig;
	size_t n = 1;

	do
		fault_at(n, true);
	while (key_sign(k, slice_str("x"), 2, 0, &sig) != ST_FULL &&
	    n++ < 100);
	assert_true(fault_met());
}

/* How many allocations there are differs by a few from time to time: RSA's
 * blinding is random. */
static void
making_a_key_fails_cleanly_anywhere(void **state)
{
	size_t n;
	bool met;

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		n = 0;
		do {
			n++;
			met = fail_new(i, n, false);
			met |= fail_new(i, n, true);
		} while (met);
		print_message("# new  %-10s %4zu points\n", kinds[i].name,
		    n - 1);
		assert_true((n > 1) == (kinds[i].type != KEY_ED25519));
		assert_int_equal(heap_now(), 0);
	}
}

/* Fail the n-th allocation of a signature with a cold key or a hot one. */
static bool
fail_sign(struct key *k, size_t kind, size_t n, bool on)
{
	bool met, good;
	int st;

	fault_at(n, on);
	good = testkey_signs(k, keys[kind], &st);
	met = fault_met();
	/* A signature that is not told to have failed is a good one. */
	assert_true(good == (st == ST_OK));
	if (!good) {
		assert_true(met);
		assert_int_equal(st, ST_FULL);
	}
	sign(k, kind);
	return met;
}

static void
signing_fails_cleanly_anywhere(void **state)
{
	struct key *k, *other;
	size_t n, hot;
	bool met;

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		other = add(P256);
		k = add(i);
		n = hot = 0;
		do {
			n++;
			cool_others(other);
			met = fail_sign(k, i, n, false);
			cool_others(other);
			met |= fail_sign(k, i, n, true);
		} while (met);
		do {
			hot++;
			met = fail_sign(k, i, hot, false);
			met |= fail_sign(k, i, hot, true);
		} while (met);
		sign(other, P256);
		key_free(k);
		key_free(other);
		print_message("# sign %-10s %4zu points cold, %3zu hot\n",
		    kinds[i].name, n - 1, hot - 1);
		assert_true((n > 1) == (kinds[i].type != KEY_ED25519));
		assert_int_equal(heap_now(), 0);
	}
}

static void
the_point_of_a_number_fails_cleanly_anywhere(void **state)
{
	size_t n, len;
	uint8_t q[KEY_ECDSA_PUBLIC_MAX];
	bool met;
	int st;

	(void)state;
	for (size_t i = P256; i < P256 + 3; i++)
		for (n = 1, met = true; met; n++) {
			fault_at(n, false);
			len = sizeof(q);
			st = key_ecdsa_public(kinds[i].type,
			    keys[i]->fields.ecdsa.d, q, &len);
			met = fault_met();
			if (st == ST_OK)
				assert_true(slice_eq((struct slice){ q, len },
				    keys[i]->fields.ecdsa.q));
			else
				assert_int_equal(st, ST_FULL);
			assert_true(met || st == ST_OK);
		}
	assert_int_equal(heap_now(), 0);
}

/* All that went wrong above took nothing for good. */
static void
nothing_is_gone(void **state)
{
	size_t before;

	(void)state;
	before = used();
	for (size_t i = 0; i < KINDS; i++) {
		struct key *k = add(i);

		sign(k, i);
		key_free(k);
	}
	assert_int_equal(used(), before);
	assert_int_equal(heap_now(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(making_a_key_fails_cleanly_anywhere),
		cmocka_unit_test(signing_fails_cleanly_anywhere),
		cmocka_unit_test(
		    the_point_of_a_number_fails_cleanly_anywhere),
		cmocka_unit_test(nothing_is_gone),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
