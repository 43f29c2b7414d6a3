/*
 * Reaches: agent/inbox.c over a real socket.
 * Claims:  a stream that arrives in any pieces, with a caller that stops after
 *          any number of requests, gives the requests that frame_next() finds
 *          in the whole, those that the peer may not send refused in their
 *          turn; the intake is clean after every turn; what may hold a secret
 *          is kept in the vault, and a peer that may not send one costs no
 *          locked memory; everything is given back; nothing is negative.
 * Input:   a peer's operations, most requests in a turn, number of piece
 *          lengths, these, and then the stream.
 */

#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

#include "agent/inbox.h"
#include "agent/vault.h"
#include "fuzz/fuzz.h"
#include "proto/frame.h"
#include "proto/request.h"

static struct intake intake;
static size_t baseline;

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Bytes of the vault in use. */
static size_t
used(void)
{
	struct secret_usage use;

	secret_usage(vault_region(), &use);
	return use.used;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct secret_options opts = { .size = 1024 * 1024,
		.want = SECRET_MLOCK, .allow_unlocked = true };
	char why[512];
	int st;

	(void)argc;
	(void)argv;
	st = vault_open(&opts, VAULT_SERVE, why, sizeof(why));
	assert(st == ST_OK);
	st = intake_init(&intake);
	assert(st == ST_OK);
	baseline = used();
	return st;
}

/* Note a request: served with its body, or refused. */
static void
note(struct wire_writer *w, int st, uint8_t type, struct slice body)
{
	wire_put_u8(w, (uint8_t)st);
	wire_put_u8(w, type);
	if (st == ST_OK)
		wire_put_string(w, body);
}

/* What the whole stream comes to. */
static int
whole(struct slice in, const struct peer *peer, struct wire_writer *w)
{
	struct slice body;
	int st;

	while ((st = frame_next(&in, &body)) == ST_OK)
		note(w, request_has_secret(body.p[0]) &&
		    !dispatch_may(peer, body.p[0]) ? ST_DENIED : ST_OK,
		    body.p[0], body);
	return st;
}

/* What must hold between turns. */
static void
check(const struct inbox *box, const struct peer *peer)
{
	static const uint8_t zero[64 * 1024];
	struct frame_peek peek;
	bool locked = box->own != NULL &&
	    secret_owns(vault_region(), box->own);

	assert(memcmp(intake.p, zero, intake.cap) == 0);
	assert(box->own != NULL || box->rest.len == 0);
	assert(locked || used() == baseline);
	if ((peer->ops & (POLICY_ADD | POLICY_LOCK)) == 0)
		assert(!locked);
	if (box->rest.len > 0 && frame_peek(box->rest, &peek) == ST_OK &&
	    peek.typed && request_has_secret(peek.type) &&
	    dispatch_may(peer, peek.type) && box->rest.len > FRAME_HEAD + 1)
		assert(locked);
}

/* One turn of at most most requests: ST_MORE when there was nothing to read. */
static int
turn(struct inbox *box, const struct peer *peer, int fd, unsigned most,
    struct wire_writer *w)
{
	struct slice body;
	int st = ST_OK, kept;

	if (!inbox_waiting(box))
		st = inbox_read(box, peer, &intake, fd);
	assert(st >= 0);
	for (unsigned i = 0; st == ST_OK && i < most; i++) {
		st = inbox_next(box, peer, &body);
		if (st == ST_MORE) {
			st = ST_OK;
			break;
		}
		if (st == ST_OK || st == ST_DENIED)
			note(w, st, st == ST_OK ? body.p[0] :
			    box->thrown_type, body);
		if (st == ST_DENIED) {
			assert(!box->thrown_full);
			st = ST_OK;
		}
	}
	kept = inbox_settle(box, peer, &intake);
	assert(kept == ST_OK);
	check(box, peer);
	return st;
}

/* Send the stream in pieces and take turns. */
static int
pieces(struct slice lengths, struct slice in, const struct peer *peer,
    unsigned most, struct wire_writer *w)
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
			st = turn(&box, peer, fds[1], most, w);
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
	int st, st_pieces;

	if (wire_get_u8(&r, &ops) != ST_OK || wire_get_u8(&r, &most) != ST_OK ||
	    wire_get_u8(&r, &n) != ST_OK ||
	    wire_get_bytes(&r, n, &lengths) != ST_OK)
		return 0;
	peer.ops = ops & POLICY_ALL;
	want = wire_writer(fuzz_alloc(2 * size), 2 * size);
	got = wire_writer(fuzz_alloc(2 * size), 2 * size);
	st = whole(r.rest, &peer, &want);
	st_pieces = pieces(lengths, r.rest, &peer, 1u + most % 70, &got);
	assert(st == st_pieces);
	assert(slice_eq(fuzz_written(&want), fuzz_written(&got)));
	assert(used() == baseline);
	free(want.p);
	free(got.p);
	return 0;
}
