/*
 * Messages one by one: list, add, remove, extensions, unknown ones; what may
 * follow their fields, and what a failure leaves behind.
 */

#include "daemon/rig.h"

#include <string.h>

#include "proto/extension.h"
#include "support/hex.h"

static struct rig agent;
static struct testkey *key[3];
static int fd;

static int
setup(void **state)
{
	(void)state;
	rig_start(&agent, NULL);
	fd = rig_connect(&agent);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	rig_hang_up(fd);
	return rig_finish(&agent, 2);
}

/* Add the three keys as a, b and c. */
static void
add_three(void)
{
	static const char *const names[] = { "a", "b", "c" };

	for (size_t i = 0; i < 3; i++)
		rig_expect(fd, rig_add(key[i], names[i], hex("")),
		    SSH_AGENT_SUCCESS);
	rig_expect_comments(fd, names, 3);
}

static void
every_type_without_payload_is_answered(void **state)
{
	uint8_t want;

	(void)state;
	for (unsigned type = 0; type <= 255; type++) {
		want = type == SSH_AGENTC_REQUEST_IDENTITIES ?
		    SSH_AGENT_IDENTITIES_ANSWER :
		    type == SSH_AGENTC_REMOVE_ALL_IDENTITIES ||
		    type == SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES ?
		    SSH_AGENT_SUCCESS : SSH_AGENT_FAILURE;
		if (rig_ask(fd, rig_type((uint8_t)type)).p[0] != want)
			fail_msg("type %u was not answered by %u", type,
			    want);
	}
	rig_alive(&agent);
}

/* With a payload that suits none of them. */
static void
every_unknown_type_with_payload_fails(void **state)
{
	struct slice body;

	(void)state;
	add_three();
	for (unsigned type = 0; type <= 255; type++) {
		uint8_t byte = (uint8_t)type;

		if (type == SSH_AGENTC_REQUEST_IDENTITIES ||
		    type == SSH_AGENTC_REMOVE_ALL_IDENTITIES ||
		    type == SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES)
			continue;
		body = rig_join((struct slice){ &byte, 1 },
		    hex_fill(0xff, 100));
		rig_expect(fd, body, SSH_AGENT_FAILURE);
	}
	assert_int_equal(rig_list(fd, NULL), 3);
}

static void
empty_list_has_these_bytes(void **state)
{
	(void)state;
	hex_expect("list", rig_ask(fd, hex("0b")), hex("0c 00000000"));
}

static void
list_has_these_bytes(void **state)
{
	struct wire_writer w = wire_writer(hex_alloc(512), 512);

	(void)state;
	rig_expect(fd, rig_add(key[0], "first", hex("")), SSH_AGENT_SUCCESS);
	rig_expect(fd, rig_add(key[1], "", hex("")), SSH_AGENT_SUCCESS);
	wire_put_bytes(&w, hex("0c 00000002"));
	wire_put_string(&w, key[0]->blob);
	wire_put_str(&w, "first");
	wire_put_string(&w, key[1]->blob);
	wire_put_str(&w, "");
	hex_expect_written("list", &w, rig_ask(fd, hex("0b")));
}

static void
bytes_after_the_fields_are_ignored(void **state)
{
	struct slice data = slice_str("data");

	(void)state;
	add_three();
	assert_int_equal(rig_ask(fd, hex("0b 'XXXX'")).p[0],
	    SSH_AGENT_IDENTITIES_ANSWER);
	rig_check_signature(rig_ask(fd, rig_join(rig_sign(key[0]->blob, data,
	    0), hex("'zzz'"))), key[0], "ssh-ed25519", data);
	rig_expect(fd, rig_join(rig_string(SSH_AGENTC_REMOVE_IDENTITY,
	    key[0]->blob), hex("'zz'")), SSH_AGENT_SUCCESS);
	rig_expect(fd, hex("16 00000001 'p' 'zz'"), SSH_AGENT_SUCCESS);
	rig_expect(fd, hex("17 00000001 'p' 'zz'"), SSH_AGENT_SUCCESS);
	assert_int_equal(rig_ask(fd, hex("1b 00000005 'query' 'zz'")).p[0],
	    SSH_AGENT_EXTENSION_RESPONSE);
	rig_expect(fd, hex("13 'zz'"), SSH_AGENT_SUCCESS);
	rig_expect(fd, hex("09 'zz'"), SSH_AGENT_SUCCESS);
	assert_int_equal(rig_list(fd, NULL), 0);
}

/* After an add they are constraints, and 'z' is none. */
static void
bytes_after_an_add_are_constraints(void **state)
{
	(void)state;
	rig_expect(fd, rig_join(rig_add(key[0], "a", hex("")), hex("'z'")),
	    SSH_AGENT_FAILURE);
	assert_int_equal(rig_list(fd, NULL), 0);
}

/* Our own extensions take nothing that they do not know. */
static void
bytes_after_our_own_extensions_fail(void **state)
{
	(void)state;
	rig_expect(fd, rig_join(rig_text(SSH_AGENTC_EXTENSION, EXT_STATUS),
	    hex("'z'")), SSH_AGENT_EXTENSION_FAILURE);
	rig_expect(fd, rig_join(rig_text(SSH_AGENTC_EXTENSION, EXT_LOAD),
	    hex("01 00000000 'z'")), SSH_AGENT_EXTENSION_FAILURE);
	rig_expect(fd, rig_text(SSH_AGENTC_EXTENSION, EXT_LOAD),
	    SSH_AGENT_EXTENSION_FAILURE);
}

/* A request that stops after each of its bytes fails and changes nothing. */
static void
expect_every_beginning_fails(struct slice body)
{
	for (size_t len = 1; len < body.len; len++)
		rig_expect(fd, (struct slice){ body.p, len },
		    SSH_AGENT_FAILURE);
}

static void
requests_cut_short_fail(void **state)
{
	(void)state;
	expect_every_beginning_fails(rig_add(key[0], "cut", hex("")));
	assert_int_equal(rig_list(fd, NULL), 0);
	add_three();
	/* The last that is cut off here is flags. */
	expect_every_beginning_fails(rig_sign(key[0]->blob, slice_str("d"),
	    0));
	expect_every_beginning_fails(rig_string(SSH_AGENTC_REMOVE_IDENTITY,
	    key[0]->blob));
	expect_every_beginning_fails(rig_text(SSH_AGENTC_LOCK, "pass"));
	expect_every_beginning_fails(rig_text(SSH_AGENTC_UNLOCK, "pass"));
	expect_every_beginning_fails(rig_text(SSH_AGENTC_EXTENSION,
	    EXT_QUERY));
	assert_int_equal(rig_list(fd, NULL), 3);
}

/* A comment of any bytes in an add. */
static struct slice
add_with_comment(struct slice comment)
{
	struct slice body = rig_add(key[0], "", hex(""));

	/* In place of the empty string at its end. */
	body.len -= 4;
	return rig_join(body, (struct slice){
	    rig_string(0, comment).p + 1, 4 + comment.len });
}

static void
nul_in_text_is_good_at_its_end_only(void **state)
{
	static const char *const ab[] = { "ab" }, *const none[] = { "" };

	(void)state;
	rig_expect(fd, add_with_comment(hex("'a' 00 'b'")),
	    SSH_AGENT_FAILURE);
	rig_expect(fd, add_with_comment(hex("00 'ab'")), SSH_AGENT_FAILURE);
	rig_expect(fd, add_with_comment(hex("'ab' 00 00")),
	    SSH_AGENT_FAILURE);
	assert_int_equal(rig_list(fd, NULL), 0);
	rig_expect(fd, add_with_comment(hex("'ab' 00")), SSH_AGENT_SUCCESS);
	rig_expect_comments(fd, ab, 1);
	rig_expect(fd, add_with_comment(hex("00")), SSH_AGENT_SUCCESS);
	rig_expect_comments(fd, none, 1);

	assert_int_equal(rig_ask(fd, hex("1b 00000006 'query' 00")).p[0],
	    SSH_AGENT_EXTENSION_RESPONSE);
	rig_expect(fd, hex("1b 00000006 'que' 00 'ry'"), SSH_AGENT_FAILURE);
	/* Of a passphrase it counts there. */
	rig_expect(fd, hex("16 00000003 'a' 00 'b'"), SSH_AGENT_FAILURE);
	rig_expect(fd, hex("16 00000002 'a' 00"), SSH_AGENT_SUCCESS);
	rig_expect(fd, hex("17 00000001 'a'"), SSH_AGENT_FAILURE);
	rig_expect(fd, hex("17 00000002 'a' 00"), SSH_AGENT_SUCCESS);
}

static void
blob_with_a_trailing_byte_is_not_the_key(void **state)
{
	struct slice longer;

	(void)state;
	add_three();
	longer = rig_join(key[0]->blob, hex("'x'"));
	rig_expect(fd, rig_sign(longer, slice_str("d"), 0),
	    SSH_AGENT_FAILURE);
	rig_expect(fd, rig_string(SSH_AGENTC_REMOVE_IDENTITY, longer),
	    SSH_AGENT_FAILURE);
	rig_expect(fd, rig_string(SSH_AGENTC_REMOVE_IDENTITY, hex("")),
	    SSH_AGENT_FAILURE);
	assert_int_equal(rig_list(fd, NULL), 3);
}

static void
removed_key_is_gone_and_order_stays(void **state)
{
	static const char *const left[] = { "a", "c" };
	struct slice remove;

	(void)state;
	add_three();
	remove = rig_string(SSH_AGENTC_REMOVE_IDENTITY, key[1]->blob);
	rig_expect(fd, remove, SSH_AGENT_SUCCESS);
	rig_expect_comments(fd, left, 2);
	rig_expect(fd, remove, SSH_AGENT_FAILURE);
	rig_expect(fd, rig_sign(key[1]->blob, slice_str("d"), 0),
	    SSH_AGENT_FAILURE);
	rig_expect_signature(fd, key[2], 0, "ssh-ed25519", slice_str("d"));
}

static void
remove_all_removes_all_by_either_number(void **state)
{
	static const uint8_t types[] = { SSH_AGENTC_REMOVE_ALL_IDENTITIES,
		SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		add_three();
		rig_expect(fd, rig_type(types[i]), SSH_AGENT_SUCCESS);
		assert_int_equal(rig_list(fd, NULL), 0);
		rig_expect(fd, rig_type(types[i]), SSH_AGENT_SUCCESS);
	}
}

static void
add_again_keeps_the_place_and_takes_the_comment(void **state)
{
	static const char *const after[] = { "again", "b", "c" };

	(void)state;
	add_three();
	rig_expect(fd, rig_add(key[0], "again", hex("")), SSH_AGENT_SUCCESS);
	rig_expect_comments(fd, after, 3);
}

static void
state_is_shared_by_connections(void **state)
{
	int other = rig_connect(&agent);

	(void)state;
	add_three();
	rig_hang_up(fd);
	assert_int_equal(rig_list(other, NULL), 3);
	fd = other;
}

/* Key types that are not served; the fields do not matter. */
static void
other_key_types_are_refused(void **state)
{
	static const char *const types[] = {
		"ssh-dss", "ssh-ed448", "rsa-sha2-256", "rsa-sha2-512",
		"ssh-ed25519-cert-v01@openssh.com",
		"ssh-rsa-cert-v01@openssh.com",
		"ecdsa-sha2-nistp256-cert-v01@openssh.com",
		"sk-ssh-ed25519@openssh.com",
		"sk-ecdsa-sha2-nistp256@openssh.com",
		"ssh-mldsa44-ed25519@openssh.com", "ssh-mldsa44-ed25519",
		"ssh-xmss@openssh.com", "ecdsa-sha2-nistp224", "",
		"SSH-ED25519", "ssh-ed2551", "ssh-ed255199",
	};
	struct slice fields = rig_add(key[0], "x", hex(""));

	(void)state;
	/* What follows "ssh-ed25519" is right for that type. */
	fields.p += 1 + 4 + 11;
	fields.len -= 1 + 4 + 11;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		rig_expect(fd, rig_join(rig_text(SSH_AGENTC_ADD_IDENTITY,
		    types[i]), fields), SSH_AGENT_FAILURE);
		rig_expect(fd, rig_join(rig_text(
		    SSH_AGENTC_ADD_ID_CONSTRAINED, types[i]), fields),
		    SSH_AGENT_FAILURE);
	}
	rig_expect(fd, rig_join(rig_text(SSH_AGENTC_ADD_IDENTITY,
	    "ssh-ed25519"), fields), SSH_AGENT_SUCCESS);
	assert_int_equal(rig_list(fd, NULL), 1);
}

static void
tokens_are_not_served(void **state)
{
	static const uint8_t types[] = { SSH_AGENTC_ADD_SMARTCARD_KEY,
		SSH_AGENTC_REMOVE_SMARTCARD_KEY,
		SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED };

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++)
		rig_expect(fd, rig_join(rig_text(types[i],
		    "/usr/lib/libc.so.6"), hex("00000000")),
		    SSH_AGENT_FAILURE);
	rig_alive(&agent);
}

/* A key with one bit of one of its fields turned, when it is added. */
static void
keys_that_do_not_fit_together_are_refused(void **state)
{
	static const enum key_type types[] = { KEY_ED25519, KEY_ECDSA_P256,
		KEY_RSA };
	struct testkey *k;
	struct slice body;
	uint8_t *p;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		k = testkey_new(types[i], 1024);
		for (size_t at = 0; at < k->used; at += k->used / 13) {
			p = k->bytes + at;
			*p ^= 0x04;
			body = rig_add(k, "bent", hex(""));
			rig_expect(fd, body, SSH_AGENT_FAILURE);
			*p ^= 0x04;
		}
		rig_expect(fd, rig_add(k, "straight", hex("")),
		    SSH_AGENT_SUCCESS);
		testkey_free(k);
	}
	assert_int_equal(rig_list(fd, NULL), 3);
}

static void
query_has_these_bytes_for_an_admin(void **state)
{
	(void)state;
	hex_expect("query", rig_ask(fd, hex("1b 00000005 'query'")),
	    hex("1d 00000005 'query' 00000018 'session-bind@openssh.com'"
	    "00000014 'explain@bottle-agent'"
	    "00000011 'load@bottle-agent'"
	    "00000013 'status@bottle-agent'"));
	/* And it was one reply. */
	rig_expect(fd, hex("63"), SSH_AGENT_FAILURE);
}

static void
extensions_that_are_not_known_fail(void **state)
{
	static const char *const names[] = { "", "Query", "query ", "quer",
		"queryy", "session-bind",
		"session-bind@libssh.org", "load@bottle-agen",
		"status@bottle-agent@", "hello@example.com" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		rig_expect(fd, rig_text(SSH_AGENTC_EXTENSION, names[i]),
		    SSH_AGENT_FAILURE);
	/* A bind that is none fails in its own way. */
	rig_expect(fd, rig_text(SSH_AGENTC_EXTENSION, EXT_SESSION_BIND),
	    SSH_AGENT_EXTENSION_FAILURE);
	rig_expect(fd, rig_join(rig_text(SSH_AGENTC_EXTENSION,
	    EXT_SESSION_BIND), hex("00000001 'k' 00000001 's' 00000001 'g' "
	    "00")), SSH_AGENT_EXTENSION_FAILURE);
	assert_int_equal(rig_list(fd, NULL), 0);
}

static int
make_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		key[i] = testkey_new(KEY_ED25519, 0);
	return 0;
}

static int
free_keys(void **state)
{
	for (size_t i = 0; i < 3; i++)
		testkey_free(key[i]);
	(void)rig_forget(state);
	return hex_free(state);
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_type_without_payload_is_answered),
		CASE(every_unknown_type_with_payload_fails),
		CASE(empty_list_has_these_bytes),
		CASE(list_has_these_bytes),
		CASE(bytes_after_the_fields_are_ignored),
		CASE(bytes_after_an_add_are_constraints),
		CASE(bytes_after_our_own_extensions_fail),
		CASE(requests_cut_short_fail),
		CASE(nul_in_text_is_good_at_its_end_only),
		CASE(blob_with_a_trailing_byte_is_not_the_key),
		CASE(removed_key_is_gone_and_order_stays),
		CASE(remove_all_removes_all_by_either_number),
		CASE(add_again_keeps_the_place_and_takes_the_comment),
		CASE(state_is_shared_by_connections),
		CASE(other_key_types_are_refused),
		CASE(tokens_are_not_served),
		CASE(keys_that_do_not_fit_together_are_refused),
		CASE(query_has_these_bytes_for_an_admin),
		CASE(extensions_that_are_not_known_fail),
	};

	testkeys_vault();
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
