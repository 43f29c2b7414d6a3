#ifndef STAGE_H_
#define STAGE_H_

/*
 * stage - a whole server in the process of a fuzz target, with nobody else in
 * the world: listener, connections, dispatch, keys, approver and audit are the
 * agent's own, over real sockets; the clock, the kernel's word on who is at the
 * other end, and the place that records go to are ours (--wrap in
 * CMakeLists.txt).
 *
 * Time stands still but for stage_advance().  All that is linked in can be made
 * to fail (tests/faults/fault.h), but for the steps of the stage itself.
 */

#include <stdbool.h>

#include "agent/dispatch.h"

/* Most records between two stage_forget()s. */
#define STAGE_RECORDS_MAX	256

struct stage_options {
	bool		 service, far_allowed, legacy_rsa;
	bool		 slow;		/* each turn takes longer than it may */
	uint32_t	 default_lifetime_s;
	uint64_t	 question_ms, questions_uid;
	size_t		 connections, connections_uid, connections_root;
	unsigned	 policy;	/* of model_policies */
};

/* The agent of the run. */
extern struct agent stage_agent;

/* What was recorded. */
extern struct audit_record stage_records[STAGE_RECORDS_MAX];
extern size_t stage_n_records;

/* Open the vault and whatever is kept for good; once. */
void stage_init(void);

void stage_begin(const struct stage_options *o);
void stage_end(void);

int64_t stage_now_ms(void);
int64_t stage_wall_s(void);
int64_t stage_wall_ms(void);

/* Let time go by, and have done what is due then. */
void stage_advance(int64_t ms);

/* Have the agent do all that it can do now. */
void stage_run(void);

/* Connect as that peer of the model, whose process has that number; the
 * non-blocking descriptor is the caller's.  One at a time: the agent accepts it
 * in the next stage_run() or stage_advance(). */
int stage_connect(unsigned peer, pid_t pid);

/* Whether it did not. */
bool stage_waits(void);

/* For so long it accepts nobody when there is no descriptor. */
#define STAGE_RETRY_MS	100

/* Another policy, as after SIGHUP. */
void stage_policy(unsigned policy);

#endif /* !STAGE_H_ */
