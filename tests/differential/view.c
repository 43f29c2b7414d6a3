#include "differential/view.h"

#include "proto/agent_num.h"

bool
view_is(struct slice body, uint8_t type)
{
	return body.len > 0 && body.p[0] == type;
}

/* A reader behind the message number. */
static struct wire_reader
behind_type(struct slice body)
{
	return wire_reader((struct slice){ body.p + 1, body.len - 1 });
}

/* The kind that has this name, as a plain key or a certificate. */
static bool
find_kind(struct slice name, enum material_kind *kind, bool *cert)
{
	for (unsigned i = 0; i <= KIND_DSA; i++) {
		*kind = (enum material_kind)i;
		*cert = slice_eq_str(name, material_cert_type(*kind));
		if (*cert || slice_eq_str(name, material_type(*kind)))
			return true;
	}
	return false;
}

/* The fields of a plain ECDSA key or the rest of a certified one. */
static bool
get_ecdsa(struct wire_reader *r, struct view_add *out)
{
	struct slice curve;

	if (out->certified != NULL)
		out->point = out->certified->point;
	else if (wire_get_text(r, &curve) != ST_OK ||
	    wire_get_string(r, &out->point) != ST_OK)
		return false;
	return wire_get_mpint(r, &out->d) == ST_OK;
}

/* The same for RSA. */
static bool
get_rsa(struct wire_reader *r, struct view_add *out)
{
	if (out->certified != NULL) {
		out->n = out->certified->n;
		out->e = out->certified->e;
	} else if (wire_get_mpint(r, &out->n) != ST_OK ||
	    wire_get_mpint(r, &out->e) != ST_OK) {
		return false;
	}
	return wire_get_mpint(r, &out->rsa_d) == ST_OK &&
	    wire_get_mpint(r, &out->iqmp) == ST_OK &&
	    wire_get_mpint(r, &out->p) == ST_OK &&
	    wire_get_mpint(r, &out->q) == ST_OK;
}

/* The same for keys of an authenticator; nothing of them is kept. */
static bool
get_sk(struct wire_reader *r, const struct view_add *out)
{
	struct slice s;
	uint8_t flags;

	if (out->certified == NULL || out->kind == KIND_SK_ED25519)
		if (wire_get_string(r, &s) != ST_OK)
			return false;
	if (out->certified == NULL && out->kind == KIND_SK_P256)
		if (wire_get_string(r, &s) != ST_OK)
			return false;
	return wire_get_string(r, &s) == ST_OK &&
	    wire_get_u8(r, &flags) == ST_OK &&
	    wire_get_string(r, &s) == ST_OK &&
	    wire_get_string(r, &s) == ST_OK;
}

/* Whether it is one of the ECDSA kinds that are no authenticator's. */
static bool
is_ecdsa(enum material_kind kind)
{
	return kind == KIND_P256 || kind == KIND_P384 || kind == KIND_P521;
}

/* The private half. */
static bool
get_fields(struct wire_reader *r, struct view_add *out)
{
	struct slice s;

	switch (out->kind) {
	case KIND_ED25519:
		return wire_get_string(r, &out->pk) == ST_OK &&
		    wire_get_string(r, &out->sk) == ST_OK;
	case KIND_RSA:
		return get_rsa(r, out);
	case KIND_P256:
	case KIND_P384:
	case KIND_P521:
		return get_ecdsa(r, out);
	case KIND_DSA:
		for (size_t i = 0; i < 5; i++)
			if (wire_get_mpint(r, &s) != ST_OK)
				return false;
		return true;
	default:
		return get_sk(r, out);
	}
}

bool
view_get_add(struct slice body, struct view_add *out)
{
	struct slice name, blob;
	struct wire_reader r;
	bool cert;

	*out = (struct view_add){ .certified = NULL };
	if (!view_is(body, SSH_AGENTC_ADD_IDENTITY) &&
	    !view_is(body, SSH_AGENTC_ADD_ID_CONSTRAINED))
		return false;
	r = behind_type(body);
	if (wire_get_text(&r, &name) != ST_OK ||
	    !find_kind(name, &out->kind, &cert))
		return false;
	if (cert) {
		/* Of none but ours is the signature good. */
		if (wire_get_string(&r, &blob) != ST_OK)
			return false;
		out->certified = material_find(blob, &cert);
		if (out->certified == NULL || !cert)
			return false;
		out->other_curve = out->certified->kind != out->kind;
		/* To OpenSSH all of ECDSA is one type. */
		if (out->other_curve && (!is_ecdsa(out->kind) ||
		    !is_ecdsa(out->certified->kind)))
			return false;
		out->kind = out->certified->kind;
	}
	if (!get_fields(&r, out) || wire_get_text(&r, &out->comment) != ST_OK)
		return false;
	out->constraints = r.rest;
	return true;
}

bool
view_get_sign(struct slice body, struct view_sign *out)
{
	struct wire_reader r;

	if (!view_is(body, SSH_AGENTC_SIGN_REQUEST))
		return false;
	r = behind_type(body);
	return wire_get_string(&r, &out->blob) == ST_OK &&
	    wire_get_string(&r, &out->data) == ST_OK &&
	    wire_get_u32(&r, &out->flags) == ST_OK;
}

bool
view_get_extension(struct slice body, struct slice *name, struct slice *rest)
{
	struct wire_reader r;

	if (!view_is(body, SSH_AGENTC_EXTENSION))
		return false;
	r = behind_type(body);
	if (wire_get_text(&r, name) != ST_OK)
		return false;
	*rest = r.rest;
	return true;
}

bool
view_get_session_id(struct slice body, struct slice *out)
{
	struct slice name, rest, hostkey;
	struct wire_reader r;

	if (!view_get_extension(body, &name, &rest) ||
	    !slice_eq_str(name, "session-bind@openssh.com"))
		return false;
	r = wire_reader(rest);
	return wire_get_string(&r, &hostkey) == ST_OK &&
	    wire_get_string(&r, out) == ST_OK;
}

bool
view_get_passphrase(struct slice body, struct slice *out)
{
	struct wire_reader r, again;

	if (!view_is(body, SSH_AGENTC_LOCK) &&
	    !view_is(body, SSH_AGENTC_UNLOCK))
		return false;
	r = again = behind_type(body);
	/* A NUL at its end is allowed, and counts. */
	return wire_get_text(&r, out) == ST_OK &&
	    wire_get_string(&again, out) == ST_OK;
}

bool
view_next_constraint(struct wire_reader *r, struct view_constraint *out)
{
	*out = (struct view_constraint){ .type = 0 };
	if (wire_get_u8(r, &out->type) != ST_OK)
		return false;
	switch (out->type) {
	case SSH_AGENT_CONSTRAIN_LIFETIME:
		return wire_get_u32(r, &out->lifetime_s) == ST_OK;
	case SSH_AGENT_CONSTRAIN_CONFIRM:
		return true;
	case SSH_AGENT_CONSTRAIN_EXTENSION:
		/* The ones that we know have one string. */
		return wire_get_text(r, &out->name) == ST_OK &&
		    wire_get_string(r, &out->body) == ST_OK;
	default:
		return false;
	}
}

/* Whether one end of a pair does. */
static bool
has_unsound_key(struct slice hop)
{
	struct wire_reader r = wire_reader(hop);
	struct slice s;
	uint8_t is_ca;

	for (size_t i = 0; i < 3; i++)
		if (wire_get_string(&r, &s) != ST_OK)
			return false;
	while (wire_get_string(&r, &s) == ST_OK) {
		if (!material_is_sound(s))
			return true;
		if (wire_get_u8(&r, &is_ca) != ST_OK)
			return false;
	}
	return false;
}

bool
view_has_pair_with_more(struct slice destinations)
{
	struct wire_reader r = wire_reader(destinations), in;
	struct slice pair, s;
	bool more = false;

	while (wire_get_string(&r, &pair) == ST_OK) {
		in = wire_reader(pair);
		for (size_t i = 0; i < 3; i++)
			if (wire_get_string(&in, &s) != ST_OK)
				return false;
		more = more || !wire_end(&in);
	}
	return more && wire_end(&r);
}

bool
view_has_unsound_key(struct slice destinations)
{
	struct wire_reader r = wire_reader(destinations), pair_r;
	struct slice pair, from, to;

	while (wire_get_string(&r, &pair) == ST_OK) {
		pair_r = wire_reader(pair);
		if (wire_get_string(&pair_r, &from) == ST_OK &&
		    wire_get_string(&pair_r, &to) == ST_OK &&
		    (has_unsound_key(from) || has_unsound_key(to)))
			return true;
	}
	return false;
}

bool
view_is_foreign(const struct view_add *a)
{
	switch (a->kind) {
	case KIND_ED25519:
		return a->pk.len == 32 && a->sk.len == 64 &&
		    !material_ed25519_fits(a->pk, a->sk);
	case KIND_P256:
	case KIND_P384:
	case KIND_P521:
		return !material_ecdsa_fits(a->kind, a->point, a->d);
	case KIND_RSA:
		return !material_rsa_fits(a->n, a->e, a->rsa_d, a->iqmp,
		    a->p, a->q);
	default:
		return false;
	}
}
