#include "provision/hostkey.h"

#include <stdbool.h>
#include <string.h>

#include "proto/keyblob.h"

/* The value of a digit of base64, or -1. */
static int
digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Undo base64 that has all of its padding, and no bits that are lost. */
static int
decode(struct slice in, struct hostkey *out)
{
	size_t pad = 0;
	uint32_t bits = 0;
	int value;

	if (in.len == 0 || in.len % 4 != 0 || in.len / 4 * 3 > HOSTKEY_BLOB_MAX)
		return ST_MALFORMED;
	while (pad < 2 && in.p[in.len - 1 - pad] == '=')
		pad++;
	out->len = 0;
	for (size_t i = 0; i < in.len; i++) {
		value = i < in.len - pad ? digit_value((char)in.p[i]) : 0;
		if (value < 0)
			return ST_MALFORMED;
		bits = bits << 6 | (uint32_t)value;
		if (i % 4 != 3)
			continue;
		out->blob[out->len++] = bits >> 16 & 0xff;
		out->blob[out->len++] = bits >> 8 & 0xff;
		out->blob[out->len++] = bits & 0xff;
	}
	for (; pad > 0; pad--)
		if (out->blob[--out->len] != 0)
			return ST_MALFORMED;
	return ST_OK;
}

/* The word at the beginning of ${s}. */
static struct slice
first_word(const char *s)
{
	return (struct slice){ (const uint8_t *)s, strcspn(s, " \t") };
}

/* What is wrong with a text whose first word is no type. */
static const char *
no_type(const char *text)
{
	const char *next = text + strcspn(text, " \t");
	enum key_type type;
	bool cert;

	next += strspn(next, " \t");
	if (text[0] == '@')
		return "must begin with the type of the key: no @marker before "
		    "it";
	if (key_type_named(first_word(next), &type, &cert) == ST_OK)
		return "must begin with the type of the key: no name of a host "
		    "before it";
	return "must begin with a type of key, such as ssh-ed25519, "
	    "ecdsa-sha2-nistp256 or ssh-rsa";
}

/* Take the second word, of a key of ${type}. */
static int
take_blob(struct slice base64, enum key_type type, struct hostkey *out,
    const char **what)
{
	struct public_fields key;
	int st;

	if (decode(base64, out) != ST_OK) {
		*what = "must have whole base64 behind the type of the key: a "
		    "part is missing, or there is something else in it";
		return ST_MALFORMED;
	}
	st = keyblob_decode((struct slice){ out->blob, out->len }, &key);
	if (st == ST_OK && key.type == type)
		return ST_OK;
	*what = st == ST_OK ?
	    "must have the type that the key has inside of its base64" :
	    "must be a whole key: there is none in this base64";
	return ST_MALFORMED;
}

int
hostkey_parse(const char *text, struct hostkey *out, const char **what)
{
	struct slice type_name = first_word(text), base64;
	const char *at = text + type_name.len;
	enum key_type type;
	bool cert;

	*what = NULL;
	out->len = out->text_len = 0;
	if (key_type_named(type_name, &type, &cert) != ST_OK) {
		*what = no_type(text);
		return ST_UNSUPPORTED;
	}
	if (cert) {
		*what = "must be the key of the host itself, and no "
		    "certificate";
		return ST_UNSUPPORTED;
	}
	if (*at != ' ' || at[1] == ' ' || at[1] == '\t') {
		*what = "must have one blank and base64 behind the type of "
		    "the key";
		return ST_MALFORMED;
	}
	base64 = first_word(at + 1);
	out->text_len = type_name.len + 1 + base64.len;
	if (out->text_len > HOSTKEY_TEXT_MAX) {
		*what = "must have at most 8192 bytes";
		return ST_MALFORMED;
	}
	return take_blob(base64, type, out, what);
}
