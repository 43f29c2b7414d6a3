#ifndef SERVER_H_
#define SERVER_H_

/*
 * server - the listener, the list of connections, and what they may cost.
 *
 * Layer:   agent.
 */

#include <stdbool.h>
#include <stddef.h>

#include "agent/dispatch.h"
#include "base/loop.h"
#include "base/status.h"

struct server;

struct askpass;
struct limits;
struct workers;

struct server_options {
	int	 listen_fd;		/* non-blocking; stays the caller's */
	struct workers *workers;	/* likewise; or NULL */
	struct askpass *askpass;	/* likewise; or NULL */
	const struct limits *limits;	/* likewise */
	bool	 senders;		/* the kernel says who sends what */
	size_t	 connections_max;	/* of all peers together */
	size_t	 connections_uid_max;	/* of one uid; 0: no such limit */
	size_t	 connections_root;	/* of the first, kept for uid 0 */
	bool	 wait_when_full;	/* leave the next ones in the backlog,
					 * as ssh-agent does, instead of
					 * closing them */
};

/**
 * server_new(out, loop, agent, opts):
 * Accept connections and serve them whenever ${loop} runs.  ${agent}->facts
 * is kept up to date with the number of connections.
 *
 * Errors: ST_FULL  no room in the vault; ST_NOMEM, ST_SYSTEM
 */
int server_new(struct server **out, struct loop *loop, struct agent *agent,
    const struct server_options *opts) MUST_USE;

/**
 * server_free(s):
 * Close all connections.  NULL is fine.
 */
void server_free(struct server *s);

/**
 * server_policy_changed(s):
 * Judge everybody who is connected by the policy that there is now.
 */
void server_policy_changed(struct server *s);

/**
 * server_limit(opts, service):
 * What ${opts}->limits says, or what the descriptor limit of the process
 * leaves of them.  In ssh-agent mode only the descriptors limit.
 */
void server_limit(struct server_options *opts, bool service);

#endif /* !SERVER_H_ */
