#ifndef PERMIT_H_
#define PERMIT_H_

/*
 * permit - whether a key's destinations allow something on a connection.
 *
 * Layer:   agent.  A function of its arguments: no clock, no crypto.
 * Source:  OpenSSH's PROTOCOL.agent, "restrict-destination-v00@openssh.com",
 *          and what its agent makes of it (identity_permitted).
 */

#include <stdint.h>

#include "agent/binding.h"
#include "agent/reason.h"
#include "base/status.h"
#include "proto/signdata.h"
#include "proto/wire.h"

/**
 * permit_visible(list, b, now_s, why):
 * Whether a key with the destinations ${list} (checked; empty: none) may be
 * seen, removed and replaced on a connection with the binds ${b}.  Host
 * certificates must be good at ${now_s}, seconds since 1970.
 *
 * Errors: ST_DENIED  no; *${why} says why
 */
int permit_visible(struct slice list, const struct bindings *b, int64_t now_s,
    enum reason *why) MUST_USE;

/**
 * permit_auth(list, b, d, now_s, why):
 * Whether such a key may sign the userauth request ${d}: there is a bind, the
 * last one is not for forwarding, the request is for its session and, where
 * the request names a host key, for that one; with several binds it must; and
 * the destinations lead here, for that user.  Always yes for an empty ${list}.
 *
 * Errors: ST_DENIED  no; *${why} says why
 */
int permit_auth(struct slice list, const struct bindings *b,
    const struct signdata *d, int64_t now_s, enum reason *why) MUST_USE;

/**
 * permit_user(list, user):
 * Whether some pair of ${list} leads anywhere as ${user}: all that can be said
 * for a key that may be used without a bind.  Always yes for an empty ${list}.
 */
bool permit_user(struct slice list, struct slice user);

#endif /* !PERMIT_H_ */
