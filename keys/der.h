#ifndef DER_H_
#define DER_H_

/*
 * der - take apart DER, strictly, without copying.
 *
 * Layer:   keys; not for a process that serves keys.
 * Source:  ITU-T X.690: definite lengths in their shortest form, tags of one
 *          byte.
 * Memory:  everything borrows from the input; nothing is allocated.
 */

#include <stdbool.h>

#include "base/status.h"
#include "proto/wire.h"

#define DER_INTEGER		0x02
#define DER_BIT_STRING		0x03
#define DER_OCTET_STRING	0x04
#define DER_NULL		0x05
#define DER_OID			0x06
#define DER_SEQUENCE		0x30
/* Context-specific, constructed and primitive. */
#define DER_CONTEXT(n)		(0xa0 | (n))
#define DER_CONTEXT_BYTES(n)	(0x80 | (n))

/**
 * der_get(in, tag, out):
 * Take one element and give what is in it.
 *
 * Errors: ST_MALFORMED  another tag, a length that is not the shortest form
 *                       or runs past the end; ${in} unchanged, ${out} empty
 */
int der_get(struct slice *in, uint8_t tag, struct slice *out) MUST_USE;

/**
 * der_next_is(in, tag):
 * Whether an element of that tag comes next; for optional ones.
 */
bool der_next_is(const struct slice *in, uint8_t tag);

/**
 * der_get_uint(in, out):
 * Take a non-negative INTEGER as a plain big-endian number without leading
 * zeros, empty for zero.
 *
 * Errors: as der_get(); ST_MALFORMED also for a negative number, an empty one
 *         and one that is not in its shortest form
 */
int der_get_uint(struct slice *in, struct slice *out) MUST_USE;

/**
 * der_get_small(in, out):
 * Take an INTEGER from 0 to 255, such as a version.
 *
 * Errors: as der_get_uint(); ST_MALFORMED also for a larger number
 */
int der_get_small(struct slice *in, unsigned *out) MUST_USE;

/**
 * der_get_bits(in, tag, out):
 * Take a BIT STRING, under its own or an implicit tag, of whole bytes.
 *
 * Errors: as der_get(); ST_MALFORMED also where bits are left over
 */
int der_get_bits(struct slice *in, uint8_t tag, struct slice *out) MUST_USE;

#endif /* !DER_H_ */
