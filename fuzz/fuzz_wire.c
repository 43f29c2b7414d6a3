/*
 * Reaches: every wire_get_*, wire_put_*, wire_open_string,
 *          wire_close_string and wire_done.
 * Claims:  a getter that fails leaves the reader and gives nothing; what it
 *          gives lies in the input; what is put back reads the same again;
 *          without text and mpint (which have more than one form) the bytes
 *          are the very ones that were read; a writer with less room holds the
 *          beginning of what the ample one has, and once full stays so; no
 *          status is negative.
 * Input:   number of steps, the steps, the room of the small writer, and then
 *          the bytes to be read.
 */

#include "fuzz/fuzz.h"

enum step { U8, U32, BYTES, STRING, TEXT, MPINT, STEPS };

/* What a step took. */
struct value {
	struct slice	 bytes;
	uint32_t	 number;
};

/* Take one value from the reader. */
static int
get(struct wire_reader *r, enum step step, struct value *v)
{
	uint8_t u8 = 0;
	int st;

	*v = (struct value){ 0 };
	switch (step) {
	case U8:
		st = wire_get_u8(r, &u8);
		v->number = u8;
		return st;
	case U32:
		return wire_get_u32(r, &v->number);
	case BYTES:
		return wire_get_bytes(r, 3, &v->bytes);
	case STRING:
		return wire_get_string(r, &v->bytes);
	case TEXT:
		return wire_get_text(r, &v->bytes);
	default:
		return wire_get_mpint(r, &v->bytes);
	}
}

/* Append one value to the writer. */
static void
put(struct wire_writer *w, enum step step, const struct value *v)
{
	size_t mark;

	switch (step) {
	case U8:
		wire_put_u8(w, (uint8_t)v->number);
		break;
	case U32:
		wire_put_u32(w, v->number);
		break;
	case BYTES:
		wire_put_bytes(w, v->bytes);
		break;
	case STRING:
		wire_put_string(w, v->bytes);
		break;
	case TEXT:
		/* The other way to write a string. */
		mark = wire_open_string(w);
		wire_put_bytes(w, v->bytes);
		wire_close_string(w, mark);
		break;
	default:
		wire_put_mpint(w, v->bytes);
		break;
	}
}

/* Take one value and check what the getter promises. */
static int
checked_get(struct wire_reader *r, enum step step, struct value *v)
{
	struct slice before = r->rest;
	int st = get(r, step, v);

	assert(st >= 0);
	if (st == ST_OK) {
		assert(fuzz_within(v->bytes, before));
		assert(fuzz_within(r->rest, before));
		assert(r->rest.len < before.len);
	} else {
		assert(fuzz_same_place(r->rest, before));
		assert(v->bytes.len == 0 && v->number == 0);
	}
	return st;
}

/* Run the steps over in; write what was taken to both; true if only values
 * of one form were taken. */
static bool
run(struct slice steps, struct slice in, struct wire_writer *w,
    struct wire_writer *small, struct slice *left)
{
	struct wire_reader r = wire_reader(in);
	struct wire_writer was;
	bool plain = true;
	struct value v;
	size_t i;

	for (i = 0; i < steps.len; i++) {
		enum step step = steps.p[i] % STEPS;

		if (checked_get(&r, step, &v) != ST_OK)
			break;
		if (step == TEXT || step == MPINT)
			plain = false;
		put(w, step, &v);
		was = *small;
		put(small, step, &v);
		/* A writer that was full stays just as it is. */
		assert(!was.full || (small->full && small->len == was.len));
		assert(small->len <= small->cap);
	}
	*left = r.rest;
	return plain;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_reader r = wire_reader((struct slice){ data, size });
	struct slice steps, left, first, second, part;
	struct wire_writer w, again, small;
	uint8_t n, room;
	bool plain;

	if (wire_get_u8(&r, &n) != ST_OK ||
	    wire_get_bytes(&r, n, &steps) != ST_OK ||
	    wire_get_u8(&r, &room) != ST_OK)
		return 0;
	w = wire_writer(fuzz_alloc(size), size);
	again = wire_writer(fuzz_alloc(size), size);
	small = wire_writer(fuzz_alloc(room), room);

	/* No form is shorter than the one that we write. */
	plain = run(steps, r.rest, &w, &small, &left);
	first = fuzz_written(&w);
	assert(first.len <= r.rest.len - left.len);
	if (plain)
		assert(slice_eq(first, (struct slice){ r.rest.p,
		    r.rest.len - left.len }));
	assert(small.full == (first.len > room));
	/* An open string that did not fit may have left its head. */
	part = (struct slice){ first.p, small.len };
	if (plain || !small.full)
		assert(slice_eq(part, (struct slice){ small.p, small.len }));

	small = wire_writer(small.p, 0);
	run(steps, first, &again, &small, &left);
	second = fuzz_written(&again);
	assert(slice_eq(first, second));
	free(w.p);
	free(again.p);
	free(small.p);
	return 0;
}
