/*
 * Signatures that a key's rules forbid, and binds that are not what they say.
 * Binds can be genuine here for every host, since we have the keys of all; what
 * a real attacker has is the key of its own host, and binds that it recorded.
 */
#include "tests/attack/attacks.h"

#include <stdio.h>
#include <string.h>

#include <unistd.h>

#include "proto/agent_num.h"
#include "tests/attack/bodies.h"
#include "tests/attack/talk.h"
#include "tests/attack/trial.h"

#define GOOD	"good.example"		/* a destination of "dest" */
#define EVIL	"evil.example"
#define STEPS	3

enum what {
	LOGIN,
	LOGIN_OF_PLAIN,		/* with another key than the one that signs */
	SSHSIG,
	OTHER,
};

/* Bind, bind, ..., then ask for one signature. */
struct sign_case {
	const char		*name;
	const char		*key;
	struct bind_spec	 binds[STEPS];	/* until one without host */
	bool			 last_fails;	/* of the binds */
	bool			 elsewhere;	/* ask on another connection */
	bool			 made;		/* a control */
	enum what		 what;
	const char		*session;
	const char		*user;		/* or namespace */
	const char		*host;		/* NULL: not host-bound */
};

static const struct sign_case cases[] = {
	/* Controls: what is refused below is refused for what it is. */
	{ "right-host", "dest", { { GOOD, NULL, "one", false } }, false,
	    false, true, LOGIN, "one", "git", GOOD },
	{ "git", "plain", { { NULL, NULL, NULL, false } }, false, false, true,
	    SSHSIG, NULL, "git", NULL },

	{ "other-host", "dest", { { EVIL, NULL, "one", false } }, false,
	    false, false, LOGIN, "one", "git", EVIL },
	{ "other-host-plain-method", "dest", { { EVIL, NULL, "one", false } },
	    false, false, false, LOGIN, "one", "git", NULL },
	{ "other-host-key-in-request", "dest",
	    { { GOOD, NULL, "one", false } }, false, false, false, LOGIN,
	    "one", "git", EVIL },
	{ "other-user", "dest", { { GOOD, NULL, "one", false } }, false,
	    false, false, LOGIN, "one", "root", GOOD },
	{ "other-key", "dest", { { GOOD, NULL, "one", false } }, false, false,
	    false, LOGIN_OF_PLAIN, "one", "git", GOOD },
	{ "unbound", "dest", { { NULL, NULL, NULL, false } }, false, false,
	    false, LOGIN, "one", "git", GOOD },
	{ "second-unbound-connection", "dest",
	    { { GOOD, NULL, "one", false } }, false, true, false, LOGIN,
	    "one", "git", GOOD },
	{ "forged-bind", "dest", { { GOOD, EVIL, "one", false } }, true,
	    false, false, LOGIN, "one", "git", GOOD },
	{ "replayed-bind", "dest", { { GOOD, NULL, "one", false } }, false,
	    false, false, LOGIN, "two", "git", GOOD },
	{ "rebound", "dest", { { GOOD, NULL, "one", false },
	    { EVIL, NULL, "two", false } }, true, false, false, LOGIN, "two",
	    "git", EVIL },
	{ "session-of-another-host", "dest", { { GOOD, NULL, "one", true },
	    { EVIL, NULL, "one", false } }, true, false, false, LOGIN, "one",
	    "git", EVIL },
	{ "through-another-host", "dest", { { EVIL, NULL, "one", true },
	    { GOOD, NULL, "two", false } }, false, false, false, LOGIN, "two",
	    "git", GOOD },
	{ "forwarding-only", "dest", { { GOOD, NULL, "one", true } }, false,
	    false, false, LOGIN, "one", "git", GOOD },
	{ "sshsig-of-destination-key", "dest",
	    { { GOOD, NULL, "one", false } }, false, false, false, SSHSIG,
	    NULL, "git", NULL },
	{ "unclassified-of-destination-key", "dest",
	    { { GOOD, NULL, "one", false } }, false, false, false, OTHER,
	    NULL, NULL, NULL },

	{ "unclassified", "plain", { { NULL, NULL, NULL, false } }, false,
	    false, false, OTHER, NULL, NULL, NULL },
	{ "namespace-file", "plain", { { NULL, NULL, NULL, false } }, false,
	    false, false, SSHSIG, NULL, "file", NULL },
	{ "namespace-any", "plain", { { NULL, NULL, NULL, false } }, false,
	    false, false, SSHSIG, NULL, "any", NULL },
	{ "git-of-auth-key", "auth", { { NULL, NULL, NULL, false } }, false,
	    false, false, SSHSIG, NULL, "git", NULL },
	{ "namespace-auth-of-auth-key", "auth",
	    { { NULL, NULL, NULL, false } }, false, false, false, SSHSIG,
	    NULL, "auth", NULL },
	{ "forwarded-git", "plain", { { EVIL, NULL, "one", true } }, false,
	    false, false, SSHSIG, NULL, "git", NULL },
	{ "confirm", "confirm", { { NULL, NULL, NULL, false } }, false, false,
	    false, LOGIN, "one", "git", NULL },
};

#define CASES	(sizeof(cases) / sizeof(cases[0]))

/* What is to be signed. */
static struct slice
make_data(const struct sign_case *c, struct slice blob)
{
	if (c->what == SSHSIG)
		return data_sshsig(slice_str(c->user));
	if (c->what == OTHER)
		return slice_str("A cheque over a million, to bearer.");
	if (c->what == LOGIN_OF_PLAIN)
		blob = talk_key("plain");
	return data_login(c->session, c->user, blob, c->host);
}

/* Bind as the case says. */
static void
do_binds(const struct sign_case *c, int fd)
{
	bool last;
	int type;

	for (size_t i = 0; i < STEPS && c->binds[i].host != NULL; i++) {
		last = i + 1 == STEPS || c->binds[i + 1].host == NULL;
		type = talk_ask(fd, body_bind(&c->binds[i]), NULL);
		if (last && c->last_fails)
			trial_refused("the bind", type);
		else
			trial_is("the bind", type, SSH_AGENT_SUCCESS);
	}
}

/* Run one. */
static void
run_case(const struct sign_case *c)
{
	struct slice blob = talk_key(c->key);
	int bound = talk_connect(), fd = bound, type;

	do_binds(c, bound);
	if (c->elsewhere)
		fd = talk_connect();
	type = talk_ask(fd, body_sign(blob, make_data(c, blob), 0), NULL);
	if (c->made)
		trial_is(c->name, type, SSH_AGENT_SIGN_RESPONSE);
	else
		trial_refused(c->name, type);
	if (fd != bound)
		(void)close(fd);
	(void)close(bound);
}

int
attack_sign(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < CASES; i++) {
		if (strcmp(argv[1], cases[i].name) == 0) {
			run_case(&cases[i]);
			return trial_end();
		}
	}
	(void)fprintf(stderr, "no such signature to ask for\n");
	return 2;
}

/* A login by "dest" on a connection, which must fail. */
static void
try_login(int fd, const char *what)
{
	struct slice blob = talk_key("dest");

	trial_refused(what, talk_ask(fd, body_sign(blob,
	    data_login("one", "git", blob, GOOD), 0), NULL));
}

/* One byte of a genuine bind is another: each of them matters, but for what
 * follows the fields. */
int
attack_bind_forged(int argc, char **argv)
{
	const struct bind_spec good = { GOOD, NULL, "one", false };
	uint8_t copy[1024];
	struct slice body;
	int fd;

	(void)argc;
	(void)argv;
	(void)talk_key("dest");
	body = body_bind(&good);
	/* Not the last, which says whether it is for forwarding. */
	for (size_t i = 0; i + 1 < body.len; i++) {
		body = body_bind(&good);
		memcpy(copy, body.p, body.len);
		copy[i] ^= 0x20;
		fd = talk_connect();
		trial_refused("a changed byte", talk_ask(fd,
		    (struct slice){ copy, body.len }, NULL));
		try_login(fd, "a login after it");
		(void)close(fd);
	}
	return trial_end();
}

int
attack_bind_truncated(int argc, char **argv)
{
	const struct bind_spec good = { GOOD, NULL, "one", false };
	struct slice body;
	size_t len;
	int fd;

	(void)argc;
	(void)argv;
	len = body_bind(&good).len;
	for (size_t i = 1; i < len; i++) {
		body = body_bind(&good);
		body.len = i;
		fd = talk_connect();
		trial_refused("a bind cut short", talk_ask(fd, body, NULL));
		try_login(fd, "a login after it");
		(void)close(fd);
	}
	return trial_end();
}

/* More binds of one connection than it may have. */
int
attack_bind_many(int argc, char **argv)
{
	struct bind_spec spec = { EVIL, NULL, NULL, true };
	int fd = talk_connect(), type = SSH_AGENT_SUCCESS;
	char session[16];
	unsigned n;

	(void)argc;
	(void)argv;
	for (n = 0; n < 100 && type == SSH_AGENT_SUCCESS; n++) {
		(void)snprintf(session, sizeof(session), "session %u", n);
		spec.session = session;
		type = talk_ask(fd, body_bind(&spec), NULL);
	}
	trial_refused("one more", type);
	try_login(fd, "a login after it");
	(void)close(fd);
	return trial_end();
}
