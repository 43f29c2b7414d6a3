#include "proto/keyblob.h"

#include <assert.h>

/* Bytes in the point of an Ed25519 key. */
#define ED25519_POINT	32

static const struct key_type_info types[KEY_TYPES] = {
	[KEY_ED25519] = {
		.name = "ssh-ed25519",
		.cert_name = "ssh-ed25519-cert-v01@openssh.com",
		.label = "ED25519",
		.bits = 256,
	},
	[KEY_ECDSA_P256] = {
		.name = "ecdsa-sha2-nistp256",
		.cert_name = "ecdsa-sha2-nistp256-cert-v01@openssh.com",
		.curve = "nistp256",
		.label = "ECDSA",
		.bits = 256,
	},
	[KEY_ECDSA_P384] = {
		.name = "ecdsa-sha2-nistp384",
		.cert_name = "ecdsa-sha2-nistp384-cert-v01@openssh.com",
		.curve = "nistp384",
		.label = "ECDSA",
		.bits = 384,
	},
	[KEY_ECDSA_P521] = {
		.name = "ecdsa-sha2-nistp521",
		.cert_name = "ecdsa-sha2-nistp521-cert-v01@openssh.com",
		.curve = "nistp521",
		.label = "ECDSA",
		.bits = 521,
	},
	[KEY_RSA] = {
		.name = "ssh-rsa",
		.cert_name = "ssh-rsa-cert-v01@openssh.com",
		.label = "RSA",
	},
	[KEY_SK_ED25519] = {
		.name = "sk-ssh-ed25519@openssh.com",
		.cert_name = "sk-ssh-ed25519-cert-v01@openssh.com",
		.label = "ED25519-SK",
		.bits = 256,
		.sk = true,
	},
	[KEY_SK_ECDSA_P256] = {
		.name = "sk-ecdsa-sha2-nistp256@openssh.com",
		.cert_name = "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
		.curve = "nistp256",
		.label = "ECDSA-SK",
		.bits = 256,
		.sk = true,
	},
};

const struct key_type_info *
key_type_info(enum key_type type)
{
	assert((unsigned)type < KEY_TYPES);
	return &types[type];
}

int
key_type_named(struct slice name, enum key_type *out, bool *cert)
{
	unsigned i;

	for (i = 0; i < KEY_TYPES; i++) {
		*out = (enum key_type)i;
		*cert = slice_eq_str(name, types[i].cert_name);
		if (*cert || slice_eq_str(name, types[i].name))
			return ST_OK;
	}
	return ST_UNSUPPORTED;
}

/* Take the point of an Ed25519 key. */
static int
get_ed25519(struct wire_reader *r, struct public_fields *out)
{
	int st;

	if ((st = wire_get_string(r, &out->point)) != ST_OK)
		return st;
	return out->point.len == ED25519_POINT ? ST_OK : ST_MALFORMED;
}

/* Take a curve, which the type has named already, and a point on it: 04 and
 * two numbers of as many bytes as the curve's. */
static int
get_ecdsa(struct wire_reader *r, struct public_fields *out)
{
	const struct key_type_info *info = &types[out->type];
	struct slice curve;
	int st;

	if ((st = wire_get_text(r, &curve)) != ST_OK)
		return st;
	if (!slice_eq_str(curve, info->curve))
		return ST_MALFORMED;
	if ((st = wire_get_string(r, &out->point)) != ST_OK)
		return st;
	if (out->point.len != 1 + 2 * ((info->bits + 7) / 8) ||
	    out->point.p[0] != 4)
		return ST_MALFORMED;
	return ST_OK;
}

/* Take the numbers of an RSA key. */
static int
get_rsa(struct wire_reader *r, struct public_fields *out)
{
	int st;

	if ((st = wire_get_mpint(r, &out->e)) != ST_OK)
		return st;
	return wire_get_mpint(r, &out->n);
}

/* Take what an sk key is for. */
static int
get_application(struct wire_reader *r, struct public_fields *out)
{
	int st;

	if ((st = wire_get_text(r, &out->application)) != ST_OK)
		return st;
	return out->application.len <= KEYBLOB_APPLICATION_MAX ? ST_OK :
	    ST_TOO_LARGE;
}

int
keyblob_get_fields(struct wire_reader *r, enum key_type type,
    struct public_fields *out)
{
	const struct key_type_info *info = key_type_info(type);
	struct wire_reader at = *r;
	int st;

	*out = (struct public_fields){ .type = type };
	if (type == KEY_RSA)
		st = get_rsa(&at, out);
	else if (info->curve != NULL)
		st = get_ecdsa(&at, out);
	else
		st = get_ed25519(&at, out);
	if (st == ST_OK && info->sk)
		st = get_application(&at, out);
	if (st == ST_OK)
		*r = at;
	return st;
}

int
keyblob_decode(struct slice blob, struct public_fields *out)
{
	struct wire_reader r = wire_reader(blob);
	enum key_type type;
	struct slice name;
	bool cert;
	int st;

	*out = (struct public_fields){ 0 };
	if ((st = wire_get_text(&r, &name)) != ST_OK)
		return st;
	if ((st = key_type_named(name, &type, &cert)) != ST_OK)
		return st;
	if (cert)
		return ST_UNSUPPORTED;
	if ((st = keyblob_get_fields(&r, type, out)) != ST_OK)
		return st;
	return wire_end(&r) ? ST_OK : ST_MALFORMED;
}

void
keyblob_put(struct wire_writer *w, const struct public_fields *key)
{
	const struct key_type_info *info = key_type_info(key->type);

	wire_put_str(w, info->name);
	if (key->type == KEY_RSA) {
		wire_put_mpint(w, key->e);
		wire_put_mpint(w, key->n);
		return;
	}
	if (info->curve != NULL)
		wire_put_str(w, info->curve);
	wire_put_string(w, key->point);
	if (info->sk)
		wire_put_string(w, key->application);
}
