#ifndef ACTIVATION_H_
#define ACTIVATION_H_

/*
 * activation - a socket that a supervisor has made and listens on already.
 *
 * Layer:   agent.
 * Source:  sd_listen_fds(3); ssh-agent(1) of OpenSSH 10.0 and later: one
 *          socket, as descriptor 3.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "base/unixsock.h"

/* The first and only descriptor that is passed on. */
#define ACTIVATION_FD	3

/**
 * activation_take(check_dir, out, why, whylen):
 * Take the socket that LISTEN_PID and LISTEN_FDS tell of.  It becomes
 * non-blocking and close-on-exec; unixsock_close() will not remove its file,
 * which is the supervisor's.  With ${check_dir}, unixsock_trust() has to be
 * content with where it lies; ${out}->path is where that is, or for one
 * without a file @ and its name.
 *
 * Errors: ST_NOT_FOUND  neither variable, or only one of them, is set
 *         ST_MALFORMED  their values are not our pid and 1
 *         ST_UNSUPPORTED  descriptor 3 is not a stream socket of the Unix
 *                       family on which somebody listens
 *         ST_UNTRUSTED  ${check_dir}, and others could replace it
 *         ST_TOO_LARGE, ST_SYSTEM
 *         ${why} holds one line, but for ST_NOT_FOUND.
 */
int activation_take(bool check_dir, struct unixsock *out, char *why,
    size_t whylen) MUST_USE;

#endif /* !ACTIVATION_H_ */
