#include "support/testkeys.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "agent/vault.h"
#include "proto/agent_num.h"

void
testkeys_vault(void)
{
	testkeys_vault_sized(0);
}

void
testkeys_vault_sized(size_t size)
{
	testkeys_vault_threads(size, 0);
}

void
testkeys_vault_threads(size_t size, size_t threads)
{
	struct secret_options opts = { .size = size, .want = SECRET_MLOCK,
		.allow_unlocked = true };
	char why[512];
	int st;

	if (vault_region() != NULL)
		return;
	st = vault_open(&opts, VAULT_SERVE, threads, why, sizeof(why));
	if (st != ST_OK)
		(void)fprintf(stderr, "vault: %s\n", why);
	assert(st == ST_OK);
}

/* Keep one number of an EVP_PKEY. */
static struct slice
number(struct testkey *k, EVP_PKEY *pkey, const char *name)
{
	BIGNUM *n = NULL;
	struct slice s;

	assert(EVP_PKEY_get_bn_param(pkey, name, &n) == 1);
	s.p = k->bytes + k->used;
	s.len = (size_t)BN_bn2bin(n, k->bytes + k->used);
	k->used += s.len;
	assert(k->used <= sizeof(k->bytes));
	BN_free(n);
	return s;
}

/* A curve's name for libcrypto. */
static const char *
curve(enum key_type type)
{
	return type == KEY_ECDSA_P256 ? "P-256" :
	    type == KEY_ECDSA_P384 ? "P-384" : "P-521";
}

static void
make_ed25519(struct testkey *k)
{
	k->fields.ed25519.pk = (struct slice){ k->bytes, 32 };
	k->fields.ed25519.sk = (struct slice){ k->bytes + 32, 64 };
	(void)crypto_sign_keypair(k->bytes, k->bytes + 32);
	k->used = 96;
}

static void
make_ecdsa(struct testkey *k)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC",
	    curve(k->fields.type));
	size_t len = 0;

	assert(pkey != NULL);
	k->fields.ecdsa.d = number(k, pkey, OSSL_PKEY_PARAM_PRIV_KEY);
	assert(EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY,
	    k->bytes + k->used, sizeof(k->bytes) - k->used, &len) == 1);
	k->fields.ecdsa.q = (struct slice){ k->bytes + k->used, len };
	k->used += len;
	EVP_PKEY_free(pkey);
}

static void
make_rsa(struct testkey *k, unsigned bits)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);

	assert(pkey != NULL);
	k->fields.rsa.n = number(k, pkey, OSSL_PKEY_PARAM_RSA_N);
	k->fields.rsa.e = number(k, pkey, OSSL_PKEY_PARAM_RSA_E);
	k->fields.rsa.d = number(k, pkey, OSSL_PKEY_PARAM_RSA_D);
	k->fields.rsa.p = number(k, pkey, OSSL_PKEY_PARAM_RSA_FACTOR1);
	k->fields.rsa.q = number(k, pkey, OSSL_PKEY_PARAM_RSA_FACTOR2);
	k->fields.rsa.iqmp = number(k, pkey,
	    OSSL_PKEY_PARAM_RSA_COEFFICIENT1);
	EVP_PKEY_free(pkey);
}

/* The prime of a finite field of RFC 7919. */
static BIGNUM *
field_prime(unsigned bits)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	char name[16];
	OSSL_PARAM params[2] = { OSSL_PARAM_END, OSSL_PARAM_END };
	EVP_PKEY *field = NULL;
	BIGNUM *p = NULL;

	(void)snprintf(name, sizeof(name), "ffdhe%u", bits);
	params[0] = OSSL_PARAM_construct_utf8_string(
	    OSSL_PKEY_PARAM_GROUP_NAME, name, 0);
	assert(ctx != NULL && EVP_PKEY_paramgen_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_params(ctx, params) == 1 &&
	    EVP_PKEY_paramgen(ctx, &field) == 1 &&
	    EVP_PKEY_get_bn_param(field, OSSL_PKEY_PARAM_FFC_P, &p) == 1);
	EVP_PKEY_free(field);
	EVP_PKEY_CTX_free(ctx);
	return p;
}

/* The numbers of the RSA key of two primes. */
static void
rsa_of(struct testkey *k, BIGNUM *p, BIGNUM *q)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *n = BN_new(), *e = BN_new(), *d = BN_new(), *iqmp = BN_new();
	BIGNUM *phi = BN_new();
	const struct {
		BIGNUM		*n;
		struct slice	*out;
	} all[] = {
		{ n, &k->fields.rsa.n }, { e, &k->fields.rsa.e },
		{ d, &k->fields.rsa.d }, { iqmp, &k->fields.rsa.iqmp },
		{ p, &k->fields.rsa.p }, { q, &k->fields.rsa.q },
	};

	/* phi = (p-1)(q-1) = n - p - q + 1 */
	assert(BN_mul(n, p, q, ctx) == 1 && BN_set_word(e, 65537) == 1 &&
	    BN_sub(phi, n, p) == 1 && BN_sub(phi, phi, q) == 1 &&
	    BN_add_word(phi, 1) == 1 &&
	    BN_mod_inverse(d, e, phi, ctx) != NULL &&
	    BN_mod_inverse(iqmp, q, p, ctx) != NULL);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		all[i].out->p = k->bytes + k->used;
		all[i].out->len = (size_t)BN_bn2bin(all[i].n,
		    k->bytes + k->used);
		k->used += all[i].out->len;
		assert(k->used <= sizeof(k->bytes));
		BN_free(all[i].n);
	}
	BN_free(phi);
	BN_CTX_free(ctx);
}

/* Write the public blob of a key whose fields are there. */
static void
make_blob(struct testkey *k)
{
	struct wire_writer w = wire_writer(k->blob_bytes,
	    sizeof(k->blob_bytes));

	keyprivate_put_public(&w, &k->fields);
	assert(wire_done(&w, &k->blob) == ST_OK);
}

struct testkey *
testkey_new_large(unsigned bits)
{
	struct testkey *k = calloc(1, sizeof(*k));

	assert(k != NULL);
	k->fields.type = KEY_RSA;
	rsa_of(k, bits == 4096 ? BN_get_rfc3526_prime_2048(NULL) :
	    bits == 8192 ? BN_get_rfc3526_prime_4096(NULL) :
	    BN_get_rfc3526_prime_8192(NULL), field_prime(bits / 2));
	make_blob(k);
	return k;
}

struct testkey *
testkey_new(enum key_type type, unsigned rsa_bits)
{
	struct testkey *k = calloc(1, sizeof(*k));

	assert(k != NULL);
	k->fields.type = type;
	if (type == KEY_ED25519)
		make_ed25519(k);
	else if (type == KEY_RSA)
		make_rsa(k, rsa_bits);
	else
		make_ecdsa(k);
	make_blob(k);
	return k;
}

void
testkey_free(struct testkey *k)
{
	free(k);
}

/* A public EVP_PKEY, made without a line of the agent's own code. */
static EVP_PKEY *
public_key(const struct testkey *k)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL,
	    k->fields.type == KEY_RSA ? "RSA" : "EC", NULL);
	uint8_t n[2048], e[2048], q[256];
	OSSL_PARAM params[3] = { OSSL_PARAM_END, OSSL_PARAM_END,
		OSSL_PARAM_END };
	EVP_PKEY *pkey = NULL;
	BIGNUM *bn, *be;
	char name[16];

	if (k->fields.type == KEY_RSA) {
		bn = BN_bin2bn(k->fields.rsa.n.p, (int)k->fields.rsa.n.len,
		    NULL);
		be = BN_bin2bn(k->fields.rsa.e.p, (int)k->fields.rsa.e.len,
		    NULL);
		(void)BN_bn2nativepad(bn, n, (int)k->fields.rsa.n.len);
		(void)BN_bn2nativepad(be, e, (int)k->fields.rsa.e.len);
		params[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n,
		    k->fields.rsa.n.len);
		params[1] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e,
		    k->fields.rsa.e.len);
		BN_free(bn);
		BN_free(be);
	} else {
		(void)snprintf(name, sizeof(name), "%s",
		    curve(k->fields.type));
		memcpy(q, k->fields.ecdsa.q.p, k->fields.ecdsa.q.len);
		params[0] = OSSL_PARAM_construct_utf8_string(
		    OSSL_PKEY_PARAM_GROUP_NAME, name, 0);
		params[1] = OSSL_PARAM_construct_octet_string(
		    OSSL_PKEY_PARAM_PUB_KEY, q, k->fields.ecdsa.q.len);
	}
	assert(ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* Two mpints as libcrypto wants them. */
static size_t
to_der(struct slice sig, unsigned char **der)
{
	struct wire_reader r = wire_reader(sig);
	ECDSA_SIG *es = ECDSA_SIG_new();
	struct slice a, b;
	int len;

	assert(wire_get_mpint(&r, &a) == ST_OK &&
	    wire_get_mpint(&r, &b) == ST_OK && wire_end(&r));
	assert(ECDSA_SIG_set0(es, BN_bin2bn(a.p, (int)a.len, NULL),
	    BN_bin2bn(b.p, (int)b.len, NULL)) == 1);
	len = i2d_ECDSA_SIG(es, der);
	ECDSA_SIG_free(es);
	assert(len > 0);
	return (size_t)len;
}

bool
testkey_verify(const struct testkey *k, struct slice sig,
    const char *algorithm, struct slice data)
{
	static const char *const md[] = { [KEY_ECDSA_P256] = "SHA256",
		[KEY_ECDSA_P384] = "SHA384", [KEY_ECDSA_P521] = "SHA512" };
	struct wire_reader r = wire_reader(sig);
	struct slice name, raw;
	unsigned char *der = NULL;
	EVP_MD_CTX *ctx;
	EVP_PKEY *pkey;
	const char *hash;
	bool good;

	if (wire_get_string(&r, &name) != ST_OK ||
	    wire_get_string(&r, &raw) != ST_OK || !wire_end(&r) ||
	    !slice_eq_str(name, algorithm))
		return false;
	if (k->fields.type == KEY_ED25519)
		return raw.len == 64 && crypto_sign_verify_detached(raw.p,
		    data.p, data.len, k->fields.ed25519.pk.p) == 0;
	hash = k->fields.type != KEY_RSA ? md[k->fields.type] :
	    strcmp(algorithm, "rsa-sha2-256") == 0 ? "SHA256" :
	    strcmp(algorithm, "rsa-sha2-512") == 0 ? "SHA512" : "SHA1";
	if (k->fields.type == KEY_RSA && raw.len != k->fields.rsa.n.len)
		return false;
	pkey = public_key(k);
	ctx = EVP_MD_CTX_new();
	if (k->fields.type != KEY_RSA) {
		raw.len = to_der(raw, &der);
		raw.p = der;
	}
	good = EVP_DigestVerifyInit_ex(ctx, NULL, hash, NULL, NULL, pkey,
	    NULL) == 1 && EVP_DigestVerify(ctx, raw.p, raw.len, data.p,
	    data.len) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return good;
}

bool
testkey_made(const struct testkey *k, const struct signature *sig,
    struct slice data)
{
	uint8_t room[KEY_SIGNATURE_MAX + 64];
	struct wire_writer w = wire_writer(room, sizeof(room));

	wire_put_str(&w, sig->algorithm);
	wire_put_string(&w, (struct slice){ sig->bytes, sig->len });
	assert(!w.full);
	return testkey_verify(k, (struct slice){ room, w.len },
	    sig->algorithm, data);
}

bool
testkey_signs(struct key *k, const struct testkey *tk, int *st)
{
	static uint64_t count;
	struct slice data = { (const uint8_t *)&count, sizeof(count) };
	struct signature sig;

	count++;
	*st = key_sign(k, data, count % 2 == 0 ? SSH_AGENT_RSA_SHA2_256 :
	    SSH_AGENT_RSA_SHA2_512, 0, &sig);
	return *st == ST_OK && testkey_made(tk, &sig, data);
}

void
testkey_put_add(struct wire_writer *w, uint8_t type, const struct testkey *k,
    const char *comment, struct slice constraints)
{
	wire_put_u8(w, type);
	keyprivate_put(w, &k->fields);
	wire_put_str(w, comment);
	wire_put_bytes(w, constraints);
}

int
testkeys_take_room(void *arg)
{
	struct testkeys_ballast *b = arg;
	struct secret_usage use;

	secret_usage(vault_region(), &use);
	b->p = OPENSSL_malloc(use.largest_low - b->leave);
	return b->p != NULL ? ST_OK : ST_FULL;
}
