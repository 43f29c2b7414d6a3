#include "fuzz/conversation/outcome.h"

#include <unistd.h>

#include "agent/auditline.h"
#include "fuzz/conversation/ask.h"
#include "fuzz/conversation/tell.h"
#include "fuzz/conversation/why.h"
#include "fuzz/conversation/world.h"
#include "fuzz/fuzz.h"
#include "keys/seal.h"
#include "proto/agent_num.h"

void
outcome_note(struct side *s, enum audit_op op, bool denied)
{
	tell("    note %d op %s %s\n", (int)(s - world.sides),
	    auditline_op_name(op), denied ? "denied" : "allowed");
	assert(s->n_notes < 2 * WAITING_MAX);
	s->notes[s->n_notes++] = (struct noted){ .op = op, .denied = denied };
}

struct expected *
outcome_expect(struct side *s, const struct ask *a)
{
	struct expected *e = &s->replies[s->n_replies++];

	assert(s->n_replies <= WAITING_MAX);
	*e = (struct expected){ .kind = a->kind, .ask = *a };
	tell(
	    "    reply %d to %s\n", (int)(s - world.sides), ask_names[a->kind]);
	return e;
}

/* It is refused, with a code. */
static void
refuse_with(struct side *s, const struct ask *a, uint8_t code)
{
	outcome_expect(s, a)->code = code;
	outcome_note(s, a->op, true);
	s->notes[s->n_notes - 1].reason = why_refused(s, a, a == &s->asked);
	world.refusals++;
}

void
outcome_refuse(struct side *s, const struct ask *a)
{
	refuse_with(s, a, SSH_AGENT_FAILURE);
}

void
outcome_refuse_extension(struct side *s, const struct ask *a)
{
	refuse_with(s, a, SSH_AGENT_EXTENSION_FAILURE);
}

void
outcome_succeed(struct side *s, const struct ask *a)
{
	outcome_expect(s, a)->code = SSH_AGENT_SUCCESS;
	outcome_note(s, a->op, false);
}

void
outcome_expire(void)
{
	for (size_t i = world.held.n; i-- > 0;) {
		if (world.held.at[i].expires_ms > stage_now_ms())
			continue;
		model_drop(&world.held, &world.held.at[i]);
		world.expired++;
	}
}

void
outcome_load_over(struct side *s)
{
	sealer_free(s->sealer);
	s->sealer = NULL;
	s->stage = STAGE_NONE;
	s->head_len = 0;
}

void
outcome_side_over(struct side *s)
{
	tell("    over %d\n", (int)(s - world.sides));
	s->closing = true;
	s->n_queue = 0;
	s->busy = IDLE;
	s->rest_len = 0;
	s->approves = false;
	s->question = 0;
	s->given_to = NULL;
	outcome_load_over(s);
	for (size_t i = 0; i < CONNS; i++) {
		if (world.sides[i].given_to != s)
			continue;
		world.sides[i].given_to = NULL;
		world.sides[i].question = 0;
	}
}

void
outcome_throw_out(struct side *s)
{
	outcome_note(s, AUDIT_CONNECT, true);
	outcome_side_over(s);
}

void
outcome_leave(struct side *s)
{
	(void)close(s->fd);
	outcome_side_over(s);
	s->fd = -1;
}

struct model_key
outcome_added(const struct ask *a)
{
	struct model_key k = a->add;
	int lifetime_s = a->lifetime_s;

	if (lifetime_s < 0 && world.options.default_lifetime_s > 0)
		lifetime_s = (int)world.options.default_lifetime_s;
	k.expires_ms = lifetime_s < 0 ? MODEL_NEVER :
	    stage_now_ms() + (int64_t)lifetime_s * 1000;
	k.serial = ++world.serial;
	return k;
}
