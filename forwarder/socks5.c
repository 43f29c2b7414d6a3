#include "forwarder/socks5.h"

#include <string.h>

#define VERSION		0x05
#define LOGIN_VERSION	0x01
#define COMMAND_CONNECT	0x01

/* Kinds of addresses (RFC 1928 section 4). */
#define ADDR_IPV4	0x01
#define ADDR_NAME	0x03
#define ADDR_IPV6	0x04

/* Version, reply, reserved, kind of address and the first byte of that. */
#define REPLY_HEAD	5

size_t
socks5_hello(uint8_t out[static SOCKS5_SEND_MAX],
    const struct credentials *auth)
{
	out[0] = VERSION;
	out[1] = auth->given ? 2 : 1;
	out[2] = SOCKS5_NONE;
	out[3] = SOCKS5_PASSWORD;
	return auth->given ? 4 : 3;
}

int
socks5_method(const uint8_t p[static SOCKS5_METHOD_LEN],
    const struct credentials *auth, uint8_t *method)
{
	if (p[0] != VERSION)
		return ST_MALFORMED;
	*method = p[1];
	if (p[1] == SOCKS5_UNACCEPTABLE)
		return ST_DENIED;
	if (p[1] == SOCKS5_NONE || (p[1] == SOCKS5_PASSWORD && auth->given))
		return ST_OK;
	return ST_MALFORMED;
}

int
socks5_login(uint8_t out[static SOCKS5_SEND_MAX],
    const struct credentials *auth, size_t *len)
{
	size_t n = 0;

	if (auth->password_len > UINT8_MAX)
		return ST_TOO_LARGE;
	out[n++] = LOGIN_VERSION;
	out[n++] = (uint8_t)auth->user_len;
	memcpy(out + n, auth->user, auth->user_len);
	n += auth->user_len;
	out[n++] = (uint8_t)auth->password_len;
	memcpy(out + n, auth->password, auth->password_len);
	*len = n + auth->password_len;
	return ST_OK;
}

int
socks5_status(const uint8_t p[static SOCKS5_STATUS_LEN])
{
	if (p[0] != LOGIN_VERSION)
		return ST_MALFORMED;
	return p[1] == 0 ? ST_OK : ST_DENIED;
}

size_t
socks5_connect(uint8_t out[static SOCKS5_SEND_MAX], const struct target *t)
{
	size_t len, n = 0;

	out[n++] = VERSION;
	out[n++] = COMMAND_CONNECT;
	out[n++] = 0;
	switch (t->kind) {
	case TARGET_IPV4:
		out[n++] = ADDR_IPV4;
		memcpy(out + n, t->addr, 4);
		n += 4;
		break;
	case TARGET_IPV6:
		out[n++] = ADDR_IPV6;
		memcpy(out + n, t->addr, 16);
		n += 16;
		break;
	case TARGET_NAME:
		len = strlen(t->host);
		out[n++] = ADDR_NAME;
		out[n++] = (uint8_t)len;
		memcpy(out + n, t->host, len);
		n += len;
		break;
	}
	out[n++] = (uint8_t)(t->port >> 8);
	out[n++] = (uint8_t)(t->port & 0xff);
	return n;
}

int
socks5_reply(const uint8_t *p, size_t n, size_t *need, uint8_t *code)
{
	*need = REPLY_HEAD;
	if ((n >= 1 && p[0] != VERSION) || (n >= 3 && p[2] != 0))
		return ST_MALFORMED;
	if (n >= 2 && p[1] != SOCKS5_OK) {
		*code = p[1];
		return ST_DENIED;
	}
	if (n < REPLY_HEAD)
		return ST_MORE;
	switch (p[3]) {
	case ADDR_IPV4:
		*need = 4 + 4 + 2;
		break;
	case ADDR_IPV6:
		*need = 4 + 16 + 2;
		break;
	case ADDR_NAME:
		*need = 4 + 1 + (size_t)p[4] + 2;
		break;
	default:
		return ST_MALFORMED;
	}
	if (n < *need)
		return ST_MORE;
	*code = SOCKS5_OK;
	return ST_OK;
}

const char *
socks5_code_name(uint8_t code)
{
	switch (code) {
	case SOCKS5_OK:
		return "succeeded";
	case SOCKS5_FAILURE:
		return "general SOCKS server failure";
	case SOCKS5_NOT_ALLOWED:
		return "connection not allowed by ruleset";
	case SOCKS5_NET_UNREACHABLE:
		return "network unreachable";
	case SOCKS5_HOST_UNREACHABLE:
		return "host unreachable";
	case SOCKS5_REFUSED:
		return "connection refused";
	case SOCKS5_EXPIRED:
		return "TTL expired";
	case SOCKS5_NO_COMMAND:
		return "command not supported";
	case SOCKS5_NO_ADDRESS_TYPE:
		return "address type not supported";
	default:
		return "a reply that no standard knows";
	}
}
