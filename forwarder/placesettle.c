/*
 * Undoing goes as it does in placehome.c: the link first, so that a load is
 * seen whole or not at all.  Killed in between, what is left is a directory
 * that no link leads to, and its mark: that is put back without a question, and
 * what is put back already is seen to be.
 *
 * Who is killed while the earlier files are removed has given the mark its
 * other name before: what is left of them goes, too.
 */
#include "forwarder/placesettle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fdio.h"
#include "forwarder/placeask.h"
#include "forwarder/placeclean.h"
#include "forwarder/placemark.h"

/* One load that is being settled. */
struct load {
	struct placehome	*h;
	struct placesettle	*s;
	const char		*entry;		/* its directory */
	int			 fd;
	bool			 linked;	/* it is the one in force */
	bool			 named;		/* it is the one that is asked
						 * for */
	struct placemark	 mark;
};

/* One more thing that is left as it is. */
static void PRINTF_LIKE(2, 3)
leave(struct placesettle *s, const char *fmt, ...)
{
	size_t len = strlen(s->left);
	va_list ap;

	if (len > 0)
		(void)snprintf(s->left + len, sizeof(s->left) - len, "; ");
	len = strlen(s->left);
	va_start(ap, fmt);
	(void)vsnprintf(s->left + len, sizeof(s->left) - len, fmt, ap);
	va_end(ap);
}

/* Whether a symlink in the folder of all loads leads there. */
static bool
leads_to(const struct placehome *h, const char *name, const char *target)
{
	char buf[PLACEHOME_LOAD_MAX + 1];
	ssize_t n = readlinkat(h->dir_fd, name, buf, sizeof(buf) - 1);

	if (n < 0)
		return false;
	buf[n] = '\0';
	return strcmp(buf, target) == 0;
}

/*
 * Whether the agent has the keys.
 */

/* The bytes of a file of ours; the caller frees them. */
static int
read_file(int dfd, const char *name, size_t most, uint8_t **out, size_t *len)
{
	struct stat sb;
	int fd, st = ST_UNTRUSTED;

	fd = openat(dfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
	    O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) &&
	    sb.st_size >= 0 && (size_t)sb.st_size <= most) {
		*out = malloc((size_t)sb.st_size + 1);
		st = *out == NULL ? ST_NOMEM : ST_OK;
		if (st == ST_OK && fdio_read_full(fd, *out,
		    (size_t)sb.st_size, len) == ST_SYSTEM)
			st = ST_SYSTEM;
	}
	if (fd >= 0)
		(void)close(fd);
	return st;
}

static bool
is_public_key(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, ".pub") == 0;
}

/* The public keys of a load, at most as many as one can have. */
struct keys {
	uint8_t		*bytes[PLACEPIPE_FILES_MAX];
	struct slice	 key[PLACEPIPE_FILES_MAX];
	size_t		 n, room;
};

static bool
get_key(struct keys *k, int dfd, const char *name)
{
	size_t len = 0;

	if (k->n == PLACEPIPE_FILES_MAX || read_file(dfd, name, k->room,
	    &k->bytes[k->n], &len) != ST_OK)
		return false;
	k->room -= len;
	k->key[k->n] = placeask_key((struct slice){ k->bytes[k->n], len });
	k->n++;
	return true;
}

/* All files *.pub of a directory. */
static bool
get_keys(struct keys *k, int dfd)
{
	int fd = openat(dfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	bool good = dir != NULL;
	struct dirent *e;

	if (dir == NULL && fd >= 0)
		(void)close(fd);
	while (good && (e = readdir(dir)) != NULL)
		if (is_public_key(e->d_name))
			good = get_key(k, dfd, e->d_name);
	if (dir != NULL)
		(void)closedir(dir);
	return good;
}

static bool
agent_has_keys(int dfd, const char *socket)
{
	struct keys *k = calloc(1, sizeof(*k));
	bool has;
	size_t i;

	if (k == NULL)
		return false;
	k->room = PLACEPIPE_BYTES_MAX;
	has = get_keys(k, dfd) && placeask_has(socket, k->key, k->n);
	for (i = 0; i < PLACEPIPE_FILES_MAX; i++)
		free(k->bytes[i]);
	free(k);
	return has;
}

/*
 * Made final.
 */

static void
close_swap(struct placeswap *s)
{
	if (s->owns)
		(void)close(s->dfd);
	s->owns = false;
	s->dfd = -1;
}

/* Open the directory of a swap, whose marks get the device that they miss. */
static int
open_swap(struct load *l, struct placeswap *s)
{
	struct stat sb;
	int st;

	st = placehome_walk(l->h, s->path, &s->dfd, &s->owns);
	if (st != ST_OK) {
		s->dfd = -1;
		s->owns = false;
		return st;
	}
	if (fstat(s->dfd, &sb) != 0) {
		st = placehome_fail_sys(l->h, "cannot look at", s->path);
		close_swap(s);
		return st;
	}
	s->before.dev = sb.st_dev;
	s->after.dev = sb.st_dev;
	return ST_OK;
}

/* The names of ours that it has left. */
static void
drop(struct placeswap *s)
{
	placeclean_one(s->dfd, s->tmp);
	placeclean_one(s->dfd, s->spare);
}

static void
stay(struct load *l)
{
	struct placemark *m = &l->mark;
	size_t i;

	placemark_decide(l->fd);
	for (i = 0; i < m->n; i++)
		if (open_swap(l, &m->swap[i]) == ST_OK) {
			drop(&m->swap[i]);
			close_swap(&m->swap[i]);
		}
	if (m->earlier[0] != '\0' && strcmp(m->earlier, l->entry) != 0)
		placeclean_load(l->h->dir_fd, m->earlier);
	placemark_drop(l->fd);
}

/*
 * Put back.
 */

/* It is at one of two names, if it is there; else NULL. */
static const char *
find_before(const struct placeswap *s)
{
	const char *const names[] = { s->tmp, s->spare };
	struct placeswap_id id;
	size_t i;

	for (i = 0; i < 2; i++)
		if (placeswap_id(s->dfd, names[i], &id, NULL) == ST_OK &&
		    placeswap_is_same(&id, &s->before))
			return names[i];
	return NULL;
}

static int
cannot(struct load *l, const struct placeswap *s)
{
	return placehome_fail(l->h, ST_SYSTEM, "%s/%s could not be put back "
	    "after a load that was cut off (%s): it is beside it, in %s or %s",
	    l->h->home, s->path, strerrordesc_np(errno), s->tmp, s->spare);
}

/* Put one back that is as the load has left it. */
static int
put_back_file(struct load *l, struct placeswap *s)
{
	const char *from = s->before.there ? find_before(s) : NULL;

	if (s->before.there && from == NULL) {
		leave(l->s, "what %s/%s was before is gone", l->h->home,
		    s->path);
		return ST_OK;
	}
	if ((from != NULL ? renameat(s->dfd, from, s->dfd, s->name) :
	    unlinkat(s->dfd, s->name, 0)) != 0)
		return cannot(l, s);
	return ST_OK;
}

static int
put_back(struct load *l, struct placeswap *s)
{
	struct placeswap_id now;
	int st;

	/* Somebody has made something else of the way to it. */
	if (open_swap(l, s) != ST_OK) {
		leave(l->s, "%s", l->h->why);
		return ST_OK;
	}
	st = placeswap_id(s->dfd, s->name, &now, NULL);
	if (st != ST_OK)
		st = cannot(l, s);
	else if (placeswap_is_same(&now, &s->after))
		st = put_back_file(l, s);
	else if (!placeswap_is_same(&now, &s->before))
		leave(l->s, "somebody has changed %s/%s since, and it stays",
		    l->h->home, s->path);
	if (st == ST_OK)
		drop(s);
	close_swap(s);
	return st;
}

/* The link is known by where it leads to, and one that is lost is made anew. */
static int
put_back_link(struct load *l)
{
	struct placeswap *s = &l->mark.swap[0];
	const char *earlier = l->mark.earlier, *from;

	s->dfd = l->h->dir_fd;
	if (!s->before.there)
		return unlinkat(s->dfd, s->name, 0) == 0 ? ST_OK :
		    cannot(l, s);
	from = leads_to(l->h, s->tmp, earlier) ? s->tmp : s->spare;
	if (!leads_to(l->h, from, earlier) &&
	    symlinkat(earlier, s->dfd, from) != 0)
		return cannot(l, s);
	return renameat(s->dfd, from, s->dfd, s->name) == 0 ? ST_OK :
	    cannot(l, s);
}

/* Whether there is something that the link can lead to again. */
static bool
can_be_undone(const struct load *l)
{
	struct stat sb;

	return l->mark.earlier[0] == '\0' || fstatat(l->h->dir_fd,
	    l->mark.earlier, &sb, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
undo(struct load *l)
{
	struct placemark *m = &l->mark;
	size_t i;
	int st;

	if (l->linked && (st = put_back_link(l)) != ST_OK)
		return st;
	for (i = m->n; i > 1; i--)
		if ((st = put_back(l, &m->swap[i - 1])) != ST_OK)
			return st;
	m->swap[0].dfd = l->h->dir_fd;
	drop(&m->swap[0]);
	placeclean_load(l->h->dir_fd, l->entry);
	l->h->made_ssh = l->h->made_ssh || m->made_ssh;
	l->h->made_dir = l->h->made_dir || m->made_dir;
	return ST_OK;
}

/*
 * One after the other.
 */

/* What comes of one that was cut off before it was decided. */
static int
decide(struct load *l, enum placepipe_settled *outcome)
{
	*outcome = PLACEPIPE_STAYS;
	if (l->linked && !(l->s->revert && l->named) &&
	    agent_has_keys(l->fd, l->mark.socket)) {
		stay(l);
		return ST_OK;
	}
	if (l->linked && !can_be_undone(l)) {
		leave(l->s, "%s/%s/%s, which was in force before, is gone: "
		    "load again", l->h->home, PLACEHOME_DIR, l->mark.earlier);
		*outcome = PLACEPIPE_NOTHING;
		stay(l);
		return ST_OK;
	}
	*outcome = PLACEPIPE_REVERTED;
	return undo(l);
}

/* By the mark of either name. */
static int
settle_marked(struct load *l)
{
	enum placepipe_settled outcome = PLACEPIPE_NOTHING;
	int st;

	st = placemark_read(l->h, l->fd, l->entry, PLACEMARK_KEEP, &l->mark);
	if (st == ST_OK && l->linked) {
		stay(l);
		outcome = PLACEPIPE_STAYS;
	} else if (st == ST_NOT_FOUND) {
		st = placemark_read(l->h, l->fd, l->entry, PLACEMARK_UNDO,
		    &l->mark);
		if (st == ST_OK)
			st = decide(l, &outcome);
	}
	if (st == ST_OK && l->named && outcome > l->s->outcome)
		l->s->outcome = outcome;
	placemark_fini(&l->mark);
	/* One that was cut off while the mark was written has changed nothing,
	 * and its rest goes as all else that no link leads to. */
	return st == ST_NOT_FOUND || (st == ST_UNTRUSTED && !l->linked) ?
	    ST_OK : st;
}

static int
settle_one(struct placehome *h, struct placesettle *s, const char *entry)
{
	struct load l = { .h = h, .s = s, .entry = entry };
	char name[PLACEHOME_LOAD_MAX];
	struct stat sb;
	int st = ST_OK;

	if (strlen(entry) >= sizeof(name))
		return ST_OK;
	(void)snprintf(name, sizeof(name), "%.*s",
	    (int)(strlen(entry) - PLACESWAP_RANDOM - 2), entry + 1);
	l.named = h->name[0] == '\0' || strcmp(name, h->name) == 0;
	l.linked = leads_to(h, name, entry);
	l.fd = openat(h->dir_fd, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (l.fd < 0)
		return ST_OK;
	/* A directory that others can write to is none that we have made. */
	if (fstat(l.fd, &sb) == 0 && sb.st_uid == geteuid() &&
	    (sb.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		st = settle_marked(&l);
	(void)close(l.fd);
	return st;
}

/* Whether files are in force for keys that the agent has. */
static bool
is_in_force(const struct placehome *h)
{
	char entry[PLACEHOME_LOAD_MAX + 1];
	ssize_t n = readlinkat(h->dir_fd, h->name, entry, sizeof(entry) - 1);
	bool has;
	int fd;

	if (n < 0)
		return false;
	entry[n] = '\0';
	if (!placeclean_is_load(entry, h->name))
		return false;
	fd = openat(h->dir_fd, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (fd < 0)
		return false;
	has = agent_has_keys(fd, h->socket);
	(void)close(fd);
	return has;
}

int
placesettle_all(struct placehome *h, struct placesettle *s)
{
	struct dirent *e;
	int fd, st = ST_OK;
	DIR *dir;

	s->outcome = PLACEPIPE_NOTHING;
	s->left[0] = '\0';
	if (!h->locked) {
		leave(s, "%s/%s cannot be locked: what was cut off there is "
		    "not known from what is under way, and stays", h->home,
		    PLACEHOME_DIR);
		return ST_OK;
	}
	fd = openat(h->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (dir = fdopendir(fd)) == NULL) {
		st = placehome_fail_sys(h, "cannot read", PLACEHOME_DIR);
		if (fd >= 0)
			(void)close(fd);
		return st;
	}
	while (st == ST_OK && (e = readdir(dir)) != NULL)
		if (placeclean_is_load(e->d_name, NULL))
			st = settle_one(h, s, e->d_name);
	(void)closedir(dir);
	if (st == ST_OK && s->look && s->outcome == PLACEPIPE_NOTHING &&
	    is_in_force(h))
		s->outcome = PLACEPIPE_STAYS;
	return st;
}
