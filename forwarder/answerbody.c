/*
 * JSON is looked through by its brackets and strings alone: most of what comes
 * is cut off somewhere, and what a parser would refuse still says something.
 */

#include "forwarder/answerbody.h"

#include <string.h>
#include <strings.h>

static const char blanks[] = " \t\r\n";

/* Where strings with a reason stand, best first. */
enum where {
	WHERE_OUTSIDE,
	WHERE_ERROR,	/* right in the object "error" */
	WHERE_INSIDE,
};

/* Names of a reason, best first. */
static const char *const names[] = { "message", "reason", "error" };
#define NAMES		(sizeof(names) / sizeof(names[0]))
#define NAME_ERROR	2

/* The first byte from ${i} on that is not blank, or ${n}. */
static size_t
skip_blanks(const char *p, size_t n, size_t i)
{
	while (i < n && p[i] != '\0' && strchr(blanks, p[i]) != NULL)
		i++;
	return i;
}

/* The size of the chunk that begins at *${i}; false when there is none, and
 * *${i} is ${n} then if it is only not there yet. */
static bool
chunk_size(const uint8_t *p, size_t n, size_t *i, size_t *size)
{
	const uint8_t *nl = memchr(p + *i, '\n', n - *i);
	size_t at = *i, digits = 0;
	unsigned c;

	if (nl == NULL) {
		*i = n;
		return false;
	}
	for (*size = 0; at < n; at++, digits++) {
		c = p[at] | 0x20;
		if (p[at] >= '0' && p[at] <= '9')
			c = (unsigned)p[at] - '0';
		else if (c >= 'a' && c <= 'f')
			c -= 'a' - 10;
		else
			break;
		/* Whatever is more than we read is the same to us. */
		if (*size <= ANSWERBODY_MAX)
			*size = *size * 16 + c;
	}
	if (digits == 0)
		return false;
	*i = (size_t)(nl + 1 - p);
	return true;
}

/* The bytes between the lines that say how many there are. */
static void
unchunk(const uint8_t *p, size_t n, struct answerbody *out)
{
	size_t i = 0, size, have;

	while (i < n) {
		if (!chunk_size(p, n, &i, &size)) {
			/* What is no chunk has no end that we would know. */
			out->end = i < n;
			break;
		}
		if (size == 0) {
			out->end = true;
			break;
		}
		have = size < n - i ? size : n - i;
		memcpy(out->text + out->n, p + i, have);
		out->n += have;
		i += have;
		/* Behind the bytes there is one more end of a line. */
		if (i < n && p[i] == '\r')
			i++;
		if (i < n && p[i] == '\n')
			i++;
	}
}

/* What is between ${open} and the next '<'; a page says most in its title. */
static void
find_between(const char *open, struct answerbody *out)
{
	size_t olen = strlen(open);
	size_t i, j;

	for (i = 0; i + olen <= out->n; i++) {
		if (strncasecmp(out->text + i, open, olen) != 0)
			continue;
		for (j = i + olen; j < out->n && out->text[j] != '<'; j++)
			continue;
		out->line = out->text + i + olen;
		out->len = j - i - olen;
		out->told = j < out->n;
		return;
	}
}

/* Where the string that begins at ${i} ends: at its quote, or at ${n}. */
static size_t
string_end(const char *p, size_t n, size_t i)
{
	for (; i < n && p[i] != '"'; i++)
		if (p[i] == '\\')
			i++;
	return i < n ? i : n;
}

/* Which of the names this is, or NAMES. */
static size_t
name_of(const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < NAMES; i++)
		if (strlen(names[i]) == len && memcmp(names[i], p, len) == 0)
			break;
	return i;
}

/* The best string of an object that begins at ${i}. */
static void
find_json(size_t i, struct answerbody *out)
{
	const char *p = out->text;
	size_t n = out->n, best = SIZE_MAX;
	size_t depth = 0, from = i, name, end, rank;
	bool in_error = false;

	for (; i < n; i++) {
		if (p[i] == '{' || p[i] == '[')
			depth++;
		if ((p[i] == '}' || p[i] == ']') && --depth <= 1)
			in_error = false;
		if (depth == 0) {
			out->told = true;
			break;
		}
		if (p[i] != '"')
			continue;
		end = string_end(p, n, i + 1);
		name = name_of(p + i + 1, end - i - 1);
		i = skip_blanks(p, n, end < n ? end + 1 : n);
		/* A string that no colon follows is a value, of no use. */
		if (i == n || p[i] != ':') {
			i = end;
			continue;
		}
		i = skip_blanks(p, n, i + 1);
		if (name < NAMES && i < n && p[i] == '"') {
			end = string_end(p, n, i + 1);
			rank = name + NAMES * (depth == 1 ? WHERE_OUTSIDE :
			    in_error && depth == 2 ? WHERE_ERROR :
			    WHERE_INSIDE);
			if (rank < best && end > i + 1) {
				best = rank;
				out->line = p + i + 1;
				out->len = end - i - 1;
			}
			i = end;
			continue;
		}
		if (name == NAME_ERROR && depth == 1 && i < n && p[i] == '{')
			in_error = true;
		/* The value is looked at like all else. */
		i--;
	}
	/* All of it says more than nothing. */
	if (out->told && out->line == NULL) {
		out->line = p + from;
		out->len = i + 1 - from;
	}
}

/* The first line with something in it, which begins at ${i}. */
static void
find_line(size_t i, struct answerbody *out)
{
	const char *nl = memchr(out->text + i, '\n', out->n - i);

	out->line = out->text + i;
	out->len = nl != NULL ? (size_t)(nl - out->line) : out->n - i;
	out->told = nl != NULL;
}

void
answerbody_read(const struct httpconnect_head *head, const uint8_t *raw,
    size_t n, struct answerbody *out)
{
	size_t i;

	out->n = 0;
	out->line = NULL;
	out->len = 0;
	out->told = out->end = false;
	if (head->chunked) {
		unchunk(raw, n, out);
	} else {
		out->end = head->has_length && n >= head->length;
		out->n = out->end ? (size_t)head->length : n;
		if (out->n > 0)
			memcpy(out->text, raw, out->n);
	}
	i = skip_blanks(out->text, out->n, 0);
	if (head->html || (i < out->n && out->text[i] == '<')) {
		find_between("<title>", out);
		return;
	}
	if (i < out->n && out->text[i] == '{')
		find_json(i, out);
	if (out->line != NULL || i == out->n)
		return;
	find_line(i, out);
	/* One of an object that has not ended is not all that is coming. */
	if (out->text[i] == '{')
		out->told = false;
}
