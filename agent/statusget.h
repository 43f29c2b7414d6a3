#ifndef STATUSGET_H_
#define STATUSGET_H_

/*
 * statusget - ask an agent for its status.
 *
 * Layer:   agent; the client's side.
 */

#include "agent/agentconn.h"
#include "base/status.h"
#include "proto/statusmsg.h"

/* A decoded answer. */
struct statusget {
	struct statusmsg_head	 head;
	uint32_t		 n_rules;
	struct wire_reader	 rules;		/* that many strings */
	uint32_t		 n_limits;
	struct wire_reader	 limits;	/* struct statusmsg_limit */
	uint32_t		 n_uids;
	struct wire_reader	 uids;		/* struct statusmsg_uid */
	uint32_t		 n_keys;	/* that the agent holds */
	struct slice		 keys;		/* those in the answer */
	struct slice		 uses;		/* a u32 for each of these, as
						 * in proto/statusmsg.h; empty:
						 * the agent does not say */
};

/**
 * statusget(c, out):
 *
 * Owns:   ${out} borrows from ${c} until the next call on it.
 * Errors: ST_DENIED       the agent does not tell us, or is not one of ours
 *         ST_CLOSED, ST_SYSTEM  no answer
 *         ST_MALFORMED, ST_UNSUPPORTED  an answer that is none
 */
int statusget(struct agentconn *c, struct statusget *out) MUST_USE;

#endif /* !STATUSGET_H_ */
