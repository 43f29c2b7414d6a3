#include "provision/lockcmd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/passphrase.h"
#include "base/secret.h"
#include "provision/fleet.h"
#include "provision/targetcmd.h"

/* How long an agent waits, at most, after wrong passphrases before it answers:
 * agent/lock.h. */
#define DELAY_MS	10000
/* All that is kept of what bottle-agent prints: it prints nothing. */
#define OUT_MAX		4096

struct phrase {
	const struct provision_options *opts;
	struct secret	*region;
	char		*p;		/* in the region, both */
	char		*again;
	size_t		 len;
	char		*why;		/* what is wrong goes there */
	size_t		 whylen;
};

static enum session_code PRINTF_LIKE(3, 4)
fail(struct phrase *ph, enum session_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(ph->why, ph->whylen, fmt, ap);
	va_end(ap);
	return code;
}

/* Memory for the passphrase and its repetition. */
static enum session_code
make_room(struct phrase *ph)
{
	const struct secret_options opts = { .size = SECRET_SIZE_MIN };
	char why[512];
	int st;

	st = secret_open(&ph->region, &opts, why, sizeof(why));
	if (st != ST_OK)
		return fail(ph, st == ST_FULL ? SESSION_MEMORY :
		    SESSION_FAILED, "no locked memory for a passphrase: %s",
		    why);
	ph->p = secret_alloc(ph->region, PASSPHRASE_MAX);
	ph->again = secret_alloc(ph->region, PASSPHRASE_MAX);
	return ph->p != NULL && ph->again != NULL ? SESSION_DONE :
	    fail(ph, SESSION_MEMORY, "no locked memory for a passphrase");
}

/* Say why there is no passphrase. */
static enum session_code
no_passphrase(struct phrase *ph, int st)
{
	const char *error = strerror(errno);

	switch (st) {
	case ST_CLOSED:
		return fail(ph, SESSION_USAGE, "the passphrase is empty: "
		    "nothing was done");
	case ST_MALFORMED:
		return fail(ph, SESSION_USAGE, "there is a NUL byte in the "
		    "passphrase: nothing was done");
	case ST_TOO_LARGE:
		return fail(ph, SESSION_USAGE, "the passphrase is longer than "
		    "%d bytes: nothing was done", PASSPHRASE_MAX);
	case ST_NOT_FOUND:
		return fail(ph, SESSION_USAGE, "there is no terminal to ask "
		    "for the passphrase at: give it with --passphrase-fd");
	default:
		return ph->opts->passphrase_fd < 0 ?
		    fail(ph, SESSION_FAILED, "cannot ask for the passphrase: "
		    "%s", error) :
		    fail(ph, SESSION_USAGE, "cannot read the passphrase from "
		    "descriptor %d: %s", ph->opts->passphrase_fd, error);
	}
}

/* Ask for it, and for one that locks once more: a slip would lock the agent for
 * good. */
static enum session_code
ask(struct phrase *ph)
{
	bool lock = ph->opts->command == PROVISION_LOCK;
	size_t len;
	int st;

	st = passphrase_ask(lock ? "Passphrase to lock with: " :
	    "Passphrase to unlock with: ", ph->p, &ph->len);
	if (st != ST_OK || !lock)
		return st == ST_OK ? SESSION_DONE : no_passphrase(ph, st);
	st = passphrase_ask("The same once more: ", ph->again, &len);
	if (st != ST_OK && st != ST_CLOSED)
		return no_passphrase(ph, st);
	if (len == ph->len && memcmp(ph->p, ph->again, len) == 0)
		return SESSION_DONE;
	return fail(ph, SESSION_USAGE, "these are two different passphrases: "
	    "nothing was done");
}

/* Have the passphrase, from wherever it is to come. */
static enum session_code
prepare(struct targetcmd *c, char *why, size_t whylen)
{
	struct phrase *ph = c->cookie;
	enum session_code code;
	int st;

	ph->why = why;
	ph->whylen = whylen;
	if ((code = make_room(ph)) != SESSION_DONE)
		return code;
	if (ph->opts->passphrase_fd < 0) {
		code = ask(ph);
	} else {
		st = passphrase_read(ph->opts->passphrase_fd, ph->p, &ph->len);
		if (st != ST_OK)
			code = no_passphrase(ph, st);
	}
	c->input = (struct slice){ (const uint8_t *)ph->p, ph->len };
	return code;
}

/* It is done. */
static int
take(const struct targetcmd *c, struct slice out, struct targetcmd_result *r)
{
	bool locked = c->opts->command == PROVISION_LOCK;

	(void)out;
	if (c->opts->json)
		r->json = json_boolean(locked);
	log_info("%s: %s", r->target, locked ? "locked: nobody can use its "
	    "keys until it is unlocked" : "unlocked");
	return ST_OK;
}

/* What its refusal means.  These are words of a program in the target: they
 * decide on advice, and on nothing else. */
static void
advise(const struct remote_result *said, struct targetcmd_result *r)
{
	const char *what = NULL;

	if (said->end != LAUNCH_RAN)
		return;
	if (said->status == SESSION_FAILED &&
	    strstr(r->why, "locked already") != NULL)
		what = "nobody can use its keys, as it is; for another "
		    "passphrase, unlock it first";
	else if (said->status == SESSION_FAILED &&
	    strstr(r->why, "is not locked") != NULL)
		what = "there is nothing to unlock";
	else if (said->status == SESSION_DENIED &&
	    strstr(r->why, "wrong passphrase") != NULL)
		what = "try again: after each wrong one the agent takes longer "
		    "to answer, ten seconds at most; where the passphrase is "
		    "lost, end that agent and load the keys anew";
	if (what != NULL)
		(void)snprintf(r->advice, sizeof(r->advice), "%s", what);
}

int
lockcmd_main(const struct provision_options *opts)
{
	const bool lock = opts->command == PROVISION_LOCK;
	const char *const args[] = { lock ? "--lock" : "--unlock" };
	struct phrase ph = { .opts = opts };
	struct targetcmd c = { .opts = opts,
		.command = lock ? "lock" : "unlock",
		.done = lock ? "locked" : "unlocked",
		.doing = lock ? "locking its agent" : "unlocking its agent",
		.member = "locked", .args = args, .nargs = 1,
		.prepare = prepare, .cookie = &ph, .more_ms = DELAY_MS,
		.out_max = OUT_MAX, .take = take, .advise = advise };
	enum session_code code;

	code = targetcmd_run(&c);
	secret_close(ph.region);
	return fleet_leave(code);
}
