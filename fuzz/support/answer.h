#ifndef ANSWER_H_
#define ANSWER_H_

/*
 * answer - parts of replies, which must be there.
 */

#include "proto/wire.h"

/* The contents of the response to that extension, which ${body} is. */
struct wire_reader answer_contents(struct slice body, const char *name);

/* The signature in ${body}, which is a SIGN_RESPONSE and nothing else. */
struct slice answer_signature(struct slice body);

#endif /* !ANSWER_H_ */
