#ifndef FLOOD_H_
#define FLOOD_H_

/*
 * flood - more requests at once than a uid has records of its own for: those
 * above are summed, and not one of them is lost.
 */

#include "fuzz/conversation/world.h"

/* Whether ${s} can, nobody else has anything under way, and there was none. */
bool flood_can(const struct side *s);

/* Send them, and compare; so much time goes by that all is as before. */
void flood(struct side *s);

#endif /* !FLOOD_H_ */
