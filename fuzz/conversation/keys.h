#ifndef KEYS_H_
#define KEYS_H_

/*
 * keys - keys and words that conversations are about, by their numbers.
 *
 * All are made at the start; private halves lie in plain memory of the target.
 */

#include <stdint.h>

#include "fuzz/support/keyset.h"

/* Keys: two of Ed25519, one of ECDSA, one of RSA, and the first one once more,
 * with a certificate. */
enum { KEYS = 5, KEY_RSA_OURS = 3, KEY_CERT = 4 };

/* Words; the first passphrase is none, and so is the first name of a load.  The
 * last passphrase is the second one with a NUL, the last name begins with the
 * second. */
enum { KEYS_COMMENTS = 4, KEYS_PASSPHRASES = 4, KEYS_LOADS = 3 };

extern struct testkey *keys[KEYS];
extern const char *const keys_comments[KEYS_COMMENTS];
extern const struct slice keys_passphrases[KEYS_PASSPHRASES];
extern const char *const keys_loads[KEYS_LOADS];

/* Make them, after stage_init() and hosts_init(); once. */
void keys_init(void);

/* The fingerprint that records have. */
#define KEYS_FINGERPRINT_MAX	64
void keys_fingerprint_of(struct slice blob,
    char out[static KEYS_FINGERPRINT_MAX]);

/* The algorithm that flags ask for, or NULL. */
const char *keys_algorithm(unsigned key, uint32_t flags);

#endif /* !KEYS_H_ */
