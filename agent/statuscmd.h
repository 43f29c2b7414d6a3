#ifndef STATUSCMD_H_
#define STATUSCMD_H_

/*
 * statuscmd - bottle-agent --status.
 *
 * Layer:   agent.
 */

#include "agent/options.h"

/**
 * statuscmd_main(opts):
 * Ask the agent and print, for people or with --json, what it says.  Returns
 * an exit code.
 */
int statuscmd_main(const struct agent_options *opts);

#endif /* !STATUSCMD_H_ */
