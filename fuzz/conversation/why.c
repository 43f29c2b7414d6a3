#include "fuzz/conversation/why.h"

#include "proto/agent_num.h"

/* What a peer needs for it. */
static unsigned
needed(enum audit_op op)
{
	static const unsigned table[AUDIT_OPS] = {
		[AUDIT_LIST] = MODEL_LIST,
		[AUDIT_SIGN] = MODEL_SIGN,
		[AUDIT_ADD] = MODEL_ADD,
		[AUDIT_REMOVE] = MODEL_REMOVE,
		[AUDIT_REMOVE_ALL] = MODEL_REMOVE,
		[AUDIT_LOCK] = MODEL_LOCK,
		[AUDIT_UNLOCK] = MODEL_LOCK,
		[AUDIT_LOAD] = MODEL_ADMIN,
		[AUDIT_REMOVE_LOAD] = MODEL_ADMIN,
		[AUDIT_STATUS] = MODEL_ADMIN,
		[AUDIT_EXPLAIN] = MODEL_ADMIN,
		[AUDIT_APPROVE] = MODEL_ADMIN,
	};

	return table[op];
}

/* Whether it would change what the agent holds, or who may use it. */
static bool
changes(const struct ask *a)
{
	return (needed(a->op) & (MODEL_ADD | MODEL_REMOVE | MODEL_LOCK)) != 0 ||
	    a->op == AUDIT_LOAD || a->op == AUDIT_REMOVE_LOAD ||
	    a->op == AUDIT_APPROVE;
}

/* Of one that this peer may ask for, and that is whole. */
static enum reason
of_place(const struct side *s, const struct ask *a)
{
	const struct model_place at = world_place(s);
	bool extension = a->type == SSH_AGENTC_EXTENSION;

	if (changes(a) && model_far(&at))
		return REASON_FORWARDED_CHANGE;
	if ((a->op == AUDIT_STATUS || a->op == AUDIT_EXPLAIN) &&
	    model_untold(&at))
		return REASON_FORWARDED_TELLING;
	if (world.lock.locked && a->op != AUDIT_UNLOCK &&
	    (!extension || a->op == AUDIT_QUERY || a->op == AUDIT_OTHER))
		return REASON_LOCKED;
	if (a->kind == ASK_STRANGE)
		return REASON_UNKNOWN_EXTENSION;
	if (a->kind == ASK_SIGN && model_find(&world.held, a->key) == NULL)
		return REASON_NO_SUCH_KEY;
	return REASON_NONE;
}

enum reason
why_refused(const struct side *s, const struct ask *a, bool late)
{
	if ((needed(a->op) & ~s->ops) != 0)
		return REASON_POLICY;
	if (late)
		return REASON_NONE;
	if (a->kind == ASK_BENT)
		return REASON_BROKEN;
	if (a->kind == ASK_STRANGE && a->type != SSH_AGENTC_EXTENSION)
		return REASON_UNSUPPORTED;
	return of_place(s, a);
}
