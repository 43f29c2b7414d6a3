#include "agent/dispatch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/account.h"
#include "agent/auditline.h"
#include "agent/describe.h"
#include "agent/limits.h"
#include "agent/vault.h"
#include "agent/verify.h"
#include "base/pattern.h"
#include "base/text.h"
#include "proto/approve.h"
#include "proto/constraint.h"
#include "proto/explainmsg.h"
#include "proto/extension.h"
#include "proto/frame.h"
#include "proto/reply.h"
#include "proto/request.h"
#include "proto/signdata.h"

/* Most that status says about the rules of one key. */
#define STATUS_RULES_MAX	512

/* One request being served. */
struct call {
	struct agent		*a;
	struct conn		*conn;
	const struct peer	*peer;
	const struct request	*req;
	int64_t			 now_ms;
	int64_t			 wall_s;
	bool			 brief;
	struct wire_writer	*w;
	struct decision		*d;
};

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

/* Note that a request was refused. */
static void
note_refusal(struct call *c, enum reason reason)
{
	c->d->done = false;
	c->d->rec.verdict = AUDIT_DENIED;
	c->d->rec.reason = reason;
	c->a->refusals++;
}

/* Answer with one byte of bad news. */
static int
refuse_with(struct call *c, uint8_t code, enum reason reason)
{
	reply_put_code(c->w, code);
	note_refusal(c, reason);
	return ST_OK;
}

static int
refuse(struct call *c, enum reason reason)
{
	return refuse_with(c, SSH_AGENT_FAILURE, reason);
}

/* Answer SUCCESS. */
static int
succeed(struct call *c)
{
	reply_put_code(c->w, SSH_AGENT_SUCCESS);
	c->d->done = true;
	return ST_OK;
}

/* What a status that some step came back with says, where there is no reason
 * of the step's own. */
static enum reason
reason_of(int st, enum reason otherwise)
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

/* Refuse for such a status.  A fault of ours costs the request, not the agent:
 * running out of memory is the peer's loss.  The text, if there is one, says
 * more than the reason. */
static int
refuse_status(struct call *c, int st, enum reason otherwise, const char *text)
{
	c->d->rec.text = text;
	return refuse(c, reason_of(st, otherwise));
}

/* Remember which key it was about: the plain one, as ssh-keygen has it. */
static void
note_key(struct call *c, const struct key *key)
{
	key_fingerprint_as(key, c->a->hash, c->d->rec.fingerprint);
}

static void
note_identity(struct call *c, const struct identity *id)
{
	note_key(c, id->key);
	audit_text_set(&c->d->rec.comment, id->comment, id->comment_len);
}

/* Where and when the request was made. */
static struct rules_place
place(const struct call *c)
{
	return (struct rules_place){ &c->conn->binds, c->peer, c->now_ms,
		c->wall_s };
}

/* The identity with that blob, if it is there for this connection. */
static struct identity *
find_visible(struct call *c, struct slice blob, enum reason *why)
{
	struct identity *id = keyring_find(c->a->ring, blob);
	struct rules_place at = place(c);

	*why = REASON_NO_SUCH_KEY;
	return id != NULL && rules_visible(&id->rules, &at, why) == ST_OK ?
	    id : NULL;
}

/* The i-th in the list that all of it is in: where it begins, or that is over. */
static size_t
list_at(const struct keyring *ring, size_t i, struct slice all)
{
	return i < keyring_count(ring) ? keyring_at(ring, i)->list_at : all.len;
}

/* Those of the list that are for this place, each run of them at once. */
static uint32_t
put_listed(struct call *c, struct slice all)
{
	const struct keyring *ring = c->a->ring;
	struct rules_place at = place(c);
	size_t n = keyring_count(ring), i = 0, first, begin;
	uint32_t listed = 0;

	while (i < n) {
		first = i;
		while (i < n && rules_listed(&keyring_at(ring, i)->rules, &at))
			i++;
		if (i > first) {
			begin = list_at(ring, first, all);
			wire_put_bytes(c->w, (struct slice){ all.p + begin,
			    list_at(ring, i, all) - begin });
			listed += (uint32_t)(i - first);
		}
		i++;
	}
	return listed;
}

/* 11: what this connection can use; nothing while locked, which is no
 * failure. */
static int
serve_list(struct call *c)
{
	struct wire_writer count = *c->w;
	struct slice all = keyring_list(c->a->ring);

	if (all.len == 0)
		return refuse(c, REASON_MEMORY);
	reply_put_list(c->w, 0);
	if (!c->a->lock.locked)
		reply_put_list(&count, put_listed(c, all));
	assert(!c->w->full);	/* keyring_put() saw to it */
	c->d->done = true;
	return ST_OK;
}

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

/* Give the rest of a request to whoever runs jobs. */
static int
defer(struct call *c, struct job *j)
{
	j->type = c->d->type;
	j->rec = c->d->rec;
	j->work.account = c->peer->uid;
	c->conn->job = j;
	return ST_MORE;
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
		return refuse_status(c, st, REASON_BROKEN, NULL);
	return refuse(c, key_type_info(key_type(id->key))->sk ?
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

/* Remember where the connection leads, which the refusal is about or the
 * signature is for.  What is dear is found out only if it is written. */
static void
note_place(struct call *c, const struct identity *id)
{
	struct audit_record *rec = &c->d->rec;
	const struct bindings *b = &c->conn->binds;

	rec->binds = (uint32_t)b->n;
	rec->forwarding = bindings_forwarded(b);
	if (c->a->audit == NULL || !audit_wants(c->a->audit, rec))
		return;
	if (b->n > 0)
		describe_host(c->a->ring, id, &b->at[b->n - 1], rec);
	if (rec->verdict == AUDIT_DENIED)
		describe_refusal(id, rec);
}

/* Whether a key may sign this now; counts it if so and nobody is asked. */
static int
allow_sign(struct call *c, struct identity *id, enum reason *why)
{
	struct rules_place at = place(c);
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
	/* What nobody said yes to is not counted: see finish_sign(). */
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
			return refuse_status(c, st, REASON_MEMORY, NULL);
		if ((j->ask = id->confirm)) {
			write_prompt(j, id, c->d->rec.fingerprint);
			write_what(j, &c->d->rec);
		}
		return defer(c, j);
	}
	assert(!id->confirm);	/* allow_sign() and server_new() see to it */
	if ((st = signing_run(s)) != ST_OK) {
		id->refusals++;
		return refuse_status(c, st, REASON_CRYPTO, NULL);
	}
	return answer_sign(c, s);
}

/* 13 */
static int
serve_sign(struct call *c)
{
	struct signing s;
	struct identity *id;
	enum reason why;
	int st;

	if ((id = keyring_find(c->a->ring, c->req->sign.blob)) == NULL)
		return refuse(c, REASON_NO_SUCH_KEY);
	note_identity(c, id);
	if ((st = signing_init(&s, id->key, c->req->sign.data,
	    c->req->sign.flags, c->a->legacy_rsa)) != ST_OK) {
		id->refusals++;
		return refuse_signing(c, id, st);
	}
	if (allow_sign(c, id, &why) != ST_OK) {
		id->refusals++;
		st = refuse(c, why);
	} else {
		st = make_signature(c, id, &s);
	}
	if (st == ST_OK)
		note_place(c, id);
	signing_fini(&s);
	return st;
}

/* The library of an sk key: nobody will ever load it here, but it is asked for
 * as ssh-agent would load it.  Why not, or REASON_NONE. */
static enum reason
provider_fault(const struct call *c, const struct constraints *limits)
{
	static const char standard[] = "/usr/lib*/*,/usr/local/lib*/*";
	const char *list = c->a->providers != NULL ? c->a->providers : standard;
	struct slice p = limits->sk_provider;

	if (!limits->has_sk_provider)
		return REASON_NONE;
	if (!key_type_info(c->req->add.key.type)->sk)
		return REASON_PROVIDER_KIND;
	if (p.len == 8 && strncasecmp((const char *)p.p, "internal", 8) == 0)
		return REASON_NONE;
	if (c->conn->binds.attempted && !c->a->remote_providers)
		return REASON_PROVIDER_BOUND;
	if (p.len == 0 || p.p[0] != '/' || memmem(p.p, p.len, "/../",
	    4) != NULL || !pattern_list_match(list, strlen(list),
	    (const char *)p.p, p.len))
		return REASON_PROVIDER;
	return REASON_NONE;
}

/* Make an identity of an add, apart from all others. */
static int
make_identity(struct call *c, struct identity **out, const char **text)
{
	struct key *key = NULL;
	int st;

	if ((st = key_new(&key, &c->req->add.key, text)) != ST_OK)
		return st;
	note_key(c, key);
	audit_text_set(&c->d->rec.comment, c->req->add.comment.p,
	    c->req->add.comment.len);
	*text = NULL;
	if ((st = identity_new(out, key, c->req->add.comment)) != ST_OK) {
		key_free(key);
		return st;
	}
	return ST_OK;
}

/* Put an identity into the ring, where another one may be that is not to be
 * seen from here. */
static int
put_identity(struct call *c, struct identity **id)
{
	struct rules_place at = place(c);
	struct identity *old = keyring_find(c->a->ring, key_blob((*id)->key));
	const char *text = NULL;
	enum reason why;
	int st;

	if (old != NULL && rules_visible(&old->rules, &at, &why) != ST_OK)
		return refuse(c, why);
	st = keyring_put(c->a->ring, id, 1, NULL, &text);
	if (st == ST_OK)
		return succeed(c);
	c->d->rec.text = text;
	return refuse(c, st == ST_FULL ? REASON_LISTING_FULL : REASON_MEMORY);
}

/* 17 and 25: nothing is stored unless every part of it was good. */
static int
serve_add(struct call *c)
{
	struct identity *id = NULL;
	struct constraints limits;
	const char *text = NULL;
	enum reason why;
	struct text t;
	int st;

	st = constraint_parse(c->req->add.constraints, &limits);
	if (st != ST_OK)
		return refuse(c, st == ST_UNSUPPORTED ? REASON_CONSTRAINT :
		    REASON_CONSTRAINT_BROKEN);
	if ((why = provider_fault(c, &limits)) != REASON_NONE)
		return refuse(c, why);
	if ((st = make_identity(c, &id, &text)) != ST_OK)
		return refuse_status(c, st, REASON_BAD_KEY, text);
	st = identity_limit(id, &limits, c->a->service,
	    c->a->default_lifetime_s, c->now_ms);
	if (st == ST_NOT_FOUND) {
		text_init(&t, c->d->rec.detail, sizeof(c->d->rec.detail));
		rules_unknown_peer(&limits, &t);
	}
	if (st != ST_OK)
		st = refuse_status(c, st, REASON_CONSTRAINT_PEER, NULL);
	else
		st = put_identity(c, &id);
	identity_free(id);
	return st;
}

/* 18 */
static int
serve_remove(struct call *c)
{
	enum reason why;
	struct identity *id = find_visible(c, c->req->remove.blob, &why);

	if (id == NULL)
		return refuse(c, why);
	note_identity(c, id);
	keyring_remove(c->a->ring, id);
	return succeed(c);
}

static bool
is_for_caller(void *cookie, const struct identity *id)
{
	const struct call *c = cookie;

	return rules_for_peer(&id->rules, c->peer);
}

/* 19, and 9 which ssh-add -D sends after it: all that is there for this peer.
 * Where it is bound to does not matter, as in OpenSSH. */
static int
serve_remove_all(struct call *c)
{
	(void)keyring_remove_if(c->a->ring, is_for_caller, c);
	return succeed(c);
}

/* 22 */
static int
serve_lock(struct call *c)
{
	int st = lock_set(&c->a->lock, c->req->lock.passphrase);

	return st == ST_OK ? succeed(c) : refuse_status(c, st,
	    st == ST_LOCKED ? REASON_LOCKED_ALREADY :
	    REASON_EMPTY_PASSPHRASE, NULL);
}

/* 23 */
static int
serve_unlock(struct call *c)
{
	int st = lock_clear(&c->a->lock, c->req->lock.passphrase, c->now_ms,
	    &c->d->delay_ms);

	return st == ST_OK ? succeed(c) : refuse_status(c, st,
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

/* Record a bind that was verified, or say why it was not.  A far host can see
 * to it that its own bind fails here and ssh goes on all the same: the way
 * must not look shorter than it is by that host. */
static int
answer_bind(struct call *c, const struct bind_request *req, int st,
    const char *text)
{
	enum reason why = reason_of(st, REASON_BIND_SIGNATURE);

	if (st == ST_OK) {
		text = NULL;
		st = bindings_add(&c->conn->binds, req->hostkey,
		    req->session_id, req->forwarding, &why);
	}
	if (st != ST_OK && st != ST_DENIED)
		c->conn->binds.gap = true;
	c->d->rec.text = st == ST_OK ? NULL : text;
	if (st == ST_OK)
		st = succeed(c);
	else
		st = refuse_with(c, SSH_AGENT_EXTENSION_FAILURE, why);
	note_place(c, NULL);
	return st;
}

/* session-bind@openssh.com: also while locked, so that nobody can get at keys
 * by having a lock in the way of a bind. */
static int
serve_bind(struct call *c)
{
	struct bind_request req;
	const char *text = NULL;
	struct job *j;
	int st;

	c->conn->binds.attempted = true;
	if (bind_request_decode(c->req->extension.body, &req) != ST_OK)
		return refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    REASON_BIND_BROKEN);
	if (req.session_id.len > BINDING_SESSION_ID_MAX)
		return refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    REASON_BIND_ID_TOO_LONG);
	if (!c->a->defer) {
		st = verify_host(req.hostkey, req.session_id, req.signature,
		    &text);
		return answer_bind(c, &req, st, text);
	}
	if ((st = job_bind(&j, &req)) != ST_OK)
		return answer_bind(c, &req, st, NULL);
	return defer(c, j);
}

/* Give up a load that is under way. */
static void
end_load(struct conn *conn)
{
	load_free(conn->load);
	conn->load = NULL;
}

/* Say how a step of a load went; a load that was refused is over. */
static int
answer_load(struct call *c, int st, const struct load_answer *ans)
{
	reply_put_extension(c->w, EXT_LOAD);
	load_answer_put(c->w, ans);
	c->d->done = st == ST_OK;
	if (st == ST_OK)
		return ST_OK;
	note_refusal(c, REASON_LOAD);
	end_load(c->conn);
	return ST_OK;
}

/* Tell the loader why not. */
static int
refuse_load(struct call *c, int st, const struct load_fault *fault)
{
	struct load_answer ans = { .verdict = 1, .item = fault->item };
	const char *text = fault->text;
	char line[2 * AUDIT_DETAIL_MAX];

	if (text == NULL || st == ST_NOMEM)
		text = st == ST_NOMEM ? "out of memory" :
		    st == ST_FULL ? "no room left in locked memory" :
		    status_name(st);
	ans.text = slice_str(text);
	c->d->rec.text = text;
	if (fault->detail[0] != '\0') {
		(void)snprintf(line, sizeof(line), "%s: %s", text,
		    fault->detail);
		ans.text = slice_str(line);
		memcpy(c->d->rec.detail, fault->detail,
		    sizeof(fault->detail));
	}
	return answer_load(c, st, &ans);
}

/* load@bottle-agent begin: a load that was under way here is given up. */
static int
load_step_begin(struct call *c, struct slice name)
{
	uint8_t public_key[LOAD_PUBLIC_KEY];
	struct load_answer ans = { .verdict = 0 };
	struct load_fault fault = { .text = NULL };
	int st;

	end_load(c->conn);
	if (c->a->lock.locked) {
		fault.text = "the agent is locked: unlock it first "
		    "(ssh-add -X)";
		return refuse_load(c, ST_LOCKED, &fault);
	}
	if ((st = load_begin(&c->conn->load, name, public_key)) != ST_OK)
		return refuse_load(c, st, &fault);
	c->d->quiet = true;
	ans.data = (struct slice){ public_key, sizeof(public_key) };
	return answer_load(c, ST_OK, &ans);
}

/* load@bottle-agent commit: the swap, and the list of what was put. */
static int
load_step_commit(struct call *c)
{
	struct load_answer ans = { .verdict = 0 };
	struct load_fault fault;
	uint8_t *room;
	struct wire_writer put;
	int st;

	if ((room = malloc(LOAD_DATA_MAX)) == NULL) {
		fault = (struct load_fault){ .text = NULL };
		return refuse_load(c, ST_NOMEM, &fault);
	}
	put = wire_writer(room, LOAD_DATA_MAX);
	(void)snprintf(c->d->rec.detail, sizeof(c->d->rec.detail), "%zu key%s",
	    load_count(c->conn->load),
	    load_count(c->conn->load) == 1 ? "" : "s");
	st = c->a->lock.locked ? ST_LOCKED :
	    load_commit(c->conn->load, c->a->ring, &put, &fault);
	if (st == ST_LOCKED)
		fault = (struct load_fault){ .text = "the agent was locked "
		    "meanwhile" };
	ans.data = (struct slice){ room, put.len };
	st = st == ST_OK ? answer_load(c, ST_OK, &ans) :
	    refuse_load(c, st, &fault);
	end_load(c->conn);
	free(room);
	return st;
}

/* load@bottle-agent remove and remove-all: no step of a load, and one that is
 * under way here goes on. */
static int
remove_load(struct call *c, struct slice name)
{
	struct load_answer ans = { .verdict = 0 };
	struct wire_writer gone;
	uint8_t *room;
	struct text t;
	size_t n;

	if ((room = malloc(LOAD_DATA_MAX)) == NULL)
		return refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    REASON_MEMORY);
	gone = wire_writer(room, LOAD_DATA_MAX);
	text_init(&t, c->d->rec.detail, sizeof(c->d->rec.detail));
	if (c->a->lock.locked) {
		ans.verdict = 1;
		ans.text = slice_str("the agent is locked: unlock it first "
		    "(bottle-agent --unlock)");
		note_refusal(c, REASON_LOCKED);
	} else {
		n = load_remove(c->a->ring, name, &gone);
		text_addf(&t, "%zu key%s of ", n, n == 1 ? "" : "s");
		c->d->done = true;
	}
	if (name.len > 0) {
		text_add(&t, "load ");
		text_escape(&t, name.p, name.len);
	} else {
		text_add(&t, "every load");
	}
	ans.data = (struct slice){ room, gone.len };
	reply_put_extension(c->w, EXT_LOAD);
	load_answer_put(c->w, &ans);
	free(room);
	return ST_OK;
}

/* load@bottle-agent */
static int
serve_load(struct call *c)
{
	const struct load_defaults defaults = { c->a->service,
		c->a->default_lifetime_s };
	struct load_answer ans = { .verdict = 0 };
	struct load_request req;
	struct load_fault fault;
	int st;

	if (load_request_decode(c->req->extension.body, &req) != ST_OK)
		return refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    REASON_LOAD_BROKEN);
	if (req.op == LOAD_BEGIN)
		return load_step_begin(c, req.arg);
	if (req.op == LOAD_REMOVE || req.op == LOAD_REMOVE_ALL)
		return remove_load(c, req.arg);
	if (c->conn->load == NULL)
		return refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    REASON_LOAD_NOT_BEGUN);
	if (req.op == LOAD_COMMIT)
		return load_step_commit(c);
	if ((st = load_chunk(c->conn->load, req.arg, &defaults, c->now_ms,
	    &fault)) != ST_OK)
		return refuse_load(c, st, &fault);
	if (req.op == LOAD_FINISH)
		return load_step_commit(c);
	c->d->quiet = true;
	return answer_load(c, ST_OK, &ans);
}

/* Counters saturate in the 32 bits of a status message. */
static uint32_t
clip(uint64_t n)
{
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

/* One key of a status message. */
static void
put_status_key(struct call *c, const struct identity *id)
{
	char rules[STATUS_RULES_MAX];
	struct text t;
	struct statusmsg_key k = {
		.type = slice_str(key_type_info(key_type(id->key))->name),
		.fingerprint = slice_str(key_fingerprint(id->key)),
		.comment = identity_comment(id),
		.load = slice_str(id->load),
		.bits = key_bits(id->key),
		.confirm = id->confirm,
		.remaining_s = STATUSMSG_NEVER,
		.signatures = clip(id->signatures),
		.refusals = clip(id->refusals),
	};

	text_init(&t, rules, sizeof(rules));
	describe_rules(&t, &id->rules);
	k.rules = (struct slice){ (const uint8_t *)t.p, t.len };
	if (id->expires_ms != KEYRING_NEVER)
		k.remaining_s = clip((uint64_t)(id->expires_ms - c->now_ms +
		    999) / 1000);
	statusmsg_put_key(c->w, &k);
}

/* The head of a status message. */
static void
put_status_head(struct call *c)
{
	struct statusmsg_head head = c->a->facts;
	struct secret_usage use;

	secret_usage(vault_region(), &use);
	head.backing = slice_str(secret_backing_name(use.backing));
	head.memory_size = (uint32_t)use.size;
	head.memory_used = (uint32_t)use.used;
	head.memory_largest = (uint32_t)use.largest;
	head.room_ed25519 = clip(key_room(KEY_ED25519, 0));
	head.room_ecdsa = clip(key_room(KEY_ECDSA_P256, 0));
	head.room_rsa3072 = clip(key_room(KEY_RSA, 3072));
	head.room_rsa4096 = clip(key_room(KEY_RSA, 4096));
	head.locked = c->a->lock.locked;
	head.uptime_s = clip((uint64_t)(c->now_ms - c->a->started_ms) / 1000);
	head.signatures = clip(c->a->signatures);
	head.refusals = clip(c->a->refusals);
	if (c->a->audit != NULL) {
		head.audit_records = clip(audit_records(c->a->audit));
		head.audit_lost = clip(audit_lost(c->a->audit));
	}
	statusmsg_put_head(c->w, &head);
}

/* The limits, and who has how much. */
static void
put_status_limits(struct call *c)
{
	struct account_usage uids[STATUSMSG_UIDS_MAX];
	enum limit_id id;
	size_t n = 0;

	wire_put_u32(c->w, c->a->limits != NULL ? LIMITS : 0);
	for (id = 0; c->a->limits != NULL && id < LIMITS; id++)
		statusmsg_put_limit(c->w, &(struct statusmsg_limit){
			slice_str(limits_name(id)), c->a->limits->value[id] });
	if (c->a->accounts != NULL)
		n = accounts_list(c->a->accounts, uids, STATUSMSG_UIDS_MAX);
	wire_put_u32(c->w, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		statusmsg_put_uid(c->w, &(struct statusmsg_uid){ uids[i].uid,
			(uint32_t)uids[i].connections, uids[i].bytes,
			uids[i].cpu_ns / 1000000 });
}

/* When a key was used last. */
static void
put_status_use(struct call *c, const struct identity *id)
{
	int64_t ago_ms = c->now_ms > id->used_ms ? c->now_ms - id->used_ms : 0;

	wire_put_u32(c->w, id->signatures == 0 ? STATUSMSG_NEVER :
	    clip((uint64_t)ago_ms / 1000));
}

/* As many keys as one reply holds, and what else is said of each of them. */
static void
put_status_keys(struct call *c)
{
	size_t n = keyring_count(c->a->ring), shown, mark;
	struct wire_writer fits;

	wire_put_u32(c->w, (uint32_t)n);
	mark = wire_open_string(c->w);
	for (shown = 0; shown < n; shown++) {
		fits = *c->w;
		put_status_key(c, keyring_at(c->a->ring, shown));
		if (c->w->full || c->w->cap - c->w->len <
		    STATUSMSG_USES_SIZE(shown + 1)) {
			*c->w = fits;
			break;
		}
	}
	wire_close_string(c->w, mark);
	mark = wire_open_string(c->w);
	for (size_t i = 0; i < shown; i++)
		put_status_use(c, keyring_at(c->a->ring, i));
	wire_close_string(c->w, mark);
}

/* status@bottle-agent */
static int
serve_status(struct call *c)
{
	const struct policy *policy = &c->a->policy;

	if (c->req->extension.body.len > 0)
		return refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    REASON_BROKEN);
	reply_put_extension(c->w, EXT_STATUS);
	put_status_head(c);
	wire_put_u32(c->w, (uint32_t)policy->n);
	for (size_t i = 0; i < policy->n; i++)
		wire_put_str(c->w, policy->rules[i].text);
	put_status_limits(c);
	put_status_keys(c);
	c->d->done = true;
	return ST_OK;
}

/* One of the last refusals; false: the reply is full. */
static bool
put_refusal(struct call *c, const struct audit_refusal *refusal,
    enum auditline_form form)
{
	struct wire_writer fits = *c->w;
	const char *remedy = reason_remedy(refusal->record.reason);
	char line[AUDITLINE_MAX];
	struct text t;

	text_init(&t, line, sizeof(line));
	auditline_write(&t, &refusal->record, form);
	explainmsg_put(c->w, &(struct explainmsg_item){
		.line = { (const uint8_t *)t.p, t.len },
		.remedy = slice_str(remedy != NULL ? remedy : ""),
		.first_ms = (uint64_t)refusal->first_ms });
	if (c->w->full)
		*c->w = fits;
	return c->w->len != fits.len;
}

/* explain@bottle-agent */
static int
serve_explain(struct call *c)
{
	struct wire_reader r = wire_reader(c->req->extension.body);
	const struct audit_refusal *refusal;
	struct wire_writer count;
	uint32_t n = 0;
	uint8_t form;

	if (wire_get_u8(&r, &form) != ST_OK || !wire_end(&r) ||
	    form > EXPLAINMSG_JSON)
		return refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    REASON_BROKEN);
	reply_put_extension(c->w, EXT_EXPLAIN);
	wire_put_u32(c->w, EXPLAINMSG_VERSION);
	count = *c->w;
	wire_put_u32(c->w, 0);
	while (c->a->audit != NULL && (refusal = audit_refusals(c->a->audit,
	    n)) != NULL && put_refusal(c, refusal, form == EXPLAINMSG_JSON ?
	    AUDITLINE_JSON : AUDITLINE_TEXT))
		n++;
	wire_put_u32(&count, n);
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
		return refuse(c, REASON_UNKNOWN_EXTENSION);
	if (approve_request_decode(c->req->extension.body, &req) != ST_OK)
		return refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    REASON_BROKEN);
	if (req.op == APPROVE_NEXT) {
		if ((st = job_next(&j)) != ST_OK)
			return refuse_status(c, st, REASON_MEMORY, NULL);
		return defer(c, j);
	}
	(void)snprintf(c->d->rec.detail, sizeof(c->d->rec.detail),
	    "%s to question %u", req.yes ? "yes" : "no", (unsigned)req.id);
	st = approver_answer(c->a->approver, &c->conn->seat, req.id, req.yes);
	return st == ST_OK ? succeed(c) : refuse_with(c,
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
	bool admin = (c->peer->ops & POLICY_ADMIN) != 0;

	if (c->d->rec.op == AUDIT_BIND)
		return serve_bind(c);
	if (c->d->rec.op == AUDIT_STATUS)
		return admin ? serve_status(c) : refuse(c, REASON_POLICY);
	if (c->d->rec.op == AUDIT_EXPLAIN)
		return admin ? serve_explain(c) : refuse(c, REASON_POLICY);
	if (c->d->rec.op == AUDIT_APPROVE)
		return admin ? serve_approve(c) : refuse(c, REASON_POLICY);
	if (c->d->rec.op == AUDIT_LOAD || c->d->rec.op == AUDIT_REMOVE_LOAD)
		return admin ? serve_load(c) : refuse(c, REASON_POLICY);
	if (c->a->lock.locked)
		return refuse(c, REASON_LOCKED);
	if (c->d->rec.op == AUDIT_QUERY)
		return serve_query(c);
	return refuse(c, REASON_UNKNOWN_EXTENSION);
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

/* Find who serves a request that was decoded and allowed. */
static int
serve(struct call *c)
{
	uint8_t type = c->req->type;

	if (type == SSH_AGENTC_EXTENSION)
		c->d->rec.op = extension_op(c->req);
	/* Over ssh -A the far host sends what it likes in the name of a peer
	 * who may have every right here. */
	if (c->a->service && !c->a->forwarded && changes(c) &&
	    bindings_forwarded(&c->conn->binds))
		return refuse(c, REASON_FORWARDED_CHANGE);
	if (!c->a->forwarded && asks_for_all(c) &&
	    bindings_forwarded(&c->conn->binds))
		return refuse(c, REASON_FORWARDED_TELLING);
	if (type == SSH_AGENTC_REQUEST_IDENTITIES)
		return serve_list(c);
	if (type == SSH_AGENTC_EXTENSION)
		return serve_extension(c);
	if (type == SSH_AGENTC_UNLOCK)
		return serve_unlock(c);
	if (c->a->lock.locked)
		return refuse(c, REASON_LOCKED);
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
		return refuse(c, REASON_UNSUPPORTED);
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
		return refuse(&c, REASON_POLICY);
	if ((st = request_decode(in->body, &req)) != ST_OK)
		return refuse(&c, st == ST_UNSUPPORTED ? REASON_UNSUPPORTED :
		    REASON_BROKEN);
	if (in->tail.len > 0 && request_is_add(d->type))
		req.add.constraints = in->tail;
	return serve(&c);
}

/* Reply with what became of a signature.  Of a key that went meanwhile there
 * is none any more; one that was replaced by itself is there. */
static int
finish_sign(struct call *c, const struct job *j)
{
	const struct signing *s = &j->sign;
	struct identity *id = keyring_find(c->a->ring, key_blob(s->key));
	enum reason why;
	int st;

	/* A question may have waited for long, and the policy be another. */
	if (!dispatch_may(c->peer, c->d->type))
		return refuse(c, REASON_POLICY);
	if (j->st == ST_OK && c->a->lock.locked)
		return refuse(c, REASON_MEANWHILE_LOCKED);
	if (id == NULL)
		return refuse(c, REASON_MEANWHILE_REMOVED);
	if (!rules_for_peer(&id->rules, c->peer))
		return refuse(c, REASON_NOT_VISIBLE);
	/* A yes was for the rules of then. */
	if (j->ask && id->key != s->key)
		return refuse(c, REASON_MEANWHILE_REPLACED);
	if (j->ask && j->st == ST_OK &&
	    rules_spend(&id->rules, c->now_ms, &why) != ST_OK) {
		st = refuse(c, why);
	} else if (j->st == ST_OK) {
		st = answer_sign(c, s);
	} else {
		if (id->key == s->key)
			id->refusals++;
		st = refuse_status(c, j->st, j->reason != REASON_NONE ?
		    j->reason : j->st == ST_DENIED ? REASON_APPROVER_NO :
		    REASON_CRYPTO, NULL);
	}
	note_place(c, id);
	return st;
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
		st = finish_sign(&c, j);
	else if (j->kind == JOB_NEXT)
		st = finish_next(&c, j);
	else
		st = answer_bind(&c, &j->bind, j->st, j->why);
	job_free(j);
	return st;
}

void
dispatch_refuse(struct agent *a, const struct peer *peer, uint8_t type,
    enum reason reason, struct wire_writer *w, struct decision *d)
{
	struct call c = { .a = a, .peer = peer, .w = w, .d = d };

	begin_record(&c, d, type);
	(void)refuse(&c, reason);
}

void
conn_fini(struct conn *conn)
{
	end_load(conn);
	approver_leave(&conn->seat);
	bindings_fini(&conn->binds);
	job_free(conn->job);
	conn->job = NULL;
}
