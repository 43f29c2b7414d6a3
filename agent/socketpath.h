#ifndef SOCKETPATH_H_
#define SOCKETPATH_H_

/*
 * socketpath - where an agent listens that was told nothing, or -T.
 *
 * Layer:   agent.
 * Source:  ssh-agent(1) of OpenSSH 10.1 and later.
 */

#include "agent/options.h"
#include "base/status.h"
#include "base/unixsock.h"

struct socketpath {
	char	path[UNIXSOCK_PATH_MAX];
	char	dir[UNIXSOCK_PATH_MAX];	/* made for it, to be removed at exit;
					 * or empty */
};

/**
 * socketpath_choose(opts, service, out, why, whylen):
 * -T: agent.PID in a fresh directory of mode 0700 under $TMPDIR or /tmp.
 * Else --socket; else, with ${service}, OPTIONS_SOCKET; else a fresh name in
 * ~/.ssh/agent, which is made with mode 0700 if need be.
 *
 * Errors: ST_TOO_LARGE  the path does not fit into a socket address
 *         ST_NOT_FOUND  no home directory
 *         ST_SYSTEM
 *         ${why} holds one line.
 */
int socketpath_choose(const struct agent_options *opts, bool service,
    struct socketpath *out, char *why, size_t whylen) MUST_USE;

/**
 * socketpath_fini(sp):
 * Remove the directory that was made, if any.
 */
void socketpath_fini(const struct socketpath *sp);

#endif /* !SOCKETPATH_H_ */
