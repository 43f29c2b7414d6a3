#ifndef USERS_H_
#define USERS_H_

/*
 * users - names and numbers of users and groups.
 *
 * Layer:   base.  Reads /etc/passwd and /etc/group itself (fgetpwent(3)) and
 *          never asks NSS: no library is loaded and nothing is sent to a
 *          name service from a process that will hold keys.
 */

#include <stddef.h>
#include <sys/types.h>

#include "base/status.h"

/* Longest name or home directory given back, NUL included. */
#define USERS_NAME_MAX	256
#define USERS_HOME_MAX	4096
/* Most groups that a user can be in. */
#define USERS_GROUPS_MAX	1024

/**
 * users_uid(name, out), users_gid(name, out):
 * The number that belongs to a name.
 *
 * Errors: ST_NOT_FOUND
 *         ST_SYSTEM     the file cannot be read (a missing file is NOT_FOUND)
 */
int users_uid(const char *name, uid_t *out) MUST_USE;
int users_gid(const char *name, gid_t *out) MUST_USE;

/**
 * users_name(uid, out), users_home(uid, out):
 * The name of ${uid}, or its home directory.
 *
 * Errors: ST_NOT_FOUND, ST_SYSTEM; ${out} is then an empty string.
 */
int users_name(uid_t uid, char out[static USERS_NAME_MAX]) MUST_USE;
int users_home(uid_t uid, char out[static USERS_HOME_MAX]) MUST_USE;

/* What a process has that is that user's. */
struct users_login {
	uid_t	 uid;
	gid_t	 gid;
	gid_t	 groups[USERS_GROUPS_MAX];	/* the supplementary ones */
	size_t	 n;
};

/**
 * users_login(user, out):
 * Who ${user} is: a name, or else a number.  A number that no line has is that
 * of the group as well, and is in no other group.
 *
 * Errors: ST_NOT_FOUND
 *         ST_TOO_LARGE  USERS_GROUPS_MAX
 *         ST_SYSTEM
 */
int users_login(const char *user, struct users_login *out) MUST_USE;

#endif /* !USERS_H_ */
