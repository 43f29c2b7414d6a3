/*
 * The messages of SOCKS 5, both ways, byte for byte.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "forwarder/socks5.h"

static const struct credentials none = { .given = false };
static const struct credentials auth = { .given = true,
	.user = "user", .user_len = 4, .password = "pass", .password_len = 4 };

static void
hello_offers_a_password_only_when_there_is_one(void **state)
{
	uint8_t out[SOCKS5_SEND_MAX];

	(void)state;
	assert_int_equal(socks5_hello(out, &none), 3);
	assert_memory_equal(out, "\x05\x01\x00", 3);
	assert_int_equal(socks5_hello(out, &auth), 4);
	assert_memory_equal(out, "\x05\x02\x00\x02", 4);
}

static void
the_proxy_chooses_one_of_the_methods(void **state)
{
	static const struct {
		uint8_t		 p[SOCKS5_METHOD_LEN];
		int		 with, without;	/* credentials */
	} t[] = {
		{ { 5, 0 }, ST_OK, ST_OK },
		{ { 5, 2 }, ST_OK, ST_MALFORMED },
		{ { 5, 1 }, ST_MALFORMED, ST_MALFORMED },
		{ { 5, 3 }, ST_MALFORMED, ST_MALFORMED },
		{ { 5, 0xfe }, ST_MALFORMED, ST_MALFORMED },
		{ { 5, 0xff }, ST_DENIED, ST_DENIED },
		{ { 4, 0 }, ST_MALFORMED, ST_MALFORMED },
		{ { 0, 0x5a }, ST_MALFORMED, ST_MALFORMED },
		{ { 'H', 'T' }, ST_MALFORMED, ST_MALFORMED },
		{ { 'H', 0xff }, ST_MALFORMED, ST_MALFORMED },
	};
	uint8_t method;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		method = 77;
		assert_int_equal(socks5_method(t[i].p, &auth, &method),
		    t[i].with);
		if (t[i].with == ST_OK)
			assert_int_equal(method, t[i].p[1]);
		assert_int_equal(socks5_method(t[i].p, &none, &method),
		    t[i].without);
	}
}

static void
login_has_user_and_password(void **state)
{
	static struct credentials c = { .given = true };
	uint8_t out[SOCKS5_SEND_MAX];
	size_t len = 0;

	(void)state;
	assert_int_equal(socks5_login(out, &auth, &len), ST_OK);
	assert_int_equal(len, 11);
	assert_memory_equal(out, "\x01\x04user\x04pass", 11);

	c.user_len = 1;
	c.user[0] = 'u';
	assert_int_equal(socks5_login(out, &c, &len), ST_OK);
	assert_int_equal(len, 4);
	assert_memory_equal(out, "\x01\x01u\x00", 4);

	c.user_len = PROXY_USER_MAX;
	memset(c.user, 'u', PROXY_USER_MAX);
	c.password_len = 255;
	memset(c.password, 'p', PROXY_PASSWORD_MAX);
	assert_int_equal(socks5_login(out, &c, &len), ST_OK);
	assert_int_equal(len, 3 + 255 + 255);
	assert_int_equal(out[1], 255);
	assert_int_equal(out[256], 'u');
	assert_int_equal(out[257], 255);
	assert_int_equal(out[258], 'p');
	assert_int_equal(out[512], 'p');

	c.password_len = 256;
	assert_int_equal(socks5_login(out, &c, &len), ST_TOO_LARGE);
}

static void
login_is_taken_with_zero_only(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 256; i++) {
		const uint8_t p[] = { 1, (uint8_t)i };
		const uint8_t q[] = { (uint8_t)i, 0 };

		assert_int_equal(socks5_status(p), i == 0 ? ST_OK : ST_DENIED);
		assert_int_equal(socks5_status(q),
		    i == 1 ? ST_OK : ST_MALFORMED);
	}
}

static void
connect_names_the_target_as_what_it_is(void **state)
{
	static const struct {
		const char	*host, *port;
		const char	*bytes;
		size_t		 len;
	} t[] = {
		{ "example.com", "22",
		    "\x05\x01\x00\x03\x0b" "example.com\x00\x16", 18 },
		{ "10.1.2.3", "443", "\x05\x01\x00\x01\x0a\x01\x02\x03\x01\xbb",
		    10 },
		{ "[2001:db8::1]", "65535", "\x05\x01\x00\x04\x20\x01\x0d\xb8"
		    "\0\0\0\0\0\0\0\0\0\0\0\x01\xff\xff", 22 },
	};
	char host[TARGET_HOST_MAX + 1], why[256];
	uint8_t out[SOCKS5_SEND_MAX];
	struct target got;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(target_parse(t[i].host, t[i].port, &got, why,
		    sizeof(why)), ST_OK);
		assert_int_equal(socks5_connect(out, &got), t[i].len);
		assert_memory_equal(out, t[i].bytes, t[i].len);
	}
	memset(host, 'h', TARGET_HOST_MAX);
	host[TARGET_HOST_MAX] = '\0';
	assert_int_equal(target_parse(host, "256", &got, why, sizeof(why)),
	    ST_OK);
	assert_int_equal(socks5_connect(out, &got), 5 + 253 + 2);
	assert_int_equal(out[4], 253);
	assert_int_equal(out[5 + 252], 'h');
	assert_int_equal(out[5 + 253], 1);
	assert_int_equal(out[5 + 254], 0);
}

/*
 * Replies.
 */

/* What is asked with ${n} bytes, in memory that ends behind them. */
static int
reply(const uint8_t *p, size_t n, size_t *need, uint8_t *code)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	int st;

	assert_non_null(copy);
	memcpy(copy, p, n);
	*need = SIZE_MAX;
	*code = 77;
	st = socks5_reply(copy, n, need, code);
	free(copy);
	return st;
}

/* Read ${len} bytes of a yes as open_socks() does: never more than is
 * known to be part of it. */
static void
check_yes(const uint8_t *p, size_t len)
{
	size_t n, need;
	uint8_t code;

	for (n = 0; n < len; n++) {
		assert_int_equal(reply(p, n, &need, &code), ST_MORE);
		assert_true(need > n);
		assert_true(need <= len);
		assert_int_equal(need, n < 5 ? 5 : len);
	}
	assert_int_equal(reply(p, len, &need, &code), ST_OK);
	assert_int_equal(need, len);
	assert_int_equal(code, SOCKS5_OK);
	/* What stands behind it changes nothing. */
	assert_int_equal(reply(p, len + 1, &need, &code), ST_OK);
	assert_int_equal(need, len);
}

static void
a_yes_is_read_to_its_end_and_not_further(void **state)
{
	static const uint8_t four[] = { 5, 0, 0, 1, 1, 2, 3, 4, 0, 22, 'S' };
	static const uint8_t six[] = { 5, 0, 0, 4, [20] = 0, 22, 'S' };
	uint8_t name[SOCKS5_REPLY_MAX + 1] = { 5, 0, 0, 3 };
	unsigned len;

	(void)state;
	check_yes(four, sizeof(four) - 1);
	check_yes(six, sizeof(six) - 1);
	for (len = 0; len <= 255; len++) {
		name[4] = (uint8_t)len;
		check_yes(name, 4 + 1 + len + 2);
	}
	assert_int_equal(4 + 1 + 255 + 2, SOCKS5_REPLY_MAX);
}

static void
a_no_is_known_by_its_second_byte(void **state)
{
	uint8_t p[10] = { 5, 0, 0, 1 };
	size_t n, need;
	unsigned i;
	uint8_t code;

	(void)state;
	for (i = 1; i < 256; i++) {
		p[1] = (uint8_t)i;
		assert_int_equal(reply(p, 1, &need, &code), ST_MORE);
		for (n = 2; n <= sizeof(p); n++) {
			assert_int_equal(reply(p, n, &need, &code),
			    ST_DENIED);
			assert_int_equal(code, i);
		}
	}
}

static void
replies_that_are_none_are_malformed(void **state)
{
	static const struct {
		uint8_t	 p[10];
		size_t	 n;	/* from so many bytes on */
	} t[] = {
		{ { 4, 0, 0, 1 }, 1 },
		{ { 0, 0x5a, 0, 0 }, 1 },
		{ { 'H', 'T', 'T', 'P' }, 1 },
		{ { 5, 0, 1, 1 }, 3 },
		{ { 5, 2, 1, 1 }, 3 },
		{ { 5, 0, 0, 0 }, 5 },
		{ { 5, 0, 0, 2 }, 5 },
		{ { 5, 0, 0, 5 }, 5 },
		{ { 5, 0, 0, 255 }, 5 },
	};
	size_t i, n, need;
	uint8_t code;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		for (n = t[i].n; n <= sizeof(t[i].p); n++)
			assert_int_equal(reply(t[i].p, n, &need, &code),
			    ST_MALFORMED);
}

static void
replies_have_names(void **state)
{
	static const char *const names[] = {
		"succeeded", "general SOCKS server failure",
		"connection not allowed by ruleset", "network unreachable",
		"host unreachable", "connection refused", "TTL expired",
		"command not supported", "address type not supported",
		"a reply that no standard knows",
	};
	unsigned i;

	(void)state;
	for (i = 0; i < 256; i++)
		assert_string_equal(socks5_code_name((uint8_t)i),
		    names[i < 9 ? i : 9]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    hello_offers_a_password_only_when_there_is_one),
		cmocka_unit_test(the_proxy_chooses_one_of_the_methods),
		cmocka_unit_test(login_has_user_and_password),
		cmocka_unit_test(login_is_taken_with_zero_only),
		cmocka_unit_test(connect_names_the_target_as_what_it_is),
		cmocka_unit_test(a_yes_is_read_to_its_end_and_not_further),
		cmocka_unit_test(a_no_is_known_by_its_second_byte),
		cmocka_unit_test(replies_that_are_none_are_malformed),
		cmocka_unit_test(replies_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
