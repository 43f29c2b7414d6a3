#ifndef ASK_H_
#define ASK_H_

/*
 * ask - a question to the operator, at the terminal.
 *
 * Layer:   provision.  Plain POSIX.
 * Source:  ssh(1), "VERIFYING HOST KEYS": yes in full, or the fingerprint.
 *
 * The terminal is /dev/tty, whatever stdin is: a pipe has no opinion.
 */

#include <stddef.h>

#include "base/status.h"

/* Longest answer, and how often one is asked for. */
#define ASK_ANSWER_MAX	256
#define ASK_TRIES_MAX	3

struct ask_question {
	/* Lines with '\n' between them.  All else that is not plain text is
	 * escaped: anybody may have written parts of it. */
	const char		*text;
	const char *const	*prints;	/* fingerprints that may be typed */
	size_t			 n;
};

/**
 * ask_yes(q, which):
 * Show the text and wait for an answer; what was typed before is not one.
 * *${which}, unless it is NULL, is the place of the fingerprint that was typed,
 * or ${q}->n for yes.
 *
 * An answer is yes only in full and in lower case, and a fingerprint only in
 * full.  no, an empty line and the end of the input are no; what is neither is
 * asked for again.
 *
 * Errors: ST_DENIED     no
 *         ST_NOT_FOUND  there is no terminal
 *         ST_SYSTEM
 */
int ask_yes(const struct ask_question *q, size_t *which) MUST_USE;

#endif /* !ASK_H_ */
