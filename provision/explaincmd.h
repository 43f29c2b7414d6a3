#ifndef PROVISION_EXPLAINCMD_H_
#define PROVISION_EXPLAINCMD_H_

/*
 * explaincmd - bottle-provision explain.
 *
 * Layer:   provision.
 */

#include "provision/options.h"

/**
 * explaincmd_main(opts):
 * Ask the agent of each target what it refused lately, and show it.  Returns an
 * exit code: see session.h.
 */
int explaincmd_main(const struct provision_options *opts);

#endif /* !PROVISION_EXPLAINCMD_H_ */
