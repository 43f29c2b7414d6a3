#ifndef HOSTSCAN_H_
#define HOSTSCAN_H_

/*
 * hostscan - ask a host for its keys.
 *
 * Layer:   provision.  libssh; hostscan.c is the only file that knows it.
 * Memory:  the keys are the caller's, until hostscan_fini().
 * Secrets: none.  Whatever the host sends is read by a process of its own, a
 *          copy of ours without what lies in a secret region; it reads and
 *          writes no file, and what it says is capped and parsed.
 *
 * What is asked over a network proves nothing: the answer is for a person to
 * compare with what the host's owner says.
 *
 * One connection gives one key, so there is one for each type that we ask for:
 * Ed25519, ECDSA, RSA, in this order.  Each ends when the exchange of keys is
 * done, in which the host has proven to have the private half; nobody logs in.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "keys/fingerprint.h"

#define HOSTSCAN_TIME_MS	10000
/* One of each type. */
#define HOSTSCAN_KEYS_MAX	3

struct hostscan_key {
	char	*text;		/* "TYPE BASE64"; owned */
	uint8_t	*blob;		/* owned */
	size_t	 len;
	char	 fingerprint[FINGERPRINT_MAX];	/* "SHA256:..." */
};

struct hostscan {
	struct hostscan_key	 key[HOSTSCAN_KEYS_MAX];
	size_t			 n;
};

/* Connections to a host that are made in another way than by its name. */
struct hostscan_way {
	const char	*name;		/* of the host, for messages */
	/* Open one; its time is part of the scan's.  On errors, which
	 * hostscan_run_by() returns as they are, ${why} is one line. */
	int		(*open)(void *arg, int *fd, char *why, size_t whylen);
	/* Close it; the next one is opened after that. */
	void		(*close)(void *arg, int fd);
	void		*arg;
};

/**
 * hostscan_run(hostname, port, time_ms, out, why, whylen):
 * Connect to a host and take its keys.  ${time_ms} is for all of it: name,
 * addresses, connections.
 *
 * Errors: ST_OK         at least one key.  ${why} is empty, or says what kept
 *                       us from asking for more of them
 *         ST_CLOSED     cannot be reached, or ends the connection
 *         ST_BUSY       no answer in time
 *         ST_NOT_FOUND  the name
 *         ST_MALFORMED  no SSH server, or none of these keys
 *         ST_NOMEM, ST_SYSTEM
 *         ${why} is one line, escaped.  ${out} is then empty.
 */
int hostscan_run(const char *hostname, uint16_t port, int time_ms,
    struct hostscan *out, char *why, size_t whylen) MUST_USE;

/**
 * hostscan_run_by(way, time_ms, out, why, whylen):
 * The same over connections of the caller's, sockets.
 *
 * Errors: as hostscan_run(), but for ST_NOT_FOUND; and those of ${way}
 */
int hostscan_run_by(const struct hostscan_way *way, int time_ms,
    struct hostscan *out, char *why, size_t whylen) MUST_USE;

/**
 * hostscan_fini(s):
 * Release.  May be called twice.
 */
void hostscan_fini(struct hostscan *s);

#endif /* !HOSTSCAN_H_ */
