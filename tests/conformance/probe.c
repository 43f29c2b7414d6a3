#include "conformance/probe.h"

#include <stdarg.h>
#include <stdio.h>

const struct slice nothing;

/* Attempts to unlock after a check. */
#define UNLOCKS	8
/* Looks at whether it ends. */
#define ENDINGS	20
/* Who leaves so many requests without an answer is asked more hastily, until
 * one is answered: hundreds are to come. */
#define SILENT_MAX	6
#define HASTE_MS	300

/*
 * Verdicts.
 */

enum verdict
fails(struct probe *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(p->seen, sizeof(p->seen), format, ap);
	va_end(ap);
	return VERDICT_FAIL;
}

enum verdict
not_offered(struct probe *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(p->seen, sizeof(p->seen), format, ap);
	va_end(ap);
	return VERDICT_NOT_OFFERED;
}

enum verdict
skipped(struct probe *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(p->seen, sizeof(p->seen), format, ap);
	va_end(ap);
	return VERDICT_SKIPPED;
}

/* The name of a code, or NULL. */
static const char *
code_name(uint8_t code)
{
	switch (code) {
	case EITHER_FAILURE: return "FAILURE or EXTENSION_FAILURE";
	case SSH_AGENT_FAILURE: return "FAILURE";
	case SSH_AGENT_SUCCESS: return "SUCCESS";
	case SSH_AGENT_IDENTITIES_ANSWER: return "IDENTITIES_ANSWER";
	case SSH_AGENT_SIGN_RESPONSE: return "SIGN_RESPONSE";
	case SSH_AGENT_EXTENSION_FAILURE: return "EXTENSION_FAILURE";
	case SSH_AGENT_EXTENSION_RESPONSE: return "EXTENSION_RESPONSE";
	default: return NULL;
	}
}

const char *
answer_name(const struct answer *a)
{
	static char texts[4][64];
	static unsigned next;
	char *text = texts[next++ % 4];
	const char *name;

	switch (a->kind) {
	case ANSWER_CLOSED: return "a closed connection";
	case ANSWER_SILENCE: return "no answer";
	case ANSWER_GARBAGE: return "bytes that are no reply";
	case ANSWER_REPLY: break;
	}
	name = a->body.p[0] == 0 ? NULL : code_name(a->body.p[0]);
	if (name == NULL)
		(void)snprintf(text, sizeof(texts[0]), "message %u",
		    a->body.p[0]);
	else if (a->body.len > 1 && (a->body.p[0] == SSH_AGENT_FAILURE ||
	    a->body.p[0] == SSH_AGENT_SUCCESS ||
	    a->body.p[0] == SSH_AGENT_EXTENSION_FAILURE))
		(void)snprintf(text, sizeof(texts[0]), "%s with %zu bytes "
		    "behind it", name, a->body.len - 1);
	else
		return name;
	return text;
}

/*
 * Asking.
 */

/* Have less patience with who does not answer; it is that of connections
 * opened from now on. */
static void
judge_silence(struct probe *p, bool silent)
{
	bool hasty;

	if (p->patience_ms == 0)
		p->patience_ms = p->side->patience_ms;
	p->n_silent = silent ? p->n_silent + 1 : 0;
	hasty = p->n_silent >= SILENT_MAX && p->patience_ms > HASTE_MS;
	p->side->patience_ms = hasty ? HASTE_MS : p->patience_ms;
}

struct answer
ask(struct probe *p, unsigned c, struct slice body)
{
	struct answer a;

	if (p->side->fds[c] < 0 && !side_try_connect(p->side, c))
		return (struct answer){ ANSWER_CLOSED, nothing };
	side_send(p->side, c, &body, 1, DELIVER_WHOLE, 0);
	a = side_receive(p->side, c, body);
	judge_silence(p, a.kind == ANSWER_SILENCE);
	return a;
}

enum verdict
expect(struct probe *p, unsigned c, struct slice body, uint8_t code,
    const char *what)
{
	struct answer a = ask(p, c, body);
	uint8_t got = answer_code(&a);
	bool right = code == EITHER_FAILURE ? got == SSH_AGENT_FAILURE ||
	    got == SSH_AGENT_EXTENSION_FAILURE : got == code;

	if (right && a.body.len == 1)
		return VERDICT_PASS;
	return fails(p, "%s: %s, not %s", what, answer_name(&a),
	    code_name(code));
}

/* Read a list; false: it is none. */
static bool
read_list(struct probe *p, unsigned c, struct slice blob, int *n, int *at,
    struct slice *comment)
{
	struct answer a = ask(p, c, trial_list);
	struct wire_reader r = wire_reader(a.body);
	struct slice got, text;
	uint32_t count;
	uint8_t type;

	*at = -1;
	*n = -1;
	if (answer_code(&a) != SSH_AGENT_IDENTITIES_ANSWER ||
	    wire_get_u8(&r, &type) != ST_OK ||
	    wire_get_u32(&r, &count) != ST_OK)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (wire_get_string(&r, &got) != ST_OK ||
		    wire_get_string(&r, &text) != ST_OK)
			return false;
		if (*at >= 0 || !slice_eq(got, blob))
			continue;
		*at = (int)i;
		if (comment != NULL)
			*comment = text;
	}
	*n = (int)count;
	return wire_end(&r);
}

int
list_count(struct probe *p, unsigned c)
{
	int n, at;

	return read_list(p, c, nothing, &n, &at, NULL) ? n : -1;
}

int
list_find(struct probe *p, unsigned c, struct slice blob,
    struct slice *comment)
{
	int n, at;

	return read_list(p, c, blob, &n, &at, comment) ? at : -1;
}

enum verdict
expect_alive(struct probe *p, unsigned c)
{
	struct answer a = ask(p, c, trial_list);

	if (answer_code(&a) == SSH_AGENT_IDENTITIES_ANSWER)
		return VERDICT_PASS;
	return fails(p, "a list after it: %s", answer_name(&a));
}

enum verdict
expect_listed(struct probe *p, unsigned c, struct slice blob, bool listed)
{
	int n, at;

	if (!read_list(p, c, blob, &n, &at, NULL))
		return fails(p, "what should be a list is none");
	if ((at >= 0) == listed)
		return VERDICT_PASS;
	return fails(p, listed ? "the key is not listed" :
	    "the key is listed");
}

const struct material_key *
user_key(unsigned user)
{
	return material_users[user].key;
}

const struct material_key *
fresh_key(struct probe *p)
{
	static char labels[512][16];

	if (p->n_fresh == sizeof(labels) / sizeof(labels[0]))
		die("too many keys");
	(void)snprintf(labels[p->n_fresh], sizeof(labels[0]), "fresh %u",
	    p->n_fresh);
	return material_new(KIND_ED25519, 0, labels[p->n_fresh++]);
}

struct slice
add_body(const struct material_key *k, struct slice cert,
    const char *comment, struct slice constraints)
{
	struct wire_writer w = trial_draft();

	ask_put_add(&w, constraints.len > 0 ? SSH_AGENTC_ADD_ID_CONSTRAINED :
	    SSH_AGENTC_ADD_IDENTITY, k, cert, slice_str(comment), constraints);
	return trial_written(&w);
}

enum verdict
expect_add(struct probe *p, unsigned c, const struct material_key *k,
    struct slice constraints)
{
	return expect(p, c, add_body(k, nothing, k->label, constraints),
	    SSH_AGENT_SUCCESS, "an add");
}

struct slice
login(const struct material_key *k, struct slice cert, struct slice sid,
    const char *user, struct slice hostkey)
{
	static uint8_t room[16384];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct ask_userauth u = { .sid = sid, .user = user,
		.service = "ssh-connection", .has_signature = 1,
		.hostkey = hostkey,
		.blob = cert.len > 0 ? cert : k->blob };

	u.method = hostkey.len > 0 ? ASK_HOSTBOUND : ASK_PUBLICKEY;
	if (k->kind == KIND_RSA)
		u.algorithm = cert.len > 0 ?
		    "rsa-sha2-512-cert-v01@openssh.com" : "rsa-sha2-512";
	else
		u.algorithm = cert.len > 0 ? material_cert_type(k->kind) :
		    material_algorithm(k->kind, 0);
	ask_put_userauth(&w, &u);
	if (w.full)
		die("a login is too long");
	return (struct slice){ room, w.len };
}

struct slice
usual_login(const struct material_key *k)
{
	return login(k, nothing, trial_session(0), "git", nothing);
}

struct slice
sign_body(struct slice blob, struct slice data, uint32_t flags)
{
	struct wire_writer w = trial_draft();

	ask_put_sign(&w, blob, data, flags);
	return trial_written(&w);
}

enum verdict
expect_signs(struct probe *p, unsigned c, const struct material_key *k,
    struct slice blob, struct slice data, uint32_t flags,
    const char *algorithm)
{
	struct answer a = ask(p, c, sign_body(blob, data, flags));
	struct wire_reader r = wire_reader(a.body), in;
	struct slice signature, name;
	uint8_t type;

	if (answer_code(&a) != SSH_AGENT_SIGN_RESPONSE)
		return fails(p, "a request to sign %zu bytes: %s", data.len,
		    answer_name(&a));
	if (wire_get_u8(&r, &type) != ST_OK ||
	    wire_get_string(&r, &signature) != ST_OK || !wire_end(&r))
		return fails(p, "SIGN_RESPONSE is not one string");
	in = wire_reader(signature);
	if (wire_get_string(&in, &name) != ST_OK)
		return fails(p, "a signature does not name its algorithm");
	if (algorithm != NULL && !slice_eq_str(name, algorithm))
		return fails(p, "a signature by %.*s, not %s",
		    (int)(name.len < 64 ? name.len : 64),
		    (const char *)name.p, algorithm);
	if (!material_verify(k, signature, data))
		return fails(p, "a signature does not verify");
	return VERDICT_PASS;
}

enum verdict
expect_no_signature(struct probe *p, unsigned c, struct slice blob,
    struct slice data, uint32_t flags)
{
	return expect(p, c, sign_body(blob, data, flags), SSH_AGENT_FAILURE,
	    "a request to sign");
}

struct slice
remove_body(struct slice blob)
{
	struct wire_writer w = trial_draft();

	ask_put_string(&w, SSH_AGENTC_REMOVE_IDENTITY, blob);
	return trial_written(&w);
}

struct slice
text_body(uint8_t type, const char *text)
{
	struct wire_writer w = trial_draft();

	ask_put_text(&w, type, text);
	return trial_written(&w);
}

enum verdict
expect_lock(struct probe *p, unsigned c)
{
	p->locked = true;
	return expect(p, c, text_body(SSH_AGENTC_LOCK, PASSPHRASE),
	    SSH_AGENT_SUCCESS, "LOCK");
}

/*
 * Around a check.
 */

/* Ask for a code, and no matter what is said. */
static uint8_t
try_code(struct probe *p, struct slice body)
{
	struct answer a = ask(p, 0, body);

	return answer_code(&a);
}

/* Unlock; behind a wrong guess that takes a while. */
static void
unlock(struct probe *p)
{
	for (unsigned i = 0; i < UNLOCKS && p->locked; i++) {
		if (try_code(p, text_body(SSH_AGENTC_UNLOCK, PASSPHRASE)) ==
		    SSH_AGENT_SUCCESS || list_count(p, 0) > 0)
			p->locked = false;
		else
			trial_pause(20);
	}
}

/* Whether the agent ends, that gives no list: it may be about to. */
static bool
has_ended(struct probe *p)
{
	for (unsigned i = 0; i < ENDINGS; i++) {
		if (!side_alive(p->side))
			return true;
		trial_pause(5);
	}
	return false;
}

/* Remove what can be removed, and forget connections and answers. */
static void
reset(struct probe *p)
{
	const struct lie *lie = p->side->lie;
	int n;

	/* Only checks are lied to. */
	p->side->lie = NULL;
	side_close_all(p->side);
	if (!side_alive(p->side)) {
		p->locked = false;
		p->gone = p->side->foreign;
		p->ended = true;
		if (p->gone)
			return;
		side_stop(p->side);
		side_start(p->side);
	}
	if (p->locked)
		unlock(p);
	(void)try_code(p, BODY(SSH_AGENTC_REMOVE_ALL_IDENTITIES));
	n = list_count(p, 0);
	if (n < 0 && !p->side->foreign && has_ended(p))
		p->ended = true;
	if (n != 0 && !p->side->foreign && (!p->sticky || p->ended)) {
		side_stop(p->side);
		side_start(p->side);
	}
	side_close_all(p->side);
	side_forget(p->side);
	p->side->lie = lie;
}

/* Whether the Ed25519 key is taken with these constraints. */
static bool
takes(struct probe *p, struct slice constraints)
{
	return try_code(p, add_body(user_key(USER_ED25519), nothing, "learn",
	    constraints)) == SSH_AGENT_SUCCESS;
}

/* Whether it knows an extension, though it may not do what was asked: FAILURE
 * is for those that it does not know. */
static bool
knows(struct probe *p, struct slice body)
{
	uint8_t code = try_code(p, body);

	return code != 0 && code != SSH_AGENT_FAILURE;
}

/* Take note of an offer. */
static void
note(struct probe *p, bool has, enum offer offer)
{
	if (has)
		p->offers |= offer;
	reset(p);
}

void
probe_learn(struct probe *p)
{
	const struct material_host *h = &material_hosts[0];
	uint8_t room[4096];
	struct wire_writer w = wire_writer(room, sizeof(room));
	bool tells;

	p->offers = 0;
	reset(p);
	/* Of one that says the same of all extensions nothing is known. */
	tells = !knows(p, text_body(SSH_AGENTC_EXTENSION,
	    "unknown@example.com"));
	note(p, takes(p, nothing), OFFER_ADD);
	ask_put_lifetime(&w, 3600);
	note(p, takes(p, (struct slice){ room, w.len }), OFFER_LIFETIME);
	note(p, takes(p, BODY(SSH_AGENT_CONSTRAIN_CONFIRM)), OFFER_CONFIRM);
	w.len = 0;
	note(p, takes(p, trial_only_to(&w, h, "")), OFFER_DESTINATIONS);
	note(p, tells && knows(p, trial_bind(h->key, h->blob, 0, 0)),
	    OFFER_BIND);
	note(p, tells && knows(p, text_body(SSH_AGENTC_EXTENSION, "query")),
	    OFFER_QUERY);
	note(p, try_code(p, add_body(user_key(USER_RSA_2048), nothing, "learn",
	    nothing)) == SSH_AGENT_SUCCESS, OFFER_RSA);
	note(p, try_code(p, add_body(user_key(USER_ED25519),
	    material_users[USER_ED25519].certs[0], "learn", nothing)) ==
	    SSH_AGENT_SUCCESS, OFFER_CERTIFICATE);
	p->locked = try_code(p, text_body(SSH_AGENTC_LOCK, PASSPHRASE)) ==
	    SSH_AGENT_SUCCESS;
	note(p, p->locked, OFFER_LOCK);
	p->sticky = !p->gone && list_count(p, 0) > 0;
	reset(p);
}

/* The first offer that is needed and not there, in words; NULL: none. */
static const char *
lacks(const struct probe *p, unsigned needs)
{
	static const struct {
		enum offer	 offer;
		const char	*text;
	} rows[] = {
		{ OFFER_ADD, "add" },
		{ OFFER_LIFETIME, "constraint lifetime" },
		{ OFFER_CONFIRM, "constraint confirm" },
		{ OFFER_LOCK, "lock" },
		{ OFFER_BIND, "session-bind@openssh.com" },
		{ OFFER_DESTINATIONS,
		    "restrict-destination-v00@openssh.com" },
		{ OFFER_QUERY, "query" },
		{ OFFER_RSA, "add of an RSA key" },
		{ OFFER_CERTIFICATE, "add of a certificate" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((needs & rows[i].offer) != 0 &&
		    (p->offers & rows[i].offer) == 0)
			return rows[i].text;
	return NULL;
}

enum verdict
probe_check(struct probe *p, const struct requirement *r)
{
	const char *lack = lacks(p, r->needs);
	enum verdict verdict;

	p->seen[0] = '\0';
	p->ended = false;
	(void)snprintf(side_where, sizeof(side_where), " (%s)", r->id);
	if (p->gone)
		return skipped(p, "the agent is gone");
	if (lack != NULL)
		return not_offered(p, "no %s", lack);
	verdict = r->check(p);
	reset(p);
	/* One that is started again has ended all the same. */
	if (p->ended && verdict == VERDICT_PASS)
		return fails(p, p->gone ? "the agent is gone after it" :
		    "the agent has ended after it");
	return verdict;
}
