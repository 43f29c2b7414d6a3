#ifndef PLACEASK_H_
#define PLACEASK_H_

/*
 * placeask - whether an agent has the keys that files were placed for.
 *
 * Layer:   forwarder.
 * Source:  RFC 9987, REQUEST_IDENTITIES.
 */

#include <stdbool.h>
#include <stddef.h>

#include "proto/wire.h"

/* How long it is asked, and how long between two times, in milliseconds. */
#define PLACEASK_MS		3000
#define PLACEASK_RETRY_MS	200

/**
 * placeask_key(text):
 * The key in the text of a .pub file, in base64; empty if there is none.
 */
struct slice placeask_key(struct slice text);

/**
 * placeask_has(socket, keys, n):
 * Ask the agent at ${socket} until it lists all of the ${n} keys, which are in
 * base64.  Without keys the answer is no.
 */
bool placeask_has(const char *socket, const struct slice *keys, size_t n);

#endif /* !PLACEASK_H_ */
