#include "daemon/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/limits.h"
#include "base/clock.h"
#include "proto/extension.h"
#include "proto/frame.h"
#include "proto/reply.h"
#include "support/hex.h"

#define ARGS_MAX	32
/* Less than the room for operations in locked memory of usual size. */
#define MEMORY_KIB	256

static uint8_t reply_bytes[FRAME_BODY_MAX];
static struct rig_key keys[REPLY_IDENTITIES_MAX];

/*
 * The process.
 */

int64_t
rig_now(void)
{
	return clock_ms();
}

void
rig_sleep(int64_t ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
		continue;
}

size_t
rig_slack(size_t kib)
{
#if defined(__SANITIZE_THREAD__)
	/* What it knows of memory that was released is not given back. */
	return 8 * kib + 131072;
#elif defined(RIG_SANITIZED)
	return 8 * kib + 8192;
#else
	return kib;
#endif
}

void
rig_become(uid_t uid)
{
	/* Back to root first: that is what allows the rest. */
	if (geteuid() != 0) {
		assert_int_equal(setresuid(0, 0, 0), 0);
		assert_int_equal(setresgid(0, 0, 0), 0);
	}
	if (uid != 0) {
		assert_int_equal(setgroups(0, NULL), 0);
		assert_int_equal(setresgid(uid, uid, 0), 0);
		assert_int_equal(setresuid(uid, uid, 0), 0);
	}
	/* The change took it away, and the leak checker needs it. */
	(void)prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L);
}

void
rig_open(struct rig *r)
{
	unsigned nofile = r->nofile;

	memset(r, 0, sizeof(*r));
	r->nofile = nofile;
	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/bottle-rig.XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	assert_int_equal(chmod(r->dir, 0755), 0);
	(void)snprintf(r->sock, sizeof(r->sock), "%s/s", r->dir);
	(void)snprintf(r->log, sizeof(r->log), "%s/log", r->dir);
}

/* nftw(3) comes by with everything in the directory. */
static int
remove_one(const char *path, const struct stat *sb, int kind, struct FTW *at)
{
	(void)sb;
	(void)kind;
	(void)at;
	return remove(path);
}

void
rig_close(struct rig *r)
{
	if (r->dir[0] != '\0')
		(void)nftw(r->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	r->dir[0] = '\0';
	r->nofile = 0;
}

/* In the child: become the program. */
static void __attribute__((__noreturn__))
run(const struct rig *r, const char *const *args, int fd)
{
	struct rlimit rl = { r->nofile, r->nofile };
	const char *program = getenv("BOTTLE_BIN");
	const char *asan = getenv("ASAN_OPTIONS");
	char options[512], *argv[ARGS_MAX + 2];
	size_t n = 0;
	int log;

	(void)prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L);
	/* Freed memory must go back for its size to say something. */
	(void)snprintf(options, sizeof(options), "%s:quarantine_size_mb=1:"
	    "thread_local_quarantine_size_kb=64", asan != NULL ? asan : "");
	(void)setenv("ASAN_OPTIONS", options, 1);
	log = open(r->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	/* The test must be able to read it, whatever the umask is. */
	if (log < 0 || fchmod(log, 0644) != 0 || dup2(log, 1) < 0 ||
	    dup2(log, 2) < 0)
		_exit(125);
	if (fd >= 0 && (fd == 3 ? fcntl(3, F_SETFD, 0) : dup2(fd, 3)) < 0)
		_exit(125);
	if (r->nofile != 0 && setrlimit(RLIMIT_NOFILE, &rl) != 0)
		_exit(125);
	if (program == NULL)
		program = RIG_AGENT;
	argv[n++] = strdup("bottle-agent");
	for (; *args != NULL && n <= ARGS_MAX; args++)
		argv[n++] = strdup(*args);
	argv[n] = NULL;
	(void)execv(program, argv);
	_exit(126);
}

pid_t
rig_run(const struct rig *r, const char *const *args, int fd)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		run(r, args, fd);
	return pid;
}

int
rig_wait(pid_t pid)
{
	int64_t end = rig_now() + RIG_PATIENCE_MS;
	int status;
	pid_t got;

	while ((got = waitpid(pid, &status, WNOHANG)) == 0) {
		if (rig_now() > end) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, &status, 0);
			fail_msg("process %ld did not end", (long)pid);
		}
		rig_sleep(1);
	}
	assert_int_equal(got, pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    128 + WTERMSIG(status);
}

/* Show what the agent printed. */
static void
show_log(const struct rig *r)
{
	char line[1024];
	FILE *f = fopen(r->log, "re");

	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL)
		print_error("agent: %s", line);
	(void)fclose(f);
}

void
rig_start(struct rig *r, ...)
{
	const char *args[ARGS_MAX] = { "-D", "--socket", NULL, "--ready-fd",
		"3" };
	size_t n = 5;
	int fds[2];
	va_list ap;
	char c = 0;

	if (r->dir[0] == '\0')
		rig_open(r);
	args[2] = r->sock;
	va_start(ap, r);
	while (n < ARGS_MAX && (args[n] = va_arg(ap, const char *)) != NULL)
		n++;
	va_end(ap);
	assert_true(n < ARGS_MAX);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	r->pid = rig_run(r, args, fds[1]);
	(void)close(fds[1]);
	/* End of file: it ended before it served. */
	if (read(fds[0], &c, 1) != 1 || c != '\n') {
		show_log(r);
		print_error("exit code %d\n", rig_wait(r->pid));
		r->pid = 0;
		fail_msg("the agent did not start");
	}
	(void)close(fds[0]);
}

int
rig_stop(struct rig *r, int signo)
{
	pid_t pid = r->pid;

	assert_true(pid > 0);
	r->pid = 0;
	assert_int_equal(kill(pid, signo), 0);
	return rig_wait(pid);
}

int
rig_finish(struct rig *r, int code)
{
	uid_t real, effective, saved;
	int got = code;

	/* A test that failed half-way may still be another uid. */
	if (getresuid(&real, &effective, &saved) == 0 && effective != saved)
		rig_become(saved);
	if (r->pid > 0 && (got = rig_stop(r, SIGTERM)) != code) {
		print_error("the agent ended with %d, not %d\n", got, code);
		show_log(r);
	}
	rig_close(r);
	return got == code ? 0 : -1;
}

void
rig_alive(const struct rig *r)
{
	int status;

	if (waitpid(r->pid, &status, WNOHANG) == 0)
		return;
	show_log(r);
	fail_msg("the agent is gone, wait status 0x%x", (unsigned)status);
}

void
rig_signal(const struct rig *r, int signo)
{
	char path[64], line[256];
	unsigned long long pending;
	FILE *f;

	assert_int_equal(kill(r->pid, signo), 0);
	/* It is pending as long as the agent is busy with something else; once
	 * taken, its callback comes before the next request is read. */
	(void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)r->pid);
	do {
		pending = 0;
		f = fopen(path, "re");
		assert_non_null(f);
		while (fgets(line, sizeof(line), f) != NULL)
			(void)sscanf(line, "ShdPnd: %llx", &pending);
		(void)fclose(f);
	} while ((pending >> (signo - 1) & 1) != 0);
}

bool
rig_logged(const struct rig *r, const char *text)
{
	char line[1024];
	bool found = false;
	FILE *f = fopen(r->log, "re");

	assert_non_null(f);
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = strstr(line, text) != NULL;
	(void)fclose(f);
	return found;
}

/* Whether the agent has all the memory that operations take: KiB of the region,
 * which are counted as its own; and no more came since the last look, which saw
 * *${last}. */
static bool
has_memory(const struct rig *r, unsigned long *last)
{
	char path[64], line[256];
	unsigned long kib, size = 0;
	bool region = false, grows;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%ld/smaps", (long)r->pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		region = region || strstr(line, "/secretmem") != NULL;
		if (region && size == 0)
			(void)sscanf(line, "Size: %lu", &size);
		if (region && sscanf(line, "Rss: %lu", &kib) == 1) {
			(void)fclose(f);
			grows = kib != *last;
			*last = kib;
			return !grows && (kib >= MEMORY_KIB || kib >= size / 2);
		}
	}
	(void)fclose(f);
	/* It is of another kind, which is there at once. */
	return true;
}

size_t
rig_rss(const struct rig *r)
{
	char path[64], line[256];
	unsigned long kib = 0, last = 0;
	uid_t was = geteuid(), real, effective, saved;
	FILE *f;

	/* A worker has it found half a second after the start. */
	assert_int_equal(getresuid(&real, &effective, &saved), 0);
	if (saved == 0) {
		rig_become(0);
		for (int i = 0; i < 1000 && !has_memory(r, &last); i++)
			rig_sleep(30);
		rig_become(was);
	}

	(void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)r->pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (kib == 0 && fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "VmRSS: %lu", &kib);
	(void)fclose(f);
	assert_true(kib > 0);
	return kib;
}

/*
 * One connection.
 */

int
rig_connect(const struct rig *r)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct timeval patience = { RIG_PATIENCE_MS / 1000, 0 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	memcpy(sun.sun_path, r->sock, sizeof(r->sock));
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience)), 0);
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) != 0)
		fail_msg("cannot connect: %s", strerror(errno));
	return fd;
}

void
rig_hang_up(int fd)
{
	assert_int_equal(close(fd), 0);
}

bool
rig_try_send(int fd, struct slice bytes)
{
	ssize_t n;

	while (bytes.len > 0) {
		n = send(fd, bytes.p, bytes.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return false;
		if (n < 0)
			fail_msg("cannot send: %s", strerror(errno));
		bytes.p += n;
		bytes.len -= (size_t)n;
	}
	return true;
}

void
rig_send(int fd, struct slice bytes)
{
	if (!rig_try_send(fd, bytes))
		fail_msg("the agent closed the connection");
}

void
rig_send_body(int fd, struct slice body)
{
	uint8_t room[FRAME_HEAD + 512];
	struct wire_writer w = wire_writer(room, sizeof(room));

	wire_put_u32(&w, (uint32_t)body.len);
	if (body.len <= 512) {
		wire_put_bytes(&w, body);
		body.len = 0;
	}
	rig_send(fd, (struct slice){ room, w.len });
	rig_send(fd, body);
}

/* Receive just n bytes. */
static void
receive_bytes(int fd, uint8_t *p, size_t n)
{
	ssize_t got;

	while (n > 0) {
		got = recv(fd, p, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			fail_msg("no reply: %s", strerror(errno));
		if (got == 0)
			fail_msg("end of file instead of a reply");
		p += got;
		n -= (size_t)got;
	}
}

struct slice
rig_receive(int fd)
{
	struct wire_reader r;
	uint8_t head[FRAME_HEAD];
	uint32_t len;

	receive_bytes(fd, head, sizeof(head));
	r = wire_reader((struct slice){ head, sizeof(head) });
	assert_int_equal(wire_get_u32(&r, &len), ST_OK);
	assert_in_range(len, 1, sizeof(reply_bytes));
	receive_bytes(fd, reply_bytes, len);
	return (struct slice){ reply_bytes, len };
}

bool
rig_quiet(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do {
		n = poll(&p, 1, ms);
	} while (n < 0 && errno == EINTR);
	assert_true(n >= 0);
	return n == 0;
}

void
rig_expect_eof(int fd)
{
	uint8_t byte;
	ssize_t n;

	/* Not by a deadline of the agent, which ends everything sometime. */
	if (rig_quiet(fd, LIMIT_FRAME_MS * 9 / 10))
		fail_msg("no end of file in time");
	n = recv(fd, &byte, 1, 0);
	/* Closed with bytes of ours unread: that is a reset. */
	if (n < 0 && errno == ECONNRESET)
		return;
	if (n < 0)
		fail_msg("no end of file: %s", strerror(errno));
	if (n > 0)
		fail_msg("bytes instead of end of file");
}

bool
rig_is_gone(int fd)
{
	uint8_t bytes[4096];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		continue;
	return n == 0 || errno != EAGAIN;
}

struct slice
rig_ask(int fd, struct slice body)
{
	rig_send_body(fd, body);
	return rig_receive(fd);
}

void
rig_expect_next(int fd, uint8_t code)
{
	struct slice reply = rig_receive(fd);

	if (reply.p[0] != code || reply.len != 1)
		fail_msg("reply %u of %zu bytes, not %u alone", reply.p[0],
		    reply.len, code);
}

void
rig_expect(int fd, struct slice body, uint8_t code)
{
	rig_send_body(fd, body);
	rig_expect_next(fd, code);
}

/*
 * Requests.
 */

/* What was written, as a piece that lasts. */
static struct slice
finish(const struct wire_writer *w)
{
	struct slice s;

	assert_int_equal(wire_done(w, &s), ST_OK);
	return hex_copy(s);
}

/* A writer over room that is good until the next call. */
static struct wire_writer
draft(void)
{
	static uint8_t room[FRAME_MAX + 64];

	return wire_writer(room, sizeof(room));
}

struct slice
rig_type(uint8_t type)
{
	return hex_copy((struct slice){ &type, 1 });
}

struct slice
rig_string(uint8_t type, struct slice s)
{
	struct wire_writer w = draft();

	wire_put_u8(&w, type);
	wire_put_string(&w, s);
	return finish(&w);
}

struct slice
rig_text(uint8_t type, const char *s)
{
	return rig_string(type, slice_str(s));
}

struct slice
rig_add(const struct testkey *k, const char *comment,
    struct slice constraints)
{
	struct wire_writer w = draft();

	testkey_put_add(&w, constraints.len > 0 ?
	    SSH_AGENTC_ADD_ID_CONSTRAINED : SSH_AGENTC_ADD_IDENTITY, k,
	    comment, constraints);
	return finish(&w);
}

struct slice
rig_sign(struct slice blob, struct slice data, uint32_t flags)
{
	struct wire_writer w = draft();

	wire_put_u8(&w, SSH_AGENTC_SIGN_REQUEST);
	wire_put_string(&w, blob);
	wire_put_string(&w, data);
	wire_put_u32(&w, flags);
	return finish(&w);
}

struct slice
rig_join(struct slice a, struct slice b)
{
	uint8_t *p = hex_alloc(a.len + b.len);

	if (a.len > 0)
		memcpy(p, a.p, a.len);
	if (b.len > 0)
		memcpy(p + a.len, b.p, b.len);
	return (struct slice){ p, a.len + b.len };
}

struct slice
rig_frame(struct slice body)
{
	struct wire_writer w = draft();

	wire_put_string(&w, body);
	return finish(&w);
}

int
rig_forget(void **state)
{
	return hex_free(state);
}

/*
 * Answers.
 */

size_t
rig_list(int fd, const struct rig_key **out)
{
	struct slice reply = rig_ask(fd,
	    rig_type(SSH_AGENTC_REQUEST_IDENTITIES));
	struct wire_reader r = wire_reader(reply);
	uint32_t n;
	uint8_t type;

	assert_int_equal(wire_get_u8(&r, &type), ST_OK);
	assert_int_equal(type, SSH_AGENT_IDENTITIES_ANSWER);
	assert_int_equal(wire_get_u32(&r, &n), ST_OK);
	assert_in_range(n, 0, REPLY_IDENTITIES_MAX);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(wire_get_string(&r, &keys[i].blob), ST_OK);
		assert_int_equal(wire_get_string(&r, &keys[i].comment),
		    ST_OK);
	}
	assert_true(wire_end(&r));
	if (out != NULL)
		*out = keys;
	return n;
}

void
rig_expect_comments(int fd, const char *const *comments, size_t n)
{
	const struct rig_key *list;

	assert_int_equal(rig_list(fd, &list), n);
	for (size_t i = 0; i < n; i++)
		if (!slice_eq_str(list[i].comment, comments[i]))
			fail_msg("key %zu is \"%.*s\", not \"%s\"", i,
			    (int)list[i].comment.len,
			    (const char *)list[i].comment.p, comments[i]);
}

void
rig_check_signature(struct slice reply, const struct testkey *k,
    const char *algorithm, struct slice data)
{
	struct wire_reader r = wire_reader(reply);
	struct slice sig;
	uint8_t type;

	assert_int_equal(wire_get_u8(&r, &type), ST_OK);
	assert_int_equal(type, SSH_AGENT_SIGN_RESPONSE);
	assert_int_equal(wire_get_string(&r, &sig), ST_OK);
	assert_true(wire_end(&r));
	assert_true(testkey_verify(k, sig, algorithm, data));
}

void
rig_expect_signature(int fd, const struct testkey *k, uint32_t flags,
    const char *algorithm, struct slice data)
{
	rig_check_signature(rig_ask(fd, rig_sign(k->blob, data, flags)), k,
	    algorithm, data);
}

struct statusmsg_head
rig_status(int fd)
{
	struct statusmsg_head head;
	struct reply reply;
	struct wire_reader r;

	assert_int_equal(reply_decode(rig_ask(fd,
	    rig_text(SSH_AGENTC_EXTENSION, EXT_STATUS)), &reply), ST_OK);
	assert_int_equal(reply_get_extension(&reply, EXT_STATUS, &r), ST_OK);
	assert_int_equal(statusmsg_get_head(&r, &head), ST_OK);
	return head;
}

void
rig_await_connections(const struct rig *r, int fd, uint32_t n)
{
	int64_t end = rig_now() + RIG_PATIENCE_MS;
	int last = rig_connect(r);
	uint32_t have;

	/* They are accepted in their order: none is in the queue any more. */
	(void)rig_list(last, NULL);
	rig_hang_up(last);
	while ((have = rig_status(fd).connections) != n) {
		if (rig_now() > end)
			fail_msg("%u connections, not %u", have, n);
		rig_sleep(2);
	}
}

struct slice
rig_git(void)
{
	static const char text[] = "SSHSIG\0\0\0\3git\0\0\0\0\0\0\0\6sha512\0\0\0@"
	    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

	return (struct slice){ (const uint8_t *)text, sizeof(text) - 1 };
}
