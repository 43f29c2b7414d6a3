/*
 * Twenty thousand changed requests over several connections, with all rights:
 * the agent lives, an honest client is served all the while, and at the end
 * nothing is left of it.
 */

#include "daemon/hammer.h"

#include <stdio.h>

#include "support/hex.h"

#define BODIES		20000
#define CONNECTIONS	4
/* Bodies for a connection before the next has its turn. */
#define TURN		125
/* What resident memory may grow by, in KiB. */
#define STEADY		512

static struct rig agent;
static struct testkey *key[4];
static struct testkey *honest;

/* An honest client, who may have lost its key meanwhile. */
static void
be_honest(int fd)
{
	const struct rig_key *list;
	bool found = false;
	size_t n;

	rig_expect(fd, rig_add(honest, "honest", hex("")),
	    SSH_AGENT_SUCCESS);
	n = rig_list(fd, &list);
	for (size_t i = 0; i < n; i++)
		found = found || slice_eq(list[i].blob, honest->blob);
	assert_true(found);
	rig_expect_signature(fd, honest, 0, "ssh-ed25519", rig_git());
}

/* All of it once. */
static void
hammer(uint64_t seed, int good)
{
	struct hammer h;
	int fds[CONNECTIONS];

	hammer_init(&h, seed, key, 4);
	for (size_t i = 0; i < CONNECTIONS; i++)
		fds[i] = rig_connect(&agent);
	for (unsigned i = 0; i < BODIES / 2 / TURN; i++) {
		hammer_hit(&h, &agent, &fds[i % CONNECTIONS], TURN);
		be_honest(good);
	}
	for (size_t i = 0; i < CONNECTIONS; i++)
		rig_hang_up(fds[i]);
	print_message("%u failed, %u succeeded, %u lists, %u signatures, "
	    "%u extensions refused, %u answered, %u connections dropped\n",
	    h.replies[SSH_AGENT_FAILURE], h.replies[SSH_AGENT_SUCCESS],
	    h.replies[SSH_AGENT_IDENTITIES_ANSWER],
	    h.replies[SSH_AGENT_SIGN_RESPONSE],
	    h.replies[SSH_AGENT_EXTENSION_FAILURE],
	    h.replies[SSH_AGENT_EXTENSION_RESPONSE], h.dropped);
	/* It got somewhere, in every direction. */
	assert_true(h.replies[SSH_AGENT_SUCCESS] > BODIES / 50);
	assert_true(h.replies[SSH_AGENT_SIGN_RESPONSE] > BODIES / 200);
	assert_true(h.replies[SSH_AGENT_EXTENSION_RESPONSE] > BODIES / 200);
	assert_true(h.dropped > 0);
}

static void
changed_requests_do_no_harm(void **state)
{
	size_t before, after;
	uint32_t locked;
	int good;

	(void)state;
	rig_start(&agent, NULL);
	good = rig_connect(&agent);
	be_honest(good);
	hammer(20261, good);
	rig_expect(good, hex("13"), SSH_AGENT_SUCCESS);
	rig_await_connections(&agent, good, 1);
	before = rig_rss(&agent);
	locked = rig_status(good).memory_used;
	hammer(20262, good);
	rig_expect(good, hex("13"), SSH_AGENT_SUCCESS);
	rig_await_connections(&agent, good, 1);
	after = rig_rss(&agent);
	print_message("rss: %zu KiB, then %zu KiB\n", before, after);
	assert_true(after <= before + rig_slack(STEADY));
	assert_in_range(rig_status(good).memory_used, 0, locked + RIG_FIT);
	rig_alive(&agent);
	be_honest(good);
	rig_hang_up(good);
}

static int
finish(void **state)
{
	(void)state;
	return rig_finish(&agent, 2);
}

static int
make_keys(void **state)
{
	(void)state;
	key[0] = testkey_new(KEY_ED25519, 0);
	key[1] = testkey_new(KEY_ECDSA_P256, 0);
	key[2] = testkey_new(KEY_ECDSA_P521, 0);
	key[3] = testkey_new(KEY_RSA, 1024);
	honest = testkey_new(KEY_ED25519, 0);
	return 0;
}

static int
free_keys(void **state)
{
	for (size_t i = 0; i < 4; i++)
		testkey_free(key[i]);
	testkey_free(honest);
	(void)rig_forget(state);
	return hex_free(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(changed_requests_do_no_harm,
		    finish),
	};

	testkeys_vault();
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
