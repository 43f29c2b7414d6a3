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

/* Whether ${text} begins with these lines. */
static bool
begins_with(struct slice text, struct slice lines)
{
	while (lines.len > 0)
		if (text.len == 0 ||
		    !slice_eq(take_line(&text), take_line(&lines)))
			return false;
	return true;
}

bool
placeline_has(struct slice text, struct slice lines)
{
	size_t top = placeline_top(text);

	text.p += top;
	text.len -= top;
	for (; text.len > 0; (void)take_line(&text))
		if (begins_with(text, lines))
			return true;
	return false;
}

size_t
placeline_top(struct slice text)
{
	static const uint8_t mark[] = { 0xef, 0xbb, 0xbf };

	return text.len >= sizeof(mark) &&
	    memcmp(text.p, mark, sizeof(mark)) == 0 ? sizeof(mark) : 0;
}
