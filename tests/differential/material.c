#include "differential/material.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/dsa.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <sodium.h>

#include "differential/material_kinds.h"

#define ARENA		(2 * 1024 * 1024)
/* Keys that are ever made. */
#define KEYS_MAX	1024

const struct material_kind_info material_kinds[] = {
	[KIND_ED25519] = { "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com",
		NULL, 0, NULL, NULL, { "ssh-ed25519" } },
	[KIND_P256] = { "ecdsa-sha2-nistp256",
		"ecdsa-sha2-nistp256-cert-v01@openssh.com", "nistp256",
		NID_X9_62_prime256v1, "P-256", "SHA256",
		{ "ecdsa-sha2-nistp256" } },
	[KIND_P384] = { "ecdsa-sha2-nistp384",
		"ecdsa-sha2-nistp384-cert-v01@openssh.com", "nistp384",
		NID_secp384r1, "P-384", "SHA384", { "ecdsa-sha2-nistp384" } },
	[KIND_P521] = { "ecdsa-sha2-nistp521",
		"ecdsa-sha2-nistp521-cert-v01@openssh.com", "nistp521",
		NID_secp521r1, "P-521", "SHA512", { "ecdsa-sha2-nistp521" } },
	[KIND_RSA] = { "ssh-rsa", "ssh-rsa-cert-v01@openssh.com", NULL, 0,
		NULL, NULL, { "rsa-sha2-256", "rsa-sha2-512", "ssh-rsa" } },
	[KIND_SK_ED25519] = { "sk-ssh-ed25519@openssh.com",
		"sk-ssh-ed25519-cert-v01@openssh.com", NULL, 0, NULL, NULL,
		{ "sk-ssh-ed25519@openssh.com" } },
	[KIND_SK_P256] = { "sk-ecdsa-sha2-nistp256@openssh.com",
		"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "nistp256",
		NID_X9_62_prime256v1, "P-256", "SHA256",
		{ "sk-ecdsa-sha2-nistp256@openssh.com" } },
	[KIND_DSA] = { "ssh-dss", "ssh-dss-cert-v01@openssh.com", NULL, 0,
		NULL, NULL, { "ssh-dss" } },
};

struct material_user material_users[USERS];
struct material_host material_hosts[HOSTS_MAX];
size_t material_n_hosts;

static uint8_t arena[ARENA];
static size_t arena_used;

struct slice
material_keep(struct slice s)
{
	struct slice kept = { arena + arena_used, s.len };

	assert(s.len <= sizeof(arena) - arena_used);
	if (s.len > 0)
		memcpy(arena + arena_used, s.p, s.len);
	arena_used += s.len;
	return kept;
}

/* What a writer holds, kept. */
static struct slice
keep_written(const struct wire_writer *w)
{
	struct slice s;
	int st = wire_done(w, &s);

	assert(st == ST_OK);
	return material_keep(s);
}

const char *
material_type(enum material_kind kind)
{
	return material_kinds[kind].type;
}

const char *
material_cert_type(enum material_kind kind)
{
	return material_kinds[kind].cert_type;
}

const char *
material_algorithm(enum material_kind kind, size_t i)
{
	return i < 3 ? material_kinds[kind].algorithms[i] : NULL;
}

/*
 * Numbers out of constants.
 */

void
material_ed25519(const uint8_t seed[static 32], uint8_t pk[static 32],
    uint8_t sk[static 64])
{
	(void)crypto_sign_seed_keypair(pk, sk, seed);
}

/* Fill p with bytes that follow from a label and a number. */
static void
stretch(const char *label, unsigned salt, uint8_t *p, size_t n)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	char text[128];
	size_t part;
	int len;

	for (unsigned i = 0; n > 0; i++, n -= part, p += part) {
		len = snprintf(text, sizeof(text), "differential %s %u %u",
		    label, salt, i);
		(void)SHA256((const uint8_t *)text, (size_t)len, digest);
		part = n < sizeof(digest) ? n : sizeof(digest);
		memcpy(p, digest, part);
	}
}

/* A prime of that many bits. */
static BIGNUM *
prime(const char *label, unsigned salt, unsigned bits, BN_CTX *ctx)
{
	uint8_t bytes[1024];
	BIGNUM *p;

	assert(bits % 8 == 0 && bits / 8 <= sizeof(bytes));
	stretch(label, salt, bytes, bits / 8);
	bytes[0] |= 0xc0;
	bytes[bits / 8 - 1] |= 1;
	p = BN_bin2bn(bytes, (int)(bits / 8), NULL);
	assert(p != NULL);
	while (BN_check_prime(p, ctx, NULL) != 1)
		if (BN_add_word(p, 2) != 1)
			abort();
	return p;
}

/* A number as bytes that stay. */
static struct slice
number(const BIGNUM *n)
{
	uint8_t bytes[2048];

	assert(BN_num_bytes(n) <= (int)sizeof(bytes));
	return material_keep((struct slice){ bytes,
	    (size_t)BN_bn2bin(n, bytes) });
}

/* A libcrypto key of that type of these parameters. */
static EVP_PKEY *
import_key(const char *type, OSSL_PARAM_BLD *bld, int selection)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY *pkey = NULL;

	if (ctx == NULL || params == NULL ||
	    EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, selection, params) != 1)
		abort();
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/*
 * Keys.
 */

/* The blob of a key whose public fields are there. */
static void
make_blob(struct material_key *k)
{
	uint8_t room[4096];
	struct wire_writer w = wire_writer(room, sizeof(room));

	wire_put_str(&w, material_kinds[k->kind].type);
	wire_put_bytes(&w, k->public);
	k->blob = keep_written(&w);
}

/* The fields of an sk key's private half, which is not private at all. */
static void
put_sk_private(struct wire_writer *w)
{
	wire_put_str(w, SK_APPLICATION);
	wire_put_u8(w, 1);		/* user presence */
	wire_put_str(w, "a key handle");
	wire_put_str(w, "");
}

/* A key pair, and its fields. */
static void
make_ed25519(struct material_key *k)
{
	bool sk = k->kind == KIND_SK_ED25519;
	uint8_t seed[32], pk[32], room[256];
	struct wire_writer w = wire_writer(room, sizeof(room));

	stretch(k->label, 0, seed, sizeof(seed));
	(void)crypto_sign_seed_keypair(pk, k->secret, seed);
	k->point = material_keep((struct slice){ pk, sizeof(pk) });
	wire_put_string(&w, k->point);
	if (sk)
		wire_put_str(&w, SK_APPLICATION);
	k->public = keep_written(&w);
	w.len = 0;
	wire_put_string(&w, k->point);
	if (sk)
		put_sk_private(&w);
	else
		wire_put_string(&w, (struct slice){ k->secret, 64 });
	/* Behind a certificate the public half is there once more. */
	k->private = k->behind_cert = keep_written(&w);
}

/* A key pair, and its fields. */
static void
make_ecdsa(struct material_key *k)
{
	bool sk = k->kind == KIND_SK_P256;
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	uint8_t bytes[66], room[512];
	struct wire_writer w = wire_writer(room, sizeof(room));
	size_t size = k->kind == KIND_P384 ? 48 : k->kind == KIND_P521 ? 66 :
	    32;
	BIGNUM *d;

	stretch(k->label, 0, bytes, sizeof(bytes));
	/* Below every order, and long enough for OpenSSH. */
	bytes[0] = k->kind == KIND_P521 ? 0 : 0x7f;
	bytes[1] |= 1;
	d = BN_bin2bn(bytes, (int)size, NULL);
	k->d = number(d);
	k->point = material_keep(material_multiply(k->kind, d, room));
	OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
	    material_kinds[k->kind].group, 0);
	OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
	    k->point.p, k->point.len);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d);
	k->pkey = import_key("EC", bld, EVP_PKEY_KEYPAIR);
	OSSL_PARAM_BLD_free(bld);
	BN_free(d);

	wire_put_str(&w, material_kinds[k->kind].curve);
	wire_put_string(&w, k->point);
	if (sk)
		wire_put_str(&w, SK_APPLICATION);
	k->public = keep_written(&w);
	w.len = 0;
	if (sk)
		put_sk_private(&w);
	else
		wire_put_mpint(&w, k->d);
	k->behind_cert = keep_written(&w);
	w.len = 0;
	wire_put_str(&w, material_kinds[k->kind].curve);
	wire_put_string(&w, k->point);
	wire_put_bytes(&w, k->behind_cert);
	k->private = keep_written(&w);
}

/* The fields of an RSA key whose numbers are there. */
static void
make_rsa_fields(struct material_key *k)
{
	uint8_t room[16384];
	struct wire_writer w = wire_writer(room, sizeof(room));

	wire_put_mpint(&w, k->e);
	wire_put_mpint(&w, k->n);
	k->public = keep_written(&w);
	w.len = 0;
	wire_put_mpint(&w, k->d);
	wire_put_mpint(&w, k->iqmp);
	wire_put_mpint(&w, k->p);
	wire_put_mpint(&w, k->q);
	k->behind_cert = keep_written(&w);
	w.len = 0;
	wire_put_mpint(&w, k->n);
	wire_put_mpint(&w, k->e);
	wire_put_bytes(&w, k->behind_cert);
	k->private = keep_written(&w);
}

/* The libcrypto key of these numbers. */
static EVP_PKEY *
import_rsa(const BIGNUM *n, const BIGNUM *e, const BIGNUM *d)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY *pkey;

	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_D, d);
	pkey = import_key("RSA", bld, EVP_PKEY_KEYPAIR);
	OSSL_PARAM_BLD_free(bld);
	return pkey;
}

/* The RSA key of two primes.  Slow: d is small and e the long one. */
static void
make_rsa(struct material_key *k, BIGNUM *p, BIGNUM *q, bool slow, BN_CTX *ctx)
{
	BIGNUM *n = BN_new(), *e = BN_new(), *d = BN_new(), *iqmp = BN_new();
	BIGNUM *phi = BN_new();

	/* phi = (p-1)(q-1) = n - p - q + 1 */
	if (BN_mul(n, p, q, ctx) != 1 || BN_set_word(e, 65537) != 1 ||
	    BN_sub(phi, n, p) != 1 || BN_sub(phi, phi, q) != 1 ||
	    BN_add_word(phi, 1) != 1 ||
	    BN_mod_inverse(d, e, phi, ctx) == NULL ||
	    BN_mod_inverse(iqmp, q, p, ctx) == NULL)
		abort();
	if (slow)
		BN_swap(e, d);
	k->n = number(n);
	k->e = number(e);
	k->d = number(d);
	k->iqmp = number(iqmp);
	k->p = number(p);
	k->q = number(q);
	k->pkey = import_rsa(n, e, d);
	BN_free(n);
	BN_free(e);
	BN_free(d);
	BN_free(iqmp);
	BN_free(phi);
	make_rsa_fields(k);
}

/* An RSA key of two primes out of the label. */
static void
make_rsa_of(struct material_key *k, unsigned bits, bool slow)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *p = prime(k->label, 1, bits / 2, ctx);
	BIGNUM *q = prime(k->label, 2, bits - bits / 2, ctx);

	make_rsa(k, p, q, slow, ctx);
	BN_free(p);
	BN_free(q);
	BN_CTX_free(ctx);
}

/* An empty key. */
static struct material_key *
start(enum material_kind kind, const char *label)
{
	static struct material_key all[KEYS_MAX];
	static size_t n;

	assert(n < KEYS_MAX);
	all[n].kind = kind;
	all[n].label = label;
	return &all[n++];
}

struct material_key *
material_new(enum material_kind kind, unsigned bits, const char *label)
{
	struct material_key *k = start(kind, label);

	if (kind == KIND_ED25519 || kind == KIND_SK_ED25519)
		make_ed25519(k);
	else if (kind == KIND_RSA)
		make_rsa_of(k, bits, false);
	else
		make_ecdsa(k);
	make_blob(k);
	return k;
}

struct material_key *
material_new_slow(void)
{
	struct material_key *k = start(KIND_RSA, "rsa slow");

	make_rsa_of(k, 1024, true);
	make_blob(k);
	return k;
}

struct material_key *
material_new_large(void)
{
	struct material_key *k = start(KIND_RSA, "rsa 9216");
	BN_CTX *ctx = BN_CTX_new();
	/* To find some takes long; two that everyone knows do as well. */
	BIGNUM *p = BN_get_rfc3526_prime_3072(NULL);
	BIGNUM *q = BN_get_rfc3526_prime_6144(NULL);

	make_rsa(k, p, q, false, ctx);
	make_blob(k);
	BN_free(p);
	BN_free(q);
	BN_CTX_free(ctx);
	return k;
}

struct material_key *
material_new_dsa(void)
{
	static const char *const names[] = { OSSL_PKEY_PARAM_FFC_P,
		OSSL_PKEY_PARAM_FFC_Q, OSSL_PKEY_PARAM_FFC_G,
		OSSL_PKEY_PARAM_PUB_KEY, OSSL_PKEY_PARAM_PRIV_KEY };
	struct material_key *k = start(KIND_DSA, "dsa");
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DSA", NULL);
	EVP_PKEY *params = NULL;
	uint8_t room[4096];
	struct wire_writer w = wire_writer(room, sizeof(room));
	BIGNUM *n = NULL;

	if (ctx == NULL || EVP_PKEY_paramgen_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_dsa_paramgen_bits(ctx, 1024) != 1 ||
	    EVP_PKEY_CTX_set_dsa_paramgen_q_bits(ctx, 160) != 1 ||
	    EVP_PKEY_paramgen(ctx, &params) != 1)
		abort();
	EVP_PKEY_CTX_free(ctx);
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, params, NULL);
	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 ||
	    EVP_PKEY_keygen(ctx, &k->pkey) != 1)
		abort();
	for (size_t i = 0; i < 5; i++) {
		if (EVP_PKEY_get_bn_param(k->pkey, names[i], &n) != 1)
			abort();
		if (i == 4)
			k->public = keep_written(&w);
		wire_put_mpint(&w, number(n));
		BN_clear_free(n);
		n = NULL;
	}
	k->private = keep_written(&w);
	EVP_PKEY_free(params);
	EVP_PKEY_CTX_free(ctx);
	make_blob(k);
	return k;
}

/*
 * Certificates.
 */

/* Append a string that holds a name and an empty value, or nothing. */
static void
put_option(struct wire_writer *w, const char *name)
{
	size_t mark = wire_open_string(w);

	if (name != NULL) {
		wire_put_str(w, name);
		wire_put_str(w, "");
	}
	wire_close_string(w, mark);
}

/* Append a number of eight bytes. */
static void
put_u64(struct wire_writer *w, uint64_t v)
{
	wire_put_u32(w, (uint32_t)(v >> 32));
	wire_put_u32(w, (uint32_t)v);
}

struct slice
material_certify(const struct material_cert *c)
{
	uint8_t room[8192];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice body;
	size_t mark;

	wire_put_str(&w, material_kinds[c->key->kind].cert_type);
	wire_put_str(&w, "a nonce of no particular length");
	wire_put_bytes(&w, c->key->public);
	put_u64(&w, c->serial);
	wire_put_u32(&w, c->role);
	wire_put_str(&w, "key id");
	mark = wire_open_string(&w);
	for (size_t i = 0; i < 4 && c->principals[i] != NULL; i++)
		wire_put_str(&w, c->principals[i]);
	wire_close_string(&w, mark);
	put_u64(&w, c->after);
	put_u64(&w, c->before);
	put_option(&w, c->critical);
	put_option(&w, c->role == 1 ? "permit-pty" : NULL);
	wire_put_str(&w, "");
	wire_put_string(&w, c->ca->blob);
	body = (struct slice){ room, w.len };
	mark = wire_open_string(&w);
	material_sign(&w, c->ca, c->ca_algorithm != NULL ? c->ca_algorithm :
	    material_algorithm(c->ca->kind, 0), body);
	wire_close_string(&w, mark);
	assert(!w.full);
	if (c->forged)
		room[w.len - 1] ^= 1;
	return keep_written(&w);
}

/*
 * The cast.
 */

/* Keys to be added, and their certificates. */
static void
make_users(struct material_key *const *cas)
{
	static const struct {
		enum material_kind kind;
		unsigned	 bits;
		const char	*label;
	} rows[USERS] = {
		[USER_ED25519] = { KIND_ED25519, 0, "ed25519" },
		[USER_ED25519_TOO] = { KIND_ED25519, 0, "ed25519 too" },
		[USER_P256] = { KIND_P256, 0, "p256" },
		[USER_SK_ED25519] = { KIND_SK_ED25519, 0, "sk ed25519" },
		[USER_SK_P256] = { KIND_SK_P256, 0, "sk p256" },
		[USER_RSA_1024] = { KIND_RSA, 1024, "rsa 1024" },
		[USER_RSA_2048] = { KIND_RSA, 2048, "rsa 2048" },
		[USER_P384] = { KIND_P384, 0, "p384" },
		[USER_P521] = { KIND_P521, 0, "p521" },
		[USER_RSA_ODD] = { KIND_RSA, 1040, "rsa 1040" },
	};
	struct material_cert c = { .after = 0, .before = UINT64_MAX };

	for (size_t i = 0; i < USERS; i++) {
		material_users[i].key = material_new(rows[i].kind,
		    rows[i].bits, rows[i].label);
		c.key = material_users[i].key;
		for (size_t j = 0; j < USER_CERTS; j++) {
			c.ca = cas[(i + j) % HOST_FIRST_CERT];
			c.role = j == 2 ? 2 : 1;
			c.serial = j;
			c.principals[0] = j == 1 ? NULL : "someone";
			/* The agent does not look at dates. */
			c.before = j == 1 ? 1 : UINT64_MAX;
			material_users[i].certs[j] = material_certify(&c);
		}
	}
}

/* Take a host into the list. */
static void
add_host(const char *label, const struct material_key *key,
    const struct material_key *ca, struct slice blob, unsigned since)
{
	assert(material_n_hosts < HOSTS_MAX);
	material_hosts[material_n_hosts++] = (struct material_host){
		.label = label, .key = key, .blob = blob, .cert = ca != NULL,
		.ca = ca, .since = since };
}

/* Hosts: one of each kind, then certificates that are good or not.  Most are
 * P-256: OpenSSH's own Ed25519 takes ten times as long. */
static void
make_hosts(struct material_key *const *plain, struct material_key *const *cas)
{
	static const struct {
		const char	*label;
		unsigned	 since;
		size_t		 key, ca;
		struct material_cert c;
	} rows[] = {
		{ "cert", 0, 0, 0, { .role = 2, .before = UINT64_MAX,
		    .principals = { MATERIAL_HOST_NAME } } },
		{ "cert p256 by rsa", 0, 1, 4, { .role = 2,
		    .before = UINT64_MAX,
		    .principals = { "other", MATERIAL_HOST_NAME } } },
		{ "cert rsa by p384", 0, 4, 2, { .role = 2,
		    .before = UINT64_MAX,
		    .principals = { MATERIAL_HOST_NAME } } },
		{ "cert p521 by sk", 0, 3, 5, { .role = 2,
		    .before = UINT64_MAX,
		    .principals = { MATERIAL_HOST_NAME } } },
		{ "cert sk by sk", 0, 6, 6, { .role = 2,
		    .before = UINT64_MAX,
		    .principals = { MATERIAL_HOST_NAME } } },
		{ "cert expired", 0, 1, 1, { .role = 2, .before = 1000,
		    .principals = { MATERIAL_HOST_NAME } } },
		{ "cert of the future", 0, 1, 1, { .role = 2,
		    .after = UINT64_MAX - 1, .before = UINT64_MAX,
		    .principals = { MATERIAL_HOST_NAME } } },
		{ "cert of a user", 0, 1, 1, { .role = 1,
		    .before = UINT64_MAX,
		    .principals = { MATERIAL_HOST_NAME } } },
		{ "cert other name", 0, 1, 1, { .role = 2,
		    .before = UINT64_MAX, .principals = { "elsewhere" } } },
		{ "cert critical", 0, 1, 1, { .role = 2,
		    .before = UINT64_MAX, .critical = "unknown",
		    .principals = { MATERIAL_HOST_NAME } } },
		{ "cert sha1", 0, 1, 4, { .role = 2, .before = UINT64_MAX,
		    .ca_algorithm = "ssh-rsa",
		    .principals = { MATERIAL_HOST_NAME } } },
		{ "cert forged", 0, 1, 1, { .role = 2, .before = UINT64_MAX,
		    .forged = true, .principals = { MATERIAL_HOST_NAME } } },
		{ "cert for nobody", 1003, 1, 1, { .role = 2,
		    .before = UINT64_MAX } },
		{ "cert pattern", 1003, 1, 1, { .role = 2,
		    .before = UINT64_MAX, .principals = { "*.example" } } },
	};
	struct material_cert c;

	for (size_t i = 0; i < HOST_FIRST_CERT; i++)
		add_host(plain[i]->label, plain[i], NULL, plain[i]->blob, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		c = rows[i].c;
		c.key = plain[rows[i].key];
		c.ca = cas[rows[i].ca];
		add_host(rows[i].label, c.key, c.ca, material_certify(&c),
		    rows[i].since);
		material_hosts[material_n_hosts - 1].forged = c.forged;
	}
}

void
material_make(void)
{
	static const struct {
		enum material_kind kind;
		const char	*host, *ca;
	} rows[HOST_FIRST_CERT] = {
		{ KIND_ED25519, "host ed25519", "ca ed25519" },
		{ KIND_P256, "host p256", "ca p256" },
		{ KIND_P384, "host p384", "ca p384" },
		{ KIND_P521, "host p521", "ca p521" },
		{ KIND_RSA, "host rsa", "ca rsa" },
		{ KIND_SK_ED25519, "host sk ed25519", "ca sk ed25519" },
		{ KIND_SK_P256, "host sk p256", "ca sk p256" },
	};
	struct material_key *hosts[HOST_FIRST_CERT], *cas[HOST_FIRST_CERT];

	if (sodium_init() < 0)
		abort();
	for (size_t i = 0; i < HOST_FIRST_CERT; i++) {
		hosts[i] = material_new(rows[i].kind, 1024, rows[i].host);
		cas[i] = material_new(rows[i].kind, 1024, rows[i].ca);
	}
	make_users(cas);
	make_hosts(hosts, cas);
}

const struct material_key *
material_find(struct slice blob, bool *cert)
{
	for (size_t i = 0; i < USERS; i++) {
		*cert = false;
		if (slice_eq(blob, material_users[i].key->blob))
			return material_users[i].key;
		*cert = true;
		for (size_t j = 0; j < USER_CERTS; j++)
			if (slice_eq(blob, material_users[i].certs[j]))
				return material_users[i].key;
	}
	return NULL;
}
