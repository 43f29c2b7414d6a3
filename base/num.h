#ifndef NUM_H_
#define NUM_H_

/*
 * num - strict numbers and durations from text.
 *
 * Layer:   base.
 */

#include <stdint.h>

#include "base/status.h"

/**
 * num_u64(text, min, max, out):
 * Decimal digits only: no sign, no blank, no base prefix, nothing after.
 *
 * Errors: ST_MALFORMED  not a number
 *         ST_TOO_LARGE  outside of ${min}..${max}, or beyond 64 bits
 *         On error *${out} is unchanged.
 */
int num_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out)
    MUST_USE;

/**
 * num_duration_s(text, out):
 * Seconds, or a sum of numbers with units as ssh takes them: "90", "10m",
 * "1h30m", "1w2d"; s, m, h, d and w in either case.
 *
 * Units:  seconds, 0 to 2^31 - 1.
 * Errors: ST_MALFORMED, ST_TOO_LARGE; *${out} is unchanged.
 */
int num_duration_s(const char *text, uint32_t *out) MUST_USE;

#endif /* !NUM_H_ */
