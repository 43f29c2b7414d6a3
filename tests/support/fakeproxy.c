/*
 * fakeproxy - a proxy, HTTP or SOCKS5, that does what it is told and nothing
 * else: also what no proxy should.
 *
 * usage: fakeproxy [OPTION]... STEP...
 *
 * Listens on a port of its own on the loopback, prints the port in one line,
 * and takes every connection through the same steps, many at a time.
 *
 *   -a ADDRESS   listen there; else 127.0.0.1
 *   -c N         end after N connections; 0 is never; else 1
 *   -d FOLDER    keep there what came, for each connection N:
 *                  N.request   what the steps of a request took
 *                  N.stream    everything else that was read
 *                  N.notes     a line for each thing that happened
 *   -f           let nobody in: the queue of the listener is filled first
 *   -p MS        how long the pause of "split" is; else 20
 *   -t SECONDS   end then, whatever is going on; else 120
 *
 * Steps, each NAME or NAME:ARGUMENT:
 *
 *   head         take an HTTP request, up to its blank line
 *   greeting     take the greeting of SOCKS5
 *   auth         take its user name and password
 *   target       take its request
 *   quiet:MS     so long the client must not send; what it does is noted
 *   send:TEXT    send that; \r \n \t \e \0 \\ and \xHH are what they are in C
 *   repeat:N:TEXT  send that N times; 0 is as long as there is a client
 *   file:PATH    send a file
 *   duplex:PATH  send a file, and read up to the client's end at the same time
 *   echo         send back all that comes, up to its end
 *   read:N       read N bytes
 *   eof          read up to the client's end
 *   split:N      what is sent later is cut after byte N of all that is sent,
 *                with a pause; "split:host" has the number from the request:
 *                the host is "N.split"
 *   cut:N        what is sent later ends after byte N of all that is sent, and
 *                the connection with it; "cut:host" as above
 *   dribble:MS   what is sent later goes byte by byte, with pauses
 *   pause:MS
 *   shut         send no more
 *   close        at once; what was not read makes it a reset
 *   reset        likewise, always
 *
 * A connection that has gone through all of them is ended as it should be: no
 * more is sent, and what still comes is read to its end.
 * Exit status: 0; 1 when a connection ended in the middle of a step; 2 when it
 * was told nonsense.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HELD_MAX	((size_t)128 * 1024)
#define NONE		SIZE_MAX

/* What was asked for. */
static const char *folder;
static long split_ms = 20;

/* The one connection of this process. */
static struct {
	int		 fd;
	int		 request;	/* files */
	int		 stream;
	int		 notes;
	size_t		 sent;
	size_t		 received;
	size_t		 split_at;
	size_t		 cut_at;
	long		 dribble_ms;
	char		 host[HELD_MAX];	/* the request's last part */
	size_t		 host_len;
	/* What was read behind a request, and not taken yet. */
	unsigned char	 held[HELD_MAX];
	size_t		 held_len;
} c;

/* Say what failed, and end. */
static _Noreturn void
die(const char *what)
{
	(void)fprintf(stderr, "fakeproxy: %s: %s\n", what, strerror(errno));
	_exit(2);
}

/* Sleep for ${ms}. */
static void
pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

/* One line in N.notes. */
static void
note(const char *what, size_t n)
{
	(void)dprintf(c.notes, "%s %zu\n", what, n);
}

/* All of it into a file. */
static void
keep(int fd, const void *p, size_t n)
{
	const char *at = p;
	ssize_t done;

	for (; n > 0; at += done, n -= (size_t)done)
		if ((done = write(fd, at, n)) < 0)
			die("write");
}

/* The connection is over before its steps are. */
static _Noreturn void
gone(const char *how)
{
	note(how, 0);
	note("sent", c.sent);
	_exit(1);
}

/* End at once, which resets the connection where ${hard}. */
static _Noreturn void
drop(bool hard)
{
	struct linger linger = { 1, 0 };

	if (hard)
		(void)setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &linger,
		    sizeof(linger));
	(void)close(c.fd);
	note("sent", c.sent);
	note("done", 0);
	_exit(0);
}

/* Send as it is. */
static void
send_now(const char *p, size_t n)
{
	ssize_t done;

	while (n > 0) {
		if ((done = send(c.fd, p, n, MSG_NOSIGNAL)) < 0)
			gone("unsendable");
		p += done;
		n -= (size_t)done;
		c.sent += (size_t)done;
	}
}

/* Send, with the end that was asked for. */
static void
send_cut(const char *p, size_t n)
{
	if (c.cut_at != NONE && c.sent + n >= c.cut_at) {
		send_now(p, c.cut_at - c.sent);
		drop(false);
	}
	send_now(p, n);
}

/* Send, with the pauses that were asked for. */
static void
send_text(const char *p, size_t n)
{
	size_t first;

	if (c.dribble_ms > 0) {
		for (; n > 0; p++, n--) {
			send_cut(p, 1);
			pause_ms(c.dribble_ms);
		}
	} else if (c.split_at > c.sent && c.split_at < c.sent + n) {
		first = c.split_at - c.sent;
		send_cut(p, first);
		pause_ms(split_ms);
		send_cut(p + first, n - first);
	} else if (n > 0) {
		send_cut(p, n);
	}
}

/* Some bytes of the client's; 0 at its end. */
static size_t
receive(void *p, size_t max)
{
	ssize_t n;

	if (c.held_len > 0) {
		n = (ssize_t)(c.held_len < max ? c.held_len : max);
		memcpy(p, c.held, (size_t)n);
		c.held_len -= (size_t)n;
		memmove(c.held, c.held + n, c.held_len);
		return (size_t)n;
	}
	while ((n = recv(c.fd, p, max, 0)) < 0)
		if (errno != EINTR)
			gone("reset");
	return (size_t)n;
}

/* Take ${n} bytes that belong to the request. */
static void
take(unsigned char *p, size_t n)
{
	size_t got;

	for (; n > 0; p += got, n -= got) {
		if ((got = receive(p, n)) == 0)
			gone("short");
		keep(c.request, p, got);
	}
}

/* The number that the argument is. */
static long
number(const char *arg)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(arg, &end, 10);
	if (errno != 0 || end == arg || *end != '\0' || n < 0) {
		errno = EINVAL;
		die(arg);
	}
	return n;
}

/* The position that the argument is, or that the host in the request says. */
static size_t
position(const char *arg)
{
	const char *at;

	if (strcmp(arg, "host") != 0)
		return (size_t)number(arg);
	at = memmem(c.host, c.host_len, ".split", 6);
	if (at == NULL)
		gone("nohost");
	while (at > c.host && isdigit((unsigned char)at[-1]))
		at--;
	return (size_t)strtol(at, NULL, 10);
}

/* What ${arg} stands for, into ${out}, which has as much room as it. */
static size_t
unescape(const char *arg, char *out)
{
	static const char from[] = "rnte0\\", to[] = "\r\n\t\033\0\\";
	const char *at;
	char hex[3] = "";
	size_t n = 0;

	for (; *arg != '\0'; arg++) {
		if (*arg != '\\') {
			out[n++] = *arg;
		} else if (*++arg == 'x' && isxdigit((unsigned char)arg[1]) &&
		    isxdigit((unsigned char)arg[2])) {
			memcpy(hex, arg + 1, 2);
			out[n++] = (char)strtol(hex, NULL, 16);
			arg += 2;
		} else if (*arg != '\0' && (at = strchr(from, *arg)) != NULL) {
			out[n++] = to[at - from];
		} else {
			errno = EINVAL;
			die("escape");
		}
	}
	return n;
}

/* Up to the blank line, and not a byte more. */
static void
step_head(const char *arg)
{
	unsigned char *end = NULL;
	size_t n = 0, got;

	(void)arg;
	while (end == NULL) {
		if (n == sizeof(c.held))
			gone("endless");
		got = receive(c.host + n, sizeof(c.host) - n);
		if (got == 0) {
			keep(c.request, c.host, n);
			gone("short");
		}
		n += got;
		end = memmem(c.host, n, "\r\n\r\n", 4);
	}
	c.host_len = (size_t)((char *)end + 4 - c.host);
	c.held_len = n - c.host_len;
	memcpy(c.held, c.host + c.host_len, c.held_len);
	keep(c.request, c.host, c.host_len);
}

/* Version, how many methods, and these. */
static void
step_greeting(const char *arg)
{
	unsigned char p[2 + 255];

	(void)arg;
	take(p, 2);
	take(p + 2, p[1]);
}

/* Version, and two strings. */
static void
step_auth(const char *arg)
{
	unsigned char p[256];
	int i;

	(void)arg;
	take(p, 1);
	for (i = 0; i < 2; i++) {
		take(p, 1);
		take(p + 1, p[0]);
	}
}

/* Version, command, nothing, and an address of one of three kinds. */
static void
step_target(const char *arg)
{
	unsigned char p[5 + 255 + 2];
	size_t n = 4;

	(void)arg;
	take(p, n);
	if (p[3] == 3) {
		take(p + 4, 1);
		n = 5;
		take(p + n, p[4]);
		n += p[4];
	} else {
		take(p + n, p[3] == 4 ? 16 : 4);
		n += p[3] == 4 ? 16 : 4;
	}
	take(p + n, 2);
	memcpy(c.host, p, n);
	c.host_len = n;
}

/* Nothing may come. */
static void
step_quiet(const char *arg)
{
	struct pollfd pfd = { .fd = c.fd, .events = POLLIN };
	ssize_t n;

	if (c.held_len > 0) {
		note("early", c.held_len);
	} else if (poll(&pfd, 1, (int)number(arg)) > 0) {
		n = recv(c.fd, c.held, sizeof(c.held), 0);
		c.held_len = n > 0 ? (size_t)n : 0;
		note("early", c.held_len);
	} else {
		note("quiet", 0);
	}
}

static void
step_send(const char *arg)
{
	char *text = strdup(arg);

	if (text == NULL)
		die("send");
	send_text(text, unescape(arg, text));
	free(text);
}

static void
step_repeat(const char *arg)
{
	static char piece[64 * 1024], many[64 * 1024];
	char *text;
	size_t len, n = (size_t)strtol(arg, &text, 10), i, fit;
	bool always = n == 0;

	if (*text != ':' || strlen(text + 1) > sizeof(piece)) {
		errno = EINVAL;
		die(arg);
	}
	if ((len = unescape(text + 1, piece)) == 0)
		return;
	/* Not one system call for each. */
	fit = sizeof(many) / len;
	for (i = 0; i < fit; i++)
		memcpy(many + i * len, piece, len);
	while (always || n > 0) {
		i = always || n > fit ? fit : n;
		send_text(many, i * len);
		n -= always ? 0 : i;
	}
}

static void
step_file(const char *arg)
{
	static char p[64 * 1024];
	int fd = open(arg, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		die(arg);
	while ((n = read(fd, p, sizeof(p))) > 0)
		send_text(p, (size_t)n);
	(void)close(fd);
}

static void
step_eof(const char *arg)
{
	static char p[64 * 1024];
	size_t n;

	(void)arg;
	while ((n = receive(p, sizeof(p))) > 0) {
		keep(c.stream, p, n);
		c.received += n;
	}
	note("eof", c.received);
}

static void
step_duplex(const char *arg)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		step_eof("");
		_exit(0);
	}
	step_file(arg);
	(void)shutdown(c.fd, SHUT_WR);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		_exit(1);
}

static void
step_echo(const char *arg)
{
	static char p[64 * 1024];
	size_t n;

	(void)arg;
	while ((n = receive(p, sizeof(p))) > 0) {
		keep(c.stream, p, n);
		send_text(p, n);
	}
}

static void
step_read(const char *arg)
{
	size_t left = (size_t)number(arg), n;
	char p[4096];

	for (; left > 0; left -= n) {
		n = receive(p, left < sizeof(p) ? left : sizeof(p));
		if (n == 0)
			gone("short");
		keep(c.stream, p, n);
	}
	note("read", (size_t)number(arg));
}

static void
step_split(const char *arg)
{
	c.split_at = position(arg);
}

static void
step_cut(const char *arg)
{
	c.cut_at = position(arg);
	if (c.cut_at <= c.sent)
		drop(false);
}

static void
step_dribble(const char *arg)
{
	c.dribble_ms = number(arg);
}

static void
step_pause(const char *arg)
{
	pause_ms(number(arg));
}

static void
step_shut(const char *arg)
{
	(void)arg;
	(void)shutdown(c.fd, SHUT_WR);
}

static void
step_close(const char *arg)
{
	(void)arg;
	drop(false);
}

static void
step_reset(const char *arg)
{
	(void)arg;
	drop(true);
}

static const struct step {
	const char	*name;
	void		(*fn)(const char *arg);
	bool		 arg;
} steps[] = {
	{ "head",	step_head,	false },
	{ "greeting",	step_greeting,	false },
	{ "auth",	step_auth,	false },
	{ "target",	step_target,	false },
	{ "quiet",	step_quiet,	true },
	{ "send",	step_send,	true },
	{ "repeat",	step_repeat,	true },
	{ "file",	step_file,	true },
	{ "duplex",	step_duplex,	true },
	{ "echo",	step_echo,	false },
	{ "read",	step_read,	true },
	{ "eof",	step_eof,	false },
	{ "split",	step_split,	true },
	{ "cut",	step_cut,	true },
	{ "dribble",	step_dribble,	true },
	{ "pause",	step_pause,	true },
	{ "shut",	step_shut,	false },
	{ "close",	step_close,	false },
	{ "reset",	step_reset,	false },
};

/* The step that ${word} is; its argument is *${arg}. */
static const struct step *
find_step(const char *word, const char **arg)
{
	size_t i, len = strcspn(word, ":");

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (strlen(steps[i].name) != len ||
		    strncmp(steps[i].name, word, len) != 0 ||
		    steps[i].arg != (word[len] == ':'))
			continue;
		*arg = word + len + (word[len] == ':');
		return &steps[i];
	}
	return NULL;
}

/* A file of connection ${n}. */
static int
open_file(unsigned n, const char *what)
{
	char path[4096];
	int fd, len;

	len = folder == NULL ? snprintf(path, sizeof(path), "/dev/null") :
	    snprintf(path, sizeof(path), "%s/%u.%s", folder, n, what);
	if (len < 0 || (size_t)len >= sizeof(path))
		die("path");
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		die(path);
	return fd;
}

/* Connection ${n} from its beginning to its end. */
static _Noreturn void
serve(int fd, unsigned n, char **words)
{
	const struct step *step;
	const char *arg;
	int one = 1;

	c.fd = fd;
	c.split_at = c.cut_at = NONE;
	c.request = open_file(n, "request");
	c.stream = open_file(n, "stream");
	c.notes = open_file(n, "notes");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	for (; *words != NULL; words++) {
		step = find_step(*words, &arg);
		step->fn(arg);
	}
	(void)shutdown(fd, SHUT_WR);
	step_eof("");
	drop(false);
}

/* Wait for one child, or see whether one has ended; its part in our status. */
static int
reap(int flags, unsigned *left)
{
	int status, bad = 0;

	while (*left > 0 && waitpid(-1, &status, flags) > 0) {
		(*left)--;
		if (!WIFEXITED(status))
			bad = 1;
		else if (WEXITSTATUS(status) > bad)
			bad = WEXITSTATUS(status);
	}
	return bad;
}

/* Take ${max} connections; the exit status. */
static int
take_all(int listener, unsigned max, unsigned seconds, char **words)
{
	unsigned n = 0, left = 0;
	int fd, bad = 0, one;
	pid_t pid, parent = getpid();

	while (max == 0 || n < max) {
		if ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			die("accept");
		}
		n++;
		if ((pid = fork()) < 0)
			die("fork");
		if (pid == 0) {
			(void)close(listener);
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != parent)
				_exit(2);
			(void)alarm(seconds);
			serve(fd, n, words);
		}
		(void)close(fd);
		left++;
		if ((one = reap(WNOHANG, &left)) > bad)
			bad = one;
	}
	(void)close(listener);
	one = reap(0, &left);
	return one > bad ? one : bad;
}

/* Listen on ${address}; *${port} is where. */
static int
listen_on(const char *address, bool full, char port[NI_MAXSERV])
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	}, *ai;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd;

	if (getaddrinfo(address, "0", &hints, &ai) != 0)
		die(address);
	if ((fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 ||
	    listen(fd, full ? 0 : 128) != 0 ||
	    getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		die("listen");
	freeaddrinfo(ai);
	if (getnameinfo((const struct sockaddr *)&ss, len, NULL, 0, port,
	    NI_MAXSERV, NI_NUMERICSERV) != 0)
		die("port");
	return fd;
}

/* Take all the room that there is for connections nobody has accepted. */
static void
fill(int listener)
{
	struct sockaddr_storage ss;
	struct pollfd pfd = { .events = POLLOUT };
	socklen_t len = sizeof(ss);
	int i;

	if (getsockname(listener, (struct sockaddr *)&ss, &len) != 0)
		die("getsockname");
	for (i = 0; i < 64; i++) {
		pfd.fd = socket(ss.ss_family,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (pfd.fd < 0)
			die("socket");
		if (connect(pfd.fd, (const struct sockaddr *)&ss, len) == 0)
			continue;
		if (errno != EINPROGRESS)
			die("connect");
		if (poll(&pfd, 1, 200) == 0)
			return;
	}
	errno = EDQUOT;
	die("the queue is never full");
}

int
main(int argc, char **argv)
{
	const char *address = "127.0.0.1", *arg;
	char port[NI_MAXSERV];
	unsigned max = 1, seconds = 120;
	bool full = false;
	int opt, i, fd;

	while ((opt = getopt(argc, argv, "+a:c:d:fp:t:")) != -1) {
		switch (opt) {
		case 'a': address = optarg; break;
		case 'c': max = (unsigned)number(optarg); break;
		case 'd': folder = optarg; break;
		case 'f': full = true; break;
		case 'p': split_ms = number(optarg); break;
		case 't': seconds = (unsigned)number(optarg); break;
		default: return 2;
		}
	}
	for (i = optind; i < argc; i++) {
		if (find_step(argv[i], &arg) == NULL) {
			(void)fprintf(stderr, "fakeproxy: %s?\n", argv[i]);
			return 2;
		}
	}
	(void)alarm(seconds);
	fd = listen_on(address, full, port);
	if (full)
		fill(fd);
	(void)printf("%s\n", port);
	if (fflush(stdout) != 0 || freopen("/dev/null", "w", stdout) == NULL)
		die("stdout");
	if (full)
		return pause() < 0;
	return take_all(fd, max, seconds, argv + optind);
}
