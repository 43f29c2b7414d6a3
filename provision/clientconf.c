/*
 * ssh, git and shells quote in different ways, and older versions of ssh in
 * other ones than newer.  So what goes into a file is of a list of characters
 * that mean nothing to any of them, and what is not is an error: there is
 * nothing to quote then but words with = in them, at which ssh before 8.7 ends
 * a word, and the URL of a proxy, which goes through a shell.
 */
#include "provision/clientconf.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "base/unixsock.h"
#include "provision/manifestvalue.h"

#define ALNUM	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
/* What may be in the name of a load, in a path there, and in an alias. */
#define IN_NAME		ALNUM "@_+=,.-"
#define IN_PATH		IN_NAME "/:"
#define IN_ALIAS	ALNUM "._:[]+-"
/* What may be in a proxy's URL behind its scheme. */
#define IN_AUTHORITY	ALNUM "._:[]%-"

/* Longest beginning of a key's file name, and room for all of it:
 * STEM-255-cert-1024.pub. */
#define STEM_MAX	40
#define FILE_ROOM	64
/* Longest comment of a key, and longest principal. */
#define COMMENT_MAX	256
#define PRINCIPAL_MAX	255
/* Frames besides the files of keys: config, known_hosts, gitconfig,
 * allowed_signers, env, and two of lines. */
#define FRAMES_MORE	7
/* What a frame is longer by than its name and its bytes: kind and lengths. */
#define FRAME_OVERHEAD	9
/* How much is shown of a value. */
#define SHOWN_MAX	64

#define FIRST_LINE	"# Written by bottle-provision; changes are lost when " \
			"it loads again.\n"

/* A work in progress. */
struct make {
	const struct plan		*plan;
	const struct clientconf_how	*how;
	struct clientconf		*out;
	size_t				 room;	/* for frames */
	size_t				 bytes;	/* in all of them */
	/* Names of the files of keys: of each one that of the key itself, and
	 * behind it those of its certificates. */
	char				(*file)[FILE_ROOM];
	size_t				 n_files;
	size_t				 first[PLAN_KEYS_MAX];
	char				*why;
	size_t				 whylen;
};

/* --- messages ------------------------------------------------------------ */

/* Say what is wrong: "WHERE: FIELD WHAT; it is "VALUE"".  A value that must not
 * be shown is NULL. */
static int
wrong(struct make *m, const char *where, const char *field, const char *what,
    const char *value)
{
	struct text t;
	size_t len;

	text_init(&t, m->why, m->whylen);
	if (where != NULL) {
		text_escape(&t, where, strlen(where));
		text_add(&t, ": ");
	}
	text_add(&t, field);
	text_addc(&t, ' ');
	text_add(&t, what);
	if (value != NULL) {
		len = strlen(value);
		text_add(&t, "; it is \"");
		text_escape(&t, value, len < SHOWN_MAX ? len : SHOWN_MAX);
		text_add(&t, len > SHOWN_MAX ? "...\"" : "\"");
	}
	return ST_MALFORMED;
}

static int
too_large(struct make *m, const char *name)
{
	struct text t;

	text_init(&t, m->why, m->whylen);
	text_addf(&t, "%s would be more than a load can have (%d files, %d KiB "
	    "in a file, %d KiB in all): load fewer hosts and keys at once, "
	    "under names of their own", name, PLACEPIPE_FILES_MAX,
	    PLACEPIPE_FRAME_MAX / 1024, PLACEPIPE_BYTES_MAX / 1024);
	return ST_TOO_LARGE;
}

static int
no_memory(struct make *m)
{
	struct text t;

	text_init(&t, m->why, m->whylen);
	text_add(&t, "out of memory");
	return ST_NOMEM;
}

/* --- what may be in a file ----------------------------------------------- */

static bool
is_made_of(const char *s, const char *chars)
{
	return s[strspn(s, chars)] == '\0';
}

/* Whether ${s} is "TYPE BASE64", and no more. */
static bool
is_key(const char *s)
{
	size_t len = strspn(s, ALNUM "@.-");

	return len > 0 && s[len] == ' ' && s[len + 1] != '\0' &&
	    is_made_of(s + len + 1, ALNUM "+/=");
}

/* What is wrong with the name of a load, or NULL. */
static const char *
wrong_name(const char *s)
{
	if (s[0] == '\0' || s[0] == '.' || strlen(s) > PLACEPIPE_NAME_MAX ||
	    !is_made_of(s, IN_NAME))
		return "must be 1 to 64 letters, digits and @ _ + = , . -, and "
		    "not begin with a dot";
	return NULL;
}

/* What is wrong with a path there of less than ${room} bytes, or NULL. */
static const char *
wrong_path(const char *s, size_t room)
{
	if (s[0] != '/')
		return "must be an absolute path";
	if (strlen(s) >= room)
		return "must be a shorter path";
	if (!is_made_of(s, IN_PATH))
		return "must be a path of letters, digits and / . _ - + @ , = "
		    ":, as ssh, git and shells take it without quotes";
	return NULL;
}

/* What is wrong with a principal, or NULL. */
static const char *
wrong_principal(const char *s)
{
	if (s[0] == '\0' || strlen(s) > PRINCIPAL_MAX)
		return "must have 1 to 255 bytes";
	if (s[0] == '#')
		return "must not begin with #, as comments do";
	for (; *s != '\0'; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f ||
		    strchr("\"'\\", *s) != NULL)
			return "must have no blanks, quotes, backslashes and "
			    "control bytes";
	return NULL;
}

/* What is wrong with a user there, or NULL. */
static const char *
wrong_user(const char *s)
{
	const char *what = manifestvalue_user(s);

	/* Before 8.7 these were two to ssh, and since then they are one. */
	if (what == NULL && strstr(s, "\\\\") != NULL)
		what = "must be a name of a user without two \\ in a row";
	return what;
}

/* What is wrong with an alias, or NULL. */
static const char *
wrong_alias(const char *s)
{
	if (s[0] == '\0' || strlen(s) > MANIFEST_HOST_MAX)
		return "must have 1 to 253 bytes";
	if (strcasecmp(s, "none") == 0)
		return "must not be \"none\", which to some versions of ssh is "
		    "no alias";
	if (s[0] == '-' || !is_made_of(s, IN_ALIAS))
		return "must be letters, digits and . _ : [ ] + -, and not "
		    "begin with -";
	return NULL;
}

/* What is wrong with a proxy, or NULL.  None of it may be shown. */
static const char *
wrong_proxy(const char *s)
{
	const char *what = manifestvalue_proxy(s), *rest;
	size_t len;

	if (what != NULL || strcmp(s, "direct") == 0)
		return what;
	/* The file is the sandbox's own: a password in it is given away. */
	if (strchr(s, '@') != NULL)
		return "must be a URL without user and password, which all in "
		    "the container could read in ssh's configuration: say no "
		    "proxy here, and in the container put a ProxyCommand with "
		    "bottle-forward connect --auth-file into ~/.ssh/config";
	rest = strstr(s, "://") + 3;
	len = strspn(rest, IN_AUTHORITY);
	if (len == 0 || (rest[len] != '\0' && strcmp(rest + len, "/") != 0))
		return "must be a URL that ends after host and port, like "
		    "http://proxy:8888 or socks5h://[2001:db8::1]:1080";
	return NULL;
}

/* --- frames -------------------------------------------------------------- */

/* Append a frame; ${bytes} is on the heap, and taken in any case. */
static int
add(struct make *m, enum placepipe_kind kind, const char *name, char *bytes,
    size_t len)
{
	struct placepipe_frame *f = &m->out->frame[m->out->n];
	size_t namelen = strlen(name);
	char *copy;

	assert(m->out->n < m->room);
	if (m->out->n == PLACEPIPE_FILES_MAX ||
	    len > PLACEPIPE_FRAME_MAX - FRAME_OVERHEAD - namelen ||
	    len > PLACEPIPE_BYTES_MAX - m->bytes) {
		free(bytes);
		return too_large(m, name);
	}
	if ((copy = strdup(name)) == NULL) {
		free(bytes);
		return no_memory(m);
	}
	*f = (struct placepipe_frame){
		.kind = kind,
		.name = { (const uint8_t *)copy, namelen },
		.bytes = { (const uint8_t *)bytes, len },
	};
	m->out->n++;
	m->bytes += len;
	return ST_OK;
}

/* A file that is being written. */
struct sheet {
	FILE	*f;
	char	*text;
	size_t	 len;
};

static int
sheet_open(struct make *m, struct sheet *s)
{
	*s = (struct sheet){ .f = NULL };
	s->f = open_memstream(&s->text, &s->len);
	return s->f != NULL ? ST_OK : no_memory(m);
}

/* Make a frame of it, unless something went wrong before, which is ${st}. */
static int
sheet_close(struct make *m, struct sheet *s, int st, enum placepipe_kind kind,
    const char *name)
{
	bool bad;

	if (s->f == NULL)
		return st;
	bad = ferror(s->f) != 0;
	if ((fclose(s->f) != 0 || bad) && st == ST_OK)
		st = no_memory(m);
	if (st == ST_OK)
		return add(m, kind, name, s->text, s->len);
	free(s->text);
	return st;
}

/* One short text. */
static int PRINTF_LIKE(4, 5)
add_text(struct make *m, enum placepipe_kind kind, const char *name,
    const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return n < 0 ? no_memory(m) : add(m, kind, name, text, (size_t)n);
}

/* --- keys ---------------------------------------------------------------- */

/* What the files of a key begin with: the last part of its path. */
static void
make_stem(const char *path, char out[static STEM_MAX + 1])
{
	const char *slash = strrchr(path, '/');
	size_t i;

	if (slash != NULL)
		path = slash + 1;
	if (path[0] == '\0')
		path = "key";
	for (i = 0; i < STEM_MAX && path[i] != '\0'; i++) {
		out[i] = path[i];
		if (strchr(ALNUM "_.-", path[i]) == NULL)
			out[i] = '_';
	}
	out[i] = '\0';
	if (out[0] == '.' || out[0] == '-')
		out[0] = '_';
}

/* Whether a key has this file already; some file systems ignore case. */
static bool
is_taken(const struct make *m, const char *name)
{
	for (size_t i = 0; i < m->n_files; i++)
		if (strcasecmp(m->file[i], name) == 0)
			return true;
	return false;
}

/* Name the next file STEM[-cert][-N].pub; what stands before ".pub" is in
 * ${used}, if that is wanted. */
static void
name_file(struct make *m, const char *stem, const char *role, char *used)
{
	char *name = m->file[m->n_files];
	int len = snprintf(name, FILE_ROOM, "%s%s.pub", stem, role);

	for (unsigned i = 2; is_taken(m, name); i++)
		len = snprintf(name, FILE_ROOM, "%s%s-%u.pub", stem, role, i);
	assert(len > 0 && len < FILE_ROOM);
	if (used != NULL)
		(void)snprintf(used, FILE_ROOM, "%.*s", len - 4, name);
	m->n_files++;
}

/* Name all files of keys. */
static int
name_files(struct make *m)
{
	char stem[STEM_MAX + 1], used[FILE_ROOM];
	size_t n = m->plan->n_keys;

	for (size_t i = 0; i < m->plan->n_keys; i++) {
		n += m->plan->keys[i].certs.n;
		if (n > PLACEPIPE_FILES_MAX)
			return too_large(m, "the keys' files");
	}
	m->room = n + FRAMES_MORE;
	m->file = calloc(n + 1, sizeof(*m->file));
	m->out->frame = calloc(m->room, sizeof(*m->out->frame));
	if (m->file == NULL || m->out->frame == NULL)
		return no_memory(m);

	for (size_t i = 0; i < m->plan->n_keys; i++) {
		const struct plan_key *k = &m->plan->keys[i];

		make_stem(k->path, stem);
		m->first[i] = m->n_files;
		name_file(m, stem, "", used);
		for (size_t j = 0; j < k->certs.n; j++)
			name_file(m, used, "-cert", NULL);
	}
	return ST_OK;
}

/* How much of ${s} a comment is, in whole characters. */
static size_t
comment_cut(const char *s)
{
	size_t len = strlen(s);

	if (len <= COMMENT_MAX)
		return len;
	for (len = COMMENT_MAX; len > COMMENT_MAX - 4; len--)
		if (((unsigned char)s[len] & 0xc0) != 0x80)
			break;
	return len;
}

/* One file: a key, or a certificate. */
static int
put_key(struct make *m, const struct plan_key *k, const char *text,
    const char *name)
{
	char comment[COMMENT_MAX + 2], *p = comment;
	const char *from = k->comment != NULL ? k->comment : "";
	size_t len = comment_cut(from);

	if (!is_key(text))
		return wrong(m, k->where, "the public key", "is not a type and "
		    "base64", text);
	*p++ = ' ';
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)from[i] >= 0x20 && from[i] != 0x7f)
			*p++ = from[i];
	*p = '\0';
	return add_text(m, PLACE_FILE, name, "%s%s\n", text,
	    comment[1] != '\0' ? comment : "");
}

static int
put_keys(struct make *m)
{
	int st = ST_OK;

	for (size_t i = 0; i < m->plan->n_keys && st == ST_OK; i++) {
		const struct plan_key *k = &m->plan->keys[i];
		size_t at = m->first[i];

		assert(k->pub != NULL);
		st = put_key(m, k, k->pub, m->file[at]);
		for (size_t j = 0; j < k->certs.n && st == ST_OK; j++)
			st = put_key(m, k, k->certs.word[j],
			    m->file[at + 1 + j]);
	}
	return st;
}

/* --- ssh ----------------------------------------------------------------- */

/* What the host is called in known_hosts. */
static void
put_known_name(FILE *f, const struct plan_host *h)
{
	/* As ssh has it, an alias stands for a key, whatever the port. */
	if (h->alias != NULL)
		(void)fputs(h->alias, f);
	else if (h->port == 22)
		(void)fputs(h->hostname, f);
	else
		(void)fprintf(f, "[%s]:%u", h->hostname, (unsigned)h->port);
}

/* Write known_hosts, if a key of any host is known. */
static int
put_known_hosts(struct make *m)
{
	struct sheet s;
	int st = sheet_open(m, &s);

	for (size_t i = 0; i < m->plan->n_hosts && st == ST_OK; i++) {
		const struct plan_host *h = &m->plan->hosts[i];

		for (size_t j = 0; j < h->n_keys && st == ST_OK; j++) {
			if (!is_key(h->keys[j].text))
				st = wrong(m, h->where, "KnownHostKey",
				    "is not a type and base64",
				    h->keys[j].text);
			if (h->keys[j].is_ca)
				(void)fputs("@cert-authority ", s.f);
			put_known_name(s.f, h);
			(void)fprintf(s.f, " %s\n", h->keys[j].text);
		}
		if (st == ST_OK && ftello(s.f) > PLACEPIPE_FRAME_MAX)
			st = too_large(m, "known_hosts");
	}
	if (st == ST_OK && ftello(s.f) == 0) {
		(void)fclose(s.f);
		free(s.text);
		return ST_OK;
	}
	return sheet_close(m, &s, st, PLACE_FILE, "known_hosts");
}

/* A line with a path, which has no quotes in it. */
static void
put_path(FILE *f, const char *keyword, const char *before, const char *name,
    const char *after)
{
	const char *quote = strchr(name, '=') != NULL ? "\"" : "";

	(void)fprintf(f, "    %s %s%s%s%s%s\n", keyword, quote, before, name,
	    after, quote);
}

/* A line with one of our files there. */
static void
put_file(struct make *m, FILE *f, const char *keyword, const char *file)
{
	char after[FILE_ROOM + 1];

	(void)snprintf(after, sizeof(after), "/%s", file);
	put_path(f, keyword, "~/" CLIENTCONF_DIR "/", m->how->name, after);
}

/* The command that leads through a proxy: for a shell, and then for ssh, which
 * expands % in it. */
static void
put_proxy(struct make *m, FILE *f, const char *url)
{
	char word[4 * MANIFEST_PROXY_MAX + 3];
	struct text t;

	if (strcmp(url, "direct") == 0) {
		/* Nor any that the user's own configuration has. */
		(void)fputs("    ProxyCommand none\n", f);
		return;
	}
	text_init(&t, word, sizeof(word));
	text_shell(&t, url);
	(void)fprintf(f, "    ProxyCommand %s/bottle-forward connect --fdpass "
	    "--proxy ", m->how->bin);
	for (const char *p = word; *p != '\0'; p++)
		(void)fprintf(f, *p == '%' ? "%%%%" : "%c", *p);
	(void)fputs(" -- %h %p\n    ProxyUseFdpass yes\n", f);
}

/* Whether the host's real name is nobody else's. */
static bool
owns_hostname(const struct plan *plan, const struct plan_host *h)
{
	for (size_t i = 0; i < plan->n_hosts; i++) {
		const struct plan_host *o = &plan->hosts[i];

		if (o != h && (strcasecmp(o->host, h->hostname) == 0 ||
		    strcasecmp(o->hostname, h->hostname) == 0))
			return false;
	}
	return true;
}

/* Which keys to offer, and that no others are. */
static void
put_identities(struct make *m, FILE *f, const struct plan_host *h)
{
	for (size_t i = 0; i < h->n_key; i++)
		put_file(m, f, "IdentityFile", m->file[m->first[h->key[i]]]);
	for (size_t i = 0; i < h->n_key; i++)
		for (size_t j = 0; j < m->plan->keys[h->key[i]].certs.n; j++)
			put_file(m, f, "CertificateFile",
			    m->file[m->first[h->key[i]] + 1 + j]);
	if (h->n_key > 0)
		(void)fputs("    IdentitiesOnly yes\n", f);
}

/*
 * The keys that are known are the operator's word: what the image or the user
 * there has in files of their own does not add to them, and ssh asks nobody.
 * An empty file rather than "none", which to ssh before 8.7 is a file of the
 * directory that it is started in.
 */
static void
put_pins(struct make *m, FILE *f)
{
	(void)fputs("    StrictHostKeyChecking yes\n", f);
	put_file(m, f, "UserKnownHostsFile", "known_hosts");
	(void)fputs("    GlobalKnownHostsFile /dev/null\n"
	    "    UpdateHostKeys no\n", f);
}

/* The block of one host; everything in it was checked. */
static void
put_host(struct make *m, FILE *f, const struct plan_host *h)
{
	const char *proxy = h->proxy != NULL ? h->proxy : m->how->proxy;

	(void)fprintf(f, "\nHost %s", h->host);
	if (strcmp(h->host, h->hostname) != 0 && owns_hostname(m->plan, h))
		(void)fprintf(f, " %s", h->hostname);
	/* Always, so that %h is never what somebody typed; and a port, so that
	 * the user's own configuration does not say another. */
	(void)fprintf(f, "\n    HostName %s\n    Port %u\n", h->hostname,
	    (unsigned)h->port);
	if (h->user != NULL)
		(void)fprintf(f, "    User %s\n", h->user);
	if (h->alias != NULL)
		(void)fprintf(f, "    HostKeyAlias %s\n", h->alias);
	put_path(f, "IdentityAgent", "", m->how->socket, "");
	put_identities(m, f, h);
	if (h->n_keys > 0)
		put_pins(m, f);
	if (proxy != NULL)
		put_proxy(m, f, proxy);
	/* Proxies end tunnels that are idle.  And who gets the agent forwarded
	 * may use all keys in it that are not bound to hosts, not just those
	 * for this host. */
	(void)fputs("    ServerAliveInterval 30\n    ForwardAgent no\n", f);
}

/* What is wrong with a host. */
static int
check_host(struct make *m, const struct plan_host *h)
{
	const char *what;

	if ((what = manifestvalue_host(h->host)) != NULL)
		return wrong(m, h->where, "Host", what, h->host);
	if ((what = manifestvalue_host(h->hostname)) != NULL)
		return wrong(m, h->where, "Hostname", what, h->hostname);
	if (h->user != NULL && (what = wrong_user(h->user)) != NULL)
		return wrong(m, h->where, "User", what, h->user);
	if (h->alias != NULL && (what = wrong_alias(h->alias)) != NULL)
		return wrong(m, h->where, "HostKeyAlias", what, h->alias);
	if (h->proxy != NULL && (what = wrong_proxy(h->proxy)) != NULL)
		return wrong(m, h->where, "proxy", what, NULL);
	if (h->port == 0)
		return wrong(m, h->where, "Port", "must be from 1 to 65535",
		    NULL);
	return ST_OK;
}

static int
put_config(struct make *m)
{
	struct sheet s;
	int st = sheet_open(m, &s);

	if (st == ST_OK)
		(void)fputs(FIRST_LINE, s.f);
	for (size_t i = 0; i < m->plan->n_hosts && st == ST_OK; i++) {
		if ((st = check_host(m, &m->plan->hosts[i])) != ST_OK)
			break;
		put_host(m, s.f, &m->plan->hosts[i]);
		if (ftello(s.f) > PLACEPIPE_FRAME_MAX)
			st = too_large(m, "config");
	}
	return sheet_close(m, &s, st, PLACE_FILE, "config");
}

/* --- git ----------------------------------------------------------------- */

/* The first key that may sign commits, or NULL. */
static const struct plan_key *
signing_key(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_keys; i++) {
		const struct plan_words *p = &plan->keys[i].purposes;

		for (size_t j = 0; j < p->n; j++)
			if (strcmp(p->word[j], "git") == 0 ||
			    strcmp(p->word[j], "any") == 0)
				return &plan->keys[i];
	}
	return NULL;
}

static int
put_git(struct make *m)
{
	const struct plan_key *k = signing_key(m->plan);
	int st;

	if (k == NULL)
		return wrong(m, NULL, "--sign", "needs a key that may sign "
		    "commits: give one the purpose git, or leave --sign out",
		    NULL);
	st = add_text(m, PLACE_FILE, "gitconfig", FIRST_LINE
	    "[user]\n\tsigningkey = key::%s\n"
	    "[commit]\n\tgpgsign = true\n"
	    "[tag]\n\tgpgsign = true\n"
	    "[gpg]\n\tformat = ssh\n"
	    "[gpg \"ssh\"]\n\tprogram = %s/bottle-ssh-keygen\n"
	    "\tallowedSignersFile = ~/" CLIENTCONF_DIR "/%s/allowed_signers\n",
	    k->pub, m->how->bin, m->how->name);
	if (st != ST_OK)
		return st;
	return add_text(m, PLACE_FILE, "allowed_signers",
	    "%s namespaces=\"git\" %s\n",
	    m->how->sign_as != NULL ? m->how->sign_as : "*", k->pub);
}

/* --- all of it ----------------------------------------------------------- */

/* What goes for all hosts. */
static int
check_how(struct make *m)
{
	const struct clientconf_how *how = m->how;
	const char *what;

	if ((what = wrong_name(how->name)) != NULL)
		return wrong(m, NULL, "--name", what, how->name);
	if ((what = wrong_path(how->socket, UNIXSOCK_PATH_MAX)) != NULL)
		return wrong(m, NULL, "--socket", what, how->socket);
	if ((what = wrong_path(how->bin, PATH_MAX)) != NULL)
		return wrong(m, NULL, "--bin", what, how->bin);
	if (how->proxy != NULL && (what = wrong_proxy(how->proxy)) != NULL)
		return wrong(m, NULL, "--proxy", what, NULL);
	if (how->sign && how->sign_as != NULL &&
	    (what = wrong_principal(how->sign_as)) != NULL)
		return wrong(m, NULL, "--sign-as", what, how->sign_as);
	return ST_OK;
}

/* What is in no file of the load's own. */
static int
put_rest(struct make *m)
{
	int st;

	/* As keygen_parse() reads it, and a shell, and env(1). */
	st = add_text(m, PLACE_COMMON, "env", "SSH_AUTH_SOCK=%s\n",
	    m->how->socket);
	if (st == ST_OK)
		st = add_text(m, PLACE_LINE, ".ssh/config",
		    PLACEPIPE_SSH_LINES);
	if (st == ST_OK && m->how->sign)
		st = add_text(m, PLACE_LINE, ".gitconfig", PLACEPIPE_GIT_LINES,
		    m->how->name);
	return st;
}

int
clientconf_make(const struct plan *plan, const struct clientconf_how *how,
    struct clientconf *out, char *why, size_t whylen)
{
	struct make m = { .plan = plan, .how = how, .out = out, .why = why,
		.whylen = whylen };
	int st;

	assert(plan->n_keys <= PLAN_KEYS_MAX);
	*out = (struct clientconf){ .n = 0 };
	if ((st = check_how(&m)) != ST_OK)
		goto out;
	if ((st = name_files(&m)) != ST_OK)
		goto out;
	if ((st = put_config(&m)) != ST_OK)
		goto out;
	if ((st = put_known_hosts(&m)) != ST_OK)
		goto out;
	if ((st = put_keys(&m)) != ST_OK)
		goto out;
	if (how->sign && (st = put_git(&m)) != ST_OK)
		goto out;
	st = put_rest(&m);
out:
	free(m.file);
	if (st != ST_OK)
		clientconf_fini(out);
	return st;
}

/* Release bytes that a slice borrows from the heap. */
static void
slice_free(struct slice s)
{
	free((void *)(uintptr_t)s.p);
}

void
clientconf_fini(struct clientconf *c)
{
	while (c->n > 0) {
		c->n--;
		slice_free(c->frame[c->n].name);
		slice_free(c->frame[c->n].bytes);
	}
	free(c->frame);
	c->frame = NULL;
}
