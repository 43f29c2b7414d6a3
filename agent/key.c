#include "agent/key.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "agent/key_math.h"
#include "agent/vault.h"
#include "base/text.h"
#include "proto/agent_num.h"

/*
 * Ed25519 is libsodium's: twice as fast as libcrypto's, and it signs straight
 * from the bytes in the vault.  The others are an EVP_PKEY, made once inside a
 * vault scope, with one EVP_PKEY_CTX for each hash that was asked for, so that
 * nothing is rebuilt for a signature but the hash itself.
 */

enum hash {
	HASH_SHA1,
	HASH_SHA256,
	HASH_SHA384,
	HASH_SHA512,
	HASHES
};

struct key {
	enum key_type	 type;
	unsigned	 bits;
	uint8_t		*blob;
	size_t		 blob_len;
	char		 fingerprint[KEY_FINGERPRINT_MAX];
	uint8_t		*ed25519;	/* vault: seed, public half */
	EVP_PKEY	*pkey;		/* vault: all other types */
	EVP_PKEY_CTX	*sign[HASHES];	/* vault: made when first needed */
};

/* The trial signature is over this. */
static const char trial[] = "bottle-agent trial signature";

/* libcrypto's own objects for the hashes, fetched once, outside of scopes. */
static const EVP_MD *
hash_md(enum hash hash)
{
	static EVP_MD *md[HASHES];
	static const char *const name[HASHES] = { "SHA1", "SHA2-256",
		"SHA2-384", "SHA2-512" };

	if (md[hash] == NULL)
		md[hash] = EVP_MD_fetch(NULL, name[hash], NULL);
	return md[hash];
}

/* Make libcrypto build what it keeps for a type outside of the vault: sign
 * once with a key that is thrown away. */
static void
warm(enum key_type type)
{
	static bool done[KEY_TYPES];
	const struct key_type_info *info = key_type_info(type);
	EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	unsigned char sig[256], digest[32] = { 0 };
	size_t len = sizeof(sig);

	if (type == KEY_ED25519 || done[type])
		return;
	done[type] = true;
	for (enum hash h = HASH_SHA1; h < HASHES; h++)
		(void)hash_md(h);
	if (type == KEY_RSA)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)512);
	else
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC",
		    key_math_curve(type));
	if (pkey != NULL &&
	    (ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL)) != NULL &&
	    EVP_PKEY_sign_init(ctx) == 1 &&
	    (info->curve != NULL ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1) &&
	    EVP_PKEY_CTX_set_signature_md(ctx, hash_md(HASH_SHA256)) == 1)
		(void)EVP_PKEY_sign(ctx, sig, &len, digest, sizeof(digest));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
}

void
key_fingerprint_of(struct slice blob, char out[static KEY_FINGERPRINT_MAX])
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	struct text t;

	(void)crypto_hash_sha256(digest, blob.p, blob.len);
	text_init(&t, out, KEY_FINGERPRINT_MAX);
	text_add(&t, "SHA256:");
	text_base64(&t, digest, sizeof(digest), false);
}

/* Keep the public blob and its fingerprint. */
static int
keep_blob(struct key *k, const struct private_fields *fields)
{
	uint8_t room[KEYBLOB_PUBLIC_MAX];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice blob;
	int st;

	keyblob_public_put(&w, fields);
	if ((st = wire_done(&w, &blob)) != ST_OK)
		return st;
	if ((k->blob = malloc(blob.len)) == NULL)
		return ST_NOMEM;
	memcpy(k->blob, blob.p, blob.len);
	k->blob_len = blob.len;
	key_fingerprint_of(blob, k->fingerprint);
	return ST_OK;
}

/* Ed25519: derive the public half from the seed; it must be the one given,
 * since a signature made with a foreign one gives the key away. */
static int
make_ed25519(struct key *k, const struct private_fields *f, const char **why)
{
	unsigned char pk[crypto_sign_PUBLICKEYBYTES];

	k->bits = 256;
	k->ed25519 = secret_alloc(vault_region(), crypto_sign_SECRETKEYBYTES);
	if (k->ed25519 == NULL)
		return ST_FULL;
	(void)crypto_sign_seed_keypair(pk, k->ed25519, f->ed25519.sk.p);
	if (memcmp(pk, f->ed25519.pk.p, sizeof(pk)) != 0 ||
	    sodium_memcmp(k->ed25519, f->ed25519.sk.p,
	    crypto_sign_SECRETKEYBYTES) != 0) {
		*why = "the public half does not belong to the private one";
		return ST_MALFORMED;
	}
	return ST_OK;
}

/* The context that signs digests of one kind. */
static int
sign_context(struct key *k, enum hash hash, EVP_PKEY_CTX **out)
{
	EVP_PKEY_CTX *ctx = k->sign[hash];

	if (ctx == NULL) {
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
		if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
		    (k->type == KEY_RSA &&
		    EVP_PKEY_CTX_set_rsa_padding(ctx,
		    RSA_PKCS1_PADDING) != 1) ||
		    EVP_PKEY_CTX_set_signature_md(ctx,
		    hash_md(hash)) != 1) {
			EVP_PKEY_CTX_free(ctx);
			return key_math_fault();
		}
		k->sign[hash] = ctx;
	}
	*out = ctx;
	return ST_OK;
}

/* The hash and the algorithm's name for a key and the flags of a request. */
static int
choose_hash(const struct key *k, uint32_t flags, int legacy_rsa,
    enum hash *hash, const char **algorithm)
{
	static const enum hash by_curve[KEY_TYPES] = {
		[KEY_ECDSA_P256] = HASH_SHA256,
		[KEY_ECDSA_P384] = HASH_SHA384,
		[KEY_ECDSA_P521] = HASH_SHA512,
	};

	if ((flags & ~(SSH_AGENT_RSA_SHA2_256 | SSH_AGENT_RSA_SHA2_512)) != 0)
		return ST_UNSUPPORTED;
	*algorithm = key_type_info(k->type)->name;
	if (k->type != KEY_RSA) {
		*hash = by_curve[k->type];
	} else if ((flags & SSH_AGENT_RSA_SHA2_256) != 0) {
		*hash = HASH_SHA256;
		*algorithm = "rsa-sha2-256";
	} else if ((flags & SSH_AGENT_RSA_SHA2_512) != 0) {
		*hash = HASH_SHA512;
		*algorithm = "rsa-sha2-512";
	} else if (legacy_rsa) {
		*hash = HASH_SHA1;
	} else {
		return ST_UNSUPPORTED;
	}
	return ST_OK;
}

/* Hash and sign with libcrypto, inside a scope; for ECDSA the two numbers are
 * rewritten from DER, whose integers have the very bytes of an mpint. */
static int
sign_evp(struct key *k, enum hash hash, struct slice data,
    struct signature *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE], raw[KEY_SIGNATURE_MAX];
	unsigned digest_len = 0;
	size_t len = sizeof(raw);
	EVP_PKEY_CTX *ctx = NULL;
	int st;

	if (EVP_Digest(data.p, data.len, digest, &digest_len, hash_md(hash),
	    NULL) != 1)
		return ST_CRYPTO;
	vault_enter();
	if ((st = sign_context(k, hash, &ctx)) == ST_OK &&
	    EVP_PKEY_sign(ctx, raw, &len, digest, digest_len) != 1)
		st = key_math_fault();
	vault_leave();
	if (st != ST_OK)
		return st;
	if (k->type == KEY_RSA) {
		memcpy(out->bytes, raw, len);
		out->len = len;
		return ST_OK;
	}
	return key_math_ecdsa_signature((struct slice){ raw, len },
	    out->bytes, sizeof(out->bytes), &out->len);
}

int
key_sign(struct key *k, struct slice data, uint32_t flags, int legacy_rsa,
    struct signature *out)
{
	enum hash hash;
	int st;

	if ((st = choose_hash(k, flags, legacy_rsa, &hash,
	    &out->algorithm)) != ST_OK)
		return st;
	if (k->type != KEY_ED25519)
		return sign_evp(k, hash, data, out);
	out->len = crypto_sign_BYTES;
	(void)crypto_sign_detached(out->bytes, NULL, data.p, data.len,
	    k->ed25519);
	return ST_OK;
}

/* Sign something and verify it: what was accepted can sign, and the parts
 * that were not compared belong together. */
static int
try_out(struct key *k, const char **why)
{
	struct slice data = slice_str(trial);
	struct signature sig;
	int st;

	if ((st = key_sign(k, data, k->type == KEY_RSA ?
	    SSH_AGENT_RSA_SHA2_256 : 0, 0, &sig)) == ST_FULL ||
	    st == ST_NOMEM)
		return st;
	if (st == ST_OK && k->type == KEY_ED25519)
		st = crypto_sign_verify_detached(sig.bytes, data.p, data.len,
		    k->ed25519 + crypto_sign_SEEDBYTES) == 0 ?
		    ST_OK : ST_MALFORMED;
	else if (st == ST_OK)
		st = key_math_verify(k->type, k->pkey, data,
		    (struct slice){ sig.bytes, sig.len });
	if (st != ST_OK && st != ST_FULL) {
		*why = "a trial signature does not verify";
		st = ST_MALFORMED;
	}
	return st;
}

int
key_new(struct key **out, const struct private_fields *fields,
    const char **why)
{
	struct key *k = NULL;
	int st;

	*out = NULL;
	*why = "out of memory";
	if ((k = calloc(1, sizeof(*k))) == NULL)
		return ST_NOMEM;
	k->type = fields->type;
	warm(k->type);
	vault_enter();
	if (k->type == KEY_ED25519)
		st = make_ed25519(k, fields, why);
	else if (k->type == KEY_RSA)
		st = key_math_rsa(fields, &k->pkey, &k->bits, why);
	else
		st = key_math_ecdsa(fields, &k->pkey, &k->bits, why);
	vault_leave();
	if (st == ST_OK)
		st = keep_blob(k, fields);
	if (st == ST_OK)
		st = try_out(k, why);
	if (st == ST_FULL)
		*why = "no room left in locked memory";
	if (st == ST_OK) {
		*out = k;
		k = NULL;
	}
	key_free(k);
	return st;
}

void
key_free(struct key *k)
{
	if (k == NULL)
		return;
	for (enum hash h = HASH_SHA1; h < HASHES; h++)
		EVP_PKEY_CTX_free(k->sign[h]);
	EVP_PKEY_free(k->pkey);
	secret_free(vault_region(), k->ed25519);
	free(k->blob);
	free(k);
}

enum key_type
key_type(const struct key *k)
{
	return k->type;
}

unsigned
key_bits(const struct key *k)
{
	return k->bits;
}

struct slice
key_blob(const struct key *k)
{
	return (struct slice){ k->blob, k->blob_len };
}

const char *
key_fingerprint(const struct key *k)
{
	return k->fingerprint;
}
