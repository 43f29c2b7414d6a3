/*
 * Signatures: every key type, every flag, data of every length; each one is
 * verified by code that is not the agent's.
 */

#include "daemon/rig.h"

#include "proto/frame.h"
#include "support/hex.h"

static struct rig agent;
static struct testkey *key[TESTKEY_TYPES];
static int fd;

/* Add a key of every type. */
static void
add_all(void)
{
	fd = rig_connect(&agent);
	for (size_t i = 0; i < TESTKEY_TYPES; i++)
		rig_expect(fd, rig_add(key[i], "k", hex("")),
		    SSH_AGENT_SUCCESS);
}

static int
setup(void **state)
{
	(void)state;
	rig_start(&agent, NULL);
	add_all();
	return 0;
}

static int
setup_legacy(void **state)
{
	(void)state;
	rig_start(&agent, "--legacy-rsa", NULL);
	add_all();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	rig_hang_up(fd);
	return rig_finish(&agent, 2);
}

static void
every_type_signs_data_of_every_length(void **state)
{
	static const size_t lens[] = { 0, 1, 63, 64, 65, 127, 128, 4000,
		16384, 65536 };

	(void)state;
	for (size_t i = 0; i < TESTKEY_TYPES; i++) {
		bool rsa = key[i]->fields.type == KEY_RSA;

		for (size_t j = 0; j < sizeof(lens) / sizeof(lens[0]); j++)
			rig_expect_signature(fd, key[i], rsa ? 4 : 0, rsa ?
			    "rsa-sha2-512" :
			    key_type_info(key[i]->fields.type)->name,
			    hex_fill(0x5a, lens[j]));
	}
}

/* As much data as a frame holds. */
static void
longest_data_is_signed(void **state)
{
	const struct testkey *k = key[KEY_ED25519];
	size_t room = FRAME_BODY_MAX - 1 - 4 - k->blob.len - 4 - 4;

	(void)state;
	rig_expect_signature(fd, k, 0, "ssh-ed25519", hex_fill(1, room));
	rig_expect_signature(fd, key[KEY_ECDSA_P384], 0,
	    "ecdsa-sha2-nistp384", hex_fill(1, FRAME_BODY_MAX - 1000));
}

/* What RSA answers to flags; NULL: refused. */
struct rsa_row {
	uint32_t	 flags;
	const char	*algorithm;
};

/* Hold the agent to a table. */
static void
expect_rsa_rows(const struct rsa_row *rows, size_t n)
{
	const struct testkey *k = key[KEY_RSA];
	struct slice data = slice_str("some data");

	for (size_t i = 0; i < n; i++) {
		if (rows[i].algorithm != NULL)
			rig_expect_signature(fd, k, rows[i].flags,
			    rows[i].algorithm, data);
		else
			rig_expect(fd, rig_sign(k->blob, data,
			    rows[i].flags), SSH_AGENT_FAILURE);
	}
}

static void
rsa_obeys_flags_and_refuses_sha1(void **state)
{
	static const struct rsa_row rows[] = {
		{ 0, NULL }, { 1, NULL }, { 2, "rsa-sha2-256" },
		{ 3, NULL }, { 4, "rsa-sha2-512" }, { 5, NULL },
		{ 6, "rsa-sha2-256" }, { 7, NULL }, { 8, NULL },
		{ 0x80000002, NULL }, { 0xffffffff, NULL },
	};

	(void)state;
	expect_rsa_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
legacy_rsa_signs_with_sha1_where_no_flag_is_set(void **state)
{
	static const struct rsa_row rows[] = {
		{ 0, "ssh-rsa" }, { 1, NULL }, { 2, "rsa-sha2-256" },
		{ 4, "rsa-sha2-512" }, { 6, "rsa-sha2-256" }, { 8, NULL },
	};

	(void)state;
	expect_rsa_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void
other_types_ignore_the_flags_of_rsa(void **state)
{
	struct slice data = slice_str("some data");

	(void)state;
	for (size_t i = 0; i < TESTKEY_TYPES; i++) {
		if (key[i]->fields.type == KEY_RSA)
			continue;
		for (uint32_t flags = 0; flags <= 6; flags += 2)
			rig_expect_signature(fd, key[i], flags,
			    key_type_info(key[i]->fields.type)->name, data);
	}
}

static void
flags_that_are_not_known_are_refused(void **state)
{
	static const uint32_t flags[] = { 1, 8, 0xff, 0x80000000 };

	(void)state;
	for (size_t i = 0; i < TESTKEY_TYPES; i++)
		for (size_t j = 0; j < sizeof(flags) / sizeof(flags[0]); j++)
			rig_expect(fd, rig_sign(key[i]->blob, slice_str("d"),
			    flags[j]), SSH_AGENT_FAILURE);
}

static void
key_that_is_not_there_does_not_sign(void **state)
{
	struct testkey *k = testkey_new(KEY_ED25519, 0);

	(void)state;
	rig_expect(fd, rig_sign(k->blob, slice_str("d"), 0),
	    SSH_AGENT_FAILURE);
	rig_expect(fd, rig_sign(hex(""), slice_str("d"), 0),
	    SSH_AGENT_FAILURE);
	rig_expect(fd, rig_sign(slice_str("rubbish"), slice_str("d"), 0),
	    SSH_AGENT_FAILURE);
	testkey_free(k);
}

/* 1023 bits are too few; 1024 are not. */
static void
rsa_has_a_least_size(void **state)
{
	struct testkey *small = testkey_new(KEY_RSA, 1023);
	struct testkey *least = testkey_new(KEY_RSA, 1024);

	(void)state;
	rig_expect(fd, rig_add(small, "s", hex("")), SSH_AGENT_FAILURE);
	rig_expect(fd, rig_add(least, "l", hex("")), SSH_AGENT_SUCCESS);
	rig_expect_signature(fd, least, 2, "rsa-sha2-256", slice_str("d"));
	testkey_free(small);
	testkey_free(least);
}

static int
make_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < TESTKEY_TYPES; i++)
		key[i] = testkey_new((enum key_type)i, 2048);
	return 0;
}

static int
free_keys(void **state)
{
	for (size_t i = 0; i < TESTKEY_TYPES; i++)
		testkey_free(key[i]);
	(void)rig_forget(state);
	return hex_free(state);
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_type_signs_data_of_every_length),
		CASE(longest_data_is_signed),
		CASE(rsa_obeys_flags_and_refuses_sha1),
		cmocka_unit_test_setup_teardown(
		    legacy_rsa_signs_with_sha1_where_no_flag_is_set,
		    setup_legacy, teardown),
		CASE(other_types_ignore_the_flags_of_rsa),
		CASE(flags_that_are_not_known_are_refused),
		CASE(key_that_is_not_there_does_not_sign),
		CASE(rsa_has_a_least_size),
	};

	testkeys_vault();
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
