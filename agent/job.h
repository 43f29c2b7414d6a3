#ifndef JOB_H_
#define JOB_H_

/*
 * job - the part of a request that takes long, apart from all that decides.
 *
 * Layer:   agent.
 * Memory:  borrows nothing: the request that it is part of may be gone.
 * Threads: job_run() in any, the rest in the first.
 */

#include "agent/audit.h"
#include "agent/key.h"
#include "base/status.h"
#include "base/workers.h"
#include "proto/approve.h"
#include "proto/extension.h"

enum job_kind {
	JOB_SIGN,
	JOB_BIND,		/* verify what a session-bind claims */
	JOB_NEXT,		/* an approver waits for a question: nothing
				 * to be run */
};

/* What an approver is shown: a line with the comment, one with the
 * fingerprint. */
#define JOB_PROMPT_MAX	512
/* What is signed, in words for an approver: "login as git". */
#define JOB_WHAT_MAX	80

struct job {
	struct work	 work;		/* for whoever runs it in a worker */
	void		*owner;		/* likewise */
	enum job_kind	 kind;
	uint8_t		 type;		/* message number of the request */
	int		 st;		/* how it went; ST_INTERNAL: not run */
	const char	*why;		/* static; of a failure */
	enum reason	 reason;	/* why nobody said yes */
	bool		 ask;		/* somebody has to say yes first */
	char		 prompt[JOB_PROMPT_MAX];
	char		 what[JOB_WHAT_MAX];
	struct audit_record rec;	/* of the decision that is to come */
	struct signing	 sign;
	struct bind_request bind;
	size_t		 bytes;		/* of memory that it takes */
	uint8_t		*copy;		/* where the slices of bind lie */
	const struct approve_question *question;	/* that was waited for;
				 * the owner's */
};

/**
 * job_sign(out, s):
 * Make the signature that was prepared in ${s}, which is the job's from then
 * on unless this fails.
 *
 * Errors: ST_NOMEM
 */
int job_sign(struct job **out, struct signing *s) MUST_USE;

/**
 * job_bind(out, req):
 * Verify the signature in ${req}.
 *
 * Errors: ST_NOMEM
 */
int job_bind(struct job **out, const struct bind_request *req) MUST_USE;

/**
 * job_next(out):
 * Wait for a question: ->question is set by whoever has one.
 *
 * Errors: ST_NOMEM
 */
int job_next(struct job **out) MUST_USE;

/**
 * job_run(j):
 * Do it, where there is something to be done; ${j}->st is as signing_run() or
 * verify_host() have it.
 */
void job_run(struct job *j);

/**
 * job_free(j):
 * NULL is fine.
 */
void job_free(struct job *j);

#endif /* !JOB_H_ */
