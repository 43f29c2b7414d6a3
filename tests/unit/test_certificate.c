#include "proto/certificate.h"

#include "support/cert_vectors.h"
#include "support/hex.h"
#include "support/key_vectors.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

#define FOREVER UINT64_MAX
#define ANY_TIME 0, FOREVER
/* ssh-keygen -V 20200101:20400101 */
#define TWENTY_YEARS 1577836800, 2208988800

#define NO_DATA " 00000000 "
#define PERMITS \
	"00000015 'permit-X11-forwarding'" NO_DATA \
	"00000017 'permit-agent-forwarding'" NO_DATA \
	"00000016 'permit-port-forwarding'" NO_DATA \
	"0000000a 'permit-pty'" NO_DATA \
	"0000000e 'permit-user-rc'" NO_DATA

static void
openssh_certificates_are_read(void **state)
{
	static const struct {
		uint64_t serial;
		enum certificate_role role;
		const char *key_id;
		size_t n_principals;
		const char *principals;
		uint64_t after, before;
		const char *critical, *extensions;
		enum key_type ca;
		const char *algorithm;
	} want[KEY_TYPES] = {
		[KEY_ED25519] = { 7, CERTIFICATE_USER, "id-ed", 2,
		    "00000005 'alice' 00000003 'bob'", TWENTY_YEARS, "",
		    PERMITS, KEY_ED25519, "ssh-ed25519" },
		[KEY_ECDSA_P256] = { UINT64_MAX, CERTIFICATE_HOST,
		    "host p256", 2,
		    "0000000a 'h1.example' 00000009 '*.example'",
		    TWENTY_YEARS, "", "", KEY_ECDSA_P256,
		    "ecdsa-sha2-nistp256" },
		[KEY_ECDSA_P384] = { 0, CERTIFICATE_USER, "id-384", 0, "",
		    ANY_TIME, "0000000d 'force-command' "
		    "0000000d 00000009 '/bin/true' 0000000e 'source-address' "
		    "0000000e 0000000a '10.0.0.0/8'", PERMITS,
		    KEY_ECDSA_P384, "ecdsa-sha2-nistp384" },
		[KEY_ECDSA_P521] = { 1, CERTIFICATE_USER, "id-521", 1,
		    "00000001 'u'", ANY_TIME, "", "", KEY_ECDSA_P521,
		    "ecdsa-sha2-nistp521" },
		[KEY_RSA] = { 2, CERTIFICATE_HOST, "host rsa", 1,
		    "00000001 'h'", ANY_TIME, "", "", KEY_RSA,
		    "rsa-sha2-512" },
		[KEY_SK_ED25519] = { 0, CERTIFICATE_USER, "id-sked", 1,
		    "00000001 'p'", ANY_TIME, "", "00000011 "
		    "'no-touch-required'" NO_DATA PERMITS, KEY_ED25519,
		    "ssh-ed25519" },
		[KEY_SK_ECDSA_P256] = { 0, CERTIFICATE_USER, "id-skec", 1,
		    "00000001 'p'", ANY_TIME, "", PERMITS, KEY_ED25519,
		    "ssh-ed25519" },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < KEY_TYPES; i++) {
		const char *name = want[i].key_id;
		struct slice in = hex(cert_vectors[i].cert_hex);
		struct public_fields ca;
		struct certificate c;
		struct wire_reader r;
		struct slice s;

		memset(&c, 0xff, sizeof(c));
		assert_int_equal(certificate_decode(in, &c), ST_OK);
		assert_int_equal(c.key.type, i);
		assert_true(c.serial == want[i].serial);
		assert_int_equal(c.role, want[i].role);
		hex_expect(name, c.key_id, slice_str(name));
		hex_expect(name, c.principals, hex(want[i].principals));
		assert_int_equal(c.n_principals, want[i].n_principals);
		assert_true(c.valid_after == want[i].after);
		assert_true(c.valid_before == want[i].before);
		hex_expect(name, c.critical, hex(want[i].critical));
		hex_expect(name, c.extensions, hex(want[i].extensions));
		assert_int_equal(keyblob_decode(c.ca, &ca), ST_OK);
		assert_int_equal(ca.type, want[i].ca);
		r = wire_reader(c.signature);
		assert_int_equal(wire_get_string(&r, &s), ST_OK);
		hex_expect(name, s, slice_str(want[i].algorithm));
		/* The signed part is all before the signature. */
		assert_ptr_equal(c.signed_part.p, in.p);
		assert_int_equal(c.signed_part.len + 4 + c.signature.len,
		    in.len);
	}
}

static void
certified_sk_key_is_the_plain_one(void **state)
{
	unsigned i;

	(void)state;
	for (i = KEY_SK_ED25519; i <= KEY_SK_ECDSA_P256; i++) {
		struct slice want = hex(key_vectors[i].public_hex);
		struct wire_writer w =
		    wire_writer(hex_alloc(want.len), want.len);
		struct certificate c;

		assert_int_equal(certificate_decode(
		    hex(cert_vectors[i].cert_hex), &c), ST_OK);
		keyblob_put(&w, &c.key);
		hex_expect_written("key", &w, want);
	}
}

static void
certificate_of_another_length_is_malformed(void **state)
{
	const struct cert_vector *v;
	struct certificate c;
	size_t len;

	(void)state;
	for (v = cert_vectors; v < cert_vectors + KEY_TYPES; v++) {
		struct slice whole = hex(v->cert_hex);
		uint8_t *longer = hex_alloc(whole.len + 1);

		for (len = 0; len < whole.len; len++)
			assert_int_equal(certificate_decode(hex_copy(
			    (struct slice){ whole.p, len }), &c),
			    ST_MALFORMED);
		memcpy(longer, whole.p, whole.len);
		longer[whole.len] = 0;
		assert_int_equal(certificate_decode(
		    (struct slice){ longer, whole.len + 1 }, &c),
		    ST_MALFORMED);
	}
}

static void
plain_and_unknown_keys_are_unsupported(void **state)
{
	const struct key_vector *v;
	struct certificate c;

	(void)state;
	for (v = key_vectors; v < key_vectors + KEY_TYPES; v++)
		assert_int_equal(certificate_decode(hex(v->public_hex), &c),
		    ST_UNSUPPORTED);
	assert_int_equal(certificate_decode(
	    hex("0000001c 'ssh-dss-cert-v01@openssh.com'"), &c),
	    ST_UNSUPPORTED);
	assert_int_equal(certificate_decode(
	    hex("00000007 'ssh-dss'"), &c), ST_UNSUPPORTED);
	assert_int_equal(certificate_decode(hex("00000000"), &c),
	    ST_UNSUPPORTED);
}

/* A certificate in parts; what is NULL is as in a good one. */
struct parts {
	const char	*type, *key, *role, *key_id, *principals;
	const char	*critical, *extensions, *reserved, *ca;
	int		 st;
};

#define B32 "0102030405060708 1112131415161718 " \
	"2122232425262728 3132333435363738 "
#define ED25519 "0000000b 'ssh-ed25519' 00000020" B32
#define SK_ED25519 "0000001a 'sk-ssh-ed25519@openssh.com' 00000020" B32 \
	"00000004 'ssh:'"

/* The part, or what is usual for it. */
static struct slice
part(const char *given, const char *usual)
{
	return hex(given != NULL ? given : usual);
}

/* Write the certificate. */
static struct slice
make(const struct parts *p)
{
	struct wire_writer w = wire_writer(hex_alloc(4096), 4096);
	struct slice out;

	wire_put_string(&w, part(p->type,
	    "'ssh-ed25519-cert-v01@openssh.com'"));
	wire_put_str(&w, "nonce");
	wire_put_bytes(&w, part(p->key, "00000020" B32));
	wire_put_bytes(&w, hex("0102030405060708"));
	wire_put_bytes(&w, part(p->role, "00000001"));
	wire_put_string(&w, part(p->key_id, "'id'"));
	wire_put_string(&w, part(p->principals, "00000001 'u'"));
	wire_put_bytes(&w, hex("0000000000000001 fffffffffffffffe"));
	wire_put_string(&w, part(p->critical, ""));
	wire_put_string(&w, part(p->extensions, ""));
	wire_put_string(&w, part(p->reserved, ""));
	wire_put_string(&w, part(p->ca, ED25519));
	wire_put_str(&w, "signature");
	assert_int_equal(wire_done(&w, &out), ST_OK);
	return hex_copy(out);
}

static void
each_field_is_judged(void **state)
{
	static const struct parts cases[] = {
		{ .st = ST_OK },
		{ .role = "00000002", .st = ST_OK },
		{ .role = "00000000", .st = ST_UNSUPPORTED },
		{ .role = "00000003", .st = ST_UNSUPPORTED },
		{ .role = "00000101", .st = ST_UNSUPPORTED },
		{ .role = "ffffffff", .st = ST_UNSUPPORTED },
		/* the key, by the rules for its type */
		{ .type = "'ssh-ed25519-cert-v01@openssh.com' 00",
		    .st = ST_OK },
		{ .type = "'ssh-ed25519-cert-v02@openssh.com'",
		    .st = ST_UNSUPPORTED },
		{ .type = "'ssh-rsa-cert-v01@openssh.com'",
		    .key = "00000001 03 00000001 07", .st = ST_OK },
		{ .type = "'ssh-rsa-cert-v01@openssh.com'",
		    .key = "00000001 03 00000001 87", .st = ST_MALFORMED },
		{ .type = "'rsa-sha2-512-cert-v01@openssh.com'",
		    .key = "00000001 03 00000001 07", .st = ST_UNSUPPORTED },
		{ .key = "00000021 00" B32, .st = ST_MALFORMED },
		/* texts and lists of them */
		{ .key_id = "", .st = ST_OK },
		{ .key_id = "'a' 00 'b'", .st = ST_MALFORMED },
		{ .principals = "", .st = ST_OK },
		{ .principals = "00000000", .st = ST_OK },
		{ .principals = "00000001", .st = ST_MALFORMED },
		{ .principals = "00000001 'u' 00", .st = ST_MALFORMED },
		{ .principals = "00000003 'u' 00 'v'", .st = ST_MALFORMED },
		/* options are pairs */
		{ .critical = "00000001 'o' 00000000", .st = ST_OK },
		{ .critical = "00000001 'o'", .st = ST_MALFORMED },
		{ .critical = "00000001 'o' 00000001", .st = ST_MALFORMED },
		{ .critical = "00000001 'o' 00000000 00",
		    .st = ST_MALFORMED },
		{ .extensions = "00000001 'o' 00000000", .st = ST_OK },
		{ .extensions = "00000001 'o'", .st = ST_MALFORMED },
		{ .extensions = "00", .st = ST_MALFORMED },
		{ .reserved = "'anything'", .st = ST_OK },
		/* the CA is a plain key */
		{ .ca = SK_ED25519, .st = ST_OK },
		{ .ca = ED25519 "00", .st = ST_MALFORMED },
		{ .ca = "", .st = ST_MALFORMED },
		{ .ca = "00000007 'ssh-dss'", .st = ST_UNSUPPORTED },
		{ .ca = "00000020 'ssh-ed25519-cert-v01@openssh.com'",
		    .st = ST_UNSUPPORTED },
	};
	struct certificate c;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		int st = certificate_decode(make(&cases[i]), &c);

		if (st != cases[i].st)
			fail_msg("case %zu: %s", i, status_name(st));
	}
}

static void
fields_are_told_apart(void **state)
{
	struct parts p = { .role = "00000002", .critical = "00000001 'c'"
	    "00000000", .extensions = "00000001 'e' 00000000" };
	struct certificate c;

	(void)state;
	assert_int_equal(certificate_decode(make(&p), &c), ST_OK);
	hex_expect("point", c.key.point, hex(B32));
	assert_true(c.serial == 0x0102030405060708);
	assert_int_equal(c.role, CERTIFICATE_HOST);
	hex_expect("id", c.key_id, hex("'id'"));
	assert_true(c.valid_after == 1);
	assert_true(c.valid_before == UINT64_MAX - 1);
	hex_expect("critical", c.critical, hex(p.critical));
	hex_expect("extensions", c.extensions, hex(p.extensions));
	hex_expect("ca", c.ca, hex(ED25519));
	hex_expect("signature", c.signature, hex("'signature'"));
}

static void
principals_are_walked(void **state)
{
	struct parts p = { .principals = "00000003 'abc' 00000000 "
	    "00000002 'd' 00" };
	struct certificate c;
	struct wire_reader r;
	struct slice s;

	(void)state;
	assert_int_equal(certificate_decode(make(&p), &c), ST_OK);
	assert_int_equal(c.n_principals, 3);
	r = wire_reader(c.principals);
	assert_int_equal(certificate_next_principal(&r, &s), ST_OK);
	hex_expect("first", s, hex("'abc'"));
	assert_int_equal(certificate_next_principal(&r, &s), ST_OK);
	hex_expect("second", s, hex(""));
	assert_int_equal(certificate_next_principal(&r, &s), ST_OK);
	hex_expect("third", s, hex("'d'"));
	assert_int_equal(certificate_next_principal(&r, &s), ST_NOT_FOUND);
	assert_int_equal(certificate_next_principal(&r, &s), ST_NOT_FOUND);
}

/* Decode a certificate for that many. */
static int
decode_for(size_t n, struct certificate *c)
{
	char *text = (char *)hex_alloc(8 * n + 1);
	struct parts p = { .principals = text };

	for (size_t i = 0; i < n; i++)
		memcpy(text + 8 * i, "00000000", 8);
	text[8 * n] = '\0';
	return certificate_decode(make(&p), c);
}

static void
there_is_a_limit_on_principals(void **state)
{
	struct certificate c;

	(void)state;
	assert_int_equal(decode_for(CERTIFICATE_PRINCIPALS_MAX, &c), ST_OK);
	assert_int_equal(c.n_principals, CERTIFICATE_PRINCIPALS_MAX);
	assert_int_equal(decode_for(CERTIFICATE_PRINCIPALS_MAX + 1, &c),
	    ST_MALFORMED);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(openssh_certificates_are_read),
		cmocka_unit_test(certified_sk_key_is_the_plain_one),
		cmocka_unit_test(certificate_of_another_length_is_malformed),
		cmocka_unit_test(plain_and_unknown_keys_are_unsupported),
		cmocka_unit_test(each_field_is_judged),
		cmocka_unit_test(fields_are_told_apart),
		cmocka_unit_test(principals_are_walked),
		cmocka_unit_test(there_is_a_limit_on_principals),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
