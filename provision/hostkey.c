#include "provision/hostkey.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* What separates the words. */
static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* Take the next word and the blanks behind it; empty at the end. */
static struct slice
next_word(struct slice *rest)
{
	struct slice word = { rest->p, 0 };
	size_t at;

	while (word.len < rest->len && !is_blank(rest->p[word.len]))
		word.len++;
	for (at = word.len; at < rest->len && is_blank(rest->p[at]); at++)
		continue;
	rest->p += at;
	rest->len -= at;
	return word;
}

/* The value of a digit of base64, or -1. */
static int
digit_value(uint8_t c)
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
	size_t pad = 0, whole;
	uint32_t bits = 0;
	int value;

	if (in.len == 0 || in.len % 4 != 0)
		return ST_MALFORMED;
	while (pad < 2 && in.p[in.len - 1 - pad] == '=')
		pad++;
	whole = in.len / 4 * 3 - pad;
	if (whole > sizeof(out->blob))
		return ST_TOO_LARGE;
	for (size_t i = 0; i < in.len; i++) {
		value = i < in.len - pad ? digit_value(in.p[i]) : 0;
		if (value < 0)
			return ST_MALFORMED;
		bits = bits << 6 | (uint32_t)value;
		if (i % 4 != 3)
			continue;
		for (int shift = 16; shift >= 0 && out->len < whole; shift -= 8)
			out->blob[out->len++] = (uint8_t)(bits >> shift);
	}
	/* Bits of the last group that no byte has. */
	if (pad > 0 && (bits & (pad == 2 ? 0xffffu : 0xffu)) != 0)
		return ST_MALFORMED;
	return ST_OK;
}

/* What is wrong with a text whose first word is no type. */
static const char *
no_type(struct slice first, struct slice rest)
{
	enum key_type type;
	bool cert;

	if (first.len > 0 && first.p[0] == '@')
		return "must begin with the type of the key: no @marker before "
		    "it";
	if (key_type_named(next_word(&rest), &type, &cert) == ST_OK)
		return "must begin with the type of the key: no name of a host "
		    "before it";
	return "must begin with a type of key, such as ssh-ed25519, "
	    "ecdsa-sha2-nistp256 or ssh-rsa";
}

/* Take the second word, of a key of the type in ${out}. */
static int
take_blob(struct slice base64, struct hostkey *out, const char **what)
{
	struct public_fields key;
	int st;

	if ((st = decode(base64, out)) == ST_MALFORMED) {
		*what = "must have whole base64 behind the type of the key: a "
		    "part is missing, or there is something else in it";
		return st;
	}
	if (st == ST_OK)
		st = keyblob_decode((struct slice){ out->blob, out->len },
		    &key);
	if (st == ST_TOO_LARGE) {
		*what = "must be a key: this is longer than one can be";
		return st;
	}
	if (st == ST_OK && key.type == out->type)
		return ST_OK;
	*what = st == ST_OK ?
	    "must have the type that the key has inside of its base64" :
	    "must be a whole key: there is none in this base64";
	return ST_MALFORMED;
}

int
hostkey_parse(const char *text, size_t len, struct hostkey *out,
    const char **what)
{
	struct slice rest = { (const uint8_t *)text, len };
	struct slice type = next_word(&rest), base64;
	bool cert;

	*what = NULL;
	out->len = 0;
	if (key_type_named(type, &out->type, &cert) != ST_OK) {
		*what = no_type(type, rest);
		return ST_UNSUPPORTED;
	}
	if (cert) {
		*what = "must be the key of the host itself, and no "
		    "certificate";
		return ST_UNSUPPORTED;
	}
	base64 = next_word(&rest);
	if (base64.len == 0) {
		*what = "must have a blank and base64 behind the type of the "
		    "key";
		return ST_MALFORMED;
	}
	return take_blob(base64, out, what);
}

void
hostkey_put_text(struct slice blob, struct text *t)
{
	struct public_fields key;
	int st = keyblob_decode(blob, &key);

	assert(st == ST_OK);
	(void)st;
	text_add(t, key_type_info(key.type)->name);
	text_addc(t, ' ');
	text_base64(t, blob.p, blob.len, true);
}
