#ifndef BODY_H_
#define BODY_H_

/*
 * body - requests as they are sent.
 */

#include "proto/wire.h"

struct ask;
struct side;

/* The body of a request of ${s}; a record of a load is sealed. */
void body_put(struct wire_writer *w, struct side *s, const struct ask *a);

/* What is to be signed. */
void body_put_data(struct wire_writer *w, const struct ask *a);

#endif /* !BODY_H_ */
