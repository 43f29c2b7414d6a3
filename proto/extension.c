#include "proto/extension.h"

#include <assert.h>

/*
 * The messages of a load pass between programs of ours only, so they are held
 * to the letter: unlike in the protocol's own requests, nothing may follow the
 * fields.
 */

int
bind_request_decode(struct slice body, struct bind_request *out)
{
	struct wire_reader r = wire_reader(body);
	uint8_t forwarding;
	int st;

	*out = (struct bind_request){ 0 };
	if ((st = wire_get_string(&r, &out->hostkey)) != ST_OK)
		return st;
	if ((st = wire_get_string(&r, &out->session_id)) != ST_OK)
		return st;
	if ((st = wire_get_string(&r, &out->signature)) != ST_OK)
		return st;
	if ((st = wire_get_u8(&r, &forwarding)) != ST_OK)
		return st;
	out->forwarding = forwarding != 0;
	return ST_OK;
}

void
bind_request_put(struct wire_writer *w, const struct bind_request *req)
{
	wire_put_string(w, req->hostkey);
	wire_put_string(w, req->session_id);
	wire_put_string(w, req->signature);
	wire_put_u8(w, req->forwarding ? 1 : 0);
}

/* Take the argument that belongs to out->op. */
static int
get_arg(struct wire_reader *r, struct load_request *out)
{
	size_t max;
	int st;

	switch (out->op) {
	case LOAD_BEGIN:
		max = LOAD_NAME_MAX;
		st = wire_get_text(r, &out->arg);
		break;
	case LOAD_CHUNK:
	case LOAD_FINISH:
		max = LOAD_CHUNK_MAX;
		st = wire_get_string(r, &out->arg);
		break;
	case LOAD_REMOVE:
		max = LOAD_NAME_MAX;
		st = wire_get_text(r, &out->arg);
		if (st == ST_OK && out->arg.len == 0)
			st = ST_MALFORMED;
		break;
	case LOAD_COMMIT:
	case LOAD_REMOVE_ALL:
		return ST_OK;
	default:
		return ST_UNSUPPORTED;
	}
	if (st == ST_OK && out->arg.len > max)
		st = ST_TOO_LARGE;
	return st;
}

int
load_request_decode(struct slice body, struct load_request *out)
{
	struct wire_reader r = wire_reader(body);
	uint8_t op;
	int st;

	*out = (struct load_request){ 0 };
	if ((st = wire_get_u8(&r, &op)) != ST_OK)
		return st;
	out->op = (enum load_op)op;
	if ((st = get_arg(&r, out)) != ST_OK)
		return st;
	return wire_end(&r) ? ST_OK : ST_MALFORMED;
}

void
load_request_put(struct wire_writer *w, const struct load_request *req)
{
	wire_put_u8(w, (uint8_t)req->op);
	if (req->op != LOAD_COMMIT && req->op != LOAD_REMOVE_ALL)
		wire_put_string(w, req->arg);
}

int
load_answer_decode(struct wire_reader *r, struct load_answer *out)
{
	struct wire_reader at = *r;
	int st;

	*out = (struct load_answer){ 0 };
	if ((st = wire_get_u8(&at, &out->verdict)) != ST_OK)
		return st;
	if (out->verdict > 1)
		return ST_MALFORMED;
	if ((st = wire_get_u32(&at, &out->item)) != ST_OK)
		return st;
	if ((st = wire_get_text(&at, &out->text)) != ST_OK)
		return st;
	if ((st = wire_get_string(&at, &out->data)) != ST_OK)
		return st;
	if (!wire_end(&at))
		return ST_MALFORMED;
	*r = at;
	return ST_OK;
}

void
load_answer_put(struct wire_writer *w, const struct load_answer *ans)
{
	assert(ans->verdict <= 1);
	wire_put_u8(w, ans->verdict);
	wire_put_u32(w, ans->item);
	wire_put_string(w, ans->text);
	wire_put_string(w, ans->data);
}
