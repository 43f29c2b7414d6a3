/*
 * bottle-forward - the ProxyCommand that says what the proxy said; and the
 * container's side of placing files.
 */

#include <stdio.h>
#include <stdlib.h>

#include "base/fdio.h"
#include "base/log.h"
#include "forwarder/connect.h"
#include "forwarder/exitcode.h"
#include "forwarder/options.h"
#include "forwarder/place.h"
#include "forwarder/remove.h"
#include "version.h"

static enum exit_code
print(const char *text)
{
	if (text == NULL)
		return EXIT_FAILED;
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return EXIT_DONE;
	log_error_sys("cannot print");
	return EXIT_FAILED;
}

/* --help */
static enum exit_code
print_usage(enum forward_command command)
{
	char *usage = forward_options_usage(command);
	enum exit_code code = print(usage);

	free(usage);
	return code;
}

int
main(int argc, char **argv)
{
	struct forward_options opts;
	char why[512];

	if (fdio_std_open() != ST_OK) {
		perror("bottle-forward: error: cannot have descriptors 0 to 2");
		return EXIT_FAILED;
	}
	log_open("bottle-forward", LOG_LEVEL_INFO, 0);
	if (forward_options_parse(argc, argv, &opts, why, sizeof(why)) !=
	    ST_OK) {
		log_error("%s", why);
		(void)fprintf(stderr, "Try \"bottle-forward %s--help\".\n",
		    opts.command == FORWARD_CONNECT ? "connect " :
		    opts.command == FORWARD_PLACE ? "place " :
		    opts.command == FORWARD_REMOVE ? "remove " : "");
		return EXIT_USAGE;
	}
	if (opts.verbose)
		log_open("bottle-forward", LOG_LEVEL_DEBUG, 0);
	if (opts.help)
		return (int)print_usage(opts.command);
	if (opts.version)
		return (int)print("bottle-forward " BOTTLE_VERSION "\n");
	if (opts.command == FORWARD_PLACE)
		return (int)place_main(&opts);
	if (opts.command == FORWARD_REMOVE)
		return (int)remove_main(&opts);
	return (int)connect_main(&opts);
}
