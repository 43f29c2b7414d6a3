#ifndef KEYFILE_H_
#define KEYFILE_H_

/*
 * keyfile - a private key of the operator's, out of its file.
 *
 * Layer:   provision.
 * Source:  ssh(1), FILES: who may read a private key.
 * Secrets: the text and all that is made of it lie in the locked region that
 *          is given.  A key that is encrypted is never opened by us: ssh-add
 *          is run for it, see addpoint.h.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"
#include "base/status.h"
#include "proto/keyprivate.h"
#include "provision/plan.h"

/* Longest file. */
#define KEYFILE_MAX	(64 * 1024)

struct keyfile {
	struct private_fields	 fields;	/* borrow from mem */
	struct slice		 comment;	/* likewise */
	void			*mem;		/* pieces of the region */
	void			*mem2;
	struct slice		*certs;		/* blobs; public, ordinary memory */
	size_t			 n_certs;
};

struct keyfile_how {
	struct secret	*region;
	bool		 prompt;	/* ssh-add may ask for a passphrase */
	const char	*ssh_add;	/* absolute; NULL: not there */
};

/**
 * keyfile_read(how, key, out, why, whylen):
 * Read the key of a plan, and the certificates for it: the one that is named,
 * or PATH-cert.pub if that is there.  Fills comment, fingerprint, pub and certs
 * of ${key}.  A file that others may read is refused, as ssh does; so is
 * anything but a regular file.  A public key at the path (as an agent's user
 * may have it) is told apart, and so is one of a security key.
 *
 * Errors: ST_NOT_FOUND    there is no such file
 *         ST_UNTRUSTED    its mode or owner
 *         ST_LOCKED       it is encrypted, and nobody may be asked, or did not
 *                         answer
 *         ST_UNSUPPORTED, ST_MALFORMED, ST_TOO_LARGE, ST_FULL, ST_NOMEM,
 *         ST_SYSTEM
 *         ${why} is one line that names the file and says what to do.
 */
int keyfile_read(const struct keyfile_how *how, struct plan_key *key,
    struct keyfile *out, char *why, size_t whylen) MUST_USE;

void keyfile_fini(const struct keyfile_how *how, struct keyfile *k);

#endif /* !KEYFILE_H_ */
