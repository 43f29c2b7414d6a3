#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char hex[] = "0123456789abcdef";

/* The character that stands for bytes that are no UTF-8. */
#define REPLACEMENT	"\xef\xbf\xbd"

void
text_init(struct text *t, char *p, size_t cap)
{
	assert(cap >= 1);
	t->p = p;
	t->len = 0;
	t->cap = cap;
	t->full = false;
	t->p[0] = '\0';
}

/* Append ${n} bytes that only make sense together, or nothing. */
static void
add_whole(struct text *t, const void *p, size_t n)
{
	/* What follows something left out is left out as well. */
	if (t->full || n > t->cap - 1 - t->len) {
		t->full = true;
		return;
	}
	memcpy(t->p + t->len, p, n);
	t->len += n;
	t->p[t->len] = '\0';
}

size_t
text_whole(const void *p, size_t n)
{
	size_t tail = 0, len = n, want;
	const uint8_t *b = p;
	uint8_t lead;

	while (tail < 3 && len > 0 && (b[len - 1] & 0xc0) == 0x80) {
		len--;
		tail++;
	}
	if (len == 0)
		return n;
	lead = b[len - 1];
	want = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0;
	return want > tail ? len - 1 : n;
}

/* How many of them end with a whole \xNN, if one was begun. */
static size_t
whole_escapes(const char *p, size_t n)
{
	size_t at = n, slashes = 0;

	while (at > 0 && n - at < 3 && p[at - 1] != '\\')
		at--;
	while (slashes < at && p[at - 1 - slashes] == '\\')
		slashes++;
	/* A backslash that is one has another one before it. */
	if (slashes % 2 == 0 || n - at > 2 || (n > at && p[at] != 'x'))
		return n;
	return at - 1;
}

/*
 * The text was cut in the middle of something.  Keep its last character only
 * when that is whole.
 */
static void
end_at_cut(struct text *t)
{
	t->len = whole_escapes(t->p, text_whole(t->p, t->len));
	t->p[t->len] = '\0';
	t->full = true;
}

int
text_cut(const char *s, int max)
{
	size_t n = strnlen(s, (size_t)max + 1);

	return (int)(n <= (size_t)max ? n : text_whole(s, (size_t)max));
}

void
text_add(struct text *t, const char *s)
{
	size_t n = strlen(s), fit = t->cap - 1 - t->len;

	if (n <= fit || t->full) {
		add_whole(t, s, n);
		return;
	}
	add_whole(t, s, fit);
	end_at_cut(t);
}

void
text_addc(struct text *t, char c)
{
	add_whole(t, &c, 1);
}

void
text_addu(struct text *t, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	add_whole(t, digits + at, sizeof(digits) - at);
}

void
text_addv(struct text *t, const char *fmt, va_list ap)
{
	size_t room = t->cap - t->len;
	int n;

	if (t->full)
		return;
	n = vsnprintf(t->p + t->len, room, fmt, ap);
	if (n >= 0 && (size_t)n < room) {
		t->len += (size_t)n;
		return;
	}
	if (n >= 0)
		t->len = t->cap - 1;
	end_at_cut(t);
}

void
text_addf(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_addv(t, fmt, ap);
	va_end(ap);
}

/*
 * Decode one character at ${p}: its length in bytes, or 0 when what stands
 * there is no UTF-8 (overlong forms, surrogates and everything above U+10FFFF
 * included).
 */
static size_t
utf8_decode(const uint8_t *p, size_t n, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = p[0];
	size_t i, len;

	if (c < 0x80) {
		*out = c;
		return 1;
	}
	if ((c & 0xe0) == 0xc0) {
		len = 2;
		c &= 0x1f;
	} else if ((c & 0xf0) == 0xe0) {
		len = 3;
		c &= 0x0f;
	} else if ((c & 0xf8) == 0xf0) {
		len = 4;
		c &= 0x07;
	} else {
		return 0;
	}
	if (len > n)
		return 0;
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return len;
}

/* Control characters: C0, DEL and C1. */
static bool
is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f);
}

/* Characters that reorder or hide the text around them. */
static bool
is_deceptive(uint32_t c)
{
	return c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) ||
	    c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
	    (c >= 0xe0000 && c <= 0xe007f);
}

/* How many bytes at the front stand as they are in whatever form: most text is
 * made of them.  Printable ASCII, but for what quotes and escapes begin
 * with. */
static size_t
plain_bytes(const uint8_t *b, size_t n)
{
	size_t i = 0;

	while (i < n && b[i] >= 0x20 && b[i] < 0x7f && b[i] != '"' &&
	    b[i] != '\\')
		i++;
	return i;
}

/* Append characters of one byte each, as many as there is room for. */
static void
add_bytes(struct text *t, const uint8_t *b, size_t n)
{
	size_t room = t->cap - 1 - t->len;

	add_whole(t, b, n < room ? n : room);
	if (n > room)
		t->full = true;
}

/* Append bytes of anybody's, and every backslash as ${backslash}. */
static void
escape(struct text *t, const uint8_t *b, size_t n, const char *backslash)
{
	char one[4] = { '\\', 'x' };
	uint32_t c = 0;
	size_t i, len;

	for (; n > 0 && !t->full; b += len, n -= len) {
		if ((len = plain_bytes(b, n)) > 0) {
			add_bytes(t, b, len);
			continue;
		}
		len = utf8_decode(b, n, &c);
		if (len == 1 && c == '\\') {
			add_whole(t, backslash, strlen(backslash));
			continue;
		}
		if (len > 0 && !is_control(c) && !is_deceptive(c)) {
			add_whole(t, b, len);
			continue;
		}
		if (len == 0)
			len = 1;
		for (i = 0; i < len; i++) {
			one[2] = hex[b[i] >> 4];
			one[3] = hex[b[i] & 0x0f];
			add_whole(t, one, sizeof(one));
		}
	}
}

void
text_escape(struct text *t, const void *p, size_t n)
{
	escape(t, p, n, "\\\\");
}

void
text_printable(struct text *t, const void *p, size_t n)
{
	escape(t, p, n, "\\");
}

/* A character by its number, in UTF-16 as JSON has it. */
static void
add_numbered(struct text *t, uint32_t c)
{
	char one[13];

	if (c < 0x10000)
		(void)snprintf(one, sizeof(one), "\\u%04x", c & 0xffff);
	else
		(void)snprintf(one, sizeof(one), "\\u%04x\\u%04x",
		    (0xd800 | (c - 0x10000) >> 10) & 0xffff,
		    (0xdc00 | (c & 0x3ff)) & 0xffff);
	add_whole(t, one, strlen(one));
}

void
text_json(struct text *t, const void *p, size_t n)
{
	const uint8_t *b = p;
	char one[2] = { '\\' };
	uint32_t c = 0;
	size_t len;

	add_whole(t, "\"", 1);
	for (; n > 0 && !t->full; b += len, n -= len) {
		if ((len = plain_bytes(b, n)) > 0) {
			add_bytes(t, b, len);
			continue;
		}
		len = utf8_decode(b, n, &c);
		if (len == 0) {
			len = 1;
			add_whole(t, REPLACEMENT, sizeof(REPLACEMENT) - 1);
		} else if (is_control(c) || is_deceptive(c)) {
			add_numbered(t, c);
		} else if (c == '"' || c == '\\') {
			one[1] = (char)c;
			add_whole(t, one, sizeof(one));
		} else {
			add_whole(t, b, len);
		}
	}
	add_whole(t, "\"", 1);
}

/* Whether a shell takes ${c} as it is, wherever it stands in a word. */
static bool
is_shell_safe(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '/' || c == '.' || c == '_' ||
	    c == '-';
}

void
text_shell(struct text *t, const char *s)
{
	const char *p = s;

	while (is_shell_safe(*p))
		p++;
	if (*s != '\0' && *p == '\0') {
		text_add(t, s);
		return;
	}

	/*
	 * A quote ends the quoting, stands behind a backslash and begins it
	 * anew; so does !, which csh looks at even between single quotes.
	 */
	add_whole(t, "'", 1);
	for (; *s != '\0'; s++) {
		if (*s == '\'')
			add_whole(t, "'\\''", 4);
		else if (*s == '!')
			add_whole(t, "'\\!'", 4);
		else
			add_whole(t, s, 1);
	}
	add_whole(t, "'", 1);
}

void
text_base64(struct text *t, const void *p, size_t n, bool pad)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *b = p;
	uint32_t bits;
	char out[4];
	size_t i, take;

	for (; n > 0 && !t->full; b += take, n -= take) {
		take = n < 3 ? n : 3;
		bits = 0;
		for (i = 0; i < 3; i++)
			bits = bits << 8 | (i < take ? b[i] : 0u);
		memset(out, '=', sizeof(out));
		for (i = 0; i <= take; i++)
			out[i] = digit[bits >> (18 - 6 * i) & 0x3f];
		add_whole(t, out, pad ? 4 : take + 1);
	}
}
