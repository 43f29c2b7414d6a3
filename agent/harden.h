#ifndef HARDEN_H_
#define HARDEN_H_

/*
 * harden - what a process gives up before it touches a key.
 *
 * Layer:   agent.
 * Order:   harden_untraceable() first thing in main(); harden_process() in
 *          the process that will hold keys, after its last fork;
 *          harden_privileges() after the locked memory was had and before
 *          the first thread, since capabilities and no_new_privs belong to a
 *          thread; harden_calls() when all descriptors are open and all
 *          threads run.  None of it can be taken back.
 *
 * A step is met when its state holds, whoever brought that about: a container
 * without capabilities has nothing to drop.  Nothing is believed for having
 * returned 0; each step is looked at afterwards.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum harden_step {
	HARDEN_UNTRACEABLE,	/* not dumpable */
	HARDEN_CORE,		/* core size limit 0 */
	HARDEN_SESSION,		/* leader of a session of its own */
	HARDEN_NO_NEW_PRIVS,	/* execve(2) gives no privilege */
	HARDEN_BOUNDING,	/* no capability in the bounding set */
	HARDEN_CAPABILITIES,	/* none in any other set */
	HARDEN_CALLS,		/* seccomp filter on every thread */
	HARDEN_STEPS
};

enum harden_state {
	HARDEN_PENDING,		/* its turn has not come */
	HARDEN_MET,
	HARDEN_LEFT_OUT,	/* not for this process, or this build */
	HARDEN_REFUSED,		/* wanted and not to be had */
};

/* What a process does from harden_calls() on. */
enum harden_role {
	HARDEN_SERVER,		/* serve connections */
	HARDEN_CLIENT,		/* speak over one that is open */
};

struct harden {
	bool	 strict;	/* a refused step is an error */
	bool	 daemon;	/* in the background: its session is its own */
	bool	 appends;	/* a server that opens its audit file anew */
	bool	 datagrams;	/* one that talks to the syslog daemon */
	bool	 beats;		/* one that did beat_start() */
	enum harden_role role;	/* as harden_calls() was told */
	struct {
		enum harden_state state;
		int	 err;		/* of a refused step: an errno */
	} step[HARDEN_STEPS];
};

/**
 * harden_untraceable():
 * No core dump, no ptrace(2) and no /proc/PID/mem for anybody without
 * CAP_SYS_PTRACE, not even another process of the same uid.  execve(2) takes
 * it back.  That it holds is looked at by harden_process().  Builds with a
 * sanitizer leave it out: the leak checker is a tracer.
 */
void harden_untraceable(void);

/**
 * harden_process(h, why, whylen), harden_privileges(h, why, whylen),
 * harden_calls(h, role, why, whylen):
 * Take the steps and note in ${h} what became of each; the caller has set
 * strict, daemon, appends, datagrams and, before the third, beats, and all else
 * to zero.
 *
 * The first: umask 077, SIGPIPE and SIGXFSZ ignored, no core, a session.  Not
 * for a process that runs a command of the user's afterwards.  The second:
 * no_new_privs and all capabilities.  The third, after the second: a filter
 * that lets the system calls of this role through, answers others with EPERM,
 * and ends the process at execve(2) and ptrace(2).
 *
 * Errors: ST_UNSUPPORTED  ${h} is strict and a step was refused; ${why} holds
 *                         one line with its name, the errno, and what to do.
 *         Otherwise refused steps are logged.
 */
int harden_process(struct harden *h, char *why, size_t whylen) MUST_USE;
int harden_privileges(struct harden *h, char *why, size_t whylen) MUST_USE;
int harden_calls(struct harden *h, enum harden_role role, char *why,
    size_t whylen) MUST_USE;

/**
 * harden_step_name(step), harden_state_name(state):
 * Names for people and for status; static strings.
 */
const char *harden_step_name(enum harden_step step);
const char *harden_state_name(enum harden_state state);

/**
 * harden_relaxed():
 * Whether this is a build that leaves steps out, for a sanitizer.
 */
bool harden_relaxed(void);

#endif /* !HARDEN_H_ */
