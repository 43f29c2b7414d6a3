#include "provision/manifest.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/text.h"
#include "provision/manifestentry.h"
#include "provision/walk.h"

/* Most names that a message lists. */
#define LISTED_MAX	16

/* The array of entries. */
static int
take_entries(struct walk *p, json_t *v)
{
	size_t n = json_array_size(v);

	if (!json_is_array(v))
		return walk_wrong(p, v, "must be an array of entries");
	if (n == 0)
		return ST_OK;
	if (n > MANIFEST_ENTRIES_MAX) {
		(void)walk_bad(p, "there must be at most 256 entries");
		return ST_TOO_LARGE;
	}
	p->m->entries = walk_room(p, n * sizeof(p->m->entries[0]));
	if (p->m->entries == NULL)
		return ST_NOMEM;
	return walk_elements(p, v, manifestentry_take);
}

/* Whether a key is ${name}; one that is so but for its case is an error, since
 * others pass without being looked at. */
static int
is_key(struct walk *p, const char *key, const char *name, bool *is)
{
	struct text *t;

	*is = strcmp(key, name) == 0;
	if (*is || strcasecmp(key, name) != 0)
		return ST_OK;
	t = walk_message(p, p->key_at);
	text_addf(t, "did you mean %s? Upper and lower case matter", name);
	return ST_MALFORMED;
}

/* A member of the bottle that is looked for. */
static int
take_bottle_member(struct walk *p, const char *key, json_t *v)
{
	bool is;
	int st = is_key(p, key, "ssh", &is);

	return st != ST_OK || !is ? st : take_entries(p, v);
}

/* A bottle. */
static int
take_bottle(struct walk *p, const char *name, json_t *v)
{
	if (strcmp(name, p->bottle) != 0)
		return ST_OK;
	if (!json_is_object(v))
		return walk_wrong(p, v, "must be an object");
	return walk_members(p, v, take_bottle_member);
}

/* Say that there is no such bottle, or that there are several. */
static int
no_bottle(struct walk *p, json_t *bottles)
{
	struct text *t = walk_message(p, p->at);
	const char *name = p->src->bottle, *key, *near = NULL;
	size_t best = WALK_NEAR_MAX + 1, d, n = 0;
	json_t *v;

	if (name != NULL) {
		text_add(t, "there is no bottle \"");
		walk_show(t, name, strlen(name));
		text_add(t, "\"; ");
	}
	if (json_object_size(bottles) == 0) {
		text_add(t, "there are none in this manifest");
		return ST_NOT_FOUND;
	}
	text_add(t, name != NULL ? "there are " : "say which bottle: there "
	    "are ");
	json_object_foreach(bottles, key, v) {
		if (name != NULL && (d = walk_distance(name, key)) < best) {
			best = d;
			near = key;
		}
		if (n++ >= LISTED_MAX)
			continue;
		text_add(t, n > 1 ? ", \"" : "\"");
		walk_show(t, key, strlen(key));
		text_addc(t, '"');
	}
	if (n > LISTED_MAX)
		text_addf(t, " and %zu more", n - LISTED_MAX);
	if (near != NULL) {
		text_add(t, "; did you mean \"");
		walk_show(t, near, strlen(near));
		text_add(t, "\"?");
	}
	return ST_NOT_FOUND;
}

/* All bottles; ${bottles} may be NULL. */
static int
take_bottles(struct walk *p, json_t *bottles)
{
	const char *name = p->src->bottle;

	if (bottles != NULL && !json_is_object(bottles))
		return walk_wrong(p, bottles, "must be an object that has an "
		    "object for each bottle");
	if (name == NULL && json_object_size(bottles) == 0)
		return ST_OK;
	if (name == NULL && json_object_size(bottles) == 1)
		name = json_object_iter_key(json_object_iter(bottles));
	if (name == NULL || json_object_get(bottles, name) == NULL)
		return no_bottle(p, bottles);
	p->bottle = name;
	if (walk_keep(p, name, strlen(name), &p->m->bottle) != ST_OK)
		return ST_NOMEM;
	return walk_members(p, bottles, take_bottle);
}

/* A member of the whole. */
static int
take_root_member(struct walk *p, const char *key, json_t *v)
{
	bool is;
	int st = is_key(p, key, "bottles", &is);

	return st != ST_OK || !is ? st : take_bottles(p, v);
}

/* The whole. */
static int
take_root(struct walk *p, json_t *root)
{
	struct text *t;
	int st;

	/* Where it is, blanks before it aside. */
	p->at = jsonpos_token(p->text, 0);
	if (json_is_array(root)) {
		if (p->src->bottle == NULL)
			return take_entries(p, root);
		t = walk_message(p, p->at);
		text_add(t, "there is no bottle \"");
		walk_show(t, p->src->bottle, strlen(p->src->bottle));
		text_add(t, "\": this manifest is an array of entries, whose "
		    "bottle has no name");
		return ST_NOT_FOUND;
	}
	st = walk_members(p, root, take_root_member);
	if (st == ST_OK && json_object_get(root, "bottles") == NULL)
		st = take_bottles(p, NULL);
	return st;
}

/* What the library does not like of a text that jsonpos does. */
static int
wrong_text(struct walk *p, const json_error_t *error)
{
	size_t end = error->position > 0 ? (size_t)error->position : 0;
	size_t at = jsonpos_token(p->text, end > 0 ? end - 1 : 0);
	struct text *t = walk_message(p, at);

	switch (json_error_code(error)) {
	case json_error_out_of_memory:
		text_init(t, p->message_room, sizeof(p->message_room));
		return ST_NOMEM;
	case json_error_duplicate_key:
		text_add(t, "this key is in its object twice: ");
		if (at < end)
			walk_show(t, p->text.p + at, end - at);
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
take_document(struct walk *p)
{
	json_error_t error;
	const char *what;
	json_t *root;
	int st;

	if (p->text.len > MANIFEST_MAX) {
		text_add(walk_message(p, 0), "it has more than 1 MiB: this "
		    "is no manifest");
		return ST_TOO_LARGE;
	}
	if ((st = jsonpos_check(p->text, &p->at, &what)) != ST_OK) {
		(void)walk_bad(p, what);
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
	struct walk *p = calloc(1, sizeof(*p));
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
	walk_release(m);
	*m = (struct manifest){ .bottle = NULL };
}
