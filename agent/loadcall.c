#include "agent/loadcall.h"

#include <stdlib.h>
#include <string.h>

#include "agent/key.h"
#include "keys/fingerprint.h"
#include "proto/agent_num.h"
#include "proto/certificate.h"
#include "proto/frame.h"
#include "proto/keyprivate.h"
#include "proto/reply.h"

/* What a frame has besides the chunk in it. */
#define FRAME_ROOM	256

int
loadcall_init(struct loadcall *c, struct agentconn *conn)
{
	c->conn = conn;
	c->frame = malloc(LOAD_CHUNK_MAX + FRAME_ROOM);
	return c->frame == NULL ? ST_NOMEM : ST_OK;
}

void
loadcall_fini(struct loadcall *c)
{
	free(c->frame);
	c->frame = NULL;
}

int
loadcall_send(struct loadcall *c, enum load_op op, struct slice arg)
{
	struct wire_writer w = wire_writer(c->frame,
	    LOAD_CHUNK_MAX + FRAME_ROOM);
	const struct load_request req = { .op = op, .arg = arg };
	struct slice frame;
	size_t mark;
	int st;

	mark = frame_open(&w);
	wire_put_u8(&w, SSH_AGENTC_EXTENSION);
	wire_put_str(&w, EXT_LOAD);
	load_request_put(&w, &req);
	frame_close(&w, mark);
	if ((st = wire_done(&w, &frame)) != ST_OK)
		return st;
	return agentconn_send(c->conn, frame);
}

int
loadcall_answer(struct loadcall *c, struct load_answer *ans)
{
	struct wire_reader r;
	struct reply reply;
	struct slice body;
	int st;

	if ((st = agentconn_reply(c->conn, &body)) != ST_OK)
		return st;
	if ((st = reply_decode(body, &reply)) != ST_OK ||
	    (st = reply_get_extension(&reply, EXT_LOAD, &r)) != ST_OK)
		return st;
	return load_answer_decode(&r, ans);
}

int
loadcall(struct loadcall *c, enum load_op op, struct slice arg,
    struct load_answer *ans)
{
	int st = loadcall_send(c, op, arg);

	return st == ST_OK ? loadcall_answer(c, ans) : st;
}

/* The fingerprint as ssh-add -l has it: of a certificate that of its key. */
static int
fingerprint_of(struct slice blob, char out[static FINGERPRINT_MAX])
{
	uint8_t room[KEYPRIVATE_PUBLIC_MAX];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct certificate cert;
	int st;

	if (certificate_decode(blob, &cert) == ST_OK) {
		keyblob_put(&w, &cert.key);
		if ((st = wire_done(&w, &blob)) != ST_OK)
			return st;
	}
	fingerprint_sha256(blob, out);
	return ST_OK;
}

/* The line of one key. */
static int
one_key(struct slice blob, struct slice comment,
    bool (*each)(struct slice line, void *arg), void *arg)
{
	struct wire_reader r = wire_reader(blob);
	char fingerprint[FINGERPRINT_MAX];
	struct wire_writer w;
	struct slice type, line;
	size_t cap;
	bool good;
	int st;

	if ((st = wire_get_string(&r, &type)) != ST_OK ||
	    (st = fingerprint_of(blob, fingerprint)) != ST_OK)
		return st;
	cap = type.len + sizeof(fingerprint) + comment.len + 2;
	w = wire_writer(malloc(cap), cap);
	if (w.p == NULL)
		return ST_NOMEM;
	wire_put_bytes(&w, type);
	wire_put_u8(&w, ' ');
	wire_put_bytes(&w, slice_str(fingerprint));
	if (comment.len > 0) {
		wire_put_u8(&w, ' ');
		wire_put_bytes(&w, comment);
	}
	if ((st = wire_done(&w, &line)) == ST_OK) {
		good = each(line, arg);
		st = good ? ST_OK : ST_CLOSED;
	}
	free(w.p);
	return st;
}

int
loadcall_keys(struct slice keys, bool (*each)(struct slice line, void *arg),
    void *arg)
{
	struct wire_reader r = wire_reader(keys);
	struct slice blob, comment;
	int st = ST_OK;

	while (st == ST_OK && !wire_end(&r)) {
		if (wire_get_string(&r, &blob) != ST_OK ||
		    wire_get_string(&r, &comment) != ST_OK)
			return ST_MALFORMED;
		st = one_key(blob, comment, each, arg);
	}
	return st;
}
