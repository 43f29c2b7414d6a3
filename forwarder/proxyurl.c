#include "forwarder/proxyurl.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"

/* Longest word of NO_PROXY that can match anything. */
#define WORD_MAX	(TARGET_AUTHORITY_MAX + 8)
/* What an IPv4 address has before it when it is written as one of IPv6. */
#define MAPPED_BITS	96

static const struct {
	const char	*scheme;
	enum proxy_kind	 kind;
	const char	*port;
} schemes[] = {
	{ "http", PROXY_HTTP, "80" },
	{ "socks5", PROXY_SOCKS5, "1080" },
	{ "socks5h", PROXY_SOCKS5H, "1080" },
};
#define SCHEMES		(sizeof(schemes) / sizeof(schemes[0]))

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Percent-decode ${len} bytes; control bytes are no part of a user or a
 * password. */
static int
decode(const char *p, size_t len, char *out, size_t max, size_t *outlen)
{
	size_t i, n = 0;
	int c, hi, lo;

	for (i = 0; i < len; i++) {
		c = (unsigned char)p[i];
		if (c == '%') {
			if (len - i < 3)
				return ST_MALFORMED;
			hi = hex_digit(p[i + 1]);
			lo = hex_digit(p[i + 2]);
			if (hi < 0 || lo < 0)
				return ST_MALFORMED;
			c = hi * 16 + lo;
			i += 2;
		}
		if (c < 0x20 || c == 0x7f)
			return ST_MALFORMED;
		if (n == max)
			return ST_TOO_LARGE;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	*outlen = n;
	return ST_OK;
}

/* Is there anything to send, and can it be told apart? */
static int
check_credentials(struct credentials *c, char *why, size_t whylen)
{
	if (c->user_len == 0) {
		(void)snprintf(why, whylen, "the user's name is missing");
		return ST_MALFORMED;
	}
	if (memchr(c->user, ':', c->user_len) != NULL) {
		(void)snprintf(why, whylen,
		    "a colon in the user's name cannot be sent to a proxy");
		return ST_MALFORMED;
	}
	c->given = true;
	return ST_OK;
}

/* "USER" or "USER:PASSWORD" of a URL. */
static int
parse_userinfo(const char *p, size_t len, struct credentials *out, char *why,
    size_t whylen)
{
	const char *colon = memchr(p, ':', len);
	size_t user = colon != NULL ? (size_t)(colon - p) : len;
	int st;

	st = decode(p, user, out->user, PROXY_USER_MAX, &out->user_len);
	if (st == ST_OK && colon != NULL)
		st = decode(colon + 1, len - user - 1, out->password,
		    PROXY_PASSWORD_MAX, &out->password_len);
	if (st == ST_OK)
		return check_credentials(out, why, whylen);
	(void)snprintf(why, whylen, st == ST_TOO_LARGE ?
	    "its user or password is too long" :
	    "its user or password has a bad %%XX or a control character");
	return ST_MALFORMED;
}

int
proxyurl_credentials(const char *line, size_t len, struct credentials *out,
    char *why, size_t whylen)
{
	const char *end = memchr(line, '\n', len);
	const char *colon;
	size_t i, user;

	*out = (struct credentials){ .given = false };
	if (end != NULL)
		len = (size_t)(end - line);
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if ((colon = memchr(line, ':', len)) == NULL) {
		(void)snprintf(why, whylen,
		    "the first line must be USER:PASSWORD");
		return ST_MALFORMED;
	}
	user = (size_t)(colon - line);
	if (user > PROXY_USER_MAX || len - user - 1 > PROXY_PASSWORD_MAX) {
		(void)snprintf(why, whylen, "user or password is too long");
		return ST_MALFORMED;
	}
	for (i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) {
			(void)snprintf(why, whylen,
			    "there is a control character in the first line");
			return ST_MALFORMED;
		}
	out->user_len = user;
	out->password_len = len - user - 1;
	memcpy(out->user, line, user);
	memcpy(out->password, colon + 1, out->password_len);
	return check_credentials(out, why, whylen);
}

/* Split "HOST", "HOST:PORT", "[IPV6]" or "[IPV6]:PORT"; ${port} is left alone
 * where there is none.  A bare IPv6 address is taken as a host. */
static int
split_port(const char *p, size_t len, char host[static WORD_MAX], char *port,
    size_t portlen)
{
	size_t hostlen = len;
	const char *colon;

	if (len > 0 && p[0] == '[') {
		const char *end = memchr(p, ']', len);

		if (end == NULL)
			return ST_MALFORMED;
		hostlen = (size_t)(end - p) + 1;
	} else if ((colon = memchr(p, ':', len)) != NULL &&
	    memrchr(p, ':', len) == colon) {
		hostlen = (size_t)(colon - p);
	}
	if (hostlen >= WORD_MAX)
		return ST_MALFORMED;
	memcpy(host, p, hostlen);
	host[hostlen] = '\0';
	if (hostlen == len)
		return ST_OK;
	if (p[hostlen] != ':' || len - hostlen - 1 >= portlen)
		return ST_MALFORMED;
	memcpy(port, p + hostlen + 1, len - hostlen - 1);
	port[len - hostlen - 1] = '\0';
	return ST_OK;
}

/* The scheme of ${url}; *${rest} is what follows "://". */
static int
find_scheme(const char *url, size_t *scheme, const char **rest, char *why,
    size_t whylen)
{
	const char *sep = strstr(url, "://");
	size_t len, i;

	*scheme = 0;
	*rest = url;
	/* In "user:pass://@host" there is none. */
	if (sep == NULL || strcspn(url, "@/:") != (size_t)(sep - url))
		return ST_OK;
	len = (size_t)(sep - url);
	for (i = 0; i < SCHEMES; i++)
		if (strlen(schemes[i].scheme) == len &&
		    strncasecmp(schemes[i].scheme, url, len) == 0) {
			*scheme = i;
			*rest = sep + 3;
			return ST_OK;
		}
	if (len == 5 && strncasecmp(url, "https", len) == 0)
		(void)snprintf(why, whylen, "TLS to the proxy (https://) is "
		    "not supported; ssh's own encryption goes through "
		    "http:// as well");
	else
		(void)snprintf(why, whylen, "its scheme is not one of "
		    "http://, socks5:// and socks5h://");
	return ST_UNSUPPORTED;
}

int
proxyurl_parse(const char *url, struct proxy *out, char *why, size_t whylen)
{
	char host[WORD_MAX], port[8], wrong[TARGET_WHY_MAX];
	const char *rest, *at;
	size_t scheme, len, tail;
	int st;

	*out = (struct proxy){ .kind = PROXY_DIRECT, .name = "direct" };
	if (strcasecmp(url, "direct") == 0)
		return ST_OK;
	if ((st = find_scheme(url, &scheme, &rest, why, whylen)) != ST_OK)
		return st;
	out->kind = schemes[scheme].kind;
	len = strcspn(rest, "/?#");
	if ((at = memrchr(rest, '@', len)) != NULL) {
		tail = (size_t)(at - rest);
		st = parse_userinfo(rest, tail, &out->auth, why, whylen);
		if (st != ST_OK)
			return st;
		rest += tail + 1;
		len -= tail + 1;
	}
	if (rest[len] != '\0' && strcmp(rest + len, "/") != 0) {
		(void)snprintf(why, whylen,
		    "a proxy's URL ends after host and port%s",
		    at == NULL && strchr(rest, '@') != NULL ?
		    "; in a password write / as %2F, ? as %3F, # as %23" : "");
		return ST_MALFORMED;
	}
	(void)snprintf(port, sizeof(port), "%s", schemes[scheme].port);
	if (split_port(rest, len, host, port, sizeof(port)) != ST_OK) {
		(void)snprintf(why, whylen, "its host and port are not "
		    "HOST:PORT or [IPV6]:PORT");
		return ST_MALFORMED;
	}
	st = target_parse(host, port, &out->at, wrong, sizeof(wrong));
	if (st != ST_OK) {
		(void)snprintf(why, whylen, "its %s", wrong);
		return ST_MALFORMED;
	}
	(void)snprintf(out->name, sizeof(out->name), "%s://%s",
	    schemes[scheme].scheme, out->at.authority);
	return ST_OK;
}

/* Whether the first ${bits} bits are the same. */
static bool
same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned bytes = bits / 8;
	unsigned rest = bits % 8;

	if (memcmp(a, b, bytes) != 0)
		return false;
	return rest == 0 || ((a[bytes] ^ b[bytes]) >> (8 - rest)) == 0;
}

/* Where IPv4 addresses are among those of IPv6 (RFC 4291 section 2.5.5.2). */
static const uint8_t mapped[MAPPED_BITS / 8] = { [10] = 0xff, [11] = 0xff };

/* An IPv4 or IPv6 address as one of IPv6; true when it was an IPv4 one. */
static bool
map(bool ipv4, const uint8_t *addr, uint8_t out[static 16])
{
	if (ipv4) {
		memcpy(out, mapped, sizeof(mapped));
		memcpy(out + sizeof(mapped), addr, 4);
	} else {
		memcpy(out, addr, 16);
	}
	return ipv4;
}

/* ADDRESS or ADDRESS/BITS, which may be in brackets, against that of ${t}.
 * Both are compared as IPv6: a connection to ::ffff:10.0.0.1 is one to
 * 10.0.0.1, whichever way it is written here or there. */
static bool
match_address(const char *word, const struct target *t)
{
	char addr[WORD_MAX];
	uint8_t net[16], whole[16], at[16];
	size_t len = strlen(word);
	uint64_t bits;
	char *slash;
	bool ipv4;

	if (len >= 2 && word[0] == '[' && word[len - 1] == ']') {
		word++;
		len -= 2;
	}
	memcpy(addr, word, len);
	addr[len] = '\0';
	if ((slash = strchr(addr, '/')) != NULL)
		*slash = '\0';
	ipv4 = inet_pton(AF_INET, addr, net) == 1;
	if (!ipv4 && inet_pton(AF_INET6, addr, net) != 1)
		return false;
	bits = ipv4 ? 32 : 128;
	if (slash != NULL && num_u64(slash + 1, 0, bits, &bits) != ST_OK)
		return false;
	if (map(ipv4, net, whole))
		bits += MAPPED_BITS;
	/* All of IPv6 (::/0) is not all of IPv4. */
	if (map(t->kind == TARGET_IPV4, t->addr, at) && bits < MAPPED_BITS)
		return false;
	return same_bits(whole, at, (unsigned)bits);
}

/* A name for itself and all below it. */
static bool
match_name(const char *word, const struct target *t)
{
	size_t wlen, hlen = strlen(t->host);

	if (strncmp(word, "*.", 2) == 0)
		word += 2;
	else if (word[0] == '.')
		word++;
	wlen = strlen(word);
	if (wlen > 0 && word[wlen - 1] == '.')
		wlen--;
	if (hlen > 0 && t->host[hlen - 1] == '.')
		hlen--;
	if (wlen == 0 || wlen > hlen ||
	    strncasecmp(t->host + hlen - wlen, word, wlen) != 0)
		return false;
	return hlen == wlen || t->host[hlen - wlen - 1] == '.';
}

/* One word of the list. */
static bool
match_word(const char *p, size_t len, const struct target *t)
{
	char host[WORD_MAX], port[8] = "";
	uint64_t n;

	if (split_port(p, len, host, port, sizeof(port)) != ST_OK)
		return false;
	if (port[0] != '\0' &&
	    (num_u64(port, 1, UINT16_MAX, &n) != ST_OK || n != t->port))
		return false;
	if (strcmp(host, "*") == 0)
		return true;
	return t->kind == TARGET_NAME ? match_name(host, t) :
	    match_address(host, t);
}

bool
proxyurl_bypass(const char *list, const struct target *t)
{
	static const char blanks[] = ", \t\r\n";
	size_t len;

	for (;;) {
		list += strspn(list, blanks);
		if (*list == '\0')
			return false;
		len = strcspn(list, blanks);
		if (match_word(list, len, t))
			return true;
		list += len;
	}
}
