#ifndef POLICYFILE_H_
#define POLICYFILE_H_

/*
 * policyfile - rules in a file.
 *
 * Layer:   agent.
 *
 * A line is a rule as --allow takes it, PEER=OPS, with blanks around it if one
 * likes; or empty; or a comment, which begins with #.  Lines may end in CR LF,
 * and the last one without an end.  Messages show bytes of the file escaped
 * and cut.
 */

#include <stdbool.h>
#include <stddef.h>

#include "agent/policy.h"
#include "base/status.h"

/* Most bytes of a file. */
#define POLICYFILE_MAX	(64 * 1024)

/* Told of a line that is wrong; ${why} begins with "NAME:LINE: " and is safe
 * to print.  Whether to look at the lines after it. */
typedef bool policyfile_fault(void *cookie, const char *why);

/**
 * policyfile_scan(p, bytes, len, name, fault, cookie):
 * Add the good rules of a file's contents to ${p}, and have ${fault} told of
 * what is wrong; ${name} is what to call the file.
 *
 * Errors: ST_MALFORMED  something is; a file without any rule is, too
 *         ST_FULL       more rules than a policy has; nothing was looked at
 *                       from there on
 */
int policyfile_scan(struct policy *p, const char *bytes, size_t len,
    const char *name, policyfile_fault *fault, void *cookie) MUST_USE;

/**
 * policyfile_parse(p, bytes, len, name, why, whylen):
 * Add all rules, or none; ${why} is the first thing that is wrong.
 *
 * Errors: as policyfile_scan(); ${p} is as it was
 */
int policyfile_parse(struct policy *p, const char *bytes, size_t len,
    const char *name, char *why, size_t whylen) MUST_USE;

/**
 * policyfile_read(p, path, why, whylen):
 * The same for a file; ${path} is from ownfile_path().
 *
 * Errors: as policyfile_parse() and ownfile_read(); ${p} is as it was
 */
int policyfile_read(struct policy *p, const char *path, char *why,
    size_t whylen) MUST_USE;

#endif /* !POLICYFILE_H_ */
