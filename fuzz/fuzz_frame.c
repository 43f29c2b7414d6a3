/*
 * Reaches: frame_peek, frame_next, frame_open, frame_close.
 * Claims:  peek and next agree on every beginning; next that fails does not
 *          move; a frame written again is the bytes it was read from; a stream
 *          that arrives in pieces gives the same frames, the same rest and the
 *          same last status as the stream in one piece; nothing is negative.
 * Input:   number of piece lengths, these, and then the stream.
 */

#include <string.h>

#include "fuzz/fuzz.h"
#include "proto/frame.h"

/* Write the body as a frame and compare. */
static void
check_rewrite(struct slice body, struct slice frame)
{
	struct wire_writer w =
	    wire_writer(fuzz_alloc(frame.len), frame.len);
	size_t mark = frame_open(&w);

	wire_put_bytes(&w, body);
	frame_close(&w, mark);
	assert(slice_eq(fuzz_written(&w), frame));
	free(w.p);
}

/* One frame_next(), checked against frame_peek(). */
static int
checked_next(struct slice *in, struct slice *body)
{
	struct slice before = *in;
	struct frame_peek peek;
	int peeked = frame_peek(before, &peek);
	int st = frame_next(in, body);

	assert(st >= 0 && peeked >= 0);
	if (st != ST_OK) {
		assert(fuzz_same_place(*in, before) && body->len == 0);
		assert(peeked == (st == ST_MORE ? ST_OK : st));
		assert(st != ST_MORE || before.len < peek.need);
		return st;
	}
	assert(peeked == ST_OK && peek.typed);
	assert(peek.need == FRAME_HEAD + body->len);
	assert(body->len >= 1 && peek.type == body->p[0]);
	assert(before.len - in->len == peek.need);
	assert(fuzz_within(*body, before) && fuzz_within(*in, before));
	check_rewrite(*body, (struct slice){ before.p, peek.need });
	return st;
}

/* Take all frames that are there and append them to w as strings. */
static int
drain(struct slice *in, struct wire_writer *w)
{
	struct slice body;
	int st;

	while ((st = checked_next(in, &body)) == ST_OK)
		wire_put_string(w, body);
	return st;
}

/* The same with the stream arriving in pieces, in a buffer that moves. */
static int
drain_pieces(struct slice lengths, struct slice stream, struct wire_writer *w,
    size_t *left)
{
	uint8_t *got = fuzz_alloc(stream.len);
	size_t have = 0, taken = 0, piece, i = 0;
	struct slice in;
	int st = ST_MORE;

	while (st == ST_MORE && taken < stream.len) {
		piece = lengths.len > 0 ? lengths.p[i++ % lengths.len] : 1;
		/* None of no bytes, or it would never end. */
		if (piece == 0)
			piece = 4096;
		if (piece > stream.len - taken)
			piece = stream.len - taken;
		memcpy(got + have, stream.p + taken, piece);
		have += piece;
		taken += piece;

		in = (struct slice){ got, have };
		st = drain(&in, w);
		memmove(got, in.p, in.len);
		have = in.len;
	}
	*left = have + (stream.len - taken);
	free(got);
	return st;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_reader r = wire_reader((struct slice){ data, size });
	struct slice lengths, rest;
	struct wire_writer whole, pieces;
	int st, st_pieces;
	size_t left;
	uint8_t n;

	if (wire_get_u8(&r, &n) != ST_OK ||
	    wire_get_bytes(&r, n, &lengths) != ST_OK)
		return 0;
	whole = wire_writer(fuzz_alloc(size), size);
	pieces = wire_writer(fuzz_alloc(size), size);

	rest = r.rest;
	st = drain(&rest, &whole);
	st_pieces = drain_pieces(lengths, r.rest, &pieces, &left);
	assert(st == st_pieces);
	assert(rest.len == left);
	assert(slice_eq(fuzz_written(&whole), fuzz_written(&pieces)));
	free(whole.p);
	free(pieces.p);
	return 0;
}
