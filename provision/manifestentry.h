#ifndef MANIFESTENTRY_H_
#define MANIFESTENTRY_H_

/*
 * manifestentry - one entry of a manifest: its fields, and what they may be.
 *
 * Layer:   provision.  No I/O.
 * Source:  provision/bottle-manifest.5.
 */

#include <jansson.h>

#include "provision/walk.h"

/**
 * manifestentry_take(p, i, v):
 * Take ${v}, which is looked at, as the entry ${i} of ${p}->m, which has room
 * for it; a walk_element.
 *
 * Errors: ST_MALFORMED, ST_TOO_LARGE, ST_UNSUPPORTED  ${p}->message says why
 *         ST_NOMEM
 */
int manifestentry_take(struct walk *p, size_t i, json_t *v) MUST_USE;

#endif /* !MANIFESTENTRY_H_ */
