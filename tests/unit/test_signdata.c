#include "proto/signdata.h"

#include <stdio.h>

#include "support/cert_vectors.h"
#include "support/hex.h"
#include "support/key_vectors.h"
#include "support/session_vectors.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

#define B32 "0102030405060708 1112131415161718 " \
	"2122232425262728 3132333435363738 "
#define B64 B32 B32

/* What a recorded piece of data is. */
static struct signdata
classify(enum session_vector which)
{
	struct signdata d;

	memset(&d, 0xff, sizeof(d));
	signdata_classify(hex(session_vectors[which]), &d);
	return d;
}

static void
logins_are_userauth(void **state)
{
	static const struct {
		enum session_vector which;
		bool hostbound;
		const char *algorithm;
		size_t blob_len, hostkey_len;
	} cases[] = {
		{ SESSION_HOSTBOUND, true, "ssh-ed25519", 51, 104 },
		{ SESSION_RSA, true, "rsa-sha2-512", 151, 151 },
		{ SESSION_PLAIN, false, "ssh-ed25519", 51, 0 },
		{ SESSION_CERT, true, "ssh-ed25519-cert-v01@openssh.com", 449,
		    104 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		struct signdata d = classify(cases[i].which);

		assert_int_equal(d.kind, SIGNDATA_USERAUTH);
		assert_int_equal(d.userauth.session_id.len, 64);
		hex_expect("user", d.userauth.user, hex("'root'"));
		hex_expect("algorithm", d.userauth.algorithm,
		    slice_str(cases[i].algorithm));
		assert_int_equal(d.userauth.blob.len, cases[i].blob_len);
		assert_int_equal(d.userauth.hostbound, cases[i].hostbound);
		assert_int_equal(d.userauth.hostkey.len,
		    cases[i].hostkey_len);
	}
}

static void
login_belongs_to_its_bind(void **state)
{
	struct signdata d = classify(SESSION_HOSTBOUND);
	struct wire_reader r = wire_reader(hex(session_vectors[SESSION_BIND]));
	struct slice hostkey, session_id;

	(void)state;
	assert_int_equal(wire_get_string(&r, &hostkey), ST_OK);
	assert_int_equal(wire_get_string(&r, &session_id), ST_OK);
	hex_expect("hostkey", d.userauth.hostkey, hostkey);
	hex_expect("session", d.userauth.session_id, session_id);
}

static void
signatures_of_files_are_sshsig(void **state)
{
	struct signdata d = classify(SESSION_GIT);

	(void)state;
	assert_int_equal(d.kind, SIGNDATA_SSHSIG);
	hex_expect("namespace", d.sshsig.ns, hex("'git'"));
	hex_expect("algorithm", d.sshsig.hash_algorithm, hex("'sha512'"));
	assert_int_equal(d.sshsig.hash.len, 64);
	d = classify(SESSION_FILE);
	assert_int_equal(d.kind, SIGNDATA_SSHSIG);
	hex_expect("namespace", d.sshsig.ns, hex("'file'"));
	hex_expect("algorithm", d.sshsig.hash_algorithm, hex("'sha256'"));
	assert_int_equal(d.sshsig.hash.len, 32);
}

static void
all_else_is_other(void **state)
{
	static const char *const cases[] = {
		"", "00", "00000000", "'SSHSIG'", "'SSHSI'", "'hello world'",
		"00000001 's'", "00000001 's' 32",
	};
	struct signdata d;
	size_t i;

	(void)state;
	assert_int_equal(classify(SESSION_CA).kind, SIGNDATA_OTHER);
	assert_int_equal(classify(SESSION_BIND).kind, SIGNDATA_OTHER);
	for (i = 0; i < N(cases); i++) {
		memset(&d, 0xff, sizeof(d));
		signdata_classify(hex(cases[i]), &d);
		assert_int_equal(d.kind, SIGNDATA_OTHER);
	}
}

static void
data_of_another_length_is_other(void **state)
{
	unsigned i;

	(void)state;
	for (i = SESSION_HOSTBOUND; i <= SESSION_FILE; i++) {
		struct slice whole = hex(session_vectors[i]);
		uint8_t *longer = hex_alloc(whole.len + 1);
		struct signdata d;
		size_t len;

		for (len = 0; len < whole.len; len++) {
			signdata_classify(hex_copy(
			    (struct slice){ whole.p, len }), &d);
			assert_int_equal(d.kind, SIGNDATA_OTHER);
		}
		memcpy(longer, whole.p, whole.len);
		longer[whole.len] = 0;
		signdata_classify((struct slice){ longer, whole.len + 1 }, &d);
		assert_int_equal(d.kind, SIGNDATA_OTHER);
	}
}

/* A userauth request in parts; what is NULL is as in a good one. */
struct parts {
	const char	*session_id, *number, *user, *service, *method, *flag;
	const char	*algorithm, *blob, *rest;
	bool		 other;		/* that makes it SIGNDATA_OTHER */
};

#define ED25519 "0000000b 'ssh-ed25519' 00000020" B32
#define HOSTBOUND "'publickey-hostbound-v00@openssh.com'"

/* The part, or what is usual for it. */
static struct slice
part(const char *given, const char *usual)
{
	return hex(given != NULL ? given : usual);
}

/* Write the request. */
static struct slice
make(const struct parts *p)
{
	struct wire_writer w = wire_writer(hex_alloc(4096), 4096);
	struct slice out;

	wire_put_string(&w, part(p->session_id, "'sid'"));
	wire_put_bytes(&w, part(p->number, "32"));
	wire_put_string(&w, part(p->user, "'u'"));
	wire_put_string(&w, part(p->service, "'ssh-connection'"));
	wire_put_string(&w, part(p->method, "'publickey'"));
	wire_put_bytes(&w, part(p->flag, "01"));
	wire_put_string(&w, part(p->algorithm, "'ssh-ed25519'"));
	wire_put_string(&w, part(p->blob, ED25519));
	wire_put_bytes(&w, part(p->rest, ""));
	assert_int_equal(wire_done(&w, &out), ST_OK);
	return hex_copy(out);
}

static void
each_field_of_userauth_is_judged(void **state)
{
	static const struct parts cases[] = {
		{ .other = false },
		{ .session_id = "", .other = true },
		{ .number = "31", .other = true },
		{ .number = "33", .other = true },
		{ .user = "", .other = false },
		{ .user = "'a' 00 'b'", .other = true },
		{ .service = "'ssh-connectio'", .other = true },
		{ .service = "'ssh-userauth'", .other = true },
		{ .method = "'password'", .other = true },
		{ .method = "'publickey' 'x'", .other = true },
		{ .method = "'hostbased'", .other = true },
		{ .flag = "00", .other = true },
		{ .flag = "02", .other = true },
		{ .flag = "ff", .other = true },
		{ .algorithm = "", .other = true },
		/* something that is no key, or none that we know */
		{ .blob = "", .other = true },
		{ .blob = ED25519 "00", .other = true },
		{ .blob = "00000007 'ssh-dss'", .algorithm = "'ssh-dss'",
		    .other = true },
		/* a host key goes with that method and no other */
		{ .rest = "00000001 'h'", .other = true },
		{ .method = HOSTBOUND, .other = true },
		{ .method = HOSTBOUND, .rest = "00000001 'h'",
		    .other = false },
		{ .method = HOSTBOUND, .rest = "00000000", .other = true },
		{ .method = HOSTBOUND, .rest = "00000001 'h' 00",
		    .other = true },
		{ .method = "'publickey-hostbound-v01@openssh.com'",
		    .rest = "00000001 'h'", .other = true },
	};
	struct signdata d;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		signdata_classify(make(&cases[i]), &d);
		if ((d.kind != SIGNDATA_USERAUTH) != cases[i].other)
			fail_msg("case %zu", i);
	}
}

static void
fields_of_userauth_are_told_apart(void **state)
{
	const struct parts p = { .method = HOSTBOUND,
		.rest = "00000004 'host'" };
	struct signdata d;

	(void)state;
	signdata_classify(make(&p), &d);
	assert_int_equal(d.kind, SIGNDATA_USERAUTH);
	hex_expect("session id", d.userauth.session_id, hex("'sid'"));
	hex_expect("user", d.userauth.user, hex("'u'"));
	hex_expect("algorithm", d.userauth.algorithm, hex("'ssh-ed25519'"));
	hex_expect("blob", d.userauth.blob, hex(ED25519));
	hex_expect("hostkey", d.userauth.hostkey, hex("'host'"));
	assert_true(d.userauth.hostbound);
}

/* The algorithms that go with the types of keys, plain and certified. */
static const struct {
	const char	*name;
	enum key_type	 type;
	bool		 cert;
} algorithms[] = {
	{ "ssh-ed25519", KEY_ED25519, false },
	{ "ssh-ed25519-cert-v01@openssh.com", KEY_ED25519, true },
	{ "ecdsa-sha2-nistp256", KEY_ECDSA_P256, false },
	{ "ecdsa-sha2-nistp256-cert-v01@openssh.com", KEY_ECDSA_P256, true },
	{ "ecdsa-sha2-nistp384", KEY_ECDSA_P384, false },
	{ "ecdsa-sha2-nistp384-cert-v01@openssh.com", KEY_ECDSA_P384, true },
	{ "ecdsa-sha2-nistp521", KEY_ECDSA_P521, false },
	{ "ecdsa-sha2-nistp521-cert-v01@openssh.com", KEY_ECDSA_P521, true },
	{ "ssh-rsa", KEY_RSA, false },
	{ "rsa-sha2-256", KEY_RSA, false },
	{ "rsa-sha2-512", KEY_RSA, false },
	{ "ssh-rsa-cert-v01@openssh.com", KEY_RSA, true },
	{ "rsa-sha2-256-cert-v01@openssh.com", KEY_RSA, true },
	{ "rsa-sha2-512-cert-v01@openssh.com", KEY_RSA, true },
	{ "sk-ssh-ed25519@openssh.com", KEY_SK_ED25519, false },
	{ "sk-ssh-ed25519-cert-v01@openssh.com", KEY_SK_ED25519, true },
	{ "sk-ecdsa-sha2-nistp256@openssh.com", KEY_SK_ECDSA_P256, false },
	{ "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", KEY_SK_ECDSA_P256,
	    true },
	{ "rsa-sha2-384", KEY_TYPES, false },
	{ "ssh-dss", KEY_TYPES, false },
	{ "none", KEY_TYPES, false },
};

static void
algorithm_is_one_of_the_keys(void **state)
{
	char name[64];
	unsigned type;
	size_t i;
	int cert;

	(void)state;
	for (i = 0; i < N(algorithms); i++) {
		(void)snprintf(name, sizeof(name), "'%s'", algorithms[i].name);
		for (type = 0; type < KEY_TYPES; type++) {
			for (cert = 0; cert < 2; cert++) {
				struct parts p = { .algorithm = name,
					.blob = cert != 0 ?
					cert_vectors[type].cert_hex :
					key_vectors[type].public_hex };
				bool good = algorithms[i].type == type &&
				    algorithms[i].cert == (cert != 0);
				struct signdata d;

				signdata_classify(make(&p), &d);
				if ((d.kind == SIGNDATA_USERAUTH) != good)
					fail_msg("%s for type %u", name, type);
			}
		}
	}
}

static void
each_field_of_sshsig_is_judged(void **state)
{
	static const struct {
		const char *in;
		bool good;
	} cases[] = {
		{ "'SSHSIG' 00000003 'git' 00000000 00000006 'sha512' "
		    "00000040" B64, true },
		{ "'SSHSIG' 00000003 'git' 00000000 00000006 'sha256' "
		    "00000020" B32, true },
		{ "'SSHSIG' 00000003 'git' 00000003 'new' 00000006 'sha256' "
		    "00000020" B32, true },
		/* nothing signs for no namespace, or for one with a hole */
		{ "'SSHSIG' 00000000 00000000 00000006 'sha512' "
		    "00000040" B64, false },
		{ "'SSHSIG' 00000001 00 00000000 00000006 'sha512' "
		    "00000040" B64, false },
		{ "'SSHSIG' 00000003 'a' 00 'b' 00000000 00000006 'sha512' "
		    "00000040" B64, false },
		/* hashes that are not in the specification */
		{ "'SSHSIG' 00000003 'git' 00000000 00000004 'sha1' "
		    "00000014 0102030405060708 0102030405060708 01020304",
		    false },
		{ "'SSHSIG' 00000003 'git' 00000000 00000000 00000000",
		    false },
		/* or are not as long as it is */
		{ "'SSHSIG' 00000003 'git' 00000000 00000006 'sha512' "
		    "00000020" B32, false },
		{ "'SSHSIG' 00000003 'git' 00000000 00000006 'sha256' "
		    "00000040" B64, false },
		{ "'SSHSIG' 00000003 'git' 00000000 00000006 'sha256' "
		    "00000000", false },
		{ "'sshsig' 00000003 'git' 00000000 00000006 'sha512' "
		    "00000040" B64, false },
	};
	struct signdata d;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		signdata_classify(hex(cases[i].in), &d);
		if ((d.kind == SIGNDATA_SSHSIG) != cases[i].good)
			fail_msg("in: %s", cases[i].in);
	}
}

static void
only_userauth_is_for_a_key(void **state)
{
	const struct parts p = { .other = false };
	struct slice blob = hex(ED25519);
	struct signdata d;

	(void)state;
	signdata_classify(make(&p), &d);
	assert_true(signdata_is_for(&d, blob));
	assert_false(signdata_is_for(&d, (struct slice){ blob.p,
	    blob.len - 1 }));
	assert_false(signdata_is_for(&d,
	    hex(key_vectors[KEY_ED25519].public_hex)));
	d = classify(SESSION_GIT);
	assert_false(signdata_is_for(&d, blob));
	/* Also not where the namespace is the blob, or nothing is. */
	assert_false(signdata_is_for(&d, d.sshsig.ns));
	d = classify(SESSION_CA);
	assert_false(signdata_is_for(&d, (struct slice){ NULL, 0 }));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(logins_are_userauth),
		cmocka_unit_test(login_belongs_to_its_bind),
		cmocka_unit_test(signatures_of_files_are_sshsig),
		cmocka_unit_test(all_else_is_other),
		cmocka_unit_test(data_of_another_length_is_other),
		cmocka_unit_test(each_field_of_userauth_is_judged),
		cmocka_unit_test(fields_of_userauth_are_told_apart),
		cmocka_unit_test(algorithm_is_one_of_the_keys),
		cmocka_unit_test(each_field_of_sshsig_is_judged),
		cmocka_unit_test(only_userauth_is_for_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
