#ifndef OUTCOME_H_
#define OUTCOME_H_

/*
 * outcome - what should come of a request, in the model: replies and records
 * that are to come, and the end of a connection.
 */

#include <stdbool.h>
#include <stdint.h>

#include "agent/audit.h"
#include "fuzz/model.h"

struct ask;
struct side;

/* A record is to come. */
void outcome_note(struct side *s, enum audit_op op, bool denied);

/* One more reply of that kind. */
struct expected *outcome_expect(struct side *s, const struct ask *a);

/* It is refused, as this kind of message is; or done. */
void outcome_refuse(struct side *s, const struct ask *a);
void outcome_refuse_extension(struct side *s, const struct ask *a);
void outcome_succeed(struct side *s, const struct ask *a);

/* Keys that are due go away. */
void outcome_expire(void);

/* A key as an add makes it. */
struct model_key outcome_added(const struct ask *a);

/* Forget the sending side of a load. */
void outcome_load_over(struct side *s);

/* The connection is over, from either side: nothing more of it is served. */
void outcome_side_over(struct side *s);

/* The agent ends it, and says so in a record. */
void outcome_throw_out(struct side *s);

/* We end it. */
void outcome_leave(struct side *s);

#endif /* !OUTCOME_H_ */
