/*
 * The vault is full at one allocation of libcrypto's, at every one in turn:
 * whatever fails, it fails cleanly, and everything works afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sched.h>

#include <cmocka.h>

#include "agent/hotkey.h"
#include "agent/key.h"
#include "agent/vault.h"
#include "proto/agent_num.h"
#include "support/crew.h"
#include "support/gate.h"
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
#define RSA1024	4

/* Two, beside the first. */
#define THREADS	2

static struct testkey *keys[KINDS];

/* The linker sends the vault's calls of secret_alloc_low() here. */
static _Thread_local struct {
	size_t	 countdown;	/* to the one that fails; 0: none does */
	bool	 on;		/* and all after it */
	bool	 met;
	struct gate *gate;	/* to be passed before the next one */
} fault;

/* Whether a thread met its fault. */
static atomic_bool met_by_any;

void *__real_secret_alloc_low(struct secret *s, size_t n, bool strict,
    size_t *room);
void *__wrap_secret_alloc_low(struct secret *s, size_t n, bool strict,
    size_t *room);

void *
__wrap_secret_alloc_low(struct secret *s, size_t n, bool strict, size_t *room)
{
	struct gate *gate = fault.gate;

	fault.gate = NULL;
	if (gate != NULL)
		gate_pass(gate);
	if (fault.countdown > 0 && --fault.countdown == 0) {
		fault.met = true;
		atomic_store(&met_by_any, true);
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
	testkeys_vault_threads(1024 * 1024, THREADS);
	for (size_t i = 0; i < KINDS; i++)
		keys[i] = testkey_new(kinds[i].type, kinds[i].bits);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(crew_start(), ST_OK);
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	while (crew.n > 0)
		crew_end();
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

/* How often libcrypto uses the numbers that blind a parsed RSA key before it
 * makes new ones. */
#define BLINDING_USES	32

static void
the_renewal_of_the_blinding_fails_cleanly_anywhere(void **state)
{
	struct key *k = add(RSA1024), *other = add(P256);
	size_t n = 0;
	bool met;

	(void)state;
	do {
		n++;
		met = false;
		for (int on = 0; on < 2; on++) {
			while (hotkey_cool_one(NULL))
				;
			for (size_t i = 0; i < BLINDING_USES; i++)
				sign(k, RSA1024);
			/* Turns cold first, and then it is tried again. */
			sign(other, P256);
			met |= fail_sign(k, RSA1024, n, on > 0);
		}
	} while (met);
	print_message("# %zu points\n", n - 1);
	/* More than without a renewal. */
	assert_true(n > 25);
	key_free(k);
	key_free(other);
}

/* What one of the threads signs. */
struct task {
	struct key	*k;
	size_t		 before;	/* so many times without a fault */
	size_t		 n;		/* the allocation that fails then */
	struct gate	*gate;		/* within the last one */
	bool		 met;
	atomic_bool	 done;
	int		 st;
	struct signing	 s;
};

static void
task_init(struct task *t, struct key *k)
{
	memset(t, 0, sizeof(*t));
	t->k = k;
	assert_int_equal(signing_init(&t->s, k, slice_str("to be signed"),
	    SSH_AGENT_RSA_SHA2_512, false), ST_OK);
}

static int
task_run(void *arg)
{
	struct task *t = arg;

	t->st = ST_OK;
	for (size_t i = 0; i < t->before && t->st == ST_OK; i++)
		t->st = signing_run(&t->s);
	fault_at(t->n, false);
	fault.gate = t->gate;
	if (t->st == ST_OK)
		t->st = signing_run(&t->s);
	fault.gate = NULL;
	t->met = fault_met();
	atomic_store(&t->done, true);
	return ST_OK;
}

static void
task_check(struct task *t, size_t kind)
{
	assert_int_equal(t->st, ST_OK);
	assert_true(testkey_made(keys[kind], &t->s.out, t->s.data));
	signing_fini(&t->s);
}

/* One thread has begun to sign when another one's signature fails half-way,
 * with what the two share: all but the first thread blind alike. */
static void
what_one_thread_spoils_no_other_one_uses(void **state)
{
	struct key *k = add(RSA1024);
	struct task spoils, other;
	struct gate gate;
	size_t n = 0;

	(void)state;
	do {
		gate = (struct gate)GATE;
		while (hotkey_cool_one(NULL))
			;
		sign(k, RSA1024);
		task_init(&spoils, k);
		task_init(&other, k);
		spoils.before = BLINDING_USES - 1;
		crew_tell(0, task_run, &spoils);
		(void)crew_wait(0);
		assert_int_equal(spoils.st, ST_OK);
		other.gate = &gate;
		crew_tell(1, task_run, &other);
		gate_await(&gate, 1);
		atomic_store(&met_by_any, false);
		spoils.before = 0;
		spoils.n = ++n;
		atomic_store(&spoils.done, false);
		crew_tell(0, task_run, &spoils);
		while (!atomic_load(&met_by_any) && !atomic_load(&spoils.done))
			(void)sched_yield();
		gate_open(&gate);
		(void)crew_wait(0);
		(void)crew_wait(1);
		task_check(&other, RSA1024);
		task_check(&spoils, RSA1024);
	} while (spoils.met);
	print_message("# %zu points\n", n - 1);
	assert_true(n > 25);
	key_free(k);
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
		    the_renewal_of_the_blinding_fails_cleanly_anywhere),
		cmocka_unit_test(what_one_thread_spoils_no_other_one_uses),
		cmocka_unit_test(
		    the_point_of_a_number_fails_cleanly_anywhere),
		cmocka_unit_test(nothing_is_gone),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
