#ifndef CONSTRAINT_H_
#define CONSTRAINT_H_

/*
 * constraint - what an added key is limited to.
 *
 * Layer:   proto.
 * Source:  RFC 9987 "Key Constraints"; replies and duplicates as in OpenSSH.
 */

#include "proto/wire.h"

struct constraints {
	bool		 has_lifetime;
	bool		 confirm;	/* each use needs somebody's yes */
	uint32_t	 lifetime_s;	/* seconds; 0 expires at once */
};

/**
 * constraint_parse(in, out):
 * Decode all constraints; ${in} is the rest of an add request.
 *
 * Errors: ST_MALFORMED    a body is cut short, or a constraint comes twice
 *         ST_UNSUPPORTED  a constraint that we do not enforce: the add must
 *                         then be refused, since ignoring it would grant more
 *                         than was asked for
 */
int constraint_parse(struct slice in, struct constraints *out) MUST_USE;

/**
 * constraint_put(w, c):
 * Append the constraints in ${c}.
 */
void constraint_put(struct wire_writer *w, const struct constraints *c);

#endif /* !CONSTRAINT_H_ */
