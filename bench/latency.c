/*
 * latency - how long requests to an agent take, and who makes them take long.
 *
 * "measure" is an honest client that waits for each reply before it asks
 * again: what it sees is what a user sees.  "abuse" is everybody else: it
 * never waits.  They are one program so that both speak the same requests,
 * and run as two processes so that they can be two users on two CPUs.
 *
 * A reply that is not the right one ends the measurement: a refusal is fast,
 * and would make the figures better than they are.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "agent/verify.h"
#include "proto/extension.h"
#include "proto/frame.h"
#include "proto/keyblob.h"
#include "proto/reply.h"
#include "proto/request.h"

/* Most requests measured, connections held, and seconds. */
#define REQUESTS_MAX	10000000
#define CONNS_MAX	65536
#define SECONDS_MAX	3600
/* A reply that takes longer than this will not come. */
#define REPLY_S		30
/* One signature in that many is verified, outside of the time measured. */
#define VERIFY_EACH	64
/* Bytes that an abuser sends at a time. */
#define BATCH_MAX	(64 * 1024)
/* Modulus and exponent of a host key that is as slow to verify with as is
 * allowed. */
#define COSTLY_N	(VERIFY_RSA_BITS_MAX / 8)
#define COSTLY_E	(VERIFY_RSA_E_BITS_MAX / 8)

/* One operation: its request, and what answers it. */
struct op {
	const char	*name;
	uint8_t		 type;
	enum key_type	 key;		/* of a signature */
	uint32_t	 flags;
	uint8_t		 reply;
};

static const struct op ops[] = {
	{ "list", SSH_AGENTC_REQUEST_IDENTITIES, 0, 0,
	    SSH_AGENT_IDENTITIES_ANSWER },
	{ "sign", SSH_AGENTC_SIGN_REQUEST, KEY_ED25519, 0,
	    SSH_AGENT_SIGN_RESPONSE },
	{ "rsa", SSH_AGENTC_SIGN_REQUEST, KEY_RSA, SSH_AGENT_RSA_SHA2_256,
	    SSH_AGENT_SIGN_RESPONSE },
};

/* What an abuser does with its connections. */
struct mode {
	const char	*name;
	const char	*op;		/* that it repeats; NULL: none */
	bool		 bind;		/* session-bind instead */
	bool		 half;		/* half a frame, then nothing */
	bool		 deaf;		/* never reads */
	bool		 brief;		/* hangs up and comes back at once */
	bool		 once;		/* does not come back when refused */
};

static const struct mode modes[] = {
	{ .name = "idle", .once = true },
	{ .name = "slow-frames", .half = true },
	{ .name = "slow-replies", .op = "list", .deaf = true },
	{ .name = "flood-list", .op = "list" },
	{ .name = "flood-sign", .op = "sign" },
	{ .name = "flood-rsa", .op = "rsa" },
	{ .name = "flood-bind", .bind = true },
	{ .name = "flood-connect", .brief = true },
};

/* A connection of the abuser's. */
struct conn {
	int		 fd;		/* -1: none */
	size_t		 sent;		/* of the batch, or of half a frame */
	uint8_t		 head[FRAME_HEAD];	/* of the reply that comes */
	size_t		 have;		/* bytes of it */
	size_t		 left;		/* bytes of its body still to come */
};

/* All of an abuser. */
struct abuse {
	const struct mode *mode;
	struct conn	*conns;
	struct pollfd	*pfds;
	size_t		 n;
	size_t		 open;
	uint8_t		 room[BATCH_MAX];
	struct slice	 batch;		/* borrows from it */
	unsigned long	 made;		/* connections */
	unsigned long	 lost;		/* of them, ended by the agent */
	unsigned long	 replies;
};

static const char *socket_path;
static volatile sig_atomic_t stop;

static void
on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static size_t
number(const char *text, size_t max)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || n < 1 || n > max)
		errx(2, "not a number from 1 to %zu: %s", max, text);
	return n;
}

static const struct op *
op_named(const char *name)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (strcmp(ops[i].name, name) == 0)
			return &ops[i];
	errx(2, "no such operation: %s", name);
}

static const struct mode *
mode_named(const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	errx(2, "no such abuse: %s", name);
}

/* A connection, or -1 when the agent's queue is full. */
static int
dial(bool wait)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int type = SOCK_STREAM | SOCK_CLOEXEC | (wait ? 0 : SOCK_NONBLOCK);
	struct timeval tv = { .tv_sec = REPLY_S };
	int fd = socket(AF_UNIX, type, 0);

	if (fd < 0)
		err(1, "socket");
	if (strlen(socket_path) >= sizeof(sun.sun_path))
		errx(2, "too long for a socket: %s", socket_path);
	memcpy(sun.sun_path, socket_path, strlen(socket_path));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	if (wait || errno != EAGAIN)
		err(1, "connect to %s", socket_path);
	close(fd);
	return -1;
}

static void
send_all(int fd, struct slice out)
{
	ssize_t n;

	for (; out.len > 0; out.p += n, out.len -= (size_t)n) {
		n = send(fd, out.p, out.len, MSG_NOSIGNAL);
		if (n <= 0)
			err(1, "send");
	}
}

/* The body of the next reply, in memory that the next one uses again. */
static struct slice
receive(int fd)
{
	static uint8_t room[FRAME_MAX];
	struct slice in, body;
	size_t len = 0;
	ssize_t n;
	int st;

	for (;;) {
		n = recv(fd, room + len, sizeof(room) - len, 0);
		if (n < 0)
			err(1, "no reply within %d s", REPLY_S);
		if (n == 0)
			errx(1, "the agent hung up");
		len += (size_t)n;
		in = (struct slice){ room, len };
		st = frame_next(&in, &body);
		if (st == ST_OK && in.len == 0)
			return body;
		if (st != ST_MORE)
			errx(1, "the agent sent no single reply");
	}
}

/* What is signed: git's kind, which the agent allows by default. */
static struct slice
git_data(void)
{
	static uint8_t room[256];
	static const uint8_t hash[64] = { 1 };
	struct wire_writer w = wire_writer(room, sizeof(room));

	wire_put_bytes(&w, slice_str("SSHSIG"));
	wire_put_str(&w, "git");
	wire_put_str(&w, "");
	wire_put_str(&w, "sha512");
	wire_put_string(&w, (struct slice){ hash, sizeof(hash) });
	return (struct slice){ w.p, w.len };
}

/* The key of that type which the agent lists first; borrows as receive(). */
static struct slice
find_key(enum key_type type)
{
	struct wire_writer w;
	uint8_t ask[16];
	struct wire_reader r;
	struct slice blob, comment;
	struct public_fields key;
	uint32_t n = 0;
	uint8_t code = 0;
	int fd = dial(true);
	size_t mark;

	w = wire_writer(ask, sizeof(ask));
	mark = frame_open(&w);
	wire_put_u8(&w, SSH_AGENTC_REQUEST_IDENTITIES);
	frame_close(&w, mark);
	send_all(fd, (struct slice){ w.p, w.len });
	r = wire_reader(receive(fd));
	close(fd);
	if (wire_get_u8(&r, &code) != ST_OK ||
	    code != SSH_AGENT_IDENTITIES_ANSWER ||
	    wire_get_u32(&r, &n) != ST_OK)
		errx(1, "no list");
	while (n-- > 0 && wire_get_string(&r, &blob) == ST_OK &&
	    wire_get_string(&r, &comment) == ST_OK)
		if (keyblob_decode(blob, &key) == ST_OK && key.type == type)
			return blob;
	errx(1, "no %s key is listed", key_type_info(type)->label);
}

/* One request as a frame. */
static void
put_op(struct wire_writer *w, const struct op *op, struct slice blob)
{
	struct request req = { .type = op->type };
	size_t mark = frame_open(w);

	if (op->type == SSH_AGENTC_SIGN_REQUEST) {
		req.sign.blob = blob;
		req.sign.data = git_data();
		req.sign.flags = op->flags;
	}
	request_encode(w, &req);
	frame_close(w, mark);
}

/* A session-bind that is refused only after the costliest verification that
 * the agent does. */
static void
put_costly_bind(struct wire_writer *w)
{
	uint8_t n[COSTLY_N], e[COSTLY_E], blob[COSTLY_N + 64];
	uint8_t sig[COSTLY_N + 64];
	struct public_fields key = { .type = KEY_RSA };
	struct wire_writer bw = wire_writer(blob, sizeof(blob));
	struct wire_writer sw = wire_writer(sig, sizeof(sig));
	struct bind_request bind = { 0 };
	size_t mark = frame_open(w);

	memset(n, 0xa5, sizeof(n));
	memset(e, 0xff, sizeof(e));
	key.n = (struct slice){ n, sizeof(n) };
	key.e = (struct slice){ e, sizeof(e) };
	keyblob_put(&bw, &key);
	wire_put_str(&sw, "rsa-sha2-512");
	n[0] = 0x5a;			/* a signature below the modulus */
	wire_put_string(&sw, key.n);
	bind.hostkey = (struct slice){ bw.p, bw.len };
	bind.signature = (struct slice){ sw.p, sw.len };
	bind.session_id = slice_str("a session id of thirty-two bytes");
	wire_put_u8(w, SSH_AGENTC_EXTENSION);
	wire_put_str(w, EXT_SESSION_BIND);
	bind_request_put(w, &bind);
	frame_close(w, mark);
}

/* End the program unless the reply is the right one. */
static void
check_reply(const struct op *op, struct slice blob, struct slice body,
    bool verify)
{
	struct wire_reader r = wire_reader(body);
	struct public_fields key;
	struct slice signature;
	const char *why = "";
	uint8_t code = 0;

	if (wire_get_u8(&r, &code) != ST_OK || code != op->reply)
		errx(1, "%s was answered with %u", op->name, code);
	if (!verify || op->reply != SSH_AGENT_SIGN_RESPONSE)
		return;
	if (wire_get_string(&r, &signature) != ST_OK || !wire_end(&r) ||
	    keyblob_decode(blob, &key) != ST_OK ||
	    verify_signature(&key, signature, git_data(), &why) != ST_OK)
		errx(1, "a bad signature: %s", why);
}

static int
compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Microseconds below which that share of the sorted times lies. */
static double
quantile(const int64_t *ns, size_t n, double q)
{
	size_t at = (size_t)(q * (double)n);

	return (double)ns[at < n ? at : n - 1] / 1000;
}

static void
print_times(int64_t *ns, size_t n)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += ns[i];
	qsort(ns, n, sizeof(*ns), compare);
	printf("p50 %.1f p90 %.1f p99 %.1f p99.9 %.1f max %.1f "
	    "per_s %.0f n %zu\n", quantile(ns, n, 0.5), quantile(ns, n, 0.9),
	    quantile(ns, n, 0.99), quantile(ns, n, 0.999),
	    (double)ns[n - 1] / 1000, (double)n * 1e9 / (double)sum, n);
}

/* Ask until there are max times or the seconds are over, after a warm-up of
 * a tenth of either. */
static void
measure(const struct op *op, size_t max, size_t ms, bool fresh)
{
	uint8_t room[2048], blob[1200];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice key = { 0 }, body;
	int64_t *ns = calloc(max, sizeof(*ns)), begin, warm, end, t;
	size_t n = 0, warming = max / 10 + 1;
	int fd;

	if (ns == NULL)
		err(1, "calloc");
	if (op->type == SSH_AGENTC_SIGN_REQUEST) {
		key = find_key(op->key);
		if (key.len > sizeof(blob))
			errx(1, "the key is too large");
		key.p = memcpy(blob, key.p, key.len);
	}
	put_op(&w, op, key);
	fd = dial(true);
	begin = now_ns();
	warm = begin + (int64_t)ms * 100000;
	end = begin + (int64_t)ms * 1100000;
	/* One at least, however long it takes: that is what is measured. */
	while (n < max && ((t = now_ns()) < end || n == 0)) {
		if (fresh) {
			close(fd);
			fd = dial(true);
		}
		send_all(fd, (struct slice){ w.p, w.len });
		body = receive(fd);
		if (warming > 0 && t < warm)
			warming--;
		else
			ns[n++] = now_ns() - t;
		check_reply(op, key, body, n % VERIFY_EACH == 1);
	}
	close(fd);
	print_times(ns, n);
	free(ns);
}

/* What the abuser sends over and over, or the half frame that it begins. */
static void
fill_batch(struct abuse *a)
{
	const struct op *op = a->mode->op ? op_named(a->mode->op) : NULL;
	struct wire_writer w = wire_writer(a->room, sizeof(a->room));
	struct slice key = { 0 };
	size_t one;

	if (a->mode->half) {
		wire_put_u32(&w, 1000);
		wire_put_u8(&w, SSH_AGENTC_SIGN_REQUEST);
		wire_put_u32(&w, 500);
	} else if (op != NULL || a->mode->bind) {
		if (op != NULL && op->type == SSH_AGENTC_SIGN_REQUEST)
			key = find_key(op->key);
		do {
			one = w.len;
			if (op != NULL)
				put_op(&w, op, key);
			else
				put_costly_bind(&w);
			one = w.len - one;
		} while (w.len + one <= w.cap);
	}
	a->batch = (struct slice){ w.p, w.len };
}

static void
hang_up(struct abuse *a, struct conn *c)
{
	close(c->fd);
	c->fd = -1;
	a->open--;
}

/* Connect those that are not; as many as there is room for. */
static void
reconnect(struct abuse *a)
{
	struct conn *c;
	int fd;

	if (a->mode->once && a->made >= a->n)
		return;
	for (size_t i = 0; i < a->n; i++) {
		c = &a->conns[i];
		if (c->fd >= 0)
			continue;
		fd = dial(false);
		if (fd < 0)
			return;
		*c = (struct conn){ .fd = fd };
		a->made++;
		a->open++;
	}
}

/* Send on; false when the connection is over. */
static bool
push(struct abuse *a, struct conn *c)
{
	ssize_t n;

	do {
		n = send(c->fd, a->batch.p + c->sent, a->batch.len - c->sent,
		    MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		c->sent += (size_t)n;
		if (c->sent == a->batch.len && !a->mode->half)
			c->sent = 0;
	} while (c->sent == 0);
	return true;
}

/* Count the replies in these bytes. */
static void
count_replies(struct abuse *a, struct conn *c, const uint8_t *p, size_t n)
{
	struct wire_reader r;
	uint32_t len = 0;
	size_t part;

	while (n > 0) {
		if (c->left > 0) {
			part = n < c->left ? n : c->left;
			c->left -= part;
			p += part;
			n -= part;
			a->replies += c->left == 0;
			continue;
		}
		c->head[c->have++] = *p++;
		n--;
		if (c->have < FRAME_HEAD)
			continue;
		r = wire_reader((struct slice){ c->head, FRAME_HEAD });
		if (wire_get_u32(&r, &len) != ST_OK || len == 0)
			errx(1, "an empty reply");
		c->left = len;
		c->have = 0;
	}
}

/* Read what there is; false when the connection is over. */
static bool
pull(struct abuse *a, struct conn *c)
{
	static uint8_t room[64 * 1024];
	ssize_t n = recv(c->fd, room, sizeof(room), 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	count_replies(a, c, room, (size_t)n);
	return n > 0;
}

/* What one connection waits for. */
static short
wants(const struct abuse *a, const struct conn *c)
{
	int events = POLLRDHUP;

	if (c->sent < a->batch.len)
		events |= POLLOUT;
	if (!a->mode->deaf && !a->mode->half && a->batch.len > 0)
		events |= POLLIN;
	return (short)events;
}

/* One look at all connections. */
static void
abuse_once(struct abuse *a)
{
	struct conn *c;
	short got;
	bool fine;

	reconnect(a);
	for (size_t i = 0; i < a->n; i++) {
		c = &a->conns[i];
		a->pfds[i] = (struct pollfd){ .fd = c->fd,
		    .events = c->fd < 0 ? (short)0 : wants(a, c) };
	}
	if (poll(a->pfds, a->n, a->open < a->n && !a->mode->once ? 1 : 200) <=
	    0)
		return;
	for (size_t i = 0; i < a->n; i++) {
		c = &a->conns[i];
		got = a->pfds[i].revents;
		if (c->fd < 0 || got == 0)
			continue;
		fine = (got & (POLLHUP | POLLRDHUP | POLLERR)) == 0;
		if (fine && (got & POLLIN))
			fine = pull(a, c);
		if (fine && (got & POLLOUT))
			fine = push(a, c);
		if (fine)
			continue;
		a->lost++;
		hang_up(a, c);
	}
}

/* Connect and hang up without a pause. */
static void
come_and_go(struct abuse *a)
{
	reconnect(a);
	for (size_t i = 0; i < a->n; i++)
		if (a->conns[i].fd >= 0)
			hang_up(a, &a->conns[i]);
}

/* Until a signal comes; says "ready" when it is at work, and in the end what
 * it has done. */
static void
abuse(const struct mode *mode, size_t n)
{
	static struct abuse a;
	bool ready = false;
	int64_t begin = now_ns();
	double s;

	a = (struct abuse){ .mode = mode, .n = n };
	a.conns = calloc(n, sizeof(*a.conns));
	a.pfds = calloc(n, sizeof(*a.pfds));
	if (a.conns == NULL || a.pfds == NULL)
		err(1, "calloc");
	for (size_t i = 0; i < n; i++)
		a.conns[i].fd = -1;
	fill_batch(&a);
	while (!stop) {
		if (mode->brief)
			come_and_go(&a);
		else
			abuse_once(&a);
		/* All were there once: what is refused counts, too. */
		if (!ready && a.made >= n) {
			puts("ready");
			ready = true;
		}
	}
	s = (double)(now_ns() - begin) / 1e9;
	printf("open %zu made %lu lost %lu replies/s %.0f connects/s %.0f\n",
	    a.open, a.made, a.lost, (double)a.replies / s,
	    (double)a.made / s);
	free(a.conns);
	free(a.pfds);
}

static void
become(const char *text)
{
	uid_t uid = (uid_t)number(text, 0x7fffffff);

	if (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		err(1, "cannot become uid %s", text);
}

static void
usage(void)
{
	fprintf(stderr,
	    "usage: latency [-u UID] measure SOCKET list|sign|rsa REQUESTS "
	    "MILLISECONDS [fresh]\n"
	    "       latency [-u UID] abuse SOCKET MODE CONNECTIONS\n"
	    "modes:");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		fprintf(stderr, " %s", modes[i].name);
	fputc('\n', stderr);
	exit(2);
}

int
main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_stop };
	struct rlimit files;
	bool fresh;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (argc > 2 && strcmp(argv[1], "-u") == 0) {
		become(argv[2]);
		argc -= 2;
		argv += 2;
	}
	if (argc < 5)
		usage();
	sigaction(SIGTERM, &sa, NULL);
	socket_path = argv[2];
	fresh = argc == 7 && strcmp(argv[6], "fresh") == 0;
	if (strcmp(argv[1], "measure") == 0 && (argc == 6 || fresh)) {
		if (verify_init() != ST_OK)
			errx(1, "libcrypto does not start");
		measure(op_named(argv[3]), number(argv[4], REQUESTS_MAX),
		    number(argv[5], SECONDS_MAX * 1000), fresh);
	} else if (strcmp(argv[1], "abuse") == 0 && argc == 5) {
		abuse(mode_named(argv[3]), number(argv[4], CONNS_MAX));
	} else {
		usage();
	}
	return 0;
}
