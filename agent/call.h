#ifndef CALL_H_
#define CALL_H_

/*
 * call - one request being served, and what all that serve one do with it.
 *
 * Layer:   agent; for dispatch.c and serve*.c.
 *
 * Who serves a request writes one reply to ->w and makes one decision in ->d.
 * What is refused is counted and noted by call_refuse() and its kin, which
 * write the reply as well; what is done sets ->d->done.  They return ST_OK, so
 * that a refusal is the end of whoever serves.
 */

#include <stdbool.h>
#include <stdint.h>

#include "agent/dispatch.h"
#include "agent/rules.h"
#include "proto/request.h"

/* One request being served. */
struct call {
	struct agent		*a;
	struct conn		*conn;
	const struct peer	*peer;
	const struct request	*req;
	int64_t			 now_ms;
	int64_t			 wall_s;
	bool			 brief;
	struct wire_writer	*w;
	struct decision		*d;
};

/**
 * call_refuse(c, reason), call_refuse_with(c, code, reason):
 * Answer FAILURE, or another byte of bad news.
 */
int call_refuse(struct call *c, enum reason reason);
int call_refuse_with(struct call *c, uint8_t code, enum reason reason);

/**
 * call_refuse_status(c, st, otherwise, text):
 * Refuse for the status that some step came back with: ${otherwise} is the
 * reason where it does not tell of one itself.  A fault of ours costs the
 * request, not the agent: running out of memory is the peer's loss.  The text
 * says more than the reason; it is static, or NULL.
 */
int call_refuse_status(struct call *c, int st, enum reason otherwise,
    const char *text);
enum reason call_reason(int st, enum reason otherwise);

/**
 * call_note_refusal(c, reason):
 * Count and note a refusal that has a reply of its own.
 */
void call_note_refusal(struct call *c, enum reason reason);

/**
 * call_succeed(c):
 * Answer SUCCESS.
 */
int call_succeed(struct call *c);

/**
 * call_note_key(c, key), call_note_identity(c, id), call_note_place(c, id):
 * Note which key it was about, the plain one, as ssh-keygen has it; with its
 * comment; and where the connection leads, which the refusal is about or the
 * signature is for: ${id} may be NULL, and the verdict is known.
 */
void call_note_key(struct call *c, const struct key *key);
void call_note_identity(struct call *c, const struct identity *id);
void call_note_place(struct call *c, const struct identity *id);

/**
 * call_place(c):
 * Where and when the request was made.
 */
struct rules_place call_place(const struct call *c);

/**
 * call_defer(c, j):
 * Give the rest of a request to whoever runs jobs; it owns ${j}.  Returns
 * ST_MORE.
 */
int call_defer(struct call *c, struct job *j);

#endif /* !CALL_H_ */
