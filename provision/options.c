#include "provision/options.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/option.h"
#include "proto/placepipe.h"
#include "provision/launch.h"
#include "provision/manifestvalue.h"
#include "provision/target.h"

#define NAME		"default"
#define SOCKET		"/run/bottle-agent.sock"
/* For each step in a target, and the longest that can be asked for. */
#define TIME_S		30
#define TIME_MAX_S	86400

enum option_id {
	ID_MANIFEST,
	ID_BOTTLE,
	ID_NAME,
	ID_SSH_CONFIG,
	ID_SCAN,
	ID_SCAN_VIA_TARGET,
	ID_SIGN,
	ID_SIGN_AS,
	ID_USER,
	ID_HOME,
	ID_SOCKET,
	ID_PROXY,
	ID_BIN,
	ID_PROGRAMS,
	ID_NO_INSTALL,
	ID_NO_PROMPT,
	ID_TIMEOUT,
	ID_DRY_RUN,
	ID_JSON,
	ID_VERBOSE,
	ID_HELP,
	ID_VERSION,
	IDS
};

enum option_group {
	GROUP_WHAT,
	GROUP_THERE,
	GROUP_HOW,
	GROUP_ANY,
	GROUPS
};

static const struct option_row rows[IDS] = {
	[ID_MANIFEST] = { 'f', "manifest", "FILE", GROUP_WHAT, 0,
	    "hosts, keys and rules, see bottle-manifest(5); - is\n"
	    "stdin" },
	[ID_BOTTLE] = { 'b', "bottle", "NAME", GROUP_WHAT, 0,
	    "which of the manifest's bottles (the only one)" },
	[ID_NAME] = { 'n', "name", "NAME", GROUP_WHAT, 0,
	    "of this load: it takes the place of an earlier one\n"
	    "of that name (" NAME ")" },
	[ID_SSH_CONFIG] = { 'F', "ssh-config", "FILE", GROUP_WHAT, 0,
	    "what ssh is asked about HOSTs with, as ssh -F" },
	[ID_SCAN] = { 0, "scan", NULL, GROUP_WHAT, 0,
	    "ask hosts that are not known for their keys, and\n"
	    "then you" },
	[ID_SCAN_VIA_TARGET] = { 0, "scan-via-target", NULL, GROUP_WHAT, 0,
	    "the same from within the target, which may lie" },
	[ID_SIGN] = { 0, "sign", NULL, GROUP_WHAT, 0,
	    "the keys sign commits as well, and git is set up to\n"
	    "do so with the first of them" },
	[ID_SIGN_AS] = { 0, "sign-as", "WHO", GROUP_WHAT, 0,
	    "with --sign: whose signatures they are, an address\n"
	    "of mail (anybody's)" },
	[ID_USER] = { 'u', "user", "NAME", GROUP_THERE, 0,
	    "who uses the keys (node; without one: 1000)" },
	[ID_HOME] = { 0, "home", "DIR", GROUP_THERE, 0,
	    "the user's home (what the target's passwd says)" },
	[ID_SOCKET] = { 's', "socket", "PATH", GROUP_THERE, 0,
	    "the agent's socket (" SOCKET ")" },
	[ID_PROXY] = { 'p', "proxy", "URL", GROUP_THERE, 0,
	    "http://, socks5:// or socks5h://HOST[:PORT]: the way\n"
	    "out, as seen from there; or direct" },
	[ID_BIN] = { 0, "bin", "DIR", GROUP_THERE, 0,
	    "where our programs are there (they are looked for)" },
	[ID_PROGRAMS] = { 0, "programs", "DIR", GROUP_HOW, 0,
	    "static programs to put into targets without them" },
	[ID_NO_INSTALL] = { 0, "no-install", NULL, GROUP_HOW, 0,
	    "put no programs there" },
	[ID_NO_PROMPT] = { 0, "no-prompt", NULL, GROUP_HOW, 0,
	    "ask nobody anything: for scripts" },
	[ID_TIMEOUT] = { 0, "timeout", "TIME", GROUP_HOW, 0,
	    "for each step there: seconds, or like 1m30s (30)" },
	[ID_DRY_RUN] = { 0, "dry-run", NULL, GROUP_HOW, 0,
	    "print what would be sent and written, and do nothing" },
	[ID_JSON] = { 0, "json", NULL, GROUP_HOW, 0,
	    "print the result as a JSON object" },
	[ID_VERBOSE] = { 'v', "verbose", NULL, GROUP_ANY, 0,
	    "say on stderr what is done" },
	[ID_HELP] = { 'h', "help", NULL, GROUP_ANY, 0, "print this" },
	[ID_VERSION] = { 'V', "version", NULL, GROUP_ANY, 0,
	    "print the version" },
};

static const char *const titles[GROUPS] = {
	[GROUP_WHAT] = "What is loaded",
	[GROUP_THERE] = "In the target",
	[GROUP_HOW] = "How",
	[GROUP_ANY] = "Always",
};

static const struct option_table table = {
	.rows = rows,
	.n = IDS,
	.head =
	    "usage: bottle-provision load [OPTION ...] TARGET HOST ...\n"
	    "       bottle-provision load [OPTION ...] -f MANIFEST TARGET ...\n"
	    "\n"
	    "Gives a container the use of keys for some hosts, in one step\n"
	    "or not at all: the keys go into the memory of its agent, and\n"
	    "what ssh and git need into its user's home.\n"
	    "\n"
	    "TARGET is docker:NAME or just NAME, podman:NAME, local, or\n"
	    "exec:COMMAND; HOST is what you would type behind ssh.\n"
	    "\n"
	    "  bottle-provision load web github.com build-box\n"
	    "  bottle-provision load -f bottle.json web\n",
	.titles = titles,
	.groups = GROUPS,
};

char *
provision_options_usage(void)
{
	return option_usage(&table);
}

static int
wrong(const struct option_row *row, const char *what, char *why, size_t whylen)
{
	(void)snprintf(why, whylen, "%s %s", option_label(row).text, what);
	return ST_MALFORMED;
}

static int
take_time(const struct option_row *row, const char *arg, uint32_t *out,
    char *why, size_t whylen)
{
	uint32_t s;

	if (num_duration_s(arg, &s) != ST_OK || s == 0 || s > TIME_MAX_S)
		return wrong(row, "takes a time of 1 second to 1 day, like "
		    "20 or 1m30s", why, whylen);
	*out = s;
	return ST_OK;
}

/* A text that has to be as manifestvalue.h wants it. */
static int
take_value(const struct option_row *row, const char *arg,
    const char *(*check)(const char *), const char **out, char *why,
    size_t whylen)
{
	const char *what = check(arg);

	if (what != NULL)
		return wrong(row, what, why, whylen);
	*out = arg;
	return ST_OK;
}

/* What a name of a load may be: it is one of a directory, too. */
static const char *
check_name(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@_+=,.-";
	size_t len = strlen(s);

	if (len > 0 && len <= PLACEPIPE_NAME_MAX && s[0] != '.' &&
	    strspn(s, letters) == len)
		return NULL;
	return "takes 1 to 64 letters, digits and @_+=,.- that do not begin "
	    "with a dot";
}

/* A path in the target: it gets into configuration of ssh and of a shell. */
static const char *
check_path(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/@_+=,.-";

	if (s[0] == '/' && strlen(s) < PLACEPIPE_PATH_MAX &&
	    strspn(s, letters) == strlen(s))
		return NULL;
	return "takes an absolute path of letters, digits and /@_+=,.-";
}

/* A path is no longer than the address of a socket. */
static const char *
check_socket(const char *s)
{
	return strlen(s) <= PLACEPIPE_SOCKET_MAX ? check_path(s) :
	    "takes a path of at most 107 bytes";
}

/* A folder of our programs there. */
static const char *
check_bin(const char *s)
{
	char why[256];

	return launch_bin_check(s, why, sizeof(why)) == ST_OK ? NULL :
	    "takes an absolute path of letters, digits and / . _ + -, without "
	    "..";
}

static const char *
check_principal(const char *s)
{
	for (const char *p = s; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '"' || *p == '#' ||
		    *p == ',' || *p == '!' || *p == '*' || *p == '?')
			return "takes one name, such as an address of mail, "
			    "without blanks, quotes and patterns";
	return s[0] != '\0' && strlen(s) <= MANIFEST_USER_MAX ? NULL :
	    "takes one name, such as an address of mail";
}

/* An URL here can be seen by all of this machine. */
static const char *
check_proxy(const char *s)
{
	const char *what = manifestvalue_proxy(s);

	if (what == NULL && strchr(s, '@') != NULL)
		return "must not hold a password, which others could see; "
		    "for one that wants it see CAVEATS in the man page";
	return what;
}

/* An argument that must not be empty. */
static const char *
check_some(const char *s)
{
	return s[0] != '\0' ? NULL : "must not be empty";
}

/* Where the argument of an option goes, and how it is checked. */
static int
take_text(struct provision_options *o, enum option_id id, const char *arg,
    char *why, size_t whylen)
{
	const struct {
		const char	**out;
		const char	*(*check)(const char *);
	} texts[IDS] = {
		[ID_MANIFEST] = { &o->manifest, check_some },
		[ID_BOTTLE] = { &o->bottle, check_some },
		[ID_NAME] = { &o->name, check_name },
		[ID_SSH_CONFIG] = { &o->ssh_config, check_some },
		[ID_SIGN_AS] = { &o->sign_as, check_principal },
		[ID_USER] = { &o->user, manifestvalue_account },
		[ID_HOME] = { &o->home, manifestvalue_home },
		[ID_SOCKET] = { &o->socket, check_socket },
		[ID_PROXY] = { &o->proxy, check_proxy },
		[ID_BIN] = { &o->bin, check_bin },
		[ID_PROGRAMS] = { &o->programs, check_some },
	};

	return take_value(&rows[id], arg, texts[id].check, texts[id].out, why,
	    whylen);
}

/* One option. */
static int
take(struct provision_options *o, enum option_id id, const char *arg,
    char *why, size_t whylen)
{
	switch (id) {
	case ID_MANIFEST:
	case ID_BOTTLE:
	case ID_NAME:
	case ID_SSH_CONFIG:
	case ID_SIGN_AS:
	case ID_USER:
	case ID_HOME:
	case ID_SOCKET:
	case ID_PROXY:
	case ID_BIN:
	case ID_PROGRAMS:
		return take_text(o, id, arg, why, whylen);
	case ID_SCAN:
		o->scan = true;
		return ST_OK;
	case ID_SCAN_VIA_TARGET:
		o->scan_via_target = true;
		return ST_OK;
	case ID_SIGN:
		o->sign = true;
		return ST_OK;
	case ID_NO_INSTALL:
		o->no_install = true;
		return ST_OK;
	case ID_NO_PROMPT:
		o->no_prompt = true;
		return ST_OK;
	case ID_TIMEOUT:
		return take_time(&rows[id], arg, &o->time_s, why, whylen);
	case ID_DRY_RUN:
		o->dry_run = true;
		return ST_OK;
	case ID_JSON:
		o->json = true;
		return ST_OK;
	case ID_VERBOSE:
		o->verbose = true;
		return ST_OK;
	case ID_HELP:
		o->command = PROVISION_HELP;
		return ST_OK;
	case ID_VERSION:
		o->command = PROVISION_VERSION;
		return ST_OK;
	case IDS:
		break;
	}
	return ST_INTERNAL;
}

/* What goes together with what. */
static const char *
conflict(const struct provision_options *o)
{
	if (o->bottle != NULL && o->manifest == NULL)
		return "--bottle goes with --manifest";
	if (o->ssh_config != NULL && o->manifest != NULL)
		return "--ssh-config goes with HOSTs, not with --manifest";
	if (o->sign_as != NULL && !o->sign)
		return "--sign-as goes with --sign";
	if (o->scan && o->scan_via_target)
		return "--scan and --scan-via-target: give one of them";
	if ((o->scan || o->scan_via_target) && o->no_prompt)
		return "--scan asks you about each key: it cannot be used "
		    "with --no-prompt";
	if (o->scan_via_target && o->dry_run)
		return "--scan-via-target runs a program in the target: it "
		    "cannot be used with --dry-run";
	if (o->programs != NULL && o->no_install)
		return "--programs and --no-install: give one of them";
	return NULL;
}

/* Targets and hosts. */
static int
take_words(struct provision_options *o, char **word, size_t n, char *why,
    size_t whylen)
{
	if (n == 0) {
		(void)snprintf(why, whylen, "name a target: bottle-provision "
		    "load %s", o->manifest != NULL ? "-f MANIFEST TARGET" :
		    "TARGET HOST ...");
		return ST_MALFORMED;
	}
	o->targets = word;
	o->n_targets = o->manifest != NULL ? n : 1;
	o->hosts = word + o->n_targets;
	o->n_hosts = n - o->n_targets;
	if (o->manifest == NULL && o->n_hosts == 0) {
		(void)snprintf(why, whylen, "name the hosts that %s is to "
		    "reach, or a manifest with -f",
		    option_show(word[0], strlen(word[0])).text);
		return ST_MALFORMED;
	}
	return ST_OK;
}

/* Options, up to the first word that is none; "--" is left there. */
static int
walk_options(struct option_walk *w, struct provision_options *out,
    bool seen[static IDS], char *why, size_t whylen)
{
	const char *arg;
	size_t id;
	int st;

	for (;;) {
		if (w->in == 0 && w->at < w->argc &&
		    strcmp(w->argv[w->at], "--") == 0)
			return ST_OK;
		st = option_next(w, &id, &arg, why, whylen);
		if (st == ST_CLOSED)
			return ST_OK;
		if (st != ST_OK)
			return st;
		if (seen[id] && id != ID_VERBOSE)
			return wrong(&rows[id], "is given twice", why, whylen);
		seen[id] = true;
		st = take(out, (enum option_id)id, arg, why, whylen);
		if (st != ST_OK || out->command != PROVISION_LOAD)
			return st;
	}
}

/* Options and words in any order, but for what is behind "--".  The words end
 * up one after the other, where the first place was. */
static int
walk_all(struct option_walk *w, struct provision_options *out,
    bool seen[static IDS], size_t *n, char *why, size_t whylen)
{
	char **word = w->argv + w->at;
	bool all = false;
	int st;

	*n = 0;
	for (;;) {
		if (!all) {
			st = walk_options(w, out, seen, why, whylen);
			if (st != ST_OK || out->command != PROVISION_LOAD)
				return st;
		}
		if (w->at == w->argc)
			return ST_OK;
		if (!all && strcmp(w->argv[w->at], "--") == 0)
			all = true;
		else
			word[(*n)++] = w->argv[w->at];
		w->at++;
	}
}

int
provision_options_parse(int argc, char **argv, struct provision_options *out,
    char *why, size_t whylen)
{
	struct option_walk w = { .table = &table, .argc = argc, .argv = argv,
		.at = 1 };
	bool seen[IDS] = { false };
	const char *what;
	char **word;
	size_t n;
	int st;

	why[0] = '\0';
	*out = (struct provision_options){ .name = NAME, .socket = SOCKET,
		.time_s = TIME_S };
	st = walk_options(&w, out, seen, why, whylen);
	if (st != ST_OK || out->command != PROVISION_LOAD)
		return st;
	if (w.at == argc || strcmp(argv[w.at], "--") == 0) {
		(void)snprintf(why, whylen, "say what to do: bottle-provision "
		    "load TARGET HOST ...");
		return ST_MALFORMED;
	}
	if (strcmp(argv[w.at], "load") != 0) {
		(void)snprintf(why, whylen, "unknown command %s; there is "
		    "load", option_show(argv[w.at],
		    strlen(argv[w.at])).text);
		return ST_MALFORMED;
	}
	for (size_t i = 0; i < IDS; i++)
		if (seen[i] && rows[i].group != GROUP_ANY)
			return wrong(&rows[i], "goes behind load", why,
			    whylen);
	w.at++;
	word = argv + w.at;
	st = walk_all(&w, out, seen, &n, why, whylen);
	if (st != ST_OK || out->command != PROVISION_LOAD)
		return st;
	if ((what = conflict(out)) != NULL) {
		(void)snprintf(why, whylen, "%s", what);
		return ST_MALFORMED;
	}
	return take_words(out, word, n, why, whylen);
}
