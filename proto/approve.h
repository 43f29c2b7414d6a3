#ifndef APPROVE_H_
#define APPROVE_H_

/*
 * approve - the contents of approve@bottle-agent: questions for somebody who
 * may say yes to the use of a key, and the answers.
 *
 * Layer:   proto.
 * Source:  docs/PROTOCOL.md.
 *
 * Shape:   request: u8 APPROVE_NEXT; or u8 APPROVE_ANSWER, u32 id, u8 yes.
 *          Response to NEXT: one question.  A reader must ignore bytes that
 *          follow it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "proto/wire.h"

#define EXT_APPROVE		"approve@bottle-agent"

/* Longest prompt, and longest of the other texts, in bytes. */
#define APPROVE_PROMPT_MAX	512
#define APPROVE_TEXT_MAX	256
/* Of left_ms: it can be answered at any time. */
#define APPROVE_NO_LIMIT	UINT32_MAX

enum approve_op {
	APPROVE_NEXT = 1,	/* I approve: give me the next question */
	APPROVE_ANSWER = 2,
};

struct approve_request {
	enum approve_op	 op;
	uint32_t	 id;		/* of an answer, and what it is */
	bool		 yes;
};

/**
 * approve_request_decode(body, out), approve_request_put(w, req):
 * The body after the extension's name.
 *
 * Errors: ST_MALFORMED    a field is missing, there are bytes after the last
 *                         one, or the answer is neither 0 nor 1
 *         ST_UNSUPPORTED  an op that is not known to us
 */
int approve_request_decode(struct slice body, struct approve_request *out)
    MUST_USE;
void approve_request_put(struct wire_writer *w,
    const struct approve_request *req);

/* What an approver is asked.  The prompt is for people, one or more lines of
 * printable text; the others say the same to programs. */
struct approve_question {
	uint32_t	 id;		/* never 0 */
	struct slice	 prompt;	/* APPROVE_PROMPT_MAX bytes at most */
	struct slice	 fingerprint;	/* of the key */
	struct slice	 comment;	/* as added, but cut: any bytes */
	struct slice	 what;		/* is to be signed: "login as git" */
	uint32_t	 uid;		/* of who wants the signature */
	uint32_t	 pid;		/* likewise, a claim; 0: not known */
	struct slice	 host;		/* fingerprint of the host key that the
					 * connection was bound to last, or
					 * empty */
	uint32_t	 left_ms;	/* or APPROVE_NO_LIMIT */
};

/**
 * approve_question_get(r, out), approve_question_put(w, q):
 *
 * Owns:   ${out} borrows from the input of ${r}.
 * Errors: ST_MALFORMED  a field is missing or cut short
 *         ST_TOO_LARGE  a text is longer than it may be
 */
int approve_question_get(struct wire_reader *r, struct approve_question *out)
    MUST_USE;
void approve_question_put(struct wire_writer *w,
    const struct approve_question *q);

#endif /* !APPROVE_H_ */
