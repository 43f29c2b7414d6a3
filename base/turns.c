/*
 * Start-time fair queueing, as in workers.c: each share has a virtual time,
 * which its turns move on; the share that is furthest behind is next.  One that
 * comes back starts where the last one that was picked stood, so nobody saves
 * time up by being idle.  Whose line is empty after a turn is charged for a
 * part of it; not for nothing, or two who take care to come back in time would
 * keep a third, who is behind, from ever having a turn.
 */
#include "base/turns.h"

#include <assert.h>

#include "base/clock.h"

static int on_turn(void *cookie);

void
turns_init(struct turns *ts, struct loop *loop)
{
	*ts = (struct turns){ .loop = loop };
	ts->later = (struct loop_later){ .fn = on_turn, .cookie = ts };
}

void
turns_fini(struct turns *ts)
{
	if (ts->loop != NULL)
		loop_later_del(ts->loop, &ts->later);
	ts->loop = NULL;
}

/* Put a share among those with a line, or take it out. */
static void
list_share(struct turns *ts, struct share *s)
{
	s->prev = NULL;
	s->next = ts->shares;
	if (s->next != NULL)
		s->next->prev = s;
	ts->shares = s;
	s->listed = true;
}

static void
unlist_share(struct turns *ts, struct share *s)
{
	if (s->next != NULL)
		s->next->prev = s->prev;
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		ts->shares = s->next;
	s->listed = false;
}

/* Note that a turn was not put off yet, or that it need not be any more. */
static void
set_fresh(struct turns *ts, struct turn *t)
{
	t->fresh_prev = NULL;
	t->fresh_next = ts->fresh;
	if (t->fresh_next != NULL)
		t->fresh_next->fresh_prev = t;
	ts->fresh = t;
	t->fresh = true;
}

static void
clear_fresh(struct turns *ts, struct turn *t)
{
	if (!t->fresh)
		return;
	if (t->fresh_next != NULL)
		t->fresh_next->fresh_prev = t->fresh_prev;
	if (t->fresh_prev != NULL)
		t->fresh_prev->fresh_next = t->fresh_next;
	else
		ts->fresh = t->fresh_next;
	t->fresh = false;
}

void
turns_wait(struct turns *ts, struct turn *t)
{
	struct share *s = t->share;

	if (t->waiting)
		return;
	t->waiting = true;
	t->next = NULL;
	t->prev = s->last;
	if (t->prev != NULL)
		t->prev->next = t;
	else
		s->first = t;
	s->last = t;
	set_fresh(ts, t);
	if (!s->listed) {
		if (s != ts->running && s->virtual_ns < ts->virtual_ns)
			s->virtual_ns = ts->virtual_ns;
		list_share(ts, s);
	}
	loop_later_set(ts->loop, &ts->later);
}

void
turns_cancel(struct turns *ts, struct turn *t)
{
	struct share *s = t->share;

	if (!t->waiting)
		return;
	t->waiting = false;
	clear_fresh(ts, t);
	if (t->next != NULL)
		t->next->prev = t->prev;
	else
		s->last = t->prev;
	if (t->prev != NULL)
		t->prev->next = t->next;
	else
		s->first = t->next;
	if (s->first == NULL)
		unlist_share(ts, s);
}

void
turns_forget(struct turns *ts, struct share *share)
{
	assert(share->first == NULL);
	if (ts->running == share)
		ts->running = NULL;
}

/* The share that is furthest behind; of those that are so alike, the one that
 * has waited longest, which is the last of the list. */
static struct share *
pick(const struct turns *ts)
{
	struct share *s, *best = ts->shares;

	for (s = ts->shares; s != NULL; s = s->next)
		if (s->virtual_ns <= best->virtual_ns)
			best = s;
	return best;
}

/* One turn, and then the loop looks around. */
static int
on_turn(void *cookie)
{
	struct turns *ts = cookie;
	struct share *s = pick(ts);
	int64_t start, took;
	struct turn *t;
	int st;

	if (s == NULL)
		return ST_OK;
	t = s->first;
	ts->virtual_ns = s->virtual_ns;
	ts->running = s;
	turns_cancel(ts, t);
	start = clock_ns();
	st = t->fn(t->cookie);
	if (ts->running != NULL) {
		took = clock_ns() - start;
		s->virtual_ns += s->listed ? took : took / TURNS_BRIEF;
		s->spent_ns += took;
		ts->running = NULL;
	}
	while ((t = ts->fresh) != NULL) {
		clear_fresh(ts, t);
		if (t->parked != NULL)
			t->parked(t->cookie);
	}
	if (ts->shares != NULL)
		loop_later_set(ts->loop, &ts->later);
	return st;
}
