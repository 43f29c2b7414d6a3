/*
 * One script does it all, as the user; the agent is asked afterwards, and only
 * if something did not work.
 */
#include "provision/doctor_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "provision/agentstatus.h"
#include "provision/doctor_hosts.h"
#include "provision/doctor_net_sh.h"
#include "provision/doctor_sign.h"
#include "provision/fleet.h"
#include "provision/launch.h"
#include "provision/remote.h"

/* Most that the script prints. */
#define FACTS_MAX	(1024 * 1024)
/* What an agent says of its refusals, at most. */
#define EXPLAIN_MAX	(4 * 1024 * 1024)
/* What is signed: nothing that anybody could use. */
#define DATA_MAX	64

struct net {
	struct doctor		*d;
	const struct doctor_where *where;
	char			 data[DATA_MAX];
	bool			 asked;		/* the agent */
	json_t			*status, *explained;
};

/* --- the agent's word --------------------------------------------------- */

/* What the agent says to one option; NULL if that is no object. */
static json_t *
ask(const struct net *n, const char *option, size_t max)
{
	const char *args[] = { option, "--json", "-a", n->where->socket };
	const struct remote_how how = { .target = n->where->target,
		.launch = { .program = "bottle-agent", .bin = n->where->bin,
		    .args = args, .nargs = 4 },
		.path = n->where->path, .time_ms = n->where->time_ms,
		.out_max = max };
	struct remote_result r;
	json_t *o = NULL;

	remote_run(&how, &r);
	if (r.code == SESSION_DONE && r.out.len > 0)
		o = json_loadb(r.out.p, r.out.len, JSON_REJECT_DUPLICATES |
		    JSON_ALLOW_NUL, NULL);
	remote_result_fini(&r);
	if (json_is_object(o))
		return o;
	json_decref(o);
	return NULL;
}

static struct doctor_word_of_agent
word_of_agent(struct net *n, bool wanted)
{
	if (wanted && !n->asked) {
		n->asked = true;
		n->status = ask(n, "--status", AGENTSTATUS_TEXT_MAX);
		n->explained = ask(n, "--explain", EXPLAIN_MAX);
	}
	return (struct doctor_word_of_agent){ .status = n->status,
		.refusals = json_object_get(n->explained, "refusals") };
}

/* --- the script --------------------------------------------------------- */

/* Run it for some hosts; false, with findings, if it could not be. */
static bool
run_script(struct net *n, bool sign, size_t first, size_t hosts,
    struct doctor_facts *facts, char *why, size_t whylen)
{
	static const char *const bins[LAUNCH_N_BINS] = LAUNCH_BINS;
	const struct doctor_where *w = n->where;
	const char *args[4 + LAUNCH_N_BINS + DOCTOR_NET_HOSTS] = { "user",
		hosts > 0 ? "login" : "-", sign ? n->data : "-" };
	size_t nargs = 3;
	struct remote_result r;
	const char *uid;
	bool good = false;
	uint32_t v = 0;

	if (w->bin != NULL)
		args[nargs++] = w->bin;
	for (size_t i = 0; w->bin == NULL && i < LAUNCH_N_BINS; i++)
		args[nargs++] = bins[i];
	args[nargs++] = "--";
	for (size_t i = 0; i < hosts; i++)
		args[nargs++] = w->hosts[first + i];
	remote_shell(&(struct remote_how){ .target = w->target,
	    .launch = { .program = "the doctor's script", .args = args,
	    .nargs = nargs, .user = w->account }, .path = w->path,
	    .time_ms = w->time_ms + DOCTOR_NET_MS, .out_max = FACTS_MAX },
	    doctor_net_sh, &r);
	if (doctor_facts_parse((struct slice){ (const uint8_t *)r.out.p,
	    r.out.len }, facts) != ST_OK)
		n->d->failed = true;
	uid = doctor_facts_get(facts, "uid");
	if (uid == NULL || !doctor_facts_number(&uid, &v))
		(void)snprintf(why, whylen, "%s", r.why[0] != '\0' ? r.why :
		    "the script did not come to its end");
	else if (v != w->uid)
		(void)snprintf(why, whylen, "the target's command does not "
		    "run programs as user %s", w->account);
	else
		good = true;
	remote_result_fini(&r);
	return good;
}

/* --- what came of it ---------------------------------------------------- */

static void
judge_signing(struct net *n, const struct doctor_facts *facts)
{
	struct doctor_sign *s = malloc(sizeof(*s));
	struct doctor_word_of_agent agent;
	int st = ST_NOT_FOUND;
	char why[256] = "";

	if (s == NULL) {
		n->d->failed = true;
		return;
	}
	doctor_sign_take(facts, s);
	if (s->text[0] != '\0' && s->status == 0)
		st = doctor_sign_verify(s, n->data, n->where->path, why,
		    sizeof(why));
	agent = word_of_agent(n, s->refused);
	doctor_sign(n->d, n->where, s, st, why, &agent);
	free(s);
}

static void
judge_host(struct net *n, const struct doctor_facts *facts, const char *host)
{
	struct doctor_probe *p = malloc(sizeof(*p));
	struct doctor_word_of_agent agent;

	if (p == NULL) {
		n->d->failed = true;
		return;
	}
	doctor_probe(facts, host, p);
	agent = word_of_agent(n, doctor_hosts_asks(p));
	doctor_hosts(n->d, n->where, p, &agent);
	free(p);
}

/* Nothing is known of the hosts. */
static void
skip_hosts(struct net *n, const char *why)
{
	static const char *const links[] = { "proxy", "host-key", "login" };

	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		doctor_find(n->d, links[i], DOCTOR_SKIPPED, NULL, "%s", why);
}

/* Why no host is tried; or NULL. */
static const char *
no_hosts(const struct doctor_where *w)
{
	if (w->no_login)
		return "no connection is to be made: --no-login";
	if (w->n_hosts == 0)
		return "no load names a host";
	if (w->no_ssh)
		return "there is no ssh there that takes its configuration";
	return NULL;
}

/* The signature, and the hosts from ${first} on; how many these were. */
static size_t
try(struct net *n, size_t first, size_t total)
{
	size_t hosts = total - first < DOCTOR_NET_HOSTS ? total - first :
	    DOCTOR_NET_HOSTS;
	struct doctor_facts facts;
	char why[SESSION_WHY_MAX];
	bool sign = first == 0;

	if (run_script(n, sign, first, hosts, &facts, why, sizeof(why))) {
		if (sign)
			judge_signing(n, &facts);
		for (size_t i = 0; i < hosts; i++)
			judge_host(n, &facts, n->where->hosts[first + i]);
	} else {
		if (sign)
			doctor_find(n->d, "signing", DOCTOR_SKIPPED, NULL,
			    "%s", why);
		if (hosts > 0)
			skip_hosts(n, why);
	}
	doctor_facts_fini(&facts);
	return hosts;
}

void
doctor_net(struct doctor *d, const struct doctor_where *where)
{
	struct net n = { .d = d, .where = where };
	const char *why = no_hosts(where);
	size_t total = why == NULL ? where->n_hosts : 0, done = 0;
	uint64_t once = 0;

	if (getrandom(&once, sizeof(once), 0) != (ssize_t)sizeof(once))
		once = 0;
	(void)snprintf(n.data, sizeof(n.data), "bottle-provision-doctor-%016llx",
	    (unsigned long long)once);
	if (why != NULL)
		skip_hosts(&n, why);
	do
		done += try(&n, done, total);
	while (done < total && fleet_stopping() == 0);
	json_decref(n.status);
	json_decref(n.explained);
}
