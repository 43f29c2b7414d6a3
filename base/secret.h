#ifndef SECRET_H_
#define SECRET_H_

/*
 * secret - one locked region of memory, and pieces of it.
 *
 * Layer:   base.  libc and kernel only.
 * Memory:  the region is mapped once, between two guard pages, and never
 *          grows.  Pieces are found first-fit; the bookkeeping lies in the
 *          region too.
 * Secrets: the only memory that may hold key bytes or passphrases.  A piece
 *          is wiped when it is released, and the whole region at close.
 * Threads: the functions on a region are safe to call from several threads.
 *
 * Backing, best first: memfd_secret(2), whose pages no other process and not
 * even a debugger of root can read; mlock(2)ed anonymous memory, kept out of
 * core dumps and out of children; ordinary memory, only where the operator
 * allowed it by name.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* Below this nothing useful fits: a few keys and one signature at work. */
#define SECRET_SIZE_MIN		(64 * 1024)
/* Default size: half of RLIMIT_MEMLOCK, never below MIN or above MAX. */
#define SECRET_SIZE_MAX		(4 * 1024 * 1024)
/* No region can be larger. */
#define SECRET_SIZE_LIMIT	(1024 * 1024 * 1024)
/* Every piece starts at a multiple of this. */
#define SECRET_ALIGN		16

enum secret_backing {
	SECRET_AUTO,		/* as a wish: the best that can be had */
	SECRET_MEMFD,		/* memfd_secret(2) */
	SECRET_MLOCK,		/* mlock(2)ed anonymous memory */
	SECRET_UNLOCKED,	/* ordinary memory; never by itself */
};

struct secret_options {
	size_t			 size;	/* bytes; 0: from RLIMIT_MEMLOCK */
	enum secret_backing	 want;	/* SECRET_AUTO, _MEMFD or _MLOCK */
	bool			 allow_unlocked;
};

struct secret_usage {
	enum secret_backing	 backing;
	size_t			 size;	/* bytes in the region */
	size_t			 used;	/* bytes in use, bookkeeping included */
	size_t			 largest;	/* piece to be had now */
	size_t			 largest_low;	/* by a strict
						 * secret_alloc_low() */
	size_t			 room;		/* bytes free outside of the
						 * reserve */
};

struct secret;

/**
 * secret_open(out, opts, why, whylen):
 * Map and lock a region.
 *
 * Units:  ${opts}->size in bytes, rounded up to whole pages.
 * Owns:   the caller, until secret_close().
 * Errors: ST_FULL    the kernel refused to lock that much, or the size is
 *                    above SECRET_SIZE_LIMIT; ${why} then holds one line
 *                    that names the limit and how to raise it
 *         ST_SYSTEM  no memory at all
 *         On error *${out} is NULL.
 */
int secret_open(struct secret **out, const struct secret_options *opts,
    char *why, size_t whylen) MUST_USE;

/**
 * secret_close(s):
 * Wipe and unmap the region.  Pieces still held become invalid.  NULL is fine.
 */
void secret_close(struct secret *s);

/**
 * secret_alloc(s, n):
 * A zeroed piece of ${n} bytes (at least 1), or NULL when none is left.
 * Never falls back to other memory.
 */
void *secret_alloc(struct secret *s, size_t n) MUST_USE;

/**
 * secret_reserve(s, bytes):
 * Keep the first ${bytes} of the region for secret_alloc_low(), from now on:
 * what lives long is not to stand in the way of what needs much for a moment.
 */
void secret_reserve(struct secret *s, size_t bytes);

/**
 * secret_touch(s, bytes):
 * Have the kernel find memory for the first ${bytes} of the region now.  With
 * memfd_secret(2) it does that otherwise when a page is used first, and takes
 * 20 us for each, since every processor has to forget where it was: so a start
 * does not wait for what is perhaps never needed.
 */
void secret_touch(const struct secret *s, size_t bytes);

/**
 * secret_alloc_low(s, n, strict, room):
 * As secret_alloc(), but from the lowest address on; with ${strict} only from
 * the reserve, where there is one.  *${room}, unless ${room} is NULL, becomes
 * what secret_size() would say.
 */
void *secret_alloc_low(struct secret *s, size_t n, bool strict, size_t *room)
    MUST_USE;

/**
 * secret_free(s, p):
 * Wipe the piece and give it back.  NULL is fine; a pointer that is no piece
 * of ${s} ends the process (assert).  Returns what secret_size() would have
 * said.
 */
size_t secret_free(struct secret *s, void *p);

/**
 * secret_size(s, p):
 * How many bytes the piece ${p} can hold: at least what was asked for.
 */
size_t secret_size(struct secret *s, const void *p);

/**
 * secret_owns(s, p):
 * Whether ${p} points into the region.  Takes no lock.
 */
bool secret_owns(const struct secret *s, const void *p);

/**
 * secret_usage(s, out):
 * What the region is made of and how full it is.
 */
void secret_usage(struct secret *s, struct secret_usage *out);

/**
 * secret_backing_name(b):
 * "memfd_secret", "mlock", "unlocked" or "auto".
 */
const char *secret_backing_name(enum secret_backing b);

#endif /* !SECRET_H_ */
