#include "forwarder/options.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/option.h"

/* What there is to wait for when nothing is said, in seconds. */
#define CONNECT_S	10
#define ANSWER_S	30
#define SILENCE_S	120
/* The longest time that can be asked for. */
#define TIME_MAX_S	86400

enum option_id {
	ID_PROXY,
	ID_AUTH_FILE,
	ID_AUTH_FD,
	ID_HEADER,
	ID_FDPASS,
	ID_CHECK,
	ID_CONNECT_TIMEOUT,
	ID_ANSWER_TIMEOUT,
	ID_SILENCE_TIMEOUT,
	ID_USER,
	ID_VERBOSE,
	ID_HELP,
	ID_VERSION,
	IDS
};

enum option_group {
	GROUP_CONNECT,
	GROUP_PLACE,
	GROUP_ANY,
	GROUPS
};

static const struct option_row rows[IDS] = {
	[ID_PROXY] = { 0, "proxy", "URL", GROUP_CONNECT, 0,
	    "http://, socks5:// or socks5h://HOST[:PORT], or\n"
	    "direct; else the environment says: ALL_PROXY,\n"
	    "HTTPS_PROXY (also in small letters) and NO_PROXY" },
	[ID_AUTH_FILE] = { 0, "auth-file", "FILE", GROUP_CONNECT, 0,
	    "USER:PASSWORD for the proxy; only its owner may be\n"
	    "able to read it" },
	[ID_AUTH_FD] = { 0, "auth-fd", "N", GROUP_CONNECT, 0,
	    "the same from an open descriptor" },
	[ID_HEADER] = { 0, "header", "LINE", GROUP_CONNECT, 0,
	    "send NAME: VALUE to an HTTP proxy as well; may be\n"
	    "given more than once" },
	[ID_FDPASS] = { 0, "fdpass", NULL, GROUP_CONNECT, 0,
	    "hand the connection to ssh and end, for ssh's\n"
	    "ProxyUseFdpass yes" },
	[ID_CHECK] = { 0, "check", NULL, GROUP_CONNECT, 0,
	    "print what the proxy and the server answer, and end" },
	[ID_CONNECT_TIMEOUT] = { 0, "connect-timeout", "TIME", GROUP_CONNECT,
	    0, "for reaching the proxy, or HOST where there is\n"
	    "none: seconds, or like 1m30s (10)" },
	[ID_ANSWER_TIMEOUT] = { 0, "answer-timeout", "TIME", GROUP_CONNECT, 0,
	    "for the proxy's answer, and with --check for the\n"
	    "server's (30)" },
	[ID_SILENCE_TIMEOUT] = { 0, "silence-timeout", "TIME", GROUP_PLACE, 0,
	    "how long the host may say nothing (2m)" },
	[ID_USER] = { 0, "user", "NAME", GROUP_PLACE, 0,
	    "become that user first, by name or number; only\n"
	    "root can become another one" },
	[ID_VERBOSE] = { 'v', "verbose", NULL, GROUP_ANY, 0,
	    "say on stderr what is done" },
	[ID_HELP] = { 'h', "help", NULL, GROUP_ANY, 0, "print this" },
	[ID_VERSION] = { 'V', "version", NULL, GROUP_ANY, 0,
	    "print the version" },
};

static const char *const titles[GROUPS] = {
	[GROUP_CONNECT] = "With connect",
	[GROUP_PLACE] = "With place",
	[GROUP_ANY] = "Always",
};

static const struct option_table table = {
	.rows = rows,
	.n = IDS,
	.head =
	    "usage: bottle-forward connect [OPTION ...] HOST PORT\n"
	    "       bottle-forward place [OPTION ...]\n"
	    "\n"
	    "A ProxyCommand for ssh: carries stdin and stdout to HOST:PORT\n"
	    "through a proxy, and says why when that does not work.\n"
	    "\n"
	    "  ssh -o 'ProxyCommand bottle-forward connect %h %p' HOST\n"
	    "\n"
	    "place is what bottle-provision load runs in a container, as its "
	    "user: it\n"
	    "takes files for the user's home from stdin.\n",
	.titles = titles,
	.groups = GROUPS,
};

char *
forward_options_usage(void)
{
	return option_usage(&table);
}

/* A time that can be waited for. */
static int
take_time(const struct option_row *row, const char *arg, uint32_t *out,
    char *why, size_t whylen)
{
	uint32_t s;

	if (num_duration_s(arg, &s) == ST_OK && s > 0 && s <= TIME_MAX_S) {
		*out = s;
		return ST_OK;
	}
	(void)snprintf(why, whylen,
	    "--%s takes a time of 1 second to 1 day, like 20 or 1m30s",
	    row->name);
	return ST_MALFORMED;
}

static int
take_fd(const char *arg, int *out, char *why, size_t whylen)
{
	uint64_t n;

	if (num_u64(arg, 0, INT_MAX, &n) == ST_OK && n != 1 && n != 2) {
		*out = (int)n;
		return ST_OK;
	}
	(void)snprintf(why, whylen, "--auth-fd takes the number of a "
	    "descriptor that is open for reading");
	return ST_MALFORMED;
}

static int
take_header(struct forward_options *o, const char *arg, char *why,
    size_t whylen)
{
	char because[160];

	if (o->n_extra == HTTPCONNECT_EXTRA_MAX) {
		(void)snprintf(why, whylen, "--header can be given %d times",
		    HTTPCONNECT_EXTRA_MAX);
		return ST_MALFORMED;
	}
	if (httpconnect_extra(arg, because, sizeof(because)) != ST_OK) {
		(void)snprintf(why, whylen, "--header: %s", because);
		return ST_MALFORMED;
	}
	o->extra[o->n_extra++] = arg;
	return ST_OK;
}

/* One option. */
static int
take(struct forward_options *o, enum option_id id, const char *arg, char *why,
    size_t whylen)
{
	switch (id) {
	case ID_PROXY:
		o->proxy = arg;
		return ST_OK;
	case ID_AUTH_FILE:
		o->auth_file = arg;
		return ST_OK;
	case ID_AUTH_FD:
		return take_fd(arg, &o->auth_fd, why, whylen);
	case ID_HEADER:
		return take_header(o, arg, why, whylen);
	case ID_FDPASS:
		o->fdpass = true;
		return ST_OK;
	case ID_CHECK:
		o->check = true;
		return ST_OK;
	case ID_CONNECT_TIMEOUT:
		return take_time(&rows[id], arg, &o->connect_s, why, whylen);
	case ID_ANSWER_TIMEOUT:
		return take_time(&rows[id], arg, &o->answer_s, why, whylen);
	case ID_SILENCE_TIMEOUT:
		return take_time(&rows[id], arg, &o->silence_s, why, whylen);
	case ID_USER:
		o->user = arg;
		return ST_OK;
	case ID_VERBOSE:
		o->verbose = true;
		return ST_OK;
	case ID_HELP:
		o->command = FORWARD_HELP;
		return ST_OK;
	case ID_VERSION:
		o->command = FORWARD_VERSION;
		return ST_OK;
	case IDS:
		break;
	}
	return ST_INTERNAL;
}

/* What goes together with what. */
static int
check(const struct forward_options *o, const bool seen[static IDS], char *why,
    size_t whylen)
{
	if (o->auth_file != NULL && o->auth_fd >= 0)
		(void)snprintf(why, whylen,
		    "--auth-file and --auth-fd: give one of them");
	else if (o->fdpass && o->check)
		(void)snprintf(why, whylen,
		    "--fdpass and --check: give one of them");
	else if (o->auth_fd == 0 && !o->check && !o->fdpass)
		(void)snprintf(why, whylen,
		    "--auth-fd 0: stdin is what goes through the tunnel");
	else if (o->proxy != NULL && strcasecmp(o->proxy, "direct") == 0 &&
	    (seen[ID_AUTH_FILE] || seen[ID_AUTH_FD] || seen[ID_HEADER]))
		(void)snprintf(why, whylen, "--%s means nothing without a "
		    "proxy", seen[ID_AUTH_FILE] ? "auth-file" :
		    seen[ID_AUTH_FD] ? "auth-fd" : "header");
	else
		return ST_OK;
	return ST_MALFORMED;
}

/* Whether --help or --version ended the parse. */
static bool
is_asked(const struct forward_options *o)
{
	return o->command == FORWARD_HELP || o->command == FORWARD_VERSION;
}

/* Options until the first word that is none. */
static int
walk_options(struct option_walk *w, struct forward_options *out,
    bool seen[static IDS], char *why, size_t whylen)
{
	const char *arg;
	size_t id;
	int st;

	for (;;) {
		st = option_next(w, &id, &arg, why, whylen);
		if (st == ST_CLOSED)
			return ST_OK;
		if (st != ST_OK)
			return st;
		if (seen[id] && id != ID_HEADER && id != ID_VERBOSE) {
			(void)snprintf(why, whylen, "--%s is given twice",
			    rows[id].name);
			return ST_MALFORMED;
		}
		seen[id] = true;
		st = take(out, (enum option_id)id, arg, why, whylen);
		if (st != ST_OK || is_asked(out))
			return st;
	}
}

/* The words and options behind connect. */
static int
check_connect(const struct option_walk *w, struct forward_options *out,
    const bool seen[static IDS], char *why, size_t whylen)
{
	char **word = w->argv + w->at;
	int n = w->argc - w->at, st;

	if (n != 2) {
		(void)snprintf(why, whylen, "%s: bottle-forward connect "
		    "[OPTION ...] HOST PORT", n < 2 ?
		    "HOST and PORT are missing" : "too many words");
		return ST_MALFORMED;
	}
	if ((st = check(out, seen, why, whylen)) != ST_OK)
		return st;
	return target_parse(word[0], word[1], &out->target, why, whylen) ==
	    ST_OK ? ST_OK : ST_MALFORMED;
}

/* The word that says what to do. */
static int
take_command(struct option_walk *w, struct forward_options *out, char *why,
    size_t whylen)
{
	const char *word;

	if (w->at == w->argc) {
		(void)snprintf(why, whylen,
		    "say what to do: bottle-forward connect HOST PORT");
		return ST_MALFORMED;
	}
	word = w->argv[w->at++];
	if (strcmp(word, "connect") == 0)
		out->command = FORWARD_CONNECT;
	else if (strcmp(word, "place") == 0)
		out->command = FORWARD_PLACE;
	else {
		(void)snprintf(why, whylen, "unknown command %s; there are "
		    "connect and place", option_show(word,
		    strlen(word)).text);
		return ST_MALFORMED;
	}
	return ST_OK;
}

/* No option that was seen may be one of that group. */
static int
check_group(const bool seen[static IDS], enum option_group group,
    const char *what, char *why, size_t whylen)
{
	size_t i;

	for (i = 0; i < IDS; i++)
		if (seen[i] && rows[i].group == group) {
			(void)snprintf(why, whylen, "--%s goes behind %s",
			    rows[i].name, what);
			return ST_MALFORMED;
		}
	return ST_OK;
}

int
forward_options_parse(int argc, char **argv, struct forward_options *out,
    char *why, size_t whylen)
{
	struct option_walk w = { .table = &table, .argc = argc, .argv = argv,
		.at = 1 };
	bool seen[IDS] = { false };
	int st;

	why[0] = '\0';
	*out = (struct forward_options){ .auth_fd = -1,
		.connect_s = CONNECT_S, .answer_s = ANSWER_S,
		.silence_s = SILENCE_S };
	st = walk_options(&w, out, seen, why, whylen);
	if (st != ST_OK || is_asked(out))
		return st;
	if ((st = take_command(&w, out, why, whylen)) != ST_OK ||
	    (st = check_group(seen, GROUP_CONNECT, "connect", why,
	    whylen)) != ST_OK ||
	    (st = check_group(seen, GROUP_PLACE, "place", why, whylen)) !=
	    ST_OK)
		return st;
	st = walk_options(&w, out, seen, why, whylen);
	if (st != ST_OK || is_asked(out))
		return st;
	if (out->command == FORWARD_CONNECT) {
		st = check_group(seen, GROUP_PLACE, "place", why, whylen);
		return st != ST_OK ? st :
		    check_connect(&w, out, seen, why, whylen);
	}
	if (w.at != argc) {
		(void)snprintf(why, whylen,
		    "too many words: bottle-forward place [OPTION ...]");
		return ST_MALFORMED;
	}
	return check_group(seen, GROUP_CONNECT, "connect", why, whylen);
}
