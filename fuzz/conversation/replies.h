#ifndef REPLIES_H_
#define REPLIES_H_

/*
 * replies - replies, and that they are those that the model says.
 */

#include <stdbool.h>

#include "proto/wire.h"
#include "fuzz/conversation/ask.h"

struct expected;
struct side;

/* ${body} is what ${e} is about, word for word; a question or a load's key that
 * is in it is kept in ${s}. */
void replies_check(struct side *s, const struct expected *e, struct slice body);

/* Whether a reply to that kind is a refusal, of whatever kind. */
bool replies_is_refusal(enum kind kind, struct slice body);

#endif /* !REPLIES_H_ */
