#ifndef TURNS_H_
#define TURNS_H_

/*
 * turns - who has the thread next.
 *
 * Layer:   base.
 * Memory:  records are members of what they are about.
 *
 * What has something to do takes its place in the line of its share, and shares
 * have the thread evenly by the time that their turns took: one with a
 * thousand in its line delays another one's by the turn under way, not by the
 * thousand.  Between two turns the loop looks who else has come.
 *
 * Of a turn that leaves the line of its share empty only a part is counted: one
 * who waits for each answer before it asks again is never behind, and has to
 * wait for no more than the turn under way, while one who always has more to be
 * done than is done loses some of its half.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/status.h"

/* Such a turn counts as so much less. */
#define TURNS_BRIEF	4

/* As long as the thread stands back for others if nothing happens. */
#define TURNS_BACK_MS	2
/* Of the time for which it did, so much less is served before it does again. */
#define TURNS_OWED	4

struct turn;

/* Whose time it is: a uid, say.  All zeroes is a new one. */
struct share {
	int64_t		 spent_ns;	/* in all its turns */

	int64_t		 virtual_ns;	/* private from here */
	struct turn	*first, *last;	/* its line */
	bool		 behind;	/* its last turn left a line */
	struct share	*prev, *next;	/* of those with a line */
	bool		 listed;
};

/* Something that has turns; the caller fills in what is public. */
struct turn {
	int		(*fn)(void *cookie);
	/* The turn does not come in this pass: whoever would be called in each
	 * pass because of it can see to it that it is not.  May be NULL. */
	void		(*parked)(void *cookie);
	void		*cookie;
	struct share	*share;
	bool		 waiting;	/* to be read only */

	struct turn	*prev, *next;	/* private from here */
	struct turn	*fresh_prev, *fresh_next;
	bool		 fresh;
};

struct turns {
	struct loop	*loop;		/* private */
	struct loop_later later;
	struct share	*shares;	/* with a line */
	struct share	*running;	/* whose turn it is */
	struct turn	*fresh;		/* not parked yet */
	bool		(*beside)(void *cookie);
	void		*cookie;
	struct loop_timer wake;
	int64_t		 stood_back_ns;	/* since when; 0: it does not */
	int64_t		 owed_ns;	/* to shares with a line, for that */
	int64_t		 virtual_ns;	/* of the share that was picked last */
};

/**
 * turns_init(ts, loop, beside, cookie):
 * While ${beside} says that somebody else is to have the processor, which may
 * be NULL: nobody ever is, the thread stands back and serves no share whose
 * last turn left a line: for TURNS_BACK_MS at a time, and in the end for no more
 * than four parts in five.
 */
void turns_init(struct turns *ts, struct loop *loop,
    bool (*beside)(void *cookie), void *cookie);
void turns_fini(struct turns *ts);

/**
 * turns_wait(ts, t), turns_cancel(ts, t):
 * Take a place in the line, and leave it; once is enough.  ${t}->fn is called
 * from the loop, as an ordinary callback, and may do both.
 */
void turns_wait(struct turns *ts, struct turn *t);
void turns_cancel(struct turns *ts, struct turn *t);

/**
 * turns_forget(ts, share):
 * The share goes away; nothing of it waits.  May be called in a turn of it.
 */
void turns_forget(struct turns *ts, struct share *share);

#endif /* !TURNS_H_ */
