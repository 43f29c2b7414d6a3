#ifndef SHELLOUT_H_
#define SHELLOUT_H_

/*
 * shellout - what ssh-agent prints for a shell to evaluate, and -k.
 *
 * Layer:   agent.
 * Source:  ssh-agent(1).  Unlike there, whatever is not plain is quoted.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "agent/options.h"
#include "base/status.h"

/**
 * shellout_started(opts, path, pid, background):
 * Print how to reach the agent; the line with SSH_AGENT_PID only for one in
 * the background.
 *
 * Errors: ST_SYSTEM  not all of it could be written
 */
int shellout_started(const struct agent_options *opts, const char *path,
    pid_t pid, bool background) MUST_USE;

/**
 * shellout_kill(opts):
 * -k: end the agent that SSH_AGENT_PID names, print how to forget it.
 * Returns an exit code.
 */
int shellout_kill(const struct agent_options *opts);

#endif /* !SHELLOUT_H_ */
