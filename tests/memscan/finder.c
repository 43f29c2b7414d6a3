/*
 * Every window of every needle is in a hash table under its first 8 bytes, and
 * a bitmap in front of it says no to nearly all of the memory.
 */
#include "memscan/finder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define HASH_BITS	20
#define HASH_SIZE	(1u << HASH_BITS)

/* A window with fewer different bytes says nothing. */
#define DISTINCT_MIN	6

struct window {
	uint64_t		 head;	/* first 8 bytes */
	const struct needle	*needle;
	size_t			 off;
	uint32_t		 next;	/* in its chain; 0: none */
};

struct finder {
	size_t		 window;
	struct window	*list;		/* the first one is not used */
	size_t		 n, cap;
	uint32_t	*chain;		/* HASH_SIZE heads */
	uint64_t	*bitmap;	/* a bit for each chain that is used */
};

static uint64_t
head_of(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t
hash(uint64_t head)
{
	return (uint32_t)(head * 0x9e3779b97f4a7c15u >> (64 - HASH_BITS));
}

/* Whether a window says something. */
static bool
is_telling(const uint8_t *p, size_t len)
{
	bool seen[256] = { false };
	unsigned distinct = 0;

	for (size_t i = 0; i < len; i++) {
		distinct += !seen[p[i]];
		seen[p[i]] = true;
	}
	return distinct >= DISTINCT_MIN && head_of(p) != 0;
}

/* Whether a window of a secret number is in a public one as well. */
static bool
is_public(const struct needles *all, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < all->n; i++)
		if (!all->list[i].secret && memmem(all->list[i].bytes,
		    all->list[i].len, p, len) != NULL)
			return true;
	return false;
}

static void
put(struct finder *f, const struct needle *x, size_t off)
{
	uint64_t head = head_of(x->bytes + off);
	uint32_t h = hash(head);

	if (f->n == f->cap) {
		f->cap *= 2;
		f->list = realloc(f->list, f->cap * sizeof(*f->list));
		assert(f->list != NULL);
	}
	f->list[f->n] = (struct window){ head, x, off, f->chain[h] };
	f->chain[h] = (uint32_t)f->n++;
	f->bitmap[h / 64] |= (uint64_t)1 << h % 64;
}

/* The shortest run of a needle that counts. */
static size_t
shortest(const struct finder *f, const struct needle *x)
{
	return x->min > f->window ? x->min : f->window;
}

struct finder *
finder_new(const struct needles *all, size_t window)
{
	struct finder *f = calloc(1, sizeof(*f));

	assert(f != NULL && window >= FINDER_WINDOW_MIN);
	f->window = window;
	f->n = 1;
	f->cap = 1024;
	f->list = calloc(f->cap, sizeof(*f->list));
	f->chain = calloc(HASH_SIZE, sizeof(*f->chain));
	f->bitmap = calloc(HASH_SIZE / 64, sizeof(*f->bitmap));
	assert(f->list != NULL && f->chain != NULL && f->bitmap != NULL);
	for (size_t i = 0; i < all->n; i++) {
		const struct needle *x = &all->list[i];
		size_t len = shortest(f, x);

		for (size_t off = 0; off + len <= x->len; off++)
			if (is_telling(x->bytes + off, len) && !(x->secret &&
			    is_public(all, x->bytes + off, len)))
				put(f, x, off);
	}
	return f;
}

void
finder_free(struct finder *f)
{
	if (f == NULL)
		return;
	free(f->list);
	free(f->chain);
	free(f->bitmap);
	free(f);
}

/* How far needle and memory agree. */
static size_t
common(const struct window *w, const uint8_t *p, size_t len)
{
	size_t most = w->needle->len - w->off, i = 0;

	if (most > len)
		most = len;
	while (i < most && p[i] == w->needle->bytes[w->off + i])
		i++;
	return i;
}

/* The longest hit at ${p}; its length is 0 when there is none. */
static struct hit
look_up(const struct finder *f, uint64_t head, const uint8_t *p, size_t len)
{
	struct hit best = { .len = 0 };
	const struct window *w;
	size_t n;

	for (uint32_t i = f->chain[hash(head)]; i != 0; i = w->next) {
		w = &f->list[i];
		if (w->head != head)
			continue;
		n = common(w, p, len);
		if (n >= shortest(f, w->needle) && n > best.len)
			best = (struct hit){ w->needle, w->off, n, 0 };
	}
	return best;
}

void
finder_scan(const struct finder *f, const uint8_t *p, size_t len,
    uint64_t addr, finder_fn *fn, void *cookie)
{
	size_t i = 0;

	while (i + f->window <= len) {
		uint64_t head = head_of(p + i);
		uint32_t h = hash(head);
		struct hit hit;

		/* No window begins with 8 zeros, and memory is full of them. */
		if (head == 0) {
			i += i + 16 <= len && head_of(p + i + 8) == 0 ? 8 : 1;
			continue;
		}
		if ((f->bitmap[h / 64] >> h % 64 & 1) == 0) {
			i++;
			continue;
		}
		hit = look_up(f, head, p + i, len - i);
		if (hit.len == 0) {
			i++;
			continue;
		}
		hit.addr = addr + i;
		fn(cookie, &hit);
		i += hit.len;
	}
}
