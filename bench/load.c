/*
 * load - ask an agent as fast as it answers, and say how fast that was.
 *
 * Each connection waits for its reply, or has a fixed number of requests under
 * way, before it asks again; one thread serves all of them, so that the client
 * takes one processor at most.  A single connection is read with a recv() that
 * blocks, as ssh does.
 *
 * Every reply is checked for its form and length.  Signatures are verified
 * behind the time that is measured, a sample of them that is spread over all of
 * it, each against the session id that its place in the order of the replies
 * belongs to: replies in another order are found like that.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/verify.h"
#include "base/clock.h"
#include "bench/ask.h"
#include "bench/client.h"
#include "proto/agent_num.h"
#include "proto/frame.h"

#define CONNECTIONS_MAX	65536
#define DEPTH_MAX	256
#define KEYS_MAX	2048
/* Most signatures that are verified. */
#define SAMPLES		128
/* Longest reply that is kept to be verified. */
#define SAMPLE_MAX	1024
/* Connections that the mode backlog makes. */
#define BACKLOG		200
/* What a connection's buffer begins with. */
#define ROOM		4096

enum mode {
	MODE_LIST,
	MODE_SIGN,
	MODE_CHURN,	/* connect, list, sign, hang up */
	MODE_MIXED,	/* a key of each type in turn */
	MODE_PIPELINE,	/* sign, with several requests under way */
	MODE_IDLE,	/* list or sign beside connections that say nothing */
	MODE_SLOW,	/* the same beside those that have begun a frame */
	MODE_BACKLOG,	/* connect, and be refused or not */
	MODE_OPEN,	/* connect, list, and stay */
	MODES
};

static const char *const mode_names[MODES] = { "list", "sign", "churn",
	"mixed", "pipeline", "idle", "slow", "backlog", "open" };

struct options {
	const char	*socket;
	const char	*as;
	enum mode	 mode;
	const char	*key;		/* NULL: ed25519 */
	bool		 last;
	size_t		 keys;
	size_t		 connections;
	size_t		 depth;
	size_t		 idle;
	size_t		 slow;
	double		 seconds;
	double		 warm;
	uint64_t	 sessions;
	char		*beside_key;
	size_t		 beside;	/* connections */
};

/* A request that is under way. */
struct sent {
	int64_t		 at_ns;
	uint64_t	 number;
	const struct ask *ask;
};

struct conn {
	int		 fd;
	uint8_t		*room;
	size_t		 cap;
	size_t		 have;
	uint64_t	 asked;		/* of this connection */
	uint64_t	 answered;
	int64_t		 begun_ns;	/* churn: before connect() */
	struct sent	 under_way[DEPTH_MAX];
};

/* A reply that is verified in the end. */
struct sample {
	const struct ask *ask;
	uint64_t	 conn;
	uint64_t	 number;
	size_t		 len;
	uint8_t		 body[SAMPLE_MAX];
};

/* All of a run. */
struct load {
	const struct options *o;
	struct slice	 list;		/* the agent's answer */
	struct ask	 ask_list;
	struct ask	*asks;		/* signatures */
	size_t		 n_asks;
	struct conn	*conns;
	int		 epoll;

	bool		 measuring;
	uint64_t	 operations;
	uint64_t	 errors;
	uint64_t	 malformed;
	uint64_t	 refused;
	struct client_times times;

	uint64_t	 signatures;
	uint64_t	 every;		/* signature that is kept */
	size_t		 n_samples;
	struct sample	 samples[SAMPLES];
};

static volatile sig_atomic_t stop;

static void
on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

/* Whether signatures are asked for at all. */
static bool
signs(const struct options *o)
{
	switch (o->mode) {
	case MODE_LIST:
	case MODE_OPEN:
	case MODE_BACKLOG:
		return false;
	case MODE_IDLE:
	case MODE_SLOW:
		return o->key != NULL;
	default:
		return true;
	}
}

/* --- the requests -------------------------------------------------------- */

/* Add the keys of one name, or of any with NULL, up to a number; of the last
 * one only, where that is asked for. */
static void
add_asks(struct load *l, const char *name, size_t most)
{
	struct client_keys k = client_keys(l->list);
	struct public_fields key;
	struct slice blob;
	size_t begin = l->n_asks;

	while (client_keys_next(&k, &blob, &key)) {
		if (strcmp(ask_name(&key), name) != 0)
			continue;
		if (l->n_asks - begin == most && !l->o->last)
			return;
		if (l->n_asks - begin == most)
			l->n_asks--;
		ask_sign(&l->asks[l->n_asks++], blob, &key);
	}
}

/* Fetch the list, and make the requests. */
static void
make_asks(struct load *l)
{
	static const char *const all[] = { "ed25519", "ecdsa256", "ecdsa384",
		"ecdsa521", "rsa2048", "rsa3072", "rsa4096" };
	const char *key = l->o->key != NULL ? l->o->key : "ed25519";
	struct slice list = client_list(l->o->socket);
	uint8_t *copy = malloc(list.len);

	l->asks = calloc(KEYS_MAX, sizeof(*l->asks));
	if (copy == NULL || l->asks == NULL)
		err(1, "malloc");
	l->list = (struct slice){ memcpy(copy, list.p, list.len), list.len };
	ask_list(&l->ask_list, l->list);
	if (!signs(l->o))
		return;
	if (l->o->mode == MODE_MIXED) {
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			add_asks(l, all[i], 1);
		key = "known";
	} else {
		add_asks(l, key, l->o->keys);
	}
	if (l->n_asks == 0 || (l->o->mode != MODE_MIXED &&
	    l->n_asks < l->o->keys))
		errx(1, "the agent lists %zu %s keys", l->n_asks, key);
}

/* What a connection asks next. */
static const struct ask *
next_ask(const struct load *l, const struct conn *c)
{
	if (!signs(l->o) || (l->o->mode == MODE_CHURN && c->asked % 2 == 0))
		return &l->ask_list;
	return &l->asks[((size_t)(c - l->conns) + c->asked) % l->n_asks];
}

/* --- connections --------------------------------------------------------- */

/* Connect, or connect again. */
static void
conn_open(struct load *l, struct conn *c)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	c->begun_ns = clock_ns();
	c->fd = client_dial(l->o->socket, true);
	c->have = 0;
	if (l->epoll >= 0 && epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd,
	    &ev) != 0)
		err(1, "epoll_ctl");
}

/* Ask until so many requests are under way as there are to be. */
static void
conn_ask(struct load *l, struct conn *c)
{
	static uint8_t out[DEPTH_MAX * ASK_MAX];
	size_t len = 0, depth = l->o->depth;
	uint64_t session[2] = { l->o->sessions + (uint64_t)(c - l->conns), 0 };
	struct sent *sent;
	int64_t now = clock_ns();

	while (c->asked - c->answered < depth) {
		sent = &c->under_way[c->asked % depth];
		sent->ask = next_ask(l, c);
		sent->number = session[1] = c->asked++;
		sent->at_ns = now;
		len += ask_put(sent->ask, out + len, session);
	}
	client_send(c->fd, (struct slice){ out, len });
}

/* Keep one signature in so many, half as many each time that there are too
 * many of them. */
static void
keep_sample(struct load *l, const struct conn *c, const struct sent *sent,
    struct slice body)
{
	struct sample *s;

	if (l->signatures++ % l->every != 0 || body.len > SAMPLE_MAX)
		return;
	if (l->n_samples == SAMPLES) {
		for (size_t i = 0; i < SAMPLES / 2; i++)
			l->samples[i] = l->samples[2 * i];
		l->n_samples = SAMPLES / 2;
		l->every *= 2;
	}
	s = &l->samples[l->n_samples++];
	s->ask = sent->ask;
	s->conn = (uint64_t)(c - l->conns);
	s->number = sent->number;
	s->len = body.len;
	memcpy(s->body, body.p, body.len);
}

/* Take one reply. */
static void
conn_answer(struct load *l, struct conn *c, struct slice body, int64_t now)
{
	const struct sent *sent;

	if (c->asked == c->answered)
		errx(1, "a reply that nobody asked for");
	sent = &c->under_way[c->answered++ % l->o->depth];
	switch (ask_check(sent->ask, body)) {
	case ASK_RIGHT:
		if (l->measuring && sent->ask->session != 0)
			keep_sample(l, c, sent, body);
		break;
	case ASK_SHORT:
		l->malformed++;
		break;
	case ASK_WRONG:
		l->errors++;
		break;
	}
	if (l->o->mode == MODE_CHURN && c->answered % 2 != 0)
		return;
	if (!l->measuring)
		return;
	l->operations++;
	client_time(&l->times, now - (l->o->mode == MODE_CHURN ?
	    c->begun_ns : sent->at_ns));
}

/* Read once, and take what replies are whole. */
static void
conn_read(struct load *l, struct conn *c)
{
	struct frame_peek peek = { 0 };
	struct slice in, body;
	int64_t now;
	ssize_t n;
	int st;

	n = recv(c->fd, c->room + c->have, c->cap - c->have, 0);
	if (n < 0 && errno == EINTR)
		return;
	if (n < 0)
		err(1, "no reply within %d s", CLIENT_REPLY_S);
	if (n == 0)
		errx(1, "the agent hung up");
	now = clock_ns();
	c->have += (size_t)n;
	in = (struct slice){ c->room, c->have };
	while ((st = frame_next(&in, &body)) == ST_OK)
		conn_answer(l, c, body, now);
	if (st != ST_MORE || (in.len > 0 && frame_peek(in, &peek) != ST_OK))
		errx(1, "the agent sent no frame");
	memmove(c->room, in.p, in.len);
	c->have = in.len;
	if (peek.need > c->cap) {
		c->cap = peek.need;
		c->room = realloc(c->room, c->cap);
		if (c->room == NULL)
			err(1, "realloc");
	}
}

/* Read, and ask again. */
static void
conn_turn(struct load *l, struct conn *c)
{
	uint64_t before = c->answered;

	conn_read(l, c);
	if (c->answered == before)
		return;
	if (l->o->mode == MODE_CHURN && c->answered % 2 == 0) {
		close(c->fd);
		conn_open(l, c);
	}
	conn_ask(l, c);
}

/* --- the run ------------------------------------------------------------- */

/* Serve the connections once. */
static void
turn(struct load *l)
{
	struct epoll_event events[64];
	int n;

	if (l->epoll < 0) {
		conn_turn(l, &l->conns[0]);
		return;
	}
	n = epoll_wait(l->epoll, events, 64, CLIENT_REPLY_S * 1000);
	if (n < 0 && errno != EINTR)
		err(1, "epoll_wait");
	if (n == 0)
		errx(1, "no reply within %d s", CLIENT_REPLY_S);
	for (int i = 0; i < n; i++)
		conn_turn(l, events[i].data.ptr);
}

/* The processor time of this process, in microseconds. */
static double
cpu_us(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e6 +
	    (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

/* Make the connections, and ask on each. */
static void
begin(struct load *l)
{
	size_t n = l->o->connections;

	l->conns = calloc(n, sizeof(*l->conns));
	if (l->conns == NULL)
		err(1, "calloc");
	if (n > 1 && (l->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
		err(1, "epoll_create1");
	for (size_t i = 0; i < n; i++) {
		l->conns[i].cap = ROOM;
		l->conns[i].room = malloc(ROOM);
		if (l->conns[i].room == NULL)
			err(1, "malloc");
		conn_open(l, &l->conns[i]);
		conn_ask(l, &l->conns[i]);
	}
}

/* Verify the sample; how many were right. */
static size_t
verify_samples(struct load *l)
{
	const struct sample *s;
	size_t right = 0;

	for (size_t i = 0; i < l->n_samples; i++) {
		s = &l->samples[i];
		if (ask_verify(s->ask, (struct slice){ s->body, s->len },
		    (uint64_t[2]){ l->o->sessions + s->conn, s->number }))
			right++;
		else
			l->errors++;
	}
	return right;
}

/* The line that says how it was. */
static void
report(struct load *l, double seconds, double cpu)
{
	size_t verified = verify_samples(l);
	const char *key = !signs(l->o) ? "" :
	    l->o->mode == MODE_MIXED ? "mixed" :
	    l->o->key != NULL ? l->o->key : "ed25519";

	printf("{\"mode\":\"%s\",\"key\":\"%s\",\"connections\":%zu,"
	    "\"seconds\":%.3f,\"operations\":%lu,\"per_second\":%.1f,"
	    "\"p50_us\":%.2f,\"p90_us\":%.2f,\"p99_us\":%.2f,"
	    "\"max_us\":%.2f,\"errors\":%lu,\"malformed\":%lu,"
	    "\"verified\":%zu,\"refused\":%lu,"
	    "\"client_cpu_us_per_op\":%.3f}\n",
	    mode_names[l->o->mode], key, l->o->connections, seconds,
	    l->operations, seconds > 0 ? (double)l->operations / seconds : 0,
	    client_quantile(&l->times, 0.5), client_quantile(&l->times, 0.9),
	    client_quantile(&l->times, 0.99), (double)l->times.max / 1000,
	    l->errors, l->malformed, verified, l->refused,
	    l->operations > 0 ? cpu / (double)l->operations : 0);
}

/* Connections that say nothing, or half of a request. */
static int *
hang_around(const struct options *o)
{
	static const uint8_t half[] = { 0, 0, 3, 232, SSH_AGENTC_SIGN_REQUEST,
		0, 0, 1, 244 };
	size_t n = o->idle + o->slow;
	int *fds = calloc(n + 1, sizeof(*fds));

	if (fds == NULL)
		err(1, "calloc");
	for (size_t i = 0; i < n; i++) {
		fds[i] = client_dial(o->socket, true);
		if (i >= o->idle)
			client_send(fds[i], (struct slice){ half,
			    sizeof(half) });
	}
	return fds;
}

/* The figures mean nothing unless they were there all the time. */
static void
still_around(const struct options *o, const int *fds)
{
	size_t lost = 0;
	char byte;

	for (size_t i = 0; i < o->idle + o->slow; i++)
		if (recv(fds[i], &byte, 1, MSG_DONTWAIT) >= 0 ||
		    errno != EAGAIN)
			lost++;
	if (lost > 0)
		errx(1, "the agent has ended %zu of the connections beside",
		    lost);
}

/* Until the time is over: one operation at least, however long it takes. */
static void
run(struct load *l)
{
	int *fds = hang_around(l->o);
	double cpu, seconds;
	int64_t at, end;

	begin(l);
	at = clock_ns();
	end = at + (int64_t)(l->o->warm * 1e9);
	while (clock_ns() < end && !stop)
		turn(l);
	cpu = cpu_us();
	at = clock_ns();
	end = at + (int64_t)(l->o->seconds * 1e9);
	l->measuring = true;
	while ((clock_ns() < end || l->operations == 0) && !stop)
		turn(l);
	seconds = (double)(clock_ns() - at) / 1e9;
	cpu = cpu_us() - cpu;
	still_around(l->o, fds);
	free(fds);
	report(l, seconds, cpu);
}

/* Connect without a pause, and count what the agent's queue has no room for. */
static void
backlog(struct load *l)
{
	int64_t at = clock_ns(), one;
	int fds[BACKLOG];

	for (size_t i = 0; i < BACKLOG; i++) {
		one = clock_ns();
		fds[i] = client_dial(l->o->socket, false);
		client_time(&l->times, clock_ns() - one);
		l->operations++;
		if (fds[i] < 0)
			l->refused++;
	}
	at = clock_ns() - at;
	for (size_t i = 0; i < BACKLOG; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	report(l, (double)at / 1e9, 0);
}

/* Connect and list, say how that was, and stay until the time is over or a
 * signal comes. */
static void
stay(struct load *l)
{
	int64_t at = clock_ns(), one;
	uint8_t frame[ASK_MAX];
	struct slice ask = { frame, 0 };
	int fd;

	ask.len = ask_put(&l->ask_list, frame, (uint64_t[2]){ 0 });
	for (size_t i = 0; i < l->o->connections; i++) {
		one = clock_ns();
		fd = client_dial(l->o->socket, true);
		client_send(fd, ask);
		if (ask_check(&l->ask_list, client_receive(fd)) != ASK_RIGHT)
			l->errors++;
		client_time(&l->times, clock_ns() - one);
		l->operations++;
	}
	report(l, (double)(clock_ns() - at) / 1e9, 0);
	(void)fflush(stdout);
	at = clock_ns();
	while (!stop && (l->o->seconds < 0 ||
	    (double)(clock_ns() - at) < l->o->seconds * 1e9))
		usleep(50000);
}

/* --- who else asks ------------------------------------------------------- */

/* Another process that signs without a pause; it is at work when this
 * returns. */
static pid_t
begin_beside(const struct options *mine)
{
	struct options o = *mine;
	static struct load l;
	int ready[2];
	pid_t pid;
	char byte;

	if (pipe(ready) != 0 || (pid = fork()) < 0)
		err(1, "fork");
	if (pid != 0) {
		close(ready[1]);
		if (read(ready[0], &byte, 1) != 1)
			errx(1, "nobody asks beside");
		close(ready[0]);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	o.mode = MODE_SIGN;
	o.key = mine->beside_key;
	o.keys = o.depth = 1;
	o.connections = mine->beside;
	o.sessions += CONNECTIONS_MAX;
	l = (struct load){ .o = &o, .epoll = -1, .every = 1 };
	make_asks(&l);
	begin(&l);
	turn(&l);
	(void)!write(ready[1], "", 1);
	while (!stop && l.errors == 0)
		turn(&l);
	_exit(l.errors > 0);
}

/* End it; it must have been there. */
static void
end_beside(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, WNOHANG) != 0)
		errx(1, "who asked beside has ended before");
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
}

/* --- the command line ---------------------------------------------------- */

static void
usage(void)
{
	(void)fputs("usage: load --socket PATH --mode MODE [OPTION ...]\n"
	    "  --mode MODE        list, sign, churn (connect, list, sign, hang "
	    "up),\n"
	    "                     mixed (a key of each type in turn), "
	    "pipeline,\n"
	    "                     idle and slow (list, or sign with --key, "
	    "beside\n"
	    "                     1000 idle or 100 slow ones), backlog, open\n"
	    "  --as UID           ask as this user\n"
	    "  --key TYPE         ed25519 ecdsa256 ecdsa384 ecdsa521 rsa2048 "
	    "rsa3072 rsa4096\n"
	    "  --keys N           sign with N keys of this type in turn\n"
	    "  --last             with the last one of the list\n"
	    "  --connections N    that ask, each for itself; default 1\n"
	    "  --depth N          requests under way on each; default 1, with "
	    "pipeline 16\n"
	    "  --idle N           further connections that say nothing\n"
	    "  --slow N           further connections that have begun a "
	    "request\n"
	    "  --beside TYPE:N    another process signs with that key on N "
	    "connections\n"
	    "  --seconds S        measured; default 1, with open until a "
	    "signal comes\n"
	    "  --warm S           before that; default 0.1\n"
	    "  --sessions SEED    what session ids are made of; default 1\n",
	    stderr);
	exit(2);
}

static enum mode
take_mode(const char *name)
{
	for (enum mode m = 0; m < MODES; m++)
		if (strcmp(name, mode_names[m]) == 0)
			return m;
	errx(2, "no such mode: %s", name);
}

/* TYPE:N. */
static void
take_beside(struct options *o, char *text)
{
	char *colon = strchr(text, ':');

	if (colon == NULL)
		errx(2, "beside is TYPE:N, such as rsa4096:4");
	*colon = '\0';
	o->beside_key = text;
	o->beside = client_number(colon + 1, CONNECTIONS_MAX);
}

enum { AS = 1, BESIDE, CONNECTIONS, DEPTH, IDLE, KEY, KEYS, LAST, MODE, SECONDS,
	SESSIONS, SLOW, SOCKET, WARM };

/* Take one option. */
static void
take(struct options *o, int option)
{
	switch (option) {
	case AS: o->as = optarg; break;
	case BESIDE: take_beside(o, optarg); break;
	case CONNECTIONS:
		o->connections = client_number(optarg, CONNECTIONS_MAX);
		break;
	case DEPTH: o->depth = client_number(optarg, DEPTH_MAX); break;
	case IDLE: o->idle = client_number(optarg, CONNECTIONS_MAX); break;
	case KEY: o->key = optarg; break;
	case KEYS: o->keys = client_number(optarg, KEYS_MAX); break;
	case LAST: o->last = true; break;
	case MODE: o->mode = take_mode(optarg); break;
	case SECONDS: o->seconds = client_seconds(optarg); break;
	case SESSIONS: o->sessions = client_number(optarg, SIZE_MAX); break;
	case SLOW: o->slow = client_number(optarg, CONNECTIONS_MAX); break;
	case SOCKET: o->socket = optarg; break;
	case WARM: o->warm = client_seconds(optarg); break;
	default: usage();
	}
}

/* Take all of them, and what was not said. */
static void
take_all(struct options *o, int argc, char **argv)
{
	static const struct option rows[] = {
		{ "as", required_argument, NULL, AS },
		{ "beside", required_argument, NULL, BESIDE },
		{ "connections", required_argument, NULL, CONNECTIONS },
		{ "depth", required_argument, NULL, DEPTH },
		{ "idle", required_argument, NULL, IDLE },
		{ "key", required_argument, NULL, KEY },
		{ "keys", required_argument, NULL, KEYS },
		{ "last", no_argument, NULL, LAST },
		{ "mode", required_argument, NULL, MODE },
		{ "seconds", required_argument, NULL, SECONDS },
		{ "sessions", required_argument, NULL, SESSIONS },
		{ "slow", required_argument, NULL, SLOW },
		{ "socket", required_argument, NULL, SOCKET },
		{ "warm", required_argument, NULL, WARM },
		{ 0 },
	};
	int c;

	*o = (struct options){ .mode = MODES, .keys = 1, .connections = 1,
		.seconds = -1, .warm = 0.1, .sessions = 1 };
	while ((c = getopt_long(argc, argv, "", rows, NULL)) != -1)
		take(o, c);
	if (optind != argc || o->socket == NULL || o->mode == MODES)
		usage();
	if (o->depth == 0)
		o->depth = o->mode == MODE_PIPELINE ? 16 : 1;
	if (o->mode == MODE_CHURN && o->depth != 1)
		errx(2, "churn has one request under way");
	if (o->mode == MODE_IDLE && o->idle == 0)
		o->idle = 1000;
	if (o->mode == MODE_SLOW && o->slow == 0)
		o->slow = 100;
	if (o->seconds < 0 && o->mode != MODE_OPEN)
		o->seconds = 1;
}

int
main(int argc, char **argv)
{
	const struct sigaction sa = { .sa_handler = on_stop };
	static struct load l;
	struct options o;
	struct rlimit files;
	pid_t beside = 0;

	take_all(&o, argc, argv);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (o.as != NULL)
		client_become(o.as);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	if (verify_init() != ST_OK)
		errx(1, "libcrypto does not start");
	l = (struct load){ .o = &o, .epoll = -1, .every = 1 };
	make_asks(&l);
	if (o.beside > 0)
		beside = begin_beside(&o);
	if (o.mode == MODE_BACKLOG)
		backlog(&l);
	else if (o.mode == MODE_OPEN)
		stay(&l);
	else
		run(&l);
	if (beside > 0)
		end_beside(beside);
	return l.errors > 0;
}
