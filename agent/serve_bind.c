/*
 * serve_bind - where a connection leads.
 */
#include "agent/serve.h"

#include "agent/verify.h"
#include "proto/agent_num.h"
#include "proto/extension.h"

int
serve_bound(struct call *c, const struct bind_request *req, int st,
    const char *text)
{
	enum reason why = call_reason(st, REASON_BIND_SIGNATURE);

	if (st == ST_OK) {
		text = NULL;
		st = bindings_add(&c->conn->binds, req->hostkey,
		    req->session_id, req->forwarding, &why);
	}
	/* A far host can see to it that its own bind fails here and ssh goes on
	 * all the same: the way must not look shorter than it is by that
	 * host. */
	if (st != ST_OK && st != ST_DENIED)
		c->conn->binds.gap = true;
	c->d->rec.text = st == ST_OK ? NULL : text;
	if (st == ST_OK)
		st = call_succeed(c);
	else
		st = call_refuse_with(c, SSH_AGENT_EXTENSION_FAILURE, why);
	call_note_place(c, NULL);
	return st;
}

int
serve_bind(struct call *c)
{
	struct bind_request req;
	const char *text = NULL;
	struct job *j;
	int st;

	c->conn->binds.attempted = true;
	if (bind_request_decode(c->req->extension.body, &req) != ST_OK)
		return call_refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    REASON_BIND_BROKEN);
	if (req.session_id.len > BINDING_SESSION_ID_MAX)
		return call_refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    REASON_BIND_ID_TOO_LONG);
	if (!c->a->defer) {
		st = verify_host(req.hostkey, req.session_id, req.signature,
		    &text);
		return serve_bound(c, &req, st, text);
	}
	if ((st = job_bind(&j, &req)) != ST_OK)
		return serve_bound(c, &req, st, NULL);
	return call_defer(c, j);
}
