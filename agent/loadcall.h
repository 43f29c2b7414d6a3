#ifndef LOADCALL_H_
#define LOADCALL_H_

/*
 * loadcall - the steps of load@bottle-agent, as a client takes them.
 *
 * Layer:   agent; the loading process only.
 * Source:  docs/PROTOCOL.md section 6.
 */

#include <stdbool.h>
#include <stdint.h>

#include "agent/agentconn.h"
#include "base/status.h"
#include "base/text.h"
#include "proto/extension.h"
#include "proto/wire.h"

struct loadcall {
	struct agentconn	*conn;		/* open; the caller's */
	uint8_t			*frame;		/* of a request */
};

/**
 * loadcall_init(c, conn), loadcall_fini(c):
 * The second one may be called twice.
 *
 * Errors: ST_NOMEM
 */
int loadcall_init(struct loadcall *c, struct agentconn *conn) MUST_USE;
void loadcall_fini(struct loadcall *c);

/**
 * loadcall_send(c, op, arg):
 * Ask for one step.
 *
 * Errors: ST_CLOSED, ST_SYSTEM  see loadcall_answer()
 *         ST_TOO_LARGE
 */
int loadcall_send(struct loadcall *c, enum load_op op, struct slice arg)
    MUST_USE;

/**
 * loadcall_answer(c, ans):
 * Wait for the answer to the first step asked for that had none.
 *
 * Owns:   ${ans} borrows from the connection until the next call.
 * Errors: ST_DENIED     the agent does not let us
 *         ST_CLOSED     it hung up
 *         ST_MALFORMED  what it sent is no answer
 *         ST_SYSTEM
 */
int loadcall_answer(struct loadcall *c, struct load_answer *ans) MUST_USE;

/**
 * loadcall(c, op, arg, ans):
 * Both.
 */
int loadcall(struct loadcall *c, enum load_op op, struct slice arg,
    struct load_answer *ans) MUST_USE;

/**
 * loadcall_keys(keys, each, arg):
 * Go through the data that a commit is answered with: ${each} gets a line for
 * every key, "TYPE FINGERPRINT COMMENT", as ssh-add -l would call it, not
 * escaped but without control bytes of ours.  False from it ends the walk.
 *
 * Errors: ST_MALFORMED  the data is no list of keys
 *         ST_NOMEM
 *         ST_CLOSED     ${each} said false
 */
int loadcall_keys(struct slice keys, bool (*each)(struct slice line, void *arg),
    void *arg) MUST_USE;

#endif /* !LOADCALL_H_ */
