#ifndef TEXT_H_
#define TEXT_H_

/*
 * text - bytes from strangers made safe to print, and small text building.
 *
 * Layer:   base.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/*
 * A string being built in memory the caller lends.  Always NUL-ended; what
 * does not fit is left out and `full` says so.  No half of a character, or of
 * an escape such as \xNN, is ever at its end.
 */
struct text {
	char	*p;
	size_t	 len;
	size_t	 cap;
	bool	 full;
};

/**
 * text_init(t, p, cap):
 * Start an empty string in ${cap} bytes at ${p}; ${cap} is at least 1.
 */
void text_init(struct text *t, char *p, size_t cap);

/**
 * text_add(t, s), text_addc(t, c), text_addu(t, n), text_addf(t, fmt, ...),
 * text_addv(t, fmt, ap):
 * Append.  The third is "%llu" for a tenth of the time.
 */
void text_add(struct text *t, const char *s);
void text_addc(struct text *t, char c);
void text_addu(struct text *t, uint64_t n);
void text_addf(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
void text_addv(struct text *t, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

/**
 * text_escape(t, p, n):
 * Append ${n} bytes of anybody's: valid UTF-8 of printable characters as it
 * is, a backslash doubled, everything else (control bytes, DEL, the C1 range,
 * broken UTF-8, and the characters that reorder or hide text: U+061C,
 * U+200B-200F, U+2028-202E, U+2060-2069, U+FEFF, U+FFF9-FFFB, U+E0000-E007F)
 * as \xNN.
 */
void text_escape(struct text *t, const void *p, size_t n);

/**
 * text_printable(t, p, n):
 * The same, but that a backslash stays one: for text of which some parts were
 * escaped already.
 */
void text_printable(struct text *t, const void *p, size_t n);

/**
 * text_whole(p, n), text_cut(s, max):
 * How many of the ${n} bytes at ${p}, behind which there are more, end with a
 * whole character; the same of a string, which may be no longer than ${max},
 * for "%.*s".
 */
size_t text_whole(const void *p, size_t n);
int text_cut(const char *s, int max);

/**
 * text_json(t, p, n):
 * Append ${n} bytes as a JSON string with its quotes.  What is not valid
 * UTF-8 becomes U+FFFD; control characters, and those that reorder or hide
 * text, are written as \uNNNN: at most six bytes come of one.
 */
void text_json(struct text *t, const void *p, size_t n);

/**
 * text_shell(t, s):
 * Append ${s} as one word for a POSIX shell or csh: bare when it is made of
 * [A-Za-z0-9/._-] only, else in single quotes.
 */
void text_shell(struct text *t, const char *s);

/**
 * text_base64(t, p, n, pad):
 * Append ${n} bytes in base64, with or without the = at the end.
 */
void text_base64(struct text *t, const void *p, size_t n, bool pad);

#endif /* !TEXT_H_ */
