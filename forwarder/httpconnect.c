#include "forwarder/httpconnect.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "version.h"

/* How every answer begins. */
static const char magic[] = "HTTP/1.";
#define MAGIC_LEN	(sizeof(magic) - 1)

/* RFC 9110 section 5.6.2. */
static bool
is_token_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

int
httpconnect_extra(const char *line, char *why, size_t whylen)
{
	static const char *const ours[] = {
		"host", "proxy-authorization", "content-length",
		"transfer-encoding", "connection", "user-agent",
	};
	size_t name, i;

	for (name = 0; is_token_byte(line[name]); name++)
		continue;
	if (name == 0 || line[name] != ':') {
		(void)snprintf(why, whylen, "not NAME: VALUE");
		return ST_MALFORMED;
	}
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strlen(ours[i]) == name &&
		    strncasecmp(line, ours[i], name) == 0) {
			(void)snprintf(why, whylen, strcmp(ours[i],
			    "proxy-authorization") == 0 ?
			    "%s is made from --auth-file or --auth-fd; an "
			    "argument can be read by everybody" :
			    "%s is sent by bottle-forward itself, or not at "
			    "all", ours[i]);
			return ST_MALFORMED;
		}
	for (i = name; line[i] != '\0'; i++)
		if (line[i] < 0x20 || line[i] > 0x7e) {
			(void)snprintf(why, whylen,
			    "its value must be printable ASCII");
			return ST_MALFORMED;
		}
	if (i > HTTPCONNECT_EXTRA_LEN) {
		(void)snprintf(why, whylen, "longer than %d bytes",
		    HTTPCONNECT_EXTRA_LEN);
		return ST_MALFORMED;
	}
	return ST_OK;
}

int
httpconnect_request(struct text *t, const struct target *target,
    const struct credentials *auth, const char *const *extra, size_t n)
{
	char plain[PROXY_USER_MAX + 1 + PROXY_PASSWORD_MAX];
	size_t i, len;

	text_addf(t, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n"
	    "User-Agent: bottle-forward/%s\r\n", target->authority,
	    target->authority, BOTTLE_VERSION);
	if (auth->given) {
		len = auth->user_len;
		memcpy(plain, auth->user, len);
		plain[len++] = ':';
		memcpy(plain + len, auth->password, auth->password_len);
		len += auth->password_len;
		text_add(t, "Proxy-Authorization: Basic ");
		text_base64(t, plain, len, true);
		text_add(t, "\r\n");
		explicit_bzero(plain, sizeof(plain));
	}
	for (i = 0; i < n; i++) {
		text_add(t, extra[i]);
		text_add(t, "\r\n");
	}
	text_add(t, "\r\n");
	return t->full ? ST_TOO_LARGE : ST_OK;
}

int
httpconnect_scan(struct httpconnect_scan *s, const uint8_t *p, size_t n,
    size_t *used)
{
	size_t i;
	bool was_cr;

	for (i = 0; i < n; i++) {
		*used = i;
		if (s->total == HTTPCONNECT_HEAD_MAX)
			return ST_TOO_LARGE;
		if (s->total < MAGIC_LEN && p[i] != (uint8_t)magic[s->total])
			return ST_MALFORMED;
		s->total++;
		was_cr = s->cr;
		s->cr = p[i] == '\r';
		if (p[i] == '\n') {
			if (s->line == 0) {
				*used = i + 1;
				return ST_OK;
			}
			s->line = 0;
			continue;
		}
		/* A CR that ends no line would make us and others see
		 * different lines. */
		if (was_cr || p[i] == '\0')
			return ST_MALFORMED;
		if (!s->cr)
			s->line++;
	}
	*used = n;
	return ST_MORE;
}

/* The next line of *${p}, without its end; false when there is none. */
static bool
next_line(const char **p, const char *end, const char **line, size_t *len)
{
	const char *nl;

	if (*p == end || (nl = memchr(*p, '\n', (size_t)(end - *p))) == NULL)
		return false;
	*line = *p;
	*len = (size_t)(nl - *p);
	if (*len > 0 && (*line)[*len - 1] == '\r')
		(*len)--;
	*p = nl + 1;
	return true;
}

/* "HTTP/1.1 200 Connection established" */
static int
parse_status(const char *line, size_t len, struct httpconnect_head *out)
{
	size_t i;

	if (len < 12 || memcmp(line, magic, MAGIC_LEN) != 0 ||
	    (line[7] != '0' && line[7] != '1') || line[8] != ' ')
		return ST_MALFORMED;
	for (i = 9; i < 12; i++) {
		if (line[i] < '0' || line[i] > '9')
			return ST_MALFORMED;
		out->status = out->status * 10 + (unsigned)(line[i] - '0');
	}
	if (out->status < 100 || (len > 12 && line[12] != ' '))
		return ST_MALFORMED;
	out->reason = line + 12;
	out->reason_len = len - 12;
	while (out->reason_len > 0 && *out->reason == ' ') {
		out->reason++;
		out->reason_len--;
	}
	return ST_OK;
}

/* Whether the value has this word, in whatever case. */
static bool
has_word(const char *value, size_t len, const char *word)
{
	size_t wlen = strlen(word);
	size_t i;

	for (i = 0; i + wlen <= len; i++)
		if (strncasecmp(value + i, word, wlen) == 0)
			return true;
	return false;
}

/* One line that we know something to do with. */
static void
take_header(const char *name, size_t nlen, const char *value, size_t vlen,
    struct httpconnect_head *out)
{
	uint64_t n = 0;
	size_t i;

#define IS(word) (nlen == sizeof(word) - 1 && \
    strncasecmp(name, word, nlen) == 0)
	if (IS("X-Pipelock-Hint")) {
		out->hint = value;
		out->hint_len = vlen;
	} else if (IS("X-Squid-Error")) {
		out->problem = value;
		out->problem_len = vlen;
	} else if (IS("Content-Type")) {
		out->html = has_word(value, vlen, "html");
	} else if (IS("Transfer-Encoding")) {
		out->chunked = has_word(value, vlen, "chunked");
	} else if (IS("Content-Length") && vlen > 0 && vlen < 19) {
		for (i = 0; i < vlen; i++) {
			if (value[i] < '0' || value[i] > '9')
				return;
			n = n * 10 + (unsigned)(value[i] - '0');
		}
		out->has_length = true;
		out->length = n;
	}
#undef IS
}

int
httpconnect_parse(const uint8_t *head, size_t n, struct httpconnect_head *out)
{
	const char *p = (const char *)head;
	const char *end = p + n;
	const char *line, *colon;
	size_t len, nlen;

	*out = (struct httpconnect_head){ .status = 0 };
	if (!next_line(&p, end, &line, &len) ||
	    parse_status(line, len, out) != ST_OK)
		return ST_MALFORMED;
	while (next_line(&p, end, &line, &len)) {
		if ((colon = memchr(line, ':', len)) == NULL)
			continue;
		nlen = (size_t)(colon - line);
		len -= nlen + 1;
		for (colon++; len > 0 && (*colon == ' ' || *colon == '\t');
		    colon++)
			len--;
		while (len > 0 && (colon[len - 1] == ' ' ||
		    colon[len - 1] == '\t'))
			len--;
		take_header(line, nlen, colon, len, out);
	}
	return ST_OK;
}
