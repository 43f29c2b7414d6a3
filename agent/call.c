#include "agent/call.h"

#include "agent/describe.h"
#include "proto/agent_num.h"
#include "proto/reply.h"

void
call_note_refusal(struct call *c, enum reason reason)
{
	c->d->done = false;
	c->d->rec.verdict = AUDIT_DENIED;
	c->d->rec.reason = reason;
	c->a->refusals++;
}

int
call_refuse_with(struct call *c, uint8_t code, enum reason reason)
{
	reply_put_code(c->w, code);
	call_note_refusal(c, reason);
	return ST_OK;
}

int
call_refuse(struct call *c, enum reason reason)
{
	return call_refuse_with(c, SSH_AGENT_FAILURE, reason);
}

enum reason
call_reason(int st, enum reason otherwise)
{
	switch (st) {
	case ST_NOMEM:
		return REASON_MEMORY;
	case ST_FULL:
		return REASON_MEMORY_LOCKED;
	case ST_CRYPTO:
		return REASON_CRYPTO;
	default:
		return otherwise;
	}
}

int
call_refuse_status(struct call *c, int st, enum reason otherwise,
    const char *text)
{
	c->d->rec.text = text;
	return call_refuse(c, call_reason(st, otherwise));
}

int
call_succeed(struct call *c)
{
	reply_put_code(c->w, SSH_AGENT_SUCCESS);
	c->d->done = true;
	return ST_OK;
}

void
call_note_key(struct call *c, const struct key *key)
{
	key_fingerprint_as(key, c->a->hash, c->d->rec.fingerprint);
}

void
call_note_identity(struct call *c, const struct identity *id)
{
	call_note_key(c, id->key);
	audit_text_set(&c->d->rec.comment, id->comment, id->comment_len);
}

struct rules_place
call_place(const struct call *c)
{
	return (struct rules_place){ &c->conn->binds, c->peer, c->now_ms,
		c->wall_s };
}

void
call_note_place(struct call *c, const struct identity *id)
{
	struct audit_record *rec = &c->d->rec;
	const struct bindings *b = &c->conn->binds;

	rec->binds = (uint32_t)b->n;
	rec->forwarding = bindings_forwarded(b);
	/* What is dear is found out only if it is written. */
	if (c->a->audit == NULL || !audit_wants(c->a->audit, rec))
		return;
	if (b->n > 0)
		describe_host(c->a->ring, id, &b->at[b->n - 1], rec);
	if (rec->verdict == AUDIT_DENIED)
		describe_refusal(id, rec);
}

int
call_defer(struct call *c, struct job *j)
{
	j->type = c->d->type;
	j->rec = c->d->rec;
	j->work.account = c->peer->uid;
	c->conn->job = j;
	return ST_MORE;
}
