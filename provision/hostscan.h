#ifndef HOSTSCAN_H_
#define HOSTSCAN_H_

/*
 * hostscan - ask a host for its key.
 *
 * Layer:   provision.  libssh; the only file that knows it.
 *
 * What is asked over a network proves nothing: the answer is for a person to
 * compare with what the host's owner says.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define HOSTSCAN_TIME_MS	10000

struct hostscan_key {
	char	*text;		/* "TYPE BASE64"; owned */
	uint8_t	*blob;		/* owned */
	size_t	 len;
	char	 fingerprint[64];	/* "SHA256:..." */
};

struct hostscan {
	struct hostscan_key	 key[8];	/* one of each type it has */
	size_t			 n;
};

/**
 * hostscan_run(hostname, port, time_ms, out, why, whylen):
 * Connect and take the host's keys: one connection for each type of key that
 * we ask for (Ed25519, ECDSA, RSA), until the exchange of keys is done; nobody
 * logs in.  No file of the user's is read or written by it.
 *
 * Errors: ST_CLOSED   cannot be reached, or ends the connection
 *         ST_BUSY     no answer in time
 *         ST_NOT_FOUND  the name
 *         ST_MALFORMED  no SSH server, or none of these keys
 *         ST_NOMEM, ST_SYSTEM
 *         ${why} is one line, escaped.
 */
int hostscan_run(const char *hostname, uint16_t port, int time_ms,
    struct hostscan *out, char *why, size_t whylen) MUST_USE;

void hostscan_fini(struct hostscan *s);

#endif /* !HOSTSCAN_H_ */
