#include "fuzz/conversation/turns.h"

#include <string.h>

#include "fuzz/conversation/judge.h"
#include "fuzz/conversation/outcome.h"
#include "fuzz/conversation/world.h"
#include "proto/agent_num.h"

bool
turns_serve(struct side *s)
{
	bool any = false;
	struct ask a;

	while (s->fd >= 0 && !s->closing && s->busy == IDLE && s->n_queue > 0) {
		a = s->queue[0];
		memmove(&s->queue[0], &s->queue[1],
		    --s->n_queue * sizeof(s->queue[0]));
		judge_serve(s, &a);
		any = true;
	}
	if (s->fd >= 0 && s->ended && s->busy == IDLE && !s->closing) {
		outcome_side_over(s);
		any = true;
	}
	return any;
}

/* Of those that wait for a question, the one that has waited longest. */
static struct side *
next_approver(void)
{
	struct side *first = NULL;

	for (size_t i = 0; i < CONNS; i++)
		if (world.sides[i].busy == NEXT && (first == NULL ||
		    world.sides[i].ready_since < first->ready_since))
			first = &world.sides[i];
	return first;
}

bool
turns_hand_out(void)
{
	bool any = false;
	struct side *s;
	size_t open = 0;

	for (size_t i = 0; i < CONNS; i++) {
		s = &world.sides[i];
		if (s->busy == ASKING && !judge_has_approver()) {
			judge_answer_of(s, false);
			any = true;
		}
		open += s->busy == ASKING && s->question == 0;
	}
	for (; open > world.handed && (s = next_approver()) != NULL;
	    world.handed++) {
		s->busy = IDLE;
		(void)outcome_expect(s, &s->asked);
		any = true;
	}
	return any;
}

void
turns_due(void)
{
	int64_t now = stage_now_ms();

	outcome_expire();
	for (size_t i = 0; i < CONNS; i++) {
		struct side *s = &world.sides[i];

		if (s->fd < 0 || s->closing)
			continue;
		if (s->rest_len > 0 && now >= s->begun_ms + 10000) {
			outcome_throw_out(s);
		} else if (s->busy == HOLDING && now >= s->until_ms) {
			s->busy = IDLE;
			outcome_expect(s, &s->asked)->code = SSH_AGENT_FAILURE;
		} else if (s->busy == ASKING && now >= s->until_ms) {
			judge_answer_of(s, false);
		}
	}
}
