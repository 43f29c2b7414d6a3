#ifndef OPTIONS_H_
#define OPTIONS_H_

/*
 * options - the command line of bottle-agent.
 *
 * Layer:   agent.  Prints nothing itself, so tests call it with arrays.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/fingerprint_hash.h"
#include "agent/limits.h"
#include "base/secret.h"
#include "base/status.h"

/* The socket of an agent for a container. */
#define OPTIONS_SOCKET		"/run/bottle-agent.sock"
/* Most --allow options. */
#define OPTIONS_ALLOW_MAX	64

/* Exit codes of every command. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_DENIED = 3,	/* policy said no */
	EXIT_MEMORY = 4,	/* locked memory or hardening not to be had */
	EXIT_UNREACHABLE = 5,	/* no agent there */
	EXIT_FATAL = 255,	/* as ssh-agent: what it calls fatal */
};

enum command {
	COMMAND_SERVE,
	COMMAND_KILL,		/* -k */
	COMMAND_CLEAN,		/* -u */
	COMMAND_LOAD,		/* --load */
	COMMAND_STATUS,		/* --status */
	COMMAND_EXPLAIN,	/* --explain */
	COMMAND_LOCK,		/* --lock */
	COMMAND_UNLOCK,		/* --unlock */
	COMMAND_REMOVE,		/* --remove */
	COMMAND_CHECK_POLICY,	/* --check-policy */
	COMMAND_HELP,
	COMMAND_VERSION,
};

struct agent_options {
	enum command	 command;
	bool		 service;	/* --public, --allow, --policy: service
					 * mode */
	bool		 ours;		/* an option that ssh-agent has not */
	bool		 fatal;		/* wrong in a way that ssh-agent calls
					 * fatal */
	bool		 version_stderr;	/* -V; --version is stdout */

	bool		 any_host;	/* -uu */
	bool		 json;		/* --status, --explain, --remove */
	bool		 every_load;	/* --remove */
	const char	*check_policy;	/* --check-policy: a file */

	/* Serving. */
	const char	*socket;	/* -a, --socket; NULL: the default */
	enum fingerprint_hash hash;	/* -E */
	bool		 foreground;	/* -D, -d */
	bool		 debug;		/* -d */
	bool		 csh, sh;	/* -c, -s; neither: look at $SHELL */
	bool		 tmp_socket;	/* -T */
	bool		 keep_stale;	/* -U */
	/* -O and -P, for keys on tokens.  No library is ever loaded: they only
	 * say which FIDO keys can be added, and the websafe ones, about
	 * signatures that are never made, nothing at all, as the man page
	 * says. */
	bool		 no_restrict_websafe;
	bool		 allow_remote_pkcs11;
	const char	*websafe_allow;	/* a pattern list, or NULL */
	const char	*providers;	/* a pattern list, or NULL */
	bool		 public;	/* --public */
	bool		 allow_shared_dir;
	bool		 legacy_rsa;
	bool		 forwarded;	/* --forwarded=allow */
	bool		 audit_text;	/* --audit-format=text */
	bool		 strict;	/* --hardening, or what the mode has */
	bool		 has_workers;
	bool		 has_lifetime;	/* -t, and not 0: 0 is "for ever" */
	size_t		 workers;	/* --workers */
	uint32_t	 lifetime_s;
	int		 ready_fd;	/* --ready-fd; -1: none */
	size_t		 n_allow;
	const char	*allow[OPTIONS_ALLOW_MAX];
	const char	*policy;	/* --policy: a file, or NULL */
	const char	*audit;		/* --audit: as auditsink_open() has it,
					 * or NULL */
	struct limits	 limits;	/* --limit, and defaults */
	struct secret_options memory;	/* --memory, --memory-size, ... */
	char		**run;		/* COMMAND [ARG...] and NULL; or NULL */

	/* --load */
	bool		 has_expect;
	uint32_t	 expect;
	const char	*name;		/* --name; NULL: add to what is there;
					 * --remove has it, too */
	/* Rules of the keys that are loaded; see agent/rules.h. */
	const char	*purposes;	/* --purpose: list, checked; or NULL */
	uint32_t	 signatures;	/* --max-signatures; 0: no end */
	uint32_t	 rate_n, rate_s;	/* --rate; 0: none */
	const char	*peers;		/* --peers: list, or NULL */
};

/**
 * options_parse(argc, argv, out, why, whylen):
 * Short options combine as getopt has it, long ones are not abbreviated;
 * options end at the first word that is none.  The first -h, --help, -V or
 * --version ends the parse.  What ssh-agent takes more than once, the last one
 * counting, may be given so where no option of ours is.  A bad set is answered
 * as a whole: ${out} is then good for options_usage_exit() only.
 *
 * Owns:   ${out} borrows from ${argv}.
 * Errors: ST_MALFORMED  wrong use; ${why} holds one line that says what to do
 */
int options_parse(int argc, char **argv, struct agent_options *out, char *why,
    size_t whylen) MUST_USE;

/**
 * options_usage_exit(opts):
 * The exit code of wrong use: ssh-agent's 1 or 255 without any option of ours,
 * else EXIT_USAGE.  ${opts} may be half filled.
 */
int options_usage_exit(const struct agent_options *opts);

#endif /* !OPTIONS_H_ */
