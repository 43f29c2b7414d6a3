#include "forwarder/placeuser.h"

#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/option.h"

/* Put one line in ${why} and return ${st}. */
static int PRINTF_LIKE(4, 5)
fail(int st, char *why, size_t whylen, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, whylen, fmt, ap);
	va_end(ap);
	return st;
}

/* Groups first: who is not root any more cannot change them. */
static int
set_ids(const struct users_login *login)
{
	if (setgroups(login->n, login->groups) != 0 ||
	    setresgid(login->gid, login->gid, login->gid) != 0 ||
	    setresuid(login->uid, login->uid, login->uid) != 0)
		return ST_SYSTEM;
	/* There must be no way back. */
	if (login->uid != 0 && (setuid(0) == 0 || seteuid(0) == 0)) {
		errno = EPERM;
		return ST_SYSTEM;
	}
	return ST_OK;
}

int
placeuser_become(const char *user, char *why, size_t whylen)
{
	const struct option_shown shown = option_show(user, strlen(user));
	struct users_login login;
	int st = users_login(user, &login);

	if (st == ST_NOT_FOUND)
		return fail(st, why, whylen, "there is no user %s in "
		    "/etc/passwd: give --user NAME to bottle-provision",
		    shown.text);
	if (st != ST_OK)
		return fail(ST_SYSTEM, why, whylen, "cannot look for user %s: "
		    "%s", shown.text, st == ST_TOO_LARGE ? "too many groups" :
		    strerrordesc_np(errno));
	if (login.uid == geteuid() && login.uid == getuid())
		return ST_OK;
	if (geteuid() != 0)
		return fail(ST_DENIED, why, whylen, "only root can become "
		    "user %s, and this runs as uid %lu", shown.text,
		    (unsigned long)geteuid());
	if (set_ids(&login) != ST_OK)
		return fail(ST_SYSTEM, why, whylen, "cannot become user %s: "
		    "%s", shown.text, strerrordesc_np(errno));
	/* It is that of root. */
	(void)unsetenv("HOME");
	return ST_OK;
}

int
placeuser_home(struct slice given, char out[static USERS_HOME_MAX], char *why,
    size_t whylen)
{
	const char *variable = getenv("HOME");

	if (given.len > 0) {
		memcpy(out, given.p, given.len);
		out[given.len] = '\0';
		return ST_OK;
	}
	if (users_home(geteuid(), out) == ST_OK && out[0] == '/')
		return ST_OK;
	if (variable != NULL && variable[0] == '/' &&
	    strlen(variable) < USERS_HOME_MAX) {
		memcpy(out, variable, strlen(variable) + 1);
		return ST_OK;
	}
	return fail(ST_NOT_FOUND, why, whylen, "uid %lu has no home in "
	    "/etc/passwd: name it with --home DIR",
	    (unsigned long)geteuid());
}
