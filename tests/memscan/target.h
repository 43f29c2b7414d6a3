#ifndef TARGET_H_
#define TARGET_H_

/*
 * target - the memory of a running process, or of a core file.
 *
 * Layer:   tests.
 * Source:  proc(5): smaps, pagemap, mem; elf(5), core(5).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"

#define TARGET_LABEL_MAX	64

struct mapping {
	uint64_t	 start, end;
	bool		 locked;	/* VmFlags has lo */
	bool		 secret;	/* memfd_secret: cannot be read */
	bool		 anonymous;
	char		 label[TARGET_LABEL_MAX];	/* "[heap]" */
};

/* Bytes, in one walk. */
struct target_bytes {
	uint64_t	 read;
	uint64_t	 secret;	/* memfd_secret areas, not readable */
	uint64_t	 unreadable;	/* others */
};

struct target;

typedef void target_fn(void *cookie, const struct mapping *m, uint64_t addr,
    const uint8_t *p, size_t len);

/**
 * target_open(out, pid, why, whylen):
 *
 * Owns:   target_close().
 * Errors: ST_SYSTEM  no such process, or no permission; ${why} says which
 */
int target_open(struct target **out, pid_t pid, char *why, size_t whylen)
    MUST_USE;
void target_close(struct target *t);

/**
 * target_stop(t), target_resume(t):
 * SIGSTOP and wait until every thread has stopped; SIGCONT.
 *
 * Errors: ST_CLOSED  it is gone
 *         ST_MORE    it does not stop
 */
int target_stop(struct target *t) MUST_USE;
void target_resume(struct target *t);

/**
 * target_walk(t, overlap, bytes, fn, cookie):
 * Call ${fn} for every piece of memory that can be read.  A piece begins
 * ${overlap} bytes before the end of the one in front of it in the same
 * mapping.  Pages of private anonymous memory that were never touched are
 * left out.
 *
 * Errors: ST_CLOSED  it is gone: nothing could be read
 */
int target_walk(struct target *t, size_t overlap, struct target_bytes *bytes,
    target_fn *fn, void *cookie) MUST_USE;

/**
 * target_walk_core(path, bytes, fn, cookie):
 * The same for the segments of a 64-bit ELF core file, and for its notes,
 * which hold the registers.  Nothing in a file is locked.
 *
 * Errors: ST_MALFORMED  no core file
 *         ST_SYSTEM
 */
int target_walk_core(const char *path, struct target_bytes *bytes,
    target_fn *fn, void *cookie) MUST_USE;

#endif /* !TARGET_H_ */
