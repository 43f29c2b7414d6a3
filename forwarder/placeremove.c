/*
 * The link of a load goes first: from then on the user's programs see nothing
 * of it, and lines that lead to it do no harm.  The record goes last: as long
 * as it names a load that has no link, there is something to be done for
 * whoever comes next.
 *
 * An empty .ssh that a load has made goes after the record, which lies in it:
 * meanwhile a file in the home says whose it was.
 */
#include "forwarder/placeremove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "forwarder/placeclean.h"
#include "forwarder/placeline.h"
#include "forwarder/placerecord.h"
#include "forwarder/placesettle.h"

/* By this a line is known for one that leads to us. */
#define OURS	PLACEHOME_DIR "/"

/* A load that is there. */
struct link {
	char	 name[PLACEPIPE_NAME_MAX + 1];
	char	 entry[PLACEHOME_LOAD_MAX];	/* its directory */
	char	*lines;				/* for git; for the record */
	bool	 goes;
};

struct removal {
	struct placehome	*h;
	struct placeremove	*r;
	struct placerecord	 record;
	struct link		*link;
	size_t			 n;
};

/* One more thing that stays. */
static void PRINTF_LIKE(2, 3)
note(struct placeremove *r, const char *fmt, ...)
{
	char *text;
	va_list ap;
	size_t i;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	for (i = 0; i < r->n_notes; i++)
		if (strcmp(r->note[i], text) == 0)
			break;
	if (i == r->n_notes && i < PLACEREMOVE_NOTES_MAX) {
		r->note[r->n_notes++] = text;
		return;
	}
	r->more += i == r->n_notes ? 1 : 0;
	free(text);
}

/* Whether something at a path is in a note already. */
static bool
is_noted(const struct placeremove *r, const char *path)
{
	size_t len = strlen(path), i;

	for (i = 0; i < r->n_notes; i++)
		if (strncmp(r->note[i], path, len) == 0 &&
		    r->note[i][len] == ' ')
			return true;
	return false;
}

/* One more load of which there was something. */
static int
add_name(struct removal *a, struct slice name)
{
	struct placeremove *r = a->r;
	char **more;
	size_t i;

	for (i = 0; i < r->n; i++)
		if (slice_eq_str(name, r->name[i]))
			return ST_OK;
	more = reallocarray(r->name, r->n + 1, sizeof(*more));
	if (more != NULL) {
		r->name = more;
		more[r->n] = strndup((const char *)name.p, name.len);
		if (more[r->n] != NULL) {
			r->n++;
			return ST_OK;
		}
	}
	return placehome_fail(a->h, ST_NOMEM, "out of memory");
}

/*
 * What is there.
 */

/* A stream over the folder of loads, which stays open. */
static DIR *
open_dir(const struct placehome *h)
{
	int fd = openat(h->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL && fd >= 0)
		(void)close(fd);
	return dir;
}

/* Whether it is a symlink that leads to the directory of the load of that
 * name: ST_NOT_FOUND, if not. */
static int
look_link(const struct placehome *h, const char *name,
    char entry[static PLACEHOME_LOAD_MAX])
{
	ssize_t n = readlinkat(h->dir_fd, name, entry, PLACEHOME_LOAD_MAX);

	if (n < 0 && errno != EINVAL && errno != ENOENT)
		return ST_SYSTEM;
	if (n <= 0 || n == PLACEHOME_LOAD_MAX)
		return ST_NOT_FOUND;
	entry[n] = '\0';
	return placeclean_is_load(entry, name) ? ST_OK : ST_NOT_FOUND;
}

static int
add_link(struct removal *a, const char *name, const char *entry)
{
	struct placehome *h = a->h;
	struct placeswap s = { .dfd = h->dir_fd };
	struct link *more;
	struct stat sb;

	placehome_path(&s, PLACEHOME_DIR, slice_str(name));
	if (fstatat(h->dir_fd, name, &sb, AT_SYMLINK_NOFOLLOW) != 0)
		return placehome_fail_sys(h, "cannot look at", s.path);
	if (placehome_trust(h, &sb, S_IFLNK, s.path, 0) != ST_OK)
		return ST_UNTRUSTED;
	more = reallocarray(a->link, a->n + 1, sizeof(*more));
	if (more == NULL)
		return placehome_fail(h, ST_NOMEM, "out of memory");
	a->link = more;
	more = &a->link[a->n++];
	*more = (struct link){ .goes = a->r->every ||
	    strcmp(name, h->name) == 0 };
	/* The name of the directory has that of the load in it, and fits. */
	memcpy(more->name, name, strlen(name) + 1);
	memcpy(more->entry, entry, strlen(entry) + 1);
	if (asprintf(&more->lines, PLACEPIPE_GIT_LINES, name) < 0) {
		more->lines = NULL;
		return placehome_fail(h, ST_NOMEM, "out of memory");
	}
	return more->goes ? add_name(a, slice_str(name)) : ST_OK;
}

static int
find_links(struct removal *a)
{
	char entry[PLACEHOME_LOAD_MAX];
	DIR *dir = open_dir(a->h);
	struct dirent *e;
	int st = ST_OK;

	if (dir == NULL)
		return placehome_fail_sys(a->h, "cannot read", PLACEHOME_DIR);
	while (errno = 0, st == ST_OK && (e = readdir(dir)) != NULL) {
		st = look_link(a->h, e->d_name, entry);
		if (st == ST_OK)
			st = add_link(a, e->d_name, entry);
		else if (st == ST_NOT_FOUND)
			st = ST_OK;
		else
			st = placehome_fail_sys(a->h, "cannot read what is in",
			    PLACEHOME_DIR);
	}
	if (st == ST_OK && errno != 0)
		st = placehome_fail_sys(a->h, "cannot read", PLACEHOME_DIR);
	(void)closedir(dir);
	return st;
}

/* What a load that is not in the record is known to have written. */
static int
adopt(struct removal *a, const struct link *l)
{
	const struct placerecord_item items[] = {
		{ .is_line = true, .put = true,
		    .path = slice_str(PLACEHOME_SSH "/config"),
		    .text = slice_str(PLACEPIPE_SSH_LINES) },
		{ .is_line = true, .put = true,
		    .path = slice_str(".gitconfig"),
		    .text = slice_str(l->lines) },
		{ .put = true, .path = slice_str(PLACEHOME_DIR "/env") },
	};
	struct placerecord_item item;
	size_t i, k;

	for (i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		item = items[i];
		/* What the record knows of it is better. */
		for (k = 0; k < a->record.n; k++)
			if (slice_eq(a->record.item[k].path, item.path) &&
			    (!item.is_line || slice_eq(
			    a->record.item[k].text, item.text)))
				item.put = false;
		if (placerecord_note(&a->record, &item,
		    slice_str(l->name)) != ST_OK)
			return placehome_fail(a->h, ST_NOMEM, "out of memory");
	}
	return ST_OK;
}

/* The names that the record has of what is to go. */
static int
find_named(struct removal *a)
{
	const struct placerecord_item *item;
	size_t i, k;
	int st = ST_OK;

	for (i = 0; i < a->record.n; i++) {
		item = &a->record.item[i];
		for (k = 0; k < item->n && st == ST_OK; k++)
			if (a->r->every ||
			    slice_eq_str(item->load[k], a->h->name))
				st = add_name(a, item->load[k]);
	}
	return st;
}

static int
look(struct removal *a)
{
	size_t i;
	int st;

	if ((st = find_links(a)) != ST_OK ||
	    (st = placerecord_read(a->h, &a->record)) != ST_OK ||
	    (st = find_named(a)) != ST_OK)
		return st;
	for (i = 0; i < a->n && st == ST_OK; i++)
		if (!placerecord_names(&a->record, slice_str(a->link[i].name)))
			st = adopt(a, &a->link[i]);
	return st;
}

/* Whether a load is there and stays. */
static bool
stays(const struct removal *a, struct slice name)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		if (!a->link[i].goes && slice_eq_str(name, a->link[i].name))
			return true;
	return false;
}

/* Whether a load that stays needs it. */
static bool
is_needed(const struct removal *a, const struct placerecord_item *item)
{
	size_t i;

	for (i = 0; i < item->n; i++)
		if (stays(a, item->load[i]))
			return true;
	return false;
}

/*
 * Staging.
 */

/* The last swap is none. */
static void
drop_swap(struct placehome *h)
{
	struct placeswap *s = &h->swap[--h->n];

	if (s->owns)
		(void)close(s->dfd);
}

static int
away(struct placehome *h, struct placeswap *s)
{
	return placeswap_away(s) == ST_OK ? ST_OK :
	    placehome_fail_sys(h, "cannot look beside", s->path);
}

static int
stage_links(struct removal *a)
{
	struct placehome *h = a->h;
	struct placeswap from, *s;
	int st = ST_OK;
	size_t i;

	for (i = 0; i < a->n && st == ST_OK; i++) {
		if (!a->link[i].goes)
			continue;
		from = (struct placeswap){ .dfd = -1 };
		placehome_path(&from, PLACEHOME_DIR,
		    slice_str(a->link[i].name));
		s = placehome_add(h, h->dir_fd, false, &from);
		if (placeswap_id(s->dfd, s->name, &s->before, NULL) != ST_OK)
			return placehome_fail_sys(h, "cannot look at",
			    s->path);
		if (s->before.there)
			st = away(h, s);
		else
			drop_swap(h);
	}
	return st;
}

/* Whether there is a plain file that we may change; what is anything else is
 * not what a load has put there.  ST_NOT_FOUND: there is nothing to do. */
static int
look_at(struct removal *a, struct placeswap *s, mode_t others,
    struct stat *sb)
{
	struct placehome *h = a->h;

	if (placeswap_id(s->dfd, s->name, &s->before, sb) != ST_OK)
		return placehome_fail_sys(h, "cannot look at", s->path);
	if (!s->before.there)
		return ST_NOT_FOUND;
	if (!S_ISREG(sb->st_mode)) {
		note(a->r, "%s/%s is %s, which no load has made", h->home,
		    s->path, placehome_type(sb->st_mode));
		return ST_NOT_FOUND;
	}
	return placehome_trust(h, sb, S_IFREG, s->path, others);
}

/* Take out of a text all lines of its file that nobody needs any more. */
static size_t
cut(const struct removal *a, struct slice path, char *text, size_t len)
{
	const struct placerecord_item *item;
	size_t i, from, n;

	for (i = 0; i < a->record.n; i++) {
		item = &a->record.item[i];
		if (!item->is_line || !item->put || is_needed(a, item) ||
		    !slice_eq(item->path, path) ||
		    !placeline_cut((struct slice){ (const uint8_t *)text,
		    len }, item->text, OURS, &from, &n))
			continue;
		memmove(text + from, text + from + n, len - from - n);
		len -= n;
	}
	return len;
}

/* A file with lines, whose directory is open. */
static int
stage_file(struct removal *a, struct placeswap *s, struct slice path)
{
	struct placehome *h = a->h;
	struct slice rest;
	struct stat sb;
	char *text = NULL;
	size_t len, old;
	int st;

	st = look_at(a, s, placehome_others(s->path), &sb);
	if (st == ST_OK && (st = placehome_read(h, s, &text, &old)) == ST_OK) {
		len = cut(a, path, text, old);
		rest = (struct slice){ (const uint8_t *)text, len };
		if (len == old)
			st = ST_NOT_FOUND;
		else if (len == 0 && placerecord_made(&a->record, path))
			st = away(h, s);
		else if (placeswap_file(s, &rest, 1, sb.st_mode & 07777) !=
		    ST_OK)
			st = placehome_fail_sys(h, "cannot write beside",
			    s->path);
	}
	free(text);
	return st;
}

/* Lines, and with them all others of the same file. */
static int
stage_lines(struct removal *a, const struct placerecord_item *item)
{
	struct placehome *h = a->h;
	struct placeswap from = { .dfd = -1 }, *s;
	bool owns;
	size_t i;
	int dfd, st;

	placehome_path(&from, "", item->path);
	for (i = 0; i < h->n; i++)
		if (strcmp(h->swap[i].path, from.path) == 0)
			return ST_OK;
	st = placehome_walk(h, from.path, &dfd, &owns);
	if (st == ST_SYSTEM) {
		note(a->r, "%s", h->why);
		return ST_OK;
	}
	if (st != ST_OK)
		return st;
	s = placehome_add(h, dfd, owns, &from);
	if ((st = stage_file(a, s, item->path)) == ST_NOT_FOUND) {
		drop_swap(h);
		return ST_OK;
	}
	return st;
}

/* Whether a common file is as a load has written it. */
static int
check_common(struct removal *a, struct placeswap *s,
    const struct placerecord_item *item)
{
	struct placehome *h = a->h;
	char *text = NULL;
	size_t len;
	int st;

	if (item->text.len == 0)
		return ST_OK;
	st = placehome_read(h, s, &text, &len);
	if (st == ST_OK && !slice_eq(item->text, (struct slice){
	    (const uint8_t *)text, len })) {
		note(a->r, "%s/%s is not as a load has written it", h->home,
		    s->path);
		st = ST_NOT_FOUND;
	}
	free(text);
	return st;
}

static int
stage_common(struct removal *a, const struct placerecord_item *item)
{
	struct placehome *h = a->h;
	struct placeswap from = { .dfd = -1 }, *s;
	struct stat sb;
	int st;

	placehome_path(&from, "", item->path);
	s = placehome_add(h, h->dir_fd, false, &from);
	st = look_at(a, s, S_IWGRP | S_IWOTH, &sb);
	if (st == ST_OK && (st = check_common(a, s, item)) == ST_OK)
		st = away(h, s);
	if (st != ST_NOT_FOUND)
		return st;
	drop_swap(h);
	return ST_OK;
}

/* Forget a load that goes, and with it what nobody needs.  That a load has made
 * a file is known of each item that came later, too. */
static void
forget(struct removal *a)
{
	struct placerecord *rec = &a->record;
	struct placerecord_item *item;
	size_t i, k, n, kept = 0;

	for (i = 0; i < rec->n; i++) {
		item = &rec->item[i];
		for (k = n = 0; k < item->n; k++)
			if (stays(a, item->load[k]))
				item->load[n++] = item->load[k];
		item->n = n;
		if (n > 0)
			rec->item[kept++] = *item;
		else
			free(item->load);
	}
	rec->n = kept;
}

/* The record without what goes; where no load is left it is not needed. */
static int
stage_record(struct removal *a)
{
	struct placehome *h = a->h;
	int st;

	forget(a);
	if (a->r->left == 0 || !a->record.id.there)
		return ST_OK;
	h->link.dfd = h->dir_fd;
	placehome_path(&h->link, PLACEHOME_DIR, slice_str(PLACERECORD_NAME));
	st = placerecord_stage(h, &a->record, &h->link);
	return st == ST_NOT_FOUND ? ST_OK : st;
}

static int
stage(struct removal *a)
{
	const struct placerecord *rec = &a->record;
	const struct placerecord_item *item;
	int st;
	size_t i;

	a->h->swap = calloc(a->n + rec->n + 1, sizeof(*a->h->swap));
	if (a->h->swap == NULL)
		return placehome_fail(a->h, ST_NOMEM, "out of memory");
	st = stage_links(a);
	for (i = 0; i < rec->n && st == ST_OK; i++) {
		item = &rec->item[i];
		if (is_needed(a, item))
			continue;
		if (!item->is_line)
			st = stage_common(a, item);
		else if (item->put)
			st = stage_lines(a, item);
	}
	return st == ST_OK ? stage_record(a) : st;
}

/*
 * What is no load's.
 */

/* Name what stays in the directory of a load that is gone. */
static void
note_load(struct removal *a, const char *entry)
{
	int fd = openat(a->h->dir_fd, entry, O_RDONLY | O_DIRECTORY |
	    O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (dir == NULL && fd >= 0)
		(void)close(fd);
	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0 &&
		    strcmp(e->d_name, PLACECLEAN_NAMES) != 0)
			note(a->r, "%s/%s/%s/%s is of no load", a->h->home,
			    PLACEHOME_DIR, entry, e->d_name);
	if (dir != NULL)
		(void)closedir(dir);
}

/* Whether a name in the folder of loads is the record, a load, the directory of
 * one that stays, or a common file of one that does. */
static bool
is_known(const struct removal *a, const char *name)
{
	char entry[PLACEHOME_LOAD_MAX];
	struct placeswap s = { .dfd = -1 };
	size_t i;

	if (strcmp(name, PLACERECORD_NAME) == 0 ||
	    look_link(a->h, name, entry) == ST_OK)
		return true;
	for (i = 0; i < a->n; i++)
		if (!a->link[i].goes && strcmp(a->link[i].entry, name) == 0)
			return true;
	placehome_path(&s, PLACEHOME_DIR, slice_str(name));
	for (i = 0; i < a->record.n; i++)
		if (slice_eq_str(a->record.item[i].path, s.path))
			return true;
	return false;
}

static void
note_strangers(struct removal *a)
{
	char path[USERS_HOME_MAX + sizeof(PLACEHOME_DIR) + NAME_MAX + 2];
	DIR *dir = open_dir(a->h);
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0 || is_known(a, e->d_name))
			continue;
		if (placeclean_is_load(e->d_name, NULL)) {
			note_load(a, e->d_name);
			continue;
		}
		(void)snprintf(path, sizeof(path), "%s/%s/%s", a->h->home,
		    PLACEHOME_DIR, e->d_name);
		if (!is_noted(a->r, path))
			note(a->r, "%s is of no load", path);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* A line that leads to us, and that no load is known to have put there. */
static void
note_line(struct placehome *h, struct placeremove *r, int dfd,
    const char *path)
{
	struct placeswap s = { .dfd = dfd };
	struct stat sb;
	char *text = NULL;
	size_t len;

	placehome_path(&s, "", slice_str(path));
	if (dfd >= 0 && placehome_look(h, &s, S_IWOTH, &sb) == ST_OK &&
	    s.before.there && placehome_read(h, &s, &text, &len) == ST_OK &&
	    memmem(text, len, OURS, sizeof(OURS) - 1) != NULL)
		note(r, "%s/%s has a line with %s in it that no load is known "
		    "to have put there", h->home, path, OURS);
	free(text);
}

static void
note_lines(struct placehome *h, struct placeremove *r)
{
	note_line(h, r, h->ssh_fd, PLACEHOME_SSH "/config");
	note_line(h, r, h->home_fd, ".gitconfig");
}

/*
 * All of it.
 */

/* There is no way back: what was there before goes. */
static void
finish(struct removal *a)
{
	struct placehome *h = a->h;
	bool made_ssh = h->made_ssh || a->record.made_ssh;
	size_t i;

	for (i = 0; i < h->n; i++)
		placeswap_keep(&h->swap[i]);
	for (i = 0; i < a->n; i++)
		if (a->link[i].goes)
			placeclean_load(h->dir_fd, a->link[i].entry);
	/* One that cannot be replaced says too much, which does no harm. */
	if (h->link.tmp[0] != '\0' && placehome_swap(h, &h->link) == ST_OK)
		placeswap_keep(&h->link);
	placehome_clean(h);
	note_strangers(a);
	if (a->r->left > 0)
		return;
	note_lines(h, a->r);
	if (made_ssh)
		placehome_leave_ssh(h, a->record.id.there ? PLACERECORD_NAME :
		    NULL);
	if (a->record.id.there)
		(void)unlinkat(h->dir_fd, PLACERECORD_NAME, 0);
	if (unlinkat(h->ssh_fd, "bottle-agent", AT_REMOVEDIR) == 0 && made_ssh)
		(void)unlinkat(h->home_fd, PLACEHOME_SSH, AT_REMOVEDIR);
	placehome_drop_ssh(h);
}

/* In a home that is open. */
static int
remove_all(struct removal *a)
{
	struct placehome *h = a->h;
	size_t i;
	int st;

	if ((st = look(a)) != ST_OK)
		return st;
	for (i = 0; i < a->n; i++)
		a->r->left += a->link[i].goes ? 0 : 1;
	if ((st = stage(a)) != ST_OK)
		return st;
	for (i = 0; i < h->n; i++)
		if ((st = placehome_swap(h, &h->swap[i])) != ST_OK)
			return st;
	finish(a);
	return ST_OK;
}

/* What a killed load has left is put back first. */
static int
settle(struct removal *a)
{
	struct placesettle s = { .revert = true };
	int st = placesettle_all(a->h, &s);

	if (st == ST_OK && s.left[0] != '\0')
		note(a->r, "%s", s.left);
	if (st == ST_OK && s.outcome == PLACEPIPE_REVERTED && !a->r->every)
		st = add_name(a, slice_str(a->h->name));
	return st;
}

/* Put all back, and say why that was so. */
static int
give_up(struct placehome *h, int st)
{
	char why[PLACEHOME_WHY_MAX], more[PLACEHOME_WHY_MAX] = "";
	struct text t;

	memcpy(why, h->why, sizeof(why));
	if (placehome_undo(h) != ST_OK)
		memcpy(more, h->why, sizeof(more));
	text_init(&t, h->why, sizeof(h->why));
	text_add(&t, why);
	if (more[0] != '\0') {
		text_add(&t, "; and ");
		text_add(&t, more);
	}
	return st;
}

int
placeremove_run(struct placehome *h, struct placeremove *r)
{
	struct removal a = { .h = h, .r = r };
	size_t i;
	int st;

	h->find_only = true;
	st = placehome_open(h);
	if (st == ST_NOT_FOUND && h->why[0] == '\0') {
		placehome_drop_ssh(h);
		note_lines(h, r);
		return ST_OK;
	}
	if (st == ST_OK && (st = settle(&a)) == ST_OK)
		st = remove_all(&a);
	if (st != ST_OK)
		st = give_up(h, st);
	for (i = 0; i < a.n; i++)
		free(a.link[i].lines);
	free(a.link);
	placerecord_fini(&a.record);
	return st;
}

void
placeremove_fini(struct placeremove *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		free(r->name[i]);
	free(r->name);
	for (i = 0; i < r->n_notes; i++)
		free(r->note[i]);
	r->name = NULL;
	r->n = r->n_notes = 0;
}
