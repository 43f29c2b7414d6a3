#include "agent/lock.h"

#include <string.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "agent/key_math.h"
#include "agent/vault.h"

#define SALT_LEN	16
#define FULL_LEN	(SALT_LEN + sizeof(size_t))
#define HASH_LEN	64
/* About a millisecond: the passphrase of a lock lives as long as the lock,
 * and guessing through the agent is slowed down by waiting. */
#define ROUNDS		2048

/* A passphrase to be stretched. */
struct stretch {
	struct slice	 passphrase;
	const uint8_t	*salt;		/* SALT_LEN bytes and the length */
	uint8_t		*hash;
};

/* As an operation of the vault, in which all of libcrypto's work lies. */
static int
stretch_run(void *arg)
{
	struct stretch *s = arg;

	return PKCS5_PBKDF2_HMAC((const char *)s->passphrase.p,
	    (int)s->passphrase.len, s->salt, (int)FULL_LEN, ROUNDS,
	    EVP_sha512(),
	    HASH_LEN, s->hash) == 1 ? ST_OK : key_math_fault();
}

/* Stretch a passphrase. */
static int
stretch(struct slice passphrase, const uint8_t *salt, uint8_t *hash)
{
	uint8_t full[FULL_LEN], none[HASH_LEN];
	struct stretch args = { passphrase, full, hash };
	static bool warm;

	/* HMAC fills a short key up with zeros and hashes a long one: without
	 * its length in the salt, "a" and "a\0" would be the same. */
	memcpy(full, salt, SALT_LEN);
	memcpy(full + SALT_LEN, &passphrase.len, sizeof(passphrase.len));
	/* What libcrypto keeps for later is made outside of the vault. */
	if (!warm)
		(void)PKCS5_PBKDF2_HMAC("", 0, salt, SALT_LEN, 1,
		    EVP_sha512(), HASH_LEN, none);
	warm = true;
	return vault_run(stretch_run, &args, 0);
}

/* Not a part of its caller: bench/instructions.sh counts from one call of it to
 * the next. */
__attribute__((noinline)) int
lock_set(struct lock *l, struct slice passphrase)
{
	uint8_t *kept;
	int st;

	if (l->locked)
		return ST_LOCKED;
	if (passphrase.len == 0)
		return ST_MALFORMED;
	if ((kept = secret_alloc(vault_region(), SALT_LEN + HASH_LEN)) == NULL)
		return ST_FULL;
	randombytes_buf(kept, SALT_LEN);
	if ((st = stretch(passphrase, kept, kept + SALT_LEN)) != ST_OK) {
		secret_free(vault_region(), kept);
		return st;
	}
	l->kept = kept;
	l->locked = true;
	return ST_OK;
}

int
lock_clear(struct lock *l, struct slice passphrase, int64_t now_ms,
    int64_t *delay_ms)
{
	uint8_t *hash;
	bool same;
	int st;

	*delay_ms = 0;
	if (!l->locked)
		return ST_NOT_FOUND;
	if (passphrase.len == 0)
		return ST_MALFORMED;
	if (now_ms < l->busy_until_ms) {
		*delay_ms = l->busy_until_ms - now_ms;
		return ST_DENIED;
	}
	if ((hash = secret_alloc(vault_region(), HASH_LEN)) == NULL)
		return ST_FULL;
	if ((st = stretch(passphrase, l->kept, hash)) != ST_OK) {
		secret_free(vault_region(), hash);
		return st;
	}
	same = sodium_memcmp(hash, l->kept + SALT_LEN, HASH_LEN) == 0;
	secret_free(vault_region(), hash);
	if (same) {
		lock_fini(l);
		return ST_OK;
	}
	if (l->failures < LOCK_FAILURES_MAX)
		l->failures++;
	*delay_ms = (int64_t)l->failures * LOCK_DELAY_MS;
	l->busy_until_ms = now_ms + *delay_ms;
	return ST_DENIED;
}

void
lock_fini(struct lock *l)
{
	if (l->kept != NULL)
		secret_free(vault_region(), l->kept);
	memset(l, 0, sizeof(*l));
}
