/*
 * hose - both ends of a tunnel: is all that comes out what went in, and how
 * fast does it go?
 *
 * usage: hose far [OPTION...] ADDRESS PORT
 *        hose near [OPTION...] COMMAND...
 *        hose start [-f] -n RUNS COMMAND...
 *
 * "far" is the server at the other end, for one connection; it says
 * "listening" when it is there.  "near" is in ssh's place: it runs COMMAND, a
 * helper that ssh would be given as ProxyCommand, and talks through it.  Each
 * sends a banner and reads that of the other, as SSH does; then it sends its
 * share, closes its half, and reads to the end.  What is sent is made from a
 * seed, so that the reader knows every byte without having seen it.  "start"
 * runs COMMAND again and again, up to the first byte that comes through it.
 *
 *	-u BYTES	what goes to the far end; default 0
 *	-d BYTES	what comes from there; default 0
 *	-c		count what comes, and do not look at it
 *	-k		keep our half open until all has come from the other
 *	-t SECONDS	give up then; default 60
 *	-s		COMMAND has a socketpair, not pipes
 *	-f		the same, and it passes the descriptor to talk through
 *	-p		be the far end as well, behind a proxy that says 200;
 *			COMMAND's words have its port for @PORT@ ("start" does
 *			so always)
 *
 * "near" prints a line: the bytes that came, the seconds from the banner to the
 * end, COMMAND's CPU seconds and exit status.  Exit status: 0 all is as it must
 * be, COMMAND's own status included; 1 it is not; 2 wrong use.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Bytes sent, read and compared at a time. */
#define CHUNK		((size_t)128 * 1024)
/* Most bytes and runs that can be asked for. */
#define BYTES_MAX	((uint64_t)1 << 40)
#define RUNS_MAX	10000
/* Most of a request's head that our proxy reads. */
#define HEAD_MAX	4096

#define BANNER		"SSH-2.0-hose\r\n"
#define SEED_UP		1
#define SEED_DOWN	2

/* One direction at one end. */
struct flow {
	const char	*name;
	int		 fd;
	bool		 is_socket;
	uint64_t	 bytes;		/* that it must be */
	uint64_t	 seed;
	uint64_t	 done;
	sem_t		 all;		/* posted when all has come */
	struct flow	*after;		/* do not close before all of it */
	int64_t		 end_ns;	/* when it was over */
	char		 trouble[80];	/* why it is not as it must be */
};

static struct {
	uint64_t	 up;
	uint64_t	 down;
	bool		 count_only;
	bool		 keep_open;
	bool		 socketpair;
	bool		 fdpass;
	bool		 proxy;
	size_t		 runs;
} opt;

/* COMMAND, and what it is talked to through. */
struct helper {
	pid_t		 pid;
	int		 to;
	int		 from;
};

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static uint64_t
number(const char *text, uint64_t max)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || n > max)
		errx(2, "not a number up to %llu: %s",
		    (unsigned long long)max, text);
	return n;
}

/* The next words of the stream that begins with a seed (splitmix64). */
static void
make_words(uint64_t *words, size_t n, uint64_t *state)
{
	uint64_t z;

	for (size_t i = 0; i < n; i++) {
		z = (*state += 0x9e3779b97f4a7c15u);
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
		words[i] = z ^ (z >> 31);
	}
}

/* Write all of it; false, with errno, when that cannot be. */
static bool
write_all(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n)
		if ((n = write(fd, p, len)) <= 0)
			return false;
	return true;
}

/* Read until there are len bytes or no more come; how many, or -1. */
static ssize_t
read_full(int fd, void *bytes, size_t len)
{
	char *p = bytes;
	size_t have = 0;
	ssize_t n = 1;

	while (have < len && (n = read(fd, p + have, len - have)) > 0)
		have += (size_t)n;
	return n < 0 ? -1 : (ssize_t)have;
}

/* A line, and nothing of what comes behind it; its length, or 0. */
static size_t
read_line(int fd, char *line, size_t size)
{
	size_t len = 0;

	while (len < size && read(fd, line + len, 1) == 1)
		if (line[len++] == '\n')
			return len;
	return 0;
}

static void *
buffer(void)
{
	void *p = malloc(CHUNK);

	if (p == NULL)
		err(1, "malloc");
	return p;
}

/* Send a flow's bytes, then close that half. */
static void *
pour(void *arg)
{
	struct flow *flow = arg;
	uint64_t state = flow->seed, *words = buffer(), len;

	make_words(words, CHUNK / sizeof(*words), &state);
	for (; flow->done < flow->bytes; flow->done += len) {
		len = flow->bytes - flow->done;
		if (len > CHUNK)
			len = CHUNK;
		if (!write_all(flow->fd, words, len)) {
			(void)snprintf(flow->trouble, sizeof(flow->trouble),
			    "cannot send on: %s", strerror(errno));
			break;
		}
		if (!opt.count_only)
			make_words(words, CHUNK / sizeof(*words), &state);
	}
	free(words);
	if (opt.keep_open)
		while (sem_wait(&flow->after->all) != 0)
			;
	if (flow->is_socket)
		(void)shutdown(flow->fd, SHUT_WR);
	else
		close(flow->fd);
	flow->end_ns = now_ns();
	return NULL;
}

/* Where two chunks differ first. */
static size_t
first_difference(const void *a, const void *b)
{
	const char *x = a, *y = b;
	size_t i = 0;

	while (x[i] == y[i])
		i++;
	return i;
}

/* Read a flow to its end, and compare. */
static void *
drain(void *arg)
{
	struct flow *flow = arg;
	uint64_t state = flow->seed, *want = buffer(), *got = buffer();
	size_t len;
	ssize_t n;

	for (;;) {
		/* The last byte is told of before the end is waited for. */
		len = flow->bytes - flow->done;
		if (len == 0)
			sem_post(&flow->all);
		n = read_full(flow->fd, got, len > 0 && len < CHUNK ? len :
		    CHUNK);
		if (n <= 0)
			break;
		if (!opt.count_only) {
			make_words(want, CHUNK / sizeof(*want), &state);
			if (memcmp(want, got, (size_t)n) != 0) {
				(void)snprintf(flow->trouble,
				    sizeof(flow->trouble),
				    "other bytes from %llu on",
				    (unsigned long long)(flow->done +
				    first_difference(want, got)));
				break;
			}
		}
		flow->done += (uint64_t)n;
		if (flow->done > flow->bytes)
			break;
	}
	if (n < 0)
		(void)snprintf(flow->trouble, sizeof(flow->trouble),
		    "cannot read on: %s", strerror(errno));
	else if (flow->trouble[0] == '\0' && flow->done != flow->bytes)
		(void)snprintf(flow->trouble, sizeof(flow->trouble),
		    "it was not %llu bytes", (unsigned long long)flow->bytes);
	sem_post(&flow->all);
	flow->end_ns = now_ns();
	free(want);
	free(got);
	return NULL;
}

/* A flow from us is over no sooner than the one to us, where that is asked. */
static void
tie(struct flow *from, struct flow *to)
{
	if (sem_init(&to->all, 0, 0) != 0)
		err(1, "sem_init");
	from->after = to;
}

static void
start_thread(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	int e = pthread_create(thread, NULL, fn, arg);

	if (e != 0)
		errx(1, "pthread_create: %s", strerror(e));
}

/* Say what is wrong with a flow; false when something is. */
static bool
flow_good(const struct flow *flow)
{
	if (flow->trouble[0] == '\0')
		return true;
	warnx("%s: after %llu bytes: %s", flow->name,
	    (unsigned long long)flow->done, flow->trouble);
	return false;
}

/* --- the far end ---------------------------------------------------------- */

/* Listen there; *port, when it is 0, becomes the one that is had. */
static int
listen_at(const char *address, const char *port, uint16_t *had)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM }, *ai;
	struct sockaddr_in sin = { 0 };
	socklen_t len = sizeof(sin);
	int fd, one = 1, e = getaddrinfo(address, port, &hints, &ai);

	if (e != 0)
		errx(2, "%s port %s: %s", address, port, gai_strerror(e));
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, 16) != 0)
		err(1, "cannot listen at %s port %s", address, port);
	freeaddrinfo(ai);
	if (had != NULL) {
		if (getsockname(fd, (struct sockaddr *)&sin, &len) != 0)
			err(1, "getsockname");
		*had = ntohs(sin.sin_port);
	}
	return fd;
}

static int
accept_one(int listener)
{
	int one = 1, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		err(1, "accept");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* Say who we are. */
static bool
banner_sent(int fd)
{
	if (write_all(fd, BANNER, strlen(BANNER)))
		return true;
	warn("cannot send the banner");
	return false;
}

/* The other has said so, and nothing before it. */
static bool
banner_came(int fd)
{
	char line[sizeof(BANNER)];
	size_t len = read_line(fd, line, sizeof(line) - 1);

	if (len == strlen(BANNER) && memcmp(line, BANNER, len) == 0)
		return true;
	warnx("the banner did not come");
	return false;
}

/* The far end of one connection; what came is in *up. */
static bool
far_end(int fd, struct flow *up)
{
	struct flow down = { .name = "far end, down", .fd = fd,
		.is_socket = true, .bytes = opt.down, .seed = SEED_DOWN };
	pthread_t thread;
	bool good;

	*up = (struct flow){ .name = "far end, up", .fd = fd,
		.bytes = opt.up, .seed = SEED_UP };
	tie(&down, up);
	if (!banner_sent(fd) || !banner_came(fd))
		exit(1);
	start_thread(&thread, pour, &down);
	drain(up);
	pthread_join(thread, NULL);
	close(fd);
	good = flow_good(up);
	return flow_good(&down) && good;
}

static int
run_far(char **words)
{
	struct flow up;
	int listener = listen_at(words[0], words[1], NULL);
	bool good;

	puts("listening");
	fflush(stdout);
	good = far_end(accept_one(listener), &up);
	printf("up %llu\n", (unsigned long long)up.done);
	return good ? 0 : 1;
}

/* --- a proxy in between --------------------------------------------------- */

/* Our proxy, and the far end behind it. */
struct proxy {
	int		 listener;
	uint16_t	 port;
	struct flow	 up;
	bool		 good;
};

/* Take a request, and say yes to it; the socket. */
static int
proxy_accept(int listener)
{
	static const char yes[] = "HTTP/1.1 200 OK\r\n\r\n";
	char line[HEAD_MAX];
	int fd = accept_one(listener);
	size_t len;

	do {
		if ((len = read_line(fd, line, sizeof(line))) == 0)
			errx(1, "no request");
	} while (len > 2);
	if (!write_all(fd, yes, strlen(yes)))
		err(1, "cannot say yes");
	return fd;
}

static void *
proxy_once(void *arg)
{
	struct proxy *proxy = arg;

	proxy->good = far_end(proxy_accept(proxy->listener), &proxy->up);
	return NULL;
}

/* Let each in that comes, send the banner, and wait until it goes. */
static void *
proxy_greet(void *arg)
{
	struct proxy *proxy = arg;
	char rest[256];
	int fd;

	for (;;) {
		fd = proxy_accept(proxy->listener);
		if (!banner_sent(fd))
			exit(1);
		while (read(fd, rest, sizeof(rest)) > 0)
			;
		close(fd);
	}
	return NULL;
}

/* Put the port where COMMAND's words have "@PORT@". */
static void
fill_in_port(char **words, uint16_t port)
{
	static const char mark[] = "@PORT@";
	char *at, *word;
	int n;

	for (; *words != NULL; words++) {
		if ((at = strstr(*words, mark)) == NULL)
			continue;
		n = asprintf(&word, "%.*s%u%s", (int)(at - *words), *words,
		    (unsigned)port, at + strlen(mark));
		if (n < 0)
			err(1, "asprintf");
		*words = word;
	}
}

/* --- the near end --------------------------------------------------------- */

/* In the child: these are stdin and stdout, and we do not outlive hose. */
static void
become(char **words, int in, int out)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || dup2(in, 0) < 0 ||
	    dup2(out, 1) < 0)
		err(126, "cannot prepare %s", words[0]);
	signal(SIGPIPE, SIG_DFL);
	execvp(words[0], words);
	err(127, "%s", words[0]);
}

/* Run COMMAND, as ssh would. */
static void
helper_start(struct helper *helper, char **words)
{
	int in[2], out[2];

	if (opt.socketpair) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) != 0)
			err(1, "socketpair");
		/* [0] is the child's, [1] ours. */
		out[0] = in[1];
		out[1] = in[0];
	} else if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
		err(1, "pipe2");
	}
	if ((helper->pid = fork()) < 0)
		err(1, "fork");
	if (helper->pid == 0)
		become(words, in[0], out[1]);
	close(in[0]);
	if (out[1] != in[0])
		close(out[1]);
	helper->to = in[1];
	helper->from = out[0];
}

/* The descriptor that comes over a socket, or -1. */
static int
receive_fd(int sock)
{
	union {
		struct cmsghdr	head;
		char		room[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) <= 0)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg == NULL || cmsg->cmsg_level != SOL_SOCKET ||
	    cmsg->cmsg_type != SCM_RIGHTS ||
	    cmsg->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -1;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

/* Talk through the descriptor that the helper passes, not the helper. */
static bool
helper_pass(struct helper *helper)
{
	int fd = receive_fd(helper->from);

	if (fd < 0) {
		warnx("no descriptor came");
		return false;
	}
	/* ssh does not mind one that does not block; we would. */
	(void)fcntl(fd, F_SETFL, 0);
	close(helper->to);
	helper->to = helper->from = fd;
	return true;
}

/* Hang up. */
static void
helper_close(struct helper *helper)
{
	close(helper->to);
	if (helper->from != helper->to)
		close(helper->from);
}

/* How it ended, as a shell would say; its CPU seconds are in *cpu. */
static int
helper_wait(struct helper *helper, double *cpu)
{
	struct rusage use;
	int status;

	if (wait4(helper->pid, &status, 0, &use) < 0)
		err(1, "wait4");
	*cpu = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	    (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

/* Both directions through the helper, and the line that tells of them. */
static bool
near_end(struct helper *helper, struct proxy *proxy, pthread_t far)
{
	bool is_socket = opt.socketpair;
	struct flow up = { .name = "near end, up", .fd = helper->to,
		.is_socket = is_socket, .bytes = opt.up, .seed = SEED_UP };
	struct flow down = { .name = "near end, down", .fd = helper->from,
		.bytes = opt.down, .seed = SEED_DOWN };
	int64_t begin = now_ns(), end;
	pthread_t thread;
	double cpu;
	int status;
	bool good;

	tie(&up, &down);
	start_thread(&thread, pour, &up);
	drain(&down);
	pthread_join(thread, NULL);
	good = flow_good(&up);
	good = flow_good(&down) && good;
	close(helper->from);
	end = down.end_ns > up.end_ns ? down.end_ns : up.end_ns;
	if (proxy != NULL) {
		pthread_join(far, NULL);
		good &= proxy->good;
		end = proxy->up.end_ns > end ? proxy->up.end_ns : end;
	}
	status = helper_wait(helper, &cpu);
	printf("up %llu down %llu seconds %.3f cpu %.3f status %d\n",
	    (unsigned long long)(proxy != NULL ? proxy->up.done : up.done),
	    (unsigned long long)down.done, (double)(end - begin) / 1e9, cpu,
	    status);
	return good && status == 0;
}

static int
run_near(char **words)
{
	struct proxy proxy = { 0 };
	struct helper helper;
	pthread_t far = 0;
	double cpu;

	if (opt.proxy) {
		proxy.listener = listen_at("127.0.0.1", "0", &proxy.port);
		fill_in_port(words, proxy.port);
		start_thread(&far, proxy_once, &proxy);
	}
	helper_start(&helper, words);
	if ((!opt.fdpass || helper_pass(&helper)) &&
	    banner_sent(helper.to) && banner_came(helper.from))
		return near_end(&helper, opt.proxy ? &proxy : NULL, far) ? 0 : 1;
	helper_close(&helper);
	printf("status %d\n", helper_wait(&helper, &cpu));
	return 1;
}

/* --- how long it takes to start ------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Nanoseconds until the first byte came through. */
static int64_t
start_once(char **words)
{
	struct helper helper;
	int64_t begin = now_ns(), ns;
	double cpu;

	helper_start(&helper, words);
	if ((opt.fdpass && !helper_pass(&helper)) || !banner_came(helper.from))
		exit(1);
	ns = now_ns() - begin;
	/* How it would end is of no interest here, and takes some long. */
	kill(helper.pid, SIGKILL);
	helper_close(&helper);
	(void)helper_wait(&helper, &cpu);
	return ns;
}

static int
run_start(char **words)
{
	struct proxy proxy = { 0 };
	int64_t *ns = calloc(opt.runs, sizeof(*ns));
	pthread_t thread;

	if (ns == NULL)
		err(1, "calloc");
	proxy.listener = listen_at("127.0.0.1", "0", &proxy.port);
	fill_in_port(words, proxy.port);
	start_thread(&thread, proxy_greet, &proxy);
	for (size_t i = 0; i < opt.runs; i++)
		ns[i] = start_once(words);
	qsort(ns, opt.runs, sizeof(*ns), compare);
	printf("median_ms %.2f p90_ms %.2f runs %zu\n",
	    (double)ns[opt.runs / 2] / 1e6,
	    (double)ns[opt.runs * 9 / 10] / 1e6, opt.runs);
	free(ns);
	return 0;
}

static void
usage(void)
{
	errx(2, "usage: hose far|near|start [OPTION...] WORD...");
}

/* The options behind the first word; what is behind them. */
static char **
parse(int argc, char **argv)
{
	unsigned limit_s = 60;
	int c;

	while ((c = getopt(argc, argv, "+cd:fkn:pst:u:")) != -1) {
		switch (c) {
		case 'c':
			opt.count_only = true;
			break;
		case 'd':
			opt.down = number(optarg, BYTES_MAX);
			break;
		case 'f':
			opt.fdpass = opt.socketpair = true;
			break;
		case 'k':
			opt.keep_open = true;
			break;
		case 'n':
			opt.runs = (size_t)number(optarg, RUNS_MAX);
			break;
		case 'p':
			opt.proxy = true;
			break;
		case 's':
			opt.socketpair = true;
			break;
		case 't':
			limit_s = (unsigned)number(optarg, 3600);
			break;
		case 'u':
			opt.up = number(optarg, BYTES_MAX);
			break;
		default:
			usage();
		}
	}
	alarm(limit_s);
	return argv + optind;
}

int
main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	char **words;
	int n;

	if (argc < 2)
		usage();
	words = parse(argc - 1, argv + 1);
	n = argc - (int)(words - argv);
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(verb, "far") == 0 && n == 2)
		return run_far(words);
	if (strcmp(verb, "near") == 0 && n > 0)
		return run_near(words);
	if (strcmp(verb, "start") == 0 && n > 0 && opt.runs > 0)
		return run_start(words);
	usage();
}
