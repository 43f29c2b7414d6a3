#ifndef AFTERMATH_H_
#define AFTERMATH_H_

/*
 * aftermath - what came of a request under which something failed: it was
 * served, or refused, or its connection has ended, and the agent holds what its
 * record says.
 */

#include <stdbool.h>

struct ask;
struct side;

/* Whether what fails under a request of this one can be told from what happens
 * to others. */
bool aftermath_stands_alone(const struct side *s, const struct ask *a);

/* Remember how all is without this request. */
void aftermath_remember(struct side *s, const struct ask *a);

/* There is no such request; whether there is. */
void aftermath_forget(void);
bool aftermath_is_wanted(void);

/* It was served, or refused, or the connection has ended; the record says what
 * was done. */
void aftermath_check(void);

#endif /* !AFTERMATH_H_ */
