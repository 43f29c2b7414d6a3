#ifndef VERIFY_H_
#define VERIFY_H_

/*
 * verify - signatures that others made, with keys that others chose.
 *
 * Layer:   agent.
 * Memory:  ordinary: nothing here is secret.  Not for use inside vault_run().
 * Threads: any, several at once.  verify_init() comes first.
 * Source:  RFC 4253 section 6.6, RFC 5656, RFC 8332, RFC 8709; OpenSSH's
 *          PROTOCOL.certkeys and PROTOCOL.u2f.
 *
 * Every byte is a peer's, and so is the time that verifying takes: what is
 * larger than the limits below is refused before any arithmetic.
 */

#include "base/status.h"
#include "proto/certificate.h"
#include "proto/keyblob.h"

/* RSA keys of peers, in bits. */
#define VERIFY_RSA_BITS_MIN	1024
#define VERIFY_RSA_BITS_MAX	8192
#define VERIFY_RSA_E_BITS_MAX	64

/**
 * verify_init():
 * Fetch what libcrypto keeps for hashes and curves, in the first thread.
 *
 * Errors: ST_CRYPTO
 */
int verify_init(void) MUST_USE;

/**
 * verify_key(key, why):
 * Whether ${key} is one with which something could be verified.
 *
 * Errors: ST_MALFORMED  a point that is not on its curve
 *         ST_TOO_LARGE  an RSA key outside of the limits
 *         ST_NOMEM
 *         *${why} is then a static line for people.
 */
int verify_key(const struct public_fields *key, const char **why) MUST_USE;

/**
 * verify_signature(key, signature, data, why):
 * Whether ${signature} (string algorithm, string bytes; sk types: u8 flags and
 * u32 counter after them; nothing else) is one of ${key} over ${data}.  The
 * algorithm may be any that the type of key makes: for RSA ssh-rsa,
 * rsa-sha2-256 and rsa-sha2-512.
 *
 * Errors: ST_MALFORMED    the signature is broken or wrong, or the key is none
 *                         (a point that is not on its curve, an RSA number
 *                         that cannot be)
 *         ST_TOO_LARGE    an RSA key outside of the limits
 *         ST_UNSUPPORTED  an algorithm that the key does not make, or that
 *                         libcrypto is configured not to verify; also
 *                         webauthn-sk-ecdsa-sha2-nistp256@openssh.com, which
 *                         browsers make and hosts and CAs do not
 *         ST_NOMEM        and never anything else that is negative; where
 *                         libcrypto does not tell, it is one of the others
 *         *${why} is then a static line for people.
 */
int verify_signature(const struct public_fields *key, struct slice signature,
    struct slice data, const char **why) MUST_USE;

/**
 * verify_certificate(cert, why):
 * Whether the CA that ${cert} names has signed it.  Says nothing of dates.
 *
 * Errors: as verify_signature()
 */
int verify_certificate(const struct certificate *cert, const char **why)
    MUST_USE;

/**
 * verify_host(blob, session_id, signature, why):
 * Whether the host whose key or certificate is ${blob} has signed
 * ${session_id}; of a certificate, also whether the CA has signed that.
 *
 * Errors: as verify_signature(); ST_UNSUPPORTED also for a type of key that is
 *         not known
 */
int verify_host(struct slice blob, struct slice session_id,
    struct slice signature, const char **why) MUST_USE;

#endif /* !VERIFY_H_ */
