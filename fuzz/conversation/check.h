#ifndef CHECK_H_
#define CHECK_H_

/*
 * check - that what came of a step is what the model says, and nothing else.
 */

#include <stdbool.h>

#include "proto/wire.h"

struct audit_record;
struct side;

/* Read all that there is, up to the next call; true: and the end. */
bool check_receive(int fd, struct slice *got);

/* Whether the agent has ended a connection on which nothing came. */
bool check_is_over(int fd);

/* Everything has come on each connection that should, and nothing else; one
 * that has ended is closed. */
void check_sides(void);

/* What holds of every record; whose it is, NULL: keys have expired. */
struct side *check_record(const struct audit_record *rec);

/* Records are the ones that were to come, each connection's in their order. */
void check_records(void);

/* The agent holds what the model holds. */
void check_held(void);

#endif /* !CHECK_H_ */
