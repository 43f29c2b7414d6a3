#ifndef OWNFILE_H_
#define OWNFILE_H_

/*
 * ownfile - files that only root or we ourselves can have written.
 *
 * Layer:   base.
 *
 * Such a file is a plain one with one link, belongs to root or to our
 * effective uid, and cannot be written by group or others; so are the
 * directories that lead to it, but that one with the sticky bit may be written
 * by others, who cannot take the file away there.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/**
 * ownfile_trust_dirs(path, thing, holder_sticky, why, whylen):
 * Look at all directories above the absolute ${path}, which must have no
 * symlink in it: each belongs to root or to us and cannot be written by
 * others, unless sticky.  The one that holds it may be sticky only with
 * ${holder_sticky}.  ${thing} is what lies there: "socket".
 *
 * Errors: ST_UNTRUSTED  ${why} names the directory and what is wrong with it
 *         ST_SYSTEM
 */
int ownfile_trust_dirs(const char *path, const char *thing,
    bool holder_sticky, char *why, size_t whylen) MUST_USE;

/**
 * ownfile_resolve(path, thing, dir, name, why, whylen):
 * The directory of ${path}, absolute and with every symlink resolved, and
 * where in ${path} the name begins, which need not exist.
 *
 * Errors: ST_NOT_FOUND  no name, or no such directory; ST_TOO_LARGE, ST_SYSTEM
 */
int ownfile_resolve(const char *path, const char *thing,
    char dir[static PATH_MAX], const char **name, char *why, size_t whylen)
    MUST_USE;

/**
 * ownfile_path(path, out, why, whylen):
 * The absolute path of a file, for the functions below: they can then be
 * called again and again, wherever the process is by then.
 *
 * Errors: as ownfile_resolve()
 */
int ownfile_path(const char *path, char out[static PATH_MAX], char *why,
    size_t whylen) MUST_USE;

/**
 * ownfile_read(path, max, out, len, why, whylen):
 * All of a file of at most ${max} bytes.  ${path} is from ownfile_path().
 *
 * Owns:   the caller frees ${out}, which has a NUL behind its ${len} bytes.
 * Errors: ST_UNTRUSTED  not such a file
 *         ST_NOT_FOUND, ST_TOO_LARGE, ST_NOMEM, ST_SYSTEM
 *         ${why} says what is wrong and what to do about it
 */
int ownfile_read(const char *path, size_t max, char **out, size_t *len,
    char *why, size_t whylen) MUST_USE;

/**
 * ownfile_append(path, fd, why, whylen):
 * A descriptor that appends to a file, which is made with mode 0600 if it is
 * not there.
 *
 * Errors: as ownfile_read()
 */
int ownfile_append(const char *path, int *fd, char *why, size_t whylen)
    MUST_USE;

#endif /* !OWNFILE_H_ */
