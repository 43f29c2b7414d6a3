/*
 * Fingerprints as ssh-keygen prints them.
 */

#include "keys/fingerprint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
fingerprint_is_ssh_keygens(void **state)
{
	/* ssh-keygen -l of this blob, an Ed25519 key of 32 zero bytes. */
	const uint8_t blob[51] = "\0\0\0\x0bssh-ed25519\0\0\0\x20";
	char fp[FINGERPRINT_MAX];

	(void)state;
	fingerprint_sha256((struct slice){ blob, sizeof(blob) }, fp);
	assert_string_equal(fp,
	    "SHA256:kmYcvdi2GkPeWxB6XLjrZB8JHsy2Hm8luHMFp9GMvqk");
	assert_true(strlen(fp) < FINGERPRINT_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fingerprint_is_ssh_keygens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
