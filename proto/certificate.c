#include "proto/certificate.h"

/* Take whom it is for and how long. */
static int
get_subject(struct wire_reader *r, struct certificate *out)
{
	uint32_t role;
	int st;

	if ((st = wire_get_u64(r, &out->serial)) != ST_OK)
		return st;
	if ((st = wire_get_u32(r, &role)) != ST_OK)
		return st;
	out->role = (enum certificate_role)role;
	if ((st = wire_get_text(r, &out->key_id)) != ST_OK)
		return st;
	if ((st = wire_get_string(r, &out->principals)) != ST_OK)
		return st;
	if ((st = wire_get_u64(r, &out->valid_after)) != ST_OK)
		return st;
	return wire_get_u64(r, &out->valid_before);
}

/* Take the options, what is reserved (and ignored), and who signs. */
static int
get_terms(struct wire_reader *r, struct certificate *out)
{
	struct slice reserved;
	int st;

	if ((st = wire_get_string(r, &out->critical)) != ST_OK)
		return st;
	if ((st = wire_get_string(r, &out->extensions)) != ST_OK)
		return st;
	if ((st = wire_get_string(r, &reserved)) != ST_OK)
		return st;
	return wire_get_string(r, &out->ca);
}

/* Count the principals. */
static int
check_principals(struct certificate *c)
{
	struct wire_reader r = wire_reader(c->principals);
	struct slice name;
	int st;

	while ((st = certificate_next_principal(&r, &name)) == ST_OK) {
		if (c->n_principals == CERTIFICATE_PRINCIPALS_MAX)
			return ST_MALFORMED;
		c->n_principals++;
	}
	return st == ST_NOT_FOUND ? ST_OK : st;
}

/* Options are pairs of strings. */
static int
check_options(struct slice options)
{
	struct wire_reader r = wire_reader(options);
	struct slice name, data;
	int st;

	while (!wire_end(&r)) {
		if ((st = wire_get_string(&r, &name)) != ST_OK)
			return st;
		if ((st = wire_get_string(&r, &data)) != ST_OK)
			return st;
	}
	return ST_OK;
}

/* Check what is inside of the fields. */
static int
check_fields(struct certificate *c)
{
	struct public_fields ca;
	int st;

	if (c->role != CERTIFICATE_USER && c->role != CERTIFICATE_HOST)
		return ST_UNSUPPORTED;
	if ((st = check_principals(c)) != ST_OK)
		return st;
	if ((st = check_options(c->critical)) != ST_OK)
		return st;
	if ((st = check_options(c->extensions)) != ST_OK)
		return st;
	return keyblob_decode(c->ca, &ca);
}

/* Take the type, the nonce and the key. */
static int
get_key(struct wire_reader *r, struct certificate *out)
{
	struct slice name, nonce;
	enum key_type type;
	bool cert;
	int st;

	if ((st = wire_get_text(r, &name)) != ST_OK)
		return st;
	if ((st = key_type_named(name, &type, &cert)) != ST_OK)
		return st;
	if (!cert)
		return ST_UNSUPPORTED;
	if ((st = wire_get_string(r, &nonce)) != ST_OK)
		return st;
	return keyblob_get_fields(r, type, &out->key);
}

int
certificate_decode(struct slice blob, struct certificate *out)
{
	struct wire_reader r = wire_reader(blob);
	int st;

	*out = (struct certificate){ 0 };
	if ((st = get_key(&r, out)) != ST_OK)
		return st;
	if ((st = get_subject(&r, out)) != ST_OK)
		return st;
	if ((st = get_terms(&r, out)) != ST_OK)
		return st;
	/* All that there is before the signature. */
	out->signed_part = (struct slice){ blob.p, blob.len - r.rest.len };
	if ((st = wire_get_string(&r, &out->signature)) != ST_OK)
		return st;
	if (!wire_end(&r))
		return ST_MALFORMED;
	return check_fields(out);
}

int
certificate_next_principal(struct wire_reader *r, struct slice *out)
{
	if (wire_end(r))
		return ST_NOT_FOUND;
	return wire_get_text(r, out);
}
