/*
 * What loads have put where: kept, read again, and refused where it is broken.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "forwarder/placerecord.h"

static struct placehome h;
static char path[USERS_HOME_MAX + 64];

static int
setup(void **state)
{
	(void)state;
	placehome_init(&h);
	(void)snprintf(h.home, sizeof(h.home), "/tmp/test-placerecord.XXXXXX");
	assert_non_null(mkdtemp(h.home));
	assert_int_equal(placehome_open(&h), ST_OK);
	assert_true(snprintf(path, sizeof(path), "%s/%s/%s", h.home,
	    PLACEHOME_DIR, PLACERECORD_NAME) < (int)sizeof(path));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlinkat(h.dir_fd, PLACERECORD_NAME, 0);
	(void)unlinkat(h.ssh_fd, "bottle-agent", AT_REMOVEDIR);
	(void)unlinkat(h.home_fd, ".ssh", AT_REMOVEDIR);
	(void)rmdir(h.home);
	placehome_fini(&h);
	return 0;
}

static const struct placerecord_item line = { .is_line = true, .put = true,
	.made = true, .path = { (const uint8_t *)".ssh/config", 11 },
	.text = { (const uint8_t *)"Include x\n", 10 } };
static const struct placerecord_item common = { .put = true, .made = true,
	.path = { (const uint8_t *)".ssh/bottle-agent/env", 21 },
	.text = { (const uint8_t *)"A=b\n", 4 } };

static void
note(struct placerecord *rec, const struct placerecord_item *item,
    const char *load)
{
	assert_int_equal(placerecord_note(rec, item, slice_str(load)), ST_OK);
}

/* Put it in force. */
static void
write_it(struct placerecord *rec)
{
	struct placeswap s = { .dfd = h.dir_fd };

	placehome_path(&s, PLACEHOME_DIR, slice_str(PLACERECORD_NAME));
	assert_int_equal(placerecord_stage(&h, rec, &s), ST_OK);
	assert_int_equal(placeswap_do(&s), ST_OK);
	placeswap_keep(&s);
}

static void
read_it(struct placerecord *rec)
{
	assert_int_equal(placerecord_read(&h, rec), ST_OK);
}

static void
none_is_empty(void **state)
{
	struct placerecord rec;

	(void)state;
	read_it(&rec);
	assert_false(rec.id.there);
	assert_int_equal(rec.n, 0);
	assert_false(placerecord_names(&rec, slice_str("a")));
	placerecord_fini(&rec);
	placerecord_fini(&rec);
}

static void
what_was_noted_is_read(void **state)
{
	struct placerecord rec, got;
	struct placeswap s = { .dfd = h.dir_fd };

	(void)state;
	read_it(&rec);
	rec.made_ssh = true;
	note(&rec, &line, "a");
	note(&rec, &line, "b");
	note(&rec, &line, "a");
	note(&rec, &common, "b");
	write_it(&rec);
	placerecord_fini(&rec);
	read_it(&got);
	assert_true(got.id.there && got.made_ssh);
	assert_int_equal(got.n, 2);
	assert_int_equal(got.item[0].n, 2);
	assert_int_equal(got.item[1].n, 1);
	assert_true(got.item[0].is_line && got.item[0].put &&
	    got.item[0].made && !got.item[1].is_line);
	assert_true(slice_eq(got.item[0].path, line.path));
	assert_true(slice_eq(got.item[0].text, line.text));
	assert_true(slice_eq(got.item[1].text, common.text));
	assert_true(placerecord_names(&got, slice_str("a")));
	assert_false(placerecord_names(&got, slice_str("c")));
	assert_true(placerecord_made(&got, line.path));
	/* The same again is no swap. */
	placehome_path(&s, PLACEHOME_DIR, slice_str(PLACERECORD_NAME));
	assert_int_equal(placerecord_stage(&h, &got, &s), ST_NOT_FOUND);
	placerecord_fini(&got);
}

static void
what_is_found_there_is_not_put_there(void **state)
{
	struct placerecord_item found = line;
	struct placerecord rec;

	(void)state;
	found.put = found.made = false;
	read_it(&rec);
	note(&rec, &found, "a");
	assert_false(rec.item[0].put);
	note(&rec, &line, "b");
	assert_true(rec.item[0].put && rec.item[0].made);
	note(&rec, &found, "c");
	assert_true(rec.item[0].put && rec.item[0].made);
	assert_int_equal(rec.item[0].n, 3);
	/* A common one is the last one's. */
	note(&rec, &common, "a");
	found = common;
	found.text = slice_str("A=c\n");
	note(&rec, &found, "b");
	assert_int_equal(rec.n, 2);
	assert_true(slice_eq_str(rec.item[1].text, "A=c\n"));
	placerecord_fini(&rec);
}

static void
a_text_that_is_too_long_is_not_kept(void **state)
{
	static char text[PLACEPIPE_LINES_LEN_MAX + 2];
	struct placerecord_item item = common;
	struct placerecord rec;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	for (size_t more = 0; more < 2; more++) {
		item.text = (struct slice){ (const uint8_t *)text,
			PLACEPIPE_LINES_LEN_MAX + more };
		read_it(&rec);
		note(&rec, &item, "a");
		assert_int_equal(rec.item[0].text.len, more == 0 ?
		    PLACEPIPE_LINES_LEN_MAX : 0);
		placerecord_fini(&rec);
	}
}

/* Write anything in its place. */
static void
spoil(const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fdio_write_full(fd, p, n), ST_OK);
	(void)close(fd);
}

static void
one_that_is_broken_is_as_good_as_none(void **state)
{
	struct placerecord rec;
	char *all;
	size_t n;

	(void)state;
	read_it(&rec);
	note(&rec, &line, "a");
	note(&rec, &common, "b");
	write_it(&rec);
	placerecord_fini(&rec);
	read_it(&rec);
	n = rec.len;
	all = rec.bytes;
	rec.bytes = NULL;
	placerecord_fini(&rec);
	all = realloc(all, n + 1);
	all[n] = 0;
	for (size_t i = 0; i <= n + 1; i++) {
		spoil(all, i);
		read_it(&rec);
		assert_true(rec.id.there);
		assert_int_equal(rec.n, i == n ? 2 : 0);
		placerecord_fini(&rec);
	}
	free(all);
}

static void
it_leads_nowhere(void **state)
{
	static const struct {
		bool is_line;
		const char *path;
	} bad[] = { { true, "/etc/passwd" }, { true, "../x" },
		{ true, ".ssh/../../x" }, { true, ".ssh//x" }, { true, "" },
		{ false, ".bashrc" }, { false, ".ssh/bottle-agent" },
		{ false, ".ssh/bottle-agent/a/b" },
		{ false, ".ssh/bottle-agent/@placed" } };
	struct placerecord_item item;
	struct placerecord rec;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		read_it(&rec);
		item = bad[i].is_line ? line : common;
		item.path = slice_str(bad[i].path);
		note(&rec, &item, "a");
		write_it(&rec);
		placerecord_fini(&rec);
		read_it(&rec);
		assert_int_equal(rec.n, 0);
		placerecord_fini(&rec);
	}
}

static void
one_of_others_is_not_read(void **state)
{
	struct placerecord rec;

	(void)state;
	spoil("x", 1);
	assert_int_equal(chmod(path, 0620), 0);
	assert_int_equal(placerecord_read(&h, &rec), ST_UNTRUSTED);
	assert_non_null(strstr(h.why, "can be written by others"));
	placerecord_fini(&rec);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(placerecord_read(&h, &rec), ST_UNTRUSTED);
	placerecord_fini(&rec);
}

/* Each limit is met, and passed by one. */
static void
limits_are_met_exactly(void **state)
{
	struct placerecord_item item = line;
	struct placeswap s = { .dfd = h.dir_fd };
	static char names[PLACERECORD_ITEMS_MAX + 1][16];
	static char text[4096];
	struct placerecord rec;

	(void)state;
	for (size_t i = 0; i <= PLACERECORD_ITEMS_MAX; i++)
		(void)snprintf(names[i], sizeof(names[i]), "n%zu", i);
	read_it(&rec);
	for (size_t i = 0; i < PLACERECORD_ITEMS_MAX; i++) {
		item.path = slice_str(names[i]);
		note(&rec, &item, "a");
	}
	item.path = slice_str(names[PLACERECORD_ITEMS_MAX]);
	assert_int_equal(placerecord_note(&rec, &item, slice_str("a")),
	    ST_NOMEM);
	for (size_t i = 1; i < PLACERECORD_LOADS_MAX; i++) {
		item.path = slice_str(names[0]);
		note(&rec, &item, names[i]);
	}
	assert_int_equal(placerecord_note(&rec, &item, slice_str("z")),
	    ST_NOMEM);
	write_it(&rec);
	placerecord_fini(&rec);
	read_it(&rec);
	assert_int_equal(rec.n, PLACERECORD_ITEMS_MAX);
	assert_int_equal(rec.item[0].n, PLACERECORD_LOADS_MAX);
	/* And bytes. */
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < rec.n; i++)
		rec.item[i].text = (struct slice){ (const uint8_t *)text,
			sizeof(text) };
	placehome_path(&s, PLACEHOME_DIR, slice_str(PLACERECORD_NAME));
	assert_int_equal(placerecord_stage(&h, &rec, &s), ST_TOO_LARGE);
	assert_non_null(strstr(h.why, "too many loads"));
	placerecord_fini(&rec);
}

#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(none_is_empty),
		T(what_was_noted_is_read),
		T(what_is_found_there_is_not_put_there),
		T(a_text_that_is_too_long_is_not_kept),
		T(one_that_is_broken_is_as_good_as_none),
		T(it_leads_nowhere),
		T(one_of_others_is_not_read),
		T(limits_are_met_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
