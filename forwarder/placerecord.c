/*
 * A magic line, and then fields as the wire has them.
 */
#include "forwarder/placerecord.h"

#include <stdlib.h>
#include <string.h>

static const char magic[] = "bottle-placed 1\n";
#define MAGIC	((struct slice){ (const uint8_t *)magic, sizeof(magic) - 1 })

/*
 * Reading.
 */

static int
get_flag(struct wire_reader *r, bool *out)
{
	uint8_t u;

	if (wire_get_u8(r, &u) != ST_OK || u > 1)
		return ST_MALFORMED;
	*out = u == 1;
	return ST_OK;
}

/* A text without NUL, of 1 to ${max} bytes or, if it may be, none. */
static int
get_text(struct wire_reader *r, size_t max, bool empty, struct slice *out)
{
	if (wire_get_string(r, out) != ST_OK || out->len > max ||
	    (out->len == 0 && !empty) ||
	    (out->len > 0 && memchr(out->p, '\0', out->len) != NULL))
		return ST_MALFORMED;
	return ST_OK;
}

/* Whether a common file is in the folder of loads, and is not the record. */
static bool
is_common(struct slice path)
{
	const size_t n = sizeof(PLACEHOME_DIR "/") - 1;

	if (path.len <= n || memcmp(path.p, PLACEHOME_DIR "/", n) != 0)
		return false;
	path.p += n;
	path.len -= n;
	return memchr(path.p, '/', path.len) == NULL &&
	    !slice_eq_str(path, PLACERECORD_NAME);
}

static int
get_loads(struct wire_reader *r, struct placerecord_item *item)
{
	uint32_t n;

	if (wire_get_u32(r, &n) != ST_OK || n > PLACERECORD_LOADS_MAX)
		return ST_MALFORMED;
	if ((item->load = calloc(n + 1, sizeof(*item->load))) == NULL)
		return ST_NOMEM;
	for (; n > 0; n--)
		if (get_text(r, PLACEPIPE_NAME_MAX, false,
		    &item->load[item->n++]) != ST_OK)
			return ST_MALFORMED;
	return ST_OK;
}

static int
get_item(struct wire_reader *r, struct placerecord_item *item)
{
	if (get_flag(r, &item->is_line) != ST_OK ||
	    get_flag(r, &item->put) != ST_OK ||
	    get_flag(r, &item->made) != ST_OK ||
	    get_text(r, PLACESWAP_PATH_MAX - 1, false, &item->path) != ST_OK ||
	    get_text(r, PLACEPIPE_LINES_LEN_MAX, !item->is_line,
	    &item->text) != ST_OK)
		return ST_MALFORMED;
	if (!placepipe_is_path(item->path) ||
	    (!item->is_line && !is_common(item->path)))
		return ST_MALFORMED;
	return get_loads(r, item);
}

static int
get_all(struct placerecord *rec)
{
	struct wire_reader r = wire_reader((struct slice){
		(const uint8_t *)rec->bytes, rec->len });
	struct slice got;
	uint32_t n;
	int st;

	if (wire_get_bytes(&r, MAGIC.len, &got) != ST_OK ||
	    !slice_eq(got, MAGIC) || get_flag(&r, &rec->made_ssh) != ST_OK ||
	    wire_get_u32(&r, &n) != ST_OK || n > PLACERECORD_ITEMS_MAX)
		return ST_MALFORMED;
	if ((rec->item = calloc(n + 1, sizeof(*rec->item))) == NULL)
		return ST_NOMEM;
	for (; n > 0; n--)
		if ((st = get_item(&r, &rec->item[rec->n++])) != ST_OK)
			return st;
	return wire_end(&r) ? ST_OK : ST_MALFORMED;
}

/* Forget what is in it. */
static void
clear(struct placerecord *rec)
{
	size_t i;

	for (i = 0; i < rec->n; i++)
		free(rec->item[i].load);
	free(rec->item);
	rec->item = NULL;
	rec->n = 0;
	rec->made_ssh = false;
}

int
placerecord_read(struct placehome *h, struct placerecord *rec)
{
	struct placeswap s = { .dfd = h->dir_fd };
	struct stat sb;
	int st;

	*rec = (struct placerecord){ .n = 0 };
	placehome_path(&s, PLACEHOME_DIR, slice_str(PLACERECORD_NAME));
	if ((st = placehome_look(h, &s, S_IWGRP | S_IWOTH, &sb)) != ST_OK)
		return st;
	rec->id = s.before;
	if (!s.before.there || sb.st_size > PLACERECORD_MAX)
		return ST_OK;
	if ((st = placehome_read(h, &s, &rec->bytes, &rec->len)) != ST_OK)
		return st;
	if ((st = get_all(rec)) == ST_OK)
		return ST_OK;
	clear(rec);
	return st == ST_NOMEM ? placehome_fail(h, st, "out of memory") : ST_OK;
}

void
placerecord_fini(struct placerecord *rec)
{
	clear(rec);
	free(rec->bytes);
	rec->bytes = NULL;
}

/*
 * What is in it.
 */

static bool
needs(const struct placerecord_item *item, struct slice load)
{
	size_t i;

	for (i = 0; i < item->n; i++)
		if (slice_eq(item->load[i], load))
			return true;
	return false;
}

/* Add a load to those that need it. */
static int
add_load(struct placerecord_item *item, struct slice load)
{
	struct slice *more;

	if (needs(item, load))
		return ST_OK;
	if (item->n == PLACERECORD_LOADS_MAX)
		return ST_NOMEM;
	more = reallocarray(item->load, item->n + 1, sizeof(*more));
	if (more == NULL)
		return ST_NOMEM;
	item->load = more;
	item->load[item->n++] = load;
	return ST_OK;
}

/* The same lines of the same file, or the same common file. */
static struct placerecord_item *
find(struct placerecord *rec, const struct placerecord_item *item)
{
	struct placerecord_item *at;
	size_t i;

	for (i = 0; i < rec->n; i++) {
		at = &rec->item[i];
		if (at->is_line == item->is_line &&
		    slice_eq(at->path, item->path) &&
		    (!at->is_line || slice_eq(at->text, item->text)))
			return at;
	}
	return NULL;
}

int
placerecord_note(struct placerecord *rec, const struct placerecord_item *item,
    struct slice load)
{
	struct placerecord_item *at = find(rec, item), *more;

	if (at == NULL) {
		if (rec->n == PLACERECORD_ITEMS_MAX)
			return ST_NOMEM;
		more = reallocarray(rec->item, rec->n + 1, sizeof(*more));
		if (more == NULL)
			return ST_NOMEM;
		rec->item = more;
		at = &rec->item[rec->n++];
		*at = *item;
		at->load = NULL;
		at->n = 0;
	} else if (item->put) {
		at->put = true;
		at->made = item->made;
		at->text = item->text;
	}
	if (at->text.len > PLACEPIPE_LINES_LEN_MAX)
		at->text.len = 0;
	return add_load(at, load);
}

bool
placerecord_made(const struct placerecord *rec, struct slice path)
{
	size_t i;

	for (i = 0; i < rec->n; i++)
		if (rec->item[i].made && slice_eq(rec->item[i].path, path))
			return true;
	return false;
}

bool
placerecord_names(const struct placerecord *rec, struct slice load)
{
	size_t i;

	for (i = 0; i < rec->n; i++)
		if (needs(&rec->item[i], load))
			return true;
	return false;
}

/*
 * Writing.
 */

static void
put_item(struct wire_writer *w, const struct placerecord_item *item)
{
	size_t i;

	wire_put_u8(w, item->is_line ? 1 : 0);
	wire_put_u8(w, item->put ? 1 : 0);
	wire_put_u8(w, item->made ? 1 : 0);
	wire_put_string(w, item->path);
	wire_put_string(w, item->text);
	wire_put_u32(w, (uint32_t)item->n);
	for (i = 0; i < item->n; i++)
		wire_put_string(w, item->load[i]);
}

int
placerecord_stage(struct placehome *h, const struct placerecord *rec,
    struct placeswap *s)
{
	struct wire_writer w = wire_writer(malloc(PLACERECORD_MAX),
	    PLACERECORD_MAX);
	const struct slice old = { (const uint8_t *)rec->bytes, rec->len };
	struct slice all;
	size_t i;
	int st = ST_OK;

	if (w.p == NULL)
		return placehome_fail(h, ST_NOMEM, "out of memory");
	wire_put_bytes(&w, MAGIC);
	wire_put_u8(&w, rec->made_ssh ? 1 : 0);
	wire_put_u32(&w, (uint32_t)rec->n);
	for (i = 0; i < rec->n; i++)
		put_item(&w, &rec->item[i]);
	s->before = rec->id;
	if (wire_done(&w, &all) != ST_OK)
		st = placehome_fail(h, ST_TOO_LARGE, "there are too many loads "
		    "in %s/%s: remove some", h->home, PLACEHOME_DIR);
	else if (rec->id.there && slice_eq(all, old))
		st = ST_NOT_FOUND;
	else if (placeswap_file(s, &all, 1, 0600) != ST_OK)
		st = placehome_fail_sys(h, "cannot write", s->path);
	free(w.p);
	return st;
}
