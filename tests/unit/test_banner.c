/*
 * banner: whether what a server says first is SSH.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "forwarder/banner.h"

#define HELLO	"SSH-2.0-x\r\n"

static struct target host;

static int
setup(void **state)
{
	char why[128];

	(void)state;
	return target_parse("host.example", "22", &host, why, sizeof(why));
}

/* Look at a copy that ends where it ends, in pieces of that size. */
static struct banner_scan
scan(const char *bytes, size_t n, size_t piece)
{
	struct banner_scan s = { .kind = BANNER_MORE };
	enum banner kind;
	uint8_t *copy;
	size_t i, len;

	for (i = 0; i < n; i += len) {
		len = n - i < piece ? n - i : piece;
		copy = malloc(len);
		assert_non_null(copy);
		memcpy(copy, bytes + i, len);
		kind = banner_scan(&s, copy, len);
		assert_int_equal(kind, s.kind);
		free(copy);
	}
	return s;
}

static void
servers_are_told_apart(void **state)
{
	static const struct {
		const char	*bytes;
		size_t		 n;
		enum banner	 kind;
	} t[] = {
		{ "S", 1, BANNER_MORE }, { "SSH", 3, BANNER_MORE },
		{ "SSH-", 4, BANNER_SSH }, { HELLO, 11, BANNER_SSH },
		{ "SSH-\x01", 5, BANNER_SSH }, { "SSHX", 4, BANNER_MORE },
		{ "ssh-2.0-x\n", 10, BANNER_MORE },
		{ "HTTP", 4, BANNER_MORE }, { "HTTP/", 5, BANNER_HTTP },
		{ "HTTPX\n" HELLO, 17, BANNER_SSH },
		{ "HTTP/1.1 400 Bad Request\r\n" HELLO, 37, BANNER_HTTP },
		{ "\x15", 1, BANNER_MORE }, { "\x16", 1, BANNER_MORE },
		{ "\x15\x03", 2, BANNER_TLS },
		{ "\x16\x03\x01\x02", 4, BANNER_TLS },
		{ "\x16\x02\n" HELLO, 14, BANNER_SSH },
		{ "x\x16\x03", 3, BANNER_MORE },
		{ "Hello\r\n" HELLO, 18, BANNER_SSH },
		{ "one\n\n\r\ntwo\nSSH-1.99-x\n", 23, BANNER_SSH },
		{ "x SSH-2.0\n", 10, BANNER_MORE },
		{ "SSSH-2.0\n", 9, BANNER_MORE },
		{ "SSHSSH-2.0\n", 11, BANNER_MORE },
		{ "\xc3\xa9\n\x1b[1m\n" HELLO, 19, BANNER_SSH },
		{ "\n" HELLO, 12, BANNER_SSH },
		{ "J\0\0\0\n8.0.36", 11, BANNER_BINARY },
		{ "\0", 1, BANNER_BINARY },
		{ HELLO "\0", 12, BANNER_SSH },
	};
	size_t i, piece;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		for (piece = 1; piece <= t[i].n; piece++)
			if (scan(t[i].bytes, t[i].n, piece).kind != t[i].kind)
				fail_msg("row %zu in pieces of %zu", i, piece);
}

static void
text_has_a_limit(void **state)
{
	static char text[BANNER_TEXT_MAX + 16];
	size_t last = BANNER_TEXT_MAX - 4;
	struct banner_scan s;

	(void)state;
	memset(text, 'x', sizeof(text));
	/* Room for the four bytes behind the text. */
	text[last - 1] = '\n';
	memcpy(text + last, "SSH-", 4);
	s = scan(text, last + 4, 1000);
	assert_int_equal(s.kind, BANNER_SSH);
	memset(text, 'x', sizeof(text));
	s = scan(text, BANNER_TEXT_MAX, 1000);
	assert_int_equal(s.kind, BANNER_MORE);
	s = scan(text, BANNER_TEXT_MAX + 1, 1000);
	assert_int_equal(s.kind, BANNER_TEXT);
}

static void
its_line_is_kept(void **state)
{
	static const char text[] = "motd\r\nSSH-2.0-OpenSSH_9.2 x\r\nKEX";
	struct banner_scan s;
	size_t piece;

	(void)state;
	for (piece = 1; piece < sizeof(text); piece++) {
		s = scan(text, sizeof(text) - 1, piece);
		assert_int_equal(s.kind, BANNER_SSH);
		assert_true(s.whole);
		assert_false(s.endless);
		assert_int_equal(s.line_len, 21);
		assert_memory_equal(s.line, "SSH-2.0-OpenSSH_9.2 x", 21);
	}
	s = scan(text, 20, 20);
	assert_int_equal(s.kind, BANNER_SSH);
	assert_false(s.whole);
}

static void
a_line_has_a_limit(void **state)
{
	char text[BANNER_LINE_MAX + 3];
	struct banner_scan s;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "SSH-2.0-", 8);
	text[BANNER_LINE_MAX] = '\n';
	s = scan(text, BANNER_LINE_MAX + 1, 7);
	assert_true(s.whole && !s.endless);
	assert_int_equal(s.line_len, BANNER_LINE_MAX);
	text[BANNER_LINE_MAX] = 'x';
	text[BANNER_LINE_MAX + 1] = '\n';
	s = scan(text, BANNER_LINE_MAX + 2, 7);
	assert_true(s.endless && !s.whole);
}

static void
a_server_without_ssh_is_told_of_in_one_line(void **state)
{
	static const struct {
		const char	*bytes;
		size_t		 n;
		const char	*line;
	} t[] = {
		{ "\x15\x03\x01", 3, "host.example:22 answers with "
		    "TLS, not with SSH: the proxy looks into connections (TLS "
		    "interception); have host.example left out (pipelock: "
		    "tls_interception.passthrough_domains)" },
		{ "HTTP/1.1 400 Bad \x1b[1m\r\nServer: x\r\n", 34,
		    "host.example:22 answers with HTTP, not with SSH: "
		    "\"HTTP/1.1 400 Bad \\x1b[1m\"; the proxy looks into "
		    "connections (TLS interception), or this is the port of "
		    "a web server" },
		{ "220 mail \x1b[1m ESMTP\r\n", 20, "what host.example:22 "
		    "sends first is not that of an SSH server: "
		    "\"220 mail \\x1b[1m ESMTP\"" },
		{ "\x01\x02", 2, "what host.example:22 sends first is not "
		    "that of an SSH server: \"\\x01\\x02\"" },
		{ "SS", 2, "what host.example:22 sends first is "
		    "not that of an SSH server: \"SS\"" },
	};
	struct banner_scan s;
	char line[2048];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		s = scan(t[i].bytes, t[i].n, t[i].n);
		banner_not_ssh(&s, &host, line, sizeof(line));
		assert_string_equal(line, t[i].line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_are_told_apart),
		cmocka_unit_test(text_has_a_limit),
		cmocka_unit_test(its_line_is_kept),
		cmocka_unit_test(a_line_has_a_limit),
		cmocka_unit_test(a_server_without_ssh_is_told_of_in_one_line),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
