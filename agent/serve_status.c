/*
 * serve_status - what an admin is told: the state of the agent, and why it has
 * refused.
 */
#include "agent/serve.h"

#include "agent/account.h"
#include "agent/auditline.h"
#include "agent/describe.h"
#include "agent/limits.h"
#include "agent/vault.h"
#include "base/text.h"
#include "proto/agent_num.h"
#include "proto/explainmsg.h"
#include "proto/extension.h"
#include "proto/reply.h"

/* Most that status says about the rules of one key. */
#define STATUS_RULES_MAX	512

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

int
serve_status(struct call *c)
{
	const struct policy *policy = &c->a->policy;

	if (c->req->extension.body.len > 0)
		return call_refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
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

int
serve_explain(struct call *c)
{
	struct wire_reader r = wire_reader(c->req->extension.body);
	const struct audit_refusal *refusal;
	struct wire_writer count;
	uint32_t n = 0;
	uint8_t form;

	if (wire_get_u8(&r, &form) != ST_OK || !wire_end(&r) ||
	    form > EXPLAINMSG_JSON)
		return call_refuse_with(c, SSH_AGENT_EXTENSION_FAILURE,
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
