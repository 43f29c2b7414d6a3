#ifndef DISPATCH_H_
#define DISPATCH_H_

/*
 * dispatch - one request in, one reply out.
 *
 * Layer:   agent.  No sockets, no clock, no globals: a function of request,
 *          peer, connection, keyring, policy and time.  It is what the unit
 *          tests and the fuzzers call.
 * Source:  RFC 9987; OpenSSH's behaviour where that leaves room;
 *          docs/PROTOCOL.md for what differs.
 */

#include <stdbool.h>
#include <stdint.h>

#include "agent/approver.h"
#include "agent/audit.h"
#include "agent/binding.h"
#include "agent/job.h"
#include "agent/keyring.h"
#include "agent/load.h"
#include "agent/lock.h"
#include "agent/peer.h"
#include "agent/policy.h"
#include "agent/reason.h"
#include "base/status.h"
#include "proto/statusmsg.h"
#include "proto/wire.h"

struct accounts;
struct limits;

/* What all connections share. */
struct agent {
	struct keyring	*ring;
	struct audit	*audit;			/* or NULL: nobody wants to
						 * know */
	const struct limits *limits;		/* or NULL: none to tell of */
	const struct accounts *accounts;	/* or NULL */
	struct lock	 lock;
	struct policy	 policy;
	bool		 service;		/* not in ssh-agent's place */
	bool		 forwarded;		/* a far host may do all that
						 * its peer may */
	bool		 unlocked;		/* keys may be swapped out */
	bool		 legacy_rsa;		/* SHA-1 signatures */
	struct approver	*approver;		/* or NULL: nobody can say yes
						 * to the use of a key */
	bool		 defer;			/* jobs are for others to run */
	const char	*providers;		/* -P: where libraries of sk
						 * keys may be; NULL: default */
	bool		 remote_providers;	/* also over forwarded ones */
	enum fingerprint_hash hash;		/* of fingerprints for people */
	uint32_t	 default_lifetime_s;	/* 0: none */
	uint64_t	 signatures;
	uint64_t	 refusals;
	int64_t		 started_ms;
	/* What status@bottle-agent says of the process around; the rest of
	 * the head is filled in by dispatch. */
	struct statusmsg_head facts;
};

/* What one connection remembers from request to request. */
struct conn {
	struct load	*load;		/* a load under way, or NULL */
	struct bindings	 binds;
	struct job	*job;		/* of the request under way, or NULL */
	struct approver_seat seat;	/* fn and cookie are the owner's */
};

/* A request, and when it came. */
struct arrival {
	struct slice	 body;		/* at least one byte */
	struct slice	 tail;		/* what follows it; often empty: an
					 * add's constraints may come apart */
	int64_t		 now_ms;	/* monotonic */
	int64_t		 wall_s;	/* seconds since 1970 */
	bool		 brief;		/* leave any signature to a job */
};

/* What was decided.  The record is complete but for what audit_note() and the
 * owner of the connection know. */
struct decision {
	uint8_t		 type;		/* message number */
	bool		 done;		/* granted and carried out */
	bool		 quiet;		/* a step of something of which others
					 * are recorded */
	int64_t		 delay_ms;	/* the reply must wait that long */
	struct audit_record rec;
};

/**
 * dispatch(a, conn, peer, in, w, d):
 * Serve the request ${in}; write the body of the reply to ${w}, an empty
 * writer of FRAME_BODY_MAX bytes.  Keys that are due are taken away first.
 *
 * Every request gets a reply, whatever its bytes are, and makes one decision,
 * in ${d} when the reply is.
 *
 * Errors: ST_MORE  with ${a}->defer only: ${conn}->job must be run, and before
 *                  that somebody must be asked if it says so; or it is a
 *                  JOB_NEXT, which waits for a question; then comes
 *                  dispatch_finish().  Nothing else of ${conn} may be served
 *                  meanwhile, and ${in} is not needed any more
 *         else only faults of ours (negative), and never because of ${in}
 */
int dispatch(struct agent *a, struct conn *conn, const struct peer *peer,
    const struct arrival *in, struct wire_writer *w, struct decision *d)
    MUST_USE;

/**
 * dispatch_finish(a, conn, peer, now_ms, w, d):
 * Reply to the request whose job was run, or whose ->st was set to ST_DENIED
 * because nobody said yes, or which has its question.
 *
 * Errors: as dispatch(), without ST_MORE
 */
int dispatch_finish(struct agent *a, struct conn *conn,
    const struct peer *peer, int64_t now_ms, struct wire_writer *w,
    struct decision *d) MUST_USE;

/**
 * dispatch_may(peer, type):
 * Whether a peer's rules let it send requests of that message number at all.
 */
bool dispatch_may(const struct peer *peer, uint8_t type);

/**
 * dispatch_needs(op):
 * The right that it takes, of POLICY_*, or 0.
 */
unsigned dispatch_needs(enum audit_op op);

/**
 * dispatch_refuse(a, peer, type, reason, w, d):
 * Append the reply to a request that is not even looked at.
 */
void dispatch_refuse(struct agent *a, const struct peer *peer, uint8_t type,
    enum reason reason, struct wire_writer *w, struct decision *d);

/**
 * conn_fini(conn):
 * A load under way is given up, binds are forgotten, a job is freed.  May be
 * called twice.
 */
void conn_fini(struct conn *conn);

#endif /* !DISPATCH_H_ */
