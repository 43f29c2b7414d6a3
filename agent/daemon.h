#ifndef DAEMON_H_
#define DAEMON_H_

/*
 * daemon - bring an agent up: in front, behind, around a command, or for
 * --load.
 *
 * Layer:   agent.
 */

#include "agent/options.h"
#include "base/status.h"

/* What is said on the descriptor that daemon_start() gives. */
#define DAEMON_STAY	'y'
#define DAEMON_LEAVE	'n'

/**
 * daemon_main(opts):
 * Serve as the options say, and print what ssh-agent prints.
 *
 * Returns the exit code of the process, in each of the processes that there
 * are by then.
 */
int daemon_main(const struct agent_options *opts);

/**
 * daemon_start(opts, starter, why, whylen):
 * Start an agent in the background in service mode.  It has /dev/null as its
 * descriptors 0 to 2 and keeps no other descriptor of ours; it is a child of
 * ours until we end.  To be called before vault_open().  ${opts}->socket can be
 * connected to at once; whether anybody will answer daemon_await() tells.
 *
 * The agent wants to hear on *${starter} what became of it: DAEMON_STAY, and
 * it goes on; DAEMON_LEAVE, or the end, and it ends as soon as it has neither
 * a key nor a connection, and the other end of *${starter} with it, after the
 * socket is gone.  If it then has a key it answers DAEMON_STAY.
 *
 * Owns:   the caller has to close *${starter}; it is -1 on error.
 * Errors: ST_BUSY  another one was faster; connect to that
 *         ST_FULL  no locked memory
 *         ST_SYSTEM, ST_UNTRUSTED, ST_MALFORMED (a wish that cannot be
 *         granted: a rule, a policy file, a place for records)
 *         ${why} holds one line.
 */
int daemon_start(const struct agent_options *opts, int *starter, char *why,
    size_t whylen) MUST_USE;

/**
 * daemon_await(starter, why, whylen):
 * Wait until the agent that was started serves.  On error, as of
 * daemon_start(), it has ended, and *${starter} is closed, and -1; unless it
 * could not be heard: then *${starter} stays, to tell it to leave.
 */
int daemon_await(int *starter, char *why, size_t whylen) MUST_USE;

#endif /* !DAEMON_H_ */
