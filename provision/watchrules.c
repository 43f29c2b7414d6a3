#include "provision/watchrules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "provision/expand.h"
#include "provision/target.h"

/* How much of a bad word is shown. */
#define SHOWN_MAX	64

static int PRINTF_LIKE(3, 4)
fail(int st, char *why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, WATCHRULES_WHY_MAX, fmt, ap);
	va_end(ap);
	return st;
}

/* Some text of somebody's, safe to show. */
struct shown {
	char	 text[4 * SHOWN_MAX + 4];
};

static struct shown
show(const char *word)
{
	size_t len = strlen(word);
	struct shown s;
	struct text t;

	text_init(&t, s.text, sizeof(s.text));
	text_escape(&t, word, len < SHOWN_MAX ? len : SHOWN_MAX);
	if (len > SHOWN_MAX)
		text_add(&t, "...");
	return s;
}

/* --- what a word means ---------------------------------------------------- */

/* Which engine tells of it. */
static int
engine_of(const struct target *t, const char *word,
    enum events_engine *out, char *why)
{
	switch (t->kind) {
	case TARGET_DOCKER:
		*out = EVENTS_DOCKER;
		return ST_OK;
	case TARGET_PODMAN:
		*out = EVENTS_PODMAN;
		return ST_OK;
	case TARGET_NERDCTL:
		*out = EVENTS_NERDCTL;
		return ST_OK;
	case TARGET_KUBECTL:
		return fail(ST_UNSUPPORTED, why, "%s: watch does not follow "
		    "pods of Kubernetes: have what starts the pod run "
		    "\"bottle-provision load\" when it is ready, for example "
		    "behind \"kubectl wait --for=condition=Ready\"",
		    show(word).text);
	default:
		return fail(ST_UNSUPPORTED, why, "%s: nothing tells when that "
		    "starts, so watch cannot follow it: run \"bottle-provision "
		    "load\" for it when it has, from its unit for example",
		    show(word).text);
	}
}

static int
add_service(struct watchrules *r, const char *word, const char *service,
    char *why)
{
	struct watchplan_rule *rule = &r->rules[r->n];
	char *label;

	if (!target_is_name(service) || strlen(service) > EXPAND_SERVICE_MAX)
		return fail(ST_MALFORMED, why, "\"%s\" is no service of "
		    "swarm's: write swarm:NAME, as \"docker service ls\" has "
		    "it", show(word).text);
	if (asprintf(&label, LOOK_SERVICE "%s", service) < 0)
		return fail(ST_NOMEM, why, "out of memory");
	r->service[r->n] = label;
	r->labels[r->n] = label;
	*rule = (struct watchplan_rule){ .means = WATCHPLAN_LABELS,
		.engine = EVENTS_DOCKER, .said = word,
		.labels = &r->labels[r->n], .n_labels = 1 };
	r->n++;
	return ST_OK;
}

static int
add_name(struct watchrules *r, const char *word, char *why)
{
	struct watchplan_rule *rule = &r->rules[r->n];
	struct target *t = &r->targets[r->n];
	int st;

	if ((st = target_parse(word, t, why, WATCHRULES_WHY_MAX)) != ST_OK)
		return st;
	*rule = (struct watchplan_rule){ .means = WATCHPLAN_NAME,
		.said = word, .name = t->name };
	if ((st = engine_of(t, word, &rule->engine, why)) != ST_OK)
		return st;
	r->n++;
	return ST_OK;
}

static int
add_word(struct watchrules *r, const char *word, char *why)
{
	const char swarm[] = "swarm:";
	bool is_swarm = strncmp(word, swarm, strlen(swarm)) == 0;
	const struct watchplan_rule *a = &r->rules[r->n], *b;
	int st;

	st = is_swarm ? add_service(r, word, word + strlen(swarm), why) :
	    add_name(r, word, why);
	for (size_t i = 0; st == ST_OK && i + 1 < r->n; i++) {
		b = &r->rules[i];
		if (a->means == b->means && a->engine == b->engine &&
		    strcmp(a->means == WATCHPLAN_NAME ? a->name : a->labels[0],
		    b->means == WATCHPLAN_NAME ? b->name : b->labels[0]) == 0)
			return fail(ST_MALFORMED, why, "%s is the same target "
			    "as %s: name it once", show(a->said).text,
			    show(b->said).text);
	}
	return st;
}

/* --all */
static int
add_all(struct watchrules *r, const struct provision_options *o, char *why)
{
	enum events_engine engine = EVENTS_DOCKER;

	if (o->n_labels == 0)
		return fail(ST_MALFORMED, why, "--all needs a --label here: "
		    "every container that is ever started would get the keys");
	for (int i = 0; o->engine != NULL && i < EVENTS_ENGINES; i++)
		if (strcmp(o->engine,
		    events_engine_name((enum events_engine)i)) == 0)
			engine = (enum events_engine)i;
	r->rules[r->n++] = (struct watchplan_rule){
		.means = WATCHPLAN_LABELS, .engine = engine, .said = "--all",
		.labels = o->labels, .n_labels = o->n_labels };
	return ST_OK;
}

/* --- what is asked -------------------------------------------------------- */

/* One list for all names, and one for each set of labels. */
static int
make_lists(struct watchrules *r, enum events_engine engine)
{
	struct look_list *lists = calloc(r->n + 1, sizeof(*lists));
	const char **names = calloc(r->n + 1, sizeof(*names));
	size_t n = 0, n_names = 0;

	r->lists[engine] = lists;
	r->names[engine] = names;
	if (lists == NULL || names == NULL)
		return ST_NOMEM;
	for (size_t i = 0; i < r->n; i++) {
		const struct watchplan_rule *rule = &r->rules[i];

		if (rule->engine != engine)
			continue;
		if (rule->means == WATCHPLAN_NAME)
			names[n_names++] = rule->name;
		else
			lists[n++] = (struct look_list){
				.labels = rule->labels,
				.n_labels = rule->n_labels };
	}
	if (n_names > 0)
		lists[n++] = (struct look_list){ .names = names,
			.n_names = n_names };
	r->n_lists[engine] = n;
	return ST_OK;
}

int
watchrules_make(const struct provision_options *opts, struct watchrules *out,
    char why[static WATCHRULES_WHY_MAX])
{
	size_t room = opts->n_targets + 1;
	int st = ST_OK;

	*out = (struct watchrules){ .n = 0 };
	why[0] = '\0';
	if (opts->n_targets > WATCHRULES_MAX)
		return fail(ST_TOO_LARGE, why, "more than %d targets: follow "
		    "them by a label", WATCHRULES_MAX);
	out->rules = calloc(room, sizeof(*out->rules));
	out->targets = calloc(room, sizeof(*out->targets));
	out->service = calloc(room, sizeof(*out->service));
	out->labels = calloc(room, sizeof(*out->labels));
	if (out->rules == NULL || out->targets == NULL ||
	    out->service == NULL || out->labels == NULL)
		return fail(ST_NOMEM, why, "out of memory");
	if (opts->all)
		st = add_all(out, opts, why);
	for (size_t i = 0; i < opts->n_targets && st == ST_OK; i++)
		st = add_word(out, opts->targets[i], why);
	for (int i = 0; i < EVENTS_ENGINES && st == ST_OK; i++)
		if ((st = make_lists(out, (enum events_engine)i)) != ST_OK)
			(void)fail(st, why, "out of memory");
	return st;
}

void
watchrules_fini(struct watchrules *r)
{
	for (size_t i = 0; r->service != NULL && i < r->n; i++)
		free(r->service[i]);
	for (int i = 0; i < EVENTS_ENGINES; i++) {
		free(r->lists[i]);
		free(r->names[i]);
	}
	free(r->rules);
	free(r->targets);
	free(r->service);
	free(r->labels);
	*r = (struct watchrules){ .n = 0 };
}
