/*
 * Service mode: uid 65534 may list and sign and nothing else, 65533 is nobody,
 * root is root.  Needs root, who can be all of them; skipped otherwise.
 */

#include "daemon/hammer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/limits.h"
#include "proto/extension.h"
#include "proto/frame.h"
#include "support/hex.h"

#define USER		65534u
#define STRANGER	65533u
#define FLOOD		2000
#define HAMMERED	10000
/* A partial add that is a good deal larger than the vault's intake. */
#define BIG_ADD		(200 * 1024)
/* Growth of the agent's memory that is nothing, in KiB. */
#define STEADY		128

static struct rig agent;
static struct testkey *key[3];
static int root;		/* a connection of root's */
static int user;		/* a connection of USER's */

/* A connection that another uid makes; it stays that one's for the agent. */
static int
connect_as(uid_t uid)
{
	int fd;

	rig_become(uid);
	fd = rig_connect(&agent);
	rig_become(0);
	return fd;
}

/* An agent with two keys, and the test is the user. */
static int
setup(void **state)
{
	(void)state;
	rig_start(&agent, "--public", "--allow", "65534=list,sign", NULL);
	root = rig_connect(&agent);
	rig_expect(root, rig_add(key[0], "first", hex("")),
	    SSH_AGENT_SUCCESS);
	rig_expect(root, rig_add(key[1], "second", hex("")),
	    SSH_AGENT_SUCCESS);
	user = connect_as(USER);
	rig_become(USER);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	rig_become(0);
	rig_hang_up(root);
	if (user >= 0)
		rig_hang_up(user);
	return rig_finish(&agent, 0);
}

/* Fail unless the agent has what setup() gave it, and is not locked. */
static void
expect_untouched(void)
{
	static const char *const names[] = { "first", "second" };

	rig_become(0);
	rig_expect_comments(root, names, 2);
	assert_int_equal(rig_status(root).locked, 0);
	rig_expect_signature(root, key[0], 0, "ssh-ed25519", rig_git());
	rig_become(USER);
}

static void
user_lists_and_signs(void **state)
{
	static const char *const names[] = { "first", "second" };

	(void)state;
	rig_expect_comments(user, names, 2);
	rig_expect_signature(user, key[0], 0, "ssh-ed25519",
	    rig_git());
	rig_expect_signature(user, key[1], 4, "rsa-sha2-512",
	    rig_git());
}

static void
user_changes_nothing(void **state)
{
	static const uint8_t none[] = { SSH_AGENTC_REMOVE_ALL_IDENTITIES,
		SSH_AGENTC_REMOVE_ALL_RSA_IDENTITIES };

	(void)state;
	for (size_t i = 0; i < sizeof(none); i++)
		rig_expect(user, rig_type(none[i]), SSH_AGENT_FAILURE);
	rig_expect(user, rig_add(key[2], "new", hex("")),
	    SSH_AGENT_FAILURE);
	rig_expect(user, rig_add(key[2], "new", hex("01 00000064")),
	    SSH_AGENT_FAILURE);
	/* Nor replace what is there, with or without limits. */
	rig_expect(user, rig_add(key[0], "mine", hex("")),
	    SSH_AGENT_FAILURE);
	rig_expect(user, rig_add(key[0], "mine", hex("01 00000000")),
	    SSH_AGENT_FAILURE);
	rig_expect(user, rig_string(SSH_AGENTC_REMOVE_IDENTITY,
	    key[0]->blob), SSH_AGENT_FAILURE);
	rig_expect(user, rig_text(SSH_AGENTC_LOCK, "p"), SSH_AGENT_FAILURE);
	rig_expect(user, rig_text(SSH_AGENTC_UNLOCK, "p"),
	    SSH_AGENT_FAILURE);
	expect_untouched();
}

/* While it is locked by root as well. */
static void
user_cannot_unlock(void **state)
{
	int64_t begin;

	(void)state;
	rig_become(0);
	rig_expect(root, rig_text(SSH_AGENTC_LOCK, "p"), SSH_AGENT_SUCCESS);
	rig_become(USER);
	assert_int_equal(rig_list(user, NULL), 0);
	rig_expect(user, rig_sign(key[0]->blob, rig_git(), 0),
	    SSH_AGENT_FAILURE);
	begin = rig_now();
	for (unsigned i = 0; i < 20; i++)
		rig_expect(user, rig_text(SSH_AGENTC_UNLOCK, i == 0 ? "p" :
		    "wrong"), SSH_AGENT_FAILURE);
	/* Refused, not tried: no failure is counted, no one waits.  Twenty of
	 * them would cost twenty seconds. */
	rig_become(0);
	rig_expect(root, rig_text(SSH_AGENTC_UNLOCK, "p"),
	    SSH_AGENT_SUCCESS);
	assert_true(rig_now() - begin < 10000);
	expect_untouched();
}

static void
user_has_query_and_no_other_extension(void **state)
{
	static const char *const bodies[] = { "", "01 00000000",
		"01 00000004 'name'", "02 00000001 00", "03",
		"04 00000004 'name'", "05" };

	(void)state;
	hex_expect("query", rig_ask(user, hex("1b 00000005 'query'")),
	    hex("1d 00000005 'query' 00000018 'session-bind@openssh.com'"));
	rig_expect(user, rig_text(SSH_AGENTC_EXTENSION, EXT_STATUS),
	    SSH_AGENT_FAILURE);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		rig_expect(user, rig_join(rig_text(SSH_AGENTC_EXTENSION,
		    EXT_LOAD), hex(bodies[i])), SSH_AGENT_FAILURE);
	rig_expect(user, rig_text(SSH_AGENTC_EXTENSION, "x@y"),
	    SSH_AGENT_FAILURE);
	expect_untouched();
}

static void
every_type_is_answered_to_the_user(void **state)
{
	uint8_t want;

	(void)state;
	for (unsigned type = 0; type <= 255; type++) {
		want = type == SSH_AGENTC_REQUEST_IDENTITIES ?
		    SSH_AGENT_IDENTITIES_ANSWER : SSH_AGENT_FAILURE;
		assert_int_equal(rig_ask(user, rig_type((uint8_t)type)).p[0],
		    want);
	}
	expect_untouched();
}

/* Fail unless a uid's connection is closed without an answer. */
static void
expect_turned_away(uid_t uid)
{
	int fd = connect_as(uid);

	rig_become(uid);
	(void)rig_try_send(fd, hex("00000001 0b"));
	rig_expect_eof(fd);
	rig_hang_up(fd);
}

static void
stranger_gets_end_of_file(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		expect_turned_away(STRANGER);
	rig_become(USER);
	assert_int_equal(rig_list(user, NULL), 2);
}

/* Send most of an add that the user may not make. */
static struct slice
begin_add(int fd)
{
	struct slice frame, add = rig_add(key[2], "", hex(""));

	/* A comment that makes it long, in place of the empty one. */
	add.len -= 4;
	frame = rig_frame(rig_join(add, (struct slice){
	    rig_string(0, hex_fill('c', BIG_ADD)).p + 1, 4 + BIG_ADD }));
	rig_send(fd, (struct slice){ frame.p, frame.len - 10 });
	return (struct slice){ frame.p + frame.len - 10, 10 };
}

static void
add_of_the_user_fills_no_memory(void **state)
{
	struct slice rest[20];
	uint32_t locked;
	size_t before;
	int fds[20];

	(void)state;
	/* The first one for warming up. */
	rig_send(user, begin_add(user));
	rig_expect_next(user, SSH_AGENT_FAILURE);
	rig_become(0);
	locked = rig_status(root).memory_used;
	rig_become(USER);
	before = rig_rss(&agent);
	for (size_t i = 0; i < 20; i++) {
		fds[i] = rig_connect(&agent);
		rest[i] = begin_add(fds[i]);
	}
	/* They are all received: another request of each is not blocked. */
	assert_int_equal(rig_list(user, NULL), 2);
	rig_become(0);
	assert_int_equal(rig_status(root).memory_used, locked);
	rig_become(USER);
	assert_true(rig_rss(&agent) <= before + rig_slack(STEADY));
	for (size_t i = 0; i < 20; i++) {
		assert_true(rig_quiet(fds[i], 0));
		rig_send(fds[i], rig_join(rest[i], hex("00000001 0b")));
		rig_expect_next(fds[i], SSH_AGENT_FAILURE);
		assert_int_equal(rig_receive(fds[i]).p[0],
		    SSH_AGENT_IDENTITIES_ANSWER);
		rig_hang_up(fds[i]);
	}
	expect_untouched();
}

/* Open the flood: fds[i] is -1 where even connect(2) failed. */
static void
open_flood(int *fds)
{
	for (size_t i = 0; i < FLOOD; i++) {
		fds[i] = rig_connect(&agent);
		(void)rig_try_send(fds[i], hex("00000001 0b"));
	}
}

/* How many of them are answered; the others are closed. */
static unsigned
count_served(const int *fds)
{
	uint8_t byte;
	unsigned n = 0;
	ssize_t got;

	for (size_t i = 0; i < FLOOD; i++) {
		got = recv(fds[i], &byte, 1, 0);
		if (got > 0)
			n++;
		else if (got < 0 && errno != ECONNRESET)
			fail_msg("connection %zu is neither served nor "
			    "closed", i);
	}
	return n;
}

static void
flood_of_one_uid_takes_its_share_only(void **state)
{
	static int fds[FLOOD];
	int other;

	(void)state;
	rig_hang_up(user);
	user = -1;
	rig_become(0);
	rig_await_connections(&agent, root, 1);
	rig_become(USER);
	for (int round = 0; round <= 1; round++) {
		open_flood(fds);
		assert_int_equal(count_served(fds), LIMIT_CONNECTIONS_UID);
		/* Root has not noticed. */
		rig_become(0);
		assert_int_equal(rig_status(root).connections,
		    LIMIT_CONNECTIONS_UID + 1);
		other = rig_connect(&agent);
		rig_expect_signature(other, key[0], 0, "ssh-ed25519",
		    rig_git());
		rig_hang_up(other);
		rig_become(USER);
		for (size_t i = 0; i < FLOOD; i++)
			rig_hang_up(fds[i]);
		rig_become(0);
		rig_await_connections(&agent, root, 1);
		rig_become(USER);
	}
	other = rig_connect(&agent);
	rig_expect_signature(other, key[0], 0, "ssh-ed25519",
	    rig_git());
	rig_hang_up(other);
	expect_untouched();
}

/* What a crowd of requests is made of, in an order without a period of two. */
static const char crowd[] = "leellrelelerlleelreelllerelleelerlele";

static struct slice
crowd_request(char what)
{
	switch (what) {
	case 'l':
		return rig_type(SSH_AGENTC_REQUEST_IDENTITIES);
	case 'e':
		return rig_sign(key[0]->blob, rig_git(), 0);
	default:
		return rig_sign(key[1]->blob, rig_git(), 4);
	}
}

/* Fail unless the next reply is what was asked for. */
static void
expect_reply(int fd, char what)
{
	struct slice reply = rig_receive(fd);

	if (what == 'l')
		assert_int_equal(reply.p[0], SSH_AGENT_IDENTITIES_ANSWER);
	else
		rig_check_signature(reply, key[what == 'e' ? 0 : 1],
		    what == 'e' ? "ssh-ed25519" : "rsa-sha2-512", rig_git());
}

/* Requests that are sent ahead of their replies, while others are served: one
 * is served a turn, signatures are made in workers, and replies go together.
 * They come in order and none stays behind, also when the last request is not
 * complete. */
static void
crowd_of_requests_is_answered_in_order(void **state)
{
	struct slice all = { 0 }, next = rig_frame(crowd_request('e'));
	struct slice begun = { next.p, 9 };

	(void)state;
	for (const char *p = crowd; *p != '\0'; p++)
		all = rig_join(all, rig_frame(crowd_request(*p)));
	all = rig_join(all, begun);
	next.p += begun.len;
	next.len -= begun.len;
	for (int round = 0; round < 30; round++) {
		rig_become(USER);
		rig_send(user, all);
		rig_become(0);
		for (int i = 0; i < 20; i++)
			rig_expect_signature(root, key[0], 0, "ssh-ed25519",
			    rig_git());
		for (const char *p = crowd; *p != '\0'; p++)
			expect_reply(user, *p);
		assert_true(rig_quiet(user, 0));
		rig_become(USER);
		rig_send(user, next);
		expect_reply(user, 'e');
	}
	expect_untouched();
}

/* Somebody who hangs up with replies that wait leaves nothing behind. */
static void
crowd_that_hangs_up_leaves_nothing(void **state)
{
	struct slice all = { 0 };
	int fd[8];

	(void)state;
	for (const char *p = crowd; *p != '\0'; p++)
		all = rig_join(all, rig_frame(crowd_request(*p)));
	rig_become(0);
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < 8; i++)
			fd[i] = connect_as(USER);
		rig_become(USER);
		for (size_t i = 0; i < 8; i++)
			rig_send(fd[i], all);
		rig_become(0);
		for (int i = 0; i < round; i++)
			rig_expect_signature(root, key[0], 0, "ssh-ed25519",
			    rig_git());
		for (size_t i = 0; i < 8; i++)
			rig_hang_up(fd[i]);
	}
	rig_await_connections(&agent, root, 2);
	rig_become(USER);
	expect_untouched();
}

/* Changed requests of somebody without rights change nothing at all. */
static void
hammering_user_changes_nothing(void **state)
{
	struct hammer h;
	uint32_t locked;
	size_t before;

	(void)state;
	hammer_init(&h, 65534, key, 3);
	hammer_hit(&h, &agent, &user, HAMMERED / 10);
	rig_become(0);
	locked = rig_status(root).memory_used;
	rig_become(USER);
	before = rig_rss(&agent);
	for (unsigned i = 0; i < 9; i++) {
		hammer_hit(&h, &agent, &user, HAMMERED / 10);
		expect_untouched();
	}
	assert_true(rig_rss(&agent) <= before + rig_slack(STEADY));
	rig_become(0);
	/* What its last connections held may be on its way back. */
	for (unsigned i = 0; i < 500 &&
	    rig_status(root).memory_used > locked + RIG_FIT; i++)
		rig_sleep(10);
	assert_in_range(rig_status(root).memory_used, 0, locked + RIG_FIT);
	rig_become(USER);
	assert_int_equal(h.replies[SSH_AGENT_SUCCESS], 0);
	assert_true(h.replies[SSH_AGENT_EXTENSION_FAILURE] > 0);
	assert_true(h.replies[SSH_AGENT_SIGN_RESPONSE] > 0);
	assert_true(h.dropped > 0);
}

/* The mode of the socket lets nobody in, so the kernel refuses. */
static void
without_public_the_file_keeps_others_out(void **state)
{
	(void)state;
	rig_become(0);
	rig_hang_up(root);
	rig_hang_up(user);
	user = -1;
	assert_int_equal(rig_stop(&agent, SIGTERM), 0);
	rig_start(&agent, "--allow", "65534=list,sign", NULL);
	root = rig_connect(&agent);
	rig_become(USER);
	assert_int_equal(access(agent.sock, F_OK), 0);
	assert_int_equal(eaccess(agent.sock, W_OK), -1);
	assert_int_equal(errno, EACCES);
}

static int
make_keys(void **state)
{
	struct rlimit rl;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	rl.rlim_cur = rl.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	assert_true(rl.rlim_cur > FLOOD + 64);
	key[0] = testkey_new(KEY_ED25519, 0);
	key[1] = testkey_new(KEY_RSA, 2048);
	key[2] = testkey_new(KEY_ED25519, 0);
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
		CASE(user_lists_and_signs),
		CASE(user_changes_nothing),
		CASE(user_cannot_unlock),
		CASE(user_has_query_and_no_other_extension),
		CASE(every_type_is_answered_to_the_user),
		CASE(stranger_gets_end_of_file),
		CASE(add_of_the_user_fills_no_memory),
		CASE(flood_of_one_uid_takes_its_share_only),
		CASE(crowd_of_requests_is_answered_in_order),
		CASE(crowd_that_hangs_up_leaves_nothing),
		CASE(hammering_user_changes_nothing),
		CASE(without_public_the_file_keeps_others_out),
	};

	if (geteuid() != 0) {
		print_message("skipped: only root can be other users\n");
		return RIG_SKIPPED;
	}
	testkeys_vault();
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
