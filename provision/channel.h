#ifndef CHANNEL_H_
#define CHANNEL_H_

/*
 * channel - talk with a program in a target: bytes to it, lines from it.
 *
 * Layer:   provision.
 *
 * What comes back went through engines and programs that nobody here knows:
 * other output may be mixed in, lines may end in CR LF, and all of it may be
 * made up.  Lines that do not begin with the mark are passed over, and what is
 * too long is cut; who sends without end is ended.
 */

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "proto/wire.h"
#include "provision/child.h"

/* Longest line; most bytes that are read in all; what is kept of the first
 * bytes of both streams, for target_report(). */
#define CHANNEL_LINE_MAX	4096
#define CHANNEL_READ_MAX	(4 * 1024 * 1024)
#define CHANNEL_KEPT_MAX	4096

struct channel {
	struct child	 child;
	uint8_t		*out;		/* to be written */
	size_t		 out_len, out_at, out_cap;
	bool		 close_after;	/* stdin, once all is written */
	char		 line[CHANNEL_LINE_MAX];
	size_t		 line_len;
	bool		 too_long;	/* the rest of the line is left out */
	size_t		 read;
	char		 kept[CHANNEL_KEPT_MAX];	/* of stdout */
	size_t		 kept_len;
	bool		 started;
	bool		 ended;		/* the child has, and all was read */
	int64_t		 deadline_ms;	/* 0: none */
};

/* A line without its end; what is done with it may end the channel. */
typedef void (*channel_line)(struct slice line, void *arg);

/**
 * channel_start(c, spec, why, whylen):
 * Run a program; streams, caps and time of ${spec} are set here.
 *
 * Errors: those of child_start()
 */
int channel_start(struct channel *c, struct child_spec *spec, char *why,
    size_t whylen) MUST_USE;

/**
 * channel_send(c, bytes):
 * Add to what is to be written.  It is public, or ciphertext.
 *
 * Errors: ST_NOMEM
 */
int channel_send(struct channel *c, struct slice bytes) MUST_USE;

/**
 * channel_patience(c, ms):
 * It must have done what it is waited for in that time; 0: no limit.
 */
void channel_patience(struct channel *c, int64_t ms);

/**
 * channel_is_idle(c):
 * Whether all that was to be written is.
 */
bool channel_is_idle(const struct channel *c);

/**
 * channel_left(c):
 * How many bytes are not written yet.
 */
size_t channel_left(const struct channel *c);

/**
 * channel_hang_up(c):
 * Close its stdin, once what is to be written is written.
 */
void channel_hang_up(struct channel *c);

/**
 * channel_cut(c):
 * The same at once: what is not written yet never is.
 */
void channel_cut(struct channel *c);

/**
 * channel_fds(c, fds), channel_wait_ms(c):
 * As child_fds() and child_wait_ms().
 */
void channel_fds(const struct channel *c, struct pollfd fds[static CHILD_FDS]);
int channel_wait_ms(const struct channel *c);

/**
 * channel_turn(c, fds, mark, each, arg):
 * Write, read, and call ${each} for every line that begins with ${mark}.
 *
 * Errors: ST_OK         the program has ended, and all it said was read
 *         ST_MORE       it runs
 *         ST_BUSY       its time is over: it was killed
 *         ST_TOO_LARGE  it says more than CHANNEL_READ_MAX: it was killed
 *         ST_NOMEM, ST_SYSTEM; it was killed
 */
int channel_turn(struct channel *c, const struct pollfd *fds, const char *mark,
    channel_line each, void *arg) MUST_USE;

/**
 * channel_kept(c):
 * The first bytes of its stdout.
 */
struct slice channel_kept(const struct channel *c);

/**
 * channel_said(c):
 * The first bytes of its stderr.
 */
struct slice channel_said(const struct channel *c);

/**
 * channel_fini(c):
 * Kill it if it runs.  May be called twice, and for one that was zeroed.
 */
void channel_fini(struct channel *c);

#endif /* !CHANNEL_H_ */
