/*
 * serve_sign - signatures: whether a key may sign, and who is asked.
 */
#include "agent/serve.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "proto/agent_num.h"
#include "proto/reply.h"
#include "proto/signdata.h"

/* What an approver is shown.  The comment is cut, not the question. */
static void
write_prompt(struct job *j, const struct identity *id, const char *fingerprint)
{
	char comment[200];
	struct text t;

	text_init(&t, comment, sizeof(comment));
	text_escape(&t, id->comment, id->comment_len);
	(void)snprintf(j->prompt, sizeof(j->prompt),
	    "Allow use of key %s?\nKey fingerprint %s.", comment, fingerprint);
}

/* Reply with a signature. */
static int
answer_sign(struct call *c, const struct signing *s)
{
	struct identity *id = keyring_find(c->a->ring, key_blob(s->key));

	reply_put_signature(c->w, s->out.algorithm,
	    (struct slice){ s->out.bytes, s->out.len });
	/* It may have gone, or be another one by now. */
	if (id != NULL && id->key == s->key) {
		id->signatures++;
		id->used_ms = c->now_ms;
	}
	c->a->signatures++;
	c->d->done = true;
	return ST_OK;
}

/* Why a signature cannot even be prepared. */
static int
refuse_signing(struct call *c, const struct identity *id, int st)
{
	if (st != ST_UNSUPPORTED)
		return call_refuse_status(c, st, REASON_BROKEN, NULL);
	return call_refuse(c, key_type_info(key_type(id->key))->sk ?
	    REASON_AUTHENTICATOR : (c->req->sign.flags &
	    ~(SSH_AGENT_RSA_SHA2_256 | SSH_AGENT_RSA_SHA2_512)) != 0 ?
	    REASON_SIGN_FLAGS : REASON_LEGACY_RSA);
}

/* Remember what is to be signed. */
static void
note_what(struct call *c, const struct signdata *sd)
{
	struct audit_record *rec = &c->d->rec;

	rec->has_what = true;
	rec->what = sd->kind;
	if (sd->kind == SIGNDATA_USERAUTH) {
		audit_text_set(&rec->user, sd->userauth.user.p,
		    sd->userauth.user.len);
	} else if (sd->kind == SIGNDATA_SSHSIG) {
		audit_text_set(&rec->ns, sd->sshsig.ns.p, sd->sshsig.ns.len);
		audit_text_set(&rec->hash_algorithm,
		    sd->sshsig.hash_algorithm.p, sd->sshsig.hash_algorithm.len);
		/* As long as one of the two hashes that there are. */
		assert(sd->sshsig.hash.len <= sizeof(rec->hash));
		rec->hash_len = (uint8_t)sd->sshsig.hash.len;
		memcpy(rec->hash, sd->sshsig.hash.p, sd->sshsig.hash.len);
	}
}

/* The same in words for an approver; names of a peer are cut and cannot write
 * lines of their own. */
static void
write_what(struct job *j, const struct audit_record *rec)
{
	struct text t;

	text_init(&t, j->what, sizeof(j->what));
	if (rec->what == SIGNDATA_USERAUTH) {
		text_add(&t, "login as ");
		text_escape(&t, rec->user.p, rec->user.len);
	} else if (rec->what == SIGNDATA_SSHSIG) {
		text_add(&t, "SSHSIG for ");
		text_escape(&t, rec->ns.p, rec->ns.len);
	} else {
		text_add(&t, "other data");
	}
}

/* Whether a key may sign this now; counts it if so and nobody is asked. */
static int
allow_sign(struct call *c, struct identity *id, enum reason *why)
{
	struct rules_place at = call_place(c);
	struct signdata sd;

	signdata_classify(c->req->sign.data, &sd);
	note_what(c, &sd);
	*why = REASON_FORWARDED_SIGNATURE;
	if (sd.kind != SIGNDATA_USERAUTH && c->a->service && !c->a->forwarded &&
	    bindings_forwarded(&c->conn->binds))
		return ST_DENIED;
	if (rules_sign(&id->rules, &at, &sd, key_blob(id->key), why) != ST_OK)
		return ST_DENIED;
	*why = REASON_NO_APPROVER;
	if (id->confirm && (c->a->approver == NULL ||
	    !approver_ready(c->a->approver)))
		return ST_DENIED;
	/* What nobody said yes to is not counted: see serve_signed(). */
	return id->confirm ? ST_OK : rules_spend(&id->rules, c->now_ms, why);
}

/* Make a signature that was allowed, here or in a job. */
static int
make_signature(struct call *c, struct identity *id, struct signing *s)
{
	struct job *j = NULL;
	int st;

	if (c->a->defer && (id->confirm || c->brief || key_is_dear(id->key))) {
		if ((st = job_sign(&j, s)) != ST_OK)
			return call_refuse_status(c, st, REASON_MEMORY, NULL);
		if ((j->ask = id->confirm)) {
			write_prompt(j, id, c->d->rec.fingerprint);
			write_what(j, &c->d->rec);
		}
		return call_defer(c, j);
	}
	assert(!id->confirm);	/* allow_sign() and server_new() see to it */
	if ((st = signing_run(s)) != ST_OK) {
		id->refusals++;
		return call_refuse_status(c, st, REASON_CRYPTO, NULL);
	}
	return answer_sign(c, s);
}

int
serve_sign(struct call *c)
{
	struct signing s;
	struct identity *id;
	enum reason why;
	int st;

	if ((id = keyring_find(c->a->ring, c->req->sign.blob)) == NULL)
		return call_refuse(c, REASON_NO_SUCH_KEY);
	call_note_identity(c, id);
	if ((st = signing_init(&s, id->key, c->req->sign.data,
	    c->req->sign.flags, c->a->legacy_rsa)) != ST_OK) {
		id->refusals++;
		return refuse_signing(c, id, st);
	}
	if (allow_sign(c, id, &why) != ST_OK) {
		id->refusals++;
		st = call_refuse(c, why);
	} else {
		st = make_signature(c, id, &s);
	}
	if (st == ST_OK)
		call_note_place(c, id);
	signing_fini(&s);
	return st;
}

int
serve_signed(struct call *c, const struct job *j)
{
	const struct signing *s = &j->sign;
	struct identity *id = keyring_find(c->a->ring, key_blob(s->key));
	enum reason why;
	int st;

	/* A question may have waited for long, and the policy be another. */
	if (!dispatch_may(c->peer, c->d->type))
		return call_refuse(c, REASON_POLICY);
	if (j->st == ST_OK && c->a->lock.locked)
		return call_refuse(c, REASON_MEANWHILE_LOCKED);
	if (id == NULL)
		return call_refuse(c, REASON_MEANWHILE_REMOVED);
	if (!rules_for_peer(&id->rules, c->peer))
		return call_refuse(c, REASON_NOT_VISIBLE);
	/* A yes was for the rules of then. */
	if (j->ask && id->key != s->key)
		return call_refuse(c, REASON_MEANWHILE_REPLACED);
	if (j->ask && j->st == ST_OK &&
	    rules_spend(&id->rules, c->now_ms, &why) != ST_OK) {
		st = call_refuse(c, why);
	} else if (j->st == ST_OK) {
		st = answer_sign(c, s);
	} else {
		if (id->key == s->key)
			id->refusals++;
		st = call_refuse_status(c, j->st, j->reason != REASON_NONE ?
		    j->reason : j->st == ST_DENIED ? REASON_APPROVER_NO :
		    REASON_CRYPTO, NULL);
	}
	call_note_place(c, id);
	return st;
}
