/*
 * What an added key is limited to, and what adding it again makes of that.
 */

#include "daemon/rig.h"

#include <string.h>

#include "support/hex.h"

static struct rig agent;
static struct testkey *key[4];
static int fd;

static int
setup(void **state)
{
	(void)state;
	rig_start(&agent, NULL);
	fd = rig_connect(&agent);
	return 0;
}

/* Keys live for three seconds if nothing else is said. */
static int
setup_default(void **state)
{
	(void)state;
	rig_start(&agent, "-t", "3", NULL);
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

/* An add by message 17, which carries constraints like 25. */
static struct slice
add_by_17(const struct testkey *k, const char *comment,
    struct slice constraints)
{
	return rig_join(rig_add(k, comment, hex("")), constraints);
}

static void
constraints_that_are_not_known_fail_the_add(void **state)
{
	static const struct {
		const char	*name;
		const char	*bytes;
	} rows[] = {
		{ "0", "00" },
		{ "3, of old drafts", "03 00000001" },
		{ "4", "04" },
		{ "254", "fe" },
		{ "good, then unknown", "01 00000064 03" },
		{ "lifetime cut short", "01 000000" },
		{ "lifetime without number", "01" },
		{ "lifetime twice", "01 00000064 01 00000064" },
		{ "confirm twice", "02 02" },
		{ "twice, not side by side", "01 00000064 02 01 00000064" },
		{ "extension without name", "ff" },
		{ "extension, name cut short", "ff 00000009 'x'" },
		{ "extension, empty name", "ff 00000000" },
		{ "unknown extension", "ff 00000003 'a@b'" },
		{ "unknown extension after good ones",
		    "02 01 00000064 ff 00000003 'a@b' 00000000" },
		{ "sk-provider", "ff 00000017 'sk-provider@openssh.com' "
		    "00000008 'internal'" },
		{ "associated-certs",
		    "ff 00000020 'associated-certs-v00@openssh.com' "
		    "00 00000000" },
		{ "destinations, none",
		    "ff 00000024 'restrict-destination-v00@openssh.com' "
		    "00000000" },
		{ "destinations, rubbish",
		    "ff 00000024 'restrict-destination-v00@openssh.com' "
		    "00000003 'xyz'" },
	};
	static const char *const before[] = { "before" };
	struct slice bad;

	(void)state;
	rig_expect(fd, rig_add(key[0], "before", hex("")), SSH_AGENT_SUCCESS);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bad = hex(rows[i].bytes);
		print_message("row: %s\n", rows[i].name);
		rig_expect(fd, rig_add(key[1], "new", bad),
		    SSH_AGENT_FAILURE);
		rig_expect(fd, add_by_17(key[1], "new", bad),
		    SSH_AGENT_FAILURE);
		/* Nor does it touch the key that is there. */
		rig_expect(fd, rig_add(key[0], "after", bad),
		    SSH_AGENT_FAILURE);
		rig_expect_comments(fd, before, 1);
	}
	rig_expect_signature(fd, key[0], 0, "ssh-ed25519", slice_str("d"));
}

static void
constrained_add_without_constraints_is_plain(void **state)
{
	struct slice body = hex_copy(rig_add(key[0], "k", hex("")));
	uint8_t type = SSH_AGENTC_ADD_ID_CONSTRAINED;

	(void)state;
	body = rig_join((struct slice){ &type, 1 },
	    (struct slice){ body.p + 1, body.len - 1 });
	rig_expect(fd, body, SSH_AGENT_SUCCESS);
	rig_expect_signature(fd, key[0], 0, "ssh-ed25519", slice_str("d"));
}

static void
lifetime_zero_expires_at_once(void **state)
{
	(void)state;
	rig_expect(fd, rig_add(key[0], "k", hex("01 00000000")),
	    SSH_AGENT_SUCCESS);
	assert_int_equal(rig_list(fd, NULL), 0);
	rig_expect(fd, rig_sign(key[0]->blob, slice_str("d"), 0),
	    SSH_AGENT_FAILURE);
}

/* In one write: also the very next request does not see it. */
static void
lifetime_zero_is_gone_for_the_next_request(void **state)
{
	struct slice add = rig_add(key[0], "k", hex("01 00000000"));

	(void)state;
	rig_send(fd, rig_join(rig_frame(add), hex("00000001 0b")));
	rig_expect_next(fd, SSH_AGENT_SUCCESS);
	hex_expect("list", rig_receive(fd), hex("0c 00000000"));
}

/* Several lifetimes at a time, so that one wait is enough. */
static void
keys_expire_in_their_own_time(void **state)
{
	static const char *const all[] = { "17", "25", "re-added", "long" };
	static const char *const left[] = { "re-added", "long" };
	int64_t begin = rig_now(), added;

	(void)state;
	rig_expect(fd, add_by_17(key[0], "17", hex("01 00000002")),
	    SSH_AGENT_SUCCESS);
	rig_expect(fd, rig_add(key[1], "25", hex("01 00000002")),
	    SSH_AGENT_SUCCESS);
	rig_expect(fd, rig_add(key[2], "x", hex("01 00000002")),
	    SSH_AGENT_SUCCESS);
	rig_expect(fd, rig_add(key[3], "long", hex("01 ffffffff")),
	    SSH_AGENT_SUCCESS);
	/* Adding again without it lifts the limit. */
	rig_expect(fd, rig_add(key[2], "re-added", hex("")),
	    SSH_AGENT_SUCCESS);
	added = rig_now();
	rig_expect_comments(fd, all, 4);
	rig_sleep(1200 - (rig_now() - begin));
	while (rig_list(fd, NULL) == 4) {
		assert_true(rig_now() - begin < RIG_PATIENCE_MS);
		rig_sleep(20);
	}
	/* Not before the first is due, and soon after the last one is. */
	assert_true(rig_now() - begin >= 2000);
	rig_sleep(2300 - (rig_now() - added));
	rig_expect_comments(fd, left, 2);
	rig_expect(fd, rig_sign(key[0]->blob, slice_str("d"), 0),
	    SSH_AGENT_FAILURE);
}

/* Nobody asks for anything, and still the key goes. */
static void
keys_expire_without_a_request(void **state)
{
	int64_t end = rig_now() + RIG_PATIENCE_MS;
	uint32_t with, without;

	(void)state;
	without = rig_status(fd).memory_used;
	rig_expect(fd, rig_add(key[0], "k", hex("01 00000003")),
	    SSH_AGENT_SUCCESS);
	with = rig_status(fd).memory_used;
	assert_true(with > without);
	/* The log has it, and nobody had to ask first. */
	while (!rig_logged(&agent, "1 key expired")) {
		assert_true(rig_now() < end);
		rig_sleep(20);
	}
	assert_int_equal(rig_status(fd).memory_used, without);
}

static void
default_lifetime_is_for_keys_without_one(void **state)
{
	static const char *const left[] = { "own" };

	(void)state;
	rig_expect(fd, rig_add(key[0], "default", hex("")),
	    SSH_AGENT_SUCCESS);
	rig_expect(fd, rig_add(key[1], "own", hex("01 00000064")),
	    SSH_AGENT_SUCCESS);
	assert_int_equal(rig_list(fd, NULL), 2);
	rig_sleep(3100);
	rig_expect_comments(fd, left, 1);
}

/* There is nobody to ask. */
static void
confirm_refuses_until_added_again_without(void **state)
{
	static const char *const comments[] = { "again" };

	(void)state;
	rig_expect(fd, rig_add(key[0], "k", hex("02")), SSH_AGENT_SUCCESS);
	assert_int_equal(rig_list(fd, NULL), 1);
	rig_expect(fd, rig_sign(key[0]->blob, slice_str("d"), 0),
	    SSH_AGENT_FAILURE);
	rig_expect(fd, rig_add(key[0], "again", hex("")), SSH_AGENT_SUCCESS);
	rig_expect_comments(fd, comments, 1);
	rig_expect_signature(fd, key[0], 0, "ssh-ed25519", slice_str("d"));
	/* And it can be put on as well as taken off. */
	rig_expect(fd, add_by_17(key[0], "again", hex("01 00000064 02")),
	    SSH_AGENT_SUCCESS);
	rig_expect(fd, rig_sign(key[0]->blob, slice_str("d"), 0),
	    SSH_AGENT_FAILURE);
}

static int
make_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++)
		key[i] = testkey_new(KEY_ED25519, 0);
	return 0;
}

static int
free_keys(void **state)
{
	for (size_t i = 0; i < 4; i++)
		testkey_free(key[i]);
	(void)rig_forget(state);
	return hex_free(state);
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(constraints_that_are_not_known_fail_the_add),
		CASE(constrained_add_without_constraints_is_plain),
		CASE(lifetime_zero_expires_at_once),
		CASE(lifetime_zero_is_gone_for_the_next_request),
		CASE(keys_expire_in_their_own_time),
		CASE(keys_expire_without_a_request),
		cmocka_unit_test_setup_teardown(
		    default_lifetime_is_for_keys_without_one, setup_default,
		    teardown),
		CASE(confirm_refuses_until_added_again_without),
	};

	testkeys_vault();
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
