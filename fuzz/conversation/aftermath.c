#include "fuzz/conversation/aftermath.h"

#include <string.h>

#include "fuzz/conversation/ask.h"
#include "fuzz/conversation/check.h"
#include "fuzz/conversation/outcome.h"
#include "fuzz/conversation/replies.h"
#include "fuzz/conversation/secrets.h"
#include "fuzz/conversation/spent.h"
#include "fuzz/conversation/tell.h"
#include "fuzz/conversation/world.h"
#include "fuzz/fuzz.h"
#include "proto/frame.h"

/* What is so if the request of such a step is not carried out. */
static struct {
	struct side	*side;		/* NULL: it is no request */
	struct ask	 ask;
	struct model_keys held;
	struct locking	 lock;
	struct model_path path;
	bool		 approves;
	uint32_t	 signatures, refusals;
	size_t		 expired;
	struct spent	 spent;
} before;

void
aftermath_remember(struct side *s, const struct ask *a)
{
	outcome_expire();
	before.side = s;
	before.ask = *a;
	before.held = world.held;
	before.lock = world.lock;
	before.path = s->path;
	before.approves = s->approves;
	before.signatures = world.signatures;
	before.refusals = world.refusals;
	before.expired = world.expired;
	spent_look(a->key, &before.spent);
}

void
aftermath_forget(void)
{
	before.side = NULL;
}

bool
aftermath_is_wanted(void)
{
	return before.side != NULL;
}

/* Its records: one of the decision at most, and one of the end.  *${any} is
 * whether there is one of the decision, *${yes} what it says. */
static void
check_troubled_records(bool *any, bool *yes)
{
	bool end = false;

	*any = *yes = false;
	for (size_t i = 0; i < stage_n_records; i++) {
		const struct audit_record *rec = &stage_records[i];
		struct side *s = check_record(rec);

		if (s == NULL)
			continue;
		assert(s == before.side && !end);
		if (rec->op == AUDIT_CONNECT) {
			assert(rec->verdict == AUDIT_DENIED);
			end = true;
			continue;
		}
		assert(!*any && rec->op == before.ask.op);
		*any = true;
		*yes = rec->verdict == AUDIT_ALLOWED;
	}
	stage_n_records = 0;
}

/* Its reply, false: there is none; *${refused} is what it says. */
static bool
check_troubled_reply(struct side *s, bool *refused, bool *end)
{
	struct slice got, body;
	int st;

	*refused = false;
	*end = check_receive(s->fd, &got);
	secrets_check(got.p, got.len);
	st = frame_next(&got, &body);
	if (st != ST_OK) {
		/* A part of it may have left before the end. */
		assert(got.len == 0 || *end);
		return false;
	}
	assert(got.len == 0);
	*refused = replies_is_refusal(before.ask.kind, body);
	tell("  %d gets %u\n", (int)(s - world.sides), body.p[0]);
	if (*refused)
		return true;
	/* What is served is served rightly. */
	assert(s->n_replies == 1);
	replies_check(s, &s->replies[0], body);
	return true;
}

/* The request was not carried out, where the model would have (${would}), or
 * would not either: all is as before. */
static void
take_back(struct side *s, bool would)
{
	world.held = before.held;
	world.expired = before.expired;
	world.signatures = before.signatures;
	/* A wrong passphrase was seen to be wrong, or not looked at. */
	if (would || stage_agent.lock.failures == before.lock.failures)
		world.lock = before.lock;
	assert(stage_agent.lock.failures == world.lock.failures);
	if (before.ask.kind == ASK_SIGN)
		spent_follow(before.ask.key, &before.spent);
	s->busy = IDLE;
	s->approves = before.approves;
	if (would && ask_kinds[before.ask.kind].op == AUDIT_LOAD)
		outcome_load_over(s);
	if (would && before.ask.kind == ASK_BIND) {
		/* The way must not look shorter than it is. */
		s->path = before.path;
		s->path.tried = s->path.gap = true;
	}
}

void
aftermath_check(void)
{
	struct side *s = before.side;
	bool noted, yes, came, refused, end, done, would;

	would = s->n_notes > 0 ? !s->notes[0].denied :
	    s->n_replies > 0 && !s->replies[0].refused;
	check_troubled_records(&noted, &yes);
	came = check_troubled_reply(s, &refused, &end);
	if (came && refused)
		assert(noted && !yes);
	else if (came)
		assert(noted == (s->n_notes > 0) && noted == yes);
	else if (!end)
		assert(s->busy != IDLE && noted == (s->busy == HOLDING));
	assert(end || !s->closing);
	done = came ? !refused : yes;
	assert(would || !done);
	if (!done && (came || end))
		take_back(s, would);
	world.refusals = before.refusals + (noted && !yes);
	s->n_notes = s->n_replies = 0;
	/* What is known of a bind that was refused in any case is not whether
	 * it was seen to be a good one. */
	if (end || (before.ask.kind == ASK_BIND && !would))
		outcome_leave(s);
	for (size_t i = 0; i < CONNS; i++)
		assert(world.sides[i].n_notes == 0);
	check_sides();
	check_held();
	/* A connection that we left is gone. */
	stage_run();
	assert(stage_n_records == 0);
}

bool
aftermath_stands_alone(const struct side *s, const struct ask *a)
{
	for (size_t i = 0; i < CONNS; i++)
		if (world.sides[i].busy != IDLE && (s == &world.sides[i] ||
		    s->approves || a->kind == ASK_SIGN ||
		    a->kind == ASK_NEXT || a->kind == ASK_ANSWER))
			return false;
	return true;
}
