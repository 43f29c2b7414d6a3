#ifndef TARGET_H_
#define TARGET_H_

/*
 * target - the host and port that a tunnel leads to.
 *
 * Layer:   forwarder.  No I/O.
 * Source:  RFC 9110 section 9.3.6 (authority form), RFC 3986 section 3.2.2,
 *          RFC 1123 section 2.1.
 *
 * ssh passes HOST (%h) on from what a user or a URL gave it.  What is in a
 * struct target can be put into a request, a message or a host name lookup as
 * it is: it has nothing in it but letters, digits, '-', '.', '_' and, in an
 * address, ':' and a zone.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Longest host name (RFC 1035 section 2.3.4, as text). */
#define TARGET_HOST_MAX		253
/* "[", host, "]:", five digits and NUL. */
#define TARGET_AUTHORITY_MAX	(TARGET_HOST_MAX + 9)

/* Room for what target_parse() says at most. */
#define TARGET_WHY_MAX		384

enum target_kind {
	TARGET_NAME,
	TARGET_IPV4,
	TARGET_IPV6,
};

struct target {
	enum target_kind kind;
	bool		 zone;		/* an IPv6 address with %ZONE */
	uint8_t		 addr[16];	/* IPv4: the first 4; network order */
	uint16_t	 port;
	char		 host[TARGET_HOST_MAX + 1];	/* without [] */
	char		 authority[TARGET_AUTHORITY_MAX];	/* host:port */
};

/**
 * target_parse(host, port, out, why, whylen):
 * Take a name, an IPv4 address, or an IPv6 address with or without brackets;
 * and a port in decimal, from 1 on.
 *
 * Errors: ST_MALFORMED  ${why} says what is wrong, in one line
 *         ST_TOO_LARGE  the same, where it is longer than a name can be
 */
int target_parse(const char *host, const char *port, struct target *out,
    char *why, size_t whylen) MUST_USE;

#endif /* !TARGET_H_ */
