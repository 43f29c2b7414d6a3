#include "proto/request.h"

#include <assert.h>

/*
 * The message number decides everything; what follows the fields of a request
 * is left alone, because OpenSSH's agent leaves it and clients exist that send
 * more than they need to.
 */

/* Take the fields of a signature request. */
static int
get_sign(struct wire_reader *r, struct request *out)
{
	int st;

	if ((st = wire_get_string(r, &out->sign.blob)) != ST_OK)
		return st;
	if ((st = wire_get_string(r, &out->sign.data)) != ST_OK)
		return st;
	return wire_get_u32(r, &out->sign.flags);
}

/* Take a private key, its comment, and all the rest as its constraints. */
static int
get_add(struct wire_reader *r, struct request *out)
{
	int st;

	if ((st = keyprivate_get(r, &out->add.key)) != ST_OK)
		return st;
	if ((st = wire_get_text(r, &out->add.comment)) != ST_OK)
		return st;
	out->add.constraints = r->rest;
	return ST_OK;
}

/* Take a passphrase: text, but OpenSSH counts a NUL at its end. */
static int
get_passphrase(struct wire_reader *r, struct slice *out)
{
	struct wire_reader look = *r;
	struct slice text;
	int st;

	if ((st = wire_get_text(&look, &text)) != ST_OK)
		return st;
	return wire_get_string(r, out);
}

/* Take the name of an extension, and all the rest as its body. */
static int
get_extension(struct wire_reader *r, struct request *out)
{
	int st;

	if ((st = wire_get_text(r, &out->extension.name)) != ST_OK)
		return st;
	out->extension.body = r->rest;
	return ST_OK;
}

/* Decode what follows the message number in out->type. */
static int
get_fields(struct wire_reader *r, struct request *out)
{
	switch (out->type) {
	case SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES:
	case SSH_AGENTC_REQUEST_IDENTITIES:
	case SSH_AGENTC_REMOVE_ALL_IDENTITIES:
		return ST_OK;
	case SSH_AGENTC_SIGN_REQUEST:
		return get_sign(r, out);
	case SSH_AGENTC_ADD_IDENTITY:
	case SSH_AGENTC_ADD_ID_CONSTRAINED:
		return get_add(r, out);
	case SSH_AGENTC_REMOVE_IDENTITY:
		return wire_get_string(r, &out->remove.blob);
	case SSH_AGENTC_LOCK:
	case SSH_AGENTC_UNLOCK:
		return get_passphrase(r, &out->lock.passphrase);
	case SSH_AGENTC_EXTENSION:
		return get_extension(r, out);
	default:
		return ST_UNSUPPORTED;
	}
}

int
request_decode(struct slice body, struct request *out)
{
	struct wire_reader r = wire_reader(body);
	int st;

	*out = (struct request){ 0 };
	if ((st = wire_get_u8(&r, &out->type)) != ST_OK)
		return st;
	return get_fields(&r, out);
}

int
request_decode_add(struct slice in, struct request *out)
{
	struct wire_reader r = wire_reader(in);

	*out = (struct request){ .type = SSH_AGENTC_ADD_ID_CONSTRAINED };
	return get_add(&r, out);
}

void
request_encode_add(struct wire_writer *w, const struct request *req)
{
	assert(request_is_add(req->type));
	keyprivate_put(w, &req->add.key);
	wire_put_string(w, req->add.comment);
	wire_put_bytes(w, req->add.constraints);
}

void
request_encode(struct wire_writer *w, const struct request *req)
{
	wire_put_u8(w, req->type);
	switch (req->type) {
	case SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES:
	case SSH_AGENTC_REQUEST_IDENTITIES:
	case SSH_AGENTC_REMOVE_ALL_IDENTITIES:
		break;
	case SSH_AGENTC_SIGN_REQUEST:
		wire_put_string(w, req->sign.blob);
		wire_put_string(w, req->sign.data);
		wire_put_u32(w, req->sign.flags);
		break;
	case SSH_AGENTC_ADD_IDENTITY:
	case SSH_AGENTC_ADD_ID_CONSTRAINED:
		request_encode_add(w, req);
		break;
	case SSH_AGENTC_REMOVE_IDENTITY:
		wire_put_string(w, req->remove.blob);
		break;
	case SSH_AGENTC_LOCK:
	case SSH_AGENTC_UNLOCK:
		wire_put_string(w, req->lock.passphrase);
		break;
	case SSH_AGENTC_EXTENSION:
		wire_put_string(w, req->extension.name);
		wire_put_bytes(w, req->extension.body);
		break;
	default:
		/* Only what decodes may be encoded. */
		assert(false);
	}
}

bool
request_is_add(uint8_t type)
{
	return type == SSH_AGENTC_ADD_IDENTITY ||
	    type == SSH_AGENTC_ADD_ID_CONSTRAINED;
}

bool
request_has_secret(uint8_t type)
{
	return request_is_add(type) || type == SSH_AGENTC_LOCK ||
	    type == SSH_AGENTC_UNLOCK;
}
