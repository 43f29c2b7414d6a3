#include "agent/statusget.h"

#include "proto/agent_num.h"
#include "proto/extension.h"
#include "proto/frame.h"
#include "proto/reply.h"

/* Take an answer apart, up to the keys. */
static int
decode(struct wire_reader *r, struct statusget *out)
{
	struct statusmsg_limit limit;
	struct statusmsg_uid uid;
	struct slice rule;
	int st;

	if ((st = statusmsg_get_head(r, &out->head)) != ST_OK ||
	    (st = wire_get_u32(r, &out->n_rules)) != ST_OK)
		return st;
	out->rules = *r;
	for (uint32_t i = 0; i < out->n_rules; i++)
		if ((st = wire_get_string(r, &rule)) != ST_OK)
			return st;
	if ((st = wire_get_u32(r, &out->n_limits)) != ST_OK)
		return st;
	out->limits = *r;
	for (uint32_t i = 0; i < out->n_limits; i++)
		if ((st = statusmsg_get_limit(r, &limit)) != ST_OK)
			return st;
	if ((st = wire_get_u32(r, &out->n_uids)) != ST_OK)
		return st;
	out->uids = *r;
	for (uint32_t i = 0; i < out->n_uids; i++)
		if ((st = statusmsg_get_uid(r, &uid)) != ST_OK)
			return st;
	if ((st = wire_get_u32(r, &out->n_keys)) != ST_OK)
		return st;
	if ((st = wire_get_string(r, &out->keys)) != ST_OK)
		return st;
	/* An older agent ends here. */
	out->uses = (struct slice){ NULL, 0 };
	return wire_end(r) ? ST_OK : wire_get_string(r, &out->uses);
}

int
statusget(struct agentconn *c, struct statusget *out)
{
	uint8_t room[64];
	struct wire_writer w = wire_writer(room, sizeof(room));
	size_t mark = frame_open(&w);
	struct slice frame, body;
	struct wire_reader r;
	struct reply rep;
	int st;

	wire_put_u8(&w, SSH_AGENTC_EXTENSION);
	wire_put_str(&w, EXT_STATUS);
	frame_close(&w, mark);
	if ((st = wire_done(&w, &frame)) != ST_OK ||
	    (st = agentconn_call(c, frame, &body)) != ST_OK ||
	    (st = reply_decode(body, &rep)) != ST_OK ||
	    (st = reply_get_extension(&rep, EXT_STATUS, &r)) != ST_OK)
		return st;
	return decode(&r, out);
}
