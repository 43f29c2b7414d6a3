#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/key.h"
#include "agent/vault.h"
#include "base/secret.h"
#include "proto/agent_num.h"
#include "support/testkeys.h"

static const enum key_type all[] = { KEY_ED25519, KEY_ECDSA_P256,
	KEY_ECDSA_P384, KEY_ECDSA_P521, KEY_RSA };
static struct testkey *keys[TESTKEY_TYPES], *other[KEY_TYPES];

static int
group_setup(void **state)
{
	(void)state;
	testkeys_vault();
	for (size_t i = 0; i < TESTKEY_TYPES; i++) {
		keys[all[i]] = testkey_new(all[i], 2048);
		other[all[i]] = testkey_new(all[i], 2048);
	}
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < TESTKEY_TYPES; i++) {
		testkey_free(keys[i]);
		testkey_free(other[i]);
	}
	return 0;
}

/* Bytes of the vault in use. */
static size_t
used(void)
{
	struct secret_usage use;

	secret_usage(vault_region(), &use);
	return use.used;
}

/* Sign and check as an outsider would. */
static bool
signs(struct key *k, const struct testkey *tk, uint32_t flags, int legacy,
    const char *algorithm)
{
	static uint8_t room[4096];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice data = slice_str("some data to sign");
	struct signature sig;

	if (key_sign(k, data, flags, legacy, &sig) != ST_OK)
		return false;
	wire_put_str(&w, sig.algorithm);
	wire_put_string(&w, (struct slice){ sig.bytes, sig.len });
	return testkey_verify(tk, (struct slice){ room, w.len }, algorithm,
	    data);
}

static void
every_type_is_made_and_signs(void **state)
{
	const char *why;
	struct key *k;

	(void)state;
	for (size_t i = 0; i < TESTKEY_TYPES; i++) {
		enum key_type t = all[i];

		assert_int_equal(key_new(&k, &keys[t]->fields, &why), ST_OK);
		assert_int_equal(key_type(k), t);
		assert_true(slice_eq(key_blob(k), keys[t]->blob));
		assert_true(signs(k, keys[t], SSH_AGENT_RSA_SHA2_512, 0,
		    t == KEY_RSA ? "rsa-sha2-512" : key_type_info(t)->name));
		assert_false(signs(k, other[t], SSH_AGENT_RSA_SHA2_512, 0,
		    t == KEY_RSA ? "rsa-sha2-512" : key_type_info(t)->name));
		key_free(k);
	}
}

static void
rsa_flags_choose_the_hash(void **state)
{
	static const struct {
		uint32_t	 flags;
		int		 legacy;
		const char	*algorithm;	/* NULL: refused */
	} table[] = {
		{ 0, 0, NULL },
		{ 0, 1, "ssh-rsa" },
		{ 2, 0, "rsa-sha2-256" },
		{ 4, 0, "rsa-sha2-512" },
		{ 6, 0, "rsa-sha2-256" },
		{ 1, 1, NULL },
		{ 8, 1, NULL },
		{ 0x80000002, 1, NULL },
	};
	struct signature sig;
	const char *why;
	struct key *k;

	(void)state;
	assert_int_equal(key_new(&k, &keys[KEY_RSA]->fields, &why), ST_OK);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].algorithm == NULL)
			assert_int_equal(key_sign(k, slice_str("x"),
			    table[i].flags, table[i].legacy, &sig),
			    ST_UNSUPPORTED);
		else
			assert_true(signs(k, keys[KEY_RSA], table[i].flags,
			    table[i].legacy, table[i].algorithm));
	}
	key_free(k);
}

/* What must not be equal to what belongs there. */
static void
refused(const struct private_fields *f, int st)
{
	size_t before = used();
	const char *why = NULL;
	struct key *k;

	assert_int_equal(key_new(&k, f, &why), st);
	assert_null(k);
	assert_non_null(why);
	assert_int_equal(used(), before);
}

static void
foreign_public_half_is_refused(void **state)
{
	struct private_fields f;

	(void)state;
	f = keys[KEY_ED25519]->fields;
	f.ed25519.pk = other[KEY_ED25519]->fields.ed25519.pk;
	refused(&f, ST_MALFORMED);
	for (enum key_type t = KEY_ECDSA_P256; t <= KEY_ECDSA_P521; t++) {
		f = keys[t]->fields;
		f.ecdsa.q = other[t]->fields.ecdsa.q;
		refused(&f, ST_MALFORMED);
	}
}

static void
ed25519_seed_and_tail_must_agree(void **state)
{
	struct private_fields f = keys[KEY_ED25519]->fields;
	uint8_t sk[64];

	(void)state;
	memcpy(sk, f.ed25519.sk.p, 64);
	f.ed25519.sk.p = sk;
	sk[63] ^= 1;
	refused(&f, ST_MALFORMED);
	sk[63] ^= 1;
	sk[0] ^= 1;
	refused(&f, ST_MALFORMED);
}

static void
every_rsa_number_is_checked(void **state)
{
	const struct private_fields *good = &keys[KEY_RSA]->fields;
	const struct private_fields *bad = &other[KEY_RSA]->fields;
	struct private_fields f;

	(void)state;
	f = *good; f.rsa.n = bad->rsa.n; refused(&f, ST_MALFORMED);
	f = *good; f.rsa.d = bad->rsa.d; refused(&f, ST_MALFORMED);
	f = *good; f.rsa.iqmp = bad->rsa.iqmp; refused(&f, ST_MALFORMED);
	f = *good; f.rsa.p = bad->rsa.p; refused(&f, ST_MALFORMED);
	f = *good; f.rsa.q = bad->rsa.q; refused(&f, ST_MALFORMED);
	f = *good; f.rsa.e = slice_str("\x03"); refused(&f, ST_MALFORMED);
	f = *good; f.rsa.e = slice_str(""); refused(&f, ST_MALFORMED);
	f = *good; f.rsa.d = slice_str(""); refused(&f, ST_MALFORMED);
	f = *good; f.rsa.p = good->rsa.q; f.rsa.q = good->rsa.p;
	refused(&f, ST_MALFORMED);
	f = *good; f.rsa.p = slice_str("\x01"); f.rsa.q = good->rsa.n;
	refused(&f, ST_MALFORMED);
	f = *good; f.rsa.p = good->rsa.n; f.rsa.q = slice_str("\x01");
	refused(&f, ST_MALFORMED);
	f = *good; f.rsa.p = slice_str(""); refused(&f, ST_MALFORMED);
}

static void
rsa_size_has_bounds(void **state)
{
	struct testkey *small = testkey_new(KEY_RSA, 1016);
	struct testkey *least = testkey_new(KEY_RSA, 1024);
	uint8_t huge[2049];
	struct private_fields f;
	const char *why;
	struct key *k;

	(void)state;
	refused(&small->fields, ST_TOO_LARGE);
	assert_int_equal(key_new(&k, &least->fields, &why), ST_OK);
	assert_true(signs(k, least, SSH_AGENT_RSA_SHA2_256, 0,
	    "rsa-sha2-256"));
	key_free(k);
	memset(huge, 0xff, sizeof(huge));
	f = keys[KEY_RSA]->fields;
	f.rsa.n = (struct slice){ huge, sizeof(huge) };
	refused(&f, ST_TOO_LARGE);
	testkey_free(small);
	testkey_free(least);
}

static void
ecdsa_number_has_bounds(void **state)
{
	struct private_fields f = keys[KEY_ECDSA_P256]->fields;
	uint8_t d[32];

	(void)state;
	/* Too few bits, zero, and the order less one and more. */
	f.ecdsa.d = slice_str("\x01");
	refused(&f, ST_MALFORMED);
	f.ecdsa.d = slice_str("");
	refused(&f, ST_MALFORMED);
	memset(d, 0xff, sizeof(d));
	f.ecdsa.d = (struct slice){ d, sizeof(d) };
	refused(&f, ST_MALFORMED);
	f = keys[KEY_ECDSA_P256]->fields;
	f.ecdsa.q.len--;
	refused(&f, ST_MALFORMED);
	f.ecdsa.q.len = 0;
	refused(&f, ST_MALFORMED);
}

static void
public_point_of_a_number(void **state)
{
	uint8_t q[KEY_ECDSA_PUBLIC_MAX];
	size_t len;

	(void)state;
	for (enum key_type t = KEY_ECDSA_P256; t <= KEY_ECDSA_P521; t++) {
		len = sizeof(q);
		assert_int_equal(key_ecdsa_public(t, keys[t]->fields.ecdsa.d,
		    q, &len), ST_OK);
		assert_true(slice_eq((struct slice){ q, len },
		    keys[t]->fields.ecdsa.q));
	}
	len = sizeof(q);
	assert_int_equal(key_ecdsa_public(KEY_ECDSA_P256, slice_str(""), q,
	    &len), ST_MALFORMED);
	/* A number longer than any point, and no room for the point. */
	memset(q, 1, sizeof(q));
	assert_int_equal(key_ecdsa_public(KEY_ECDSA_P256, (struct slice){ q,
	    66 }, q, &len), ST_MALFORMED);
	len = 64;
	assert_int_equal(key_ecdsa_public(KEY_ECDSA_P256,
	    keys[KEY_ECDSA_P256]->fields.ecdsa.d, q, &len), ST_MALFORMED);
	len = 65;
	assert_int_equal(key_ecdsa_public(KEY_ECDSA_P256,
	    keys[KEY_ECDSA_P256]->fields.ecdsa.d, q, &len), ST_OK);
}

/* Everything that a key took is given back, and it is the vault that pays. */
static void
keys_live_in_the_vault(void **state)
{
	size_t before, with;
	const char *why;
	struct key *k;

	(void)state;
	for (size_t i = 0; i < TESTKEY_TYPES; i++) {
		/* Once for what libcrypto keeps for ever. */
		assert_int_equal(key_new(&k, &keys[all[i]]->fields, &why),
		    ST_OK);
		key_free(k);
		before = used();
		assert_int_equal(key_new(&k, &keys[all[i]]->fields, &why),
		    ST_OK);
		with = used();
		assert_true(with >= before + 64);
		key_free(k);
		assert_int_equal(used(), before);
	}
}

/* Bytes that hot keys take. */
static size_t
hot(void)
{
	struct vault_work w;

	vault_work(&w);
	return w.heap_now;
}

static void
full_vault_refuses_and_earlier_keys_sign(void **state)
{
	struct secret_usage use;
	struct key *first, *k;
	void *ballast = NULL, *rest;
	size_t room = 4 * 1024;
	const char *why;
	int st = ST_OK;

	(void)state;
	assert_int_equal(key_new(&first, &keys[KEY_RSA]->fields, &why),
	    ST_OK);
	assert_true(signs(first, keys[KEY_RSA], SSH_AGENT_RSA_SHA2_256, 0,
	    "rsa-sha2-256"));
	secret_usage(vault_region(), &use);
	/* Find the room in which a key is too many. */
	while (st == ST_OK && room > 256) {
		secret_free(vault_region(), ballast);
		room -= 128;
		ballast = secret_alloc(vault_region(), use.largest - room);
		assert_non_null(ballast);
		st = key_new(&k, &keys[KEY_RSA]->fields, &why);
		key_free(k);
	}
	assert_int_equal(st, ST_FULL);
	assert_string_equal(why, "no room left in locked memory");
	assert_true(signs(first, keys[KEY_RSA], SSH_AGENT_RSA_SHA2_256, 0,
	    "rsa-sha2-256"));
	assert_int_equal(key_new(&k, &keys[KEY_ED25519]->fields, &why),
	    ST_OK);
	key_free(k);
	/* One that has no use for libcrypto is refused when hot keys that are
	 * libcrypto's have turned cold for it in vain. */
	secret_usage(vault_region(), &use);
	rest = secret_alloc(vault_region(), use.largest);
	assert_non_null(rest);
	assert_true(hot() > 0);
	assert_int_equal(key_new(&k, &keys[KEY_ED25519]->fields, &why),
	    ST_FULL);
	assert_string_equal(why, "no room left in locked memory");
	assert_int_equal(hot(), 0);
	secret_free(vault_region(), rest);
	assert_true(signs(first, keys[KEY_RSA], SSH_AGENT_RSA_SHA2_256, 0,
	    "rsa-sha2-256"));
	secret_free(vault_region(), ballast);
	key_free(first);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_made_and_signs),
		cmocka_unit_test(rsa_flags_choose_the_hash),
		cmocka_unit_test(foreign_public_half_is_refused),
		cmocka_unit_test(ed25519_seed_and_tail_must_agree),
		cmocka_unit_test(every_rsa_number_is_checked),
		cmocka_unit_test(rsa_size_has_bounds),
		cmocka_unit_test(ecdsa_number_has_bounds),
		cmocka_unit_test(public_point_of_a_number),
		cmocka_unit_test(keys_live_in_the_vault),
		cmocka_unit_test(full_vault_refuses_and_earlier_keys_sign),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
