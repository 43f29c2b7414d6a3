#ifndef PLACEUSER_H_
#define PLACEUSER_H_

/*
 * placeuser - become the user whose home it is, and find that home.
 *
 * Layer:   forwarder.
 *
 * Engines run a program as the user that they are told.  What is behind a
 * command of exec: does not know of users, and runs all as root.
 */

#include <stddef.h>

#include "base/status.h"
#include "base/users.h"
#include "proto/wire.h"

/**
 * placeuser_become(user, why, whylen):
 * Have the ids and groups of ${user}, a name or number of /etc/passwd, for
 * good, and no HOME that is another's.  Nothing happens if we are that user.
 *
 * Errors: ST_NOT_FOUND  no such user
 *         ST_DENIED     we are neither root nor that user
 *         ST_SYSTEM     it cannot be done; the process must end
 *         ${why} says what is wrong and what to do
 */
int placeuser_become(const char *user, char *why, size_t whylen) MUST_USE;

/**
 * placeuser_home(given, out, why, whylen):
 * The home: the one that is ${given}, absolute and not too long; if that is
 * empty the one that /etc/passwd has for us, else HOME.
 *
 * Errors: ST_NOT_FOUND  ${why} says so
 */
int placeuser_home(struct slice given, char out[static USERS_HOME_MAX],
    char *why, size_t whylen) MUST_USE;

#endif /* !PLACEUSER_H_ */
