#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/turns.h"

#define CROWD	100
/* Every turn lasts that long, so that shares can be told by counting. */
#define TURN_NS	2000

#define LONG_TURN_NS	20000

/* Something that waits again after each of its turns, until it had enough. */
struct member {
	struct turn	 turn;
	unsigned	 had, wanted;
	unsigned	 parked;
	int64_t		 turn_ns;
	bool		 asks;		/* waits again in the next pass only */
	struct loop_later again;
};

static struct loop *loop;
static struct turns turns;
static struct share share[2];
static struct member crowd[CROWD], one;
static unsigned all, most;		/* turns had, and when to stop */

/* The program is linked with --wrap for this: time is what turns take of it,
 * whatever else this machine does; or, where it is 0, the clock's. */
static int64_t clock_now;

int64_t __real_clock_ns(void);
int64_t __wrap_clock_ns(void);
int64_t __real_clock_thread_ns(void);
int64_t __wrap_clock_thread_ns(void);

/* Of the simulated time, how much was not the thread's. */
static int64_t preempted;

int64_t
__wrap_clock_ns(void)
{
	return clock_now != 0 ? clock_now : __real_clock_ns();
}

int64_t
__wrap_clock_thread_ns(void)
{
	return clock_now != 0 ? clock_now - preempted :
	    __real_clock_thread_ns();
}

static void
take_time(int64_t ns)
{
	int64_t end = clock_ns() + ns;

	if (clock_now != 0)
		clock_now = end;
	while (clock_ns() < end)
		;
}

static int
on_turn(void *cookie)
{
	struct member *m = cookie;

	assert_false(m->turn.waiting);
	take_time(m->turn_ns);
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

/* Whether somebody else is to have the processor; and how often that was asked
 * before nobody was any more, if that is to be. */
static bool others;
static unsigned looks, looks_max;

static bool
beside(void *cookie)
{
	assert_ptr_equal(cookie, &others);
	if (others && ++looks == looks_max)
		others = false;
	return others;
}

static int
setup(void **state)
{
	(void)state;
	memset(share, 0, sizeof(share));
	if (loop_new(&loop) != ST_OK)
		return -1;
	others = false;
	looks = 0;
	clock_now = 1000 * INT64_C(1000000);
	preempted = 0;
	turns_init(&turns, loop, beside, &others);
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
	/* A little more, as a part of each turn is counted; without the rule it
	 * would be 25. */
	assert_in_range(one.had, 50, 85);
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
	join(&crowd[1], &share[1], 1000);
	/* One long turn, with a line behind it. */
	one.turn_ns = 1000000;
	one.wanted = 1;
	while (one.had == 0)
		run(1);
	turns_cancel(&turns, &crowd[1].turn);
	turns_wait(&turns, &one.turn);
	crowd[0].had = one.had = 0;
	run(20);
	assert_int_equal(one.had, 0);
	/* Leaving the line and coming back does not help. */
	turns_cancel(&turns, &one.turn);
	turns_wait(&turns, &one.turn);
	run(20);
	assert_int_equal(one.had, 0);
	assert_int_equal(crowd[0].had, 40);
}

/* But one who waits for each answer is not behind for long: what a turn of his
 * took that was not expected is forgiven. */
static void
who_waits_for_answers_waits_for_one_turn(void **state)
{
	(void)state;
	for (size_t i = 0; i < CROWD; i++)
		join(&crowd[i], &share[0], 1000);
	join(&one, &share[1], 1000);
	one.asks = true;
	one.turn_ns = 1000000;
	while (one.had == 0)
		run(1);
	one.turn_ns = TURN_NS;
	run(6);
	assert_in_range(one.had, 3, 6);
}

/* Unless it was said that the turn counts. */
static int
on_whole_turn(void *cookie)
{
	turns_whole(&turns);
	return on_turn(cookie);
}

static void
what_is_said_to_count_is_not_forgiven(void **state)
{
	(void)state;
	for (size_t i = 0; i < CROWD; i++)
		join(&crowd[i], &share[0], 1000);
	join(&one, &share[1], 1000);
	one.turn.fn = on_whole_turn;
	one.asks = true;
	while (one.had == 0)
		run(1);
	/* Each of its turns for TURNS_WHOLE of the others. */
	run(10 * (TURNS_WHOLE + 1));
	assert_in_range(one.had, 10, 12);
}

/* And for nobody's share it is less where there are more others, or it had less
 * time the more of them there are. */
static void
what_is_nobodys_has_its_part_beside_many(void **state)
{
	struct share many[8] = { { .spent_ns = 0 } };

	(void)state;
	for (size_t i = 0; i < 8; i++)
		join(&crowd[i], &many[i], 1000);
	share[1].nobody = true;
	join(&one, &share[1], 1000);
	one.turn.fn = on_whole_turn;
	run(9 * 20);
	assert_in_range(one.had, 18, 22);
	/* Beside two it is as dear as it is for others. */
	for (size_t i = 2; i < 8; i++)
		turns_cancel(&turns, &crowd[i].turn);
	one.had = 0;
	run(17 * 20);
	assert_in_range(one.had, 18, 22);
	turns_cancel(&turns, &crowd[1].turn);
	one.had = 0;
	run(9 * 20);
	assert_in_range(one.had, 18, 22);
	turns_cancel(&turns, &crowd[0].turn);
	turns_cancel(&turns, &one.turn);
}

static void
who_is_new_comes_after_those_who_wait(void **state)
{
	(void)state;
	join(&crowd[0], &share[0], 1000);
	run(1);
	/* It has had a turn, and waits for each answer. */
	turns_cancel(&turns, &crowd[0].turn);
	share[0].line_ns = 0;
	turns_wait(&turns, &crowd[0].turn);
	join(&one, &share[1], 1000);
	run(1);
	assert_int_equal(one.had, 0);
	run(1);
	assert_int_equal(one.had, 1);
}

/* The time that somebody else had the processor is nobody's. */
static int
on_preempted_turn(void *cookie)
{
	struct member *m = cookie;

	preempted += m->turn_ns;
	return on_turn(cookie);
}

static void
time_of_others_is_not_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < CROWD; i++)
		join(&crowd[i], &share[0], 1000);
	join(&one, &share[1], 1000);
	run(4);			/* each knows of the other */
	share[1].spent_ns = 0;
	one.turn.fn = on_preempted_turn;
	one.turn_ns = 1000000;
	run(4);
	assert_int_equal(share[1].spent_ns, 0);
}

/* That it had to wait was its own doing. */
static int
on_held_turn(void *cookie)
{
	turns_wall(&turns);
	return on_preempted_turn(cookie);
}

static void
time_of_its_own_making_is_counted(void **state)
{
	unsigned had;

	(void)state;
	for (size_t i = 0; i < CROWD; i++)
		join(&crowd[i], &share[0], 1000);
	join(&one, &share[1], 1000);
	run(4);			/* each knows of the other */
	share[1].spent_ns = 0;
	one.turn.fn = on_held_turn;
	one.turn_ns = 1000000;
	run(4);
	assert_true(share[1].spent_ns >= 1000000);
	/* And it is for that turn alone. */
	one.turn.fn = on_preempted_turn;
	share[1].spent_ns = 0;
	for (had = one.had; one.had == had;)
		run(1);
	assert_int_equal(share[1].spent_ns, 0);
}

static void
turns_are_short_beside_others_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < CROWD; i++)
		join(&crowd[i], &share[0], 1000);
	run(50);
	/* A line, and nobody else. */
	assert_false(turns_short(&turns, &share[0]));
	join(&one, &share[1], 2);
	run(10);
	assert_int_equal(one.had, 2);
	assert_true(turns_short(&turns, &share[0]));
	/* For the other one: it left no line. */
	share[1].line_ns = 0;
	assert_false(turns_short(&turns, &share[1]));
	/* He has gone. */
	run(TURNS_SHORT_NS / TURN_NS + 1);
	assert_false(turns_short(&turns, &share[0]));
}

static void
who_is_nobody_is_no_reason_for_short_turns(void **state)
{
	(void)state;
	for (size_t i = 0; i < CROWD; i++)
		join(&crowd[i], &share[0], 1000);
	share[1].nobody = true;
	join(&one, &share[1], 2);
	run(10);
	assert_int_equal(one.had, 2);
	assert_false(turns_short(&turns, &share[0]));
}

static void
who_was_forgotten_is_not_asked_about(void **state)
{
	struct share *gone;

	(void)state;
	gone = calloc(1, sizeof(*gone));
	assert_non_null(gone);
	join(&one, gone, 1);
	run(1);
	turns_forget(&turns, gone);
	free(gone);
	for (size_t i = 0; i < CROWD; i++)
		join(&crowd[i], &share[0], 1000);
	run(10);
	/* That somebody was there is still known. */
	assert_true(turns_short(&turns, &share[0]));
}

static int
on_long_turn(void *cookie)
{
	int64_t start = clock_ns();

	(void)cookie;
	assert_int_equal(turns_began_ns(&turns), start);
	take_time(LONG_TURN_NS);
	assert_int_equal(turns_began_ns(&turns), start);
	loop_stop(loop);
	return ST_OK;
}

static void
it_is_known_when_a_turn_began(void **state)
{
	(void)state;
	join(&one, &share[0], 1);
	one.turn.fn = on_long_turn;
	assert_int_equal(loop_run(loop), ST_OK);
	assert_int_equal(turns_began_ns(&turns), clock_ns());
	take_time(TURN_NS);
	assert_int_equal(turns_began_ns(&turns), clock_ns());
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

/* Whoever leaves, the others of the share come, in their order. */
static void
one_between_others_can_be_cancelled(void **state)
{
	(void)state;
	for (size_t out = 0; out < 4; out++) {
		for (size_t i = 0; i < 4; i++) {
			crowd[i].had = 0;
			join(&crowd[i], &share[0], 1);
		}
		turns_cancel(&turns, &crowd[out].turn);
		run(3);
		for (size_t i = 0; i < 4; i++)
			assert_int_equal(crowd[i].had, i != out);
	}
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
	join(&crowd[3], &share[0], 1);
	run(4);
	assert_int_equal(crowd[0].parked, 0);
	assert_int_equal(crowd[1].parked, 0);
	assert_int_equal(crowd[2].parked, 1);
	assert_int_equal(crowd[3].parked, 1);
}

#define EACH(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

static void
who_leaves_a_line_stands_back_for_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < CROWD; i++) {
		join(&crowd[i], &share[0], 1000);
		crowd[i].turn_ns = 0;
	}
	run(10);
	others = true;
	looks_max = 0;
	/* One who comes is served, and comes back, before any of the crowd. */
	join(&one, &share[1], 5);
	one.asks = true;
	one.turn_ns = 0;
	run(5);
	assert_int_equal(one.had, 5);
	/* When nobody else is there the crowd goes on, and is not called
	 * before. */
	looks = 0;
	looks_max = 3;
	run(1);
	assert_false(others);
	run(10);
}

static void
standing_back_has_an_end(void **state)
{
	int64_t start, took;

	(void)state;
	clock_now = 0;
	start = clock_ns();
	for (size_t i = 0; i < CROWD; i++) {
		join(&crowd[i], &share[0], 1000);
		crowd[i].turn_ns = LONG_TURN_NS;
	}
	others = true;
	looks_max = 0;
	run(200);
	took = clock_ns() - start;
	print_message("%lld us for 200 turns of %d\n", (long long)took / 1000,
	    LONG_TURN_NS / 1000);
	/* Two parts in three were for others: four in five may be. */
	assert_true(took > 3 * 200 * (int64_t)LONG_TURN_NS);
	assert_true(others);
}

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
		EACH(who_waits_for_answers_waits_for_one_turn),
		EACH(what_is_said_to_count_is_not_forgiven),
		EACH(what_is_nobodys_has_its_part_beside_many),
		EACH(who_is_new_comes_after_those_who_wait),
		EACH(time_of_others_is_not_counted),
		EACH(time_of_its_own_making_is_counted),
		EACH(turns_are_short_beside_others_only),
		EACH(who_is_nobody_is_no_reason_for_short_turns),
		EACH(who_was_forgotten_is_not_asked_about),
		EACH(it_is_known_when_a_turn_began),
		EACH(cancelled_turn_does_not_come),
		EACH(one_between_others_can_be_cancelled),
		EACH(only_who_is_put_off_is_parked_and_only_once),
		EACH(who_leaves_a_line_stands_back_for_others),
		EACH(standing_back_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
