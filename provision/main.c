/*
 * bottle-provision - keys and configuration for bottles, from their host.
 */

#include <stdio.h>
#include <stdlib.h>

#include <sys/resource.h>

#include "base/fdio.h"
#include "base/log.h"
#include "provision/doctorcmd.h"
#include "provision/explaincmd.h"
#include "provision/helpcmd.h"
#include "provision/loadcmd.h"
#include "provision/lockcmd.h"
#include "provision/options.h"
#include "provision/removecmd.h"
#include "provision/session.h"
#include "provision/statuscmd.h"
#include "provision/watchcmd.h"
#include "version.h"

typedef int (*command_fn)(const struct provision_options *opts);

/* The commands that there are. */
static const command_fn commands[PROVISION_COMMANDS] = {
	[PROVISION_LOAD] = loadcmd_main,
	[PROVISION_DOCTOR] = doctorcmd_main,
	[PROVISION_STATUS] = statuscmd_main,
	[PROVISION_REMOVE] = removecmd_main,
	[PROVISION_LOCK] = lockcmd_main,
	[PROVISION_UNLOCK] = lockcmd_main,
	[PROVISION_EXPLAIN] = explaincmd_main,
	[PROVISION_WATCH] = watchcmd_main,
	[PROVISION_HELP] = helpcmd_main,
};

/* The same as bits. */
static unsigned
commands_there(void)
{
	unsigned have = 0;

	for (unsigned i = 0; i < PROVISION_COMMANDS; i++)
		if (commands[i] != NULL)
			have |= 1u << i;
	return have;
}

static int
print(const char *text)
{
	if (text == NULL)
		return SESSION_FAILED;
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return SESSION_DONE;
	log_error_sys("cannot print");
	return SESSION_FAILED;
}

/* --help */
static int
print_usage(enum provision_command command)
{
	char *usage = provision_options_usage(command, commands_there());
	int code = print(usage);

	free(usage);
	return code;
}

/* Where there is more to read after wrong use. */
static void
point_to_help(enum provision_command command)
{
	if (command == PROVISION_COMMANDS)
		(void)fprintf(stderr, "Try \"bottle-provision --help\".\n");
	else
		(void)fprintf(stderr, "Try \"bottle-provision %s --help\".\n",
		    provision_options_command(command));
}

/* A core dump would have the keys in it. */
static void
forbid_core(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		log_warn_sys("cannot forbid core dumps");
}

int
main(int argc, char **argv)
{
	struct provision_options opts;
	char why[PROVISION_WHY_MAX];

	if (fdio_std_open() != ST_OK) {
		perror("bottle-provision: error: cannot have descriptors 0 to "
		    "2");
		return SESSION_FAILED;
	}
	log_open("bottle-provision", LOG_LEVEL_INFO, 0);
	forbid_core();
	if (provision_options_parse(argc, argv, commands_there(), &opts,
	    why) != ST_OK) {
		log_error("%s", why);
		point_to_help(opts.command);
		return SESSION_USAGE;
	}
	if (opts.verbose)
		log_open("bottle-provision", LOG_LEVEL_DEBUG, 0);
	if (opts.help)
		return print_usage(opts.command);
	if (opts.version)
		return print("bottle-provision " BOTTLE_VERSION "\n");
	return commands[opts.command](&opts);
}
