/*
 * Signatures that take long are made beside the loop: others are served
 * meanwhile, each connection gets its replies in its own order, and whatever
 * ends while one is being made ends well.
 */

#include "daemon/rig.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/extension.h"
#include "proto/frame.h"
#include "support/hex.h"

#define BUSY_UID	65534u
#define OTHER_UID	65533u
#define BUSY		30	/* connections */
#define EACH		20	/* requests on each of them */
/* Connections that hang up, one after the other. */
#define LEAVERS		50
/* Others, and how much each has copied: more work than is done soon, and more
 * memory than the agent has any use for. */
#define LONG_LEAVERS	300
#define LONG		200000
#ifdef __SANITIZE_THREAD__
/* It has a thread of its own, beside those that a program starts. */
#define MORE_THREADS	1
#else
#define MORE_THREADS	0
#endif
#define ROUNDS		12
/* What workers do by themselves is far less. */
#define CROWD_NS	20000000

static struct rig agent;
static struct testkey *quick, *slow, *slower;
static int fd;

/* An agent in service mode with the three keys, with one option more. */
static void
start_service(const char *option, const char *value)
{
	rig_start(&agent, "--public", "--allow", "65534=list,sign", "--allow",
	    "65533=list,sign", option, value, NULL);
	fd = rig_connect(&agent);
	rig_expect(fd, rig_add(quick, "quick", hex("")), SSH_AGENT_SUCCESS);
	rig_expect(fd, rig_add(slow, "slow", hex("")), SSH_AGENT_SUCCESS);
	rig_expect(fd, rig_add(slower, "slower", hex("")), SSH_AGENT_SUCCESS);
}

static int
setup(void **state)
{
	(void)state;
	start_service("--workers", "2");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (fd >= 0)
		rig_hang_up(fd);
	/* The next case may be skipped before it has one. */
	fd = -1;
	return rig_finish(&agent, 0);
}

/* For a case in which others than root ask. */
static void
need_root(void)
{
	if (geteuid() != 0)
		skip();
}

/* N frames of the same request in a row. */
static struct slice
repeat(struct slice frame, size_t n)
{
	uint8_t *p = hex_alloc(frame.len * n);

	for (size_t i = 0; i < n; i++)
		memcpy(p + i * frame.len, frame.p, frame.len);
	return (struct slice){ p, frame.len * n };
}

/* Open connections with many slow signatures to make on each. */
static void
open_busy(int *fds, size_t n, size_t each)
{
	struct slice frames = repeat(rig_frame(rig_sign(slow->blob, rig_git(),
	    SSH_AGENT_RSA_SHA2_512)), each);

	for (size_t i = 0; i < n; i++) {
		fds[i] = rig_connect(&agent);
		rig_send(fds[i], frames);
	}
}

/* Receive their signatures, every one of them good. */
static void
expect_busy(const int *fds, size_t n, size_t each)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < each; j++)
			rig_check_signature(rig_receive(fds[i]), slow,
			    "rsa-sha2-512", rig_git());
		rig_hang_up(fds[i]);
	}
}

/* One list and one quick signature; how long the slower of them took. */
static int64_t
be_served(int other)
{
	int64_t start = rig_now(), middle;

	assert_int_equal(rig_list(other, NULL), 3);
	middle = rig_now();
	rig_expect_signature(other, quick, 0, "ssh-ed25519", rig_git());
	return rig_now() - middle > middle - start ? rig_now() - middle :
	    middle - start;
}

static void
others_are_served_while_one_keeps_the_workers_busy(void **state)
{
	int fds[BUSY], other;
	int64_t took, worst = 0;
	unsigned rounds = 0;
	uint32_t made;
	int64_t start;

	(void)state;
	need_root();
	rig_become(OTHER_UID);
	other = rig_connect(&agent);
	rig_become(BUSY_UID);
	start = rig_now();
	open_busy(fds, BUSY, EACH);
	rig_become(0);
	/* Until they are half-way, so that all of this was while it lasted. */
	do {
		took = be_served(other);
		worst = took > worst ? took : worst;
		rounds++;
		made = rig_status(fd).signatures - rounds;
	} while (made < BUSY * EACH / 2);
	print_message("%u lists and signatures beside %u slow ones, the "
	    "longest in %lld ms\n", rounds, made, (long long)worst);
	assert_true(made < BUSY * EACH);
	/* In turn with the thirty it would be one round in sixty. */
	assert_true(rounds >= made / 10);
	/* Whatever a round takes here, it does not wait for half of them. */
	assert_true(worst < (rig_now() - start) / 2);
	expect_busy(fds, BUSY, EACH);
	rig_hang_up(other);
}

/* One piece of work of somebody else's waits for what is being run, not for
 * the thirty that wait before it: counted, not timed. */
static void
slow_signatures_of_others_are_not_last_in_the_queue(void **state)
{
	int fds[BUSY], other;
	uint32_t before, made;

	(void)state;
	need_root();
	rig_become(OTHER_UID);
	other = rig_connect(&agent);
	rig_become(BUSY_UID);
	open_busy(fds, BUSY, EACH);
	rig_become(0);
	/* All thirty have one in the queue. */
	while ((before = rig_status(fd).signatures) < BUSY)
		rig_sleep(1);
	for (unsigned i = 0; i < ROUNDS; i++)
		rig_expect_signature(other, slow, SSH_AGENT_RSA_SHA2_256,
		    "rsa-sha2-256", rig_git());
	made = rig_status(fd).signatures - before - ROUNDS;
	print_message("%u of the busy one beside %u of the other\n", made,
	    ROUNDS);
	assert_true(before + ROUNDS + made < BUSY * EACH);
	assert_true(made < ROUNDS * BUSY / 2);
	expect_busy(fds, BUSY, EACH);
	rig_hang_up(other);
}

/* A bind for forwarding by the quick key. */
static struct slice
bind_with(const char *session, struct slice sig)
{
	return rig_join(rig_text(SSH_AGENTC_EXTENSION, EXT_SESSION_BIND),
	    rig_join(rig_join(
	    (struct slice){ rig_string(0, quick->blob).p + 1,
	    quick->blob.len + 4 },
	    (struct slice){ rig_text(0, session).p + 1, strlen(session) + 4 }),
	    rig_join((struct slice){ rig_string(0, sig).p + 1, sig.len + 4 },
	    hex("01"))));
}

/* The same; the key signs for that itself. */
static struct slice
bind_of(const char *session, bool good)
{
	struct wire_reader r = wire_reader(rig_ask(fd, rig_sign(quick->blob,
	    slice_str(good ? session : "another session"), 0)));
	struct slice sig;
	uint8_t type;

	assert_int_equal(wire_get_u8(&r, &type), ST_OK);
	assert_int_equal(type, SSH_AGENT_SIGN_RESPONSE);
	assert_int_equal(wire_get_string(&r, &sig), ST_OK);
	/* The fields begin after the number that rig_string() puts first. */
	return bind_with(session, hex_copy(sig));
}

/* What a signature of round i is about. */
static struct slice
data_of(unsigned i)
{
	return hex_fill((uint8_t)i, 100 + i);
}

/* The requests of one round, as frames. */
static struct slice
frames_of(unsigned i, struct slice good, struct slice bad)
{
	struct slice list = rig_type(SSH_AGENTC_REQUEST_IDENTITIES);
	struct slice all[] = {
		rig_sign(slow->blob, data_of(i), SSH_AGENT_RSA_SHA2_256),
		rig_sign(quick->blob, data_of(i), 0),
		list, good, bad, list,
		rig_sign(slow->blob, data_of(i + 1), SSH_AGENT_RSA_SHA2_512),
		rig_sign(hex(""), data_of(i), 0),
	};
	struct slice out = hex("");

	for (size_t j = 0; j < sizeof(all) / sizeof(all[0]); j++)
		out = rig_join(out, rig_frame(all[j]));
	return out;
}

/* The replies to one round, in its order. */
static void
expect_round(int conn, unsigned i)
{
	rig_check_signature(rig_receive(conn), slow, "rsa-sha2-256",
	    data_of(i));
	rig_check_signature(rig_receive(conn), quick, "ssh-ed25519",
	    data_of(i));
	assert_int_equal(rig_receive(conn).p[0], SSH_AGENT_IDENTITIES_ANSWER);
	rig_expect_next(conn, SSH_AGENT_SUCCESS);
	rig_expect_next(conn, SSH_AGENT_EXTENSION_FAILURE);
	assert_int_equal(rig_receive(conn).p[0], SSH_AGENT_IDENTITIES_ANSWER);
	rig_check_signature(rig_receive(conn), slow, "rsa-sha2-512",
	    data_of(i + 1));
	rig_expect_next(conn, SSH_AGENT_FAILURE);
}

/* In ssh-agent mode: there a key signs any data. */
static int
setup_plain(void **state)
{
	(void)state;
	rig_start(&agent, "--workers", "3", NULL);
	fd = rig_connect(&agent);
	rig_expect(fd, rig_add(quick, "quick", hex("")), SSH_AGENT_SUCCESS);
	rig_expect(fd, rig_add(slow, "slow", hex("")), SSH_AGENT_SUCCESS);
	return 0;
}

static int
teardown_plain(void **state)
{
	(void)state;
	rig_hang_up(fd);
	return rig_finish(&agent, 2);
}

static void
replies_come_in_the_order_of_the_requests(void **state)
{
	struct slice good = bind_of("session", true);
	struct slice bad = bind_of("session", false);
	int conns[4];

	(void)state;
	for (size_t c = 0; c < 4; c++) {
		conns[c] = rig_connect(&agent);
		for (unsigned i = 0; i < ROUNDS; i++)
			rig_send(conns[c], frames_of(i, good, bad));
	}
	for (size_t c = 0; c < 4; c++) {
		for (unsigned i = 0; i < ROUNDS; i++)
			expect_round(conns[c], i);
		assert_true(rig_quiet(conns[c], 0));
		rig_hang_up(conns[c]);
	}
}

static void
requests_that_come_byte_by_byte_wait_for_their_turn(void **state)
{
	struct slice frames = frames_of(1, bind_of("session", true),
	    bind_of("session", false));
	int conn = rig_connect(&agent);

	(void)state;
	for (size_t i = 0; i < frames.len; i++)
		rig_send(conn, (struct slice){ frames.p + i, 1 });
	expect_round(conn, 1);
	rig_hang_up(conn);
}

/* The locked memory in use when nothing is being made any more: no signature
 * lasts as long as it has to stay the same. */
static uint32_t
settled_memory(void)
{
	int64_t since = rig_now();
	uint32_t used = rig_status(fd).memory_used, now;

	while (rig_now() - since < 1000) {
		rig_sleep(5);
		if ((now = rig_status(fd).memory_used) != used) {
			used = now;
			since = rig_now();
		}
	}
	return used;
}

/* Wait until there is no more locked memory in use than there was; a key that
 * was hot may have cooled down. */
static void
await_memory(uint32_t used)
{
	int64_t end = rig_now() + RIG_PATIENCE_MS;
	uint32_t now;

	while ((now = rig_status(fd).memory_used) > used) {
		if (rig_now() > end)
			fail_msg("%u bytes in use, not %u", now, used);
		rig_sleep(2);
	}
}

/* Clients that do not wait for what they asked for. */
static void
ask_and_leave(void)
{
	struct slice one = rig_frame(rig_sign(slower->blob, rig_git(),
	    SSH_AGENT_RSA_SHA2_512));
	struct slice more = rig_join(one, repeat(rig_frame(rig_sign(
	    slow->blob, rig_git(), SSH_AGENT_RSA_SHA2_512)), 5));
	int conn;

	for (unsigned i = 0; i < LEAVERS; i++) {
		conn = rig_connect(&agent);
		rig_send(conn, i % 2 == 0 ? one : more);
		/* Some while it waits, some while it is being made. */
		if (i % 3 != 0)
			rig_sleep(i % 10);
		rig_hang_up(conn);
	}
}

static void
clients_that_leave_cost_nothing(void **state)
{
	uint32_t used;
	size_t before;

	(void)state;
	/* The first time for warming up. */
	rig_expect_signature(fd, slower, SSH_AGENT_RSA_SHA2_512,
	    "rsa-sha2-512", rig_git());
	ask_and_leave();
	rig_await_connections(&agent, fd, 1);
	rig_expect_signature(fd, slow, SSH_AGENT_RSA_SHA2_512,
	    "rsa-sha2-512", rig_git());
	used = settled_memory();
	before = rig_rss(&agent);
	for (unsigned i = 0; i < 3; i++) {
		ask_and_leave();
		rig_await_connections(&agent, fd, 1);
		await_memory(used);
	}
	assert_true(rig_rss(&agent) <= before + rig_slack(512));
	assert_int_equal(rig_list(fd, NULL), 3);
	rig_expect_signature(fd, slower, SSH_AGENT_RSA_SHA2_512,
	    "rsa-sha2-512", rig_git());
	rig_alive(&agent);
}

static int
setup_one(void **state)
{
	(void)state;
	start_service("--workers", "1");
	return 0;
}

/* They ask for what takes long, and for what takes much to be kept. */
static void
what_leavers_asked_for_is_not_kept(void **state)
{
	struct slice sign = rig_frame(rig_sign(slower->blob, rig_git(),
	    SSH_AGENT_RSA_SHA2_512));
	struct slice bind = rig_frame(bind_with("session",
	    hex_fill('s', LONG)));
	int64_t start, one, after;
	size_t before;
	int conn;

	(void)state;
	start = rig_now();
	rig_expect_signature(fd, slower, SSH_AGENT_RSA_SHA2_512,
	    "rsa-sha2-512", rig_git());
	one = rig_now() - start;
	before = rig_rss(&agent);
	for (unsigned i = 0; i < LONG_LEAVERS; i++) {
		conn = rig_connect(&agent);
		rig_send(conn, i % 2 == 0 ? sign : bind);
		rig_sleep(1);	/* so that it is taken */
		rig_hang_up(conn);
	}
	rig_await_connections(&agent, fd, 1);
	print_message("rss: %zu KiB, then %zu KiB\n", before,
	    rig_rss(&agent));
	assert_true(rig_rss(&agent) <= before + rig_slack(2048));
	/* Nor is it in the way of what is asked for now. */
	start = rig_now();
	rig_expect_signature(fd, slower, SSH_AGENT_RSA_SHA2_512,
	    "rsa-sha2-512", rig_git());
	after = rig_now() - start;
	print_message("answered in %lld ms, before in %lld ms\n",
	    (long long)after, (long long)one);
	assert_true(after < LONG_LEAVERS / 4 * one);
}

/* Half-closed: what was asked for is answered, and then it is over. */
static void
half_close_does_not_lose_the_reply(void **state)
{
	struct slice sign = rig_frame(rig_sign(slower->blob, rig_git(),
	    SSH_AGENT_RSA_SHA2_512));
	struct slice three = rig_join(sign, rig_join(rig_frame(rig_type(
	    SSH_AGENTC_REQUEST_IDENTITIES)), sign));
	int conn;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		conn = rig_connect(&agent);
		rig_send(conn, i % 2 == 0 ? sign : three);
		/* Before it is taken, or while it is being made. */
		if (i >= 2)
			rig_sleep(5);
		assert_int_equal(shutdown(conn, SHUT_WR), 0);
		rig_check_signature(rig_receive(conn), slower,
		    "rsa-sha2-512", rig_git());
		if (i % 2 != 0) {
			assert_int_equal(rig_receive(conn).p[0],
			    SSH_AGENT_IDENTITIES_ANSWER);
			rig_check_signature(rig_receive(conn), slower,
			    "rsa-sha2-512", rig_git());
		}
		rig_expect_eof(conn);
		rig_hang_up(conn);
	}
	rig_await_connections(&agent, fd, 1);
}

/* Replies to what was under way when the keys went: signatures first, and
 * nothing but failures from the first failure on. */
static unsigned
expect_until_gone(const int *fds, size_t n, size_t each)
{
	struct slice reply;
	unsigned made = 0;
	bool gone;

	for (size_t i = 0; i < n; i++) {
		gone = false;
		for (size_t j = 0; j < each; j++) {
			reply = rig_receive(fds[i]);
			gone = gone || reply.p[0] == SSH_AGENT_FAILURE;
			if (gone) {
				assert_int_equal(reply.len, 1);
				assert_int_equal(reply.p[0],
				    SSH_AGENT_FAILURE);
				continue;
			}
			rig_check_signature(reply, slow, "rsa-sha2-512",
			    rig_git());
			made++;
		}
		assert_true(gone);
		rig_hang_up(fds[i]);
	}
	return made;
}

/* Remove all keys in the middle of it, in one of two ways. */
static void
expect_removal(bool by_signal)
{
	int fds[BUSY];
	uint32_t empty;
	unsigned made;

	rig_expect(fd, rig_type(SSH_AGENTC_REMOVE_ALL_IDENTITIES),
	    SSH_AGENT_SUCCESS);
	empty = rig_status(fd).memory_used;
	rig_expect(fd, rig_add(slow, "slow", hex("")), SSH_AGENT_SUCCESS);
	open_busy(fds, BUSY, EACH);
	while (rig_status(fd).signatures < BUSY)
		rig_sleep(1);
	if (by_signal)
		rig_signal(&agent, SIGUSR1);
	else
		rig_expect(fd, rig_type(SSH_AGENTC_REMOVE_ALL_IDENTITIES),
		    SSH_AGENT_SUCCESS);
	assert_int_equal(rig_list(fd, NULL), 0);
	made = expect_until_gone(fds, BUSY, EACH);
	print_message("%u of %u were made before\n", made, BUSY * EACH);
	assert_true(made > 0);
	/* The key was wiped with the last signature that it was used for. */
	await_memory(empty);
}

static void
remove_all_while_signatures_are_made(void **state)
{
	(void)state;
	expect_removal(false);
}

static void
sigusr1_while_signatures_are_made(void **state)
{
	(void)state;
	expect_removal(true);
}

static void
sigterm_while_signatures_are_made(void **state)
{
	int fds[BUSY];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		open_busy(fds, BUSY, EACH);
		/* At once, and when some were made. */
		while (i > 0 && rig_status(fd).signatures < i * 10)
			rig_sleep(1);
		rig_hang_up(fd);
		fd = -1;
		assert_int_equal(rig_stop(&agent, SIGTERM), 0);
		for (size_t j = 0; j < BUSY; j++)
			rig_hang_up(fds[j]);
		assert_int_equal(access(agent.sock, F_OK), -1);
		start_service("--workers", i == 0 ? "1" : "4");
	}
}

/* How many threads the agent has. */
static unsigned
threads(void)
{
	char path[64];
	const struct dirent *e;
	unsigned n = 0;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%ld/task",
	    (long)agent.pid);
	dir = opendir(path);
	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL)
		n += e->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}

/* How many threads of the agent stand so far back for the processor. */
static unsigned
threads_at_nice(int wanted)
{
	char path[300], line[512];
	const struct dirent *e;
	const char *at;
	unsigned n = 0;
	FILE *file;
	int nice;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%ld/task",
	    (long)agent.pid);
	dir = opendir(path);
	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%ld/task/%s/stat",
		    (long)agent.pid, e->d_name);
		file = fopen(path, "re");
		assert_non_null(file);
		assert_non_null(fgets(line, sizeof(line), file));
		(void)fclose(file);
		/* The name, in brackets, and 16 more stand before it. */
		at = strrchr(line, ')');
		assert_non_null(at);
		assert_int_equal(sscanf(at + 1, " %*s %*s %*s %*s %*s %*s %*s"
		    " %*s %*s %*s %*s %*s %*s %*s %*s %*s %d", &nice), 1);
		n += nice == wanted;
	}
	(void)closedir(dir);
	return n;
}

static void
the_many_stand_back_for_the_single_ones(void **state)
{
	int base = getpriority(PRIO_PROCESS, 0);

	(void)state;
	if (base != 0)
		skip();
	rig_start(&agent, "--allow", "0=admin", "--workers", "3", NULL);
	fd = rig_connect(&agent);
	/* When it answers, all threads are where they stay. */
	(void)rig_list(fd, NULL);
	assert_int_equal(threads_at_nice(19), 3);
	assert_int_equal(threads_at_nice(1), 1);
	assert_int_equal(threads_at_nice(0), 1 + MORE_THREADS);
}

/* With one worker, the signatures of somebody who wants one after the other are
 * made beside those that another one wants at the same time, each of which
 * takes far longer: counted, not timed. */
static void
single_signatures_do_not_wait_for_anothers_many(void **state)
{
	struct slice long_one;
	uint32_t before, made;
	int fds[BUSY], other;

	(void)state;
	need_root();
	start_service("--workers", "1");
	long_one = rig_frame(rig_sign(slower->blob, rig_git(),
	    SSH_AGENT_RSA_SHA2_512));
	rig_become(OTHER_UID);
	other = rig_connect(&agent);
	rig_become(BUSY_UID);
	for (size_t i = 0; i < BUSY; i++) {
		fds[i] = rig_connect(&agent);
		rig_send(fds[i], long_one);
	}
	rig_become(0);
	/* The first one may be the quick worker's. */
	while ((before = rig_status(fd).signatures) < 2)
		rig_sleep(1);
	for (unsigned i = 0; i < ROUNDS; i++)
		rig_expect_signature(other, slow, SSH_AGENT_RSA_SHA2_256,
		    "rsa-sha2-256", rig_git());
	made = rig_status(fd).signatures - before - ROUNDS;
	print_message("%u of the busy one beside %u of the other\n", made,
	    ROUNDS);
	assert_true(before + made < BUSY);
	/* In turn with them it would be one for one. */
	assert_true(made < ROUNDS * 2 / 3);
	for (size_t i = 0; i < BUSY; i++)
		rig_hang_up(fds[i]);
	rig_hang_up(other);
}

/* Processor time that threads other than the first one have had, in ns. */
static uint64_t
others_ns(void)
{
	char path[300];
	const struct dirent *e;
	unsigned long long ns;
	uint64_t all = 0;
	FILE *file;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%ld/task", (long)agent.pid);
	dir = opendir(path);
	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.' || atol(e->d_name) == agent.pid)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%ld/task/%s/schedstat",
		    (long)agent.pid, e->d_name);
		file = fopen(path, "re");
		assert_non_null(file);
		assert_int_equal(fscanf(file, "%llu", &ns), 1);
		all += ns;
		(void)fclose(file);
	}
	(void)closedir(dir);
	return all;
}

/* Connect and hang up, until the test ends it. */
static pid_t
start_connecting(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		(void)close(rig_connect(&agent));
}

/* While others are served, a crowd at the door is let in by a worker; without
 * one, or alone with them, the first thread does it. */
static void
a_crowd_is_let_in_by_a_worker(void **state)
{
	pid_t pids[4];
	uint64_t before;
	int64_t end;
	uint32_t n = 0;

	(void)state;
	if (access("/proc/self/schedstat", R_OK) != 0)
		skip();
	rig_start(&agent, "--allow", "0=admin", "--workers", "1", NULL);
	fd = rig_connect(&agent);
	/* What comes at rest is over. */
	rig_sleep(1500);
	before = others_ns();
	for (size_t i = 0; i < 4; i++)
		pids[i] = start_connecting();
	end = rig_now() + RIG_PATIENCE_MS;
	do {
		for (unsigned i = 0; i < 100; i++)
			(void)rig_list(fd, NULL);
		n += 100;
	} while (others_ns() - before < CROWD_NS && rig_now() < end);
	print_message("%u lists; the workers had %llu us\n", n,
	    (unsigned long long)(others_ns() - before) / 1000);
	assert_true(others_ns() - before >= CROWD_NS);
	for (size_t i = 0; i < 4; i++) {
		(void)kill(pids[i], SIGKILL);
		(void)waitpid(pids[i], NULL, 0);
	}
	/* And all who were let in are let out. */
	rig_await_connections(&agent, fd, 1);
}

static void
there_are_as_many_workers_as_was_said(void **state)
{
	static const struct {
		const char	*option, *value;
		unsigned	 threads;
	} rows[] = {
		{ "--workers", "0", 1 },
		/* One more than that, the quick one. */
		{ "--workers", "1", 3 + MORE_THREADS },
		{ "--workers", "3", 5 + MORE_THREADS },
		{ "--memory-size", "512K", 3 + MORE_THREADS },	/* for two */
		{ "--memory-size", "64K", 1 },	/* no room for any */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rig_start(&agent, "--allow", "0=admin", rows[i].option,
		    rows[i].value, NULL);
		fd = rig_connect(&agent);
		assert_int_equal(threads(), rows[i].threads);
		rig_expect(fd, rig_add(slow, "slow", hex("")),
		    SSH_AGENT_SUCCESS);
		for (unsigned j = 0; j < 3; j++)
			rig_expect_signature(fd, slow, SSH_AGENT_RSA_SHA2_512,
			    "rsa-sha2-512", rig_git());
		assert_int_equal(threads(), rows[i].threads);
		rig_hang_up(fd);
		fd = -1;
		assert_int_equal(rig_stop(&agent, SIGTERM), 0);
	}
}

/* Then it is the first thread that gets memory for all operations. */
static void
without_workers_it_comes_to_rest_as_well(void **state)
{
	(void)state;
	rig_start(&agent, "--allow", "0=admin", "--workers", "0", NULL);
	fd = rig_connect(&agent);
	/* What comes at rest is over. */
	rig_sleep(1500);
	rig_expect(fd, rig_add(quick, "quick", hex("")), SSH_AGENT_SUCCESS);
	rig_expect_signature(fd, quick, 0, "ssh-ed25519", rig_git());
	assert_int_equal(threads(), 1);
}

static int
make_keys(void **state)
{
	(void)state;
	quick = testkey_new(KEY_ED25519, 0);
	slow = testkey_new_large(4096);
	slower = testkey_new_large(8192);
	return 0;
}

static int
free_keys(void **state)
{
	testkey_free(quick);
	testkey_free(slow);
	testkey_free(slower);
	(void)rig_forget(state);
	return hex_free(state);
}

#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
#define PLAIN(name)	cmocka_unit_test_setup_teardown(name, setup_plain, \
			    teardown_plain)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(others_are_served_while_one_keeps_the_workers_busy),
		CASE(slow_signatures_of_others_are_not_last_in_the_queue),
		PLAIN(replies_come_in_the_order_of_the_requests),
		PLAIN(requests_that_come_byte_by_byte_wait_for_their_turn),
		CASE(clients_that_leave_cost_nothing),
		cmocka_unit_test_setup_teardown(
		    what_leavers_asked_for_is_not_kept, setup_one, teardown),
		CASE(half_close_does_not_lose_the_reply),
		CASE(remove_all_while_signatures_are_made),
		CASE(sigusr1_while_signatures_are_made),
		CASE(sigterm_while_signatures_are_made),
		cmocka_unit_test_teardown(
		    there_are_as_many_workers_as_was_said, teardown),
		cmocka_unit_test_teardown(
		    without_workers_it_comes_to_rest_as_well, teardown),
		cmocka_unit_test_teardown(a_crowd_is_let_in_by_a_worker,
		    teardown),
		cmocka_unit_test_teardown(
		    the_many_stand_back_for_the_single_ones, teardown),
		cmocka_unit_test_teardown(
		    single_signatures_do_not_wait_for_anothers_many, teardown),
	};

	testkeys_vault();
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
