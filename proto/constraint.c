#include "proto/constraint.h"

#include "proto/agent_num.h"
#include "proto/destination.h"

/*
 * What is not known, or not known to the last byte, refuses the add: a key
 * with less of a restriction than somebody asked for is worse than none.
 */

/* Take the body of a lifetime. */
static int
get_lifetime(struct wire_reader *r, struct constraints *c)
{
	if (c->has_lifetime)
		return ST_MALFORMED;
	c->has_lifetime = true;
	return wire_get_u32(r, &c->lifetime_s);
}

/* Take the body of a confirmation, which is empty. */
static int
get_confirm(struct constraints *c)
{
	if (c->confirm)
		return ST_MALFORMED;
	c->confirm = true;
	return ST_OK;
}

/* Take a list of destinations. */
static int
get_destination(struct wire_reader *r, struct constraints *c)
{
	int st;

	if (c->destinations.len > 0)
		return ST_MALFORMED;
	if ((st = wire_get_string(r, &c->destinations)) != ST_OK)
		return st;
	return destination_check(c->destinations);
}

/* Take the path of a provider. */
static int
get_sk_provider(struct wire_reader *r, struct constraints *c)
{
	if (c->has_sk_provider)
		return ST_MALFORMED;
	c->has_sk_provider = true;
	return wire_get_text(r, &c->sk_provider);
}

/* Check a list of texts: there is one, and not more or longer ones than may
 * be. */
static int
check_texts(struct slice list, size_t n_max, size_t len_max)
{
	struct wire_reader r = wire_reader(list);
	struct slice text;
	size_t n = 0;
	int st;

	while ((st = constraint_next_text(&r, &text)) == ST_OK) {
		if (text.len == 0)
			return ST_MALFORMED;
		if (text.len > len_max || ++n > n_max)
			return ST_TOO_LARGE;
	}
	if (st != ST_NOT_FOUND)
		return st;
	return n > 0 ? ST_OK : ST_MALFORMED;
}

/* Take a list of purposes. */
static int
get_purposes(struct wire_reader *r, struct constraints *c)
{
	int st;

	if (c->purposes.len > 0)
		return ST_MALFORMED;
	if ((st = wire_get_string(r, &c->purposes)) != ST_OK)
		return st;
	return check_texts(c->purposes, CONSTRAINT_PURPOSES_MAX,
	    CONSTRAINT_PURPOSE_MAX);
}

/* Take a list of peers. */
static int
get_peers(struct wire_reader *r, struct constraints *c)
{
	int st;

	if (c->peers.len > 0)
		return ST_MALFORMED;
	if ((st = wire_get_string(r, &c->peers)) != ST_OK)
		return st;
	return check_texts(c->peers, CONSTRAINT_PEERS_MAX,
	    CONSTRAINT_PEER_MAX);
}

/* Take the string that one of ours is in. */
static int
get_body(struct wire_reader *r, struct wire_reader *body)
{
	struct slice s;
	int st;

	st = wire_get_string(r, &s);
	*body = wire_reader(s);
	return st;
}

/* Take a number of signatures. */
static int
get_signatures(struct wire_reader *r, struct constraints *c)
{
	struct wire_reader body;
	int st;

	if (c->has_signatures)
		return ST_MALFORMED;
	c->has_signatures = true;
	if ((st = get_body(r, &body)) != ST_OK)
		return st;
	if ((st = wire_get_u32(&body, &c->signatures)) != ST_OK)
		return st;
	if (!wire_end(&body) || c->signatures == 0)
		return ST_MALFORMED;
	return ST_OK;
}

/* Take a rate. */
static int
get_rate(struct wire_reader *r, struct constraints *c)
{
	struct wire_reader body;
	int st;

	if (c->rate_n > 0)
		return ST_MALFORMED;
	if ((st = get_body(r, &body)) != ST_OK)
		return st;
	if ((st = wire_get_u32(&body, &c->rate_n)) != ST_OK)
		return st;
	if ((st = wire_get_u32(&body, &c->rate_s)) != ST_OK)
		return st;
	if (!wire_end(&body) || c->rate_n == 0 || c->rate_s == 0)
		return ST_MALFORMED;
	return c->rate_n <= CONSTRAINT_RATE_N_MAX &&
	    c->rate_s <= CONSTRAINT_RATE_MAX ? ST_OK : ST_TOO_LARGE;
}

/* Take whether it may be used without a bind. */
static int
get_unbound(struct wire_reader *r, struct constraints *c)
{
	struct wire_reader body;
	uint8_t v;
	int st;

	if (c->has_unbound)
		return ST_MALFORMED;
	c->has_unbound = true;
	if ((st = get_body(r, &body)) != ST_OK)
		return st;
	if ((st = wire_get_u8(&body, &v)) != ST_OK)
		return st;
	if (!wire_end(&body) || v > 1)
		return ST_MALFORMED;
	c->unbound = v == 1;
	return ST_OK;
}

static const struct {
	const char	*name;
	int		(*get)(struct wire_reader *r, struct constraints *c);
} extensions[] = {
	{ CONSTRAINT_DESTINATION, get_destination },
	{ CONSTRAINT_SK_PROVIDER, get_sk_provider },
	{ CONSTRAINT_PURPOSES, get_purposes },
	{ CONSTRAINT_SIGNATURES, get_signatures },
	{ CONSTRAINT_RATE, get_rate },
	{ CONSTRAINT_UNBOUND, get_unbound },
	{ CONSTRAINT_PEERS, get_peers },
};

/* Take the name of an extension and its body. */
static int
get_extension(struct wire_reader *r, struct constraints *c)
{
	struct slice name;
	size_t i;
	int st;

	if ((st = wire_get_text(r, &name)) != ST_OK)
		return st;
	for (i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		if (slice_eq_str(name, extensions[i].name))
			return extensions[i].get(r, c);
	}
	return ST_UNSUPPORTED;
}

int
constraint_parse(struct slice in, struct constraints *out)
{
	struct wire_reader r = wire_reader(in);
	uint8_t type;
	int st;

	*out = (struct constraints){ 0 };
	while (!wire_end(&r)) {
		if ((st = wire_get_u8(&r, &type)) != ST_OK)
			return st;
		switch (type) {
		case SSH_AGENT_CONSTRAIN_LIFETIME:
			st = get_lifetime(&r, out);
			break;
		case SSH_AGENT_CONSTRAIN_CONFIRM:
			st = get_confirm(out);
			break;
		case SSH_AGENT_CONSTRAIN_EXTENSION:
			st = get_extension(&r, out);
			break;
		default:
			st = ST_UNSUPPORTED;
			break;
		}
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

/* Begin an extension. */
static void
put_name(struct wire_writer *w, const char *name)
{
	wire_put_u8(w, SSH_AGENT_CONSTRAIN_EXTENSION);
	wire_put_str(w, name);
}

/* Append those that are OpenSSH's. */
static void
put_openssh(struct wire_writer *w, const struct constraints *c)
{
	if (c->destinations.len > 0) {
		put_name(w, CONSTRAINT_DESTINATION);
		wire_put_string(w, c->destinations);
	}
	if (c->has_sk_provider) {
		put_name(w, CONSTRAINT_SK_PROVIDER);
		wire_put_string(w, c->sk_provider);
	}
}

/* Append those that are ours. */
static void
put_ours(struct wire_writer *w, const struct constraints *c)
{
	size_t mark;

	if (c->purposes.len > 0) {
		put_name(w, CONSTRAINT_PURPOSES);
		wire_put_string(w, c->purposes);
	}
	if (c->has_signatures) {
		put_name(w, CONSTRAINT_SIGNATURES);
		mark = wire_open_string(w);
		wire_put_u32(w, c->signatures);
		wire_close_string(w, mark);
	}
	if (c->rate_n > 0) {
		put_name(w, CONSTRAINT_RATE);
		mark = wire_open_string(w);
		wire_put_u32(w, c->rate_n);
		wire_put_u32(w, c->rate_s);
		wire_close_string(w, mark);
	}
	if (c->has_unbound) {
		put_name(w, CONSTRAINT_UNBOUND);
		mark = wire_open_string(w);
		wire_put_u8(w, c->unbound ? 1 : 0);
		wire_close_string(w, mark);
	}
	if (c->peers.len > 0) {
		put_name(w, CONSTRAINT_PEERS);
		wire_put_string(w, c->peers);
	}
}

void
constraint_put(struct wire_writer *w, const struct constraints *c)
{
	if (c->has_lifetime) {
		wire_put_u8(w, SSH_AGENT_CONSTRAIN_LIFETIME);
		wire_put_u32(w, c->lifetime_s);
	}
	if (c->confirm)
		wire_put_u8(w, SSH_AGENT_CONSTRAIN_CONFIRM);
	put_openssh(w, c);
	put_ours(w, c);
}

int
constraint_next_text(struct wire_reader *r, struct slice *out)
{
	if (wire_end(r))
		return ST_NOT_FOUND;
	return wire_get_text(r, out);
}
