#ifndef HOSTS_H_
#define HOSTS_H_

/*
 * hosts - the hosts of fuzz/model.h in bytes: their keys and certificates,
 * destinations that name them, and binds to them.
 *
 * The keys are made of fixed seeds, so that every run is the same.
 */

#include "fuzz/model.h"
#include "proto/wire.h"

#define HOSTS_SESSIONS	32
/* Room for what hosts_put_pairs() writes. */
#define HOSTS_LIST_MAX	4096

/* Make all of it; once. */
void hosts_init(void);

/* The blob of an end, below MODEL_ENDS. */
struct slice hosts_blob(unsigned end);

/* A session id, below HOSTS_SESSIONS. */
struct slice hosts_session(unsigned session);

/* Pairs as restrict-destination-v00@openssh.com has them, from the first to
 * the last or the other way round. */
void hosts_put_pairs(struct wire_writer *w, const struct model_pair *pairs,
    size_t n, bool reverse);

/* Append the signature of a plain end over all that is in w. */
void hosts_put_signature(struct wire_writer *w, unsigned end);

/* What follows the name in session-bind@openssh.com; flip is laid over a byte
 * of the signature: 0 for a good one. */
void hosts_put_bind(struct wire_writer *w, const struct model_bind *b,
    uint8_t flip);

#endif /* !HOSTS_H_ */
