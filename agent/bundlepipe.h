#ifndef BUNDLEPIPE_H_
#define BUNDLEPIPE_H_

/*
 * bundlepipe - a bundle from stdin into the agent: the loading process as a
 * pipe that never sees a key.
 *
 * Layer:   agent; the loading process only.
 * Source:  docs/PROTOCOL.md section 7; see proto/loadpipe.h.
 */

#include <stdbool.h>

#include "agent/loadcall.h"
#include "agent/options.h"

/* How long the host may be silent, in seconds. */
#define BUNDLEPIPE_WAIT_S	120

/**
 * bundlepipe_run(c, name, opts):
 * Begin a load of that name, say hello, carry what comes, and commit when the
 * host says so.  What went wrong is said in the line that ends it, on stdout;
 * if the host goes away or falls silent before that, nothing was loaded.
 * LOADPIPE_MAGIC has been read.  Returns an exit code.
 */
int bundlepipe_run(struct loadcall *c, struct slice name,
    const struct agent_options *opts);

#endif /* !BUNDLEPIPE_H_ */
