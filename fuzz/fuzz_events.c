/*
 * Reaches: events_parse, events_parse_runs, events_has_label,
 *          events_lines_put.
 * Claims:  the status is a known one and not negative; an ID is made of hex
 *          digits, of a length within its limits, and a name is empty or one of
 *          a target; whoever has a label has its key; a line is neither empty
 *          nor longer than it may be, has no newline, and is the same whatever
 *          pieces it came in.
 * Input:   the engine, the length of a piece, then lines.
 */

#include <string.h>

#include "fuzz/fuzz.h"
#include "provision/events.h"

struct seen {
	enum events_engine engine;
	size_t		 n, sum, bytes;
};

static void
check(const struct events_event *e)
{
	size_t len = strlen(e->id);

	assert(len >= EVENTS_ID_MIN && len <= EVENTS_ID_MAX);
	assert(strspn(e->id, "0123456789abcdef") == len);
	assert(e->name[0] == '\0' || target_is_name(e->name));
	if (events_has_label(e, "a=b") == EVENTS_HAS)
		assert(events_has_label(e, "a") == EVENTS_HAS);
}

static void
each(const char *line, size_t len, void *arg)
{
	struct seen *s = arg;
	struct events_event e;
	int st;

	assert(len > 0 && len <= EVENTS_LINE_MAX);
	assert(memchr(line, '\n', len) == NULL);
	s->n++;
	s->bytes += len;
	for (size_t i = 0; i < len; i++)
		s->sum = s->sum * 31 + (unsigned char)line[i];
	st = events_parse(s->engine, line, len, &e);
	assert(st == ST_OK || st == ST_NOT_FOUND || st == ST_MALFORMED);
	if (st == ST_OK)
		check(&e);
	events_fini(&e);
	st = events_parse_runs(s->engine, line, len, &e);
	assert(st == ST_OK || st == ST_NOT_FOUND || st == ST_MALFORMED);
	if (st == ST_OK)
		check(&e);
	assert((st == ST_OK) == (e.start[0] != '\0'));
	events_fini(&e);
}

static void
put(struct seen *s, const uint8_t *p, size_t n, size_t piece)
{
	static struct events_lines lines;

	memset(&lines, 0, sizeof(lines));
	for (size_t at = 0; at < n; at += piece)
		assert(events_lines_put(&lines, (const char *)p + at,
		    n - at < piece ? n - at : piece, each, s) == ST_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen a = { 0 }, b = { 0 };

	if (size < 2 || size > EVENTS_SKIP_MAX)
		return 0;
	a.engine = b.engine = (enum events_engine)(data[0] % EVENTS_ENGINES);
	put(&a, data + 2, size - 2, size);
	put(&b, data + 2, size - 2, data[1] % 64 + 1u);
	assert(a.n == b.n && a.sum == b.sum && a.bytes == b.bytes);
	return 0;
}
