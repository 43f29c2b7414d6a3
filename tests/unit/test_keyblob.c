#include "proto/keyblob.h"

#include "support/cert_vectors.h"
#include "support/hex.h"
#include "support/key_vectors.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

#define ED25519 "0000000b 'ssh-ed25519' "
#define P256 "00000013 'ecdsa-sha2-nistp256' "
#define P384 "00000013 'ecdsa-sha2-nistp384' "
#define P521 "00000013 'ecdsa-sha2-nistp521' "
#define RSA "00000007 'ssh-rsa' "
#define SK_ED25519 "0000001a 'sk-ssh-ed25519@openssh.com' "
#define SK_P256 "00000022 'sk-ecdsa-sha2-nistp256@openssh.com' "
#define NISTP256 "00000008 'nistp256' "
#define B8 "0102030405060708 "
#define B16 B8 B8
#define B31 "01020304050607 " B8 B16
#define B32 B16 B16
#define B64 B32 B32

static void
types_have_their_names(void **state)
{
	static const struct {
		enum key_type type;
		const char *name, *cert_name, *curve, *label;
		unsigned bits;
		bool sk;
	} want[] = {
		{ KEY_ED25519, "ssh-ed25519",
		    "ssh-ed25519-cert-v01@openssh.com", NULL, "ED25519", 256,
		    false },
		{ KEY_ECDSA_P256, "ecdsa-sha2-nistp256",
		    "ecdsa-sha2-nistp256-cert-v01@openssh.com", "nistp256",
		    "ECDSA", 256, false },
		{ KEY_ECDSA_P384, "ecdsa-sha2-nistp384",
		    "ecdsa-sha2-nistp384-cert-v01@openssh.com", "nistp384",
		    "ECDSA", 384, false },
		{ KEY_ECDSA_P521, "ecdsa-sha2-nistp521",
		    "ecdsa-sha2-nistp521-cert-v01@openssh.com", "nistp521",
		    "ECDSA", 521, false },
		{ KEY_RSA, "ssh-rsa", "ssh-rsa-cert-v01@openssh.com", NULL,
		    "RSA", 0, false },
		{ KEY_SK_ED25519, "sk-ssh-ed25519@openssh.com",
		    "sk-ssh-ed25519-cert-v01@openssh.com", NULL, "ED25519-SK",
		    256, true },
		{ KEY_SK_ECDSA_P256, "sk-ecdsa-sha2-nistp256@openssh.com",
		    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "nistp256",
		    "ECDSA-SK", 256, true },
	};
	size_t i;

	(void)state;
	assert_int_equal(N(want), KEY_TYPES);
	for (i = 0; i < N(want); i++) {
		const struct key_type_info *info = key_type_info(want[i].type);

		assert_string_equal(info->name, want[i].name);
		assert_string_equal(info->cert_name, want[i].cert_name);
		assert_string_equal(info->label, want[i].label);
		assert_int_equal(info->bits, want[i].bits);
		assert_int_equal(info->sk, want[i].sk);
		if (want[i].curve == NULL)
			assert_null(info->curve);
		else
			assert_string_equal(info->curve, want[i].curve);
	}
}

static void
names_lead_back_to_their_types(void **state)
{
	enum key_type type;
	unsigned i;
	bool cert;

	(void)state;
	for (i = 0; i < KEY_TYPES; i++) {
		const struct key_type_info *info =
		    key_type_info((enum key_type)i);

		assert_int_equal(key_type_named(slice_str(info->name), &type,
		    &cert), ST_OK);
		assert_int_equal(type, i);
		assert_false(cert);
		assert_int_equal(key_type_named(slice_str(info->cert_name),
		    &type, &cert), ST_OK);
		assert_int_equal(type, i);
		assert_true(cert);
	}
}

static void
other_names_are_unsupported(void **state)
{
	/* The names of signatures are not those of keys. */
	static const char *const cases[] = {
		"", "ssh-dss", "ssh-dss-cert-v01@openssh.com", "ssh-ed2551",
		"ssh-ed25519x", "SSH-ED25519", "ed25519", "ssh-ed448",
		"rsa-sha2-256", "rsa-sha2-512",
		"rsa-sha2-512-cert-v01@openssh.com",
		"sk-ssh-ed25519@openssh.com-cert-v01@openssh.com",
		"webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
		"ssh-mldsa44-ed25519@openssh.com",
	};
	enum key_type type;
	size_t i;
	bool cert;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		if (key_type_named(slice_str(cases[i]), &type, &cert) !=
		    ST_UNSUPPORTED)
			fail_msg("in: %s", cases[i]);
	}
}

static void
openssh_blobs_are_read_and_written_back(void **state)
{
	const struct key_vector *v;

	(void)state;
	for (v = key_vectors; v < key_vectors + KEY_TYPES; v++) {
		struct slice in = hex(v->public_hex);
		struct wire_writer w = wire_writer(hex_alloc(in.len), in.len);
		struct public_fields key;

		memset(&key, 0xff, sizeof(key));
		assert_int_equal(keyblob_decode(in, &key), ST_OK);
		assert_int_equal(key.type, v->type);
		/* What a type has not is empty. */
		assert_int_equal(key.point.len == 0, v->type == KEY_RSA);
		assert_int_equal(key.n.len != 0, v->type == KEY_RSA);
		assert_int_equal(key.e.len != 0, v->type == KEY_RSA);
		assert_int_equal(key.application.len != 0,
		    key_type_info(v->type)->sk);
		keyblob_put(&w, &key);
		hex_expect_written(v->public_hex, &w, in);
	}
}

static void
fields_are_told_apart(void **state)
{
	struct public_fields key;

	(void)state;
	/* The numbers are without leading zeros. */
	assert_int_equal(keyblob_decode(hex(RSA "00000003 010001 "
	    "00000003 0000ff"), &key), ST_OK);
	hex_expect("e", key.e, hex("010001"));
	hex_expect("n", key.n, hex("ff"));

	assert_int_equal(keyblob_decode(hex(P256 NISTP256 "00000041 04" B32
	    B31 "99"), &key), ST_OK);
	hex_expect("point", key.point, hex("04" B32 B31 "99"));

	assert_int_equal(keyblob_decode(hex(SK_ED25519 "00000020" B32
	    "00000004 'ssh:'"), &key), ST_OK);
	hex_expect("point", key.point, hex(B32));
	hex_expect("application", key.application, hex("'ssh:'"));

	assert_int_equal(keyblob_decode(hex(SK_P256 NISTP256 "00000041 04" B64
	    "00000000"), &key), ST_OK);
	hex_expect("point", key.point, hex("04" B64));
	hex_expect("application", key.application, hex(""));
}

static void
broken_blobs_are_refused(void **state)
{
	static const struct {
		const char *in;
		int st;
	} cases[] = {
		{ "", ST_MALFORMED },
		{ "00000003 'ss'", ST_MALFORMED },
		{ "00000007 'ssh' 00 'rsa'", ST_MALFORMED },
		{ "00000000", ST_UNSUPPORTED },
		{ "00000007 'ssh-dss'", ST_UNSUPPORTED },
		{ "0000000c 'rsa-sha2-256' 00000001 03 00000001 07",
		    ST_UNSUPPORTED },
		/* a point of another length */
		{ ED25519 "0000001f" B31, ST_MALFORMED },
		{ ED25519 "00000021" B32 "aa", ST_MALFORMED },
		{ ED25519 "00000000", ST_MALFORMED },
		{ P256 NISTP256 "00000040 04" B31 B32, ST_MALFORMED },
		{ P256 NISTP256 "00000042 04" B64 "aa", ST_MALFORMED },
		{ P256 NISTP256 "00000000", ST_MALFORMED },
		{ P384 "00000008 'nistp384' 00000041 04" B64, ST_MALFORMED },
		{ P521 "00000008 'nistp521' 00000081 04" B64 B64,
		    ST_MALFORMED },
		/* or form: compressed, hybrid, infinity */
		{ P256 NISTP256 "00000021 02" B32, ST_MALFORMED },
		{ P256 NISTP256 "00000041 06" B64, ST_MALFORMED },
		{ P256 NISTP256 "00000041 00" B64, ST_MALFORMED },
		{ P256 NISTP256 "00000001 00", ST_MALFORMED },
		/* a curve that is another's, or none */
		{ P256 "00000008 'nistp384' 00000041 04" B64, ST_MALFORMED },
		{ P384 NISTP256 "00000041 04" B64, ST_MALFORMED },
		{ P256 "00000000 00000041 04" B64, ST_MALFORMED },
		{ P256 "00000041 04" B64, ST_MALFORMED },
		{ SK_P256 "00000041 04" B64 "00000000", ST_MALFORMED },
		/* negative numbers */
		{ RSA "00000001 80 00000001 07", ST_MALFORMED },
		{ RSA "00000001 03 00000001 ff", ST_MALFORMED },
		/* an application that is missing, or no text */
		{ SK_ED25519 "00000020" B32, ST_MALFORMED },
		{ SK_ED25519 "00000020" B32 "00000003 'a' 00 'b'",
		    ST_MALFORMED },
		{ SK_P256 NISTP256 "00000041 04" B64, ST_MALFORMED },
	};
	struct public_fields key;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		int st = keyblob_decode(hex(cases[i].in), &key);

		if (st != cases[i].st)
			fail_msg("in: %s: %s", cases[i].in, status_name(st));
	}
}

static void
blob_of_another_length_is_malformed(void **state)
{
	const struct key_vector *v;
	struct public_fields key;
	size_t len;

	(void)state;
	for (v = key_vectors; v < key_vectors + KEY_TYPES; v++) {
		struct slice whole = hex(v->public_hex);
		uint8_t *longer = hex_alloc(whole.len + 1);

		for (len = 0; len < whole.len; len++)
			assert_int_equal(keyblob_decode(hex_copy(
			    (struct slice){ whole.p, len }), &key),
			    ST_MALFORMED);
		memcpy(longer, whole.p, whole.len);
		longer[whole.len] = 0;
		assert_int_equal(keyblob_decode(
		    (struct slice){ longer, whole.len + 1 }, &key),
		    ST_MALFORMED);
	}
}

static void
certificates_are_not_plain_keys(void **state)
{
	const struct cert_vector *v;
	struct public_fields key;

	(void)state;
	for (v = cert_vectors; v < cert_vectors + KEY_TYPES; v++)
		assert_int_equal(keyblob_decode(hex(v->cert_hex), &key),
		    ST_UNSUPPORTED);
}

static void
fields_are_taken_and_no_more(void **state)
{
	struct slice in = hex("00000020" B32 "'left'");
	struct wire_reader r = wire_reader(in);
	struct public_fields key;

	(void)state;
	assert_int_equal(keyblob_get_fields(&r, KEY_ED25519, &key), ST_OK);
	assert_int_equal(key.type, KEY_ED25519);
	hex_expect("left", r.rest, hex("'left'"));
	/* The same bytes are no fields of another type. */
	r = wire_reader(in);
	assert_int_equal(keyblob_get_fields(&r, KEY_SK_ED25519, &key),
	    ST_MALFORMED);
	assert_ptr_equal(r.rest.p, in.p);
	assert_int_equal(r.rest.len, in.len);
	assert_int_equal(keyblob_get_fields(&r, KEY_ECDSA_P256, &key),
	    ST_MALFORMED);
	assert_ptr_equal(r.rest.p, in.p);
	assert_int_equal(r.rest.len, in.len);
}

/* Decode an RSA key whose modulus is that long. */
static int
decode_rsa(size_t len)
{
	size_t cap = 11 + 4 + 1 + 4 + 1 + len;
	struct wire_writer w = wire_writer(hex_alloc(cap), cap);
	struct public_fields key;
	struct slice in;

	wire_put_str(&w, "ssh-rsa");
	wire_put_mpint(&w, slice_str("\x03"));
	wire_put_mpint(&w, hex_fill(0xff, len));
	assert_int_equal(wire_done(&w, &in), ST_OK);
	return keyblob_decode(in, &key);
}

/* Decode an sk key whose application is that long. */
static int
decode_sk(size_t len)
{
	size_t cap = 30 + 36 + 4 + len;
	struct wire_writer w = wire_writer(hex_alloc(cap), cap);
	struct public_fields key;
	struct slice in;

	wire_put_str(&w, "sk-ssh-ed25519@openssh.com");
	wire_put_string(&w, hex_fill(1, 32));
	wire_put_string(&w, hex_fill('a', len));
	assert_int_equal(wire_done(&w, &in), ST_OK);
	return keyblob_decode(in, &key);
}

static void
fields_may_be_as_long_as_their_limit(void **state)
{
	(void)state;
	assert_int_equal(decode_rsa(WIRE_MPINT_MAX), ST_OK);
	assert_int_equal(decode_rsa(WIRE_MPINT_MAX + 1), ST_TOO_LARGE);
	assert_int_equal(decode_sk(KEYBLOB_APPLICATION_MAX), ST_OK);
	assert_int_equal(decode_sk(KEYBLOB_APPLICATION_MAX + 1),
	    ST_TOO_LARGE);
}

static void
texts_may_end_in_a_nul(void **state)
{
	struct slice in = hex("00000023 'sk-ecdsa-sha2-nistp256@openssh.com' 00"
	    "00000009 'nistp256' 00 00000041 04" B64 "00000005 'ssh:' 00");
	struct slice want = hex(SK_P256 NISTP256 "00000041 04" B64
	    "00000004 'ssh:'");
	struct wire_writer w = wire_writer(hex_alloc(want.len), want.len);
	struct public_fields key;

	(void)state;
	assert_int_equal(keyblob_decode(in, &key), ST_OK);
	keyblob_put(&w, &key);
	hex_expect_written("without them", &w, want);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_have_their_names),
		cmocka_unit_test(names_lead_back_to_their_types),
		cmocka_unit_test(other_names_are_unsupported),
		cmocka_unit_test(openssh_blobs_are_read_and_written_back),
		cmocka_unit_test(fields_are_told_apart),
		cmocka_unit_test(broken_blobs_are_refused),
		cmocka_unit_test(blob_of_another_length_is_malformed),
		cmocka_unit_test(certificates_are_not_plain_keys),
		cmocka_unit_test(fields_are_taken_and_no_more),
		cmocka_unit_test(fields_may_be_as_long_as_their_limit),
		cmocka_unit_test(texts_may_end_in_a_nul),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
