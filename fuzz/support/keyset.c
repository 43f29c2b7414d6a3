#include "fuzz/support/keyset.h"

#include <stdlib.h>

#include "agent/key.h"
#include "base/status.h"

void
keyset_make(struct testkey **out, const enum key_type *types, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = testkey_new(types[i], KEYSET_RSA_BITS);
}

const char *
keyset_algorithm(const struct testkey *k, uint32_t flags, bool legacy_rsa)
{
	if ((flags & ~6u) != 0)
		return NULL;
	if (k->fields.type != KEY_RSA)
		return key_type_info(k->fields.type)->name;
	return (flags & 2) != 0 ? "rsa-sha2-256" :
	    (flags & 4) != 0 ? "rsa-sha2-512" :
	    legacy_rsa ? "ssh-rsa" : NULL;
}

void
keyset_warm(void)
{
	static const enum key_type types[] = { KEY_ED25519, KEY_ECDSA_P256,
		KEY_ECDSA_P384, KEY_ECDSA_P521, KEY_RSA };
	struct testkey *tk;
	const char *why;
	struct key *k;
	int st;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		tk = testkey_new(types[i], KEYSET_RSA_BITS);
		if (key_new(&k, &tk->fields, &why) != ST_OK ||
		    !testkey_signs(k, tk, &st))
			abort();
		key_free(k);
		testkey_free(tk);
	}
}
