#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include <cmocka.h>

#include <sodium.h>

#include "agent/load.h"
#include "agent/opstack.h"
#include "agent/vault.h"
#include "keys/seal.h"
#include "proto/agent_num.h"
#include "proto/bundle.h"
#include "proto/constraint.h"
#include "proto/reply.h"
#include "support/cert_vectors.h"
#include "support/hex.h"
#include "support/testkeys.h"

#define HEAD	(BUNDLE_SEALED + BUNDLE_HEADER)
#define NKEYS	4

static struct testkey *keys[NKEYS];	/* the last one is P-256 */
static struct keyring *ring;
static struct load *load;
static struct sealer *sealer;
static struct load_fault fault;
static size_t baseline;
static const struct load_defaults no_defaults = { .service = true };
/* The stream that was sealed so far, and what a commit says of it. */
static struct wire_writer stream, names;
static uint8_t stream_room[256 * 1024], names_room[LOAD_DATA_MAX];

/* Bytes of the vault in use. */
static size_t
used(void)
{
	struct secret_usage use;

	secret_usage(vault_region(), &use);
	return use.used;
}

static int
group_setup(void **state)
{
	const char *why;
	struct key *k;

	(void)state;
	testkeys_vault_sized(2 * 1024 * 1024);	/* for 2048 keys */
	for (size_t i = 0; i < NKEYS; i++) {
		keys[i] = testkey_new(i + 1 < NKEYS ? KEY_ED25519 :
		    KEY_ECDSA_P256, 0);
		/* Once for what libcrypto keeps for ever. */
		assert_int_equal(key_new(&k, &keys[i]->fields, &why), ST_OK);
		key_free(k);
	}
	return 0;
}

static int
group_teardown(void **state)
{
	for (size_t i = 0; i < NKEYS; i++)
		testkey_free(keys[i]);
	return hex_free(state);
}

static int
setup(void **state)
{
	(void)state;
	baseline = used();
	ring = keyring_new();
	return ring != NULL ? 0 : -1;
}

/* Give up the load under way, and its sender. */
static void
end(void)
{
	sealer_free(sealer);
	load_free(load);
	sealer = NULL;
	load = NULL;
}

static int
teardown(void **state)
{
	(void)state;
	end();
	keyring_free(ring);
	assert_int_equal(used(), baseline);
	return 0;
}

/* Begin a load of that name and a stream to it. */
static void
begin(const char *name)
{
	uint8_t pk[LOAD_PUBLIC_KEY];

	end();
	assert_int_equal(load_begin(&load, slice_str(name), pk), ST_OK);
	stream = wire_writer(stream_room, sizeof(stream_room));
	names = wire_writer(names_room, sizeof(names_room));
	assert_int_equal(sealer_new(&sealer, vault_region(), pk, stream.p),
	    ST_OK);
	stream.len = HEAD;
}

/* Seal any plaintext. */
static void
put(struct slice plain, bool final)
{
	assert_int_equal(sealer_record(sealer, plain, final, &stream), ST_OK);
}

static void
put_key_limited(const struct testkey *k, const char *comment,
    struct slice constraints)
{
	struct request add = { .type = SSH_AGENTC_ADD_ID_CONSTRAINED };
	uint8_t room[4096];
	struct wire_writer w = wire_writer(room, sizeof(room));

	add.add.key = k->fields;
	add.add.comment = slice_str(comment);
	add.add.constraints = constraints;
	bundle_put_key(&w, &add);
	assert_false(w.full);
	put((struct slice){ room, w.len }, false);
}

static void
put_key(size_t i, const char *comment)
{
	put_key_limited(keys[i], comment, slice_str(""));
}

static void
put_end(uint32_t count, bool final)
{
	uint8_t room[8];
	struct wire_writer w = wire_writer(room, sizeof(room));

	bundle_put_end(&w, count);
	put((struct slice){ room, w.len }, final);
}

static struct slice
all(void)
{
	return (struct slice){ stream.p, stream.len };
}

/* Hand bytes to the load. */
static int
feed(struct slice bytes)
{
	return load_chunk(load, bytes, &no_defaults, 1000, &fault);
}

static int
commit(void)
{
	return load_commit(load, ring, &names, &fault);
}

/* The comments in the ring, in their order, are these. */
static void
expect(const char *want)
{
	char got[256] = "";
	size_t len = 0;
	struct slice c;

	for (size_t i = 0; i < keyring_count(ring); i++) {
		c = identity_comment(keyring_at(ring, i));
		len += (size_t)snprintf(got + len, sizeof(got) - len, "%s%.*s",
		    i > 0 ? " " : "", (int)c.len, (const char *)c.p);
	}
	assert_string_equal(got, want);
}

/* A whole load of keys first..first+n-1, called a, b, ... */
static void
whole(const char *name, size_t first, size_t n)
{
	begin(name);
	for (size_t i = first; i < first + n; i++)
		put_key(i, (char[]){ (char)('a' + i), '\0' });
	put_end((uint32_t)n, true);
	assert_int_equal(feed(all()), ST_OK);
	assert_int_equal(commit(), ST_OK);
}

static void
staged_keys_are_unseen_until_the_commit(void **state)
{
	struct wire_reader r;
	struct slice blob, comment;

	(void)state;
	whole("", 0, 1);
	begin("work");
	put_key(1, "b");
	put_key(3, "d");
	assert_int_equal(feed(all()), ST_OK);
	assert_int_equal(load_count(load), 2);
	expect("a");
	assert_null(keyring_find(ring, keys[1]->blob));
	stream.len = 0;
	put_end(2, true);
	assert_int_equal(feed(all()), ST_OK);
	expect("a");
	assert_int_equal(commit(), ST_OK);
	assert_int_equal(load_count(load), 0);
	expect("a b d");
	assert_string_equal(keyring_at(ring, 0)->load, "");
	assert_string_equal(keyring_at(ring, 1)->load, "work");
	assert_string_equal(keyring_at(ring, 2)->load, "work");
	/* It names what it put. */
	r = wire_reader((struct slice){ names.p, names.len });
	for (size_t i = 1; i < 4; i += 2) {
		assert_int_equal(wire_get_string(&r, &blob), ST_OK);
		assert_int_equal(wire_get_string(&r, &comment), ST_OK);
		assert_true(slice_eq(blob, keys[i]->blob));
	}
	assert_true(wire_end(&r));
}

/* With a signal's frame on top, as large as this processor makes them. */
static void
opening_a_load_is_not_deep(void **state)
{
	struct vault_work w;

	(void)state;
	if (!opstack_switches())
		skip();
	vault_measure(true);
	begin("deep");
	for (size_t i = 0; i + 1 < NKEYS; i++)
		put_key(i, "a");
	assert_int_equal(feed(all()), ST_OK);
	vault_work(&w);
	vault_measure(false);
	print_message("# stack %zu of %d\n", w.stack_peak, VAULT_STACK_PLAIN);
	assert_in_range(w.stack_peak, 1, VAULT_STACK_PLAIN - 512 -
	    getauxval(AT_MINSIGSTKSZ));
}

static void
the_cutting_of_the_stream_does_not_matter(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 200; piece += piece < 4 ? 1 : 48) {
		struct slice in;

		begin("work");
		put_key(0, "a");
		put_key(3, "d");
		put_end(2, true);
		for (in = all(); in.len > 0;) {
			size_t n = piece < in.len ? piece : in.len;

			assert_int_equal(feed((struct slice){ in.p, n }),
			    ST_OK);
			in.p += n;
			in.len -= n;
		}
		assert_int_equal(feed((struct slice){ NULL, 0 }), ST_OK);
		assert_int_equal(commit(), ST_OK);
		expect("a d");
	}
}

static void
a_stream_cut_anywhere_does_not_commit(void **state)
{
	size_t len;

	(void)state;
	whole("", 3, 1);
	begin("work");
	put_key(0, "a");
	put_end(1, true);
	len = stream.len;
	for (size_t cut = 0; cut < len; cut++) {
		begin("work");
		put_key(0, "a");
		put_end(1, true);
		assert_int_equal(feed((struct slice){ stream.p, cut }),
		    ST_OK);
		assert_int_equal(commit(), ST_MORE);
		assert_non_null(fault.text);
		assert_int_equal(names.len, 0);
		expect("d");
	}
}

static void
a_changed_bit_anywhere_is_refused(void **state)
{
	size_t len, before;

	(void)state;
	begin("work");
	put_key(0, "a");
	put_end(1, true);
	len = stream.len;
	for (size_t i = 0; i < len; i++) {
		int st;

		begin("work");
		put_key(0, "a");
		put_end(1, true);
		stream.p[i] ^= 0x40;
		st = feed(all());
		if (st == ST_OK)	/* a length that promises more */
			st = commit();
		assert_int_not_equal(st, ST_OK);
		assert_true(st > 0);
		assert_non_null(fault.text);
		/* Dead is dead. */
		before = keyring_count(ring);
		if (st != ST_MORE) {
			assert_int_not_equal(feed(all()), ST_OK);
			assert_int_not_equal(commit(), ST_OK);
		}
		assert_int_equal(before, 0);
		expect("");
	}
}

static void
the_end_must_be_final_and_the_final_the_end(void **state)
{
	(void)state;
	/* END without the tag. */
	begin("");
	put_key(0, "a");
	put_end(1, false);
	assert_int_equal(feed(all()), ST_MALFORMED);
	assert_int_equal(commit(), ST_MORE);
	/* A key with it. */
	begin("");
	put_key(0, "a");
	{
		uint8_t room[4096];
		struct wire_writer w = wire_writer(room, sizeof(room));
		struct request add = { .type = SSH_AGENTC_ADD_ID_CONSTRAINED };

		add.add.key = keys[1]->fields;
		bundle_put_key(&w, &add);
		put((struct slice){ room, w.len }, true);
	}
	assert_int_equal(feed(all()), ST_MALFORMED);
	assert_int_equal(commit(), ST_MORE);
	expect("");
}

static void
the_count_must_fit(void **state)
{
	static const uint32_t counts[] = { 0, 1, 3, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		begin("work");
		put_key(0, "a");
		put_key(1, "b");
		put_end(counts[i], true);
		assert_int_equal(feed(all()), ST_MALFORMED);
		assert_non_null(fault.text);
		assert_int_equal(fault.item, 0);
		/* A load that was refused is over, whatever it says next. */
		assert_int_not_equal(commit(), ST_OK);
		expect("");
	}
}

static void
nothing_may_follow_the_end(void **state)
{
	(void)state;
	begin("work");
	put_key(0, "a");
	put_end(1, true);
	wire_put_u8(&stream, 0);
	assert_int_equal(feed(all()), ST_MALFORMED);
	assert_int_not_equal(commit(), ST_OK);
	begin("work");
	put_key(0, "a");
	put_end(1, true);
	assert_int_equal(feed(all()), ST_OK);
	assert_int_equal(feed(slice_str("x")), ST_MALFORMED);
	assert_int_not_equal(commit(), ST_OK);
	expect("");
}

static void
broken_records_are_refused(void **state)
{
	static const char *const table[] = { "", "00", "02", "01", "ff",
		"ff000000", "ff00000001 00", "01 00000003'dsa'",
		"01 0000000b'ssh-ed25519'00000000" };

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		begin("work");
		put(hex(table[i]), false);
		assert_true(feed(all()) > 0);
		assert_non_null(fault.text);
		assert_int_equal(load_count(load), 0);
	}
}

static void
a_bad_key_is_named_by_its_number(void **state)
{
	struct testkey bad = *keys[2];

	(void)state;
	whole("work", 0, 2);
	begin("work");
	put_key(2, "c");
	bad.fields.ed25519.pk = keys[1]->fields.ed25519.pk;
	put_key_limited(&bad, "bad", slice_str(""));
	put_key(3, "d");
	put_end(3, true);
	assert_int_equal(feed(all()), ST_MALFORMED);
	assert_int_equal(fault.item, 2);
	assert_non_null(fault.text);
	expect("a b");
	/* The same for a constraint that nobody enforces. */
	begin("work");
	put_key(0, "a");
	put_key(1, "b");
	put_key_limited(keys[2], "c", hex("ff 00000003'x@y'"));
	put_end(3, true);
	assert_int_equal(feed(all()), ST_UNSUPPORTED);
	assert_int_equal(fault.item, 3);
	assert_non_null(strstr(fault.text, "constraint"));
	expect("a b");
	/* And for a library that only a key of an authenticator has. */
	begin("work");
	put_key_limited(keys[0], "a", hex("ff 00000017"
	    "'sk-provider@openssh.com' 00000008'internal'"));
	put_end(1, true);
	assert_int_equal(feed(all()), ST_UNSUPPORTED);
	assert_int_equal(fault.item, 1);
	assert_non_null(strstr(fault.text, "authenticator"));
	assert_int_equal(load_count(load), 0);
	expect("a b");
}

static void
the_last_of_the_same_key_counts(void **state)
{
	(void)state;
	begin("");
	put_key_limited(keys[0], "first", hex("02"));
	put_key(1, "b");
	put_key(0, "last");
	put_end(3, true);
	assert_int_equal(feed(all()), ST_OK);
	assert_int_equal(load_count(load), 2);
	assert_int_equal(commit(), ST_OK);
	expect("last b");
	assert_false(keyring_at(ring, 0)->confirm);
}

static void
constraints_come_along(void **state)
{
	(void)state;
	begin("");
	put_key_limited(keys[0], "a", hex("01 0000000a 02"));
	put_key(1, "b");
	put_end(2, true);
	assert_int_equal(load_chunk(load, all(), &(struct load_defaults){
	    .service = true, .lifetime_s = 5 }, 2000, &fault), ST_OK);
	assert_int_equal(commit(), ST_OK);
	assert_true(keyring_at(ring, 0)->confirm);
	assert_int_equal(keyring_at(ring, 0)->expires_ms, 12000);
	assert_false(keyring_at(ring, 1)->confirm);
	assert_int_equal(keyring_at(ring, 1)->expires_ms, 7000);
}

/* What the rules of the i-th key say of a namespace. */
static int
may_sign(size_t i, const char *ns)
{
	const struct bindings none = { 0 };
	const struct rules_place at = { .binds = &none, .now_ms = 1000 };
	const struct identity *id = keyring_at(ring, i);
	struct signdata d = { .kind = SIGNDATA_SSHSIG };
	enum reason why;

	d.sshsig.ns = slice_str(ns);
	return rules_sign(&id->rules, &at, &d, key_blob(id->key), &why);
}

static void
rules_come_along(void **state)
{
	uint8_t room[256];
	struct wire_writer w = wire_writer(room, sizeof(room));
	const struct constraints c = {
		.purposes = hex("00000004 'file'"),
		.has_signatures = true,
		.signatures = 3,
		.rate_n = 5,
		.rate_s = 60,
	};
	const struct rules *r;

	(void)state;
	constraint_put(&w, &c);
	begin("");
	put_key_limited(keys[0], "a", (struct slice){ room, w.len });
	put_key(1, "b");
	put_end(2, true);
	assert_int_equal(feed(all()), ST_OK);
	assert_int_equal(commit(), ST_OK);
	r = &keyring_at(ring, 0)->rules;
	assert_true(r->counted);
	assert_int_equal(r->left, 3);
	assert_int_equal(r->rate_n, 5);
	assert_int_equal(r->rate_s, 60);
	assert_int_equal(may_sign(0, "file"), ST_OK);
	assert_int_equal(may_sign(0, "git"), ST_DENIED);
	/* Without any, what the mode has. */
	assert_false(keyring_at(ring, 1)->rules.counted);
	assert_int_equal(may_sign(1, "file"), ST_DENIED);
	assert_int_equal(may_sign(1, "git"), ST_OK);
	begin("");
	put_key(2, "c");
	put_end(1, true);
	assert_int_equal(load_chunk(load, all(), &(struct load_defaults){
	    .service = false }, 1000, &fault), ST_OK);
	assert_int_equal(commit(), ST_OK);
	assert_int_equal(may_sign(2, "file"), ST_OK);
}

/* Write a record with a key and a certificate of it. */
static void
put_certificate(const struct cert_vector *v, const char *comment)
{
	struct wire_writer w = wire_writer(hex_alloc(8192), 8192);

	wire_put_u8(&w, BUNDLE_KEY);
	wire_put_str(&w, key_type_info(v->type)->cert_name);
	wire_put_string(&w, hex(v->cert_hex));
	wire_put_bytes(&w, hex(v->rest_hex));
	wire_put_str(&w, comment);
	assert_false(w.full);
	put((struct slice){ w.p, w.len }, false);
}

static void
a_key_and_its_certificate_are_two(void **state)
{
	const struct cert_vector *v = &cert_vectors[KEY_ED25519];
	struct cert_vector forged = *v;
	char *hexes;

	(void)state;
	begin("work");
	put_certificate(v, "first");
	put_key(0, "plain");
	put_certificate(v, "last");
	put_end(3, true);
	assert_int_equal(feed(all()), ST_OK);
	assert_int_equal(load_count(load), 2);
	assert_int_equal(commit(), ST_OK);
	expect("last plain");
	assert_true(key_is_cert(keyring_at(ring, 0)->key));
	/* The CA's signature is looked at: its last byte is another one. */
	hexes = strdup(v->cert_hex);
	assert_non_null(hexes);
	hexes[strlen(hexes) - 1] = hexes[strlen(hexes) - 1] == '0' ? '1' : '0';
	forged.cert_hex = hexes;
	begin("work");
	put_certificate(&forged, "forged");
	put_end(1, true);
	free(hexes);
	assert_int_equal(feed(all()), ST_MALFORMED);
	assert_int_equal(fault.item, 1);
	assert_non_null(strstr(fault.text, "signature is wrong"));
}

/* Another Ed25519 key, the i-th. */
static void
put_numbered(struct testkey *k, uint32_t i)
{
	uint8_t seed[32] = { (uint8_t)i, (uint8_t)(i >> 8) };

	assert_int_equal(crypto_sign_seed_keypair(k->bytes + 64, k->bytes,
	    seed), 0);
	k->fields = (struct private_fields){
		.type = KEY_ED25519,
		.ed25519 = { .pk = { k->bytes + 64, 32 },
		    .sk = { k->bytes, 64 } },
	};
	put_key_limited(k, "", slice_str(""));
}

static void
the_agent_stages_as_many_keys_as_it_can_hold(void **state)
{
	static struct testkey k;
	int st = ST_OK;

	(void)state;
	begin("");
	for (uint32_t i = 0; st == ST_OK && i <= REPLY_IDENTITIES_MAX; i++) {
		assert_int_equal(load_count(load), i);
		put_numbered(&k, i);
		/* One that is there already is none more. */
		if (i == REPLY_IDENTITIES_MAX - 1)
			put_numbered(&k, 5);
		st = feed(all());
		stream.len = 0;
	}
	assert_int_equal(st, ST_FULL);
	assert_int_equal(load_count(load), REPLY_IDENTITIES_MAX);
	assert_int_equal(fault.item, REPLY_IDENTITIES_MAX + 2);
	assert_non_null(strstr(fault.text, "more than 2048 keys"));
	assert_int_not_equal(commit(), ST_OK);
}

static void
a_name_replaces_and_no_name_adds(void **state)
{
	(void)state;
	whole("work", 0, 2);
	whole("play", 2, 1);
	whole("work", 1, 1);
	expect("b c");
	whole("", 0, 1);
	expect("b c a");
	/* A load without a name takes nothing away, a key changes hands. */
	whole("", 1, 1);
	expect("b c a");
	assert_string_equal(keyring_at(ring, 0)->load, "");
	whole("work", 3, 1);
	expect("b c a d");
	/* Nothing at all is a load too. */
	whole("work", 0, 0);
	expect("b c a");
	whole("", 0, 0);
	expect("b c a");
}

static void
a_name_may_be_as_long_as_it_may(void **state)
{
	char name[LOAD_NAME_MAX + 1];

	(void)state;
	memset(name, 'n', LOAD_NAME_MAX);
	name[LOAD_NAME_MAX] = '\0';
	whole(name, 0, 1);
	assert_string_equal(keyring_at(ring, 0)->load, name);
	whole(name, 1, 1);
	expect("b");
}

static void
a_full_ring_stays_as_it_is(void **state)
{
	struct slice much = hex_fill('x', 255 * 1024);
	struct identity *id;
	const char *why;
	struct key *key;
	size_t before;

	(void)state;
	assert_int_equal(key_new(&key, &keys[0]->fields, &why), ST_OK);
	assert_int_equal(identity_new(&id, key, much), ST_OK);
	assert_int_equal(keyring_put(ring, &id, 1, NULL, &why), ST_OK);
	before = used();
	begin("work");
	for (size_t i = 1; i < NKEYS; i++)
		put_key(i, "a comment of some length, to pass the limit that "
		    "OpenSSH has: two hundred and fifty-six KiB for all of "
		    "the list, in which each of the keys has its comment and "
		    "its blob; and as that is a great deal, a few more words "
		    "are needed here to get beyond it, and these are some of "
		    "them, which should do");
	put_end(3, true);
	assert_int_equal(feed(all()), ST_OK);
	assert_int_equal(commit(), ST_FULL);
	assert_non_null(strstr(fault.text, "256 KiB"));
	assert_int_equal(keyring_count(ring), 1);
	assert_ptr_equal(keyring_at(ring, 0)->key, key);
	end();
	assert_int_equal(used(), before);
}

static void
an_answer_too_small_refuses_and_is_empty(void **state)
{
	(void)state;
	begin("work");
	put_key(0, "a");
	put_key(1, "b");
	put_end(2, true);
	assert_int_equal(feed(all()), ST_OK);
	names = wire_writer(names_room, 100);
	wire_put_u8(&names, 7);
	assert_int_equal(commit(), ST_FULL);
	assert_non_null(fault.text);
	assert_int_equal(names.len, 1);
	assert_false(names.full);
	expect("");
}

/* Take all of the vault but a little. */
static void *
ballast(size_t leave)
{
	struct secret_usage use;
	void *p;

	secret_usage(vault_region(), &use);
	p = secret_alloc(vault_region(), use.largest - leave);
	assert_non_null(p);
	return p;
}

static void
a_full_vault_is_said_and_left_as_it_was(void **state)
{
	size_t fulls = 0;
	void *p;
	int st;

	(void)state;
	for (size_t leave = 0; leave < 10000; leave += 48) {
		begin("work");
		put_key(0, "a");
		put_key(3, "d");
		put_end(2, true);
		p = ballast(leave);
		st = feed(all());
		assert_true(st == ST_OK || st == ST_FULL);
		if (st == ST_FULL) {
			fulls++;
			assert_non_null(strstr(fault.text, "locked memory"));
			assert_int_not_equal(commit(), ST_OK);
		}
		secret_free(vault_region(), p);
		end();
		assert_int_equal(used(), baseline);
		expect("");
	}
	assert_true(fulls > 0);
	p = ballast(0);
	{
		uint8_t pk[LOAD_PUBLIC_KEY];

		assert_int_equal(load_begin(&load, slice_str(""), pk),
		    ST_FULL);
		assert_null(load);
	}
	secret_free(vault_region(), p);
}

static void
giving_up_anywhere_leaves_nothing(void **state)
{
	size_t len;

	(void)state;
	begin("work");
	put_key(0, "a");
	put_key(3, "d");
	put_end(2, true);
	len = stream.len;
	for (size_t cut = 0; cut <= len; cut += 7) {
		begin("work");
		put_key(0, "a");
		put_key(3, "d");
		put_end(2, true);
		assert_int_equal(feed((struct slice){ stream.p, cut }),
		    ST_OK);
		end();
		assert_int_equal(used(), baseline);
	}
	load_free(NULL);
}

static void
a_stream_for_another_load_is_refused(void **state)
{
	uint8_t pk[LOAD_PUBLIC_KEY];
	struct load *other;

	(void)state;
	begin("work");
	put_key(0, "a");
	put_end(1, true);
	assert_int_equal(load_begin(&other, slice_str("work"), pk), ST_OK);
	assert_int_equal(load_chunk(other, all(), &no_defaults, 0, &fault),
	    ST_MALFORMED);
	assert_non_null(strstr(fault.text, "not sealed to this load"));
	load_free(other);
	/* Nor twice to the same. */
	assert_int_equal(feed(all()), ST_OK);
	assert_int_equal(feed(all()), ST_MALFORMED);
	assert_int_not_equal(commit(), ST_OK);
	expect("");
}

/* Load one key under a name. */
static void
load_one(size_t i, const char *name)
{
	begin(name);
	put_key(i, "loaded");
	put_end(1, true);
	assert_int_equal(feed(all()), ST_OK);
	assert_int_equal(commit(), ST_OK);
	end();
}

static void
what_a_name_has_brought_goes_by_that_name(void **state)
{
	struct wire_writer w;
	uint8_t room[LOAD_DATA_MAX];
	size_t one;

	(void)state;
	load_one(0, "work");
	load_one(1, "home");
	load_one(2, "");
	w = wire_writer(room, sizeof(room));
	assert_int_equal(load_remove(ring, slice_str("wor"), &w), 0);
	assert_int_equal(load_remove(ring, slice_str("work2"), &w), 0);
	assert_int_equal(w.len, 0);
	assert_int_equal(keyring_count(ring), 3);
	assert_int_equal(load_remove(ring, slice_str("work"), &w), 1);
	one = w.len;
	assert_true(one > 0);
	assert_int_equal(keyring_count(ring), 2);
	assert_int_equal(load_remove(ring, slice_str("work"), &w), 0);
	assert_null(keyring_find(ring, keys[0]->blob));
	/* Every load that had a name. */
	load_one(0, "work");
	w = wire_writer(room, sizeof(room));
	assert_int_equal(load_remove(ring, slice_str(""), &w), 2);
	assert_int_equal(keyring_count(ring), 1);
	assert_non_null(keyring_find(ring, keys[2]->blob));
	assert_int_equal(load_remove(ring, slice_str(""), &w), 0);
	/* They go, also where there is no room to name them. */
	load_one(0, "work");
	load_one(1, "work2");
	w = wire_writer(room, one);
	assert_int_equal(load_remove(ring, slice_str(""), &w), 2);
	assert_int_equal(w.len, one);
	assert_false(w.full);
	assert_int_equal(keyring_count(ring), 1);
}

#define T(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(staged_keys_are_unseen_until_the_commit),
		T(opening_a_load_is_not_deep),
		T(the_cutting_of_the_stream_does_not_matter),
		T(a_stream_cut_anywhere_does_not_commit),
		T(a_changed_bit_anywhere_is_refused),
		T(the_end_must_be_final_and_the_final_the_end),
		T(the_count_must_fit),
		T(nothing_may_follow_the_end),
		T(broken_records_are_refused),
		T(a_bad_key_is_named_by_its_number),
		T(the_last_of_the_same_key_counts),
		T(constraints_come_along),
		T(rules_come_along),
		T(a_key_and_its_certificate_are_two),
		T(the_agent_stages_as_many_keys_as_it_can_hold),
		T(a_name_replaces_and_no_name_adds),
		T(a_name_may_be_as_long_as_it_may),
		T(a_full_ring_stays_as_it_is),
		T(an_answer_too_small_refuses_and_is_empty),
		T(a_full_vault_is_said_and_left_as_it_was),
		T(giving_up_anywhere_leaves_nothing),
		T(a_stream_for_another_load_is_refused),
		T(what_a_name_has_brought_goes_by_that_name),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
