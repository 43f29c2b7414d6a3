/*
 * What operations with keys of every kind take of the vault, and that they
 * leave nothing: the bounds that agent/vault.h states are measured here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include <cmocka.h>

#include "agent/key.h"
#include "agent/opstack.h"
#include "agent/vault.h"
#include "support/testkeys.h"

#define SIZE	(1024 * 1024)

static const struct kind {
	const char	*name;
	enum key_type	 type;
	unsigned	 bits;		/* of RSA */
	bool		 slow;		/* once is enough */
} kinds[] = {
	{ "ed25519", KEY_ED25519, 0, false },
	{ "ecdsa-256", KEY_ECDSA_P256, 0, false },
	{ "ecdsa-384", KEY_ECDSA_P384, 0, false },
	{ "ecdsa-521", KEY_ECDSA_P521, 0, false },
	{ "rsa-1024", KEY_RSA, 1024, false },
	{ "rsa-2048", KEY_RSA, 2048, false },
	{ "rsa-3072", KEY_RSA, 3072, false },
	{ "rsa-4096", KEY_RSA, 4096, false },
	{ "rsa-8192", KEY_RSA, 8192, true },
	{ "rsa-16384", KEY_RSA, 16384, true },
};
#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))

static struct testkey *keys[KINDS];

static int
group_setup(void **state)
{
	(void)state;
	testkeys_vault_sized(SIZE);
	for (size_t i = 0; i < KINDS; i++)
		keys[i] = kinds[i].bits >= 4096 ?
		    testkey_new_large(kinds[i].bits) :
		    testkey_new(kinds[i].type, kinds[i].bits);
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

static struct vault_work
work(void)
{
	struct vault_work w;

	vault_work(&w);
	return w;
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

/* Where an operation is. */
static int
step_here(void *arg)
{
	*(void **)arg = __builtin_frame_address(0);
	return 0;
}

/* The stack of operations: the first piece of the region, which is a mapping
 * of its own. */
static const unsigned char *
operation_stack(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	uintptr_t from, to, at;
	unsigned char *p = NULL;
	char line[512];
	void *here;

	assert_non_null(maps);
	assert_int_equal(vault_run(step_here, &here, 0), 0);
	at = (uintptr_t)here;
	while (p == NULL && fgets(line, sizeof(line), maps) != NULL)
		if (sscanf(line, "%lx-%lx", &from, &to) == 2 && from <= at &&
		    at < to)
			p = (unsigned char *)from + VAULT_OVERHEAD;
	(void)fclose(maps);
	assert_non_null(p);
	assert_in_range(secret_size(vault_region(), p), VAULT_STACK,
	    VAULT_STACK + 15);
	assert_in_range(at, (uintptr_t)p + VAULT_STACK - 256,
	    (uintptr_t)p + VAULT_STACK);
	return p;
}

/* No byte of it is left. */
static void
stack_is_clean(const unsigned char *stack)
{
	size_t n = VAULT_STACK;

	while (n > 0 && stack[n - 1] == 0)
		n--;
	assert_int_equal(n, 0);
}

static void
operations_leave_a_clean_stack_and_are_not_deep(void **state)
{
	const unsigned char *stack;
	size_t add_peak, sign_peak;
	struct key *k;

	(void)state;
	if (!opstack_switches())
		skip();
	stack = operation_stack();
	for (size_t i = 0; i < KINDS; i++) {
		vault_measure(true);
		k = add(i);
		stack_is_clean(stack);
		add_peak = work().stack_peak;
		vault_measure(true);
		for (int n = 0; n < (kinds[i].slow ? 1 : 50); n++) {
			sign(k, i);
			stack_is_clean(stack);
		}
		sign_peak = work().stack_peak;
		key_free(k);
		stack_is_clean(stack);
		print_message("# stack %-10s add %5zu sign %5zu of %d\n",
		    kinds[i].name, add_peak, sign_peak, VAULT_STACK);
		assert_true(add_peak > 0 && sign_peak > 0);
		assert_in_range(add_peak, 1, VAULT_STACK / 4 * 3);
		assert_in_range(sign_peak, 1, VAULT_STACK / 4 * 3);
		if (kinds[i].type == KEY_ED25519)
			assert_in_range(add_peak > sign_peak ? add_peak :
			    sign_peak, 1, VAULT_STACK_PLAIN - 512 -
			    getauxval(AT_MINSIGSTKSZ));
	}
	vault_measure(false);
}

static void
keys_leave_nothing(void **state)
{
	size_t heap = work().heap_now, all = used();
	size_t add_peak, sign_peak, hot;
	struct key *k;

	(void)state;
	assert_int_equal(heap, 0);
	for (size_t i = 0; i < KINDS; i++) {
		vault_measure(true);
		k = add(i);
		add_peak = work().heap_peak;
		vault_measure(true);
		sign(k, i);
		sign_peak = work().heap_peak;
		sign(k, i);	/* with the other hash */
		hot = work().heap_now;
		print_message("# heap  %-10s add %6zu sign %6zu hot %6zu\n",
		    kinds[i].name, add_peak, sign_peak, hot);
		/* Only what libcrypto needs may be hot. */
		assert_true((hot > 0) == (kinds[i].type != KEY_ED25519));
		assert_in_range(add_peak, 0, VAULT_LARGE_ROOM / 4 * 3);
		key_free(k);
		assert_int_equal(work().heap_now, heap);
		assert_int_equal(used(), all);
	}
	vault_measure(false);
}

static void
two_hundred_cycles_leave_nothing(void **state)
{
	size_t heap = work().heap_now, all = used();
	struct key *k;

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		/* Those that take long are covered by the others. */
		if (kinds[i].bits > 3072)
			continue;
		for (int n = 0; n < 200; n++) {
			k = add(i);
			sign(k, i);
			key_free(k);
		}
		assert_int_equal(work().heap_now, heap);
		assert_int_equal(used(), all);
	}
}

/* A key that is refused leaves nothing either. */
static void
refused_keys_leave_nothing(void **state)
{
	size_t heap = work().heap_now, all = used();
	struct private_fields f;
	const char *why;
	struct key *k;

	(void)state;
	for (int n = 0; n < 200; n++) {
		f = keys[1]->fields;
		f.ecdsa.q.len -= (size_t)n % 2 + 1;
		assert_int_equal(key_new(&k, &f, &why), ST_MALFORMED);
		f = keys[5]->fields;
		f.rsa.d = f.rsa.p;
		assert_int_equal(key_new(&k, &f, &why), ST_MALFORMED);
	}
	assert_int_equal(work().heap_now, heap);
	assert_int_equal(used(), all);
}

/* Round robin is the worst for a cache that forgets what was used longest
 * ago: every signature is with a cold key. */
static void
more_keys_than_are_hot_sign_round_robin(void **state)
{
	static const size_t mix[] = { 1, 2, 3, 4, 5, 6, 7 };
	struct key *k[84];
	struct secret_usage use;
	size_t heap = work().heap_now, all = used(), n, kind, hot;
	void *ballast;

	(void)state;
	/* Leave no room but that for operations, and for the records. */
	secret_usage(vault_region(), &use);
	ballast = secret_alloc(vault_region(), use.largest - 150 * 1024);
	assert_non_null(ballast);
	for (n = 0; n < 84; n++)
		k[n] = add(mix[n % 7]);
	for (int round = 0; round < 3; round++)
		for (n = 0; n < 84; n++) {
			kind = mix[n % 7];
			sign(k[n], kind);
		}
	hot = work().heap_now - heap;
	print_message("# %zu bytes of hot keys in the end\n", hot);
	/* How many fit depends on where the pieces of each came to lie. */
	assert_true(hot > VAULT_LARGE_ROOM / 4);
	/* Some more, in no order: a step of 25 meets all of the 84. */
	for (n = 0; n < 168; n++)
		sign(k[n * 25 % 84], mix[n * 25 % 84 % 7]);
	/* Those that go take only what is theirs. */
	for (n = 0; n < 84; n += 2)
		key_free(k[n]);
	for (n = 1; n < 84; n += 2)
		sign(k[n], mix[n % 7]);
	for (n = 1; n < 84; n += 2)
		key_free(k[n]);
	secret_free(vault_region(), ballast);
	assert_int_equal(work().heap_now, heap);
	assert_int_equal(used(), all);
}

/* Parsed keys are a cache in the room for operations, and take nothing of what
 * is there for more keys. */
static void
hot_keys_stay_in_their_room(void **state)
{
	struct testkey *more[100];
	struct key *k[100];
	struct signature sig;
	const char *why;
	size_t room;

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		more[i] = testkey_new(KEY_ECDSA_P256, 0);
		assert_int_equal(key_new(&k[i], &more[i]->fields, &why),
		    ST_OK);
	}
	room = key_room(KEY_ED25519, 0);
	for (size_t i = 0; i < 300; i++)
		assert_int_equal(key_sign(k[i % 100], slice_str("x"), 0, 0,
		    &sig), ST_OK);
	assert_int_equal(key_room(KEY_ED25519, 0), room);
	for (size_t i = 0; i < 100; i++) {
		key_free(k[i]);
		testkey_free(more[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    operations_leave_a_clean_stack_and_are_not_deep),
		cmocka_unit_test(keys_leave_nothing),
		cmocka_unit_test(two_hundred_cycles_leave_nothing),
		cmocka_unit_test(refused_keys_leave_nothing),
		cmocka_unit_test(more_keys_than_are_hot_sign_round_robin),
		cmocka_unit_test(hot_keys_stay_in_their_room),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
