#include "provision/plan.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "proto/agent_num.h"
#include "proto/constraint.h"
#include "proto/destination.h"
#include "provision/hostkey.h"

#define SSH_PORT	22
/* What a list of constraints or destinations is built in: no record of a
 * bundle takes more. */
#define ROOM		(16 * 1024)

static const char purpose_auth[] = "auth";
static const char purpose_git[] = "git";
static const char purpose_any[] = "any";

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

void
plan_init(struct plan *p)
{
	*p = (struct plan){ 0 };
}

/* A copy of a text that may be missing. */
static int
copy(char **out, const char *s)
{
	*out = NULL;
	if (s == NULL)
		return ST_OK;
	*out = strdup(s);
	return *out == NULL ? ST_NOMEM : ST_OK;
}

/* --- words --------------------------------------------------------------- */

static bool
words_have(const struct plan_words *w, const char *word)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->word[i], word) == 0)
			return true;
	return false;
}

static int
words_add(struct plan_words *w, const char *word)
{
	char **more;

	if (words_have(w, word))
		return ST_OK;
	more = realloc(w->word, (w->n + 1) * sizeof(*more));
	if (more == NULL)
		return ST_NOMEM;
	w->word = more;
	if ((w->word[w->n] = strdup(word)) == NULL)
		return ST_NOMEM;
	w->n++;
	return ST_OK;
}

static void
words_fini(struct plan_words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->word[i]);
	free(w->word);
	*w = (struct plan_words){ 0 };
}

static bool
words_same(const struct plan_words *a, const struct manifest_words *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < b->n; i++)
		if (!words_have(a, b->words[i]))
			return false;
	return true;
}

/* --- what a key is for --------------------------------------------------- */

/* "any" has no others beside it. */
static int
purposes_unite(struct plan_words *w, const struct manifest_words *more,
    bool sign)
{
	bool any = words_have(w, purpose_any);
	int st = ST_OK;

	for (size_t i = 0; i < more->n; i++)
		any = any || strcmp(more->words[i], purpose_any) == 0;
	if (any) {
		words_fini(w);
		return words_add(w, purpose_any);
	}
	for (size_t i = 0; i < more->n && st == ST_OK; i++)
		st = words_add(w, more->words[i]);
	if (more->n == 0 && st == ST_OK)
		st = words_add(w, purpose_auth);
	if (more->n == 0 && sign && st == ST_OK)
		st = words_add(w, purpose_git);
	return st;
}

/* The key of a file, if it is there. */
static struct plan_key *
find_key(const struct plan *p, const char *path)
{
	for (size_t i = 0; i < p->n_keys; i++)
		if (strcmp(p->keys[i].path, path) == 0)
			return &p->keys[i];
	return NULL;
}

/* A new key, of which nothing is known but its file. */
static int
new_key(struct plan *p, const char *where, const char *path,
    struct plan_key **out)
{
	struct plan_key *more, *k;

	if (p->n_keys == PLAN_KEYS_MAX)
		return ST_TOO_LARGE;
	more = realloc(p->keys, (p->n_keys + 1) * sizeof(*more));
	if (more == NULL)
		return ST_NOMEM;
	p->keys = more;
	k = &p->keys[p->n_keys++];
	*k = (struct plan_key){ 0 };
	*out = k;
	if (copy(&k->where, where) != ST_OK || copy(&k->path, path) != ST_OK)
		return ST_NOMEM;
	return ST_OK;
}

/* What the entries of one key say differently, or NULL. */
static const char *
contradiction(const struct plan_key *k, const struct manifest_entry *e)
{
	if (k->lifetime_s != e->lifetime_s)
		return "lifetime";
	if (k->confirm != e->confirm)
		return "confirm";
	if (k->signatures != e->signatures)
		return "maxSignatures";
	if (k->rate_n != e->rate_n || k->rate_s != e->rate_s)
		return "rate";
	if (k->unbound != e->unbound)
		return "unbound";
	if (!words_same(&k->peers, &e->peers))
		return "peers";
	if (k->certificate != NULL && e->certificate != NULL &&
	    strcmp(k->certificate, e->certificate) != 0)
		return "CertificateFile";
	return NULL;
}

/* --- hosts --------------------------------------------------------------- */

static int
new_host(struct plan *p, const char *where, const char *host,
    struct plan_host **out, char *why, size_t whylen)
{
	struct plan_host *more, *h;

	for (size_t i = 0; i < p->n_hosts; i++)
		if (strcasecmp(p->hosts[i].host, host) == 0)
			return fail(ST_MALFORMED, why, whylen, "%s: host %s "
			    "is named twice", where, host);
	if (p->n_hosts == PLAN_HOSTS_MAX)
		return fail(ST_TOO_LARGE, why, whylen, "%s: more than %d "
		    "hosts", where, PLAN_HOSTS_MAX);
	more = realloc(p->hosts, (p->n_hosts + 1) * sizeof(*more));
	if (more == NULL)
		return ST_NOMEM;
	p->hosts = more;
	h = &p->hosts[p->n_hosts++];
	*h = (struct plan_host){ .port = SSH_PORT };
	*out = h;
	if (copy(&h->where, where) != ST_OK || copy(&h->host, host) != ST_OK)
		return ST_NOMEM;
	return ST_OK;
}

int
plan_pin(struct plan *p, size_t host, const char *text, struct slice blob,
    bool is_ca)
{
	struct plan_host *h = &p->hosts[host];
	struct plan_hostkey *more, *k;

	if (h->n_keys == HOSTCONF_KEYS_MAX)
		return ST_TOO_LARGE;
	more = realloc(h->keys, (h->n_keys + 1) * sizeof(*more));
	if (more == NULL)
		return ST_NOMEM;
	h->keys = more;
	k = &h->keys[h->n_keys++];
	*k = (struct plan_hostkey){ .len = blob.len, .is_ca = is_ca };
	if (copy(&k->text, text) != ST_OK ||
	    (k->blob = malloc(blob.len)) == NULL)
		return ST_NOMEM;
	memcpy(k->blob, blob.p, blob.len);
	return ST_OK;
}

/* Let a host use a key. */
static int
give(struct plan *p, struct plan_host *h, const struct plan_key *k, char *why,
    size_t whylen)
{
	size_t key = (size_t)(k - p->keys);

	for (size_t i = 0; i < h->n_key; i++)
		if (h->key[i] == key)
			return ST_OK;
	if (h->n_key == PLAN_KEYS_PER_HOST)
		return fail(ST_TOO_LARGE, why, whylen, "%s: more than %d "
		    "keys for host %s", h->where, PLAN_KEYS_PER_HOST, h->host);
	h->key[h->n_key++] = key;
	return ST_OK;
}

/* --- manifest ------------------------------------------------------------ */

/* What can be said only once for a whole container. */
static int
settle(char **out, const char *said, const char *where, const char *field,
    char *why, size_t whylen)
{
	if (said == NULL)
		return ST_OK;
	if (*out == NULL)
		return copy(out, said);
	if (strcmp(*out, said) == 0)
		return ST_OK;
	return fail(ST_MALFORMED, why, whylen, "%s: %s: must be the same in "
	    "all entries; an earlier one says \"%s\"", where, field, *out);
}

static int
entry_key(struct plan *p, const char *where, const struct manifest_entry *e,
    const struct plan_defaults *defaults, struct plan_key **out, char *why,
    size_t whylen)
{
	struct plan_key *k = find_key(p, e->identity);
	const char *what;
	int st;

	*out = k;
	if (k != NULL && (what = contradiction(k, e)) != NULL)
		return fail(ST_MALFORMED, why, whylen, "%s: %s: differs from "
		    "what the entry at %s says of the same key file",
		    where, what, k->where);
	if (k == NULL) {
		st = new_key(p, where, e->identity, &k);
		if (st == ST_TOO_LARGE)
			return fail(st, why, whylen, "%s: more than %d key "
			    "files", where, PLAN_KEYS_MAX);
		if (st != ST_OK)
			return st;
		*out = k;
		k->lifetime_s = e->lifetime_s;
		k->confirm = e->confirm;
		k->signatures = e->signatures;
		k->rate_n = e->rate_n;
		k->rate_s = e->rate_s;
		k->unbound = e->unbound;
		for (size_t i = 0; i < e->peers.n; i++)
			if (words_add(&k->peers, e->peers.words[i]) != ST_OK)
				return ST_NOMEM;
	}
	if (k->certificate == NULL &&
	    (st = copy(&k->certificate, e->certificate)) != ST_OK)
		return st;
	st = purposes_unite(&k->purposes, &e->purposes, defaults->sign);
	if (st == ST_OK && k->purposes.n > CONSTRAINT_PURPOSES_MAX)
		return fail(ST_TOO_LARGE, why, whylen, "%s: purposes: with "
		    "those of the other entries with this key file there are "
		    "more than %d", where, CONSTRAINT_PURPOSES_MAX);
	return st;
}

static int
add_entry(struct plan *p, const char *where, const struct manifest_entry *e,
    const struct plan_defaults *defaults, char *why, size_t whylen)
{
	struct plan_host *h;
	struct plan_key *k;
	struct slice blob;
	size_t host;
	int st;

	st = settle(&p->account, e->account, where, "user", why, whylen);
	if (st == ST_OK)
		st = settle(&p->home, e->home, where, "home", why, whylen);
	if (st != ST_OK ||
	    (st = new_host(p, where, e->host, &h, why, whylen)) != ST_OK)
		return st;
	host = (size_t)(h - p->hosts);
	if (copy(&h->hostname, e->hostname != NULL ? e->hostname : e->host) !=
	    ST_OK || copy(&h->user, e->user) != ST_OK ||
	    copy(&h->proxy, e->proxy) != ST_OK)
		return ST_NOMEM;
	if (e->port != 0)
		h->port = e->port;
	for (size_t i = 0; i < e->n_keys; i++) {
		blob = e->keys[i].blob;
		st = plan_pin(p, host, e->keys[i].text, blob, false);
		if (st != ST_OK)
			return st;
	}
	st = entry_key(p, where, e, defaults, &k, why, whylen);
	return st != ST_OK ? st : give(p, h, k, why, whylen);
}

int
plan_add_manifest(struct plan *p, const struct manifest *m,
    const struct plan_defaults *defaults, char *why, size_t whylen)
{
	char where[PATH_MAX + 64];
	struct text t;
	int st;

	why[0] = '\0';
	for (size_t i = 0; i < m->n; i++) {
		const struct manifest_entry *e = &m->entries[i];

		text_init(&t, where, sizeof(where));
		text_escape(&t, defaults->manifest, strlen(defaults->manifest));
		text_addf(&t, ":%u:%u", e->place.line, e->place.column);
		st = add_entry(p, where, e, defaults, why, whylen);
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

/* --- the operator's own configuration ------------------------------------- */

static int
pin_known(struct plan *p, size_t host, const struct hostconf_keys *known)
{
	int st = ST_OK;

	for (size_t i = 0; i < known->n && st == ST_OK; i++) {
		const struct hostconf_key *k = &known->key[i];
		const struct slice blob = { k->blob, k->len };
		char text[HOSTKEY_TEXT_MAX];
		struct text t;

		text_init(&t, text, sizeof(text));
		hostkey_put_text(blob, &t);
		st = plan_pin(p, host, text, blob, k->mark == HOSTCONF_CA);
	}
	return st;
}

/* What ssh would do and we cannot. */
static int
refuse(const struct hostconf *c, const char *host, char *why, size_t whylen)
{
	if (strpbrk(c->user, "*?") != NULL)
		return fail(ST_UNSUPPORTED, why, whylen, "host %s: User %s: "
		    "a name with * or ? is a pattern to an agent, and would "
		    "stand for other users, too", host, c->user);
	if (c->proxy_jump != NULL)
		return fail(ST_UNSUPPORTED, why, whylen, "host %s is behind "
		    "ProxyJump %s: a bottle cannot go that way by itself; "
		    "name a host that its proxy reaches, or use a manifest",
		    host, c->proxy_jump);
	if (c->proxy_command != NULL)
		return fail(ST_UNSUPPORTED, why, whylen, "host %s is behind a "
		    "ProxyCommand, which the bottle has not: give --proxy, or "
		    "use a manifest", host);
	return ST_OK;
}

/* Whether a certificate lies beside one of the host's keys, where it is found
 * when that key is read. */
static int
is_beside(const struct hostconf *c, const struct hostconf_who *who,
    const char *certificate, bool *is, char *why, size_t whylen)
{
	char path[PATH_MAX], beside[PATH_MAX + 16];
	int st;

	*is = false;
	for (size_t i = 0; i < c->identities.n && !*is; i++) {
		st = hostconf_expand(c, who, c->identities.item[i], path, why,
		    whylen);
		if (st != ST_OK)
			return st;
		(void)snprintf(beside, sizeof(beside), "%s-cert.pub", path);
		*is = strcmp(certificate, beside) == 0;
	}
	return ST_OK;
}

/* Its certificates are named apart from its keys: they belong to the key that
 * they are for, which is seen when both have been read. */
static int
name_certificates(struct plan_key *k, const struct hostconf *c,
    const struct hostconf_who *who, char *why, size_t whylen)
{
	char path[PATH_MAX];
	bool beside;
	int st;

	for (size_t i = 0; i < c->certificates.n; i++) {
		st = hostconf_expand(c, who, c->certificates.item[i], path,
		    why, whylen);
		if (st == ST_OK)
			st = is_beside(c, who, path, &beside, why, whylen);
		if (st != ST_OK)
			return st;
		if (beside)
			continue;
		if (c->identities.n != 1)
			return fail(ST_UNSUPPORTED, why, whylen, "host %s: "
			    "CertificateFile %s: for which of %zu keys? Name "
			    "it KEY-cert.pub beside its key, or use a "
			    "manifest", who->host, path, c->identities.n);
		if (k->certificate != NULL && strcmp(k->certificate, path) != 0)
			return fail(ST_UNSUPPORTED, why, whylen, "host %s: "
			    "more than one certificate for %s: use a manifest",
			    who->host, k->path);
		if (k->certificate == NULL &&
		    copy(&k->certificate, path) != ST_OK)
			return ST_NOMEM;
	}
	return ST_OK;
}

static int
add_identities(struct plan *p, size_t host, const struct hostconf *c,
    const struct hostconf_who *who, const struct plan_defaults *defaults,
    char *why, size_t whylen)
{
	const struct manifest_words nothing = { NULL, 0 };
	char path[PATH_MAX], where[HOSTCONF_HOST_MAX + 16];
	struct plan_key *k;
	int st;

	(void)snprintf(where, sizeof(where), "host %s", who->host);
	for (size_t i = 0; i < c->identities.n; i++) {
		st = hostconf_expand(c, who, c->identities.item[i], path, why,
		    whylen);
		if (st != ST_OK)
			return st;
		k = find_key(p, path);
		if (k == NULL) {
			st = new_key(p, where, path, &k);
			if (st == ST_TOO_LARGE)
				return fail(st, why, whylen, "more than %d "
				    "key files", PLAN_KEYS_MAX);
			if (st != ST_OK)
				return st;
			k->optional = true;
		}
		st = purposes_unite(&k->purposes, &nothing, defaults->sign);
		if (st == ST_OK)
			st = name_certificates(k, c, who, why, whylen);
		if (st == ST_OK)
			st = give(p, &p->hosts[host], k, why, whylen);
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

static int
add_read(struct plan *p, const struct hostconf_tools *tools,
    const struct hostconf *c, const struct hostconf_who *who,
    const struct plan_defaults *defaults, char *why, size_t whylen)
{
	char where[HOSTCONF_HOST_MAX + 16];
	struct hostconf_keys known = { 0 };
	struct plan_host *h;
	size_t host;
	int st;

	(void)snprintf(where, sizeof(where), "host %s", who->host);
	if ((st = refuse(c, who->host, why, whylen)) != ST_OK ||
	    (st = new_host(p, where, who->host, &h, why, whylen)) != ST_OK)
		return st;
	host = (size_t)(h - p->hosts);
	if (copy(&h->hostname, c->hostname) != ST_OK ||
	    copy(&h->user, c->user) != ST_OK ||
	    copy(&h->alias, c->alias) != ST_OK)
		return ST_NOMEM;
	h->port = c->port;
	st = hostconf_keys_read(tools, c, &known, why, whylen);
	if (st == ST_OK)
		st = pin_known(p, host, &known);
	hostconf_keys_fini(&known);
	return st != ST_OK ? st :
	    add_identities(p, host, c, who, defaults, why, whylen);
}

int
plan_add_host(struct plan *p, const struct hostconf_tools *tools,
    const char *host, const char *user, const struct plan_defaults *defaults,
    char *why, size_t whylen)
{
	const struct hostconf_who who = { .host = host, .home = tools->home,
		.user = user };
	struct hostconf c = { 0 };
	int st;

	why[0] = '\0';
	if ((st = hostconf_read(tools, host, &c, why, whylen)) != ST_OK)
		return st;
	st = add_read(p, tools, &c, &who, defaults, why, whylen);
	hostconf_fini(&c);
	return st;
}

/* --- afterwards ----------------------------------------------------------- */

static void
key_fini(struct plan_key *k)
{
	free(k->where);
	free(k->path);
	free(k->certificate);
	words_fini(&k->purposes);
	words_fini(&k->peers);
	free(k->comment);
	free(k->fingerprint);
	free(k->pub);
	words_fini(&k->certs);
	*k = (struct plan_key){ 0 };
}

static void
host_fini(struct plan_host *h)
{
	free(h->where);
	free(h->host);
	free(h->hostname);
	free(h->user);
	free(h->alias);
	if (h->proxy != NULL)
		explicit_bzero(h->proxy, strlen(h->proxy));
	free(h->proxy);
	for (size_t i = 0; i < h->n_keys; i++) {
		free(h->keys[i].text);
		free(h->keys[i].blob);
	}
	free(h->keys);
	*h = (struct plan_host){ 0 };
}

void
plan_drop_key(struct plan *p, size_t key)
{
	key_fini(&p->keys[key]);
	memmove(&p->keys[key], &p->keys[key + 1],
	    (p->n_keys - key - 1) * sizeof(*p->keys));
	p->n_keys--;
	for (size_t i = 0; i < p->n_hosts; i++) {
		struct plan_host *h = &p->hosts[i];
		size_t n = 0;

		for (size_t j = 0; j < h->n_key; j++)
			if (h->key[j] != key)
				h->key[n++] = h->key[j] -
				    (h->key[j] > key ? 1 : 0);
		h->n_key = n;
	}
}

/* Whether a host uses a key. */
static bool
uses(const struct plan_host *h, size_t key)
{
	for (size_t i = 0; i < h->n_key; i++)
		if (h->key[i] == key)
			return true;
	return false;
}

void
plan_label(const struct plan *p, size_t key, char *out, size_t cap)
{
	struct text t;

	text_init(&t, out, cap);
	for (size_t i = 0; i < p->n_hosts; i++) {
		if (!uses(&p->hosts[i], key))
			continue;
		if (t.len > 0)
			text_add(&t, ", ");
		text_escape(&t, p->hosts[i].host, strlen(p->hosts[i].host));
	}
}

bool
plan_is_bound(const struct plan *p, size_t key)
{
	bool any = false;

	for (size_t i = 0; i < p->n_hosts; i++) {
		if (!uses(&p->hosts[i], key))
			continue;
		if (p->hosts[i].n_keys == 0)
			return false;
		any = true;
	}
	return any;
}

/* Whether a destination can name that user: a number is none to ssh. */
static bool
is_name(const char *account)
{
	return account != NULL &&
	    account[strspn(account, "0123456789")] != '\0';
}

/* The pairs of a key that is bound to its hosts. */
static void
put_destinations(const struct plan *p, size_t key, const char *account,
    struct wire_writer *w)
{
	uint8_t room[ROOM];

	for (size_t i = 0; i < p->n_hosts; i++) {
		const struct plan_host *h = &p->hosts[i];
		struct wire_writer kw = wire_writer(room, sizeof(room));
		struct destination d = { 0 };
		const char *user = h->user;

		if (!uses(h, key))
			continue;
		for (size_t j = 0; j < h->n_keys; j++) {
			const struct destination_key k = {
				.blob = { h->keys[j].blob, h->keys[j].len },
				.is_ca = h->keys[j].is_ca };

			destination_put_key(&kw, &k);
		}
		if (user == NULL && is_name(account))
			user = account;
		if (user != NULL)
			d.to.user = slice_str(user);
		d.to.host = slice_str(h->hostname);
		/* A list that is cut short would say something else. */
		if (wire_done(&kw, &d.to.keys) != ST_OK)
			w->full = true;
		destination_put(w, &d);
	}
}

/* Texts, one after the other. */
static struct slice
put_words(const struct plan_words *words, struct wire_writer *w)
{
	struct slice s = { NULL, 0 };
	struct wire_writer from = *w;

	for (size_t i = 0; i < words->n; i++)
		wire_put_str(w, words->word[i]);
	if (wire_done(w, &s) != ST_OK)
		return s;
	s.p += from.len;
	s.len -= from.len;
	return s;
}

void
plan_put_constraints(const struct plan *p, size_t key, const char *account,
    struct wire_writer *w)
{
	const struct plan_key *k = &p->keys[key];
	uint8_t pairs[ROOM], words[ROOM];
	struct wire_writer pw = wire_writer(pairs, sizeof(pairs));
	struct wire_writer ww = wire_writer(words, sizeof(words));
	struct constraints c = {
		.has_lifetime = k->lifetime_s > 0,
		.lifetime_s = k->lifetime_s,
		.confirm = k->confirm,
		.has_signatures = k->signatures > 0,
		.signatures = k->signatures,
		.rate_n = k->rate_n,
		.rate_s = k->rate_s,
		.has_unbound = k->unbound != MANIFEST_UNBOUND_UNSAID,
		.unbound = k->unbound == MANIFEST_UNBOUND_ALLOW,
	};

	c.purposes = put_words(&k->purposes, &ww);
	c.peers = put_words(&k->peers, &ww);
	if (plan_is_bound(p, key))
		put_destinations(p, key, account, &pw);
	if (pw.full || ww.full || wire_done(&pw, &c.destinations) != ST_OK) {
		w->full = true;
		return;
	}
	constraint_put(w, &c);
}

void
plan_fini(struct plan *p)
{
	for (size_t i = 0; i < p->n_hosts; i++)
		host_fini(&p->hosts[i]);
	free(p->hosts);
	for (size_t i = 0; i < p->n_keys; i++)
		key_fini(&p->keys[i]);
	free(p->keys);
	free(p->account);
	free(p->home);
	*p = (struct plan){ 0 };
}
