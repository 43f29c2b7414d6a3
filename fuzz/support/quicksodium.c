/*
 * quicksodium - in the place of libsodium's curve arithmetic (--wrap).
 *
 * What comes out of Ed25519 depends on nothing but what goes in, and a
 * conversation has few keys, hosts and texts, which come again and again: each
 * is computed once and looked up from then on.  What goes in is compared by its
 * BLAKE2b, so that a byte that differs is another signature here, too.
 *
 * Boxes, which the key of a load travels in, all have one pair of keys, and are
 * all sealed with the same one-time pair: so what both agree on is looked up as
 * well.  They are as libsodium makes them.
 */

#include <stdint.h>
#include <string.h>

#include <sodium.h>

#include "faults/fault.h"

#define PLACES		16384
#define NAME_LEN	32

/* What a name in its place stands for. */
struct place {
	uint8_t		 name[NAME_LEN];
	uint8_t		 value[crypto_sign_BYTES];	/* or a key */
	int		 st;
};

static struct place places[PLACES];

int __wrap_crypto_sign_verify_detached(const unsigned char *sig,
    const unsigned char *m, unsigned long long len, const unsigned char *pk);
int __real_crypto_sign_verify_detached(const unsigned char *sig,
    const unsigned char *m, unsigned long long len, const unsigned char *pk);
int __wrap_crypto_sign_detached(unsigned char *sig, unsigned long long *siglen,
    const unsigned char *m, unsigned long long len, const unsigned char *sk);
int __real_crypto_sign_detached(unsigned char *sig, unsigned long long *siglen,
    const unsigned char *m, unsigned long long len, const unsigned char *sk);
int __wrap_crypto_sign_seed_keypair(unsigned char *pk, unsigned char *sk,
    const unsigned char *seed);
int __real_crypto_sign_seed_keypair(unsigned char *pk, unsigned char *sk,
    const unsigned char *seed);

int __wrap_crypto_box_keypair(unsigned char *pk, unsigned char *sk);
int __real_crypto_box_keypair(unsigned char *pk, unsigned char *sk);
int __wrap_crypto_box_seal(unsigned char *c, const unsigned char *m,
    unsigned long long len, const unsigned char *pk);
int __wrap_crypto_box_seal_open(unsigned char *m, const unsigned char *c,
    unsigned long long len, const unsigned char *pk, const unsigned char *sk);

/* The place of what a function makes of these; true: it is known.  Those of
 * fixed length come first, so that no two are the same in a row. */
static bool
find(uint8_t function, const void *a, size_t alen, const void *b, size_t blen,
    const void *c, size_t clen, struct place **out)
{
	crypto_generichash_state st;
	uint8_t name[NAME_LEN];
	struct place *p;
	uint32_t at;
	bool known;

	(void)crypto_generichash_init(&st, NULL, 0, sizeof(name));
	(void)crypto_generichash_update(&st, &function, 1);
	(void)crypto_generichash_update(&st, a, alen);
	(void)crypto_generichash_update(&st, b, blen);
	(void)crypto_generichash_update(&st, c, clen);
	(void)crypto_generichash_final(&st, name, sizeof(name));
	memcpy(&at, name, sizeof(at));
	p = &places[at % PLACES];
	known = memcmp(p->name, name, sizeof(name)) == 0;
	memcpy(p->name, name, sizeof(name));
	*out = p;
	return known;
}

int
__wrap_crypto_sign_verify_detached(const unsigned char *sig,
    const unsigned char *m, unsigned long long len, const unsigned char *pk)
{
	struct place *p;

	if (fault_fails(FAULT_crypto_sign_verify_detached))
		return -1;
	if (!find('v', sig, crypto_sign_BYTES, pk, crypto_sign_PUBLICKEYBYTES,
	    m, (size_t)len, &p))
		p->st = __real_crypto_sign_verify_detached(sig, m, len, pk);
	return p->st;
}

int
__wrap_crypto_sign_detached(unsigned char *sig, unsigned long long *siglen,
    const unsigned char *m, unsigned long long len, const unsigned char *sk)
{
	struct place *p;

	if (!find('s', sk, crypto_sign_SECRETKEYBYTES, "", 0, m, (size_t)len,
	    &p))
		p->st = __real_crypto_sign_detached(p->value, NULL, m, len, sk);
	memcpy(sig, p->value, crypto_sign_BYTES);
	if (siglen != NULL)
		*siglen = crypto_sign_BYTES;
	return p->st;
}

int
__wrap_crypto_sign_seed_keypair(unsigned char *pk, unsigned char *sk,
    const unsigned char *seed)
{
	struct place *p;

	if (!find('k', seed, crypto_sign_SEEDBYTES, "", 0, "", 0, &p))
		p->st = __real_crypto_sign_seed_keypair(p->value, sk, seed);
	memcpy(pk, p->value, crypto_sign_PUBLICKEYBYTES);
	memcpy(sk, seed, crypto_sign_SEEDBYTES);
	memcpy(sk + crypto_sign_SEEDBYTES, p->value,
	    crypto_sign_PUBLICKEYBYTES);
	return p->st;
}

/* A pair of keys that is made once. */
struct pair {
	uint8_t		 pk[crypto_box_PUBLICKEYBYTES];
	uint8_t		 sk[crypto_box_SECRETKEYBYTES];
	bool		 made;
};

static const struct pair *
pair_of(struct pair *p)
{
	if (!p->made)
		(void)__real_crypto_box_keypair(p->pk, p->sk);
	p->made = true;
	return p;
}

/* What ${sk} and ${pk} agree on, and the nonce of a box from ${from} to ${to};
 * NULL: they cannot agree. */
static const uint8_t *
agree(const uint8_t *pk, const uint8_t *sk, const uint8_t *from,
    const uint8_t *to, uint8_t nonce[crypto_box_NONCEBYTES])
{
	crypto_generichash_state st;
	struct place *p;

	(void)crypto_generichash_init(&st, NULL, 0, crypto_box_NONCEBYTES);
	(void)crypto_generichash_update(&st, from, crypto_box_PUBLICKEYBYTES);
	(void)crypto_generichash_update(&st, to, crypto_box_PUBLICKEYBYTES);
	(void)crypto_generichash_final(&st, nonce, crypto_box_NONCEBYTES);
	if (!find('b', pk, crypto_box_PUBLICKEYBYTES, sk,
	    crypto_box_SECRETKEYBYTES, "", 0, &p))
		p->st = crypto_box_beforenm(p->value, pk, sk);
	return p->st == 0 ? p->value : NULL;
}

int
__wrap_crypto_box_keypair(unsigned char *pk, unsigned char *sk)
{
	static struct pair all;

	memcpy(pk, pair_of(&all)->pk, crypto_box_PUBLICKEYBYTES);
	memcpy(sk, all.sk, crypto_box_SECRETKEYBYTES);
	return 0;
}

int
__wrap_crypto_box_seal(unsigned char *c, const unsigned char *m,
    unsigned long long len, const unsigned char *pk)
{
	static struct pair once;
	uint8_t nonce[crypto_box_NONCEBYTES];
	const uint8_t *key;

	if (fault_fails(FAULT_crypto_box_seal))
		return -1;
	memcpy(c, pair_of(&once)->pk, crypto_box_PUBLICKEYBYTES);
	if ((key = agree(pk, once.sk, once.pk, pk, nonce)) == NULL)
		return -1;
	return crypto_box_easy_afternm(c + crypto_box_PUBLICKEYBYTES, m, len,
	    nonce, key);
}

int
__wrap_crypto_box_seal_open(unsigned char *m, const unsigned char *c,
    unsigned long long len, const unsigned char *pk, const unsigned char *sk)
{
	uint8_t nonce[crypto_box_NONCEBYTES];
	const uint8_t *key;

	if (fault_fails(FAULT_crypto_box_seal_open) ||
	    len < crypto_box_SEALBYTES ||
	    (key = agree(c, sk, c, pk, nonce)) == NULL)
		return -1;
	return crypto_box_open_easy_afternm(m, c + crypto_box_PUBLICKEYBYTES,
	    len - crypto_box_PUBLICKEYBYTES, nonce, key);
}
