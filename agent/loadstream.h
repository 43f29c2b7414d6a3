#ifndef LOADSTREAM_H_
#define LOADSTREAM_H_

/*
 * loadstream - standard input made into the sealed stream of a load.
 *
 * Layer:   agent; the loading process only.  Says on stderr what is wrong.
 * Memory:  text and keys in the vault; ciphertext, certificates and rules in
 *          ordinary memory.
 * Secrets: the text, and each key while it is sealed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/certtext.h"
#include "keys/fingerprint.h"
#include "agent/key.h"
#include "agent/options.h"
#include "keys/seal.h"
#include "base/text.h"
#include "proto/wire.h"

/* What one record of the stream holds, for messages. */
struct loadstream_item {
	size_t	 key;			/* its number in the text, from 1 */
	size_t	 line;			/* of its certificate; 0: without */
	char	 fingerprint[FINGERPRINT_MAX];
};

/* All members are the module's own. */
struct loadstream {
	const struct agent_options *opts;
	uint8_t			*text;		/* all of standard input */
	size_t			 have;		/* bytes of it so far */
	struct slice		 rest;		/* of it, not yet parsed */
	struct certtext		 certs;
	bool			*used;		/* of those: has its key */
	struct wire_writer	 rules;		/* constraints of every key */
	struct sealer		*sealer;
	struct wire_writer	 sealed;
	struct loadstream_item	*items;
	size_t			 n_items, n_keys;
};

/**
 * loadstream_init(ls, opts), loadstream_fini(ls):
 * The second one before vault_close(); it may be called twice.
 */
void loadstream_init(struct loadstream *ls, const struct agent_options *opts);
void loadstream_fini(struct loadstream *ls);

/**
 * loadstream_begin(ls, public_key):
 * Begin a stream to the holder of ${public_key}.  Returns an exit code.
 */
int loadstream_begin(struct loadstream *ls,
    const uint8_t public_key[static LOAD_PUBLIC_KEY]) MUST_USE;

/**
 * loadstream_peek(ls, magic, same):
 * Read standard input until it is known whether it begins with ${magic}, and
 * no byte more.  Returns an exit code.
 */
int loadstream_peek(struct loadstream *ls, const char *magic, bool *same)
    MUST_USE;

/**
 * loadstream_read(ls):
 * Read standard input to its end.  Returns an exit code.
 */
int loadstream_read(struct loadstream *ls) MUST_USE;

/**
 * loadstream_make(ls, out):
 * Make records of all keys and certificates, or say which is bad; the text is
 * wiped.  Returns an exit code.
 *
 * Owns:   ${out} borrows from ${ls}.
 */
int loadstream_make(struct loadstream *ls, struct slice *out) MUST_USE;

/**
 * loadstream_name(ls, item, out):
 * Append what the record ${item}, from 1, is to people.  False when there is
 * none.
 */
bool loadstream_name(const struct loadstream *ls, size_t item,
    struct text *out);

#endif /* !LOADSTREAM_H_ */
