/*
 * Who calls is a connection in the middle of a request, and an answer makes
 * another one write its reply: so nothing is handed on before the loop's own
 * turn.  A question is in one of two queues: open while it has no answer,
 * whether it was given to somebody or not, and then decided until its asker
 * was told.
 *
 * Open questions are in the order of their turns.  One that comes has the turn
 * after that of what was given last, or if its uid has others, the one after
 * the last of these.  So a uid with eight questions is served once, then all
 * others, then it again; and who asks anew as soon as it is answered does not
 * get before any of the eight for ever.
 */
#include "agent/approver.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/askpass.h"

#define NEVER	INT64_MAX

struct question {
	struct approve_question	 shown;		/* borrows from text */
	struct approver		*home;
	struct approver_seat	*seat;		/* it was given to; or NULL */
	uint32_t		 helper_id;	/* of askpass; 0: not there */
	uint64_t		 turn;
	approver_fn		*fn;
	void			*cookie;
	int64_t			 deadline_ms;	/* or NEVER */
	struct loop_timer	 late;
	bool			 yes;		/* once decided */
	enum reason		 why_not;
	struct question		*prev, *next;
	char			 text[];
};

struct queue {
	struct question		*first, *last;
};

struct approver {
	struct loop		*loop;
	struct approver_limits	 limits;
	struct askpass		*askpass;	/* or NULL: ask the seats */
	struct loop_later	 later;		/* hands on what there is */
	uint32_t		 last_id;
	uint64_t		 turn;		/* of what was given last */
	struct queue		 open, decided;
	struct approver_seat	*first_seat, *last_seat;	/* by their
						 * last approver_next() */
};

/* Put a question behind another one; NULL: at the front. */
static void
queue_insert(struct queue *queue, struct question *q, struct question *after)
{
	q->prev = after;
	q->next = after != NULL ? after->next : queue->first;
	if (q->prev != NULL)
		q->prev->next = q;
	else
		queue->first = q;
	if (q->next != NULL)
		q->next->prev = q;
	else
		queue->last = q;
}

static void
queue_remove(struct queue *queue, struct question *q)
{
	if (q->prev != NULL)
		q->prev->next = q->next;
	else
		queue->first = q->next;
	if (q->next != NULL)
		q->next->prev = q->prev;
	else
		queue->last = q->prev;
	q->prev = q->next = NULL;
}

/* The question of that number, or NULL. */
static struct question *
queue_find(const struct queue *queue, uint32_t id)
{
	struct question *q;

	for (q = queue->first; q != NULL; q = q->next)
		if (q->shown.id == id)
			return q;
	return NULL;
}

static void
seat_link(struct approver *a, struct approver_seat *seat)
{
	seat->home = a;
	seat->prev = a->last_seat;
	seat->next = NULL;
	if (seat->prev != NULL)
		seat->prev->next = seat;
	else
		a->first_seat = seat;
	a->last_seat = seat;
}

static void
seat_unlink(struct approver_seat *seat)
{
	struct approver *a = seat->home;

	assert(a != NULL);
	if (seat->prev != NULL)
		seat->prev->next = seat->next;
	else
		a->first_seat = seat->next;
	if (seat->next != NULL)
		seat->next->prev = seat->prev;
	else
		a->last_seat = seat->prev;
	seat->prev = seat->next = NULL;
	seat->home = NULL;
}

/* Nobody is to be asked this any more. */
static void
withdraw(struct question *q)
{
	struct approver *a = q->home;

	loop_timer_del(a->loop, &q->late);
	if (q->helper_id != 0)
		askpass_cancel(a->askpass, q->helper_id);
	q->helper_id = 0;
	q->seat = NULL;
}

/* An open question has its answer, of which its asker is told later. */
static void
decide(struct question *q, bool yes, enum reason why_not)
{
	struct approver *a = q->home;

	withdraw(q);
	queue_remove(&a->open, q);
	q->yes = yes;
	q->why_not = yes ? REASON_NONE : why_not;
	queue_insert(&a->decided, q, a->decided.last);
	loop_later_set(a->loop, &a->later);
}

/* Askpass has an answer. */
static void
on_helper(void *cookie, bool yes)
{
	struct question *q = cookie;

	q->helper_id = 0;
	decide(q, yes, REASON_APPROVER_NO);
}

/* Nobody has answered in time. */
static int
on_late(void *cookie)
{
	decide(cookie, false, REASON_APPROVER_LATE);
	return ST_OK;
}

/* Tell the askers; a callback may take back another one's. */
static void
tell_askers(struct approver *a)
{
	struct question *q;
	approver_fn *fn;
	enum reason why_not;
	void *cookie;
	bool yes;

	while ((q = a->decided.first) != NULL) {
		assert(q->prev == NULL);
		queue_remove(&a->decided, q);
		fn = q->fn;
		cookie = q->cookie;
		yes = q->yes;
		why_not = q->why_not;
		free(q);
		fn(cookie, yes, why_not);
	}
}

/* The question whose turn it is, if there is one that nobody has. */
static struct question *
next_question(const struct approver *a)
{
	struct question *q;

	for (q = a->open.first; q != NULL; q = q->next)
		if (q->seat == NULL && q->helper_id == 0)
			return q;
	return NULL;
}

/* The seat that has waited longest. */
static struct approver_seat *
next_seat(const struct approver *a)
{
	struct approver_seat *seat;

	for (seat = a->first_seat; seat != NULL; seat = seat->next)
		if (seat->waiting)
			return seat;
	return NULL;
}

/* Milliseconds until a question is late. */
static uint32_t
time_left(const struct question *q)
{
	int64_t left = q->deadline_ms - loop_now(q->home->loop);

	if (q->deadline_ms == NEVER)
		return APPROVE_NO_LIMIT;
	return left <= 0 ? 0 : left >= APPROVE_NO_LIMIT ?
	    APPROVE_NO_LIMIT - 1 : (uint32_t)left;
}

/* Hand on answers and questions. */
static int
on_later(void *cookie)
{
	struct approver *a = cookie;
	struct approver_seat *seat;
	struct question *q;

	tell_askers(a);
	while ((seat = next_seat(a)) != NULL &&
	    (q = next_question(a)) != NULL) {
		seat->waiting = false;
		q->seat = seat;
		if (q->turn > a->turn)
			a->turn = q->turn;
		q->shown.left_ms = time_left(q);
		seat->fn(seat->cookie, &q->shown);
	}
	return ST_OK;
}

int
approver_new(struct approver **out, struct loop *loop,
    const struct approver_limits *limits, struct askpass *askpass)
{
	struct approver *a = calloc(1, sizeof(*a));

	*out = a;
	if (a == NULL)
		return ST_NOMEM;
	a->loop = loop;
	a->limits = *limits;
	a->askpass = askpass;
	a->later = (struct loop_later){ .fn = on_later, .cookie = a };
	return ST_OK;
}

void
approver_free(struct approver *a)
{
	struct question *q, *next;

	if (a == NULL)
		return;
	while (a->first_seat != NULL) {
		a->first_seat->waiting = false;
		seat_unlink(a->first_seat);
	}
	for (q = a->open.first; q != NULL; q = next) {
		next = q->next;
		withdraw(q);
		free(q);
	}
	for (q = a->decided.first; q != NULL; q = next) {
		next = q->next;
		free(q);
	}
	loop_later_del(a->loop, &a->later);
	free(a);
}

bool
approver_ready(const struct approver *a)
{
	return a->askpass != NULL || a->first_seat != NULL;
}

/* How many questions of a uid wait, and the turn of one more. */
static size_t
count_of_uid(const struct approver *a, uint32_t uid, uint64_t *turn)
{
	const struct question *q;
	size_t n = 0;

	*turn = a->turn + 1;
	for (q = a->open.first; q != NULL; q = q->next) {
		if (q->shown.uid != uid)
			continue;
		n++;
		if (q->turn >= *turn)
			*turn = q->turn + 1;
	}
	return n;
}

/* Copy what there is room for, and a NUL, to where *at points. */
static struct slice
keep(char **at, struct slice s, size_t max)
{
	struct slice out = { (const uint8_t *)*at, s.len < max ? s.len : max };

	if (out.len > 0)
		memcpy(*at, s.p, out.len);
	*at += out.len;
	*(*at)++ = '\0';
	return out;
}

/* A copy, with a number of its own; NULL when out of memory. */
static struct question *
question_new(struct approver *a, const struct approve_question *shown)
{
	struct question *q = calloc(1, sizeof(*q) + APPROVE_PROMPT_MAX + 1 +
	    4 * (APPROVE_TEXT_MAX + 1));
	char *at;

	if (q == NULL)
		return NULL;
	at = q->text;
	q->home = a;
	q->shown = *shown;
	q->shown.prompt = keep(&at, shown->prompt, APPROVE_PROMPT_MAX);
	q->shown.fingerprint = keep(&at, shown->fingerprint, APPROVE_TEXT_MAX);
	q->shown.comment = keep(&at, shown->comment, APPROVE_TEXT_MAX);
	q->shown.what = keep(&at, shown->what, APPROVE_TEXT_MAX);
	q->shown.host = keep(&at, shown->host, APPROVE_TEXT_MAX);
	do {
		q->shown.id = ++a->last_id;
	} while (q->shown.id == 0 ||
	    queue_find(&a->open, q->shown.id) != NULL ||
	    queue_find(&a->decided, q->shown.id) != NULL);
	q->deadline_ms = a->limits.question_ms == 0 ? NEVER :
	    loop_now(a->loop) + (int64_t)a->limits.question_ms;
	q->late = (struct loop_timer){ .fn = on_late, .cookie = q };
	return q;
}

/* Put a question to askpass. */
static enum reason
ask_helper(struct approver *a, struct question *q)
{
	switch (askpass_ask(a->askpass, q->text, on_helper, q,
	    &q->helper_id)) {
	case ST_OK:
		return REASON_NONE;
	case ST_FULL:
		return REASON_QUESTIONS;
	case ST_NOMEM:
		return REASON_MEMORY;
	default:
		return REASON_NO_APPROVER;
	}
}

/* Put a question where its turn is. */
static void
enqueue(struct approver *a, struct question *q)
{
	struct question *after = a->open.last;

	while (after != NULL && after->turn > q->turn)
		after = after->prev;
	queue_insert(&a->open, q, after);
	if (q->deadline_ms != NEVER)
		loop_timer_set(a->loop, &q->late, q->deadline_ms);
	loop_later_set(a->loop, &a->later);
}

enum reason
approver_ask(struct approver *a, const struct approve_question *shown,
    approver_fn *fn, void *cookie, uint32_t *id)
{
	uint64_t turn, most = a->limits.questions_uid;
	size_t n = count_of_uid(a, shown->uid, &turn);
	struct question *q;
	enum reason why;

	*id = 0;
	if (!approver_ready(a))
		return REASON_NO_APPROVER;
	if (most > 0 && shown->uid != 0 && n >= most)
		return REASON_QUESTIONS;
	if ((q = question_new(a, shown)) == NULL)
		return REASON_MEMORY;
	q->turn = turn;
	q->fn = fn;
	q->cookie = cookie;
	if (a->askpass != NULL &&
	    (why = ask_helper(a, q)) != REASON_NONE) {
		free(q);
		return why;
	}
	enqueue(a, q);
	*id = q->shown.id;
	return REASON_NONE;
}

void
approver_cancel(struct approver *a, uint32_t id)
{
	struct queue *queue = &a->open;
	struct question *q = queue_find(queue, id);

	if (q == NULL) {
		queue = &a->decided;
		q = queue_find(queue, id);
	}
	if (q == NULL)
		return;
	withdraw(q);
	queue_remove(queue, q);
	free(q);
}

void
approver_next(struct approver *a, struct approver_seat *seat)
{
	if (seat->waiting)
		return;
	if (seat->home != NULL)
		seat_unlink(seat);
	seat_link(a, seat);
	seat->waiting = true;
	loop_later_set(a->loop, &a->later);
}

int
approver_answer(struct approver *a, struct approver_seat *seat, uint32_t id,
    bool yes)
{
	struct question *q = queue_find(&a->open, id);

	/* The timer may be a moment behind. */
	if (q == NULL || q->seat != seat ||
	    loop_now(a->loop) >= q->deadline_ms)
		return ST_NOT_FOUND;
	decide(q, yes, REASON_APPROVER_NO);
	return ST_OK;
}

void
approver_leave(struct approver_seat *seat)
{
	struct approver *a = seat->home;
	struct question *q;

	if (a == NULL)
		return;
	seat->waiting = false;
	seat_unlink(seat);
	for (q = a->open.first; q != NULL; q = q->next)
		if (q->seat == seat)
			q->seat = NULL;
	while (!approver_ready(a) && a->open.first != NULL)
		decide(a->open.first, false, REASON_NO_APPROVER);
	loop_later_set(a->loop, &a->later);
}
