#ifndef ASK_H_
#define ASK_H_

/*
 * ask - the requests that an agent is measured with, and whether what comes
 * back is right.
 *
 * A signature is asked for as ssh does when it logs in: a userauth request
 * (RFC 4252 section 7), each with a session id of its own.
 */

#include <stdbool.h>
#include <stdint.h>

#include "proto/keyblob.h"
#include "proto/wire.h"

/* Longest frame that is sent: RSA of 4096 bits, whose blob it has twice. */
#define ASK_MAX		2048

/* One request that is sent over and over. */
struct ask {
	uint8_t			 frame[ASK_MAX];
	size_t			 len;
	size_t			 session;	/* where its id lies, of
						 * ASK_SESSION bytes; 0: none */
	size_t			 data_len;	/* of what is signed: the id,
						 * its length before it, and
						 * what follows */
	struct slice		 list;		/* the body that must come */
	struct public_fields	 key;
	const char		*algorithm;	/* of the signature */
};

#define ASK_SESSION	32

/* What a reply is. */
enum ask_verdict {
	ASK_RIGHT,
	ASK_SHORT,	/* an RSA signature without its leading zeros */
	ASK_WRONG
};

/**
 * ask_list(a, list):
 * Ask for the keys; ${list} is the body that must come back.
 *
 * Owns:   ${a} borrows ${list}.
 */
void ask_list(struct ask *a, struct slice list);

/**
 * ask_sign(a, blob, key):
 * Ask for signatures by a key; RSA with SHA-512.
 *
 * Owns:   ${a} borrows both.
 */
void ask_sign(struct ask *a, struct slice blob,
    const struct public_fields *key);

/**
 * ask_put(a, out, session):
 * The frame, with a session id made of the number ${session}, to ${out}, which
 * has room for ASK_MAX bytes.  Returns how long it is.
 */
size_t ask_put(const struct ask *a, uint8_t *out, const uint64_t session[2]);

/**
 * ask_check(a, body):
 * Whether a reply has the form and the length that it must have.
 */
enum ask_verdict ask_check(const struct ask *a, struct slice body);

/**
 * ask_verify(a, body, session):
 * Whether it has the signature that was asked for with that number.
 */
bool ask_verify(const struct ask *a, struct slice body,
    const uint64_t session[2]);

/**
 * ask_name(key):
 * What options and tables call a key: "ed25519", "ecdsa256", "rsa3072".
 *
 * Owns:   a static text, until the next call.
 */
const char *ask_name(const struct public_fields *key);

#endif /* !ASK_H_ */
