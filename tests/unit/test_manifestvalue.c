/*
 * What the texts in a manifest may be.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "provision/manifestvalue.h"

typedef const char *check_fn(const char *);

struct row {
	check_fn	*check;
	const char	*text;
	const char	*what;	/* a part of what is said; NULL: it is good */
};

static void
check_rows(const struct row *rows, size_t n)
{
	const char *what;
	char *text;

	for (size_t i = 0; i < n; i++) {
		/* On the heap, so that a sanitizer sees its end. */
		text = strdup(rows[i].text);
		assert_non_null(text);
		what = rows[i].check(text);
		if ((what == NULL) != (rows[i].what == NULL) ||
		    (what != NULL && strstr(what, rows[i].what) == NULL))
			fail_msg("%zu: %s: %s", i, text, what);
		free(text);
	}
}

#define CHECK_ROWS(rows)	check_rows(rows, sizeof(rows) / sizeof(rows[0]))

static void
names_of_hosts_mean_nothing_to_ssh(void **state)
{
	static const struct row rows[] = {
		{ manifestvalue_host, "a", NULL },
		{ manifestvalue_host, "Git.Example.com", NULL },
		{ manifestvalue_host, "git_1-a.", NULL },
		{ manifestvalue_host, "10.0.0.1", NULL },
		{ manifestvalue_host, "2001:db8::1", NULL },
		{ manifestvalue_host, "", "must not be empty" },
		{ manifestvalue_host, "-oProxyCommand=x", "begin with -" },
		{ manifestvalue_host, "*", "patterns" },
		{ manifestvalue_host, "*.example.com", "patterns" },
		{ manifestvalue_host, "!a", "patterns" },
		{ manifestvalue_host, "a?", "patterns" },
		{ manifestvalue_host, "[::1]:22", "Port" },
		{ manifestvalue_host, "git@a", "User" },
		{ manifestvalue_host, "a b", "letters, digits" },
		{ manifestvalue_host, "a\tb", "letters, digits" },
		{ manifestvalue_host, "a\nb", "letters, digits" },
		{ manifestvalue_host, "%h", "letters, digits" },
		{ manifestvalue_host, "$(id)", "letters, digits" },
		{ manifestvalue_host, "`id`", "letters, digits" },
		{ manifestvalue_host, "a;b", "letters, digits" },
		{ manifestvalue_host, "a,b", "letters, digits" },
		{ manifestvalue_host, "a\"b", "letters, digits" },
		{ manifestvalue_host, "a'b", "letters, digits" },
		{ manifestvalue_host, "a=b", "letters, digits" },
		{ manifestvalue_host, "a/b", "letters, digits" },
		{ manifestvalue_host, "a\\b", "letters, digits" },
		{ manifestvalue_host, "#a", "letters, digits" },
		{ manifestvalue_host, "b\xc3\xbc" "cher.example", "xn--" },
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void
names_of_users_mean_nothing_to_ssh(void **state)
{
	static const struct row rows[] = {
		{ manifestvalue_user, "git", NULL },
		{ manifestvalue_user, "first.last_1-x+y@example.com", NULL },
		{ manifestvalue_user, "DOMAIN\\user", NULL },
		{ manifestvalue_user, "", "must not be empty" },
		{ manifestvalue_user, "-l", "begin with -" },
		{ manifestvalue_user, "a\\", "letters, digits" },
		{ manifestvalue_user, "a b", "letters, digits" },
		{ manifestvalue_user, "%u", "letters, digits" },
		{ manifestvalue_user, "${HOME}", "letters, digits" },
		{ manifestvalue_user, "a;id", "letters, digits" },
		{ manifestvalue_user, "a|id", "letters, digits" },
		{ manifestvalue_user, "a\n", "letters, digits" },
		{ manifestvalue_user, "a\"", "letters, digits" },
		{ manifestvalue_user, "a:b", "letters, digits" },
		{ manifestvalue_account, "node", NULL },
		{ manifestvalue_account, "1000", NULL },
		{ manifestvalue_account, "_a-b.c", NULL },
		{ manifestvalue_account, "", "must not be empty" },
		{ manifestvalue_account, "-u", "begin with -" },
		{ manifestvalue_account, "node:root", "letters, digits" },
		{ manifestvalue_account, "a b", "letters, digits" },
		{ manifestvalue_account, "@dev", "letters, digits" },
		{ manifestvalue_peer, "node", NULL },
		{ manifestvalue_peer, "1000", NULL },
		{ manifestvalue_peer, "@dev", NULL },
		{ manifestvalue_peer, "", "name or number" },
		{ manifestvalue_peer, "@", "name or number" },
		{ manifestvalue_peer, "@@a", "name or number" },
		{ manifestvalue_peer, "-a", "name or number" },
		{ manifestvalue_peer, "@-a", "name or number" },
		{ manifestvalue_peer, "a b", "name or number" },
		{ manifestvalue_peer, "a=sign", "name or number" },
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void
paths_are_data(void **state)
{
	static const struct row rows[] = {
		{ manifestvalue_path, "~/.ssh/id", NULL },
		{ manifestvalue_path, "a b/'c'/\"d\"/$(id)/`x`/\\", NULL },
		{ manifestvalue_path, "%d/${HOME}/*?-", NULL },
		{ manifestvalue_path, "-a", NULL },
		{ manifestvalue_path, "../k", NULL },
		{ manifestvalue_path, "\xc3\xa4/\xc2\xa0", NULL },
		{ manifestvalue_path, "", "must not be empty" },
		{ manifestvalue_path, "a\nb", "control" },
		{ manifestvalue_path, "a\x1b[2J", "control" },
		{ manifestvalue_path, "a\x7f", "control" },
		{ manifestvalue_path, "a\xc2\x9b", "control" },
		{ manifestvalue_path, "a\xc2\x80", "control" },
		{ manifestvalue_home, "/home/a b", NULL },
		{ manifestvalue_home, "/", NULL },
		{ manifestvalue_home, "/a..b/..c/d../...", NULL },
		{ manifestvalue_home, "", "must not be empty" },
		{ manifestvalue_home, "home", "absolute path" },
		{ manifestvalue_home, "~", "absolute path" },
		{ manifestvalue_home, "/a/../b", "without .." },
		{ manifestvalue_home, "/..", "without .." },
		{ manifestvalue_home, "//..//", "without .." },
		{ manifestvalue_home, "/a\n", "control" },
		{ manifestvalue_plain, "", NULL },
		{ manifestvalue_plain, "a \xc3\xa4", NULL },
		{ manifestvalue_plain, "a\t", "control" },
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void
proxies_are_urls(void **state)
{
	static const struct row rows[] = {
		{ manifestvalue_proxy, "direct", NULL },
		{ manifestvalue_proxy, "http://proxy:8888", NULL },
		{ manifestvalue_proxy, "socks5://u:p%20w@[::1]:1080/", NULL },
		{ manifestvalue_proxy, "socks5h://h", NULL },
		{ manifestvalue_proxy, "", "must be \"direct\"" },
		{ manifestvalue_proxy, "http://", "must be \"direct\"" },
		{ manifestvalue_proxy, "https://h", "must be \"direct\"" },
		{ manifestvalue_proxy, "proxy:8888", "must be \"direct\"" },
		{ manifestvalue_proxy, "http://a b", "printable ASCII" },
		{ manifestvalue_proxy, "http://a\n", "printable ASCII" },
		{ manifestvalue_proxy, "http://\xc3\xa4", "printable ASCII" },
		{ manifestvalue_proxy, "http://a\x7f", "printable ASCII" },
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void
purposes_are_words(void **state)
{
	static const struct row rows[] = {
		{ manifestvalue_purpose, "auth", NULL },
		{ manifestvalue_purpose, "any", NULL },
		{ manifestvalue_purpose, "ns@example.com", NULL },
		{ manifestvalue_purpose, "", "must not be empty" },
		{ manifestvalue_purpose, "auth,git", "one word" },
		{ manifestvalue_purpose, "a b", "one word" },
		{ manifestvalue_purpose, "a\n", "one word" },
		{ manifestvalue_namespace, "git", NULL },
		{ manifestvalue_namespace, "", "must not be empty" },
		{ manifestvalue_namespace, "a,b", "one word" },
		{ manifestvalue_namespace, "auth", "belong in purposes" },
		{ manifestvalue_namespace, "any", "belong in purposes" },
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void
lengths_are_limited(void **state)
{
	static const struct {
		check_fn	*check;
		const char	*begin;
		size_t		 max;
		const char	*what;
	} rows[] = {
		{ manifestvalue_host, "", MANIFEST_HOST_MAX, "253 bytes" },
		{ manifestvalue_user, "", MANIFEST_USER_MAX, "255 bytes" },
		{ manifestvalue_account, "", 255, "255 bytes" },
		{ manifestvalue_path, "", MANIFEST_PATH_MAX, "1024 bytes" },
		{ manifestvalue_home, "/", MANIFEST_PATH_MAX, "1024 bytes" },
		{ manifestvalue_proxy, "http://", MANIFEST_PROXY_MAX,
		    "1024 bytes" },
		{ manifestvalue_purpose, "", 255, "255 bytes" },
		{ manifestvalue_namespace, "", 255, "255 bytes" },
		{ manifestvalue_peer, "@", 255, "255 bytes" },
	};
	char text[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(text, 'a', sizeof(text));
		memcpy(text, rows[i].begin, strlen(rows[i].begin));
		text[rows[i].max + 1] = '\0';
		assert_non_null(strstr(rows[i].check(text), rows[i].what));
		text[rows[i].max] = '\0';
		assert_null(rows[i].check(text));
	}
}

static void
a_rate_is_a_number_and_a_time(void **state)
{
	static const struct {
		const char	*text;
		uint32_t	 n, seconds;	/* 0: it is none */
	} rows[] = {
		{ "5/1m", 5, 60 },
		{ "1/1", 1, 1 },
		{ "1024/1d", 1024, 86400 },
		{ "1024/86400", 1024, 86400 },
		{ "2/1m30s", 2, 90 },
		{ "1025/1d", 0, 0 },
		{ "1/86401", 0, 0 },
		{ "0/1m", 0, 0 },
		{ "1/0", 0, 0 },
		{ "1/", 0, 0 },
		{ "/1m", 0, 0 },
		{ "5", 0, 0 },
		{ "", 0, 0 },
		{ "5/1m/1m", 0, 0 },
		{ " 5/1m", 0, 0 },
		{ "5/ 1m", 0, 0 },
		{ "-5/1m", 0, 0 },
		{ "5/1x", 0, 0 },
		{ "00000005/1m", 0, 0 },
	};
	uint32_t n, seconds;
	int st;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		n = seconds = 0;
		st = manifestvalue_rate(rows[i].text, &n, &seconds);
		assert_int_equal(st, rows[i].n > 0 ? ST_OK : ST_MALFORMED);
		assert_int_equal(n, rows[i].n);
		assert_int_equal(seconds, rows[i].seconds);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_hosts_mean_nothing_to_ssh),
		cmocka_unit_test(names_of_users_mean_nothing_to_ssh),
		cmocka_unit_test(paths_are_data),
		cmocka_unit_test(proxies_are_urls),
		cmocka_unit_test(purposes_are_words),
		cmocka_unit_test(lengths_are_limited),
		cmocka_unit_test(a_rate_is_a_number_and_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
