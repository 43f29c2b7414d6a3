#include "provision/options.h"

#include <limits.h>
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
#define ENGINE		"docker"
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
	ID_EVERY_LOAD,
	ID_PASSPHRASE_FD,
	ID_NO_LOGIN,
	ID_ALL,
	ID_LABEL,
	ID_ENGINE,
	ID_JOBS,
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
	GROUP_WHERE,
	GROUP_THERE,
	GROUP_HOW,
	GROUP_ANY,
	GROUPS
};

/* The commands that an option goes with. */
#define ON_LOAD		(1u << PROVISION_LOAD)
#define ON_WATCH	(1u << PROVISION_WATCH)
#define ON_DOCTOR	(1u << PROVISION_DOCTOR)
#define ON_STATUS	(1u << PROVISION_STATUS)
#define ON_REMOVE	(1u << PROVISION_REMOVE)
#define ON_LOCK		(1u << PROVISION_LOCK)
#define ON_UNLOCK	(1u << PROVISION_UNLOCK)
#define ON_EXPLAIN	(1u << PROVISION_EXPLAIN)
#define ON_HELP		(1u << PROVISION_HELP)
/* What puts keys there; what has to do with a user's home; what has targets. */
#define ON_LOADS	(ON_LOAD | ON_WATCH)
#define ON_HOMES	(ON_LOADS | ON_DOCTOR | ON_REMOVE)
#define ON_TARGETS	(ON_HOMES | ON_STATUS | ON_LOCK | ON_UNLOCK | \
			    ON_EXPLAIN)
#define ON_ANY		(ON_TARGETS | ON_HELP)

static const struct option_row rows[IDS] = {
	[ID_MANIFEST] = { 'f', "manifest", "FILE", GROUP_WHAT, ON_LOADS,
	    "hosts, keys and rules, see bottle-manifest(5); - is\n"
	    "stdin" },
	[ID_BOTTLE] = { 'b', "bottle", "NAME", GROUP_WHAT, ON_LOADS,
	    "which of the manifest's bottles (the only one)" },
	[ID_NAME] = { 'n', "name", "NAME", GROUP_WHAT, ON_LOADS | ON_REMOVE,
	    "of the load (" NAME "): a new one takes the place\n"
	    "of an earlier one of that name" },
	[ID_SSH_CONFIG] = { 'F', "ssh-config", "FILE", GROUP_WHAT, ON_LOADS,
	    "what ssh is asked about HOSTs with, as ssh -F" },
	[ID_SCAN] = { 0, "scan", NULL, GROUP_WHAT, ON_LOAD,
	    "ask hosts that are not known for their keys, and\n"
	    "then you" },
	[ID_SCAN_VIA_TARGET] = { 0, "scan-via-target", NULL, GROUP_WHAT,
	    ON_LOAD, "the same from within the target, which may lie" },
	[ID_SIGN] = { 0, "sign", NULL, GROUP_WHAT, ON_LOADS,
	    "the keys sign commits as well, and git is set up to\n"
	    "do so with the first of them" },
	[ID_SIGN_AS] = { 0, "sign-as", "WHO", GROUP_WHAT, ON_LOADS,
	    "with --sign: whose signatures they are, an address\n"
	    "of mail (anybody's)" },
	[ID_EVERY_LOAD] = { 0, "every-load", NULL, GROUP_WHAT, ON_REMOVE,
	    "all loads, whatever their names are" },
	[ID_PASSPHRASE_FD] = { 0, "passphrase-fd", "N", GROUP_WHAT,
	    ON_LOCK | ON_UNLOCK,
	    "read the passphrase from an open descriptor, and do\n"
	    "not ask for it" },
	[ID_NO_LOGIN] = { 0, "no-login", NULL, GROUP_WHAT, ON_DOCTOR,
	    "connect to no host, and not to the proxy" },
	[ID_ALL] = { 0, "all", NULL, GROUP_WHERE, ON_TARGETS,
	    "every container that runs, in place of TARGETs" },
	[ID_LABEL] = { 0, "label", "KEY[=VALUE]", GROUP_WHERE,
	    ON_TARGETS | OPTION_AGAIN,
	    "with --all: only those with this label; may be\n"
	    "given more than once, and all must hold" },
	[ID_ENGINE] = { 0, "engine", "NAME", GROUP_WHERE, ON_TARGETS,
	    "with --all: docker (the default), podman or nerdctl" },
	[ID_JOBS] = { 'j', "jobs", "N", GROUP_WHERE, ON_TARGETS,
	    "how many targets at once (4)" },
	[ID_USER] = { 'u', "user", "NAME", GROUP_THERE, ON_HOMES,
	    "who uses the keys (node; without one: 1000)" },
	[ID_HOME] = { 0, "home", "DIR", GROUP_THERE, ON_HOMES,
	    "the user's home (what the target's passwd says)" },
	[ID_SOCKET] = { 's', "socket", "PATH", GROUP_THERE, ON_TARGETS,
	    "the agent's socket (" SOCKET ")" },
	[ID_PROXY] = { 'p', "proxy", "URL", GROUP_THERE, ON_LOADS,
	    "http://, socks5:// or socks5h://HOST[:PORT]: the way\n"
	    "out, as seen from there; or direct" },
	[ID_BIN] = { 0, "bin", "DIR", GROUP_THERE, ON_TARGETS,
	    "where our programs are there (they are looked for)" },
	[ID_PROGRAMS] = { 0, "programs", "DIR", GROUP_HOW, ON_LOADS,
	    "static programs to put into targets without them" },
	[ID_NO_INSTALL] = { 0, "no-install", NULL, GROUP_HOW, ON_LOADS,
	    "put no programs there" },
	[ID_NO_PROMPT] = { 0, "no-prompt", NULL, GROUP_HOW, ON_LOADS,
	    "ask nobody anything: for scripts" },
	[ID_TIMEOUT] = { 0, "timeout", "TIME", GROUP_HOW, ON_TARGETS,
	    "for each step there: seconds, or like 1m30s (30)" },
	[ID_DRY_RUN] = { 0, "dry-run", NULL, GROUP_HOW, ON_LOAD,
	    "print what would be sent and written, and do nothing" },
	[ID_JSON] = { 0, "json", NULL, GROUP_HOW, ON_TARGETS,
	    "print the result as a JSON object" },
	[ID_VERBOSE] = { 'v', "verbose", NULL, GROUP_ANY,
	    ON_TARGETS | OPTION_FIRST | OPTION_AGAIN,
	    "say on stderr what is done" },
	[ID_HELP] = { 'h', "help", NULL, GROUP_ANY, ON_ANY | OPTION_FIRST,
	    "print this" },
	[ID_VERSION] = { 'V', "version", NULL, GROUP_ANY,
	    ON_ANY | OPTION_FIRST, "print the version" },
};

static const char *const titles[GROUPS] = {
	[GROUP_WHAT] = "What",
	[GROUP_WHERE] = "Which targets",
	[GROUP_THERE] = "In the target",
	[GROUP_HOW] = "How",
	[GROUP_ANY] = "Always",
};

#define USAGE(name)							\
	"usage: bottle-provision " name " [OPTION ...] TARGET ...\n"	\
	"       bottle-provision " name " [OPTION ...] --all\n\n"

static const struct option_command commands[PROVISION_COMMANDS] = {
	[PROVISION_LOAD] = { "load", "give targets the use of keys",
	    "usage: bottle-provision load [OPTION ...] TARGET HOST ...\n"
	    "       bottle-provision load [OPTION ...] -f MANIFEST TARGET ...\n"
	    "       bottle-provision load [OPTION ...] --all --label KEY\n"
	    "                             {HOST ... | -f MANIFEST}\n"
	    "\n"
	    "Gives a container the use of keys for some hosts, in one step\n"
	    "or not at all: the keys go into the memory of its agent, and\n"
	    "what ssh and git need into its user's home.\n"
	    "\n"
	    "  bottle-provision load web github.com build-box\n"
	    "  bottle-provision load -f bottle.json web\n" },
	[PROVISION_WATCH] = { "watch", "load again whenever one starts",
	    "usage: bottle-provision watch [OPTION ...] TARGET HOST ...\n"
	    "       bottle-provision watch [OPTION ...] -f MANIFEST TARGET "
	    "...\n"
	    "       bottle-provision watch [OPTION ...] --all --label KEY\n"
	    "                              {HOST ... | -f MANIFEST}\n"
	    "\n"
	    "Loads as load does, and again whenever a target has started\n"
	    "anew, until it is ended.\n" },
	[PROVISION_DOCTOR] = { "doctor", "find what is wrong, and what mends it",
	    USAGE("doctor")
	    "Looks at each link from here to a login from the target, and\n"
	    "says what is wrong and what mends it.  It changes nothing.\n" },
	[PROVISION_STATUS] = { "status",
	    "which keys targets have, and how their agents are",
	    USAGE("status")
	    "Asks the agent of each target how it is, and which keys it has:\n"
	    "their rules, how often each was used, and when last.\n" },
	[PROVISION_REMOVE] = { "remove", "take a load away",
	    USAGE("remove")
	    "Takes the keys of a load out of the agent, and its files out of\n"
	    "the user's home.\n" },
	[PROVISION_LOCK] = { "lock", "have agents refuse all until unlock",
	    USAGE("lock")
	    "Locks agents with a passphrase: they have no keys for anybody\n"
	    "until they are unlocked with it.\n" },
	[PROVISION_UNLOCK] = { "unlock", "end what lock did",
	    USAGE("unlock")
	    "Unlocks agents with the passphrase that they were locked with.\n" },
	[PROVISION_EXPLAIN] = { "explain", "what agents refused, and why",
	    USAGE("explain")
	    "Says what agents refused lately, why, and what to change if that\n"
	    "was wrong.\n" },
	[PROVISION_HELP] = { "help", "explain a command, or another topic",
	    "usage: bottle-provision help [TOPIC]\n"
	    "\n"
	    "Explains a command, or targets, manifest, rules, files or\n"
	    "exit-codes.\n" },
};

static const struct option_table whole = {
	.rows = rows,
	.n = IDS,
	.head =
	    "usage: bottle-provision COMMAND [OPTION ...] TARGET ...\n"
	    "\n"
	    "Keys of yours for containers, and all that ssh and git need for\n"
	    "them there.\n"
	    "\n"
	    "TARGET is docker:NAME or just NAME, podman:NAME, nerdctl:NAME,\n"
	    "kubectl:POD, swarm:SERVICE, local, or exec:COMMAND.  Each command\n"
	    "says more with --help, and bottle-provision help TOPIC explains.\n",
	.titles = titles,
	.groups = GROUPS,
	.commands = commands,
	.n_commands = PROVISION_COMMANDS,
	.example = "bottle-provision load TARGET HOST ..., or see --help",
};

/* With the commands that there are. */
static struct option_table
table_of(unsigned have)
{
	struct option_table t = whole;

	t.have = have;
	return t;
}

char *
provision_options_usage(enum provision_command command, unsigned have)
{
	const struct option_table table = table_of(have);

	return command == PROVISION_COMMANDS ? option_usage_commands(&table) :
	    option_usage_command(&table, command);
}

const char *
provision_options_command(enum provision_command command)
{
	return commands[command].name;
}

static int
wrong(const char *label, const char *what, char *why)
{
	(void)snprintf(why, PROVISION_WHY_MAX, "%s %s", label, what);
	return ST_MALFORMED;
}

static int
take_time(const char *label, const char *arg, uint32_t *out, char *why)
{
	uint32_t s;

	if (num_duration_s(arg, &s) != ST_OK || s == 0 || s > TIME_MAX_S)
		return wrong(label, "takes a time of 1 second to 1 day, like "
		    "20 or 1m30s", why);
	*out = s;
	return ST_OK;
}

static int
take_jobs(const char *label, const char *arg, unsigned *out, char *why)
{
	uint64_t n;

	if (num_u64(arg, 1, PROVISION_JOBS_MAX, &n) != ST_OK)
		return wrong(label, "takes a number from 1 to 64", why);
	*out = (unsigned)n;
	return ST_OK;
}

static int
take_fd(const char *label, const char *arg, int *out, char *why)
{
	uint64_t n;

	if (num_u64(arg, 0, INT_MAX, &n) != ST_OK || n == 1 || n == 2)
		return wrong(label, "takes the number of a descriptor that is "
		    "open for reading", why);
	*out = (int)n;
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

/* An account is not a target's user alone: a group may be behind it. */
static const char *
check_user(const char *s)
{
	return strlen(s) <= TARGET_USER_MAX ? manifestvalue_account(s) :
	    "takes a name of at most 128 bytes";
}

static const char *
check_engine(const char *s)
{
	return strcmp(s, "docker") == 0 || strcmp(s, "podman") == 0 ||
	    strcmp(s, "nerdctl") == 0 ? NULL :
	    "takes docker, podman or nerdctl";
}

/* KEY or KEY=VALUE, as an engine's --filter label= takes it. */
static const char *
check_label(const char *s)
{
	if (s[0] == '\0' || s[0] == '=')
		return "takes KEY or KEY=VALUE";
	if (strlen(s) > PROVISION_LABEL_MAX)
		return "takes at most 1024 bytes";
	for (const char *p = s; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return "takes no control characters";
	return NULL;
}

static int
take_label(struct provision_options *o, const char *label, const char *arg,
    char *why)
{
	const char *what = check_label(arg);

	if (what == NULL && o->n_labels == PROVISION_LABELS_MAX)
		what = "can be given 32 times";
	if (what != NULL)
		return wrong(label, what, why);
	o->labels[o->n_labels++] = arg;
	return ST_OK;
}

/* Where the argument of an option goes, and how it is checked. */
static int
take_text(struct provision_options *o, enum option_id id, const char *label,
    const char *arg, char *why)
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
		[ID_ENGINE] = { &o->engine, check_engine },
		[ID_USER] = { &o->user, check_user },
		[ID_HOME] = { &o->home, manifestvalue_home },
		[ID_SOCKET] = { &o->socket, check_socket },
		[ID_PROXY] = { &o->proxy, check_proxy },
		[ID_BIN] = { &o->bin, check_bin },
		[ID_PROGRAMS] = { &o->programs, check_some },
	};
	const char *what = texts[id].check(arg);

	if (what != NULL)
		return wrong(label, what, why);
	*texts[id].out = arg;
	return ST_OK;
}

/* What a plain switch sets; NULL for what is none. */
static bool *
switch_of(struct provision_options *o, enum option_id id)
{
	bool *const switches[IDS] = {
		[ID_SCAN] = &o->scan,
		[ID_SCAN_VIA_TARGET] = &o->scan_via_target,
		[ID_SIGN] = &o->sign,
		[ID_EVERY_LOAD] = &o->every_load,
		[ID_NO_LOGIN] = &o->no_login,
		[ID_ALL] = &o->all,
		[ID_NO_INSTALL] = &o->no_install,
		[ID_NO_PROMPT] = &o->no_prompt,
		[ID_DRY_RUN] = &o->dry_run,
		[ID_JSON] = &o->json,
		[ID_VERBOSE] = &o->verbose,
		[ID_HELP] = &o->help,
		[ID_VERSION] = &o->version,
	};

	return switches[id];
}

/* One option. */
static int
take(struct option_line *line, size_t row, const char *arg, char *why,
    size_t whylen)
{
	struct provision_options *o = line->cookie;
	enum option_id id = (enum option_id)row;
	const char *label = line->given[row].text;
	bool *set = switch_of(o, id);

	(void)whylen;
	if (set != NULL) {
		*set = true;
		return id == ID_HELP || id == ID_VERSION ? ST_CLOSED : ST_OK;
	}
	switch (id) {
	case ID_LABEL:
		return take_label(o, label, arg, why);
	case ID_JOBS:
		return take_jobs(label, arg, &o->jobs, why);
	case ID_TIMEOUT:
		return take_time(label, arg, &o->time_s, why);
	case ID_PASSPHRASE_FD:
		return take_fd(label, arg, &o->passphrase_fd, why);
	default:
		return take_text(o, id, label, arg, why);
	}
}

/* What goes together with what. */
static int
check_pairs(const struct option_line *line, char *why)
{
	static const struct {
		enum option_id	 one, other;
		bool		 needs;	/* else the two exclude each other */
		const char	*because;
	} pairs[] = {
		{ ID_BOTTLE, ID_MANIFEST, true, NULL },
		{ ID_SIGN_AS, ID_SIGN, true, NULL },
		{ ID_LABEL, ID_ALL, true, NULL },
		{ ID_ENGINE, ID_ALL, true,
		    "; one container of another engine is podman:NAME" },
		{ ID_SSH_CONFIG, ID_MANIFEST, false,
		    "only HOSTs are looked up there" },
		{ ID_SCAN, ID_SCAN_VIA_TARGET, false, NULL },
		{ ID_SCAN, ID_NO_PROMPT, false, "you are asked about each key" },
		{ ID_SCAN_VIA_TARGET, ID_NO_PROMPT, false,
		    "you are asked about each key" },
		{ ID_SCAN_VIA_TARGET, ID_DRY_RUN, false,
		    "it runs a program in the target" },
		{ ID_SCAN_VIA_TARGET, ID_ALL, false, "it takes one target" },
		{ ID_PROGRAMS, ID_NO_INSTALL, false, NULL },
		{ ID_NAME, ID_EVERY_LOAD, false, NULL },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		const struct option_label one = option_said(line, pairs[i].one),
		    other = option_said(line, pairs[i].other);
		bool has = line->given[pairs[i].other].text[0] != '\0';

		if (line->given[pairs[i].one].text[0] == '\0' ||
		    has == pairs[i].needs)
			continue;
		if (pairs[i].needs)
			(void)snprintf(why, PROVISION_WHY_MAX,
			    "%s goes with %s%s", one.text, other.text,
			    pairs[i].because != NULL ? pairs[i].because : "");
		else
			(void)snprintf(why, PROVISION_WHY_MAX, "%s and %s: %s",
			    one.text, other.text, pairs[i].because != NULL ?
			    pairs[i].because : "give one of them");
		return ST_MALFORMED;
	}
	return ST_OK;
}

static bool
is_load(const struct provision_options *o)
{
	return o->command == PROVISION_LOAD || o->command == PROVISION_WATCH;
}

/* Refuse --all where keys would go into, or out of, whatever runs here. */
static int
check_all(const struct provision_options *o, char *why)
{
	if (!o->all || o->n_labels > 0 ||
	    !(is_load(o) || o->command == PROVISION_REMOVE))
		return ST_OK;
	(void)snprintf(why, PROVISION_WHY_MAX, "%s --all means every container "
	    "of this machine; say which with --label KEY or --label KEY=VALUE",
	    commands[o->command].name);
	return ST_MALFORMED;
}

/* What is to be named and was not. */
static int
nothing_named(const struct provision_options *o, char *why)
{
	const char *name = commands[o->command].name;

	if (!is_load(o))
		(void)snprintf(why, PROVISION_WHY_MAX, "name a target: "
		    "bottle-provision %s TARGET ..., or --all", name);
	else
		(void)snprintf(why, PROVISION_WHY_MAX, "name a target: "
		    "bottle-provision %s %s", name, o->manifest != NULL ?
		    "-f MANIFEST TARGET" : "TARGET HOST ...");
	return ST_MALFORMED;
}

/* Words where keys are loaded: targets, and hosts unless a manifest has
 * them. */
static int
take_load_words(struct provision_options *o, char *why)
{
	size_t n = o->n_targets;

	if (o->manifest != NULL)
		return ST_OK;
	if (!o->all)
		o->n_targets = 1;
	else
		o->n_targets = 0;
	o->hosts = o->targets + o->n_targets;
	o->n_hosts = n - o->n_targets;
	if (o->n_hosts > 0)
		return ST_OK;
	if (o->all)
		(void)snprintf(why, PROVISION_WHY_MAX, "name the hosts that "
		    "they are to reach, or a manifest with -f");
	else
		(void)snprintf(why, PROVISION_WHY_MAX, "name the hosts that %s "
		    "is to reach, or a manifest with -f",
		    option_show(o->targets[0], strlen(o->targets[0])).text);
	return ST_MALFORMED;
}

/* Targets and hosts, or a topic. */
static int
take_words(struct provision_options *o, char **words, size_t n, char *why)
{
	int st;

	if (o->command == PROVISION_HELP) {
		o->topic = n > 0 ? words[0] : NULL;
		if (n <= 1)
			return ST_OK;
		(void)snprintf(why, PROVISION_WHY_MAX,
		    "too many words: bottle-provision help [TOPIC]");
		return ST_MALFORMED;
	}
	if ((st = check_all(o, why)) != ST_OK)
		return st;
	if (n == 0 && !o->all)
		return nothing_named(o, why);
	o->targets = words;
	o->n_targets = n;
	if (is_load(o) && (st = take_load_words(o, why)) != ST_OK)
		return st;
	if (!o->all || o->n_targets == 0)
		return ST_OK;
	(void)snprintf(why, PROVISION_WHY_MAX, "--all and %s: name targets, or "
	    "say --all", option_show(words[0], strlen(words[0])).text);
	return ST_MALFORMED;
}

int
provision_options_parse(int argc, char **argv, unsigned have,
    struct provision_options *out, char why[static PROVISION_WHY_MAX])
{
	const struct option_table table = table_of(have);
	struct option_line line = { .table = &table, .argc = argc,
		.argv = argv, .mixed = true, .take = take, .cookie = out };
	int st;

	*out = (struct provision_options){ .name = NAME, .socket = SOCKET,
		.engine = ENGINE, .jobs = PROVISION_JOBS, .time_s = TIME_S,
		.passphrase_fd = -1, .have = have };
	st = option_line_parse(&line, why, PROVISION_WHY_MAX);
	out->command = (enum provision_command)line.command;
	if (st != ST_OK)
		return st == ST_CLOSED ? ST_OK : st;
	if ((st = check_pairs(&line, why)) != ST_OK)
		return st;
	return take_words(out, line.words, line.n_words, why);
}
