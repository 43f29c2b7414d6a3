#ifndef CREDENTIALS_H_
#define CREDENTIALS_H_

/*
 * credentials - user and password for a proxy, from a file or a descriptor.
 *
 * Layer:   forwarder.
 * Secrets: never through stdio; what was read is wiped but for ${out}, which
 *          the caller wipes.
 */

#include <stddef.h>

#include "base/status.h"
#include "forwarder/proxyurl.h"

/**
 * credentials_file(path, out, why, whylen):
 * The first line, "USER:PASSWORD", of a plain file.  As ssh has it for private
 * keys, one that is our own may be open to nobody else; root's is root's
 * affair; and anybody else's is refused.
 *
 * Errors: ST_UNTRUSTED, ST_MALFORMED, ST_NOT_FOUND, ST_SYSTEM; ${why} names
 *         the file and says what to do
 */
int credentials_file(const char *path, struct credentials *out, char *why,
    size_t whylen) MUST_USE;

/**
 * credentials_fd(fd, wait_s, out, why, whylen):
 * The same from an open descriptor, which is closed.  More may follow the
 * first newline; it is not looked at.  Whoever writes the line has ${wait_s}
 * seconds for it.
 *
 * Errors: ST_BUSY (not in that time), ST_MALFORMED, ST_SYSTEM; ${why} says
 *         what is wrong
 */
int credentials_fd(int fd, int wait_s, struct credentials *out, char *why,
    size_t whylen) MUST_USE;

#endif /* !CREDENTIALS_H_ */
