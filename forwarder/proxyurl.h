#ifndef PROXYURL_H_
#define PROXYURL_H_

/*
 * proxyurl - which proxy: its URL, and the list of hosts that need none.
 *
 * Layer:   forwarder.  No I/O.
 * Source:  RFC 3986 section 3.2; RFC 1929 and RFC 7617 section 2 (what may be
 *          in user and password); the variables as curl(1) and Go have them.
 * Secrets: a URL may hold a password.  No message here shows any of a URL but
 *          scheme, host and port.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "forwarder/target.h"

/* Longest user and password; SOCKS takes 255 bytes of each. */
#define PROXY_USER_MAX		255
#define PROXY_PASSWORD_MAX	4096
/* "socks5h://", authority and NUL. */
#define PROXY_NAME_MAX		(10 + TARGET_AUTHORITY_MAX)

enum proxy_kind {
	PROXY_DIRECT,		/* none */
	PROXY_HTTP,		/* CONNECT */
	PROXY_SOCKS5,		/* names are looked up by us */
	PROXY_SOCKS5H,		/* names are looked up by the proxy */
};

struct credentials {
	bool	 given;
	size_t	 user_len, password_len;
	char	 user[PROXY_USER_MAX + 1];
	char	 password[PROXY_PASSWORD_MAX + 1];
};

struct proxy {
	enum proxy_kind		 kind;
	struct target		 at;	/* not with PROXY_DIRECT */
	struct credentials	 auth;
	char			 name[PROXY_NAME_MAX];	/* for messages */
};

/**
 * proxyurl_parse(url, out, why, whylen):
 * "direct", "http://[USER[:PASSWORD]@]HOST[:PORT][/]", the same with socks5
 * or socks5h, or without a scheme, which is http.  Ports are 80 for http and
 * 1080 for SOCKS when not given.  User and password are percent-decoded.
 *
 * Owns:   who calls wipes ${out} when it is not needed any more, also after
 *         an error.
 * Errors: ST_MALFORMED    ${why} says what is wrong, in one line
 *         ST_UNSUPPORTED  a scheme that we do not speak
 */
int proxyurl_parse(const char *url, struct proxy *out, char *why,
    size_t whylen) MUST_USE;

/**
 * proxyurl_credentials(line, len, out, why, whylen):
 * "USER:PASSWORD", as a file holds it: bytes as they are, up to the first
 * newline.
 *
 * Errors: ST_MALFORMED  ${why} says what is wrong
 */
int proxyurl_credentials(const char *line, size_t len,
    struct credentials *out, char *why, size_t whylen) MUST_USE;

/**
 * proxyurl_bypass(list, t):
 * Whether NO_PROXY says that ${t} needs no proxy.  Words between commas and
 * blanks: "*"; a name, alone or with "." or "*." before it, for itself and all
 * names below it; an address; addresses as ADDRESS/BITS; each may end in
 * ":PORT", where an IPv6 address is in brackets.  ::ffff:A.B.C.D and A.B.C.D
 * are the same address.  What is none of these matches nothing.
 */
bool proxyurl_bypass(const char *list, const struct target *t);

#endif /* !PROXYURL_H_ */
