#include "fuzz/conversation/replies.h"

#include "agent/vault.h"
#include "fuzz/conversation/body.h"
#include "fuzz/conversation/keys.h"
#include "fuzz/conversation/secrets.h"
#include "fuzz/conversation/tell.h"
#include "fuzz/conversation/world.h"
#include "fuzz/fuzz.h"
#include "fuzz/support/answer.h"
#include "keys/seal.h"
#include "proto/agent_num.h"
#include "proto/approve.h"
#include "proto/explainmsg.h"
#include "proto/extension.h"
#include "proto/statusmsg.h"

static void
check_list(const struct expected *e, struct slice body)
{
	struct wire_reader r = wire_reader((struct slice){ body.p + 1,
		body.len - 1 });
	struct slice blob, comment;
	uint32_t n = 0;
	int st;

	assert(body.p[0] == SSH_AGENT_IDENTITIES_ANSWER);
	st = wire_get_u32(&r, &n);
	assert(st == ST_OK && n == e->list.n);
	for (size_t i = 0; i < e->list.n; i++) {
		st = wire_get_string(&r, &blob);
		assert(st == ST_OK);
		st = wire_get_string(&r, &comment);
		assert(st == ST_OK);
		assert(slice_eq(blob, keys[e->list.at[i].key]->blob));
		assert(slice_eq_str(
		    comment, keys_comments[e->list.at[i].comment]));
	}
	assert(wire_end(&r));
}

static void
check_signature(const struct expected *e, struct slice body)
{
	static uint8_t room[4096];
	struct wire_writer data = wire_writer(room, sizeof(room));
	struct slice sig = answer_signature(body);

	body_put_data(&data, &e->ask);
	assert(testkey_verify(keys[e->ask.key], sig, keys_algorithm(e->ask.key,
	    e->ask.flags), fuzz_written(&data)));
}

static void
check_query(const struct expected *e, struct slice body)
{
	struct wire_reader r = answer_contents(body, EXT_QUERY);
	struct slice name;
	unsigned n = 0;
	int st;

	for (; !wire_end(&r); n++) {
		st = wire_get_string(&r, &name);
		assert(st == ST_OK);
	}
	assert(n == e->names);
}

/* What follows the head, as far as the number of keys. */
static void
check_status_keys(const struct expected *e, struct wire_reader r)
{
	struct statusmsg_limit limit;
	struct statusmsg_uid uid;
	struct slice rule;
	uint32_t n = 0;
	int st;

	st = wire_get_u32(&r, &n);
	for (; st == ST_OK && n > 0; n--)
		st = wire_get_string(&r, &rule);
	assert(st == ST_OK);
	st = wire_get_u32(&r, &n);
	for (; st == ST_OK && n > 0; n--)
		st = statusmsg_get_limit(&r, &limit);
	assert(st == ST_OK);
	st = wire_get_u32(&r, &n);
	for (; st == ST_OK && n > 0; n--)
		st = statusmsg_get_uid(&r, &uid);
	assert(st == ST_OK);
	st = wire_get_u32(&r, &n);
	assert(st == ST_OK && n == e->keys);
}

static void
check_status(const struct expected *e, struct slice body)
{
	struct wire_reader r = answer_contents(body, EXT_STATUS);
	struct statusmsg_head head;
	int st;

	st = statusmsg_get_head(&r, &head);
	assert(st == ST_OK && head.locked == e->ask.yes);
	assert(head.signatures == e->signatures);
	assert(head.refusals == e->refusals);
	check_status_keys(e, r);
}

static void
check_explain(const struct expected *e, struct slice body)
{
	struct wire_reader r = answer_contents(body, EXT_EXPLAIN);
	struct explainmsg_item item;
	uint32_t version = 0, n = 0;
	int st;

	st = wire_get_u32(&r, &version);
	assert(st == ST_OK && version == EXPLAINMSG_VERSION);
	st = wire_get_u32(&r, &n);
	assert(st == ST_OK && n <= AUDIT_REFUSALS_MAX);
	assert(e->refusals == 0 || n > 0);
	for (; n > 0; n--) {
		st = explainmsg_get(&r, &item);
		assert(st == ST_OK);
		for (size_t i = 0; i < item.line.len; i++)
			assert(item.line.p[i] >= 0x20);
	}
	assert(wire_end(&r));
}

/* The question is one that nobody has. */
static void
check_question(struct side *s, struct slice body)
{
	struct wire_reader r = answer_contents(body, EXT_APPROVE);
	struct approve_question q;
	struct side *asker = NULL;
	int st;

	st = approve_question_get(&r, &q);
	assert(st == ST_OK && wire_end(&r) && q.id != 0);
	for (size_t i = 0; i < CONNS; i++)
		if (world.sides[i].busy == ASKING &&
		    world.sides[i].question == 0 &&
		    world.sides[i].pid == (pid_t)q.pid)
			asker = &world.sides[i];
	assert(asker != NULL);
	assert(q.uid == model_peers[asker->peer].uid);
	assert(q.left_ms == (asker->until_ms == MODEL_NEVER ?
	    APPROVE_NO_LIMIT : asker->until_ms - stage_now_ms()));
	asker->question = world.last_question = q.id;
	asker->given_to = s;
}

static void
check_load(struct side *s, const struct expected *e, struct slice body)
{
	struct wire_reader r = answer_contents(body, EXT_LOAD);
	struct load_answer ans;
	int st;

	st = load_answer_decode(&r, &ans);
	assert(st == ST_OK && wire_end(&r));
	assert((ans.verdict != 0) == e->refused);
	assert((ans.text.len > 0) == e->refused);
	if (e->kind != ASK_BEGIN || e->refused || s->closing)
		return;
	assert(ans.data.len == LOAD_PUBLIC_KEY);
	st = sealer_new(&s->sealer, vault_region(), ans.data.p, s->head);
	assert(st == ST_OK);
	s->head_len = HEAD;
}

void
replies_check(struct side *s, const struct expected *e, struct slice body)
{
	tell("  %d gets %u, should %u\n", (int)(s - world.sides), body.p[0],
	    e->code);
	secrets_check(body.p, body.len);
	if (e->code != 0)
		assert(body.len == 1 && body.p[0] == e->code);
	else if (e->kind == ASK_LIST)
		check_list(e, body);
	else if (e->kind == ASK_SIGN)
		check_signature(e, body);
	else if (e->kind == ASK_QUERY)
		check_query(e, body);
	else if (e->kind == ASK_STATUS)
		check_status(e, body);
	else if (e->kind == ASK_EXPLAIN)
		check_explain(e, body);
	else if (e->kind == ASK_NEXT)
		check_question(s, body);
	else
		check_load(s, e, body);
}

bool
replies_is_refusal(enum kind kind, struct slice body)
{
	struct load_answer ans;
	struct wire_reader r;
	int st;

	if (body.len == 1)
		return body.p[0] == SSH_AGENT_FAILURE ||
		    body.p[0] == SSH_AGENT_EXTENSION_FAILURE;
	if (ask_kinds[kind].op != AUDIT_LOAD &&
	    ask_kinds[kind].op != AUDIT_REMOVE_LOAD)
		return false;
	r = answer_contents(body, EXT_LOAD);
	st = load_answer_decode(&r, &ans);
	assert(st == ST_OK && wire_end(&r));
	return ans.verdict != 0;
}
