#ifndef FAULT_H_
#define FAULT_H_

/*
 * fault - calls that fail when they are told to.
 *
 * The linker (--wrap) sends what our objects call, of the names in calls.h, to
 * functions of fault.c, which do the real thing or fail.  So it works with
 * every libc, in a static program, under each sanitizer and in a fuzz target,
 * none of which an interposing object does; calls within libcrypto, libsodium
 * and libc are not touched, but for the memory that libcrypto asks us for.  A
 * target gets it by faults_wrap(target) in CMake.  One that has a
 * function __wrap_NAME() itself keeps that: it is not made to fail here.
 *
 * Nothing fails before fault_subject().  Any thread may meet a fault.
 *
 * For a fuzz target:
 *
 *	fault_subject(true);			once
 *	fault_seed(seed, 64, FAULT_ALL);	one call in 64 fails from here
 *	st = dispatch(...);
 *	met = fault_off();			nothing fails any more
 *
 * met tells whether any failed: if not, all that is claimed of a run without
 * faults must hold.  The same seed and calls fail the same.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_MEMORY	1u	/* our malloc() and the like */
#define FAULT_LIBCRYPTO	2u	/* libcrypto's, outside of operations */
#define FAULT_VAULT	4u	/* pieces of the vault, libcrypto's too */
#define FAULT_SYSTEM	8u	/* system calls, files, threads */
#define FAULT_CRYPTO	16u	/* functions of libcrypto and libsodium */
#define FAULT_ALL	31u

enum fault_call {
#define CALL(group, type, name, params, args, failure, ...)	FAULT_##name,
#define HAND(group, name, ...)					FAULT_##name,
#include "faults/calls.h"
#undef CALL
#undef HAND
	FAULT_CALLS,		/* how many; and: none */
};

/* Which calls fail. */
struct fault_plan {
	uint64_t	 n;		/* the n-th, 1 the first; 0: none */
	uint64_t	 then;		/* and the one that many after it; 0:
					 * no other */
	bool		 on;		/* and all of its like after it: all of
					 * its group if that is memory, else
					 * all calls of its name */
	unsigned	 variant;	/* which of its errnos */
	unsigned	 groups;	/* what counts at all */
};

/* What was seen of one call. */
struct fault_count {
	uint64_t	 called, failed;
};

/**
 * fault_share():
 * Keep all of it in memory that processes forked from now on share, so that
 * one of them arms and looks while another one fails.
 */
void fault_share(void);

/**
 * fault_subject(on):
 * Whether calls of this process, and of those that it forks, can fail.
 */
void fault_subject(bool on);

/**
 * fault_exempt(on):
 * Calls of this thread do not fail, and are not counted, until it is taken
 * back.
 */
void fault_exempt(bool on);

/**
 * fault_arm(plan), fault_seed(seed, one_in, groups):
 * From now on calls fail: as planned, or one in so many by chance.
 */
void fault_arm(const struct fault_plan *plan);
void fault_seed(uint64_t seed, unsigned one_in, unsigned groups);

/**
 * fault_off():
 * Nothing fails any more.  Whether anything did since it was armed.
 */
bool fault_off(void);

/**
 * fault_fails(call):
 * For a target's own __wrap_NAME(): whether this call is to fail; then errno is
 * set.
 */
bool fault_fails(enum fault_call call);

/**
 * fault_first():
 * The first call that failed since it was armed; FAULT_CALLS: none.
 */
enum fault_call fault_first(void);

/**
 * fault_trace(n):
 * Which the n-th call was, 1 the first; FAULT_CALLS: there was none, or it is
 * above FAULT_TRACE.
 */
#define FAULT_TRACE	16384
enum fault_call fault_trace(uint64_t n);

/**
 * fault_position():
 * How many calls there were since it was armed.
 */
uint64_t fault_position(void);

const char *fault_name(enum fault_call call);
unsigned fault_variants(enum fault_call call);
unsigned fault_group(enum fault_call call);

/**
 * fault_count(call, out), fault_forget_counts():
 * How often it was called and failed while armed, in all processes.
 */
void fault_count(enum fault_call call, struct fault_count *out);
void fault_forget_counts(void);

/* What a test wants to see of a process that is the subject; NULL and -1:
 * nothing. */
struct fault_watch {
	/* A block of the heap that is about to be released, and bytes that
	 * leave the process. */
	void	(*released)(const void *p, size_t n);
	void	(*sent)(const void *p, size_t n);
	/* The loop has nothing to do but to wait, and poke_fd is readable. */
	int	 poke_fd;
	void	(*poked)(void);
};

void fault_watch(const struct fault_watch *watch);

/**
 * fault_heap(each, arg):
 * Call ${each} with every block of the heap that was taken since
 * fault_watch(); ${ours} is false for those of libcrypto.
 */
void fault_heap(void (*each)(void *arg, const void *p, size_t n, bool ours),
    void *arg);

#endif /* !FAULT_H_ */
