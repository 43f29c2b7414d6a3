#include "proto/constraint.h"

#include "proto/agent_num.h"

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

/* Take the name of an extension: we enforce none, but a broken one is that. */
static int
get_extension(struct wire_reader *r)
{
	struct slice name;
	int st;

	if ((st = wire_get_text(r, &name)) != ST_OK)
		return st;
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
			st = get_extension(&r);
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

void
constraint_put(struct wire_writer *w, const struct constraints *c)
{
	if (c->has_lifetime) {
		wire_put_u8(w, SSH_AGENT_CONSTRAIN_LIFETIME);
		wire_put_u32(w, c->lifetime_s);
	}
	if (c->confirm)
		wire_put_u8(w, SSH_AGENT_CONSTRAIN_CONFIRM);
}
