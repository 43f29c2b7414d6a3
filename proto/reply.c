#include "proto/reply.h"

#include <assert.h>

void
reply_put_code(struct wire_writer *w, uint8_t type)
{
	assert(type == SSH_AGENT_FAILURE || type == SSH_AGENT_SUCCESS ||
	    type == SSH_AGENT_EXTENSION_FAILURE);
	wire_put_u8(w, type);
}

void
reply_put_list(struct wire_writer *w, uint32_t n)
{
	wire_put_u8(w, SSH_AGENT_IDENTITIES_ANSWER);
	wire_put_u32(w, n);
}

void
reply_put_identity(struct wire_writer *w, struct slice blob,
    struct slice comment)
{
	wire_put_string(w, blob);
	wire_put_string(w, comment);
}

size_t
reply_identity_size(struct slice blob, struct slice comment)
{
	/* Two strings, each with its length before it. */
	return 4 + blob.len + 4 + comment.len;
}

void
reply_put_signature(struct wire_writer *w, const char *algorithm,
    struct slice signature)
{
	size_t mark;

	wire_put_u8(w, SSH_AGENT_SIGN_RESPONSE);
	mark = wire_open_string(w);
	wire_put_str(w, algorithm);
	wire_put_string(w, signature);
	wire_close_string(w, mark);
}

void
reply_put_extension(struct wire_writer *w, const char *name)
{
	wire_put_u8(w, SSH_AGENT_EXTENSION_RESPONSE);
	wire_put_str(w, name);
}

int
reply_decode(struct slice body, struct reply *out)
{
	struct wire_reader r = wire_reader(body);
	int st;

	*out = (struct reply){ 0 };
	if ((st = wire_get_u8(&r, &out->type)) != ST_OK)
		return st;
	out->rest = r.rest;
	return ST_OK;
}

int
reply_get_extension(const struct reply *reply, const char *name,
    struct wire_reader *out)
{
	struct wire_reader r = wire_reader(reply->rest);
	struct slice got;
	int st;

	*out = (struct wire_reader){ 0 };
	if (reply->type == SSH_AGENT_FAILURE ||
	    reply->type == SSH_AGENT_EXTENSION_FAILURE)
		return ST_DENIED;
	if (reply->type != SSH_AGENT_EXTENSION_RESPONSE)
		return ST_MALFORMED;
	if ((st = wire_get_text(&r, &got)) != ST_OK)
		return st;
	if (!slice_eq_str(got, name))
		return ST_MALFORMED;
	*out = r;
	return ST_OK;
}
