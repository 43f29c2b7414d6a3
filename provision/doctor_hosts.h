#ifndef DOCTOR_HOSTS_H_
#define DOCTOR_HOSTS_H_

/*
 * doctor_hosts - judges the way to a host, the key that it shows, and whether
 * it lets the user in.
 *
 * Layer:   provision.  No I/O.
 */

#include <jansson.h>

#include "provision/doctor_probe.h"

/* What the agent says, where something was not right; each may be NULL. */
struct doctor_word_of_agent {
	const json_t	*status;	/* --status --json */
	const json_t	*refusals;	/* of --explain --json: the list */
};

/**
 * doctor_hosts(d, where, probe, agent):
 * Findings for "proxy", "host-key" and "login", one of each.
 */
void doctor_hosts(struct doctor *d, const struct doctor_where *where,
    const struct doctor_probe *probe, const struct doctor_word_of_agent *agent);

/**
 * doctor_hosts_asks(probe):
 * Whether the agent has to be asked why it went wrong.
 */
bool doctor_hosts_asks(const struct doctor_probe *probe);

/* Why the agent did not sign. */
struct doctor_refusal {
	char		 text[512];	/* "the agent refused it: ..." */
	const char	*remedy;	/* in the refusals; or NULL */
};

/**
 * doctor_refusal(refusals, uid, kind, print, out):
 * The last refusal of a signature for that uid: ${kind} is "login" or "sshsig",
 * ${print} a fingerprint, or NULL for any.  False if there is none.
 */
bool doctor_refusal(const json_t *refusals, uint32_t uid, const char *kind,
    const char *print, struct doctor_refusal *out);

#endif /* !DOCTOR_HOSTS_H_ */
