#include "provision/loadone.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "provision/install.h"
#include "provision/payload.h"

/* Who uses the keys where nobody says, and where there is no such user. */
#define ACCOUNT		"node"
#define ACCOUNT_UID	"1000"
/* Where our programs are in messages that are made before that is known. */
#define BIN		"/usr/local/bin"
/* How often one target is tried: without a user, without programs, and again
 * for the one that is lacking then. */
#define TRIES		4

enum session_code
loadone_code(int st)
{
	switch (st) {
	case ST_FULL:
		return SESSION_MEMORY;
	case ST_MALFORMED:
	case ST_NOT_FOUND:
	case ST_DENIED:
	case ST_UNSUPPORTED:
	case ST_TOO_LARGE:
	case ST_UNTRUSTED:
	case ST_LOCKED:
		return SESSION_USAGE;
	default:
		return SESSION_FAILED;
	}
}

void
loadone_warn_unknown(struct gather *g)
{
	for (size_t i = 0; i < g->plan.n_hosts; i++) {
		const struct plan_host *h = &g->plan.hosts[i];

		if (h->n_keys == 0)
			gather_warn(g, "no key of host %s is known, so its "
			    "keys are not restricted to it, and ssh will ask "
			    "on its first visit; pin it with KnownHostKey, "
			    "with ~/.ssh/known_hosts, or with --scan",
			    h->host);
	}
}

/* Who uses the keys, if somebody said it. */
static const char *
account_said(const struct gather *g)
{
	return g->opts->user != NULL ? g->opts->user : g->plan.account;
}

const char *
loadone_account(const struct gather *g, const struct target *t)
{
	const char *said = account_said(g);

	if (said != NULL)
		return said;
	return t->kind == TARGET_KUBECTL ? TARGET_WHOEVER : ACCOUNT;
}

static struct clientconf_how
files_of(const struct gather *g)
{
	const struct provision_options *o = g->opts;

	return (struct clientconf_how){ .name = o->name, .socket = o->socket,
		.proxy = o->proxy, .bin = o->bin != NULL ? o->bin : BIN,
		.sign = o->sign, .sign_as = o->sign_as };
}

/* Put our programs there; whether it is worth another try. */
static bool
install(const struct loadone *l, struct report_target *r)
{
	const struct provision_options *o = l->g->opts;
	const struct install how = { .programs = o->programs,
		.path = l->g->operator.path, .bin = o->bin,
		.time_ms = (int64_t)o->time_s * 1000 };
	struct install_report said;
	char why[INSTALL_WHY_MAX];
	struct text advice;
	int st;

	st = install_programs(l->target, &how, &said, why, sizeof(why));
	if (st == ST_OK) {
		log_info("%s: put our programs into %s there", r->target,
		    said.bin);
		(void)snprintf(r->bin, sizeof(r->bin), "%s", said.bin);
		r->installed = true;
		return true;
	}
	/* What was lacking is still lacking; this is why. */
	text_init(&advice, r->result.advice, sizeof(r->result.advice));
	text_add(&advice, why);
	return false;
}

/* Mend what was lacking; whether that was possible. */
static bool
mend(const struct loadone *l, struct report_target *r)
{
	switch (r->result.lack) {
	case SESSION_LACKS_NOTHING:
		return false;
	case SESSION_LACKS_USER:
		if (account_said(l->g) != NULL || r->account == NULL ||
		    strcmp(r->account, ACCOUNT_UID) == 0)
			return false;
		r->account = ACCOUNT_UID;
		return true;
	case SESSION_LACKS_PROGRAMS:
	case SESSION_LACKS_VERSION:
		if (l->g->opts->no_install || r->installed)
			return false;
		fleet_doing(l->line, "putting our programs there");
		return install(l, r);
	}
	return false;
}

void
loadone_run(const struct loadone *l, struct report_target *r)
{
	const struct gather *g = l->g;
	const struct provision_options *o = g->opts;
	struct payload payload = { .region = g->region, .plan = &g->plan,
		.files = g->files };
	struct session_how how = { .target = l->target,
		.payload = &payload, .files = files_of(g),
		.home = o->home != NULL ? o->home : g->plan.home,
		.bin = o->bin, .path = g->operator.path,
		.time_ms = (int64_t)o->time_s * 1000,
		.verbose = o->verbose, .name = r->target, .line = l->line };

	r->account = account_said(g);
	/* A pod has its own, and it is seen then who that is. */
	if (r->account == NULL && how.target->kind != TARGET_KUBECTL)
		r->account = ACCOUNT;
	for (int try = 0; try < TRIES; try++) {
		if (try > 0)
			session_result_fini(&r->result);
		payload.account = how.account = r->account;
		if (r->installed)
			how.bin = r->bin;
		log_debug("%s: loading for user %s", r->target, r->account !=
		    NULL ? r->account : "who it is there");
		session_run(&how, &r->result);
		if (r->result.code == SESSION_DONE || fleet_stopping() != 0 ||
		    !mend(l, r))
			break;
	}
	if (r->account == NULL)
		r->account = r->result.uid[0] != '\0' ? r->result.uid :
		    TARGET_WHOEVER;
}

void
loadone_why(const struct gather *g, const struct report_target *r,
    struct text *t)
{
	const struct payload payload = { .plan = &g->plan,
		.files = g->files };
	struct payload_item item;

	if (payload_item(&payload, r->result.item, &item))
		text_addf(t, "%s: ", g->plan.keys[item.key].path);
	text_add(t, r->result.why);
}

int
loadone_check(const struct gather *g, struct clientconf *files, char *why,
    size_t whylen)
{
	const struct clientconf_how how = files_of(g);
	const struct payload payload = { .region = g->region,
		.plan = &g->plan, .files = g->files,
		.account = account_said(g) != NULL ? account_said(g) :
		    ACCOUNT };
	int st;

	st = clientconf_make(&g->plan, &how, files, why, whylen);
	return st == ST_OK ? payload_check(&payload, why, whylen) : st;
}
