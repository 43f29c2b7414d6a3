#ifndef PROVISION_LOCKCMD_H_
#define PROVISION_LOCKCMD_H_

/*
 * lockcmd - bottle-provision lock and unlock.
 *
 * Layer:   provision.
 * Secrets: the passphrase, in a locked region until all targets are done, and
 *          in the pipe to a program in each of them.  In no argument, no
 *          environment and no file.
 */

#include "provision/options.h"

/**
 * lockcmd_main(opts):
 * Ask for the passphrase, or read it, and give it to the agent of each target.
 * Returns an exit code: see session.h.
 */
int lockcmd_main(const struct provision_options *opts);

#endif /* !PROVISION_LOCKCMD_H_ */
