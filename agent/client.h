#ifndef CLIENT_H_
#define CLIENT_H_

/*
 * client - one connection: requests in, replies out, deadlines.
 *
 * Layer:   agent.
 * Memory:  an idle connection holds its record and nothing else.
 */

#include "agent/account.h"
#include "agent/dispatch.h"
#include "agent/door.h"
#include "agent/inbox.h"
#include "agent/limits.h"
#include "base/loop.h"
#include "base/status.h"
#include "base/turns.h"
#include "base/workers.h"

struct client;

/* What all connections of a server share, and how a client takes its leave. */
struct client_home {
	struct loop	*loop;
	struct agent	*agent;
	struct workers	*workers;	/* for jobs; or NULL: none */
	struct intake	 intake;
	const struct limits *limits;
	struct accounts	*accounts;
	struct turns	 turns;		/* of the first thread */
	struct door	*door;		/* by which they go; or NULL */
	uint64_t	 numbered;	/* connections so far */
	uint8_t		*replies;	/* LIMIT_REPLIES bytes, one turn's */
	struct decision	 decision;	/* of the request being served */
	void		(*gone)(void *cookie, struct client *c);
	void		(*served)(void *cookie);	/* after each turn */
	void		*cookie;
};

/**
 * client_new(out, home, fd, peer):
 * Serve the connected, non-blocking socket ${fd} until either side has had
 * enough.
 *
 * Owns:   ${fd} and ${peer}->groups, from a success on.  When the connection
 *         ends, however it does, ${home}->gone is called, which must call
 *         client_free().
 * Errors: ST_NOMEM, ST_SYSTEM
 */
int client_new(struct client **out, struct client_home *home, int fd,
    const struct peer *peer) MUST_USE;

/**
 * client_part(home, fd):
 * Close a connection that is no client's, or was one's.
 */
void client_part(struct client_home *home, int fd);

/**
 * client_free(c):
 * Close and release.  A job of it that is being run stays until it is done.
 */
void client_free(struct client *c);

/**
 * client_judge(c, ops, rules):
 * The policy is another one: what its peer may do now.  With no operation left
 * the connection ends; that of an approver without admin, too.
 */
void client_judge(struct client *c, unsigned ops, uint64_t rules);

/**
 * client_fd(c):
 * Its socket, to ask the kernel who is at the other end.
 */
int client_fd(const struct client *c);

/**
 * client_set_index(c, i), client_index(c):
 * A number that belongs to the owner of the list.
 */
void client_set_index(struct client *c, size_t i);
size_t client_index(const struct client *c);

#endif /* !CLIENT_H_ */
