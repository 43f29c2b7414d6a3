#ifndef SIGNER_H_
#define SIGNER_H_

/*
 * signer - the other side of agent/verify.h: keys of every type that sign.
 *
 * The keys are those of key_vectors.h, so that every run is the same; an sk
 * key has the private half of the plain type.  libcrypto and libsodium are used
 * as they are, without a vault.
 */

#include <openssl/evp.h>

#include "proto/keyblob.h"

/* Longest blob, and longest signature with its algorithm. */
#define SIGNER_BLOB_MAX		1200
#define SIGNER_SIG_MAX		1200

struct signer {
	EVP_PKEY		*pkey;		/* NULL: Ed25519 */
	uint8_t			 secret[64];	/* of Ed25519 */
	uint8_t			 bytes[SIGNER_BLOB_MAX];
	struct slice		 blob;
	struct public_fields	 key;		/* borrows from it */
	uint8_t			 flags;		/* sk: what is signed, too */
	uint32_t		 counter;
};

/* Make one; *s must not be moved afterwards. */
void signer_init(struct signer *s, enum key_type type);
void signer_fini(struct signer *s);

/* Make one of an RSA key of libcrypto's, which becomes its own. */
void signer_init_rsa(struct signer *s, EVP_PKEY *pkey);

/* The algorithm that is used where none is named. */
const char *signer_algorithm(const struct signer *s);

/* Append a signature as verify_signature() wants it; algorithm NULL: the
 * usual one. */
void signer_put(const struct signer *s, struct wire_writer *w,
    const char *algorithm, struct slice data);

#endif /* !SIGNER_H_ */
