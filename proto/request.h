#ifndef REQUEST_H_
#define REQUEST_H_

/*
 * request - every agent request: decode and encode.
 *
 * Layer:   proto.
 * Source:  RFC 9987 "Protocol Messages"; what is lenient is so because
 *          OpenSSH is: bytes after the fields are ignored for every request
 *          but the adds, where they are the constraints.
 * Secrets: an add, a lock and an unlock borrow private bytes.
 */

#include "proto/agent_num.h"
#include "proto/keyprivate.h"
#include "proto/wire.h"

struct request {
	uint8_t		 type;		/* SSH_AGENTC_* */
	union {
		struct {
			struct slice	 blob;
			struct slice	 data;
			uint32_t	 flags;
		} sign;
		struct {
			struct private_fields	 key;
			struct slice		 comment;
			struct slice		 constraints;
		} add;			/* 17 and 25 alike */
		struct {
			struct slice	 blob;
		} remove;
		struct {
			struct slice	 passphrase;
		} lock;			/* 22 and 23 */
		struct {
			struct slice	 name;
			struct slice	 body;	/* all that follows */
		} extension;
	};
};

/**
 * request_decode(body, out):
 * Decode the body of one frame.
 *
 * Owns:   ${out} borrows from ${body}.
 * Errors: ST_MALFORMED    a field is missing or broken
 *         ST_TOO_LARGE    a number in a key is too long
 *         ST_UNSUPPORTED  a message number we do not serve, or an add of a
 *                         key type we do not hold
 *         ${out}->type is set in every case but an empty ${body}.
 */
int request_decode(struct slice body, struct request *out) MUST_USE;

/**
 * request_decode_add(in, out):
 * Decode what follows the message number of ADD_ID_CONSTRAINED; ${out}->type
 * is set to it.
 *
 * Errors: as request_decode()
 */
int request_decode_add(struct slice in, struct request *out) MUST_USE;

/**
 * request_encode(w, req):
 * Append ${req} as a body.  What was decoded without error and had no ignored
 * bytes comes out as it went in.
 */
void request_encode(struct wire_writer *w, const struct request *req);

/**
 * request_encode_add(w, req):
 * Append what request_decode_add() takes: an add without its message number.
 */
void request_encode_add(struct wire_writer *w, const struct request *req);

/**
 * request_is_add(type), request_has_secret(type):
 * Whether a message number adds a private key (17, 25), and whether its body
 * carries anything secret at all (those, 22 and 23).
 */
bool request_is_add(uint8_t type);
bool request_has_secret(uint8_t type);

#endif /* !REQUEST_H_ */
