#ifndef AUDIT_H_
#define AUDIT_H_

/*
 * audit - one record for each decision.
 *
 * Layer:   agent.  No clock: records say when they were made.
 * Source:  docs/AUDIT.md names the members of a line.
 *
 * A uid has so many records to itself in a second (AUDIT_PER_SECOND, and
 * AUDIT_BURST at once); what comes above that is summed: one record for all
 * that are alike, with their number, at the end of the second.  All uids that
 * no rule names (REASON_NOT_NAMED) are one uid here, and below.  Nothing is
 * left out but what the sink could not take, and the numbers of the records
 * show that.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/fingerprint_hash.h"
#include "agent/reason.h"
#include "base/loop.h"
#include "base/status.h"
#include "proto/signdata.h"

/* Records of its own for one uid: in the long run, and at once. */
#define AUDIT_PER_SECOND	200
#define AUDIT_BURST		500
/* Kinds of decisions that are summed at the same time, of all uids; others are
 * counted in one record for all of them. */
#define AUDIT_SUMS_MAX		64
/* Of these, those of uids that no rule names. */
#define AUDIT_SUMS_STRANGERS	16

/* Bytes kept of a peer's text, and of what is written about a decision. */
#define AUDIT_TEXT_MAX		64
#define AUDIT_DETAIL_MAX	256
/* Bytes of the hash in an SSHSIG. */
#define AUDIT_HASH_MAX		64

enum audit_op {
	AUDIT_OTHER,		/* a message that is not served */
	AUDIT_CONNECT,		/* only when refused, or closed by us */
	AUDIT_LIST,
	AUDIT_SIGN,
	AUDIT_ADD,
	AUDIT_REMOVE,
	AUDIT_REMOVE_ALL,
	AUDIT_LOCK,
	AUDIT_UNLOCK,
	AUDIT_BIND,
	AUDIT_QUERY,
	AUDIT_LOAD,		/* begin or commit */
	AUDIT_REMOVE_LOAD,
	AUDIT_STATUS,
	AUDIT_EXPLAIN,
	AUDIT_APPROVE,		/* an answer to a question */
	/* Of the agent itself. */
	AUDIT_START,
	AUDIT_STOP,
	AUDIT_RELOAD,
	AUDIT_EXPIRE,
	AUDIT_FORGET,		/* SIGUSR1 */
	AUDIT_LOST,		/* records that could not be written */
	AUDIT_OPS
};

enum audit_verdict {
	AUDIT_ALLOWED,
	AUDIT_DENIED,
};

/* Some bytes of anybody's, cut. */
struct audit_text {
	uint8_t	 len;
	bool	 cut;
	uint8_t	 p[AUDIT_TEXT_MAX];
};

/* A record is made for each request and is larger than all else that a list
 * takes.  So it is ordered for audit_record_init(): what is short, and then the
 * long texts, of which an empty one is known by its beginning. */
struct audit_record {
	/* Of audit_note(). */
	uint64_t	 seq;		/* from 1, without a gap */
	int64_t		 wall_ms;	/* since 1970 */
	uint32_t	 count;		/* decisions that it stands for */

	enum audit_op	 op;
	enum audit_verdict verdict;
	enum reason	 reason;	/* REASON_NONE when allowed */
	const char	*text;		/* static: more than the reason's own
					 * text; or NULL */

	/* The peer; not there for what the agent does itself. */
	bool		 has_peer;
	uid_t		 uid;
	gid_t		 gid;
	pid_t		 pid;		/* a claim, as comm; 0: not known */
	char		 comm[16];	/* NUL-ended bytes; "" not known */
	uint64_t	 connection;	/* number of it, from 1 */

	/* What was to be signed. */
	bool		 has_what;
	enum signdata_kind what;

	/* Where the connection was bound to: the last bind. */
	uint32_t	 binds;		/* 0: none, and no more of this */
	bool		 forwarding;	/* any of them */

	bool		 unlocked;	/* keys are in memory that is not
					 * locked */

	/* The hash in an SSHSIG; the first of what is long. */
	uint8_t		 hash_len;
	uint8_t		 hash[AUDIT_HASH_MAX];

	/* What decided, and more about it; printable, or "". */
	char		 rule[AUDIT_DETAIL_MAX];
	char		 detail[AUDIT_DETAIL_MAX];

	/* The key. */
	char		 fingerprint[FINGERPRINT_HASH_MAX];	/* or "" */
	struct audit_text comment;

	/* What was to be signed. */
	struct audit_text user;		/* login */
	struct audit_text ns;		/* SSHSIG */
	struct audit_text hash_algorithm;

	/* The host that the last bind was to. */
	char		 hostkey[FINGERPRINT_HASH_MAX];
	struct audit_text host;		/* name in the key's destinations */
};

struct audit;
struct auditsink;

/**
 * audit_record_init(rec):
 * As if all of ${rec} were zero: every text is empty, but what was in it before
 * may still be behind its end.
 */
void audit_record_init(struct audit_record *rec);

/**
 * audit_text_set(t, p, n):
 * Keep the first bytes of ${n} at ${p}, and say if more were there.
 */
void audit_text_set(struct audit_text *t, const void *p, size_t n);

/**
 * audit_new(out, loop, sink):
 * Records go to ${sink}, which stays the caller's; NULL: nowhere, they are
 * counted and refusals are kept for audit_refusals().
 *
 * Errors: ST_NOMEM
 */
int audit_new(struct audit **out, struct loop *loop, struct auditsink *sink)
    MUST_USE;

/**
 * audit_free(a):
 * Sums under way are handed on.  NULL is fine.
 */
void audit_free(struct audit *a);

/**
 * audit_tell_unlocked(a, yes):
 * Whether every record from now on says that keys are in memory that is not
 * locked.
 */
void audit_tell_unlocked(struct audit *a, bool yes);

/**
 * audit_wants(a, rec):
 * Whether a decision like that gets a record of its own now, for which the
 * dear parts (detail, rule, comm, hostkey) are worth being found out.  To be
 * asked once before each audit_note(), with op, verdict, reason and the peer
 * set.
 */
bool audit_wants(struct audit *a, const struct audit_record *rec);

/**
 * audit_note(a, rec):
 * Take one decision; seq, wall_ms and count are filled in.
 */
void audit_note(struct audit *a, struct audit_record *rec);

/* The last refusals, those that are alike in one: of the same uid, operation,
 * reason, key, detail and host; in a flood only the first four are looked at,
 * and ->record is the last one that had a record of its own. */
struct audit_refusal {
	struct audit_record	 record;	/* the last; ->count: of all */
	int64_t			 first_ms;	/* when the first was; wall
						 * clock */
};

/* Most kinds of refusals that are remembered, and of those of one uid. */
#define AUDIT_REFUSALS_MAX	64
#define AUDIT_REFUSALS_UID_MAX	16

/**
 * audit_refusals(a, i):
 * The ${i}th last one, from 0; NULL when there are no more.
 */
const struct audit_refusal *audit_refusals(const struct audit *a, size_t i);

/**
 * audit_records(a), audit_lost(a):
 * Records made so far, and how many of them the sink could not take.
 */
uint64_t audit_records(const struct audit *a);
uint64_t audit_lost(const struct audit *a);

#endif /* !AUDIT_H_ */
