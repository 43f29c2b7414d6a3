#include "fuzz/conversation/keys.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "fuzz/conversation/world.h"
#include "fuzz/fuzz.h"
#include "fuzz/support/hosts.h"
#include "tests/support/fakecert.h"

struct testkey *keys[KEYS];

const char *const keys_comments[KEYS_COMMENTS] = { "", "a", "key",
	"a longer comment" };
#define WORD(text, len)	{ (const uint8_t *)(text), len }

const struct slice keys_passphrases[KEYS_PASSPHRASES] = { WORD("", 0),
	WORD("passphrase one", 14), WORD("passphrase two", 14),
	WORD("passphrase one", 15) };
const char *const keys_loads[KEYS_LOADS] = { "", "work", "work2" };

const char *
keys_algorithm(unsigned key, uint32_t flags)
{
	return keyset_algorithm(keys[key], flags, world.options.legacy_rsa);
}

void
keys_fingerprint_of(struct slice blob, char out[static KEYS_FINGERPRINT_MAX])
{
	static const char head[] = "SHA256:";
	uint8_t hash[crypto_hash_sha256_BYTES];

	(void)crypto_hash_sha256(hash, blob.p, blob.len);
	memcpy(out, head, sizeof(head));
	(void)sodium_bin2base64(out + strlen(head), KEYS_FINGERPRINT_MAX -
	    strlen(head), hash, sizeof(hash),
	    sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

/* The first key once more, with a certificate. */
static struct testkey *
certified(const struct testkey *plain)
{
	struct testkey *k = calloc(1, sizeof(*k));
	struct fakecert fake = { .key = plain->blob,
		.ca = hosts_blob(MODEL_HOSTS), .role = CERTIFICATE_USER,
		.principals = "git", .after = 0, .before = UINT64_MAX,
		.critical = "" };
	struct wire_writer w;

	assert(k != NULL);
	k->fields = plain->fields;
	w = wire_writer(k->blob_bytes, sizeof(k->blob_bytes));
	fakecert_put(&w, &fake);
	hosts_put_signature(&w, MODEL_HOSTS);
	k->blob = fuzz_written(&w);
	k->fields.cert = k->blob;
	return k;
}

void
keys_init(void)
{
	static const enum key_type types[] = { KEY_ED25519, KEY_ED25519,
		KEY_ECDSA_P256, KEY_RSA };

	keyset_make(keys, types, sizeof(types) / sizeof(types[0]));
	keys[KEY_CERT] = certified(keys[0]);
}
