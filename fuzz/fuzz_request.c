/*
 * Reaches: request_decode, request_decode_add, request_encode,
 *          request_encode_add; through them keyprivate_get and _put;
 *          then keyprivate_put_public, keyblob_decode, constraint_parse,
 *          load_request_decode and _put, bind_request_decode and _put.
 * Claims:  no status is negative; the type is the first byte, also on error;
 *          every slice lies in the body; what is encoded is no longer than
 *          what came in, decodes again, and encodes to the same bytes; an add
 *          without its message number is the same add; a public blob fits
 *          KEYPRIVATE_PUBLIC_MAX and reads as the plain key it belongs to; no
 *          key is written in more bytes than its size.
 * Input:   the body of one frame.
 */

#include "fuzz/fuzz.h"
#include "proto/constraint.h"
#include "proto/extension.h"
#include "proto/request.h"

/* The public fields of a key lie in the body, and are those of its blob. */
static void
check_public(const struct private_fields *key, struct slice body)
{
	uint8_t buf[KEYPRIVATE_PUBLIC_MAX];
	struct wire_writer w = wire_writer(buf, sizeof(buf));
	struct public_fields pub, again;
	int st;

	keyprivate_public(key, &pub);
	assert(pub.type == key->type);
	assert(fuzz_within(pub.point, body) && fuzz_within(pub.n, body));
	assert(fuzz_within(pub.e, body) && fuzz_within(pub.application, body));
	keyprivate_put_public(&w, key);
	st = keyblob_decode(fuzz_written(&w), &again);
	assert(st == ST_OK && again.type == pub.type);
	assert(slice_eq(again.point, pub.point) && slice_eq(again.n, pub.n));
	assert(slice_eq(again.e, pub.e));
	assert(slice_eq(again.application, pub.application));
}

/* The fields of a key lie in the body. */
static void
check_key(const struct private_fields *key, struct slice body)
{
	size_t size = keyprivate_size(key);
	struct wire_writer w = wire_writer(fuzz_alloc(size), size);

	assert((unsigned)key->type < KEY_TYPES);
	assert(fuzz_within(key->cert, body));
	check_public(key, body);
	keyprivate_put(&w, key);
	assert(!w.full);
	free(w.p);
	switch (key->type) {
	case KEY_ED25519:
		assert(key->ed25519.pk.len == 32 && key->ed25519.sk.len == 64);
		assert(fuzz_within(key->ed25519.sk, body));
		break;
	case KEY_RSA:
		assert(fuzz_within(key->rsa.d, body));
		assert(fuzz_within(key->rsa.q, body));
		assert(key->rsa.n.len <= WIRE_MPINT_MAX);
		break;
	case KEY_SK_ED25519:
	case KEY_SK_ECDSA_P256:
		assert(fuzz_within(key->sk.handle, body));
		assert(fuzz_within(key->sk.reserved, body));
		break;
	default:
		assert(fuzz_within(key->ecdsa.d, body));
		break;
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

/* The body of an extension, taken as a load. */
static void
check_load(struct slice body)
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

/* The body of an extension, taken as a bind. */
static void
check_bind(struct slice body)
{
	struct wire_writer w = wire_writer(fuzz_alloc(body.len), body.len);
	struct bind_request bind, again;
	int st;

	st = bind_request_decode(body, &bind);
	assert(st == ST_OK || st == ST_MALFORMED);
	if (st == ST_OK) {
		assert(fuzz_within(bind.hostkey, body));
		assert(fuzz_within(bind.session_id, body));
		assert(fuzz_within(bind.signature, body));
		bind_request_put(&w, &bind);
		st = bind_request_decode(fuzz_written(&w), &again);
		assert(st == ST_OK && again.forwarding == bind.forwarding);
		assert(slice_eq(again.hostkey, bind.hostkey));
		assert(slice_eq(again.session_id, bind.session_id));
		assert(slice_eq(again.signature, bind.signature));
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
		check_load(req.extension.body);
		check_bind(req.extension.body);
	}
	free(w.p);
	return 0;
}
