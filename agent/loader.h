#ifndef LOADER_H_
#define LOADER_H_

/*
 * loader - bottle-agent --load: keys from stdin into the agent.
 *
 * Layer:   agent.  A short-lived process that knows key text; the one that
 *          serves keys never does.
 *
 * In this order: a terminal on stdin is refused; the agent is found, or
 * started; who serves the socket and who could change its path is checked;
 * only then are the vault opened and stdin read, with read(2), into locked
 * memory.  Keys travel sealed through load@bottle-agent: all of them are in
 * force afterwards, or none.
 */

#include "agent/options.h"

/**
 * loader_main(opts):
 * Do it.  On stdout one line per key: type, fingerprint, comment; on stderr
 * everything else.  Returns an exit code.
 */
int loader_main(const struct agent_options *opts);

#endif /* !LOADER_H_ */
