/*
 * Reaches: socks5_method, socks5_status, socks5_reply, socks5_code_name;
 *          socks5_hello, socks5_login, socks5_connect; refusal_socks.
 * Claims:  a dialogue that reads as much as it is told to never reads beyond
 *          the last message, and comes to the same end with any answer of a
 *          prefix; a longer reply means what the shorter did; what we send is
 *          as long as its own length bytes say.
 * Input:   flags, then the bytes of a proxy.
 */

#include <stdio.h>
#include <string.h>

#include "forwarder/refusal.h"
#include "forwarder/socks5.h"
#include "fuzz/fuzz.h"
#include "fuzz/printable.h"

/* Flags. */
#define WITH_LOGIN	0x01
#define WITH_ADDRESS	0x02
#define WITH_IPV6	0x04

/* socks5_reply() over memory that ends behind ${n} bytes. */
static int
reply(const uint8_t *p, size_t n, size_t *need, uint8_t *code)
{
	uint8_t *copy = fuzz_alloc(n);
	int st;

	if (n > 0)
		memcpy(copy, p, n);
	*need = 0;
	*code = 0;
	st = socks5_reply(copy, n, need, code);
	free(copy);
	assert(st == ST_OK || st == ST_MORE || st == ST_MALFORMED ||
	    st == ST_DENIED);
	return st;
}

/* Read one reply as it comes; how many bytes that took. */
static int
read_reply(const uint8_t *p, size_t size, size_t *used, uint8_t *code)
{
	size_t n = 0, need, more;
	int st;

	while ((st = reply(p, n, &need, code)) == ST_MORE) {
		assert(need > n && need <= SOCKS5_REPLY_MAX);
		more = n == 0 ? 2 : need - n;
		if (more > size - n)
			break;
		n += more;
	}
	*used = n;
	return st;
}

static void
check_reply(const uint8_t *p, size_t size, const struct target *t)
{
	size_t used, need, n;
	uint8_t code, again;
	struct refusal r;
	int st = read_reply(p, size, &used, &code);

	assert(used <= size && used <= SOCKS5_REPLY_MAX);
	if (st == ST_OK) {
		/* None of its beginnings is a yes, and more does not matter. */
		for (n = 0; n < used; n++)
			assert(reply(p, n, &need, &again) == ST_MORE);
		assert(reply(p, size, &need, &again) == ST_OK && need == used);
		assert(code == SOCKS5_OK);
	}
	if (st != ST_DENIED)
		return;
	assert(code == p[1] && code != SOCKS5_OK);
	refusal_socks(code, t, &r);
	assert(r.code == EXIT_DENIED || r.code == EXIT_TARGET);
	assert(r.what[0] != '\0' && r.advice[0] != '\0');
	assert(strstr(r.what, socks5_code_name(code)) != NULL);
	fuzz_printable(r.what, sizeof(r.what));
	fuzz_printable(r.advice, sizeof(r.advice));
}

/* What we send. */
static void
check_sent(const struct credentials *auth, const struct target *t)
{
	uint8_t out[SOCKS5_SEND_MAX];
	size_t len = socks5_hello(out, auth);

	assert(len == 2u + out[1]);
	if (auth->given && socks5_login(out, auth, &len) == ST_OK) {
		assert(len <= sizeof(out));
		assert(out[1] == auth->user_len);
		assert(out[2 + out[1]] == auth->password_len);
		assert(len == 3 + auth->user_len + auth->password_len);
	}
	len = socks5_connect(out, t);
	assert(len <= sizeof(out));
	switch (out[3]) {
	case 1:
		assert(t->kind == TARGET_IPV4 && len == 10);
		break;
	case 4:
		assert(t->kind == TARGET_IPV6 && len == 22);
		break;
	default:
		assert(out[3] == 3 && t->kind == TARGET_NAME);
		assert(out[4] == strlen(t->host) && len == 7u + out[4]);
		break;
	}
	assert(out[len - 2] == t->port >> 8);
	assert(out[len - 1] == (t->port & 0xff));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct credentials auth;
	const uint8_t *p;
	struct target t;
	char why[128];
	uint8_t flags, method = 0;
	int st;

	if (size == 0)
		return 0;
	flags = *data++;
	size--;
	auth = (struct credentials){ .given = (flags & WITH_LOGIN) != 0,
		.user = "user", .user_len = 4,
		.password_len = size < 300 ? size : 300 };
	memset(auth.password, 'p', auth.password_len);
	st = target_parse((flags & WITH_ADDRESS) == 0 ? "host.example" :
	    (flags & WITH_IPV6) != 0 ? "2001:db8::1" : "192.0.2.1", "2222",
	    &t, why, sizeof(why));
	assert(st == ST_OK);
	check_sent(&auth, &t);

	p = data;
	if (size < SOCKS5_METHOD_LEN)
		return 0;
	st = socks5_method(p, &auth, &method);
	p += SOCKS5_METHOD_LEN;
	size -= SOCKS5_METHOD_LEN;
	assert(st == ST_OK || st == ST_DENIED || st == ST_MALFORMED);
	if (st != ST_OK)
		return 0;
	assert(method == SOCKS5_NONE ||
	    (method == SOCKS5_PASSWORD && auth.given));
	if (method == SOCKS5_PASSWORD) {
		if (size < SOCKS5_STATUS_LEN)
			return 0;
		st = socks5_status(p);
		assert(st == ST_OK || st == ST_DENIED || st == ST_MALFORMED);
		p += SOCKS5_STATUS_LEN;
		size -= SOCKS5_STATUS_LEN;
		if (st != ST_OK)
			return 0;
	}
	check_reply(p, size, &t);
	return 0;
}
