#ifndef MATERIAL_KINDS_H_
#define MATERIAL_KINDS_H_

/*
 * material_kinds - what is fixed for each kind of key; for material*.c.
 */

#include "differential/material.h"

struct material_kind_info {
	const char	*type;
	const char	*cert_type;
	const char	*curve;
	int		 nid;
	const char	*group;		/* for libcrypto */
	const char	*hash;
	const char	*algorithms[3];
};

extern const struct material_kind_info material_kinds[];

/* What every sk key here is for. */
#define SK_APPLICATION	"ssh:"

/* The number that the bytes are. */
BIGNUM *material_bignum(struct slice s);

/* The public point of a secret number, in 133 bytes at most. */
struct slice material_multiply(enum material_kind kind, const BIGNUM *d,
    uint8_t room[static 133]);

#endif /* !MATERIAL_KINDS_H_ */
