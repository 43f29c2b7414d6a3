#ifndef TELL_H_
#define TELL_H_

/*
 * tell - with BOTTLE_FUZZ_TELL in the environment an input is told in words.
 */

#include "base/status.h"

/* Whether to tell; once. */
void tell_init(void);

/* A line for people, on stderr. */
void PRINTF_LIKE(1, 2) tell(const char *fmt, ...);

#endif /* !TELL_H_ */
