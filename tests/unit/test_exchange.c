/*
 * Asking a proxy for a tunnel.  A thread is the proxy and goes by a script;
 * what is left on the socket afterwards must be what belongs to the tunnel.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "forwarder/dial.h"
#include "forwarder/exchange.h"
#include "version.h"

/* What is long enough for anything that happens at all. */
#define PATIENCE_MS	60000
/* What is waited for in vain. */
#define SHORT_MS	150
/* Less than how long a body is waited for, and how often it is tried: a busy
 * machine may take longer, but who waits does so each time. */
#define AT_ONCE_MS	900
#define TRIES		20

int __wrap_dial_lookup(const struct target *t, int64_t deadline,
    struct target *out, char *why, size_t whylen);

/* What names stand for; NULL: nothing. */
static const char *looked_up;
static unsigned lookups;

int
__wrap_dial_lookup(const struct target *t, int64_t deadline,
    struct target *out, char *why, size_t whylen)
{
	char port[8];

	(void)deadline;
	lookups++;
	if (looked_up == NULL) {
		(void)snprintf(why, whylen, "cannot look %s up: no", t->host);
		return ST_NOT_FOUND;
	}
	(void)snprintf(port, sizeof(port), "%u", t->port);
	return target_parse(looked_up, port, out, why, whylen);
}

/*
 * The proxy.
 */

enum step_kind {
	STEP_END,
	STEP_EXPECT,	/* these bytes */
	STEP_HEAD,	/* all up to an empty line */
	STEP_SEND,	/* these bytes, in pieces */
	STEP_PAUSE,	/* so many milliseconds */
	STEP_CLOSE,
};

struct step {
	enum step_kind	 kind;
	const void	*p;
	size_t		 n;
};

#define EXPECT(s)	{ STEP_EXPECT, s, sizeof(s) - 1 }
#define HEAD		{ STEP_HEAD, NULL, 0 }
#define SEND(s)		{ STEP_SEND, s, sizeof(s) - 1 }
#define PAUSE(ms)	{ STEP_PAUSE, NULL, ms }
#define CLOSE		{ STEP_CLOSE, NULL, 0 }
#define END		{ STEP_END, NULL, 0 }

/* What is asked, with whom, and what came of it. */
static struct {
	struct proxy		 proxy;
	struct target		 target;
	const char		*extra[HTTPCONNECT_EXTRA_MAX];
	size_t			 n_extra;
	int			 wait_ms;
	const struct step	*steps;
	size_t			 piece;		/* of what is sent; 0: whole */
	int			 fd[2];		/* ours, theirs */
	const char		*fault;		/* of the proxy's */
	bool			 late;		/* it need not come so far */
	char			 head[HTTPCONNECT_REQUEST_MAX];
	size_t			 head_len;

	struct refusal		 r;
	int			 st;
	int64_t			 took_ms;
} x;

/* One byte, or false. */
static bool
get_byte(uint8_t *c)
{
	struct pollfd p = { .fd = x.fd[1], .events = POLLIN };

	return poll(&p, 1, PATIENCE_MS) == 1 && read(x.fd[1], c, 1) == 1;
}

static const char *
expect_bytes(const uint8_t *p, size_t n)
{
	uint8_t c;

	for (; n > 0; n--, p++)
		if (!get_byte(&c) || c != *p)
			return "what was asked is not what was expected";
	return NULL;
}

static const char *
expect_head(void)
{
	uint8_t c;

	x.head_len = 0;
	while (x.head_len < 4 ||
	    memcmp(x.head + x.head_len - 4, "\r\n\r\n", 4) != 0) {
		if (!get_byte(&c) || x.head_len == sizeof(x.head) - 1)
			return "no whole request came";
		x.head[x.head_len++] = (char)c;
	}
	x.head[x.head_len] = '\0';
	return NULL;
}

static void
send_pieces(const char *p, size_t n)
{
	size_t len;

	while (n > 0) {
		len = x.piece > 0 && x.piece < n ? x.piece : n;
		/* The other side may have had enough. */
		if (send(x.fd[1], p, len, MSG_NOSIGNAL) != (ssize_t)len)
			return;
		p += len;
		n -= len;
	}
}

static void
pause_ms(size_t ms)
{
	const struct timespec t = { .tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);
}

static void *
proxy_main(void *cookie)
{
	const struct step *s;

	(void)cookie;
	for (s = x.steps; s->kind != STEP_END && x.fault == NULL; s++)
		switch (s->kind) {
		case STEP_EXPECT:
			x.fault = expect_bytes(s->p, s->n);
			break;
		case STEP_HEAD:
			x.fault = expect_head();
			break;
		case STEP_SEND:
			send_pieces(s->p, s->n);
			break;
		case STEP_PAUSE:
			pause_ms(s->n);
			break;
		case STEP_CLOSE:
			(void)close(x.fd[1]);
			x.fd[1] = -1;
			break;
		case STEP_END:
			break;
		}
	return NULL;
}

static void
set_proxy(const char *url)
{
	char why[256];

	assert_int_equal(proxyurl_parse(url, &x.proxy, why, sizeof(why)),
	    ST_OK);
}

static void
set_target(const char *host)
{
	char why[256];

	assert_int_equal(target_parse(host, "22", &x.target, why,
	    sizeof(why)), ST_OK);
}

static int
setup(void **state)
{
	(void)state;
	memset(&x, 0, sizeof(x));
	x.wait_ms = PATIENCE_MS;
	set_proxy("http://proxy:3128");
	set_target("host.example");
	looked_up = NULL;
	lookups = 0;
	return 0;
}

/* Ask, and be answered by ${steps}. */
static void
ask(const struct step *steps)
{
	struct exchange ex = { .proxy = &x.proxy, .target = &x.target,
		.extra = x.extra, .n_extra = x.n_extra };
	pthread_t thread;
	int64_t start;

	x.steps = steps;
	x.fault = NULL;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, x.fd), 0);
	assert_int_equal(fcntl(x.fd[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(pthread_create(&thread, NULL, proxy_main, NULL), 0);
	start = clock_ms();
	ex.deadline = start + x.wait_ms;
	x.st = exchange_open(&ex, x.fd[0], &x.r);
	x.took_ms = clock_ms() - start;
	/* It may have more to say, and nobody who listens. */
	if (x.st != ST_OK)
		(void)shutdown(x.fd[0], SHUT_RDWR);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* It is over; ${left} is still on the socket. */
static void
done(const char *left)
{
	char buf[1024];
	ssize_t n;

	if (x.fault != NULL && !x.late)
		fail_msg("%s", x.fault);
	if (left != NULL) {
		n = recv(x.fd[0], buf, sizeof(buf), MSG_DONTWAIT);
		assert_int_equal(n < 0 ? 0 : n, strlen(left));
		assert_memory_equal(buf, left, strlen(left));
	}
	(void)close(x.fd[0]);
	if (x.fd[1] >= 0)
		(void)close(x.fd[1]);
}

/* A yes, with ${left} behind it. */
static void
yes(const struct step *steps, const char *what, const char *left)
{
	ask(steps);
	if (x.st != ST_OK)
		fail_msg("status %d, code %d, %s", x.st, x.r.code, x.r.what);
	assert_string_equal(x.r.what, what);
	done(left);
}

/* Anything else. */
static void
no(const struct step *steps, int st, enum exit_code code, const char *what)
{
	ask(steps);
	if (x.st != st || x.r.code != code || strcmp(x.r.what, what) != 0)
		fail_msg("status %d, code %d, %s", x.st, x.r.code, x.r.what);
	done(NULL);
}

/* The same, and nothing is waited for. */
static void
no_at_once(const struct step *steps, int st, enum exit_code code,
    const char *what)
{
	for (unsigned i = 0; i < TRIES; i++) {
		no(steps, st, code, what);
		if (x.took_ms < AT_ONCE_MS)
			return;
	}
	fail_msg("it took %lld ms", (long long)x.took_ms);
}

/* What is no answer. */
static void
none(const struct step *steps, const char *what, const char *advice)
{
	no(steps, ST_MALFORMED, EXIT_ANSWER, what);
	assert_string_equal(x.r.advice, advice);
}

#define ASK_KIND	"is there a proxy of this kind at this address?"
#define ASK_WAIT	"is it a proxy of this kind?  It may be waiting for " \
	"the host: see --answer-timeout"

/*
 * HTTP.
 */

static void
a_yes_leaves_the_tunnel_on_the_socket(void **state)
{
	static const struct step crlf[] = { HEAD,
		SEND("HTTP/1.1 200 Connection established\r\nA: b\r\n\r\n"
		    "SSH-2.0-x\r\n\r\n"), END };
	static const struct step lf[] = { HEAD,
		SEND("HTTP/1.0 200 OK\n\n\n\nSSH"), END };
	static const struct step nothing_behind[] = { HEAD,
		SEND("HTTP/1.1 200 OK\r\n\r\n"), END };
	static const struct step closed_behind[] = { HEAD,
		SEND("HTTP/1.1 200 OK\r\n\r\nbye"), CLOSE, END };
	size_t piece;

	(void)state;
	for (piece = 0; piece < 64; piece++) {
		x.piece = piece;
		yes(crlf, "200 Connection established", "SSH-2.0-x\r\n\r\n");
		assert_string_equal(x.head, "CONNECT host.example:22 HTTP/1.1"
		    "\r\nHost: host.example:22\r\nUser-Agent: bottle-forward/"
		    BOTTLE_VERSION "\r\n\r\n");
		yes(lf, "200 OK", "\n\nSSH");
		yes(nothing_behind, "200 OK", "");
		yes(closed_behind, "200 OK", "bye");
	}
}

static void
credentials_and_headers_are_sent(void **state)
{
	static const struct step steps[] = { HEAD,
		SEND("HTTP/1.1 200 OK\r\n\r\n"), END };

	(void)state;
	set_proxy("http://user:pass@proxy");
	x.extra[0] = "X-A: 1";
	x.n_extra = 1;
	yes(steps, "200 OK", "");
	assert_non_null(strstr(x.head,
	    "\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\nX-A: 1\r\n\r\n"));
}

static void
every_2xx_is_a_yes_and_has_no_body(void **state)
{
	char text[128];
	struct step steps[] = { HEAD, { STEP_SEND, text, 0 }, END };
	unsigned status;

	(void)state;
	for (status = 200; status < 300; status++) {
		steps[1].n = (size_t)snprintf(text, sizeof(text),
		    "HTTP/1.1 %u\r\nContent-Length: 5\r\n\r\nSSH-2", status);
		ask(steps);
		assert_int_equal(x.st, ST_OK);
		done("SSH-2");
	}
}

static void
three_hundred_is_a_no(void **state)
{
	static const struct step steps[] = { HEAD,
		SEND("HTTP/1.1 300 Choices\r\nContent-Length: 3\r\n\r\nwhy"),
		END };

	(void)state;
	no(steps, ST_DENIED, EXIT_DENIED, "300 Choices");
	assert_string_equal(x.r.said, "why");
}

static void
interim_answers_are_passed_over(void **state)
{
	static char text[4096];
	struct step steps[] = { HEAD, { STEP_SEND, text, 0 }, END };
	int n, i, len;

	(void)state;
	for (n = 1; n <= HTTPCONNECT_INTERIM_MAX + 1; n++) {
		len = 0;
		for (i = 0; i < n; i++)
			len += snprintf(text + len, sizeof(text) - (size_t)len,
			    "HTTP/1.1 %d x\r\nA: b\r\n\r\n",
			    i % 2 == 0 ? 100 : 103);
		len += snprintf(text + len, sizeof(text) - (size_t)len,
		    "HTTP/1.1 200 OK\r\n\r\nSSH");
		steps[1].n = (size_t)len;
		if (n <= HTTPCONNECT_INTERIM_MAX)
			yes(steps, "200 OK", "SSH");
		else
			none(steps, "its interim answers (1xx) have no end",
			    ASK_KIND);
	}
}

static void
another_protocol_is_no_answer(void **state)
{
	static const struct step steps[] = { HEAD,
		SEND("HTTP/1.1 101 Switching\r\n\r\n"), END };

	(void)state;
	none(steps, "it changes the protocol (101)", ASK_KIND);
}

static void
a_head_has_64_kib_at_most(void **state)
{
	static char text[HTTPCONNECT_HEAD_MAX + 8];
	struct step steps[] = { HEAD, { STEP_SEND, text, 0 }, END };

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "HTTP/1.1 200 OK\r\nA: ", 20);
	memcpy(text + HTTPCONNECT_HEAD_MAX - 4, "\r\n\r\nSSH", 7);
	steps[1].n = HTTPCONNECT_HEAD_MAX + 3;
	yes(steps, "200 OK", "SSH");

	memcpy(text + HTTPCONNECT_HEAD_MAX - 4, "x\r\n\r\nSSH", 8);
	steps[1].n = HTTPCONNECT_HEAD_MAX + 4;
	none(steps, "its head has no end", ASK_KIND);
}

static void
interim_answers_count_for_the_64_kib(void **state)
{
	static char text[2 * HTTPCONNECT_HEAD_MAX];
	struct step steps[] = { HEAD, { STEP_SEND, text, 0 }, END };
	size_t first = 40000, last;

	(void)state;
	for (last = HTTPCONNECT_HEAD_MAX - first;; last++) {
		memset(text, 'x', sizeof(text));
		memcpy(text, "HTTP/1.1 100 C\r\nA: ", 19);
		memcpy(text + first - 4, "\r\n\r\n", 4);
		memcpy(text + first, "HTTP/1.1 200 OK\r\nA: ", 20);
		memcpy(text + first + last - 4, "\r\n\r\n", 4);
		steps[1].n = first + last;
		if (first + last > HTTPCONNECT_HEAD_MAX)
			break;
		yes(steps, "200 OK", "");
	}
	none(steps, "its head has no end", ASK_KIND);
}

static void
what_is_not_http_is_shown_and_guessed_at(void **state)
{
	static const struct {
		struct step	 steps[4];
		const char	*said, *advice;
	} t[] = {
		{ { HEAD, SEND("\x05\xff"), CLOSE, END }, "\\x05\\xff",
		    "it looks like a SOCKS proxy: try socks5h://" },
		{ { HEAD, SEND("\x15\x03\x01\x00\x02"), CLOSE, END },
		    "\\x15\\x03\\x01\\x00\\x02",
		    "it looks like TLS: is there a port without?" },
		{ { HEAD, SEND("\x16\x03"), CLOSE, END }, "\\x16\\x03",
		    "it looks like TLS: is there a port without?" },
		{ { SEND("SSH-2.0-OpenSSH\r\n"), HEAD, END },
		    "SSH-2.0-OpenSSH", "it is an SSH server, not a proxy" },
		{ { HEAD, SEND("220 mail\x1b[m\nx"), CLOSE, END },
		    "220 mail\\x1b[m", ASK_KIND },
		{ { HEAD, SEND("HTTP/1.1 200 OK\rX"), CLOSE, END },
		    "HTTP/1.1 200 OK", ASK_KIND },
		{ { HEAD, SEND("HTTP/1.1 2x0 OK\r\n\r\n"), CLOSE, END },
		    "HTTP/1.1 2x0 OK", ASK_KIND },
		{ { HEAD, SEND("HTTP/2 200\r\n\r\n"), CLOSE, END },
		    "HTTP/2 200", ASK_KIND },
		{ { HEAD, SEND("\n"), CLOSE, END }, "", ASK_KIND },
		{ { HEAD, SEND("12345678901234567890123456789012345678901234567"
		    "8901234567890123"), CLOSE, END },
		    "123456789012345678901234567890123456789012345678901234567"
		    "890", ASK_KIND },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		none(t[i].steps, "what came is not HTTP", t[i].advice);
		assert_string_equal(x.r.said, t[i].said);
	}
}

static void
who_hangs_up_gives_no_answer(void **state)
{
	static const struct step at_once[] = { CLOSE, END };
	static const struct step without[] = { HEAD, CLOSE, END };
	static const struct step in_the_middle[] = { HEAD,
		SEND("HTTP/1.1 200 OK\r\n\r"), CLOSE, END };
	static const struct step after_interim[] = { HEAD,
		SEND("HTTP/1.1 100 C\r\n\r\n"), CLOSE, END };

	(void)state;
	none(at_once, "it hung up without an answer", ASK_KIND);
	none(without, "it hung up without an answer", ASK_KIND);
	none(in_the_middle, "it hung up in the middle of its answer",
	    ASK_KIND);
	none(after_interim, "it hung up without an answer", ASK_KIND);
}

static void
the_whole_answer_has_one_deadline(void **state)
{
	static const struct step silent[] = { HEAD, END };
	static const struct step half[] = { HEAD, SEND("HTTP/1.1 200 OK\r\n"),
		END };
	/* Each of them is in time. */
	static const struct step drops[] = { HEAD, PAUSE(SHORT_MS / 2),
		SEND("HTTP/1.1 100 C\r\n\r\n"), PAUSE(SHORT_MS / 2),
		SEND("HTTP/1.1 200"), PAUSE(SHORT_MS / 2),
		SEND(" OK\r\n"), PAUSE(SHORT_MS / 2),
		SEND("\r\n"), END };
	static const struct step *const all[] = { silent, half, drops };
	size_t i;

	(void)state;
	x.wait_ms = SHORT_MS;
	x.late = true;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		none(all[i], "no answer in time", ASK_WAIT);
		assert_true(x.took_ms >= SHORT_MS);
		assert_true(x.took_ms < SHORT_MS + 5000);
	}
}

static void
a_no_is_told_with_what_its_body_says(void **state)
{
	static const struct {
		struct step	 steps[6];
		const char	*said;
		bool		 waits;
	} t[] = {
		/* The connection stays open: the length says when to stop. */
		{ { HEAD, SEND("HTTP/1.1 403 Forbidden\r\nContent-Length: 6"
		    "\r\n\r\nblocked"), END }, "blocke", false },
		{ { HEAD, SEND("HTTP/1.1 403 Forbidden\r\nContent-Length: 0"
		    "\r\n\r\n"), END }, "", false },
		{ { HEAD, SEND("HTTP/1.1 403 Forbidden\r\n\r\nto the end"),
		    CLOSE, END }, "to the end", false },
		{ { HEAD, SEND("HTTP/1.1 403 Forbidden\r\n\r\nto "),
		    PAUSE(50), SEND("the end"), CLOSE, END }, "to the end",
		    false },
		{ { HEAD, SEND("HTTP/1.1 403 Forbidden\r\n\r\n"), CLOSE,
		    END }, "", false },
		{ { HEAD, SEND("HTTP/1.1 403 Forbidden\r\nContent-Length: 9"
		    "\r\n\r\nshort"), CLOSE, END }, "short", false },
		{ { HEAD, SEND("HTTP/1.1 403 Forbidden\r\n\r\nno end"), END },
		    "no end", true },
		{ { HEAD, SEND("HTTP/1.1 403 Forbidden\r\nContent-Length: 9"
		    "\r\n\r\nshort"), END }, "short", true },
		/* A length beside chunks is none. */
		{ { HEAD, SEND("HTTP/1.1 403 Forbidden\r\nContent-Length: 1"
		    "\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "5\r\nhello\r\n0\r\n\r\n"), CLOSE, END }, "hello", false },
		/* Nor need who sends the last chunk close anything. */
		{ { HEAD, SEND("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: "
		    "chunked\r\n\r\n3\r\nhel\r\n"), PAUSE(50),
		    SEND("2\r\nlo\r\n0\r\n\r\n"), END }, "hello", false },
		/* A reason that is there to its end is waited for no more. */
		{ { HEAD, SEND("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: "
		    "chunked\r\n\r\n6\r\nhello\n\r\n"), END }, "hello",
		    false },
		{ { HEAD, SEND("HTTP/1.1 403 Forbidden\r\n\r\n"),
		    PAUSE(50), SEND("a line\n"), END }, "a line", false },
		{ { HEAD, SEND("HTTP/1.1 403 Forbidden\r\n\r\n"
		    "{\"x\":{}, \"message\""), PAUSE(50), SEND(": \"no\" }"),
		    END }, "no", false },
		{ { HEAD, SEND("HTTP/1.1 403 Forbidden\r\n\r\n{\"x\":{}}"),
		    END }, "{\"x\":{}}", false },
		{ { HEAD, SEND("HTTP/1.1 403 Forbidden\r\n\r\n<title>no</"),
		    END }, "no", false },
		/* One that is not there yet is. */
		{ { HEAD, SEND("HTTP/1.1 403 Forbidden\r\n\r\n{\n"),
		    PAUSE(300), SEND("\"message\": \"no\" }"), END }, "no",
		    false },
		{ { HEAD, SEND("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: "
		    "chunked\r\n\r\n5\r\nhello\r\n"), END }, "hello", true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(t[i].waits ? no : no_at_once)(t[i].steps, ST_DENIED,
		    EXIT_DENIED, "403 Forbidden");
		assert_string_equal(x.r.said, t[i].said);
		if (t[i].waits)
			assert_in_range(x.took_ms, 1000, PATIENCE_MS - 1);
	}
	/* Nor does it wait longer than for the answer, if that comes in
	 * time. */
	x.wait_ms = SHORT_MS;
	for (i = 0; i < TRIES; i++) {
		ask(t[6].steps);
		done(NULL);
		if (x.st != ST_MALFORMED && x.took_ms < AT_ONCE_MS)
			break;
	}
	assert_int_equal(x.st, ST_DENIED);
	assert_string_equal(x.r.said, "no end");
	assert_true(x.took_ms < AT_ONCE_MS);
}

static void
a_body_has_4_kib_at_most(void **state)
{
	static char text[ANSWERBODY_MAX + 200];
	struct step steps[] = { HEAD, { STEP_SEND, text, 0 }, END };
	static const char word[] = "api allowlist";
	size_t head;

	(void)state;
	head = (size_t)snprintf(text, sizeof(text),
	    "HTTP/1.1 403 Forbidden\r\nContent-Length: 9999\r\n\r\n");
	/* What is known by a word at its end is known, or just not. */
	memset(text + head, 'x', sizeof(text) - head);
	memcpy(text + head + ANSWERBODY_MAX - (sizeof(word) - 1), word,
	    sizeof(word) - 1);
	steps[1].n = sizeof(text);
	for (x.piece = 0; x.piece < 2000; x.piece += 700) {
		no_at_once(steps, ST_DENIED, EXIT_DENIED, "403 Forbidden");
		assert_non_null(strstr(x.r.advice, "api_allowlist"));
	}

	memset(text + head, 'x', sizeof(text) - head);
	memcpy(text + head + ANSWERBODY_MAX - (sizeof(word) - 2), word,
	    sizeof(word) - 1);
	no(steps, ST_DENIED, EXIT_DENIED, "403 Forbidden");
	assert_null(strstr(x.r.advice, "api_allowlist"));
}

static void
a_no_before_the_request_was_read_is_heard(void **state)
{
	static const struct step steps[] = {
		SEND("HTTP/1.1 403 Early\r\n\r\nno"), CLOSE, END };
	static char line[HTTPCONNECT_EXTRA_LEN + 1];
	size_t i;

	(void)state;
	memset(line, 'x', HTTPCONNECT_EXTRA_LEN);
	line[1] = ':';
	for (i = 0; i < HTTPCONNECT_EXTRA_MAX; i++)
		x.extra[i] = line;
	x.n_extra = HTTPCONNECT_EXTRA_MAX;
	for (i = 0; i < 50; i++) {
		no(steps, ST_DENIED, EXIT_DENIED, "403 Early");
		assert_string_equal(x.r.said, "no");
	}
}

static void
logins_are_asked_for_or_corrected(void **state)
{
	static const struct step steps[] = { HEAD,
		SEND("HTTP/1.1 407 Auth\r\nContent-Length: 0\r\n\r\n"), END };

	(void)state;
	no(steps, ST_DENIED, EXIT_LOGIN, "407 Auth");
	assert_non_null(strstr(x.r.advice, "--auth-file"));
	set_proxy("http://u:p@proxy");
	no(steps, ST_DENIED, EXIT_LOGIN, "407 Auth");
	assert_non_null(strstr(x.r.advice, "correct them"));
}

static void
what_is_no_socket_is_a_fault_of_ours(void **state)
{
	struct exchange ex = { .proxy = &x.proxy, .target = &x.target,
		.deadline = clock_ms() + PATIENCE_MS };

	(void)state;
	assert_int_equal(exchange_open(&ex, 999, &x.r), ST_SYSTEM);
	assert_int_equal(x.r.code, EXIT_FAILED);
	assert_string_equal(x.r.what, "Bad file descriptor");
	set_proxy("socks5h://proxy");
	assert_int_equal(exchange_open(&ex, 999, &x.r), ST_SYSTEM);
	assert_int_equal(x.r.code, EXIT_FAILED);
	assert_string_equal(x.r.what, "Bad file descriptor");
}

/*
 * SOCKS.
 */

#define HELLO		EXPECT("\x05\x01\x00")
#define HELLO_AUTH	EXPECT("\x05\x02\x00\x02")
#define LOGIN		EXPECT("\x01\x04user\x04pass")
#define CONNECT		EXPECT("\x05\x01\x00\x03\x0chost.example\x00\x16")
#define GRANT		"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"

static void
socks_gives_a_tunnel_and_leaves_it_on_the_socket(void **state)
{
	static const struct step four[] = { HELLO, SEND("\x05\x00"), CONNECT,
		SEND(GRANT "SSH-2.0-x"), END };
	static const struct step six[] = { HELLO, SEND("\x05\x00"), CONNECT,
		SEND("\x05\x00\x00\x04" "0123456789abcdef" "\x00\x16" "SSH"),
		END };
	static const struct step name[] = { HELLO, SEND("\x05\x00"), CONNECT,
		SEND("\x05\x00\x00\x03\x03" "abc" "\x00\x16" "SSH"), END };
	static const struct step empty[] = { HELLO, SEND("\x05\x00"), CONNECT,
		SEND("\x05\x00\x00\x03\x00" "\x00\x16" "SSH"), END };
	static uint8_t longest[5 + 255 + 2 + 3] = { 5, 0, 0, 3, 255 };
	static const struct step all[] = { HELLO, SEND("\x05\x00"), CONNECT,
		{ STEP_SEND, longest, sizeof(longest) }, END };
	size_t piece;

	(void)state;
	memcpy(longest + sizeof(longest) - 3, "SSH", 3);
	set_proxy("socks5h://proxy");
	for (piece = 0; piece < 24; piece++) {
		x.piece = piece;
		yes(four, "succeeded", "SSH-2.0-x");
		yes(six, "succeeded", "SSH");
		yes(name, "succeeded", "SSH");
		yes(empty, "succeeded", "SSH");
		yes(all, "succeeded", "SSH");
	}
	assert_int_equal(lookups, 0);
}

static void
socks_logs_in_when_it_is_asked_to(void **state)
{
	static const struct step asked[] = { HELLO_AUTH, SEND("\x05\x02"),
		LOGIN, SEND("\x01\x00"), CONNECT, SEND(GRANT), END };
	static const struct step not_asked[] = { HELLO_AUTH, SEND("\x05\x00"),
		CONNECT, SEND(GRANT), END };
	size_t piece;

	(void)state;
	set_proxy("socks5h://user:pass@proxy");
	for (piece = 0; piece < 3; piece++) {
		x.piece = piece;
		yes(asked, "succeeded", "");
		yes(not_asked, "succeeded", "");
	}
}

static void
socks_that_lets_nobody_in_wants_credentials(void **state)
{
	static const struct step none_taken[] = { HELLO, SEND("\x05\xff"),
		CLOSE, END };
	static const struct step neither_taken[] = { HELLO_AUTH,
		SEND("\x05\xff"), CLOSE, END };
	static const struct step wrong[] = { HELLO_AUTH, SEND("\x05\x02"),
		LOGIN, SEND("\x01\x01"), CLOSE, END };

	(void)state;
	set_proxy("socks5h://proxy");
	no(none_taken, ST_DENIED, EXIT_LOGIN, "it wants credentials");
	assert_string_equal(x.r.advice, "put USER:PASSWORD into a file of mode "
	    "600 and name it with --auth-file, or into the URL of the proxy "
	    "variable");
	set_proxy("socks5h://user:pass@proxy");
	no(neither_taken, ST_DENIED, EXIT_LOGIN,
	    "it takes neither a password nor none");
	assert_string_equal(x.r.advice, "correct user and password");
	no(wrong, ST_DENIED, EXIT_LOGIN,
	    "it does not take this user and password");
	assert_string_equal(x.r.advice, "correct user and password");
}

static void
a_password_above_255_bytes_is_none_for_socks(void **state)
{
	static const struct step steps[] = { HELLO_AUTH, SEND("\x05\x02"),
		END };

	(void)state;
	set_proxy("socks5h://user:pass@proxy");
	x.proxy.auth.password_len = 256;
	no(steps, ST_TOO_LARGE, EXIT_USAGE, "the password is too long for "
	    "SOCKS, which takes 255 bytes");
}

static void
socks_may_say_no_in_two_bytes(void **state)
{
	uint8_t reply[10] = { 5, 0, 0, 1 };
	struct step steps[] = { HELLO, SEND("\x05\x00"), CONNECT,
		{ STEP_SEND, reply, 0 }, CLOSE, END };
	int64_t soonest = INT64_MAX;
	unsigned code;

	(void)state;
	set_proxy("socks5h://proxy");
	for (code = 1; code < 256; code++)
		for (steps[3].n = 2; steps[3].n <= sizeof(reply);
		    steps[3].n += 8) {
			reply[1] = (uint8_t)code;
			ask(steps);
			assert_int_equal(x.st, ST_DENIED);
			assert_int_equal(x.r.code, code == 2 || code == 7 ?
			    EXIT_DENIED : EXIT_TARGET);
			done(NULL);
			soonest = x.took_ms < soonest ? x.took_ms : soonest;
		}
	assert_true(soonest < AT_ONCE_MS);
	reply[1] = 5;
	steps[3].n = 2;
	no_at_once(steps, ST_DENIED, EXIT_TARGET,
	    "reply 5, connection refused");
}

static void
what_is_not_socks_is_guessed_at(void **state)
{
	static const struct {
		struct step	 steps[6];
		const char	*advice;
	} t[] = {
		{ { HELLO, SEND("HTTP/1.1 400 Bad Request\r\n\r\n"), CLOSE,
		    END }, "it looks like an HTTP proxy: try http://" },
		{ { HELLO, SEND("\x04\x00"), CLOSE, END }, ASK_KIND },
		{ { HELLO, SEND("\x05\x02"), CLOSE, END }, ASK_KIND },
		{ { HELLO, SEND("SSH-2.0-x\r\n"), CLOSE, END }, ASK_KIND },
		{ { HELLO, SEND("\x05\x00"), CONNECT, SEND("\x04\x00"), CLOSE,
		    END }, ASK_KIND },
		{ { HELLO, SEND("\x05\x00"), CONNECT, SEND("\x05\x00\x01"
		    "\x01\x00"), CLOSE, END }, ASK_KIND },
		{ { HELLO, SEND("\x05\x00"), CONNECT, SEND("\x05\x00\x00"
		    "\x02\x00"), CLOSE, END }, ASK_KIND },
	};
	static const struct step login[] = { HELLO_AUTH, SEND("\x05\x02"),
		LOGIN, SEND("\x05\x00"), CLOSE, END };
	size_t i;

	(void)state;
	set_proxy("socks5h://proxy");
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		none(t[i].steps, "what came is not SOCKS 5", t[i].advice);
	set_proxy("socks5h://user:pass@proxy");
	none(login, "what came is not SOCKS 5", ASK_KIND);
}

static void
socks_that_hangs_up_gives_no_answer(void **state)
{
	static const struct {
		struct step	 steps[6];
		const char	*what;
	} t[] = {
		{ { HELLO, CLOSE, END }, "it hung up without an answer" },
		{ { HELLO, SEND("\x05"), CLOSE, END },
		    "it hung up without an answer" },
		{ { HELLO, SEND("\x05\x00"), CONNECT, CLOSE, END },
		    "it hung up without an answer" },
		{ { HELLO, SEND("\x05\x00"), CONNECT, SEND("\x05\x00"), CLOSE,
		    END }, "it hung up in the middle of its answer" },
		{ { HELLO, SEND("\x05\x00"), CONNECT, SEND("\x05\x00\x00\x01"
		    "\x01\x02\x03\x04\x00"), CLOSE, END },
		    "it hung up in the middle of its answer" },
	};
	static const struct step login[] = { HELLO_AUTH, SEND("\x05\x02"),
		LOGIN, CLOSE, END };
	size_t i;

	(void)state;
	set_proxy("socks5h://proxy");
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		none(t[i].steps, t[i].what, ASK_KIND);
	set_proxy("socks5h://user:pass@proxy");
	none(login, "it hung up without an answer", ASK_KIND);
}

static void
socks_has_one_deadline_for_all(void **state)
{
	static const struct {
		struct step	 steps[8];
	} t[] = {
		{ { HELLO, END } },
		{ { HELLO, SEND("\x05"), END } },
		{ { HELLO, SEND("\x05\x00"), CONNECT, END } },
		{ { HELLO, SEND("\x05\x00"), CONNECT, SEND("\x05\x00\x00"),
		    END } },
		{ { HELLO, PAUSE(SHORT_MS / 2), SEND("\x05\x00"), CONNECT,
		    PAUSE(SHORT_MS / 2), SEND("\x05\x00\x00\x01"),
		    PAUSE(SHORT_MS / 2), END } },
	};
	size_t i;

	(void)state;
	set_proxy("socks5h://proxy");
	x.wait_ms = SHORT_MS;
	x.late = true;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		none(t[i].steps, "no answer in time", ASK_WAIT);
		assert_true(x.took_ms >= SHORT_MS);
		assert_true(x.took_ms < SHORT_MS + 5000);
	}
}

static void
socks5_looks_names_up_and_socks5h_does_not(void **state)
{
	static const struct step four[] = { HELLO, SEND("\x05\x00"),
		EXPECT("\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x16"),
		SEND(GRANT), END };
	static const struct step six[] = { HELLO, SEND("\x05\x00"),
		EXPECT("\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"
		    "\x00\x16"), SEND(GRANT), END };
	static const struct step nothing[] = { END };
	static const struct step name[] = { HELLO, SEND("\x05\x00"), CONNECT,
		SEND(GRANT), END };
	static const struct step denied[] = { HELLO, SEND("\x05\x00"),
		EXPECT("\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x16"),
		SEND("\x05\x02"), END };

	(void)state;
	set_proxy("socks5://proxy");
	looked_up = "10.0.0.1";
	yes(four, "succeeded", "");
	assert_int_equal(lookups, 1);
	/* Advice is about the name that was asked for. */
	no(denied, ST_DENIED, EXIT_DENIED,
	    "reply 2, connection not allowed by ruleset");
	assert_string_equal(x.r.advice,
	    "have host.example allowed on the proxy");
	looked_up = "::1";
	yes(six, "succeeded", "");
	looked_up = NULL;
	no(nothing, ST_DENIED, EXIT_UNREACHABLE,
	    "cannot look host.example up: no");
	assert_string_equal(x.r.advice,
	    "with socks5h:// the proxy looks names up");

	lookups = 0;
	set_target("10.0.0.1");
	yes(four, "succeeded", "");
	set_proxy("socks5h://proxy");
	yes(four, "succeeded", "");
	set_target("host.example");
	yes(name, "succeeded", "");
	assert_int_equal(lookups, 0);
}

#define CASE(f)	cmocka_unit_test_setup(f, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_yes_leaves_the_tunnel_on_the_socket),
		CASE(credentials_and_headers_are_sent),
		CASE(every_2xx_is_a_yes_and_has_no_body),
		CASE(three_hundred_is_a_no),
		CASE(interim_answers_are_passed_over),
		CASE(another_protocol_is_no_answer),
		CASE(a_head_has_64_kib_at_most),
		CASE(interim_answers_count_for_the_64_kib),
		CASE(what_is_not_http_is_shown_and_guessed_at),
		CASE(who_hangs_up_gives_no_answer),
		CASE(the_whole_answer_has_one_deadline),
		CASE(a_no_is_told_with_what_its_body_says),
		CASE(a_body_has_4_kib_at_most),
		CASE(a_no_before_the_request_was_read_is_heard),
		CASE(logins_are_asked_for_or_corrected),
		CASE(what_is_no_socket_is_a_fault_of_ours),
		CASE(socks_gives_a_tunnel_and_leaves_it_on_the_socket),
		CASE(socks_logs_in_when_it_is_asked_to),
		CASE(socks_that_lets_nobody_in_wants_credentials),
		CASE(a_password_above_255_bytes_is_none_for_socks),
		CASE(socks_may_say_no_in_two_bytes),
		CASE(what_is_not_socks_is_guessed_at),
		CASE(socks_that_hangs_up_gives_no_answer),
		CASE(socks_has_one_deadline_for_all),
		CASE(socks5_looks_names_up_and_socks5h_does_not),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
