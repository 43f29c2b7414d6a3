#ifndef LUCK_H_
#define LUCK_H_

/*
 * luck - which calls fail under a step, if any do (tests/faults/fault.h).
 *
 *	luck_make();		the step says which
 *	luck.armed = true;	it is one that this may happen to
 *	luck_advance(0);	the agent works, and some calls fail
 *	if (luck.met)		one did
 */

#include <stdbool.h>
#include <stdint.h>

/* Calls that fail under a step. */
struct luck {
	bool		 wanted;	/* in this step */
	bool		 armed;		/* from here on */
	bool		 met;		/* one failed */
	uint64_t	 seed;
	unsigned	 one_in, groups;
};

extern struct luck luck;

/* Have calls fail under this step, as the program says. */
void luck_make(void);

/* From here on calls fail, if there are to be any that do; and no more. */
void luck_begin(void);
void luck_over(void);

/* Have the agent do all that it can do now, or in a while. */
void luck_advance(int64_t ms);

#endif /* !LUCK_H_ */
