#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/dispatch.h"
#include "agent/limits.h"
#include "keys/seal.h"
#include "agent/vault.h"
#include "proto/agent_num.h"
#include "proto/bundle.h"
#include "proto/frame.h"
#include "proto/reply.h"
#include "support/hex.h"
#include "support/testkeys.h"

/* Every private key of these tests, made once. */
static struct testkey *ed, *ed2, *p256, *rsa;

static struct agent agent;
static struct conn conn;
static struct decision last;
static int64_t now_ms;
static uint8_t reply_room[FRAME_BODY_MAX], request_room[FRAME_BODY_MAX];

static const struct peer root = { .ops = POLICY_ALL };
static const struct peer node = { .uid = 1000, .gid = 1000,
	.ops = POLICY_LIST | POLICY_SIGN };
static const struct peer nobody = { .uid = 65534, .gid = 65534 };

static int
group_setup(void **state)
{
	(void)state;
	testkeys_vault();
	ed = testkey_new(KEY_ED25519, 0);
	ed2 = testkey_new(KEY_ED25519, 0);
	p256 = testkey_new(KEY_ECDSA_P256, 0);
	rsa = testkey_new(KEY_RSA, 1024);
	return 0;
}

static int
group_teardown(void **state)
{
	testkey_free(ed);
	testkey_free(ed2);
	testkey_free(p256);
	testkey_free(rsa);
	return hex_free(state);
}

static int
setup(void **state)
{
	(void)state;
	memset(&agent, 0, sizeof(agent));
	memset(&conn, 0, sizeof(conn));
	now_ms = 1000000;
	policy_init(&agent.policy, 0);
	agent.ring = keyring_new();
	return agent.ring != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	conn_fini(&conn);
	keyring_free(agent.ring);
	lock_fini(&agent.lock);
	return 0;
}

/* What follows the body of the next request, and the time of certificates. */
static struct slice body_tail;
static int64_t now_s;

/* Serve one body for a peer; the reply's body. */
static struct slice
ask(const struct peer *peer, struct slice body)
{
	struct wire_writer w = wire_writer(reply_room, sizeof(reply_room));
	struct arrival in = { body, body_tail, now_ms, now_s, false };
	struct slice out;

	assert_int_equal(dispatch(&agent, &conn, peer, &in, &w, &last), ST_OK);
	assert_int_equal(wire_done(&w, &out), ST_OK);
	assert_true(out.len >= 1);
	return out;
}

/* Serve a body given as text for hex(); the reply's first byte. */
static uint8_t
code(const struct peer *peer, const char *text)
{
	return ask(peer, hex(text)).p[0];
}

/* Add a key with constraints; the reply's first byte. */
static uint8_t
add(const struct peer *peer, uint8_t type, const struct testkey *k,
    const char *comment, const char *constraints)
{
	struct wire_writer w = wire_writer(request_room,
	    sizeof(request_room));
	struct slice body;

	testkey_put_add(&w, type, k, comment, hex(constraints));
	assert_int_equal(wire_done(&w, &body), ST_OK);
	return ask(peer, body).p[0];
}

/* Ask for a signature; the whole reply. */
static struct slice
sign(const struct peer *peer, struct slice blob, struct slice data,
    uint32_t flags)
{
	struct wire_writer w = wire_writer(request_room,
	    sizeof(request_room));
	struct slice body;

	wire_put_u8(&w, SSH_AGENTC_SIGN_REQUEST);
	wire_put_string(&w, blob);
	wire_put_string(&w, data);
	wire_put_u32(&w, flags);
	assert_int_equal(wire_done(&w, &body), ST_OK);
	return ask(peer, body);
}

/* Whether a reply is a good signature by that key. */
static bool
is_signature(struct slice reply, const struct testkey *k,
    const char *algorithm, struct slice data)
{
	struct wire_reader r = wire_reader(reply);
	struct slice sig;
	uint8_t type;

	return wire_get_u8(&r, &type) == ST_OK &&
	    type == SSH_AGENT_SIGN_RESPONSE &&
	    wire_get_string(&r, &sig) == ST_OK && wire_end(&r) &&
	    testkey_verify(k, sig, algorithm, data);
}

/* Check the list: n pairs of key and comment follow. */
static void
list_is(const struct peer *peer, uint32_t n, ...)
{
	struct wire_reader r = wire_reader(ask(peer, hex("0b")));
	struct slice blob, comment;
	const struct testkey *k;
	uint32_t count;
	uint8_t type;
	va_list ap;

	assert_int_equal(wire_get_u8(&r, &type), ST_OK);
	assert_int_equal(type, SSH_AGENT_IDENTITIES_ANSWER);
	assert_int_equal(wire_get_u32(&r, &count), ST_OK);
	assert_int_equal(count, n);
	va_start(ap, n);
	for (; n > 0; n--) {
		k = va_arg(ap, const struct testkey *);
		assert_int_equal(wire_get_string(&r, &blob), ST_OK);
		assert_int_equal(wire_get_string(&r, &comment), ST_OK);
		assert_true(slice_eq(blob, k->blob));
		assert_true(slice_eq_str(comment, va_arg(ap, const char *)));
	}
	va_end(ap);
	assert_true(wire_end(&r));
}

static void
empty_bodies_of_every_type(void **state)
{
	uint8_t type, want;

	(void)state;
	for (unsigned t = 0; t < 256; t++) {
		type = (uint8_t)t;
		want = t == 11 ? 12 : t == 9 || t == 19 ? 6 : 5;
		assert_int_equal(ask(&root, (struct slice){ &type, 1 }).p[0],
		    want);
		assert_int_equal(last.type, t);
		assert_int_equal(last.done, want != 5);
		assert_true(last.done == (last.rec.reason == REASON_NONE));
	}
}

static void
add_list_sign_remove(void **state)
{
	struct slice data = slice_str("data");

	(void)state;
	assert_int_equal(add(&root, 17, ed, "one", ""), 6);
	assert_int_equal(add(&root, 25, p256, "two", ""), 6);
	assert_int_equal(add(&root, 17, rsa, "", ""), 6);
	list_is(&node, 3, ed, "one", p256, "two", rsa, "");
	assert_true(is_signature(sign(&node, ed->blob, data, 0), ed,
	    "ssh-ed25519", data));
	assert_string_equal(last.rec.fingerprint, key_fingerprint(
	    keyring_at(agent.ring, 0)->key));
	assert_true(is_signature(sign(&node, p256->blob, data, 0), p256,
	    "ecdsa-sha2-nistp256", data));
	assert_true(is_signature(sign(&node, rsa->blob, data, 4), rsa,
	    "rsa-sha2-512", data));
	/* Data may be empty. */
	data.len = 0;
	assert_true(is_signature(sign(&node, ed->blob, data, 0), ed,
	    "ssh-ed25519", data));
	assert_int_equal(keyring_at(agent.ring, 0)->signatures, 2);
	assert_int_equal(agent.signatures, 4);
}

/* 18 with a blob and what follows it; the reply's first byte. */
static uint8_t
remove_key(const struct testkey *k, size_t less, const char *tail)
{
	struct wire_writer w = wire_writer(request_room,
	    sizeof(request_room));
	struct slice body, blob = k->blob;

	blob.len -= less;
	wire_put_u8(&w, SSH_AGENTC_REMOVE_IDENTITY);
	wire_put_string(&w, blob);
	wire_put_bytes(&w, hex(tail));
	assert_int_equal(wire_done(&w, &body), ST_OK);
	return ask(&root, body).p[0];
}

static void
remove_needs_the_exact_blob(void **state)
{
	(void)state;
	assert_int_equal(add(&root, 17, ed, "a", ""), 6);
	assert_int_equal(add(&root, 17, p256, "b", ""), 6);
	assert_int_equal(remove_key(ed, 1, ""), 5);
	assert_int_equal(remove_key(ed2, 0, ""), 5);
	list_is(&root, 2, ed, "a", p256, "b");
	/* Bytes after the blob are ignored, as in OpenSSH. */
	assert_int_equal(remove_key(ed, 0, "7a7a"), 6);
	assert_int_equal(remove_key(ed, 0, ""), 5);
	list_is(&root, 1, p256, "b");
}

static void
sign_refusals(void **state)
{
	struct wire_writer w;
	struct slice body, blob;
	uint8_t longer[128];

	(void)state;
	assert_int_equal(add(&root, 17, ed, "a", ""), 6);
	assert_int_equal(add(&root, 17, rsa, "r", ""), 6);
	assert_int_equal(sign(&root, ed2->blob, slice_str("x"), 0).p[0], 5);
	/* A blob with one byte more or less is another blob. */
	memcpy(longer, ed->blob.p, ed->blob.len);
	longer[ed->blob.len] = 'x';
	blob = (struct slice){ longer, ed->blob.len + 1 };
	assert_int_equal(sign(&root, blob, slice_str("x"), 0).p[0], 5);
	blob.len -= 2;
	assert_int_equal(sign(&root, blob, slice_str("x"), 0).p[0], 5);
	/* SHA-1 only where it is allowed; unknown flags never. */
	assert_int_equal(sign(&root, rsa->blob, slice_str("x"), 0).p[0], 5);
	agent.legacy_rsa = true;
	assert_true(is_signature(sign(&root, rsa->blob, slice_str("x"), 0),
	    rsa, "ssh-rsa", slice_str("x")));
	assert_int_equal(sign(&root, rsa->blob, slice_str("x"), 8).p[0], 5);
	assert_int_equal(sign(&root, ed->blob, slice_str("x"), 1).p[0], 5);
	/* Without the flags field. */
	w = wire_writer(request_room, sizeof(request_room));
	wire_put_u8(&w, SSH_AGENTC_SIGN_REQUEST);
	wire_put_string(&w, ed->blob);
	wire_put_str(&w, "x");
	assert_int_equal(wire_done(&w, &body), ST_OK);
	assert_int_equal(ask(&root, body).p[0], 5);
}

static void
trailing_bytes_are_ignored_but_in_adds(void **state)
{
	(void)state;
	assert_int_equal(code(&root, "0b 'XXXX'"), 12);
	assert_int_equal(code(&root, "13 'XXXX'"), 6);
	assert_int_equal(add(&root, 17, ed, "a", "58"), 5);
	list_is(&root, 0);
}

static void
constraints_are_all_or_nothing(void **state)
{
	static const struct {
		const char	*constraints;
		uint8_t		 want;
	} table[] = {
		{ "01 00000064", 6 },
		{ "02", 6 },
		{ "01 00000064 02", 6 },
		{ "02 01 00000064", 6 },
		{ "01 000000", 5 },
		{ "01 00000064 01 00000064", 5 },
		{ "02 02", 5 },
		{ "03", 5 },
		{ "03 00000001", 5 },
		{ "00", 5 },
		{ "ff 00000003 'foo'", 5 },
		{ "ff 0000001b 'restrict-destination-v00@openssh.com'", 5 },
		{ "ff 00000018 'sk-provider@openssh.com'", 5 },
		{ "ff", 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		for (uint8_t type = 17; type <= 25; type += 8) {
			assert_int_equal(add(&root, type, ed, "x",
			    table[i].constraints), table[i].want);
			assert_int_equal(keyring_count(agent.ring),
			    table[i].want == 6);
			keyring_clear(agent.ring);
		}
	}
}

static void
comments_follow_the_rule_for_text(void **state)
{
	struct wire_writer w;
	struct slice body;
	static const struct {
		const char	*comment;
		uint8_t		 want;
		const char	*listed;
	} table[] = {
		{ "'ab'", 6, "ab" },
		{ "'ab' 00", 6, "ab" },
		{ "'a' 00 'b'", 5, NULL },
		{ "00 'b'", 5, NULL },
		{ "", 6, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		w = wire_writer(request_room, sizeof(request_room));
		wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
		keyprivate_put(&w, &ed->fields);
		wire_put_string(&w, hex(table[i].comment));
		assert_int_equal(wire_done(&w, &body), ST_OK);
		assert_int_equal(ask(&root, body).p[0], table[i].want);
		if (table[i].want == 6)
			list_is(&root, 1, ed, table[i].listed);
		else
			list_is(&root, 0);
		keyring_clear(agent.ring);
	}
}

static void
broken_key_is_refused_and_nothing_is_lost(void **state)
{
	struct testkey bad = *ed;

	(void)state;
	assert_int_equal(add(&root, 17, ed, "a", ""), 6);
	bad.fields.ed25519.pk = ed2->fields.ed25519.pk;
	assert_int_equal(add(&root, 17, &bad, "evil", ""), 5);
	list_is(&root, 1, ed, "a");
	/* A type that is not held. */
	assert_int_equal(code(&root, "11 00000007 'ssh-dss' 00000000"), 5);
	assert_int_equal(code(&root, "11 00000009 'ssh-ed448' 00000000"), 5);
	list_is(&root, 1, ed, "a");
}

static void
adding_again_replaces_everything_but_the_place(void **state)
{
	(void)state;
	assert_int_equal(add(&root, 17, ed, "a", "02"), 6);
	assert_int_equal(add(&root, 17, p256, "b", ""), 6);
	assert_int_equal(sign(&root, ed->blob, slice_str("x"), 0).p[0], 5);
	assert_int_equal(add(&root, 17, ed, "new", ""), 6);
	list_is(&root, 2, ed, "new", p256, "b");
	assert_int_equal(sign(&root, ed->blob, slice_str("x"), 0).p[0], 14);
	assert_int_equal(add(&root, 17, ed, "again", "01 00000001"), 6);
	now_ms += 1000;
	list_is(&root, 1, p256, "b");
}

static void
confirm_is_refused_without_anybody_to_ask(void **state)
{
	(void)state;
	assert_int_equal(add(&root, 25, ed, "a", "02"), 6);
	list_is(&node, 1, ed, "a");
	assert_int_equal(sign(&node, ed->blob, slice_str("x"), 0).p[0], 5);
	assert_int_equal(keyring_at(agent.ring, 0)->refusals, 1);
}

static void
lifetime_counts_from_arrival(void **state)
{
	(void)state;
	assert_int_equal(add(&root, 25, ed, "a", "01 00000002"), 6);
	assert_int_equal(add(&root, 25, p256, "b", "01 00000000"), 6);
	/* 0 is over at once. */
	list_is(&root, 1, ed, "a");
	now_ms += 1999;
	list_is(&root, 1, ed, "a");
	now_ms += 1;
	assert_int_equal(sign(&root, ed->blob, slice_str("x"), 0).p[0], 5);
	list_is(&root, 0);
}

static void
default_lifetime_is_for_keys_without_one(void **state)
{
	(void)state;
	agent.default_lifetime_s = 1;
	assert_int_equal(add(&root, 17, ed, "a", ""), 6);
	assert_int_equal(add(&root, 17, p256, "b", "01 00000064"), 6);
	now_ms += 1000;
	list_is(&root, 1, p256, "b");
	/* Lifetimes run on under lock. */
	assert_int_equal(code(&root, "16 00000001 78"), 6);
	now_ms += 99000;
	assert_int_equal(code(&root, "17 00000001 78"), 6);
	list_is(&root, 0);
}

static void
locked_agent_does_nothing(void **state)
{
	(void)state;
	assert_int_equal(add(&root, 17, ed, "a", ""), 6);
	assert_int_equal(code(&root, "16 00000003 'key'"), 6);
	list_is(&root, 0);
	assert_int_equal(sign(&root, ed->blob, slice_str("x"), 0).p[0], 5);
	assert_int_equal(add(&root, 17, p256, "b", ""), 5);
	assert_int_equal(remove_key(ed, 0, ""), 5);
	assert_int_equal(code(&root, "13"), 5);
	assert_int_equal(code(&root, "09"), 5);
	assert_int_equal(code(&root, "16 00000003 'key'"), 5);
	assert_int_equal(code(&root, "1b 00000005 'query'"), 5);
	assert_int_equal(code(&root, "63"), 5);
	assert_int_equal(code(&root, "17 00000003 'key'"), 6);
	list_is(&root, 1, ed, "a");
}

static void
lock_takes_no_nonsense(void **state)
{
	(void)state;
	/* OpenSSH's agent dies of the first of these. */
	assert_int_equal(code(&root, "16 00000009 78"), 5);
	assert_int_equal(code(&root, "16"), 5);
	assert_int_equal(code(&root, "16 00000000"), 5);
	assert_false(agent.lock.locked);
	assert_int_equal(code(&root, "17 00000001 78"), 5);
	assert_int_equal(last.delay_ms, 0);
	assert_int_equal(code(&root, "16 00000001 78"), 6);
	assert_int_equal(code(&root, "17 00000000"), 5);
	assert_int_equal(last.delay_ms, 0);
	assert_int_equal(code(&root, "17 00000009 78"), 5);
	assert_int_equal(last.delay_ms, 0);
	assert_int_equal(code(&root, "17 00000001 79"), 5);
	assert_int_equal(last.delay_ms, 100);
	now_ms += 100;
	assert_int_equal(code(&root, "17 00000001 79"), 5);
	assert_int_equal(last.delay_ms, 200);
	now_ms += 200;
	assert_int_equal(code(&root, "17 00000001 78"), 6);
	assert_int_equal(last.delay_ms, 0);
}

static void
peer_without_rules_changes_nothing(void **state)
{
	static const char *const bodies[] = {
		"09", "13", "16 00000001 78", "17 00000001 78",
	};

	(void)state;
	assert_int_equal(add(&root, 17, ed, "a", ""), 6);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		assert_int_equal(code(&node, bodies[i]), 5);
		assert_int_equal(code(&nobody, bodies[i]), 5);
	}
	assert_int_equal(add(&node, 17, p256, "b", ""), 5);
	assert_int_equal(add(&node, 17, ed, "other", ""), 5);
	assert_false(agent.lock.locked);
	list_is(&node, 1, ed, "a");
	assert_int_equal(code(&nobody, "0b"), 5);
	assert_int_equal(sign(&nobody, ed->blob, slice_str("x"), 0).p[0], 5);
}

static void
each_operation_is_granted_by_its_own_rule(void **state)
{
	struct peer p = node;

	(void)state;
	p.ops = POLICY_ADD;
	assert_int_equal(add(&p, 17, ed, "a", ""), 6);
	assert_int_equal(code(&p, "0b"), 5);
	assert_int_equal(code(&p, "13"), 5);
	p.ops = POLICY_LOCK;
	assert_int_equal(code(&p, "16 00000001 78"), 6);
	assert_int_equal(code(&p, "17 00000001 78"), 6);
	assert_int_equal(code(&p, "13"), 5);
	p.ops = POLICY_LIST;
	list_is(&p, 1, ed, "a");
	assert_int_equal(sign(&p, ed->blob, slice_str("x"), 0).p[0], 5);
	p.ops = POLICY_REMOVE;
	assert_int_equal(code(&p, "13"), 6);
	p.ops = POLICY_LIST;
	list_is(&p, 0);
}

static void
query_names_what_the_peer_can_use(void **state)
{
	(void)state;
	assert_true(slice_eq(ask(&node, hex("1b 00000005 'query'")),
	    hex("1d 00000005 'query' 00000018 'session-bind@openssh.com'")));
	assert_true(slice_eq(ask(&root, hex("1b 00000005 'query' ffff")),
	    hex("1d 00000005 'query' 00000018 'session-bind@openssh.com'"
	    "00000014 'explain@bottle-agent'"
	    "00000011 'load@bottle-agent'"
	    "00000013 'status@bottle-agent'")));
}

static void
unknown_extensions_fail_like_unknown_messages(void **state)
{
	static const char *const bodies[] = {
		"1b", "1b 00000000", "1b 00000003 'foo'", "1b 00000009 'foo'",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		assert_int_equal(code(&root, bodies[i]), 5);
	/* Ours are unknown to whoever may not use them. */
	assert_int_equal(code(&node, "1b 00000013 'status@bottle-agent'"), 5);
	assert_int_equal(code(&node, "1b 00000011 'load@bottle-agent' 01"
	    "00000000"), 5);
	assert_null(conn.load);
}

/* One step of a load; its answer. */
static struct load_answer
load_step(enum load_op op, struct slice arg)
{
	struct wire_writer w = wire_writer(request_room,
	    sizeof(request_room));
	struct load_request req = { .op = op, .arg = arg };
	struct load_answer ans;
	struct slice body;
	struct wire_reader r;
	struct reply rep;

	wire_put_u8(&w, SSH_AGENTC_EXTENSION);
	wire_put_str(&w, EXT_LOAD);
	load_request_put(&w, &req);
	assert_int_equal(wire_done(&w, &body), ST_OK);
	assert_int_equal(reply_decode(ask(&root, body), &rep), ST_OK);
	assert_int_equal(reply_get_extension(&rep, EXT_LOAD, &r), ST_OK);
	assert_int_equal(load_answer_decode(&r, &ans), ST_OK);
	return ans;
}

/* Seal some keys for the load that was begun. */
static struct slice
seal(struct slice public_key, struct testkey *const *keys, size_t n)
{
	static uint8_t stream[64 * 1024], plain[BUNDLE_RECORD_MAX];
	struct wire_writer w = wire_writer(stream, sizeof(stream)), rec;
	struct request add_req;
	struct sealer *s;

	assert_int_equal(public_key.len, LOAD_PUBLIC_KEY);
	assert_int_equal(sealer_new(&s, vault_region(), public_key.p, stream),
	    ST_OK);
	w.len = BUNDLE_SEALED + BUNDLE_HEADER;
	for (size_t i = 0; i <= n; i++) {
		rec = wire_writer(plain, sizeof(plain));
		if (i < n) {
			memset(&add_req, 0, sizeof(add_req));
			add_req.type = SSH_AGENTC_ADD_ID_CONSTRAINED;
			add_req.add.key = keys[i]->fields;
			add_req.add.comment = slice_str("loaded");
			bundle_put_key(&rec, &add_req);
		} else {
			bundle_put_end(&rec, (uint32_t)n);
		}
		assert_int_equal(sealer_record(s, (struct slice){ plain,
		    rec.len }, i == n, &w), ST_OK);
	}
	sealer_free(s);
	return (struct slice){ stream, w.len };
}

static void
load_is_one_step(void **state)
{
	struct testkey *keys[2];
	struct load_answer ans;
	struct slice stream;

	(void)state;
	assert_int_equal(add(&root, 17, rsa, "old", ""), 6);
	keys[0] = ed;
	keys[1] = p256;
	ans = load_step(LOAD_BEGIN, slice_str("set"));
	assert_int_equal(ans.verdict, 0);
	stream = seal(ans.data, keys, 2);
	assert_int_equal(load_step(LOAD_CHUNK, stream).verdict, 0);
	list_is(&node, 1, rsa, "old");
	assert_int_equal(load_step(LOAD_COMMIT, slice_str("")).verdict, 0);
	list_is(&node, 3, rsa, "old", ed, "loaded", p256, "loaded");
	assert_null(conn.load);
	/* The same name again replaces what it brought, and only that. */
	keys[0] = ed2;
	ans = load_step(LOAD_BEGIN, slice_str("set"));
	assert_int_equal(load_step(LOAD_CHUNK, seal(ans.data, keys,
	    1)).verdict, 0);
	assert_int_equal(load_step(LOAD_COMMIT, slice_str("")).verdict, 0);
	list_is(&node, 2, rsa, "old", ed2, "loaded");
}

static void
load_is_finished_in_one_step(void **state)
{
	struct testkey bad = *p256, *keys[2] = { ed, p256 };
	struct load_answer ans;
	struct slice stream;
	struct wire_reader r;
	struct slice blob;

	(void)state;
	bad.fields.ecdsa.q = ed->fields.ed25519.sk;
	ans = load_step(LOAD_BEGIN, slice_str("set"));
	ans = load_step(LOAD_FINISH, seal(ans.data, keys, 2));
	assert_int_equal(ans.verdict, 0);
	assert_null(conn.load);
	r = wire_reader(ans.data);
	assert_int_equal(wire_get_string(&r, &blob), ST_OK);
	assert_true(slice_eq(blob, ed->blob));
	list_is(&node, 2, ed, "loaded", p256, "loaded");
	/* What comes before it may be chunks; without an end it is refused,
	 * and so it is with a bad key, which is named. */
	keys[0] = ed2;
	ans = load_step(LOAD_BEGIN, slice_str("set"));
	stream = seal(ans.data, keys, 1);
	assert_int_equal(load_step(LOAD_CHUNK, (struct slice){ stream.p,
	    50 }).verdict, 0);
	assert_int_equal(load_step(LOAD_FINISH, (struct slice){ stream.p + 50,
	    stream.len - 51 }).verdict, 1);
	assert_null(conn.load);
	keys[1] = &bad;
	ans = load_step(LOAD_BEGIN, slice_str("set"));
	ans = load_step(LOAD_FINISH, seal(ans.data, keys, 2));
	assert_int_equal(ans.verdict, 1);
	assert_int_equal(ans.item, 2);
	assert_null(conn.load);
	list_is(&node, 2, ed, "loaded", p256, "loaded");
	ans = load_step(LOAD_BEGIN, slice_str("set"));
	stream = seal(ans.data, keys, 1);
	assert_int_equal(load_step(LOAD_CHUNK, (struct slice){ stream.p,
	    50 }).verdict, 0);
	assert_int_equal(load_step(LOAD_FINISH, (struct slice){ stream.p + 50,
	    stream.len - 50 }).verdict, 0);
	list_is(&node, 1, ed2, "loaded");
}

static void
refused_load_changes_nothing_and_names_the_key(void **state)
{
	struct testkey bad = *p256, *keys[3] = { ed, &bad, ed2 };
	struct load_answer ans;

	(void)state;
	bad.fields.ecdsa.q = ed->fields.ed25519.sk;
	ans = load_step(LOAD_BEGIN, slice_str(""));
	ans = load_step(LOAD_CHUNK, seal(ans.data, keys, 3));
	assert_int_equal(ans.verdict, 1);
	assert_int_equal(ans.item, 2);
	assert_true(ans.text.len > 0);
	assert_null(conn.load);
	list_is(&root, 0);
	/* It is over: a commit finds nothing. */
	assert_int_equal(code(&root, "1b 00000011 'load@bottle-agent' 03"),
	    SSH_AGENT_EXTENSION_FAILURE);
}

static void
load_that_is_not_complete_is_refused(void **state)
{
	struct testkey *keys[1] = { ed };
	struct load_answer ans;
	struct slice stream;

	(void)state;
	ans = load_step(LOAD_BEGIN, slice_str(""));
	stream = seal(ans.data, keys, 1);
	stream.len -= 1;
	assert_int_equal(load_step(LOAD_CHUNK, stream).verdict, 0);
	assert_int_equal(load_step(LOAD_COMMIT, slice_str("")).verdict, 1);
	list_is(&root, 0);
}

static void
locked_agent_takes_no_load(void **state)
{
	struct testkey *keys[1] = { ed };
	struct load_answer ans;
	struct slice stream;

	(void)state;
	ans = load_step(LOAD_BEGIN, slice_str(""));
	stream = seal(ans.data, keys, 1);
	assert_int_equal(load_step(LOAD_CHUNK, stream).verdict, 0);
	assert_int_equal(code(&root, "16 00000001 78"), 6);
	assert_int_equal(load_step(LOAD_COMMIT, slice_str("")).verdict, 1);
	assert_int_equal(load_step(LOAD_BEGIN, slice_str("")).verdict, 1);
	assert_int_equal(code(&root, "17 00000001 78"), 6);
	ans = load_step(LOAD_BEGIN, slice_str(""));
	stream = seal(ans.data, keys, 1);
	assert_int_equal(code(&root, "16 00000001 78"), 6);
	assert_int_equal(load_step(LOAD_FINISH, stream).verdict, 1);
	assert_null(conn.load);
	assert_int_equal(code(&root, "17 00000001 78"), 6);
	list_is(&root, 0);
}

/* Load one key under a name. */
static void
load_one(struct testkey *key, const char *name)
{
	struct testkey *keys[1] = { key };
	struct load_answer ans = load_step(LOAD_BEGIN, slice_str(name));

	assert_int_equal(load_step(LOAD_CHUNK, seal(ans.data, keys,
	    1)).verdict, 0);
	assert_int_equal(load_step(LOAD_COMMIT, slice_str("")).verdict, 0);
}

static void
a_load_goes_by_its_name(void **state)
{
	struct load_answer ans;
	struct wire_reader r;
	struct slice blob, comment;

	(void)state;
	assert_int_equal(add(&root, 17, rsa, "old", ""), 6);
	load_one(ed, "set");
	load_one(p256, "other");
	/* Who may not load may not do this. */
	assert_int_equal(code(&node, "1b 00000011 'load@bottle-agent' 04"
	    "00000003 'set'"), 5);
	assert_int_equal(last.rec.op, AUDIT_REMOVE_LOAD);
	assert_int_equal(code(&node, "1b 00000011 'load@bottle-agent' 05"), 5);
	list_is(&root, 3, rsa, "old", ed, "loaded", p256, "loaded");
	assert_int_equal(code(&root, "1b 00000011 'load@bottle-agent' 04"
	    "00000000"), SSH_AGENT_EXTENSION_FAILURE);
	ans = load_step(LOAD_REMOVE, slice_str("set"));
	assert_int_equal(ans.verdict, 0);
	r = wire_reader(ans.data);
	assert_int_equal(wire_get_string(&r, &blob), ST_OK);
	assert_int_equal(wire_get_string(&r, &comment), ST_OK);
	assert_true(slice_eq(blob, ed->blob));
	assert_true(slice_eq_str(comment, "loaded"));
	assert_true(wire_end(&r));
	assert_int_equal(last.rec.op, AUDIT_REMOVE_LOAD);
	assert_string_equal(last.rec.detail, "1 key of load set");
	assert_true(last.done && !last.quiet);
	list_is(&node, 2, rsa, "old", p256, "loaded");
	/* Once more: there is nothing, and that is no failure. */
	ans = load_step(LOAD_REMOVE, slice_str("set"));
	assert_int_equal(ans.verdict, 0);
	assert_int_equal(ans.data.len, 0);
	assert_string_equal(last.rec.detail, "0 keys of load set");
	/* All of them; a load that is under way goes on. */
	load_one(ed, "set");
	ans = load_step(LOAD_BEGIN, slice_str("third"));
	ans = load_step(LOAD_REMOVE_ALL, slice_str(""));
	assert_int_equal(ans.verdict, 0);
	assert_string_equal(last.rec.detail, "2 keys of every load");
	assert_non_null(conn.load);
	list_is(&node, 1, rsa, "old");
}

static void
a_locked_agent_removes_no_load(void **state)
{
	struct load_answer ans;

	(void)state;
	load_one(ed, "set");
	assert_int_equal(code(&root, "16 00000001 78"), 6);
	ans = load_step(LOAD_REMOVE, slice_str("set"));
	assert_int_equal(ans.verdict, 1);
	assert_true(ans.text.len > 0);
	assert_false(last.done);
	assert_int_equal(last.rec.reason, REASON_LOCKED);
	assert_int_equal(load_step(LOAD_REMOVE_ALL, slice_str("")).verdict, 1);
	assert_int_equal(code(&root, "17 00000001 78"), 6);
	list_is(&root, 1, ed, "loaded");
}

static void
status_tells_admins_everything(void **state)
{
	struct limits limits;
	struct statusmsg_limit limit;
	struct statusmsg_head head;
	struct statusmsg_key key;
	struct wire_reader r, keys;
	struct slice s;
	struct reply rep;
	char why[256];
	uint32_t n;

	(void)state;
	assert_int_equal(policy_add(&agent.policy, "1000=list,sign", why,
	    sizeof(why)), ST_OK);
	limits_init(&limits);
	agent.limits = &limits;
	agent.facts.socket = slice_str("/s");
	agent.started_ms = now_ms - 5000;
	assert_int_equal(add(&root, 25, ed, "c", "01 0000000a"), 6);
	now_ms += 500;
	assert_int_equal(reply_decode(ask(&root,
	    hex("1b 00000013 'status@bottle-agent'")), &rep), ST_OK);
	assert_int_equal(reply_get_extension(&rep, EXT_STATUS, &r), ST_OK);
	assert_int_equal(statusmsg_get_head(&r, &head), ST_OK);
	assert_true(slice_eq_str(head.socket, "/s"));
	assert_int_equal(head.uptime_s, 5);
	assert_true(head.memory_used > 0);
	assert_int_equal(wire_get_u32(&r, &n), ST_OK);
	assert_int_equal(n, 1);
	assert_int_equal(wire_get_string(&r, &s), ST_OK);
	assert_true(slice_eq_str(s, "1000=list,sign"));
	assert_int_equal(wire_get_u32(&r, &n), ST_OK);
	assert_int_equal(n, LIMITS);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(statusmsg_get_limit(&r, &limit), ST_OK);
		assert_true(slice_eq_str(limit.name, limits_name(i)));
		assert_true(limit.value == limits.value[i]);
	}
	assert_int_equal(wire_get_u32(&r, &n), ST_OK);
	assert_int_equal(n, 0);		/* nobody is connected */
	assert_int_equal(wire_get_u32(&r, &n), ST_OK);
	assert_int_equal(n, 1);
	assert_int_equal(wire_get_string(&r, &s), ST_OK);
	keys = wire_reader(s);
	assert_int_equal(statusmsg_get_key(&keys, &key), ST_OK);
	assert_true(slice_eq_str(key.comment, "c"));
	assert_int_equal(key.remaining_s, 10);
	assert_true(wire_end(&keys));
	assert_int_equal(wire_get_string(&r, &s), ST_OK);
	assert_int_equal(s.len, 4);
	assert_true(wire_end(&r));
}

/* The keys of a status that have nothing before them, and when each of them was
 * used; how many there are. */
static uint32_t
status_uses(struct slice *uses)
{
	struct statusmsg_head head;
	struct statusmsg_key key;
	struct wire_reader r, keys;
	struct slice s;
	struct reply rep;
	uint32_t n, shown = 0;

	assert_int_equal(reply_decode(ask(&root,
	    hex("1b 00000013 'status@bottle-agent'")), &rep), ST_OK);
	assert_int_equal(reply_get_extension(&rep, EXT_STATUS, &r), ST_OK);
	assert_int_equal(statusmsg_get_head(&r, &head), ST_OK);
	/* Neither rules, nor limits, nor uids. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(wire_get_u32(&r, &n), ST_OK);
		assert_int_equal(n, 0);
	}
	assert_int_equal(wire_get_u32(&r, &n), ST_OK);
	assert_int_equal(n, keyring_count(agent.ring));
	assert_int_equal(wire_get_string(&r, &s), ST_OK);
	for (keys = wire_reader(s); !wire_end(&keys); shown++)
		assert_int_equal(statusmsg_get_key(&keys, &key), ST_OK);
	assert_int_equal(wire_get_string(&r, uses), ST_OK);
	assert_true(wire_end(&r));
	assert_int_equal(uses->len, 4 * shown);
	return shown;
}

static void
status_says_when_a_key_was_used(void **state)
{
	struct slice uses;

	(void)state;
	assert_int_equal(add(&root, 17, rsa, "r", ""), 6);
	assert_int_equal(add(&root, 17, ed, "e", ""), 6);
	assert_int_equal(status_uses(&uses), 2);
	hex_expect("unused", uses, hex("ffffffff ffffffff"));
	(void)sign(&root, ed->blob, slice_str("d"), 0);
	assert_int_equal(status_uses(&uses), 2);
	hex_expect("just now", uses, hex("ffffffff 00000000"));
	now_ms += 65999;
	assert_int_equal(status_uses(&uses), 2);
	hex_expect("a while ago", uses, hex("ffffffff 00000041"));
	/* What was refused is no use, nor is anything of another key. */
	(void)sign(&root, ed->blob, slice_str("d"), 0x80);
	(void)sign(&root, rsa->blob, slice_str("d"), 2);
	assert_int_equal(status_uses(&uses), 2);
	hex_expect("the other", uses, hex("00000000 00000041"));
	/* One that is put anew was never used. */
	assert_int_equal(add(&root, 17, ed, "e", ""), 6);
	assert_int_equal(status_uses(&uses), 2);
	hex_expect("anew", uses, hex("00000000 ffffffff"));
	now_ms += INT64_C(5000000000000);
	assert_int_equal(status_uses(&uses), 2);
	hex_expect("the longest", uses, hex("ffffffff ffffffff"));
}

/* However little room there is behind the keys. */
static void
status_has_room_for_all_it_says(void **state)
{
	char comment[20801];
	struct testkey *k[13];
	uint32_t shown, before = 13;
	struct slice uses;
	size_t len;

	(void)state;
	memset(comment, 'c', sizeof(comment));
	comment[20000] = '\0';
	for (size_t i = 0; i < 13; i++) {
		k[i] = testkey_new(KEY_ED25519, 0);
		assert_int_equal(add(&root, 17, k[i], comment, ""), 6);
	}
	comment[20000] = 'c';
	for (len = 20500; len < sizeof(comment) - 1; len++) {
		comment[len] = '\0';
		assert_int_equal(add(&root, 17, k[12], comment, ""), 6);
		comment[len] = 'c';
		shown = status_uses(&uses);
		assert_true(shown == before ||
		    (shown == 12 && before == 13));
		before = shown;
	}
	assert_int_equal(before, 12);
	for (size_t i = 0; i < 13; i++)
		testkey_free(k[i]);
}

/* More to tell than one reply holds: some keys are left out, nothing breaks. */
static void
status_of_many_keys_fits_one_reply(void **state)
{
	char comment[20001];
	struct testkey *k[13];
	struct wire_reader r;
	struct statusmsg_head head;
	struct slice s;
	struct reply rep;
	uint32_t n;

	(void)state;
	memset(comment, 'c', sizeof(comment) - 1);
	comment[sizeof(comment) - 1] = '\0';
	for (size_t i = 0; i < 13; i++) {
		k[i] = testkey_new(KEY_ED25519, 0);
		/* 13 * 20059 bytes of list are just below 256 KiB. */
		assert_int_equal(add(&root, 17, k[i], comment, ""), 6);
	}
	assert_int_equal(code(&root, "0b"), 12);
	assert_int_equal(reply_decode(ask(&root,
	    hex("1b 00000013 'status@bottle-agent'")), &rep), ST_OK);
	assert_int_equal(reply_get_extension(&rep, EXT_STATUS, &r), ST_OK);
	assert_int_equal(statusmsg_get_head(&r, &head), ST_OK);
	/* Neither rules, nor limits, nor uids. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(wire_get_u32(&r, &n), ST_OK);
		assert_int_equal(n, 0);
	}
	assert_int_equal(wire_get_u32(&r, &n), ST_OK);
	assert_int_equal(n, 13);
	assert_int_equal(wire_get_string(&r, &s), ST_OK);
	assert_true(s.len >= 12 * 20000);
	for (size_t i = 0; i < 13; i++)
		testkey_free(k[i]);
}

#define CASE(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(empty_bodies_of_every_type),
		CASE(add_list_sign_remove),
		CASE(remove_needs_the_exact_blob),
		CASE(sign_refusals),
		CASE(trailing_bytes_are_ignored_but_in_adds),
		CASE(constraints_are_all_or_nothing),
		CASE(comments_follow_the_rule_for_text),
		CASE(broken_key_is_refused_and_nothing_is_lost),
		CASE(adding_again_replaces_everything_but_the_place),
		CASE(confirm_is_refused_without_anybody_to_ask),
		CASE(lifetime_counts_from_arrival),
		CASE(default_lifetime_is_for_keys_without_one),
		CASE(locked_agent_does_nothing),
		CASE(lock_takes_no_nonsense),
		CASE(peer_without_rules_changes_nothing),
		CASE(each_operation_is_granted_by_its_own_rule),
		CASE(query_names_what_the_peer_can_use),
		CASE(unknown_extensions_fail_like_unknown_messages),
		CASE(load_is_one_step),
		CASE(load_is_finished_in_one_step),
		CASE(refused_load_changes_nothing_and_names_the_key),
		CASE(load_that_is_not_complete_is_refused),
		CASE(locked_agent_takes_no_load),
		CASE(a_load_goes_by_its_name),
		CASE(a_locked_agent_removes_no_load),
		CASE(status_tells_admins_everything),
		CASE(status_of_many_keys_fits_one_reply),
		CASE(status_says_when_a_key_was_used),
		CASE(status_has_room_for_all_it_says),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
