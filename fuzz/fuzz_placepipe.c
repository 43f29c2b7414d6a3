/*
 * Reaches: placepipe_decode, placepipe_put, placepipe_line_get,
 *          placepipe_line_put.
 * Claims:  no status is negative; a frame that is taken is written to the very
 *          bytes that it was, its parts lie within it, and names lead nowhere
 *          else; a line that is taken can be written again, in no more than
 *          PLACEPIPE_LINE_MAX bytes, and is then taken as the same, but for the
 *          text, which is escaped.
 * Input:   one frame without its length, or one line without its end.
 */

#include <string.h>

#include "fuzz/fuzz.h"
#include "proto/placepipe.h"

/* Whether a part between slashes is one that leads elsewhere. */
static bool
leads_away(struct slice path)
{
	size_t i, start = 0;

	for (i = 0; i <= path.len; i++) {
		if (i < path.len && path.p[i] != '/')
			continue;
		if (i == start || (i - start == 2 &&
		    memcmp(path.p + start, "..", 2) == 0) ||
		    (i - start == 1 && path.p[start] == '.'))
			return true;
		start = i + 1;
	}
	return false;
}

static void
check_frame(struct slice body)
{
	struct placepipe_frame frame;
	struct wire_writer w;
	struct slice all;
	int st = placepipe_decode(body, &frame);

	assert(st >= 0);
	if (st != ST_OK)
		return;
	assert(fuzz_within(frame.name, body) && fuzz_within(frame.bytes, body) &&
	    fuzz_within(frame.socket, body));
	if (frame.kind <= PLACE_LINE)
		assert(!leads_away(frame.name));
	if (frame.kind < PLACE_LINE)
		assert(memchr(frame.name.p, '/', frame.name.len) == NULL &&
		    frame.name.p[0] != '.');
	w = wire_writer(fuzz_alloc(body.len + 4), body.len + 4);
	placepipe_put(&w, &frame);
	all = fuzz_written(&w);
	assert(all.len == body.len + 4 &&
	    memcmp(all.p + 4, body.p, body.len) == 0);
	free(w.p);
}

static void
check_line(struct slice in)
{
	char buf[2 * PLACEPIPE_LINE_MAX];
	struct placepipe_line line, again;
	struct text t;
	int st = placepipe_line_get(in, &line);

	assert(st >= 0);
	if (st != ST_OK)
		return;
	assert(fuzz_within(line.text, in));
	text_init(&t, buf, sizeof(buf));
	placepipe_line_put(&t, &line);
	assert(!t.full && t.len <= PLACEPIPE_LINE_MAX);
	st = placepipe_line_get((struct slice){ (const uint8_t *)buf,
	    t.len - 1 }, &again);
	assert(st == ST_OK && again.word == line.word && again.n == line.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = { data, size };

	check_frame(in);
	check_line(in);
	return 0;
}
