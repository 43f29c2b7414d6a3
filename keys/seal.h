#ifndef SEAL_H_
#define SEAL_H_

/*
 * seal - close and open the sealed stream of proto/bundle.h.
 *
 * Layer:   keys.
 * Source:  libsodium: crypto_box_seal, crypto_secretstream_xchacha20poly1305.
 * Memory:  states, secret keys and opened records are pieces of the locked
 *          region that is given; ciphertext is ordinary memory.
 */

#include "base/secret.h"
#include "base/status.h"
#include "proto/bundle.h"
#include "proto/extension.h"

/* The sending side. */
struct sealer;

/**
 * sealer_new(out, region, public_key, head):
 * Begin a stream to the holder of ${public_key}; ${head} receives what the
 * stream begins with.
 *
 * Errors: ST_FULL, ST_NOMEM, ST_CRYPTO (not a usable public key)
 */
int sealer_new(struct sealer **out, struct secret *region,
    const uint8_t public_key[static LOAD_PUBLIC_KEY],
    uint8_t head[static BUNDLE_SEALED + BUNDLE_HEADER]) MUST_USE;

/**
 * sealer_record(s, plain, final, w):
 * Append one whole record, length and ciphertext, to ${w}.  ${final} only for
 * the last.
 *
 * Errors: ST_TOO_LARGE  ${plain} is above BUNDLE_RECORD_MAX, or ${w} is full
 */
int sealer_record(struct sealer *s, struct slice plain, bool final,
    struct wire_writer *w) MUST_USE;
void sealer_free(struct sealer *s);

/* The receiving side. */
struct opener;

/**
 * opener_new(out, region, public_key):
 * Make a one-time key pair in the region and give its public half.
 *
 * Errors: ST_FULL, ST_NOMEM
 */
int opener_new(struct opener **out, struct secret *region,
    uint8_t public_key[static LOAD_PUBLIC_KEY]) MUST_USE;

/**
 * opener_feed(o, in):
 * Take bytes of the stream, at most up to the end of one record, and move
 * ${in} past them.
 *
 * Errors: ST_OK         a record is open: see opener_record()
 *         ST_MORE       ${in} is used up and no record is complete
 *         ST_MALFORMED  does not authenticate, or bytes after the final record
 *         ST_TOO_LARGE  a record longer than BUNDLE_RECORD_MAX
 *         ST_FULL, ST_NOMEM
 *         After an error other than ST_MORE the stream is dead.
 */
int opener_feed(struct opener *o, struct slice *in) MUST_USE;

/**
 * opener_record(o, final):
 * The plaintext of the record just opened, valid until the next
 * opener_feed(), and whether it carried the final tag.
 */
struct slice opener_record(const struct opener *o, bool *final);
void opener_free(struct opener *o);

#endif /* !SEAL_H_ */
