/*
 * Reaches: agent/inbox.c over a real socket.
 * Claims:  a stream that arrives in any pieces, with a caller that stops after
 *          any number of requests, gives the requests that frame_next() finds
 *          in the whole, each in its turn: those that the peer may not send,
 *          and those with a secret that do not decode, as refused; the intake
 *          is clean after every turn; what may hold a secret is kept in the
 *          vault, what follows the secret is not where it comes apart; a peer
 *          that may not send one costs no locked memory, nor does a uid's
 *          second one, which is refused or, when it comes in one piece,
 *          served; everything is given back; nothing is negative.
 * Input:   a peer's operations, with HELD if its uid has an add under way
 *          already; most requests in a turn; number of piece lengths, these,
 *          and then the stream.
 */

#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

#include "agent/inbox.h"
#include "agent/vault.h"
#include "fuzz/fuzz.h"
#include "fuzz/support/vaultuse.h"
#include "proto/frame.h"
#include "proto/request.h"
#include "proto/secretpart.h"

/* Beside the operations. */
#define HELD		0x80

static struct intake intake;

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int st;

	(void)argc;
	(void)argv;
	vaultuse_open(1024 * 1024);
	st = intake_init(&intake);
	assert(st == ST_OK);
	vaultuse_keep();
	return st;
}

/* What becomes of a request. */
enum {
	SERVED,			/* its body follows */
	NOT_ALLOWED,
	BROKEN,			/* not even taken, or it does not decode */
	EITHER,			/* it has a secret, and may have to go for want
				 * of room */
};

/* Note a request of that type. */
static void
note(struct wire_writer *w, uint8_t how, uint8_t type, struct slice body,
    struct slice tail)
{
	wire_put_u8(w, how);
	wire_put_u8(w, type);
	if (how == SERVED) {
		wire_put_u32(w, (uint32_t)(body.len + tail.len));
		wire_put_bytes(w, body);
		wire_put_bytes(w, tail);
	}
}

/* How a whole body with a secret is answered for. */
static uint8_t
how_secret(struct slice body, bool held)
{
	struct request req;

	if (held)
		return EITHER;
	return request_decode(body, &req) == ST_OK ? SERVED : BROKEN;
}

/* What the whole stream comes to. */
static int
whole(struct slice in, const struct peer *peer, bool held,
    struct wire_writer *w)
{
	static const struct slice none;
	struct slice body;
	uint8_t how;
	int st;

	while ((st = frame_next(&in, &body)) == ST_OK) {
		how = SERVED;
		if (request_has_secret(body.p[0]))
			how = dispatch_may(peer, body.p[0]) ?
			    how_secret(body, held) : NOT_ALLOWED;
		note(w, how, body.p[0], body, none);
	}
	return st;
}

/* Note what came out in pieces. */
static void
note_item(struct wire_writer *w, int st, const struct inbox_item *item,
    bool held)
{
	struct slice body = item->body;
	struct request req;
	uint8_t how = SERVED;

	if (st == ST_DENIED) {
		assert(item->thrown != REASON_NONE && body.len == 0);
		how = item->thrown == REASON_POLICY ? NOT_ALLOWED :
		    held ? EITHER : BROKEN;
		/* There is always room for one. */
		assert(held || item->thrown != REASON_LIMIT_INTAKE);
		note(w, how, item->thrown_type, body, item->tail);
		return;
	}
	assert(item->thrown == REASON_NONE && body.len > 0);
	if (request_has_secret(body.p[0]))
		how = how_secret(body, held);
	note(w, how, body.p[0], body, item->tail);
	/* What comes apart is what follows the secret, and all of that. */
	if (item->tail.len > 0) {
		assert(!held && request_has_secret(body.p[0]));
		assert(request_decode(body, &req) != ST_OK ||
		    !request_is_add(req.type) ||
		    req.add.constraints.len == 0);
	}
}

/* A frame in two places: the first is the secret part. */
static void
check_split(const struct inbox *box, const struct frame_peek *peek)
{
	struct slice body = { box->rest.p + FRAME_HEAD,
		box->rest.len - FRAME_HEAD };
	size_t need;
	int st = secretpart_measure(body, peek->need - FRAME_HEAD, &need);

	assert(st == ST_OK && need == body.len);
	assert(box->rest.len + box->tail_len <= peek->need);
	/* Memory comes with the bytes, not with the promise. */
	assert(box->tail_cap <= 256 || box->tail_cap <= 2 * box->tail_len);
}

/* What must hold between turns. */
static void
check(const struct inbox *box, const struct peer *peer, bool held)
{
	static const uint8_t zero[64 * 1024];
	struct frame_peek peek;
	bool locked = box->own != NULL &&
	    secret_owns(vault_region(), box->own);

	assert(memcmp(intake.p, zero, intake.cap) == 0);
	assert(locked == box->locked);
	assert(intake.n_holders == (size_t)locked + held);
	assert(box->own != NULL || (box->rest.len == 0 && box->tail == NULL));
	assert(locked || vaultuse_is_back());
	if (held || (peer->ops & (POLICY_ADD | POLICY_LOCK)) == 0)
		assert(!locked);
	if (box->rest.len > 0 && frame_peek(box->rest, &peek) == ST_OK &&
	    peek.typed && request_has_secret(peek.type) && !box->wiped &&
	    dispatch_may(peer, peek.type) && box->rest.len > FRAME_HEAD + 1)
		assert(locked);
	assert(box->split || box->tail_len == 0);
	if (box->split)
		check_split(box, &peek);
}

/* One turn of at most most requests: ST_MORE when there was nothing to read. */
static int
turn(struct inbox *box, const struct peer *peer, int fd, unsigned most,
    bool held, struct wire_writer *w)
{
	struct inbox_item item;
	int st = ST_OK, kept;

	if (!inbox_waiting(box))
		st = inbox_read(box, peer, &intake, fd, SIZE_MAX);
	assert(st >= 0);
	for (unsigned i = 0; st == ST_OK && i < most; i++) {
		st = inbox_next(box, peer, &item);
		if (st == ST_MORE) {
			st = ST_OK;
			break;
		}
		if (st == ST_OK || st == ST_DENIED) {
			note_item(w, st, &item, held);
			st = ST_OK;
		}
	}
	kept = inbox_settle(box, peer, &intake);
	assert(kept == ST_OK);
	check(box, peer, held);
	return st;
}

/* Send the stream in pieces and take turns. */
static int
pieces(struct slice lengths, struct slice in, const struct peer *peer,
    unsigned most, bool held, struct wire_writer *w)
{
	struct inbox box = { 0 };
	int fds[2], st = ST_OK;
	size_t n, i = 0;
	ssize_t sent;

	st = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds);
	assert(st == 0);
	do {
		n = lengths.len > 0 ? lengths.p[i++ % lengths.len] : 1;
		n = n == 0 ? 5000 : n;
		n = n < in.len ? n : in.len;
		sent = n > 0 ? send(fds[0], in.p, n, 0) : 0;
		assert(sent >= 0);
		in.p += sent;
		in.len -= (size_t)sent;
		/* Until a read finds nothing, or the stream is broken. */
		do
			st = turn(&box, peer, fds[1], most, held, w);
		while (st == ST_OK);
	} while (st == ST_MORE && in.len > 0);
	close(fds[0]);
	close(fds[1]);
	inbox_fini(&box, &intake);
	return st;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_reader r = wire_reader((struct slice){ data, size });
	struct peer peer = { .uid = 1000 };
	struct wire_writer want, got;
	struct slice lengths;
	uint8_t ops, most, n;
	bool held;
	int st, st_pieces;

	if (wire_get_u8(&r, &ops) != ST_OK || wire_get_u8(&r, &most) != ST_OK ||
	    wire_get_u8(&r, &n) != ST_OK ||
	    wire_get_bytes(&r, n, &lengths) != ST_OK)
		return 0;
	peer.ops = ops & POLICY_ALL;
	/* Another connection of this uid has an add under way. */
	held = (ops & HELD) != 0;
	intake.holders[0] = peer.uid;
	intake.n_holders = held;
	want = wire_writer(fuzz_alloc(2 * size), 2 * size);
	got = wire_writer(fuzz_alloc(2 * size), 2 * size);
	st = whole(r.rest, &peer, held, &want);
	st_pieces = pieces(lengths, r.rest, &peer, 1u + most % 70, held,
	    &got);
	assert(st == st_pieces);
	assert(slice_eq(fuzz_written(&want), fuzz_written(&got)));
	assert(vaultuse_is_back() && intake.n_holders == (size_t)held);
	free(want.p);
	free(got.p);
	return 0;
}
