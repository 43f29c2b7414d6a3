#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/dispatch.h"
#include "agent/vault.h"
#include "agent/verify.h"
#include "base/loop.h"
#include "keys/fingerprint.h"
#include "proto/approve.h"
#include "proto/certificate.h"
#include "proto/extension.h"
#include "proto/frame.h"
#include "proto/reply.h"
#include "proto/signdata.h"
#include "support/cert_vectors.h"
#include "support/hex.h"
#include "support/key_vectors.h"
#include "support/signer.h"
#include "support/testkeys.h"

/* Certificates, keys in authenticators, binds, what a key is for, and work
 * that is left to others, as one request after the other shows it. */

#define SUCCESS		SSH_AGENT_SUCCESS
#define FAILURE		SSH_AGENT_FAILURE
#define EXT_FAILURE	SSH_AGENT_EXTENSION_FAILURE
#define SIGNED		SSH_AGENT_SIGN_RESPONSE
#define TOLD		SSH_AGENT_EXTENSION_RESPONSE

static struct agent agent;
static struct conn conn, conn2;
static struct decision last;
static struct testkey *ed, *p384;
static struct signer host_a, host_b;
static struct peer self = { .uid = 0, .ops = POLICY_ALL };
static uint8_t reply_room[FRAME_BODY_MAX];
static struct slice reply;
static struct loop *loop;

static int
group_setup(void **state)
{
	(void)state;
	testkeys_vault();
	assert_int_equal(verify_init(), ST_OK);
	ed = testkey_new(KEY_ED25519, 0);
	p384 = testkey_new(KEY_ECDSA_P384, 0);
	signer_init(&host_a, KEY_ED25519);
	signer_init(&host_b, KEY_ECDSA_P256);
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	testkey_free(ed);
	testkey_free(p384);
	signer_fini(&host_a);
	signer_fini(&host_b);
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	memset(&agent, 0, sizeof(agent));
	memset(&conn, 0, sizeof(conn));
	memset(&conn2, 0, sizeof(conn2));
	policy_init(&agent.policy, 0);
	self.ops = POLICY_ALL;
	agent.ring = keyring_new();
	return agent.ring != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	conn_fini(&conn);
	conn_fini(&conn2);
	approver_free(agent.approver);
	loop_free(loop);
	loop = NULL;
	keyring_free(agent.ring);
	lock_fini(&agent.lock);
	return 0;
}

/* Whether others are served beside the peer, who floods. */
static bool brief;

/* Begin a request; ST_MORE when it is left to others. */
static int
begin_on(struct conn *c, struct slice body, struct slice tail)
{
	struct wire_writer w = wire_writer(reply_room, sizeof(reply_room));
	struct arrival in = { body, tail, 1000000, 1800000000, brief };
	int st = dispatch(&agent, c, &self, &in, &w, &last);

	assert_int_equal(wire_done(&w, &reply), ST_OK);
	return st;
}

/* The first byte of the reply. */
static uint8_t
ask_on(struct conn *c, struct slice body)
{
	assert_int_equal(begin_on(c, body, hex("")), ST_OK);
	assert_true(reply.len > 0);
	assert_int_equal(last.done, last.rec.reason == REASON_NONE);
	return reply.p[0];
}

/* Have an approver, who is one of conn2; what is asked is looked at only. */
static void
have_approver(void)
{
	const struct approver_limits limits = { 0, 0 };

	agent.defer = true;
	assert_int_equal(loop_new(&loop), ST_OK);
	assert_int_equal(approver_new(&agent.approver, loop, &limits, NULL),
	    ST_OK);
	approver_next(agent.approver, &conn2.seat);
}

static uint8_t
ask(struct slice body)
{
	return ask_on(&conn, body);
}

static struct wire_writer
writer(void)
{
	return wire_writer(hex_alloc(16384), 16384);
}

static struct slice
written(const struct wire_writer *w)
{
	struct slice out;

	assert_int_equal(wire_done(w, &out), ST_OK);
	return out;
}

static struct slice
add_request(const struct testkey *k, struct slice constraints)
{
	struct wire_writer w = writer();

	testkey_put_add(&w, SSH_AGENTC_ADD_ID_CONSTRAINED, k, "c",
	    constraints);
	return written(&w);
}

static struct slice
sign_request(struct slice blob, struct slice data)
{
	struct wire_writer w = writer();

	wire_put_u8(&w, SSH_AGENTC_SIGN_REQUEST);
	wire_put_string(&w, blob);
	wire_put_string(&w, data);
	wire_put_u32(&w, 0);
	return written(&w);
}

static struct slice
sshsig(const char *ns)
{
	struct wire_writer w = writer();

	wire_put_bytes(&w, slice_str("SSHSIG"));
	wire_put_str(&w, ns);
	wire_put_str(&w, "");
	wire_put_str(&w, "sha512");
	wire_put_string(&w, hex_fill(7, 64));
	return written(&w);
}

/* A login as user, bound to a host or not. */
static struct slice
login(const char *sid, const char *user, const struct testkey *k,
    const struct signer *host)
{
	struct wire_writer w = writer();

	wire_put_str(&w, sid);
	wire_put_u8(&w, 50);
	wire_put_str(&w, user);
	wire_put_str(&w, "ssh-connection");
	wire_put_str(&w, host != NULL ? "publickey-hostbound-v00@openssh.com" :
	    "publickey");
	wire_put_u8(&w, 1);
	wire_put_str(&w, key_type_info(k->fields.type)->name);
	wire_put_string(&w, k->blob);
	if (host != NULL)
		wire_put_string(&w, host->blob);
	return written(&w);
}

static struct slice
bind_request_body(const struct signer *host, const char *sid, bool forwarding,
    bool good)
{
	struct wire_writer w = writer(), sig = writer();
	struct bind_request req = { .hostkey = host->blob,
		.session_id = slice_str(sid), .forwarding = forwarding };

	signer_put(host, &sig, NULL, slice_str(good ? sid : "another"));
	req.signature = written(&sig);
	wire_put_u8(&w, SSH_AGENTC_EXTENSION);
	wire_put_str(&w, EXT_SESSION_BIND);
	bind_request_put(&w, &req);
	return written(&w);
}

static uint8_t
bind(struct conn *c, const struct signer *host, const char *sid,
    bool forwarding)
{
	return ask_on(c, bind_request_body(host, sid, forwarding, true));
}

/* "from here to that host as that user". */
static struct slice
only_to(const struct signer *host, const char *user)
{
	struct wire_writer w = writer();
	size_t list, pair, hop;

	wire_put_u8(&w, SSH_AGENT_CONSTRAIN_EXTENSION);
	wire_put_str(&w, CONSTRAINT_DESTINATION);
	list = wire_open_string(&w);
	pair = wire_open_string(&w);
	hop = wire_open_string(&w);
	wire_put_str(&w, "");
	wire_put_str(&w, "");
	wire_put_str(&w, "");
	wire_close_string(&w, hop);
	hop = wire_open_string(&w);
	wire_put_str(&w, user);
	wire_put_str(&w, "host.example");
	wire_put_str(&w, "");
	wire_put_string(&w, host->blob);
	wire_put_u8(&w, 0);
	wire_close_string(&w, hop);
	wire_put_str(&w, "");
	wire_close_string(&w, pair);
	wire_close_string(&w, list);
	return written(&w);
}

/* Two runs of bytes as one. */
static struct slice
join(struct slice a, struct slice b)
{
	struct wire_writer w = writer();

	wire_put_bytes(&w, a);
	wire_put_bytes(&w, b);
	return written(&w);
}

/* How many keys a connection lists. */
static uint32_t
listed(struct conn *c)
{
	struct wire_reader r;
	uint32_t n = 99;
	uint8_t type;

	assert_int_equal(ask_on(c, hex("0b")), SSH_AGENT_IDENTITIES_ANSWER);
	r = wire_reader(reply);
	assert_int_equal(wire_get_u8(&r, &type), ST_OK);
	assert_int_equal(wire_get_u32(&r, &n), ST_OK);
	return n;
}

static void
certificates_of_every_type_are_held_beside_their_keys(void **state)
{
	char fingerprint[FINGERPRINT_MAX];
	struct certificate parts;
	struct wire_reader r;
	struct wire_writer w;
	struct slice cert, sig;
	uint8_t type;

	(void)state;
	for (size_t i = 0; i < KEY_TYPES; i++) {
		const struct cert_vector *v = &cert_vectors[i];
		const struct key_type_info *info = key_type_info(v->type);

		/* The plain key first. */
		w = writer();
		wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
		wire_put_bytes(&w, hex(key_vectors[i].private_hex));
		wire_put_str(&w, "plain");
		assert_int_equal(ask(written(&w)), SUCCESS);
		w = writer();
		cert = hex(v->cert_hex);
		wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
		wire_put_str(&w, info->cert_name);
		wire_put_string(&w, cert);
		wire_put_bytes(&w, hex(v->rest_hex));
		wire_put_str(&w, "cert");
		assert_int_equal(ask(written(&w)), SUCCESS);
		assert_int_equal(listed(&conn), 2 * (i + 1));
		/* It signs as the plain type does, or not at all. */
		if (info->sk) {
			assert_int_equal(ask(sign_request(cert,
			    slice_str("x"))), FAILURE);
			continue;
		}
		w = writer();
		wire_put_u8(&w, SSH_AGENTC_SIGN_REQUEST);
		wire_put_string(&w, cert);
		wire_put_str(&w, "x");
		wire_put_u32(&w, SSH_AGENT_RSA_SHA2_256);
		assert_int_equal(ask(written(&w)), SIGNED);
		r = wire_reader(reply);
		assert_int_equal(wire_get_u8(&r, &type), ST_OK);
		assert_int_equal(wire_get_string(&r, &sig), ST_OK);
		r = wire_reader(sig);
		assert_int_equal(wire_get_string(&r, &sig), ST_OK);
		assert_true(slice_eq_str(sig, v->type == KEY_RSA ?
		    "rsa-sha2-256" : info->name));
		/* Its fingerprint is that of the key. */
		assert_int_equal(certificate_decode(cert, &parts), ST_OK);
		w = writer();
		keyblob_put(&w, &parts.key);
		fingerprint_sha256(written(&w), fingerprint);
		assert_string_equal(last.rec.fingerprint, fingerprint);
	}
}

static void
certificate_that_the_ca_did_not_sign_is_refused(void **state)
{
	const struct cert_vector *v = &cert_vectors[KEY_ED25519];
	struct slice cert = hex(v->cert_hex);
	uint8_t *bytes = hex_alloc(cert.len);
	struct wire_writer w = writer();

	(void)state;
	memcpy(bytes, cert.p, cert.len);
	bytes[cert.len - 1] ^= 1;
	wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
	wire_put_str(&w, key_type_info(v->type)->cert_name);
	wire_put_string(&w, (struct slice){ bytes, cert.len });
	wire_put_bytes(&w, hex(v->rest_hex));
	wire_put_str(&w, "cert");
	assert_int_equal(ask(written(&w)), FAILURE);
	assert_int_equal(listed(&conn), 0);
}

/* An sk key with that library. */
static uint8_t
add_sk(const char *path)
{
	struct wire_writer w = writer();

	wire_put_u8(&w, SSH_AGENTC_ADD_ID_CONSTRAINED);
	wire_put_bytes(&w, hex(key_vectors[KEY_SK_ED25519].private_hex));
	wire_put_str(&w, "sk");
	wire_put_u8(&w, SSH_AGENT_CONSTRAIN_EXTENSION);
	wire_put_str(&w, CONSTRAINT_SK_PROVIDER);
	wire_put_str(&w, path);
	return ask(written(&w));
}

static void
libraries_of_sk_keys_are_named_and_never_loaded(void **state)
{
	static const struct {
		const char	*path;
		uint8_t		 code;
	} table[] = {
		{ "internal", SUCCESS }, { "InTernal", SUCCESS },
		{ "/usr/lib/x.so", SUCCESS }, { "/usr/lib64/a/b.so", SUCCESS },
		{ "/usr/local/lib/x.so", SUCCESS },
		{ "", FAILURE }, { "x.so", FAILURE }, { "/tmp/x.so", FAILURE },
		{ "/usr/lib/../../tmp/x.so", FAILURE },
		{ "internal2", FAILURE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(add_sk(table[i].path), table[i].code);
	agent.providers = "/tmp/*";
	assert_int_equal(add_sk("/tmp/x.so"), SUCCESS);
	assert_int_equal(add_sk("/usr/lib/x.so"), FAILURE);
	/* Not for a far host, whatever it says it is. */
	assert_int_equal(ask(hex("1b 00000018 'session-bind@openssh.com'")),
	    EXT_FAILURE);
	assert_int_equal(add_sk("/tmp/x.so"), FAILURE);
	assert_int_equal(add_sk("internal"), SUCCESS);
	agent.remote_providers = true;
	assert_int_equal(add_sk("/tmp/x.so"), SUCCESS);
	/* And not for keys that are here. */
	assert_int_equal(ask(add_request(ed, join(hex("ff 00000017"
	    "'sk-provider@openssh.com' 00000008 'internal'"), hex("")))),
	    FAILURE);
}

static void
sk_keys_are_points_on_their_curve(void **state)
{
	struct slice good = hex(key_vectors[KEY_SK_ECDSA_P256].private_hex);
	uint8_t *bytes = hex_alloc(good.len);
	struct wire_writer w = writer();

	(void)state;
	memcpy(bytes, good.p, good.len);
	/* The last byte of the point, behind the type, the curve and 65. */
	bytes[4 + 34 + 4 + 8 + 4 + 64] ^= 1;
	wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
	wire_put_bytes(&w, (struct slice){ bytes, good.len });
	wire_put_str(&w, "sk");
	assert_int_equal(ask(written(&w)), FAILURE);
	assert_non_null(strstr(last.rec.text, "curve"));
	w = writer();
	wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
	wire_put_bytes(&w, good);
	wire_put_str(&w, "sk");
	assert_int_equal(ask(written(&w)), SUCCESS);
}

static void
binds_are_verified_and_kept(void **state)
{
	char sid[16];

	(void)state;
	assert_int_equal(ask(bind_request_body(&host_a, "s", true, false)),
	    EXT_FAILURE);
	assert_true(conn.binds.attempted);
	assert_int_equal(conn.binds.n, 0);
	for (int i = 0; i < BINDING_MAX; i++) {
		(void)snprintf(sid, sizeof(sid), "s%d", i);
		assert_int_equal(bind(&conn, &host_a, sid, true), SUCCESS);
	}
	assert_int_equal(bind(&conn, &host_a, "s3", true), SUCCESS);
	assert_int_equal(bind(&conn, &host_b, "s3", true), EXT_FAILURE);
	assert_int_equal(bind(&conn, &host_a, "more", true), EXT_FAILURE);
	assert_int_equal(conn.binds.n, BINDING_MAX);
	/* Nothing follows the bind of a login. */
	assert_int_equal(bind(&conn2, &host_a, "s", false), SUCCESS);
	assert_int_equal(bind(&conn2, &host_b, "t", true), EXT_FAILURE);
}

static void
session_ids_have_their_length(void **state)
{
	char sid[BINDING_SESSION_ID_MAX + 2];

	(void)state;
	memset(sid, 'x', sizeof(sid));
	sid[BINDING_SESSION_ID_MAX + 1] = '\0';
	assert_int_equal(bind(&conn, &host_a, sid, true), EXT_FAILURE);
	/* Not a host that got lost on the way, and no work for anybody. */
	assert_false(conn.binds.gap);
	agent.defer = true;
	assert_int_equal(begin_on(&conn, bind_request_body(&host_a, sid, true,
	    true), hex("")), ST_OK);
	agent.defer = false;
	sid[BINDING_SESSION_ID_MAX] = '\0';
	assert_int_equal(bind(&conn, &host_a, sid, true), SUCCESS);
}

static void
binds_go_on_while_locked(void **state)
{
	(void)state;
	assert_int_equal(ask(add_request(ed, only_to(&host_a, ""))), SUCCESS);
	assert_int_equal(ask(hex("16 00000001 'p'")), SUCCESS);
	assert_int_equal(bind(&conn2, &host_b, "s", false), SUCCESS);
	assert_int_equal(ask(hex("17 00000001 'p'")), SUCCESS);
	/* It counts afterwards. */
	assert_int_equal(listed(&conn), 1);
	assert_int_equal(listed(&conn2), 0);
}

static void
destinations_rule_logins(void **state)
{
	(void)state;
	assert_int_equal(ask(add_request(ed, only_to(&host_a, "git"))),
	    SUCCESS);
	/* Unbound: seen, but not used. */
	assert_int_equal(listed(&conn), 1);
	assert_int_equal(ask(sign_request(ed->blob, login("s", "git", ed,
	    NULL))), FAILURE);
	assert_int_equal(bind(&conn, &host_a, "s", false), SUCCESS);
	assert_int_equal(ask(sign_request(ed->blob, login("s", "git", ed,
	    &host_a))), SIGNED);
	assert_int_equal(ask(sign_request(ed->blob, login("s", "git", ed,
	    NULL))), SIGNED);
	assert_int_equal(ask(sign_request(ed->blob, login("s", "root", ed,
	    &host_a))), FAILURE);
	assert_int_equal(ask(sign_request(ed->blob, login("t", "git", ed,
	    &host_a))), FAILURE);
	assert_int_equal(ask(sign_request(ed->blob, login("s", "git", ed,
	    &host_b))), FAILURE);
	assert_int_equal(ask(sign_request(ed->blob, login("s", "git", p384,
	    &host_a))), FAILURE);
	assert_int_equal(ask(sign_request(ed->blob, sshsig("git"))), FAILURE);
	/* Bound elsewhere: not even there. */
	assert_int_equal(bind(&conn2, &host_b, "s", false), SUCCESS);
	assert_int_equal(listed(&conn2), 0);
	assert_int_equal(ask_on(&conn2, sign_request(ed->blob, login("s",
	    "git", ed, &host_b))), FAILURE);
	assert_int_equal(ask_on(&conn2, add_request(ed, hex(""))), FAILURE);
	assert_int_equal(listed(&conn), 1);
	assert_int_equal(ask_on(&conn2, join(hex("12 00000033"), ed->blob)),
	    FAILURE);
	assert_int_equal(ask(join(hex("12 00000033"), ed->blob)), SUCCESS);
}

static void
defaults_depend_on_the_mode(void **state)
{
	(void)state;
	for (int service = 0; service < 2; service++) {
		agent.service = service;
		assert_int_equal(ask(add_request(ed, hex(""))), SUCCESS);
		assert_int_equal(ask(sign_request(ed->blob, sshsig("git"))),
		    SIGNED);
		assert_int_equal(ask(sign_request(ed->blob, login("s", "u", ed,
		    NULL))), SIGNED);
		assert_int_equal(ask(sign_request(ed->blob, sshsig("file"))),
		    service ? FAILURE : SIGNED);
		assert_int_equal(ask(sign_request(ed->blob, slice_str("x"))),
		    service ? FAILURE : SIGNED);
		/* A login of another key is nothing of this one's. */
		assert_int_equal(ask(sign_request(ed->blob, login("s", "u",
		    p384, NULL))), service ? FAILURE : SIGNED);
	}
}

static void
purposes_and_counts_are_kept(void **state)
{
	(void)state;
	assert_int_equal(ask(add_request(ed, hex("ff 00000015"
	    "'purposes@bottle-agent' 00000008 00000004 'file'"
	    "ff 00000017 'signatures@bottle-agent' 00000004 00000002"))),
	    SUCCESS);
	assert_int_equal(ask(sign_request(ed->blob, sshsig("git"))), FAILURE);
	assert_int_equal(ask(sign_request(ed->blob, login("s", "u", ed,
	    NULL))), FAILURE);
	assert_int_equal(ask(sign_request(ed->blob, sshsig("file"))), SIGNED);
	assert_int_equal(ask(sign_request(ed->blob, sshsig("file"))), SIGNED);
	assert_int_equal(ask(sign_request(ed->blob, sshsig("file"))), FAILURE);
	assert_int_equal(last.rec.reason, REASON_SIGNATURES);
}

static void
constraints_may_come_apart(void **state)
{
	(void)state;
	assert_int_equal(begin_on(&conn, add_request(ed, hex("")),
	    hex("01 00000000")), ST_OK);
	assert_int_equal(reply.p[0], SUCCESS);
	/* A lifetime of nothing: it is gone. */
	assert_int_equal(listed(&conn), 0);
	assert_int_equal(begin_on(&conn, add_request(ed, hex("")),
	    hex("01 0000")), ST_OK);
	assert_int_equal(reply.p[0], FAILURE);
}

static void
far_hosts_change_nothing_in_service_mode(void **state)
{
	static const struct {
		const char	*body;
		enum audit_op	 op;	/* what the record calls it */
	} table[] = {
		{ "13", AUDIT_REMOVE_ALL },
		{ "09", AUDIT_REMOVE_ALL },
		{ "16 00000001 'p'", AUDIT_LOCK },
		{ "17 00000001 'p'", AUDIT_UNLOCK },
		{ "1b 00000011 'load@bottle-agent' 01 00000000", AUDIT_LOAD },
		{ "1b 00000011 'load@bottle-agent' 05", AUDIT_REMOVE_LOAD },
		{ "1b 00000014 'approve@bottle-agent' 01", AUDIT_APPROVE },
	};

	(void)state;
	agent.service = true;
	assert_int_equal(ask(add_request(ed, hex(""))), SUCCESS);
	assert_int_equal(bind(&conn2, &host_a, "s", true), SUCCESS);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(ask_on(&conn2, hex(table[i].body)), FAILURE);
		assert_int_equal(last.rec.reason, REASON_FORWARDED_CHANGE);
		assert_int_equal(last.rec.op, table[i].op);
		/* Of one who may not do that anywhere, that is why. */
		self.ops = POLICY_LIST | POLICY_SIGN;
		assert_int_equal(ask_on(&conn2, hex(table[i].body)), FAILURE);
		assert_int_equal(last.rec.reason, REASON_POLICY);
		assert_int_equal(last.rec.op, table[i].op);
		self.ops = POLICY_ALL;
	}
	assert_int_equal(ask_on(&conn2, add_request(p384, hex(""))), FAILURE);
	assert_int_equal(ask_on(&conn2, sign_request(ed->blob,
	    sshsig("git"))), FAILURE);
	assert_int_equal(ask_on(&conn2, sign_request(ed->blob, login("t", "u",
	    ed, NULL))), SIGNED);
	agent.forwarded = true;
	assert_int_equal(ask_on(&conn2, sign_request(ed->blob,
	    sshsig("git"))), SIGNED);
	assert_int_equal(ask_on(&conn2, hex("13")), SUCCESS);
}

/* Run what is left to others, and reply. */
static uint8_t
finish(struct conn *c)
{
	struct wire_writer w = wire_writer(reply_room, sizeof(reply_room));

	assert_int_equal(dispatch_finish(&agent, c, &self, 1000000, &w, &last),
	    ST_OK);
	assert_null(c->job);
	assert_int_equal(wire_done(&w, &reply), ST_OK);
	return reply.p[0];
}

static void
dear_work_is_left_to_others(void **state)
{
	struct identity *id;

	(void)state;
	agent.defer = true;
	assert_int_equal(ask(add_request(ed, hex(""))), SUCCESS);
	assert_int_equal(ask(add_request(p384, hex(""))), SUCCESS);
	assert_int_equal(ask(sign_request(ed->blob, slice_str("x"))), SIGNED);
	assert_int_equal(begin_on(&conn, sign_request(p384->blob,
	    slice_str("x")), hex("")), ST_MORE);
	assert_int_equal(reply.len, 0);
	assert_non_null(conn.job);
	/* The same key may be added again meanwhile. */
	assert_int_equal(ask_on(&conn2, add_request(p384, hex(""))), SUCCESS);
	job_run(conn.job);
	assert_int_equal(finish(&conn), SIGNED);
	/* When it is taken away nothing is signed, before or after the work. */
	assert_int_equal(begin_on(&conn, sign_request(p384->blob,
	    slice_str("x")), hex("")), ST_MORE);
	assert_int_equal(begin_on(&conn2, sign_request(p384->blob,
	    slice_str("x")), hex("")), ST_MORE);
	job_run(conn2.job);
	assert_int_equal(conn2.job->st, ST_OK);
	keyring_clear(agent.ring);
	job_run(conn.job);
	assert_int_equal(conn.job->st, ST_NOT_FOUND);
	assert_int_equal(finish(&conn), FAILURE);
	assert_int_equal(finish(&conn2), FAILURE);
	assert_int_equal(begin_on(&conn, bind_request_body(&host_a, "s", false,
	    true), hex("")), ST_MORE);
	assert_int_equal(conn.binds.n, 0);
	job_run(conn.job);
	assert_int_equal(finish(&conn), SUCCESS);
	assert_int_equal(conn.binds.n, 1);
	assert_int_equal(begin_on(&conn2, bind_request_body(&host_a, "s",
	    false, false), hex("")), ST_MORE);
	job_run(conn2.job);
	assert_int_equal(finish(&conn2), EXT_FAILURE);
	/* Numbers are counted where the key is still the same one. */
	assert_int_equal(ask_on(&conn2, add_request(p384, hex(""))), SUCCESS);
	assert_int_equal(begin_on(&conn2, sign_request(p384->blob,
	    slice_str("x")), hex("")), ST_MORE);
	job_run(conn2.job);
	assert_int_equal(finish(&conn2), SIGNED);
	id = keyring_find(agent.ring, p384->blob);
	assert_int_equal(id->signatures, 1);
}

static void
any_signature_is_left_to_others_for_their_sake(void **state)
{
	(void)state;
	agent.defer = true;
	assert_int_equal(ask(add_request(ed, hex(""))), SUCCESS);
	brief = true;
	assert_int_equal(begin_on(&conn, sign_request(ed->blob,
	    slice_str("x")), hex("")), ST_MORE);
	job_run(conn.job);
	assert_int_equal(finish(&conn), SIGNED);
	/* Where nobody is there to do it, it is done. */
	agent.defer = false;
	assert_int_equal(ask(sign_request(ed->blob, slice_str("x"))), SIGNED);
	brief = false;
}

static void
a_lock_meanwhile_keeps_the_signature_in(void **state)
{
	(void)state;
	agent.defer = true;
	assert_int_equal(ask(add_request(p384, hex(""))), SUCCESS);
	assert_int_equal(begin_on(&conn, sign_request(p384->blob,
	    slice_str("x")), hex("")), ST_MORE);
	assert_int_equal(ask_on(&conn2, hex("16 00000001 'p'")), SUCCESS);
	job_run(conn.job);
	assert_int_equal(finish(&conn), FAILURE);
}

/* What the peer may do, and for which keys, is asked again at the end. */
static void
a_policy_meanwhile_keeps_the_signature_in(void **state)
{
	(void)state;
	agent.defer = true;
	assert_int_equal(ask(add_request(p384, hex(""))), SUCCESS);
	assert_int_equal(begin_on(&conn, sign_request(p384->blob,
	    slice_str("x")), hex("")), ST_MORE);
	job_run(conn.job);
	self.ops = POLICY_LIST;
	assert_int_equal(finish(&conn), FAILURE);
	assert_int_equal(last.rec.reason, REASON_POLICY);
	/* Without admin it may sign, but with its own keys alone. */
	self.ops = POLICY_ALL;
	assert_int_equal(ask(add_request(p384, hex("ff 00000012"
	    "'peers@bottle-agent' 00000009 00000005 '54321'"))), SUCCESS);
	assert_int_equal(begin_on(&conn, sign_request(p384->blob,
	    slice_str("x")), hex("")), ST_MORE);
	job_run(conn.job);
	self.ops = POLICY_LIST | POLICY_SIGN;
	assert_int_equal(finish(&conn), FAILURE);
	assert_int_equal(last.rec.reason, REASON_NOT_VISIBLE);
	self.ops = POLICY_ALL;
	assert_int_equal(begin_on(&conn, sign_request(p384->blob,
	    slice_str("x")), hex("")), ST_MORE);
	job_run(conn.job);
	assert_int_equal(finish(&conn), SIGNED);
}

static void
a_peer_that_is_none_is_named(void **state)
{
	(void)state;
	assert_int_equal(ask(add_request(ed, hex("ff 00000012"
	    "'peers@bottle-agent' 00000018 00000005 '54321'"
	    "0000000b 'nobody-here'"))), FAILURE);
	assert_int_equal(last.rec.reason, REASON_CONSTRAINT_PEER);
	assert_string_equal(last.rec.detail, "there is no user "
	    "\"nobody-here\": create it first, or give its number");
}

static void
somebody_has_to_say_yes(void **state)
{
	(void)state;
	assert_int_equal(ask(add_request(ed, hex("02"))), SUCCESS);
	assert_int_equal(ask(sign_request(ed->blob, slice_str("x"))), FAILURE);
	have_approver();
	assert_int_equal(begin_on(&conn, sign_request(ed->blob,
	    slice_str("x")), hex("")), ST_MORE);
	assert_true(conn.job->ask);
	assert_non_null(strstr(conn.job->prompt, "Allow use of key c?\n"
	    "Key fingerprint SHA256:"));
	job_run(conn.job);
	assert_int_equal(finish(&conn), SIGNED);
	assert_int_equal(begin_on(&conn, sign_request(ed->blob,
	    slice_str("x")), hex("")), ST_MORE);
	conn.job->st = ST_DENIED;
	assert_int_equal(finish(&conn), FAILURE);
	assert_int_equal(last.rec.reason, REASON_APPROVER_NO);
	/* One that is never answered is freed with its connection. */
	assert_int_equal(begin_on(&conn, sign_request(ed->blob,
	    slice_str("x")), hex("")), ST_MORE);
}

/* approve@bottle-agent with a body. */
static struct slice
approve_body(const char *text)
{
	struct slice head = hex("1b 00000014 'approve@bottle-agent'");
	struct slice body = hex(text);
	uint8_t *p = hex_alloc(head.len + body.len);

	memcpy(p, head.p, head.len);
	memcpy(p + head.len, body.p, body.len);
	return (struct slice){ p, head.len + body.len };
}

static void
approvers_are_for_a_service(void **state)
{
	(void)state;
	have_approver();
	assert_int_equal(ask(approve_body("01")), FAILURE);
	assert_int_equal(last.rec.op, AUDIT_APPROVE);
	assert_int_equal(last.rec.reason, REASON_UNKNOWN_EXTENSION);
	agent.service = true;
	assert_int_equal(begin_on(&conn, approve_body("01"), hex("")),
	    ST_MORE);
}

/* Nor, in either mode, of keys that they are not shown, and of who uses
 * them. */
static void
far_hosts_are_told_nothing(void **state)
{
	static const char *const table[] = {
		"1b 00000013 'status@bottle-agent'",
		"1b 00000014 'explain@bottle-agent' 00",
		"1b 00000014 'explain@bottle-agent' 01",
	};

	(void)state;
	assert_int_equal(bind(&conn2, &host_a, "s", true), SUCCESS);
	for (size_t i = 0; i < 2 * sizeof(table) / sizeof(table[0]); i++) {
		agent.service = i % 2 == 0;
		agent.forwarded = false;
		assert_int_equal(ask(hex(table[i / 2])), TOLD);
		assert_int_equal(ask_on(&conn2, hex(table[i / 2])), FAILURE);
		assert_int_equal(last.rec.reason, REASON_FORWARDED_TELLING);
		/* Of one who may not ask anywhere, that is why. */
		self.ops = POLICY_ALL & ~(unsigned)POLICY_ADMIN;
		assert_int_equal(ask_on(&conn2, hex(table[i / 2])), FAILURE);
		assert_int_equal(last.rec.reason, REASON_POLICY);
		self.ops = POLICY_ALL;
		agent.forwarded = true;
		assert_int_equal(ask_on(&conn2, hex(table[i / 2])),
		    TOLD);
	}
}

static void
approvers_speak_as_they_should(void **state)
{
	static const char *const broken[] = { "", "00", "03", "01 00", "02",
		"02 00000001", "02 00000001 02", "02 00000001 01 00" };

	(void)state;
	have_approver();
	agent.service = true;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		assert_int_equal(ask(approve_body(broken[i])), EXT_FAILURE);
		assert_int_equal(last.rec.reason, REASON_BROKEN);
	}
	assert_int_equal(ask(approve_body("02 00000001 01")), EXT_FAILURE);
	assert_int_equal(last.rec.reason, REASON_NO_QUESTION);
	assert_string_equal(last.rec.detail, "yes to question 1");
}

/* Over ssh -A it may be a far host that says yes. */
static void
far_hosts_do_not_approve(void **state)
{
	(void)state;
	assert_int_equal(bind(&conn, &host_a, "s", true), SUCCESS);
	have_approver();
	agent.service = true;
	assert_int_equal(ask(approve_body("01")), FAILURE);
	assert_int_equal(last.rec.reason, REASON_FORWARDED_CHANGE);
}

static void
question_is_the_reply_to_next(void **state)
{
	const struct approve_question q = { .id = 7, .prompt = slice_str("p"),
		.fingerprint = slice_str("f"), .comment = slice_str("c"),
		.what = slice_str("w"), .uid = 8, .pid = 9,
		.host = slice_str(""), .left_ms = 10 };
	struct approve_question got;
	struct wire_reader r;
	struct reply rep;

	(void)state;
	have_approver();
	agent.service = true;
	assert_int_equal(begin_on(&conn, approve_body("01"), hex("")),
	    ST_MORE);
	assert_int_equal(conn.job->kind, JOB_NEXT);
	conn.job->question = &q;
	assert_int_equal(finish(&conn), SSH_AGENT_EXTENSION_RESPONSE);
	assert_true(last.done);
	assert_true(last.quiet);
	assert_int_equal(reply_decode(reply, &rep), ST_OK);
	assert_int_equal(reply_get_extension(&rep, EXT_APPROVE, &r), ST_OK);
	assert_int_equal(approve_question_get(&r, &got), ST_OK);
	assert_int_equal(got.id, 7);
	assert_int_equal(got.left_ms, 10);
	assert_true(slice_eq(got.what, q.what));
	/* One that never comes is freed with its connection. */
	assert_int_equal(begin_on(&conn, approve_body("01"), hex("")),
	    ST_MORE);
}

/* The seat goes with the connection. */
static void
nobody_is_asked_when_the_approver_is_gone(void **state)
{
	(void)state;
	have_approver();
	assert_int_equal(ask(add_request(ed, hex("02"))), SUCCESS);
	conn_fini(&conn2);
	assert_int_equal(ask(sign_request(ed->blob, slice_str("x"))), FAILURE);
	assert_int_equal(last.rec.reason, REASON_NO_APPROVER);
}

/* Whatever comes after it: the way did not get shorter. */
static void
host_whose_bind_failed_is_still_on_the_way(void **state)
{
	(void)state;
	assert_int_equal(ask(add_request(ed, only_to(&host_a, ""))), SUCCESS);
	assert_int_equal(ask_on(&conn2, bind_request_body(&host_b, "s", true,
	    false)), EXT_FAILURE);
	assert_int_equal(bind(&conn2, &host_a, "t", false), SUCCESS);
	assert_int_equal(listed(&conn2), 0);
	assert_int_equal(ask_on(&conn2, sign_request(ed->blob, login("t", "u",
	    ed, &host_a))), FAILURE);
	assert_int_equal(last.rec.reason, REASON_BIND_GAP);
	assert_int_equal(ask(bind_request_body(&host_a, "t", false, true)),
	    SUCCESS);
	assert_int_equal(ask(sign_request(ed->blob, login("t", "u", ed,
	    &host_a))), SIGNED);
}

/* One that was known to be out of order is none of these. */
static void
bind_out_of_order_takes_nothing_away(void **state)
{
	(void)state;
	assert_int_equal(ask(add_request(ed, only_to(&host_a, ""))), SUCCESS);
	assert_int_equal(bind(&conn, &host_a, "s", false), SUCCESS);
	assert_int_equal(bind(&conn, &host_b, "t", false), EXT_FAILURE);
	assert_int_equal(listed(&conn), 1);
	assert_int_equal(ask(sign_request(ed->blob, login("s", "u", ed,
	    &host_a))), SIGNED);
}

static void
host_whose_bind_failed_is_far_to_a_service(void **state)
{
	(void)state;
	agent.service = true;
	assert_int_equal(ask(add_request(ed, hex(""))), SUCCESS);
	assert_int_equal(ask_on(&conn2, bind_request_body(&host_b, "s", true,
	    false)), EXT_FAILURE);
	assert_int_equal(ask_on(&conn2, hex("13")), FAILURE);
	assert_int_equal(ask_on(&conn2, sign_request(ed->blob,
	    sshsig("git"))), FAILURE);
	assert_int_equal(ask_on(&conn2, sign_request(ed->blob, login("s", "u",
	    ed, NULL))), SIGNED);
	assert_int_equal(listed(&conn), 1);
}

/* With the last place taken there is no telling what comes next. */
static void
bind_without_room_hides_keys_with_destinations(void **state)
{
	struct slice big = hex_fill('k', BINDING_BYTES_MAX - 100);
	enum reason why;

	(void)state;
	assert_int_equal(ask(add_request(ed, only_to(&host_a, ""))), SUCCESS);
	assert_int_equal(bindings_add(&conn.binds, big, slice_str("s"), true,
	    &why), ST_OK);
	assert_int_equal(bind(&conn, &host_b, "t", true), EXT_FAILURE);
	assert_true(conn.binds.gap);
	assert_int_equal(listed(&conn), 0);
}

static void
what_nobody_said_yes_to_is_not_counted(void **state)
{
	static const struct {
		bool	 yes;
		uint8_t	 code;
	} table[] = { { false, FAILURE }, { true, SIGNED }, { true, FAILURE } };

	(void)state;
	have_approver();
	assert_int_equal(ask(add_request(ed, hex("02 ff 00000017"
	    "'signatures@bottle-agent' 00000004 00000001"))), SUCCESS);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(begin_on(&conn, sign_request(ed->blob,
		    slice_str("x")), hex("")), ST_MORE);
		if (table[i].yes)
			job_run(conn.job);
		else
			conn.job->st = ST_DENIED;
		assert_int_equal(finish(&conn), table[i].code);
	}
}

#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(certificates_of_every_type_are_held_beside_their_keys),
		T(certificate_that_the_ca_did_not_sign_is_refused),
		T(libraries_of_sk_keys_are_named_and_never_loaded),
		T(sk_keys_are_points_on_their_curve),
		T(binds_are_verified_and_kept),
		T(session_ids_have_their_length),
		T(binds_go_on_while_locked),
		T(destinations_rule_logins),
		T(defaults_depend_on_the_mode),
		T(purposes_and_counts_are_kept),
		T(constraints_may_come_apart),
		T(far_hosts_change_nothing_in_service_mode),
		T(dear_work_is_left_to_others),
		T(any_signature_is_left_to_others_for_their_sake),
		T(a_lock_meanwhile_keeps_the_signature_in),
		T(a_policy_meanwhile_keeps_the_signature_in),
		T(a_peer_that_is_none_is_named),
		T(somebody_has_to_say_yes),
		T(what_nobody_said_yes_to_is_not_counted),
		T(approvers_are_for_a_service),
		T(approvers_speak_as_they_should),
		T(far_hosts_do_not_approve),
		T(far_hosts_are_told_nothing),
		T(question_is_the_reply_to_next),
		T(nobody_is_asked_when_the_approver_is_gone),
		T(host_whose_bind_failed_is_still_on_the_way),
		T(bind_out_of_order_takes_nothing_away),
		T(host_whose_bind_failed_is_far_to_a_service),
		T(bind_without_room_hides_keys_with_destinations),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
