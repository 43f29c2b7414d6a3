#ifndef ANSWERING_H_
#define ANSWERING_H_

/*
 * answering - what came of a question to an approver, or of the answer to one,
 * under which something failed.
 *
 * A question: it is put to the approver that waits, or it is not and who asked
 * is refused; of both, a connection may end.  An answer: it counts, or it does
 * not and the question stays; who asked is served or refused, or its connection
 * ends.  The agent holds what the records say.
 */

#include <stdbool.h>

struct ask;
struct side;

/* Whether this is the answer to the only question, or a question to the only
 * approver that waits, and nobody else waits for anything. */
bool answering_stands_alone(const struct side *s, const struct ask *a);

/* Remember how all is without this request. */
void answering_remember(struct side *s, const struct ask *a);

/* There is no such request; whether there is. */
void answering_forget(void);
bool answering_is_wanted(void);

/* Both sides have got what their records say, and nobody anything else. */
void answering_check(void);

#endif /* !ANSWERING_H_ */
