/*
 * Public keys of hosts, as text.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "provision/hostkey.h"
#include "support/hex.h"
#include "support/key_vectors.h"

#define ED25519	"AAAAC3NzaC1lZDI1NTE5AAAAIK/PTIlaO9IhyPYRGSWGGUgEuX5jaIG4FAqA" \
		"bpgKPOan"
#define P256	"AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBN+BYBzU" \
		"QFELzDQNWqLF5/oxsRrogpuJKaEn8Aq7nvrXXZUR0XjQmkbgZoQb9xJKVEx1" \
		"0JKPR7HE/JYgCmrKEWY="

static struct hostkey key;
static const char *what;

/* Parse a copy that has nothing behind it: a sanitizer sees what is read. */
static int
parse(const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(len > 0 ? len : 1);
	int st;

	assert_non_null(copy);
	memcpy(copy, text, len);
	st = hostkey_parse(copy, len, &key, &what);
	free(copy);
	assert_true((st == ST_OK) == (what == NULL));
	return st;
}

/* A type, what is between, and base64. */
static void
write_key(struct text *t, size_t i, const char *between)
{
	struct slice blob = hex(key_vectors[i].public_hex);

	text_add(t, key_type_info((enum key_type)i)->name);
	text_add(t, between);
	text_base64(t, blob.p, blob.len, true);
}

static void
keys_of_every_type_are_taken(void **state)
{
	static const char *const blanks[] = { " ", "\t", "  \t " };
	char text[HOSTKEY_TEXT_MAX + 64];
	struct slice blob;
	struct text t;
	size_t i, j;

	(void)state;
	for (i = 0; i < KEY_TYPES; i++) {
		blob = hex(key_vectors[i].public_hex);
		for (j = 0; j < sizeof(blanks) / sizeof(blanks[0]); j++) {
			text_init(&t, text, sizeof(text));
			write_key(&t, i, blanks[j]);
			assert_int_equal(parse(text), ST_OK);
			assert_int_equal(key.type, i);
			assert_int_equal(key.len, blob.len);
			assert_memory_equal(key.blob, blob.p, blob.len);
			text_add(&t, j == 0 ? " " :
			    "\tsome comment = \x1b[2J");
			assert_int_equal(parse(text), ST_OK);
			assert_int_equal(key.len, blob.len);
		}
	}
}

static void
keys_are_written_as_ssh_does(void **state)
{
	char text[HOSTKEY_TEXT_MAX], wanted[HOSTKEY_TEXT_MAX];
	struct text t, w;

	(void)state;
	for (size_t i = 0; i < KEY_TYPES; i++) {
		text_init(&w, wanted, sizeof(wanted));
		write_key(&w, i, " ");
		text_init(&t, text, sizeof(text));
		hostkey_put_text(hex(key_vectors[i].public_hex), &t);
		assert_false(t.full);
		assert_string_equal(text, wanted);
	}
}

static void
all_else_is_refused_with_the_remedy(void **state)
{
	static const struct {
		const char	*text;
		int		 st;
		const char	*what;
	} table[] = {
		{ "", ST_UNSUPPORTED, "must begin with a type of key" },
		{ ED25519, ST_UNSUPPORTED, "must begin with a type of key" },
		{ " ssh-ed25519 " ED25519, ST_UNSUPPORTED, "no name of a" },
		{ "ssh-dss AAAAB3NzaC1kc3M=", ST_UNSUPPORTED,
		    "must begin with a type of key" },
		{ "SSH-ED25519 " ED25519, ST_UNSUPPORTED,
		    "must begin with a type of key" },
		{ "git.example.com ssh-ed25519 " ED25519, ST_UNSUPPORTED,
		    "no name of a host before it" },
		{ "|1|abc=|def= ssh-ed25519 " ED25519, ST_UNSUPPORTED,
		    "no name of a host before it" },
		{ "@cert-authority * ssh-ed25519 " ED25519, ST_UNSUPPORTED,
		    "no @marker before it" },
		{ "ssh-ed25519-cert-v01@openssh.com " ED25519, ST_UNSUPPORTED,
		    "no certificate" },
		{ "ssh-ed25519", ST_MALFORMED, "a blank and base64" },
		{ "ssh-ed25519 ", ST_MALFORMED, "a blank and base64" },
		{ "ssh-ed25519\n" ED25519, ST_UNSUPPORTED, "must begin with" },
		{ "ssh-ed25519 AAA", ST_MALFORMED, "whole base64" },
		{ "ssh-ed25519 AAA*", ST_MALFORMED, "whole base64" },
		{ "ssh-ed25519 AAAA-_AA", ST_MALFORMED, "whole base64" },
		{ "ssh-ed25519 AAAA\nAAAA", ST_MALFORMED, "whole base64" },
		{ "ssh-ed25519 AA=A", ST_MALFORMED, "whole base64" },
		{ "ssh-ed25519 A=AA", ST_MALFORMED, "whole base64" },
		{ "ssh-ed25519 A===", ST_MALFORMED, "whole base64" },
		{ "ssh-ed25519 ====", ST_MALFORMED, "whole base64" },
		{ "ssh-ed25519 =" ED25519, ST_MALFORMED, "whole base64" },
		{ "ssh-ed25519 " ED25519 "=", ST_MALFORMED, "whole base64" },
		{ "ssh-ed25519 " ED25519 "====", ST_MALFORMED, "whole base" },
		/* Good base64, and no key. */
		{ "ssh-ed25519 AAA=", ST_MALFORMED, "must be a whole key" },
		{ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", ST_MALFORMED,
		    "must be a whole key" },
		{ "ssh-ed25519 " ED25519 "AAAA", ST_MALFORMED,
		    "must be a whole key" },
		{ "ssh-ed25519 " P256, ST_MALFORMED, "must have the type" },
		{ "ssh-rsa " ED25519, ST_MALFORMED, "must have the type" },
	};
	int st;

	(void)state;
	assert_int_equal(parse("ssh-ed25519 " ED25519), ST_OK);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		st = parse(table[i].text);
		if (st != table[i].st || strstr(what, table[i].what) == NULL)
			fail_msg("%s: %d: %s", table[i].text, st, what);
	}
}

static void
bits_left_over_are_malformed(void **state)
{
	char text[HOSTKEY_TEXT_MAX], *last;
	size_t i, seen = 0;
	struct text t;

	(void)state;
	for (i = 0; i < KEY_TYPES; i++) {
		if (hex(key_vectors[i].public_hex).len % 3 == 0)
			continue;
		text_init(&t, text, sizeof(text));
		write_key(&t, i, " ");
		assert_int_equal(parse(text), ST_OK);
		/* The digit before the padding, with its lowest bit set. */
		last = strchr(text, '=') - 1;
		assert_non_null(strchr("AQgwEIMUYckos048", *last));
		(*last)++;
		assert_int_equal(parse(text), ST_MALFORMED);
		assert_non_null(strstr(what, "whole base64"));
		seen++;
	}
	assert_true(seen > 1);
}

static void
longest_blob_is_met_and_not_passed(void **state)
{
	char text[HOSTKEY_TEXT_MAX + 8];
	size_t digits = (HOSTKEY_BLOB_MAX / 3 + 1) * 4;

	(void)state;
	/* No key, but as long as one may be; and then one byte longer. */
	memset(text, 'A', sizeof(text));
	memcpy(text, "ssh-rsa ", 8);
	text[8 + digits] = '\0';
	text[8 + digits - 1] = text[8 + digits - 2] = '=';
	assert_int_equal(parse(text), ST_MALFORMED);
	assert_non_null(strstr(what, "whole key"));
	assert_int_equal(key.len, HOSTKEY_BLOB_MAX);
	text[8 + digits - 2] = 'A';
	assert_int_equal(parse(text), ST_TOO_LARGE);
	assert_non_null(strstr(what, "longer than one can be"));
}

static void
a_comment_may_be_longer_than_any_key(void **state)
{
	char text[3 * HOSTKEY_TEXT_MAX];

	(void)state;
	memset(text, 'A', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	memcpy(text, "ssh-ed25519 " ED25519 " ", 12 + sizeof(ED25519));
	assert_int_equal(parse(text), ST_OK);
	assert_int_equal(key.len, 51);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_every_type_are_taken),
		cmocka_unit_test(keys_are_written_as_ssh_does),
		cmocka_unit_test(all_else_is_refused_with_the_remedy),
		cmocka_unit_test(bits_left_over_are_malformed),
		cmocka_unit_test(longest_blob_is_met_and_not_passed),
		cmocka_unit_test(a_comment_may_be_longer_than_any_key),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
