#include "memscan/places.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Lines printed for one kind; the rest is only counted. */
#define LINES_MAX	200

/* Whether ${b} continues ${a}, or is the same. */
static bool
is_same(const struct place *a, const struct hit *b)
{
	return a->hit.needle == b->needle &&
	    b->addr - a->hit.addr == b->off - a->hit.off &&
	    b->addr - a->hit.addr <= a->hit.len;
}

void
places_add(struct places *all, const struct mapping *m, const struct hit *hit)
{
	struct place *p;
	size_t end;

	for (size_t i = 0; i < all->n; i++) {
		p = &all->list[i];
		if (!is_same(p, hit))
			continue;
		end = (size_t)(hit->addr - p->hit.addr) + hit->len;
		if (end > p->hit.len)
			p->hit.len = end;
		p->rounds += p->last != all->round;
		p->last = all->round;
		/* A page that was unlocked once is unlocked. */
		p->locked = p->locked && m->locked;
		return;
	}
	if (all->n == all->cap) {
		all->cap = all->cap > 0 ? 2 * all->cap : 64;
		p = realloc(all->list, all->cap * sizeof(*p));
		assert(p != NULL);
		all->list = p;
	}
	p = &all->list[all->n++];
	*p = (struct place){ .hit = *hit, .locked = m->locked, .rounds = 1,
		.last = all->round };
	memcpy(p->label, m->label, sizeof(p->label));
}

void
places_fini(struct places *all)
{
	free(all->list);
	*all = (struct places){ .list = NULL };
}

/* Whether anything public of a key was seen. */
static bool
has_public(const struct places *all, const char *key)
{
	for (size_t i = 0; i < all->n; i++)
		if (!all->list[i].hit.needle->secret &&
		    all->list[i].hit.needle->key == key)
			return true;
	return false;
}

struct places_count
places_count(const struct places *all, const struct needles *needles)
{
	struct places_count c = { .public_all = true };

	for (size_t i = 0; i < all->n; i++) {
		const struct place *p = &all->list[i];

		c.public += !p->hit.needle->secret;
		c.locked += p->hit.needle->secret && p->locked;
		c.unlocked += p->hit.needle->secret && !p->locked;
	}
	for (size_t i = 0; i < needles->n_keys; i++)
		if (!has_public(all, needles->keys[i]))
			c.public_all = false;
	return c;
}

/* What kind of place it is. */
static const char *
kind(const struct place *p)
{
	if (!p->hit.needle->secret)
		return "public";
	return p->locked ? "locked" : "UNLOCKED";
}

/* The lines of one kind. */
static void
print_kind(const struct places *all, const char *which, FILE *f)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++) {
		const struct place *p = &all->list[i];
		const struct hit *h = &p->hit;

		if (strcmp(kind(p), which) != 0 || n++ >= LINES_MAX)
			continue;
		(void)fprintf(f, "%-8s %s %s %s bytes %zu-%zu of %zu at "
		    "%#" PRIx64 " in %s, %u of %u rounds\n", which,
		    h->needle->key, h->needle->number, h->needle->layout,
		    h->off, h->off + h->len, h->needle->len, h->addr,
		    p->label, p->rounds, all->round);
	}
	if (n > LINES_MAX)
		(void)fprintf(f, "%-8s and %zu more\n", which, n - LINES_MAX);
}

void
places_print(const struct places *all, const struct places_count *count,
    const char *what, FILE *f)
{
	print_kind(all, "UNLOCKED", f);
	print_kind(all, "locked", f);
	print_kind(all, "public", f);
	(void)fprintf(f, "memscan: verdict=%s locked=%zu unlocked=%zu "
	    "public=%zu rounds=%u read=%" PRIu64 " secretmem=%" PRIu64
	    " unreadable=%" PRIu64 "\n", what, count->locked, count->unlocked,
	    count->public, all->done, all->bytes.read, all->bytes.secret,
	    all->bytes.unreadable);
}

/* A string member, quoted. */
static void
print_member(const char *name, const char *value, FILE *f)
{
	char room[8 * TARGET_LABEL_MAX];
	struct text t;

	text_init(&t, room, sizeof(room));
	text_json(&t, value, strnlen(value, TARGET_LABEL_MAX));
	(void)fprintf(f, "\"%s\":%s,", name, room);
}

static void
print_place(const struct place *p, FILE *f)
{
	const struct hit *h = &p->hit;

	(void)fputc('{', f);
	print_member("kind", kind(p), f);
	print_member("key", h->needle->key, f);
	print_member("number", h->needle->number, f);
	print_member("layout", h->needle->layout, f);
	print_member("mapping", p->label, f);
	(void)fprintf(f, "\"offset\":%zu,\"length\":%zu,\"of\":%zu,"
	    "\"address\":\"%#" PRIx64 "\",\"rounds\":%u}", h->off, h->len,
	    h->needle->len, h->addr, p->rounds);
}

void
places_print_json(const struct places *all, const struct places_count *count,
    const char *what, FILE *f)
{
	(void)fputc('{', f);
	print_member("verdict", what, f);
	(void)fprintf(f, "\"locked\":%zu,\"unlocked\":%zu,\"public\":%zu,"
	    "\"rounds\":%u,\"read\":%" PRIu64 ",\"secretmem\":%" PRIu64
	    ",\"unreadable\":%" PRIu64 ",\"places\":[", count->locked,
	    count->unlocked, count->public, all->done, all->bytes.read,
	    all->bytes.secret, all->bytes.unreadable);
	for (size_t i = 0; i < all->n; i++) {
		if (i > 0)
			(void)fputc(',', f);
		print_place(&all->list[i], f);
	}
	(void)fputs("]}\n", f);
}
