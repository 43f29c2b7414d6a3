/*
 * bottle-provision - keys and configuration for bottles, from their host.
 */

#include <stdio.h>
#include <stdlib.h>

#include <sys/resource.h>

#include "base/fdio.h"
#include "base/log.h"
#include "provision/loadcmd.h"
#include "provision/options.h"
#include "provision/session.h"
#include "version.h"

/* --help, --version */
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
	char why[512];
	char *usage;
	int code;

	if (fdio_std_open() != ST_OK)
		return SESSION_FAILED;
	log_open("bottle-provision", LOG_LEVEL_INFO, 0);
	forbid_core();
	if (provision_options_parse(argc, argv, &opts, why, sizeof(why)) !=
	    ST_OK) {
		log_error("%s", why);
		(void)fprintf(stderr, "Try \"bottle-provision --help\".\n");
		return SESSION_USAGE;
	}
	if (opts.verbose)
		log_open("bottle-provision", LOG_LEVEL_DEBUG, 0);
	switch (opts.command) {
	case PROVISION_HELP:
		usage = provision_options_usage();
		code = print(usage);
		free(usage);
		return code;
	case PROVISION_VERSION:
		return print("bottle-provision " BOTTLE_VERSION "\n");
	case PROVISION_LOAD:
		break;
	}
	return loadcmd_main(&opts);
}
