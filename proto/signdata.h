#ifndef SIGNDATA_H_
#define SIGNDATA_H_

/*
 * signdata - what it is that an agent is asked to sign.
 *
 * Layer:   proto.
 * Source:  RFC 4252 section 7 and OpenSSH's PROTOCOL, section 3.2 "publickey-
 *          hostbound-v00@openssh.com"; OpenSSH's PROTOCOL.sshsig.
 */

#include "proto/wire.h"

enum signdata_kind {
	SIGNDATA_OTHER,		/* neither of those below, to the last byte */
	SIGNDATA_USERAUTH,
	SIGNDATA_SSHSIG,
};

/* All slices borrow from the data. */
struct signdata {
	enum signdata_kind kind;
	union {
		struct {
			struct slice	 session_id;
			struct slice	 user;		/* text */
			struct slice	 algorithm;	/* text */
			struct slice	 blob;		/* the key's */
			struct slice	 hostkey;	/* hostbound only */
			bool		 hostbound;
		} userauth;
		struct {
			struct slice	 ns;		/* text: "git" */
			struct slice	 hash_algorithm;	/* text */
			struct slice	 hash;
		} sshsig;
	};
};

/**
 * signdata_classify(data, out):
 * Tell what ${data} is.  A userauth request has a session id that is not
 * empty, is for the service ssh-connection and by publickey or its host-bound
 * form, with the flag set and nothing after it; its algorithm is one that
 * signs with the type of key in its blob, plain or certificate; the host key
 * of the host-bound form is any bytes, but not none.  An SSHSIG has a
 * namespace that is not empty, one of the two hashes of its specification, as
 * long as it is, and nothing after that.  All else is OTHER.
 */
void signdata_classify(struct slice data, struct signdata *out);

/**
 * signdata_is_for(d, blob):
 * Whether a userauth request is to be signed by the key with that blob; false
 * for all other data.
 */
bool signdata_is_for(const struct signdata *d, struct slice blob);

#endif /* !SIGNDATA_H_ */
