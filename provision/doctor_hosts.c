#include "provision/doctor_hosts.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "provision/doctor_seen.h"

/* What it ends with when timeout(1) ended it; and when it cannot be run. */
#define CHECK_TIME	124
#define CHECK_CANNOT	126
#define CHECK_NOT_THERE	127

/* Room for a list of fingerprints. */
#define LIST_MAX	640

/* --- the way ------------------------------------------------------------ */

/* What mends it where bottle-forward does not say, or does not know that it was
 * load that has told ssh of it. */
static const char *
mend_way(const struct doctor_probe *p)
{
	if (p->advice[0] != '\0' && p->check != 5)
		return p->advice;
	switch (p->check) {
	case 2:
		return "load again with the proxy's URL: bottle-provision "
		    "load --proxy URL ...";
	case 5:
		return p->way == DOCTOR_WAY_PROXY ? "start the proxy, put the "
		    "target into its network, or load with the right one: "
		    "bottle-provision load --proxy URL ..." :
		    "if the target has to go through a proxy, load with it: "
		    "bottle-provision load --proxy URL ...";
	case 6:
		return "put a ProxyCommand with bottle-forward connect "
		    "--auth-file into ~/.ssh/config there";
	case CHECK_NOT_THERE:
	case CHECK_CANNOT:
		return "bottle-provision load puts bottle-forward there";
	default:
		return NULL;
	}
}

static void
judge_way(struct doctor *d, const struct doctor_probe *p)
{
	const char *how = p->way == DOCTOR_WAY_PROXY ? "through the proxy " :
	    "without a proxy";

	switch (p->way) {
	case DOCTOR_WAY_UNKNOWN:
		doctor_find(d, "proxy", DOCTOR_SKIPPED, NULL, "%s: ssh -G "
		    "names no host that could be tried", p->host);
		return;
	case DOCTOR_WAY_UNSEEN:
		doctor_find(d, "proxy", DOCTOR_SKIPPED, NULL, "%s: without a "
		    "proxy; there is no bottle-forward that could look",
		    p->host);
		return;
	case DOCTOR_WAY_OTHER:
		doctor_find(d, "proxy", DOCTOR_SKIPPED, NULL, "%s: by \"%s\", "
		    "which cannot be asked", p->host, p->other);
		return;
	default:
		break;
	}
	if (p->checked && p->check == 0)
		doctor_find(d, "proxy", DOCTOR_OK, NULL, "%s: %s%s there is an "
		    "SSH server at %s port %u", p->host, how,
		    p->way == DOCTOR_WAY_PROXY ? p->proxy : "", p->to, p->port);
	else if (!p->checked || p->check == CHECK_TIME)
		doctor_find(d, "proxy", DOCTOR_BAD, mend_way(p), "%s: no "
		    "answer in time, %s%s", p->host, how, p->proxy);
	else
		doctor_find(d, "proxy", DOCTOR_BAD, mend_way(p), "%s: %s",
		    p->host, p->wrong[0] != '\0' ? p->wrong :
		    "bottle-forward fails without a word");
}

/* --- the host's key ----------------------------------------------------- */

/* "SHA256:... or SHA256:..." */
static const char *
list_pins(const struct doctor_probe *p, char out[static LIST_MAX])
{
	struct text t;

	text_init(&t, out, LIST_MAX);
	for (size_t i = 0; i < p->n_pins; i++)
		text_addf(&t, "%s%s", i > 0 ? " or " : "", p->pin[i]);
	if (p->n_pins == 0)
		text_add(&t, "another");
	return out;
}

static void
judge_hostkey(struct doctor *d, const struct doctor_where *w,
    const struct doctor_probe *p)
{
	char pins[LIST_MAX], mend[DOCTOR_MEND_MAX];

	(void)snprintf(mend, sizeof(mend), "if whoever runs the host says that "
	    "this fingerprint is right, load it: \"KnownHostKey\" in the "
	    "manifest, or bottle-provision load --scan %s %s", w->name,
	    doctor_word(p->host).text);
	switch (p->hostkey) {
	case DOCTOR_HOSTKEY_NONE:
		doctor_find(d, "host-key", DOCTOR_SKIPPED, NULL, "%s: it has "
		    "shown no key", p->host);
		return;
	case DOCTOR_HOSTKEY_SHOWN:
	case DOCTOR_HOSTKEY_KNOWN:
		doctor_find(d, "host-key", p->hostkey == DOCTOR_HOSTKEY_KNOWN ?
		    DOCTOR_OK : DOCTOR_SKIPPED, NULL, "%s: it shows %s %s%s",
		    p->host, p->shown_type, p->shown,
		    p->hostkey == DOCTOR_HOSTKEY_KNOWN ? ", which is known" :
		    "; ssh does not say whether it is known");
		return;
	case DOCTOR_HOSTKEY_UNKNOWN:
		doctor_find(d, "host-key", p->strict ? DOCTOR_BAD :
		    DOCTOR_WARN, mend, "%s: it shows %s %s, and no such key is "
		    "known for %s%s", p->host, p->shown_type, p->shown,
		    p->known, p->strict ? ": ssh refuses it" : "");
		return;
	case DOCTOR_HOSTKEY_CHANGED:
		doctor_find(d, "host-key", DOCTOR_BAD, mend, "%s: it shows %s "
		    "%s, but known for %s is %s: the host has a new key, or it "
		    "is not that host", p->host, p->shown_type, p->shown,
		    p->known, list_pins(p, pins));
		return;
	case DOCTOR_HOSTKEY_REVOKED:
		doctor_find(d, "host-key", DOCTOR_BAD, "do not log in there; "
		    "ask whoever runs the host", "%s: it shows %s %s, which is "
		    "revoked", p->host, p->shown_type, p->shown);
		return;
	}
}

/* --- the login ---------------------------------------------------------- */

static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

bool
doctor_refusal(const json_t *refusals, uint32_t uid, const char *kind,
    const char *print, struct doctor_refusal *out)
{
	const json_t *record, *detail;
	const char *remedy;

	for (size_t i = 0; i < json_array_size(refusals); i++) {
		const json_t *o = json_array_get(refusals, i);

		record = json_object_get(o, "record");
		if (strcmp(text_of(record, "op"), "sign") != 0 ||
		    json_integer_value(json_object_get(json_object_get(record,
		    "peer"), "uid")) != (json_int_t)uid ||
		    strcmp(text_of(json_object_get(record, "what"), "kind"),
		    kind) != 0)
			continue;
		if (print != NULL && strcmp(text_of(json_object_get(record,
		    "key"), "fingerprint"), print) != 0)
			continue;
		detail = json_object_get(record, "detail");
		(void)snprintf(out->text, sizeof(out->text), "%s%s%s%s",
		    text_of(record, "text"), json_is_string(detail) ? " (" :
		    "", json_is_string(detail) ? json_string_value(detail) :
		    "", json_is_string(detail) ? ")" : "");
		remedy = text_of(o, "remedy");
		out->remedy = remedy[0] != '\0' ? remedy : NULL;
		return true;
	}
	return false;
}

/* What the agent's status says of a key; NULL if it has no such key. */
static const json_t *
find_key(const json_t *status, const char *print)
{
	const json_t *keys = json_object_get(status, "keys");

	for (size_t i = 0; i < json_array_size(keys); i++)
		if (strcmp(text_of(json_array_get(keys, i), "fingerprint"),
		    print) == 0)
			return json_array_get(keys, i);
	return NULL;
}

/* None of the keys that ssh offers is one that the agent shows it. */
static void
judge_not_shown(struct doctor *d, const struct doctor_where *w,
    const struct doctor_probe *p, const struct doctor_word_of_agent *agent)
{
	const char *print = p->n_offers > 0 ? p->offer[0].print : "";
	const json_t *key = find_key(agent->status, print);
	const char *rules = text_of(key, "rules");
	char mend[DOCTOR_MEND_MAX];

	(void)snprintf(mend, sizeof(mend), "load it: bottle-provision load %s "
	    "%s", w->name, doctor_word(p->host).text);
	if (p->no_agent || agent->status == NULL)
		doctor_find(d, "login", DOCTOR_BAD, "see the findings for "
		    "agent and socket", "%s: ssh cannot ask the agent",
		    p->host);
	else if (json_is_true(json_object_get(agent->status, "locked")))
		doctor_find(d, "login", DOCTOR_BAD, "see the findings for "
		    "keys", "%s: the agent is locked and shows no key",
		    p->host);
	else if (p->n_offers == 0)
		doctor_find(d, "login", DOCTOR_BAD, mend, "%s: ssh has no key "
		    "to offer: %s", p->host, p->last);
	else if (key == NULL)
		doctor_find(d, "login", DOCTOR_BAD, mend, "%s: the key %s "
		    "(%s) is not in the agent", p->host, print,
		    p->offer[0].file);
	else
		doctor_find(d, "login", DOCTOR_BAD, strstr(rules,
		    "destinations ") != NULL ? "load it with this host among "
		    "those of the key, and with the key that the host shows "
		    "(KnownHostKey)" : "load it for this user, with the "
		    "purpose auth", "%s: the agent has the key %s and does "
		    "not show it here: its rules exclude this host%s%s",
		    p->host, print, rules[0] != '\0' ? ": " : "", rules);
}

/* The server takes none of the keys. */
static void
judge_not_taken(struct doctor *d, const struct doctor_probe *p)
{
	char list[LIST_MAX], mend[DOCTOR_MEND_MAX];
	struct text t;

	text_init(&t, list, sizeof(list));
	for (size_t i = 0; i < p->n_offers; i++)
		text_addf(&t, "%s%s", i > 0 ? ", " : "", p->offer[i].print);
	(void)snprintf(mend, sizeof(mend), "have %s put among the keys of that "
	    "user there (authorized_keys, or the account's SSH keys); or is "
	    "\"User\" of the host wrong?", p->offer[0].file);
	doctor_find(d, "login", DOCTOR_BAD, mend, "%s: it does not let %s in "
	    "with the key that was offered, %s", p->host, p->user, list);
}

/* The agent did not sign with a key that the server takes. */
static void
judge_refused(struct doctor *d, const struct doctor_where *w,
    const struct doctor_probe *p, const struct doctor_word_of_agent *agent)
{
	char mend[DOCTOR_MEND_MAX];
	struct doctor_refusal r;

	(void)snprintf(mend, sizeof(mend), "bottle-provision explain %s, or "
	    "the agent's log", w->name);
	if (doctor_refusal(agent->refusals, w->uid, "login", p->accepted, &r))
		doctor_find(d, "login", DOCTOR_BAD, r.remedy, "%s: the agent "
		    "does not sign the login of %s with %s: %s", p->host,
		    p->user, p->accepted, r.text);
	else
		doctor_find(d, "login", DOCTOR_BAD, mend, "%s: the agent "
		    "does not sign the login of %s with %s, and does not say "
		    "why", p->host, p->user, p->accepted);
}

static bool
offers_of_agent(const struct doctor_probe *p)
{
	for (size_t i = 0; i < p->n_offers; i++)
		if (p->offer[i].agent)
			return true;
	return false;
}

bool
doctor_hosts_asks(const struct doctor_probe *p)
{
	return p->login == DOCTOR_LOGIN_DENIED ||
	    p->login == DOCTOR_LOGIN_TOO_MANY || p->refused;
}

static void
judge_denied(struct doctor *d, const struct doctor_where *w,
    const struct doctor_probe *p, const struct doctor_word_of_agent *agent)
{
	if (p->refused)
		judge_refused(d, w, p, agent);
	else if (!offers_of_agent(p))
		judge_not_shown(d, w, p, agent);
	else
		judge_not_taken(d, p);
}

/* Where ssh did not come as far as a login; true if that was told. */
static bool
judge_before(struct doctor *d, const struct doctor_probe *p)
{
	if (p->login == DOCTOR_LOGIN_CONFIG) {
		doctor_find(d, "login", DOCTOR_BAD, "see the findings for "
		    "ssh-config", "%s: ssh does not take its configuration: "
		    "%s", p->host, p->last);
		return true;
	}
	switch (p->hostkey) {
	case DOCTOR_HOSTKEY_UNKNOWN:
	case DOCTOR_HOSTKEY_CHANGED:
	case DOCTOR_HOSTKEY_REVOKED:
		doctor_find(d, "login", DOCTOR_SKIPPED, NULL, "%s: not tried: "
		    "its host key is not one that is known", p->host);
		return true;
	default:
		break;
	}
	if (p->greeted || p->login == DOCTOR_LOGIN_IN)
		return false;
	if (p->way == DOCTOR_WAY_UNKNOWN || (p->checked && p->check != 0))
		doctor_find(d, "login", DOCTOR_SKIPPED, NULL, "%s: not tried: "
		    "there is no connection", p->host);
	else
		doctor_find(d, "login", DOCTOR_BAD, NULL, "%s: no SSH server "
		    "answered ssh: %s", p->host, p->last[0] != '\0' ? p->last :
		    "it said nothing in time");
	return true;
}

static void
judge_login(struct doctor *d, const struct doctor_where *w,
    const struct doctor_probe *p, const struct doctor_word_of_agent *agent)
{
	if (judge_before(d, p))
		return;
	switch (p->login) {
	case DOCTOR_LOGIN_IN:
		doctor_find(d, "login", DOCTOR_OK, NULL, "%s: %s is let in "
		    "with %s", p->host, p->user, p->accepted[0] != '\0' ?
		    p->accepted : p->method);
		return;
	case DOCTOR_LOGIN_DENIED:
		judge_denied(d, w, p, agent);
		return;
	case DOCTOR_LOGIN_TOO_MANY:
		doctor_find(d, "login", DOCTOR_BAD, "let ssh offer fewer keys: "
		    "IdentityFile and \"IdentitiesOnly yes\" for that host",
		    "%s: it closed the connection after %zu keys: %s", p->host,
		    p->n_offers, p->last);
		return;
	case DOCTOR_LOGIN_NO_COMMON:
		doctor_find(d, "login", DOCTOR_BAD, "bring ssh there or the "
		    "host up to date", "%s: %s", p->host, p->last);
		return;
	case DOCTOR_LOGIN_CLOSED:
		doctor_find(d, "login", DOCTOR_BAD, "look into the log of sshd "
		    "on the host", "%s: the connection ended before the login: "
		    "%s", p->host, p->last);
		return;
	default:
		doctor_find(d, "login", DOCTOR_BAD, p->accepted[0] != '\0' ?
		    "does somebody have to say yes to a question about the "
		    "key?  If not, look into the log of sshd on the host" :
		    "look into the log of sshd on the host", "%s: no end of "
		    "the login in time%s%s", p->host, p->last[0] != '\0' ?
		    ": " : "", p->last);
		return;
	}
}

void
doctor_hosts(struct doctor *d, const struct doctor_where *where,
    const struct doctor_probe *probe, const struct doctor_word_of_agent *agent)
{
	judge_way(d, probe);
	judge_hostkey(d, where, probe);
	judge_login(d, where, probe, agent);
}
