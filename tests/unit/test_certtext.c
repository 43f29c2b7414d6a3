#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keys/certtext.h"
#include "base/text.h"
#include "support/cert_vectors.h"
#include "support/fakecert.h"
#include "support/hex.h"
#include "support/key_vectors.h"

#define WHY_MAX		256

/* What was found in a text. */
struct found {
	struct certtext	 certs;
	char		 why[WHY_MAX];
};

static char *heap;

static int
teardown(void **state)
{
	(void)state;
	free(heap);
	heap = NULL;
	return 0;
}

/* A text that lives until the end of the test, for the sanitizer to watch its
 * end. */
static struct slice
text_of(const char *s)
{
	free(heap);
	heap = malloc(strlen(s) + 1);
	assert_non_null(heap);
	memcpy(heap, s, strlen(s));
	return (struct slice){ (uint8_t *)heap, strlen(s) };
}

static int
find(struct found *f, const char *s)
{
	int st;

	memset(f, 0xff, sizeof(*f));
	f->why[0] = '\0';
	st = certtext_find_all(&f->certs, text_of(s), f->why,
	    sizeof(f->why));
	if (st != ST_OK) {
		assert_int_equal(f->certs.n, 0);
		assert_null(f->certs.at);
		assert_int_not_equal(f->why[0], '\0');
		assert_null(strchr(f->why, '\n'));
	}
	return st;
}

/* Append a line: a name, a blob in base64, and what follows. */
static void
add_line(struct text *t, const char *name, struct slice blob,
    const char *after)
{
	text_addf(t, "%s ", name);
	text_base64(t, blob.p, blob.len, true);
	text_add(t, after);
	assert_false(t->full);
}

/* The certificate of a type. */
static void
add_cert(struct text *t, enum key_type type, const char *after)
{
	add_line(t, key_type_info(type)->cert_name,
	    hex(cert_vectors[type].cert_hex), after);
}

static void
every_type_is_found_with_its_key(void **state)
{
	char room[32 * 1024];
	struct text t;
	struct found f;

	(void)state;
	text_init(&t, room, sizeof(room));
	for (unsigned i = 0; i < KEY_TYPES; i++)
		add_cert(&t, i, " a comment\n");
	assert_int_equal(find(&f, room), ST_OK);
	assert_int_equal(f.certs.n, KEY_TYPES);
	for (unsigned i = 0; i < KEY_TYPES; i++) {
		const struct certtext_cert *c = &f.certs.at[i];
		struct certificate cert;
		struct slice blob = hex(cert_vectors[i].cert_hex);
		struct wire_writer w = wire_writer(hex_alloc(blob.len),
		    blob.len);

		assert_int_equal(c->line, i + 1);
		assert_string_equal(c->type, key_type_info(i)->cert_name);
		hex_expect(c->type, c->blob, blob);
		assert_int_equal(certificate_decode(blob, &cert), ST_OK);
		keyblob_put(&w, &cert.key);
		hex_expect_written(c->type, &w, c->key);
		hex_expect(c->type, c->key_id, cert.key_id);
	}
	certtext_fini(&f.certs);
	assert_int_equal(f.certs.n, 0);
	certtext_fini(&f.certs);
}

static void
lines_end_and_begin_in_any_way(void **state)
{
	static const struct {
		const char	*before, *after;
		size_t		 line;
	} table[] = {
		{ "", "", 1 },
		{ "", " c", 1 },
		{ "", "\n", 1 },
		{ "", "\r\n", 1 },
		{ "", "\tc\r", 1 },
		{ "", " \t c c c  \n\n", 1 },
		{ "\n\n", "\n", 3 },
		{ "a\r\nb\r\n\r\n", "\r\n", 4 },
		{ "a\rb\r", "\r", 3 },
		{ "\xef\xbb\xbf", "\n", 1 },
		{ "  \t", "\n", 1 },
		{ "-----BEGIN PRIVATE KEY-----\nTm8=\n"
		    "-----END PRIVATE KEY-----\n", "\n", 4 },
		{ "", "\n-----BEGIN PRIVATE KEY-----\nTm8=\n", 1 },
	};
	char room[4096];
	struct text t;
	struct found f;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		text_init(&t, room, sizeof(room));
		text_add(&t, table[i].before);
		add_cert(&t, KEY_ED25519, table[i].after);
		if (find(&f, room) != ST_OK)
			fail_msg("row %zu: %s", i, f.why);
		assert_int_equal(f.certs.n, 1);
		assert_int_equal(f.certs.at[0].line, table[i].line);
		certtext_fini(&f.certs);
	}
}

static void
the_same_certificate_again_is_one(void **state)
{
	char room[8192];
	struct text t;
	struct found f;

	(void)state;
	text_init(&t, room, sizeof(room));
	add_cert(&t, KEY_ED25519, " one\n");
	add_cert(&t, KEY_ECDSA_P256, " other\n");
	add_cert(&t, KEY_ED25519, " two\n");
	assert_int_equal(find(&f, room), ST_OK);
	assert_int_equal(f.certs.n, 2);
	assert_int_equal(f.certs.at[0].line, 1);
	assert_int_equal(f.certs.at[1].line, 2);
	certtext_fini(&f.certs);
}

static void
what_is_no_certificate_is_passed_over(void **state)
{
	static const char *const table[] = {
		"", "\n", "a note", "ssh-ed25519", "ssh-ed25519 of bob",
		"the ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA",
		"host.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA",
		"ssh-agent AAA", "-cert-v01@openssh.co AAAA",
		"-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA ssh-rsa AAAA\n",
	};
	struct found f;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (find(&f, table[i]) != ST_OK)
			fail_msg("\"%s\": %s", table[i], f.why);
		assert_int_equal(f.certs.n, 0);
		certtext_fini(&f.certs);
	}
}

static void
what_is_not_taken_says_where_and_why(void **state)
{
	static const struct {
		const char	*text;
		int		 st;
		const char	*why;
	} table[] = {
		{ "ssh-ed25519 AAAA", ST_UNSUPPORTED,
		    "line 1: this is a public key (ssh-ed25519)" },
		{ "\n\nssh-rsa AAAAB3 x", ST_UNSUPPORTED,
		    "line 3: this is a public key (ssh-rsa)" },
		{ "ssh-dss AAAAB3", ST_UNSUPPORTED, "public key (ssh-dss)" },
		{ "sk-ssh-ed25519@openssh.com AAAAG", ST_UNSUPPORTED,
		    "without .pub" },
		{ "ecdsa-sha2-nistp256\tAAAAE2", ST_UNSUPPORTED,
		    "private keys and their certificates" },
		{ "a\nssh-dss-cert-v01@openssh.com AAAA", ST_UNSUPPORTED,
		    "line 2: this is a certificate "
		    "(ssh-dss-cert-v01@openssh.com) of a type" },
		{ "\x1b[31m-cert-v01@openssh.com", ST_UNSUPPORTED,
		    "(\\x1b[31m-cert-v01@openssh.com)" },
		{ "-cert-v01@openssh.com", ST_UNSUPPORTED, "of a type" },
		{ "ssh-ed25519-cert-v01@openssh.com", ST_MALFORMED,
		    "line 1: this is a certificate "
		    "(ssh-ed25519-cert-v01@openssh.com) that does not parse" },
		{ "ssh-ed25519-cert-v01@openssh.com of bob", ST_MALFORMED,
		    "does not parse" },
		{ "ssh-ed25519-cert-v01@openssh.com AAA", ST_MALFORMED,
		    "damaged" },
	};
	struct found f;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (find(&f, table[i].text) != table[i].st)
			fail_msg("\"%s\": another status", table[i].text);
		if (strstr(f.why, table[i].why) == NULL)
			fail_msg("\"%s\": %s", table[i].text, f.why);
	}
}

static void
a_name_too_long_to_show_is_cut(void **state)
{
	char room[4096];
	struct found f;

	(void)state;
	memset(room, '\x01', 1000);
	(void)strcpy(room + 1000, "-cert-v01@openssh.com");
	assert_int_equal(find(&f, room), ST_UNSUPPORTED);
	assert_non_null(strstr(f.why, "\\x01)"));
}

static void
a_certificate_must_be_what_its_line_says(void **state)
{
	char room[8192];
	struct text t;
	struct found f;

	(void)state;
	/* Of another type, and a plain key in the place of one. */
	text_init(&t, room, sizeof(room));
	add_line(&t, key_type_info(KEY_RSA)->cert_name,
	    hex(cert_vectors[KEY_ED25519].cert_hex), "");
	assert_int_equal(find(&f, room), ST_MALFORMED);
	text_init(&t, room, sizeof(room));
	add_line(&t, key_type_info(KEY_ED25519)->cert_name,
	    hex(key_vectors[KEY_ED25519].public_hex), "");
	assert_int_equal(find(&f, room), ST_MALFORMED);
	/* Run together with a key: the newline at its end is missing. */
	text_init(&t, room, sizeof(room));
	add_cert(&t, KEY_ED25519, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
	assert_int_equal(find(&f, room), ST_MALFORMED);
	assert_non_null(strstr(f.why, "runs together"));
}

static void
a_certificate_for_neither_users_nor_hosts_says_so(void **state)
{
	const struct fakecert fake = {
		.key = hex(key_vectors[KEY_ED25519].public_hex),
		.ca = hex(key_vectors[KEY_ED25519].public_hex),
		.role = 3, .principals = "", .critical = "",
	};
	struct wire_writer w = wire_writer(hex_alloc(4096), 4096);
	char room[8192];
	struct text t;
	struct found f;

	(void)state;
	fakecert_put(&w, &fake);
	wire_put_str(&w, "not looked at");
	text_init(&t, room, sizeof(room));
	add_line(&t, key_type_info(KEY_ED25519)->cert_name,
	    (struct slice){ w.p, w.len }, "");
	assert_int_equal(find(&f, room), ST_UNSUPPORTED);
	assert_non_null(strstr(f.why, "neither for users nor for hosts"));
}

static void
a_line_longer_than_any_certificate_is_too_large(void **state)
{
	static char room[64 * 1024];
	struct found f;

	(void)state;
	memset(room, 'A', sizeof(room) - 1);
	memcpy(room, "ssh-rsa-cert-v01@openssh.com ", 29);
	assert_int_equal(find(&f, room), ST_TOO_LARGE);
	assert_non_null(strstr(f.why, "line 1"));
	/* Not so where it is a comment that is long. */
	memset(room, 'x', sizeof(room) - 1);
	assert_int_equal(find(&f, room), ST_OK);
}

static void
a_certificate_cut_or_changed_anywhere_is_no_fault(void **state)
{
	static const uint8_t changes[] = { 0x01, 0x20, 0x80, 0xff };
	char room[4096];
	struct text t;
	struct found f;
	size_t type_len, len;
	int st;

	(void)state;
	text_init(&t, room, sizeof(room));
	add_cert(&t, KEY_ED25519, "");
	len = t.len;
	type_len = strlen(key_type_info(KEY_ED25519)->cert_name);
	for (size_t at = 0; at < len; at++) {
		for (size_t c = 0; c < sizeof(changes); c++) {
			char was = room[at];

			room[at] = (char)(was ^ changes[c]);
			st = find(&f, room);
			assert_true(st >= 0);
			certtext_fini(&f.certs);
			room[at] = was;
		}
	}
	/* Cut anywhere behind its type it is an error. */
	for (; len > type_len; len--) {
		room[len - 1] = '\0';
		st = find(&f, room);
		assert_int_equal(st, ST_MALFORMED);
	}
}

static void
only_so_many_as_an_agent_holds(void **state)
{
	const size_t cap = 3 * 1024 * 1024;
	const struct fakecert fake = {
		.key = hex(key_vectors[KEY_ED25519].public_hex),
		.ca = hex(key_vectors[KEY_ED25519].public_hex),
		.role = CERTIFICATE_USER, .principals = "", .critical = "",
	};
	char *room = malloc(cap);
	uint8_t bytes[1024];
	struct text t;
	struct found f;

	(void)state;
	assert_non_null(room);
	text_init(&t, room, cap);
	for (uint32_t i = 0; i < CERTTEXT_MAX; i++) {
		struct wire_writer w = wire_writer(bytes, sizeof(bytes));
		struct fakecert c = fake;

		c.after = i;
		fakecert_put(&w, &c);
		wire_put_str(&w, "not looked at");
		add_line(&t, key_type_info(KEY_ED25519)->cert_name,
		    (struct slice){ w.p, w.len }, "\n");
	}
	assert_int_equal(find(&f, room), ST_OK);
	assert_int_equal(f.certs.n, CERTTEXT_MAX);
	certtext_fini(&f.certs);
	add_cert(&t, KEY_ECDSA_P256, "\n");
	assert_int_equal(find(&f, room), ST_FULL);
	assert_non_null(strstr(f.why, "line 2049"));
	assert_non_null(strstr(f.why, "2048"));
	free(room);
}

#define T(name)	cmocka_unit_test_teardown(name, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_type_is_found_with_its_key),
		T(lines_end_and_begin_in_any_way),
		T(the_same_certificate_again_is_one),
		T(what_is_no_certificate_is_passed_over),
		T(what_is_not_taken_says_where_and_why),
		T(a_name_too_long_to_show_is_cut),
		T(a_certificate_must_be_what_its_line_says),
		T(a_certificate_for_neither_users_nor_hosts_says_so),
		T(a_line_longer_than_any_certificate_is_too_large),
		T(a_certificate_cut_or_changed_anywhere_is_no_fault),
		T(only_so_many_as_an_agent_holds),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
