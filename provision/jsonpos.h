#ifndef JSONPOS_H_
#define JSONPOS_H_

/*
 * jsonpos - where things stand in the text of a JSON document.
 *
 * Layer:   provision.  No I/O, no memory, and nothing of the library that
 *          makes values of the text: that tells the place of some mistakes,
 *          and of no value.
 * Source:  RFC 8259.
 *
 * Places are offsets in bytes.  Any bytes may be given to any function here;
 * what is said about an array or object whose text jsonpos_check() does not
 * like is of no use, but lies within the text.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* Deepest nesting of arrays and objects. */
#define JSONPOS_DEPTH_MAX	64

/* The text of a document, and its length. */
struct jsonpos_text {
	const char	*p;
	size_t		 len;
};

/* What an editor calls a place: both begin with 1.  Columns are characters,
 * and a tab is one. */
struct jsonpos_place {
	unsigned	 line, column;
};

/* A member of an object or an element of an array. */
struct jsonpos_item {
	size_t		 key;	/* its opening quote; in an array as value */
	size_t		 value;	/* the first byte */
	size_t		 end;	/* behind the last one */
};

/**
 * jsonpos_place(text, at):
 * The line and column of a byte, or of the end of the text.
 */
struct jsonpos_place jsonpos_place(struct jsonpos_text text, size_t at);

/**
 * jsonpos_check(text, at, what):
 * Whether the text is one array or object, with nothing behind it.  Not looked
 * at: whether strings are UTF-8, how large numbers are, and whether keys come
 * twice.
 *
 * Errors: ST_MALFORMED  ${at} is the place of the first mistake, and ${what}
 *                       a static sentence that says what would be right
 *         ST_TOO_LARGE  nested too deep; likewise
 */
int jsonpos_check(struct jsonpos_text text, size_t *at, const char **what)
    MUST_USE;

/**
 * jsonpos_first(text, container, item), jsonpos_next(text, item):
 * The first item of the array or object that begins at ${container}, and the
 * one that follows ${item}; whether there is one.
 */
bool jsonpos_first(struct jsonpos_text text, size_t container,
    struct jsonpos_item *item);
bool jsonpos_next(struct jsonpos_text text, struct jsonpos_item *item);

/**
 * jsonpos_token(text, at):
 * Where the token begins that the byte at ${at} is of, or else the first one
 * behind it, or the end of the text.
 */
size_t jsonpos_token(struct jsonpos_text text, size_t at);

#endif /* !JSONPOS_H_ */
