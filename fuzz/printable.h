#ifndef PRINTABLE_H_
#define PRINTABLE_H_

/*
 * printable - whether a text that came of hostile bytes does no harm.
 */

#include <string.h>

#include "fuzz/fuzz.h"

/* Whether U+c reorders text or hides it: what base/text.h names. */
static inline bool
fuzz_is_hidden(uint32_t c)
{
	return c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) ||
	    c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
	    (c >= 0xe0000 && c <= 0xe007f);
}

/*
 * ${s}, in an array of ${max} bytes, is one line of whole characters that a
 * terminal shows as they are.
 */
static inline void
fuzz_printable(const char *s, size_t max)
{
	const uint8_t *p = (const uint8_t *)s;
	const void *end = memchr(s, '\0', max);
	uint32_t c;
	unsigned more;

	assert(end != NULL);
	(void)end;
	while (*p != '\0') {
		c = *p++;
		assert(c >= 0x20 && c != 0x7f);
		if (c < 0x80)
			continue;
		assert(c >= 0xc2 && c <= 0xf4);
		more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		c &= 0x3fu >> more;
		for (; more > 0; more--) {
			assert((*p & 0xc0) == 0x80);
			c = c << 6 | (*p++ & 0x3fu);
		}
		/* C1 controls, surrogates, and what moves other text. */
		assert(c >= 0xa0 && (c < 0xd800 || c > 0xdfff));
		assert(!fuzz_is_hidden(c));
	}
}

#endif /* !PRINTABLE_H_ */
