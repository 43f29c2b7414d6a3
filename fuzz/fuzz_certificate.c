/*
 * Reaches: certificate_decode, certificate_next_principal, key_type_named,
 *          keyblob_get_fields, keyblob_decode, keyblob_put; and keyprivate_get
 *          and keyprivate_put with what follows a certificate.
 * Claims:  no status is negative; every slice lies in the blob; nothing is a
 *          plain key and a certificate at once; what was decoded is the whole
 *          blob, so neither a beginning nor more of it is one; there are as
 *          many principals as it says, within the limit; the key in it written
 *          as a plain one reads the same; an add with the certificate has just
 *          that key, and is written as it was read.
 * Input:   the blob, and after it what an add has besides it: a string each.
 */

#include <string.h>

#include "fuzz/fuzz.h"
#include "proto/certificate.h"
#include "proto/keyprivate.h"

/* Whether both are the same key. */
static bool
same_key(const struct public_fields *a, const struct public_fields *b)
{
	return a->type == b->type && slice_eq(a->point, b->point) &&
	    slice_eq(a->n, b->n) && slice_eq(a->e, b->e) &&
	    slice_eq(a->application, b->application);
}

/* A key lies where it came from, has what its type has, and is written in no
 * more bytes than it was; size is that of its blob. */
static void
check_key(const struct public_fields *key, struct slice blob, size_t size)
{
	struct wire_writer w = wire_writer(fuzz_alloc(size), size);
	bool rsa = key->type == KEY_RSA;
	struct public_fields again;
	int st;

	assert((unsigned)key->type < KEY_TYPES);
	assert(fuzz_within(key->point, blob) && fuzz_within(key->n, blob));
	assert(fuzz_within(key->e, blob));
	assert(fuzz_within(key->application, blob));
	assert((key->point.len == 0) == rsa);
	assert(rsa || (key->n.len == 0 && key->e.len == 0));
	assert(key->application.len == 0 || key_type_info(key->type)->sk);
	keyblob_put(&w, key);
	st = keyblob_decode(fuzz_written(&w), &again);
	assert(st == ST_OK && same_key(key, &again));
	free(w.p);
}

/* Neither a beginning of it is one, nor it and a byte more. */
static void
check_length(struct slice blob)
{
	uint8_t *longer = fuzz_alloc(blob.len + 1);
	struct certificate c;
	size_t len;
	int st;

	for (len = 0; len < blob.len; len += 1 + len / 64) {
		st = certificate_decode((struct slice){ blob.p, len }, &c);
		assert(st == ST_MALFORMED);
	}
	memcpy(longer, blob.p, blob.len);
	longer[blob.len] = 0;
	st = certificate_decode((struct slice){ longer, blob.len + 1 }, &c);
	assert(st == ST_MALFORMED);
	free(longer);
}

/* What is said of a certificate holds. */
static void
check_certificate(struct slice blob, const struct certificate *c)
{
	struct wire_reader r = wire_reader(c->principals);
	struct public_fields ca;
	struct slice name;
	size_t n = 0;
	int st;

	check_key(&c->key, blob, blob.len);
	assert(c->role == CERTIFICATE_USER || c->role == CERTIFICATE_HOST);
	assert(fuzz_within(c->key_id, blob));
	assert(fuzz_within(c->critical, blob));
	assert(fuzz_within(c->extensions, blob));
	assert(fuzz_within(c->ca, c->signed_part));
	assert(c->signed_part.p == blob.p);
	assert(c->signed_part.len + 4 + c->signature.len == blob.len);
	st = keyblob_decode(c->ca, &ca);
	assert(st == ST_OK);
	while ((st = certificate_next_principal(&r, &name)) == ST_OK) {
		assert(fuzz_within(name, c->principals));
		n++;
	}
	assert(st == ST_NOT_FOUND && n == c->n_principals);
	assert(n <= CERTIFICATE_PRINCIPALS_MAX);
	check_length(blob);
}

/* The certificate added, with those fields. */
static void
check_add(struct slice blob, const struct certificate *c, struct slice rest)
{
	size_t cap = blob.len + rest.len + 128;
	struct wire_writer w = wire_writer(fuzz_alloc(cap), cap);
	struct wire_writer again = wire_writer(fuzz_alloc(cap), cap);
	struct private_fields key;
	struct public_fields pub;
	struct wire_reader r;
	struct slice in;
	int st;

	wire_put_str(&w, key_type_info(c->key.type)->cert_name);
	wire_put_string(&w, blob);
	wire_put_bytes(&w, rest);
	in = fuzz_written(&w);
	r = wire_reader(in);
	st = keyprivate_get(&r, &key);
	assert(st >= 0);
	if (st == ST_OK) {
		keyprivate_public(&key, &pub);
		assert(same_key(&pub, &c->key));
		assert(slice_eq(key.cert, blob));
		keyprivate_put(&again, &key);
		assert(again.len <= in.len - r.rest.len);
		assert(again.len <= keyprivate_size(&key));
	} else {
		assert(fuzz_same_place(r.rest, in));
	}
	free(w.p);
	free(again.p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_reader r = wire_reader((struct slice){ data, size });
	struct public_fields key;
	struct slice blob, rest;
	struct certificate c;
	int plain, st;

	if (wire_get_string(&r, &blob) != ST_OK ||
	    wire_get_string(&r, &rest) != ST_OK)
		return 0;
	plain = keyblob_decode(blob, &key);
	st = certificate_decode(blob, &c);
	assert(plain >= 0 && st >= 0);
	/* Each knows the other's types, and leaves them. */
	assert(plain != ST_OK || st == ST_UNSUPPORTED);
	assert(st != ST_OK || plain == ST_UNSUPPORTED);
	if (plain == ST_OK)
		check_key(&key, blob, blob.len);
	if (st == ST_OK) {
		check_certificate(blob, &c);
		check_add(blob, &c, rest);
	}
	return 0;
}
