#ifndef PLACEHOME_H_
#define PLACEHOME_H_

/*
 * placehome - the files of a load in the home of a user: staged out of sight,
 * switched, and then kept or undone.
 *
 * Layer:   forwarder.
 * Source:  docs/PROTOCOL.md section 12.
 *
 * Everything is done relative to open directories, and no symlink below the
 * home is followed.  The home, .ssh and .ssh/bottle-agent belong to us; those
 * below the home can be written by nobody else.  Whoever works in a home holds
 * a lock (flock(2)) on its .ssh/bottle-agent: what lies about there with a name
 * of ours and is not of this run was left by one that was killed.  What is
 * staged has a mark (see placemark.h), from which placesettle.h makes whole
 * what such a run has left.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/status.h"
#include "base/users.h"
#include "forwarder/placeswap.h"
#include "proto/placepipe.h"

/* Below the home. */
#define PLACEHOME_SSH		".ssh"
#define PLACEHOME_DIR		PLACEHOME_SSH "/bottle-agent"
/* In the home, while a remove takes an .ssh away that a load has made. */
#define PLACEHOME_LEFT		".bottle-place.made-ssh"
/* Longest file that lines are put into. */
#define PLACEHOME_FILE_MAX	(4 * 1024 * 1024)
/* How long another one in the same home is waited for, in milliseconds. */
#define PLACEHOME_LOCK_MS	10000
/* A path, and what is wrong there. */
#define PLACEHOME_WHY_MAX	(USERS_HOME_MAX + 1024)
/* ".NAME.XXXXXX" */
#define PLACEHOME_LOAD_MAX	(PLACEPIPE_NAME_MAX + PLACESWAP_RANDOM + 3)

struct placerecord;

struct placehome {
	/* Of the caller. */
	char			 home[USERS_HOME_MAX];
	char			 name[PLACEPIPE_NAME_MAX + 1];	/* of the load */
	char			 socket[PLACEPIPE_SOCKET_MAX + 1];	/* of the
							 * agent */
	int			 stop_fd;	/* readable: wait no longer */
	bool			 find_only;	/* make no directories */

	int			 home_fd, ssh_fd, dir_fd, load_fd;
	bool			 made_ssh, made_dir;	/* go with an undo */
	bool			 locked;
	char			 load[PLACEHOME_LOAD_MAX];	/* of this run */
	char			 earlier[PLACEHOME_LOAD_MAX];
	struct placeswap	 link;		/* NAME: the last one to go */
	struct placeswap	*swap;		/* all others */
	size_t			 n;
	struct placerecord	*record;	/* while it is staged */
	bool			 recorded;	/* it names the load */
	char			 why[PLACEHOME_WHY_MAX];
};

/**
 * placehome_init(h):
 * Nothing is open.
 */
void placehome_init(struct placehome *h);

/**
 * placehome_fail(h, st, fmt, ...), placehome_fail_sys(h, what, path):
 * Put one line in ${h}->why and return ${st}; the other one for a system call
 * that failed on a path below the home, with errno.
 */
int placehome_fail(struct placehome *h, int st, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
int placehome_fail_sys(struct placehome *h, const char *what,
    const char *path);

/**
 * placehome_trust(h, sb, type, path, others):
 * Whether what is at a path below the home is of that type (S_IFREG, S_IFDIR),
 * belongs to us, and has none of the bits ${others} in its mode.
 *
 * Errors: ST_UNTRUSTED
 */
int placehome_trust(struct placehome *h, const struct stat *sb, mode_t type,
    const char *path, mode_t others) MUST_USE;

/**
 * placehome_open(h):
 * Open the home and make and open the directories in it, and take the lock.
 *
 * Errors: as placehome_stage(); with ${h}->find_only ST_NOT_FOUND without a
 *         word in ${h}->why is a directory that is not there
 */
int placehome_open(struct placehome *h) MUST_USE;

/**
 * placehome_walk(h, path, at, owns):
 * Open the directory that a path below the home is in: that of ssh, the home
 * itself, or one for which ${owns} says that it is to be closed.  No symlink is
 * followed, and each one on the way is ours alone.
 *
 * Errors: as placehome_stage(); there is nothing to close
 */
int placehome_walk(struct placehome *h, const char *path, int *at, bool *owns)
    MUST_USE;

/*
 * What is common to putting files there and to taking them away.
 *
 * placehome_path(s, dir, name):
 * A path below the home: of a directory, and a name in it.
 *
 * placehome_add(h, dfd, owns, from):
 * The next of the swaps, for which there must be room; it counts from here on.
 *
 * placehome_look(h, s, others, sb):
 * What is there; it must be nothing, or a plain file as placehome_trust() has
 * it.
 *
 * placehome_others(path):
 * The bits of others that must not be set.
 *
 * placehome_read(h, s, out, len):
 * All of a file that is there.  The caller frees it, also after an error.
 *
 * placehome_swap(h, s):
 * Swap one.
 *
 * Errors: as placehome_stage()
 */
void placehome_path(struct placeswap *s, const char *dir, struct slice name);
struct placeswap *placehome_add(struct placehome *h, int dfd, bool owns,
    const struct placeswap *from);
int placehome_look(struct placehome *h, struct placeswap *s, mode_t others,
    struct stat *sb) MUST_USE;
mode_t placehome_others(const char *path);
int placehome_read(struct placehome *h, const struct placeswap *s, char **out,
    size_t *len) MUST_USE;
int placehome_swap(struct placehome *h, struct placeswap *s) MUST_USE;

/**
 * placehome_type(mode):
 * What something is, in words.
 */
const char *placehome_type(mode_t mode);

/**
 * placehome_stage(h, frames, n):
 * Write all that the frames FILE, COMMON and LINE say, into a home that was
 * opened; the mark of it is the last.
 *
 * Errors: ST_UNTRUSTED  something there is not what it has to be
 *         ST_NOT_FOUND  no such home or directory
 *         ST_BUSY       somebody else is at it
 *         ST_CLOSED     stop_fd
 *         ST_MALFORMED  something is named twice
 *         ST_TOO_LARGE  PLACEHOME_FILE_MAX
 *         ST_NOMEM, ST_SYSTEM
 *         ${h}->why is one line that says what is wrong, where, and what to
 *         do; placehome_undo() is to be called.
 */
int placehome_stage(struct placehome *h, const struct placepipe_frame *frames,
    size_t n) MUST_USE;

/**
 * placehome_switch(h):
 * Put it in the place of what is there.
 *
 * Errors: ST_BUSY, ST_SYSTEM, as above
 */
int placehome_switch(struct placehome *h) MUST_USE;

/**
 * placehome_keep(h):
 * Remove what was there before, and what killed runs have left.
 */
void placehome_keep(struct placehome *h);

/**
 * placehome_clean(h):
 * Remove what killed runs have left and no load has.
 */
void placehome_clean(struct placehome *h);

/**
 * placehome_undo(h):
 * Make everything as it was.
 *
 * Errors: ST_SYSTEM  ${h}->why says what could not be put back
 */
int placehome_undo(struct placehome *h) MUST_USE;

/**
 * placehome_leave_ssh(h, record), placehome_drop_ssh(h):
 * Note in the home that a load has made .ssh, by moving the file ${record} of
 * the directory of loads there unless it is NULL; and remove such an .ssh if
 * nothing is in it, and the note.  Who is killed in between leaves the note for
 * the next one that opens the home.
 */
void placehome_leave_ssh(struct placehome *h, const char *record);
void placehome_drop_ssh(struct placehome *h);

/**
 * placehome_fini(h):
 * Close and release, which gives the lock back.
 */
void placehome_fini(struct placehome *h);

#endif /* !PLACEHOME_H_ */
