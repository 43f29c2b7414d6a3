/*
 * Reaches: all of provision/agentstatus.c.
 * Claims:  the status is a known one; why something is no status is one line
 *          that is safe to print; what is one is shown as lines that are, each
 *          of a length that is bounded.
 * Input:   what bottle-agent --status --json prints in a target.
 */

#include <stdio.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/printable.h"
#include "provision/agentstatus.h"

/* Longest line: three strings of 512 bytes, of which each takes four. */
#define LINE_MAX_SHOWN	16384

/* All lines are printable; the longest is not too long.  The line of rules has
 * as many as there are. */
static void
check_lines(char *p, size_t len)
{
	char *nl;
	size_t n;

	while (len > 0) {
		nl = memchr(p, '\n', len);
		assert(nl != NULL);
		n = (size_t)(nl - p);
		*nl = '\0';
		fuzz_printable(p, n + 1);
		assert(n < LINE_MAX_SHOWN ||
		    strncmp(p, "  allowed:", 10) == 0);
		p += n + 1;
		len -= n + 1;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[256] = "", *shown = NULL;
	size_t len = 0;
	json_t *o;
	FILE *f;
	int st;

	st = agentstatus_parse((struct slice){ data, size }, &o, why,
	    sizeof(why));
	if (st != ST_OK) {
		assert(st == ST_MALFORMED || st == ST_UNSUPPORTED ||
		    st == ST_TOO_LARGE);
		assert(o == NULL && why[0] != '\0');
		fuzz_printable(why, sizeof(why));
		return 0;
	}
	if ((f = open_memstream(&shown, &len)) == NULL)
		abort();
	agentstatus_print(f, "web\x1b[2J", o);
	if (fclose(f) != 0)
		abort();
	check_lines(shown, len);
	free(shown);
	json_decref(o);
	return 0;
}
