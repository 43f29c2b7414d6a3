/*
 * The smallest vault, 64 KiB, as in a container that may not lock more: every
 * key up to RSA of 4096 bits signs, and what is too much is refused without
 * harm to what is there.
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
	{ "rsa-2048", KEY_RSA, 2048 },
	{ "rsa-3072", KEY_RSA, 3072 },
	{ "rsa-4096", KEY_RSA, 4096 },
};
#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))
#define ED25519	0
#define P256	1
#define RSA2048	4
#define RSA4096	6

/* More than ever fit. */
#define MANY	400

static struct testkey *keys[KINDS], *too_large;

static int
group_setup(void **state)
{
	(void)state;
	testkeys_vault_sized(SECRET_SIZE_MIN);
	for (size_t i = 0; i < KINDS; i++)
		keys[i] = kinds[i].bits >= 4096 ?
		    testkey_new_large(kinds[i].bits) :
		    testkey_new(kinds[i].type, kinds[i].bits);
	too_large = testkey_new_large(8192);
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++)
		testkey_free(keys[i]);
	testkey_free(too_large);
	return 0;
}

static size_t
used(void)
{
	struct secret_usage use;

	secret_usage(vault_region(), &use);
	return use.used;
}

static int
add(struct key **k, size_t kind)
{
	const char *why;
	int st = key_new(k, &keys[kind]->fields, &why);

	assert_true((st == ST_OK) == (*k != NULL));
	if (st != ST_OK) {
		assert_int_equal(st, ST_FULL);
		assert_string_equal(why, "no room left in locked memory");
	}
	return st;
}

static void
sign(struct key *k, size_t kind)
{
	int st;

	assert_true(testkey_signs(k, keys[kind], &st));
}

/* Add keys of a kind until there is no room; how many those were. */
static size_t
fill(struct key **k, size_t kind)
{
	size_t n = 0;

	while (n < MANY && add(&k[n], kind) == ST_OK)
		n++;
	assert_true(n < MANY);
	return n;
}

static void
drop(struct key **k, size_t n)
{
	while (n > 0)
		key_free(k[--n]);
}

static void
every_type_up_to_rsa_4096_signs(void **state)
{
	size_t before = used();
	struct key *k;

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		assert_int_equal(add(&k, i), ST_OK);
		sign(k, i);
		sign(k, i);
		key_free(k);
		assert_int_equal(used(), before);
	}
}

static void
one_of_each_type_signs_beside_the_others(void **state)
{
	size_t before = used();
	struct key *k[KINDS];

	(void)state;
	for (size_t i = 0; i < KINDS; i++)
		assert_int_equal(add(&k[i], i), ST_OK);
	for (size_t n = 0; n < 6 * KINDS; n++)
		sign(k[n % KINDS], n % KINDS);
	for (size_t n = 0; n < 6 * KINDS; n++)
		sign(k[n * 3 % KINDS], n * 3 % KINDS);
	drop(k, KINDS);
	assert_int_equal(used(), before);
}

static void
rsa_8192_is_refused(void **state)
{
	struct key *k, *earlier;
	size_t before = used();
	const char *why;

	(void)state;
	assert_int_equal(key_new(&k, &too_large->fields, &why), ST_FULL);
	assert_null(k);
	assert_string_equal(why, "no room left in locked memory");
	assert_int_equal(used(), before);
	assert_int_equal(key_room(KEY_RSA, 8192), 0);
	assert_int_equal(add(&earlier, RSA4096), ST_OK);
	assert_int_equal(key_new(&k, &too_large->fields, &why), ST_FULL);
	sign(earlier, RSA4096);
	key_free(earlier);
	assert_int_equal(used(), before);
}

static void
full_keeps_earlier_keys_signing(void **state)
{
	struct key *k[MANY], *none;
	size_t before = used(), room, n;

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		room = key_room(kinds[i].type, kinds[i].bits);
		n = fill(k, i);
		print_message("# %-10s %3zu fit, %3zu were told\n",
		    kinds[i].name, n, room);
		assert_true(room > 0);
		assert_true(n >= room);
		for (size_t j = 0; j < n; j++)
			sign(k[j], i);
		for (size_t j = n; j > 0; j--)
			sign(k[j - 1], i);
		assert_int_equal(add(&none, i), ST_FULL);
		sign(k[0], i);
		/* One goes, one comes. */
		key_free(k[n / 2]);
		assert_int_equal(add(&k[n / 2], i), ST_OK);
		sign(k[n / 2], i);
		drop(k, n);
		assert_int_equal(used(), before);
	}
}

/* What was accepted can sign, whatever came after it. */
static void
the_largest_signs_in_a_vault_full_of_small_ones(void **state)
{
	struct key *k[MANY], *large;
	size_t before = used(), n;

	(void)state;
	assert_int_equal(add(&large, RSA4096), ST_OK);
	for (size_t kind = ED25519; kind <= RSA2048; kind++) {
		n = fill(k, kind);
		for (size_t j = 0; j < n; j++) {
			sign(k[j], kind);
			if (j % 8 == 0)
				sign(large, RSA4096);
		}
		sign(large, RSA4096);
		drop(k, n);
		sign(large, RSA4096);
	}
	key_free(large);
	assert_int_equal(used(), before);
}

/* Hot keys are a cache: what lasts, and requests on their way in, must find
 * room as if they were cold. */
static void
hot_keys_keep_nothing_else_out(void **state)
{
	struct key *k[24], *more;
	size_t before = used(), cold;
	void *frame;

	(void)state;
	for (size_t n = 0; n < 24; n++)
		assert_int_equal(add(&k[n], P256), ST_OK);
	cold = key_room(KEY_ED25519, 0);
	for (size_t n = 0; n < 24; n++)
		sign(k[n], P256);
	assert_true(key_room(KEY_ED25519, 0) >= cold / 2);
	assert_int_equal(add(&more, RSA2048), ST_OK);
	for (size_t n = 0; n < 24; n++)
		sign(k[n], P256);
	/* As large as the frame that adds RSA of 4096 bits. */
	frame = secret_alloc(vault_region(), 2400);
	assert_non_null(frame);
	secret_free(vault_region(), frame);
	key_free(more);
	drop(k, 24);
	assert_int_equal(used(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_up_to_rsa_4096_signs),
		cmocka_unit_test(one_of_each_type_signs_beside_the_others),
		cmocka_unit_test(rsa_8192_is_refused),
		cmocka_unit_test(full_keeps_earlier_keys_signing),
		cmocka_unit_test(
		    the_largest_signs_in_a_vault_full_of_small_ones),
		cmocka_unit_test(hot_keys_keep_nothing_else_out),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
