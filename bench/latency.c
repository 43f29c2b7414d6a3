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
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/verify.h"
#include "base/clock.h"
#include "bench/client.h"
#include "proto/extension.h"
#include "proto/frame.h"
#include "proto/keyblob.h"
#include "proto/reply.h"
#include "proto/request.h"

/* Most requests measured, and connections held. */
#define REQUESTS_MAX	10000000
#define CONNS_MAX	65536
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

/* The key of that type which the agent lists first; borrows as
 * client_list(). */
static struct slice
find_key(enum key_type type)
{
	struct client_keys keys = client_keys(client_list(socket_path));
	struct public_fields key;
	struct slice blob;

	while (client_keys_next(&keys, &blob, &key))
		if (key.type == type)
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

static void
print_times(const struct client_times *t)
{
	printf("p50 %.1f p90 %.1f p99 %.1f p99.9 %.1f max %.1f "
	    "per_s %.0f n %lu\n", client_quantile(t, 0.5),
	    client_quantile(t, 0.9), client_quantile(t, 0.99),
	    client_quantile(t, 0.999), (double)t->max / 1000,
	    (double)t->n * 1e9 / (double)t->sum, t->n);
}

/* Ask until there are max times or the seconds are over, after a warm-up of
 * a tenth of either. */
static void
measure(const struct op *op, size_t max, size_t ms, bool fresh)
{
	uint8_t room[2048], blob[1200];
	struct wire_writer w = wire_writer(room, sizeof(room));
	struct slice key = { 0 }, body;
	static struct client_times times;
	int64_t begin, warm, end, t;
	size_t warming = max / 10 + 1;
	int fd;

	if (op->type == SSH_AGENTC_SIGN_REQUEST) {
		key = find_key(op->key);
		if (key.len > sizeof(blob))
			errx(1, "the key is too large");
		key.p = memcpy(blob, key.p, key.len);
	}
	put_op(&w, op, key);
	fd = client_dial(socket_path, true);
	begin = clock_ns();
	warm = begin + (int64_t)ms * 100000;
	end = begin + (int64_t)ms * 1100000;
	/* One at least, however long it takes: that is what is measured. */
	while (times.n < max && ((t = clock_ns()) < end || times.n == 0)) {
		if (fresh) {
			close(fd);
			fd = client_dial(socket_path, true);
		}
		client_send(fd, (struct slice){ w.p, w.len });
		body = client_receive(fd);
		if (warming > 0 && t < warm)
			warming--;
		else
			client_time(&times, clock_ns() - t);
		check_reply(op, key, body, times.n % VERIFY_EACH == 1);
	}
	close(fd);
	print_times(&times);
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
		fd = client_dial(socket_path, false);
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
	int64_t begin = clock_ns();
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
	s = (double)(clock_ns() - begin) / 1e9;
	printf("open %zu made %lu lost %lu replies/s %.0f connects/s %.0f\n",
	    a.open, a.made, a.lost, (double)a.replies / s,
	    (double)a.made / s);
	free(a.conns);
	free(a.pfds);
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
		client_become(argv[2]);
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
		measure(op_named(argv[3]), client_number(argv[4], REQUESTS_MAX),
		    client_number(argv[5], CLIENT_SECONDS_MAX * 1000), fresh);
	} else if (strcmp(argv[1], "abuse") == 0 && argc == 5) {
		abuse(mode_named(argv[3]), client_number(argv[4], CONNS_MAX));
	} else {
		usage();
	}
	return 0;
}
