#include "proto/constraint.h"

#include "support/hex.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* An extension constraint up to its body. */
#define EXT_DESTINATION "ff 00000024 'restrict-destination-v00@openssh.com' "
#define EXT_SK_PROVIDER "ff 00000017 'sk-provider@openssh.com' "
#define EXT_CERTIFICATES "ff 00000020 'associated-certs-v00@openssh.com' "
#define EXT_PURPOSES "ff 00000015 'purposes@bottle-agent' "
#define EXT_SIGNATURES "ff 00000017 'signatures@bottle-agent' "
#define EXT_RATE "ff 00000011 'rate@bottle-agent' "
#define EXT_UNBOUND "ff 00000014 'unbound@bottle-agent' "
#define EXT_PEERS "ff 00000012 'peers@bottle-agent' "

/* One pair: from here to the host a. */
#define B32 "0102030405060708 1112131415161718 " \
	"2122232425262728 3132333435363738 "
#define PAIR "0000005d 0000000c 00000000 00000000 00000000 " \
	"00000045 00000000 00000001 'a' 00000000 " \
	"00000033 0000000b 'ssh-ed25519' 00000020" B32 "00 00000000 "
#define LIST "00000061" PAIR

#define USER_7 "00000005 00000001 '7' "
#define AUTH_GIT "0000000f 00000004 'auth' 00000003 'git' "

static void
known_constraints_are_read(void **state)
{
	static const struct {
		const char *in;
		bool has_lifetime;
		uint32_t lifetime_s;
		bool confirm;
	} cases[] = {
		{ "", false, 0, false },
		{ "01 00000000", true, 0, false },
		{ "01 0000012c", true, 300, false },
		{ "01 ffffffff", true, UINT32_MAX, false },
		{ "02", false, 0, true },
		{ "01 00000001 02", true, 1, true },
		{ "02 01 00000001", true, 1, true },
	};
	struct constraints c;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		memset(&c, 0xff, sizeof(c));
		assert_int_equal(constraint_parse(hex(cases[i].in), &c),
		    ST_OK);
		assert_int_equal(c.has_lifetime, cases[i].has_lifetime);
		assert_int_equal(c.lifetime_s, cases[i].lifetime_s);
		assert_int_equal(c.confirm, cases[i].confirm);
	}
}

static void
known_extensions_are_read(void **state)
{
	struct constraints c;

	(void)state;
	assert_int_equal(constraint_parse(hex(EXT_DESTINATION LIST), &c),
	    ST_OK);
	hex_expect("destinations", c.destinations, hex(PAIR));
	assert_false(c.has_sk_provider || c.has_signatures || c.has_unbound);

	assert_int_equal(constraint_parse(
	    hex(EXT_SK_PROVIDER "00000008 'internal'"), &c), ST_OK);
	assert_true(c.has_sk_provider);
	hex_expect("provider", c.sk_provider, hex("'internal'"));
	assert_int_equal(constraint_parse(
	    hex(EXT_SK_PROVIDER "00000000"), &c), ST_OK);
	assert_true(c.has_sk_provider);
	assert_int_equal(c.sk_provider.len, 0);

	assert_int_equal(constraint_parse(hex(EXT_PURPOSES AUTH_GIT), &c),
	    ST_OK);
	hex_expect("purposes", c.purposes,
	    hex("00000004 'auth' 00000003 'git'"));
	assert_int_equal(c.destinations.len, 0);

	assert_int_equal(constraint_parse(
	    hex(EXT_SIGNATURES "00000004 00000102"), &c), ST_OK);
	assert_true(c.has_signatures);
	assert_int_equal(c.signatures, 0x102);

	assert_int_equal(constraint_parse(
	    hex(EXT_RATE "00000008 00000007 0000003c"), &c), ST_OK);
	assert_int_equal(c.rate_n, 7);
	assert_int_equal(c.rate_s, 60);

	assert_int_equal(constraint_parse(
	    hex(EXT_UNBOUND "00000001 01"), &c), ST_OK);
	assert_true(c.has_unbound && c.unbound);
	assert_int_equal(constraint_parse(
	    hex(EXT_UNBOUND "00000001 00"), &c), ST_OK);
	assert_true(c.has_unbound && !c.unbound);
}

static void
what_we_cannot_enforce_is_refused(void **state)
{
	static const struct {
		const char *in;
		int st;
	} cases[] = {
		/* cut short */
		{ "01", ST_MALFORMED },
		{ "01 000000", ST_MALFORMED },
		{ "02 01 000001", ST_MALFORMED },
		{ "ff", ST_MALFORMED },
		{ "ff 000000", ST_MALFORMED },
		{ "ff 00000003 'ab'", ST_MALFORMED },
		{ "ff ffffffff 'ab'", ST_MALFORMED },
		{ "ff 00000003 'a' 00 'b'", ST_MALFORMED },
		/* twice */
		{ "01 00000001 01 00000001", ST_MALFORMED },
		{ "01 00000000 02 01 00000005", ST_MALFORMED },
		{ "02 02", ST_MALFORMED },
		{ EXT_DESTINATION LIST EXT_DESTINATION LIST, ST_MALFORMED },
		{ EXT_SK_PROVIDER "00000000" EXT_SK_PROVIDER "00000000",
		    ST_MALFORMED },
		{ EXT_PURPOSES AUTH_GIT "02" EXT_PURPOSES AUTH_GIT,
		    ST_MALFORMED },
		{ EXT_SIGNATURES "00000004 00000001"
		    EXT_SIGNATURES "00000004 00000001", ST_MALFORMED },
		{ EXT_RATE "00000008 00000001 00000001"
		    EXT_RATE "00000008 00000001 00000001", ST_MALFORMED },
		{ EXT_UNBOUND "00000001 00" EXT_UNBOUND "00000001 00",
		    ST_MALFORMED },
		{ EXT_PEERS USER_7 EXT_PEERS USER_7, ST_MALFORMED },
		/* unknown */
		{ "00", ST_UNSUPPORTED },
		{ "03", ST_UNSUPPORTED },
		{ "03 00000001", ST_UNSUPPORTED },
		{ "fe", ST_UNSUPPORTED },
		{ "01 00000001 63", ST_UNSUPPORTED },
		{ "ff 00000000", ST_UNSUPPORTED },
		{ "ff 00000001 'x'", ST_UNSUPPORTED },
		{ "02 ff 00000014 'purposes@openssh.com' 00000000",
		    ST_UNSUPPORTED },
		/* only smartcards come with those */
		{ EXT_CERTIFICATES "00 00000000", ST_UNSUPPORTED },
		/* no destinations, or broken ones */
		{ EXT_DESTINATION, ST_MALFORMED },
		{ EXT_DESTINATION "00000000", ST_MALFORMED },
		{ EXT_DESTINATION "00000062" PAIR "00", ST_MALFORMED },
		{ EXT_DESTINATION "00000061" PAIR "00", ST_UNSUPPORTED },
		{ EXT_SK_PROVIDER, ST_MALFORMED },
		{ EXT_SK_PROVIDER "00000003 'a' 00 'b'", ST_MALFORMED },
		/* no purpose, or one that is no text */
		{ EXT_PURPOSES, ST_MALFORMED },
		{ EXT_PURPOSES "00000000", ST_MALFORMED },
		{ EXT_PURPOSES "00000004 00000000", ST_MALFORMED },
		{ EXT_PURPOSES "00000005 00000001 00", ST_MALFORMED },
		{ EXT_PURPOSES "0000000c 00000004 'auth' 00000000",
		    ST_MALFORMED },
		{ EXT_PURPOSES "00000007 00000003 'a' 00 'b'", ST_MALFORMED },
		{ EXT_PURPOSES "00000005 00000002 'a'", ST_MALFORMED },
		{ EXT_PURPOSES "00000006 00000001 'a' 00", ST_MALFORMED },
		/* the same of peers */
		{ EXT_PEERS, ST_MALFORMED },
		{ EXT_PEERS "00000000", ST_MALFORMED },
		{ EXT_PEERS "00000006 00000001 'x' 00", ST_MALFORMED },
		{ EXT_PEERS "00000006 00000001 '7'", ST_MALFORMED },
		/* a number that is none, zero, or more than the number */
		{ EXT_SIGNATURES, ST_MALFORMED },
		{ EXT_SIGNATURES "00000000", ST_MALFORMED },
		{ EXT_SIGNATURES "00000003 000001", ST_MALFORMED },
		{ EXT_SIGNATURES "00000004 00000000", ST_MALFORMED },
		{ EXT_SIGNATURES "00000005 00000001 00", ST_MALFORMED },
		{ EXT_RATE, ST_MALFORMED },
		{ EXT_RATE "00000003 000000", ST_MALFORMED },
		{ EXT_RATE "00000004 00000001", ST_MALFORMED },
		{ EXT_RATE "00000008 00000000 00000001", ST_MALFORMED },
		{ EXT_RATE "00000008 00000001 00000000", ST_MALFORMED },
		{ EXT_RATE "00000009 00000001 00000001 00", ST_MALFORMED },
		{ EXT_UNBOUND, ST_MALFORMED },
		{ EXT_UNBOUND "00000000", ST_MALFORMED },
		{ EXT_UNBOUND "00000001 02", ST_MALFORMED },
		{ EXT_UNBOUND "00000002 01 00", ST_MALFORMED },
		/* the body of ours is in one string */
		{ EXT_UNBOUND "01", ST_MALFORMED },
	};
	struct constraints c;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		int st = constraint_parse(hex(cases[i].in), &c);

		if (st != cases[i].st)
			fail_msg("in: %s: %s", cases[i].in, status_name(st));
	}
}

/* Parse n purposes of len bytes each. */
static int
parse_purposes(size_t n, size_t len)
{
	size_t cap = 64 + n * (4 + len), mark;
	struct wire_writer w = wire_writer(hex_alloc(cap), cap);
	struct constraints c;
	struct slice in;

	wire_put_u8(&w, 255);
	wire_put_str(&w, CONSTRAINT_PURPOSES);
	mark = wire_open_string(&w);
	while (n-- > 0)
		wire_put_string(&w, hex_fill('p', len));
	wire_close_string(&w, mark);
	assert_int_equal(wire_done(&w, &in), ST_OK);
	return constraint_parse(in, &c);
}

static void
there_are_limits(void **state)
{
	struct constraints c;

	(void)state;
	assert_int_equal(parse_purposes(CONSTRAINT_PURPOSES_MAX, 1), ST_OK);
	assert_int_equal(parse_purposes(CONSTRAINT_PURPOSES_MAX + 1, 1),
	    ST_TOO_LARGE);
	assert_int_equal(parse_purposes(1, CONSTRAINT_PURPOSE_MAX), ST_OK);
	assert_int_equal(parse_purposes(1, CONSTRAINT_PURPOSE_MAX + 1),
	    ST_TOO_LARGE);
	/* A day. */
	assert_int_equal(constraint_parse(
	    hex(EXT_RATE "00000008 00000400 00015180"), &c), ST_OK);
	assert_int_equal(constraint_parse(
	    hex(EXT_RATE "00000008 00000401 00015180"), &c), ST_TOO_LARGE);
	assert_int_equal(constraint_parse(
	    hex(EXT_RATE "00000008 00000001 00015181"), &c), ST_TOO_LARGE);
	assert_int_equal(constraint_parse(
	    hex(EXT_SIGNATURES "00000004 ffffffff"), &c), ST_OK);
}

static void
purposes_are_walked(void **state)
{
	struct constraints c;
	struct wire_reader r;
	struct slice s;

	(void)state;
	assert_int_equal(constraint_parse(hex(EXT_PURPOSES "00000010 "
	    "00000004 'auth' 00000004 'git' 00"), &c), ST_OK);
	r = wire_reader(c.purposes);
	assert_int_equal(constraint_next_text(&r, &s), ST_OK);
	hex_expect("first", s, hex("'auth'"));
	assert_int_equal(constraint_next_text(&r, &s), ST_OK);
	hex_expect("second", s, hex("'git'"));
	assert_int_equal(constraint_next_text(&r, &s), ST_NOT_FOUND);
	assert_int_equal(constraint_next_text(&r, &s), ST_NOT_FOUND);
}

static void
what_is_put_is_what_was_parsed(void **state)
{
	static const char *const cases[] = {
		"", "01 00000000", "01 0000012c", "02", "01 ffffffff 02",
		EXT_DESTINATION LIST,
		EXT_SK_PROVIDER "00000000",
		EXT_PURPOSES AUTH_GIT,
		EXT_SIGNATURES "00000004 00000001",
		EXT_RATE "00000008 00000002 00000003",
		EXT_UNBOUND "00000001 00",
		EXT_PEERS USER_7,
		"01 0000003c 02" EXT_DESTINATION LIST
		    EXT_SK_PROVIDER "00000008 'internal'"
		    EXT_PURPOSES AUTH_GIT EXT_SIGNATURES "00000004 00000001"
		    EXT_RATE "00000008 00000002 00000003"
		    EXT_UNBOUND "00000001 01",
	};
	struct constraints c;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		struct slice in = hex(cases[i]);
		struct wire_writer w = wire_writer(hex_alloc(in.len), in.len);

		assert_int_equal(constraint_parse(in, &c), ST_OK);
		constraint_put(&w, &c);
		hex_expect_written(cases[i], &w, in);
	}
}

static void
order_does_not_matter(void **state)
{
	struct slice want = hex("01 0000003c 02" EXT_DESTINATION LIST
	    EXT_PURPOSES AUTH_GIT EXT_RATE "00000008 00000002 00000003");
	struct wire_writer w = wire_writer(hex_alloc(want.len), want.len);
	struct constraints c;

	(void)state;
	assert_int_equal(constraint_parse(hex(EXT_RATE
	    "00000008 00000002 00000003" EXT_PURPOSES AUTH_GIT "02"
	    EXT_DESTINATION LIST "01 0000003c"), &c), ST_OK);
	constraint_put(&w, &c);
	hex_expect_written("sorted", &w, want);
}

/* What ssh-add 9.2p1 sent: -t 300 -h hosta, and for an sk key. */
static void
openssh_constraints_are_read(void **state)
{
	struct constraints c;

	(void)state;
	assert_int_equal(constraint_parse(hex(
	    "010000012cff0000002472657374726963742d64657374696e617469"
	    "6f6e2d763030406f70656e7373682e636f6d00000065000000610000"
	    "000c000000000000000000000000000000490000000000000005686f"
	    "73746100000000000000330000000b7373682d656432353531390000"
	    "0020ccc103c5ebd355e462ef22c1996f3e6d446e2282acd7f365cf88"
	    "328e696937f20000000000"), &c), ST_OK);
	assert_true(c.has_lifetime);
	assert_int_equal(c.lifetime_s, 300);
	assert_int_equal(c.destinations.len, 101);
	assert_int_equal(constraint_parse(hex(
	    "ff00000017736b2d70726f7669646572406f70656e7373682e636f6d"
	    "00000008696e7465726e616c"), &c), ST_OK);
	assert_true(c.has_sk_provider);
	hex_expect("provider", c.sk_provider, hex("'internal'"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_constraints_are_read),
		cmocka_unit_test(known_extensions_are_read),
		cmocka_unit_test(what_we_cannot_enforce_is_refused),
		cmocka_unit_test(there_are_limits),
		cmocka_unit_test(purposes_are_walked),
		cmocka_unit_test(what_is_put_is_what_was_parsed),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(openssh_constraints_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
