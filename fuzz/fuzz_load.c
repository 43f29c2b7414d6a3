/*
 * Reaches: load.c and opener_*() of keys/seal.c, as the agent has them on a
 *          sealed stream; with that request_decode_add, constraint_parse,
 *          identity_limit, and key_new of every type.
 * Claims:  no status is negative; whatever pieces a stream comes in, the
 *          outcome and the number of keys are the same; a fault has a text and
 *          a detail that is safe to print, and names a record that was there;
 *          after a fault nothing is taken any more; a stream is complete when
 *          its last record, and only that, is an end with the right number; one
 *          in which a bit was changed, which is cut off, or which goes on
 *          behind its end is never committed; what was committed is what was
 *          staged, and told in the answer; the vault is empty again.
 * Input:   flags, two bytes that say which bit is changed, the length of a
 *          piece; then records: flags, length, plaintext.
 */

#include <string.h>

#include "agent/load.h"
#include "agent/vault.h"
#include "fuzz/fuzz.h"
#include "fuzz/printable.h"
#include "fuzz/support/keyset.h"
#include "fuzz/support/vaultuse.h"
#include "keys/seal.h"
#include "proto/frame.h"
#include "proto/reply.h"

#define HEAD		(BUNDLE_SEALED + BUNDLE_HEADER)
#define RECORDS_MAX	24
#define ROOM		(HEAD + RECORDS_MAX * (4 + 4096 + BUNDLE_OVERHEAD))

/* Of the first byte. */
#define FLAG_SERVICE	0x01
#define FLAG_LIFETIME	0x02
#define FLAG_NAME	0x04
#define FLAG_TAMPER	0x08
#define FLAG_MORE	0x10	/* bytes behind the end */
#define FLAG_CUT	0x20

/* Of a record's. */
#define REC_FINAL	0x01
#define REC_END		0x02	/* a good end, whatever the plaintext */

/* What a stream of the input is. */
struct plan {
	struct slice	 plain[RECORDS_MAX];
	uint8_t		 flags[RECORDS_MAX];
	size_t		 n;
	uint8_t		 head[4];
};

/* What became of one. */
struct outcome {
	int		 st;		/* of the chunk that failed, or ST_OK */
	size_t		 staged;
	bool		 committed;
	uint32_t	 item;
};

static uint8_t stream[ROOM], answer[FRAME_BODY_MAX];

int LLVMFuzzerInitialize(int *argc, char ***argv);

static bool
read_plan(struct slice in, struct plan *out)
{
	struct wire_reader r = wire_reader(in);
	struct slice head;
	uint8_t high, low;

	out->n = 0;
	if (wire_get_bytes(&r, sizeof(out->head), &head) != ST_OK)
		return false;
	memcpy(out->head, head.p, sizeof(out->head));
	while (out->n < RECORDS_MAX &&
	    wire_get_u8(&r, &out->flags[out->n]) == ST_OK &&
	    wire_get_u8(&r, &high) == ST_OK && wire_get_u8(&r, &low) == ST_OK &&
	    wire_get_bytes(&r, ((size_t)high << 8 | low) % 4096,
	    &out->plain[out->n]) == ST_OK)
		out->n++;
	return true;
}

/* Seal the records to a load; how long the stream is. */
static size_t
seal_all(const struct plan *p, const uint8_t *public_key)
{
	struct wire_writer w = wire_writer(stream, sizeof(stream));
	uint8_t head[HEAD], end[8];
	struct wire_writer e;
	struct sealer *s;
	struct slice plain;
	int st = sealer_new(&s, vault_region(), public_key, head);

	assert(st == ST_OK);
	wire_put_bytes(&w, (struct slice){ head, sizeof(head) });
	for (size_t i = 0; i < p->n; i++) {
		plain = p->plain[i];
		if ((p->flags[i] & REC_END) != 0) {
			e = wire_writer(end, sizeof(end));
			bundle_put_end(&e, (uint32_t)i);
			plain = fuzz_written(&e);
		}
		st = sealer_record(s, plain,
		    (p->flags[i] & (REC_FINAL | REC_END)) != 0, &w);
		assert(st == ST_OK);
	}
	sealer_free(s);
	return fuzz_written(&w).len;
}

/* Whether the records are what a load consists of, their keys aside. */
static bool
is_whole(const struct plan *p)
{
	struct bundle_record rec;

	for (size_t i = 0; i < p->n; i++) {
		if ((p->flags[i] & REC_END) != 0)
			return i + 1 == p->n;
		if (bundle_record_decode(p->plain[i], &rec) != ST_OK)
			return false;
		if ((p->flags[i] & REC_FINAL) != 0)
			return i + 1 == p->n && rec.kind == BUNDLE_END &&
			    rec.count == i;
		if (rec.kind == BUNDLE_END)
			return false;
	}
	return false;
}

static void
check_fault(const struct load_fault *fault, const struct plan *p)
{
	assert(fault->text != NULL && fault->text[0] != '\0');
	assert(fault->item <= p->n);
	fuzz_printable(fault->detail, sizeof(fault->detail));
}

/* The answer names what is in the ring, and nothing else. */
static void
check_answer(const struct wire_writer *w, const struct keyring *ring)
{
	struct wire_reader r = wire_reader(fuzz_written(w));
	struct slice blob, comment;
	struct identity *id;
	size_t n = 0;
	int st;

	while (!wire_end(&r)) {
		st = wire_get_string(&r, &blob);
		assert(st == ST_OK);
		st = wire_get_string(&r, &comment);
		assert(st == ST_OK);
		id = keyring_find(ring, blob);
		assert(id != NULL);
		assert(slice_eq(identity_comment(id), comment));
		n++;
	}
	assert(n == keyring_count(ring));
	(void)st;
}

static void
commit(struct load *l, const struct plan *p, struct outcome *out)
{
	struct wire_writer w = wire_writer(answer, sizeof(answer));
	struct keyring *ring = keyring_new();
	struct load_fault fault;
	int st;

	assert(ring != NULL);
	st = load_commit(l, ring, &w, &fault);
	assert(st >= 0);
	out->committed = st == ST_OK;
	if (st == ST_OK) {
		assert(out->st == ST_OK && is_whole(p));
		assert(keyring_count(ring) == out->staged);
		check_answer(&w, ring);
	} else {
		assert(keyring_count(ring) == 0 && w.len == 0);
		check_fault(&fault, p);
	}
	keyring_free(ring);
}

/* The whole way of a stream that comes in pieces. */
static struct outcome
run(const struct plan *p, size_t piece)
{
	const struct load_defaults defaults = {
		.service = (p->head[0] & FLAG_SERVICE) != 0,
		.lifetime_s = (p->head[0] & FLAG_LIFETIME) != 0 ? 60 : 0,
	};
	const struct slice name = slice_str((p->head[0] & FLAG_NAME) != 0 ?
	    "fuzz" : "");
	uint8_t public_key[LOAD_PUBLIC_KEY], *copy;
	struct outcome out = { .st = ST_OK };
	struct load_fault fault;
	struct load *l;
	size_t len, bit, n;
	int st = load_begin(&l, name, public_key);

	assert(st == ST_OK);
	len = seal_all(p, public_key);
	if ((p->head[0] & FLAG_MORE) != 0)
		memset(stream + len++, 0, 1);
	else if ((p->head[0] & FLAG_CUT) != 0)
		len -= 1 + p->head[1] % (len - 1);
	bit = ((size_t)p->head[1] << 8 | p->head[2]) % (len * 8);
	if ((p->head[0] & FLAG_TAMPER) != 0)
		stream[bit / 8] ^= (uint8_t)(1u << bit % 8);
	for (size_t at = 0; at < len; at += n) {
		n = len - at < piece ? len - at : piece;
		copy = fuzz_alloc(n);
		memcpy(copy, stream + at, n);
		st = load_chunk(l, (struct slice){ copy, n }, &defaults, 1000,
		    &fault);
		free(copy);
		assert(st >= 0);
		if (out.st != ST_OK) {
			assert(st != ST_OK);
			continue;
		}
		out.st = st;
		if (st != ST_OK) {
			check_fault(&fault, p);
			out.item = fault.item;
		}
	}
	out.staged = load_count(l);
	assert(out.staged <= p->n);
	commit(l, p, &out);
	assert(!out.committed ||
	    (p->head[0] & (FLAG_TAMPER | FLAG_MORE | FLAG_CUT)) == 0);
	load_free(l);
	return out;
}

/* Append a record with a good key, as the input has it. */
static void
put_key(struct wire_writer *w, enum key_type type)
{
	struct testkey *k = testkey_new(type, KEYSET_RSA_BITS);
	uint8_t room[4096];
	struct wire_writer plain = wire_writer(room, sizeof(room));
	struct slice all;

	wire_put_u8(&plain, BUNDLE_KEY);
	keyprivate_put(&plain, &k->fields);
	wire_put_str(&plain, "");
	all = fuzz_written(&plain);
	wire_put_u8(w, 0);
	wire_put_u8(w, (uint8_t)(all.len >> 8));
	wire_put_u8(w, (uint8_t)all.len);
	wire_put_bytes(w, all);
	testkey_free(k);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const enum key_type types[] = { KEY_ED25519, KEY_ECDSA_P256,
		KEY_ECDSA_P384, KEY_ECDSA_P521, KEY_RSA };
	static const uint8_t head[] = { 0, 0, 0, 200 }, end[] = { 2, 0, 0 };
	static uint8_t once[16384];
	struct wire_writer w = wire_writer(once, sizeof(once));

	(void)argc;
	(void)argv;
	vaultuse_open(0);
	wire_put_bytes(&w, (struct slice){ head, sizeof(head) });
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		put_key(&w, types[i]);
	wire_put_bytes(&w, (struct slice){ end, sizeof(end) });
	(void)LLVMFuzzerTestOneInput(once, fuzz_written(&w).len);
	/* What libcrypto makes at the first key of a type, it keeps. */
	vaultuse_keep();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct plan plan;
	struct outcome whole, pieces;

	if (!read_plan((struct slice){ data, size }, &plan))
		return 0;
	whole = run(&plan, sizeof(stream));
	if (plan.head[3] != 0) {
		/* A change in the stream's key is another one each time. */
		pieces = run(&plan, plan.head[3]);
		assert(whole.committed == pieces.committed);
		if ((plan.head[0] & FLAG_TAMPER) == 0) {
			assert(whole.st == pieces.st);
			assert(whole.staged == pieces.staged);
			assert(whole.item == pieces.item);
		}
	}
	assert(vaultuse_is_back());
	return 0;
}
