#include "agent/key_math.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "agent/vault.h"

static char no_text[1];

/* As many as libcrypto's queue of errors has places. */
#define ERRORS	16

int
key_math_fault(void)
{
	bool full = vault_was_full();

	/*
	 * Each place of the queue keeps a kilobyte for the text of its error,
	 * also when it is cleared, and that was taken from the vault: have it
	 * changed for a text that is no allocation.
	 */
	for (int i = 0; i < ERRORS; i++) {
		ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
		(void)ERR_set_error_data(no_text, 0);
	}
	ERR_clear_error();
	return full ? ST_FULL : ST_CRYPTO;
}

static EVP_MD *md[KEY_HASHES];

const EVP_MD *
key_math_md(enum key_hash hash)
{
	return md[hash];
}

/* Fetch the hashes. */
static void
fetch(void)
{
	static const char *const name[KEY_HASHES] = { "SHA1", "SHA2-256",
		"SHA2-384", "SHA2-512" };

	for (enum key_hash h = KEY_SHA1; h < KEY_HASHES; h++)
		if (md[h] == NULL)
			md[h] = EVP_MD_fetch(NULL, name[h], NULL);
}

void
key_math_warm(enum key_type type)
{
	static bool done[KEY_TYPES];
	EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	unsigned char sig[256], digest[32] = { 0 };
	size_t len = sizeof(sig);

	if (type == KEY_ED25519 || key_type_info(type)->sk || done[type])
		return;
	done[type] = true;
	fetch();
	if (type == KEY_RSA)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)512);
	else
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC",
		    key_math_curve(type));
	if (pkey != NULL &&
	    (ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL)) != NULL &&
	    EVP_PKEY_sign_init(ctx) == 1 && (type != KEY_RSA ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1) &&
	    EVP_PKEY_CTX_set_signature_md(ctx, md[KEY_SHA256]) == 1)
		(void)EVP_PKEY_sign(ctx, sig, &len, digest, sizeof(digest));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
}

/* A BIGNUM that keeps its timing to itself. */
static BIGNUM *
secret_bn(struct slice s)
{
	BIGNUM *n = BN_bin2bn(s.p, (int)s.len, NULL);

	if (n != NULL)
		BN_set_flags(n, BN_FLG_CONSTTIME);
	return n;
}

/* Make a key pair out of parameters that were pushed. */
static int
from_params(const char *name, OSSL_PARAM_BLD *bld, EVP_PKEY **out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, name, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	int st = ST_OK;

	if (ctx == NULL || params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, out, EVP_PKEY_KEYPAIR, params) != 1)
		st = key_math_fault();
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return st;
}

/* The numbers of an RSA key. */
struct rsa {
	BIGNUM	*n, *e, *d, *iqmp, *p, *q;
	BIGNUM	*p1, *q1;		/* p-1, q-1 */
	BIGNUM	*dmp1, *dmq1;
	BIGNUM	*tmp;
	BN_CTX	*ctx;
};

/* Release them. */
static void
rsa_fini(struct rsa *r)
{
	BIGNUM *all[] = { r->n, r->e, r->d, r->iqmp, r->p, r->q, r->p1, r->q1,
		r->dmp1, r->dmq1, r->tmp };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		BN_clear_free(all[i]);
	BN_CTX_free(r->ctx);
}

/* Take the numbers over and derive the rest. */
static int
rsa_init(struct rsa *r, const struct private_fields *f)
{
	*r = (struct rsa){
		.n = BN_bin2bn(f->rsa.n.p, (int)f->rsa.n.len, NULL),
		.e = BN_bin2bn(f->rsa.e.p, (int)f->rsa.e.len, NULL),
		.d = secret_bn(f->rsa.d),
		.iqmp = secret_bn(f->rsa.iqmp),
		.p = secret_bn(f->rsa.p),
		.q = secret_bn(f->rsa.q),
		.p1 = secret_bn(f->rsa.p),
		.q1 = secret_bn(f->rsa.q),
		.dmp1 = BN_new(),
		.dmq1 = BN_new(),
		.tmp = BN_new(),
		.ctx = BN_CTX_new(),
	};
	if (r->n == NULL || r->e == NULL || r->d == NULL || r->iqmp == NULL ||
	    r->p == NULL || r->q == NULL || r->p1 == NULL || r->q1 == NULL ||
	    r->dmp1 == NULL || r->dmq1 == NULL || r->tmp == NULL ||
	    r->ctx == NULL)
		return key_math_fault();
	return ST_OK;
}

/* Refuse unless a * b = 1 modulo m. */
static int
need_inverse(struct rsa *r, const BIGNUM *a, const BIGNUM *b, const BIGNUM *m)
{
	if (BN_mod_mul(r->tmp, a, b, m, r->ctx) != 1)
		return key_math_fault();
	return BN_is_one(r->tmp) ? ST_OK : ST_MALFORMED;
}

/* Derive the two short exponents. */
static int
rsa_reduce(struct rsa *r)
{
	if (BN_sub_word(r->p1, 1) != 1 || BN_sub_word(r->q1, 1) != 1 ||
	    BN_mod(r->dmp1, r->d, r->p1, r->ctx) != 1 ||
	    BN_mod(r->dmq1, r->d, r->q1, r->ctx) != 1)
		return key_math_fault();
	return ST_OK;
}

/* Check every number against the others. */
static int
rsa_check(struct rsa *r, const char **why)
{
	int st;

	*why = "the RSA numbers are out of range";
	if (!BN_is_odd(r->e) || BN_is_one(r->e) || !BN_is_odd(r->p) ||
	    !BN_is_odd(r->q) || BN_is_one(r->p) || BN_is_one(r->q) ||
	    BN_cmp(r->p, r->q) == 0 || BN_cmp(r->e, r->n) >= 0 ||
	    BN_cmp(r->d, r->n) >= 0 || BN_is_zero(r->d) ||
	    BN_cmp(r->iqmp, r->p) >= 0)
		return ST_MALFORMED;
	*why = "the modulus is not the product of the two primes";
	if (BN_mul(r->tmp, r->p, r->q, r->ctx) != 1)
		return key_math_fault();
	if (BN_cmp(r->tmp, r->n) != 0)
		return ST_MALFORMED;
	if ((st = rsa_reduce(r)) != ST_OK)
		return st;
	*why = "the private exponent does not belong to the public one";
	if ((st = need_inverse(r, r->dmp1, r->e, r->p1)) != ST_OK ||
	    (st = need_inverse(r, r->dmq1, r->e, r->q1)) != ST_OK)
		return st;
	*why = "the RSA coefficient does not belong to the primes";
	return need_inverse(r, r->iqmp, r->q, r->p);
}

/* Hand all of them to libcrypto. */
static int
rsa_pkey(const struct rsa *r, EVP_PKEY **out)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	const struct {
		const char	*name;
		const BIGNUM	*n;
	} all[] = {
		{ OSSL_PKEY_PARAM_RSA_N, r->n },
		{ OSSL_PKEY_PARAM_RSA_E, r->e },
		{ OSSL_PKEY_PARAM_RSA_D, r->d },
		{ OSSL_PKEY_PARAM_RSA_FACTOR1, r->p },
		{ OSSL_PKEY_PARAM_RSA_FACTOR2, r->q },
		{ OSSL_PKEY_PARAM_RSA_EXPONENT1, r->dmp1 },
		{ OSSL_PKEY_PARAM_RSA_EXPONENT2, r->dmq1 },
		{ OSSL_PKEY_PARAM_RSA_COEFFICIENT1, r->iqmp },
	};
	int st = bld == NULL ? key_math_fault() : ST_OK;

	for (size_t i = 0; st == ST_OK && i < sizeof(all) / sizeof(all[0]); i++)
		if (OSSL_PARAM_BLD_push_BN(bld, all[i].name, all[i].n) != 1)
			st = key_math_fault();
	if (st == ST_OK)
		st = from_params("RSA", bld, out);
	OSSL_PARAM_BLD_free(bld);
	return st;
}

/* Check the numbers of an RSA key. */
static int
check_rsa(const struct private_fields *fields, unsigned *bits,
    const char **why)
{
	struct rsa r;
	int st;

	if ((st = rsa_init(&r, fields)) != ST_OK)
		goto out;
	*bits = (unsigned)BN_num_bits(r.n);
	if (*bits < KEY_RSA_BITS_MIN || *bits > KEY_RSA_BITS_MAX) {
		*why = "an RSA key must have 1024 to 16384 bits";
		st = ST_TOO_LARGE;
		goto out;
	}
	st = rsa_check(&r, why);
out:
	rsa_fini(&r);
	return st;
}

/* Make an EVP_PKEY of the numbers of an RSA key. */
static int
import_rsa(const struct private_fields *fields, EVP_PKEY **out)
{
	struct rsa r;
	int st;

	if ((st = rsa_init(&r, fields)) == ST_OK &&
	    (st = rsa_reduce(&r)) == ST_OK)
		st = rsa_pkey(&r, out);
	rsa_fini(&r);
	return st;
}

const char *
key_math_curve(enum key_type type)
{
	switch (type) {
	case KEY_ECDSA_P384:
		return "P-384";
	case KEY_ECDSA_P521:
		return "P-521";
	default:
		return "P-256";
	}
}

/* The curve's number for EC_GROUP. */
static int
curve_nid(enum key_type type)
{
	switch (type) {
	case KEY_ECDSA_P384:
		return NID_secp384r1;
	case KEY_ECDSA_P521:
		return NID_secp521r1;
	default:
		return NID_X9_62_prime256v1;
	}
}

/* Compute the public point of d, whose bounds are OpenSSH's: more than half
 * of the bits of the order, and below the order less one. */
static int
ecdsa_point(enum key_type type, const BIGNUM *d, uint8_t *q, size_t *qlen)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(curve_nid(type));
	EC_POINT *point = NULL;
	BIGNUM *top = NULL;
	int st;

	if (group == NULL || (point = EC_POINT_new(group)) == NULL ||
	    (top = BN_dup(EC_GROUP_get0_order(group))) == NULL ||
	    BN_sub_word(top, 1) != 1) {
		st = key_math_fault();
		goto out;
	}
	st = ST_MALFORMED;
	if (BN_num_bits(d) <= BN_num_bits(top) / 2 || BN_cmp(d, top) >= 0)
		goto out;
	st = ST_OK;
	if (EC_POINT_mul(group, point, d, NULL, NULL, NULL) != 1 ||
	    (*qlen = EC_POINT_point2oct(group, point,
	    POINT_CONVERSION_UNCOMPRESSED, q, *qlen, NULL)) == 0)
		st = key_math_fault();
out:
	BN_clear_free(top);
	EC_POINT_clear_free(point);
	EC_GROUP_free(group);
	return st;
}

/* Bytes of an uncompressed point. */
static size_t
point_size(enum key_type type)
{
	return 1 + 2 * (((size_t)key_type_info(type)->bits + 7) / 8);
}

/* What key_ecdsa_public() does as an operation. */
struct public_args {
	enum key_type	 type;
	struct slice	 d;
	uint8_t		*q;
	size_t		*qlen;
};

static int
public_run(void *arg)
{
	struct public_args *a = arg;
	BIGNUM *n = secret_bn(a->d);
	int st;

	if (n == NULL)
		st = key_math_fault();
	else
		st = ecdsa_point(a->type, n, a->q, a->qlen);
	BN_clear_free(n);
	return st;
}

int
key_ecdsa_public(enum key_type type, struct slice d, uint8_t *q, size_t *qlen)
{
	struct public_args args = { type, d, q, qlen };

	if (d.len > point_size(type) || *qlen < point_size(type))
		return ST_MALFORMED;
	return vault_run(public_run, &args, 0);
}

/* Check the numbers of an ECDSA key. */
static int
check_ecdsa(const struct private_fields *fields, unsigned *bits,
    const char **why)
{
	uint8_t q[KEY_ECDSA_PUBLIC_MAX];
	size_t qlen = sizeof(q);
	BIGNUM *d = secret_bn(fields->ecdsa.d);
	int st;

	*bits = key_type_info(fields->type)->bits;
	*why = "the private number is not in the range of the curve";
	if (d == NULL)
		st = key_math_fault();
	else
		st = ecdsa_point(fields->type, d, q, &qlen);
	BN_clear_free(d);
	if (st == ST_OK && !slice_eq((struct slice){ q, qlen },
	    fields->ecdsa.q)) {
		*why = "the public point does not belong to the private number";
		st = ST_MALFORMED;
	}
	return st;
}

/* Make an EVP_PKEY of the numbers of an ECDSA key. */
static int
import_ecdsa(const struct private_fields *fields, EVP_PKEY **out)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *d = secret_bn(fields->ecdsa.d);
	int st;

	if (bld == NULL || d == NULL ||
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
	    key_math_curve(fields->type), 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
	    fields->ecdsa.q.p, fields->ecdsa.q.len) != 1 ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d) != 1)
		st = key_math_fault();
	else
		st = from_params("EC", bld, out);
	OSSL_PARAM_BLD_free(bld);
	BN_clear_free(d);
	return st;
}

int
key_math_check(const struct private_fields *fields, unsigned *bits,
    const char **why)
{
	return fields->type == KEY_RSA ? check_rsa(fields, bits, why) :
	    check_ecdsa(fields, bits, why);
}

int
key_math_import(const struct private_fields *fields, EVP_PKEY **out)
{
	return fields->type == KEY_RSA ? import_rsa(fields, out) :
	    import_ecdsa(fields, out);
}

/* Take one DER INTEGER of at most 127 bytes from the front of s. */
static bool
der_integer(struct slice *s, struct slice *out)
{
	if (s->len < 2 || s->p[0] != 0x02 || s->p[1] > 0x7f ||
	    s->p[1] > s->len - 2)
		return false;
	*out = (struct slice){ s->p + 2, s->p[1] };
	s->p += 2 + out->len;
	s->len -= 2 + out->len;
	return true;
}

int
key_math_ecdsa_signature(struct slice der, uint8_t *out, size_t cap,
    size_t *len)
{
	struct wire_writer w = wire_writer(out, cap);
	struct slice body, r, s;

	/* 0x30, then the length in one byte, or in two for P-521. */
	if (der.len >= 2 && der.p[0] == 0x30 && der.p[1] == der.len - 2)
		body = (struct slice){ der.p + 2, der.len - 2 };
	else if (der.len >= 3 && der.p[0] == 0x30 && der.p[1] == 0x81 &&
	    der.p[2] == der.len - 3)
		body = (struct slice){ der.p + 3, der.len - 3 };
	else
		return ST_CRYPTO;
	if (!der_integer(&body, &r) || !der_integer(&body, &s) ||
	    body.len != 0)
		return ST_CRYPTO;
	wire_put_string(&w, r);
	wire_put_string(&w, s);
	*len = w.len;
	return w.full ? ST_CRYPTO : ST_OK;
}

/* Two mpints as DER, for libcrypto to verify. */
static int
ecdsa_der(struct slice sig, unsigned char **der, size_t *len)
{
	struct wire_reader rd = wire_reader(sig);
	ECDSA_SIG *es = ECDSA_SIG_new();
	BIGNUM *r = NULL, *s = NULL;
	struct slice rs, ss;
	int n, st = ST_MALFORMED;

	if (wire_get_mpint(&rd, &rs) != ST_OK ||
	    wire_get_mpint(&rd, &ss) != ST_OK || !wire_end(&rd))
		goto out;
	st = ST_FULL;
	if (es == NULL || (r = BN_bin2bn(rs.p, (int)rs.len, NULL)) == NULL ||
	    (s = BN_bin2bn(ss.p, (int)ss.len, NULL)) == NULL ||
	    ECDSA_SIG_set0(es, r, s) != 1)
		goto out;
	r = s = NULL;		/* the signature owns them now */
	if ((n = i2d_ECDSA_SIG(es, der)) <= 0)
		goto out;
	*len = (size_t)n;
	st = ST_OK;
out:
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(es);
	return st;
}

int
key_math_verify(enum key_type type, EVP_PKEY *pkey, struct slice data,
    struct slice sig)
{
	const char *name = type == KEY_ECDSA_P384 ? "SHA2-384" :
	    type == KEY_ECDSA_P521 ? "SHA2-512" : "SHA2-256";
	EVP_MD_CTX *ctx = NULL;
	unsigned char *der = NULL;
	size_t der_len = 0;
	int st = ST_OK;

	if (type != KEY_RSA && (st = ecdsa_der(sig, &der, &der_len)) == ST_OK)
		sig = (struct slice){ der, der_len };
	if (st == ST_OK && ((ctx = EVP_MD_CTX_new()) == NULL ||
	    EVP_DigestVerifyInit_ex(ctx, NULL, name, NULL, NULL, pkey,
	    NULL) != 1))
		st = key_math_fault();
	if (st == ST_OK && EVP_DigestVerify(ctx, sig.p, sig.len, data.p,
	    data.len) != 1)
		st = key_math_fault() == ST_FULL ? ST_FULL : ST_MALFORMED;
	EVP_MD_CTX_free(ctx);
	OPENSSL_free(der);
	ERR_clear_error();
	return st;
}
