#ifndef BODIES_H_
#define BODIES_H_

/*
 * bodies - messages that an attacker can make, good and bad ones.
 *
 * Layer:   tests.
 * Memory:  what is returned stays until BODIES_ROOMS more were made.
 *
 * Hosts have Ed25519 keys that follow from their names, so that genuine binds
 * can be made for any of them, by any session id.
 */

#include <stdbool.h>

#include "proto/wire.h"

#define BODIES_ROOMS	16

/* Room for a message or a part of one. */
struct wire_writer bodies_room(void);
/* What is in it; it fits. */
struct slice bodies_done(const struct wire_writer *w);

/* A message of a number, and of a number and one or two strings. */
struct slice body_number(uint8_t type);
struct slice body_string(uint8_t type, const void *p, size_t len);
struct slice body_text(uint8_t type, const char *text);
struct slice body_smartcard(uint8_t type, const char *provider);

/* An extension with a body. */
struct slice body_extension(const char *name, struct slice body);

/* A signature. */
struct slice body_sign(struct slice blob, struct slice data, uint32_t flags);

/* To add a good Ed25519 key of ours, with constraints or none. */
struct slice body_add(uint8_t type, struct slice constraints);

/* To add a key of an authenticator, whose library is to be loaded. */
struct slice body_add_sk(const char *provider);

/* The public key of a host. */
struct slice host_blob(const char *host);

/* A bind. */
struct bind_spec {
	const char	*host;
	const char	*signer;	/* whose key signs: NULL: its own */
	const char	*session;	/* any word */
	bool		 forwarding;
};

struct slice body_bind(const struct bind_spec *spec);

/* A bind of any key with any signature: what the verifier has to chew. */
struct slice body_bind_raw(struct slice hostkey, struct slice session,
    struct slice signature);

/* What is to be signed: a login with that key (host NULL: not host-bound), an
 * SSHSIG. */
struct slice data_login(const char *session, const char *user,
    struct slice blob, const char *host);
struct slice data_login_as(const char *session, struct slice user,
    struct slice blob);
struct slice data_sshsig(struct slice ns);

#endif /* !BODIES_H_ */
