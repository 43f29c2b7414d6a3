#ifndef ASK_H_
#define ASK_H_

/*
 * ask - bodies of requests, and what goes into them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "differential/material.h"
#include "proto/agent_num.h"
#include "proto/wire.h"

/* An add of a plain key, or of one with a certificate where cert is not
 * empty. */
void ask_put_add(struct wire_writer *w, uint8_t type,
    const struct material_key *k, struct slice cert, struct slice comment,
    struct slice constraints);

void ask_put_sign(struct wire_writer *w, struct slice blob, struct slice data,
    uint32_t flags);

/* A request of a type and one string; one of a type and a name. */
void ask_put_string(struct wire_writer *w, uint8_t type, struct slice s);
void ask_put_text(struct wire_writer *w, uint8_t type, const char *s);

/* The start of an extension as a constraint. */
void ask_put_constraint(struct wire_writer *w, const char *name);
void ask_put_lifetime(struct wire_writer *w, uint32_t seconds);

/* session-bind@openssh.com.  The signature is over signed_sid. */
struct ask_bind {
	struct slice		 hostkey;
	struct slice		 sid, signed_sid;
	const struct material_key *signer;
	const char		*algorithm;
	uint8_t			 forwarding;
};

void ask_put_bind(struct wire_writer *w, const struct ask_bind *b);

/* A userauth request, to be signed. */
struct ask_userauth {
	struct slice	 sid;
	const char	*user;
	const char	*service;	/* "ssh-connection" */
	const char	*method;	/* ASK_*: hostbound has a hostkey */
	uint8_t		 has_signature;
	const char	*algorithm;
	struct slice	 blob;
	struct slice	 hostkey;
	struct slice	 trailing;
};

void ask_put_userauth(struct wire_writer *w, const struct ask_userauth *u);

#define ASK_PUBLICKEY	"publickey"
#define ASK_HOSTBOUND	"publickey-hostbound-v00@openssh.com"

/* What ssh-keygen -Y sign signs. */
void ask_put_sshsig(struct wire_writer *w, const char *ns, const char *hash);

/* One end of a pair of restrict-destination-v00@openssh.com; the pair, which
 * is a string; and only its fields. */
struct ask_hop {
	const char	*user;
	const char	*host;
	const char	*reserved;
	size_t		 n;
	struct {
		struct slice	 blob;
		uint8_t		 is_ca;
	} keys[3];
};

void ask_put_pair(struct wire_writer *w, const struct ask_hop *from,
    const struct ask_hop *to, const char *reserved);

void ask_put_hops(struct wire_writer *w, const struct ask_hop *from,
    const struct ask_hop *to, const char *reserved);

/* The hop that is this host: its key, or the CA of its certificate. */
struct ask_hop ask_hop_of(const struct material_host *h, const char *user);

#endif /* !ASK_H_ */
