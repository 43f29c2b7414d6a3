#include "proto/destination.h"

#include "support/cert_vectors.h"
#include "support/hex.h"
#include "support/key_vectors.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* ssh-add 9.2p1 -h alice@hosta -h 'hosta>bob@hostb'; hosta has an Ed25519 key
 * in known_hosts and hostb a P256 one. */
static const char two_hops[] =
	"000000660000000c0000000000000000000000000000004e00000005"
	"616c69636500000005686f73746100000000000000330000000b7373"
	"682d6564323535313900000020ccc103c5ebd355e462ef22c1996f3e"
	"6d446e2282acd7f365cf88328e696937f20000000000000000d60000"
	"00490000000000000005686f73746100000000000000330000000b73"
	"73682d6564323535313900000020ccc103c5ebd355e462ef22c1996f"
	"3e6d446e2282acd7f365cf88328e696937f200000000810000000362"
	"6f6200000005686f7374620000000000000068000000136563647361"
	"2d736861322d6e69737470323536000000086e697374703235360000"
	"0041048c0b5ae8b9f6c59b4e91430629dc38496ac1c2fb437a766067"
	"a78190e16daae674945b59098f4da3f62d7c34232934c8b5a7856b7f"
	"d867b3a9107be8cdc2503c0000000000";

/* ssh-add 9.2p1 -h x.corp, which an RSA key signs for. */
static const char by_ca[] =
	"000000c60000000c000000000000000000000000000000ae00000000"
	"00000006782e636f72700000000000000097000000077373682d7273"
	"61000000030100010000008100c87480b715de4951d9bfdd1ad7e19c"
	"d2b55e31050f5ec8b5b6bda9972eb1b48a9d64ed789e3c7aaedb4bb9"
	"ac67313346c8395bd9e91a36059a3f81617ac30aa5ebc8244e6e76e9"
	"3244136d284cfb114c5a349d088abb66b85eea1aff42c7507b72da35"
	"eb2662c94b0c1f464d1c5787d5add52a2190d1ed1772a3eb9e509a8a"
	"bf0100000000";

#define B32 "0102030405060708 1112131415161718 " \
	"2122232425262728 3132333435363738 "
#define ED25519 "0000000b 'ssh-ed25519' 00000020" B32
#define KEY "00000033" ED25519 "00 "

/* One end of a pair; what is NULL is empty. */
struct end {
	const char	*user, *host, *reserved, *keys;
};

/* A pair, and what a list with it and nothing else is. */
struct pair {
	struct end	 from, to;
	const char	*reserved, *rest;
	int		 st;
};

/* Append one end. */
static void
put_end(struct wire_writer *w, const struct end *e)
{
	size_t mark = wire_open_string(w);

	wire_put_string(w, hex(e->user != NULL ? e->user : ""));
	wire_put_string(w, hex(e->host != NULL ? e->host : ""));
	wire_put_string(w, hex(e->reserved != NULL ? e->reserved : ""));
	wire_put_bytes(w, hex(e->keys != NULL ? e->keys : ""));
	wire_close_string(w, mark);
}

/* Append a pair. */
static void
put_pair(struct wire_writer *w, const struct pair *p)
{
	size_t mark = wire_open_string(w);

	put_end(w, &p->from);
	put_end(w, &p->to);
	wire_put_string(w, hex(p->reserved != NULL ? p->reserved : ""));
	wire_put_bytes(w, hex(p->rest != NULL ? p->rest : ""));
	wire_close_string(w, mark);
}

/* A list of that pair n times. */
static struct slice
make(const struct pair *p, size_t n)
{
	size_t cap = 4096 + n * 256;
	struct wire_writer w = wire_writer(hex_alloc(cap), cap);
	struct slice out;

	while (n-- > 0)
		put_pair(&w, p);
	assert_int_equal(wire_done(&w, &out), ST_OK);
	return hex_copy(out);
}

/* Take the next pair of a list that was checked. */
static struct destination
next(struct wire_reader *r)
{
	struct destination d;

	memset(&d, 0xff, sizeof(d));
	assert_int_equal(destination_next(r, &d), ST_OK);
	return d;
}

/* There is one key in a hop, and it is of that type. */
static void
expect_key(struct slice keys, const char *type, bool is_ca)
{
	struct wire_reader r = wire_reader(keys), blob;
	struct destination_key key;
	struct slice name;

	memset(&key, 0xff, sizeof(key));
	assert_int_equal(destination_next_key(&r, &key), ST_OK);
	assert_int_equal(key.is_ca, is_ca);
	blob = wire_reader(key.blob);
	assert_int_equal(wire_get_string(&blob, &name), ST_OK);
	hex_expect("type", name, slice_str(type));
	assert_int_equal(destination_next_key(&r, &key), ST_NOT_FOUND);
}

static void
openssh_lists_are_read(void **state)
{
	struct slice in = hex(two_hops);
	struct wire_reader r = wire_reader(in);
	struct destination d;

	(void)state;
	assert_int_equal(destination_check(in), ST_OK);
	d = next(&r);
	hex_expect("from", d.from.host, hex(""));
	assert_int_equal(d.from.keys.len, 0);
	hex_expect("to", d.to.host, hex("'hosta'"));
	hex_expect("user", d.to.user, hex("'alice'"));
	expect_key(d.to.keys, "ssh-ed25519", false);
	d = next(&r);
	hex_expect("from", d.from.host, hex("'hosta'"));
	hex_expect("user", d.from.user, hex(""));
	expect_key(d.from.keys, "ssh-ed25519", false);
	hex_expect("to", d.to.host, hex("'hostb'"));
	hex_expect("user", d.to.user, hex("'bob'"));
	expect_key(d.to.keys, "ecdsa-sha2-nistp256", false);
	assert_int_equal(destination_next(&r, &d), ST_NOT_FOUND);
	assert_int_equal(destination_next(&r, &d), ST_NOT_FOUND);

	in = hex(by_ca);
	assert_int_equal(destination_check(in), ST_OK);
	r = wire_reader(in);
	d = next(&r);
	hex_expect("to", d.to.host, hex("'x.corp'"));
	hex_expect("user", d.to.user, hex(""));
	expect_key(d.to.keys, "ssh-rsa", true);
	assert_int_equal(destination_next(&r, &d), ST_NOT_FOUND);
}

static void
empty_list_is_malformed(void **state)
{
	(void)state;
	assert_int_equal(destination_check(hex("")), ST_MALFORMED);
}

static void
each_rule_on_its_own(void **state)
{
	static const struct end a = { .host = "'a'", .keys = KEY };
	const struct pair cases[] = {
		{ .to = a, .st = ST_OK },
		{ .from = a, .to = a, .st = ST_OK },
		{ .to = { "'u'", "'a'", NULL, KEY }, .st = ST_OK },
		{ .to = { "'*'", "'a'", NULL, KEY KEY }, .st = ST_OK },
		/* a pair starts as no user */
		{ .from = { "'u'", "'b'", NULL, KEY }, .to = a,
		    .st = ST_MALFORMED },
		{ .from = { "'u'", NULL, NULL, NULL }, .to = a,
		    .st = ST_MALFORMED },
		/* and from a host with keys, or from here */
		{ .from = { NULL, "'b'", NULL, NULL }, .to = a,
		    .st = ST_MALFORMED },
		{ .from = { NULL, NULL, NULL, KEY }, .to = a,
		    .st = ST_MALFORMED },
		/* and leads to a host with keys */
		{ .to = { NULL, NULL, NULL, NULL }, .st = ST_MALFORMED },
		{ .to = { NULL, "'a'", NULL, NULL }, .st = ST_MALFORMED },
		{ .to = { NULL, NULL, NULL, KEY }, .st = ST_MALFORMED },
		{ .to = { NULL, "00", NULL, KEY }, .st = ST_MALFORMED },
		/* what is reserved is empty, and nothing follows */
		{ .to = { NULL, "'a'", "'x'", KEY }, .st = ST_MALFORMED },
		{ .from = { NULL, "'b'", "'x'", KEY }, .to = a,
		    .st = ST_MALFORMED },
		{ .to = a, .reserved = "'x'", .st = ST_MALFORMED },
		{ .to = a, .rest = "00", .st = ST_MALFORMED },
		{ .to = a, .rest = "00000000", .st = ST_MALFORMED },
		/* texts */
		{ .to = { "'a' 00 'b'", "'a'", NULL, KEY },
		    .st = ST_MALFORMED },
		{ .to = { NULL, "'a' 00 'b'", NULL, KEY },
		    .st = ST_MALFORMED },
		/* keys */
		{ .to = { NULL, "'a'", NULL, "00000033" ED25519 },
		    .st = ST_MALFORMED },
		{ .to = { NULL, "'a'", NULL, KEY "00" }, .st = ST_MALFORMED },
		{ .to = { NULL, "'a'", NULL, "00000034" ED25519 "00 00" },
		    .st = ST_MALFORMED },
		{ .to = { NULL, "'a'", NULL, "00000000 00" },
		    .st = ST_MALFORMED },
		{ .to = { NULL, "'a'", NULL, "0000000b 00000007 'ssh-dss' 00" },
		    .st = ST_MALFORMED },
		{ .to = { NULL, "'a'", NULL, KEY "0000000b 00000007 'ssh-dss' "
		    "00" }, .st = ST_MALFORMED },
		{ .from = { NULL, "'b'", NULL, "00000000 00" }, .to = a,
		    .st = ST_MALFORMED },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		int st = destination_check(make(&cases[i], 1));

		if (st != cases[i].st)
			fail_msg("case %zu: %s", i, status_name(st));
	}
}

static void
list_cut_short_anywhere_is_malformed(void **state)
{
	struct slice whole = hex(two_hops);
	struct destination d;
	size_t len, first;

	(void)state;
	/* One pair of two is a list as well. */
	first = 4 + 0x66;
	for (len = 0; len < whole.len; len++)
		assert_int_equal(destination_check(hex_copy(
		    (struct slice){ whole.p, len })),
		    len == first ? ST_OK : ST_MALFORMED);
	/* A reader that fails stays where it was. */
	for (len = 1; len < first; len++) {
		struct slice in = hex_copy((struct slice){ whole.p, len });
		struct wire_reader r = wire_reader(in);

		assert_int_equal(destination_next(&r, &d), ST_MALFORMED);
		assert_ptr_equal(r.rest.p, in.p);
		assert_int_equal(r.rest.len, len);
	}
}

static void
what_is_inside_cut_short_is_malformed(void **state)
{
	static const char *const cases[] = {
		/* a pair without an end, and with one */
		"00000000",
		"00000003 000000",
		"00000010 0000000c 00000000 00000000 00000000",
		"00000013 0000000c 00000000 00000000 00000000 000000",
		/* an end without a user, a host, and what is reserved */
		"00000004 00000000",
		"00000008 00000004 00000000",
		"0000000c 00000008 00000000 00000000",
		"0000000f 0000000b 00000000 00000000 000000",
		/* the same of a whole pair, which else is one from here */
		"00000059 00000008 00000000 00000000 00000045 00000000 "
		    "00000001 'a' 00000000 " KEY "00000000",
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++)
		if (destination_check(hex(cases[i])) != ST_MALFORMED)
			fail_msg("%s", cases[i]);
}

/* A list with that key in it. */
static int
check_key(struct slice blob)
{
	struct wire_writer w = wire_writer(hex_alloc(4096), 4096);
	struct slice list;
	size_t pair, end;

	pair = wire_open_string(&w);
	put_end(&w, &(struct end){ .user = NULL });
	end = wire_open_string(&w);
	wire_put_str(&w, "");
	wire_put_str(&w, "host");
	wire_put_str(&w, "");
	wire_put_string(&w, blob);
	wire_put_u8(&w, 0);
	wire_close_string(&w, end);
	wire_put_str(&w, "");
	wire_close_string(&w, pair);
	assert_int_equal(wire_done(&w, &list), ST_OK);
	return destination_check(hex_copy(list));
}

static void
keys_and_certificates_of_every_type_are_taken(void **state)
{
	struct slice blob;
	unsigned i;

	(void)state;
	for (i = 0; i < KEY_TYPES; i++) {
		blob = hex(key_vectors[i].public_hex);
		assert_int_equal(check_key(blob), ST_OK);
		blob.len--;
		assert_int_equal(check_key(blob), ST_MALFORMED);
		blob = hex(cert_vectors[i].cert_hex);
		assert_int_equal(check_key(blob), ST_OK);
		blob.len--;
		assert_int_equal(check_key(blob), ST_MALFORMED);
	}
}

static void
any_number_but_zero_marks_a_ca(void **state)
{
	static const struct {
		const char *keys;
		bool is_ca;
	} cases[] = {
		{ "00000001 'k' 00", false },
		{ "00000001 'k' 01", true },
		{ "00000001 'k' 02", true },
		{ "00000001 'k' ff", true },
	};
	struct destination_key key;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		struct wire_reader r = wire_reader(hex(cases[i].keys));

		assert_int_equal(destination_next_key(&r, &key), ST_OK);
		hex_expect("blob", key.blob, hex("'k'"));
		assert_int_equal(key.is_ca, cases[i].is_ca);
		assert_true(wire_end(&r));
	}
}

/* A pattern of that many bytes for the user. */
static int
check_user(size_t len)
{
	char *user = (char *)hex_alloc(2 * len + 1);
	struct pair p = { .to = { user, "'a'", NULL, KEY } };

	for (size_t i = 0; i < len; i++)
		memcpy(user + 2 * i, "2a", 2);
	user[2 * len] = '\0';
	return destination_check(make(&p, 1));
}

static void
there_are_limits(void **state)
{
	const struct pair p = { .to = { NULL, "'a'", NULL, KEY } };

	(void)state;
	assert_int_equal(check_user(DESTINATION_USER_MAX), ST_OK);
	assert_int_equal(check_user(DESTINATION_USER_MAX + 1), ST_TOO_LARGE);
	assert_int_equal(destination_check(make(&p, DESTINATION_MAX)), ST_OK);
	assert_int_equal(destination_check(make(&p, DESTINATION_MAX + 1)),
	    ST_TOO_LARGE);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(openssh_lists_are_read),
		cmocka_unit_test(empty_list_is_malformed),
		cmocka_unit_test(each_rule_on_its_own),
		cmocka_unit_test(list_cut_short_anywhere_is_malformed),
		cmocka_unit_test(what_is_inside_cut_short_is_malformed),
		cmocka_unit_test(
		    keys_and_certificates_of_every_type_are_taken),
		cmocka_unit_test(any_number_but_zero_marks_a_ca),
		cmocka_unit_test(there_are_limits),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
