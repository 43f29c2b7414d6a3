#include "base/workers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/gate.h"

#define MS	1000000

/*
 * The program is linked with --wrap for these: a start of threads can be made
 * to fail, memory to run out, the moment in which workers_free() begins to wait
 * is known, and time stands still.
 */
static size_t threads_allowed = SIZE_MAX;
static size_t threads_until_failure;	/* of one thread; 0: none */
static bool no_memory;
static struct gate *open_on_join;

int __real_pthread_create(pthread_t *t, const pthread_attr_t *attr,
    void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr,
    void *(*fn)(void *), void *arg);
int __real_pthread_join(pthread_t t, void **out);
int __wrap_pthread_join(pthread_t t, void **out);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
int64_t __real_clock_ns(void);
int64_t __wrap_clock_ns(void);

/* What time it is; 0: as it is. */
static _Atomic int64_t clock_now;

int64_t
__wrap_clock_ns(void)
{
	int64_t now = atomic_load(&clock_now);

	return now != 0 ? now : __real_clock_ns();
}

int
__wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr,
    void *(*fn)(void *), void *arg)
{
	if (threads_allowed == 0 || (threads_until_failure > 0 &&
	    --threads_until_failure == 0))
		return EAGAIN;
	threads_allowed--;
	return __real_pthread_create(t, attr, fn, arg);
}

int
__wrap_pthread_join(pthread_t t, void **out)
{
	if (open_on_join != NULL)
		gate_open(open_on_join);
	return __real_pthread_join(t, out);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return no_memory ? NULL : __real_calloc(n, size);
}

static struct scene {
	struct loop	*loop;
	pthread_t	 thread;	/* the loop's */
	size_t		 wanted;	/* done(): then the loop stops */
	size_t		 done;
	size_t		 fault;		/* something was not as it must be */
	size_t		 threads;	/* without any worker */
	/* Of run(). */
	atomic_size_t	 order;		/* how many were begun */
	atomic_size_t	 faults;
} scene;

/* A piece of work of the tests. */
struct piece {
	struct work	 work;
	struct gate	*gate;		/* to pass, or NULL */
	int64_t		 spin_ns;	/* CPU time to take */
	atomic_size_t	 runs;
	size_t		 order;		/* which one it was to be begun */
	size_t		 dones;
	int64_t		 took_ns;
};

/* Threads before there is any of ours: a sanitizer may have one. */
static size_t base_threads;

static int
setup(void **state)
{
	(void)state;
	memset(&scene, 0, sizeof(scene));
	threads_allowed = SIZE_MAX;
	scene.thread = pthread_self();
	scene.threads = base_threads;
	assert_int_equal(loop_new(&scene.loop), ST_OK);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	loop_free(scene.loop);
	return 0;
}

static int64_t
cpu_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void
piece_run(struct work *w)
{
	struct piece *p = (struct piece *)(void *)w;
	int64_t start = cpu_ns();

	p->order = atomic_fetch_add(&scene.order, 1);
	if (p->gate != NULL)
		gate_pass(p->gate);
	while (cpu_ns() - start < p->spin_ns)
		;
	p->took_ns = cpu_ns() - start;
	(void)atomic_fetch_add(&p->runs, 1);
}

static void
piece_done(struct work *w)
{
	struct piece *p = (struct piece *)(void *)w;

	p->dones++;
	if (!pthread_equal(pthread_self(), scene.thread))
		scene.fault++;
	if (++scene.done == scene.wanted)
		loop_stop(scene.loop);
}

static struct workers *
start_some(size_t n, bool quick)
{
	struct workers *ws;

	assert_int_equal(workers_new(&ws, scene.loop, n, quick, NULL),
	    ST_OK);
	assert_int_equal(workers_count(ws), n);
	assert_int_equal(workers_quick(ws), quick);
	return ws;
}

static struct workers *
start(size_t n)
{
	return start_some(n, false);
}

static void
submit(struct workers *ws, struct piece *p, unsigned account)
{
	p->work.run = piece_run;
	p->work.done = piece_done;
	p->work.account = account;
	workers_submit(ws, &p->work);
}

/* Serve the loop until so many are done. */
static void
finish(size_t wanted)
{
	scene.wanted = wanted;
	if (scene.done < wanted)
		assert_int_equal(loop_run(scene.loop), ST_OK);
	assert_int_equal(scene.done, wanted);
	assert_int_equal(scene.fault, 0);
	assert_int_equal(atomic_load(&scene.faults), 0);
}

static struct piece *
pieces_new(size_t n)
{
	struct piece *p = calloc(n, sizeof(*p));

	assert_non_null(p);
	return p;
}

/* All were run and done exactly once; releases them. */
static void
pieces_check(struct piece *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (atomic_load(&p[i].runs) != 1 || p[i].dones != 1)
			fail_msg("piece %zu was run %zu and done %zu times", i,
			    atomic_load(&p[i].runs), p[i].dones);
	free(p);
}

/* How many threads this process has. */
static size_t
count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	size_t n = 0;

	assert_non_null(dir);
	for (struct dirent *d; (d = readdir(dir)) != NULL; )
		if (d->d_name[0] != '.')
			n++;
	(void)closedir(dir);
	return n;
}

/* One that was waited for may be seen for a moment more. */
static void
await_threads(size_t n)
{
	while (count_threads() > n + scene.threads)
		(void)sched_yield();
	assert_int_equal(count_threads(), n + scene.threads);
}

static void
all_work_is_run_and_done_once_in_the_right_threads(void **state)
{
	struct piece *p = pieces_new(500);
	struct workers *ws = start(4);

	(void)state;
	for (size_t i = 0; i < 500; i++)
		submit(ws, &p[i], (unsigned)(i % 5));
	finish(500);
	workers_free(ws);
	pieces_check(p, 500);
}

/* run() is in another thread, and done() comes after it. */
static void
run_elsewhere(struct work *w)
{
	struct piece *p = (struct piece *)(void *)w;

	if (pthread_equal(pthread_self(), scene.thread) || p->dones > 0)
		(void)atomic_fetch_add(&scene.faults, 1);
	piece_run(w);
}

static void
work_is_not_run_in_the_loops_thread(void **state)
{
	struct piece *p = pieces_new(20);
	struct workers *ws = start(2);

	(void)state;
	for (size_t i = 0; i < 20; i++) {
		p[i].work = (struct work){ .run = run_elsewhere,
			.done = piece_done, .account = 1 };
		workers_submit(ws, &p[i].work);
	}
	finish(20);
	workers_free(ws);
	pieces_check(p, 20);
}

/* One piece leads to the next, as connections have it: one at a time. */
static struct workers *chain_workers;

static void
chain_done(struct work *w)
{
	struct piece *p = (struct piece *)(void *)w;

	piece_done(w);
	if (p->dones < 50)
		workers_submit(chain_workers, w);
}

static void
work_may_be_handed_in_from_done(void **state)
{
	struct piece *p = pieces_new(40);

	(void)state;
	chain_workers = start(4);
	scene.wanted = 40 * 50;
	for (size_t i = 0; i < 40; i++) {
		p[i].spin_ns = (int64_t)(i % 7) * 20000;
		p[i].work = (struct work){ .run = piece_run,
			.done = chain_done, .account = (unsigned)i % 16 };
		workers_submit(chain_workers, &p[i].work);
	}
	finish(40 * 50);
	workers_free(chain_workers);
	for (size_t i = 0; i < 40; i++) {
		assert_int_equal(atomic_load(&p[i].runs), 50);
		assert_int_equal(p[i].dones, 50);
	}
	free(p);
}

static void
one_accounts_work_is_begun_in_its_order(void **state)
{
	struct piece *p = pieces_new(100);
	struct workers *ws = start(1);

	(void)state;
	for (size_t i = 0; i < 100; i++)
		submit(ws, &p[i], 7);
	finish(100);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(p[i].order, i);
	workers_free(ws);
	pieces_check(p, 100);
}

/* The others that are held up go on when the late one is through. */
static struct gate *late_gate;

static void
late_done(struct work *w)
{
	piece_done(w);
	gate_open(late_gate);
}

/* Many pieces of one account, all the workers held up somewhere among them,
 * and then one of another account.  One worker goes on: how many of the first
 * account it begins before that one. */
static size_t
delay(size_t n, size_t total, size_t held_at, int64_t spin_ns)
{
	struct piece *p = pieces_new(total), *late = pieces_new(1);
	struct workers *ws = start(n);
	struct gate gate = GATE, others = GATE;
	size_t before;

	for (size_t i = 0; i < total; i++) {
		p[i].spin_ns = spin_ns;
		if (i >= held_at && i < held_at + n)
			p[i].gate = i == held_at ? &gate : &others;
		submit(ws, &p[i], 1);
	}
	gate_await(&gate, 1);
	gate_await(&others, n - 1);
	late_gate = &others;
	late->work = (struct work){ .run = piece_run, .done = late_done,
		.account = 2 };
	workers_submit(ws, &late->work);
	gate_open(&gate);
	finish(total + 1);
	before = late->order - (held_at + n);
	workers_free(ws);
	pieces_check(p, total);
	pieces_check(late, 1);
	scene.done = scene.wanted = 0;
	atomic_store(&scene.order, 0);
	return before;
}

static void
a_thousand_pieces_do_not_delay_another_account(void **state)
{
	static const size_t n[] = { 1, 2, 4, 16 };

	(void)state;
	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
		assert_in_range(delay(n[i], 1000, 0, 0), 0, 1);
		/* Not either when many went by, each cheaper than a guess. */
		assert_in_range(delay(n[i], 1000, 500, 0), 0, 1);
		assert_in_range(delay(n[i], 80, 20, 2 * MS), 0, 1);
	}
}

/* While two accounts have work, none gets ahead of the other by more than the
 * pieces that are being run. */
static void
check_shares(size_t n, size_t many_n, size_t few_n, int64_t many_ns,
    int64_t few_ns)
{
	struct piece *many = pieces_new(many_n), *few = pieces_new(few_n);
	struct piece **begun = calloc(many_n + few_n, sizeof(*begun));
	struct piece *held = pieces_new(n);
	struct workers *ws = start(n);
	struct gate gate = GATE;
	int64_t spent[2] = { 0, 0 }, slack;
	size_t left[2] = { many_n, few_n };

	assert_non_null(begun);
	for (size_t i = 0; i < n; i++) {
		held[i].gate = &gate;
		submit(ws, &held[i], 99);
	}
	gate_await(&gate, n);
	for (size_t i = 0; i < many_n; i++) {
		many[i].spin_ns = many_ns;
		submit(ws, &many[i], 1);
	}
	for (size_t i = 0; i < few_n; i++) {
		few[i].spin_ns = few_ns;
		submit(ws, &few[i], 2);
	}
	gate_open(&gate);
	finish(n + many_n + few_n);
	for (size_t i = 0; i < many_n; i++)
		begun[many[i].order - n] = &many[i];
	for (size_t i = 0; i < few_n; i++)
		begun[few[i].order - n] = &few[i];
	/* What a piece took longer than it should is charged as well. */
	slack = (int64_t)(n + 1) * (few_ns + many_ns + 2 * MS);
	for (size_t i = 0; left[0] > 0 && left[1] > 0; i++) {
		unsigned whose = begun[i]->work.account - 1;

		spent[whose] += begun[i]->took_ns;
		left[whose]--;
		if (spent[0] - spent[1] > slack || spent[1] - spent[0] > slack)
			fail_msg("%zu workers, after %zu pieces: %ld and "
			    "%ld us", n, i + 1, (long)spent[0] / 1000,
			    (long)spent[1] / 1000);
	}
	workers_free(ws);
	pieces_check(many, many_n);
	pieces_check(few, few_n);
	pieces_check(held, n);
	free(begun);
	scene.done = scene.wanted = 0;
	atomic_store(&scene.order, 0);
}

static void
accounts_share_by_the_time_that_their_work_takes(void **state)
{
	(void)state;
	check_shares(1, 300, 30, MS / 5, 2 * MS);
	check_shares(2, 300, 30, MS / 5, 2 * MS);
	check_shares(1, 30, 30, 3 * MS, 3 * MS);
	check_shares(4, 1000, 20, 0, 2 * MS);
}

/* Nor does one who comes late have all the time that others had before. */
static void
time_without_work_is_not_saved_up(void **state)
{
	struct piece *early = pieces_new(100), *late = pieces_new(50);
	struct gate gate = GATE;
	struct workers *ws = start(1);
	size_t theirs = 0;

	(void)state;
	early[49].gate = &gate;
	for (size_t i = 0; i < 100; i++) {
		early[i].spin_ns = MS;
		submit(ws, &early[i], 1);
	}
	gate_await(&gate, 1);
	for (size_t i = 0; i < 50; i++) {
		late[i].spin_ns = MS;
		submit(ws, &late[i], 2);
	}
	gate_open(&gate);
	finish(150);
	/* Of the next twenty each has about half. */
	for (size_t i = 0; i < 50; i++)
		if (late[i].order < 50 + 20)
			theirs++;
	assert_in_range(theirs, 6, 14);
	workers_free(ws);
	pieces_check(early, 100);
	pieces_check(late, 50);
}

/* The last of those that the test is about; the loop ends with it. */
static struct piece *last_piece;

static void
last_done(struct work *w)
{
	piece_done(w);
	loop_stop(scene.loop);
}

/* One piece at a time, and always the next at once. */
static void
dear_done(struct work *w)
{
	piece_done(w);
	if (last_piece->dones == 0)
		workers_submit(chain_workers, w);
}

/* Who has one piece at a time is gone in between, and owes all the same. */
static void
what_was_taken_is_owed_by_one_who_comes_back(void **state)
{
	struct piece *p = pieces_new(200), *dear = pieces_new(1);
	struct gate gate = GATE;

	(void)state;
	last_piece = &p[199];
	chain_workers = start(1);
	p[0].gate = &gate;
	for (size_t i = 0; i < 200; i++) {
		p[i].spin_ns = MS / 5;
		p[i].work = (struct work){ .run = piece_run,
			.done = i == 199 ? last_done : piece_done,
			.account = 1 };
		workers_submit(chain_workers, &p[i].work);
	}
	gate_await(&gate, 1);
	dear->spin_ns = 10 * MS;
	dear->work = (struct work){ .run = piece_run, .done = dear_done,
		.account = 2 };
	workers_submit(chain_workers, &dear->work);
	gate_open(&gate);
	assert_int_equal(loop_run(scene.loop), ST_OK);
	workers_free(chain_workers);
	/* 200 pieces of 0.2 ms are worth four of 10 ms. */
	assert_in_range(atomic_load(&dear->runs), 1, 8);
	pieces_check(p, 200);
	free(dear);
}

/* A flood of which every ordinary thread runs a piece, which is held up; its
 * first one was single, and is through. */
static struct piece *
flood(struct workers *ws, size_t total, struct gate *gate)
{
	struct piece *p = pieces_new(total);
	size_t n = workers_count(ws);
	struct gate first = GATE;

	for (size_t i = 0; i < total; i++) {
		p[i].gate = i == 0 ? &first : i <= n ? gate : NULL;
		submit(ws, &p[i], 1);
	}
	gate_await(&first, 1);
	gate_await(gate, n);
	gate_open(&first);
	finish(1);
	return p;
}

static void
single_work_does_not_wait_for_the_many(void **state)
{
	struct workers *ws = start_some(2, true);
	struct piece *one = pieces_new(20), *many;
	struct gate gate = GATE;

	(void)state;
	many = flood(ws, 30, &gate);
	for (size_t i = 0; i < 20; i++) {
		submit(ws, &one[i], 2);
		finish(1 + i + 1);
		assert_int_equal(one[i].dones, 1);
	}
	/* Nor is the quick one at the disposal of the many. */
	assert_int_equal(atomic_load(&scene.order), 3 + 20);
	gate_open(&gate);
	finish(50);
	workers_free(ws);
	pieces_check(many, 30);
	pieces_check(one, 20);
}

static void
an_account_has_one_single_piece_at_a_time(void **state)
{
	struct workers *ws = start_some(1, true);
	struct piece *p = pieces_new(3), *one = pieces_new(1), *many;
	struct gate gate = GATE, quick = GATE;

	(void)state;
	many = flood(ws, 5, &gate);
	p[0].gate = &quick;
	for (size_t i = 0; i < 3; i++)
		submit(ws, &p[i], 2);
	gate_await(&quick, 1);
	gate_open(&quick);
	finish(2);
	/* The other two wait for the ordinary thread, as the first is for one
	 * thing after the other. */
	submit(ws, one, 3);
	finish(3);
	assert_int_equal(one->dones, 1);
	assert_int_equal(p[1].dones, 0);
	/* With one of them taken back the other one is single. */
	assert_true(workers_cancel(ws, &p[1].work));
	finish(4);
	assert_int_equal(p[2].dones, 1);
	gate_open(&gate);
	finish(8);
	workers_free(ws);
	pieces_check(many, 5);
	pieces_check(one, 1);
	free(p);
}

static void
the_last_that_waits_is_single_again(void **state)
{
	struct workers *ws = start_some(1, true);
	struct piece *p = pieces_new(2), *many;
	struct gate gate = GATE, quick = GATE;

	(void)state;
	many = flood(ws, 5, &gate);
	p[0].gate = &quick;
	submit(ws, &p[0], 2);
	submit(ws, &p[1], 2);
	gate_await(&quick, 1);
	gate_open(&quick);
	finish(3);
	assert_int_equal(p[1].dones, 1);
	gate_open(&gate);
	finish(7);
	workers_free(ws);
	pieces_check(many, 5);
	pieces_check(p, 2);
}

static void
beside_one_that_is_run_none_is_single(void **state)
{
	struct workers *ws = start_some(1, true);
	struct piece *held = pieces_new(1), *p = pieces_new(2);
	struct gate gate = GATE, quick = GATE;

	(void)state;
	held->gate = &quick;
	submit(ws, held, 1);
	gate_await(&quick, 1);
	p[0].gate = &gate;
	submit(ws, &p[0], 2);
	gate_await(&gate, 1);
	gate_open(&quick);
	finish(1);
	submit(ws, &p[1], 2);
	for (size_t i = 0; i < 100; i++)
		(void)sched_yield();
	assert_true(workers_cancel(ws, &p[1].work));
	gate_open(&gate);
	finish(2);
	workers_free(ws);
	pieces_check(held, 1);
	free(p);
}

static void
ordinary_threads_take_single_work_too(void **state)
{
	struct workers *ws = start_some(1, true);
	struct piece *p = pieces_new(3);
	struct gate gate = GATE;

	(void)state;
	p[0].gate = &gate;
	submit(ws, &p[0], 1);
	gate_await(&gate, 1);
	submit(ws, &p[1], 2);
	finish(1);
	submit(ws, &p[2], 3);
	finish(2);
	gate_open(&gate);
	finish(3);
	workers_free(ws);
	pieces_check(p, 3);
}

/* While the quick one is held up, single pieces of accounts 2, 3 and so on come
 * in this order; then it goes on. */
static void
hold_quick(struct workers *ws, struct piece *held, struct piece *p, size_t n)
{
	struct gate quick = GATE;

	held->gate = &quick;
	submit(ws, held, 99);
	gate_await(&quick, 1);
	for (size_t i = 0; i < n; i++)
		submit(ws, &p[i], 2 + (unsigned)i);
	gate_open(&quick);
	finish(scene.done + 1 + n);
}

static void
single_work_shares_the_quick_one_by_time(void **state)
{
	struct workers *ws = start_some(1, true);
	struct piece *dear = pieces_new(1), *held = pieces_new(2), *many;
	struct piece *p = pieces_new(4), *q = pieces_new(3);
	struct gate gate = GATE;

	(void)state;
	many = flood(ws, 5, &gate);
	/* Nobody had anything yet: who comes first is first. */
	hold_quick(ws, &held[0], p, 4);
	for (size_t i = 0; i < 3; i++)
		assert_true(p[i].order < p[i + 1].order);
	/* One had something dear: then he is last. */
	dear->spin_ns = MS / 2;
	submit(ws, dear, 2);
	finish(scene.done + 1);
	hold_quick(ws, &held[1], q, 3);
	assert_true(q[1].order < q[2].order);
	assert_true(q[2].order < q[0].order);
	gate_open(&gate);
	finish(scene.done + 4);
	workers_free(ws);
	pieces_check(many, 5);
	pieces_check(dear, 1);
	pieces_check(held, 2);
	pieces_check(p, 4);
	pieces_check(q, 3);
}

/* What an account had of the quick one is not held against it where the others
 * are shared. */
static void
the_quick_one_moves_nobody_in_the_others_queue(void **state)
{
	struct workers *ws = start_some(1, true);
	struct piece *p = pieces_new(22), *many;
	struct gate gate = GATE, quick = GATE;

	(void)state;
	many = flood(ws, 30, &gate);
	for (size_t i = 0; i < 20; i++) {
		p[i].spin_ns = MS / 2;
		submit(ws, &p[i], 2);
		finish(scene.done + 1);
	}
	p[20].gate = &quick;
	submit(ws, &p[20], 2);
	gate_await(&quick, 1);
	submit(ws, &p[21], 2);
	gate_open(&gate);
	finish(30 + 21);
	/* The next, or after one of them: three of the many had been begun. */
	assert_in_range(p[21].order, 23, 24);
	gate_open(&quick);
	finish(30 + 22);
	workers_free(ws);
	pieces_check(many, 30);
	pieces_check(p, 22);
}

static void
who_kept_others_waiting_is_left_to_the_ordinary(void **state)
{
	struct workers *ws = start_some(1, true);
	struct piece *p = pieces_new(5), *one = pieces_new(4), *many;
	struct gate gate = GATE, quick = GATE;
	int64_t rest;

	(void)state;
	atomic_store(&clock_now, 1);
	many = flood(ws, 5, &gate);
	/* Nobody else waits: as long as it likes. */
	p[0].spin_ns = p[1].spin_ns = 2 * WORKERS_SLICE_NS;
	submit(ws, &p[0], 2);
	finish(2);
	p[1].gate = &quick;
	submit(ws, &p[1], 2);
	gate_await(&quick, 1);
	submit(ws, &one[0], 3);
	gate_open(&quick);
	finish(4);
	submit(ws, &p[2], 2);
	submit(ws, &one[1], 3);
	finish(5);
	assert_int_equal(one[1].dones, 1);
	assert_int_equal(p[2].dones, 0);
	/* It has nothing for a while, and is not ahead of others any more, but
	 * that is not forgotten. */
	assert_true(workers_cancel(ws, &p[2].work));
	one[2].spin_ns = 2 * (p[0].work.spent_ns + p[1].work.spent_ns);
	for (size_t i = 2; i < 4; i++) {
		submit(ws, &one[i], 3);
		finish(scene.done + 1);
	}
	rest = p[1].work.spent_ns * WORKERS_REST;
	atomic_store(&clock_now, rest - MS);
	submit(ws, &p[3], 2);
	for (size_t i = 0; i < 100; i++)
		(void)sched_yield();
	assert_true(workers_cancel(ws, &p[3].work));
	atomic_store(&clock_now, rest + MS);
	submit(ws, &p[4], 2);
	finish(8);
	assert_int_equal(p[4].dones, 1);
	gate_open(&gate);
	finish(12);
	atomic_store(&clock_now, 0);
	workers_free(ws);
	pieces_check(many, 5);
	pieces_check(one, 4);
	free(p);
}

/* One piece of its account at a time, and always the next at once. */
static void
submit_endless(struct piece *p, unsigned account, int64_t spin_ns,
    void (*done)(struct work *w))
{
	p->spin_ns = spin_ns;
	p->work = (struct work){ .run = piece_run, .done = done,
		.account = account };
	workers_submit(chain_workers, &p->work);
}

/* How many of those that the test is about are not done; the loop ends with the
 * last, whichever that is, or when it is seen that it never will. */
static size_t left, endless_runs;
#define ENDLESS_MAX	100000

static void
one_less(struct work *w)
{
	piece_done(w);
	if (--left == 0)
		loop_stop(scene.loop);
}

static void
again_while_some_are_left(struct work *w)
{
	piece_done(w);
	if (left > 0 && ++endless_runs < ENDLESS_MAX)
		workers_submit(chain_workers, w);
	else
		loop_stop(scene.loop);
}

/* More accounts than there are threads bring one single piece after the other,
 * so that always some wait; what else waits is done all the same, and not only
 * when for a moment none does. */
static void
single_work_without_end_does_not_keep_the_others_from_theirs(void **state)
{
	struct piece *endless = pieces_new(32), *many = pieces_new(40);

	(void)state;
	chain_workers = start_some(1, true);
	left = 40;
	endless_runs = 0;
	for (size_t i = 0; i < 32; i++)
		submit_endless(&endless[i], 10 + (unsigned)i, MS / 10,
		    again_while_some_are_left);
	for (size_t i = 0; i < 40; i++) {
		many[i].spin_ns = MS / 10;
		many[i].work = (struct work){ .run = piece_run,
			.done = one_less, .account = 1 };
		workers_submit(chain_workers, &many[i].work);
	}
	assert_int_equal(loop_run(scene.loop), ST_OK);
	print_message("%zu single ones beside 40 others\n", endless_runs);
	workers_free(chain_workers);
	assert_int_equal(left, 0);
	/* Each has as much of the ordinary thread, and they have the quick one
	 * besides: as often again, or as the kernel has it. */
	assert_in_range(endless_runs, 0, 40 * 32 * 8);
	pieces_check(many, 40);
	free(endless);
}

/* Of those alike, who came first is first. */
static void
nobody_who_comes_is_before_those_who_wait(void **state)
{
	struct workers *ws = start(1);
	struct piece *held = pieces_new(1), *p = pieces_new(60);
	struct gate gate = GATE;

	(void)state;
	held->gate = &gate;
	submit(ws, held, 90);
	gate_await(&gate, 1);
	for (size_t i = 0; i < 60; i++)
		submit(ws, &p[i], 100 + (unsigned)i);
	gate_open(&gate);
	finish(61);
	for (size_t i = 0; i < 60; i++)
		assert_int_equal(p[i].order, 1 + i);
	workers_free(ws);
	pieces_check(held, 1);
	pieces_check(p, 60);
}

/* What a thread was given to run in the moment of the end comes back, too. */
static void
free_hands_back_what_was_not_begun(void **state)
{
	(void)state;
	for (size_t i = 0; i < 200; i++) {
		struct workers *ws = start_some(1, true);
		struct piece *p = pieces_new(3);

		for (unsigned a = 0; a < 3; a++)
			submit(ws, &p[a], a);
		workers_free(ws);
		for (unsigned a = 0; a < 3; a++)
			assert_int_equal(p[a].dones, 1);
		free(p);
	}
}

static void
what_waits_for_the_quick_one_can_be_taken_back(void **state)
{
	struct piece *p = pieces_new(3);
	struct workers *ws = start_some(1, true);
	struct gate gate = GATE;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		p[i].gate = &gate;
		submit(ws, &p[i], 1 + (unsigned)i);
	}
	gate_await(&gate, 2);
	submit(ws, &p[2], 3);
	assert_false(workers_cancel(ws, &p[0].work));
	assert_false(workers_cancel(ws, &p[1].work));
	assert_true(workers_cancel(ws, &p[2].work));
	assert_false(workers_cancel(ws, &p[2].work));
	gate_open(&gate);
	finish(2);
	workers_free(ws);
	assert_int_equal(p[2].dones, 0);
	free(p);
}

/* Who is never idle, and never waits, saves up nothing either. */
static void
time_with_little_work_is_not_saved_up(void **state)
{
	struct piece *busy = pieces_new(100), *late = pieces_new(51);
	struct workers *ws = start(2);
	struct gate gate = GATE, long_one = GATE;
	size_t theirs = 0;

	(void)state;
	late[50].gate = &long_one;
	submit(ws, &late[50], 2);
	gate_await(&long_one, 1);
	busy[49].gate = &gate;
	for (size_t i = 0; i < 100; i++) {
		busy[i].spin_ns = MS;
		submit(ws, &busy[i], 1);
	}
	gate_await(&gate, 1);
	for (size_t i = 0; i < 50; i++) {
		late[i].spin_ns = MS;
		submit(ws, &late[i], 2);
	}
	gate_open(&gate);
	finish(150);
	/* Of the next twenty each has about half. */
	for (size_t i = 0; i < 50; i++)
		if (late[i].order < 51 + 20)
			theirs++;
	assert_in_range(theirs, 6, 14);
	gate_open(&long_one);
	finish(151);
	workers_free(ws);
	pieces_check(busy, 100);
	pieces_check(late, 51);
}

/* Beside one that waits for the ordinary worker, a piece is not for the quick
 * one. */
static void
quick_one_leaves(struct work piece)
{
	struct piece *p = pieces_new(1), *many;
	struct workers *ws = start_some(1, true);
	struct gate gate = GATE;

	many = flood(ws, 3, &gate);
	p->work = piece;
	submit(ws, p, 2);
	for (size_t i = 0; i < 100; i++)
		(void)sched_yield();
	assert_true(workers_cancel(ws, &p->work));
	gate_open(&gate);
	finish(3);
	workers_free(ws);
	pieces_check(many, 3);
	free(p);
}

static void
the_quick_one_takes_nothing_that_is_alone(void **state)
{
	(void)state;
	quick_one_leaves((struct work){ .alone = true });
}

static void
the_quick_one_takes_nothing_patient(void **state)
{
	(void)state;
	quick_one_leaves((struct work){ .patient = true });
}

/* How many ->alone pieces are being run. */
static atomic_size_t alone_now, alone_most;

static void
run_alone(struct work *w)
{
	size_t now = atomic_fetch_add(&alone_now, 1) + 1;
	size_t most = atomic_load(&alone_most);

	while (now > most && !atomic_compare_exchange_weak(&alone_most, &most,
	    now))
		;
	piece_run(w);
	(void)atomic_fetch_sub(&alone_now, 1);
}

static void
submit_alone(struct workers *ws, struct piece *p, unsigned account)
{
	p->work = (struct work){ .run = run_alone, .done = piece_done,
		.account = account, .alone = true };
	workers_submit(ws, &p->work);
}

static void
pieces_alone_hold_up_only_their_like(void **state)
{
	struct piece *lone = pieces_new(4), *p = pieces_new(20);
	struct workers *ws = start(3);
	struct gate gate = GATE;

	(void)state;
	atomic_store(&alone_most, 0);
	lone[0].gate = &gate;
	submit_alone(ws, &lone[0], 1);
	gate_await(&gate, 1);
	/* Of the same account and of another. */
	submit_alone(ws, &lone[1], 1);
	submit_alone(ws, &lone[2], 1);
	submit_alone(ws, &lone[3], 2);
	for (size_t i = 0; i < 20; i++)
		submit(ws, &p[i], (unsigned)i % 2 + 1);
	finish(20);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(lone[i].dones, 0);
	gate_open(&gate);
	finish(24);
	assert_int_equal(atomic_load(&alone_most), 1);
	workers_free(ws);
	pieces_check(lone, 4);
	pieces_check(p, 20);
}

static void
pieces_alone_never_overlap(void **state)
{
	struct piece *p = pieces_new(400);
	struct workers *ws = start(4);

	(void)state;
	atomic_store(&alone_most, 0);
	for (size_t i = 0; i < 400; i++) {
		p[i].spin_ns = (int64_t)(i % 5) * 10000;
		if (i % 3 == 0)
			submit_alone(ws, &p[i], (unsigned)(i % 7));
		else
			submit(ws, &p[i], (unsigned)(i % 7));
	}
	finish(400);
	assert_int_equal(atomic_load(&alone_most), 1);
	workers_free(ws);
	pieces_check(p, 400);
}

/* The first, one in the middle and the last one of those that wait; what comes
 * after the last one finds its place. */
static void
what_waits_can_be_taken_back(void **state)
{
	struct piece *p = pieces_new(8);
	struct workers *ws = start(1);
	struct gate gate = GATE;

	(void)state;
	p[0].gate = &gate;
	submit(ws, &p[0], 1);
	gate_await(&gate, 1);
	for (size_t i = 1; i < 7; i++)
		submit(ws, &p[i], 1);
	assert_true(workers_cancel(ws, &p[1].work));
	assert_true(workers_cancel(ws, &p[3].work));
	assert_true(workers_cancel(ws, &p[6].work));
	submit(ws, &p[7], 1);
	gate_open(&gate);
	finish(5);
	for (size_t i = 0; i < 8; i++) {
		bool gone = i == 1 || i == 3 || i == 6;

		assert_int_equal(atomic_load(&p[i].runs), !gone);
		assert_int_equal(p[i].dones, !gone);
	}
	/* What was taken back may be handed in again. */
	submit(ws, &p[3], 1);
	finish(6);
	workers_free(ws);
	assert_int_equal(scene.done, 6);
	free(p);
}

static void
the_only_one_of_an_account_too(void **state)
{
	struct piece *p = pieces_new(3);
	struct workers *ws = start(1);
	struct gate gate = GATE;

	(void)state;
	p[0].gate = &gate;
	submit(ws, &p[0], 1);
	gate_await(&gate, 1);
	submit(ws, &p[1], 2);
	assert_true(workers_cancel(ws, &p[1].work));
	assert_false(workers_cancel(ws, &p[1].work));
	submit(ws, &p[2], 2);
	gate_open(&gate);
	finish(2);
	workers_free(ws);
	assert_int_equal(p[1].dones, 0);
	free(p);
}

static void
what_runs_or_was_run_cannot_be_taken_back(void **state)
{
	struct piece *p = pieces_new(1);
	struct workers *ws = start(1);
	struct gate gate = GATE;

	(void)state;
	p->gate = &gate;
	submit(ws, p, 1);
	gate_await(&gate, 1);
	assert_false(workers_cancel(ws, &p->work));
	gate_open(&gate);
	while (atomic_load(&p->runs) == 0)
		(void)sched_yield();
	assert_false(workers_cancel(ws, &p->work));
	finish(1);
	assert_false(workers_cancel(ws, &p->work));
	workers_free(ws);
	pieces_check(p, 1);
}

static void
free_finishes_what_runs_and_hands_back_the_rest(void **state)
{
	struct piece *p = pieces_new(52);
	struct workers *ws = start(2);
	struct gate gate = GATE;

	(void)state;
	for (size_t i = 0; i < 52; i++) {
		p[i].gate = &gate;
		submit(ws, &p[i], (unsigned)(i % 4));
	}
	gate_await(&gate, 2);
	open_on_join = &gate;
	workers_free(ws);
	open_on_join = NULL;
	assert_int_equal(scene.done, 52);
	assert_int_equal(scene.fault, 0);
	assert_int_equal(atomic_load(&scene.order), 2);
	for (size_t i = 0; i < 52; i++) {
		assert_int_equal(p[i].dones, 1);
		assert_true(atomic_load(&p[i].runs) <= 1);
	}
	free(p);
	await_threads(0);
}

static void
free_without_work_ends_the_threads(void **state)
{
	(void)state;
	workers_free(NULL);
	for (size_t n = 1; n <= 8; n++) {
		struct workers *ws = start(n);

		await_threads(n);
		workers_free(ws);
		await_threads(0);
	}
}

static atomic_size_t begun;

static int
second_fails(void *cookie)
{
	assert(cookie == &begun);
	return atomic_fetch_add(&begun, 1) == 1 ? ST_FULL : ST_OK;
}

static int
all_work(void *cookie)
{
	(void)cookie;
	(void)atomic_fetch_add(&begun, 1);
	return ST_OK;
}

static void
all_have_begun_when_they_are_ready(void **state)
{
	const struct workers_start works = { .ready = all_work };
	struct workers *ws;

	(void)state;
	atomic_store(&begun, 0);
	assert_int_equal(workers_new(&ws, scene.loop, 5, false, &works), ST_OK);
	assert_int_equal(workers_ready(ws), ST_OK);
	assert_int_equal(atomic_load(&begun), 5);
	workers_free(ws);
}

static atomic_size_t begun_quick;

static void
begin_tells(void *cookie, bool quick)
{
	(void)cookie;
	(void)atomic_fetch_add(&begun, 1);
	if (quick)
		(void)atomic_fetch_add(&begun_quick, 1);
}

/* Whether so many threads have begun, in a while. */
static bool
have_begun(size_t n)
{
	for (unsigned i = 0; i < 5000 && atomic_load(&begun) < n; i++)
		(void)poll(NULL, 0, 1);
	return atomic_load(&begun) == n;
}

static void
one_thread_begins_as_the_quick_one(void **state)
{
	const struct workers_start tells = { .begin = begin_tells };
	struct workers *ws;

	(void)state;
	for (size_t quick = 0; quick < 2; quick++) {
		atomic_store(&begun, 0);
		atomic_store(&begun_quick, 0);
		assert_int_equal(workers_new(&ws, scene.loop, 3, quick == 1,
		    &tells), ST_OK);
		/* Nobody has to let them. */
		assert_true(have_begun(3 + quick));
		assert_int_equal(atomic_load(&begun_quick), quick);
		await_threads(3 + quick);
		workers_free(ws);
	}
}

static void
all_get_ready_when_there_is_work(void **state)
{
	const struct workers_start works = { .begin = begin_tells,
		.ready = all_work };
	struct piece *p = pieces_new(20);
	struct workers *ws;

	(void)state;
	atomic_store(&begun, 0);
	assert_int_equal(workers_new(&ws, scene.loop, 2, true, &works), ST_OK);
	assert_true(have_begun(3));
	(void)poll(NULL, 0, 20);
	assert_int_equal(atomic_load(&begun), 3);
	for (size_t i = 0; i < 20; i++)
		submit(ws, &p[i], (unsigned)(i % 3));
	finish(20);
	assert_true(have_begun(6));
	workers_free(ws);
	pieces_check(p, 20);
}

static void
all_get_ready_when_they_are_released(void **state)
{
	const struct workers_start works = { .ready = all_work };
	struct workers *ws;

	(void)state;
	atomic_store(&begun, 0);
	assert_int_equal(workers_new(&ws, scene.loop, 3, false, &works), ST_OK);
	(void)poll(NULL, 0, 20);
	assert_int_equal(atomic_load(&begun), 0);
	workers_release(ws);
	assert_true(have_begun(3));
	workers_free(ws);
}

static void
those_never_released_end(void **state)
{
	const struct workers_start works = { .begin = begin_tells,
		.ready = all_work };
	struct workers *ws;

	(void)state;
	atomic_store(&begun, 0);
	assert_int_equal(workers_new(&ws, scene.loop, 4, false, &works), ST_OK);
	assert_true(have_begun(4));
	/* They wait by then. */
	(void)poll(NULL, 0, 20);
	workers_free(ws);
	await_threads(0);
	assert_int_equal(atomic_load(&begun), 4);
}

static void
one_that_cannot_begin_is_told(void **state)
{
	const struct workers_start fails = { .ready = second_fails,
		.cookie = &begun };
	struct workers *ws;

	(void)state;
	atomic_store(&begun, 0);
	assert_int_equal(workers_new(&ws, scene.loop, 3, false, &fails), ST_OK);
	assert_int_equal(workers_ready(ws), ST_SYSTEM);
	assert_int_equal(atomic_load(&begun), 3);
	workers_free(ws);
	await_threads(0);
}

static void
fewer_threads_than_wished_for_do(void **state)
{
	const struct workers_start works = { .ready = all_work };
	struct piece *p = pieces_new(50);
	struct workers *ws;

	(void)state;
	threads_allowed = 2;
	assert_int_equal(workers_new(&ws, scene.loop, 6, false, &works), ST_OK);
	assert_int_equal(workers_count(ws), 2);
	await_threads(2);
	for (size_t i = 0; i < 50; i++)
		submit(ws, &p[i], (unsigned)i);
	finish(50);
	workers_free(ws);
	pieces_check(p, 50);
}

/* The quick one is the last that is started, and without it nothing waits for
 * it. */
static void
without_the_quick_one_the_others_do_it(void **state)
{
	struct piece *p = pieces_new(75);
	struct workers *ws;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		/* The first two of three, one of three, all but the second. */
		threads_allowed = i == 0 ? 2 : i == 1 ? 1 : SIZE_MAX;
		threads_until_failure = i == 2 ? 2 : 0;
		assert_int_equal(workers_new(&ws, scene.loop, 2, true,
		    NULL), ST_OK);
		assert_int_equal(workers_count(ws), i == 0 ? 2 : 1);
		assert_false(workers_quick(ws));
		for (size_t j = i * 25; j < (i + 1) * 25; j++)
			submit(ws, &p[j], (unsigned)j);
		finish((i + 1) * 25);
		workers_free(ws);
	}
	pieces_check(p, 75);
}

static void
no_thread_at_all_is_an_error(void **state)
{
	struct workers *ws = (struct workers *)(void *)&scene;

	(void)state;
	threads_allowed = 0;
	assert_int_equal(workers_new(&ws, scene.loop, 6, false, NULL),
	    ST_SYSTEM);
	assert_null(ws);
}

static void
no_memory_for_workers_is_told(void **state)
{
	struct workers *ws = (struct workers *)(void *)&scene;
	int st;

	(void)state;
	no_memory = true;
	st = workers_new(&ws, scene.loop, 1, false, NULL);
	no_memory = false;
	assert_int_equal(st, ST_NOMEM);
	assert_null(ws);
}

/* Where there is none for an account the work is run on the spot, but done
 * from the loop all the same. */
static void
no_memory_for_an_account_loses_no_work(void **state)
{
	struct piece *p = pieces_new(3);
	struct workers *ws = start(1);
	struct gate gate = GATE;

	(void)state;
	p[0].gate = &gate;
	submit(ws, &p[0], 1);
	gate_await(&gate, 1);
	no_memory = true;
	submit(ws, &p[1], 2);
	no_memory = false;
	assert_int_equal(atomic_load(&p[1].runs), 1);
	assert_int_equal(p[1].dones, 0);
	/* An account that is there needs none. */
	no_memory = true;
	submit(ws, &p[2], 1);
	no_memory = false;
	finish(1);
	assert_int_equal(p[1].dones, 1);
	gate_open(&gate);
	finish(3);
	workers_free(ws);
	pieces_check(p, 3);
}

/* Every signal that can be is blocked where work is run. */
static void
run_look_at_signals(struct work *w)
{
	sigset_t now;

	if (pthread_sigmask(SIG_SETMASK, NULL, &now) != 0)
		(void)atomic_fetch_add(&scene.faults, 1);
	for (int s = 1; s < SIGRTMAX; s++) {
		/* libc keeps two for itself. */
		if (s == SIGKILL || s == SIGSTOP || (s > 31 && s < SIGRTMIN))
			continue;
		if (sigismember(&now, s) != 1)
			(void)atomic_fetch_add(&scene.faults, 1);
	}
	piece_run(w);
}

static void
workers_have_every_signal_blocked(void **state)
{
	struct piece *p = pieces_new(1);
	sigset_t before, after;
	struct workers *ws;

	(void)state;
	(void)pthread_sigmask(SIG_SETMASK, NULL, &before);
	ws = start(1);
	(void)pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int s = 1; s < SIGRTMAX; s++)
		assert_int_equal(sigismember(&before, s),
		    sigismember(&after, s));
	p->work = (struct work){ .run = run_look_at_signals,
		.done = piece_done };
	workers_submit(ws, &p->work);
	finish(1);
	workers_free(ws);
	pieces_check(p, 1);
}

static void
the_time_that_work_took_is_told(void **state)
{
	struct piece *p = pieces_new(1);
	struct workers *ws = start(1);

	(void)state;
	p->spin_ns = 3 * MS;
	submit(ws, p, 1);
	finish(1);
	assert_true(p->work.spent_ns >= 3 * MS);
	workers_free(ws);
	pieces_check(p, 1);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

static void *
say_who(void *arg)
{
	*(pid_t *)arg = gettid();
	return NULL;
}

/* A sanitizer has a thread of its own from the first of ours on. */
static size_t
count_base_threads(void)
{
	pthread_t first;
	char path[64];
	pid_t tid = 0;

	assert(pthread_create(&first, NULL, say_who, &tid) == 0);
	(void)pthread_join(first, NULL);
	(void)snprintf(path, sizeof(path), "/proc/self/task/%d", (int)tid);
	while (access(path, F_OK) == 0)
		(void)sched_yield();
	return count_threads();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_work_is_run_and_done_once_in_the_right_threads),
		TEST(work_is_not_run_in_the_loops_thread),
		TEST(work_may_be_handed_in_from_done),
		TEST(one_accounts_work_is_begun_in_its_order),
		TEST(a_thousand_pieces_do_not_delay_another_account),
		TEST(accounts_share_by_the_time_that_their_work_takes),
		TEST(what_was_taken_is_owed_by_one_who_comes_back),
		TEST(time_without_work_is_not_saved_up),
		TEST(time_with_little_work_is_not_saved_up),
		TEST(single_work_does_not_wait_for_the_many),
		TEST(an_account_has_one_single_piece_at_a_time),
		TEST(the_last_that_waits_is_single_again),
		TEST(beside_one_that_is_run_none_is_single),
		TEST(ordinary_threads_take_single_work_too),
		TEST(single_work_shares_the_quick_one_by_time),
		TEST(the_quick_one_moves_nobody_in_the_others_queue),
		TEST(who_kept_others_waiting_is_left_to_the_ordinary),
		TEST(nobody_who_comes_is_before_those_who_wait),
		TEST(what_waits_for_the_quick_one_can_be_taken_back),
		TEST(the_quick_one_takes_nothing_that_is_alone),
		TEST(the_quick_one_takes_nothing_patient),
		TEST(single_work_without_end_does_not_keep_the_others_from_theirs),
		TEST(free_hands_back_what_was_not_begun),
		TEST(pieces_alone_hold_up_only_their_like),
		TEST(pieces_alone_never_overlap),
		TEST(what_waits_can_be_taken_back),
		TEST(the_only_one_of_an_account_too),
		TEST(what_runs_or_was_run_cannot_be_taken_back),
		TEST(free_finishes_what_runs_and_hands_back_the_rest),
		TEST(free_without_work_ends_the_threads),
		TEST(all_have_begun_when_they_are_ready),
		TEST(one_thread_begins_as_the_quick_one),
		TEST(all_get_ready_when_there_is_work),
		TEST(all_get_ready_when_they_are_released),
		TEST(those_never_released_end),
		TEST(one_that_cannot_begin_is_told),
		TEST(fewer_threads_than_wished_for_do),
		TEST(without_the_quick_one_the_others_do_it),
		TEST(no_thread_at_all_is_an_error),
		TEST(no_memory_for_workers_is_told),
		TEST(no_memory_for_an_account_loses_no_work),
		TEST(workers_have_every_signal_blocked),
		TEST(the_time_that_work_took_is_told),
	};


	base_threads = count_base_threads();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
