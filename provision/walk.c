/*
 * The library makes values of the text, and does not know where they stood. So
 * two walks go over the same document, side by side: one over the values, and
 * one of jsonpos over the text. Both see members in the order of the text.
 * Whatever is looked at, its place and its path are at hand when there is
 * something to say about it.
 */
#include "provision/walk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"

/* A piece of memory that a manifest owns. */
struct kept {
	struct kept	*next;
	size_t		 len;
	char		 bytes[];
};

void *
walk_room(struct walk *p, size_t len)
{
	struct kept *k = calloc(1, sizeof(*k) + len);

	if (k == NULL)
		return NULL;
	k->len = len;
	k->next = p->m->kept;
	p->m->kept = k;
	return k->bytes;
}

int
walk_keep(struct walk *p, const char *s, size_t len, const char **out)
{
	char *copy = walk_room(p, len + 1);

	if (copy == NULL)
		return ST_NOMEM;
	memcpy(copy, s, len);
	*out = copy;
	return ST_OK;
}

struct text *
walk_message(struct walk *p, size_t at)
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

void
walk_show(struct text *t, const char *word, size_t len)
{
	char room[WALK_SHOWN_ROOM];
	struct text shown;

	text_init(&shown, room, sizeof(room));
	text_escape(&shown, word, len < WALK_SHOWN_MAX ? len : WALK_SHOWN_MAX);
	text_add(t, room);
	if (len > WALK_SHOWN_MAX)
		text_add(t, "...");
}

void
walk_value(struct text *t, const json_t *v)
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
		walk_show(t, json_string_value(v), json_string_length(v));
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

int
walk_wrong(struct walk *p, const json_t *v, const char *what)
{
	struct text *t = walk_message(p, p->at);

	text_addf(t, "%s; it is ", what);
	walk_value(t, v);
	return ST_MALFORMED;
}

int
walk_bad(struct walk *p, const char *what)
{
	text_add(walk_message(p, p->at), what);
	return ST_MALFORMED;
}

/* Append to the path, as JavaScript would have it. */
static void
path_add_key(struct walk *p, const char *key)
{
	bool plain = key[0] != '\0';

	for (const char *s = key; *s != '\0'; s++)
		if (!(*s == '_' || *s == '-' || (*s >= '0' && *s <= '9') ||
		    ((*s | 0x20) >= 'a' && (*s | 0x20) <= 'z')))
			plain = false;
	if (plain && p->path.len > 0)
		text_addc(&p->path, '.');
	text_add(&p->path, plain ? "" : "[\"");
	walk_show(&p->path, key, strlen(key));
	text_add(&p->path, plain ? "" : "\"]");
}

/* Take what was appended off again. */
static void
path_cut(struct walk *p, size_t len)
{
	p->path.len = len;
	p->path.p[len] = '\0';
	p->path.full = false;
}

int
walk_members(struct walk *p, json_t *object, walk_member *take)
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

int
walk_elements(struct walk *p, const json_t *array, walk_element *take)
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

size_t
walk_distance(const char *a, const char *b)
{
	char fa[NEAREST_MAX + 1], fb[NEAREST_MAX + 1];
	size_t alen = fold_name(a, fa), blen = fold_name(b, fb);
	size_t edits = nearest_edits(fa, alen, fb, blen);

	/* Of a short name little would be left. */
	if (edits > 0 && alen < 3)
		return WALK_NEAR_MAX + 1;
	return edits;
}

void
walk_release(struct manifest *m)
{
	struct kept *k = m->kept, *next;

	for (; k != NULL; k = next) {
		next = k->next;
		explicit_bzero(k->bytes, k->len);
		free(k);
	}
	m->kept = NULL;
}
