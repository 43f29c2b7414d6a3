#include "base/num.h"

#include <assert.h>
#include <limits.h>
#include <stddef.h>

/*
 * Take the digits at *${text} and move it past them.  A number beyond 64 bits
 * comes out as UINT64_MAX with ST_TOO_LARGE, all of its digits taken.
 */
static int
take_digits(const char **text, uint64_t *out)
{
	const char *p = *text;
	uint64_t value = 0;
	int st = ST_OK;

	if (*p < '0' || *p > '9')
		return ST_MALFORMED;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'),
		    &value)) {
			value = 0;
			st = ST_TOO_LARGE;
		}
	}
	*text = p;
	*out = st == ST_OK ? value : UINT64_MAX;
	return st;
}

int
num_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t value;
	int st;

	assert(min <= max);
	if ((st = take_digits(&text, &value)) == ST_MALFORMED)
		return st;

	/* Trailing rubbish is worse than a number that is out of range. */
	if (*text != '\0')
		return ST_MALFORMED;
	if (st != ST_OK || value < min || value > max)
		return ST_TOO_LARGE;
	*out = value;
	return ST_OK;
}

/* Seconds in the unit ${c}, or 0 when it is none. */
static uint64_t
unit_seconds(char c)
{
	switch (c) {
	case 's':
	case 'S':
		return 1;
	case 'm':
	case 'M':
		return 60;
	case 'h':
	case 'H':
		return 60 * 60;
	case 'd':
	case 'D':
		return 24 * 60 * 60;
	case 'w':
	case 'W':
		return 7 * 24 * 60 * 60;
	default:
		return 0;
	}
}

int
num_duration_s(const char *text, uint32_t *out)
{
	uint64_t value, unit, total = 0;
	int st = ST_OK;

	/* Read to the end also when it is too large: it may be malformed. */
	do {
		if (take_digits(&text, &value) == ST_MALFORMED)
			return ST_MALFORMED;

		/* Only the last number may do without a unit. */
		unit = 1;
		if (*text != '\0' && (unit = unit_seconds(*text++)) == 0)
			return ST_MALFORMED;
		if (value > INT32_MAX / unit ||
		    total + value * unit > INT32_MAX)
			st = ST_TOO_LARGE;
		else
			total += value * unit;
	} while (*text != '\0');

	if (st == ST_OK)
		*out = (uint32_t)total;
	return st;
}
