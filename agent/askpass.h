#ifndef ASKPASS_H_
#define ASKPASS_H_

/*
 * askpass - ask the person at the screen, through OpenSSH's askpass program.
 *
 * Layer:   agent; for ssh-agent mode only, and never as root.
 * Process: the agent may start no program (its seccomp filter kills it for
 *          that), so a helper of its own is forked before the vault exists and
 *          before anything is given up.  It holds no key, gets questions over
 *          a socket pair, runs askpass for one at a time, and ends when the
 *          agent does.
 * Source:  ssh-agent(1), ssh-add(1) -c: DISPLAY, WAYLAND_DISPLAY,
 *          SSH_ASKPASS, SSH_ASKPASS_REQUIRE.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/status.h"
#include "proto/wire.h"

/* Questions that wait at the same time. */
#define ASKPASS_PENDING_MAX	32
/* Longest prompt, in bytes. */
#define ASKPASS_PROMPT_MAX	1024
/* Most output that is looked at: what says more does not say yes. */
#define ASKPASS_OUTPUT_MAX	1024
/* The program, where SSH_ASKPASS names none. */
#define ASKPASS_PROGRAM		"/usr/bin/ssh-askpass"

struct askpass;

/**
 * askpass_fork(out):
 * Start the helper, where the environment says that there is somebody to ask:
 * SSH_ASKPASS_REQUIRE=force, or DISPLAY or WAYLAND_DISPLAY and not
 * SSH_ASKPASS_REQUIRE=never.
 *
 * Errors: ST_NOT_FOUND  there is nobody to ask; *${out} is NULL
 *         ST_DENIED     the effective or real uid is 0; *${out} is NULL
 *         ST_NOMEM, ST_SYSTEM
 */
int askpass_fork(struct askpass **out) MUST_USE;

/**
 * askpass_attach(ap, loop):
 * Take answers whenever ${loop} runs.
 */
int askpass_attach(struct askpass *ap, struct loop *loop) MUST_USE;

typedef void askpass_fn(void *cookie, bool yes);

/**
 * askpass_ask(ap, prompt, fn, cookie, id):
 * Ask; ${fn} is called from the loop with the answer: yes is an exit code of 0
 * and a first line of output that is empty or "yes", all else is no.  When the
 * helper is gone every question is answered by no.  Questions are put one after
 * the other, with no limit of time.  Control bytes in ${prompt} are escaped by
 * whoever made it; *${id} is never 0.
 *
 * Owns:   copies ${prompt}.  ${fn} may ask and cancel, but not free ${ap}.
 * Errors: ST_FULL       ASKPASS_PENDING_MAX questions wait already
 *         ST_TOO_LARGE  the prompt is longer than ASKPASS_PROMPT_MAX
 *         ST_CLOSED     the helper is gone
 *         ST_NOMEM
 */
int askpass_ask(struct askpass *ap, const char *prompt, askpass_fn *fn,
    void *cookie, uint32_t *id) MUST_USE;

/**
 * askpass_cancel(ap, id):
 * Nobody waits for that answer any more: ${fn} is not called, a question that
 * was not put yet is not put, and the program that puts it is ended.  An id
 * that was answered already means nothing.
 */
void askpass_cancel(struct askpass *ap, uint32_t id);

/**
 * askpass_free(ap):
 * Let the helper end, and what it runs.  No question is answered any more.
 * NULL is fine.
 */
void askpass_free(struct askpass *ap);

#endif /* !ASKPASS_H_ */
