#include "fuzz/conversation/world.h"

#include <string.h>

struct world world;

void
world_begin(const struct stage_options *options)
{
	struct world *w = &world;

	w->options = *options;
	w->policy = options->policy;
	memset(&w->held, 0, sizeof(w->held));
	memset(&w->lock, 0, sizeof(w->lock));
	w->signatures = w->refusals = 0;
	w->ready_count = w->connections = w->seq = 0;
	w->unnumbered = 0;
	w->serial = 0;
	w->expired = w->expired_noted = 0;
	w->last_question = 0;
	w->flooding = w->flooded = false;
	for (size_t i = 0; i < CONNS; i++) {
		struct side *s = &w->sides[i];

		s->fd = -1;
		s->number = 0;
		s->pid = 0;
		s->busy = IDLE;
		s->approves = false;
		s->given_to = NULL;
		s->n_queue = s->n_notes = s->n_replies = 0;
	}
}

struct model_place
world_place(const struct side *s)
{
	return (struct model_place){world.options.service,
	    world.options.far_allowed, &s->path, s->peer, s->ops,
	    stage_now_ms(), stage_wall_s()};
}

bool
world_may(const struct side *s, unsigned op)
{
	return (s->ops & op) != 0;
}

bool
world_is_idle(void)
{
	for (size_t i = 0; i < CONNS; i++)
		if (world.sides[i].busy != IDLE)
			return false;
	return true;
}
