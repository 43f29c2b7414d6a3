#include "forwarder/banner.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char ssh[] = "SSH-";
static const char http[] = "HTTP/";

/* A record of TLS: an alert or a handshake, and version 3.x. */
#define TLS_ALERT	0x15
#define TLS_HANDSHAKE	0x16
#define TLS_MAJOR	0x03

/* What the first bytes of all show, and no later ones can. */
static enum banner
look_at_start(const struct banner_scan *s, uint8_t c)
{
	uint8_t first = (uint8_t)s->first[0];

	if (s->total == 1)
		return BANNER_MORE;
	if (s->total == 2 && (first == TLS_ALERT || first == TLS_HANDSHAKE) &&
	    c == TLS_MAJOR)
		return BANNER_TLS;
	if (s->total == sizeof(http) - 1 &&
	    memcmp(s->first, http, sizeof(http) - 1) == 0)
		return BANNER_HTTP;
	return BANNER_MORE;
}

/* One byte of a line. */
static enum banner
take(struct banner_scan *s, uint8_t c)
{
	enum banner kind;

	s->total++;
	if (s->first_len < sizeof(s->first) && s->first_len == s->total - 1)
		s->first[s->first_len++] = (char)c;
	if ((kind = look_at_start(s, c)) != BANNER_MORE)
		return kind;
	/* Other control bytes may be in a greeting; no text has this one. */
	if (c == '\0')
		return BANNER_BINARY;
	if (c == '\n') {
		s->column = 0;
		s->other = false;
	} else {
		if (s->column < sizeof(ssh) - 1 && c != (uint8_t)ssh[s->column])
			s->other = true;
		s->column++;
		if (!s->other && s->column == sizeof(ssh) - 1)
			return BANNER_SSH;
	}
	return s->total > BANNER_TEXT_MAX ? BANNER_TEXT : BANNER_MORE;
}

/* The rest of the server's line. */
static void
keep_line(struct banner_scan *s, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && !s->whole && !s->endless; i++) {
		if (p[i] == '\n')
			s->whole = true;
		else if (s->line_len < sizeof(s->line))
			s->line[s->line_len++] = (char)p[i];
		else
			s->endless = true;
	}
	while (s->whole && s->line_len > 0 &&
	    s->line[s->line_len - 1] == '\r')
		s->line_len--;
}

/* More of what came with the bytes that decided it, to be shown. */
static void
keep_first(struct banner_scan *s, const uint8_t *p, size_t n)
{
	size_t room = sizeof(s->first) - s->first_len;

	if (s->first_len != s->total)
		return;
	if (n > room)
		n = room;
	memcpy(s->first + s->first_len, p, n);
	s->first_len += n;
}

enum banner
banner_scan(struct banner_scan *s, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && s->kind == BANNER_MORE; i++) {
		s->kind = take(s, p[i]);
		if (s->kind != BANNER_SSH)
			continue;
		memcpy(s->line, ssh, sizeof(ssh) - 1);
		s->line_len = sizeof(ssh) - 1;
	}
	if (s->kind == BANNER_SSH)
		keep_line(s, p + i, n - i);
	else
		keep_first(s, p + i, n - i);
	return s->kind;
}

void
banner_not_ssh(const struct banner_scan *s, const struct target *target,
    char *out, size_t outlen)
{
	char shown[4 * BANNER_LINE_MAX + 1];
	struct text t;
	size_t len;

	text_init(&t, shown, sizeof(shown));
	for (len = 0; len < s->first_len && s->first[len] != '\n' &&
	    s->first[len] != '\r'; len++)
		continue;
	text_escape(&t, s->first, len);
	switch (s->kind) {
	case BANNER_TLS:
		(void)snprintf(out, outlen, "%s answers with TLS, not with "
		    "SSH: the proxy looks into connections (TLS "
		    "interception); have %s left out (pipelock: "
		    "tls_interception.passthrough_domains)",
		    target->authority, target->host);
		break;
	case BANNER_HTTP:
		(void)snprintf(out, outlen, "%s answers with HTTP, not with "
		    "SSH: \"%s\"; the proxy looks into connections "
		    "(TLS interception), or this is the port of a web server",
		    target->authority, shown);
		break;
	default:
		(void)snprintf(out, outlen, "what %s sends first is not that "
		    "of an SSH server: \"%s\"", target->authority, shown);
		break;
	}
}
