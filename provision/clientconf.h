#ifndef CLIENTCONF_H_
#define CLIENTCONF_H_

/*
 * clientconf - the files that a user's ssh and git need for the hosts of a
 * plan.  All of it is public.
 *
 * Layer:   provision.  No I/O.
 * Source:  ssh_config(5), sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT", git-config(1)
 *          gpg.ssh.*, ssh-keygen(1) "ALLOWED SIGNERS".
 *
 * In the home, CLIENTCONF_DIR holds a directory for each load, by its name.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "proto/placepipe.h"
#include "provision/plan.h"

#define CLIENTCONF_DIR	".ssh/bottle-agent"

struct clientconf_how {
	const char	*name;		/* of the load */
	const char	*socket;	/* of the agent, in the container */
	const char	*proxy;		/* for hosts that say none; NULL: none */
	const char	*bin;		/* folder of our programs there */
	bool		 sign;		/* git signs commits as well */
	const char	*sign_as;	/* principal of allowed_signers; NULL:
					 * "*" */
};

/* What is to be placed: frames FILE, COMMON and LINE of proto/placepipe.h. */
struct clientconf {
	struct placepipe_frame	*frame;
	size_t			 n;
	void			*kept;		/* the memory of it all */
};

/**
 * clientconf_make(plan, how, out, why, whylen):
 * Write them.  The keys of the plan have their public halves.
 *
 * config       a block for each host: HostName, User, Port, HostKeyAlias,
 *              IdentityAgent, the public keys (and certificates) with
 *              IdentitiesOnly, StrictHostKeyChecking and our known hosts where
 *              a key of the host is known, ServerAliveInterval 30, and a
 *              ProxyCommand with ProxyUseFdpass where there is a proxy.  A
 *              HostName that only one host has is in its Host line as well, so
 *              that URLs of git work as they are.
 * known_hosts  [NAME]:PORT where the port is not 22, for the name, and the
 *              alias
 * NAME.pub, NAME-cert.pub   of each key; NAME is from its file's name, and
 *              unique
 * env          (COMMON) SSH_AUTH_SOCK, for clients that read no ssh_config
 * gitconfig, allowed_signers   with ${how}->sign
 * and lines: an Include for .ssh/config, and an include for .gitconfig.
 *
 * Nothing that comes from the plan can end a line or a word: what ssh_config
 * could not take (blanks or quotes in a user's name, say) is an error.
 *
 * Errors: ST_MALFORMED  ${why} names the host, the field and what is wrong
 *         ST_TOO_LARGE  above a limit of placepipe.h
 *         ST_NOMEM
 */
int clientconf_make(const struct plan *plan, const struct clientconf_how *how,
    struct clientconf *out, char *why, size_t whylen) MUST_USE;

void clientconf_fini(struct clientconf *c);

#endif /* !CLIENTCONF_H_ */
