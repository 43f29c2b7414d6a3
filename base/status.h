#ifndef STATUS_H_
#define STATUS_H_

/*
 * status - the one list of outcomes and faults.
 *
 * Layer:   base.
 *
 * The sign carries the meaning.  Positive: an outcome, decided by the direct
 * caller.  Negative: a fault of ours, passed up unchanged.  No byte that a
 * peer sends may produce a negative status.
 */

/* The result must be looked at. */
#define MUST_USE	__attribute__((__warn_unused_result__))

/* Argument m is a printf format whose values start at argument n. */
#define PRINTF_LIKE(m, n)	__attribute__((__format__(__printf__, m, n)))

enum status {
	ST_OK = 0,

	ST_MORE,		/* not enough yet: bytes, room or readiness */
	ST_CLOSED,		/* the other end is gone */
	ST_MALFORMED,		/* the format was broken */
	ST_TOO_LARGE,		/* above a limit named in a header */
	ST_UNSUPPORTED,		/* well formed, not something we do */
	ST_NOT_FOUND,
	ST_DENIED,		/* policy said no */
	ST_LOCKED,
	ST_FULL,		/* a table, a quota or locked memory is full */
	ST_BUSY,		/* somebody else holds it */
	ST_UNTRUSTED,		/* a path or a peer that may not be relied on */

	ST_NOMEM = -1,
	ST_SYSTEM = -2,		/* errno says more */
	ST_CRYPTO = -3,		/* the crypto library failed on good input */
	ST_INTERNAL = -4,	/* an invariant did not hold */
};

/**
 * status_name(st):
 * The name of ${st} for a log line, such as "malformed"; never NULL, also for
 * a number that is no status ("unknown").  The string is static.
 */
const char *status_name(int st);

#endif /* !STATUS_H_ */
