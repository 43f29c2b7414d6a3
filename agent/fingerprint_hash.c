#include "agent/fingerprint_hash.h"

#include <stdint.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/text.h"
#include "keys/fingerprint.h"

static const char *const hashes[] = {
	[FINGERPRINT_SHA256] = "SHA256",
	[FINGERPRINT_MD5]    = "MD5",
	[FINGERPRINT_SHA1]   = "SHA1",
	[FINGERPRINT_SHA384] = "SHA384",
	[FINGERPRINT_SHA512] = "SHA512",
};

int
fingerprint_hash_find(const char *name, enum fingerprint_hash *out)
{
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		if (strcasecmp(name, hashes[i]) == 0) {
			*out = (enum fingerprint_hash)i;
			return ST_OK;
		}
	}
	return ST_NOT_FOUND;
}

/* MD5's own form: 16 pairs of digits. */
static void
add_pairs(struct text *t, const uint8_t *digest, size_t len)
{
	for (size_t i = 0; i < len; i++)
		text_addf(t, "%s%02x", i > 0 ? ":" : "", digest[i]);
}

void
fingerprint_hash_write(enum fingerprint_hash hash, struct slice blob,
    char out[static FINGERPRINT_HASH_MAX])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t len = 0;
	struct text t;

	if (hash == FINGERPRINT_SHA256 || EVP_Q_digest(NULL, hashes[hash],
	    NULL, blob.p, blob.len, digest, &len) != 1) {
		ERR_clear_error();
		fingerprint_sha256(blob, out);
		return;
	}
	text_init(&t, out, FINGERPRINT_HASH_MAX);
	text_addf(&t, "%s:", hashes[hash]);
	if (hash == FINGERPRINT_MD5)
		add_pairs(&t, digest, len);
	else
		text_base64(&t, digest, len, false);
}
