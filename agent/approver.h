#ifndef APPROVER_H_
#define APPROVER_H_

/*
 * approver - ask somebody whether a key may be used: whoever sits at the table,
 * or askpass.
 *
 * Layer:   agent.  No sockets: a seat is a member of an approver's connection.
 *
 * No callback is ever called from within a call of this module: answers and
 * questions go out from the loop, before it waits again.  A callback may call
 * everything here but approver_free(), and may free the object that it is for.
 *
 * A question is with one approver at a time.  When uids want signatures at the
 * same time their questions are put in turns, however many one of them has.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/reason.h"
#include "base/loop.h"
#include "base/status.h"
#include "proto/approve.h"

struct approver;
struct askpass;

/* Of agent/limits.h. */
struct approver_limits {
	uint64_t	 question_ms;	/* 0: no limit */
	uint64_t	 questions_uid;	/* 0: no limit; none for uid 0 */
};

/* Yes or no; if no, why. */
typedef void approver_fn(void *cookie, bool yes, enum reason why_not);
/* A question for this seat, good until the callback returns. */
typedef void approver_seat_fn(void *cookie, const struct approve_question *q);

/* The place of one approver.  To be zeroed, and the public fields set. */
struct approver_seat {
	approver_seat_fn *fn;
	void		*cookie;

	struct approver	*home;		/* private from here; NULL: not at the
					 * table */
	bool		 waiting;	/* for a question */
	struct approver_seat *prev, *next;
};

/**
 * approver_new(out, loop, limits, askpass):
 * With ${askpass}, which stays the caller's, all questions go there and none
 * to a seat; NULL: they go to seats.
 *
 * Errors: ST_NOMEM
 */
int approver_new(struct approver **out, struct loop *loop,
    const struct approver_limits *limits, struct askpass *askpass) MUST_USE;

/**
 * approver_free(a):
 * No question is answered any more, and no seat is at the table.  NULL is
 * fine.
 */
void approver_free(struct approver *a);

/**
 * approver_ready(a):
 * Whether anybody is there to be asked.
 */
bool approver_ready(const struct approver *a);

/**
 * approver_ask(a, q, fn, cookie, id):
 * Ask ${q}, whose id and left_ms are of no account; texts longer than proto/
 * approve.h allows are cut.  ${fn} is called once with the answer, unless
 * approver_cancel() comes before that.
 *
 * Owns:   copies ${q}.
 * Returns REASON_NONE, with *${id} not 0; or why it cannot be asked, with
 * *${id} 0: REASON_NO_APPROVER, REASON_QUESTIONS, REASON_MEMORY.
 */
enum reason approver_ask(struct approver *a, const struct approve_question *q,
    approver_fn *fn, void *cookie, uint32_t *id) MUST_USE;

/**
 * approver_cancel(a, id):
 * Nobody waits for that answer any more.  An id that was answered already, or
 * 0, means nothing.
 */
void approver_cancel(struct approver *a, uint32_t id);

/**
 * approver_next(a, seat):
 * The owner of ${seat} approves, and is ready for one question more: once
 * there is one, ${seat}->fn is called with it.  Those that it was given before
 * and has not answered stay its own.  Twice is as once while it waits.
 */
void approver_next(struct approver *a, struct approver_seat *seat);

/**
 * approver_answer(a, seat, id, yes):
 * The answer of the one whom it was given to.
 *
 * Errors: ST_NOT_FOUND  it was not given to ${seat}, was answered, was taken
 *                       back, or this comes too late
 */
int approver_answer(struct approver *a, struct approver_seat *seat,
    uint32_t id, bool yes) MUST_USE;

/**
 * approver_leave(seat):
 * Its owner does not approve any more.  What it has not answered is for
 * another seat; when it was the last one, the answer to every question is no.
 * A seat that is not at the table is left alone.
 */
void approver_leave(struct approver_seat *seat);

#endif /* !APPROVER_H_ */
