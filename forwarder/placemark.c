/*
 * A magic line, and then fields as the wire has them.  Device numbers are not
 * among them: those of one file system may be others after it was mounted anew.
 */
#include "forwarder/placemark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fdio.h"
#include "forwarder/placeclean.h"

static const char magic[] = "bottle-earlier 1\n";
#define MAGIC	((struct slice){ (const uint8_t *)magic, sizeof(magic) - 1 })

/*
 * Writing.
 */

static void
put_id(struct wire_writer *w, const struct placeswap_id *id)
{
	wire_put_u8(w, id->there ? 1 : 0);
	wire_put_u64(w, (uint64_t)id->ino);
	wire_put_u64(w, (uint64_t)id->size);
	wire_put_u64(w, (uint64_t)id->changed.tv_sec);
	wire_put_u64(w, (uint64_t)id->changed.tv_nsec);
}

static void
put_swap(struct wire_writer *w, const struct placeswap *s)
{
	wire_put_str(w, s->path);
	wire_put_str(w, s->tmp);
	wire_put_str(w, s->spare);
	put_id(w, &s->before);
	put_id(w, &s->after);
}

static void
put_all(struct wire_writer *w, const struct placehome *h)
{
	size_t i;

	wire_put_bytes(w, MAGIC);
	wire_put_u8(w, h->made_ssh ? 1 : 0);
	wire_put_u8(w, h->made_dir ? 1 : 0);
	wire_put_str(w, h->socket);
	wire_put_str(w, h->earlier);
	wire_put_u32(w, (uint32_t)(h->n + 1));
	put_swap(w, &h->link);
	for (i = 0; i < h->n; i++)
		put_swap(w, &h->swap[i]);
}

int
placemark_write(struct placehome *h)
{
	struct wire_writer w = wire_writer(malloc(PLACEMARK_MAX),
	    PLACEMARK_MAX);
	struct slice all;
	int fd, st = ST_OK;

	if (w.p == NULL)
		return placehome_fail(h, ST_NOMEM, "out of memory");
	put_all(&w, h);
	if (wire_done(&w, &all) != ST_OK)
		st = placehome_fail(h, ST_NOMEM, "too many files in one load");
	if (st == ST_OK) {
		fd = openat(h->load_fd, PLACEMARK_UNDO, O_WRONLY | O_CREAT |
		    O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 || placeswap_fill(fd, &all, 1, 0600) != ST_OK)
			st = placehome_fail(h, ST_SYSTEM, "cannot write "
			    "%s/%s/%s/%s: %s", h->home, PLACEHOME_DIR, h->load,
			    PLACEMARK_UNDO, strerrordesc_np(errno));
	}
	free(w.p);
	return st;
}

void
placemark_decide(int fd)
{
	(void)renameat(fd, PLACEMARK_UNDO, fd, PLACEMARK_KEEP);
}

void
placemark_drop(int fd)
{
	(void)unlinkat(fd, PLACEMARK_UNDO, 0);
	(void)unlinkat(fd, PLACEMARK_KEEP, 0);
}

/*
 * Reading.
 */

/* A string that fits, NUL included, and has none. */
static int
get_str(struct wire_reader *r, char *to, size_t cap)
{
	struct slice s;

	if (wire_get_string(r, &s) != ST_OK || s.len >= cap ||
	    (s.len > 0 && memchr(s.p, '\0', s.len) != NULL))
		return ST_MALFORMED;
	if (s.len > 0)
		memcpy(to, s.p, s.len);
	to[s.len] = '\0';
	return ST_OK;
}

static int
get_bool(struct wire_reader *r, bool *out)
{
	uint8_t u;

	if (wire_get_u8(r, &u) != ST_OK || u > 1)
		return ST_MALFORMED;
	*out = u == 1;
	return ST_OK;
}

static int
get_id(struct wire_reader *r, struct placeswap_id *id)
{
	uint64_t ino, size, sec, nsec;

	if (get_bool(r, &id->there) != ST_OK ||
	    wire_get_u64(r, &ino) != ST_OK || wire_get_u64(r, &size) != ST_OK ||
	    wire_get_u64(r, &sec) != ST_OK || wire_get_u64(r, &nsec) != ST_OK)
		return ST_MALFORMED;
	id->ino = (ino_t)ino;
	id->size = (off_t)size;
	id->changed.tv_sec = (time_t)sec;
	id->changed.tv_nsec = (long)nsec;
	return ST_OK;
}

static int
get_swap(struct wire_reader *r, struct placeswap *s)
{
	s->dfd = -1;
	if (get_str(r, s->path, sizeof(s->path)) != ST_OK ||
	    get_str(r, s->tmp, sizeof(s->tmp)) != ST_OK ||
	    get_str(r, s->spare, sizeof(s->spare)) != ST_OK ||
	    get_id(r, &s->before) != ST_OK || get_id(r, &s->after) != ST_OK)
		return ST_MALFORMED;
	if (!placepipe_is_path(slice_str(s->path)) ||
	    !placeswap_is_tmp(s->tmp) || !placeswap_is_tmp(s->spare) ||
	    !s->after.there)
		return ST_MALFORMED;
	s->name = strrchr(s->path, '/');
	s->name = s->name != NULL ? s->name + 1 : s->path;
	return ST_OK;
}

/* Whether the first of the swaps is that of the link in ${name}'s place. */
static bool
is_link_of(const struct placemark *m, const char *name)
{
	const size_t n = sizeof(PLACEHOME_DIR "/") - 1;
	const struct placeswap *s = &m->swap[0];

	if (strncmp(s->path, PLACEHOME_DIR "/", n) != 0 ||
	    strcmp(s->path + n, name) != 0)
		return false;
	return s->before.there ? placeclean_is_load(m->earlier, name) :
	    m->earlier[0] == '\0';
}

static int
get_all(struct wire_reader *r, const char *name, struct placemark *m)
{
	struct slice got;
	uint32_t n;
	size_t i;

	if (wire_get_bytes(r, MAGIC.len, &got) != ST_OK ||
	    !slice_eq(got, MAGIC) || get_bool(r, &m->made_ssh) != ST_OK ||
	    get_bool(r, &m->made_dir) != ST_OK ||
	    get_str(r, m->socket, sizeof(m->socket)) != ST_OK ||
	    get_str(r, m->earlier, sizeof(m->earlier)) != ST_OK ||
	    wire_get_u32(r, &n) != ST_OK || n == 0 ||
	    n > PLACEPIPE_FILES_MAX + 2)
		return ST_MALFORMED;
	if ((m->swap = calloc(n, sizeof(*m->swap))) == NULL)
		return ST_NOMEM;
	m->n = n;
	for (i = 0; i < n; i++)
		if (get_swap(r, &m->swap[i]) != ST_OK)
			return ST_MALFORMED;
	return wire_end(r) && is_link_of(m, name) ? ST_OK : ST_MALFORMED;
}

/* All of it, as bytes that the caller frees. */
static int
read_bytes(struct placehome *h, int dfd, const char *path, const char *file,
    uint8_t **bytes, size_t *len)
{
	struct stat sb;
	int fd, st;

	fd = openat(dfd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
	    O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return ST_NOT_FOUND;
	/* A symlink fails like this, too. */
	if (fd < 0 || fstat(fd, &sb) != 0)
		st = placehome_fail_sys(h, "cannot read", path);
	else if ((st = placehome_trust(h, &sb, S_IFREG, path, S_IWGRP |
	    S_IWOTH)) == ST_OK) {
		/* One byte too many is as broken as all else. */
		if ((*bytes = malloc(PLACEMARK_MAX + 1)) == NULL)
			st = placehome_fail(h, ST_NOMEM, "out of memory");
		else if (fdio_read_full(fd, *bytes, PLACEMARK_MAX + 1, len) ==
		    ST_SYSTEM)
			st = placehome_fail_sys(h, "cannot read", path);
	}
	if (fd >= 0)
		(void)close(fd);
	return st;
}

/* The name of the load that a directory is of. */
static void
name_of(const char *entry, char name[static PLACEPIPE_NAME_MAX + 1])
{
	size_t len = strlen(entry) - PLACESWAP_RANDOM - 2;

	if (len > PLACEPIPE_NAME_MAX)
		len = PLACEPIPE_NAME_MAX;
	memcpy(name, entry + 1, len);
	name[len] = '\0';
}

int
placemark_read(struct placehome *h, int fd, const char *entry,
    const char *file, struct placemark *out)
{
	char name[PLACEPIPE_NAME_MAX + 1], path[PLACESWAP_PATH_MAX];
	struct wire_reader r;
	uint8_t *bytes = NULL;
	size_t len = 0;
	int st;

	*out = (struct placemark){ .n = 0 };
	name_of(entry, name);
	(void)snprintf(path, sizeof(path), "%s/%s/%s", PLACEHOME_DIR, entry,
	    file);
	st = read_bytes(h, fd, path, file, &bytes, &len);
	if (st == ST_OK) {
		r = wire_reader((struct slice){ bytes, len });
		st = len > PLACEMARK_MAX ? ST_MALFORMED :
		    get_all(&r, name, out);
		if (st == ST_NOMEM)
			st = placehome_fail(h, st, "out of memory");
		else if (st != ST_OK)
			st = placehome_fail(h, ST_UNTRUSTED, "%s/%s, which "
			    "says how to undo a load that was cut off, is "
			    "broken: remove it, and try again", h->home, path);
	}
	free(bytes);
	if (st != ST_OK)
		placemark_fini(out);
	return st;
}

void
placemark_fini(struct placemark *m)
{
	free(m->swap);
	m->swap = NULL;
	m->n = 0;
}
