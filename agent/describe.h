#ifndef DESCRIBE_H_
#define DESCRIBE_H_

/*
 * describe - rules of keys, and hosts, in words: for audit and status.
 *
 * Layer:   agent.  What is a stranger's in it is escaped.
 */

#include "agent/audit.h"
#include "agent/binding.h"
#include "agent/keyring.h"
#include "base/text.h"

/**
 * describe_rules(t, r):
 * All rules of a key: "purposes auth,git; destinations git@github.com, a>b;
 * peers 1000,@44; 3 signatures left; at most 5 in 60 s".  Nothing for a key
 * without any.
 */
void describe_rules(struct text *t, const struct rules *r);

/**
 * describe_host(ring, id, b, rec):
 * Where a connection was bound to: the host key, and the name that it has in
 * the destinations of ${id} (NULL: of none in particular) or another key.
 */
void describe_host(const struct keyring *ring, const struct identity *id,
    const struct binding *b, struct audit_record *rec);

/**
 * describe_refusal(id, rec):
 * The rule of ${id} (or NULL) that decided, and what it says, unless there is
 * a detail already.
 */
void describe_refusal(const struct identity *id, struct audit_record *rec);

#endif /* !DESCRIBE_H_ */
