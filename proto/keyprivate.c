#include "proto/keyprivate.h"

#include <string.h>

#include "proto/certificate.h"

/*
 * An add of a plain key has all fields, the public ones first.  With a
 * certificate the public ones are in that, but some come a second time, each
 * type in its own way; those must then be the same.
 */

/* Bytes in the secret of an Ed25519 key: the seed and the point. */
#define ED25519_SECRET	64

/* Take the type name: of the key, or of its certificate. */
static int
get_type(struct wire_reader *r, enum key_type *out, bool *cert)
{
	struct slice name;
	int st;

	if ((st = wire_get_text(r, &name)) != ST_OK)
		return st;
	return key_type_named(name, out, cert);
}

/* Take the public fields of a plain key. */
static int
get_public(struct wire_reader *r, enum key_type type,
    struct public_fields *out)
{
	int st;

	if (type != KEY_RSA)
		return keyblob_get_fields(r, type, out);
	/* The other way round than in a public key. */
	*out = (struct public_fields){ .type = type };
	if ((st = wire_get_mpint(r, &out->n)) != ST_OK)
		return st;
	return wire_get_mpint(r, &out->e);
}

/* Take those public fields that follow the certificate; the others stay. */
static int
get_repeated(struct wire_reader *r, struct public_fields *out)
{
	switch (out->type) {
	case KEY_ED25519:
	case KEY_SK_ED25519:
		return keyblob_get_fields(r, out->type, out);
	case KEY_SK_ECDSA_P256:
		return wire_get_text(r, &out->application);
	default:
		return ST_OK;
	}
}

/* Take a certificate and the public fields after it. */
static int
get_certified(struct wire_reader *r, enum key_type type, struct slice *blob,
    struct public_fields *out)
{
	struct certificate cert;
	int st;

	if ((st = wire_get_string(r, blob)) != ST_OK)
		return st;
	if ((st = certificate_decode(*blob, &cert)) != ST_OK)
		return st;
	if (cert.key.type != type)
		return ST_MALFORMED;
	*out = cert.key;
	if ((st = get_repeated(r, out)) != ST_OK)
		return st;
	if (!slice_eq(out->point, cert.key.point) ||
	    !slice_eq(out->application, cert.key.application))
		return ST_MALFORMED;
	return ST_OK;
}

/* Take the secret of an Ed25519 key. */
static int
get_ed25519(struct wire_reader *r, struct private_fields *out)
{
	int st;

	if ((st = wire_get_string(r, &out->ed25519.sk)) != ST_OK)
		return st;
	return out->ed25519.sk.len == ED25519_SECRET ? ST_OK : ST_MALFORMED;
}

/* Take the secret numbers of an RSA key. */
static int
get_rsa(struct wire_reader *r, struct private_fields *out)
{
	struct slice *const fields[] = {
		&out->rsa.d, &out->rsa.iqmp, &out->rsa.p, &out->rsa.q,
	};
	size_t i;
	int st;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if ((st = wire_get_mpint(r, fields[i])) != ST_OK)
			return st;
	}
	return ST_OK;
}

/* Take what an authenticator needs to find an sk key. */
static int
get_sk(struct wire_reader *r, struct private_fields *out)
{
	int st;

	if ((st = wire_get_u8(r, &out->sk.flags)) != ST_OK)
		return st;
	if ((st = wire_get_string(r, &out->sk.handle)) != ST_OK)
		return st;
	return wire_get_string(r, &out->sk.reserved);
}

/* Set the public fields, and take all others. */
static int
get_private(struct wire_reader *r, const struct public_fields *pub,
    struct private_fields *out)
{
	out->type = pub->type;
	switch (pub->type) {
	case KEY_ED25519:
		out->ed25519.pk = pub->point;
		return get_ed25519(r, out);
	case KEY_RSA:
		out->rsa.n = pub->n;
		out->rsa.e = pub->e;
		return get_rsa(r, out);
	case KEY_SK_ED25519:
	case KEY_SK_ECDSA_P256:
		out->sk.point = pub->point;
		out->sk.application = pub->application;
		return get_sk(r, out);
	default:
		out->ecdsa.q = pub->point;
		return wire_get_mpint(r, &out->ecdsa.d);
	}
}

int
keyprivate_get(struct wire_reader *r, struct private_fields *out)
{
	struct wire_reader at = *r;
	struct public_fields pub;
	enum key_type type;
	bool cert;
	int st;

	*out = (struct private_fields){ 0 };
	if ((st = get_type(&at, &type, &cert)) != ST_OK)
		return st;
	if (cert)
		st = get_certified(&at, type, &out->cert, &pub);
	else
		st = get_public(&at, type, &pub);
	if (st != ST_OK)
		return st;
	if ((st = get_private(&at, &pub, out)) != ST_OK)
		return st;
	*r = at;
	return ST_OK;
}

/* The type name that an add begins with. */
static const char *
type_name(const struct private_fields *key)
{
	const struct key_type_info *info = key_type_info(key->type);

	return key->cert.len > 0 ? info->cert_name : info->name;
}

/* Append an Ed25519 key: no certificate makes a difference to it. */
static void
put_ed25519(struct wire_writer *w, const struct private_fields *key)
{
	wire_put_string(w, key->ed25519.pk);
	wire_put_string(w, key->ed25519.sk);
}

/* Append an ECDSA key. */
static void
put_ecdsa(struct wire_writer *w, const struct private_fields *key)
{
	if (key->cert.len == 0) {
		wire_put_str(w, key_type_info(key->type)->curve);
		wire_put_string(w, key->ecdsa.q);
	}
	wire_put_mpint(w, key->ecdsa.d);
}

/* Append an RSA key. */
static void
put_rsa(struct wire_writer *w, const struct private_fields *key)
{
	if (key->cert.len == 0) {
		wire_put_mpint(w, key->rsa.n);
		wire_put_mpint(w, key->rsa.e);
	}
	wire_put_mpint(w, key->rsa.d);
	wire_put_mpint(w, key->rsa.iqmp);
	wire_put_mpint(w, key->rsa.p);
	wire_put_mpint(w, key->rsa.q);
}

/* Append an sk key; with a certificate the point comes again only where there
 * is no curve. */
static void
put_sk(struct wire_writer *w, const struct private_fields *key)
{
	const char *curve = key_type_info(key->type)->curve;

	if (curve != NULL && key->cert.len == 0)
		wire_put_str(w, curve);
	if (curve == NULL || key->cert.len == 0)
		wire_put_string(w, key->sk.point);
	wire_put_string(w, key->sk.application);
	wire_put_u8(w, key->sk.flags);
	wire_put_string(w, key->sk.handle);
	wire_put_string(w, key->sk.reserved);
}

void
keyprivate_put(struct wire_writer *w, const struct private_fields *key)
{
	wire_put_str(w, type_name(key));
	if (key->cert.len > 0)
		wire_put_string(w, key->cert);
	switch (key->type) {
	case KEY_ED25519:
		put_ed25519(w, key);
		break;
	case KEY_RSA:
		put_rsa(w, key);
		break;
	case KEY_SK_ED25519:
	case KEY_SK_ECDSA_P256:
		put_sk(w, key);
		break;
	default:
		put_ecdsa(w, key);
		break;
	}
}

size_t
keyprivate_size(const struct private_fields *key)
{
	const char *curve = key_type_info(key->type)->curve;
	/* A length and perhaps a zero byte for each field, and every field,
	 * whether it is in the certificate or not. */
	size_t n = 4 + strlen(type_name(key));

	if (key->cert.len > 0)
		n += 4 + key->cert.len;
	if (curve != NULL)
		n += 4 + strlen(curve);
	switch (key->type) {
	case KEY_ED25519:
		return n + 8 + key->ed25519.pk.len + key->ed25519.sk.len;
	case KEY_RSA:
		return n + 30 + key->rsa.n.len + key->rsa.e.len +
		    key->rsa.d.len + key->rsa.iqmp.len + key->rsa.p.len +
		    key->rsa.q.len;
	case KEY_SK_ED25519:
	case KEY_SK_ECDSA_P256:
		return n + 17 + key->sk.point.len + key->sk.application.len +
		    key->sk.handle.len + key->sk.reserved.len;
	default:
		return n + 9 + key->ecdsa.q.len + key->ecdsa.d.len;
	}
}

void
keyprivate_public(const struct private_fields *key, struct public_fields *out)
{
	*out = (struct public_fields){ .type = key->type };
	switch (key->type) {
	case KEY_ED25519:
		out->point = key->ed25519.pk;
		break;
	case KEY_RSA:
		out->n = key->rsa.n;
		out->e = key->rsa.e;
		break;
	case KEY_SK_ED25519:
	case KEY_SK_ECDSA_P256:
		out->point = key->sk.point;
		out->application = key->sk.application;
		break;
	default:
		out->point = key->ecdsa.q;
		break;
	}
}

void
keyprivate_put_public(struct wire_writer *w, const struct private_fields *key)
{
	struct public_fields pub;

	keyprivate_public(key, &pub);
	keyblob_put(w, &pub);
}
