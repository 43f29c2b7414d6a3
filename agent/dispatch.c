#include "agent/dispatch.h"

#include <assert.h>
#include <stdio.h>

#include "agent/call.h"
#include "agent/serve.h"
#include "proto/agent_num.h"
#include "proto/approve.h"
#include "proto/extension.h"
#include "proto/reply.h"
#include "proto/request.h"

/* What a message is called in the audit log; an extension is called by its own
 * name later. */
static enum audit_op
op_of(uint8_t type)
{
	switch (type) {
	case SSH_AGENTC_REQUEST_IDENTITIES:
		return AUDIT_LIST;
	case SSH_AGENTC_SIGN_REQUEST:
		return AUDIT_SIGN;
	case SSH_AGENTC_ADD_IDENTITY:
	case SSH_AGENTC_ADD_ID_CONSTRAINED:
		return AUDIT_ADD;
	case SSH_AGENTC_REMOVE_IDENTITY:
		return AUDIT_REMOVE;
	case SSH_AGENTC_REMOVE_ALL_IDENTITIES:
	case SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES:
		return AUDIT_REMOVE_ALL;
	case SSH_AGENTC_LOCK:
		return AUDIT_LOCK;
	case SSH_AGENTC_UNLOCK:
		return AUDIT_UNLOCK;
	default:
		return AUDIT_OTHER;
	}
}

unsigned
dispatch_needs(enum audit_op op)
{
	switch (op) {
	case AUDIT_LIST:
		return POLICY_LIST;
	case AUDIT_SIGN:
		return POLICY_SIGN;
	case AUDIT_ADD:
		return POLICY_ADD;
	case AUDIT_REMOVE:
	case AUDIT_REMOVE_ALL:
		return POLICY_REMOVE;
	case AUDIT_LOCK:
	case AUDIT_UNLOCK:
		return POLICY_LOCK;
	case AUDIT_LOAD:
	case AUDIT_REMOVE_LOAD:
	case AUDIT_STATUS:
	case AUDIT_EXPLAIN:
	case AUDIT_APPROVE:
		return POLICY_ADMIN;
	default:
		return 0;
	}
}

/* What a message needs by its number; an extension, whose name is not known
 * yet, nothing. */
static unsigned
needed_op(uint8_t type)
{
	return dispatch_needs(op_of(type));
}

bool
dispatch_may(const struct peer *peer, uint8_t type)
{
	unsigned op = needed_op(type);

	return (peer->ops & op) == op;
}

/* Begin a decision, but for its record. */
static void
begin_decision(struct decision *d, uint8_t type)
{
	d->type = type;
	d->done = false;
	d->quiet = false;
	d->delay_ms = 0;
}

/* Begin the record of a decision. */
static void
begin_record(const struct call *c, struct decision *d, uint8_t type)
{
	struct audit_record *rec = &d->rec;

	begin_decision(d, type);
	audit_record_init(rec);
	rec->op = op_of(type);
	rec->has_peer = true;
	rec->uid = c->peer->uid;
	rec->gid = c->peer->gid;
	rec->pid = c->peer->pid;
	rec->unlocked = c->a->unlocked;
}

/* 22 */
static int
serve_lock(struct call *c)
{
	int st = lock_set(&c->a->lock, c->req->lock.passphrase);

	return st == ST_OK ? call_succeed(c) : call_refuse_status(c, st,
	    st == ST_LOCKED ? REASON_LOCKED_ALREADY :
	    REASON_EMPTY_PASSPHRASE, NULL);
}

/* 23 */
static int
serve_unlock(struct call *c)
{
	int st = lock_clear(&c->a->lock, c->req->lock.passphrase, c->now_ms,
	    &c->d->delay_ms);

	return st == ST_OK ? call_succeed(c) : call_refuse_status(c, st,
	    st == ST_NOT_FOUND ? REASON_NOT_LOCKED :
	    st == ST_DENIED ? REASON_WRONG_PASSPHRASE :
	    REASON_EMPTY_PASSPHRASE, NULL);
}

/* Whether somebody may come and approve. */
static bool
serves_approvers(const struct agent *a)
{
	return a->service && a->approver != NULL;
}

/* query: the names of what this peer can use, in OpenSSH 10.4's form. */
static int
serve_query(struct call *c)
{
	reply_put_extension(c->w, EXT_QUERY);
	wire_put_str(c->w, EXT_SESSION_BIND);
	if ((c->peer->ops & POLICY_ADMIN) != 0) {
		if (serves_approvers(c->a))
			wire_put_str(c->w, EXT_APPROVE);
		wire_put_str(c->w, EXT_EXPLAIN);
		wire_put_str(c->w, EXT_LOAD);
		wire_put_str(c->w, EXT_STATUS);
	}
	c->d->done = true;
	return ST_OK;
}

/* approve@bottle-agent */
static int
serve_approve(struct call *c)
{
	struct approve_request req;
	struct job *j;
	int st;

	if (!serves_approvers(c->a))
		return call_refuse(c, REASON_UNKNOWN_EXTENSION);
	if (approve_request_decode(c->req->extension.body, &req) != ST_OK)
		return call_refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    REASON_BROKEN);
	if (req.op == APPROVE_NEXT) {
		if ((st = job_next(&j)) != ST_OK)
			return call_refuse_status(c, st, REASON_MEMORY, NULL);
		return call_defer(c, j);
	}
	(void)snprintf(c->d->rec.detail, sizeof(c->d->rec.detail),
	    "%s to question %u", req.yes ? "yes" : "no", (unsigned)req.id);
	st = approver_answer(c->a->approver, &c->conn->seat, req.id, req.yes);
	return st == ST_OK ? call_succeed(c) : call_refuse_with(c,
	    SSH_AGENT_EXTENSION_FAILURE, REASON_NO_QUESTION);
}

/* What an extension is called in the audit log: also one that is refused. */
static enum audit_op
extension_op(const struct request *req)
{
	struct slice name = req->extension.name;
	struct load_request load;

	if (slice_eq_str(name, EXT_LOAD))
		return load_request_decode(req->extension.body, &load) ==
		    ST_OK && (load.op == LOAD_REMOVE ||
		    load.op == LOAD_REMOVE_ALL) ? AUDIT_REMOVE_LOAD :
		    AUDIT_LOAD;
	return slice_eq_str(name, EXT_SESSION_BIND) ? AUDIT_BIND :
	    slice_eq_str(name, EXT_STATUS) ? AUDIT_STATUS :
	    slice_eq_str(name, EXT_EXPLAIN) ? AUDIT_EXPLAIN :
	    slice_eq_str(name, EXT_APPROVE) ? AUDIT_APPROVE :
	    slice_eq_str(name, EXT_QUERY) ? AUDIT_QUERY : AUDIT_OTHER;
}

/* 27: a name that we do not know, or that this peer may not use, fails as an
 * unknown message does.  While locked only binds, and what is for admins, are
 * answered. */
static int
serve_extension(struct call *c)
{
	switch (c->d->rec.op) {
	case AUDIT_BIND:
		return serve_bind(c);
	case AUDIT_STATUS:
		return serve_status(c);
	case AUDIT_EXPLAIN:
		return serve_explain(c);
	case AUDIT_APPROVE:
		return serve_approve(c);
	case AUDIT_LOAD:
	case AUDIT_REMOVE_LOAD:
		return serve_load(c);
	default:
		break;
	}
	if (c->a->lock.locked)
		return call_refuse(c, REASON_LOCKED);
	if (c->d->rec.op == AUDIT_QUERY)
		return serve_query(c);
	return call_refuse(c, REASON_UNKNOWN_EXTENSION);
}

/* Whether a request would change what the agent holds, or who may use it. */
static bool
changes(const struct call *c)
{
	return (needed_op(c->req->type) & (POLICY_ADD | POLICY_REMOVE |
	    POLICY_LOCK)) != 0 || (c->req->type == SSH_AGENTC_EXTENSION &&
	    (slice_eq_str(c->req->extension.name, EXT_LOAD) ||
	    slice_eq_str(c->req->extension.name, EXT_APPROVE)));
}

/* Whether a request asks for what is no business of a far host: all keys, also
 * those that are not listed where the connection leads, and who does what. */
static bool
asks_for_all(const struct call *c)
{
	return c->d->rec.op == AUDIT_STATUS || c->d->rec.op == AUDIT_EXPLAIN;
}

/* Whether an extension is for those alone who have admin: its number does not
 * tell. */
static bool
is_for_admin(enum audit_op op)
{
	return op == AUDIT_STATUS || op == AUDIT_EXPLAIN ||
	    op == AUDIT_APPROVE || op == AUDIT_LOAD || op == AUDIT_REMOVE_LOAD;
}

/* Find who serves a request that was decoded and allowed, as far as its number
 * tells. */
static int
serve(struct call *c)
{
	uint8_t type = c->req->type;

	if (type == SSH_AGENTC_EXTENSION)
		c->d->rec.op = extension_op(c->req);
	if (is_for_admin(c->d->rec.op) && (c->peer->ops & POLICY_ADMIN) == 0)
		return call_refuse(c, REASON_POLICY);
	/* Over ssh -A the far host sends what it likes in the name of a peer
	 * who may have every right here. */
	if (c->a->service && !c->a->forwarded && changes(c) &&
	    bindings_forwarded(&c->conn->binds))
		return call_refuse(c, REASON_FORWARDED_CHANGE);
	if (!c->a->forwarded && asks_for_all(c) &&
	    bindings_forwarded(&c->conn->binds))
		return call_refuse(c, REASON_FORWARDED_TELLING);
	if (type == SSH_AGENTC_REQUEST_IDENTITIES)
		return serve_list(c);
	if (type == SSH_AGENTC_EXTENSION)
		return serve_extension(c);
	if (type == SSH_AGENTC_UNLOCK)
		return serve_unlock(c);
	if (c->a->lock.locked)
		return call_refuse(c, REASON_LOCKED);
	switch (type) {
	case SSH_AGENTC_SIGN_REQUEST:
		return serve_sign(c);
	case SSH_AGENTC_ADD_IDENTITY:
	case SSH_AGENTC_ADD_ID_CONSTRAINED:
		return serve_add(c);
	case SSH_AGENTC_REMOVE_IDENTITY:
		return serve_remove(c);
	case SSH_AGENTC_REMOVE_ALL_IDENTITIES:
	case SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES:
		return serve_remove_all(c);
	case SSH_AGENTC_LOCK:
		return serve_lock(c);
	default:
		return call_refuse(c, REASON_UNSUPPORTED);
	}
}

int
dispatch(struct agent *a, struct conn *conn, const struct peer *peer,
    const struct arrival *in, struct wire_writer *w, struct decision *d)
{
	struct request req;
	struct call c = { a, conn, peer, &req, in->now_ms, in->wall_s,
		in->brief, w, d };
	int st;

	assert(in->body.len > 0 && conn->job == NULL);
	begin_record(&c, d, in->body.p[0]);
	(void)keyring_expire(a->ring, in->now_ms);
	if (!dispatch_may(peer, d->type))
		return call_refuse(&c, REASON_POLICY);
	if ((st = request_decode(in->body, &req)) != ST_OK)
		return call_refuse(&c, st == ST_UNSUPPORTED ?
		    REASON_UNSUPPORTED : REASON_BROKEN);
	if (in->tail.len > 0 && request_is_add(d->type))
		req.add.constraints = in->tail;
	return serve(&c);
}

/* Hand on the question that an approver has waited for. */
static int
finish_next(struct call *c, const struct job *j)
{
	assert(j->question != NULL);
	reply_put_extension(c->w, EXT_APPROVE);
	approve_question_put(c->w, j->question);
	c->d->done = true;
	c->d->quiet = true;	/* its answer is recorded */
	return ST_OK;
}

int
dispatch_finish(struct agent *a, struct conn *conn, const struct peer *peer,
    int64_t now_ms, struct wire_writer *w, struct decision *d)
{
	struct call c = { .a = a, .conn = conn, .peer = peer,
		.now_ms = now_ms, .w = w, .d = d };
	struct job *j = conn->job;
	int st;

	conn->job = NULL;
	begin_decision(d, j->type);
	d->rec = j->rec;
	if (j->kind == JOB_SIGN)
		st = serve_signed(&c, j);
	else if (j->kind == JOB_NEXT)
		st = finish_next(&c, j);
	else
		st = serve_bound(&c, &j->bind, j->st, j->why);
	job_free(j);
	return st;
}

void
dispatch_refuse(struct agent *a, const struct peer *peer, uint8_t type,
    enum reason reason, struct wire_writer *w, struct decision *d)
{
	struct call c = { .a = a, .peer = peer, .w = w, .d = d };

	begin_record(&c, d, type);
	(void)call_refuse(&c, reason);
}

void
conn_fini(struct conn *conn)
{
	serve_load_end(conn);
	approver_leave(&conn->seat);
	bindings_fini(&conn->binds);
	job_free(conn->job);
	conn->job = NULL;
}
