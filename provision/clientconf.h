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

/* What is to be placed: frames FILE, COMMON and LINE of proto/placepipe.h, in
 * this order. */
struct clientconf {
	struct placepipe_frame	*frame;	/* owns names and bytes */
	size_t			 n;
};

/**
 * clientconf_make(plan, how, out, why, whylen):
 * Write them.  The keys of the plan have their public halves.
 *
 * config       a block for each host, in the order of the plan: HostName and
 *              Port in any case, so that what a user has below does not say
 *              others; User and HostKeyAlias if there are any; IdentityAgent;
 *              the public keys (and certificates) with IdentitiesOnly; where a
 *              key of the host is known, StrictHostKeyChecking with our known
 *              hosts and no others; a ProxyCommand with ProxyUseFdpass where
 *              there is a proxy, and none where it is "direct";
 *              ServerAliveInterval 30; no ForwardAgent.  A HostName that only
 *              one host has, and that is no other's Host, is in its Host line
 *              as well, so that URLs of git work as they are.
 * known_hosts  where any key of any host is known, by the name that ssh looks
 *              for: the alias, or [NAME]:PORT where the port is not 22, or the
 *              name.  A CA is marked @cert-authority
 * STEM.pub, STEM-cert.pub   of each key and certificate; STEM is the last part
 *              of its path in letters, digits and _ . -, unique but for case
 * gitconfig, allowed_signers   with ${how}->sign: for the first key of the
 *              plan that may sign "git" or "any"
 * env          (COMMON) SSH_AUTH_SOCK, for clients that read no ssh_config
 * and lines: an Include for .ssh/config, and with ${how}->sign an include for
 * .gitconfig.
 *
 * Nothing that comes from the plan or the options can end a line or a word, or
 * be expanded by ssh, git or a shell: what could is an error.  So is a proxy's
 * URL with a user or a password in it, which the file would give away.
 *
 * Owns:   ${out} is empty after an error.
 * Errors: ST_MALFORMED  ${why} names the host or the option, the field and what
 *                       would be right; with ${how}->sign also that no key may
 *                       sign commits
 *         ST_TOO_LARGE  above a limit of placepipe.h
 *         ST_NOMEM
 *         ${why} is one line that is safe to print, and shows no proxy's URL.
 */
int clientconf_make(const struct plan *plan, const struct clientconf_how *how,
    struct clientconf *out, char *why, size_t whylen) MUST_USE;

/**
 * clientconf_fini(c):
 * May be called twice.
 */
void clientconf_fini(struct clientconf *c);

#endif /* !CLIENTCONF_H_ */
