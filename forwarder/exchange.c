#include "forwarder/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "forwarder/dial.h"
#include "forwarder/httpconnect.h"
#include "forwarder/socks5.h"

/* How long the body of a refusal is waited for, and how long for what may
 * follow its reason: words further on can have better advice. */
#define BODY_MS		1000
#define REST_MS		100
/* What is looked at in one go. */
#define PEEK_MAX	4096

/* The answer is none: ${what}. */
static int
no_answer(struct refusal *out, const char *what)
{
	out->code = EXIT_ANSWER;
	(void)snprintf(out->what, sizeof(out->what), "%s", what);
	if (out->advice[0] == '\0')
		(void)snprintf(out->advice, sizeof(out->advice),
		    "is there a proxy of this kind at this address?");
	return ST_MALFORMED;
}

/* Why nothing could be sent or received. */
static int
broken(int st, const char *doing, struct refusal *out)
{
	switch (st) {
	case ST_BUSY:
		(void)snprintf(out->advice, sizeof(out->advice),
		    "is it a proxy of this kind?  It may be waiting for the "
		    "host: see --answer-timeout");
		return no_answer(out, "no answer in time");
	case ST_CLOSED:
		return no_answer(out, doing);
	default:
		out->code = EXIT_FAILED;
		(void)snprintf(out->what, sizeof(out->what), "%s",
		    strerrordesc_np(errno));
		return ST_SYSTEM;
	}
}

/* Say what came in place of an answer. */
static int
not_http(const uint8_t *p, size_t n, struct refusal *out)
{
	char line[120];
	struct text t;
	size_t len;

	text_init(&t, line, sizeof(line));
	for (len = 0; len < n && len < 60 && p[len] != '\n' && p[len] != '\r';
	    len++)
		continue;
	text_escape(&t, p, len);
	if (n > 0 && p[0] == 0x05)
		(void)snprintf(out->advice, sizeof(out->advice),
		    "it looks like a SOCKS proxy: try socks5h://");
	else if (n > 0 && (p[0] == 0x15 || p[0] == 0x16))
		(void)snprintf(out->advice, sizeof(out->advice),
		    "it looks like TLS: is there a port without?");
	else if (n >= 4 && memcmp(p, "SSH-", 4) == 0)
		(void)snprintf(out->advice, sizeof(out->advice),
		    "it is an SSH server, not a proxy");
	(void)snprintf(out->said, sizeof(out->said), "%s", line);
	return no_answer(out, "what came is not HTTP");
}

/* Read one head, 1xx or the last, to its end and not further. */
static int
read_head(const struct exchange *x, int fd, struct httpconnect_scan *scan,
    uint8_t head[static HTTPCONNECT_HEAD_MAX], struct refusal *out)
{
	uint8_t *at;
	size_t got, used;
	int st, more;

	do {
		at = head + scan->total;
		got = HTTPCONNECT_HEAD_MAX - scan->total;
		if (got == 0)
			return no_answer(out, "its head has no end");
		st = dial_peek(fd, at, got < PEEK_MAX ? got : PEEK_MAX,
		    x->deadline, &got);
		if (st != ST_OK)
			return broken(st, scan->total == 0 ?
			    "it hung up without an answer" :
			    "it hung up in the middle of its answer", out);
		more = httpconnect_scan(scan, at, got, &used);
		if (more == ST_MALFORMED)
			return not_http(head, (size_t)(at - head) + got, out);
		if (more == ST_TOO_LARGE)
			return no_answer(out, "its head has no end");
		st = dial_take(fd, at, used, x->deadline);
		if (st != ST_OK)
			return broken(st, "it hung up in the middle of its "
			    "answer", out);
	} while (more == ST_MORE);
	return ST_OK;
}

/* What of the body comes soon. */
static void
read_body(const struct exchange *x, int fd, const struct httpconnect_head *h,
    struct answerbody *body)
{
	uint8_t raw[ANSWERBODY_MAX];
	int64_t deadline = clock_ms() + BODY_MS;
	int64_t until;
	size_t want = sizeof(raw);
	size_t got, n = 0;

	if (h->has_length && !h->chunked && h->length < want)
		want = (size_t)h->length;
	if (deadline > x->deadline)
		deadline = x->deadline;
	answerbody_read(h, raw, n, body);
	while (n < want && !body->end) {
		until = clock_ms() + REST_MS;
		if (!body->told || until > deadline)
			until = deadline;
		if (dial_peek(fd, raw + n, want - n, until, &got) != ST_OK ||
		    dial_take(fd, raw + n, got, until) != ST_OK)
			break;
		n += got;
		answerbody_read(h, raw, n, body);
	}
}

/* The answer to CONNECT. */
static int
read_answer(const struct exchange *x, int fd, struct refusal *out)
{
	static uint8_t head[HTTPCONNECT_HEAD_MAX];
	struct answerbody body;
	struct httpconnect_scan scan;
	struct httpconnect_head h;
	size_t all = 0;
	int rounds, st;

	for (rounds = 0; rounds <= HTTPCONNECT_INTERIM_MAX; rounds++) {
		scan = (struct httpconnect_scan){ .total = 0 };
		st = read_head(x, fd, &scan, head, out);
		if (st != ST_OK)
			return st;
		if (httpconnect_parse(head, scan.total, &h) != ST_OK)
			return not_http(head, scan.total, out);
		all += scan.total;
		if (all > HTTPCONNECT_HEAD_MAX)
			return no_answer(out, "its head has no end");
		if (h.status >= 200)
			break;
		/* 101 would be another protocol, which nobody asked for. */
		if (h.status == 101)
			return no_answer(out, "it changes the protocol (101)");
	}
	if (h.status < 200)
		return no_answer(out, "its interim answers (1xx) have no end");
	if (h.status >= 300)
		read_body(x, fd, &h, &body);
	else
		answerbody_read(&h, NULL, 0, &body);
	refusal_http(&h, &body, x->target, x->proxy->auth.given, out);
	return h.status < 300 ? ST_OK : ST_DENIED;
}

static int
open_http(const struct exchange *x, int fd, struct refusal *out)
{
	char request[HTTPCONNECT_REQUEST_MAX];
	struct text t;
	int st;

	text_init(&t, request, sizeof(request));
	st = httpconnect_request(&t, x->target, &x->proxy->auth, x->extra,
	    x->n_extra);
	if (st == ST_OK)
		st = dial_send(fd, request, t.len, x->deadline);
	explicit_bzero(request, sizeof(request));
	/* One that says no before it has read all of the request hangs up on
	 * the rest, and its answer is there all the same. */
	if (st != ST_OK && st != ST_CLOSED)
		return broken(st, "", out);
	return read_answer(x, fd, out);
}

/* One message to a SOCKS proxy, and ${n} bytes of its answer. */
static int
ask(const struct exchange *x, int fd, uint8_t *send, size_t len,
    uint8_t *answer, size_t n, struct refusal *out)
{
	int st = dial_send(fd, send, len, x->deadline);

	explicit_bzero(send, len);
	if (st == ST_OK)
		st = dial_take(fd, answer, n, x->deadline);
	return st == ST_OK ? ST_OK :
	    broken(st, "it hung up without an answer", out);
}

/* The proxy does not let us in. */
static int
no_login(const struct exchange *x, const char *what, struct refusal *out)
{
	out->code = EXIT_LOGIN;
	(void)snprintf(out->what, sizeof(out->what), "%s", what);
	(void)snprintf(out->advice, sizeof(out->advice), x->proxy->auth.given ?
	    "correct user and password" :
	    "put USER:PASSWORD into a file of mode 600 and name it with "
	    "--auth-file, or into the URL of the proxy variable");
	return ST_DENIED;
}

/* Agree on how to log in, and do it. */
static int
socks_login(const struct exchange *x, int fd, struct refusal *out)
{
	const struct credentials *auth = &x->proxy->auth;
	uint8_t send[SOCKS5_SEND_MAX], answer[SOCKS5_METHOD_LEN] = { 0 };
	uint8_t method;
	size_t len = socks5_hello(send, auth);
	int st;

	st = ask(x, fd, send, len, answer, SOCKS5_METHOD_LEN, out);
	if (st != ST_OK)
		return st;
	st = socks5_method(answer, auth, &method);
	if (st == ST_DENIED)
		return no_login(x, auth->given ?
		    "it takes neither a password nor none" :
		    "it wants credentials", out);
	if (st != ST_OK) {
		if (answer[0] == 'H')
			(void)snprintf(out->advice, sizeof(out->advice),
			    "it looks like an HTTP proxy: try http://");
		return no_answer(out, "what came is not SOCKS 5");
	}
	if (method == SOCKS5_NONE)
		return ST_OK;
	if (socks5_login(send, auth, &len) != ST_OK) {
		out->code = EXIT_USAGE;
		(void)snprintf(out->what, sizeof(out->what),
		    "the password is too long for SOCKS, which takes 255 "
		    "bytes");
		return ST_TOO_LARGE;
	}
	st = ask(x, fd, send, len, answer, SOCKS5_STATUS_LEN, out);
	if (st != ST_OK)
		return st;
	st = socks5_status(answer);
	if (st == ST_DENIED)
		return no_login(x, "it does not take this user and password",
		    out);
	return st == ST_OK ? ST_OK :
	    no_answer(out, "what came is not SOCKS 5");
}

static int
open_socks(const struct exchange *x, int fd, struct refusal *out)
{
	uint8_t send[SOCKS5_SEND_MAX], reply[SOCKS5_REPLY_MAX];
	struct target found;
	const struct target *t = x->target;
	size_t len, need, n = 0;
	uint8_t code = 0;
	int st;

	if (t->kind == TARGET_NAME && x->proxy->kind == PROXY_SOCKS5) {
		st = dial_lookup(t, x->deadline, &found, out->what,
		    sizeof(out->what));
		if (st != ST_OK) {
			out->code = EXIT_UNREACHABLE;
			(void)snprintf(out->advice, sizeof(out->advice),
			    "with socks5h:// the proxy looks names up");
			return ST_DENIED;
		}
		t = &found;
	}
	if ((st = socks_login(x, fd, out)) != ST_OK)
		return st;
	len = socks5_connect(send, t);
	if ((st = dial_send(fd, send, len, x->deadline)) != ST_OK)
		return broken(st, "it hung up without an answer", out);
	while ((st = socks5_reply(reply, n, &need, &code)) == ST_MORE) {
		/* The first two bytes may be all that a no has. */
		size_t want = n == 0 ? 2 : need - n;

		st = dial_take(fd, reply + n, want, x->deadline);
		if (st != ST_OK)
			return broken(st, n == 0 ?
			    "it hung up without an answer" :
			    "it hung up in the middle of its answer", out);
		n += want;
	}
	if (st == ST_DENIED) {
		refusal_socks(code, x->target, out);
		return ST_DENIED;
	}
	if (st != ST_OK)
		return no_answer(out, "what came is not SOCKS 5");
	(void)snprintf(out->what, sizeof(out->what), "%s",
	    socks5_code_name(code));
	return ST_OK;
}

int
exchange_open(const struct exchange *x, int fd, struct refusal *out)
{
	*out = (struct refusal){ .code = EXIT_DONE };
	return x->proxy->kind == PROXY_HTTP ? open_http(x, fd, out) :
	    open_socks(x, fd, out);
}
