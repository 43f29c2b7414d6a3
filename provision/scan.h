#ifndef SCAN_H_
#define SCAN_H_

/*
 * scan - the keys of hosts that nobody knows yet: asked for over the network,
 * and taken when the operator says yes.
 *
 * Layer:   provision.
 */

#include "base/status.h"
#include "provision/gather.h"
#include "provision/target.h"

/**
 * scan_hosts(g, via, why, whylen):
 * Ask every host of the plan that is known by no key.  ${via} is the target to
 * go through, or NULL: from here.
 *
 * Errors: those of hostscan_run()
 *         ST_UNTRUSTED  the operator says no, or there is no terminal to ask
 *                       at, or a proxy's URL has a password in it, which
 *                       others could see
 *         ${why} is one line.
 */
int scan_hosts(struct gather *g, const struct target *via, char *why,
    size_t whylen) MUST_USE;

#endif /* !SCAN_H_ */
