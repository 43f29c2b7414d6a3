/*
 * Deadlines.  One test, since each of them takes its ten seconds: all kinds of
 * bad clients come at the same time, a good one is served all the while, and
 * it is noted who is dropped when.
 */

#include "daemon/rig.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/stat.h>

#include "agent/limits.h"
#include "support/hex.h"

/* A deadline is not kept to the millisecond. */
#define EARLY_MS	50
#define LATE_MS		4000
#define END_MS		(LIMIT_FRAME_MS + LATE_MS + 500)
#define TICK_MS		50
/* Longest that a good client may wait meanwhile. */
#define SERVED_MS	4000
/* What those who read too little may cost, in KiB: their replies, and as much
 * again while they move. */
#define GREEDY		5
#define COST		(GREEDY * 2 * LIMIT_REPLIES / 1024 + 512)

enum kind {
	HEAD,			/* two bytes, and no more */
	FRAME,			/* the beginning of a list */
	SECRET,			/* the beginning of an add */
	DRIP,			/* a byte now and then, never whole */
	GREEDY_1,		/* asks for lists and reads none */
	GREEDY_2,
	GREEDY_3,
	SIPPING,		/* reads as slowly as is allowed */
	STEADY,			/* always asks for more than it has read */
	IDLE,			/* has nothing to say */
	LATER,			/* begins frame after frame, completes each */
	KINDS
};

struct bad {
	int	 fd;
	int64_t	 gone_ms;	/* since the start; 0: not gone */
};

static struct rig agent;
static struct testkey *key;
static struct bad bad[KINDS];
static int64_t begin;

/* Milliseconds since the start. */
static int64_t
since(void)
{
	return rig_now() - begin;
}

/* Take note of it if the agent has hung up.  Nothing is read. */
static void
look(struct bad *b)
{
	struct pollfd p = { .fd = b->fd };

	if (b->gone_ms == 0 && poll(&p, 1, 0) == 1 &&
	    (p.revents & (POLLHUP | POLLERR)) != 0)
		b->gone_ms = since();
}

/* Ask for as many lists as the sockets take. */
static void
pour(int fd)
{
	struct slice lists = hex("00000001 0b 00000001 0b 00000001 0b "
	    "00000001 0b 00000001 0b 00000001 0b 00000001 0b 00000001 0b");

	while (send(fd, lists.p, lists.len, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	    (ssize_t)lists.len)
		continue;
}

/* What each of them does at the start. */
static void
start_bad(void)
{
	static const char *const opening[KINDS] = { [HEAD] = "0000",
		[FRAME] = "00000005 0b 00", [DRIP] = "00000100",
		[LATER] = "00000005 0b" };

	for (size_t i = 0; i < KINDS; i++) {
		bad[i].fd = rig_connect(&agent);
		if (opening[i] != NULL)
			rig_send(bad[i].fd, hex(opening[i]));
	}
	rig_send(bad[SECRET].fd, (struct slice){ rig_frame(rig_add(key, "k",
	    hex(""))).p, 60 });
	for (size_t i = GREEDY_1; i <= GREEDY_3; i++)
		pour(bad[i].fd);
	pour(bad[SIPPING].fd);
	pour(bad[STEADY].fd);
}

/* Receive some of what is there, and ask for more. */
static void
sip(int fd, size_t n)
{
	static uint8_t bytes[64 * 1024];

	assert_true(n <= sizeof(bytes));
	(void)recv(fd, bytes, n, MSG_DONTWAIT);
	pour(fd);
}

/* What they go on with; tick is a count. */
static void
go_on(unsigned tick)
{
	for (size_t i = GREEDY_1; i <= GREEDY_3; i++)
		if (bad[i].gone_ms == 0)
			pour(bad[i].fd);
	if (bad[STEADY].gone_ms == 0)
		sip(bad[STEADY].fd, 64 * 1024);
	if (tick % (1000 / TICK_MS) != 0)
		return;
	/* Once a second. */
	if (bad[DRIP].gone_ms == 0)
		(void)rig_try_send(bad[DRIP].fd, hex("63"));
	if (bad[SIPPING].gone_ms == 0)
		sip(bad[SIPPING].fd, 8 * 1024);
	/* Each begins in one second and ends in the next. */
	if (bad[LATER].gone_ms == 0)
		(void)rig_try_send(bad[LATER].fd, hex("00000000"
		    "00000005 0b"));
}

/* Fail unless a client was dropped at about that time. */
static void
expect_gone(enum kind kind, int64_t ms)
{
	print_message("client %d: gone after %lld ms\n", (int)kind,
	    (long long)bad[kind].gone_ms);
	assert_in_range(bad[kind].gone_ms, ms - EARLY_MS, ms + LATE_MS);
}

/* Fail unless a client is still served. */
static void
expect_here(enum kind kind)
{
	print_message("client %d: gone after %lld ms\n", (int)kind,
	    (long long)bad[kind].gone_ms);
	assert_int_equal(bad[kind].gone_ms, 0);
}

static void
bad_clients_are_dropped_and_good_ones_served(void **state)
{
	size_t before, most = 0;
	char comment[32001];
	int64_t asked;
	int good;

	(void)state;
	rig_start(&agent, NULL);
	good = rig_connect(&agent);
	memset(comment, 'c', sizeof(comment) - 1);
	comment[sizeof(comment) - 1] = '\0';
	rig_expect(good, rig_add(key, comment, hex("")), SSH_AGENT_SUCCESS);
	before = rig_rss(&agent);
	begin = rig_now();
	start_bad();
	for (unsigned tick = 1; since() < END_MS; tick++) {
		go_on(tick);
		asked = rig_now();
		rig_expect_signature(good, key, 0, "ssh-ed25519",
		    rig_git());
		assert_true(rig_now() - asked < SERVED_MS);
		for (size_t i = 0; i < KINDS; i++)
			look(&bad[i]);
		if (rig_rss(&agent) > most)
			most = rig_rss(&agent);
		rig_sleep(TICK_MS);
	}
	print_message("rss: %zu KiB, at most %zu KiB\n", before, most);
	assert_true(most <= before + rig_slack(COST));
	expect_gone(HEAD, LIMIT_FRAME_MS);
	expect_gone(FRAME, LIMIT_FRAME_MS);
	expect_gone(SECRET, LIMIT_FRAME_MS);
	expect_gone(DRIP, LIMIT_FRAME_MS);
	expect_gone(GREEDY_1, LIMIT_UNREAD_MS);
	expect_gone(GREEDY_2, LIMIT_UNREAD_MS);
	expect_gone(GREEDY_3, LIMIT_UNREAD_MS);
	expect_here(STEADY);
	expect_here(SIPPING);
	expect_here(IDLE);
	expect_here(LATER);
	assert_int_equal(rig_list(bad[IDLE].fd, NULL), 1);
	for (size_t i = 0; i < KINDS; i++)
		rig_hang_up(bad[i].fd);
	rig_await_connections(&agent, good, 1);
	rig_hang_up(good);
}

static int
finish(void **state)
{
	(void)state;
	return rig_finish(&agent, 2);
}

/* The agent of a command looks every few seconds whether that is still there.
 * Here because it is slow as well. */
static void
agent_of_a_command_goes_with_it(void **state)
{
	static const char script[] = "test -S \"$SSH_AUTH_SOCK\" || exit 1; "
	    "kill -0 \"$SSH_AGENT_PID\" || exit 2; exit 7";
	const char *args[] = { "-a", agent.sock, "sh", "-c", script, NULL };
	int64_t end = rig_now() + RIG_PATIENCE_MS;
	struct stat sb;

	(void)state;
	assert_int_equal(rig_wait(rig_run(&agent, args, -1)), 7);
	while (stat(agent.sock, &sb) == 0) {
		assert_true(rig_now() < end);
		rig_sleep(20);
	}
	assert_int_equal(errno, ENOENT);
}

static int
prepare(void **state)
{
	(void)state;
	rig_open(&agent);
	return 0;
}

static int
make_key(void **state)
{
	(void)state;
	key = testkey_new(KEY_ED25519, 0);
	return 0;
}

static int
free_key(void **state)
{
	testkey_free(key);
	(void)rig_forget(state);
	return hex_free(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
		    bad_clients_are_dropped_and_good_ones_served, finish),
		cmocka_unit_test_setup_teardown(
		    agent_of_a_command_goes_with_it, prepare, finish),
	};

	testkeys_vault();
	return cmocka_run_group_tests(tests, make_key, free_key);
}
