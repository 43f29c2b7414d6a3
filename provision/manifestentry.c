#include "provision/manifestentry.h"

#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "proto/constraint.h"
#include "provision/hostkey.h"

/* A text that ${check} finds good. */
static int
take_text(struct walk *p, const json_t *v, const char *(*check)(const char *),
    const char **out)
{
	const char *s = json_string_value(v), *what;

	if (s == NULL)
		return walk_wrong(p, v, "must be a text in double quotes");
	if ((what = check(s)) != NULL)
		return walk_wrong(p, v, what);
	return walk_keep(p, s, json_string_length(v), out);
}

static int
take_host(struct walk *p, json_t *v)
{
	const struct manifest_entry *other;
	const char *host;
	struct text *t;
	int st;

	st = take_text(p, v, manifestvalue_host, &host);
	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < p->m->n; i++) {
		other = &p->m->entries[i];
		if (strcasecmp(other->host, host) != 0)
			continue;
		t = walk_message(p, p->at);
		text_addf(t, "there is an entry for \"%s\" already, which "
		    "begins in line %u; there must be one for each host",
		    other->host, other->place.line);
		return ST_MALFORMED;
	}
	p->entry->host = host;
	return ST_OK;
}

static int
take_hostname(struct walk *p, json_t *v)
{
	return take_text(p, v, manifestvalue_host, &p->entry->hostname);
}

static int
take_user(struct walk *p, json_t *v)
{
	return take_text(p, v, manifestvalue_user, &p->entry->user);
}

static int
take_account(struct walk *p, json_t *v)
{
	return take_text(p, v, manifestvalue_account, &p->entry->account);
}

static int
take_home(struct walk *p, json_t *v)
{
	return take_text(p, v, manifestvalue_home, &p->entry->home);
}

static int
take_proxy(struct walk *p, json_t *v)
{
	const char *s = json_string_value(v), *what;

	if (s == NULL)
		return walk_wrong(p, v, "must be a text in double quotes");
	/* It may have a password in it. */
	if ((what = manifestvalue_proxy(s)) != NULL)
		return walk_bad(p, what);
	return walk_keep(p, s, strlen(s), &p->entry->proxy);
}

/* A path of the operator's: where ~ and what is relative lead to. */
static int
take_path(struct walk *p, const json_t *v, const char **out)
{
	const char *s, *from = "", *between = "";
	char *path;
	size_t len;
	int st;

	if ((st = take_text(p, v, manifestvalue_path, &s)) != ST_OK)
		return st;
	if (s[0] == '~' && (s[1] == '/' || s[1] == '\0')) {
		from = p->src->home;
		s++;
		if (from == NULL || from[0] == '\0')
			return walk_wrong(p, v, "must be a path without ~: "
			    "your home directory is not known");
		if (s[0] == '/' && from[strlen(from) - 1] == '/')
			s++;
	} else if (s[0] != '/' && p->src->folder[0] != '\0') {
		from = p->src->folder;
		between = from[strlen(from) - 1] == '/' ? "" : "/";
	}
	len = strlen(from) + strlen(between) + strlen(s) + 1;
	if (len > PATH_MAX)
		return walk_wrong(p, v, "must be a shorter path: with the "
		    "directory before it, it is too long");
	if ((path = walk_room(p, len)) == NULL)
		return ST_NOMEM;
	(void)stpcpy(stpcpy(stpcpy(path, from), between), s);
	*out = path;
	return ST_OK;
}

static int
take_identity(struct walk *p, json_t *v)
{
	return take_path(p, v, &p->entry->identity);
}

static int
take_certificate(struct walk *p, json_t *v)
{
	return take_path(p, v, &p->entry->certificate);
}

static int
take_port(struct walk *p, json_t *v)
{
	static const char what[] = "must be a number from 1 to 65535";
	const char *s = json_string_value(v);
	json_int_t i = json_integer_value(v);
	uint64_t n = 0;

	if (s != NULL && num_u64(s, 1, UINT16_MAX, &n) != ST_OK)
		return walk_wrong(p, v, what);
	if (s == NULL && (!json_is_integer(v) || i < 1 || i > UINT16_MAX))
		return walk_wrong(p, v, what);
	p->entry->port = (uint16_t)(s != NULL ? n : (uint64_t)i);
	return ST_OK;
}

/* One line of KnownHostKey. */
static int
take_hostkey(struct walk *p, size_t i, json_t *v)
{
	struct manifest_hostkey *key = &p->entry->keys[i];
	const char *s = json_string_value(v), *what;
	char text[HOSTKEY_TEXT_MAX];
	struct hostkey *parsed;
	const char *blob;
	struct text t;
	int st;

	if (s == NULL)
		return walk_wrong(p, v, "must be a text in double quotes");
	if ((what = manifestvalue_plain(s)) != NULL)
		return walk_wrong(p, v, what);
	if ((parsed = malloc(sizeof(*parsed))) == NULL)
		return ST_NOMEM;
	if (hostkey_parse(s, strlen(s), parsed, &what) != ST_OK) {
		st = walk_wrong(p, v, what);
		goto out;
	}
	st = walk_keep(p, (const char *)parsed->blob, parsed->len, &blob);
	if (st != ST_OK)
		goto out;
	key->blob = (struct slice){ (const uint8_t *)blob, parsed->len };
	text_init(&t, text, sizeof(text));
	hostkey_put_text(key->blob, &t);
	if ((st = walk_keep(p, text, t.len, &key->text)) != ST_OK)
		goto out;
	p->entry->n_keys++;
out:
	free(parsed);
	return st;
}

/* KnownHostKey: one, or several. */
static int
take_hostkeys(struct walk *p, json_t *v)
{
	size_t n = json_is_array(v) ? json_array_size(v) : 1;

	if (!json_is_array(v) && !json_is_string(v))
		return walk_wrong(p, v, "must be a text with type and "
		    "base64 of a key, or an array of such");
	if (n == 0)
		return walk_bad(p, "must not be empty: leave it out, or write "
		    "a key");
	if (n > MANIFEST_HOSTKEYS_MAX) {
		(void)walk_bad(p, "must have at most 16 keys");
		return ST_TOO_LARGE;
	}
	p->entry->keys = walk_room(p, n * sizeof(p->entry->keys[0]));
	if (p->entry->keys == NULL)
		return ST_NOMEM;
	if (json_is_array(v))
		return walk_elements(p, v, take_hostkey);
	return take_hostkey(p, 0, v);
}

/* Add ${len} bytes at ${s} to ${words}. */
static int
add_word(struct walk *p, struct walk_words *words, const char *s, size_t len,
    const char *(*check)(const char *))
{
	const char *word, *what;
	struct text *t;
	int st;

	if (words->n == CONSTRAINT_PURPOSES_MAX) {
		(void)walk_bad(p, "there must be at most 32");
		return ST_TOO_LARGE;
	}
	if ((st = walk_keep(p, s, len, &word)) != ST_OK)
		return st;
	what = check(word);
	for (size_t i = 0; i < words->n && what == NULL; i++)
		if (strcmp(words->word[i], word) == 0)
			what = "must not be there twice";
	if (what == NULL) {
		words->word[words->n++] = word;
		return ST_OK;
	}
	t = walk_message(p, p->at);
	text_addf(t, "%s; it is \"", what);
	walk_show(t, s, len);
	text_addc(t, '"');
	return ST_MALFORMED;
}

/* An element that is a word. */
static int
take_word(struct walk *p, json_t *v, struct walk_words *words,
    const char *(*check)(const char *))
{
	if (!json_is_string(v))
		return walk_wrong(p, v, "must be a text in double quotes");
	return add_word(p, words, json_string_value(v), json_string_length(v),
	    check);
}

static int
take_purpose(struct walk *p, size_t i, json_t *v)
{
	(void)i;
	return take_word(p, v, &p->purposes, manifestvalue_purpose);
}

static int
take_namespace(struct walk *p, size_t i, json_t *v)
{
	(void)i;
	return take_word(p, v, &p->namespaces, manifestvalue_namespace);
}

static int
take_peer(struct walk *p, size_t i, json_t *v)
{
	(void)i;
	return take_word(p, v, &p->peers, manifestvalue_peer);
}

/* An array of words: ${example} is one. */
static int
take_words(struct walk *p, json_t *v, walk_element *take, const char *example)
{
	struct text *t;

	if (json_is_array(v) && json_array_size(v) > 0)
		return walk_elements(p, v, take);
	t = walk_message(p, p->at);
	text_addf(t, "must be an array such as %s; it is ", example);
	if (json_is_array(v))
		text_add(t, "empty, which would be for nothing: leave it out "
		    "for what is usual");
	else
		walk_value(t, v);
	return ST_MALFORMED;
}

static int
take_purposes(struct walk *p, json_t *v)
{
	return take_words(p, v, take_purpose, "[\"auth\", \"git\"]");
}

static int
take_namespaces(struct walk *p, json_t *v)
{
	return take_words(p, v, take_namespace, "[\"git\"]");
}

/* peers: an array, or a list with commas. */
static int
take_peers(struct walk *p, json_t *v)
{
	const char *s = json_string_value(v);
	size_t len;
	int st;

	if (s == NULL)
		return take_words(p, v, take_peer, "[\"node\", \"@dev\"]");
	for (;; s++) {
		len = strcspn(s, ",");
		st = add_word(p, &p->peers, s, len, manifestvalue_peer);
		s += len;
		if (st != ST_OK || *s == '\0')
			return st;
	}
}

static int
take_lifetime(struct walk *p, json_t *v)
{
	const char *s = json_string_value(v);
	json_int_t i = json_integer_value(v);
	uint32_t seconds = 0;

	if (json_is_integer(v) && i > 0 && i <= INT32_MAX)
		seconds = (uint32_t)i;
	else if (s != NULL && num_duration_s(s, &seconds) != ST_OK)
		seconds = 0;
	if (seconds == 0)
		return walk_wrong(p, v, "must be a number of seconds, or a "
		    "time such as \"8h\" or \"1h30m\", from 1s to 68 years");
	p->entry->lifetime_s = seconds;
	return ST_OK;
}

static int
take_confirm(struct walk *p, json_t *v)
{
	if (!json_is_boolean(v))
		return walk_wrong(p, v, "must be true or false");
	p->entry->confirm = json_is_true(v);
	return ST_OK;
}

static int
take_signatures(struct walk *p, json_t *v)
{
	json_int_t i = json_integer_value(v);

	if (!json_is_integer(v) || i < 1 || i > UINT32_MAX)
		return walk_wrong(p, v, "must be a number from 1 to "
		    "4294967295");
	p->entry->signatures = (uint32_t)i;
	return ST_OK;
}

static int
take_rate(struct walk *p, json_t *v)
{
	const char *s = json_string_value(v);

	if (s == NULL || manifestvalue_rate(s, &p->entry->rate_n,
	    &p->entry->rate_s) != ST_OK)
		return walk_wrong(p, v, "must be \"N/TIME\", with N from 1 "
		    "to 1024 and a TIME from 1s to 1d, for example \"5/1m\"");
	return ST_OK;
}

static int
take_unbound(struct walk *p, json_t *v)
{
	const char *s = json_string_value(v);

	if (s != NULL && strcmp(s, "allow") == 0)
		p->entry->unbound = MANIFEST_UNBOUND_ALLOW;
	else if (s != NULL && strcmp(s, "deny") == 0)
		p->entry->unbound = MANIFEST_UNBOUND_DENY;
	else
		return walk_wrong(p, v, "must be \"allow\" or \"deny\"");
	return ST_OK;
}

/* The fields of an entry, in the order of the manual. */
static const struct field {
	const char	*name;
	bool		 required;
	int		(*take)(struct walk *, json_t *);
} fields[] = {
	{ "Host", true, take_host },
	{ "IdentityFile", true, take_identity },
	{ "CertificateFile", false, take_certificate },
	{ "Hostname", false, take_hostname },
	{ "User", false, take_user },
	{ "Port", false, take_port },
	{ "KnownHostKey", false, take_hostkeys },
	{ "purposes", false, take_purposes },
	{ "namespaces", false, take_namespaces },
	{ "lifetime", false, take_lifetime },
	{ "confirm", false, take_confirm },
	{ "maxSignatures", false, take_signatures },
	{ "rate", false, take_rate },
	{ "unbound", false, take_unbound },
	{ "peers", false, take_peers },
	{ "proxy", false, take_proxy },
	{ "user", false, take_account },
	{ "home", false, take_home },
};
#define FIELDS		(sizeof(fields) / sizeof(fields[0]))

/* There is no field of that name. */
static int
unknown_field(struct walk *p, const char *name)
{
	struct text *t = walk_message(p, p->key_at);
	const char *near = NULL;
	size_t best = WALK_NEAR_MAX + 1, d;

	for (size_t i = 0; i < FIELDS; i++)
		if ((d = walk_distance(name, fields[i].name)) < best) {
			best = d;
			near = fields[i].name;
		}
	text_add(t, "there is no such field; ");
	if (near != NULL) {
		text_addf(t, "did you mean %s?", near);
		return ST_MALFORMED;
	}
	text_add(t, "there are ");
	for (size_t i = 0; i < FIELDS; i++)
		text_addf(t, "%s%s", i == 0 ? "" : i + 1 < FIELDS ? ", " :
		    " and ", fields[i].name);
	return ST_MALFORMED;
}

static int
take_field(struct walk *p, const char *name, json_t *v)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (strcmp(name, fields[i].name) == 0)
			return fields[i].take(p, v);
	return unknown_field(p, name);
}

/* Give the entry words that were collected. */
static int
keep_words(struct walk *p, const struct walk_words *words,
    struct manifest_words *out)
{
	if (words->n == 0)
		return ST_OK;
	if (out->words == NULL)
		out->words = walk_room(p, CONSTRAINT_PURPOSES_MAX *
		    sizeof(out->words[0]));
	if (out->words == NULL)
		return ST_NOMEM;
	for (size_t i = 0; i < words->n; i++)
		out->words[out->n++] = words->word[i];
	return ST_OK;
}

/* Make one list of purposes and namespaces. */
static int
join_purposes(struct walk *p)
{
	struct walk_words *all = &p->purposes, *more = &p->namespaces;
	size_t n = all->n;
	bool any = false, there;

	for (size_t i = 0; i < n; i++)
		any = any || strcmp(all->word[i], "any") == 0;
	if (any && n + more->n > 1)
		return walk_bad(p, "the purpose \"any\" is for everything: no "
		    "other purpose or namespace must be beside it");
	for (size_t i = 0; i < more->n; i++) {
		there = false;
		for (size_t j = 0; j < n; j++)
			there = there || strcmp(all->word[j],
			    more->word[i]) == 0;
		if (there)
			continue;
		if (all->n == CONSTRAINT_PURPOSES_MAX) {
			(void)walk_bad(p, "there must be at most 32 purposes "
			    "and namespaces together");
			return ST_TOO_LARGE;
		}
		all->word[all->n++] = more->word[i];
	}
	return keep_words(p, all, &p->entry->purposes);
}

int
manifestentry_take(struct walk *p, size_t i, json_t *v)
{
	struct text *t;
	int st;

	if (!json_is_object(v))
		return walk_wrong(p, v, "must be an object with Host and "
		    "IdentityFile");
	p->entry = &p->m->entries[i];
	p->entry->place = jsonpos_place(p->text, p->at);
	p->purposes.n = p->namespaces.n = p->peers.n = 0;
	if ((st = walk_members(p, v, take_field)) != ST_OK)
		return st;
	for (size_t f = 0; f < FIELDS; f++) {
		if (!fields[f].required ||
		    json_object_get(v, fields[f].name) != NULL)
			continue;
		t = walk_message(p, p->at);
		text_addf(t, "%s is missing", fields[f].name);
		return ST_MALFORMED;
	}
	if ((st = join_purposes(p)) != ST_OK)
		return st;
	p->m->n++;
	return keep_words(p, &p->peers, &p->entry->peers);
}
