#ifndef PROVISION_STATUSCMD_H_
#define PROVISION_STATUSCMD_H_

/*
 * statuscmd - bottle-provision status.
 *
 * Layer:   provision.
 */

#include "provision/options.h"

/**
 * statuscmd_main(opts):
 * Ask the agent of each target how it is, and show it.  Returns an exit code:
 * see session.h.
 */
int statuscmd_main(const struct provision_options *opts);

#endif /* !PROVISION_STATUSCMD_H_ */
