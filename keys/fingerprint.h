#ifndef FINGERPRINT_H_
#define FINGERPRINT_H_

/*
 * fingerprint - a public key as people compare it.
 *
 * Layer:   keys.
 * Source:  ssh-keygen(1) -l.
 */

#include "base/status.h"
#include "proto/wire.h"

/* "SHA256:", 43 characters, and the NUL. */
#define FINGERPRINT_MAX	52

/**
 * fingerprint_sha256(blob, out):
 * "SHA256:" and base64 without padding, of any public blob.
 */
void fingerprint_sha256(struct slice blob, char out[static FINGERPRINT_MAX]);

#endif /* !FINGERPRINT_H_ */
