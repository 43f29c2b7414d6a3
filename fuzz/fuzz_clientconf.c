/*
 * Reaches: clientconf_make, clientconf_fini; manifestvalue_host, _user, _proxy.
 * Claims:  the status is a known one and not negative; what is refused leaves
 *          nothing and is told of in one line that is safe to print; otherwise
 *          names are those of placepipe.h, and no two files have one, whatever
 *          their case; all is within its limits; no file has a control byte but
 *          for ends of lines and tabs; each line of config has a keyword of
 *          ours and a value, Host as often as there are hosts, and names only
 *          files that are there; known_hosts has a line for each key, and each
 *          other file as many as it always has; a proxy with a user is refused.
 * Input:   a byte of flags, numbers of keys and hosts, then what they are,
 *          texts up to a NUL each; an empty one is one that is good.
 */

#include <string.h>
#include <strings.h>

#include "fuzz/fuzz.h"
#include "fuzz/printable.h"
#include "provision/clientconf.h"

#define N_MAX		4
#define TEXTS_MAX	128

#define GOOD_KEY	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDfF++vgupW5X4DL" \
			"MAWGijmfuwOmTsoQsnYO6h2PMH4A"

enum flag {
	FLAG_SIGN = 1,
	FLAG_SIGN_AS = 2,
	FLAG_PROXY = 4,
};

/* Of a host. */
enum has {
	HAS_USER = 1,
	HAS_ALIAS = 2,
	HAS_PROXY = 4,
	HAS_CA = 8,
	HAS_PORT = 16,
};

/* What is left of the input, and the texts that were taken from it. */
struct input {
	const uint8_t	*p;
	size_t		 len;
	char		*text[TEXTS_MAX];
	size_t		 n;
};

static uint8_t
take_byte(struct input *in)
{
	if (in->len == 0)
		return 0;
	in->len--;
	return *in->p++;
}

static char *
take_text(struct input *in, const char *good)
{
	size_t len = strnlen((const char *)in->p, in->len);
	char *s = len > 0 ? strndup((const char *)in->p, len) : strdup(good);

	assert(s != NULL && in->n < TEXTS_MAX);
	in->text[in->n++] = s;
	len += len < in->len;
	in->p += len;
	in->len -= len;
	return s;
}

/* Everything that a plan has here. */
struct world {
	struct plan		 plan;
	struct plan_host	 host[N_MAX];
	struct plan_hostkey	 pin[N_MAX][N_MAX];
	struct plan_key		 key[N_MAX];
	char			*purpose[N_MAX][1];
	char			*cert[N_MAX][N_MAX];
	size_t			 pins;
	size_t			 pubs;
};

static void
take_key(struct input *in, struct world *w, size_t i)
{
	struct plan_key *k = &w->key[i];
	uint8_t what = take_byte(in);

	k->where = take_text(in, "m.json:1:2");
	k->path = take_text(in, "/home/op/.ssh/id");
	k->comment = what & 1 ? take_text(in, "op@desk") : NULL;
	k->pub = take_text(in, GOOD_KEY);
	w->purpose[i][0] = take_text(in, "git");
	k->purposes = (struct plan_words){ w->purpose[i], 1 };
	k->certs.word = w->cert[i];
	k->certs.n = (what >> 1) % N_MAX;
	for (size_t j = 0; j < k->certs.n; j++)
		w->cert[i][j] = take_text(in, GOOD_KEY);
	w->pubs += 1 + k->certs.n;
}

static void
take_host(struct input *in, struct world *w, size_t i)
{
	static const char *const names[N_MAX] = { "a", "b", "c", "d" };
	struct plan_host *h = &w->host[i];
	uint8_t has = take_byte(in), n = take_byte(in);

	h->where = take_text(in, "m.json:1:2");
	h->host = take_text(in, names[i]);
	h->hostname = take_text(in, "h.example.org");
	h->user = has & HAS_USER ? take_text(in, "git") : NULL;
	h->alias = has & HAS_ALIAS ? take_text(in, "al") : NULL;
	h->proxy = has & HAS_PROXY ? take_text(in, "http://p:1") : NULL;
	h->port = 22;
	if (has & HAS_PORT) {
		h->port = take_byte(in);
		h->port = (uint16_t)(h->port << 8 | take_byte(in));
	}
	h->keys = w->pin[i];
	h->n_keys = n % N_MAX;
	for (size_t j = 0; j < h->n_keys; j++) {
		h->keys[j].text = take_text(in, GOOD_KEY);
		h->keys[j].is_ca = (has & HAS_CA) != 0;
	}
	w->pins += h->n_keys;
	h->n_key = w->plan.n_keys > 0 ? (n >> 2) % N_MAX : 0;
	for (size_t j = 0; j < h->n_key; j++)
		h->key[j] = take_byte(in) % w->plan.n_keys;
}

static const struct placepipe_frame *
find(const struct clientconf *c, const char *name, size_t len)
{
	const struct slice wanted = { (const uint8_t *)name, len };

	for (size_t i = 0; i < c->n; i++)
		if (slice_eq(c->frame[i].name, wanted))
			return &c->frame[i];
	return NULL;
}

static size_t
count_lines(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.p[i] == '\n';
	return n;
}

/* Whether a file that a line names is there. */
static bool
is_there(const struct clientconf *c, const char *value, size_t len)
{
	const char *name;

	if (value[len - 1] == '"')
		len--;
	name = memrchr(value, '/', len);
	return name != NULL && find(c, name + 1,
	    len - (size_t)(name + 1 - value)) != NULL;
}

/* The keywords of config, and what is behind them. */
enum value {
	VALUE_NONE,		/* nothing: it is a part of the keyword */
	VALUE_WORD,
	VALUE_FILE,		/* a file of ours */
	VALUE_WORDS,
};

static const struct keyword {
	const char	*text;
	enum value	 value;
} keywords[] = {
	{ "    HostName ", VALUE_WORD },
	{ "    Port ", VALUE_WORD },
	{ "    User ", VALUE_WORD },
	{ "    HostKeyAlias ", VALUE_WORD },
	{ "    IdentityAgent ", VALUE_WORD },
	{ "    IdentityFile ", VALUE_FILE },
	{ "    CertificateFile ", VALUE_FILE },
	{ "    IdentitiesOnly yes", VALUE_NONE },
	{ "    StrictHostKeyChecking yes", VALUE_NONE },
	{ "    UserKnownHostsFile ", VALUE_FILE },
	{ "    GlobalKnownHostsFile /dev/null", VALUE_NONE },
	{ "    UpdateHostKeys no", VALUE_NONE },
	{ "    ProxyCommand ", VALUE_WORDS },
	{ "    ProxyUseFdpass yes", VALUE_NONE },
	{ "    ServerAliveInterval 30", VALUE_NONE },
	{ "    ForwardAgent no", VALUE_NONE },
	{ "Host ", VALUE_WORDS },
	{ "# Written by ", VALUE_WORDS },
};

/* The keyword that a line begins with. */
static const struct keyword *
keyword_of(const char *line, size_t len)
{
	const struct keyword *k = keywords;
	const struct keyword *end = k + sizeof(keywords) / sizeof(*k);

	while (k < end && (len < strlen(k->text) ||
	    memcmp(line, k->text, strlen(k->text)) != 0))
		k++;
	assert(k < end);
	return k;
}

/* A line of config; Host is counted. */
static void
check_line(const struct clientconf *c, const char *line, size_t len,
    size_t *blocks)
{
	const struct keyword *k;
	const char *value;

	if (len == 0)
		return;
	k = keyword_of(line, len);
	*blocks += line[0] == 'H';
	value = line + strlen(k->text);
	len -= strlen(k->text);
	assert((len == 0) == (k->value == VALUE_NONE));
	if (k->value == VALUE_WORD || k->value == VALUE_FILE)
		assert(memchr(value, ' ', len) == NULL);
	if (k->value == VALUE_FILE)
		assert(is_there(c, value, len));
	(void)c;
	(void)value;
}

static void
check_config(const struct clientconf *c, const struct world *w)
{
	const struct placepipe_frame *f = find(c, "config", 6);
	const char *p, *end, *nl;
	size_t blocks = 0;

	assert(f != NULL);
	p = (const char *)f->bytes.p;
	for (end = p + f->bytes.len; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		assert(nl != NULL);
		check_line(c, p, (size_t)(nl - p), &blocks);
	}
	assert(blocks == w->plan.n_hosts);
	(void)w;
}

/* A name, or a path of such names. */
static void
check_name(const struct placepipe_frame *f)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz0123456789"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ@_+=,-./";
	const char *name = (const char *)f->name.p;

	assert(f->name.len > 0 && f->name.len <= PLACEPIPE_NAME_MAX);
	assert(strlen(name) == f->name.len);
	assert(name[strspn(name, chars)] == '\0');
	assert(f->kind == PLACE_LINE ||
	    (name[0] != '.' && strchr(name, '/') == NULL));
	(void)name;
	(void)chars;
}

static void
check_frames(const struct clientconf *c)
{
	size_t total = 0;

	assert(c->n <= PLACEPIPE_FILES_MAX);
	for (size_t i = 0; i < c->n; i++) {
		const struct placepipe_frame *f = &c->frame[i];

		assert(f->kind == PLACE_FILE || f->kind == PLACE_COMMON ||
		    f->kind == PLACE_LINE);
		check_name(f);
		assert(f->bytes.len > 0);
		assert(f->bytes.p[f->bytes.len - 1] == '\n');
		assert(f->bytes.len + f->name.len + 9 <= PLACEPIPE_FRAME_MAX);
		total += f->bytes.len;
		for (size_t j = 0; j < f->bytes.len; j++)
			assert((f->bytes.p[j] >= ' ' && f->bytes.p[j] != 0x7f)
			    || f->bytes.p[j] == '\n' || f->bytes.p[j] == '\t');
		for (size_t j = 0; j < i; j++)
			assert(strcasecmp((const char *)f->name.p,
			    (const char *)c->frame[j].name.p) != 0);
	}
	assert(total <= PLACEPIPE_BYTES_MAX);
	(void)total;
}

/* How many lines a file has; 0: it is not there. */
static size_t
lines_of(const struct clientconf *c, const char *name)
{
	const struct placepipe_frame *f = find(c, name, strlen(name));

	return f != NULL ? count_lines(f->bytes) : 0;
}

static void
check_good(const struct clientconf *c, const struct world *w,
    const struct clientconf_how *how)
{
	size_t pubs = 0;

	check_frames(c);
	check_config(c, w);
	for (size_t i = 0; i < c->n; i++) {
		const struct placepipe_frame *f = &c->frame[i];

		if (strstr((const char *)f->name.p, ".pub") == NULL)
			continue;
		pubs++;
		assert(count_lines(f->bytes) == 1);
	}
	assert(pubs == w->pubs);
	assert(lines_of(c, "known_hosts") == w->pins);
	assert(lines_of(c, "env") == 1);
	assert(lines_of(c, ".ssh/config") == 1);
	assert(lines_of(c, "gitconfig") == (how->sign ? 12 : 0));
	assert(lines_of(c, "allowed_signers") == (how->sign ? 1 : 0));
	assert(lines_of(c, ".gitconfig") == (how->sign ? 2 : 0));
	assert(how->proxy == NULL || strchr(how->proxy, '@') == NULL);
	for (size_t i = 0; i < w->plan.n_hosts; i++)
		assert(w->host[i].proxy == NULL ||
		    strchr(w->host[i].proxy, '@') == NULL);
	(void)pubs;
	(void)how;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .p = data, .len = size };
	struct world w = { .plan = { .n_hosts = 0 } };
	struct clientconf_how how;
	struct clientconf c;
	char why[PLAN_WHY_MAX] = "";
	uint8_t flags = take_byte(&in);
	int st;

	w.plan.hosts = w.host;
	w.plan.keys = w.key;
	w.plan.n_keys = take_byte(&in) % (N_MAX + 1);
	w.plan.n_hosts = take_byte(&in) % (N_MAX + 1);
	how = (struct clientconf_how){ .sign = (flags & FLAG_SIGN) != 0 };
	how.name = take_text(&in, "default");
	how.socket = take_text(&in, "/run/bottle-agent.sock");
	how.bin = take_text(&in, "/usr/local/bin");
	how.sign_as = flags & FLAG_SIGN_AS ? take_text(&in, "x@y") : NULL;
	how.proxy = flags & FLAG_PROXY ? take_text(&in, "direct") : NULL;
	for (size_t i = 0; i < w.plan.n_keys; i++)
		take_key(&in, &w, i);
	for (size_t i = 0; i < w.plan.n_hosts; i++)
		take_host(&in, &w, i);

	st = clientconf_make(&w.plan, &how, &c, why, sizeof(why));
	assert(st == ST_OK || st == ST_MALFORMED || st == ST_TOO_LARGE);
	assert((st == ST_OK) == (why[0] == '\0'));
	fuzz_printable(why, sizeof(why));
	if (st == ST_OK)
		check_good(&c, &w, &how);
	else
		assert(c.n == 0 && c.frame == NULL);
	clientconf_fini(&c);
	clientconf_fini(&c);
	while (in.n > 0)
		free(in.text[--in.n]);
	return 0;
}
