/*
 * The link of a load is the last thing that is switched: until then what the
 * user's programs see of the load is the earlier one, whole.  What goes before
 * it does no harm alone: an Include of files that are not there is none.
 *
 * The lock is one on a directory that undoing may remove again.  So it counts
 * only if the directory is still there when we have it.
 */
#include "forwarder/placehome.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "forwarder/placeclean.h"
#include "forwarder/placemark.h"

/* How long between two looks at the lock, in milliseconds. */
#define LOCK_AGAIN_MS	50

void
placehome_init(struct placehome *h)
{
	memset(h, 0, sizeof(*h));
	h->stop_fd = -1;
	h->home_fd = -1;
	h->ssh_fd = -1;
	h->dir_fd = -1;
	h->load_fd = -1;
}

int
placehome_fail(struct placehome *h, int st, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(h->why, sizeof(h->why), fmt, ap);
	va_end(ap);
	return st;
}

int
placehome_fail_sys(struct placehome *h, const char *what, const char *path)
{
	const char *todo = errno == EBUSY ?
	    " (a mount point? take the mount away, or change the "
	    "lines in it yourself)" :
	    errno == ENOSPC || errno == EDQUOT ?
	    " (make room there, and try again)" : "";

	return placehome_fail(h, ST_SYSTEM, "%s %s/%s: %s%s", what, h->home,
	    path, strerrordesc_np(errno), todo);
}

const char *
placehome_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFLNK:
		return "a symbolic link";
	case S_IFDIR:
		return "a directory";
	case S_IFREG:
		return "a plain file";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	default:
		return "a device";
	}
}

int
placehome_trust(struct placehome *h, const struct stat *sb, mode_t type,
    const char *path, mode_t others)
{
	if ((sb->st_mode & S_IFMT) != type)
		return placehome_fail(h, ST_UNTRUSTED, "%s/%s is %s, not %s: "
		    "rename or remove it, and try again", h->home, path,
		    placehome_type(sb->st_mode), placehome_type(type));
	if (sb->st_uid != geteuid())
		return placehome_fail(h, ST_UNTRUSTED, "%s/%s belongs to uid "
		    "%lu, not to %lu: chown it, and try again", h->home, path,
		    (unsigned long)sb->st_uid, (unsigned long)geteuid());
	if ((sb->st_mode & others) != 0)
		return placehome_fail(h, ST_UNTRUSTED, "%s/%s can be written "
		    "by others (mode %04o): chmod go-w it, and try again",
		    h->home, path, (unsigned)(sb->st_mode & 07777));
	return ST_OK;
}

/*
 * Directories.
 */

/* The home itself; symlinks that lead to it are the machine's business. */
static int
open_home(struct placehome *h)
{
	static const char todo[] = "name another one with --home DIR";
	struct stat sb;

	h->home_fd = open(h->home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (h->home_fd < 0)
		return placehome_fail(h, ST_NOT_FOUND, "cannot open the home "
		    "directory %s: %s; make it, or %s", h->home,
		    strerrordesc_np(errno), todo);
	if (fstat(h->home_fd, &sb) != 0)
		return placehome_fail_sys(h, "cannot look at", "");
	if (sb.st_uid != geteuid())
		return placehome_fail(h, ST_UNTRUSTED, "the home directory %s "
		    "belongs to uid %lu, not to %lu: chown it, or %s", h->home,
		    (unsigned long)sb.st_uid, (unsigned long)geteuid(), todo);
	return ST_OK;
}

/* Open a directory of ours, and make it if it is not there and is to be.
 * ST_MORE: it went away, or what it was to be in; try again. */
static int
open_dir(struct placehome *h, int parent, const char *path, int *out,
    bool *made)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	struct stat sb;

	if (!h->find_only && mkdirat(parent, name, 0700) == 0)
		*made = true;
	else if (!h->find_only && errno == ENOENT)
		return ST_MORE;
	else if (!h->find_only && errno != EEXIST)
		return placehome_fail_sys(h, "cannot make", path);
	if (fstatat(parent, name, &sb, AT_SYMLINK_NOFOLLOW) != 0)
		return errno != ENOENT ?
		    placehome_fail_sys(h, "cannot look at", path) :
		    h->find_only ? ST_NOT_FOUND : ST_MORE;
	if (placehome_trust(h, &sb, S_IFDIR, path, S_IWGRP | S_IWOTH) !=
	    ST_OK)
		return ST_UNTRUSTED;
	*out = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (*out < 0)
		return errno == ENOENT ? ST_MORE :
		    placehome_fail_sys(h, "cannot open", path);
	/* What was opened is what counts. */
	if (fstat(*out, &sb) != 0)
		return placehome_fail_sys(h, "cannot look at", path);
	return placehome_trust(h, &sb, S_IFDIR, path, S_IWGRP | S_IWOTH);
}

/* Whether an open directory is still the one at its name. */
static bool
is_there(int parent, const char *name, int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 &&
	    fstatat(parent, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Wait for the lock.  ST_MORE: it is one on a directory that is gone. */
static int
take_lock(struct placehome *h, int64_t deadline)
{
	struct pollfd stop = { .fd = h->stop_fd, .events = POLLIN };

	while (flock(h->dir_fd, LOCK_EX | LOCK_NB) != 0) {
		/* NFS locks no directories: then we do without, and leave
		 * alone what others may have left. */
		if (errno != EWOULDBLOCK && errno != EINTR)
			return ST_OK;
		if (clock_ms() >= deadline)
			return placehome_fail(h, ST_BUSY, "another load is "
			    "being put into %s/%s: try again when it is done",
			    h->home, PLACEHOME_DIR);
		if (poll(&stop, 1, LOCK_AGAIN_MS) > 0)
			return placehome_fail(h, ST_CLOSED,
			    "ended by a signal");
	}
	h->locked = is_there(h->ssh_fd, "bottle-agent", h->dir_fd) &&
	    is_there(h->home_fd, PLACEHOME_SSH, h->ssh_fd);
	return h->locked ? ST_OK : ST_MORE;
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Whether a remove that was killed has left .ssh, which a load had made. */
static bool
is_ssh_left(const struct placehome *h)
{
	struct stat sb;

	return fstatat(h->home_fd, PLACEHOME_LEFT, &sb,
	    AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(sb.st_mode) &&
	    sb.st_uid == geteuid();
}

void
placehome_leave_ssh(struct placehome *h, const char *record)
{
	int fd;

	/* A rename takes no room. */
	if (record != NULL && renameat2(h->dir_fd, record, h->home_fd,
	    PLACEHOME_LEFT, RENAME_NOREPLACE) == 0)
		return;
	fd = openat(h->home_fd, PLACEHOME_LEFT, O_WRONLY | O_CREAT | O_EXCL |
	    O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		(void)close(fd);
}

void
placehome_drop_ssh(struct placehome *h)
{
	if (!is_ssh_left(h))
		return;
	(void)unlinkat(h->home_fd, PLACEHOME_SSH, AT_REMOVEDIR);
	(void)unlinkat(h->home_fd, PLACEHOME_LEFT, 0);
}

int
placehome_open(struct placehome *h)
{
	int64_t deadline = clock_ms() + PLACEHOME_LOCK_MS;
	int st;

	if ((st = open_home(h)) != ST_OK)
		return st;
	do {
		close_fd(&h->dir_fd);
		close_fd(&h->ssh_fd);
		st = open_dir(h, h->home_fd, PLACEHOME_SSH, &h->ssh_fd,
		    &h->made_ssh);
		if (st == ST_OK)
			st = open_dir(h, h->ssh_fd, PLACEHOME_DIR, &h->dir_fd,
			    &h->made_dir);
		if (st == ST_OK)
			st = take_lock(h, deadline);
	} while (st == ST_MORE && clock_ms() < deadline);
	if (st == ST_OK && is_ssh_left(h))
		h->made_ssh = h->made_dir = true;
	return st != ST_MORE ? st : placehome_fail(h, ST_BUSY, "%s/%s goes "
	    "away again and again: see who removes it", h->home,
	    PLACEHOME_DIR);
}

/*
 * What becomes of it.
 */

int
placehome_swap(struct placehome *h, struct placeswap *s)
{
	int st = placeswap_do(s);

	if (st == ST_OK)
		return ST_OK;
	if (st == ST_BUSY)
		return placehome_fail(h, ST_BUSY, "somebody else has changed "
		    "%s/%s in between: try again", h->home, s->path);
	return placehome_fail_sys(h, "cannot replace", s->path);
}

int
placehome_switch(struct placehome *h)
{
	size_t i;
	int st;

	for (i = 0; i < h->n; i++)
		if ((st = placehome_swap(h, &h->swap[i])) != ST_OK)
			return st;
	return placehome_swap(h, &h->link);
}

void
placehome_clean(struct placehome *h)
{
	size_t i;

	/* Without the lock they may still run. */
	if (!h->locked)
		return;
	/* The temporary ones first: a link among them leads to a load. */
	placeclean_temporary(h->dir_fd);
	placeclean_loads(h->dir_fd);
	placeclean_temporary(h->ssh_fd);
	placeclean_temporary(h->home_fd);
	for (i = 0; i < h->n; i++)
		if (h->swap[i].owns)
			placeclean_temporary(h->swap[i].dfd);
}

void
placehome_keep(struct placehome *h)
{
	size_t i;

	/* From here on there is no way back. */
	placemark_decide(h->load_fd);
	placeswap_keep(&h->link);
	for (i = 0; i < h->n; i++)
		placeswap_keep(&h->swap[i]);
	if (h->earlier[0] != '\0')
		placeclean_load(h->dir_fd, h->earlier);
	placehome_clean(h);
	/* It is in the record now. */
	if (is_ssh_left(h))
		(void)unlinkat(h->home_fd, PLACEHOME_LEFT, 0);
	placemark_drop(h->load_fd);
}

/* Undo one, and add what is wrong to what is said. */
static bool
undo_one(struct placehome *h, struct placeswap *s)
{
	size_t len = strlen(h->why);

	if (placeswap_undo(s) == ST_OK)
		return true;
	(void)snprintf(h->why + len, sizeof(h->why) - len, "%s%s/%s could not "
	    "be put back (%s): it is beside it, in %s", len > 0 ? "; " : "",
	    h->home, s->path, strerrordesc_np(errno), s->tmp);
	return false;
}

int
placehome_undo(struct placehome *h)
{
	bool done;
	size_t i;

	h->why[0] = '\0';
	done = undo_one(h, &h->link);
	for (i = h->n; i > 0; i--)
		done = undo_one(h, &h->swap[i - 1]) && done;
	if (h->load[0] != '\0' && done)
		placeclean_load(h->dir_fd, h->load);
	/* What somebody else has put something into stays. */
	if (h->made_dir)
		(void)unlinkat(h->ssh_fd, "bottle-agent", AT_REMOVEDIR);
	if (h->made_ssh && unlinkat(h->home_fd, PLACEHOME_SSH,
	    AT_REMOVEDIR) == 0)
		placehome_drop_ssh(h);
	return done ? ST_OK : ST_SYSTEM;
}

void
placehome_fini(struct placehome *h)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		if (h->swap[i].owns)
			(void)close(h->swap[i].dfd);
	free(h->swap);
	h->swap = NULL;
	h->n = 0;
	close_fd(&h->load_fd);
	close_fd(&h->dir_fd);
	close_fd(&h->ssh_fd);
	close_fd(&h->home_fd);
}
