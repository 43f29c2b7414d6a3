/*
 * Reaches: placeline.c.
 * Claims:  a model that splits the text agrees on whether lines are in it;
 *          those that somebody adds are there; what is to be cut out lies in
 *          the text, begins where a line does and ends where one does; a text
 *          that had lines loses some of them with each cut, which comes to an
 *          end, and then it has them no more.
 * Input:   a text, a NUL, lines, a NUL, what is ours in them.
 */

#include <string.h>

#include "forwarder/placeline.h"
#include "fuzz/fuzz.h"
#include "fuzz/support/choice.h"

#define LINES_MAX	512

/* A text as its lines, without their ends. */
struct split {
	struct slice	 line[LINES_MAX];
	size_t		 n;
};

/* False when there are too many. */
static bool
split(struct slice text, struct split *out)
{
	const uint8_t *p = text.p, *end = text.p + text.len, *nl;
	struct slice line;

	for (out->n = 0; p < end; p = nl + 1) {
		if (out->n == LINES_MAX)
			return false;
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		line = (struct slice){ p, (size_t)(nl - p) };
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		out->line[out->n++] = line;
		if (nl == end)
			break;
	}
	return true;
}

/* What placeline_has() should say. */
static bool
model_has(struct slice text, struct slice lines)
{
	static struct split a, b;
	size_t top = placeline_top(text), i, j;

	if (text.len == top || lines.len == 0)
		return false;
	text.p += top;
	text.len -= top;
	if (!split(text, &a) || !split(lines, &b))
		return placeline_has(text, lines);
	for (i = 0; i + b.n <= a.n; i++) {
		for (j = 0; j < b.n && slice_eq(a.line[i + j], b.line[j]); j++)
			;
		if (j == b.n)
			return true;
	}
	return false;
}

/* Whether a line begins there. */
static bool
is_begin(struct slice text, size_t at)
{
	return at == 0 || at == placeline_top(text) || text.p[at - 1] == '\n';
}

/* Cut until there is nothing to cut; takes the text. */
static void
cut_all(uint8_t *p, size_t n, struct slice lines, const char *ours)
{
	struct slice text = { p, n };
	size_t from = 0, len = 0;

	while (placeline_cut(text, lines, ours, &from, &len)) {
		assert(len > 0 && from <= text.len && len <= text.len - from);
		assert(is_begin(text, from));
		assert(from + len == text.len ||
		    text.p[from + len - 1] == '\n');
		memmove(p + from, p + from + len, text.len - from - len);
		text.len -= len;
	}
	assert(!placeline_has(text, lines));
}

/* Lines that somebody adds are there. */
static void
check_added(struct slice text, struct slice lines)
{
	size_t n = text.len + lines.len + 2;
	uint8_t *p = fuzz_alloc(n);

	if (text.len > 0)
		memcpy(p, text.p, text.len);
	p[text.len] = '\n';
	memcpy(p + text.len + 1, lines.p, lines.len);
	p[n - 1] = '\n';
	assert(placeline_has((struct slice){ p, n }, lines));
	free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = { data, size }, text, lines;
	uint8_t *copy;
	char *ours;

	if (size == 0)
		return 0;
	text = choice_part(&rest);
	lines = choice_part(&rest);
	ours = (char *)fuzz_alloc(rest.len + 1);
	if (rest.len > 0)
		memcpy(ours, rest.p, rest.len);
	ours[rest.len] = '\0';
	copy = fuzz_alloc(text.len);
	if (text.len > 0)
		memcpy(copy, text.p, text.len);
	assert(placeline_has(text, lines) == model_has(text, lines));
	if (lines.len > 0)
		check_added(text, lines);
	cut_all(copy, text.len, lines, ours);
	free(copy);
	free(ours);
	return 0;
}
