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

#define ED25519	"AAAAC3NzaC1lZDI1NTE5AAAAIK/PTIlaO9IhyPYRGSWGGUgEuX5jaIG4FAqA" \
		"bpgKPOan"
#define P256	"AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBN+BYBzU" \
		"QFELzDQNWqLF5/oxsRrogpuJKaEn8Aq7nvrXXZUR0XjQmkbgZoQb9xJKVEx1" \
		"0JKPR7HE/JYgCmrKEWY="

static struct hostkey key;
static const char *what;

static void
whole_keys_are_taken(void **state)
{
	static const struct {
		const char	*text;
		const char	*kept;		/* NULL: all of it */
		size_t		 len;
	} table[] = {
		{ "ssh-ed25519 " ED25519, NULL, 51 },
		{ "ssh-ed25519 " ED25519 " ", "ssh-ed25519 " ED25519, 51 },
		{ "ssh-ed25519 " ED25519 " a b", "ssh-ed25519 " ED25519, 51 },
		{ "ssh-ed25519 " ED25519 "\tgit", "ssh-ed25519 " ED25519, 51 },
		{ "ecdsa-sha2-nistp256 " P256, NULL, 104 },
	};
	char again[256];
	struct text t;
	const char *kept;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (hostkey_parse(table[i].text, &key, &what) != ST_OK)
			fail_msg("%s: %s", table[i].text, what);
		assert_int_equal(key.len, table[i].len);
		kept = table[i].kept != NULL ? table[i].kept : table[i].text;
		assert_int_equal(key.text_len, strlen(kept));
		/* The bytes are those of the base64. */
		text_init(&t, again, sizeof(again));
		text_base64(&t, key.blob, key.len, true);
		assert_string_equal(again, strchr(kept, ' ') + 1);
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
		{ "ssh-ed25519", ST_MALFORMED, "one blank and base64" },
		{ "ssh-ed25519\t" ED25519, ST_MALFORMED, "one blank and" },
		{ "ssh-ed25519  " ED25519, ST_MALFORMED, "one blank and" },
		{ "ssh-ed25519 ", ST_MALFORMED, "whole base64" },
		{ "ssh-ed25519 AAA", ST_MALFORMED, "whole base64" },
		{ "ssh-ed25519 AAA*", ST_MALFORMED, "whole base64" },
		{ "ssh-ed25519 AA=A", ST_MALFORMED, "whole base64" },
		{ "ssh-ed25519 ====", ST_MALFORMED, "whole base64" },
		{ "ssh-ed25519 " ED25519 "=", ST_MALFORMED, "whole base64" },
		{ "ssh-ed25519 " ED25519 "====", ST_MALFORMED, "whole base" },
		/* Bits behind the last byte. */
		{ "ssh-ed25519 AAB=", ST_MALFORMED, "whole base64" },
		{ "ssh-ed25519 AB==", ST_MALFORMED, "whole base64" },
		/* Good base64, and no key. */
		{ "ssh-ed25519 AAA=", ST_MALFORMED, "must be a whole key" },
		{ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", ST_MALFORMED,
		    "must be a whole key" },
		{ "ssh-ed25519 " ED25519 "AAAA", ST_MALFORMED,
		    "must be a whole key" },
		{ "ssh-ed25519 " P256, ST_MALFORMED, "must have the type" },
		{ "ssh-rsa " ED25519, ST_MALFORMED, "must have the type" },
	};
	char *text;
	int st;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		/* On the heap, so that a sanitizer sees its end. */
		text = strdup(table[i].text);
		assert_non_null(text);
		st = hostkey_parse(text, &key, &what);
		if (st != table[i].st || strstr(what, table[i].what) == NULL)
			fail_msg("%s: %d: %s", text, st, what);
		free(text);
	}
}

static void
the_length_is_limited_and_a_comments_is_not(void **state)
{
	char text[HOSTKEY_TEXT_MAX + 4 + 1];

	(void)state;
	memset(text, 'A', sizeof(text));
	memcpy(text, "ssh-ed25519 ", 12);
	text[HOSTKEY_TEXT_MAX] = '\0';
	assert_int_equal(hostkey_parse(text, &key, &what), ST_MALFORMED);
	assert_non_null(strstr(what, "whole key"));
	assert_int_equal(key.len, (HOSTKEY_TEXT_MAX - 12) / 4 * 3);
	text[HOSTKEY_TEXT_MAX] = 'A';
	text[HOSTKEY_TEXT_MAX + 4] = '\0';
	assert_int_equal(hostkey_parse(text, &key, &what), ST_MALFORMED);
	assert_non_null(strstr(what, "at most 8192 bytes"));

	memcpy(text, "ssh-ed25519 " ED25519 " ", 12 + sizeof(ED25519));
	assert_int_equal(hostkey_parse(text, &key, &what), ST_OK);
	assert_int_equal(key.text_len, 12 + sizeof(ED25519) - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_keys_are_taken),
		cmocka_unit_test(all_else_is_refused_with_the_remedy),
		cmocka_unit_test(the_length_is_limited_and_a_comments_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
