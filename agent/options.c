/*
 * The parser.  What the options are is said in optiontable.c.
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

#include "agent/optiontable.h"
#include "base/num.h"
#include "base/text.h"
#include "base/workers.h"
#include "proto/constraint.h"
#include "proto/extension.h"
#include "proto/reply.h"

/* Largest region that --memory-size takes, in bytes. */
#define MEMORY_SIZE_MAX		(1024u * 1024 * 1024)
/* What getopt_long() returns for row i when the long name was used. */
#define LONG_VALUE		256
/* How -O begins that has a list. */
#define WEBSAFE_ALLOW		"websafe-allow="

/* One run of options_parse(). */
struct parse {
	struct agent_options	*opts;
	bool			 seen[IDS];
	struct option_label	 typed[IDS];	/* as it stands there */
	enum option_id		 twice;	/* the first that came again, or IDS */
	char			*why;
	size_t			 whylen;
};

/* What to call an option: as it was typed, where it was. */
static struct option_label
label(const struct parse *p, enum option_id id)
{
	return p->typed[id].text[0] != '\0' ? p->typed[id] :
	    optiontable_label(id);
}

/* Remember how an option was typed. */
static void
note_typed(struct parse *p, enum option_id id, bool is_long)
{
	struct option_label *l = &p->typed[id];

	if (is_long)
		(void)snprintf(l->text, sizeof(l->text), "--%s",
		    optiontable[id].name);
	else
		*l = optiontable_label(id);
}

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

/* The same for what ssh-agent does not even explain its usage after. */
static int
fatal(struct parse *p)
{
	p->opts->fatal = true;
	return ST_MALFORMED;
}

/* Refuse the word ${word}, which begins with two dashes. */
static int
unknown_long(struct parse *p, const char *word)
{
	size_t len = strcspn(word + 2, "=");
	const char *near = optiontable_nearest(word + 2, len);

	p->opts->ours = true;
	if (near != NULL)
		return wrong(p, "unknown option --%s; did you mean --%s?",
		    option_show(word + 2, len).text, near);
	return wrong(p, "unknown option --%s; see --help",
	    option_show(word + 2, len).text);
}

/* Whether a long option is called like the ${len} bytes at ${name}. */
static bool
is_long_name(const char *name, size_t len)
{
	const char *near = optiontable_nearest(name, len);

	return near != NULL && strlen(near) == len &&
	    memcmp(near, name, len) == 0;
}

/* Refuse the letter ${c} in ${word}, which may be a long name with a dash too
 * few. */
static int
unknown_letter(struct parse *p, int c, const char *word)
{
	size_t len = strcspn(word + 1, "=");
	char byte = (char)c;

	if (word[0] == '-' && word[1] == byte && is_long_name(word + 1, len))
		return wrong(p, "unknown option -%.*s; did you mean --%.*s?",
		    (int)len, word + 1, (int)len, word + 1);
	return wrong(p, "unknown option -%s; see --help",
	    option_show(&byte, 1).text);
}

/* A number for ${id} in a range. */
static int
take_number(struct parse *p, enum option_id id, const char *arg, uint64_t min,
    uint64_t max, uint64_t *out)
{
	if (num_u64(arg, min, max, out) == ST_OK)
		return ST_OK;
	return wrong(p, "%s takes a number from %llu to %llu",
	    label(p, id).text, (unsigned long long)min,
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

/* --forwarded: by its name. */
static int
take_forwarded(struct parse *p, const char *arg)
{
	p->opts->forwarded = strcmp(arg, "allow") == 0;
	if (p->opts->forwarded || strcmp(arg, "deny") == 0)
		return ST_OK;
	return wrong(p, "--forwarded takes deny or allow");
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

/* How many bytes of ${list} the word at its beginning has; 0 when it is not
 * one. */
static size_t
word_length(const char *list, size_t max)
{
	size_t len = strcspn(list, ",");
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)list[i] <= ' ' || list[i] == 0x7f)
			return 0;
	return len <= max ? len : 0;
}

/* A list of words with commas between them. */
static int
check_list(const char *list, size_t n_max, size_t len_max)
{
	size_t len, n = 0;

	for (;; list++) {
		if ((len = word_length(list, len_max)) == 0)
			return ST_MALFORMED;
		if (++n > n_max)
			return ST_TOO_LARGE;
		list += len;
		if (*list == '\0')
			return ST_OK;
	}
}

/* --purpose: a list, kept as it is once it was looked through. */
static int
take_purposes(struct parse *p, const char *arg)
{
	int st = check_list(arg, CONSTRAINT_PURPOSES_MAX,
	    CONSTRAINT_PURPOSE_MAX);

	p->opts->purposes = arg;
	if (st == ST_TOO_LARGE)
		return wrong(p, "--purpose takes at most %d purposes",
		    CONSTRAINT_PURPOSES_MAX);
	return st == ST_OK ? ST_OK : wrong(p, "--purpose takes auth, any and "
	    "namespaces of at most %d bytes, with commas and no blanks "
	    "between them, for example --purpose auth,git",
	    CONSTRAINT_PURPOSE_MAX);
}

/* --peers: likewise. */
static int
take_peers(struct parse *p, const char *arg)
{
	int st = check_list(arg, CONSTRAINT_PEERS_MAX, CONSTRAINT_PEER_MAX);

	p->opts->peers = arg;
	if (st == ST_TOO_LARGE)
		return wrong(p, "--peers takes at most %d peers",
		    CONSTRAINT_PEERS_MAX);
	return st == ST_OK ? ST_OK : wrong(p, "--peers takes user names, uids "
	    "and @groups with commas and no blanks between them, for example "
	    "--peers node,@dev");
}

/* --limit: by its name. */
static int
take_limit(struct parse *p, const char *arg)
{
	char why[256];

	if (limits_set(&p->opts->limits, arg, why, sizeof(why)) == ST_OK)
		return ST_OK;
	return wrong(p, "--limit: %s", why);
}

/* --audit-format: by its name. */
static int
take_audit_format(struct parse *p, const char *arg)
{
	p->opts->audit_text = strcmp(arg, "text") == 0;
	if (p->opts->audit_text || strcmp(arg, "json") == 0)
		return ST_OK;
	return wrong(p, "--audit-format takes json or text");
}

/* --rate: a number, a slash and a time. */
static int
take_rate(struct parse *p, const char *arg)
{
	size_t len = strcspn(arg, "/");
	uint32_t seconds;
	char digits[8];
	uint64_t n;

	if (arg[len] == '\0' || len >= sizeof(digits))
		goto bad;
	memcpy(digits, arg, len);
	digits[len] = '\0';
	if (num_u64(digits, 1, CONSTRAINT_RATE_N_MAX, &n) != ST_OK ||
	    num_duration_s(arg + len + 1, &seconds) != ST_OK ||
	    seconds == 0 || seconds > CONSTRAINT_RATE_MAX)
		goto bad;
	p->opts->rate_n = (uint32_t)n;
	p->opts->rate_s = seconds;
	return ST_OK;
bad:
	return wrong(p, "--rate takes N/TIME, with N from 1 to %d and a TIME "
	    "from 1s to 1d, for example --rate 5/1m", CONSTRAINT_RATE_N_MAX);
}

/* An argument that is kept as it is, of 1 to ${max} bytes. */
static int
take_word(struct parse *p, enum option_id id, const char *arg, size_t max,
    const char **out)
{
	size_t len = strlen(arg);

	if (len == 0)
		return wrong(p, "%s must not be empty",
		    label(p, id).text);
	if (len > max)
		return wrong(p, "%s takes at most %zu bytes",
		    label(p, id).text, max);
	*out = arg;
	return ST_OK;
}

/* -E: a hash by its name. */
static int
take_hash(struct parse *p, const char *arg)
{
	if (fingerprint_hash_find(arg, &p->opts->hash) == ST_OK)
		return ST_OK;
	(void)wrong(p, "Invalid hash algorithm \"%s\"",
	    option_show(arg, strlen(arg)).text);
	return fatal(p);
}

/* -O: one of ssh-agent's. */
static int
take_ssh_option(struct parse *p, const char *arg)
{
	struct agent_options *o = p->opts;
	size_t len = sizeof(WEBSAFE_ALLOW) - 1;

	if (strcmp(arg, "no-restrict-websafe") == 0) {
		o->no_restrict_websafe = true;
	} else if (strcmp(arg, "allow-remote-pkcs11") == 0) {
		o->allow_remote_pkcs11 = true;
	} else if (strncmp(arg, WEBSAFE_ALLOW, len) != 0) {
		(void)wrong(p, "Unknown -O option \"%s\"",
		    option_show(arg, strlen(arg)).text);
		return fatal(p);
	} else if (o->websafe_allow != NULL) {
		(void)wrong(p, "-O websafe-allow already set");
		return fatal(p);
	} else {
		o->websafe_allow = arg + len;
	}
	return ST_OK;
}

/* Take the argument ${arg} of the option ${id}. */
static int
take_argument(struct parse *p, enum option_id id, const char *arg)
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
	case ID_FORWARDED:
		return take_forwarded(p, arg);
	case ID_WORKERS:
		st = take_number(p, id, arg, 0, WORKERS_MAX, &n);
		if (st == ST_OK) {
			o->has_workers = true;
			o->workers = (size_t)n;
		}
		return st;
	case ID_MEMORY_SIZE:
		return take_size(p, arg, &o->memory.size);
	case ID_HASH:
		return take_hash(p, arg);
	case ID_SSH_OPTION:
		return take_ssh_option(p, arg);
	case ID_PROVIDERS:
		o->providers = arg;
		return ST_OK;
	case ID_LIFETIME:
		/* The first words are ssh-agent's. */
		st = num_duration_s(arg, &o->lifetime_s);
		if (st != ST_OK)
			return wrong(p, "Invalid lifetime \"%s\": %s",
			    option_show(arg, strlen(arg)).text,
			    st == ST_TOO_LARGE ? "at most 2147483647 seconds" :
			    "give seconds, or units as in 1h30m");
		o->has_lifetime = o->lifetime_s != 0;
		return ST_OK;
	case ID_READY_FD:
		/* 0 to 2 become /dev/null in the background. */
		st = take_number(p, id, arg, 3, INT_MAX, &n);
		if (st == ST_OK)
			o->ready_fd = (int)n;
		return st;
	case ID_PURPOSE:
		return take_purposes(p, arg);
	case ID_PEERS:
		return take_peers(p, arg);
	case ID_RATE:
		return take_rate(p, arg);
	case ID_POLICY:
		return take_word(p, id, arg, PATH_MAX - 1, &o->policy);
	case ID_CHECK_POLICY:
		o->command = COMMAND_CHECK_POLICY;
		return take_word(p, id, arg, PATH_MAX - 1, &o->check_policy);
	case ID_AUDIT:
		return take_word(p, id, arg, PATH_MAX - 1, &o->audit);
	case ID_AUDIT_FORMAT:
		return take_audit_format(p, arg);
	case ID_LIMIT:
		return take_limit(p, arg);
	case ID_MAX_SIGNATURES:
		st = take_number(p, id, arg, 1, UINT32_MAX, &n);
		if (st == ST_OK)
			o->signatures = (uint32_t)n;
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
switch_of(struct agent_options *o, enum option_id id)
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
	case ID_KEEP_STALE:
		return &o->keep_stale;
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
	case ID_EVERY_LOAD:
		return &o->every_load;
	default:
		return NULL;
	}
}

/* Take the option ${id}, which has no argument. */
static void
take_switch(struct agent_options *o, enum option_id id)
{
	bool *set;

	assert(o != NULL);
	set = switch_of(o, id);
	if (set != NULL)
		*set = true;
	if (id == ID_LOAD)
		o->command = COMMAND_LOAD;
	else if (id == ID_STATUS)
		o->command = COMMAND_STATUS;
	else if (id == ID_EXPLAIN)
		o->command = COMMAND_EXPLAIN;
	else if (id == ID_LOCK)
		o->command = COMMAND_LOCK;
	else if (id == ID_UNLOCK)
		o->command = COMMAND_UNLOCK;
	else if (id == ID_REMOVE)
		o->command = COMMAND_REMOVE;
	else if (id == ID_KILL)
		o->command = COMMAND_KILL;
	else if (id == ID_CLEAN)
		o->command = COMMAND_CLEAN;
	else if (id == ID_HELP)
		o->command = COMMAND_HELP;
	else if (id == ID_VERSION || id == ID_VERSION_ERR)
		o->command = COMMAND_VERSION;
	else
		assert(set != NULL);
	if (id == ID_DEBUG)
		o->foreground = true;
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
		if (optiontable[i].letter != 0) {
			*l++ = optiontable[i].letter;
			if (optiontable[i].arg != NULL)
				*l++ = ':';
		}
		if (optiontable[i].name != NULL) {
			w->longs[n].name = optiontable[i].name;
			w->longs[n].has_arg = optiontable[i].arg != NULL ?
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
	enum option_id id;

	if (is_long && optopt == 0)
		return unknown_long(p, word);
	id = is_long ? (enum option_id)(optopt - LONG_VALUE) :
	    optiontable_letter(optopt);
	if (id == IDS)
		return unknown_letter(p, optopt, word);
	if (is_long) {
		p->opts->ours = true;
		if (strlen(optiontable[id].name) != strcspn(word + 2, "="))
			return unknown_long(p, word);
	}
	note_typed(p, id, is_long);
	if (c == ':')
		return wrong(p, "%s needs %s", label(p, id).text,
		    optiontable[id].arg);
	return wrong(p, "--%s takes no value", optiontable[id].name);
}

/* An option comes again.  What ssh-agent takes twice is noted, and refused
 * later if it was not called as ssh-agent is. */
static int
take_again(struct parse *p, enum option_id id)
{
	bool theirs = optiontable[id].group == GROUP_SSH_AGENT ||
	    id == ID_KILL || id == ID_CLEAN;

	if (id == ID_PROVIDERS) {
		(void)wrong(p, "-P option already specified");
		return fatal(p);
	}
	if (!theirs || id == ID_FOREGROUND || id == ID_DEBUG)
		return wrong(p, "%s given twice", label(p, id).text);
	if (id == ID_CLEAN)
		p->opts->any_host = true;
	else if (p->twice == IDS)
		p->twice = id;
	return ST_OK;
}

/* Take one option as getopt_long() found it in the word ${word}. */
static int
take(struct parse *p, int c, const char *word)
{
	enum option_id id;
	int st;

	if (c == '?' || c == ':')
		return refuse(p, c, word);
	if (c >= LONG_VALUE) {
		id = (enum option_id)(c - LONG_VALUE);
		p->opts->ours = true;
		if (strlen(optiontable[id].name) != strcspn(word + 2, "="))
			return unknown_long(p, word);
	} else {
		id = optiontable_letter(c);
		assert(id != IDS);
	}
	note_typed(p, id, c >= LONG_VALUE);

	if (p->seen[id] && id != ID_ALLOW && id != ID_LIMIT &&
	    (st = take_again(p, id)) != ST_OK)
		return st;
	p->seen[id] = true;
	if (optiontable[id].arg != NULL)
		return take_argument(p, id, optarg);
	take_switch(p->opts, id);
	return ST_OK;
}

/* Whether both were given; ${p} then says so. */
static bool
both(struct parse *p, enum option_id a, enum option_id b)
{
	if (!p->seen[a] || !p->seen[b])
		return false;
	(void)wrong(p, "%s and %s exclude each other",
	    label(p, a).text, label(p, b).text);
	return true;
}

/* The options that choose a command; -k and -u may go together, as in
 * ssh-agent. */
static const enum option_id choosing[] = {
	ID_LOAD, ID_STATUS, ID_EXPLAIN, ID_LOCK, ID_UNLOCK, ID_REMOVE,
	ID_CHECK_POLICY, ID_KILL, ID_CLEAN,
};

#define N_CHOOSING	(sizeof(choosing) / sizeof(choosing[0]))

/* Only one may be given. */
static int
check_choice(struct parse *p)
{
	size_t i, j;

	for (i = 0; i < N_CHOOSING; i++)
		for (j = i + 1; j < N_CHOOSING; j++)
			if (choosing[i] != ID_KILL &&
			    both(p, choosing[i], choosing[j]))
				return ST_MALFORMED;
	return ST_OK;
}

/* The option that chose the command. */
static enum option_id
chosen(const struct parse *p)
{
	size_t i;

	for (i = 0; i < N_CHOOSING; i++)
		if (p->seen[choosing[i]])
			return choosing[i];
	return IDS;
}

/* Every option must go with the command. */
static int
check_commands(struct parse *p)
{
	unsigned command = 1u << p->opts->command;
	enum option_id id;

	for (id = 0; id < IDS; id++) {
		if (!p->seen[id] || (optiontable[id].commands & command) != 0)
			continue;
		if (optiontable[id].commands == ON_LOAD)
			return wrong(p, "%s goes with --load only",
			    label(p, id).text);
		if (optiontable[id].commands == (ON_LOAD | ON_REMOVE))
			return wrong(p, "%s goes with --load and --remove "
			    "only", label(p, id).text);
		if (optiontable[id].commands == ON_REMOVE)
			return wrong(p, "%s goes with --remove only",
			    label(p, id).text);
		if (optiontable[id].commands == (ON_STATUS | ON_EXPLAIN |
		    ON_REMOVE))
			return wrong(p, "%s goes with --status, --explain and "
			    "--remove only", label(p, id).text);
		return wrong(p, "%s does not go with %s",
		    label(p, id).text,
		    label(p, chosen(p)).text);
	}
	return ST_OK;
}

/* COMMAND is for ssh-agent's way of serving, and for nothing else. */
static int
check_run(struct parse *p)
{
	static const enum option_id never[] = {
		ID_STATUS, ID_EXPLAIN, ID_LOCK, ID_UNLOCK, ID_REMOVE,
		ID_CHECK_POLICY, ID_KILL, ID_CLEAN, ID_CSH, ID_SH,
		ID_FOREGROUND, ID_DEBUG,
	};
	const struct agent_options *o = p->opts;
	size_t i;

	if (o->run == NULL)
		return ST_OK;
	if (p->seen[ID_LOAD])
		return wrong(p, "--load takes no names of files, it reads "
		    "stdin: --load < %s", option_show(o->run[0],
		    strlen(o->run[0])).text);
	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (p->seen[never[i]])
			return wrong(p, "%s takes no COMMAND",
			    label(p, never[i]).text);
	if (o->service)
		return wrong(p, "%s takes no COMMAND",
		    o->public ? "--public" : o->n_allow > 0 ? "--allow" :
		    "--policy");
	return ST_OK;
}

/* What does not go together. */
static int
check_combinations(struct parse *p)
{
	const struct agent_options *o = p->opts;
	int st;

	if ((st = check_choice(p)) != ST_OK)
		return st;
	if (both(p, ID_CSH, ID_SH) || both(p, ID_FOREGROUND, ID_DEBUG))
		return ST_MALFORMED;
	if (p->twice != IDS && o->ours)
		return wrong(p, "%s given twice",
		    label(p, p->twice).text);
	if ((st = check_commands(p)) != ST_OK)
		return st;
	if (both(p, ID_NAME, ID_EVERY_LOAD))
		return ST_MALFORMED;
	if (o->command == COMMAND_REMOVE && o->name == NULL && !o->every_load)
		return wrong(p, "--remove needs --name NAME, of the load "
		    "(bottle-provision's is \"default\"), or --every-load");
	if (o->public && o->n_allow == 0 && o->policy == NULL)
		return wrong(p, "--public needs a --policy or at least one "
		    "--allow, for example --allow node=list,sign");
	if (p->seen[ID_AUDIT_FORMAT] && o->audit == NULL)
		return wrong(p, "--audit-format needs --audit");
	if (o->audit != NULL && strcmp(o->audit, "-") == 0 && !o->foreground)
		return wrong(p, "--audit - needs -D: in the background nobody "
		    "reads stderr; use a file or syslog");
	if (p->seen[ID_LIMIT] && !o->service && o->command == COMMAND_SERVE)
		return wrong(p, "--limit needs --public, --allow or --policy: "
		    "ssh-agent has no limits");
	if (o->service && o->tmp_socket)
		return wrong(p, "-T makes a directory that only its owner can "
		    "enter; with --public, --allow or --policy name the "
		    "socket by --socket");
	if (o->allow_shared_dir && !o->service && o->command == COMMAND_SERVE)
		return wrong(p, "--allow-shared-dir needs --public, --allow "
		    "or --policy");
	return check_run(p);
}

int
options_parse(int argc, char **argv, struct agent_options *out, char *why,
    size_t whylen)
{
	struct parse p = { .opts = out, .twice = IDS, .why = why,
		.whylen = whylen };
	struct getopt_words words;
	int at, c, st;

	assert(whylen > 0);
	why[0] = '\0';
	*out = (struct agent_options){ .ready_fd = -1 };
	limits_init(&out->limits);
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

	/* As ssh-agent: -k goes before -u. */
	if (p.seen[ID_KILL] && out->command == COMMAND_CLEAN)
		out->command = COMMAND_KILL;
	out->service = out->public || out->n_allow > 0 || out->policy != NULL;
	/* Who asks for nothing of ours gets what ssh-agent would do: serve. */
	if (!p.seen[ID_HARDENING])
		out->strict = out->service || out->command == COMMAND_LOAD;
	return check_combinations(&p);
}

int
options_usage_exit(const struct agent_options *opts)
{
	if (opts->ours)
		return EXIT_USAGE;
	return opts->fatal ? EXIT_FATAL : EXIT_FAILED;
}
