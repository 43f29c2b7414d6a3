#include "proto/keyblob.h"

#include <string.h>

#include <assert.h>

#define ED25519_PUBLIC	32
#define ED25519_SECRET	64

static const struct key_type_info types[KEY_TYPES] = {
	[KEY_ED25519] = { "ssh-ed25519", NULL, "ED25519", 256 },
	[KEY_ECDSA_P256] = { "ecdsa-sha2-nistp256", "nistp256", "ECDSA", 256 },
	[KEY_ECDSA_P384] = { "ecdsa-sha2-nistp384", "nistp384", "ECDSA", 384 },
	[KEY_ECDSA_P521] = { "ecdsa-sha2-nistp521", "nistp521", "ECDSA", 521 },
	[KEY_RSA] = { "ssh-rsa", NULL, "RSA", 0 },
};

const struct key_type_info *
key_type_info(enum key_type type)
{
	assert((unsigned)type < KEY_TYPES);
	return &types[type];
}

/* Take a type name. */
static int
get_type(struct wire_reader *r, enum key_type *out)
{
	struct slice name;
	unsigned i;
	int st;

	if ((st = wire_get_text(r, &name)) != ST_OK)
		return st;
	for (i = 0; i < KEY_TYPES; i++) {
		if (slice_eq_str(name, types[i].name)) {
			*out = (enum key_type)i;
			return ST_OK;
		}
	}
	return ST_UNSUPPORTED;
}

/* Take a string of exactly len bytes. */
static int
get_exact(struct wire_reader *r, size_t len, struct slice *out)
{
	int st;

	if ((st = wire_get_string(r, out)) != ST_OK)
		return st;
	return out->len == len ? ST_OK : ST_MALFORMED;
}

/* Take the fields of an Ed25519 key. */
static int
get_ed25519(struct wire_reader *r, struct private_fields *out)
{
	int st;

	if ((st = get_exact(r, ED25519_PUBLIC, &out->ed25519.pk)) != ST_OK)
		return st;
	return get_exact(r, ED25519_SECRET, &out->ed25519.sk);
}

/* Take the fields of an ECDSA key; the curve is named once more in them. */
static int
get_ecdsa(struct wire_reader *r, struct private_fields *out)
{
	struct slice curve;
	int st;

	if ((st = wire_get_text(r, &curve)) != ST_OK)
		return st;
	if (!slice_eq_str(curve, types[out->type].curve))
		return ST_MALFORMED;
	if ((st = wire_get_string(r, &out->ecdsa.q)) != ST_OK)
		return st;
	return wire_get_mpint(r, &out->ecdsa.d);
}

/* Take the fields of an RSA key. */
static int
get_rsa(struct wire_reader *r, struct private_fields *out)
{
	struct slice *const fields[] = {
		&out->rsa.n, &out->rsa.e, &out->rsa.d,
		&out->rsa.iqmp, &out->rsa.p, &out->rsa.q,
	};
	size_t i;
	int st;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if ((st = wire_get_mpint(r, fields[i])) != ST_OK)
			return st;
	}
	return ST_OK;
}

int
keyblob_private_get(struct wire_reader *r, struct private_fields *out)
{
	struct wire_reader at = *r;
	int st;

	*out = (struct private_fields){ 0 };
	if ((st = get_type(&at, &out->type)) != ST_OK)
		return st;
	if (out->type == KEY_ED25519)
		st = get_ed25519(&at, out);
	else if (out->type == KEY_RSA)
		st = get_rsa(&at, out);
	else
		st = get_ecdsa(&at, out);
	if (st == ST_OK)
		*r = at;
	return st;
}

void
keyblob_private_put(struct wire_writer *w, const struct private_fields *key)
{
	const struct key_type_info *info = key_type_info(key->type);

	wire_put_str(w, info->name);
	if (key->type == KEY_ED25519) {
		wire_put_string(w, key->ed25519.pk);
		wire_put_string(w, key->ed25519.sk);
	} else if (key->type == KEY_RSA) {
		wire_put_mpint(w, key->rsa.n);
		wire_put_mpint(w, key->rsa.e);
		wire_put_mpint(w, key->rsa.d);
		wire_put_mpint(w, key->rsa.iqmp);
		wire_put_mpint(w, key->rsa.p);
		wire_put_mpint(w, key->rsa.q);
	} else {
		wire_put_str(w, info->curve);
		wire_put_string(w, key->ecdsa.q);
		wire_put_mpint(w, key->ecdsa.d);
	}
}

size_t
keyblob_private_size(const struct private_fields *key)
{
	const struct key_type_info *info = key_type_info(key->type);
	/* A length and perhaps a zero byte for each field. */
	size_t n = 4 + strlen(info->name);

	if (key->type == KEY_ED25519)
		return n + 8 + key->ed25519.pk.len + key->ed25519.sk.len;
	if (key->type == KEY_RSA)
		return n + 30 + key->rsa.n.len + key->rsa.e.len +
		    key->rsa.d.len + key->rsa.iqmp.len + key->rsa.p.len +
		    key->rsa.q.len;
	return n + 4 + strlen(info->curve) + 9 + key->ecdsa.q.len +
	    key->ecdsa.d.len;
}

void
keyblob_public_put(struct wire_writer *w, const struct private_fields *key)
{
	const struct key_type_info *info = key_type_info(key->type);

	wire_put_str(w, info->name);
	if (key->type == KEY_ED25519) {
		wire_put_string(w, key->ed25519.pk);
	} else if (key->type == KEY_RSA) {
		/* The other way round than in a private key. */
		wire_put_mpint(w, key->rsa.e);
		wire_put_mpint(w, key->rsa.n);
	} else {
		wire_put_str(w, info->curve);
		wire_put_string(w, key->ecdsa.q);
	}
}
