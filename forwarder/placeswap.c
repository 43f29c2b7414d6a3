/*
 * Who reads the name sees the old file or the new one, and nothing else, at any
 * moment; also if we are killed in the next.  RENAME_EXCHANGE does that and
 * keeps the old file.  Some file systems do not have it (NFS, 9p): there the
 * old file gets a second name first, a hard link.
 *
 * Between the look at what is there and the swap somebody could change it.
 * With the exchange that is seen afterwards, by looking at what came out, and
 * is taken back.
 */
#include "forwarder/placeswap.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdio.h"

/* How often a name may be taken already. */
#define TRIES	100

int
placeswap_id(int dfd, const char *name, struct placeswap_id *out,
    struct stat *sb)
{
	struct stat own;

	*out = (struct placeswap_id){ .there = false };
	if (sb == NULL)
		sb = &own;
	if (fstatat(dfd, name, sb, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? ST_OK : ST_SYSTEM;
	*out = (struct placeswap_id){ true, sb->st_dev, sb->st_ino,
		sb->st_size, sb->st_mtim };
	return ST_OK;
}

bool
placeswap_is_same(const struct placeswap_id *a, const struct placeswap_id *b)
{
	if (!a->there || !b->there)
		return a->there == b->there;
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    a->changed.tv_sec == b->changed.tv_sec &&
	    a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Whether what is at ${name} is still ${id}. */
static bool
is_still(const struct placeswap *s, const char *name,
    const struct placeswap_id *id)
{
	struct placeswap_id now;

	return placeswap_id(s->dfd, name, &now, NULL) == ST_OK &&
	    placeswap_is_same(&now, id);
}

static const char letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

void
placeswap_random(char *p, size_t n)
{
	unsigned char r[PLACESWAP_RANDOM];
	size_t i;

	/* O_EXCL is what counts; a machine without random numbers yet must
	 * not keep us waiting. */
	assert(n <= sizeof(r));
	if (getrandom(r, n, GRND_NONBLOCK) != (ssize_t)n)
		for (i = 0; i < n; i++)
			r[i] = (unsigned char)(clock_ns() >> (5 * i));
	for (i = 0; i < n; i++)
		p[i] = letters[r[i] % (sizeof(letters) - 1)];
}

bool
placeswap_is_random(const char *p, size_t n)
{
	return strlen(p) == n && strspn(p, letters) == n;
}

bool
placeswap_is_tmp(const char *name)
{
	const size_t n = sizeof(PLACESWAP_PREFIX) - 1;

	return strncmp(name, PLACESWAP_PREFIX, n) == 0 &&
	    placeswap_is_random(name + n, PLACESWAP_RANDOM);
}

/* A name of ours for the next try. */
static void
set_name(char *to)
{
	memcpy(to, PLACESWAP_PREFIX, sizeof(PLACESWAP_PREFIX) - 1);
	placeswap_random(to + sizeof(PLACESWAP_PREFIX) - 1, PLACESWAP_RANDOM);
	to[sizeof(PLACESWAP_PREFIX) - 1 + PLACESWAP_RANDOM] = '\0';
}

/* One that is free for what is there now. */
static int
set_free(const struct placeswap *s, char *to)
{
	struct placeswap_id id;
	int tries = 0;

	do {
		set_name(to);
		if (placeswap_id(s->dfd, to, &id, NULL) != ST_OK)
			return ST_SYSTEM;
	} while (id.there && ++tries < TRIES);
	return ST_OK;
}

/* Remove what has our name; errno is kept. */
static void
drop_tmp(struct placeswap *s)
{
	int saved = errno;

	if (s->tmp[0] != '\0')
		(void)unlinkat(s->dfd, s->tmp, 0);
	s->tmp[0] = '\0';
	errno = saved;
}

/* Note what was made; on failure it goes. */
static int
made(struct placeswap *s, bool good)
{
	if (good && placeswap_id(s->dfd, s->tmp, &s->after, NULL) == ST_OK &&
	    s->after.there && set_free(s, s->spare) == ST_OK)
		return ST_OK;
	drop_tmp(s);
	return ST_SYSTEM;
}

int
placeswap_fill(int fd, const struct slice *parts, size_t n, mode_t mode)
{
	bool good = true;
	int saved;
	size_t i;

	for (i = 0; i < n && good; i++)
		good = parts[i].len == 0 || fdio_write_full(fd, parts[i].p,
		    parts[i].len) == ST_OK;
	good = good && fchmod(fd, mode) == 0;
	saved = errno;
	/* Some file systems find out at the end that there is no room. */
	if (close(fd) != 0 && good)
		return ST_SYSTEM;
	errno = saved;
	return good ? ST_OK : ST_SYSTEM;
}

int
placeswap_file(struct placeswap *s, const struct slice *parts, size_t n,
    mode_t mode)
{
	int fd, tries = 0;

	do {
		set_name(s->tmp);
		fd = openat(s->dfd, s->tmp, O_WRONLY | O_CREAT | O_EXCL |
		    O_NOFOLLOW | O_CLOEXEC, 0600);
	} while (fd < 0 && errno == EEXIST && ++tries < TRIES);
	if (fd < 0) {
		s->tmp[0] = '\0';
		return ST_SYSTEM;
	}
	return made(s, placeswap_fill(fd, parts, n, mode) == ST_OK);
}

int
placeswap_link(struct placeswap *s, const char *target)
{
	int rc, tries = 0;

	do {
		set_name(s->tmp);
		rc = symlinkat(target, s->dfd, s->tmp);
	} while (rc != 0 && errno == EEXIST && ++tries < TRIES);
	if (rc != 0) {
		s->tmp[0] = '\0';
		return ST_SYSTEM;
	}
	return made(s, true);
}

int
placeswap_away(struct placeswap *s)
{
	s->after = (struct placeswap_id){ .there = false };
	if (set_free(s, s->tmp) == ST_OK)
		return ST_OK;
	s->tmp[0] = '\0';
	return ST_SYSTEM;
}

/* Whether renameat2(2) failed because the file system does not have it. */
static bool
is_unknown(int err)
{
	return err == EINVAL || err == ENOSYS || err == EOPNOTSUPP;
}

/* The same without the exchange: a second name, and then over the first. */
static int
replace(struct placeswap *s)
{
	int saved;

	if (linkat(s->dfd, s->name, s->dfd, s->spare, 0) != 0)
		return ST_SYSTEM;
	if (renameat(s->dfd, s->tmp, s->dfd, s->name) != 0) {
		saved = errno;
		(void)unlinkat(s->dfd, s->spare, 0);
		errno = saved;
		return ST_SYSTEM;
	}
	memcpy(s->tmp, s->spare, sizeof(s->tmp));
	s->done = true;
	return ST_OK;
}

static int
exchange(struct placeswap *s)
{
	if (renameat2(s->dfd, s->tmp, s->dfd, s->name, RENAME_EXCHANGE) != 0)
		return is_unknown(errno) ? replace(s) : ST_SYSTEM;
	s->done = true;
	if (is_still(s, s->tmp, &s->before))
		return ST_OK;
	/* Somebody was faster; theirs it is. */
	if (renameat2(s->dfd, s->tmp, s->dfd, s->name, RENAME_EXCHANGE) == 0)
		s->done = false;
	return ST_BUSY;
}

/* Give what is there the other name, over nothing. */
static int
move(const struct placeswap *s, const char *from, const char *to)
{
	if (renameat2(s->dfd, from, s->dfd, to, RENAME_NOREPLACE) == 0)
		return ST_OK;
	return is_unknown(errno) && renameat(s->dfd, from, s->dfd, to) == 0 ?
	    ST_OK : ST_SYSTEM;
}

static int
take_away(struct placeswap *s)
{
	if (move(s, s->name, s->tmp) != ST_OK)
		return ST_SYSTEM;
	s->done = true;
	if (is_still(s, s->tmp, &s->before))
		return ST_OK;
	if (move(s, s->tmp, s->name) == ST_OK)
		s->done = false;
	return ST_BUSY;
}

int
placeswap_do(struct placeswap *s)
{
	if (!is_still(s, s->name, &s->before))
		return ST_BUSY;
	if (!s->after.there)
		return take_away(s);
	if (s->before.there)
		return exchange(s);
	if (renameat2(s->dfd, s->tmp, s->dfd, s->name, RENAME_NOREPLACE) != 0) {
		if (errno == EEXIST)
			return ST_BUSY;
		if (!is_unknown(errno) ||
		    renameat(s->dfd, s->tmp, s->dfd, s->name) != 0)
			return ST_SYSTEM;
	}
	s->tmp[0] = '\0';
	s->done = true;
	return ST_OK;
}

int
placeswap_undo(struct placeswap *s)
{
	int rc = 0;

	if (s->done && is_still(s, s->name, &s->after)) {
		rc = s->before.there ?
		    renameat(s->dfd, s->tmp, s->dfd, s->name) :
		    unlinkat(s->dfd, s->name, 0);
		if (rc != 0)
			return ST_SYSTEM;
		s->tmp[0] = '\0';
	}
	s->done = false;
	drop_tmp(s);
	return ST_OK;
}

void
placeswap_keep(struct placeswap *s)
{
	drop_tmp(s);
	s->done = false;
}
