#ifndef ADDPOINT_H_
#define ADDPOINT_H_

/*
 * addpoint - a private place at which ssh-add hands over one key.
 *
 * Layer:   provision.  Plain POSIX, but for what base/unixsock.h has.
 * Source:  ssh-add(1); RFC 9987 for what it says to an agent.
 * Memory:  see struct addpoint_key.
 * Secrets: what is added is received into the locked region that is given, and
 *          nowhere else.  The passphrase is ssh-add's alone.
 *
 * A key that is encrypted is opened by the operator's own ssh-add: it knows
 * every format and asks in the way that the operator is used to, at the
 * terminal or by askpass.  It is told of an agent that is us: a socket in a
 * new folder of mode 0700, at which only our own uid is listened to, and which
 * is gone when this is over.
 *
 * While it runs, SIGINT and SIGTERM must have handlers that return, and that
 * set what ${stop} points to; SIGPIPE must be ignored (child_signals()).
 * ^C is for ssh-add, too, which gives the terminal back as it was.
 */

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"
#include "base/status.h"
#include "proto/keyprivate.h"

/* How long a person has. */
#define ADDPOINT_ASK_MS		(5 * 60 * 1000)
/* How long ssh-add may be there after it has handed over the key, and after it
 * was asked to end. */
#define ADDPOINT_END_MS		5000
#define ADDPOINT_STOP_MS	1000
/* Longest add request, in bytes, and most connections at a time. */
#define ADDPOINT_ADD_MAX	(64 * 1024)
#define ADDPOINT_VISITORS_MAX	4

struct addpoint_spec {
	struct secret	*region;
	const char	*ssh_add;	/* absolute */
	const char	*key;		/* path of the key file, absolute */
	const char	*dir;		/* where the folder is made, absolute:
					 * $XDG_RUNTIME_DIR, or "/tmp" */
	struct slice	 expect;	/* the key's public blob; or empty, when
					 * nobody knows */
	int64_t		 time_ms;	/* 0: ADDPOINT_ASK_MS */
	const volatile sig_atomic_t *stop;	/* not 0: give up; or NULL */
};

struct addpoint_key {
	struct private_fields	 fields;	/* borrow from mem */
	struct slice		 comment;	/* likewise */
	void			*mem;		/* a piece of the region */
};

/**
 * addpoint_ask(spec, out, why, whylen):
 * Run ssh-add for the key, with our terminal, our stderr and our environment
 * but for SSH_AUTH_SOCK, and take the first plain key that it adds.
 *
 * Owns:   the caller, until addpoint_fini().
 * Errors: ST_LOCKED       it ended without having added the key
 *         ST_BUSY         the time is over
 *         ST_CLOSED       *${stop} was set
 *         ST_UNTRUSTED    it added another key than ${expect}; or ${dir} can
 *                         be changed by others
 *         ST_UNSUPPORTED  it added a key of a type that we do not take
 *         ST_NOT_FOUND, ST_DENIED, ST_TOO_LARGE  no ssh-add that can be run, or
 *                         no socket can be made in ${dir}
 *         ST_FULL         no room in the region
 *         ST_SYSTEM
 *         ${why} is one line for people.  Nothing is left behind.
 */
int addpoint_ask(const struct addpoint_spec *spec, struct addpoint_key *out,
    char *why, size_t whylen) MUST_USE;

/**
 * addpoint_fini(region, key):
 * Wipe and release.  May be called twice.
 */
void addpoint_fini(struct secret *region, struct addpoint_key *key);

#endif /* !ADDPOINT_H_ */
