#ifndef PLACEUSER_H_
#define PLACEUSER_H_

/*
 * placeuser - become the user whose home it is.
 *
 * Layer:   forwarder.
 *
 * Engines run a program as the user that they are told.  What is behind a
 * command of exec: does not know of users, and runs all as root.
 */

#include <stddef.h>

#include "base/status.h"

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

#endif /* !PLACEUSER_H_ */
