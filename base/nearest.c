#include "base/nearest.h"

#include <stdint.h>

size_t
nearest_edits(const char *a, size_t alen, const char *b, size_t blen)
{
	size_t row[NEAREST_MAX + 1];
	size_t i, j;

	if (alen > NEAREST_MAX || blen > NEAREST_MAX)
		return SIZE_MAX;
	for (j = 0; j <= blen; j++)
		row[j] = j;
	for (i = 1; i <= alen; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (j = 1; j <= blen; j++) {
			size_t best = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			if (corner + 1 < best)
				best = corner + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[blen];
}
