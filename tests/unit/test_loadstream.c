#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/loadstream.h"
#include "agent/vault.h"
#include "base/fdio.h"
#include "base/log.h"
#include "base/text.h"
#include "proto/bundle.h"
#include "proto/constraint.h"
#include "support/cert_vectors.h"
#include "support/hex.h"
#include "support/testkeys.h"

/*
 * What comes on standard input is made into a stream, and that is opened as
 * the agent would.
 */

static int saved_stdin;
static struct agent_options opts;
static struct loadstream stream;
static struct opener *opener;
static struct slice sealed;
static uint8_t plain_room[BUNDLE_RECORD_MAX];

static int
setup(void **state)
{
	uint8_t pk[LOAD_PUBLIC_KEY];

	(void)state;
	opts = (struct agent_options){ .command = COMMAND_LOAD };
	loadstream_init(&stream, &opts);
	return opener_new(&opener, vault_region(), pk);
}

static int
teardown(void **state)
{
	(void)state;
	loadstream_fini(&stream);
	loadstream_fini(&stream);
	opener_free(opener);
	opener = NULL;
	return 0;
}

/* Make a stream of a text, by a new one-time key; gives the exit code. */
static int
make(const char *text)
{
	uint8_t pk[LOAD_PUBLIC_KEY];
	FILE *f = tmpfile();
	int code;

	assert_non_null(f);
	assert_int_equal(fputs(text, f) < 0, 0);
	rewind(f);
	assert_int_equal(dup2(fileno(f), STDIN_FILENO), STDIN_FILENO);
	(void)fclose(f);
	opener_free(opener);
	assert_int_equal(opener_new(&opener, vault_region(), pk), ST_OK);
	loadstream_fini(&stream);
	assert_int_equal(loadstream_begin(&stream, pk), EXIT_DONE);
	assert_int_equal(loadstream_read(&stream), EXIT_DONE);
	code = loadstream_make(&stream, &sealed);
	assert_int_equal(dup2(saved_stdin, STDIN_FILENO), STDIN_FILENO);
	return code;
}

/* Open the next record; the key of it, or the number at the end. */
static struct bundle_record
next_record(struct request *add)
{
	struct bundle_record rec;
	struct slice plain;
	bool final;

	assert_int_equal(opener_feed(opener, &sealed), ST_OK);
	plain = opener_record(opener, &final);
	memcpy(plain_room, plain.p, plain.len);
	plain.p = plain_room;
	assert_int_equal(bundle_record_decode(plain, &rec), ST_OK);
	assert_int_equal(final, rec.kind == BUNDLE_END);
	if (rec.kind == BUNDLE_KEY)
		assert_int_equal(request_decode_add(rec.key, add), ST_OK);
	return rec;
}

/* The next record is that key, with that certificate or without. */
static void
expect_key(enum key_type type, struct slice cert, const char *comment)
{
	struct request add;

	assert_int_equal(next_record(&add).kind, BUNDLE_KEY);
	assert_int_equal(add.add.key.type, type);
	hex_expect(comment, add.add.key.cert, cert);
	assert_true(slice_eq_str(add.add.comment, comment));
}

static void
expect_end(uint32_t count)
{
	struct request add;
	struct bundle_record rec = next_record(&add);

	assert_int_equal(rec.kind, BUNDLE_END);
	assert_int_equal(rec.count, count);
	assert_int_equal(sealed.len, 0);
}

/* Append the key file of a certificate's vector. */
static void
add_key(struct text *t, enum key_type type, const char *comment)
{
	struct slice public;
	struct wire_writer w = wire_writer(hex_alloc(32768), 32768);
	struct wire_reader r;
	struct private_fields fields;
	size_t mark;

	/* As an add has it, and from that what a file has. */
	wire_put_str(&w, key_type_info(type)->cert_name);
	wire_put_string(&w, hex(cert_vectors[type].cert_hex));
	wire_put_bytes(&w, hex(cert_vectors[type].rest_hex));
	r = wire_reader((struct slice){ w.p, w.len });
	assert_int_equal(keyprivate_get(&r, &fields), ST_OK);
	fields.cert = (struct slice){ NULL, 0 };
	w = wire_writer(hex_alloc(32768), 32768);
	keyprivate_put_public(&w, &fields);
	public = hex_copy((struct slice){ w.p, w.len });

	w = wire_writer(hex_alloc(32768), 32768);
	wire_put_bytes(&w, hex("'openssh-key-v1' 00"));
	wire_put_str(&w, "none");
	wire_put_str(&w, "none");
	wire_put_str(&w, "");
	wire_put_u32(&w, 1);
	wire_put_string(&w, public);
	mark = wire_open_string(&w);
	wire_put_bytes(&w, hex("00000007 00000007"));
	keyprivate_put(&w, &fields);
	wire_put_str(&w, comment);
	for (uint8_t pad = 1; (w.len - mark) % 8 != 0; pad++)
		wire_put_u8(&w, pad);
	wire_close_string(&w, mark);
	assert_false(w.full);
	text_add(t, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
	text_base64(t, w.p, w.len, true);
	text_add(t, "\n-----END OPENSSH PRIVATE KEY-----\n");
	assert_false(t->full);
}

static void
add_cert(struct text *t, enum key_type type)
{
	struct slice blob = hex(cert_vectors[type].cert_hex);

	text_addf(t, "%s ", key_type_info(type)->cert_name);
	text_base64(t, blob.p, blob.len, true);
	text_add(t, " a comment\n");
	assert_false(t->full);
}

static void
a_record_for_each_key_and_each_certificate(void **state)
{
	static const char none[] = "";
	char room[32 * 1024];
	struct text t;

	(void)state;
	text_init(&t, room, sizeof(room));
	add_cert(&t, KEY_ECDSA_P521);
	add_key(&t, KEY_ED25519, "first");
	add_key(&t, KEY_ECDSA_P256, "second");
	add_cert(&t, KEY_ED25519);
	add_key(&t, KEY_ECDSA_P521, "third");
	add_cert(&t, KEY_ED25519);
	assert_int_equal(make(room), EXIT_DONE);
	expect_key(KEY_ED25519, hex(none), "first");
	expect_key(KEY_ED25519, hex(cert_vectors[KEY_ED25519].cert_hex),
	    "first");
	expect_key(KEY_ECDSA_P256, hex(none), "second");
	expect_key(KEY_ECDSA_P521, hex(none), "third");
	expect_key(KEY_ECDSA_P521, hex(cert_vectors[KEY_ECDSA_P521].cert_hex),
	    "third");
	expect_end(5);
}

/* What the agent says of a record is about something in the text. */
static void
records_have_names(void **state)
{
	static const struct {
		size_t		 item;
		const char	*name;
	} table[] = {
		{ 1, "key 1 of 2 (SHA256:" },
		{ 2, "the certificate in line 7, of key 1 of 2 (SHA256:" },
		{ 3, "key 2 of 2 (SHA256:" },
	};
	char room[32 * 1024], name[256];
	struct text t;

	(void)state;
	text_init(&t, room, sizeof(room));
	add_key(&t, KEY_ED25519, "first");
	add_key(&t, KEY_ECDSA_P256, "second");
	add_cert(&t, KEY_ED25519);
	assert_int_equal(make(room), EXIT_DONE);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		text_init(&t, name, sizeof(name));
		assert_true(loadstream_name(&stream, table[i].item, &t));
		assert_memory_equal(name, table[i].name,
		    strlen(table[i].name));
	}
	text_init(&t, name, sizeof(name));
	assert_false(loadstream_name(&stream, 0, &t));
	assert_false(loadstream_name(&stream, 4, &t));
}

/* The constraints of the next record. */
static struct constraints
next_constraints(void)
{
	static struct request add;
	struct constraints c;

	assert_int_equal(next_record(&add).kind, BUNDLE_KEY);
	assert_int_equal(constraint_parse(add.add.constraints, &c), ST_OK);
	return c;
}

static void
every_record_has_the_rules(void **state)
{
	char room[32 * 1024];
	struct constraints c;
	struct text t;

	(void)state;
	text_init(&t, room, sizeof(room));
	add_key(&t, KEY_ED25519, "");
	add_cert(&t, KEY_ED25519);
	add_key(&t, KEY_ECDSA_P384, "");
	assert_int_equal(make(room), EXIT_DONE);
	for (size_t i = 0; i < 3; i++) {
		c = next_constraints();
		assert_false(c.has_lifetime || c.confirm ||
		    c.has_signatures || c.has_unbound || c.rate_n > 0);
		assert_int_equal(c.purposes.len, 0);
	}
	expect_end(3);

	opts.has_lifetime = true;
	opts.lifetime_s = 90;
	opts.purposes = "auth,git,x@y";
	opts.signatures = 7;
	opts.rate_n = 5;
	opts.rate_s = 60;
	assert_int_equal(make(room), EXIT_DONE);
	for (size_t i = 0; i < 3; i++) {
		c = next_constraints();
		assert_true(c.has_lifetime && c.has_signatures);
		assert_false(c.has_unbound);
		assert_int_equal(c.lifetime_s, 90);
		assert_int_equal(c.signatures, 7);
		assert_int_equal(c.rate_n, 5);
		assert_int_equal(c.rate_s, 60);
		hex_expect("purposes", c.purposes, hex("00000004 'auth' "
		    "00000003 'git' 00000003 'x@y'"));
	}
	expect_end(3);
}

/* As many and as long as options_parse() takes them. */
static char *
longest_purposes(void)
{
	const size_t each = CONSTRAINT_PURPOSE_MAX + 1;
	const size_t len = each * CONSTRAINT_PURPOSES_MAX;
	char *list = (char *)hex_alloc(len);

	memset(list, 'x', len);
	for (size_t i = 1; i < CONSTRAINT_PURPOSES_MAX; i++)
		list[i * each - 1] = ',';
	list[len - 1] = '\0';
	return list;
}

static void
the_longest_purposes_fit(void **state)
{
	char room[8192];
	struct constraints c;
	struct text t;

	(void)state;
	opts.purposes = longest_purposes();
	text_init(&t, room, sizeof(room));
	add_key(&t, KEY_ED25519, "");
	assert_int_equal(make(room), EXIT_DONE);
	c = next_constraints();
	assert_int_equal(c.purposes.len, (4 + CONSTRAINT_PURPOSE_MAX) *
	    CONSTRAINT_PURPOSES_MAX);
	expect_end(1);
	opts.purposes = "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,"
	    "0,1,2,3,4,5";
	assert_int_equal(make(room), EXIT_DONE);
	c = next_constraints();
	assert_int_equal(c.purposes.len, 5 * CONSTRAINT_PURPOSES_MAX);
}

/* Nothing stays behind of a text, good or bad. */
static void
what_is_bad_fails_and_leaves_no_secret(void **state)
{
	char both[8192], cert[4096], foreign[8192];
	const char *const table[] = { "", "a note\n", cert, foreign,
		"ssh-ed25519 AAAA x\n", "-----BEGIN OPENSSH PRIVATE KEY-----\n"
		"AAAA\n-----END OPENSSH PRIVATE KEY-----\n" };
	struct secret_usage before, after;
	struct text t;

	(void)state;
	text_init(&t, cert, sizeof(cert));
	add_cert(&t, KEY_ED25519);
	text_init(&t, both, sizeof(both));
	add_key(&t, KEY_ED25519, "c");
	add_cert(&t, KEY_ED25519);
	text_init(&t, foreign, sizeof(foreign));
	add_key(&t, KEY_ECDSA_P256, "c");
	add_cert(&t, KEY_ED25519);
	(void)teardown(NULL);
	secret_usage(vault_region(), &before);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (make(table[i]) != EXIT_FAILED)
			fail_msg("row %zu was taken", i);
	opts.has_expect = true;
	opts.expect = 2;
	assert_int_equal(make(both), EXIT_FAILED);
	opts.expect = 1;
	assert_int_equal(make(both), EXIT_DONE);
	assert_null(stream.text);
	(void)teardown(NULL);
	secret_usage(vault_region(), &after);
	assert_int_equal(before.used, after.used);
}

/* What no record has room for: key, comment and purposes together. */
static void
a_record_has_its_limit(void **state)
{
	char room[64 * 1024], comment[8192];
	struct text t;

	(void)state;
	memset(comment, 'c', sizeof(comment));
	comment[sizeof(comment) - 1] = '\0';
	text_init(&t, room, sizeof(room));
	add_key(&t, KEY_ED25519, comment);
	opts.purposes = longest_purposes();
	assert_int_equal(make(room), EXIT_FAILED);
	opts.purposes = NULL;
	assert_int_equal(make(room), EXIT_DONE);
	/* The key itself takes some hundred bytes. */
	opts.purposes = longest_purposes();
	comment[sizeof(comment) - 600] = '\0';
	text_init(&t, room, sizeof(room));
	add_key(&t, KEY_ED25519, comment);
	assert_int_equal(make(room), EXIT_DONE);
}

static int
group_setup(void **state)
{
	(void)state;
	/* Messages are for people; those of the tests are for nobody. */
	log_open("test_loadstream", LOG_LEVEL_ERROR, false);
	saved_stdin = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	testkeys_vault_sized(1024 * 1024);
	return saved_stdin < 0 ? -1 : 0;
}

#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_record_for_each_key_and_each_certificate),
		T(records_have_names),
		T(every_record_has_the_rules),
		T(the_longest_purposes_fit),
		T(what_is_bad_fails_and_leaves_no_secret),
		T(a_record_has_its_limit),
	};

	if (fdio_std_open() != ST_OK)
		return 1;
	return cmocka_run_group_tests(tests, group_setup, hex_free);
}
