#ifndef ACCOUNT_H_
#define ACCOUNT_H_

/*
 * account - what each uid that is connected makes the agent keep and do.
 *
 * Layer:   agent.  Numbers only: what is kept is kept by others.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/limits.h"
#include "base/status.h"
#include "base/turns.h"

struct account {
	uid_t		 uid;
	size_t		 connections;
	size_t		 bytes;		/* kept in its name */
	int64_t		 jobs_ns;	/* processor time in workers */
	struct share	 share;		/* of the first thread */
	struct account	*next;
};

struct accounts;

/**
 * accounts_new(limits), accounts_free(as):
 * ${limits} may be NULL: nothing is limited.  NULL when out of memory.
 */
struct accounts *accounts_new(const struct limits *limits) MUST_USE;
void accounts_free(struct accounts *as);

/**
 * accounts_open(as, uid, out), accounts_close(as, a):
 * One connection more of a uid, and one less.  The account goes with the last
 * one; false: it is still there.
 *
 * Errors: ST_NOMEM
 */
int accounts_open(struct accounts *as, uid_t uid, struct account **out)
    MUST_USE;
bool accounts_close(struct accounts *as, struct account *a);

/**
 * accounts_connections(as, uid):
 * How many it has.
 */
size_t accounts_connections(const struct accounts *as, uid_t uid);

/**
 * accounts_keep(as, a, before, now):
 * What one connection keeps was ${before} bytes and is ${now}.
 *
 * Errors: ST_FULL  it is more, and more than the uid, or all of them, may
 *                  have: the connection has to go.  It is counted all the same
 */
int accounts_keep(struct accounts *as, struct account *a, size_t before,
    size_t now) MUST_USE;

/* What one uid has. */
struct account_usage {
	uid_t		 uid;
	size_t		 connections;
	size_t		 bytes;
	uint64_t	 cpu_ns;
};

/**
 * accounts_list(as, out, max):
 * The usage of at most ${max} uids; returns how many.
 */
size_t accounts_list(const struct accounts *as, struct account_usage *out,
    size_t max);

#endif /* !ACCOUNT_H_ */
