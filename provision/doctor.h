#ifndef DOCTOR_H_
#define DOCTOR_H_

/*
 * doctor - what was found out about a target: a list of findings, one or more
 * for each link of the chain from the engine to a login, and how it is
 * reported.
 *
 * Layer:   provision.
 * Source:  provision/bottle-provision.1, "DOCTOR".
 *
 * Whoever looks at something tells what he found with doctor_find(); in which
 * order does not matter, for a report is in the order of the chain.  Nothing
 * that looks may change anything, in the target or here.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"
#include "provision/session.h"
#include "provision/target.h"

#define DOCTOR_VERSION	1
/* Longest text of a finding; most findings of one target: all that comes
 * after these is left out, and the last one says so. */
#define DOCTOR_TEXT_MAX		1024
#define DOCTOR_FINDINGS_MAX	128
/* Most hosts that are looked at. */
#define DOCTOR_HOSTS_MAX	32

enum doctor_verdict {
	DOCTOR_OK,
	DOCTOR_WARN,
	DOCTOR_BAD,
	DOCTOR_SKIPPED,		/* could not be looked at, or was not to be */
};

/* The links of the chain, in its order: ids that stay what they are. */
#define DOCTOR_LINKS { "engine", "programs", "agent", "socket", "peers", \
    "memory", "hardening", "keys", "rules", "ssh-config", "git", "proxy", \
    "host-key", "login", "signing", "second-agent", "stray-keys", "root" }
#define DOCTOR_N_LINKS	18

struct doctor_finding {
	const char		*link;	/* one of DOCTOR_LINKS */
	enum doctor_verdict	 verdict;
	char			*what;	/* one line, safe to print */
	char			*mend;	/* the command or the line that mends
					 * it, safe to print; or NULL */
};

/* What is known of one target.  A zeroed one has no findings. */
struct doctor {
	const char		*target;	/* as it was named */
	struct doctor_finding	*finding;
	size_t			 n;
	bool			 unreached;	/* nothing could be looked at */
	bool			 failed;	/* no memory for all of it */
};

/* Where to look.  What is found out there, who is looked at and by which way,
 * is filled in before doctor_net() is called. */
struct doctor_where {
	const struct target	*target;
	const char		*name;		/* of the target, for commands:
						 * "docker:web" */
	const char		*account;	/* who uses the keys, as it is
						 * known there */
	uint32_t		 uid;		/* the same as a number */
	const char		*socket;	/* of the agent */
	const char		*bin;		/* folder of our programs; NULL:
						 * LAUNCH_BINS */
	const char		*path;		/* the operator's PATH */
	int64_t			 time_ms;	/* for each step */
	bool			 no_login;	/* make no connection to a host
						 * or through the proxy */
	bool			 no_ssh;	/* there is no ssh there */
	/* What stands behind Host in the files of our loads, without patterns:
	 * each is what the user types behind ssh.  In the order of the
	 * files. */
	const char *const	*hosts;
	size_t			 n_hosts;
};

/**
 * doctor_find(d, link, verdict, mend, fmt, ...):
 * Add a finding.  ${mend} may be NULL.  Control bytes, and what else is not
 * plain text, are escaped in both; a backslash stays as it is, so that text
 * that is escaped already stays, too.  What is too long is cut.
 */
void doctor_find(struct doctor *d, const char *link, enum doctor_verdict v,
    const char *mend, const char *fmt, ...) PRINTF_LIKE(5, 6);

/**
 * doctor_worst(d, link):
 * The worst that was found about a link: BAD, then WARN, OK, SKIPPED; and
 * SKIPPED if there is nothing.
 */
enum doctor_verdict doctor_worst(const struct doctor *d, const char *link);

/**
 * doctor_code(d):
 * SESSION_UNREACHABLE where nothing could be looked at; SESSION_FAILED if
 * something is bad, or there was no memory; SESSION_DONE.
 */
enum session_code doctor_code(const struct doctor *d);

/**
 * doctor_text(d, n, out, colour):
 * Print the findings of ${n} targets for people.
 *
 * Errors: ST_SYSTEM  cannot print
 */
int doctor_text(const struct doctor *d, size_t n, FILE *out, bool colour)
    MUST_USE;

/**
 * doctor_json(d, n, code, out):
 * The same as an object:
 * {"version":1,"command":"doctor","code":N,"targets":[{"target":"docker:web",
 * "code":0,"findings":[{"link":"engine","verdict":"ok","what":"...",
 * "mend":null}]}]}
 *
 * Errors: ST_NOMEM, ST_SYSTEM  cannot print
 */
int doctor_json(const struct doctor *d, size_t n, enum session_code code,
    FILE *out) MUST_USE;

/**
 * doctor_fini(d):
 * May be called twice.
 */
void doctor_fini(struct doctor *d);

#endif /* !DOCTOR_H_ */
