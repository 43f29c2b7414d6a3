#include "keys/der.h"

static const struct slice nothing;

/* Take a length; false where it is not DER or more than what is left. */
static bool
take_length(struct slice *in, size_t *len)
{
	size_t n, i;

	if (in->len == 0)
		return false;
	n = in->p[0];
	in->p++;
	in->len--;
	if (n >= 0x80) {
		/* The low bits count the bytes of the length itself. */
		size_t bytes = n & 0x7f;

		if (bytes == 0 || bytes > sizeof(uint32_t) || bytes > in->len)
			return false;
		for (n = 0, i = 0; i < bytes; i++)
			n = n << 8 | in->p[i];
		if (n < 0x80 || in->p[0] == 0)
			return false;
		in->p += bytes;
		in->len -= bytes;
	}
	*len = n;
	return n <= in->len;
}

int
der_get(struct slice *in, uint8_t tag, struct slice *out)
{
	struct slice rest = *in;
	size_t len;

	*out = nothing;
	if (!der_next_is(in, tag))
		return ST_MALFORMED;
	rest.p++;
	rest.len--;
	if (!take_length(&rest, &len))
		return ST_MALFORMED;
	*out = (struct slice){ rest.p, len };
	*in = (struct slice){ rest.p + len, rest.len - len };
	return ST_OK;
}

bool
der_next_is(const struct slice *in, uint8_t tag)
{
	return in->len > 0 && in->p[0] == tag;
}

int
der_get_uint(struct slice *in, struct slice *out)
{
	struct slice rest = *in, n;

	*out = nothing;
	if (der_get(&rest, DER_INTEGER, &n) != ST_OK || n.len == 0)
		return ST_MALFORMED;
	if (n.p[0] >= 0x80)
		return ST_MALFORMED;
	if (n.p[0] == 0) {
		if (n.len > 1 && n.p[1] < 0x80)
			return ST_MALFORMED;
		n.p++;
		n.len--;
	}
	*out = n;
	*in = rest;
	return ST_OK;
}

int
der_get_small(struct slice *in, unsigned *out)
{
	struct slice rest = *in, n;

	if (der_get_uint(&rest, &n) != ST_OK || n.len > 1)
		return ST_MALFORMED;
	*out = n.len == 0 ? 0 : n.p[0];
	*in = rest;
	return ST_OK;
}

int
der_get_bits(struct slice *in, uint8_t tag, struct slice *out)
{
	struct slice rest = *in, bits;

	*out = nothing;
	if (der_get(&rest, tag, &bits) != ST_OK)
		return ST_MALFORMED;
	/* The first byte counts the unused bits of the last one. */
	if (bits.len == 0 || bits.p[0] != 0)
		return ST_MALFORMED;
	*out = (struct slice){ bits.p + 1, bits.len - 1 };
	*in = rest;
	return ST_OK;
}
