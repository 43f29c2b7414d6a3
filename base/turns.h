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
 *
 * The turn under way is never cut short, so it should not last: what has turns
 * can ask whether its own are to be short ones.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/status.h"

/* Such a turn counts as so much less. */
#define TURNS_BRIEF	4

/* One that waits for each answer comes back no further ahead than the last turn
 * took that left a line, and than this: so it waits for one such turn, even if
 * its own last turn took long for once.  Those who have a line have short turns
 * then, and of these one for some of his. */
#define TURNS_LEAD_NS	500

/* What turns_whole() was called in counts so many times: each makes somebody
 * wait who has to for nothing else, so it is not to come often.  For nobody's
 * share it is so much less as there are others with a line, if they are more
 * than TURNS_FEW: it has about one part of nine of the time then, whoever else
 * there is, and beside two one of seventeen. */
#define TURNS_WHOLE	8
#define TURNS_FEW	2

/* As long as the thread stands back for others if nothing happens. */
#define TURNS_BACK_MS	2
/* Of the time for which it did, so much less is served before it does again. */
#define TURNS_OWED	4

/* Turns of a share are to be short for so long after one of it left a line, and
 * one of another share was served. */
#define TURNS_SHORT_NS	20000000

struct turn;

/* Whose time it is: a uid, say.  All zeroes is a new one. */
struct share {
	int64_t		 spent_ns;	/* in all its turns */
	bool		 nobody;	/* turns of it are no reason for short
					 * ones of others */

	int64_t		 virtual_ns;	/* private from here */
	struct turn	*first, *last;	/* its line */
	bool		 behind;	/* its last turn left a line */
	bool		 owes;		/* its last turn is not forgiven */
	int64_t		 line_ns;	/* when one last did */
	struct share	*prev, *next;	/* of those with a line */
	bool		 listed;
};

/* Something that has turns; the caller fills in what is public. */
struct turn {
	int		(*fn)(void *cookie);
	/* The turn does not come in this pass nor in the next: whoever would be
	 * called in each pass because of it can see to it that it is not.  May
	 * be NULL. */
	void		(*parked)(void *cookie);
	void		*cookie;
	struct share	*share;
	bool		 waiting;	/* to be read only */

	struct turn	*prev, *next;	/* private from here */
	struct turn	*fresh_prev, *fresh_next;
	bool		 fresh;
	bool		 passed;	/* it was, in the pass before */
};

struct turns {
	struct loop	*loop;		/* private */
	struct loop_later later;
	struct share	*shares;	/* with a line */
	unsigned	 n_shares;	/* how many these are */
	struct share	*running;	/* whose turn it is */
	bool		 whole;		/* which counts in full */
	bool		 wall;		/* and by the wall */
	int64_t		 now_ns;	/* as of the last turn */
	struct share	*recent;	/* who had the last turn, when, and */
	int64_t		 recent_ns;	/* when the last other one had one */
	int64_t		 other_ns;
	struct turn	*fresh;		/* not parked yet */
	bool		(*beside)(void *cookie);
	void		*cookie;
	struct loop_timer wake;
	int64_t		 stood_back_ns;	/* since when; 0: it does not */
	int64_t		 owed_ns;	/* to shares with a line, for that */
	int64_t		 virtual_ns;	/* of the share that was picked last */
	int64_t		 lead_ns;	/* what the last turn took that left a
					 * line, or TURNS_LEAD_NS */
};

/**
 * turns_init(ts, loop, beside, cookie):
 * While ${beside} says that somebody else is to have the processor, which may
 * be NULL: nobody ever is, the thread stands back and serves no share whose
 * last turn left a line: for TURNS_BACK_MS at a time, and in the end for no
 * more than four parts in five.
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
 * turns_short(ts, share):
 * Whether turns of ${share} are to be as short as can be: not long ago it had
 * more to be done than was done, and somebody else had a turn.
 */
bool turns_short(const struct turns *ts, const struct share *share);

/**
 * turns_began_ns(ts):
 * When the turn under way began, as clock_ns() has it; outside of a turn, now.
 */
int64_t turns_began_ns(const struct turns *ts);

/**
 * turns_whole(ts):
 * The turn under way counts TURNS_WHOLE times and in any case, whatever line it
 * leaves: it began or ended something, and only one who does so again and again
 * has another.
 */
void turns_whole(struct turns *ts);

/**
 * turns_wall(ts):
 * The turn under way counts by the wall even where others count by the
 * processor: it was held up for what is its own doing.
 */
void turns_wall(struct turns *ts);

/**
 * turns_forget(ts, share):
 * The share goes away; nothing of it waits.  May be called in a turn of it.
 */
void turns_forget(struct turns *ts, struct share *share);

#endif /* !TURNS_H_ */
