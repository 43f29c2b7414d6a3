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

/* How often a name may be taken already. */
#define TRIES	100

/* A path below the home: of a directory, and a name in it. */
static void
set_path(struct placeswap *s, const char *dir, struct slice name)
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
	set_path(s, PLACEHOME_DIR, slice_str(h->name));
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

static int
put_file(struct placehome *h, const struct placepipe_frame *f)
{
	struct placeswap s = { .dfd = h->load_fd };
	int fd;

	set_path(&s, PLACEHOME_DIR, f->name);
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

/* The next of the swaps; it counts from here on. */
static struct placeswap *
add_swap(struct placehome *h, int dfd, bool owns, const struct placeswap *from)
{
	struct placeswap *s = &h->swap[h->n++];

	*s = *from;
	s->name = s->path + (from->name - from->path);
	s->dfd = dfd;
	s->owns = owns;
	return s;
}

/* What is there, and whether it can be replaced: a plain file of ours. */
static int
look_file(struct placehome *h, struct placeswap *s, mode_t others,
    struct stat *sb)
{
	if (placeswap_id(s->dfd, s->name, &s->before, sb) != ST_OK)
		return placehome_fail_sys(h, "cannot look at", s->path);
	return s->before.there ? placehome_trust(h, sb, S_IFREG, s->path,
	    others) : ST_OK;
}

static int
put_common(struct placehome *h, const struct placepipe_frame *f)
{
	struct placeswap from = { .dfd = -1 }, *s;
	struct stat sb;
	int st;

	set_path(&from, PLACEHOME_DIR, f->name);
	if ((st = check_taken(h, &from)) != ST_OK)
		return st;
	s = add_swap(h, h->dir_fd, false, &from);
	st = look_file(h, s, S_IWGRP | S_IWOTH, &sb);
	if (st == ST_OK && placeswap_file(s, &f->bytes, 1, 0600) != ST_OK)
		st = placehome_fail_sys(h, "cannot write", s->path);
	return st;
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

/* All of a file that is there.  The caller frees it. */
static int
read_old(struct placehome *h, const struct placeswap *s, char **out,
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
static mode_t
others_of(const char *path)
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
	bool owns;
	int dfd, st;

	set_path(&from, "", f->name);
	if ((st = check_taken(h, &from)) != ST_OK ||
	    (st = placehome_walk(h, from.path, &dfd, &owns)) != ST_OK)
		return st;
	s = add_swap(h, dfd, owns, &from);
	st = look_file(h, s, others_of(s->path), &sb);
	if (st == ST_OK && s->before.there) {
		st = read_old(h, s, &text, &len);
		if (st == ST_OK)
			old = (struct slice){ (const uint8_t *)text, len };
	}
	/* Without anything to swap in it is no swap. */
	if (st == ST_OK && placeline_has(old, f->bytes)) {
		if (owns)
			(void)close(dfd);
		h->n--;
	} else if (st == ST_OK)
		st = write_new(h, s, old, f->bytes, s->before.there ?
		    sb.st_mode & 07777 : 0600);
	free(text);
	return st;
}

int
placehome_stage(struct placehome *h, const struct placepipe_frame *frames,
    size_t n)
{
	size_t i;
	int st;

	if ((h->swap = calloc(n + 1, sizeof(*h->swap))) == NULL)
		return placehome_fail(h, ST_NOMEM, "out of memory");
	if ((st = look_link(h)) != ST_OK || (st = make_load(h)) != ST_OK)
		return st;
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
	if (placeswap_link(&h->link, h->load) != ST_OK)
		return placehome_fail_sys(h, "cannot make", h->link.path);
	return placemark_write(h);
}
