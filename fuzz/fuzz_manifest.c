/*
 * Reaches: all of provision/jsonpos.c, manifest.c, manifestvalue.c and
 *          hostkey.c.
 * Claims:  jsonpos takes what the library takes, and else only what has a key
 *          twice, is no UTF-8 or a number too large; each item that it finds in
 *          the text is, read alone, the library's; the status of a manifest is
 *          a known one, and its message one line that is safe to print, with a
 *          place that is in the text; what was read, written anew, is read the
 *          same.
 * Input:   the manifest.
 */

#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "fuzz/fuzz.h"
#include "fuzz/printable.h"
#include "proto/constraint.h"
#include "provision/manifest.h"

#define NAME	"m"

/* Longest text whose every item is read alone. */
#define ITEMS_MAX	8192

static void check_items(struct jsonpos_text t, size_t at, json_t *v);

/* An item of the text is this value. */
static void
check_item(struct jsonpos_text t, const struct jsonpos_item *item, json_t *v)
{
	json_t *alone;

	assert(item->key <= item->value && item->value < item->end);
	assert(item->end <= t.len);
	assert(jsonpos_token(t, item->value) == item->value);
	alone = json_loadb(t.p + item->value, item->end - item->value,
	    JSON_DECODE_ANY, NULL);
	assert(alone != NULL && json_equal(alone, v));
	json_decref(alone);
	check_items(t, item->value, v);
}

/* The key of an item is this one. */
static void
check_key(struct jsonpos_text t, const struct jsonpos_item *item,
    const char *key)
{
	json_t *alone = json_loadb(t.p + item->key, item->value - item->key,
	    JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, NULL);

	assert(alone != NULL && strcmp(json_string_value(alone), key) == 0);
	json_decref(alone);
}

/* What is in the value at ${at} is there, in the order of the text. */
static void
check_items(struct jsonpos_text t, size_t at, json_t *v)
{
	struct jsonpos_item item;
	bool there = jsonpos_first(t, at, &item);
	const char *key;
	json_t *child;
	size_t i;

	if (json_is_object(v)) {
		json_object_foreach(v, key, child) {
			assert(there);
			check_key(t, &item, key);
			check_item(t, &item, child);
			there = jsonpos_next(t, &item);
		}
	} else if (json_is_array(v)) {
		json_array_foreach(v, i, child) {
			assert(there && item.key == item.value);
			check_item(t, &item, child);
			there = jsonpos_next(t, &item);
		}
	}
	assert(!there);
}

/* jsonpos and the library agree about a text. */
static void
check_text(struct jsonpos_text t)
{
	json_error_t error;
	const char *what;
	json_t *root;
	size_t at;
	int st = jsonpos_check(t, &at, &what);

	root = json_loadb(t.p, t.len, JSON_REJECT_DUPLICATES, &error);
	assert((st == ST_OK) == (what == NULL));
	assert(st == ST_OK || st == ST_MALFORMED || st == ST_TOO_LARGE);
	if (st != ST_OK) {
		assert(at <= t.len && what[0] != '\0');
		/* The library passes over a NUL behind a number. */
		assert(root == NULL || st == ST_TOO_LARGE ||
		    memchr(t.p, '\0', t.len) != NULL);
	} else if (root == NULL) {
		assert(json_error_code(&error) == json_error_duplicate_key ||
		    json_error_code(&error) == json_error_invalid_utf8 ||
		    json_error_code(&error) == json_error_numeric_overflow);
	} else if (t.len <= ITEMS_MAX) {
		check_items(t, jsonpos_token(t, 0), root);
	}
	json_decref(root);
}

/* A walk over what may be no JSON stays within it, and ends. */
static void
check_walk(struct jsonpos_text t)
{
	struct jsonpos_item item;
	size_t at = 0, token, n = 0;
	bool there;

	for (; at < t.len && n < 64; at = token + 1, n++) {
		token = jsonpos_token(t, at);
		assert(token <= t.len);
		for (there = jsonpos_first(t, token, &item); there;
		    there = jsonpos_next(t, &item)) {
			assert(item.key <= item.value);
			assert(item.value <= item.end && item.end <= t.len);
			assert(item.key > token);
			if (n++ > 256)
				return;
		}
	}
}

/* A message is one line, and its place is in the text. */
static void
check_message(const char *why, struct jsonpos_text t)
{
	struct jsonpos_place end = jsonpos_place(t, t.len);
	unsigned long line, column;
	char *s;

	assert(strncmp(why, NAME ":", sizeof(NAME)) == 0);
	line = strtoul(why + sizeof(NAME), &s, 10);
	assert(line >= 1 && line <= end.line && *s == ':');
	column = strtoul(s + 1, &s, 10);
	assert(column >= 1 && column <= t.len + 1);
	assert(line < end.line || column <= end.column);
	assert(strncmp(s, ": ", 2) == 0 && s[2] != '\0');
	assert(strlen(why) < MANIFEST_WHY_MAX - 1);
	fuzz_printable(why, MANIFEST_WHY_MAX);
}

static void
set(json_t *entry, const char *name, json_t *v)
{
	int st = json_object_set_new(entry, name, v);

	assert(st == 0);
	(void)st;
}

static void
set_text(json_t *entry, const char *name, const char *s)
{
	if (s != NULL)
		set(entry, name, json_string(s));
}

static void
set_words(json_t *entry, const char *name, const struct manifest_words *w)
{
	json_t *array = json_array();
	int st;

	assert((w->n == 0) == (w->words == NULL));
	assert(w->n <= CONSTRAINT_PURPOSES_MAX);
	for (size_t i = 0; i < w->n; i++) {
		st = json_array_append_new(array, json_string(w->words[i]));
		assert(st == 0);
	}
	if (w->n > 0)
		set(entry, name, json_incref(array));
	json_decref(array);
	(void)st;
}

/* An entry as a value. */
static json_t *
write_entry(const struct manifest_entry *e)
{
	static const char *const unbound[] = { NULL, "allow", "deny" };
	json_t *entry = json_object();
	char rate[32];

	set_text(entry, "Host", e->host);
	set_text(entry, "IdentityFile", e->identity);
	set_text(entry, "CertificateFile", e->certificate);
	set_text(entry, "Hostname", e->hostname);
	set_text(entry, "User", e->user);
	if (e->port != 0)
		set(entry, "Port", json_integer(e->port));
	if (e->n_keys > 0) {
		set(entry, "KnownHostKey", json_array());
		for (size_t i = 0; i < e->n_keys; i++)
			(void)json_array_append_new(json_object_get(entry,
			    "KnownHostKey"), json_string(e->keys[i].text));
	}
	set_words(entry, "purposes", &e->purposes);
	if (e->lifetime_s != 0)
		set(entry, "lifetime", json_integer(e->lifetime_s));
	set(entry, "confirm", json_boolean(e->confirm));
	if (e->signatures != 0)
		set(entry, "maxSignatures", json_integer(e->signatures));
	if (e->rate_n != 0) {
		(void)snprintf(rate, sizeof(rate), "%u/%us", e->rate_n,
		    e->rate_s);
		set_text(entry, "rate", rate);
	}
	set_text(entry, "unbound", unbound[e->unbound]);
	set_words(entry, "peers", &e->peers);
	set_text(entry, "proxy", e->proxy);
	set_text(entry, "user", e->account);
	set_text(entry, "home", e->home);
	return entry;
}

/* All entries as a manifest. */
static json_t *
write_manifest(const struct manifest *m)
{
	json_t *array = json_array();
	int st;

	for (size_t i = 0; i < m->n; i++) {
		st = json_array_append_new(array, write_entry(&m->entries[i]));
		assert(st == 0);
	}
	(void)st;
	return array;
}

/* Whether all paths are short enough to stand in a manifest. */
static bool
paths_fit(const struct manifest *m)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct manifest_entry *e = &m->entries[i];

		if (strlen(e->identity) > MANIFEST_PATH_MAX ||
		    (e->certificate != NULL &&
		    strlen(e->certificate) > MANIFEST_PATH_MAX))
			return false;
	}
	return true;
}

/* What was read, written anew, is read the same. */
static void
check_entries(const struct manifest *m)
{
	struct manifest_source source = { .name = NAME, .home = NULL,
	    .folder = "/nowhere" };
	struct manifest again;
	json_t *first, *second;
	char why[MANIFEST_WHY_MAX];
	char *text;
	int st;

	assert(m->n <= MANIFEST_ENTRIES_MAX);
	for (size_t i = 0; i < m->n; i++) {
		assert(m->entries[i].identity[0] == '/');
		for (size_t j = 0; j < i; j++)
			assert(strcasecmp(m->entries[i].host,
			    m->entries[j].host) != 0);
	}
	if (!paths_fit(m))
		return;
	first = write_manifest(m);
	text = json_dumps(first, JSON_COMPACT);
	assert(text != NULL);
	source.text = text;
	source.len = strlen(text);
	if (source.len <= MANIFEST_MAX) {
		st = manifest_parse(&source, &again, why, sizeof(why));
		assert(st == ST_OK);
		second = write_manifest(&again);
		assert(again.n == m->n && json_equal(first, second));
		json_decref(second);
		manifest_fini(&again);
	}
	(void)st;
	free(text);
	json_decref(first);
}

/* Read it for a bottle, or for none. */
static void
check_manifest(struct jsonpos_text t, const char *bottle)
{
	const struct manifest_source source = {
		.name = NAME, .text = t.p, .len = t.len, .bottle = bottle,
		.home = "/home/op", .folder = "/etc/bottles",
	};
	char why[2 * MANIFEST_WHY_MAX] = "#";
	struct manifest m;
	int st;

	st = manifest_parse(&source, &m, why, sizeof(why));
	if (st == ST_OK) {
		assert(why[0] == '\0');
		assert(bottle == NULL || strcmp(m.bottle, bottle) == 0);
		check_entries(&m);
	} else {
		assert(st == ST_MALFORMED || st == ST_TOO_LARGE ||
		    st == ST_NOT_FOUND);
		assert(m.n == 0 && m.kept == NULL);
		check_message(why, t);
	}
	manifest_fini(&m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jsonpos_text t = { (const char *)data, size };

	if (size > MANIFEST_MAX)
		return 0;
	check_text(t);
	check_walk(t);
	check_manifest(t, NULL);
	check_manifest(t, "web");
	return 0;
}
