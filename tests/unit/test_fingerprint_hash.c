/*
 * Fingerprints in the forms in which ssh-keygen prints them.
 */

#include "agent/fingerprint_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/hex.h"

/* A public key, and what "ssh-keygen -l -E HASH" prints for it. */
static const char blob[] = "0000000b 'ssh-ed25519' 00000020"
    "e4467ee14b74e6b6701ef17993cd949c763f73efe9c04c506f984b692ec2360c";
static const struct {
	const char	*name;
	const char	*shown;
} rows[] = {
	{ "md5", "MD5:81:fd:87:67:bb:f8:3d:70:be:b1:81:ca:bd:fc:d1:53" },
	{ "sha1", "SHA1:dsmoH/1v+ax/72bPaXdIhyV7mWc" },
	{ "sha256", "SHA256:Q/XzMo8meprTiV8vNYfXSSwax5GtqsmTlpRIODK3V34" },
	{ "sha384", "SHA384:Beir39X7ifohlT/7xUZZivtWF/MnV3ZVcrK0LivwFuhZB3"
	    "bhX5YSRv25IZtdb1hn" },
	{ "sha512", "SHA512:dEPNb+oGV7fZwFirKG4fHTyZqBpWLLhY4/eoIxb08gsDp/"
	    "zXfGtJ7Cg+BudFOxWOE7lrHi7B22hFfdnHlKzV/Q" },
};

static void
every_hash_looks_as_in_ssh_keygen(void **state)
{
	char out[FINGERPRINT_HASH_MAX];
	enum fingerprint_hash hash;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(fingerprint_hash_find(rows[i].name, &hash),
		    ST_OK);
		fingerprint_hash_write(hash, hex(blob), out);
		assert_string_equal(out, rows[i].shown);
	}
}

static void
names_are_found_in_either_case_and_whole(void **state)
{
	static const char *const unknown[] = { "", "sha", "sha2", "sha256 ",
		"sha224", "ripemd160", "md5md5" };
	enum fingerprint_hash hash = FINGERPRINT_SHA1;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		assert_int_equal(fingerprint_hash_find(unknown[i], &hash),
		    ST_NOT_FOUND);
		assert_int_equal(hash, FINGERPRINT_SHA1);
	}
	assert_int_equal(fingerprint_hash_find("Sha512", &hash), ST_OK);
	assert_int_equal(hash, FINGERPRINT_SHA512);
	assert_int_equal(fingerprint_hash_find("MD5", &hash), ST_OK);
	assert_int_equal(hash, FINGERPRINT_MD5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_hash_looks_as_in_ssh_keygen),
		cmocka_unit_test(names_are_found_in_either_case_and_whole),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
