/*
 * Reaches: loadpipe_get, loadpipe_put.
 * Claims:  no status is negative; a line that is taken can be written again,
 *          in no more than LOADPIPE_LINE_MAX bytes, and is then taken as the
 *          same, but for the text, which is escaped.
 * Input:   one line, without its end.
 */

#include <string.h>

#include "fuzz/fuzz.h"
#include "proto/loadpipe.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char buf[2 * LOADPIPE_LINE_MAX];
	struct loadpipe_line line, again;
	struct text t;

	if (loadpipe_get((struct slice){ data, size }, &line) != ST_OK)
		return 0;
	assert(line.text.len <= size);
	text_init(&t, buf, sizeof(buf));
	loadpipe_put(&t, &line);
	assert(!t.full && t.len <= LOADPIPE_LINE_MAX);
	assert(loadpipe_get((struct slice){ (const uint8_t *)buf, t.len - 1 },
	    &again) == ST_OK);
	assert(again.kind == line.kind && again.n == line.n &&
	    again.item == line.item);
	assert(memcmp(again.key, line.key, sizeof(line.key)) == 0);
	return 0;
}
