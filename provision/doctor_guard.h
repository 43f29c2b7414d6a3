#ifndef DOCTOR_GUARD_H_
#define DOCTOR_GUARD_H_

/*
 * doctor_guard - judges what goes round the agent: other agents that ask
 * nobody, private keys that lie about, and ways for the user to become root,
 * who may do everything.
 *
 * Layer:   provision.  No I/O.
 * Source:  SECURITY.md; capabilities(7).
 */

#include "provision/doctor_seen.h"

/**
 * doctor_guard(d, seen):
 * Findings for "second-agent", "stray-keys" and "root".
 */
void doctor_guard(struct doctor *d, const struct doctor_seen *seen);

#endif /* !DOCTOR_GUARD_H_ */
