#ifndef AUDITLINE_H_
#define AUDITLINE_H_

/*
 * auditline - an audit record as a line: JSON, or for people.
 *
 * Layer:   agent.  Pure.
 * Source:  docs/AUDIT.md.
 */

#include "agent/audit.h"
#include "base/text.h"

/* Longest line with its newline and NUL.  The worst case fits: text_json()
 * makes at most six bytes of one. */
#define AUDITLINE_MAX	8192

enum auditline_form {
	AUDITLINE_JSON,
	AUDITLINE_TEXT,
	AUDITLINE_LOG,		/* likewise, without time and number */
};

/**
 * auditline_write(t, rec, form):
 * Append the line, without a newline.
 */
void auditline_write(struct text *t, const struct audit_record *rec,
    enum auditline_form form);

/**
 * auditline_op_name(op):
 * "sign", "remove-all".
 */
const char *auditline_op_name(enum audit_op op);

#endif /* !AUDITLINE_H_ */
