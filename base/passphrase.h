#ifndef PASSPHRASE_H_
#define PASSPHRASE_H_

/*
 * passphrase - read one, from a terminal without echo or from a descriptor.
 *
 * Layer:   base.  Plain POSIX.
 * Secrets: the passphrase, in the caller's memory and nowhere else: it is read
 *          byte by byte to where it stays.
 */

#include <stddef.h>

#include "base/status.h"

/* Longest passphrase, in bytes. */
#define PASSPHRASE_MAX	1023

/**
 * passphrase_read(fd, p, len):
 * Read up to a newline, which is taken and not kept, or to the end.  What comes
 * behind a newline is left there.
 *
 * Shape:  *${len} bytes at ${p}, at most PASSPHRASE_MAX; no NUL behind it.
 * Errors: ST_CLOSED     it is empty
 *         ST_MALFORMED  there is a NUL in it: no terminal could give that
 *         ST_TOO_LARGE
 *         ST_SYSTEM     it cannot be read
 *         What was read so far is wiped, and *${len} is 0.
 */
int passphrase_read(int fd, char p[static PASSPHRASE_MAX], size_t *len)
    MUST_USE;

/**
 * passphrase_ask(prompt, p, len):
 * Show the prompt at the controlling terminal, whatever stdin is, and read one
 * line there without echo.  What was typed before is not taken.  A signal that
 * would end or stop the process does so once the echo is on again; after a stop
 * it is asked anew.  Not for two threads at once.
 *
 * Errors: ST_NOT_FOUND  there is no terminal
 *         ST_CLOSED     it is empty, or a handler of the caller's came back
 *                       from such a signal
 *         ST_TOO_LARGE, ST_SYSTEM
 *         As above.
 */
int passphrase_ask(const char *prompt, char p[static PASSPHRASE_MAX],
    size_t *len) MUST_USE;

/**
 * passphrase_wipe(p, len):
 * Overwrite it, so that no compiler leaves it out.
 */
void passphrase_wipe(char *p, size_t len);

#endif /* !PASSPHRASE_H_ */
