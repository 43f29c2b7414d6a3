#include "proto/loadpipe.h"

#include <stdbool.h>
#include <string.h>

/* The words, and what follows them. */
static const struct {
	const char	*word;
	bool		 key, n, item, text;
} kinds[] = {
	[LOADPIPE_HELLO] = { "hello", true, false, false, true },
	[LOADPIPE_STAGED] = { "staged", false, false, false, false },
	[LOADPIPE_KEY] = { "key", false, false, false, true },
	[LOADPIPE_DONE] = { "done", false, true, false, false },
	[LOADPIPE_FAILED] = { "failed", false, true, true, true },
};
#define KINDS		(sizeof(kinds) / sizeof(kinds[0]))

/* Most digits of a number. */
#define DIGITS_MAX	9

void
loadpipe_put(struct text *t, const struct loadpipe_line *line)
{
	char escaped[LOADPIPE_LINE_MAX];
	struct text e;
	size_t i, len = line->text.len;

	text_addf(t, "%s%s", LOADPIPE_MARK, kinds[line->kind].word);
	if (kinds[line->kind].key) {
		text_addc(t, ' ');
		for (i = 0; i < LOAD_PUBLIC_KEY; i++)
			text_addf(t, "%02x", line->key[i]);
	}
	if (kinds[line->kind].n)
		text_addf(t, " %lu", (unsigned long)line->n);
	if (kinds[line->kind].item)
		text_addf(t, " %lu", (unsigned long)line->item);
	if (kinds[line->kind].text) {
		/* A byte takes four characters at most. */
		if (len > (LOADPIPE_LINE_MAX - 256) / 4)
			len = (LOADPIPE_LINE_MAX - 256) / 4;
		text_init(&e, escaped, sizeof(escaped));
		text_escape(&e, line->text.p, len);
		text_addf(t, " %s", escaped);
	}
	text_addc(t, '\n');
}

/* Whether ${in} begins with the ${n} bytes, and move past them. */
static bool
skip(struct slice *in, const char *p, size_t n)
{
	if (in->len < n || memcmp(in->p, p, n) != 0)
		return false;
	in->p += n;
	in->len -= n;
	return true;
}

/* " 123" */
static int
get_number(struct slice *in, uint32_t *out)
{
	uint32_t n = 0;
	size_t digits = 0;

	if (!skip(in, " ", 1))
		return ST_MALFORMED;
	for (; in->len > 0 && *in->p >= '0' && *in->p <= '9'; in->p++) {
		if (++digits > DIGITS_MAX)
			return ST_MALFORMED;
		n = n * 10 + (uint32_t)(*in->p - '0');
		in->len--;
	}
	*out = n;
	return digits > 0 ? ST_OK : ST_MALFORMED;
}

static int
nibble(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* " 0a1b..." */
static int
get_key(struct slice *in, uint8_t out[static LOAD_PUBLIC_KEY])
{
	size_t i;
	int hi, lo;

	if (in->len < 1 + 2 * (size_t)LOAD_PUBLIC_KEY || !skip(in, " ", 1))
		return ST_MALFORMED;
	for (i = 0; i < LOAD_PUBLIC_KEY; i++) {
		hi = nibble(in->p[0]);
		lo = nibble(in->p[1]);
		if (hi < 0 || lo < 0)
			return ST_MALFORMED;
		out[i] = (uint8_t)(hi * 16 + lo);
		in->p += 2;
		in->len -= 2;
	}
	return ST_OK;
}

int
loadpipe_get(struct slice in, struct loadpipe_line *out)
{
	size_t i, len;
	int st = ST_OK;

	if (!skip(&in, LOADPIPE_MARK, sizeof(LOADPIPE_MARK) - 1))
		return ST_NOT_FOUND;
	if (in.len > 0 && in.p[in.len - 1] == '\r')
		in.len--;
	for (i = 0; i < KINDS; i++) {
		len = strlen(kinds[i].word);
		if (in.len >= len && memcmp(in.p, kinds[i].word, len) == 0 &&
		    (in.len == len || in.p[len] == ' '))
			break;
	}
	if (i == KINDS || memchr(in.p, '\n', in.len) != NULL)
		return ST_MALFORMED;
	*out = (struct loadpipe_line){ .kind = (enum loadpipe_kind)i };
	(void)skip(&in, kinds[i].word, len);
	if (kinds[i].key)
		st = get_key(&in, out->key);
	if (st == ST_OK && kinds[i].n)
		st = get_number(&in, &out->n);
	if (st == ST_OK && kinds[i].item)
		st = get_number(&in, &out->item);
	if (st != ST_OK)
		return st;
	if (kinds[i].text && !skip(&in, " ", 1))
		return ST_MALFORMED;
	if (!kinds[i].text && in.len > 0)
		return ST_MALFORMED;
	out->text = in;
	return ST_OK;
}
