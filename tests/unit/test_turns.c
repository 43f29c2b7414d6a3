#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <sys/epoll.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/turns.h"

#define CROWD	100
/* Every turn lasts that long, so that shares can be told by counting. */
#define TURN_NS	20000
/* That is so many in a row. */
#define TURNS_IN_100_MS	5000

/* The time, which goes on in turns and while the loop sleeps. */
static int64_t now_ns;
static int64_t elsewhere_ns;	/* of it, not in this thread */

int64_t __wrap_clock_ns(void);
int64_t __wrap_clock_ms(void);
int64_t __wrap_clock_cpu_ns(void);
int __wrap_epoll_pwait(int epfd, struct epoll_event *events, int max,
    int timeout, const sigset_t *mask);

int64_t
__wrap_clock_ns(void)
{
	return now_ns;
}

int64_t
__wrap_clock_ms(void)
{
	return now_ns / 1000000;
}

int64_t
__wrap_clock_cpu_ns(void)
{
	return now_ns - elsewhere_ns;
}

/* There is no descriptor. */
int
__wrap_epoll_pwait(int epfd, struct epoll_event *events, int max,
    int timeout, const sigset_t *mask)
{
	(void)epfd;
	(void)events;
	(void)max;
	(void)mask;
	assert_true(timeout >= 0);
	now_ns += (int64_t)timeout * 1000000;
	return 0;
}

/* Something that waits again after each of its turns, until it had enough. */
struct member {
	struct turn	 turn;
	unsigned	 had, wanted;
	unsigned	 parked;
	int64_t		 turn_ns;
	int64_t		 elsewhere_ns;	/* of a turn, not in this thread */
	bool		 asks;		/* waits again in the next pass only */
	struct loop_later again;
};

static struct loop *loop;
static struct turns turns;
static struct share share[2];
static struct member crowd[CROWD], one;
static unsigned all, most;		/* turns had, and when to stop */

/* For whom another thread works, as the turns are told, and until when. */
static struct share *beside[2];
static size_t n_beside;
static unsigned asked;
static struct loop_timer end;

static int
on_turn(void *cookie)
{
	struct member *m = cookie;

	assert_false(m->turn.waiting);
	now_ns += m->turn_ns;
	elsewhere_ns += m->elsewhere_ns;
	if (++m->had < m->wanted && m->asks)
		loop_later_set(loop, &m->again);
	else if (m->had < m->wanted)
		turns_wait(&turns, &m->turn);
	if (++all >= most)
		loop_stop(loop);
	return ST_OK;
}

static int
on_again(void *cookie)
{
	struct member *m = cookie;

	turns_wait(&turns, &m->turn);
	return ST_OK;
}

static void
on_parked(void *cookie)
{
	struct member *m = cookie;

	m->parked++;
}

static void
join(struct member *m, struct share *s, unsigned wanted)
{
	memset(m, 0, sizeof(*m));
	m->turn = (struct turn){ .fn = on_turn, .parked = on_parked,
		.cookie = m, .share = s };
	m->wanted = wanted;
	m->turn_ns = TURN_NS;
	m->again = (struct loop_later){ .fn = on_again, .cookie = m };
	turns_wait(&turns, &m->turn);
}

static void
run(unsigned n)
{
	all = 0;
	most = n;
	assert_int_equal(loop_run(loop), ST_OK);
}

static size_t
find_beside(void *cookie, struct share **out)
{
	assert_ptr_equal(cookie, beside);
	memcpy(out, beside, n_beside * sizeof(beside[0]));
	asked++;
	return n_beside;
}

static int
on_end(void *cookie)
{
	(void)cookie;
	loop_stop(loop);
	return ST_OK;
}

/* Serve for so long. */
static void
run_ms(int64_t ms)
{
	most = UINT_MAX;
	end = (struct loop_timer){ .fn = on_end };
	loop_timer_set(loop, &end, clock_ms() + ms);
	assert_int_equal(loop_run(loop), ST_OK);
}

/* Another thread works for a share, and no more. */
static void
leave(struct share *s)
{
	turns_leave(&turns, s);
	beside[n_beside++] = s;
}

static void
come_back(void)
{
	turns_return(&turns, beside[--n_beside]);
}

static int
setup(void **state)
{
	(void)state;
	memset(share, 0, sizeof(share));
	elsewhere_ns = 0;
	n_beside = 0;
	asked = 0;
	if (loop_new(&loop) != ST_OK)
		return -1;
	turns_init(&turns, loop, find_beside, beside);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	turns_fini(&turns);
	loop_free(loop);
	return 0;
}

static void
members_of_a_share_have_their_turns_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		join(&crowd[i], &share[0], 10);
	run(4);
	assert_int_equal(crowd[0].had, 2);
	assert_int_equal(crowd[1].had, 1);
	assert_int_equal(crowd[2].had, 1);
}

static void
one_beside_a_crowd_has_half_of_the_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < CROWD; i++)
		join(&crowd[i], &share[0], 1000);
	join(&one, &share[1], 1000);
	run(200);
	assert_in_range(one.had, 99, 101);
}

/* It has a half of the turns, although each of its own is three times as long:
 * not more is counted of them. */
static void
who_waits_for_answers_is_next(void **state)
{
	(void)state;
	for (size_t i = 0; i < CROWD; i++)
		join(&crowd[i], &share[0], 1000);
	join(&one, &share[1], 1000);
	one.asks = true;
	one.turn_ns = 3 * TURN_NS;
	run(100);
	/* More if the kernel interrupted one of the crowd; without the rule it
	 * would be 25. */
	assert_in_range(one.had, 40, 90);
}

static void
two_who_wait_for_answers_leave_something_to_a_third(void **state)
{
	struct share more = { 0 };

	(void)state;
	for (size_t i = 0; i < CROWD; i++)
		join(&crowd[i], &share[0], 1000);
	join(&one, &share[1], 1000);
	turns_cancel(&turns, &crowd[0].turn);
	join(&crowd[0], &more, 1000);
	one.asks = crowd[0].asks = true;
	run(200);
	/* A ninth of the time, at least. */
	assert_in_range(200 - one.had - crowd[0].had, 15, 120);
}

static void
who_comes_back_neither_saved_time_nor_is_ahead(void **state)
{
	(void)state;
	join(&crowd[0], &share[0], 1000);
	run(50);
	join(&one, &share[1], 1000);
	run(40);
	/* Not all 40, for what the other had before. */
	assert_in_range(one.had, 8, 32);
}

static void
who_is_ahead_waits_until_others_caught_up(void **state)
{
	(void)state;
	join(&crowd[0], &share[0], 1000);
	join(&one, &share[1], 1000);
	/* One long turn. */
	share[1].virtual_ns += 1000 * INT64_C(1000000);
	run(20);
	assert_int_equal(one.had, 0);
	/* Leaving the line and coming back does not help. */
	turns_cancel(&turns, &one.turn);
	turns_wait(&turns, &one.turn);
	run(20);
	assert_int_equal(one.had, 0);
	assert_int_equal(crowd[0].had, 40);
}

static void
cancelled_turn_does_not_come(void **state)
{
	(void)state;
	join(&crowd[0], &share[0], 1);
	join(&crowd[1], &share[0], 1);
	join(&one, &share[1], 10);
	turns_cancel(&turns, &crowd[0].turn);
	turns_cancel(&turns, &crowd[0].turn);
	assert_false(crowd[0].turn.waiting);
	run(5);
	assert_int_equal(crowd[0].had, 0);
	assert_int_equal(crowd[1].had, 1);
}

static void
only_who_is_put_off_is_parked_and_only_once(void **state)
{
	(void)state;
	join(&one, &share[0], 1);
	run(1);
	assert_int_equal(one.parked, 0);
	join(&crowd[0], &share[0], 1);
	join(&crowd[1], &share[0], 1);
	join(&crowd[2], &share[0], 1);
	run(3);
	assert_int_equal(crowd[0].parked, 0);
	assert_int_equal(crowd[1].parked, 1);
	assert_int_equal(crowd[2].parked, 1);
}

/* A crowd whose turns leave a line. */
static void
gather(struct share *s)
{
	for (size_t i = 0; i < CROWD; i++)
		join(&crowd[i], s, UINT_MAX);
	run(2);
}

static unsigned
had_by_all(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < CROWD; i++)
		n += crowd[i].had;
	return n;
}

static void
those_with_a_line_wait_for_what_is_done_beside_them(void **state)
{
	unsigned before;

	(void)state;
	gather(&share[0]);
	leave(&share[1]);
	before = had_by_all();
	run_ms(100);
	/* But a fifth of the time is theirs. */
	assert_in_range(had_by_all() - before, TURNS_IN_100_MS / 6,
	    TURNS_IN_100_MS / 4);
	come_back();
	before = had_by_all();
	run(1000);
	assert_int_equal(had_by_all() - before, 1000);
}

/* One who has more to be done than that one piece is no better than they. */
/* Nor is that given back by a turn in which the other thread ran. */
static void
what_is_owed_to_them_is_processor_time(void **state)
{
	unsigned before;

	(void)state;
	gather(&share[0]);
	for (size_t i = 0; i < CROWD; i++) {
		crowd[i].turn_ns = 10 * TURN_NS;
		crowd[i].elsewhere_ns = 9 * TURN_NS;
	}
	leave(&share[1]);
	before = had_by_all();
	run_ms(700);
	/* 25 turns are half a millisecond of theirs, for two that they waited,
	 * and take five. */
	assert_in_range(had_by_all() - before, 23 * 100, 27 * 100);
	come_back();
}

static void
they_have_half_beside_one_with_more_to_be_done(void **state)
{
	unsigned before;

	(void)state;
	gather(&share[0]);
	leave(&share[1]);
	leave(&share[1]);
	before = had_by_all();
	run_ms(100);
	assert_in_range(had_by_all() - before, TURNS_IN_100_MS * 4 / 10,
	    TURNS_IN_100_MS * 6 / 10);
	come_back();
	come_back();
}

/* What is done comes back, and who waited has the next turn. */
static struct loop_later look;
static unsigned noted;

static int
on_come_back(void *cookie)
{
	(void)cookie;
	come_back();
	loop_later_set(loop, &look);
	return ST_OK;
}

static int
on_look(void *cookie)
{
	(void)cookie;
	noted = had_by_all();
	loop_stop(loop);
	return ST_OK;
}

static void
they_go_on_when_it_is_done(void **state)
{
	struct loop_timer done = { .fn = on_come_back };
	unsigned before;

	(void)state;
	look = (struct loop_later){ .fn = on_look };
	gather(&share[0]);
	leave(&share[1]);
	before = had_by_all();
	loop_timer_set(loop, &done, clock_ms() + 1);
	most = UINT_MAX;
	assert_int_equal(loop_run(loop), ST_OK);
	assert_true(noted > before);
}

/* One whose turns leave no line is served meanwhile, but not so that the others
 * have nothing at all. */
static void
who_waits_for_answers_does_not_wait_for_that(void **state)
{
	struct share third = { 0 };
	unsigned before;

	(void)state;
	gather(&share[0]);
	leave(&share[1]);
	before = had_by_all();
	join(&one, &third, UINT_MAX);
	one.asks = true;
	run_ms(100);
	assert_in_range(one.had, TURNS_IN_100_MS * 6 / 10, TURNS_IN_100_MS);
	assert_in_range(had_by_all() - before, TURNS_IN_100_MS / 6,
	    TURNS_IN_100_MS * 4 / 10);
	loop_later_del(loop, &one.again);
	come_back();
}

/* A share does not wait for what is done for itself, and nobody for what is
 * done elsewhere. */
static void
nobody_waits_without_need(void **state)
{
	int64_t start;
	unsigned before;

	(void)state;
	gather(&share[0]);
	leave(&share[0]);
	before = had_by_all();
	start = now_ns;
	run(1000);
	come_back();
	asked = 0;
	run(1000);
	assert_int_equal(asked, 0);
	turns_leave(&turns, &share[1]);
	run(1000);
	assert_true(asked > 0);
	turns_return(&turns, &share[1]);
	assert_int_equal(had_by_all() - before, 3000);
	assert_int_equal(now_ns - start, 3000 * TURN_NS);
}

/* Who accepts connections never is one that waits for answers. */
static void
the_patient_wait_from_their_first_turn_on(void **state)
{
	(void)state;
	share[0].patient = true;
	leave(&share[1]);
	join(&one, &share[0], 1);
	/* Nothing is owed yet, and for two milliseconds nobody looks. */
	run_ms(1);
	assert_int_equal(one.had, 0);
	assert_int_equal(one.parked, 1);
	run_ms(20);
	assert_int_equal(one.had, 1);
	come_back();
}

#define EACH(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(members_of_a_share_have_their_turns_in_order),
		EACH(one_beside_a_crowd_has_half_of_the_time),
		EACH(who_waits_for_answers_is_next),
		EACH(two_who_wait_for_answers_leave_something_to_a_third),
		EACH(who_comes_back_neither_saved_time_nor_is_ahead),
		EACH(who_is_ahead_waits_until_others_caught_up),
		EACH(cancelled_turn_does_not_come),
		EACH(only_who_is_put_off_is_parked_and_only_once),
		EACH(those_with_a_line_wait_for_what_is_done_beside_them),
		EACH(what_is_owed_to_them_is_processor_time),
		EACH(they_have_half_beside_one_with_more_to_be_done),
		EACH(they_go_on_when_it_is_done),
		EACH(who_waits_for_answers_does_not_wait_for_that),
		EACH(nobody_waits_without_need),
		EACH(the_patient_wait_from_their_first_turn_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
