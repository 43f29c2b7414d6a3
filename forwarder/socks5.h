#ifndef SOCKS5_H_
#define SOCKS5_H_

/*
 * socks5 - the messages of SOCKS version 5, up to the tunnel.
 *
 * Layer:   forwarder.  No I/O, no clock, no globals.
 * Source:  RFC 1928 sections 3 to 6, RFC 1929 section 2.
 * Secrets: socks5_login() writes a password.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "forwarder/proxyurl.h"
#include "forwarder/target.h"

/* Longest message that we send, and that we take. */
#define SOCKS5_SEND_MAX		520
#define SOCKS5_REPLY_MAX	262
/* Bytes of the answers to socks5_hello() and to socks5_login(). */
#define SOCKS5_METHOD_LEN	2
#define SOCKS5_STATUS_LEN	2

/* Ways to log in (RFC 1928 section 3). */
#define SOCKS5_NONE		0x00
#define SOCKS5_PASSWORD		0x02
#define SOCKS5_UNACCEPTABLE	0xff

/* Replies (RFC 1928 section 6). */
enum socks5_code {
	SOCKS5_OK = 0,
	SOCKS5_FAILURE = 1,
	SOCKS5_NOT_ALLOWED = 2,
	SOCKS5_NET_UNREACHABLE = 3,
	SOCKS5_HOST_UNREACHABLE = 4,
	SOCKS5_REFUSED = 5,
	SOCKS5_EXPIRED = 6,
	SOCKS5_NO_COMMAND = 7,
	SOCKS5_NO_ADDRESS_TYPE = 8,
};

/**
 * socks5_hello(out, auth):
 * The ways to log in that we know: with a password only when there is one.
 * Returns how many bytes were written.
 */
size_t socks5_hello(uint8_t out[static SOCKS5_SEND_MAX],
    const struct credentials *auth);

/**
 * socks5_method(p, auth, method):
 * The way that the proxy has chosen from its SOCKS5_METHOD_LEN bytes.
 *
 * Errors: ST_MALFORMED  not an answer to what we sent
 *         ST_DENIED     it takes none of them
 */
int socks5_method(const uint8_t p[static SOCKS5_METHOD_LEN],
    const struct credentials *auth, uint8_t *method) MUST_USE;

/**
 * socks5_login(out, auth, len):
 * User and password.
 *
 * Errors: ST_TOO_LARGE  the password is above 255 bytes
 */
int socks5_login(uint8_t out[static SOCKS5_SEND_MAX],
    const struct credentials *auth, size_t *len) MUST_USE;

/**
 * socks5_status(p):
 * Whether the proxy takes them.
 *
 * Errors: ST_MALFORMED, ST_DENIED
 */
int socks5_status(const uint8_t p[static SOCKS5_STATUS_LEN]) MUST_USE;

/**
 * socks5_connect(out, t):
 * The request to connect to ${t}.  Returns how many bytes were written.
 */
size_t socks5_connect(uint8_t out[static SOCKS5_SEND_MAX],
    const struct target *t);

/**
 * socks5_reply(p, n, need, code):
 * Look at the first ${n} bytes of the reply.
 *
 * Errors: ST_MORE       *${need} is how many bytes must be there to go on, at
 *                       most SOCKS5_REPLY_MAX; none of them is behind it
 *         ST_MALFORMED
 *         ST_DENIED     *${code} is not SOCKS5_OK; the reply need not be whole
 */
int socks5_reply(const uint8_t *p, size_t n, size_t *need, uint8_t *code)
    MUST_USE;

/**
 * socks5_code_name(code):
 * The words of RFC 1928 for a reply.
 */
const char *socks5_code_name(uint8_t code);

#endif /* !SOCKS5_H_ */
