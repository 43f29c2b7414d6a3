#include "support/signer.h"

#include <assert.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/param_build.h>
#include <sodium.h>

#include "proto/keyprivate.h"
#include "support/key_vectors.h"

#define PRIVATE_MAX	4096

/* libcrypto's names of the hash and curve of a type. */
static const char *
curve_of(enum key_type type)
{
	return type == KEY_ECDSA_P384 ? "P-384" :
	    type == KEY_ECDSA_P521 ? "P-521" : "P-256";
}

static const char *
hash_of(enum key_type type, const char *algorithm)
{
	if (strcmp(algorithm, "ssh-rsa") == 0)
		return "SHA1";
	if (strcmp(algorithm, "rsa-sha2-512") == 0)
		return "SHA2-512";
	return type == KEY_ECDSA_P384 ? "SHA2-384" :
	    type == KEY_ECDSA_P521 ? "SHA2-512" : "SHA2-256";
}

/* Have libcrypto make a key of what is in the builder. */
static EVP_PKEY *
build(const char *type, OSSL_PARAM_BLD *bld)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY *pkey = NULL;
	int ok = ctx != NULL && params != NULL &&
	    EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) == 1;

	assert(ok);
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static BIGNUM *
number(struct slice n)
{
	BIGNUM *bn = BN_bin2bn(n.p, (int)n.len, NULL);

	assert(bn != NULL);
	return bn;
}

static EVP_PKEY *
rsa_pkey(const struct private_fields *f)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *n = number(f->rsa.n), *e = number(f->rsa.e);
	BIGNUM *d = number(f->rsa.d);
	EVP_PKEY *pkey;
	int ok = OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_D, d) == 1;

	assert(ok);
	pkey = build("RSA", bld);
	BN_free(n);
	BN_free(e);
	BN_free(d);
	OSSL_PARAM_BLD_free(bld);
	return pkey;
}

static EVP_PKEY *
ecdsa_pkey(const struct private_fields *f)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *d = number(f->ecdsa.d);
	EVP_PKEY *pkey;
	int ok = OSSL_PARAM_BLD_push_utf8_string(bld,
	    OSSL_PKEY_PARAM_GROUP_NAME, curve_of(f->type), 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
	    f->ecdsa.q.p, f->ecdsa.q.len) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1;

	assert(ok);
	pkey = build("EC", bld);
	BN_free(d);
	OSSL_PARAM_BLD_free(bld);
	return pkey;
}

/* Keep the blob, and the fields as they are in it. */
static void
keep_blob(struct signer *s, const struct public_fields *key)
{
	struct wire_writer w = wire_writer(s->bytes, sizeof(s->bytes));
	int st;

	keyblob_put(&w, key);
	st = wire_done(&w, &s->blob);
	assert(st == ST_OK);
	st = keyblob_decode(s->blob, &s->key);
	assert(st == ST_OK);
}

void
signer_init(struct signer *s, enum key_type type)
{
	enum key_type plain = type == KEY_SK_ED25519 ? KEY_ED25519 :
	    type == KEY_SK_ECDSA_P256 ? KEY_ECDSA_P256 : type;
	const char *hex = key_vectors[plain].private_hex;
	uint8_t bytes[PRIVATE_MAX];
	struct private_fields f;
	struct public_fields key;
	struct wire_reader r;
	size_t len;
	int st;

	*s = (struct signer){ .flags = 1, .counter = 0x01020304 };
	st = sodium_hex2bin(bytes, sizeof(bytes), hex, strlen(hex), NULL, &len,
	    NULL);
	assert(st == 0);
	r = wire_reader((struct slice){ bytes, len });
	st = keyprivate_get(&r, &f);
	assert(st == ST_OK);
	keyprivate_public(&f, &key);
	if (plain == KEY_RSA)
		s->pkey = rsa_pkey(&f);
	else if (plain == KEY_ED25519)
		memcpy(s->secret, f.ed25519.sk.p, sizeof(s->secret));
	else
		s->pkey = ecdsa_pkey(&f);
	key.type = type;
	if (key_type_info(type)->sk)
		key.application = slice_str("ssh:test");
	keep_blob(s, &key);
}

void
signer_init_rsa(struct signer *s, EVP_PKEY *pkey)
{
	uint8_t n[1024], e[8];
	BIGNUM *bn = NULL, *be = NULL;
	struct public_fields key = { .type = KEY_RSA };
	int ok = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &bn) == 1 &&
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &be) == 1 &&
	    BN_num_bytes(bn) <= (int)sizeof(n) &&
	    BN_num_bytes(be) <= (int)sizeof(e);

	assert(ok);
	*s = (struct signer){ .pkey = pkey };
	key.n = (struct slice){ n, (size_t)BN_bn2bin(bn, n) };
	key.e = (struct slice){ e, (size_t)BN_bn2bin(be, e) };
	keep_blob(s, &key);
	BN_free(bn);
	BN_free(be);
}

void
signer_fini(struct signer *s)
{
	EVP_PKEY_free(s->pkey);
	s->pkey = NULL;
}

const char *
signer_algorithm(const struct signer *s)
{
	return s->key.type == KEY_RSA ? "rsa-sha2-256" :
	    key_type_info(s->key.type)->name;
}

/* Append r and s of a signature that libcrypto made. */
static void
put_numbers(struct wire_writer *w, const unsigned char *der, size_t len)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	const BIGNUM *r, *s;
	uint8_t bytes[66];
	size_t mark = wire_open_string(w);

	assert(sig != NULL);
	ECDSA_SIG_get0(sig, &r, &s);
	wire_put_mpint(w, (struct slice){ bytes,
	    (size_t)BN_bn2bin(r, bytes) });
	wire_put_mpint(w, (struct slice){ bytes,
	    (size_t)BN_bn2bin(s, bytes) });
	wire_close_string(w, mark);
	ECDSA_SIG_free(sig);
}

/* Have libcrypto sign, and append the signature in SSH's form. */
static void
put_pkey(const struct signer *s, struct wire_writer *w, const char *algorithm,
    struct slice data)
{
	const char *hash = hash_of(s->key.type, algorithm);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[1024];
	size_t len = sizeof(sig);
	int ok = EVP_DigestSignInit_ex(ctx, NULL, hash, NULL, NULL, s->pkey,
	    NULL) == 1 && EVP_DigestSign(ctx, sig, &len, data.p,
	    data.len) == 1;

	assert(ok);
	if (s->key.type == KEY_RSA)
		wire_put_string(w, (struct slice){ sig, len });
	else
		put_numbers(w, sig, len);
	EVP_MD_CTX_free(ctx);
}

void
signer_put(const struct signer *s, struct wire_writer *w,
    const char *algorithm, struct slice data)
{
	bool sk = key_type_info(s->key.type)->sk;
	uint8_t message[32 + 5 + 32], sig[64];
	struct wire_writer tail = wire_writer(message + 32, 5);

	if (algorithm == NULL)
		algorithm = signer_algorithm(s);
	if (sk) {
		(void)crypto_hash_sha256(message, s->key.application.p,
		    s->key.application.len);
		wire_put_u8(&tail, s->flags);
		wire_put_u32(&tail, s->counter);
		(void)crypto_hash_sha256(message + 37, data.p, data.len);
		data = (struct slice){ message, sizeof(message) };
	}
	wire_put_str(w, algorithm);
	if (s->pkey == NULL) {
		(void)crypto_sign_detached(sig, NULL, data.p, data.len,
		    s->secret);
		wire_put_string(w, (struct slice){ sig, sizeof(sig) });
	} else {
		put_pkey(s, w, algorithm, data);
	}
	if (sk)
		wire_put_bytes(w, (struct slice){ message + 32, 5 });
}
