#include "proto/request.h"

#include "support/cert_vectors.h"
#include "support/hex.h"
#include "support/key_vectors.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

#define B32 "0102030405060708 1112131415161718 " \
	"2122232425262728 3132333435363738 "
#define KEY \
	"00000013 'ecdsa-sha2-nistp256' 00000008 'nistp256' " \
	"00000041 04" B32 B32 "00000001 07 "
#define SK_KEY \
	"0000001a 'sk-ssh-ed25519@openssh.com' 00000020" B32 \
	"00000004 'ssh:' 01 00000003 'key' 00000000 "

/* What decodes, and what request_encode() then makes of it. */
static void
requests_come_out_as_they_went_in(void **state)
{
	static const char *const cases[] = {
		"09",
		"0b",
		"13",
		"0d 00000002 'kk' 00000003 'ddd' 00000004",
		"0d 00000002 'kk' 00000000 00000000",
		"0d 00000000 00000000 ffffffff",
		"11" KEY "00000000",
		"11" KEY "00000003 'k@h'",
		"11" KEY "00000003 'k@h' 01 0000003c",
		"19" KEY "00000003 'k@h'",
		"19" KEY "00000003 'k@h' 02 63 00",
		"11" SK_KEY "00000003 'k@h'",
		"19" SK_KEY "00000003 'k@h' 02",
		"12 00000002 'kk'",
		"12 00000000",
		"16 00000004 'pass'",
		"17 00000004 'pass'",
		"17 00000000",
		"16 00000003 'ab' 00",
		"1b 00000005 'query'",
		"1b 00000000",
		"1b 00000001 'x' 0102030405",
	};
	struct request req;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		struct slice in = hex(cases[i]);
		struct wire_writer w = wire_writer(hex_alloc(in.len), in.len);

		assert_int_equal(request_decode(in, &req), ST_OK);
		assert_int_equal(req.type, in.p[0]);
		request_encode(&w, &req);
		hex_expect_written(cases[i], &w, in);
	}
}

static void
bytes_after_the_fields_are_ignored(void **state)
{
	static const struct {
		const char *in, *same_as;
	} cases[] = {
		{ "09 'XXXX'", "09" },
		{ "0b 'XXXX'", "0b" },
		{ "13 ff", "13" },
		{ "0d 00000001 'k' 00000001 'd' 00000002 'zzz'",
		    "0d 00000001 'k' 00000001 'd' 00000002" },
		{ "12 00000001 'k' 'zz'", "12 00000001 'k'" },
		{ "16 00000001 'p' 'zz'", "16 00000001 'p'" },
		{ "17 00000001 'p' 00", "17 00000001 'p'" },
		/* as is one NUL at the end of a text */
		{ "11" KEY "00000003 'ab' 00", "11" KEY "00000002 'ab'" },
		{ "1b 00000006 'query' 00 01", "1b 00000005 'query' 01" },
	};
	struct request req;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		struct slice want = hex(cases[i].same_as);
		struct wire_writer w =
		    wire_writer(hex_alloc(want.len), want.len);

		assert_int_equal(request_decode(hex(cases[i].in), &req),
		    ST_OK);
		request_encode(&w, &req);
		hex_expect_written(cases[i].in, &w, want);
	}
}

static void
broken_requests_say_why_and_which(void **state)
{
	static const struct {
		const char *in;
		int st;
	} cases[] = {
		/* sign needs all three of its fields */
		{ "0d", ST_MALFORMED },
		{ "0d 00000001 'k'", ST_MALFORMED },
		{ "0d 00000001 'k' 00000001 'd'", ST_MALFORMED },
		{ "0d 00000001 'k' 00000001 'd' 000000", ST_MALFORMED },
		{ "0d 00000001 'k' 00000009 'd' 00000000", ST_MALFORMED },
		{ "12", ST_MALFORMED },
		{ "12 00000002 'k'", ST_MALFORMED },
		/* a lock that takes OpenSSH's agent down */
		{ "16 00000009 78", ST_MALFORMED },
		{ "16 00000003 'a' 00 'b'", ST_MALFORMED },
		{ "17 00000003 'a' 00 'b'", ST_MALFORMED },
		{ "16", ST_MALFORMED },
		{ "17 ffffffff 78", ST_MALFORMED },
		{ "17", ST_MALFORMED },
		{ "1b", ST_MALFORMED },
		{ "1b 00000006 'query'", ST_MALFORMED },
		{ "1b 00000005 'qu' 00 'ry'", ST_MALFORMED },
		{ "11", ST_MALFORMED },
		{ "11" KEY, ST_MALFORMED },
		{ "11" KEY "00000003 'a' 00 'b'", ST_MALFORMED },
		{ "19" KEY "00000004 'abc'", ST_MALFORMED },
		{ "11 00000007 'ssh-dss' 00000000", ST_UNSUPPORTED },
		{ "19 00000007 'ssh-dss' 00000000", ST_UNSUPPORTED },
	};
	struct request req;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		struct slice in = hex(cases[i].in);
		int st = request_decode(in, &req);

		if (st != cases[i].st)
			fail_msg("in: %s: %s", cases[i].in, status_name(st));
		assert_int_equal(req.type, in.p[0]);
	}
}

static void
empty_body_is_malformed(void **state)
{
	const struct slice none = { NULL, 0 };
	struct request req;

	(void)state;
	assert_int_equal(request_decode(none, &req), ST_MALFORMED);
}

static void
every_other_number_is_unsupported(void **state)
{
	struct request req;
	unsigned type;
	int want;

	(void)state;
	for (type = 0; type < 256; type++) {
		switch (type) {
		case 9:
		case 11:
		case 19:
			want = ST_OK;
			break;
		case 13:
		case 17:
		case 18:
		case 22:
		case 23:
		case 25:
		case 27:
			want = ST_MALFORMED;
			break;
		default:
			want = ST_UNSUPPORTED;
		}
		assert_int_equal(request_decode(hex_fill((uint8_t)type, 1),
		    &req), want);
		assert_int_equal(req.type, type);
	}
}

static void
providers_are_never_loaded(void **state)
{
	struct request req;

	(void)state;
	assert_int_equal(request_decode(hex("14 00000005 '/a.so' 00000000"),
	    &req), ST_UNSUPPORTED);
	assert_int_equal(request_decode(hex("15 00000005 '/a.so' 00000000"),
	    &req), ST_UNSUPPORTED);
	assert_int_equal(request_decode(hex("1a 00000005 '/a.so' 00000000 02"),
	    &req), ST_UNSUPPORTED);
}

static void
fields_land_where_they_belong(void **state)
{
	struct request req;

	(void)state;
	assert_int_equal(request_decode(
	    hex("0d 00000002 'kk' 00000001 'd' 00000102"), &req), ST_OK);
	hex_expect("blob", req.sign.blob, hex("'kk'"));
	hex_expect("data", req.sign.data, hex("'d'"));
	assert_int_equal(req.sign.flags, 0x102);

	assert_int_equal(request_decode(
	    hex("11" KEY "00000003 'k@h' 01 0000003c"), &req), ST_OK);
	assert_int_equal(req.add.key.type, KEY_ECDSA_P256);
	hex_expect("q", req.add.key.ecdsa.q, hex("04" B32 B32));
	hex_expect("d", req.add.key.ecdsa.d, hex("07"));
	hex_expect("comment", req.add.comment, hex("'k@h'"));
	hex_expect("rest", req.add.constraints, hex("01 0000003c"));

	assert_int_equal(request_decode(hex("12 00000001 'k'"), &req), ST_OK);
	hex_expect("blob", req.remove.blob, hex("'k'"));

	assert_int_equal(request_decode(hex("16 00000001 'p'"), &req), ST_OK);
	hex_expect("passphrase", req.lock.passphrase, hex("'p'"));

	assert_int_equal(request_decode(hex("1b 00000001 'n' 0102"), &req),
	    ST_OK);
	hex_expect("name", req.extension.name, hex("'n'"));
	hex_expect("body", req.extension.body, hex("0102"));
}

static void
constraints_are_not_judged_here(void **state)
{
	struct request req;

	(void)state;
	assert_int_equal(request_decode(hex("19" KEY "00000000 63 ff 00"),
	    &req), ST_OK);
	hex_expect("rest", req.add.constraints, hex("63 ff 00"));
}

/* An add of that key, with its message number and without. */
static void
check_add(enum key_type type, struct slice key)
{
	size_t cap = key.len + 1 + 4 + 1 + 1;
	struct wire_writer w = wire_writer(hex_alloc(cap), cap);
	struct wire_writer again = wire_writer(hex_alloc(cap), cap);
	struct request req, bare;
	struct slice in;

	wire_put_u8(&w, SSH_AGENTC_ADD_ID_CONSTRAINED);
	wire_put_bytes(&w, key);
	wire_put_str(&w, "c");
	wire_put_u8(&w, SSH_AGENT_CONSTRAIN_CONFIRM);
	assert_int_equal(wire_done(&w, &in), ST_OK);
	assert_int_equal(request_decode(in, &req), ST_OK);
	assert_int_equal(req.add.key.type, type);

	in = hex_copy((struct slice){ in.p + 1, in.len - 1 });
	assert_int_equal(request_decode_add(in, &bare), ST_OK);
	assert_int_equal(bare.type, SSH_AGENTC_ADD_ID_CONSTRAINED);
	hex_expect("rest", bare.add.constraints, hex("02"));
	request_encode_add(&again, &bare);
	hex_expect_written(key_type_info(type)->name, &again, in);
}

static void
openssh_keys_are_added_with_and_without_a_number(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < KEY_TYPES; i++) {
		struct wire_writer w = wire_writer(hex_alloc(4096), 4096);
		enum key_type type = (enum key_type)i;
		struct slice in;

		check_add(type, hex(key_vectors[i].private_hex));
		wire_put_str(&w, key_type_info(type)->cert_name);
		wire_put_string(&w, hex(cert_vectors[i].cert_hex));
		wire_put_bytes(&w, hex(cert_vectors[i].rest_hex));
		assert_int_equal(wire_done(&w, &in), ST_OK);
		check_add(type, in);
	}
}

static void
add_cut_short_anywhere_is_refused(void **state)
{
	struct slice whole = hex("11" KEY "00000003 'k@h'");
	struct request req;
	size_t len;

	(void)state;
	for (len = 0; len < whole.len; len++)
		assert_int_equal(request_decode(
		    hex_copy((struct slice){ whole.p, len }), &req),
		    ST_MALFORMED);
	whole.p++;
	whole.len--;
	for (len = 0; len < whole.len; len++)
		assert_int_equal(request_decode_add(
		    hex_copy((struct slice){ whole.p, len }), &req),
		    ST_MALFORMED);
}

static void
number_in_a_key_may_be_too_large(void **state)
{
	size_t cap = 1 + 11 + 5 + WIRE_MPINT_MAX + 1;
	struct wire_writer w = wire_writer(hex_alloc(cap), cap);
	struct request req;
	struct slice in;

	(void)state;
	wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
	wire_put_str(&w, "ssh-rsa");
	wire_put_mpint(&w, hex_fill(0x90, WIRE_MPINT_MAX + 1));
	assert_int_equal(wire_done(&w, &in), ST_OK);
	assert_int_equal(request_decode(in, &req), ST_TOO_LARGE);
	assert_int_equal(req.type, SSH_AGENTC_ADD_IDENTITY);
}

static void
secrets_are_in_adds_and_locks(void **state)
{
	unsigned type;

	(void)state;
	for (type = 0; type < 256; type++) {
		bool add = type == 17 || type == 25;

		assert_int_equal(request_is_add((uint8_t)type), add);
		assert_int_equal(request_has_secret((uint8_t)type),
		    add || type == 22 || type == 23);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_come_out_as_they_went_in),
		cmocka_unit_test(bytes_after_the_fields_are_ignored),
		cmocka_unit_test(broken_requests_say_why_and_which),
		cmocka_unit_test(empty_body_is_malformed),
		cmocka_unit_test(every_other_number_is_unsupported),
		cmocka_unit_test(providers_are_never_loaded),
		cmocka_unit_test(fields_land_where_they_belong),
		cmocka_unit_test(constraints_are_not_judged_here),
		cmocka_unit_test(
		    openssh_keys_are_added_with_and_without_a_number),
		cmocka_unit_test(add_cut_short_anywhere_is_refused),
		cmocka_unit_test(number_in_a_key_may_be_too_large),
		cmocka_unit_test(secrets_are_in_adds_and_locks),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
