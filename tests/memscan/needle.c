/*
 * Which forms exist was learnt from libcrypto 3.0 and libsodium 1.0.18 at
 * work; the self test signs with plain libcrypto and checks that they are
 * really seen.  Calls that can only fail for want of memory are asserted.
 */
#include "memscan/needle.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <sodium.h>

#include "agent/key.h"
#include "agent/vault.h"
#include "base/fdio.h"
#include "keys/keytext.h"

/* The longest key file that is taken. */
#define FILE_MAX	(256 * 1024)
/* The longest number: RSA of 16384 bits; times 2 when spread to digits. */
#define NUMBER_MAX	2048
#define LIMB_BITS	64

/* Two words of 21 bits are too common: three. */
#define RADIX21_MIN	24

/* What is being added to, and for which key. */
struct builder {
	struct needles	*all;
	const char	*key;
	BN_CTX		*ctx;
};

/* Append one needle; a copy is made. */
static struct needle *
add(struct builder *b, const char *number, const char *layout,
    const uint8_t *p, size_t len)
{
	struct needles *all = b->all;
	struct needle *x;

	x = realloc(all->list, (all->n + 1) * sizeof(*x));
	assert(x != NULL);
	all->list = x;
	x += all->n++;
	*x = (struct needle){ .key = b->key, .number = number,
		.layout = layout, .secret = true, .len = len };
	x->bytes = malloc(len);
	assert(x->bytes != NULL);
	memcpy(x->bytes, p, len);
	return x;
}

/* Big-endian and little-endian are the same, the other way round. */
static struct needle *
add_reversed(struct builder *b, const char *number, const char *layout,
    const uint8_t *p, size_t len)
{
	uint8_t turned[NUMBER_MAX];

	assert(len <= sizeof(turned));
	for (size_t i = 0; i < len; i++)
		turned[i] = p[len - 1 - i];
	return add(b, number, layout, turned, len);
}

/* 64-bit words of ${p}, byte order turned. */
static void
add_swap64(struct builder *b, const char *number, const uint8_t p[static 32])
{
	uint8_t out[32];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = p[i ^ 7];
	(void)add(b, number, "swap64", out, sizeof(out));
}

static struct needle *
add_le(struct builder *b, const char *number, const char *layout,
    const BIGNUM *n)
{
	uint8_t out[NUMBER_MAX + 16];
	int len = BN_num_bytes(n);

	assert((size_t)len <= sizeof(out));
	assert(BN_bn2lebinpad(n, out, len) == len);
	return add(b, number, layout, out, (size_t)len);
}

/* Digits of ${bits} bits in 64-bit words. */
static struct needle *
add_digits(struct builder *b, const char *number, const char *layout,
    const BIGNUM *n, int bits)
{
	uint64_t out[NUMBER_MAX * 8 / 16];
	BIGNUM *rest = BN_dup(n), *digit = BN_new();
	size_t used = 0;

	assert(rest != NULL && digit != NULL);
	for (; !BN_is_zero(rest); used++) {
		uint8_t low[8];

		assert(used < sizeof(out) / sizeof(out[0]));
		assert(BN_copy(digit, rest) != NULL);
		if (BN_num_bits(digit) > bits)
			assert(BN_mask_bits(digit, bits) == 1);
		assert(BN_bn2lebinpad(digit, low, sizeof(low)) > 0);
		memcpy(&out[used], low, sizeof(low));
		assert(BN_rshift(rest, rest, bits) == 1);
	}
	BN_free(rest);
	BN_free(digit);
	return add(b, number, layout, (uint8_t *)out, used * sizeof(out[0]));
}

/* A new number from big-endian bytes. */
static BIGNUM *
from_be(struct slice s)
{
	BIGNUM *n = BN_bin2bn(s.p, (int)s.len, NULL);

	assert(n != NULL);
	return n;
}

/* 2^k modulo m, a new number. */
static BIGNUM *
power_mod(struct builder *b, int k, const BIGNUM *m)
{
	BIGNUM *n = BN_new();

	assert(n != NULL && BN_set_bit(n, k) == 1);
	assert(BN_nnmod(n, n, m, b->ctx) == 1);
	return n;
}

/* Bits of a number in whole units. */
static int
whole(const BIGNUM *n, int unit)
{
	return (BN_num_bits(n) + unit - 1) / unit * unit;
}

/* What arithmetic modulo a secret prime leaves of it. */
static void
add_modulus(struct builder *b, const char *number, const BIGNUM *m)
{
	int k = whole(m, LIMB_BITS), k52 = whole(m, 52);
	BIGNUM *n;

	n = power_mod(b, 2 * k, m);
	(void)add_le(b, number, "rr", n);
	BN_free(n);
	n = power_mod(b, k, m);
	(void)add_le(b, number, "minus", n);
	BN_free(n);
	n = power_mod(b, 2 * k52, m);
	(void)add_digits(b, number, "rr52", n, 52);
	BN_free(n);
	n = power_mod(b, k52, m);
	(void)add_digits(b, number, "one52", n, 52);
	BN_free(n);
	(void)add_digits(b, number, "radix52", m, 52);
}

/* d modulo (prime - 1), both ways round. */
static void
add_exponent(struct builder *b, const char *number, const BIGNUM *d,
    const BIGNUM *prime)
{
	uint8_t out[NUMBER_MAX];
	BIGNUM *n = BN_new(), *m = BN_dup(prime);

	assert(n != NULL && m != NULL && BN_sub_word(m, 1) == 1);
	assert(BN_nnmod(n, d, m, b->ctx) == 1);
	(void)add_le(b, number, "le", n);
	(void)add(b, number, "be", out, (size_t)BN_bn2bin(n, out));
	BN_free(n);
	BN_free(m);
}

static void
add_both(struct builder *b, const char *number, struct slice s, bool secret)
{
	add(b, number, "be", s.p, s.len)->secret = secret;
	add_reversed(b, number, "le", s.p, s.len)->secret = secret;
}

static void
add_rsa(struct builder *b, const struct private_fields *f)
{
	BIGNUM *d = from_be(f->rsa.d), *p = from_be(f->rsa.p);
	BIGNUM *q = from_be(f->rsa.q);

	add_both(b, "n", f->rsa.n, false);
	add_both(b, "d", f->rsa.d, true);
	add_both(b, "p", f->rsa.p, true);
	add_both(b, "q", f->rsa.q, true);
	add_both(b, "iqmp", f->rsa.iqmp, true);
	add_exponent(b, "dmp1", d, p);
	add_exponent(b, "dmq1", d, q);
	add_modulus(b, "p", p);
	add_modulus(b, "q", q);
	BN_free(d);
	BN_free(p);
	BN_free(q);
}

/* d together with the order of its curve. */
static void
add_scalar(struct builder *b, const BIGNUM *d, const BIGNUM *order)
{
	int k = whole(order, LIMB_BITS);
	BIGNUM *n = BN_new();

	assert(n != NULL);
	assert(BN_lshift(n, d, k) == 1);
	assert(BN_nnmod(n, n, order, b->ctx) == 1);
	(void)add_le(b, "d", "mont", n);
	assert(BN_add(n, d, order) == 1);
	(void)add_le(b, "d", "plus1", n);
	assert(BN_add(n, n, order) == 1);
	(void)add_le(b, "d", "plus2", n);
	BN_free(n);
}

static void
add_ecdsa(struct builder *b, const struct private_fields *f)
{
	static const int curve[KEY_TYPES] = {
		[KEY_ECDSA_P256] = NID_X9_62_prime256v1,
		[KEY_ECDSA_P384] = NID_secp384r1,
		[KEY_ECDSA_P521] = NID_secp521r1,
	};
	EC_GROUP *group = EC_GROUP_new_by_curve_name(curve[f->type]);
	BIGNUM *d = from_be(f->ecdsa.d);
	struct slice q = f->ecdsa.q;
	size_t half = (q.len - 1) / 2;

	assert(group != NULL);
	add_both(b, "d", f->ecdsa.d, true);
	add_scalar(b, d, EC_GROUP_get0_order(group));
	add_both(b, "x", (struct slice){ q.p + 1, half }, false);
	add_both(b, "y", (struct slice){ q.p + 1 + half, half }, false);
	BN_free(d);
	EC_GROUP_free(group);
}

/* The signed digits that fixed-base multiplication walks along. */
static void
add_signed_digits(struct builder *b, const uint8_t a[static 32])
{
	int digit[64], carry = 0;
	uint8_t out[64];

	for (size_t i = 0; i < 32; i++) {
		digit[2 * i] = a[i] & 15;
		digit[2 * i + 1] = a[i] >> 4;
	}
	for (size_t i = 0; i < 64; i++) {
		digit[i] += carry;
		carry = i < 63 && digit[i] >= 8;
		digit[i] -= 16 * carry;
		out[i] = (uint8_t)digit[i];
	}
	(void)add(b, "a", "digits", out, sizeof(out));
}

static void
add_ed25519(struct builder *b, const struct private_fields *f)
{
	const uint8_t *seed = f->ed25519.sk.p;
	uint8_t h[crypto_hash_sha512_BYTES], scalar[32];
	BIGNUM *a;

	(void)crypto_hash_sha512(h, seed, 32);
	(void)add(b, "seed", "be", seed, 32);
	add_swap64(b, "seed", seed);
	/* The hash of the seed: what becomes the scalar, and the prefix. */
	(void)add(b, "prefix", "be", h + 32, 32);
	add_swap64(b, "prefix", h + 32);
	add_swap64(b, "hash", h);
	memcpy(scalar, h, sizeof(scalar));
	scalar[0] &= 248;
	scalar[31] = (uint8_t)((scalar[31] & 63) | 64);
	(void)add(b, "a", "be", scalar, sizeof(scalar));
	/* One hash in 32 is a scalar as it is. */
	if (memcmp(h, scalar, sizeof(scalar)) != 0)
		(void)add(b, "hash", "be", h, sizeof(scalar));
	add_signed_digits(b, scalar);
	a = BN_lebin2bn(scalar, sizeof(scalar), NULL);
	assert(a != NULL);
	add_digits(b, "a", "radix21", a, 21)->min = RADIX21_MIN;
	BN_free(a);
	add(b, "pk", "be", f->ed25519.pk.p, 32)->secret = false;
}

/*
 * Text.
 */

/* Append the characters that carry nothing but the ${len} bytes at ${off} of
 * what ${text} encodes. */
static void
add_text(struct builder *b, const char *number, const char *text, size_t off,
    size_t len)
{
	size_t from = (off * 8 + 5) / 6, to = (off + len) * 8 / 6;

	(void)add(b, number, "base64", (const uint8_t *)text + from,
	    to - from);
}

/* Look for the numbers of one key, needles ${first} on, in the body of a PEM
 * block, whose lines have been joined. */
static void
add_body(struct builder *b, size_t first, const char *text, size_t len)
{
	size_t cap = len / 4 * 3 + 3, have = 0, last = b->all->n;
	uint8_t *bytes = malloc(cap), *at;

	assert(bytes != NULL);
	(void)sodium_base642bin(bytes, cap, text, len, NULL, &have, NULL,
	    sodium_base64_VARIANT_ORIGINAL);
	for (size_t i = first; i < last; i++) {
		struct needle x = b->all->list[i];

		if (!x.secret || strcmp(x.layout, "be") != 0)
			continue;
		at = memmem(bytes, have, x.bytes, x.len);
		if (at != NULL)
			add_text(b, x.number, text, (size_t)(at - bytes),
			    x.len);
	}
	free(bytes);
}

/* Walk the PEM blocks of a file. */
static void
add_blocks(struct builder *b, size_t first, struct slice file)
{
	char *text = malloc(file.len + 1), *body = malloc(file.len + 1);
	char *save = NULL, *line;
	size_t used = 0;

	assert(text != NULL && body != NULL);
	memcpy(text, file.p, file.len);
	text[file.len] = '\0';
	for (line = strtok_r(text, "\r\n", &save); line != NULL;
	    line = strtok_r(NULL, "\r\n", &save)) {
		if (strncmp(line, "-----END", 8) == 0)
			add_body(b, first, body, used);
		if (strncmp(line, "-----", 5) == 0) {
			used = 0;
			continue;
		}
		memcpy(body + used, line, strlen(line));
		used += strlen(line);
	}
	free(text);
	free(body);
}

/* Read a whole file. */
static int
read_file(const char *path, uint8_t *p, size_t cap, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), st;

	if (fd < 0)
		return ST_SYSTEM;
	st = fdio_read_full(fd, p, cap, len);
	(void)close(fd);
	if (st == ST_OK)
		return ST_TOO_LARGE;
	return st == ST_CLOSED ? ST_OK : st;
}

/* Keep the last part of the path as the name of a key. */
static const char *
keep_name(struct needles *all, const char *path)
{
	const char *slash = strrchr(path, '/');
	char **keys = realloc(all->keys, (all->n_keys + 1) * sizeof(*keys));

	assert(keys != NULL);
	all->keys = keys;
	keys[all->n_keys] = strdup(slash != NULL ? slash + 1 : path);
	assert(keys[all->n_keys] != NULL);
	return keys[all->n_keys++];
}

int
needles_add_file(struct needles *all, const char *path, char *why,
    size_t whylen)
{
	struct builder b = { .all = all };
	struct keytext key = { .mem = NULL };
	uint8_t *text = malloc(FILE_MAX);
	struct slice file = { text, 0 }, rest;
	size_t first = all->n, found = 0;
	int st;

	(void)snprintf(why, whylen, "cannot be read");
	assert(text != NULL);
	b.ctx = BN_CTX_new();
	assert(b.ctx != NULL);
	if ((st = read_file(path, text, FILE_MAX, &file.len)) != ST_OK)
		goto out;
	b.key = keep_name(all, path);
	rest = file;
	while ((st = keytext_next(vault_region(), key_ecdsa_public, &rest, &key, why,
	    whylen)) == ST_OK) {
		found++;
		if (key.fields.type == KEY_RSA)
			add_rsa(&b, &key.fields);
		else if (key.fields.type == KEY_ED25519)
			add_ed25519(&b, &key.fields);
		else
			add_ecdsa(&b, &key.fields);
		keytext_fini(vault_region(), &key);
	}
	if (st == ST_NOT_FOUND && found > 0)
		st = ST_OK;
	if (st == ST_NOT_FOUND)
		(void)snprintf(why, whylen, "no private key in it");
	if (st == ST_OK)
		add_blocks(&b, first, file);
out:
	BN_CTX_free(b.ctx);
	free(text);
	return st;
}

void
needles_fini(struct needles *all)
{
	for (size_t i = 0; i < all->n; i++)
		free(all->list[i].bytes);
	for (size_t i = 0; i < all->n_keys; i++)
		free(all->keys[i]);
	free(all->list);
	free(all->keys);
	*all = (struct needles){ .list = NULL };
}
