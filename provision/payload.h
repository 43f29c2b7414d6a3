#ifndef PAYLOAD_H_
#define PAYLOAD_H_

/*
 * payload - the keys of a plan as a sealed bundle, in the frames that a loading
 * process takes.
 *
 * Layer:   provision.
 * Source:  docs/PROTOCOL.md section 7; proto/bundle.h, proto/loadpipe.h.
 * Secrets: records are put together in the locked region; what leaves it is
 *          ciphertext.
 * Threads: several may seal; one does at a time, so that the region needs room
 *          for one.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"
#include "base/status.h"
#include "proto/extension.h"
#include "proto/wire.h"
#include "provision/keyfile.h"
#include "provision/plan.h"

/* What the bundle is made of; borrowed. */
struct payload {
	struct secret		*region;
	const struct plan	*plan;
	const struct keyfile	*files;		/* one for each key of the plan */
	const char		*account;	/* see plan_put_constraints() */
};

/* What a load gives the agent: a record for each key, and for each of its
 * certificates. */
struct payload_item {
	size_t		 key;		/* of the plan */
	bool		 is_cert;
	size_t		 cert;		/* of the key */
};

/**
 * payload_item(p, record, out):
 * What a record of the bundle, counted from 1, is about; whether there is one.
 */
bool payload_item(const struct payload *p, size_t record,
    struct payload_item *out);

/**
 * payload_count(p):
 * How many records there are, without the last.
 */
size_t payload_count(const struct payload *p);

/**
 * payload_check(p, why, whylen):
 * Whether every record can be made: now, before anything is run.
 *
 * Errors: ST_TOO_LARGE  ${why} names the key
 *         ST_FULL, ST_NOMEM
 */
int payload_check(const struct payload *p, char *why, size_t whylen) MUST_USE;

/**
 * payload_seal(p, public_key, out, len):
 * The frames of the bundle for the holder of a one-time key, with the empty one
 * that asks whether all is staged.
 *
 * Owns:   the caller frees *${out}.
 * Errors: ST_CRYPTO  not a usable key
 *         ST_TOO_LARGE, ST_FULL, ST_NOMEM
 */
int payload_seal(const struct payload *p,
    const uint8_t public_key[static LOAD_PUBLIC_KEY], uint8_t **out,
    size_t *len) MUST_USE;

#endif /* !PAYLOAD_H_ */
