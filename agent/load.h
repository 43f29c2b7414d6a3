#ifndef LOAD_H_
#define LOAD_H_

/*
 * load - a set of keys on its way in, as load@bottle-agent stages it.
 *
 * Layer:   agent.  No sockets and no clock.
 * Memory:  keys are opened, checked and kept in the vault from the record in
 *          which they arrive; the ring sees none of them before the commit.
 * Secrets: the stream's keys and its opened records; in the vault.
 */

#include <stdint.h>

#include "agent/audit.h"
#include "agent/keyring.h"
#include "base/status.h"
#include "proto/extension.h"
#include "proto/wire.h"

struct load;

/* Why a load ended badly. */
struct load_fault {
	uint32_t	 item;		/* 1-based key, 0: none in particular */
	const char	*text;		/* static, for people */
	char		 detail[AUDIT_DETAIL_MAX];	/* printable; or "" */
};

/**
 * load_begin(out, name, public_key):
 * Start a load; ${name} empty adds to what is there, else the load replaces
 * the one of that name.
 *
 * Errors: ST_FULL, ST_NOMEM
 */
int load_begin(struct load **out, struct slice name,
    uint8_t public_key[static LOAD_PUBLIC_KEY]) MUST_USE;

/* What goes for keys that do not say otherwise. */
struct load_defaults {
	bool		 service;	/* see agent/rules.h */
	uint32_t	 lifetime_s;	/* 0: none */
};

/**
 * load_chunk(l, bytes, defaults, now_ms, fault):
 * Take bytes of the sealed stream; every key that is complete is staged.
 * Lifetimes count from ${now_ms}.
 *
 * Errors: ST_FULL  also for more than REPLY_IDENTITIES_MAX keys
 *         any but ST_OK: ${fault} says what and why, and the load is dead
 */
int load_chunk(struct load *l, struct slice bytes,
    const struct load_defaults *defaults, int64_t now_ms,
    struct load_fault *fault) MUST_USE;

/**
 * load_commit(l, ring, w, fault):
 * Put everything staged into ${ring} in one step.  The identities are written
 * to ${w} as reply_put_identity() does.
 *
 * Errors: ST_MORE   the stream has not ended: something is missing
 *         ST_FULL, ST_NOMEM  ${ring} is as it was
 *         ${fault} says why; the load is dead
 */
int load_commit(struct load *l, struct keyring *ring, struct wire_writer *w,
    struct load_fault *fault) MUST_USE;

/**
 * load_remove(ring, name, w):
 * Take away all keys that came with the load ${name}, or, if that is empty,
 * with any that had a name.  Those that went are written to ${w} as
 * reply_put_identity() does, up to what it has room for; returns how many there
 * were.
 */
size_t load_remove(struct keyring *ring, struct slice name,
    struct wire_writer *w);

/**
 * load_count(l):
 * Keys staged so far.
 */
size_t load_count(const struct load *l);

/**
 * load_free(l):
 * Forget everything staged.  NULL is fine.
 */
void load_free(struct load *l);

#endif /* !LOAD_H_ */
