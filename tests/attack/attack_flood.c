/*
 * Much, often, or never to the end.
 */
#include "tests/attack/attacks.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "proto/agent_num.h"
#include "proto/extension.h"
#include "proto/frame.h"
#include "tests/attack/bodies.h"
#include "tests/attack/talk.h"
#include "tests/attack/trial.h"

/* How long the agent may take to get rid of somebody slow: its limits, as
 * attack.sh sets them, and time to do it. */
#define PATIENCE_MS	20000
/* The frame-time that the agent was given, less than that. */
#define FRAME_MS	3000
#define HELD_MAX	1024
/* Refusals of one connection of a burst: of 8, more than are recorded one by
 * one. */
#define BURST		300
/* Signatures in the midst of it; attack.sh counts them. */
#define SIGNED		128
/* Bytes of a request that nobody waits for. */
#define LEFT_BEHIND	200000

void
attack_ready(void)
{
	(void)printf("ready\n");
	(void)fflush(stdout);
}

/* As many descriptors as we can have. */
static void
raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* How many of the connections the agent has not closed yet. */
static size_t
count_open(const int *fds, size_t n)
{
	struct pollfd at;
	size_t open = 0;

	for (size_t i = 0; i < n; i++) {
		at = (struct pollfd){ .fd = fds[i], .events = POLLRDHUP };
		(void)poll(&at, 1, 0);
		open += (at.revents & (POLLHUP | POLLERR | POLLRDHUP)) == 0;
	}
	return open;
}

/* Wait until the agent has closed them all, and drip meanwhile. */
static size_t
wait_closed(const int *fds, size_t n, bool drip)
{
	int64_t end = clock_ms() + PATIENCE_MS;
	size_t open = n;

	while (open > 0 && clock_ms() < end) {
		(void)usleep(250000);
		for (size_t i = 0; drip && i < n; i++)
			(void)send(fds[i], "x", 1,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
		open = count_open(fds, n);
	}
	return open;
}

int
attack_half_frames(int argc, char **argv)
{
	static const uint8_t half[] = { 0, 3, 0xff, 0xff,
		SSH_AGENTC_SIGN_REQUEST, 0, 0, 0 };
	static int fds[HELD_MAX];
	int64_t begin = clock_ms();
	size_t n, open;

	(void)argc;
	(void)argv;
	raise_files();
	for (n = 0; n < 250 && (fds[n] = talk_connect()) >= 0; n++)
		(void)talk_send_bytes(fds[n], (struct slice){ half,
			sizeof(half) });
	trial_holds("250 connections", n == 250);
	(void)usleep(200000);
	open = count_open(fds, n);
	/* Where the machine is slow, the time of the first ones is over. */
	trial_holds("all are held for a while", open == n ||
	    (open > 0 && clock_ms() - begin > FRAME_MS));
	attack_ready();
	trial_holds("all are closed in time", wait_closed(fds, n, true) == 0);
	return trial_end();
}

/* Ask for lists and read none, until nothing more is taken: how many bytes
 * were. */
static size_t
stuff(int fd)
{
	static const uint8_t list[] = { 0, 0, 0, 1,
		SSH_AGENTC_REQUEST_IDENTITIES };
	static uint8_t many[5 * 4096];
	size_t sent = 0;
	ssize_t n;

	for (size_t i = 0; i < sizeof(many); i += sizeof(list))
		memcpy(many + i, list, sizeof(list));
	while (sent < 1024 * 1024 && (n = send(fd, many, sizeof(many),
	    MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
		sent += (size_t)n;
	return sent;
}

/* So many connections that never read. */
static int
never_read(size_t count)
{
	static int fds[HELD_MAX];
	size_t n;

	raise_files();
	for (n = 0; n < count && (fds[n] = talk_connect()) >= 0; n++)
		(void)stuff(fds[n]);
	trial_holds("as many connections", n == count);
	attack_ready();
	for (int round = 0; round < 4; round++) {
		(void)usleep(200000);
		for (size_t i = 0; i < n; i++)
			(void)stuff(fds[i]);
	}
	trial_holds("all are closed in time", wait_closed(fds, n, false) == 0);
	return trial_end();
}

int
attack_unread(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return never_read(8);
}

int
attack_greedy(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return never_read(200);
}

/* Run a function in so many processes until all are through; whether all ended
 * with 0. */
static bool
in_parallel(unsigned n, int (*fn)(unsigned i, const void *arg),
    const void *arg)
{
	bool fine = true;
	int status;
	pid_t pid;

	for (unsigned i = 0; i < n; i++) {
		if ((pid = fork()) == 0)
			_exit(fn(i, arg));
		if (pid < 0)
			return false;
	}
	while (wait(&status) > 0)
		fine &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return fine;
}

/* Open 500 and hold them for as long as we are told to. */
static int
hold_500(unsigned i, const void *arg)
{
	static int fds[HELD_MAX];
	unsigned n;

	(void)arg;
	for (n = 0; n < 500; n++)
		if ((fds[n] = talk_connect()) < 0)
			return 1;
	if (i == 0)
		attack_ready();
	(void)sleep(2);
	return 0;
}

int
attack_connections(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	raise_files();
	trial_holds("5000 connections were opened",
	    in_parallel(10, hold_500, NULL));
	return trial_end();
}

/* A message of the greatest length, of some number. */
static struct slice
giant(uint8_t type, struct slice head)
{
	static uint8_t room[FRAME_BODY_MAX];
	struct wire_writer w = wire_writer(room, sizeof(room));

	memset(room, 'x', sizeof(room));
	wire_put_u8(&w, type);
	wire_put_bytes(&w, head);
	wire_put_u32(&w, (uint32_t)(sizeof(room) - w.len - 4 - 4));
	memset(room + sizeof(room) - 4, 0, 4);
	return (struct slice){ room, sizeof(room) };
}

int
attack_giant(int argc, char **argv)
{
	static const uint8_t types[] = { SSH_AGENTC_SIGN_REQUEST,
		SSH_AGENTC_ADD_IDENTITY, SSH_AGENTC_REMOVE_IDENTITY,
		SSH_AGENTC_LOCK, SSH_AGENTC_UNLOCK,
		SSH_AGENTC_ADD_ID_CONSTRAINED, SSH_AGENTC_EXTENSION };
	struct slice blob = talk_key("plain");
	struct wire_writer w;

	(void)argc;
	(void)argv;
	for (unsigned round = 0; round < 20; round++) {
		for (size_t i = 0; i < sizeof(types); i++)
			trial_refused("a giant", talk_once(giant(types[i],
			    (struct slice){ NULL, 0 })));
		w = bodies_room();
		wire_put_string(&w, blob);
		trial_refused("much to sign", talk_once(giant(
		    SSH_AGENTC_SIGN_REQUEST, bodies_done(&w))));
		w = bodies_room();
		wire_put_str(&w, EXT_SESSION_BIND);
		trial_refused("a giant bind", talk_once(giant(
		    SSH_AGENTC_EXTENSION, bodies_done(&w))));
	}
	return trial_end();
}

/* Ask for lists as fast as can be, in batches, until the time is up. */
static int
list_until(unsigned i, const void *arg)
{
	const int64_t *end = arg;
	int fd = talk_connect();

	(void)i;
	while (fd >= 0 && clock_ms() < *end) {
		for (int n = 0; n < 64; n++)
			(void)talk_send(fd, body_number(
			    SSH_AGENTC_REQUEST_IDENTITIES));
		for (int n = 0; n < 64; n++)
			if (talk_receive(fd, NULL) !=
			    SSH_AGENT_IDENTITIES_ANSWER)
				return 1;
	}
	return fd < 0;
}

int
attack_lists(int argc, char **argv)
{
	int64_t end = clock_ms() + 2000;

	(void)argc;
	(void)argv;
	attack_ready();
	trial_holds("every list came", in_parallel(16, list_until, &end));
	return trial_end();
}

/* What makes the verifier work hardest: RSA of 8192 bits with an exponent of
 * 64, or a point on P-521. */
static struct slice
costly_key(bool rsa)
{
	/* The curve's own generator. */
	static const char base[] = "0400c6858e06b70404e9cd9e3ecb662395b4429c"
	    "648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de33"
	    "48b3c1856a429bf97e7e31c2e5bd66011839296a789a3bc0045c8a5fb42c7d1b"
	    "d998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad07"
	    "61353c7086a272c24088be94769fd16650";
	struct wire_writer w = bodies_room();
	uint8_t bytes[1024], e[8];
	unsigned byte;

	if (rsa) {
		memset(bytes, 0xff, sizeof(bytes));
		memset(e, 0xff, sizeof(e));
		wire_put_str(&w, "ssh-rsa");
		wire_put_mpint(&w, (struct slice){ e, sizeof(e) });
		wire_put_mpint(&w, (struct slice){ bytes, sizeof(bytes) });
		return bodies_done(&w);
	}
	for (size_t i = 0; i < sizeof(base) / 2; i++) {
		(void)sscanf(base + 2 * i, "%2x", &byte);
		bytes[i] = (uint8_t)byte;
	}
	wire_put_str(&w, "ecdsa-sha2-nistp521");
	wire_put_str(&w, "nistp521");
	wire_put_string(&w, (struct slice){ bytes, sizeof(base) / 2 });
	return bodies_done(&w);
}

/* A signature of such a key that is wrong in the last step only. */
static struct slice
costly_signature(bool rsa)
{
	struct wire_writer w = bodies_room(), numbers = bodies_room();
	uint8_t bytes[1024];

	memset(bytes, 0x5a, sizeof(bytes));
	if (rsa) {
		wire_put_str(&w, "rsa-sha2-512");
		wire_put_string(&w, (struct slice){ bytes, sizeof(bytes) });
		return bodies_done(&w);
	}
	wire_put_mpint(&numbers, (struct slice){ bytes, 65 });
	wire_put_mpint(&numbers, (struct slice){ bytes, 65 });
	wire_put_str(&w, "ecdsa-sha2-nistp521");
	wire_put_string(&w, bodies_done(&numbers));
	return bodies_done(&w);
}

/* Bind with them for as long as we are told to. */
static int
bind_until(unsigned i, const void *arg)
{
	const int64_t *end = arg;
	bool rsa = i % 2 == 0;
	int fd = talk_connect();
	unsigned n = 0;

	for (; fd >= 0 && clock_ms() < *end; n++) {
		if (talk_ask(fd, body_bind_raw(costly_key(rsa),
		    slice_str("a session"), costly_signature(rsa)),
		    NULL) != SSH_AGENT_EXTENSION_FAILURE)
			return 1;
	}
	/* So few would be no attack. */
	return n < 10;
}

int
attack_costly_binds(int argc, char **argv)
{
	int64_t end = clock_ms() + 3000;

	(void)argc;
	(void)argv;
	attack_ready();
	trial_holds("every bind was refused",
	    in_parallel(32, bind_until, &end));
	return trial_end();
}

/* A bind with a signature that takes much to be kept. */
static struct slice
large_bind(void)
{
	static uint8_t room[LEFT_BEHIND + 4096], much[LEFT_BEHIND];
	struct wire_writer w = wire_writer(room, sizeof(room));
	size_t mark;

	wire_put_u8(&w, SSH_AGENTC_EXTENSION);
	wire_put_str(&w, EXT_SESSION_BIND);
	wire_put_string(&w, costly_key(true));
	wire_put_str(&w, "a session");
	mark = wire_open_string(&w);
	wire_put_str(&w, "rsa-sha2-512");
	wire_put_string(&w, (struct slice){ much, sizeof(much) });
	wire_close_string(&w, mark);
	wire_put_u8(&w, 0);
	return bodies_done(&w);
}

/* Ask for what takes long, and then for what is large and has to wait for it,
 * and hang up each time; for as long as we are told to. */
static int
leave_until(unsigned i, const void *arg)
{
	struct slice costly = body_bind_raw(costly_key(true),
	    slice_str("a session"), costly_signature(true));
	struct slice large = large_bind();
	const int64_t *end = arg;
	unsigned n;
	int fd;

	(void)i;
	for (n = 0; clock_ms() < *end; n++) {
		if ((fd = talk_connect()) < 0)
			return 1;
		(void)talk_send(fd, n % 4 == 0 ? costly : large);
		(void)close(fd);
	}
	return n < 10;
}

int
attack_leave_behind(int argc, char **argv)
{
	int64_t end = clock_ms() + 4000;

	(void)argc;
	(void)argv;
	attack_ready();
	trial_holds("nobody waited for what was asked for",
	    in_parallel(4, leave_until, &end));
	return trial_end();
}

/* Ask for everything at once, and be gone. */
static int
ask_and_exit(unsigned i, const void *arg)
{
	static const uint8_t all[] = { 0, 0, 0, 1, 19, 0, 0, 0, 1, 11,
		0, 0, 0, 5, 22, 0, 0, 0, 0, 0, 0, 0, 1, 9 };
	int fd = talk_connect();

	(void)i;
	(void)arg;
	return fd < 0 || !talk_send_bytes(fd, (struct slice){ all,
		sizeof(all) });
}

int
attack_exits(int argc, char **argv)
{
	bool fine = true;

	(void)argc;
	(void)argv;
	for (unsigned round = 0; round < 20; round++)
		fine &= in_parallel(50, ask_and_exit, NULL);
	trial_holds("1000 processes asked and went", fine);
	return trial_end();
}

/* Be refused so often that the audit log grows, for so many seconds. */
int
attack_fill(int argc, char **argv)
{
	uint64_t seconds = 2;
	int64_t end;
	int fd = talk_connect();

	if (argc > 1 && num_u64(argv[1], 1, 600, &seconds) != ST_OK)
		return 2;
	end = clock_ms() + (int64_t)seconds * 1000;
	while (clock_ms() < end)
		trial_refused("wipe", talk_ask(fd, body_number(
		    SSH_AGENTC_REMOVE_ALL_IDENTITIES), NULL));
	(void)close(fd);
	return trial_end();
}

/* Have so much refused at once that records of it are many, and sign in the
 * midst of it: that must not be hidden. */
int
attack_burst(int argc, char **argv)
{
	static uint8_t many[5 * BURST];
	static const uint8_t wipe[] = { 0, 0, 0, 1,
		SSH_AGENTC_REMOVE_ALL_IDENTITIES };
	struct slice blob = talk_key("plain"), all = { many, sizeof(many) };
	int fds[8], mine = talk_connect();

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof(many); i += sizeof(wipe))
		memcpy(many + i, wipe, sizeof(wipe));
	for (size_t i = 0; i < 8; i++) {
		fds[i] = talk_connect();
		(void)talk_send_bytes(fds[i], all);
		for (size_t n = 0; n < SIGNED / 8; n++)
			(void)talk_send(mine, body_sign(blob,
			    data_sshsig(slice_str("git")), 0));
	}
	for (size_t n = 0; n < SIGNED; n++)
		trial_is("a signature", talk_receive(mine, NULL),
		    SSH_AGENT_SIGN_RESPONSE);
	for (size_t i = 0; i < 8; i++) {
		for (size_t n = 0; n < BURST; n++)
			trial_refused("wipe", talk_receive(fds[i], NULL));
		(void)close(fds[i]);
	}
	(void)close(mine);
	return trial_end();
}

/* The next of a sequence of numbers below n. */
static uint32_t
below(uint64_t *seed, uint32_t n)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33) % n;
}

/* Something of the kinds above, or bytes. */
static void
do_anything(uint64_t *seed, struct slice plain, struct slice dest)
{
	const struct bind_spec bind = { below(seed, 2) ? "evil.example" :
	    "good.example", below(seed, 2) ? "evil.example" : NULL, "one",
	    below(seed, 2) == 0 };
	uint8_t junk[512];
	int fd = talk_connect();

	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (uint8_t)below(seed, 256);
	for (unsigned n = below(seed, 8); fd >= 0 && n-- > 0;) {
		switch (below(seed, 8)) {
		case 0:
			(void)talk_send(fd, body_bind(&bind));
			break;
		case 1:
			(void)talk_send(fd, body_sign(dest,
			    data_login("one", "git", dest, bind.host), 0));
			break;
		case 2:
			(void)talk_send(fd, body_sign(plain,
			    data_sshsig(slice_str("git")), 0));
			break;
		case 3:
			(void)stuff(fd);
			break;
		case 4:
			(void)talk_send_bytes(fd, (struct slice){ junk,
				below(seed, sizeof(junk)) });
			break;
		case 5:
			(void)talk_send(fd, body_string((uint8_t)below(seed,
			    256), junk, below(seed, sizeof(junk))));
			break;
		case 6:
			(void)talk_send(fd, giant((uint8_t)below(seed, 32),
			    (struct slice){ NULL, 0 }));
			break;
		default:
			(void)talk_send(fd, body_bind_raw(costly_key(
			    below(seed, 2)), slice_str("a session"),
			    costly_signature(below(seed, 2))));
			break;
		}
	}
	(void)close(fd);
}

struct mixed {
	int64_t		 end;
	struct slice	 plain, dest;
};

static int
mixed_until(unsigned i, const void *arg)
{
	const struct mixed *m = arg;
	uint64_t seed = i + 1;

	while (clock_ms() < m->end)
		do_anything(&seed, m->plain, m->dest);
	return 0;
}

int
attack_mixed(int argc, char **argv)
{
	uint64_t seconds = 20;
	struct mixed m = { 0, talk_key("plain"), talk_key("dest") };

	if (argc > 1 && num_u64(argv[1], 1, 3600, &seconds) != ST_OK)
		return 2;
	m.end = clock_ms() + (int64_t)seconds * 1000;
	attack_ready();
	trial_holds("nothing stopped us", in_parallel(24, mixed_until, &m));
	return trial_end();
}
