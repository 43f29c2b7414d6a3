#include "proto/destination.h"

#include "proto/certificate.h"
#include "proto/keyblob.h"

/*
 * The check is written with the same two functions that walk a list later on,
 * so that what was checked is what is seen.
 */

/* Take a string that is reserved, and must be empty until it means something:
 * ignoring it could grant more than was asked for. */
static int
get_reserved(struct wire_reader *r)
{
	struct slice s;
	int st;

	if ((st = wire_get_string(r, &s)) != ST_OK)
		return st;
	return s.len == 0 ? ST_OK : ST_MALFORMED;
}

/* Take one end of a pair. */
static int
get_hop(struct wire_reader *r, struct destination_hop *out)
{
	struct wire_reader in;
	struct slice body;
	int st;

	if ((st = wire_get_string(r, &body)) != ST_OK)
		return st;
	in = wire_reader(body);
	if ((st = wire_get_text(&in, &out->user)) != ST_OK)
		return st;
	if ((st = wire_get_text(&in, &out->host)) != ST_OK)
		return st;
	if ((st = get_reserved(&in)) != ST_OK)
		return st;
	out->keys = in.rest;
	return ST_OK;
}

int
destination_next(struct wire_reader *r, struct destination *out)
{
	struct wire_reader at = *r, in;
	struct slice body;
	int st;

	*out = (struct destination){ 0 };
	if (wire_end(r))
		return ST_NOT_FOUND;
	if ((st = wire_get_string(&at, &body)) != ST_OK)
		return st;
	in = wire_reader(body);
	if ((st = get_hop(&in, &out->from)) != ST_OK)
		return st;
	if ((st = get_hop(&in, &out->to)) != ST_OK)
		return st;
	if ((st = get_reserved(&in)) != ST_OK)
		return st;
	if (!wire_end(&in))
		return ST_MALFORMED;
	*r = at;
	return ST_OK;
}

int
destination_next_key(struct wire_reader *r, struct destination_key *out)
{
	struct wire_reader at = *r;
	uint8_t is_ca;
	int st;

	*out = (struct destination_key){ 0 };
	if (wire_end(r))
		return ST_NOT_FOUND;
	if ((st = wire_get_string(&at, &out->blob)) != ST_OK)
		return st;
	if ((st = wire_get_u8(&at, &is_ca)) != ST_OK)
		return st;
	out->is_ca = is_ca != 0;
	*r = at;
	return ST_OK;
}

/* Whether a blob is that of a key or of a certificate. */
static bool
is_key(struct slice blob)
{
	struct public_fields key;
	struct certificate cert;

	return keyblob_decode(blob, &key) == ST_OK ||
	    certificate_decode(blob, &cert) == ST_OK;
}

/* Check all keys of a hop. */
static int
check_keys(struct slice keys)
{
	struct wire_reader r = wire_reader(keys);
	struct destination_key key;
	int st;

	while ((st = destination_next_key(&r, &key)) == ST_OK) {
		if (!is_key(key.blob))
			return ST_MALFORMED;
	}
	return st == ST_NOT_FOUND ? ST_OK : st;
}

/* Check one pair. */
static int
check_pair(const struct destination *d)
{
	int st;

	if (d->from.user.len > 0 ||
	    (d->from.host.len == 0) != (d->from.keys.len == 0))
		return ST_MALFORMED;
	if (d->to.host.len == 0 || d->to.keys.len == 0)
		return ST_MALFORMED;
	if (d->to.user.len > DESTINATION_USER_MAX)
		return ST_TOO_LARGE;
	if ((st = check_keys(d->from.keys)) != ST_OK)
		return st;
	return check_keys(d->to.keys);
}

int
destination_check(struct slice list)
{
	struct wire_reader r = wire_reader(list);
	struct destination d;
	size_t n = 0;
	int st;

	while ((st = destination_next(&r, &d)) == ST_OK) {
		if (++n > DESTINATION_MAX)
			return ST_TOO_LARGE;
		if ((st = check_pair(&d)) != ST_OK)
			return st;
	}
	if (st != ST_NOT_FOUND)
		return st;
	return n > 0 ? ST_OK : ST_MALFORMED;
}

/* One end of a pair. */
static void
put_hop(struct wire_writer *w, const struct destination_hop *hop)
{
	const struct slice nothing = { NULL, 0 };
	size_t mark = wire_open_string(w);

	wire_put_string(w, hop->user);
	wire_put_string(w, hop->host);
	wire_put_string(w, nothing);
	wire_put_bytes(w, hop->keys);
	wire_close_string(w, mark);
}

void
destination_put(struct wire_writer *w, const struct destination *pair)
{
	const struct slice nothing = { NULL, 0 };
	size_t mark = wire_open_string(w);

	put_hop(w, &pair->from);
	put_hop(w, &pair->to);
	wire_put_string(w, nothing);
	wire_close_string(w, mark);
}

void
destination_put_key(struct wire_writer *w, const struct destination_key *key)
{
	wire_put_string(w, key->blob);
	wire_put_u8(w, key->is_ca ? 1 : 0);
}
