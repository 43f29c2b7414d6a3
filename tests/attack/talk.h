#ifndef TALK_H_
#define TALK_H_

/*
 * talk - speak with the agent as a peer that need not be polite.
 *
 * Layer:   tests.  Messages that a library would not send are the point: what
 *          goes out is bytes.
 */

#include <stdbool.h>

#include "proto/wire.h"

/* What stands for a reply where none came. */
#define TALK_CLOSED	0
#define TALK_SILENCE	(-1)

/* How long a reply is waited for. */
#define TALK_WAIT_MS	8000

/**
 * talk_path():
 * $SSH_AUTH_SOCK, or where the agent of a container is.
 */
const char *talk_path(void);

/**
 * talk_connect():
 * A new connection, or -1 and errno.
 */
int talk_connect(void);

/**
 * talk_send(fd, body), talk_send_bytes(fd, bytes):
 * Send one message, or bytes as they are; false: the agent has hung up.
 */
bool talk_send(int fd, struct slice body);
bool talk_send_bytes(int fd, struct slice bytes);

/**
 * talk_receive(fd, reply):
 * Wait for one reply: its number, TALK_CLOSED or TALK_SILENCE.
 *
 * Owns:   ${reply} is the whole body, until the next call; NULL is fine.
 */
int talk_receive(int fd, struct slice *reply);

/**
 * talk_ask(fd, body, reply), talk_once(body):
 * Send one message and wait for its reply, on this connection or on one of its
 * own.
 */
int talk_ask(int fd, struct slice body, struct slice *reply);
int talk_once(struct slice body);

/* What the agent lists. */
#define TALK_KEYS_MAX	64

struct talk_ring {
	uint8_t		*bytes;		/* the reply as it came */
	size_t		 len;
	size_t		 n;
	struct {
		struct slice	 blob;
		struct slice	 comment;
	}		 keys[TALK_KEYS_MAX];
};

/**
 * talk_list(ring):
 * The keys; false: the agent does not list any that could be read.
 *
 * Owns:   ${ring}->bytes is allocated; one that dies soon need not free it.
 */
bool talk_list(struct talk_ring *ring);

/**
 * talk_key(comment):
 * The blob of the key with that comment; an attack without it cannot be tried,
 * and ends with 2.
 */
struct slice talk_key(const char *comment);

#endif /* !TALK_H_ */
