#include "tests/attack/trial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/agent_num.h"
#include "tests/attack/talk.h"

/* Complaints are the same for every one of a thousand. */
#define COMPLAINTS_MAX	8

static unsigned tried, worked, controls;

/* Something is not as it should be. */
static void
complain(const char *what, const char *how, long n)
{
	if (++worked <= COMPLAINTS_MAX)
		(void)fprintf(stderr, "%s: %s %ld\n", what, how, n);
}

void
trial_refused(const char *what, int type)
{
	tried++;
	if (type != SSH_AGENT_FAILURE && type != SSH_AGENT_EXTENSION_FAILURE &&
	    type != TALK_CLOSED)
		complain(what, "answered with", type);
}

void
trial_is(const char *what, int type, int wanted)
{
	controls++;
	if (type != wanted)
		complain(what, "should work, answered with", type);
}

void
trial_denied(const char *what, long result)
{
	tried++;
	if (result >= 0)
		complain(what, "worked:", result);
	else if (errno != EPERM && errno != EACCES)
		complain(what, strerror(errno), errno);
}

void
trial_holds(const char *what, bool yes)
{
	tried++;
	if (!yes)
		complain(what, "is not so", 0);
}

bool
trial_fine(void)
{
	return worked == 0;
}

int
trial_end(void)
{
	if (worked > 0)
		(void)printf("%u of %u WORKED\n", worked, tried + controls);
	else if (tried > 0)
		(void)printf("%u of %u held off\n", tried, tried);
	else
		(void)printf("works, as it should\n");
	return worked > 0 || tried + controls == 0;
}

int
trial_skip(const char *why)
{
	(void)printf("not possible here: %s\n", why);
	return 2;
}
