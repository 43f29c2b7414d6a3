/*
 * What a proxy's no means: every row of the table by answers as proxies give
 * them, and whatever hostile bytes become on the way into a terminal.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "forwarder/refusal.h"
#include "forwarder/socks5.h"

static struct target host;
static const struct answerbody nothing;

static int
setup(void **state)
{
	char why[128];

	(void)state;
	return target_parse("host.example", "22", &host, why, sizeof(why));
}

/* Take an answer apart, given as it comes over the wire. */
static void
answer_bytes(const char *bytes, size_t n, bool credentials,
    struct refusal *out)
{
	struct httpconnect_scan s = { .total = 0 };
	struct httpconnect_head head;
	uint8_t *copy = malloc(n), *body;
	struct answerbody said;
	size_t used;

	assert_non_null(copy);
	memcpy(copy, bytes, n);
	assert_int_equal(httpconnect_scan(&s, copy, n, &used), ST_OK);
	assert_int_equal(httpconnect_parse(copy, used, &head), ST_OK);
	/* In memory that ends where it does. */
	body = malloc(n > used ? n - used : 1);
	assert_non_null(body);
	memcpy(body, copy + used, n - used);
	answerbody_read(&head, body, n - used, &said);
	refusal_http(&head, &said, &host, credentials, out);
	free(body);
	free(copy);
}

static void
answer(const char *text, struct refusal *out)
{
	answer_bytes(text, strlen(text), false, out);
}

/*
 * What is to be done about it.
 */

static const struct {
	const char	*answer;
	enum exit_code	 code;
	const char	*advice;	/* a part of it */
} rows[] = {
	/* kill_switch, with any status */
	{ "HTTP/1.1 503 Service Unavailable\r\n\r\nkill_switch active\n",
	    EXIT_LATER, "the operator has stopped all traffic" },
	{ "HTTP/1.1 403 Forbidden\r\n\r\n{\"error\": \"kill_switch\"}",
	    EXIT_LATER, "kill switch" },
	/* 403 */
	{ "HTTP/1.1 403 Forbidden\r\n\r\nblocked: DNS resolution failed\n",
	    EXIT_DENIED, "the proxy cannot look host.example up: mend" },
	{ "HTTP/1.1 403 Forbidden\r\n\r\nblocked: SSRF: private address\n",
	    EXIT_DENIED, "the proxy takes host.example for an internal "
	    "address; pipelock: put it into trusted_domains" },
	{ "HTTP/1.1 403 Forbidden\r\nX-Pipelock-Hint: internal IP\r\n\r\n",
	    EXIT_DENIED, "ssrf.ip_allowlist" },
	{ "HTTP/1.1 403 Forbidden\r\n\r\nblocked: not in allowlist\n",
	    EXIT_DENIED, "have host.example put on the proxy's list of "
	    "allowed hosts (pipelock: api_allowlist)" },
	{ "HTTP/1.1 403 Forbidden\r\n\r\nblocked: DLP match: AWS key\n",
	    EXIT_DENIED, "took something in our request for a secret" },
	{ "HTTP/1.1 403 Forbidden\r\n\r\nsession escalation level 3\n",
	    EXIT_DENIED, "put this client in quarantine" },
	{ "HTTP/1.1 403 Forbidden\r\nX-Pipelock-Hint: airlock\r\n\r\n",
	    EXIT_DENIED, "its operator must release it" },
	{ "HTTP/1.1 403 Forbidden\r\n\r\nblocked: blocklist\n", EXIT_DENIED,
	    "have host.example taken off the proxy's list of blocked" },
	{ "HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n"
	    "\r\n", EXIT_DENIED, "have CONNECT to this host and port allowed "
	    "on the proxy; many allow port 443 only" },
	{ "HTTP/1.0 403 Access violation\r\n\r\n", EXIT_DENIED,
	    "many allow port 443 only" },
	/* 405, 407 */
	{ "HTTP/1.1 405 Method Not Allowed\r\n\r\n", EXIT_DENIED,
	    "forward_proxy.enabled: true" },
	{ "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", EXIT_LOGIN,
	    "put USER:PASSWORD into a file of mode 600 and name it with "
	    "--auth-file" },
	/* 429 */
	{ "HTTP/1.1 429 Too Many Requests\r\n\r\ndomain budget spent\n",
	    EXIT_LATER, "have the proxy's budget for this client raised" },
	{ "HTTP/1.1 429 Too Many Requests\r\n\r\n", EXIT_LATER,
	    "rate limit raised" },
	/* 5xx */
	{ "HTTP/1.0 500 Unable to connect\r\n\r\n", EXIT_TARGET,
	    "the proxy cannot reach host.example: is the name right" },
	{ "HTTP/1.0 500 Internal Error\r\n\r\n", EXIT_TARGET,
	    "the proxy failed; its log says more" },
	{ "HTTP/1.0 501 Not Implemented\r\n\r\n", EXIT_DENIED,
	    "what answers does no CONNECT" },
	{ "HTTP/1.1 502 Bad Gateway\r\n\r\n", EXIT_TARGET,
	    "the proxy cannot reach host.example" },
	{ "HTTP/1.1 503 Service Unavailable\r\n\r\ndial tcp: refused\n",
	    EXIT_TARGET, "the proxy cannot reach host.example" },
	{ "HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: "
	    "ERR_CONNECT_FAIL 111\r\n\r\n", EXIT_TARGET,
	    "the proxy cannot reach host.example" },
	{ "HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: ERR_DNS_FAIL 0"
	    "\r\n\r\n", EXIT_TARGET,
	    "the proxy cannot look host.example up: is the name right?" },
	{ "HTTP/1.1 503 Service Unavailable\r\n\r\ntoo many tunnels\n",
	    EXIT_LATER, "as many tunnels as it takes" },
	{ "HTTP/1.1 503 Service Unavailable\r\n\r\n", EXIT_LATER,
	    "try again later" },
	{ "HTTP/1.1 504 Gateway Timeout\r\n\r\n", EXIT_TARGET,
	    "no answer from host.example in time" },
	{ "HTTP/1.1 505 Version\r\n\r\n", EXIT_TARGET, "the proxy failed" },
	{ "HTTP/1.1 599 x\r\n\r\n", EXIT_TARGET, "the proxy failed" },
	{ "HTTP/1.1 999 x\r\n\r\n", EXIT_TARGET, "the proxy failed" },
	/* the rest */
	{ "HTTP/1.1 300 Choices\r\n\r\n", EXIT_DENIED, "is it a web server or "
	    "a login page?" },
	{ "HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n", EXIT_DENIED,
	    "it wants us to go elsewhere" },
	{ "HTTP/1.1 399 x\r\n\r\n", EXIT_DENIED, "elsewhere" },
	{ "HTTP/1.1 400 Bad Request\r\n\r\n", EXIT_DENIED,
	    "is this an HTTP proxy that does CONNECT?" },
	{ "HTTP/1.1 404 Not Found\r\n\r\n", EXIT_DENIED,
	    "is this an HTTP proxy that does CONNECT?" },
	{ "HTTP/1.1 499 x\r\n\r\n", EXIT_DENIED, "does CONNECT" },
	/* A word counts with its status only. */
	{ "HTTP/1.1 502 Bad Gateway\r\n\r\nnot in allowlist\n", EXIT_TARGET,
	    "the proxy cannot reach" },
	{ "HTTP/1.1 403 Forbidden\r\n\r\ndial tcp\n", EXIT_DENIED,
	    "port 443 only" },
	{ "HTTP/1.1 404 Not Found\r\n\r\nblocked: dlp\n", EXIT_DENIED,
	    "does CONNECT" },
};

static void
every_answer_has_its_class_and_its_advice(void **state)
{
	struct refusal r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer(rows[i].answer, &r);
		if (r.code != rows[i].code ||
		    strstr(r.advice, rows[i].advice) == NULL)
			fail_msg("%s: code %d, \"%s\"", rows[i].answer,
			    r.code, r.advice);
		assert_null(strstr(r.advice, "%s"));
	}
}

static void
words_are_found_in_reason_body_and_headers(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 403 Not in AllowList\r\n\r\n",
		"HTTP/1.1 403 No\r\nX-Pipelock-Hint: see allowlist\r\n\r\n",
		"HTTP/1.1 403 No\r\nX-Squid-Error: allowlist\r\n\r\n",
		"HTTP/1.1 403 No\r\n\r\nfirst line\nthen the ALLOWLIST",
	};
	struct refusal r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		answer(answers[i], &r);
		assert_non_null(strstr(r.advice, "api_allowlist"));
	}
	answer("HTTP/1.1 403 No\r\nX-Other: allowlist\r\n\r\nallow list", &r);
	assert_null(strstr(r.advice, "api_allowlist"));
}

static void
credentials_that_were_sent_are_to_be_corrected(void **state)
{
	static const char text[] = "HTTP/1.1 407 Authenticate\r\n\r\n";
	struct refusal r;

	(void)state;
	answer_bytes(text, sizeof(text) - 1, true, &r);
	assert_int_equal(r.code, EXIT_LOGIN);
	assert_string_equal(r.advice, "the proxy does not take this user and "
	    "password (or wants another scheme than Basic): correct them");
	answer_bytes(text, sizeof(text) - 1, false, &r);
	assert_non_null(strstr(r.advice, "--auth-file"));
}

static void
every_status_has_a_class(void **state)
{
	struct httpconnect_head h = { .reason = "" };
	struct refusal r;

	(void)state;
	for (h.status = 300; h.status < 1000; h.status++) {
		refusal_http(&h, &nothing, &host, false, &r);
		assert_true(r.advice[0] != '\0');
		assert_int_equal(r.what[3], '\0');
		assert_int_equal(r.code,
		    h.status == 407 || h.status == 401 ? EXIT_LOGIN :
		    h.status == 429 || h.status == 503 ? EXIT_LATER :
		    h.status == 501 || h.status < 500 ? EXIT_DENIED :
		    EXIT_TARGET);
	}
}

/*
 * What the proxy says.
 */

static const struct {
	const char	*answer;
	const char	*what, *said, *hint;
} sayings[] = {
	/* As tinyproxy, squid and pipelock answer. */
	{ "HTTP/1.0 403 Access violation\r\nServer: tinyproxy/1.11.1\r\n"
	    "Content-Type: text/html\r\nConnection: close\r\n\r\n"
	    "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<html>\n<head>"
	    "<title>403 Access violation</title></head>\n",
	    "403 Access violation", "", "" },
	{ "HTTP/1.0 403 No\r\n\r\n<title>No</title>", "403 No", "", "" },
	{ "HTTP/1.0 403 No\r\n\r\nNo way", "403 No", "No way", "" },
	{ "HTTP/1.1 403 Forbidden\r\nServer: squid/5.7\r\nContent-Type: "
	    "text/html;charset=utf-8\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n"
	    "\r\n<!DOCTYPE html>\n<TITLE>ERROR: The requested URL could not be "
	    "retrieved</TITLE>\n", "403 Forbidden",
	    "ERROR: The requested URL could not be retrieved", "" },
	{ "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8"
	    "\r\nX-Pipelock-Hint: add it to trusted_domains\r\n\r\n"
	    "blocked: SSRF blocked: h resolves to internal IP 10.0.0.1\n",
	    "403 Forbidden",
	    "blocked: SSRF blocked: h resolves to internal IP 10.0.0.1",
	    "add it to trusted_domains" },
	/* JSON */
	{ "HTTP/1.1 403 F\r\n\r\n{\"reason\": \"because\", \"message\":\"no\"}",
	    "403 F", "no", "" },
	{ "HTTP/1.1 403 F\r\n\r\n \r\n{\"reason\" : \"because\"}", "403 F",
	    "because", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\"error\":\"a \\\"b\\\" c\"}", "403 F",
	    "a \\\\\"b\\\\\" c", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\"error\":\"cut", "403 F", "cut", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\"error\":\"cut\\", "403 F", "cut\\\\", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\"error\":", "403 F", "{\"error\":", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\"error\":7,\"x\":\"y\"}", "403 F",
	    "{\"error\":7,\"x\":\"y\"}", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\"message\":null,\"reason\":\"r\"}",
	    "403 F", "r", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\"code\":\"x\"}", "403 F",
	    "{\"code\":\"x\"}", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\"error", "403 F", "{\"error", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\"error\"", "403 F", "{\"error\"", "" },
	/* The outermost reason, then that of the error, then any. */
	{ "HTTP/1.1 403 F\r\n\r\n{\"request\":{\"message\":\"GET\"},"
	    "\"message\":\"no\"}", "403 F", "no", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\"log\":[{\"message\":\"x\"}],"
	    "\"error\":\"no\"}", "403 F", "no", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\"request\":{\"message\":\"GET\"},"
	    "\"error\":{\"code\":403,\"reason\":\"no\"}}", "403 F", "no",
	    "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\"error\":{\"at\":{\"message\":\"x\"},"
	    "\"reason\":\"no\"}}", "403 F", "no", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\"error\":{},\"b\":{\"reason\":\"x\","
	    "\"message\":\"y\"}}", "403 F", "y", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\"errors\":[{\"message\":\"no\"}]}",
	    "403 F", "no", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\"kind\":\"message\",\"message\":\"no\"}",
	    "403 F", "no", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\"x\":\"{\\\"message\\\":\\\"a\\\"\","
	    "\"reason\":\"no\"}", "403 F", "no", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\"message\":\"\",\"reason\":\"no\"}",
	    "403 F", "no", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{\r\n\t\"message\" :\r\n\t\t\"no\"\r\n}",
	    "403 F", "no", "" },
	{ "HTTP/1.1 403 F\r\n\r\n{}{\"message\":\"no\"}", "403 F",
	    "{}", "" },
	{ "HTTP/1.1 403 F\r\nContent-Length: 2\r\n\r\nnot", "403 F", "no", "" },
	/* HTML, also where nothing says so */
	{ "HTTP/1.1 403 F\r\n\r\n\n <html><title> t \nu</title>", "403 F",
	    "t", "" },
	{ "HTTP/1.1 403 F\r\n\r\n<html><title>t", "403 F", "t", "" },
	{ "HTTP/1.1 403 F\r\n\r\n<html><title>", "403 F", "", "" },
	{ "HTTP/1.1 403 F\r\n\r\n<html>nothing", "403 F", "", "" },
	{ "HTTP/1.1 403 F\r\nContent-Type: text/html\r\n\r\nno tag at all",
	    "403 F", "", "" },
	/* chunked */
	{ "HTTP/1.1 403 F\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "5\r\nhello\r\n0\r\n\r\n", "403 F", "hello", "" },
	{ "HTTP/1.1 403 F\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "10;x=y\r\n{\"error\":\"json\"}\r\n0\r\n\r\n", "403 F", "json",
	    "" },
	{ "HTTP/1.1 403 F\r\nTransfer-Encoding: chunked\r\n\r\n5", "403 F",
	    "", "" },
	{ "HTTP/1.1 403 F\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
	    "403 F", "", "" },
	{ "HTTP/1.1 403 F\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "3\r\nhel\r\n2\r\nlo\r\nA\n and more\n\r\n0\r\n\r\nbehind",
	    "403 F", "hello and more", "" },
	{ "HTTP/1.1 403 F\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "d\r\n{\"message\":\"n\r\n3\r\no\"}\r\n", "403 F", "no", "" },
	{ "HTTP/1.1 403 F\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "fffffffffffffffffffffff\r\nhello", "403 F", "hello", "" },
	{ "HTTP/1.1 403 F\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "5\r\nhello\r\nno chunk\r\n", "403 F", "hello", "" },
	/* plain */
	{ "HTTP/1.1 403\r\n\r\n", "403", "", "" },
	{ "HTTP/1.1 403   \r\n\r\n \t\r\n\n", "403", "", "" },
	{ "HTTP/1.1 403 F\r\n\r\n\r\n  first line \t \r\nsecond", "403 F",
	    "first line", "" },
	{ "HTTP/1.1 403 F\r\n\r\nfirst\rsecond", "403 F", "first", "" },
	/* The name of squid's error where there is no body. */
	{ "HTTP/1.1 503 F\r\nX-Squid-Error: ERR_X 0\r\n\r\n", "503 F",
	    "ERR_X 0", "" },
	{ "HTTP/1.1 503 F\r\nX-Squid-Error: ERR_X 0\r\n\r\nbody", "503 F",
	    "body", "" },
	/* Nothing of it does anything to a terminal. */
	{ "HTTP/1.1 403 \x1b[31mred\x07\r\nX-Pipelock-Hint: \x1b]0;t\x07\r\n"
	    "\r\n\x1b[2Jx\b\x7f\tz\xff", "403 \\x1b[31mred\\x07",
	    "\\x1b[2Jx\\x08\\x7f\\x09z\\xff", "\\x1b]0;t\\x07" },
	{ "HTTP/1.1 403 \xe2\x80\xae" "evil\r\nX-Pipelock-Hint: "
	    "\xc2\x9b" "1m\r\n\r\n\xe2\x81\xa6\xd8\x9c\xef\xbb\xbf ok \xc3\xa9",
	    "403 \\xe2\\x80\\xaeevil",
	    "\\xe2\\x81\\xa6\\xd8\\x9c\\xef\\xbb\\xbf ok \xc3\xa9",
	    "\\xc2\\x9b1m" },
	{ "HTTP/1.1 403 a\\x1b\r\n\r\nb\\n", "403 a\\\\x1b", "b\\\\n", "" },
};

static void
one_line_is_kept_of_what_it_says(void **state)
{
	struct refusal r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++) {
		answer(sayings[i].answer, &r);
		assert_string_equal(r.what, sayings[i].what);
		assert_string_equal(r.said, sayings[i].said);
		assert_string_equal(r.hint, sayings[i].hint);
	}
}

static void
zero_bytes_do_not_end_a_line(void **state)
{
	static const char text[] = "HTTP/1.1 403 F\r\n\r\n\0a\0b";
	static const char json[] = "HTTP/1.1 403 F\r\n\r\n{\"error\":\"\0\"}";
	struct refusal r;

	(void)state;
	answer_bytes(text, sizeof(text) - 1, false, &r);
	assert_string_equal(r.said, "\\x00a\\x00b");
	answer_bytes(json, sizeof(json) - 1, false, &r);
	assert_string_equal(r.said, "\\x00");
}

/* Whether it is whole characters and whole escapes, and how it ends. */
static void
assert_clean(const char *s, size_t max)
{
	size_t len = strlen(s), i, more;

	assert_true(len < max);
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		assert_true(c >= 0x20 && c != 0x7f);
		if (c == '\\') {
			if (s[i + 1] == '\\') {
				i++;
				continue;
			}
			assert_int_equal(s[i + 1], 'x');
			assert_non_null(strchr("0123456789abcdef", s[i + 2]));
			assert_non_null(strchr("0123456789abcdef", s[i + 3]));
			assert_true(s[i + 2] != '\0' && s[i + 3] != '\0');
			i += 3;
		}
		if (c < 0x80)
			continue;
		more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		for (; more > 0; more--)
			assert_int_equal((unsigned char)s[++i] & 0xc0, 0x80);
	}
}

static void
long_lines_are_cut_between_characters(void **state)
{
	static const char *const units[] = { "a", "\x01", "\xc3\xa9",
		"\xe2\x82\xac", "\xf0\x9f\x90\x9a", "\\", "a\x01\xc3\xa9" };
	char line[512], text[2048];
	struct refusal r;
	size_t i, len;
	int n;

	(void)state;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		for (len = 0; len + 8 < sizeof(line);) {
			len += (size_t)snprintf(line + len, sizeof(line) - len,
			    "%s", units[i]);
			n = snprintf(text, sizeof(text), "HTTP/1.1 403 %s\r\n"
			    "X-Pipelock-Hint: %s\r\n\r\n%s", line, line,
			    line);
			answer_bytes(text, (size_t)n, false, &r);
			assert_clean(r.what, sizeof(r.what));
			assert_clean(r.said, sizeof(r.said));
			assert_clean(r.hint, sizeof(r.hint));
		}
}

static void
lines_of_300_bytes_are_whole(void **state)
{
	char text[512];
	struct refusal r;
	int len;

	(void)state;
	memset(text, 0, sizeof(text));
	len = snprintf(text, sizeof(text), "HTTP/1.1 403 F\r\n\r\n");
	memset(text + len, 'a', 300);
	answer(text, &r);
	assert_int_equal(strlen(r.said), 300);
	assert_int_equal(strspn(r.said, "a"), 300);
	text[len + 300] = 'a';
	answer(text, &r);
	assert_int_equal(strlen(r.said), 303);
	assert_int_equal(strspn(r.said, "a"), 300);
	assert_string_equal(r.said + 300, "...");
}

static void
a_host_of_any_length_fits_into_the_advice(void **state)
{
	char name[TARGET_HOST_MAX + 1], why[128];
	struct httpconnect_head h = { .reason = "" };
	struct target t;
	struct refusal r;
	size_t i;

	(void)state;
	memset(name, 'n', TARGET_HOST_MAX);
	name[TARGET_HOST_MAX] = '\0';
	assert_int_equal(target_parse(name, "22", &t, why, sizeof(why)),
	    ST_OK);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		h.status = (unsigned)strtoul(rows[i].answer + 9, NULL, 10);
		h.reason = rows[i].answer;
		h.reason_len = strlen(rows[i].answer);
		refusal_http(&h, &nothing, &t, false, &r);
		/* Nothing was cut off. */
		assert_true(strlen(r.advice) < sizeof(r.advice) - 1);
		if (strstr(rows[i].advice, "host.example") != NULL)
			assert_non_null(strstr(r.advice, name));
	}
}

/*
 * SOCKS.
 */

static void
socks_replies_have_a_class_and_advice(void **state)
{
	static const struct {
		uint8_t		 code;
		enum exit_code	 exit;
		const char	*what;
		const char	*advice;
	} t[] = {
		{ 1, EXIT_TARGET, "reply 1, general SOCKS server failure",
		    "the proxy cannot reach host.example" },
		{ 2, EXIT_DENIED, "reply 2, connection not allowed by ruleset",
		    "have host.example allowed on the proxy" },
		{ 3, EXIT_TARGET, "reply 3, network unreachable",
		    "the proxy cannot reach host.example" },
		{ 4, EXIT_TARGET, "reply 4, host unreachable",
		    "the proxy cannot reach host.example" },
		{ 5, EXIT_TARGET, "reply 5, connection refused",
		    "the proxy cannot reach host.example" },
		{ 6, EXIT_TARGET, "reply 6, TTL expired",
		    "the proxy cannot reach host.example" },
		{ 7, EXIT_DENIED, "reply 7, command not supported",
		    "the proxy does no CONNECT" },
		{ 8, EXIT_TARGET, "reply 8, address type not supported",
		    "use socks5:// instead of socks5h://" },
		{ 9, EXIT_TARGET, "reply 9, a reply that no standard knows",
		    "look at the proxy's log" },
		{ 255, EXIT_TARGET,
		    "reply 255, a reply that no standard knows",
		    "look at the proxy's log" },
	};
	struct target v6;
	struct refusal r;
	char why[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		refusal_socks(t[i].code, &host, &r);
		assert_int_equal(r.code, t[i].exit);
		assert_string_equal(r.what, t[i].what);
		assert_non_null(strstr(r.advice, t[i].advice));
		assert_string_equal(r.said, "");
		assert_string_equal(r.hint, "");
	}
	assert_int_equal(target_parse("::1", "22", &v6, why, sizeof(why)),
	    ST_OK);
	refusal_socks(SOCKS5_NO_ADDRESS_TYPE, &v6, &r);
	assert_string_equal(r.advice, "the proxy takes no such address: write "
	    "::1 as a name, or as an address of the other kind");
}

/*
 * Tunnels that were cut.
 */

#define SAYS	"the tunnel to host.example:22 was closed from the other " \
	"side after "
#define WAIT_LIMIT	"; a proxy's limit?  pipelock: max_tunnel_seconds"
#define IDLE_LIMIT	"; nothing was sent for two minutes: a proxy's " \
	"limit?  Set ServerAliveInterval 30 (pipelock: idle_timeout_seconds)"
#define NOT_A_BYTE	"; not a byte came: does an SSH server listen there?"
#define INSPECTED	"; not a byte came: a proxy that looks into " \
	"connections (TLS interception) does that; pipelock: put the host " \
	"into tls_interception.passthrough_domains, and leave " \
	"forward_proxy.sni_require_tls off"

static void
a_cut_tunnel_names_the_limit_that_it_met(void **state)
{
	static const struct {
		struct refusal_cut	 cut;
		const char		*line;
	} t[] = {
		{ { 300000, 0, 0, 1, true }, SAYS "300 s" WAIT_LIMIT },
		{ { 296000, 0, 0, 1, true }, SAYS "296 s" WAIT_LIMIT },
		{ { 304000, 0, 0, 1, true }, SAYS "304 s" WAIT_LIMIT },
		{ { 295999, 0, 0, 1, true }, SAYS "295 s" },
		{ { 304001, 0, 0, 1, true }, SAYS "304 s" },
		{ { 300000, 0, 0, 1, false }, SAYS "300 s" },
		{ { 200000, 120000, 0, 1, true }, SAYS "200 s" IDLE_LIMIT },
		{ { 200000, 0, 120000, 1, true }, SAYS "200 s" IDLE_LIMIT },
		{ { 200000, 116000, 0, 1, true }, SAYS "200 s" IDLE_LIMIT },
		{ { 200000, 124000, 0, 1, true }, SAYS "200 s" IDLE_LIMIT },
		{ { 200000, 115999, 0, 1, true }, SAYS "200 s" },
		{ { 200000, 124001, 0, 1, true }, SAYS "200 s" },
		{ { 200000, 0, 115999, 1, true }, SAYS "200 s" },
		{ { 200000, 0, 124001, 1, true }, SAYS "200 s" },
		{ { 200000, 120000, 120000, 1, false }, SAYS "200 s" },
		{ { 300000, 120000, 120000, 1, true },
		    SAYS "300 s" WAIT_LIMIT },
		{ { 999, 1, 1, 1, true }, SAYS "0 s" },
		{ { 1000, 1, 1, 1, true }, SAYS "1 s" },
		{ { 5999, 0, 0, 0, true }, SAYS "5 s" INSPECTED },
		{ { 6000, 0, 0, 0, true }, SAYS "6 s" NOT_A_BYTE },
		{ { 300000, 0, 0, 0, true }, SAYS "300 s" NOT_A_BYTE },
		{ { 1000, 0, 0, 0, false }, SAYS "1 s" NOT_A_BYTE },
	};
	char line[1024];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		refusal_cut(&t[i].cut, &host, line, sizeof(line));
		assert_string_equal(line, t[i].line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_answer_has_its_class_and_its_advice),
		cmocka_unit_test(words_are_found_in_reason_body_and_headers),
		cmocka_unit_test(
		    credentials_that_were_sent_are_to_be_corrected),
		cmocka_unit_test(every_status_has_a_class),
		cmocka_unit_test(one_line_is_kept_of_what_it_says),
		cmocka_unit_test(zero_bytes_do_not_end_a_line),
		cmocka_unit_test(long_lines_are_cut_between_characters),
		cmocka_unit_test(lines_of_300_bytes_are_whole),
		cmocka_unit_test(a_host_of_any_length_fits_into_the_advice),
		cmocka_unit_test(socks_replies_have_a_class_and_advice),
		cmocka_unit_test(a_cut_tunnel_names_the_limit_that_it_met),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
