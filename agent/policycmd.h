#ifndef POLICYCMD_H_
#define POLICYCMD_H_

/*
 * policycmd - bottle-agent --check-policy.
 *
 * Layer:   agent.
 */

#include "agent/options.h"

/**
 * policycmd_main(opts):
 * Say what each rule of a file means, or everything that is wrong with it.
 * Returns an exit code.
 */
int policycmd_main(const struct agent_options *opts);

#endif /* !POLICYCMD_H_ */
