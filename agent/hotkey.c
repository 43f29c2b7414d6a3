#include "agent/hotkey.h"

#include <assert.h>
#include <pthread.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "agent/vault.h"
#include "proto/keyprivate.h"

/*
 * With the EVP_PKEY one EVP_PKEY_CTX is kept for each hash that was asked for:
 * making it costs as much as a tenth of an ECDSA signature.  A context serves
 * one thread at a time: who uses it takes it out, and a second thread makes
 * one more, of which the first that is put back stays.
 *
 * What libcrypto makes of a parsed key is not to be trusted after an allocation
 * failed in it, even if it says that all went well.  RSA is blinded by a number
 * and its inverse, which all threads but one share, and which are replaced with
 * every 32nd signature; if that fails half-way, libcrypto does not notice (in
 * BN_BLINDING_create_param()), and this signature and those that follow, in
 * whatever thread, are wrong.  So the key is spoilt from the moment in which
 * the allocation fails, no signature that ends later counts, and it turns cold
 * as soon as nobody uses it.
 *
 * Invariants, under the lock: the list has exactly the hot keys, the one that
 * was used last first; a key with users is hot.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct hotkey *hottest, *coldest;

/* Take a key out of the list. */
static void
unlist(struct hotkey *h)
{
	if (h->hotter != NULL)
		h->hotter->colder = h->colder;
	else
		hottest = h->colder;
	if (h->colder != NULL)
		h->colder->hotter = h->hotter;
	else
		coldest = h->hotter;
	h->hotter = h->colder = NULL;
}

/* Put a key at the hot end of the list. */
static void
enlist(struct hotkey *h)
{
	h->colder = hottest;
	if (hottest != NULL)
		hottest->hotter = h;
	else
		coldest = h;
	hottest = h;
}

/* Give up what is kept for a hot key without users. */
static void
cool(struct hotkey *h)
{
	unlist(h);
	for (enum key_hash i = KEY_SHA1; i < KEY_HASHES; i++) {
		EVP_PKEY_CTX_free(h->spare[i]);
		h->spare[i] = NULL;
	}
	EVP_PKEY_free(h->pkey);
	h->pkey = NULL;
	atomic_store(&h->spoilt, false);
}

void
hotkey_cool(struct hotkey *h)
{
	(void)pthread_mutex_lock(&lock);
	if (h->pkey != NULL && h->users == 0)
		cool(h);
	(void)pthread_mutex_unlock(&lock);
}

bool
hotkey_cool_one(const struct hotkey *except)
{
	struct hotkey *h;

	(void)pthread_mutex_lock(&lock);
	for (h = coldest; h != NULL; h = h->hotter)
		if (h != except && h->users == 0)
			break;
	if (h != NULL)
		cool(h);
	(void)pthread_mutex_unlock(&lock);
	return h != NULL;
}

bool
hotkey_is_hot(struct hotkey *h)
{
	bool hot;

	(void)pthread_mutex_lock(&lock);
	hot = h->pkey != NULL;
	(void)pthread_mutex_unlock(&lock);
	return hot;
}

bool
hotkey_is_spoilt(struct hotkey *h)
{
	return atomic_load(&h->spoilt);
}

/* Build the EVP_PKEY of a key from its record. */
static int
import(const struct hotkey *h, EVP_PKEY **out)
{
	struct wire_reader r = wire_reader(h->record);
	struct private_fields fields;
	int st;

	/* We wrote it ourselves. */
	if (keyprivate_get(&r, &fields) != ST_OK)
		return ST_INTERNAL;
	if ((st = key_math_import(&fields, out)) == ST_OK &&
	    vault_was_full()) {
		EVP_PKEY_free(*out);
		*out = NULL;
		st = key_math_fault();
	}
	return st;
}

/* Begin to use a key: it is hot then, and stays so until put_back(). */
static int
take(struct hotkey *h)
{
	EVP_PKEY *fresh = NULL;
	bool hot, spoilt;
	int st;

	(void)pthread_mutex_lock(&lock);
	spoilt = atomic_load(&h->spoilt);
	if ((hot = h->pkey != NULL) && !spoilt) {
		unlist(h);
		enlist(h);
		h->users++;
	}
	(void)pthread_mutex_unlock(&lock);
	if (spoilt)
		return ST_FULL;
	if (!hot && (st = import(h, &fresh)) != ST_OK)
		return st;
	if (!hot) {
		(void)pthread_mutex_lock(&lock);
		/* Another thread may have been faster. */
		if (h->pkey == NULL) {
			h->pkey = fresh;
			fresh = NULL;
			enlist(h);
		}
		h->users++;
		(void)pthread_mutex_unlock(&lock);
		EVP_PKEY_free(fresh);
	}
	vault_watch(&h->spoilt);
	return ST_OK;
}

/* What came of the use of a key that said ${st}. */
static int
judge(struct hotkey *h, int st)
{
	if (st == ST_FULL || !atomic_load(&h->spoilt))
		return st;
	/* For the errors in the queue; the room may have been short in another
	 * thread. */
	st = key_math_fault();
	return st == ST_CRYPTO ? ST_FULL : st;
}

/* Take the spare context for a hash, or make one. */
static int
take_context(struct hotkey *h, enum key_hash hash, EVP_PKEY_CTX **out)
{
	EVP_PKEY_CTX *ctx;

	(void)pthread_mutex_lock(&lock);
	ctx = h->spare[hash];
	h->spare[hash] = NULL;
	(void)pthread_mutex_unlock(&lock);
	if (ctx == NULL) {
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, h->pkey, NULL);
		if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
		    (h->type == KEY_RSA &&
		    EVP_PKEY_CTX_set_rsa_padding(ctx,
		    RSA_PKCS1_PADDING) != 1) ||
		    EVP_PKEY_CTX_set_signature_md(ctx,
		    key_math_md(hash)) != 1) {
			EVP_PKEY_CTX_free(ctx);
			return key_math_fault();
		}
	}
	*out = ctx;
	return ST_OK;
}

/* End the use of a key; ctx may be NULL. */
static void
put_back(struct hotkey *h, enum key_hash hash, EVP_PKEY_CTX *ctx)
{
	vault_watch(NULL);
	(void)pthread_mutex_lock(&lock);
	assert(h->users > 0);
	h->users--;
	if (ctx != NULL && h->spare[hash] == NULL) {
		h->spare[hash] = ctx;
		ctx = NULL;
	}
	if (h->users == 0 && atomic_load(&h->spoilt))
		cool(h);
	(void)pthread_mutex_unlock(&lock);
	EVP_PKEY_CTX_free(ctx);
}

int
hotkey_sign(struct hotkey *h, enum key_hash hash, struct slice digest,
    uint8_t *raw, size_t *len)
{
	EVP_PKEY_CTX *ctx = NULL;
	int st;

	if ((st = take(h)) != ST_OK)
		return st;
	if ((st = take_context(h, hash, &ctx)) == ST_OK &&
	    EVP_PKEY_sign(ctx, raw, len, digest.p, digest.len) != 1)
		st = key_math_fault();
	if ((st = judge(h, st)) != ST_OK) {
		/* It may be in any state. */
		EVP_PKEY_CTX_free(ctx);
		ctx = NULL;
	}
	put_back(h, hash, ctx);
	return st;
}

int
hotkey_verify(struct hotkey *h, struct slice data, struct slice sig)
{
	int st;

	if ((st = take(h)) != ST_OK)
		return st;
	st = judge(h, key_math_verify(h->type, h->pkey, data, sig));
	put_back(h, KEY_SHA1, NULL);
	return st;
}
