#include "fuzz/conversation/answering.h"

#include "fuzz/conversation/ask.h"
#include "fuzz/conversation/check.h"
#include "fuzz/conversation/judge.h"
#include "fuzz/conversation/outcome.h"
#include "fuzz/conversation/replies.h"
#include "fuzz/conversation/secrets.h"
#include "fuzz/conversation/spent.h"
#include "fuzz/conversation/tell.h"
#include "fuzz/conversation/world.h"
#include "fuzz/fuzz.h"
#include "proto/frame.h"

/* What is so without the request. */
static struct {
	struct side	*side;		/* whose it is; NULL: none of this */
	struct side	*asker, *approver;
	struct model_keys held;
	uint32_t	 signatures, refusals;
	size_t		 expired;
	uint32_t	 question;
	struct spent	 spent;
} before;

/* What was seen of one of them. */
struct seen {
	bool	 noted, yes;	/* there is a record, and it says so */
	bool	 came, refused;	/* a reply, and it says so */
	bool	 end;
};

/* Who has asked what ${a} answers; NULL: nobody. */
static struct side *
asker_of(const struct side *s, const struct ask *a)
{
	for (size_t i = 0; i < CONNS; i++)
		if (world.sides[i].busy == ASKING &&
		    world.sides[i].given_to == s &&
		    world.sides[i].question == a->id)
			return &world.sides[i];
	return NULL;
}

/* Who waits to be asked what ${a} would ask; NULL: nobody. */
static struct side *
approver_of(const struct side *s, const struct ask *a)
{
	const struct model_key *k = model_find(&world.held, a->key);

	if (s->approves || k == NULL || !k->confirm)
		return NULL;
	for (size_t i = 0; i < CONNS; i++)
		if (world.sides[i].busy == NEXT)
			return &world.sides[i];
	return NULL;
}

/* The other one of the two; NULL: there is none. */
static struct side *
other_of(const struct side *s, const struct ask *a)
{
	return a->kind == ASK_ANSWER ? asker_of(s, a) :
	    a->kind == ASK_SIGN ? approver_of(s, a) : NULL;
}

bool
answering_stands_alone(const struct side *s, const struct ask *a)
{
	const struct side *other = other_of(s, a);

	if (other == NULL || other == s || other->n_queue > 0 || other->ended)
		return false;
	for (size_t i = 0; i < CONNS; i++)
		if (world.sides[i].busy != IDLE && &world.sides[i] != other)
			return false;
	return true;
}

void
answering_remember(struct side *s, const struct ask *a)
{
	struct side *other = other_of(s, a);

	outcome_expire();
	before.side = s;
	before.asker = a->kind == ASK_ANSWER ? other : s;
	before.approver = a->kind == ASK_ANSWER ? s : other;
	before.held = world.held;
	before.signatures = world.signatures;
	before.refusals = world.refusals;
	before.expired = world.expired;
	before.question = before.asker->question;
	spent_look(a->kind == ASK_ANSWER ? other->asked.key : a->key,
	    &before.spent);
}

void
answering_forget(void)
{
	before.side = NULL;
}

bool
answering_is_wanted(void)
{
	return before.side != NULL;
}

/* Their records: one of a decision at most for each, and one of the end. */
static void
see_records(struct seen *approver, struct seen *asker)
{
	struct seen *seen;

	for (size_t i = 0; i < stage_n_records; i++) {
		const struct audit_record *rec = &stage_records[i];
		const struct side *s = check_record(rec);

		if (s == NULL)
			continue;
		assert(s == before.approver || s == before.asker);
		seen = s == before.approver ? approver : asker;
		if (rec->op == AUDIT_CONNECT) {
			assert(rec->verdict == AUDIT_DENIED && !seen->end);
			seen->end = true;
			continue;
		}
		assert(!seen->noted && !seen->end);
		assert(rec->op == (s == before.approver ? AUDIT_APPROVE :
		    AUDIT_SIGN));
		seen->noted = true;
		seen->yes = rec->verdict == AUDIT_ALLOWED;
	}
	stage_n_records = 0;
}

/* The reply to one of them, which is served rightly if it is. */
static void
see_reply(struct side *s, enum kind kind, struct seen *seen)
{
	struct slice got, body;

	seen->end = check_receive(s->fd, &got);
	secrets_check(got.p, got.len);
	if (frame_next(&got, &body) != ST_OK) {
		assert(got.len == 0 || seen->end);
		return;
	}
	assert(got.len == 0);
	seen->came = true;
	seen->refused = replies_is_refusal(kind, body);
	tell("  %d gets %u\n", (int)(s - world.sides), body.p[0]);
	/* A question that is put has no record. */
	assert(kind == ASK_NEXT ? !seen->noted && !seen->refused :
	    seen->noted && seen->yes == !seen->refused);
	if (seen->refused)
		return;
	assert(s->n_replies == 1);
	replies_check(s, &s->replies[0], body);
}

/* Nobody has answered yet. */
static void
take_back(void)
{
	struct side *asker = before.asker;

	world.held = before.held;
	world.signatures = before.signatures;
	world.refusals = before.refusals;
	world.expired = before.expired;
	asker->busy = ASKING;
	asker->question = before.question;
	asker->given_to = before.approver;
}

/* The question is decided: a signature was made, which the model would make as
 * well (${would}), or not. */
static void
settle_question(const struct seen *seen, bool would)
{
	struct side *asker = before.asker;
	struct model_key *k = model_find(&world.held, asker->asked.key);
	bool spent;

	asker->busy = IDLE;
	asker->question = 0;
	asker->given_to = NULL;
	assert(seen->came || seen->end);
	if (!seen->yes) {
		world.refusals += seen->noted;
		spent_follow(asker->asked.key, &before.spent);
		return;
	}
	assert(would && k != NULL);
	spent = model_spend(k, stage_now_ms());
	assert(spent);
	k->signatures++;
	world.signatures++;
}

/* What came of an answer. */
static void
check_answer(void)
{
	struct side *s = before.side, *asker = before.asker;
	struct seen answer = { 0 }, question = { 0 };
	bool would = asker->n_notes > 0 && !asker->notes[0].denied, done;

	see_records(&answer, &question);
	see_reply(s, ASK_ANSWER, &answer);
	see_reply(asker, ASK_SIGN, &question);
	assert(answer.came || answer.end);
	take_back();
	world.refusals += answer.noted && !answer.yes;
	done = answer.noted && answer.yes;
	if (answer.end)
		outcome_leave(s);
	if (done || !judge_has_approver())
		settle_question(&question, would && done);
	else
		assert(!question.noted && !question.came && !question.end);
	if (question.end)
		outcome_leave(asker);
}

/* What came of a question. */
static void
check_question(void)
{
	struct side *s = before.side, *approver = before.approver;
	struct seen question = { 0 }, next = { 0 };
	bool would = s->busy == ASKING;

	see_records(&next, &question);
	see_reply(s, ASK_SIGN, &question);
	see_reply(approver, ASK_NEXT, &next);
	world.refusals = before.refusals + question.noted;
	assert(!question.yes);
	if (!next.came && !next.end)
		approver->busy = NEXT;
	if (next.end)
		outcome_leave(approver);
	if (question.end) {
		outcome_leave(s);
	} else if (question.came) {
		/* Nobody was asked, or nobody is there any more. */
		assert(!next.came || next.end);
		s->busy = IDLE;
		s->question = 0;
		s->given_to = NULL;
	} else {
		assert(would && !question.noted);
		assert(next.came || next.end);
		assert(judge_has_approver());
	}
}

void
answering_check(void)
{
	if (before.side == before.approver)
		check_answer();
	else
		check_question();
	before.asker->n_notes = before.asker->n_replies = 0;
	before.approver->n_notes = before.approver->n_replies = 0;
	check_sides();
	check_held();
	/* A connection that we left is gone. */
	stage_run();
	assert(stage_n_records == 0);
}
