#include "base/pattern.h"

#include <stdint.h>
#include <string.h>

/*
 * A pattern is matched from the left.  Only the last star seen can still be
 * made to take one byte more: what an earlier one took made all between the two
 * fit, and what comes later fits no better for taking more there.  So there is
 * one place to go back to, and no recursion.
 */

bool
pattern_match(const char *pattern, size_t plen, const char *text, size_t tlen)
{
	size_t p = 0, t = 0;
	size_t star = SIZE_MAX;		/* behind the last star */
	size_t taken = 0;		/* the text up to here is the star's */

	while (t < tlen) {
		if (p < plen && pattern[p] == '*') {
			star = ++p;
			taken = t;
		} else if (p < plen && (pattern[p] == '?' ||
		    pattern[p] == text[t])) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star;
			t = ++taken;
		} else {
			return false;
		}
	}
	while (p < plen && pattern[p] == '*')
		p++;
	return p == plen;
}

bool
pattern_list_match(const char *list, size_t llen, const char *text, size_t tlen)
{
	bool match = false;
	size_t i = 0, end;
	bool not;

	while (i < llen) {
		not = list[i] == '!';
		if (not)
			i++;
		for (end = i; end < llen && list[end] != ','; end++)
			;
		if (pattern_match(list + i, end - i, text, tlen)) {
			if (not)
				return false;
			match = true;
		}
		i = end + 1;
	}
	return match;
}
