#include "keys/keyprint.h"

#include <sodium.h>

#include "base/text.h"

void
keyprint_write(struct slice blob, char out[static KEYPRINT_MAX])
{
	uint8_t digest[crypto_hash_sha256_BYTES];
	struct text t;

	(void)crypto_hash_sha256(digest, blob.p, blob.len);
	text_init(&t, out, KEYPRINT_MAX);
	text_add(&t, "SHA256:");
	text_base64(&t, digest, sizeof(digest), false);
}
