#include "differential/sequence.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "differential/ask.h"
#include "differential/material.h"
#include "differential/mutate.h"
#include "differential/view.h"

#define ROOM		(2 * 1024 * 1024)
#define BODY_MAX	(256 * 1024)
#define LOCK_RIGHT	"open sesame"
/* Lifetimes of bytes such that a shifted or a cut one is not a short one. */
#define LIFETIME_LONG	0x40414243u
/* The longest that no two agents count alike. */
#define LIFETIME_RACY	60

static const struct slice nothing;

/* Session ids: usual lengths, the longest, one too long, and none. */
static const uint8_t session_bytes[160] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };
static const struct slice sessions[] = {
	{ session_bytes, 32 }, { session_bytes + 1, 32 },
	{ session_bytes + 2, 20 }, { session_bytes + 3, 64 },
	{ session_bytes + 4, 128 }, { session_bytes + 5, 129 },
	{ session_bytes, 0 },
};
#define N_SESSIONS	(sizeof(sessions) / sizeof(sessions[0]))

#define PICK(q, a)	\
	((a)[random_below(&(q)->random, sizeof(a) / sizeof((a)[0]))])

/*
 * Pieces.
 */

/* A writer over what is left of the room. */
static struct wire_writer
draft(struct sequence *q)
{
	size_t left = ROOM - q->used;

	assert(left >= BODY_MAX + 4);
	return wire_writer(q->room + q->used, BODY_MAX);
}

/* What was written, kept until the next step. */
static struct slice
finish(struct sequence *q, const struct wire_writer *w)
{
	assert(!w->full && w->p == q->room + q->used);
	q->used += w->len;
	return (struct slice){ w->p, w->len };
}

/* One of the hosts of this sequence, or any. */
static unsigned
some_host(struct sequence *q)
{
	unsigned h;

	if (random_chance(&q->random, 850))
		return q->hosts[random_below(&q->random, SEQUENCE_HOSTS)];
	do {
		h = random_below(&q->random, material_n_hosts);
	} while (material_hosts[h].since > q->version);
	return h;
}

/* A session id: mostly one of the usual. */
static unsigned
some_session(struct sequence *q)
{
	return random_below(&q->random, random_chance(&q->random, 900) ? 3 :
	    N_SESSIONS);
}

/* A user key: mostly one that is cheap. */
static unsigned
some_user(struct sequence *q)
{
	return random_below(&q->random, random_chance(&q->random, 650) ?
	    USERS_CHEAP : USERS);
}

/* The blob of some key, added or not. */
static struct slice
some_blob(struct sequence *q)
{
	const struct material_user *u = &material_users[some_user(q)];

	if (q->n_blobs > 0 && random_chance(&q->random, 880))
		return q->blobs[random_below(&q->random, q->n_blobs)];
	if (random_chance(&q->random, 700))
		return u->key->blob;
	return PICK(q, u->certs);
}

/* Take note of a blob that the agents may hold. */
static void
remember_blob(struct sequence *q, struct slice blob)
{
	for (size_t i = 0; i < q->n_blobs; i++)
		if (slice_eq(q->blobs[i], blob))
			return;
	if (q->n_blobs < sizeof(q->blobs) / sizeof(q->blobs[0]))
		q->blobs[q->n_blobs++] = blob;
}

/* Text with a bit of everything. */
static struct slice
some_comment(struct sequence *q)
{
	static const char *const plain[] = { "one", "another key",
		"me@example", "", "\xc3\xa9\x1b[31m", "a\nb" };
	static const uint8_t many[600] = { 'x', 'y' };

	switch (random_below(&q->random, 20)) {
	case 0:
		return (struct slice){ (const uint8_t *)"a\0b", 3 };
	case 1:
		return (struct slice){ (const uint8_t *)"ab\0", 3 };
	case 2:
		return (struct slice){ many, 2 };
	case 3:
		return (struct slice){ (const uint8_t *)"\0", 1 };
	default:
		return slice_str(PICK(q, plain));
	}
}

/*
 * Constraints.
 */

/* One pair that leads somewhere, or is broken in one way. */
static void
put_some_pair(struct sequence *q, struct wire_writer *w)
{
	static const char *const users[] = { "", "", "", "git", "g*", "?oot",
		"*", "nobody", "gi?,root" };
	struct ask_hop none = { .user = "", .host = "", .reserved = "" };
	struct ask_hop from = none, to;
	const char *reserved = "";

	if (random_chance(&q->random, 450))
		from = ask_hop_of(&material_hosts[some_host(q)], "");
	to = ask_hop_of(&material_hosts[some_host(q)], PICK(q, users));
	if (random_chance(&q->random, 200)) {
		/* A second key, here a host and there a CA. */
		to.keys[1].blob = material_hosts[some_host(q)].key->blob;
		to.keys[1].is_ca = random_chance(&q->random, 200);
		to.n = 2;
	}
	if (random_chance(&q->random, 40)) {
		to.keys[0].blob = material_hosts[some_host(q)].blob;
		to.keys[0].is_ca = PICK(q, ((const uint8_t[]){ 0, 1, 2 }));
	}
	if (random_chance(&q->random, 80)) {
		switch (random_below(&q->random, 8)) {
		case 0: from.user = "git"; break;
		case 1: from.host = from.host[0] != '\0' ? "" : "x"; break;
		case 2: from.n = from.n > 0 ? 0 : 1; break;
		case 3: to.host = ""; break;
		case 4: to.n = 0; break;
		case 5: to.reserved = "x"; break;
		case 6: from.reserved = "x"; break;
		case 7: reserved = "x"; break;
		}
		if (from.n > 0 && from.keys[0].blob.len == 0)
			from.keys[0].blob = material_hosts[0].blob;
	}
	ask_put_pair(w, &from, &to, reserved);
}

/* Destinations. */
static void
put_some_destinations(struct sequence *q, struct wire_writer *w)
{
	unsigned n = 1 + random_below(&q->random, 3);
	size_t mark;

	ask_put_constraint(w, "restrict-destination-v00@openssh.com");
	mark = wire_open_string(w);
	for (unsigned i = 0; i < n; i++)
		put_some_pair(q, w);
	wire_close_string(w, mark);
	if (random_chance(&q->random, 15))
		wire_put_u8(w, 0);
}

/* A constraint that few keys can have, or none. */
static void
put_odd_constraint(struct sequence *q, struct wire_writer *w)
{
	static const char *const providers[] = { "internal", "Internal",
		"/nonexistent/provider.so", "", "internal\n" };

	switch (random_below(&q->random, 8)) {
	case 0:
		ask_put_constraint(w, "unknown@example.com");
		break;
	case 1:
		ask_put_constraint(w, "unknown@example.com");
		wire_put_str(w, "with a body");
		break;
	case 2:
		ask_put_constraint(w, "associated-certs-v00@openssh.com");
		wire_put_u8(w, 0);
		wire_put_str(w, "");
		break;
	case 3:
		wire_put_u8(w, 3);
		wire_put_u32(w, 7);
		break;
	case 4:
		wire_put_u8(w, (uint8_t)random_next(&q->random));
		break;
	default:
		ask_put_constraint(w, "sk-provider@openssh.com");
		wire_put_str(w, PICK(q, providers));
		break;
	}
}

/* Some constraints, in any order, perhaps twice. */
static void
put_some_constraints(struct sequence *q, struct wire_writer *w, bool sk)
{
	static const uint32_t lifetimes[] = { LIFETIME_LONG, LIFETIME_LONG,
		0xffffffffu, 0x7fffffffu, 86400 };
	unsigned n = PICK(q, ((const unsigned[]){ 0, 0, 0, 0, 0, 1, 1, 1, 2,
	    3 }));

	for (unsigned i = 0; i < n; i++) {
		switch (random_below(&q->random, 10)) {
		case 0:
		case 1:
			ask_put_lifetime(w, PICK(q, lifetimes));
			break;
		case 2:
			if (random_chance(&q->random, 300))
				ask_put_lifetime(w, 0);
			else
				wire_put_u8(w, SSH_AGENT_CONSTRAIN_CONFIRM);
			break;
		case 3:
			put_odd_constraint(q, w);
			break;
		case 4:
			ask_put_lifetime(w, LIFETIME_LONG);
			break;
		default:
			put_some_destinations(q, w);
			break;
		}
	}
	if (sk && random_chance(&q->random, 400)) {
		ask_put_constraint(w, "sk-provider@openssh.com");
		wire_put_str(w, "internal");
	}
}

/* Whether an add asks for a lifetime from one time to another, inclusive. */
static bool
has_lifetime(struct slice body, uint32_t least, uint32_t most)
{
	struct view_constraint c;
	struct view_add a;
	struct wire_reader r;

	if (!view_get_add(body, &a))
		return false;
	r = wire_reader(a.constraints);
	while (view_next_constraint(&r, &c))
		if (c.type == SSH_AGENT_CONSTRAIN_LIFETIME &&
		    c.lifetime_s >= least && c.lifetime_s <= most)
			return true;
	return false;
}

/*
 * Requests.
 */

/* Two keys in one, which not everybody minds. */
static void
put_mixed_add(struct sequence *q, struct wire_writer *w)
{
	const struct material_user *u = &material_users[some_user(q)];
	const struct material_user *v = &material_users[some_user(q)];
	struct wire_reader r = wire_reader(v->key->private);
	struct slice first;

	wire_put_u8(w, SSH_AGENTC_ADD_IDENTITY);
	switch (random_below(&q->random, 3)) {
	case 0:			/* the certificate of another key */
		wire_put_str(w, material_cert_type(u->key->kind));
		wire_put_string(w, v->certs[0]);
		wire_put_bytes(w, u->key->behind_cert);
		break;
	case 1:			/* the fields of another key */
		wire_put_str(w, material_type(u->key->kind));
		wire_put_bytes(w, v->key->private);
		break;
	default:		/* the private half of another key */
		wire_put_str(w, material_type(KIND_ED25519));
		if (wire_get_string(&r, &first) != ST_OK)
			abort();
		wire_put_string(w, first);
		wire_put_bytes(w, r.rest);
		break;
	}
	wire_put_str(w, "mixed");
}

static struct slice
make_add(struct sequence *q)
{
	const struct material_user *u = &material_users[some_user(q)];
	struct slice cert = nothing, comment = some_comment(q), constraints;
	struct wire_writer w = draft(q);
	uint8_t type;

	if (random_chance(&q->random, 25)) {
		put_mixed_add(q, &w);
		return finish(q, &w);
	}
	put_some_constraints(q, &w, u->key->kind >= KIND_SK_ED25519);
	constraints = finish(q, &w);
	if (random_chance(&q->random, 350))
		cert = PICK(q, u->certs);
	type = random_chance(&q->random, constraints.len > 0 ? 800 : 200) ?
	    SSH_AGENTC_ADD_ID_CONSTRAINED : SSH_AGENTC_ADD_IDENTITY;
	w = draft(q);
	ask_put_add(&w, type, u->key, cert, comment, constraints);
	remember_blob(q, cert.len > 0 ? cert : u->key->blob);
	return finish(q, &w);
}

/* A userauth request, mostly one that fits to the connection. */
static void
put_some_userauth(struct sequence *q, struct wire_writer *w,
    const struct sequence_conn *c, struct slice blob)
{
	static const char *const users[] = { "git", "git", "git", "root",
		"nobody", "" };
	bool cert = false;
	const struct material_key *k = material_find(blob, &cert);
	bool bound = c->n_binds > 0 && random_chance(&q->random, 920);
	struct ask_userauth u = { .user = PICK(q, users),
		.service = "ssh-connection", .has_signature = 1,
		.blob = blob };
	const char *other = PICK(q, ((const char *const[]){ "ssh-ed25519",
	    "ssh-rsa", "rsa-sha2-512", "nonsense", "none",
	    "ssh-rsa-cert-v01@openssh.com" }));

	u.sid = sessions[bound ? c->sid : some_session(q)];
	u.hostkey = material_hosts[bound ? c->host : some_host(q)].blob;
	u.method = random_chance(&q->random, 700) ? ASK_HOSTBOUND :
	    ASK_PUBLICKEY;
	u.algorithm = cert && k->kind != KIND_RSA ?
	    material_cert_type(k->kind) : cert ?
	    "rsa-sha2-256-cert-v01@openssh.com" :
	    material_algorithm(k->kind, random_chance(&q->random, 800) ? 0 :
	    k->kind == KIND_RSA);
	if (random_chance(&q->random, 150)) {
		switch (random_below(&q->random, 8)) {
		case 0: u.service = "ssh-userauth"; break;
		case 1: u.method = "password"; break;
		case 2: u.has_signature = 0; break;
		case 3: u.algorithm = other; break;
		case 4: u.blob = some_blob(q); break;
		case 5: u.trailing = slice_str("x"); break;
		case 6: u.hostkey = material_hosts[some_host(q)].blob; break;
		case 7: u.has_signature = 2; break;
		}
	}
	ask_put_userauth(w, &u);
}

/* Something to be signed. */
static struct slice
some_data(struct sequence *q, const struct sequence_conn *c,
    struct slice blob)
{
	struct wire_writer w = draft(q);
	struct slice data;
	unsigned n;

	switch (random_below(&q->random, 20)) {
	case 0:
		break;
	case 1:
	case 2:
		n = 1 + random_below(&q->random, 100);
		for (unsigned i = 0; i < n; i++)
			wire_put_u8(&w, (uint8_t)random_next(&q->random));
		break;
	case 3:
		n = 5000 + random_below(&q->random, 5000);
		for (unsigned i = 0; i < n; i++)
			wire_put_u8(&w, (uint8_t)i);
		break;
	case 4:
	case 5:
		ask_put_sshsig(&w, "git", "sha512");
		break;
	default:
		put_some_userauth(q, &w, c, blob);
		break;
	}
	data = finish(q, &w);
	w = draft(q);
	return mutate_some(&q->random, data, &w, 100) ? finish(q, &w) : data;
}

static struct slice
make_sign(struct sequence *q, const struct sequence_conn *c)
{
	static const uint32_t any[] = { 0, 1, 2, 4, 6, 8, 0xff, 0x80000002u };
	static const uint32_t rsa[] = { 2, 4, 2, 4, 6, 0, 0 };
	struct slice blob = some_blob(q);
	struct slice data = some_data(q, c, blob);
	struct wire_writer w = draft(q);
	bool cert;
	uint32_t flags = 0;

	if (random_chance(&q->random, 50))
		flags = PICK(q, any);
	else if (material_find(blob, &cert)->kind == KIND_RSA)
		flags = PICK(q, rsa);
	ask_put_sign(&w, blob, data, flags);
	if (random_chance(&q->random, 50))
		wire_put_str(&w, "trailing");
	return finish(q, &w);
}

static struct slice
make_remove(struct sequence *q)
{
	struct wire_writer w = draft(q);

	ask_put_string(&w, SSH_AGENTC_REMOVE_IDENTITY, some_blob(q));
	if (random_chance(&q->random, 50))
		wire_put_str(&w, "trailing");
	return finish(q, &w);
}

static struct slice
make_bind(struct sequence *q, struct sequence_conn *c)
{
	unsigned h = some_host(q), s = some_session(q);
	const struct material_host *host = &material_hosts[h];
	struct wire_writer w = draft(q);
	size_t i = random_chance(&q->random, 700) ? 0 :
	    random_below(&q->random, 3);
	struct ask_bind b = { .hostkey = host->blob, .sid = sessions[s],
		.signed_sid = sessions[s], .signer = host->key };

	/* Most chains end with a host that somebody logs in to. */
	b.forwarding = PICK(q, ((const uint8_t[]){ 0, 0, 0, 1, 1, 1, 1, 1 }));
	b.algorithm = material_algorithm(host->key->kind, i);
	if (b.algorithm == NULL)
		b.algorithm = material_algorithm(host->key->kind, 0);
	if (random_chance(&q->random, 120)) {
		switch (random_below(&q->random, 4)) {
		case 0: b.signed_sid = sessions[some_session(q)]; break;
		case 1: b.hostkey = material_hosts[some_host(q)].blob; break;
		case 2: b.forwarding = (uint8_t)(2 * b.forwarding); break;
		case 3: b.algorithm = "ssh-ed25519"; break;
		}
		/* A key can only make what it can. */
		if (host->key->kind != KIND_ED25519 &&
		    host->key->kind != KIND_SK_ED25519 &&
		    strcmp(b.algorithm, "ssh-ed25519") == 0)
			b.signer = material_hosts[0].key;
	}
	ask_put_bind(&w, &b);
	if (random_chance(&q->random, 30))
		wire_put_str(&w, "trailing");
	c->n_binds++;
	c->host = h;
	c->sid = s;
	return finish(q, &w);
}

/* Lock and unlock.  Both are slow in OpenSSH, and wrong passphrases cost more
 * time: see sequence_begin(). */
static struct slice
make_lock(struct sequence *q)
{
	struct wire_writer w = draft(q);
	unsigned dice = random_below(&q->random, 20);

	if (dice == 0) {
		ask_put_text(&w, q->locked ? SSH_AGENTC_LOCK :
		    SSH_AGENTC_UNLOCK, LOCK_RIGHT);
	} else if (dice == 1) {
		ask_put_text(&w, q->locked ? SSH_AGENTC_UNLOCK :
		    SSH_AGENTC_LOCK, "");
	} else if (dice == 2) {
		/* A NUL at the end of a text does not count. */
		ask_put_string(&w, q->locked ? SSH_AGENTC_UNLOCK :
		    SSH_AGENTC_LOCK, (struct slice){
		    (const uint8_t *)LOCK_RIGHT, sizeof(LOCK_RIGHT) });
		q->locked = !q->locked;
	} else if (q->locked && q->wrong) {
		ask_put_text(&w, SSH_AGENTC_UNLOCK, "open wheat");
		q->wrong = false;
	} else {
		ask_put_text(&w, q->locked ? SSH_AGENTC_UNLOCK :
		    SSH_AGENTC_LOCK, LOCK_RIGHT);
		q->locked = !q->locked;
	}
	return finish(q, &w);
}

static struct slice
make_extension(struct sequence *q)
{
	static const char *const names[] = { "query", "query", "",
		"unknown@example.com", "session-bind@openssh.com", "querx",
		"QUERY", "session-bind@openssh.co" };
	struct wire_writer w = draft(q);

	ask_put_text(&w, SSH_AGENTC_EXTENSION, PICK(q, names));
	if (random_chance(&q->random, 200))
		wire_put_str(&w, "something");
	return finish(q, &w);
}

/* PKCS#11, with a library that is not there. */
static struct slice
make_smartcard(struct sequence *q)
{
	static const uint8_t types[] = { SSH_AGENTC_ADD_SMARTCARD_KEY,
		SSH_AGENTC_REMOVE_SMARTCARD_KEY,
		SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED };
	struct wire_writer w = draft(q);

	ask_put_text(&w, PICK(q, types), "/nonexistent/library.so");
	wire_put_str(&w, "1234");
	if (random_chance(&q->random, 400))
		put_some_constraints(q, &w, false);
	return finish(q, &w);
}

/* A message number that is none, or a real one without its fields. */
static struct slice
make_other(struct sequence *q)
{
	struct wire_writer w = draft(q);
	unsigned n = random_below(&q->random, 12);

	wire_put_u8(&w, random_chance(&q->random, 300) ?
	    SSH_AGENTC_REQUEST_IDENTITIES : (uint8_t)random_next(&q->random));
	for (unsigned i = 0; i < n; i++)
		wire_put_u8(&w, (uint8_t)random_next(&q->random));
	/* One frame in many is as long as they may be. */
	if (random_chance(&q->random, 10) && w.p[0] > 31)
		w.len = BODY_MAX;
	return finish(q, &w);
}

/* A message number and nothing else. */
static struct slice
make_bare(struct sequence *q, uint8_t type)
{
	struct wire_writer w = draft(q);

	wire_put_u8(&w, type);
	return finish(q, &w);
}

static struct slice
make_remove_all(struct sequence *q)
{
	q->n_blobs = 0;
	return make_bare(q, random_chance(&q->random, 600) ?
	    SSH_AGENTC_REMOVE_ALL_IDENTITIES :
	    SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES);
}

/* Any request, for one connection. */
static struct slice
make_request(struct sequence *q, struct sequence_conn *c)
{
	unsigned dice = random_below(&q->random, 100);

	if (q->locked && random_chance(&q->random, 300))
		return make_lock(q);
	if (dice < 28)
		return make_add(q);
	if (dice < 60)
		return make_sign(q, c);
	if (dice < 76)
		return make_bind(q, c);
	if (dice < 82)
		return make_remove(q);
	if (dice < 86)
		return make_extension(q);
	if (dice < 88)
		return make_smartcard(q);
	if (dice < 91)
		return make_other(q);
	if (dice < 93)
		return make_remove_all(q);
	if (dice < 97 && q->locks)
		return make_lock(q);
	return make_bare(q, SSH_AGENTC_REQUEST_IDENTITIES);
}

/* A request, perhaps with a mistake in it. */
static struct slice
make_body(struct sequence *q, struct sequence_conn *c)
{
	struct slice body = make_request(q, c);
	struct wire_writer w = draft(q);
	bool lock = view_is(body, SSH_AGENTC_LOCK) ||
	    view_is(body, SSH_AGENTC_UNLOCK);

	if (!mutate_some(&q->random, body, &w, lock ? 20 : 160))
		return body;
	if (has_lifetime((struct slice){ w.p, w.len }, 1, LIFETIME_RACY))
		return body;
	return finish(q, &w);
}

/*
 * Steps.
 */

/* A length that no frame has, and a few bytes. */
static void
make_raw(struct sequence *q, struct step *out)
{
	static const uint32_t lengths[] = { 0, BODY_MAX + 1, 0x7fffffff,
		0x80000000u, 0xffffffffu };
	struct wire_writer w = draft(q);

	wire_put_u32(&w, PICK(q, lengths));
	wire_put_u32(&w, 1);
	wire_put_u8(&w, SSH_AGENTC_REQUEST_IDENTITIES);
	out->kind = STEP_RAW;
	out->bodies[0] = finish(q, &w);
}

/* A part of a frame. */
static void
make_partial(struct sequence *q, struct step *out)
{
	struct sequence_conn *c = &q->conns[out->conn];
	struct slice body = make_request(q, c);
	struct wire_writer w = draft(q);
	size_t cut = random_below(&q->random, body.len + 4);

	/* The longest body has a length before it, too. */
	w.cap += 4;
	wire_put_string(&w, body);
	out->bodies[0] = finish(q, &w);
	out->bodies[0].len = cut;
	out->kind = random_chance(&q->random, 500) ? STEP_HOLD :
	    STEP_PARTIAL;
	if (out->kind == STEP_HOLD)
		c->held = true;
	else
		*c = (struct sequence_conn){ .held = false };
}

/* An add with a lifetime, and the time until it is over. */
static void
make_wait(struct sequence *q, struct step *out)
{
	const struct material_key *k = material_users[some_user(q)].key;
	uint8_t room[8];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice constraint;

	ask_put_lifetime(&w, 1);
	constraint = (struct slice){ room, w.len };
	w = draft(q);
	ask_put_add(&w, SSH_AGENTC_ADD_ID_CONSTRAINED, k, nothing,
	    slice_str("short"), constraint);
	out->kind = STEP_WAIT;
	out->bodies[0] = finish(q, &w);
	out->wait_ms = 1050;
	q->waits = false;
}

/* Requests, one or several. */
static void
make_ask(struct sequence *q, struct step *out)
{
	static const enum delivery ways[] = { DELIVER_WHOLE, DELIVER_WHOLE,
		DELIVER_EACH, DELIVER_CUT, DELIVER_CUT };
	size_t all = 0;

	out->kind = STEP_ASK;
	out->n = random_chance(&q->random, 850) ? 1 :
	    2 + random_below(&q->random, STEP_BODIES - 1);
	for (size_t i = 0; i < out->n; i++) {
		out->bodies[i] = make_body(q, &q->conns[out->conn]);
		all += out->bodies[i].len;
		if (has_lifetime(out->bodies[i], 0, 0))
			out->n = i + 1;
	}
	if (random_chance(&q->random, 200))
		out->how = PICK(q, ways);
	if (all < 700 && random_chance(&q->random, 15))
		out->how = DELIVER_BYTES;
	out->cut = (size_t)random_next(&q->random);
}

/* An empty sequence that goes by these numbers. */
static void
begin(struct sequence *q, struct random random, unsigned version)
{
	uint8_t *room = q->room;
	unsigned h;

	if (room == NULL && (room = malloc(ROOM)) == NULL)
		abort();
	*q = (struct sequence){ .random = random, .version = version,
		.room = room };
	q->left = 6 + random_below(&q->random, 20);
	q->n_conns = 2 + random_below(&q->random, SIDE_CONNS - 1);
	q->waits = random_below(&q->random, 1500) == 0;
	q->wrong = random_chance(&q->random, 8);
	q->locks = random_chance(&q->random, 200);
	for (unsigned i = 0; i < SEQUENCE_HOSTS; i++) {
		do {
			h = random_below(&q->random, material_n_hosts);
		} while (material_hosts[h].since > version);
		q->hosts[i] = h;
	}
}

void
sequence_begin(struct sequence *q, uint64_t seed, unsigned version)
{
	struct random random = { .state = seed };

	/* Seeds that follow each other must have nothing in common. */
	random.state = random_next(&random);
	begin(q, random, version);
}

void
sequence_begin_input(struct sequence *q, struct slice input, unsigned version)
{
	begin(q, (struct random){ .input = input }, version);
	q->by_input = true;
	/* What takes long is for seeds. */
	q->waits = false;
	q->wrong = false;
}

void
sequence_end(struct sequence *q)
{
	free(q->room);
	q->room = NULL;
}

bool
sequence_next(struct sequence *q, struct step *out)
{
	unsigned dice;

	*out = (struct step){ .conn = random_below(&q->random, q->n_conns),
		.n = 1 };
	if (q->left-- == 0 || (q->by_input && q->random.input.len == 0))
		return false;
	q->used = 0;
	dice = random_below(&q->random, 100);
	if (q->conns[out->conn].held || dice < 3) {
		q->conns[out->conn] = (struct sequence_conn){ .held = false };
		out->kind = STEP_RECONNECT;
	} else if (dice == 3) {
		q->conns[out->conn] = (struct sequence_conn){ .held = false };
		make_raw(q, out);
	} else if (dice < 6) {
		make_partial(q, out);
	} else if (dice == 6) {
		q->conns[out->conn] = (struct sequence_conn){ .held = false };
		out->kind = STEP_SHUT;
		out->bodies[0] = make_bare(q, SSH_AGENTC_REQUEST_IDENTITIES);
	} else if (q->waits) {
		make_wait(q, out);
	} else {
		make_ask(q, out);
	}
	return true;
}
