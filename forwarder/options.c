#include "forwarder/options.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/option.h"
#include "proto/placepipe.h"

/* A load, as bottle-provision has it. */
#define NAME		"default"
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
	ID_NAME,
	ID_EVERY_LOAD,
	ID_HOME,
	ID_USER,
	ID_VERBOSE,
	ID_HELP,
	ID_VERSION,
	IDS
};

enum option_group {
	GROUP_CONNECT,
	GROUP_PLACE,
	GROUP_REMOVE,
	GROUP_HOME,
	GROUP_ANY,
	GROUPS
};

/* The commands that an option goes with. */
#define ON_CONNECT	(1u << FORWARD_CONNECT)
#define ON_PLACE	(1u << FORWARD_PLACE)
#define ON_REMOVE	(1u << FORWARD_REMOVE)
#define ON_ANY		(ON_CONNECT | ON_PLACE | ON_REMOVE | OPTION_FIRST)

static const struct option_row rows[IDS] = {
	[ID_PROXY] = { 0, "proxy", "URL", GROUP_CONNECT, ON_CONNECT,
	    "http://, socks5:// or socks5h://HOST[:PORT], or\n"
	    "direct; else the environment says: ALL_PROXY,\n"
	    "HTTPS_PROXY (also in small letters) and NO_PROXY" },
	[ID_AUTH_FILE] = { 0, "auth-file", "FILE", GROUP_CONNECT, ON_CONNECT,
	    "USER:PASSWORD for the proxy; only its owner may be\n"
	    "able to read it" },
	[ID_AUTH_FD] = { 0, "auth-fd", "N", GROUP_CONNECT, ON_CONNECT,
	    "the same from an open descriptor, within the\n"
	    "--answer-timeout" },
	[ID_HEADER] = { 0, "header", "LINE", GROUP_CONNECT,
	    ON_CONNECT | OPTION_AGAIN,
	    "send NAME: VALUE to an HTTP proxy as well; may be\n"
	    "given more than once" },
	[ID_FDPASS] = { 0, "fdpass", NULL, GROUP_CONNECT, ON_CONNECT,
	    "hand the connection to ssh and end, for ssh's\n"
	    "ProxyUseFdpass yes" },
	[ID_CHECK] = { 0, "check", NULL, GROUP_CONNECT, ON_CONNECT,
	    "print what the proxy and the server answer, and end" },
	[ID_CONNECT_TIMEOUT] = { 0, "connect-timeout", "TIME", GROUP_CONNECT,
	    ON_CONNECT,
	    "for reaching the proxy, or HOST where there is\n"
	    "none: seconds, or like 1m30s (10)" },
	[ID_ANSWER_TIMEOUT] = { 0, "answer-timeout", "TIME", GROUP_CONNECT,
	    ON_CONNECT,
	    "for the proxy's answer, and with --check for the\n"
	    "server's (30)" },
	[ID_SILENCE_TIMEOUT] = { 0, "silence-timeout", "TIME", GROUP_PLACE,
	    ON_PLACE,
	    "how long the host may say nothing (2m)" },
	[ID_NAME] = { 0, "name", "NAME", GROUP_REMOVE, ON_REMOVE,
	    "of the load (" NAME ")" },
	[ID_EVERY_LOAD] = { 0, "every-load", NULL, GROUP_REMOVE, ON_REMOVE,
	    "all loads, whatever their names are" },
	[ID_HOME] = { 0, "home", "DIR", GROUP_REMOVE, ON_REMOVE,
	    "the home (what /etc/passwd says, else $HOME)" },
	[ID_USER] = { 0, "user", "NAME", GROUP_HOME, ON_PLACE | ON_REMOVE,
	    "become that user first, by name or number; only\n"
	    "root can become another one" },
	[ID_VERBOSE] = { 'v', "verbose", NULL, GROUP_ANY,
	    ON_ANY | OPTION_AGAIN,
	    "say on stderr what is done" },
	[ID_HELP] = { 'h', "help", NULL, GROUP_ANY, ON_ANY, "print this" },
	[ID_VERSION] = { 'V', "version", NULL, GROUP_ANY, ON_ANY,
	    "print the version" },
};

static const char *const titles[GROUPS] = {
	[GROUP_CONNECT] = "With connect",
	[GROUP_PLACE] = "With place",
	[GROUP_REMOVE] = "With remove",
	[GROUP_HOME] = "With place and remove",
	[GROUP_ANY] = "Always",
};

static const struct option_command commands[FORWARD_COMMANDS] = {
	[FORWARD_CONNECT] = { "connect", "carry stdin and stdout to a host",
	    "usage: bottle-forward connect [OPTION ...] HOST PORT\n"
	    "\n"
	    "Carries stdin and stdout to HOST:PORT through a proxy, and says\n"
	    "why when that does not work.\n" },
	[FORWARD_PLACE] = { "place", "put files into a home, from stdin",
	    "usage: bottle-forward place [OPTION ...]\n"
	    "\n"
	    "Takes files for the user's home from stdin: bottle-provision\n"
	    "load runs it in a container.\n" },
	[FORWARD_REMOVE] = { "remove", "take the files of a load away",
	    "usage: bottle-forward remove [OPTION ...]\n"
	    "\n"
	    "Takes away what bottle-provision load has put into a home, and\n"
	    "nothing else.  The keys are the agent's: see bottle-agent\n"
	    "--remove, or bottle-provision remove, which does both.\n" },
};

static const struct option_table table = {
	.rows = rows,
	.n = IDS,
	.commands = commands,
	.n_commands = FORWARD_COMMANDS,
	.example = "bottle-forward connect HOST PORT",
	.head =
	    "usage: bottle-forward connect [OPTION ...] HOST PORT\n"
	    "       bottle-forward place [OPTION ...]\n"
	    "       bottle-forward remove [OPTION ...]\n"
	    "\n"
	    "A ProxyCommand for ssh: carries stdin and stdout to HOST:PORT\n"
	    "through a proxy, and says why when that does not work.\n"
	    "\n"
	    "  ssh -o 'ProxyCommand bottle-forward connect %h %p' HOST\n"
	    "\n"
	    "place is what bottle-provision load runs in a container, as its "
	    "user: it\n"
	    "takes files for the user's home from stdin.  remove takes them "
	    "away.\n",
	.titles = titles,
	.groups = GROUPS,
};

char *
forward_options_usage(enum forward_command command)
{
	return command == FORWARD_COMMANDS ? option_usage(&table) :
	    option_usage_command(&table, command);
}

/* A time that can be waited for. */
static int
take_time(const char *label, const char *arg, uint32_t *out, char *why,
    size_t whylen)
{
	uint32_t s;

	if (num_duration_s(arg, &s) == ST_OK && s > 0 && s <= TIME_MAX_S) {
		*out = s;
		return ST_OK;
	}
	(void)snprintf(why, whylen,
	    "%s takes a time of 1 second to 1 day, like 20 or 1m30s", label);
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
take(struct option_line *line, size_t id, const char *arg, char *why,
    size_t whylen)
{
	struct forward_options *o = line->cookie;
	const char *label = line->given[id].text;

	switch ((enum option_id)id) {
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
		return take_time(label, arg, &o->connect_s, why, whylen);
	case ID_ANSWER_TIMEOUT:
		return take_time(label, arg, &o->answer_s, why, whylen);
	case ID_SILENCE_TIMEOUT:
		return take_time(label, arg, &o->silence_s, why, whylen);
	case ID_NAME:
		o->name = arg;
		return ST_OK;
	case ID_EVERY_LOAD:
		o->every_load = true;
		return ST_OK;
	case ID_HOME:
		o->home = arg;
		return ST_OK;
	case ID_USER:
		o->user = arg;
		return ST_OK;
	case ID_VERBOSE:
		o->verbose = true;
		return ST_OK;
	case ID_HELP:
		o->help = true;
		return ST_CLOSED;
	case ID_VERSION:
		o->version = true;
		return ST_CLOSED;
	case IDS:
		break;
	}
	return ST_INTERNAL;
}

/* What goes together with what. */
static int
check(const struct forward_options *o, char *why, size_t whylen)
{
	bool is_direct = o->proxy != NULL &&
	    strcasecmp(o->proxy, "direct") == 0;

	if (o->auth_file != NULL && o->auth_fd >= 0)
		(void)snprintf(why, whylen,
		    "--auth-file and --auth-fd: give one of them");
	else if (o->fdpass && o->check)
		(void)snprintf(why, whylen,
		    "--fdpass and --check: give one of them");
	else if (o->auth_fd == 0 && !o->check && !o->fdpass)
		(void)snprintf(why, whylen,
		    "--auth-fd 0: stdin is what goes through the tunnel");
	else if (is_direct && (o->auth_file != NULL || o->auth_fd >= 0 ||
	    o->n_extra > 0))
		(void)snprintf(why, whylen, "%s means nothing without a "
		    "proxy", o->auth_file != NULL ? "--auth-file" :
		    o->auth_fd >= 0 ? "--auth-fd" : "--header");
	else
		return ST_OK;
	return ST_MALFORMED;
}

/* The words and options behind connect. */
static int
check_connect(const struct option_line *line, struct forward_options *out,
    char *why, size_t whylen)
{
	int st;

	if (line->n_words != 2) {
		(void)snprintf(why, whylen, "%s: bottle-forward connect "
		    "[OPTION ...] HOST PORT", line->n_words < 2 ?
		    "HOST and PORT are missing" : "too many words");
		return ST_MALFORMED;
	}
	if ((st = check(out, why, whylen)) != ST_OK)
		return st;
	return target_parse(line->words[0], line->words[1], &out->target, why,
	    whylen) == ST_OK ? ST_OK : ST_MALFORMED;
}

/* The options behind remove. */
static int
check_remove(const struct option_line *line, struct forward_options *out,
    char *why, size_t whylen)
{
	if (out->name != NULL && out->every_load)
		(void)snprintf(why, whylen,
		    "--name and --every-load: give one of them");
	else if (out->name != NULL &&
	    !placepipe_is_name(slice_str(out->name)))
		(void)snprintf(why, whylen, "--name takes 1 to %d letters, "
		    "digits and @_+=,.- that do not begin with a dot",
		    PLACEPIPE_NAME_MAX);
	else if (out->home != NULL && (out->home[0] != '/' ||
	    strlen(out->home) > PLACEPIPE_HOME_MAX))
		(void)snprintf(why, whylen, "--home takes an absolute path of "
		    "at most %d bytes", PLACEPIPE_HOME_MAX);
	else if (line->n_words > 0)
		(void)snprintf(why, whylen,
		    "too many words: bottle-forward remove [OPTION ...]");
	else {
		if (out->name == NULL)
			out->name = NAME;
		return ST_OK;
	}
	return ST_MALFORMED;
}

int
forward_options_parse(int argc, char **argv, struct forward_options *out,
    char *why, size_t whylen)
{
	struct option_line line = { .table = &table, .argc = argc,
		.argv = argv, .take = take, .cookie = out };
	int st;

	*out = (struct forward_options){ .auth_fd = -1,
		.connect_s = CONNECT_S, .answer_s = ANSWER_S,
		.silence_s = SILENCE_S };
	st = option_line_parse(&line, why, whylen);
	out->command = (enum forward_command)line.command;
	if (st != ST_OK)
		return st == ST_CLOSED ? ST_OK : st;
	if (out->command == FORWARD_CONNECT)
		return check_connect(&line, out, why, whylen);
	if (out->command == FORWARD_REMOVE)
		return check_remove(&line, out, why, whylen);
	if (line.n_words == 0)
		return ST_OK;
	(void)snprintf(why, whylen,
	    "too many words: bottle-forward place [OPTION ...]");
	return ST_MALFORMED;
}
