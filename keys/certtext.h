#ifndef CERTTEXT_H_
#define CERTTEXT_H_

/*
 * certtext - certificates out of the text that keys come in.
 *
 * Layer:   keys; not for a process that serves keys.
 * Source:  sshd(8) "AUTHORIZED_KEYS FILE FORMAT" and OpenSSH's
 *          PROTOCOL.certkeys: a line of type, base64 and comment, as
 *          ssh-keygen writes it to *-cert.pub.
 * Memory:  what is kept is public, and in ordinary memory.
 * Secrets: the text has private keys too; of those no byte is copied.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "proto/keyblob.h"
#include "proto/wire.h"

/* Most certificates in one text: an agent holds no more. */
#define CERTTEXT_MAX	2048

struct certtext_cert {
	size_t		 line;		/* where it stands, from 1 */
	const char	*type;		/* static: its type's name */
	uint8_t		*bytes;		/* of the three that follow */
	struct slice	 blob;		/* the certificate */
	struct slice	 key;		/* blob of the plain key */
	struct slice	 key_id;	/* anybody's text */
};

struct certtext {
	struct certtext_cert	*at;
	size_t			 n;
};

/**
 * certtext_find_all(out, text, why, whylen):
 * Find every certificate that has a line of its own in ${text}, each once.
 * Whether its signature is good is not looked at.
 *
 * Errors: ST_UNSUPPORTED  a line with a plain public key, or a certificate
 *                         that certificate_decode() does not take
 *         ST_MALFORMED    a certificate that is damaged
 *         ST_TOO_LARGE    longer than any that is taken
 *         ST_FULL         more than CERTTEXT_MAX
 *         ST_NOMEM
 *         ${why} then holds one line for people, which says where it is and
 *         what to do, and ${out} is empty.
 */
int certtext_find_all(struct certtext *out, struct slice text, char *why,
    size_t whylen) MUST_USE;

/**
 * certtext_fini(c):
 * May be called twice.
 */
void certtext_fini(struct certtext *c);

#endif /* !CERTTEXT_H_ */
