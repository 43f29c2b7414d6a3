#ifndef DOCTOR_SIGN_H_
#define DOCTOR_SIGN_H_

/*
 * doctor_sign - judges what came of having something signed as git does it.
 *
 * Layer:   provision.
 * Source:  ssh-keygen(1) -Y; git-config(1) gpg.ssh.program, user.signingkey.
 *
 * A signature is verified here, by our ssh-keygen, in a folder of its own that
 * is removed again.
 */

#include "provision/doctor_hosts.h"

/* Longest key and longest signature, in their text. */
#define DOCTOR_SIGN_KEY_MAX	4096
#define DOCTOR_SIGN_MAX		16384

enum doctor_signed {
	DOCTOR_SIGNED_UNSEEN,	/* nothing was said */
	DOCTOR_SIGNED_NO_LOAD,	/* no load has set git up */
	DOCTOR_SIGNED_NO_GIT,	/* there is no git */
	DOCTOR_SIGNED_NO_SETUP,	/* git does not sign with ssh, or has no key */
	DOCTOR_SIGNED_TRIED,
};

struct doctor_sign {
	enum doctor_signed	 how;
	uint32_t		 status;	/* of gpg.ssh.program */
	bool			 refused;	/* the agent refused it */
	char			 key[DOCTOR_SIGN_KEY_MAX];	/* TYPE BASE64;
						 * empty: it is no key */
	char			 said[DOCTOR_PROBE_TEXT_MAX];
	char			 text[DOCTOR_SIGN_MAX];	/* the signature, its
						 * lines; or empty */
};

/**
 * doctor_sign_take(facts, out):
 * Take apart what doctor_net.sh says of it.
 */
void doctor_sign_take(const struct doctor_facts *facts,
    struct doctor_sign *out);

/**
 * doctor_sign_verify(sign, data, path, why, whylen):
 * Whether it is a signature of the key over ${data}, in the namespace git.
 *
 * Errors: ST_UNTRUSTED  it is not; ${why} is what ssh-keygen says
 *         ST_NOT_FOUND  there is no ssh-keygen in ${path}
 *         ST_SYSTEM     it could not be looked at; ${why} says why
 */
int doctor_sign_verify(const struct doctor_sign *sign, const char *data,
    const char *path, char *why, size_t whylen) MUST_USE;

/**
 * doctor_sign(d, where, sign, verified, why, agent):
 * One finding for "signing"; ${verified} and ${why} are of doctor_sign_verify,
 * if there is a signature.
 */
void doctor_sign(struct doctor *d, const struct doctor_where *where,
    const struct doctor_sign *sign, int verified, const char *why,
    const struct doctor_word_of_agent *agent);

#endif /* !DOCTOR_SIGN_H_ */
