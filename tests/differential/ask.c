#include "differential/ask.h"

#include <string.h>

void
ask_put_add(struct wire_writer *w, uint8_t type, const struct material_key *k,
    struct slice cert, struct slice comment, struct slice constraints)
{
	wire_put_u8(w, type);
	if (cert.len > 0) {
		wire_put_str(w, material_cert_type(k->kind));
		wire_put_string(w, cert);
		wire_put_bytes(w, k->behind_cert);
	} else {
		wire_put_str(w, material_type(k->kind));
		wire_put_bytes(w, k->private);
	}
	wire_put_string(w, comment);
	wire_put_bytes(w, constraints);
}

void
ask_put_sign(struct wire_writer *w, struct slice blob, struct slice data,
    uint32_t flags)
{
	wire_put_u8(w, SSH_AGENTC_SIGN_REQUEST);
	wire_put_string(w, blob);
	wire_put_string(w, data);
	wire_put_u32(w, flags);
}

void
ask_put_string(struct wire_writer *w, uint8_t type, struct slice s)
{
	wire_put_u8(w, type);
	wire_put_string(w, s);
}

void
ask_put_text(struct wire_writer *w, uint8_t type, const char *s)
{
	ask_put_string(w, type, slice_str(s));
}

void
ask_put_constraint(struct wire_writer *w, const char *name)
{
	ask_put_text(w, SSH_AGENT_CONSTRAIN_EXTENSION, name);
}

void
ask_put_lifetime(struct wire_writer *w, uint32_t seconds)
{
	wire_put_u8(w, SSH_AGENT_CONSTRAIN_LIFETIME);
	wire_put_u32(w, seconds);
}

void
ask_put_bind(struct wire_writer *w, const struct ask_bind *b)
{
	size_t mark;

	ask_put_text(w, SSH_AGENTC_EXTENSION, "session-bind@openssh.com");
	wire_put_string(w, b->hostkey);
	wire_put_string(w, b->sid);
	mark = wire_open_string(w);
	material_sign(w, b->signer, b->algorithm, b->signed_sid);
	wire_close_string(w, mark);
	wire_put_u8(w, b->forwarding);
}

void
ask_put_userauth(struct wire_writer *w, const struct ask_userauth *u)
{
	wire_put_string(w, u->sid);
	wire_put_u8(w, 50);		/* SSH_MSG_USERAUTH_REQUEST */
	wire_put_str(w, u->user);
	wire_put_str(w, u->service);
	wire_put_str(w, u->method);
	wire_put_u8(w, u->has_signature);
	wire_put_str(w, u->algorithm);
	wire_put_string(w, u->blob);
	if (strstr(u->method, "hostbound") != NULL)
		wire_put_string(w, u->hostkey);
	wire_put_bytes(w, u->trailing);
}

void
ask_put_sshsig(struct wire_writer *w, const char *ns, const char *hash)
{
	uint8_t digest[64] = { 1, 2, 3 };

	wire_put_bytes(w, slice_str("SSHSIG"));
	wire_put_str(w, ns);
	wire_put_str(w, "");
	wire_put_str(w, hash);
	wire_put_string(w, (struct slice){ digest,
	    strcmp(hash, "sha256") == 0 ? 32 : 64 });
}

/* Append one end of a pair. */
static void
put_hop(struct wire_writer *w, const struct ask_hop *hop)
{
	size_t mark = wire_open_string(w);

	wire_put_str(w, hop->user);
	wire_put_str(w, hop->host);
	wire_put_str(w, hop->reserved);
	for (size_t i = 0; i < hop->n; i++) {
		wire_put_string(w, hop->keys[i].blob);
		wire_put_u8(w, hop->keys[i].is_ca);
	}
	wire_close_string(w, mark);
}

void
ask_put_hops(struct wire_writer *w, const struct ask_hop *from,
    const struct ask_hop *to, const char *reserved)
{
	put_hop(w, from);
	put_hop(w, to);
	wire_put_str(w, reserved);
}

void
ask_put_pair(struct wire_writer *w, const struct ask_hop *from,
    const struct ask_hop *to, const char *reserved)
{
	size_t mark = wire_open_string(w);

	ask_put_hops(w, from, to, reserved);
	wire_close_string(w, mark);
}

struct ask_hop
ask_hop_of(const struct material_host *h, const char *user)
{
	struct ask_hop hop = { .user = user, .host = MATERIAL_HOST_NAME,
		.reserved = "", .n = 1 };

	hop.keys[0].blob = h->cert ? h->ca->blob : h->key->blob;
	hop.keys[0].is_ca = h->cert;
	return hop;
}
