#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <malloc.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include "agent/opstack.h"
#include "agent/vault.h"
#include "support/testkeys.h"

#define SIZE	(1024 * 1024)

/* What runs as an operation, and what came of it. */
struct step {
	void	*p;
	size_t	 n;
	bool	 full;
};

static int
step_alloc(void *arg)
{
	struct step *s = arg;

	s->p = OPENSSL_malloc(s->n);
	s->full = vault_was_full();
	return 11;
}

static int
step_realloc(void *arg)
{
	struct step *s = arg;

	s->p = OPENSSL_realloc(s->p, s->n);
	s->full = vault_was_full();
	return 12;
}

static int
step_free(void *arg)
{
	struct step *s = arg;

	OPENSSL_free(s->p);
	return 13;
}

/* The same as operations of their own. */
static void *
alloc_inside(size_t n, bool strict)
{
	struct step s = { .n = n };

	assert_int_equal(vault_run(step_alloc, &s, strict ? VAULT_STRICT : 0), 11);
	assert_true(s.full == (s.p == NULL));
	assert_true(vault_was_full() == s.full);
	return s.p;
}

static void *
realloc_inside(void *p, size_t n)
{
	struct step s = { .p = p, .n = n };

	assert_int_equal(vault_run(step_realloc, &s, 0), 12);
	return s.p;
}

static void
free_inside(void *p)
{
	struct step s = { .p = p };

	assert_int_equal(vault_run(step_free, &s, 0), 13);
}

static size_t
used(void)
{
	struct secret_usage use;

	secret_usage(vault_region(), &use);
	return use.used;
}

static struct vault_work
work(void)
{
	struct vault_work w;

	vault_work(&w);
	return w;
}

static bool
owned(const void *p)
{
	return secret_owns(vault_region(), p);
}

static bool
all_zero(const void *p, size_t n)
{
	const unsigned char *c = p;

	while (n > 0 && c[n - 1] == 0)
		n--;
	return n == 0;
}

#ifdef WRAP_FREE
/* Ordinary memory, watched: the linker sends free() here. */
static void *watched;
static size_t watched_size;
static bool watched_clean, watched_seen;

void __real_free(void *p);
void __wrap_free(void *p);

void
__wrap_free(void *p)
{
	if (p != NULL && p == watched) {
		watched_seen = true;
		watched_clean = all_zero(p, watched_size);
		watched = NULL;
	}
	__real_free(p);
}

static void
watch(void *p)
{
	watched = p;
	watched_size = malloc_usable_size(p);
	watched_seen = watched_clean = false;
}
#endif

static int
group_setup(void **state)
{
	(void)state;
	assert_null(vault_region());
	testkeys_vault_sized(SIZE);
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
	assert_int_equal(vault_open(&opts, VAULT_SERVE, 0, why, sizeof(why)),
	    ST_INTERNAL);
	assert_ptr_equal(vault_region(), region);
}

static void
only_an_operation_allocates_in_the_vault(void **state)
{
	void *before, *inside, *after;

	(void)state;
	before = OPENSSL_malloc(100);
	inside = alloc_inside(100, false);
	after = OPENSSL_malloc(100);
	assert_non_null(before);
	assert_false(owned(before));
	assert_true(owned(inside));
	assert_non_null(after);
	assert_false(owned(after));
	OPENSSL_free(before);
	OPENSSL_free(inside);
	OPENSSL_free(after);
}

/* One operation inside another: which must not end it. */
static int
step_nested(void *arg)
{
	struct step *s = arg, inner = { .n = 100 };

	assert_int_equal(vault_run(step_alloc, &inner, VAULT_STRICT), 11);
	assert_true(owned(inner.p));
	s->p = OPENSSL_malloc(s->n);
	OPENSSL_free(inner.p);
	return vault_run(step_alloc, &inner, 0) == 11 ?
	    step_free(&inner) : -1;
}

static void
operations_nest(void **state)
{
	size_t before = used();
	struct step s = { .n = 100 };
	void *p;

	(void)state;
	assert_int_equal(vault_run(step_nested, &s, 0), 13);
	assert_true(owned(s.p));
	OPENSSL_free(s.p);
	p = OPENSSL_malloc(100);
	assert_false(owned(p));
	OPENSSL_free(p);
	/* The rule of the outer one holds: more than the room is no room. */
	s.n = VAULT_LARGE_ROOM + 1;
	assert_int_equal(vault_run(step_nested, &s, VAULT_STRICT), 13);
	assert_null(s.p);
	assert_int_equal(vault_run(step_nested, &s, 0), 13);
	assert_true(owned(s.p));
	OPENSSL_free(s.p);
	assert_int_equal(used(), before);
}

static void
blocks_go_back_where_they_came_from(void **state)
{
	size_t before = used();
	void *out, *in;

	(void)state;
	out = OPENSSL_malloc(100);
	in = alloc_inside(100, false);
	assert_true(used() > before);
	free_inside(out);
	OPENSSL_free(in);
	assert_int_equal(used(), before);
	assert_int_equal(work().heap_now, 0);
	free_inside(NULL);
	OPENSSL_free(NULL);
	assert_null(OPENSSL_malloc(0));
}

/* A block of 32 bytes of 'x' resized, made and resized inside or not. */
static void *
resized(bool made_inside, bool resized_inside, size_t n)
{
	uint8_t *p = made_inside ? alloc_inside(32, false) :
	    OPENSSL_malloc(32);

	memset(p, 'x', 32);
	p = resized_inside ? realloc_inside(p, n) : OPENSSL_realloc(p, n);
	for (size_t i = 0; i < (n < 32 ? n : 32); i++)
		assert_int_equal(p[i], 'x');
	return p;
}

static void
a_secret_does_not_leave_by_growing(void **state)
{
	static const size_t sizes[] = { 8, 32, 33, 5000 };
	size_t before = used();
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
	p = realloc_inside(NULL, 50);
	assert_true(owned(p));
	assert_null(realloc_inside(p, 0));
	assert_int_equal(used(), before);
	assert_int_equal(work().heap_now, 0);
}

static void
what_is_given_back_is_wiped(void **state)
{
	uint8_t *p;

	(void)state;
	/* Where the links of the free list may be is not looked at. */
	p = alloc_inside(512, false);
	memset(p, 0xa5, 512);
	free_inside(p);
	assert_true(all_zero(p + 16, 512 - 16));
	/* What grows leaves nothing either. */
	p = alloc_inside(512, false);
	memset(p, 0xa5, 512);
	OPENSSL_free(realloc_inside(p, 8192));
	assert_true(all_zero(p + 16, 512 - 16));
}

static void
what_is_given_back_outside_is_wiped_as_well(void **state)
{
	(void)state;
#ifdef WRAP_FREE
	/* It may have been filled in an operation. */
	uint8_t *p = OPENSSL_malloc(500);

	memset(p, 0xa5, 500);
	watch(p);
	free_inside(p);
	assert_true(watched_seen);
	assert_true(watched_clean);
	p = OPENSSL_malloc(500);
	memset(p, 0xa5, 500);
	watch(p);
	OPENSSL_free(OPENSSL_realloc(p, 50000));
	assert_true(watched_seen);
	assert_true(watched_clean);
	p = OPENSSL_malloc(500);
	memset(p, 0xa5, 500);
	watch(p);
	OPENSSL_free(realloc_inside(p, 20));
	assert_true(watched_seen);
	assert_true(watched_clean);
#else
	skip();
#endif
}

static void
full_vault_fails_and_does_not_fall_back(void **state)
{
	struct secret_usage use;
	size_t before = used();
	void *ballast, *low;
	uint8_t *p;

	(void)state;
	p = alloc_inside(64, false);
	memset(p, 'x', 64);
	secret_usage(vault_region(), &use);
	ballast = secret_alloc(vault_region(), use.largest);
	assert_non_null(ballast);
	secret_usage(vault_region(), &use);
	low = alloc_inside(use.largest_low, false);
	assert_non_null(low);
	assert_null(alloc_inside(4096, false));
	assert_null(alloc_inside(4096, true));
	/* A block that cannot grow stays as it is. */
	assert_null(realloc_inside(p, 4096));
	assert_true(vault_was_full());
	assert_null(OPENSSL_realloc(p, 4096));
	assert_int_equal(p[0], 'x');
	assert_int_equal(p[63], 'x');
	/* Ordinary memory is there as ever. */
	OPENSSL_free(OPENSSL_malloc(100000));
	OPENSSL_free(p);
	OPENSSL_free(low);
	secret_free(vault_region(), ballast);
	assert_int_equal(used(), before);
	OPENSSL_free(alloc_inside(4096, true));
	assert_false(vault_was_full());
}

static void
strict_stays_in_the_room_for_operations(void **state)
{
	static void *p[VAULT_LARGE_ROOM / 4096];
	struct secret_usage use;
	size_t before = used(), n = 0;
	void *ballast;

	(void)state;
	/* All that lasts is taken: the room is still there. */
	secret_usage(vault_region(), &use);
	ballast = secret_alloc(vault_region(), use.largest);
	assert_non_null(ballast);
	assert_null(secret_alloc(vault_region(), 4096));
	for (; n < VAULT_LARGE_ROOM / 4096; n++)
		if ((p[n] = alloc_inside(4096 - VAULT_OVERHEAD, true)) == NULL)
			break;
	assert_true(n >= VAULT_LARGE_ROOM / 4096 - 1);
	assert_null(alloc_inside(4096, true));
	secret_free(vault_region(), ballast);
	/* What is free above it is not for strict ones. */
	assert_null(alloc_inside(4096, true));
	ballast = alloc_inside(4096, false);
	assert_non_null(ballast);
	OPENSSL_free(ballast);
	while (n > 0)
		OPENSSL_free(p[--n]);
	assert_int_equal(used(), before);
}

/* Two blocks of 1000, one of which stays; and the other way round. */
static int
step_two(void *arg)
{
	struct step *s = arg;
	void *p = OPENSSL_malloc(1000);

	s->p = OPENSSL_malloc(1000);
	OPENSSL_free(p);
	return 0;
}

static void
what_operations_take_is_counted(void **state)
{
	struct step s = { .p = NULL };
	size_t one = 1008 + VAULT_OVERHEAD;

	(void)state;
	vault_measure(true);
	assert_int_equal(work().heap_peak, 0);
	assert_int_equal(work().heap_now, 0);
	assert_int_equal(vault_run(step_two, &s, 0), 0);
	assert_int_equal(work().heap_now, one);
	assert_int_equal(work().heap_last, 2 * one);
	assert_int_equal(work().heap_peak, 2 * one);
	/* Beyond what was held before it. */
	free_inside(alloc_inside(1000, false));
	assert_int_equal(work().heap_now, one);
	assert_int_equal(work().heap_peak, 2 * one);
	free_inside(s.p);
	assert_int_equal(work().heap_now, 0);
	assert_int_equal(work().heap_last, 0);
	vault_measure(false);
	assert_int_equal(work().heap_peak, 0);
}

/* Leave something on the stack, n bytes deep. */
static int
step_stain(void *arg)
{
	struct step *s = arg;
	volatile unsigned char room[8192];

	for (size_t i = 0; i < sizeof(room); i++)
		room[i] = 0xa5;
	s->p = (void *)(uintptr_t)(const volatile void *)room;
	s->n = sizeof(room);
	return 0;
}

static void
the_stack_is_the_vaults_and_is_wiped(void **state)
{
	struct step s = { .p = NULL };

	(void)state;
	if (!opstack_switches())
		skip();
	vault_measure(true);
	assert_int_equal(vault_run(step_stain, &s, 0), 0);
	assert_true(owned(s.p));
	assert_true(owned((uint8_t *)s.p + s.n));
	assert_true(all_zero(s.p, s.n));
	assert_in_range(work().stack_peak, s.n, s.n + 512);
	vault_measure(false);
}

/* Write to the end of the stack, which is the lowest piece of the vault. */
static int
step_to_the_end(void *arg)
{
	volatile uint8_t *p = (uint8_t *)&arg;

	while (owned((uint8_t *)(uintptr_t)p - 1))
		p--;
	p[SECRET_ALIGN] = 1;
	return 0;
}

static void
a_stack_used_to_its_end_ends_the_process(void **state)
{
	int status = 0;
	pid_t pid;

	(void)state;
	if (!opstack_switches())
		skip();
	/* Before there is a vault here: a child would not have it. */
	assert_null(vault_region());
	if ((pid = fork()) == 0) {
		(void)close(STDERR_FILENO);
		testkeys_vault_sized(SIZE);
		_exit(vault_run(step_to_the_end, NULL, 0));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

#if defined(__x86_64__)
/* Fill the vector registers that the machine has. */
__attribute__((__target__("avx512f"))) static void
fill_zmm(const void *p)
{
	__asm__ volatile("vmovdqu64 (%0), %%zmm0\n\t"
	    "vmovdqa64 %%zmm0, %%zmm7\n\tvmovdqa64 %%zmm0, %%zmm15\n\tvmovdqa64 %%zmm0, %%zmm16\n\t"
	    "vmovdqa64 %%zmm0, %%zmm23\n\tvmovdqa64 %%zmm0, %%zmm31"
	    : : "r"(p) : "xmm0", "xmm7", "xmm15", "xmm16", "xmm23", "xmm31");
}

/* And read them. */
__attribute__((__target__("avx512f"))) static void
read_zmm(uint8_t out[static 6 * 64])
{
	__asm__ volatile("vmovdqu64 %%zmm0, (%0)\n\t"
	    "vmovdqu64 %%zmm7, 64(%0)\n\tvmovdqu64 %%zmm15, 128(%0)\n\t"
	    "vmovdqu64 %%zmm16, 192(%0)\n\tvmovdqu64 %%zmm23, 256(%0)\n\t"
	    "vmovdqu64 %%zmm31, 320(%0)" : : "r"(out) : "memory");
}

static void
fill_xmm(const void *p)
{
	__asm__ volatile("movdqu (%0), %%xmm0\n\tmovdqa %%xmm0, %%xmm7\n\t"
	    "movdqa %%xmm0, %%xmm15" : : "r"(p) : "xmm0", "xmm7", "xmm15");
}

static void
read_xmm(uint8_t out[static 6 * 64])
{
	__asm__ volatile("movdqu %%xmm0, (%0)\n\tmovdqu %%xmm7, 64(%0)\n\t"
	    "movdqu %%xmm15, 128(%0)" : : "r"(out) : "memory");
}

static int
step_registers(void *arg)
{
	if (__builtin_cpu_supports("avx512f"))
		fill_zmm(arg);
	else
		fill_xmm(arg);
	return 0;
}
#endif

static void
vector_registers_are_wiped(void **state)
{
	(void)state;
#if defined(__x86_64__)
	uint8_t mark[64], got[6 * 64] = { 0 };
	bool wide = __builtin_cpu_supports("avx512f");

	memset(mark, 0xa5, sizeof(mark));
	/* This can be seen at all. */
	(void)step_registers(mark);
	if (wide)
		read_zmm(got);
	else
		read_xmm(got);
	assert_memory_equal(got + 2 * 64, mark, 16);
	assert_int_equal(vault_run(step_registers, mark, 0), 0);
	if (wide)
		read_zmm(got);
	else
		read_xmm(got);
	for (size_t i = 0; i < sizeof(got); i += 64)
		assert_memory_not_equal(got + i, mark, 16);
	if (wide)
		assert_true(all_zero(got + 3 * 64, 3 * 64));
#else
	skip();
#endif
}

/* Where the last signal's handler ran. */
static void *volatile handled_at;

static void
on_signal(int signo)
{
	volatile int here = signo;

	handled_at = (void *)(uintptr_t)(const volatile void *)&here;
	vault_soiled();
}

static int
step_signal(void *arg)
{
	volatile unsigned char room[8192];

	(void)arg;
	memset((void *)(uintptr_t)(const volatile void *)room, 0xa5,
	    sizeof(room));
	assert_int_equal(raise(SIGUSR1), 0);
	/* What is in use is left alone. */
	for (size_t i = 0; i < sizeof(room); i++)
		assert_int_equal(room[i], 0xa5);
	assert_true((uintptr_t)handled_at < (uintptr_t)room);
	return 0;
}

static void
a_signal_comes_on_the_stack_and_is_wiped(void **state)
{
	const struct sigaction sa = { .sa_handler = on_signal,
		.sa_flags = SA_ONSTACK };
	struct step s = { .p = NULL };

	(void)state;
	if (!opstack_switches())
		skip();
	assert_int_equal(vault_signals(true), ST_OK);
	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	assert_int_equal(vault_run(step_stain, &s, 0), 0);
	assert_int_equal(vault_run(step_signal, NULL, 0), 0);
	assert_true(owned(handled_at));
	assert_true(all_zero((uint8_t *)handled_at, 512));
	assert_true(all_zero(s.p, s.n));

	handled_at = NULL;
	assert_int_equal(raise(SIGUSR1), 0);
	assert_true(owned(handled_at));
	assert_false(all_zero((uint8_t *)handled_at, 512));
	vault_wipe_registers();
	assert_true(all_zero((uint8_t *)handled_at, 512));
	/* And as before. */
	assert_int_equal(vault_signals(false), ST_OK);
	handled_at = NULL;
	assert_int_equal(raise(SIGUSR1), 0);
	assert_non_null(handled_at);
	assert_false(owned(handled_at));
	(void)signal(SIGUSR1, SIG_DFL);
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
	const struct CMUnitTest first[] = {
		cmocka_unit_test(a_stack_used_to_its_end_ends_the_process),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_one_vault),
		cmocka_unit_test(only_an_operation_allocates_in_the_vault),
		cmocka_unit_test(operations_nest),
		cmocka_unit_test(blocks_go_back_where_they_came_from),
		cmocka_unit_test(a_secret_does_not_leave_by_growing),
		cmocka_unit_test(what_is_given_back_is_wiped),
		cmocka_unit_test(what_is_given_back_outside_is_wiped_as_well),
		cmocka_unit_test(full_vault_fails_and_does_not_fall_back),
		cmocka_unit_test(strict_stays_in_the_room_for_operations),
		cmocka_unit_test(what_operations_take_is_counted),
		cmocka_unit_test(the_stack_is_the_vaults_and_is_wiped),
		cmocka_unit_test(vector_registers_are_wiped),
		cmocka_unit_test(a_signal_comes_on_the_stack_and_is_wiped),
		/* Last: there is no way back. */
		cmocka_unit_test(a_closed_vault_is_none),
	};

	if (cmocka_run_group_tests(first, NULL, NULL) != 0)
		return 1;
	return cmocka_run_group_tests(tests, group_setup, NULL);
}
