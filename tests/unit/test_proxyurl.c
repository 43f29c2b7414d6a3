/*
 * Which proxy: URLs, credentials, and the hosts that need none.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "forwarder/proxyurl.h"

#define WHY_MAX		512

static char why[WHY_MAX];

static int
parse(const char *url, struct proxy *p)
{
	why[0] = '\0';
	return proxyurl_parse(url, p, why, sizeof(why));
}

static void
urls_name_a_kind_and_a_place(void **state)
{
	static const struct {
		const char	*url;
		enum proxy_kind	 kind;
		const char	*name;
		unsigned	 port;
	} t[] = {
		{ "http://proxy:3128", PROXY_HTTP, "http://proxy:3128", 3128 },
		{ "http://proxy:3128/", PROXY_HTTP, "http://proxy:3128",
		    3128 },
		{ "http://proxy", PROXY_HTTP, "http://proxy:80", 80 },
		{ "proxy:3128", PROXY_HTTP, "http://proxy:3128", 3128 },
		{ "proxy", PROXY_HTTP, "http://proxy:80", 80 },
		{ "HTTP://proxy", PROXY_HTTP, "http://proxy:80", 80 },
		{ "socks5://proxy", PROXY_SOCKS5, "socks5://proxy:1080",
		    1080 },
		{ "socks5h://proxy:9050", PROXY_SOCKS5H,
		    "socks5h://proxy:9050", 9050 },
		{ "Socks5H://proxy", PROXY_SOCKS5H, "socks5h://proxy:1080",
		    1080 },
		{ "http://10.0.0.1:8080", PROXY_HTTP, "http://10.0.0.1:8080",
		    8080 },
		{ "http://[::1]:3128", PROXY_HTTP, "http://[::1]:3128", 3128 },
		{ "http://[::1]", PROXY_HTTP, "http://[::1]:80", 80 },
		{ "[::1]:3128", PROXY_HTTP, "http://[::1]:3128", 3128 },
		{ "http://::1", PROXY_HTTP, "http://[::1]:80", 80 },
		{ "socks5://[fe80::1%lo]:1", PROXY_SOCKS5,
		    "socks5://[fe80::1%lo]:1", 1 },
	};
	struct proxy p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (parse(t[i].url, &p) != ST_OK)
			fail_msg("%s: %s", t[i].url, why);
		assert_int_equal(p.kind, t[i].kind);
		assert_string_equal(p.name, t[i].name);
		assert_int_equal(p.at.port, t[i].port);
		assert_false(p.auth.given);
	}
}

static void
direct_is_no_proxy(void **state)
{
	struct proxy p;

	(void)state;
	assert_int_equal(parse("direct", &p), ST_OK);
	assert_int_equal(p.kind, PROXY_DIRECT);
	assert_string_equal(p.name, "direct");
	assert_int_equal(parse("DIRECT", &p), ST_OK);
	assert_int_equal(p.kind, PROXY_DIRECT);
	/* It can be a host all the same. */
	assert_int_equal(parse("http://direct", &p), ST_OK);
	assert_int_equal(p.kind, PROXY_HTTP);
}

static void
schemes_that_we_do_not_speak_are_refused(void **state)
{
	static const char *const urls[] = {
		"socks4://p", "socks://p", "socks5x://p", "ftp://p", "://p",
		"http+unix://p", "htt://p", "httpss://p",
	};
	struct proxy p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		assert_int_equal(parse(urls[i], &p), ST_UNSUPPORTED);
		assert_string_equal(why, "its scheme is not one of http://, "
		    "socks5:// and socks5h://");
	}
	assert_int_equal(parse("https://p", &p), ST_UNSUPPORTED);
	assert_non_null(strstr(why, "https://"));
	assert_non_null(strstr(why, "not supported"));
	assert_int_equal(parse("HTTPS://p", &p), ST_UNSUPPORTED);
	assert_non_null(strstr(why, "not supported"));
}

static void
bad_urls_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char	*url;
		const char	*why;
	} t[] = {
		{ "", "its HOST is empty" },
		{ "http://", "its HOST is empty" },
		{ "http://:3128", "its HOST is empty" },
		{ "http://p:", "its PORT \"\": not a number from 1 to 65535" },
		{ "http://p:0",
		    "its PORT \"0\": not a number from 1 to 65535" },
		{ "http://p:65536",
		    "its PORT \"65536\": not a number from 1 to 65535" },
		{ "http://p:1234567",
		    "its PORT \"1234567\": not a number from 1 to 65535" },
		{ "http://p:12345678", "its host and port are not HOST:PORT "
		    "or [IPV6]:PORT" },
		{ "http://[::1", "its host and port are not HOST:PORT or "
		    "[IPV6]:PORT" },
		{ "http://[::1]x", "its host and port are not HOST:PORT or "
		    "[IPV6]:PORT" },
		{ "http://[::1]22", "its host and port are not HOST:PORT or "
		    "[IPV6]:PORT" },
		{ "http://p q", "its HOST \"p q\": a host name has letters, "
		    "digits, '-', '.' and '_' only" },
		{ "http://p/x", "a proxy's URL ends after host and port" },
		{ "http://p//", "a proxy's URL ends after host and port" },
		{ "http://p?x", "a proxy's URL ends after host and port" },
		{ "http://p/?", "a proxy's URL ends after host and port" },
		{ "http://p#", "a proxy's URL ends after host and port" },
		{ "http://u:a/b@p", "a proxy's URL ends after host and port; "
		    "in a password write / as %2F, ? as %3F, # as %23" },
		{ "http://@p", "the user's name is missing" },
		{ "http://:pw@p", "the user's name is missing" },
		{ "http://a%3Ab:pw@p", "a colon in the user's name cannot be "
		    "sent to a proxy" },
		{ "http://u:%@p", "its user or password has a bad %XX or a "
		    "control character" },
		{ "http://u:%2@p", "its user or password has a bad %XX or a "
		    "control character" },
		{ "http://u:%2g@p", "its user or password has a bad %XX or a "
		    "control character" },
		{ "http://u:%4g@p", "its user or password has a bad %XX or a "
		    "control character" },
		{ "http://u:%0a@p", "its user or password has a bad %XX or a "
		    "control character" },
		{ "http://u:%00@p", "its user or password has a bad %XX or a "
		    "control character" },
		{ "http://u%7F@p", "its user or password has a bad %XX or a "
		    "control character" },
		{ "http://u:\x01@p", "its user or password has a bad %XX or "
		    "a control character" },
	};
	struct proxy p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(parse(t[i].url, &p), ST_MALFORMED);
		assert_string_equal(why, t[i].why);
	}
}

static void
userinfo_is_percent_decoded(void **state)
{
	static const struct {
		const char	*url;
		const char	*user, *password;
	} t[] = {
		{ "http://u:p@h", "u", "p" },
		{ "u:p@h:1", "u", "p" },
		{ "socks5://u@h", "u", "" },
		{ "http://u:@h", "u", "" },
		{ "http://u:p:q@h", "u", "p:q" },
		{ "http://u:p@q@h", "u", "p@q" },
		{ "http://a%40b:%2f%3F%23%3a%25@h", "a@b", "/?#:%" },
		{ "http://u:%20 %7e@h", "u", "  ~" },
		{ "http://u:%C3%a9@h", "u", "\xc3\xa9" },
		{ "user:pass://@h", "user", NULL },
	};
	struct proxy p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (t[i].password == NULL) {
			/* The slashes end the host, which is "pass". */
			assert_int_equal(parse(t[i].url, &p), ST_MALFORMED);
			continue;
		}
		if (parse(t[i].url, &p) != ST_OK)
			fail_msg("%s: %s", t[i].url, why);
		assert_true(p.auth.given);
		assert_string_equal(p.auth.user, t[i].user);
		assert_int_equal(p.auth.user_len, strlen(t[i].user));
		assert_string_equal(p.auth.password, t[i].password);
		assert_int_equal(p.auth.password_len, strlen(t[i].password));
		assert_string_equal(p.at.host, "h");
		assert_null(strchr(p.name, '@'));
	}
}

static void
user_and_password_have_limits(void **state)
{
	char url[7 + PROXY_USER_MAX + 1 + 1 + PROXY_PASSWORD_MAX + 1 + 3];
	char user[PROXY_USER_MAX + 2], password[PROXY_PASSWORD_MAX + 2];
	struct proxy p;

	(void)state;
	memset(user, 'u', sizeof(user));
	memset(password, 'p', sizeof(password));
	user[PROXY_USER_MAX] = password[PROXY_PASSWORD_MAX] = '\0';
	(void)snprintf(url, sizeof(url), "http://%s:%s@h", user, password);
	assert_int_equal(parse(url, &p), ST_OK);
	assert_string_equal(p.auth.user, user);
	assert_string_equal(p.auth.password, password);

	user[PROXY_USER_MAX] = 'u';
	user[PROXY_USER_MAX + 1] = '\0';
	(void)snprintf(url, sizeof(url), "http://%s:p@h", user);
	assert_int_equal(parse(url, &p), ST_MALFORMED);
	assert_string_equal(why, "its user or password is too long");

	password[PROXY_PASSWORD_MAX] = 'p';
	password[PROXY_PASSWORD_MAX + 1] = '\0';
	(void)snprintf(url, sizeof(url), "http://u:%s@h", password);
	assert_int_equal(parse(url, &p), ST_MALFORMED);
	assert_string_equal(why, "its user or password is too long");
}

static void
no_message_shows_the_password(void **state)
{
	static const char *const urls[] = {
		"http://user:hidden@", "http://user:hidden@p:0",
		"http://user:hidden@p/x", "http://user:hid/den@p",
		"http://user:hidden%@p", "http://user:hidden%0a@p",
		"https://user:hidden@p", "ftp://user:hidden@p",
		"http://user:hidden@p q", "http://user:hidden@[::1",
		"http://:hidden@p", "user:hidden@p:x",
	};
	struct proxy p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		assert_int_not_equal(parse(urls[i], &p), ST_OK);
		assert_true(why[0] != '\0');
		assert_null(strstr(why, "hid"));
		assert_null(strstr(why, "user:"));
	}
}

static void
a_long_host_is_refused_not_cut(void **state)
{
	char url[512] = "http://";
	struct proxy p;

	(void)state;
	memset(url + 7, 'a', TARGET_HOST_MAX);
	assert_int_equal(parse(url, &p), ST_OK);
	assert_int_equal(strlen(p.at.host), TARGET_HOST_MAX);
	assert_int_equal(strlen(p.name), 7 + TARGET_HOST_MAX + 3);
	url[7 + TARGET_HOST_MAX] = 'a';
	assert_int_equal(parse(url, &p), ST_MALFORMED);
	memset(url + 7, 'a', 400);
	assert_int_equal(parse(url, &p), ST_MALFORMED);
}

static void
a_host_that_needs_escapes_is_told_of_whole(void **state)
{
	static const char end[] =
	    "...\": write a name with other letters as its xn-- form";
	char url[8 + 100];
	struct proxy p;

	(void)state;
	/* Each of what is shown of them takes four characters. */
	memset(url, '\xfa', sizeof(url) - 1);
	url[sizeof(url) - 1] = '\0';
	assert_int_equal(parse(url, &p), ST_MALFORMED);
	assert_int_equal(strlen(why), strlen("its HOST \"") + 64 * 4 +
	    sizeof(end) - 1);
	assert_string_equal(why + strlen(why) - (sizeof(end) - 1), end);
}

/*
 * Credentials.
 */

static void
credentials_are_the_first_line(void **state)
{
	static const struct {
		const char	*line;
		const char	*user, *password;
	} t[] = {
		{ "u:p\n", "u", "p" },
		{ "u:p", "u", "p" },
		{ "u:p\r\n", "u", "p" },
		{ "u:p\r", "u", "p" },
		{ "u:p\nx:y\n", "u", "p" },
		{ "u:p\n\x01", "u", "p" },
		{ "u:\n", "u", "" },
		{ "u: p:q \n", "u", " p:q " },
		{ "u:%41\n", "u", "%41" },
		{ "\xc3\xa9:\xff\n", "\xc3\xa9", "\xff" },
	};
	struct credentials c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(proxyurl_credentials(t[i].line,
		    strlen(t[i].line), &c, why, sizeof(why)), ST_OK);
		assert_true(c.given);
		assert_string_equal(c.user, t[i].user);
		assert_int_equal(c.user_len, strlen(t[i].user));
		assert_string_equal(c.password, t[i].password);
		assert_int_equal(c.password_len, strlen(t[i].password));
	}
}

static void
bad_credentials_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char	*line;
		size_t		 len;
		const char	*why;
	} t[] = {
		{ "", 0, "the first line must be USER:PASSWORD" },
		{ "\n", 1, "the first line must be USER:PASSWORD" },
		{ "user\n", 5, "the first line must be USER:PASSWORD" },
		{ "\nu:p\n", 5, "the first line must be USER:PASSWORD" },
		{ ":p\n", 3, "the user's name is missing" },
		{ "u:\tp", 4,
		    "there is a control character in the first line" },
		{ "u:p\r\r\n", 6,
		    "there is a control character in the first line" },
		{ "u:\0p", 4,
		    "there is a control character in the first line" },
		{ "\x1fu:p", 4,
		    "there is a control character in the first line" },
		{ "u\x7f:p", 4,
		    "there is a control character in the first line" },
		{ "u\rx:p", 5,
		    "there is a control character in the first line" },
	};
	struct credentials c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(proxyurl_credentials(t[i].line, t[i].len, &c,
		    why, sizeof(why)), ST_MALFORMED);
		assert_string_equal(why, t[i].why);
		assert_false(c.given);
	}
}

static void
credentials_have_limits(void **state)
{
	static char line[PROXY_USER_MAX + PROXY_PASSWORD_MAX + 4];
	struct credentials c;
	size_t len = PROXY_USER_MAX + 1 + PROXY_PASSWORD_MAX;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[PROXY_USER_MAX] = ':';
	assert_int_equal(proxyurl_credentials(line, len, &c, why,
	    sizeof(why)), ST_OK);
	assert_int_equal(c.user_len, PROXY_USER_MAX);
	assert_int_equal(c.password_len, PROXY_PASSWORD_MAX);
	assert_int_equal(c.user[PROXY_USER_MAX], '\0');
	assert_int_equal(c.password[PROXY_PASSWORD_MAX], '\0');
	assert_int_equal(proxyurl_credentials(line, len + 1, &c, why,
	    sizeof(why)), ST_MALFORMED);
	assert_string_equal(why, "user or password is too long");
	line[PROXY_USER_MAX] = 'x';
	line[PROXY_USER_MAX + 1] = ':';
	assert_int_equal(proxyurl_credentials(line, len, &c, why,
	    sizeof(why)), ST_MALFORMED);
	assert_string_equal(why, "user or password is too long");
}

/*
 * NO_PROXY.
 */

static bool
bypass(const char *list, const char *host, const char *port)
{
	struct target t;

	if (target_parse(host, port, &t, why, sizeof(why)) != ST_OK)
		fail_msg("%s", why);
	return proxyurl_bypass(list, &t);
}

/* A list, a host, and whether one has the other. */
struct pair {
	const char	*list;
	const char	*host;
	bool		 in;
};

static void
check_pairs(const struct pair *t, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (bypass(t[i].list, t[i].host, "22") != t[i].in)
			fail_msg("\"%s\" and %s", t[i].list, t[i].host);
}

static void
a_name_stands_for_itself_and_below(void **state)
{
	static const struct pair t[] = {
		{ "example.com", "example.com", true },
		{ "example.com", "a.example.com", true },
		{ "example.com", "a.b.example.com", true },
		{ "example.com", "notexample.com", false },
		{ "example.com", "example.com.org", false },
		{ "example.com", "xample.com", false },
		{ "example.com", "com", false },
		{ ".example.com", "example.com", true },
		{ ".example.com", "a.example.com", true },
		{ ".example.com", "notexample.com", false },
		{ "*.example.com", "example.com", true },
		{ "*.example.com", "a.example.com", true },
		{ "*.example.com", "notexample.com", false },
		{ "EXAMPLE.com", "example.COM", true },
		{ "*.EXAMPLE.com", "A.example.COM", true },
		{ "example.com.", "example.com", true },
		{ "example.com", "example.com.", true },
		{ "example.com.", "a.example.com.", true },
		{ ".example.com.", "a.example.com", true },
		{ "com", "example.com", true },
		{ "localhost", "localhost", true },
		/* None of these is a pattern. */
		{ "*example.com", "example.com", false },
		{ "ex*.com", "example.com", false },
		{ "a.*", "a.b", false },
		{ "..example.com", "example.com", false },
		{ "*..example.com", "example.com", false },
		{ ".", "example.com", false },
		{ ".", "example.com.", false },
		{ "*.", "example.com", false },
		{ "..", "example.com.", false },
	};

	(void)state;
	check_pairs(t, sizeof(t) / sizeof(t[0]));
}

static void
lists_are_split_at_commas_and_blanks(void **state)
{
	static const struct pair t[] = {
		{ "", "h", false },
		{ " , ,", "h", false },
		{ "a,h", "h", true },
		{ "h,a", "h", true },
		{ "a h", "h", true },
		{ "a,\th\r\n", "h", true },
		{ ",,h,,", "h", true },
		{ "a;h", "h", false },
		{ "*", "h", true },
		{ "*", "10.0.0.1", true },
		{ "*", "::1", true },
		{ "a,*", "h", true },
		{ "a", "h", false },
	};

	(void)state;
	check_pairs(t, sizeof(t) / sizeof(t[0]));
}

static void
addresses_match_addresses_only(void **state)
{
	static const struct pair t[] = {
		{ "10.0.0.1", "10.0.0.1", true },
		{ "10.0.0.1", "10.0.0.11", false },
		{ "10.0.0.1", "10.0.0.2", false },
		{ "0.0.1", "10.0.0.1", false },
		{ ".0.0.1", "10.0.0.1", false },
		{ "::1", "::1", true },
		{ "::1", "0:0::0:1", true },
		{ "::1", "::2", false },
		{ "[::1]", "::1", true },
		{ "[::1]", "[::1]", true },
		{ "[10.0.0.1]", "10.0.0.1", true },
		{ "2001:DB8::A", "2001:db8:0::a", true },
		{ "10.0.0.1", "::1", false },
		{ "::ffff:10.0.0.1", "10.0.0.1", true },
		{ "fe80::1", "fe80::1%lo", true },
		/* An address in the list is no name, and the reverse. */
		{ "10.0.0.0/8", "a.example", false },
		{ "0.0.0.0/0", "a.example", false },
		{ "example", "10.0.0.1", false },
	};

	(void)state;
	check_pairs(t, sizeof(t) / sizeof(t[0]));
}

static void
networks_have_any_number_of_bits(void **state)
{
	static const struct pair t[] = {
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.9.9.9/8", "10.0.0.1", true },
		{ "10.0.0.0/9", "10.127.255.255", true },
		{ "10.0.0.0/9", "10.128.0.0", false },
		{ "172.16.0.0/12", "172.31.255.255", true },
		{ "172.16.0.0/12", "172.32.0.0", false },
		{ "172.16.0.0/12", "172.15.255.255", false },
		{ "192.168.4.0/23", "192.168.5.255", true },
		{ "192.168.4.0/23", "192.168.6.0", false },
		{ "192.168.4.6/31", "192.168.4.7", true },
		{ "192.168.4.6/31", "192.168.4.8", false },
		{ "192.168.4.6/32", "192.168.4.6", true },
		{ "192.168.4.6/32", "192.168.4.7", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "128.0.0.0/1", "128.0.0.0", true },
		{ "128.0.0.0/1", "127.255.255.255", false },
		{ "1.2.3.4/33", "1.2.3.4", false },
		{ "1.2.3.4/-1", "1.2.3.4", false },
		{ "1.2.3.4/", "1.2.3.4", false },
		{ "1.2.3.4/8/8", "1.2.3.4", false },
		{ "1.2.3.4/ 8", "1.2.3.4", false },
		{ "1.2.3/8", "1.2.3.4", false },
		{ "/8", "1.2.3.4", false },
		{ "::/0", "::1", true },
		{ "::/0", "1.2.3.4", false },
		{ "0.0.0.0/0", "::1", false },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::1", false },
		{ "fe80::/10", "febf::1", true },
		{ "fe80::/10", "fec0::1", false },
		{ "fc00::/7", "fdff::1", true },
		{ "fc00::/7", "fe00::1", false },
		{ "2001:db8::2/127", "2001:db8::3", true },
		{ "2001:db8::2/127", "2001:db8::4", false },
		{ "2001:db8::2/128", "2001:db8::2", true },
		{ "2001:db8::2/128", "2001:db8::3", false },
		{ "2001:db8::2/129", "2001:db8::2", false },
		{ "[2001:db8::/32]", "2001:db8::1", true },
		/* An IPv4 address that is written as an IPv6 one. */
		{ "10.0.0.0/8", "::ffff:10.1.2.3", true },
		{ "10.0.0.0/8", "[::ffff:a01:203]", true },
		{ "10.0.0.0/8", "::ffff:11.0.0.1", false },
		{ "10.1.2.3", "::ffff:10.1.2.3", true },
		{ "10.1.2.3", "::ffff:10.1.2.4", false },
		{ "0.0.0.0/0", "::ffff:10.1.2.3", true },
		{ "0.0.0.0/0", "::fffe:10.1.2.3", false },
		{ "10.0.0.0/8", "::10.1.2.3", false },
		{ "10.0.0.0/8", "64:ff9b::10.1.2.3", false },
		{ "::ffff:10.0.0.0/104", "10.1.2.3", true },
		{ "::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true },
		{ "::ffff:10.0.0.0/104", "11.1.2.3", false },
		{ "[::ffff:10.1.2.3]", "10.1.2.3", true },
		{ "::ffff:0:0/96", "10.1.2.3", true },
		{ "::ffff:0:0/95", "10.1.2.3", false },
		{ "::/0", "::ffff:10.1.2.3", true },
	};

	(void)state;
	check_pairs(t, sizeof(t) / sizeof(t[0]));
}

static void
every_number_of_bits_is_counted(void **state)
{
	char list[64], host[64];
	uint32_t addr;
	unsigned bits;

	(void)state;
	/* The last bit of the network counts, and the one behind does not. */
	for (bits = 0; bits <= 32; bits++) {
		(void)snprintf(list, sizeof(list), "0.0.0.0/%u", bits);
		if (bits > 0) {
			addr = 1u << (32 - bits);
			(void)snprintf(host, sizeof(host), "%u.%u.%u.%u",
			    addr >> 24, addr >> 16 & 0xff, addr >> 8 & 0xff,
			    addr & 0xff);
			assert_false(bypass(list, host, "22"));
		}
		if (bits < 32) {
			addr = 1u << (31 - bits);
			(void)snprintf(host, sizeof(host), "%u.%u.%u.%u",
			    addr >> 24, addr >> 16 & 0xff, addr >> 8 & 0xff,
			    addr & 0xff);
			assert_true(bypass(list, host, "22"));
		}
	}
}

static void
a_port_in_the_list_must_be_the_same(void **state)
{
	static const struct {
		const char	*list;
		const char	*host;
		bool		 in;	/* at port 22 */
	} t[] = {
		{ "example.com:22", "example.com", true },
		{ "example.com:22", "a.example.com", true },
		{ "example.com:222", "example.com", false },
		{ "example.com:2", "example.com", false },
		{ ".example.com:22", "a.example.com", true },
		{ "*:22", "example.com", true },
		{ "*:443", "example.com", false },
		{ "10.0.0.1:22", "10.0.0.1", true },
		{ "10.0.0.1:23", "10.0.0.1", false },
		{ "10.0.0.0/8:22", "10.1.1.1", true },
		{ "10.0.0.0/8:23", "10.1.1.1", false },
		{ "[::1]:22", "::1", true },
		{ "[::1]:23", "::1", false },
		{ "[2001:db8::/32]:22", "2001:db8::1", true },
		{ "[2001:db8::/32]:23", "2001:db8::1", false },
		{ "[::1", "::1", false },
		{ "[::1]22", "::1", false },
		{ "example.com:0", "example.com", false },
		{ "example.com:65558", "example.com", false },
		{ "example.com:22x", "example.com", false },
		{ "example.com:123456789", "example.com", false },
		/* Two colons and no brackets are an address. */
		{ "::1:22", "::1", false },
		{ "::1:22", "::1:22", true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (bypass(t[i].list, t[i].host, "22") != t[i].in)
			fail_msg("\"%s\" and %s", t[i].list, t[i].host);
	assert_true(bypass("h:1", "h", "1"));
	assert_true(bypass("h:65535", "h", "65535"));
}

static void
words_of_any_length_do_no_harm(void **state)
{
	static char list[2048];
	size_t len;

	(void)state;
	for (len = 200; len < sizeof(list) - 4; len++) {
		memset(list, 'a', len);
		list[len] = '\0';
		assert_false(bypass(list, "h", "22"));
		assert_false(bypass(list, "10.0.0.1", "22"));
		list[0] = '[';
		list[len - 1] = ']';
		assert_false(bypass(list, "::1", "22"));
		/* What comes behind it counts. */
		memcpy(list + len, ",h", 3);
		assert_true(bypass(list, "h", "22"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_name_a_kind_and_a_place),
		cmocka_unit_test(direct_is_no_proxy),
		cmocka_unit_test(schemes_that_we_do_not_speak_are_refused),
		cmocka_unit_test(bad_urls_are_refused_with_a_reason),
		cmocka_unit_test(userinfo_is_percent_decoded),
		cmocka_unit_test(user_and_password_have_limits),
		cmocka_unit_test(no_message_shows_the_password),
		cmocka_unit_test(a_long_host_is_refused_not_cut),
		cmocka_unit_test(a_host_that_needs_escapes_is_told_of_whole),
		cmocka_unit_test(credentials_are_the_first_line),
		cmocka_unit_test(bad_credentials_are_refused_with_a_reason),
		cmocka_unit_test(credentials_have_limits),
		cmocka_unit_test(a_name_stands_for_itself_and_below),
		cmocka_unit_test(lists_are_split_at_commas_and_blanks),
		cmocka_unit_test(addresses_match_addresses_only),
		cmocka_unit_test(networks_have_any_number_of_bits),
		cmocka_unit_test(every_number_of_bits_is_counted),
		cmocka_unit_test(a_port_in_the_list_must_be_the_same),
		cmocka_unit_test(words_of_any_length_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
