#include "proto/keyblob.h"

#include "support/hex.h"
#include "support/key_vectors.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

#define ED25519 "0000000b 'ssh-ed25519' "
#define P256 "00000013 'ecdsa-sha2-nistp256' "
#define P384 "00000013 'ecdsa-sha2-nistp384' "
#define RSA "00000007 'ssh-rsa' "
#define B8 "0102030405060708 "
#define B32 B8 B8 B8 B8
#define B31 "01020304050607 " B8 B8 B8

static void
types_have_their_names(void **state)
{
	static const struct {
		enum key_type type;
		const char *name, *curve, *label;
		unsigned bits;
	} want[] = {
		{ KEY_ED25519, "ssh-ed25519", NULL, "ED25519", 256 },
		{ KEY_ECDSA_P256, "ecdsa-sha2-nistp256", "nistp256", "ECDSA",
		    256 },
		{ KEY_ECDSA_P384, "ecdsa-sha2-nistp384", "nistp384", "ECDSA",
		    384 },
		{ KEY_ECDSA_P521, "ecdsa-sha2-nistp521", "nistp521", "ECDSA",
		    521 },
		{ KEY_RSA, "ssh-rsa", NULL, "RSA", 0 },
	};
	size_t i;

	(void)state;
	assert_int_equal(N(want), KEY_TYPES);
	for (i = 0; i < N(want); i++) {
		const struct key_type_info *info = key_type_info(want[i].type);

		assert_string_equal(info->name, want[i].name);
		assert_string_equal(info->label, want[i].label);
		assert_int_equal(info->bits, want[i].bits);
		if (want[i].curve == NULL)
			assert_null(info->curve);
		else
			assert_string_equal(info->curve, want[i].curve);
	}
}

static void
openssh_private_keys_are_read_and_written_back(void **state)
{
	const struct key_vector *v;

	(void)state;
	for (v = key_vectors; v < key_vectors + KEY_TYPES; v++) {
		struct slice in = hex(v->private_hex);
		struct wire_reader r = wire_reader(in);
		struct wire_writer w = wire_writer(hex_alloc(in.len), in.len);
		struct private_fields key;

		assert_int_equal(keyblob_private_get(&r, &key), ST_OK);
		assert_true(wire_end(&r));
		assert_int_equal(key.type, v->type);
		keyblob_private_put(&w, &key);
		hex_expect(v->private_hex, (struct slice){ w.p, w.len }, in);
		assert_false(w.full);
	}
}

static void
public_blob_is_the_one_openssh_writes(void **state)
{
	const struct key_vector *v;

	(void)state;
	for (v = key_vectors; v < key_vectors + KEY_TYPES; v++) {
		struct wire_reader r = wire_reader(hex(v->private_hex));
		struct slice want = hex(v->public_hex);
		struct wire_writer w =
		    wire_writer(hex_alloc(want.len), want.len);
		struct private_fields key;

		assert_int_equal(keyblob_private_get(&r, &key), ST_OK);
		keyblob_public_put(&w, &key);
		hex_expect_written(v->public_hex, &w, want);
	}
}

static void
fields_are_told_apart(void **state)
{
	struct wire_reader r = wire_reader(hex(RSA
	    "00000002 00ff 00000001 02 00000001 03 00000001 04 "
	    "00000001 05 00000001 06"));
	struct private_fields key;

	(void)state;
	assert_int_equal(keyblob_private_get(&r, &key), ST_OK);
	hex_expect("n", key.rsa.n, hex("ff"));
	hex_expect("e", key.rsa.e, hex("02"));
	hex_expect("d", key.rsa.d, hex("03"));
	hex_expect("iqmp", key.rsa.iqmp, hex("04"));
	hex_expect("p", key.rsa.p, hex("05"));
	hex_expect("q", key.rsa.q, hex("06"));

	r = wire_reader(hex(P256 "00000008 'nistp256' 00000002 0001 "
	    "00000003 000080"));
	assert_int_equal(keyblob_private_get(&r, &key), ST_OK);
	/* The point is bytes, the number is a number. */
	hex_expect("q", key.ecdsa.q, hex("0001"));
	hex_expect("d", key.ecdsa.d, hex("80"));

	r = wire_reader(hex(ED25519 "00000020" B32 "00000040" B31 "99" B32));
	assert_int_equal(keyblob_private_get(&r, &key), ST_OK);
	hex_expect("pk", key.ed25519.pk, hex(B32));
	hex_expect("sk", key.ed25519.sk, hex(B31 "99" B32));
}

static void
broken_fields_are_refused(void **state)
{
	static const struct {
		const char *in;
		int st;
	} cases[] = {
		{ "", ST_MALFORMED },
		{ "00000003 'ss'", ST_MALFORMED },
		{ "00000007 'ssh' 00 'rsa'", ST_MALFORMED },
		/* types that we do not hold */
		{ "00000000", ST_UNSUPPORTED },
		{ "00000007 'ssh-dss'", ST_UNSUPPORTED },
		{ "0000000c 'rsa-sha2-256'", ST_UNSUPPORTED },
		{ "0000000a 'ssh-ed2551'", ST_UNSUPPORTED },
		{ "0000000c 'ssh-ed25519x'", ST_UNSUPPORTED },
		{ "0000001c 'ssh-rsa-cert-v01@openssh.com'", ST_UNSUPPORTED },
		{ "0000001a 'sk-ssh-ed25519@openssh.com'", ST_UNSUPPORTED },
		/* lengths of an Ed25519 key */
		{ ED25519 "0000001f" B31 "00000040" B32 B32, ST_MALFORMED },
		{ ED25519 "00000021" B32 "aa 00000040" B32 B32, ST_MALFORMED },
		{ ED25519 "00000020" B32 "0000003f" B32 B31, ST_MALFORMED },
		{ ED25519 "00000020" B32 "00000041" B32 B32 "aa",
		    ST_MALFORMED },
		{ ED25519 "00000020" B32 "00000020" B32, ST_MALFORMED },
		{ ED25519 "00000020" B32, ST_MALFORMED },
		/* a curve that is another's, or none */
		{ P256 "00000008 'nistp384' 00000001 04 00000001 01",
		    ST_MALFORMED },
		{ P384 "00000008 'nistp256' 00000001 04 00000001 01",
		    ST_MALFORMED },
		{ P256 "00000000 00000001 04 00000001 01", ST_MALFORMED },
		{ P256 "00000001 04 00000001 01", ST_MALFORMED },
		/* negative numbers */
		{ P256 "00000008 'nistp256' 00000001 04 00000001 80",
		    ST_MALFORMED },
		{ RSA "00000001 80 00000001 02 00000001 03 00000001 04 "
		    "00000001 05 00000001 06", ST_MALFORMED },
		{ RSA "00000001 01 00000001 02 00000001 03 00000001 04 "
		    "00000001 05 00000001 ff", ST_MALFORMED },
		/* one number is missing */
		{ RSA "00000001 01 00000001 02 00000001 03 00000001 04 "
		    "00000001 05", ST_MALFORMED },
	};
	struct private_fields key;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		struct slice in = hex(cases[i].in);
		struct wire_reader r = wire_reader(in);
		int st = keyblob_private_get(&r, &key);

		if (st != cases[i].st)
			fail_msg("in: %s: %s", cases[i].in, status_name(st));
		assert_ptr_equal(r.rest.p, in.p);
		assert_int_equal(r.rest.len, in.len);
	}
}

static void
key_cut_short_anywhere_is_malformed(void **state)
{
	const struct key_vector *v;
	struct private_fields key;
	size_t len;

	(void)state;
	for (v = key_vectors; v < key_vectors + KEY_TYPES; v++) {
		struct slice whole = hex(v->private_hex);

		for (len = 0; len < whole.len; len++) {
			struct slice in =
			    hex_copy((struct slice){ whole.p, len });
			struct wire_reader r = wire_reader(in);

			assert_int_equal(keyblob_private_get(&r, &key),
			    ST_MALFORMED);
			assert_ptr_equal(r.rest.p, in.p);
			assert_int_equal(r.rest.len, len);
		}
	}
}

static void
number_above_the_limit_is_too_large(void **state)
{
	size_t cap = 11 + 4 + 1 + WIRE_MPINT_MAX + 1;
	struct wire_writer w = wire_writer(hex_alloc(cap), cap);
	struct private_fields key;
	struct wire_reader r;
	struct slice in;

	(void)state;
	wire_put_str(&w, "ssh-rsa");
	wire_put_mpint(&w, hex_fill(0xff, WIRE_MPINT_MAX + 1));
	assert_int_equal(wire_done(&w, &in), ST_OK);
	r = wire_reader(in);
	assert_int_equal(keyblob_private_get(&r, &key), ST_TOO_LARGE);
	assert_int_equal(r.rest.len, in.len);
}

static void
longest_public_blob_fits_its_limit(void **state)
{
	struct private_fields key = { .type = KEY_RSA };
	uint8_t buf[KEYBLOB_PUBLIC_MAX];
	struct wire_writer w = wire_writer(buf, sizeof(buf));

	(void)state;
	key.rsa.n = hex_fill(0xff, WIRE_MPINT_MAX);
	key.rsa.e = hex_fill(0xff, WIRE_MPINT_MAX);
	keyblob_public_put(&w, &key);
	assert_false(w.full);
}

static void
names_may_end_in_a_nul(void **state)
{
	struct wire_reader r = wire_reader(hex("00000014 'ecdsa-sha2-nistp256'"
	    " 00 00000009 'nistp256' 00 00000001 04 00000001 01"));
	struct private_fields key;

	(void)state;
	assert_int_equal(keyblob_private_get(&r, &key), ST_OK);
	assert_int_equal(key.type, KEY_ECDSA_P256);
}

static void
what_follows_a_key_is_left(void **state)
{
	struct wire_reader r = wire_reader(hex(P256
	    "00000008 'nistp256' 00000001 04 00000001 01 00000001 'c'"));
	struct private_fields key;

	(void)state;
	assert_int_equal(keyblob_private_get(&r, &key), ST_OK);
	hex_expect("left", r.rest, hex("00000001 'c'"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_have_their_names),
		cmocka_unit_test(
		    openssh_private_keys_are_read_and_written_back),
		cmocka_unit_test(public_blob_is_the_one_openssh_writes),
		cmocka_unit_test(fields_are_told_apart),
		cmocka_unit_test(broken_fields_are_refused),
		cmocka_unit_test(key_cut_short_anywhere_is_malformed),
		cmocka_unit_test(number_above_the_limit_is_too_large),
		cmocka_unit_test(longest_public_blob_fits_its_limit),
		cmocka_unit_test(names_may_end_in_a_nul),
		cmocka_unit_test(what_follows_a_key_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
