#ifndef RULES_H_
#define RULES_H_

/*
 * rules - what one key may be used for, and where.
 *
 * Layer:   agent.  No clock, no crypto: the caller says what time it is.
 * Memory:  copies what it keeps of a request, in ordinary memory.
 * Source:  docs/PROTOCOL.md "Rules of a key".
 *
 * What is signed is a login (a userauth request for that very key, or, without
 * destinations, for a certificate of it), an SSHSIG
 * with its namespace, or something else.  Where purposes were given they say
 * which of these it may be, and destinations are about logins alone.  Where
 * only destinations were given, nothing but logins is signed, as in OpenSSH.
 * Without either it is logins and the namespace git in service mode, and
 * anything in ssh-agent mode.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/binding.h"
#include "base/status.h"
#include "proto/constraint.h"
#include "proto/signdata.h"
#include "proto/wire.h"

struct rules {
	uint8_t		*bytes;		/* of the two that follow */
	struct slice	 destinations, purposes;
	bool		 service;	/* what goes without purposes */
	bool		 unbound;
	bool		 counted;	/* only `left` more signatures */
	uint32_t	 left;
	uint32_t	 rate_n, rate_s;
	int64_t		*recent;	/* when the last rate_n were made, ms */
	uint32_t	 next;		/* the oldest of them */
};

/* Where a request came from, and when. */
struct rules_place {
	const struct bindings	*binds;
	int64_t			 now_ms;	/* monotonic */
	int64_t			 wall_s;	/* seconds since 1970 */
};

/**
 * rules_init(r, c, service), rules_fini(r):
 * Those that the constraints of an add make.
 *
 * Errors: ST_NOMEM
 */
int rules_init(struct rules *r, const struct constraints *c, bool service)
    MUST_USE;
void rules_fini(struct rules *r);

/**
 * rules_size(r):
 * Bytes of memory that they take.
 */
size_t rules_size(const struct rules *r);

/**
 * rules_visible(r, at, why), rules_listed(r, at):
 * Whether the key is there at all for a connection; and whether it belongs in
 * a list for it: in service mode, one that could not log in where the
 * connection is bound to does not.
 *
 * Errors: ST_DENIED  *${why} is a static line for people
 */
int rules_visible(const struct rules *r, const struct rules_place *at,
    const char **why) MUST_USE;
bool rules_listed(const struct rules *r, const struct rules_place *at);

/**
 * rules_sign(r, at, d, blob, why):
 * Whether the key with the public ${blob} may sign what was classified as
 * ${d}.  Does not look at how often.
 *
 * Errors: ST_DENIED  *${why} is a static line for people
 */
int rules_sign(const struct rules *r, const struct rules_place *at,
    const struct signdata *d, struct slice blob, const char **why) MUST_USE;

/**
 * rules_spend(r, now_ms, why):
 * Count one signature, which is about to be made.
 *
 * Errors: ST_DENIED  there were too many, or too many lately; nothing counted
 */
int rules_spend(struct rules *r, int64_t now_ms, const char **why) MUST_USE;

#endif /* !RULES_H_ */
