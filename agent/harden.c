/*
 * Every step is a row of one table: how it is taken, and how to see whether
 * its state holds.  What counts is what is seen.
 */
#include "agent/harden.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <linux/capability.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/callfilter.h"
#include "base/log.h"

/* Above every capability that kernels can have: a set has 64 bits. */
#define CAPABILITIES_MAX	64
/* Asks personality(2) what it is and changes nothing. */
#define PERSONALITY_ASK		0xffffffffUL

/*
 * The steps: how to take them, and how to see them.
 */

bool
harden_relaxed(void)
{
#ifdef BOTTLE_RELAXED_HARDENING
	return true;
#else
	return false;
#endif
}

/* The errno of a call that answers -1; 0 when it went well. */
static int
err_of(long rc)
{
	return rc < 0 ? errno : 0;
}

static int
take_untraceable(const struct harden *h)
{
	(void)h;
	return err_of(prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L));
}

static bool
is_untraceable(const struct harden *h)
{
	(void)h;
	return prctl(PR_GET_DUMPABLE, 0L, 0L, 0L, 0L) == 0;
}

static int
take_core(const struct harden *h)
{
	const struct rlimit none = { 0, 0 };

	(void)h;
	return err_of(setrlimit(RLIMIT_CORE, &none));
}

static bool
is_without_core(const struct harden *h)
{
	struct rlimit now;

	(void)h;
	return getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_cur == 0 &&
	    now.rlim_max == 0;
}

/* A process may send SIGCONT to any other one of its session. */
static int
take_session(const struct harden *h)
{
	(void)h;
	return err_of(setsid());
}

static bool
is_session_leader(const struct harden *h)
{
	(void)h;
	return getsid(0) == getpid();
}

static int
take_no_new_privs(const struct harden *h)
{
	(void)h;
	return err_of(prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L));
}

static bool
is_no_new_privs(const struct harden *h)
{
	(void)h;
	return prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 1;
}

/* Before the other sets: it takes CAP_SETPCAP. */
static int
take_bounding(const struct harden *h)
{
	long cap;
	int err = 0;

	(void)h;
	for (cap = 0; cap < CAPABILITIES_MAX; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0L, 0L, 0L) == 1 &&
		    prctl(PR_CAPBSET_DROP, cap, 0L, 0L, 0L) != 0 && err == 0)
			err = errno;
	return err;
}

/* The set is about what root may get.  Where nobody is root and execve(2)
 * gives nothing, it does not matter, and could not be changed. */
static bool
is_bounding_empty(const struct harden *h)
{
	uid_t real, effective, saved;
	long cap;

	if (getresuid(&real, &effective, &saved) == 0 && real != 0 &&
	    effective != 0 && saved != 0 && is_no_new_privs(h))
		return true;
	for (cap = 0; cap < CAPABILITIES_MAX; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0L, 0L, 0L) == 1)
			return false;
	return true;
}

/* libc has no function for it.  What is neither permitted nor inheritable
 * leaves the ambient set by itself. */
static int
take_capabilities(const struct harden *h)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {
		{ 0, 0, 0 } };

	(void)h;
	return err_of(syscall(SYS_capset, &head, none));
}

static bool
is_without_capabilities(const struct harden *h)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct set[_LINUX_CAPABILITY_U32S_3];
	uint32_t any = 0;
	size_t i;

	(void)h;
	if (syscall(SYS_capget, &head, set) != 0)
		return false;
	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		any |= set[i].effective | set[i].permitted |
		    set[i].inheritable;
	return any == 0;
}

/*
 * The filter.
 */

/* This process, as its rows name it. */
static unsigned
who_we_are(const struct harden *h)
{
	if (h->role != HARDEN_SERVER)
		return CALLFILTER_CLIENT;
	return CALLFILTER_SERVER | (h->appends ? CALLFILTER_FILE : 0) |
	    (h->datagrams ? CALLFILTER_SYSLOG : 0) |
	    (h->beats ? CALLFILTER_BEATS : 0);
}

static int
take_calls(const struct harden *h)
{
	return callfilter_install(who_we_are(h));
}

/* The container's own filter looks the same in /proc and to prctl(2), so a
 * call is tried that would do no harm and that ours does not let through. */
static bool
is_filtered(const struct harden *h)
{
	return h->step[HARDEN_CALLS].err == 0 &&
	    personality(PERSONALITY_ASK) == -1 && errno == EPERM;
}

/*
 * The table, and how a step is done.
 */

static const struct {
	const char	*name;
	const char	*failed;	/* what did not come about */
	const char	*remedy;
	int		(*take)(const struct harden *h);	/* an errno */
	bool		(*holds)(const struct harden *h);
} steps[HARDEN_STEPS] = {
	[HARDEN_UNTRACEABLE] = { "untraceable",
	    "cannot make the process untraceable",
	    "allow prctl(2) in the container's seccomp profile",
	    take_untraceable, is_untraceable },
	[HARDEN_CORE] = { "core", "cannot set the core size limit to 0",
	    "allow setrlimit(2) in the container's seccomp profile",
	    take_core, is_without_core },
	[HARDEN_SESSION] = { "session", "cannot begin a session",
	    "allow setsid(2) in the container's seccomp profile",
	    take_session, is_session_leader },
	[HARDEN_NO_NEW_PRIVS] = { "no_new_privs", "cannot set no_new_privs",
	    "start it with that set (docker run --security-opt "
	    "no-new-privileges)",
	    take_no_new_privs, is_no_new_privs },
	[HARDEN_BOUNDING] = { "bounding",
	    "cannot empty the capability bounding set",
	    "start it with CAP_SETPCAP or without capabilities (docker run "
	    "--cap-drop ALL)",
	    take_bounding, is_bounding_empty },
	[HARDEN_CAPABILITIES] = { "capabilities", "cannot drop capabilities",
	    "start it without any (docker run --cap-drop ALL)",
	    take_capabilities, is_without_capabilities },
	[HARDEN_CALLS] = { "seccomp", "cannot install the seccomp filter",
	    "allow seccomp(2) in the container's seccomp profile, on Linux "
	    "4.14 or newer",
	    take_calls, is_filtered },
};

/* For a test alone, which wants the kernel to write a core file and look what
 * is in it. */
static bool
is_dumpable(void)
{
#ifdef HARDEN_DUMPABLE
	return true;
#else
	return false;
#endif
}

/* For valgrind alone, which knows no seccomp(2). */
static bool
is_unfiltered(void)
{
#ifdef HARDEN_UNFILTERED
	return true;
#else
	return false;
#endif
}

/* Whether ${step} is not to be taken in this process, or this build. */
static bool
is_left_out(const struct harden *h, enum harden_step step)
{
	switch (step) {
	case HARDEN_UNTRACEABLE:
		return harden_relaxed() || is_dumpable();
	case HARDEN_CORE:
		return is_dumpable();
	case HARDEN_SESSION:
		/* In front, the terminal's Ctrl-C must reach it. */
		return !h->daemon;
	case HARDEN_CALLS:
		return is_unfiltered();
	default:
		return false;
	}
}

/* Take one step, look, and note. */
static int
do_step(struct harden *h, enum harden_step step, char *why, size_t whylen)
{
	bool wanted = !is_left_out(h, step);
	int err;

	if (wanted)
		h->step[step].err = steps[step].take(h);
	if (steps[step].holds(h)) {
		h->step[step].state = HARDEN_MET;
		h->step[step].err = 0;
		return ST_OK;
	}
	h->step[step].state = wanted ? HARDEN_REFUSED : HARDEN_LEFT_OUT;
	if (!wanted)
		return ST_OK;
	if ((err = h->step[step].err) == 0)
		err = h->step[step].err = ENOTSUP;
	if (!h->strict) {
		log_warn("%s: %s", steps[step].failed, strerrordesc_np(err));
		return ST_OK;
	}
	(void)snprintf(why, whylen, "%s: %s; %s, or go on without it by "
	    "--hardening=best-effort", steps[step].failed,
	    strerrordesc_np(err), steps[step].remedy);
	return ST_UNSUPPORTED;
}

/* Take the steps from ${first} to ${last}. */
static int
do_steps(struct harden *h, enum harden_step first, enum harden_step last,
    char *why, size_t whylen)
{
	enum harden_step step;
	int st = ST_OK;

	for (step = first; st == ST_OK && step <= last; step++)
		st = do_step(h, step, why, whylen);
	return st;
}

void
harden_untraceable(void)
{
	if (!harden_relaxed() && !is_dumpable())
		(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
}

int
harden_process(struct harden *h, char *why, size_t whylen)
{
	(void)umask(077);
	/* A reader that is gone, or a file as long as RLIMIT_FSIZE lets it be,
	 * ends what is written there and not the process. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	return do_steps(h, HARDEN_UNTRACEABLE, HARDEN_SESSION, why, whylen);
}

int
harden_privileges(struct harden *h, char *why, size_t whylen)
{
	return do_steps(h, HARDEN_NO_NEW_PRIVS, HARDEN_CAPABILITIES, why,
	    whylen);
}

int
harden_calls(struct harden *h, enum harden_role role, char *why, size_t whylen)
{
	h->role = role;
	return do_steps(h, HARDEN_CALLS, HARDEN_CALLS, why, whylen);
}

const char *
harden_step_name(enum harden_step step)
{
	return steps[step].name;
}

const char *
harden_state_name(enum harden_state state)
{
	switch (state) {
	case HARDEN_PENDING:
		return "pending";
	case HARDEN_MET:
		return "met";
	case HARDEN_LEFT_OUT:
		return "left out";
	case HARDEN_REFUSED:
		return "refused";
	}
	return "unknown";
}
