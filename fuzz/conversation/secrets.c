#include "fuzz/conversation/secrets.h"

#include <string.h>

#include "fuzz/conversation/keys.h"
#include "fuzz/fuzz.h"

void
secrets_check(const void *p, size_t len)
{
	const struct private_fields *f;
	struct slice all[9];
	size_t n = 0;

	f = &keys[0]->fields;
	all[n++] = (struct slice){ f->ed25519.sk.p, 32 };
	f = &keys[1]->fields;
	all[n++] = (struct slice){ f->ed25519.sk.p, 32 };
	all[n++] = keys[2]->fields.ecdsa.d;
	f = &keys[KEY_RSA_OURS]->fields;
	all[n++] = f->rsa.d;
	all[n++] = f->rsa.p;
	all[n++] = f->rsa.q;
	for (size_t i = 1; i < 4; i++)
		all[n++] = slice_str(keys_passphrases[i]);
	for (size_t i = 0; i < n; i++)
		assert(memmem(p, len, all[i].p, all[i].len) == NULL);
}
