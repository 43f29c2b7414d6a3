#ifndef DOCTOR_NET_H_
#define DOCTOR_NET_H_

/*
 * doctor_net - tries what the keys are for: goes to the hosts of the loads as
 * the user does, and has something signed for git.
 *
 * Layer:   provision.
 *
 * At the hosts no command is run, and the user's files stay as they are.  What
 * cannot be done without is counted where it is: the agent makes a signature
 * for each login and one for git, by the rules of the keys.
 */

#include "provision/doctor.h"

/* Hosts that are tried at the same time. */
#define DOCTOR_NET_HOSTS	8
/* How long these and a signature take at most, beside what any step does. */
#define DOCTOR_NET_MS		90000

/**
 * doctor_net(d, where):
 * Findings for "proxy", "host-key", "login" and "signing".
 */
void doctor_net(struct doctor *d, const struct doctor_where *where);

#endif /* !DOCTOR_NET_H_ */
