/*
 * Operations of the vault, and signatures, in several threads at once.  A
 * process has one vault: each size is a process of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/crypto.h>

#include "agent/hotkey.h"
#include "agent/key.h"
#include "agent/opstack.h"
#include "agent/vault.h"
#include "proto/agent_num.h"
#include "support/crew.h"
#include "support/gate.h"
#include "support/testkeys.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* As many threads as are wished for, and how many of them a vault of each
 * size has room for. */
#define WISHED		6
#define SMALL		(256 * 1024)
#define MIDDLE		(512 * 1024)
#define MIDDLE_THREADS	2
#define LARGE		(1024 * 1024)
#define LARGE_THREADS	4

static const struct kind {
	enum key_type	 type;
	unsigned	 bits;
} kinds[] = {
	{ KEY_ED25519, 0 },
	{ KEY_ECDSA_P256, 0 },
	{ KEY_ECDSA_P384, 0 },
	{ KEY_ECDSA_P521, 0 },
	{ KEY_RSA, 2048 },
	{ KEY_RSA, 3072 },
	{ KEY_RSA, 4096 },
	{ KEY_RSA, 8192 },
};
#define RSA2048	4
#define RSA4096	6
#define RSA8192	7
#define KINDS	N(kinds)

static struct testkey *keys[KINDS];

static void
make_keys(void)
{
	for (size_t i = 0; i < KINDS; i++)
		keys[i] = kinds[i].bits >= 4096 ?
		    testkey_new_large(kinds[i].bits) :
		    testkey_new(kinds[i].type, kinds[i].bits);
}

static size_t
used(void)
{
	struct secret_usage use;

	secret_usage(vault_region(), &use);
	return use.used;
}

static size_t
heap(void)
{
	struct vault_work w;

	vault_work(&w);
	return w.heap_now;
}

static struct key *
add(size_t kind)
{
	const char *why;
	struct key *k;

	assert_int_equal(key_new(&k, &keys[kind]->fields, &why), ST_OK);
	return k;
}

/* What one thread is to sign, and how that went. */
#define BATCH	24

struct batch {
	size_t		 n;
	struct signing	 s[BATCH];
	size_t		 kind[BATCH];
	int		 st[BATCH];
};

static void
batch_put(struct batch *b, struct key *k, size_t kind)
{
	static const char text[] = "to be signed";

	assert_true(b->n < BATCH);
	b->kind[b->n] = kind;
	assert_int_equal(signing_init(&b->s[b->n++], k, slice_str(text),
	    SSH_AGENT_RSA_SHA2_512, false), ST_OK);
}

static int
batch_run(void *arg)
{
	struct batch *b = arg;

	for (size_t i = 0; i < b->n; i++)
		b->st[i] = signing_run(&b->s[i]);
	return ST_OK;
}

static void
batch_check(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->st[i] != ST_OK)
			fail_msg("signature %zu, kind %zu: %d", i, b->kind[i],
			    b->st[i]);
		assert_true(testkey_made(keys[b->kind[i]], &b->s[i].out,
		    b->s[i].data));
		signing_fini(&b->s[i]);
	}
	b->n = 0;
}

/* Of every thread, the first one is the last. */
static struct batch batches[CREW_MAX + 1];

static void
run_batches(void)
{
	for (size_t i = 0; i < crew.n; i++)
		crew_tell(i, batch_run, &batches[i]);
	(void)batch_run(&batches[crew.n]);
	for (size_t i = 0; i < crew.n; i++)
		(void)crew_wait(i);
	for (size_t i = 0; i <= crew.n; i++)
		batch_check(&batches[i]);
}

/*
 * 256 KiB
 */

static void
a_small_vault_has_room_for_no_thread(void **state)
{
	(void)state;
	assert_int_equal(vault_threads(), 0);
	assert_int_equal(crew_start(), ST_FULL);
	crew_end();
}

static int
small_setup(void **state)
{
	(void)state;
	testkeys_vault_threads(SMALL, WISHED);
	return 0;
}

/*
 * 512 KiB
 */

static int
start_crew(size_t n)
{
	assert_int_equal(vault_threads(), n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(crew_start(), ST_OK);
	return 0;
}

static int
middle_setup(void **state)
{
	(void)state;
	testkeys_vault_threads(MIDDLE, WISHED);
	make_keys();
	return start_crew(MIDDLE_THREADS);
}

static int
large_setup(void **state)
{
	(void)state;
	testkeys_vault_threads(LARGE, WISHED);
	make_keys();
	return start_crew(LARGE_THREADS);
}

static int
crew_teardown(void **state)
{
	(void)state;
	while (crew.n > 0)
		crew_end();
	for (size_t i = 0; i < KINDS; i++)
		testkey_free(keys[i]);
	return 0;
}

static void
threads_beyond_the_vaults_are_refused(void **state)
{
	size_t n = crew.n;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(crew_start(), ST_FULL);
		crew_end();
	}
	assert_int_equal(crew.n, n);
	assert_int_equal(heap(), 0);
}

/* Far more hot keys than find room: somebody's turns cold all the time. */
static void
many_keys_sign_while_others_turn_cold(void **state)
{
	static const size_t mix[] = { RSA2048, RSA2048, 5, 2, 3, RSA2048,
		RSA4096 };
	size_t before = used(), at = 0;
	struct key *k[42];

	(void)state;
	for (size_t i = 0; i < N(k); i++)
		k[i] = add(mix[i % N(mix)]);
	for (int round = 0; round < 6; round++) {
		for (size_t t = 0; t <= crew.n; t++)
			for (size_t i = 0; i < 14; i++) {
				/* Meets all of them, in no order. */
				at = (at + 25) % N(k);
				batch_put(&batches[t], k[at],
				    mix[at % N(mix)]);
			}
		run_batches();
	}
	assert_true(heap() > 0);
	for (size_t i = 0; i < N(k); i++)
		key_free(k[i]);
	assert_int_equal(heap(), 0);
	assert_int_equal(used(), before);
}

/* Have no key hot, and leave so little room. */
static void
leave_room(struct testkeys_ballast *b, size_t leave)
{
	while (hotkey_cool_one(NULL))
		;
	assert_int_equal(heap(), 0);
	b->leave = leave;
	assert_int_equal(vault_run(testkeys_take_room, b, VAULT_STRICT), ST_OK);
}

/* How little room a key signs in. */
static size_t
least_room(struct key *k, size_t kind)
{
	struct testkeys_ballast b;
	size_t leave = 0;
	bool done;
	int st;

	do {
		leave_room(&b, leave += 256);
		done = testkey_signs(k, keys[kind], &st);
		assert_true(done || st == ST_FULL);
		OPENSSL_free(b.p);
	} while (!done);
	return leave;
}

/* Room for the largest of them and nothing else: all sign, if need be one after
 * the other. */
static void
what_fits_alone_signs_whatever_others_do(void **state)
{
	static const size_t mix[] = { RSA4096, 3, RSA2048, RSA4096, 2 };
	size_t before = used(), least;
	struct key *k[N(mix)];
	struct testkeys_ballast b;

	(void)state;
	for (size_t i = 0; i < N(mix); i++)
		k[i] = add(mix[i]);
	least = least_room(k[0], mix[0]);
	print_message("# RSA of 4096 bits signs in %zu bytes\n", least);
	assert_in_range(least, 8 * 1024, VAULT_SHARE);
	leave_room(&b, least);
	for (int round = 0; round < 20; round++) {
		for (size_t t = 0; t <= crew.n; t++)
			for (size_t i = 0; i < 6; i++) {
				size_t n = (t * 2 + i) % N(mix);

				batch_put(&batches[t], k[n], mix[n]);
			}
		run_batches();
	}
	OPENSSL_free(b.p);
	for (size_t i = 0; i < N(mix); i++)
		key_free(k[i]);
	assert_int_equal(heap(), 0);
	assert_int_equal(used(), before);
}

/* One that is large, among others. */
static void
large_keys_sign_beside_small_ones(void **state)
{
	static const size_t mix[] = { RSA8192, RSA4096, RSA8192, 1, RSA2048,
		0 };
	size_t before = used();
	struct key *k[N(mix)];

	(void)state;
	for (size_t i = 0; i < N(mix); i++)
		k[i] = add(mix[i]);
	for (size_t t = 0; t <= crew.n; t++)
		for (size_t i = 0; i < N(mix); i++) {
			size_t n = (t + i) % N(mix);

			batch_put(&batches[t], k[n], mix[n]);
		}
	run_batches();
	for (size_t i = 0; i < N(mix); i++)
		key_free(k[i]);
	assert_int_equal(heap(), 0);
	assert_int_equal(used(), before);
}

/*
 * 1 MiB
 */

static void
one_key_signs_in_all_threads_at_once(void **state)
{
	size_t before = used();

	(void)state;
	for (size_t kind = 0; kind <= RSA4096; kind++)
		for (int round = 0; round < 3; round++) {
			struct key *k = add(kind);

			/* Cold at first, and all of them heat it. */
			while (hotkey_cool_one(NULL))
				;
			for (size_t t = 0; t <= crew.n; t++)
				for (size_t i = 0; i < 16; i++)
					batch_put(&batches[t], k, kind);
			run_batches();
			key_free(k);
			assert_int_equal(heap(), 0);
			assert_int_equal(used(), before);
		}
}

static void
a_key_that_goes_while_it_is_used_lasts_until_then(void **state)
{
	size_t before = used();

	(void)state;
	for (int round = 0; round < 10; round++) {
		struct key *k = add(RSA2048), *other = add(2);

		for (size_t t = 0; t < crew.n; t++)
			for (size_t i = 0; i < 8; i++)
				batch_put(&batches[t], i % 2 == 0 ? k : other,
				    i % 2 == 0 ? RSA2048 : 2);
		for (size_t t = 0; t < crew.n; t++)
			crew_tell(t, batch_run, &batches[t]);
		key_free(k);
		key_free(other);
		/* And others come. */
		k = add(RSA2048);
		assert_true(used() > before);
		for (size_t t = 0; t < crew.n; t++) {
			(void)crew_wait(t);
			batch_check(&batches[t]);
		}
		key_free(k);
		assert_int_equal(heap(), 0);
		assert_int_equal(used(), before);
	}
}

/* What an operation of a thread finds and leaves. */
struct place {
	struct gate	*gate;
	uint8_t		*stack;		/* some of it */
	bool		 ours;
};

static int
stain(void *arg)
{
	struct place *p = arg;
	volatile uint8_t bytes[1024];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = 0xa5;
	p->stack = (uint8_t *)(uintptr_t)bytes;
	p->ours = secret_owns(vault_region(), p->stack);
	gate_pass(p->gate);
	return bytes[17] == 0xa5 ? ST_OK : ST_INTERNAL;
}

static int
run_stain(void *arg)
{
	return vault_run(stain, arg, VAULT_STRICT);
}

static void
each_thread_has_a_stack_that_is_wiped(void **state)
{
	struct gate gate = GATE;
	struct place p[LARGE_THREADS];

	(void)state;
	if (!opstack_switches())
		skip();
	for (size_t t = 0; t < crew.n; t++) {
		p[t] = (struct place){ .gate = &gate };
		crew_tell(t, run_stain, &p[t]);
	}
	/* All of them are at work. */
	gate_await(&gate, crew.n);
	gate_open(&gate);
	for (size_t t = 0; t < crew.n; t++)
		assert_int_equal(crew_wait(t), ST_OK);
	for (size_t t = 0; t < crew.n; t++) {
		assert_true(p[t].ours);
		for (size_t i = 0; i < 1024; i++)
			assert_int_equal(p[t].stack[i], 0);
		for (size_t u = 0; u < t; u++)
			assert_int_equal(labs((long)(p[t].stack -
			    p[u].stack)) % VAULT_STACK, 0);
		for (size_t u = 0; u < t; u++)
			assert_ptr_not_equal(p[t].stack, p[u].stack);
	}
}

#if defined(__x86_64__)

/* Fill some vector registers. */
static int
fill_registers(void *arg)
{
	static const uint8_t mark[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
		12, 13, 14, 15, 16 };

	(void)arg;
	__asm__ volatile(
	    "movdqu %0, %%xmm3\n\t"
	    "movdqu %0, %%xmm9\n\t"
	    "movdqu %0, %%xmm15\n\t"
	    :: "m"(mark) : "xmm3", "xmm9", "xmm15");
	return 0;
}

static int
run_registers(void *arg)
{
	uint8_t got[3][16];
	int st;

	(void)arg;
	st = vault_run(fill_registers, NULL, 0);
	__asm__ volatile(
	    "movdqu %%xmm3, %0\n\t"
	    "movdqu %%xmm9, %1\n\t"
	    "movdqu %%xmm15, %2\n\t"
	    : "=m"(got[0]), "=m"(got[1]), "=m"(got[2]));
	for (size_t i = 0; i < 16; i++)
		if (got[0][i] != 0 || got[1][i] != 0 || got[2][i] != 0)
			return ST_INTERNAL;
	return st;
}

static void
each_threads_registers_are_wiped(void **state)
{
	(void)state;
	for (size_t t = 0; t < crew.n; t++)
		crew_tell(t, run_registers, NULL);
	for (size_t t = 0; t < crew.n; t++)
		assert_int_equal(crew_wait(t), ST_OK);
}

#endif

/* An operation that takes more than its room, and another's that may. */
struct taking {
	struct gate	*before, *after;
	unsigned	 how;
	void		*p;
	bool		 full_inside, full_after;
};

static int
take_much(void *arg)
{
	struct taking *t = arg;

	gate_pass(t->before);
	t->p = OPENSSL_malloc(VAULT_LARGE_ROOM +
	    (LARGE_THREADS + 1) * VAULT_SHARE);
	t->full_inside = vault_was_full();
	gate_pass(t->after);
	return ST_OK;
}

static int
run_taking(void *arg)
{
	struct taking *t = arg;

	int st = vault_run(take_much, t, t->how);

	t->full_after = vault_was_full();
	return st;
}

static void
strictness_and_fullness_are_each_threads_own(void **state)
{
	struct gate before = GATE, after = GATE;
	struct taking strict = { &before, &after, VAULT_STRICT, NULL, 0, 0 };
	struct taking loose = { &before, &after, 0, NULL, 0, 0 };
	size_t none = used();

	(void)state;
	/* Both are within an operation when they ask, and when they look. */
	crew_tell(0, run_taking, &loose);
	crew_tell(1, run_taking, &strict);
	gate_await(&before, 2);
	gate_open(&before);
	gate_await(&after, 2);
	gate_open(&after);
	assert_int_equal(crew_wait(0), ST_OK);
	assert_int_equal(crew_wait(1), ST_OK);
	assert_null(strict.p);
	assert_true(strict.full_inside && strict.full_after);
	assert_non_null(loose.p);
	assert_true(secret_owns(vault_region(), loose.p));
	assert_false(loose.full_inside || loose.full_after);
	assert_false(vault_was_full());
	OPENSSL_free(loose.p);
	assert_int_equal(heap(), 0);
	assert_int_equal(used(), none);
}

/* How many operations are under way, and what was seen of it. */
static atomic_int under_way, big_under_way, faults;

struct visit {
	unsigned	 how;
	struct gate	*gate;
};

static int
look_around_inside(void *arg)
{
	(void)arg;
	(void)sched_yield();
	return 7;
}

static int
look_around(void *arg)
{
	const struct visit *v = arg;
	bool big = (v->how & VAULT_BIG) != 0;
	bool alone = (v->how & VAULT_ALONE) != 0;

	if (atomic_fetch_add(&under_way, 1) > 0 && alone)
		(void)atomic_fetch_add(&faults, 1);
	if (big && atomic_fetch_add(&big_under_way, 1) > 0)
		(void)atomic_fetch_add(&faults, 1);
	if (v->gate != NULL)
		gate_pass(v->gate);
	/* Also while another one waits to be alone. */
	if (vault_run(look_around_inside, NULL, VAULT_BIG | VAULT_ALONE) != 7)
		(void)atomic_fetch_add(&faults, 1);
	if (alone && atomic_load(&under_way) != 1)
		(void)atomic_fetch_add(&faults, 1);
	if (big)
		(void)atomic_fetch_sub(&big_under_way, 1);
	(void)atomic_fetch_sub(&under_way, 1);
	return ST_OK;
}

static int
visit(void *arg)
{
	const struct visit *v = arg;

	return vault_run(look_around, arg, v->how);
}

static void
a_big_operation_holds_up_only_its_like(void **state)
{
	struct gate gate = GATE;
	struct visit held = { VAULT_BIG, &gate }, big = { VAULT_BIG, NULL };
	struct visit small = { VAULT_STRICT, NULL };

	(void)state;
	atomic_store(&faults, 0);
	crew_tell(0, visit, &held);
	gate_await(&gate, 1);
	crew_tell(1, visit, &big);
	/* Another thread, and this one. */
	for (int i = 0; i < 100; i++) {
		crew_tell(2, visit, &small);
		assert_int_equal(crew_wait(2), ST_OK);
		assert_int_equal(visit(&small), ST_OK);
	}
	gate_open(&gate);
	assert_int_equal(crew_wait(0), ST_OK);
	assert_int_equal(crew_wait(1), ST_OK);
	assert_int_equal(atomic_load(&faults), 0);
}

static int
visit_often(void *arg)
{
	static const unsigned ways[] = { 0, VAULT_STRICT, VAULT_BIG,
		VAULT_ALONE, 0, VAULT_STRICT | VAULT_BIG | VAULT_ALONE,
		VAULT_STRICT | VAULT_BIG };
	size_t at = *(const size_t *)arg;

	for (int i = 0; i < 400; i++) {
		struct visit v = { ways[(at + (size_t)i) % N(ways)], NULL };

		(void)visit(&v);
	}
	return ST_OK;
}

static void
an_operation_alone_is_alone_and_all_come_to_an_end(void **state)
{
	size_t at[] = { 0, 1, 2, 3, 4, 5, 6, 7 };

	(void)state;
	atomic_store(&faults, 0);
	for (size_t t = 0; t < crew.n; t++)
		crew_tell(t, visit_often, &at[t]);
	(void)visit_often(&at[crew.n]);
	for (size_t t = 0; t < crew.n; t++)
		assert_int_equal(crew_wait(t), ST_OK);
	assert_int_equal(atomic_load(&faults), 0);
	assert_int_equal(atomic_load(&under_way), 0);
}

/* A block that one thread makes and another releases. */
struct block {
	void		*p;
	size_t		 n;
	size_t		 last;		/* what vault_work() said then */
};

static int
make_block(void *arg)
{
	struct block *b = arg;

	b->p = OPENSSL_malloc(b->n);
	return b->p != NULL ? ST_OK : ST_FULL;
}

static int
swap_block(void *arg)
{
	struct block *b = arg;

	OPENSSL_free(b->p);
	b->p = OPENSSL_malloc(b->n / 4);
	return b->p != NULL ? ST_OK : ST_FULL;
}

static int
run_make(void *arg)
{
	struct block *b = arg;
	struct vault_work w;
	int st = vault_run(make_block, b, 0);

	vault_work(&w);
	b->last = w.heap_last;
	return st;
}

static int
run_swap(void *arg)
{
	struct block *b = arg;
	struct vault_work w;
	int st = vault_run(swap_block, b, 0);

	vault_work(&w);
	b->last = w.heap_last;
	return st;
}

static int
just_free(void *arg)
{
	struct block *b = arg;

	OPENSSL_free(b->p);
	return ST_OK;
}

static void
what_another_thread_releases_is_counted(void **state)
{
	struct block b = { .n = 4000 };

	(void)state;
	crew_tell(0, run_make, &b);
	assert_int_equal(crew_wait(0), ST_OK);
	assert_in_range(b.last, 4000, 4100);
	assert_in_range(heap(), 4000, 4100);
	/* It never took anything beyond what was there. */
	crew_tell(1, run_swap, &b);
	assert_int_equal(crew_wait(1), ST_OK);
	assert_int_equal(b.last, 0);
	assert_in_range(heap(), 1000, 1100);
	/* Outside of an operation, too; the next one begins at nothing. */
	crew_tell(2, just_free, &b);
	assert_int_equal(crew_wait(2), ST_OK);
	assert_int_equal(heap(), 0);
	crew_tell(2, run_make, &b);
	assert_int_equal(crew_wait(2), ST_OK);
	assert_in_range(b.last, 4000, 4100);
	OPENSSL_free(b.p);
	assert_int_equal(heap(), 0);
}

/* Threads that end leave nothing behind in the vault. */
static void
threads_leave_nothing(void **state)
{
	size_t before = used();
	struct key *k = add(RSA2048);

	(void)state;
	for (size_t t = 0; t <= crew.n; t++)
		for (size_t i = 0; i < 4; i++)
			batch_put(&batches[t], k, RSA2048);
	run_batches();
	while (crew.n > 0)
		crew_end();
	key_free(k);
	assert_int_equal(heap(), 0);
	assert_int_equal(used(), before);
}

static int
small(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_vault_has_room_for_no_thread),
	};

	return cmocka_run_group_tests_name("256 KiB", tests, small_setup,
	    NULL);
}

static int
middle(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_beyond_the_vaults_are_refused),
		cmocka_unit_test(many_keys_sign_while_others_turn_cold),
		cmocka_unit_test(what_fits_alone_signs_whatever_others_do),
		cmocka_unit_test(large_keys_sign_beside_small_ones),
		cmocka_unit_test(threads_leave_nothing),
	};

	return cmocka_run_group_tests_name("512 KiB", tests, middle_setup,
	    crew_teardown);
}

static int
large(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_beyond_the_vaults_are_refused),
		cmocka_unit_test(one_key_signs_in_all_threads_at_once),
		cmocka_unit_test(
		    a_key_that_goes_while_it_is_used_lasts_until_then),
		cmocka_unit_test(each_thread_has_a_stack_that_is_wiped),
#if defined(__x86_64__)
		cmocka_unit_test(each_threads_registers_are_wiped),
#endif
		cmocka_unit_test(
		    strictness_and_fullness_are_each_threads_own),
		cmocka_unit_test(a_big_operation_holds_up_only_its_like),
		cmocka_unit_test(
		    an_operation_alone_is_alone_and_all_come_to_an_end),
		cmocka_unit_test(what_another_thread_releases_is_counted),
		cmocka_unit_test(threads_leave_nothing),
	};

	return cmocka_run_group_tests_name("1 MiB", tests, large_setup,
	    crew_teardown);
}

/* Run some tests in a process of their own. */
static int
apart(int (*run)(void))
{
	int status = -1;
	pid_t pid;

	(void)fflush(NULL);
	if ((pid = fork()) == 0)
		exit(run());
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return status == 0 ? 0 : 1;
}

int
main(void)
{
	return apart(small) + apart(middle) + apart(large);
}
