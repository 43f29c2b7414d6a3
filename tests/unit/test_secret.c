/*
 * Every case runs on each backing that this machine has: memfd_secret(2) is
 * missing under valgrind and on older kernels, and mlock(2) is always there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/secret.h"

#define KIB	1024

/* Open a region of ${size} bytes on ${want}; skip when that can't be had. */
static struct secret *
open_region(enum secret_backing want, size_t size)
{
	struct secret_options opts = { .size = size, .want = want };
	struct secret_usage usage;
	struct secret *s;
	char why[512];
	int st;

	st = secret_open(&s, &opts, why, sizeof(why));
	if (st == ST_FULL && want == SECRET_MEMFD)
		skip();
	assert_int_equal(st, ST_OK);
	assert_string_equal(why, "");
	secret_usage(s, &usage);
	assert_true(want == SECRET_AUTO || usage.backing == want);
	assert_int_equal(usage.size, size);
	return s;
}

static enum secret_backing
wanted(void **state)
{
	return *(const enum secret_backing *)*state;
}

/* How a child ended that ran ${fn}: its exit status, or 128 + signal. */
static int
in_child(int (*fn)(void *), void *arg)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		/* A sanitizer's report would hide the signal, and take long. */
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(126);
		_exit(fn(arg));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    128 + WTERMSIG(status);
}

/* A line such as "VmLck:  64 kB" of /proc/self/status, in bytes. */
static size_t
proc_bytes(const char *field)
{
	char line[256];
	size_t kib = SIZE_MAX;
	FILE *f;

	assert_non_null(f = fopen("/proc/self/status", "re"));
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, field, strlen(field)) == 0)
			kib = strtoul(line + strlen(field) + 1, NULL, 10);
	}
	fclose(f);
	assert_true(kib != SIZE_MAX);
	return kib * KIB;
}

/*
 * Pieces.
 */

static void
pieces_are_zeroed_aligned_and_apart(void **state)
{
	struct secret *s = open_region(wanted(state), 64 * KIB);
	uint8_t *p[40];
	size_t i, j;

	for (i = 0; i < 40; i++) {
		assert_non_null(p[i] = secret_alloc(s, i));
		assert_int_equal((uintptr_t)p[i] % SECRET_ALIGN, 0);
		assert_true(secret_size(s, p[i]) >= i);
		assert_true(secret_size(s, p[i]) >= 1);
		assert_true(secret_owns(s, p[i]));
		for (j = 0; j < secret_size(s, p[i]); j++)
			assert_int_equal(p[i][j], 0);
		memset(p[i], (int)i + 1, secret_size(s, p[i]));
	}
	for (i = 0; i < 40; i++) {
		for (j = 0; j < secret_size(s, p[i]); j++)
			assert_int_equal(p[i][j], i + 1);
		secret_free(s, p[i]);
	}
	secret_free(s, NULL);
	secret_close(s);
}

static void
what_is_released_is_wiped(void **state)
{
	struct secret *s = open_region(wanted(state), 64 * KIB);
	uint8_t *a, *b, *c;
	size_t i;

	/* Between two that stay: the place is looked at, not used again. */
	assert_non_null(a = secret_alloc(s, 100));
	assert_non_null(b = secret_alloc(s, 1000));
	assert_non_null(c = secret_alloc(s, 100));
	memset(b, 0x5a, 1000);
	secret_free(s, b);
	/* The first bytes are the allocator's own now. */
	for (i = 16; i < 1000; i++)
		assert_int_equal(b[i], 0);

	/* Joined with its neighbours: their headers are gone as well. */
	secret_free(s, a);
	secret_free(s, c);
	for (i = 16; i < 1300; i++)
		assert_int_equal(a[i], 0);
	secret_close(s);
}

/* Fill up, look at everything, release in random order; ten times over. */
static void
a_full_region_comes_back_whole(void **state)
{
	struct secret *s = open_region(wanted(state), 64 * KIB);
	struct secret_usage fresh, now;
	uint8_t *p[4096];
	size_t i, j, n, len[4096];
	int round;

	secret_usage(s, &fresh);
	assert_true(fresh.largest > 64 * KIB - 64);
	srandom(11);
	for (round = 0; round < 10; round++) {
		for (n = 0; n < 4096; n++) {
			len[n] = (size_t)random() % (round < 5 ? 300 : 30);
			if ((p[n] = secret_alloc(s, len[n])) == NULL)
				break;
			for (i = 0; i < secret_size(s, p[n]); i++)
				assert_int_equal(p[n][i], 0);
			memset(p[n], (int)n & 0xff, secret_size(s, p[n]));
		}
		assert_in_range(n, 100, 4095);
		while (n > 0) {
			i = (size_t)random() % n--;
			for (j = 0; j < secret_size(s, p[i]); j++)
				assert_int_equal(p[i][j], p[i][0]);
			secret_free(s, p[i]);
			p[i] = p[n];
		}
		secret_usage(s, &now);
		assert_int_equal(now.used, fresh.used);
		assert_int_equal(now.largest, fresh.largest);
	}
	secret_close(s);
}

/* Allocate and release at random; after each step usage must be true. */
static void
largest_is_what_can_be_had(void **state)
{
	struct secret *s = open_region(wanted(state), 64 * KIB);
	struct secret_usage u, again;
	void *p[64] = { NULL }, *big;
	size_t i;
	int step;

	srandom(5);
	for (step = 0; step < 3000; step++) {
		i = (size_t)random() % 64;
		if (p[i] != NULL) {
			secret_free(s, p[i]);
			p[i] = NULL;
		} else {
			p[i] = secret_alloc(s, (size_t)random() % 3000);
		}
		secret_usage(s, &u);
		assert_true(u.used <= u.size);
		assert_true(u.largest <= u.size - u.used);
		assert_null(secret_alloc(s, u.largest + 1));
		if (u.largest == 0)
			continue;
		assert_non_null(big = secret_alloc(s, u.largest));
		secret_free(s, big);
		secret_usage(s, &again);
		assert_int_equal(again.largest, u.largest);
		assert_int_equal(again.used, u.used);
	}
	secret_close(s);
}

static void
no_more_than_there_is(void **state)
{
	struct secret *s = open_region(wanted(state), 64 * KIB);
	struct secret_usage u;
	void *p;

	assert_null(secret_alloc(s, SIZE_MAX));
	assert_null(secret_alloc(s, SIZE_MAX - 15));
	assert_null(secret_alloc(s, 64 * KIB));
	assert_null(secret_alloc(s, 64 * KIB + 1));
	secret_usage(s, &u);
	assert_non_null(p = secret_alloc(s, u.largest));
	assert_null(secret_alloc(s, 0));
	secret_usage(s, &u);
	assert_int_equal(u.largest, 0);
	assert_int_equal(u.used, u.size);
	secret_free(s, p);
	secret_close(s);
}

static void
owns_is_exact_at_both_ends(void **state)
{
	struct secret *s = open_region(wanted(state), 64 * KIB);
	uint8_t *first;
	int here;

	/* The first piece lies one header behind the start. */
	assert_non_null(first = secret_alloc(s, 1));
	first -= 16;
	assert_true(secret_owns(s, first));
	assert_false(secret_owns(s, first - 1));
	assert_true(secret_owns(s, first + 64 * KIB - 1));
	assert_false(secret_owns(s, first + 64 * KIB));
	assert_false(secret_owns(s, &here));
	assert_false(secret_owns(s, NULL));
	secret_close(s);
}

/*
 * Misuse ends the process.
 */

struct misuse {
	enum secret_backing want;
	int		 what;
};

/* Children can't see the region of their parent: each opens its own. */
static int
child_misuse(void *arg)
{
	struct secret_options opts = { .size = 64 * KIB };
	const struct misuse *m = arg;
	struct secret *s;
	uint8_t *a, *b, *c, here[64] = { 0 };

	opts.want = m->want;
	if (secret_open(&s, &opts, NULL, 0) != ST_OK)
		return 1;
	a = secret_alloc(s, 100);
	b = secret_alloc(s, 100);
	c = secret_alloc(s, 100);
	if (a == NULL || b == NULL || c == NULL)
		return 2;
	/* Let old headers and copies of them lie about. */
	memcpy(c, b - 16, 16);
	memcpy(b, b - 16, 16);

	switch (m->what) {
	case 0:
		secret_free(s, a);
		secret_free(s, b);
		secret_free(s, c);
		secret_close(s);
		return 0;
	case 1:			/* twice */
		secret_free(s, b);
		secret_free(s, b);
		break;
	case 2:			/* twice, after it was joined */
		secret_free(s, a);
		secret_free(s, b);
		secret_free(s, b);
		break;
	case 3:			/* into a piece, behind the copy of a header */
		secret_free(s, c + 16);
		break;
	case 4:
		secret_free(s, b + 16);
		break;
	case 5:
		secret_free(s, a + 1);
		break;
	case 6:
		secret_free(s, here + 32);
		break;
	case 7:			/* overrun into the next header */
		memset(a, 0xff, secret_size(s, a) + 4);
		secret_free(s, a);
		break;
	case 8:
		(void)secret_size(s, a + 16);
		break;
	case 9:			/* below the first piece */
		secret_free(s, a - 16);
		break;
	default:
		return 3;
	}
	return 4;
}

static void
foreign_and_stale_pointers_end_the_process(void **state)
{
	struct misuse m = { .want = wanted(state) };

	secret_close(open_region(wanted(state), 64 * KIB));
	assert_int_equal(in_child(child_misuse, &m), 0);
	for (m.what = 1; m.what <= 9; m.what++)
		assert_int_equal(in_child(child_misuse, &m), 128 + SIGABRT);
}

/* Touch one byte just outside of the region, or its last one. */
static int
child_touch(void *arg)
{
	struct secret_options opts = { .size = 64 * KIB };
	const struct misuse *m = arg;
	struct secret *s;
	volatile uint8_t *base;
	uint8_t first;

	opts.want = m->want;
	if (secret_open(&s, &opts, NULL, 0) != ST_OK)
		return 1;
	base = secret_alloc(s, 1);
	base -= 16;
	if (m->what == 0) {
		/* With the same: it belongs to a head. */
		first = base[0];
		base[0] = first;
		base[64 * KIB - 1] = first;
		secret_close(s);
		return 0;
	}
	if (m->what == 1)
		return base[-1] == 0 ? 2 : 3;
	return base[64 * KIB] == 0 ? 2 : 3;
}

/* Whether the page at ${at} is mapped, and so that nobody may touch it. */
static bool
is_guard(uintptr_t at, size_t page)
{
	unsigned long from, to;
	char line[512], mode[5];
	bool found = false;
	FILE *f;

	assert_non_null(f = fopen("/proc/self/maps", "re"));
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) == 3 &&
		    from <= at && at + page <= to)
			found = strcmp(mode, "---p") == 0;
	}
	fclose(f);
	return found;
}

static void
both_ends_are_guarded(void **state)
{
	struct misuse m = { .want = wanted(state) };
	struct secret *s = open_region(wanted(state), 64 * KIB);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t base = (uintptr_t)secret_alloc(s, 1) - 16;

	assert_true(is_guard(base - page, page));
	assert_true(is_guard(base + 64 * KIB, page));
	secret_close(s);

	assert_int_equal(in_child(child_touch, &m), 0);
	m.what = 1;
	assert_int_equal(in_child(child_touch, &m), 128 + SIGSEGV);
	m.what = 2;
	assert_int_equal(in_child(child_touch, &m), 128 + SIGSEGV);
}

static int
child_peek(void *arg)
{
	const volatile uint8_t *p = arg;

	return p[0] == 0x77 ? 1 : 2;
}

static void
a_child_does_not_get_the_region(void **state)
{
	struct secret *s = open_region(wanted(state), 64 * KIB);
	uint8_t *p;

	assert_non_null(p = secret_alloc(s, 32));
	memset(p, 0x77, 32);
	assert_int_equal(in_child(child_peek, p), 128 + SIGSEGV);
	assert_int_equal(p[31], 0x77);
	secret_close(s);
}

/*
 * Threads.
 */

static void *
worker(void *arg)
{
	struct secret *s = arg;
	uint8_t *p[16] = { NULL };
	unsigned seed = (unsigned)(uintptr_t)&p;
	size_t i, j, n;
	int step;

	for (step = 0; step < 5000; step++) {
		i = (size_t)rand_r(&seed) % 16;
		if (p[i] == NULL) {
			p[i] = secret_alloc(s, (size_t)rand_r(&seed) % 500);
			if (p[i] != NULL)
				memset(p[i], (int)i + 1,
				    secret_size(s, p[i]));
			continue;
		}
		n = secret_size(s, p[i]);
		for (j = 0; j < n; j++) {
			if (p[i][j] != i + 1)
				return arg;
		}
		secret_free(s, p[i]);
		p[i] = NULL;
	}
	for (i = 0; i < 16; i++)
		secret_free(s, p[i]);
	return NULL;
}

static void
threads_do_not_get_in_each_others_way(void **state)
{
	struct secret *s = open_region(wanted(state), 64 * KIB);
	struct secret_usage before, after;
	pthread_t t[4];
	void *failed;
	size_t i;

	secret_usage(s, &before);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, worker, s), 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], &failed), 0);
		assert_null(failed);
	}
	secret_usage(s, &after);
	assert_int_equal(before.used, after.used);
	assert_int_equal(before.largest, after.largest);
	secret_close(s);
}

/*
 * Locking and its limit.
 */

static void
exactly_the_region_is_locked(void **state)
{
	size_t before = proc_bytes("VmLck:");
	struct secret *s = open_region(wanted(state), 128 * KIB);

	assert_int_equal(proc_bytes("VmLck:") - before, 128 * KIB);
	secret_close(s);
	assert_int_equal(proc_bytes("VmLck:"), before);
}

static void
size_is_rounded_up_to_pages(void **state)
{
	struct secret_options opts = { .size = 64 * KIB + 1,
		.want = SECRET_MLOCK };
	struct secret_usage u;
	struct secret *s;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	(void)state;
	assert_int_equal(secret_open(&s, &opts, NULL, 0), ST_OK);
	secret_usage(s, &u);
	assert_int_equal(u.size, 64 * KIB + page);
	secret_close(s);
}

static void
a_size_above_the_limit_is_refused(void **state)
{
	static const size_t sizes[] = { (size_t)SECRET_SIZE_LIMIT + 1,
		SIZE_MAX, SIZE_MAX - 4095 };
	struct secret_options opts = { .allow_unlocked = true };
	struct secret *s;
	char why[256];
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		opts.size = sizes[i];
		assert_int_equal(secret_open(&s, &opts, why, sizeof(why)),
		    ST_FULL);
		assert_null(s);
		assert_non_null(strstr(why, "1073741824"));
	}
}

/* What a child is to try under which limit. */
struct limited {
	rlim_t		 limit;
	struct secret_options opts;
	int		 st;
	size_t		 size;		/* of the region, if there is one */
	enum secret_backing backing;	/* the same; AUTO: a locked one */
	const char	*words[4];	/* of the line, if there is none */
};

/* Exit status: 0, 77 when the limit can't be set, or the check that failed. */
static int
child_limited(void *arg)
{
	const struct limited *t = arg;
	struct rlimit rl = { t->limit, t->limit };
	struct secret_usage u;
	struct secret *s;
	char why[512];
	size_t i;

	/* CAP_IPC_LOCK would lift the limit: leave root. */
	if (setrlimit(RLIMIT_MEMLOCK, &rl) != 0)
		return 77;
	if (geteuid() == 0 && (setresgid(65534, 65534, 65534) != 0 ||
	    setresuid(65534, 65534, 65534) != 0))
		return 77;

	if (secret_open(&s, &t->opts, why, sizeof(why)) != t->st)
		return 1;
	if (t->st != ST_OK) {
		if (s != NULL || strchr(why, '\n') != NULL)
			return 2;
		for (i = 0; i < 4 && t->words[i] != NULL; i++) {
			if (strstr(why, t->words[i]) == NULL)
				return 3;
		}
		return 0;
	}
	secret_usage(s, &u);
	if (u.size != t->size)
		return 4;
	if (t->backing == SECRET_AUTO ? u.backing == SECRET_UNLOCKED :
	    u.backing != t->backing)
		return 5;
	if (u.backing != SECRET_UNLOCKED && proc_bytes("VmLck:") != u.size)
		return 6;
	secret_close(s);
	return 0;
}

static void
the_limit_decides_size_and_refusal(void **state)
{
	struct limited t[] = {
		{ .limit = 0, .st = ST_FULL, .words = {
		    "cannot lock 65536 bytes", "RLIMIT_MEMLOCK is 0 bytes",
		    "--ulimit memlock=65536", "--allow-unlocked-memory" } },
		{ .limit = 0, .opts = { .want = SECRET_MLOCK }, .st = ST_FULL,
		    .words = { "mlock: Operation not permitted",
		    "memlock: 65536" } },
		{ .limit = 64 * KIB - 4096, .st = ST_FULL, .words = {
		    "RLIMIT_MEMLOCK is 61440 bytes" } },
		/* Exactly enough is enough: guards do not count. */
		{ .limit = 64 * KIB, .size = 64 * KIB },
		{ .limit = 64 * KIB, .opts = { .want = SECRET_MLOCK },
		    .size = 64 * KIB, .backing = SECRET_MLOCK },
		{ .limit = 64 * KIB, .opts = { .size = 64 * KIB + 1 },
		    .st = ST_FULL, .words = { "cannot lock 69632 bytes",
		    "RLIMIT_MEMLOCK is 65536 bytes" } },
		{ .limit = 100 * KIB, .size = 64 * KIB },
		{ .limit = 512 * KIB, .size = 256 * KIB },
		{ .limit = 8192 * KIB, .size = 4096 * KIB },
		{ .limit = RLIM_INFINITY, .size = 4096 * KIB },
		/* Only where it is allowed by name. */
		{ .limit = 0, .opts = { .allow_unlocked = true },
		    .size = 64 * KIB, .backing = SECRET_UNLOCKED },
		{ .limit = 0, .opts = { .want = SECRET_MLOCK,
		    .allow_unlocked = true }, .size = 64 * KIB,
		    .backing = SECRET_UNLOCKED },
		/* A permission is not a wish. */
		{ .limit = 64 * KIB, .opts = { .allow_unlocked = true },
		    .size = 64 * KIB },
	};
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		rc = in_child(child_limited, &t[i]);
		if (rc == 77)
			continue;	/* a hard limit below, and not root */
		if (rc != 0)
			fail_msg("row %zu: %d", i, rc);
	}
}

static void
the_backing_asked_for_never_becomes_another(void **state)
{
	struct limited t = { .limit = 0, .st = ST_FULL, .words = {
	    "memfd_secret: ", "--allow-unlocked-memory" } };

	(void)state;
	t.opts.want = SECRET_MEMFD;
	assert_int_equal(in_child(child_limited, &t), 0);
}

/* Files of this process may be no longer than a page. */
static int
child_short_files(void *arg)
{
	struct secret_options opts = { .want = SECRET_MEMFD,
		.size = 64 * KIB };
	struct rlimit rl = { 4096, 4096 };
	struct secret *s;
	char why[512];

	(void)arg;
	if (setrlimit(RLIMIT_FSIZE, &rl) != 0)
		return 1;
	if (secret_open(&s, &opts, why, sizeof(why)) != ST_FULL ||
	    strstr(why, "memfd_secret: ") == NULL)
		return 2;
	opts.want = SECRET_MLOCK;
	if (secret_open(&s, &opts, why, sizeof(why)) != ST_OK)
		return 77;
	secret_close(s);
	opts.want = SECRET_AUTO;
	if (secret_open(&s, &opts, why, sizeof(why)) != ST_OK)
		return 3;
	secret_close(s);
	return 0;
}

static void
a_limit_of_files_does_not_end_the_process(void **state)
{
	int rc;

	(void)state;
	rc = in_child(child_short_files, NULL);
	if (rc == 77)
		skip();
	assert_int_equal(rc, 0);
}

static void
backings_have_names(void **state)
{
	(void)state;
	assert_string_equal(secret_backing_name(SECRET_AUTO), "auto");
	assert_string_equal(secret_backing_name(SECRET_MEMFD),
	    "memfd_secret");
	assert_string_equal(secret_backing_name(SECRET_MLOCK), "mlock");
	assert_string_equal(secret_backing_name(SECRET_UNLOCKED), "unlocked");
	secret_close(NULL);
}

static enum secret_backing use_memfd = SECRET_MEMFD;
static enum secret_backing use_mlock = SECRET_MLOCK;

int
main(void)
{
#define EACH(name) \
	cmocka_unit_test_prestate(name, &use_memfd), \
	cmocka_unit_test_prestate(name, &use_mlock)
	const struct CMUnitTest tests[] = {
		EACH(pieces_are_zeroed_aligned_and_apart),
		EACH(what_is_released_is_wiped),
		EACH(a_full_region_comes_back_whole),
		EACH(largest_is_what_can_be_had),
		EACH(no_more_than_there_is),
		EACH(owns_is_exact_at_both_ends),
		EACH(foreign_and_stale_pointers_end_the_process),
		EACH(both_ends_are_guarded),
		EACH(a_child_does_not_get_the_region),
		EACH(threads_do_not_get_in_each_others_way),
		EACH(exactly_the_region_is_locked),
		cmocka_unit_test(size_is_rounded_up_to_pages),
		cmocka_unit_test(a_size_above_the_limit_is_refused),
		cmocka_unit_test(the_limit_decides_size_and_refusal),
		cmocka_unit_test(the_backing_asked_for_never_becomes_another),
		cmocka_unit_test(a_limit_of_files_does_not_end_the_process),
		cmocka_unit_test(backings_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
