#ifndef AGENTSTATUS_H_
#define AGENTSTATUS_H_

/*
 * agentstatus - what bottle-agent --status --json says, as it comes from a
 * target: looked through, and shown to people.
 *
 * Layer:   provision.
 * Source:  agent/bottle-agent.1, "--json".
 *
 * A target is a stranger.  It can say of its agent what it likes; it cannot say
 * what is no status, and nothing that a terminal acts on.
 */

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "base/status.h"
#include "proto/wire.h"

/* The version of the object that is known. */
#define AGENTSTATUS_VERSION	1
/* Longest text: an agent's reply is 256 KiB, of which each byte may take
 * six. */
#define AGENTSTATUS_TEXT_MAX	(2 * 1024 * 1024)
/* Most keys and rules; an agent holds 2048 and 64. */
#define AGENTSTATUS_ITEMS_MAX	4096

/**
 * agentstatus_parse(text, out, why, whylen):
 * Read it.  Every member that is shown is there and of its type; what is not
 * known is left in the object.
 *
 * Owns:   the caller calls json_decref(*${out}).
 * Errors: ST_MALFORMED    no JSON object, or a member that is missing or
 *                         wrong: ${why} names it, as in keys[3].comment
 *         ST_UNSUPPORTED  another version
 *         ST_TOO_LARGE    too many keys or rules
 *         *${out} is NULL then; ${why} is one line, safe to print.
 */
int agentstatus_parse(struct slice text, json_t **out, char *why,
    size_t whylen) MUST_USE;

/**
 * agentstatus_print(f, name, o):
 * Show it to people, as lines that begin with ${name}.  All strings are
 * escaped, and cut at a length that fits a screen.  Whether it was written is
 * for the caller to ask of ${f}.
 */
void agentstatus_print(FILE *f, const char *name, const json_t *o);

/**
 * agentstatus_duration(s, out):
 * A time in the two units that tell most: "3 h 12 min", "45 s", "12 days".
 */
#define AGENTSTATUS_DURATION	32
void agentstatus_duration(json_int_t s, char out[static AGENTSTATUS_DURATION]);

#endif /* !AGENTSTATUS_H_ */
