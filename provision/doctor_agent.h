#ifndef DOCTOR_AGENT_H_
#define DOCTOR_AGENT_H_

/*
 * doctor_agent - judges our programs, the agent, the way to its socket, who
 * may use it, how it keeps keys, and the keys and their rules.
 *
 * Layer:   provision.  No I/O.
 */

#include "provision/doctor_seen.h"

/* A key that has less than this to live is told of. */
#define DOCTOR_SOON_S	(24 * 60 * 60)

/**
 * doctor_agent(d, seen):
 * Findings for "programs", "agent", "socket", "peers", "memory", "hardening",
 * "keys" and "rules".
 */
void doctor_agent(struct doctor *d, const struct doctor_seen *seen);

#endif /* !DOCTOR_AGENT_H_ */
