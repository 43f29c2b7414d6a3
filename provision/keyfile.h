#ifndef KEYFILE_H_
#define KEYFILE_H_

/*
 * keyfile - a private key of the operator's, out of its file.
 *
 * Layer:   provision.
 * Source:  ssh(1), FILES: who may read a private key; ssh-add(1) for the
 *          certificate beside it.
 * Secrets: the text and all that is made of it lie in the locked region that
 *          is given; of it only the comment is copied.  A key that is
 *          encrypted is never opened by us: ssh-add is run for it, see
 *          addpoint.h, which says what the caller does about signals.
 */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"
#include "base/status.h"
#include "keys/certtext.h"
#include "proto/keyprivate.h"
#include "provision/plan.h"

/* Longest file, of a key or of certificates. */
#define KEYFILE_MAX	(64 * 1024)
/* Room for notes; what does not fit is left out. */
#define KEYFILE_NOTE_MAX	4096

struct keyfile {
	struct private_fields	 fields;	/* borrow from mem */
	struct slice		 comment;	/* borrows from the plan's key */
	void			*mem;		/* a piece of the region */
	struct slice		*certs;		/* blobs; public, ordinary memory */
	size_t			 n_certs;
	struct certtext		 kept;		/* what they borrow from */
	char			 note[KEYFILE_NOTE_MAX];	/* warnings, lines
							 * with '\n'; or "" */
};

struct keyfile_how {
	struct secret	*region;
	bool		 prompt;	/* ssh-add may ask for a passphrase */
	const char	*ssh_add;	/* absolute; NULL: not there */
	const char	*run_dir;	/* $XDG_RUNTIME_DIR; NULL: "/tmp" */
	int64_t		 ask_ms;	/* 0: ADDPOINT_ASK_MS */
	const volatile sig_atomic_t *stop;	/* not 0: give up; or NULL */
};

/**
 * keyfile_read(how, key, out, why, whylen):
 * Read the key of a plan, and the certificates for it: those in the file that
 * is named, or in PATH-cert.pub if that is there.  Fills comment, fingerprint,
 * pub and certs of ${key}.  Of several keys in a file the first is taken, as
 * ssh does.
 *
 * The comment is the key's own, else that of PATH.pub, else the last part of
 * the path.
 *
 * A file of ours that others may read is refused, as ssh does; so is anything
 * but a regular file.  A public key at the path (as an agent's user may have
 * it) is told apart, and so is one of a security key.
 *
 * What is strange but can be used is in ${out}->note: a certificate that is
 * not valid now, a PATH.pub of another key.
 *
 * Errors: ST_NOT_FOUND    there is no such file
 *         ST_DENIED       we may not read it
 *         ST_UNTRUSTED    others may read it; or ssh-add found another key in
 *                         it than its public half says
 *         ST_LOCKED       it is encrypted, and nobody may be asked, or did not
 *                         answer
 *         ST_CLOSED       *${how}->stop was set
 *         ST_UNSUPPORTED  no regular file, no private key, a type or format
 *                         that is not taken
 *         ST_MALFORMED    damaged; or the certificate that is named is not
 *                         there, or one is not for this key
 *         ST_TOO_LARGE, ST_FULL, ST_NOMEM, ST_SYSTEM
 *         ${why} is one line that names the file and says what to do; ${key}
 *         has no comment, fingerprint, pub and certs then, and ${out} holds
 *         nothing.
 */
int keyfile_read(const struct keyfile_how *how, struct plan_key *key,
    struct keyfile *out, char *why, size_t whylen) MUST_USE;

/**
 * keyfile_fini(how, k):
 * Wipe and release.  What was filled in the plan's key stays.  May be called
 * twice.
 */
void keyfile_fini(const struct keyfile_how *how, struct keyfile *k);

#endif /* !KEYFILE_H_ */
