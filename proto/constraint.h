#ifndef CONSTRAINT_H_
#define CONSTRAINT_H_

/*
 * constraint - what an added key is limited to.
 *
 * Layer:   proto.
 * Source:  RFC 9987 "Key Constraints"; OpenSSH's PROTOCOL.agent for
 *          sk-provider@openssh.com and restrict-destination-v00@openssh.com;
 *          replies and duplicates as in OpenSSH.  Those that end in
 *          @bottle-agent are ours: docs/PROTOCOL.md.
 */

#include "proto/wire.h"

#define CONSTRAINT_SK_PROVIDER	"sk-provider@openssh.com"
#define CONSTRAINT_DESTINATION	"restrict-destination-v00@openssh.com"
#define CONSTRAINT_CERTIFICATES	"associated-certs-v00@openssh.com"
#define CONSTRAINT_PURPOSES	"purposes@bottle-agent"
#define CONSTRAINT_SIGNATURES	"signatures@bottle-agent"
#define CONSTRAINT_RATE		"rate@bottle-agent"
#define CONSTRAINT_UNBOUND	"unbound@bottle-agent"
#define CONSTRAINT_PEERS	"peers@bottle-agent"

/* Most purposes, and bytes in one. */
#define CONSTRAINT_PURPOSES_MAX	32
#define CONSTRAINT_PURPOSE_MAX	255
/* Most peers, and bytes in one. */
#define CONSTRAINT_PEERS_MAX	32
#define CONSTRAINT_PEER_MAX	255
/* Most signatures and longest time of a rate, in seconds. */
#define CONSTRAINT_RATE_N_MAX	1024
#define CONSTRAINT_RATE_MAX	86400

/* Slices borrow from the request; they are empty where the constraint is not
 * there, and never empty where it is, but for sk_provider. */
struct constraints {
	bool		 has_lifetime;
	bool		 confirm;	/* each use needs somebody's yes */
	uint32_t	 lifetime_s;	/* seconds; 0 expires at once */
	bool		 has_sk_provider;
	struct slice	 sk_provider;	/* text: a path, or "internal" */
	struct slice	 destinations;	/* as destination_check() likes it */
	/* Ours. */
	struct slice	 purposes;	/* texts, one after the other: "auth",
					 * "any", or a namespace of SSHSIG */
	bool		 has_signatures;
	uint32_t	 signatures;	/* that many and no more; at least 1 */
	uint32_t	 rate_n;	/* 0: no rate.  At most that many */
	uint32_t	 rate_s;	/* in any that many seconds */
	bool		 has_unbound;
	bool		 unbound;	/* destinations or not, it may be used
					 * on connections without a bind */
	struct slice	 peers;		/* texts, one after the other: a user's
					 * name or number, or @ and a group's */
};

/**
 * constraint_parse(in, out):
 * Decode all constraints; ${in} is the rest of an add request.
 *
 * Shape:  after the extension's name: string of pairs for
 *         CONSTRAINT_DESTINATION; string path for CONSTRAINT_SK_PROVIDER;
 *         for ours always one string, and in it: 1 to CONSTRAINT_PURPOSES_MAX
 *         texts of 1 to CONSTRAINT_PURPOSE_MAX bytes (purposes); likewise
 *         with CONSTRAINT_PEERS_MAX and CONSTRAINT_PEER_MAX (peers); u32
 *         (signatures); u32 n, u32 seconds (rate); u8 0 or 1 (unbound).
 * Errors: ST_MALFORMED    a body is cut short or broken, or a constraint comes
 *                         twice
 *         ST_TOO_LARGE    above one of the limits
 *         ST_UNSUPPORTED  a constraint that we do not enforce, or
 *                         CONSTRAINT_CERTIFICATES, which goes with smartcards
 *                         only: the add must then be refused, since ignoring
 *                         it would grant more than was asked for
 */
int constraint_parse(struct slice in, struct constraints *out) MUST_USE;

/**
 * constraint_put(w, c):
 * Append the constraints in ${c}.
 */
void constraint_put(struct wire_writer *w, const struct constraints *c);

/**
 * constraint_next_text(r, out):
 * Take the next one from a reader over ${purposes} or ${peers}.
 *
 * Errors: ST_NOT_FOUND  that was the last one
 */
int constraint_next_text(struct wire_reader *r, struct slice *out) MUST_USE;

#endif /* !CONSTRAINT_H_ */
