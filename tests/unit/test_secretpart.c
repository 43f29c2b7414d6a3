#include "proto/secretpart.h"

#include "proto/agent_num.h"
#include "proto/request.h"
#include "support/cert_vectors.h"
#include "support/hex.h"
#include "support/key_vectors.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

#define ED25519 "0000000b 'ssh-ed25519' "
#define SK "0000001a 'sk-ssh-ed25519@openssh.com' "
/* A text and its length, as a stand-in for a field. */
#define F "00000003 '...' "

/* Measure the first so many bytes of a body, of which no more are there. */
static int
measure(struct slice body, size_t have, size_t *need)
{
	return secretpart_measure(hex_copy((struct slice){ body.p, have }),
	    body.len, need);
}

/* What the beginnings of a body must measure: each ends[] is where it takes
 * more to know more, and the last one is the secret part. */
static void
expect_ends(const char *name, struct slice body, const size_t *ends, size_t n)
{
	size_t need, i = 0;

	for (size_t have = 0; have <= body.len; have++) {
		while (i < n - 1 && have >= ends[i])
			i++;
		if (measure(body, have, &need) !=
		    (have < ends[n - 1] ? ST_MORE : ST_OK) || need != ends[i])
			fail_msg("%s: %zu of its bytes measure %zu", name,
			    have, need);
	}
}

static void
each_field_is_known_by_its_length(void **state)
{
	static const struct {
		const char	*body;
		size_t		 ends[16];
		size_t		 n;
	} table[] = {
		{ "11 " ED25519 F F F "ffff", { 1, 5, 16, 20, 23, 27, 30, 34,
		    37 }, 9 },
		{ "19 " ED25519 F F "00000000 ", { 1, 5, 16, 20, 23, 27, 30,
		    34 }, 8 },
		/* A field of one byte: no length before it. */
		{ "19 " SK F F "01" F F F "aa", { 1, 5, 31, 35, 38, 42, 45,
		    46, 50, 53, 57, 60, 64, 67 }, 14 },
		{ "16 " F, { 1, 5, 8 }, 3 },
		{ "17 " F "ffffffff", { 1, 5, 8 }, 3 },
		{ "16 00000000 00", { 1, 5 }, 2 },
	};

	(void)state;
	for (size_t i = 0; i < N(table); i++)
		expect_ends(table[i].body, hex(table[i].body), table[i].ends,
		    table[i].n);
}

/* The body of an add, and where its constraints begin. */
static struct slice
make_add(struct slice key, const char *comment, const char *constraints,
    size_t *secret)
{
	struct wire_writer w = wire_writer(hex_alloc(8192), 8192);
	struct slice body;

	wire_put_u8(&w, SSH_AGENTC_ADD_ID_CONSTRAINED);
	wire_put_bytes(&w, key);
	wire_put_str(&w, comment);
	*secret = w.len;
	wire_put_bytes(&w, hex(constraints));
	assert_int_equal(wire_done(&w, &body), ST_OK);
	return hex_copy(body);
}

/* The same with the certificate of that type. */
static struct slice
certified(const struct cert_vector *c)
{
	struct wire_writer w = wire_writer(hex_alloc(4096), 4096);
	struct slice key;

	wire_put_str(&w, key_type_info(c->type)->cert_name);
	wire_put_string(&w, hex(c->cert_hex));
	wire_put_bytes(&w, hex(c->rest_hex));
	assert_int_equal(wire_done(&w, &key), ST_OK);
	return key;
}

/* Measure a real add by all its beginnings. */
static void
check_add(struct slice key, const char *comment, const char *constraints)
{
	struct slice body;
	struct request req;
	size_t secret, need, last = 0;
	int st;

	body = make_add(key, comment, constraints, &secret);
	assert_int_equal(request_decode(body, &req), ST_OK);
	assert_int_equal(req.add.constraints.len, body.len - secret);
	for (size_t have = 0; have <= body.len; have++) {
		st = measure(body, have, &need);
		assert_int_equal(st, have < secret ? ST_MORE : ST_OK);
		assert_true(need >= last && need <= secret);
		assert_true(st == ST_MORE ? need > have : need == secret);
		last = need;
	}
}

static void
every_kind_of_add_is_measured_up_to_its_constraints(void **state)
{
	static const char *const constraints[] = { "", "02",
		"01 0000003c 02", "ff 00000003 'abc'" };
	struct slice key;

	(void)state;
	for (size_t i = 0; i < KEY_TYPES; i++) {
		key = hex(key_vectors[i].private_hex);
		check_add(key, "", constraints[i % 4]);
		check_add(key, "a comment", constraints[(i + 1) % 4]);
		key = certified(&cert_vectors[i]);
		check_add(key, "", constraints[(i + 2) % 4]);
		check_add(key, "a comment", constraints[(i + 3) % 4]);
	}
}

/* OpenSSH reads it so, and so does wire_get_text(). */
static void
type_name_may_end_in_a_zero_byte(void **state)
{
	size_t need;

	(void)state;
	assert_int_equal(measure(hex("11 0000000c 'ssh-ed25519' 00 " F F F),
	    38, &need), ST_OK);
	assert_int_equal(need, 38);
	assert_int_equal(measure(hex("11 0000000d 'ssh-ed25519' 0000 " F F F),
	    39, &need), ST_MALFORMED);
	assert_int_equal(measure(hex("11 00000001 00 " F F F), 27, &need),
	    ST_MALFORMED);
}

static void
what_can_only_be_refused_is_malformed_once_it_is_known(void **state)
{
	static const struct {
		const char	*body;
		size_t		 known;	/* so many bytes tell */
	} table[] = {
		/* Too short for the next field. */
		{ "11", 1 },
		{ "19 000000", 1 },
		{ "16", 1 },
		{ "17 000000", 1 },
		{ "11 " ED25519, 16 },
		{ "11 " ED25519 F F, 30 },
		{ "11 " ED25519 F F "000000", 30 },
		{ "11 " SK F F, 45 },
		{ "11 " SK F F "01", 46 },
		/* A field that is longer than the body. */
		{ "11 0000000c 'ssh-ed25519'", 5 },
		{ "11 ffffffff 'ssh-ed25519'", 5 },
		{ "11 80000000 'ssh-ed25519'", 5 },
		{ "11 " ED25519 "00000020 'abc'", 20 },
		{ "11 " ED25519 F F "00000001", 34 },
		{ "11 " ED25519 F F "ffffffff 'abc'", 34 },
		{ "16 00000004 'abc'", 5 },
		{ "17 ffffffff 'abc'", 5 },
		/* A type that there is not. */
		{ "11 00000000 " F F F, 5 },
		{ "11 00000003 'abc' " F F F, 8 },
		{ "19 00000007 'ssh-dss' " F F F F F F, 12 },
		{ "19 0000000c 'rsa-sha2-512' " F F F F F F F, 17 },
		{ "11 0000000a 'ssh-ed2551' " F F F, 15 },
	};
	struct request req;
	struct slice body;
	size_t need;

	(void)state;
	for (size_t i = 0; i < N(table); i++) {
		body = hex(table[i].body);
		assert_int_not_equal(request_decode(body, &req), ST_OK);
		for (size_t have = 0; have <= body.len; have++)
			if (measure(body, have, &need) !=
			    (have < table[i].known ? ST_MORE : ST_MALFORMED))
				fail_msg("%s: %zu of its bytes",
				    table[i].body, have);
	}
}

/* The bytes that are there are no bound: only the body is. */
static void
a_field_may_be_as_long_as_the_body_lets_it(void **state)
{
	struct slice in = hex("11 " ED25519 "00001000");
	size_t need;

	(void)state;
	assert_int_equal(secretpart_measure(in, 20 + 4096, &need), ST_MORE);
	assert_int_equal(need, 20 + 4096);
	assert_int_equal(secretpart_measure(in, 20 + 4095, &need),
	    ST_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_is_known_by_its_length),
		cmocka_unit_test(
		    every_kind_of_add_is_measured_up_to_its_constraints),
		cmocka_unit_test(type_name_may_end_in_a_zero_byte),
		cmocka_unit_test(
		    what_can_only_be_refused_is_malformed_once_it_is_known),
		cmocka_unit_test(a_field_may_be_as_long_as_the_body_lets_it),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
