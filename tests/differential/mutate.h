#ifndef MUTATE_H_
#define MUTATE_H_

/*
 * mutate - mistakes in a run of bytes.
 */

#include <stdbool.h>

#include "differential/random.h"
#include "proto/wire.h"

/*
 * In so many of a thousand cases, write the bytes to the writer with one
 * mistake or two in them, at least one byte long, and return true.  Else
 * nothing is written.
 */
bool mutate_some(struct random *random, struct slice in,
    struct wire_writer *w, unsigned per_thousand);

#endif /* !MUTATE_H_ */
