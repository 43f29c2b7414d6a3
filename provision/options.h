#ifndef PROVISION_OPTIONS_H_
#define PROVISION_OPTIONS_H_

/*
 * options - the command line of bottle-provision.
 *
 * Layer:   provision.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "provision/plan.h"

/* Most --label, and the longest one. */
#define PROVISION_LABELS_MAX	32
#define PROVISION_LABEL_MAX	1024
/* How many targets at once, unless it is said, and at most. */
#define PROVISION_JOBS		4
#define PROVISION_JOBS_MAX	64
/* Room for what is wrong. */
#define PROVISION_WHY_MAX	512

/* Their names and options are in options.c, by these numbers. */
enum provision_command {
	PROVISION_LOAD,
	PROVISION_WATCH,
	PROVISION_DOCTOR,
	PROVISION_STATUS,
	PROVISION_REMOVE,
	PROVISION_LOCK,
	PROVISION_UNLOCK,
	PROVISION_EXPLAIN,
	PROVISION_HELP,
	PROVISION_COMMANDS
};

struct provision_options {
	enum provision_command command;	/* PROVISION_COMMANDS: none was
					 * named */
	bool		 help;		/* --help: nothing else counts */
	bool		 version;
	bool		 verbose;
	unsigned	 have;		/* bits of the commands there are */

	/* Targets: all that are named, or all that run. */
	char		**targets;	/* words of argv */
	size_t		 n_targets;
	bool		 all;		/* then no target is named */
	const char	*labels[PROVISION_LABELS_MAX];	/* KEY or KEY=VALUE */
	size_t		 n_labels;
	const char	*engine;	/* of all: docker, podman, nerdctl */
	unsigned	 jobs;
	const char	*user;		/* NULL: whoever it is by default */
	const char	*home;		/* NULL: as the target's passwd says */
	const char	*socket;
	const char	*bin;		/* NULL: look */
	uint32_t	 time_s;
	bool		 json;

	/* load, watch */
	const char	*manifest;	/* "-": stdin; NULL: hosts are named */
	const char	*bottle;	/* NULL: the only one */
	const char	*name;		/* of the load; remove has it, too */
	const char	*proxy;		/* NULL: none */
	bool		 sign;
	const char	*sign_as;	/* NULL: anybody */
	const char	*ssh_config;	/* NULL: what ssh reads */
	bool		 scan;
	bool		 scan_via_target;
	bool		 no_prompt;
	const char	*programs;	/* NULL: where they are installed */
	bool		 no_install;
	bool		 dry_run;
	char		**hosts;	/* words of argv */
	size_t		 n_hosts;

	bool		 every_load;	/* remove */
	int		 passphrase_fd;	/* lock, unlock; -1: ask */
	bool		 no_login;	/* doctor */
	const char	*topic;		/* help; or NULL */
};

/**
 * provision_options_parse(argc, argv, have, out, why):
 * ${have} has a bit for each command that there is, 1u << PROVISION_LOAD and
 * so on; 0 is all of them.  The first --help or --version ends the parse.
 *
 * Owns:   ${out} borrows from ${argv}.
 * Errors: ST_MALFORMED  wrong use; ${why} holds one line that says what to do,
 *                       and ${out}->command is set
 */
int provision_options_parse(int argc, char **argv, unsigned have,
    struct provision_options *out, char why[static PROVISION_WHY_MAX])
    MUST_USE;

/**
 * provision_options_usage(command, have):
 * What --help prints; PROVISION_COMMANDS: in front of any command.  The caller
 * frees it; NULL when out of memory.
 */
char *provision_options_usage(enum provision_command command, unsigned have);

/**
 * provision_options_command(command):
 * What a command is called.
 */
const char *provision_options_command(enum provision_command command);

#endif /* !PROVISION_OPTIONS_H_ */
