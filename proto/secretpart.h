#ifndef SECRETPART_H_
#define SECRETPART_H_

/*
 * secretpart - how much of a request, from its beginning, is secret.
 *
 * Layer:   proto.
 * Source:  RFC 9987 "Adding Keys to the Agent", "Locking"; OpenSSH's
 *          PROTOCOL.certkeys and PROTOCOL.u2f for the other layouts.
 *
 * For what arrives in pieces: of an add the private key and its comment are
 * secret, of a lock and an unlock the passphrase.  The constraints of an add
 * are not, and neither is anything after a passphrase.
 */

#include "proto/wire.h"

/**
 * secretpart_measure(in, len, need):
 * ${in} is the beginning of a body of ${len} bytes, for whose message number
 * request_has_secret() holds.  *${need} becomes the length of the secret part,
 * or, as long as that cannot be told, how many bytes it takes to tell more.
 *
 * Errors: ST_MORE       *${need} is above ${in}.len: that many are needed
 *         ST_MALFORMED  such a request can only be refused: a key of a type
 *                       that we do not hold, or a field that is longer than
 *                       the body
 */
int secretpart_measure(struct slice in, size_t len, size_t *need) MUST_USE;

#endif /* !SECRETPART_H_ */
