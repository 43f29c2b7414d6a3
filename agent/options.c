/*
 * One table holds every option: its names, its argument, its help and the
 * commands that it goes with.  The parser, --help and most of the checks read
 * it, so they cannot disagree.
 *
 * getopt_long() would take any unambiguous beginning of a long option.  Ours
 * are written in full: a script that says --mem must not break on the day
 * that a second option begins like that.
 */

#include "agent/options.h"

#include <assert.h>
#include <ctype.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "proto/extension.h"
#include "proto/reply.h"

/* Largest region that --memory-size takes, in bytes. */
#define MEMORY_SIZE_MAX		(1024u * 1024 * 1024)
/* Longest option name that a misspelt one is compared with. */
#define NAME_MAX_LEN		32
/* A name this many edits away is offered as the one that was meant. */
#define NEAR_MAX		2
/* What getopt_long() returns for row i when the long name was used. */
#define LONG_VALUE		256
/* Column in which --help begins to explain. */
#define HELP_COLUMN		28

/* The commands that an option goes with. */
#define ON_SERVE	(1u << COMMAND_SERVE)
#define ON_KILL		(1u << COMMAND_KILL)
#define ON_LOAD		(1u << COMMAND_LOAD)
#define ON_STATUS	(1u << COMMAND_STATUS)
#define ON_ANY		(ON_SERVE | ON_KILL | ON_LOAD | ON_STATUS)

enum group {
	GROUP_COMMAND,
	GROUP_SSH_AGENT,
	GROUP_SERVICE,
	GROUP_MEMORY,
	GROUP_LOAD,
	GROUP_STATUS,
	GROUPS
};

enum id {
	ID_LOAD,
	ID_STATUS,
	ID_KILL,
	ID_HELP,
	ID_VERSION_ERR,
	ID_VERSION,
	ID_SOCKET,
	ID_CSH,
	ID_SH,
	ID_FOREGROUND,
	ID_DEBUG,
	ID_LIFETIME,
	ID_TMP_SOCKET,
	ID_PUBLIC,
	ID_ALLOW,
	ID_ALLOW_SHARED_DIR,
	ID_LEGACY_RSA,
	ID_READY_FD,
	ID_MEMORY,
	ID_MEMORY_SIZE,
	ID_ALLOW_UNLOCKED,
	ID_HARDENING,
	ID_EXPECT,
	ID_NAME,
	ID_JSON,
	IDS
};

struct row {
	char		 letter;	/* 0: none */
	const char	*name;		/* NULL: none */
	const char	*arg;		/* NULL: takes none */
	enum group	 group;
	unsigned	 commands;	/* ON_* */
	const char	*help;		/* lines, without the last newline */
};

static const char *const group_title[GROUPS] = {
	[GROUP_COMMAND]   = "What to do (without one of these: serve)",
	[GROUP_SSH_AGENT] = "As in ssh-agent",
	[GROUP_SERVICE]   = "Serving others",
	[GROUP_MEMORY]    = "Protection of keys",
	[GROUP_LOAD]      = "With --load",
	[GROUP_STATUS]    = "With --status",
};

static const struct row rows[IDS] = {
	[ID_LOAD] = { 0, "load", NULL, GROUP_COMMAND, ON_LOAD,
	    "take private keys from stdin into the agent, all\n"
	    "or none; start an agent if none serves the socket" },
	[ID_STATUS] = { 0, "status", NULL, GROUP_COMMAND, ON_STATUS,
	    "ask the agent how it is" },
	[ID_KILL] = { 'k', NULL, NULL, GROUP_COMMAND, ON_KILL,
	    "end the agent whose pid is in $SSH_AGENT_PID" },
	[ID_HELP] = { 'h', "help", NULL, GROUP_COMMAND, ON_ANY,
	    "print this" },
	[ID_VERSION_ERR] = { 'V', NULL, NULL, GROUP_COMMAND, ON_ANY,
	    "print the version on stderr" },
	[ID_VERSION] = { 0, "version", NULL, GROUP_COMMAND, ON_ANY,
	    "print the version on stdout" },

	[ID_SOCKET] = { 'a', "socket", "PATH", GROUP_SSH_AGENT, ON_ANY,
	    "the agent's socket" },
	[ID_CSH] = { 'c', NULL, NULL, GROUP_SSH_AGENT, ON_SERVE | ON_KILL,
	    "print commands for csh" },
	[ID_SH] = { 's', NULL, NULL, GROUP_SSH_AGENT, ON_SERVE | ON_KILL,
	    "print commands for a Bourne shell" },
	[ID_FOREGROUND] = { 'D', NULL, NULL, GROUP_SSH_AGENT,
	    ON_SERVE | ON_KILL,
	    "stay in the foreground" },
	[ID_DEBUG] = { 'd', NULL, NULL, GROUP_SSH_AGENT, ON_SERVE | ON_KILL,
	    "as -D, and log more" },
	[ID_LIFETIME] = { 't', NULL, "LIFE", GROUP_SSH_AGENT,
	    ON_SERVE | ON_KILL | ON_LOAD,
	    "lifetime of keys added without one (--load: of\n"
	    "those loaded): seconds, or like 1h30m; 0: no end" },
	[ID_TMP_SOCKET] = { 'T', NULL, NULL, GROUP_SSH_AGENT,
	    ON_SERVE | ON_KILL,
	    "put the socket in a new directory in $TMPDIR" },

	[ID_PUBLIC] = { 0, "public", NULL, GROUP_SERVICE, ON_SERVE | ON_LOAD,
	    "a socket that every user can connect to (mode 666);\n"
	    "who may do what is said by --allow" },
	[ID_ALLOW] = { 0, "allow", "PEER=OPS", GROUP_SERVICE,
	    ON_SERVE | ON_LOAD,
	    "what a peer may do; may be given more than once.\n"
	    "PEER: user name, uid or @group; OPS: some of\n"
	    "list,sign,add,remove,lock,admin, or none" },
	[ID_ALLOW_SHARED_DIR] = { 0, "allow-shared-dir", NULL, GROUP_SERVICE,
	    ON_SERVE | ON_LOAD,
	    "accept a socket directory that others can change" },
	[ID_LEGACY_RSA] = { 0, "legacy-rsa", NULL, GROUP_SERVICE,
	    ON_SERVE | ON_LOAD,
	    "make RSA signatures with SHA-1 where they are asked\n"
	    "for" },
	[ID_READY_FD] = { 0, "ready-fd", "N", GROUP_SERVICE, ON_SERVE,
	    "write a newline to descriptor N when serving" },

	[ID_MEMORY] = { 0, "memory", "KIND", GROUP_MEMORY, ON_SERVE | ON_LOAD,
	    "auto (the better that can be had), secret\n"
	    "(memfd_secret) or mlock" },
	[ID_MEMORY_SIZE] = { 0, "memory-size", "BYTES", GROUP_MEMORY,
	    ON_SERVE | ON_LOAD,
	    "how much to lock, also as 512K or 2M (half of\n"
	    "RLIMIT_MEMLOCK, at most 4M)" },
	[ID_ALLOW_UNLOCKED] = { 0, "allow-unlocked-memory", NULL, GROUP_MEMORY,
	    ON_SERVE | ON_LOAD,
	    "go on where no memory can be locked" },

	[ID_HARDENING] = { 0, "hardening", "HOW", GROUP_MEMORY,
	    ON_SERVE | ON_LOAD,
	    "strict: do not start where the system refuses a\n"
	    "step of protection; best-effort: go on without" },

	[ID_EXPECT] = { 0, "expect", "N", GROUP_LOAD, ON_LOAD,
	    "load nothing unless there are exactly N keys" },
	[ID_NAME] = { 0, "name", "NAME", GROUP_LOAD, ON_LOAD,
	    "replace what was loaded under this name" },

	[ID_JSON] = { 0, "json", NULL, GROUP_STATUS, ON_STATUS,
	    "print JSON" },
};

static const char usage_head[] =
    "usage: bottle-agent [-c | -s] [-DdT] [-a PATH] [-t LIFE] [OPTION ...]\n"
    "       bottle-agent [-T] [-a PATH] [-t LIFE] [OPTION ...] "
    "COMMAND [ARG ...]\n"
    "       bottle-agent [-c | -s] -k\n"
    "       bottle-agent --load [-a PATH] [OPTION ...] < KEYS\n"
    "       bottle-agent --status [-a PATH] [--json]\n";

/* One run of options_parse(). */
struct parse {
	struct agent_options	*opts;
	bool			 seen[IDS];
	char			*why;
	size_t			 whylen;
};

/* Say what is wrong; the status to return. */
static int wrong(struct parse *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

static int
wrong(struct parse *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(p->why, p->whylen, fmt, ap);
	va_end(ap);
	return ST_MALFORMED;
}

/* A row as messages call it: "-a" or "--public". */
struct label {
	char	 text[NAME_MAX_LEN + 3];
};

static struct label
row_label(enum id id)
{
	struct label l;

	if (rows[id].letter != 0)
		(void)snprintf(l.text, sizeof(l.text), "-%c",
		    rows[id].letter);
	else
		(void)snprintf(l.text, sizeof(l.text), "--%s",
		    rows[id].name);
	return l;
}

/* How many characters must be changed, put in or left out: Levenshtein. */
static size_t
edit_distance(const char *a, size_t alen, const char *b)
{
	size_t row[NAME_MAX_LEN + 1];
	size_t blen = strlen(b);
	size_t i, j;

	assert(blen <= NAME_MAX_LEN);
	for (j = 0; j <= blen; j++)
		row[j] = j;
	for (i = 1; i <= alen; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (j = 1; j <= blen; j++) {
			size_t best = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			if (corner + 1 < best)
				best = corner + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[blen];
}

/* The long option that was most likely meant, or NULL. */
static const char *
nearest_name(const char *name, size_t len)
{
	const char *found = NULL;
	size_t best = NEAR_MAX + 1;
	size_t i, d;

	if (len < 3 || len > NAME_MAX_LEN)
		return NULL;
	for (i = 0; i < IDS; i++) {
		if (rows[i].name == NULL)
			continue;
		/* A beginning counts as near, whatever is missing. */
		d = edit_distance(name, len, rows[i].name);
		if (d > 1 && strncmp(name, rows[i].name, len) == 0)
			d = 1;
		if (d < best) {
			best = d;
			found = rows[i].name;
		}
	}
	return found;
}

/* Refuse the word ${word}, which begins with two dashes. */
static int
unknown_long(struct parse *p, const char *word)
{
	size_t len = strcspn(word + 2, "=");
	const char *near = nearest_name(word + 2, len);
	char shown[4 * NAME_MAX_LEN + 1];
	struct text t;

	p->opts->ours = true;
	text_init(&t, shown, sizeof(shown));
	text_escape(&t, word + 2, len < NAME_MAX_LEN ? len : NAME_MAX_LEN);
	if (near != NULL)
		return wrong(p, "unknown option --%s; did you mean --%s?",
		    shown, near);
	return wrong(p, "unknown option --%s; see --help", shown);
}

/* Refuse the single letter ${c}. */
static int
unknown_letter(struct parse *p, int c)
{
	char byte = (char)c;
	char shown[8];
	struct text t;

	text_init(&t, shown, sizeof(shown));
	text_escape(&t, &byte, 1);
	return wrong(p, "unknown option -%s; see --help", shown);
}

/* A number for ${id} in a range. */
static int
take_number(struct parse *p, enum id id, const char *arg, uint64_t min,
    uint64_t max, uint64_t *out)
{
	if (num_u64(arg, min, max, out) == ST_OK)
		return ST_OK;
	return wrong(p, "%s takes a number from %llu to %llu",
	    row_label(id).text, (unsigned long long)min,
	    (unsigned long long)max);
}

/* --memory-size: a number that may end in K or M. */
static int
take_size(struct parse *p, const char *arg, size_t *out)
{
	char digits[24];
	size_t len = strlen(arg);
	uint64_t unit = 1;
	uint64_t n;

	if (len > 0 && strchr("kKmM", arg[len - 1]) != NULL) {
		unit = toupper((unsigned char)arg[len - 1]) == 'K' ? 1024 :
		    1024 * 1024;
		len--;
	}
	if (len >= sizeof(digits))
		goto bad;
	memcpy(digits, arg, len);
	digits[len] = '\0';
	if (num_u64(digits, 1, MEMORY_SIZE_MAX / unit, &n) != ST_OK ||
	    n * unit < SECRET_SIZE_MIN)
		goto bad;
	*out = (size_t)(n * unit);
	return ST_OK;
bad:
	return wrong(p, "--memory-size takes bytes, or a number with K or M, "
	    "from %uK to %uM", SECRET_SIZE_MIN / 1024,
	    MEMORY_SIZE_MAX / (1024 * 1024));
}

/* --memory: a kind by its name. */
static int
take_memory(struct parse *p, const char *arg, enum secret_backing *out)
{
	if (strcmp(arg, "auto") == 0)
		*out = SECRET_AUTO;
	else if (strcmp(arg, "secret") == 0)
		*out = SECRET_MEMFD;
	else if (strcmp(arg, "mlock") == 0)
		*out = SECRET_MLOCK;
	else
		return wrong(p, "--memory takes auto, secret or mlock");
	return ST_OK;
}

/* --hardening: by its name. */
static int
take_hardening(struct parse *p, const char *arg)
{
	p->opts->strict = strcmp(arg, "strict") == 0;
	if (p->opts->strict || strcmp(arg, "best-effort") == 0)
		return ST_OK;
	return wrong(p, "--hardening takes strict or best-effort");
}

/* --allow: kept for the policy, which knows users and operations. */
static int
take_allow(struct parse *p, const char *arg)
{
	struct agent_options *o = p->opts;
	const char *equals = strchr(arg, '=');

	if (equals == NULL || equals == arg || equals[1] == '\0')
		return wrong(p, "--allow takes PEER=OPS, for example "
		    "--allow node=list,sign");
	if (o->n_allow == OPTIONS_ALLOW_MAX)
		return wrong(p, "more than %d --allow", OPTIONS_ALLOW_MAX);
	o->allow[o->n_allow++] = arg;
	return ST_OK;
}

/* An argument that is kept as it is, of 1 to ${max} bytes. */
static int
take_word(struct parse *p, enum id id, const char *arg, size_t max,
    const char **out)
{
	size_t len = strlen(arg);

	if (len == 0)
		return wrong(p, "%s must not be empty", row_label(id).text);
	if (len > max)
		return wrong(p, "%s takes at most %zu bytes",
		    row_label(id).text, max);
	*out = arg;
	return ST_OK;
}

/* Take the argument ${arg} of the option ${id}. */
static int
take_argument(struct parse *p, enum id id, const char *arg)
{
	struct agent_options *o = p->opts;
	uint64_t n;
	int st;

	switch (id) {
	case ID_SOCKET:
		return take_word(p, id, arg, PATH_MAX - 1, &o->socket);
	case ID_NAME:
		return take_word(p, id, arg, LOAD_NAME_MAX, &o->name);
	case ID_ALLOW:
		return take_allow(p, arg);
	case ID_MEMORY:
		return take_memory(p, arg, &o->memory.want);
	case ID_HARDENING:
		return take_hardening(p, arg);
	case ID_MEMORY_SIZE:
		return take_size(p, arg, &o->memory.size);
	case ID_LIFETIME:
		if (num_duration_s(arg, &o->lifetime_s) != ST_OK)
			return wrong(p, "Invalid lifetime");
		o->has_lifetime = o->lifetime_s != 0;
		return ST_OK;
	case ID_READY_FD:
		/* 0 to 2 become /dev/null in the background. */
		st = take_number(p, id, arg, 3, INT_MAX, &n);
		if (st == ST_OK)
			o->ready_fd = (int)n;
		return st;
	case ID_EXPECT:
		st = take_number(p, id, arg, 1, REPLY_IDENTITIES_MAX, &n);
		if (st == ST_OK) {
			o->has_expect = true;
			o->expect = (uint32_t)n;
		}
		return st;
	default:
		/* The table has an argument that is not taken above. */
		abort();
	}
}

/* What a plain switch sets; NULL for one that chooses the command. */
static bool *
switch_of(struct agent_options *o, enum id id)
{
	switch (id) {
	case ID_VERSION_ERR:
		return &o->version_stderr;
	case ID_CSH:
		return &o->csh;
	case ID_SH:
		return &o->sh;
	case ID_FOREGROUND:
		return &o->foreground;
	case ID_DEBUG:
		return &o->debug;
	case ID_TMP_SOCKET:
		return &o->tmp_socket;
	case ID_PUBLIC:
		return &o->public;
	case ID_ALLOW_SHARED_DIR:
		return &o->allow_shared_dir;
	case ID_LEGACY_RSA:
		return &o->legacy_rsa;
	case ID_ALLOW_UNLOCKED:
		return &o->memory.allow_unlocked;
	case ID_JSON:
		return &o->json;
	default:
		return NULL;
	}
}

/* Take the option ${id}, which has no argument. */
static void
take_switch(struct agent_options *o, enum id id)
{
	bool *set = switch_of(o, id);

	if (set != NULL)
		*set = true;
	if (id == ID_LOAD)
		o->command = COMMAND_LOAD;
	else if (id == ID_STATUS)
		o->command = COMMAND_STATUS;
	else if (id == ID_KILL)
		o->command = COMMAND_KILL;
	else if (id == ID_HELP)
		o->command = COMMAND_HELP;
	else if (id == ID_VERSION || id == ID_VERSION_ERR)
		o->command = COMMAND_VERSION;
	else
		assert(set != NULL);
	if (id == ID_DEBUG)
		o->foreground = true;
}

/* The row of a short option; IDS when there is none. */
static enum id
find_letter(int c)
{
	enum id id;

	for (id = 0; id < IDS; id++)
		if (c != 0 && rows[id].letter == c)
			return id;
	return IDS;
}

/* What getopt_long() is told, made from the table. */
struct getopt_words {
	char		 letters[2 * IDS + 3];
	struct option	 longs[IDS + 1];
};

static void
make_words(struct getopt_words *w)
{
	char *l = w->letters;
	size_t n = 0;
	int i;

	/* +: stop at the first word that is no option; ':': tell a missing
	 * argument from an unknown option. */
	*l++ = '+';
	*l++ = ':';
	memset(w->longs, 0, sizeof(w->longs));
	for (i = 0; i < IDS; i++) {
		if (rows[i].letter != 0) {
			*l++ = rows[i].letter;
			if (rows[i].arg != NULL)
				*l++ = ':';
		}
		if (rows[i].name != NULL) {
			w->longs[n].name = rows[i].name;
			w->longs[n].has_arg = rows[i].arg != NULL ?
			    required_argument : no_argument;
			w->longs[n].val = LONG_VALUE + i;
			n++;
		}
	}
	*l = '\0';
}

/* Sort out why getopt_long() refused the word ${word} with ${c}. */
static int
refuse(struct parse *p, int c, const char *word)
{
	bool is_long = optopt == 0 || optopt >= LONG_VALUE;
	enum id id;

	if (is_long && optopt == 0)
		return unknown_long(p, word);
	id = is_long ? (enum id)(optopt - LONG_VALUE) : find_letter(optopt);
	if (id == IDS)
		return unknown_letter(p, optopt);
	if (is_long) {
		p->opts->ours = true;
		if (strlen(rows[id].name) != strcspn(word + 2, "="))
			return unknown_long(p, word);
	}
	if (c == ':')
		return wrong(p, "%s needs %s", row_label(id).text,
		    rows[id].arg);
	return wrong(p, "--%s takes no value", rows[id].name);
}

/* Take one option as getopt_long() found it in the word ${word}. */
static int
take(struct parse *p, int c, const char *word)
{
	enum id id;

	if (c == '?' || c == ':')
		return refuse(p, c, word);
	if (c >= LONG_VALUE) {
		id = (enum id)(c - LONG_VALUE);
		p->opts->ours = true;
		if (strlen(rows[id].name) != strcspn(word + 2, "="))
			return unknown_long(p, word);
	} else {
		id = find_letter(c);
		assert(id != IDS);
	}

	if (p->seen[id] && id != ID_ALLOW)
		return wrong(p, "%s given twice", row_label(id).text);
	p->seen[id] = true;
	if (rows[id].arg != NULL)
		return take_argument(p, id, optarg);
	take_switch(p->opts, id);
	return ST_OK;
}

/* Whether both were given; ${p} then says so. */
static bool
both(struct parse *p, enum id a, enum id b)
{
	if (!p->seen[a] || !p->seen[b])
		return false;
	(void)wrong(p, "%s and %s exclude each other", row_label(a).text,
	    row_label(b).text);
	return true;
}

/* Every option must go with the command. */
static int
check_commands(struct parse *p)
{
	unsigned command = 1u << p->opts->command;
	enum id id;

	for (id = 0; id < IDS; id++) {
		if (!p->seen[id] || (rows[id].commands & command) != 0)
			continue;
		if (rows[id].commands == ON_LOAD)
			return wrong(p, "%s goes with --load only",
			    row_label(id).text);
		if (rows[id].commands == ON_STATUS)
			return wrong(p, "%s goes with --status only",
			    row_label(id).text);
		return wrong(p, "%s does not go with %s", row_label(id).text,
		    p->seen[ID_LOAD] ? "--load" :
		    p->seen[ID_STATUS] ? "--status" : "-k");
	}
	return ST_OK;
}

/* COMMAND is for ssh-agent's way of serving, and for nothing else. */
static int
check_run(struct parse *p)
{
	static const enum id never[] = {
		ID_LOAD, ID_STATUS, ID_KILL, ID_CSH, ID_SH, ID_FOREGROUND,
		ID_DEBUG,
	};
	const struct agent_options *o = p->opts;
	size_t i;

	if (o->run == NULL)
		return ST_OK;
	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (p->seen[never[i]])
			return wrong(p, "%s takes no COMMAND",
			    row_label(never[i]).text);
	if (o->service)
		return wrong(p, "%s takes no COMMAND",
		    o->public ? "--public" : "--allow");
	return ST_OK;
}

/* What does not go together. */
static int
check_combinations(struct parse *p)
{
	const struct agent_options *o = p->opts;
	int st;

	if (both(p, ID_LOAD, ID_STATUS) || both(p, ID_LOAD, ID_KILL) ||
	    both(p, ID_STATUS, ID_KILL) || both(p, ID_CSH, ID_SH) ||
	    both(p, ID_FOREGROUND, ID_DEBUG))
		return ST_MALFORMED;
	if ((st = check_commands(p)) != ST_OK)
		return st;
	if (o->public && o->n_allow == 0)
		return wrong(p, "--public needs at least one --allow, for "
		    "example --allow node=list,sign");
	if (o->service && o->tmp_socket)
		return wrong(p, "-T makes a directory that only its owner can "
		    "enter; with --public or --allow name the socket by "
		    "--socket");
	if (o->allow_shared_dir && !o->service && o->command == COMMAND_SERVE)
		return wrong(p, "--allow-shared-dir needs --public or "
		    "--allow");
	return check_run(p);
}

int
options_parse(int argc, char **argv, struct agent_options *out, char *why,
    size_t whylen)
{
	struct parse p = { .opts = out, .why = why, .whylen = whylen };
	struct getopt_words words;
	int at, c, st;

	assert(whylen > 0);
	why[0] = '\0';
	*out = (struct agent_options){ .ready_fd = -1 };
	make_words(&words);

	/* 0 makes getopt() forget an earlier run. */
	optind = 0;
	opterr = 0;
	for (;;) {
		at = optind > 0 ? optind : 1;
		c = getopt_long(argc, argv, words.letters, words.longs, NULL);
		if (c == -1)
			break;
		if ((st = take(&p, c, argv[at])) != ST_OK)
			return st;
		if (out->command == COMMAND_HELP ||
		    out->command == COMMAND_VERSION)
			return ST_OK;
	}
	if (optind > 0 && optind < argc)
		out->run = argv + optind;

	out->service = out->public || out->n_allow > 0;
	/* Who asks for nothing of ours gets what ssh-agent would do: serve. */
	if (!p.seen[ID_HARDENING])
		out->strict = out->service || out->command == COMMAND_LOAD;
	return check_combinations(&p);
}

/* One option with its explanation. */
static void
print_row(FILE *f, const struct row *r)
{
	const char *line = r->help;
	int col;

	if (r->letter != 0)
		col = fprintf(f, "  -%c%s", r->letter,
		    r->name != NULL ? ", " : "");
	else
		col = fprintf(f, "      ");
	if (r->name != NULL)
		col += fprintf(f, "--%s", r->name);
	if (r->arg != NULL)
		col += fprintf(f, " %s", r->arg);

	if (col >= HELP_COLUMN) {
		(void)fputc('\n', f);
		col = 0;
	}
	while (line != NULL) {
		const char *end = strchr(line, '\n');
		int len = (int)(end != NULL ? (size_t)(end - line) :
		    strlen(line));

		(void)fprintf(f, "%*s%.*s\n", HELP_COLUMN - col, "", len,
		    line);
		col = 0;
		line = end != NULL ? end + 1 : NULL;
	}
}

char *
options_usage(void)
{
	char *text = NULL;
	size_t len = 0;
	enum group g;
	size_t i;
	bool bad;
	FILE *f;

	if ((f = open_memstream(&text, &len)) == NULL)
		return NULL;
	(void)fputs(usage_head, f);
	for (g = 0; g < GROUPS; g++) {
		(void)fprintf(f, "\n%s:\n", group_title[g]);
		for (i = 0; i < IDS; i++)
			if (rows[i].group == g)
				print_row(f, &rows[i]);
	}
	bad = ferror(f) != 0;
	if (fclose(f) != 0 || bad) {
		free(text);
		return NULL;
	}
	return text;
}

int
options_usage_exit(const struct agent_options *opts)
{
	return opts->ours ? EXIT_USAGE : EXIT_FAILED;
}
