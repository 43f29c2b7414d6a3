#ifndef PROGRESS_H_
#define PROGRESS_H_

/*
 * progress - what is being done for several targets, for people.
 *
 * Layer:   provision.
 * Threads: _begin, _doing and _done, and all of log.h, may be called from any;
 *          the rest is for the one that has called progress_new().
 *
 * On a terminal there is a line for each target that is not done, below all
 * that was said: its name, for how long, and what is being done.  They are
 * drawn in place, are at most a screenful, and each is cut to the terminal's
 * width.  What log.h is given comes out above them.  While another job has the
 * terminal nothing is drawn, nor elsewhere, nor where TERM is dumb: there who
 * takes long is told of by a line of the log, now and again.  NO_COLOR does
 * away with bold names.
 *
 * Nothing in a name or text can do anything to the terminal: what is not
 * printable is shown as \xNN.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* How often progress_tick() is to be called. */
#define PROGRESS_TICK_MS	100
/* What is over sooner is not worth a line. */
#define PROGRESS_FIRST_MS	200
/* Elsewhere: who takes longer is told of, then after twice the time, and so
 * on. */
#define PROGRESS_REMIND_MS	10000
/* What is kept of a text. */
#define PROGRESS_TEXT_MAX	256
/* Larger terminals are taken for this large. */
#define PROGRESS_COLUMNS_MAX	512
#define PROGRESS_ROWS_MAX	256

struct progress;

/**
 * progress_new(out, names, n, fd, plain):
 * Targets of these names, all of them waiting; ${fd} is where people look,
 * which is stderr.  With ${plain} nothing is drawn.
 *
 * Owns:   ${names} must stay until progress_free().
 * Errors: ST_NOMEM, ST_SYSTEM
 */
int progress_new(struct progress **out, const char *const *names, size_t n,
    int fd, bool plain) MUST_USE;

/**
 * progress_begin(p, i), progress_doing(p, i, text), progress_done(p, i):
 * Target ${i} is under way, is at that now, is done: then it has no line any
 * more.
 */
void progress_begin(struct progress *p, size_t i);
void progress_doing(struct progress *p, size_t i, const char *text);
void progress_done(struct progress *p, size_t i);

/**
 * progress_tick(p):
 * Draw what has changed.
 */
void progress_tick(struct progress *p);

/**
 * progress_anew(p):
 * Others may have written to the terminal, as when we were stopped: what was
 * drawn is left alone, and drawn once more where the cursor is.
 */
void progress_anew(struct progress *p);

/**
 * progress_free(p):
 * Take away what was drawn.  NULL is fine.
 */
void progress_free(struct progress *p);

#endif /* !PROGRESS_H_ */
