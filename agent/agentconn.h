#ifndef AGENTCONN_H_
#define AGENTCONN_H_

/*
 * agentconn - the client's end of an agent connection, for --load and
 * --status.
 *
 * Layer:   agent.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/unixsock.h"
#include "proto/frame.h"
#include "proto/wire.h"

/* How long a reply may take, in seconds. */
#define AGENTCONN_TIMEOUT_S	30

/* What must hold of the agent before anything is sent. */
enum agentconn_trust {
	AGENTCONN_ANYONE,	/* nothing: no secret will be sent */
	AGENTCONN_TRUSTED,	/* root or our own uid serves the socket, and
				 * nobody else can change the way to it */
	AGENTCONN_SHARED_DIR,	/* the first of the two only */
};

struct agentconn {
	int		 fd;
	char		 path[UNIXSOCK_PATH_MAX];	/* resolved */
	uint8_t		*reply;		/* FRAME_MAX bytes */
};

/**
 * agentconn_open(c, path, trust, why, whylen):
 * Connect, and make sure of what ${trust} asks for.
 *
 * Errors: ST_NOT_FOUND, ST_CLOSED  nobody serves it
 *         ST_DENIED                no permission to connect
 *         ST_UNTRUSTED             ${why} says what is wrong and with what
 *         ST_TOO_LARGE, ST_NOMEM, ST_SYSTEM
 *         ${why} holds one line; ${c} is closed.
 */
int agentconn_open(struct agentconn *c, const char *path,
    enum agentconn_trust trust, char *why, size_t whylen) MUST_USE;

/**
 * agentconn_send(c, frame):
 * Send one whole frame, to which there is a reply to be waited for.
 *
 * Errors: ST_CLOSED, ST_SYSTEM  see agentconn_reply()
 */
int agentconn_send(struct agentconn *c, struct slice frame) MUST_USE;

/**
 * agentconn_reply(c, body):
 * Wait for the reply to the first frame sent that had none.
 *
 * Owns:   ${body} borrows from ${c} until the next call.
 * Errors: ST_CLOSED     the agent closed the connection
 *         ST_MALFORMED  what it sent is no reply
 *         ST_SYSTEM     also when no reply comes in AGENTCONN_TIMEOUT_S; errno
 *                       is then EAGAIN
 */
int agentconn_reply(struct agentconn *c, struct slice *body) MUST_USE;

/**
 * agentconn_call(c, frame, body):
 * Both.
 */
int agentconn_call(struct agentconn *c, struct slice frame,
    struct slice *body) MUST_USE;

/**
 * agentconn_unnamed(c, st):
 * Whether a call that ended with ${st} was closed upon because no rule of the
 * agent names us; that is said then, and what helps.  root always has a rule.
 */
bool agentconn_unnamed(const struct agentconn *c, int st) MUST_USE;

/**
 * agentconn_close(c):
 * May be called twice.
 */
void agentconn_close(struct agentconn *c);

#endif /* !AGENTCONN_H_ */
