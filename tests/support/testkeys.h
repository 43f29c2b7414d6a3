#ifndef TESTKEYS_H_
#define TESTKEYS_H_

/*
 * testkeys - throw-away keys, made on the spot, and what to do with them.
 *
 * The vault must be open (testkeys_vault()).
 */

#include <stdbool.h>

#include "agent/key.h"
#include "proto/keyprivate.h"
#include "proto/request.h"

/* The types that there are test keys of: those with a private half. */
#define TESTKEY_TYPES	KEY_SK_ED25519

/* A key in plain memory: it is worth nothing. */
struct testkey {
	struct private_fields	 fields;	/* borrow from bytes */
	uint8_t			 bytes[16 * 1024];
	size_t			 used;
	uint8_t			 blob_bytes[KEYPRIVATE_PUBLIC_MAX];
	struct slice		 blob;		/* public */
};

/* Open the vault with mlock'd or, failing that, ordinary memory. */
void testkeys_vault(void);

/* The same, of that many bytes, and with room for more threads. */
void testkeys_vault_sized(size_t size);
void testkeys_vault_threads(size_t size, size_t threads);

/* Make a key; rsa_bits counts for RSA only. */
struct testkey *testkey_new(enum key_type type, unsigned rsa_bits);
void testkey_free(struct testkey *k);

/* An RSA key of 4096, 8192 or 16384 bits, made of two primes that everyone
 * knows: so large ones take years to find. */
struct testkey *testkey_new_large(unsigned bits);

/* Whether sig, the body of a SIGN_RESPONSE's string, is a signature of that
 * algorithm by that key over data. */
bool testkey_verify(const struct testkey *k, struct slice sig,
    const char *algorithm, struct slice data);

/* The same for a signature that was not put into a reply yet. */
bool testkey_made(const struct testkey *k, const struct signature *sig,
    struct slice data);

/* Sign something new with ${k} and see that it is a signature of ${tk}.  A
 * failure to sign is in *${st}. */
bool testkey_signs(struct key *k, const struct testkey *tk, int *st);

/* Append the body of an add request. */
void testkey_put_add(struct wire_writer *w, uint8_t type,
    const struct testkey *k, const char *comment, struct slice constraints);

/* An operation of the vault that takes what there is for operations, but for so
 * much; arg is the struct, and p is for OPENSSL_free(). */
struct testkeys_ballast {
	size_t	 leave;
	void	*p;
};

int testkeys_take_room(void *arg);

#endif /* !TESTKEYS_H_ */
