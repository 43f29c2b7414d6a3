#ifndef HELPCMD_H_
#define HELPCMD_H_

/*
 * helpcmd - bottle-provision help.
 *
 * Layer:   provision.
 */

#include "provision/options.h"

/**
 * helpcmd_main(opts):
 * Print a topic, or what topics there are, on stdout.  Returns an exit code:
 * see session.h.
 */
int helpcmd_main(const struct provision_options *opts);

#endif /* !HELPCMD_H_ */
