#ifndef EXPLAINMSG_H_
#define EXPLAINMSG_H_

/*
 * explainmsg - the contents of explain@bottle-agent: the last refusals.
 *
 * Layer:   proto.
 * Source:  docs/PROTOCOL.md.
 *
 * Shape:   request: u8 form.  Response: u32 EXPLAINMSG_VERSION, u32 n, and n
 *          items, the last refusal first.  A reader must ignore bytes that
 *          follow.
 */

#include "proto/wire.h"

#define EXPLAINMSG_VERSION	1
/* Forms of a record. */
#define EXPLAINMSG_TEXT		0
#define EXPLAINMSG_JSON		1

struct explainmsg_item {
	struct slice	 line;		/* the record, as the audit log has it,
					 * in the form that was asked for */
	struct slice	 remedy;	/* one line for people; may be empty */
	uint64_t	 first_ms;	/* of those alike; since 1970 */
};

void explainmsg_put(struct wire_writer *w, const struct explainmsg_item *item);

/**
 * explainmsg_get(r, out):
 *
 * Errors: ST_MALFORMED
 */
int explainmsg_get(struct wire_reader *r, struct explainmsg_item *out)
    MUST_USE;

#endif /* !EXPLAINMSG_H_ */
