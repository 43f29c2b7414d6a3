#ifndef HEX_H_
#define HEX_H_

/*
 * hex - byte strings for test tables.
 *
 * Memory:  each one is a heap piece of exactly its length, so that a sanitizer
 *          or valgrind sees the first byte read past its end.  hex_free() is
 *          the group teardown of a test program.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/wire.h"

struct hex_piece {
	struct hex_piece	*next;
	uint8_t			*bytes;
};

static struct hex_piece *hex_pieces;

/* Len bytes of the heap, released by hex_free(). */
static inline uint8_t *
hex_alloc(size_t len)
{
	struct hex_piece *piece = malloc(sizeof(*piece));

	assert_non_null(piece);
	piece->bytes = malloc(len);
	assert_true(piece->bytes != NULL || len == 0);
	piece->next = hex_pieces;
	hex_pieces = piece;
	return piece->bytes;
}

/* The value of one hexadecimal digit. */
static inline unsigned
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	if (at == NULL)
		fail_msg("not a hexadecimal digit: %c", c);
	return (unsigned)(at - digits);
}

/*
 * Write the bytes that text stands for to out, or only count them where out
 * is NULL.  Two lower-case digits are a byte, 'text' is itself, and blanks
 * are for the reader.
 */
static inline size_t
hex_decode(const char *text, uint8_t *out)
{
	bool quoted = false;
	unsigned byte;
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if (*text == '\'') {
			quoted = !quoted;
			continue;
		}
		if (!quoted && *text == ' ')
			continue;
		byte = (unsigned char)*text;
		if (!quoted) {
			byte = hex_digit(text[0]) << 4;
			byte |= hex_digit(*++text);
		}
		if (out != NULL)
			out[n] = (uint8_t)byte;
		n++;
	}
	assert_false(quoted);
	return n;
}

/* The bytes that text stands for. */
static inline struct slice
hex(const char *text)
{
	size_t len = hex_decode(text, NULL);
	uint8_t *p = hex_alloc(len);

	hex_decode(text, p);
	return (struct slice){ p, len };
}

/* A copy of the bytes, exactly as long. */
static inline struct slice
hex_copy(struct slice s)
{
	uint8_t *p = hex_alloc(s.len);

	if (s.len > 0)
		memcpy(p, s.p, s.len);
	return (struct slice){ p, s.len };
}

/* N times the same byte. */
static inline struct slice
hex_fill(uint8_t byte, size_t n)
{
	uint8_t *p = hex_alloc(n);

	if (n > 0)
		memset(p, byte, n);
	return (struct slice){ p, n };
}

/* Release all of the above. */
static inline int
hex_free(void **state)
{
	struct hex_piece *piece;

	(void)state;
	while ((piece = hex_pieces) != NULL) {
		hex_pieces = piece->next;
		free(piece->bytes);
		free(piece);
	}
	return 0;
}

/* Fail unless both are the same bytes; name says which row of a table. */
static inline void
hex_expect(const char *name, struct slice got, struct slice want)
{
	if (!slice_eq(got, want)) {
		print_error("in: %s\n", name);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.p, want.p, want.len);
	}
}

/* Fail unless the writer holds just these bytes. */
static inline void
hex_expect_written(const char *name, const struct wire_writer *w,
    struct slice want)
{
	struct slice got;

	assert_int_equal(wire_done(w, &got), ST_OK);
	hex_expect(name, got, want);
}

/* The blob of an Ed25519 key of 32 such bytes: no key of anybody's. */
static inline struct slice
hex_key(char letter)
{
	struct slice name = hex("0000000b 'ssh-ed25519' 00000020");
	uint8_t *p = hex_alloc(name.len + 32);

	memcpy(p, name.p, name.len);
	memset(p + name.len, letter, 32);
	return (struct slice){ p, name.len + 32 };
}

#endif /* !HEX_H_ */
