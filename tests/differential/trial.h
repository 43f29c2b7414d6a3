#ifndef TRIAL_H_
#define TRIAL_H_

/*
 * trial - what the cases of the rows are made of.
 *
 * Bodies are in one piece of memory: each is good until the next one.
 */

#include "differential/differences.h"
#include "differential/material.h"

/* Room for a body, and what was written there. */
struct wire_writer trial_draft(void);
struct slice trial_written(const struct wire_writer *w);

/* Sleep. */
void trial_pause(long ms);

/*
 * Bodies.
 */

/* The session id with that number, below 16. */
struct slice trial_session(size_t i);

/* The host with that label. */
const struct material_host *trial_host(const char *label);

/* LIST. */
extern const struct slice trial_list;

/* The add of a plain key, and a bind to a host in the i-th session. */
struct slice trial_add(unsigned user, struct slice constraints);
struct slice trial_bind(const struct material_key *key, struct slice blob,
    size_t i, uint8_t forwarding);

/* The constraint that restricts a key to one host; that allows just the way
 * from here over one host to another. */
struct slice trial_only_to(struct wire_writer *w,
    const struct material_host *h, const char *user);
struct slice trial_over(struct wire_writer *w, const struct material_host *h,
    const struct material_host *next);

/* A bind whose signature is for another session. */
struct slice trial_forged_bind(void);

/*
 * Asking both; what was not so is printed.
 */

/* Whether both answer as the row says, to a request that it is about. */
bool trial_differs(struct bench *b, const struct difference *d, unsigned c,
    struct slice body);

/* Whether both answer by this code. */
bool trial_both(struct bench *b, unsigned c, struct slice body, uint8_t code);

/* Whether the lists are that long. */
bool trial_lists(struct bench *b, unsigned c, uint32_t theirs, uint32_t mine);

#endif /* !TRIAL_H_ */
