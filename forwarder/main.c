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
#include "version.h"

/* --help, --version */
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

int
main(int argc, char **argv)
{
	struct forward_options opts;
	enum exit_code code;
	char why[512];
	char *usage;

	if (fdio_std_open() != ST_OK)
		return EXIT_FAILED;
	log_open("bottle-forward", LOG_LEVEL_INFO, 0);
	if (forward_options_parse(argc, argv, &opts, why, sizeof(why)) !=
	    ST_OK) {
		log_error("%s", why);
		(void)fprintf(stderr, "Try \"bottle-forward --help\".\n");
		return EXIT_USAGE;
	}
	if (opts.verbose)
		log_open("bottle-forward", LOG_LEVEL_DEBUG, 0);
	switch (opts.command) {
	case FORWARD_HELP:
		usage = forward_options_usage();
		code = print(usage);
		free(usage);
		return (int)code;
	case FORWARD_VERSION:
		return (int)print("bottle-forward " BOTTLE_VERSION "\n");
	case FORWARD_PLACE:
		return (int)place_main(&opts);
	case FORWARD_CONNECT:
		break;
	}
	return (int)connect_main(&opts);
}
