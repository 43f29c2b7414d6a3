#ifndef LAUNCH_H_
#define LAUNCH_H_

/*
 * launch - how one of our programs is run in a target, and no other program
 * in its place.
 *
 * Layer:   provision.
 *
 * What root runs for us there must be root's: a user who can write to a folder
 * of programs would else run what he likes as root.  So, before it is run, it
 * and every folder above it must belong to root and be writable by nobody
 * else, and every symbolic link on the way must be root's; what is run is the
 * path that the links led to, and only root can change that.  In a container
 * /bin/sh and ls look, by the script in trust.sh and launch.sh, which is all in
 * arguments and costs one exec; on this machine launch_trust() does.  Behind a
 * command of exec: it is the command's business.  In a pod whose agent and user
 * have containers of their own, both of them named, the user cannot write to
 * the agent's, and with a folder that is given no shell is needed there.
 *
 * What a user runs can hurt that user alone, and is not looked at; but it is
 * not found by PATH either.
 *
 * Arguments can be read by all who are there: there must be no secret in them.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "proto/wire.h"
#include "provision/target.h"

/* Where programs are looked for, in this order. */
#define LAUNCH_BINS	{ "/usr/local/bin", "/usr/bin", "/opt/bottle-agent/bin" }
#define LAUNCH_N_BINS	3
/* Longest folder that can be given instead. */
#define LAUNCH_BIN_MAX	1024
/* Most arguments of a program: those that its launch takes go off. */
#define LAUNCH_ARGS_MAX	(TARGET_ARGS_MAX - 8)

struct launch {
	const char		*program;	/* "bottle-agent" */
	const char		*bin;		/* folder; NULL: LAUNCH_BINS */
	const char *const	*args;
	size_t			 nargs;
	const char		*user;		/* NULL: root */
};

/* What its end says. */
enum launch_end {
	LAUNCH_RAN,		/* the program did, and ended as is said */
	LAUNCH_NO_PROGRAM,	/* it is in none of the folders */
	LAUNCH_UNTRUSTED,	/* it is there, and is not run as root */
	LAUNCH_NO_SHELL,	/* no /bin/sh, to look at it */
	LAUNCH_CANNOT_RUN,	/* it is there, and the system does not run it */
	LAUNCH_UNREACHED,	/* engine, container, user: target_end says */
};

/**
 * launch_bin_check(bin, why, whylen):
 * Whether a folder can be given: an absolute path of [A-Za-z0-9/._+-] without
 * a component "..".
 *
 * Errors: ST_MALFORMED, ST_TOO_LARGE; ${why} says what is wrong
 */
int launch_bin_check(const char *bin, char *why, size_t whylen) MUST_USE;

/**
 * launch_command(t, run, path, out, why, whylen):
 * How to run a program of ours, as target_command() says it.  For root the
 * program that is trusted is taken, even if one that is not would come first.
 * With exec: it is the one in ${run}->bin, or the first of LAUNCH_BINS, as it
 * is; arguments are then of [A-Za-z0-9@%+=:,./_-], since ssh has them split
 * once more.
 *
 * Errors: those of target_command()
 *         ST_MALFORMED  ${run}->bin, or an argument behind exec:
 *         ST_NOT_FOUND  local: there is none
 *         ST_UNTRUSTED  local: there is one, and it is not run as root
 *         ${why} says what is wrong and what to do; ${out} is empty.
 */
int launch_command(const struct target *t, const struct launch *run,
    const char *path, struct target_command *out, char *why, size_t whylen)
    MUST_USE;

/**
 * launch_report(t, run, status, out, err, report):
 * What the end of it says; the arguments are those of target_report(), and
 * so is ${report}, but for words that are about a launch.
 */
enum launch_end launch_report(const struct target *t, const struct launch *run,
    int status, struct slice out, struct slice err,
    struct target_report *report);

/**
 * launch_trust(path, real, why, whylen):
 * What trust.sh does, of a plain file on this machine: ${real} is the path
 * without links.
 *
 * Errors: ST_UNTRUSTED  ${why} is "PATH: what is wrong"
 *         ST_NOT_FOUND  there is nothing of that name
 *         ST_SYSTEM     it cannot be looked at; ${why} says why
 */
int launch_trust(const char *path, char real[static PATH_MAX], char *why,
    size_t whylen) MUST_USE;

/**
 * launch_is_older(hello):
 * Whether a program is older than we are, by the text of its hello, "VERSION
 * MACHINE": versions are numbers with dots between them, and one with
 * something behind the numbers ("-rc1") comes before the one without.  What is
 * no version is not older.
 */
bool launch_is_older(struct slice hello);

#endif /* !LAUNCH_H_ */
