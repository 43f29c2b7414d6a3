#ifndef TALK_H_
#define TALK_H_

/*
 * talk - a client that takes it calmly when the agent hangs up.
 */

#include <stdbool.h>
#include <stdint.h>

#include "proto/wire.h"
#include "support/testkeys.h"

/* Connect; -1: nobody takes it. */
int talk_open(void);
void talk_close(int *fd);

/* Send bytes as they are. */
void talk_send(int fd, struct slice bytes);

/* Send a request, or none if it is empty, and take the next reply: empty when
 * the other end has hung up.  One that does not come in time is said to be
 * wrong. */
struct slice talk(int fd, struct slice body);

/* Whether the reply to it is this one byte; what is neither that nor a failure
 * nor the end of the connection is said to be wrong. */
bool talk_done(int fd, struct slice body, uint8_t code);

/* Have something signed: whether it was; a signature that is not good is said
 * to be wrong. */
bool talk_signs(int fd, const struct testkey *k, struct slice data);

#endif /* !TALK_H_ */
