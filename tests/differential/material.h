#ifndef MATERIAL_H_
#define MATERIAL_H_

/*
 * material - the keys, hosts and certificates that the differential test
 * speaks of, and their signatures.
 *
 * All keys follow from constants, so that a sequence has the same bytes in
 * every run but for the random numbers in ECDSA.  Nothing of the agent's own
 * code for keys and certificates is used: what it and this file understand
 * differently shall show.
 *
 * Memory:  one arena that is never released.
 * Source:  RFC 4253, 5656, 8332, 8709; OpenSSH's PROTOCOL.certkeys and
 *          PROTOCOL.u2f; RFC 9987 for the order of private fields.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "proto/wire.h"

enum material_kind {
	KIND_ED25519,
	KIND_P256,
	KIND_P384,
	KIND_P521,
	KIND_RSA,
	KIND_SK_ED25519,
	KIND_SK_P256,
	KIND_DSA,		/* until OpenSSH 10.0; cannot sign here */
};

struct material_key {
	enum material_kind kind;
	const char	*label;		/* for people: "rsa 2048" */
	struct slice	 public;	/* the fields of the public blob */
	struct slice	 blob;		/* type name and these */
	struct slice	 private;	/* the fields of an add */
	struct slice	 behind_cert;	/* those after a certificate */
	struct slice	 n, e, d, iqmp, p, q;	/* RSA; d: ECDSA as well */
	struct slice	 point;		/* Ed25519: 32 bytes; ECDSA: 04 x y */
	uint8_t		 secret[64];	/* Ed25519: seed, public */
	EVP_PKEY	*pkey;		/* RSA and ECDSA */
};

/* Keys that are added to the agents; the first are cheap to sign with. */
enum {
	USER_ED25519, USER_ED25519_TOO, USER_P256, USER_RSA_1024,
	USERS_CHEAP,
	USER_SK_ED25519 = USERS_CHEAP, USER_SK_P256, USER_RSA_2048, USER_P384,
	USER_P521, USER_RSA_ODD,
	USERS
};
/* Certificates of each: two of a user, one of a host. */
#define USER_CERTS	3

struct material_user {
	struct material_key	*key;
	struct slice		 certs[USER_CERTS];
};

/* What a connection can be bound to. */
struct material_host {
	const char		*label;
	const struct material_key *key;
	struct slice		 blob;		/* plain or certificate */
	bool			 cert, forged;
	const struct material_key *ca;		/* of a certificate */
	unsigned		 since;		/* version from which on it
						 * matches as in 10.5 */
};
#define HOSTS_MAX	32
/* Hosts from this one on have certificates. */
#define HOST_FIRST_CERT	7

extern struct material_user material_users[USERS];
extern struct material_host material_hosts[HOSTS_MAX];
extern size_t material_n_hosts;
/* The host name that the certificates of hosts are for. */
#define MATERIAL_HOST_NAME	"host.example"

/* Make all of it. */
void material_make(void);

/* A copy that stays. */
struct slice material_keep(struct slice s);

/* "ssh-ed25519"; and of its certificates. */
const char *material_type(enum material_kind kind);
const char *material_cert_type(enum material_kind kind);

/* The key that has this blob, plain or a certificate; NULL: none of ours. */
const struct material_key *material_find(struct slice blob, bool *cert);

/* A key of its own.  The seed says which. */
struct material_key *material_new(enum material_kind kind, unsigned bits,
    const char *label);

/* RSA keys that can sign: one of 1024 bits whose public exponent is as long,
 * and one of 9216 bits. */
struct material_key *material_new_slow(void);
struct material_key *material_new_large(void);

/* The Ed25519 key pair of a seed. */
void material_ed25519(const uint8_t seed[static 32], uint8_t pk[static 32],
    uint8_t sk[static 64]);

/* A DSA key as an add has it. */
struct material_key *material_new_dsa(void);

struct material_cert {
	const struct material_key *key;
	const struct material_key *ca;
	const char	*ca_algorithm;	/* NULL: the first of its kind */
	uint32_t	 role;		/* 1 user, 2 host */
	uint64_t	 serial;
	const char	*principals[4];	/* NULL at the end */
	uint64_t	 after, before;
	const char	*critical;	/* NULL: no such option */
	bool		 forged;	/* one bit of the signature is wrong */
};

struct slice material_certify(const struct material_cert *c);

/* The algorithms that a kind signs with: the i-th, or NULL. */
const char *material_algorithm(enum material_kind kind, size_t i);

/* Append string algorithm, string signature and what belongs to it. */
void material_sign(struct wire_writer *w, const struct material_key *k,
    const char *algorithm, struct slice data);

/* Whether it is a signature of k over data, by the algorithm that it names,
 * which k must be able to make. */
bool material_verify(const struct material_key *k, struct slice signature,
    struct slice data);

/* Whether a host's blob is what it seems: a point is on its curve, and a
 * certificate is one of ours that is not forged. */
bool material_is_sound(struct slice blob);

/* Whether a private half belongs to its public half. */
bool material_ed25519_fits(struct slice pk, struct slice sk);
bool material_ecdsa_fits(enum material_kind kind, struct slice q,
    struct slice d);
bool material_rsa_fits(struct slice n, struct slice e, struct slice d,
    struct slice iqmp, struct slice p, struct slice q);

#endif /* !MATERIAL_H_ */
