#ifndef PROVISION_REMOVECMD_H_
#define PROVISION_REMOVECMD_H_

/*
 * removecmd - bottle-provision remove.
 *
 * Layer:   provision.
 *
 * The keys first: that they are gone is what matters most, and an agent that
 * refuses leaves all as it was.  Then the files of the user.  An agent that does
 * not run has no keys, and is no reason to leave the files.  Whatever happens in
 * between, the next one completes it.
 */

#include "provision/options.h"

/**
 * removecmd_main(opts):
 * Take a load, or all, out of each target.  Returns an exit code: see
 * session.h.
 */
int removecmd_main(const struct provision_options *opts);

#endif /* !PROVISION_REMOVECMD_H_ */
