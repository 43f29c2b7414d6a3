#include "provision/doctor_probe.h"

#include <stdio.h>
#include <string.h>

static void
copy(char out[static DOCTOR_PROBE_TEXT_MAX], const char *s)
{
	(void)snprintf(out, DOCTOR_PROBE_TEXT_MAX, "%s", s);
}

/* What stands behind ${head} at the beginning of a line; or NULL. */
static const char *
behind(const char *line, const char *head)
{
	size_t n = strlen(head);

	return strncmp(line, head, n) == 0 ? line + n : NULL;
}

/* The first fingerprint in a line; where it begins in the line, or NULL. */
static const char *
take_print(const char *line, char out[static DOCTOR_PROBE_PRINT_MAX])
{
	static const char head[] = "SHA256:", letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = strstr(line, head);
	size_t n;

	if (p == NULL)
		return NULL;
	n = sizeof(head) - 1 + strspn(p + sizeof(head) - 1, letters);
	if (n >= DOCTOR_PROBE_PRINT_MAX)
		return NULL;
	memcpy(out, p, n);
	out[n] = '\0';
	return p;
}

/* --- bottle-forward --check --------------------------------------------- */

/* Add to what is wrong: first its own error, then what the proxy says. */
static void
add_wrong(struct doctor_probe *p, const char *lead, const char *s)
{
	size_t n = strlen(p->wrong);

	(void)snprintf(p->wrong + n, sizeof(p->wrong) - n, "%s%s%s",
	    n > 0 ? "; " : "", n > 0 ? lead : "", s);
}

static void
take_said(struct doctor_probe *p, const char *line)
{
	const char *v, *rest = behind(line, "bottle-forward: error: ");

	if (rest == NULL) {
		/* "proxy URL: 200 Connection established" */
		if ((v = behind(line, "proxy ")) != NULL &&
		    (rest = strstr(v, ": ")) != NULL)
			(void)snprintf(p->proxy, sizeof(p->proxy), "%.*s",
			    (int)(rest - v), v);
		return;
	}
	if ((v = behind(rest, "what to do: ")) != NULL)
		copy(p->advice, v);
	else if ((v = behind(rest, "the proxy says: ")) != NULL)
		add_wrong(p, "it says: ", v);
	else if ((v = behind(rest, "the proxy's hint: ")) != NULL)
		add_wrong(p, "its hint: ", v);
	else
		add_wrong(p, "", rest);
}

/* --- ssh -v ------------------------------------------------------------- */

/* "Offering public key: FILE TYPE SHA256:... explicit agent" */
static void
take_offer(struct doctor_probe *p, const char *v)
{
	struct doctor_offer o = { .agent = false };
	const char *print = take_print(v, o.print);
	size_t n;

	if (print == NULL || p->n_offers == DOCTOR_PROBE_KEYS_MAX)
		return;
	o.agent = strstr(print, " agent") != NULL;
	n = (size_t)(print - v);
	/* Back over the blank and the type. */
	while (n > 0 && v[n - 1] == ' ')
		n--;
	while (n > 0 && v[n - 1] != ' ')
		n--;
	while (n > 0 && v[n - 1] == ' ')
		n--;
	if (n >= sizeof(o.file))
		n = sizeof(o.file) - 1;
	memcpy(o.file, v, n);
	o.file[n] = '\0';
	for (size_t i = 0; i < p->n_offers; i++)
		if (strcmp(p->offer[i].print, o.print) == 0)
			return;
	p->offer[p->n_offers++] = o;
}

/* "ssh-ed25519 SHA256:..." */
static void
take_hostkey(struct doctor_probe *p, const char *v)
{
	if (p->hostkey != DOCTOR_HOSTKEY_NONE ||
	    take_print(v, p->shown) == NULL ||
	    !doctor_facts_word(&v, p->shown_type, sizeof(p->shown_type)))
		return;
	p->hostkey = DOCTOR_HOSTKEY_SHOWN;
}

/* "HOST ([ADDRESS]:PORT) using "publickey"." */
static void
take_success(struct doctor_probe *p, const char *v)
{
	const char *using = strstr(v, " using \"");
	size_t n;

	p->login = DOCTOR_LOGIN_IN;
	if (using == NULL)
		return;
	using += strlen(" using \"");
	n = strcspn(using, "\"");
	if (n < sizeof(p->method))
		(void)snprintf(p->method, sizeof(p->method), "%.*s", (int)n,
		    using);
}

/* What its debugging says. */
static void
take_debug(struct doctor_probe *p, const char *line)
{
	const char *v;

	if (behind(line, "Remote protocol version ") != NULL)
		p->greeted = true;
	else if ((v = behind(line, "Server host key: ")) != NULL)
		take_hostkey(p, v);
	else if (behind(line, "Host '") != NULL &&
	    strstr(line, "' is known and matches the ") != NULL)
		p->hostkey = DOCTOR_HOSTKEY_KNOWN;
	else if ((v = behind(line, "Offering public key: ")) != NULL)
		take_offer(p, v);
	else if ((v = behind(line, "Server accepts key: ")) != NULL)
		(void)take_print(v, p->accepted);
	else if (behind(line, "get_agent_identities: "
	    "ssh_get_authentication_socket: ") != NULL)
		p->no_agent = true;
}

/* Ends that a line tells of, by a part of it; the first that fits. */
static const struct {
	const char	*part;
	enum doctor_login login;
} ends[] = {
	{ "Too many authentication failures", DOCTOR_LOGIN_TOO_MANY },
	{ ": Permission denied (", DOCTOR_LOGIN_DENIED },
	{ "Unable to negotiate with ", DOCTOR_LOGIN_NO_COMMON },
	{ "Bad owner or permissions on ", DOCTOR_LOGIN_CONFIG },
	{ "Bad configuration option", DOCTOR_LOGIN_CONFIG },
	{ "bad configuration options", DOCTOR_LOGIN_CONFIG },
	{ "Connection closed by ", DOCTOR_LOGIN_CLOSED },
	{ "Connection reset by ", DOCTOR_LOGIN_CLOSED },
	{ "Connection to ", DOCTOR_LOGIN_CLOSED },
	{ "kex_exchange_identification: ", DOCTOR_LOGIN_CLOSED },
	{ "Received disconnect from ", DOCTOR_LOGIN_CLOSED },
};

#define N_ENDS	(sizeof(ends) / sizeof(*ends))

/* What it tells without being asked. */
static void
take_told(struct doctor_probe *p, const char *line)
{
	const char *v;

	if ((v = behind(line, "Authenticated to ")) != NULL)
		take_success(p, v);
	else if (strstr(line, "REMOTE HOST IDENTIFICATION HAS CHANGED") != NULL)
		p->hostkey = DOCTOR_HOSTKEY_CHANGED;
	else if (strstr(line, "REVOKED HOST KEY DETECTED") != NULL)
		p->hostkey = DOCTOR_HOSTKEY_REVOKED;
	else if (behind(line, "No ") != NULL && strstr(line,
	    " host key is known for ") != NULL)
		p->hostkey = DOCTOR_HOSTKEY_UNKNOWN;
	else if (strstr(line, "agent refused operation") != NULL)
		p->refused = true;
	for (size_t i = 0; i < N_ENDS && p->login != DOCTOR_LOGIN_IN; i++) {
		if (strstr(line, ends[i].part) == NULL)
			continue;
		/* That it is closed then tells nothing more. */
		if (p->login == DOCTOR_LOGIN_NONE ||
		    p->login == DOCTOR_LOGIN_CLOSED) {
			p->login = ends[i].login;
			copy(p->last, line);
		}
		return;
	}
	/* The first line is its version. */
	if (p->login == DOCTOR_LOGIN_NONE && behind(line, "OpenSSH_") == NULL &&
	    behind(line, "mm_receive_fd: ") == NULL &&
	    behind(line, "proxy dialer did not") == NULL)
		copy(p->last, line);
}

static void
take_ssh(struct doctor_probe *p, const char *line)
{
	const char *v = behind(line, "debug1: ");

	if (v != NULL)
		take_debug(p, v);
	else
		take_told(p, line);
}

/* --- one fact ----------------------------------------------------------- */

static void
take_way(struct doctor_probe *p, const char *v)
{
	char word[16];

	if (!doctor_facts_word(&v, word, sizeof(word)))
		return;
	if (strcmp(word, "proxy") == 0)
		p->way = DOCTOR_WAY_PROXY;
	else if (strcmp(word, "direct") == 0)
		p->way = DOCTOR_WAY_DIRECT;
	else if (strcmp(word, "none") == 0)
		p->way = DOCTOR_WAY_UNSEEN;
	else if (strcmp(word, "other") == 0) {
		p->way = DOCTOR_WAY_OTHER;
		copy(p->other, v);
	}
}

static void
take_to(struct doctor_probe *p, const char *v)
{
	if (!doctor_facts_word(&v, p->to, sizeof(p->to)) ||
	    !doctor_facts_number(&v, &p->port))
		p->to[0] = '\0';
}

static void
take(struct doctor_probe *p, const char *word, const char *v)
{
	if (strcmp(word, "v") == 0)
		take_ssh(p, v);
	else if (strcmp(word, "said") == 0)
		take_said(p, v);
	else if (strcmp(word, "to") == 0)
		take_to(p, v);
	else if (strcmp(word, "user") == 0)
		copy(p->user, v);
	else if (strcmp(word, "strict") == 0)
		p->strict = strcmp(v, "true") == 0 || strcmp(v, "yes") == 0;
	else if (strcmp(word, "way") == 0)
		take_way(p, v);
	else if (strcmp(word, "check") == 0)
		p->checked = doctor_facts_number(&v, &p->check);
	else if (strcmp(word, "known") == 0)
		copy(p->known, v);
	else if (strcmp(word, "pin") == 0 &&
	    p->n_pins < DOCTOR_PROBE_KEYS_MAX &&
	    take_print(v, p->pin[p->n_pins]) != NULL)
		p->n_pins++;
	else if (strcmp(word, "done") == 0)
		p->done = true;
}

void
doctor_probe(const struct doctor_facts *facts, const char *host,
    struct doctor_probe *out)
{
	char word[DOCTOR_PROBE_TEXT_MAX];
	const char *v;

	*out = (struct doctor_probe){ .host = host };
	for (size_t at = 0; (v = doctor_facts_next(facts, "net",
	    &at)) != NULL;)
		if (doctor_facts_word(&v, word, sizeof(word)) &&
		    strcmp(word, host) == 0 &&
		    doctor_facts_word(&v, word, sizeof(word)))
			take(out, word, v);
}
