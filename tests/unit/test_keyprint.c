/*
 * Fingerprints of public keys.
 */

#include "keys/keyprint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/hex.h"

static void
it_is_what_ssh_keygen_prints(void **state)
{
	char out[KEYPRINT_MAX];

	(void)state;
	keyprint_write(hex("0000000b 'ssh-ed25519' 00000020"
	    "e4467ee14b74e6b6701ef17993cd949c763f73efe9c04c506f984b692ec2360c"),
	    out);
	assert_string_equal(out,
	    "SHA256:Q/XzMo8meprTiV8vNYfXSSwax5GtqsmTlpRIODK3V34");
	assert_int_equal(strlen(out), KEYPRINT_MAX - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_what_ssh_keygen_prints),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
