#include "fuzz/conversation/secrets.h"

#include <string.h>

#include "fuzz/conversation/keys.h"
#include "fuzz/fuzz.h"

/*
 * Everything that the agent says is looked through for nine secrets, so it has
 * to be quick.  Whatever has one of them has one of the pieces of GRAM bytes
 * that its first SHORTEST bytes have, and one of these begins at a multiple of
 * STRIDE.  So only there is looked whether it may be the beginning of such a
 * piece: by a hash, since what it finds is then looked for in earnest.
 */
#define SECRETS		9
#define GRAM		4
#define SHORTEST	14
#define STRIDE		(SHORTEST - GRAM + 1)

static struct slice all[SECRETS];
static uint8_t grams[65536];

static uint8_t *
gram(const uint8_t *p)
{
	uint32_t n;

	memcpy(&n, p, GRAM);
	return &grams[n * 0x9e3779b1u >> 16];
}

void
secrets_init(void)
{
	const struct private_fields *rsa = &keys[KEY_RSA_OURS]->fields;
	size_t n = 0;

	for (size_t i = 0; i < 2; i++)
		all[n++] = (struct slice){ keys[i]->fields.ed25519.sk.p, 32 };
	all[n++] = keys[2]->fields.ecdsa.d;
	all[n++] = rsa->rsa.d;
	all[n++] = rsa->rsa.p;
	all[n++] = rsa->rsa.q;
	for (size_t i = 1; i < KEYS_PASSPHRASES; i++)
		all[n++] = keys_passphrases[i];
	assert(n == SECRETS);
	for (size_t i = 0; i < SECRETS; i++) {
		assert(all[i].len >= SHORTEST);
		for (size_t j = 0; j < STRIDE; j++)
			*gram(all[i].p + j) = 1;
	}
}

void
secrets_check(const void *p, size_t len)
{
	const uint8_t *bytes = p;
	uint8_t any = 0;

	for (size_t i = 0; i + GRAM <= len; i += STRIDE)
		any |= *gram(bytes + i);
	for (size_t i = 0; any != 0 && i < SECRETS; i++)
		assert(memmem(p, len, all[i].p, all[i].len) == NULL);
}
