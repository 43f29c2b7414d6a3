#ifndef SOCKETPATH_H_
#define SOCKETPATH_H_

/*
 * socketpath - where an agent listens that was told nothing, or -T; and what
 * others left behind there.
 *
 * Layer:   agent.
 * Source:  ssh-agent(1) of OpenSSH 10.1 and later: names and hash are those,
 *          so that each cleans up after the other.
 */

#include <stdbool.h>
#include <stdint.h>

#include "agent/options.h"
#include "base/status.h"
#include "base/unixsock.h"

/* A socket in ~/.ssh/agent that was touched since may be about to be served,
 * in seconds. */
#define SOCKETPATH_STALE_S	3600

struct socketpath {
	char	path[UNIXSOCK_PATH_MAX];
	char	dir[UNIXSOCK_PATH_MAX];	/* made for it, to be removed at exit;
					 * or empty */
};

/**
 * socketpath_is_default(opts, service):
 * Whether nobody said where: the socket goes to ~/.ssh/agent.
 */
bool socketpath_is_default(const struct agent_options *opts, bool service);

/**
 * socketpath_choose(opts, service, out, why, whylen):
 * -T: agent.PID in a fresh directory of mode 0700 under $TMPDIR or /tmp.
 * Else --socket; else, with ${service}, OPTIONS_SOCKET; else a fresh name in
 * ~/.ssh/agent, which is made with mode 0700 if need be and, without -U,
 * cleaned as socketpath_clean() does.
 *
 * Errors: ST_TOO_LARGE  the path does not fit into a socket address
 *         ST_NOT_FOUND  no home directory
 *         ST_SYSTEM
 *         ${why} holds one line.
 */
int socketpath_choose(const struct agent_options *opts, bool service,
    struct socketpath *out, char *why, size_t whylen) MUST_USE;

/**
 * socketpath_clean(any_host, now_s, why, whylen):
 * Remove from ~/.ssh/agent the sockets on which nobody listens and that were
 * last touched SOCKETPATH_STALE_S before ${now_s} or earlier; only those of
 * this host, as their names say, unless ${any_host}.  Nothing else is touched,
 * and a directory that is not there needs no cleaning.
 *
 * Units:  ${now_s} in seconds since 1970.
 * Errors: ST_NOT_FOUND  no home directory
 *         ST_TOO_LARGE  its path is too long to have sockets in it
 *         ST_SYSTEM     the directory cannot be read
 *         ${why} holds one line.
 */
int socketpath_clean(bool any_host, int64_t now_s, char *why, size_t whylen)
    MUST_USE;

/**
 * socketpath_fini(sp):
 * Remove the directory that was made, if any.
 */
void socketpath_fini(const struct socketpath *sp);

#endif /* !SOCKETPATH_H_ */
