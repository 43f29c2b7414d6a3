#ifndef DOCTOR_CLIENT_H_
#define DOCTOR_CLIENT_H_

/*
 * doctor_client - judges what the user's ssh and git make of the files of our
 * loads, and of all else that they read.
 *
 * Layer:   provision.  No I/O.
 * Source:  provision/clientconf.h for what we write; ssh_config(5), ssh(1) -G.
 */

#include "provision/doctor_seen.h"

#define DOCTOR_HOST_MAX	256

/**
 * doctor_client(d, seen):
 * Findings for "ssh-config" and "git".
 */
void doctor_client(struct doctor *d, const struct doctor_seen *seen);

/**
 * doctor_client_hosts(user, out, max):
 * The hosts that the files of our loads name, each once: the first word behind
 * Host.  What ssh could take for an option or a pattern is left out.
 */
size_t doctor_client_hosts(const struct doctor_facts *user,
    char (*out)[DOCTOR_HOST_MAX], size_t max);

#endif /* !DOCTOR_CLIENT_H_ */
