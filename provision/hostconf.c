/*
 * ssh's configuration is not read here: what Include, Match, tokens and the
 * order of files come to is ssh's to say, and it does with -G.  The same goes
 * for files of known hosts, with their patterns and hashes, and ssh-keygen.
 */
#include "provision/hostconf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "base/text.h"
#include "provision/child.h"

/* How much is shown of a word, and of what a program says. */
#define SHOWN_MAX	64
#define SAID_MAX	300
/* What is kept of stderr. */
#define ERR_MAX		4096
/* Longest name in a file of known hosts: [HOST]:PORT, or an alias. */
#define NAME_MAX_BYTES	1024

#define SSH_PORT	22

/* Put one line in ${why} and return ${st}. */
static int PRINTF_LIKE(4, 5)
fail(int st, char *why, size_t whylen, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, whylen, fmt, ap);
	va_end(ap);
	return st;
}

/* Some text of somebody's, safe to show. */
struct shown {
	char	 text[4 * SHOWN_MAX + 4];
};

static struct shown
show(const char *word, size_t len)
{
	struct shown s;
	struct text t;

	text_init(&t, s.text, sizeof(s.text));
	text_escape(&t, word, len < SHOWN_MAX ? len : SHOWN_MAX);
	if (len > SHOWN_MAX)
		text_add(&t, "...");
	return s;
}

/* A piece of somebody's text. */
struct piece {
	const char	*p;
	size_t		 len;
};

/* Take the next line off; false at the end. */
static bool
next_line(struct piece *rest, struct piece *line)
{
	const char *nl;

	if (rest->len == 0)
		return false;
	nl = memchr(rest->p, '\n', rest->len);
	line->p = rest->p;
	line->len = nl != NULL ? (size_t)(nl - rest->p) : rest->len;
	rest->p += line->len + (nl != NULL);
	rest->len -= line->len + (nl != NULL);
	return true;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Take the next word off, and the blanks behind it. */
static struct piece
next_word(struct piece *rest)
{
	struct piece word = { rest->p, 0 };

	while (rest->len > 0 && !is_blank(*rest->p)) {
		rest->p++;
		rest->len--;
		word.len++;
	}
	while (rest->len > 0 && is_blank(*rest->p)) {
		rest->p++;
		rest->len--;
	}
	return word;
}

static bool
is_word(struct piece p, const char *word)
{
	return strlen(word) == p.len && strncasecmp(p.p, word, p.len) == 0;
}

/* --- what ssh -G prints -------------------------------------------------- */

enum kind {
	KIND_NEEDED,		/* a text that must be there */
	KIND_TEXT,		/* a text or "none" */
	KIND_AGENT,
	KIND_PORT,
	KIND_BOOL,
	KIND_FILE,		/* one file of several */
	KIND_FILES,		/* some files in a line */
};

/* The keywords that are ours, and where their values go. */
static const struct keyword {
	const char	*name;
	enum kind	 kind;
	size_t		 at;
} keywords[] = {
	{ "hostname", KIND_NEEDED, offsetof(struct hostconf, hostname) },
	{ "user", KIND_NEEDED, offsetof(struct hostconf, user) },
	{ "port", KIND_PORT, offsetof(struct hostconf, port) },
	{ "hostkeyalias", KIND_TEXT, offsetof(struct hostconf, alias) },
	{ "proxyjump", KIND_TEXT, offsetof(struct hostconf, proxy_jump) },
	{ "proxycommand", KIND_TEXT,
	    offsetof(struct hostconf, proxy_command) },
	{ "knownhostscommand", KIND_TEXT,
	    offsetof(struct hostconf, keys_command) },
	{ "identityagent", KIND_AGENT, offsetof(struct hostconf, agent) },
	{ "identitiesonly", KIND_BOOL,
	    offsetof(struct hostconf, identities_only) },
	{ "identityfile", KIND_FILE, offsetof(struct hostconf, identities) },
	{ "certificatefile", KIND_FILE,
	    offsetof(struct hostconf, certificates) },
	{ "userknownhostsfile", KIND_FILES,
	    offsetof(struct hostconf, user_known_hosts) },
	{ "globalknownhostsfile", KIND_FILES,
	    offsetof(struct hostconf, global_known_hosts) },
};

#define N_KEYWORDS	(sizeof(keywords) / sizeof(keywords[0]))

/* A copy of the caller's own. */
static int
copy(struct piece from, char **to)
{
	*to = strndup(from.p, from.len);
	return *to != NULL ? ST_OK : ST_NOMEM;
}

/* Append a file, unless it is "none". */
static int
list_add(struct hostconf_list *l, struct piece name)
{
	int st;

	if (name.len == 0 || is_word(name, "none"))
		return ST_OK;
	if (l->n == HOSTCONF_FILES_MAX)
		return ST_TOO_LARGE;
	if (l->item == NULL) {
		l->item = calloc(HOSTCONF_FILES_MAX, sizeof(*l->item));
		if (l->item == NULL)
			return ST_NOMEM;
	}
	if ((st = copy(name, &l->item[l->n])) == ST_OK)
		l->n++;
	return st;
}

/* Append files that have blanks between them, and maybe in them. */
static int
list_add_all(struct hostconf_list *l, struct piece line)
{
	struct piece name = { line.p, 0 };
	size_t i;
	int st;

	for (i = 0; i < line.len; i++, name.len++) {
		if (line.p[i] != ' ' || i + 1 == line.len ||
		    (line.p[i + 1] != '/' && line.p[i + 1] != '~'))
			continue;
		if ((st = list_add(l, name)) != ST_OK)
			return st;
		name.p = line.p + i + 1;
		name.len = (size_t)-1;	/* the blank is not counted */
	}
	return list_add(l, name);
}

static void
list_fini(struct hostconf_list *l)
{
	while (l->n > 0)
		free(l->item[--l->n]);
	free(l->item);
	l->item = NULL;
}

/* The number of a port. */
static int
set_port(struct piece value, uint16_t *port)
{
	char digits[8];
	uint64_t n;

	if (value.len >= sizeof(digits))
		return ST_MALFORMED;
	memcpy(digits, value.p, value.len);
	digits[value.len] = '\0';
	if (num_u64(digits, 1, UINT16_MAX, &n) != ST_OK)
		return ST_MALFORMED;
	*port = (uint16_t)n;
	return ST_OK;
}

static bool
has_control(struct piece p)
{
	size_t i;

	for (i = 0; i < p.len; i++)
		if ((unsigned char)p.p[i] < 0x20 || p.p[i] == 0x7f)
			return true;
	return false;
}

/* Put a value where it belongs; ${seen} is whether there was one. */
static int
set(struct hostconf *c, const struct keyword *k, struct piece value,
    bool seen)
{
	char *at = (char *)c + k->at;

	if (has_control(value))
		return ST_MALFORMED;
	if (k->kind == KIND_FILE)
		return list_add((void *)at, value);
	if (seen)
		return ST_MALFORMED;
	switch (k->kind) {
	case KIND_PORT:
		return set_port(value, (void *)at);
	case KIND_BOOL:
		if (!is_word(value, "yes") && !is_word(value, "no"))
			return ST_MALFORMED;
		*(bool *)(void *)at = is_word(value, "yes");
		return ST_OK;
	case KIND_FILES:
		return list_add_all((void *)at, value);
	case KIND_NEEDED:
		return value.len > 0 ? copy(value, (void *)at) : ST_MALFORMED;
	default:
		if (k->kind == KIND_AGENT)
			c->no_agent = is_word(value, "none");
		return value.len == 0 || is_word(value, "none") ? ST_OK :
		    copy(value, (void *)at);
	}
}

/* One line. */
static int
parse_line(struct piece line, struct hostconf *out, bool *seen)
{
	struct piece rest = line, word;
	size_t i;
	int st;

	if (line.len > HOSTCONF_LINE_MAX)
		return ST_TOO_LARGE;
	if (memchr(line.p, '\0', line.len) != NULL)
		return ST_MALFORMED;
	word = next_word(&rest);
	if (word.len == 0)
		return line.len == 0 ? ST_OK : ST_MALFORMED;
	for (i = 0; i < N_KEYWORDS; i++) {
		if (!is_word(word, keywords[i].name))
			continue;
		st = set(out, &keywords[i], rest, seen[i]);
		seen[i] = true;
		return st;
	}
	return ST_OK;
}

int
hostconf_parse(const char *text, size_t len, struct hostconf *out, char *why,
    size_t whylen)
{
	struct piece rest = { text, len }, line;
	bool seen[N_KEYWORDS] = { false };
	size_t n = 0;
	int st;

	*out = (struct hostconf){ .port = 0 };
	while (next_line(&rest, &line)) {
		n++;
		if ((st = parse_line(line, out, seen)) == ST_OK)
			continue;
		if (st == ST_NOMEM)
			(void)fail(st, why, whylen, "out of memory");
		else if (st == ST_TOO_LARGE)
			(void)fail(st, why, whylen, "line %zu of what ssh -G "
			    "prints is too long, or one too many: \"%s\"", n,
			    show(line.p, line.len).text);
		else
			(void)fail(st, why, whylen, "line %zu of what ssh -G "
			    "prints makes no sense: \"%s\"", n,
			    show(line.p, line.len).text);
		hostconf_fini(out);
		return st;
	}
	if (out->hostname != NULL && out->user != NULL && out->port != 0)
		return ST_OK;
	(void)fail(ST_MALFORMED, why, whylen, "ssh -G does not say %s",
	    out->hostname == NULL ? "hostname" :
	    out->user == NULL ? "user" : "port");
	hostconf_fini(out);
	return ST_MALFORMED;
}

void
hostconf_fini(struct hostconf *c)
{
	free(c->hostname);
	free(c->user);
	free(c->alias);
	free(c->proxy_jump);
	free(c->proxy_command);
	free(c->keys_command);
	free(c->agent);
	list_fini(&c->identities);
	list_fini(&c->certificates);
	list_fini(&c->user_known_hosts);
	list_fini(&c->global_known_hosts);
	*c = (struct hostconf){ .port = 0 };
}

/* --- names and paths ----------------------------------------------------- */

int
hostconf_name(const struct hostconf *c, char *out, size_t cap)
{
	int n;

	/* As ssh has it, an alias stands for a key, whatever the port. */
	if (c->alias != NULL)
		n = snprintf(out, cap, "%s", c->alias);
	else if (c->port == SSH_PORT)
		n = snprintf(out, cap, "%s", c->hostname);
	else
		n = snprintf(out, cap, "[%s]:%u", c->hostname,
		    (unsigned)c->port);
	return n >= 0 && (size_t)n < cap ? ST_OK : ST_TOO_LARGE;
}

/* What stands for a token; NULL for one that is not ours. */
static const char *
token(const struct hostconf *c, const struct hostconf_who *who, char name,
    const char *port)
{
	switch (name) {
	case '%':
		return "%";
	case 'd':
		return who->home;
	case 'h':
		return c->hostname;
	case 'k':
		return c->alias != NULL ? c->alias : who->host;
	case 'n':
		return who->host;
	case 'p':
		return port;
	case 'r':
		return c->user;
	case 'u':
		return who->user;
	default:
		return NULL;
	}
}

int
hostconf_expand(const struct hostconf *c, const struct hostconf_who *who,
    const char *word, char out[static PATH_MAX], char *why, size_t whylen)
{
	const char *wrong = NULL, *p = word, *value;
	char port[8];
	struct text t;

	text_init(&t, out, PATH_MAX);
	(void)snprintf(port, sizeof(port), "%u", (unsigned)c->port);
	if (p[0] == '~' && (p[1] == '/' || p[1] == '\0')) {
		text_add(&t, who->home);
		p++;
	} else if (p[0] == '~') {
		wrong = "the home directory of another user";
	}
	for (; wrong == NULL && *p != '\0'; p++) {
		if (p[0] == '$' && p[1] == '{') {
			wrong = "a variable";
		} else if (*p != '%') {
			text_addc(&t, *p);
		} else if ((value = token(c, who, p[1], port)) == NULL) {
			wrong = "this token";
		} else {
			text_add(&t, value);
			p++;
		}
	}
	if (wrong == NULL && !t.full)
		return ST_OK;
	out[0] = '\0';
	if (wrong == NULL)
		return fail(ST_TOO_LARGE, why, whylen, "the path of \"%s\" is "
		    "too long", show(word, strlen(word)).text);
	return fail(ST_UNSUPPORTED, why, whylen, "\"%s\": %s is not expanded "
	    "here: write the path itself", show(word, strlen(word)).text,
	    wrong);
}

/* --- running the two programs -------------------------------------------- */

/* Find one of them. */
static int
find(const char *usual, const char *name, const char *path,
    char out[static PATH_MAX], char *why, size_t whylen)
{
	if (child_find(usual, NULL, out) == ST_OK ||
	    child_find(name, path, out) == ST_OK)
		return ST_OK;
	return fail(ST_NOT_FOUND, why, whylen, "there is no %s and no %s in "
	    "PATH: install OpenSSH's client", usual, name);
}

int
hostconf_find(struct hostconf_tools *tools, const char *path, char *why,
    size_t whylen)
{
	int st;

	*tools = (struct hostconf_tools){ .time_ms = HOSTCONF_TIME_MS };
	st = find("/usr/bin/ssh", "ssh", path, tools->ssh, why, whylen);
	if (st == ST_OK)
		st = find("/usr/bin/ssh-keygen", "ssh-keygen", path,
		    tools->keygen, why, whylen);
	return st;
}

/* Run one to its end; its exit status is in ${code}, -1 for a signal. */
static int
run(const struct hostconf_tools *tools, char *const *argv, struct child *c,
    int *code, char *why, size_t whylen)
{
	const struct child_spec spec = {
		.program = argv[0],
		.argv = argv,
		.in = CHILD_NULL,
		.out = CHILD_KEEP,
		.err = CHILD_KEEP,
		.out_max = HOSTCONF_OUTPUT_MAX,
		.err_max = ERR_MAX,
		.time_ms = tools->time_ms,
	};
	int st = child_run(c, &spec, why, whylen);

	*code = st == ST_OK && WIFEXITED(c->status) ?
	    WEXITSTATUS(c->status) : -1;
	return st;
}

/* What a program said first over stderr. */
struct said {
	char	 text[SAID_MAX + 1];
};

static struct said
first_said(const struct child *c)
{
	struct piece rest = { c->err_text.p, c->err_text.len }, line;
	struct said s = { "it does not say why" };
	struct text t;

	while (next_line(&rest, &line)) {
		while (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		if (line.len == 0)
			continue;
		text_init(&t, s.text, sizeof(s.text));
		text_escape(&t, line.p, line.len);
		break;
	}
	return s;
}

/* What is wrong with the name of a host, or NULL. */
static const char *
wrong_host(const char *host)
{
	size_t len = strlen(host);
	const unsigned char *p;

	if (len == 0)
		return "is empty";
	if (len > HOSTCONF_HOST_MAX)
		return "is longer than a name can be";
	if (host[0] == '-')
		return "begins with -";
	for (p = (const unsigned char *)host; *p != '\0'; p++)
		if (*p <= ' ' || *p == 0x7f)
			return "has blanks or control bytes in it";
	/* ssh would take it apart. */
	if (strchr(host, '@') != NULL)
		return "has a user before it: give that as User";
	if (strstr(host, "://") != NULL)
		return "is a URL";
	return NULL;
}

/* A word of an argument list, which execve(2) does not change. */
static char *
arg(const char *s)
{
	return (char *)(uintptr_t)s;
}

int
hostconf_read(const struct hostconf_tools *tools, const char *host,
    struct hostconf *out, char *why, size_t whylen)
{
	char *argv[8];
	struct child c;
	const char *wrong;
	size_t n = 0;
	int code, st;

	*out = (struct hostconf){ .port = 0 };
	if ((wrong = wrong_host(host)) != NULL)
		return fail(ST_MALFORMED, why, whylen, "host \"%s\" %s",
		    show(host, strlen(host)).text, wrong);
	argv[n++] = arg(tools->ssh);
	argv[n++] = arg("-G");
	/* Or it says that there is no terminal. */
	argv[n++] = arg("-T");
	if (tools->config != NULL) {
		argv[n++] = arg("-F");
		argv[n++] = arg(tools->config);
	}
	argv[n++] = arg("--");
	argv[n++] = arg(host);
	argv[n] = NULL;

	st = run(tools, argv, &c, &code, why, whylen);
	if (st == ST_OK && code != 0)
		st = fail(ST_MALFORMED, why, whylen, "ssh -G -- %s fails: %s",
		    show(host, strlen(host)).text, first_said(&c).text);
	if (st == ST_OK)
		st = hostconf_parse(c.out_text.p, c.out_text.len, out, why,
		    whylen);
	child_fini(&c);
	return st;
}

/* --- known keys ---------------------------------------------------------- */

/* Whether there is such a one. */
static bool
is_there(const struct hostconf_keys *keys, enum hostconf_mark mark,
    const struct hostkey *key)
{
	const struct hostconf_key *k;

	for (k = keys->key; k < keys->key + keys->n; k++)
		if (k->mark == mark && k->len == key->len &&
		    memcmp(k->blob, key->blob, key->len) == 0)
			return true;
	return false;
}

/* Take a line apart: what it says of a key.  False if there is none. */
static bool
parse_known(struct piece line, enum hostconf_mark *mark, bool *hashed,
    struct hostkey *key)
{
	struct piece word = next_word(&line);
	const char *what;

	*mark = HOSTCONF_KEY;
	if (word.len > 0 && word.p[0] == '@') {
		if (is_word(word, "@cert-authority"))
			*mark = HOSTCONF_CA;
		else if (is_word(word, "@revoked"))
			*mark = HOSTCONF_REVOKED;
		else
			return false;
		word = next_word(&line);
	}
	*hashed = word.len > 0 && word.p[0] == '|';
	return word.len > 0 &&
	    hostkey_parse(line.p, line.len, key, &what) == ST_OK;
}

/* Take one line. */
static int
add_known(struct piece line, struct hostconf_keys *out)
{
	struct hostconf_key *k = &out->key[out->n];
	struct hostkey key;
	enum hostconf_mark mark;
	bool hashed;

	while (line.len > 0 && is_blank(*line.p)) {
		line.p++;
		line.len--;
	}
	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	if (line.len == 0 || line.p[0] == '#')
		return ST_OK;
	if (!parse_known(line, &mark, &hashed, &key)) {
		out->unusable++;
		return ST_OK;
	}
	if (is_there(out, mark, &key))
		return ST_OK;
	if (out->n == HOSTCONF_KEYS_MAX)
		return ST_TOO_LARGE;
	*k = (struct hostconf_key){ .mark = mark, .type = key.type,
		.hashed = hashed, .len = key.len };
	if ((k->blob = malloc(key.len)) == NULL)
		return ST_NOMEM;
	memcpy(k->blob, key.blob, key.len);
	out->n++;
	return ST_OK;
}

int
hostconf_keys_parse(const char *text, size_t len, struct hostconf_keys *out)
{
	struct piece rest = { text, len }, line;
	int st = ST_OK;

	while (st == ST_OK && next_line(&rest, &line))
		st = add_known(line, out);
	return st;
}

/* Whether that key is revoked under any name of its. */
static bool
is_revoked(const struct hostconf_keys *keys, const struct hostconf_key *key)
{
	const struct hostconf_key *k;

	for (k = keys->key; k < keys->key + keys->n; k++)
		if (k->mark == HOSTCONF_REVOKED && k->len == key->len &&
		    memcmp(k->blob, key->blob, key->len) == 0)
			return true;
	return false;
}

void
hostconf_keys_settle(struct hostconf_keys *keys)
{
	bool revoked[HOSTCONF_KEYS_MAX];
	size_t i, left = 0;

	for (i = 0; i < keys->n; i++)
		revoked[i] = is_revoked(keys, &keys->key[i]);
	for (i = 0; i < keys->n; i++) {
		if (!revoked[i]) {
			keys->key[left++] = keys->key[i];
			continue;
		}
		free(keys->key[i].blob);
		keys->revoked++;
	}
	keys->n = left;
}

void
hostconf_keys_fini(struct hostconf_keys *keys)
{
	while (keys->n > 0)
		free(keys->key[--keys->n].blob);
	*keys = (struct hostconf_keys){ .n = 0 };
}

/* The path of a file of known hosts: older ones of ssh do not expand "~/". */
static int
known_path(const struct hostconf_tools *tools, const char *file,
    char out[static PATH_MAX])
{
	bool home = file[0] == '~' && file[1] == '/' && tools->home != NULL;
	int n = snprintf(out, PATH_MAX, "%s%s", home ? tools->home : "",
	    home ? file + 1 : file);

	return n >= 0 && n < PATH_MAX ? ST_OK : ST_TOO_LARGE;
}

/* Whether a file is to be looked into: ST_NOT_FOUND: it has nothing. */
static int
look_at(const char *path)
{
	struct stat sb;

	if (stat(path, &sb) != 0)
		return errno == ENOENT || errno == ENOTDIR ? ST_NOT_FOUND :
		    ST_UNTRUSTED;
	/* /dev/null is what many have who want none. */
	if (S_ISCHR(sb.st_mode))
		return ST_NOT_FOUND;
	if (S_ISREG(sb.st_mode) && access(path, R_OK) == 0)
		return ST_OK;
	if (!S_ISREG(sb.st_mode))
		errno = S_ISDIR(sb.st_mode) ? EISDIR : EINVAL;
	return ST_UNTRUSTED;
}

/* The keys in one file. */
static int
read_file(const struct hostconf_tools *tools, const char *name,
    const char *file, struct hostconf_keys *out, char *why, size_t whylen)
{
	char path[PATH_MAX];
	char *argv[] = { arg(tools->keygen), arg("-F"), arg(name), arg("-f"),
		path, NULL };
	struct child c;
	int code, st;

	if ((st = known_path(tools, file, path)) == ST_OK)
		st = look_at(path);
	if (st == ST_NOT_FOUND)
		return ST_OK;
	if (st != ST_OK)
		return fail(st, why, whylen, "cannot read the known hosts in "
		    "%s: %s", show(file, strlen(file)).text,
		    strerror(st == ST_TOO_LARGE ? ENAMETOOLONG : errno));
	st = run(tools, argv, &c, &code, why, whylen);
	/* 1 is what it says of a host that is not there. */
	if (st == ST_OK && code != 0 && code != 1)
		st = fail(ST_UNTRUSTED, why, whylen, "ssh-keygen cannot read "
		    "the known hosts in %s: %s", show(file, strlen(file)).text,
		    first_said(&c).text);
	if (st == ST_OK) {
		st = hostconf_keys_parse(c.out_text.p, c.out_text.len, out);
		if (st == ST_TOO_LARGE)
			(void)fail(st, why, whylen, "host %s has more than %d "
			    "known keys", show(name, strlen(name)).text,
			    HOSTCONF_KEYS_MAX);
		else if (st != ST_OK)
			(void)fail(st, why, whylen, "out of memory");
	}
	child_fini(&c);
	return st;
}

int
hostconf_keys_read(const struct hostconf_tools *tools,
    const struct hostconf *c, struct hostconf_keys *out, char *why,
    size_t whylen)
{
	const struct hostconf_list *lists[] = { &c->user_known_hosts,
		&c->global_known_hosts };
	char name[NAME_MAX_BYTES];
	size_t i, j;
	int st;

	*out = (struct hostconf_keys){ .n = 0 };
	if ((st = hostconf_name(c, name, sizeof(name))) != ST_OK)
		return fail(st, why, whylen, "the name of the host is too "
		    "long");
	for (i = 0; i < 2 && st == ST_OK; i++)
		for (j = 0; j < lists[i]->n && st == ST_OK; j++)
			st = read_file(tools, name, lists[i]->item[j], out,
			    why, whylen);
	if (st == ST_OK)
		hostconf_keys_settle(out);
	else
		hostconf_keys_fini(out);
	return st;
}
