#ifndef LIMITS_H_
#define LIMITS_H_

/*
 * limits - everything that a peer can make the agent keep or wait for.
 *
 * Layer:   agent.  Numbers only.  What the protocol itself limits is in
 *          proto/: FRAME_BODY_MAX, REPLY_IDENTITIES_MAX, REPLY_BODY_MAX.
 */

/* Open connections, in service mode: of all peers together, of one uid, and
 * how many of the first only uid 0 may use. */
#define LIMIT_CONNECTIONS	1024
#define LIMIT_CONNECTIONS_UID	256
#define LIMIT_CONNECTIONS_ROOT	16

/* Descriptors that are kept back for everything but connections. */
#define LIMIT_FD_RESERVE	16

/* Connections waiting to be accepted; the kernel may allow fewer. */
#define LIMIT_BACKLOG		4096

/* Connections accepted, and requests served for one connection, before others
 * have their turn. */
#define LIMIT_TURN_ACCEPTS	64
#define LIMIT_TURN_REQUESTS	64
/* A turn ends with the request after which it has lasted this long, in
 * milliseconds: one RSA signature as a rule. */
#define LIMIT_TURN_MS		2

/* Bytes of replies that wait for one peer to read them; while there is no
 * room for the largest reply, nothing more is read from it. */
#define LIMIT_REPLIES		(512 * 1024)

/* How long a begun frame may take to be complete, and how long it may take
 * until the kernel takes LIMIT_UNREAD_STEP more bytes of the replies that wait
 * for a peer.  It does so in pieces of some 36 KiB, so that one who reads 64
 * KiB in that time is safe.  Milliseconds; bytes. */
#define LIMIT_FRAME_MS		10000
#define LIMIT_UNREAD_MS		10000
#define LIMIT_UNREAD_STEP	(16 * 1024)

#endif /* !LIMITS_H_ */
