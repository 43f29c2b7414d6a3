#ifndef ANSWERING_H_
#define ANSWERING_H_

/*
 * answering - what came of an answer to a question under which something
 * failed: the answer counts, or it does not and the question stays; who asked
 * is served or refused, or its connection ends; and the agent holds what the
 * records say.
 */

#include <stdbool.h>

struct ask;
struct side;

/* Whether this is the answer to the only question, and nobody else waits. */
bool answering_stands_alone(const struct side *s, const struct ask *a);

/* Remember how all is without this answer. */
void answering_remember(struct side *s, const struct ask *a);

/* There is no such answer; whether there is. */
void answering_forget(void);
bool answering_is_wanted(void);

/* Both sides have got what their records say, and nobody anything else. */
void answering_check(void);

#endif /* !ANSWERING_H_ */
