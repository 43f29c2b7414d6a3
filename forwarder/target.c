#include "forwarder/target.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"

/* Longest zone of an address: IF_NAMESIZE without its NUL. */
#define ZONE_MAX	15

/* How much of a bad word is shown. */
#define SHOWN_MAX	64

static bool
is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

/* Complain about ${word}. */
static int
bad(const char *what, const char *word, const char *because, char *why,
    size_t whylen)
{
	char shown[4 * SHOWN_MAX + 1];
	size_t len = strlen(word);
	struct text t;

	text_init(&t, shown, sizeof(shown));
	text_escape(&t, word, len < SHOWN_MAX ? len : SHOWN_MAX);
	(void)snprintf(why, whylen, "%s \"%s%s\": %s", what, shown,
	    len > SHOWN_MAX ? "..." : "", because);
	return ST_MALFORMED;
}

/* An IPv6 address, which may end in a zone. */
static int
parse_ipv6(const char *host, const char *word, struct target *out, char *why,
    size_t whylen)
{
	char plain[INET6_ADDRSTRLEN];
	size_t len = strcspn(host, "%");
	const char *zone = host + len;
	size_t i;

	if (*zone == '%') {
		out->zone = true;
		zone++;
		for (i = 0; zone[i] != '\0'; i++)
			if (!is_name_byte(zone[i]))
				break;
		if (i == 0 || i > ZONE_MAX || zone[i] != '\0')
			return bad("HOST", word,
			    "what follows % is no network interface", why,
			    whylen);
	}
	if (len < sizeof(plain)) {
		memcpy(plain, host, len);
		plain[len] = '\0';
		if (inet_pton(AF_INET6, plain, out->addr) == 1) {
			out->kind = TARGET_IPV6;
			return ST_OK;
		}
	}
	return bad("HOST", word, "not an IPv6 address", why, whylen);
}

/* A name, or an IPv4 address. */
static int
parse_name(const char *host, struct target *out, char *why, size_t whylen)
{
	size_t i;

	if (inet_pton(AF_INET, host, out->addr) == 1) {
		out->kind = TARGET_IPV4;
		return ST_OK;
	}
	out->kind = TARGET_NAME;
	if (host[0] == '-')
		return bad("HOST", host, "a host name does not begin with -",
		    why, whylen);
	for (i = 0; host[i] != '\0'; i++) {
		if ((unsigned char)host[i] >= 0x80)
			return bad("HOST", host,
			    "write a name with other letters as its xn-- form",
			    why, whylen);
		if (!is_name_byte(host[i]))
			return bad("HOST", host, "a host name has letters, "
			    "digits, '-', '.' and '_' only", why, whylen);
		if (host[i] == '.' && (i == 0 || host[i - 1] == '.'))
			return bad("HOST", host,
			    "a part of the name is missing", why, whylen);
	}
	return ST_OK;
}

int
target_parse(const char *host, const char *port, struct target *out,
    char *why, size_t whylen)
{
	const char *bare = host;
	size_t len = strlen(host);
	uint64_t n;
	int st;

	*out = (struct target){ .kind = TARGET_NAME };
	if (len == 0) {
		(void)snprintf(why, whylen, "HOST is empty");
		return ST_MALFORMED;
	}
	if (host[0] == '[' && host[len - 1] == ']') {
		bare = host + 1;
		len -= 2;
	}
	if (len > TARGET_HOST_MAX) {
		(void)snprintf(why, whylen, "HOST is %zu bytes long; a name "
		    "has %d at most", len, TARGET_HOST_MAX);
		return ST_TOO_LARGE;
	}
	memcpy(out->host, bare, len);
	out->host[len] = '\0';
	if (bare != host || strchr(out->host, ':') != NULL)
		st = parse_ipv6(out->host, host, out, why, whylen);
	else
		st = parse_name(out->host, out, why, whylen);
	if (st != ST_OK)
		return st;
	if (num_u64(port, 1, UINT16_MAX, &n) != ST_OK)
		return bad("PORT", port, "not a number from 1 to 65535", why,
		    whylen);
	out->port = (uint16_t)n;
	(void)snprintf(out->authority, sizeof(out->authority),
	    out->kind == TARGET_IPV6 ? "[%s]:%u" : "%s:%u", out->host,
	    (unsigned)out->port);
	return ST_OK;
}
