#ifndef WHY_H_
#define WHY_H_

/*
 * why - which reason the record of a refusal gives, as far as the model says.
 */

#include "agent/reason.h"
#include "fuzz/conversation/ask.h"
#include "fuzz/conversation/world.h"

/* The reason for which ${a} of ${s} is refused now; REASON_NONE: it may be any
 * one.  ${late}: it has waited for an approver. */
enum reason why_refused(const struct side *s, const struct ask *a, bool late);

#endif /* !WHY_H_ */
