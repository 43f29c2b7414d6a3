#ifndef HOTKEY_H_
#define HOTKEY_H_

/*
 * hotkey - the cache of parsed keys.
 *
 * Layer:   agent; for key.c only.
 * Memory:  an EVP_PKEY is made from a key's record when it is first used, in
 *          the room for operations of the vault, and kept until that is needed
 *          for something else.  One that is in use is never given up.  One
 *          for which an allocation failed is not used again.
 * Threads: any.  The lock is not held while libcrypto works with a key, only
 *          while one is given up.
 */

#include <stdatomic.h>

#include <openssl/evp.h>

#include "agent/key_math.h"
#include "proto/keyblob.h"
#include "proto/wire.h"

/* The part of a key that this module sees to; all zeroes but for the first two
 * at the start. */
struct hotkey {
	enum key_type	 type;
	struct slice	 record;	/* private fields, in the vault */
	/* Private: of the cache, NULL while the key is cold. */
	EVP_PKEY	*pkey;
	EVP_PKEY_CTX	*spare[KEY_HASHES];
	unsigned	 users;
	atomic_bool	 spoilt;	/* an allocation failed in its use */
	struct hotkey	*hotter, *colder;
};

/**
 * hotkey_sign(h, hash, digest, raw, len):
 * Sign a digest, as an operation of the vault.
 *
 * Shape:  what EVP_PKEY_sign() gives: *${len} is the room at ${raw} and
 *         becomes what was used.
 * Errors: ST_FULL      also when it was another thread for whose work with the
 *                      key there was no room
 *         ST_CRYPTO, ST_INTERNAL
 */
int hotkey_sign(struct hotkey *h, enum key_hash hash, struct slice digest,
    uint8_t *raw, size_t *len) MUST_USE;

/**
 * hotkey_verify(h, data, sig):
 * key_math_verify() with the key, as an operation of the vault.
 */
int hotkey_verify(struct hotkey *h, struct slice data, struct slice sig)
    MUST_USE;

/**
 * hotkey_is_spoilt(h):
 * Whether ${h} cannot be used before all that use it have ended.
 */
bool hotkey_is_spoilt(struct hotkey *h);

/**
 * hotkey_is_hot(h):
 */
bool hotkey_is_hot(struct hotkey *h);

/**
 * hotkey_cool(h):
 * Give up what is kept for ${h}, unless it is in use.
 */
void hotkey_cool(struct hotkey *h);

/**
 * hotkey_cool_one(except):
 * Give up the key that was used longest ago, of those that are not in use, but
 * not ${except}; false: there is none.
 */
bool hotkey_cool_one(const struct hotkey *except);

#endif /* !HOTKEY_H_ */
