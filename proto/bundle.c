#include "proto/bundle.h"

int
bundle_record_decode(struct slice plain, struct bundle_record *out)
{
	struct wire_reader r = wire_reader(plain);
	uint8_t kind;
	int st;

	*out = (struct bundle_record){ 0 };
	if ((st = wire_get_u8(&r, &kind)) != ST_OK)
		return st;
	switch (kind) {
	case BUNDLE_KEY:
		out->kind = BUNDLE_KEY;
		out->key = r.rest;
		return ST_OK;
	case BUNDLE_END:
		out->kind = BUNDLE_END;
		if ((st = wire_get_u32(&r, &out->count)) != ST_OK)
			return st;
		return wire_end(&r) ? ST_OK : ST_MALFORMED;
	default:
		return ST_UNSUPPORTED;
	}
}

void
bundle_put_key(struct wire_writer *w, const struct request *add)
{
	wire_put_u8(w, BUNDLE_KEY);
	request_encode_add(w, add);
}

void
bundle_put_end(struct wire_writer *w, uint32_t count)
{
	wire_put_u8(w, BUNDLE_END);
	wire_put_u32(w, count);
}
