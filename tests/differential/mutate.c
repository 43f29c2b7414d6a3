#include "differential/mutate.h"

#include <string.h>

/* Longest run of bytes that is put in or left out. */
#define RUN_MAX	12

/* A place where four bytes could be the length of what follows; 0: the first
 * byte, if none was found. */
static size_t
find_length(struct random *random, const struct wire_writer *w)
{
	const uint8_t *p;
	uint32_t len;
	size_t at;

	for (unsigned tries = 0; tries < 64 && w->len > 4; tries++) {
		at = random_below(random, w->len - 4);
		p = w->p + at;
		len = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		    (uint32_t)p[2] << 8 | p[3];
		if (len > 0 && len <= w->len - at - 4)
			return at;
	}
	return 0;
}

/* Make a length wrong. */
static void
wrong_length(struct random *random, struct wire_writer *w)
{
	static const uint32_t lengths[] = { 0, 1, 0x7fffffff, 0xffffffffu,
		0x100000 };
	size_t at = find_length(random, w);
	struct wire_writer over;
	unsigned pick = random_below(random, 7);
	uint32_t len;

	if (w->len < 4)
		return;
	over = wire_writer(w->p + at, 4);
	len = (uint32_t)w->p[at] << 24 | (uint32_t)w->p[at + 1] << 16 |
	    (uint32_t)w->p[at + 2] << 8 | w->p[at + 3];
	wire_put_u32(&over, pick == 5 ? len + 1 : pick == 6 ? len - 1 :
	    lengths[pick]);
}

/* Put a few bytes in, or leave some out. */
static void
shift(struct random *random, struct wire_writer *w, bool in)
{
	size_t at = random_below(random, w->len);
	size_t n = 1 + random_below(random, RUN_MAX);

	if (in) {
		if (n > w->cap - w->len)
			return;
		memmove(w->p + at + n, w->p + at, w->len - at);
		for (size_t i = 0; i < n; i++)
			w->p[at + i] = random_chance(random, 300) ? 0 :
			    (uint8_t)random_next(random);
		w->len += n;
	} else {
		if (n > w->len - at)
			n = w->len - at;
		memmove(w->p + at, w->p + at + n, w->len - at - n);
		w->len -= n;
	}
}

/* One mistake. */
static void
mutate_once(struct random *random, struct wire_writer *w)
{
	size_t at = random_below(random, w->len);

	switch (random_below(random, 8)) {
	case 0:
	case 1:
		w->p[at] ^= (uint8_t)(1 << random_below(random, 8));
		break;
	case 2:
		w->p[at] = (uint8_t)random_next(random);
		break;
	case 3:
		w->len = at;
		break;
	case 4:
		shift(random, w, true);
		break;
	case 5:
		shift(random, w, false);
		break;
	default:
		wrong_length(random, w);
		break;
	}
}

bool
mutate_some(struct random *random, struct slice in, struct wire_writer *w,
    unsigned per_thousand)
{
	unsigned n = random_chance(random, 750) ? 1 : 2;

	if (!random_chance(random, per_thousand) || in.len == 0)
		return false;
	wire_put_bytes(w, in);
	while (n-- > 0 && w->len > 0 && !w->full)
		mutate_once(random, w);
	if (w->len == 0)
		wire_put_u8(w, 0);
	return true;
}
