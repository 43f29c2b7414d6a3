#ifndef CLIENT_H_
#define CLIENT_H_

/*
 * client - what the programs that measure an agent share: connections, whole
 * frames, and how long things took.
 *
 * What goes wrong ends the program with a line on stderr: a figure that was
 * got in spite of it would be wrong.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/keyblob.h"
#include "proto/wire.h"

/* A reply that takes longer than this will not come, in seconds. */
#define CLIENT_REPLY_S	30

/**
 * client_number(text, max):
 * From 1 to ${max}.
 */
size_t client_number(const char *text, size_t max);

/**
 * client_seconds(text):
 * Up to CLIENT_SECONDS_MAX, with a fraction.
 */
#define CLIENT_SECONDS_MAX	3600
double client_seconds(const char *text);

/**
 * client_become(text):
 * Be that uid, with the gid of the same number and no other group.
 */
void client_become(const char *text);

/**
 * client_dial(path, wait):
 * A connection.  Without ${wait} the socket does not block, and -1 says that
 * the agent's queue is full.
 */
int client_dial(const char *path, bool wait);

/**
 * client_send(fd, out):
 * All of it.
 */
void client_send(int fd, struct slice out);

/**
 * client_receive(fd):
 * The body of the next reply, in memory that the next call uses again.
 */
struct slice client_receive(int fd);

/**
 * client_list(path):
 * The body of the agent's answer to a list, as client_receive().
 */
struct slice client_list(const char *path);

/* A walk over the keys of such an answer. */
struct client_keys {
	struct wire_reader	 r;
	uint32_t		 left;
};

/**
 * client_keys(list), client_keys_next(k, blob, key):
 * The plain keys of ${list}, one after the other; false when there are no more.
 * Everything borrows from ${list}.
 */
struct client_keys client_keys(struct slice list);
bool client_keys_next(struct client_keys *k, struct slice *blob,
    struct public_fields *key);

/* Times within a factor of two share that many columns, so that a quantile is
 * exact to a fifth of a percent. */
#define CLIENT_COLUMNS	256
#define CLIENT_COLUMNS_ALL	(CLIENT_COLUMNS * 57)

/* How long things took, in nanoseconds; all zeroes at the start. */
struct client_times {
	uint64_t	 n;
	uint64_t	 sum;
	uint64_t	 max;
	uint32_t	 count[CLIENT_COLUMNS_ALL];
};

/**
 * client_time(t, ns):
 * One more.
 */
void client_time(struct client_times *t, int64_t ns);

/**
 * client_quantile(t, q):
 * The time, in microseconds, below which the share ${q} of them lies; 0 when
 * there are none.
 */
double client_quantile(const struct client_times *t, double q);

#endif /* !CLIENT_H_ */
