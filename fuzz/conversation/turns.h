#ifndef TURNS_H_
#define TURNS_H_

/*
 * turns - which request the model serves when, and what comes without one.
 */

#include <stdbool.h>

struct side;

/* All that a connection can have served now; false: nothing. */
bool turns_serve(struct side *s);

/* Hand out questions, whose numbers will be read from the replies, and refuse
 * those that there is nobody for; false: there are none. */
bool turns_hand_out(void);

/* What is due by now. */
void turns_due(void);

#endif /* !TURNS_H_ */
