#include "proto/bundle.h"

#include "support/hex.h"
#include "support/key_vectors.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
records_say_their_kind(void **state)
{
	static const struct {
		const char *in;
		int st;
		unsigned kind;
		const char *key;
		uint32_t count;
	} cases[] = {
		{ "01 'fields'", ST_OK, BUNDLE_KEY, "'fields'", 0 },
		{ "01", ST_OK, BUNDLE_KEY, "", 0 },
		{ "ff 00000000", ST_OK, BUNDLE_END, NULL, 0 },
		{ "ff 01020304", ST_OK, BUNDLE_END, NULL, 0x01020304 },
		{ "", ST_MALFORMED, 0, NULL, 0 },
		{ "ff", ST_MALFORMED, 0, NULL, 0 },
		{ "ff 000000", ST_MALFORMED, 0, NULL, 0 },
		{ "ff 00000000 00", ST_MALFORMED, 0, NULL, 0 },
		{ "00", ST_UNSUPPORTED, 0, NULL, 0 },
		{ "02 00000000", ST_UNSUPPORTED, 0, NULL, 0 },
		{ "fe 00000000", ST_UNSUPPORTED, 0, NULL, 0 },
	};
	struct bundle_record record;
	size_t i;

	(void)state;
	for (i = 0; i < N(cases); i++) {
		int st = bundle_record_decode(hex(cases[i].in), &record);

		if (st != cases[i].st)
			fail_msg("in: %s: %s", cases[i].in, status_name(st));
		if (st != ST_OK)
			continue;
		assert_int_equal(record.kind, cases[i].kind);
		if (record.kind == BUNDLE_KEY)
			hex_expect(cases[i].in, record.key,
			    hex(cases[i].key));
		else
			assert_int_equal(record.count, cases[i].count);
	}
}

static void
key_that_is_put_is_the_add_that_comes_out(void **state)
{
	const struct key_vector *v;

	(void)state;
	for (v = key_vectors; v < key_vectors + KEY_TYPES; v++) {
		size_t cap = 1 + hex_decode(v->private_hex, NULL) + 4 + 3 + 5;
		struct wire_writer w = wire_writer(hex_alloc(cap), cap);
		struct wire_writer out = wire_writer(hex_alloc(cap), cap);
		struct bundle_record record;
		struct request add, got;
		struct slice plain;

		/* An add as it came in over the wire. */
		wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
		wire_put_bytes(&w, hex(v->private_hex));
		wire_put_str(&w, "k@h");
		wire_put_bytes(&w, hex("01 0000003c"));
		assert_int_equal(wire_done(&w, &plain), ST_OK);
		assert_int_equal(request_decode(plain, &add), ST_OK);

		bundle_put_key(&out, &add);
		assert_int_equal(wire_done(&out, &plain), ST_OK);
		assert_int_equal(bundle_record_decode(plain, &record), ST_OK);
		assert_int_equal(record.kind, BUNDLE_KEY);
		assert_int_equal(request_decode_add(record.key, &got), ST_OK);
		assert_int_equal(got.type, SSH_AGENTC_ADD_ID_CONSTRAINED);
		assert_int_equal(got.add.key.type, v->type);
		hex_expect("comment", got.add.comment, hex("'k@h'"));
		hex_expect("rest", got.add.constraints, hex("01 0000003c"));
		hex_expect("fields", (struct slice){ record.key.p,
		    hex_decode(v->private_hex, NULL) }, hex(v->private_hex));
	}
}

static void
end_carries_its_count(void **state)
{
	struct slice want = hex("ff 00000102");
	struct wire_writer w = wire_writer(hex_alloc(want.len), want.len);

	(void)state;
	bundle_put_end(&w, 0x102);
	hex_expect_written("end", &w, want);
}

static void
longest_rsa_key_fits_a_record(void **state)
{
	struct request add = { .type = SSH_AGENTC_ADD_IDENTITY };
	struct wire_writer w = wire_writer(hex_alloc(BUNDLE_RECORD_MAX),
	    BUNDLE_RECORD_MAX);
	struct slice half = hex_fill(0xff, WIRE_MPINT_MAX / 2);

	(void)state;
	add.add.key.type = KEY_RSA;
	add.add.key.rsa.n = hex_fill(0xff, WIRE_MPINT_MAX);
	add.add.key.rsa.e = hex("010001");
	add.add.key.rsa.d = hex_fill(0xff, WIRE_MPINT_MAX);
	add.add.key.rsa.iqmp = half;
	add.add.key.rsa.p = half;
	add.add.key.rsa.q = half;
	add.add.comment = hex_fill('c', 4096);
	bundle_put_key(&w, &add);
	assert_false(w.full);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_say_their_kind),
		cmocka_unit_test(key_that_is_put_is_the_add_that_comes_out),
		cmocka_unit_test(end_carries_its_count),
		cmocka_unit_test(longest_rsa_key_fits_a_record),
	};

	return cmocka_run_group_tests(tests, NULL, hex_free);
}
