#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include "agent/vault.h"
#include "support/testkeys.h"

static size_t
used(void)
{
	struct secret_usage use;

	secret_usage(vault_region(), &use);
	return use.used;
}

static bool
owned(const void *p)
{
	return secret_owns(vault_region(), p);
}

static int
group_setup(void **state)
{
	(void)state;
	assert_null(vault_region());
	testkeys_vault();
	return 0;
}

static void
there_is_one_vault(void **state)
{
	struct secret_options opts = { .want = SECRET_MLOCK,
		.allow_unlocked = true };
	struct secret *region = vault_region();
	char why[256];

	(void)state;
	assert_non_null(region);
	assert_int_equal(vault_open(&opts, why, sizeof(why)), ST_INTERNAL);
	assert_ptr_equal(vault_region(), region);
}

static void
only_a_scope_allocates_in_the_vault(void **state)
{
	void *before, *inside, *after;

	(void)state;
	before = OPENSSL_malloc(100);
	vault_enter();
	inside = OPENSSL_malloc(100);
	vault_leave();
	after = OPENSSL_malloc(100);
	assert_false(owned(before));
	assert_true(owned(inside));
	assert_false(owned(after));
	OPENSSL_free(before);
	OPENSSL_free(inside);
	OPENSSL_free(after);
}

static void
scopes_nest(void **state)
{
	void *p;

	(void)state;
	vault_enter();
	vault_enter();
	vault_leave();
	p = OPENSSL_malloc(100);
	assert_true(owned(p));
	OPENSSL_free(p);
	vault_leave();
	p = OPENSSL_malloc(100);
	assert_false(owned(p));
	OPENSSL_free(p);
	/* One too many does not open anything. */
	vault_leave();
	p = OPENSSL_malloc(100);
	assert_false(owned(p));
	OPENSSL_free(p);
}

static void
blocks_go_back_where_they_came_from(void **state)
{
	size_t baseline = used();
	void *out, *in;

	(void)state;
	out = OPENSSL_malloc(100);
	vault_enter();
	in = OPENSSL_malloc(100);
	assert_true(used() > baseline);
	OPENSSL_free(out);
	vault_leave();
	OPENSSL_free(in);
	assert_int_equal(used(), baseline);
	vault_enter();
	assert_null(OPENSSL_malloc(0));
	OPENSSL_free(NULL);
	vault_leave();
}

/* A block of 32 bytes of 'x' resized, made and resized in a scope or not. */
static void *
resized(bool made_inside, bool resized_inside, size_t n)
{
	uint8_t *p;

	if (made_inside)
		vault_enter();
	p = OPENSSL_malloc(32);
	if (made_inside)
		vault_leave();
	memset(p, 'x', 32);
	if (resized_inside)
		vault_enter();
	p = OPENSSL_realloc(p, n);
	if (resized_inside)
		vault_leave();
	for (size_t i = 0; i < (n < 32 ? n : 32); i++)
		assert_int_equal(p[i], 'x');
	return p;
}

static void
a_secret_does_not_leave_by_growing(void **state)
{
	static const size_t sizes[] = { 8, 32, 33, 5000 };
	size_t baseline = used();
	void *p;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		p = resized(true, true, sizes[i]);
		assert_true(owned(p));
		OPENSSL_free(p);
		p = resized(true, false, sizes[i]);
		assert_true(owned(p));
		OPENSSL_free(p);
		p = resized(false, true, sizes[i]);
		assert_true(owned(p));
		OPENSSL_free(p);
		p = resized(false, false, sizes[i]);
		assert_false(owned(p));
		OPENSSL_free(p);
	}
	vault_enter();
	p = OPENSSL_realloc(NULL, 50);
	assert_true(owned(p));
	assert_null(OPENSSL_realloc(p, 0));
	vault_leave();
	assert_int_equal(used(), baseline);
}

static void
full_vault_fails_and_does_not_fall_back(void **state)
{
	struct secret_usage use;
	size_t baseline = used();
	uint8_t *p;
	void *ballast;

	(void)state;
	vault_enter();
	p = OPENSSL_malloc(64);
	memset(p, 'x', 64);
	secret_usage(vault_region(), &use);
	ballast = secret_alloc(vault_region(), use.largest);
	assert_non_null(ballast);
	assert_null(OPENSSL_malloc(4096));
	/* A block that cannot grow stays as it is. */
	assert_null(OPENSSL_realloc(p, 4096));
	vault_leave();
	assert_null(OPENSSL_realloc(p, 4096));
	assert_int_equal(p[0], 'x');
	assert_int_equal(p[63], 'x');
	OPENSSL_free(p);
	secret_free(vault_region(), ballast);
	assert_int_equal(used(), baseline);
}

static void
a_closed_vault_is_none(void **state)
{
	(void)state;
	vault_close();
	assert_null(vault_region());
	vault_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_one_vault),
		cmocka_unit_test(only_a_scope_allocates_in_the_vault),
		cmocka_unit_test(scopes_nest),
		cmocka_unit_test(blocks_go_back_where_they_came_from),
		cmocka_unit_test(a_secret_does_not_leave_by_growing),
		cmocka_unit_test(full_vault_fails_and_does_not_fall_back),
		/* Last: there is no way back. */
		cmocka_unit_test(a_closed_vault_is_none),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
