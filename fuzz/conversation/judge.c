#include "fuzz/conversation/judge.h"

#include <string.h>

#include "fuzz/conversation/ask.h"
#include "fuzz/conversation/judgeload.h"
#include "fuzz/conversation/keys.h"
#include "fuzz/conversation/outcome.h"
#include "fuzz/conversation/world.h"
#include "fuzz/fuzz.h"
#include "proto/agent_num.h"

/* In service mode, where a connection leads to, what is listed is what logs in
 * there as somebody. */
static void
check_listed(const struct side *s, const struct model_place *at)
{
	const struct model_bind *last;
	struct model_data d = { .kind = MODEL_LOGIN, .own = true };
	bool can;

	if (!world.options.service || s->path.n == 0)
		return;
	last = &s->path.at[s->path.n - 1];
	if (last->forwarding)
		return;
	for (size_t i = 0; i < world.held.n; i++) {
		can = false;
		for (uint8_t user = 0; user < MODEL_USERS; user++) {
			d.login = (struct model_login){ user, last->session,
				last->host };
			can = can || model_may_sign(&world.held.at[i], at, &d);
		}
		assert(can == model_listed(&world.held.at[i], at));
	}
}

static void
judge_list(struct side *s, const struct ask *a)
{
	struct model_place at = world_place(s);
	struct expected *e;

	if (!world_may(s, MODEL_LIST)) {
		outcome_refuse(s, a);
		return;
	}
	e = outcome_expect(s, a);
	outcome_note(s, a->op, false);
	check_listed(s, &at);
	for (size_t i = 0; !world.lock.locked && i < world.held.n; i++)
		if (model_listed(&world.held.at[i], &at))
			e->list.at[e->list.n++] = world.held.at[i];
}

bool
judge_has_approver(void)
{
	for (size_t i = 0; i < CONNS; i++)
		if (world.sides[i].approves)
			return true;
	return false;
}

/* Questions of a peer that wait. */
static size_t
questions_of(unsigned peer)
{
	size_t n = 0;

	for (size_t i = 0; i < CONNS; i++)
		n += world.sides[i].busy == ASKING &&
		    world.sides[i].peer == peer;
	return n;
}

/* Sign, and count it. */
static void
signs(struct side *s, const struct ask *a, struct model_key *k)
{
	struct noted *note;

	(void)outcome_expect(s, a);
	outcome_note(s, a->op, false);
	note = &s->notes[s->n_notes - 1];
	note->signature = true;
	note->key = a->key;
	note->comment = k->comment;
	note->what = ask_meaning(a);
	note->peer = s->peer;
	note->path = s->path;
	k->signatures++;
	world.signatures++;
}

static void
judge_sign(struct side *s, const struct ask *a)
{
	struct model_place at = world_place(s);
	struct model_key *k = model_find(&world.held, a->key);
	struct model_data d = ask_meaning(a);

	if (!world_may(s, MODEL_SIGN) || world.lock.locked || k == NULL ||
	    keys_algorithm(a->key, a->flags) == NULL ||
	    !model_may_sign(k, &at, &d)) {
		outcome_refuse(s, a);
	} else if (!k->confirm) {
		if (model_spend(k, stage_now_ms()))
			signs(s, a, k);
		else
			outcome_refuse(s, a);
	} else if (!judge_has_approver() || (model_peers[s->peer].uid != 0 &&
	    questions_of(s->peer) >= world.options.questions_uid)) {
		outcome_refuse(s, a);
	} else {
		s->busy = ASKING;
		s->asked = *a;
		s->serial = k->serial;
		s->question = 0;
		s->given_to = NULL;
		s->until_ms = world.options.question_ms == 0 ? MODEL_NEVER :
		    stage_now_ms() + (int64_t)world.options.question_ms;
	}
}

void
judge_answer_of(struct side *s, bool yes)
{
	struct model_place at = world_place(s);
	struct model_key *k;

	outcome_expire();
	k = model_find(&world.held, s->asked.key);
	s->busy = IDLE;
	s->question = 0;
	s->given_to = NULL;
	if (yes && world_may(s, MODEL_SIGN) && !world.lock.locked &&
	    k != NULL && k->serial == s->serial && model_for_peer(k, &at) &&
	    model_spend(k, stage_now_ms()))
		signs(s, &s->asked, k);
	else
		outcome_refuse(s, &s->asked);
}

static void
judge_add(struct side *s, const struct ask *a)
{
	struct model_place at = world_place(s);
	const struct model_key *old = model_find(&world.held, a->key);
	struct model_key k;

	if (!world_may(s, MODEL_ADD) || model_far(&at) || world.lock.locked ||
	    !a->good || (old != NULL && !model_visible(old, &at))) {
		outcome_refuse(s, a);
		return;
	}
	k = outcome_added(a);
	model_put(&world.held, &k);
	outcome_succeed(s, a);
}

static void
judge_remove(struct side *s, const struct ask *a)
{
	struct model_place at = world_place(s);
	struct model_key *k = model_find(&world.held, a->key);

	if (!world_may(s, MODEL_REMOVE) || model_far(&at) ||
	    world.lock.locked ||
	    (a->kind == ASK_REMOVE && (k == NULL || !model_visible(k, &at)))) {
		outcome_refuse(s, a);
		return;
	}
	if (a->kind == ASK_REMOVE)
		model_drop(&world.held, k);
	for (size_t i = world.held.n; a->kind == ASK_REMOVE_ALL && i-- > 0;)
		if (model_for_peer(&world.held.at[i], &at))
			model_drop(&world.held, &world.held.at[i]);
	outcome_succeed(s, a);
}

static void
judge_lock(struct side *s, const struct ask *a)
{
	struct model_place at = world_place(s);

	if (!world_may(s, MODEL_LOCK) || model_far(&at) || world.lock.locked ||
	    a->passphrase == 0) {
		outcome_refuse(s, a);
		return;
	}
	memset(&world.lock, 0, sizeof(world.lock));
	world.lock.locked = true;
	world.lock.passphrase = a->passphrase;
	outcome_succeed(s, a);
}

static void
judge_unlock(struct side *s, const struct ask *a)
{
	struct model_place at = world_place(s);
	int64_t now = stage_now_ms();

	if (!world_may(s, MODEL_LOCK) || model_far(&at) || !world.lock.locked ||
	    a->passphrase == 0) {
		outcome_refuse(s, a);
		return;
	}
	if (now >= world.lock.busy_ms &&
	    a->passphrase == world.lock.passphrase) {
		memset(&world.lock, 0, sizeof(world.lock));
		outcome_succeed(s, a);
		return;
	}
	if (now >= world.lock.busy_ms) {
		if (world.lock.failures < 100)
			world.lock.failures++;
		world.lock.busy_ms = now + 100 * (int64_t)world.lock.failures;
	}
	/* The record is made now, the reply comes later. */
	outcome_note(s, a->op, true);
	world.refusals++;
	s->asked = *a;
	s->busy = HOLDING;
	s->until_ms = world.lock.busy_ms;
}

static void
judge_bind(struct side *s, const struct ask *a)
{
	s->path.tried = true;
	if (a->good && !a->too_long && a->forged)
		s->path.gap = true;
	if (!a->good || a->too_long || a->forged ||
	    model_bind(&s->path, &a->bind) != MODEL_BOUND)
		outcome_refuse_extension(s, a);
	else
		outcome_succeed(s, a);
}

static void
judge_query(struct side *s, const struct ask *a)
{
	if (world.lock.locked) {
		outcome_refuse(s, a);
		return;
	}
	outcome_expect(s, a)->names = !world_may(s, MODEL_ADMIN) ? 1 :
	    world.options.service ? 5 : 4;
	outcome_note(s, a->op, false);
}

/* Status and explain. */
static void
judge_report(struct side *s, const struct ask *a)
{
	struct model_place at = world_place(s);
	struct expected *e;

	if (!world_may(s, MODEL_ADMIN) || model_untold(&at)) {
		outcome_refuse(s, a);
		return;
	}
	if (!a->good) {
		outcome_refuse_extension(s, a);
		return;
	}
	e = outcome_expect(s, a);
	e->keys = (uint32_t)world.held.n;
	e->signatures = world.signatures;
	e->refusals = world.refusals;
	e->ask.yes = world.lock.locked;
	outcome_note(s, a->op, false);
}

static void
judge_approve(struct side *s, const struct ask *a)
{
	struct model_place at = world_place(s);
	struct side *asker = NULL;

	if (!world_may(s, MODEL_ADMIN) || !world.options.service ||
	    model_far(&at)) {
		outcome_refuse(s, a);
		return;
	}
	if (a->kind == ASK_NEXT) {
		s->asked = *a;
		s->busy = NEXT;
		s->approves = true;
		s->ready_since = ++world.ready_count;
		return;
	}
	for (size_t i = 0; i < CONNS; i++)
		if (world.sides[i].busy == ASKING &&
		    world.sides[i].given_to == s &&
		    world.sides[i].question == a->id)
			asker = &world.sides[i];
	if (asker == NULL) {
		outcome_refuse_extension(s, a);
		return;
	}
	outcome_succeed(s, a);
	judge_answer_of(asker, a->yes);
}

void
judge_serve(struct side *s, const struct ask *a)
{
	typedef void judge_fn(struct side *, const struct ask *);
	static judge_fn *const by_kind[ASKS] = {
	    judge_list,
	    judge_sign,
	    judge_add,
	    judge_bind,
	    judge_remove,
	    judge_remove,
	    judge_lock,
	    judge_unlock,
	    judge_query,
	    judge_report,
	    judge_report,
	    judge_approve,
	    judge_approve,
	    judgeload_serve,
	    judgeload_serve,
	    judgeload_serve,
	    judgeload_serve,
	    judgeload_serve,
	    outcome_refuse,
	    outcome_refuse,
	    outcome_refuse,
	};

	outcome_expire();
	if (a->kind == ASK_UNFRAMED)
		outcome_throw_out(s);
	else
		by_kind[a->kind](s, a);
}
