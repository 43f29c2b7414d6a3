#include "differential/material.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/sha.h>
#include <sodium.h>

#include "differential/material_kinds.h"

/* Signatures that are not made twice, and how long their data may be. */
#define MEMORY		512
#define MEMORY_DATA_MAX	200

BIGNUM *
material_bignum(struct slice s)
{
	BIGNUM *n = BN_bin2bn(s.p, (int)s.len, NULL);

	assert(n != NULL);
	return n;
}

struct slice
material_multiply(enum material_kind kind, const BIGNUM *d,
    uint8_t room[static 133])
{
	EC_GROUP *group =
	    EC_GROUP_new_by_curve_name(material_kinds[kind].nid);
	EC_POINT *q = EC_POINT_new(group);
	size_t len;

	if (EC_POINT_mul(group, q, d, NULL, NULL, NULL) != 1)
		abort();
	len = EC_POINT_point2oct(group, q, POINT_CONVERSION_UNCOMPRESSED,
	    room, 133, NULL);
	EC_POINT_free(q);
	EC_GROUP_free(group);
	return (struct slice){ room, len };
}

/*
 * Signatures.
 */

/* What an authenticator signs in the place of data. */
static struct slice
sk_message(struct slice data, uint8_t flags, uint32_t counter,
    uint8_t room[128])
{
	struct wire_writer w = wire_writer(room, 128);
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct slice d = { digest, sizeof(digest) };

	(void)SHA256((const uint8_t *)SK_APPLICATION, strlen(SK_APPLICATION),
	    digest);
	wire_put_bytes(&w, d);
	wire_put_u8(&w, flags);
	wire_put_u32(&w, counter);
	(void)SHA256(data.p, data.len, digest);
	wire_put_bytes(&w, d);
	return (struct slice){ w.p, w.len };
}

/* The hash that goes with an algorithm's name. */
static const char *
hash_of(const struct material_key *k, const char *algorithm)
{
	if (k->kind != KIND_RSA)
		return material_kinds[k->kind].hash;
	return strcmp(algorithm, "rsa-sha2-256") == 0 ? "SHA256" :
	    strcmp(algorithm, "rsa-sha2-512") == 0 ? "SHA512" : "SHA1";
}

/* The signature of RSA. */
static struct slice
sign_rsa(const struct material_key *k, const char *hash, struct slice data,
    uint8_t *room, size_t cap)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (EVP_DigestSignInit_ex(ctx, NULL, hash, NULL, NULL, k->pkey,
	    NULL) != 1 ||
	    EVP_DigestSign(ctx, room, &cap, data.p, data.len) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	return (struct slice){ room, cap };
}

/* r and s of ECDSA, for a number k and the hash of the data h:
 * r = x(k * G), s = (h + r * d) / k, modulo the order. */
static void
compute_ecdsa(const struct material_key *key, const BIGNUM *k,
    const BIGNUM *h, BIGNUM *r, BIGNUM *s)
{
	EC_GROUP *group =
	    EC_GROUP_new_by_curve_name(material_kinds[key->kind].nid);
	const BIGNUM *n = EC_GROUP_get0_order(group);
	EC_POINT *point = EC_POINT_new(group);
	BIGNUM *d = material_bignum(key->d), *inverse_k = BN_new();
	BN_CTX *ctx = BN_CTX_new();

	if (EC_POINT_mul(group, point, k, NULL, NULL, ctx) != 1 ||
	    EC_POINT_get_affine_coordinates(group, point, r, NULL, ctx) != 1 ||
	    BN_nnmod(r, r, n, ctx) != 1 ||
	    BN_mod_inverse(inverse_k, k, n, ctx) == NULL ||
	    BN_mod_mul(s, r, d, n, ctx) != 1 ||
	    BN_mod_add(s, s, h, n, ctx) != 1 ||
	    BN_mod_mul(s, s, inverse_k, n, ctx) != 1)
		abort();
	BN_free(d);
	BN_free(inverse_k);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	BN_CTX_free(ctx);
}

/* The signature of ECDSA as two mpints.  Unlike libcrypto's it is always the
 * same: a sequence must not change its length from run to run. */
static struct slice
sign_ecdsa(const struct material_key *key, struct slice data, uint8_t *room,
    size_t cap)
{
	struct wire_writer w = wire_writer(room, cap);
	uint8_t digest[EVP_MAX_MD_SIZE], bytes[66];
	BIGNUM *k, *h, *r = BN_new(), *s = BN_new();
	size_t len = sizeof(digest);

	if (EVP_Q_digest(NULL, material_kinds[key->kind].hash, NULL, data.p,
	    data.len, digest, &len) != 1)
		abort();
	/* The hash is never longer than the order. */
	h = BN_bin2bn(digest, (int)len, NULL);
	/* Nobody needs the key to stay secret. */
	k = BN_bin2bn(digest, 16, NULL);
	compute_ecdsa(key, k, h, r, s);
	wire_put_mpint(&w, (struct slice){ bytes,
	    (size_t)BN_bn2bin(r, bytes) });
	wire_put_mpint(&w, (struct slice){ bytes,
	    (size_t)BN_bn2bin(s, bytes) });
	assert(!w.full);
	BN_free(k);
	BN_free(h);
	BN_free(r);
	BN_free(s);
	return (struct slice){ w.p, w.len };
}

/* Append a signature. */
static void
sign(struct wire_writer *w, const struct material_key *k,
    const char *algorithm, struct slice data)
{
	bool sk = k->kind == KIND_SK_ED25519 || k->kind == KIND_SK_P256;
	uint8_t message[128], raw[2048];

	if (sk)
		data = sk_message(data, 1, 7, message);
	wire_put_str(w, algorithm);
	if (k->kind == KIND_ED25519 || k->kind == KIND_SK_ED25519) {
		(void)crypto_sign_detached(raw, NULL, data.p, data.len,
		    k->secret);
		wire_put_string(w, (struct slice){ raw, 64 });
	} else if (k->kind == KIND_RSA) {
		wire_put_string(w, sign_rsa(k, hash_of(k, algorithm), data,
		    raw, sizeof(raw)));
	} else {
		wire_put_string(w, sign_ecdsa(k, data, raw, sizeof(raw)));
	}
	if (sk) {
		wire_put_u8(w, 1);
		wire_put_u32(w, 7);
	}
}

void
material_sign(struct wire_writer *w, const struct material_key *k,
    const char *algorithm, struct slice data)
{
	static struct {
		const struct material_key *k;
		const char	*algorithm;
		struct slice	 data, signature;
	} made[MEMORY];
	static size_t n;
	size_t i = 0, start_len = w->len;

	/* Hosts sign the same few session ids over and over. */
	while (i < n && (made[i].k != k || made[i].algorithm != algorithm ||
	    !slice_eq(made[i].data, data)))
		i++;
	if (i < n) {
		wire_put_bytes(w, made[i].signature);
		return;
	}
	sign(w, k, algorithm, data);
	if (n == MEMORY || data.len > MEMORY_DATA_MAX || w->full)
		return;
	made[n].k = k;
	made[n].algorithm = algorithm;
	made[n].data = material_keep(data);
	made[n++].signature = material_keep((struct slice){ w->p + start_len,
	    w->len - start_len });
}

/* Two mpints as libcrypto wants them; 0: they are none. */
static size_t
to_der(struct slice sig, unsigned char **der)
{
	struct wire_reader r = wire_reader(sig);
	ECDSA_SIG *es;
	struct slice a, b;
	int len;

	if (wire_get_mpint(&r, &a) != ST_OK ||
	    wire_get_mpint(&r, &b) != ST_OK || !wire_end(&r))
		return 0;
	es = ECDSA_SIG_new();
	if (es == NULL || ECDSA_SIG_set0(es, material_bignum(a),
	    material_bignum(b)) != 1)
		abort();
	len = i2d_ECDSA_SIG(es, der);
	ECDSA_SIG_free(es);
	return len > 0 ? (size_t)len : 0;
}

/* Whether raw is a signature by an RSA or ECDSA key. */
static bool
verify_pkey(const struct material_key *k, const char *hash, struct slice raw,
    struct slice data)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *der = NULL;
	bool good = true;

	if (k->kind == KIND_RSA) {
		good = raw.len == k->n.len;
	} else {
		raw.len = to_der(raw, &der);
		raw.p = der;
		good = raw.len > 0;
	}
	good = good && EVP_DigestVerifyInit_ex(ctx, NULL, hash, NULL, NULL,
	    k->pkey, NULL) == 1 && EVP_DigestVerify(ctx, raw.p, raw.len,
	    data.p, data.len) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	return good;
}

bool
material_verify(const struct material_key *k, struct slice signature,
    struct slice data)
{
	struct wire_reader r = wire_reader(signature);
	struct slice name, raw;
	const char *algorithm = NULL;

	if (wire_get_string(&r, &name) != ST_OK ||
	    wire_get_string(&r, &raw) != ST_OK || !wire_end(&r))
		return false;
	for (size_t i = 0; i < 3 && algorithm == NULL; i++) {
		algorithm = material_algorithm(k->kind, i);
		if (algorithm == NULL || !slice_eq_str(name, algorithm))
			algorithm = NULL;
	}
	if (algorithm == NULL)
		return false;
	if (k->kind == KIND_ED25519)
		return raw.len == 64 && crypto_sign_verify_detached(raw.p,
		    data.p, data.len, k->point.p) == 0;
	return verify_pkey(k, hash_of(k, algorithm), raw, data);
}

/*
 * Whether numbers belong together.
 */

/* Whether a point is on the curve of that name. */
static bool
on_curve(struct slice curve, struct slice q)
{
	enum material_kind kind = slice_eq_str(curve, "nistp256") ?
	    KIND_P256 : slice_eq_str(curve, "nistp384") ? KIND_P384 :
	    KIND_P521;
	EC_GROUP *group = EC_GROUP_new_by_curve_name(material_kinds[kind].nid);
	EC_POINT *point = EC_POINT_new(group);
	bool on = EC_POINT_oct2point(group, point, q.p, q.len, NULL) == 1 &&
	    EC_POINT_is_on_curve(group, point, NULL) == 1;

	EC_POINT_free(point);
	EC_GROUP_free(group);
	return on;
}

bool
material_is_sound(struct slice blob)
{
	struct wire_reader r = wire_reader(blob);
	struct slice name, curve, q;

	for (size_t i = 0; i < material_n_hosts; i++)
		if (slice_eq(blob, material_hosts[i].blob))
			return !material_hosts[i].forged;
	if (wire_get_string(&r, &name) != ST_OK)
		return true;
	for (size_t i = 0; i <= KIND_DSA; i++) {
		if (slice_eq_str(name, material_kinds[i].cert_type))
			return false;
		if (slice_eq_str(name, material_kinds[i].type) &&
		    material_kinds[i].curve != NULL)
			return wire_get_string(&r, &curve) != ST_OK ||
			    wire_get_string(&r, &q) != ST_OK ||
			    on_curve(curve, q);
	}
	return true;
}

bool
material_ed25519_fits(struct slice pk, struct slice sk)
{
	uint8_t own_pk[32], own_sk[64];

	if (pk.len != 32 || sk.len != 64)
		return false;
	(void)crypto_sign_seed_keypair(own_pk, own_sk, sk.p);
	return memcmp(pk.p, own_pk, 32) == 0 &&
	    memcmp(sk.p, own_sk, 64) == 0;
}

bool
material_ecdsa_fits(enum material_kind kind, struct slice q, struct slice d)
{
	BIGNUM *n = material_bignum(d);
	uint8_t room[133];
	bool fits = slice_eq(material_multiply(kind, n, room), q);

	BN_free(n);
	return fits;
}

/* Whether a * b is 1 modulo m, or modulo m - 1. */
static bool
inverse(const BIGNUM *a, const BIGNUM *b, const BIGNUM *m, bool less_one,
    BN_CTX *ctx)
{
	BIGNUM *mod = BN_dup(m), *product = BN_new();
	bool one = false;

	if (!less_one || BN_sub_word(mod, 1) == 1)
		one = !BN_is_zero(mod) &&
		    BN_mod_mul(product, a, b, mod, ctx) == 1 &&
		    BN_is_one(product);
	BN_free(mod);
	BN_free(product);
	return one;
}

bool
material_rsa_fits(struct slice n, struct slice e, struct slice d,
    struct slice iqmp, struct slice p, struct slice q)
{
	struct slice in[6] = { n, e, d, iqmp, p, q };
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *b[6], *product = BN_new();
	bool fits;

	for (size_t i = 0; i < 6; i++)
		b[i] = material_bignum(in[i]);
	fits = BN_mul(product, b[4], b[5], ctx) == 1 &&
	    BN_cmp(product, b[0]) == 0 &&
	    inverse(b[1], b[2], b[4], true, ctx) &&
	    inverse(b[1], b[2], b[5], true, ctx) &&
	    inverse(b[3], b[5], b[4], false, ctx);
	for (size_t i = 0; i < 6; i++)
		BN_free(b[i]);
	BN_free(product);
	BN_CTX_free(ctx);
	return fits;
}
