#ifndef SUPPORT_JSON_H_
#define SUPPORT_JSON_H_

/*
 * json - whether some bytes are one JSON value (RFC 8259) and one line, and
 * nothing in them could change what a terminal shows around it.
 */

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct json {
	const uint8_t	*p, *end;
};

static inline bool
json_take(struct json *j, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(j->end - j->p) < n || memcmp(j->p, word, n) != 0)
		return false;
	j->p += n;
	return true;
}

/* One character of UTF-8 that may stand as it is. */
static inline bool
json_plain(struct json *j)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	uint32_t c = *j->p++;
	size_t more = c < 0x80 ? 0 : (c & 0xe0) == 0xc0 ? 1 :
	    (c & 0xf0) == 0xe0 ? 2 : (c & 0xf8) == 0xf0 ? 3 : 4;

	if (more == 4 || (size_t)(j->end - j->p) < more)
		return false;
	if (more > 0)
		c &= 0x3fu >> more;
	for (size_t i = 0; i < more; i++, j->p++) {
		if ((*j->p & 0xc0) != 0x80)
			return false;
		c = c << 6 | (*j->p & 0x3f);
	}
	return c >= least[more] && c <= 0x10ffff && c >= 0x20 &&
	    !(c >= 0x7f && c <= 0x9f) && !(c >= 0xd800 && c <= 0xdfff) &&
	    !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069);
}

static inline bool
json_string(struct json *j)
{
	if (!json_take(j, "\""))
		return false;
	while (j->p < j->end && *j->p != '"') {
		if (*j->p != '\\') {
			if (!json_plain(j))
				return false;
		} else if (j->end - j->p >= 6 && j->p[1] == 'u') {
			for (size_t i = 2; i < 6; i++)
				if (!isxdigit(j->p[i]))
					return false;
			j->p += 6;
		} else if (j->end - j->p >= 2 && j->p[1] != '\0' &&
		    strchr("\"\\/bfnrt", j->p[1]) != NULL) {
			j->p += 2;
		} else {
			return false;
		}
	}
	return json_take(j, "\"");
}

static inline bool
json_number(struct json *j)
{
	const uint8_t *from = j->p;

	while (j->p < j->end && isdigit(*j->p))
		j->p++;
	return j->p > from && (*from != '0' || j->p == from + 1);
}

/* A string, a whole number, a word, or an object of such. */
static inline bool
json_value(struct json *j, int depth)
{
	if (j->p == j->end || depth > 4)
		return false;
	if (*j->p == '"')
		return json_string(j);
	if (isdigit(*j->p))
		return json_number(j);
	if (json_take(j, "null") || json_take(j, "true") ||
	    json_take(j, "false"))
		return true;
	if (!json_take(j, "{"))
		return false;
	if (json_take(j, "}"))
		return true;
	do {
		if (!json_string(j) || !json_take(j, ":") ||
		    !json_value(j, depth + 1))
			return false;
	} while (json_take(j, ","));
	return json_take(j, "}");
}

/* Whether all of ${n} bytes are one object. */
static inline bool
json_is_object(const void *p, size_t n)
{
	struct json j = { p, (const uint8_t *)p + n };

	return n > 0 && *j.p == '{' && json_value(&j, 0) && j.p == j.end;
}

#endif /* !SUPPORT_JSON_H_ */
