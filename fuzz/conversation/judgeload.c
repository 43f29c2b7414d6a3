#include "fuzz/conversation/judgeload.h"

#include "fuzz/conversation/ask.h"
#include "fuzz/conversation/outcome.h"
#include "fuzz/conversation/world.h"

/* A step is done, or refused with an answer. */
static void
answer(struct side *s, const struct ask *a, bool done, bool quiet)
{
	outcome_expect(s, a)->refused = !done;
	world.refusals += !done;
	if (!done || !quiet)
		outcome_note(s, a->op, !done);
}

static void
commit(struct side *s)
{
	for (size_t i = world.held.n; i-- > 0;)
		if (s->load != 0 && world.held.at[i].load == s->load &&
		    model_find(&s->staged, world.held.at[i].key) == NULL)
			model_drop(&world.held, &world.held.at[i]);
	for (size_t i = 0; i < s->staged.n; i++)
		model_put(&world.held, &s->staged.at[i]);
}

static void
judge_begin(struct side *s, const struct ask *a)
{
	outcome_load_over(s);
	answer(s, a, !world.lock.locked, true);
	if (world.lock.locked)
		return;
	s->stage = STAGE_OPEN;
	s->load = a->load;
	s->staged.n = 0;
	s->records = s->sealed = 0;
	s->lost = false;
}

static void
judge_remove_load(struct side *s, const struct ask *a)
{
	answer(s, a, !world.lock.locked, false);
	for (size_t i = world.held.n; !world.lock.locked && i-- > 0;)
		if (world.held.at[i].load != 0 &&
		    (a->load == 0 || world.held.at[i].load == a->load))
			model_drop(&world.held, &world.held.at[i]);
}

/* A record, the last one, or the commit. */
static void
judge_load_step(struct side *s, const struct ask *a)
{
	bool done = s->stage == STAGE_OPEN && a->good && !s->lost;

	if (a->kind == ASK_END)
		done = done && a->final && a->id == s->records;
	if (a->kind == ASK_COMMIT)
		done = s->stage == STAGE_ENDED;
	if (a->kind == ASK_COMMIT || (a->finish && done)) {
		done = done && !world.lock.locked;
		if (done)
			commit(s);
		answer(s, a, done, false);
		outcome_load_over(s);
		return;
	}
	answer(s, a, done, true);
	if (!done) {
		outcome_load_over(s);
	} else if (a->kind == ASK_END) {
		s->stage = STAGE_ENDED;
	} else {
		struct model_key k = outcome_added(a);

		k.load = s->load;
		model_put(&s->staged, &k);
		s->records++;
	}
}

void
judgeload_serve(struct side *s, const struct ask *a)
{
	struct model_place at = world_place(s);

	if (!world_may(s, MODEL_ADMIN) || model_far(&at)) {
		s->lost = s->lost || a->kind == ASK_RECORD ||
		    a->kind == ASK_END;
		outcome_refuse(s, a);
	} else if (a->kind == ASK_BEGIN)
		judge_begin(s, a);
	else if (a->kind == ASK_REMOVE_LOAD)
		judge_remove_load(s, a);
	else if (s->stage == STAGE_NONE)
		outcome_refuse_extension(s, a);
	else
		judge_load_step(s, a);
}
