#ifndef WATCHJOB_H_
#define WATCHJOB_H_

/*
 * watchjob - what takes long in "bottle-provision watch", each in a thread of
 * its own: a load, a look at an engine, and reading the keys again.
 *
 * Layer:   provision.
 * Threads: not processes, since the keys are in memory that no copy of this
 *          process has.  A job is the thread's from watchjob_start() until
 *          watchjob_take() has it; what it points to must stay until then.
 * Secrets: keys are in the regions of their gather; see gather.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "provision/gather.h"
#include "provision/look.h"
#include "provision/options.h"
#include "provision/report.h"
#include "provision/target.h"

/* What is loaded; several jobs may use it. */
struct watchjob_keys {
	struct gather		 g;
	struct provision_options opts;	/* of g */
	unsigned		 users;	/* the caller counts */
};

enum watchjob_kind {
	WATCHJOB_LOAD,
	WATCHJOB_LOOK,
	WATCHJOB_READ,
};

struct watchjob {
	enum watchjob_kind	 kind;

	/* WATCHJOB_LOAD */
	size_t			 item;
	char			 label[TARGET_NAME_MAX + 16];
	struct target		 target;
	struct watchjob_keys	*keys;
	struct report_target	 report;
	int64_t			 took_ms;

	/* WATCHJOB_LOOK */
	struct look_how		 how;
	struct look		 look;

	/* WATCHJOB_READ: keys are new, and stay the caller's */

	int			 st;	/* of look and read */
	char			 why[GATHER_WHY_MAX];
	struct watchjob		*next;	/* the caller's */
};

/**
 * watchjob_read(keys, stop, why, whylen):
 * What WATCHJOB_READ does, in the caller's thread: find out what is to be
 * loaded and have the keys in locked memory.  ${keys}->opts is set.
 *
 * Errors: ST_OK, also if nothing is to be loaded: g.plan has no hosts
 *         those of gather_begin(), gather_plan(), gather_keys() and
 *         loadone_check(); ${why} is one line.  Then nothing is held.
 */
int watchjob_read(struct watchjob_keys *keys, const volatile sig_atomic_t *stop,
    char *why, size_t whylen) MUST_USE;

/**
 * watchjob_start(job, fd):
 * Start it; its address is written to the pipe ${fd} when it is done.
 *
 * Errors: ST_SYSTEM  no thread can be had
 */
int watchjob_start(struct watchjob *job, int fd) MUST_USE;

/**
 * watchjob_take(fd):
 * The next one that is done, or NULL.  ${fd} does not block.
 */
struct watchjob *watchjob_take(int fd);

/**
 * watchjob_free(job):
 * Release it, but for its keys.  NULL is fine.
 */
void watchjob_free(struct watchjob *job);

#endif /* !WATCHJOB_H_ */
