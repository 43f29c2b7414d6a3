/*
 * The place for ssh-add, and clients that want to harm it.  This program is
 * the client, too: it is run in ssh-add's stead, with what it is to do in a
 * variable; what it finds wrong it writes to a file.  With a terminal of its
 * own, the real ssh-add is asked.
 */

#include "provision/addpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fdio.h"
#include "base/unixsock.h"
#include "proto/frame.h"
#include "proto/reply.h"
#include "proto/request.h"
#include "provision/child.h"
#include "support/cert_vectors.h"
#include "support/hex.h"

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))
/* The uid of somebody else. */
#define OTHER_UID	12345

static char self[PATH_MAX];
static char dir[64], complaints[96];
static char why[2048];
static struct secret *region;
static struct addpoint_spec spec;
static struct addpoint_key got;
static size_t used_before, fds_before;
static volatile sig_atomic_t stop;

/* --- the key that is handed over ----------------------------------------- */

static uint8_t public_bytes[32], secret_bytes[64];
static uint8_t blob_bytes[128];
static struct slice blob;

/* A key whose numbers belong together in form only: nobody computes here. */
static struct private_fields
the_key(void)
{
	struct wire_writer w = wire_writer(blob_bytes, sizeof(blob_bytes));
	struct private_fields key = { .type = KEY_ED25519 };

	memset(public_bytes, 'p', sizeof(public_bytes));
	memset(secret_bytes, 's', 32);
	memcpy(secret_bytes + 32, public_bytes, 32);
	key.ed25519.pk = (struct slice){ public_bytes, 32 };
	key.ed25519.sk = (struct slice){ secret_bytes, 64 };
	keyprivate_put_public(&w, &key);
	if (wire_done(&w, &blob) != ST_OK)
		abort();
	return key;
}

/* --- the client ---------------------------------------------------------- */

static uint8_t frame_bytes[FRAME_MAX + 64];
static int sock = -1;

/* Say which line was not so, and end. */
static _Noreturn void
complain(int line)
{
	char text[64];
	int fd = open(getenv("TEST_COMPLAINTS"), O_WRONLY | O_CREAT | O_APPEND |
	    O_CLOEXEC, 0600);
	int n = snprintf(text, sizeof(text), "line %d, errno %d\n", line,
	    errno);

	if (fd < 0 || write(fd, text, (size_t)n) != n)
		abort();
	_exit(99);
}

#define WANT(what)	((what) ? (void)0 : complain(__LINE__))

static int
connect_there(void)
{
	int fd;

	WANT(unixsock_connect(getenv("SSH_AUTH_SOCK"), &fd) == ST_OK);
	return fd;
}

/* An add of the key, with constraints of that many bytes. */
static struct slice
add_frame(uint8_t type, const char *comment, size_t constraints)
{
	static uint8_t zeros[ADDPOINT_ADD_MAX + 1];
	struct wire_writer w = wire_writer(frame_bytes, sizeof(frame_bytes));
	struct request req = { .type = type };
	size_t mark = frame_open(&w);
	struct slice out;

	req.add.key = the_key();
	req.add.comment = slice_str(comment);
	req.add.constraints = (struct slice){ zeros, constraints };
	request_encode(&w, &req);
	frame_close(&w, mark);
	WANT(wire_done(&w, &out) == ST_OK);
	return out;
}

/* How long the body is without constraints. */
static size_t
add_len(void)
{
	return add_frame(SSH_AGENTC_ADD_ID_CONSTRAINED, "c", 0).len -
	    FRAME_HEAD;
}

static void
put(struct slice frame)
{
	WANT(fdio_write_full(sock, frame.p, frame.len) == ST_OK);
}

/* A frame with nothing but a number and zeros. */
static void
put_plain(uint8_t type, size_t len)
{
	static uint8_t body[4096];
	uint8_t head[FRAME_HEAD] = { (uint8_t)(len >> 24),
		(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len };
	size_t n;

	memset(body, 0, sizeof(body));
	body[0] = type;
	WANT(fdio_write_full(sock, head, sizeof(head)) == ST_OK);
	for (; len > 0; len -= n) {
		n = len < sizeof(body) ? len : sizeof(body);
		WANT(fdio_write_full(sock, body, n) == ST_OK);
		body[0] = 0;
	}
}

/* The answer of one byte. */
static int
code(void)
{
	uint8_t in[FRAME_HEAD + 1];

	WANT(fdio_read_full(sock, in, sizeof(in), NULL) == ST_OK);
	WANT(memcmp(in, "\0\0\0\1", 4) == 0);
	return in[4];
}

/* The connection was closed by the other side. */
static bool
is_closed(int fd)
{
	char byte;
	ssize_t n = read(fd, &byte, 1);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static void
add_well(void)
{
	put(add_frame(SSH_AGENTC_ADD_IDENTITY, "c", 0));
	WANT(code() == SSH_AGENT_SUCCESS);
}

/* What ssh-add does. */
static void
client_plain(void)
{
	uint8_t list[FRAME_HEAD + 5];

	put_plain(SSH_AGENTC_REQUEST_IDENTITIES, 1);
	WANT(fdio_read_full(sock, list, sizeof(list), NULL) == ST_OK);
	WANT(memcmp(list, "\0\0\0\5\x0c\0\0\0\0", sizeof(list)) == 0);
	add_well();
	/* A certificate, as it were. */
	add_well();
	put_plain(SSH_AGENTC_REQUEST_IDENTITIES, 1);
	WANT(fdio_read_full(sock, list, sizeof(list), NULL) == ST_OK);
	WANT(memcmp(list, "\0\0\0\5\x0c\0\0\0\0", sizeof(list)) == 0);
}

/* A certificate that lies beside the key, as ssh-add finds it: that is taken
 * note of and is no key. */
static void
client_certificate(void)
{
	const struct cert_vector *v = &cert_vectors[KEY_ED25519];
	struct wire_writer w = wire_writer(frame_bytes, sizeof(frame_bytes));
	size_t mark = frame_open(&w);
	struct slice out;

	wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
	wire_put_str(&w, key_type_info(KEY_ED25519)->cert_name);
	wire_put_string(&w, hex(v->cert_hex));
	wire_put_bytes(&w, hex(v->rest_hex));
	wire_put_str(&w, "beside");
	frame_close(&w, mark);
	WANT(wire_done(&w, &out) == ST_OK);
	put(out);
	WANT(code() == SSH_AGENT_SUCCESS);
	if (getenv("TEST_ALONE") == NULL)
		add_well();
	(void)hex_free(NULL);
}

static void
client_certificate_alone(void)
{
	(void)setenv("TEST_ALONE", "yes", 1);
	client_certificate();
}

/* All that an agent can be asked for but that. */
static void
client_all(void)
{
	for (unsigned type = 0; type < 256; type++) {
		if (type == SSH_AGENTC_REQUEST_IDENTITIES ||
		    request_is_add((uint8_t)type))
			continue;
		put_plain((uint8_t)type, 1);
		WANT(code() == SSH_AGENT_FAILURE);
		put_plain((uint8_t)type, 2000);
		WANT(code() == SSH_AGENT_FAILURE);
	}
	put_plain(SSH_AGENTC_LOCK, FRAME_BODY_MAX);
	WANT(code() == SSH_AGENT_FAILURE);
	add_well();
}

static void
client_bytewise(void)
{
	struct slice frame = add_frame(SSH_AGENTC_ADD_ID_CONSTRAINED, "c", 9);

	for (size_t i = 0; i < frame.len; i++)
		put((struct slice){ frame.p + i, 1 });
	WANT(code() == SSH_AGENT_SUCCESS);
}

/* Two requests at once, and the first half of a third. */
static void
client_joined(void)
{
	struct slice frame = add_frame(SSH_AGENTC_ADD_IDENTITY, "c", 0);
	uint8_t *end = frame_bytes + frame.len;

	memcpy(end, "\0\0\0\1\x13\0\0", 7);
	put((struct slice){ frame.p, frame.len + 7 });
	WANT(code() == SSH_AGENT_SUCCESS);
	WANT(code() == SSH_AGENT_FAILURE);
	put((struct slice){ (const uint8_t *)"\0\1\x13", 3 });
	WANT(code() == SSH_AGENT_FAILURE);
}

/* The longest add. */
static void
client_longest(void)
{
	put(add_frame(SSH_AGENTC_ADD_ID_CONSTRAINED, "c", ADDPOINT_ADD_MAX -
	    add_len()));
	WANT(code() == SSH_AGENT_SUCCESS);
}

static void
client_too_long(void)
{
	put(add_frame(SSH_AGENTC_ADD_ID_CONSTRAINED, "c", ADDPOINT_ADD_MAX -
	    add_len() + 1));
	WANT(code() == SSH_AGENT_FAILURE);
	/* The connection is as good as before. */
	put_plain(SSH_AGENTC_SIGN_REQUEST, 1);
	WANT(code() == SSH_AGENT_FAILURE);
}

/* What is no frame ends the connection, and that one only. */
static void
client_no_frames(void)
{
	static const char *const bad[] = { "\0\0\0\0\x11", "\0\4\0\1\x11",
		"\xff\xff\xff\xff\x11", "GET / HTTP/1.0\r\n\r\n" };

	for (size_t i = 0; i < LENGTH(bad); i++) {
		int good = sock;

		sock = connect_there();
		put((struct slice){ (const uint8_t *)bad[i], 5 });
		WANT(is_closed(sock));
		(void)close(sock);
		sock = good;
	}
	add_well();
}

/* Adds that are broken. */
/* An add that is well, of a key that nobody can hold for another. */
static struct slice
security_key_frame(void)
{
	struct wire_writer w = wire_writer(frame_bytes, sizeof(frame_bytes));
	struct private_fields key = { .type = KEY_SK_ED25519 };
	size_t mark = frame_open(&w);
	struct slice frame;

	key.sk.point = (struct slice){ public_bytes, 32 };
	key.sk.application = slice_str("ssh:");
	key.sk.flags = 1;
	key.sk.handle = (struct slice){ secret_bytes, 64 };
	wire_put_u8(&w, SSH_AGENTC_ADD_IDENTITY);
	keyprivate_put(&w, &key);
	wire_put_str(&w, "c");
	frame_close(&w, mark);
	WANT(wire_done(&w, &frame) == ST_OK);
	return frame;
}

static void
client_broken(void)
{
	struct slice frame = add_frame(SSH_AGENTC_ADD_IDENTITY, "c", 0);

	/* A length in it that runs past the end. */
	frame_bytes[5] = 0x7f;
	put(frame);
	WANT(code() == SSH_AGENT_FAILURE);
	put_plain(SSH_AGENTC_ADD_IDENTITY, 1);
	WANT(code() == SSH_AGENT_FAILURE);
	put_plain(SSH_AGENTC_ADD_IDENTITY, 60000);
	WANT(code() == SSH_AGENT_FAILURE);
	put(security_key_frame());
	WANT(code() == SSH_AGENT_FAILURE);
}

/* And a good one after them. */
static void
client_broken_then_well(void)
{
	client_broken();
	add_well();
}

static void
client_refused(void)
{
	put(add_frame(SSH_AGENTC_ADD_IDENTITY, "c", 0));
	WANT(code() == SSH_AGENT_FAILURE);
}

/* An add that never ends. */
static void
client_half(void)
{
	struct slice frame = add_frame(SSH_AGENTC_ADD_IDENTITY, "c", 0);

	put((struct slice){ frame.p, frame.len - 1 });
}

static void
client_nothing(void)
{
}

/* ... and stay. */
static void
client_hang(void)
{
	client_half();
	for (;;)
		(void)pause();
}

/* Neither ^C nor a request to end is heard. */
static void
client_deaf(void)
{
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	client_hang();
}

static void
client_linger(void)
{
	add_well();
	for (;;)
		(void)pause();
}

/* Connections without end: so many are let in, the others turned away, and
 * the one that was there first is served. */
static void
client_many(void)
{
	int fds[200];
	struct pollfd p;
	size_t open = 0;

	for (size_t i = 0; i < LENGTH(fds); i++) {
		fds[i] = connect_there();
		p = (struct pollfd){ .fd = fds[i], .events = POLLIN };
		if (i + 1 < ADDPOINT_VISITORS_MAX) {
			/* It has been let in, and is listened to. */
			WANT(write(fds[i], "\0\0\0\1\x13", 5) == 5);
			WANT(poll(&p, 1, 20000) == 1);
			WANT(!is_closed(fds[i]));
			open++;
			continue;
		}
		WANT(poll(&p, 1, 20000) == 1);
		WANT(is_closed(fds[i]));
		(void)close(fds[i]);
	}
	WANT(open == ADDPOINT_VISITORS_MAX - 1);
	put_plain(SSH_AGENTC_SIGN_REQUEST, 1);
	WANT(code() == SSH_AGENT_FAILURE);
	/* A place that was left is free again. */
	(void)close(fds[0]);
	(void)close(sock);
	sock = connect_there();
	add_well();
}

/* Requests without end, whose answers nobody reads: the connection is closed,
 * and nobody waits. */
static void
client_deaf_flood(void)
{
	static const uint8_t frame[] = { 0, 0, 0, 1, 0x13 };
	int good = sock;

	sock = connect_there();
	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < 10000000; i++)
		if (write(sock, frame, sizeof(frame)) < 0)
			break;
	WANT(errno == EPIPE || errno == ECONNRESET);
	(void)close(sock);
	sock = good;
	add_well();
}

/* Somebody else, who has even been given the way. */
static void
client_other_uid(void)
{
	const char *path = getenv("SSH_AUTH_SOCK");
	char folder[PATH_MAX];
	struct stat sb;
	int status, st;
	pid_t pid;

	(void)snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	(void)signal(SIGPIPE, SIG_IGN);
	WANT(stat(folder, &sb) == 0 && (sb.st_mode & 07777) == 0700);
	WANT(stat(path, &sb) == 0 && (sb.st_mode & 07777) == 0600);
	for (int open = 0; open < 2; open++) {
		WANT((pid = fork()) >= 0);
		if (pid == 0) {
			WANT(setgid(OTHER_UID) == 0 && setuid(OTHER_UID) == 0);
			st = unixsock_connect(path, &sock);
			if (!open)
				_exit(st == ST_DENIED ? 0 : 1);
			if (st != ST_OK)
				_exit(2);
			/* Nobody reads it. */
			(void)!write(sock, add_frame(SSH_AGENTC_ADD_IDENTITY,
			    "theirs", 0).p, 100);
			_exit(is_closed(sock) ? 0 : 3);
		}
		WANT(waitpid(pid, &status, 0) == pid && status == 0);
		WANT(chmod(folder, 0711) == 0 && chmod(path, 0666) == 0);
	}
	add_well();
}

/* What it was given besides. */
static void
client_surroundings(void)
{
	size_t n = 0;
	int fd;

	for (size_t i = 0; environ[i] != NULL; i++)
		n += strncmp(environ[i], "SSH_AUTH_SOCK=", 14) == 0;
	WANT(n == 1);
	WANT(strcmp(getenv("SSH_ASKPASS_REQUIRE"), "as it was") == 0);
	WANT(strncmp(getenv("SSH_AUTH_SOCK"), dir, strlen(dir)) == 0);
	for (fd = 3; fd < 256; fd++)
		WANT(fd == sock || fcntl(fd, F_GETFD) < 0);
	add_well();
}

static const struct {
	const char	*name;
	void		(*run)(void);
	int		 status;
} clients[] = {
	{ "plain", client_plain, 0 },
	{ "certificate", client_certificate, 0 },
	{ "certificate_alone", client_certificate_alone, 0 },
	{ "all", client_all, 0 },
	{ "bytewise", client_bytewise, 0 },
	{ "joined", client_joined, 0 },
	{ "longest", client_longest, 0 },
	{ "too_long", client_too_long, 1 },
	{ "no_frames", client_no_frames, 0 },
	{ "broken", client_broken, 1 },
	{ "broken_then_well", client_broken_then_well, 0 },
	{ "refused", client_refused, 1 },
	{ "half", client_half, 0 },
	{ "nothing", client_nothing, 1 },
	{ "hang", client_hang, 0 },
	{ "deaf", client_deaf, 0 },
	{ "linger", client_linger, 0 },
	{ "many", client_many, 0 },
	{ "deaf_flood", client_deaf_flood, 0 },
	{ "other_uid", client_other_uid, 0 },
	{ "surroundings", client_surroundings, 0 },
};

/* Be ssh-add. */
static int
be_client(const char *what, int argc, char **argv)
{
	WANT(argc == 4);
	WANT(strcmp(argv[1], "-q") == 0 && strcmp(argv[2], "--") == 0);
	WANT(strcmp(argv[3], "/path of/the key") == 0);
	(void)snprintf(dir, sizeof(dir), "%s", getenv("TEST_DIR"));
	sock = connect_there();
	for (size_t i = 0; i < LENGTH(clients); i++) {
		if (strcmp(clients[i].name, what) == 0) {
			clients[i].run();
			return clients[i].status;
		}
	}
	complain(__LINE__);
}

/* --- the tests ----------------------------------------------------------- */

/* How many descriptors there are. */
static size_t
open_fds(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static size_t
used(void)
{
	struct secret_usage use;

	secret_usage(region, &use);
	return use.used;
}

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/addpoint.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(complaints, sizeof(complaints), "%s.complaints", dir);
	(void)setenv("TEST_DIR", dir, 1);
	(void)setenv("TEST_COMPLAINTS", complaints, 1);
	(void)setenv("SSH_AUTH_SOCK", "/not/this", 1);
	(void)setenv("SSH_ASKPASS_REQUIRE", "as it was", 1);
	(void)the_key();
	stop = 0;
	spec = (struct addpoint_spec){ .region = region, .ssh_add = self,
		.key = "/path of/the key", .dir = dir, .time_ms = 60000,
		.stop = &stop };
	used_before = used();
	fds_before = open_fds();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	addpoint_fini(region, &got);
	/* No memory, no descriptor, no process, no file. */
	assert_int_equal(used(), used_before);
	assert_int_equal(open_fds(), fds_before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

/* What the client has found, if anything. */
static void
hear_complaints(void)
{
	char text[256] = "";
	int fd = open(complaints, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	(void)unlink(complaints);
	fail_msg("the client: %s", text);
}

/* Ask it, as which the client is so. */
static int
ask(const char *client)
{
	int st;

	addpoint_fini(region, &got);
	(void)setenv("TEST_CLIENT", client, 1);
	why[0] = '\0';
	st = addpoint_ask(&spec, &got, why, sizeof(why));
	(void)unsetenv("TEST_CLIENT");
	hear_complaints();
	return st;
}

static void
expect(const char *client, int st, const char *said)
{
	int is = ask(client);

	if (is != st || strstr(why, said) == NULL)
		fail_msg("%s: %s: %s", client, status_name(is), why);
	assert_null(strchr(why, '\n'));
	assert_null(got.mem);
}

/* The key has come, and lies where it must. */
static void
expect_key(const char *client)
{
	struct private_fields want = the_key();

	if (ask(client) != ST_OK)
		fail_msg("%s: %s", client, why);
	assert_int_equal(got.fields.type, want.type);
	assert_true(slice_eq(got.fields.ed25519.sk, want.ed25519.sk));
	assert_true(slice_eq(got.fields.ed25519.pk, want.ed25519.pk));
	assert_true(slice_eq_str(got.comment, "c"));
	assert_true(secret_owns(region, got.mem));
	assert_true(secret_owns(region, got.fields.ed25519.sk.p));
	assert_true(secret_owns(region, got.comment.p));
}

static void
a_key_is_taken(void **state)
{
	(void)state;
	expect_key("plain");
	spec.expect = blob;
	expect_key("plain");
}

static void
a_certificate_is_not_the_key(void **state)
{
	(void)state;
	expect_key("certificate");
	spec.expect = blob;
	expect_key("certificate");
	assert_int_not_equal(ask("certificate_alone"), ST_OK);
	assert_null(got.mem);
}

static void
whatever_else_is_asked_is_refused(void **state)
{
	(void)state;
	expect_key("all");
}

static void
frames_come_in_any_pieces(void **state)
{
	(void)state;
	expect_key("bytewise");
	expect_key("joined");
}

static void
an_add_may_be_as_long_as_the_limit(void **state)
{
	(void)state;
	expect_key("longest");
	expect("too_long", ST_UNSUPPORTED, "type or size that is not taken");
}

static void
what_is_no_frame_ends_its_connection(void **state)
{
	(void)state;
	expect_key("no_frames");
}

static void
broken_adds_are_refused(void **state)
{
	(void)state;
	expect("broken", ST_UNSUPPORTED, "not taken");
	expect_key("broken_then_well");
}

static void
another_key_is_refused(void **state)
{
	uint8_t another[sizeof(blob_bytes)];

	(void)state;
	memcpy(another, blob.p, blob.len);
	another[blob.len - 1] ^= 1;
	spec.expect = (struct slice){ another, blob.len };
	expect("refused", ST_UNTRUSTED, "another key");
}

static void
half_an_add_is_no_key(void **state)
{
	(void)state;
	expect("half", ST_LOCKED, "it stays locked");
	expect("nothing", ST_LOCKED, "it stays locked");
}

static void
time_is_limited(void **state)
{
	int64_t before = clock_ms();

	(void)state;
	spec.time_ms = 300;
	expect("hang", ST_BUSY, "in time");
	assert_true(clock_ms() - before >= 300);
	expect("deaf", ST_BUSY, "in time");
	assert_true(clock_ms() - before >= 600 + ADDPOINT_STOP_MS);
}

static void
on_alarm(int sig)
{
	(void)sig;
	stop = 1;
}

static void
a_signal_ends_it(void **state)
{
	const struct sigaction act = { .sa_handler = on_alarm };
	const struct itimerval soon = { .it_value.tv_usec = 300000 };
	int64_t before = clock_ms();

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &act, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	expect("hang", ST_CLOSED, "interrupted");
	assert_true(clock_ms() - before < 30000);
	/* Also before it began. */
	expect("hang", ST_CLOSED, "interrupted");
}

static void
who_stays_after_the_key_is_not_waited_for_long(void **state)
{
	int64_t before = clock_ms();

	(void)state;
	expect_key("linger");
	assert_true(clock_ms() - before >= ADDPOINT_END_MS);
	assert_true(clock_ms() - before < 50000);
}

static void
connections_are_limited(void **state)
{
	(void)state;
	expect_key("many");
}

static void
who_does_not_read_is_left(void **state)
{
	(void)state;
	expect_key("deaf_flood");
}

static void
nobody_else_is_listened_to(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("this takes root\n");
		skip();
	}
	assert_int_equal(chmod(dir, 0711), 0);
	expect_key("other_uid");
}

static void
it_has_our_environment_and_nothing_open(void **state)
{
	(void)state;
	expect_key("surroundings");
}

static void
a_full_region_is_told(void **state)
{
	struct secret_usage use;
	void *most, *rest;

	(void)state;
	secret_usage(region, &use);
	/* Not for an add, and then not for anything. */
	most = secret_alloc(region, use.largest - 1024);
	assert_non_null(most);
	expect("too_long", ST_UNSUPPORTED, "");
	secret_usage(region, &use);
	rest = secret_alloc(region, use.largest - 640);
	assert_non_null(rest);
	expect("refused", ST_FULL, "ulimit -l");
	secret_free(region, rest);
	expect_key("plain");
	addpoint_fini(region, &got);
	secret_usage(region, &use);
	rest = secret_alloc(region, use.largest);
	assert_non_null(rest);
	expect("plain", ST_FULL, "ulimit -l");
	secret_free(region, rest);
	secret_free(region, most);
}

static void
where_nothing_can_be_made_it_is_told(void **state)
{
	char longer[UNIXSOCK_PATH_MAX + 32];

	(void)state;
	spec.ssh_add = "/no/such/program";
	expect("plain", ST_NOT_FOUND, "cannot run /no/such/program");
	spec.ssh_add = self;
	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	spec.dir = longer;
	expect("plain", ST_TOO_LARGE, "XDG_RUNTIME_DIR");
	spec.dir = "/no/such/folder";
	expect("plain", ST_SYSTEM, "cannot make a folder in /no/such/folder");
	/* Others could put something else into our place there. */
	spec.dir = dir;
	assert_int_equal(chmod(dir, 0777), 0);
	expect("plain", ST_UNTRUSTED, dir);
	assert_int_equal(chmod(dir, 01777), 0);
	expect_key("plain");
}

/* --- at a terminal ------------------------------------------------------- */

static char keygen[PATH_MAX], ssh_add[PATH_MAX];
static char key_path[128];

/* Make a key under a passphrase. */
static void
make_key(void)
{
	char line[PATH_MAX + 256];

	if (keygen[0] == '\0' || ssh_add[0] == '\0') {
		print_message("no ssh-keygen or no ssh-add\n");
		skip();
	}
	(void)snprintf(key_path, sizeof(key_path), "%s.key", dir);
	(void)snprintf(line, sizeof(line), "%s -q -t ed25519 -a 1 -N secret "
	    "-C c -f %s", keygen, key_path);
	assert_int_equal(system(line), 0);
	spec.key = key_path;
	spec.ssh_add = ssh_add;
}

static void
remove_key(void)
{
	char pub[160];

	(void)snprintf(pub, sizeof(pub), "%s.pub", key_path);
	assert_int_equal(unlink(key_path), 0);
	assert_int_equal(unlink(pub), 0);
}

/* A process with a terminal, whose other side is *master, asks; its end is
 * the outcome. */
static pid_t
ask_at_terminal(int *master)
{
	const struct sigaction act = { .sa_handler = on_alarm };
	struct secret_options opts = { .size = 256 * 1024,
		.want = SECRET_MLOCK, .allow_unlocked = true };
	char name[64];
	pid_t pid;
	int tty;

	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(*master >= 0);
	assert_int_equal(grantpt(*master), 0);
	assert_int_equal(unlockpt(*master), 0);
	assert_int_equal(ptsname_r(*master, name, sizeof(name)), 0);
	assert_true((pid = fork()) >= 0);
	if (pid > 0)
		return pid;

	/* Its stdin is a file, as in "-f -". */
	if (setsid() < 0 || (tty = open(name, O_RDWR | O_NOCTTY)) < 0 ||
	    ioctl(tty, TIOCSCTTY, 0) != 0 || dup2(tty, 2) != 2 ||
	    dup2(open("/dev/null", O_RDONLY), 0) != 0)
		_exit(90);
	(void)sigaction(SIGINT, &act, NULL);
	/* There is a screen, too, where nobody answers. */
	(void)setenv("DISPLAY", ":0", 1);
	(void)setenv("SSH_ASKPASS", "/bin/false", 1);
	(void)unsetenv("SSH_ASKPASS_REQUIRE");
	if (secret_open(&spec.region, &opts, why, sizeof(why)) != ST_OK)
		_exit(91);
	_exit(addpoint_ask(&spec, &got, why, sizeof(why)));
}

/* Read from the terminal until it has said so. */
static void
await_words(int master, const char *words)
{
	char text[4096] = "";
	struct pollfd p = { .fd = master, .events = POLLIN };
	size_t len = 0;
	ssize_t n;

	while (strstr(text, words) == NULL) {
		assert_int_equal(poll(&p, 1, 30000), 1);
		n = read(master, text + len, sizeof(text) - 1 - len);
		if (n <= 0)
			fail_msg("the terminal has only said: %s", text);
		len += (size_t)n;
		text[len] = '\0';
	}
}

/* Whether the terminal shows what is typed. */
static bool
has_echo(int master)
{
	struct termios t;

	assert_int_equal(tcgetattr(master, &t), 0);
	return (t.c_lflag & ECHO) != 0;
}

static int
outcome(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
type(int master, const char *what)
{
	/* The prompt comes before the echo is off, or after. */
	while (has_echo(master))
		(void)poll(NULL, 0, 5);
	assert_int_equal(write(master, what, strlen(what)), strlen(what));
}

static void
ssh_add_asks_at_the_terminal(void **state)
{
	int master;
	pid_t pid;

	(void)state;
	make_key();
	pid = ask_at_terminal(&master);
	await_words(master, "Enter passphrase for ");
	type(master, "wrong\r");
	await_words(master, "Bad passphrase, try again for ");
	type(master, "secret\r");
	assert_int_equal(outcome(pid), ST_OK);
	(void)close(master);
	remove_key();
}

static void
what_ssh_add_has_to_say_is_seen(void **state)
{
	int master;
	pid_t pid;

	(void)state;
	make_key();
	assert_int_equal(chmod(key_path, 0644), 0);
	pid = ask_at_terminal(&master);
	await_words(master, "UNPROTECTED PRIVATE KEY FILE");
	assert_int_equal(outcome(pid), ST_LOCKED);
	(void)close(master);
	remove_key();
}

static void
control_c_gives_the_terminal_back(void **state)
{
	int master;
	pid_t pid;

	(void)state;
	make_key();
	pid = ask_at_terminal(&master);
	await_words(master, "Enter passphrase for ");
	type(master, "\003");
	assert_int_equal(outcome(pid), ST_CLOSED);
	assert_true(has_echo(master));
	(void)close(master);
	remove_key();
}

static void
so_does_the_end_of_the_time(void **state)
{
	int master;
	pid_t pid;

	(void)state;
	make_key();
	spec.time_ms = 1000;
	pid = ask_at_terminal(&master);
	await_words(master, "Enter passphrase for ");
	assert_int_equal(outcome(pid), ST_BUSY);
	assert_true(has_echo(master));
	(void)close(master);
	remove_key();
}

#define OWN_TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		OWN_TEST(a_key_is_taken),
		OWN_TEST(a_certificate_is_not_the_key),
		OWN_TEST(whatever_else_is_asked_is_refused),
		OWN_TEST(frames_come_in_any_pieces),
		OWN_TEST(an_add_may_be_as_long_as_the_limit),
		OWN_TEST(what_is_no_frame_ends_its_connection),
		OWN_TEST(broken_adds_are_refused),
		OWN_TEST(another_key_is_refused),
		OWN_TEST(half_an_add_is_no_key),
		OWN_TEST(time_is_limited),
		OWN_TEST(a_signal_ends_it),
		OWN_TEST(who_stays_after_the_key_is_not_waited_for_long),
		OWN_TEST(connections_are_limited),
		OWN_TEST(who_does_not_read_is_left),
		OWN_TEST(nobody_else_is_listened_to),
		OWN_TEST(it_has_our_environment_and_nothing_open),
		OWN_TEST(a_full_region_is_told),
		OWN_TEST(where_nothing_can_be_made_it_is_told),
		OWN_TEST(ssh_add_asks_at_the_terminal),
		OWN_TEST(what_ssh_add_has_to_say_is_seen),
		OWN_TEST(control_c_gives_the_terminal_back),
		OWN_TEST(so_does_the_end_of_the_time),
	};
	struct secret_options opts = { .size = 256 * 1024,
		.want = SECRET_MLOCK, .allow_unlocked = true };
	const char *client = getenv("TEST_CLIENT"), *places = getenv("PATH");
	ssize_t n;
	int failed;

	if (client != NULL)
		return be_client(client, argc, argv);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0 || secret_open(&region, &opts, why, sizeof(why)) != ST_OK) {
		print_message("%s\n", why);
		return 1;
	}
	/* Where they are not, the path is empty. */
	(void)!child_find("ssh-keygen", places, keygen);
	(void)!child_find("ssh-add", places, ssh_add);
	child_signals();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	secret_close(region);
	return failed;
}
