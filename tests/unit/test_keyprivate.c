#include "proto/keyprivate.h"

#include "support/cert_vectors.h"
#include "support/hex.h"
#include "support/key_vectors.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

#define ED25519 "0000000b 'ssh-ed25519' "
#define P256 "00000013 'ecdsa-sha2-nistp256' "
#define P384 "00000013 'ecdsa-sha2-nistp384' "
#define RSA "00000007 'ssh-rsa' "
#define SK_ED25519 "0000001a 'sk-ssh-ed25519@openssh.com' "
#define SK_P256 "00000022 'sk-ecdsa-sha2-nistp256@openssh.com' "
#define NISTP256 "00000008 'nistp256' "
#define B8 "0102030405060708 "
#define B32 B8 B8 B8 B8
#define B31 "01020304050607 " B8 B8 B8
#define POINT "00000041 04" B32 B32

/* Read a key, see that it is of that type, and write it back. */
static void
check_round_trip(const char *name, struct slice in, enum key_type type,
    bool cert)
{
	struct wire_reader r = wire_reader(in);
	struct wire_writer w = wire_writer(hex_alloc(in.len), in.len);
	struct private_fields key;

	assert_int_equal(keyprivate_get(&r, &key), ST_OK);
	assert_true(wire_end(&r));
	assert_int_equal(key.type, type);
	assert_int_equal(key.cert.len > 0, cert);
	keyprivate_put(&w, &key);
	hex_expect_written(name, &w, in);
	assert_true(keyprivate_size(&key) >= in.len);
}

/* The add of a certificate: its name, itself, and the rest. */
static struct slice
certified(enum key_type type, const char *cert_hex, const char *rest_hex)
{
	struct wire_writer w = wire_writer(hex_alloc(4096), 4096);
	struct slice out;

	wire_put_str(&w, key_type_info(type)->cert_name);
	wire_put_string(&w, hex(cert_hex));
	wire_put_bytes(&w, hex(rest_hex));
	assert_int_equal(wire_done(&w, &out), ST_OK);
	return hex_copy(out);
}

static void
openssh_keys_are_read_and_written_back(void **state)
{
	const struct cert_vector *c;
	const struct key_vector *v;

	(void)state;
	for (v = key_vectors; v < key_vectors + KEY_TYPES; v++)
		check_round_trip(v->private_hex, hex(v->private_hex), v->type,
		    false);
	for (c = cert_vectors; c < cert_vectors + KEY_TYPES; c++)
		check_round_trip(c->rest_hex, certified(c->type, c->cert_hex,
		    c->rest_hex), c->type, true);
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

		assert_int_equal(keyprivate_get(&r, &key), ST_OK);
		keyprivate_put_public(&w, &key);
		hex_expect_written(v->public_hex, &w, want);
	}
}

static void
public_fields_come_from_the_certificate(void **state)
{
	const struct cert_vector *v;

	(void)state;
	for (v = cert_vectors; v < cert_vectors + KEY_TYPES; v++) {
		struct slice in = certified(v->type, v->cert_hex, v->rest_hex);
		struct wire_reader r = wire_reader(in);
		struct private_fields key;
		struct public_fields pub, again;
		uint8_t room[KEYPRIVATE_PUBLIC_MAX];
		struct wire_writer w = wire_writer(room, sizeof(room));
		struct slice blob;

		assert_int_equal(keyprivate_get(&r, &key), ST_OK);
		hex_expect("cert", key.cert, hex(v->cert_hex));
		keyprivate_public(&key, &pub);
		assert_int_equal(pub.type, v->type);
		assert_int_equal(pub.n.len == 128, v->type == KEY_RSA);
		assert_int_equal(pub.point.len == 0, v->type == KEY_RSA);
		/* The blob is of the plain key. */
		keyprivate_put_public(&w, &key);
		assert_int_equal(wire_done(&w, &blob), ST_OK);
		assert_int_equal(keyblob_decode(blob, &again), ST_OK);
		hex_expect("point", again.point, pub.point);
		hex_expect("e", again.e, pub.e);
		hex_expect("application", again.application, pub.application);
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
	assert_int_equal(keyprivate_get(&r, &key), ST_OK);
	hex_expect("n", key.rsa.n, hex("ff"));
	hex_expect("e", key.rsa.e, hex("02"));
	hex_expect("d", key.rsa.d, hex("03"));
	hex_expect("iqmp", key.rsa.iqmp, hex("04"));
	hex_expect("p", key.rsa.p, hex("05"));
	hex_expect("q", key.rsa.q, hex("06"));

	r = wire_reader(hex(P256 NISTP256 POINT "00000003 000080"));
	assert_int_equal(keyprivate_get(&r, &key), ST_OK);
	/* The point is bytes, the number is a number. */
	hex_expect("q", key.ecdsa.q, hex("04" B32 B32));
	hex_expect("d", key.ecdsa.d, hex("80"));

	r = wire_reader(hex(ED25519 "00000020" B32 "00000040" B31 "99" B32));
	assert_int_equal(keyprivate_get(&r, &key), ST_OK);
	hex_expect("pk", key.ed25519.pk, hex(B32));
	hex_expect("sk", key.ed25519.sk, hex(B31 "99" B32));
}

static void
sk_fields_are_told_apart(void **state)
{
	static const struct {
		const char *in, *point;
		enum key_type type;
	} cases[] = {
		{ SK_ED25519 "00000020" B32 "00000004 'ssh:' 05 "
		    "00000003 'key' 00000001 'r'", B32, KEY_SK_ED25519 },
		{ SK_P256 NISTP256 POINT "00000004 'ssh:' 05 "
		    "00000003 'key' 00000001 'r'", "04" B32 B32,
		    KEY_SK_ECDSA_P256 },
	};
	struct private_fields key;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		struct wire_reader r = wire_reader(hex(cases[i].in));

		assert_int_equal(keyprivate_get(&r, &key), ST_OK);
		assert_int_equal(key.type, cases[i].type);
		hex_expect("point", key.sk.point, hex(cases[i].point));
		hex_expect("application", key.sk.application, hex("'ssh:'"));
		assert_int_equal(key.sk.flags, 5);
		hex_expect("handle", key.sk.handle, hex("'key'"));
		hex_expect("reserved", key.sk.reserved, hex("'r'"));
	}
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
		{ "0000001c 'ssh-dss-cert-v01@openssh.com'", ST_UNSUPPORTED },
		/* lengths of an Ed25519 key */
		{ ED25519 "0000001f" B31 "00000040" B32 B32, ST_MALFORMED },
		{ ED25519 "00000021" B32 "aa 00000040" B32 B32, ST_MALFORMED },
		{ ED25519 "00000020" B32 "0000003f" B32 B31, ST_MALFORMED },
		{ ED25519 "00000020" B32 "00000041" B32 B32 "aa",
		    ST_MALFORMED },
		{ ED25519 "00000020" B32 "00000020" B32, ST_MALFORMED },
		{ ED25519 "00000020" B32, ST_MALFORMED },
		/* a curve that is another's, or none */
		{ P256 "00000008 'nistp384'" POINT "00000001 01",
		    ST_MALFORMED },
		{ P384 NISTP256 POINT "00000001 01", ST_MALFORMED },
		{ P256 "00000000" POINT "00000001 01", ST_MALFORMED },
		{ P256 POINT "00000001 01", ST_MALFORMED },
		/* a point that has no such form */
		{ P256 NISTP256 "00000001 04 00000001 01", ST_MALFORMED },
		{ P256 NISTP256 "00000041 02" B32 B32 "00000001 01",
		    ST_MALFORMED },
		/* negative numbers */
		{ P256 NISTP256 POINT "00000001 80", ST_MALFORMED },
		{ RSA "00000001 80 00000001 02 00000001 03 00000001 04 "
		    "00000001 05 00000001 06", ST_MALFORMED },
		{ RSA "00000001 01 00000001 02 00000001 03 00000001 04 "
		    "00000001 05 00000001 ff", ST_MALFORMED },
		/* one number is missing */
		{ RSA "00000001 01 00000001 02 00000001 03 00000001 04 "
		    "00000001 05", ST_MALFORMED },
		/* an sk key without what is its own */
		{ SK_ED25519 "00000020" B32, ST_MALFORMED },
		{ SK_ED25519 "00000020" B32 "00000040" B32 B32,
		    ST_MALFORMED },
		{ SK_P256 NISTP256 POINT "00000001 01", ST_MALFORMED },
	};
	struct private_fields key;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		struct slice in = hex(cases[i].in);
		struct wire_reader r = wire_reader(in);
		int st = keyprivate_get(&r, &key);

		if (st != cases[i].st)
			fail_msg("in: %s: %s", cases[i].in, status_name(st));
		assert_ptr_equal(r.rest.p, in.p);
		assert_int_equal(r.rest.len, in.len);
	}
}

/* Every beginning of a key is malformed. */
static void
check_cut(struct slice whole)
{
	struct private_fields key;
	size_t len;

	for (len = 0; len < whole.len; len++) {
		struct slice in = hex_copy((struct slice){ whole.p, len });
		struct wire_reader r = wire_reader(in);

		assert_int_equal(keyprivate_get(&r, &key), ST_MALFORMED);
		assert_ptr_equal(r.rest.p, in.p);
		assert_int_equal(r.rest.len, len);
	}
}

static void
key_cut_short_anywhere_is_malformed(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < KEY_TYPES; i++) {
		check_cut(hex(key_vectors[i].private_hex));
		check_cut(certified((enum key_type)i, cert_vectors[i].cert_hex,
		    cert_vectors[i].rest_hex));
	}
}

/* Take an add of a certificate. */
static int
get_certified(enum key_type type, const char *cert_hex, const char *rest_hex)
{
	struct slice in = certified(type, cert_hex, rest_hex);
	struct wire_reader r = wire_reader(in);
	struct private_fields key;
	int st = keyprivate_get(&r, &key);

	if (st != ST_OK)
		assert_int_equal(r.rest.len, in.len);
	return st;
}

static void
certificate_of_another_type_is_malformed(void **state)
{
	const struct cert_vector *a, *b;

	(void)state;
	for (a = cert_vectors; a < cert_vectors + KEY_TYPES; a++) {
		for (b = cert_vectors; b < cert_vectors + KEY_TYPES; b++)
			assert_int_equal(get_certified(a->type, b->cert_hex,
			    a->rest_hex), a == b ? ST_OK : ST_MALFORMED);
		/* And a plain key is no certificate. */
		assert_int_equal(get_certified(a->type,
		    key_vectors[a->type].public_hex, a->rest_hex),
		    ST_UNSUPPORTED);
	}
}

static void
fields_that_come_again_are_the_same(void **state)
{
	static const struct {
		enum key_type type;
		size_t at;	/* a byte of what comes again */
	} cases[] = {
		{ KEY_ED25519, 4 },
		{ KEY_ED25519, 35 },
		{ KEY_SK_ED25519, 4 },
		{ KEY_SK_ED25519, 4 + 32 + 4 },
		{ KEY_SK_ED25519, 4 + 32 + 4 + 3 },
		{ KEY_SK_ECDSA_P256, 4 },
		{ KEY_SK_ECDSA_P256, 4 + 7 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		const struct cert_vector *v = &cert_vectors[cases[i].type];
		char *rest = (char *)hex_alloc(strlen(v->rest_hex) + 1);
		char *digit = rest + 2 * cases[i].at + 1;

		strcpy(rest, v->rest_hex);
		assert_int_equal(get_certified(v->type, v->cert_hex, rest),
		    ST_OK);
		*digit = *digit == '0' ? '1' : '0';
		assert_int_equal(get_certified(v->type, v->cert_hex, rest),
		    ST_MALFORMED);
	}
	/* An application that is shorter, or longer. */
	assert_int_equal(get_certified(KEY_SK_ECDSA_P256,
	    cert_vectors[KEY_SK_ECDSA_P256].cert_hex,
	    "00000007 'ssh:wor' 01 00000000 00000000"), ST_MALFORMED);
	assert_int_equal(get_certified(KEY_SK_ECDSA_P256,
	    cert_vectors[KEY_SK_ECDSA_P256].cert_hex,
	    "00000009 'ssh:workk' 01 00000000 00000000"), ST_MALFORMED);
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
	assert_int_equal(keyprivate_get(&r, &key), ST_TOO_LARGE);
	assert_int_equal(r.rest.len, in.len);
}

static void
longest_public_blobs_fit_their_limit(void **state)
{
	struct private_fields key = { .type = KEY_RSA };
	uint8_t buf[KEYPRIVATE_PUBLIC_MAX];
	struct wire_writer w = wire_writer(buf, sizeof(buf));

	(void)state;
	key.rsa.n = hex_fill(0xff, WIRE_MPINT_MAX);
	key.rsa.e = hex_fill(0xff, WIRE_MPINT_MAX);
	keyprivate_put_public(&w, &key);
	assert_false(w.full);

	key = (struct private_fields){ .type = KEY_SK_ECDSA_P256 };
	key.sk.point = hex_fill(4, 65);
	key.sk.application = hex_fill('a', KEYBLOB_APPLICATION_MAX);
	w = wire_writer(buf, sizeof(buf));
	keyprivate_put_public(&w, &key);
	assert_false(w.full);
}

static void
size_allows_for_a_sign_in_each_number(void **state)
{
	struct wire_reader r = wire_reader(hex(RSA
	    "00000002 00ff 00000002 00ff 00000002 00ff 00000002 00ff "
	    "00000002 00ff 00000002 00ff"));
	struct slice in = r.rest;
	struct private_fields key;

	(void)state;
	assert_int_equal(keyprivate_get(&r, &key), ST_OK);
	assert_int_equal(keyprivate_size(&key), in.len);
}

static void
names_may_end_in_a_nul(void **state)
{
	struct wire_reader r = wire_reader(hex("00000014 'ecdsa-sha2-nistp256'"
	    " 00 00000009 'nistp256' 00" POINT "00000001 01"));
	struct private_fields key;

	(void)state;
	assert_int_equal(keyprivate_get(&r, &key), ST_OK);
	assert_int_equal(key.type, KEY_ECDSA_P256);
}

static void
what_follows_a_key_is_left(void **state)
{
	struct wire_reader r = wire_reader(hex(P256 NISTP256 POINT
	    "00000001 01 00000001 'c'"));
	struct private_fields key;

	(void)state;
	assert_int_equal(keyprivate_get(&r, &key), ST_OK);
	hex_expect("left", r.rest, hex("00000001 'c'"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(openssh_keys_are_read_and_written_back),
		cmocka_unit_test(public_blob_is_the_one_openssh_writes),
		cmocka_unit_test(public_fields_come_from_the_certificate),
		cmocka_unit_test(fields_are_told_apart),
		cmocka_unit_test(sk_fields_are_told_apart),
		cmocka_unit_test(broken_fields_are_refused),
		cmocka_unit_test(key_cut_short_anywhere_is_malformed),
		cmocka_unit_test(certificate_of_another_type_is_malformed),
		cmocka_unit_test(fields_that_come_again_are_the_same),
		cmocka_unit_test(number_above_the_limit_is_too_large),
		cmocka_unit_test(longest_public_blobs_fit_their_limit),
		cmocka_unit_test(size_allows_for_a_sign_in_each_number),
		cmocka_unit_test(names_may_end_in_a_nul),
		cmocka_unit_test(what_follows_a_key_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
