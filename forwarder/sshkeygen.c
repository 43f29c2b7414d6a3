/*
 * bottle-ssh-keygen - ssh-keygen with our agent, for git's gpg.ssh.program.
 */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/log.h"
#include "base/users.h"
#include "forwarder/keygen.h"

/* The home directory, or NULL. */
static const char *
find_home(char room[static USERS_HOME_MAX])
{
	const char *home = getenv("HOME");

	if (home != NULL && home[0] == '/')
		return home;
	if (users_home(getuid(), room) == ST_OK && room[0] == '/')
		return room;
	return NULL;
}

int
main(int argc, char **argv)
{
	char room[USERS_HOME_MAX], path[UNIXSOCK_PATH_MAX], why[1024];
	struct keygen_places places = {
		.variable = getenv(KEYGEN_VARIABLE),
		.home = find_home(room),
		.socket = KEYGEN_SOCKET,
	};
	int st;

	(void)argc;
	if (fdio_std_open() != ST_OK) {
		perror("bottle-ssh-keygen: error: cannot have descriptors 0 "
		    "to 2");
		return KEYGEN_EXIT_CONFIG;
	}
	log_open("bottle-ssh-keygen", LOG_LEVEL_INFO, 0);
	st = keygen_socket(&places, path, why, sizeof(why));
	if (st == ST_OK && setenv("SSH_AUTH_SOCK", path, 1) != 0) {
		log_error_sys("cannot set SSH_AUTH_SOCK");
		return KEYGEN_EXIT_CONFIG;
	}
	if (st != ST_OK && st != ST_NOT_FOUND) {
		log_error("%s", why);
		return KEYGEN_EXIT_CONFIG;
	}
	st = keygen_run(BOTTLE_SSH_KEYGEN, argv, why, sizeof(why));
	log_error("%s", why);
	return st;
}
