#ifndef VIEW_H_
#define VIEW_H_

/*
 * view - requests, taken apart for the rows of the table of differences.
 *
 * Only what a row must know to be narrow is looked at; a request that is not
 * whole is not that request.
 */

#include <stdbool.h>
#include <stdint.h>

#include "differential/material.h"
#include "proto/wire.h"

/* ADD_IDENTITY and ADD_ID_CONSTRAINED. */
struct view_add {
	enum material_kind kind;
	const struct material_key *certified;	/* key of the certificate, or
						 * NULL: none */
	bool		 other_curve;		/* the certificate is not for
						 * that of the type name */
	struct slice	 pk, sk;		/* Ed25519 */
	struct slice	 point, d;		/* ECDSA */
	struct slice	 n, e, rsa_d, iqmp, p, q;
	struct slice	 comment;
	struct slice	 constraints;
};

/* One constraint. */
struct view_constraint {
	uint8_t		 type;
	uint32_t	 lifetime_s;
	struct slice	 name;		/* of an extension; the body is one
					 * string */
	struct slice	 body;
};

struct view_sign {
	struct slice	 blob, data;
	uint32_t	 flags;
};

/* Whether the body is such a request, and what is in it. */
bool view_is(struct slice body, uint8_t type);
bool view_get_add(struct slice body, struct view_add *out);
bool view_get_sign(struct slice body, struct view_sign *out);

/* The name of an extension request, and what follows it. */
bool view_get_extension(struct slice body, struct slice *name,
    struct slice *rest);

/* The session id of a bind; whether there is one. */
bool view_get_session_id(struct slice body, struct slice *out);

/* The passphrase of LOCK and UNLOCK. */
bool view_get_passphrase(struct slice body, struct slice *out);

/* Take one constraint; false: none is left, or it is broken or one whose end
 * cannot be known. */
bool view_next_constraint(struct wire_reader *r, struct view_constraint *out);

/* Whether a pair in destinations has bytes behind its last field. */
bool view_has_pair_with_more(struct slice destinations);

/* Whether destinations name a host key that is not sound (see material.h). */
bool view_has_unsound_key(struct slice destinations);

/* Whether the private half of an add is not the public one's. */
bool view_is_foreign(const struct view_add *a);

#endif /* !VIEW_H_ */
