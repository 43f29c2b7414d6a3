/*
 * Public host keys as text.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "provision/knownkey.h"
#include "support/hex.h"
#include "support/key_vectors.h"

#define ED	"AAAAC3NzaC1lZDI1NTE5AAAAIDfF++vgupW5X4DLMAWGijmfuwOmTsoQsnYO" \
		"6h2PMH4J"

static struct knownkey key;

/* Parse a copy that has nothing behind it: a sanitizer sees what is read. */
static int
parse(const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(len > 0 ? len : 1);
	int st;

	assert_non_null(copy);
	memcpy(copy, text, len);
	st = knownkey_parse(copy, len, &key);
	free(copy);
	return st;
}

static void
keys_of_every_type_are_read(void **state)
{
	struct slice blob;
	char text[4096];
	struct text t;
	size_t i;

	(void)state;
	for (i = 0; i < KEY_TYPES; i++) {
		blob = hex(key_vectors[i].public_hex);
		text_init(&t, text, sizeof(text));
		text_add(&t, key_type_info((enum key_type)i)->name);
		text_add(&t, " \t");
		text_base64(&t, blob.p, blob.len, true);
		assert_int_equal(parse(text), ST_OK);
		assert_int_equal(key.type, i);
		assert_int_equal(key.len, blob.len);
		assert_memory_equal(key.blob, blob.p, blob.len);
		text_add(&t, "\tsome comment = \x1b[2J");
		assert_int_equal(parse(text), ST_OK);
		assert_int_equal(key.len, blob.len);
	}
}

static void
what_is_no_key_is_malformed(void **state)
{
	static const struct {
		const char	*text;
		int		 st;
	} row[] = {
		{ "", ST_MALFORMED },
		{ " ssh-ed25519 " ED, ST_MALFORMED },
		{ "ssh-ed25519", ST_MALFORMED },
		{ "ssh-ed25519 ", ST_MALFORMED },
		{ ED, ST_MALFORMED },
		{ "ssh-rsa " ED, ST_MALFORMED },
		{ "ssh-ed25519 " ED "A", ST_MALFORMED },
		{ "ssh-ed25519 " ED "AAAA", ST_MALFORMED },
		{ "ssh-ed25519 " ED "====", ST_MALFORMED },
		{ "ssh-ed25519 =" ED, ST_MALFORMED },
		{ "ssh-ed25519 A=AA", ST_MALFORMED },
		{ "ssh-ed25519 AA=A", ST_MALFORMED },
		{ "ssh-ed25519 A===", ST_MALFORMED },
		{ "ssh-ed25519 AAAA-_AA", ST_MALFORMED },
		{ "ssh-ed25519 AAAA\nAAAA", ST_MALFORMED },
		{ "ssh-dss " ED, ST_UNSUPPORTED },
		{ "SSH-ED25519 " ED, ST_UNSUPPORTED },
		{ "host ssh-ed25519 " ED, ST_UNSUPPORTED },
		{ "ssh-ed25519-cert-v01@openssh.com " ED, ST_UNSUPPORTED },
	};
	size_t i;

	(void)state;
	assert_int_equal(parse("ssh-ed25519 " ED), ST_OK);
	assert_int_equal(key.len, 51);
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if (parse(row[i].text) != row[i].st)
			fail_msg("%s", row[i].text);
}

static void
bits_left_over_are_malformed(void **state)
{
	struct slice blob;
	char text[4096], *last;
	size_t i, seen = 0;
	struct text t;

	(void)state;
	for (i = 0; i < KEY_TYPES; i++) {
		blob = hex(key_vectors[i].public_hex);
		if (blob.len % 3 == 0)
			continue;
		text_init(&t, text, sizeof(text));
		text_add(&t, key_type_info((enum key_type)i)->name);
		text_addc(&t, ' ');
		text_base64(&t, blob.p, blob.len, true);
		assert_int_equal(parse(text), ST_OK);
		/* The digit before the padding, with its lowest bit set. */
		last = strchr(text, '=') - 1;
		assert_non_null(strchr("AQgwEIMUYckos048", *last));
		(*last)++;
		assert_int_equal(parse(text), ST_MALFORMED);
		seen++;
	}
	assert_true(seen > 1);
}

static void
longest_blob_is_met_and_not_passed(void **state)
{
	char text[3 * KNOWNKEY_BLOB_MAX];
	size_t digits = (KNOWNKEY_BLOB_MAX / 3 + 1) * 4;

	(void)state;
	/* No key, but as long as one may be; and then one byte longer. */
	memset(text, 'A', sizeof(text));
	memcpy(text, "ssh-rsa ", 8);
	text[8 + digits] = '\0';
	text[8 + digits - 1] = text[8 + digits - 2] = '=';
	assert_int_equal(parse(text), ST_MALFORMED);
	assert_int_equal(key.len, KNOWNKEY_BLOB_MAX);
	text[8 + digits - 2] = 'A';
	assert_int_equal(parse(text), ST_TOO_LARGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_every_type_are_read),
		cmocka_unit_test(what_is_no_key_is_malformed),
		cmocka_unit_test(bits_left_over_are_malformed),
		cmocka_unit_test(longest_blob_is_met_and_not_passed),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
