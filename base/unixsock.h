#ifndef UNIXSOCK_H_
#define UNIXSOCK_H_

/*
 * unixsock - Unix stream sockets: trusted paths, listening, connecting, peers.
 *
 * Layer:   base.
 * Source:  unix(7).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"

/* Longest path of a socket with its NUL (sizeof sun_path). */
#define UNIXSOCK_PATH_MAX	108
/* Most supplementary groups of a peer that are looked at. */
#define UNIXSOCK_GROUPS_MAX	256

/* Who is at the other end, as the kernel says: at connect(2), or at
 * listen(2) when we are the client. */
struct unixsock_peer {
	uid_t	 uid;
	gid_t	 gid;
	pid_t	 pid;		/* 0 when in another PID namespace */
	size_t	 ngroups;
	gid_t	 groups[UNIXSOCK_GROUPS_MAX];
};

struct unixsock_spec {
	const char	*path;
	mode_t		 mode;		/* of the socket: 0600 or 0666 */
	bool		 takeover;	/* lock PATH.lock, replace a dead one */
	bool		 check_dir;	/* refuse one others can change */
	bool		 senders;	/* unixsock_senders(), from the first
					 * connection on */
	int		 backlog;
};

/* A listening socket and what is needed to take it away again. */
struct unixsock {
	int		 fd;
	int		 lock_fd;	/* -1 without takeover */
	pid_t		 owner;		/* only this process removes the file */
	char		 path[UNIXSOCK_PATH_MAX];	/* absolute */
	uint64_t	 dev, ino;	/* of the file that we made */
};

/**
 * unixsock_resolve(path, out, why, whylen):
 * Make ${path} absolute with every symlink in its directory part resolved;
 * the last part need not exist.
 *
 * Errors: ST_TOO_LARGE  longer than a socket path can be
 *         ST_NOT_FOUND  the directory does not exist
 *         ST_SYSTEM
 *         ${why} then holds one line.
 */
int unixsock_resolve(const char *path, char out[static UNIXSOCK_PATH_MAX],
    char *why, size_t whylen) MUST_USE;

/**
 * unixsock_trust(path, why, whylen):
 * Whether nobody but root and our own uid can change what ${path}, a result of
 * unixsock_resolve(), leads to: its directory belongs to root or to us and is
 * not writable by group or others; those above it belong to root or to us and
 * are not writable by group or others unless sticky; and ${path} itself is no
 * symlink.
 *
 * Errors: ST_UNTRUSTED  ${why} names the directory and what is wrong with it
 *         ST_SYSTEM
 */
int unixsock_trust(const char *path, char *why, size_t whylen) MUST_USE;

/**
 * unixsock_listen(out, spec, why, whylen):
 * Bind and listen, non-blocking and close-on-exec.  The mode is in force from
 * the moment that the file exists.
 *
 * Without takeover an existing file is an error and is not touched.  With it,
 * ${path}.lock is locked (flock(2)) for as long as the socket is held; a file
 * at ${path} that is a socket on which nobody listens is replaced; one that
 * is not a socket is never touched.
 *
 * Errors: ST_BUSY       somebody serves the socket, or is about to
 *         ST_DENIED     takeover, and what lies at the path is no socket, or
 *                       what lies at PATH.lock is not a plain file of root
 *                       or ours; nothing was touched
 *         ST_UNTRUSTED  check_dir, and unixsock_trust() said no
 *         ST_TOO_LARGE, ST_NOT_FOUND  from unixsock_resolve()
 *         ST_SYSTEM
 *         ${why} holds one line that names the path and, where there is one,
 *         the way out.  Nothing is left behind but the lock file, and
 *         unixsock_close(${out}) does nothing.
 */
int unixsock_listen(struct unixsock *out, const struct unixsock_spec *spec,
    char *why, size_t whylen) MUST_USE;

/**
 * unixsock_close(u):
 * Stop listening.  In the process that owns it, the file is removed if it is
 * still the one that we made (device and inode); in any other process only
 * the descriptors are closed.  The lock file stays.  May be called twice.
 */
void unixsock_close(struct unixsock *u);

/**
 * unixsock_connect(path, out):
 * A connected, blocking, close-on-exec descriptor.
 *
 * Errors: ST_NOT_FOUND  no such file
 *         ST_CLOSED     nobody listens there
 *         ST_DENIED     no permission
 *         ST_TOO_LARGE  the path does not fit
 *         ST_SYSTEM
 */
int unixsock_connect(const char *path, int *out) MUST_USE;

/**
 * unixsock_peer(fd, out):
 * SO_PEERCRED and SO_PEERGROUPS of a connected socket.
 *
 * Errors: ST_TOO_LARGE  more groups than we look at; uid, gid, pid are set
 *                       and ngroups is 0
 *         ST_SYSTEM
 */
int unixsock_peer(int fd, struct unixsock_peer *out) MUST_USE;

/**
 * unixsock_no_descriptors(fd):
 * From now on nobody can send descriptors over connections to the listening
 * ${fd}.  To close one that nobody else has can take as long as who sent it
 * likes (SO_LINGER), whether it was received or not.  False: the kernel has no
 * such thing, as before Linux 6.16.
 */
bool unixsock_no_descriptors(int fd);

/**
 * unixsock_senders(fd), unixsock_has_senders(fd):
 * From now on what is received over connections to the listening ${fd} comes
 * with the credentials of who has sent it (SCM_CREDENTIALS): a connection can
 * be passed on to somebody else.  Connections that wait to be accepted do not
 * have that from Linux 6.16 on.  And whether it was asked for before.
 *
 * Errors: ST_SYSTEM
 */
int unixsock_senders(int fd) MUST_USE;
bool unixsock_has_senders(int fd);

#endif /* !UNIXSOCK_H_ */
