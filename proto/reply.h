#ifndef REPLY_H_
#define REPLY_H_

/*
 * reply - every agent reply: encode and decode.
 *
 * Layer:   proto.
 * Source:  RFC 9987 "Protocol Messages".
 */

#include "proto/agent_num.h"
#include "proto/wire.h"

/* What OpenSSH's clients read at most: identities in one list, and bytes in
 * one reply. */
#define REPLY_IDENTITIES_MAX	2048
#define REPLY_BODY_MAX		(256 * 1024)

/**
 * reply_put_code(w, type):
 * A reply of one byte: FAILURE, SUCCESS or EXTENSION_FAILURE.
 */
void reply_put_code(struct wire_writer *w, uint8_t type);

/**
 * reply_put_list(w, n), reply_put_identity(w, blob, comment):
 * IDENTITIES_ANSWER: the head with the number of identities, then each.
 */
void reply_put_list(struct wire_writer *w, uint32_t n);
void reply_put_identity(struct wire_writer *w, struct slice blob,
    struct slice comment);

/**
 * reply_identity_size(blob, comment):
 * Bytes that one identity takes in the list; the head takes
 * REPLY_LIST_HEAD.
 */
#define REPLY_LIST_HEAD	5
size_t reply_identity_size(struct slice blob, struct slice comment);

/**
 * reply_put_signature(w, algorithm, signature):
 * SIGN_RESPONSE with its signature blob (string algorithm, string signature).
 */
void reply_put_signature(struct wire_writer *w, const char *algorithm,
    struct slice signature);

/**
 * reply_put_extension(w, name):
 * The head of an EXTENSION_RESPONSE; its contents follow.
 */
void reply_put_extension(struct wire_writer *w, const char *name);

/* A decoded reply. */
struct reply {
	uint8_t		 type;
	struct slice	 rest;		/* all after the type byte */
};

/**
 * reply_decode(body, out):
 *
 * Errors: ST_MALFORMED  empty
 */
int reply_decode(struct slice body, struct reply *out) MUST_USE;

/**
 * reply_get_extension(reply, name, out):
 * The contents of an EXTENSION_RESPONSE of that name.
 *
 * Errors: ST_DENIED     the reply is FAILURE or EXTENSION_FAILURE
 *         ST_MALFORMED  anything else that is not that response
 */
int reply_get_extension(const struct reply *reply, const char *name,
    struct wire_reader *out) MUST_USE;

#endif /* !REPLY_H_ */
