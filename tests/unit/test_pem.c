#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keys/pem.h"

/* RFC 4648 section 10, then what must be refused. */
static void
base64_of_the_rfc_and_nothing_looser(void **state)
{
	static const struct {
		const char	*text;
		const char	*bytes;		/* NULL: malformed */
	} table[] = {
		{ "", "" },
		{ "Zg==", "f" },
		{ "Zm8=", "fo" },
		{ "Zm9v", "foo" },
		{ "Zm9vYg==", "foob" },
		{ "Zm9vYmE=", "fooba" },
		{ "Zm9vYmFy", "foobar" },
		{ " Zm\r\n9v\tYm\rFy \n", "foobar" },
		{ "+/+/", "\xfb\xff\xbf" },
		{ "Z", NULL },
		{ "Zg", NULL },
		{ "Zg=", NULL },
		{ "Zg===", NULL },
		{ "Zm8", NULL },
		{ "Zm9v=", NULL },
		{ "Zh==", NULL },
		{ "Zm9=", NULL },
		{ "Zg==Zg==", NULL },
		{ "Zm-v", NULL },
		{ "Zm9v\x80""AAA", NULL },
		{ "====", NULL },
	};
	uint8_t out[32];
	size_t len;
	int st;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		st = pem_decode(slice_str(table[i].text), out, sizeof(out),
		    &len);
		if (table[i].bytes == NULL) {
			assert_int_equal(st, ST_MALFORMED);
			assert_int_equal(len, 0);
			continue;
		}
		assert_int_equal(st, ST_OK);
		assert_int_equal(len, strlen(table[i].bytes));
		assert_memory_equal(out, table[i].bytes, len);
	}
}

/* Each of the 256 bytes is worth what the alphabet says, or nothing. */
static void
every_byte_has_its_value_or_none(void **state)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t text[4] = { 'A', 'A', 'A', 0 }, out[8];
	const char *at;
	size_t len;
	int st;

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		text[3] = (uint8_t)c;
		st = pem_decode((struct slice){ text, 4 }, out, sizeof(out),
		    &len);
		at = c == 0 ? NULL : strchr(alphabet, (int)c);
		if (at != NULL) {
			assert_int_equal(st, ST_OK);
			assert_int_equal(out[2], at - alphabet);
		} else if (c != '=') {
			assert_int_equal(st, ST_MALFORMED);
		}
	}
}

/* What pem_decoded_max() says is enough; less is an error, no overrun. */
static void
decoding_stays_in_its_room(void **state)
{
	struct slice body = slice_str("Zm9v\nYmFy\nZm9vYg==");
	uint8_t out[32];
	size_t len, max = pem_decoded_max(body);

	(void)state;
	assert_true(max <= sizeof(out));
	assert_int_equal(pem_decode(body, out, max, &len), ST_OK);
	assert_int_equal(len, 10);
	memset(out, 0x5a, sizeof(out));
	assert_int_equal(pem_decode(body, out, 6, &len), ST_TOO_LARGE);
	assert_int_equal(out[6], 0x5a);
}

#define KEY(label)	"-----BEGIN " label "-----\nZm9v\n-----END " label \
			"-----\n"

/* Outcomes of successive calls, one character each: k a key, e encrypted,
 * m malformed, u unsupported. */
static void
keys_are_found_among_other_text(void **state)
{
	static const struct {
		const char	*text;
		const char	*want;
	} table[] = {
		{ "", "" },
		{ "hello\n\nworld", "" },
		{ KEY("PRIVATE KEY"), "k" },
		{ "before\n" KEY("A PRIVATE KEY") "between\n"
		    KEY("B PRIVATE KEY") "after", "kk" },
		{ KEY("CERTIFICATE") KEY("PUBLIC KEY") KEY("EC PARAMETERS")
		    KEY("PRIVATE KEY"), "k" },
		{ "-----BEGIN CERTIFICATE-----\nno end\n" KEY("PRIVATE KEY"),
		    "k" },
		{ "\xef\xbb\xbf" KEY("PRIVATE KEY"), "k" },
		{ "  -----BEGIN PRIVATE KEY-----  \n\tZm9v\n"
		    "\t-----END PRIVATE KEY-----\t", "k" },
		{ "-----BEGIN RSA PRIVATE KEY-----\n"
		    "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nZm9v\n"
		    "-----END RSA PRIVATE KEY-----\n", "e" },
		{ "-----BEGIN RSA PRIVATE KEY-----\nComment: x\n\nZm9v\n"
		    "-----END RSA PRIVATE KEY-----\n", "k" },
		{ "-----BEGIN PRIVATE KEY-----\nZm9v\n", "m" },
		{ "-----BEGIN PRIVATE KEY-----\nZm9v\n" KEY("PRIVATE KEY"),
		    "mk" },
		{ "-----BEGIN PRIVATE KEY-----\nZm9v\n"
		    "-----END OTHER KEY-----\n" KEY("PRIVATE KEY"), "mk" },
		{ "Zm9v\n-----END PRIVATE KEY-----\n" KEY("PRIVATE KEY"),
		    "mk" },
		{ "-----BEGIN OPENSSH PRIV", "m" },
		{ "-----BEGIN PRIVATE KEY----- Zm9v -----END PRIVATE KEY-----"
		    "\n" KEY("PRIVATE KEY"), "mk" },
		{ "key: -----BEGIN PRIVATE KEY-----\nZm9v\n"
		    "-----END PRIVATE KEY-----\n" KEY("PRIVATE KEY"), "mk" },
		{ "a -----BEGIN line is how it starts\n", "" },
		{ "---- BEGIN SSH2 PUBLIC KEY ----\nZm9v\n"
		    "---- END SSH2 PUBLIC KEY ----\n", "" },
		{ "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nZm9v\n"
		    "---- END SSH2 ENCRYPTED PRIVATE KEY ----\n"
		    KEY("PRIVATE KEY"), "uk" },
		{ "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n"
		    "Public-Lines: 1\nZm9v\nPrivate-MAC: 00\n"
		    KEY("PRIVATE KEY"), "uk" },
		{ "PuTTY-User-Key-File-2: ssh-rsa\n" KEY("PRIVATE KEY"),
		    "uk" },
	};
	char got[8];
	struct pem_block block;
	struct slice in;
	const char *why;
	size_t n;
	int st;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		in = slice_str(table[i].text);
		for (n = 0; (st = pem_next(&in, &block, &why)) !=
		    ST_NOT_FOUND; n++) {
			assert_true(n < sizeof(got) - 1);
			assert_true((st == ST_OK) == (why[0] == '\0'));
			got[n] = st == ST_OK ? block.encrypted ? 'e' : 'k' :
			    st == ST_MALFORMED ? 'm' :
			    st == ST_UNSUPPORTED ? 'u' : '?';
		}
		got[n] = '\0';
		assert_string_equal(got, table[i].want);
		assert_int_equal(in.len, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_of_the_rfc_and_nothing_looser),
		cmocka_unit_test(every_byte_has_its_value_or_none),
		cmocka_unit_test(decoding_stays_in_its_room),
		cmocka_unit_test(keys_are_found_among_other_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
