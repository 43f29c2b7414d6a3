#ifndef KEYPRINT_H_
#define KEYPRINT_H_

/*
 * keyprint - the SHA256 fingerprint of a public key, as people compare it.
 *
 * Layer:   keys.
 * Source:  ssh-keygen(1) -l.
 */

#include "proto/wire.h"

/* "SHA256:", 43 digits of base64 without padding, and a NUL. */
#define KEYPRINT_MAX	51

/**
 * keyprint_write(blob, out):
 * "SHA256:..." of the key as on the wire.
 */
void keyprint_write(struct slice blob, char out[static KEYPRINT_MAX]);

#endif /* !KEYPRINT_H_ */
