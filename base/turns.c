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

/* Nothing has happened: look again. */
static int
on_wake(void *cookie)
{
	struct turns *ts = cookie;

	loop_later_set(ts->loop, &ts->later);
	return ST_OK;
}

void
turns_init(struct turns *ts, struct loop *loop, bool (*beside)(void *cookie),
    void *cookie)
{
	*ts = (struct turns){ .loop = loop, .beside = beside,
		.cookie = cookie };
	ts->wake = (struct loop_timer){ .fn = on_wake, .cookie = ts };
	ts->later = (struct loop_later){ .fn = on_turn, .cookie = ts };
}

void
turns_fini(struct turns *ts)
{
	if (ts->loop != NULL) {
		loop_later_del(ts->loop, &ts->later);
		loop_timer_del(ts->loop, &ts->wake);
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
	ts->n_shares++;
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
	ts->n_shares--;
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
	t->passed = false;
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

/* Whether it left a line not long ago. */
static bool
had_line(const struct turns *ts, const struct share *s)
{
	return s->line_ns > ts->now_ns - TURNS_SHORT_NS;
}

/* A share has a line again.  One that waits for each answer is ahead by no more
 * than one turn of those who have a line, so that much is what it waits for.
 * Of a new one nobody knows what it did before: it does not come before
 * others. */
static void
come_back(struct turns *ts, struct share *s)
{
	int64_t most = ts->virtual_ns + ts->lead_ns;

	if (s->spent_ns == 0 ||
	    (s->virtual_ns > most && !s->owes && !had_line(ts, s)))
		s->virtual_ns = most;
	else if (s->virtual_ns < ts->virtual_ns)
		s->virtual_ns = ts->virtual_ns;
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
		if (s != ts->running)
			come_back(ts, s);
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
	if (ts->recent == share)
		ts->recent = NULL;
}

/* Whether another one had a turn lately. */
static bool
has_company(const struct turns *ts, const struct share *share)
{
	return (ts->recent == share ? ts->other_ns : ts->recent_ns) >
	    ts->now_ns - TURNS_SHORT_NS;
}

bool
turns_short(const struct turns *ts, const struct share *share)
{
	return had_line(ts, share) && has_company(ts, share);
}

int64_t
turns_began_ns(const struct turns *ts)
{
	return ts->running != NULL ? ts->now_ns : clock_ns();
}

void
turns_whole(struct turns *ts)
{
	ts->whole = true;
}

void
turns_wall(struct turns *ts)
{
	ts->wall = true;
}

/* Remember who had a turn. */
static void
note_recent(struct turns *ts, struct share *s)
{
	if (s->listed)
		s->line_ns = ts->now_ns;
	if (s->nobody)
		return;
	if (ts->recent != s)
		ts->other_ns = ts->recent_ns;
	ts->recent = s;
	ts->recent_ns = ts->now_ns;
}

/* Whether a share can wait while the thread stands back: one that always has
 * more to be done, or begins again and again. */
static bool
can_wait(const struct turns *ts, const struct share *s)
{
	return s->behind || s->owes || (s->nobody && had_line(ts, s));
}

/* The share that is furthest behind; of those that are so alike, the one that
 * has waited longest, which is the last of the list.  NULL: there is none that
 * is to be served now. */
static struct share *
pick(const struct turns *ts, bool back)
{
	struct share *s, *best = NULL;

	for (s = ts->shares; s != NULL; s = s->next)
		if (!(back && can_wait(ts, s)) && (best == NULL ||
		    s->virtual_ns <= best->virtual_ns))
			best = s;
	return best;
}

/* Whether to stand back now; and how long it was done since the last look. */
static bool
stands_back(struct turns *ts)
{
	int64_t now;
	bool beside = ts->beside != NULL && ts->beside(ts->cookie);

	if (!beside && ts->stood_back_ns == 0)
		return false;
	now = clock_ns();
	if (ts->stood_back_ns != 0)
		ts->owed_ns += (now - ts->stood_back_ns) / TURNS_OWED;
	ts->stood_back_ns = beside && ts->owed_ns <= 0 ? now : 0;
	return ts->stood_back_ns != 0;
}

/* Those that wait are not called in each pass because of that; but who has to
 * wait for one turn alone is spared two system calls. */
static void
park(struct turns *ts, bool all)
{
	struct turn *t, *next;

	for (t = ts->fresh; t != NULL; t = next) {
		next = t->fresh_next;
		if (!all && !t->passed) {
			t->passed = true;
			continue;
		}
		clear_fresh(ts, t);
		if (t->parked != NULL)
			t->parked(t->cookie);
	}
}

/* How often a turn counts that does in any case. */
static int64_t
times_whole(const struct turns *ts, const struct share *s)
{
	unsigned others = ts->n_shares - (s->listed ? 1 : 0);

	if (!s->nobody || others <= TURNS_FEW)
		return TURNS_WHOLE;
	return others < TURNS_WHOLE ? TURNS_WHOLE / others : 1;
}

/* One turn, and then the loop looks around. */
static int
on_turn(void *cookie)
{
	struct turns *ts = cookie;
	bool back = stands_back(ts);
	struct share *s = pick(ts, back);
	int64_t took, wall, cpu = 0;
	struct turn *t;
	bool company;
	int st;

	if (s == NULL && ts->shares != NULL) {
		park(ts, true);
		loop_timer_set(ts->loop, &ts->wake, loop_now(ts->loop) +
		    TURNS_BACK_MS);
	}
	if (s == NULL)
		return ST_OK;
	t = s->first;
	ts->virtual_ns = s->virtual_ns;
	ts->running = s;
	ts->whole = false;
	ts->wall = false;
	turns_cancel(ts, t);
	/* Who is answered may take the processor at once, for as long as he
	 * likes, and before a turn is over: that is not its time.  While nobody
	 * else is there it is not worth to be looked at so closely. */
	ts->now_ns = clock_ns();
	if ((company = has_company(ts, s)))
		cpu = clock_thread_ns();
	st = t->fn(t->cookie);
	wall = took = clock_ns() - ts->now_ns;
	ts->now_ns += wall;
	if (company && !ts->wall)
		took = clock_thread_ns() - cpu;
	if (ts->running != NULL) {
		s->virtual_ns += ts->whole ? times_whole(ts, s) * took :
		    s->listed ? took : took / TURNS_BRIEF;
		s->owes = ts->whole;
		if (s->listed)
			ts->lead_ns = took < TURNS_LEAD_NS ? took :
			    TURNS_LEAD_NS;
		s->spent_ns += took;
		if (can_wait(ts, s) && ts->owed_ns > 0)
			ts->owed_ns -= wall;
		s->behind = s->listed;
		note_recent(ts, s);
		ts->running = NULL;
	}
	park(ts, false);
	if (ts->shares != NULL)
		loop_later_set(ts->loop, &ts->later);
	return st;
}
