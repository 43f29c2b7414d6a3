#ifndef NEAREST_H_
#define NEAREST_H_

/*
 * nearest - how far a misspelt name is from a known one.
 *
 * Layer:   base.
 */

#include <stddef.h>

/* Longest name that is compared, in bytes. */
#define NEAREST_MAX	64

/**
 * nearest_edits(a, alen, b, blen):
 * How many characters must be changed, put in or left out to make one of the
 * other (Levenshtein).  Longer names than NEAREST_MAX are near nothing, and
 * SIZE_MAX away.
 */
size_t nearest_edits(const char *a, size_t alen, const char *b, size_t blen);

#endif /* !NEAREST_H_ */
