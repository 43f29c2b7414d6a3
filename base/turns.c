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

/* How long nobody looks whether what is done beside the others still is. */
#define HOLD_MS		2

static int on_turn(void *cookie);
static int on_again(void *cookie);

void
turns_init(struct turns *ts, struct loop *loop, turns_beside_fn *beside,
    void *cookie)
{
	*ts = (struct turns){ .loop = loop, .beside = beside,
		.beside_cookie = cookie };
	ts->later = (struct loop_later){ .fn = on_turn, .cookie = ts };
	ts->again = (struct loop_timer){ .fn = on_again, .cookie = ts };
}

void
turns_fini(struct turns *ts)
{
	if (ts->loop != NULL) {
		loop_later_del(ts->loop, &ts->later);
		loop_timer_del(ts->loop, &ts->again);
	}
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
turns_leave(struct turns *ts, struct share *share)
{
	ts->away++;
	share->away++;
}

void
turns_return(struct turns *ts, struct share *share)
{
	assert(share->away > 0);
	ts->away--;
	share->away--;
	if (ts->shares != NULL)
		loop_later_set(ts->loop, &ts->later);
}

void
turns_forget(struct turns *ts, struct share *share)
{
	assert(share->first == NULL && share->away == 0);
	if (ts->running == share)
		ts->running = NULL;
}

/* Whether the turns of a share leave a line. */
static bool
is_backlogged(const struct share *s)
{
	return s->backlogged || s->patient;
}

/* Whether a share has to leave the processor to the n others. */
static bool
is_held(const struct share *s, struct share *const *others, size_t n)
{
	size_t i = 0;

	while (i < n && others[i] == s)
		i++;
	return i < n && is_backlogged(s);
}

/* The share that is furthest behind; of those that are so alike, the one that
 * has waited longest, which is the last of the list.  Not one that is held up;
 * NULL when no share is left. */
static struct share *
pick(const struct turns *ts, struct share *const *others, size_t n)
{
	struct share *s, *best = NULL;

	for (s = ts->shares; s != NULL; s = s->next)
		if (!is_held(s, others, n) && (best == NULL ||
		    s->virtual_ns <= best->virtual_ns))
			best = s;
	return best;
}

/* Those whose turns do not come in this pass are told so, once. */
static void
park(struct turns *ts)
{
	struct turn *t;

	while ((t = ts->fresh) != NULL) {
		clear_fresh(ts, t);
		if (t->parked != NULL)
			t->parked(t->cookie);
	}
}

/* Those with a line are held up for the n others. */
static void
hold(struct turns *ts, struct share *const *others, size_t n)
{
	ts->held_part = 1;
	for (size_t i = 0; i < n; i++)
		if (others[i]->away == 1 && !others[i]->listed)
			ts->held_part = TURNS_BRIEF;
	ts->holding = true;
	ts->held_ns = clock_ns();
	loop_timer_set(ts->loop, &ts->again, loop_now(ts->loop) + HOLD_MS);
}

/* See what is owed for that. */
static void
settle(struct turns *ts)
{
	if (!ts->holding)
		return;
	ts->holding = false;
	ts->owed_ns += (clock_ns() - ts->held_ns) / ts->held_part;
	loop_timer_del(ts->loop, &ts->again);
}

/* Let a share have its turn. */
static int
run(struct turns *ts, struct share *s)
{
	/* While another thread came in between, it was not given anything. */
	bool owed = ts->owed_ns > 0 && is_backlogged(s);
	int64_t start, took, start_cpu = owed ? clock_cpu_ns() : 0;
	struct turn *t = s->first;
	int st;

	ts->virtual_ns = s->virtual_ns;
	ts->running = s;
	turns_cancel(ts, t);
	start = clock_ns();
	st = t->fn(t->cookie);
	if (ts->running != NULL) {
		took = clock_ns() - start;
		s->virtual_ns += s->listed ? took : took / TURNS_BRIEF;
		s->spent_ns += took;
		s->backlogged = s->listed;
		ts->running = NULL;
	}
	if (owed)
		ts->owed_ns -= clock_cpu_ns() - start_cpu;
	return st;
}

/* One turn, and then the loop looks around. */
static int
on_turn(void *cookie)
{
	struct share *others[TURNS_BESIDE], *s;
	struct turns *ts = cookie;
	size_t n = 0;
	int st;

	settle(ts);
	if (ts->shares == NULL)
		return ST_OK;
	if (ts->away > 0 && ts->beside != NULL && ts->owed_ns <= 0)
		n = ts->beside(ts->beside_cookie, others);
	s = pick(ts, others, 0);
	if (is_held(s, others, n)) {
		hold(ts, others, n);
		s = pick(ts, others, n);
	}
	st = s != NULL ? run(ts, s) : ST_OK;
	park(ts);
	/* Nobody's turn: until something happens. */
	if (s == NULL)
		return ST_OK;
	if (ts->shares != NULL)
		loop_later_set(ts->loop, &ts->later);
	return st;
}

/* It has been long enough. */
static int
on_again(void *cookie)
{
	struct turns *ts = cookie;

	loop_later_set(ts->loop, &ts->later);
	return ST_OK;
}
