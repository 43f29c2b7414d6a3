#include "agent/dispatch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/vault.h"
#include "agent/verify.h"
#include "base/pattern.h"
#include "base/text.h"
#include "proto/constraint.h"
#include "proto/extension.h"
#include "proto/frame.h"
#include "proto/reply.h"
#include "proto/request.h"
#include "proto/signdata.h"

/* One request being served. */
struct call {
	struct agent		*a;
	struct conn		*conn;
	const struct peer	*peer;
	const struct request	*req;
	int64_t			 now_ms;
	int64_t			 wall_s;
	struct wire_writer	*w;
	struct decision		*d;
};

/* What a message needs; a type that is not here needs nothing. */
static unsigned
needed_op(uint8_t type)
{
	switch (type) {
	case SSH_AGENTC_REQUEST_IDENTITIES:
		return POLICY_LIST;
	case SSH_AGENTC_SIGN_REQUEST:
		return POLICY_SIGN;
	case SSH_AGENTC_ADD_IDENTITY:
	case SSH_AGENTC_ADD_ID_CONSTRAINED:
		return POLICY_ADD;
	case SSH_AGENTC_REMOVE_IDENTITY:
	case SSH_AGENTC_REMOVE_ALL_IDENTITIES:
	case SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES:
		return POLICY_REMOVE;
	case SSH_AGENTC_LOCK:
	case SSH_AGENTC_UNLOCK:
		return POLICY_LOCK;
	default:
		return 0;
	}
}

bool
dispatch_may(const struct peer *peer, uint8_t type)
{
	unsigned op = needed_op(type);

	return (peer->ops & op) == op;
}

/* Answer with one byte of bad news. */
static int
refuse_with(struct call *c, uint8_t code, const char *reason)
{
	reply_put_code(c->w, code);
	c->d->done = false;
	c->d->reason = reason;
	c->a->refusals++;
	return ST_OK;
}

static int
refuse(struct call *c, const char *reason)
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

/* Refuse for a status that some step came back with.  A fault of ours costs
 * the request, not the agent: running out of memory is the peer's loss. */
static int
refuse_status(struct call *c, int st, const char *reason)
{
	return refuse(c, st == ST_NOMEM ? "out of memory" :
	    st == ST_FULL && reason == NULL ? "no room left in locked memory" :
	    reason != NULL ? reason : status_name(st));
}

/* Remember which key it was about: the plain one, as ssh-keygen has it. */
static void
note_key(struct call *c, const struct key *key)
{
	key_fingerprint_as(key, c->a->hash, c->d->fingerprint);
}

/* Where and when the request was made. */
static struct rules_place
place(const struct call *c)
{
	return (struct rules_place){ &c->conn->binds, c->now_ms, c->wall_s };
}

/* The identity with that blob, if it is there for this connection. */
static struct identity *
find_visible(struct call *c, struct slice blob, const char **why)
{
	struct identity *id = keyring_find(c->a->ring, blob);
	struct rules_place at = place(c);

	*why = "no such key";
	return id != NULL && rules_visible(&id->rules, &at, why) == ST_OK ?
	    id : NULL;
}

/* 11: what this connection can use; nothing while locked, which is no
 * failure. */
static int
serve_list(struct call *c)
{
	size_t n = c->a->lock.locked ? 0 : keyring_count(c->a->ring);
	struct rules_place at = place(c);
	struct wire_writer count = *c->w;
	struct identity *id;
	uint32_t listed = 0;

	reply_put_list(c->w, 0);
	for (size_t i = 0; i < n; i++) {
		id = keyring_at(c->a->ring, i);
		if (!rules_listed(&id->rules, &at))
			continue;
		reply_put_identity(c->w, key_blob(id->key),
		    identity_comment(id));
		listed++;
	}
	assert(!c->w->full);	/* keyring_put() saw to it */
	reply_put_list(&count, listed);
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
	if (id != NULL && id->key == s->key)
		id->signatures++;
	c->a->signatures++;
	c->d->done = true;
	return ST_OK;
}

/* Why a signature cannot even be prepared. */
static int
refuse_signing(struct call *c, const struct identity *id, int st)
{
	if (st != ST_UNSUPPORTED)
		return refuse_status(c, st, NULL);
	return refuse(c, key_type_info(key_type(id->key))->sk ?
	    "the key is in an authenticator, which is not here" :
	    (c->req->sign.flags & ~(SSH_AGENT_RSA_SHA2_256 |
	    SSH_AGENT_RSA_SHA2_512)) != 0 ?
	    "signature flags that are not known" :
	    "SHA-1 RSA signatures need --legacy-rsa");
}

/* Remember what is to be signed, in words; names of a peer are cut and cannot
 * write lines of their own. */
static void
note_what(struct call *c, const struct signdata *sd)
{
	struct text t;

	text_init(&t, c->d->what, sizeof(c->d->what));
	if (sd->kind == SIGNDATA_USERAUTH) {
		text_add(&t, "login as ");
		text_escape(&t, sd->userauth.user.p, sd->userauth.user.len);
	} else if (sd->kind == SIGNDATA_SSHSIG) {
		text_add(&t, "SSHSIG for ");
		text_escape(&t, sd->sshsig.ns.p, sd->sshsig.ns.len);
	} else {
		text_add(&t, "other data");
	}
}

/* Whether a key may sign this now; counts it if so and nobody is asked. */
static int
allow_sign(struct call *c, struct identity *id, const char **why)
{
	struct rules_place at = place(c);
	struct signdata sd;

	signdata_classify(c->req->sign.data, &sd);
	note_what(c, &sd);
	*why = "more than a login over a forwarded connection";
	if (sd.kind != SIGNDATA_USERAUTH && c->a->service && !c->a->forwarded &&
	    bindings_forwarded(&c->conn->binds))
		return ST_DENIED;
	if (rules_sign(&id->rules, &at, &sd, key_blob(id->key), why) != ST_OK)
		return ST_DENIED;
	*why = "the key needs a confirmation and there is nobody to ask";
	if (id->confirm && !c->a->can_ask)
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

	if (c->a->defer && (id->confirm || key_is_dear(id->key))) {
		if ((st = job_sign(&j, s)) != ST_OK)
			return refuse_status(c, st, NULL);
		memcpy(j->what, c->d->what, sizeof(j->what));
		if ((j->ask = id->confirm))
			write_prompt(j, id, c->d->fingerprint);
		return defer(c, j);
	}
	assert(!id->confirm);	/* allow_sign() and server_new() see to it */
	if ((st = signing_run(s)) != ST_OK) {
		id->refusals++;
		return refuse_status(c, st, NULL);
	}
	return answer_sign(c, s);
}

/* 13 */
static int
serve_sign(struct call *c)
{
	struct signing s;
	struct identity *id;
	const char *why;
	int st;

	if ((id = keyring_find(c->a->ring, c->req->sign.blob)) == NULL)
		return refuse(c, "no such key");
	note_key(c, id->key);
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
	signing_fini(&s);
	return st;
}

/* The library of an sk key: nobody will ever load it here, but it is asked for
 * as ssh-agent would load it.  Why not, or NULL. */
static const char *
provider_fault(const struct call *c, const struct constraints *limits)
{
	static const char standard[] = "/usr/lib*/*,/usr/local/lib*/*";
	const char *list = c->a->providers != NULL ? c->a->providers : standard;
	struct slice p = limits->sk_provider;

	if (!limits->has_sk_provider)
		return NULL;
	if (!key_type_info(c->req->add.key.type)->sk)
		return "an authenticator's library for a key that is not of "
		    "one";
	if (p.len == 8 && strncasecmp((const char *)p.p, "internal", 8) == 0)
		return NULL;
	if (c->conn->binds.attempted && !c->a->remote_providers)
		return "an authenticator's library over a bound connection";
	if (p.len == 0 || p.p[0] != '/' || memmem(p.p, p.len, "/../",
	    4) != NULL || !pattern_list_match(list, strlen(list),
	    (const char *)p.p, p.len))
		return "an authenticator's library that is not in the allowed "
		    "places";
	return NULL;
}

/* Make an identity of an add, apart from all others. */
static int
make_identity(struct call *c, const struct constraints *limits,
    struct identity **out, const char **why)
{
	struct key *key = NULL;
	int st;

	if ((st = key_new(&key, &c->req->add.key, why)) != ST_OK)
		return st;
	note_key(c, key);
	*why = NULL;
	if ((st = identity_new(out, key, c->req->add.comment)) != ST_OK) {
		key_free(key);
		return st;
	}
	return identity_limit(*out, limits, c->a->service,
	    c->a->default_lifetime_s, c->now_ms);
}

/* 17 and 25: nothing is stored unless every part of it was good. */
static int
serve_add(struct call *c)
{
	struct identity *id = NULL, *old;
	struct rules_place at = place(c);
	struct constraints limits;
	const char *why = NULL;
	int st;

	st = constraint_parse(c->req->add.constraints, &limits);
	if (st != ST_OK)
		return refuse(c, st == ST_UNSUPPORTED ?
		    "a constraint that this agent does not enforce" :
		    "broken constraints");
	if ((why = provider_fault(c, &limits)) != NULL)
		return refuse(c, why);
	if ((st = make_identity(c, &limits, &id, &why)) != ST_OK)
		goto out;
	old = keyring_find(c->a->ring, key_blob(id->key));
	if (old != NULL && (st = rules_visible(&old->rules, &at, &why)) !=
	    ST_OK)
		goto out;
	st = keyring_put(c->a->ring, &id, 1, NULL, &why);
out:
	identity_free(id);
	return st == ST_OK ? succeed(c) : refuse_status(c, st, why);
}

/* 18 */
static int
serve_remove(struct call *c)
{
	const char *why;
	struct identity *id = find_visible(c, c->req->remove.blob, &why);

	if (id == NULL)
		return refuse(c, why);
	note_key(c, id->key);
	keyring_remove(c->a->ring, id);
	return succeed(c);
}

/* 19, and 9 which ssh-add -D sends after it */
static int
serve_remove_all(struct call *c)
{
	keyring_clear(c->a->ring);
	return succeed(c);
}

/* 22 */
static int
serve_lock(struct call *c)
{
	int st = lock_set(&c->a->lock, c->req->lock.passphrase);

	return st == ST_OK ? succeed(c) : refuse_status(c, st,
	    st == ST_LOCKED ? "locked already" :
	    st == ST_MALFORMED ? "an empty passphrase" : NULL);
}

/* 23 */
static int
serve_unlock(struct call *c)
{
	int st = lock_clear(&c->a->lock, c->req->lock.passphrase, c->now_ms,
	    &c->d->delay_ms);

	return st == ST_OK ? succeed(c) : refuse_status(c, st,
	    st == ST_NOT_FOUND ? "not locked" :
	    st == ST_DENIED ? "wrong passphrase, or tried too soon" :
	    st == ST_MALFORMED ? "an empty passphrase" : NULL);
}

/* query: the names of what this peer can use, in OpenSSH 10.4's form. */
static int
serve_query(struct call *c)
{
	reply_put_extension(c->w, EXT_QUERY);
	wire_put_str(c->w, EXT_SESSION_BIND);
	if ((c->peer->ops & POLICY_ADMIN) != 0) {
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
    const char *why)
{
	if (st == ST_OK)
		st = bindings_add(&c->conn->binds, req->hostkey,
		    req->session_id, req->forwarding, &why);
	if (st != ST_OK && st != ST_DENIED)
		c->conn->binds.gap = true;
	return st == ST_OK ? succeed(c) : refuse_with(c,
	    SSH_AGENT_EXTENSION_FAILURE, why != NULL ? why : status_name(st));
}

/* session-bind@openssh.com: also while locked, so that nobody can get at keys
 * by having a lock in the way of a bind. */
static int
serve_bind(struct call *c)
{
	struct bind_request req;
	const char *why = NULL;
	struct job *j;
	int st;

	c->conn->binds.attempted = true;
	if (bind_request_decode(c->req->extension.body, &req) != ST_OK)
		return refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    "a broken bind");
	if (req.session_id.len > BINDING_SESSION_ID_MAX)
		return refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    "a session id that is too long");
	if (!c->a->defer) {
		st = verify_host(req.hostkey, req.session_id, req.signature,
		    &why);
		return answer_bind(c, &req, st, why);
	}
	if ((st = job_bind(&j, &req)) != ST_OK)
		return answer_bind(c, &req, st, "out of memory");
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
	c->d->reason = "the load was refused";
	c->a->refusals++;
	end_load(c->conn);
	return ST_OK;
}

/* Tell the loader why not. */
static int
refuse_load(struct call *c, int st, const struct load_fault *fault)
{
	struct load_answer ans = { .verdict = 1, .item = fault->item };
	const char *text = fault->text;

	if (text == NULL || st == ST_NOMEM)
		text = st == ST_NOMEM ? "out of memory" :
		    st == ST_FULL ? "no room left in locked memory" :
		    status_name(st);
	ans.text = slice_str(text);
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
		    "a broken load request");
	if (req.op == LOAD_BEGIN)
		return load_step_begin(c, req.arg);
	if (c->conn->load == NULL)
		return refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    "no load was begun on this connection");
	if (req.op == LOAD_COMMIT)
		return load_step_commit(c);
	if ((st = load_chunk(c->conn->load, req.arg, &defaults, c->now_ms,
	    &fault)) != ST_OK)
		return refuse_load(c, st, &fault);
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

	if (id->expires_ms != KEYRING_NEVER)
		k.remaining_s = clip((uint64_t)(id->expires_ms - c->now_ms +
		    999) / 1000);
	statusmsg_put_key(c->w, &k);
}

/* status@bottle-agent */
static int
serve_status(struct call *c)
{
	struct statusmsg_head head = c->a->facts;
	const struct policy *policy = &c->a->policy;
	struct wire_writer fits;
	struct secret_usage use;
	size_t mark;

	if (c->req->extension.body.len > 0)
		return refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
		    "a broken status request");
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

	reply_put_extension(c->w, EXT_STATUS);
	statusmsg_put_head(c->w, &head);
	wire_put_u32(c->w, (uint32_t)policy->n);
	for (size_t i = 0; i < policy->n; i++)
		wire_put_str(c->w, policy->rules[i].text);
	wire_put_u32(c->w, (uint32_t)keyring_count(c->a->ring));
	mark = wire_open_string(c->w);
	for (size_t i = 0; i < keyring_count(c->a->ring); i++) {
		fits = *c->w;
		put_status_key(c, keyring_at(c->a->ring, i));
		if (c->w->full) {	/* as many as one reply holds */
			*c->w = fits;
			break;
		}
	}
	wire_close_string(c->w, mark);
	c->d->done = true;
	return ST_OK;
}

/* 27: a name that we do not know, or that this peer may not use, fails as an
 * unknown message does.  While locked only status and binds are answered. */
static int
serve_extension(struct call *c)
{
	struct slice name = c->req->extension.name;
	bool admin = (c->peer->ops & POLICY_ADMIN) != 0;

	if (slice_eq_str(name, EXT_SESSION_BIND))
		return serve_bind(c);
	if (slice_eq_str(name, EXT_STATUS))
		return admin ? serve_status(c) :
		    refuse(c, "status needs admin");
	if (slice_eq_str(name, EXT_LOAD))
		return admin ? serve_load(c) : refuse(c, "load needs admin");
	if (c->a->lock.locked)
		return refuse(c, "the agent is locked");
	if (slice_eq_str(name, EXT_QUERY))
		return serve_query(c);
	return refuse(c, "an extension that is not known");
}

/* Whether a request would change what the agent holds. */
static bool
changes(const struct call *c)
{
	return (needed_op(c->req->type) & (POLICY_ADD | POLICY_REMOVE |
	    POLICY_LOCK)) != 0 || (c->req->type == SSH_AGENTC_EXTENSION &&
	    slice_eq_str(c->req->extension.name, EXT_LOAD));
}

/* Find who serves a request that was decoded and allowed. */
static int
serve(struct call *c)
{
	uint8_t type = c->req->type;

	/* Over ssh -A the far host sends what it likes in the name of a peer
	 * who may have every right here. */
	if (c->a->service && !c->a->forwarded && changes(c) &&
	    bindings_forwarded(&c->conn->binds))
		return refuse(c, "a change over a forwarded connection");
	if (type == SSH_AGENTC_REQUEST_IDENTITIES)
		return serve_list(c);
	if (type == SSH_AGENTC_EXTENSION)
		return serve_extension(c);
	if (type == SSH_AGENTC_UNLOCK)
		return serve_unlock(c);
	if (c->a->lock.locked)
		return refuse(c, "the agent is locked");
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
		return refuse(c, "a message that is not served");
	}
}

int
dispatch(struct agent *a, struct conn *conn, const struct peer *peer,
    const struct arrival *in, struct wire_writer *w, struct decision *d)
{
	struct request req;
	struct call c = { a, conn, peer, &req, in->now_ms, in->wall_s, w, d };
	int st;

	assert(in->body.len > 0 && conn->job == NULL);
	memset(d, 0, sizeof(*d));
	d->type = in->body.p[0];
	(void)keyring_expire(a->ring, in->now_ms);
	if (!dispatch_may(peer, d->type))
		return refuse(&c, "policy does not allow it");
	if ((st = request_decode(in->body, &req)) != ST_OK)
		return refuse(&c, st == ST_UNSUPPORTED ?
		    "a message or key type that is not served" :
		    "a broken request");
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
	const char *why;

	note_key(c, s->key);
	memcpy(c->d->what, j->what, sizeof(j->what));
	if (j->st == ST_OK && c->a->lock.locked)
		return refuse(c, "the agent was locked meanwhile");
	if (id == NULL)
		return refuse(c, "the key was taken away meanwhile");
	/* A yes was for the rules of then. */
	if (j->ask && id->key != s->key)
		return refuse(c, "the key was replaced meanwhile");
	if (j->ask && j->st == ST_OK &&
	    rules_spend(&id->rules, c->now_ms, &why) != ST_OK)
		return refuse(c, why);
	if (j->st == ST_OK)
		return answer_sign(c, s);
	if (id->key == s->key)
		id->refusals++;
	return refuse_status(c, j->st, j->st == ST_DENIED ?
	    "nobody said yes to the use of the key" : NULL);
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
	memset(d, 0, sizeof(*d));
	d->type = j->type;
	if (j->kind == JOB_SIGN)
		st = finish_sign(&c, j);
	else
		st = answer_bind(&c, &j->bind, j->st, j->why);
	job_free(j);
	return st;
}

void
dispatch_refuse(struct agent *a, uint8_t type, const char *reason,
    struct wire_writer *w, struct decision *d)
{
	memset(d, 0, sizeof(*d));
	d->type = type;
	d->reason = reason;
	reply_put_code(w, SSH_AGENT_FAILURE);
	a->refusals++;
}

void
conn_fini(struct conn *conn)
{
	end_load(conn);
	bindings_fini(&conn->binds);
	job_free(conn->job);
	conn->job = NULL;
}
