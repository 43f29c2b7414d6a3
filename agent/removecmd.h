#ifndef REMOVECMD_H_
#define REMOVECMD_H_

/*
 * removecmd - `bottle-agent --remove`: what a load has brought goes again.
 *
 * Layer:   agent.
 * Source:  docs/PROTOCOL.md section 6.
 *
 * The keys go at once and in one step, or none does.  That there were none is
 * no failure, and is said.  Who serves the socket must be root or ourselves:
 * anybody else could say that keys are gone that are not.
 */

#include "agent/options.h"

/**
 * removecmd_main(opts):
 * Prints a line for each key that went, as --load does, or with --json an
 * object.  EXIT_UNREACHABLE says that nobody serves the socket, and nothing
 * else.
 */
int removecmd_main(const struct agent_options *opts);

#endif /* !REMOVECMD_H_ */
