#include "agent/verify.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "support/hex.h"

#include "proto/extension.h"
#include "support/cert_vectors.h"
#include "support/fakecert.h"
#include "support/session_vectors.h"
#include "support/signer.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* All that a signer can make. */
static const struct {
	enum key_type	 type;
	const char	*name;
} algorithms[] = {
	{ KEY_ED25519, "ssh-ed25519" },
	{ KEY_ECDSA_P256, "ecdsa-sha2-nistp256" },
	{ KEY_ECDSA_P384, "ecdsa-sha2-nistp384" },
	{ KEY_ECDSA_P521, "ecdsa-sha2-nistp521" },
	{ KEY_RSA, "ssh-rsa" },
	{ KEY_RSA, "rsa-sha2-256" },
	{ KEY_RSA, "rsa-sha2-512" },
	{ KEY_SK_ED25519, "sk-ssh-ed25519@openssh.com" },
	{ KEY_SK_ECDSA_P256, "sk-ecdsa-sha2-nistp256@openssh.com" },
};

static struct signer signers[KEY_TYPES];
static const char *why;

static int
setup(void **state)
{
	(void)state;
	assert_int_equal(verify_init(), ST_OK);
	for (unsigned i = 0; i < KEY_TYPES; i++)
		signer_init(&signers[i], (enum key_type)i);
	return 0;
}

static int
teardown(void **state)
{
	for (unsigned i = 0; i < KEY_TYPES; i++)
		signer_fini(&signers[i]);
	return hex_free(state);
}

/* A signature in a piece of just its length. */
static struct slice
sign(const struct signer *s, const char *algorithm, struct slice data)
{
	uint8_t bytes[SIGNER_SIG_MAX];
	struct wire_writer w = wire_writer(bytes, sizeof(bytes));
	struct slice out;

	signer_put(s, &w, algorithm, data);
	assert_int_equal(wire_done(&w, &out), ST_OK);
	return hex_copy(out);
}

/* A signature of those bytes, whatever they are. */
static struct slice
wrap(const char *algorithm, struct slice sig)
{
	struct wire_writer w = wire_writer(hex_alloc(2400), 2400);
	struct slice out;

	wire_put_str(&w, algorithm);
	wire_put_string(&w, sig);
	assert_int_equal(wire_done(&w, &out), ST_OK);
	return out;
}

/* verify_signature(), which leaves nothing in libcrypto's queue. */
static int
verify(const struct public_fields *key, struct slice sig, struct slice data)
{
	int st;

	why = NULL;
	st = verify_signature(key, sig, data, &why);
	assert_int_equal(ERR_peek_error(), 0);
	assert_true(st >= 0);
	assert_true(st == ST_OK || (why != NULL && why[0] != '\0'));
	return st;
}

/* A copy in which one bit is another one. */
static struct slice
flipped(struct slice s, size_t bit)
{
	uint8_t *p = hex_alloc(s.len);

	memcpy(p, s.p, s.len);
	p[bit / 8] = (uint8_t)(p[bit / 8] ^ 1u << bit % 8);
	return (struct slice){ p, s.len };
}

static void
every_type_verifies_what_it_signed(void **state)
{
	static const size_t lens[] = { 0, 1, 20, 32, 64, 5000 };

	(void)state;
	for (size_t i = 0; i < N(algorithms); i++) {
		const struct signer *s = &signers[algorithms[i].type];

		for (size_t k = 0; k < N(lens); k++) {
			struct slice data = hex_fill('d', lens[k]);
			struct slice sig = sign(s, algorithms[i].name, data);

			if (verify(&s->key, sig, data) != ST_OK)
				fail_msg("%s: %s", algorithms[i].name, why);
		}
	}
}

static void
no_bytes_at_all_may_be_signed(void **state)
{
	struct slice nothing = { NULL, 0 };

	(void)state;
	for (size_t i = 0; i < N(algorithms); i++) {
		const struct signer *s = &signers[algorithms[i].type];
		struct slice sig = sign(s, algorithms[i].name, nothing);

		assert_int_equal(verify(&s->key, sig, nothing), ST_OK);
	}
}

static void
one_flipped_bit_is_seen(void **state)
{
	struct slice data = hex("'this is what was signed'");

	(void)state;
	for (size_t i = 0; i < N(algorithms); i++) {
		const struct signer *s = &signers[algorithms[i].type];
		struct slice sig = sign(s, algorithms[i].name, data);
		struct public_fields key;

		/* One bit of each byte, each time another one. */
		for (size_t k = 0; k < sig.len; k++)
			assert_int_not_equal(verify(&s->key,
			    flipped(sig, 8 * k + k % 8), data), ST_OK);
		for (size_t k = 0; k < data.len; k++)
			assert_int_equal(verify(&s->key, sig,
			    flipped(data, 8 * k + k % 8)), ST_MALFORMED);
		for (size_t k = 0; k < s->blob.len; k++)
			if (keyblob_decode(flipped(s->blob, 8 * k + k % 8),
			    &key) == ST_OK)
				assert_int_not_equal(verify(&key, sig, data),
				    ST_OK);
	}
}

static void
another_key_of_the_type_did_not_sign(void **state)
{
	struct slice data = hex("'data'");
	struct signer s;

	(void)state;
	signer_init_rsa(&s, EVP_PKEY_Q_keygen(NULL, NULL, "RSA",
	    (size_t)1024));
	assert_int_equal(verify(&s.key, sign(&s, NULL, data), data), ST_OK);
	assert_int_equal(verify(&s.key, sign(&signers[KEY_RSA], NULL, data),
	    data), ST_MALFORMED);
	signer_fini(&s);
}

static void
types_make_only_their_own_signatures(void **state)
{
	static const char *const others[] = { "", "ssh-dss", "ssh-rs",
		"ssh-rsa2", "ssh-ed25519-cert-v01@openssh.com",
		"ssh-rsa-cert-v01@openssh.com",
		"rsa-sha2-256-cert-v01@openssh.com", "ssh-rsa,rsa-sha2-256",
		"webauthn-sk-ecdsa-sha2-nistp256@openssh.com" };
	struct slice data = hex("'data'");

	(void)state;
	for (size_t i = 0; i < N(algorithms); i++) {
		enum key_type type = algorithms[i].type;
		struct slice sig = sign(&signers[type], algorithms[i].name,
		    data);

		for (unsigned t = 0; t < KEY_TYPES; t++)
			if (t != type)
				assert_int_equal(verify(&signers[t].key, sig,
				    data), ST_UNSUPPORTED);
		for (size_t k = 0; k < N(others); k++)
			assert_int_equal(verify(&signers[type].key,
			    wrap(others[k], data), data), ST_UNSUPPORTED);
	}
}

static void
signatures_are_read_to_their_end_and_not_beyond(void **state)
{
	struct slice data = hex("'data'");

	(void)state;
	for (size_t i = 0; i < N(algorithms); i++) {
		const struct signer *s = &signers[algorithms[i].type];
		struct slice sig = sign(s, algorithms[i].name, data);
		uint8_t *longer = hex_alloc(sig.len + 1);

		for (size_t len = 0; len < sig.len; len++)
			assert_int_equal(verify(&s->key, hex_copy(
			    (struct slice){ sig.p, len }), data),
			    ST_MALFORMED);
		memcpy(longer, sig.p, sig.len);
		longer[sig.len] = 0;
		assert_int_equal(verify(&s->key, (struct slice){ longer,
		    sig.len + 1 }, data), ST_MALFORMED);
	}
}

static void
authenticators_sign_application_flags_and_counter(void **state)
{
	struct slice data = hex("'data'");

	(void)state;
	for (unsigned t = KEY_SK_ED25519; t <= KEY_SK_ECDSA_P256; t++) {
		struct public_fields key = signers[t].key;
		struct slice sig;

		/* Whether somebody was there is not for us to judge. */
		signers[t].flags = 0;
		signers[t].counter = 0;
		sig = sign(&signers[t], NULL, data);
		assert_int_equal(verify(&key, sig, data), ST_OK);
		key.application = hex("'ssh:'");
		assert_int_equal(verify(&key, sig, data), ST_MALFORMED);
		key.application = (struct slice){ NULL, 0 };
		assert_int_equal(verify(&key, sig, data), ST_MALFORMED);
		signers[t].flags = 1;
		signers[t].counter = 0x01020304;
	}
}

/* The bytes inside of a signature of a plain type. */
static struct slice
inside(struct slice sig)
{
	struct wire_reader r = wire_reader(sig);
	struct slice name, out;

	assert_int_equal(wire_get_string(&r, &name), ST_OK);
	assert_int_equal(wire_get_string(&r, &out), ST_OK);
	return out;
}

static void
rsa_signature_without_its_zeros_is_taken(void **state)
{
	const struct signer *s = &signers[KEY_RSA];
	struct slice data, sig;
	uint8_t *longer;
	uint32_t i = 0;

	(void)state;
	do {
		data = hex_fill((uint8_t)i, 1 + i / 256);
		sig = inside(sign(s, "ssh-rsa", data));
		i++;
	} while (sig.p[0] != 0);
	assert_int_equal(verify(&s->key, wrap("ssh-rsa", sig), data), ST_OK);
	assert_int_equal(verify(&s->key, wrap("ssh-rsa",
	    (struct slice){ sig.p + 1, sig.len - 1 }), data), ST_OK);
	assert_int_equal(verify(&s->key, wrap("ssh-rsa",
	    (struct slice){ sig.p + 2, sig.len - 2 }), data), ST_MALFORMED);
	assert_int_equal(verify(&s->key, wrap("ssh-rsa",
	    (struct slice){ sig.p, 0 }), data), ST_MALFORMED);
	longer = hex_alloc(sig.len + 1);
	longer[0] = 0;
	memcpy(longer + 1, sig.p, sig.len);
	assert_int_equal(verify(&s->key, wrap("ssh-rsa",
	    (struct slice){ longer, sig.len + 1 }), data), ST_MALFORMED);
}

static void
rsa_hash_is_the_one_of_the_algorithm(void **state)
{
	static const char *const names[] = { "ssh-rsa", "rsa-sha2-256",
		"rsa-sha2-512" };
	const struct signer *s = &signers[KEY_RSA];
	struct slice data = hex("'data'");

	(void)state;
	for (size_t i = 0; i < N(names); i++)
		for (size_t k = 0; k < N(names); k++)
			assert_int_equal(verify(&s->key, wrap(names[k],
			    inside(sign(s, names[i], data))), data),
			    i == k ? ST_OK : ST_MALFORMED);
}

/* A block raised to the private exponent. */
static struct slice
rsa_raw(const struct signer *s, struct slice block)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, s->pkey, NULL);
	uint8_t *out = hex_alloc(block.len);
	size_t len = block.len;

	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, out, &len, block.p, block.len), 1);
	EVP_PKEY_CTX_free(ctx);
	return (struct slice){ out, len };
}

static void
rsa_padding_is_checked_to_the_last_byte(void **state)
{
#define SHA256_INFO "3031300d060960864801650304020105000420"
	static const struct {
		const char	*head, *info, *tail;
		uint8_t		 fill;
		int		 want;
	} rows[] = {
		{ "0001", "00" SHA256_INFO, "", 0xff, ST_OK },
		/* Another kind of block, or of filling. */
		{ "0002", "00" SHA256_INFO, "", 0xff, ST_MALFORMED },
		{ "0000", "00" SHA256_INFO, "", 0xff, ST_MALFORMED },
		{ "0101", "00" SHA256_INFO, "", 0xff, ST_MALFORMED },
		{ "0001", "00" SHA256_INFO, "", 0xfe, ST_MALFORMED },
		{ "0001", "00" SHA256_INFO, "", 0x00, ST_MALFORMED },
		{ "0001ff00", "00" SHA256_INFO, "", 0xff, ST_MALFORMED },
		{ "0001", "01" SHA256_INFO, "", 0xff, ST_MALFORMED },
		/* Something after the hash, as Bleichenbacher would have it. */
		{ "0001", "00" SHA256_INFO, "00", 0xff, ST_MALFORMED },
		{ "0001ffffffffffffffff00" SHA256_INFO "!", "", "", 0x55,
		    ST_MALFORMED },
		/* No parameters, the length in a longer form, another hash,
		 * none. */
		{ "0001", "00302f300b0609608648016503040201" "0420", "", 0xff,
		    ST_MALFORMED },
		{ "0001", "00308131300d060960864801650304020105000420", "",
		    0xff, ST_MALFORMED },
		{ "0001", "003031300d060960864801650304020205000420", "", 0xff,
		    ST_MALFORMED },
		{ "0001", "00", "", 0xff, ST_MALFORMED },
	};
	const struct signer *s = &signers[KEY_RSA];
	size_t size = s->key.n.len;
	struct slice data = hex("'data'");
	uint8_t hash[32];

	(void)state;
	(void)crypto_hash_sha256(hash, data.p, data.len);
	for (size_t i = 0; i < N(rows); i++) {
		struct wire_writer w = wire_writer(hex_alloc(size), size);
		/* With ! the hash follows there, else at the end. */
		bool early = strchr(rows[i].head, '!') != NULL;
		char *head = strdup(rows[i].head);
		struct slice info = hex(rows[i].info), tail = hex(rows[i].tail);
		size_t end;

		assert_non_null(head);
		head[strcspn(head, "!")] = '\0';
		wire_put_bytes(&w, hex(head));
		free(head);
		if (early)
			wire_put_bytes(&w, (struct slice){ hash, 32 });
		end = size - info.len - tail.len - (early ? 0 : 32);
		while (w.len < end)
			wire_put_u8(&w, rows[i].fill);
		wire_put_bytes(&w, info);
		if (!early)
			wire_put_bytes(&w, (struct slice){ hash, 32 });
		wire_put_bytes(&w, tail);
		assert_false(w.full);
		assert_int_equal(w.len, size);
		if (verify(&s->key, wrap("rsa-sha2-256", rsa_raw(s,
		    (struct slice){ w.p, size })), data) != rows[i].want)
			fail_msg("row %zu", i);
	}
}

static void
rsa_numbers_have_limits(void **state)
{
	static const struct {
		size_t		 bits;
		const char	*e;
		int		 want;
	} rows[] = {
		/* MALFORMED: it was tried, and the signature was wrong. */
		{ 1024, "010001", ST_MALFORMED },
		{ 1023, "010001", ST_TOO_LARGE },
		{ 8192, "010001", ST_MALFORMED },
		{ 8193, "010001", ST_TOO_LARGE },
		{ 16384, "010001", ST_TOO_LARGE },
		{ 8, "03", ST_TOO_LARGE },
		{ 0, "010001", ST_TOO_LARGE },
		{ 8192, "ffffffffffffffff", ST_MALFORMED },
		{ 2048, "01 0000000000000001", ST_TOO_LARGE },
		{ 2048, "03", ST_MALFORMED },
	};
	struct slice data = hex("'data'");

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		size_t len = (rows[i].bits + 7) / 8;
		uint8_t *n = hex_alloc(len);
		struct public_fields key = { .type = KEY_RSA,
			.n = { n, len }, .e = hex(rows[i].e) };

		memset(n, 0xa5, len);
		if (len > 0)
			n[0] = (uint8_t)(1u << (rows[i].bits + 7) % 8);
		if (verify(&key, wrap("rsa-sha2-512", hex_fill('s', 100)),
		    data) != rows[i].want)
			fail_msg("row %zu: %s", i, why);
	}
}

static void
rsa_numbers_that_make_no_key_are_refused(void **state)
{
	static const char reason[] = "the RSA numbers are out of range";
	static const char *const exponents[] = { "", "01", "02", "010000" };
	struct slice data = hex("'data'"), sig;
	struct public_fields key = signers[KEY_RSA].key;

	(void)state;
	sig = sign(&signers[KEY_RSA], NULL, data);
	for (size_t i = 0; i < N(exponents); i++) {
		key.e = hex(exponents[i]);
		assert_int_equal(verify(&key, sig, data), ST_MALFORMED);
		assert_string_equal(why, reason);
	}
	key = signers[KEY_RSA].key;
	key.n = flipped(key.n, 8 * (key.n.len - 1));
	assert_int_equal(verify(&key, sig, data), ST_MALFORMED);
	assert_string_equal(why, reason);
}

/* The RSA key of 8192 bits of two primes that everyone knows, those of RFC
 * 3526: it takes long to find others. */
static EVP_PKEY *
rsa_known(const BIGNUM *e)
{
	BIGNUM *p = BN_get_rfc3526_prime_6144(NULL);
	BIGNUM *q = BN_get_rfc3526_prime_2048(NULL);
	BIGNUM *n = BN_new(), *phi = BN_new(), *d = BN_new();
	BN_CTX *ctx = BN_CTX_new();
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM *params;
	EVP_PKEY *pkey = NULL;

	/* phi = (p-1)(q-1) = n - p - q + 1 */
	assert_true(BN_mul(n, p, q, ctx) && BN_sub(phi, n, p) &&
	    BN_sub(phi, phi, q) && BN_add_word(phi, 1) &&
	    BN_mod_inverse(d, e, phi, ctx) != NULL);
	assert_true(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_D, d));
	params = OSSL_PARAM_BLD_to_param(bld);
	assert_int_equal(EVP_PKEY_fromdata_init(pctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(pctx, &pkey, EVP_PKEY_KEYPAIR,
	    params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(pctx);
	BN_CTX_free(ctx);
	BN_free(p);
	BN_free(q);
	BN_free(n);
	BN_free(phi);
	BN_free(d);
	return pkey;
}

/* A new one of fewer bits. */
static EVP_PKEY *
rsa_new(int bits, BIGNUM *e)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *pkey = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, bits), 1);
	assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &pkey), 1);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static void
rsa_keys_at_the_limits_verify(void **state)
{
	static const struct {
		int		 bits;
		const char	*e;
	} rows[] = {
		{ 1024, "10001" },
		{ 1025, "3" },
		{ 1024, "FFFFFFFFFFFFFFC5" },
		{ 8192, "FFFFFFFFFFFFFFC5" },
	};
	struct slice data = hex("'data'");

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct signer s;
		BIGNUM *e = NULL;

		assert_true(BN_hex2bn(&e, rows[i].e) > 0);
		signer_init_rsa(&s, rows[i].bits == VERIFY_RSA_BITS_MAX ?
		    rsa_known(e) : rsa_new(rows[i].bits, e));
		BN_free(e);
		assert_int_equal(8 * s.key.n.len, (rows[i].bits + 7) / 8 * 8);
		if (verify(&s.key, sign(&s, NULL, data), data) != ST_OK)
			fail_msg("row %zu: %s", i, why);
		signer_fini(&s);
	}
}

static void
points_lie_on_their_curve(void **state)
{
	static const char reason[] = "the key is not a point on its curve";
	static const enum key_type types[] = { KEY_ECDSA_P256, KEY_ECDSA_P384,
		KEY_ECDSA_P521, KEY_SK_ECDSA_P256 };
	struct slice data = hex("'data'");

	(void)state;
	for (size_t i = 0; i < N(types); i++) {
		struct public_fields key = signers[types[i]].key;
		struct slice sig = sign(&signers[types[i]], NULL, data);
		struct slice point = key.point;
		uint8_t *p;

		/* The last bit of y is another one. */
		key.point = flipped(point, 8 * (point.len - 1));
		assert_int_equal(verify(&key, sig, data), ST_MALFORMED);
		assert_string_equal(why, reason);
		/* (0, 0), and numbers above the prime. */
		p = hex_alloc(point.len);
		memset(p, 0, point.len);
		p[0] = 4;
		key.point = (struct slice){ p, point.len };
		assert_int_equal(verify(&key, sig, data), ST_MALFORMED);
		assert_string_equal(why, reason);
		memset(p + 1, 0xff, point.len - 1);
		assert_int_equal(verify(&key, sig, data), ST_MALFORMED);
		assert_string_equal(why, reason);
		/* Not as long, which keyblob.c does not let through. */
		key.point = (struct slice){ point.p, point.len - 1 };
		assert_int_not_equal(verify(&key, sig, data), ST_OK);
		key.point = (struct slice){ NULL, 0 };
		assert_int_not_equal(verify(&key, sig, data), ST_OK);
		key.point = hex_fill(4, 2048);
		assert_int_not_equal(verify(&key, sig, data), ST_OK);
	}
}

static void
ecdsa_numbers_are_two_of_the_curves_size(void **state)
{
#define ONE "00000001 01 "
#define B16 "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f "
/* The order of the curve, where no number may be. */
#define ORDER "00000021 00" \
	"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551 "
	static const char *const broken[] = {
		"", ONE, ONE ONE "00", ONE ONE ONE,
		"00000000" ONE, ONE "00000000",		/* zero */
		"00000001 00" ONE, ONE "00000001 00",
		"00000001 ff" ONE, ONE "00000001 80",	/* negative */
		"00000021" B16 B16 "01" ONE,		/* too long */
		ONE "00000021" B16 B16 "01",
		"00000002 01" ONE,			/* cut short */
	};
	static const char *const wrong[] = { ONE ONE, ORDER ONE, ONE ORDER,
		ORDER ORDER, "00000020" B16 B16 "00000020" B16 B16 };
	const struct signer *s = &signers[KEY_ECDSA_P256];
	struct slice data = hex("'data'"), sig;
	struct wire_writer w;

	(void)state;
	for (size_t i = 0; i < N(broken) + N(wrong); i++) {
		bool form = i < N(broken);
		const char *row = form ? broken[i] : wrong[i - N(broken)];

		if (verify(&s->key, wrap("ecdsa-sha2-nistp256", hex(row)),
		    data) != ST_MALFORMED || strcmp(why, form ?
		    "the ECDSA signature is not two numbers of the curve's size"
		    : "the signature is wrong") != 0)
			fail_msg("row %zu: %s", i, why);
	}
	/* A good one, and something after it. */
	sig = inside(sign(s, NULL, data));
	w = wire_writer(hex_alloc(sig.len + 1), sig.len + 1);
	wire_put_bytes(&w, sig);
	wire_put_u8(&w, 0);
	assert_int_equal(verify(&s->key, wrap("ecdsa-sha2-nistp256",
	    (struct slice){ w.p, sig.len }), data), ST_OK);
	assert_int_equal(verify(&s->key, wrap("ecdsa-sha2-nistp256",
	    (struct slice){ w.p, w.len }), data), ST_MALFORMED);
}

static void
ed25519_takes_no_weak_key_and_no_second_form(void **state)
{
	/* Points of small order: any signature of zeros would be theirs. */
	static const char *const weak[] = {
		"00000000000000000000000000000000"
		    "00000000000000000000000000000000",
		"01000000000000000000000000000000"
		    "00000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffff"
		    "ffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0"
		    "d5dfac05d3c63339b13802886d53fc05",
	};
	static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63,
		0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
		[31] = 0x10 };
	const struct signer *s = &signers[KEY_ED25519];
	struct public_fields key = s->key;
	struct slice data = hex("'data'"), sig;
	uint8_t bytes[65] = { 1 };
	unsigned carry = 0;

	(void)state;
	for (size_t i = 0; i < N(weak); i++) {
		key.point = hex(weak[i]);
		assert_int_equal(verify(&key, wrap("ssh-ed25519",
		    (struct slice){ bytes, 64 }), data), ST_MALFORMED);
	}
	/* The same number modulo the order of the group. */
	sig = inside(sign(s, NULL, data));
	memcpy(bytes, sig.p, 64);
	assert_int_equal(verify(&s->key, wrap("ssh-ed25519",
	    (struct slice){ bytes, 64 }), data), ST_OK);
	for (size_t i = 0; i < 32; i++) {
		carry += bytes[32 + i] + (unsigned)order[i];
		bytes[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_int_equal(verify(&s->key, wrap("ssh-ed25519",
	    (struct slice){ bytes, 64 }), data), ST_MALFORMED);
	/* Other lengths. */
	memcpy(bytes, sig.p, 64);
	bytes[64] = 0;
	assert_int_equal(verify(&s->key, wrap("ssh-ed25519",
	    (struct slice){ bytes, 65 }), data), ST_MALFORMED);
	assert_int_equal(verify(&s->key, wrap("ssh-ed25519",
	    (struct slice){ bytes, 63 }), data), ST_MALFORMED);
	key.point = (struct slice){ s->key.point.p, 31 };
	assert_int_equal(verify(&key, sign(s, NULL, data), data),
	    ST_MALFORMED);
}

static char dir[] = "/tmp/test_verify.XXXXXX";

/* A CA of each type that ssh-keygen can sign with, and a certificate of each
 * of them, with each of its algorithms, for a key of each type. */
static const char make_certificates[] =
    "set -e; umask 077; cd %s; exec >log 2>&1 </dev/null\n"
    "gen() { ssh-keygen -q -N '' -C '' -f \"$@\"; }\n"
    "gen ssh-ed25519 -t ed25519\n"
    "for b in 256 384 521; do gen ecdsa-sha2-nistp$b -t ecdsa -b $b; done\n"
    "gen rsa-sha2-256 -t rsa -b 2048\n"
    "for a in ssh-rsa rsa-sha2-512; do\n"
    "	cp rsa-sha2-256 $a; cp rsa-sha2-256.pub $a.pub\n"
    "done\n"
    "n=0\n"
    "for key in *.pub; do\n"
    "	key=${key%%.pub}\n"
    "	case $key in ssh-rsa|rsa-sha2-512) continue;; esac\n"
    "	for ca in ssh-ed25519 ecdsa-sha2-nistp256 ecdsa-sha2-nistp384"
    " ecdsa-sha2-nistp521 ssh-rsa rsa-sha2-256 rsa-sha2-512; do\n"
    "		t=; case $ca in *rsa*) t=\"-t $ca\";; esac\n"
    "		cp \"$key.pub\" it.pub_; n=$((n + 1))\n"
    "		mv it.pub_ it.pub\n"
    "		ssh-keygen -q -s $ca $t -I $ca -h -n h.example -z $n it.pub\n"
    "		mv it-cert.pub $n.cert; rm it.pub\n"
    "	done\n"
    "done\n";

/* The blob in the file of a public key. */
static struct slice
blob_of_file(const char *path)
{
	char text[8192];
	FILE *f = fopen(path, "r");
	uint8_t *p = hex_alloc(8192);
	size_t n, len;
	char *word;

	if (f == NULL)
		return (struct slice){ NULL, 0 };
	n = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	text[n] = '\0';
	(void)strtok(text, " ");
	word = strtok(NULL, " \n");
	assert_non_null(word);
	assert_int_equal(sodium_base642bin(p, 8192, word, strlen(word), NULL,
	    &len, NULL, sodium_base64_VARIANT_ORIGINAL), 0);
	return hex_copy((struct slice){ p, len });
}

/* Write the public key of an authenticator, which is not there to make it. */
static void
write_public(const struct signer *s)
{
	const char *name = key_type_info(s->key.type)->name;
	char path[128], text[2048];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s.pub", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)sodium_bin2base64(text, sizeof(text), s->blob.p, s->blob.len,
	    sodium_base64_VARIANT_ORIGINAL);
	(void)fprintf(f, "%s %s\n", name, text);
	(void)fclose(f);
}

static int
setup_certificates(void **state)
{
	char command[4096];

	(void)state;
	assert_non_null(mkdtemp(dir));
	write_public(&signers[KEY_SK_ED25519]);
	write_public(&signers[KEY_SK_ECDSA_P256]);
	(void)snprintf(command, sizeof(command), make_certificates, dir);
	if (system(command) != 0)
		fail_msg("see %s/log", dir);
	return 0;
}

static int
teardown_certificates(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* verify_certificate() of a blob, if it is one. */
static int
verify_blob(struct slice blob)
{
	struct certificate cert;
	int st;

	why = "it cannot be decoded";
	if ((st = certificate_decode(blob, &cert)) != ST_OK)
		return st;
	st = verify_certificate(&cert, &why);
	assert_int_equal(ERR_peek_error(), 0);
	assert_true(st >= 0);
	return st;
}

static void
certificates_of_ssh_keygen_verify(void **state)
{
	unsigned seen[KEY_TYPES] = { 0 };
	size_t n;

	(void)state;
	for (n = 1;; n++) {
		struct certificate cert;
		struct slice blob;
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/%zu.cert", dir, n);
		if ((blob = blob_of_file(path)).len == 0)
			break;
		assert_int_equal(certificate_decode(blob, &cert), ST_OK);
		assert_int_equal(cert.serial, n);
		seen[cert.key.type]++;
		/* It names itself after the algorithm of its signature. */
		assert_memory_equal(cert.key_id.p, cert.signature.p + 4,
		    cert.key_id.len);
		if (verify_blob(blob) != ST_OK)
			fail_msg("%zu: %s", n, why);
	}
	assert_int_equal(n - 1, 7 * KEY_TYPES);
	for (unsigned t = 0; t < KEY_TYPES; t++)
		assert_int_equal(seen[t], 7);
}

static void
one_flipped_bit_of_a_certificate_is_seen(void **state)
{
	char path[128];

	(void)state;
	/* One for each algorithm, of each another type of key. */
	for (unsigned k = 0; k < 7; k++) {
		struct slice blob;

		(void)snprintf(path, sizeof(path), "%s/%u.cert", dir,
		    1 + 8 * k);
		blob = blob_of_file(path);
		assert_int_equal(verify_blob(blob), ST_OK);
		/* Not every byte: there are many, and valgrind is slow. */
		for (size_t i = k % 3; i < blob.len; i += 3) {
			struct slice bad = flipped(blob, 8 * i + i % 8);

			if (verify_blob(bad) == ST_OK)
				fail_msg("%s, byte %zu", path, i);
		}
	}
}

static void
certificates_of_users_verify_as_well(void **state)
{
	(void)state;
	for (unsigned t = 0; t < KEY_TYPES; t++)
		if (verify_blob(hex(cert_vectors[t].cert_hex)) != ST_OK)
			fail_msg("%u: %s", t, why);
}

/* A host certificate for one signer's key, signed by another. */
static struct slice
certify(const struct signer *s, const struct signer *ca)
{
	struct fakecert fake = { .key = s->blob, .ca = ca->blob,
		.role = CERTIFICATE_HOST, .principals = "h.example",
		.before = UINT64_MAX, .critical = "" };
	uint8_t bytes[4096], sig_bytes[SIGNER_SIG_MAX];
	struct wire_writer w = wire_writer(bytes, sizeof(bytes));
	struct wire_writer sig = wire_writer(sig_bytes, sizeof(sig_bytes));
	struct slice out;

	fakecert_put(&w, &fake);
	signer_put(ca, &sig, NULL, (struct slice){ w.p, w.len });
	wire_put_string(&w, (struct slice){ sig.p, sig.len });
	assert_int_equal(wire_done(&w, &out), ST_OK);
	return hex_copy(out);
}

static void
every_type_may_sign_certificates_of_every_type(void **state)
{
	(void)state;
	for (unsigned ca = 0; ca < KEY_TYPES; ca++) {
		for (unsigned t = 0; t < KEY_TYPES; t++) {
			struct slice blob = certify(&signers[t], &signers[ca]);

			if (verify_blob(blob) != ST_OK)
				fail_msg("%u by %u: %s", t, ca, why);
			assert_int_not_equal(verify_blob(flipped(blob,
			    8 * (blob.len / 2))), ST_OK);
		}
	}
}

static void
a_certificate_is_signed_by_the_ca_it_names(void **state)
{
	struct slice blob = certify(&signers[KEY_ED25519],
	    &signers[KEY_ED25519]);
	struct signer other = signers[KEY_ED25519];
	struct certificate cert;

	(void)state;
	/* Another key signs, and names this one. */
	crypto_sign_keypair(other.bytes, other.secret);
	assert_int_equal(verify_blob(blob), ST_OK);
	assert_int_equal(verify_blob(certify(&signers[KEY_ED25519], &other)),
	    ST_MALFORMED);
	assert_string_equal(why, "the signature is wrong");
	/* One that is none. */
	assert_int_equal(certificate_decode(blob, &cert), ST_OK);
	cert.ca = hex("'no key'");
	assert_int_equal(verify_certificate(&cert, &why), ST_MALFORMED);
}

static void
hosts_sign_their_session_ids(void **state)
{
	struct slice sid = hex_fill('s', 64), other = hex_fill('t', 64);

	(void)state;
	for (size_t i = 0; i < N(algorithms); i++) {
		const struct signer *s = &signers[algorithms[i].type];
		struct slice sig = sign(s, algorithms[i].name, sid);
		struct slice cert = certify(s, &signers[i % KEY_TYPES]);

		assert_int_equal(verify_host(s->blob, sid, sig, &why), ST_OK);
		assert_int_equal(verify_host(s->blob, other, sig, &why),
		    ST_MALFORMED);
		assert_int_equal(verify_host(cert, sid, sig, &why), ST_OK);
		assert_int_equal(verify_host(cert, other, sig, &why),
		    ST_MALFORMED);
		/* The CA's signature counts too. */
		assert_int_equal(verify_host(flipped(cert,
		    8 * (cert.len - 1)), sid, sig, &why), ST_MALFORMED);
		assert_int_equal(ERR_peek_error(), 0);
	}
}

static void
hosts_are_of_a_type_that_is_known(void **state)
{
	struct slice sid = hex_fill('s', 64);
	struct slice sig = sign(&signers[KEY_ED25519], NULL, sid);
	struct slice blob = signers[KEY_ED25519].blob;

	(void)state;
	assert_int_equal(verify_host(hex("00000007'ssh-dss' 00000001 05"), sid,
	    sig, &why), ST_UNSUPPORTED);
	assert_int_equal(verify_host(hex("0000001c"
	    "'ssh-dss-cert-v01@openssh.com' 00000001 05"), sid, sig, &why),
	    ST_UNSUPPORTED);
	assert_int_equal(verify_host(hex(""), sid, sig, &why), ST_MALFORMED);
	for (size_t len = 0; len < blob.len; len++)
		assert_int_not_equal(verify_host(hex_copy(
		    (struct slice){ blob.p, len }), sid, sig, &why), ST_OK);
	assert_int_equal(verify_host(blob, sid, hex(""), &why), ST_MALFORMED);
}

static void
what_ssh_sends_for_its_server_verifies(void **state)
{
	struct bind_request bind;

	(void)state;
	assert_int_equal(bind_request_decode(
	    hex(session_vectors[SESSION_BIND]), &bind), ST_OK);
	assert_int_equal(verify_host(bind.hostkey, bind.session_id,
	    bind.signature, &why), ST_OK);
	assert_int_equal(verify_host(bind.hostkey,
	    flipped(bind.session_id, 77), bind.signature, &why),
	    ST_MALFORMED);
}

/* libcrypto's allocations until one fails, and all after it; 0: none does. */
static size_t fail_at;

static bool
fails(void)
{
	if (fail_at == 0)
		return false;
	if (fail_at > 1)
		fail_at--;
	return fail_at == 1;
}

static void *
failing_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return fails() ? NULL : malloc(n);
}

static void *
failing_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return fails() ? NULL : realloc(p, n);
}

static void
plain_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

/* Verify while the first allocation fails, then the second, and so on until
 * there are enough.  That it is memory which fails libcrypto does not always
 * tell. */
static void
verify_failing(const struct public_fields *key, struct slice sig,
    struct slice data, int want)
{
	size_t n = 0, told = 0;
	bool enough;
	int st;

	do {
		fail_at = ++n + 1;
		st = verify_signature(key, sig, data, &why);
		enough = fail_at > 1;
		fail_at = 0;
		assert_int_equal(ERR_peek_error(), 0);
		if (n == 1 && !enough)
			assert_int_equal(st, ST_NOMEM);
		told += st == ST_NOMEM;
		assert_true(st == ST_NOMEM || st > 0 || st == want);
	} while (!enough);
	assert_int_equal(st, want);
	assert_true(told >= n / 2);
	/* libsodium needs none. */
	assert_int_equal(n == 1, key->type == KEY_ED25519 ||
	    key->type == KEY_SK_ED25519);
}

static void
without_memory_nothing_wrong_is_taken(void **state)
{
	struct slice data = hex("'data'"), other = hex("'atad'");

	(void)state;
	for (size_t i = 0; i < N(algorithms); i++) {
		const struct signer *s = &signers[algorithms[i].type];
		struct slice sig = sign(s, algorithms[i].name, data);

		verify_failing(&s->key, sig, data, ST_OK);
		verify_failing(&s->key, sig, other, ST_MALFORMED);
	}
}

/* What the threads share: one key of each type. */
static struct {
	struct slice	 sig[N(algorithms)];
	struct slice	 data;
} shared;

/* Verify all in turn, good and bad, and report how many were as they should. */
static void *
verify_all(void *arg)
{
	size_t *good = arg;
	const char *reason;
	struct slice none = { NULL, 0 };

	for (size_t round = 0; round < 4; round++) {
		for (size_t i = 0; i < N(algorithms); i++) {
			const struct public_fields *key =
			    &signers[algorithms[i].type].key;

			*good += verify_signature(key, shared.sig[i],
			    shared.data, &reason) == ST_OK;
			*good += verify_signature(key, shared.sig[i],
			    none, &reason) == ST_MALFORMED;
		}
	}
	return NULL;
}

static void
threads_do_not_disturb_each_other(void **state)
{
	pthread_t threads[4];
	size_t good[4] = { 0 };

	(void)state;
	shared.data = hex("'data'");
	for (size_t i = 0; i < N(algorithms); i++)
		shared.sig[i] = sign(&signers[algorithms[i].type],
		    algorithms[i].name, shared.data);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, verify_all,
		    &good[i]), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(good[i], 4 * 2 * N(algorithms));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_verifies_what_it_signed),
		cmocka_unit_test(no_bytes_at_all_may_be_signed),
		cmocka_unit_test(one_flipped_bit_is_seen),
		cmocka_unit_test(another_key_of_the_type_did_not_sign),
		cmocka_unit_test(types_make_only_their_own_signatures),
		cmocka_unit_test(
		    signatures_are_read_to_their_end_and_not_beyond),
		cmocka_unit_test(
		    authenticators_sign_application_flags_and_counter),
		cmocka_unit_test(rsa_signature_without_its_zeros_is_taken),
		cmocka_unit_test(rsa_hash_is_the_one_of_the_algorithm),
		cmocka_unit_test(rsa_padding_is_checked_to_the_last_byte),
		cmocka_unit_test(rsa_numbers_have_limits),
		cmocka_unit_test(rsa_numbers_that_make_no_key_are_refused),
		cmocka_unit_test(rsa_keys_at_the_limits_verify),
		cmocka_unit_test(points_lie_on_their_curve),
		cmocka_unit_test(ecdsa_numbers_are_two_of_the_curves_size),
		cmocka_unit_test(ed25519_takes_no_weak_key_and_no_second_form),
		cmocka_unit_test(certificates_of_users_verify_as_well),
		cmocka_unit_test(
		    every_type_may_sign_certificates_of_every_type),
		cmocka_unit_test(a_certificate_is_signed_by_the_ca_it_names),
		cmocka_unit_test(hosts_sign_their_session_ids),
		cmocka_unit_test(hosts_are_of_a_type_that_is_known),
		cmocka_unit_test(what_ssh_sends_for_its_server_verifies),
		cmocka_unit_test(without_memory_nothing_wrong_is_taken),
		cmocka_unit_test(threads_do_not_disturb_each_other),
	};
	const struct CMUnitTest from_ssh_keygen[] = {
		cmocka_unit_test(certificates_of_ssh_keygen_verify),
		cmocka_unit_test(one_flipped_bit_of_a_certificate_is_seen),
	};
	int failed;

	/* Before libcrypto has allocated anything. */
	assert_int_equal(CRYPTO_set_mem_functions(failing_malloc,
	    failing_realloc, plain_free), 1);
	(void)setup(NULL);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	failed += cmocka_run_group_tests(from_ssh_keygen, setup_certificates,
	    teardown_certificates);
	(void)teardown(NULL);
	return failed;
}
