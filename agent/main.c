/*
 * bottle-agent - the SSH agent for sandboxes.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "agent/daemon.h"
#include "agent/explaincmd.h"
#include "agent/harden.h"
#include "agent/loader.h"
#include "agent/lockcmd.h"
#include "agent/options.h"
#include "agent/optiontable.h"
#include "agent/policycmd.h"
#include "agent/removecmd.h"
#include "agent/shellout.h"
#include "agent/socketpath.h"
#include "agent/statuscmd.h"
#include "base/fdio.h"
#include "base/log.h"
#include "version.h"

/* The exit code, when all was printed but for what is still in the buffer. */
static int
printed(FILE *f)
{
	if (fflush(f) == 0 && ferror(f) == 0)
		return EXIT_DONE;
	log_error_sys("cannot print");
	return EXIT_FAILED;
}

/* --help */
static int
print_help(void)
{
	char *text = optiontable_usage();

	if (text == NULL) {
		log_error_sys("cannot print the help");
		return EXIT_FAILED;
	}
	(void)fputs(text, stdout);
	free(text);
	return printed(stdout);
}

/* --version, or ssh-agent's -V which prints to stderr */
static int
print_version(const struct agent_options *opts)
{
	FILE *f = opts->version_stderr ? stderr : stdout;

	(void)fprintf(f, "bottle-agent %s\n", BOTTLE_VERSION);
	return printed(f);
}

/* -u, -uu */
static int
clean(const struct agent_options *opts)
{
	char why[512];
	int st;

	st = socketpath_clean(opts->any_host, time(NULL), why, sizeof(why));
	if (st != ST_OK) {
		log_error("%s", why);
		return EXIT_FATAL;
	}
	(void)printf("Deleted stale agent sockets in ~/.ssh/agent\n");
	return printed(stdout);
}

int
main(int argc, char **argv)
{
	struct agent_options opts;
	char why[512];

	if (fdio_std_open() != ST_OK) {
		perror("bottle-agent: error: cannot have descriptors 0 to 2");
		return EXIT_FAILED;
	}
	harden_untraceable();
	log_open("bottle-agent", LOG_LEVEL_INFO, 0);
	if (options_parse(argc, argv, &opts, why, sizeof(why)) != ST_OK) {
		log_error("%s", why);
		(void)fprintf(stderr, "Try \"bottle-agent --help\".\n");
		return options_usage_exit(&opts);
	}
	switch (opts.command) {
	case COMMAND_HELP:
		return print_help();
	case COMMAND_VERSION:
		return print_version(&opts);
	case COMMAND_KILL:
		return shellout_kill(&opts);
	case COMMAND_CLEAN:
		return clean(&opts);
	case COMMAND_LOAD:
		return loader_main(&opts);
	case COMMAND_STATUS:
		return statuscmd_main(&opts);
	case COMMAND_EXPLAIN:
		return explaincmd_main(&opts);
	case COMMAND_LOCK:
	case COMMAND_UNLOCK:
		return lockcmd_main(&opts);
	case COMMAND_REMOVE:
		return removecmd_main(&opts);
	case COMMAND_CHECK_POLICY:
		return policycmd_main(&opts);
	case COMMAND_SERVE:
		break;
	}
	return daemon_main(&opts);
}
