/*
 * Questions and who answers them: one approver at a time, turns, deadlines,
 * approvers and askers that go away; and askpass in the approvers' place.
 *
 * The clock is the test's, and so is askpass: nothing is really asked.
 */

#include "agent/approver.h"
#include "agent/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/askpass.h"
#include "base/clock.h"

#define UID	1000u
#define OTHER	1001u
#define SEATS	3
#define ASKERS	16

int64_t __wrap_clock_ms(void);
void *__wrap_calloc(size_t n, size_t size);
void *__real_calloc(size_t n, size_t size);
int __wrap_askpass_ask(struct askpass *ap, const char *prompt, askpass_fn *fn,
    void *cookie, uint32_t *id);
void __wrap_askpass_cancel(struct askpass *ap, uint32_t id);

static int64_t now_ms;
static bool no_memory;

static struct loop *loop;
static struct approver *a;

/* An approver: what it was asked. */
static struct chair {
	struct approver_seat	 seat;
	size_t			 n;
	uint32_t		 id;		/* the last one */
	uint32_t		 uid;
	uint32_t		 left_ms;
	bool			 leaves;	/* when it is asked */
} chair[SEATS];

/* One who waits for an answer. */
static struct asker {
	uint32_t	 id;
	int		 answers;
	bool		 yes;
	enum reason	 why;
	uint32_t	 cancels;	/* when it is answered, if not 0 */
	struct asker	*asks;		/* likewise, if not NULL */
} asker[ASKERS];

/* What askpass was told. */
static struct {
	int		 st;		/* what it answers */
	size_t		 n;
	char		 prompt[ASKPASS_PROMPT_MAX + 1];
	askpass_fn	*fn;
	void		*cookie;
	uint32_t	 cancelled;
} helper;

/* Some askpass: it is never looked into. */
static struct askpass *const some_askpass = (struct askpass *)&helper;

int64_t
__wrap_clock_ms(void)
{
	return now_ms;
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return no_memory ? NULL : __real_calloc(n, size);
}

int
__wrap_askpass_ask(struct askpass *ap, const char *prompt, askpass_fn *fn,
    void *cookie, uint32_t *id)
{
	assert_ptr_equal(ap, some_askpass);
	assert_true(strlen(prompt) <= ASKPASS_PROMPT_MAX);
	*id = 0;
	if (helper.st != ST_OK)
		return helper.st;
	(void)strcpy(helper.prompt, prompt);
	helper.fn = fn;
	helper.cookie = cookie;
	*id = 100 + (uint32_t)++helper.n;
	return ST_OK;
}

void
__wrap_askpass_cancel(struct askpass *ap, uint32_t id)
{
	assert_ptr_equal(ap, some_askpass);
	helper.cancelled = id;
}

static void
on_question(void *cookie, const struct approve_question *q)
{
	struct chair *c = cookie;

	c->n++;
	c->id = q->id;
	c->uid = q->uid;
	c->left_ms = q->left_ms;
	if (c->leaves)
		approver_leave(&c->seat);
}

static struct approve_question
question_of(uint32_t uid)
{
	return (struct approve_question){ .uid = uid, .pid = 1,
		.prompt = slice_str("Allow?\nReally?"),
		.fingerprint = slice_str("SHA256:x"),
		.comment = slice_str("c"), .what = slice_str("login as git"),
		.host = slice_str("SHA256:h") };
}

static void
on_answer(void *cookie, bool yes, enum reason why)
{
	struct asker *k = cookie;
	struct approve_question q = question_of(UID);

	k->answers++;
	k->yes = yes;
	k->why = why;
	if (k->cancels != 0)
		approver_cancel(a, k->cancels);
	if (k->asks != NULL)
		assert_int_equal(approver_ask(a, &q, on_answer, k->asks,
		    &k->asks->id), REASON_NONE);
}

static enum reason
try_ask(struct asker *k, uint32_t uid)
{
	struct approve_question q = question_of(uid);
	enum reason why = approver_ask(a, &q, on_answer, k, &k->id);

	assert_int_equal(why == REASON_NONE, k->id != 0);
	return why;
}

/* Asks, in the name of uid. */
static void
ask(struct asker *k, uint32_t uid)
{
	assert_int_equal(try_ask(k, uid), REASON_NONE);
}

static struct loop_later pause_later;
static int passes;

static int
on_pass(void *cookie)
{
	(void)cookie;
	if (--passes > 0)
		loop_later_set(loop, &pause_later);
	else
		loop_stop(loop);
	return ST_OK;
}

/* Let the loop do all that it has to do now. */
static void
settle(void)
{
	passes = 3;
	pause_later = (struct loop_later){ .fn = on_pass };
	loop_later_set(loop, &pause_later);
	assert_int_equal(loop_run(loop), ST_OK);
}

static void
expect(const struct asker *k, bool yes, enum reason why)
{
	assert_int_equal(k->answers, 1);
	assert_int_equal(k->yes, yes);
	assert_int_equal(k->why, why);
}

static void
next(int i)
{
	approver_next(a, &chair[i].seat);
	settle();
}

static int
answer(int i, uint32_t id, bool yes)
{
	return approver_answer(a, &chair[i].seat, id, yes);
}

/* Begin again with other limits, or with askpass. */
static void
begin(uint64_t question_ms, uint64_t questions_uid, struct askpass *ap)
{
	const struct approver_limits limits = { question_ms, questions_uid };

	approver_free(a);
	memset(chair, 0, sizeof(chair));
	memset(asker, 0, sizeof(asker));
	memset(&helper, 0, sizeof(helper));
	for (size_t i = 0; i < SEATS; i++) {
		chair[i].seat.fn = on_question;
		chair[i].seat.cookie = &chair[i];
	}
	assert_int_equal(approver_new(&a, loop, &limits, ap), ST_OK);
}

static int
setup(void **state)
{
	(void)state;
	now_ms = 1000000;
	no_memory = false;
	assert_int_equal(loop_new(&loop), ST_OK);
	begin(LIMIT_QUESTION_MS, LIMIT_QUESTIONS_UID, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	approver_free(a);
	a = NULL;
	loop_free(loop);
	return 0;
}

/*
 * Who is asked.
 */

static void
nobody_there_is_refused_at_once(void **state)
{
	(void)state;
	assert_false(approver_ready(a));
	assert_int_equal(try_ask(&asker[0], UID), REASON_NO_APPROVER);
	settle();
	assert_int_equal(asker[0].answers, 0);
}

static void
one_who_waits_is_asked_and_answers(void **state)
{
	(void)state;
	next(0);
	assert_true(approver_ready(a));
	ask(&asker[0], UID);
	assert_int_equal(chair[0].n, 0);	/* only from the loop */
	settle();
	assert_int_equal(chair[0].n, 1);
	assert_int_equal(chair[0].id, asker[0].id);
	assert_int_equal(chair[0].uid, UID);
	assert_int_equal(chair[0].left_ms, LIMIT_QUESTION_MS);
	assert_int_equal(answer(0, asker[0].id, true), ST_OK);
	assert_int_equal(asker[0].answers, 0);	/* likewise */
	settle();
	expect(&asker[0], true, REASON_NONE);
}

static void
no_is_a_reason(void **state)
{
	(void)state;
	next(0);
	ask(&asker[0], UID);
	settle();
	assert_int_equal(answer(0, asker[0].id, false), ST_OK);
	settle();
	expect(&asker[0], false, REASON_APPROVER_NO);
}

static void
one_of_two_is_asked(void **state)
{
	(void)state;
	next(0);
	next(1);
	ask(&asker[0], UID);
	settle();
	assert_int_equal(chair[0].n, 1);
	assert_int_equal(chair[1].n, 0);
	ask(&asker[1], UID);
	settle();
	assert_int_equal(chair[0].n, 1);
	assert_int_equal(chair[1].n, 1);
	assert_int_not_equal(chair[0].id, chair[1].id);
}

static void
question_waits_for_one_who_is_ready(void **state)
{
	(void)state;
	next(0);
	ask(&asker[0], UID);
	ask(&asker[1], UID);
	settle();
	assert_int_equal(chair[0].n, 1);
	assert_int_equal(answer(0, chair[0].id, true), ST_OK);
	settle();
	assert_int_equal(chair[0].n, 1);
	next(0);
	assert_int_equal(chair[0].id, asker[1].id);
}

/* The first question stays its own. */
static void
next_without_an_answer_gives_another_question(void **state)
{
	(void)state;
	next(0);
	ask(&asker[0], UID);
	settle();
	next(0);
	next(0);
	assert_int_equal(chair[0].n, 1);
	ask(&asker[1], UID);
	ask(&asker[2], UID);
	settle();
	assert_int_equal(chair[0].n, 2);
	assert_int_equal(chair[0].id, asker[1].id);
	assert_int_equal(answer(0, asker[1].id, false), ST_OK);
	assert_int_equal(answer(0, asker[0].id, true), ST_OK);
	settle();
	expect(&asker[0], true, REASON_NONE);
	expect(&asker[1], false, REASON_APPROVER_NO);
	assert_int_equal(asker[2].answers, 0);
}

static void
stranger_cannot_answer(void **state)
{
	(void)state;
	next(0);
	next(1);
	ask(&asker[0], UID);
	settle();
	assert_int_equal(answer(1, asker[0].id, true), ST_NOT_FOUND);
	assert_int_equal(answer(2, asker[0].id, true), ST_NOT_FOUND);
	assert_int_equal(answer(0, asker[0].id + 1, true), ST_NOT_FOUND);
	assert_int_equal(answer(0, 0, true), ST_NOT_FOUND);
	settle();
	assert_int_equal(asker[0].answers, 0);
	assert_int_equal(answer(0, asker[0].id, false), ST_OK);
}

static void
question_not_given_yet_cannot_be_answered(void **state)
{
	(void)state;
	next(0);
	ask(&asker[0], UID);
	assert_int_equal(answer(0, asker[0].id, true), ST_NOT_FOUND);
}

static void
second_answer_finds_no_question(void **state)
{
	(void)state;
	next(0);
	ask(&asker[0], UID);
	settle();
	assert_int_equal(answer(0, asker[0].id, false), ST_OK);
	assert_int_equal(answer(0, asker[0].id, true), ST_NOT_FOUND);
	settle();
	assert_int_equal(answer(0, asker[0].id, true), ST_NOT_FOUND);
	expect(&asker[0], false, REASON_APPROVER_NO);
}

/*
 * Who goes away.
 */

static void
question_of_one_who_left_goes_to_another(void **state)
{
	(void)state;
	next(0);
	ask(&asker[0], UID);
	settle();
	next(1);
	assert_int_equal(chair[1].n, 0);
	approver_leave(&chair[0].seat);
	settle();
	assert_int_equal(chair[1].n, 1);
	assert_int_equal(chair[1].id, asker[0].id);
	assert_int_equal(answer(0, asker[0].id, true), ST_NOT_FOUND);
	assert_int_equal(answer(1, asker[0].id, true), ST_OK);
	settle();
	expect(&asker[0], true, REASON_NONE);
}

static void
last_one_who_leaves_answers_all_by_no(void **state)
{
	(void)state;
	next(0);
	next(1);
	for (size_t i = 0; i < 3; i++)
		ask(&asker[i], UID);
	settle();
	approver_leave(&chair[0].seat);
	settle();
	assert_int_equal(asker[0].answers, 0);
	approver_leave(&chair[1].seat);
	approver_leave(&chair[1].seat);
	assert_int_equal(asker[0].answers, 0);	/* only from the loop */
	assert_false(approver_ready(a));
	settle();
	for (size_t i = 0; i < 3; i++)
		expect(&asker[i], false, REASON_NO_APPROVER);
}

static void
one_who_leaves_while_waiting_is_not_asked(void **state)
{
	(void)state;
	next(0);
	next(1);
	ask(&asker[0], UID);
	approver_leave(&chair[0].seat);
	settle();
	assert_int_equal(chair[0].n, 0);
	assert_int_equal(chair[1].n, 1);
}

static void
one_who_leaves_when_asked_passes_it_on(void **state)
{
	(void)state;
	next(0);
	next(1);
	chair[0].leaves = chair[1].leaves = true;
	ask(&asker[0], UID);
	settle();
	assert_int_equal(chair[0].n, 1);
	assert_int_equal(chair[1].n, 1);
	expect(&asker[0], false, REASON_NO_APPROVER);
}

static void
question_taken_back_is_not_put(void **state)
{
	(void)state;
	next(0);
	ask(&asker[0], UID);
	approver_cancel(a, asker[0].id);
	approver_cancel(a, asker[0].id);
	approver_cancel(a, 0);
	settle();
	assert_int_equal(chair[0].n, 0);
	assert_int_equal(asker[0].answers, 0);
}

static void
question_taken_back_cannot_be_answered(void **state)
{
	(void)state;
	next(0);
	ask(&asker[0], UID);
	settle();
	approver_cancel(a, asker[0].id);
	assert_int_equal(answer(0, asker[0].id, true), ST_NOT_FOUND);
	now_ms += LIMIT_QUESTION_MS;
	settle();
	assert_int_equal(asker[0].answers, 0);
}

static void
answer_on_its_way_can_be_taken_back(void **state)
{
	(void)state;
	next(0);
	ask(&asker[0], UID);
	settle();
	assert_int_equal(answer(0, asker[0].id, true), ST_OK);
	approver_cancel(a, asker[0].id);
	settle();
	assert_int_equal(asker[0].answers, 0);
}

static void
callback_may_take_back_and_ask(void **state)
{
	(void)state;
	next(0);
	for (size_t i = 0; i < 2; i++) {
		ask(&asker[i], UID);
		settle();
		next(0);
	}
	asker[0].cancels = asker[1].id;
	asker[0].asks = &asker[2];
	assert_int_equal(answer(0, asker[0].id, true), ST_OK);
	assert_int_equal(answer(0, asker[1].id, true), ST_OK);
	settle();
	expect(&asker[0], true, REASON_NONE);
	assert_int_equal(asker[1].answers, 0);
	assert_int_equal(chair[0].n, 3);
	assert_int_equal(chair[0].id, asker[2].id);
}

static void
end_answers_nobody(void **state)
{
	(void)state;
	next(0);
	next(1);
	ask(&asker[0], UID);
	ask(&asker[1], UID);
	settle();
	assert_int_equal(answer(0, asker[0].id, true), ST_OK);
	approver_free(a);
	a = NULL;
	approver_leave(&chair[0].seat);
	approver_leave(&chair[1].seat);
	now_ms += LIMIT_QUESTION_MS;
	settle();
	assert_int_equal(asker[0].answers + asker[1].answers, 0);
}

/*
 * Limits.
 */

static void
answer_counts_until_the_deadline_and_not_at_it(void **state)
{
	(void)state;
	next(0);
	ask(&asker[0], UID);
	ask(&asker[1], UID);
	settle();
	next(0);
	now_ms += LIMIT_QUESTION_MS - 1;
	settle();
	assert_int_equal(asker[0].answers, 0);
	assert_int_equal(answer(0, asker[0].id, true), ST_OK);
	settle();
	expect(&asker[0], true, REASON_NONE);
	now_ms++;
	settle();
	expect(&asker[1], false, REASON_APPROVER_LATE);
	assert_int_equal(answer(0, asker[1].id, true), ST_NOT_FOUND);
}

static struct loop_timer early;
static int early_answer;

static int
on_early(void *cookie)
{
	(void)cookie;
	early_answer = answer(0, asker[0].id, true);
	return ST_OK;
}

/* An answer that is looked at before the timer. */
static void
late_answer_is_late_whatever_comes_first(void **state)
{
	(void)state;
	next(0);
	early = (struct loop_timer){ .fn = on_early };
	loop_timer_set(loop, &early, now_ms + LIMIT_QUESTION_MS - 1);
	ask(&asker[0], UID);
	settle();
	now_ms += LIMIT_QUESTION_MS;
	settle();
	assert_int_equal(early_answer, ST_NOT_FOUND);
	expect(&asker[0], false, REASON_APPROVER_LATE);
}

static void
deadline_holds_for_what_nobody_was_given(void **state)
{
	(void)state;
	next(0);
	ask(&asker[0], UID);
	settle();
	now_ms += 10000;
	settle();
	ask(&asker[1], UID);
	settle();
	now_ms += 45000;
	settle();
	next(0);
	assert_int_equal(chair[0].left_ms, 15000);
	ask(&asker[2], UID);
	now_ms += LIMIT_QUESTION_MS;
	settle();
	for (size_t i = 0; i < 3; i++)
		expect(&asker[i], false, REASON_APPROVER_LATE);
}

static void
without_a_deadline_there_is_all_the_time(void **state)
{
	(void)state;
	begin(0, LIMIT_QUESTIONS_UID, NULL);
	next(0);
	ask(&asker[0], UID);
	settle();
	assert_int_equal(chair[0].left_ms, APPROVE_NO_LIMIT);
	now_ms += INT64_C(365) * 24 * 3600 * 1000;
	settle();
	assert_int_equal(answer(0, asker[0].id, true), ST_OK);
}

static void
eight_questions_of_a_uid_and_not_one_more(void **state)
{
	size_t i;

	(void)state;
	next(0);
	for (i = 0; i < LIMIT_QUESTIONS_UID; i++)
		ask(&asker[i], UID);
	assert_int_equal(try_ask(&asker[i], UID), REASON_QUESTIONS);
	settle();	/* one that was given waits for its answer, too */
	assert_int_equal(try_ask(&asker[i], UID), REASON_QUESTIONS);
	ask(&asker[i + 1], OTHER);
	assert_int_equal(answer(0, asker[0].id, false), ST_OK);
	ask(&asker[i], UID);
	approver_cancel(a, asker[1].id);
	ask(&asker[i + 2], UID);
	assert_int_equal(try_ask(&asker[i + 3], UID), REASON_QUESTIONS);
}

static void
questions_of_root_are_not_counted(void **state)
{
	(void)state;
	next(0);
	for (size_t i = 0; i <= LIMIT_QUESTIONS_UID; i++)
		ask(&asker[i], 0);
}

static void
without_a_limit_nothing_is_counted(void **state)
{
	(void)state;
	begin(LIMIT_QUESTION_MS, 0, NULL);
	next(0);
	for (size_t i = 0; i <= LIMIT_QUESTIONS_UID; i++)
		ask(&asker[i], UID);
}

static void
uids_have_turns_however_many_questions_they_have(void **state)
{
	static const size_t order[] = { 0, 4, 5, 1, 2, 3 };
	static const uint32_t uids[] = { UID, UID, UID, UID, OTHER, 1002 };

	(void)state;
	next(0);
	for (size_t i = 0; i < 6; i++)
		ask(&asker[i], uids[i]);
	settle();
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(chair[0].id, asker[order[i]].id);
		assert_int_equal(answer(0, chair[0].id, true), ST_OK);
		next(0);
	}
	assert_int_equal(chair[0].n, 6);
}

/* Others have their turn before the second of one uid. */
static void
one_who_comes_later_does_not_wait_for_all(void **state)
{
	static const size_t order[] = { 0, 1, 3, 2 };

	(void)state;
	next(0);
	for (size_t i = 0; i < 3; i++)
		ask(&asker[i], UID);
	settle();
	ask(&asker[3], OTHER);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(chair[0].id, asker[order[i]].id);
		next(0);
	}
}

/* Nor do those who were there wait for one who asks again and again. */
static void
asking_again_is_another_turn(void **state)
{
	static const size_t order[] = { 0, 1, 4, 2, 5, 3, 6 };
	size_t asked = 4;

	(void)state;
	next(0);
	for (size_t i = 0; i < 4; i++)
		ask(&asker[i], UID);
	settle();
	ask(&asker[asked++], OTHER);
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(chair[0].id, asker[order[i]].id);
		assert_int_equal(answer(0, chair[0].id, true), ST_OK);
		settle();
		if (chair[0].uid == OTHER && asked < 7)
			ask(&asker[asked++], OTHER);
		next(0);
	}
}

/* A question that holds nothing but bytes x. */
static size_t prompt_len, text_len;

static void
on_long(void *cookie, const struct approve_question *q)
{
	(void)cookie;
	prompt_len = q->prompt.len;
	text_len = q->fingerprint.len + q->comment.len + q->what.len +
	    q->host.len;
	for (size_t i = 0; i < q->prompt.len; i++)
		assert_int_equal(q->prompt.p[i], 'x');
}

static void
texts_are_kept_whole_or_cut(void **state)
{
	static uint8_t x[APPROVE_PROMPT_MAX + 1];
	struct slice most = { x, APPROVE_TEXT_MAX };
	struct slice more = { x, APPROVE_TEXT_MAX + 1 };
	struct approve_question q = { .prompt = { x, APPROVE_PROMPT_MAX },
		.fingerprint = most, .comment = most, .what = most,
		.host = most };
	struct approve_question longer = { .prompt = { x,
		APPROVE_PROMPT_MAX + 1 }, .fingerprint = more,
		.comment = more, .what = more, .host = more };

	(void)state;
	memset(x, 'x', sizeof(x));
	chair[0].seat.fn = on_long;
	for (int i = 0; i < 2; i++) {
		next(0);
		prompt_len = text_len = 0;
		assert_int_equal(approver_ask(a, i == 0 ? &q : &longer,
		    on_answer, &asker[i], &asker[i].id), REASON_NONE);
		settle();
		assert_int_equal(prompt_len, APPROVE_PROMPT_MAX);
		assert_int_equal(text_len, 4 * APPROVE_TEXT_MAX);
	}
}

/* The asker's own bytes are not needed any more. */
static void
question_is_a_copy(void **state)
{
	char prompt[] = "xxx";
	struct approve_question q = { .prompt = slice_str(prompt) };

	(void)state;
	chair[0].seat.fn = on_long;
	next(0);
	assert_int_equal(approver_ask(a, &q, on_answer, &asker[0],
	    &asker[0].id), REASON_NONE);
	memset(prompt, 'y', 3);
	settle();
	assert_int_equal(prompt_len, 3);
}

static void
no_memory_is_a_reason(void **state)
{
	const struct approver_limits limits = { 0, 0 };
	struct approver *none;

	(void)state;
	next(0);
	no_memory = true;
	assert_int_equal(try_ask(&asker[0], UID), REASON_MEMORY);
	assert_int_equal(approver_new(&none, loop, &limits, NULL), ST_NOMEM);
	assert_null(none);
	no_memory = false;
	settle();
	assert_int_equal(asker[0].answers, 0);
	approver_free(NULL);
}

/*
 * Askpass.
 */

static void
askpass_is_asked_in_place_of_seats(void **state)
{
	(void)state;
	begin(0, 0, some_askpass);
	assert_true(approver_ready(a));
	next(0);
	ask(&asker[0], UID);
	ask(&asker[1], UID);
	settle();
	assert_int_equal(helper.n, 2);
	assert_string_equal(helper.prompt, "Allow?\nReally?");
	assert_int_equal(chair[0].n, 0);
	approver_leave(&chair[0].seat);
	assert_int_equal(answer(0, asker[0].id, true), ST_NOT_FOUND);
	now_ms += INT64_C(365) * 24 * 3600 * 1000;
	settle();
	helper.fn(helper.cookie, true);
	assert_int_equal(asker[1].answers, 0);	/* only from the loop */
	settle();
	expect(&asker[1], true, REASON_NONE);
	assert_int_equal(asker[0].answers, 0);
	assert_int_equal(helper.cancelled, 0);
}

static void
no_of_askpass_is_a_reason(void **state)
{
	(void)state;
	begin(0, 0, some_askpass);
	ask(&asker[0], UID);
	helper.fn(helper.cookie, false);
	settle();
	expect(&asker[0], false, REASON_APPROVER_NO);
}

static void
askpass_is_told_what_is_taken_back(void **state)
{
	(void)state;
	begin(0, 0, some_askpass);
	ask(&asker[0], UID);
	approver_cancel(a, asker[0].id);
	assert_int_equal(helper.cancelled, 101);
	settle();
	assert_int_equal(asker[0].answers, 0);
}

static void
askpass_has_a_deadline_where_there_is_one(void **state)
{
	(void)state;
	begin(5000, 0, some_askpass);
	ask(&asker[0], UID);
	now_ms += 4999;
	settle();
	assert_int_equal(asker[0].answers, 0);
	assert_int_equal(helper.cancelled, 0);
	now_ms++;
	settle();
	expect(&asker[0], false, REASON_APPROVER_LATE);
	assert_int_equal(helper.cancelled, 101);
}

static void
askpass_that_does_not_ask_is_a_reason(void **state)
{
	static const struct {
		int		 st;
		enum reason	 why;
	} rows[] = {
		{ ST_FULL, REASON_QUESTIONS },
		{ ST_NOMEM, REASON_MEMORY },
		{ ST_CLOSED, REASON_NO_APPROVER },
		{ ST_TOO_LARGE, REASON_NO_APPROVER },
	};

	(void)state;
	begin(0, 0, some_askpass);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		helper.st = rows[i].st;
		assert_int_equal(try_ask(&asker[i], UID), rows[i].why);
	}
	settle();
	assert_int_equal(asker[0].answers, 0);
}

#define EACH(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(nobody_there_is_refused_at_once),
		EACH(one_who_waits_is_asked_and_answers),
		EACH(no_is_a_reason),
		EACH(one_of_two_is_asked),
		EACH(question_waits_for_one_who_is_ready),
		EACH(next_without_an_answer_gives_another_question),
		EACH(stranger_cannot_answer),
		EACH(question_not_given_yet_cannot_be_answered),
		EACH(second_answer_finds_no_question),
		EACH(question_of_one_who_left_goes_to_another),
		EACH(last_one_who_leaves_answers_all_by_no),
		EACH(one_who_leaves_while_waiting_is_not_asked),
		EACH(one_who_leaves_when_asked_passes_it_on),
		EACH(question_taken_back_is_not_put),
		EACH(question_taken_back_cannot_be_answered),
		EACH(answer_on_its_way_can_be_taken_back),
		EACH(callback_may_take_back_and_ask),
		EACH(end_answers_nobody),
		EACH(answer_counts_until_the_deadline_and_not_at_it),
		EACH(late_answer_is_late_whatever_comes_first),
		EACH(deadline_holds_for_what_nobody_was_given),
		EACH(without_a_deadline_there_is_all_the_time),
		EACH(eight_questions_of_a_uid_and_not_one_more),
		EACH(questions_of_root_are_not_counted),
		EACH(without_a_limit_nothing_is_counted),
		EACH(uids_have_turns_however_many_questions_they_have),
		EACH(one_who_comes_later_does_not_wait_for_all),
		EACH(asking_again_is_another_turn),
		EACH(texts_are_kept_whole_or_cut),
		EACH(question_is_a_copy),
		EACH(no_memory_is_a_reason),
		EACH(askpass_is_asked_in_place_of_seats),
		EACH(no_of_askpass_is_a_reason),
		EACH(askpass_is_told_what_is_taken_back),
		EACH(askpass_has_a_deadline_where_there_is_one),
		EACH(askpass_that_does_not_ask_is_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
