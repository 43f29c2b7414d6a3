#ifndef LIMITS_H_
#define LIMITS_H_

/*
 * limits - everything that a peer can make the agent keep or wait for.
 *
 * Layer:   agent.  What the protocol itself limits is in proto/:
 *          FRAME_BODY_MAX, REPLY_IDENTITIES_MAX, REPLY_BODY_MAX; records of
 *          decisions are limited in agent/audit.h.
 *
 * Those with a name can be changed by --limit NAME=N; they hold in service
 * mode.  uid 0 has its own reserve, and no limits of one uid.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum limit_id {
	LIMIT_ID_CONNECTIONS,	/* open connections of all peers together */
	LIMIT_ID_CONNECTIONS_UID,	/* of one uid */
	LIMIT_ID_CONNECTIONS_ROOT,	/* of the first, those that only uid 0
					 * may use */
	LIMIT_ID_FRAME_TIME,	/* ms that a begun frame may take to be whole */
	LIMIT_ID_UNREAD_TIME,	/* ms until LIMIT_UNREAD_STEP more bytes of the
				 * replies that wait are taken */
	LIMIT_ID_BYTES,		/* bytes kept for all uids but 0: begun frames,
				 * replies that wait, binds, jobs */
	LIMIT_ID_BYTES_UID,	/* of one uid */
	LIMIT_ID_QUESTION_TIME,	/* ms that a question about a key may wait for
				 * its answer; 0: for ever */
	LIMIT_ID_QUESTIONS_UID,	/* questions of one uid that wait; 0: any
				 * number */
	LIMITS
};

struct limits {
	uint64_t	 value[LIMITS];
};

/**
 * limits_init(l):
 * What holds when nothing is said.
 */
void limits_init(struct limits *l);

/**
 * limits_name(id):
 * "connections-uid".
 */
const char *limits_name(enum limit_id id);

/**
 * limits_set(l, text, why, whylen):
 * Change one, by NAME=N.
 *
 * Errors: ST_MALFORMED  ${why} says what would be right
 */
int limits_set(struct limits *l, const char *text, char *why, size_t whylen)
    MUST_USE;

/* What they are when nothing is said.  Milliseconds; bytes. */
#define LIMIT_CONNECTIONS	1024
#define LIMIT_CONNECTIONS_UID	256
#define LIMIT_CONNECTIONS_ROOT	16
#define LIMIT_FRAME_MS		10000
#define LIMIT_UNREAD_MS		10000
#define LIMIT_BYTES		(64 * 1024 * 1024)
#define LIMIT_BYTES_UID		(16 * 1024 * 1024)
#define LIMIT_QUESTION_MS	60000
#define LIMIT_QUESTIONS_UID	8

/* Descriptors that are kept back for everything but connections. */
#define LIMIT_FD_RESERVE	16

/* Connections waiting to be accepted; the kernel may allow fewer. */
#define LIMIT_BACKLOG		4096

/* How long connections are accepted, and how many requests of one connection
 * are served and for how long, before others have their turn.  A turn ends with
 * the request after which it has lasted that long, in microseconds. */
#define LIMIT_TURN_ACCEPTS	16
#define LIMIT_TURN_REQUESTS	64
#define LIMIT_TURN_US		10

/* Bytes that are read at a time from one who has more for us than there is time
 * for, while others are served beside him: all of it is looked through. */
#define LIMIT_READ_BRIEF	2048

/* Replies to one who asks ahead of them are sent together while others are
 * served beside him, until there are that many bytes: to wake a process can
 * take longer than to serve it. */
#define LIMIT_TOGETHER		(128 * 1024)

/* Bytes of replies that wait for one peer to read them; while there is no
 * room for the largest reply, nothing more is read from it. */
#define LIMIT_REPLIES		(512 * 1024)

/* The kernel takes replies in pieces of some 36 KiB, so that one who reads 64
 * KiB within the unread-time is safe. */
#define LIMIT_UNREAD_STEP	(16 * 1024)

#endif /* !LIMITS_H_ */
