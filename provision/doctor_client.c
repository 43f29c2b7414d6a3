#include "provision/doctor_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "provision/clientconf.h"
#include "provision/launch.h"

/* Longest value of a line of configuration, and longest name of a load. */
#define VALUE_MAX	2048
#define LOAD_MAX	65
/* Most of a value in a message, with its NUL. */
#define VALUE_SHOWN_MAX	201
/* Most that is told about one host. */
#define TOLD_MAX	4

/* A line that has to be in ~/.ssh/config. */
#define INCLUDE		"~/" CLIENTCONF_DIR "/*/config"

/* What a block of ours says must be what ssh takes. */
static const char *const checked[] = { "HostName", "Port", "User",
    "HostKeyAlias", "IdentityAgent", "IdentitiesOnly", "ProxyCommand",
    "ProxyUseFdpass", "UserKnownHostsFile", "StrictHostKeyChecking",
    "ForwardAgent" };
#define N_CHECKED	(sizeof(checked) / sizeof(*checked))

/* Whether the user has a program. */
static bool
has_tool(const struct doctor_seen *s, const char *name)
{
	const char *v;

	for (size_t at = 0; (v = doctor_facts_next(&s->user, "tool",
	    &at)) != NULL;)
		if (strcmp(v, name) == 0)
			return true;
	return false;
}

/* --- lines of our files -------------------------------------------------- */

/* The configuration of a load, line by line. */
struct conf {
	const struct doctor_facts *facts;
	const char	*fact;		/* "conf" or "gitconf" */
	size_t		 at;
	char		 load[LOAD_MAX];
	char		 key[64];
	char		 value[VALUE_MAX];
};

/* The next line that says something: a keyword and a value. */
static bool
conf_next(struct conf *c)
{
	const char *v;

	while ((v = doctor_facts_next(c->facts, c->fact, &c->at)) != NULL) {
		if (!doctor_facts_word(&v, c->load, sizeof(c->load)))
			continue;
		while (*v == '\t' || *v == ' ')
			v++;
		if (!doctor_facts_word(&v, c->key, sizeof(c->key)) ||
		    c->key[0] == '#')
			continue;
		(void)snprintf(c->value, sizeof(c->value), "%s", v);
		return true;
	}
	return false;
}

/* The first word behind Host. */
static bool
conf_host(const struct conf *c, char out[static DOCTOR_HOST_MAX])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-";
	const char *v = c->value;

	return strcasecmp(c->key, "Host") == 0 &&
	    doctor_facts_word(&v, out, DOCTOR_HOST_MAX) &&
	    out[0] != '-' && out[strspn(out, letters)] == '\0';
}

size_t
doctor_client_hosts(const struct doctor_facts *user,
    char (*out)[DOCTOR_HOST_MAX], size_t max)
{
	struct conf c = { .facts = user, .fact = "conf" };
	char host[DOCTOR_HOST_MAX];
	size_t n = 0, i;

	while (n < max && conf_next(&c)) {
		if (!conf_host(&c, host))
			continue;
		for (i = 0; i < n; i++)
			if (strcmp(out[i], host) == 0)
				break;
		if (i == n)
			memcpy(out[n++], host, sizeof(host));
	}
	return n;
}

/* A value as it is compared: without quotes, with the home in it. */
static void
plain_value(const struct doctor_seen *s, const char *value,
    char out[static VALUE_MAX])
{
	const char *home = doctor_facts_get(&s->user, "home");
	size_t n = strlen(value);

	if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
		value++;
		n -= 2;
	}
	if (n >= 2 && value[0] == '~' && value[1] == '/' && home != NULL)
		(void)snprintf(out, VALUE_MAX, "%s%.*s", home, (int)n - 1,
		    value + 1);
	else
		(void)snprintf(out, VALUE_MAX, "%.*s", (int)n, value);
}

static bool
same_value(const struct doctor_seen *s, const char *a, const char *b)
{
	static const char *const pairs[][2] = { { "yes", "true" },
	    { "no", "false" } };
	char pa[VALUE_MAX], pb[VALUE_MAX];

	plain_value(s, a, pa);
	plain_value(s, b, pb);
	if (strcmp(pa, pb) == 0)
		return true;
	for (size_t i = 0; i < 2; i++)
		if ((strcmp(pa, pairs[i][0]) == 0 &&
		    strcmp(pb, pairs[i][1]) == 0) ||
		    (strcmp(pa, pairs[i][1]) == 0 &&
		    strcmp(pb, pairs[i][0]) == 0))
			return true;
	return false;
}

/* --- files --------------------------------------------------------------- */

/* Find a file by its name in what ls said. */
static bool
find_file(const struct doctor_seen *s, const char *path, struct doctor_ls *ls)
{
	const char *v;

	for (size_t at = 0; (v = doctor_facts_next(&s->user, "file",
	    &at)) != NULL;)
		if (doctor_facts_ls(v, ls) && strcmp(ls->path, path) == 0)
			return true;
	return false;
}

/* One that ssh refuses to read, or that others may write to; true if so. */
static bool
judge_mode(struct doctor *d, const struct doctor_seen *s,
    const struct doctor_ls *ls)
{
	struct doctor_word path = doctor_word(ls->path);
	char mend[DOCTOR_MEND_MAX];

	if (ls->mode[0] == 'l')
		return false;
	if (ls->uid != 0 && ls->uid != s->where->uid) {
		doctor_find(d, "ssh-config", DOCTOR_BAD, doctor_mend(s->where,
		    DOCTOR_AS_ROOT, mend, "chown %u %s", s->where->uid,
		    path.text), "%s belongs to uid %u, not to the user: ssh "
		    "does not take it", ls->path, ls->uid);
		return true;
	}
	if ((doctor_ls_mode(ls) & 022) != 0) {
		doctor_find(d, "ssh-config", DOCTOR_BAD, doctor_mend(s->where,
		    DOCTOR_AS_USER, mend, "chmod go-w %s", path.text), "%s can "
		    "be written by others (%s): ssh does not take it",
		    ls->path, ls->mode);
		return true;
	}
	if (ls->uid == s->where->uid && (doctor_ls_mode(ls) & 0400) == 0) {
		doctor_find(d, "ssh-config", DOCTOR_BAD, doctor_mend(s->where,
		    DOCTOR_AS_USER, mend, "chmod u+r %s", path.text), "%s "
		    "cannot be read by the user (%s)", ls->path, ls->mode);
		return true;
	}
	return false;
}

/* Whether a name is of a load's, or one of those above. */
static bool
is_ours(const char *home, const char *path)
{
	size_t n = strlen(home);

	if (strncmp(path, home, n) != 0)
		return false;
	path += n;
	return strcmp(path, "/.ssh") == 0 || strcmp(path, "/.ssh/config") ==
	    0 || strncmp(path, "/" CLIENTCONF_DIR, strlen("/" CLIENTCONF_DIR))
	    == 0;
}

/* Modes of all of them. */
static bool
judge_modes(struct doctor *d, const struct doctor_seen *s, const char *home)
{
	struct doctor_ls ls;
	bool wrong = false;
	const char *v;

	for (size_t at = 0; (v = doctor_facts_next(&s->user, "file",
	    &at)) != NULL;)
		if (doctor_facts_ls(v, &ls) && is_ours(home, ls.path))
			wrong = judge_mode(d, s, &ls) || wrong;
	return wrong;
}

/* Files that a load's configuration names, and that are gone. */
static bool
judge_named(struct doctor *d, const struct doctor_seen *s)
{
	struct conf c = { .facts = &s->user, .fact = "conf" };
	char path[VALUE_MAX], mend[DOCTOR_MEND_MAX];
	struct doctor_ls ls;
	bool wrong = false;

	while (conf_next(&c)) {
		if (strcasecmp(c.key, "IdentityFile") != 0 &&
		    strcasecmp(c.key, "CertificateFile") != 0 &&
		    strcasecmp(c.key, "UserKnownHostsFile") != 0)
			continue;
		plain_value(s, c.value, path);
		if (strstr(path, "/" CLIENTCONF_DIR "/") == NULL ||
		    find_file(s, path, &ls))
			continue;
		(void)snprintf(mend, sizeof(mend), "bottle-provision load -n "
		    "%s %s HOST...", doctor_word(c.load).text, s->where->name);
		doctor_find(d, "ssh-config", DOCTOR_BAD, mend, "%s of the load "
		    "%s is missing", path, c.load);
		wrong = true;
	}
	return wrong;
}

/* Whether there is a line of that load. */
static bool
has_conf(const struct doctor_seen *s, const char *load)
{
	struct conf c = { .facts = &s->user, .fact = "conf" };

	while (conf_next(&c))
		if (strcmp(c.load, load) == 0)
			return true;
	return false;
}

/* Loads without a configuration, and keys of the agent without a load. */
static bool
judge_loads(struct doctor *d, const struct doctor_seen *s)
{
	json_t *keys = json_object_get(s->status, "keys"), *key;
	char mend[DOCTOR_MEND_MAX];
	const char *load, *v;
	bool wrong = false, found;
	size_t i;

	for (size_t at = 0; (load = doctor_facts_next(&s->user, "load",
	    &at)) != NULL;) {
		if (has_conf(s, load))
			continue;
		(void)snprintf(mend, sizeof(mend), "bottle-provision load -n "
		    "%s %s HOST...", doctor_word(load).text, s->where->name);
		doctor_find(d, "ssh-config", DOCTOR_BAD, mend, "the load %s "
		    "has no config that the user can read", load);
		wrong = true;
	}
	json_array_foreach(keys, i, key) {
		load = json_string_value(json_object_get(key, "load"));
		if (load == NULL || load[0] == '\0')
			continue;
		found = false;
		for (size_t at = 0; (v = doctor_facts_next(&s->user, "load",
		    &at)) != NULL;)
			found = found || strcmp(v, load) == 0;
		if (found)
			continue;
		(void)snprintf(mend, sizeof(mend), "bottle-provision load -n "
		    "%s %s HOST...", doctor_word(load).text, s->where->name);
		doctor_find(d, "ssh-config", DOCTOR_WARN, mend, "the agent has "
		    "keys of the load %s, and in the home there are no files "
		    "of it", load);
		return true;
	}
	return wrong;
}

/* --- where the Include line stands --------------------------------------- */

/* What stands in ~/.ssh/config about it. */
struct include {
	bool		 there;
	uint32_t	 line;
	uint32_t	 above;		/* first Host or Match; 0: none */
};

/* Take apart "N:text". */
static bool
config_line(const char *v, uint32_t *line, char key[static 16],
    const char **rest)
{
	unsigned long n;
	char *end;
	size_t len;

	n = strtoul(v, &end, 10);
	if (end == v || *end != ':' || n == 0 || n > UINT32_MAX)
		return false;
	*line = (uint32_t)n;
	v = end + 1;
	v += strspn(v, " \t");
	len = strcspn(v, " \t=");
	if (len == 0 || len >= 16)
		return false;
	memcpy(key, v, len);
	key[len] = '\0';
	v += len;
	*rest = v + strspn(v, " \t=\"");
	return true;
}

static struct include
find_include(const struct doctor_seen *s)
{
	struct include inc = { .there = false };
	const char *v, *rest;
	char key[16];
	uint32_t line;

	for (size_t at = 0; (v = doctor_facts_next(&s->user, "config",
	    &at)) != NULL;) {
		if (!config_line(v, &line, key, &rest))
			continue;
		if (strcasecmp(key, "Include") != 0) {
			if (inc.above == 0)
				inc.above = line;
			continue;
		}
		if (strncmp(rest, INCLUDE, strlen(INCLUDE)) != 0)
			continue;
		inc.there = true;
		inc.line = line;
		return inc;
	}
	return inc;
}

/* --- what ssh makes of it ------------------------------------------------ */

/* The value that ssh takes for a keyword: the first; NULL if it says none. */
static const char *
taken(const struct doctor_seen *s, const char *host, const char *key,
    char out[static VALUE_MAX])
{
	char word[DOCTOR_HOST_MAX];
	const char *v;

	for (size_t at = 0; (v = doctor_facts_next(&s->user, "g",
	    &at)) != NULL;) {
		if (!doctor_facts_word(&v, word, sizeof(word)) ||
		    strcmp(word, host) != 0 ||
		    !doctor_facts_word(&v, word, sizeof(word)) ||
		    strcasecmp(word, key) != 0)
			continue;
		(void)snprintf(out, VALUE_MAX, "%s", v);
		return out;
	}
	return NULL;
}

/* Whether ssh offers that file for the host. */
static bool
offers(const struct doctor_seen *s, const char *host, const char *key,
    const char *file)
{
	char word[DOCTOR_HOST_MAX];
	const char *v;

	for (size_t at = 0; (v = doctor_facts_next(&s->user, "g",
	    &at)) != NULL;)
		if (doctor_facts_word(&v, word, sizeof(word)) &&
		    strcmp(word, host) == 0 &&
		    doctor_facts_word(&v, word, sizeof(word)) &&
		    strcasecmp(word, key) == 0 && same_value(s, v, file))
			return true;
	return false;
}

static bool
is_checked(const char *key)
{
	for (size_t i = 0; i < N_CHECKED; i++)
		if (strcasecmp(checked[i], key) == 0)
			return true;
	return false;
}

/* One line of ours, and what became of it; true if it does not count. */
static bool
judge_line(struct doctor *d, const struct doctor_seen *s, const char *host,
    const struct conf *c, const struct include *inc)
{
	char got[VALUE_MAX], mend[DOCTOR_MEND_MAX], where[160];
	const char *v;

	if (strcasecmp(c->key, "IdentityFile") == 0 ||
	    strcasecmp(c->key, "CertificateFile") == 0) {
		if (offers(s, host, c->key, c->value))
			return false;
		v = NULL;
	} else {
		if (!is_checked(c->key))
			return false;
		v = taken(s, host, c->key, got);
		if (v != NULL ? same_value(s, v, c->value) :
		    strcmp(c->value, "none") == 0 ||
		    strcmp(c->value, "no") == 0)
			return false;
		/* Versions of ssh that know no such keyword in -G. */
		if (v == NULL && strcasecmp(c->key, "ProxyUseFdpass") == 0)
			return false;
	}
	if (inc->above != 0 && inc->above < inc->line)
		(void)snprintf(where, sizeof(where), "line %u of "
		    "~/.ssh/config begins a block above our Include in line "
		    "%u", inc->above, inc->line);
	else
		(void)snprintf(where, sizeof(where), "something that ssh reads "
		    "before ours says so: another load, or the beginning of "
		    "~/.ssh/config");
	(void)snprintf(mend, sizeof(mend), "in ~/.ssh/config of %s, put "
	    "\"Include " INCLUDE "\" above all else", s->where->account);
	doctor_find(d, "ssh-config", DOCTOR_BAD, mend, "for %s ssh takes %s "
	    "%s, and not %s, as the load %s says: %s", host, c->key,
	    v != NULL ? v : "something else", c->value, c->load, where);
	return true;
}

/* Whether another load named the host before. */
static bool
is_first(const struct doctor_seen *s, const char *host, size_t at)
{
	struct conf c = { .facts = &s->user, .fact = "conf" };
	char other[DOCTOR_HOST_MAX];

	while (conf_next(&c) && c.at < at)
		if (conf_host(&c, other) && strcmp(other, host) == 0)
			return false;
	return true;
}

/* All blocks of all loads against what ssh -G says. */
static bool
judge_blocks(struct doctor *d, const struct doctor_seen *s,
    const struct include *inc)
{
	struct conf c = { .facts = &s->user, .fact = "conf" };
	char host[DOCTOR_HOST_MAX] = "", got[VALUE_MAX];
	bool wrong = false, look = false;
	int told = 0;

	while (conf_next(&c)) {
		if (strcasecmp(c.key, "Host") == 0) {
			look = conf_host(&c, host) &&
			    is_first(s, host, c.at) &&
			    taken(s, host, "hostname", got) != NULL;
			told = 0;
		} else if (look && told < TOLD_MAX &&
		    judge_line(d, s, host, &c, inc)) {
			wrong = true;
			told++;
		}
	}
	return wrong;
}

/* Loads that are for another agent than the one that was asked. */
static bool
judge_sockets(struct doctor *d, const struct doctor_seen *s)
{
	struct conf c = { .facts = &s->user, .fact = "conf" };
	char value[VALUE_MAX], mend[DOCTOR_MEND_MAX], last[LOAD_MAX] = "";
	bool wrong = false;

	while (conf_next(&c)) {
		if (strcasecmp(c.key, "IdentityAgent") != 0 ||
		    strcmp(c.load, last) == 0)
			continue;
		plain_value(s, c.value, value);
		if (strcmp(value, s->where->socket) == 0)
			continue;
		memcpy(last, c.load, sizeof(last));
		(void)snprintf(mend, sizeof(mend), "bottle-provision doctor -s "
		    "%s %s, or load it again", doctor_word(value).text,
		    s->where->name);
		doctor_find(d, "ssh-config", DOCTOR_BAD, mend, "the load %s is "
		    "for the agent at %s, and not for the one at %s", c.load,
		    value, s->where->socket);
		wrong = true;
	}
	return wrong;
}

/* Where ssh takes no configuration at all. */
static bool
judge_errors(struct doctor *d, const struct doctor_seen *s)
{
	char host[DOCTOR_HOST_MAX], mend[DOCTOR_MEND_MAX];
	const char *v = doctor_facts_get(&s->user, "gerr");

	if (v == NULL || !doctor_facts_word(&v, host, sizeof(host)))
		return false;
	doctor_find(d, "ssh-config", DOCTOR_BAD, doctor_mend(s->where,
	    DOCTOR_AS_USER, mend, "ssh -G %s", doctor_word(host).text),
	    "ssh does not take its configuration: %s", v);
	return true;
}

/* A program of a ProxyCommand that is not there. */
static bool
judge_proxies(struct doctor *d, const struct doctor_seen *s)
{
	struct conf c = { .facts = &s->user, .fact = "conf" };
	static const char *const bins[LAUNCH_N_BINS] = LAUNCH_BINS;
	char program[VALUE_MAX], line[VALUE_MAX], mend[DOCTOR_MEND_MAX];
	const char *v, *p;
	bool known, there;
	size_t n;

	while (conf_next(&c)) {
		p = c.value;
		if (strcasecmp(c.key, "ProxyCommand") != 0 ||
		    !doctor_facts_word(&p, program, sizeof(program)) ||
		    program[0] != '/')
			continue;
		known = there = false;
		for (size_t i = 0; i < LAUNCH_N_BINS; i++) {
			v = s->where->bin != NULL ? s->where->bin : bins[i];
			n = strlen(v);
			known = known || (strncmp(program, v, n) == 0 &&
			    strcmp(program + n, "/bottle-forward") == 0);
		}
		for (size_t at = 0; (v = doctor_facts_next(&s->user, "prog",
		    &at)) != NULL && known;) {
			if (!doctor_facts_word(&v, line, sizeof(line)) ||
			    strcmp(line, "bottle-forward") != 0 ||
			    !doctor_facts_word(&v, line, sizeof(line)) ||
			    !doctor_facts_word(&v, line, sizeof(line)))
				continue;
			n = strlen(line);
			there = there || (strncmp(program, line, n) == 0 &&
			    program[n] == '/');
		}
		if (!known || there)
			continue;
		(void)snprintf(mend, sizeof(mend), "bottle-provision load -n "
		    "%s %s HOST...", doctor_word(c.load).text, s->where->name);
		doctor_find(d, "ssh-config", DOCTOR_BAD, mend, "the "
		    "ProxyCommand of the load %s runs %s, which is not there",
		    c.load, program);
		return true;
	}
	return false;
}

static void
judge_ssh(struct doctor *d, const struct doctor_seen *s)
{
	const char *home = doctor_facts_get(&s->user, "home");
	struct include inc = find_include(s);
	char mend[DOCTOR_MEND_MAX];
	bool wrong;

	if (doctor_facts_get(&s->user, "homethere") == NULL || home == NULL) {
		doctor_find(d, "ssh-config", DOCTOR_BAD, "say which it is with "
		    "--home, or make it", "the home %s of user %s is not there",
		    home != NULL ? home : "", s->where->account);
		return;
	}
	wrong = judge_loads(d, s);
	if (doctor_facts_get(&s->user, "load") == NULL) {
		if (!wrong)
			doctor_find(d, "ssh-config", DOCTOR_SKIPPED, NULL,
			    "no load has put files into %s", home);
		return;
	}
	wrong = judge_modes(d, s, home) || wrong;
	wrong = judge_named(d, s) || wrong;
	wrong = judge_sockets(d, s) || wrong;
	wrong = judge_proxies(d, s) || wrong;
	if (!inc.there) {
		(void)snprintf(mend, sizeof(mend), "in ~/.ssh/config of %s, "
		    "put \"Include " INCLUDE "\" above all else; the next "
		    "load does", s->where->account);
		/* One that cannot be read shows no lines. */
		if (!wrong)
			doctor_find(d, "ssh-config", DOCTOR_BAD, mend, "there "
			    "is no line \"Include " INCLUDE "\" in "
			    "%s/.ssh/config: ssh does not read ours", home);
		return;
	}
	if (!has_tool(s, "ssh")) {
		if (!wrong)
			doctor_find(d, "ssh-config", DOCTOR_SKIPPED, NULL,
			    "there is no ssh that could be asked");
		return;
	}
	wrong = (!wrong && judge_errors(d, s)) || wrong;
	wrong = (!wrong && judge_blocks(d, s, &inc)) || wrong;
	if (!wrong)
		doctor_find(d, "ssh-config", DOCTOR_OK, NULL, "ssh takes ours "
		    "for all hosts of our loads");
}

/* --- git ----------------------------------------------------------------- */

/* The value of a key of git, with where it is from in ${origin}. */
static const char *
git_value(const struct doctor_seen *s, const char *key,
    char origin[static VALUE_MAX])
{
	const char *v, *tab;
	char word[64];

	for (size_t at = 0; (v = doctor_facts_next(&s->user, "git",
	    &at)) != NULL;) {
		if (!doctor_facts_word(&v, word, sizeof(word)) ||
		    strcmp(word, key) != 0 || (tab = strchr(v, '\t')) == NULL)
			continue;
		(void)snprintf(origin, VALUE_MAX, "%.*s", (int)(tab - v), v);
		return tab + 1;
	}
	return NULL;
}

/* What a load says for it: any load may. */
static bool
git_wanted(const struct doctor_seen *s, const char *section, const char *key,
    const char *value, char first[static VALUE_MAX])
{
	struct conf c = { .facts = &s->user, .fact = "gitconf" };
	bool in = false, any = false;
	const char *p;

	first[0] = '\0';
	while (conf_next(&c)) {
		if (c.key[0] == '[') {
			in = strncmp(c.key, section, strlen(section)) == 0;
			if (strcmp(section, "[gpg") == 0)
				in = in && c.value[0] != '\0';
			continue;
		}
		if (!in || strcmp(c.key, key) != 0 || c.value[0] != '=')
			continue;
		p = c.value + 1;
		p += strspn(p, " ");
		if (first[0] == '\0')
			(void)snprintf(first, VALUE_MAX, "%s", p);
		any = any || (value != NULL && same_value(s, value, p));
	}
	return any;
}

static bool
judge_git_key(struct doctor *d, const struct doctor_seen *s, const char *name,
    const char *section, const char *key)
{
	char origin[VALUE_MAX] = "", wanted[VALUE_MAX], mend[DOCTOR_MEND_MAX];
	char has[VALUE_SHOWN_MAX], says[VALUE_SHOWN_MAX];
	const char *got = git_value(s, name, origin);
	struct text shown;

	if (git_wanted(s, section, key, got, wanted) || wanted[0] == '\0')
		return false;
	/* Cut at the end of a character, where they are cut. */
	text_init(&shown, has, sizeof(has));
	text_add(&shown, got != NULL ? got : "nothing");
	text_init(&shown, says, sizeof(says));
	text_add(&shown, wanted);
	doctor_find(d, "git", DOCTOR_BAD, doctor_mend(s->where,
	    DOCTOR_AS_USER, mend, "git config --show-origin --get-all %s",
	    name), "git takes %s = %s%s%s, and not %s, as the load says", name,
	    has, got != NULL ? " from " : "", origin, says);
	return true;
}

static void
judge_git(struct doctor *d, const struct doctor_seen *s)
{
	const char *err = doctor_facts_get(&s->user, "giterr");
	char first[VALUE_MAX], mend[DOCTOR_MEND_MAX];
	bool wrong = false;

	if (doctor_facts_get(&s->user, "gitconf") == NULL) {
		doctor_find(d, "git", DOCTOR_SKIPPED, NULL, "no load has set "
		    "git up to sign");
		return;
	}
	if (!has_tool(s, "git")) {
		doctor_find(d, "git", DOCTOR_SKIPPED, NULL, "there is no git "
		    "that could be asked");
		return;
	}
	if (err != NULL) {
		doctor_find(d, "git", DOCTOR_BAD, doctor_mend(s->where,
		    DOCTOR_AS_USER, mend, "git config --list --show-origin"),
		    "git does not take its configuration: %s", err);
		return;
	}
	wrong = judge_git_key(d, s, "gpg.format", "[gpg]", "format") || wrong;
	wrong = judge_git_key(d, s, "gpg.ssh.program", "[gpg", "program") ||
	    wrong;
	wrong = judge_git_key(d, s, "user.signingkey", "[user]",
	    "signingkey") || wrong;
	if (!wrong && doctor_facts_get(&s->user, "gitprog") == NULL) {
		(void)git_wanted(s, "[gpg", "program", NULL, first);
		doctor_find(d, "git", DOCTOR_BAD, "bottle-provision load puts "
		    "it there", "gpg.ssh.program is %s, which is not there or "
		    "cannot be run", first);
		wrong = true;
	}
	if (!wrong)
		doctor_find(d, "git", DOCTOR_OK, NULL, "git signs with "
		    "bottle-ssh-keygen and a key of ours");
}

void
doctor_client(struct doctor *d, const struct doctor_seen *seen)
{
	if (!seen->has_user) {
		doctor_find(d, "ssh-config", DOCTOR_SKIPPED, NULL, "nothing "
		    "could be looked at as user %s", seen->where->account);
		doctor_find(d, "git", DOCTOR_SKIPPED, NULL, "nothing could be "
		    "looked at as user %s", seen->where->account);
		return;
	}
	judge_ssh(d, seen);
	judge_git(d, seen);
}
