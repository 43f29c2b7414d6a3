#ifndef NEEDLE_H_
#define NEEDLE_H_

/*
 * needle - the numbers of a private key in every form in which a program that
 * signs with it is known to keep them.
 *
 * Layer:   tests.  Reads key files through keys/keytext.h; vault_open() comes
 *          first.
 * Secrets: all over ordinary memory: the keys are made for the test.
 *
 * The forms ("layouts"):
 *   be      as on the wire and in files; Ed25519: the bytes as they are
 *   le      the limbs of a BIGNUM on a little-endian machine
 *   swap64  64-bit words as SHA-2 loads them
 *   base64  the text of the file, lines joined
 *   rr      2^(2k) modulo the number: its Montgomery context
 *   minus   2^k minus the number: 1 in Montgomery form
 *   radix52, rr52, one52  52 bits in a 64-bit word (AVX-512 IFMA)
 *   radix21 21 bits in a 64-bit word (Ed25519's arithmetic modulo the order)
 *   digits  signed digits to the base 16, a byte each (Ed25519)
 *   mont    times 2^k modulo the order of the curve
 *   plus1, plus2  with the order added once or twice (constant-time ladder)
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct needle {
	const char	*key;		/* name of the key file */
	const char	*number;	/* "p"; static */
	const char	*layout;	/* "le"; static */
	bool		 secret;	/* else it is public */
	size_t		 min;		/* a shorter run proves nothing */
	uint8_t		*bytes;
	size_t		 len;
};

struct needles {
	struct needle	*list;
	size_t		 n;
	char		**keys;		/* names; needles point at them */
	size_t		 n_keys;
};

/**
 * needles_add_file(all, path, why, whylen):
 * Append the needles of all the unencrypted private keys in a file.
 *
 * Owns:   needles_fini().
 * Errors: ST_NOT_FOUND  no key in it
 *         ST_SYSTEM     it cannot be read
 *         and those of keytext_next(); ${why} holds one line
 */
int needles_add_file(struct needles *all, const char *path, char *why,
    size_t whylen) MUST_USE;

/**
 * needles_fini(all):
 */
void needles_fini(struct needles *all);

#endif /* !NEEDLE_H_ */
