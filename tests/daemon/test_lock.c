/*
 * Lock and unlock: what is refused meanwhile, what a wrong passphrase costs,
 * and that only who tried it waits.
 */

#include "daemon/rig.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/lock.h"
#include "proto/extension.h"
#include "support/hex.h"

/* What a busy machine can spoil, by being slow, is tried so often; what is
 * wrong is wrong each time. */
#define TRIES		10

static struct rig agent;
static struct testkey *key;
static int fd;

/* An agent with one key. */
static int
setup(void **state)
{
	(void)state;
	rig_start(&agent, NULL);
	fd = rig_connect(&agent);
	rig_expect(fd, rig_add(key, "k", hex("")), SSH_AGENT_SUCCESS);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	rig_hang_up(fd);
	return rig_finish(&agent, 2);
}

static struct slice
lock(const char *passphrase)
{
	return rig_text(SSH_AGENTC_LOCK, passphrase);
}

static struct slice
unlock(const char *passphrase)
{
	return rig_text(SSH_AGENTC_UNLOCK, passphrase);
}

/* A wrong unlock takes that long, and more only where the machine is busy:
 * return whether it does not take as long as one that has failed once more. */
static bool
wrong_unlock(int on, int64_t ms)
{
	int64_t begin = rig_now(), took;

	rig_expect(on, unlock("wrong"), SSH_AGENT_FAILURE);
	took = rig_now() - begin;
	assert_in_range(took, ms - 2, ms + RIG_PATIENCE_MS);
	return took < ms + LOCK_DELAY_MS - 2;
}

/* One packet ends OpenSSH's agent here. */
static void
broken_passphrase_fails_and_the_agent_lives(void **state)
{
	static const char *const bodies[] = { "16 00000009 78", "16",
		"16 ffffffff", "16 0000", "17 00000009 78", "17",
		"17 ffffffff" };

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		rig_expect(fd, hex(bodies[i]), SSH_AGENT_FAILURE);
	rig_alive(&agent);
	assert_int_equal(rig_list(fd, NULL), 1);
	rig_expect(fd, lock("p"), SSH_AGENT_SUCCESS);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		rig_expect(fd, hex(bodies[i]), SSH_AGENT_FAILURE);
	rig_alive(&agent);
	rig_expect(fd, unlock("p"), SSH_AGENT_SUCCESS);
	assert_int_equal(rig_list(fd, NULL), 1);
}

static void
empty_passphrase_fails_at_once_and_changes_nothing(void **state)
{
	bool at_once = false;
	int64_t begin;

	(void)state;
	rig_expect(fd, lock(""), SSH_AGENT_FAILURE);
	rig_expect(fd, unlock(""), SSH_AGENT_FAILURE);
	assert_int_equal(rig_list(fd, NULL), 1);
	for (size_t n = 0; n < TRIES && !at_once; n++) {
		rig_expect(fd, lock("p"), SSH_AGENT_SUCCESS);
		begin = rig_now();
		for (size_t i = 0; i < 20; i++)
			rig_expect(fd, unlock(""), SSH_AGENT_FAILURE);
		at_once = rig_now() - begin < 20 * LOCK_DELAY_MS;
		/* None of them counts as a failure. */
		at_once &= wrong_unlock(fd, LOCK_DELAY_MS);
		rig_expect(fd, unlock("p"), SSH_AGENT_SUCCESS);
	}
	assert_true(at_once);
}

static void
each_state_refuses_what_is_for_the_other(void **state)
{
	(void)state;
	rig_expect(fd, unlock("p"), SSH_AGENT_FAILURE);
	rig_expect(fd, lock("p"), SSH_AGENT_SUCCESS);
	rig_expect(fd, lock("p"), SSH_AGENT_FAILURE);
	rig_expect(fd, lock("q"), SSH_AGENT_FAILURE);
	rig_expect(fd, unlock("p"), SSH_AGENT_SUCCESS);
	rig_expect(fd, unlock("p"), SSH_AGENT_FAILURE);
	rig_expect_signature(fd, key, 0, "ssh-ed25519", slice_str("d"));
}

static void
locked_list_is_empty_and_all_else_fails(void **state)
{
	(void)state;
	rig_expect(fd, lock("p"), SSH_AGENT_SUCCESS);
	hex_expect("list", rig_ask(fd, hex("0b")), hex("0c 00000000"));
	rig_expect(fd, rig_sign(key->blob, slice_str("d"), 0),
	    SSH_AGENT_FAILURE);
	rig_expect(fd, rig_add(key, "x", hex("")), SSH_AGENT_FAILURE);
	rig_expect(fd, rig_add(key, "x", hex("01 00000001")),
	    SSH_AGENT_FAILURE);
	rig_expect(fd, rig_string(SSH_AGENTC_REMOVE_IDENTITY, key->blob),
	    SSH_AGENT_FAILURE);
	for (unsigned type = 0; type <= 255; type++)
		if (type != SSH_AGENTC_REQUEST_IDENTITIES)
			rig_expect(fd, rig_type((uint8_t)type),
			    SSH_AGENT_FAILURE);
	rig_expect(fd, rig_text(SSH_AGENTC_EXTENSION, EXT_QUERY),
	    SSH_AGENT_FAILURE);
	/* Binds are looked at all the same: this one is none. */
	rig_expect(fd, rig_text(SSH_AGENTC_EXTENSION, EXT_SESSION_BIND),
	    SSH_AGENT_EXTENSION_FAILURE);
	rig_expect(fd, rig_text(SSH_AGENTC_EXTENSION, "x@y"),
	    SSH_AGENT_FAILURE);
	/* Only an admin sees more. */
	assert_int_equal(rig_status(fd).locked, 1);
	rig_expect(fd, unlock("p"), SSH_AGENT_SUCCESS);
	assert_int_equal(rig_status(fd).locked, 0);
	assert_int_equal(rig_list(fd, NULL), 1);
	rig_expect_signature(fd, key, 0, "ssh-ed25519", slice_str("d"));
}

static void
wrong_passphrase_costs_more_each_time(void **state)
{
	bool begins_anew = false;

	(void)state;
	rig_expect(fd, lock("p"), SSH_AGENT_SUCCESS);
	(void)wrong_unlock(fd, LOCK_DELAY_MS);
	(void)wrong_unlock(fd, 2 * LOCK_DELAY_MS);
	/* Hanging up does not help. */
	rig_hang_up(fd);
	fd = rig_connect(&agent);
	(void)wrong_unlock(fd, 3 * LOCK_DELAY_MS);
	rig_expect(fd, unlock("p"), SSH_AGENT_SUCCESS);
	/* A success is a new beginning. */
	for (size_t n = 0; n < TRIES && !begins_anew; n++) {
		rig_expect(fd, lock("p"), SSH_AGENT_SUCCESS);
		begins_anew = wrong_unlock(fd, LOCK_DELAY_MS);
		rig_expect(fd, unlock("p"), SSH_AGENT_SUCCESS);
	}
	assert_true(begins_anew);
}

/* Passphrases that begin alike are not alike; bytes of any value are. */
static void
passphrases_are_compared_whole(void **state)
{
	(void)state;
	rig_expect(fd, hex("16 00000003 'p' ff 00"), SSH_AGENT_SUCCESS);
	rig_expect(fd, unlock("p"), SSH_AGENT_FAILURE);
	rig_expect(fd, hex("17 00000002 'p' ff"), SSH_AGENT_FAILURE);
	rig_expect(fd, hex("17 00000003 'p' ff 00"), SSH_AGENT_SUCCESS);
	rig_expect(fd, rig_string(SSH_AGENTC_LOCK, hex_fill('x', 100000)),
	    SSH_AGENT_SUCCESS);
	rig_expect(fd, rig_string(SSH_AGENTC_UNLOCK, hex_fill('x', 100000)),
	    SSH_AGENT_SUCCESS);
}

/* Bring the delay of the next failure to 0.4 s. */
static void
fail_three_times(void)
{
	rig_expect(fd, lock("p"), SSH_AGENT_SUCCESS);
	for (size_t i = 0; i < 3; i++)
		rig_expect(fd, unlock("wrong"), SSH_AGENT_FAILURE);
}

static void
others_are_served_while_one_waits(void **state)
{
	int other = rig_connect(&agent);
	bool meanwhile = false;
	int64_t begin;

	(void)state;
	fail_three_times();
	/* Each time it has longer to wait, so that a busy machine can be quick
	 * enough. */
	for (unsigned n = 4; !meanwhile && n < 4 + TRIES; n++) {
		begin = rig_now();
		rig_send_body(fd, unlock("wrong"));
		for (size_t i = 0; i < 10; i++) {
			assert_int_equal(rig_list(other, NULL), 0);
			rig_expect(other, hex("63"), SSH_AGENT_FAILURE);
		}
		/* It has not got its answer yet. */
		meanwhile = rig_quiet(fd, 0);
		rig_expect_next(fd, SSH_AGENT_FAILURE);
		assert_true(rig_now() - begin >= n * LOCK_DELAY_MS - 2);
	}
	assert_true(meanwhile);
	rig_hang_up(other);
}

/* Its own next request waits as well, so that replies keep their order. */
static void
requests_behind_a_wrong_unlock_wait(void **state)
{
	int64_t begin;

	(void)state;
	fail_three_times();
	begin = rig_now();
	rig_send(fd, rig_join(rig_frame(unlock("wrong")),
	    hex("00000001 0b 00000001 63")));
	rig_expect_next(fd, SSH_AGENT_FAILURE);
	assert_true(rig_now() - begin >= 4 * LOCK_DELAY_MS - 2);
	hex_expect("list", rig_receive(fd), hex("0c 00000000"));
	rig_expect_next(fd, SSH_AGENT_FAILURE);
}

/* Many connections do not guess faster, and a right guess is not seen. */
static void
attempts_meanwhile_fail_unseen(void **state)
{
	int other = rig_connect(&agent);
	bool late, uncounted = false;
	int64_t begin;

	(void)state;
	for (size_t n = 0; n < TRIES && !uncounted; n++) {
		fail_three_times();
		begin = rig_now();
		rig_send_body(fd, unlock("wrong"));
		(void)rig_quiet(fd, 20);
		late = rig_ask(other, unlock("p")).p[0] == SSH_AGENT_SUCCESS;
		assert_true(rig_now() - begin >= 4 * LOCK_DELAY_MS - 2);
		rig_expect_next(fd, SSH_AGENT_FAILURE);
		if (late)
			continue;
		/* That one did not count. */
		uncounted = wrong_unlock(other, 5 * LOCK_DELAY_MS);
		rig_expect(other, unlock("p"), SSH_AGENT_SUCCESS);
	}
	assert_true(uncounted);
	rig_hang_up(other);
}

static void
waiting_client_may_go_or_half_close(void **state)
{
	int other = rig_connect(&agent);
	bool open = false;

	(void)state;
	rig_expect(fd, lock("p"), SSH_AGENT_SUCCESS);
	rig_send_body(fd, unlock("wrong"));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	rig_expect_next(fd, SSH_AGENT_FAILURE);
	rig_expect_eof(fd);
	rig_send_body(other, unlock("wrong"));
	(void)rig_quiet(other, 20);
	rig_hang_up(other);
	rig_hang_up(fd);
	fd = rig_connect(&agent);
	/* Once the time of that one is over. */
	for (size_t n = 0; n < TRIES && !open; n++) {
		rig_sleep(3 * LOCK_DELAY_MS);
		rig_alive(&agent);
		open = rig_ask(fd, unlock("p")).p[0] == SSH_AGENT_SUCCESS;
	}
	assert_true(open);
}

/* Nor does a signal have to wait. */
static void
signals_act_while_one_waits(void **state)
{
	int64_t begin;

	(void)state;
	fail_three_times();
	begin = rig_now();
	rig_send_body(fd, unlock("wrong"));
	(void)rig_quiet(fd, 20);
	assert_int_equal(rig_stop(&agent, SIGTERM), 2);
	if (rig_now() - begin >= 4 * LOCK_DELAY_MS)
		skip();
	/* The answer was not due yet. */
	rig_expect_eof(fd);
}

static void
keys_expire_and_are_forgotten_while_locked(void **state)
{
	(void)state;
	rig_expect(fd, rig_add(key, "k", hex("01 00000001")),
	    SSH_AGENT_SUCCESS);
	rig_expect(fd, lock("p"), SSH_AGENT_SUCCESS);
	rig_sleep(1100);
	rig_expect(fd, unlock("p"), SSH_AGENT_SUCCESS);
	assert_int_equal(rig_list(fd, NULL), 0);
	rig_expect(fd, rig_add(key, "k", hex("")), SSH_AGENT_SUCCESS);
	rig_expect(fd, lock("p"), SSH_AGENT_SUCCESS);
	rig_signal(&agent, SIGUSR1);
	rig_expect(fd, unlock("p"), SSH_AGENT_SUCCESS);
	assert_int_equal(rig_list(fd, NULL), 0);
}

static int
make_keys(void **state)
{
	(void)state;
	key = testkey_new(KEY_ED25519, 0);
	return 0;
}

static int
free_keys(void **state)
{
	testkey_free(key);
	(void)rig_forget(state);
	return hex_free(state);
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(broken_passphrase_fails_and_the_agent_lives),
		CASE(empty_passphrase_fails_at_once_and_changes_nothing),
		CASE(each_state_refuses_what_is_for_the_other),
		CASE(locked_list_is_empty_and_all_else_fails),
		CASE(wrong_passphrase_costs_more_each_time),
		CASE(passphrases_are_compared_whole),
		CASE(others_are_served_while_one_waits),
		CASE(requests_behind_a_wrong_unlock_wait),
		CASE(attempts_meanwhile_fail_unseen),
		CASE(waiting_client_may_go_or_half_close),
		CASE(signals_act_while_one_waits),
		CASE(keys_expire_and_are_forgotten_while_locked),
	};

	testkeys_vault();
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
