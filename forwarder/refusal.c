#include "forwarder/refusal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "forwarder/socks5.h"

/* Most bytes of a proxy's line that are shown. */
#define SHOWN_MAX	300
/* Limits of a tunnel in pipelock, by default, and how near is "at" them. */
#define TUNNEL_S	300
#define IDLE_S		120
#define NEAR_S		4
/* pipelock closes a tunnel whose first byte it waited for in vain for so
 * long, or that it wanted to look into. */
#define SILENT_MS	6000

#define REACH \
	"the proxy cannot reach %s: is the name right, does the host listen " \
	"on this port, may the proxy's network reach it?"
#define INTERNAL \
	"the proxy takes %s for an internal address; pipelock: put it into " \
	"trusted_domains (a name) or ssrf.ip_allowlist (addresses), in " \
	"strict mode into api_allowlist as well"
#define QUARANTINE \
	"the proxy has put this client in quarantine (pipelock: airlock); " \
	"its operator must release it"

/* What to do about an answer: the first row whose status and word fit. */
static const struct {
	unsigned	 status;	/* 0: any */
	enum exit_code	 code;
	const char	*word;		/* in reason, body or hint; NULL: any */
	const char	*advice;	/* %s is the host; NULL: see there */
} rows[] = {
	{ 0, EXIT_LATER, "kill_switch",
	    "the operator has stopped all traffic (pipelock: kill switch); "
	    "it goes on when that is switched off" },
	{ 403, EXIT_DENIED, "dns resol",
	    "the proxy cannot look %s up: mend name lookup on the proxy's "
	    "side" },
	{ 403, EXIT_DENIED, "ssrf", INTERNAL },
	{ 403, EXIT_DENIED, "internal ip", INTERNAL },
	{ 403, EXIT_DENIED, "allowlist",
	    "have %s put on the proxy's list of allowed hosts (pipelock: "
	    "api_allowlist)" },
	{ 403, EXIT_DENIED, "dlp",
	    "the proxy took something in our request for a secret: "
	    "credentials in Proxy-Authorization, or a --header" },
	{ 403, EXIT_DENIED, "escalation", QUARANTINE },
	{ 403, EXIT_DENIED, "airlock", QUARANTINE },
	{ 403, EXIT_DENIED, "blocked",
	    "have %s taken off the proxy's list of blocked hosts" },
	{ 403, EXIT_DENIED, NULL,
	    "have CONNECT to this host and port allowed on the proxy; many "
	    "allow port 443 only" },
	{ 405, EXIT_DENIED, NULL,
	    "the proxy does no CONNECT: switch it on (pipelock: "
	    "forward_proxy.enabled: true)" },
	{ 500, EXIT_TARGET, "unable to connect", REACH },
	/* Squid, when it finds no address for the name. */
	{ 500, EXIT_TARGET, "cannot_forward", REACH },
	{ 501, EXIT_DENIED, NULL,
	    "what answers does no CONNECT: is it a proxy?" },
	{ 407, EXIT_LOGIN, NULL, NULL },
	/* tinyproxy says so to a wrong password. */
	{ 401, EXIT_LOGIN, NULL, NULL },
	{ 429, EXIT_LATER, "budget",
	    "wait, or have the proxy's budget for this client raised" },
	{ 429, EXIT_LATER, NULL,
	    "wait, or have the proxy's rate limit raised" },
	{ 502, EXIT_TARGET, NULL, REACH },
	{ 503, EXIT_TARGET, "dial", REACH },
	{ 503, EXIT_TARGET, "connect_fail", REACH },
	{ 503, EXIT_TARGET, "dns_fail",
	    "the proxy cannot look %s up: is the name right?" },
	{ 503, EXIT_LATER, "tunnels",
	    "the proxy has as many tunnels as it takes: close some, or have "
	    "its limit raised" },
	{ 503, EXIT_LATER, NULL, "try again later; if it stays, look at the "
	    "proxy's log" },
	{ 504, EXIT_TARGET, NULL,
	    "the proxy had no answer from %s in time: does the host listen "
	    "on this port, may the proxy's network reach it?" },
};
#define ROWS		(sizeof(rows) / sizeof(rows[0]))

/* Whether ${word} is in these bytes, in whatever case. */
static bool
contains(const char *p, size_t n, const char *word)
{
	size_t len = strlen(word);
	size_t i;

	if (p == NULL)
		return false;
	for (i = 0; i + len <= n; i++)
		if (strncasecmp(p + i, word, len) == 0)
			return true;
	return false;
}

/* The first line with something in it, without blanks around it. */
static const char *
first_line(const char *p, size_t *n)
{
	static const char blanks[] = " \t\r\n";
	size_t len;

	while (*n > 0 && *p != '\0' && strchr(blanks, *p) != NULL) {
		p++;
		(*n)--;
	}
	for (len = 0; len < *n && p[len] != '\n' && p[len] != '\r'; len++)
		continue;
	while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t'))
		len--;
	*n = len;
	return p;
}

/* Put a line of the proxy's own into ${out}, escaped and cut. */
static void
keep(char *out, size_t outlen, const char *p, size_t n)
{
	static const char dots[] = "...";
	struct text t;

	/* With room for them: what was cut to make it could end in half a
	 * character. */
	text_init(&t, out, outlen - (sizeof(dots) - 1));
	p = first_line(p, &n);
	text_escape(&t, p, n < SHOWN_MAX ? n : SHOWN_MAX);
	if (n > SHOWN_MAX || t.full)
		memcpy(out + t.len, dots, sizeof(dots));
}

/* Whether the answer has the word anywhere that we look. */
static bool
answer_has(const struct httpconnect_head *head, const struct answerbody *body,
    const char *word)
{
	return contains(head->reason, head->reason_len, word) ||
	    contains(body->text, body->n, word) ||
	    contains(head->problem, head->problem_len, word) ||
	    contains(head->hint, head->hint_len, word);
}

/* Put ${advice} there, with the host for %s. */
static void
advise(const char *advice, const struct target *target, struct refusal *out)
{
	const char *mark;
	struct text t;

	text_init(&t, out->advice, sizeof(out->advice));
	while ((mark = strstr(advice, "%s")) != NULL) {
		text_addf(&t, "%.*s%s", (int)(mark - advice), advice,
		    target->host);
		advice = mark + 2;
	}
	text_add(&t, advice);
}

/* Advice for all that has no row. */
static void
advise_rest(const struct httpconnect_head *head, struct refusal *out)
{
	if (head->status >= 500) {
		out->code = EXIT_TARGET;
		(void)snprintf(out->advice, sizeof(out->advice),
		    "the proxy failed; its log says more");
	} else if (head->status >= 300 && head->status < 400) {
		out->code = EXIT_DENIED;
		(void)snprintf(out->advice, sizeof(out->advice),
		    "it wants us to go elsewhere, which no proxy may ask: is "
		    "it a web server or a login page?");
	} else {
		out->code = EXIT_DENIED;
		(void)snprintf(out->advice, sizeof(out->advice),
		    "is this an HTTP proxy that does CONNECT?  Its log says "
		    "more");
	}
}

static void
advise_login(bool credentials, struct refusal *out)
{
	out->code = EXIT_LOGIN;
	(void)snprintf(out->advice, sizeof(out->advice), credentials ?
	    "the proxy does not take this user and password (or wants "
	    "another scheme than Basic): correct them" :
	    "put USER:PASSWORD into a file of mode 600 and name it with "
	    "--auth-file, or into the URL of the proxy variable");
}

void
refusal_http(const struct httpconnect_head *head,
    const struct answerbody *body, const struct target *target,
    bool credentials, struct refusal *out)
{
	char reason[120];
	size_t i;

	*out = (struct refusal){ .code = EXIT_DENIED };
	keep(reason, sizeof(reason), head->reason, head->reason_len);
	(void)snprintf(out->what, sizeof(out->what), "%u%s%s", head->status,
	    reason[0] != '\0' ? " " : "", reason);
	if (body->line != NULL)
		keep(out->said, sizeof(out->said), body->line, body->len);
	if (out->said[0] == '\0' && head->problem != NULL)
		keep(out->said, sizeof(out->said), head->problem,
		    head->problem_len);
	/* Many pages have the status line as their title. */
	if (strcmp(out->said, out->what) == 0 ||
	    strcmp(out->said, reason) == 0)
		out->said[0] = '\0';
	if (head->hint != NULL)
		keep(out->hint, sizeof(out->hint), head->hint, head->hint_len);
	for (i = 0; i < ROWS; i++)
		if ((rows[i].status == 0 || rows[i].status == head->status) &&
		    (rows[i].word == NULL ||
		    answer_has(head, body, rows[i].word)))
			break;
	if (i == ROWS) {
		advise_rest(head, out);
		return;
	}
	if (rows[i].advice == NULL) {
		advise_login(credentials, out);
		return;
	}
	out->code = rows[i].code;
	advise(rows[i].advice, target, out);
}

void
refusal_socks(uint8_t code, const struct target *target, struct refusal *out)
{
	const char *advice;

	*out = (struct refusal){ .code = EXIT_TARGET };
	(void)snprintf(out->what, sizeof(out->what), "reply %u, %s", code,
	    socks5_code_name(code));
	switch (code) {
	case SOCKS5_NOT_ALLOWED:
		out->code = EXIT_DENIED;
		advice = "have %s allowed on the proxy";
		break;
	case SOCKS5_NO_COMMAND:
		out->code = EXIT_DENIED;
		advice = "the proxy does no CONNECT: switch it on";
		break;
	case SOCKS5_NO_ADDRESS_TYPE:
		advice = target->kind == TARGET_NAME ?
		    "the proxy takes no names: use socks5:// instead of "
		    "socks5h://" :
		    "the proxy takes no such address: write %s as a name, or "
		    "as an address of the other kind";
		break;
	case SOCKS5_FAILURE:
	case SOCKS5_NET_UNREACHABLE:
	case SOCKS5_HOST_UNREACHABLE:
	case SOCKS5_REFUSED:
	case SOCKS5_EXPIRED:
		advice = REACH;
		break;
	default:
		advice = "look at the proxy's log";
		break;
	}
	advise(advice, target, out);
}

static bool
near(int64_t ms, int64_t s)
{
	return ms >= (s - NEAR_S) * 1000 && ms <= (s + NEAR_S) * 1000;
}

void
refusal_cut(const struct refusal_cut *c, const struct target *target,
    char *out, size_t outlen)
{
	const char *why = "";

	if (c->proxied && c->bytes_in == 0)
		why = c->age_ms < SILENT_MS ?
		    "; not a byte came: a proxy that looks into connections "
		    "(TLS interception) does that; pipelock: put the host "
		    "into tls_interception.passthrough_domains, and leave "
		    "forward_proxy.sni_require_tls off" :
		    "; not a byte came: does an SSH server listen there?";
	else if (c->bytes_in == 0)
		why = "; not a byte came: does an SSH server listen there?";
	else if (c->proxied && near(c->age_ms, TUNNEL_S))
		why = "; a proxy's limit?  pipelock: max_tunnel_seconds";
	else if (c->proxied && (near(c->idle_in_ms, IDLE_S) ||
	    near(c->idle_out_ms, IDLE_S)))
		why = "; nothing was sent for two minutes: a proxy's limit?  "
		    "Set ServerAliveInterval 30 (pipelock: "
		    "idle_timeout_seconds)";
	(void)snprintf(out, outlen, "the tunnel to %s was closed from the "
	    "other side after %" PRId64 " s%s", target->authority,
	    c->age_ms / 1000, why);
}
