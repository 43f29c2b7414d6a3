/*
 * Keys that are added, listed and removed.
 */

#include "conformance/probe.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

/* What one user with many hosts may have, and one reply still holds. */
#define MANY_KEYS	200
/* The halves of an Ed448 key. */
#define ED448_LEN	57

/*
 * List.
 */

static enum verdict
check_list_empty(struct probe *p)
{
	static const uint8_t bytes[] = { SSH_AGENT_IDENTITIES_ANSWER, 0, 0, 0,
		0 };
	struct answer a = ask(p, 0, trial_list);

	if (slice_eq(a.body, (struct slice){ bytes, sizeof(bytes) }))
		return VERDICT_PASS;
	return fails(p, "the list of an agent that was told to remove all: "
	    "%s of %zu bytes", answer_name(&a), a.body.len);
}

/* So many keys must be listed. */
static enum verdict
expect_count(struct probe *p, int n)
{
	int listed = list_count(p, 0);

	if (listed < 0)
		return fails(p, "what should be a list is none");
	if (listed != n)
		return fails(p, "%d keys are listed, not %d", listed, n);
	return VERDICT_PASS;
}

static enum verdict
check_list_keys(struct probe *p)
{
	int n = list_count(p, 0);

	PASSES(expect_add(p, 0, user_key(USER_ED25519), nothing));
	PASSES(expect_add(p, 0, user_key(USER_ED25519_TOO), nothing));
	PASSES(expect_listed(p, 0, user_key(USER_ED25519)->blob, true));
	PASSES(expect_listed(p, 1, user_key(USER_ED25519_TOO)->blob, true));
	return p->sticky ? VERDICT_PASS : expect_count(p, n + 2);
}

static enum verdict
check_comment(struct probe *p)
{
	static const char *const texts[] = { "me@example.org", "",
		"gr\303\274\303\237e \342\200\224 two words" };
	const struct material_key *k;
	struct slice got = nothing;
	char what[64];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		k = fresh_key(p);
		(void)snprintf(what, sizeof(what), "an add with a comment of "
		    "%zu bytes", strlen(texts[i]));
		PASSES(expect(p, 0, add_body(k, nothing, texts[i], nothing),
		    SSH_AGENT_SUCCESS, what));
		if (list_find(p, 0, k->blob, &got) < 0)
			return fails(p, "the key is not listed");
		if (!slice_eq_str(got, texts[i]))
			return fails(p, "a comment of %zu bytes is listed as "
			    "another one of %zu", strlen(texts[i]), got.len);
	}
	return VERDICT_PASS;
}

static enum verdict
check_list_order(struct probe *p)
{
	const struct material_key *keys[] = { fresh_key(p), fresh_key(p),
		fresh_key(p) };
	int at, last = -1;

	for (size_t i = 0; i < 3; i++)
		PASSES(expect_add(p, 0, keys[i], nothing));
	PASSES(expect_add(p, 0, keys[0], nothing));
	for (size_t i = 0; i < 3; i++) {
		at = list_find(p, 0, keys[i]->blob, NULL);
		if (at < 0)
			return fails(p, "a key is not listed");
		if (at <= last)
			return fails(p, "key %zu stands before key %zu",
			    i + 1, i);
		last = at;
	}
	return VERDICT_PASS;
}

static enum verdict
check_list_many(struct probe *p)
{
	const struct material_key *keys[MANY_KEYS];
	int n = list_count(p, 0);

	for (size_t i = 0; i < MANY_KEYS; i++) {
		keys[i] = fresh_key(p);
		PASSES(expect_add(p, 0, keys[i], nothing));
	}
	PASSES(expect_count(p, n + MANY_KEYS));
	PASSES(expect_signs(p, 0, keys[0], keys[0]->blob,
	    usual_login(keys[0]), 0, NULL));
	return expect_signs(p, 0, keys[MANY_KEYS - 1],
	    keys[MANY_KEYS - 1]->blob, usual_login(keys[MANY_KEYS - 1]), 0,
	    NULL);
}

/*
 * Add.
 */

/* A key is taken, listed, signs, and is removed; or it is not taken. */
static enum verdict
expect_type(struct probe *p, const struct material_key *k, struct slice cert)
{
	struct slice blob = cert.len > 0 ? cert : k->blob;
	struct answer a = ask(p, 0, add_body(k, cert, "type", nothing));
	bool sk = k->kind == KIND_SK_ED25519 || k->kind == KIND_SK_P256;

	if (answer_code(&a) == SSH_AGENT_FAILURE && a.body.len == 1) {
		PASSES(expect_listed(p, 0, blob, false));
		return not_offered(p, "FAILURE, and it is not listed");
	}
	if (answer_code(&a) != SSH_AGENT_SUCCESS || a.body.len != 1)
		return fails(p, "an add: %s", answer_name(&a));
	PASSES(expect_listed(p, 0, blob, true));
	/* The authenticator is not there. */
	if (!sk)
		PASSES(expect_signs(p, 0, k, blob, login(k, cert,
		    trial_session(0), "git", nothing), k->kind == KIND_RSA ?
		    SSH_AGENT_RSA_SHA2_512 : 0, k->kind == KIND_RSA ?
		    "rsa-sha2-512" : material_algorithm(k->kind, 0)));
	return VERDICT_PASS;
}

#define PLAIN(name, user)						\
static enum verdict							\
check_add_##name(struct probe *p)					\
{									\
	return expect_type(p, user_key(user), nothing);			\
}

#define CERTIFIED(name, user)						\
static enum verdict							\
check_cert_##name(struct probe *p)					\
{									\
	return expect_type(p, user_key(user),				\
	    material_users[user].certs[0]);				\
}

PLAIN(ed25519, USER_ED25519)
PLAIN(p256, USER_P256)
PLAIN(p384, USER_P384)
PLAIN(p521, USER_P521)
PLAIN(rsa, USER_RSA_2048)
PLAIN(sk_ed25519, USER_SK_ED25519)
PLAIN(sk_p256, USER_SK_P256)
CERTIFIED(ed25519, USER_ED25519)
CERTIFIED(p256, USER_P256)
CERTIFIED(p384, USER_P384)
CERTIFIED(p521, USER_P521)
CERTIFIED(rsa, USER_RSA_2048)
CERTIFIED(sk_ed25519, USER_SK_ED25519)
CERTIFIED(sk_p256, USER_SK_P256)

static enum verdict
check_add_dss(struct probe *p)
{
	static struct material_key *k;
	struct answer a;

	if (k == NULL)
		k = material_new_dsa();
	a = ask(p, 0, add_body(k, nothing, "dss", nothing));
	if (answer_code(&a) == SSH_AGENT_FAILURE && a.body.len == 1) {
		PASSES(expect_listed(p, 0, k->blob, false));
		return not_offered(p, "FAILURE, and it is not listed");
	}
	if (answer_code(&a) != SSH_AGENT_SUCCESS || a.body.len != 1)
		return fails(p, "an add: %s", answer_name(&a));
	return expect_listed(p, 0, k->blob, true);
}

/* The key of a constant. */
static EVP_PKEY *
make_ed448(uint8_t seed[static ED448_LEN], uint8_t pk[static ED448_LEN])
{
	size_t len = ED448_LEN;
	EVP_PKEY *pkey;

	for (size_t i = 0; i < ED448_LEN; i++)
		seed[i] = (uint8_t)(i * 3 + 1);
	pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED448, NULL, seed,
	    ED448_LEN);
	if (pkey == NULL || EVP_PKEY_get_raw_public_key(pkey, pk, &len) != 1)
		die("no Ed448 in libcrypto");
	return pkey;
}

/* Whether an answer has a good signature of it. */
static bool
verify_ed448(const struct answer *a, EVP_PKEY *pkey, struct slice data)
{
	struct wire_reader r = wire_reader(a->body);
	struct slice signature, name, bytes;
	EVP_MD_CTX *ctx;
	uint8_t type;
	bool good;

	if (answer_code(a) != SSH_AGENT_SIGN_RESPONSE ||
	    wire_get_u8(&r, &type) != ST_OK ||
	    wire_get_string(&r, &signature) != ST_OK || !wire_end(&r))
		return false;
	r = wire_reader(signature);
	if (wire_get_string(&r, &name) != ST_OK ||
	    wire_get_string(&r, &bytes) != ST_OK || !wire_end(&r) ||
	    !slice_eq_str(name, "ssh-ed448"))
		return false;
	ctx = EVP_MD_CTX_new();
	good = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
	    EVP_DigestVerify(ctx, bytes.p, bytes.len, data.p, data.len) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

static enum verdict
check_add_ed448(struct probe *p)
{
	uint8_t sk[2 * ED448_LEN], pk[ED448_LEN], room[512], blob_room[128];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct wire_writer b = wire_writer(blob_room, sizeof(blob_room));
	EVP_PKEY *pkey = make_ed448(sk, pk);
	struct slice blob, public = { pk, sizeof(pk) }, data;
	enum verdict verdict = VERDICT_PASS;
	struct answer a;

	memcpy(sk + ED448_LEN, pk, ED448_LEN);
	wire_put_str(&b, "ssh-ed448");
	wire_put_string(&b, public);
	blob = (struct slice){ blob_room, b.len };
	wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
	wire_put_bytes(&w, blob);
	wire_put_string(&w, (struct slice){ sk, sizeof(sk) });
	wire_put_str(&w, "ed448");
	a = ask(p, 0, (struct slice){ room, w.len });
	data = slice_str("text");
	if (answer_code(&a) != SSH_AGENT_FAILURE || a.body.len != 1) {
		if (answer_code(&a) != SSH_AGENT_SUCCESS || a.body.len != 1)
			verdict = fails(p, "an add: %s", answer_name(&a));
		else
			verdict = expect_listed(p, 0, blob, true);
		a = ask(p, 0, sign_body(blob, data, 0));
		if (verdict == VERDICT_PASS && !verify_ed448(&a, pkey, data))
			verdict = fails(p, "a request to sign: %s, and no "
			    "good signature", answer_name(&a));
	} else if ((verdict = expect_listed(p, 0, blob, false)) ==
	    VERDICT_PASS) {
		verdict = not_offered(p, "FAILURE, and it is not listed");
	}
	EVP_PKEY_free(pkey);
	return verdict;
}

static enum verdict
check_add_two(struct probe *p)
{
	const struct material_user *u = &material_users[USER_ED25519];

	PASSES(expect_add(p, 0, u->key, nothing));
	PASSES(expect(p, 0, add_body(u->key, u->certs[0], "", nothing),
	    SSH_AGENT_SUCCESS, "an add of its certificate"));
	PASSES(expect_listed(p, 0, u->key->blob, true));
	PASSES(expect_listed(p, 0, u->certs[0], true));
	PASSES(expect(p, 0, remove_body(u->certs[0]), SSH_AGENT_SUCCESS,
	    "the removal of the certificate"));
	PASSES(expect_listed(p, 0, u->certs[0], false));
	return expect_listed(p, 0, u->key->blob, true);
}

static enum verdict
check_add_again(struct probe *p)
{
	const struct material_key *k = user_key(USER_ED25519);
	struct slice comment = nothing;
	int n;

	PASSES(expect_add(p, 0, k, nothing));
	n = list_count(p, 0);
	PASSES(expect(p, 0, add_body(k, nothing, "again", nothing),
	    SSH_AGENT_SUCCESS, "a second add"));
	if (list_count(p, 0) == n + 1)
		return fails(p, "it is listed twice");
	PASSES(expect_count(p, n));
	if (list_find(p, 0, k->blob, &comment) < 0 ||
	    !slice_eq_str(comment, "again"))
		return fails(p, "the comment is still the first one");
	return VERDICT_PASS;
}

static enum verdict
check_add_unknown(struct probe *p)
{
	uint8_t room[512];
	struct wire_writer w = wire_writer(room, sizeof(room));
	int n = list_count(p, 0);

	wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
	wire_put_str(&w, "unknown@example.com");
	wire_put_str(&w, "some");
	wire_put_str(&w, "contents");
	wire_put_str(&w, "a comment");
	PASSES(expect(p, 0, (struct slice){ room, w.len }, SSH_AGENT_FAILURE,
	    "an add of unknown@example.com"));
	if (list_count(p, 0) != n)
		return fails(p, "the list has changed");
	return VERDICT_PASS;
}

/* An Ed25519 key whose fields are not as long as they must be. */
static enum verdict
check_add_lengths(struct probe *p)
{
	static const uint8_t zeros[65];
	static const struct {
		size_t	 pk, sk;
	} rows[] = { { 31, 64 }, { 33, 64 }, { 32, 63 }, { 32, 65 },
		{ 32, 32 }, { 0, 0 } };
	uint8_t room[512];
	struct wire_writer w;
	int n = list_count(p, 0);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		w = wire_writer(room, sizeof(room));
		wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
		wire_put_str(&w, "ssh-ed25519");
		wire_put_string(&w, (struct slice){ zeros, rows[i].pk });
		wire_put_string(&w, (struct slice){ zeros, rows[i].sk });
		wire_put_str(&w, "");
		PASSES(expect(p, 0, (struct slice){ room, w.len },
		    SSH_AGENT_FAILURE, "an Ed25519 key of wrong lengths"));
	}
	if (list_count(p, 0) != n)
		return fails(p, "the list has changed");
	return VERDICT_PASS;
}

/* The add of a key whose halves do not belong together. */
static enum verdict
check_add_mismatch(struct probe *p)
{
	const struct material_key *k = fresh_key(p), *other = fresh_key(p);
	uint8_t room[512];
	struct wire_writer w = wire_writer(room, sizeof(room));

	wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
	wire_put_str(&w, "ssh-ed25519");
	wire_put_string(&w, k->point);
	wire_put_string(&w, (struct slice){ other->secret, 64 });
	wire_put_str(&w, "");
	PASSES(expect(p, 0, (struct slice){ room, w.len }, SSH_AGENT_FAILURE,
	    "an Ed25519 key with another's private half"));
	return expect_listed(p, 0, k->blob, false);
}

/*
 * Tokens.
 */

/* A request about a token that is not there. */
static enum verdict
expect_no_token(struct probe *p, uint8_t type, const char *what)
{
	uint8_t room[256];
	struct wire_writer w = wire_writer(room, sizeof(room));

	wire_put_u8(&w, type);
	wire_put_str(&w, "/nonexistent/token.so");
	wire_put_str(&w, "1234");
	return expect(p, 0, (struct slice){ room, w.len }, SSH_AGENT_FAILURE,
	    what);
}

static enum verdict
check_token_add(struct probe *p)
{
	PASSES(expect_no_token(p, SSH_AGENTC_ADD_SMARTCARD_KEY,
	    "ADD_SMARTCARD_KEY"));
	return expect_no_token(p, SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED,
	    "ADD_SMARTCARD_KEY_CONSTRAINED");
}

static enum verdict
check_token_remove(struct probe *p)
{
	return expect_no_token(p, SSH_AGENTC_REMOVE_SMARTCARD_KEY,
	    "REMOVE_SMARTCARD_KEY");
}

/*
 * Remove.
 */

static enum verdict
check_remove(struct probe *p)
{
	const struct material_key *k = fresh_key(p), *other = fresh_key(p);

	PASSES(expect_add(p, 0, k, nothing));
	PASSES(expect_add(p, 0, other, nothing));
	PASSES(expect(p, 0, remove_body(k->blob), SSH_AGENT_SUCCESS,
	    "a removal"));
	PASSES(expect_listed(p, 0, k->blob, false));
	PASSES(expect_no_signature(p, 0, k->blob, usual_login(k), 0));
	PASSES(expect_listed(p, 0, other->blob, true));
	return expect_signs(p, 0, other, other->blob, usual_login(other), 0,
	    NULL);
}

static enum verdict
check_remove_unknown(struct probe *p)
{
	const struct material_key *k = fresh_key(p);

	PASSES(expect(p, 0, remove_body(k->blob), SSH_AGENT_FAILURE,
	    "the removal of a key that was never there"));
	return expect(p, 0, remove_body(slice_str("no key")),
	    SSH_AGENT_FAILURE, "the removal of what is no key");
}

static enum verdict
check_remove_twice(struct probe *p)
{
	const struct material_key *k = fresh_key(p);

	PASSES(expect_add(p, 0, k, nothing));
	PASSES(expect(p, 0, remove_body(k->blob), SSH_AGENT_SUCCESS,
	    "a removal"));
	return expect(p, 0, remove_body(k->blob), SSH_AGENT_FAILURE,
	    "a second removal");
}

/* All keys go, by that message. */
static enum verdict
expect_remove_all(struct probe *p, uint8_t type)
{
	const struct material_key *k = fresh_key(p), *other = fresh_key(p);

	PASSES(expect_add(p, 0, k, nothing));
	PASSES(expect_add(p, 0, other, nothing));
	PASSES(expect(p, 1, BODY(type), SSH_AGENT_SUCCESS, "remove all"));
	PASSES(expect_listed(p, 0, k->blob, false));
	PASSES(expect_listed(p, 0, other->blob, false));
	PASSES(expect_no_signature(p, 0, k->blob, usual_login(k), 0));
	return expect(p, 0, BODY(type), SSH_AGENT_SUCCESS,
	    "remove all, when there is nothing");
}

static enum verdict
check_remove_all(struct probe *p)
{
	return expect_remove_all(p, SSH_AGENTC_REMOVE_ALL_IDENTITIES);
}

static enum verdict
check_remove_all_9(struct probe *p)
{
	struct answer a = ask(p, 0,
	    BODY(SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES));

	if (answer_code(&a) == SSH_AGENT_FAILURE && a.body.len == 1)
		return not_offered(p, "FAILURE");
	return expect_remove_all(p, SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES);
}

#define ADDING		"RFC 9987, 5.2"
#define ADD_ECDSA	"RFC 9987, 5.2.2"
#define TOKENS		"RFC 9987, 5.2.6"
#define REMOVING	"RFC 9987, 5.4"
#define LISTING		"RFC 9987, 5.5"
#define CERTKEYS	"PROTOCOL.certkeys"
#define OPENSSH		"OpenSSH"

const struct requirement requirements_keys[] = {
	{ "list.empty", LISTING, LEVEL_MUST,
	    "without keys the list is a count of 0, and nothing follows", 0,
	    check_list_empty },
	{ "list.keys", LISTING, LEVEL_MUST,
	    "keys that were added are listed by their public key encoding, on "
	    "all connections; the count is right, and nothing follows",
	    OFFER_ADD, check_list_keys },
	{ "list.comment", LISTING, LEVEL_MUST,
	    "comments are listed as they were added: ASCII, empty, UTF-8",
	    OFFER_ADD, check_comment },
	{ "list.order", OPENSSH, LEVEL_PRACTICE,
	    "keys stand in the order in which they were added; one that is "
	    "added again keeps its place", OFFER_ADD, check_list_order },
	{ "list.many", OPENSSH, LEVEL_PRACTICE,
	    "200 keys are listed, and the first and the last sign",
	    OFFER_ADD, check_list_many },
	{ "add.ssh-ed25519", "RFC 9987, 5.2.3", LEVEL_MUST,
	    "`ssh-ed25519` is added, listed, and signs", 0,
	    check_add_ed25519 },
	{ "add.ssh-ed448", "RFC 9987, 5.2.3", LEVEL_MUST,
	    "`ssh-ed448`, likewise", 0, check_add_ed448 },
	{ "add.ecdsa-sha2-nistp256", ADD_ECDSA, LEVEL_MUST,
	    "`ecdsa-sha2-nistp256`, likewise", 0, check_add_p256 },
	{ "add.ecdsa-sha2-nistp384", ADD_ECDSA, LEVEL_MUST,
	    "`ecdsa-sha2-nistp384`, likewise", 0, check_add_p384 },
	{ "add.ecdsa-sha2-nistp521", ADD_ECDSA, LEVEL_MUST,
	    "`ecdsa-sha2-nistp521`, likewise", 0, check_add_p521 },
	{ "add.ssh-rsa", "RFC 9987, 5.2.4", LEVEL_MUST,
	    "`ssh-rsa` of 2048 bits, likewise", 0, check_add_rsa },
	{ "add.ssh-dss", "RFC 9987, 5.2.1", LEVEL_MUST,
	    "`ssh-dss` is added and listed", 0, check_add_dss },
	{ "add.sk-ssh-ed25519", "PROTOCOL.u2f", LEVEL_MUST,
	    "`sk-ssh-ed25519@openssh.com` is added and listed", 0,
	    check_add_sk_ed25519 },
	{ "add.sk-ecdsa-sha2-nistp256", "PROTOCOL.u2f", LEVEL_MUST,
	    "`sk-ecdsa-sha2-nistp256@openssh.com` is added and listed", 0,
	    check_add_sk_p256 },
	{ "cert.ssh-ed25519", CERTKEYS, LEVEL_MUST,
	    "`ssh-ed25519-cert-v01@openssh.com` is added, listed, and signs "
	    "by the plain algorithm", 0, check_cert_ed25519 },
	{ "cert.ecdsa-sha2-nistp256", CERTKEYS, LEVEL_MUST,
	    "`ecdsa-sha2-nistp256-cert-v01@openssh.com`, likewise", 0,
	    check_cert_p256 },
	{ "cert.ecdsa-sha2-nistp384", CERTKEYS, LEVEL_MUST,
	    "`ecdsa-sha2-nistp384-cert-v01@openssh.com`, likewise", 0,
	    check_cert_p384 },
	{ "cert.ecdsa-sha2-nistp521", CERTKEYS, LEVEL_MUST,
	    "`ecdsa-sha2-nistp521-cert-v01@openssh.com`, likewise", 0,
	    check_cert_p521 },
	{ "cert.ssh-rsa", CERTKEYS, LEVEL_MUST,
	    "`ssh-rsa-cert-v01@openssh.com`, likewise", 0, check_cert_rsa },
	{ "cert.sk-ssh-ed25519", CERTKEYS, LEVEL_MUST,
	    "`sk-ssh-ed25519-cert-v01@openssh.com` is added and listed", 0,
	    check_cert_sk_ed25519 },
	{ "cert.sk-ecdsa-sha2-nistp256", CERTKEYS, LEVEL_MUST,
	    "`sk-ecdsa-sha2-nistp256-cert-v01@openssh.com` is added and "
	    "listed", 0, check_cert_sk_p256 },
	{ "cert.beside-key", OPENSSH, LEVEL_PRACTICE,
	    "a key and its certificate are two entries", OFFER_ADD |
	    OFFER_CERTIFICATE, check_add_two },
	{ "add.again", OPENSSH, LEVEL_PRACTICE,
	    "a key that is added again is there once, with the new comment",
	    OFFER_ADD, check_add_again },
	{ "add.unknown-type", ADDING, LEVEL_MUST,
	    "a key of an unknown type gets `FAILURE`, and nothing is added",
	    0, check_add_unknown },
	{ "add.lengths", OPENSSH, LEVEL_PRACTICE,
	    "an Ed25519 key whose fields have wrong lengths gets `FAILURE`, "
	    "and nothing is added", OFFER_ADD, check_add_lengths },
	{ "add.mismatch", "two signatures with a foreign public half give the "
	    "private half away", LEVEL_PRACTICE,
	    "an Ed25519 key whose public half is another's is refused",
	    OFFER_ADD, check_add_mismatch },
	{ "token.add", TOKENS, LEVEL_SHOULD,
	    "a token that is not there gets `FAILURE`", 0, check_token_add },
	{ "token.remove", REMOVING, LEVEL_MUST,
	    "the removal of a token that is not there gets `FAILURE`", 0,
	    check_token_remove },
	{ "remove.one", REMOVING, LEVEL_MUST,
	    "a key that is removed is not listed and does not sign; others "
	    "stay", OFFER_ADD, check_remove },
	{ "remove.unknown", REMOVING, LEVEL_MUST,
	    "the removal of an unknown key gets `FAILURE`", 0,
	    check_remove_unknown },
	{ "remove.twice", REMOVING, LEVEL_MUST,
	    "a second removal gets `FAILURE`", OFFER_ADD,
	    check_remove_twice },
	{ "remove.all", REMOVING, LEVEL_MUST,
	    "all keys go, and `SUCCESS` is the answer also without keys",
	    OFFER_ADD, check_remove_all },
	{ "remove.all-1", OPENSSH, LEVEL_PRACTICE,
	    "message 9, which `ssh-add -D` still sends, removes all keys, "
	    "too", OFFER_ADD, check_remove_all_9 },
	{ .id = NULL },
};
