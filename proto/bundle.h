#ifndef BUNDLE_H_
#define BUNDLE_H_

/*
 * bundle - the sealed stream in which a load travels.
 *
 * Layer:   proto: the shape only; keys/seal.h does the cryptography.
 *
 * Shape:   BUNDLE_SEALED bytes   the stream's key, sealed to the one-time
 *                                public key of the receiver
 *                                (libsodium crypto_box_seal)
 *          BUNDLE_HEADER bytes   header of the stream
 *                                (libsodium crypto_secretstream)
 *          then records          u32 length, that many bytes of ciphertext
 *
 * One record is one message of the secretstream.  Its plaintext is a byte
 * BUNDLE_*, then a body.  The last one, and only that, has the stream's final
 * tag and is BUNDLE_END: nothing depends on an end of file.
 */

#include "proto/request.h"
#include "proto/wire.h"

#define BUNDLE_SEALED		80
#define BUNDLE_HEADER		24
/* What a record's ciphertext is longer by than its plaintext. */
#define BUNDLE_OVERHEAD		17
/* Longest plaintext of a record, in bytes: RSA of 16384 bits with a long
 * comment. */
#define BUNDLE_RECORD_MAX	(16 * 1024)

enum bundle_kind {
	BUNDLE_KEY = 1,		/* what follows the message number of
				 * ADD_ID_CONSTRAINED */
	BUNDLE_END = 255,	/* u32 number of records before this one */
};

struct bundle_record {
	enum bundle_kind	 kind;
	union {
		struct slice	 key;	/* for request_decode_add() */
		uint32_t	 count;
	};
};

/**
 * bundle_record_decode(plain, out):
 * Decode one record.
 *
 * Owns:   ${out} borrows from ${plain}.
 * Errors: ST_MALFORMED, ST_UNSUPPORTED (a kind unknown to us)
 */
int bundle_record_decode(struct slice plain, struct bundle_record *out)
    MUST_USE;

/**
 * bundle_put_key(w, add), bundle_put_end(w, count):
 * Append the plaintext of a record.  ${add} is a decoded or built add request.
 */
void bundle_put_key(struct wire_writer *w, const struct request *add);
void bundle_put_end(struct wire_writer *w, uint32_t count);

#endif /* !BUNDLE_H_ */
