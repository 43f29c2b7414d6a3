/*
 * Reaches: proxyurl_parse, proxyurl_credentials, proxyurl_bypass,
 *          target_parse.
 * Claims:  messages are one printable line that shows nothing of a password;
 *          what was taken is made of safe bytes and reads the same again;
 *          whether a word of NO_PROXY matches depends neither on the case of
 *          names, nor on a dot at a host's end, nor on where in the list it
 *          stands.
 * Input:   three lines: a URL, a line of credentials, "HOST PORT"; then the
 *          list.
 */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "forwarder/proxyurl.h"
#include "fuzz/fuzz.h"
#include "fuzz/printable.h"

/* The next line of the input, ended by NUL, in memory of its own. */
static char *
next_line(const uint8_t **data, size_t *size, bool rest)
{
	const uint8_t *end = rest || *size == 0 ? NULL :
	    memchr(*data, '\n', *size);
	size_t len = end != NULL ? (size_t)(end - *data) : *size;
	char *line = (char *)fuzz_alloc(len + 1);

	if (len > 0)
		memcpy(line, *data, len);
	line[len] = '\0';
	*data += end != NULL ? len + 1 : len;
	*size -= end != NULL ? len + 1 : len;
	return line;
}

static void
check_target(const struct target *t)
{
	struct target same;
	char why[512], port[8];
	size_t i;
	int st;

	assert(t->port > 0);
	assert(strlen(t->host) <= TARGET_HOST_MAX && t->host[0] != '\0');
	assert(strlen(t->authority) < TARGET_AUTHORITY_MAX);
	for (i = 0; t->host[i] != '\0'; i++)
		assert(isalnum((unsigned char)t->host[i]) ||
		    strchr("-._", t->host[i]) != NULL ||
		    (t->kind == TARGET_IPV6 &&
		    strchr(":%", t->host[i]) != NULL));
	assert(t->host[0] != '-');
	(void)snprintf(port, sizeof(port), "%u", t->port);
	st = target_parse(t->host, port, &same, why, sizeof(why));
	assert(st == ST_OK);
	(void)st;
	assert(same.kind == t->kind && same.zone == t->zone);
	assert(memcmp(same.addr, t->addr, sizeof(same.addr)) == 0);
	assert(strcmp(same.authority, t->authority) == 0);
}

static void
check_auth(const struct credentials *c)
{
	size_t i;

	assert(c->given);
	assert(c->user_len > 0 && c->user_len <= PROXY_USER_MAX);
	assert(c->password_len <= PROXY_PASSWORD_MAX);
	assert(strlen(c->user) == c->user_len);
	assert(strlen(c->password) == c->password_len);
	assert(strchr(c->user, ':') == NULL);
	for (i = 0; i < c->user_len; i++)
		assert((unsigned char)c->user[i] >= 0x20);
	for (i = 0; i < c->password_len; i++)
		assert((unsigned char)c->password[i] >= 0x20);
}

static void
check_url(const char *url)
{
	static struct proxy p, same;
	char why[512] = "", again[512];
	int st = proxyurl_parse(url, &p, why, sizeof(why));

	if (st != ST_OK) {
		assert(st == ST_MALFORMED || st == ST_UNSUPPORTED);
		assert(why[0] != '\0');
		fuzz_printable(why, sizeof(why));
		return;
	}
	assert(why[0] == '\0');
	fuzz_printable(p.name, sizeof(p.name));
	if (p.kind != PROXY_DIRECT)
		check_target(&p.at);
	if (p.auth.given)
		check_auth(&p.auth);
	st = proxyurl_parse(p.name, &same, again, sizeof(again));
	assert(st == ST_OK && !same.auth.given);
	assert(same.kind == p.kind && strcmp(same.name, p.name) == 0);
	assert(memcmp(&same.at, &p.at, sizeof(p.at)) == 0);
}

/* A password does not come up in what is said about the URL it is in. */
static void
check_hidden(const char *url)
{
	static const char mark[] = "Qz7hidden";
	static struct proxy p;
	char why[512] = "";
	char *text;

	if (strstr(url, mark) != NULL)
		return;
	text = (char *)fuzz_alloc(strlen(url) + 64);
	(void)sprintf(text, "http://u:%s@%s", mark, url);
	if (proxyurl_parse(text, &p, why, sizeof(why)) == ST_OK)
		assert(strstr(p.name, mark) == NULL);
	assert(strstr(why, mark) == NULL);
	free(text);
}

static void
check_credentials(const char *line)
{
	static struct credentials c, same;
	char why[256] = "";
	size_t len = strlen(line);
	char text[PROXY_USER_MAX + PROXY_PASSWORD_MAX + 2];
	int st = proxyurl_credentials(line, len, &c, why, sizeof(why));

	if (st != ST_OK) {
		assert(st == ST_MALFORMED && !c.given);
		assert(why[0] != '\0');
		fuzz_printable(why, sizeof(why));
		return;
	}
	check_auth(&c);
	len = (size_t)snprintf(text, sizeof(text), "%s:%s", c.user,
	    c.password);
	st = proxyurl_credentials(text, len, &same, why, sizeof(why));
	assert(st == ST_OK);
	assert(strcmp(same.user, c.user) == 0);
	assert(strcmp(same.password, c.password) == 0);
}

static void
swap_case(char *s)
{
	for (; *s != '\0'; s++)
		if (*s >= 'a' && *s <= 'z')
			*s = (char)(*s - 'a' + 'A');
		else if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

static void
check_bypass(const char *list, const struct target *t)
{
	bool in = proxyurl_bypass(list, t);
	char *more = (char *)fuzz_alloc(strlen(list) + 16);
	struct target other = *t;
	size_t len;

	/* Words that match nothing, before and behind. */
	(void)sprintf(more, "..,%s %s", list, "/");
	assert(proxyurl_bypass(more, t) == in);
	(void)sprintf(more, "%s,*", list);
	assert(proxyurl_bypass(more, t));
	(void)sprintf(more, "%s", list);
	swap_case(more);
	assert(proxyurl_bypass(more, t) == in);
	free(more);
	if (t->kind != TARGET_NAME)
		return;
	swap_case(other.host);
	assert(proxyurl_bypass(list, &other) == in);
	len = strlen(other.host);
	if (other.host[len - 1] != '.' && len < TARGET_HOST_MAX) {
		memcpy(other.host + len, ".", 2);
		assert(proxyurl_bypass(list, &other) == in);
	}
}

/* HOST, a blank, and PORT. */
static void
check_host(char *line, const char *list)
{
	char *port = strchr(line, ' ');
	char why[512] = "";
	struct target t;
	int st;

	if (port != NULL)
		*port++ = '\0';
	st = target_parse(line, port != NULL ? port : "22", &t, why,
	    sizeof(why));
	if (st == ST_OK) {
		assert(why[0] == '\0');
		check_target(&t);
		check_bypass(list, &t);
		return;
	}
	assert(st == ST_MALFORMED || st == ST_TOO_LARGE);
	assert(why[0] != '\0');
	fuzz_printable(why, sizeof(why));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *url = next_line(&data, &size, false);
	char *auth = next_line(&data, &size, false);
	char *host = next_line(&data, &size, false);
	char *list = next_line(&data, &size, true);

	check_url(url);
	check_hidden(url);
	check_credentials(auth);
	check_host(host, list);
	free(url);
	free(auth);
	free(host);
	free(list);
	return 0;
}
