#include "agent/verify.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <sodium.h>

/*
 * Ed25519 is libsodium's work and allocates nothing; the rest is libcrypto's,
 * with a key and a context that live as long as one call.  Nothing is kept
 * between calls, so that threads have nothing to share.
 *
 * libcrypto says why it failed in a queue of the thread's, and a thread that
 * verifies may handle private keys next: key_math_fault() (agent/key_math.h)
 * must not find there what a peer has caused here.
 */

/* Longest ECDSA number and point, and DER of two numbers: those of P-521. */
#define ECDSA_NUMBER_MAX	66
#define ECDSA_POINT_MAX		(1 + 2 * ECDSA_NUMBER_MAX)
#define ECDSA_DER_MAX		(3 + 2 * (3 + ECDSA_NUMBER_MAX))

/* What an authenticator adds to a signature: u8 flags, u32 counter; and what
 * it signs: the hashes of application and data, and between them that. */
#define SK_TAIL			5
#define SK_MESSAGE		(2 * crypto_hash_sha256_BYTES + SK_TAIL)

/* What a key can sign with; names of curves and hashes are libcrypto's. */
struct algorithm {
	const char	*name;
	enum key_type	 type;
	const char	*curve;
	const char	*hash;
};

static const struct algorithm algorithms[] = {
	{ "ssh-ed25519", KEY_ED25519, NULL, NULL },
	{ "ecdsa-sha2-nistp256", KEY_ECDSA_P256, "P-256", "SHA2-256" },
	{ "ecdsa-sha2-nistp384", KEY_ECDSA_P384, "P-384", "SHA2-384" },
	{ "ecdsa-sha2-nistp521", KEY_ECDSA_P521, "P-521", "SHA2-512" },
	{ "ssh-rsa", KEY_RSA, NULL, "SHA1" },
	{ "rsa-sha2-256", KEY_RSA, NULL, "SHA2-256" },
	{ "rsa-sha2-512", KEY_RSA, NULL, "SHA2-512" },
	{ "sk-ssh-ed25519@openssh.com", KEY_SK_ED25519, NULL, NULL },
	{ "sk-ecdsa-sha2-nistp256@openssh.com", KEY_SK_ECDSA_P256, "P-256",
	    "SHA2-256" },
};

#define ALGORITHMS	(sizeof(algorithms) / sizeof(algorithms[0]))

/* Fetch one algorithm with all that belongs to it.  What is fetched stays in
 * libcrypto's caches when it is let go. */
static int
fetch(const struct algorithm *alg)
{
	bool ec = alg->curve != NULL;
	EVP_MD *md = EVP_MD_fetch(NULL, alg->hash, NULL);
	EVP_KEYMGMT *keymgmt = EVP_KEYMGMT_fetch(NULL, ec ? "EC" : "RSA",
	    NULL);
	EVP_SIGNATURE *signature = EVP_SIGNATURE_fetch(NULL,
	    ec ? "ECDSA" : "RSA", NULL);
	int st = md != NULL && keymgmt != NULL && signature != NULL ? ST_OK :
	    ST_CRYPTO;

	EVP_SIGNATURE_free(signature);
	EVP_KEYMGMT_free(keymgmt);
	EVP_MD_free(md);
	return st;
}

int
verify_init(void)
{
	int st = sodium_init() < 0 ? ST_CRYPTO : ST_OK;

	for (size_t i = 0; st == ST_OK && i < ALGORITHMS; i++)
		if (algorithms[i].hash != NULL)
			st = fetch(&algorithms[i]);
	ERR_clear_error();
	return st;
}

/* Empty libcrypto's queue; st, or ST_NOMEM where that was the cause. */
static int
fault(int st)
{
	unsigned long e;

	while ((e = ERR_get_error()) != 0)
		if (ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE)
			st = ST_NOMEM;
	return st;
}

/* The key that the parameters make, if they make one. */
static int
from_params(const char *type, OSSL_PARAM *params, EVP_PKEY **out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	int st = ST_OK;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1)
		st = fault(ST_NOMEM);
	else if (EVP_PKEY_fromdata(ctx, out, EVP_PKEY_PUBLIC_KEY, params) != 1)
		st = fault(ST_MALFORMED);
	EVP_PKEY_CTX_free(ctx);
	return st;
}

/* Bits of a number without leading zeros. */
static size_t
bits(struct slice n)
{
	size_t count = 8 * n.len;

	if (n.len > 0)
		for (unsigned top = n.p[0]; top < 0x80; top <<= 1)
			count--;
	return count;
}

/* Refuse RSA keys that are too dear, or none. */
static int
rsa_check(const struct public_fields *key, const char **why)
{
	*why = "an RSA key must have 1024 to 8192 bits";
	if (bits(key->n) < VERIFY_RSA_BITS_MIN ||
	    bits(key->n) > VERIFY_RSA_BITS_MAX)
		return ST_TOO_LARGE;
	*why = "an RSA exponent must have at most 64 bits";
	if (bits(key->e) > VERIFY_RSA_E_BITS_MAX)
		return ST_TOO_LARGE;
	*why = "the RSA numbers are out of range";
	if (bits(key->e) < 2 || (key->e.p[key->e.len - 1] & 1) == 0 ||
	    (key->n.p[key->n.len - 1] & 1) == 0)
		return ST_MALFORMED;
	return ST_OK;
}

/* Make an RSA key for libcrypto, which wants numbers in its machine's order. */
static int
rsa_import(const struct public_fields *key, EVP_PKEY **out)
{
	unsigned char n[VERIFY_RSA_BITS_MAX / 8];
	BIGNUM *bn = BN_bin2bn(key->n.p, (int)key->n.len, NULL);
	uint64_t e = 0;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, key->n.len),
		OSSL_PARAM_construct_uint64(OSSL_PKEY_PARAM_RSA_E, &e),
		OSSL_PARAM_construct_end(),
	};
	int st;

	for (size_t i = 0; i < key->e.len; i++)
		e = e << 8 | key->e.p[i];
	if (bn == NULL || BN_bn2nativepad(bn, n, (int)key->n.len) < 0)
		st = fault(ST_NOMEM);
	else
		st = from_params("RSA", params, out);
	BN_free(bn);
	return st;
}

/* Make an ECDSA key for libcrypto, which refuses a point off the curve. */
static int
ecdsa_import(const struct public_fields *key, const char *curve,
    EVP_PKEY **out)
{
	unsigned char point[ECDSA_POINT_MAX];
	char group[8];
	OSSL_PARAM params[3];

	if (key->point.len > sizeof(point))
		return ST_MALFORMED;
	memcpy(point, key->point.p, key->point.len);
	(void)snprintf(group, sizeof(group), "%s", curve);
	params[0] = OSSL_PARAM_construct_utf8_string(
	    OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
	    point, key->point.len);
	params[2] = OSSL_PARAM_construct_end();
	return from_params("EC", params, out);
}

/* Ask libcrypto. */
static int
pkey_verify(EVP_PKEY *pkey, const char *hash, struct slice sig,
    struct slice data, const char **why)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int st = ST_OK;

	/* Policies of distributions may forbid a hash. */
	*why = "libcrypto does not verify with this algorithm here";
	if (ctx == NULL)
		st = fault(ST_NOMEM);
	else if (EVP_DigestVerifyInit_ex(ctx, NULL, hash, NULL, NULL, pkey,
	    NULL) != 1)
		st = fault(ST_UNSUPPORTED);
	if (st == ST_OK) {
		*why = "the signature is wrong";
		if (EVP_DigestVerify(ctx, sig.p, sig.len, data.p,
		    data.len) != 1)
			st = fault(ST_MALFORMED);
	}
	EVP_MD_CTX_free(ctx);
	return st;
}

/* An RSA signature is as long as the modulus; one that lost its leading zeros
 * is taken too, as OpenSSH does. */
static int
rsa_verify(const struct public_fields *key, const struct algorithm *alg,
    struct slice sig, struct slice data, const char **why)
{
	unsigned char padded[VERIFY_RSA_BITS_MAX / 8] = { 0 };
	EVP_PKEY *pkey = NULL;
	int st;

	if ((st = rsa_check(key, why)) != ST_OK)
		return st;
	*why = "the RSA signature is longer than the modulus";
	if (sig.len > key->n.len)
		return ST_MALFORMED;
	memcpy(padded + key->n.len - sig.len, sig.p, sig.len);
	*why = "the RSA key cannot be used";
	if ((st = rsa_import(key, &pkey)) == ST_OK)
		st = pkey_verify(pkey, alg->hash,
		    (struct slice){ padded, key->n.len }, data, why);
	EVP_PKEY_free(pkey);
	return st;
}

/* Append one number of a signature as a DER INTEGER. */
static void
put_integer(struct wire_writer *w, struct slice n)
{
	bool pad = n.p[0] >= 0x80;

	wire_put_u8(w, 0x02);
	wire_put_u8(w, (uint8_t)(n.len + pad));
	if (pad)
		wire_put_u8(w, 0);
	wire_put_bytes(w, n);
}

/* The two mpints of a signature as SEQUENCE { INTEGER r, INTEGER s }. */
static int
ecdsa_der(struct slice sig, size_t number_max, struct wire_writer *w)
{
	struct wire_reader rd = wire_reader(sig);
	struct slice r, s;
	size_t len;

	if (wire_get_mpint(&rd, &r) != ST_OK ||
	    wire_get_mpint(&rd, &s) != ST_OK || !wire_end(&rd) ||
	    r.len == 0 || r.len > number_max ||
	    s.len == 0 || s.len > number_max)
		return ST_MALFORMED;
	len = 4 + r.len + (r.p[0] >= 0x80) + s.len + (s.p[0] >= 0x80);
	wire_put_u8(w, 0x30);
	if (len >= 0x80)
		wire_put_u8(w, 0x81);
	wire_put_u8(w, (uint8_t)len);
	put_integer(w, r);
	put_integer(w, s);
	return ST_OK;
}

/* Verify for a key on a curve of libcrypto's. */
static int
ecdsa_verify(const struct public_fields *key, const struct algorithm *alg,
    struct slice sig, struct slice data, const char **why)
{
	unsigned char der[ECDSA_DER_MAX];
	struct wire_writer w = wire_writer(der, sizeof(der));
	EVP_PKEY *pkey = NULL;
	struct slice s;
	int st;

	*why = "the ECDSA signature is not two numbers of the curve's size";
	if (ecdsa_der(sig, key->point.len / 2, &w) != ST_OK ||
	    wire_done(&w, &s) != ST_OK)
		return ST_MALFORMED;
	*why = "the key is not a point on its curve";
	if ((st = ecdsa_import(key, alg->curve, &pkey)) == ST_OK)
		st = pkey_verify(pkey, alg->hash, s, data, why);
	EVP_PKEY_free(pkey);
	return st;
}

/* Ask libsodium. */
static int
ed25519_verify(const struct public_fields *key, struct slice sig,
    struct slice data, const char **why)
{
	*why = "an Ed25519 key has 32 bytes, and a signature 64";
	if (key->point.len != crypto_sign_PUBLICKEYBYTES ||
	    sig.len != crypto_sign_BYTES)
		return ST_MALFORMED;
	*why = "the signature is wrong";
	return crypto_sign_verify_detached(sig.p, data.p, data.len,
	    key->point.p) == 0 ? ST_OK : ST_MALFORMED;
}

/* What an authenticator has signed instead of the data. */
static struct slice
sk_message(const struct public_fields *key, struct slice tail,
    struct slice data, uint8_t message[SK_MESSAGE])
{
	uint8_t *p = message;

	(void)crypto_hash_sha256(p, key->application.p, key->application.len);
	p += crypto_hash_sha256_BYTES;
	memcpy(p, tail.p, SK_TAIL);
	p += SK_TAIL;
	(void)crypto_hash_sha256(p, data.p, data.len);
	return (struct slice){ message, SK_MESSAGE };
}

/* The algorithm of that name, if that type of key makes it. */
static const struct algorithm *
find_algorithm(enum key_type type, struct slice name)
{
	for (size_t i = 0; i < ALGORITHMS; i++)
		if (algorithms[i].type == type &&
		    slice_eq_str(name, algorithms[i].name))
			return &algorithms[i];
	return NULL;
}

int
verify_key(const struct public_fields *key, const char **why)
{
	const struct algorithm *alg = find_algorithm(key->type,
	    slice_str(key_type_info(key->type)->name));
	EVP_PKEY *pkey = NULL;
	int st = ST_OK;

	if (key->type == KEY_RSA)
		return rsa_check(key, why);
	*why = "the key is not a point on its curve";
	if (alg != NULL && alg->curve != NULL)
		st = ecdsa_import(key, alg->curve, &pkey);
	EVP_PKEY_free(pkey);
	return st;
}

int
verify_signature(const struct public_fields *key, struct slice signature,
    struct slice data, const char **why)
{
	struct wire_reader r = wire_reader(signature);
	uint8_t message[SK_MESSAGE];
	const struct algorithm *alg;
	struct slice name, sig, tail;

	*why = "the signature is cut short, or followed by something";
	if (wire_get_text(&r, &name) != ST_OK ||
	    wire_get_string(&r, &sig) != ST_OK)
		return ST_MALFORMED;
	if ((alg = find_algorithm(key->type, name)) == NULL) {
		*why = "the type of key does not make such signatures";
		return ST_UNSUPPORTED;
	}
	if (key_type_info(key->type)->sk) {
		if (wire_get_bytes(&r, SK_TAIL, &tail) != ST_OK)
			return ST_MALFORMED;
		data = sk_message(key, tail, data, message);
	}
	if (!wire_end(&r))
		return ST_MALFORMED;
	if (key->type == KEY_RSA)
		return rsa_verify(key, alg, sig, data, why);
	if (alg->curve != NULL)
		return ecdsa_verify(key, alg, sig, data, why);
	return ed25519_verify(key, sig, data, why);
}

int
verify_certificate(const struct certificate *cert, const char **why)
{
	struct public_fields ca;
	int st;

	*why = "the key of the CA is broken";
	if ((st = keyblob_decode(cert->ca, &ca)) != ST_OK)
		return st;
	return verify_signature(&ca, cert->signature, cert->signed_part, why);
}

/* Take the key out of a blob; of a certificate, when the CA has signed it. */
static int
host_key(struct slice blob, struct public_fields *out, const char **why)
{
	struct certificate cert;
	int st;

	*why = "the host key is broken, or of a type that is not known";
	if ((st = keyblob_decode(blob, out)) != ST_UNSUPPORTED)
		return st;
	if ((st = certificate_decode(blob, &cert)) != ST_OK)
		return st;
	*out = cert.key;
	return verify_certificate(&cert, why);
}

int
verify_host(struct slice blob, struct slice session_id, struct slice signature,
    const char **why)
{
	struct public_fields key;
	int st;

	if ((st = host_key(blob, &key, why)) != ST_OK)
		return st;
	return verify_signature(&key, signature, session_id, why);
}
