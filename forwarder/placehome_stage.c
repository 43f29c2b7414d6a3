/*
 * The part of placehome that writes, all of it where nobody looks.
 */
#include "forwarder/placehome.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fdio.h"
#include "forwarder/placeclean.h"
#include "forwarder/placeline.h"
#include "forwarder/placemark.h"
#include "forwarder/placerecord.h"

/* How often a name may be taken already. */
#define TRIES	100

void
placehome_path(struct placeswap *s, const char *dir, struct slice name)
{
	(void)snprintf(s->path, sizeof(s->path), "%s%s%.*s", dir,
	    dir[0] != '\0' ? "/" : "", (int)name.len, (const char *)name.p);
	s->name = strrchr(s->path, '/');
	s->name = s->name != NULL ? s->name + 1 : s->path;
}

/* Something that is not to be named again. */
static int
check_taken(struct placehome *h, const struct placeswap *s)
{
	bool taken = s != &h->link && strcmp(s->path, h->link.path) == 0;
	size_t i;

	for (i = 0; i < h->n; i++)
		taken = taken || strcmp(s->path, h->swap[i].path) == 0;
	return taken ? placehome_fail(h, ST_MALFORMED, "%s/%s is named twice: "
	    "take another name for the load or the file", h->home, s->path) :
	    ST_OK;
}

/* What the name of the load leads to now: it must be one of ours. */
static int
look_link(struct placehome *h)
{
	struct placeswap *s = &h->link;
	struct stat sb;
	ssize_t n = -1;

	s->dfd = h->dir_fd;
	placehome_path(s, PLACEHOME_DIR, slice_str(h->name));
	if (placeswap_id(s->dfd, s->name, &s->before, &sb) != ST_OK)
		return placehome_fail_sys(h, "cannot look at", s->path);
	if (!s->before.there)
		return ST_OK;
	if (placehome_trust(h, &sb, S_IFLNK, s->path, 0) != ST_OK)
		return ST_UNTRUSTED;
	n = readlinkat(s->dfd, s->name, h->earlier, sizeof(h->earlier));
	if (n > 0 && (size_t)n < sizeof(h->earlier)) {
		h->earlier[n] = '\0';
		if (placeclean_is_load(h->earlier, h->name))
			return ST_OK;
	}
	h->earlier[0] = '\0';
	return placehome_fail(h, ST_UNTRUSTED, "%s/%s is a symbolic link that "
	    "bottle-forward has not made: rename or remove it, and try again",
	    h->home, s->path);
}

/* The directory of this run. */
static int
make_load(struct placehome *h)
{
	char random[PLACESWAP_RANDOM + 1] = "";
	int rc, tries = 0;

	do {
		placeswap_random(random, PLACESWAP_RANDOM);
		(void)snprintf(h->load, sizeof(h->load), ".%s.%s", h->name,
		    random);
		rc = mkdirat(h->dir_fd, h->load, 0700);
	} while (rc != 0 && errno == EEXIST && ++tries < TRIES);
	if (rc == 0)
		h->load_fd = openat(h->dir_fd, h->load, O_RDONLY |
		    O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rc == 0 && h->load_fd >= 0)
		return ST_OK;
	if (rc != 0)
		h->load[0] = '\0';
	return placehome_fail_sys(h, "cannot make a directory in",
	    PLACEHOME_DIR);
}

/* The names of all files that it will have, before any of them is there: by
 * them placeclean_load() knows what it may remove. */
static int
put_names(struct placehome *h, const struct placepipe_frame *frames, size_t n)
{
	const size_t room = PLACEPIPE_FILES_MAX * (PLACEPIPE_PATH_MAX + 1);
	struct wire_writer w = wire_writer(malloc(room), room);
	struct slice all;
	int fd, st = ST_OK;
	size_t i;

	if (w.p == NULL)
		return placehome_fail(h, ST_NOMEM, "out of memory");
	for (i = 0; i < n; i++)
		if (frames[i].kind == PLACE_FILE) {
			wire_put_bytes(&w, frames[i].name);
			wire_put_u8(&w, '\n');
		}
	if (wire_done(&w, &all) != ST_OK)
		st = placehome_fail(h, ST_NOMEM, "too many files in one load");
	if (st == ST_OK) {
		fd = openat(h->load_fd, PLACECLEAN_NAMES, O_WRONLY | O_CREAT |
		    O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 || placeswap_fill(fd, &all, 1, 0600) != ST_OK)
			st = placehome_fail(h, ST_SYSTEM, "cannot write "
			    "%s/%s/%s/%s: %s", h->home, PLACEHOME_DIR, h->load,
			    PLACECLEAN_NAMES, strerrordesc_np(errno));
	}
	free(w.p);
	return st;
}

static int
put_file(struct placehome *h, const struct placepipe_frame *f)
{
	struct placeswap s = { .dfd = h->load_fd };
	int fd;

	placehome_path(&s, PLACEHOME_DIR, f->name);
	fd = openat(h->load_fd, s.name, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return placehome_fail(h, ST_MALFORMED, "the file %s is named "
		    "twice", s.name);
	if (fd < 0 || placeswap_fill(fd, &f->bytes, 1, 0600) != ST_OK)
		return placehome_fail(h, ST_SYSTEM, "cannot write %s/%s/%s/%s: "
		    "%s", h->home, PLACEHOME_DIR, h->load, s.name,
		    strerrordesc_np(errno));
	return ST_OK;
}

struct placeswap *
placehome_add(struct placehome *h, int dfd, bool owns,
    const struct placeswap *from)
{
	struct placeswap *s = &h->swap[h->n++];

	*s = *from;
	s->name = s->path + (from->name - from->path);
	s->dfd = dfd;
	s->owns = owns;
	return s;
}

int
placehome_look(struct placehome *h, struct placeswap *s, mode_t others,
    struct stat *sb)
{
	if (placeswap_id(s->dfd, s->name, &s->before, sb) != ST_OK)
		return placehome_fail_sys(h, "cannot look at", s->path);
	return s->before.there ? placehome_trust(h, sb, S_IFREG, s->path,
	    others) : ST_OK;
}

/* What is to be known when it is removed. */
static int
note(struct placehome *h, const struct placepipe_frame *f,
    const struct placeswap *s, bool put, bool made)
{
	const struct placerecord_item item = {
		.is_line = f->kind == PLACE_LINE, .put = put, .made = made,
		/* The place of a swap can be another one's later. */
		.path = f->kind == PLACE_LINE ? f->name : slice_str(s->path),
		.text = f->bytes };

	return placerecord_note(h->record, &item, slice_str(h->name)) ==
	    ST_OK ? ST_OK : placehome_fail(h, ST_NOMEM, "out of memory");
}

static int
put_common(struct placehome *h, const struct placepipe_frame *f)
{
	struct placeswap from = { .dfd = -1 }, *s;
	struct stat sb;
	int st;

	placehome_path(&from, PLACEHOME_DIR, f->name);
	if ((st = check_taken(h, &from)) != ST_OK)
		return st;
	s = placehome_add(h, h->dir_fd, false, &from);
	st = placehome_look(h, s, S_IWGRP | S_IWOTH, &sb);
	if (st == ST_OK && placeswap_file(s, &f->bytes, 1, 0600) != ST_OK)
		st = placehome_fail_sys(h, "cannot write", s->path);
	return st == ST_OK ? note(h, f, s, true, true) : st;
}

/*
 * Lines.
 */

/* Open the next directory on the way to a path, in the place of ${at}. */
static int
step(struct placehome *h, const char *dir, int *at, bool *owns)
{
	const char *slash = strrchr(dir, '/');
	struct stat sb;
	int fd;

	fd = openat(*at, slash != NULL ? slash + 1 : dir, O_RDONLY |
	    O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return placehome_fail_sys(h, "cannot open the directory", dir);
	if (*owns)
		(void)close(*at);
	*at = fd;
	*owns = true;
	if (fstat(fd, &sb) != 0)
		return placehome_fail_sys(h, "cannot look at", dir);
	return placehome_trust(h, &sb, S_IFDIR, dir, S_IWGRP | S_IWOTH);
}

int
placehome_walk(struct placehome *h, const char *path, int *at, bool *owns)
{
	char dir[PLACESWAP_PATH_MAX];
	const char *slash = path;
	int st;

	*at = h->home_fd;
	*owns = false;
	if (strncmp(path, PLACEHOME_SSH "/", sizeof(PLACEHOME_SSH)) == 0) {
		*at = h->ssh_fd;
		slash += sizeof(PLACEHOME_SSH);
	}
	while ((slash = strchr(slash, '/')) != NULL) {
		(void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path),
		    path);
		if ((st = step(h, dir, at, owns)) != ST_OK) {
			if (*owns)
				(void)close(*at);
			return st;
		}
		slash++;
	}
	return ST_OK;
}

int
placehome_read(struct placehome *h, const struct placeswap *s, char **out,
    size_t *len)
{
	struct stat sb;
	int fd, st = ST_OK;

	*out = NULL;
	*len = 0;
	fd = openat(s->dfd, s->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &sb) != 0)
		st = placehome_fail_sys(h, "cannot open", s->path);
	else if (!S_ISREG(sb.st_mode) || sb.st_ino != s->before.ino)
		st = placehome_fail(h, ST_BUSY, "somebody else has changed "
		    "%s/%s in between: try again", h->home, s->path);
	else if (sb.st_size > PLACEHOME_FILE_MAX)
		st = placehome_fail(h, ST_TOO_LARGE, "%s/%s is longer than %d "
		    "bytes: put the lines for bottle-agent into it yourself, "
		    "or make it shorter", h->home, s->path,
		    PLACEHOME_FILE_MAX);
	else if ((*out = malloc((size_t)sb.st_size + 1)) == NULL)
		st = placehome_fail(h, ST_NOMEM, "out of memory");
	/* One byte more would be seen here, and more at the switch. */
	else if (fdio_read_full(fd, *out, (size_t)sb.st_size + 1, len) ==
	    ST_SYSTEM)
		st = placehome_fail_sys(h, "cannot read", s->path);
	if (fd >= 0)
		(void)close(fd);
	return st;
}

/* Write it anew, with lines on top. */
static int
write_new(struct placehome *h, struct placeswap *s, struct slice old,
    struct slice lines, mode_t mode)
{
	const uint8_t end = '\n';
	size_t top = placeline_top(old);
	const struct slice parts[] = {
		{ old.p, top },
		lines,
		{ &end, lines.p[lines.len - 1] != '\n' ? 1 : 0 },
		{ old.p + top, old.len - top },
	};

	if (placeswap_file(s, parts, sizeof(parts) / sizeof(parts[0]),
	    mode) == ST_OK)
		return ST_OK;
	return placehome_fail_sys(h, "cannot write beside", s->path);
}

/* ssh takes no configuration that its group can write; git does, and a umask of
 * 002 makes such. */
mode_t
placehome_others(const char *path)
{
	return strncmp(path, PLACEHOME_SSH "/", sizeof(PLACEHOME_SSH)) == 0 ?
	    S_IWGRP | S_IWOTH : S_IWOTH;
}

static int
put_line(struct placehome *h, const struct placepipe_frame *f)
{
	struct placeswap from = { .dfd = -1 }, *s;
	struct slice old = { (const uint8_t *)"", 0 };
	struct stat sb = { .st_mode = 0600 };
	char *text = NULL;
	size_t len = 0;
	bool owns, has;
	int dfd, st;

	placehome_path(&from, "", f->name);
	if ((st = check_taken(h, &from)) != ST_OK ||
	    (st = placehome_walk(h, from.path, &dfd, &owns)) != ST_OK)
		return st;
	s = placehome_add(h, dfd, owns, &from);
	st = placehome_look(h, s, placehome_others(s->path), &sb);
	if (st == ST_OK && s->before.there) {
		st = placehome_read(h, s, &text, &len);
		if (st == ST_OK)
			old = (struct slice){ (const uint8_t *)text, len };
	}
	has = st == ST_OK && placeline_has(old, f->bytes);
	if (st == ST_OK)
		/* A load that is not in the record has put them there before
		 * there was one. */
		st = note(h, f, s, !has || (h->earlier[0] != '\0' &&
		    !h->recorded), !s->before.there ||
		    (len > 0 && placerecord_made(h->record,
		    f->name)));
	/* Without anything to swap in it is no swap. */
	if (st == ST_OK && has) {
		if (owns)
			(void)close(dfd);
		h->n--;
	} else if (st == ST_OK)
		st = write_new(h, s, old, f->bytes, s->before.there ?
		    sb.st_mode & 07777 : 0600);
	free(text);
	return st;
}

/* All frames. */
static int
put_all(struct placehome *h, const struct placepipe_frame *frames, size_t n)
{
	size_t i;
	int st;

	for (i = 0; i < n; i++) {
		if (frames[i].kind == PLACE_FILE)
			st = put_file(h, &frames[i]);
		else if (frames[i].kind == PLACE_COMMON)
			st = put_common(h, &frames[i]);
		else
			st = put_line(h, &frames[i]);
		if (st != ST_OK)
			return st;
	}
	return ST_OK;
}

/* The record of what is where, if it is another one now. */
static int
put_record(struct placehome *h)
{
	struct placeswap from = { .dfd = -1 }, *s;
	int st;

	placehome_path(&from, PLACEHOME_DIR, slice_str(PLACERECORD_NAME));
	if ((st = check_taken(h, &from)) != ST_OK)
		return st;
	s = placehome_add(h, h->dir_fd, false, &from);
	st = placerecord_stage(h, h->record, s);
	if (st == ST_NOT_FOUND) {
		h->n--;
		return ST_OK;
	}
	return st;
}

int
placehome_stage(struct placehome *h, const struct placepipe_frame *frames,
    size_t n)
{
	struct placerecord record;
	int st;

	/* And the record. */
	if ((h->swap = calloc(n + 2, sizeof(*h->swap))) == NULL)
		return placehome_fail(h, ST_NOMEM, "out of memory");
	if ((st = placerecord_read(h, &record)) != ST_OK) {
		placerecord_fini(&record);
		return st;
	}
	record.made_ssh = record.made_ssh || h->made_ssh;
	h->record = &record;
	h->recorded = placerecord_names(&record, slice_str(h->name));
	if ((st = look_link(h)) == ST_OK && (st = make_load(h)) == ST_OK &&
	    (st = put_names(h, frames, n)) == ST_OK &&
	    (st = put_all(h, frames, n)) == ST_OK)
		st = put_record(h);
	h->record = NULL;
	placerecord_fini(&record);
	if (st == ST_OK && placeswap_link(&h->link, h->load) != ST_OK)
		st = placehome_fail_sys(h, "cannot make", h->link.path);
	return st == ST_OK ? placemark_write(h) : st;
}
