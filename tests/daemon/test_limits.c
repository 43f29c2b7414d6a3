/*
 * Limits: of keys, of the list, of locked memory, of connections; each one met
 * exactly and passed by one.  Those of service mode are in test_service.c,
 * deadlines in test_patience.c.
 */

#include "daemon/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/limits.h"
#include "proto/reply.h"
#include "support/hex.h"

#define ROUND	500		/* connections opened and dropped */
#define ROUNDS	4
/* What resident memory may grow by over all of them, in KiB. */
#define STEADY	256
/* Descriptors of the small agent, and connections that leaves. */
#define FEW	40
#define FEW_CONNECTIONS	(FEW - LIMIT_FD_RESERVE)
/* Clients of that: more than it takes at once. */
#define CLIENTS	(FEW_CONNECTIONS + 6)

static struct rig agent;
static struct testkey *key[2];
static int fd;

static int
setup(void **state)
{
	(void)state;
	rig_start(&agent, NULL);
	fd = rig_connect(&agent);
	return 0;
}

/* As little locked memory as can be. */
static int
setup_tight(void **state)
{
	(void)state;
	rig_start(&agent, "--memory-size", "64K", NULL);
	fd = rig_connect(&agent);
	return 0;
}

static int
setup_few(void **state)
{
	(void)state;
	agent.nofile = FEW;
	rig_start(&agent, NULL);
	fd = -1;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (fd >= 0)
		rig_hang_up(fd);
	return rig_finish(&agent, 2);
}

/* Make and add a key that nobody needs any more. */
static void
expect_add_of_new_key(uint8_t code)
{
	struct testkey *k = testkey_new(KEY_ED25519, 0);

	rig_expect(fd, rig_add(k, "k", hex("")), code);
	testkey_free(k);
}

static void
as_many_keys_as_clients_can_list(void **state)
{
	const struct rig_key *list;
	struct slice first;

	(void)state;
	rig_expect(fd, rig_add(key[0], "first", hex("")), SSH_AGENT_SUCCESS);
	for (unsigned i = 1; i < REPLY_IDENTITIES_MAX - 1; i++)
		expect_add_of_new_key(SSH_AGENT_SUCCESS);
	rig_expect(fd, rig_add(key[1], "last", hex("")), SSH_AGENT_SUCCESS);
	assert_int_equal(rig_list(fd, &list), REPLY_IDENTITIES_MAX);
	first = hex_copy(list[1].blob);
	expect_add_of_new_key(SSH_AGENT_FAILURE);
	assert_int_equal(rig_list(fd, NULL), REPLY_IDENTITIES_MAX);
	rig_expect_signature(fd, key[1], 0, "ssh-ed25519", rig_git());

	/* Those that are there can be replaced; one less, one more. */
	rig_expect(fd, rig_add(key[0], "again", hex("")), SSH_AGENT_SUCCESS);
	rig_expect(fd, rig_string(SSH_AGENTC_REMOVE_IDENTITY, first),
	    SSH_AGENT_SUCCESS);
	expect_add_of_new_key(SSH_AGENT_SUCCESS);
	expect_add_of_new_key(SSH_AGENT_FAILURE);
	assert_int_equal(rig_list(fd, NULL), REPLY_IDENTITIES_MAX);
}

/* A text of n letters. */
static char *
letters(size_t n)
{
	char *s = malloc(n + 1);

	assert_non_null(s);
	memset(s, 'c', n);
	s[n] = '\0';
	return s;
}

static void
list_as_long_as_clients_can_read(void **state)
{
	const size_t half = 200000;
	size_t rest = REPLY_BODY_MAX - REPLY_LIST_HEAD -
	    reply_identity_size(key[0]->blob, (struct slice){ NULL, half }) -
	    reply_identity_size(key[1]->blob, (struct slice){ NULL, 0 });
	char *a = letters(half), *b = letters(rest), *c = letters(rest + 1);

	(void)state;
	rig_expect(fd, rig_add(key[0], a, hex("")), SSH_AGENT_SUCCESS);
	rig_expect(fd, rig_add(key[1], c, hex("")), SSH_AGENT_FAILURE);
	assert_int_equal(rig_list(fd, NULL), 1);
	rig_expect(fd, rig_add(key[1], b, hex("")), SSH_AGENT_SUCCESS);
	assert_int_equal(rig_ask(fd, hex("0b")).len, REPLY_BODY_MAX);
	/* Nor can it be outgrown by adding again. */
	rig_expect(fd, rig_add(key[1], c, hex("")), SSH_AGENT_FAILURE);
	assert_int_equal(rig_ask(fd, hex("0b")).len, REPLY_BODY_MAX);
	rig_expect_signature(fd, key[1], 0, "ssh-ed25519", rig_git());
	free(a);
	free(b);
	free(c);
}

static void
full_locked_memory_refuses_and_goes_on(void **state)
{
	char *big = letters(100000);
	size_t n = 0;
	uint32_t used;

	(void)state;
	used = rig_status(fd).memory_used;
	rig_expect(fd, rig_add(key[0], "k", hex("")), SSH_AGENT_SUCCESS);
	/* A request that is larger than all of it. */
	rig_expect(fd, rig_add(key[1], big, hex("")), SSH_AGENT_FAILURE);
	for (struct testkey *k;; n++) {
		k = testkey_new(KEY_ED25519, 0);
		rig_send_body(fd, rig_add(k, "k", hex("")));
		testkey_free(k);
		if (rig_receive(fd).p[0] != SSH_AGENT_SUCCESS)
			break;
		assert_in_range(n, 0, REPLY_IDENTITIES_MAX);
	}
	assert_true(n > 16);
	assert_int_equal(rig_list(fd, NULL), n + 1);
	rig_expect_signature(fd, key[0], 0, "ssh-ed25519", rig_git());
	/* What was refused left nothing behind, and nothing is lost. */
	rig_expect(fd, hex("13"), SSH_AGENT_SUCCESS);
	assert_int_equal(rig_status(fd).memory_used, used);
	rig_expect(fd, rig_add(key[1], "k", hex("")), SSH_AGENT_SUCCESS);
	free(big);
}

/* Connect, do a few things by halves, and go; n times. */
static void
come_and_go(unsigned n)
{
	struct slice add = rig_add(key[1], "half", hex(""));
	int at[50];

	for (unsigned i = 0; i < n; i += 50) {
		for (unsigned j = 0; j < 50; j++) {
			at[j] = rig_connect(&agent);
			if (j % 3 == 0)
				rig_send(at[j], rig_frame(
				    hex_fill(99, 1000)));
			if (j % 3 == 1)
				rig_send(at[j], (struct slice){
				    rig_frame(add).p, 80 });
			if (j % 3 == 2)
				rig_send(at[j], hex("00000001 0b 000400"));
		}
		for (unsigned j = 0; j < 50; j++)
			rig_hang_up(at[j]);
	}
	rig_await_connections(&agent, fd, 1);
}

static void
connections_that_come_and_go_cost_nothing(void **state)
{
	uint32_t locked;
	size_t before, after;

	(void)state;
	rig_expect(fd, rig_add(key[0], "k", hex("")), SSH_AGENT_SUCCESS);
	come_and_go(ROUND);
	before = rig_rss(&agent);
	locked = rig_status(fd).memory_used;
	for (unsigned i = 0; i < ROUNDS; i++)
		come_and_go(ROUND);
	after = rig_rss(&agent);
	print_message("rss: %zu KiB, then %zu KiB\n", before, after);
	assert_true(after <= before + rig_slack(STEADY));
	assert_int_equal(rig_status(fd).memory_used, locked);
	rig_expect_signature(fd, key[0], 0, "ssh-ed25519", rig_git());
}

/* As in ssh-agent: nobody is refused, they wait for their turn. */
static void
waiting_connections_are_served_when_others_go(void **state)
{
	int at[CLIENTS];
	unsigned i;

	(void)state;
	for (i = 0; i < CLIENTS; i++) {
		at[i] = rig_connect(&agent);
		rig_send(at[i], hex("00000001 0b"));
	}
	for (i = 0; i < FEW_CONNECTIONS; i++)
		hex_expect("list", rig_receive(at[i]), hex("0c 00000000"));
	for (; i < CLIENTS; i++)
		assert_true(rig_quiet(at[i], 20));
	/* One goes, one comes. */
	rig_hang_up(at[0]);
	hex_expect("list", rig_receive(at[FEW_CONNECTIONS]),
	    hex("0c 00000000"));
	for (i = FEW_CONNECTIONS + 1; i < CLIENTS; i++)
		assert_true(rig_quiet(at[i], 20));
	/* Those inside are served all the while. */
	rig_expect(at[1], hex("63"), SSH_AGENT_FAILURE);
	for (i = 1; i < FEW_CONNECTIONS; i++)
		rig_hang_up(at[i]);
	for (i = FEW_CONNECTIONS + 1; i < CLIENTS; i++)
		hex_expect("list", rig_receive(at[i]), hex("0c 00000000"));
	for (i = FEW_CONNECTIONS; i < CLIENTS; i++)
		rig_hang_up(at[i]);
	fd = rig_connect(&agent);
	rig_expect(fd, rig_add(key[0], "k", hex("")), SSH_AGENT_SUCCESS);
	rig_expect_signature(fd, key[0], 0, "ssh-ed25519", rig_git());
}

static int
make_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++)
		key[i] = testkey_new(KEY_ED25519, 0);
	return 0;
}

static int
free_keys(void **state)
{
	for (size_t i = 0; i < 2; i++)
		testkey_free(key[i]);
	(void)rig_forget(state);
	return hex_free(state);
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(as_many_keys_as_clients_can_list),
		CASE(list_as_long_as_clients_can_read),
		cmocka_unit_test_setup_teardown(
		    full_locked_memory_refuses_and_goes_on, setup_tight,
		    teardown),
		CASE(connections_that_come_and_go_cost_nothing),
		cmocka_unit_test_setup_teardown(
		    waiting_connections_are_served_when_others_go, setup_few,
		    teardown),
	};

	testkeys_vault();
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
