#ifndef WATCHCMD_H_
#define WATCHCMD_H_

/*
 * watchcmd - bottle-provision watch.
 *
 * Layer:   provision.
 */

#include "provision/options.h"

/**
 * watchcmd_main(opts):
 * Do it until SIGTERM or SIGINT.  On stdout what watchsay.h says, on stderr
 * everything else.  Returns an exit code: see session.h.
 */
int watchcmd_main(const struct provision_options *opts);

#endif /* !WATCHCMD_H_ */
