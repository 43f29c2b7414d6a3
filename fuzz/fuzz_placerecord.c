/*
 * Reaches: placerecord.c, with placepipe_is_path.
 * Claims:  a broken file is as good as none; of a good one every path leads
 *          below the home, that of a common file to the loads, and every text
 *          has its limit; and it is written as the very bytes it was read
 *          from; what is noted is there afterwards, for its load, and once,
 *          however often it is noted.
 * Input:   the bytes of the file.
 */

#include <string.h>

#include "forwarder/placerecord.h"
#include "fuzz/fuzz.h"

/* In place of the file system. */
int __wrap_placehome_look(struct placehome *h, struct placeswap *s,
    mode_t others, struct stat *sb);
int __wrap_placehome_read(struct placehome *h, const struct placeswap *s,
    char **out, size_t *len);
int __wrap_placeswap_file(struct placeswap *s, const struct slice *parts,
    size_t n, mode_t mode);

static struct slice file;
static bool written;

int
__wrap_placehome_look(struct placehome *h, struct placeswap *s, mode_t others,
    struct stat *sb)
{
	(void)h;
	assert((others & S_IWOTH) != 0);
	memset(sb, 0, sizeof(*sb));
	sb->st_size = (off_t)file.len;
	s->before = (struct placeswap_id){ .there = true };
	return ST_OK;
}

int
__wrap_placehome_read(struct placehome *h, const struct placeswap *s,
    char **out, size_t *len)
{
	(void)h;
	(void)s;
	*out = (char *)fuzz_alloc(file.len);
	*len = file.len;
	if (file.len > 0)
		memcpy(*out, file.p, file.len);
	return ST_OK;
}

int
__wrap_placeswap_file(struct placeswap *s, const struct slice *parts, size_t n,
    mode_t mode)
{
	(void)s;
	assert(n == 1 && parts[0].len <= PLACERECORD_MAX && mode == 0600);
	written = true;
	return ST_OK;
}

static void
check_item(const struct placerecord_item *item)
{
	assert(fuzz_stays_below(item->path));
	assert(item->path.len < PLACESWAP_PATH_MAX);
	assert(item->text.len <= PLACEPIPE_LINES_LEN_MAX);
	assert(!item->is_line || item->text.len > 0);
	/* A common file is one beside the loads. */
	assert(item->is_line || (item->path.len > strlen(PLACEHOME_DIR "/") &&
	    memcmp(item->path.p, PLACEHOME_DIR "/",
	    strlen(PLACEHOME_DIR "/")) == 0 &&
	    memrchr(item->path.p, '/', item->path.len) ==
	    item->path.p + strlen(PLACEHOME_DIR)));
	assert(item->n <= PLACERECORD_LOADS_MAX);
	for (size_t i = 0; i < item->n; i++)
		assert(item->load[i].len > 0 &&
		    item->load[i].len <= PLACEPIPE_NAME_MAX);
}

/* Note what is there already, and something that is not. */
static void
check_note(struct placehome *h, struct placerecord *rec, struct placeswap *s)
{
	static const struct placerecord_item more = { .is_line = true,
		.put = true, .path = { (const uint8_t *)".profile", 8 },
		.text = { (const uint8_t *)"x\n", 2 } };
	const struct slice load = slice_str("a load of the target");
	struct placerecord_item same;
	size_t n = rec->n;
	int st;

	if (n > 0) {
		same = rec->item[n - 1];
		st = placerecord_note(rec, &same, load);
		assert(st == ST_OK || st == ST_NOMEM);
		assert(rec->n == n);
		assert(st != ST_OK || placerecord_names(rec, load));
	}
	if (n == PLACERECORD_ITEMS_MAX)
		return;
	for (int i = 0; i < 2; i++) {
		st = placerecord_note(rec, &more, load);
		assert(st == ST_OK || st == ST_NOMEM);
		assert(rec->n <= n + 1);
	}
	written = false;
	st = placerecord_stage(h, rec, s);
	assert(st == ST_NOT_FOUND || st == ST_TOO_LARGE || st == ST_OK);
	assert((st == ST_OK) == written);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct placehome h;
	struct placeswap s = { .dfd = -1 };
	struct placerecord rec;
	int st;

	file = (struct slice){ data, size };
	placehome_init(&h);
	st = placerecord_read(&h, &rec);
	assert(st == ST_OK);
	for (size_t i = 0; i < rec.n; i++)
		check_item(&rec.item[i]);
	if (rec.item != NULL) {
		/* A good one: no swap is needed. */
		st = placerecord_stage(&h, &rec, &s);
		assert(st == ST_NOT_FOUND);
	} else {
		assert(rec.n == 0 && !rec.made_ssh);
	}
	check_note(&h, &rec, &s);
	placerecord_fini(&rec);
	placerecord_fini(&rec);
	return 0;
}
