#ifndef WIRE_H_
#define WIRE_H_

/*
 * wire - take apart and build SSH wire values.
 *
 * Layer:   proto.  Needs base/status.h; no I/O, no clock, no globals.
 * Source:  RFC 4251 section 5.
 * Memory:  a reader borrows its input and never allocates.  A writer fills a
 *          buffer the caller lends and never grows it.
 * Secrets: bodies may carry private keys; nothing here logs or copies a byte
 *          other than into the writer's buffer.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Longest mpint body accepted, in bytes, after leading zeros are dropped:
 * 16384 bits, as OpenSSH has it. */
#define WIRE_MPINT_MAX	2048

/* A borrowed run of bytes; not NUL-ended. */
struct slice {
	const uint8_t	*p;
	size_t		 len;
};

/* What is left to read.  Plain value: copy it to look ahead. */
struct wire_reader {
	struct slice	 rest;
};

/* What was written so far.  Once something did not fit, `full` stays set and
 * nothing more is written. */
struct wire_writer {
	uint8_t		*p;
	size_t		 len;
	size_t		 cap;
	bool		 full;
};

/* A slice over a string literal or any C string, without its NUL. */
struct slice slice_str(const char *s);
bool slice_eq(struct slice a, struct slice b);
bool slice_eq_str(struct slice a, const char *s);

/**
 * wire_reader(in):
 * A reader over all of ${in}, which must outlive what is read from it.
 */
struct wire_reader wire_reader(struct slice in);

/**
 * wire_get_u8(r, out), wire_get_u32(r, out), wire_get_u64(r, out):
 * Take one number, big-endian.
 *
 * Errors: ST_MALFORMED  not enough bytes; ${r} and ${out} are unchanged
 */
int wire_get_u8(struct wire_reader *r, uint8_t *out) MUST_USE;
int wire_get_u32(struct wire_reader *r, uint32_t *out) MUST_USE;
int wire_get_u64(struct wire_reader *r, uint64_t *out) MUST_USE;

/**
 * wire_get_bytes(r, n, out):
 * Take ${n} bytes without a length before them.
 *
 * Owns:   ${out} borrows from the input of ${r}.
 * Errors: ST_MALFORMED  not enough bytes; ${r} unchanged, ${out} empty
 */
int wire_get_bytes(struct wire_reader *r, size_t n, struct slice *out)
    MUST_USE;

/**
 * wire_get_string(r, out):
 * Take one length-prefixed string.
 *
 * Shape:  u32 length, then that many bytes.
 * Owns:   ${out} borrows from the input of ${r}.
 * Errors: ST_MALFORMED  the length runs past the end
 *         On error ${r} is where it was and ${out} is empty.
 */
int wire_get_string(struct wire_reader *r, struct slice *out) MUST_USE;

/**
 * wire_get_text(r, out):
 * Take one string that is text: a NUL may only be its last byte and is then
 * dropped, as OpenSSH does (sshbuf_get_cstring).
 *
 * Errors: as wire_get_string(); ST_MALFORMED also for a NUL elsewhere
 */
int wire_get_text(struct wire_reader *r, struct slice *out) MUST_USE;

/**
 * wire_get_mpint(r, out):
 * Take one non-negative mpint; leading zero bytes are dropped, so ${out} is
 * the plain big-endian number, empty for zero.
 *
 * Source: RFC 4251 section 5 "mpint"; limits as in OpenSSH.
 * Errors: ST_MALFORMED  the length runs past the end, or the number is
 *                       negative
 *         ST_TOO_LARGE  more than WIRE_MPINT_MAX bytes
 *         On error ${r} is where it was and ${out} is empty.
 */
int wire_get_mpint(struct wire_reader *r, struct slice *out) MUST_USE;

/**
 * wire_end(r):
 * Whether everything was read.
 */
bool wire_end(const struct wire_reader *r);

/**
 * wire_writer(p, cap):
 * A writer over ${cap} bytes at ${p}.
 */
struct wire_writer wire_writer(void *p, size_t cap);

/**
 * wire_put_u8(w, v), wire_put_u32(w, v), wire_put_u64(w, v),
 * wire_put_bytes(w, s),
 * wire_put_string(w, s), wire_put_str(w, cstring):
 * Append.  What does not fit sets ${w}->full and changes nothing else.
 */
void wire_put_u8(struct wire_writer *w, uint8_t v);
void wire_put_u32(struct wire_writer *w, uint32_t v);
void wire_put_u64(struct wire_writer *w, uint64_t v);
void wire_put_bytes(struct wire_writer *w, struct slice s);
void wire_put_string(struct wire_writer *w, struct slice s);
void wire_put_str(struct wire_writer *w, const char *s);

/**
 * wire_put_mpint(w, n):
 * Append the non-negative big-endian number ${n} as an mpint: leading zeros
 * dropped, one zero byte put first where the top bit is set.
 */
void wire_put_mpint(struct wire_writer *w, struct slice n);

/**
 * wire_open_string(w), wire_close_string(w, mark):
 * Begin a string whose length is not known yet; close fills the length in.
 */
size_t wire_open_string(struct wire_writer *w);
void wire_close_string(struct wire_writer *w, size_t mark);

/**
 * wire_done(w, out):
 * What was written.
 *
 * Owns:   ${out} borrows from the buffer of ${w}.
 * Errors: ST_TOO_LARGE  something did not fit; ${out} is empty
 */
int wire_done(const struct wire_writer *w, struct slice *out) MUST_USE;

#endif /* !WIRE_H_ */
