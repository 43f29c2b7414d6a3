/*
 * Reaches: secretpart_measure; beside it request_decode and keyprivate_put.
 * Claims:  of an add that keyprivate_put() wrote, and of any request that
 *          decodes, the secret part ends where the constraints begin, or
 *          behind the passphrase; of the beginnings of any body those that
 *          are long enough measure what the whole measures, and the shorter
 *          ones want more and more, never above that; nothing past what is
 *          wanted is looked at; what is malformed does not decode.
 * Input:   a byte.  From 0xc0 on: bytes that the body has more than are here,
 *          by two more bytes; then the body.  Below: the type of a key and
 *          whether it has a certificate; then strings that become its fields,
 *          its comment and its constraints.
 */

#include <string.h>

#include "fuzz/fuzz.h"
#include "proto/agent_num.h"
#include "proto/request.h"
#include "proto/secretpart.h"

/* Input that is a body, and not a key to make one of. */
#define RAW		0xc0

/* Every beginning up to here is measured, and some of the longer ones. */
#define ALL		160

/* Measure the first so many bytes of in. */
static int
measure(struct slice in, size_t have, size_t len, size_t *need)
{
	uint8_t *p = fuzz_alloc(have);
	int st;

	if (have > 0)
		memcpy(p, in.p, have);
	st = secretpart_measure((struct slice){ p, have }, len, need);
	assert(st == ST_OK || st == ST_MORE || st == ST_MALFORMED);
	assert(st == ST_MALFORMED || *need <= len);
	assert(st != ST_MORE || *need > have);
	assert(st != ST_OK || *need <= have);
	free(p);
	return st;
}

/* All beginnings of what is there of a body. */
static int
check_beginnings(struct slice in, size_t len, size_t *whole)
{
	int st = measure(in, in.len, len, whole), now, before = ST_MORE;
	size_t have, need, last = 1;

	for (have = 0; have < in.len; have += 1 + have / ALL) {
		now = measure(in, have, len, &need);
		assert(now == ST_MORE || now == st);
		/* What is known stays known. */
		assert(before == ST_MORE || now == before);
		if (now == ST_MORE)
			assert(need >= last);
		if (now != ST_MALFORMED && st != ST_MALFORMED)
			assert(need <= *whole);
		if (st == ST_OK)
			assert((now == ST_OK) == (have >= *whole));
		if (now == ST_OK)
			assert(need == *whole);
		/* With less than was asked for there is no progress. */
		if (now == ST_MORE && have < last)
			assert(need == last);
		last = now == ST_MORE ? need : last;
		before = now;
	}
	return st;
}

/* A body against the decoder's view of it; need becomes what it measures. */
static int
check_body(struct slice body, size_t *need)
{
	int st = check_beginnings(body, body.len, need), decoded;
	struct request req;
	struct slice secret;

	assert(st != ST_MORE);
	if (request_decode(body, &req) != ST_OK)
		return st;
	assert(st == ST_OK);
	secret = request_is_add(req.type) ? (struct slice){ body.p,
	    body.len - req.add.constraints.len } : (struct slice){ body.p,
	    1 + 4 + req.lock.passphrase.len };
	assert(*need == secret.len);
	/* It decodes without the rest, too. */
	decoded = request_decode(secret, &req);
	assert(decoded == ST_OK);
	assert(!request_is_add(req.type) || req.add.constraints.len == 0);
	return st;
}

/* The next string of the input, or what is left of it. */
static struct slice
take(struct wire_reader *r)
{
	struct slice out;
	uint8_t n;

	if (wire_get_u8(r, &n) != ST_OK || wire_get_bytes(r, n, &out) !=
	    ST_OK) {
		out = r->rest;
		r->rest.len = 0;
	}
	return out;
}

/* A key of that type, of fields that need not make one. */
static void
make_key(struct wire_reader *r, struct private_fields *key)
{
	struct slice f[6];

	for (size_t i = 0; i < 6; i++)
		f[i] = take(r);
	switch (key->type) {
	case KEY_ED25519:
		key->ed25519.pk = f[0];
		key->ed25519.sk = f[1];
		break;
	case KEY_RSA:
		key->rsa.n = f[0];
		key->rsa.e = f[1];
		key->rsa.d = f[2];
		key->rsa.iqmp = f[3];
		key->rsa.p = f[4];
		key->rsa.q = f[5];
		break;
	case KEY_SK_ED25519:
	case KEY_SK_ECDSA_P256:
		key->sk.point = f[0];
		key->sk.application = f[1];
		key->sk.flags = (uint8_t)f[2].len;
		key->sk.handle = f[3];
		key->sk.reserved = f[4];
		break;
	default:
		key->ecdsa.q = f[0];
		key->ecdsa.d = f[1];
		break;
	}
}

/* An add that is made of the input. */
static void
check_made(struct wire_reader *r, uint8_t how)
{
	struct request req = { .type = (how & 0x40) != 0 ?
		SSH_AGENTC_ADD_ID_CONSTRAINED : SSH_AGENTC_ADD_IDENTITY };
	struct private_fields *key = &req.add.key;
	struct wire_writer w;
	struct slice body;
	size_t size, need;
	int st;

	key->type = (enum key_type)(how % KEY_TYPES);
	if ((how & 0x20) != 0)
		key->cert = take(r);
	make_key(r, key);
	req.add.comment = take(r);
	req.add.constraints = r->rest;
	size = 1 + keyprivate_size(key) + 4 + req.add.comment.len +
	    req.add.constraints.len;
	w = wire_writer(fuzz_alloc(size), size);
	request_encode(&w, &req);
	body = fuzz_written(&w);
	st = check_body(body, &need);
	assert(st == ST_OK);
	assert(need == body.len - req.add.constraints.len);
	free(w.p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_reader r = wire_reader((struct slice){ data, size });
	uint8_t how, hi, lo;
	size_t need, more;
	int st, st_alone;

	if (wire_get_u8(&r, &how) != ST_OK)
		return 0;
	if (how < RAW) {
		check_made(&r, how);
		return 0;
	}
	if (wire_get_u8(&r, &hi) != ST_OK || wire_get_u8(&r, &lo) != ST_OK ||
	    r.rest.len == 0 || !request_has_secret(r.rest.p[0]))
		return 0;
	more = (size_t)hi << 8 | lo;
	st = check_beginnings(r.rest, r.rest.len + more, &need);
	/* What is broken with more bytes to come is so without them. */
	st_alone = check_body(r.rest, &need);
	assert(st != ST_MALFORMED || st_alone == ST_MALFORMED);
	return 0;
}
