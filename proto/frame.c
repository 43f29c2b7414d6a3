#include "proto/frame.h"

#include <assert.h>

int
frame_peek(struct slice in, struct frame_peek *out)
{
	struct wire_reader r = wire_reader(in);
	uint32_t len;
	uint8_t type;

	*out = (struct frame_peek){ .need = FRAME_HEAD + 1 };
	/* Without the fifth byte the length is not judged. */
	if (wire_get_u32(&r, &len) != ST_OK || wire_get_u8(&r, &type) != ST_OK)
		return ST_OK;
	if (len == 0)
		return ST_MALFORMED;
	if (len > FRAME_BODY_MAX)
		return ST_TOO_LARGE;
	*out = (struct frame_peek){
		.need = FRAME_HEAD + (size_t)len,
		.type = type,
		.typed = true,
	};
	return ST_OK;
}

int
frame_next(struct slice *in, struct slice *body)
{
	struct wire_reader r = wire_reader(*in);
	struct frame_peek peek;
	int st;

	*body = (struct slice){ NULL, 0 };
	if ((st = frame_peek(*in, &peek)) != ST_OK)
		return st;
	if (in->len < peek.need)
		return ST_MORE;
	if ((st = wire_get_string(&r, body)) != ST_OK)
		return st;
	*in = r.rest;
	return ST_OK;
}

size_t
frame_open(struct wire_writer *w)
{
	return wire_open_string(w);
}

void
frame_close(struct wire_writer *w, size_t mark)
{
	assert(w->full || w->len > mark);
	/* No reader would take it. */
	if (!w->full && w->len - mark > FRAME_BODY_MAX)
		w->full = true;
	wire_close_string(w, mark);
}
