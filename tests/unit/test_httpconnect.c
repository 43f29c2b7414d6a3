/*
 * The CONNECT request byte for byte, the end of an answer's head wherever it
 * is split, and what is read in it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "forwarder/httpconnect.h"
#include "version.h"

#define WHY_MAX		256

static char why[WHY_MAX];

/*
 * Requests.
 */

static void
target(struct target *t, const char *host, const char *port)
{
	assert_int_equal(target_parse(host, port, t, why, sizeof(why)),
	    ST_OK);
}

static void
a_request_has_these_bytes(void **state)
{
	static const char *const extra[] = { "X-A: 1", "X-Pipelock-Agent:dev" };
	const struct credentials none = { .given = false };
	const struct credentials auth = { .given = true,
		.user = "user", .user_len = 4,
		.password = "pa:ss", .password_len = 5 };
	char buf[HTTPCONNECT_REQUEST_MAX];
	struct target t;
	struct text text;

	(void)state;
	target(&t, "example.com", "22");
	text_init(&text, buf, sizeof(buf));
	assert_int_equal(httpconnect_request(&text, &t, &none, NULL, 0),
	    ST_OK);
	assert_string_equal(buf, "CONNECT example.com:22 HTTP/1.1\r\n"
	    "Host: example.com:22\r\n"
	    "User-Agent: bottle-forward/" BOTTLE_VERSION "\r\n"
	    "\r\n");

	target(&t, "2001:db8::1", "2222");
	text_init(&text, buf, sizeof(buf));
	assert_int_equal(httpconnect_request(&text, &t, &auth, extra, 2),
	    ST_OK);
	assert_string_equal(buf, "CONNECT [2001:db8::1]:2222 HTTP/1.1\r\n"
	    "Host: [2001:db8::1]:2222\r\n"
	    "User-Agent: bottle-forward/" BOTTLE_VERSION "\r\n"
	    "Proxy-Authorization: Basic dXNlcjpwYTpzcw==\r\n"
	    "X-A: 1\r\n"
	    "X-Pipelock-Agent:dev\r\n"
	    "\r\n");
}

static void
the_longest_request_fits(void **state)
{
	static char lines[HTTPCONNECT_EXTRA_MAX][HTTPCONNECT_EXTRA_LEN + 1];
	static struct credentials auth = { .given = true,
		.user_len = PROXY_USER_MAX,
		.password_len = PROXY_PASSWORD_MAX };
	const char *extra[HTTPCONNECT_EXTRA_MAX];
	char host[TARGET_HOST_MAX + 1];
	char buf[HTTPCONNECT_REQUEST_MAX];
	struct target t;
	struct text text;
	size_t i;

	(void)state;
	memset(host, 'a', TARGET_HOST_MAX);
	host[TARGET_HOST_MAX] = '\0';
	target(&t, host, "65535");
	memset(auth.user, 'u', PROXY_USER_MAX);
	memset(auth.password, 'p', PROXY_PASSWORD_MAX);
	for (i = 0; i < HTTPCONNECT_EXTRA_MAX; i++) {
		memset(lines[i], 'x', HTTPCONNECT_EXTRA_LEN);
		lines[i][1] = ':';
		extra[i] = lines[i];
		assert_int_equal(httpconnect_extra(lines[i], why,
		    sizeof(why)), ST_OK);
	}
	text_init(&text, buf, sizeof(buf));
	assert_int_equal(httpconnect_request(&text, &t, &auth, extra,
	    HTTPCONNECT_EXTRA_MAX), ST_OK);
	assert_string_equal(buf + text.len - 4, "\r\n\r\n");

	text_init(&text, buf, text.len);
	assert_int_equal(httpconnect_request(&text, &t, &auth, extra,
	    HTTPCONNECT_EXTRA_MAX), ST_TOO_LARGE);
}

static void
header_lines_of_the_users_own(void **state)
{
	static const struct {
		const char	*line;
		const char	*why;	/* NULL: taken */
	} t[] = {
		{ "X-Pipelock-Agent: dev", NULL },
		{ "A:b", NULL },
		{ "A:", NULL },
		{ "A: a ~!\"", NULL },
		{ "!#$%&'*+-.^_`|~09azAZ: x", NULL },
		{ "Hosts: x", NULL },
		{ "Hos: x", NULL },
		{ "X-Host: x", NULL },
		{ "", "not NAME: VALUE" },
		{ "X", "not NAME: VALUE" },
		{ ": x", "not NAME: VALUE" },
		{ "X : x", "not NAME: VALUE" },
		{ " X: x", "not NAME: VALUE" },
		{ "X(: x", "not NAME: VALUE" },
		{ "X\r\nY: x", "not NAME: VALUE" },
		{ "GET / HTTP/1.1", "not NAME: VALUE" },
		{ "X: a\r\nY: b", "its value must be printable ASCII" },
		{ "X: a\nY: b", "its value must be printable ASCII" },
		{ "X: a\tb", "its value must be printable ASCII" },
		{ "X: \x1f", "its value must be printable ASCII" },
		{ "X: \x7f", "its value must be printable ASCII" },
		{ "X: \x80", "its value must be printable ASCII" },
		{ "X: \xc3\xa9", "its value must be printable ASCII" },
		{ "Host: x", "host is sent by bottle-forward itself, or not "
		    "at all" },
		{ "hOST:", "host is sent by bottle-forward itself, or not at "
		    "all" },
		{ "Content-Length: 1", "content-length is sent by "
		    "bottle-forward itself, or not at all" },
		{ "TRANSFER-ENCODING: chunked", "transfer-encoding is sent by "
		    "bottle-forward itself, or not at all" },
		{ "connection: close", "connection is sent by bottle-forward "
		    "itself, or not at all" },
		{ "User-Agent: x", "user-agent is sent by bottle-forward "
		    "itself, or not at all" },
		{ "Proxy-Authorization: Basic eA==", "proxy-authorization is "
		    "made from --auth-file or --auth-fd; an argument can be "
		    "read by everybody" },
	};
	size_t i;
	int st;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		why[0] = '\0';
		st = httpconnect_extra(t[i].line, why, sizeof(why));
		assert_int_equal(st, t[i].why == NULL ? ST_OK : ST_MALFORMED);
		assert_string_equal(why, t[i].why == NULL ? "" : t[i].why);
	}
}

static void
a_header_line_has_1024_bytes_at_most(void **state)
{
	char line[HTTPCONNECT_EXTRA_LEN + 2];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[1] = ':';
	line[HTTPCONNECT_EXTRA_LEN] = '\0';
	assert_int_equal(httpconnect_extra(line, why, sizeof(why)), ST_OK);
	line[HTTPCONNECT_EXTRA_LEN] = 'x';
	line[HTTPCONNECT_EXTRA_LEN + 1] = '\0';
	assert_int_equal(httpconnect_extra(line, why, sizeof(why)),
	    ST_MALFORMED);
	assert_string_equal(why, "longer than 1024 bytes");
}

/*
 * The end of a head.
 */

/* One scan of a copy that ends where the sanitizer sees it. */
static int
scan(struct httpconnect_scan *s, const char *p, size_t n, size_t *used)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	int st;

	assert_non_null(copy);
	memcpy(copy, p, n);
	*used = SIZE_MAX;
	st = httpconnect_scan(s, copy, n, used);
	free(copy);
	return st;
}

/* Scan pieces of ${step} bytes, the first of ${first}, as a socket is read:
 * the next begins where the last one ended. */
static int
scan_pieces(const char *p, size_t n, size_t first, size_t step, size_t *used)
{
	struct httpconnect_scan s = { .total = 0 };
	size_t at = 0, len = first, got = 0;
	int st = ST_MORE;

	*used = 0;
	while (at < n && st == ST_MORE) {
		if (len > n - at)
			len = n - at;
		st = scan(&s, p + at, len, &got);
		if (st == ST_MORE)
			assert_int_equal(got, len);
		assert_true(got <= len);
		at += got;
		len = step;
	}
	*used = at;
	assert_int_equal(s.total, st == ST_MALFORMED || st == ST_TOO_LARGE ?
	    s.total : at);
	return st;
}

static const struct {
	const char	*bytes;
	int		 st;
	size_t		 used;	/* with ST_OK */
} heads[] = {
	{ "HTTP/1.1 200 OK\r\n\r\n", ST_OK, 19 },
	{ "HTTP/1.1 200 OK\r\n\r\nSSH-2.0-x\r\n\r\n", ST_OK, 19 },
	{ "HTTP/1.0 200 OK\n\nSSH", ST_OK, 17 },
	{ "HTTP/1.0 200 OK\r\n\n\n", ST_OK, 18 },
	{ "HTTP/1.0 200 OK\n\r\n\r\n", ST_OK, 18 },
	{ "HTTP/1.1 200\r\nA: b\r\nC: d\r\n\r\n\r\n", ST_OK, 28 },
	{ "HTTP/1.1 200\r\nA: b\n\nC: d\r\n\r\n", ST_OK, 20 },
	{ "HTTP/1.1 200\r\n \r\n\r\n", ST_OK, 19 },
	{ "HTTP/1.1 200 OK\r\n\r", ST_MORE, 0 },
	{ "HTTP/1.1 200 OK\r\n", ST_MORE, 0 },
	{ "HTTP/1.1 200 OK\r", ST_MORE, 0 },
	{ "HTTP/1.1 200 OK\r\nA: b\r\n", ST_MORE, 0 },
	{ "HTTP/1.", ST_MORE, 0 },
	{ "H", ST_MORE, 0 },
	{ "HTTP/1.9 whatever \xff\x01\n", ST_MORE, 0 },
	{ "SSH-2.0-x\r\n", ST_MALFORMED, 0 },
	{ "http/1.1 200 OK\r\n\r\n", ST_MALFORMED, 0 },
	{ "HTTP/2.0 200 OK\r\n\r\n", ST_MALFORMED, 0 },
	{ "HTTP 200 OK\r\n\r\n", ST_MALFORMED, 0 },
	{ "\r\nHTTP/1.1 200 OK\r\n\r\n", ST_MALFORMED, 0 },
	{ "\n", ST_MALFORMED, 0 },
	{ "HTTP/1\n\n", ST_MALFORMED, 0 },
	{ "\x05\xff", ST_MALFORMED, 0 },
	{ "HTTP/1.1 200 OK\r\r\n\r\n", ST_MALFORMED, 0 },
	{ "HTTP/1.1 200 OK\rX\r\n\r\n", ST_MALFORMED, 0 },
	{ "HTTP/1.1 200 OK\r\n\r\r\n", ST_MALFORMED, 0 },
	{ "HTTP/1.1 200 OK\r\n\rSSH-2.0", ST_MALFORMED, 0 },
	{ "HTTP/1.1 200 OK\r\n\r\x01", ST_MALFORMED, 0 },
};
#define HEADS	(sizeof(heads) / sizeof(heads[0]))

static void
a_head_ends_at_its_empty_line(void **state)
{
	size_t i, n, used;

	(void)state;
	for (i = 0; i < HEADS; i++) {
		n = strlen(heads[i].bytes);
		assert_int_equal(scan_pieces(heads[i].bytes, n, n, n, &used),
		    heads[i].st);
		if (heads[i].st == ST_OK)
			assert_int_equal(used, heads[i].used);
		if (heads[i].st == ST_MORE)
			assert_int_equal(used, n);
	}
}

static void
pieces_of_any_size_give_what_the_whole_gives(void **state)
{
	size_t i, n, first, step, whole, used;

	(void)state;
	for (i = 0; i < HEADS; i++) {
		n = strlen(heads[i].bytes);
		(void)scan_pieces(heads[i].bytes, n, n, n, &whole);
		for (first = 1; first <= n; first++)
			for (step = 1; step <= n; step++) {
				assert_int_equal(scan_pieces(heads[i].bytes, n,
				    first, step, &used), heads[i].st);
				assert_int_equal(used, whole);
			}
	}
}

static void
every_split_of_a_short_head_is_the_same(void **state)
{
	static const char head[] = "HTTP/1.1 200\n\r\nS";
	size_t n = sizeof(head) - 1;
	unsigned long cuts;

	(void)state;
	/* Bit i: a piece ends behind byte i. */
	for (cuts = 0; cuts < 1UL << (n - 1); cuts++) {
		struct httpconnect_scan s = { .total = 0 };
		size_t at = 0, end, used;
		int st = ST_MORE;

		while (st == ST_MORE && at < n) {
			for (end = at + 1; end < n &&
			    (cuts >> (end - 1) & 1) == 0; end++)
				continue;
			used = SIZE_MAX;
			st = httpconnect_scan(&s, (const uint8_t *)head + at,
			    end - at, &used);
			at += used;
		}
		assert_int_equal(st, ST_OK);
		assert_int_equal(at, n - 1);
	}
}

static void
a_zero_byte_is_no_part_of_a_head(void **state)
{
	static const char head[] = "HTTP/1.1 200 O\0K\r\n\r\n";
	size_t used;

	(void)state;
	assert_int_equal(scan_pieces(head, sizeof(head) - 1,
	    sizeof(head) - 1, 1, &used), ST_MALFORMED);
	assert_int_equal(used, 14);
}

static void
nothing_is_more_to_wait_for(void **state)
{
	struct httpconnect_scan s = { .total = 0 };
	size_t used;

	(void)state;
	assert_int_equal(scan(&s, "", 0, &used), ST_MORE);
	assert_int_equal(used, 0);
}

static void
a_head_of_64_kib_is_taken_and_one_byte_more_is_not(void **state)
{
	static char head[HTTPCONNECT_HEAD_MAX + 1];
	static const size_t steps[] = { 1, 1000, 4096, HTTPCONNECT_HEAD_MAX,
		HTTPCONNECT_HEAD_MAX + 1 };
	size_t i, used;

	(void)state;
	memset(head, 'x', sizeof(head));
	memcpy(head, "HTTP/1.1 200 ", 13);
	memcpy(head + HTTPCONNECT_HEAD_MAX - 4, "\r\n\r\n", 4);
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_int_equal(scan_pieces(head, HTTPCONNECT_HEAD_MAX,
		    steps[i], steps[i], &used), ST_OK);
		assert_int_equal(used, HTTPCONNECT_HEAD_MAX);
	}
	memcpy(head + HTTPCONNECT_HEAD_MAX - 4, "x\r\n\r\n", 5);
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_int_equal(scan_pieces(head, HTTPCONNECT_HEAD_MAX,
		    steps[i], steps[i], &used), ST_MORE);
		assert_int_equal(scan_pieces(head, HTTPCONNECT_HEAD_MAX + 1,
		    steps[i], steps[i], &used), ST_TOO_LARGE);
		assert_int_equal(used, HTTPCONNECT_HEAD_MAX);
	}
}

/*
 * What is in it.
 */

static int
parse(const char *head, struct httpconnect_head *out)
{
	return httpconnect_parse((const uint8_t *)head, strlen(head), out);
}

static void
assert_slice(const char *p, size_t len, const char *wanted)
{
	if (wanted == NULL) {
		assert_null(p);
		return;
	}
	assert_int_equal(len, strlen(wanted));
	assert_memory_equal(p, wanted, len);
}

static void
status_lines(void **state)
{
	static const struct {
		const char	*head;
		unsigned	 status;	/* 0: refused */
		const char	*reason;
	} t[] = {
		{ "HTTP/1.1 200 Connection established\r\n\r\n", 200,
		    "Connection established" },
		{ "HTTP/1.0 200 OK\n\n", 200, "OK" },
		{ "HTTP/1.1 200\r\n\r\n", 200, "" },
		{ "HTTP/1.1 200 \r\n\r\n", 200, "" },
		{ "HTTP/1.1 200   OK \r\n\r\n", 200, "OK " },
		{ "HTTP/1.1 100 Continue\r\n\r\n", 100, "Continue" },
		{ "HTTP/1.1 999 x\r\n\r\n", 999, "x" },
		{ "HTTP/1.1 403 \xc3\xa9\r\n\r\n", 403, "\xc3\xa9" },
		{ "HTTP/1.1 099 x\r\n\r\n", 0, NULL },
		{ "HTTP/1.1 000 x\r\n\r\n", 0, NULL },
		{ "HTTP/1.1 20 x\r\n\r\n", 0, NULL },
		{ "HTTP/1.1 2000 x\r\n\r\n", 0, NULL },
		{ "HTTP/1.1 20x x\r\n\r\n", 0, NULL },
		{ "HTTP/1.1 -20 x\r\n\r\n", 0, NULL },
		{ "HTTP/1.1 20/ x\r\n\r\n", 0, NULL },
		{ "HTTP/1.1 2:0 x\r\n\r\n", 0, NULL },
		{ "HTTP/1.1 200\tOK\r\n\r\n", 0, NULL },
		{ "HTTP/1.1 200OK\r\n\r\n", 0, NULL },
		{ "HTTP/1.1 200x\r\n\r\n", 0, NULL },
		{ "HTTP/1.1  200 OK\r\n\r\n", 0, NULL },
		{ "HTTP/1.1\t200 OK\r\n\r\n", 0, NULL },
		{ "HTTP/1.2 200 OK\r\n\r\n", 0, NULL },
		{ "HTTP/1./ 200 OK\r\n\r\n", 0, NULL },
		{ "HTTP/1. 200 OK\r\n\r\n", 0, NULL },
		{ "HTTP/2.0 200 OK\r\n\r\n", 0, NULL },
		{ "HTTP/1.1 20\r\n\r\n", 0, NULL },
		{ "HTTP/1.1\r\n\r\n", 0, NULL },
		{ "HTTP/1.1 200 OK", 0, NULL },
		{ "\r\n\r\n", 0, NULL },
		{ "", 0, NULL },
	};
	struct httpconnect_head h;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(parse(t[i].head, &h),
		    t[i].status > 0 ? ST_OK : ST_MALFORMED);
		if (t[i].status == 0)
			continue;
		assert_int_equal(h.status, t[i].status);
		assert_slice(h.reason, h.reason_len, t[i].reason);
	}
}

static void
headers_that_matter_are_found(void **state)
{
	static const struct {
		const char	*lines;
		const char	*hint, *problem;
		bool		 html, chunked, has_length;
		uint64_t	 length;
	} t[] = {
		{ "", NULL, NULL, false, false, false, 0 },
		{ "X-Pipelock-Hint: do this\r\n", "do this", NULL, false,
		    false, false, 0 },
		{ "x-pipelock-hint:\t do this \t\r\n", "do this", NULL, false,
		    false, false, 0 },
		{ "X-Pipelock-Hint:\r\n", "", NULL, false, false, false, 0 },
		{ "X-Pipelock-Hint: \t\r\n", "", NULL, false, false, false,
		    0 },
		{ "X-Pipelock-Hints: a\r\nX-Pipelock-Hin: b\r\n", NULL, NULL,
		    false, false, false, 0 },
		{ "X-Squid-Error: ERR_ACCESS_DENIED 0\n", NULL,
		    "ERR_ACCESS_DENIED 0", false, false, false, 0 },
		{ "Content-Type: text/html; charset=utf-8\r\n", NULL, NULL,
		    true, false, false, 0 },
		{ "Content-Type: TEXT/HTML\r\n", NULL, NULL, true, false,
		    false, 0 },
		{ "Content-Type: text/plain\r\n", NULL, NULL, false, false,
		    false, 0 },
		{ "Content-Type: htm\r\n", NULL, NULL, false, false, false,
		    0 },
		{ "Transfer-Encoding: gzip, Chunked\r\n", NULL, NULL, false,
		    true, false, 0 },
		{ "Transfer-Encoding: chunked\r\n", NULL, NULL, false, true,
		    false, 0 },
		{ "Transfer-Encoding: identity\r\n", NULL, NULL, false, false,
		    false, 0 },
		{ "Content-Length: 0\r\n", NULL, NULL, false, false, true,
		    0 },
		{ "content-length:  123 \r\n", NULL, NULL, false, false, true,
		    123 },
		{ "Content-Length: 999999999999999999\r\n", NULL, NULL, false,
		    false, true, 999999999999999999 },
		{ "Content-Length: 1000000000000000000\r\n", NULL, NULL,
		    false, false, false, 0 },
		{ "Content-Length: -1\r\n", NULL, NULL, false, false, false,
		    0 },
		{ "Content-Length: 1x\r\n", NULL, NULL, false, false, false,
		    0 },
		{ "Content-Length: /\r\n", NULL, NULL, false, false, false,
		    0 },
		{ "Content-Length: 1:\r\n", NULL, NULL, false, false, false,
		    0 },
		{ "Content-Length:\r\n", NULL, NULL, false, false, false, 0 },
		/* What is none of a header is passed over. */
		{ "nonsense\r\n:\r\n: x\r\nContent-Length: 7\r\n", NULL, NULL,
		    false, false, true, 7 },
	};
	struct httpconnect_head h;
	char head[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)snprintf(head, sizeof(head),
		    "HTTP/1.1 403 Forbidden\r\n%s\r\n", t[i].lines);
		assert_int_equal(parse(head, &h), ST_OK);
		assert_slice(h.hint, h.hint_len, t[i].hint);
		assert_slice(h.problem, h.problem_len, t[i].problem);
		assert_int_equal(h.html, t[i].html);
		assert_int_equal(h.chunked, t[i].chunked);
		assert_int_equal(h.has_length, t[i].has_length);
		assert_int_equal(h.length, t[i].length);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_has_these_bytes),
		cmocka_unit_test(the_longest_request_fits),
		cmocka_unit_test(header_lines_of_the_users_own),
		cmocka_unit_test(a_header_line_has_1024_bytes_at_most),
		cmocka_unit_test(a_head_ends_at_its_empty_line),
		cmocka_unit_test(pieces_of_any_size_give_what_the_whole_gives),
		cmocka_unit_test(every_split_of_a_short_head_is_the_same),
		cmocka_unit_test(a_zero_byte_is_no_part_of_a_head),
		cmocka_unit_test(nothing_is_more_to_wait_for),
		cmocka_unit_test(
		    a_head_of_64_kib_is_taken_and_one_byte_more_is_not),
		cmocka_unit_test(status_lines),
		cmocka_unit_test(headers_that_matter_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
