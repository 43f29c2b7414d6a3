#ifndef LOCKCMD_H_
#define LOCKCMD_H_

/*
 * lockcmd - bottle-agent --lock and --unlock.
 *
 * Layer:   agent; the client's side.
 * Secrets: the passphrase, and the frame that it is sent in, in a locked
 *          region; see base/secret.h.
 * Source:  RFC 9987, "Agent Locking".
 *
 * The passphrase is the first line of stdin, or is asked for where stdin is a
 * terminal: twice for --lock.  It goes to an agent of root or of our own uid
 * and to no other, and comes to no argument or environment.
 *
 * The protocol has one answer for all that can be wrong.  Where the agent tells
 * us its status, we know beforehand whether it is locked, and what a refusal
 * means.
 */

#include "agent/options.h"

/**
 * lockcmd_main(opts):
 * Do what ${opts}->command says.  Returns an exit code:
 *
 *	EXIT_DONE         it is locked, or unlocked, now
 *	EXIT_FAILED       it was already, or it cannot be told why not
 *	EXIT_USAGE        no passphrase, or one that cannot be
 *	EXIT_DENIED       it is the wrong one; or we may not
 *	EXIT_MEMORY       no locked memory for it
 *	EXIT_UNREACHABLE  no agent, or no answer
 */
int lockcmd_main(const struct agent_options *opts);

#endif /* !LOCKCMD_H_ */
