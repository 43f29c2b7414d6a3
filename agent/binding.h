#ifndef BINDING_H_
#define BINDING_H_

/*
 * binding - the hosts that one connection was bound to.
 *
 * Layer:   agent.  No crypto: signatures were verified (agent/verify.h) before
 *          something is recorded here.
 * Memory:  grows with each bind, within limits; ordinary memory.
 * Source:  OpenSSH's PROTOCOL.agent, "session-bind@openssh.com".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/reason.h"
#include "base/status.h"
#include "proto/certificate.h"
#include "proto/wire.h"

/* Most binds of a connection, and bytes in a session id, as in OpenSSH. */
#define BINDING_MAX		16
#define BINDING_SESSION_ID_MAX	128
/* Most bytes of host keys that one connection makes us keep. */
#define BINDING_BYTES_MAX	(32 * 1024)

struct binding {
	bool		 forwarding;
	size_t		 session_id_len;
	uint8_t		 session_id[BINDING_SESSION_ID_MAX];
	uint8_t		*hostkey;	/* blob: plain or certificate */
	size_t		 hostkey_len;
	/* Decoded once: every key with destinations is compared with it. */
	bool		 is_cert, is_broken;
	struct certificate cert;	/* borrows from hostkey */
};

/* All zeroes: no bind was tried. */
struct bindings {
	bool		 attempted;	/* also when it failed: stays so */
	bool		 gap;		/* a host may be on the way that is
					 * not recorded: stays so */
	size_t		 n;
	size_t		 bytes;
	struct binding	*at;		/* n of them, in their order */
};

void bindings_fini(struct bindings *b);

/**
 * bindings_add(b, hostkey, session_id, forwarding, why):
 * Record a bind whose signature was verified.  The same session id with the
 * same host key once more is fine and changes nothing.
 *
 * Errors: ST_DENIED     after a bind that was not for forwarding, or a known
 *                       session id with another host key
 *         ST_TOO_LARGE  a session id of more than BINDING_SESSION_ID_MAX bytes
 *         ST_FULL       BINDING_MAX binds are there, or BINDING_BYTES_MAX
 *         ST_NOMEM
 *         *${why} then says why; ${b} is unchanged.
 */
int bindings_add(struct bindings *b, struct slice hostkey,
    struct slice session_id, bool forwarding, enum reason *why) MUST_USE;

/**
 * bindings_forwarded(b):
 * Whether any bind was for forwarding, or may have been one that is not
 * recorded: a far host may be at the other end.
 */
bool bindings_forwarded(const struct bindings *b);

/**
 * binding_decode(b):
 * See whether the host key is a certificate, and what is in it; bindings_add()
 * does.
 */
void binding_decode(struct binding *b);

struct slice binding_hostkey(const struct binding *b);
struct slice binding_session_id(const struct binding *b);

#endif /* !BINDING_H_ */
