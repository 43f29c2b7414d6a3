#include "differential/lies.h"

#include <string.h>

#include "differential/material.h"
#include "differential/view.h"
#include "proto/agent_num.h"

#define FRAME_MAX	(256 * 1024)

static uint8_t code_bytes[] = { 0, 1, 2, 3, 4, SSH_AGENT_FAILURE,
	SSH_AGENT_SUCCESS };

/* Make the answer a single byte. */
static bool
answer_with(struct answer *a, uint8_t code)
{
	if (answer_code(a) == code)
		return false;
	a->kind = ANSWER_REPLY;
	a->body = (struct slice){ code_bytes + code, 1 };
	return true;
}

/* The last byte of an answer, to be changed. */
static uint8_t *
last_byte(const struct answer *a)
{
	static uint8_t room[FRAME_MAX];

	if (a->body.len > sizeof(room))
		die("an answer is too long to lie about");
	memcpy(room, a->body.p, a->body.len);
	return room + a->body.len - 1;
}

/* Whether it is an extension of that name. */
static bool
is_extension(struct slice request, const char *name)
{
	struct slice got, rest;

	return view_get_extension(request, &got, &rest) &&
	    slice_eq_str(got, name);
}

/*
 * Answers.
 */

static bool
fail_remove(struct slice request, struct answer *a)
{
	return view_is(request, SSH_AGENTC_REMOVE_IDENTITY) &&
	    answer_with(a, SSH_AGENT_FAILURE);
}

static bool
change_comment(struct slice request, struct answer *a)
{
	uint8_t *last;

	if (!view_is(request, SSH_AGENTC_REQUEST_IDENTITIES) ||
	    answer_code(a) != SSH_AGENT_IDENTITIES_ANSWER || a->body.len < 10)
		return false;
	last = last_byte(a);
	*last ^= 0x20;
	a->body.p = last + 1 - a->body.len;
	return true;
}

static bool
change_signature(struct slice request, struct answer *a)
{
	uint8_t *last;

	if (!view_is(request, SSH_AGENTC_SIGN_REQUEST) ||
	    answer_code(a) != SSH_AGENT_SIGN_RESPONSE)
		return false;
	last = last_byte(a);
	*last ^= 1;
	a->body.p = last + 1 - a->body.len;
	return true;
}

/* As above, of the kind that nobody can compare by its bytes. */
static bool
change_ecdsa(struct slice request, struct answer *a)
{
	const struct material_key *k;
	struct view_sign sign;
	bool cert;

	return view_get_sign(request, &sign) &&
	    (k = material_find(sign.blob, &cert)) != NULL &&
	    k->kind == KIND_P256 && change_signature(request, a);
}

static bool
fail_bytes_behind(struct slice request, struct answer *a)
{
	struct view_sign sign;
	size_t len = 1 + 4 + 4 + 4;

	return view_get_sign(request, &sign) &&
	    request.len > len + sign.blob.len + sign.data.len &&
	    answer_with(a, SSH_AGENT_FAILURE);
}

static bool
hang_up_unknown(struct slice request, struct answer *a)
{
	if (request.p[0] < 32)
		return false;
	a->kind = ANSWER_CLOSED;
	return true;
}

static bool
accept_bad_bind(struct slice request, struct answer *a)
{
	return is_extension(request, "session-bind@openssh.com") &&
	    answer_with(a, SSH_AGENT_SUCCESS);
}

static bool
accept_twice(struct slice request, struct answer *a)
{
	struct view_constraint c;
	struct view_add add;
	struct wire_reader r;
	unsigned n = 0;

	if (!view_get_add(request, &add))
		return false;
	r = wire_reader(add.constraints);
	while (view_next_constraint(&r, &c))
		n += c.type == SSH_AGENT_CONSTRAIN_LIFETIME;
	return n == 2 && answer_with(a, SSH_AGENT_SUCCESS);
}

/* What a request that is not passed on is answered with. */
static bool
succeed_lock(struct slice request, struct answer *a)
{
	struct slice passphrase;

	return view_is(request, SSH_AGENTC_LOCK) &&
	    view_get_passphrase(request, &passphrase) && passphrase.len > 0 &&
	    answer_with(a, SSH_AGENT_SUCCESS);
}

static bool
succeed_remove_all(struct slice request, struct answer *a)
{
	return view_is(request, SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES) &&
	    answer_with(a, SSH_AGENT_SUCCESS);
}

/*
 * Requests.
 */

static const uint8_t list_byte = SSH_AGENTC_REQUEST_IDENTITIES;
static const struct slice list = { &list_byte, 1 };

static struct slice
swallow_lock(struct slice request, uint8_t *room)
{
	struct slice passphrase;

	(void)room;
	return view_is(request, SSH_AGENTC_LOCK) &&
	    view_get_passphrase(request, &passphrase) && passphrase.len > 0 ?
	    list : request;
}

static struct slice
swallow_remove_all(struct slice request, uint8_t *room)
{
	(void)room;
	return view_is(request, SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES) ? list :
	    request;
}

/* The add without constraints of one sort. */
static struct slice
without(struct slice request, uint8_t *room, uint8_t type, const char *name)
{
	struct wire_writer w = wire_writer(room, FRAME_MAX);
	struct view_constraint c;
	struct view_add add;
	struct wire_reader r;
	const uint8_t *from;

	if (!view_get_add(request, &add))
		return request;
	wire_put_bytes(&w, (struct slice){ request.p,
	    request.len - add.constraints.len });
	r = wire_reader(add.constraints);
	for (from = r.rest.p; view_next_constraint(&r, &c); from = r.rest.p)
		if (c.type != type || !slice_eq_str(c.name, name))
			wire_put_bytes(&w, (struct slice){ from,
			    (size_t)(r.rest.p - from) });
	/* What cannot be understood goes as it is. */
	wire_put_bytes(&w, (struct slice){ from, (size_t)(request.p +
	    request.len - from) });
	return (struct slice){ room, w.len };
}

static struct slice
drop_confirm(struct slice request, uint8_t *room)
{
	return without(request, room, SSH_AGENT_CONSTRAIN_CONFIRM, "");
}

static struct slice
drop_lifetime(struct slice request, uint8_t *room)
{
	return without(request, room, SSH_AGENT_CONSTRAIN_LIFETIME, "");
}

static struct slice
drop_destinations(struct slice request, uint8_t *room)
{
	return without(request, room, SSH_AGENT_CONSTRAIN_EXTENSION,
	    "restrict-destination-v00@openssh.com");
}

/* The last byte of a bind says whether it is for forwarding. */
static struct slice
never_forwarded(struct slice request, uint8_t *room)
{
	if (!is_extension(request, "session-bind@openssh.com"))
		return request;
	memcpy(room, request.p, request.len);
	room[request.len - 1] = 0;
	return (struct slice){ room, request.len };
}

/* SHA-512 where SHA-256 was asked for. */
static struct slice
other_hash(struct slice request, uint8_t *room)
{
	struct view_sign sign;
	size_t at;

	if (!view_get_sign(request, &sign) || sign.flags != 2)
		return request;
	memcpy(room, request.p, request.len);
	at = 1 + 4 + sign.blob.len + 4 + sign.data.len + 3;
	room[at] = 4;
	return (struct slice){ room, request.len };
}

/* A signature for whom it was asked, but for the other end of the session. */
static struct slice
any_user(struct slice request, uint8_t *room)
{
	struct view_sign sign;
	uint8_t *at;

	if (!view_get_sign(request, &sign))
		return request;
	memcpy(room, request.p, request.len);
	at = memmem(room, request.len, "\0\0\0\6nobody", 10);
	if (at == NULL)
		return request;
	memcpy(at, "\0\0\0\6gitgit", 10);
	return (struct slice){ room, request.len };
}

const struct lie lies[] = {
	{ "a removal fails", NULL, fail_remove, false },
	{ "a comment has another last letter", NULL, change_comment, false },
	{ "a signature has one wrong bit", NULL, change_signature, false },
	{ "an ECDSA signature has one wrong bit", NULL, change_ecdsa, false },
	{ "bytes behind a request matter", NULL, fail_bytes_behind, false },
	{ "an unknown message ends the connection", NULL, hang_up_unknown, false },
	{ "a bad bind succeeds", NULL, accept_bad_bind, false },
	{ "a constraint may come twice", NULL, accept_twice, false },
	{ "locking does nothing", swallow_lock, succeed_lock, false },
	{ "message 9 does nothing", swallow_remove_all, succeed_remove_all, false },
	{ "confirm is forgotten", drop_confirm, NULL, false },
	{ "a lifetime is forgotten", drop_lifetime, NULL, false },
	{ "destinations are forgotten", drop_destinations, NULL, false },
	{ "forwarding is forgotten", never_forwarded, NULL, false },
	{ "SHA-512 in place of SHA-256", other_hash, NULL, false },
	{ "a signature for another user", any_user, NULL, false },
};
const size_t n_lies = sizeof(lies) / sizeof(lies[0]);

struct slice
lie_request(struct side *s, struct slice request)
{
	static uint8_t room[FRAME_MAX];
	struct slice changed;

	if (s->lie == NULL || s->lie->request == NULL)
		return request;
	changed = s->lie->request(request, room);
	if (!slice_eq(changed, request))
		s->told++;
	return changed;
}

void
lie_reply(struct side *s, struct slice request, struct answer *a)
{
	if (s->lie != NULL && s->lie->reply != NULL &&
	    s->lie->reply(request, a))
		s->told++;
}
