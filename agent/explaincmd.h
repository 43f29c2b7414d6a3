#ifndef EXPLAINCMD_H_
#define EXPLAINCMD_H_

/*
 * explaincmd - bottle-agent --explain.
 *
 * Layer:   agent.
 */

#include "agent/options.h"

/**
 * explaincmd_main(opts):
 * Ask the agent what it refused lately and print it, the last refusal first,
 * with what to change; or, with --json, as JSON.  Returns an exit code.
 */
int explaincmd_main(const struct agent_options *opts);

#endif /* !EXPLAINCMD_H_ */
