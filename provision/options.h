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

enum provision_command {
	PROVISION_LOAD,
	PROVISION_HELP,
	PROVISION_VERSION,
};

struct provision_options {
	enum provision_command command;
	bool		 verbose;

	/* load */
	const char	*manifest;	/* "-": stdin; NULL: hosts are named */
	const char	*bottle;	/* NULL: the only one */
	const char	*name;
	const char	*user;		/* NULL: whoever it is by default */
	const char	*home;		/* NULL: as the target's passwd says */
	const char	*socket;
	const char	*proxy;		/* NULL: none */
	bool		 sign;
	const char	*sign_as;	/* NULL: anybody */
	const char	*ssh_config;	/* NULL: what ssh reads */
	bool		 scan;
	bool		 scan_via_target;
	bool		 no_prompt;
	const char	*programs;	/* NULL: where they are installed */
	bool		 no_install;
	const char	*bin;		/* NULL: look */
	uint32_t	 time_s;
	bool		 dry_run;
	bool		 json;
	char		**targets;	/* words of argv */
	size_t		 n_targets;
	char		**hosts;
	size_t		 n_hosts;
};

/**
 * provision_options_parse(argc, argv, out, why, whylen):
 * The first --help or --version ends the parse.
 *
 * Owns:   ${out} borrows from ${argv}.
 * Errors: ST_MALFORMED  wrong use; ${why} holds one line that says what to do
 */
int provision_options_parse(int argc, char **argv,
    struct provision_options *out, char *why, size_t whylen) MUST_USE;

/**
 * provision_options_usage():
 * What --help prints.  The caller frees it; NULL when out of memory.
 */
char *provision_options_usage(void);

#endif /* !PROVISION_OPTIONS_H_ */
