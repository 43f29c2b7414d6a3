/*
 * Reaches: dispatch.c and all that it serves: keyring, key, lock, load, seal,
 *          policy operations, the codecs.
 * Claims:  nothing is negative; every request gets exactly one reply, whole
 *          and of a kind that belongs to it; what is granted and what is
 *          refused is what a model of its own says, which knows keys by their
 *          number and never reads the agent; the keys, their order, comments,
 *          lifetimes and loads are the model's after every request; so a peer
 *          without the operation changes nothing; every signature verifies; a
 *          load exists only where admin is; binds are kept in their order,
 *          none after one for a login and no forged one; at the end the vault
 *          is as empty as before.
 * Input:   default lifetime and whether jobs are deferred, legacy RSA,
 *          operations of four connections, then steps: connection, clock, kind,
 *          what the kind takes.
 */

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "agent/dispatch.h"
#include "agent/vault.h"
#include "fuzz/fuzz.h"
#include "fuzz/support/answer.h"
#include "fuzz/support/choice.h"
#include "fuzz/support/keyset.h"
#include "fuzz/support/vaultuse.h"
#include "keys/seal.h"
#include "proto/agent_num.h"
#include "proto/bundle.h"
#include "proto/extension.h"
#include "proto/frame.h"
#include "proto/request.h"

#define CONNS		4
#define KEYS		5
#define STEPS_MAX	60
#define HEAD		(BUNDLE_SEALED + BUNDLE_HEADER)

/* What the model knows of a key that the agent should hold. */
struct held {
	unsigned	 key;		/* index of keys[] */
	bool		 confirm;
	int64_t		 expires_ms;
	const char	*load;		/* static */
	char		 comment[64];
	size_t		 comment_len;
};

struct set {
	struct held	 at[KEYS];
	size_t		 n;
};

/* Where a load is, as far as its sender can know. */
enum stage {
	STAGE_NONE,
	STAGE_OPEN,
	STAGE_ENDED,
	STAGE_SPOILED,		/* bytes went in that nobody sealed */
};

struct side {
	struct conn	 conn;
	struct peer	 peer;
	enum stage	 stage;
	struct sealer	*sealer;
	uint8_t		 head[HEAD];	/* not sent yet, head_len of it */
	size_t		 head_len;
	const char	*name;
	struct set	 staged;
	uint32_t	 records;
};

static struct testkey *keys[KEYS];

/* All of one run. */
static struct agent agent;
static struct side sides[CONNS];
static struct set model;
static struct {
	bool		 locked, known;
	unsigned	 passphrase, failures;
	int64_t		 busy_ms;
} model_lock;
static int64_t now;
static struct wire_reader steps;
static uint8_t request_room[FRAME_BODY_MAX], reply_room[FRAME_BODY_MAX];
static struct slice reply;
static struct decision decision;

static const char *const comments[] = { "", "a", "key", "a longer comment" };
static const char *const passphrases[] = { "", "pw", "other", "longer pw" };
static const char *const loads[] = { "", "work", "play" };

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* The next choice of the steps. */
static uint8_t
take(void)
{
	return choice_byte(&steps);
}

static unsigned
pick(size_t n)
{
	return choice_of(&steps, n);
}

/*
 * The model.
 */

static bool
may(const struct side *s, unsigned op)
{
	return (s->peer.ops & op) != 0;
}

static struct held *
held(struct set *set, unsigned key)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->at[i].key == key)
			return &set->at[i];
	return NULL;
}

static void
set_drop(struct set *set, size_t i)
{
	set->n--;
	memmove(&set->at[i], &set->at[i + 1],
	    (set->n - i) * sizeof(set->at[0]));
}

/* One more, or another for the same key in its place. */
static void
set_put(struct set *set, const struct held *h)
{
	struct held *old = held(set, h->key);

	if (old == NULL)
		old = &set->at[set->n++];
	*old = *h;
}

static void
model_expire(void)
{
	for (size_t i = model.n; i-- > 0;)
		if (model.at[i].expires_ms <= now)
			set_drop(&model, i);
}

static void
model_commit(struct side *s)
{
	for (size_t i = model.n; i-- > 0;)
		if (s->name[0] != '\0' &&
		    strcmp(model.at[i].load, s->name) == 0 &&
		    held(&s->staged, model.at[i].key) == NULL)
			set_drop(&model, i);
	for (size_t i = 0; i < s->staged.n; i++)
		set_put(&model, &s->staged.at[i]);
}

static void
check_identity(const struct identity *id, const struct held *h)
{
	struct slice comment = identity_comment(id);

	assert(slice_eq(key_blob(id->key), keys[h->key]->blob));
	assert(slice_eq(comment, (struct slice){ (const uint8_t *)h->comment,
	    h->comment_len }));
	assert(id->confirm == h->confirm);
	assert(id->expires_ms == h->expires_ms);
	assert(strcmp(id->load, h->load) == 0);
}

/* The agent holds what the model holds. */
static void
check_state(void)
{
	assert(keyring_count(agent.ring) == model.n);
	for (size_t i = 0; i < model.n; i++)
		check_identity(keyring_at(agent.ring, i), &model.at[i]);
	assert(agent.lock.locked == model_lock.locked);
	for (size_t i = 0; i < CONNS; i++) {
		assert(sides[i].conn.load == NULL ||
		    may(&sides[i], POLICY_ADMIN));
		assert((sides[i].conn.load == NULL) ==
		    (sides[i].stage == STAGE_NONE));
	}
}

/*
 * Requests and replies.
 */

/* Have a body served. */
static void
serve(struct side *s, struct slice body)
{
	struct wire_writer w = wire_writer(reply_room, sizeof(reply_room));
	uint8_t *copy = fuzz_alloc(body.len);
	struct arrival in;
	int st;

	memcpy(copy, body.p, body.len);
	model_expire();
	in = (struct arrival){ .body = { copy, body.len }, .now_ms = now,
		.wall_s = now / 1000 };
	st = dispatch(&agent, &s->conn, &s->peer, &in, &w, &decision);
	free(copy);
	assert((st == ST_MORE) == (s->conn.job != NULL));
	if (st == ST_MORE) {
		/* What a worker does, and then the rest. */
		assert(agent.defer && w.len == 0 && !s->conn.job->ask);
		job_run(s->conn.job);
		st = dispatch_finish(&agent, &s->conn, &s->peer, now, &w,
		    &decision);
		assert(s->conn.job == NULL);
	}
	assert(st == ST_OK);
	reply = fuzz_written(&w);
	assert(reply.len > 0 && decision.type == body.p[0]);
	assert(decision.done == (decision.rec.reason == REASON_NONE));
}

/* The reply is this one byte. */
static void
expect_code(uint8_t code)
{
	assert(reply.len == 1 && reply.p[0] == code);
	assert(decision.done == (code == SSH_AGENT_SUCCESS));
}

static struct wire_writer
request(uint8_t type)
{
	struct wire_writer w = wire_writer(request_room,
	    sizeof(request_room));

	wire_put_u8(&w, type);
	return w;
}

static struct wire_writer
extension(const char *name)
{
	struct wire_writer w = request(SSH_AGENTC_EXTENSION);

	wire_put_str(&w, name);
	return w;
}

/* Constraints, and what they make of a key; false: to be refused. */
static bool
put_constraints(struct wire_writer *w, unsigned code, struct held *h)
{
	static const struct {
		const char	*bytes;
		size_t		 len;
		bool		 good, confirm;
		int		 lifetime_s;	/* -1: none */
	} table[] = {
		{ "", 0, true, false, -1 },
		{ "\x01\0\0\0\x05", 5, true, false, 5 },
		{ "\x02", 1, true, true, -1 },
		{ "\x02\x01\0\0\0\x3c", 6, true, true, 60 },
		{ "\x01\0\0\0\0", 5, true, false, 0 },
		{ "\xff\0\0\0\x01x", 6, false, false, -1 },
		{ "\x02\x02", 2, false, false, -1 },
		{ "\x01\0\0", 3, false, false, -1 },
	};
	int lifetime_s = table[code].lifetime_s;

	wire_put_bytes(w, (struct slice){ (const uint8_t *)table[code].bytes,
	    table[code].len });
	h->confirm = table[code].confirm;
	h->expires_ms = KEYRING_NEVER;
	if (lifetime_s < 0 && agent.default_lifetime_s > 0)
		lifetime_s = (int)agent.default_lifetime_s;
	if (lifetime_s >= 0)
		h->expires_ms = now + (int64_t)lifetime_s * 1000;
	return table[code].good;
}

/* An add without its message number; false: to be refused. */
static bool
put_add(struct wire_writer *w, struct held *h)
{
	const char *comment;

	memset(h, 0, sizeof(*h));
	h->key = pick(KEYS);
	h->load = "";
	comment = comments[pick(4)];
	h->comment_len = strlen(comment);
	memcpy(h->comment, comment, h->comment_len);
	keyprivate_put(w, &keys[h->key]->fields);
	wire_put_str(w, comment);
	return put_constraints(w, pick(8), h);
}

static void
step_list(struct side *s)
{
	struct wire_writer w = request(SSH_AGENTC_REQUEST_IDENTITIES);
	struct slice blob, comment;
	struct wire_reader r;
	uint32_t count = 0;
	size_t n;
	int st;

	serve(s, fuzz_written(&w));
	if (!may(s, POLICY_LIST)) {
		expect_code(SSH_AGENT_FAILURE);
		return;
	}
	n = model_lock.locked ? 0 : model.n;
	r = wire_reader((struct slice){ reply.p + 1, reply.len - 1 });
	assert(reply.p[0] == SSH_AGENT_IDENTITIES_ANSWER);
	st = wire_get_u32(&r, &count);
	assert(st == ST_OK && count == n);
	for (size_t i = 0; i < n; i++) {
		st = wire_get_string(&r, &blob);
		assert(st == ST_OK);
		st = wire_get_string(&r, &comment);
		assert(st == ST_OK);
		assert(slice_eq(blob, keys[model.at[i].key]->blob));
		assert(comment.len == model.at[i].comment_len && memcmp(
		    comment.p, model.at[i].comment, comment.len) == 0);
	}
	assert(wire_end(&r));
}

static void
step_sign(struct side *s)
{
	struct wire_writer w = request(SSH_AGENTC_SIGN_REQUEST);
	unsigned key = pick(KEYS);
	uint32_t flags = take() & 0x0f;
	uint8_t data[256] = { 0 };
	struct slice what = { data, take() };
	const char *name = keyset_algorithm(keys[key], flags,
	    agent.legacy_rsa);
	const struct held *h;

	wire_put_string(&w, keys[key]->blob);
	wire_put_string(&w, what);
	wire_put_u32(&w, flags);
	serve(s, fuzz_written(&w));
	h = held(&model, key);
	if (!may(s, POLICY_SIGN) || model_lock.locked || h == NULL ||
	    h->confirm || name == NULL) {
		expect_code(SSH_AGENT_FAILURE);
		return;
	}
	assert(testkey_verify(keys[key], answer_signature(reply), name,
	    what));
}

static void
step_add(struct side *s)
{
	struct wire_writer w = request(take() % 2 == 0 ?
	    SSH_AGENTC_ADD_IDENTITY : SSH_AGENTC_ADD_ID_CONSTRAINED);
	struct held h;
	bool good = put_add(&w, &h);

	serve(s, fuzz_written(&w));
	good = good && may(s, POLICY_ADD) && !model_lock.locked;
	expect_code(good ? SSH_AGENT_SUCCESS : SSH_AGENT_FAILURE);
	if (good)
		set_put(&model, &h);
}

static void
step_remove(struct side *s)
{
	struct wire_writer w = request(SSH_AGENTC_REMOVE_IDENTITY);
	unsigned key = pick(KEYS);
	struct held *h;
	bool good;

	wire_put_string(&w, keys[key]->blob);
	serve(s, fuzz_written(&w));
	h = held(&model, key);
	good = may(s, POLICY_REMOVE) && !model_lock.locked && h != NULL;
	expect_code(good ? SSH_AGENT_SUCCESS : SSH_AGENT_FAILURE);
	if (good)
		set_drop(&model, (size_t)(h - model.at));
}

static void
step_remove_all(struct side *s)
{
	struct wire_writer w = request(take() % 2 == 0 ?
	    SSH_AGENTC_REMOVE_ALL_IDENTITIES :
	    SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES);
	bool good = may(s, POLICY_REMOVE) && !model_lock.locked;

	serve(s, fuzz_written(&w));
	expect_code(good ? SSH_AGENT_SUCCESS : SSH_AGENT_FAILURE);
	if (good)
		model.n = 0;
}

static void
step_lock(struct side *s)
{
	struct wire_writer w = request(SSH_AGENTC_LOCK);
	unsigned p = pick(4);
	bool good = may(s, POLICY_LOCK) && !model_lock.locked && p != 0;

	wire_put_str(&w, passphrases[p]);
	serve(s, fuzz_written(&w));
	expect_code(good ? SSH_AGENT_SUCCESS : SSH_AGENT_FAILURE);
	assert(decision.delay_ms == 0);
	if (!good)
		return;
	memset(&model_lock, 0, sizeof(model_lock));
	model_lock.locked = model_lock.known = true;
	model_lock.passphrase = p;
}

static void
step_unlock(struct side *s)
{
	struct wire_writer w = request(SSH_AGENTC_UNLOCK);
	unsigned p = pick(4);
	int64_t delay = 0;
	bool good;

	wire_put_str(&w, passphrases[p]);
	serve(s, fuzz_written(&w));
	good = may(s, POLICY_LOCK) && model_lock.locked && p != 0;
	if (good && now < model_lock.busy_ms) {
		delay = model_lock.busy_ms - now;
		good = false;
	} else if (good && (!model_lock.known ||
	    p != model_lock.passphrase)) {
		if (model_lock.failures < 100)
			model_lock.failures++;
		delay = 100 * (int64_t)model_lock.failures;
		model_lock.busy_ms = now + delay;
		good = false;
	}
	expect_code(good ? SSH_AGENT_SUCCESS : SSH_AGENT_FAILURE);
	assert(decision.delay_ms == delay);
	if (good)
		memset(&model_lock, 0, sizeof(model_lock));
}

static void
step_query(struct side *s)
{
	struct wire_writer w = extension(EXT_QUERY);
	struct wire_reader r;
	struct slice name;
	size_t n = 0;
	int st;

	serve(s, fuzz_written(&w));
	if (model_lock.locked) {
		expect_code(SSH_AGENT_FAILURE);
		return;
	}
	for (r = answer_contents(reply, EXT_QUERY); !wire_end(&r); n++) {
		st = wire_get_string(&r, &name);
		assert(st == ST_OK);
	}
	assert(n == (may(s, POLICY_ADMIN) ? 4 : 1));
}

/* A bind to the host whose key is the first of ours, good or forged. */
static void
step_bind(struct side *s)
{
	static const char *const ids[] = { "", "a", "b", "another" };
	const struct bindings *b = &s->conn.binds;
	uint8_t kind = take(), sig[crypto_sign_BYTES];
	struct slice id = slice_str(ids[kind % 4]);
	bool forwarding = (kind & 4) != 0, forged = (kind & 8) != 0;
	bool known = false, over = false;
	struct wire_writer w = extension(EXT_SESSION_BIND);
	size_t before = b->n, mark;

	for (size_t i = 0; i < b->n && !known; i++) {
		over = over || !b->at[i].forwarding;
		known = !over && slice_eq(binding_session_id(&b->at[i]), id);
	}
	(void)crypto_sign_detached(sig, NULL, id.p, id.len,
	    keys[0]->fields.ed25519.sk.p);
	sig[kind >> 4] ^= forged ? 1 : 0;
	wire_put_string(&w, keys[0]->blob);
	wire_put_string(&w, id);
	mark = wire_open_string(&w);
	wire_put_str(&w, "ssh-ed25519");
	wire_put_string(&w, (struct slice){ sig, sizeof(sig) });
	wire_close_string(&w, mark);
	wire_put_u8(&w, forwarding);
	serve(s, fuzz_written(&w));
	assert(b->attempted);
	if (forged || over || (!known && before == BINDING_MAX))
		expect_code(SSH_AGENT_EXTENSION_FAILURE);
	else
		expect_code(SSH_AGENT_SUCCESS);
	assert(b->n == before + (reply.p[0] == SSH_AGENT_SUCCESS && !known));
}

static void
step_status(struct side *s)
{
	const struct bindings *b = &s->conn.binds;
	struct wire_writer w = extension(EXT_STATUS);
	bool far = b->gap;
	struct statusmsg_head head;
	struct statusmsg_key key;
	struct wire_reader r;
	struct slice list, uses;
	uint32_t n = 0;
	int st;

	serve(s, fuzz_written(&w));
	for (size_t i = 0; i < b->n; i++)
		far = far || b->at[i].forwarding;
	if (!may(s, POLICY_ADMIN) || far) {
		expect_code(SSH_AGENT_FAILURE);
		return;
	}
	r = answer_contents(reply, EXT_STATUS);
	st = statusmsg_get_head(&r, &head);
	assert(st == ST_OK && head.locked == model_lock.locked);
	st = wire_get_u32(&r, &n);
	assert(st == ST_OK && n == 0);
	/* Nor are there limits and uids to tell of. */
	for (int i = 0; i < 2; i++) {
		st = wire_get_u32(&r, &n);
		assert(st == ST_OK && n == 0);
	}
	st = wire_get_u32(&r, &n);
	assert(st == ST_OK && n == model.n);
	st = wire_get_string(&r, &list);
	assert(st == ST_OK);
	st = wire_get_string(&r, &uses);
	assert(st == ST_OK && wire_end(&r) && uses.len == 4 * (size_t)n);
	for (r = wire_reader(list); n > 0; n--) {
		st = statusmsg_get_key(&r, &key);
		assert(st == ST_OK);
	}
	assert(wire_end(&r));
}

/*
 * Loads.
 */

/* Forget the sending side of a load. */
static void
load_over(struct side *s)
{
	sealer_free(s->sealer);
	s->sealer = NULL;
	s->stage = STAGE_NONE;
	s->head_len = 0;
}

/* Serve a load request; whether it was granted, and its answer. */
static bool
serve_load(struct side *s, const struct load_request *req,
    struct load_answer *ans)
{
	struct wire_writer w = extension(EXT_LOAD);
	struct wire_reader r;
	int st;

	memset(ans, 0, sizeof(*ans));
	load_request_put(&w, req);
	serve(s, fuzz_written(&w));
	if (!may(s, POLICY_ADMIN)) {
		expect_code(SSH_AGENT_FAILURE);
		return false;
	}
	if (req->op != LOAD_BEGIN && req->op != LOAD_REMOVE &&
	    req->op != LOAD_REMOVE_ALL && s->stage == STAGE_NONE) {
		expect_code(SSH_AGENT_EXTENSION_FAILURE);
		return false;
	}
	r = answer_contents(reply, EXT_LOAD);
	st = load_answer_decode(&r, ans);
	assert(st == ST_OK);
	assert(decision.done == (ans->verdict == 0));
	assert((ans->text.len > 0) == (ans->verdict != 0));
	if (ans->verdict != 0 && req->op != LOAD_REMOVE &&
	    req->op != LOAD_REMOVE_ALL)
		load_over(s);
	return ans->verdict == 0;
}

static void
step_begin(struct side *s)
{
	const char *name = loads[pick(3)];
	struct load_request req = { LOAD_BEGIN, slice_str(name) };
	struct load_answer ans;
	bool good = serve_load(s, &req, &ans);
	int st;

	assert(good == (may(s, POLICY_ADMIN) && !model_lock.locked));
	if (!good)
		return;
	assert(ans.data.len == LOAD_PUBLIC_KEY);
	load_over(s);
	st = sealer_new(&s->sealer, vault_region(), ans.data.p, s->head);
	assert(st == ST_OK);
	s->head_len = HEAD;
	s->stage = STAGE_OPEN;
	s->name = name;
	s->staged.n = 0;
	s->records = 0;
}

/* Seal a record and send it; good is what should come of it. */
static bool
send_record(struct side *s, struct slice plain, enum load_op op, bool final,
    bool good)
{
	static uint8_t room[HEAD + BUNDLE_RECORD_MAX + 64];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct load_request req = { .op = op };
	enum stage stage = s->stage;
	struct load_answer ans;
	bool done;
	int st;

	wire_put_bytes(&w, (struct slice){ s->head, s->head_len });
	s->head_len = 0;
	if (s->sealer != NULL) {
		st = sealer_record(s->sealer, plain, final, &w);
		assert(st == ST_OK);
	} else {
		wire_put_bytes(&w, plain);
	}
	req.arg = fuzz_written(&w);
	done = serve_load(s, &req, &ans);
	assert(stage != STAGE_NONE || !done);
	assert(stage != STAGE_OPEN || done == (good && may(s, POLICY_ADMIN)));
	/* Nothing may follow the end. */
	assert(stage != STAGE_ENDED || !done);
	return done && stage == STAGE_OPEN;
}

static void
step_record(struct side *s)
{
	static uint8_t room[BUNDLE_RECORD_MAX];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct held h;
	bool good, final = take() % 16 == 15;

	wire_put_u8(&w, BUNDLE_KEY);
	good = put_add(&w, &h);
	if (!send_record(s, fuzz_written(&w), LOAD_CHUNK, final,
	    good && !final))
		return;
	h.load = s->name;
	set_put(&s->staged, &h);
	s->records++;
}

static void
step_end(struct side *s)
{
	uint8_t room[8], how = take();
	struct wire_writer w = wire_writer(room, sizeof(room));
	bool final = how % 8 != 7, fits = how % 8 != 6;
	bool finish = how / 8 % 4 == 3;

	bundle_put_end(&w, s->records + (fits ? 0 : 1));
	if (!send_record(s, fuzz_written(&w), finish ? LOAD_FINISH : LOAD_CHUNK,
	    final, final && fits && !(finish && model_lock.locked)))
		return;
	s->stage = STAGE_ENDED;
	if (!finish)
		return;
	model_commit(s);
	load_over(s);
}

static void
step_commit(struct side *s)
{
	struct load_request req = { .op = LOAD_COMMIT };
	enum stage stage = s->stage;
	struct load_answer ans;
	bool done = serve_load(s, &req, &ans);

	assert(done == (stage == STAGE_ENDED && !model_lock.locked));
	if (done)
		model_commit(s);
	if (may(s, POLICY_ADMIN))
		load_over(s);
}

/* What came under a name goes. */
static void
step_remove_load(struct side *s)
{
	const char *name = loads[pick(3)];
	struct load_request req = { .op = name[0] != '\0' ? LOAD_REMOVE :
		LOAD_REMOVE_ALL, .arg = slice_str(name) };
	struct load_answer ans;
	bool done = serve_load(s, &req, &ans);

	assert(done == (may(s, POLICY_ADMIN) && !model_lock.locked));
	for (size_t i = model.n; done && i-- > 0;)
		if (model.at[i].load[0] != '\0' && (name[0] == '\0' ||
		    strcmp(model.at[i].load, name) == 0))
			set_drop(&model, i);
}

/* Bytes that nobody sealed. */
static void
step_noise(struct side *s)
{
	struct load_request req = { .op = LOAD_CHUNK };
	enum stage stage = s->stage;
	struct load_answer ans;
	bool done;
	int st;

	st = wire_get_bytes(&steps, take() % (steps.rest.len + 1), &req.arg);
	assert(st == ST_OK);
	done = serve_load(s, &req, &ans);
	assert(!done || req.arg.len == 0 || stage != STAGE_ENDED);
	if (done && req.arg.len > 0)
		s->stage = STAGE_SPOILED;
}

/*
 * Anything at all.
 */

/* Believe what the agent holds: only after a request whose meaning the model
 * cannot know was granted. */
static void
believe(void)
{
	const struct identity *id;
	struct slice c;
	struct held *h;

	model.n = 0;
	for (size_t i = 0; i < keyring_count(agent.ring); i++) {
		id = keyring_at(agent.ring, i);
		c = identity_comment(id);
		h = &model.at[model.n++];
		for (h->key = 0; h->key < KEYS; h->key++)
			if (slice_eq(key_blob(id->key), keys[h->key]->blob))
				break;
		/* No other key can come of a few changed bytes. */
		assert(h->key < KEYS && c.len <= sizeof(h->comment));
		memcpy(h->comment, c.p != NULL ? c.p :
		    (const uint8_t *)"", c.len);
		h->comment_len = c.len;
		h->confirm = id->confirm;
		h->expires_ms = id->expires_ms;
		h->load = "";
		for (size_t j = 0; j < 3; j++)
			if (strcmp(id->load, loads[j]) == 0)
				h->load = loads[j];
	}
}

/* Whether an extension begins a load. */
static bool
begins_load(struct slice body)
{
	struct load_request load;
	struct request req;

	return request_decode(body, &req) == ST_OK &&
	    slice_eq_str(req.extension.name, EXT_LOAD) &&
	    load_request_decode(req.extension.body, &load) == ST_OK &&
	    load.op == LOAD_BEGIN;
}

/* The reply is one that this type can have, and what it may have changed was
 * the peer's to change. */
static void
after_anything(struct side *s, struct slice body)
{
	uint8_t type = body.p[0], code = reply.p[0];
	bool done = reply.len == 1 && code == SSH_AGENT_SUCCESS;

	assert(code == SSH_AGENT_FAILURE || code == SSH_AGENT_SUCCESS ?
	    reply.len == 1 : code == SSH_AGENT_IDENTITIES_ANSWER ?
	    type == SSH_AGENTC_REQUEST_IDENTITIES :
	    code == SSH_AGENT_SIGN_RESPONSE ? type == SSH_AGENTC_SIGN_REQUEST :
	    type == SSH_AGENTC_EXTENSION);
	assert(dispatch_may(&s->peer, type) || !decision.done);
	switch (type) {
	case SSH_AGENTC_ADD_IDENTITY:
	case SSH_AGENTC_ADD_ID_CONSTRAINED:
	case SSH_AGENTC_REMOVE_IDENTITY:
	case SSH_AGENTC_REMOVE_ALL_IDENTITIES:
	case SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES:
		if (done)
			believe();
		break;
	case SSH_AGENTC_LOCK:
	case SSH_AGENTC_UNLOCK:
		if (!may(s, POLICY_LOCK))
			break;
		if (done)
			memset(&model_lock, 0, sizeof(model_lock));
		model_lock.locked = type == SSH_AGENTC_LOCK ?
		    model_lock.locked || done : model_lock.locked && !done;
		model_lock.failures = agent.lock.failures;
		model_lock.busy_ms = agent.lock.busy_until_ms;
		break;
	case SSH_AGENTC_EXTENSION:
		if (!may(s, POLICY_ADMIN))
			break;
		believe();
		if (s->conn.load == NULL)
			load_over(s);
		else if (decision.done &&
		    (s->stage != STAGE_ENDED || begins_load(body)))
			s->stage = STAGE_SPOILED;
		break;
	default:
		assert(!done);
	}
}

/* A body of the input's own. */
static void
step_raw(struct side *s)
{
	size_t len = take();
	struct slice body;
	int st;

	st = wire_get_bytes(&steps, len % (steps.rest.len + 1), &body);
	assert(st == ST_OK);
	if (body.len == 0)
		return;
	serve(s, body);
	after_anything(s, body);
}

/* A good request with a byte changed, or cut short. */
static void
step_bent(struct side *s)
{
	uint8_t type = take();
	struct wire_writer w = request(type);
	unsigned at;
	struct held h;

	if (type == SSH_AGENTC_EXTENSION) {
		wire_put_str(&w, take() % 2 == 0 ? EXT_LOAD : EXT_STATUS);
		wire_put_u8(&w, LOAD_BEGIN);
		wire_put_str(&w, loads[pick(3)]);
	} else if (request_is_add(type)) {
		(void)put_add(&w, &h);
	} else {
		wire_put_string(&w, keys[pick(KEYS)]->blob);
		wire_put_str(&w, "data");
		wire_put_u32(&w, SSH_AGENT_RSA_SHA2_256);
	}
	at = 1 + (take() * 256u + take()) % (unsigned)w.len;
	if (at < w.len)
		w.p[at] ^= take();
	else
		w.len = 1 + take() % w.len;
	serve(s, fuzz_written(&w));
	after_anything(s, fuzz_written(&w));
}

/* The connection ends and another peer comes. */
static void
step_reopen(struct side *s)
{
	conn_fini(&s->conn);
	conn_fini(&s->conn);
	load_over(s);
	s->peer.ops = take() & POLICY_ALL;
	if ((s->peer.ops & POLICY_ADMIN) != 0)
		s->peer.ops = POLICY_ALL;
}

static void (*const kinds[])(struct side *) = {
	step_list, step_sign, step_add, step_remove, step_remove_all,
	step_lock, step_unlock, step_query, step_status, step_begin,
	step_record, step_end, step_commit, step_noise, step_raw, step_bent,
	step_reopen, step_bind, step_remove_load,
};

/* Play all steps. */
static void
play(void)
{
	static const int clock_ms[] = { 0, 0, 1, 99, 100, 1000, 5000, 30000 };
	struct side *s;
	uint8_t first;

	now = 1000000;
	first = take();
	agent.default_lifetime_s = first % 4 == 3 ? 30 : 0;
	agent.defer = (first & 4) != 0;
	agent.legacy_rsa = take() % 2 == 1;
	for (size_t i = 0; i < CONNS; i++)
		step_reopen(&sides[i]);
	for (int n = 0; n < STEPS_MAX && !wire_end(&steps); n++) {
		s = &sides[pick(CONNS)];
		now += clock_ms[pick(8)];
		kinds[pick(sizeof(kinds) / sizeof(kinds[0]))](s);
		check_state();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(&agent, 0, sizeof(agent));
	memset(sides, 0, sizeof(sides));
	memset(&model, 0, sizeof(model));
	memset(&model_lock, 0, sizeof(model_lock));
	policy_init(&agent.policy, 0);
	agent.ring = keyring_new();
	assert(agent.ring != NULL);
	steps = wire_reader((struct slice){ data, size });
	play();
	for (size_t i = 0; i < CONNS; i++)
		step_reopen(&sides[i]);
	keyring_free(agent.ring);
	lock_fini(&agent.lock);
	assert(vaultuse_is_back());
	return 0;
}

/* Make the keys, and have everything done once that libcrypto keeps. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const enum key_type types[KEYS] = { KEY_ED25519, KEY_ED25519,
		KEY_ED25519, KEY_ECDSA_P256, KEY_RSA };
	/* An admin adds every key, signs with each hash, locks. */
	static const uint8_t once[] = { 0, 1, 0x3f, 0, 0, 0,
		0, 0, 2, 0, 0, 0, 0,  0, 0, 2, 0, 3, 0, 0,
		0, 0, 2, 0, 4, 0, 0,  0, 0, 1, 3, 0, 1,
		0, 0, 1, 4, 0, 1,  0, 0, 1, 4, 2, 1,  0, 0, 1, 4, 4, 1,
		0, 0, 5, 1 };

	(void)argc;
	(void)argv;
	vaultuse_open(0);
	keyset_make(keys, types, KEYS);
	(void)LLVMFuzzerTestOneInput(once, sizeof(once));
	vaultuse_keep();
	return 0;
}
