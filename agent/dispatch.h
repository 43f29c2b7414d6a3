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

#include "agent/keyring.h"
#include "agent/load.h"
#include "agent/lock.h"
#include "agent/policy.h"
#include "base/status.h"
#include "proto/statusmsg.h"
#include "proto/wire.h"

/* What all connections share. */
struct agent {
	struct keyring	*ring;
	struct lock	 lock;
	struct policy	 policy;
	bool		 legacy_rsa;		/* SHA-1 signatures */
	uint32_t	 default_lifetime_s;	/* 0: none */
	uint64_t	 signatures;
	uint64_t	 refusals;
	int64_t		 started_ms;
	/* What status@bottle-agent says of the process around; the rest of
	 * the head is filled in by dispatch. */
	struct statusmsg_head facts;
};

/* Who asks: what the kernel said at accept. */
struct peer {
	uid_t		 uid;
	gid_t		 gid;
	pid_t		 pid;
	unsigned	 ops;		/* POLICY_* */
};

/* What one connection remembers from request to request. */
struct conn {
	struct load	*load;		/* a load under way, or NULL */
};

/* What was decided, for the log. */
struct decision {
	uint8_t		 type;		/* message number */
	bool		 done;		/* granted and carried out */
	const char	*reason;	/* static; why not, or NULL */
	char		 fingerprint[KEY_FINGERPRINT_MAX];	/* or empty */
	int64_t		 delay_ms;	/* the reply must wait that long */
};

/**
 * dispatch(a, conn, peer, body, now_ms, w, d):
 * Serve the request ${body}, one frame's body of at least one byte; write the
 * body of the reply to ${w}, an empty writer of FRAME_BODY_MAX bytes.  Keys
 * that are due are taken away first.
 *
 * Every request gets a reply, whatever its bytes are.
 *
 * Errors: only faults of ours (negative), and never because of ${body}
 */
int dispatch(struct agent *a, struct conn *conn, const struct peer *peer,
    struct slice body, int64_t now_ms, struct wire_writer *w,
    struct decision *d) MUST_USE;

/**
 * dispatch_may(peer, type):
 * Whether a peer's rules let it send requests of that message number at all.
 */
bool dispatch_may(const struct peer *peer, uint8_t type);

/**
 * dispatch_refuse(a, type, reason, w, d):
 * Append the reply to a request that is not even looked at.
 */
void dispatch_refuse(struct agent *a, uint8_t type, const char *reason,
    struct wire_writer *w, struct decision *d);

/**
 * conn_fini(conn):
 * A load under way is given up.  May be called twice.
 */
void conn_fini(struct conn *conn);

#endif /* !DISPATCH_H_ */
