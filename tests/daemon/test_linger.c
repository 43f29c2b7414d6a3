/*
 * Sockets that take long to close, sent along with what is sent to the agent,
 * which closes them without having taken them.  On a kernel from before Linux
 * 6.16, or one that is made to look like it.
 */
#include "daemon/rig.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/linger.h"
#include "support/oldkernel.h"

/* What a close takes that nothing ends, and what all that is done may.  A
 * machine with much to do is late, but not for so long. */
#define LINGER_S	20
#define BOUNDED_MS	10000
/* Connections of one peer. */
#define CROWD		100
/* More than the agent reads at once. */
#define BROKEN		(40 * 1024)
/* Whom no rule names. */
#define STRANGER	65533
#define QUIET_MS	1500

static const uint8_t list[] = { 0, 0, 0, 1, SSH_AGENTC_REQUEST_IDENTITIES };
static struct rig agent;
static int door;
static int64_t begun;

static int
group_setup(void **state)
{
	(void)state;
	if (!old_kernel() || (door = linger_door()) < 0)
		return -1;
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	rig_start(&agent, "--public", "--allow", "65534=list", NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return rig_finish(&agent, 0);
}

/* Nobody had to wait. */
static void
expect_served(void)
{
	int fd = rig_connect(&agent);

	(void)rig_list(fd, NULL);
	rig_hang_up(fd);
	rig_alive(&agent);
	assert_in_range(rig_now() - begun, 0, BOUNDED_MS);
}

/* What stat(5) says that the agent does. */
static char
state(void)
{
	char path[64], line[512], *end;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)agent.pid);
	assert_non_null(f = fopen(path, "re"));
	assert_non_null(fgets(line, sizeof(line), f));
	(void)fclose(f);
	assert_non_null(end = strrchr(line, ')'));
	return end[2];
}

/* Let it stand still, and go on.  What is sent meanwhile is its own to close:
 * the sender has closed it before. */
static void
stop(void)
{
	assert_int_equal(kill(agent.pid, SIGSTOP), 0);
	while (state() != 'T')
		rig_sleep(1);
}

static void
go_on(void)
{
	begun = rig_now();
	assert_int_equal(kill(agent.pid, SIGCONT), 0);
}

/* A request with so many sockets, to an agent that stands still. */
static void
send_laden(int fd, size_t n)
{
	assert_true(linger_send(fd, list, sizeof(list), door, LINGER_S, n));
}

static void
what_comes_with_a_request_holds_nobody_up(void **state)
{
	int fd = rig_connect(&agent);

	(void)state;
	stop();
	for (int i = 0; i < 10; i++)
		send_laden(fd, 1);
	go_on();
	for (int i = 0; i < 10; i++)
		(void)rig_receive(fd);
	expect_served();
	rig_hang_up(fd);
}

static void
nor_do_as_many_as_a_message_takes(void **state)
{
	int fd = rig_connect(&agent);

	(void)state;
	stop();
	send_laden(fd, LINGER_MANY);
	go_on();
	expect_served();
	(void)rig_receive(fd);
	rig_hang_up(fd);
}

static void
nor_does_what_is_not_read_any_more(void **state)
{
	static uint8_t broken[BROKEN];
	int fd[10];

	(void)state;
	memset(broken, 0xff, sizeof(broken));
	stop();
	for (size_t i = 0; i < 10; i++) {
		fd[i] = rig_connect(&agent);
		rig_send(fd[i], (struct slice){ broken, sizeof(broken) });
		send_laden(fd[i], 3);
	}
	go_on();
	for (size_t i = 0; i < 10; i++) {
		rig_expect_eof(fd[i]);
		rig_hang_up(fd[i]);
	}
	expect_served();
}

static void
nor_does_what_strangers_send(void **state)
{
	int fd[10];

	(void)state;
	if (geteuid() != 0)
		skip();
	stop();
	rig_become(STRANGER);
	for (size_t i = 0; i < 10; i++) {
		fd[i] = rig_connect(&agent);
		send_laden(fd[i], 1);
	}
	rig_become(0);
	go_on();
	expect_served();
	for (size_t i = 0; i < 10; i++) {
		rig_expect_eof(fd[i]);
		rig_hang_up(fd[i]);
	}
}

/* Some are accepted by then and some are not. */
static void
the_end_does_not_wait_for_them(void **state)
{
	int fd[CROWD];

	(void)state;
	for (size_t i = 0; i < CROWD / 2; i++)
		fd[i] = rig_connect(&agent);
	expect_served();
	stop();
	for (size_t i = CROWD / 2; i < CROWD; i++)
		fd[i] = rig_connect(&agent);
	for (size_t i = 0; i < CROWD; i++)
		send_laden(fd[i], 1);
	assert_int_equal(kill(agent.pid, SIGTERM), 0);
	begun = rig_now();
	assert_int_equal(rig_stop(&agent, SIGCONT), 0);
	assert_in_range(rig_now() - begun, 0, BOUNDED_MS);
	for (size_t i = 0; i < CROWD; i++)
		rig_hang_up(fd[i]);
	/* What it left in its place is to be looked at by nobody. */
	rig_close(&agent);
}

/* How often the agent's first thread has gone to sleep. */
static unsigned long
sleeps(void)
{
	unsigned long n = 0;
	char path[64], line[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)agent.pid);
	assert_non_null(f = fopen(path, "re"));
	while (fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "voluntary_ctxt_switches: %lu", &n);
	(void)fclose(f);
	assert_true(n > 0);
	return n;
}

/* It wakes half a second after its start, and not because of that. */
static void
an_agent_that_has_nothing_to_do_sleeps(void **state)
{
	int64_t end = rig_now() + RIG_PATIENCE_MS;
	unsigned long before, now;
	int fd = rig_connect(&agent);

	(void)state;
	stop();
	send_laden(fd, 1);
	go_on();
	(void)rig_receive(fd);
	do {
		assert_true(rig_now() < end);
		before = sleeps();
		rig_sleep(QUIET_MS);
		now = sleeps();
	} while (now != before);
	rig_hang_up(fd);
}

int
main(void)
{
#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_comes_with_a_request_holds_nobody_up),
		TEST(nor_do_as_many_as_a_message_takes),
		TEST(nor_does_what_is_not_read_any_more),
		TEST(nor_does_what_strangers_send),
		TEST(the_end_does_not_wait_for_them),
		TEST(an_agent_that_has_nothing_to_do_sleeps),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
