#ifndef FORWARDER_OPTIONS_H_
#define FORWARDER_OPTIONS_H_

/*
 * options - the command line of bottle-forward.
 *
 * Layer:   forwarder.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "forwarder/httpconnect.h"
#include "forwarder/target.h"

enum forward_command {
	FORWARD_CONNECT,
	FORWARD_PLACE,
	FORWARD_REMOVE,
	FORWARD_COMMANDS
};

struct forward_options {
	enum forward_command command;	/* FORWARD_COMMANDS: none was named */
	bool		 help;		/* --help: nothing else counts */
	bool		 version;
	bool		 verbose;

	/* connect */
	struct target	 target;
	const char	*proxy;		/* --proxy, or NULL */
	const char	*auth_file;	/* or NULL */
	int		 auth_fd;	/* -1: none */
	const char	*extra[HTTPCONNECT_EXTRA_MAX];	/* --header, checked */
	size_t		 n_extra;
	bool		 fdpass;
	bool		 check;
	uint32_t	 connect_s;	/* seconds */
	uint32_t	 answer_s;

	/* place */
	uint32_t	 silence_s;
	const char	*user;		/* --user, or NULL; of remove, too */

	/* remove */
	const char	*name;		/* of the load */
	bool		 every_load;
	const char	*home;		/* --home, or NULL */
};

/**
 * forward_options_parse(argc, argv, out, why, whylen):
 * The first --help or --version ends the parse.
 *
 * Owns:   ${out} borrows from ${argv}.
 * Errors: ST_MALFORMED  wrong use; ${why} holds one line that says what to do,
 *                       and ${out}->command is set
 */
int forward_options_parse(int argc, char **argv, struct forward_options *out,
    char *why, size_t whylen) MUST_USE;

/**
 * forward_options_usage(command):
 * What --help prints; FORWARD_COMMANDS: in front of any command.  The caller
 * frees it; NULL when out of memory.
 */
char *forward_options_usage(enum forward_command command);

#endif /* !FORWARDER_OPTIONS_H_ */
