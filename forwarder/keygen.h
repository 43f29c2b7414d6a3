#ifndef KEYGEN_H_
#define KEYGEN_H_

/*
 * keygen - for ssh-keygen, which does not look at ssh's configuration: where
 * the agent's socket is, and how the real program is run with it.
 *
 * Layer:   forwarder.
 */

#include <limits.h>
#include <stddef.h>

#include "base/status.h"
#include "base/unixsock.h"

/* The first place that says something decides, in this order. */
#define KEYGEN_VARIABLE	"BOTTLE_AGENT_SOCK"
#define KEYGEN_FILE	".ssh/bottle-agent/env"
#define KEYGEN_SOCKET	"/run/bottle-agent.sock"

/* Most bytes of the file. */
#define KEYGEN_FILE_MAX	(64 * 1024)

/* How it ends that did not become ssh-keygen. */
#define KEYGEN_EXIT_CONFIG	1	/* a place says something unusable */
#define KEYGEN_EXIT_CANNOT	126	/* it is there and cannot be run */
#define KEYGEN_EXIT_MISSING	127	/* there is none */

struct keygen_places {
	const char	*variable;	/* KEYGEN_VARIABLE's value, or NULL */
	const char	*home;		/* absolute; NULL: nobody knows it */
	const char	*socket;	/* KEYGEN_SOCKET */
};

/**
 * keygen_parse(text, len, out, why, whylen):
 * The value of the last line "SSH_AUTH_SOCK=PATH" in ${len} bytes of a shell's
 * environment file.  As in a shell there may be "export " before it, quotes
 * and backslashes in it, and a comment or "; export SSH_AUTH_SOCK;" behind it;
 * what a shell would expand is refused.  All other lines are passed over, and
 * each line stands for itself.
 *
 * Errors: ST_NOT_FOUND  no such line
 *         ST_MALFORMED  not one word, not an absolute path, a control byte
 *         ST_TOO_LARGE  longer than a socket's path can be
 *         ${why} then begins with "line N: "; ${out} is an empty string.
 */
int keygen_parse(const char *text, size_t len,
    char out[static UNIXSOCK_PATH_MAX], char *why, size_t whylen) MUST_USE;

/**
 * keygen_socket(places, out, why, whylen):
 * Where the agent's socket is: the variable's value; else what the file
 * KEYGEN_FILE in the home directory says; else ${places}->socket, if that is a
 * socket.  An empty variable counts as none.  Whether an agent serves there is
 * not looked at, the last place aside.
 *
 * Errors: ST_NOT_FOUND  no place says anything
 *         ST_UNTRUSTED  others could have written the file
 *         ST_MALFORMED, ST_TOO_LARGE, ST_NOMEM, ST_SYSTEM
 *         ${why} says what is wrong and what to do; ${out} is an empty string.
 */
int keygen_socket(const struct keygen_places *places,
    char out[static UNIXSOCK_PATH_MAX], char *why, size_t whylen) MUST_USE;

/**
 * keygen_run(program, argv, why, whylen):
 * Become ${program}, an absolute path, with ${argv} behind its name.  Comes
 * back only when that fails, with the status to exit with.
 *
 * Errors: KEYGEN_EXIT_MISSING, KEYGEN_EXIT_CANNOT
 */
int keygen_run(const char *program, char **argv, char *why, size_t whylen)
    MUST_USE;

#endif /* !KEYGEN_H_ */
