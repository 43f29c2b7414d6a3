#ifndef LOADCMD_H_
#define LOADCMD_H_

/*
 * loadcmd - bottle-provision load.
 *
 * Layer:   provision.
 */

#include "provision/options.h"

/**
 * loadcmd_main(opts):
 * Do it.  On stdout what report.h says, on stderr everything else.  Returns an
 * exit code: see session.h.
 */
int loadcmd_main(const struct provision_options *opts);

#endif /* !LOADCMD_H_ */
