/*
 * The region lies between two pages that nobody may touch, so that running
 * off either end is a fault and not a leak.  Only the region itself is locked
 * and counted.
 *
 * Inside, blocks follow each other without gaps: a header, then the piece.
 * The free ones form a list in the order of their addresses, whose links lie
 * where the piece would be.  Invariants, outside of the lock:
 *
 *   1. the sizes of all blocks add up to the region;
 *   2. no two free blocks are neighbours;
 *   3. every byte of a free block is zero but for its header and its links;
 *   4. the stamp of a header fits its place, its contents and its state.
 *
 * The stamp is mixed with a random number of this region: neither the bytes of
 * a piece nor the remains of an old header can be taken for a header.
 */
#include "base/secret.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/errtext.h"
#include "base/text.h"

/* The number is the same on every architecture that has the call. */
#ifndef SYS_memfd_secret
#define SYS_memfd_secret	447
#endif

enum block_state {
	BLOCK_FREE = 1,
	BLOCK_USED = 2,
};

struct block {
	uint32_t	 units;		/* of this block, header included */
	uint32_t	 before;	/* of the one in front; 0: first */
	uint64_t	 stamp;
};

/* Where the piece of a free block would be. */
struct links {
	struct block	*prev, *next;
};

struct secret {
	pthread_mutex_t	 mutex;
	uint8_t		*map;		/* with the guard pages */
	size_t		 page;
	uint8_t		*base;		/* of the region */
	size_t		 size;
	enum secret_backing backing;
	size_t		 floor;		/* secret_alloc() keeps above this */
	uint64_t	 cookie;
	struct block	*first;		/* free block, lowest address */
};

#define BLOCK_MIN	(sizeof(struct block) + sizeof(struct links))

_Static_assert(sizeof(struct block) % SECRET_ALIGN == 0, "pieces are aligned");
_Static_assert(sizeof(struct links) <= SECRET_ALIGN, "fits a smallest piece");

/*
 * Blocks: headers and the way from one to the next.
 */

/* What the stamp of ${b} has to be in state ${state}. */
static uint64_t
block_stamp(const struct secret *s, const struct block *b,
    enum block_state state)
{
	uint64_t x = s->cookie ^ (uint64_t)(uintptr_t)b;

	x ^= (uint64_t)b->units << 32 | b->before;
	x *= 0x9e3779b97f4a7c15u;
	x ^= x >> 29;
	return x ^ s->cookie ^ state;
}

static void
block_mark(struct secret *s, struct block *b, enum block_state state)
{
	b->stamp = block_stamp(s, b, state);
}

static bool
block_is(const struct secret *s, const struct block *b, enum block_state state)
{
	return b->stamp == block_stamp(s, b, state);
}

/* The state that the stamp of ${b} tells of; a stamp that tells of none is our
 * bug. */
static enum block_state
block_state(const struct secret *s, const struct block *b)
{
	uint64_t state = b->stamp ^ block_stamp(s, b, 0);

	assert(state == BLOCK_FREE || state == BLOCK_USED);
	return (enum block_state)state;
}

static size_t
block_bytes(const struct block *b)
{
	return (size_t)b->units * SECRET_ALIGN;
}

/* Bytes that the piece of ${b} can hold. */
static size_t
block_room(const struct block *b)
{
	return block_bytes(b) - sizeof(*b);
}

static void *
block_piece(struct block *b)
{
	return b + 1;
}

static struct links *
block_links(struct block *b)
{
	return block_piece(b);
}

/* The block behind ${b}, or NULL when it is the last. */
static struct block *
block_after(const struct secret *s, struct block *b)
{
	uint8_t *p = (uint8_t *)b + block_bytes(b);

	return p < s->base + s->size ? (struct block *)(void *)p : NULL;
}

/* The block in front of ${b}, or NULL when it is the first. */
static struct block *
block_before(struct block *b)
{
	uint8_t *p = (uint8_t *)b - (size_t)b->before * SECRET_ALIGN;

	return b->before > 0 ? (struct block *)(void *)p : NULL;
}

/* Give ${b} another size, and tell the block behind it. */
static void
block_resize(struct secret *s, struct block *b, uint32_t units,
    enum block_state state)
{
	struct block *after;

	b->units = units;
	block_mark(s, b, state);
	if ((after = block_after(s, b)) == NULL)
		return;
	after->before = units;
	/* Callers see to it that what follows a changed block is in use. */
	block_mark(s, after, BLOCK_USED);
}

/* The header that belongs to the piece ${p}; anything else is our bug. */
static struct block *
block_of(const struct secret *s, const void *p)
{
	uintptr_t at = (uintptr_t)p, base = (uintptr_t)s->base;
	struct block *b;

	assert(at >= base + sizeof(*b) && at < base + s->size);
	assert((at - base) % SECRET_ALIGN == 0);
	b = (struct block *)(void *)(s->base + (at - base) - sizeof(*b));
	assert(block_is(s, b, BLOCK_USED));
	return b;
}

/*
 * The list of free blocks.
 */

/* Put ${b} in the list behind ${prev}, or in front when that is NULL. */
static void
list_insert(struct secret *s, struct block *b, struct block *prev)
{
	struct links *l = block_links(b);

	l->prev = prev;
	l->next = prev != NULL ? block_links(prev)->next : s->first;
	if (l->next != NULL)
		block_links(l->next)->prev = b;
	if (prev != NULL)
		block_links(prev)->next = b;
	else
		s->first = b;
}

/* Take ${b} out of the list and clear its links. */
static void
list_remove(struct secret *s, struct block *b)
{
	struct links *l = block_links(b);

	if (l->next != NULL)
		block_links(l->next)->prev = l->prev;
	if (l->prev != NULL)
		block_links(l->prev)->next = l->next;
	else
		s->first = l->next;
	memset(l, 0, sizeof(*l));
}

/* The last free block below ${b}, or NULL. */
static struct block *
list_below(const struct secret *s, const struct block *b)
{
	struct block *at, *found = NULL;

	for (at = s->first; at != NULL && at < b; at = block_links(at)->next)
		found = at;
	return found;
}

/*
 * Backing.
 */

/* Keep the region out of children and core dumps. */
static int
keep_private(void *p, size_t size)
{
	if (madvise(p, size, MADV_DONTFORK) != 0)
		return -1;
	return madvise(p, size, MADV_DONTDUMP);
}

/* Put a memfd_secret(2) mapping at ${at}. */
static int
back_memfd(void *at, size_t size)
{
	struct rlimit file;
	long rc;
	int fd, saved;
	void *p;

	/* The limit of files holds for it too; to pass it would raise SIGXFSZ,
	 * which ends a process that did not think of it. */
	if (getrlimit(RLIMIT_FSIZE, &file) == 0 && file.rlim_cur < size) {
		errno = EFBIG;
		return -1;
	}
	if ((rc = syscall(SYS_memfd_secret, O_CLOEXEC)) < 0)
		return -1;
	fd = (int)rc;
	p = MAP_FAILED;
	if (ftruncate(fd, (off_t)size) == 0)
		p = mmap(at, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED, fd, 0);
	saved = errno;
	close(fd);
	errno = saved;
	return p == MAP_FAILED ? -1 : keep_private(at, size);
}

/* Make the pages at ${at} usable and lock them. */
static int
back_mlock(void *at, size_t size)
{
	if (mprotect(at, size, PROT_READ | PROT_WRITE) != 0 ||
	    keep_private(at, size) != 0)
		return -1;
	/* A second fence behind DONTFORK; some kernels do not know it. */
	(void)madvise(at, size, MADV_WIPEONFORK);

	/*
	 * By number: the sanitizers replace mlock() by a function that does
	 * nothing, and memory that is not locked must not be called so.
	 */
	return (int)syscall(SYS_mlock, at, size);
}

/* Make the pages at ${at} usable and leave it at that. */
static int
back_unlocked(void *at, size_t size)
{
	if (mprotect(at, size, PROT_READ | PROT_WRITE) != 0)
		return -1;
	return keep_private(at, size);
}

/* Map the region with its guard pages on ${backing}; 0, or an errno. */
static int
map_region(struct secret *s, enum secret_backing backing)
{
	size_t total = s->size + 2 * s->page;
	int rc;

	s->map = mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0);
	if (s->map == MAP_FAILED) {
		s->map = NULL;
		return errno;
	}
	s->base = s->map + s->page;
	if (backing == SECRET_MEMFD)
		rc = back_memfd(s->base, s->size);
	else if (backing == SECRET_MLOCK)
		rc = back_mlock(s->base, s->size);
	else
		rc = back_unlocked(s->base, s->size);
	if (rc == 0) {
		s->backing = backing;
		return 0;
	}
	rc = errno;
	munmap(s->map, total);
	s->map = NULL;
	s->base = NULL;
	return rc;
}

/* Append what RLIMIT_MEMLOCK is now. */
static void
add_limit(struct text *t)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		text_add(t, "unknown");
	else if (limit.rlim_cur == RLIM_INFINITY)
		text_add(t, "unlimited");
	else
		text_addf(t, "%ju bytes", (uintmax_t)limit.rlim_cur);
}

/* Say why nothing could be locked, and what to do about it. */
static void
explain(const struct secret *s, const int failed[], char *why, size_t whylen)
{
	int memfd = failed[SECRET_MEMFD], mlocked = failed[SECRET_MLOCK];
	struct text t;

	if (whylen == 0)
		return;
	text_init(&t, why, whylen);
	text_addf(&t, "cannot lock %zu bytes of memory (", s->size);
	if (memfd != 0)
		text_addf(&t, "memfd_secret: %s", errtext(memfd));
	if (memfd != 0 && mlocked != 0)
		text_add(&t, "; ");
	if (mlocked != 0)
		text_addf(&t, "mlock: %s", errtext(mlocked));

	text_add(&t, "); RLIMIT_MEMLOCK is ");
	add_limit(&t);
	text_addf(&t, ", %zu bytes are needed: ", s->size);
	if (mlocked == 0 && (memfd == ENOSYS || memfd == EPERM))
		text_add(&t, "this kernel or its seccomp profile has no "
		    "memfd_secret, use --memory=mlock");
	else
		text_addf(&t, "raise it (docker run --ulimit memlock=%zu; in "
		    "a compose file \"ulimits: memlock: %zu\")", s->size,
		    s->size);
	text_add(&t, " or give --allow-unlocked-memory");
}

/* Find memory for ${s}, the best first. */
static int
back_region(struct secret *s, const struct secret_options *opts, char *why,
    size_t whylen)
{
	int failed[SECRET_UNLOCKED + 1] = { 0 };
	enum secret_backing b;

	for (b = SECRET_MEMFD; b <= SECRET_MLOCK; b++) {
		if (opts->want != SECRET_AUTO && opts->want != b)
			continue;
		if ((failed[b] = map_region(s, b)) == 0)
			return ST_OK;
	}
	if (!opts->allow_unlocked) {
		explain(s, failed, why, whylen);
		return ST_FULL;
	}
	if ((errno = map_region(s, SECRET_UNLOCKED)) == 0)
		return ST_OK;
	(void)snprintf(why, whylen, "cannot map %zu bytes of memory: %s",
	    s->size, errtext(errno));
	return ST_SYSTEM;
}

/*
 * The region.
 */

/* Half of what may be locked, within bounds. */
static size_t
default_size(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return SECRET_SIZE_MIN;
	if (limit.rlim_cur / 2 >= SECRET_SIZE_MAX)
		return SECRET_SIZE_MAX;
	if (limit.rlim_cur / 2 <= SECRET_SIZE_MIN)
		return SECRET_SIZE_MIN;
	return (size_t)limit.rlim_cur / 2;
}

/* Make the region one free block. */
static void
format_region(struct secret *s)
{
	struct block *b = (struct block *)(void *)s->base;

	b->units = (uint32_t)(s->size / SECRET_ALIGN);
	b->before = 0;
	block_mark(s, b, BLOCK_FREE);
	list_insert(s, b, NULL);
}

int
secret_open(struct secret **out, const struct secret_options *opts, char *why,
    size_t whylen)
{
	struct secret *s = NULL;
	size_t size = opts->size != 0 ? opts->size : default_size();
	int st;

	assert(opts->want != SECRET_UNLOCKED);
	*out = NULL;
	if (whylen > 0)
		why[0] = '\0';
	if (size > SECRET_SIZE_LIMIT) {
		(void)snprintf(why, whylen, "a region of %zu bytes is more "
		    "than the limit of %d", size, SECRET_SIZE_LIMIT);
		return ST_FULL;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL || getrandom(&s->cookie,
	    sizeof(s->cookie), 0) != (ssize_t)sizeof(s->cookie)) {
		(void)snprintf(why, whylen, "cannot set up locked memory: %s",
		    errtext(errno));
		st = ST_SYSTEM;
		goto out;
	}
	s->page = (size_t)sysconf(_SC_PAGESIZE);
	s->size = (size + s->page - 1) / s->page * s->page;
	if ((st = back_region(s, opts, why, whylen)) != ST_OK)
		goto out;

	pthread_mutex_init(&s->mutex, NULL);
	format_region(s);
	*out = s;
	s = NULL;
out:
	free(s);
	return st;
}

void
secret_close(struct secret *s)
{
	if (s == NULL)
		return;
	/* What was given back is wiped already. */
	for (struct block *b = (struct block *)(void *)s->base; b != NULL;
	    b = block_after(s, b))
		if (block_state(s, b) == BLOCK_USED)
			explicit_bzero(block_piece(b), block_room(b));
	munmap(s->map, s->size + 2 * s->page);
	pthread_mutex_destroy(&s->mutex);
	explicit_bzero(s, sizeof(*s));
	free(s);
}

/*
 * Pieces.
 */

/* Use the front of the free block ${b}; what is left over stays free. */
static void
take_front(struct secret *s, struct block *b, uint32_t units)
{
	struct block *prev = block_links(b)->prev, *rest;
	uint32_t left = b->units - units;

	list_remove(s, b);
	if ((size_t)left * SECRET_ALIGN < BLOCK_MIN) {
		block_mark(s, b, BLOCK_USED);
		return;
	}
	b->units = units;
	block_mark(s, b, BLOCK_USED);
	rest = block_after(s, b);
	rest->before = units;
	block_resize(s, rest, left, BLOCK_FREE);
	list_insert(s, rest, prev);
}

/* Cut the free block ${b} in two so that the second begins at the floor. */
static struct block *
cut_at_floor(struct secret *s, struct block *b)
{
	uint32_t front = (uint32_t)((s->floor -
	    (size_t)((uint8_t *)b - s->base)) / SECRET_ALIGN);
	uint32_t left = b->units - front;
	struct block *rest;

	b->units = front;
	block_mark(s, b, BLOCK_FREE);
	rest = block_after(s, b);
	rest->before = front;
	block_resize(s, rest, left, BLOCK_FREE);
	list_insert(s, rest, b);
	return rest;
}

/* The first free block with room for so many units, from the floor on; a
 * block that only reaches over the floor is cut there. */
static struct block *
find_above(struct secret *s, uint32_t units)
{
	struct block *b;
	size_t start, end;

	for (b = s->first; b != NULL; b = block_links(b)->next) {
		assert(block_is(s, b, BLOCK_FREE));
		start = (size_t)((uint8_t *)b - s->base);
		end = start + block_bytes(b);
		if (start < s->floor) {
			if (s->floor - start < BLOCK_MIN ||
			    end < s->floor + (size_t)units * SECRET_ALIGN ||
			    end - s->floor < BLOCK_MIN)
				continue;
			return cut_at_floor(s, b);
		}
		if (b->units >= units)
			return b;
	}
	return NULL;
}

/* The first free block with room for so many units, ending at the floor at
 * the latest if it must. */
static struct block *
find_below(struct secret *s, uint32_t units, bool strict)
{
	size_t limit = strict && s->floor > 0 ? s->floor : s->size;
	struct block *b;

	for (b = s->first; b != NULL; b = block_links(b)->next) {
		assert(block_is(s, b, BLOCK_FREE));
		if (b->units >= units)
			return (size_t)((uint8_t *)b - s->base) +
			    (size_t)units * SECRET_ALIGN <= limit ? b : NULL;
	}
	return NULL;
}

/* Units of a block for a piece of n bytes; 0: never to be had. */
static uint32_t
units_for(const struct secret *s, size_t n)
{
	if (n > s->size)
		return 0;
	if (n == 0)
		n = 1;
	return (uint32_t)((n + sizeof(struct block) + SECRET_ALIGN - 1) /
	    SECRET_ALIGN);
}

void *
secret_alloc(struct secret *s, size_t n)
{
	uint32_t units = units_for(s, n);
	struct block *b = NULL;

	pthread_mutex_lock(&s->mutex);
	if (units > 0 && (b = find_above(s, units)) != NULL)
		take_front(s, b, units);
	pthread_mutex_unlock(&s->mutex);
	return b != NULL ? block_piece(b) : NULL;
}

void *
secret_alloc_low(struct secret *s, size_t n, bool strict, size_t *room)
{
	uint32_t units = units_for(s, n);
	struct block *b = NULL;

	pthread_mutex_lock(&s->mutex);
	if (units > 0 && (b = find_below(s, units, strict)) != NULL)
		take_front(s, b, units);
	if (b != NULL && room != NULL)
		*room = block_room(b);
	pthread_mutex_unlock(&s->mutex);
	return b != NULL ? block_piece(b) : NULL;
}

void
secret_reserve(struct secret *s, size_t bytes)
{
	assert(bytes <= s->size);
	pthread_mutex_lock(&s->mutex);
	s->floor = bytes / SECRET_ALIGN * SECRET_ALIGN;
	pthread_mutex_unlock(&s->mutex);
}

/* Others may be writing to what is read here, to no effect. */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
__attribute__((__no_sanitize__("thread")))
#endif
#elif defined(__SANITIZE_THREAD__)
__attribute__((__no_sanitize__("thread")))
#endif
void
secret_touch(const struct secret *s, size_t bytes)
{
	const volatile uint8_t *p = s->base;

	for (size_t i = 0; i < bytes && i < s->size; i += s->page)
		(void)p[i];
}

/* Make the wiped block ${b} free and join it with free neighbours. */
static void
give_back(struct secret *s, struct block *b)
{
	struct block *before = block_before(b), *after = block_after(s, b);
	struct block *prev = NULL;
	uint32_t units = b->units;
	bool after_free, before_free;

	after_free = after != NULL && block_state(s, after) == BLOCK_FREE;
	before_free = before != NULL && block_state(s, before) == BLOCK_FREE;
	if (after_free) {
		units += after->units;
		/* It takes that one's place in the list, without a search. */
		prev = block_links(after)->prev;
		list_remove(s, after);
		memset(after, 0, sizeof(*after));
	}
	if (before_free) {
		/* It is in the list already and only becomes longer. */
		units += before->units;
		memset(b, 0, sizeof(*b));
		block_resize(s, before, units, BLOCK_FREE);
		return;
	}
	block_resize(s, b, units, BLOCK_FREE);
	list_insert(s, b, after_free ? prev : list_below(s, b));
}

size_t
secret_free(struct secret *s, void *p)
{
	struct block *b;
	size_t room;

	if (p == NULL)
		return 0;
	pthread_mutex_lock(&s->mutex);
	b = block_of(s, p);
	room = block_room(b);
	explicit_bzero(p, room);
	give_back(s, b);
	pthread_mutex_unlock(&s->mutex);
	return room;
}

size_t
secret_size(struct secret *s, const void *p)
{
	size_t room;

	pthread_mutex_lock(&s->mutex);
	room = block_room(block_of(s, p));
	pthread_mutex_unlock(&s->mutex);
	return room;
}

bool
secret_owns(const struct secret *s, const void *p)
{
	uintptr_t at = (uintptr_t)p, base = (uintptr_t)s->base;

	return at >= base && at - base < s->size;
}

/* What secret_alloc() could make of the free block ${b}. */
static size_t
room_above(const struct secret *s, struct block *b)
{
	size_t start = (size_t)((uint8_t *)b - s->base);
	size_t end = start + block_bytes(b);

	if (start >= s->floor)
		return block_room(b);
	if (s->floor - start < BLOCK_MIN || end < s->floor + BLOCK_MIN)
		return 0;
	return end - s->floor - sizeof(*b);
}

/* What a strict secret_alloc_low() could make of it. */
static size_t
room_below(const struct secret *s, struct block *b)
{
	size_t start = (size_t)((uint8_t *)b - s->base);
	size_t end = start + block_bytes(b);

	if (s->floor > 0 && end > s->floor)
		end = s->floor;
	return end >= start + BLOCK_MIN ? end - start - sizeof(*b) : 0;
}

void
secret_usage(struct secret *s, struct secret_usage *out)
{
	struct block *b;
	size_t room;

	memset(out, 0, sizeof(*out));
	pthread_mutex_lock(&s->mutex);
	out->backing = s->backing;
	out->size = s->size;
	out->used = s->size;
	for (b = s->first; b != NULL; b = block_links(b)->next) {
		out->used -= block_room(b);
		room = room_below(s, b);
		if (room > out->largest_low)
			out->largest_low = room;
		room = room_above(s, b);
		out->room += room;
		if (room > out->largest)
			out->largest = room;
	}
	pthread_mutex_unlock(&s->mutex);
}

const char *
secret_backing_name(enum secret_backing b)
{
	switch (b) {
	case SECRET_MEMFD:
		return "memfd_secret";
	case SECRET_MLOCK:
		return "mlock";
	case SECRET_UNLOCKED:
		return "unlocked";
	case SECRET_AUTO:
		break;
	}
	return "auto";
}
