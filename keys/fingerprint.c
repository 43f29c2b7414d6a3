#include "keys/fingerprint.h"

#include <sodium.h>

#include "base/text.h"

void
fingerprint_sha256(struct slice blob, char out[static FINGERPRINT_MAX])
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	struct text t;

	(void)crypto_hash_sha256(digest, blob.p, blob.len);
	text_init(&t, out, FINGERPRINT_MAX);
	text_add(&t, "SHA256:");
	text_base64(&t, digest, sizeof(digest), false);
}
