#include "proto/approve.h"

/* Take the rest of an answer. */
static int
get_answer(struct wire_reader *r, struct approve_request *out)
{
	uint8_t yes;

	if (wire_get_u32(r, &out->id) != ST_OK ||
	    wire_get_u8(r, &yes) != ST_OK || yes > 1)
		return ST_MALFORMED;
	out->yes = yes == 1;
	return ST_OK;
}

int
approve_request_decode(struct slice body, struct approve_request *out)
{
	struct wire_reader r = wire_reader(body);
	uint8_t op;

	*out = (struct approve_request){ .id = 0 };
	if (wire_get_u8(&r, &op) != ST_OK)
		return ST_MALFORMED;
	if (op != APPROVE_NEXT && op != APPROVE_ANSWER)
		return ST_UNSUPPORTED;
	out->op = op;
	if (op == APPROVE_ANSWER && get_answer(&r, out) != ST_OK)
		return ST_MALFORMED;
	return wire_end(&r) ? ST_OK : ST_MALFORMED;
}

void
approve_request_put(struct wire_writer *w, const struct approve_request *req)
{
	wire_put_u8(w, (uint8_t)req->op);
	if (req->op != APPROVE_ANSWER)
		return;
	wire_put_u32(w, req->id);
	wire_put_u8(w, req->yes ? 1 : 0);
}

/* Take a string of at most max bytes. */
static int
get_text(struct wire_reader *r, size_t max, struct slice *out)
{
	int st;

	if ((st = wire_get_string(r, out)) != ST_OK)
		return st;
	return out->len <= max ? ST_OK : ST_TOO_LARGE;
}

int
approve_question_get(struct wire_reader *r, struct approve_question *out)
{
	int st;

	if ((st = wire_get_u32(r, &out->id)) != ST_OK ||
	    (st = get_text(r, APPROVE_PROMPT_MAX, &out->prompt)) != ST_OK ||
	    (st = get_text(r, APPROVE_TEXT_MAX, &out->fingerprint)) != ST_OK ||
	    (st = get_text(r, APPROVE_TEXT_MAX, &out->comment)) != ST_OK ||
	    (st = get_text(r, APPROVE_TEXT_MAX, &out->what)) != ST_OK ||
	    (st = wire_get_u32(r, &out->uid)) != ST_OK ||
	    (st = wire_get_u32(r, &out->pid)) != ST_OK ||
	    (st = get_text(r, APPROVE_TEXT_MAX, &out->host)) != ST_OK)
		return st;
	return wire_get_u32(r, &out->left_ms);
}

void
approve_question_put(struct wire_writer *w, const struct approve_question *q)
{
	wire_put_u32(w, q->id);
	wire_put_string(w, q->prompt);
	wire_put_string(w, q->fingerprint);
	wire_put_string(w, q->comment);
	wire_put_string(w, q->what);
	wire_put_u32(w, q->uid);
	wire_put_u32(w, q->pid);
	wire_put_string(w, q->host);
	wire_put_u32(w, q->left_ms);
}
