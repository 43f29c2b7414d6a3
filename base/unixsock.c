/*
 * A socket's mode cannot be changed through its descriptor, and a chmod(2) of
 * the path comes after a moment in which it was wrong: the umask around
 * bind(2) is the one way that leaves no gap.
 *
 * Taking over the path of a dead process is safe only under a lock: between
 * the connect(2) that shows that nobody listens and the unlink(2), another
 * process could have bound the path.  The lock file is never removed, for
 * the same reason: somebody may hold a lock on the file that was there.
 */
#include "base/unixsock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/errtext.h"
#include "base/ownfile.h"
#include "base/text.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS	83
#endif

_Static_assert(sizeof(((struct sockaddr_un *)0)->sun_path) ==
    UNIXSOCK_PATH_MAX, "unix(7) has other ideas of a path");

/* Put one line in ${why} and return ${st}. */
static int PRINTF_LIKE(4, 5)
fail(int st, char *why, size_t whylen, const char *fmt, ...)
{
	va_list ap;

	if (whylen > 0) {
		va_start(ap, fmt);
		(void)vsnprintf(why, whylen, fmt, ap);
		va_end(ap);
	}
	return st;
}

/* The same for a system call that failed on ${path}; errno is kept. */
static int
fail_sys(char *why, size_t whylen, const char *what, const char *path)
{
	int saved = errno;

	(void)fail(ST_SYSTEM, why, whylen, "%s %s: %s", what, path,
	    errtext(saved));
	errno = saved;
	return ST_SYSTEM;
}

/*
 * Paths.
 */

int
unixsock_resolve(const char *path, char out[static UNIXSOCK_PATH_MAX],
    char *why, size_t whylen)
{
	char dir[PATH_MAX];
	const char *name;
	struct text t;
	int st;

	out[0] = '\0';
	st = ownfile_resolve(path, "socket", dir, &name, why, whylen);
	if (st != ST_OK)
		return st;
	text_init(&t, out, UNIXSOCK_PATH_MAX);
	text_add(&t, dir);
	if (strcmp(dir, "/") != 0)
		text_addc(&t, '/');
	text_add(&t, name);
	if (!t.full)
		return ST_OK;
	out[0] = '\0';
	return fail(ST_TOO_LARGE, why, whylen, "path of socket is longer than "
	    "%d bytes: %s/%s", UNIXSOCK_PATH_MAX - 1, dir, name);
}

int
unixsock_trust(const char *path, char *why, size_t whylen)
{
	struct stat sb;

	assert(path[0] == '/' && strlen(path) < UNIXSOCK_PATH_MAX);
	if (lstat(path, &sb) == 0 && S_ISLNK(sb.st_mode))
		return fail(ST_UNTRUSTED, why, whylen, "%s is a symbolic "
		    "link; name the socket itself", path);
	return ownfile_trust_dirs(path, "socket", false, why, whylen);
}

/*
 * Listening.
 */

static struct sockaddr_un
address_of(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	memcpy(sun.sun_path, path, strlen(path) + 1);
	return sun;
}

/* No lock file can be made or opened: why, and what helps; errno is kept. */
static int
fail_lock(const char *path, char *why, size_t whylen)
{
	const char *helps = "choose another path";
	int saved = errno;

	if (saved == EACCES || saved == EPERM)
		helps = "run this as root, or choose another path";
	else if (saved == ENOSPC || saved == EDQUOT)
		helps = "make room there, or choose another path";
	else if (saved == EMFILE || saved == ENFILE)
		helps = "close files, or raise the limit of open ones";
	(void)fail(ST_SYSTEM, why, whylen, "cannot open lock file %s: %s; %s",
	    path, errtext(saved), helps);
	errno = saved;
	return ST_SYSTEM;
}

/* Take the lock that stands for the right to bind ${u}->path. */
static int
take_lock(struct unixsock *u, char *why, size_t whylen)
{
	char path[UNIXSOCK_PATH_MAX + sizeof(".lock")];
	struct stat sb;

	(void)snprintf(path, sizeof(path), "%s.lock", u->path);
	u->lock_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK |
	    O_NOCTTY | O_CLOEXEC, 0600);
	if (u->lock_fd < 0 && (errno == ELOOP || errno == EISDIR ||
	    errno == ENXIO))
		return fail(ST_DENIED, why, whylen, "%s exists and is no "
		    "plain file; remove it or choose another path", path);
	if (u->lock_fd < 0 || fstat(u->lock_fd, &sb) != 0)
		return fail_lock(path, why, whylen);
	if (!S_ISREG(sb.st_mode))
		return fail(ST_DENIED, why, whylen, "%s exists and is no "
		    "plain file; remove it or choose another path", path);

	/* Somebody else's lock could keep us out for ever. */
	if (sb.st_uid != 0 && sb.st_uid != geteuid())
		return fail(ST_DENIED, why, whylen, "%s belongs to uid %u; "
		    "remove it or choose another path", path,
		    (unsigned)sb.st_uid);
	if (flock(u->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return ST_OK;
	if (errno != EWOULDBLOCK)
		return fail_sys(why, whylen, "cannot lock", path);
	return fail(ST_BUSY, why, whylen, "%s is served by another process, "
	    "which holds %s; stop it or choose another path", u->path, path);
}

/* Whether somebody answers at ${path}: 1, 0, or -1 with errno. */
static int
is_served(const char *path)
{
	struct sockaddr_un sun = address_of(path);
	int fd, rc, saved;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	rc = connect(fd, (const struct sockaddr *)&sun, sizeof(sun));
	saved = errno;
	close(fd);
	/* EAGAIN: a queue that is full belongs to somebody alive. */
	if (rc == 0 || saved == EAGAIN)
		return 1;
	errno = saved;
	return saved == ECONNREFUSED || saved == ENOENT ? 0 : -1;
}

/* Something else is where the socket is to be. */
static int
fail_no_socket(const char *path, char *why, size_t whylen)
{
	return fail(ST_DENIED, why, whylen, "%s exists and is no socket; "
	    "choose another path", path);
}

/* Before a lock file is made beside it: whether that path is for a socket. */
static int
look_first(const char *path, char *why, size_t whylen)
{
	struct stat sb;

	return lstat(path, &sb) == 0 && !S_ISSOCK(sb.st_mode) ?
	    fail_no_socket(path, why, whylen) : ST_OK;
}

/* Under the lock: remove the socket of a process that is gone. */
static int
remove_dead(const char *path, char *why, size_t whylen)
{
	struct stat sb;
	int served;

	if (lstat(path, &sb) != 0) {
		if (errno == ENOENT)
			return ST_OK;
		return fail_sys(why, whylen, "cannot look at", path);
	}
	if (!S_ISSOCK(sb.st_mode))
		return fail_no_socket(path, why, whylen);
	if ((served = is_served(path)) > 0)
		return fail(ST_BUSY, why, whylen, "%s is served by another "
		    "process; stop it or choose another path", path);
	if (served < 0)
		return fail_sys(why, whylen, "cannot tell who serves", path);
	if (unlink(path) != 0 && errno != ENOENT)
		return fail_sys(why, whylen, "cannot remove dead socket",
		    path);
	return ST_OK;
}

/* Bind ${u}->fd to its path, and note which file that made. */
static int
bind_path(struct unixsock *u, mode_t mode, char *why, size_t whylen)
{
	struct sockaddr_un sun = address_of(u->path);
	struct stat sb;
	mode_t before;
	int rc, saved;

	before = umask(~mode & 0777);
	rc = bind(u->fd, (const struct sockaddr *)&sun, sizeof(sun));
	saved = errno;
	umask(before);
	if (rc != 0) {
		errno = saved;
		(void)fail_sys(why, whylen, "cannot bind to path", u->path);
		return saved == EADDRINUSE ? ST_BUSY : ST_SYSTEM;
	}

	/* From here on the file is ours to remove. */
	u->owner = getpid();
	if (lstat(u->path, &sb) != 0)
		return fail_sys(why, whylen, "cannot look at", u->path);
	u->dev = sb.st_dev;
	u->ino = sb.st_ino;
	if (!S_ISSOCK(sb.st_mode) || (sb.st_mode & 0777) != mode) {
		errno = EPERM;
		return fail(ST_SYSTEM, why, whylen, "%s came out with mode "
		    "%04o, not %04o: does its directory have a default ACL?",
		    u->path, (unsigned)(sb.st_mode & 07777), (unsigned)mode);
	}
	return ST_OK;
}

int
unixsock_listen(struct unixsock *out, const struct unixsock_spec *spec,
    char *why, size_t whylen)
{
	struct unixsock u = { .fd = -1, .lock_fd = -1 };
	int saved, st;

	if (whylen > 0)
		why[0] = '\0';
	st = unixsock_resolve(spec->path, u.path, why, whylen);
	if (st == ST_OK && spec->check_dir)
		st = unixsock_trust(u.path, why, whylen);
	if (st == ST_OK && spec->takeover)
		st = look_first(u.path, why, whylen);
	if (st == ST_OK && spec->takeover)
		st = take_lock(&u, why, whylen);
	if (st == ST_OK && spec->takeover)
		st = remove_dead(u.path, why, whylen);
	if (st != ST_OK)
		goto out;

	u.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (u.fd < 0) {
		st = fail_sys(why, whylen, "cannot make a socket for", u.path);
		goto out;
	}
	(void)unixsock_no_descriptors(u.fd);
	if (spec->senders && unixsock_senders(u.fd) != ST_OK) {
		st = fail_sys(why, whylen, "cannot set up the socket for",
		    u.path);
		goto out;
	}
	if ((st = bind_path(&u, spec->mode, why, whylen)) != ST_OK)
		goto out;
	if (listen(u.fd, spec->backlog) != 0)
		st = fail_sys(why, whylen, "cannot listen at", u.path);
out:
	if (st != ST_OK) {
		saved = errno;
		unixsock_close(&u);
		errno = saved;
	}
	*out = u;
	return st;
}

void
unixsock_close(struct unixsock *u)
{
	struct stat sb;

	/*
	 * The file first: as long as the socket is open its inode cannot
	 * become another file's.  The lock last: whoever gets it next must
	 * find the path free.
	 */
	if (u->fd >= 0 && u->owner == getpid() && u->ino != 0 &&
	    lstat(u->path, &sb) == 0 && S_ISSOCK(sb.st_mode) &&
	    sb.st_dev == u->dev && sb.st_ino == u->ino)
		(void)unlink(u->path);
	if (u->fd >= 0)
		close(u->fd);
	if (u->lock_fd >= 0)
		close(u->lock_fd);
	u->fd = -1;
	u->lock_fd = -1;
	u->owner = 0;
}

/*
 * Connecting.
 */

int
unixsock_connect(const char *path, int *out)
{
	struct sockaddr_un sun;
	int fd, rc, saved;

	*out = -1;
	if (strlen(path) >= UNIXSOCK_PATH_MAX)
		return ST_TOO_LARGE;
	/* An empty name would be one in the abstract namespace. */
	if (path[0] == '\0')
		return ST_NOT_FOUND;

	sun = address_of(path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return ST_SYSTEM;
	do {
		rc = connect(fd, (const struct sockaddr *)&sun, sizeof(sun));
	} while (rc != 0 && errno == EINTR);
	if (rc == 0) {
		*out = fd;
		return ST_OK;
	}
	saved = errno;
	close(fd);
	errno = saved;
	switch (saved) {
	case ENOENT:
	case ENOTDIR:
		return ST_NOT_FOUND;
	case ECONNREFUSED:
		return ST_CLOSED;
	case EACCES:
	case EPERM:
		return ST_DENIED;
	default:
		return ST_SYSTEM;
	}
}

int
unixsock_peer(int fd, struct unixsock_peer *out)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	memset(out, 0, sizeof(*out));
	out->uid = (uid_t)-1;
	out->gid = (gid_t)-1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return ST_SYSTEM;
	/* What was never connected has nobody at the other end. */
	if (cred.uid == (uid_t)-1) {
		errno = ENOTCONN;
		return ST_SYSTEM;
	}
	out->uid = cred.uid;
	out->gid = cred.gid;
	out->pid = cred.pid;

	len = sizeof(out->groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, out->groups, &len) == 0)
		out->ngroups = len / sizeof(out->groups[0]);
	else if (errno == ERANGE)
		return ST_TOO_LARGE;
	else if (errno != ENOPROTOOPT)	/* before Linux 4.13 */
		return ST_SYSTEM;
	return ST_OK;
}

bool
unixsock_no_descriptors(int fd)
{
	const int off = 0;

	/* A connection has it from its listener, as it was when it was made. */
	return setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off,
	    sizeof(off)) == 0;
}

int
unixsock_senders(int fd)
{
	const int on = 1;

	/* A connection has the flag from its listener: as it was when it was
	 * accepted, and from Linux 6.16 on when it was made. */
	return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0 ?
	    ST_OK : ST_SYSTEM;
}

bool
unixsock_has_senders(int fd)
{
	socklen_t len = sizeof(int);
	int on = 0;

	return getsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, &len) == 0 &&
	    on != 0;
}
