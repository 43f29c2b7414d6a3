#ifndef MANIFESTVALUE_H_
#define MANIFESTVALUE_H_

/*
 * manifestvalue - what the texts in a manifest may be.
 *
 * Layer:   provision.  No I/O, no memory.
 *
 * These texts end up in configuration of ssh, in arguments of programs and in
 * messages.  A name is therefore of few characters, none of which means
 * anything to one of those; a path is data but for control bytes, which
 * nothing takes.
 */

#include <stdint.h>

#include "base/status.h"

/* Longest of each, in bytes. */
#define MANIFEST_HOST_MAX	253
#define MANIFEST_USER_MAX	255
#define MANIFEST_PATH_MAX	1024
#define MANIFEST_PROXY_MAX	1024

/**
 * manifestvalue_host(s), _user(s), _account(s), _path(s), _home(s), _proxy(s),
 * _purpose(s), _namespace(s), _peer(s), _plain(s):
 * NULL when ${s}, which is UTF-8, is good as a name or address of a host; a
 * user there; a user in the container; a path here, before ~ is expanded; the
 * home directory in the container; a proxy's URL; a purpose; a namespace of
 * SSHSIG; a peer; a text without control characters.  Else a static sentence
 * without its subject: "must be ...".
 */
const char *manifestvalue_host(const char *s);
const char *manifestvalue_user(const char *s);
const char *manifestvalue_account(const char *s);
const char *manifestvalue_path(const char *s);
const char *manifestvalue_home(const char *s);
const char *manifestvalue_proxy(const char *s);
const char *manifestvalue_purpose(const char *s);
const char *manifestvalue_namespace(const char *s);
const char *manifestvalue_peer(const char *s);
const char *manifestvalue_plain(const char *s);

/**
 * manifestvalue_rate(s, n, seconds):
 * "N/TIME": at most ${n} signatures in any ${seconds}; limits are
 * CONSTRAINT_RATE_N_MAX and CONSTRAINT_RATE_MAX.
 *
 * Errors: ST_MALFORMED  nothing was set
 */
int manifestvalue_rate(const char *s, uint32_t *n, uint32_t *seconds) MUST_USE;

#endif /* !MANIFESTVALUE_H_ */
