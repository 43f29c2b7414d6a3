/*
 * HOST and PORT: what is taken, as what, and what is said about the rest.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "forwarder/target.h"

#define WHY_MAX		512

static char why[WHY_MAX];

static int
parse(const char *host, const char *port, struct target *t)
{
	why[0] = '\0';
	return target_parse(host, port, t, why, sizeof(why));
}

static void
names_and_addresses_are_told_apart(void **state)
{
	static const struct {
		const char		*host;
		enum target_kind	 kind;
		bool			 zone;
		const char		*bare;
		const char		*authority;
	} t[] = {
		{ "example.com", TARGET_NAME, false, "example.com",
		    "example.com:22" },
		{ "example.com.", TARGET_NAME, false, "example.com.",
		    "example.com.:22" },
		{ "Ex_-1.COM", TARGET_NAME, false, "Ex_-1.COM",
		    "Ex_-1.COM:22" },
		{ "azAZ09", TARGET_NAME, false, "azAZ09", "azAZ09:22" },
		{ "a", TARGET_NAME, false, "a", "a:22" },
		{ "xn--bcher-kva.example", TARGET_NAME, false,
		    "xn--bcher-kva.example", "xn--bcher-kva.example:22" },
		{ "127.0.0.1", TARGET_IPV4, false, "127.0.0.1",
		    "127.0.0.1:22" },
		/* What inet_aton(3) would take is a name here. */
		{ "127.1", TARGET_NAME, false, "127.1", "127.1:22" },
		{ "127.0.0.256", TARGET_NAME, false, "127.0.0.256",
		    "127.0.0.256:22" },
		{ "::1", TARGET_IPV6, false, "::1", "[::1]:22" },
		{ "[::1]", TARGET_IPV6, false, "::1", "[::1]:22" },
		{ "2001:DB8::a", TARGET_IPV6, false, "2001:DB8::a",
		    "[2001:DB8::a]:22" },
		{ "::ffff:10.0.0.1", TARGET_IPV6, false, "::ffff:10.0.0.1",
		    "[::ffff:10.0.0.1]:22" },
		{ "fe80::1%eth0", TARGET_IPV6, true, "fe80::1%eth0",
		    "[fe80::1%eth0]:22" },
		{ "[fe80::1%wlp2s0.100]", TARGET_IPV6, true,
		    "fe80::1%wlp2s0.100", "[fe80::1%wlp2s0.100]:22" },
		{ "fe80::1%123456789012345", TARGET_IPV6, true,
		    "fe80::1%123456789012345",
		    "[fe80::1%123456789012345]:22" },
	};
	struct target got;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (parse(t[i].host, "22", &got) != ST_OK)
			fail_msg("%s: %s", t[i].host, why);
		assert_int_equal(got.kind, t[i].kind);
		assert_int_equal(got.zone, t[i].zone);
		assert_string_equal(got.host, t[i].bare);
		assert_string_equal(got.authority, t[i].authority);
		assert_int_equal(got.port, 22);
	}
}

static void
addresses_are_in_network_order(void **state)
{
	static const uint8_t four[4] = { 10, 1, 2, 3 };
	static const uint8_t six[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 9 };
	struct target t;

	(void)state;
	assert_int_equal(parse("10.1.2.3", "1", &t), ST_OK);
	assert_memory_equal(t.addr, four, sizeof(four));
	assert_int_equal(parse("[2001:db8::9%lo]", "1", &t), ST_OK);
	assert_memory_equal(t.addr, six, sizeof(six));
}

static void
ports_are_1_to_65535(void **state)
{
	static const struct {
		const char	*port;
		unsigned	 value;	/* 0: refused */
	} t[] = {
		{ "1", 1 }, { "22", 22 }, { "65535", 65535 },
		{ "0022", 22 },
		{ "0", 0 }, { "65536", 0 }, { "", 0 }, { "-1", 0 },
		{ "+22", 0 }, { " 22", 0 }, { "22 ", 0 }, { "0x16", 0 },
		{ "ssh", 0 }, { "99999999999999999999", 0 },
	};
	struct target got;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (t[i].value > 0) {
			assert_int_equal(parse("h", t[i].port, &got), ST_OK);
			assert_int_equal(got.port, t[i].value);
			continue;
		}
		assert_int_equal(parse("h", t[i].port, &got), ST_MALFORMED);
		assert_non_null(strstr(why,
		    "\": not a number from 1 to 65535"));
		assert_int_equal(strncmp(why, "PORT \"", 6), 0);
	}
}

static void
bad_hosts_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char	*host;
		const char	*why;
	} t[] = {
		{ "", "HOST is empty" },
		{ "-oProxyCommand=x", "HOST \"-oProxyCommand=x\": a host name "
		    "does not begin with -" },
		{ ".", "HOST \".\": a part of the name is missing" },
		{ ".a", "HOST \".a\": a part of the name is missing" },
		{ "a..b", "HOST \"a..b\": a part of the name is missing" },
		{ "a..", "HOST \"a..\": a part of the name is missing" },
		{ "a b", "HOST \"a b\": a host name has letters, digits, '-', "
		    "'.' and '_' only" },
		{ "a/b", "HOST \"a/b\": a host name has letters, digits, '-', "
		    "'.' and '_' only" },
		{ "a%b", "HOST \"a%b\": a host name has letters, digits, '-', "
		    "'.' and '_' only" },
		{ "a\r\nHost", "HOST \"a\\x0d\\x0aHost\": a host name has "
		    "letters, digits, '-', '.' and '_' only" },
		{ "user@host", "HOST \"user@host\": a host name has letters, "
		    "digits, '-', '.' and '_' only" },
		{ "b\xc3\xbc" "cher", "HOST \"b\xc3\xbc" "cher\": write a "
		    "name with other letters as its xn-- form" },
		{ "a\x80", "HOST \"a\\x80\": write a name with other letters as its "
		    "xn-- form" },
		{ "a`", "HOST \"a`\": a host name has letters, digits, '-', "
		    "'.' and '_' only" },
		{ "host:22", "HOST \"host:22\": not an IPv6 address" },
		{ "[]", "HOST \"[]\": not an IPv6 address" },
		{ "[127.0.0.1]", "HOST \"[127.0.0.1]\": not an IPv6 address" },
		{ "[name]", "HOST \"[name]\": not an IPv6 address" },
		{ "[::1", "HOST \"[::1\": not an IPv6 address" },
		{ "::1]", "HOST \"::1]\": not an IPv6 address" },
		{ "[[::1]]", "HOST \"[[::1]]\": not an IPv6 address" },
		{ "[", "HOST \"[\": a host name has letters, digits, '-', '.' "
		    "and '_' only" },
		{ "1:2:3:4:5:6:7:8:9",
		    "HOST \"1:2:3:4:5:6:7:8:9\": not an IPv6 address" },
		{ "fe80::1%", "HOST \"fe80::1%\": what follows % is no "
		    "network interface" },
		{ "fe80::1%1234567890123456", "HOST "
		    "\"fe80::1%1234567890123456\": what follows % is no "
		    "network interface" },
		{ "fe80::1%a b", "HOST \"fe80::1%a b\": what follows % is no "
		    "network interface" },
		{ "fe80::1%a%b", "HOST \"fe80::1%a%b\": what follows % is no "
		    "network interface" },
		{ "%lo:", "HOST \"%lo:\": what follows % is no network "
		    "interface" },
	};
	struct target got;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(parse(t[i].host, "22", &got), ST_MALFORMED);
		assert_string_equal(why, t[i].why);
	}
}

static void
a_name_has_253_bytes_at_most(void **state)
{
	char host[TARGET_HOST_MAX + 4];
	struct target t;

	(void)state;
	memset(host, 'a', sizeof(host));
	host[TARGET_HOST_MAX] = '\0';
	assert_int_equal(parse(host, "65535", &t), ST_OK);
	assert_string_equal(t.host, host);
	assert_int_equal(strlen(t.authority), TARGET_HOST_MAX + 6);

	host[TARGET_HOST_MAX] = 'a';
	host[TARGET_HOST_MAX + 1] = '\0';
	assert_int_equal(parse(host, "22", &t), ST_TOO_LARGE);
	assert_string_equal(why,
	    "HOST is 254 bytes long; a name has 253 at most");

	/* Brackets are no part of it. */
	host[0] = '[';
	host[TARGET_HOST_MAX + 1] = ']';
	host[TARGET_HOST_MAX + 2] = '\0';
	assert_int_equal(parse(host, "22", &t), ST_MALFORMED);
	host[TARGET_HOST_MAX + 1] = 'a';
	host[TARGET_HOST_MAX + 2] = ']';
	host[TARGET_HOST_MAX + 3] = '\0';
	assert_int_equal(parse(host, "22", &t), ST_TOO_LARGE);
}

static void
long_bad_words_are_cut_in_the_message(void **state)
{
	char host[101];
	char wanted[WHY_MAX] = "HOST \"";
	struct target t;

	(void)state;
	memset(host, '/', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	memset(wanted + 6, '/', 64);
	strcpy(wanted + 70, "...\": a host name has letters, digits, '-', '.' "
	    "and '_' only");
	assert_int_equal(parse(host, "22", &t), ST_MALFORMED);
	assert_string_equal(why, wanted);

	/* One that is as long as what is shown is whole. */
	host[64] = '\0';
	strcpy(wanted + 70, "\": a host name has letters, digits, '-', '.' "
	    "and '_' only");
	assert_int_equal(parse(host, "22", &t), ST_MALFORMED);
	assert_string_equal(why, wanted);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_addresses_are_told_apart),
		cmocka_unit_test(addresses_are_in_network_order),
		cmocka_unit_test(ports_are_1_to_65535),
		cmocka_unit_test(bad_hosts_are_refused_with_a_reason),
		cmocka_unit_test(a_name_has_253_bytes_at_most),
		cmocka_unit_test(long_bad_words_are_cut_in_the_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
