#ifndef INBOX_H_
#define INBOX_H_

/*
 * inbox - what arrives on one connection, until it is whole requests.
 *
 * Layer:   agent.
 * Memory:  all connections read into one piece of the vault, the intake, and
 *          whole requests are served from there.  Only what is left at the
 *          end of a turn, the beginning of a frame as a rule, is kept by the
 *          connection itself: in the vault when it can contain a secret, else
 *          in ordinary memory that grows as bytes arrive.
 * Secrets: adds and locks.  From a peer whose rules do not allow them they
 *          are not kept at all but counted and thrown away.  Of one that
 *          arrives in pieces only the secret part is kept in the vault, in a
 *          piece that grows as the lengths of its fields become known; the
 *          rest, its constraints, is in ordinary memory.
 *
 * A turn is: inbox_read() unless inbox_waiting(), then inbox_next() until it
 * has nothing more or the caller has had enough, then inbox_settle().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/dispatch.h"
#include "base/status.h"
#include "proto/wire.h"

/* Most frames that may be in the vault at the same time: one for each uid, so
 * that nobody fills the vault with what it never finishes.  One of them is kept
 * for uid 0. */
#define INTAKE_HOLDERS	17

/* The shared piece of the vault that everything is read into, and who has a
 * frame under way in a piece of its own. */
struct intake {
	uint8_t	*p;
	size_t	 cap;
	size_t	 used;		/* bytes to be wiped at the end of the turn */
	bool	 senders;		/* the sockets say who sent what: see
					 * unixsock_senders() */
	size_t	 n_holders;
	uid_t	 holders[INTAKE_HOLDERS];
};

struct inbox {
	struct slice	 rest;		/* not served yet: in own or intake */
	uint8_t		*own;		/* what this connection keeps */
	size_t		 cap;
	bool		 locked;	/* own is a piece of the vault */
	uid_t		 holder;	/* while locked: in whose name */
	bool		 split;		/* rest is the secret part of one frame,
					 * and what follows goes to tail */
	bool		 wiped;		/* the frames with a secret in rest
					 * were, for want of locked memory */
	uint8_t		*tail;
	size_t		 tail_len, tail_cap;
	size_t		 skip;		/* bytes to come of one thrown away */
	enum reason	 thrown;	/* such a frame is complete, or will be:
					 * why */
	uint8_t		 thrown_type;
	bool		 foreign;	/* bytes came from another uid than the
					 * one that connected: stays so */
	uid_t		 sender;	/* the first one that did; -1: one that
					 * is not known */
	bool		 laden;		/* what was read last had something along
					 * that we do not take */
};

/**
 * intake_init(in), intake_fini(in):
 *
 * Errors: ST_FULL  no room in the vault
 */
int intake_init(struct intake *in) MUST_USE;
void intake_fini(struct intake *in);

/**
 * inbox_fini(box, intake):
 * Wipe and release.  May be called twice.
 */
void inbox_fini(struct inbox *box, struct intake *intake);

/**
 * inbox_read(box, peer, intake, fd, most):
 * Receive some bytes of ${peer}, ${most} or fewer.  Where the kernel says that
 * another one has sent them, who is not root, the box is foreign from then on,
 * and ->sender who that was; where descriptors came along, which are not taken,
 * it is laden until the next call.
 *
 * Errors: ST_MORE    nothing there now
 *         ST_CLOSED  end of file, or the peer is gone
 *         ST_NOMEM   no memory to keep the frame under way
 */
int inbox_read(struct inbox *box, const struct peer *peer,
    struct intake *intake, int fd, size_t most) MUST_USE;

/* A whole request: ${tail} follows ${body}, or is empty. */
struct inbox_item {
	struct slice	 body, tail;
	enum reason	 thrown;	/* why it was thrown away, or NONE */
	uint8_t		 thrown_type;
};

/**
 * inbox_next(box, peer, out):
 * Take the next whole request.
 *
 * Owns:   ${out} borrows until inbox_settle().
 * Errors: ST_MORE       none is complete
 *         ST_DENIED     one was thrown away, ${out} says which and why
 *         ST_MALFORMED, ST_TOO_LARGE  the stream is broken: drop the peer
 */
int inbox_next(struct inbox *box, const struct peer *peer,
    struct inbox_item *out) MUST_USE;

/**
 * inbox_settle(box, peer, intake):
 * End the turn: keep what is not served, leave the intake clean.
 *
 * Errors: ST_NOMEM  it cannot be kept: drop the peer
 */
int inbox_settle(struct inbox *box, const struct peer *peer,
    struct intake *intake) MUST_USE;

/**
 * inbox_waiting(box):
 * Whether a whole request, or a broken one, is there already.
 */
bool inbox_waiting(const struct inbox *box);

/**
 * inbox_begun(box):
 * Whether a frame was begun and is not complete.
 */
bool inbox_begun(const struct inbox *box);

#endif /* !INBOX_H_ */
