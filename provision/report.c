#include "provision/report.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Longest text that is shown of a key's comment or a path. */
#define SHOWN_MAX	1024

/* --- building blocks ------------------------------------------------------ */

/* Some text of anybody's, safe to print. */
struct shown {
	char	 text[4 * SHOWN_MAX + 1];
};

static const char *
show(struct shown *s, const char *p, size_t len)
{
	struct text t;

	text_init(&t, s->text, sizeof(s->text));
	text_escape(&t, p, len < SHOWN_MAX ? len : SHOWN_MAX);
	return s->text;
}

/* A JSON string of it, or null. */
static json_t *
string(const char *p)
{
	struct shown s;

	return p == NULL ? json_null() : json_string(show(&s, p, strlen(p)));
}

/* The same of what is escaped already, and would not get more readable if it
 * were once more; or, if it was cut in the middle of a character. */
static json_t *
escaped(const char *p)
{
	json_t *s = json_string(p);

	return s != NULL ? s : string(p);
}

static json_t *
list(char *const *p, size_t n, json_t *(*each)(const char *))
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(a, each(p[i]));
	return a;
}

/* Add a member; what does not fit into memory is seen at the end. */
static void
set(json_t *o, const char *name, json_t *value)
{
	if (json_object_set_new(o, name, value) != 0)
		(void)json_object_clear(o);
}

/* Print an object and release it.  A member that could not be made is not
 * passed over: the object has then lost its version. */
static int
print_json(json_t *o)
{
	int st = ST_OK;

	if (o == NULL || json_object_get(o, "version") == NULL)
		st = ST_NOMEM;
	else if (json_dumpf(o, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) !=
	    0 || putchar('\n') == EOF || fflush(stdout) != 0)
		st = ST_SYSTEM;
	json_decref(o);
	return st;
}

static json_t *
begin(void)
{
	json_t *o = json_object();

	set(o, "version", json_integer(REPORT_VERSION));
	return o;
}

/* --- what was done -------------------------------------------------------- */

int
report_text(const struct report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct report_target *t = &r->targets[i];

		if (t->result.code != SESSION_DONE)
			continue;
		for (size_t j = 0; j < t->result.n_keys; j++)
			if (printf(r->n > 1 ? "%s: %s\n" : "%.0s%s\n",
			    t->target, t->result.key[j]) < 0)
				return ST_SYSTEM;
	}
	return fflush(stdout) == 0 ? ST_OK : ST_SYSTEM;
}

static json_t *
target_json(const struct report_target *t)
{
	bool done = t->result.code == SESSION_DONE;
	json_t *o = json_object();

	set(o, "target", string(t->target));
	set(o, "done", json_boolean(done));
	set(o, "code", json_integer(t->result.code));
	set(o, "user", string(t->account));
	set(o, "installed", json_boolean(t->installed));
	set(o, "keys", list(t->result.key, done ? t->result.n_keys : 0,
	    escaped));
	if (!done) {
		set(o, "error", escaped(t->result.why));
		set(o, "advice", t->result.advice[0] != '\0' ?
		    escaped(t->result.advice) : json_null());
	}
	return o;
}

int
report_json(const struct report *r)
{
	json_t *o = begin(), *targets = json_array();

	for (size_t i = 0; i < r->n; i++)
		(void)json_array_append_new(targets,
		    target_json(&r->targets[i]));
	set(o, "name", string(r->g->opts->name));
	set(o, "done", json_boolean(r->code == SESSION_DONE));
	set(o, "code", json_integer(r->code));
	if (r->why != NULL)
		set(o, "error", escaped(r->why));
	set(o, "targets", targets);
	set(o, "warnings", list(r->g->warnings, r->g->n_warnings, escaped));
	return print_json(o);
}

/* --- what would be done --------------------------------------------------- */

static bool
uses(const struct plan_host *h, size_t key)
{
	for (size_t i = 0; i < h->n_key; i++)
		if (h->key[i] == key)
			return true;
	return false;
}

static json_t *
hosts_json(const struct report_dry *d, size_t key)
{
	const struct plan *p = &d->g->plan;
	json_t *a = json_array(), *o;

	for (size_t i = 0; i < p->n_hosts; i++) {
		const struct plan_host *h = &p->hosts[i];

		if (!uses(h, key))
			continue;
		o = json_object();
		set(o, "host", string(h->host));
		set(o, "hostname", string(h->hostname));
		set(o, "port", json_integer(h->port));
		set(o, "user", string(h->user));
		set(o, "known", json_boolean(h->n_keys > 0));
		(void)json_array_append_new(a, o);
	}
	return a;
}

static json_t *
key_json(const struct report_dry *d, size_t key)
{
	const struct plan_key *k = &d->g->plan.keys[key];
	json_t *o = json_object();

	set(o, "fingerprint", string(k->fingerprint));
	set(o, "comment", string(k->comment));
	set(o, "file", string(k->path));
	set(o, "certificates", json_integer((json_int_t)k->certs.n));
	set(o, "hosts", hosts_json(d, key));
	set(o, "bound", json_boolean(plan_is_bound(&d->g->plan, key)));
	set(o, "purposes", list(k->purposes.word, k->purposes.n, string));
	set(o, "peers", list(k->peers.word, k->peers.n, string));
	set(o, "lifetime", json_integer(k->lifetime_s));
	set(o, "confirm", json_boolean(k->confirm));
	set(o, "maxSignatures", json_integer(k->signatures));
	set(o, "rate", k->rate_n == 0 ? json_null() :
	    json_pack("[ii]", k->rate_n, k->rate_s));
	set(o, "unbound", k->unbound == MANIFEST_UNBOUND_UNSAID ?
	    json_null() : json_boolean(k->unbound == MANIFEST_UNBOUND_ALLOW));
	return o;
}

/* Where a frame's contents go. */
static void
path_of(const struct report_dry *d, const struct placepipe_frame *f,
    struct text *t)
{
	const char *name = d->g->opts->name;

	text_add(t, "~/");
	if (f->kind == PLACE_FILE)
		text_addf(t, CLIENTCONF_DIR "/%s/", name);
	else if (f->kind == PLACE_COMMON)
		text_add(t, CLIENTCONF_DIR "/");
	text_escape(t, f->name.p, f->name.len);
}

static json_t *
file_json(const struct report_dry *d, const struct placepipe_frame *f)
{
	char path[4 * PLACEPIPE_PATH_MAX + 256];
	json_t *o = json_object();
	struct text t;

	text_init(&t, path, sizeof(path));
	path_of(d, f, &t);
	set(o, "path", string(path));
	set(o, "what", string(f->kind == PLACE_LINE ? "lines" : "file"));
	set(o, "contents", json_stringn((const char *)f->bytes.p,
	    f->bytes.len));
	return o;
}

int
report_dry_json(const struct report_dry *d)
{
	json_t *o = begin(), *keys = json_array(), *files = json_array();

	for (size_t i = 0; i < d->g->plan.n_keys; i++)
		(void)json_array_append_new(keys, key_json(d, i));
	for (size_t i = 0; i < d->files->n; i++)
		(void)json_array_append_new(files,
		    file_json(d, &d->files->frame[i]));
	set(o, "dryRun", json_true());
	set(o, "name", string(d->g->opts->name));
	set(o, "targets", list(d->targets, d->n, string));
	set(o, "user", string(d->account));
	set(o, "socket", string(d->g->opts->socket));
	set(o, "keys", keys);
	set(o, "files", files);
	set(o, "warnings", list(d->g->warnings, d->g->n_warnings, escaped));
	return print_json(o);
}

static void
dry_words(const char *what, const struct plan_words *w)
{
	struct shown s;

	if (w->n == 0)
		return;
	(void)printf("    %s:", what);
	for (size_t i = 0; i < w->n; i++)
		(void)printf(" %s", show(&s, w->word[i], strlen(w->word[i])));
	(void)printf("\n");
}

static void
dry_key(const struct report_dry *d, size_t key)
{
	const struct plan *p = &d->g->plan;
	const struct plan_key *k = &p->keys[key];
	struct shown s;

	(void)printf("  %s", k->fingerprint);
	(void)printf(" %s\n", show(&s, k->comment, strlen(k->comment)));
	(void)printf("    from: %s\n", show(&s, k->path, strlen(k->path)));
	if (k->certs.n > 0)
		(void)printf("    certificates: %zu\n", k->certs.n);
	for (size_t i = 0; i < p->n_hosts; i++) {
		const struct plan_host *h = &p->hosts[i];

		if (!uses(h, key))
			continue;
		(void)printf("    for: ");
		if (h->user != NULL)
			(void)printf("%s@", show(&s, h->user,
			    strlen(h->user)));
		(void)printf("%s:%u%s\n", show(&s, h->hostname,
		    strlen(h->hostname)), h->port,
		    h->n_keys > 0 ? "" : " (no host key is known)");
	}
	(void)printf("    restricted to these hosts: %s\n",
	    plan_is_bound(p, key) ? "yes" : "no");
	dry_words("purposes", &k->purposes);
	dry_words("peers", &k->peers);
	if (k->lifetime_s > 0)
		(void)printf("    lifetime: %u s\n", k->lifetime_s);
	if (k->confirm)
		(void)printf("    each use is confirmed\n");
	if (k->signatures > 0)
		(void)printf("    signatures: %u\n", k->signatures);
	if (k->rate_n > 0)
		(void)printf("    rate: %u in %u s\n", k->rate_n, k->rate_s);
	if (k->unbound != MANIFEST_UNBOUND_UNSAID)
		(void)printf("    unbound: %s\n",
		    k->unbound == MANIFEST_UNBOUND_ALLOW ? "allow" : "deny");
}

/* A line of a file, in which tabs are what they are. */
static void
dry_line(const char *p, size_t left)
{
	const char *tab;
	struct shown s;
	size_t n;

	(void)printf("    | ");
	while (left > 0) {
		tab = memchr(p, '\t', left);
		n = tab != NULL ? (size_t)(tab - p) : left;
		for (size_t at = 0; at < n; at += SHOWN_MAX)
			(void)fputs(show(&s, p + at, n - at), stdout);
		if (tab != NULL)
			(void)putchar('\t');
		n += tab != NULL;
		p += n;
		left -= n;
	}
	(void)printf("\n");
}

/* A file's contents, moved in. */
static void
dry_contents(struct slice bytes)
{
	const char *p = (const char *)bytes.p;
	size_t left = bytes.len, n;
	const char *nl;

	while (left > 0) {
		nl = memchr(p, '\n', left);
		n = nl != NULL ? (size_t)(nl - p) : left;
		dry_line(p, n);
		n += nl != NULL;
		p += n;
		left -= n;
	}
}

int
report_dry_text(const struct report_dry *d)
{
	char path[4 * PLACEPIPE_PATH_MAX + 256];
	struct shown s;
	struct text t;

	for (size_t i = 0; i < d->n; i++)
		(void)printf("Into %s, for %s, under the name %s:\n",
		    show(&s, d->targets[i], strlen(d->targets[i])), d->account,
		    d->g->opts->name);
	(void)printf("\nKeys, to the agent at %s:\n", d->g->opts->socket);
	for (size_t i = 0; i < d->g->plan.n_keys; i++)
		dry_key(d, i);
	(void)printf("\nFiles, of the user:\n");
	for (size_t i = 0; i < d->files->n; i++) {
		const struct placepipe_frame *f = &d->files->frame[i];

		text_init(&t, path, sizeof(path));
		path_of(d, f, &t);
		(void)printf("  %s%s\n", path, f->kind == PLACE_LINE ?
		    " gets on top, unless it has it" : "");
		dry_contents(f->bytes);
	}
	return fflush(stdout) == 0 && !ferror(stdout) ? ST_OK : ST_SYSTEM;
}
