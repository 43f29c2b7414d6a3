#include "provision/knownkey.h"

#include <stdbool.h>
#include <string.h>

/* What separates the words. */
static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Undo one digit of base64; -1 for what is none. */
static int
digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Undo base64 as ssh writes it: whole groups, padded, no bits left over. */
static int
decode(const char *p, size_t n, struct knownkey *out)
{
	uint32_t bits = 0;
	size_t i, pad;
	int d;

	if (n == 0 || n % 4 != 0)
		return ST_MALFORMED;
	pad = p[n - 1] != '=' ? 0 : p[n - 2] != '=' ? 1 : 2;
	if (n / 4 * 3 - pad > sizeof(out->blob))
		return ST_TOO_LARGE;
	for (i = 0; i < n; i++) {
		d = i >= n - pad && p[i] == '=' ? 0 : digit(p[i]);
		if (d < 0)
			return ST_MALFORMED;
		bits = bits << 6 | (uint32_t)d;
		if (i % 4 != 3)
			continue;
		for (int shift = 16; shift >= 0 &&
		    out->len < n / 4 * 3 - pad; shift -= 8)
			out->blob[out->len++] = (uint8_t)(bits >> shift);
	}
	/* Bits of the last group that no byte has. */
	if (pad > 0 && (bits & (pad == 2 ? 0xffffu : 0xffu)) != 0)
		return ST_MALFORMED;
	return ST_OK;
}

int
knownkey_parse(const char *text, size_t len, struct knownkey *out)
{
	struct slice type = { (const uint8_t *)text, 0 };
	struct public_fields fields;
	enum key_type named;
	size_t at, end;
	bool cert;
	int st;

	out->len = 0;
	if (len == 0)
		return ST_MALFORMED;
	while (type.len < len && !is_blank(text[type.len]))
		type.len++;
	for (at = type.len; at < len && is_blank(text[at]); at++)
		continue;
	for (end = at; end < len && !is_blank(text[end]); end++)
		continue;
	if (type.len == 0 || at == end)
		return ST_MALFORMED;
	if ((st = key_type_named(type, &named, &cert)) != ST_OK)
		return st;
	if (cert)
		return ST_UNSUPPORTED;
	if ((st = decode(text + at, end - at, out)) != ST_OK)
		return st;
	st = keyblob_decode((struct slice){ out->blob, out->len }, &fields);
	if (st == ST_UNSUPPORTED || (st == ST_OK && fields.type != named))
		st = ST_MALFORMED;
	out->type = named;
	return st;
}
