#ifndef DOCTORCMD_H_
#define DOCTORCMD_H_

/*
 * doctorcmd - bottle-provision doctor.
 *
 * Layer:   provision.
 */

#include "provision/options.h"

/**
 * doctorcmd_main(opts):
 * Walk the chain from here to a login from each target, print what is ok and
 * what is not, and what mends it.  Nothing is changed, there or here.
 *
 * Returns an exit code: SESSION_DONE, also with warnings; SESSION_FAILED where
 * something is bad; SESSION_UNREACHABLE where nothing could be looked at.
 */
int doctorcmd_main(const struct provision_options *opts);

#endif /* !DOCTORCMD_H_ */
