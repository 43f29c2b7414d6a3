#ifndef PROGRAM_H_
#define PROGRAM_H_

/*
 * program - the input of a conversation: choices, one byte each.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/wire.h"

void program_open(struct slice input);

/* Whether all of it was taken. */
bool program_is_over(void);

/* The next choice; 0 at the end. */
uint8_t program_byte(void);

/* One of n things. */
unsigned program_of(size_t n);

#endif /* !PROGRAM_H_ */
