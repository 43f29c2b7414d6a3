#include "forwarder/placeline.h"

#include <string.h>

/* Take the first line, without its end.  There must be one. */
static struct slice
take_line(struct slice *in)
{
	const uint8_t *end = memchr(in->p, '\n', in->len);
	struct slice line = *in;
	size_t used = in->len;

	if (end != NULL) {
		line.len = (size_t)(end - in->p);
		used = line.len + 1;
	}
	in->p += used;
	in->len -= used;
	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* How many bytes of ${text} these lines are, if it begins with them; or 0. */
static size_t
begins_with(struct slice text, struct slice lines)
{
	size_t len = text.len;

	while (lines.len > 0)
		if (text.len == 0 ||
		    !slice_eq(take_line(&text), take_line(&lines)))
			return 0;
	return len - text.len;
}

/* Where they stand first; false if they do not. */
static bool
find(struct slice text, struct slice lines, size_t *from, size_t *len)
{
	size_t all = text.len, top = placeline_top(text);

	text.p += top;
	text.len -= top;
	for (; text.len > 0; (void)take_line(&text))
		if ((*len = begins_with(text, lines)) > 0) {
			*from = all - text.len;
			return true;
		}
	return false;
}

bool
placeline_has(struct slice text, struct slice lines)
{
	size_t from, len;

	return find(text, lines, &from, &len);
}

/* The first byte of a line that is no blank; 0: there is none. */
static uint8_t
first_of(struct slice line)
{
	while (line.len > 0 && (*line.p == ' ' || *line.p == '\t')) {
		line.p++;
		line.len--;
	}
	return line.len > 0 ? *line.p : 0;
}

/* Whether a section goes on here: the next line that says anything is not the
 * head of another one. */
static bool
goes_on(struct slice text)
{
	uint8_t c;

	while (text.len > 0) {
		c = first_of(take_line(&text));
		if (c != 0 && c != '#' && c != ';')
			return c != '[';
	}
	return false;
}

bool
placeline_cut(struct slice text, struct slice lines, const char *ours,
    size_t *from, size_t *len)
{
	struct slice rest, line, head;

	if (find(text, lines, from, len)) {
		rest = (struct slice){ text.p + *from + *len,
			text.len - *from - *len };
		head = (struct slice){ text.p + *from, *len };
		line = take_line(&head);
		if (first_of(line) == '[' && head.len > 0 && goes_on(rest)) {
			*from += *len - head.len;
			*len = head.len;
		}
		return true;
	}
	while (lines.len > 0) {
		line = take_line(&lines);
		if (line.len > 0 && memmem(line.p, line.len, ours,
		    strlen(ours)) != NULL && find(text, line, from, len))
			return true;
	}
	return false;
}

size_t
placeline_top(struct slice text)
{
	static const uint8_t mark[] = { 0xef, 0xbb, 0xbf };

	return text.len >= sizeof(mark) &&
	    memcmp(text.p, mark, sizeof(mark)) == 0 ? sizeof(mark) : 0;
}
