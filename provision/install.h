#ifndef INSTALL_H_
#define INSTALL_H_

/*
 * install - put our programs into a target that has none, or older ones.
 *
 * Layer:   provision.
 *
 * The programs are static ones, of a folder here: DIR/ARCH/bottle-agent,
 * bottle-forward and bottle-ssh-keygen, with DIR/ARCH/SHA256SUMS as sha256sum
 * writes it; ARCH is what "uname -m" says.  None is sent before each is what
 * SHA256SUMS says, is for that processor, and needs nothing else in order to
 * run.  They go over the stdin of one /bin/sh that is run there as root, by the
 * script in trust.sh and install.sh; see launch.h for what is trusted.
 *
 * All of them are there afterwards, or what was there before; agents that run
 * go on running.  What the target says is cut and escaped.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "proto/wire.h"
#include "provision/launch.h"
#include "provision/target.h"

#define INSTALL_N_PROGRAMS	3
/* Longest program, and SHA256SUMS. */
#define INSTALL_PROGRAM_MAX	(32 * 1024 * 1024)
#define INSTALL_SUMS_MAX	(64 * 1024)
/* Longest ARCH; room for any message. */
#define INSTALL_ARCH_MAX	16
#define INSTALL_WHY_MAX		4096
/* Most that is kept of what is said there. */
#define INSTALL_SAID_MAX	8192

struct install {
	const char	*programs;	/* DIR; NULL: install_programs_dir() */
	const char	*path;		/* the operator's PATH */
	const char	*bin;		/* folder there; NULL: what will do of
					 * /usr/local/bin and
					 * /opt/bottle-agent/bin */
	int64_t		 time_ms;	/* for each step; 0: no end */
};

struct install_report {
	char		 arch[INSTALL_ARCH_MAX + 1];
	char		 bin[LAUNCH_BIN_MAX + 1];	/* they are there now */
};

/* The programs for one processor, in memory. */
struct install_set {
	struct {
		char	*p;
		size_t	 len;
		char	 sum[65];	/* SHA-256, as text */
	}		 program[INSTALL_N_PROGRAMS];
};

/**
 * install_programs_dir():
 * DIR where nobody says another one: what the build decided on, which is seen
 * from the folder of this program unless it is absolute.
 */
const char *install_programs_dir(void);

/**
 * install_read(dir, arch, set, why, whylen):
 * Read the programs for a processor, and look at them.
 *
 * Owns:   the caller calls install_set_fini().
 * Errors: ST_NOT_FOUND    there are none for it, or not all
 *         ST_MALFORMED    SHA256SUMS is broken, or a program is not what it
 *                         says, or is for another processor, or not static
 *         ST_UNSUPPORTED  no such processor is known
 *         ST_UNTRUSTED    others here can write to one of the files
 *         ST_TOO_LARGE, ST_NOMEM, ST_SYSTEM
 *         ${why} says what is wrong and what to do; ${set} is empty.
 */
int install_read(const char *dir, const char *arch, struct install_set *set,
    char *why, size_t whylen) MUST_USE;

/**
 * install_set_fini(set):
 * May be called twice.
 */
void install_set_fini(struct install_set *set);

/**
 * install_programs(t, how, report, why, whylen):
 * Put them into the target.
 *
 * Errors: those of install_read() and target_command()
 *         ST_UNSUPPORTED  exec: it has to be done by hand, and ${why} says how
 *         ST_DENIED       they cannot be written, trusted or run there, or
 *                         there is no shell; ${why} says what to do instead
 *         ST_CLOSED       the engine or the container cannot be reached
 *         ST_BUSY         it took too long
 *         Nothing is changed there then.
 */
int install_programs(const struct target *t, const struct install *how,
    struct install_report *report, char *why, size_t whylen) MUST_USE;

#endif /* !INSTALL_H_ */
