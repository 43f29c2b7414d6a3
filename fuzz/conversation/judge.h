#ifndef JUDGE_H_
#define JUDGE_H_

/*
 * judge - the model's rules: what a request comes to, and what it changes.
 */

#include <stdbool.h>

struct ask;
struct side;

/* Serve a request of ${s}. */
void judge_serve(struct side *s, const struct ask *a);

/* Somebody has said yes or no to the question that ${s} waits for, or nobody
 * will. */
void judge_answer_of(struct side *s, bool yes);

/* Whether there is anybody who could. */
bool judge_has_approver(void);

#endif /* !JUDGE_H_ */
