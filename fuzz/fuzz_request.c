/*
 * Reaches: request_decode, request_decode_add, request_encode,
 *          request_encode_add; through them keyblob_private_get and _put;
 *          then keyblob_public_put, constraint_parse, load_request_decode
 *          and load_request_put.
 * Claims:  no status is negative; the type is the first byte, also on error;
 *          every slice lies in the body; what is encoded is no longer than
 *          what came in, decodes again, and encodes to the same bytes; an add
 *          without its message number is the same add; a public blob fits
 *          KEYBLOB_PUBLIC_MAX unless the point in it is longer than any.
 * Input:   the body of one frame.
 */

#include "fuzz/fuzz.h"
#include "proto/constraint.h"
#include "proto/extension.h"
#include "proto/request.h"

/* Longest point of a curve that we have: P-521. */
#define POINT_MAX	133

/* The fields of a key lie in the body. */
static void
check_key(const struct private_fields *key, struct slice body)
{
	uint8_t buf[KEYBLOB_PUBLIC_MAX];
	struct wire_writer w = wire_writer(buf, sizeof(buf));

	assert((unsigned)key->type < KEY_TYPES);
	keyblob_public_put(&w, key);
	if (key->type == KEY_ED25519) {
		assert(key->ed25519.pk.len == 32 && key->ed25519.sk.len == 64);
		assert(fuzz_within(key->ed25519.pk, body));
		assert(fuzz_within(key->ed25519.sk, body));
		assert(!w.full);
	} else if (key->type == KEY_RSA) {
		assert(fuzz_within(key->rsa.n, body));
		assert(fuzz_within(key->rsa.q, body));
		assert(key->rsa.n.len <= WIRE_MPINT_MAX);
		assert(!w.full);
	} else {
		assert(fuzz_within(key->ecdsa.q, body));
		assert(fuzz_within(key->ecdsa.d, body));
		assert(!w.full || key->ecdsa.q.len > POINT_MAX);
	}
}

/* Nothing in an add depends on its message number. */
static void
check_add(struct slice body, const struct request *req, struct slice encoded)
{
	struct slice in = { body.p + 1, body.len - 1 };
	struct wire_writer w = wire_writer(fuzz_alloc(in.len), in.len);
	struct constraints c;
	struct request bare;
	int st;

	check_key(&req->add.key, body);
	assert(fuzz_within(req->add.comment, body));
	assert(fuzz_within(req->add.constraints, body));
	st = request_decode_add(in, &bare);
	assert(st == ST_OK);
	request_encode_add(&w, &bare);
	assert(slice_eq(fuzz_written(&w),
	    (struct slice){ encoded.p + 1, encoded.len - 1 }));
	free(w.p);
	st = constraint_parse(req->add.constraints, &c);
	assert(st >= 0);
}

/* The body of an extension, taken as one of ours. */
static void
check_extension(struct slice body)
{
	struct wire_writer w = wire_writer(fuzz_alloc(body.len), body.len);
	struct load_request load, again;
	int st;

	st = load_request_decode(body, &load);
	assert(st >= 0);
	if (st == ST_OK) {
		load_request_put(&w, &load);
		st = load_request_decode(fuzz_written(&w), &again);
		assert(st == ST_OK && again.op == load.op);
		assert(slice_eq(again.arg, load.arg));
	}
	free(w.p);
}

/* Encode, decode and encode again; the encoded body goes to w. */
static void
check_round_trip(const struct request *req, struct wire_writer *w)
{
	struct wire_writer again = wire_writer(fuzz_alloc(w->cap), w->cap);
	struct request second;
	int st;

	request_encode(w, req);
	st = request_decode(fuzz_written(w), &second);
	assert(st == ST_OK);
	request_encode(&again, &second);
	assert(slice_eq(fuzz_written(w), fuzz_written(&again)));
	free(again.p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice body = { data, size };
	struct request req, bare;
	struct wire_writer w;
	int st;

	st = request_decode(body, &req);
	assert(st >= 0);
	assert(size == 0 || req.type == data[0]);
	if (st != ST_OK) {
		if (size > 0 && request_is_add(req.type))
			assert(request_decode_add((struct slice){ data + 1,
			    size - 1 }, &bare) == st);
		return 0;
	}
	w = wire_writer(fuzz_alloc(size), size);
	check_round_trip(&req, &w);
	if (request_is_add(req.type))
		check_add(body, &req, fuzz_written(&w));
	if (req.type == SSH_AGENTC_EXTENSION) {
		assert(fuzz_within(req.extension.body, body));
		check_extension(req.extension.body);
	}
	free(w.p);
	return 0;
}
