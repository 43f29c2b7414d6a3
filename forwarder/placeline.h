#ifndef PLACELINE_H_
#define PLACELINE_H_

/*
 * placeline - lines that a file of somebody's is to have.
 *
 * Layer:   forwarder.  No I/O.
 */

#include <stdbool.h>
#include <stddef.h>

#include "proto/wire.h"

/**
 * placeline_has(text, lines):
 * Whether ${text} has ${lines}, one below the other and each as a whole line.
 * A CR before the end of a line does not count, and the last line of either
 * need not have an end.
 */
bool placeline_has(struct slice text, struct slice lines);

/**
 * placeline_cut(text, lines, ours, from, len):
 * Which bytes to take out of ${text} so that it does not have ${lines} any
 * more: the first place where they stand as above, with their ends.  If the
 * first of them heads a section, as "[include]" does, to which somebody has
 * added something below, it stays for that.  If they do not stand together any
 * more, it is the first line that is one of them and has ${ours} in it.  False:
 * there is nothing to take out.
 */
bool placeline_cut(struct slice text, struct slice lines, const char *ours,
    size_t *from, size_t *len);

/**
 * placeline_top(text):
 * Where lines go that are to be the first: behind a byte order mark.
 */
size_t placeline_top(struct slice text);

#endif /* !PLACELINE_H_ */
