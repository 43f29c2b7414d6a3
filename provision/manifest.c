#include "provision/manifest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/nearest.h"
#include "base/num.h"
#include "base/text.h"
#include "proto/constraint.h"
#include "provision/hostkey.h"

/*
 * The library makes values of the text, and does not know where they stood. So
 * two walks go over the same document, side by side: one over the values, and
 * one of jsonpos over the text. Both see members in the order of the text.
 * Whatever is looked at, its place and its path are at hand when there is
 * something to say about it.
 */

/* How much of a word of the manifest a message shows, and room for it. */
#define SHOWN_MAX	48
#define SHOWN_ROOM	(4 * SHOWN_MAX + 1)
/* Room for "bottles.web.ssh[255].KnownHostKey[15]". */
#define PATH_ROOM	(2 * SHOWN_ROOM + 128)
/* Most names that a message lists. */
#define LISTED_MAX	16
/* A name this many edits away is offered as the one that was meant. */
#define NEAR_MAX	2

/* A piece of memory that a manifest owns. */
struct kept {
	struct kept	*next;
	size_t		 len;
	char		 bytes[];
};

/* Strings that are being collected. */
struct words {
	const char	*word[CONSTRAINT_PURPOSES_MAX];
	size_t		 n;
};
_Static_assert(CONSTRAINT_PEERS_MAX <= CONSTRAINT_PURPOSES_MAX,
    "there is room for peers");

/* A parse. */
struct parse {
	const struct manifest_source *src;
	struct jsonpos_text	 text;
	struct manifest		*m;
	const char		*bottle;	/* the one that is looked for */
	size_t			 at;		/* what is looked at: where, */
	size_t			 key_at;	/* its key, */
	struct text		 path;		/* and its path */
	struct text		 message;	/* what is wrong */
	/* Of the entry that is looked at. */
	struct manifest_entry	*entry;
	struct words		 purposes, namespaces, peers;
	char			 path_room[PATH_ROOM];
	char			 message_room[PATH_MAX + MANIFEST_WHY_MAX];
};

/* Memory that lasts as long as the manifest; NULL when there is none. */
static void *
keep_room(struct parse *p, size_t len)
{
	struct kept *k = calloc(1, sizeof(*k) + len);

	if (k == NULL)
		return NULL;
	k->len = len;
	k->next = p->m->kept;
	p->m->kept = k;
	return k->bytes;
}

/* A copy of ${len} bytes, with a NUL behind them. */
static int
keep(struct parse *p, const char *s, size_t len, const char **out)
{
	char *copy = keep_room(p, len + 1);

	if (copy == NULL)
		return ST_NOMEM;
	memcpy(copy, s, len);
	*out = copy;
	return ST_OK;
}

/* Begin the message, about what stands at ${at}. */
static struct text *
begin_message(struct parse *p, size_t at)
{
	struct jsonpos_place place = jsonpos_place(p->text, at);
	struct text *t = &p->message;

	text_init(t, p->message_room, sizeof(p->message_room));
	text_escape(t, p->src->name, strlen(p->src->name));
	text_addf(t, ":%u:%u: ", place.line, place.column);
	if (p->path.len > 0)
		text_addf(t, "%s: ", p->path.p);
	return t;
}

/* Append a word of somebody's, cut. */
static void
add_shown(struct text *t, const char *word, size_t len)
{
	char room[SHOWN_ROOM];
	struct text shown;

	text_init(&shown, room, sizeof(room));
	text_escape(&shown, word, len < SHOWN_MAX ? len : SHOWN_MAX);
	text_add(t, room);
	if (len > SHOWN_MAX)
		text_add(t, "...");
}

/* Append what a value is. */
static void
add_value(struct text *t, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		text_add(t, "an object {}");
		break;
	case JSON_ARRAY:
		text_add(t, "an array []");
		break;
	case JSON_STRING:
		text_addc(t, '"');
		add_shown(t, json_string_value(v), json_string_length(v));
		text_addc(t, '"');
		break;
	case JSON_INTEGER:
		text_addf(t, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		break;
	case JSON_REAL:
		text_addf(t, "the number %g", json_real_value(v));
		break;
	case JSON_TRUE:
		text_add(t, "true");
		break;
	case JSON_FALSE:
		text_add(t, "false");
		break;
	case JSON_NULL:
		text_add(t, "null");
		break;
	}
}

/* Say what would be right, and what is there instead. */
static int
wrong_value(struct parse *p, const json_t *v, const char *what)
{
	struct text *t = begin_message(p, p->at);

	text_addf(t, "%s; it is ", what);
	add_value(t, v);
	return ST_MALFORMED;
}

/* Say what would be right, of something that must not be shown. */
static int
wrong(struct parse *p, const char *what)
{
	text_add(begin_message(p, p->at), what);
	return ST_MALFORMED;
}

/* Append to the path, as JavaScript would have it. */
static void
path_add_key(struct parse *p, const char *key)
{
	bool plain = key[0] != '\0';

	for (const char *s = key; *s != '\0'; s++)
		if (!(*s == '_' || *s == '-' || (*s >= '0' && *s <= '9') ||
		    ((*s | 0x20) >= 'a' && (*s | 0x20) <= 'z')))
			plain = false;
	if (plain && p->path.len > 0)
		text_addc(&p->path, '.');
	text_add(&p->path, plain ? "" : "[\"");
	add_shown(&p->path, key, strlen(key));
	text_add(&p->path, plain ? "" : "\"]");
}

/* Take what was appended off again. */
static void
path_cut(struct parse *p, size_t len)
{
	p->path.len = len;
	p->path.p[len] = '\0';
	p->path.full = false;
}

typedef int member_fn(struct parse *p, const char *key, json_t *v);
typedef int element_fn(struct parse *p, size_t i, json_t *v);

/* Look at the members of the object that is looked at. */
static int
each_member(struct parse *p, json_t *object, member_fn *take)
{
	size_t container = p->at, len = p->path.len;
	struct jsonpos_item item;
	const char *key;
	json_t *v;
	bool there = jsonpos_first(p->text, container, &item);
	int st;

	json_object_foreach(object, key, v) {
		assert(there);
		p->key_at = item.key;
		p->at = item.value;
		path_add_key(p, key);
		if ((st = take(p, key, v)) != ST_OK)
			return st;
		path_cut(p, len);
		there = jsonpos_next(p->text, &item);
	}
	p->at = container;
	return ST_OK;
}

/* Look at the elements of the array that is looked at. */
static int
each_element(struct parse *p, const json_t *array, element_fn *take)
{
	size_t container = p->at, len = p->path.len;
	struct jsonpos_item item;
	bool there = jsonpos_first(p->text, container, &item);
	int st;

	for (size_t i = 0; i < json_array_size(array); i++) {
		assert(there);
		p->at = item.value;
		text_addf(&p->path, "[%zu]", i);
		if ((st = take(p, i, json_array_get(array, i))) != ST_OK)
			return st;
		path_cut(p, len);
		there = jsonpos_next(p->text, &item);
	}
	p->at = container;
	return ST_OK;
}

/* A text that ${check} finds good. */
static int
take_text(struct parse *p, const json_t *v, const char *(*check)(const char *),
    const char **out)
{
	const char *s = json_string_value(v), *what;

	if (s == NULL)
		return wrong_value(p, v, "must be a text in double quotes");
	if ((what = check(s)) != NULL)
		return wrong_value(p, v, what);
	return keep(p, s, json_string_length(v), out);
}

static int
take_host(struct parse *p, json_t *v)
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
		t = begin_message(p, p->at);
		text_addf(t, "there is an entry for \"%s\" already, which "
		    "begins in line %u; there must be one for each host",
		    other->host, other->place.line);
		return ST_MALFORMED;
	}
	p->entry->host = host;
	return ST_OK;
}

static int
take_hostname(struct parse *p, json_t *v)
{
	return take_text(p, v, manifestvalue_host, &p->entry->hostname);
}

static int
take_user(struct parse *p, json_t *v)
{
	return take_text(p, v, manifestvalue_user, &p->entry->user);
}

static int
take_account(struct parse *p, json_t *v)
{
	return take_text(p, v, manifestvalue_account, &p->entry->account);
}

static int
take_home(struct parse *p, json_t *v)
{
	return take_text(p, v, manifestvalue_home, &p->entry->home);
}

static int
take_proxy(struct parse *p, json_t *v)
{
	const char *s = json_string_value(v), *what;

	if (s == NULL)
		return wrong_value(p, v, "must be a text in double quotes");
	/* It may have a password in it. */
	if ((what = manifestvalue_proxy(s)) != NULL)
		return wrong(p, what);
	return keep(p, s, strlen(s), &p->entry->proxy);
}

/* A path of the operator's: where ~ and what is relative lead to. */
static int
take_path(struct parse *p, const json_t *v, const char **out)
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
			return wrong_value(p, v, "must be a path without ~: "
			    "your home directory is not known");
		if (s[0] == '/' && from[strlen(from) - 1] == '/')
			s++;
	} else if (s[0] != '/' && p->src->folder[0] != '\0') {
		from = p->src->folder;
		between = from[strlen(from) - 1] == '/' ? "" : "/";
	}
	len = strlen(from) + strlen(between) + strlen(s) + 1;
	if (len > PATH_MAX)
		return wrong_value(p, v, "must be a shorter path: with the "
		    "directory before it, it is too long");
	if ((path = keep_room(p, len)) == NULL)
		return ST_NOMEM;
	(void)stpcpy(stpcpy(stpcpy(path, from), between), s);
	*out = path;
	return ST_OK;
}

static int
take_identity(struct parse *p, json_t *v)
{
	return take_path(p, v, &p->entry->identity);
}

static int
take_certificate(struct parse *p, json_t *v)
{
	return take_path(p, v, &p->entry->certificate);
}

static int
take_port(struct parse *p, json_t *v)
{
	static const char what[] = "must be a number from 1 to 65535";
	const char *s = json_string_value(v);
	json_int_t i = json_integer_value(v);
	uint64_t n = 0;

	if (s != NULL && num_u64(s, 1, UINT16_MAX, &n) != ST_OK)
		return wrong_value(p, v, what);
	if (s == NULL && (!json_is_integer(v) || i < 1 || i > UINT16_MAX))
		return wrong_value(p, v, what);
	p->entry->port = (uint16_t)(s != NULL ? n : (uint64_t)i);
	return ST_OK;
}

/* One line of KnownHostKey. */
static int
take_hostkey(struct parse *p, size_t i, json_t *v)
{
	struct manifest_hostkey *key = &p->entry->keys[i];
	const char *s = json_string_value(v), *what;
	char text[HOSTKEY_TEXT_MAX];
	struct hostkey *parsed;
	const char *blob;
	struct text t;
	int st;

	if (s == NULL)
		return wrong_value(p, v, "must be a text in double quotes");
	if ((what = manifestvalue_plain(s)) != NULL)
		return wrong_value(p, v, what);
	if ((parsed = malloc(sizeof(*parsed))) == NULL)
		return ST_NOMEM;
	if (hostkey_parse(s, strlen(s), parsed, &what) != ST_OK) {
		st = wrong_value(p, v, what);
		goto out;
	}
	st = keep(p, (const char *)parsed->blob, parsed->len, &blob);
	if (st != ST_OK)
		goto out;
	key->blob = (struct slice){ (const uint8_t *)blob, parsed->len };
	text_init(&t, text, sizeof(text));
	hostkey_put_text(key->blob, &t);
	if ((st = keep(p, text, t.len, &key->text)) != ST_OK)
		goto out;
	p->entry->n_keys++;
out:
	free(parsed);
	return st;
}

/* KnownHostKey: one, or several. */
static int
take_hostkeys(struct parse *p, json_t *v)
{
	size_t n = json_is_array(v) ? json_array_size(v) : 1;

	if (!json_is_array(v) && !json_is_string(v))
		return wrong_value(p, v, "must be a text with type and "
		    "base64 of a key, or an array of such");
	if (n == 0)
		return wrong(p, "must not be empty: leave it out, or write a "
		    "key");
	if (n > MANIFEST_HOSTKEYS_MAX) {
		(void)wrong(p, "must have at most 16 keys");
		return ST_TOO_LARGE;
	}
	p->entry->keys = keep_room(p, n * sizeof(p->entry->keys[0]));
	if (p->entry->keys == NULL)
		return ST_NOMEM;
	if (json_is_array(v))
		return each_element(p, v, take_hostkey);
	return take_hostkey(p, 0, v);
}

/* Add ${len} bytes at ${s} to ${words}. */
static int
add_word(struct parse *p, struct words *words, const char *s, size_t len,
    const char *(*check)(const char *))
{
	const char *word, *what;
	struct text *t;
	int st;

	if (words->n == CONSTRAINT_PURPOSES_MAX) {
		(void)wrong(p, "there must be at most 32");
		return ST_TOO_LARGE;
	}
	if ((st = keep(p, s, len, &word)) != ST_OK)
		return st;
	what = check(word);
	for (size_t i = 0; i < words->n && what == NULL; i++)
		if (strcmp(words->word[i], word) == 0)
			what = "must not be there twice";
	if (what == NULL) {
		words->word[words->n++] = word;
		return ST_OK;
	}
	t = begin_message(p, p->at);
	text_addf(t, "%s; it is \"", what);
	add_shown(t, s, len);
	text_addc(t, '"');
	return ST_MALFORMED;
}

/* An element that is a word. */
static int
take_word(struct parse *p, json_t *v, struct words *words,
    const char *(*check)(const char *))
{
	if (!json_is_string(v))
		return wrong_value(p, v, "must be a text in double quotes");
	return add_word(p, words, json_string_value(v), json_string_length(v),
	    check);
}

static int
take_purpose(struct parse *p, size_t i, json_t *v)
{
	(void)i;
	return take_word(p, v, &p->purposes, manifestvalue_purpose);
}

static int
take_namespace(struct parse *p, size_t i, json_t *v)
{
	(void)i;
	return take_word(p, v, &p->namespaces, manifestvalue_namespace);
}

static int
take_peer(struct parse *p, size_t i, json_t *v)
{
	(void)i;
	return take_word(p, v, &p->peers, manifestvalue_peer);
}

/* An array of words: ${example} is one. */
static int
take_words(struct parse *p, json_t *v, element_fn *take, const char *example)
{
	struct text *t;

	if (json_is_array(v) && json_array_size(v) > 0)
		return each_element(p, v, take);
	t = begin_message(p, p->at);
	text_addf(t, "must be an array such as %s; it is ", example);
	if (json_is_array(v))
		text_add(t, "empty, which would be for nothing: leave it out "
		    "for what is usual");
	else
		add_value(t, v);
	return ST_MALFORMED;
}

static int
take_purposes(struct parse *p, json_t *v)
{
	return take_words(p, v, take_purpose, "[\"auth\", \"git\"]");
}

static int
take_namespaces(struct parse *p, json_t *v)
{
	return take_words(p, v, take_namespace, "[\"git\"]");
}

/* peers: an array, or a list with commas. */
static int
take_peers(struct parse *p, json_t *v)
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
take_lifetime(struct parse *p, json_t *v)
{
	const char *s = json_string_value(v);
	json_int_t i = json_integer_value(v);
	uint32_t seconds = 0;

	if (json_is_integer(v) && i > 0 && i <= INT32_MAX)
		seconds = (uint32_t)i;
	else if (s != NULL && num_duration_s(s, &seconds) != ST_OK)
		seconds = 0;
	if (seconds == 0)
		return wrong_value(p, v, "must be a number of seconds, or a "
		    "time such as \"8h\" or \"1h30m\", from 1s to 68 years");
	p->entry->lifetime_s = seconds;
	return ST_OK;
}

static int
take_confirm(struct parse *p, json_t *v)
{
	if (!json_is_boolean(v))
		return wrong_value(p, v, "must be true or false");
	p->entry->confirm = json_is_true(v);
	return ST_OK;
}

static int
take_signatures(struct parse *p, json_t *v)
{
	json_int_t i = json_integer_value(v);

	if (!json_is_integer(v) || i < 1 || i > UINT32_MAX)
		return wrong_value(p, v, "must be a number from 1 to "
		    "4294967295");
	p->entry->signatures = (uint32_t)i;
	return ST_OK;
}

static int
take_rate(struct parse *p, json_t *v)
{
	const char *s = json_string_value(v);

	if (s == NULL || manifestvalue_rate(s, &p->entry->rate_n,
	    &p->entry->rate_s) != ST_OK)
		return wrong_value(p, v, "must be \"N/TIME\", with N from 1 "
		    "to 1024 and a TIME from 1s to 1d, for example \"5/1m\"");
	return ST_OK;
}

static int
take_unbound(struct parse *p, json_t *v)
{
	const char *s = json_string_value(v);

	if (s != NULL && strcmp(s, "allow") == 0)
		p->entry->unbound = MANIFEST_UNBOUND_ALLOW;
	else if (s != NULL && strcmp(s, "deny") == 0)
		p->entry->unbound = MANIFEST_UNBOUND_DENY;
	else
		return wrong_value(p, v, "must be \"allow\" or \"deny\"");
	return ST_OK;
}

/* The fields of an entry, in the order of the manual. */
static const struct field {
	const char	*name;
	bool		 required;
	int		(*take)(struct parse *, json_t *);
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

/* A name without what people write differently: case, - and _. */
static size_t
fold_name(const char *name, char folded[static NEAREST_MAX + 1])
{
	size_t n = 0;

	for (; *name != '\0' && n < NEAREST_MAX; name++) {
		if (*name == '-' || *name == '_')
			continue;
		folded[n] = *name;
		if (*name >= 'A' && *name <= 'Z')
			folded[n] = (char)(*name | 0x20);
		n++;
	}
	folded[n] = '\0';
	return n;
}

/* How far one name is from another one; more than NEAR_MAX: too far. */
static size_t
distance(const char *a, const char *b)
{
	char fa[NEAREST_MAX + 1], fb[NEAREST_MAX + 1];
	size_t alen = fold_name(a, fa), blen = fold_name(b, fb);
	size_t edits = nearest_edits(fa, alen, fb, blen);

	/* Of a short name little would be left. */
	if (edits > 0 && alen < 3)
		return NEAR_MAX + 1;
	return edits;
}

/* There is no field of that name. */
static int
unknown_field(struct parse *p, const char *name)
{
	struct text *t = begin_message(p, p->key_at);
	const char *near = NULL;
	size_t best = NEAR_MAX + 1, d;

	for (size_t i = 0; i < FIELDS; i++)
		if ((d = distance(name, fields[i].name)) < best) {
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
take_field(struct parse *p, const char *name, json_t *v)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (strcmp(name, fields[i].name) == 0)
			return fields[i].take(p, v);
	return unknown_field(p, name);
}

/* Give the entry words that were collected. */
static int
keep_words(struct parse *p, const struct words *words,
    struct manifest_words *out)
{
	if (words->n == 0)
		return ST_OK;
	if (out->words == NULL)
		out->words = keep_room(p, CONSTRAINT_PURPOSES_MAX *
		    sizeof(out->words[0]));
	if (out->words == NULL)
		return ST_NOMEM;
	for (size_t i = 0; i < words->n; i++)
		out->words[out->n++] = words->word[i];
	return ST_OK;
}

/* Make one list of purposes and namespaces. */
static int
join_purposes(struct parse *p)
{
	struct words *all = &p->purposes, *more = &p->namespaces;
	size_t n = all->n;
	bool any = false, there;

	for (size_t i = 0; i < n; i++)
		any = any || strcmp(all->word[i], "any") == 0;
	if (any && n + more->n > 1)
		return wrong(p, "the purpose \"any\" is for everything: no "
		    "other purpose or namespace must be beside it");
	for (size_t i = 0; i < more->n; i++) {
		there = false;
		for (size_t j = 0; j < n; j++)
			there = there || strcmp(all->word[j],
			    more->word[i]) == 0;
		if (there)
			continue;
		if (all->n == CONSTRAINT_PURPOSES_MAX) {
			(void)wrong(p, "there must be at most 32 purposes and "
			    "namespaces together");
			return ST_TOO_LARGE;
		}
		all->word[all->n++] = more->word[i];
	}
	return keep_words(p, all, &p->entry->purposes);
}

/* An entry. */
static int
take_entry(struct parse *p, size_t i, json_t *v)
{
	struct text *t;
	int st;

	if (!json_is_object(v))
		return wrong_value(p, v, "must be an object with Host and "
		    "IdentityFile");
	p->entry = &p->m->entries[i];
	p->entry->place = jsonpos_place(p->text, p->at);
	p->purposes.n = p->namespaces.n = p->peers.n = 0;
	if ((st = each_member(p, v, take_field)) != ST_OK)
		return st;
	for (size_t f = 0; f < FIELDS; f++) {
		if (!fields[f].required ||
		    json_object_get(v, fields[f].name) != NULL)
			continue;
		t = begin_message(p, p->at);
		text_addf(t, "%s is missing", fields[f].name);
		return ST_MALFORMED;
	}
	if ((st = join_purposes(p)) != ST_OK)
		return st;
	p->m->n++;
	return keep_words(p, &p->peers, &p->entry->peers);
}

/* The array of entries. */
static int
take_entries(struct parse *p, json_t *v)
{
	size_t n = json_array_size(v);

	if (!json_is_array(v))
		return wrong_value(p, v, "must be an array of entries");
	if (n == 0)
		return ST_OK;
	if (n > MANIFEST_ENTRIES_MAX) {
		(void)wrong(p, "there must be at most 256 entries");
		return ST_TOO_LARGE;
	}
	p->m->entries = keep_room(p, n * sizeof(p->m->entries[0]));
	if (p->m->entries == NULL)
		return ST_NOMEM;
	return each_element(p, v, take_entry);
}

/* Whether a key is ${name}; one that is so but for its case is an error, since
 * others pass without being looked at. */
static int
is_key(struct parse *p, const char *key, const char *name, bool *is)
{
	struct text *t;

	*is = strcmp(key, name) == 0;
	if (*is || strcasecmp(key, name) != 0)
		return ST_OK;
	t = begin_message(p, p->key_at);
	text_addf(t, "did you mean %s? Upper and lower case matter", name);
	return ST_MALFORMED;
}

/* A member of the bottle that is looked for. */
static int
take_bottle_member(struct parse *p, const char *key, json_t *v)
{
	bool is;
	int st = is_key(p, key, "ssh", &is);

	return st != ST_OK || !is ? st : take_entries(p, v);
}

/* A bottle. */
static int
take_bottle(struct parse *p, const char *name, json_t *v)
{
	if (strcmp(name, p->bottle) != 0)
		return ST_OK;
	if (!json_is_object(v))
		return wrong_value(p, v, "must be an object");
	return each_member(p, v, take_bottle_member);
}

/* Say that there is no such bottle, or that there are several. */
static int
no_bottle(struct parse *p, json_t *bottles)
{
	struct text *t = begin_message(p, p->at);
	const char *name = p->src->bottle, *key, *near = NULL;
	size_t best = NEAR_MAX + 1, d, n = 0;
	json_t *v;

	if (name != NULL) {
		text_add(t, "there is no bottle \"");
		add_shown(t, name, strlen(name));
		text_add(t, "\"; ");
	}
	if (json_object_size(bottles) == 0) {
		text_add(t, "there are none in this manifest");
		return ST_NOT_FOUND;
	}
	text_add(t, name != NULL ? "there are " : "say which bottle: there "
	    "are ");
	json_object_foreach(bottles, key, v) {
		if (name != NULL && (d = distance(name, key)) < best) {
			best = d;
			near = key;
		}
		if (n++ >= LISTED_MAX)
			continue;
		text_add(t, n > 1 ? ", \"" : "\"");
		add_shown(t, key, strlen(key));
		text_addc(t, '"');
	}
	if (n > LISTED_MAX)
		text_addf(t, " and %zu more", n - LISTED_MAX);
	if (near != NULL) {
		text_add(t, "; did you mean \"");
		add_shown(t, near, strlen(near));
		text_add(t, "\"?");
	}
	return ST_NOT_FOUND;
}

/* All bottles; ${bottles} may be NULL. */
static int
take_bottles(struct parse *p, json_t *bottles)
{
	const char *name = p->src->bottle;

	if (bottles != NULL && !json_is_object(bottles))
		return wrong_value(p, bottles, "must be an object that has an "
		    "object for each bottle");
	if (name == NULL && json_object_size(bottles) == 0)
		return ST_OK;
	if (name == NULL && json_object_size(bottles) == 1)
		name = json_object_iter_key(json_object_iter(bottles));
	if (name == NULL || json_object_get(bottles, name) == NULL)
		return no_bottle(p, bottles);
	p->bottle = name;
	if (keep(p, name, strlen(name), &p->m->bottle) != ST_OK)
		return ST_NOMEM;
	return each_member(p, bottles, take_bottle);
}

/* A member of the whole. */
static int
take_root_member(struct parse *p, const char *key, json_t *v)
{
	bool is;
	int st = is_key(p, key, "bottles", &is);

	return st != ST_OK || !is ? st : take_bottles(p, v);
}

/* The whole. */
static int
take_root(struct parse *p, json_t *root)
{
	struct text *t;
	int st;

	/* Where it is, blanks before it aside. */
	p->at = jsonpos_token(p->text, 0);
	if (json_is_array(root)) {
		if (p->src->bottle == NULL)
			return take_entries(p, root);
		t = begin_message(p, p->at);
		text_add(t, "there is no bottle \"");
		add_shown(t, p->src->bottle, strlen(p->src->bottle));
		text_add(t, "\": this manifest is an array of entries, whose "
		    "bottle has no name");
		return ST_NOT_FOUND;
	}
	st = each_member(p, root, take_root_member);
	if (st == ST_OK && json_object_get(root, "bottles") == NULL)
		st = take_bottles(p, NULL);
	return st;
}

/* What the library does not like of a text that jsonpos does. */
static int
wrong_text(struct parse *p, const json_error_t *error)
{
	size_t end = error->position > 0 ? (size_t)error->position : 0;
	size_t at = jsonpos_token(p->text, end > 0 ? end - 1 : 0);
	struct text *t = begin_message(p, at);

	switch (json_error_code(error)) {
	case json_error_out_of_memory:
		text_init(t, p->message_room, sizeof(p->message_room));
		return ST_NOMEM;
	case json_error_duplicate_key:
		text_add(t, "this key is in its object twice: ");
		if (at < end)
			add_shown(t, p->text.p + at, end - at);
		break;
	case json_error_invalid_utf8:
		text_add(t, "this text is not UTF-8");
		break;
	case json_error_numeric_overflow:
		text_add(t, "this number is too large");
		break;
	default:
		text_add(t, "this is no JSON");
		break;
	}
	return ST_MALFORMED;
}

/* The text, and all that is in it. */
static int
take_document(struct parse *p)
{
	json_error_t error;
	const char *what;
	json_t *root;
	int st;

	if (p->text.len > MANIFEST_MAX) {
		text_add(begin_message(p, 0), "it has more than 1 MiB: this "
		    "is no manifest");
		return ST_TOO_LARGE;
	}
	if ((st = jsonpos_check(p->text, &p->at, &what)) != ST_OK) {
		(void)wrong(p, what);
		return st;
	}
	root = json_loadb(p->text.p, p->text.len, JSON_REJECT_DUPLICATES,
	    &error);
	if (root == NULL)
		return wrong_text(p, &error);
	st = take_root(p, root);
	json_decref(root);
	return st;
}

int
manifest_parse(const struct manifest_source *source, struct manifest *out,
    char *why, size_t whylen)
{
	struct parse *p = calloc(1, sizeof(*p));
	struct text t;
	int st;

	*out = (struct manifest){ .bottle = NULL };
	if (whylen > 0)
		why[0] = '\0';
	if (p == NULL)
		return ST_NOMEM;
	p->src = source;
	p->text = (struct jsonpos_text){ source->text, source->len };
	p->m = out;
	text_init(&p->path, p->path_room, sizeof(p->path_room));
	text_init(&p->message, p->message_room, sizeof(p->message_room));
	st = take_document(p);
	if (st != ST_OK) {
		manifest_fini(out);
		if (whylen > 0 && st != ST_NOMEM) {
			text_init(&t, why, whylen);
			text_add(&t, p->message_room);
		}
	}
	free(p);
	return st;
}

void
manifest_fini(struct manifest *m)
{
	struct kept *k = m->kept, *next;

	for (; k != NULL; k = next) {
		next = k->next;
		explicit_bzero(k->bytes, k->len);
		free(k);
	}
	*m = (struct manifest){ .bottle = NULL };
}
